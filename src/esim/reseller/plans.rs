//! The reseller API's plans. The document shows none; field names are those that live clients read, in either case.

use serde_json::Value;

use crate::esim::loose;
use crate::esim::{Coverage, ProviderPlan};
use crate::money::{Currency, Exact};
use crate::sale::offer::{DataVolume, PlanKey};

/// One plan; nothing where it lacks what a sale needs.
pub(super) fn plan(value: &Value, currency: Currency) -> Option<ProviderPlan> {
    let daily =
        loose::any_text(value, &["data_type", "type"]).is_some_and(|kind| kind.to_ascii_lowercase().contains("day"));
    let days = loose::whole(value, "validity_days").or_else(|| loose::whole(value, "duration"))?;
    Some(ProviderPlan {
        key: PlanKey(loose::any_text(value, &["id", "plan_id"])?),
        package_code: loose::any_text(value, &["package_code", "slug"]),
        name: loose::any_text(value, &["name", "plan_name"])?,
        coverage: coverage(value)?,
        data: volume(value, daily)?,
        days: u16::try_from(days).ok().filter(|days| *days > 0)?,
        cost: cost(value, currency)?,
        networks: texts(value, &["networks", "operators"]),
        speed: loose::any_text(value, &["speed", "network_speed"]),
        fair_use: loose::any_text(value, &["fup_policy", "fair_use"]).unwrap_or_default(),
        install_at_destination: false,
        slow: false,
        can_top_up: loose::flag(value, "supports_topup").unwrap_or(false),
    })
}

/// A top-up: `package_code`, `data_volume_mb`, `price`, `validity_days`. It works where its profile works.
pub(super) fn top_up(value: &Value, currency: Currency) -> Option<ProviderPlan> {
    let code = loose::text(value, "package_code")?;
    Some(ProviderPlan {
        key: PlanKey(code.clone()),
        package_code: Some(code.clone()),
        name: code,
        coverage: Coverage::Global { countries: Vec::new() },
        data: volume(value, false)?,
        days: u16::try_from(loose::whole(value, "validity_days")?).ok().filter(|days| *days > 0)?,
        cost: cost(value, currency)?,
        networks: Vec::new(),
        speed: None,
        fair_use: String::new(),
        install_at_destination: false,
        slow: false,
        can_top_up: true,
    })
}

/// What a plan costs us, by its digits.
pub(super) fn cost(value: &Value, currency: Currency) -> Option<Exact> {
    let stated = match loose::text(value, "currency") {
        Some(code) => code.parse().ok()?,
        None => currency,
    };
    // One name says its currency itself.
    loose::exact(value, "final_price_usd", Currency::USD)
        .or_else(|| {
            ["final_price", "reseller_price", "price"].iter().find_map(|name| loose::exact(value, name, stated))
        })
        .filter(|cost| cost.units > 0)
}

fn volume(value: &Value, daily: bool) -> Option<DataVolume> {
    if loose::flag(value, "is_unlimited") == Some(true) || loose::whole(value, "data_volume_mb") == Some(-1) {
        return Some(DataVolume::Unlimited);
    }
    let bytes = loose::bytes(value, "data_volume_mb", 1 << 20)
        .or_else(|| loose::bytes(value, "data_gb", 1 << 30))
        .or_else(|| loose::sized_text(&loose::any_text(value, &["data_amount", "data"])?))
        .filter(|bytes| *bytes > 0)?;
    Some(if daily { DataVolume::BytesPerDay(bytes) } else { DataVolume::Bytes(bytes) })
}

fn coverage(value: &Value) -> Option<Coverage> {
    let countries = texts(value, &["countries", "country_codes"]);
    let code = loose::any_text(value, &["country_code", "country"]).filter(|code| code.len() == 2);
    let name = loose::any_text(value, &["country_name", "region_name", "region", "region_code", "country"])
        .or_else(|| code.clone())
        .or_else(|| countries.first().cloned())?;
    Some(match countries.len() {
        0 | 1 => Coverage::Country { iso: code.or_else(|| countries.into_iter().next()), name },
        _ if name.eq_ignore_ascii_case("global") => Coverage::Global { countries },
        _ => Coverage::Region { name, countries },
    })
}

fn texts(value: &Value, paths: &[&str]) -> Vec<String> {
    if let Some(list) = loose::entries(value, paths) {
        return list
            .into_iter()
            .filter_map(|one| match one {
                Value::String(text) => Some(text.clone()),
                other => loose::any_text(other, &["code", "country_code", "name", "operator"]),
            })
            .collect();
    }
    let joined = loose::any_text(value, paths).unwrap_or_default();
    joined.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plans_are_read_in_either_case() {
        let snake = json!({"id": 12, "name": "5GB - USA", "country_code": "US", "country_name": "United States",
            "data_volume_mb": 5120, "validity_days": 30, "price": 15.00, "currency": "USD"});
        let camel = json!({"id": "12", "name": "5GB - USA", "countryCode": "US", "countryName": "United States",
            "dataVolumeMb": "5120", "validityDays": "30", "price": "15.0", "currency": "USD"});
        assert_eq!(plan(&snake, Currency::EUR), plan(&camel, Currency::EUR));
        let read = plan(&snake, Currency::EUR).unwrap();
        assert_eq!((read.cost.to_string().as_str(), read.data), ("15 USD", DataVolume::Bytes(5 << 30)));
        assert_eq!(read.coverage, Coverage::Country { iso: Some("US".into()), name: "United States".into() });
    }

    #[test]
    fn a_price_in_dollars_is_one_whatever_the_account_counts_in() {
        let value = json!({"final_price_usd": "18.00", "price": 15, "currency": "EUR"});
        assert_eq!(cost(&value, Currency::EUR).unwrap().to_string(), "18 USD");
    }

    #[test]
    fn top_ups_as_documented() {
        let value = json!({"package_code": "PKG_5GB_30D", "data_volume_mb": 5120, "price": 15.00, "validity_days": 30});
        let read = top_up(&value, Currency::USD).unwrap();
        assert_eq!((read.key.0.as_str(), read.cost.to_string().as_str()), ("PKG_5GB_30D", "15 USD"));
    }
}
