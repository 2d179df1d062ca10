use esim_kiosk::esim::{DuplicateGuard, LookUp, OrderOutcome, Outcome, RefusalReason};
use esim_kiosk::sim::providers::fault::{Effect, Fault, Trick};
use esim_kiosk::sim::providers::{Goods, Provider};

use crate::kit::{Shop, done, good, now};

const EXCLUSIVE: &str = "account_exclusive = true";

#[tokio::test]
async fn a_package_is_found_priced_and_bought() {
    for (camel, lpa_string) in [(false, true), (true, false)] {
        let shop = Shop::with(Provider::Esimfly, EXCLUSIVE);
        shop.panel.quirks(Provider::Esimfly, |quirks| {
            quirks.camel_pages = camel;
            quirks.esimfly_lpa_string = lpa_string;
        });
        let plans = shop.plans().await;
        assert!(plans.len() > 300, "{}", plans.len());
        let plan = plans.iter().find(|plan| !plan.slow).unwrap();
        let request = shop.request(1, plan).await;
        assert_eq!(done(shop.client.price(&request.offer).await).cost, plan.cost);
        let delivery = shop.buy(&request).await;
        let sold = shop.orders();
        assert_eq!((sold.len(), sold[0].reference.as_str()), (1, delivery.reference.0.as_str()));
        assert_eq!(sold[0].lpa[0], delivery.profile.unwrap().code.reveal());
        assert_eq!(shop.panel.ledger(Provider::Esimfly).disliked("bad_signature"), 0);
    }
}

#[tokio::test]
async fn a_lost_order_is_found_in_the_list_and_nobody_elses_is_taken() {
    let shop = Shop::with(Provider::Esimfly, EXCLUSIVE);
    let plan = shop.some_plan().await;
    let mut taken = Vec::new();
    for (number, fault, bought) in [
        (1, Fault::after("esims_order", Effect::Reset), true),
        (2, Fault::before("esims_order", Effect::Close), false),
        (3, Fault::after("esims_order", Effect::CutBody), true),
        (4, Fault::before("esims_order", Effect::Html), false),
        (5, Fault::after("esims_order", Effect::MissingField("orderReference".into())), true),
    ] {
        let before = shop.orders().len();
        let request = shop.request(number, &plan).await;
        shop.panel.fault(Provider::Esimfly, fault.clone());
        let outcome = shop.client.order(&request).await;
        assert!(matches!(outcome, OrderOutcome::Unknown(_)), "{fault:?}: {outcome:?}");
        assert_eq!(shop.orders().len() - before, usize::from(bought), "{fault:?}");
        let found = shop.client.look_up(&request, &now(&taken)).await;
        let LookUp::Found(OrderOutcome::Accepted(reference)) = found else {
            assert_eq!((found, bought), (LookUp::NotThere, false), "{fault:?}");
            continue;
        };
        assert_eq!((reference.0.as_str(), bought), (shop.orders()[before].reference.as_str(), true));
        let OrderOutcome::Done(delivery) = shop.client.fetch(&request, &reference).await else { panic!() };
        assert_eq!(delivery.profile.unwrap().code.reveal(), shop.orders()[before].lpa[0]);
        taken.push(reference);
    }
    let request = shop.request(9, &plan).await;
    let blind = shop.again(EXCLUSIVE);
    assert!(matches!(blind.look_up(&request, &now(&[])).await, LookUp::Undecidable { .. }), "three could be it");
    let shared = shop.again("");
    assert!(matches!(shared.look_up(&request, &now(&taken[1..])).await, LookUp::Undecidable { .. }));
    let none = shared.look_up(&request, &now(&taken)).await;
    assert!(matches!(none, LookUp::Undecidable { .. }), "others order here: without a key it is a case, not {none:?}");
    let keyed = shop.again("keys_proven = true");
    assert_eq!(keyed.look_up(&request, &now(&taken)).await, LookUp::NotThere);
}

#[tokio::test]
async fn a_lost_order_is_found_behind_a_hundred_others() {
    let shop = Shop::with(Provider::Esimfly, EXCLUSIVE);
    let plan = shop.some_plan().await;
    let lost = shop.request(200, &plan).await;
    shop.panel.fault(Provider::Esimfly, Fault::after("esims_order", Effect::Reset));
    assert!(matches!(shop.client.order(&lost).await, OrderOutcome::Unknown(_)));
    let mut taken = Vec::new();
    for number in 0..101 {
        let mut request = lost.clone();
        request.key = good(number);
        let OrderOutcome::Done(delivery) = shop.client.order(&request).await else { panic!("{number}") };
        taken.push(delivery.reference);
    }
    let found = shop.again(EXCLUSIVE).look_up(&lost, &now(&taken)).await;
    let LookUp::Found(OrderOutcome::Accepted(reference)) = found else { panic!("{found:?}") };
    assert_eq!(reference.0, shop.orders()[0].reference);
}

#[tokio::test]
async fn with_a_clock_too_far_off_nothing_is_sold() {
    let shop = Shop::with(Provider::Esimfly, EXCLUSIVE);
    let plan = shop.some_plan().await;
    assert!(shop.client.health().sells);
    shop.panel.advance(Provider::Esimfly, std::time::Duration::from_secs(600));
    let request = shop.client.balance().await;
    assert!(
        matches!(&request, Outcome::Refused(refusal) if refusal.reason == RefusalReason::ClockWrong),
        "{request:?}"
    );
    let health = shop.client.health();
    assert!(!health.sells && health.clock_ahead_s.is_some_and(|ahead| ahead < -500), "{health:?}");
    shop.panel.clock(Provider::Esimfly, |clock| clock.set_ahead_ms(0));
    done(shop.client.balance().await);
    assert!(shop.client.health().sells, "{}", plan.name);
}

/// A machine whose time service has heard nobody; every account that signs with the time waits, and no other.
#[tokio::test]
async fn before_the_clock_is_set_nothing_is_signed_unless_the_providers_own_time_agrees() {
    let machine = tempfile::tempdir().unwrap();
    let service = format!("[connection]\ntime_service = \"{}\"", machine.path().display());
    for provider in [Provider::Esimfly, Provider::Reseller, Provider::Roamify] {
        let signs = provider != Provider::Roamify;
        let shop = Shop::with(provider, &service);
        assert_eq!(shop.client.health().sells, !signs, "{provider:?}: not asked yet");
        // The clock of this machine is wrong by two years, as the provider sees it.
        shop.panel.advance(provider, std::time::Duration::from_secs(2 * 365 * 86_400));
        let told = shop.client.balance().await;
        assert_eq!(matches!(told, Outcome::NeverSent(_)), signs, "{provider:?}: {told:?}");
        let health = shop.client.health();
        assert_eq!((health.sells, health.clock_unset), (!signs, signs), "{provider:?}: {health:?}");
        // A time server has answered: the mark lets everything go out again.
        let again = shop.again(&service);
        shop.panel.clock(provider, |clock| clock.set_ahead_ms(0));
        std::fs::File::create(machine.path().join("synchronized")).unwrap();
        assert!(again.health().sells, "{provider:?}");
        done(again.balance().await);
        std::fs::remove_file(machine.path().join("synchronized")).unwrap();
        // Without one the provider's own time is enough, asked for without a key.
        let alone = shop.again(&service);
        done(alone.balance().await);
        assert!(alone.health().sells, "{provider:?}: {:?}", alone.health());
    }
}

#[tokio::test]
async fn the_same_order_is_never_taken_twice_with_or_without_keys() {
    for keys in [true, false] {
        let shop = Shop::with(Provider::Esimfly, &format!("{EXCLUSIVE}\nkeys_proven = {keys}"));
        shop.panel.quirks(Provider::Esimfly, |quirks| quirks.esimfly_keys = keys);
        let request = shop.request(1, &shop.some_plan().await).await;
        let guard = if keys { DuplicateGuard::Replay } else { DuplicateGuard::HardRefusal };
        assert_eq!(shop.client.guard(&request.offer), guard);
        shop.panel.fault(Provider::Esimfly, Fault::after("esims_order", Effect::Reset));
        assert!(matches!(shop.client.order(&request).await, OrderOutcome::Unknown(_)));
        // Nobody does this; if somebody did, the request id would stop it.
        let again = shop.again(EXCLUSIVE).order(&request).await;
        assert!(matches!(again, OrderOutcome::Unknown(_)), "keys {keys}: {again:?}");
        assert_eq!(shop.panel.sold(Provider::Esimfly, Goods::Esim), 1, "keys {keys}");
    }
}

#[tokio::test]
async fn refusals_have_reasons() {
    let shop = Shop::with(Provider::Esimfly, EXCLUSIVE);
    let plan = shop.some_plan().await;
    for (number, trick, reason) in [
        (1, Trick::NoFunds, RefusalReason::NoFunds),
        (2, Trick::PriceRises(20), RefusalReason::PriceChanged),
        (3, Trick::PlanGone, RefusalReason::PlanGone),
    ] {
        let request = shop.request(number, &plan).await;
        shop.panel.fault(Provider::Esimfly, Fault::trick("esims_order", trick.clone()));
        match shop.client.order(&request).await {
            OrderOutcome::Refused(refusal) => assert_eq!(refusal.reason, reason, "{trick:?}: {}", refusal.detail),
            other => panic!("{trick:?}: {other:?}"),
        }
    }
    assert!(shop.orders().is_empty());
}

#[tokio::test]
async fn a_pending_profile_is_accepted_and_fetched_and_an_unused_one_cancelled() {
    let shop = Shop::with(Provider::Esimfly, EXCLUSIVE);
    let request = shop.request(1, &shop.some_plan().await).await;
    shop.panel.fault(Provider::Esimfly, Fault::trick("esims_order", Trick::PendingLookUps(2)));
    let OrderOutcome::Accepted(reference) = shop.client.order(&request).await else { panic!() };
    assert!(matches!(shop.client.fetch(&request, &reference).await, OrderOutcome::Accepted(_)));
    let mut outcome = shop.client.fetch(&request, &reference).await;
    for _ in 0..5 {
        if matches!(outcome, OrderOutcome::Accepted(_)) {
            outcome = shop.client.fetch(&request, &reference).await;
        }
    }
    let OrderOutcome::Done(delivery) = outcome else { panic!("{outcome:?}") };
    assert_eq!(delivery.profile.unwrap().code.reveal(), shop.orders()[0].lpa[0]);
    assert_eq!(shop.client.cancel(&reference).await, Outcome::Done(()));
    assert_eq!(shop.panel.sold(Provider::Esimfly, Goods::Esim), 0);
    assert_eq!(shop.client.cancel(&reference).await, Outcome::Done(()), "cancelled is cancelled");
}

#[tokio::test]
async fn an_esim_is_topped_up() {
    let shop = Shop::with(Provider::Esimfly, EXCLUSIVE);
    let delivery = shop.buy(&shop.request(1, &shop.some_plan().await).await).await;
    let iccid = delivery.profile.unwrap().iccid.unwrap();
    let offers = done(shop.client.top_up_offers(&iccid).await);
    let request = shop.top_up_request(2, &offers[0], &iccid).await;
    shop.panel.fault(Provider::Esimfly, Fault::after("topup_order", Effect::Reset));
    assert!(matches!(shop.client.order(&request).await, OrderOutcome::Unknown(_)));
    let found = shop.client.look_up(&request, &now(std::slice::from_ref(&delivery.reference))).await;
    assert!(matches!(found, LookUp::Found(_)), "{found:?}");
    shop.panel.fault(Provider::Esimfly, Fault::before("topup_order", Effect::Reset));
    let never = shop.top_up_request(3, &offers[0], &iccid).await;
    assert!(matches!(shop.client.order(&never).await, OrderOutcome::Unknown(_)));
    let taken: Vec<_> =
        shop.orders().iter().map(|order| esim_kiosk::sale::offer::OrderReference(order.reference.clone())).collect();
    assert_eq!(shop.client.look_up(&never, &now(&taken)).await, LookUp::NotThere);
}
