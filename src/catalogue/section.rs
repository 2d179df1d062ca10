//! The sections `[catalogue]` and `[pricing]` of the configuration.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use super::places::Iso;
use crate::money::{Currency, Ending, MarkUp, MoneyError, Rate, parse_scaled};

/// How prices are made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pricing {
    /// The mark-up where no rule says otherwise.
    pub mark_up: MarkUp,
    /// Exceptions: the most specific one counts (plan, then destination, then provider), of equals the later.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Exchange rates into the terminal's currency.
    #[serde(default)]
    pub rates: Vec<RateLine>,
    /// What an account's cost counts more when the cheapest is chosen, in hundredths of a percent, for the risk of
    /// buying there. It is in no price. An account that is not named here counts by what its provider is.
    #[serde(default)]
    pub risk: BTreeMap<String, u32>,
}

/// An exception to the mark-up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only this account's plans.
    pub provider: Option<String>,
    /// Only this destination: an ISO code, a region's key, `world`.
    pub destination: Option<String>,
    /// Only this plan, by its key at the provider.
    pub plan: Option<String>,
    /// The mark-up for them.
    pub mark_up: MarkUp,
}

/// One dated exchange rate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLine {
    /// Currency of the costs.
    pub from: Currency,
    /// How many units of the terminal's currency one unit costs, as decimal text: `"0.9234"`.
    pub rate: String,
    /// The day of the rate.
    pub date: Date,
    /// Days after which it is not used any more.
    pub max_age_days: u32,
}

/// Order of choice at equal cost (providers.md 3.5): replay and cancel first, a wallet as only witness last.
fn default_risk() -> BTreeMap<String, u32> {
    [("esimfly", 0), ("roamify", 200), ("reseller", 300), ("mobilexy", 800)]
        .into_iter()
        .map(|(name, risk)| (name.to_owned(), risk))
        .collect()
}

impl Default for Pricing {
    fn default() -> Self {
        Pricing {
            mark_up: MarkUp { per_ten_thousand: 4500, fixed_minor: 0, ending: Ending::Ninety },
            rules: Vec::new(),
            rates: Vec::new(),
            risk: default_risk(),
        }
    }
}

impl Pricing {
    /// The rates into `to` that are valid on `today`, and the rate of `to` to itself.
    ///
    /// # Errors
    /// A rate that is no decimal number, with its place in the list.
    pub fn rates_on(&self, today: Date, to: Currency) -> Result<Vec<Rate>, (usize, MoneyError)> {
        let mut rates = vec![Rate::same(to, today)];
        for (place, line) in self.rates.iter().enumerate().filter(|(_, line)| line.from != to) {
            let units = parse_scaled(&line.rate).map_err(|error| (place, error))?;
            let rate = Rate { from: line.from, to, units, date: line.date, max_age_days: line.max_age_days };
            if rate.valid_on(today) {
                rates.push(rate);
            }
        }
        // Of several rates of one currency the newest counts.
        rates.sort_by_key(|rate| std::cmp::Reverse(rate.date));
        Ok(rates)
    }

    /// The mark-up of a plan.
    pub fn mark_up_of(&self, provider: &str, destination: &str, plan: &str) -> MarkUp {
        let fits = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let weight = |rule: &Rule| {
            u8::from(rule.plan.is_some()) * 4
                + u8::from(rule.destination.is_some()) * 2
                + u8::from(rule.provider.is_some())
        };
        self.rules
            .iter()
            .filter(|rule| {
                fits(&rule.provider, provider) && fits(&rule.destination, destination) && fits(&rule.plan, plan)
            })
            .max_by_key(|rule| weight(rule))
            .map_or(self.mark_up, |rule| rule.mark_up)
    }
}

/// What is offered, how it is named and when a fresh list is believed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offering {
    /// Destinations on the big tiles, by ISO code, in this order.
    pub popular: Vec<String>,
    /// Destinations that are not offered here.
    pub hidden: Vec<String>,
    /// The operator's own names: code, language, name.
    pub names: BTreeMap<String, BTreeMap<String, String>>,
    /// Spellings of providers that are no country's name, with the country they stand for.
    pub places: BTreeMap<String, String>,
    /// A fresh list that lost more than this percentage of the plans is refused.
    pub most_lost_percent: u32,
    /// A price that moved by more than this percentage counts as changed.
    pub price_step_percent: u32,
    /// A fresh list with more than this percentage of the prices changed is refused.
    pub most_changed_percent: u32,
}

impl Default for Offering {
    fn default() -> Self {
        let popular = ["us", "gb", "tr", "jp", "th", "ae", "es", "it", "fr", "ch", "cn", "eg"];
        Offering {
            popular: popular.iter().map(|code| (*code).to_owned()).collect(),
            hidden: Vec::new(),
            names: BTreeMap::new(),
            places: BTreeMap::new(),
            most_lost_percent: 30,
            price_step_percent: 25,
            most_changed_percent: 20,
        }
    }
}

impl Offering {
    /// What is wrong in it: key and what is accepted.
    pub fn problems(&self) -> Vec<(String, String)> {
        let codes = |key: &str, list: &[String]| -> Vec<(String, String)> {
            let unknown = |code: &&String| Iso::parse(code).is_none();
            list.iter()
                .filter(unknown)
                .map(|code| (key.to_owned(), format!("{code:?} is no ISO 3166-1 code of two letters, such as \"jp\"")))
                .collect()
        };
        let mut problems = codes("catalogue.popular", &self.popular);
        let places: Vec<String> = self.places.values().cloned().collect();
        problems.extend(codes("catalogue.places", &places));
        for (key, value) in [
            ("catalogue.most_lost_percent", self.most_lost_percent),
            ("catalogue.most_changed_percent", self.most_changed_percent),
        ] {
            if value > 100 {
                problems.push((key.to_owned(), "a percentage from 0 to 100 is expected".into()));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_rule_counts() {
        let of = |per_ten_thousand| MarkUp { per_ten_thousand, fixed_minor: 0, ending: Ending::Exact };
        let rule = |provider: Option<&str>, destination: Option<&str>, plan: Option<&str>, mark_up| Rule {
            provider: provider.map(str::to_owned),
            destination: destination.map(str::to_owned),
            plan: plan.map(str::to_owned),
            mark_up: of(mark_up),
        };
        let pricing = Pricing {
            mark_up: of(1),
            rules: vec![
                rule(None, None, Some("p1"), 4),
                rule(Some("roamify"), None, None, 2),
                rule(None, Some("jp"), None, 3),
            ],
            ..Pricing::default()
        };
        let mark_up = |provider, destination, plan| pricing.mark_up_of(provider, destination, plan).per_ten_thousand;
        assert_eq!(mark_up("x", "de", "p"), 1);
        assert_eq!(mark_up("roamify", "de", "p"), 2);
        assert_eq!(mark_up("roamify", "jp", "p"), 3);
        assert_eq!(mark_up("roamify", "jp", "p1"), 4);
    }

    #[test]
    fn only_valid_rates_are_used_and_the_newest_of_them() {
        let line = |rate: &str, day| RateLine {
            from: Currency::USD,
            rate: rate.into(),
            date: jiff::civil::date(2026, 11, day),
            max_age_days: 7,
        };
        let mut pricing =
            Pricing { rates: vec![line("0.90", 1), line("0.92", 20), line("0.91", 18)], ..Pricing::default() };
        let today = jiff::civil::date(2026, 11, 22);
        let rates = pricing.rates_on(today, Currency::EUR).unwrap();
        let usd: Vec<i128> = rates.iter().filter(|rate| rate.from == Currency::USD).map(|rate| rate.units).collect();
        assert_eq!(usd, [92_000_000, 91_000_000]);
        pricing.rates.push(line("0,9", 20));
        assert_eq!(pricing.rates_on(today, Currency::EUR).unwrap_err().0, 3);
    }
}
