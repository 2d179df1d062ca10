//! Buying from Roamify, finding the order by our reference, and getting the profile generated.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::super::calls::Args;
use super::super::evidence::{Got, Miss};
use super::super::line::Reply;
use super::super::pace::Urgency;
use super::super::profile::{NotDeliverable, Pieces};
use super::super::{Delivery, LookUp, OrderOutcome, OrderRequest, Refusal, RefusalReason, loose};
use super::{Roamify, rows};
use crate::sale::offer::{Kind, OrderReference};

/// After this long without a profile it may be asked for again: that cannot charge again.
const APPLY_AGAIN: Duration = Duration::from_secs(180);

impl Roamify {
    pub(super) async fn buy(&self, request: &OrderRequest) -> OrderOutcome {
        let reference = request.key.reference();
        let plan = &request.offer.plan.0;
        let got = match &request.offer.kind {
            Kind::Esim => {
                let items = serde_json::json!([{ "packageId": plan, "quantity": 1 }]);
                self.ask(&rows::ORDER, Args::new().and("items", items).and("referenceId", reference)).await
            }
            Kind::TopUp { iccid } => {
                let args = Args::new().and("iccid", iccid.as_str()).and("packageId", plan);
                self.ask(&rows::ORDER_TOP_UP, args.and("referenceId", reference)).await
            }
            Kind::Number { .. } => Err(Miss::NeverSent("Roamify sells no numbers".into())),
        };
        match got {
            Ok(reply) => self.read_order(request, &reply).unwrap_or_else(OrderOutcome::Unknown),
            Err(Miss::Refused(refusal)) => OrderOutcome::Refused(refusal),
            Err(Miss::NeverSent(why)) => OrderOutcome::NeverSent(why),
            Err(Miss::Unknown(doubt)) => OrderOutcome::Unknown(doubt),
        }
    }

    /// What an order document says. It must be ours: our reference and our package.
    fn read_order(&self, request: &OrderRequest, reply: &Reply) -> Result<OrderOutcome, super::super::Doubt> {
        let order = the_order(&reply.value);
        let id = loose::any_text(order, &["id", "orderId"]).ok_or_else(|| reply.doubt("an order without an id"))?;
        let ours = request.key.reference();
        if loose::text(order, "referenceId").is_some_and(|reference| reference != ours) {
            return Err(reply.doubt("the order carries somebody else's reference"));
        }
        let item = loose::entries(order, &["items"]).and_then(|items| items.first().copied());
        let package = item.and_then(|item| loose::text(item, "packageId"));
        if package.is_some_and(|package| package != request.offer.plan.0) {
            return Err(reply.doubt("the order is for another package than was asked for"));
        }
        let currency = loose::currency(order, "currency").unwrap_or(self.currency);
        let status = loose::text(order, "status").unwrap_or_default().to_ascii_uppercase();
        let reference = OrderReference(id);
        Ok(match (status.as_str(), &request.offer.kind) {
            ("FAILED" | "CANCELLED" | "CANCELED" | "REJECTED" | "REFUNDED", _) => OrderOutcome::Refused(Refusal {
                reason: RefusalReason::Other,
                detail: format!("order {} is {status}", reference.0),
            }),
            ("COMPLETED", Kind::TopUp { .. }) => OrderOutcome::Done(Delivery {
                reference,
                profile: None,
                charged: loose::exact(order, "total", currency),
            }),
            _ => OrderOutcome::Accepted(reference),
        })
    }

    pub(super) async fn by_our_reference(&self, request: &OrderRequest) -> LookUp {
        let args = Args::new().and("referenceId", request.key.reference());
        match self.ask_as(&rows::ORDER_GET, args, Some(Urgency::Duty)).await {
            Ok(reply) if nothing_in(&reply.value) => LookUp::NotThere,
            Ok(reply) => match named(&reply, &request.key.reference()) {
                Named::Ours(order) => match self.read_order(request, &order) {
                    Ok(outcome) => LookUp::Found(outcome),
                    Err(doubt) => LookUp::Undecidable { evidence: doubt.evidence },
                },
                Named::Others => LookUp::NotThere,
                Named::Nameless => {
                    let evidence = "orders without a reference were found, one of them may be ours";
                    LookUp::Undecidable { evidence: evidence.into() }
                }
            },
            Err(Miss::Refused(refusal)) if refusal.reason == RefusalReason::NotFound => LookUp::NotThere,
            Err(miss) => LookUp::Unknown(miss.doubt()),
        }
    }

    /// The profile of an accepted order: reads it, and has it generated where that was not asked yet.
    pub(super) async fn profile_of(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        let got = async {
            let args = Args::new().and("orderId", &reference.0);
            let order = self.ask_as(&rows::ORDER_GET, args, Some(Urgency::Duty)).await?;
            let outcome = self.read_order(request, &order).unwrap_or_else(OrderOutcome::Unknown);
            let other = |found: &OrderReference| found != reference;
            if matches!(&outcome, OrderOutcome::Accepted(found) if other(found))
                || matches!(&outcome, OrderOutcome::Done(delivery) if other(&delivery.reference))
            {
                return Ok(OrderOutcome::Unknown(order.doubt("another order was shown than was asked for")));
            }
            if !matches!((&outcome, &request.offer.kind), (OrderOutcome::Accepted(_), Kind::Esim)) {
                return Ok(outcome);
            }
            let first = loose::entries(the_order(&order.value), &["items"]).and_then(|items| items.first().copied());
            match first.and_then(|item| loose::text(item, "esimId")) {
                Some(esim) => self.generated(reference, &esim).await,
                None => Ok(OrderOutcome::Accepted(reference.clone())),
            }
        };
        let got: Got<OrderOutcome> = got.await;
        match got {
            Ok(outcome) => outcome,
            // The order stands; not being able to read it just now changes nothing about that.
            Err(_) => OrderOutcome::Accepted(reference.clone()),
        }
    }

    async fn generated(&self, reference: &OrderReference, esim: &str) -> Got<OrderOutcome> {
        let read = self.ask_as(&rows::ESIM_BY_ID, Args::new().and("esimId", esim), Some(Urgency::Duty)).await;
        let fresh = match read {
            Ok(reply) => {
                let status = loose::text(&reply.value, "data.status").unwrap_or_default().to_ascii_uppercase();
                if let Some(done) = delivered(reference, &reply) {
                    return Ok(done);
                }
                matches!(status.as_str(), "NEW" | "UNKNOWN" | "")
            }
            Err(Miss::Refused(refusal)) if refusal.reason == RefusalReason::NotFound => true,
            Err(miss) => return Err(miss),
        };
        if !fresh || !self.may_apply(esim) {
            return Ok(OrderOutcome::Accepted(reference.clone()));
        }
        match self.ask_as(&rows::APPLY, Args::new().and("esimId", esim), Some(Urgency::Duty)).await {
            Ok(reply) => Ok(delivered(reference, &reply).unwrap_or_else(|| OrderOutcome::Accepted(reference.clone()))),
            // Slow, pending or gone wrong: the next fetch reads the eSIM again.
            Err(_) => Ok(OrderOutcome::Accepted(reference.clone())),
        }
    }

    fn may_apply(&self, esim: &str) -> bool {
        let mut applied = self.applied.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        applied.retain(|_, at| now - *at < APPLY_AGAIN);
        if applied.contains_key(esim) {
            return false;
        }
        applied.insert(esim.to_owned(), now);
        true
    }
}

/// The delivery, once the eSIM is ready; nothing while it has no code; Unknown where its code is none.
fn delivered(reference: &OrderReference, reply: &Reply) -> Option<OrderOutcome> {
    let automatic = loose::flag(&reply.value, "data.apn.apnAutomatic").unwrap_or(true);
    let pieces = Pieces {
        code: loose::text(&reply.value, "data.esim.lpaCode"),
        link: loose::text(&reply.value, "data.esim.iosQuickInstall"),
        iccid: loose::text(&reply.value, "data.iccid"),
        apn: if automatic { None } else { loose::text(&reply.value, "data.apn.apnName") },
        ..Pieces::default()
    };
    match pieces.profile() {
        Ok(profile) => {
            Some(OrderOutcome::Done(Delivery { reference: reference.clone(), profile: Some(profile), charged: None }))
        }
        Err(NotDeliverable::Missing) => None,
        Err(why) => {
            let evidence = format!("order {} is ready, but {why}", reference.0);
            Some(OrderOutcome::Unknown(reply.doubt(&evidence)))
        }
    }
}

/// The order in an answer: the document itself, or the only entry of a list.
fn the_order(value: &Value) -> &Value {
    let data = loose::at(value, "data").unwrap_or(value);
    match data.as_array().map(Vec::as_slice) {
        Some([only]) => only,
        _ => loose::at(data, "order").unwrap_or(data),
    }
}

/// What the orders are that were found by our reference.
enum Named {
    Ours(Reply),
    /// Each has another reference: the filter was not heeded, and ours is not among them.
    Others,
    /// At least one has none.
    Nameless,
}

fn named(reply: &Reply, ours: &str) -> Named {
    let data = loose::at(&reply.value, "data").unwrap_or(&reply.value);
    let found: Vec<&Value> = match loose::entries(data, &["", "orders"]) {
        Some(list) => list,
        None => vec![the_order(&reply.value)],
    };
    let reference = |order: &Value| loose::text(order, "referenceId");
    match found.iter().find(|order| reference(order).as_deref() == Some(ours)) {
        Some(order) => Named::Ours(Reply { value: (*order).clone(), date: reply.date }),
        None if found.iter().all(|order| reference(order).is_some()) => Named::Others,
        None => Named::Nameless,
    }
}

fn nothing_in(value: &Value) -> bool {
    match loose::at(value, "data") {
        None => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_order_is_ours_by_our_reference_alone() {
        let reply = |data: Value| Reply { value: json!({"status": "success", "data": data}), date: None };
        let (ours, other) = (json!({"id": "1", "referenceId": "01J-0"}), json!({"id": "2", "referenceId": "01J-1"}));
        for data in [
            ours.clone(),
            json!([ours.clone()]),
            json!([other.clone(), ours]),
            json!({"orders": [other.clone(), {"id": "1", "referenceId": "01J-0"}]}),
        ] {
            let Named::Ours(found) = named(&reply(data.clone()), "01J-0") else { panic!("{data}") };
            assert_eq!(loose::text(the_order(&found.value), "id").as_deref(), Some("1"), "{data}");
        }
        assert!(matches!(named(&reply(other.clone()), "01J-0"), Named::Others));
        assert!(matches!(named(&reply(json!([other.clone()])), "01J-0"), Named::Others));
        for nameless in [json!({"id": "3"}), json!([{"id": "3"}]), json!([other, {"id": "3"}])] {
            assert!(matches!(named(&reply(nameless.clone()), "01J-0"), Named::Nameless), "{nameless}");
        }
    }
}
