use esim_kiosk::esim::{LookUp, OrderOutcome, Outcome, RefusalReason};
use esim_kiosk::sim::providers::fault::{Effect, Fault, Trick};
use esim_kiosk::sim::providers::{Goods, Provider};

use crate::kit::{Shop, done};

#[tokio::test]
async fn a_package_is_found_priced_bought_and_generated() {
    for (nested, wrapped) in [(false, false), (true, false), (false, true), (true, true)] {
        let shop = Shop::open(Provider::Roamify);
        shop.panel.quirks(Provider::Roamify, |quirks| {
            quirks.nested_packages = nested;
            quirks.wrapped_lists = wrapped;
            quirks.apply_pending = 1;
        });
        let plans = shop.plans().await;
        assert!(plans.len() > 300, "{} plans ({nested}, {wrapped})", plans.len());
        let plan = &plans[0];
        let request = shop.request(1, plan).await;
        assert_eq!(done(shop.client.price(&request.offer).await).cost, plan.cost);
        let delivery = shop.buy(&request).await;
        let sold = shop.orders();
        assert_eq!((sold.len(), sold[0].reference.as_str()), (1, delivery.reference.0.as_str()));
        assert_eq!(sold[0].client_reference.as_deref(), Some(request.key.reference().as_str()));
        assert_eq!(sold[0].lpa[0], delivery.profile.unwrap().code.reveal());
    }
}

#[tokio::test]
async fn a_lost_order_is_found_by_our_reference() {
    let shop = Shop::open(Provider::Roamify);
    let plan = shop.some_plan().await;
    for (number, fault, bought) in [
        (1, Fault::after("esim_order", Effect::Reset), true),
        (2, Fault::before("esim_order", Effect::Close), false),
        (3, Fault::after("esim_order", Effect::CutJson), true),
        (4, Fault::after("esim_order", Effect::DuplicateKeys), true),
        (5, Fault::after("esim_order", Effect::Status { code: 500, html: false }), true),
        (6, Fault::after("esim_order", Effect::MissingField("id".into())), true),
    ] {
        let before = shop.orders().len();
        let request = shop.request(number, &plan).await;
        shop.panel.fault(Provider::Roamify, fault.clone());
        let outcome = shop.client.order(&request).await;
        assert!(matches!(outcome, OrderOutcome::Unknown(_)), "{fault:?}: {outcome:?}");
        assert_eq!(shop.orders().len() - before, usize::from(bought), "{fault:?}");
        match shop.look_up(&request).await {
            LookUp::Found(OrderOutcome::Accepted(reference)) if bought => {
                assert_eq!(reference.0, shop.orders()[before].reference);
                let OrderOutcome::Done(delivery) = shop.client.fetch(&request, &reference).await else { panic!() };
                assert_eq!(delivery.profile.unwrap().code.reveal(), shop.orders()[before].lpa[0]);
            }
            found => assert_eq!(found, LookUp::NotThere, "{fault:?}, bought: {bought}"),
        }
    }
}

#[tokio::test]
async fn an_unknown_package_is_a_500_and_so_unknown_until_looked_up() {
    let shop = Shop::open(Provider::Roamify);
    let mut request = shop.request(1, &shop.some_plan().await).await;
    request.offer.plan.0 = "esim-atlantis-7days-1gb-all".into();
    assert!(matches!(shop.client.order(&request).await, OrderOutcome::Unknown(_)));
    assert_eq!(shop.look_up(&request).await, LookUp::NotThere);
    let Outcome::Refused(refusal) = shop.client.price(&request.offer).await else { panic!() };
    assert_eq!(refusal.reason, RefusalReason::PlanGone);
}

#[tokio::test]
async fn a_profile_that_takes_its_time_stays_accepted_and_is_not_generated_twice() {
    let shop = Shop::open(Provider::Roamify);
    let request = shop.request(1, &shop.some_plan().await).await;
    shop.panel.fault(Provider::Roamify, Fault::trick("esim_order", Trick::PendingLookUps(3)));
    let OrderOutcome::Accepted(reference) = shop.client.order(&request).await else { panic!() };
    let mut tries = 0;
    let delivery = loop {
        tries += 1;
        match shop.client.fetch(&request, &reference).await {
            OrderOutcome::Accepted(same) => assert_eq!(same, reference),
            OrderOutcome::Done(delivery) => break delivery,
            other => panic!("{other:?}"),
        }
        assert!(tries < 20);
    };
    assert_eq!(delivery.profile.unwrap().code.reveal(), shop.orders()[0].lpa[0]);
    assert!(shop.panel.ledger(Provider::Roamify).calls_of("esim_apply") <= 1);
}

#[tokio::test]
async fn an_esim_is_topped_up_with_what_fits_it() {
    let shop = Shop::open(Provider::Roamify);
    let delivery = shop.buy(&shop.request(1, &shop.some_plan().await).await).await;
    let iccid = delivery.profile.unwrap().iccid.unwrap();
    let offers = done(shop.client.top_up_offers(&iccid).await);
    let request = shop.top_up_request(2, &offers[0], &iccid).await;
    assert_eq!(done(shop.client.price(&request.offer).await).cost, offers[0].cost);
    shop.panel.fault(Provider::Roamify, Fault::after("esim_order_topup", Effect::Close));
    let outcome = shop.client.order(&request).await;
    assert!(matches!(outcome, OrderOutcome::Unknown(_)), "{outcome:?}");
    let LookUp::Found(OrderOutcome::Done(found)) = shop.look_up(&request).await else { panic!() };
    assert_eq!(found.reference.0, shop.orders()[1].reference);
    assert_eq!(shop.panel.sold(Provider::Roamify, Goods::TopUp), 1);
    assert!(done(shop.client.usage(&iccid).await).total_bytes > request.total_before);
}
