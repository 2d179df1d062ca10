//! Cases of sales that are over: they count as long as nobody has decided them.

use std::sync::Arc;

use super::MINOR;
use super::books::{NotedOffice, archive, buy, journal, rig, until};
use super::closing::{order, pull_the_plug, status};
use super::doubles::{Rig, settings};
use super::trade::{day_closes, totals};
use crate::journal::archive::Wanted;
use crate::journal::tests::Played;
use crate::kiosk::Intent;
use crate::kiosk::operator::{FetchedCode, MoneyFact, OperatorCommand, Statement};
use crate::kiosk::reckoning::since_last_day;
use crate::kiosk::reconcile::Reckoning;
use crate::kiosk::trading::Trading;
use crate::kiosk::view::{Screen, Selling};
use crate::sale::event::Event;
use crate::sale::record::CaseDecision;
use crate::sale::transaction::Totals;

async fn open_cases(rig: &mut Rig) -> (usize, usize, u32) {
    let trading = order(rig, OperatorCommand::Status).await;
    let trading: Trading = serde_json::from_value(trading.value).unwrap();
    let made = order(rig, OperatorCommand::Reconcile).await;
    let made: Reckoning = serde_json::from_value(made.value).unwrap();
    (status(rig).await.cases, trading.open_cases, made.open_cases)
}

async fn see_open(rig: &mut Rig) {
    rig.see("open", |screen| matches!(screen, Screen::Attract(at) if at.selling == Selling::Open)).await;
}

/// Money that the acquirer owes a traveller is seen after any restart, and until somebody says that it is back.
#[tokio::test(start_paused = true)]
async fn a_refund_that_is_due_counts_until_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let office = Arc::new(NotedOffice::default());
    let due = Played::refund_due(journal(dir.path()).as_mut(), 1, "0042").unwrap().sale;
    let mut rig = rig(dir.path(), Some(office.clone()), settings()).await;
    see_open(&mut rig).await;
    assert_eq!(open_cases(&mut rig).await, (1, 1, 1));
    rig.touch(Intent::Start).await;
    rig.touch(Intent::StartOver).await;
    see_open(&mut rig).await;
    assert_eq!(open_cases(&mut rig).await, (1, 1, 1), "whatever else leaves memory");
    let statement = Statement {
        number: due.quote.number.0.clone(),
        case: 0,
        money: Some(MoneyFact::Back),
        goods: None,
        code: None,
        witness: "the acquirer's advice".to_owned(),
        reason: "paid out".to_owned(),
    };
    let said = order(&mut rig, OperatorCommand::Decide(Box::new(statement))).await;
    assert!(said.ok && said.text.contains("Back"), "{said:?}");
    assert_eq!(open_cases(&mut rig).await, (0, 0, 0));
    until(dir.path(), "told again", |archive| archive.outbox().unwrap().waiting == 0).await;
    let row = archive(dir.path()).list(&Wanted::default()).unwrap().into_iter().find(|row| row.id == due.id).unwrap();
    assert_eq!((row.closed.as_deref(), row.money.as_str()), (Some("refunded"), "back"));
    let told: Vec<(String, String)> = {
        let parcels = office.parcels.lock().unwrap();
        let ours = parcels.iter().filter(|parcel| parcel.key == due.id.to_string());
        let sale = ours.map(|parcel| serde_json::from_str::<serde_json::Value>(&parcel.json).unwrap());
        sale.map(|sale| (sale["closed"].as_str().unwrap().into(), sale["money"].as_str().unwrap().into())).collect()
    };
    let words = |closed: &str, money: &str| (closed.to_owned(), money.to_owned());
    assert_eq!(told, [words("refund_due", "refund_due"), words("refunded", "back")]);
}

/// One sale that is over cannot be read any more: the others are sent, the books say so, and no start fails.
#[tokio::test(start_paused = true)]
async fn a_closed_sale_that_cannot_be_read_stops_nobody_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let broken = {
        let mut journal = journal(dir.path());
        let broken = Played::sold(journal.as_mut(), 1, "0042").unwrap().sale;
        Played::sold(journal.as_mut(), 2, "0043").unwrap();
        broken
    };
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    raw.execute("UPDATE entries SET json = 'not what was written' WHERE sale = ?1", [broken.id.to_string()]).unwrap();
    drop(raw);
    for start in 1..=2 {
        let office = Arc::new(NotedOffice::default());
        let mut rig = rig(dir.path(), Some(office.clone()), settings()).await;
        see_open(&mut rig).await;
        until(dir.path(), "all that can be sent", |archive| archive.outbox().unwrap().waiting == 1).await;
        until(dir.path(), "a case", |archive| archive.cases(false).unwrap().len() == 1).await;
        assert_eq!(office.parcels.lock().unwrap().len(), usize::from(start == 1), "start {start}");
        assert_eq!(open_cases(&mut rig).await, (1, 1, 1), "start {start}");
        let number = broken.quote.number.0.clone();
        let printed = order(&mut rig, OperatorCommand::Reprint { number: number.clone() }).await;
        assert!(!printed.ok && printed.text.contains(&number), "{printed:?}");
        let made = order(&mut rig, OperatorCommand::Reconcile).await;
        let made: Reckoning = serde_json::from_value(made.value).unwrap();
        assert!(!made.balances() && made.differences[0].contains(&number), "{made:?}");
        assert_eq!(made.sales.get("unreadable"), Some(&1));
        pull_the_plug(rig).await;
    }
    let case = archive(dir.path()).cases(false).unwrap().remove(0);
    assert_eq!((case.kind.as_str(), case.place), ("unreadable", 255));
}

/// What the terminal counts and the journal does not is seen until somebody says why, over restarts and better days.
#[tokio::test(start_paused = true)]
async fn a_day_that_does_not_balance_is_told_until_it_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    buy(&mut first, 1).await;
    for (count, sum_minor) in [(2, 2 * MINOR), (0, 0)] {
        assert!(order(&mut first, OperatorCommand::EndOfDay).await.ok);
        totals(&mut first, count, sum_minor).await;
        day_closes(&mut first).await;
        see_open(&mut first).await;
        assert_eq!(status(&mut first).await.differences, 1, "{count}");
    }
    let kept: Vec<bool> = archive(dir.path()).reckonings(9).unwrap().iter().map(|row| row.balanced).collect();
    assert_eq!(kept, [true, false], "the newest first");
    pull_the_plug(first).await;

    let mut rig = rig(dir.path(), None, settings()).await;
    see_open(&mut rig).await;
    assert_eq!(status(&mut rig).await.differences, 1);
    let trading = order(&mut rig, OperatorCommand::Status).await;
    let trading: Trading = serde_json::from_value(trading.value).unwrap();
    assert!(trading.differences[0].contains("the terminal has 1980"), "{trading:?}");
    let settle = |reason: &str| OperatorCommand::SettleBooks { reason: reason.to_owned() };
    assert!(!order(&mut rig, settle(" ")).await.ok);
    assert!(order(&mut rig, settle("paid by hand at the terminal")).await.ok);
    assert_eq!(status(&mut rig).await.differences, 0);
    assert!(!order(&mut rig, settle("again")).await.ok, "nothing is left");
}

/// The acquirer gives back what the terminal's store still counts as taken: that is no difference, and nothing else is
/// explained by it.
#[test]
fn money_that_is_back_by_a_persons_word_may_stand_in_the_terminal() {
    let mut journal = crate::sim::memory::MemoryDisk::default().open();
    let mut played = Played::refund_due(&mut journal, 1, "0042").unwrap();
    let back = Event::Decided { case: 0, decision: CaseDecision::Back, reason: "its advice".into() };
    played.on(&mut journal, 9_000, back).unwrap();
    let wallets = std::collections::BTreeMap::new();
    for (count, sum_minor, agrees) in [(1, MINOR, true), (0, 0, true), (2, 2 * MINOR, false)] {
        let totals = Some(Totals { count, sum_minor });
        let made = since_last_day(&mut journal, &wallets, totals, 9_000).unwrap();
        assert_eq!(made.balances(), agrees, "{sum_minor}: {made:?}");
        assert_eq!((made.cards.back_minor, made.cards.back_stated_minor), (990, 990));
    }
    let made = since_last_day(&mut journal, &wallets, None, 9_000).unwrap();
    assert!(made.balances() && !made.lines().iter().any(|line| line.contains("the books balance")), "{made:?}");
}

/// A traveller tells the code: the sale is named, and the code stands in no log.
#[tokio::test(start_paused = true)]
async fn support_finds_a_sale_by_its_claim_code() {
    let dir = tempfile::tempdir().unwrap();
    let sold = Played::sold(journal(dir.path()).as_mut(), 1, "0042").unwrap().sale;
    let mut rig = rig(dir.path(), None, settings()).await;
    let find = |code: &str| OperatorCommand::FindClaim { code: FetchedCode(code.to_owned()) };
    let code = crate::journal::tests::claim(1).grouped();
    assert!(!format!("{:?}", find(&code)).contains(&code));
    let found = order(&mut rig, find(&code)).await;
    assert!(found.ok && found.value == sold.id.to_string(), "{found:?}");
    assert!(!order(&mut rig, find("nonsense")).await.ok);
    assert!(!order(&mut rig, find(&crate::journal::tests::claim(7).grouped())).await.ok);
}
