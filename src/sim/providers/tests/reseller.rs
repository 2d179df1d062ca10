use std::time::Duration;

use serde_json::{Value, json};

use super::{json as ask, start};
use crate::sim::providers::fault::{Fault, Trick};
use crate::sim::providers::{Goods, OrderState, Provider, ProvidersPanel, Units};

const ME: Provider = Provider::Reseller;

struct Shop<'a> {
    panel: &'a ProvidersPanel,
    client: &'a reqwest::Client,
    token: String,
}

async fn login(panel: &ProvidersPanel, client: &reqwest::Client, password: &str) -> (u16, Value) {
    let body = json!({"email": "kiosk@sim-reseller.example", "password": password}).to_string();
    let url = format!("{}/auth/login", panel.base_url(ME));
    ask(client.post(url).header("content-type", "application/json").body(body)).await
}

const PASSWORD: &str = "Sim-Reseller-2026!";

impl<'a> Shop<'a> {
    async fn enter(panel: &'a ProvidersPanel, client: &'a reqwest::Client) -> Shop<'a> {
        let (status, session) = login(panel, client, PASSWORD).await;
        assert_eq!((status, session["token_expires_in"].as_i64()), (200, Some(3600)));
        Shop { panel, client, token: session["access_token"].as_str().unwrap().to_owned() }
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.panel.base_url(ME));
        let request = self.client.request(method.parse().unwrap(), url).bearer_auth(&self.token);
        request.header("content-type", "application/json").body(body.to_string())
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        ask(self.request(method, path, &body)).await
    }

    async fn order(&self, plan: &Value, key: &str) -> (u16, Value) {
        let body = json!({"plan_id": plan["id"], "quantity": 1, "end_customer_email": "op+k07@example.com",
            "customer_name": "Kiosk K07 01J"});
        ask(self.request("POST", "/orders", &body).header("Idempotency-Key", key)).await
    }

    async fn plan(&self, country: &str) -> Value {
        self.call("GET", &format!("/plans?country={country}"), Value::Null).await.1["data"][0].clone()
    }
}

#[tokio::test]
async fn a_key_replays_and_lists_carry_the_customers_name() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::enter(&panel, &client).await;
    let plan = shop.plan("DE").await;
    let (status, bought) = shop.order(&plan, "k1").await;
    assert_eq!((status, bought["order"]["status"].as_str()), (201, Some("active")));
    let sold = panel.orders()[0].1.clone();
    assert_eq!(bought["order"]["iccid"], sold.iccid[0].as_str());
    assert_eq!(bought["order"]["profiles"][0]["activation_code"], sold.lpa[0].as_str());
    assert_eq!(bought["order"]["total_amount"], plan["price"]);
    assert_eq!(shop.order(&plan, "k1").await.1["order"]["id"], bought["order"]["id"]);
    assert_eq!((panel.sold(ME, Goods::Esim), panel.orders()[0].1.replays), (1, 1));
    let (_, list) = shop.call("GET", "/orders?page=1&limit=100", Value::Null).await;
    assert_eq!(list["orders"][0]["customer_name"], "Kiosk K07 01J");
    let (_, entries) = shop.call("GET", "/credits/transactions?type=order", Value::Null).await;
    assert_eq!(entries["transactions"][0]["order_id"], sold.reference.as_str());
    assert!(panel.ledger(ME).dislikes.is_empty());

    panel.quirks(ME, |quirks| (quirks.reseller_keys, quirks.reseller_lpa_text) = (false, false));
    let (_, second) = shop.order(&plan, "k1").await;
    assert_eq!((panel.sold(ME, Goods::Esim), second["order"].get("profiles")), (2, None));
    let url = second["order"]["qr_code_url"].as_str().unwrap();
    let picture = client.get(url).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/png");
    let cancel = format!("/orders/{}", second["order"]["id"].as_str().unwrap());
    let before = panel.balance(ME);
    assert_eq!(shop.call("DELETE", &cancel, Value::Null).await.0, 200);
    assert_eq!(shop.call("POST", &format!("{cancel}/cancel"), json!({"reason": "x"})).await.0, 409);
    assert!(panel.balance(ME) > before);
    assert_eq!(panel.orders()[1].1.state, OrderState::Cancelled);
}

#[tokio::test]
async fn logins_lock_and_tokens_die() {
    let (_simulation, panel, client) = start(ME);
    for _ in 0..5 {
        assert_eq!(login(&panel, &client, "wrong").await.0, 401);
    }
    assert_eq!(login(&panel, &client, PASSWORD).await.0, 429);
    assert_eq!(panel.ledger(ME).disliked("login_while_locked"), 1);
    panel.advance(ME, Duration::from_secs(901));
    let (_, session) = login(&panel, &client, PASSWORD).await;
    let refresh = session["refresh_token"].clone();
    let shop = Shop { panel: &panel, client: &client, token: session["access_token"].as_str().unwrap().to_owned() };
    let price = shop.plan("DE").await["price"].to_string();
    panel.advance(ME, Duration::from_secs(3601));
    assert_eq!(shop.call("GET", "/users/me", Value::Null).await.0, 401);
    assert_ne!(shop.plan("DE").await["price"].to_string(), price);
    panel.quirks(ME, |quirks| quirks.stale_token_public_prices = false);
    assert_eq!(shop.call("GET", "/plans", Value::Null).await.0, 401);
    let (status, fresh) = shop.call("POST", "/auth/refresh", json!({"refresh_token": refresh})).await;
    assert_eq!(status, 200);
    assert_eq!(shop.call("POST", "/auth/refresh", json!({"refresh_token": refresh})).await.0, 401);
    let shop = Shop { token: fresh["access_token"].as_str().unwrap().to_owned(), ..shop };
    assert_eq!(shop.call("GET", "/users/me", Value::Null).await.1["data"]["role"], "reseller");
    panel.fault(ME, Fault::trick("credits_balance", Trick::TokenExpired));
    assert_eq!(shop.call("GET", "/credits/balance", Value::Null).await.0, 401);
    assert_eq!(shop.call("GET", "/users/me", Value::Null).await.0, 401);
}

#[tokio::test]
async fn the_live_form_differs() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::enter(&panel, &client).await;
    panel.quirks(ME, |quirks| quirks.reseller_live = true);
    let (_, session) = login(&panel, &client, PASSWORD).await;
    assert!(session["data"]["accessToken"].is_string() && session["data"]["session_id"].is_string());
    let plan = shop.plan("FR").await;
    assert!(plan["id"].is_number() && plan["countryCode"] == "FR");
    assert_eq!(shop.order(&json!({"id": plan["id"].to_string()}), "t").await.0, 400);
    panel.fault(ME, Fault::trick("order_create", Trick::PendingLookUps(1)));
    let (_, bought) = shop.order(&plan, "l1").await;
    assert_eq!((bought["data"]["status"].as_str(), bought["data"]["iccid"].is_null()), (Some("pending"), true));
    let path = format!("/orders/{}", bought["data"]["id"].as_str().unwrap());
    assert_eq!(shop.call("GET", &path, Value::Null).await.1["data"]["profiles"], json!([]));
    let (_, later) = shop.call("GET", &path, Value::Null).await;
    assert_eq!(later["data"]["profiles"][0]["activation_code"], panel.orders()[0].1.lpa[0].as_str());
    assert!(shop.call("GET", "/credits/balance", Value::Null).await.1["data"]["balance"].is_number());
}

#[tokio::test]
async fn profiles_are_read_topped_up_and_revoked() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::enter(&panel, &client).await;
    let plan = shop.plan("US").await;
    let (_, bought) = shop.order(&plan, "p1").await;
    let order = bought["order"]["id"].as_str().unwrap();
    let iccid = bought["order"]["iccid"].as_str().unwrap();
    panel.use_data(ME, iccid, 200 << 20);
    let (_, usage) = shop.call("GET", &format!("/profiles/{iccid}/usage"), Value::Null).await;
    assert_eq!(usage["usage"]["data_used"], 200);
    let (_, texts) = shop.call("GET", &format!("/usage/orders/{order}"), Value::Null).await;
    assert_eq!((texts["usage"]["data_used"].as_str(), texts["order_id"].as_str()), (Some("0.2GB"), Some(order)));
    let (_, offers) = shop.call("GET", &format!("/profiles/{order}/topup-plans"), Value::Null).await;
    let offer = &offers["plans"][1];
    let body = json!({"package_code": offer["package_code"]});
    let (_, done) = shop.call("POST", &format!("/profiles/{iccid}/topup"), body).await;
    assert_eq!(done["topup_details"], json!({}));
    assert_eq!(panel.sold(ME, Goods::TopUp), 1);
    for (verb, state) in [("suspend", "suspended"), ("unsuspend", "active"), ("revoke", "revoked")] {
        assert_eq!(shop.call("POST", &format!("/profiles/{iccid}/{verb}"), json!({})).await.0, 200);
        let (_, info) = shop.call("GET", &format!("/profiles/{iccid}"), Value::Null).await;
        assert_eq!(info["profile"]["status"], state);
    }
    let list = json!({"provider_id": "provider-1", "esimTranNoList": panel.orders()[0].1.esim_ids});
    assert_eq!(shop.call("POST", "/usage/check", list).await.1["usageList"].as_array().unwrap().len(), 1);
    assert!(panel.ledger(ME).balances());
}

#[tokio::test]
async fn refusals() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::enter(&panel, &client).await;
    let plan = shop.plan("DE").await;
    let nobody = json!({"plan_id": plan["id"]});
    assert_eq!(shop.call("POST", "/orders", nobody).await.0, 400);
    assert_eq!(shop.order(&json!({"id": "999999"}), "a").await.0, 404);
    panel.fault(ME, Fault::trick("order_create", Trick::NoFunds));
    assert_eq!(shop.order(&plan, "b").await.0, 402);
    panel.fault(ME, Fault::trick("order_create", Trick::InFlight));
    assert_eq!(shop.order(&plan, "b").await.0, 409);
    assert!(panel.orders().is_empty());
    panel.fault(ME, Fault::trick("order_create", Trick::ChargedAndRefused));
    assert_eq!(shop.order(&plan, "c").await.0, 500);
    assert_eq!(shop.order(&plan, "c").await.0, 201);
    assert_eq!(panel.sold(ME, Goods::Esim), 1);
}

/// Every row of the published page answers with success: method, path, body.
#[tokio::test]
async fn every_operation_of_the_document_is_there() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::enter(&panel, &client).await;
    let plan = shop.plan("DE").await;
    let (_, bought) = shop.order(&plan, "all").await;
    let order = bought["order"]["id"].as_str().unwrap();
    let price = format!("/reseller/pricing/{}", plan["id"].as_str().unwrap());
    let rows = [
        ("POST", "/auth/register", json!({"email": "a@b.example", "password": "Xx1!xxxx", "role": "reseller"})),
        ("POST", "/auth/verify-email", json!({"email": "a@b.example", "verification_token": "t"})),
        ("POST", "/auth/resend-verification", json!({"email": "a@b.example"})),
        ("POST", "/auth/forgot-password", json!({"email": "a@b.example"})),
        ("POST", "/auth/reset-password", json!({"reset_token": "t", "new_password": "Xx1!xxxx"})),
        ("GET", "/plans/region/EU", Value::Null),
        ("PUT", &format!("/orders/{order}"), json!({"customer_name": "Kiosk K08"})),
        ("POST", &format!("/profiles/{order}/sms"), json!({"message": "hello"})),
        ("POST", "/credits/topup", json!({"amount": 500, "currency": "USD"})),
        ("POST", "/payments/paypal/create", json!({"amount": 500, "currency": "USD"})),
        ("POST", "/payments/paypal/capture", json!({"orderID": "paypal-order-123"})),
        ("GET", "/deposit/status", Value::Null),
        ("GET", "/reseller/dashboard", Value::Null),
        ("POST", "/reseller/profiles", json!({"name": "Store"})),
        ("GET", "/reseller/profiles", Value::Null),
        ("PUT", "/reseller/profiles/profile-1", json!({"name": "Shop"})),
        ("PUT", "/reseller/profiles/profile-1/smtp", json!({"smtp_host": "mail.example", "smtp_pass": "hidden"})),
        ("GET", "/reseller/profiles/profile-1/smtp", Value::Null),
        ("POST", "/reseller/profiles/profile-1/smtp/test", json!({})),
        ("DELETE", "/reseller/profiles/profile-1/smtp", Value::Null),
        ("DELETE", "/reseller/profiles/profile-1", Value::Null),
        ("GET", "/reseller/pricing", Value::Null),
        ("PUT", &price, json!({"markup_percent": 20})),
        ("GET", "/usage/balance?provider=provider-1", Value::Null),
        ("POST", "/webhook-subscriptions", json!({"name": "w", "endpoint_url": "https://x.example"})),
        ("GET", "/webhook-subscriptions", Value::Null),
        ("GET", "/webhook-subscriptions/wh-1", Value::Null),
        ("PUT", "/webhook-subscriptions/wh-1", json!({"name": "v"})),
        ("POST", "/webhook-subscriptions/wh-1/test", json!({})),
        ("GET", "/webhook-subscriptions/wh-1/logs", Value::Null),
        ("DELETE", "/webhook-subscriptions/wh-1", Value::Null),
        ("GET", "/health", Value::Null),
    ];
    for (method, path, body) in rows {
        let (status, answer) = shop.call(method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        assert!(!answer.to_string().contains("hidden"), "{path}");
    }
    assert_eq!(shop.call("POST", "/deposit/initiate", json!({"amount": 100})).await.0, 400);
    let opening = panel.ledger(ME).opening;
    assert!(panel.balance(ME) > opening + Units::cents(40_000));
    let new = json!({"old_password": PASSWORD, "new_password": "New-Pass-1!", "confirm_password": "New-Pass-1!"});
    assert_eq!(shop.call("PUT", "/users/me/password", new).await.0, 200);
    let logo =
        reqwest::multipart::Form::new().part("logo", reqwest::multipart::Part::bytes(vec![0; 9]).file_name("l.png"));
    let url = format!("{}/reseller/logo", panel.base_url(ME));
    assert_eq!(ask(client.post(url).bearer_auth(&shop.token).multipart(logo)).await.0, 200);
    assert_eq!(shop.call("POST", "/auth/logout", json!({})).await.0, 200);
    assert_eq!(shop.call("GET", "/users/me", Value::Null).await.0, 401);
    assert_eq!(panel.ledger(ME).disliked("unknown_path"), 0);
}
