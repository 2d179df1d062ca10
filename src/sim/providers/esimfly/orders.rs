//! Orders: taken once per idempotency key, found by reference and in the list.

use serde_json::{Value, json};

use super::esims::{apple_link, qr_url};
use super::packages::name;
use super::{Esimfly, failed, found, pagination};
use crate::sim::providers::Units;
use crate::sim::providers::call::Call;
use crate::sim::providers::clock;
use crate::sim::providers::desk::{Desk, Purchase, Sold};
use crate::sim::providers::esim::{Esim, EsimState, Wait};
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::{Goods, OrderState, SoldOrder};
use crate::sim::providers::reply::Reply;

/// Not enough money, with how much is missing.
pub(super) fn too_poor(desk: &Desk, needed: Units) -> Reply {
    let balance = desk.ledger.balance;
    let body = json!({
        "success": false,
        "error": "Insufficient balance",
        "code": "INSUFFICIENT_BALANCE",
        "details": {"currentBalance": balance.number(), "requiredBalance": needed.number(),
            "needToLoad": (needed - balance).number()},
    });
    Reply::json(400, &body)
}

/// Whether the price that was sent is the price now.
pub(super) fn price_agrees(call: &Call, price: Units) -> bool {
    call.field("price").is_none_or(|text| text.parse::<Units>() == Ok(price))
}

impl Esimfly {
    pub(super) fn order(&mut self, desk: &mut Desk, call: &Call, request_id: &str) -> Reply {
        let key = call.field("idempotency_key").filter(|_| desk.quirks.esimfly_keys);
        if desk.tricked(&Trick::InFlight) {
            return failed(409, "DUPLICATE_REQUEST", "An order with this idempotency key is being processed");
        }
        if let Some(number) = key.as_ref().and_then(|key| self.keys.get(key)).copied() {
            return replay(desk, number, request_id);
        }
        let Some(code) = call.field("packageCode") else {
            desk.dislike("missing_field");
            return failed(400, "MISSING_PACKAGE_CODE", "packageCode is required");
        };
        let required = ["packageName", "price"];
        if desk.quirks.esimfly_price_required && required.iter().any(|name| call.field(name).is_none()) {
            desk.dislike("missing_field");
            return failed(400, "MISSING_FIELDS", "packageCode, packageName and price are required");
        }
        let quantity = call.field("quantity").map_or(Ok(1), |text| text.parse::<u32>());
        let Some(quantity) = quantity.ok().filter(|count| (1..=10).contains(count)) else {
            return failed(400, "MISSING_FIELDS", "quantity must be between 1 and 10");
        };
        if let Some(earlier) = desk.ledger.orders.iter().rev().find(|order| order.goods == Goods::Esim) {
            let (number, reply) = (earlier.number, answer(desk, earlier, false));
            if desk.tricked(&Trick::RepeatsEarlierOrder) {
                return reply.of_order(number);
            }
        }
        let Some(id) = desk.catalogue.plans.iter().find(|plan| plan.code == code).map(|plan| plan.id) else {
            return failed(404, "PACKAGE_NOT_FOUND", "Package code is invalid");
        };
        let poor = desk.tricks_before_sale(id);
        let Some(plan) = desk.on_sale(id) else { return failed(400, "INVALID_PACKAGE", "Package is not available") };
        if !price_agrees(call, plan.price) {
            return failed(400, "PRICE_MISMATCH", "Submitted price doesn't match package price");
        }
        let price = plan.price.times(quantity);
        if poor || desk.ledger.balance < price {
            return too_poor(desk, price);
        }
        let wait = desk.wait_of(&plan);
        let ids: Vec<String> =
            (0..quantity).map(|more| (2503 + desk.esims.len() + more as usize).to_string()).collect();
        let tail = desk.codes.dice().text("abcdefghijklmnopqrstuvwxyz0123456789", 5);
        let reference = format!("order_{}_{tail}", desk.clock.now_s());
        let purchase = Purchase {
            quantity,
            client_reference: key.as_deref(),
            request_id: Some(request_id),
            pending: wait != Wait::Ready,
            ..Purchase::of(Goods::Esim, reference, code, name(&desk.catalogue, &plan), price)
        };
        let Sold { order, deaf, .. } = desk.sell_esims(&plan, ids, purchase, wait);
        if let Some(key) = key {
            self.keys.insert(key, order);
        }
        match desk.ledger.order(order) {
            Some(sold) if !deaf => answer(desk, sold, false).of_order(order),
            _ => failed(500, "ORDER_PROCESSING_ERROR", "The order could not be processed").of_order(order),
        }
    }
}

fn replay(desk: &mut Desk, number: u64, request_id: &str) -> Reply {
    if let Some(order) = desk.ledger.order_mut(number) {
        order.replays += 1;
        order.request_ids.push(request_id.to_owned());
    }
    match desk.ledger.order(number) {
        Some(order) => answer(desk, order, true).of_order(number),
        None => failed(500, "ORDER_PROCESSING_ERROR", "The first order is lost"),
    }
}

fn esims_of<'a>(desk: &'a Desk, order: &SoldOrder) -> Vec<&'a Esim> {
    desk.esims.iter().filter(|esim| esim.order == order.number).collect()
}

fn answer(desk: &Desk, order: &SoldOrder, duplicate: bool) -> Reply {
    let ready: Vec<&Esim> = esims_of(desk, order).into_iter().filter(|esim| esim.is_ready()).collect();
    let rows: Vec<Value> = ready
        .iter()
        .map(|esim| {
            let mut row = json!({
                "iccid": esim.profile.iccid,
                "qrCodeUrl": qr_url(desk, esim),
                "directAppleInstallUrl": apple_link(esim),
                "status": "New",
                "isPending": false,
            });
            if desk.quirks.esimfly_lpa_string {
                row["lpaString"] = json!(esim.lpa());
            }
            row
        })
        .collect();
    let pending = ready.is_empty();
    let mut body = json!({
        "success": true,
        "message": if pending { "Order accepted, details pending" } else { "Order processed successfully" },
        "orderReference": order.reference,
        "esimId": order.esim_ids.first().and_then(|id| id.parse::<u64>().ok()),
        "packageName": order.plan_name,
        "newBalance": order.wallet_after.number(),
        "paymentMethod": "balance",
        "status": if pending { "pending_details" } else { "completed" },
        "amount": order.price.number(),
        "profit": 0,
        "final_price": order.price.number(),
        "processing_time_ms": 3245,
        "esims": rows,
    });
    if let Some(first) = ready.first() {
        body["qrCodeUrl"] = json!(qr_url(desk, first));
        body["directAppleInstallUrl"] = json!(apple_link(first));
    }
    if duplicate {
        body["duplicate"] = json!(true);
    }
    Reply::json(200, &body)
}

/// GET `/esims/order`: one order, perhaps still without its profile.
pub(super) fn look_up(desk: &mut Desk, call: &Call) -> Reply {
    let reference = call.query("orderReference").unwrap_or("");
    let Some(number) = desk.ledger.by_reference(reference).map(|order| order.number) else {
        return failed(404, "ORDER_NOT_FOUND", "Order reference not found");
    };
    let places: Vec<usize> = (0..desk.esims.len()).filter(|place| desk.esims[*place].order == number).collect();
    for place in places {
        desk.look_at(place);
    }
    let Some(order) = desk.ledger.order(number) else { return failed(404, "ORDER_NOT_FOUND", "Not found") };
    let esim = desk.esims.iter().find(|esim| esim.order == number).map(|esim| {
        let ready = esim.is_ready();
        let plan = desk.catalogue.by_id(esim.plan);
        json!({
            "iccid": ready.then_some(&esim.profile.iccid),
            "status": "New",
            "qrCodeUrl": ready.then(|| qr_url(desk, esim)),
            "directAppleInstallUrl": ready.then(|| apple_link(esim)),
            "unlimited": plan.is_some_and(|plan| plan.bytes().is_none()),
            "totalVolume": esim.total,
            "totalDuration": esim.days,
            "expiredTime": clock::iso_z(esim.expires_s),
        })
    });
    let body = json!({"success": true, "order": {
        "id": order.number + 2502,
        "packageName": order.plan_name,
        "packageCode": order.plan,
        "status": state_word(order),
        "amount": order.price.number(),
        "finalPrice": order.price.number(),
        "orderDate": clock::iso_z(order.at_ms / 1000),
        "orderReference": order.reference,
        "paymentMethod": "balance",
        "paymentStatus": "succeeded",
        "esim": esim,
    }});
    Reply::json(200, &body).of_order(number)
}

fn state_word(order: &SoldOrder) -> &'static str {
    match order.state {
        OrderState::Pending => "pending",
        OrderState::Completed => "completed",
        OrderState::Cancelled => "cancelled",
    }
}

/// GET `/orders`: the list with filters, which tells after a lost answer what was bought.
pub(super) fn list(desk: &Desk, call: &Call) -> Reply {
    let status = call.query("status").filter(|status| *status != "all");
    let search = call.query("search").unwrap_or("").to_lowercase();
    let day = |name| call.query(name).and_then(clock::parse_iso);
    let (from, to) = (day("from_date"), day("to_date"));
    let mut fitting: Vec<&SoldOrder> = desk
        .ledger
        .orders
        .iter()
        .filter(|order| status.is_none_or(|status| state_word(order) == status))
        .filter(|order| from.is_none_or(|from| order.at_ms / 1000 >= from))
        .filter(|order| to.is_none_or(|to| order.at_ms / 1000 <= to))
        .filter(|order| {
            let texts = [&order.reference, &order.plan_name, &order.plan];
            search.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&search))
        })
        .collect();
    match call.query("sort_by") {
        Some("amount") => fitting.sort_by_key(|order| order.price),
        Some("status") => fitting.sort_by_key(|order| state_word(order)),
        _ => {}
    }
    if call.query("sort_order") != Some("asc") {
        fitting.reverse();
    }
    let page = call.page(fitting.len(), 20, 100);
    let rows: Vec<Value> = fitting[page.first..page.end]
        .iter()
        .map(|order| {
            json!({
                "id": order.number + 2502,
                "order_reference": order.reference,
                "package_name": order.plan_name,
                "package_code": order.plan,
                "amount": order.price.number(),
                "status": state_word(order),
                "flag_url": "/img/flags/US.png",
                "created_at": clock::iso_z(order.at_ms / 1000),
            })
        })
        .collect();
    let sum = fitting.iter().fold(Units::ZERO, |sum, order| sum + order.price);
    let summary = json!({"total_orders": fitting.len(), "total_revenue": sum.number()});
    found(json!({"orders": rows, "summary": summary, "pagination": pagination(desk, page)}))
}

/// POST `/esims/cancel`: every eSIM of the order, before it is used.
pub(super) fn cancel(desk: &mut Desk, call: &Call) -> Reply {
    let name = call.field("iccid").or_else(|| call.field("esimId"));
    let Some(name) = name else {
        desk.dislike("missing_field");
        return failed(400, "MISSING_IDENTIFIER", "iccid or esimId is required");
    };
    let Some(index) = desk.find_esim(&name) else { return failed(404, "ESIM_NOT_FOUND", "eSIM not found") };
    let number = desk.esims[index].order;
    match desk.esims[index].state {
        EsimState::Cancelled => return failed(400, "ALREADY_CANCELLED", "The eSIM is already cancelled"),
        EsimState::New | EsimState::Ready => {}
        _ => return failed(400, "NOT_ELIGIBLE", "The eSIM was activated"),
    }
    for esim in desk.esims.iter_mut().filter(|esim| esim.order == number) {
        esim.state = EsimState::Cancelled;
    }
    desk.refund(number);
    let amount = desk.ledger.order(number).map_or(Units::ZERO, |order| order.price);
    let body = json!({"success": true, "message": "eSIM cancelled", "refund_method": "balance",
        "refund_amount": amount.number(), "newBalance": desk.ledger.balance.number()});
    Reply::json(200, &body).of_order(number)
}
