//! Coverage and plan lists.

use serde_json::{Value, json};

use super::{error, success};
use crate::sim::providers::Provider;
use crate::sim::providers::catalogue::{Area, Catalogue, Data, Plan};
use crate::sim::providers::desk::Desk;
use crate::sim::providers::price::Units;
use crate::sim::providers::reply::Reply;
use crate::sim::providers::world::{Country, Region, slug};

const ME: Provider = Provider::Mobilexy;

pub(super) fn countries(desk: &Desk) -> Reply {
    let catalogue = &desk.catalogue;
    let mut from: Vec<Option<Units>> = vec![None; catalogue.world.countries.len()];
    for plan in catalogue.plans.iter().filter(|plan| !plan.gone) {
        if let Area::Country(country) = plan.area {
            let least = from[country].map_or(plan.price, |least| least.min(plan.price));
            from[country] = Some(least);
        }
    }
    let rows = catalogue.world.countries.iter().zip(from).filter_map(|(country, from)| {
        let price = from?.eight();
        let name = country.name(ME);
        Some(json!({"name": name, "slug": slug(name), "image": null, "converted_price": price}))
    });
    success("countries", "Countries List", json!({"countries": rows.collect::<Vec<_>>()}))
}

/// `Asia (AS-12)`.
fn region_title(region: &Region) -> String {
    format!("{} ({})", region.name, region.code)
}

pub(super) fn regions(desk: &Desk) -> Reply {
    let catalogue = &desk.catalogue;
    let rows = catalogue.world.regions.iter().enumerate().filter(|(_, region)| !region.is_global()).map(|row| {
        let (index, region) = row;
        let title = region_title(region);
        let count = catalogue.of(Area::Region(index)).count();
        json!({"name": title, "slug": slug(&title), "image": null, "plan_count": count})
    });
    success("regions", "Regions List", json!({"regions": rows.collect::<Vec<_>>()}))
}

pub(super) fn of_country(desk: &Desk, wanted: &str) -> Reply {
    let catalogue = &desk.catalogue;
    let found = catalogue.world.countries.iter().position(|country| slug(country.name(ME)) == wanted);
    let Some(index) = found else { return error(desk, 404, "not_found", "Country not found") };
    let country = &catalogue.world.countries[index];
    let plans: Vec<Value> = catalogue.of(Area::Country(index)).map(|plan| row(catalogue, plan)).collect();
    let flag = format!("https://mobilexy.com/assets/images/country/{}.png", country.iso.to_lowercase());
    // The printed sample says US for Afghanistan; most are right.
    let flag_code = if country.iso == "AF" { "US" } else { country.iso };
    let message = format!("{} eSIM Plans", country.name(ME));
    success("country_plan", &message, json!({"plans": plans, "flag": flag, "flagCode": flag_code}))
}

pub(super) fn of_region(desk: &Desk, wanted: &str) -> Reply {
    let catalogue = &desk.catalogue;
    let found = catalogue.world.regions.iter().position(|region| slug(&region_title(region)) == wanted);
    let Some(index) = found else { return error(desk, 404, "not_found", "Region not found") };
    let message = format!("{} eSIM Plans", region_title(&catalogue.world.regions[index]));
    let plans = with_countries(catalogue, index);
    success("region_plan", &message, json!({"plans": plans, "flag": "https://mobilexy.com/assets/images/region.png"}))
}

pub(super) fn global(desk: &Desk) -> Reply {
    let catalogue = &desk.catalogue;
    let globals = catalogue.world.regions.iter().enumerate().filter(|(_, region)| region.is_global());
    let plans: Vec<Value> = globals.flat_map(|(index, _)| with_countries(catalogue, index)).collect();
    let data = json!({"plans": plans, "flag": "https://mobilexy.com/assets/images/globe.png"});
    success("global_plan", "Global eSIM Plans", data)
}

fn with_countries(catalogue: &Catalogue, region: usize) -> Vec<Value> {
    let countries: Vec<Value> = catalogue.world.regions[region]
        .members
        .iter()
        .map(|member| {
            let name = Country::name(&catalogue.world.countries[*member], ME);
            json!({"name": name, "slug": slug(name), "image": null})
        })
        .collect();
    catalogue
        .of(Area::Region(region))
        .map(|plan| {
            let mut plan = row(catalogue, plan);
            plan["countries"] = json!(countries);
            plan
        })
        .collect()
}

pub(super) fn details(desk: &Desk, id: &str) -> Reply {
    let plan = id.parse().ok().and_then(|id| desk.on_sale(id));
    let Some(plan) = plan else { return error(desk, 404, "not_found", "Plan not found") };
    let mut plan = row(&desk.catalogue, &plan);
    if let Some(fields) = plan.as_object_mut() {
        for left_out in ["converted_price", "status", "currency", "phone_number"] {
            fields.remove(left_out);
        }
    }
    success("plan_details", "Plan Details", json!({"plan": plan}))
}

/// The name of a plan: `Afghanistan 500MB/Day`, `Asia (12 areas) 3GB 30Days`.
pub(super) fn plan_name(catalogue: &Catalogue, plan: &Plan) -> String {
    let place = match plan.area {
        Area::Country(country) => catalogue.world.countries[country].name(ME).to_owned(),
        Area::Region(region) => {
            let region = &catalogue.world.regions[region];
            format!("{} ({} areas)", region.name, region.members.len())
        }
    };
    match plan.data {
        Data::Daily { .. } => format!("{place} {}/Day", plan.size()),
        Data::Total(_) => format!("{place} {} {}Days", plan.size(), plan.days),
        Data::Unlimited => format!("{place} Unlimited {}Days", plan.days),
    }
}

/// A plan as the lists of the document show it.
fn row(catalogue: &Catalogue, plan: &Plan) -> Value {
    let location = catalogue.location(plan);
    let slug = match plan.data {
        Data::Daily { .. } => format!("{location}_{}_Daily", plan.gb()),
        Data::Total(_) | Data::Unlimited => format!("{location}_{}_{}", plan.gb(), plan.days),
    };
    let fair_use = match plan.data {
        Data::Daily { kbps, .. } => {
            let speed = if kbps >= 1000 { format!("{} Mbps", kbps / 1000) } else { format!("{kbps} Kbps") };
            format!("{} high-speed/day, {speed} after limit, resets daily", plan.size())
        }
        Data::Total(_) | Data::Unlimited => String::new(),
    };
    let volume = plan.bytes().map_or_else(|| json!(-1), |bytes| json!(bytes));
    let local = matches!(plan.area, Area::Country(_));
    json!({
        "id": plan.id,
        "slug": slug,
        "name": plan_name(catalogue, plan),
        "period": plan.days,
        "package_type": "DATA",
        "data_volume": volume,
        "voice_quantity": "0.00",
        "sms_quantity": 0,
        "fup_policy_text": fair_use,
        "phone_number": 0,
        "operator_name": catalogue.operators(plan),
        "operator_slug": null,
        "network_speed": if plan.id.is_multiple_of(3) { "3G/4G/5G" } else { "3G/4G" },
        "area_coverage": if local { "local" } else { "continental" },
        "status": 1,
        "converted_price": plan.price.eight(),
        "currency": null,
        "packageCode": plan.code,
    })
}
