//! Sold for later: what is ordered when the network is back.

use super::*;

fn in_queue(providers: &[&str]) -> Played {
    let mut played = Played::of(Quote { promised_ms: Some(7_200_000), ..quote(providers) });
    played.on(10, Event::BaselineRead { last: LastTransaction::Empty, totals: None });
    played.on(1_000, Event::Approved(Box::new(transaction("0042", 990))));
    assert_eq!(played.answers(), [Answer::GoodsIssued]);
    played.on(2_000, Event::Ended(Ending::Completed));
    assert!(played.sale.waits_in_queue() && played.sale.locks().is_empty());
    played
}

/// The account of the next plan may be somebody else's just now: what the refusal says is written down all the same,
/// and the drain orders when it is free.
#[test]
fn a_refusal_in_the_queue_is_written_down_alone_and_the_drain_orders_the_next() {
    let mut played = in_queue(&["mobilexy", "roamify"]);
    let drain = || Event::Drain { balance: None };
    played.on(10_000, drain());
    assert!(matches!(&played.effects[..], [Effect::Order { offer, .. }] if offer.provider.0 == "mobilexy"));
    let before = played.entries.len();
    played.on(11_000, Event::Goods { good: 0, news: GoodsNews::Refused("gone".into()) });
    assert!(matches!(&played.entries[before..], [entry] if matches!(entry.record, Record::OrderRefused { .. })));
    assert!(played.effects.is_empty() && played.sale.locks().is_empty());
    assert_eq!(played.sale.waits_for().unwrap().offer.provider.0, "roamify");
    played.on(12_000, drain());
    assert!(matches!(&played.effects[..], [Effect::Order { offer, .. }] if offer.provider.0 == "roamify"));
    played.on(13_000, Event::Goods { good: 0, news: GoodsNews::Refused("gone".into()) });
    assert_eq!(played.sale.payment.decision, Some(Decision::Release(ReleaseReason::Absent)), "none is left");
}

#[test]
fn what_the_queue_never_bought_is_tried_at_the_next_account_once() {
    let mut played = in_queue(&["mobilexy", "roamify"]);
    played.on(10_000, Event::Drain { balance: None });
    played.on(11_000, Event::Goods { good: 0, news: GoodsNews::Unknown("reset".into()) });
    let not_there = || Event::Goods { good: 0, news: GoodsNews::NotThere };
    played.on(20_000, not_there()).on(90_000, not_there()).on(140_000, not_there());
    assert_eq!(played.sale.goods[0].state, Goods::Absent);
    assert_eq!(played.sale.waits_for().unwrap().offer.provider.0, "roamify");
    played.on(141_000, Event::Drain { balance: None });
    assert_eq!(played.sale.goods[0].state, Goods::Asked);
    assert_eq!(played.sale.offer(0).provider.0, "roamify");
}
