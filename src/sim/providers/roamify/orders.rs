//! Orders: taken as often as they are sent, found again by reference (perhaps only after a while).

use serde_json::{Value, json};

use super::packages::package_name;
use super::{Roamify, esims, failed, success};
use crate::sim::providers::call::Call;
use crate::sim::providers::catalogue::Plan;
use crate::sim::providers::desk::{Desk, Purchase, Sold};
use crate::sim::providers::esim::{EsimState, Wait};
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::{Goods, SoldOrder};
use crate::sim::providers::reply::Reply;

/// eSIMs in one order.
const QUANTITY_MAX: u64 = 10;

impl Roamify {
    pub(super) fn order(&mut self, desk: &mut Desk, call: &Call, instant: bool) -> Reply {
        let (plan, quantity) = match self.wish(desk, call) {
            Ok(wish) => wish,
            Err(refused) => return refused,
        };
        if let Some(refused) = self.shop_tricks(desk, Goods::Esim) {
            return refused;
        }
        let poor = desk.tricks_before_sale(plan.id);
        let Some(plan) = desk.on_sale(plan.id) else { return unknown_package(desk) };
        let price = plan.price.times(quantity);
        if poor || desk.ledger.balance < price {
            return failed(422, "Insufficient balance", Some("INSUFFICIENT_BALANCE"));
        }
        let wait = if instant { desk.wait_of(&plan) } else { Wait::Never };
        let ids: Vec<String> = (0..quantity).map(|_| desk.codes.dice().uuid()).collect();
        let reference = desk.codes.dice().uuid();
        let client_reference = call.field("referenceId");
        let purchase = Purchase {
            quantity,
            client_reference: client_reference.as_deref(),
            ..Purchase::of(Goods::Esim, reference, self.package(plan.id).to_owned(), package_name(&plan), price)
        };
        let Sold { order, first, deaf } = desk.sell_esims(&plan, ids, purchase, wait);
        if deaf {
            return failed(500, "Unknown error", None).of_order(order);
        }
        let Some(sold) = desk.ledger.order(order) else { return failed(500, "Unknown error", None) };
        let mut answer = self.order_object(sold);
        if instant && let Some(items) = answer["items"].as_array_mut() {
            for (item, esim) in items.iter_mut().zip(&desk.esims[first..]) {
                item["esim"] = esims::object(esim);
            }
        }
        success(answer).of_order(order)
    }

    /// The one package and how many of it; a real order may hold several, a kiosk's never does.
    fn wish(&self, desk: &mut Desk, call: &Call) -> Result<(Plan, u32), Reply> {
        let items = call.json().and_then(|body| body.get("items")).and_then(Value::as_array);
        let Some([item]) = items.map(Vec::as_slice) else {
            desk.dislike("missing_field");
            return Err(failed(400, "items is required", None));
        };
        let quantity = item.get("quantity").and_then(Value::as_u64).unwrap_or(1);
        let Some(package) = item.get("packageId").and_then(Value::as_str) else {
            desk.dislike("missing_field");
            return Err(failed(400, "packageId is required", None));
        };
        if quantity == 0 || quantity > QUANTITY_MAX {
            return Err(failed(422, "quantity must be between 1 and 10", None));
        }
        if call.field("referenceId").is_none() {
            desk.dislike("no_reference");
        }
        let plan = self.plan(desk, package).ok_or_else(|| unknown_package(desk))?;
        Ok((plan, u32::try_from(quantity).unwrap_or(1)))
    }

    fn shop_tricks(&self, desk: &mut Desk, goods: Goods) -> Option<Reply> {
        if desk.tricked(&Trick::InFlight) {
            return Some(failed(409, "An order is already being processed", Some("CONFLICT")));
        }
        let earlier = desk.ledger.orders.iter().rev().find(|order| order.goods == goods)?;
        let reply = success(self.order_object(earlier)).of_order(earlier.number);
        desk.tricked(&Trick::RepeatsEarlierOrder).then_some(reply)
    }

    fn order_object(&self, order: &SoldOrder) -> Value {
        let kind = if order.goods == Goods::TopUp { "topup" } else { "esim" };
        let each = super::super::Units(order.price.0 / i64::from(order.quantity.max(1)));
        let at = order.at_ms / 1000;
        let item = |id: &String| {
            json!({
                "esimId": id,
                "packageId": order.plan,
                "package": order.plan_name,
                "type": kind,
                "quantity": 1,
                "price": each.number(),
                "currency": "USD",
                "iccid": (order.goods == Goods::TopUp).then(|| order.iccid.first()).flatten(),
                "createdAt": at,
                "updatedAt": at,
            })
        };
        json!({
            "id": order.reference,
            "referenceId": order.client_reference,
            "orderType": "api",
            "status": "COMPLETED",
            "total": order.price.number(),
            "currency": "USD",
            "items": order.esim_ids.iter().map(item).collect::<Vec<_>>(),
            "createdAt": at,
            "updatedAt": at,
        })
    }

    pub(super) fn order_topup(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let (Some(iccid), Some(package)) = (call.field("iccid"), call.field("packageId")) else {
            desk.dislike("missing_field");
            return failed(400, "iccid and packageId are required", None);
        };
        let Some(index) = desk.esims.iter().position(|esim| esim.profile.iccid == iccid && esim.is_ready()) else {
            return failed(404, "eSIM not found", Some("ESIM_NOT_FOUND"));
        };
        if let Some(refused) = self.shop_tricks(desk, Goods::TopUp) {
            return refused;
        }
        let own = desk.catalogue.by_id(desk.esims[index].plan).map(|plan| plan.area);
        let fitting = self.plan(desk, &package).filter(|plan| Some(plan.area) == own);
        let Some(plan) = fitting else { return unknown_package(desk) };
        let poor = desk.tricks_before_sale(plan.id);
        let Some(plan) = desk.on_sale(plan.id) else { return unknown_package(desk) };
        if poor || desk.ledger.balance < plan.price {
            return failed(422, "Insufficient balance", Some("INSUFFICIENT_BALANCE"));
        }
        let deaf = desk.tricked(&Trick::ChargedAndRefused);
        let reference = desk.codes.dice().uuid();
        let client_reference = call.field("referenceId");
        let order = desk.sell(Purchase {
            iccid: vec![iccid],
            esim_ids: vec![desk.esims[index].id.clone()],
            client_reference: client_reference.as_deref(),
            ..Purchase::of(Goods::TopUp, reference, package, package_name(&plan), plan.price)
        });
        desk.esims[index].top_up(plan.allowance(), plan.days);
        match desk.ledger.order(order) {
            Some(sold) if !deaf => success(self.order_object(sold)).of_order(order),
            _ => failed(500, "Unknown error", None).of_order(order),
        }
    }

    /// By `orderId`, by `referenceId`, or all, newest first.
    pub(super) fn find_order(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        if let Some(reference) = call.query("referenceId") {
            let looks = self.looked_for.entry(reference.to_owned()).or_insert(0);
            *looks += 1;
            let found = desk.ledger.orders.iter().find(|order| order.client_reference.as_deref() == Some(reference));
            return match found {
                Some(order) if *looks > desk.quirks.visible_after_look_ups => {
                    success(self.order_object(order)).of_order(order.number)
                }
                _ => failed(404, "Order not found", Some("ORDER_NOT_FOUND")),
            };
        }
        if let Some(id) = call.query("orderId") {
            return match desk.ledger.by_reference(id) {
                Some(order) => success(self.order_object(order)).of_order(order.number),
                None => failed(404, "Order not found", Some("ORDER_NOT_FOUND")),
            };
        }
        let size = call.number("limit", 50, 500);
        let rows: Vec<Value> =
            desk.ledger.orders.iter().rev().take(size).map(|order| self.order_object(order)).collect();
        success(json!(rows))
    }

    /// Makes the profile of a bought eSIM. Again with the same id it only shows it.
    pub(super) fn apply(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let Some(id) = call.field("esimId") else {
            desk.dislike("missing_field");
            return failed(400, "esimId is required", None);
        };
        let Some(index) = desk.esims.iter().position(|esim| esim.id == id) else {
            return failed(404, "eSIM not found", Some("ESIM_NOT_FOUND"));
        };
        let refused = self.apply_refused.entry(id).or_insert(0);
        if *refused < desk.quirks.apply_pending {
            *refused += 1;
            desk.esims[index].wait = Wait::LookUps(1);
            return failed(422, "eSIM is still pending processing", None);
        }
        if desk.esims[index].state == EsimState::New && desk.esims[index].wait == Wait::Never {
            if let Some(Trick::Lpa(text)) = desk.trick.clone() {
                desk.esims[index].shown = Some(text);
            }
            if desk.tricked(&Trick::MissingLpa) {
                desk.esims[index].shown = Some(String::new());
            }
            let plan = desk.catalogue.by_id(desk.esims[index].plan).cloned();
            let wait = plan.map_or(Wait::Ready, |plan| desk.wait_of(&plan));
            desk.esims[index].wait = wait;
        }
        if !desk.look_at(index) {
            return failed(422, "eSIM is still pending processing", None);
        }
        let order = desk.esims[index].order;
        success(esims::object(&desk.esims[index])).of_order(order)
    }
}

/// Seen live: 500 for a package that does not exist; by the documents 404.
fn unknown_package(desk: &mut Desk) -> Reply {
    desk.dislike("unknown_package");
    if desk.quirks.unknown_package_500 {
        failed(500, "Unknown error", None)
    } else {
        failed(404, "Package not found", Some("PACKAGE_NOT_FOUND"))
    }
}
