//! A journal that dies, or whose disk dies, at its n-th record: how a power cut is played at every place where it
//! can fall.

use std::collections::BTreeMap;

use crate::journal::outbox::{Progress, Waiting};
use crate::journal::purchases::Purchase;
use crate::journal::stock::{Bought, StockItem, StockState};
use crate::journal::{Append, DayEnding, Journal, JournalError, OffSale};
use crate::money::Exact;
use crate::sale::activation::Profile;
use crate::sale::claim::ClaimCode;
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::offer::{OrderReference, ProviderId};
use crate::sale::record::Entry;
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Lock, Sale};

/// On which side of the write the end falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The record is not on disk.
    Before,
    /// It is, and nobody was told.
    After,
}

/// What the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The process is gone at once, as by `kill -9`: no destructor, no flush.
    Process,
    /// The call fails like a broken disk, and so does every later one.
    Disk,
}

/// The journal inside, and when it ends.
#[derive(Debug)]
pub struct DyingJournal<J> {
    inner: J,
    left: u64,
    when: When,
    how: How,
    dead: bool,
}

impl<J: Journal> DyingJournal<J> {
    /// Dies at the `n`-th append from now on, counted from 1; 0 never dies.
    pub fn new(inner: J, n: u64, when: When, how: How) -> Self {
        DyingJournal { inner, left: n, when, how, dead: false }
    }

    /// The journal inside.
    pub fn into_inner(self) -> J {
        self.inner
    }

    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    fn die(&mut self) -> JournalError {
        if self.how == How::Process {
            let own = rustix::process::getpid();
            // If even this fails, the process still ends here.
            rustix::process::kill_process(own, rustix::process::Signal::KILL).ok();
            std::process::abort();
        }
        self.dead = true;
        broken()
    }

    fn alive(&mut self) -> Result<&mut J, JournalError> {
        if self.dead { Err(broken()) } else { Ok(&mut self.inner) }
    }
}

fn broken() -> JournalError {
    JournalError::Storage { doing: "write a step of a sale", source: "the disk is broken".into() }
}

impl<J: Journal> Journal for DyingJournal<J> {
    fn append(&mut self, step: &Append<'_>) -> Result<(), JournalError> {
        self.alive()?;
        let last = self.left == 1;
        self.left = self.left.saturating_sub(1);
        if last && self.when == When::Before {
            return Err(self.die());
        }
        let written = self.inner.append(step);
        if last { Err(self.die()) } else { written }
    }

    fn open_sales(&mut self) -> Result<Vec<Sale>, JournalError> {
        self.alive()?.open_sales()
    }

    fn sale(&mut self, id: SaleId) -> Result<Option<Sale>, JournalError> {
        self.alive()?.sale(id)
    }

    fn entries(&mut self, id: SaleId) -> Result<Vec<Entry>, JournalError> {
        self.alive()?.entries(id)
    }

    fn find_number(&mut self, number: &SaleNumber) -> Result<Option<SaleId>, JournalError> {
        self.alive()?.find_number(number)
    }

    fn find_claim(&mut self, code: &ClaimCode) -> Result<Option<SaleId>, JournalError> {
        self.alive()?.find_claim(code)
    }

    fn claim_code(&mut self, id: SaleId) -> Result<Option<ClaimCode>, JournalError> {
        self.alive()?.claim_code(id)
    }

    fn receipt_owner(&mut self, key: &ApprovalKey) -> Result<Option<SaleId>, JournalError> {
        self.alive()?.receipt_owner(key)
    }

    fn sale_of_receipt(&mut self, receipt: &str) -> Result<Option<SaleId>, JournalError> {
        self.alive()?.sale_of_receipt(receipt)
    }

    fn order_references(&mut self, provider: &ProviderId) -> Result<Vec<OrderReference>, JournalError> {
        self.alive()?.order_references(provider)
    }

    fn reveal(&mut self, profile: ProfileId) -> Result<Option<Profile>, JournalError> {
        self.alive()?.reveal(profile)
    }

    fn locks(&mut self) -> Result<Vec<(Lock, SaleId)>, JournalError> {
        self.alive()?.locks()
    }

    fn next_number(&mut self) -> Result<u64, JournalError> {
        self.alive()?.next_number()
    }

    fn run(&self) -> u64 {
        self.inner.run()
    }

    fn day(&mut self) -> Result<u64, JournalError> {
        self.alive()?.day()
    }

    fn day_closed(&mut self, evidence: &str) -> Result<u64, JournalError> {
        self.alive()?.day_closed(evidence)
    }

    fn stock(&mut self, now: Moment) -> Result<Vec<StockItem>, JournalError> {
        self.alive()?.stock(now)
    }

    fn tidy(&mut self, now: Moment) -> Result<u32, JournalError> {
        self.alive()?.tidy(now)
    }

    fn outbox(&mut self, after: u64, limit: u32) -> Result<Vec<Waiting>, JournalError> {
        self.alive()?.outbox(after, limit)
    }

    fn outbox_taken(&mut self, number: u64, now: Moment) -> Result<(), JournalError> {
        self.alive()?.outbox_taken(number, now)
    }

    fn outbox_progress(&mut self) -> Result<Progress, JournalError> {
        self.alive()?.outbox_progress()
    }

    fn estranged(&self) -> Option<&str> {
        self.inner.estranged()
    }

    fn estrange(&mut self, why: &str) -> Result<(), JournalError> {
        self.alive()?.estrange(why)
    }

    fn adopt(&mut self) -> Result<(), JournalError> {
        self.alive()?.adopt()
    }

    fn day_ending(&mut self) -> Result<Option<DayEnding>, JournalError> {
        self.alive()?.day_ending()
    }

    fn end_day(&mut self, ending: Option<&DayEnding>) -> Result<(), JournalError> {
        self.alive()?.end_day(ending)
    }

    fn off_sale(&mut self) -> Result<Vec<OffSale>, JournalError> {
        self.alive()?.off_sale()
    }

    fn keep_off_sale(&mut self, plans: &[OffSale]) -> Result<(), JournalError> {
        self.alive()?.keep_off_sale(plans)
    }

    fn keep_reckoning(&mut self, now: Moment, balanced: bool, json: &str) -> Result<(), JournalError> {
        self.alive()?.keep_reckoning(now, balanced, json)
    }

    fn sales_of_day(&mut self, day: u64) -> Result<Vec<Sale>, JournalError> {
        self.alive()?.sales_of_day(day)
    }

    fn stock_books(&mut self) -> Result<BTreeMap<ProfileId, (StockState, Exact)>, JournalError> {
        self.alive()?.stock_books()
    }

    fn purchases(&mut self, all: bool) -> Result<Vec<Purchase>, JournalError> {
        self.alive()?.purchases(all)
    }

    fn put_purchase(
        &mut self,
        purchase: &Purchase,
        brought: Option<&Bought<'_>>,
        now: Moment,
    ) -> Result<(), JournalError> {
        self.alive()?.put_purchase(purchase, brought, now)
    }

    fn last_reckoning(&mut self) -> Result<Option<String>, JournalError> {
        self.alive()?.last_reckoning()
    }

    fn put_in_stock(&mut self, item: &Bought<'_>, now: Moment) -> Result<(), JournalError> {
        self.alive()?.put_in_stock(item, now)
    }

    fn move_stock(&mut self, profile: ProfileId, to: StockState, now: Moment) -> Result<bool, JournalError> {
        self.alive()?.move_stock(profile, to, now)
    }

    fn stock_proven(&mut self, profile: ProfileId) -> Result<(), JournalError> {
        self.alive()?.stock_proven(profile)
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.alive()?.probe()
    }
}
