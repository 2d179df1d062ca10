//! Profiles by card number, `esimTranNo` or order: state, usage, top-up.

use serde_json::{Value, json};

use super::{done, failed, missing, plans, success};
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::Data;
use crate::sim::providers::desk::{Desk, Purchase};
use crate::sim::providers::esim::{Esim, EsimState};
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::Goods;
use crate::sim::providers::reply::Reply;

pub(super) fn status(esim: &Esim) -> &'static str {
    match esim.state {
        EsimState::New => "pending",
        EsimState::Ready => "ready",
        EsimState::Installed => "active",
        EsimState::Suspended => "suspended",
        EsimState::Revoked => "revoked",
        EsimState::Cancelled => "cancelled",
    }
}

fn find(desk: &Desk, call: &Call) -> Option<usize> {
    let name = call.path.get(1)?;
    desk.find_esim(name).or_else(|| by_order(desk, name))
}

fn by_order(desk: &Desk, name: &str) -> Option<usize> {
    let number = desk.ledger.by_reference(name)?.number;
    desk.esims.iter().position(|esim| esim.order == number)
}

fn not_found() -> Reply {
    failed(404, "Profile not found")
}

pub(super) fn info(desk: &mut Desk, call: &Call) -> Reply {
    let Some(index) = find(desk, call) else { return not_found() };
    desk.look_at(index);
    let esim = &desk.esims[index];
    let mut profile = json!({
        "iccid": esim.is_ready().then_some(&esim.profile.iccid),
        "status": status(esim),
        "data_remaining": esim.left() >> 20,
        "validity_days": esim.days,
    });
    if desk.quirks.reseller_lpa_text && desk.quirks.reseller_live && esim.is_ready() {
        profile["activation_code"] = json!(esim.lpa());
    }
    success(desk, 200, json!({"profile": profile}))
}

fn percent(esim: &Esim) -> u64 {
    (esim.used * 100).checked_div(esim.total).unwrap_or(0)
}

pub(super) fn usage(desk: &Desk, call: &Call) -> Reply {
    let Some(index) = find(desk, call) else { return not_found() };
    let esim = &desk.esims[index];
    let usage = json!({"data_used": esim.used >> 20, "data_limit": esim.total >> 20, "percent_used": percent(esim)});
    success(desk, 200, json!({"usage": usage}))
}

/// `1.2GB`.
fn gb_text(bytes: u64) -> String {
    let tenths = (bytes * 10 + (1 << 29)) >> 30;
    if tenths.is_multiple_of(10) { format!("{}GB", tenths / 10) } else { format!("{}.{}GB", tenths / 10, tenths % 10) }
}

/// The same fact as texts with units.
pub(super) fn order_usage(desk: &Desk, call: &Call) -> Reply {
    let name = call.path.last().map_or("", String::as_str);
    let Some(index) = by_order(desk, name) else { return failed(404, "Order not found") };
    let esim = &desk.esims[index];
    let percentage: serde_json::Number = format!("{}.0", percent(esim)).parse().unwrap_or_else(|_| 0.into());
    let left_days = (esim.expires_s - desk.clock.now_s()).max(0) / 86_400;
    let usage = json!({
        "data_used": gb_text(esim.used),
        "data_total": gb_text(esim.total),
        "data_remaining": gb_text(esim.left()),
        "percentage_used": percentage,
        "validity_remaining_days": left_days,
    });
    success(desk, 200, json!({"order_id": name, "usage": usage}))
}

pub(super) fn check(desk: &mut Desk, call: &Call) -> Reply {
    let wanted = call.list("esimTranNoList");
    if wanted.is_empty() {
        return missing(desk, "esimTranNoList");
    }
    let rows: Vec<Value> = wanted
        .iter()
        .filter_map(|name| desk.find_esim(name))
        .map(|index| &desk.esims[index])
        .map(|esim| json!({"esimTranNo": esim.id, "dataUsage": esim.used, "totalData": esim.total}))
        .collect();
    success(desk, 200, json!({"usageList": rows}))
}

pub(super) fn set_state(desk: &mut Desk, name: &str, call: &Call) -> Reply {
    let Some(index) = find(desk, call) else { return not_found() };
    let esim = &mut desk.esims[index];
    let gone = matches!(esim.state, EsimState::Revoked | EsimState::Cancelled);
    let (state, words) = match name {
        _ if gone => return failed(400, "The profile is gone"),
        "profile_suspend" => (EsimState::Suspended, "Profile suspended successfully"),
        "profile_unsuspend" if esim.state == EsimState::Suspended => {
            (EsimState::Installed, "Profile unsuspended successfully")
        }
        "profile_unsuspend" => return failed(400, "The profile is not suspended"),
        _ => (EsimState::Revoked, "Profile revoked successfully"),
    };
    esim.state = state;
    done(words)
}

pub(super) fn topup_plans(desk: &Desk, call: &Call) -> Reply {
    let Some(index) = find(desk, call) else { return not_found() };
    let area = desk.catalogue.by_id(desk.esims[index].plan).map(|plan| plan.area);
    let fitting = area.into_iter().flat_map(|area| desk.catalogue.of(area));
    let rows: Vec<Value> = fitting
        .filter(|plan| plan.data != Data::Unlimited)
        .map(|plan| {
            json!({"package_code": plan.code, "data_volume_mb": plans::megabytes(plan),
                "price": plan.price.number(), "validity_days": plan.days, "currency": "USD"})
        })
        .collect();
    success(desk, 200, json!({"plans": rows}))
}

pub(super) fn top_up(desk: &mut Desk, call: &Call) -> Reply {
    let Some(code) = call.field("package_code").or_else(|| call.field("plan_id")) else {
        return missing(desk, "package_code");
    };
    let Some(index) = find(desk, call) else { return not_found() };
    if matches!(desk.esims[index].state, EsimState::Revoked | EsimState::Cancelled | EsimState::New) {
        return failed(400, "The profile can not be topped up");
    }
    let area = desk.catalogue.by_id(desk.esims[index].plan).map(|plan| plan.area);
    let mut fitting = desk.catalogue.plans.iter().filter(|plan| Some(plan.area) == area);
    let Some(id) = fitting.find(|plan| plan.code == code || plan.id.to_string() == code).map(|plan| plan.id) else {
        return failed(400, "The package does not fit this profile");
    };
    let poor = desk.tricks_before_sale(id);
    let Some(plan) = desk.on_sale(id) else { return failed(404, "Package not found") };
    if poor || desk.ledger.balance < plan.price {
        return failed(402, "Insufficient credit balance");
    }
    let deaf = desk.tricked(&Trick::ChargedAndRefused);
    let reference = format!("top-{}", desk.codes.dice().text("abcdefghijkmnpqrstuvwxyz23456789", 12));
    let name = plans::name(&desk.catalogue, &plan);
    let order = desk.sell(Purchase {
        iccid: vec![desk.esims[index].profile.iccid.clone()],
        esim_ids: vec![desk.esims[index].id.clone()],
        client_reference: call.header("idempotency-key"),
        ..Purchase::of(Goods::TopUp, reference, code, name, plan.price)
    });
    desk.esims[index].top_up(plan.allowance(), plan.days);
    if deaf {
        return failed(500, "Internal server error").of_order(order);
    }
    let body = json!({"success": true, "message": "Profile topped up successfully", "topup_details": {}});
    Reply::json(200, &body).of_order(order)
}

pub(super) fn sms(desk: &mut Desk, call: &Call) -> Reply {
    if call.field("message").is_none() {
        return missing(desk, "message");
    }
    if find(desk, call).is_none() {
        return not_found();
    }
    done("SMS sent successfully")
}
