//! What the terminal and the printer say.

use tracing::{info, warn};

use crate::payment::{Prompt, QueryTag, TerminalEvent, TerminalHealth};
use crate::printer::PrinterState;
use crate::sale::Money;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::transaction::{LastTransaction, Totals};

use super::{Kiosk, TerminalSays};

impl Kiosk {
    /// One event of the terminal.
    pub(super) fn terminal_says(&mut self, event: TerminalEvent) {
        match event {
            TerminalEvent::Health(health) => {
                match health {
                    TerminalHealth::Busy => {}
                    TerminalHealth::Silent | TerminalHealth::PortLost { .. } => self.health.terminal_heard = false,
                    TerminalHealth::Ready | TerminalHealth::NeedsCare { .. } | TerminalHealth::Misconfigured { .. } => {
                        self.health.terminal_heard = true;
                    }
                }
                if self.health.terminal != health {
                    info!(?health, "card terminal");
                    self.health.terminal = health;
                    self.health.since = self.clock.now();
                }
            }
            TerminalEvent::Prompt { sale, prompt, text } => self.prompt(sale, prompt, text),
            TerminalEvent::Accepted { sale } => self.tell(sale, &Event::TerminalTook),
            // The hold counts from when the line brought the approval, however long it lay in the inbox.
            TerminalEvent::Approved { sale, transaction, at } => {
                self.check_measured(&transaction);
                self.tell_at(sale, &Event::Approved(transaction), self.clock.at(at));
            }
            TerminalEvent::Foreign { transaction } => {
                let doubtful: Vec<SaleId> = self
                    .sales
                    .values()
                    .filter(|sale| sale.payment.money == Money::Unknown)
                    .map(|sale| sale.id)
                    .collect();
                warn!(sales = doubtful.len(), "an approval came that nobody waits for; answered \"not issued\"");
                for id in doubtful {
                    self.tell(id, &Event::ForeignApproval(transaction.clone()));
                }
            }
            TerminalEvent::Result { sale, transaction } => {
                if let Some(text) = transaction.additional_text {
                    self.prompt(sale, Prompt::Declined, Some(text));
                }
            }
            TerminalEvent::AnswerSent { sale, answer } => info!(%sale, ?answer, "answer handed to the line"),
            TerminalEvent::Ended { sale, ending } => self.tell(sale, &Event::Ended(ending)),
            TerminalEvent::ReceiptLines { sale, lines } => self.tell(sale, &Event::ReceiptLines(lines)),
            TerminalEvent::Answered { tag, last, totals, at_rest } => self.answered(tag, last, totals, at_rest),
            TerminalEvent::Reversed { sale, outcome } => self.tell(sale, &Event::Reversed(outcome)),
            TerminalEvent::DayClosed { outcome, unasked } => self.day_closed(&outcome, unasked),
        }
    }

    fn prompt(&mut self, sale: SaleId, prompt: Prompt, text: Option<String>) {
        if matches!(self.session.stage, super::Stage::Sale(seen) if seen == sale) {
            self.says = TerminalSays { prompt, text };
        }
    }

    fn answered(&mut self, tag: QueryTag, last: LastTransaction, totals: Option<Totals>, at_rest: bool) {
        match tag {
            QueryTag::Baseline(id) => self.baseline(id, last, totals, at_rest),
            QueryTag::Charged(id) => {
                let owner = match &last {
                    LastTransaction::Is(seen) => match self.journal.receipt_owner(&seen.key) {
                        Ok(owner) => owner,
                        Err(error) => return self.journal_failed(error),
                    },
                    LastTransaction::Empty | LastTransaction::Silent { .. } => None,
                };
                let bound_elsewhere = owner.is_some_and(|owner| owner != id);
                self.tell(id, &Event::Charged { last, totals, at_rest, bound_elsewhere });
            }
            QueryTag::Reversed(id) => self.tell(id, &Event::StillCharged { last, at_rest }),
            QueryTag::EndOfDay => self.day_totals(totals, at_rest),
            QueryTag::Start => {
                info!(?tag, ?totals, "the terminal's totals");
                self.proof_came(&last, at_rest);
            }
        }
    }

    /// A baseline is also the last witness of every payment in doubt: once the next card is asked, the terminal's last
    /// transaction does not speak about them any more (sale.md 5).
    fn baseline(&mut self, id: SaleId, last: LastTransaction, totals: Option<Totals>, at_rest: bool) {
        let last = match last {
            LastTransaction::Silent { .. } => last,
            _ if at_rest => last,
            _ => LastTransaction::Silent { evidence: "the terminal was not at rest when it answered".to_owned() },
        };
        let doubtful: Vec<SaleId> = self
            .sales
            .values()
            .filter(|sale| sale.payment.money == Money::Unknown && sale.id != id)
            .map(|sale| sale.id)
            .collect();
        let silent = matches!(last, LastTransaction::Silent { .. });
        let asks = self.sales.get(&id).is_some_and(|sale| {
            let payment = &sale.payment;
            payment.money == Money::None && payment.asked_at.is_none() && !payment.cancel_wished
        });
        for doubtful in doubtful {
            if !silent {
                self.answered(QueryTag::Charged(doubtful), last.clone(), totals, at_rest);
            }
            // Only a card that is really asked comes between a doubtful payment and its evidence.
            if asks && (!silent || self.settings.terms.no_query) {
                self.tell(doubtful, &Event::Overtaken);
            }
        }
        self.compare(&last, at_rest);
        self.tell(id, &Event::BaselineRead { last, totals });
    }

    /// The printer was looked at.
    pub(super) fn printer_is(&mut self, state: PrinterState) {
        if self.health.printer != state {
            info!(?state, "receipt printer");
            self.health.printer = state;
        }
    }

    /// What follows from time and from open payments for selling.
    pub(super) fn freshen_health(&mut self) {
        let now = self.clock.now();
        let limit = self.settings.online_ms;
        let before = self.health.selling();
        self.health.estranged = self.is_estranged();
        self.health.day_ends = self.day.is_closing() || self.errands.hold_terminal();
        self.health.only_stock = self.only_stock();
        self.health.stock = self.has_stock() || self.queue_is_open();
        self.health.online = self.accounts.values().any(|account| {
            !account.failed && account.answered_at.is_some_and(|at| now.since(&at).is_some_and(|age| age < limit))
        });
        let ours = match self.session.stage {
            super::Stage::Sale(id) => Some(id),
            _ => None,
        };
        self.health.earlier_payment =
            self.locks.get(&crate::sale::Lock::Terminal).is_some_and(|holder| Some(*holder) != ours)
                && !self.errands.hold_terminal();
        if self.health.selling() != before {
            info!(selling = ?self.health.selling(), "selling");
            self.health.since = now;
        }
        let over = self
            .interrupted
            .as_ref()
            .is_some_and(|(_, _)| now.since(&self.started_at).is_some_and(|age| age > self.settings.interrupted_ms));
        if over {
            self.interrupted = None;
        }
    }
}
