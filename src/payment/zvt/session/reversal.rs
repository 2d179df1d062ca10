//! `06 30`, believed only by its own `04 0F` (sale.md 5, "Giving money back").

use tokio::time::Instant;

use super::Session;
use super::duty::{CommandEnd, Duty, Running, Step};
use crate::money::Amount;
use crate::payment::zvt::message::{StatusInformation, command};
use crate::payment::{Prompt, ReversalOutcome, TerminalEvent, Transaction};
use crate::sale::id::SaleId;

/// A reversal under way.
pub(super) struct Reversal {
    pub(super) sale: SaleId,
    pub(super) receipt: String,
    pub(super) trace: Option<String>,
    pub(super) amount: Amount,
}

impl Session {
    pub(super) fn reversal_begins(&mut self, reversal: Box<Reversal>) -> Step {
        let config = &self.config;
        let amount = config.reversal_amount.then(|| u64::try_from(reversal.amount.minor).unwrap_or(u64::MAX));
        let currency = config.reversal_amount.then(|| reversal.amount.currency.numeric());
        match command::reversal(config.password, &reversal.receipt, amount, currency) {
            Some(apdu) => Step::Run(Duty::Reversal(reversal), apdu),
            None => self.reversal_over(&reversal, ReversalOutcome::Refused { result_code: 0xc3 }),
        }
    }

    /// If the terminal wants the card, the card is not there any more: abort at once.
    pub(super) fn reversal_prompt(&mut self, prompt: Prompt) {
        let reversing = matches!(self.job.as_ref().map(|job| &job.duty), Some(Duty::Reversal(_)));
        if !reversing || prompt != Prompt::PresentCard || !self.config.can_abort {
            return;
        }
        let first = self.running().is_some_and(|running| !std::mem::replace(&mut running.aborting, true));
        if first {
            self.send_abort();
        }
    }

    pub(super) fn reversal_ended(
        &mut self,
        reversal: Box<Reversal>,
        run: Running,
        end: CommandEnd,
        now: Instant,
    ) -> Step {
        if let Some(lines) = run.receipts.customer() {
            self.emit(TerminalEvent::ReceiptLines { sale: reversal.sale, lines: lines.to_vec() });
        }
        if matches!(end, CommandEnd::Lost { .. }) {
            self.unsettled = Some(now);
            self.next_setup = now;
        }
        let outcome = outcome(&reversal, run.last_status(), end);
        self.reversal_over(&reversal, outcome)
    }

    fn reversal_over(&mut self, reversal: &Reversal, outcome: ReversalOutcome) -> Step {
        self.emit(TerminalEvent::Reversed { sale: reversal.sale, outcome });
        Step::Done
    }

    /// The order cannot reach the terminal: surely nothing was reversed.
    pub(super) fn refuse_reversal(&mut self, sale: SaleId) {
        let outcome = ReversalOutcome::Refused { result_code: super::payment::NOT_REGISTERED };
        self.emit(TerminalEvent::Reversed { sale, outcome });
    }
}

fn outcome(reversal: &Reversal, status: Option<&StatusInformation>, end: CommandEnd) -> ReversalOutcome {
    let unknown = |evidence: String| ReversalOutcome::Unknown { evidence };
    let done = status.filter(|status| status.approves()).map(|status| status.transaction.clone());
    match (end, done) {
        (CommandEnd::Completed(completion), Some(transaction)) => match completion.completed().result_code {
            None | Some(0) => judged(reversal, transaction),
            Some(code) => unknown(format!("04 0F said yes, 06 0F said {code:02X}")),
        },
        (CommandEnd::Completed(_), None) => unknown("06 0F without a 04 0F that says 00".to_owned()),
        (CommandEnd::Aborted(abort), _) if abort.code == 0xb4 => ReversalOutcome::Done { transaction: None },
        (CommandEnd::Aborted(abort), None) => ReversalOutcome::Refused { result_code: abort.code },
        (CommandEnd::Aborted(abort), Some(_)) => unknown(format!("04 0F said yes, then 06 1E {:02X}", abort.code)),
        (CommandEnd::Refused { code: 0xb4, .. }, _) => ReversalOutcome::Done { transaction: None },
        (CommandEnd::Refused { code, .. }, _) => ReversalOutcome::Refused { result_code: code },
        (CommandEnd::Accepted, _) => unknown("accepted and never ended".to_owned()),
        (CommandEnd::Lost { evidence }, _) => unknown(evidence),
    }
}

/// Whether the reversal's own message names our payment: its amount, and its trace (37) or receipt (87).
fn judged(reversal: &Reversal, transaction: Transaction) -> ReversalOutcome {
    // A trace of 1F2B is longer than the six digits that fit into BMP 37.
    let tail = |digits: &str| digits[digits.len().saturating_sub(6)..].trim_start_matches('0').to_owned();
    let same_number = |ours: &str, theirs: &str| tail(ours) == tail(theirs);
    let amount = transaction.key.amount_minor.map(|minor| u64::try_from(reversal.amount.minor) == Ok(minor));
    let trace = match (&reversal.trace, &transaction.original_trace) {
        (Some(ours), Some(theirs)) => Some(same_number(ours, theirs)),
        _ => None,
    };
    let receipt = transaction.key.receipt.as_deref().map(|theirs| same_number(&reversal.receipt, theirs));
    match (amount, trace, receipt) {
        (Some(true), Some(true), _) | (Some(true), None, Some(true)) => {
            ReversalOutcome::Done { transaction: Some(Box::new(transaction)) }
        }
        (Some(false), ..) | (_, Some(false), _) => ReversalOutcome::Other { transaction: Box::new(transaction) },
        // A number of its own and no trace of ours: it cannot be told from this message.
        _ => ReversalOutcome::Unknown {
            evidence: "the reversal's 04 0F names neither our receipt nor our trace".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::payment::zvt::message::Charset;

    fn judge(data: &[u8]) -> ReversalOutcome {
        let sale = "01J00000000000000000000000".parse().unwrap();
        let amount = Amount::new(1500, Currency::EUR);
        let reversal = Reversal { sale, receipt: "0163".into(), trace: Some("000163".into()), amount };
        judged(&reversal, StatusInformation::read(data, Charset::Cp437).transaction)
    }

    #[test]
    fn only_our_receipt_or_trace_with_our_amount_is_done() {
        let amount = [0x27, 0, 0x04, 0, 0, 0, 0, 0x15, 0];
        let by_trace = [&amount[..], &[0x87, 2, 0, 0x37, 0, 1, 0x63]].concat();
        let by_receipt = [&amount[..], &[0x87, 1, 0x63]].concat();
        assert!(matches!(judge(&by_trace), ReversalOutcome::Done { .. }));
        assert!(matches!(judge(&by_receipt), ReversalOutcome::Done { .. }));
        let other_trace = [&amount[..], &[0x87, 1, 0x63, 0x37, 0, 1, 0x62]].concat();
        assert!(matches!(judge(&other_trace), ReversalOutcome::Other { .. }));
        assert!(matches!(judge(&[0x27, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0x87, 1, 0x63]), ReversalOutcome::Other { .. }));
        assert!(matches!(judge(&[&amount[..], &[0x87, 2, 0]].concat()), ReversalOutcome::Unknown { .. }));
        assert!(matches!(judge(&[0x27, 0, 0x87, 1, 0x63]), ReversalOutcome::Unknown { .. }));
    }
}
