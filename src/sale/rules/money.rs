//! Money in doubt and money on its way back.

use super::super::Money;
use super::super::effect::Effect;
use super::super::record::{CaseKind, Record};
use super::super::settle::Draft;
use super::super::transaction::{ApprovalKey, LastTransaction, ReversalOutcome, Totals};
use super::super::truth::{WasCharged, takes_back};
use super::payment::describe;

pub(super) fn charged(
    draft: &mut Draft<'_>,
    last: &LastTransaction,
    totals: Option<Totals>,
    verdict: WasCharged,
    bound_elsewhere: bool,
) {
    if draft.money() != Money::Unknown {
        return;
    }
    let queried = Record::Queried { last: last.clone(), totals };
    // A case is compared before every card: once another one was asked, what decides nothing is no evidence about this
    // payment, and would be written down for ever.
    let payment = &draft.sale.payment;
    let undecided = matches!(verdict, WasCharged::Otherwise(_) | WasCharged::AskAgain(_) | WasCharged::Unknown(_));
    if payment.evidence_in_case && payment.overtaken && undecided {
        return;
    }
    match verdict {
        WasCharged::Yes(seen) => {
            draft.record(queried);
            draft.record(Record::Paid { key: seen.key.clone() });
        }
        WasCharged::YesByTotals => {
            draft.record(queried);
            // A receipt that belongs to another sale names nothing here: only the sums speak.
            let approval = draft.sale.payment.approval.as_ref().filter(|_| !bound_elsewhere);
            let known = approval.map(|approval| approval.key.clone());
            let nobody = ApprovalKey { terminal_id: None, receipt: None, trace: None, amount_minor: None };
            draft.record(Record::Paid { key: known.unwrap_or(nobody) });
        }
        WasCharged::No => {
            draft.record(queried);
            draft.record(Record::NotTaken { ending: None });
        }
        WasCharged::Otherwise(seen) => {
            draft.record(queried);
            if !draft.sale.payment.evidence_in_case {
                draft.open_case(CaseKind::ChargedOtherwise, &describe("charged otherwise than asked", &seen));
            }
        }
        WasCharged::AskAgain(evidence) => {
            let since = draft.sale.payment.unknown_since;
            let age = since.and_then(|since| draft.now.since(&since)).unwrap_or(u64::MAX);
            if age < draft.terms.query_ms {
                draft.effect(Effect::QueryCharged { after_ms: 5_000 });
            } else {
                draft.record(queried);
                draft.money_case(&evidence);
            }
        }
        WasCharged::Unknown(evidence) => {
            draft.record(queried);
            draft.money_case(&evidence);
        }
    }
}

pub(super) fn reversed(draft: &mut Draft<'_>, outcome: &ReversalOutcome) {
    if draft.money() != Money::Releasing || !draft.sale.payment.reversal_open {
        return;
    }
    draft.record(Record::ReversalAnswered { outcome: outcome.clone() });
    match outcome {
        ReversalOutcome::Done { .. } => draft.record(Record::MoneyBack),
        ReversalOutcome::Refused { result_code } => {
            draft.refund_due(&format!("the terminal does not reverse: result code {result_code:02X}"));
        }
        ReversalOutcome::Other { transaction } => {
            draft.refund_due(&describe("the terminal reversed something else", transaction));
        }
        ReversalOutcome::Unknown { .. } => draft.effect(Effect::QueryReversed { after_ms: 0 }),
    }
}

/// After a reversal without an answer: repeated only if the query shows our payment still charged.
pub(super) fn still_charged(draft: &mut Draft<'_>, last: &LastTransaction, at_rest: bool) {
    if draft.money() != Money::Releasing || !draft.sale.payment.reversal_open {
        return;
    }
    let paid_as = draft.sale.payment.paid_as.clone();
    match last {
        LastTransaction::Is(seen) if paid_as.as_ref().is_some_and(|key| takes_back(seen, key)) => {
            draft.record(Record::ReversalAnswered {
                outcome: ReversalOutcome::Done { transaction: Some(seen.clone()) },
            });
            draft.record(Record::MoneyBack);
        }
        LastTransaction::Is(seen)
            if at_rest && Some(&seen.key) == paid_as.as_ref() && draft.sale.payment.reversals < 3 =>
        {
            draft.record(Record::ReversalAsked);
            draft.effect(Effect::Reverse);
        }
        // A terminal that is not to be heard is asked no longer than about a payment: then the acquirer gives it back.
        _ if !at_rest && patient(draft) => draft.effect(Effect::QueryReversed { after_ms: 5_000 }),
        _ => draft.refund_due("a reversal was sent and not answered: the money may already be back"),
    }
}

fn patient(draft: &Draft<'_>) -> bool {
    let asked = draft.sale.payment.reversal_at;
    asked.is_some_and(|at| draft.now.at_least_since(&at) < draft.terms.query_ms)
}
