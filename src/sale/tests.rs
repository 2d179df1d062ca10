//! The rules, tried by hand where a traveller would meet them. The enumeration over all states is `cargo torture rules`.

use super::effect::Effect;
use super::event::{Event, GoodsNews};
use super::moment::Moment;
use super::offer::ProviderId;
use super::played::{Played, at, query, quote, transaction};
use super::record::{CaseKind, Closing, Record, ReleaseReason};
use super::transaction::{Answer, Ending, LastTransaction, ReversalOutcome};
use super::*;

mod queue;
mod several;

#[test]
fn all_is_well() {
    let mut played = Played::held(&["mobilexy"]);
    assert_eq!(played.sale.phase(), Phase::Ordering);
    assert_eq!(played.on(3_100, Event::Tick).answers(), [Answer::NotYet]);
    played.delivered(4_000);
    assert_eq!(played.sale.payment.money, Money::Committing);
    assert!(played.effects.is_empty(), "nothing is said while no approval waits");
    played.on(5_000, Event::Approved(Box::new(transaction("0042", 990))));
    assert_eq!(played.answers(), [Answer::GoodsIssued]);
    played.on(6_000, Event::Ended(Ending::Completed));
    assert_eq!(played.sale.phase(), Phase::HandingOver);
    assert!(played.sale.locks().is_empty());
    assert_eq!(played.on(6_001, Event::HandOver).effects, [Effect::Reveal]);
    assert!(played.sale.goods[0].exposed);
    played.on(9_000, Event::HaveIt);
    assert_eq!(played.sale.closed, Some(Closing::Delivered));
}

#[test]
fn a_decision_is_answered_at_once_while_the_approval_waits() {
    let mut played = Played::held(&["mobilexy"]);
    assert_eq!(played.delivered(2_000).answers(), [Answer::GoodsIssued]);
    // A repeat after the decision gets the same decision again.
    assert_eq!(played.on(4_000, Event::Approved(Box::new(transaction("0042", 990)))).answers(), [Answer::GoodsIssued]);
}

#[test]
fn locks_are_held_from_before_the_card_until_all_is_known() {
    let played = Played::new(&["mobilexy", "roamify"]);
    let account = |name: &str| Lock::Account(ProviderId(name.into()));
    let all = BTreeSet::from([Lock::Terminal, account("mobilexy"), account("roamify")]);
    assert_eq!(played.sale.locks(), all);
    let mut played = Played::held(&["mobilexy"]);
    assert_eq!(played.sale.locks(), BTreeSet::from([Lock::Terminal, account("mobilexy")]));
    played.on(1_500, Event::Goods { good: 0, news: GoodsNews::Unknown("time-out".into()) });
    played.on(11_000, Event::Tick);
    played.on(11_500, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None }));
    assert_eq!(played.sale.locks(), BTreeSet::from([account("mobilexy")]), "the open order keeps its account");
}

#[test]
fn refused_fails_over_and_unknown_never_does() {
    let mut played = Played::held(&["mobilexy", "roamify"]);
    played.on(1_500, Event::Goods { good: 0, news: GoodsNews::Refused("no funds".into()) });
    assert!(matches!(&played.effects[..], [Effect::Order { offer, .. }] if offer.provider.0 == "roamify"));
    played.on(1_600, Event::Goods { good: 0, news: GoodsNews::Refused("gone".into()) });
    assert_eq!(played.answers(), [Answer::NotIssued]);

    let mut played = Played::held(&["mobilexy", "roamify"]);
    played.on(1_500, Event::Goods { good: 0, news: GoodsNews::Unknown("502".into()) });
    assert!(matches!(&played.effects[..], [Effect::LookUp { good: 0, .. }]), "{:?}", played.effects);
    assert_eq!(played.sale.payment.money, Money::Held);
    // Also when the look-up finds that it was refused: nothing else is ordered, the money is released.
    played.on(4_500, Event::Goods { good: 0, news: GoodsNews::Refused("failed by the list".into()) });
    assert_eq!((played.answers(), played.sale.goods[0].state), (vec![Answer::NotIssued], Goods::Absent));
    assert!(!played.effects.iter().any(|effect| matches!(effect, Effect::Order { .. })), "{:?}", played.effects);
}

#[test]
fn a_late_esim_is_kept_for_the_code() {
    let mut played = Played::held(&["mobilexy"]);
    played.on(10_001, Event::Tick);
    assert_eq!(played.sale.phase(), Phase::Releasing);
    assert_eq!(played.answers(), [Answer::NotIssued]);
    played.delivered(10_500);
    assert!(!played.sale.goods[0].in_stock, "the money is not decided yet");
    played.on(11_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None }));
    assert!(played.sale.goods[0].in_stock);
    assert_eq!(played.sale.closed, Some(Closing::NotCharged));
    assert!(played.entries.iter().any(|e| matches!(e.record, Record::ToStock { reserved_ms: 3_600_000, .. })));
}

#[test]
fn a_delivery_inside_the_margin_is_never_committed() {
    let mut played = Played::held(&["mobilexy"]);
    played.delivered(10_000);
    assert_eq!(played.answers(), [Answer::NotIssued]);
    assert!(!played.entries.iter().any(|entry| matches!(entry.record, Record::CommitDecided { .. })));
}

#[test]
fn cancel_before_the_approval_wins_and_after_it_is_too_late() {
    let mut played = Played::asked(&["mobilexy"]);
    assert_eq!(played.on(500, Event::CancelWished).effects, [Effect::Abort]);
    played.on(600, Event::Approved(Box::new(transaction("0042", 990))));
    assert_eq!(played.answers(), [Answer::NotIssued]);
    assert!(!played.entries.iter().any(|entry| matches!(entry.record, Record::OrderSent { .. })));

    let mut played = Played::held(&["mobilexy"]);
    played.on(1_100, Event::CancelWished);
    assert!(!played.sale.payment.cancel_wished && played.effects.is_empty());
}

#[test]
fn wrong_approvals_are_not_issued() {
    let mut less = transaction("0042", 989);
    let mut foreign = transaction("0042", 990);
    foreign.currency = Some(840);
    let mut offline = transaction("0042", 990);
    offline.payment_type = Some(0x40);
    let mut silent = transaction("0042", 990);
    silent.key.amount_minor = None;
    less.payment_type = None;
    for wrong in [less, foreign, offline, silent] {
        let mut played = Played::asked(&["mobilexy"]);
        played.on(1_000, Event::Approved(Box::new(wrong)));
        assert_eq!(played.answers(), [Answer::NotIssued]);
        assert!(!played.entries.iter().any(|entry| matches!(entry.record, Record::OrderSent { .. })));
    }
}

#[test]
fn a_second_approval_in_the_same_sale_is_a_case() {
    let mut played = Played::held(&["mobilexy"]);
    played.on(1_500, Event::Approved(Box::new(transaction("0043", 990))));
    assert_eq!(played.sale.cases[0].kind, CaseKind::StrangeApproval);
    assert!(played.answers().iter().all(|answer| *answer == Answer::NotIssued));
}

#[test]
fn without_a_baseline_no_card_is_asked() {
    let mut played = Played::new(&["mobilexy"]);
    played.on(10, Event::BaselineRead { last: LastTransaction::Silent { evidence: "mute".into() }, totals: None });
    assert_eq!(played.sale.closed, Some(Closing::NotCharged));
    assert!(played.effects.is_empty());
}

#[test]
fn after_a_restart_the_terminal_is_asked() {
    let later = Moment { run: 2, ..at(60_000) };
    // Committed, and the terminal kept it: paid, and the traveller has the claim code.
    let mut played = Played::held(&["mobilexy"]);
    played.delivered(2_000);
    assert_eq!(played.on_at(later, Event::Restarted).effects, [Effect::QueryCharged { after_ms: 0 }]);
    played.on_at(later, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert_eq!(played.sale.payment.money, Money::Paid);
    assert!(played.sale.may_reveal() && played.sale.closed.is_none());
    played.on_at(later, Event::Claimed).on_at(later, Event::HandOver);
    assert_eq!(played.effects, [Effect::Reveal]);

    // Committed, and the terminal reversed: not charged, the eSIM is kept.
    let mut played = Played::held(&["mobilexy"]);
    played.delivered(2_000).on_at(later, Event::Restarted);
    played.on_at(later, query(LastTransaction::Is(Box::new(transaction("0041", 500)))));
    assert_eq!(played.sale.closed, Some(Closing::NotCharged));
    assert!(played.sale.goods[0].in_stock);
    assert!(!played.sale.may_reveal());
}

#[test]
fn a_release_is_never_undone() {
    let later = Moment { run: 2, ..at(60_000) };
    let mut played = Played::held(&["mobilexy"]);
    played.on(10_001, Event::Tick).delivered(10_100).on_at(later, Event::Restarted);
    played.on_at(later, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert_eq!(played.sale.payment.money, Money::Releasing, "charged after a release: it must be reversed");
    assert!(played.sale.wants_terminal() && !played.sale.may_reveal());
    let step = reverse_now(&played.sale, later, &played.terms, 4);
    assert_eq!(step.effects, [Effect::Reverse]);
    played.entries.extend(step.record);
    played.sale = step.next;
    assert!(played.sale.locks().contains(&Lock::Terminal));
    played.on_at(later, Event::Reversed(ReversalOutcome::Done { transaction: None }));
    assert_eq!(played.sale.closed, Some(Closing::Refunded));
    assert!(played.sale.goods[0].in_stock);
}

#[test]
fn a_closed_day_cannot_be_reversed() {
    let later = Moment { run: 2, ..at(60_000) };
    let mut played = Played::held(&["mobilexy"]);
    played.on(10_001, Event::Tick).on_at(later, Event::Restarted);
    played.on_at(later, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    let step = reverse_now(&played.sale, later, &played.terms, 5);
    assert!(step.effects.is_empty());
    assert_eq!(step.next.payment.money, Money::RefundDue);
    assert_eq!(step.next.cases.last().unwrap().kind, CaseKind::RefundByAcquirer);
}

#[test]
fn a_silent_terminal_is_asked_again_and_then_becomes_a_case() {
    let mut played = Played::held(&["mobilexy"]);
    played.delivered(2_000).on(3_000, Event::Ended(Ending::Lost { evidence: "cable".into() }));
    assert_eq!(played.sale.payment.money, Money::Unknown);
    let silent = || query(LastTransaction::Silent { evidence: "mute".into() });
    assert_eq!(played.on(10_000, silent()).effects, [Effect::QueryCharged { after_ms: 5_000 }]);
    played.on(153_001, silent());
    assert_eq!(played.sale.cases[0].kind, CaseKind::MoneyUnknown);
    assert!(played.sale.locks().is_empty() && played.sale.closed.is_none());
    // Late evidence decides it by itself.
    played.on(200_000, Event::Ended(Ending::Completed));
    assert_eq!(played.effects, [Effect::QueryCharged { after_ms: 0 }]);
    played.on(201_000, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert_eq!(played.sale.payment.money, Money::Paid);
}

#[test]
fn absence_needs_two_look_ups_far_apart() {
    let mut played = Played::held(&["mobilexy"]);
    let not_there = || Event::Goods { good: 0, news: GoodsNews::NotThere };
    played.on(2_000, Event::Goods { good: 0, news: GoodsNews::Unknown("reset".into()) });
    played.on(10_001, Event::Tick).on(11_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None }));
    played.on(20_000, not_there()).on(70_000, not_there()).on(122_000, not_there());
    assert_eq!(played.sale.goods[0].state, Goods::Absent);
    assert_eq!(played.sale.closed, Some(Closing::NotCharged));

    // Two close together prove nothing, nor do ages that cannot be known.
    let mut played = Played::held(&["mobilexy"]);
    played.on(2_000, Event::Goods { good: 0, news: GoodsNews::Unknown("reset".into()) });
    played.on(10_001, Event::Tick).on(11_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None }));
    played.on(130_000, not_there()).on(140_000, not_there());
    let unsynced = Moment { run: 3, mono_ms: 0, wall_ms: 1_900_000_000_000, synced: false };
    played.on_at(unsynced, not_there());
    assert_eq!(played.sale.goods[0].state, Goods::Unknown);
}

#[test]
fn paid_without_goods_gives_the_money_back() {
    let later = Moment { run: 2, ..at(60_000) };
    let mut played = Played::held(&["mobilexy"]);
    played.on_at(later, Event::Restarted);
    played.on_at(later, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert_eq!(played.sale.phase(), Phase::Queued);
    played.on_at(later.plus_ms(150_001), Event::Tick);
    assert_eq!(played.sale.phase(), Phase::Releasing);
    assert!(played.sale.wants_terminal());
}

#[test]
fn a_terminal_that_cannot_hold_is_committed_first() {
    let mut played = Played::asked(&["mobilexy"]);
    played.terms.can_hold = false;
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990))));
    assert_eq!(played.answers(), [Answer::GoodsIssued]);
    played.on(2_000, Event::Ended(Ending::Completed));
    assert!(matches!(&played.effects[..], [Effect::Order { .. }]), "{:?}", played.effects);
    played.on(2_500, Event::Goods { good: 0, news: GoodsNews::Refused("no funds".into()) });
    assert!(played.sale.wants_terminal());
}

#[test]
fn the_same_doubt_at_each_start_is_one_case() {
    let mut played = Played::held(&["mobilexy"]);
    let lost = || Event::Goods { good: 0, news: GoodsNews::Lost("the order is there, its code is not".into()) };
    played.on(3_000, lost());
    for start in 1..4 {
        played.on(start * 10_000, Event::Restarted);
        played.on(start * 10_000 + 100, lost());
    }
    assert_eq!(played.sale.cases.iter().filter(|case| case.kind == CaseKind::CodeLost).count(), 1);
}

/// A terminal that cannot hold: what is ordered after the payment has its account from before the card, or another
/// sale's order could stand in the way of writing down that this one is paid.
#[test]
fn what_is_ordered_after_the_payment_keeps_its_account_until_then() {
    let mut played = Played::asked(&["mobilexy"]);
    played.terms.can_hold = false;
    let account = Lock::Account(ProviderId("mobilexy".into()));
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990))));
    assert_eq!(played.sale.payment.money, Money::Committing);
    assert!(played.sale.locks().contains(&account));
    played.on(2_000, Event::Ended(Ending::Completed));
    assert!(played.sale.locks().contains(&account) && played.sale.goods[0].state == Goods::Asked);
    played.delivered(3_000);
    assert!(!played.sale.locks().contains(&account));
}

/// Paid, and to be given back by the terminal.
fn reversing() -> Played {
    let later = Moment { run: 2, ..at(60_000) };
    let mut played = Played::held(&["mobilexy"]);
    played.on(10_001, Event::Tick).on_at(later, Event::Restarted);
    played.on_at(later, query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    let step = reverse_now(&played.sale, later, &played.terms, 4);
    played.take(step);
    assert_eq!(played.effects, [Effect::Reverse]);
    played
}

#[test]
fn a_reversal_that_nobody_answers_becomes_the_acquirers() {
    let later = |ms: u64| Moment { run: 2, ..at(60_000 + ms) };
    let mut played = reversing();
    played.on_at(later(10), Event::Reversed(ReversalOutcome::Unknown { evidence: "line".into() }));
    assert_eq!(played.effects, [Effect::QueryReversed { after_ms: 0 }]);
    let silent = || Event::StillCharged { last: LastTransaction::Silent { evidence: "mute".into() }, at_rest: false };
    assert_eq!(played.on_at(later(149_000), silent()).effects, [Effect::QueryReversed { after_ms: 5_000 }]);
    played.on_at(later(150_000), silent());
    assert_eq!(played.sale.payment.money, Money::RefundDue);
    assert!(!played.sale.locks().contains(&Lock::Terminal), "the acquirer's case holds no lock");
    // Also in the next run, whose clock knows nothing of the one before.
    let mut played = reversing();
    let wrong = |ms| Moment { run: 3, mono_ms: ms, wall_ms: 5, synced: false };
    assert!(played.on_at(wrong(0), Event::Restarted).effects.contains(&Effect::QueryReversed { after_ms: 0 }));
    played.on_at(wrong(150_000), silent());
    assert_eq!(played.sale.payment.money, Money::RefundDue);
}

#[test]
fn a_give_back_that_no_terminal_is_there_for_becomes_the_acquirers_after_a_day() {
    let later = |ms: u64| Moment { run: 2, ..at(60_000 + ms) };
    let mut played = Played::held(&["mobilexy"]);
    played.on(10_001, Event::Tick).on_at(later(0), Event::Restarted);
    played.on_at(later(0), query(LastTransaction::Is(Box::new(transaction("0042", 990)))));
    assert!(played.sale.wants_terminal());
    played.on_at(later(1_000), Event::Tick);
    assert!(played.sale.wants_terminal());
    played.on_at(later(24 * 3_600_000 + 1), Event::Tick);
    assert_eq!(played.sale.payment.money, Money::RefundDue);
}

/// A receipt of another sale witnesses nothing here: paid by the totals, under no name.
#[test]
fn a_payment_that_only_the_totals_witness_takes_no_receipt_of_another_sale() {
    let totals = |count, sum_minor| Some(transaction::Totals { count, sum_minor });
    let mut played = Played::new(&["mobilexy"]);
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: totals(3, 3_000) });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990)))).delivered(2_000);
    played.on(3_000, Event::Ended(Ending::Lost { evidence: "cable".into() }));
    let last = LastTransaction::Is(Box::new(transaction("0042", 990)));
    played.on(4_000, Event::Charged { last, totals: totals(4, 3_990), at_rest: true, bound_elsewhere: true });
    assert_eq!(played.sale.payment.money, Money::Paid);
    assert_eq!(played.sale.payment.paid_as.as_ref().unwrap().receipt, None);
}

/// Refused at the first account, lost at the second: the case is about the second order, and a case about the first
/// one would not have kept its account free.
#[test]
fn another_order_is_another_doubt() {
    let mut played = Played::held(&["mobilexy", "roamify"]);
    played.on(1_500, Event::Goods { good: 0, news: GoodsNews::Undecidable("two would fit".into()) });
    assert!(played.sale.goods[0].evidence_in_case);
    played.sale.goods[0].state = Goods::Asked;
    played.sale.payment.decision = None;
    let entry = record::Entry {
        at: at(1_600),
        record: Record::OrderSent {
            good: 0,
            offer: Box::new(played.sale.quote.goods[0].choices[1].offer.clone()),
            balance_before: None,
        },
    };
    played.sale.apply(&entry);
    assert!(!played.sale.goods[0].evidence_in_case && played.sale.goods[0].reference.is_none());
    assert!(played.sale.locks().contains(&Lock::Account(ProviderId("roamify".into()))));
}
