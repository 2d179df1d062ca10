//! Credit, transactions, PayPal and the first deposit.

use serde_json::{Value, json};

use super::{Reseller, failed, missing, pagination, success};
use crate::sim::providers::Units;
use crate::sim::providers::call::Call;
use crate::sim::providers::clock;
use crate::sim::providers::desk::Desk;
use crate::sim::providers::ledger::WalletEntry;
use crate::sim::providers::reply::Reply;

/// What has been spent.
fn spent(desk: &Desk) -> Units {
    desk.ledger.orders.iter().fold(Units::ZERO, |sum, order| sum + order.price)
}

pub(super) fn balance(desk: &Desk) -> Reply {
    let balance = desk.ledger.balance.number();
    if desk.quirks.reseller_live {
        return success(desk, 200, json!({"balance": balance, "currency": "USD"}));
    }
    let fields = json!({
        "balance": balance,
        "currency": "USD",
        "billing_mode": "prepaid",
        "soft_limit_threshold": 100,
        "current_usage": spent(desk).number(),
        "available_credit": balance,
    });
    success(desk, 200, fields)
}

pub(super) fn enhanced_balance(desk: &Desk, call: &Call) -> Reply {
    let provider = call.path.get(2).cloned().or_else(|| call.field("provider"));
    let fields = json!({
        "provider_id": provider.unwrap_or_else(|| "provider-1".to_owned()),
        "balance": desk.ledger.balance.number(),
        "currency": "USD",
        "timestamp": clock::iso_z(desk.clock.now_s()),
    });
    success(desk, 200, fields)
}

fn row(desk: &Desk, index: usize, entry: &WalletEntry) -> Value {
    let order = entry.order.and_then(|number| desk.ledger.order(number));
    json!({
        "id": format!("txn-{}", index + 1),
        "type": entry.kind,
        "amount": entry.amount.number(),
        "balance_after": entry.after.number(),
        "currency": "USD",
        "status": "completed",
        "description": order.map(|order| format!("Order {} - {}", order.reference, order.plan_name)),
        "order_id": order.map(|order| &order.reference),
        "created_at": clock::iso_z(entry.at_ms / 1000),
    })
}

pub(super) fn transactions(desk: &Desk, call: &Call) -> Reply {
    let kind = call.query("type");
    let search = call.query("search").unwrap_or("").to_lowercase();
    let day = |name| call.query(name).and_then(clock::parse_iso);
    let (from, to) = (day("start_date"), day("end_date"));
    let completed = call.query("status").is_none_or(|status| status == "completed");
    let rows: Vec<Value> = desk
        .ledger
        .wallet
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, entry)| completed && kind.is_none_or(|kind| entry.kind == kind))
        .filter(|(_, entry)| from.is_none_or(|from| entry.at_ms / 1000 >= from))
        .filter(|(_, entry)| to.is_none_or(|to| entry.at_ms / 1000 <= to))
        .map(|(index, entry)| row(desk, index, entry))
        .filter(|row| search.is_empty() || row["description"].to_string().to_lowercase().contains(&search))
        .collect();
    let page = call.page(rows.len(), 20, 100);
    let name = if desk.quirks.reseller_live { "data" } else { "transactions" };
    let mut body = json!({"success": true, "pagination": pagination(page)});
    body[name] = json!(rows[page.first..page.end]);
    Reply::json(200, &body)
}

pub(super) fn dashboard(desk: &Desk) -> Reply {
    let orders: Vec<Value> = desk
        .ledger
        .orders
        .iter()
        .rev()
        .take(5)
        .map(|order| json!({"id": order.reference, "plan_name": order.plan_name, "total_amount": order.price.number()}))
        .collect();
    let entries = desk.ledger.wallet.iter().enumerate().rev().take(5);
    let transactions: Vec<Value> = entries.map(|(index, entry)| row(desk, index, entry)).collect();
    let data = json!({
        "account": {"balance": desk.ledger.balance.number(), "billing_mode": "prepaid", "currency": "USD",
            "credit_limit": 5000, "current_usage": spent(desk).number()},
        "pending_invoices": [],
        "recent_orders": orders,
        "recent_transactions": transactions,
    });
    Reply::json(200, &json!({"success": true, "data": data}))
}

impl Reseller {
    pub(super) fn paypal_order(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let amount = call.field("amount").and_then(|text| text.parse::<Units>().ok());
        let Some(amount) = amount.filter(|amount| *amount > Units::ZERO) else { return missing(desk, "amount") };
        let id = format!("paypal-order-{}", self.paypal.len() + 123);
        self.paypal.insert(id.clone(), amount);
        let order = json!({
            "id": id, "amount": amount.number(), "currency": "USD", "status": "CREATED",
            "approval_link": format!("https://sandbox.paypal.com/checkoutnow?token={id}"),
        });
        success(desk, 200, json!({"message": "PayPal order created", "paypal_order": order}))
    }

    pub(super) fn paypal_capture(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let names = ["orderID", "orderId", "order_id", "paypal_order_id"];
        let Some(id) = names.iter().find_map(|name| call.field(name)) else { return missing(desk, "orderID") };
        let Some(amount) = self.paypal.remove(&id) else { return failed(404, "PayPal order not found") };
        let at_ms = desk.clock.now_ms();
        desk.ledger.move_money(at_ms, "topup", amount, None);
        self.deposited = true;
        let transaction = json!({
            "id": format!("txn-{}", desk.ledger.wallet.len()), "amount": amount.number(), "status": "completed",
            "new_balance": desk.ledger.balance.number(),
        });
        success(desk, 200, json!({"transaction": transaction}))
    }

    /// 50 to 50 000 USD, once.
    pub(super) fn deposit(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let amount = call.field("amount").and_then(|text| text.parse::<Units>().ok());
        let Some(amount) = amount else { return missing(desk, "amount") };
        if amount < Units::cents(5_000) || amount > Units::cents(5_000_000) {
            return failed(400, "The deposit must be between 50 and 50000 USD");
        }
        if self.deposited {
            return failed(400, "The initial deposit was already made");
        }
        self.paypal_order(desk, call)
    }

    pub(super) fn deposit_status(&self, desk: &Desk) -> Reply {
        let fields = json!({"initial_deposit_made": self.deposited, "balance": desk.ledger.balance.number(),
            "currency": "USD"});
        success(desk, 200, fields)
    }
}
