//! Roamify: a bearer token, an envelope of `status` and `data`, an order that is quick and a profile that may take
//! 90 seconds, and a `referenceId` that finds an order again but never refuses a second one.
//!
//! The managing half is after the published page; the selling half after what the reference gathered from the live
//! site and from open clients (its section 2.2).

mod esims;
mod orders;
mod packages;
mod refunds;

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Credentials;
use super::call::Call;
use super::catalogue::Plan;
use super::desk::Desk;
use super::fault::Trick;
use super::house::{Route, Shop};
use super::reply::Reply;

/// Roamify's counter.
pub(super) struct Roamify {
    token: String,
    /// Plan by `packageId`.
    by_package: HashMap<String, u32>,
    /// `packageId` by plan.
    packages: HashMap<u32, String>,
    /// How often a reference was looked for.
    looked_for: HashMap<String, u32>,
    apply_refused: HashMap<String, u32>,
    refunds: Vec<refunds::Refund>,
}

impl Roamify {
    pub(super) fn new(keys: &Credentials) -> Roamify {
        Roamify {
            token: keys.roamify_token.clone(),
            by_package: HashMap::new(),
            packages: HashMap::new(),
            looked_for: HashMap::new(),
            apply_refused: HashMap::new(),
            refunds: Vec::new(),
        }
    }

    /// Names every plan once, by place, days and size.
    fn learn(&mut self, desk: &Desk) {
        if self.packages.is_empty() {
            for plan in &desk.catalogue.plans {
                let name = packages::package_id(&desk.catalogue, plan);
                self.by_package.insert(name.clone(), plan.id);
                self.packages.insert(plan.id, name);
            }
        }
    }

    fn plan(&self, desk: &Desk, package: &str) -> Option<Plan> {
        self.by_package.get(package).and_then(|id| desk.on_sale(*id))
    }

    fn package(&self, plan: u32) -> &str {
        self.packages.get(&plan).map_or("", String::as_str)
    }
}

impl Shop for Roamify {
    fn route(&self, call: &Call) -> Route {
        let parts = call.parts();
        let Some(("api", rest)) = parts.split_first().map(|(first, rest)| (*first, rest)) else {
            return Route::UNKNOWN;
        };
        match (call.method.as_str(), rest) {
            ("GET", ["esim", "countries"]) => Route::read("esim_countries"),
            ("GET", ["esim", "packages"]) => Route::read("esim_packages"),
            ("POST", ["esim", "order"]) => Route::write("esim_order"),
            ("POST", ["esim", "order", "instant"]) => Route::write("esim_order_instant"),
            ("POST", ["esim", "order", "topup"]) => Route::write("esim_order_topup"),
            ("GET", ["esim", "order"]) => Route::read("esim_order_get"),
            ("GET", ["esim", "orders"]) => Route::read("esim_orders"),
            ("POST", ["esim", "apply"]) => Route::write("esim_apply"),
            ("GET", ["esim"]) => Route::read("esim_get"),
            ("GET", ["esim", "usage"]) => Route::read("esim_usage"),
            ("GET", ["esim", "usage", "details"]) => Route::read("esim_usage_details"),
            ("GET", ["esim", "topup", "packages"]) => Route::read("esim_topup_packages"),
            ("GET", ["esim", "history"]) => Route::read("esim_history"),
            ("GET", ["esims"]) => Route::read("esims"),
            ("GET", ["balance"]) => Route::read("balance"),
            ("GET", ["compatible-devices"]) => Route::read("compatible_devices"),
            ("GET", ["exchange-rates" | "exchange-rate"]) => Route::read("exchange_rates"),
            ("POST", ["refund"]) => Route::write("refund_create"),
            ("POST", ["refund", "bulk"]) => Route::write("refund_bulk"),
            ("GET", ["refund" | "refunds", ..]) => Route::read("refund_get"),
            ("DELETE", ["refund", _]) | ("POST" | "PUT" | "PATCH", ["refund", .., "cancel"]) => {
                Route::write("refund_cancel")
            }
            ("GET", ["health"]) => Route::read("health"),
            _ => Route::UNKNOWN,
        }
    }

    fn answer(&mut self, desk: &mut Desk, route: Route, call: &Call) -> Reply {
        self.learn(desk);
        if let Some(rate) = desk.count_request()
            && rate.exceeded
        {
            let wait = (rate.reset_s - desk.clock.now_s()).max(1);
            return failed(429, "Too many requests", None).with("retry-after", wait.to_string());
        }
        if route.name == "health" {
            return success(json!({"status": "up"}));
        }
        if call.bearer() != Some(self.token.as_str()) || desk.tricked(&Trick::TokenExpired) {
            desk.dislike("bad_token");
            return failed(401, "Unauthorized", None);
        }
        match route.name {
            "esim_countries" => packages::countries(desk),
            "esim_packages" => self.packages_page(desk, call),
            "esim_order" => self.order(desk, call, false),
            "esim_order_instant" => self.order(desk, call, true),
            "esim_order_topup" => self.order_topup(desk, call),
            "esim_order_get" | "esim_orders" => self.find_order(desk, call),
            "esim_apply" => self.apply(desk, call),
            "esim_get" => esims::get(desk, call),
            "esim_usage" => esims::usage(desk, call, false),
            "esim_usage_details" => esims::usage(desk, call, true),
            "esim_topup_packages" => self.topup_packages(desk, call),
            "esim_history" => self.history(desk, call),
            "esims" => esims::list(desk, call),
            "balance" => success(json!({"balance": desk.ledger.balance.number(), "currency": "USD"})),
            "compatible_devices" => packages::devices(),
            "exchange_rates" => success(json!({"base": "USD", "rates": {"EUR": 0.92, "GBP": 0.79, "CHF": 0.88}})),
            "refund_create" | "refund_bulk" => self.refund(desk, call),
            "refund_get" => self.refund_get(call),
            "refund_cancel" => self.refund_cancel(call),
            _ => failed(404, "Not Found", None),
        }
    }

    fn refusal(&self, _: &Desk, code: u16) -> Reply {
        failed(code, if code >= 500 { "Unknown error" } else { "Too many requests" }, None)
    }
}

fn success(data: Value) -> Reply {
    Reply::json(200, &json!({"status": "success", "data": data}))
}

fn failed(status: u16, message: &str, code: Option<&str>) -> Reply {
    let mut body = json!({"status": "failed", "message": message});
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    Reply::json(status, &body)
}
