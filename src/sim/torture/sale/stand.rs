//! The stand: everything that outlives a kiosk (terminal, provider, paper, disk), and the kiosk that is put before it
//! again and again. All in one process, in virtual time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::blade::{Blade, Cut, CutJournal, Cuts, Disk, Life};
use super::cells::Path;
use super::clocks::Clocks;
use super::damage::Log;
use super::scenario::{Setting, WallStep};
use super::shelf::{catalogue, settings};
use super::shop::Shop;
use super::store::Store;
use crate::catalogue::Catalogue;
use crate::esim::EsimProvider;
use crate::journal::stock::Bought;
use crate::kiosk::clock::{Clock, Hand, Wall};
use crate::kiosk::dice::Dice;
use crate::kiosk::{Connections, Halted, Inbox, Intent, Kiosk, Settings, View};
use crate::money::Currency;
use crate::office::{BackOffice, Parcel, Taken};
use crate::payment::zvt::{Dialect, Password, ZvtConfig, ZvtTerminal};
use crate::printer::{PrintOutcome, PrinterFault, PrinterState, ReceiptPrinter};
use crate::sale::id::{GoodKey, ProfileId, SaleId};
use crate::sale::offer::PlanKey;
use crate::sale::receipt::Receipt;
use crate::sim::kiosk::robot::{Robot, Sight};
use crate::sim::terminal::torture::Opener;
use crate::sim::terminal::{Dialler, TerminalSim};

/// The kiosk that was cut off is there again so soon.
const RESTART: Duration = Duration::from_millis(500);
/// A program that dies right after an order gave it to the operating system: it still leaves the machine.
const LAST_BREATH: Duration = Duration::from_millis(50);
/// The first start, by the clock on the wall.
const BEGAN: &str = "2026-11-22T02:00:00Z";

/// The printer's tray: what came out lies there.
#[derive(Debug, Clone, Default)]
pub(super) struct Tray {
    pub(super) receipts: Arc<Mutex<Vec<Receipt>>>,
    pub(super) empty: bool,
    missed: Arc<AtomicBool>,
}

impl Tray {
    /// Somebody asked for paper where there was none.
    pub(super) fn was_missed(&self) -> bool {
        self.missed.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ReceiptPrinter for Tray {
    async fn status(&self) -> PrinterState {
        if !self.empty {
            return PrinterState::Ready { paper_low: false };
        }
        self.missed.store(true, Ordering::SeqCst);
        PrinterState::Faulty(PrinterFault::PaperOut)
    }

    async fn print(&self, receipt: &Receipt) -> PrintOutcome {
        if self.empty {
            return PrintOutcome::NotPrinted { fault: PrinterFault::PaperOut };
        }
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).push(receipt.clone());
        sleep(Duration::from_millis(800)).await;
        PrintOutcome::Confirmed
    }
}

/// A back office that takes everything.
struct TakesAll;

#[async_trait]
impl BackOffice for TakesAll {
    async fn take(&self, _parcel: &Parcel) -> Taken {
        sleep(Duration::from_millis(200)).await;
        Taken::Done { highest: None }
    }
}

/// Everything that outlives a kiosk.
pub(super) struct Stand {
    pub(super) disk: Store,
    pub(super) terminal: TerminalSim,
    pub(super) shop: Shop,
    pub(super) tray: Tray,
    /// What lay in stock from the beginning: the order, and under which name its profile was put there.
    pub(super) stocked: Vec<(String, ProfileId)>,
    /// What travellers were shown, in order.
    pub(super) sights: Arc<Mutex<Vec<Sight>>>,
    /// Where money and goods of its sales have stood.
    pub(super) cells: Path,
    dialler: Dialler,
    settings: Arc<Settings>,
    catalogue: Arc<Catalogue>,
    began: Instant,
    hand: Hand,
    clocks: Clocks,
    clock_turned: Arc<AtomicBool>,
    /// How far the write-ahead log of the books has come, write by write of the last life.
    pub(super) log: Log,
    office: bool,
    /// Of the random numbers that its kiosks draw.
    seed: u64,
}

/// A kiosk that runs.
pub(super) struct Open {
    pub(super) life: Life,
    pub(super) inbox: mpsc::Sender<Inbox>,
    intents: mpsc::Sender<Intent>,
    pub(super) views: watch::Receiver<Arc<View>>,
    kiosk: JoinHandle<Result<(), Halted>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Stand {
    pub(super) fn set(setting: &Setting) -> Stand {
        let (terminal, dialler) = TerminalSim::in_memory(setting.terminal.clone());
        let panel = terminal.panel();
        if let Some(visitor) = &setting.visitor {
            panel.always(visitor.clone());
        }
        for rule in &setting.rules {
            panel.fault(rule.clone());
        }
        let shop = Shop::new(setting.guard);
        shop.set(setting.manner);
        shop.set_goods(setting.second, setting.ends);
        let settings = Arc::new(settings(setting));
        let catalogue = Arc::new(catalogue(&settings));
        let disk = Store::new(setting.files, setting.generation, setting.office.unwrap_or(730));
        let hand = Hand::default();
        setting.clocks.first.sets(&hand);
        let stocked = lay_in(&disk, &shop, &catalogue, setting.stock);
        shop.set_offline(setting.offline.is_some());
        Stand {
            disk,
            terminal,
            shop,
            tray: Tray { empty: setting.no_paper, ..Tray::default() },
            stocked,
            sights: Arc::default(),
            cells: Path::default(),
            dialler,
            catalogue,
            settings,
            began: Instant::now(),
            hand,
            clocks: setting.clocks,
            clock_turned: Arc::default(),
            log: Log::default(),
            office: setting.office.is_some(),
            seed: setting.seed,
        }
    }

    /// The clock on the wall is set.
    pub(super) fn step_wall(&self, step: WallStep) {
        step.sets(&self.hand);
    }

    /// What travellers were shown until now.
    pub(super) fn seen(&self) -> Vec<Sight> {
        self.sights.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The wall clock was set while a kiosk ran.
    pub(super) fn clock_was_turned(&self) -> bool {
        self.clock_turned.load(Ordering::SeqCst)
    }

    fn wall_now(&self) -> Wall {
        let ms = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(0);
        let now = Timestamp::from_millisecond(began().as_millisecond() + ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Wall::Set(now, self.hand.clone())
    }

    /// Puts a kiosk before it, as the program's start does.
    pub(super) fn open(&self, cut: Cut, disk: Disk) -> Open {
        let life = Life::new(cut, disk);
        if cut != Cut::Never {
            self.log.copies(self.disk.folder());
        }
        let mut inner = self.disk.open(cut);
        let run = inner.run();
        let clock = Clock::new(run, self.wall_now(), jiff::tz::TimeZone::UTC);
        let (inbox, queue) = mpsc::channel(512);
        let (events, mut told) = mpsc::channel(64);
        let aftermath = crate::assembly::aftermath(inner.as_mut()).unwrap_or(crate::payment::zvt::Aftermath::Settled);
        let password = Password::new("123456").expect("six digits");
        let mut zvt = ZvtConfig::new(Dialect::Spec, password, Currency::EUR);
        zvt.wall_clock = || jiff::civil::date(2026, 11, 22).at(2, 0, 0, 0);
        let (terminal, serving) = ZvtTerminal::start(zvt, Opener(self.dialler.clone()), events, aftermath);
        let (intents, mut wishes) = mpsc::channel(64);
        let (shown, views) = watch::channel(Arc::new(View::starting("en")));
        let under = |inner: Shop| Arc::new(Cuts { inner, life: life.clone() }) as Arc<dyn EsimProvider>;
        self.log.begins(self.disk.write_ahead_log());
        let (disk, log, cells) = (self.disk.memory().cloned(), self.log.clone(), self.cells.clone());
        let guard = Blade { disk, life: life.clone(), log, cells };
        let journal = CutJournal { inner, guard };
        let printer = Arc::new(Cuts { inner: self.tray.clone(), life: life.clone() });
        let connections = Connections {
            journal: Box::new(journal),
            terminal: Arc::new(Cuts { inner: terminal, life: life.clone() }),
            printer: printer.clone(),
            providers: BTreeMap::from([(self.shop.id().clone(), under(self.shop.clone()))]),
            views: shown,
            inbox: inbox.clone(),
            clock,
            dice: Dice::Seeded(self.seed ^ run),
            office: self.office.then(|| Arc::new(TakesAll) as Arc<dyn BackOffice>),
        };
        let kiosk = tokio::spawn(Kiosk::new(self.settings.clone(), connections).run(queue));
        let into = inbox.clone();
        let forward_events = tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                if into.send(Inbox::Terminal(event)).await.is_err() {
                    return;
                }
            }
        });
        let into = inbox.clone();
        let forward_wishes = tokio::spawn(async move {
            while let Some(wish) = wishes.recv().await {
                if into.send(Inbox::Intent(wish)).await.is_err() {
                    return;
                }
            }
        });
        let news = tokio::spawn(tell_news(inbox.clone(), printer, self.catalogue.clone(), self.shop.clone()));
        Open { life, inbox, intents, views, kiosk, tasks: vec![serving, forward_events, forward_wishes, news] }
    }

    /// A traveller before this kiosk.
    pub(super) fn traveller(&self, open: &Open) -> Robot {
        let (sights, hand, clocks) = (self.sights.clone(), self.hand.clone(), self.clocks);
        let turned = self.clock_turned.clone();
        let tells = move |sight: &Sight| {
            if clocks.at(sight, &hand) {
                turned.store(true, Ordering::SeqCst);
            }
            if !matches!(sight, Sight::Screen(_)) {
                sights.lock().unwrap_or_else(PoisonError::into_inner).push(sight.clone());
            }
        };
        Robot::new(open.intents.clone(), open.views.clone(), Box::new(tells))
    }
}

impl Open {
    /// The program is gone, with everything in it. What it gave away lives on.
    pub(super) async fn end(mut self, stand: &Stand, cut: Cut) {
        if matches!(cut, Cut::Effect(..) | Cut::Disk(..) | Cut::Below(..)) {
            sleep(LAST_BREATH).await;
        }
        self.life.die();
        for task in self.tasks.drain(..) {
            task.abort();
        }
        self.kiosk.abort();
        // Aborted or ended: either way it is gone.
        self.kiosk.await.ok();
        if let Some(disk) = stand.disk.memory() {
            self.life.what_is_left(disk);
        }
        sleep(RESTART).await;
    }
}

/// What the tasks around the loop tell it: paper, wallet, catalogue.
async fn tell_news(inbox: mpsc::Sender<Inbox>, printer: Arc<Cuts<Tray>>, catalogue: Arc<Catalogue>, shop: Shop) {
    let first = Inbox::Catalogue(catalogue, Box::default());
    if inbox.send(first).await.is_err() {
        return;
    }
    loop {
        let paper = Inbox::Printer(printer.status().await);
        let balance = match shop.balance().await {
            crate::esim::Outcome::Done(balance) => Some(balance),
            _ => None,
        };
        let answered = !shop.is_offline();
        let wallet = Inbox::Provider { provider: shop.id().clone(), answered, balance };
        if inbox.send(paper).await.is_err() || inbox.send(wallet).await.is_err() {
            return;
        }
        sleep(Duration::from_secs(30)).await;
    }
}

/// When the first kiosk of a stand is put there.
pub(super) fn began() -> Timestamp {
    BEGAN.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Buys profiles for the stock, before the first kiosk.
fn lay_in(disk: &Store, shop: &Shop, catalogue: &Catalogue, count: u32) -> Vec<(String, ProfileId)> {
    let mut laid = Vec::new();
    if count == 0 {
        return laid;
    }
    let mut journal = disk.open(Cut::Never);
    let now = Clock::new(journal.run(), Wall::Virtual(began()), jiff::tz::TimeZone::UTC).now();
    for number in 1..=u128::from(count) {
        let key = GoodKey { sale: SaleId::from_parts(1, number), index: 0 };
        let sold = shop.sell(key, Duration::ZERO);
        let profile = ProfileId::from_parts(1, number);
        let offer = catalogue.offer_of_plan(shop.id(), &PlanKey("7".into()).0, "en").expect("the one plan");
        let content = sold.profile().expect("a code");
        let bought = Bought { profile, content: &content, offer: &offer, reference: &sold.reference };
        journal.put_in_stock(&bought, now).expect("a stock");
        laid.push((sold.reference.0.clone(), profile));
    }
    laid
}
