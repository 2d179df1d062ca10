//! A sale's inputs for tests: a quote, and events that can be drawn at random.

use esim_kiosk::money::{Amount, Currency, Exact, Rate};
use esim_kiosk::sale::activation::{ActivationCode, Profile};
use esim_kiosk::sale::claim::ClaimCode;
use esim_kiosk::sale::event::{Event, GoodsNews};
use esim_kiosk::sale::id::{ProfileId, SaleNumber};
use esim_kiosk::sale::moment::Moment;
use esim_kiosk::sale::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use esim_kiosk::sale::record::{CaseDecision, Choice, Consent, GoodQuote, PaperState, Quote};
use esim_kiosk::sale::transaction::{ApprovalKey, Ending, LastTransaction, ReversalOutcome, Totals, Transaction};
use proptest::prelude::*;

/// Something that happens to the sale, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Baseline,
    Took,
    Cancel,
    Approve,
    ApproveOther,
    Complete,
    Abort,
    LineLost,
    Charged,
    NotCharged,
    Silent,
    Accept,
    Deliver,
    Refuse,
    OrderUnknown,
    NotThere,
    Lost,
    Reversed,
    ReversalUnknown,
    StillCharged,
    ReceiptLines,
    Paper,
    HandOver,
    HaveIt,
    Left,
    Claimed,
    Tick,
    Restart,
    DecideBack,
    DayEnds,
    ReverseNow,
}

const ALL: [Wish; 31] = [
    Wish::Baseline,
    Wish::Took,
    Wish::Cancel,
    Wish::Approve,
    Wish::ApproveOther,
    Wish::Complete,
    Wish::Abort,
    Wish::LineLost,
    Wish::Charged,
    Wish::NotCharged,
    Wish::Silent,
    Wish::Accept,
    Wish::Deliver,
    Wish::Refuse,
    Wish::OrderUnknown,
    Wish::NotThere,
    Wish::Lost,
    Wish::Reversed,
    Wish::ReversalUnknown,
    Wish::StillCharged,
    Wish::ReceiptLines,
    Wish::Paper,
    Wish::HandOver,
    Wish::HaveIt,
    Wish::Left,
    Wish::Claimed,
    Wish::Tick,
    Wish::Restart,
    Wish::DecideBack,
    Wish::DayEnds,
    Wish::ReverseNow,
];

/// Any of them, the way of a purchase more often.
pub(crate) fn wish() -> impl Strategy<Value = Wish> {
    let way = [Wish::Baseline, Wish::Approve, Wish::Deliver, Wish::Complete, Wish::HandOver];
    prop_oneof![2 => prop::sample::select(ALL.to_vec()), 3 => prop::sample::select(way.to_vec())]
}

/// A point in time of a run.
pub(crate) fn moment(run: u64, mono_ms: u64) -> Moment {
    let wall = i64::try_from(run * 10_000_000 + mono_ms).expect("a small time");
    Moment { run, mono_ms, wall_ms: 1_800_000_000_000 + wall, synced: true }
}

/// A claim code.
pub(crate) fn claim(seed: u8) -> ClaimCode {
    ClaimCode::from_random([seed, 1, 2, 3, 4])
}

/// A profile with this matching id.
pub(crate) fn profile(matching_id: &str) -> Profile {
    let code = ActivationCode::parse(&format!("LPA:1$smdp.io${matching_id}")).expect("a code");
    Profile { code, iccid: None, confirmation_code: None, install_before: None, apn: None }
}

/// A quote of one eSIM with so many providers that may deliver it.
pub(crate) fn quote(count: u64, choices: u64) -> Quote {
    let choice = |number: u64| Choice {
        offer: Offer {
            kind: Kind::Esim,
            source: Source::Provider,
            provider: ProviderId(format!("provider-{number}")),
            plan: PlanKey("7".into()),
            package_code: None,
            title: "Japan 5 GB, 30 days".into(),
            data: DataVolume::Bytes(5 << 30),
            days: 30,
            cost: Exact::parse("4.5", Currency::USD).expect("a cost"),
            rate: Rate::same(Currency::EUR, jiff::civil::date(2026, 11, 1)),
            retail: Amount::new(990, Currency::EUR),
            catalogue_version: 1,
            slow: false,
        },
        locks_account: true,
        balance_before: None,
        total_before: None,
    };
    Quote {
        number: SaleNumber::of("K07", count),
        language: "en".into(),
        goods: vec![GoodQuote { choices: (0..choices).map(choice).collect() }],
        amount: Amount::new(990, Currency::EUR),
        tax_rate: Some(1900),
        consent: Consent { terms_version: "1".into(), privacy_version: "1".into(), immediate_delivery: true },
        day: 0,
        without_paper: false,
        continues: None,
        promised_ms: None,
    }
}

fn transaction(receipt: &str) -> Transaction {
    Transaction {
        result_code: Some(0),
        key: ApprovalKey {
            terminal_id: Some("12345678".into()),
            receipt: Some(receipt.into()),
            trace: Some(format!("00{receipt}")),
            amount_minor: Some(990),
        },
        turnover: Some("000017".into()),
        currency: Some(978),
        original_trace: None,
        approval_code: Some("A1B2C3".into()),
        vu_number: None,
        date: Some("1122".into()),
        time: Some("014500".into()),
        pan_last4: Some("4711".into()),
        card_name: Some("Mastercard".into()),
        payment_type: Some(0x60),
        additional_text: None,
    }
}

/// The event of a wish. `place` makes what must differ from step to step differ.
pub(crate) fn event(wish: &Wish, place: u64) -> Event {
    let order = || OrderReference(format!("ORD-{place}"));
    let news = |news| Event::Goods { good: 0, news };
    let totals = Some(Totals { count: 3, sum_minor: 2_970 });
    let last = |receipt: &str| LastTransaction::Is(Box::new(transaction(receipt)));
    let queried = |last| Event::Charged { last, totals: None, at_rest: true, bound_elsewhere: false };
    match wish {
        Wish::Baseline => Event::BaselineRead { last: last("0041"), totals },
        Wish::Took => Event::TerminalTook,
        Wish::Cancel => Event::CancelWished,
        Wish::Approve => Event::Approved(Box::new(transaction("0042"))),
        Wish::ApproveOther => Event::Approved(Box::new(transaction("0043"))),
        Wish::Complete => Event::Ended(Ending::Completed),
        Wish::Abort => Event::Ended(Ending::Aborted { result_code: 0x6C, text: Some("Abbruch".into()) }),
        Wish::LineLost => Event::Ended(Ending::Lost { evidence: "cable".into() }),
        Wish::Charged => queried(last("0042")),
        Wish::NotCharged => queried(last("0041")),
        Wish::Silent => queried(LastTransaction::Silent { evidence: "mute".into() }),
        Wish::Accept => news(GoodsNews::Accepted(order())),
        Wish::Deliver => news(GoodsNews::Delivered {
            reference: order(),
            profile: Some(ProfileId::from_parts(9, place.into())),
            iccid: esim_kiosk::sale::activation::Iccid::parse("8944500102198304826"),
            charged: Some(Exact::parse("4.5", Currency::USD).expect("a cost")),
        }),
        Wish::Refuse => news(GoodsNews::Refused("no funds".into())),
        Wish::OrderUnknown => news(GoodsNews::Unknown("time-out".into())),
        Wish::NotThere => news(GoodsNews::NotThere),
        Wish::Lost => news(GoodsNews::Lost("the order has no code".into())),
        Wish::Reversed => Event::Reversed(ReversalOutcome::Done { transaction: None }),
        Wish::ReversalUnknown => Event::Reversed(ReversalOutcome::Unknown { evidence: "mute".into() }),
        Wish::StillCharged => Event::StillCharged { last: last("0042"), at_rest: true },
        Wish::ReceiptLines => Event::ReceiptLines(vec!["K-U-N-D-E-N-B-E-L-E-G".into(), "EUR 9,90".into()]),
        Wish::Paper => Event::Paper(PaperState::Confirmed),
        Wish::HandOver => Event::HandOver,
        Wish::HaveIt => Event::HaveIt,
        Wish::Left => Event::Left,
        Wish::Claimed => Event::Claimed,
        Wish::Tick => Event::Tick,
        Wish::Restart => Event::Restarted,
        Wish::DecideBack => {
            Event::Decided { case: 0, decision: CaseDecision::Back, reason: "the acquirer's list".into() }
        }
        Wish::DayEnds => Event::DayEnds,
        Wish::ReverseNow => Event::Tick,
    }
}
