//! Baskets, and goods that are used up when they are ordered.

use super::*;
use crate::money::{Amount, Currency, Exact};
use crate::sale::activation::Iccid;
use crate::sale::event::Cancellation;
use crate::sale::id::ProfileId;
use crate::sale::offer::{Kind, OrderReference};
use crate::sale::record::{CaseDecision, GoodQuote, Quote};

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
    let ended = CaseDecision::NumberEnded;
    played.on(9_000, Event::Decided { case: 0, decision: ended, reason: "in the provider's portal".into() });
    assert!(played.sale.goods[0].cancelled && played.sale.cases[0].decided == Some(ended));
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

/// A case about one good of a basket is about that good alone: its decision too, and it swallows no case of another.
#[test]
fn a_case_about_one_good_leaves_the_other_alone() {
    let mut played = held(basket(&["mobilexy"], &["roamify"]));
    let accepted = GoodsNews::Accepted(OrderReference("ORD0".into()));
    played.on(1_500, Event::Goods { good: 0, news: accepted });
    played.on(1_600, Event::Goods { good: 1, news: GoodsNews::Undecidable("two would fit".into()) });
    assert!(matches!(&played.sale.cases[..], [case] if case.good == Some(1)));
    assert_eq!((played.sale.goods[0].evidence_in_case, played.sale.goods[1].evidence_in_case), (false, true));
    let absent = |case| Event::Decided { case, decision: CaseDecision::GoodsAbsent, reason: "its list".into() };
    played.on(2_000, absent(0));
    assert_eq!((played.sale.goods[0].state, played.sale.goods[1].state), (Goods::Accepted, Goods::Absent));

    let mut played = held(basket(&["mobilexy"], &["roamify"]));
    for good in [0, 1, 0] {
        played.on(1_500, Event::Goods { good, news: GoodsNews::Undecidable("two would fit".into()) });
    }
    let about: Vec<Option<u8>> = played.sale.cases.iter().map(|case| case.good).collect();
    assert_eq!(about, [Some(0), Some(1)], "each its own, and the same doubt is no second one");
    // A fact that is stated beside the deciding one speaks of the same good.
    let lost = CaseDecision::GoodsLost;
    played.on(2_000, Event::Stated { case: 1, decision: lost, reason: "its list".into() });
    assert_eq!((played.sale.goods[0].state, played.sale.goods[1].state), (Goods::Unknown, Goods::Absent));
}

/// What an older version wrote names no good, and is about all that were open.
#[test]
fn a_case_of_an_older_version_is_about_every_open_good() {
    let named = Record::CaseOpened { case: CaseKind::OrderInDoubt, evidence: "e".into(), good: None };
    let written = serde_json::to_value(&named).unwrap();
    assert!(!written.to_string().contains("good"), "{written}");
    assert_eq!(serde_json::from_value::<Record>(written).unwrap(), named);
    let mut sale = held(basket(&["mobilexy"], &["roamify"])).sale;
    sale.apply(&record::Entry { at: at(2_000), record: named });
    assert!(sale.goods.iter().all(|good| good.evidence_in_case));
}

#[test]
fn a_number_whose_end_is_never_answered_is_a_case_after_a_day() {
    let mut played = held(one(number()));
    played.on(2_000, bought(0, false));
    played.on(3_000, Event::Ended(Ending::Completed));
    played.on(4_000, Event::HaveIt);
    let silence = || Event::Cancelled { good: 0, answer: Cancellation::NoAnswer("cut".into()) };
    played.on(1_999 + played.terms.claim_ms, silence());
    assert!(played.sale.cases.is_empty() && matches!(&played.effects[..], [Effect::Cancel { .. }]));
    played.on(2_000 + played.terms.claim_ms, silence());
    assert!(matches!(&played.sale.cases[..], [case] if case.kind == CaseKind::NumberRuns));
    assert!(!played.effects.iter().any(|effect| matches!(effect, Effect::Cancel { .. })));
    assert_eq!(played.sale.closed, Some(Closing::Delivered));
}

/// The journal was adopted while a reversal had no answer, and a person says that the card was charged: the money
/// goes back, by a reversal of its own or by the acquirer.
#[test]
fn a_reversal_that_was_open_at_an_estrangement_is_sent_again_once_a_person_knows() {
    let mut played = Played::held(&["mobilexy"]);
    played.delivered(2_000);
    played.on(3_000, Event::Ended(Ending::Completed));
    played.on(4_000, Event::Left);
    played.on(5_000, Event::DayEnds);
    assert!(played.sale.wants_terminal());
    let asked = reverse_now(&played.sale, at(6_000), &played.terms, played.sale.quote.day);
    played.take(asked);
    assert!(played.sale.payment.reversal_open);
    played.on(7_000, Event::Estranged { why: "an older journal".into(), since: 1 });
    assert_eq!(played.sale.payment.money, Money::Unknown);
    let case = u8::try_from(played.sale.cases.len() - 1).unwrap();
    let charged = Event::Decided { case, decision: CaseDecision::Charged, reason: "the acquirer".into() };
    played.on(8_000, charged);
    assert_eq!(played.sale.payment.money, Money::Releasing);
    assert!(played.sale.wants_terminal(), "it waits for nobody's answer");
}
