//! What runs beside the loop for operators: the recorder, the fleet link, the pull, the metrics. None of them can hold
//! the loop up: they ask it now and then, and live with no answer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, info, warn};

use crate::config::{Config, Pushed};
use crate::diagnostics::pull::{Puller, types, uploader};
use crate::diagnostics::recorder::{HealthLine, History, of_process};
use crate::fleet::link::Link;
use crate::fleet::office::FarOffice;
use crate::fleet::order::Order;
use crate::fleet::{Ends, News, Ordered};
use crate::journal::place::Place;
use crate::kiosk::alarms::{Machine, alarms};
use crate::kiosk::operator::PrinterTask;
use crate::kiosk::states::states;
use crate::kiosk::status::Status;
use crate::kiosk::{Inbox, OperatorCommand, View};
use crate::metrics::{self, Process};
use crate::office::BackOffice;
use crate::payment::zvt::FrameLog;
use crate::sale::offer::ProviderId;

/// Between two looks at the loop.
const EVERY: Duration = Duration::from_secs(5);
/// So long may the loop take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// So long may an order take to be carried out: a receipt on a slow printer, twice.
const ORDER_PATIENCE: Duration = Duration::from_secs(120);
/// Room for news, orders and pulls.
const ROOM: usize = 32;

/// What they are connected to.
pub(super) struct To {
    pub(super) inbox: mpsc::Sender<Inbox>,
    pub(super) views: watch::Receiver<Arc<View>>,
    pub(super) frames: FrameLog,
}

/// Starts them all; they end with the loop. Gives back the back office, where sales go over the broker.
pub(super) fn start(config: &Config, to: &To) -> Option<Arc<dyn BackOffice>> {
    let (status, now) = watch::channel(None);
    let (busy, is_busy) = watch::channel(false);
    let (news, told) = mpsc::channel(ROOM);
    tokio::spawn(record_screens(to.views.clone()));
    let watcher = Watcher {
        config: config.clone(),
        inbox: to.inbox.clone(),
        frames: to.frames.clone(),
        status,
        busy,
        news: config.fleet.is_some().then(|| news.clone()),
    };
    tokio::spawn(watcher.run());
    if let Some(listen) = config.metrics.as_ref().map(|section| section.listen) {
        tokio::spawn(serve_metrics(listen, config.machine.label.clone(), Place::of(&config.journal), now));
    }
    let section = config.fleet.as_ref()?;
    let office = section.sales.then(|| FarOffice::new(news));
    {
        let (orders, ordered) = mpsc::channel(4);
        let (commands, pulls) = mpsc::channel(4);
        let most = config.diagnostics.bundle_mb << 20;
        let puller = Puller { config_file: config.file.clone(), uploader: uploader(section), most, busy: is_busy };
        tokio::spawn(puller.run(pulls));
        let ends = Ends { news: told, orders, commands, taken: office.as_ref().map(FarOffice::answers) };
        let state = config.journal.directory.clone();
        tokio::spawn(Link::new(section.clone(), &config.machine.label, state, types(), ends).run());
        let first = config.machine.languages.first().cloned().unwrap_or_else(|| "en".to_owned());
        tokio::spawn(carry_out(ordered, to.inbox.clone(), first, config.file.clone()));
    }
    office.map(|office| Arc::new(office) as Arc<dyn BackOffice>)
}

/// Answered first: the service manager starts the program anew at once.
async fn start_anew(inbox: &mpsc::Sender<Inbox>, answer: oneshot::Sender<Result<String, String>>, words: &str) {
    answer.send(Ok(words.to_owned())).ok();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // A traveller may have come in the meantime.
    while !inbox.is_closed() && quiet(inbox).await.is_err() {}
    info!("starting anew, as ordered from afar");
    inbox.send(Inbox::Stop).await.ok();
}

/// Checks a part of a configuration and takes it on trial, once no sale is open.
async fn configure(inbox: &mpsc::Sender<Inbox>, file: &Path, part: String) -> Result<(), String> {
    quiet(inbox).await?;
    let status = look(inbox).await.ok_or_else(gone)?;
    let (file, paused) = (file.to_owned(), super::trial::paused(&status));
    let taken = tokio::task::spawn_blocking(move || {
        let own = Config::load(&file).map_err(|errors| errors.to_string())?;
        let pushed = Pushed::beside(&own.journal.directory);
        pushed.take(&file, &part, paused).map_err(|why| crate::telemetry::chain(&why))
    });
    taken.await.map_err(|_| "the check broke: see the log".to_owned())?
}

/// Asks the loop how it is.
pub(super) async fn look(inbox: &mpsc::Sender<Inbox>) -> Option<Status> {
    let (ask, answer) = oneshot::channel();
    inbox.send(Inbox::Look(ask)).await.ok()?;
    tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()
}

/// Every screen that was shown goes to the recorder.
async fn record_screens(mut views: watch::Receiver<Arc<View>>) {
    let mut last = "";
    while views.changed().await.is_ok() {
        let view = views.borrow_and_update().clone();
        if view.name() != last {
            last = view.name();
            of_process().screen(Timestamp::now(), view.name(), view.as_ref());
        }
    }
}

/// Looks at the loop and tells everybody.
struct Watcher {
    config: Config,
    inbox: mpsc::Sender<Inbox>,
    frames: FrameLog,
    status: watch::Sender<Option<Status>>,
    busy: watch::Sender<bool>,
    news: Option<mpsc::Sender<News>>,
}

impl Watcher {
    async fn run(self) {
        let section = &self.config.diagnostics;
        let journal = &self.config.journal.directory;
        let (live, history) = (section.live(journal), section.history(journal));
        let mut history = History::new(history, section.history_mb << 20);
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = self.inbox.closed() => return,
            }
            let Some(status) = look(&self.inbox).await else { continue };
            self.busy.send_replace(status.busy);
            if let Err(error) = history.note(line(&status)) {
                debug!(%error, "the health history cannot be written");
            }
            self.keep(&live, &status);
            self.tell(&status);
            self.status.send_replace(Some(status));
        }
    }

    /// What a bundle of a dead service will want.
    fn keep(&self, live: &Path, status: &Status) {
        if let Err(error) = of_process().write(live, status, &self.frames.lines()) {
            debug!(%error, "the recorder cannot be written");
        }
    }

    fn tell(&self, status: &Status) {
        let Some(news) = &self.news else { return };
        let place = Place::of(&self.config.journal);
        let machine = Machine {
            free_mb: place.free_mb().ok(),
            needed_mb: self.config.journal.head_room_mb,
            update_waits: std::path::Path::new("/run/esim-kiosk-boot/update-waits").exists(),
        };
        let low = self.config.fleet.as_ref().and_then(|fleet| fleet.low_balance.as_deref());
        for item in states(status).into_iter().chain(alarms(status, &machine, low)) {
            // A link that is behind hears the same again in a few seconds.
            if news.try_send(item).is_err() {
                return;
            }
        }
    }
}

fn line(status: &Status) -> HealthLine {
    let selling = match status.reason {
        Some(reason) => format!("paused: {reason:?}"),
        None => status.selling.to_owned(),
    };
    HealthLine {
        at: Timestamp::from_millisecond(status.at_ms).unwrap_or(Timestamp::UNIX_EPOCH),
        selling,
        terminal: status.terminal.clone(),
        printer: status.printer.clone(),
        online: status.online,
    }
}

/// Orders from afar go through the same door as every operator's.
async fn carry_out(
    mut ordered: mpsc::Receiver<Ordered>,
    inbox: mpsc::Sender<Inbox>,
    first_language: String,
    file: std::path::PathBuf,
) {
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
            Order::Restart => match quiet(&inbox).await {
                Ok(()) => return start_anew(&inbox, answer, "starting anew").await,
                Err(why) => {
                    answer.send(Err(why)).ok();
                    continue;
                }
            },
            Order::Configure { part } => match configure(&inbox, &file, part).await {
                Ok(()) => return start_anew(&inbox, answer, "on trial: starting anew with it").await,
                Err(why) => {
                    answer.send(Err(why)).ok();
                    continue;
                }
            },
        };
        answer.send(told(&inbox, command).await).ok();
    }
}

fn on_sale(provider: String, plan: String, off: Option<String>) -> OperatorCommand {
    OperatorCommand::PutOnSale { provider: ProviderId(provider), plan, off }
}

/// Orders through the loop's own door, and waits for what came of it.
async fn told(inbox: &mpsc::Sender<Inbox>, command: OperatorCommand) -> Result<String, String> {
    let (answer, answered) = oneshot::channel();
    inbox.send(Inbox::Order { command, answer }).await.map_err(|_| gone())?;
    let said = tokio::time::timeout(ORDER_PATIENCE, answered).await;
    let said = said.map_err(|_| "no answer within two minutes: see the log".to_owned())?.map_err(|_| gone())?;
    if said.ok { Ok(said.text) } else { Err(said.text) }
}

fn gone() -> String {
    "the service is on its way out".to_owned()
}

/// Waits until no traveller is in front and no money moves; a quarter of an hour at most.
pub(super) async fn quiet(inbox: &mpsc::Sender<Inbox>) -> Result<(), String> {
    for _ in 0..180 {
        match look(inbox).await {
            Some(status) if !status.busy => return Ok(()),
            Some(_) => tokio::time::sleep(EVERY).await,
            None => return Err(gone()),
        }
    }
    Err("a sale was open all the time: order it again".to_owned())
}

/// OpenMetrics for whoever asks on this machine.
async fn serve_metrics(listen: SocketAddr, machine: String, place: Place, mut status: watch::Receiver<Option<Status>>) {
    let listener = match TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(error) => return warn!(%listen, %error, "metrics.listen cannot be listened on: name a free port"),
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let Some(now) = status.borrow().clone() else { continue };
                let free_bytes = place.free_mb().ok().map(|free| free << 20);
                let page = metrics::page(&machine, &now, &Process { free_bytes, ..Process::of_this() });
                // One after the other, each with little time: nobody can hold it up.
                tokio::time::timeout(Duration::from_secs(2), answer_metrics(stream, &page)).await.ok();
            }
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}

async fn answer_metrics(mut stream: TcpStream, page: &str) -> std::io::Result<()> {
    let mut request = vec![0_u8; 2_048];
    let mut length = 0;
    while !request[..length].windows(4).any(|end| end == b"\r\n\r\n") && length < request.len() {
        match stream.read(&mut request[length..]).await? {
            0 => return Ok(()),
            count => length += count,
        }
    }
    let wanted = request.starts_with(b"GET /metrics ");
    let (status, body) = if wanted { ("200 OK", page) } else { ("404 Not Found", "") };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        metrics::CONTENT_TYPE,
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kiosk::OperatorAnswer;

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
}
