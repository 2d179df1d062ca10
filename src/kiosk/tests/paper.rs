//! What operators ask of the printer, and selling when it cannot print.

use tokio::sync::oneshot;

use super::doubles::{Rig, settings};
use crate::kiosk::inbox::Inbox;
use crate::kiosk::operator::{OperatorAnswer, OperatorCommand, PrinterTask};
use crate::kiosk::view::{OutOfService, Screen, Selling};
use crate::kiosk::{Intent, Settings};
use crate::printer::{PrintOutcome, PrinterFault, PrinterState};
use crate::sim::memory::MemoryDisk;

async fn order(rig: &mut Rig, task: PrinterTask) -> OperatorAnswer {
    let (tell, told) = oneshot::channel();
    rig.tell(Inbox::Order { command: OperatorCommand::Printer(task), answer: tell }).await;
    told.await.unwrap()
}

async fn sells(rig: &mut Rig, selling: Selling) {
    let fits = |screen: &Screen| matches!(screen, Screen::Attract(attract) if attract.selling == selling);
    rig.see(&format!("{selling:?}"), fits).await;
}

#[tokio::test(start_paused = true)]
async fn a_test_receipt_is_printed_between_travellers_and_answered() {
    let mut rig = Rig::start(&MemoryDisk::default()).await;
    sells(&mut rig, Selling::Open).await;
    let said = order(&mut rig, PrinterTask::Test("de".into())).await;
    assert!(said.ok, "{said:?}");
    assert_eq!(serde_json::from_value::<PrintOutcome>(said.value).unwrap(), PrintOutcome::Confirmed);
    let printed = rig.receipts.lock().unwrap().clone();
    assert_eq!(printed.len(), 1);
    assert_eq!((printed[0].number.0.as_str(), printed[0].language.as_str()), ("K07-TEST", "de"));

    rig.touch(Intent::Start).await;
    rig.see("a traveller", |screen| !matches!(screen, Screen::Attract(_))).await;
    for task in [PrinterTask::Test("de".into()), PrinterTask::Probe] {
        let refused = order(&mut rig, task).await;
        assert!(!refused.ok && refused.value.is_null(), "{refused:?}");
    }
    let state = order(&mut rig, PrinterTask::Status).await;
    assert_eq!(
        serde_json::from_value::<PrinterState>(state.value).unwrap(),
        PrinterState::Ready { paper_low: false },
        "its state may be asked at any time"
    );
    assert_eq!(rig.receipts.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_paper_it_is_said_before_payment_or_nothing_is_sold() {
    let jam = || Inbox::Printer(PrinterState::Faulty(PrinterFault::PaperOut));
    let mut rig = Rig::start(&MemoryDisk::default()).await;
    sells(&mut rig, Selling::Open).await;
    rig.tell(Inbox::Printer(PrinterState::Ready { paper_low: true })).await;
    sells(&mut rig, Selling::Open).await;
    rig.tell(jam()).await;
    sells(&mut rig, Selling::WithoutPaper).await;
    rig.touch(Intent::Start).await;
    rig.touch(Intent::ChooseLanguage("de".into())).await;
    rig.touch(Intent::ChooseDestination("jp".into())).await;
    let view = rig.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
    let Screen::Plans(plans) = &view.screen else { unreachable!() };
    rig.touch(Intent::ChoosePlan(plans.plans[0].id.clone())).await;
    rig.see("said before paying", |screen| matches!(screen, Screen::PlanDetail(plan) if plan.without_paper)).await;
    rig.tell(Inbox::Printer(PrinterState::Ready { paper_low: false })).await;
    rig.see("paper again", |screen| matches!(screen, Screen::PlanDetail(plan) if !plan.without_paper)).await;
    rig.running.abort();

    let required = Settings { paper_required: true, ..settings() };
    let mut rig = Rig::over(Box::new(MemoryDisk::default().open()), None, required).await;
    sells(&mut rig, Selling::Open).await;
    rig.tell(jam()).await;
    sells(&mut rig, Selling::Paused(OutOfService::Printer)).await;
}
