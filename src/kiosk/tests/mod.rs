//! The loop alone, under virtual time.

mod baskets;
mod books;
mod cases;
mod closing;
mod days;
mod doubles;
mod last_minutes;
mod mends;
mod off_sale;
mod paper;
mod providers;
mod purchases;
mod service_screen;
mod states;
mod trade;
mod unreadable;

use doubles::{Rig, delivery};

use crate::esim::OrderOutcome;
use crate::kiosk::Intent;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::view::{Checking, MoneyTruth, NotCharged, Printing, Screen, SecretText};
use crate::payment::{Answer, QueryTag, TerminalEvent, TerminalHealth, TerminalOrder, Transaction};
use crate::sale::id::SaleId;
use crate::sale::record::{Closing, Record};
use crate::sale::transaction::{ApprovalKey, Ending, LastTransaction};
use crate::sim::memory::MemoryDisk;

fn transaction(receipt: &str, minor: u64) -> Box<Transaction> {
    let key = ApprovalKey {
        terminal_id: Some("12345678".into()),
        receipt: Some(receipt.into()),
        trace: Some(format!("00{receipt}")),
        amount_minor: Some(minor),
    };
    Box::new(Transaction { result_code: Some(0), key, currency: Some(978), ..Transaction::default() })
}

/// The amount that the rig's one plan costs: 4.50 × 2, up to the next ,90.
const MINOR: u64 = 990;

/// From the pay screen to the order on its way.
async fn approve(rig: &mut Rig) -> SaleId {
    rig.walk_to_pay().await;
    let TerminalOrder::Query { tag: QueryTag::Baseline(sale), .. } = rig.next_order().await else {
        panic!("the baseline comes first");
    };
    let last = LastTransaction::Is(transaction("0041", 500));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Baseline(sale), last, totals: None, at_rest: true }).await;
    let TerminalOrder::Authorise(request) = rig.next_order().await else { panic!("then the card") };
    assert_eq!((request.sale, request.amount.minor), (sale, 990));
    rig.terminal(TerminalEvent::Approved {
        sale,
        transaction: transaction("0042", MINOR),
        at: tokio::time::Instant::now(),
    })
    .await;
    sale
}

fn answer(order: &TerminalOrder) -> Option<Answer> {
    match order {
        TerminalOrder::Answer { answer, .. } => Some(*answer),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_traveller_buys_an_esim() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve(&mut rig).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    let view = rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
    let Screen::YourEsim(esim) = &view.screen else { unreachable!() };
    assert_eq!(esim.qr, SecretText("LPA:1$smdp.io$CODE-1".into()));
    assert!(view.frame.claim_code.is_some() && view.frame.sale_number.as_deref() == Some("K07-000001"));
    assert!(disk.records(sale).contains(&Record::Exposed { good: 0 }), "exposed is on disk before the first pixel");

    rig.touch(Intent::PrintActivation).await;
    rig.see("printed", |screen| matches!(screen, Screen::YourEsim(esim) if esim.printing == Printing::Done)).await;
    let receipt = rig.receipts.lock().unwrap()[0].clone();
    assert_eq!(receipt.activations[0].reveal(), "LPA:1$smdp.io$CODE-1");
    assert_eq!((receipt.total.minor, receipt.tax.unwrap().minor), (990, 158));

    rig.touch(Intent::HaveIt).await;
    rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    rig.touch(Intent::Done).await;
    rig.see("thank you", |screen| matches!(screen, Screen::ThankYou)).await;
    let view = rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    assert_eq!(disk.sales()[0].closed, Some(Closing::Delivered));
    let left = format!("{view:?}{}", serde_json::to_string(&*view).unwrap());
    assert!(!left.contains("CODE-1") && !left.contains("K07-0") && view.frame.claim_code.is_none(), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_charged_and_says_so_only_after_the_terminal() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    let refusal = crate::esim::Refusal { reason: crate::esim::RefusalReason::PlanGone, detail: "gone".into() };
    rig.provider.next.lock().unwrap().push(OrderOutcome::Refused(refusal));
    let sale = approve(&mut rig).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::NotIssued));
    rig.see("releasing", |screen| matches!(screen, Screen::Releasing)).await;
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Aborted { result_code: 0x6C, text: None } }).await;
    rig.see("not charged", |screen| {
        matches!(screen, Screen::NotCharged { reason: NotCharged::NoEsim, can_retry: true, .. })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_ends_at_the_hold() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    let sale = approve(&mut rig).await;
    // The terminal repeats its approval as long as it hears "not yet".
    let mut waits = 0;
    loop {
        match answer(&rig.next_order().await) {
            Some(Answer::NotYet) => waits += 1,
            Some(Answer::NotIssued) => break,
            other => panic!("unexpected {other:?}"),
        }
        let at = tokio::time::Instant::now();
        rig.terminal(TerminalEvent::Approved { sale, transaction: transaction("0042", MINOR), at }).await;
    }
    assert!(waits >= 20, "{waits}");
    assert!(!disk.records(sale).iter().any(|record| matches!(record, Record::CommitDecided { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_broken_disk_never_commits() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    let sale = approve(&mut rig).await;
    rig.see("preparing", |screen| matches!(screen, Screen::Preparing { .. })).await;
    disk.fail_at(Some(1));
    rig.tell(Inbox::Ordered { sale, good: 0, outcome: OrderOutcome::Done(delivery(1)) }).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::NotIssued), "the one effect without a record");
    assert!(matches!((&mut rig.running).await.unwrap(), Err(crate::kiosk::Halted::Journal(_))));
    assert!(rig.orders.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_first_screen_speaks_and_the_code_opens_the_esim() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve(&mut rig).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    let code = rig.views.borrow().frame.claim_code.clone().expect("the claim code is on the screen");
    rig.running.abort();

    let mut rig = Rig::start(&disk).await;
    rig.see(
        "the interruption",
        |screen| matches!(screen, Screen::Attract(attract) if attract.interrupted_at.as_deref() == Some("02:00")),
    )
    .await;
    let order = rig.next_order().await;
    assert!(matches!(order, TerminalOrder::Query { tag: QueryTag::Charged(asked), .. } if asked == sale), "{order:?}");
    // Meanwhile no card is taken.
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("en".into())).await;
    rig.see("browse only", |screen| matches!(screen, Screen::Destinations(shown) if shown.browse_only.is_some())).await;
    rig.touch(Intent::StartOver).await;
    let last = LastTransaction::Is(transaction("0042", MINOR));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Charged(sale), last, totals: None, at_rest: true }).await;

    rig.touch(Intent::OpenClaim).await;
    rig.touch(Intent::SubmitClaim(code)).await;
    let view = rig.see("the truth", |screen| matches!(screen, Screen::Truth(_))).await;
    let Screen::Truth(truth) = &view.screen else { unreachable!() };
    assert!(truth.money == MoneyTruth::Paid && truth.can_show_esim);
    rig.touch(Intent::ShowClaimed).await;
    rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
    assert_eq!(rig.provider.orders.lock().unwrap().len(), 0, "nothing was ordered twice");
}

#[tokio::test(start_paused = true)]
async fn a_lost_line_is_asked_about_and_never_called_refused() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve(&mut rig).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Lost { evidence: "cable".into() } }).await;
    rig.see("checking", |screen| matches!(screen, Screen::Checking { what: Checking::Payment })).await;
    let order = rig.next_order().await;
    assert!(matches!(order, TerminalOrder::Query { tag: QueryTag::Charged(_), .. }), "{order:?}");
    let last = LastTransaction::Is(transaction("0042", MINOR));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Charged(sale), last, totals: None, at_rest: true }).await;
    rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_leaves_nothing() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("de".into())).await;
    rig.touch(Intent::Search("Jap".into())).await;
    rig.see(
        "found",
        |screen| matches!(screen, Screen::Destinations(shown) if shown.rows.len() == 1 && !shown.query.is_empty()),
    )
    .await;
    let view = rig.see("attract again", |screen| matches!(screen, Screen::Attract(_))).await;
    assert_eq!((view.language.as_str(), view.session), ("en", 2));
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("en".into())).await;
    rig.see("an empty search", |screen| matches!(screen, Screen::Destinations(shown) if shown.query.is_empty())).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_terminal_pauses_sales_and_browsing_goes_on() {
    let disk = MemoryDisk::default();
    let mut rig = Rig::start(&disk).await;
    rig.terminal(TerminalEvent::Health(TerminalHealth::Silent)).await;
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("en".into())).await;
    rig.see("browse only", |screen| matches!(screen, Screen::Destinations(shown) if shown.browse_only.is_some())).await;
    rig.terminal(TerminalEvent::Health(TerminalHealth::Ready)).await;
    rig.see("open again", |screen| matches!(screen, Screen::Destinations(shown) if shown.browse_only.is_none())).await;
}
