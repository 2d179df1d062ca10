//! What an acquirer needs to give a payment back, in words for its case (sale.md 5).

use super::Sale;
use super::transaction::ApprovalKey;

/// What stands before the card's last four digits: they are taken out of a case once its traveller is forgotten.
const CARD: &str = "card ending in ";

/// Terminal, contract, receipt, trace, approval, date and time, amount and the card's last four digits, as far as the
/// terminal told them.
pub(super) fn words(sale: &Sale) -> String {
    let approval = sale.payment.approval.as_deref();
    let of_key = |field: fn(&ApprovalKey) -> &Option<String>| {
        let paid_as = sale.payment.paid_as.as_ref().and_then(|key| field(key).clone());
        paid_as.or_else(|| approval.and_then(|approval| field(&approval.key).clone()))
    };
    let told = [
        ("terminal", of_key(|key| &key.terminal_id)),
        ("VU number", approval.and_then(|approval| approval.vu_number.clone())),
        ("receipt", of_key(|key| &key.receipt)),
        ("trace", of_key(|key| &key.trace)),
        ("approval code", approval.and_then(|approval| approval.approval_code.clone())),
        ("date", approval.and_then(|approval| approval.date.clone())),
        ("time", approval.and_then(|approval| approval.time.clone())),
        ("amount", Some(sale.quote.amount.to_string())),
    ];
    let mut words: Vec<String> =
        told.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name} {}", value.trim()))).collect();
    let last4 = approval.and_then(|approval| approval.pan_last4.as_deref());
    words.extend(
        last4.map(|digits| format!("{CARD}{}", digits.get(digits.len().saturating_sub(4)..).unwrap_or_default())),
    );
    words.join(", ")
}

/// The words of a case without the card's digits; none where there were none.
pub fn without_card(words: &str) -> Option<String> {
    let (before, after) = words.split_once(CARD)?;
    let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (rest.len() < after.len()).then(|| format!("{before}{CARD}…{rest}"))
}
