//! The card: asked, approved, ended.

use super::super::effect::Effect;
use super::super::record::{CaseKind, Record, ReleaseReason};
use super::super::settle::Draft;
use super::super::transaction::{Answer, Ending, LastTransaction, Totals, Transaction};
use super::super::{Money, Sale, Terms};

pub(super) fn baseline_read(draft: &mut Draft<'_>, last: &LastTransaction, totals: Option<Totals>) {
    if draft.money() != Money::None || draft.sale.payment.asked_at.is_some() {
        return;
    }
    if draft.sale.payment.cancel_wished {
        draft.record(Record::NotTaken { ending: None });
        return;
    }
    if matches!(last, LastTransaction::Silent { .. }) && !draft.terms.no_query {
        // No baseline, no card (sale.md 2.3).
        draft.record(Record::Note { text: "no baseline could be read: the card was not asked".to_owned() });
        draft.record(Record::NotTaken { ending: None });
        return;
    }
    draft.record(Record::Baseline { last: last.clone(), totals });
    draft.record(Record::CardAsked);
    draft.effect(Effect::Authorise);
}

pub(super) fn cancel_wished(draft: &mut Draft<'_>) {
    let chosen = draft.money() == Money::None && draft.sale.payment.asked_at.is_none();
    if (chosen || draft.money() == Money::Asked) && !draft.sale.payment.cancel_wished {
        draft.record(Record::CancelWished);
        if !chosen {
            draft.effect(Effect::Abort);
        }
    }
}

pub(super) fn approved(draft: &mut Draft<'_>, transaction: &Transaction) {
    match draft.money() {
        Money::Asked => first_approval(draft, transaction),
        Money::Held | Money::Committing | Money::Releasing => {
            let same = draft.sale.payment.approval.as_ref().is_some_and(|known| known.key == transaction.key);
            if !same {
                draft.open_case(CaseKind::StrangeApproval, &describe("another approval in the same sale", transaction));
                if draft.money() == Money::Held {
                    draft.record(Record::ReleaseDecided { reason: ReleaseReason::WrongApproval });
                }
                draft.effect(Effect::Answer { approval: transaction.key.clone(), answer: Answer::NotIssued });
                return;
            }
            // A repeat of the same approval: the same decision again, or "not yet" when its time has come.
            draft.sale.waiting_since = Some(draft.now);
            draft.answer_waiting();
        }
        Money::None | Money::Paid | Money::RefundDue | Money::Back | Money::Unknown => {
            foreign_approval(draft, transaction);
            draft.effect(Effect::Answer { approval: transaction.key.clone(), answer: Answer::NotIssued });
        }
    }
}

/// Approval, intent and order are one step: a recorded wish to cancel comes before it, or it is too late.
fn first_approval(draft: &mut Draft<'_>, transaction: &Transaction) {
    draft.record(Record::Approved { transaction: Box::new(transaction.clone()) });
    draft.sale.waiting_since = Some(draft.now);
    let reason = if draft.sale.payment.cancel_wished {
        Some(ReleaseReason::Cancelled)
    } else if acceptable(&draft.sale, transaction, draft.terms) {
        None
    } else {
        Some(ReleaseReason::WrongApproval)
    };
    if let Some(reason) = reason {
        draft.record(Record::ReleaseDecided { reason });
        draft.answer_waiting();
        return;
    }
    if draft.terms.can_hold && draft.sale.quote.promised_ms.is_none() {
        draft.order_all();
    }
}

/// Amount present and ours, currency ours, not offline unless everything comes from stock within the limit
/// (sale.md 2.4).
fn acceptable(sale: &Sale, seen: &Transaction, terms: &Terms) -> bool {
    let amount = sale.quote.amount;
    let amount_ok = seen.result_code == Some(0) && seen.key.amount_minor == u64::try_from(amount.minor).ok();
    let currency_ok = seen.currency.map_or(terms.currency_may_be_absent, |number| number == amount.currency.numeric());
    let offline = seen.payment_type.is_some_and(|kind| kind & 0x70 == 0x40);
    let all_stock = (0..sale.goods.len()).all(|good| sale.from_stock(good));
    let offline_ok = terms
        .offline_limit
        .is_some_and(|limit| all_stock && limit.currency == amount.currency && amount.minor <= limit.minor);
    amount_ok && currency_ok && (!offline || offline_ok)
}

pub(super) fn foreign_approval(draft: &mut Draft<'_>, transaction: &Transaction) {
    draft.record(Record::Note {
        text: describe("an approval that nobody waits for, answered \"not issued\"", transaction),
    });
}

pub(super) fn describe(what: &str, seen: &Transaction) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{what}: terminal {}, receipt {}, trace {}, amount {}, result {}",
        text(&seen.key.terminal_id),
        text(&seen.key.receipt),
        text(&seen.key.trace),
        seen.key.amount_minor.map_or("-".to_owned(), |minor| minor.to_string()),
        seen.result_code.map_or("-".to_owned(), |code| format!("{code:02X}")),
    )
}

pub(super) fn ended(draft: &mut Draft<'_>, ending: &Ending) {
    if draft.sale.payment.ended && draft.money() != Money::Unknown {
        return;
    }
    let surely_not = matches!(ending, Ending::Aborted { .. } | Ending::NotStarted { .. });
    let key = draft.sale.payment.approval.as_ref().map(|approval| approval.key.clone());
    match (draft.money(), ending, key) {
        (Money::Committing, Ending::Completed, Some(key)) => draft.record(Record::Paid { key }),
        // Before or instead of a commit, the terminal's own abort means that nothing was taken.
        (Money::Asked | Money::Releasing, _, _) if surely_not => {
            draft.record(Record::NotTaken { ending: Some(ending.clone()) });
        }
        (Money::Held, _, _) if surely_not => {
            draft.record(Record::ReleaseDecided { reason: ReleaseReason::TerminalGaveUp });
            draft.record(Record::NotTaken { ending: Some(ending.clone()) });
        }
        (Money::Asked | Money::Held | Money::Committing | Money::Releasing, _, _) => {
            draft.money_unknown(&format!("the authorisation ended otherwise than it should: {ending:?}"));
        }
        // A Completion that comes later is evidence and starts the query again, also in a case.
        (Money::Unknown, _, _) => draft.effect(Effect::QueryCharged { after_ms: 0 }),
        _ => {}
    }
}
