//! Was the card charged? The one place that compares what a terminal says with what we know (sale.md 5).

use super::transaction::{LastTransaction, Totals, Transaction};
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
        LastTransaction::Is(seen) => by_transaction(sale, seen, bound_elsewhere, terms),
        LastTransaction::Empty => None,
        LastTransaction::Silent { .. } => None,
    };
    let verdict = verdict.unwrap_or_else(|| by_totals(sale, last, totals));
    match verdict {
        WasCharged::No | WasCharged::Unknown(_) if !at_rest => {
            WasCharged::AskAgain("the terminal was not at rest when it answered".to_owned())
        }
        verdict => verdict,
    }
}

fn by_transaction(sale: &Sale, seen: &Transaction, bound_elsewhere: bool, terms: &Terms) -> Option<WasCharged> {
    let approval = sale.payment.approval.as_deref();
    if let Some(original) = &seen.original_trace {
        return by_reversal(sale, seen, original);
    }
    if let Some((LastTransaction::Is(before), _)) = &sale.payment.baseline
        && before.key == seen.key
        && before.turnover == seen.turnover
    {
        return Some(WasCharged::No);
    }
    if bound_elsewhere || sale.payment.baseline.is_none() {
        return None;
    }
    if seen.result_code.is_some_and(|code| code != 0) {
        // The newest transaction of a terminal at rest is one that failed: ours, and nothing was taken by it.
        return Some(WasCharged::No);
    }
    let amount = sale.quote.amount;
    let amount_ours = seen.key.amount_minor == u64::try_from(amount.minor).ok();
    let currency_ours =
        seen.currency.map_or(terms.currency_may_be_absent, |number| number == amount.currency.numeric());
    let receipt_ours = approval.is_none_or(|approval| {
        approval.key.receipt == seen.key.receipt && approval.key.terminal_id == seen.key.terminal_id
    });
    let seen = Box::new(seen.clone());
    Some(if amount_ours && currency_ours && receipt_ours { WasCharged::Yes(seen) } else { WasCharged::Otherwise(seen) })
}

/// The newest transaction took something back, so it charged nobody: what did it take back?
fn by_reversal(sale: &Sale, seen: &Transaction, original: &str) -> Option<WasCharged> {
    if let Some(approval) = sale.payment.approval.as_deref() {
        let ours = approval.key.trace.as_deref().is_some_and(|trace| names(original, trace));
        if ours {
            return Some(WasCharged::No);
        }
    }
    match &sale.payment.baseline {
        // Nothing happened since: the baseline itself was a reversal.
        Some((LastTransaction::Is(before), _)) if before.key == seen.key => Some(WasCharged::No),
        // What stood there before us was reversed: not by us, and it says nothing about our payment.
        Some((LastTransaction::Is(before), _)) if before.key.trace.as_deref().is_some_and(|t| names(original, t)) => {
            Some(WasCharged::Otherwise(Box::new(seen.clone())))
        }
        // It reversed something newer than the baseline, and only our payment is newer.
        Some((LastTransaction::Is(_) | LastTransaction::Empty, _)) if sale.payment.approval.is_none() => {
            Some(WasCharged::No)
        }
        Some(_) => Some(WasCharged::Otherwise(Box::new(seen.clone()))),
        None => None,
    }
}

/// Whether a reversal's field 37 (six digits) names this trace, which may be a long one (1F2B).
fn names(original: &str, trace: &str) -> bool {
    let short = trace.len().checked_sub(original.len()).and_then(|from| trace.get(from..)).unwrap_or(trace);
    original == short && original.bytes().any(|digit| digit != b'0')
}

/// The second witness: number and sum of the terminal's store, before and now.
fn by_totals(sale: &Sale, last: &LastTransaction, totals: Option<Totals>) -> WasCharged {
    let silent = matches!(last, LastTransaction::Silent { .. });
    let (Some((_, Some(before))), Some(now)) = (&sale.payment.baseline, totals) else {
        let evidence = match last {
            LastTransaction::Silent { evidence } => evidence.clone(),
            LastTransaction::Empty => "the terminal names no transaction, and no totals witness it".to_owned(),
            LastTransaction::Is(_) => "the terminal names a transaction of another sale".to_owned(),
        };
        return if silent { WasCharged::AskAgain(evidence) } else { WasCharged::Unknown(evidence) };
    };
    let amount = u64::try_from(sale.quote.amount.minor).unwrap_or(0);
    if now == *before {
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
