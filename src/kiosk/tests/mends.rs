//! What was once wrong and was found by reading: each with the way that led there.

use std::time::Duration;

use super::books::{approve_as, archive, buy, journal, rig, until};
use super::doubles::{Rig, delivery, settings};
use super::trade::order;
use super::{MINOR, answer, transaction};
use crate::esim::{LookUp, OrderOutcome};
use crate::journal::Journal;
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::kiosk::Intent;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::operator::{GoodsFact, MoneyFact, OperatorCommand, Statement, fits};
use crate::kiosk::view::{OutOfService, PayProblem, Screen, Selling};
use crate::kiosk::wanted::Wanted;
use crate::payment::zvt::Aftermath;
use crate::payment::{Answer, QueryTag, TerminalEvent, TerminalOrder};
use crate::sale::event::Event;
use crate::sale::offer::OrderReference;
use crate::sale::played::{Played, at};
use crate::sale::record::CaseKind;
use crate::sale::transaction::{Ending, LastTransaction, ReversalOutcome};
use crate::sale::{Goods, Lock, Money};

/// The hold counts from when the line brought the approval, not from when the loop came to read it.
#[tokio::test(start_paused = true)]
async fn the_hold_counts_from_the_lines_own_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.walk_to_pay().await;
    let TerminalOrder::Query { tag, .. } = rig.next_order().await else { panic!("the baseline comes first") };
    let QueryTag::Baseline(sale) = tag else { panic!("{tag:?}") };
    rig.terminal(TerminalEvent::Answered { tag, last: LastTransaction::Empty, totals: None, at_rest: true }).await;
    assert!(matches!(rig.next_order().await, TerminalOrder::Authorise(_)));
    tokio::time::sleep(Duration::from_secs(70)).await;
    // 60 s of hold less 5 s of margin are over.
    let at = tokio::time::Instant::now() - Duration::from_secs(56);
    rig.terminal(TerminalEvent::Approved { sale, transaction: transaction("0042", MINOR), at }).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::NotIssued));
}

/// The program is gone, with the journal that it held.
async fn end(mut rig: Rig) {
    rig.running.abort();
    (&mut rig.running).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_buying_for_the_stock() {
    let dir = tempfile::tempdir().unwrap();
    let first = {
        let mut rig = rig(dir.path(), None, settings()).await;
        rig.see("open", |screen| matches!(screen, Screen::Attract(at) if at.selling == Selling::Open)).await;
        // One arrives, the second is never answered.
        rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(9)));
        let three = OperatorCommand::BuyStock { provider: rig.provider.id.clone(), plan: "7".into(), count: 3 };
        assert!(order(&mut rig, three).await.ok);
        until(dir.path(), "the second under way", |archive| archive.purchases().unwrap().len() == 2).await;
        rig
    };
    end(first).await;
    let rig = rig(dir.path(), None, settings()).await;
    *rig.provider.looked_up.lock().unwrap() = vec![LookUp::Found(OrderOutcome::Done(delivery(10)))];
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(11)));
    until(dir.path(), "three in stock", |archive| {
        archive.stock().unwrap().iter().any(|count| count.state == "free" && count.count == 3)
    })
    .await;
    assert_eq!(rig.provider.orders.lock().unwrap().len(), 1, "what was begun is asked about, not ordered again");
    end(rig).await;
    assert!(journal(dir.path()).batches().unwrap().is_empty());
}

/// The next baseline names a payment of this terminal that no record knows: the journal is an older one.
#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_ahead_of_the_journal_stops_it_before_the_card() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    buy(&mut rig, 1).await;
    for adopted in [false, true] {
        rig.walk_to_pay().await;
        let TerminalOrder::Query { tag, .. } = rig.next_order().await else { panic!("the baseline") };
        let last = LastTransaction::Is(transaction("0777", MINOR));
        rig.terminal(TerminalEvent::Answered { tag, last, totals: None, at_rest: true }).await;
        if adopted {
            assert!(matches!(rig.next_order().await, TerminalOrder::Authorise(_)), "taken as it is");
            break;
        }
        until(dir.path(), "estranged", |archive| archive.estranged().unwrap().is_some()).await;
        assert!(rig.orders.try_recv().is_err(), "no card is asked");
        assert!(archive(dir.path()).estranged().unwrap().unwrap().contains("0777"));
        rig.touch(Intent::StartOver).await;
        assert!(order(&mut rig, OperatorCommand::Adopt).await.ok);
    }
}

/// Bought, and the account is gone from the configuration: a person hears of it, and the money goes back.
#[tokio::test(start_paused = true)]
async fn an_order_whose_account_is_gone_becomes_a_case() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    first.provider.next.lock().unwrap().push(OrderOutcome::Accepted(OrderReference("LATE".into())));
    let sale = approve_as(&mut first, 1).await;
    until(dir.path(), "accepted", |archive| archive.sale(sale).unwrap().unwrap().goods[0].state == Goods::Accepted)
        .await;
    end(first).await;
    let _rig = Rig::with(journal(dir.path()), None, settings(), None, "another").await;
    until(dir.path(), "a case", |archive| {
        archive.sale(sale).unwrap().unwrap().cases.iter().any(|case| case.kind == CaseKind::OrderInDoubt)
    })
    .await;
    let case = archive(dir.path()).cases(false).unwrap().remove(0);
    assert!(case.evidence.contains("mobilexy") && case.evidence.contains("LATE"), "{case:?}");
}

/// Too little room is no failure: what is under way goes on, no card is asked, and the loop lives.
#[tokio::test(start_paused = true)]
async fn a_full_disk_pauses_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let full = Section { head_room_mb: u64::MAX / 4, ..Section::at(dir.path()) };
    let journal = Box::new(SqliteJournal::open(&full).unwrap().journal);
    let mut rig = Rig::over(journal, None, settings()).await;
    let (answer, told) = tokio::sync::oneshot::channel();
    rig.tell(Inbox::Ping(answer)).await;
    assert!(told.await.unwrap().journal, "the journal writes");
    let closed = |screen: &Screen| matches!(screen, Screen::OutOfService { reason: OutOfService::Journal, .. });
    rig.see("no card is asked", closed).await;
    assert!(!rig.running.is_finished());
}

/// The code was paid for and cannot be unsealed: the truth, not a screen that never ends.
#[tokio::test(start_paused = true)]
async fn a_code_that_is_lost_leads_to_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let sale = approve_as(&mut rig, 1).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    raw.execute("UPDATE profiles SET sealed = NULL", []).unwrap();
    drop(raw);
    rig.terminal(TerminalEvent::Ended { sale, ending: Ending::Completed }).await;
    rig.see("the truth", |screen| matches!(screen, Screen::Truth(_))).await;
    // And whoever waits there for nothing is let go.
    rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
}

/// "Back" to the first screen is a farewell: the next touch may be somebody else's.
#[tokio::test(start_paused = true)]
async fn back_to_the_first_screen_forgets() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.see("open", |screen| matches!(screen, Screen::Attract(at) if at.selling == Selling::Open)).await;
    rig.touch(Intent::Start).await;
    rig.see("languages", |screen| matches!(screen, Screen::Language { .. })).await;
    rig.touch(Intent::Back).await;
    let view = rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    assert_eq!(view.session, 2);
}

/// A tick for one plan is no consent to another.
#[tokio::test(start_paused = true)]
async fn another_plan_asks_for_consent_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.see("open", |screen| matches!(screen, Screen::Attract(at) if at.selling == Selling::Open)).await;
    for intent in [Intent::Start, Intent::ChooseLanguage("en".into()), Intent::ChooseDestination("jp".into())] {
        rig.touch(intent).await;
    }
    let view = rig.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
    let Screen::Plans(plans) = &view.screen else { unreachable!() };
    let plan = plans.plans[0].id.clone();
    rig.touch(Intent::ChoosePlan(plan.clone())).await;
    rig.touch(Intent::AcceptTerms(true)).await;
    rig.see("accepted", |screen| matches!(screen, Screen::PlanDetail(detail) if detail.terms_accepted)).await;
    rig.touch(Intent::Back).await;
    rig.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
    rig.touch(Intent::ChoosePlan(plan)).await;
    rig.see("not accepted", |screen| matches!(screen, Screen::PlanDetail(detail) if !detail.terms_accepted)).await;
}

/// A silent terminal was never asked for another card: the payment before it keeps its witness.
#[tokio::test(start_paused = true)]
async fn only_a_card_that_is_asked_overtakes_a_payment_in_doubt() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(1)));
    let doubtful = approve_as(&mut rig, 1).await;
    assert_eq!(answer(&rig.next_order().await), Some(Answer::GoodsIssued));
    rig.terminal(TerminalEvent::Ended { sale: doubtful, ending: Ending::Lost { evidence: "cable".into() } }).await;
    let silent = || LastTransaction::Silent { evidence: "mute".into() };
    while archive(dir.path()).cases(false).unwrap().is_empty() {
        let Ok(order) = tokio::time::timeout(Duration::from_secs(60), rig.next_order()).await else { break };
        let TerminalOrder::Query { tag, .. } = order else { panic!("{order:?}") };
        rig.terminal(TerminalEvent::Answered { tag, last: silent(), totals: None, at_rest: true }).await;
    }
    until(dir.path(), "a case", |archive| archive.cases(false).unwrap().len() == 1).await;
    rig.touch(Intent::StartOver).await;
    rig.walk_to_pay().await;
    let TerminalOrder::Query { tag, .. } = rig.next_order().await else { panic!("the baseline") };
    rig.terminal(TerminalEvent::Answered { tag, last: silent(), totals: None, at_rest: true }).await;
    rig.see("not charged", |screen| matches!(screen, Screen::NotCharged { .. })).await;
    assert!(!archive(dir.path()).sale(doubtful).unwrap().unwrap().payment.overtaken);
}

/// What the line is told at a start: the commit byte is for nobody who was there before.
#[test]
fn whatever_an_old_payment_repeats_is_not_issued() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = SqliteJournal::open(&Section::at(dir.path())).unwrap().journal;
    let after = |journal: &mut SqliteJournal| crate::assembly::aftermath(journal).unwrap();
    assert_eq!(after(&mut journal), Aftermath::Settled);
    let quote = crate::journal::tests::quote(1, crate::sale::offer::Source::Provider);
    let mut played = crate::journal::tests::Played::begin(&mut journal, 1, quote).unwrap();
    assert_eq!(after(&mut journal), Aftermath::QueryOpen, "no card was asked");
    played.held(&mut journal, "0042").unwrap();
    assert_eq!(after(&mut journal), Aftermath::PaymentOpen);
    played.on(&mut journal, 2_000, Event::Restarted).unwrap();
    assert_eq!(played.sale.payment.money, Money::Unknown);
    assert_eq!(after(&mut journal), Aftermath::PaymentOpen, "also while it is being asked about");
    assert!(journal.locks().unwrap().iter().any(|(lock, _)| *lock == Lock::Terminal));
}

/// A statement decides a case only by a fact of the case's own kind.
#[test]
fn facts_fit_their_case() {
    let statement = |money, goods| Statement {
        number: "K07-000123".into(),
        case: 0,
        money,
        goods,
        code: None,
        witness: "the acquirer".into(),
        reason: "its list".into(),
    };
    let mut refund = Played::asked(&["mobilexy"]).sale;
    let case =
        crate::sale::record::Record::CaseOpened { case: CaseKind::RefundByAcquirer, evidence: "e".into(), good: None };
    refund.apply(&crate::sale::record::Entry { at: at(5), record: case });
    assert!(fits(&refund, &statement(Some(MoneyFact::Charged), None)).is_err());
    assert!(fits(&refund, &statement(None, Some(GoodsFact::Absent))).is_err());
    assert!(fits(&refund, &statement(Some(MoneyFact::Back), None)).is_ok());
    let mut doubt = Played::held(&["mobilexy"]).sale;
    let case =
        crate::sale::record::Record::CaseOpened { case: CaseKind::OrderInDoubt, evidence: "e".into(), good: None };
    doubt.apply(&crate::sale::record::Entry { at: at(5), record: case });
    assert!(fits(&doubt, &statement(Some(MoneyFact::Charged), None)).is_err());
    assert!(fits(&doubt, &statement(None, Some(GoodsFact::Absent))).is_ok());
}

/// Only an eSIM has a code that a person could bring.
#[test]
fn a_top_up_is_decided_by_no_code() {
    let statement = |goods| Statement {
        number: "K07-000123".into(),
        case: 0,
        money: None,
        goods: Some(goods),
        code: None,
        witness: "the provider".into(),
        reason: "its list".into(),
    };
    let case =
        crate::sale::record::Record::CaseOpened { case: CaseKind::OrderInDoubt, evidence: "e".into(), good: Some(0) };
    let mut sale = Played::held(&["mobilexy"]).sale;
    sale.apply(&crate::sale::record::Entry { at: at(5), record: case });
    assert!(fits(&sale, &statement(GoodsFact::Code)).is_ok());
    let iccid = crate::sale::activation::Iccid::parse("8944500102198304826").unwrap();
    sale.quote.goods[0].choices[0].offer.kind = crate::sale::offer::Kind::TopUp { iccid };
    assert!(fits(&sale, &statement(GoodsFact::Code)).is_err());
    assert!(fits(&sale, &statement(GoodsFact::Absent)).is_ok());
}

/// An item that an operator takes out of the stock while a basket reads its prices: an answer, and no broken journal.
#[tokio::test(start_paused = true)]
async fn what_left_the_stock_while_it_was_wanted_stops_no_selling() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.see("open", |screen| matches!(screen, Screen::Attract(at) if at.selling == Selling::Open)).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(9)));
    let one = OperatorCommand::BuyStock { provider: rig.provider.id.clone(), plan: "7".into(), count: 1 };
    assert!(order(&mut rig, one).await.ok);
    let free =
        |archive: &crate::journal::archive::Archive| archive.stock().unwrap().iter().any(|count| count.state == "free");
    until(dir.path(), "in stock", free).await;
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    let profile: String = raw.query_row("SELECT profile FROM stock", [], |row| row.get(0)).unwrap();
    drop(raw);
    rig.walk_to_plan().await;
    let view = rig.see("the plan", |screen| matches!(screen, Screen::PlanDetail(_))).await;
    let Screen::PlanDetail(detail) = &view.screen else { unreachable!() };
    // Both lie in the inbox before the loop turns: the prices come behind them.
    rig.touch(Intent::Order(Wanted::Basket(vec![detail.plan.id.clone()]))).await;
    let retired = order(&mut rig, OperatorCommand::RetireStock { profile: profile.parse().unwrap() }).await;
    assert!(retired.ok, "{retired:?}");
    let told =
        |screen: &Screen| matches!(screen, Screen::PlanDetail(detail) if detail.problem == Some(PayProblem::PlanGone));
    rig.see("why not", told).await;
    rig.touch(Intent::StartOver).await;
    buy(&mut rig, 1).await;
}

/// A dead terminal is not lent: an order that it never hears would count as refused.
#[tokio::test(start_paused = true)]
async fn a_give_back_waits_for_a_terminal_that_hears() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    let sale = approve_as(&mut first, 1).await;
    end(first).await;
    let mut rig = rig(dir.path(), None, settings()).await;
    let charged = rig.next_order().await;
    assert!(matches!(charged, TerminalOrder::Query { tag: QueryTag::Charged(_), .. }), "{charged:?}");
    rig.terminal(TerminalEvent::Health(crate::payment::TerminalHealth::Silent)).await;
    let last = LastTransaction::Is(transaction("0501", MINOR));
    rig.terminal(TerminalEvent::Answered { tag: QueryTag::Charged(sale), last, totals: None, at_rest: true }).await;
    until(dir.path(), "to be given back", |archive| archive.sale(sale).unwrap().unwrap().wants_terminal()).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(rig.orders.try_recv().is_err(), "nothing is ordered of a dead terminal");
    rig.terminal(TerminalEvent::Health(crate::payment::TerminalHealth::Ready)).await;
    assert!(matches!(rig.next_order().await, TerminalOrder::Reverse { sale: back, .. } if back == sale));
    rig.terminal(TerminalEvent::Reversed { sale, outcome: ReversalOutcome::Done { transaction: None } }).await;
    until(dir.path(), "back", |archive| archive.sale(sale).unwrap().unwrap().payment.money == Money::Back).await;
}
