//! The blade: ends a kiosk at its n-th record or at its n-th effect, on either side of it. What is dead neither
//! writes nor acts any more; what stands outside of the program goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::below::Below;
use super::cells::Path;
use super::damage::Log;
use crate::esim::{DuplicateGuard, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, PriceCheck, Sent, Usage};
use crate::journal::{Append, Journal, JournalError};
use crate::money::Exact;
use crate::payment::{NotTaken, PaymentTerminal, TerminalOrder};
use crate::printer::{PrintOutcome, PrinterState, ReceiptPrinter};
use crate::sale::activation::Iccid;
use crate::sale::offer::{Offer, OrderReference, ProviderId};
use crate::sale::plan::ProviderPlan;
use crate::sim::journal::{Guard, Guarded, When, Writes, broken};
use crate::sim::memory::MemoryDisk;

/// Where the blade falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nowhere.
    Never,
    /// At the n-th write of the journal, from 1.
    Append(u64, When),
    /// At the n-th order to a device or a provider, from 1.
    Effect(u64, When),
    /// At the n-th write the disk fails; the program lives on as long as it can.
    Disk(u64, When),
    /// At the n-th sync or write of a file, below SQLite.
    Below(Below, u64),
}

/// What a disk does with the records that it has confirmed when the blade falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Keeps them.
    Honest,
    /// Forgets the last so many: a control that must be caught.
    Forgets(usize),
}

/// How much a life of the program has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Length {
    /// Writes of the journal.
    pub(super) writes: u64,
    /// Orders to devices and providers.
    pub(super) effects: u64,
}

#[derive(Debug)]
struct Inner {
    cut: Mutex<Cut>,
    disk: Disk,
    appends: AtomicU64,
    effects: AtomicU64,
    dead: AtomicBool,
    disk_failed: AtomicBool,
    died: Notify,
    /// The disk before each of the last records, oldest first, where it may forget them.
    before: Mutex<Vec<MemoryDisk>>,
}

/// One life of a kiosk: clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Life(Arc<Inner>);

impl Life {
    pub(super) fn new(cut: Cut, disk: Disk) -> Life {
        Life(Arc::new(Inner {
            cut: Mutex::new(cut),
            disk,
            appends: AtomicU64::new(0),
            effects: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            disk_failed: AtomicBool::new(false),
            died: Notify::new(),
            before: Mutex::default(),
        }))
    }

    pub(super) fn is_dead(&self) -> bool {
        self.0.dead.load(Ordering::SeqCst)
    }

    /// Whether the blade has fallen, on the program or on its disk.
    pub(super) fn has_struck(&self) -> bool {
        self.is_dead() || self.0.disk_failed.load(Ordering::SeqCst)
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        while !self.is_dead() {
            self.0.died.notified().await;
        }
    }

    /// Where it ends from now on.
    pub(super) fn arm(&self, cut: Cut) {
        *self.0.cut.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    fn cut(&self) -> Cut {
        *self.0.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much it has done.
    pub(super) fn length(&self) -> Length {
        Length { writes: self.0.appends.load(Ordering::SeqCst), effects: self.effects() }
    }

    /// The disk is to fail below SQLite, where only the files can tell.
    pub(super) fn is_cut_below(&self) -> bool {
        matches!(self.cut(), Cut::Below(..))
    }

    /// The disk has failed below SQLite.
    pub(super) fn disk_has_failed(&self) {
        self.0.disk_failed.store(true, Ordering::SeqCst);
    }

    pub(super) fn die(&self) {
        self.0.dead.store(true, Ordering::SeqCst);
        self.0.died.notify_one();
    }

    /// What is left of the disk after the end.
    pub(super) fn what_is_left(&self, disk: &MemoryDisk) {
        let before = self.0.before.lock().unwrap_or_else(PoisonError::into_inner);
        if let (true, Some(older)) = (self.has_struck(), before.first()) {
            disk.restore(older);
        }
    }

    fn remember(&self, disk: &MemoryDisk) {
        let Disk::Forgets(last) = self.0.disk else { return };
        let mut before = self.0.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.push(disk.copy());
        if before.len() > last {
            before.remove(0);
        }
    }

    /// One more effect. `false` where it must not happen.
    fn begins(&self) -> bool {
        if self.is_dead() {
            return false;
        }
        let place = self.0.effects.fetch_add(1, Ordering::SeqCst) + 1;
        if self.cut() == Cut::Effect(place, When::Before) {
            self.die();
            return false;
        }
        true
    }

    /// The effect that was counted as the latest has happened.
    fn happened(&self, place: u64) {
        if self.cut() == Cut::Effect(place, When::After) {
            self.die();
        }
    }

    fn effects(&self) -> u64 {
        self.0.effects.load(Ordering::SeqCst)
    }
}

/// The journal under the blade: every write is counted, of sales and of everything else.
pub(super) type CutJournal = Guarded<Box<dyn Journal>, Blade>;

/// Stands before the journal of one life.
pub(super) struct Blade {
    /// The disk, where it may forget what it has confirmed.
    pub(super) disk: Option<MemoryDisk>,
    pub(super) life: Life,
    /// Where the writes are counted by what they leave on disk.
    pub(super) log: Log,
    /// Where the sales have stood.
    pub(super) cells: Path,
}

impl Blade {
    fn end(&self, disk_only: bool) -> JournalError {
        if disk_only {
            self.life.disk_has_failed();
        } else {
            self.life.die();
        }
        broken()
    }
}

impl Guard for Blade {
    fn look(&mut self) -> Result<(), JournalError> {
        if self.life.has_struck() { Err(broken()) } else { Ok(()) }
    }

    fn write(&mut self, _what: Writes, work: &mut dyn FnMut() -> Result<(), JournalError>) -> Result<(), JournalError> {
        self.look()?;
        let place = self.life.0.appends.fetch_add(1, Ordering::SeqCst) + 1;
        let (mine, disk_only, when) = match self.life.cut() {
            Cut::Append(n, when) => (n == place, false, when),
            Cut::Disk(n, when) => (n == place, true, when),
            Cut::Never | Cut::Effect(..) | Cut::Below(..) => (false, false, When::After),
        };
        if mine && when == When::Before {
            return Err(self.end(disk_only));
        }
        if let Some(disk) = &self.disk {
            self.life.remember(disk);
        }
        self.log.writes();
        let written = work();
        if mine { Err(self.end(disk_only)) } else { written }
    }

    fn wrote(&mut self, step: &Append<'_>) {
        self.cells.steps(step.sale);
    }
}

/// A device or provider under the blade.
pub(super) struct Cuts<T> {
    pub(super) inner: T,
    pub(super) life: Life,
}

impl<T: PaymentTerminal> PaymentTerminal for Cuts<T> {
    fn order(&self, order: TerminalOrder) -> Result<(), NotTaken> {
        if !self.life.begins() {
            return Ok(());
        }
        let taken = self.inner.order(order);
        self.life.happened(self.life.effects());
        taken
    }
}

impl<T> Cuts<T> {
    /// An effect that takes time: begun, done, and its answer only for the living.
    async fn act<A>(&self, work: impl Future<Output = A>) -> A {
        if !self.life.begins() {
            return std::future::pending().await;
        }
        let place = self.life.effects();
        let answer = work.await;
        self.life.happened(place);
        if self.life.is_dead() { std::future::pending().await } else { answer }
    }
}

#[async_trait]
impl<T: ReceiptPrinter> ReceiptPrinter for Cuts<T> {
    async fn status(&self) -> PrinterState {
        self.inner.status().await
    }

    async fn print(&self, receipt: &crate::sale::receipt::Receipt) -> PrintOutcome {
        self.act(self.inner.print(receipt)).await
    }
}

#[async_trait]
impl<T: EsimProvider> EsimProvider for Cuts<T> {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn guard(&self, offer: &Offer) -> DuplicateGuard {
        self.inner.guard(offer)
    }

    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>> {
        self.inner.catalogue().await
    }

    async fn price(&self, offer: &Offer) -> Outcome<PriceCheck> {
        self.inner.price(offer).await
    }

    async fn balance(&self) -> Outcome<Exact> {
        self.inner.balance().await
    }

    async fn order(&self, request: &OrderRequest) -> OrderOutcome {
        self.act(self.inner.order(request)).await
    }

    async fn look_up(&self, request: &OrderRequest, sent: &Sent) -> LookUp {
        self.act(self.inner.look_up(request, sent)).await
    }

    async fn fetch(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome {
        self.act(self.inner.fetch(request, reference)).await
    }

    async fn usage(&self, iccid: &Iccid) -> Outcome<Usage> {
        self.inner.usage(iccid).await
    }

    async fn top_up_offers(&self, iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        self.inner.top_up_offers(iccid).await
    }

    async fn cancel(&self, reference: &OrderReference) -> Outcome<()> {
        self.act(self.inner.cancel(reference)).await
    }
}
