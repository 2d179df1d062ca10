//! The rules, tried by hand where a traveller would meet them. The enumeration over all states is `tests/` work.

use super::effect::Effect;
use super::event::{Event, GoodsNews};
use super::id::{ProfileId, SaleId, SaleNumber};
use super::moment::Moment;
use super::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use super::record::{CaseKind, Choice, Closing, Consent, Entry, GoodQuote, Quote, Record};
use super::rules::{choose, on};
use super::transaction::{Answer, ApprovalKey, Ending, LastTransaction, ReversalOutcome, Transaction};
use super::*;
use crate::money::{Currency, Exact, Rate};

pub(super) fn at(mono_ms: u64) -> Moment {
    Moment { run: 1, mono_ms, wall_ms: 1_800_000_000_000 + i64::try_from(mono_ms).unwrap(), synced: true }
}

fn offer(provider: &str) -> Offer {
    Offer {
        kind: Kind::Esim,
        source: Source::Provider,
        provider: ProviderId(provider.into()),
        plan: PlanKey("7".into()),
        package_code: None,
        title: "Japan 5 GB, 30 days".into(),
        data: DataVolume::Bytes(5 << 30),
        days: 30,
        cost: Exact::parse("4.5", Currency::USD).unwrap(),
        rate: Rate::same(Currency::EUR, jiff::civil::date(2026, 11, 1)),
        retail: Amount::new(990, Currency::EUR),
        catalogue_version: 1,
        slow: false,
    }
}

fn quote(providers: &[&str]) -> Quote {
    let choices =
        providers.iter().map(|name| Choice { offer: offer(name), locks_account: true, balance_before: None }).collect();
    Quote {
        number: SaleNumber::of("K07", 123),
        language: "en".into(),
        goods: vec![GoodQuote { choices }],
        amount: Amount::new(990, Currency::EUR),
        tax_rate: Some(1900),
        consent: Consent { terms_version: "1".into(), privacy_version: "1".into(), immediate_delivery: true },
        day: 4,
        without_paper: false,
        continues: None,
        promised_ms: None,
    }
}

pub(super) fn transaction(receipt: &str, minor: u64) -> Transaction {
    Transaction {
        result_code: Some(0),
        key: ApprovalKey {
            terminal_id: Some("12345678".into()),
            receipt: Some(receipt.into()),
            trace: Some(format!("00{receipt}")),
            amount_minor: Some(minor),
        },
        turnover: None,
        currency: Some(978),
        original_trace: None,
        approval_code: None,
        vu_number: None,
        date: None,
        time: None,
        pan_last4: None,
        card_name: None,
        payment_type: Some(0x60),
        additional_text: None,
    }
}

/// A sale being played, with everything written down.
pub(super) struct Played {
    pub(super) sale: Sale,
    entries: Vec<Entry>,
    effects: Vec<Effect>,
    terms: Terms,
}

impl Played {
    fn new(providers: &[&str]) -> Self {
        let step = choose(SaleId::from_parts(1, 1), quote(providers), at(0)).unwrap();
        Played { sale: step.next, entries: step.record, effects: step.effects, terms: Terms::default() }
    }

    pub(super) fn asked(providers: &[&str]) -> Self {
        let mut played = Self::new(providers);
        played.on(
            10,
            Event::BaselineRead { last: LastTransaction::Is(Box::new(transaction("0041", 500))), totals: None },
        );
        assert_eq!(played.effects, [Effect::Authorise]);
        played
    }

    pub(super) fn held(providers: &[&str]) -> Self {
        let mut played = Self::asked(providers);
        played.on(1_000, Event::Approved(Box::new(transaction("0042", 990))));
        assert!(matches!(&played.effects[..], [Effect::Order { good: 0, .. }]), "{:?}", played.effects);
        played
    }

    pub(super) fn on(&mut self, ms: u64, event: Event) -> &mut Self {
        self.on_at(at(ms), event)
    }

    pub(super) fn on_at(&mut self, now: Moment, event: Event) -> &mut Self {
        let step = on(&self.sale, &event, now, &self.terms);
        self.entries.extend(step.record);
        self.sale = step.next;
        self.effects = step.effects;
        let mut replayed = Sale::replay(self.sale.id, &self.entries).unwrap();
        replayed.waiting_since = self.sale.waiting_since;
        for (good, known) in replayed.goods.iter_mut().zip(&self.sale.goods) {
            good.look_ups = known.look_ups;
        }
        assert_eq!(replayed, self.sale, "the fold of the records is the sale");
        self
    }

    pub(super) fn delivered(&mut self, ms: u64) -> &mut Self {
        self.on(
            ms,
            Event::Goods {
                good: 0,
                news: GoodsNews::Delivered {
                    reference: OrderReference("ORD1".into()),
                    profile: Some(ProfileId::from_parts(5, 5)),
                    iccid: None,
                    charged: None,
                },
            },
        )
    }

    fn answers(&self) -> Vec<Answer> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Answer { answer, .. } => Some(*answer),
                _ => None,
            })
            .collect()
    }
}

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

pub(super) fn query(last: LastTransaction) -> Event {
    Event::Charged { last, totals: None, at_rest: true, bound_elsewhere: false }
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
