//! Sold eSIMs: their profile, usage, history and fitting top-ups.

use serde_json::{Value, json};

use super::{Roamify, failed, success};
use crate::sim::providers::call::Call;
use crate::sim::providers::clock;
use crate::sim::providers::desk::Desk;
use crate::sim::providers::esim::{Esim, EsimState};
use crate::sim::providers::ledger::Goods;
use crate::sim::providers::reply::Reply;

fn status(esim: &Esim) -> &'static str {
    match esim.state {
        EsimState::New => "NEW",
        EsimState::Ready => "READY",
        EsimState::Installed | EsimState::Suspended => "INSTALLED",
        EsimState::Revoked | EsimState::Cancelled => "REVOKED",
    }
}

/// The eSIM object of the document. Without profile the texts are empty.
pub(super) fn object(esim: &Esim) -> Value {
    let ready = esim.is_ready();
    let lpa = if ready { esim.lpa() } else { "" };
    let mut parts = lpa.split('$').skip(1);
    let (address, code) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let link = format!("https://esimsetup.apple.com/esim_qrcode_provisioning?carddata={lpa}");
    json!({
        "id": esim.id,
        "iccid": if ready { esim.profile.iccid.as_str() } else { "" },
        "status": status(esim),
        "activation": "first-use",
        "withTopUp": true,
        "withHotspot": true,
        "withDataRoaming": true,
        "withDestinationInstall": esim.plan.is_multiple_of(41),
        "withUsageCheck": true,
        "esim": {
            "lpaCode": lpa,
            "smdpAddress": address,
            "activationCode": code,
            "qrCodeUrl": if ready { format!("https://images.sim-roamify.example/{}/public", esim.id) } else { String::new() },
            "pin": "",
            "puk": "",
            "number": "",
            "iosQuickInstall": if lpa.is_empty() { String::new() } else { link },
        },
        "apn": {"apnAutomatic": true, "apnName": "", "apnUsername": "", "apnPassword": ""},
        "data": {"isUnlimited": false},
        "call": {"withCall": false, "callType": "all"},
        "sms": {"withSMS": false, "smsType": "all"},
        "notes": [],
        "createdAt": esim.created_s,
        "updatedAt": esim.created_s,
        "expiredAt": esim.expires_s,
    })
}

pub(super) fn get(desk: &mut Desk, call: &Call) -> Reply {
    let Some(name) = call.query("esimId").or_else(|| call.query("iccid")) else {
        desk.dislike("missing_field");
        return failed(400, "esimId or iccid is required", None);
    };
    let Some(index) = desk.find_esim(name) else { return failed(404, "eSIM not found", Some("ESIM_NOT_FOUND")) };
    desk.look_at(index);
    let order = desk.esims[index].order;
    success(object(&desk.esims[index])).of_order(order)
}

pub(super) fn list(desk: &Desk, call: &Call) -> Reply {
    let wanted = call.query("status");
    let limit = call.number("limit", 50, 500);
    let fitting = desk.esims.iter().rev().filter(|esim| wanted.is_none_or(|wanted| status(esim) == wanted));
    success(json!(fitting.take(limit).map(object).collect::<Vec<_>>()))
}

/// Allowance and rest in MB; the details' daily figures without a stated unit, as printed.
pub(super) fn usage(desk: &mut Desk, call: &Call, details: bool) -> Reply {
    let Some(index) = call.query("iccid").and_then(|iccid| desk.find_esim(iccid)) else {
        return failed(404, "eSIM not found", Some("ESIM_NOT_FOUND"));
    };
    let esim = &desk.esims[index];
    let mut data = json!({
        "id": esim.id,
        "iccid": esim.profile.iccid,
        "status": status(esim),
        "startedAt": esim.created_s,
        "expiredAt": esim.expires_s,
        "allowedData": esim.total >> 20,
        "remainingData": esim.left() >> 20,
        "allowedSms": 0,
        "remainingSms": 0,
        "allowedVoice": 0,
        "remainingVoice": 0,
    });
    if details {
        let place = desk.catalogue.by_id(esim.plan).map_or("", |plan| desk.catalogue.place(desk.provider, plan));
        let day = clock::compact_day(desk.clock.now_s());
        data["dataUsages"] = json!([{"date": day, "usage": esim.used >> 10, "location": place}]);
    }
    success(data)
}

impl Roamify {
    pub(super) fn topup_packages(&self, desk: &mut Desk, call: &Call) -> Reply {
        let Some(index) = call.query("iccid").and_then(|iccid| desk.find_esim(iccid)) else {
            return failed(404, "eSIM not found", Some("ESIM_NOT_FOUND"));
        };
        let Some(own) = desk.catalogue.by_id(desk.esims[index].plan) else { return success(json!([])) };
        let rows: Vec<Value> = desk.catalogue.of(own.area).map(|plan| self.package_row(plan, true)).collect();
        success(json!(rows))
    }

    pub(super) fn history(&self, desk: &Desk, call: &Call) -> Reply {
        let Some(iccid) = call.query("iccid").filter(|iccid| desk.find_esim(iccid).is_some()) else {
            return failed(404, "eSIM not found", Some("ESIM_NOT_FOUND"));
        };
        let own = desk.ledger.orders.iter().filter(|order| order.iccid.iter().any(|one| one == iccid));
        let rows: Vec<Value> = own
            .map(|order| {
                let at = order.at_ms / 1000;
                json!({
                    "esimId": order.esim_ids.first(),
                    "packageId": order.plan,
                    "package": order.plan_name,
                    "type": if order.goods == Goods::TopUp { "topup" } else { "esim" },
                    "price": order.price.number(),
                    "currency": "USD",
                    "createdAt": at,
                    "updatedAt": at,
                })
            })
            .collect();
        success(json!(rows))
    }
}
