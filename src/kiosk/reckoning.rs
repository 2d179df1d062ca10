//! From the journal to a reckoning, and where it goes.

use std::collections::BTreeMap;

use crate::journal::{Journal, JournalError};
use crate::money::Exact;
use crate::sale::transaction::Totals;

use super::reconcile::{Facts, Reckoning, reckon};

/// Journal, terminal and wallets since the last end of day, side by side.
///
/// # Errors
/// The journal's.
pub fn since_last_day(
    journal: &mut dyn Journal,
    wallets: &BTreeMap<String, Exact>,
    terminal: Option<Totals>,
    made_ms: i64,
) -> Result<Reckoning, JournalError> {
    let day = journal.day()?;
    let sold = journal.sales_of_day(day)?;
    for sale in &sold.unreadable {
        journal.lay_aside(sale.id, &sale.why)?;
    }
    let open_cases = u32::try_from(journal.open_cases()?.len()).unwrap_or(u32::MAX);
    let stock = journal.stock_books()?;
    let last: Option<Reckoning> = journal.last_reckoning()?.and_then(|json| serde_json::from_str(&json).ok());
    let since = last.as_ref().map_or(0, |last| last.made_ms);
    let purchases: Vec<_> = journal
        .purchases(true)?
        .into_iter()
        .filter(|purchase| purchase.sent_at.wall_ms >= since)
        .filter_map(|bought| Some((bought.offer.provider.to_string(), bought.profile?, bought.offer.cost)))
        .collect();
    let before = |account: &str| {
        let text = last.as_ref()?.accounts.get(account)?.wallet_now.as_deref()?;
        let (units, currency) = text.split_once(' ')?;
        Exact::parse(units, currency.parse().ok()?).ok()
    };
    let wallets = wallets.iter().map(|(account, now)| (account.clone(), (before(account), Some(*now)))).collect();
    let facts = Facts {
        sales: &sold.sales,
        unreadable: &sold.unreadable,
        open_cases,
        stock: &stock,
        purchases: &purchases,
        terminal,
        wallets: &wallets,
        day,
        made_ms,
    };
    Ok(reckon(&facts))
}

/// Where every kept reckoning balanced, or is settled.
pub const NOTHING_TO_SETTLE: &str = "no kept reckoning has a difference that is not settled";

/// What whoever settles them is told.
pub fn settled(days: u64) -> String {
    format!("the differences of {days} ends of day are settled")
}

/// What a kept reckoning says; one that an older version wrote and nobody can read counts as one difference.
fn differences(json: &str) -> Vec<String> {
    match serde_json::from_str::<Reckoning>(json) {
        Ok(made) => made.differences.iter().map(|what| format!("after day {}: {what}", made.day)).collect(),
        Err(why) => vec![format!("a kept reckoning cannot be read: {why}")],
    }
}

impl super::Kiosk {
    /// Journal, terminal and wallets since the last end of day, side by side; none where the journal failed, or is damaged.
    pub(super) fn reckon(&mut self, terminal: Option<Totals>) -> Option<Reckoning> {
        let made_ms = self.clock.now().wall_ms;
        let wallets =
            self.accounts.iter().filter_map(|(id, account)| Some((id.to_string(), account.balance?))).collect();
        match since_last_day(self.journal.as_mut(), &wallets, terminal, made_ms) {
            Ok(made) => {
                // A sale that cannot be read has become a case.
                self.read_cases();
                Some(made)
            }
            // Nothing is reckoned for ever with a row that cannot be read; the day is closed all the same.
            Err(JournalError::Damaged { what }) => {
                tracing::error!(what, "the books cannot be compared");
                None
            }
            Err(error) => {
                self.journal_failed(error);
                None
            }
        }
    }

    /// A reckoning was kept: what does not agree is said aloud, and stands until somebody settles it.
    pub(super) fn told_differences(&mut self, made: &Reckoning) {
        for difference in &made.differences {
            tracing::error!(difference, "the books do not balance");
        }
        self.read_differences();
    }

    /// What did not agree at ends of day, and nobody has settled.
    pub(super) fn read_differences(&mut self) {
        match self.journal.unsettled() {
            Ok(kept) => self.undecided.differences = kept.iter().flat_map(|json| differences(json)).collect(),
            Err(error) => self.journal_failed(error),
        }
    }

    /// An operator has found out why the books did not balance.
    pub(super) fn settle_differences(&mut self, reason: &str) -> super::operator::OperatorAnswer {
        use super::operator::OperatorAnswer;
        let reason = reason.trim();
        if reason.is_empty() {
            return OperatorAnswer::refused("a difference is settled with a reason");
        }
        match self.journal.settle(reason, self.clock.now()) {
            Ok(0) => OperatorAnswer::refused(NOTHING_TO_SETTLE),
            Ok(days) => {
                self.read_differences();
                OperatorAnswer::done(settled(days))
            }
            Err(error) => self.journal_refused(error),
        }
    }

    /// An operator wants it now: without the terminal, which is asked for its totals at the end of day.
    pub(super) fn reconcile_now(&mut self) -> super::operator::OperatorAnswer {
        use super::operator::OperatorAnswer;
        let Some(made) = self.reckon(None) else {
            return OperatorAnswer::refused("the journal cannot be compared: its log tells what is damaged");
        };
        let value = serde_json::to_value(&made).unwrap_or_default();
        OperatorAnswer { value, ..OperatorAnswer::done(made.lines().join("\n")) }
    }
}
