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
    let sales = journal.sales_of_day(day)?;
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
    let facts =
        Facts { sales: &sales, stock: &stock, purchases: &purchases, terminal, wallets: &wallets, day, made_ms };
    Ok(reckon(&facts))
}

impl super::Kiosk {
    /// Journal, terminal and wallets since the last end of day, side by side; none where the journal failed.
    pub(super) fn reckon(&mut self, terminal: Option<Totals>) -> Option<Reckoning> {
        let made_ms = self.clock.now().wall_ms;
        let wallets =
            self.accounts.iter().filter_map(|(id, account)| Some((id.to_string(), account.balance?))).collect();
        match since_last_day(self.journal.as_mut(), &wallets, terminal, made_ms) {
            Ok(made) => Some(made),
            Err(error) => {
                self.journal_failed(error);
                None
            }
        }
    }

    /// Keeps a reckoning, and says aloud what does not agree.
    pub(super) fn keep_reckoning(&mut self, made: &Reckoning) {
        for difference in &made.differences {
            tracing::error!(difference, "the books do not balance");
        }
        let now = self.clock.now();
        let Ok(json) = serde_json::to_string(made) else { return };
        if let Err(error) = self.journal.keep_reckoning(now, made.balances(), &json) {
            self.journal_failed(error);
        }
    }

    /// An operator wants it now: without the terminal, which is asked for its totals at the end of day.
    pub(super) fn reconcile_now(&mut self) -> super::operator::OperatorAnswer {
        use super::operator::OperatorAnswer;
        let Some(made) = self.reckon(None) else { return OperatorAnswer::refused("the journal failed") };
        let value = serde_json::to_value(&made).unwrap_or_default();
        OperatorAnswer { value, ..OperatorAnswer::done(made.lines().join("\n")) }
    }
}
