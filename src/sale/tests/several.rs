//! Baskets, and goods that are used up when they are ordered.

use super::*;
use crate::money::{Amount, Currency, Exact};
use crate::sale::activation::Iccid;
use crate::sale::event::Cancellation;
use crate::sale::id::ProfileId;
use crate::sale::offer::{Kind, OrderReference};
use crate::sale::record::{GoodQuote, Quote};

fn wallet() -> Exact {
    Exact { units: 100, currency: Currency::EUR }
}

/// Two goods, each from these providers, whose wallets are the witnesses.
fn basket(first: &[&str], second: &[&str]) -> Quote {
    let good = |providers: &[&str]| {
        let mut good = quote(providers).goods.remove(0);
        for choice in &mut good.choices {
            choice.balance_before = Some(wallet());
        }
        good
    };
    let goods = vec![good(first), good(second)];
    Quote { goods, amount: Amount::new(1_980, Currency::EUR), ..quote(first) }
}

/// One good of another kind, from an account whose wallet is the witness.
fn one(kind: Kind) -> Quote {
    let mut goods: Vec<GoodQuote> = quote(&["mobilexy"]).goods;
    goods[0].choices[0].offer.kind = kind;
    Quote { goods, ..quote(&["mobilexy"]) }
}

fn held(quote: Quote) -> Played {
    let minor = u64::try_from(quote.amount.minor).unwrap();
    let mut played = Played::of(quote);
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: None });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", minor))));
    played
}

fn bought(good: u8, profile: bool) -> Event {
    let reference = OrderReference(format!("ORD{good}"));
    let profile = profile.then(|| ProfileId::from_parts(5, u128::from(good)));
    Event::Goods { good, news: GoodsNews::Delivered { reference, profile, iccid: None, charged: None } }
}

fn top_up() -> Kind {
    Kind::TopUp { iccid: Iccid::parse("8944500102198304826").unwrap() }
}

fn number() -> Kind {
    Kind::Number { offer_token: "T".into() }
}

#[test]
fn goods_of_one_account_follow_each_other_with_a_fresh_witness() {
    let mut played = held(basket(&["mobilexy"], &["mobilexy"]));
    assert!(matches!(&played.effects[..], [Effect::Order { good: 0, .. }]), "{:?}", played.effects);
    played.on(2_000, bought(0, true));
    let [Effect::ReadWallet { good: 1, provider }] = &played.effects[..] else { panic!("{:?}", played.effects) };
    assert_eq!(*provider, ProviderId("mobilexy".into()));
    assert!(played.sale.locks().contains(&Lock::Account(provider.clone())), "nobody comes in between");
    played.on(2_100, Event::Tick);
    assert!(played.effects.is_empty(), "the wallet is asked for once");
    let after = Exact { units: 55, ..wallet() };
    played.on(2_200, Event::WalletRead { good: 1, balance: Some(after) });
    assert!(
        matches!(&played.effects[..], [Effect::Order { good: 1, balance_before: Some(seen), .. }] if *seen == after)
    );
    played.on(3_000, bought(1, true));
    assert_eq!(played.answers(), [Answer::GoodsIssued]);
}

#[test]
fn goods_of_two_accounts_are_ordered_side_by_side() {
    let played = held(basket(&["mobilexy"], &["roamify"]));
    assert!(matches!(&played.effects[..], [Effect::Order { good: 0, .. }, Effect::Order { good: 1, .. }]));
}

#[test]
fn a_wallet_that_cannot_be_read_orders_nothing_there() {
    let mut played = held(basket(&["mobilexy"], &["mobilexy", "roamify"]));
    played.on(2_000, bought(0, true));
    played.on(2_200, Event::WalletRead { good: 1, balance: None });
    assert!(matches!(&played.effects[..], [Effect::Order { good: 1, offer, .. }] if offer.provider.0 == "roamify"));
    played.on(3_000, Event::Goods { good: 1, news: GoodsNews::Refused("gone".into()) });
    assert_eq!(played.answers(), [Answer::NotIssued]);
    assert_eq!(played.sale.payment.decision, Some(Decision::Release(ReleaseReason::NoEsim)));
}

/// Once one good is not to be had, the next is not bought any more: all or nothing.
#[test]
fn nothing_more_is_bought_for_a_basket_that_cannot_be_whole() {
    let mut played = held(basket(&["mobilexy"], &["mobilexy"]));
    played.on(2_000, Event::Goods { good: 0, news: GoodsNews::Refused("gone".into()) });
    assert!(!played.effects.iter().any(|effect| matches!(effect, Effect::Order { .. } | Effect::ReadWallet { .. })));
    assert_eq!(played.answers(), [Answer::NotIssued]);
}

#[test]
fn a_top_up_without_an_answer_at_the_end_of_the_hold_is_released_and_a_case() {
    let mut played = held(one(top_up()));
    played.on(2_000, Event::Goods { good: 0, news: GoodsNews::Unknown("no answer".into()) });
    assert!(matches!(&played.effects[..], [Effect::LookUp { good: 0, .. }]) && played.sale.cases.is_empty());
    played.on(11_000, Event::Tick);
    assert_eq!(played.sale.payment.decision, Some(Decision::Release(ReleaseReason::TooSlow)));
    assert!(matches!(&played.sale.cases[..], [case] if case.kind == CaseKind::OrderInDoubt));
    // The account is free again: from here on the wallet moves by other orders, and proves nothing.
    assert!(played.sale.is_asked_no_more(0));
    assert!(!played.sale.locks().contains(&Lock::Account(ProviderId("mobilexy".into()))));
    played.on(12_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None }));
    played.on_at(crate::sale::Moment { run: 2, ..at(20_000) }, Event::Restarted);
    assert!(!played.effects.iter().any(|effect| matches!(effect, Effect::LookUp { .. })));
    played.on(30_000, bought(0, false));
    assert_eq!(played.sale.closed, Some(Closing::GivenAway), "the order's own late answer decides it");
}

#[test]
fn a_number_is_ended_at_once_and_the_sale_waits_for_that() {
    let mut played = held(one(number()));
    played.on(2_000, bought(0, false));
    assert!(played.effects.iter().any(|effect| matches!(effect, Effect::Cancel { good: 0, .. })));
    assert_eq!(played.answers(), [Answer::GoodsIssued], "the commit waits for nothing");
    played.on(3_000, Event::Ended(Ending::Completed));
    played.on(4_000, Event::HaveIt);
    assert!(played.sale.acknowledged && played.sale.closed.is_none());
    played.on(5_000, Event::Cancelled { good: 0, answer: Cancellation::NoAnswer("cut".into()) });
    assert!(matches!(&played.effects[..], [Effect::Cancel { after_ms: 1.., .. }]), "{:?}", played.effects);
    played.on(9_000, Event::Cancelled { good: 0, answer: Cancellation::Accepted });
    assert_eq!(played.sale.closed, Some(Closing::Delivered));
}

#[test]
fn a_number_that_is_found_after_a_release_is_ended_first_and_booked_given_away() {
    let mut played = held(one(number()));
    played.on(2_000, Event::Goods { good: 0, news: GoodsNews::Unknown("no answer".into()) });
    played.on(11_000, Event::Tick);
    played.on(12_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None }));
    played.on(20_000, bought(0, false));
    assert!(played.effects.iter().any(|effect| matches!(effect, Effect::Cancel { .. })));
    assert_eq!(played.sale.closed, None);
    played.on(21_000, Event::Cancelled { good: 0, answer: Cancellation::Accepted });
    assert_eq!(played.sale.closed, Some(Closing::GivenAway));
}

#[test]
fn a_number_whose_end_is_refused_again_and_again_is_a_case() {
    let mut played = held(one(number()));
    played.on(2_000, bought(0, false));
    played.on(3_000, Event::Ended(Ending::Completed));
    played.on(4_000, Event::HaveIt);
    for turn in 0..3 {
        assert_eq!(played.sale.closed, None);
        played.on(5_000 + turn, Event::Cancelled { good: 0, answer: Cancellation::Refused("no".into()) });
    }
    assert!(matches!(&played.sale.cases[..], [case] if case.kind == CaseKind::NumberRuns));
    assert_eq!(played.sale.closed, Some(Closing::Delivered));
}

/// On a terminal that cannot hold, what waits for its account is no missing good.
#[test]
fn paid_first_a_basket_is_ordered_in_turn() {
    let mut played = Played::of(basket(&["mobilexy"], &["mobilexy"]));
    played.terms.can_hold = false;
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: None });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 1_980))));
    played.on(2_000, Event::Ended(Ending::Completed));
    assert!(matches!(&played.effects[..], [Effect::Order { good: 0, .. }]), "{:?}", played.effects);
    played.on(3_000, bought(0, true));
    assert!(matches!(&played.effects[..], [Effect::ReadWallet { good: 1, .. }]), "{:?}", played.effects);
    played.on(3_500, Event::WalletRead { good: 1, balance: Some(wallet()) });
    assert!(matches!(&played.effects[..], [Effect::Order { good: 1, .. }]), "{:?}", played.effects);
    played.on(4_000, bought(1, true));
    assert_eq!(played.sale.phase(), Phase::HandingOver);
}
