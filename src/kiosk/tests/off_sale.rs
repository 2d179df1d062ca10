//! A plan that the operator takes off sale is not offered any more, also after a restart.

use tokio::sync::oneshot;

use super::books::rig;
use super::doubles::{Rig, settings};
use crate::kiosk::Intent;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::operator::{OperatorAnswer, OperatorCommand};
use crate::kiosk::view::{PlanUnavailable, Screen, Selling};

pub(super) async fn put(rig: &mut Rig, plan: &str, off: Option<&str>) -> OperatorAnswer {
    let (tell, told) = oneshot::channel();
    let provider = rig.provider.id.clone();
    let command = OperatorCommand::PutOnSale { provider, plan: plan.into(), off: off.map(str::to_owned) };
    rig.tell(Inbox::Order { command, answer: tell }).await;
    told.await.unwrap()
}

/// Walks to the plans; whether the one there can be bought.
pub(super) async fn look(rig: &mut Rig) -> Option<PlanUnavailable> {
    let open = |screen: &Screen| matches!(screen, Screen::Attract(attract) if attract.selling == Selling::Open);
    rig.see("an open kiosk", open).await;
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("en".into())).await;
    rig.touch(Intent::ChooseDestination("jp".into())).await;
    let view = rig.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
    let Screen::Plans(plans) = &view.screen else { unreachable!() };
    let unavailable = plans.plans[0].unavailable;
    rig.touch(Intent::ChoosePlan(plans.plans[0].id.clone())).await;
    rig.touch(Intent::AcceptTerms(true)).await;
    let ticked = |screen: &Screen| matches!(screen, Screen::PlanDetail(plan) if plan.terms_accepted);
    let view = rig.see("the plan", ticked).await;
    let Screen::PlanDetail(plan) = &view.screen else { unreachable!() };
    assert_eq!((plan.plan.unavailable, plan.can_pay), (unavailable, unavailable.is_none()));
    rig.touch(Intent::StartOver).await;
    unavailable
}

#[tokio::test(start_paused = true)]
async fn it_is_said_before_payment_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    assert_eq!(look(&mut first).await, None);
    assert!(!put(&mut first, "7", Some(" ")).await.ok, "a reason is due");
    assert!(!put(&mut first, "7", None).await.ok, "it is on sale");
    let said = put(&mut first, "7", Some("recalled by the provider")).await;
    assert!(said.ok && said.text.contains("recalled"), "{said:?}");
    assert_eq!(look(&mut first).await, Some(PlanUnavailable::NotNow));
    first.running.abort();
    (&mut first.running).await.ok();
    drop(first);

    let mut rig = rig(dir.path(), None, settings()).await;
    assert_eq!(look(&mut rig).await, Some(PlanUnavailable::NotNow));
    assert!(rig.orders.try_recv().is_err(), "no card was asked");
    assert!(put(&mut rig, "7", None).await.ok);
    assert_eq!(look(&mut rig).await, None);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_withdrawn_while_it_is_looked_at_is_not_sold() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), None, settings()).await;
    let open = |screen: &Screen| matches!(screen, Screen::Attract(attract) if attract.selling == Selling::Open);
    rig.see("an open kiosk", open).await;
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("en".into())).await;
    rig.touch(Intent::ChooseDestination("jp".into())).await;
    let view = rig.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
    let Screen::Plans(plans) = &view.screen else { unreachable!() };
    rig.touch(Intent::ChoosePlan(plans.plans[0].id.clone())).await;
    rig.touch(Intent::AcceptTerms(true)).await;
    assert!(put(&mut rig, "7", Some("recalled")).await.ok);
    rig.touch(Intent::Pay).await;
    rig.see("why not", |screen| matches!(screen, Screen::PlanDetail(plan) if plan.problem.is_some())).await;
    assert!(rig.orders.try_recv().is_err(), "no card was asked");
}
