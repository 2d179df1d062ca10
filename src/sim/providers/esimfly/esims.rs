//! Sold eSIMs: the list, usage, the QR picture.

use serde_json::{Value, json};

use super::{failed, found, pagination};
use crate::sim::providers::Provider;
use crate::sim::providers::call::Call;
use crate::sim::providers::clock;
use crate::sim::providers::desk::Desk;
use crate::sim::providers::esim::{Esim, EsimState};
use crate::sim::providers::picture::qr_png;
use crate::sim::providers::reply::Reply;

/// The link with `:` and `$` as they are.
pub(super) fn apple_link(esim: &Esim) -> String {
    format!("https://esimsetup.apple.com/esim_qrcode_provisioning?carddata={}", esim.lpa())
}

pub(super) fn qr_url(desk: &Desk, esim: &Esim) -> String {
    format!("{}/qr/{}.png", desk.base_url, esim.id)
}

pub(super) fn picture(desk: &Desk, call: &Call) -> Reply {
    let id = call.path.get(1).and_then(|file| file.strip_suffix(".png")).unwrap_or("");
    let esim = desk.esims.iter().find(|esim| esim.id == id && esim.is_ready());
    esim.and_then(|esim| qr_png(esim.lpa())).map_or_else(|| Reply::html(404, "404 Not Found"), Reply::png)
}

pub(super) fn status(esim: &Esim) -> &'static str {
    match esim.state {
        EsimState::New => "PENDING",
        EsimState::Ready => "NEW",
        EsimState::Installed if esim.left() == 0 => "DEPLETED",
        EsimState::Installed => "ACTIVE",
        EsimState::Suspended => "SUSPENDED",
        EsimState::Revoked => "DELETED",
        EsimState::Cancelled => "CANCELLED",
    }
}

fn unlimited(desk: &Desk, esim: &Esim) -> bool {
    desk.catalogue.by_id(esim.plan).is_some_and(|plan| plan.bytes().is_none())
}

/// MB; zeros and a flag for unlimited.
fn data(desk: &Desk, esim: &Esim) -> Value {
    if unlimited(desk, esim) {
        return json!({"total_mb": 0, "used_mb": esim.used >> 20, "remaining_mb": 0, "usage_percentage": 0,
            "is_unlimited": true});
    }
    let percent = (esim.used * 100).checked_div(esim.total).unwrap_or(0);
    json!({"total_mb": esim.total >> 20, "used_mb": esim.used >> 20, "remaining_mb": esim.left() >> 20,
        "usage_percentage": percent, "is_unlimited": false})
}

fn validity(desk: &Desk, esim: &Esim) -> Value {
    let started = esim.state == EsimState::Installed;
    json!({
        "days": esim.days,
        "activated_at": started.then(|| clock::iso_z(esim.created_s)),
        "expires_at": clock::iso_z(esim.expires_s),
        "is_expired": esim.expires_s < desk.clock.now_s(),
    })
}

pub(super) fn list(desk: &mut Desk, call: &Call) -> Reply {
    for place in 0..desk.esims.len() {
        desk.look_at(place);
    }
    let wanted = call.query("status").filter(|wanted| *wanted != "all").map(str::to_uppercase);
    let search = call.query("search").unwrap_or("").to_lowercase();
    let order_of = |esim: &Esim| desk.ledger.order(esim.order);
    let fits = |esim: &&Esim| {
        let names = order_of(esim).map_or((String::new(), String::new()), |order| {
            (order.plan_name.to_lowercase(), order.plan.to_lowercase())
        });
        wanted.as_ref().is_none_or(|wanted| status(esim) == wanted)
            && (search.is_empty() || esim.profile.iccid == search || names.0.contains(&search) || names.1 == search)
    };
    let fitting: Vec<&Esim> = desk.esims.iter().rev().filter(|esim| esim.is_ready()).filter(fits).collect();
    let page = call.page(fitting.len(), 20, 100);
    let rows: Vec<Value> = fitting[page.first..page.end].iter().map(|esim| row(desk, esim)).collect();
    found(json!({"esims": rows, "pagination": pagination(desk, page)}))
}

fn row(desk: &Desk, esim: &Esim) -> Value {
    let order = desk.ledger.order(esim.order);
    let mut parts = esim.lpa().split('$').skip(1);
    let (address, code) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let countries: Vec<&str> = desk.catalogue.by_id(esim.plan).map_or_else(Vec::new, |plan| {
        let indexes = desk.catalogue.countries(plan);
        indexes.into_iter().map(|index| desk.catalogue.world.countries[index].name(Provider::Esimfly)).collect()
    });
    json!({
        "id": esim.id.parse::<u64>().ok(),
        "iccid": esim.profile.iccid,
        "package_name": order.map(|order| &order.plan_name),
        "package_code": order.map(|order| &order.plan),
        "countries": countries,
        "status": status(esim),
        "data": data(desk, esim),
        "validity": validity(desk, esim),
        "qr_code": qr_url(desk, esim),
        "manual_installation": {"smdp_address": address, "activation_code": code, "lpa_format": esim.lpa()},
        "direct_apple_installation_url": apple_link(esim),
        "flag_url": "/images/flags/xx.png",
        "created_at": clock::iso_z(esim.created_s),
    })
}

/// By card number, or by the order's reference.
pub(super) fn usage(desk: &mut Desk, call: &Call) -> Reply {
    let by_order = call.query("order_id").and_then(|name| {
        let number = desk.ledger.by_reference(name)?.number;
        desk.esims.iter().position(|esim| esim.order == number)
    });
    if call.query("iccid").is_none() && call.query("order_id").is_none() {
        desk.dislike("missing_field");
        return failed(400, "MISSING_FIELDS", "Either iccid or order_id is required");
    }
    let Some(index) = call.query("iccid").and_then(|iccid| desk.find_esim(iccid)).or(by_order) else {
        return failed(404, "ESIM_NOT_FOUND", "eSIM not found or access denied");
    };
    let esim = &desk.esims[index];
    let order = desk.ledger.order(esim.order);
    found(json!({
        "esim": {
            "iccid": esim.profile.iccid,
            "order_id": order.map(|order| &order.reference),
            "package_name": order.map(|order| &order.plan_name),
            "status": status(esim),
        },
        "data": data(desk, esim),
        "validity": validity(desk, esim),
    }))
}

pub(super) fn status_of(desk: &Desk, call: &Call) -> Reply {
    let name = call.field("iccid").or_else(|| call.field("esimId")).unwrap_or_default();
    match desk.find_esim(&name) {
        Some(index) => {
            let esim = &desk.esims[index];
            found(json!({"iccid": esim.profile.iccid, "status": status(esim), "network": null}))
        }
        None => failed(404, "ESIM_NOT_FOUND", "eSIM not found"),
    }
}
