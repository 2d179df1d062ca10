//! Top-ups: guarded by the request id alone.

use serde_json::{Value, json};

use super::orders::{price_agrees, too_poor};
use super::packages::{gb, name};
use super::{failed, found, pagination};
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::{Data, Plan};
use crate::sim::providers::clock;
use crate::sim::providers::desk::{Desk, Purchase};
use crate::sim::providers::esim::EsimState;
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::Goods;
use crate::sim::providers::reply::Reply;

/// Top-up codes are opaque; here they are the plan's with a head.
const HEAD: &str = "TOPUP_";

pub(super) fn packages(desk: &mut Desk, call: &Call) -> Reply {
    let Some(iccid) = call.query("iccid") else {
        desk.dislike("missing_field");
        return failed(400, "MISSING_FIELDS", "iccid is required");
    };
    let Some(index) = desk.find_esim(iccid) else { return failed(404, "ESIM_NOT_FOUND", "eSIM not found") };
    let area = desk.catalogue.by_id(desk.esims[index].plan).map(|plan| plan.area);
    let fitting: Vec<&Plan> = area.map_or_else(Vec::new, |area| desk.catalogue.of(area).collect());
    let page = call.page(fitting.len(), 50, 100);
    let row = |plan: &&Plan| {
        json!({
            "package_code": format!("{HEAD}{}", plan.code),
            "name": name(&desk.catalogue, plan),
            "data_amount_gb": gb(plan),
            "validity_days": plan.days,
            "cost": plan.price.number(),
            "currency": "USD",
            "features": {"is_rechargeable": true},
            "is_unlimited": plan.data == Data::Unlimited,
        })
    };
    let rows: Vec<Value> = fitting[page.first..page.end].iter().map(row).collect();
    found(json!({"packages": rows, "pagination": pagination(desk, page)}))
}

pub(super) fn order(desk: &mut Desk, call: &Call, request_id: &str) -> Reply {
    let (Some(iccid), Some(code)) = (call.field("iccid"), call.field("packageCode")) else {
        desk.dislike("missing_field");
        return failed(400, "MISSING_FIELDS", "iccid and packageCode are required");
    };
    if desk.tricked(&Trick::InFlight) {
        return failed(409, "DUPLICATE_REQUEST", "This top-up is being processed");
    }
    let Some(index) = desk.find_esim(&iccid) else { return failed(404, "ESIM_NOT_FOUND", "eSIM not found") };
    if matches!(desk.esims[index].state, EsimState::Cancelled | EsimState::Revoked | EsimState::New) {
        return failed(400, "ESIM_NOT_TOPPABLE", "eSIM cannot be topped up");
    }
    let area = desk.catalogue.by_id(desk.esims[index].plan).map(|plan| plan.area);
    let wanted = code.strip_prefix(HEAD).unwrap_or("");
    let fitting = desk.catalogue.plans.iter().find(|plan| plan.code == wanted && Some(plan.area) == area);
    let Some(id) = fitting.map(|plan| plan.id) else {
        return failed(400, "INVALID_TOPUP_PACKAGE", "Topup package is invalid");
    };
    let poor = desk.tricks_before_sale(id);
    let Some(plan) = desk.on_sale(id) else { return failed(400, "INVALID_TOPUP_PACKAGE", "Package is off sale") };
    if !price_agrees(call, plan.price) {
        return failed(400, "PRICE_MISMATCH", "Submitted price doesn't match package price");
    }
    if poor || desk.ledger.balance < plan.price {
        return too_poor(desk, plan.price);
    }
    let deaf = desk.tricked(&Trick::ChargedAndRefused);
    let tail = desk.codes.dice().text("abcdefghijklmnopqrstuvwxyz0123456789", 5);
    let reference = format!("topup_{}_{tail}", desk.clock.now_ms());
    let plan_name = name(&desk.catalogue, &plan);
    let order = desk.sell(Purchase {
        iccid: vec![iccid.clone()],
        esim_ids: vec![desk.esims[index].id.clone()],
        request_id: Some(request_id),
        ..Purchase::of(Goods::TopUp, reference.clone(), code, plan_name.clone(), plan.price)
    });
    let esim = &mut desk.esims[index];
    esim.top_up(plan.allowance(), plan.days);
    if deaf {
        return failed(500, "ORDER_PROCESSING_ERROR", "The order could not be processed").of_order(order);
    }
    let gb_text = |bytes: u64| format!("{}.{}", bytes >> 30, ((bytes % (1 << 30)) * 10) >> 30);
    let gb_number = |bytes: u64| gb_text(bytes).parse::<serde_json::Number>().map_or(json!(0), Value::Number);
    let body = json!({
        "success": true,
        "message": "eSIM top-up processed successfully",
        "orderReference": reference,
        "iccid": iccid,
        "packageName": plan_name,
        "newBalance": desk.ledger.balance.number(),
        "status": "completed",
        "amount": plan.price.number(),
        "profit": 0,
        "processing_time_ms": 3724,
        "esimData": {
            "newTotalVolumeGB": gb_number(esim.total),
            "newRemainingVolumeGB": gb_number(esim.left()),
            "expiredTime": clock::english(esim.expires_s),
        },
    });
    Reply::json(200, &body).of_order(order)
}
