//! Whether this journal is the newest, by the terminal's own memory (sale.md 11): what the terminal did last must
//! stand in the journal, or the journal is a copy that was put back.

use tracing::{info, warn};

use crate::payment::{QueryTag, TerminalOrder};
use crate::sale::moment::Moment;
use crate::sale::transaction::{ApprovalKey, LastTransaction};
use crate::sale::{Lock, Money};

use super::Kiosk;

/// What the terminal has said about it.
#[derive(Debug, Clone, Default)]
pub(super) struct Newest {
    /// The terminal is being asked since then.
    asked_at: Option<Moment>,
    /// Its last transaction, as it told it.
    last: Option<ApprovalKey>,
}

impl Kiosk {
    /// At start: the terminal is asked before anything is ordered at a provider. A journal that has never asked for a
    /// payment has nothing to be compared with; and a payment that is open is asked about first, since whatever the
    /// terminal did last may be it. Then the next baseline is compared.
    pub(super) fn ask_for_proof(&mut self) {
        if self.locks.contains_key(&Lock::Terminal) {
            return;
        }
        match self.journal.has_history() {
            Ok(true) if !self.is_estranged() => {}
            Ok(_) => return,
            Err(error) => return self.journal_failed(error),
        }
        let order = TerminalOrder::Query { tag: QueryTag::Start, patience_s: self.settings.rest_patience_s };
        match self.terminal.order(order) {
            Ok(()) => self.newest.asked_at = Some(self.clock.now()),
            Err(_) => warn!("the terminal cannot be asked for its last transaction; the next baseline is compared"),
        }
    }

    /// Nothing is ordered while the terminal is being asked; a terminal that cannot be heard proves nothing.
    pub(super) fn awaits_proof(&self) -> bool {
        let patience_ms = u64::from(self.settings.rest_patience_s) * 1_000;
        let now = self.clock.now();
        self.newest.asked_at.is_some_and(|at| now.since(&at).is_some_and(|age| age < patience_ms))
    }

    /// The terminal has answered the question of the start.
    pub(super) fn proof_came(&mut self, last: &LastTransaction, at_rest: bool) {
        self.newest.asked_at = None;
        self.compare(last, at_rest);
    }

    /// What the terminal did last, at rest, must stand in the journal; unless a payment is open that may be it.
    pub(super) fn compare(&mut self, last: &LastTransaction, at_rest: bool) {
        let LastTransaction::Is(seen) = last else { return };
        if !at_rest || self.is_estranged() {
            return;
        }
        self.newest.last = Some(seen.key.clone());
        let booked = seen.result_code == Some(0) && seen.original_trace.is_none();
        let named = seen.key.receipt.is_some() || seen.key.trace.is_some();
        let open =
            |money| matches!(money, Money::Asked | Money::Held | Money::Committing | Money::Releasing | Money::Unknown);
        let may_be_open = self.sales.values().any(|sale| open(sale.payment.money));
        if !booked || !named || may_be_open {
            return;
        }
        match self.journal.knows_transaction(&seen.key) {
            Ok(true) => info!("the journal knows the terminal's last transaction"),
            Ok(false) => {
                let text = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
                let (receipt, trace) = (text(&seen.key.receipt), text(&seen.key.trace));
                self.estrange(&format!(
                    "the terminal's last payment (receipt {receipt}, trace {trace}) is not in this journal"
                ));
            }
            Err(error) => self.journal_failed(error),
        }
    }

    /// Before an operator lets the terminal move money beside the sales: what it does then stands in no journal.
    pub(super) fn expect_foreign_transaction(&mut self) {
        let any = ApprovalKey { terminal_id: None, receipt: None, trace: None, amount_minor: None };
        if let Err(error) = self.journal.learn_transaction(&any) {
            self.journal_failed(error);
        }
    }

    /// The operator takes the journal as it is: what the terminal did last is no proof against it any more.
    pub(super) fn take_terminal_as_it_is(&mut self) {
        let Some(key) = self.newest.last.clone() else { return };
        if let Err(error) = self.journal.learn_transaction(&key) {
            self.journal_failed(error);
        }
    }
}
