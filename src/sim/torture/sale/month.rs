//! A month of one kiosk in virtual time: the product's loop, its journal in files and its session with the terminal,
//! with everything that an unattended month brings. What grows meanwhile is told after each day.

use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::blade::{Cut, Disk};
use super::books::{Wrong, audit};
use super::play::rest;
use super::scenario::{Setting, WallStep};
use super::shop::Manner;
use super::stand::{Open, Stand};
use crate::diagnostics::recorder::{HealthLine, History, of_process};
use crate::esim::DuplicateGuard;
use crate::kiosk::Inbox;
use crate::metrics::{self, Process};
use crate::sim::chance::Chance;
use crate::sim::kiosk::robot::{Cancels, Ended, Errand, Sight};
use crate::sim::terminal::torture::in_virtual_time;
use crate::sim::terminal::{Cardholder, Stranded};

/// Longer than any traveller waits.
const PATIENCE: Duration = Duration::from_secs(900);
/// The watchdog asks loop and journal so often.
const PING: Duration = Duration::from_secs(2);
/// The operators' side looks at the loop at every so-manyth ping: about each 5 s.
const LOOK: u32 = 3;
/// A day has so many hours of travellers; the rest of it is night.
const OPEN: Duration = Duration::from_secs(20 * 3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// The health history of a soak.
const HISTORY_BYTES: u64 = 1 << 20;

/// What to live through.
#[derive(Debug, Clone, Copy)]
pub struct Month {
    /// Days.
    pub days: u32,
    /// Travellers a day.
    pub sales_a_day: u32,
    /// So many samples a day.
    pub samples: u32,
    /// Records of sales that the back office has go after so many days.
    pub keep_sales_days: u32,
    /// Of everything random.
    pub seed: u64,
}

/// What there is of everything that could grow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Days that are over.
    pub days: f64,
    /// Travellers until now.
    pub sales: u64,
    /// Resident memory of the process, simulators and their ledgers included.
    pub resident_bytes: u64,
    /// Open files and sockets.
    pub handles: u64,
    /// Tasks of the runtime.
    pub tasks: u64,
    /// Files in the state directory.
    pub files: u64,
    /// Database with its log.
    pub database_bytes: u64,
    /// The write-ahead log alone.
    pub log_bytes: u64,
    /// What the recorder and the history have on disk.
    pub recorder_bytes: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Lived {
    /// After each part of a day.
    pub samples: Vec<Sample>,
    /// Eyes that saw an activation code.
    pub shown: u64,
    /// Ends of day.
    pub day_ends: usize,
    /// Starts of the program.
    pub starts: u32,
    /// Steps of the wall clock.
    pub clock_steps: u32,
    /// Sales whose records were taken out.
    pub taken_out: usize,
    /// What was wrong.
    pub wrongs: Vec<String>,
}

/// Lives it. `tells` hears of each sample.
///
/// # Errors
/// No runtime can be had. Must not be called from inside a runtime.
pub fn lived(month: &Month, tells: &mut dyn FnMut(&Sample)) -> io::Result<Lived> {
    in_virtual_time(play(month, tells))
}

/// The kiosk, and whoever looks after it.
struct House {
    stand: Stand,
    open: Open,
    keeper: tokio::task::JoinHandle<()>,
    chance: Chance,
    codes: Vec<String>,
    lived: Lived,
    sales: u64,
    /// By how much the clock on the wall is ahead, in ms.
    ahead_ms: i64,
    began: Instant,
}

impl House {
    fn new(month: &Month) -> House {
        let mut setting = Setting::plain(Stranded::Reverses);
        setting.files = true;
        setting.seed = month.seed;
        setting.office = Some(month.keep_sales_days);
        setting.guard = DuplicateGuard::LookUp;
        // The day is closed by itself at 23:30.
        setting.queue_min = Some(60);
        let stand = Stand::set(&setting);
        let open = stand.open(Cut::Never, Disk::Honest);
        let keeper = keep(&stand, &open);
        let lived = Lived { starts: 1, ..Lived::default() };
        let chance = Chance::new(month.seed);
        House { stand, open, keeper, chance, codes: Vec::new(), lived, sales: 0, ahead_ms: 0, began: Instant::now() }
    }

    /// One traveller, of the kinds that come.
    async fn traveller(&mut self) {
        let panel = self.stand.terminal.panel();
        panel.always(Cardholder::default());
        self.stand.shop.set(Manner::Sells(Duration::from_secs(2)));
        let plain = Errand::Buy { cancels: None, prints: false, walks_off: false };
        let errand = match self.chance.below(20) {
            0 => Errand::Buy { cancels: Some(Cancels::AtOnce), prints: false, walks_off: false },
            1 => Errand::Buy { cancels: None, prints: true, walks_off: true },
            2 => {
                panel.always(Cardholder::declined(0x05, "Karte abgelehnt"));
                plain
            }
            3 => {
                self.stand.shop.set(Manner::Refuses(Duration::from_secs(1)));
                plain
            }
            4 => {
                self.stand.shop.set(Manner::SellsUntold(Duration::from_secs(20)));
                plain
            }
            5 if !self.codes.is_empty() => Errand::Claim(self.codes.swap_remove(0)),
            6..=12 => Errand::PURCHASE,
            _ => plain,
        };
        let mut robot = self.stand.traveller(&self.open);
        let ended = robot.run(&errand, PATIENCE).await;
        if ended != Ended::AtRest {
            self.lived.wrongs.push(format!("traveller {} ended {ended:?}: {errand:?}", self.sales));
        }
        for sight in robot.seen() {
            match sight {
                Sight::Code { .. } => self.lived.shown += 1,
                Sight::Claim { code, .. } if self.codes.len() < 8 => self.codes.push(code.clone()),
                _ => {}
            }
        }
        self.sales += 1;
    }

    /// The program starts anew, as after an update or with another configuration.
    async fn restart(self) -> House {
        self.keeper.abort();
        self.open.end(&self.stand, Cut::Never).await;
        let open = self.stand.open(Cut::Never, Disk::Honest);
        let keeper = keep(&self.stand, &open);
        let lived = Lived { starts: self.lived.starts + 1, ..self.lived };
        House { open, keeper, lived, ..self }
    }

    /// Somebody sets the clock while the program runs.
    fn step_clock(&mut self, by_ms: i64) {
        self.ahead_ms += by_ms;
        self.stand.step_wall(WallStep::By(self.ahead_ms));
        self.lived.clock_steps += u32::from(by_ms.abs() > 60_000);
    }

    fn sample(&mut self) -> Sample {
        // What the simulators remember of paper and screens is not the product's.
        self.stand.tray.receipts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let process = Process::of_this();
        let folder = self.stand.disk.folder().map_or(Path::new("/nonexistent"), |folder| folder.path());
        let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |found| found.len());
        let log_bytes = size("journal/journal.db-wal");
        let mut sample = Sample {
            days: self.began.elapsed().as_secs_f64() / DAY.as_secs_f64(),
            sales: self.sales,
            resident_bytes: process.resident_bytes,
            handles: process.open_fds,
            tasks: u64::try_from(tokio::runtime::Handle::current().metrics().num_alive_tasks()).unwrap_or(0),
            database_bytes: size("journal/journal.db") + log_bytes,
            log_bytes,
            ..Sample::default()
        };
        count(folder, &mut sample);
        self.lived.samples.push(sample);
        sample
    }

    async fn close(mut self, month: &Month) -> Lived {
        rest(&self.stand, true).await;
        let rows = self.stand.disk.rows();
        let kept = self.stand.disk.sales().len();
        self.lived.taken_out = rows.len() - kept;
        self.lived.day_ends = self.stand.disk.days();
        let paid = rows.iter().filter(|row| row.money == "paid").count();
        let charged = self.stand.terminal.ledger().book().payments.iter().filter(|row| row.paid_minor > 0).count();
        if paid != charged {
            self.lived.wrongs.push(format!("{paid} sales are paid by the journal, {charged} by the terminal"));
        }
        if self.lived.taken_out == 0 {
            let told = |wrong: Wrong| format!("{:?}: {}", wrong.kind, wrong.what);
            self.lived.wrongs.extend(audit(&self.stand).into_iter().map(told));
        }
        if self.lived.day_ends < month.days as usize {
            self.lived.wrongs.push(format!("the day was closed {} times in {} days", self.lived.day_ends, month.days));
        }
        self.keeper.abort();
        self.open.end(&self.stand, Cut::Never).await;
        self.lived
    }
}

async fn play(month: &Month, tells: &mut dyn FnMut(&Sample)) -> Lived {
    let mut house = House::new(month);
    let (samples, gap) = (month.samples.max(1), OPEN / month.sales_a_day.max(1));
    for day in 0..month.days {
        let morning = house.began + DAY * day;
        for number in 0..month.sales_a_day {
            sleep_until(morning + gap * number).await;
            house.traveller().await;
            if number == month.sales_a_day / 3 {
                house.step_clock([3_600_000, -1_000, -3_600_000, 1_000, 90_000, -90_000][(day % 6) as usize]);
            }
            if number == month.sales_a_day / 2 {
                house = house.restart().await;
                // The network is away for a while, and nobody can be asked.
                house.stand.shop.set_offline(true);
                sleep(gap / 2).await;
                house.stand.shop.set_offline(false);
            }
            let part = (month.sales_a_day / samples).max(1);
            if (number + 1) % part == 0 && number + 1 < month.sales_a_day {
                tells(&house.sample());
            }
        }
        sleep_until(morning + DAY).await;
        tells(&house.sample());
    }
    house.close(month).await
}

/// What runs beside the loop for operators: the watchdog's questions, recorder, history, metrics.
fn keep(stand: &Stand, open: &Open) -> tokio::task::JoinHandle<()> {
    let (inbox, mut views) = (open.inbox.clone(), open.views.clone());
    let folder = stand.disk.folder().map_or(Path::new("/nonexistent"), |folder| folder.path()).to_owned();
    tokio::spawn(async move {
        let mut history = History::new(folder.join("health.jsonl"), HISTORY_BYTES);
        let mut turn = 0_u32;
        while ping(&inbox).await {
            let view = views.borrow_and_update().clone();
            of_process().screen(Timestamp::UNIX_EPOCH, view.name(), view.as_ref());
            of_process().event(format!("turn {turn}, {}", view.name()));
            turn = turn.wrapping_add(1);
            if turn.is_multiple_of(LOOK) && !look(&inbox, &mut history, &folder).await {
                return;
            }
            sleep(PING).await;
        }
    })
}

async fn ping(inbox: &mpsc::Sender<Inbox>) -> bool {
    let (ask, answer) = oneshot::channel();
    inbox.send(Inbox::Ping(ask)).await.is_ok() && answer.await.is_ok_and(|pong| pong.journal)
}

async fn look(inbox: &mpsc::Sender<Inbox>, history: &mut History, folder: &Path) -> bool {
    let (ask, answer) = oneshot::channel();
    if inbox.send(Inbox::Look(ask)).await.is_err() {
        return false;
    }
    let Ok(status) = answer.await else { return false };
    let line = HealthLine {
        at: Timestamp::from_millisecond(status.at_ms).unwrap_or(Timestamp::UNIX_EPOCH),
        selling: status.selling.to_owned(),
        terminal: status.terminal.clone(),
        printer: status.printer.clone(),
        online: status.online,
    };
    // A page that nobody fetches, and files in memory: made for what they leave behind.
    let page = metrics::page("K07", &status, &Process::default());
    let kept = history.note(line).and_then(|()| of_process().write(&folder.join("live"), &status, &[page]));
    kept.is_ok()
}

/// Counts the files of the state directory and what the recorder has there.
fn count(folder: &Path, sample: &mut Sample) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            count(&path, sample);
            continue;
        }
        sample.files += 1;
        let name = entry.file_name();
        let recorded = ["jsonl", "txt", "json", "old"].iter().any(|end| name.to_string_lossy().ends_with(end));
        if recorded {
            sample.recorder_bytes += entry.metadata().map_or(0, |found| found.len());
        }
    }
}
