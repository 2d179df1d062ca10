//! Every row of every table is called once against the simulated provider, which knows its own paths and parameters.

use std::collections::BTreeSet;

use esim_kiosk::esim::calls::Args;
use esim_kiosk::esim::profile::without_codes;
use esim_kiosk::esim::{Outcome, RefusalReason};
use esim_kiosk::sim::providers::Provider;
use serde_json::Value;

use crate::kit::Shop;
use crate::table::rows;

/// Calls rows and remembers which.
struct Caller {
    shop: Shop,
    called: BTreeSet<String>,
}

impl Caller {
    fn new(provider: Provider) -> Caller {
        Caller { shop: Shop::with(provider, ""), called: BTreeSet::new() }
    }

    async fn outcome(&mut self, row: &str, args: &[(&str, &str)]) -> Outcome<Value> {
        self.called.insert(row.to_owned());
        let args: Args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.shop.client.call(row, args).await
    }

    async fn done(&mut self, row: &str, args: &[(&str, &str)]) -> Value {
        match self.outcome(row, args).await {
            Outcome::Done(value) => value,
            other => panic!("{row} {args:?}: {other:?}"),
        }
    }

    async fn refused(&mut self, row: &str, args: &[(&str, &str)]) -> RefusalReason {
        match self.outcome(row, args).await {
            Outcome::Refused(refusal) => refusal.reason,
            other => panic!("{row} {args:?}: {other:?}"),
        }
    }

    /// All rows were called, and the provider knew every path.
    fn finish(self) {
        let provider = self.shop.provider;
        let all: BTreeSet<String> = rows(provider.name()).iter().map(|row| row.name.to_owned()).collect();
        let missed: Vec<_> = all.difference(&self.called).collect();
        assert!(missed.is_empty(), "never called: {missed:?}");
        let ledger = self.shop.panel.ledger(provider);
        assert_eq!(ledger.disliked("unknown_path"), 0, "{:?}", ledger.dislikes);
        assert_eq!(ledger.disliked("missing_field"), 0, "{:?}", ledger.dislikes);
    }
}

fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        other => panic!("{pointer}: {other:?} in {value}"),
    }
}

#[tokio::test]
async fn mobilexy() {
    let mut api = Caller::new(Provider::Mobilexy);
    let slug = text(&api.done("countries", &[]).await, "/data/countries/0/slug");
    let region = text(&api.done("regions", &[]).await, "/data/regions/0/slug");
    let plans = api.done("country-plans", &[("slug", &slug)]).await;
    let (plan, package) = (text(&plans, "/data/plans/0/id"), text(&plans, "/data/plans/0/packageCode"));
    api.done("region-plans", &[("slug", &region)]).await;
    api.done("global-plans", &[]).await;
    api.done("balance", &[]).await;
    api.done("plan", &[("id", &plan)]).await;
    let bought = api.done("purchase", &[("plan_id", &plan)]).await;
    assert!(!without_codes(&bought).to_string().contains("LPA:1$"));
    let sold = api.shop.orders();
    let (iccid, number) = (sold[0].iccid[0].clone(), sold[0].esim_ids[0].clone());
    let usage = api.done("usage-check", &[("iccid", &iccid)]).await;
    assert_eq!(text(&usage, "/obj/usageList/0/esimTranNo"), number);
    api.done("usage-check", &[("esimTranNos", &number)]).await;
    api.done("topup", &[("esimTranNo", &number), ("packageCode", &package)]).await;
    let country = text(&api.done("number-countries", &[("with_price", "1")]).await, "/data/countries/0/country_code");
    let offers = api.done("numbers-available", &[("country", &country), ("type", "local")]).await;
    let token = text(&offers, "/data/obj/items/0/offerToken");
    let ordered = api.done("number-order", &[("offerToken", &token), ("country", &country)]).await;
    let id = text(&ordered, "/data/order/virtual_number/id");
    api.done("numbers", &[("status", "active"), ("per_page", "10")]).await;
    api.done("number", &[("id", &id)]).await;
    api.done("number-sms", &[("id", &id), ("per_page", "10")]).await;
    api.done("number-charges", &[("id", &id)]).await;
    api.outcome("number-reactivate", &[("id", &id)]).await;
    api.done("number-cancel", &[("id", &id)]).await;
    api.finish();
}

#[tokio::test]
async fn roamify() {
    let mut api = Caller::new(Provider::Roamify);
    let plan = api.shop.some_plan().await.key.0;
    let items = format!("[{{\"packageId\":\"{plan}\",\"quantity\":1}}]");
    api.done("countries", &[]).await;
    api.done("packages", &[("packageId", &plan)]).await;
    let order = api.done("order", &[("items", &items), ("referenceId", "one")]).await;
    let esim = text(&order, "/data/items/0/esimId");
    api.done("order-get", &[("referenceId", "one")]).await;
    api.done("orders", &[]).await;
    let made = api.done("apply", &[("esimId", &esim)]).await;
    let iccid = text(&made, "/data/iccid");
    api.done("esim-by-id", &[("esimId", &esim)]).await;
    api.done("esim-by-iccid", &[("iccid", &iccid)]).await;
    api.done("usage", &[("iccid", &iccid)]).await;
    api.done("usage-details", &[("iccid", &iccid)]).await;
    let packages = api.done("topup-packages", &[("iccid", &iccid)]).await;
    let package = text(&packages, "/data/0/packageId");
    api.done("order-topup", &[("iccid", &iccid), ("packageId", &package), ("referenceId", "two")]).await;
    api.done("history", &[("iccid", &iccid)]).await;
    api.done("esims", &[("status", "READY"), ("limit", "10")]).await;
    api.done("order-instant", &[("items", &items), ("referenceId", "three")]).await;
    api.done("balance", &[]).await;
    api.done("compatible-devices", &[]).await;
    let refund = text(&api.done("refund", &[("esimId", &esim)]).await, "/data/id");
    api.done("refund-get", &[("refundId", &refund)]).await;
    api.done("refund-cancel", &[("refundId", &refund)]).await;
    api.done("health", &[]).await;
    api.finish();
}

#[tokio::test]
async fn esimfly() {
    let mut api = Caller::new(Provider::Esimfly);
    let packages = api.done("packages", &[("type", "local"), ("page", "1"), ("limit", "10")]).await;
    let (code, name) = (text(&packages, "/data/packages/0/package_code"), text(&packages, "/data/packages/0/name"));
    let price = text(&packages, "/data/packages/0/cost");
    api.done("balance", &[]).await;
    let order = [("packageCode", code.as_str()), ("packageName", &name), ("price", &price), ("quantity", "1")];
    let reference = text(&api.done("order", &order).await, "/orderReference");
    let status = api.done("order-status", &[("orderReference", &reference)]).await;
    let iccid = text(&status, "/order/esim/iccid");
    let offers = api.done("topup-packages", &[("iccid", &iccid)]).await;
    let (code, price) = (text(&offers, "/data/packages/0/package_code"), text(&offers, "/data/packages/0/cost"));
    let name = text(&offers, "/data/packages/0/name");
    let top_up = [("iccid", iccid.as_str()), ("packageCode", &code), ("packageName", &name), ("price", &price)];
    api.done("topup-order", &top_up).await;
    api.done("esims", &[("search", &iccid), ("status", "all")]).await;
    api.done("usage", &[("iccid", &iccid)]).await;
    api.done("orders", &[("search", &reference), ("sort_by", "created_at"), ("sort_order", "desc")]).await;
    api.done("status", &[("iccid", &iccid)]).await;
    api.done("cancel", &[("iccid", &iccid)]).await;
    api.finish();
}

#[tokio::test]
async fn reseller() {
    let mut api = Caller::new(Provider::Reseller);
    account(&mut api).await;
    sale(&mut api).await;
    money(&mut api).await;
    office(&mut api).await;
    let (old, new) = (esim_kiosk::sim::providers::Credentials::default().reseller_password, "New-Password-2026!");
    api.done("me-password", &[("old_password", &old), ("new_password", new), ("confirm_password", new)]).await;
    api.done("auth-logout", &[]).await;
    api.finish();
}

async fn account(api: &mut Caller) {
    let email = [("email", "new@operator.example")];
    api.done("auth-register", &[email[0], ("password", "Long-Enough-1!"), ("role", "reseller")]).await;
    api.done("auth-verify-email", &[email[0], ("verification_token", "token-from-email")]).await;
    api.done("auth-resend-verification", &email).await;
    api.done("auth-forgot-password", &email).await;
    api.done("auth-reset-password", &[("reset_token", "token-from-email"), ("new_password", "Long-Enough-1!")]).await;
    api.done("auth-login", &[]).await;
    api.done("auth-refresh", &[]).await;
    api.done("me", &[]).await;
    api.done("health", &[]).await;
}

async fn sale(api: &mut Caller) {
    api.done("plans", &[("page", "1"), ("limit", "10")]).await;
    let plan = api.shop.some_plan().await.key.0;
    api.done("plan", &[("id", &plan)]).await;
    api.done("plans-region", &[("code", "EU")]).await;
    let customer = [("end_customer_email", "kiosk@operator.example"), ("customer_name", "K07 one")];
    for row in ["order-cancel", "order-cancel-live"] {
        api.done("order-create", &[("plan_id", &plan), customer[0], customer[1]]).await;
        let id = api.shop.orders().last().unwrap().reference.clone();
        let reason = [("id", id.as_str()), ("reason", "test"), ("force", "false")];
        api.done(row, if row == "order-cancel" { &reason[..1] } else { &reason }).await;
    }
    api.done("order-create", &[("plan_id", &plan), customer[0], customer[1]]).await;
    let sold = api.shop.orders().last().unwrap().clone();
    let (id, iccid) = (sold.reference.as_str(), sold.iccid[0].as_str());
    api.done("orders", &[("status", "active"), ("page", "1")]).await;
    api.done("order", &[("id", id)]).await;
    api.done("order-update", &[("id", id), ("customer_name", "K07 two")]).await;
    let of = [("identifier", iccid)];
    for row in ["profile", "profile-usage", "profile-suspend", "profile-unsuspend"] {
        api.done(row, &of).await;
    }
    let package = text(&api.done("profile-topup-plans", &of).await, "/plans/0/package_code");
    api.done("profile-topup", &[of[0], ("package_code", &package)]).await;
    api.done("profile-sms", &[of[0], ("message", "hello")]).await;
    api.done("usage-balance", &[("provider_id", "provider-1")]).await;
    api.done("usage-check", &[("provider_id", "provider-1"), ("esimTranNoList", &sold.esim_ids[0])]).await;
    api.done("usage-order", &[("id", id), ("refreshCache", "true")]).await;
    api.done("profile-revoke", &of).await;
}

async fn money(api: &mut Caller) {
    let amount = [("amount", "500.00"), ("currency", "USD")];
    api.done("credits-balance", &[]).await;
    api.done("credits-transactions", &[("type", "order"), ("page", "1")]).await;
    let first = text(&api.done("credits-topup", &amount).await, "/paypal_order/id");
    let second = text(&api.done("payments-create", &amount).await, "/paypal_order/id");
    let paid = api.done("payments-capture", &[("orderID", &first)]).await;
    assert!(text(&paid, "/transaction/new_balance").parse::<f64>().unwrap() > 500.0);
    api.done("deposit-confirm", &[("paypal_order_id", &second)]).await;
    api.refused("deposit-initiate", &amount).await;
    api.done("deposit-status", &[]).await;
    api.done("reseller-dashboard", &[]).await;
}

async fn office(api: &mut Caller) {
    let brand = api.done("reseller-profile-create", &[("name", "My shop"), ("is_default", "true")]).await;
    let id = text(&brand, "/profile/id");
    let of = [("id", id.as_str())];
    api.done("reseller-profiles", &[]).await;
    api.done("reseller-profile-update", &[of[0], ("color_scheme", "#FF5733")]).await;
    api.done("smtp-update", &[of[0], ("smtp_host", "mail.example"), ("smtp_port", "587"), ("smtp_pass", "p")]).await;
    api.done("smtp", &of).await;
    api.done("smtp-test", &of).await;
    api.done("smtp-delete", &of).await;
    api.done("pricing", &[]).await;
    let plan = api.shop.some_plan().await.key.0;
    api.done("pricing-update", &[("plan_id", &plan), ("markup_percent", "20")]).await;
    let logo = api.shop.dir.path().join("logo.png");
    std::io::Write::write_all(&mut std::fs::File::create(&logo).unwrap(), b"\x89PNG\r\n\x1a\n logo").unwrap();
    api.done("logo", &[("logo", logo.to_str().unwrap())]).await;
    api.done("reseller-profile-delete", &of).await;
    let hook = [
        ("name", "orders"),
        ("endpoint_url", "https://operator.example/hook"),
        ("event_types", "ORDER_STATUS,ESIM_STATUS"),
    ];
    let hook = text(&api.done("webhook-create", &hook).await, "/subscription/id");
    let of = [("id", hook.as_str())];
    api.done("webhooks", &[]).await;
    api.done("webhook", &of).await;
    api.done("webhook-update", &[of[0], ("retry_count", "5")]).await;
    api.done("webhook-test", &of).await;
    api.done("webhook-logs", &of).await;
    api.done("webhook-delete", &of).await;
}

#[tokio::test]
async fn a_wrong_argument_is_never_sent() {
    let shop = Shop::open(Provider::Mobilexy);
    for (row, args) in [
        ("no-such-row", vec![]),
        ("plan", vec![]),
        ("plan", vec![("id".to_owned(), "../balance".to_owned())]),
        ("plan", vec![("id".to_owned(), "..".to_owned())]),
        ("plan", vec![("id".to_owned(), "1".to_owned()), ("colour".to_owned(), "red".to_owned())]),
    ] {
        let outcome = shop.client.call(row, args.into_iter().collect()).await;
        assert!(matches!(outcome, Outcome::NeverSent(_)), "{row}: {outcome:?}");
    }
    assert!(shop.panel.ledger(Provider::Mobilexy).requests.is_empty());
}
