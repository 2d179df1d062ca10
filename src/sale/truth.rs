//! Was the card charged? The one place that compares what a terminal says with what we know (sale.md 5).

use super::transaction::{ApprovalKey, LastTransaction, Totals, Transaction};
use super::{Sale, Terms};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WasCharged {
    /// By this transaction.
    Yes(Box<Transaction>),
    /// By the totals, with no transaction to name.
    YesByTotals,
    /// No.
    No,
    /// Something newer is there, and it is not what we asked for.
    Otherwise(Box<Transaction>),
    /// It cannot be told; ask again if there is time.
    AskAgain(String),
    /// It cannot be told by this terminal.
    Unknown(String),
}

/// Compares an answer of the terminal with the baseline and the approval of `sale`.
///
/// `at_rest`: an answer of a busy terminal proves nothing except a charge. `bound_elsewhere`: the receipt that the
/// answer names belongs to another sale, so it says nothing about this one.
pub fn was_charged(
    sale: &Sale,
    last: &LastTransaction,
    totals: Option<Totals>,
    at_rest: bool,
    bound_elsewhere: bool,
    terms: &Terms,
) -> WasCharged {
    let verdict = match last {
        LastTransaction::Is(seen) => by_transaction(sale, seen, totals, bound_elsewhere, terms),
        LastTransaction::Empty => None,
        LastTransaction::Silent { .. } => None,
    };
    let verdict = verdict.unwrap_or_else(|| by_totals(sale, last, totals));
    match verdict {
        WasCharged::No | WasCharged::Otherwise(_) | WasCharged::Unknown(_) if !at_rest => {
            WasCharged::AskAgain("the terminal was not at rest when it answered".to_owned())
        }
        verdict => verdict,
    }
}

fn by_transaction(
    sale: &Sale,
    seen: &Transaction,
    totals: Option<Totals>,
    bound_elsewhere: bool,
    terms: &Terms,
) -> Option<WasCharged> {
    let (baseline, totals_before) = sale.payment.baseline.as_ref()?;
    if let LastTransaction::Is(before) = baseline {
        if before.key == seen.key && before.turnover == seen.turnover {
            return Some(WasCharged::No);
        }
        let terminal = |key: &ApprovalKey| key.terminal_id.clone();
        if let (Some(then), Some(now)) = (terminal(&before.key), terminal(&seen.key))
            && then != now
        {
            // Another terminal stands there: what it tells is not about our payment.
            return Some(WasCharged::Otherwise(Box::new(seen.clone())));
        }
        if is_older(&seen.key, &before.key) {
            return None;
        }
    }
    let named = sale.payment.approval.as_deref().is_some_and(|approval| {
        approval.key == seen.key || seen.original_trace.is_some() && takes_back(seen, &approval.key)
    });
    if bound_elsewhere || sale.payment.overtaken && !named {
        return None;
    }
    if let Some(original) = &seen.original_trace {
        return by_reversal(sale, baseline, seen, original);
    }
    let amount_ours = has_amount_of(sale, seen);
    if seen.result_code != Some(0) {
        // The newest transaction failed, and it is ours: nothing was taken by it. One that does not say which it is
        // may be the answer to our question only.
        let named = seen.key.receipt.is_some() || seen.key.trace.is_some();
        let failed = seen.result_code.is_some() && named && (amount_ours || seen.key.amount_minor.is_none());
        return failed.then_some(WasCharged::No);
    }
    let currency_ours =
        seen.currency.map_or(terms.currency_may_be_absent, |number| number == sale.quote.amount.currency.numeric());
    let receipt_ours = sale.payment.approval.as_deref().is_none_or(|approval| {
        approval.key.receipt == seen.key.receipt && approval.key.terminal_id == seen.key.terminal_id
    });
    let unmoved = sale.payment.approval.is_none() && totals_before.is_some() && *totals_before == totals;
    if amount_ours && currency_ours && receipt_ours && unmoved {
        return Some(WasCharged::Unknown(
            "the terminal names a new payment of this amount, and its totals have not moved".to_owned(),
        ));
    }
    let seen = Box::new(seen.clone());
    Some(if amount_ours && currency_ours && receipt_ours { WasCharged::Yes(seen) } else { WasCharged::Otherwise(seen) })
}

fn has_amount_of(sale: &Sale, seen: &Transaction) -> bool {
    seen.key.amount_minor.is_some() && seen.key.amount_minor == u64::try_from(sale.quote.amount.minor).ok()
}

/// The newest transaction took something back. "Not charged" only if what it took back is our whole payment: the one
/// that was approved before our eyes, or else the only one that can stand between the baseline and it.
fn by_reversal(sale: &Sale, baseline: &LastTransaction, seen: &Transaction, original: &str) -> Option<WasCharged> {
    if seen.result_code != Some(0) {
        // A reversal that failed, and behind which our payment may hide.
        return None;
    }
    let whole = seen.key.amount_minor.is_none() || has_amount_of(sale, seen);
    let ours = match (sale.payment.approval.as_deref(), baseline) {
        (Some(approval), _) => approval.key.trace.as_deref().is_some_and(|trace| names(original, trace)),
        (None, LastTransaction::Is(before)) => {
            let before = before.key.trace.as_deref().and_then(number);
            let newest = seen.key.trace.as_deref().and_then(number);
            match (before, number(original), newest) {
                (Some(before), Some(original), Some(newest)) => {
                    is_after(original, before) && is_after(newest, original)
                }
                _ => false,
            }
        }
        // A terminal without any transaction was asked once, and that once is taken back.
        (None, LastTransaction::Empty) => true,
        (None, LastTransaction::Silent { .. }) => false,
    };
    Some(if ours && whole { WasCharged::No } else { WasCharged::Otherwise(Box::new(seen.clone())) })
}

/// Whether this transaction of a terminal took back the payment `key`, the whole of it.
pub(super) fn takes_back(seen: &Transaction, key: &ApprovalKey) -> bool {
    let named = match (&seen.original_trace, &key.trace) {
        (Some(original), Some(trace)) => names(original, trace),
        _ => false,
    };
    let whole = seen.key.amount_minor.is_none() || seen.key.amount_minor == key.amount_minor;
    named && whole && seen.result_code == Some(0)
}

/// Whether a reversal's field 37 (six digits) names this trace, which may be a long one (1F2B).
fn names(original: &str, trace: &str) -> bool {
    number(original).is_some_and(|original| original != 0 && Some(original) == number(trace))
}

/// The last six digits of a trace: what fits into the fields of every message.
fn number(trace: &str) -> Option<u32> {
    let short = trace.len().checked_sub(6).and_then(|from| trace.get(from..)).unwrap_or(trace);
    short.parse().ok()
}

/// Traces count up and wrap from 999999 to 1.
fn is_after(later: u32, earlier: u32) -> bool {
    let ahead = (later + 1_000_000 - earlier % 1_000_000) % 1_000_000;
    (1..500_000).contains(&ahead)
}

/// Surely told before the other: its trace lies behind. Where the traces cannot be compared, nothing is sure.
#[must_use]
pub fn is_older(seen: &ApprovalKey, before: &ApprovalKey) -> bool {
    let trace = |key: &ApprovalKey| key.trace.as_deref().and_then(number).filter(|trace| *trace != 0);
    matches!((trace(seen), trace(before)), (Some(seen), Some(before)) if is_after(before, seen))
}

/// The second witness: number and sum of the terminal's store, before and now.
fn by_totals(sale: &Sale, last: &LastTransaction, totals: Option<Totals>) -> WasCharged {
    let silent = matches!(last, LastTransaction::Silent { .. });
    if sale.payment.overtaken {
        return WasCharged::Unknown("another card was asked since: the terminal's sums speak of both".to_owned());
    }
    let (Some((_, Some(before))), Some(now)) = (&sale.payment.baseline, totals) else {
        let evidence = match last {
            LastTransaction::Silent { evidence } => evidence.clone(),
            LastTransaction::Empty => "the terminal names no transaction, and no totals witness it".to_owned(),
            LastTransaction::Is(_) => "the terminal names a transaction of another sale".to_owned(),
        };
        return if silent { WasCharged::AskAgain(evidence) } else { WasCharged::Unknown(evidence) };
    };
    let amount = u64::try_from(sale.quote.amount.minor).unwrap_or(0);
    if now == *before && now.count == 0 {
        // So does a day leave the store that was closed since, while nobody heard of it: a payment of ours would be gone
        // from it, and stand on the card.
        WasCharged::Unknown("the terminal is as empty as before: its day may have been closed since".to_owned())
    } else if now == *before {
        WasCharged::No
    } else if now.count == before.count + 1 && now.sum_minor == before.sum_minor + amount {
        WasCharged::YesByTotals
    } else {
        WasCharged::Unknown(format!(
            "the totals moved from {} / {} to {} / {}",
            before.count, before.sum_minor, now.count, now.sum_minor
        ))
    }
}

#[cfg(test)]
#[path = "truth_tests.rs"]
mod tests;
