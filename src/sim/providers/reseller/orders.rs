//! Orders, which need a customer's name and address, and find their way back by key, name and list.

use serde_json::{Value, json};

use super::{Reseller, failed, missing, pagination, plans, success};
use crate::sim::providers::Units;
use crate::sim::providers::call::Call;
use crate::sim::providers::clock;
use crate::sim::providers::desk::{Desk, Purchase, Sold};
use crate::sim::providers::esim::{Esim, EsimState, Wait};
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::{Goods, OrderState, SoldOrder};
use crate::sim::providers::picture::qr_png;
use crate::sim::providers::reply::Reply;

/// What the customer's side of an order says.
#[derive(Debug, Clone, Default)]
pub(super) struct Note {
    email: String,
    /// Set by an update.
    status: Option<String>,
}

impl Reseller {
    pub(super) fn order(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let key = call.header("idempotency-key").map(str::to_owned).filter(|_| desk.quirks.reseller_keys);
        if call.header("idempotency-key").is_none() {
            desk.dislike("no_idempotency_key");
        }
        if desk.tricked(&Trick::InFlight) {
            return failed(409, "An order with this idempotency key is being processed");
        }
        if let Some(number) = key.as_ref().and_then(|key| self.keys.get(key)).copied() {
            if let Some(order) = desk.ledger.order_mut(number) {
                order.replays += 1;
            }
            return self.created(desk, number);
        }
        let (Some(email), Some(customer)) = (call.field("end_customer_email"), call.field("customer_name")) else {
            return missing(desk, "end_customer_email and customer_name");
        };
        if !email.contains('@') {
            return missing(desk, "a valid end_customer_email");
        }
        let Some(id) = call.field("plan_id") else { return missing(desk, "plan_id") };
        let number_given = call.json().is_some_and(|body| body["plan_id"].is_number());
        if desk.quirks.reseller_live && !number_given {
            desk.dislike("plan_id_as_text");
            return failed(400, "plan_id must be an integer");
        }
        let earlier = desk.ledger.orders.iter().rev().find(|order| order.goods == Goods::Esim);
        if let Some(number) = earlier.map(|order| order.number)
            && desk.tricked(&Trick::RepeatsEarlierOrder)
        {
            return self.created(desk, number);
        }
        let quantity = call.field("quantity").map_or(Ok(1), |text| text.parse::<u32>());
        let Some(quantity) = quantity.ok().filter(|count| (1..=10).contains(count)) else {
            return failed(400, "quantity must be between 1 and 10");
        };
        let Ok(id) = id.parse::<u32>() else { return failed(404, "Plan not found") };
        if !self.deposited {
            return failed(403, "Onboarding is not completed");
        }
        let poor = desk.tricks_before_sale(id);
        let Some(plan) = desk.on_sale(id) else { return failed(404, "Plan not found") };
        let price = plan.price.times(quantity);
        if poor || desk.ledger.balance < price {
            return failed(402, "Insufficient credit balance");
        }
        let wait = desk.wait_of(&plan);
        let now_s = desk.clock.now_s();
        let first_id = desk.esims.len() as u64 + 1;
        let ids = (0..quantity).map(|more| clock::tran_no(now_s, first_id + u64::from(more))).collect();
        let reference = format!("ord-{}", desk.codes.dice().text("abcdefghijkmnpqrstuvwxyz23456789", 12));
        let purchase = Purchase {
            quantity,
            client_reference: key.as_deref(),
            customer_name: Some(&customer),
            pending: wait != Wait::Ready,
            ..Purchase::of(Goods::Esim, reference, id.to_string(), plans::name(&desk.catalogue, &plan), price)
        };
        let Sold { order, deaf, .. } = desk.sell_esims(&plan, ids, purchase, wait);
        self.notes.insert(order, Note { email, status: None });
        if let Some(key) = key {
            self.keys.insert(key, order);
        }
        if deaf {
            return failed(500, "Internal server error").of_order(order);
        }
        self.created(desk, order)
    }

    /// The answer to a new or repeated order: 201.
    fn created(&self, desk: &Desk, number: u64) -> Reply {
        let Some(order) = desk.ledger.order(number) else { return failed(500, "Order lost") };
        let mut shown = self.object(desk, order);
        if desk.quirks.reseller_profile_later {
            for name in ["iccid", "qr_code_url", "profiles"] {
                shown[name] = Value::Null;
            }
        }
        let reply = if desk.quirks.reseller_live {
            success(desk, 201, shown)
        } else {
            let body = json!({"success": true, "message": "Order created successfully", "order": shown});
            Reply::json(201, &body)
        };
        reply.of_order(number)
    }

    fn object(&self, desk: &Desk, order: &SoldOrder) -> Value {
        let note = self.notes.get(&order.number).cloned().unwrap_or_default();
        let ready: Vec<&Esim> =
            desk.esims.iter().filter(|esim| esim.order == order.number && esim.is_ready()).collect();
        let status = note.status.clone().unwrap_or_else(|| {
            let word = match order.state {
                OrderState::Pending => "pending",
                OrderState::Completed => "active",
                OrderState::Cancelled => "cancelled",
            };
            word.to_owned()
        });
        let plan = order.plan.parse().ok().and_then(|id| desk.catalogue.by_id(id));
        let each = Units(order.price.0 / i64::from(order.quantity.max(1)));
        let mut shown = json!({
            "id": order.reference,
            "user_id": "user-123",
            "plan_id": plan.map(|plan| plans::id(desk, plan)),
            "plan_name": order.plan_name,
            "quantity": order.quantity,
            "unit_price": each.number(),
            "total_amount": order.price.number(),
            "currency": "USD",
            "status": status,
            "iccid": ready.first().map(|esim| &esim.profile.iccid),
            "qr_code_url": ready.first().map(|esim| qr_url(desk, esim)),
            "end_customer_email": note.email,
            "customer_name": order.customer_name,
            "created_at": clock::iso_z(order.at_ms / 1000),
        });
        if desk.quirks.reseller_lpa_text {
            shown["profiles"] = ready.iter().map(|esim| profile(desk, esim)).collect();
        }
        shown
    }

    pub(super) fn order_list(&self, desk: &Desk, call: &Call) -> Reply {
        let wanted = call.query("status");
        let rows: Vec<Value> = desk
            .ledger
            .orders
            .iter()
            .rev()
            .filter(|order| order.goods == Goods::Esim)
            .map(|order| self.object(desk, order))
            .filter(|row| wanted.is_none_or(|wanted| row["status"] == wanted))
            .collect();
        let page = call.page(rows.len(), 20, 100);
        let shown = &rows[page.first..page.end];
        let name = if desk.quirks.reseller_live { "data" } else { "orders" };
        let mut body = json!({"success": true, "pagination": pagination(page)});
        body[name] = json!(shown);
        Reply::json(200, &body)
    }

    fn find(desk: &Desk, call: &Call) -> Option<u64> {
        let id = call.path.get(1)?;
        desk.ledger.by_reference(id).map(|order| order.number)
    }

    pub(super) fn order_details(&self, desk: &mut Desk, call: &Call) -> Reply {
        let Some(number) = Self::find(desk, call) else { return failed(404, "Order not found") };
        let places: Vec<usize> = (0..desk.esims.len()).filter(|place| desk.esims[*place].order == number).collect();
        for place in places {
            desk.look_at(place);
        }
        let Some(order) = desk.ledger.order(number) else { return failed(404, "Order not found") };
        let mut shown = self.object(desk, order);
        let reply = if desk.quirks.reseller_live {
            let profiles = shown["profiles"].take();
            success(desk, 200, json!({"order": shown, "profiles": profiles}))
        } else {
            success(desk, 200, json!({"order": shown}))
        };
        reply.of_order(number)
    }

    pub(super) fn order_update(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let Some(number) = Self::find(desk, call) else { return failed(404, "Order not found") };
        let note = self.notes.entry(number).or_default();
        note.status = call.field("status").or(note.status.take());
        note.email = call.field("customer_email").unwrap_or_else(|| note.email.clone());
        if let Some(order) = desk.ledger.order_mut(number) {
            order.customer_name = call.field("customer_name").or(order.customer_name.take());
        }
        match desk.ledger.order(number) {
            Some(order) => success(desk, 200, json!({"order": self.object(desk, order)})),
            None => failed(404, "Order not found"),
        }
    }

    /// Money back while no phone has the profile.
    pub(super) fn order_cancel(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let Some(number) = Self::find(desk, call) else { return failed(404, "Order not found") };
        if desk.ledger.order(number).is_some_and(|order| order.state == OrderState::Cancelled) {
            return failed(409, "Order is already cancelled");
        }
        let used = |esim: &Esim| !matches!(esim.state, EsimState::New | EsimState::Ready);
        let force = call.field("force").is_some_and(|force| force == "true");
        if !force && desk.esims.iter().any(|esim| esim.order == number && used(esim)) {
            return failed(400, "The eSIM is already in use");
        }
        for esim in desk.esims.iter_mut().filter(|esim| esim.order == number) {
            esim.state = EsimState::Cancelled;
        }
        desk.refund(number);
        let message = json!({"success": true, "message": "Order cancelled successfully"});
        Reply::json(200, &message).of_order(number)
    }
}

fn qr_url(desk: &Desk, esim: &Esim) -> String {
    format!("{}/qr/{}.png", desk.base_url, esim.id)
}

fn profile(desk: &Desk, esim: &Esim) -> Value {
    json!({
        "iccid": esim.profile.iccid,
        "esimTranNo": esim.id,
        "qr_code_url": qr_url(desk, esim),
        "activation_code": esim.lpa(),
        "status": super::profiles::status(esim),
    })
}

/// The picture behind `qr_code_url`; no token is asked for.
pub(super) fn picture(desk: &Desk, call: &Call) -> Reply {
    let id = call.path.get(1).and_then(|file| file.strip_suffix(".png")).unwrap_or("");
    let esim = desk.esims.iter().find(|esim| esim.id == id && esim.is_ready());
    esim.and_then(|esim| qr_png(esim.lpa())).map_or_else(|| Reply::html(404, "404 Not Found"), Reply::png)
}
