//! Plans, with the account's price or, for strangers and stale tokens, the public one.

use serde_json::{Value, json};

use super::{failed, pagination, success};
use crate::sim::providers::Provider;
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::{Area, Catalogue, Data, Plan};
use crate::sim::providers::desk::Desk;
use crate::sim::providers::reply::Reply;

const ME: Provider = Provider::Reseller;

/// What strangers pay more, in percent.
const PUBLIC_PERCENT: u32 = 40;

/// `5GB - USA`.
pub(super) fn name(catalogue: &Catalogue, plan: &Plan) -> String {
    let daily = if matches!(plan.data, Data::Daily { .. }) { "/Day" } else { "" };
    format!("{}{daily} - {}", plan.size(), catalogue.place(ME, plan))
}

/// The id: a number on the live service, text in the document.
pub(super) fn id(desk: &Desk, plan: &Plan) -> Value {
    if desk.quirks.reseller_live { json!(plan.id) } else { json!(plan.id.to_string()) }
}

/// MB, −1 for unlimited.
pub(super) fn megabytes(plan: &Plan) -> i64 {
    match plan.data {
        Data::Total(mb) | Data::Daily { mb, .. } => i64::from(mb),
        Data::Unlimited => -1,
    }
}

fn row(desk: &Desk, plan: &Plan, public: bool) -> Value {
    let catalogue = &desk.catalogue;
    let price = if public { plan.price.raised(PUBLIC_PERCENT) } else { plan.price };
    let kind = match plan.data {
        Data::Total(_) => "total",
        Data::Daily { .. } => "daily",
        Data::Unlimited => "unlimited",
    };
    let countries: Vec<&str> =
        catalogue.countries(plan).into_iter().map(|index| catalogue.world.countries[index].iso).collect();
    let mut row = json!({
        "id": id(desk, plan),
        "name": name(catalogue, plan),
        "description": format!("{} for {} days", plan.size(), plan.days),
        "country_name": catalogue.place(ME, plan),
        "countries": countries,
        "data_volume_mb": megabytes(plan),
        "validity_days": plan.days,
        "price": price.number(),
        "currency": "USD",
        "provider_id": "provider-1",
        "package_code": plan.code,
        "operators": catalogue.operators(plan),
        "is_unlimited": plan.data == Data::Unlimited,
        "speed": if let Data::Daily { kbps, .. } = plan.data { json!(format!("{kbps}kbps after limit")) } else { json!("4G/5G") },
    });
    let local = matches!(plan.area, Area::Country(_)).then(|| catalogue.location(plan));
    let region = matches!(plan.area, Area::Region(_)).then(|| catalogue.location(plan));
    let names = if desk.quirks.reseller_live {
        ["countryCode", "regionCode", "dataType"]
    } else {
        ["country_code", "region_code", "data_type"]
    };
    for (name, value) in names.into_iter().zip([json!(local), json!(region), json!(kind)]) {
        row[name] = value;
    }
    row
}

pub(super) fn list(desk: &Desk, call: &Call, public: bool) -> Reply {
    let catalogue = &desk.catalogue;
    let (country, country_name, region) = (call.query("country"), call.query("country_name"), call.query("region"));
    let search = call.query("search").map(str::to_lowercase);
    let same = |wanted: Option<&str>, text: &str| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(text));
    let fits = |plan: &&Plan| {
        let local = matches!(plan.area, Area::Country(_));
        let location = catalogue.location(plan);
        !plan.gone
            && (country.is_none() || local && same(country, location))
            && same(country_name, catalogue.place(ME, plan))
            && region.is_none_or(|wanted| !local && location.starts_with(&wanted.to_uppercase()))
            && search.as_ref().is_none_or(|wanted| {
                name(catalogue, plan).to_lowercase().contains(wanted.as_str()) || location.to_lowercase() == *wanted
            })
    };
    let fitting: Vec<&Plan> = catalogue.plans.iter().filter(fits).collect();
    let page = call.page(fitting.len(), 20, 200);
    let rows: Vec<Value> = fitting[page.first..page.end].iter().map(|plan| row(desk, plan, public)).collect();
    Reply::json(200, &json!({"success": true, "data": rows, "pagination": pagination(page)}))
}

pub(super) fn one(desk: &Desk, call: &Call) -> Reply {
    let plan = call.path.get(1).and_then(|id| id.parse().ok()).and_then(|id| desk.on_sale(id));
    match plan {
        Some(plan) if desk.quirks.reseller_live => success(desk, 200, row(desk, &plan, false)),
        Some(plan) => success(desk, 200, json!({"plan": row(desk, &plan, false)})),
        None => failed(404, "Plan not found"),
    }
}

pub(super) fn of_region(desk: &Desk, call: &Call) -> Reply {
    let wanted = call.path.last().map_or(String::new(), |code| code.to_uppercase());
    let catalogue = &desk.catalogue;
    let fits = |plan: &&Plan| {
        !plan.gone && matches!(plan.area, Area::Region(_)) && catalogue.location(plan).starts_with(&wanted)
    };
    let rows: Vec<Value> = catalogue.plans.iter().filter(fits).map(|plan| row(desk, plan, false)).collect();
    Reply::json(200, &json!({"success": true, "data": rows}))
}
