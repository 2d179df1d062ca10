//! Ways to a broken promise that the enumeration of the rules (`sim/torture/rules`) has found, kept as tests.

use super::effect::Effect;
use super::event::{Event, GoodsNews};
use super::moment::Moment;
use super::offer::OrderReference;
use super::played::{Played, at, query, quote, transaction};
use super::record::{CaseDecision, CaseKind, Quote};
use super::transaction::{Ending, LastTransaction, Totals};
use super::*;

/// A claim, and the program dies before the picture, four times: the paid eSIM could never be opened again.
#[test]
fn a_claim_that_never_led_to_a_picture_is_not_counted() {
    let mut played = Played::held(&["mobilexy"]);
    played.delivered(2_000).on(3_000, Event::Ended(Ending::Completed));
    for run in 2..8 {
        let later = Moment { run, ..at(10_000 + run) };
        played.on_at(later, Event::Restarted);
        assert!(played.sale.may_claim(), "start {run}");
        played.on_at(later, Event::Claimed);
    }
    let later = Moment { run: 8, ..at(20_000) };
    played.on_at(later, Event::HandOver);
    for _ in 0..3 {
        assert!(played.sale.may_claim());
        played.on_at(later, Event::Claimed).on_at(later, Event::HandOver);
    }
    assert!(!played.sale.may_claim(), "three times, the hand-over not counted");
}

/// The order's age is unknown after a start with a wrong clock: absence could never be proven, and the account stayed
/// locked for ever.
#[test]
fn a_wrong_clock_keeps_no_order_open_for_ever() {
    let mut played = Played::held(&["mobilexy"]);
    let wrong = |ms| Moment { run: 2, wall_ms: 5, synced: false, ..at(ms) };
    let not_there = || Event::Goods { good: 0, news: GoodsNews::NotThere };
    played.on_at(wrong(0), Event::Restarted);
    played.on_at(wrong(100), query(LastTransaction::Is(Box::new(transaction("0041", 500)))));
    played.on_at(wrong(10_000), not_there()).on_at(wrong(75_000), not_there());
    assert_eq!(played.sale.goods[0].state, Goods::Unknown, "this run is not old enough to know");
    played.on_at(wrong(121_000), not_there());
    assert_eq!(played.sale.goods[0].state, Goods::Absent);
    assert!(played.sale.closed.is_some() && played.sale.locks().is_empty());
}

/// A payment in a case took the next traveller's payment of the same price for its own, and gave it back.
#[test]
fn a_payment_in_doubt_never_takes_the_next_ones_receipt() {
    let silent = || query(LastTransaction::Silent { evidence: "mute".into() });
    let mut played = Played::asked(&["mobilexy"]);
    played.on(1_000, Event::Ended(Ending::Lost { evidence: "cable".into() })).on(160_000, silent());
    assert_eq!(played.sale.cases[0].kind, CaseKind::MoneyUnknown);
    assert!(played.sale.locks().is_empty(), "its evidence is in a case: others may sell");
    played.on(170_000, Event::Overtaken);
    // Its own end is heard late, and asks again: what stands there now is of the sale after it.
    played.on(200_000, Event::Ended(Ending::Completed));
    played.on(201_000, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert_eq!(played.sale.payment.money, Money::Unknown);
    assert!(!played.sale.wants_terminal());
    // Nothing newer than its own baseline: surely not charged.
    played.on(202_000, query(LastTransaction::Is(Box::new(transaction("0041", 500)))));
    assert_eq!(played.sale.payment.money, Money::None);
}

/// With its own approval seen, a payment still knows itself after the next card was asked.
#[test]
fn an_overtaken_payment_still_knows_its_own_receipt() {
    let silent = || query(LastTransaction::Silent { evidence: "mute".into() });
    let mut played = Played::held(&["mobilexy"]);
    played.delivered(2_000).on(3_000, Event::Ended(Ending::Lost { evidence: "cable".into() })).on(160_000, silent());
    played.on(170_000, Event::Overtaken);
    played.on(201_000, query(LastTransaction::Is(Box::new(transaction("0043", 990)))));
    assert_eq!(played.sale.payment.money, Money::Unknown);
    played.on(202_000, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert_eq!(played.sale.payment.money, Money::Paid);
}

/// Paid for later, accepted, and its code was refused: found accepted once more after a start, the next refusal proved
/// it absent, and a second eSIM was ordered elsewhere.
#[test]
fn what_was_accepted_once_is_never_absent_by_a_refusal() {
    let mut played = Played::of(Quote { promised_ms: Some(7_200_000), ..quote(&["mobilexy", "roamify"]) });
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: None });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990)))).on(2_000, Event::Ended(Ending::Completed));
    let news = |news| Event::Goods { good: 0, news };
    let accepted = || news(GoodsNews::Accepted(OrderReference("A1".into())));
    let refused = || news(GoodsNews::Refused("no such code".into()));
    played.on(3_000, Event::Drain { balance: None }).on(4_000, accepted()).on(5_000, refused());
    let later = Moment { run: 2, ..at(10_000) };
    played.on_at(later, Event::Restarted).on_at(later, accepted());
    assert_eq!(played.sale.goods[0].state, Goods::Accepted);
    played.on_at(later, refused());
    assert_eq!(played.sale.goods[0].state, Goods::Unknown);
    assert_eq!((played.sale.waits_in_queue(), played.sale.cases.len()), (false, 1), "one case, and nothing elsewhere");
    played.on_at(later, Event::Drain { balance: None });
    assert!(played.effects.is_empty());
}

/// A copy of the journal was put back: what it did not hold yet may have happened since. Chosen, the card may have been
/// asked; not ordered, the eSIM may have been bought; and what the terminal did last may be another sale's.
#[test]
fn an_older_journal_knows_nothing_of_what_came_after_it() {
    let why = || Event::Estranged { why: "the journal is a copy".into(), since: 2 };
    let start = |ms| Moment { run: 2, ..at(ms) };
    let mut chosen = Played::new(&["mobilexy"]);
    chosen.on(5, why());
    assert_eq!(chosen.sale.payment.money, Money::None, "of this very run: surely not asked");
    let mut chosen = Played::new(&["mobilexy"]);
    chosen.on_at(start(10), why());
    assert_eq!((chosen.sale.payment.money, chosen.sale.closed), (Money::Unknown, None));

    let mut played = Played::of(Quote { promised_ms: Some(7_200_000), ..quote(&["mobilexy", "roamify"]) });
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: None });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990)))).on(2_000, Event::Ended(Ending::Completed));
    played.on_at(start(10), why());
    let kinds: Vec<CaseKind> = played.sale.cases.iter().map(|case| case.kind).collect();
    assert_eq!(kinds, [CaseKind::MoneyUnknown, CaseKind::OrderInDoubt]);
    let charged = Event::Decided { case: 0, decision: CaseDecision::Charged, reason: "the acquirer's list".into() };
    played.on_at(start(20), charged).on_at(start(30), Event::Drain { balance: None });
    assert!(
        played.effects.is_empty() && !played.sale.waits_in_queue(),
        "nothing is ordered before a person has looked"
    );
    // Nothing is looked up by an order that this journal does not hold, and nothing proves it absent.
    played.on_at(Moment { run: 3, ..at(500_000) }, Event::Restarted);
    assert!(!played.effects.iter().any(|effect| matches!(effect, Effect::LookUp { .. })));

    let mut asked = Played::asked(&["mobilexy"]);
    asked.on_at(start(10), why());
    asked.on_at(start(20), query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert_eq!(asked.sale.payment.money, Money::Unknown, "of a sale that this journal has forgotten");
}

/// A start that finds the journal still estranged leaves what a person has found out; another copy that is put back is
/// another matter, and then somebody can say again what became of the payment.
#[test]
fn what_a_person_found_out_stands_until_another_copy_is_put_back() {
    let told = |since| Event::Estranged { why: "the journal is a copy".into(), since };
    let run = |run, ms| Moment { run, ..at(ms) };
    let decided = |case, decision| Event::Decided { case, decision, reason: "looked".into() };
    let mut played = Played::of(Quote { promised_ms: Some(7_200_000), ..quote(&["mobilexy"]) });
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: None });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990)))).on(2_000, Event::Ended(Ending::Completed));
    played.on_at(run(2, 10), told(2)).on_at(run(2, 20), decided(0, CaseDecision::Charged));
    played.on_at(run(2, 30), decided(1, CaseDecision::GoodsLost));
    assert_eq!(played.sale.payment.money, Money::Releasing);
    played.on_at(run(3, 10), told(2));
    assert_eq!((played.sale.payment.money, played.sale.cases.len()), (Money::Releasing, 2));
    played.on_at(run(4, 10), told(4));
    let open = played.sale.cases.iter().filter(|case| case.decided.is_none()).map(|case| case.kind);
    assert_eq!((played.sale.payment.money, open.collect()), (Money::Unknown, vec![CaseKind::MoneyUnknown]));
}

/// A case is compared before every card for as long as nobody decides it: what it learns is written down, and once
/// another card was asked, nothing but an answer is.
#[test]
fn a_doubt_does_not_grow_with_every_card_that_is_asked_after_it() {
    let totals = |count, sum_minor| Some(Totals { count, sum_minor });
    let asked_about = |totals| {
        let last = LastTransaction::Empty;
        Event::Charged { last, totals, at_rest: true, bound_elsewhere: false }
    };
    let mut played = Played::new(&["mobilexy"]);
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: totals(0, 0) });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990)))).delivered(2_000);
    played.on(3_000, Event::Ended(Ending::Lost { evidence: "cable".into() })).on(4_000, asked_about(totals(0, 0)));
    assert_eq!(played.sale.cases.len(), 1, "an empty store proves nothing");
    let before = played.entries.len();
    played.on(5_000, asked_about(totals(2, 2_500))).on(5_001, Event::Overtaken);
    assert_eq!(played.entries.len(), before + 2, "the sums that moved, and the other card");
    for ms in 6_000..6_020 {
        played.on(ms, asked_about(totals(3, 3_500))).on(ms, Event::Overtaken);
    }
    assert_eq!((played.entries.len(), played.sale.cases.len()), (before + 2, 1));
}
