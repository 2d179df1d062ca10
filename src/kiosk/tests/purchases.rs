//! Orders for the stock that get no answer: their accounts are not held for ever, and nothing is dropped in silence.

use super::books::{archive, journal, rig, until};
use super::doubles::{Rig, delivery, settings};
use super::trade::{order, see_selling};
use crate::esim::OrderOutcome;
use crate::journal::Journal;
use crate::journal::purchases::{Purchase, PurchaseState};
use crate::kiosk::operator::OperatorCommand;
use crate::kiosk::view::Selling;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::Source;

fn buy(rig: &Rig, count: u16) -> OperatorCommand {
    OperatorCommand::BuyStock { provider: rig.provider.id.clone(), plan: "7".into(), count }
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
