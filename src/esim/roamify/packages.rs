//! Roamify's packages in the forms that were seen: countries with packages in them, or packages with the country in
//! them; data flat or nested.

use serde_json::Value;

use crate::esim::loose;
use crate::esim::{Coverage, ProviderPlan};
use crate::money::{Currency, Exact};
use crate::sale::offer::{DataVolume, PlanKey};

/// Where a package works, from the entry around it or from itself.
#[derive(Clone, Default)]
struct Around {
    name: Option<String>,
    code: Option<String>,
    geography: Option<String>,
    countries: Vec<String>,
    networks: Vec<String>,
}

/// Every package of an answer; `None` where the answer has no list in a known form.
pub(super) fn packages(data: &Value, currency: Currency) -> Option<Vec<ProviderPlan>> {
    let lists = ["", "countries", "packages", "packages.data", "data", "items"];
    let entries = loose::entries(data, &lists)?;
    let mut plans = Vec::new();
    for entry in entries {
        let around = around(entry, &Around::default());
        match loose::entries(entry, &["packages"]) {
            Some(inner) => {
                plans.extend(
                    inner.into_iter().filter_map(|package| plan(package, &self::around(package, &around), currency)),
                );
            }
            None => plans.extend(plan(entry, &around, currency)),
        }
    }
    Some(plans)
}

fn around(entry: &Value, outer: &Around) -> Around {
    let names = |path: &str| -> Vec<String> {
        loose::entries(entry, &[path])
            .unwrap_or_default()
            .into_iter()
            .filter_map(|one| match one {
                Value::String(text) => Some(text.clone()),
                other => loose::any_text(other, &["code", "countryCode", "name", "countryName", "operator"]),
            })
            .collect()
    };
    let or = |found: Option<String>, outer: &Option<String>| found.or_else(|| outer.clone());
    let or_list = |found: Vec<String>, outer: &[String]| if found.is_empty() { outer.to_vec() } else { found };
    Around {
        name: or(loose::any_text(entry, &["countryName", "country", "region"]), &outer.name),
        code: or(loose::text(entry, "countryCode"), &outer.code),
        geography: or(loose::text(entry, "geography"), &outer.geography),
        countries: or_list(names("countries"), &outer.countries),
        networks: or_list(names("signals"), &outer.networks),
    }
}

fn plan(package: &Value, around: &Around, currency: Currency) -> Option<ProviderPlan> {
    // A plan that needs a travel date cannot be sold by touching a card.
    if loose::flag(package, "requirements.travelDate") == Some(true) {
        return None;
    }
    Some(ProviderPlan {
        key: PlanKey(loose::text(package, "packageId")?),
        package_code: None,
        name: loose::text(package, "package").unwrap_or_default(),
        coverage: coverage(around)?,
        data: volume(package)?,
        days: u16::try_from(loose::whole(package, "day").or_else(|| loose::whole(package, "days"))?).ok()?,
        cost: cost(package, currency)?,
        networks: around.networks.clone(),
        speed: None,
        fair_use: loose::sentences(loose::at(package, "notes")),
        install_at_destination: loose::flag(package, "withDestinationInstall").unwrap_or(false),
        slow: false,
        can_top_up: loose::flag(package, "withTopUp").unwrap_or(false),
    })
    .filter(|plan| plan.days > 0)
}

/// A package for an eSIM that the traveller has: it works where the eSIM works.
pub(super) fn top_up(package: &Value, currency: Currency) -> Option<ProviderPlan> {
    let around = Around { name: Some(String::new()), ..Around::default() };
    plan(package, &around, currency)
}

/// What a package costs, by its digits.
pub(super) fn cost(package: &Value, currency: Currency) -> Option<Exact> {
    let stated = match loose::text(package, "currency") {
        Some(code) => code.parse().ok()?,
        None => currency,
    };
    loose::exact(package, "price", stated).filter(|cost| cost.units > 0)
}

fn coverage(around: &Around) -> Option<Coverage> {
    let name = around.name.clone()?;
    Some(match around.geography.as_deref() {
        Some("global") => Coverage::Global { countries: around.countries.clone() },
        Some("regional") => Coverage::Region { name, countries: around.countries.clone() },
        _ if around.countries.len() > 1 => Coverage::Region { name, countries: around.countries.clone() },
        _ => Coverage::Country { iso: around.code.clone(), name },
    })
}

fn volume(package: &Value) -> Option<DataVolume> {
    let said = |path| loose::flag(package, path);
    if said("isUnlimited").or_else(|| said("data.isUnlimited")) == Some(true) {
        // Unlimited with a threshold is so much a day at full speed.
        return Some(amount(package, "throttle").map_or(DataVolume::Unlimited, DataVolume::BytesPerDay));
    }
    amount(package, "data").or_else(|| amount(package, "")).map(DataVolume::Bytes)
}

fn amount(package: &Value, inside: &str) -> Option<u64> {
    let path = |name: &str| if inside.is_empty() { name.to_owned() } else { format!("{inside}.{name}") };
    let unit = match loose::text(package, &path("dataUnit"))?.to_ascii_uppercase().as_str() {
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    loose::bytes(package, &path("dataAmount"), unit).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn packages_are_read_flat_and_nested() {
        let nested = json!([{"countryName": "Cambodia", "countryCode": "KH", "geography": "local", "signals": ["Smart"],
            "packages": [{"packageId": "esim-cambodia-7days-1gb-all", "package": "1 GB - 7 Days", "day": 7, "price": 5,
                "data": {"isUnlimited": false, "dataAmount": 1024, "dataUnit": "MB"}}]}]);
        let flat = json!({"packages": [{"packageId": "esim-cambodia-7days-1gb-all", "package": "1 GB - 7 Days", "day": "7",
            "price": "5.00", "isUnlimited": false, "dataAmount": 1, "dataUnit": "GB", "countryName": "Cambodia",
            "countryCode": "KH", "signals": [{"name": "Smart"}]}]});
        let (one, two) = (packages(&nested, Currency::USD).unwrap(), packages(&flat, Currency::USD).unwrap());
        assert_eq!(one, two);
        assert_eq!(one[0].data, DataVolume::Bytes(1 << 30));
        assert_eq!(one[0].coverage, Coverage::Country { iso: Some("KH".into()), name: "Cambodia".into() });
        assert_eq!(packages(&json!({"x": 1}), Currency::USD), None);
    }

    #[test]
    fn unlimited_and_travel_dates() {
        let mut package =
            json!({"packageId": "p", "day": 1, "price": 2.5, "isUnlimited": true, "countryName": "Japan"});
        let read = |package: &Value| packages(&json!([package]), Currency::USD).unwrap();
        assert_eq!(read(&package)[0].data, DataVolume::Unlimited);
        for yes in [json!("true"), json!(1), json!("1")] {
            package["isUnlimited"] = yes.clone();
            assert_eq!(read(&package)[0].data, DataVolume::Unlimited, "{yes}");
        }
        for no in [json!(false), json!(0), json!(null)] {
            package["isUnlimited"] = no.clone();
            assert!(read(&package).is_empty(), "no amount and not unlimited: {no}");
        }
        package["isUnlimited"] = json!(true);
        package["throttle"] = json!({"dataAmount": 1, "dataUnit": "GB"});
        assert_eq!(read(&package)[0].data, DataVolume::BytesPerDay(1 << 30));
        package["requirements"] = json!({"travelDate": true});
        assert!(read(&package).is_empty());
    }
}
