//! Exact amounts, currencies, rates and the one rounding. No floats.
//!
//! Two kinds of money meet in a kiosk: [`Amount`], what a card is charged, in whole minor units; and [`Exact`],
//! what a provider asks, in units of 10⁻⁸. Between them stands [`Rate`] and, once per price, one rounding.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

mod price;

pub use price::{Ending, MarkUp, Rate, retail};

/// Units of [`Exact`] in one unit of a currency.
pub const EXACT_SCALE: i128 = 100_000_000;

/// A currency by its ISO 4217 alphabetic code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Code, number and minor digits of the currencies that a terminal or a provider may speak of (ISO 4217).
const CURRENCIES: &[(&[u8; 3], u16, u8)] = &[
    (b"EUR", 978, 2),
    (b"USD", 840, 2),
    (b"CHF", 756, 2),
    (b"GBP", 826, 2),
    (b"SEK", 752, 2),
    (b"NOK", 578, 2),
    (b"DKK", 208, 2),
    (b"PLN", 985, 2),
    (b"CZK", 203, 2),
    (b"HUF", 348, 2),
    (b"RON", 946, 2),
    (b"BGN", 975, 2),
    (b"TRY", 949, 2),
    (b"AED", 784, 2),
    (b"SAR", 682, 2),
    (b"QAR", 634, 2),
    (b"IQD", 368, 3),
    (b"KWD", 414, 3),
    (b"JPY", 392, 0),
    (b"KRW", 410, 0),
    (b"CNY", 156, 2),
    (b"SGD", 702, 2),
    (b"THB", 764, 2),
    (b"INR", 356, 2),
    (b"AUD", 36, 2),
    (b"CAD", 124, 2),
];

/// Why a text is not money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a currency of the table.
    #[error("unknown currency {0:?}: use an ISO 4217 code such as EUR")]
    UnknownCurrency(String),
    /// Not a plain decimal number.
    #[error("{0:?} is not a decimal number")]
    NotDecimal(String),
    /// More digits than can be held exactly.
    #[error("{0:?} has more digits than can be held exactly")]
    TooPrecise(String),
    /// Two currencies met without a rate.
    #[error("{0} and {1} cannot be reckoned together without a rate")]
    Mismatch(Currency, Currency),
    /// The sum is larger than any sale.
    #[error("the amount is too large")]
    Overflow,
}

impl Currency {
    /// The euro.
    pub const EUR: Currency = Currency(*b"EUR");
    /// The US dollar.
    pub const USD: Currency = Currency(*b"USD");

    /// The alphabetic code, such as `EUR`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// The numeric code, such as 978.
    pub fn numeric(&self) -> u16 {
        self.row().1
    }

    /// How many digits the minor unit has: 2 for EUR, 0 for JPY.
    pub fn exponent(&self) -> u8 {
        self.row().2
    }

    /// The currency with this numeric code.
    pub fn from_numeric(number: u16) -> Option<Currency> {
        CURRENCIES.iter().find(|row| row.1 == number).map(|row| Currency(*row.0))
    }

    fn row(&self) -> &'static (&'static [u8; 3], u16, u8) {
        CURRENCIES.iter().find(|row| row.0 == &self.0).expect("a Currency is only made from the table")
    }

    /// Units of [`Exact`] in one minor unit.
    fn minor_scale(&self) -> i128 {
        EXACT_SCALE / 10_i128.pow(u32::from(self.exponent()))
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let upper = text.trim().to_ascii_uppercase();
        CURRENCIES
            .iter()
            .find(|row| row.0.as_slice() == upper.as_bytes())
            .map(|row| Currency(*row.0))
            .ok_or_else(|| MoneyError::UnknownCurrency(text.to_owned()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a card is charged: whole minor units (cents) of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// Minor units: 990 is 9.90 EUR.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Amount {
    /// An amount of `minor` units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Amount { minor, currency }
    }

    /// The same sum, exact.
    pub fn exact(&self) -> Exact {
        Exact { units: i128::from(self.minor) * self.currency.minor_scale(), currency: self.currency }
    }

    /// Sum of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError::Mismatch`] for two currencies, [`MoneyError::Overflow`] past 64 bits.
    pub fn plus(&self, other: Amount) -> Result<Amount, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mismatch(self.currency, other.currency));
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Amount { minor, currency: self.currency })
    }

    /// The tax contained in a gross amount, at `rate` hundredths of a percent (1900 is 19 %), rounded half up.
    pub fn tax_within(&self, rate: u32) -> Amount {
        let gross = i128::from(self.minor);
        let tax = div_half_up(gross * i128::from(rate), 10_000 + i128::from(rate));
        Amount { minor: i64::try_from(tax).unwrap_or(i64::MAX), currency: self.currency }
    }
}

/// Plain form with a point and the code, for logs and the journal: `9.90 EUR`. People see `locale`'s form.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.exponent());
        let scale = 10_u64.pow(u32::from(self.currency.exponent()));
        let sign = if self.minor < 0 { "-" } else { "" };
        let value = self.minor.unsigned_abs();
        if digits == 0 {
            write!(f, "{sign}{value} {}", self.currency)
        } else {
            write!(f, "{sign}{}.{:0digits$} {}", value / scale, value % scale, self.currency)
        }
    }
}

/// What a provider asks, exactly: units of 10⁻⁸ of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exact {
    /// Units of 10⁻⁸.
    pub units: i128,
    /// The currency.
    pub currency: Currency,
}

impl Exact {
    /// From a decimal text such as `2.72` or `0.58000000`, exactly.
    ///
    /// # Errors
    /// [`MoneyError::NotDecimal`] or [`MoneyError::TooPrecise`].
    pub fn parse(text: &str, currency: Currency) -> Result<Exact, MoneyError> {
        Ok(Exact { units: parse_scaled(text)?, currency })
    }

    /// The decimal text, without needless zeros: `2.72`.
    pub fn decimal(&self) -> String {
        let sign = if self.units < 0 { "-" } else { "" };
        let value = self.units.unsigned_abs();
        let scale = EXACT_SCALE.unsigned_abs();
        let text = format!("{sign}{}.{:08}", value / scale, value % scale);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// Turned into another currency. Nothing is rounded away beyond 10⁻⁸, upwards, so that a cost is never
    /// understated.
    pub fn at(&self, rate: &Rate) -> Result<Exact, MoneyError> {
        if rate.from != self.currency {
            return Err(MoneyError::Mismatch(self.currency, rate.from));
        }
        let product = self.units.checked_mul(rate.units).ok_or(MoneyError::Overflow)?;
        Ok(Exact { units: div_ceil(product, EXACT_SCALE), currency: rate.to })
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[derive(Serialize, Deserialize)]
struct ExactText {
    value: String,
    currency: Currency,
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ExactText { value: self.decimal(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = ExactText::deserialize(deserializer)?;
        Exact::parse(&text.value, text.currency).map_err(de::Error::custom)
    }
}

fn div_ceil(numerator: i128, denominator: i128) -> i128 {
    numerator.div_euclid(denominator) + i128::from(numerator.rem_euclid(denominator) != 0)
}

fn div_half_up(numerator: i128, denominator: i128) -> i128 {
    (numerator * 2 + denominator).div_euclid(denominator * 2)
}

/// A decimal text as units of 10⁻⁸. Also takes JSON's exponent form, since it is read from raw JSON.
pub fn parse_scaled(text: &str) -> Result<i128, MoneyError> {
    let bad = || MoneyError::NotDecimal(text.chars().take(40).collect());
    let trimmed = text.trim();
    let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| bad())?),
        None => (trimmed, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 20 || fraction.len() > 20 || !plain(whole) || !plain(fraction) {
        return Err(bad());
    }
    let joined: i128 = format!("{whole}{fraction}").parse().map_err(|_| bad())?;
    let decimals = i32::try_from(fraction.len()).map_err(|_| bad())?;
    let shift = exponent.checked_add(8).and_then(|shift| shift.checked_sub(decimals)).ok_or_else(bad)?;
    let units = scale(joined, shift).ok_or_else(|| MoneyError::TooPrecise(text.chars().take(40).collect()))?;
    Ok(if negative { -units } else { units })
}

/// `value` × 10^`shift`, or nothing where that is not whole.
fn scale(value: i128, shift: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 { value.checked_mul(power) } else { (value % power == 0).then(|| value / power) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Amount {
        Amount::new(minor, Currency::EUR)
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(parse_scaled("2.72").unwrap(), 272_000_000);
        assert_eq!(parse_scaled("0.58000000").unwrap(), 58_000_000);
        assert_eq!(parse_scaled("1e2").unwrap(), 10_000_000_000);
        assert_eq!(parse_scaled("-0.00000001").unwrap(), -1);
        for bad in ["", ".5", "1,2", "0x1", "1.2.3", "NaN", "1e", "--1", "0.123456789", "1e40"] {
            assert!(parse_scaled(bad).is_err(), "{bad}");
        }
        assert_eq!(Exact::parse("2.7200", Currency::USD).unwrap().decimal(), "2.72");
        assert_eq!(Exact::parse("100", Currency::USD).unwrap().decimal(), "100");
    }

    #[test]
    fn amounts_print_plainly() {
        assert_eq!(eur(990).to_string(), "9.90 EUR");
        assert_eq!(eur(-5).to_string(), "-0.05 EUR");
        assert_eq!(Amount::new(900, "JPY".parse().unwrap()).to_string(), "900 JPY");
        assert_eq!(eur(1190).tax_within(1900), eur(190));
        assert_eq!(eur(990).tax_within(1900), eur(158));
    }
}
