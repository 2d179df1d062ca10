//! Mobilexy's plans: from its lists to [`ProviderPlan`]. A plan's key says where its price can be read again, since
//! the plan's own page has none: `country-plans/japan/855`.

use serde_json::Value;

use crate::esim::loose;
use crate::esim::{Coverage, ProviderPlan};
use crate::money::{Currency, Exact};
use crate::sale::offer::{DataVolume, PlanKey};

/// The list that a plan stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PlanList {
    /// Of a country: slug and name.
    Country(String, String),
    /// Of a region: slug and name.
    Region(String, String),
    /// The global one.
    Global,
}

impl PlanList {
    fn key(&self, id: i64) -> PlanKey {
        PlanKey(match self {
            PlanList::Country(slug, _) => format!("country-plans/{slug}/{id}"),
            PlanList::Region(slug, _) => format!("region-plans/{slug}/{id}"),
            PlanList::Global => format!("global-plans/{id}"),
        })
    }

    /// The list and the id that a key names.
    pub(super) fn of_key(key: &PlanKey) -> Option<(PlanList, i64)> {
        let (list, id) = key.0.rsplit_once('/')?;
        let id = id.parse().ok()?;
        let list = match list.split_once('/') {
            Some(("country-plans", slug)) => PlanList::Country(slug.into(), slug.into()),
            Some(("region-plans", slug)) => PlanList::Region(slug.into(), slug.into()),
            None if list == "global-plans" => PlanList::Global,
            _ => return None,
        };
        Some((list, id))
    }
}

/// One plan; nothing where it has no id, no price, no period or no usable volume, or is switched off.
pub(super) fn plan(value: &Value, list: &PlanList, currency: Currency) -> Option<ProviderPlan> {
    let id = loose::whole(value, "id")?;
    if loose::whole(value, "status").is_some_and(|status| status != 1) {
        return None;
    }
    let slug = loose::text(value, "slug").unwrap_or_default();
    let fair_use = loose::text(value, "fup_policy_text").unwrap_or_default();
    Some(ProviderPlan {
        key: list.key(id),
        package_code: loose::text(value, "packageCode"),
        name: loose::text(value, "name")?,
        coverage: coverage(value, list),
        data: volume(loose::whole(value, "data_volume")?, &slug)?,
        days: u16::try_from(loose::whole(value, "period")?).ok().filter(|days| *days > 0)?,
        cost: cost(value, currency)?,
        networks: loose::text(value, "operator_name").map_or_else(Vec::new, |names| split_names(&names)),
        speed: loose::text(value, "network_speed"),
        fair_use,
        install_at_destination: false,
        slow: false,
        can_top_up: loose::text(value, "packageCode").is_some(),
    })
}

/// The price as its digits stand there; the currency stated, or the configured one where it is null.
pub(super) fn cost(value: &Value, currency: Currency) -> Option<Exact> {
    let stated = match loose::text(value, "currency") {
        Some(code) => code.parse().ok()?,
        None => currency,
    };
    loose::exact(value, "converted_price", stated).filter(|cost| cost.units > 0)
}

/// −1 is "unlimited" only in the throttled sense where the slug ends in `_Daily`: `AF_0.5_Daily` is half a gigabyte
/// a day at full speed.
fn volume(bytes: i64, slug: &str) -> Option<DataVolume> {
    if let Ok(bytes) = u64::try_from(bytes) {
        return (bytes > 0).then_some(DataVolume::Bytes(bytes));
    }
    let mut parts = slug.rsplit('_');
    if parts.next() == Some("Daily")
        && let Some(per_day) = parts.next().and_then(|gigabytes| loose::scaled_bytes(gigabytes, 1 << 30))
    {
        return Some(DataVolume::BytesPerDay(per_day));
    }
    (bytes == -1).then_some(DataVolume::Unlimited)
}

fn coverage(value: &Value, list: &PlanList) -> Coverage {
    let countries: Vec<String> = loose::entries(value, &["countries"])
        .unwrap_or_default()
        .into_iter()
        .filter_map(|country| loose::text(country, "name"))
        .collect();
    match list {
        PlanList::Country(_, name) => Coverage::Country { iso: None, name: name.clone() },
        PlanList::Region(_, name) => Coverage::Region { name: name.clone(), countries },
        PlanList::Global => Coverage::Global { countries },
    }
}

fn split_names(names: &str) -> Vec<String> {
    names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Value {
        json!({"id": 855, "slug": "AF_0.5_Daily", "name": "Afghanistan 500MB/Day", "period": 1, "data_volume": -1,
            "fup_policy_text": "500MB high-speed/day, 512 Kbps after limit, resets daily", "operator_name": "Etisalat, Roshan",
            "network_speed": "3G", "status": 1, "converted_price": "8.12000000", "currency": null, "packageCode": "CKH226"})
    }

    #[test]
    fn a_daily_plan_is_so_much_a_day() {
        let list = PlanList::Country("afghanistan".into(), "Afghanistan".into());
        let plan = plan(&sample(), &list, Currency::USD).unwrap();
        assert_eq!(plan.data, DataVolume::BytesPerDay(1 << 29));
        assert_eq!(plan.cost.to_string(), "8.12 USD");
        assert_eq!(plan.networks, ["Etisalat", "Roshan"]);
        assert_eq!(PlanList::of_key(&plan.key).unwrap().1, 855);
    }

    #[test]
    fn plans_without_what_a_sale_needs_are_left_out() {
        let list = PlanList::Global;
        for (name, bad) in [
            ("converted_price", json!(null)),
            ("converted_price", json!("0.00000000")),
            ("period", json!(0)),
            ("data_volume", json!(0)),
            ("data_volume", json!(null)),
            ("status", json!(0)),
            ("id", json!("x")),
            ("currency", json!("XXX")),
        ] {
            let mut value = sample();
            value[name] = bad.clone();
            assert_eq!(plan(&value, &list, Currency::USD), None, "{name}: {bad}");
        }
        let mut euros = sample();
        euros["currency"] = json!("EUR");
        assert_eq!(plan(&euros, &list, Currency::USD).unwrap().cost.currency, Currency::EUR);
    }

    #[test]
    fn keys_name_their_list() {
        assert_eq!(PlanList::of_key(&PlanKey("global-plans/7".into())), Some((PlanList::Global, 7)));
        for bad in ["855", "x/japan/1", "country-plans/japan/x", ""] {
            assert_eq!(PlanList::of_key(&PlanKey(bad.into())), None, "{bad}");
        }
    }
}
