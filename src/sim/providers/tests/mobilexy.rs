use serde_json::Value;

use super::{json, start};
use crate::sim::providers::fault::{Fault, Trick};
use crate::sim::providers::{Goods, MessageStyle, OrderState, Provider, ProvidersPanel, Units};

const ME: Provider = Provider::Mobilexy;
const KEY: &str = "sim-mobilexy-key-5f0c7b";

fn at(panel: &ProvidersPanel, path: &str) -> String {
    format!("{}{path}", panel.base_url(ME))
}

async fn buy(panel: &ProvidersPanel, client: &reqwest::Client, plan: u32) -> (u16, Value) {
    let form = reqwest::multipart::Form::new().text("api_key", KEY).text("plan_id", plan.to_string());
    json(client.post(at(panel, "/plan/purchase")).multipart(form)).await
}

#[tokio::test]
async fn a_traveller_finds_a_plan_and_it_is_bought_once() {
    let (_simulation, panel, client) = start(ME);
    let (status, countries) = json(client.get(at(&panel, "/coverage/countries"))).await;
    assert_eq!((status, countries["status"].as_str()), (200, Some("success")));
    let rows = countries["data"]["countries"].as_array().unwrap();
    assert!(rows.len() > 200);
    let hong_kong = rows.iter().find(|row| row["name"] == "Hong Kong (China)").unwrap();
    let slug = hong_kong["slug"].as_str().unwrap();
    let (_, plans) = json(client.get(at(&panel, &format!("/country-plans/{slug}")))).await;
    assert_eq!(plans["data"]["flagCode"], "HK");
    let plan = &plans["data"]["plans"][0];
    let price: Units = plan["converted_price"].as_str().unwrap().parse().unwrap();
    let id = u32::try_from(plan["id"].as_u64().unwrap()).unwrap();
    let (_, detail) = json(client.get(at(&panel, &format!("/plan/{id}")))).await;
    assert!(detail["data"]["plan"].get("converted_price").is_none());
    assert_eq!(detail["data"]["plan"]["packageCode"], plan["packageCode"]);

    let before = panel.balance(ME);
    let (status, bought) = buy(&panel, &client, id).await;
    assert_eq!((status, bought["remark"].as_str()), (200, Some("order_completed")));
    let ledger = panel.ledger(ME);
    assert_eq!(ledger.orders.len(), 1);
    let order = &ledger.orders[0];
    assert_eq!(bought["data"]["order"]["order_number"], order.reference.as_str());
    assert_eq!(bought["data"]["esim"]["qr_code"], order.lpa[0].as_str());
    assert!(bought["data"]["esim"]["iccid"].is_null());
    assert_eq!(bought["data"]["esim"]["serial_number"], 2_147_483_647);
    assert_eq!((order.price, order.wallet_before, order.wallet_after), (price, before, before - price));
    assert!(order.answered && ledger.balances() && ledger.dislikes.is_empty());
    let (_, balance) = json(client.post(at(&panel, "/balance")).form(&[("api_key", KEY)])).await;
    assert_eq!(balance["data"]["balance"].to_string(), (before - price).short());
}

#[tokio::test]
async fn regions_and_the_world_are_sold_with_their_countries() {
    let (_simulation, panel, client) = start(ME);
    let (_, regions) = json(client.get(at(&panel, "/coverage/regions"))).await;
    let asia = regions["data"]["regions"].as_array().unwrap().iter().find(|row| row["name"] == "Asia (AS-12)").unwrap();
    assert_eq!(asia["slug"], "asia-as-12");
    let (_, plans) = json(client.get(at(&panel, "/region-plans/asia-as-12"))).await;
    let list = plans["data"]["plans"].as_array().unwrap();
    assert_eq!(list.len() as u64, asia["plan_count"].as_u64().unwrap());
    assert_eq!(list[0]["countries"].as_array().unwrap().len(), 12);
    let (_, globals) = json(client.get(at(&panel, "/global-plans"))).await;
    assert_eq!(globals["data"]["plans"][0]["countries"].as_array().unwrap().len(), 139);
}

#[tokio::test]
async fn refusals_come_with_http_200_and_in_every_shape() {
    let (_simulation, panel, client) = start(ME);
    let plan = panel.plans(ME, "DE")[0].clone();
    let (status, wrong) = json(client.post(at(&panel, "/balance")).form(&[("api_key", "wrong")])).await;
    assert_eq!((status, wrong["status"].as_str()), (200, Some("error")));
    assert_eq!(panel.ledger(ME).disliked("bad_key"), 1);
    let (_, unknown) = buy(&panel, &client, 1).await;
    assert_eq!(unknown["remark"], "plan_not_found");
    assert!(unknown["message"].is_array());

    panel.quirks(ME, |quirks| quirks.message = MessageStyle::Object);
    panel.set_balance(ME, Units::cents(10));
    let (_, poor) = buy(&panel, &client, plan.id).await;
    assert_eq!((poor["remark"].as_str(), poor["message"]["error"].is_array()), (Some("insufficient_balance"), true));
    panel.quirks(ME, |quirks| {
        quirks.message = MessageStyle::Absent;
        quirks.errors_with_200 = false;
    });
    let (status, poor) = buy(&panel, &client, plan.id).await;
    assert_eq!((status, poor.get("message")), (400, None));
    assert!(panel.orders().is_empty());
}

#[tokio::test]
async fn tricks_of_the_shop() {
    let (_simulation, panel, client) = start(ME);
    let plan = panel.plans(ME, "DE")[0].clone();
    let arm = |trick| panel.fault(ME, Fault::trick("plan_purchase", trick));

    arm(Trick::MissingLpa);
    let (_, bought) = buy(&panel, &client, plan.id).await;
    assert_eq!((bought["status"].as_str(), bought["data"]["esim"]["qr_code"].is_null()), (Some("success"), true));
    assert_eq!(panel.orders()[0].1.state, OrderState::Pending);

    arm(Trick::Lpa("LPA:1$...".to_owned()));
    let (_, bought) = buy(&panel, &client, plan.id).await;
    assert_eq!(bought["data"]["esim"]["qr_code"], "LPA:1$...");

    arm(Trick::PriceRises(10));
    let (_, bought) = buy(&panel, &client, plan.id).await;
    assert_eq!(bought["data"]["order"]["total_amount"], plan.price.raised(10).eight());

    arm(Trick::RepeatsEarlierOrder);
    let (_, again) = buy(&panel, &client, plan.id).await;
    assert_eq!(again["data"]["order"]["order_number"], bought["data"]["order"]["order_number"]);
    assert_eq!(panel.sold(ME, Goods::Esim), 3);

    arm(Trick::ChargedAndRefused);
    let before = panel.balance(ME);
    let (_, failed) = buy(&panel, &client, plan.id).await;
    assert_eq!(failed["status"], "error");
    assert!(panel.balance(ME) < before);

    arm(Trick::NoFunds);
    assert_eq!(buy(&panel, &client, plan.id).await.1["remark"], "insufficient_balance");
    arm(Trick::PlanGone);
    assert_eq!(buy(&panel, &client, plan.id).await.1["remark"], "plan_not_found");
    assert_eq!(panel.sold(ME, Goods::Esim), 4);
    assert!(panel.ledger(ME).balances());
}

#[tokio::test]
async fn a_card_is_topped_up_by_way_of_its_usage() {
    let (_simulation, panel, client) = start(ME);
    let plans = panel.plans(ME, "US");
    buy(&panel, &client, plans[0].id).await;
    let iccid = panel.orders()[0].1.iccid[0].clone();
    assert!(panel.use_data(ME, &iccid, 5_000_000));
    let usage = [("api_key", KEY), ("iccid", iccid.as_str())];
    let (_, seen) = json(client.post(at(&panel, "/profile/usage-check")).form(&usage)).await;
    let row = &seen["obj"]["usageList"][0];
    assert_eq!((seen.get("status"), row["dataUsage"].as_u64()), (None, Some(5_000_000)));
    let tran_no = row["esimTranNo"].as_str().unwrap();
    let total = row["totalData"].as_u64().unwrap();
    let top_up = [("api_key", KEY), ("esimTranNo", tran_no), ("packageCode", plans[1].code.as_str())];
    let (_, done) = json(client.post(at(&panel, "/profile/topup")).form(&top_up)).await;
    assert!(done["message"]["success"].is_array());
    assert_eq!(done["data"]["obj"]["totalVolume"].as_u64(), plans[1].bytes.map(|bytes| bytes + total));
    assert_eq!(panel.sold(ME, Goods::TopUp), 1);
    let foreign = panel.plans(ME, "FR")[0].code.clone();
    let wrong = [("api_key", KEY), ("esimTranNo", tran_no), ("packageCode", foreign.as_str())];
    let (_, refused) = json(client.post(at(&panel, "/profile/topup")).form(&wrong)).await;
    assert_eq!(refused["remark"], "invalid_package");
    let eleven: Vec<(&str, &str)> =
        std::iter::once(("api_key", KEY)).chain((0..11).map(|_| ("esimTranNos[]", tran_no))).collect();
    let (_, refused) = json(client.post(at(&panel, "/profile/usage-check")).form(&eleven)).await;
    assert_eq!(refused["success"], false);
}

#[tokio::test]
async fn a_number_is_offered_sold_once_listed_and_cancelled() {
    let (_simulation, panel, client) = start(ME);
    let key = [("api_key", KEY)];
    let countries = client.get(at(&panel, "/virtual-numbers/countries")).query(&key).query(&[("with_price", "1")]);
    assert_eq!(json(countries).await.1["data"]["countries"][0]["country_code"], "AR");
    let shelf = client.get(at(&panel, "/virtual-numbers/available")).query(&key).query(&[("country", "AR")]);
    let (_, offers) = json(shelf).await;
    let item = |index: usize| offers["data"]["obj"]["items"][index].clone();
    let token = |index| item(index)["offerToken"].as_str().unwrap().to_owned();
    let order = |token: String| {
        let form = [("api_key", KEY.to_owned()), ("offerToken", token)];
        json(client.post(at(&panel, "/virtual-numbers/order")).form(&form))
    };
    let (_, bought) = order(token(0)).await;
    assert_eq!(bought["data"]["order"]["number"], item(0)["number"]);
    assert_eq!(order(token(0)).await.1["remark"], "offer_expired");
    panel.advance(ME, std::time::Duration::from_secs(601));
    assert_eq!(order(token(1)).await.1["remark"], "offer_expired");
    assert_eq!(panel.sold(ME, Goods::Number), 1);

    let id = bought["data"]["order"]["virtual_number"]["id"].to_string();
    let month: Units = item(0)["monthlyPrice"].as_str().unwrap().parse().unwrap();
    let paid = panel.balance(ME);
    panel.advance(ME, std::time::Duration::from_secs(31 * 86_400));
    json(client.post(at(&panel, "/balance")).form(&key)).await;
    assert_eq!(panel.balance(ME), paid - month);
    panel.set_balance(ME, Units::ZERO);
    panel.advance(ME, std::time::Duration::from_secs(31 * 86_400));
    let blocked = client.get(at(&panel, "/virtual-numbers/list")).query(&key).query(&[("status", "blocked_no_funds")]);
    assert_eq!(json(blocked).await.1["data"]["virtual_numbers"]["total"], 1);
    panel.set_balance(ME, paid);
    let awake = client.post(at(&panel, &format!("/virtual-numbers/{id}/reactivate"))).form(&key);
    assert_eq!(json(awake).await.1["data"]["virtual_number"]["status"], "active");
    assert!(panel.ledger(ME).balances());
    for part in ["", "/sms", "/charges"] {
        let (_, seen) = json(client.get(at(&panel, &format!("/virtual-numbers/{id}{part}"))).query(&key)).await;
        assert_eq!(seen["status"], "success", "{part}");
    }
    let cancel = client.post(at(&panel, &format!("/virtual-numbers/{id}/cancel"))).form(&key);
    assert_eq!(json(cancel).await.1["status"], "success");
    let list = client.get(at(&panel, "/virtual-numbers/list")).query(&key).query(&[("status", "pending_termination")]);
    assert_eq!(json(list).await.1["data"]["virtual_numbers"]["data"][0]["number"], item(0)["number"]);
    let again = client.post(at(&panel, &format!("/virtual-numbers/{id}/reactivate"))).form(&key);
    assert_eq!(json(again).await.1["remark"], "not_blocked");
}
