//! The operator closes the machine: that survives a restart, and only opening it ends it.

use tokio::sync::oneshot;

use super::books::{journal, rig};
use super::doubles::{Rig, settings};
use super::{approve, off_sale};
use crate::journal::tests::Played;
use crate::kiosk::Intent;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::operator::{OperatorAnswer, OperatorCommand};
use crate::kiosk::status::Status;
use crate::kiosk::view::{Attract, OutOfService, Screen, Selling};

pub(super) async fn order(rig: &mut Rig, command: OperatorCommand) -> OperatorAnswer {
    let (answer, answered) = oneshot::channel();
    rig.tell(Inbox::Order { command, answer }).await;
    answered.await.unwrap()
}

pub(super) async fn status(rig: &mut Rig) -> Status {
    let (ask, answer) = oneshot::channel();
    rig.tell(Inbox::Look(ask)).await;
    answer.await.unwrap()
}

pub(super) async fn pull_the_plug(mut rig: Rig) {
    rig.running.abort();
    (&mut rig.running).await.ok();
}

fn is_closed(screen: &Screen) -> bool {
    matches!(screen, Screen::OutOfService { reason: OutOfService::Operator, can_claim: true, .. })
}

fn is_open(screen: &Screen) -> bool {
    matches!(screen, Screen::Attract(Attract { selling: Selling::Open, .. }))
}

#[tokio::test(start_paused = true)]
async fn closed_stays_closed_over_a_restart_and_open_stays_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    first.see("open", is_open).await;
    assert!(!status(&mut first).await.locked);
    assert!(off_sale::put(&mut first, "7", Some("recalled")).await.ok);
    assert!(order(&mut first, OperatorCommand::Lock(true)).await.ok);
    let closed = first.see("closed", is_closed).await;
    let Screen::OutOfService { since, .. } = closed.screen.clone() else { unreachable!() };
    pull_the_plug(first).await;

    let mut second = rig(dir.path(), None, settings()).await;
    let closed = second.see("still closed", is_closed).await;
    let Screen::OutOfService { since: again, .. } = closed.screen.clone() else { unreachable!() };
    assert_eq!(since, again, "since it was closed, not since the start");
    let told = status(&mut second).await;
    assert!(told.locked && told.selling == "paused" && told.reason == Some(OutOfService::Operator), "{told:?}");
    second.touch(Intent::Start).await;
    second.touch(Intent::OpenClaim).await;
    second.see("a code is taken", |screen| matches!(screen, Screen::ClaimEntry { .. })).await;
    second.touch(Intent::Back).await;
    second.see("closed again", is_closed).await;
    assert!(order(&mut second, OperatorCommand::Lock(true)).await.ok, "closing twice is no fault");
    assert!(order(&mut second, OperatorCommand::Lock(false)).await.ok);
    second.see("open", is_open).await;
    pull_the_plug(second).await;

    let mut third = rig(dir.path(), None, settings()).await;
    third.see("still open", is_open).await;
    assert!(!status(&mut third).await.locked);
    assert!(off_sale::look(&mut third).await.is_some(), "what is off sale stays so beside it");
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_is_begun_goes_on_while_the_machine_closes() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    approve(&mut rig).await;
    assert!(order(&mut rig, OperatorCommand::Lock(true)).await.ok);
    rig.see("the sale goes on", |screen| matches!(screen, Screen::Preparing { .. })).await;
    assert!(status(&mut rig).await.busy);
}

/// A paid eSIM that its traveller left behind waits for its claim code: that is in the journal, and keeps no restart.
#[tokio::test(start_paused = true)]
async fn what_waits_for_its_claim_code_keeps_no_restart() {
    let dir = tempfile::tempdir().unwrap();
    Played::waiting(journal(dir.path()).as_mut(), 1, "0042").unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    rig.see("open", is_open).await;
    let told = status(&mut rig).await;
    assert_eq!((told.open_sales, told.busy), (1, false));
    let may = order(&mut rig, OperatorCommand::MayRestart).await;
    assert!(may.ok, "{may:?}");
}
