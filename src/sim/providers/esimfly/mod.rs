//! eSIMfly's business API: four signed headers, request ids that may be used once in 24 hours, an idempotency key
//! that replays, prices that must match, profiles that may come later.

mod auth;
mod esims;
mod orders;
mod packages;
mod topup;

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Credentials;
use super::call::{Call, Page};
use super::clock;
use super::desk::{Desk, Rate};
use super::fault::Trick;
use super::house::{Route, Shop};
use super::reply::Reply;

/// eSIMfly's counter.
pub(super) struct Esimfly {
    access_code: String,
    secret: String,
    /// Request ids and when they came, milliseconds since 1970.
    request_ids: HashMap<String, i64>,
    /// Orders by idempotency key.
    keys: HashMap<String, u64>,
}

impl Esimfly {
    pub(super) fn new(keys: &Credentials) -> Esimfly {
        Esimfly {
            access_code: keys.esimfly_access_code.clone(),
            secret: keys.esimfly_secret.clone(),
            request_ids: HashMap::new(),
            keys: HashMap::new(),
        }
    }
}

impl Shop for Esimfly {
    fn route(&self, call: &Call) -> Route {
        match (call.method.as_str(), call.parts().as_slice()) {
            ("GET", ["balance"]) => Route::read("balance"),
            ("GET", ["esims", "packages"]) => Route::read("esims_packages"),
            ("POST", ["esims", "order"]) => Route::write("esims_order"),
            ("GET", ["esims", "order"]) => Route::read("esims_order_get"),
            ("GET", ["topup", "packages"]) => Route::read("topup_packages"),
            ("POST", ["topup", "order"]) => Route::write("topup_order"),
            ("GET", ["esims"]) => Route::read("esims"),
            ("GET", ["esims", "usage", "query"]) => Route::read("esims_usage_query"),
            ("GET", ["orders"]) => Route::read("orders"),
            ("POST", ["esims", "cancel"]) => Route::write("esims_cancel"),
            ("POST", ["esims", "status"]) => Route::read("esims_status"),
            ("GET", ["qr", _]) => Route::read("qr"),
            _ => Route::UNKNOWN,
        }
    }

    fn answer(&mut self, desk: &mut Desk, route: Route, call: &Call) -> Reply {
        if route.name == "qr" {
            return esims::picture(desk, call);
        }
        let rate = desk.count_request();
        if let Some(rate) = rate.filter(|rate| rate.exceeded) {
            let wait = (rate.reset_s - desk.clock.now_s()).max(1);
            let reply = failed(429, "RATE_LIMIT_EXCEEDED", "Too many requests");
            return limits(reply.with("retry-after", wait.to_string()), desk, Some(rate));
        }
        let reply = match self.verify(desk, call) {
            Err(refused) => refused,
            Ok(request_id) => self.verified(desk, route, call, &request_id),
        };
        limits(reply, desk, rate)
    }

    fn refusal(&self, desk: &Desk, code: u16) -> Reply {
        let (name, words) = match code {
            429 => ("RATE_LIMIT_EXCEEDED", "Too many requests"),
            502 => ("PROVIDER_ERROR", "The provider did not answer"),
            _ => ("ORDER_PROCESSING_ERROR", "The order could not be processed"),
        };
        limits(failed(code, name, words), desk, None)
    }
}

impl Esimfly {
    fn verified(&mut self, desk: &mut Desk, route: Route, call: &Call, request_id: &str) -> Reply {
        if desk.tricked(&Trick::TokenExpired) {
            return failed(401, "INVALID_API_KEY", "API key is invalid or not found");
        }
        match route.name {
            "balance" => found(json!({"balance": desk.ledger.balance.number(), "currency": "USD"})),
            "esims_packages" => packages::list(desk, call),
            "esims_order" => self.order(desk, call, request_id),
            "esims_order_get" => orders::look_up(desk, call),
            "topup_packages" => topup::packages(desk, call),
            "topup_order" => topup::order(desk, call, request_id),
            "esims" => esims::list(desk, call),
            "esims_usage_query" => esims::usage(desk, call),
            "esims_status" => esims::status_of(desk, call),
            "esims_cancel" => orders::cancel(desk, call),
            "orders" => orders::list(desk, call),
            _ => failed(404, "NOT_FOUND", "Endpoint not found"),
        }
    }
}

fn found(data: Value) -> Reply {
    Reply::json(200, &json!({"success": true, "data": data}))
}

fn failed(status: u16, code: &str, words: &str) -> Reply {
    Reply::json(status, &json!({"success": false, "error": words, "code": code}))
}

fn limits(reply: Reply, desk: &Desk, rate: Option<Rate>) -> Reply {
    let now_s = desk.clock.now_s();
    let (limit, remaining, reset_s) =
        rate.map_or((1000, 999, now_s + 3600), |rate| (rate.limit, rate.remaining, rate.reset_s));
    let reset = if desk.quirks.rate_reset_unix { reset_s.to_string() } else { clock::iso_z(reset_s) };
    reply
        .with("x-ratelimit-limit", limit.to_string())
        .with("x-ratelimit-remaining", remaining.to_string())
        .with("x-ratelimit-reset", reset)
}

/// `total_pages` in the samples, `totalPages` in the prose.
fn pagination(desk: &Desk, page: Page) -> Value {
    let name = if desk.quirks.camel_pages { "totalPages" } else { "total_pages" };
    let mut value = json!({"page": page.page, "limit": page.limit, "total": page.total});
    value[name] = json!(page.pages);
    value
}
