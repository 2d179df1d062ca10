use std::time::Duration;

use esim_kiosk::esim::calls::Args;
use esim_kiosk::esim::{DuplicateGuard, LookUp, OrderOutcome, Outcome, RefusalReason};
use esim_kiosk::sim::providers::fault::{Effect, Fault, Trick};
use esim_kiosk::sim::providers::{Goods, Provider};

use crate::kit::{Shop, done};

const PROVEN: &str = "account_exclusive = true\nlist_shows_customer = true\nkeys_proven = true";

#[tokio::test]
async fn a_plan_is_found_priced_and_bought_in_every_wrapping() {
    for (live, text) in [(false, false), (false, true), (true, false), (true, true)] {
        let shop = Shop::with(Provider::Reseller, PROVEN);
        shop.panel.quirks(Provider::Reseller, |quirks| {
            quirks.reseller_live = live;
            quirks.reseller_lpa_text = text;
        });
        let plans = shop.plans().await;
        assert!(plans.len() > 300, "{} (live {live})", plans.len());
        let plan = &plans[0];
        let request = shop.request(1, plan).await;
        assert_eq!(done(shop.client.price(&request.offer).await).cost, plan.cost, "live {live}");
        let delivery = shop.buy(&request).await;
        let sold = shop.orders();
        assert_eq!((sold.len(), sold[0].reference.as_str()), (1, delivery.reference.0.as_str()));
        assert_eq!(sold[0].lpa[0], delivery.profile.unwrap().code.reveal(), "live {live}, as text {text}");
        assert!(sold[0].customer_name.as_ref().unwrap().contains(&request.key.reference()));
        assert_eq!(shop.panel.ledger(Provider::Reseller).calls_of("login"), 1);
    }
}

#[tokio::test]
async fn a_lost_order_is_found_by_our_tag() {
    let shop = Shop::with(Provider::Reseller, PROVEN);
    let plan = shop.some_plan().await;
    for (number, fault, bought) in [
        (1, Fault::after("order_create", Effect::Reset), true),
        (2, Fault::before("order_create", Effect::Close), false),
        (3, Fault::after("order_create", Effect::CutChunk), true),
        (4, Fault::before("order_create", Effect::Status { code: 503, html: true }), false),
    ] {
        let before = shop.orders().len();
        let request = shop.request(number, &plan).await;
        shop.panel.fault(Provider::Reseller, fault.clone());
        let outcome = shop.client.order(&request).await;
        assert!(matches!(outcome, OrderOutcome::Unknown(_)), "{fault:?}: {outcome:?}");
        assert_eq!(shop.orders().len() - before, usize::from(bought), "{fault:?}");
        match shop.look_up(&request).await {
            LookUp::Found(OrderOutcome::Accepted(reference)) if bought => {
                let OrderOutcome::Done(delivery) = shop.client.fetch(&request, &reference).await else { panic!() };
                assert_eq!(delivery.profile.unwrap().code.reveal(), shop.orders()[before].lpa[0]);
            }
            LookUp::Found(OrderOutcome::Done(delivery)) if bought => {
                assert_eq!(delivery.profile.unwrap().code.reveal(), shop.orders()[before].lpa[0]);
            }
            found => assert_eq!((found, bought), (LookUp::NotThere, false), "{fault:?}"),
        }
    }
}

#[tokio::test]
async fn a_proven_key_brings_the_first_order_again() {
    let shop = Shop::with(Provider::Reseller, PROVEN);
    let request = shop.request(1, &shop.some_plan().await).await;
    assert_eq!(shop.client.guard(&request.offer), DuplicateGuard::Replay);
    assert_eq!(shop.again("list_shows_customer = true").guard(&request.offer), DuplicateGuard::LookUp);
    assert_eq!(shop.again("").guard(&request.offer), DuplicateGuard::None);
    shop.panel.fault(Provider::Reseller, Fault::after("order_create", Effect::Reset));
    assert!(matches!(shop.client.order(&request).await, OrderOutcome::Unknown(_)));
    let again = shop.client.order(&request).await;
    assert!(matches!(again, OrderOutcome::Done(_) | OrderOutcome::Accepted(_)), "{again:?}");
    assert_eq!(shop.panel.sold(Provider::Reseller, Goods::Esim), 1);
}

#[tokio::test]
async fn tokens_are_renewed_before_an_order_and_logins_are_few() {
    let shop = Shop::with(Provider::Reseller, PROVEN);
    shop.panel.quirks(Provider::Reseller, |quirks| quirks.token_life_s = 100);
    let plan = shop.some_plan().await;
    let request = shop.request(1, &plan).await;
    shop.buy(&request).await;
    let ledger = shop.panel.ledger(Provider::Reseller);
    assert_eq!(ledger.calls_of("login"), 1, "a token of 100 s is refreshed, not fetched by a login");
    assert!(ledger.calls_of("refresh") >= 3);
    // A token that dies early: refused before anything was done, then once more with the same key.
    shop.panel.quirks(Provider::Reseller, |quirks| quirks.token_life_s = 3600);
    let request = shop.request(2, &plan).await;
    shop.panel.fault(Provider::Reseller, Fault::trick("order_create", Trick::TokenExpired));
    shop.buy(&request).await;
    assert_eq!(shop.panel.sold(Provider::Reseller, Goods::Esim), 2);
}

#[tokio::test]
async fn a_wrong_password_never_locks_the_account() {
    let shop = Shop::open(Provider::Reseller);
    let logins = shop.dir.path().join("logins");
    let more = format!("logins_file = \"{}\"", logins.display());
    drop(shop.again(&more));
    for start in 0..6 {
        let client = shop.again_with_password(&more, "wrong-password");
        let outcome = client.balance().await;
        match outcome {
            Outcome::Refused(refusal) if start < 3 => assert_eq!(refusal.reason, RefusalReason::Credentials),
            Outcome::NeverSent(_) if start >= 3 => {}
            other => panic!("start {start}: {other:?}"),
        }
    }
    assert_eq!(shop.panel.ledger(Provider::Reseller).calls_of("login"), 3);
    shop.panel.advance(Provider::Reseller, Duration::from_secs(1));
    // Everybody reads the password from one file, anew at each use: put right, the first client goes on with it.
    drop(shop.again(&more));
    assert!(matches!(shop.client.balance().await, Outcome::Done(_)), "the account is open");
}

#[tokio::test]
async fn a_profile_that_comes_later_is_fetched() {
    let shop = Shop::with(Provider::Reseller, PROVEN);
    shop.panel.quirks(Provider::Reseller, |quirks| quirks.reseller_profile_later = true);
    let request = shop.request(1, &shop.some_plan().await).await;
    let outcome = shop.client.order(&request).await;
    assert!(matches!(outcome, OrderOutcome::Accepted(_)), "{outcome:?}");
    let OrderOutcome::Accepted(reference) = outcome else { panic!() };
    let mut last = shop.client.fetch(&request, &reference).await;
    for _ in 0..5 {
        if matches!(last, OrderOutcome::Accepted(_)) {
            last = shop.client.fetch(&request, &reference).await;
        }
    }
    let OrderOutcome::Done(delivery) = last else { panic!("{last:?}") };
    assert_eq!(delivery.profile.unwrap().code.reveal(), shop.orders()[0].lpa[0]);
}

#[tokio::test]
async fn an_esim_is_topped_up_and_the_total_tells() {
    let shop = Shop::with(Provider::Reseller, PROVEN);
    let delivery = shop.buy(&shop.request(1, &shop.some_plan().await).await).await;
    let iccid = delivery.profile.unwrap().iccid.unwrap();
    let offers = done(shop.client.top_up_offers(&iccid).await);
    let request = shop.top_up_request(2, &offers[0], &iccid).await;
    shop.buy(&request).await;
    assert_eq!(shop.panel.sold(Provider::Reseller, Goods::TopUp), 1);
    let lost = shop.top_up_request(3, &offers[0], &iccid).await;
    shop.panel.fault(Provider::Reseller, Fault::after("profile_topup", Effect::Reset));
    assert!(matches!(shop.client.order(&lost).await, OrderOutcome::Unknown(_)));
    assert!(matches!(shop.look_up(&lost).await, LookUp::Found(OrderOutcome::Done(_))));
    let never = shop.top_up_request(4, &offers[0], &iccid).await;
    shop.panel.fault(Provider::Reseller, Fault::before("profile_topup", Effect::Reset));
    assert!(matches!(shop.client.order(&never).await, OrderOutcome::Unknown(_)));
    assert_eq!(shop.look_up(&never).await, LookUp::NotThere);
}

#[tokio::test]
async fn an_order_is_cancelled_in_both_ways() {
    for by_post in [false, true] {
        let shop = Shop::with(Provider::Reseller, &format!("{PROVEN}\ncancel_by_post = {by_post}"));
        let delivery = shop.buy(&shop.request(1, &shop.some_plan().await).await).await;
        assert_eq!(shop.client.cancel(&delivery.reference).await, Outcome::Done(()));
        assert_eq!(shop.panel.sold(Provider::Reseller, Goods::Esim), 0);
    }
}

#[tokio::test]
async fn what_an_account_needs_before_it_can_log_in_takes_no_login() {
    let shop = Shop::open(Provider::Reseller);
    let with = |args: &[(&str, &str)]| -> Args {
        args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let email = ("email", "new@operator.example");
    for (row, args) in [
        ("auth-register", with(&[email, ("password", "Long-Enough-1!"), ("role", "reseller")])),
        ("auth-verify-email", with(&[email, ("verification_token", "t")])),
        ("auth-resend-verification", with(&[email])),
        ("auth-forgot-password", with(&[email])),
        ("auth-reset-password", with(&[("reset_token", "t"), ("new_password", "Long-Enough-1!")])),
        ("health", with(&[])),
    ] {
        done(shop.client.call(row, args).await);
    }
    assert_eq!(shop.panel.ledger(Provider::Reseller).calls_of("login"), 0);
}

#[tokio::test]
async fn a_lost_order_is_found_on_a_later_page() {
    let shop = Shop::with(Provider::Reseller, PROVEN);
    let plan = shop.some_plan().await;
    let lost = shop.request(200, &plan).await;
    shop.panel.fault(Provider::Reseller, Fault::after("order_create", Effect::Reset));
    assert!(matches!(shop.client.order(&lost).await, OrderOutcome::Unknown(_)));
    for number in 0..101 {
        let mut request = lost.clone();
        request.key = crate::kit::good(number);
        let outcome = shop.client.order(&request).await;
        assert!(matches!(outcome, OrderOutcome::Done(_) | OrderOutcome::Accepted(_)), "{number}: {outcome:?}");
    }
    let found = shop.look_up(&lost).await;
    let reference = match found {
        LookUp::Found(OrderOutcome::Accepted(reference)) => reference,
        LookUp::Found(OrderOutcome::Done(delivery)) => delivery.reference,
        other => panic!("{other:?}"),
    };
    assert_eq!(reference.0, shop.orders()[0].reference);
}
