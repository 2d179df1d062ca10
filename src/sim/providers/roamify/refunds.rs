//! Refunds: a request that people decide about; nothing moves by itself.

use serde_json::{Value, json};

use super::{Roamify, failed, success};
use crate::sim::providers::call::Call;
use crate::sim::providers::desk::Desk;
use crate::sim::providers::reply::Reply;

/// One request.
pub(super) struct Refund {
    id: String,
    esim: String,
    status: &'static str,
    at_s: i64,
}

fn row(refund: &Refund) -> Value {
    json!({"id": refund.id, "esimId": refund.esim, "status": refund.status, "createdAt": refund.at_s})
}

impl Roamify {
    pub(super) fn refund(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let mut wanted = call.list("esimIds");
        let bulk = !wanted.is_empty();
        wanted.extend(call.field("esimId"));
        if wanted.is_empty() {
            desk.dislike("missing_field");
            return failed(400, "esimId is required", None);
        }
        let mut rows = Vec::new();
        for name in wanted {
            let Some(index) = desk.find_esim(&name) else {
                return failed(404, "eSIM not found", Some("ESIM_NOT_FOUND"));
            };
            let esim = desk.esims[index].id.clone();
            if let Some(open) = self.refunds.iter().find(|one| one.esim == esim && one.status == "PENDING") {
                let body = json!({"status": "failed", "message": "A refund request is already open",
                    "code": "REFUND_EXISTS", "data": {"id": open.id}});
                return Reply::json(409, &body);
            }
            let refund = Refund { id: desk.codes.dice().uuid(), esim, status: "PENDING", at_s: desk.clock.now_s() };
            rows.push(row(&refund));
            self.refunds.push(refund);
        }
        if bulk { success(json!(rows)) } else { success(rows.remove(0)) }
    }

    pub(super) fn refund_get(&self, call: &Call) -> Reply {
        let named = call.path.get(2).map(String::as_str).or_else(|| call.query("refundId"));
        let named = named.or_else(|| call.query("id")).filter(|name| *name != "list");
        match named {
            Some(id) => match self.refunds.iter().find(|refund| refund.id == id) {
                Some(refund) => success(row(refund)),
                None => failed(404, "Refund not found", None),
            },
            None => success(json!(self.refunds.iter().rev().map(row).collect::<Vec<_>>())),
        }
    }

    pub(super) fn refund_cancel(&mut self, call: &Call) -> Reply {
        let id = call.field("refundId").or_else(|| call.path.get(2).cloned()).unwrap_or_default();
        match self.refunds.iter_mut().find(|refund| refund.id == id) {
            Some(refund) if refund.status == "PENDING" => {
                refund.status = "CANCELLED";
                success(row(refund))
            }
            Some(_) => failed(422, "The refund is not open", None),
            None => failed(404, "Refund not found", None),
        }
    }
}
