//! From a provider's cost to the price on the screen: the rate of the day, the mark-up, one rounding (sale.md 13).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Amount, Currency, EXACT_SCALE, Exact, MoneyError, div_ceil, parse_scaled};

/// How many units of `to` one unit of `from` costs, on a day (sale.md 13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The currency of the cost.
    pub from: Currency,
    /// The currency of the terminal.
    pub to: Currency,
    /// Units of 10⁻⁸ of `to` for one whole unit of `from`; written as decimal text, `value = "0.92"`.
    #[serde(rename = "value", with = "decimal_text")]
    pub units: i128,
    /// The day of the rate.
    pub date: jiff::civil::Date,
    /// Days after which it is not used any more.
    pub max_age_days: u32,
}

impl Rate {
    /// The rate of a currency to itself.
    pub fn same(currency: Currency, date: jiff::civil::Date) -> Rate {
        Rate { from: currency, to: currency, units: EXACT_SCALE, date, max_age_days: u32::MAX }
    }

    /// Whether the rate may be used on `today`: not from the future by more than a day, not older than its age.
    pub fn valid_on(&self, today: jiff::civil::Date) -> bool {
        let Ok(age) = self.date.until(today) else { return false };
        let days = i64::from(age.get_days());
        self.units > 0 && days >= -1 && days <= i64::from(self.max_age_days)
    }
}

/// How a retail price is made from a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkUp {
    /// Hundredths of a percent on the cost: 4500 is +45 %.
    pub per_ten_thousand: u32,
    /// Minor units added after that.
    pub fixed_minor: i64,
    /// How the price ends.
    pub ending: Ending,
}

/// The last digits of a retail price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// To the minor unit, up.
    Exact,
    /// Up to the next …,90.
    Ninety,
    /// Up to the next …,99.
    NinetyNine,
}

/// The retail price of a cost: cost × rate × mark-up, tax included, rounded once, up (sale.md 13).
///
/// `None` where the result would lie below the converted cost, or does not fit.
///
/// # Errors
/// A rate of another currency, or an overflow.
pub fn retail(cost: Exact, rate: &Rate, mark_up: &MarkUp) -> Result<Option<Amount>, MoneyError> {
    let converted = cost.at(rate)?;
    let factor = 10_000 + i128::from(mark_up.per_ten_thousand);
    let raised = converted.units.checked_mul(factor).ok_or(MoneyError::Overflow)?;
    let fixed = i128::from(mark_up.fixed_minor) * rate.to.minor_scale();
    let minor_scale = rate.to.minor_scale();
    let minor = div_ceil(raised + fixed * 10_000, minor_scale * 10_000);
    let minor = match (mark_up.ending, rate.to.exponent()) {
        (Ending::Exact, _) | (_, 0) => minor,
        (Ending::Ninety, digits) => up_to_ending(minor, 9 * 10_i128.pow(u32::from(digits) - 1), digits),
        (Ending::NinetyNine, digits) => up_to_ending(minor, 10_i128.pow(u32::from(digits)) - 1, digits),
    };
    let amount = Amount { minor: i64::try_from(minor).map_err(|_| MoneyError::Overflow)?, currency: rate.to };
    Ok((amount.minor > 0 && amount.exact().units >= converted.units).then_some(amount))
}

fn up_to_ending(minor: i128, ending: i128, digits: u8) -> i128 {
    let whole = 10_i128.pow(u32::from(digits));
    let candidate = minor - minor.rem_euclid(whole) + ending;
    if candidate >= minor { candidate } else { candidate + whole }
}

/// A rate is written as decimal text: JSON and TOML have no such numbers, and no float comes near it.
mod decimal_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(units: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Exact { units: *units, currency: Currency::EUR }.decimal())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        parse_scaled(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Amount {
        Amount::new(minor, Currency::EUR)
    }

    fn rate(units: &str) -> Rate {
        Rate {
            from: Currency::USD,
            to: Currency::EUR,
            units: parse_scaled(units).unwrap(),
            date: jiff::civil::date(2026, 11, 1),
            max_age_days: 7,
        }
    }

    #[test]
    fn retail_is_rounded_once_and_never_below_cost() {
        let cost = Exact::parse("2.72", Currency::USD).unwrap();
        let plain = MarkUp { per_ten_thousand: 4500, fixed_minor: 0, ending: Ending::Exact };
        // 2.72 × 0.92 × 1.45 = 3.628480
        assert_eq!(retail(cost, &rate("0.92"), &plain).unwrap(), Some(eur(363)));
        let ninety = MarkUp { ending: Ending::Ninety, ..plain };
        assert_eq!(retail(cost, &rate("0.92"), &ninety).unwrap(), Some(eur(390)));
        let late = MarkUp { ending: Ending::NinetyNine, fixed_minor: 50, ..plain };
        assert_eq!(retail(cost, &rate("0.92"), &late).unwrap(), Some(eur(499)));
        let loss = MarkUp { per_ten_thousand: 0, fixed_minor: -100, ending: Ending::Exact };
        assert_eq!(retail(cost, &rate("0.92"), &loss).unwrap(), None);
        assert!(matches!(retail(eur(1).exact(), &rate("0.92"), &plain), Err(MoneyError::Mismatch(..))));
    }

    #[test]
    fn rates_age() {
        let rate = rate("0.92");
        assert!(rate.valid_on(jiff::civil::date(2026, 11, 8)));
        assert!(!rate.valid_on(jiff::civil::date(2026, 11, 9)));
        assert!(!rate.valid_on(jiff::civil::date(2026, 10, 30)));
        assert!(!rate.valid_on(jiff::civil::date(1970, 1, 1)));
    }
}
