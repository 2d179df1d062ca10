//! The loop and its accounts: prices that move, accounts that cannot sell, lists that are not believed, and calls that an
//! operator makes by hand.

use tokio::sync::oneshot;

use super::books::{archive, rig};
use super::doubles::{Rig, settings};
use crate::esim::pace::Health;
use crate::esim::{Outcome, PriceCheck, Refusal, RefusalReason};
use crate::kiosk::Intent;
use crate::kiosk::alarms::{Machine, alarms};
use crate::kiosk::calls::ProviderCall;
use crate::kiosk::inbox::Inbox;
use crate::kiosk::operator::{OperatorAnswer, OperatorCommand};
use crate::kiosk::status::Status;
use crate::kiosk::view::{PayProblem, PlanDetail, PlanUnavailable, Screen};
use crate::money::{Currency, Exact};
use crate::sale::offer::ProviderId;
use crate::sim::memory::MemoryDisk;

fn costs(text: &str) -> Option<Outcome<PriceCheck>> {
    let cost = Exact::parse(text, Currency::EUR).unwrap();
    Some(Outcome::Done(PriceCheck { cost, available: true }))
}

fn refused(reason: RefusalReason) -> Option<Outcome<PriceCheck>> {
    Some(Outcome::Refused(Refusal { reason, detail: "no".into() }))
}

async fn detail(rig: &mut Rig, what: &str, fits: impl Fn(&PlanDetail) -> bool) -> PlanDetail {
    let view = rig.see(what, |screen| matches!(screen, Screen::PlanDetail(detail) if fits(detail))).await;
    let Screen::PlanDetail(detail) = &view.screen else { unreachable!() };
    detail.clone()
}

#[tokio::test(start_paused = true)]
async fn a_price_that_moved_is_shown_before_the_card_and_then_paid() {
    let mut rig = Rig::start(&MemoryDisk::default()).await;
    rig.walk_to_plan().await;
    detail(&mut rig, "a plan that can be paid", |detail| detail.can_pay).await;
    *rig.provider.price.lock().unwrap() = costs("6.2");
    rig.touch(Intent::Pay).await;
    let moved =
        |detail: &PlanDetail| matches!(&detail.problem, Some(PayProblem::PriceChanged { was }) if was.contains("9,90"));
    let shown = detail(&mut rig, "the price that moved", moved).await;
    // 6.20 × 2, up to the next ,90.
    assert!(shown.plan.price.contains("12,90") && shown.can_pay, "the new price stands on the screen: {shown:?}");
    rig.touch(Intent::Pay).await;
    rig.see("the card at the new price", |screen| matches!(screen, Screen::Pay(pay) if pay.amount.contains("12,90")))
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_price_is_read_again_as_soon_as_somebody_looks_at_a_plan() {
    let mut rig = Rig::start(&MemoryDisk::default()).await;
    *rig.provider.price.lock().unwrap() = costs("6.2");
    rig.walk_to_plan().await;
    let shown = detail(&mut rig, "the price of now", |detail| detail.plan.price.contains("12,90")).await;
    assert!(matches!(shown.problem, Some(PayProblem::PriceChanged { .. })), "{shown:?}");
    rig.touch(Intent::Pay).await;
    rig.see("the card", |screen| matches!(screen, Screen::Pay(_))).await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_gone_says_so_before_payment_and_a_silent_provider_proves_nothing() {
    let mut rig = Rig::start(&MemoryDisk::default()).await;
    rig.walk_to_plan().await;
    *rig.provider.price.lock().unwrap() = refused(RefusalReason::RateLimited);
    rig.touch(Intent::Pay).await;
    let gone = |detail: &PlanDetail| detail.problem == Some(PayProblem::PlanGone) && !detail.preparing;
    let shown = detail(&mut rig, "not now", gone).await;
    assert_eq!(shown.plan.unavailable, None, "too many requests say nothing about the plan");
    *rig.provider.price.lock().unwrap() = refused(RefusalReason::PlanGone);
    rig.touch(Intent::Pay).await;
    let shown = detail(&mut rig, "gone", |detail| gone(detail) && detail.plan.unavailable.is_some()).await;
    assert!(!shown.can_pay && shown.plan.unavailable == Some(PlanUnavailable::NotNow), "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn what_an_account_knows_of_itself_stops_its_plans_and_is_told_to_the_operator() {
    let mut rig = Rig::start(&MemoryDisk::default()).await;
    rig.walk_to_plan().await;
    detail(&mut rig, "a plan that can be paid", |detail| detail.can_pay).await;
    let clock = Health { clock_ahead_s: Some(600), ..Health::default() };
    *rig.provider.trouble.lock().unwrap() = Some(clock);
    let shown = detail(&mut rig, "not now", |detail| detail.plan.unavailable.is_some()).await;
    assert!(!shown.can_pay && shown.plan.unavailable == Some(PlanUnavailable::NotNow));
    let provider = ProviderId("mobilexy".into());
    let refused = Some("4 of 10 plans are gone".to_owned());
    rig.tell(Inbox::Listed { provider: provider.clone(), refused }).await;
    let status = look(&mut rig).await;
    assert_eq!(status.accounts[0].trouble().unwrap(), "our clock is 600 s ahead of its");
    let said = format!("{:?}", alarms(&status, &Machine::default(), None));
    assert!(said.contains("our clock is 600 s ahead") && said.contains("4 of 10 plans are gone"), "{said}");
    *rig.provider.trouble.lock().unwrap() = None;
    rig.tell(Inbox::Listed { provider, refused: None }).await;
    detail(&mut rig, "it sells again", |detail| detail.can_pay).await;
    let status = look(&mut rig).await;
    assert_eq!((status.accounts[0].trouble(), status.accounts[0].list_refused.clone()), (None, None));
}

async fn look(rig: &mut Rig) -> Status {
    let (tell, told) = oneshot::channel();
    rig.tell(Inbox::Look(tell)).await;
    told.await.unwrap()
}

fn call(row: &str, args: &[(&str, &str)]) -> OperatorCommand {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    OperatorCommand::CallProvider(ProviderCall { provider: ProviderId("mobilexy".into()), row: row.into(), args })
}

async fn begin(rig: &mut Rig, command: OperatorCommand) -> oneshot::Receiver<OperatorAnswer> {
    let (answer, told) = oneshot::channel();
    rig.tell(Inbox::Order { command, answer }).await;
    told
}

#[tokio::test(start_paused = true)]
async fn a_call_that_changes_something_is_written_first_and_holds_the_account() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), None, settings()).await;
    first.walk_to_plan().await;
    detail(&mut first, "a plan that can be paid", |detail| detail.can_pay).await;
    let none = begin(&mut first, call("no-such-call", &[])).await.await.unwrap();
    assert!(!none.ok && none.text.contains("calls"), "{none:?}");
    let code = serde_json::json!({"esim": {"qr_code": "LPA:1$smdp.io$TOPSECRET"}, "n": 1});
    first.provider.answers.lock().unwrap().push(Outcome::Done(code));
    let read = begin(&mut first, call("balance", &[])).await.await.unwrap();
    assert!(read.ok && read.value["n"] == 1 && !read.value.to_string().contains("TOPSECRET"), "{read:?}");
    assert_eq!(archive(dir.path()).operator_calls().unwrap(), [], "what only reads leaves nothing behind");

    let hanging = begin(&mut first, call("number-cancel", &[("id", "15"), ("api_token", "t0ps3cret")])).await;
    detail(&mut first, "the account is held", |detail| detail.plan.unavailable == Some(PlanUnavailable::BackInMinutes))
        .await;
    let second = begin(&mut first, call("number-cancel", &[("id", "16")])).await.await.unwrap();
    assert!(!second.ok && second.text.contains("under way"), "{second:?}");
    let made = archive(dir.path()).operator_calls().unwrap();
    assert_eq!((made.len(), made[0].row.as_str(), made[0].outcome.as_deref()), (1, "number-cancel", None));
    assert_eq!(made[0].parameters, ["id=15", "api_token=•••"]);

    // The power fails while nobody knows what came of it.
    first.running.abort();
    (&mut first.running).await.ok();
    drop((first, hanging));
    let mut again = rig(dir.path(), None, settings()).await;
    again.provider.answers.lock().unwrap().push(Outcome::Done(serde_json::json!({"status": "success"})));
    let done = begin(&mut again, call("number-cancel", &[("id", "16")])).await.await.unwrap();
    assert!(done.ok, "{done:?}");
    let made = archive(dir.path()).operator_calls().unwrap();
    let outcomes: Vec<&str> = made.iter().map(|call| call.outcome.as_deref().unwrap()).collect();
    assert!(outcomes[0].starts_with("unknown") && outcomes[1] == "answered", "{outcomes:?}");
}

#[test]
fn an_order_in_the_log_shows_no_secret() {
    let call = call("smtp-update", &[("smtp_pass", "hunter2"), ("code", "LPA:1$smdp.io$TOPSECRET"), ("id", "7")]);
    let said = format!("{call:?}");
    assert!(!said.contains("hunter2") && !said.contains("TOPSECRET") && said.contains("id=7"), "{said}");
}
