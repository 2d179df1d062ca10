//! Journals that end: at their n-th record the process dies, or the disk does. How a power cut is played at every place
//! where it can fall.

use std::collections::BTreeMap;

use crate::journal::books::Booked;
use crate::journal::operator_calls::OperatorCall;
use crate::journal::outbox::{Progress, Waiting};
use crate::journal::purchases::{Batch, Purchase};
use crate::journal::stock::{Bought, StockItem, StockState};
use crate::journal::unreadable::Verdict;
use crate::journal::upkeep::Upkeep;
use crate::journal::{Append, DayEnding, DaySales, Journal, JournalError, Kept, OffSale, OpenCase};
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

/// What a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// A step of a sale.
    Step,
    /// Anything else: end of day, stock, outbox.
    Other,
}

/// Who stands before a journal and decides what still reaches it.
pub trait Guard: Send {
    /// Something is read, or written where nothing is counted.
    ///
    /// # Errors
    /// The journal is gone.
    fn look(&mut self) -> Result<(), JournalError>;

    /// A write.
    ///
    /// # Errors
    /// The journal's own, or that it is gone, before the write or after it.
    fn write(&mut self, what: Writes, work: &mut dyn FnMut() -> Result<(), JournalError>) -> Result<(), JournalError>;

    /// A step of a sale is on disk.
    fn wrote(&mut self, step: &Append<'_>) {
        let _ = step;
    }
}

/// A journal behind a guard.
#[derive(Debug)]
pub struct Guarded<J, G> {
    pub(crate) inner: J,
    pub(crate) guard: G,
}

/// Whatever a journal lies in.
pub trait Holds: Send {
    /// The journal.
    fn held(&mut self) -> &mut dyn Journal;
    /// The same, to look at.
    fn seen(&self) -> &dyn Journal;
}

impl<J: Journal> Holds for J {
    fn held(&mut self) -> &mut dyn Journal {
        self
    }

    fn seen(&self) -> &dyn Journal {
        self
    }
}

impl Holds for Box<dyn Journal> {
    fn held(&mut self) -> &mut dyn Journal {
        self.as_mut()
    }

    fn seen(&self) -> &dyn Journal {
        self.as_ref()
    }
}

/// Dies at one of its steps.
#[derive(Debug)]
pub struct Dying {
    left: u64,
    when: When,
    how: How,
    dead: bool,
    /// Every write counts, not only the steps of sales.
    all: bool,
}

/// A journal that dies at its n-th step.
pub type DyingJournal<J> = Guarded<J, Dying>;

impl<J: Holds> Guarded<J, Dying> {
    /// Dies at the `n`-th step of a sale from now on, counted from 1; 0 never dies.
    pub fn new(inner: J, n: u64, when: When, how: How) -> Self {
        Guarded { inner, guard: Dying { left: n, when, how, dead: false, all: false } }
    }

    /// The same, and every write counts: of stock and end of day too.
    #[must_use]
    pub fn counting_all(mut self) -> Self {
        self.guard.all = true;
        self
    }

    /// The journal inside.
    pub fn into_inner(self) -> J {
        self.inner
    }

    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.guard.dead
    }
}

impl Dying {
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
}

/// What a broken disk says.
pub(crate) fn broken() -> JournalError {
    JournalError::Storage { doing: "write a step of a sale", source: "the disk is broken".into() }
}

impl Guard for Dying {
    fn look(&mut self) -> Result<(), JournalError> {
        if self.dead { Err(broken()) } else { Ok(()) }
    }

    fn write(&mut self, what: Writes, work: &mut dyn FnMut() -> Result<(), JournalError>) -> Result<(), JournalError> {
        self.look()?;
        if what == Writes::Other && !self.all {
            return work();
        }
        let last = self.left == 1;
        self.left = self.left.saturating_sub(1);
        if last && self.when == When::Before {
            return Err(self.die());
        }
        let written = work();
        if last { Err(self.die()) } else { written }
    }
}

/// Reads pass by where the journal still is.
macro_rules! reads {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&mut self, $($arg: $kind),*) -> Result<$answer, JournalError> {
            self.guard.look()?;
            self.inner.held().$name($($arg),*)
        })*
    };
}

/// Writes are counted.
macro_rules! writes {
    ($($what:ident $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&mut self, $($arg: $kind),*) -> Result<$answer, JournalError> {
            let mut answer = None;
            let inner = self.inner.held();
            self.guard.write(Writes::$what, &mut || {
                answer = Some(inner.$name($($arg),*)?);
                Ok(())
            })?;
            answer.ok_or_else(broken)
        })*
    };
}

impl<J: Holds, G: Guard> Journal for Guarded<J, G> {
    fn append(&mut self, step: &Append<'_>) -> Result<(), JournalError> {
        let (inner, mut written) = (self.inner.held(), false);
        let told = self.guard.write(Writes::Step, &mut || {
            inner.append(step)?;
            written = true;
            Ok(())
        });
        if written {
            self.guard.wrote(step);
        }
        told
    }

    writes! {
        Other day_closed(evidence: &str, kept: Option<&Kept<'_>>, now: Moment) -> u64;
        Other outbox_taken(number: u64, now: Moment) -> ();
        Other estrange(why: &str) -> ();
        Other adopt() -> ();
        Other end_day(ending: Option<&DayEnding>) -> ();
        Other settle(reason: &str, now: Moment) -> u64;
        Other put_purchase(purchase: &Purchase, brought: Option<&Bought<'_>>, now: Moment) -> ();
        Other keep_off_sale(plans: &[OffSale]) -> ();
        Other put_upkeep(upkeep: &Upkeep) -> ();
        Other put_operator_call(call: &OperatorCall) -> ();
        Other put_batches(batches: &[Batch]) -> ();
        Other put_in_stock(item: &Bought<'_>, now: Moment) -> ();
        Other move_stock(profile: ProfileId, to: StockState, now: Moment) -> bool;
        Other stock_proven(profile: ProfileId) -> ();
        Other free_locks(orphaned: &[(Lock, SaleId)], now: Moment) -> ();
        Other learn_transaction(key: &ApprovalKey) -> ();
        Other clock_stepped(by_ms: i64, now: Moment) -> ();
        Other lay_aside(id: SaleId, why: &str) -> ();
        Other decide_unreadable(id: SaleId, by: &Verdict, now: Moment) -> bool;
    }

    reads! {
        open_sales() -> Vec<Sale>;
        sale(id: SaleId) -> Option<Sale>;
        entries(id: SaleId) -> Vec<Entry>;
        find_number(number: &SaleNumber) -> Option<SaleId>;
        find_claim(code: &ClaimCode) -> Option<SaleId>;
        claim_code(id: SaleId) -> Option<ClaimCode>;
        sale_of_receipt(receipt: &str) -> Option<SaleId>;
        off_sale() -> Vec<OffSale>;
        upkeep() -> Upkeep;
        operator_calls() -> Vec<OperatorCall>;
        receipt_owner(key: &ApprovalKey) -> Option<SaleId>;
        order_references(provider: &ProviderId) -> Vec<OrderReference>;
        reveal(profile: ProfileId) -> Option<Profile>;
        locks() -> Vec<(Lock, SaleId)>;
        next_number() -> u64;
        day() -> u64;
        stock(now: Moment) -> Vec<StockItem>;
        tidy(now: Moment) -> u32;
        outbox(after: u64, limit: u32) -> Vec<Waiting>;
        booked_remains(parcel: &Waiting) -> Option<Booked>;
        outbox_progress() -> Progress;
        knows_transaction(key: &ApprovalKey) -> bool;
        has_history() -> bool;
        batches() -> Vec<Batch>;
        day_ending() -> Option<DayEnding>;
        sales_of_day(day: u64) -> DaySales;
        open_cases() -> Vec<OpenCase>;
        unsettled() -> Vec<String>;
        stock_books() -> BTreeMap<ProfileId, (StockState, Exact)>;
        purchases(all: bool) -> Vec<Purchase>;
        last_reckoning() -> Option<String>;
        probe() -> ();
    }

    fn run(&self) -> u64 {
        self.inner.seen().run()
    }

    fn estranged(&self) -> Option<&str> {
        self.inner.seen().estranged()
    }

    fn estranged_in(&self) -> u64 {
        self.inner.seen().estranged_in()
    }
}
