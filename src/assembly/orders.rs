//! Orders from afar, carried out: what the loop is told, and what starts the program anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{debug, info};

use super::operations::{EVERY, PATIENCE, look};
use crate::config::{Config, Pushed};
use crate::fleet::Ordered;
use crate::fleet::order::Order;
use crate::kiosk::operator::PrinterTask;
use crate::kiosk::{Inbox, OperatorAnswer, OperatorCommand};
use crate::sale::offer::ProviderId;

/// So long may an order take to be carried out: a receipt on a slow printer, twice.
const ORDER_PATIENCE: Duration = Duration::from_secs(120);

/// Orders from afar go through the same door as every operator's, in the order in which they came. Nothing here waits for
/// what comes of one: a machine is closed at once, whatever else is under way.
pub(super) async fn carry_out(
    mut ordered: mpsc::Receiver<Ordered>,
    inbox: mpsc::Sender<Inbox>,
    first_language: String,
    file: PathBuf,
) {
    let mut anew: Option<JoinHandle<()>> = None;
    while let Some(Ordered { order, answer }) = ordered.recv().await {
        let command = match order {
            Order::Lock => OperatorCommand::Lock(true),
            Order::Unlock => OperatorCommand::Lock(false),
            Order::RefreshCatalogue => OperatorCommand::RefreshCatalogue,
            Order::EndOfDay => OperatorCommand::EndOfDay,
            Order::OffSale { provider, plan, reason } => on_sale(provider, plan, Some(reason)),
            Order::OnSale { provider, plan } => on_sale(provider, plan, None),
            Order::PrintTest { language } => {
                OperatorCommand::Printer(PrinterTask::Test(language.unwrap_or_else(|| first_language.clone())))
            }
            Order::Restart | Order::Configure { .. } if anew.as_ref().is_some_and(|task| !task.is_finished()) => {
                answer.send(Err("another restart waits: order it again afterwards".to_owned())).ok();
                continue;
            }
            Order::Restart => {
                anew = Some(tokio::spawn(anew_with(inbox.clone(), None, answer)));
                continue;
            }
            Order::Configure { part } => {
                anew = Some(tokio::spawn(anew_with(inbox.clone(), Some((file.clone(), part)), answer)));
                continue;
            }
        };
        let (tell, told) = oneshot::channel();
        if inbox.send(Inbox::Order { command, answer: tell }).await.is_err() {
            answer.send(Err(gone())).ok();
            continue;
        }
        tokio::spawn(async move { answer.send(said(told).await) });
    }
}

/// Starts the program anew once nobody is in front, with a part of a configuration on trial or as it is.
async fn anew_with(
    inbox: mpsc::Sender<Inbox>,
    part: Option<(PathBuf, String)>,
    answer: oneshot::Sender<Result<String, String>>,
) {
    let taken = match (quiet(&inbox).await, part) {
        (Err(why), _) => Err(why),
        (Ok(()), None) => Ok("starting anew"),
        (Ok(()), Some((file, part))) => {
            configure(&inbox, &file, part).await.map(|()| "on trial: starting anew with it")
        }
    };
    match taken {
        Ok(words) => start_anew(&inbox, answer, words).await,
        Err(why) => drop(answer.send(Err(why))),
    }
}

fn on_sale(provider: String, plan: String, off: Option<String>) -> OperatorCommand {
    OperatorCommand::PutOnSale { provider: ProviderId(provider), plan, off }
}

/// What came of an order that is in the loop.
async fn said(told: oneshot::Receiver<OperatorAnswer>) -> Result<String, String> {
    let said = tokio::time::timeout(ORDER_PATIENCE, told).await;
    let said = said.map_err(|_| "no answer within two minutes: see the log".to_owned())?.map_err(|_| gone())?;
    if said.ok { Ok(said.text) } else { Err(said.text) }
}

fn gone() -> String {
    "the service is on its way out".to_owned()
}

/// Waits until no traveller is in front and no money moves; a quarter of an hour at most.
async fn quiet(inbox: &mpsc::Sender<Inbox>) -> Result<(), String> {
    for _ in 0..180 {
        match look(inbox).await {
            Some(status) if !status.busy => return Ok(()),
            Some(_) => tokio::time::sleep(EVERY).await,
            None => return Err(gone()),
        }
    }
    Err("a sale was open all the time: order it again".to_owned())
}

/// Answered first: the service manager starts the program anew at once.
async fn start_anew(inbox: &mpsc::Sender<Inbox>, answer: oneshot::Sender<Result<String, String>>, words: &str) {
    answer.send(Ok(words.to_owned())).ok();
    tokio::time::sleep(Duration::from_secs(2)).await;
    info!("starting anew, as ordered from afar, as soon as nobody is in front");
    stop_when_quiet(inbox).await;
}

/// Ends the program at the first moment at which nobody is cut off. The loop decides: a traveller may have come since
/// anybody else looked.
pub(super) async fn stop_when_quiet(inbox: &mpsc::Sender<Inbox>) {
    loop {
        let (ask, refused) = oneshot::channel();
        if inbox.send(Inbox::StopWhenQuiet(ask)).await.is_err() {
            return;
        }
        match tokio::time::timeout(PATIENCE, refused).await {
            Ok(Err(_)) => return,
            Ok(Ok(why)) => {
                debug!(why.text, "the start anew waits");
                tokio::time::sleep(EVERY).await;
            }
            Err(_) => {}
        }
    }
}

/// Checks a part of a configuration and takes it on trial.
async fn configure(inbox: &mpsc::Sender<Inbox>, file: &Path, part: String) -> Result<(), String> {
    let status = look(inbox).await.ok_or_else(gone)?;
    let (file, before) = (file.to_owned(), super::trial::troubles(&status));
    let taken = tokio::task::spawn_blocking(move || {
        let own = Config::load(&file).map_err(|errors| errors.to_string())?;
        let pushed = Pushed::beside(&own.journal.directory);
        pushed.take(&file, &part, before).map_err(|why| crate::telemetry::chain(&why))
    });
    taken.await.map_err(|_| "the check broke: see the log".to_owned())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kiosk::alarms::tests::well;
    use crate::kiosk::status::Status;

    /// Orders one thing; what entered the loop, and what was answered from afar once the loop has said `said`.
    async fn ordered(order: Order, said: OperatorAnswer) -> (OperatorCommand, Result<String, String>) {
        let (orders, taken) = mpsc::channel(4);
        let (inbox, mut queue) = mpsc::channel(4);
        tokio::spawn(carry_out(taken, inbox, "de".to_owned(), "/nonexistent".into()));
        let (answer, answered) = oneshot::channel();
        orders.send(Ordered { order, answer }).await.unwrap();
        let Some(Inbox::Order { command, answer }) = queue.recv().await else { panic!("nothing entered the loop") };
        answer.send(said).unwrap();
        (command, answered.await.unwrap())
    }

    #[tokio::test]
    async fn what_the_loop_says_is_the_answer_to_an_order_from_afar() {
        let test = |language: Option<&str>| Order::PrintTest { language: language.map(str::to_owned) };
        let printed = OperatorAnswer::done("printed: the printer says so");
        let (command, said) = ordered(test(Some("tr")), printed.clone()).await;
        assert_eq!(command, OperatorCommand::Printer(PrinterTask::Test("tr".into())));
        assert_eq!(said, Ok(printed.text.clone()));
        let busy = OperatorAnswer::refused("a traveller is in front");
        let (command, said) = ordered(test(None), busy.clone()).await;
        assert_eq!(command, OperatorCommand::Printer(PrinterTask::Test("de".into())), "the hall's first language");
        assert_eq!(said, Err(busy.text));

        let (provider, plan, reason) = ("mobilexy".to_owned(), "7".to_owned(), "recalled".to_owned());
        let off = Order::OffSale { provider: provider.clone(), plan: plan.clone(), reason: reason.clone() };
        let (command, said) = ordered(off, printed.clone()).await;
        assert_eq!(command, on_sale(provider.clone(), plan.clone(), Some(reason)));
        assert!(said.is_ok());
        let back = Order::OnSale { provider: provider.clone(), plan: plan.clone() };
        for (order, command) in [
            (back, on_sale(provider, plan, None)),
            (Order::Lock, OperatorCommand::Lock(true)),
            (Order::Unlock, OperatorCommand::Lock(false)),
            (Order::EndOfDay, OperatorCommand::EndOfDay),
            (Order::RefreshCatalogue, OperatorCommand::RefreshCatalogue),
        ] {
            let (entered, said) = ordered(order, printed.clone()).await;
            assert_eq!((entered, said), (command, Ok(printed.text.clone())));
        }
    }

    fn to_do(order: Order) -> (Ordered, oneshot::Receiver<Result<String, String>>) {
        let (answer, answered) = oneshot::channel();
        (Ordered { order, answer }, answered)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_carried_out_while_a_restart_waits_and_a_second_restart_is_refused() {
        let (orders, taken) = mpsc::channel(4);
        let (inbox, mut queue) = mpsc::channel(4);
        tokio::spawn(carry_out(taken, inbox, "de".to_owned(), "/nonexistent".into()));
        let (restart, mut restarted) = to_do(Order::Restart);
        orders.send(restart).await.unwrap();
        let busy = || Status { busy: true, ..well() };
        let Some(Inbox::Look(look)) = queue.recv().await else { panic!("it looks first") };
        look.send(busy()).unwrap();
        for second in [Order::Restart, Order::Configure { part: String::new() }] {
            let (second, refused) = to_do(second);
            orders.send(second).await.unwrap();
            assert!(refused.await.unwrap().unwrap_err().contains("another restart waits"));
        }
        let (lock, locked) = to_do(Order::Lock);
        orders.send(lock).await.unwrap();
        loop {
            match queue.recv().await.unwrap() {
                Inbox::Look(look) => look.send(busy()).unwrap(),
                Inbox::Order { command, answer } => {
                    assert_eq!(command, OperatorCommand::Lock(true));
                    answer.send(OperatorAnswer::done("closed")).unwrap();
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(locked.await.unwrap(), Ok("closed".to_owned()));
        assert!(restarted.try_recv().is_err(), "the restart still waits");
        // Quiet at last, a traveller comes in between, and goes: the loop has the last word.
        let mut refusals = 1;
        loop {
            match queue.recv().await.unwrap() {
                Inbox::Look(look) => look.send(well()).unwrap(),
                Inbox::StopWhenQuiet(answer) if refusals > 0 => {
                    refusals -= 1;
                    answer.send(OperatorAnswer::refused("a traveller stands at the screen")).unwrap();
                }
                Inbox::StopWhenQuiet(_) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(restarted.await.unwrap(), Ok("starting anew".to_owned()));
    }
}
