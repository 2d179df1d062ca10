//! The loop over a real database: end of day, stock, the queue, an operator's decisions.

use std::time::Duration;

use tokio::sync::oneshot;

use super::books::{approve_as, archive, buy, journal, rig, until};
use super::closing::status;
use super::doubles::{Rig, delivery, settings};
use super::{MINOR, answer, transaction};
use crate::esim::{LookUp, OrderOutcome, Refusal, RefusalReason};
use crate::journal::Journal;
use crate::journal::archive::Wanted;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::operator::{FetchedCode, GoodsFact, MoneyFact, OperatorAnswer, OperatorCommand, Statement};
use crate::kiosk::view::{GoodsTruth, OutOfService, Screen, Selling};
use crate::kiosk::{Intent, Settings};
use crate::payment::{Answer, DayOutcome, QueryTag, TerminalEvent, TerminalHealth, TerminalOrder};
use crate::sale::id::SaleId;
use crate::sale::transaction::{Ending, LastTransaction, ReversalOutcome, Totals};

pub(super) async fn order(rig: &mut Rig, command: OperatorCommand) -> OperatorAnswer {
    let (tell, told) = oneshot::channel();
    rig.tell(Inbox::Order { command, answer: tell }).await;
    told.await.unwrap()
}

pub(super) async fn totals(rig: &mut Rig, count: u32, sum_minor: u64) {
    let order = rig.next_order().await;
    assert!(matches!(order, TerminalOrder::Query { tag: QueryTag::EndOfDay, .. }), "{order:?}");
    let totals = Some(Totals { count, sum_minor });
    let last = LastTransaction::Empty;
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::EndOfDay, last, totals, at_rest: true }).await;
}

pub(super) async fn day_closes(rig: &mut Rig) {
    assert!(matches!(rig.next_order().await, TerminalOrder::EndOfDay));
    let outcome = DayOutcome::Closed { totals: None };
    rig.terminal(TerminalEvent::DayClosed { outcome, unasked: false }).await;
}

pub(super) async fn see_selling(rig: &mut Rig, selling: Selling) {
    let fits = |screen: &Screen| matches!(screen, Screen::Attract(attract) if attract.selling == selling);
    rig.see(&format!("{selling:?}"), fits).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_of_day_gives_back_what_nobody_has_seen_and_then_closes() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    buy(&mut first, 1).await;
    // The second is paid, and the power fails before anybody sees it.
    first.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(2)));
    let lost = approve_as(&mut first, 2).await;
    assert_eq!(answer(&first.next_order().await), Some(Answer::GoodsIssued));
    first.running.abort();
    (&mut first.running).await.ok();
    drop(first);

    let mut rig = rig(dir.path(), None, settings()).await;
    let asked = rig.next_order().await;
    assert!(matches!(asked, TerminalOrder::Query { tag: QueryTag::Charged(id), .. } if id == lost), "{asked:?}");
    let last = LastTransaction::Is(transaction("0502", MINOR));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Charged(lost), last, totals: None, at_rest: true }).await;
    see_selling(&mut rig, Selling::Open).await;
    assert!(order(&mut rig, OperatorCommand::EndOfDay).await.ok);
    assert!(!order(&mut rig, OperatorCommand::EndOfDay).await.ok, "one at a time");
    see_selling(&mut rig, Selling::Paused(OutOfService::TerminalBusy)).await;
    assert!(status(&mut rig).await.busy, "the terminal's day is being closed");
    // First the money of the unclaimed one goes back.
    let TerminalOrder::Reverse { sale, receipt, .. } = rig.next_order().await else { panic!("the money goes back") };
    assert_eq!((sale, receipt.as_str()), (lost, "0502"));
    rig.terminal(TerminalEvent::Reversed { sale, outcome: ReversalOutcome::Done { transaction: None } }).await;
    totals(&mut rig, 1, MINOR).await;
    assert!(status(&mut rig).await.busy, "until it is closed");
    day_closes(&mut rig).await;
    see_selling(&mut rig, Selling::Open).await;
    assert!(!status(&mut rig).await.busy);
    assert_eq!(archive(dir.path()).stock().unwrap()[0].state, "reserved", "the eSIM is kept for its code");
    let kept = archive(dir.path()).reckonings(5).unwrap();
    assert_eq!((kept.len(), kept[0].balanced), (1, true), "{}", kept[0].json);
    let made: crate::kiosk::reconcile::Reckoning = serde_json::from_str(&kept[0].json).unwrap();
    assert_eq!((made.cards.paid, made.cards.paid_minor, made.cards.back_minor), (2, 1_980, 990));
    assert_eq!(made.sales, [("delivered".to_owned(), 1), ("refunded".to_owned(), 1)].into());
}

#[tokio::test(start_paused = true)]
async fn a_refused_end_of_day_keeps_cards_waiting_and_an_unanswered_one_is_asked_about_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    buy(&mut first, 1).await;
    order(&mut first, OperatorCommand::EndOfDay).await;
    totals(&mut first, 1, MINOR).await;
    assert!(matches!(first.next_order().await, TerminalOrder::EndOfDay));
    let refused = DayOutcome::Refused { result_code: 0x77 };
    let before = tokio::time::Instant::now();
    first.terminal(TerminalEvent::DayClosed { outcome: refused, unasked: false }).await;
    totals(&mut first, 1, MINOR).await;
    assert!(before.elapsed() >= Duration::from_secs(300), "again after 5 minutes");
    assert!(matches!(first.next_order().await, TerminalOrder::EndOfDay));
    first.running.abort();
    (&mut first.running).await.ok();
    drop(first);

    // The power failed after `06 50`: an empty store says that the day was closed, and it is not closed twice.
    let mut rig = rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Paused(OutOfService::TerminalBusy)).await;
    totals(&mut rig, 0, 0).await;
    see_selling(&mut rig, Selling::Open).await;
    assert!(rig.orders.try_recv().is_err());
    assert_eq!(archive(dir.path()).reckonings(5).unwrap().len(), 1);
    rig.running.abort();
    (&mut rig.running).await.ok();
    drop(rig);
    assert_eq!(journal(dir.path()).day().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_stock_is_sold_without_the_network_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    // One arrives, one is refused: the third is not tried any more.
    let refusal = Refusal { reason: RefusalReason::NoFunds, detail: "empty".into() };
    *rig.provider.next.lock().unwrap() = vec![OrderOutcome::Refused(refusal), OrderOutcome::Done(delivery(9))];
    let bought = OperatorCommand::BuyStock { provider: rig.provider.id.clone(), plan: "7".into(), count: 3 };
    assert!(order(&mut rig, bought).await.ok);
    until(dir.path(), "two orders decided", |archive| {
        let all = archive.purchases().unwrap();
        all.len() == 2 && all.iter().all(|purchase| !purchase.is_open())
    })
    .await;
    assert_eq!(rig.provider.orders.lock().unwrap().len(), 2);
    let raw = std::fs::read(dir.path().join("journal/journal.db-wal")).unwrap();
    assert!(!raw.windows(6).any(|window| window == b"CODE-9"), "the code lies sealed");

    // The provider falls silent: only what is in stock is for sale.
    rig.tell(Inbox::Provider { provider: rig.provider.id.clone(), answered: false, balance: None }).await;
    see_selling(&mut rig, Selling::StockOnly).await;
    let sale = sell(&mut rig, 1, true).await;
    assert_eq!(rig.provider.orders.lock().unwrap().len(), 2, "nothing was ordered for it");
    until(dir.path(), "delivered", |archive| {
        archive.sale(sale).unwrap().unwrap().closed == Some(crate::sale::record::Closing::Delivered)
    })
    .await;
    see_selling(&mut rig, Selling::Paused(OutOfService::Network)).await;
}

/// A sale whose goods are here at once, to its end.
pub(super) async fn sell(rig: &mut Rig, number: u32, here: bool) -> SaleId {
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("en".into())).await;
    rig.touch(Intent::ChooseDestination("jp".into())).await;
    let view = rig.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
    let Screen::Plans(plans) = &view.screen else { unreachable!() };
    assert_eq!(plans.plans[0].unavailable, None);
    rig.touch(Intent::ChoosePlan(plans.plans[0].id.clone())).await;
    rig.touch(Intent::AcceptTerms(true)).await;
    rig.touch(Intent::Pay).await;
    let baseline = rig.next_order().await;
    let TerminalOrder::Query { tag: QueryTag::Baseline(sale), .. } = baseline else { panic!("{baseline:?}") };
    let last = LastTransaction::Is(transaction(&format!("{:04}", 600 + number - 1), 500));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Baseline(sale), last, totals: None, at_rest: true }).await;
    assert!(matches!(rig.next_order().await, TerminalOrder::Authorise(_)));
    let at = tokio::time::Instant::now();
    let approval = transaction(&format!("{:04}", 600 + number), MINOR);
    rig.terminal(TerminalEvent::Approved { sale, transaction: approval, at }).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    if here {
        rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
        rig.touch(Intent::HaveIt).await;
        rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    } else {
        let later = |screen: &Screen| {
            matches!(screen, Screen::Truth(truth)
                if truth.goods == GoodsTruth::Coming && truth.come_back_before.is_some())
        };
        rig.see("it comes later", later).await;
    }
    rig.touch(Intent::StartOver).await;
    rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    sale
}

pub(super) fn with_queue(max_count: u32) -> Settings {
    let mut settings = settings();
    settings.trade.queue.enabled = true;
    settings.trade.queue.max_count = max_count;
    settings.trade.day_ends_at = Some(jiff::civil::time(23, 30, 0, 0));
    settings
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_capped_drained_in_order_and_held_up_by_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, with_queue(3)).await;
    see_selling(&mut rig, Selling::Open).await;
    rig.tell(Inbox::Provider { provider: rig.provider.id.clone(), answered: false, balance: None }).await;
    let mut sales = Vec::new();
    for number in 1..=3 {
        see_selling(&mut rig, Selling::StockOnly).await;
        sales.push(sell(&mut rig, number, false).await);
    }
    see_selling(&mut rig, Selling::Paused(OutOfService::Network)).await;
    assert!(rig.provider.orders.lock().unwrap().is_empty(), "nothing is ordered while nobody answers");
    let told = status(&mut rig).await;
    assert_eq!((told.open_sales, told.busy), (3, false), "a queue waits for days and keeps nobody busy");
    assert_eq!(archive(dir.path()).queue().unwrap().len(), 3);

    // The network is back: the first is silent and found later, the second is refused, the third arrives.
    let refusal = Refusal { reason: RefusalReason::PlanGone, detail: "gone".into() };
    *rig.provider.next.lock().unwrap() = vec![
        OrderOutcome::Done(delivery(3)),
        OrderOutcome::Refused(refusal),
        OrderOutcome::Unknown(crate::esim::Doubt { evidence: "502".into(), provider_date: None }),
    ];
    *rig.provider.looked_up.lock().unwrap() = vec![LookUp::Found(OrderOutcome::Done(delivery(1)))];
    let balance = Some(crate::money::Exact::parse("100", crate::money::Currency::EUR).unwrap());
    rig.tell(Inbox::Provider { provider: rig.provider.id.clone(), answered: true, balance }).await;
    let reversed = rig.next_order().await;
    let TerminalOrder::Reverse { sale, .. } = reversed else { panic!("the refused one goes back: {reversed:?}") };
    assert_eq!(sale, sales[1]);
    rig.terminal(TerminalEvent::Reversed { sale, outcome: ReversalOutcome::Done { transaction: None } }).await;
    until(dir.path(), "all decided", |archive| {
        let money = |id: SaleId| archive.sale(id).unwrap().unwrap();
        money(sales[0]).all_stored() && money(sales[2]).all_stored() && money(sales[1]).closed.is_some()
    })
    .await;
    assert_eq!(rig.provider.orders.lock().unwrap().len(), 3, "each was ordered once");
    let order: Vec<SaleId> = rig.provider.orders.lock().unwrap().iter().map(|request| request.key.sale).collect();
    assert_eq!(order, sales, "oldest first");
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_is_broken_gives_the_money_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, with_queue(20)).await;
    see_selling(&mut rig, Selling::Open).await;
    rig.tell(Inbox::Provider { provider: rig.provider.id.clone(), answered: false, balance: None }).await;
    see_selling(&mut rig, Selling::StockOnly).await;
    let before = tokio::time::Instant::now();
    let sale = sell(&mut rig, 1, false).await;
    let promised = archive(dir.path()).sale(sale).unwrap().unwrap().quote.promised_ms.unwrap();
    assert_eq!(promised, 120 * 60_000);
    tokio::time::sleep(Duration::from_millis(promised) - before.elapsed() - Duration::from_secs(60)).await;
    assert!(rig.orders.try_recv().is_err(), "not before its hour");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(matches!(rig.orders.try_recv(), Ok(TerminalOrder::Reverse { sale: back, .. }) if back == sale));
}

#[tokio::test(start_paused = true)]
async fn a_case_is_closed_only_by_a_fact_with_its_witness() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.provider
        .next
        .lock()
        .unwrap()
        .push(OrderOutcome::Unknown(crate::esim::Doubt { evidence: "502".into(), provider_date: None }));
    *rig.provider.looked_up.lock().unwrap() = vec![LookUp::BoughtAndLost { evidence: "the wallet fell".into() }];
    let sale = approve_as(&mut rig, 1).await;
    loop {
        match answer(&rig.next_order().await) {
            Some(Answer::NotYet) => {
                let at = tokio::time::Instant::now();
                let again = transaction("0501", MINOR);
                rig.terminal(TerminalEvent::Approved { sale, transaction: again, at }).await;
            }
            Some(Answer::NotIssued) => break,
            other => panic!("unexpected {other:?}"),
        }
    }
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Aborted { result_code: 0x6C, text: None } }).await;
    until(dir.path(), "a case", |archive| archive.cases(false).unwrap().len() == 1).await;
    let number = archive(dir.path()).sale(sale).unwrap().unwrap().quote.number.0;
    let fact = |goods, code: Option<&str>, witness: &str| {
        OperatorCommand::Decide(Box::new(Statement {
            number: number.clone(),
            case: 0,
            money: None,
            goods: Some(goods),
            code: code.map(|code| FetchedCode(code.to_owned())),
            witness: witness.to_owned(),
            reason: "fetched from the provider's site".to_owned(),
        }))
    };
    assert!(!order(&mut rig, fact(GoodsFact::Absent, None, " ")).await.ok, "no witness, no decision");
    assert!(!order(&mut rig, fact(GoodsFact::Code, Some("nonsense"), "A. Miller")).await.ok);
    let good = fact(GoodsFact::Code, Some("LPA:1$smdp.io$BY-HAND"), "A. Miller");
    assert!(!format!("{good:?}").contains("BY-HAND"), "the code never prints");
    let said = order(&mut rig, good.clone()).await;
    assert!(said.ok, "{said:?}");
    assert!(!order(&mut rig, good).await.ok, "a decided case stays decided");
    let case = archive(dir.path()).cases(true).unwrap().remove(0);
    assert_eq!(case.decision.as_deref(), Some("goods_here"));
    assert!(case.reason.unwrap().contains("A. Miller"));
    // Not paid: the eSIM is kept for the claim code.
    assert_eq!(archive(dir.path()).stock().unwrap()[0].state, "reserved");
    let closed = archive(dir.path()).list(&Wanted::default()).unwrap()[0].closed.clone();
    assert_eq!(closed.as_deref(), Some("not_charged"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_payment_is_decided_and_a_receipt_is_printed_again_as_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve_as(&mut rig, 1).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Lost { evidence: "cable".into() } }).await;
    // Asked again for as long as the approval may still be held, then it is a case.
    while archive(dir.path()).cases(false).unwrap().is_empty() {
        let asked = tokio::time::timeout(std::time::Duration::from_secs(60), rig.next_order()).await;
        let Ok(asked) = asked else { break };
        assert!(matches!(asked, TerminalOrder::Query { tag: QueryTag::Charged(_), .. }), "{asked:?}");
        let last = LastTransaction::Silent { evidence: "nothing".into() };
        rig.terminal(TerminalEvent::Answered { tag: QueryTag::Charged(sale), last, totals: None, at_rest: true }).await;
    }
    until(dir.path(), "a case", |archive| archive.cases(false).unwrap().len() == 1).await;
    rig.touch(Intent::StartOver).await;
    rig.see("the first screen", |screen| matches!(screen, Screen::Attract(_))).await;
    let told = status(&mut rig).await;
    assert_eq!(
        (told.doubtful, told.busy),
        (1, false),
        "a doubtful payment waits for its operator and keeps nobody busy"
    );
    let number = archive(dir.path()).sale(sale).unwrap().unwrap().quote.number.0;
    let statement = Statement {
        number: number.clone(),
        case: 0,
        money: Some(MoneyFact::Charged),
        goods: None,
        code: None,
        witness: "the acquirer's list of 22 November".to_owned(),
        reason: "booked under receipt 0501".to_owned(),
    };
    let said = order(&mut rig, OperatorCommand::Decide(Box::new(statement))).await;
    assert!(said.ok && said.text.contains("Paid"), "{said:?}");
    assert!(order(&mut rig, OperatorCommand::Reprint { number: number.to_lowercase() }).await.ok);
    until(dir.path(), "printed", |_| rig.receipts.lock().unwrap().len() == 1).await;
    let receipt = rig.receipts.lock().unwrap()[0].clone();
    assert_eq!((receipt.copy, receipt.activations.is_empty(), receipt.number.0), (1, true, number));
    assert!(!order(&mut rig, OperatorCommand::Reprint { number: "K07-999999".into() }).await.ok);
}

#[tokio::test(start_paused = true)]
async fn the_machine_may_restart_before_and_after_a_sale_and_not_within_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    assert!(order(&mut rig, OperatorCommand::MayRestart).await.ok);
    assert!(order(&mut rig, OperatorCommand::TerminalAnswers).await.ok);
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve_as(&mut rig, 1).await;
    assert!(!order(&mut rig, OperatorCommand::MayRestart).await.ok, "a card is held");
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    rig.see("the eSIM", |screen| matches!(screen, Screen::YourEsim(_))).await;
    assert!(!order(&mut rig, OperatorCommand::MayRestart).await.ok, "a traveller looks at the code");
    rig.touch(Intent::HaveIt).await;
    rig.see("the receipt screen", |screen| matches!(screen, Screen::Receipt(_))).await;
    rig.touch(Intent::StartOver).await;
    see_selling(&mut rig, Selling::Open).await;
    assert!(order(&mut rig, OperatorCommand::MayRestart).await.ok);
    for (health, answers) in [
        (TerminalHealth::Silent, false),
        // Being set up again, and nobody has answered.
        (TerminalHealth::Busy, false),
        (TerminalHealth::Ready, true),
        (TerminalHealth::Busy, true),
        (TerminalHealth::Misconfigured { reason: "the password is refused".into() }, false),
    ] {
        rig.terminal(TerminalEvent::Health(health)).await;
        assert_eq!(order(&mut rig, OperatorCommand::TerminalAnswers).await.ok, answers);
    }
}

/// A row that outlived its sale gives its lock to nobody: the start takes it out of the journal, not only out of its mind.
#[tokio::test(start_paused = true)]
async fn a_lock_whose_sale_is_over_is_given_back_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    buy(&mut first, 1).await;
    first.running.abort();
    (&mut first.running).await.ok();
    drop(first);
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    for lock in ["terminal", "account:mobilexy"] {
        assert_eq!(raw.execute("INSERT INTO locks (lock, sale) SELECT ?1, id FROM sales", [lock]).unwrap(), 1);
    }
    drop(raw);
    assert_eq!(archive(dir.path()).locks().unwrap().len(), 2);
    let mut rig = rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    assert!(archive(dir.path()).locks().unwrap().is_empty());
    buy(&mut rig, 2).await;
}
