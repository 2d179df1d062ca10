//! The package list.

use serde_json::{Value, json};

use super::{found, pagination};
use crate::sim::providers::Provider;
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::{Area, Catalogue, Data, Plan};
use crate::sim::providers::desk::Desk;
use crate::sim::providers::reply::Reply;

const ME: Provider = Provider::Esimfly;

/// `United States 1GB 7Days`.
pub(super) fn name(catalogue: &Catalogue, plan: &Plan) -> String {
    let place = catalogue.place(ME, plan);
    match plan.data {
        Data::Daily { .. } => format!("{place} {}/Day {}Days", plan.size(), plan.days),
        Data::Total(_) | Data::Unlimited => format!("{place} {} {}Days", plan.size(), plan.days),
    }
}

/// GB as a JSON number.
pub(super) fn gb(plan: &Plan) -> Value {
    if plan.data == Data::Unlimited {
        return json!(0);
    }
    plan.gb().parse::<serde_json::Number>().map_or(json!(0), Value::Number)
}

fn kind(catalogue: &Catalogue, plan: &Plan) -> &'static str {
    match plan.area {
        Area::Country(_) => "local",
        Area::Region(region) if catalogue.world.regions[region].is_global() => "global",
        Area::Region(_) => "regional",
    }
}

pub(super) fn list(desk: &Desk, call: &Call) -> Reply {
    let catalogue = &desk.catalogue;
    let search = call.query("search").unwrap_or("").to_lowercase();
    let wanted = call.query("type");
    let fits = |plan: &&Plan| {
        !plan.gone
            && wanted.is_none_or(|wanted| kind(catalogue, plan) == wanted)
            && (search.is_empty()
                || catalogue.place(ME, plan).to_lowercase().contains(&search)
                || plan.code.to_lowercase() == search)
    };
    let fitting: Vec<&Plan> = catalogue.plans.iter().filter(fits).collect();
    let page = call.page(fitting.len(), 50, 100);
    let rows: Vec<Value> = fitting[page.first..page.end].iter().map(|plan| row(catalogue, plan)).collect();
    found(json!({"packages": rows, "pagination": pagination(desk, page)}))
}

fn row(catalogue: &Catalogue, plan: &Plan) -> Value {
    let countries = catalogue.countries(plan);
    let networks: Vec<Value> = countries
        .iter()
        .map(|index| &catalogue.world.countries[*index])
        .map(|country| {
            let operators: Vec<Value> =
                country.operators.split(", ").map(|name| json!({"operatorName": name, "networkType": "4G"})).collect();
            json!({"locationName": country.name(ME), "locationLogo": format!("/img/flags/{}.png",
                country.iso.to_lowercase()), "operatorList": operators})
        })
        .collect();
    let isos: Vec<&str> = countries.iter().map(|index| catalogue.world.countries[*index].iso).collect();
    let mut row = json!({
        "package_code": plan.code,
        "name": name(catalogue, plan),
        "region": catalogue.place(ME, plan),
        "type": kind(catalogue, plan),
        "data_amount_gb": gb(plan),
        "validity_days": plan.days,
        "cost": plan.price.number(),
        "features": {"voice_minutes": 0, "sms_count": 0, "is_rechargeable": true},
        "is_unlimited": plan.data == Data::Unlimited,
        "has_voice": false,
        "has_sms": false,
        "locationNetworkList": networks,
    });
    // Live lists give ISO codes for some packages only.
    if !plan.id.is_multiple_of(3) {
        row["countries"] = json!(isos);
    }
    if let Data::Daily { mb, kbps } = plan.data {
        row["fup"] = json!({"daily_mb": mb, "throttle_kbps": kbps});
    }
    row
}
