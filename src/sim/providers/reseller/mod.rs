//! The JWT reseller API: a login that locks, tokens that expire, orders under a customer's name, and a back office.
//!
//! The published page gives methods and titles; paths in the provider reference come from live sources or are
//! inferred. Where more than one path is plausible each of them is served (see [`Reseller::route`]).

mod money;
mod office;
mod orders;
mod plans;
mod profiles;
mod session;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Credentials;
use super::call::{Call, Page};
use super::clock;
use super::desk::Desk;
use super::fault::Trick;
use super::house::{Route, Shop};
use super::reply::Reply;

/// The reseller API's counter.
pub(super) struct Reseller {
    sessions: session::Sessions,
    /// Orders by `Idempotency-Key`.
    keys: HashMap<String, u64>,
    /// What was said about an order besides the ledger: e-mail address and status set by hand.
    notes: HashMap<u64, orders::Note>,
    office: office::Office,
    paypal: HashMap<String, super::Units>,
    deposited: bool,
}

impl Reseller {
    pub(super) fn new(keys: &Credentials) -> Reseller {
        Reseller {
            sessions: session::Sessions::new(keys),
            keys: HashMap::new(),
            notes: HashMap::new(),
            office: office::Office::default(),
            paypal: HashMap::new(),
            deposited: true,
        }
    }
}

impl Shop for Reseller {
    fn route(&self, call: &Call) -> Route {
        let parts = call.parts();
        let method = call.method.as_str();
        match parts.first().copied().unwrap_or("") {
            "auth" | "users" => account_route(method, &parts),
            "plans" | "orders" => sale_route(method, &parts),
            "profiles" => profile_route(method, &parts),
            "credits" | "payments" | "deposit" | "deposits" | "onboarding" => money_route(method, &parts),
            "reseller" | "resellers" | "upload" | "uploads" => office_route(method, &parts[1..]),
            "webhook-subscriptions" | "webhooks" => webhook_route(method, &parts[1..]),
            "usage" | "order-usage" | "balance" => usage_route(method, &parts),
            "health" if method == "GET" => Route::read("health"),
            "qr" if method == "GET" => Route::read("qr"),
            _ => Route::UNKNOWN,
        }
    }

    fn answer(&mut self, desk: &mut Desk, route: Route, call: &Call) -> Reply {
        if let Some(rate) = desk.count_request()
            && rate.exceeded
        {
            let wait = (rate.reset_s - desk.clock.now_s()).max(1);
            return failed(429, "Too many requests").with("retry-after", wait.to_string());
        }
        match route.name {
            "health" => return health(desk),
            "qr" => return orders::picture(desk, call),
            "login" => return self.sessions.login(desk, call),
            "refresh" => return self.sessions.refresh(desk, call),
            "register" => return session::register(desk, call),
            "verify_email" | "resend_verification" | "forgot_password" | "reset_password" => {
                return session::mail(desk, route.name, call);
            }
            _ => {}
        }
        if desk.tricked(&Trick::TokenExpired) {
            self.sessions.forget_all();
        }
        match self.sessions.check(desk, call) {
            Ok(()) => self.signed_in(desk, route.name, call),
            Err(_) if route.name == "plans" && desk.quirks.stale_token_public_prices => {
                desk.dislike("stale_token");
                plans::list(desk, call, true)
            }
            Err(refused) => refused,
        }
    }

    fn refusal(&self, _: &Desk, code: u16) -> Reply {
        failed(code, if code == 429 { "Too many requests" } else { "Internal server error" })
    }
}

impl Reseller {
    fn signed_in(&mut self, desk: &mut Desk, name: &str, call: &Call) -> Reply {
        match name {
            "logout" => self.sessions.logout(call),
            "me" => self.sessions.me(desk),
            "change_password" => self.sessions.change_password(desk, call),
            "plans" => plans::list(desk, call, false),
            "plan" => plans::one(desk, call),
            "region_plans" => plans::of_region(desk, call),
            "order_create" => self.order(desk, call),
            "orders" => self.order_list(desk, call),
            "order" => self.order_details(desk, call),
            "order_update" => self.order_update(desk, call),
            "order_cancel" => self.order_cancel(desk, call),
            "profile" => profiles::info(desk, call),
            "profile_usage" => profiles::usage(desk, call),
            "profile_suspend" | "profile_unsuspend" | "profile_revoke" => profiles::set_state(desk, name, call),
            "profile_topup" => profiles::top_up(desk, call),
            "profile_topup_plans" => profiles::topup_plans(desk, call),
            "profile_sms" => profiles::sms(desk, call),
            "usage_order" => profiles::order_usage(desk, call),
            "usage_check" => profiles::check(desk, call),
            "usage_balance" => money::enhanced_balance(desk, call),
            "credits_balance" => money::balance(desk),
            "credits_transactions" => money::transactions(desk, call),
            "credits_topup" | "payment_create" => self.paypal_order(desk, call),
            "payment_capture" | "deposit_confirm" => self.paypal_capture(desk, call),
            "deposit_initiate" => self.deposit(desk, call),
            "deposit_status" => self.deposit_status(desk),
            "dashboard" => money::dashboard(desk),
            _ => self.office.answer(desk, name, call),
        }
    }
}

fn account_route(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("POST", ["auth", "register"]) => Route::read("register"),
        ("POST", ["auth", "login"]) => Route::read("login"),
        ("GET" | "POST", ["auth", "verify-email"]) => Route::read("verify_email"),
        ("POST", ["auth", "resend-verification"]) => Route::read("resend_verification"),
        ("POST", ["auth", "refresh" | "refresh-token"]) => Route::read("refresh"),
        ("POST", ["auth", "forgot-password" | "request-password-reset"]) => Route::read("forgot_password"),
        ("POST", ["auth", "reset-password"]) => Route::read("reset_password"),
        ("POST", ["auth", "logout"]) => Route::read("logout"),
        ("GET", ["users", "me" | "profile"]) => Route::read("me"),
        ("PUT", ["users", .., "password" | "change-password"] | ["auth", "change-password"]) => {
            Route::read("change_password")
        }
        _ => Route::UNKNOWN,
    }
}

fn sale_route(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("GET", ["plans"]) => Route::read("plans"),
        ("GET", ["plans", "region" | "regional" | "regions", _]) => Route::read("region_plans"),
        ("GET", ["plans", _]) => Route::read("plan"),
        ("POST", ["orders"]) => Route::write("order_create"),
        ("GET", ["orders"]) => Route::read("orders"),
        ("GET", ["orders", _]) => Route::read("order"),
        ("PUT", ["orders", _]) => Route::read("order_update"),
        ("DELETE", ["orders", _]) | ("POST", ["orders", _, "cancel"]) => Route::write("order_cancel"),
        _ => Route::UNKNOWN,
    }
}

fn profile_route(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("GET", ["profiles", _]) => Route::read("profile"),
        ("GET", ["profiles", _, "usage"]) => Route::read("profile_usage"),
        ("POST", ["profiles", _, "suspend"]) => Route::write("profile_suspend"),
        ("POST", ["profiles", _, "unsuspend"]) => Route::write("profile_unsuspend"),
        ("POST", ["profiles", _, "revoke"]) => Route::write("profile_revoke"),
        ("POST", ["profiles", _, "topup" | "top-up"]) => Route::write("profile_topup"),
        ("GET", ["profiles", _, "topup-plans" | "topups"] | ["profiles", _, "topup", "plans"]) => {
            Route::read("profile_topup_plans")
        }
        ("POST", ["profiles", _, "sms"]) => Route::read("profile_sms"),
        _ => Route::UNKNOWN,
    }
}

fn money_route(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("GET", ["credits", "balance"]) => Route::read("credits_balance"),
        ("GET", ["credits", "transactions"]) => Route::read("credits_transactions"),
        ("POST", ["credits", "topup" | "top-up", ..]) => Route::read("credits_topup"),
        ("POST", ["payments", .., "capture" | "capture-order"]) => Route::write("payment_capture"),
        ("POST", ["payments", ..]) => Route::read("payment_create"),
        ("POST", [_, .., "confirm" | "confirm-deposit"]) => Route::write("deposit_confirm"),
        ("POST", ["deposit" | "deposits" | "onboarding", ..]) => Route::read("deposit_initiate"),
        ("GET", ["deposit" | "deposits" | "onboarding", ..]) => Route::read("deposit_status"),
        _ => Route::UNKNOWN,
    }
}

fn usage_route(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("GET", ["usage", "balance" | "enhanced-balance", ..] | ["balance", ..]) => Route::read("usage_balance"),
        ("POST", ["usage", "check"]) => Route::read("usage_check"),
        ("GET", ["usage", "orders" | "order", _] | ["order-usage", _]) => Route::read("usage_order"),
        _ => Route::UNKNOWN,
    }
}

fn office_route(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("GET", ["dashboard"]) => Route::read("dashboard"),
        ("GET", ["profiles"]) => Route::read("branding_list"),
        ("POST", ["profiles"]) => Route::read("branding_create"),
        ("PUT", ["profiles", _]) => Route::read("branding_update"),
        ("DELETE", ["profiles", _]) => Route::read("branding_delete"),
        ("GET", ["profiles", _, "smtp"]) => Route::read("smtp"),
        ("PUT", ["profiles", _, "smtp"]) => Route::read("smtp_update"),
        ("DELETE", ["profiles", _, "smtp"]) => Route::read("smtp_delete"),
        ("POST", ["profiles", _, "smtp", "test"]) => Route::read("smtp_test"),
        ("GET", ["pricing"]) => Route::read("pricing"),
        ("PUT", ["pricing", _]) => Route::read("pricing_update"),
        ("POST", [.., "logo"]) => Route::read("logo"),
        _ => Route::UNKNOWN,
    }
}

fn webhook_route(method: &str, parts: &[&str]) -> Route {
    match (method, parts) {
        ("GET", []) => Route::read("webhooks"),
        ("POST", []) => Route::read("webhook_create"),
        ("GET", [_]) => Route::read("webhook"),
        ("PUT", [_]) => Route::read("webhook_update"),
        ("DELETE", [_]) => Route::read("webhook_delete"),
        ("POST", [_, "test"]) => Route::read("webhook_test"),
        ("GET", [_, "logs"]) => Route::read("webhook_logs"),
        _ => Route::UNKNOWN,
    }
}

/// `fields` beside `success`, or under `data` as the live service answers.
fn success(desk: &Desk, status: u16, fields: Value) -> Reply {
    if desk.quirks.reseller_live {
        return Reply::json(status, &json!({"success": true, "data": fields}));
    }
    let mut body = Map::from_iter([("success".to_owned(), json!(true))]);
    if let Value::Object(fields) = fields {
        body.extend(fields);
    }
    Reply::json(status, &Value::Object(body))
}

fn done(words: &str) -> Reply {
    Reply::json(200, &json!({"success": true, "message": words}))
}

fn failed(status: u16, words: &str) -> Reply {
    Reply::json(status, &json!({"success": false, "message": words, "error": words}))
}

fn missing(desk: &mut Desk, name: &str) -> Reply {
    desk.dislike("missing_field");
    failed(400, &format!("{name} is required"))
}

fn pagination(page: Page) -> Value {
    json!({"page": page.page, "limit": page.limit, "total": page.total, "totalPages": page.pages})
}

fn health(desk: &Desk) -> Reply {
    let at = clock::iso_z(desk.clock.now_s());
    let services = json!({"database": "connected", "redis": "connected"});
    Reply::json(200, &json!({"status": "healthy", "timestamp": at, "services": services}))
}
