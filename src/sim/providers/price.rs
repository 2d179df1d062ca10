//! What the simulated providers reckon with: units of 10⁻⁸ of their wallet's currency, as Mobilexy prints them.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Number, Value};

/// Units of 10⁻⁸. Whole numbers only, so that two ledgers can be compared to the last digit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Units(pub i64);

const SCALE: i64 = 100_000_000;

impl Units {
    /// Nothing.
    pub const ZERO: Units = Units(0);

    /// So many hundredths of a unit of currency.
    pub const fn cents(cents: i64) -> Units {
        Units(cents * (SCALE / 100))
    }

    /// Eight decimals, as Mobilexy writes prices and totals: `8.12000000`.
    pub fn eight(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        let scale = SCALE.unsigned_abs();
        format!("{sign}{}.{:08}", value / scale, value % scale)
    }

    /// Two decimals, as the virtual numbers are priced: `8.33`. Further digits are cut.
    pub fn two(self) -> String {
        let text = self.eight();
        text[..text.len() - 6].to_owned()
    }

    /// The shortest decimal, `2.72` or `5`.
    pub fn short(self) -> String {
        self.eight().trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// A JSON number with the digits of [`Units::short`].
    pub fn number(self) -> Value {
        self.short().parse::<Number>().map_or(Value::Null, Value::Number)
    }

    /// The price raised by so many percent, to the cent.
    pub fn raised(self, percent: u32) -> Units {
        let cents = self.0 / (SCALE / 100);
        Units::cents(cents + (cents * i64::from(percent)).div_euclid(100).max(1))
    }

    /// `count` times this.
    pub fn times(self, count: u32) -> Units {
        Units(self.0.saturating_mul(i64::from(count)))
    }
}

impl Add for Units {
    type Output = Units;
    fn add(self, other: Units) -> Units {
        Units(self.0.saturating_add(other.0))
    }
}

impl Sub for Units {
    type Output = Units;
    fn sub(self, other: Units) -> Units {
        Units(self.0.saturating_sub(other.0))
    }
}

impl FromStr for Units {
    type Err = NotAPrice;
    fn from_str(text: &str) -> Result<Self, NotAPrice> {
        let bad = || NotAPrice(text.to_owned());
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 10 || fraction.len() > 8 || !plain(whole) || !plain(fraction) {
            return Err(bad());
        }
        let value: i64 = format!("{whole}{fraction:0<8}").parse().map_err(|_| bad())?;
        Ok(Units(if negative { -value } else { value }))
    }
}

/// The text is not a decimal price with at most eight decimals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a price: write a decimal number such as 100 or 8.12")]
pub struct NotAPrice(String);

impl fmt::Debug for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.short())
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_written_as_the_documents_write_them() {
        let price: Units = "8.12".parse().unwrap();
        assert_eq!(price, Units::cents(812));
        assert_eq!(price.eight(), "8.12000000");
        assert_eq!(price.two(), "8.12");
        assert_eq!(Units::cents(500).number().to_string(), "5");
        assert_eq!(Units::cents(-5).short(), "-0.05");
        assert_eq!(Units::cents(144).raised(10), Units::cents(158));
        for bad in ["", ".5", "1,2", "1e3", "0.123456789", "--1"] {
            assert!(bad.parse::<Units>().is_err(), "{bad}");
        }
    }
}
