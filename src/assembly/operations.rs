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
use tracing::{debug, warn};

use crate::config::{Config, Pushed};
use crate::diagnostics::errand;
use crate::diagnostics::pull::{Puller, types, uploader};
use crate::diagnostics::recorder::{HealthLine, History, of_process};
use crate::diagnostics::spans::zero_line;
use crate::fleet::link::Link;
use crate::fleet::office::FarOffice;
use crate::fleet::{Ends, News};
use crate::journal::place::Place;
use crate::kiosk::alarms::{Machine, Update, alarms};
use crate::kiosk::states::states;
use crate::kiosk::status::Status;
use crate::kiosk::{Inbox, View};
use crate::metrics::{self, Process};
use crate::office::BackOffice;
use crate::payment::zvt::FrameLog;

/// Between two looks at the loop.
pub(super) const EVERY: Duration = Duration::from_secs(5);
/// So long may the loop take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
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
        let unit = Some(errand::SOCKET.into());
        let puller =
            Puller { config_file: config.file.clone(), uploader: uploader(section), most, busy: is_busy, unit };
        tokio::spawn(puller.run(pulls));
        let ends = Ends { news: told, orders, commands, taken: office.as_ref().map(FarOffice::answers) };
        let state = config.journal.directory.clone();
        tokio::spawn(Link::new(section.clone(), &config.machine.label, state, types(), ends).run());
        let first = config.machine.languages.first().cloned().unwrap_or_else(|| "en".to_owned());
        tokio::spawn(super::orders::carry_out(ordered, to.inbox.clone(), first, config.file.clone()));
    }
    office.map(|office| Arc::new(office) as Arc<dyn BackOffice>)
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
        let age = jiff::SignedDuration::try_from(self.frames.age()).unwrap_or_default();
        let zero = Timestamp::now().saturating_sub(age).unwrap_or_default();
        let mut line = vec![zero_line(zero)];
        line.extend(self.frames.lines());
        if let Err(error) = of_process().write(live, status, &line) {
            debug!(%error, "the recorder cannot be written");
        }
    }

    fn tell(&self, status: &Status) {
        let Some(news) = &self.news else { return };
        let place = Place::of(&self.config.journal);
        let machine = Machine {
            free_mb: place.free_mb().ok(),
            needed_mb: self.config.journal.head_room_mb,
            update: update_of(Path::new(BOOT_MARKS)),
            configuration_refused: Pushed::beside(&self.config.journal.directory).refused().is_some(),
        };
        let low = self.config.fleet.as_ref().and_then(|fleet| fleet.low_balance.as_deref());
        for item in states(status, super::image::version()).into_iter().chain(alarms(status, &machine, low)) {
            // A link that is behind hears the same again in a few seconds.
            if news.try_send(item).is_err() {
                return;
            }
        }
    }
}

/// Where the units of the two slots leave their marks: it is gone with each start.
const BOOT_MARKS: &str = "/run/esim-kiosk-boot";

/// What the marks of the slots' units say (systemd/device: `update`, `confirm`).
fn update_of(marks: &Path) -> Update {
    let worst_first = [
        ("update-fell-back", Update::FellBack),
        ("update-refused", Update::NotInstalled),
        ("update-unheard", Update::NotInstalled),
        ("update-waits", Update::Waits),
    ];
    let there = worst_first.into_iter().find(|(mark, _)| marks.join(mark).exists());
    there.map_or(Update::Settled, |(_, update)| update)
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
    // What a test lays out need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use super::*;

    #[test]
    fn the_marks_of_the_slots_tell_how_an_update_went_the_worst_first() {
        let marks = tempfile::tempdir().unwrap();
        let after = |mark: &str| {
            std::fs::write(marks.path().join(mark), "").unwrap();
            update_of(marks.path())
        };
        assert_eq!(update_of(marks.path()), Update::Settled);
        assert_eq!(update_of(&marks.path().join("no such directory")), Update::Settled, "a machine with one slot");
        assert_eq!(after("confirmed"), Update::Settled);
        assert_eq!(after("update-waits"), Update::Waits);
        assert_eq!(after("update-unheard"), Update::NotInstalled);
        std::fs::remove_file(marks.path().join("update-unheard")).unwrap();
        assert_eq!(after("update-refused"), Update::NotInstalled);
        assert_eq!(after("update-fell-back"), Update::FellBack);
    }
}
