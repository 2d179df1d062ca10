//! Mobilexy, after its published description: `api_key` in body or query, an envelope of `remark`, `status`,
//! `message` and `data`, errors mostly with HTTP 200, and no memory of who asked for what.

mod numbers;
mod plans;
mod profile;
mod sale;

use std::collections::HashMap;

use hyper::Method;
use serde_json::{Value, json};

use super::Credentials;
use super::call::Call;
use super::desk::{Desk, Rate};
use super::fault::Trick;
use super::house::{Route, Shop};
use super::quirks::MessageStyle;
use super::reply::Reply;

/// Mobilexy's counter.
pub(super) struct Mobilexy {
    key: String,
    offers: HashMap<String, numbers::Offer>,
    numbers: Vec<numbers::Number>,
}

impl Mobilexy {
    pub(super) fn new(keys: &Credentials) -> Mobilexy {
        Mobilexy { key: keys.mobilexy_key.clone(), offers: HashMap::new(), numbers: Vec::new() }
    }

    /// The call must carry the key. In the address of a call that has a body it is a secret in somebody's log.
    fn keyed(&self, desk: &mut Desk, call: &Call) -> Result<(), Reply> {
        let expired = desk.tricked(&Trick::TokenExpired);
        if call.method == Method::POST && call.query("api_key").is_some() {
            desk.dislike("key_in_url");
        }
        let key = call.field("api_key").or_else(|| call.bearer().map(str::to_owned));
        match key {
            Some(key) if key == self.key && !expired => Ok(()),
            Some(_) => {
                desk.dislike("bad_key");
                Err(error(desk, 401, "unauthenticated", "Invalid API key"))
            }
            None => {
                desk.dislike("no_key");
                Err(error(desk, 401, "unauthenticated", "The api key field is required."))
            }
        }
    }
}

impl Shop for Mobilexy {
    fn route(&self, call: &Call) -> Route {
        match (call.method.as_str(), call.parts().as_slice()) {
            ("GET", ["coverage", "countries"]) => Route::read("coverage_countries"),
            ("GET", ["coverage", "regions"]) => Route::read("coverage_regions"),
            ("GET", ["country-plans", _]) => Route::read("country_plans"),
            ("GET", ["region-plans", _]) => Route::read("region_plans"),
            ("GET", ["global-plans"]) => Route::read("global_plans"),
            ("GET", ["plan", _]) => Route::read("plan_details"),
            ("POST", ["balance"]) => Route::read("balance"),
            ("POST", ["plan", "purchase"]) => Route::write("plan_purchase"),
            ("POST", ["profile", "topup"]) => Route::write("profile_topup"),
            ("POST", ["profile", "usage-check"]) => Route::read("profile_usage_check"),
            ("GET", ["virtual-numbers", "countries"]) => Route::read("numbers_countries"),
            ("GET", ["virtual-numbers", "available"]) => Route::read("numbers_available"),
            ("POST", ["virtual-numbers", "order"]) => Route::write("numbers_order"),
            ("GET", ["virtual-numbers", "list"]) => Route::read("numbers_list"),
            ("GET", ["virtual-numbers", _]) => Route::read("number_details"),
            ("POST", ["virtual-numbers", _, "cancel"]) => Route::write("number_cancel"),
            ("GET", ["virtual-numbers", _, "sms"]) => Route::read("number_sms"),
            ("GET", ["virtual-numbers", _, "charges"]) => Route::read("number_charges"),
            ("POST", ["virtual-numbers", _, "reactivate"]) => Route::write("number_reactivate"),
            _ => Route::UNKNOWN,
        }
    }

    fn answer(&mut self, desk: &mut Desk, route: Route, call: &Call) -> Reply {
        if let Some(rate) = desk.count_request()
            && rate.exceeded
        {
            return too_many(desk, rate);
        }
        let slug = || call.path.last().map_or("", String::as_str);
        match route.name {
            "coverage_countries" => plans::countries(desk),
            "coverage_regions" => plans::regions(desk),
            "country_plans" => plans::of_country(desk, slug()),
            "region_plans" => plans::of_region(desk, slug()),
            "global_plans" => plans::global(desk),
            "plan_details" => plans::details(desk, slug()),
            "unknown" => not_found(call),
            name => match self.keyed(desk, call) {
                Err(refused) => refused,
                Ok(()) => self.with_key(desk, name, call),
            },
        }
    }

    fn refusal(&self, desk: &Desk, code: u16) -> Reply {
        let words = if code == 429 { "Too Many Attempts." } else { "Server Error" };
        let _ = desk;
        Reply::json(code, &json!({"message": words}))
    }
}

impl Mobilexy {
    fn with_key(&mut self, desk: &mut Desk, name: &str, call: &Call) -> Reply {
        self.renew(desk);
        match name {
            "balance" => {
                let data = json!({"balance": desk.ledger.balance.number()});
                success("balance", "Account balance", data)
            }
            "plan_purchase" => sale::purchase(desk, call),
            "profile_topup" => profile::top_up(desk, call),
            "profile_usage_check" => profile::usage(desk, call),
            "numbers_countries" => numbers::countries(desk, call),
            "numbers_available" => self.available(desk, call),
            "numbers_order" => self.order(desk, call),
            "numbers_list" => self.list(desk, call),
            "number_details" => self.details(desk, call),
            "number_cancel" => self.cancel(desk, call),
            "number_sms" => self.sms(desk, call),
            "number_charges" => self.charges(desk, call),
            "number_reactivate" => self.reactivate(desk, call),
            _ => not_found(call),
        }
    }
}

fn success(remark: &str, message: &str, data: Value) -> Reply {
    Reply::json(200, &json!({"remark": remark, "status": "success", "message": [message], "data": data}))
}

/// An error of the script's helper: HTTP 200 unless the switch says otherwise, `message` wrapped by the switch,
/// `data` left out.
fn error(desk: &Desk, code: u16, remark: &str, sentence: &str) -> Reply {
    let mut body = json!({"remark": remark, "status": "error"});
    match desk.quirks.message {
        MessageStyle::List => body["message"] = json!([sentence]),
        MessageStyle::Object => body["message"] = json!({"error": [sentence]}),
        MessageStyle::Text => body["message"] = json!(sentence),
        MessageStyle::Absent => {}
    }
    Reply::json(if desk.quirks.errors_with_200 { 200 } else { code }, &body)
}

/// The framework's own page for an address that does not exist.
fn not_found(call: &Call) -> Reply {
    let path = call.path.join("/");
    Reply::json(404, &json!({"message": format!("The route api/{path} could not be found.")}))
}

fn too_many(desk: &Desk, rate: Rate) -> Reply {
    let wait = (rate.reset_s - desk.clock.now_s()).max(1);
    Reply::json(429, &json!({"message": "Too Many Attempts."}))
        .with("retry-after", wait.to_string())
        .with("x-ratelimit-limit", rate.limit.to_string())
        .with("x-ratelimit-remaining", "0")
}
