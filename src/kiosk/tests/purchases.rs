//! Orders for the stock that get no answer: their accounts are not held for ever, and nothing is dropped in silence.

use super::books::{archive, journal, rig, until};
use super::doubles::{Rig, delivery, settings};
use super::trade::{order, see_selling};
use crate::esim::{Doubt, LookUp, OrderOutcome, Outcome};
use crate::journal::Journal;
use crate::journal::purchases::{Purchase, PurchaseFact, PurchaseState};
use crate::kiosk::operator::OperatorCommand;
use crate::kiosk::view::Selling;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::Source;

fn buy(rig: &Rig, count: u16) -> OperatorCommand {
    OperatorCommand::BuyStock { provider: rig.provider.id.clone(), plan: "7".into(), count }
}

fn doubt() -> Doubt {
    Doubt { evidence: "no answer".into(), provider_date: None }
}

/// Sent by a run whose clock was not set, and never answered: this run's own age decides, as for a sale.
#[tokio::test(start_paused = true)]
async fn an_order_of_an_unset_clock_does_not_hold_its_account_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = journal(dir.path());
    let sent_at = Moment { run: before.run(), mono_ms: 5_000, wall_ms: 5_000, synced: false };
    let purchase = Purchase {
        id: SaleId::from_parts(1, 1),
        batch: None,
        offer: crate::journal::tests::offer(Source::Provider),
        state: PurchaseState::Asked,
        reference: None,
        profile: None,
        balance_before: None,
        sent_at,
        not_found: Vec::new(),
        evidence: String::new(),
        decided: None,
    };
    before.put_purchase(&purchase, None, sent_at).unwrap();
    drop(before);
    let mut rig = rig(dir.path(), None, settings()).await;
    let at = tokio::time::Instant::now();
    until(dir.path(), "surely not bought", |archive| archive.purchases().unwrap()[0].state == PurchaseState::Absent)
        .await;
    assert!(at.elapsed().as_secs() >= 115, "not before this run is old enough: {:?}", at.elapsed());
    // The account is free: the next one is bought.
    see_selling(&mut rig, Selling::Open).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(9)));
    let one = buy(&rig, 1);
    assert!(order(&mut rig, one).await.ok);
    until(dir.path(), "in stock", |archive| archive.stock().unwrap().len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_wallet_is_asked_again_and_nothing_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    let silent = || Outcome::Unknown(doubt());
    *rig.provider.wallet.lock().unwrap() = vec![silent(), silent(), Outcome::NeverSent("offline".into())];
    *rig.provider.next.lock().unwrap() = vec![OrderOutcome::Done(delivery(10)), OrderOutcome::Done(delivery(9))];
    let at = tokio::time::Instant::now();
    let two = buy(&rig, 2);
    assert!(order(&mut rig, two).await.ok);
    let waits = archive(dir.path()).batches().unwrap();
    assert_eq!((waits.len(), waits[0].begun, waits[0].is_dropped()), (1, 0, false));
    until(dir.path(), "two in stock", |archive| archive.stock().unwrap().iter().any(|row| row.count == 2)).await;
    // After 30, 60 and 120 s.
    assert!((210..240).contains(&at.elapsed().as_secs()), "{:?}", at.elapsed());
    assert!(archive(dir.path()).batches().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_drops_the_rest_aloud_and_is_decided_by_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Unknown(doubt()));
    let two_candidates = LookUp::Undecidable { evidence: "two orders fit".into() };
    rig.provider.looked_up.lock().unwrap().push(two_candidates);
    let three = buy(&rig, 3);
    assert!(order(&mut rig, three).await.ok);
    until(dir.path(), "in doubt", |archive| archive.purchases().unwrap().iter().any(Purchase::is_in_doubt)).await;
    let dropped = archive(dir.path()).batches().unwrap().remove(0);
    assert_eq!((dropped.begun, dropped.dropped.as_deref()), (1, Some("the order before is in doubt")));
    let id = archive(dir.path()).purchases().unwrap()[0].id;
    let decide = |reason: &str| OperatorCommand::DecidePurchase { id, fact: PurchaseFact::Lost, reason: reason.into() };
    assert!(!order(&mut rig, decide(" ")).await.ok, "no decision without a reason");
    assert!(order(&mut rig, decide("the provider's list of 22 November")).await.ok);
    assert!(!order(&mut rig, decide("again")).await.ok, "once");
    let known = archive(dir.path()).purchases().unwrap().remove(0);
    assert_eq!(known.decided.map(|by| (by.fact, by.reason)).unwrap().1, "the provider's list of 22 November");
    // What was dropped is told until something else is ordered, and never bought by itself.
    rig.running.abort();
    (&mut rig.running).await.ok();
    drop(rig);
    let mut rig = super::books::rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    assert!(rig.provider.orders.lock().unwrap().is_empty());
    assert_eq!(archive(dir.path()).batches().unwrap().len(), 1);
    rig.provider.next.lock().unwrap().push(OrderOutcome::Done(delivery(9)));
    let one = buy(&rig, 1);
    assert!(order(&mut rig, one).await.ok);
    until(dir.path(), "in stock", |archive| archive.stock().unwrap().len() == 1).await;
    assert!(archive(dir.path()).batches().unwrap().is_empty());
}

/// What waits for a wallet is taken back, also while the wallet is being read; a restart buys nothing of it.
#[tokio::test(start_paused = true)]
async fn what_waits_is_taken_back_with_a_reason_and_never_bought() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    *rig.provider.wallet.lock().unwrap() = (0..50).map(|_| Outcome::Unknown(doubt())).collect();
    let three = buy(&rig, 3);
    assert!(order(&mut rig, three).await.ok);
    let batch = archive(dir.path()).batches().unwrap()[0].id;
    let cancel = |batch, reason: &str| OperatorCommand::CancelStock { batch, reason: reason.into() };
    assert!(!order(&mut rig, cancel(batch, " ")).await.ok, "not without a reason");
    let other = order(&mut rig, cancel(SaleId::from_parts(9, 9), "a slip")).await;
    assert!(!other.ok && other.text.contains("stock list"), "{other:?}");
    let done = order(&mut rig, cancel(batch, "ordered by mistake, A. Meier")).await;
    assert!(done.ok && done.text.contains("3 of ") && !done.text.contains("goes on"), "{done:?}");
    let kept = archive(dir.path()).batches().unwrap().remove(0);
    assert_eq!(kept.dropped.as_deref(), Some("taken back: ordered by mistake, A. Meier"));
    assert!(!order(&mut rig, cancel(batch, "again")).await.ok, "once");
    rig.provider.wallet.lock().unwrap().clear();
    tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
    rig.running.abort();
    (&mut rig.running).await.ok();
    assert!(rig.provider.orders.lock().unwrap().is_empty(), "the wallet answers again, and nothing is bought");
    drop(rig);
    let mut rig = super::books::rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    assert!(rig.provider.orders.lock().unwrap().is_empty());
}

/// One was sent, and nobody knows what became of it: it is asked for on, and the rest is not bought.
#[tokio::test(start_paused = true)]
async fn what_was_sent_goes_on_when_the_rest_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    see_selling(&mut rig, Selling::Open).await;
    rig.provider.next.lock().unwrap().push(OrderOutcome::Unknown(doubt()));
    let three = buy(&rig, 3);
    assert!(order(&mut rig, three).await.ok);
    until(dir.path(), "sent", |archive| archive.purchases().unwrap().iter().any(Purchase::is_open)).await;
    let batch = archive(dir.path()).batches().unwrap()[0].id;
    let done = order(&mut rig, OperatorCommand::CancelStock { batch, reason: "enough".into() }).await;
    assert!(done.ok && done.text.contains("2 of ") && done.text.contains("goes on to its end"), "{done:?}");
    assert_eq!(archive(dir.path()).purchases().unwrap()[0].state, PurchaseState::Asked, "nothing is said of that one");
    rig.provider.looked_up.lock().unwrap().push(LookUp::Found(OrderOutcome::Done(delivery(9))));
    until(dir.path(), "in stock", |archive| archive.stock().unwrap().len() == 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    assert_eq!(rig.provider.orders.lock().unwrap().len(), 1, "no second one");
}
