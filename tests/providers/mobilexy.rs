use esim_kiosk::esim::{LookUp, OrderOutcome, Outcome, RefusalReason};
use esim_kiosk::sale::activation::Iccid;
use esim_kiosk::sale::offer::{DataVolume, Kind};
use esim_kiosk::sim::providers::fault::{Effect, Fault, Trick};
use esim_kiosk::sim::providers::{Goods, MessageStyle, Provider};

use crate::kit::{Shop, done, now};

const EXCLUSIVE: &str = "account_exclusive = true";

#[tokio::test]
async fn a_plan_is_found_priced_and_bought() {
    let uncapped = format!("{EXCLUSIVE}\nmost_per_order = {{ value = \"100000\", currency = \"USD\" }}");
    let shop = Shop::with(Provider::Mobilexy, &uncapped);
    let plans = shop.plans().await;
    assert_eq!(plans.len(), shop.panel.plan_count(Provider::Mobilexy), "every plan once");
    assert!(plans.iter().any(|plan| matches!(plan.data, DataVolume::BytesPerDay(_))));
    let plan = &plans[0];
    let request = shop.request(1, plan).await;
    let price = done(shop.client.price(&request.offer).await);
    assert_eq!((price.cost, price.available), (plan.cost, true));
    let delivery = shop.buy(&request).await;
    let sold = shop.orders();
    assert_eq!(sold.len(), 1);
    assert_eq!(sold[0].reference, delivery.reference.0);
    assert_eq!(sold[0].lpa[0], delivery.profile.unwrap().code.reveal());
    assert_eq!(delivery.charged, Some(plan.cost));
    assert_eq!(shop.look_up(&request).await, shop.look_up(&request).await);
    assert!(matches!(shop.look_up(&request).await, LookUp::BoughtAndLost { .. }), "the wallet shows the cost");
    assert_eq!(shop.panel.ledger(Provider::Mobilexy).disliked("key_in_url"), 0);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_wallet_tells() {
    let shop = Shop::with(Provider::Mobilexy, EXCLUSIVE);
    let plan = shop.some_plan().await;
    for (number, fault, bought) in [
        (1, Fault::after("plan_purchase", Effect::Reset), true),
        (2, Fault::before("plan_purchase", Effect::Reset), false),
        (3, Fault::after("plan_purchase", Effect::CutBody), true),
        (4, Fault::before("plan_purchase", Effect::Status { code: 502, html: true }), false),
        (5, Fault::after("plan_purchase", Effect::Redirect { code: 307, to: None }), true),
        (6, Fault::trick("plan_purchase", Trick::MissingLpa), true),
        (7, Fault::trick("plan_purchase", Trick::Lpa("LPA:1$...".into())), true),
        (8, Fault::trick("plan_purchase", Trick::ChargedAndRefused), true),
    ] {
        let before = shop.orders().len();
        let request = shop.request(number, &plan).await;
        shop.panel.fault(Provider::Mobilexy, fault.clone());
        let outcome = shop.client.order(&request).await;
        assert!(matches!(outcome, OrderOutcome::Unknown(_)), "{fault:?}: {outcome:?}");
        assert_eq!(shop.orders().len() - before, usize::from(bought), "{fault:?}");
        let found = shop.look_up(&request).await;
        match bought {
            true => assert!(matches!(found, LookUp::BoughtAndLost { .. }), "{fault:?}: {found:?}"),
            false => assert_eq!(found, LookUp::NotThere, "{fault:?}"),
        }
    }
    // The same evidence proves nothing where others spend from the wallet too.
    let request = shop.request(9, &plan).await;
    assert!(matches!(shop.again("").look_up(&request, &now(&[])).await, LookUp::Undecidable { .. }));
}

#[tokio::test]
async fn a_refusal_is_checked_with_the_wallet() {
    let shop = Shop::with(Provider::Mobilexy, EXCLUSIVE);
    let plan = shop.some_plan().await;
    for (number, style) in
        [MessageStyle::List, MessageStyle::Object, MessageStyle::Text, MessageStyle::Absent].into_iter().enumerate()
    {
        shop.panel.quirks(Provider::Mobilexy, |quirks| quirks.message = style);
        shop.panel.fault(Provider::Mobilexy, Fault::trick("plan_purchase", Trick::NoFunds));
        let request = shop.request(u8::try_from(number).unwrap(), &plan).await;
        match shop.client.order(&request).await {
            OrderOutcome::Refused(refusal) if style != MessageStyle::Absent => {
                assert_eq!(refusal.reason, RefusalReason::NoFunds, "{style:?}: {}", refusal.detail);
            }
            outcome => assert!(matches!(outcome, OrderOutcome::Refused(_)), "{style:?}: {outcome:?}"),
        }
    }
    assert!(shop.orders().is_empty());
}

#[tokio::test]
async fn an_esim_is_topped_up_and_its_use_read() {
    let shop = Shop::with(Provider::Mobilexy, EXCLUSIVE);
    let plan = shop.some_plan().await;
    shop.buy(&shop.request(1, &plan).await).await;
    let iccid = Iccid::parse(&shop.orders()[0].iccid[0]).unwrap();
    let request = shop.top_up_request(2, &plan, &iccid).await;
    let delivery = shop.buy(&request).await;
    assert_eq!(shop.panel.sold(Provider::Mobilexy, Goods::TopUp), 1);
    assert_eq!(shop.orders()[1].reference, delivery.reference.0);
    let total = done(shop.client.usage(&iccid).await).total_bytes;
    assert!(total > request.total_before, "{total:?}");
    shop.panel.fault(Provider::Mobilexy, Fault::after("profile_topup", Effect::Close));
    let lost = shop.top_up_request(3, &plan, &iccid).await;
    assert!(matches!(shop.client.order(&lost).await, OrderOutcome::Unknown(_)));
    assert!(matches!(shop.look_up(&lost).await, LookUp::Found(OrderOutcome::Done(_))));
    shop.panel.fault(Provider::Mobilexy, Fault::before("profile_topup", Effect::Close));
    let never = shop.top_up_request(4, &plan, &iccid).await;
    assert!(matches!(shop.client.order(&never).await, OrderOutcome::Unknown(_)));
    assert_eq!(shop.look_up(&never).await, LookUp::NotThere);
}

#[tokio::test]
async fn a_number_is_bought_found_again_and_cancelled() {
    let shop = Shop::open(Provider::Mobilexy);
    let countries =
        done(shop.client.call("number-countries", [("with_price".into(), "1".into())].into_iter().collect()).await);
    let country = countries["data"]["countries"][0]["country_code"].as_str().unwrap().to_owned();
    let offers = done(shop.client.call("numbers-available", [("country".into(), country)].into_iter().collect()).await);
    let item = &offers["data"]["obj"]["items"][0];
    let mut request = shop.request(1, &shop.some_plan().await).await;
    request.offer.kind = Kind::Number { offer_token: item["offerToken"].as_str().unwrap().to_owned() };
    request.offer.plan.0 = item["number"].as_str().unwrap().to_owned();
    assert_eq!(shop.look_up(&request).await, LookUp::NotThere);
    shop.panel.fault(Provider::Mobilexy, Fault::after("numbers_order", Effect::Reset));
    let outcome = shop.client.order(&request).await;
    assert!(matches!(outcome, OrderOutcome::Unknown(_)), "{outcome:?}");
    let LookUp::Found(OrderOutcome::Done(delivery)) = shop.look_up(&request).await else { panic!() };
    assert_eq!(shop.client.cancel(&delivery.reference).await, Outcome::Done(()));
}

#[tokio::test]
async fn what_costs_more_than_the_cap_is_neither_offered_nor_ordered() {
    let shop = Shop::with(Provider::Mobilexy, "most_per_order = { value = \"12.50\", currency = \"USD\" }");
    let all = shop.again("");
    let (capped, all) = (shop.plans().await, done(all.catalogue().await));
    let dear = all.iter().max_by_key(|plan| plan.cost.units).unwrap();
    assert!(dear.cost.units > 1_250_000_000 && dear.cost.units <= 2_500_000_000, "25.00 by default: {}", dear.cost);
    assert!(capped.len() < all.len() && capped.iter().all(|plan| plan.cost.units <= 1_250_000_000));
    let request = shop.request(1, dear).await;
    let outcome = shop.client.order(&request).await;
    assert!(matches!(outcome, OrderOutcome::NeverSent(_)), "{outcome:?}");
    assert!(shop.orders().is_empty());
}
