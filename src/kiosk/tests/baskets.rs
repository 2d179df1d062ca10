//! Several eSIMs, a top-up and a number, through the loop.

use tokio::time::Instant;

use super::doubles::{Rig, delivery};
use super::{answer, transaction};
use crate::esim::{Delivery, OrderOutcome};
use crate::kiosk::Intent;
use crate::kiosk::view::{PayProblem, Printing, Screen};
use crate::kiosk::wanted::{NumberWish, Wanted};
use crate::money::{Currency, Exact};
use crate::payment::{Answer, QueryTag, TerminalEvent, TerminalOrder};
use crate::sale::activation::Iccid;
use crate::sale::id::SaleId;
use crate::sale::offer::{Kind, OrderReference, PlanKey};
use crate::sale::record::{Closing, Record};
use crate::sale::transaction::{Ending, LastTransaction};
use crate::sim::memory::MemoryDisk;

/// From attract to the terminal's approval of what is wanted, at this price.
async fn approve(rig: &mut Rig, wanted: impl FnOnce(&str) -> Wanted, minor: u64) -> SaleId {
    rig.walk_to_plan().await;
    rig.touch(Intent::Back).await;
    let view = rig.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
    let Screen::Plans(plans) = &view.screen else { unreachable!() };
    rig.touch(Intent::Order(wanted(&plans.plans[0].id))).await;
    rig.see("the pay screen", |screen| matches!(screen, Screen::Pay(_))).await;
    let TerminalOrder::Query { tag: QueryTag::Baseline(sale), .. } = rig.next_order().await else {
        panic!("the baseline comes first");
    };
    let last = LastTransaction::Is(transaction("0041", 500));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Baseline(sale), last, totals: None, at_rest: true }).await;
    let TerminalOrder::Authorise(request) = rig.next_order().await else { panic!("then the card") };
    assert_eq!(request.amount.minor, i64::try_from(minor).unwrap());
    let approved = TerminalEvent::Approved { sale, transaction: transaction("0042", minor), at: Instant::now() };
    rig.terminal(approved).await;
    sale
}

fn code(screen: &Screen) -> Option<String> {
    match screen {
        Screen::YourEsim(esim) => Some(esim.qr.0.clone()),
        _ => None,
    }
}

fn used_up(reference: &str) -> OrderOutcome {
    OrderOutcome::Done(Delivery { reference: OrderReference(reference.into()), profile: None, charged: None })
}

#[tokio::test(start_paused = true)]
async fn a_basket_of_two_is_ordered_in_turn_and_handed_over_in_turn() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    *rig.provider.next.lock().unwrap() = vec![OrderOutcome::Done(delivery(2)), OrderOutcome::Done(delivery(1))];
    let sale = approve(&mut rig, |card| Wanted::Basket(vec![card.into(), card.into()]), 1_980).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued), "one payment for both");
    let keys: Vec<u8> = rig.provider.orders.lock().unwrap().iter().map(|order| order.key.index).collect();
    assert_eq!(keys, [0, 1]);
    assert!(rig.provider.orders.lock().unwrap().iter().all(|order| order.balance_before.is_some()));
    let sent = |record: &Record| matches!(record, Record::OrderSent { .. });
    let stored = |record: &Record| matches!(record, Record::Stored { .. });
    let order: Vec<bool> =
        disk.records(sale).iter().filter(|record| sent(record) || stored(record)).map(sent).collect();
    assert_eq!(order, [true, false, true, false], "goods of one account are ordered one after the other");
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;

    let view = rig.see("the first code", |screen| code(screen).is_some()).await;
    assert_eq!(code(&view.screen).as_deref(), Some("LPA:1$smdp.io$CODE-1"));
    let Screen::YourEsim(shown) = &view.screen else { unreachable!() };
    assert!(shown.title.ends_with("(1 / 2)"), "{}", shown.title);
    assert!(view.frame.chosen.as_ref().unwrap().title.starts_with("2 × "), "{:?}", view.frame.chosen);
    rig.touch(Intent::PrintActivation).await;
    rig.see("printed", |screen| matches!(screen, Screen::YourEsim(esim) if esim.printing == Printing::Done)).await;
    let receipt = rig.receipts.lock().unwrap()[0].clone();
    let codes: Vec<&str> = receipt.activations.iter().map(|code| code.reveal()).collect();
    assert_eq!(codes, ["LPA:1$smdp.io$CODE-1", "LPA:1$smdp.io$CODE-2"]);
    assert_eq!((receipt.lines.len(), receipt.total.minor), (2, 1_980));
    // A finger that touches twice has not seen the second code.
    rig.touch(Intent::HaveIt).await;
    rig.touch(Intent::HaveIt).await;
    rig.see("the second code", |screen| code(screen).as_deref() == Some("LPA:1$smdp.io$CODE-2")).await;
    assert!(!disk.records(sale).contains(&Record::Acknowledged));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    rig.touch(Intent::HaveIt).await;
    rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    assert_eq!(disk.sales()[0].closed, Some(Closing::Delivered));
}

#[tokio::test(start_paused = true)]
async fn a_basket_whose_second_good_is_refused_is_not_charged() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    let refusal = crate::esim::Refusal { reason: crate::esim::RefusalReason::PlanGone, detail: "gone".into() };
    *rig.provider.next.lock().unwrap() = vec![OrderOutcome::Refused(refusal), OrderOutcome::Done(delivery(1))];
    let sale = approve(&mut rig, |card| Wanted::Basket(vec![card.into(), card.into()]), 1_980).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::NotIssued), "all or nothing");
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Aborted { result_code: 0x6C, text: None } }).await;
    rig.see("not charged", |screen| matches!(screen, Screen::NotCharged { .. })).await;
    assert!(disk.records(sale).iter().any(|record| matches!(record, Record::ToStock { good: 0, .. })));
    assert_eq!(disk.sales()[0].closed, Some(Closing::NotCharged));
    // No one plan was looked at: trying again leads back to where the basket was filled.
    rig.touch(Intent::Retry).await;
    rig.see("the plans", |screen| matches!(screen, Screen::Plans(_))).await;
}

#[tokio::test(start_paused = true)]
async fn a_top_up_is_done_when_it_is_paid() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    rig.provider.next.lock().unwrap().push(used_up("TOP-1"));
    let iccid = Iccid::parse("8944500102198304826").unwrap();
    let wish = Wanted::TopUp { provider: rig.provider.id.clone(), iccid: iccid.clone(), plan: PlanKey("7".into()) };
    let sale = approve(&mut rig, |_| wish, 990).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    let order = rig.provider.orders.lock().unwrap()[0].clone();
    assert_eq!(order.offer.kind, Kind::TopUp { iccid });
    assert_eq!((order.total_before, order.balance_before.is_some()), (Some(1 << 30), true), "both witnesses on disk");
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    assert_eq!(disk.sales()[0].closed, Some(Closing::Delivered));
}

#[tokio::test(start_paused = true)]
async fn a_number_is_ended_right_after_its_activation() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    rig.provider.next.lock().unwrap().push(used_up("number/7"));
    let wish = NumberWish {
        provider: rig.provider.id.clone(),
        number: "493012345678".into(),
        offer_token: "T".into(),
        cost: Exact::parse("4.5", Currency::EUR).unwrap(),
        days: 30,
    };
    let sale = approve(&mut rig, |_| Wanted::Number(wish), 990).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(*rig.provider.cancelled.lock().unwrap(), ["number/7"]);
    assert!(disk.records(sale).contains(&Record::CancelTaken { good: 0 }));
    assert_eq!(disk.sales()[0].closed, Some(Closing::Delivered));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_the_hold_is_not_offered() {
    let disk = MemoryDisk::default();
    let mut settings = super::doubles::settings();
    settings.terms.hold_ms = 14_000;
    let mut rig = Rig::over(Box::new(disk.open()), None, settings).await;
    rig.walk_to_plan().await;
    let view = rig.see("the plan", |screen| matches!(screen, Screen::PlanDetail(_))).await;
    let Screen::PlanDetail(detail) = &view.screen else { unreachable!() };
    let card = detail.plan.id.clone();
    rig.touch(Intent::Order(Wanted::Basket(vec![card; 3]))).await;
    let told =
        |screen: &Screen| matches!(screen, Screen::PlanDetail(detail) if detail.problem == Some(PayProblem::PlanGone));
    rig.see("why not", told).await;
    assert!(disk.sales().is_empty(), "no card was asked");
}
