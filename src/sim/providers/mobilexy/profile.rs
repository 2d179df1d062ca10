//! Top-up and usage of a sold eSIM.

use serde_json::{Value, json};

use super::error;
use super::plans::plan_name;
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::Plan;
use crate::sim::providers::clock;
use crate::sim::providers::desk::{Desk, Purchase};
use crate::sim::providers::esim::EsimState;
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::Goods;
use crate::sim::providers::reply::Reply;

/// Profiles per usage check.
const USAGE_MAX: usize = 10;

pub(super) fn top_up(desk: &mut Desk, call: &Call) -> Reply {
    let (Some(tran_no), Some(code)) = (call.field("esimTranNo"), call.field("packageCode")) else {
        desk.dislike("missing_field");
        return error(desk, 422, "validation_error", "The esimTranNo and packageCode fields are required.");
    };
    let Some(index) = desk.esims.iter().position(|esim| esim.id == tran_no) else {
        return error(desk, 404, "esim_not_found", "eSIM not found");
    };
    if matches!(desk.esims[index].state, EsimState::Revoked | EsimState::Cancelled) {
        return error(desk, 400, "topup_not_supported", "This eSIM can not be topped up");
    }
    let fitting = |plan: &Plan| {
        let own = desk.catalogue.by_id(desk.esims[index].plan);
        plan.code == code && own.is_some_and(|own| own.area == plan.area)
    };
    let Some(id) = desk.catalogue.plans.iter().find(|plan| fitting(plan)).map(|plan| plan.id) else {
        return error(desk, 400, "invalid_package", "This package can not be added to this eSIM");
    };
    let poor = desk.tricks_before_sale(id);
    let Some(plan) = desk.on_sale(id) else { return error(desk, 404, "plan_not_found", "Package disabled") };
    if poor || desk.ledger.balance < plan.price {
        return error(desk, 400, "insufficient_balance", "Insufficient balance");
    }
    let deaf = desk.tricked(&Trick::ChargedAndRefused);
    let now_s = desk.clock.now_s();
    let reference = format!("MBL-{}_{now_s}", desk.codes.number(10));
    let iccid = desk.esims[index].profile.iccid.clone();
    let name = plan_name(&desk.catalogue, &plan);
    let number = desk.sell(Purchase {
        iccid: vec![iccid.clone()],
        esim_ids: vec![tran_no.clone()],
        ..Purchase::of(Goods::TopUp, reference.clone(), plan.code.clone(), name, plan.price)
    });
    let esim = &mut desk.esims[index];
    esim.top_up(plan.allowance(), plan.days);
    if deaf {
        return error(desk, 500, "topup_failed", "Something went wrong").of_order(number);
    }
    let body = json!({
        "remark": "topup_completed",
        "status": "success",
        "message": {"success": ["Top up completed successfully"]},
        "data": {
            "success": true,
            "errorCode": null,
            "errorMsg": null,
            "obj": {
                "transactionId": reference,
                "iccid": iccid,
                "expiredTime": clock::offset_without_colon(esim.expires_s),
                "totalVolume": esim.total,
                "totalDuration": esim.days,
                "orderUsage": esim.used,
                "topUpEsimTranNo": tran_no,
            },
        },
    });
    Reply::json(200, &body).of_order(number)
}

/// Without envelope, as printed.
pub(super) fn usage(desk: &mut Desk, call: &Call) -> Reply {
    let mut wanted = call.list("esimTranNos");
    wanted.extend(call.field("esimTranNo"));
    wanted.extend(call.field("iccid"));
    if wanted.is_empty() {
        desk.dislike("missing_field");
        return failed("000101", "iccid, esimTranNo or esimTranNos is required");
    }
    if wanted.len() > USAGE_MAX {
        desk.dislike("too_many_profiles");
        return failed("000102", "At most 10 esimTranNo are allowed");
    }
    let mut rows: Vec<Value> = Vec::new();
    for name in wanted {
        let Some(index) = desk.find_esim(&name) else { return failed("310241", "esim not found") };
        let esim = &desk.esims[index];
        rows.push(json!({
            "esimTranNo": esim.id,
            "dataUsage": esim.used,
            "totalData": esim.total,
            "lastUpdateTime": clock::offset_without_colon(desk.clock.now_s() - 5400),
        }));
    }
    let body = json!({"success": true, "errorCode": "0", "errorMsg": null, "obj": {"usageList": rows}});
    Reply::json(200, &body)
}

fn failed(code: &str, words: &str) -> Reply {
    Reply::json(200, &json!({"success": false, "errorCode": code, "errorMsg": words, "obj": null}))
}
