//! `[terminal]`: which card terminal, how it speaks, and how long it holds.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::read::Document;
use crate::money::{Amount, Currency, parse_scaled};
use crate::payment::zvt::{Address, Dialect, Password, Texts, Timers, ZvtConfig};
use crate::sale::Terms;

/// A terminal that was never measured counts as holding for 14 s (sale.md 3).
const NEVER_MEASURED_MS: u64 = 14_000;

/// `[terminal]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terminal {
    /// `serial:/dev/ttyS0` or `tcp:192.168.1.30:20007`.
    #[serde(deserialize_with = "address")]
    pub address: Option<Address>,
    /// The terminal's password, six digits; many have 000000.
    #[serde(deserialize_with = "password")]
    pub password: Password,
    /// How this make speaks.
    pub dialect: Dialect,
    /// Speed of a serial line, where it is not the dialect's.
    pub baud: Option<u32>,
    /// Whose words the traveller reads during the payment, where it is not the dialect's choice.
    pub texts: Option<Texts>,
    /// For how long this terminal was measured to hold, in ms (`esim-kiosk terminal hold-test`).
    pub hold_ms: Option<u64>,
    /// It waits for our answer to an approval. If not, a sale is paid first and reversed if need be.
    pub can_hold: bool,
    /// An approval that names no currency is ours.
    pub currency_may_be_absent: bool,
    /// Goods from stock are sold on an offline approval up to this sum, as decimal text; without it on none.
    pub offline_limit: Option<String>,
    /// BMP 01: seconds that the terminal is asked to wait for each answer.
    pub hold_seconds: u8,
    /// BMP 02: how many "not yet" it is asked to take.
    pub hold_count: u8,
    /// Before an end of day, give open pre-authorisations back: for a terminal that was used with them before.
    pub clear_preauthorisations: bool,
    /// When the terminal closes the day by itself, as `23:45`.
    pub day_ends_at: Option<jiff::civil::Time>,
    /// Timers that differ.
    pub timers: TerminalTimers,
}

impl Default for Terminal {
    fn default() -> Self {
        Terminal {
            address: None,
            password: Password::new("000000").expect("six digits are a password"),
            dialect: Dialect::default(),
            baud: None,
            texts: None,
            hold_ms: None,
            can_hold: true,
            currency_may_be_absent: true,
            offline_limit: None,
            hold_seconds: 120,
            hold_count: 99,
            clear_preauthorisations: false,
            day_ends_at: None,
            timers: TerminalTimers::default(),
        }
    }
}

/// `[terminal.timers]`, in ms: each stands in for the dialect's own where it is given. Tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TerminalTimers {
    /// Our command until it is accepted or refused.
    pub answer_ms: Option<u64>,
    /// Without a word from the terminal, until a running command is given up.
    pub silence_ms: Option<u64>,
    /// After "goods issued": until the terminal must be asked.
    pub completion_ms: Option<u64>,
    /// After our abort: until the command counts as lost.
    pub abort_ms: Option<u64>,
    /// After a start: listening before our first byte.
    pub listen_ms: Option<u64>,
    /// How long a payment survives a lost port.
    pub line_grace_ms: Option<u64>,
    /// Between two status enquiries at rest.
    pub poll_ms: Option<u64>,
    /// Between two status enquiries while it is busy.
    pub poll_busy_ms: Option<u64>,
    /// The longest hold of this terminal: after an unclear break it is over only then.
    pub longest_hold_ms: Option<u64>,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    from_text(deserializer).map(Some)
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Password, D::Error> {
    let text = String::deserialize(deserializer)?;
    Password::new(&text).ok_or_else(|| de::Error::custom("six digits in quotation marks are expected"))
}

impl Terminal {
    pub(super) fn check(&self, document: &mut Document<'_>, currency: Currency) {
        if self.address.is_none() {
            let what = "the terminal's place is needed: \"serial:/dev/ttyS0\" or \"tcp:192.168.1.30:20007\"";
            document.problem("terminal.address", what.to_owned());
        }
        if self.hold_ms.is_some_and(|hold| !(6_000..=600_000).contains(&hold)) {
            let what = "milliseconds from 6000 to 600000 are expected: what `esim-kiosk terminal hold-test` measured";
            document.problem("terminal.hold_ms", what.to_owned());
        }
        if self.offline_limit.is_some() && self.offline_limit(currency).is_none() {
            let what = format!("a sum in {currency} is expected, as text: \"20.00\"");
            document.problem("terminal.offline_limit", what);
        }
        if self.hold_count == 0 || self.hold_count > 99 {
            document.problem("terminal.hold_count", "a number from 1 to 99 is expected".to_owned());
        }
        if self.hold_seconds == 0 {
            document.problem("terminal.hold_seconds", "a number from 1 to 255 is expected".to_owned());
        }
        let speeds = [9_600, 19_200, 38_400, 57_600, 115_200];
        if self.baud.is_some_and(|baud| !speeds.contains(&baud)) {
            document.problem("terminal.baud", "9600, 19200, 38400, 57600 or 115200 is expected".to_owned());
        }
    }

    fn offline_limit(&self, currency: Currency) -> Option<Amount> {
        let units = parse_scaled(self.offline_limit.as_deref()?).ok()?;
        let one = crate::money::EXACT_SCALE / 10_i128.pow(u32::from(currency.exponent()));
        let minor = i64::try_from(units / one).ok()?;
        (units % one == 0 && minor > 0).then(|| Amount::new(minor, currency))
    }

    /// The protocol's settings.
    pub fn zvt(&self, currency: Currency) -> ZvtConfig {
        let mut zvt = ZvtConfig::new(self.dialect, self.password, currency);
        zvt.baud = self.baud.unwrap_or(zvt.baud);
        zvt.clear_preauthorisations = self.clear_preauthorisations;
        zvt.texts = self.texts.unwrap_or(zvt.texts);
        self.timers.put_into(&mut zvt.timers);
        zvt
    }

    /// What this terminal adds to the rules' numbers.
    pub(super) fn put_into(&self, terms: &mut Terms, currency: Currency) {
        let dialect = ZvtConfig::new(self.dialect, self.password, currency);
        terms.hold_ms = self.hold_ms.unwrap_or(NEVER_MEASURED_MS);
        terms.can_hold = self.can_hold;
        terms.no_query = !dialect.tells_last;
        terms.currency_may_be_absent = self.currency_may_be_absent;
        terms.offline_limit = self.offline_limit(currency);
    }
}

impl TerminalTimers {
    fn put_into(&self, timers: &mut Timers) {
        let pairs: [(Option<u64>, &mut Duration); 9] = [
            (self.answer_ms, &mut timers.answer),
            (self.silence_ms, &mut timers.silence),
            (self.completion_ms, &mut timers.completion),
            (self.abort_ms, &mut timers.abort),
            (self.listen_ms, &mut timers.listen),
            (self.line_grace_ms, &mut timers.line_grace),
            (self.poll_ms, &mut timers.poll),
            (self.poll_busy_ms, &mut timers.poll_busy),
            (self.longest_hold_ms, &mut timers.longest_hold),
        ];
        for (given, timer) in pairs {
            if let Some(ms) = given {
                *timer = Duration::from_millis(ms);
            }
        }
    }
}
