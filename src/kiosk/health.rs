//! What works, and what follows from it for selling: a pure table.

use crate::payment::TerminalHealth;
use crate::printer::{PrinterFault, PrinterState};
use crate::sale::moment::Moment;

use super::view::{OutOfService, Selling};

/// What is known about everything that a sale needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// The card terminal.
    pub terminal: TerminalHealth,
    /// It has answered since it was last unheard of: what is only busy may be a task of ours that hangs.
    pub terminal_heard: bool,
    /// The printer.
    pub printer: PrinterState,
    /// A provider has answered within the time that counts as online.
    pub online: bool,
    /// There is something to sell.
    pub catalogue: bool,
    /// The journal took its last write.
    pub journal: bool,
    /// A payment of before is still being looked into.
    pub earlier_payment: bool,
    /// The journal may not be the newest: nothing is sold until an operator has adopted it.
    pub estranged: bool,
    /// An end of day or an operator's errand is at the terminal: cards wait.
    pub day_ends: bool,
    /// An end of day is so near that only stock is sold.
    pub only_stock: bool,
    /// Something can be sold without an order: from stock, or for later.
    pub stock: bool,
    /// Since when the operator keeps the machine closed.
    pub closed: Option<Moment>,
    /// Selling needs paper (operator's or acquirer's rule).
    pub paper_required: bool,
    /// Since when the present state lasts.
    pub since: Moment,
}

impl Health {
    /// At start nothing has answered yet.
    pub fn at_start(now: Moment, paper_required: bool) -> Self {
        Health {
            terminal: TerminalHealth::Busy,
            terminal_heard: false,
            printer: PrinterState::Faulty(PrinterFault::Absent),
            online: false,
            catalogue: false,
            journal: true,
            earlier_payment: false,
            estranged: false,
            day_ends: false,
            only_stock: false,
            stock: false,
            closed: None,
            paper_required,
            since: now,
        }
    }

    /// May we sell, and how? The worst reason wins, in the order in which a traveller would care.
    pub fn selling(&self) -> Selling {
        if self.closed.is_some() {
            return Selling::Paused(OutOfService::Operator);
        }
        self.selling_unlocked()
    }

    /// As [`Health::selling`], as if the operator had not closed the machine: what else is wrong with it.
    pub fn selling_unlocked(&self) -> Selling {
        if !self.journal {
            return Selling::Paused(OutOfService::Journal);
        }
        if self.estranged {
            return Selling::Paused(OutOfService::EarlierPayment);
        }
        if self.day_ends {
            return Selling::Paused(OutOfService::TerminalBusy);
        }
        match &self.terminal {
            TerminalHealth::Ready => {}
            TerminalHealth::Busy => return Selling::Paused(OutOfService::TerminalBusy),
            TerminalHealth::Misconfigured { .. } => return Selling::Paused(OutOfService::Configuration),
            TerminalHealth::NeedsCare { .. } | TerminalHealth::Silent | TerminalHealth::PortLost { .. } => {
                return Selling::Paused(OutOfService::Terminal);
            }
        }
        if self.earlier_payment {
            return Selling::Paused(OutOfService::EarlierPayment);
        }
        if !self.catalogue {
            let reason = if self.online { OutOfService::Catalogue } else { OutOfService::Network };
            return Selling::Paused(reason);
        }
        if !self.online && !self.stock {
            return Selling::Paused(OutOfService::Network);
        }
        if self.only_stock && !self.stock {
            return Selling::Paused(OutOfService::TerminalBusy);
        }
        match self.printer {
            PrinterState::Ready { .. } if !self.online || self.only_stock => Selling::StockOnly,
            PrinterState::Ready { .. } => Selling::Open,
            PrinterState::Faulty(_) if self.paper_required => Selling::Paused(OutOfService::Printer),
            PrinterState::Faulty(_) => Selling::WithoutPaper,
        }
    }

    /// Nothing at all can be done here, not even looking: the whole screen says so.
    pub fn out_of_service(&self) -> Option<OutOfService> {
        match self.selling() {
            Selling::Paused(
                reason @ (OutOfService::Operator | OutOfService::Journal | OutOfService::Configuration),
            ) => Some(reason),
            Selling::Paused(reason) if !self.catalogue => Some(reason),
            _ => None,
        }
    }

    /// Whether a receipt can be printed now.
    pub fn can_print(&self) -> bool {
        matches!(self.printer, PrinterState::Ready { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Health {
        let now = Moment { run: 1, mono_ms: 0, wall_ms: 0, synced: true };
        Health {
            terminal: TerminalHealth::Ready,
            printer: PrinterState::Ready { paper_low: true },
            online: true,
            catalogue: true,
            ..Health::at_start(now, false)
        }
    }

    #[test]
    fn the_worst_reason_wins() {
        assert_eq!(well().selling(), Selling::Open);
        assert_eq!(Health { online: false, ..well() }.selling(), Selling::Paused(OutOfService::Network));
        let silent = Health { terminal: TerminalHealth::Silent, online: false, ..well() };
        assert_eq!(silent.selling(), Selling::Paused(OutOfService::Terminal));
        assert_eq!(silent.out_of_service(), None, "browsing and claim codes still work");
        assert_eq!(Health { journal: false, ..silent }.out_of_service(), Some(OutOfService::Journal));
    }

    #[test]
    fn right_before_an_end_of_day_only_stock_is_sold() {
        let late = Health { only_stock: true, ..well() };
        assert_eq!(late.selling(), Selling::Paused(OutOfService::TerminalBusy), "there is none");
        assert_eq!(late.out_of_service(), None, "browsing and claim codes still work");
        assert_eq!(Health { stock: true, ..late }.selling(), Selling::StockOnly);
    }

    #[test]
    fn behind_an_operators_lock_everything_else_is_still_seen() {
        let closed = Some(Moment { run: 1, mono_ms: 0, wall_ms: 0, synced: true });
        let misconfigured = TerminalHealth::Misconfigured { reason: "no such port".into() };
        for health in [well(), Health { terminal: misconfigured, ..well() }, Health { online: false, ..well() }] {
            let locked = Health { closed, ..health.clone() };
            assert_eq!(locked.selling(), Selling::Paused(OutOfService::Operator));
            assert_eq!(locked.selling_unlocked(), health.selling());
        }
    }

    #[test]
    fn paper_is_needed_only_where_it_is_a_duty() {
        let jammed = Health { printer: PrinterState::Faulty(PrinterFault::PaperOut), ..well() };
        assert_eq!(jammed.selling(), Selling::WithoutPaper);
        assert_eq!(Health { paper_required: true, ..jammed }.selling(), Selling::Paused(OutOfService::Printer));
    }

    #[test]
    fn with_nothing_to_show_the_whole_screen_says_why() {
        let fresh = Health { catalogue: false, online: false, ..well() };
        assert_eq!(fresh.out_of_service(), Some(OutOfService::Network));
    }
}
