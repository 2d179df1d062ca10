//! One sale of the journal that cannot be read any more: the kiosk goes on, and a person closes its case.

use std::sync::Arc;

use super::books::{NotedOffice, archive, buy, journal, rig, until};
use super::doubles::{Rig, settings};
use super::trade::order;
use crate::journal::tests::{Played, quote};
use crate::journal::unreadable::CASE;
use crate::kiosk::operator::{GoodsFact, MoneyFact, OperatorCommand, Statement};
use crate::kiosk::view::{Screen, Selling};
use crate::office::Parcel;
use crate::sale::offer::Source;

/// Asked about, it stops nobody; decided, it stays so, and the next traveller buys.
#[tokio::test(start_paused = true)]
async fn the_case_of_a_sale_that_cannot_be_read_is_decided() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Played::begin(journal(dir.path()).as_mut(), 1, quote(1, Source::Provider)).unwrap().sale;
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    raw.execute("UPDATE entries SET json = 'not what was written', mono_ms = -1", []).unwrap();
    drop(raw);
    let mut rig: Rig = rig(dir.path(), None, settings()).await;
    rig.see("open", |screen| matches!(screen, Screen::Attract(at) if at.selling == Selling::Open)).await;
    let number = broken.quote.number.0.clone();
    let stated = |case, money, goods| {
        OperatorCommand::Decide(Box::new(Statement {
            number: number.clone(),
            case,
            money,
            goods,
            code: None,
            witness: "the acquirer's list".to_owned(),
            reason: "not on it".to_owned(),
        }))
    };
    let asked = order(&mut rig, stated(0, Some(MoneyFact::NotCharged), None)).await;
    assert!(!asked.ok && asked.text.contains("sales cases"), "{asked:?}");
    let asked = order(&mut rig, OperatorCommand::Reprint { number: number.clone() }).await;
    assert!(!asked.ok, "{asked:?}");
    let asked = order(&mut rig, stated(CASE, None, Some(GoodsFact::Lost))).await;
    assert!(!asked.ok && asked.text.contains("--money"), "{asked:?}");
    let decided = order(&mut rig, stated(CASE, Some(MoneyFact::NotCharged), None)).await;
    assert!(decided.ok && decided.text.contains(&number), "{decided:?}");
    assert!(!order(&mut rig, stated(CASE, Some(MoneyFact::Back), None)).await.ok, "once");
    let case = archive(dir.path()).cases(true).unwrap().remove(0);
    assert_eq!(case.decision.as_deref(), Some("money none, goods absent"));
    buy(&mut rig, 1).await;
}

/// The back office hears of it once somebody has said what became of it, whether it was closed before or not; until then
/// it waits, and others do not.
#[tokio::test(start_paused = true)]
async fn a_sale_that_cannot_be_read_goes_to_the_back_office_as_it_was_decided() {
    let dir = tempfile::tempdir().unwrap();
    Played::sold(journal(dir.path()).as_mut(), 1, "0042").unwrap();
    Played::begin(journal(dir.path()).as_mut(), 2, quote(2, Source::Provider)).unwrap();
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    raw.execute("UPDATE entries SET json = 'not what was written', mono_ms = -1", []).unwrap();
    drop(raw);
    let office = Arc::new(NotedOffice::default());
    let mut rig = rig(dir.path(), Some(office.clone()), settings()).await;
    rig.see("open", |screen| matches!(screen, Screen::Attract(at) if at.selling == Selling::Open)).await;
    until(dir.path(), "two cases", |archive| archive.cases(false).unwrap().len() == 2).await;
    buy(&mut rig, 3).await;
    until(dir.path(), "the third has gone", |archive| archive.outbox().unwrap().waiting == 1).await;
    for (number, money, goods) in
        [("K07-000001", MoneyFact::NotCharged, GoodsFact::Absent), ("K07-000002", MoneyFact::Back, GoodsFact::Lost)]
    {
        let stated = OperatorCommand::Decide(Box::new(Statement {
            number: number.to_owned(),
            case: CASE,
            money: Some(money),
            goods: Some(goods),
            code: None,
            witness: "the acquirer's list".to_owned(),
            reason: "looked".to_owned(),
        }));
        assert!(order(&mut rig, stated).await.ok);
    }
    until(dir.path(), "nothing waits", |archive| {
        let outbox = archive.outbox().unwrap();
        outbox.waiting == 0 && outbox.oldest_ms.is_none()
    })
    .await;
    let parcels = office.parcels.lock().unwrap().clone();
    let told: Vec<serde_json::Value> =
        parcels.iter().map(|parcel: &Parcel| serde_json::from_str(&parcel.json).unwrap()).collect();
    assert_eq!(
        told.iter().map(|sale| sale["number"].as_str().unwrap()).collect::<Vec<_>>(),
        ["K07-000003", "K07-000001", "K07-000002"]
    );
    for sale in &told[1..] {
        crate::sim::schema::judge_both_ways("booked", sale).unwrap();
        assert_eq!((&sale["gross_minor"], &sale["currency"]), (&990.into(), &"EUR".into()));
        assert_eq!(sale["goods"], serde_json::json!([]), "nobody can read them");
    }
    let (never, lost) = (&told[1], &told[2]);
    assert_eq!((&lost["closed"], &lost["money"]), (&"lost".into(), &"back".into()));
    assert_eq!((&never["payment"]["receipt"], &never["payment"]["terminal"]), (&"0042".into(), &"12345678".into()));
    let decided = serde_json::json!([{ "kind": "unreadable", "decision": "money back, goods absent" }]);
    assert_eq!(lost["cases"], decided);
    assert_eq!((&never["closed"], &never["money"]), (&"not_charged".into(), &"none".into()));
    assert_eq!(lost["payment"]["receipt"], serde_json::Value::Null);
}
