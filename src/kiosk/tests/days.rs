//! The end of day over a break: what says that it was closed, and an hour that went by while nobody ran. The rig's day
//! begins at 02:00.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::time;

use super::books::{archive, buy, journal, rig};
use super::closing::{pull_the_plug, status};
use super::doubles::{Rig, settings};
use super::trade::{day_closes, order, see_selling, totals};
use crate::journal::{Journal, Kept};
use crate::kiosk::Settings;
use crate::kiosk::operator::OperatorCommand;
use crate::kiosk::view::{OutOfService, Selling};
use crate::payment::{DayOutcome, TerminalEvent, TerminalOrder};
use crate::sale::moment::Moment;

/// A store that was empty before `06 50` is empty after it too, whether the order went out or the power failed first.
#[tokio::test(start_paused = true)]
async fn an_empty_day_is_not_taken_for_closed_because_it_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    see_selling(&mut first, Selling::Open).await;
    assert!(order(&mut first, OperatorCommand::EndOfDay).await.ok);
    totals(&mut first, 0, 0).await;
    assert!(matches!(first.next_order().await, TerminalOrder::EndOfDay));
    pull_the_plug(first).await;

    let mut rig = rig(dir.path(), None, settings()).await;
    totals(&mut rig, 0, 0).await;
    day_closes(&mut rig).await;
    see_selling(&mut rig, Selling::Open).await;
    pull_the_plug(rig).await;
    assert_eq!(journal(dir.path()).day().unwrap(), 1);
}

fn at_half_past_one() -> Settings {
    let mut settings = settings();
    settings.trade.day_ends_at = Some(time(1, 30, 0, 0));
    settings
}

fn reckoned(dir: &std::path::Path, at: &str) {
    let wall_ms = at.parse::<Timestamp>().unwrap().as_millisecond();
    let json = format!(r#"{{"day":1,"made_ms":{wall_ms}}}"#);
    let kept = Kept { made_ms: wall_ms, balanced: true, json: &json };
    let now = Moment { run: 1, mono_ms: 0, wall_ms, synced: true };
    journal(dir).day_closed("asked", Some(&kept), now).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_hour_that_went_by_while_nobody_ran_is_made_up_for() {
    let dir = tempfile::tempdir().unwrap();
    reckoned(dir.path(), "2026-11-21T01:30:07Z");
    let mut rig = rig(dir.path(), None, at_half_past_one()).await;
    see_selling(&mut rig, Selling::Paused(OutOfService::TerminalBusy)).await;
    totals(&mut rig, 1, 990).await;
    day_closes(&mut rig).await;
    see_selling(&mut rig, Selling::Open).await;
    let reckonings = archive(dir.path()).reckonings(5).unwrap();
    assert_eq!(reckonings.len(), 2);
    // Each day is closed at the hour of whoever closed it, by whichever clock.
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    let mut days = raw.prepare("SELECT closed_ms FROM days ORDER BY number DESC").unwrap();
    let closed: Vec<i64> = days.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(closed, reckonings.iter().map(|made| made.made_ms).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_day_that_was_closed_at_its_hour_is_not_closed_again_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    reckoned(dir.path(), "2026-11-22T01:30:07Z");
    let mut rig = rig(dir.path(), None, at_half_past_one()).await;
    see_selling(&mut rig, Selling::Open).await;
    assert!(rig.orders.try_recv().is_err());
}

async fn closes_its_day(rig: &mut Rig) {
    rig.terminal(TerminalEvent::DayClosed { outcome: DayOutcome::Closed { totals: None }, unasked: true }).await;
    status(rig).await;
}

/// What got no acknowledgement is said again: that is no second day. After another payment it is one.
#[tokio::test(start_paused = true)]
async fn a_day_that_is_told_again_is_written_down_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    buy(&mut rig, 1).await;
    order(&mut rig, OperatorCommand::EndOfDay).await;
    totals(&mut rig, 1, 990).await;
    day_closes(&mut rig).await;
    closes_its_day(&mut rig).await;
    assert_eq!(archive(dir.path()).reckonings(5).unwrap().len(), 1);
    assert_eq!(status(&mut rig).await.day_trouble, None);

    tokio::time::sleep(Duration::from_secs(1)).await;
    buy(&mut rig, 2).await;
    closes_its_day(&mut rig).await;
    assert_eq!(archive(dir.path()).reckonings(5).unwrap().len(), 2);
    assert!(status(&mut rig).await.day_trouble.is_some());
    tokio::time::sleep(Duration::from_secs(121)).await;
    closes_its_day(&mut rig).await;
    assert_eq!(archive(dir.path()).reckonings(5).unwrap().len(), 3, "nobody repeats anything for so long");
}

/// The answer to our own `06 50` reaches the next program, which has not asked: the day is closed, and nothing is amiss.
#[tokio::test(start_paused = true)]
async fn an_answer_to_the_last_run_closes_its_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    buy(&mut first, 1).await;
    order(&mut first, OperatorCommand::EndOfDay).await;
    totals(&mut first, 1, 990).await;
    assert!(matches!(first.next_order().await, TerminalOrder::EndOfDay));
    pull_the_plug(first).await;

    let mut rig = rig(dir.path(), None, settings()).await;
    closes_its_day(&mut rig).await;
    see_selling(&mut rig, Selling::Open).await;
    assert_eq!(status(&mut rig).await.day_trouble, None);
    closes_its_day(&mut rig).await;
    assert_eq!(archive(dir.path()).reckonings(5).unwrap().len(), 1);
}
