use serde_json::{Value, json};

use super::{json as ask, start};
use crate::sim::providers::fault::{Fault, Trick};
use crate::sim::providers::{Goods, Provider, ProvidersPanel};

const ME: Provider = Provider::Roamify;
const TOKEN: &str = "sim-roamify-token-91d2aa";

struct Shop<'a> {
    panel: &'a ProvidersPanel,
    client: &'a reqwest::Client,
}

impl Shop<'_> {
    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.panel.base_url(ME))).bearer_auth(TOKEN)
    }

    fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.panel.base_url(ME));
        let body = body.to_string();
        self.client.post(url).bearer_auth(TOKEN).header("content-type", "application/json").body(body)
    }

    /// Any package of a country.
    async fn package(&self, code: &str) -> Value {
        let (_, page) = ask(self.get(&format!("/api/esim/packages?countryCode={code}"))).await;
        page["data"][0]["packages"][0].clone()
    }

    async fn order(&self, package: &Value, reference: &str) -> (u16, Value) {
        let items = json!([{"packageId": package["packageId"], "quantity": 1}]);
        ask(self.post("/api/esim/order", &json!({"items": items, "referenceId": reference}))).await
    }
}

#[tokio::test]
async fn an_order_is_quick_and_its_profile_is_made_by_apply() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop { panel: &panel, client: &client };
    let package = shop.package("DE").await;
    let (status, ordered) = shop.order(&package, "K07-01").await;
    assert_eq!((status, ordered["data"]["status"].as_str()), (200, Some("COMPLETED")));
    let item = &ordered["data"]["items"][0];
    assert_eq!((&item["packageId"], &item["price"]), (&package["packageId"], &package["price"]));
    let id = item["esimId"].as_str().unwrap();
    let (_, new) = ask(shop.get(&format!("/api/esim?esimId={id}"))).await;
    assert_eq!((new["data"]["status"].as_str(), new["data"]["esim"]["lpaCode"].as_str()), (Some("NEW"), Some("")));
    let (_, ready) = ask(shop.post("/api/esim/apply", &json!({"esimId": id}))).await;
    let sold = panel.orders()[0].1.clone();
    assert_eq!(ready["data"]["status"], "READY");
    assert_eq!(ready["data"]["esim"]["lpaCode"], sold.lpa[0].as_str());
    assert!(ready["data"]["esim"]["iosQuickInstall"].as_str().unwrap().ends_with(&sold.lpa[0]));
    let (_, again) = ask(shop.post("/api/esim/apply", &json!({"esimId": id}))).await;
    assert_eq!(again["data"], ready["data"]);
    let (_, found) = ask(shop.get("/api/esim/order?referenceId=K07-01")).await;
    assert_eq!(found["data"]["id"], sold.reference.as_str());
    assert_eq!(sold.client_reference.as_deref(), Some("K07-01"));
    assert!(panel.ledger(ME).dislikes.is_empty());

    // The documented silence: a second order with the same reference is a second eSIM.
    shop.order(&package, "K07-01").await;
    assert_eq!(panel.sold(ME, Goods::Esim), 2);
}

#[tokio::test]
async fn a_reference_becomes_visible_late_and_a_profile_takes_its_time() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop { panel: &panel, client: &client };
    let package = shop.package("FR").await;
    panel.quirks(ME, |quirks| quirks.visible_after_look_ups = 2);
    shop.order(&package, "late").await;
    let look = || async { ask(shop.get("/api/esim/order?referenceId=late")).await.0 };
    assert_eq!([look().await, look().await, look().await], [404, 404, 200]);
    let id = panel.orders()[0].1.esim_ids[0].clone();
    panel.fault(ME, Fault::trick("esim_apply", Trick::PendingLookUps(3)));
    let (status, pending) = ask(shop.post("/api/esim/apply", &json!({"esimId": id}))).await;
    assert_eq!((status, pending["message"].as_str()), (422, Some("eSIM is still pending processing")));
    let mut states = Vec::new();
    for _ in 0..3 {
        let (_, seen) = ask(shop.get(&format!("/api/esim?esimId={id}"))).await;
        states.push(seen["data"]["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["NEW", "NEW", "READY"]);
}

#[tokio::test]
async fn pages_end_with_a_short_one_and_filters_hold() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop { panel: &panel, client: &client };
    let mut seen = std::collections::HashSet::new();
    for page in 1.. {
        let (_, list) = ask(shop.get(&format!("/api/esim/packages?page={page}&pageSize=150"))).await;
        let groups = list["data"].as_array().unwrap();
        let packages = groups.iter().flat_map(|group| group["packages"].as_array().unwrap());
        let ids: Vec<String> = packages.map(|one| one["packageId"].as_str().unwrap().to_owned()).collect();
        let count = ids.len();
        seen.extend(ids);
        if count < 150 {
            break;
        }
    }
    assert_eq!(seen.len(), panel.plan_count(ME));
    let (status, _) = ask(shop.get("/api/esim/packages?country=Germoney")).await;
    assert_eq!(status, 404);
    let (_, named) = ask(shop.get("/api/esim/packages?country=T%C3%BCrkiye&days=7&gbs=1")).await;
    assert_eq!(named["data"][0]["packages"].as_array().unwrap().len(), 1);
    let one = named["data"][0]["packages"][0].clone();
    assert_eq!((one["dataAmount"].as_u64(), one["dataUnit"].as_str()), (Some(1), Some("GB")));
    panel.quirks(ME, |quirks| (quirks.nested_packages, quirks.wrapped_lists) = (true, true));
    let path = format!("/api/esim/packages?packageId={}", one["packageId"].as_str().unwrap());
    let (_, nested) = ask(shop.get(&path)).await;
    assert_eq!(nested["data"]["packages"][0]["packages"][0]["data"]["dataAmount"], 1024);
    let (_, countries) = ask(shop.get("/api/esim/countries")).await;
    assert!(countries["data"]["countries"].as_array().unwrap().len() > 200);
}

#[tokio::test]
async fn instant_order_top_up_usage_history_and_refund() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop { panel: &panel, client: &client };
    let package = shop.package("US").await;
    let items = json!([{"packageId": package["packageId"], "quantity": 1}]);
    let body = json!({"items": items, "referenceId": "i1"});
    let (_, instant) = ask(shop.post("/api/esim/order/instant", &body)).await;
    let esim = &instant["data"]["items"][0]["esim"];
    let iccid = esim["iccid"].as_str().unwrap();
    assert!(panel.ledger(ME).sold(esim["esim"]["lpaCode"].as_str().unwrap()));
    let (_, offers) = ask(shop.get(&format!("/api/esim/topup/packages?iccid={iccid}"))).await;
    let offer = &offers["data"][1];
    assert!(offer["data"]["dataAmount"].is_number());
    let allowed = |usage: &Value| usage["data"]["allowedData"].as_u64().unwrap();
    let (_, before) = ask(shop.get(&format!("/api/esim/usage?iccid={iccid}"))).await;
    let top_up = json!({"iccid": iccid, "packageId": offer["packageId"], "referenceId": "t1"});
    assert_eq!(ask(shop.post("/api/esim/order/topup", &top_up)).await.0, 200);
    let (_, after) = ask(shop.get(&format!("/api/esim/usage/details?iccid={iccid}"))).await;
    assert_eq!(allowed(&after), allowed(&before) + offer["data"]["dataAmount"].as_u64().unwrap());
    assert!(after["data"]["dataUsages"][0]["date"].as_str().unwrap().len() == 8);
    let (_, history) = ask(shop.get(&format!("/api/esim/history?iccid={iccid}"))).await;
    assert_eq!(
        (history["data"][0]["type"].as_str(), history["data"][1]["type"].as_str()),
        (Some("esim"), Some("topup"))
    );
    assert_eq!(ask(shop.get("/api/esims?status=READY")).await.1["data"].as_array().unwrap().len(), 1);
    for path in ["/api/balance", "/api/compatible-devices", "/api/health", "/api/esim/orders"] {
        assert_eq!(ask(shop.get(path)).await.1["status"], "success", "{path}");
    }
    let refund = json!({"esimId": esim["id"], "reason": "not used"});
    let (_, asked) = ask(shop.post("/api/refund", &refund)).await;
    let id = asked["data"]["id"].as_str().unwrap();
    assert_eq!(ask(shop.post("/api/refund", &refund)).await.0, 409);
    assert_eq!(ask(shop.get(&format!("/api/refund/{id}"))).await.1["data"]["status"], "PENDING");
    let cancel = shop.post(&format!("/api/refund/{id}/cancel"), &json!({}));
    assert_eq!(ask(cancel).await.1["data"]["status"], "CANCELLED");
    assert!(panel.ledger(ME).balances());
}

#[tokio::test]
async fn refusals() {
    let (_simulation, panel, client) = start(ME);
    let shop = Shop { panel: &panel, client: &client };
    let stranger = client.get(format!("{}/api/balance", panel.base_url(ME))).bearer_auth("wrong");
    assert_eq!(ask(stranger).await.0, 401);
    let unknown = json!({"packageId": "esim-nowhere"});
    assert_eq!(shop.order(&unknown, "x").await.0, 500);
    panel.quirks(ME, |quirks| quirks.unknown_package_500 = false);
    assert_eq!(shop.order(&unknown, "x").await.0, 404);
    let package = shop.package("DE").await;
    panel.fault(ME, Fault::trick("esim_order", Trick::NoFunds));
    assert_eq!(shop.order(&package, "x").await.1["code"], "INSUFFICIENT_BALANCE");
    panel.fault(ME, Fault::trick("esim_order", Trick::InFlight));
    assert_eq!(shop.order(&package, "x").await.0, 409);
    assert!(panel.orders().is_empty());
    panel.fault(ME, Fault::trick("esim_order", Trick::ChargedAndRefused));
    assert_eq!(shop.order(&package, "x").await.0, 500);
    assert_eq!(panel.sold(ME, Goods::Esim), 1);
    panel.fault(ME, Fault::trick("esim_order", Trick::PriceRises(50)));
    let (_, dearer) = shop.order(&package, "y").await;
    assert_ne!(dearer["data"]["total"], package["price"]);
    panel.fault(ME, Fault::trick("esim_apply", Trick::Lpa("LPA:1$...".to_owned())));
    let id = panel.orders()[0].1.esim_ids[0].clone();
    let (_, ready) = ask(shop.post("/api/esim/apply", &json!({"esimId": id}))).await;
    assert_eq!(ready["data"]["esim"]["lpaCode"], "LPA:1$...");
}
