//! Virtual numbers: offers with a short life, a monthly subscription, cancellation to the paid end.
//!
//! The document shows the answers of countries, available and order only. Of the others it gives addresses and
//! parameters; their answers here use the same envelope and the fields that the document shows elsewhere.

use serde_json::{Value, json};

use super::{Mobilexy, error, success};
use crate::sim::providers::Provider;
use crate::sim::providers::call::Call;
use crate::sim::providers::clock;
use crate::sim::providers::desk::{Desk, Purchase};
use crate::sim::providers::fault::Trick;
use crate::sim::providers::ledger::Goods;
use crate::sim::providers::price::Units;
use crate::sim::providers::reply::Reply;

/// Life of an offer token.
const OFFER_S: i64 = 600;

/// What a month is.
const MONTH_S: i64 = 30 * 86_400;

/// Countries with numbers: ISO code, dialling code, cents a month.
const SHELF: [(&str, &str, i64); 8] = [
    ("AR", "5424", 833),
    ("AT", "43720", 410),
    ("CA", "1604", 199),
    ("DE", "4930", 520),
    ("ES", "3491", 450),
    ("FR", "331", 470),
    ("GB", "4420", 299),
    ("US", "1212", 179),
];

/// A number on offer.
pub(super) struct Offer {
    number: String,
    iso: &'static str,
    month: Units,
    until_s: i64,
}

/// A number sold.
pub(super) struct Number {
    id: u64,
    roamlinx: String,
    number: String,
    iso: &'static str,
    status: &'static str,
    month: Units,
    paid_until_s: i64,
    reference: String,
}

pub(super) fn countries(desk: &Desk, call: &Call) -> Reply {
    let priced = call.query("with_price").is_some_and(|value| value == "1" || value == "true");
    let mut rows: Vec<Value> = SHELF
        .iter()
        .map(|(iso, _, cents)| {
            json!({
                "country_code": iso,
                "country_name": name_of(desk, iso),
                "min_retail_price": Units::cents(*cents).eight(),
                "cached_numbers_count": 10,
                "types": ["local"],
            })
        })
        .collect();
    if !priced {
        rows.push(json!({"country_code": "JP", "country_name": "Japan", "min_retail_price": null,
            "cached_numbers_count": 0, "types": []}));
    }
    success("virtual_number_countries", "Virtual number countries", json!({"countries": rows}))
}

fn name_of(desk: &Desk, iso: &str) -> String {
    let world = &desk.catalogue.world;
    world.by_iso(iso).map_or_else(String::new, |index| world.countries[index].name(Provider::Mobilexy).to_owned())
}

impl Mobilexy {
    pub(super) fn available(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let now_s = desk.clock.now_s();
        self.offers.retain(|_, offer| offer.until_s > now_s);
        let wanted = call.query("country").unwrap_or("").to_uppercase();
        let prefix = call.query("numberPrefix").unwrap_or("").to_owned();
        let local = call.query("type").is_none_or(|kind| kind == "local");
        let mut items = Vec::new();
        for (iso, dial, cents) in SHELF.iter().filter(|row| local && (wanted.is_empty() || row.0 == wanted)) {
            let price = Units::cents(*cents);
            for _ in 0..if wanted.is_empty() { 1 } else { 10 } {
                let number = format!("{dial}{}", desk.codes.dice().text("0123456789", 12 - dial.len()));
                if !number.starts_with(&prefix) {
                    continue;
                }
                let token = desk.codes.dice().uuid().replace('-', "");
                items.push(json!({
                    "offerToken": token,
                    "number": number,
                    "country": iso,
                    "countryName": name_of(desk, iso),
                    "type": "local",
                    "features": ["voice_in", "voice_out", "sms_in"],
                    "setupPrice": "0.00",
                    "monthlyPrice": price.two(),
                    "currency": "USD",
                    "offerExpiresInSec": OFFER_S,
                }));
                self.offers.insert(token, Offer { number, iso, month: price, until_s: now_s + OFFER_S });
            }
        }
        let data = json!({"success": true, "obj": {"items": items}});
        success("virtual_numbers_available", "Available virtual numbers", data)
    }

    pub(super) fn order(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let Some(token) = call.field("offerToken") else {
            desk.dislike("missing_field");
            return error(desk, 422, "validation_error", "The offer token field is required.");
        };
        let now_s = desk.clock.now_s();
        let alive = self.offers.get(&token).is_some_and(|offer| offer.until_s > now_s);
        if !alive || desk.tricked(&Trick::PlanGone) {
            self.offers.remove(&token);
            return error(desk, 400, "offer_expired", "The offer token is invalid or has expired");
        }
        let poor = desk.tricked(&Trick::NoFunds);
        let Some(offer) = self.offers.get(&token) else { return error(desk, 400, "offer_expired", "Expired") };
        if poor || desk.ledger.balance < offer.month {
            return error(desk, 400, "insufficient_balance", "Insufficient balance");
        }
        let Some(offer) = self.offers.remove(&token) else { return error(desk, 400, "offer_expired", "Expired") };
        let reference = desk.codes.number(12);
        let id = 15 + self.numbers.len() as u64;
        let name = format!("Number {}", offer.number);
        let order = desk.sell(Purchase {
            iccid: vec![offer.number.clone()],
            esim_ids: vec![id.to_string()],
            client_reference: Some(&token),
            ..Purchase::of(Goods::Number, reference.clone(), offer.iso.to_owned(), name, offer.month)
        });
        let roamlinx = format!("rlx_{}", desk.codes.dice().text("abcdefghijkmnpqrstuvwxyz23456789", 12));
        let number = Number {
            id,
            roamlinx,
            number: offer.number,
            iso: offer.iso,
            status: "active",
            month: offer.month,
            paid_until_s: now_s + MONTH_S,
            reference,
        };
        let mut shown = json!({
            "order_number": number.reference,
            "transaction_id": format!("VN-1-{}", number.reference),
            "number": number.number,
            "country": number.iso,
            "status": number.status,
            "retail_price": number.month.eight(),
        });
        shown["virtual_number"] = json!({
            "id": id, "roamlinx_number_id": number.roamlinx, "number": number.number, "status": number.status,
        });
        self.numbers.push(number);
        success("virtual_number_ordered", "Virtual number ordered successfully", json!({"order": shown}))
            .of_order(order)
    }

    pub(super) fn list(&mut self, desk: &Desk, call: &Call) -> Reply {
        let per_page = call.number("per_page", 20, 100);
        let wanted = call.query("status");
        let fitting: Vec<Value> =
            self.numbers.iter().rev().filter(|one| wanted.is_none_or(|status| one.status == status)).map(row).collect();
        let (total, page) = (fitting.len(), call.number("page", 1, 10_000));
        let shown: Vec<Value> = fitting.into_iter().skip((page - 1) * per_page).take(per_page).collect();
        let _ = desk;
        let data = json!({"virtual_numbers": {
            "current_page": page, "data": shown, "per_page": per_page, "total": total,
            "last_page": total.div_ceil(per_page).max(1),
        }});
        success("virtual_numbers_list", "Purchased virtual numbers", data)
    }

    /// What the months since the last look brought: paid from the wallet, blocked for want of money, or at an end.
    pub(super) fn renew(&mut self, desk: &mut Desk) {
        let now_s = desk.clock.now_s();
        for number in &mut self.numbers {
            while number.paid_until_s <= now_s && number.status == "active" {
                if desk.ledger.balance < number.month {
                    number.status = "blocked_no_funds";
                } else {
                    desk.ledger.move_money(now_s * 1000, "number_month", Units::ZERO - number.month, None);
                    number.paid_until_s += MONTH_S;
                }
            }
            if number.paid_until_s <= now_s && number.status == "pending_termination" {
                number.status = "terminated";
            }
        }
    }

    fn find(&mut self, call: &Call) -> Option<&mut Number> {
        let name = call.path.get(1)?;
        self.numbers.iter_mut().find(|one| one.id.to_string() == *name || one.roamlinx == *name)
    }

    pub(super) fn details(&mut self, desk: &Desk, call: &Call) -> Reply {
        match self.find(call) {
            Some(number) => {
                success("virtual_number_details", "Virtual number details", json!({"virtual_number": row(number)}))
            }
            None => error(desk, 404, "not_found", "Virtual number not found"),
        }
    }

    pub(super) fn cancel(&mut self, desk: &Desk, call: &Call) -> Reply {
        let Some(number) = self.find(call) else {
            return error(desk, 404, "not_found", "Virtual number not found");
        };
        if matches!(number.status, "pending_termination" | "terminated") {
            return error(desk, 400, "already_cancelled", "The number is already cancelled");
        }
        number.status = "pending_termination";
        let data = json!({"virtual_number": row(number)});
        success("virtual_number_cancelled", "Virtual number cancelled successfully", data)
    }

    pub(super) fn sms(&mut self, desk: &Desk, call: &Call) -> Reply {
        let now_s = desk.clock.now_s();
        let Some(number) = self.find(call) else {
            return error(desk, 404, "not_found", "Virtual number not found");
        };
        let messages = json!([{
            "id": number.id * 100 + 1,
            "from": "491510000000",
            "to": number.number,
            "message": "Your code is 482913",
            "received_at": clock::iso_z(now_s - 60),
        }]);
        let data = json!({"messages": {"current_page": 1, "data": messages, "per_page": 20, "total": 1}});
        success("virtual_number_sms", "Virtual number SMS messages", data)
    }

    pub(super) fn charges(&mut self, desk: &Desk, call: &Call) -> Reply {
        let Some(number) = self.find(call) else {
            return error(desk, 404, "not_found", "Virtual number not found");
        };
        let charges = json!([{"id": number.id, "type": "sms_in", "amount": "0.01000000", "currency": "USD"}]);
        let data = json!({"charges": {"current_page": 1, "data": charges, "per_page": 20, "total": 1}});
        success("virtual_number_charges", "Virtual number charges", data)
    }

    pub(super) fn reactivate(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let (balance, now_s) = (desk.ledger.balance, desk.clock.now_s());
        let Some(number) = self.find(call) else {
            return error(desk, 404, "not_found", "Virtual number not found");
        };
        if number.status != "blocked_no_funds" {
            return error(desk, 400, "not_blocked", "The number is not blocked");
        }
        if balance < number.month {
            return error(desk, 400, "insufficient_balance", "Insufficient balance");
        }
        number.status = "active";
        number.paid_until_s = now_s + MONTH_S;
        desk.ledger.move_money(now_s * 1000, "number_month", Units::ZERO - number.month, None);
        let data = json!({"virtual_number": row(number)});
        success("virtual_number_reactivated", "Virtual number reactivated successfully", data)
    }
}

fn row(number: &Number) -> Value {
    json!({
        "id": number.id,
        "roamlinx_number_id": number.roamlinx,
        "order_number": number.reference,
        "number": number.number,
        "country": number.iso,
        "type": "local",
        "status": number.status,
        "monthly_price": number.month.two(),
        "currency": "USD",
        "expires_at": clock::iso_z(number.paid_until_s),
    })
}
