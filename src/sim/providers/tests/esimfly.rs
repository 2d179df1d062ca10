use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use super::{json as ask, start};
use crate::sim::providers::fault::{Fault, Trick};
use crate::sim::providers::{Dice, Goods, OrderState, Provider, ProvidersPanel, RateLimit};

const ME: Provider = Provider::Esimfly;
const ACCESS: &str = "esf_sim_kiosk";
const SECRET: &str = "sk_sim_kiosk_c04e77";

struct Shop<'a> {
    panel: &'a ProvidersPanel,
    client: &'a reqwest::Client,
    ids: std::cell::RefCell<Dice>,
}

impl<'a> Shop<'a> {
    fn new(panel: &'a ProvidersPanel, client: &'a reqwest::Client) -> Self {
        Shop { panel, client, ids: std::cell::RefCell::new(Dice::new(5)) }
    }

    fn id(&self) -> String {
        self.ids.borrow_mut().uuid()
    }

    /// Signed by hand: timestamp, request id, access code, body.
    fn signed(&self, method: &str, path: &str, body: &str, id: &str, late_ms: i64) -> reqwest::RequestBuilder {
        let timestamp = (self.panel.clock(ME, |clock| clock.now_ms()) - late_ms).to_string();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{timestamp}{id}{ACCESS}{body}").as_bytes());
        let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        self.client
            .request(method.parse().unwrap(), format!("{}{path}", self.panel.base_url(ME)))
            .header("RT-AccessCode", ACCESS)
            .header("RT-RequestID", id)
            .header("RT-Timestamp", timestamp)
            .header("RT-Signature", signature)
            .header("content-type", "application/json")
            .body(body.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        ask(self.signed("GET", path, "", &self.id(), 0)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        ask(self.signed("POST", path, &body.to_string(), &self.id(), 0)).await
    }

    async fn wish(&self, place: &str, key: &str) -> Value {
        let (_, list) = self.get(&format!("/esims/packages?search={place}&limit=100")).await;
        let package = &list["data"]["packages"][0];
        json!({"packageCode": package["package_code"], "packageName": package["name"], "price": package["cost"],
            "quantity": 1, "idempotency_key": key})
    }
}

#[tokio::test]
async fn a_key_replays_and_the_code_is_in_the_apple_link() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::new(&panel, &client);
    let wish = shop.wish("Germany", "sale-1").await;
    let (status, bought) = shop.post("/esims/order", &wish).await;
    assert_eq!((status, bought["status"].as_str()), (200, Some("completed")));
    let sold = panel.orders()[0].1.clone();
    let esim = &bought["esims"][0];
    assert!(esim["directAppleInstallUrl"].as_str().unwrap().ends_with(&format!("carddata={}", sold.lpa[0])));
    assert_eq!((esim["lpaString"].as_str(), esim["iccid"].as_str()), (Some(&*sold.lpa[0]), Some(&*sold.iccid[0])));
    assert_eq!((&bought["amount"], bought.get("duplicate")), (&wish["price"], None));
    let (_, again) = shop.post("/esims/order", &wish).await;
    assert_eq!((&again["orderReference"], &again["duplicate"]), (&bought["orderReference"], &json!(true)));
    assert_eq!((panel.sold(ME, Goods::Esim), panel.orders()[0].1.replays), (1, 1));
    panel.quirks(ME, |quirks| (quirks.esimfly_keys, quirks.esimfly_lpa_string) = (false, false));
    let (_, second) = shop.post("/esims/order", &wish).await;
    assert_eq!((panel.sold(ME, Goods::Esim), second["esims"][0].get("lpaString")), (2, None));

    let picture = client.get(esim["qrCodeUrl"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&picture[..])).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let side = usize::try_from(reader.next_frame(&mut pixels).unwrap().width).unwrap();
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| pixels[y * side + x]);
    assert_eq!(image.detect_grids()[0].decode().unwrap().1, sold.lpa[0]);
}

#[tokio::test]
async fn signatures_times_and_request_ids_are_checked() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::new(&panel, &client);
    let code = |answer: (u16, Value)| (answer.0, answer.1["code"].as_str().unwrap().to_owned());
    let id = shop.id();
    assert_eq!(ask(shop.signed("GET", "/balance", "", &id, 0)).await.0, 200);
    let reused = ask(shop.signed("GET", "/balance", "", &id, 0)).await;
    assert_eq!(code(reused), (400, "DUPLICATE_REQUEST".to_owned()));
    panel.advance(ME, Duration::from_secs(24 * 3600));
    assert_eq!(ask(shop.signed("GET", "/balance", "", &id, 0)).await.0, 200);
    for late in [301_000, -301_000] {
        let refused = ask(shop.signed("GET", "/balance", "", &shop.id(), late)).await;
        assert_eq!(code(refused), (401, "INVALID_TIMESTAMP".to_owned()));
    }
    let forged = shop.signed("POST", "/esims/order", "{}", &shop.id(), 0).body("{\"a\":1}");
    assert_eq!(code(ask(forged).await), (401, "INVALID_SIGNATURE".to_owned()));
    let formless = ask(shop.signed("GET", "/balance", "", "not-a-uuid", 0)).await;
    assert_eq!(code(formless), (400, "INVALID_REQUEST_ID".to_owned()));
    let naked = client.get(format!("{}/balance", panel.base_url(ME)));
    assert_eq!(code(ask(naked).await), (401, "INVALID_API_KEY".to_owned()));
    assert_eq!(panel.ledger(ME).disliked("invalid_signature"), 1);
}

#[tokio::test]
async fn prices_must_match_and_money_must_be_there() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::new(&panel, &client);
    let wish = shop.wish("France", "p1").await;
    let arm = |trick| panel.fault(ME, Fault::trick("esims_order", trick));
    arm(Trick::PriceRises(10));
    assert_eq!(shop.post("/esims/order", &wish).await.1["code"], "PRICE_MISMATCH");
    let wish = shop.wish("France", "p1").await;
    arm(Trick::NoFunds);
    let (_, poor) = shop.post("/esims/order", &wish).await;
    assert_eq!(
        (poor["code"].as_str(), poor["details"]["needToLoad"].is_number()),
        (Some("INSUFFICIENT_BALANCE"), true)
    );
    arm(Trick::PlanGone);
    assert_eq!(shop.post("/esims/order", &wish).await.1["code"], "INVALID_PACKAGE");
    arm(Trick::InFlight);
    assert_eq!(shop.post("/esims/order", &wish).await.0, 409);
    let mut nameless = shop.wish("Spain", "p2").await;
    nameless.as_object_mut().unwrap().remove("price");
    assert_eq!(shop.post("/esims/order", &nameless).await.1["code"], "MISSING_FIELDS");
    panel.quirks(ME, |quirks| quirks.esimfly_price_required = false);
    assert_eq!(shop.post("/esims/order", &nameless).await.0, 200);
    assert_eq!(panel.orders().len(), 1);
}

#[tokio::test]
async fn a_slow_profile_is_polled_for_and_lists_tell_the_rest() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::new(&panel, &client);
    let wish = shop.wish("Japan", "j1").await;
    let (_, bought) = shop.post("/esims/order", &wish).await;
    assert_eq!((bought["status"].as_str(), bought["esims"].as_array().unwrap().len()), (Some("pending_details"), 0));
    let path = format!("/esims/order?orderReference={}", bought["orderReference"].as_str().unwrap());
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(shop.get(&path).await.1["order"]["esim"]["iccid"].is_null());
    }
    assert_eq!(seen, [true, true, false]);
    assert_eq!(panel.orders()[0].1.state, OrderState::Completed);

    let search = wish["packageCode"].as_str().unwrap();
    let (_, orders) = shop.get(&format!("/orders?search={search}&sort_by=created_at&sort_order=desc&limit=100")).await;
    let row = &orders["data"]["orders"][0];
    assert_eq!((&row["order_reference"], &row["amount"]), (&bought["orderReference"], &wish["price"]));
    assert_eq!(orders["data"]["pagination"]["total_pages"], 1);
    assert_eq!(shop.get("/orders?from_date=2999-01-01T00:00:00Z").await.1["data"]["orders"], json!([]));
    let iccid = panel.orders()[0].1.iccid[0].clone();
    let (_, esims) = shop.get(&format!("/esims?search={iccid}")).await;
    let manual = &esims["data"]["esims"][0]["manual_installation"];
    assert_eq!(manual["lpa_format"], panel.orders()[0].1.lpa[0].as_str());
}

#[tokio::test]
async fn top_up_usage_and_cancel() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::new(&panel, &client);
    let wish = shop.wish("Italy", "t1").await;
    shop.post("/esims/order", &wish).await;
    let iccid = panel.orders()[0].1.iccid[0].clone();
    let (_, offers) = shop.get(&format!("/topup/packages?iccid={iccid}")).await;
    let offer = &offers["data"]["packages"][1];
    let body = json!({"iccid": iccid, "packageCode": offer["package_code"], "packageName": offer["name"],
        "price": offer["cost"], "quantity": 1});
    let (_, done) = shop.post("/topup/order", &body).await;
    assert!(done["esimData"]["expiredTime"].as_str().unwrap().contains(" at "));
    panel.use_data(ME, &iccid, 300 << 20);
    let (_, usage) = shop.get(&format!("/esims/usage/query?iccid={iccid}")).await;
    assert_eq!(usage["data"]["data"]["used_mb"], 300);
    assert_eq!(shop.post("/esims/cancel", &json!({"iccid": iccid})).await.1["code"], "NOT_ELIGIBLE");
    let wish = shop.wish("Italy", "t2").await;
    let (_, bought) = shop.post("/esims/order", &wish).await;
    let before = panel.balance(ME);
    let second = bought["esims"][0]["iccid"].clone();
    assert_eq!(shop.post("/esims/cancel", &json!({"iccid": second})).await.0, 200);
    assert_eq!(shop.post("/esims/cancel", &json!({"iccid": second})).await.1["code"], "ALREADY_CANCELLED");
    assert!(panel.balance(ME) > before && panel.ledger(ME).balances());
    assert_eq!((panel.sold(ME, Goods::Esim), panel.sold(ME, Goods::TopUp)), (1, 1));
}

#[tokio::test]
async fn limits_are_in_the_headers() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop::new(&panel, &client);
    panel.rate_limit(ME, Some(RateLimit { requests: 1, per_s: 60 }));
    let first = shop.signed("GET", "/balance", "", &shop.id(), 0).send().await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers()["x-ratelimit-remaining"].as_bytes()), (200, &b"0"[..]));
    assert!(first.headers()["x-ratelimit-reset"].to_str().unwrap().ends_with('Z'));
    panel.quirks(ME, |quirks| quirks.rate_reset_unix = true);
    let second = shop.signed("GET", "/balance", "", &shop.id(), 0).send().await.unwrap();
    assert_eq!(second.status().as_u16(), 429);
    assert!(second.headers().contains_key("retry-after"));
    assert!(second.headers()["x-ratelimit-reset"].to_str().unwrap().parse::<i64>().is_ok());
}
