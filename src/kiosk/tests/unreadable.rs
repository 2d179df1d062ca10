//! One sale of the journal that cannot be read any more: the kiosk goes on, and a person closes its case.

use super::books::{archive, buy, journal, rig};
use super::doubles::{Rig, settings};
use super::trade::order;
use crate::journal::tests::{Played, quote};
use crate::journal::unreadable::CASE;
use crate::kiosk::operator::{GoodsFact, MoneyFact, OperatorCommand, Statement};
use crate::kiosk::view::{Screen, Selling};
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
