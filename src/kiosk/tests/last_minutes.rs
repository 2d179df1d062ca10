//! The last minutes before an end of day: only stock is sold (sale.md 5 and 8). The rig's day begins at 02:00.

use std::time::Duration;

use jiff::civil::time;
use tokio::time::{Instant, sleep_until};

use super::books::{archive, rig, until};
use super::doubles::{Rig, delivery, settings};
use super::trade::{order, see_selling, sell, with_queue};
use crate::esim::OrderOutcome;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::operator::OperatorCommand;
use crate::kiosk::view::{OutOfService, PayProblem, PlanUnavailable, Screen, Selling};
use crate::kiosk::{Intent, Settings};
use crate::payment::TerminalOrder;

const PAUSED: Selling = Selling::Paused(OutOfService::TerminalBusy);

/// A terminal that closes its day by itself at 02:20; its provider counts as there for the whole night.
fn closes_itself() -> Settings {
    let mut settings = Settings { online_ms: 86_400_000, ..settings() };
    settings.trade.terminal_closes_at = Some(time(2, 20, 0, 0));
    settings
}

async fn stock(rig: &mut Rig, dir: &std::path::Path) {
    see_selling(rig, Selling::Open).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(9)));
    let bought = OperatorCommand::BuyStock { provider: rig.provider.id.clone(), plan: "7".into(), count: 1 };
    assert!(order(rig, bought).await.ok);
    until(dir, "one in stock", |archive| archive.stock().unwrap().len() == 1).await;
}

/// Waits until so many seconds after 02:00.
async fn at_s(began: Instant, s: u64) {
    sleep_until(began + Duration::from_secs(s)).await;
}

#[tokio::test(start_paused = true)]
async fn a_quarter_of_an_hour_before_the_terminals_own_hour_nothing_is_ordered_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut rig = rig(dir.path(), None, closes_itself()).await;
    at_s(began, 298).await;
    rig.walk_to_plan().await;
    at_s(began, 299).await;
    let can_pay = |screen: &Screen| matches!(screen, Screen::PlanDetail(plan) if plan.can_pay);
    rig.see("it can be bought", can_pay).await;
    at_s(began, 301).await;
    let told = rig.see("it cannot", |screen| matches!(screen, Screen::PlanDetail(plan) if !plan.can_pay)).await;
    let Screen::PlanDetail(shown) = &told.screen else { unreachable!() };
    assert_eq!(shown.plan.unavailable, Some(PlanUnavailable::BackInMinutes));
    assert_eq!(shown.problem, Some(PayProblem::NoCards(OutOfService::TerminalBusy)));
    rig.touch(Intent::Pay).await;
    rig.touch(Intent::StartOver).await;
    see_selling(&mut rig, PAUSED).await;
    at_s(began, 1_199).await;
    see_selling(&mut rig, PAUSED).await;
    assert!(rig.orders.try_recv().is_err(), "no card was asked");
    at_s(began, 1_201).await;
    see_selling(&mut rig, Selling::Open).await;
}

#[tokio::test(start_paused = true)]
async fn stock_is_sold_in_the_last_minutes_and_what_was_chosen_before_them_is_not_ordered() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    // The loop looks at its clock between two ticks too, before a card is asked.
    let mut rig = rig(dir.path(), None, Settings { tick_ms: 7_000, ..closes_itself() }).await;
    stock(&mut rig, dir.path()).await;
    let before = rig.provider.orders.lock().unwrap().len();
    at_s(began, 295).await;
    rig.walk_to_plan().await;
    at_s(began, 300).await;
    rig.touch(Intent::Pay).await;
    let refused = |screen: &Screen| {
        matches!(screen, Screen::PlanDetail(plan)
            if plan.problem == Some(PayProblem::NoCards(OutOfService::TerminalBusy)))
    };
    rig.see("not this minute", refused).await;
    assert!(rig.orders.try_recv().is_err(), "no card was asked");
    rig.touch(Intent::StartOver).await;
    see_selling(&mut rig, Selling::StockOnly).await;
    sell(&mut rig, 1, true).await;
    assert_eq!(rig.provider.orders.lock().unwrap().len(), before, "nothing was ordered for it");
    see_selling(&mut rig, PAUSED).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promised_in_the_last_minutes() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut settings = with_queue(3);
    settings.trade.terminal_closes_at = Some(time(2, 20, 0, 0));
    let mut rig = rig(dir.path(), None, settings).await;
    see_selling(&mut rig, Selling::Open).await;
    rig.tell(Inbox::Provider { provider: rig.provider.id.clone(), answered: false, balance: None }).await;
    see_selling(&mut rig, Selling::StockOnly).await;
    at_s(began, 301).await;
    see_selling(&mut rig, Selling::Paused(OutOfService::Network)).await;
    at_s(began, 1_201).await;
    see_selling(&mut rig, Selling::StockOnly).await;
}

#[tokio::test(start_paused = true)]
async fn where_the_card_is_charged_first_only_stock_is_sold_for_half_an_hour_before_any_end_of_day() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut paid_first = Settings { online_ms: 86_400_000, ..settings() };
    paid_first.terms.can_hold = false;
    paid_first.trade.day_ends_at = Some(time(2, 40, 0, 0));
    let mut first = rig(dir.path(), None, paid_first.clone()).await;
    see_selling(&mut first, Selling::Open).await;
    at_s(began, 599).await;
    see_selling(&mut first, Selling::Open).await;
    at_s(began, 601).await;
    see_selling(&mut first, PAUSED).await;
    // Then the day is closed.
    let closes = first.orders.recv();
    let closing = tokio::time::timeout(Duration::from_secs(3_600), closes).await.unwrap();
    assert!(matches!(closing, Some(TerminalOrder::Query { .. })), "{closing:?}");
    assert_eq!(began.elapsed().as_secs(), 2_400);

    // A terminal that holds sells up to that hour: what is held is reversed by itself.
    let other = tempfile::tempdir().unwrap();
    let holds = Settings { terms: settings().terms, ..paid_first };
    let began = Instant::now();
    let mut second = rig(other.path(), None, holds).await;
    at_s(began, 2_398).await;
    see_selling(&mut second, Selling::Open).await;
    let cases = archive(other.path()).cases(false).unwrap();
    assert!(cases.is_empty(), "{cases:?}");
}
