//! eSIMfly's packages. A plan's key is the package code, opaque; its second key holds what an order must name beside
//! it: the region to search by, and the package's own name.

use serde_json::Value;

use crate::esim::loose;
use crate::esim::{Coverage, ProviderPlan};
use crate::money::{Currency, Exact};
use crate::sale::offer::{DataVolume, Offer, PlanKey};

/// Between region and name in the second key.
const BAR: char = '|';

/// The region and the package's name of an offer.
pub(super) fn region_and_name(offer: &Offer) -> (&str, &str) {
    let second = offer.package_code.as_deref().unwrap_or_default();
    second.split_once(BAR).unwrap_or(("", second))
}

/// One package; nothing where it lacks what a sale needs.
pub(super) fn plan(package: &Value, currency: Currency, slow_marks: &[String]) -> Option<ProviderPlan> {
    let name = loose::text(package, "name")?;
    let region = loose::text(package, "region").unwrap_or_else(|| name.clone());
    let networks = networks(package);
    let marked =
        |text: &str| slow_marks.iter().any(|mark| text.to_ascii_lowercase().contains(&mark.to_ascii_lowercase()));
    Some(ProviderPlan {
        key: PlanKey(loose::text(package, "package_code")?),
        package_code: Some(format!("{}{BAR}{name}", region.replace(BAR, " "))),
        coverage: coverage(package, region),
        data: volume(package)?,
        days: u16::try_from(loose::whole(package, "validity_days")?).ok().filter(|days| *days > 0)?,
        cost: cost(package, currency)?,
        speed: None,
        fair_use: String::new(),
        install_at_destination: false,
        slow: marked(&name) || networks.iter().any(|network| marked(network)),
        can_top_up: loose::flag(package, "features.is_rechargeable").unwrap_or(false),
        networks,
        name,
    })
}

/// What a package costs, by its digits.
pub(super) fn cost(package: &Value, currency: Currency) -> Option<Exact> {
    let stated = match loose::text(package, "currency") {
        Some(code) => code.parse().ok()?,
        None => currency,
    };
    loose::exact(package, "cost", stated).filter(|cost| cost.units > 0)
}

fn volume(package: &Value) -> Option<DataVolume> {
    if loose::flag(package, "is_unlimited") == Some(true) {
        return Some(DataVolume::Unlimited);
    }
    loose::bytes(package, "data_amount_gb", 1 << 30).filter(|bytes| *bytes > 0).map(DataVolume::Bytes)
}

fn coverage(package: &Value, region: String) -> Coverage {
    let mut countries: Vec<String> = texts(package, "countries", &["code", "name"]);
    if countries.is_empty() {
        countries = texts(package, "locationNetworkList", &["locationCode", "locationName", "country", "name"]);
    }
    match loose::text(package, "type").unwrap_or_default().to_ascii_lowercase().as_str() {
        "global" => Coverage::Global { countries },
        "regional" => Coverage::Region { name: region, countries },
        _ => {
            let iso = if let [only] = countries.as_slice() { Some(only.clone()) } else { None };
            Coverage::Country { iso: iso.filter(|code| code.len() == 2), name: region }
        }
    }
}

fn texts(package: &Value, list: &str, names: &[&str]) -> Vec<String> {
    let one = |entry: &Value| match entry {
        Value::String(text) => Some(text.clone()),
        other => loose::any_text(other, names),
    };
    loose::entries(package, &[list]).unwrap_or_default().into_iter().filter_map(one).collect()
}

fn networks(package: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for place in loose::entries(package, &["locationNetworkList"]).unwrap_or_default() {
        for operator in loose::entries(place, &["operatorList", "operators", "networks"]).unwrap_or_default() {
            let name = match operator {
                Value::String(text) => Some(text.clone()),
                other => loose::any_text(other, &["operatorName", "name"]),
            };
            names.extend(name.filter(|name| !names.contains(name)));
        }
    }
    names
}

/// Pages in all, under either name.
pub(super) fn pages(value: &Value) -> Option<i64> {
    loose::whole(value, "data.pagination.total_pages")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn packages_are_read_as_documented_and_as_seen() {
        let mut package = json!({"package_code": "PHAJHEAYP", "name": "United States 1GB 7Days", "region": "United States",
            "type": "local", "data_amount_gb": 1, "validity_days": 7, "cost": 1.44,
            "features": {"is_rechargeable": true}, "is_unlimited": false,
            "locationNetworkList": [{"locationName": "United States", "operatorList": [{"operatorName": "T-Mobile"}]}]});
        let read = |package: &Value| plan(package, Currency::USD, &["KDDI".to_owned()]).unwrap();
        let us = read(&package);
        assert_eq!((us.cost.to_string().as_str(), us.can_top_up, us.slow), ("1.44 USD", true, false));
        assert_eq!(us.package_code.as_deref(), Some("United States|United States 1GB 7Days"));
        assert_eq!(us.networks, ["T-Mobile"]);
        package["countries"] = json!(["US"]);
        package["locationNetworkList"][0]["operatorList"][0]["operatorName"] = json!("KDDI/au");
        let us = read(&package);
        assert_eq!(us.coverage, Coverage::Country { iso: Some("US".into()), name: "United States".into() });
        assert!(us.slow);
        assert_eq!(pages(&json!({"data": {"pagination": {"totalPages": 5}}})), Some(5));
        assert_eq!(pages(&json!({"data": {"pagination": {"total_pages": "5"}}})), Some(5));
    }
}
