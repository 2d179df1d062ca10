//! `[trade]`: end of day, the queue, the stock. `[control]`: the local socket.

use std::path::PathBuf;

use serde::Deserialize;

use super::read::Document;
use crate::money::{Currency, EXACT_SCALE, parse_scaled};

/// `[trade]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trade {
    /// When the terminal's day is closed, local time: `"23:30"`. Before the terminal's own hour; without it an
    /// operator orders it.
    pub day_ends_at: Option<jiff::civil::Time>,
    /// `[trade.queue]`.
    pub queue: Queue,
    /// Items of the stock that end in fewer days than this are not sold any more.
    pub stock_days_left: u16,
    /// When the terminal closes its day by itself: `terminal.day_ends_at`, by [`Config::trade`](super::Config::trade).
    #[serde(skip)]
    pub terminal_closes_at: Option<jiff::civil::Time>,
}

/// `[trade.queue]`: charged now, ordered when the network is back (sale.md 8). Off by default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// Sell for later while no provider answers.
    pub enabled: bool,
    /// Most sales that wait at once.
    pub max_count: u32,
    /// Most money that waits at once, as decimal text in the machine's currency.
    pub max_sum: String,
    /// The promise, in minutes from the payment on; never beyond half an hour before the end of day.
    pub promise_min: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Queue { enabled: false, max_count: 20, max_sum: "300.00".to_owned(), promise_min: 120 }
    }
}

impl Queue {
    /// Most money that waits at once, in minor units of `currency`.
    pub fn max_minor(&self, currency: Currency) -> i64 {
        let one = EXACT_SCALE / 10_i128.pow(u32::from(currency.exponent()));
        parse_scaled(&self.max_sum).ok().and_then(|units| i64::try_from(units / one).ok()).unwrap_or(0)
    }
}

impl Trade {
    pub(super) fn check(&self, document: &mut Document<'_>, currency: Currency, closes_itself: bool) {
        if self.queue.max_minor(currency) <= 0 {
            document.problem("trade.queue.max_sum", "a sum such as \"300.00\" is expected".to_owned());
        }
        if self.queue.max_count == 0 || self.queue.max_count > 10_000 {
            document.problem("trade.queue.max_count", "1 to 10000 are expected".to_owned());
        }
        if !(5..=24 * 60).contains(&self.queue.promise_min) {
            document.problem("trade.queue.promise_min", "5 to 1440 minutes are expected".to_owned());
        }
        if self.queue.enabled && self.day_ends_at.is_none() && !closes_itself {
            let what = "is needed with a queue: what is promised must end half an hour before it, such as \"23:30\"";
            document.problem("trade.day_ends_at", what.to_owned());
        }
    }
}

impl super::Config {
    /// The trade's settings for this machine: a terminal that closes its day by itself is closed by us a quarter of an
    /// hour before, so that it never finds anything open.
    pub fn trade(&self) -> Trade {
        let before = |own: jiff::civil::Time| own.saturating_sub(jiff::Span::new().minutes(15));
        let day_ends_at = self.trade.day_ends_at.or(self.terminal.day_ends_at.map(before));
        Trade { day_ends_at, terminal_closes_at: self.terminal.day_ends_at, ..self.trade.clone() }
    }
}

/// `[control]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// The service's local socket.
    pub socket: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Control { socket: "/run/esim-kiosk/control.sock".into() }
    }
}
