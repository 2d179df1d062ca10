//! The contract to the journal: an intent log of sales, synced before anything is done.
//!
//! A sale is stored as its entries; everything else in the database (locks, bindings, cases, sealed codes, stock) is
//! written by the same transaction as the entry that makes it, and can be checked against the fold of the entries.

mod append;
pub mod archive;
pub mod books;
mod calls;
mod care;
mod fault;
mod fold;
mod inventory;
mod kept;
mod newest;
pub mod operator_calls;
pub mod outbox;
pub mod place;
pub mod purchases;
mod retention;
mod rows;
pub mod schema;
pub mod seal;
pub mod section;
pub mod sqlite;
pub mod stock;
#[cfg(test)]
pub(crate) mod tests;
pub mod unreadable;
pub mod upkeep;

pub use append::word;
pub use kept::{DayEnding, DaySales, Kept, OffSale, OpenCase, UnreadableSale};
pub use newest::{is_known, terminal_named};

use std::collections::BTreeMap;

use crate::money::Exact;
use crate::sale::activation::Profile;
use crate::sale::claim::ClaimCode;
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::offer::{OrderReference, ProviderId};
use crate::sale::record::Entry;
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Lock, Sale};

/// A durable journal. Calls block for the length of a sync; the loop calls them one at a time.
pub trait Journal: Send {
    /// Writes one step: all of it, synced, or nothing.
    ///
    /// # Errors
    /// [`JournalError::Violation`] is an answer: nothing was written and selling goes on. Any other stops the kiosk.
    fn append(&mut self, step: &Append<'_>) -> Result<(), JournalError>;

    /// Every sale that is not closed, and every closed one whose goods are still an open order, folded.
    fn open_sales(&mut self) -> Result<Vec<Sale>, JournalError>;

    /// One sale, folded.
    fn sale(&mut self, id: SaleId) -> Result<Option<Sale>, JournalError>;

    /// A sale's entries, for support.
    fn entries(&mut self, id: SaleId) -> Result<Vec<Entry>, JournalError>;

    /// The sale with this label.
    fn find_number(&mut self, number: &SaleNumber) -> Result<Option<SaleId>, JournalError>;

    /// The sale that this code opens. The journal holds keyed hashes only.
    fn find_claim(&mut self, code: &ClaimCode) -> Result<Option<SaleId>, JournalError>;

    /// The claim code of a sale, unsealed, for the screens and the paper of that sale.
    fn claim_code(&mut self, id: SaleId) -> Result<Option<ClaimCode>, JournalError>;

    /// The sale to which a terminal's receipt is bound.
    fn receipt_owner(&mut self, key: &ApprovalKey) -> Result<Option<SaleId>, JournalError>;

    /// The newest sale that names this receipt number of the terminal and that the terminal may still know: it is open, or
    /// was paid on this day of the terminal or the one before.
    fn sale_of_receipt(&mut self, receipt: &str) -> Result<Option<SaleId>, JournalError> {
        let _ = receipt;
        Ok(None)
    }

    /// The provider's references that are bound to sales of this account already: a list match with one of them is
    /// not a new order.
    fn order_references(&mut self, provider: &ProviderId) -> Result<Vec<OrderReference>, JournalError>;

    /// Unseals a profile. Only the screen and paper of its own sale may ask.
    fn reveal(&mut self, profile: ProfileId) -> Result<Option<Profile>, JournalError>;

    /// Who holds what.
    fn locks(&mut self) -> Result<Vec<(Lock, SaleId)>, JournalError>;
    /// Gives back locks whose sales are over, with what that means for the items of the stock: all or none.
    fn free_locks(&mut self, orphaned: &[(Lock, SaleId)], now: Moment) -> Result<(), JournalError>;

    /// The number of the next sale of this machine, from 1.
    fn next_number(&mut self) -> Result<u64, JournalError>;

    /// The number of this run of the program: rises with every start, durably.
    fn run(&self) -> u64;

    /// The number of the last end of day that we know, and one more after [`Journal::day_closed`].
    fn day(&mut self) -> Result<u64, JournalError>;

    /// Notes that the terminal's day was closed (asked or unasked), with its evidence and its reckoning: both or none.
    fn day_closed(&mut self, evidence: &str, kept: Option<&Kept<'_>>, now: Moment) -> Result<u64, JournalError>;

    /// What lies in stock, neither sold nor retired; nothing in a journal that keeps no stock.
    fn stock(&mut self, now: Moment) -> Result<Vec<stock::StockItem>, JournalError> {
        let _ = now;
        Ok(Vec::new())
    }

    /// Off the traveller's path: wipes the codes whose time has come and moves the log of the last writes into the
    /// database. Returns how many codes were wiped.
    fn tidy(&mut self, now: Moment) -> Result<u32, JournalError> {
        let _ = now;
        Ok(0)
    }

    /// Finished sales that the back office has not acknowledged, oldest first, from the number after `after` on.
    fn outbox(&mut self, after: u64, limit: u32) -> Result<Vec<outbox::Waiting>, JournalError> {
        let _ = (after, limit);
        Ok(Vec::new())
    }

    /// The back office has it.
    fn outbox_taken(&mut self, number: u64, now: Moment) -> Result<(), JournalError> {
        let _ = (number, now);
        Ok(())
    }

    /// How far the outbox has come.
    fn outbox_progress(&mut self) -> Result<outbox::Progress, JournalError> {
        Ok(outbox::Progress::default())
    }

    /// Why this journal may not be the newest (sale.md 11): no duty runs and no card is asked until it is adopted.
    fn estranged(&self) -> Option<&str> {
        None
    }

    /// The run in which that was found out; what a person has decided since stands.
    fn estranged_in(&self) -> u64;

    /// Something outside is ahead of this journal. The stock is not for sale until each profile is proven unused.
    fn estrange(&mut self, why: &str) -> Result<(), JournalError> {
        let _ = why;
        Ok(())
    }

    /// An operator takes the journal as it is.
    fn adopt(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    /// Whether this journal has met this transaction of the terminal, or has never met one: a terminal that is ahead
    /// of its journal proves that the journal is an older one (sale.md 11).
    fn knows_transaction(&mut self, key: &ApprovalKey) -> Result<bool, JournalError> {
        let _ = key;
        Ok(true)
    }

    /// An operator has taken the terminal's last transaction as it is. One that names neither receipt nor trace is
    /// whatever the terminal does next: it is taken once.
    fn learn_transaction(&mut self, key: &ApprovalKey) -> Result<(), JournalError> {
        let _ = key;
        Ok(())
    }

    /// A payment was asked for at least once: there is something that the terminal's memory can be compared with.
    fn has_history(&mut self) -> Result<bool, JournalError> {
        Ok(false)
    }

    /// What an operator has ordered for the stock and is not yet in [`Journal::purchases`].
    fn batches(&mut self) -> Result<Vec<purchases::Batch>, JournalError> {
        Ok(Vec::new())
    }

    /// Writes what is still to be ordered.
    fn put_batches(&mut self, batches: &[purchases::Batch]) -> Result<(), JournalError> {
        let _ = batches;
        Ok(())
    }

    /// The end of day that was begun and is not over, with its evidence.
    fn day_ending(&mut self) -> Result<Option<DayEnding>, JournalError> {
        Ok(None)
    }

    /// Begins an end of day, or notes how it goes on; none calls it off. [`Journal::day_closed`] ends it.
    fn end_day(&mut self, ending: Option<&DayEnding>) -> Result<(), JournalError> {
        let _ = ending;
        Ok(())
    }

    /// Plans that the operator took off sale.
    fn off_sale(&mut self) -> Result<Vec<OffSale>, JournalError> {
        Ok(Vec::new())
    }

    /// From now on these plans are off sale, and no others.
    fn keep_off_sale(&mut self, plans: &[OffSale]) -> Result<(), JournalError> {
        let _ = plans;
        Ok(())
    }

    /// What the operator closed, and who was shut out at the service screen.
    fn upkeep(&mut self) -> Result<upkeep::Upkeep, JournalError> {
        Ok(upkeep::Upkeep::default())
    }

    /// From now on this is so, also after a restart.
    fn put_upkeep(&mut self, _upkeep: &upkeep::Upkeep) -> Result<(), JournalError> {
        Ok(())
    }

    /// The kept reckonings that did not balance and that nobody has settled, as they were written, oldest first.
    fn unsettled(&mut self) -> Result<Vec<String>, JournalError>;

    /// An operator has found out why they did not balance. Returns how many were settled.
    fn settle(&mut self, reason: &str, now: Moment) -> Result<u64, JournalError>;

    /// Every sale that was chosen in or after day `day` of the terminal.
    fn sales_of_day(&mut self, day: u64) -> Result<DaySales, JournalError>;

    /// Every case that nobody has decided, the most urgent first.
    fn open_cases(&mut self) -> Result<Vec<OpenCase>, JournalError>;

    /// A sale that turned out not to be readable any more becomes a case, and holds nothing.
    fn lay_aside(&mut self, id: SaleId, why: &str) -> Result<(), JournalError>;

    /// Every item of the stock, also the sold and the retired ones, with its state and its cost.
    fn stock_books(&mut self) -> Result<BTreeMap<ProfileId, (stock::StockState, Exact)>, JournalError> {
        Ok(BTreeMap::new())
    }

    /// Orders for the stock, oldest first; with the decided ones only if `all`.
    fn purchases(&mut self, all: bool) -> Result<Vec<purchases::Purchase>, JournalError> {
        let _ = all;
        Ok(Vec::new())
    }

    /// Writes an order for the stock as it stands, with the profile that it brought.
    fn put_purchase(
        &mut self,
        purchase: &purchases::Purchase,
        brought: Option<&stock::Bought<'_>>,
        now: Moment,
    ) -> Result<(), JournalError> {
        let _ = (purchase, brought, now);
        Ok(())
    }

    /// Calls that an operator made of providers by hand and that change something there, the latest last.
    fn operator_calls(&mut self) -> Result<Vec<operator_calls::OperatorCall>, JournalError> {
        Ok(Vec::new())
    }

    /// Writes such a call: before it is sent, and again with what came of it.
    fn put_operator_call(&mut self, call: &operator_calls::OperatorCall) -> Result<(), JournalError> {
        let _ = call;
        Ok(())
    }

    /// Closes the case of a sale whose records cannot be read any more, by what a person states of it; the records
    /// stay as they are. `false` where there is no such case, or it is decided.
    fn decide_unreadable(&mut self, id: SaleId, by: &unreadable::Verdict, now: Moment) -> Result<bool, JournalError> {
        let _ = (id, by, now);
        Ok(false)
    }

    /// What the back office gets of a sale that cannot be read any more; none while nobody has decided its case.
    fn booked_remains(&mut self, parcel: &outbox::Waiting) -> Result<Option<books::Booked>, JournalError>;

    /// Notes that the clock on the wall was set by so much while the kiosk ran.
    fn clock_stepped(&mut self, by_ms: i64, now: Moment) -> Result<(), JournalError> {
        let _ = (by_ms, now);
        Ok(())
    }

    /// The last reckoning that was kept, as it was written.
    fn last_reckoning(&mut self) -> Result<Option<String>, JournalError> {
        Ok(None)
    }

    /// Puts a bought profile into the stock.
    fn put_in_stock(&mut self, item: &stock::Bought<'_>, now: Moment) -> Result<(), JournalError> {
        let _ = (item, now);
        Ok(())
    }

    /// Takes an item out of the stock for good, or moves it towards that; `false` where it is not there to be moved.
    fn move_stock(&mut self, profile: ProfileId, to: stock::StockState, now: Moment) -> Result<bool, JournalError> {
        let _ = (profile, to, now);
        Ok(false)
    }

    /// The provider says that the profile of this item was never used.
    fn stock_proven(&mut self, profile: ProfileId) -> Result<(), JournalError> {
        let _ = profile;
        Ok(())
    }

    /// A test append, synced, and the head-room of the partition: no card is asked unless it returned within 10 s.
    fn probe(&mut self) -> Result<(), JournalError>;
}

/// One step, as it is written.
#[derive(Debug)]
pub struct Append<'a> {
    /// The sale after the step.
    pub sale: &'a Sale,
    /// The step's entries. They follow the `sale.entries - entries.len()` that are there.
    pub entries: &'a [Entry],
    /// Locks to take: all or none.
    pub takes: &'a [Lock],
    /// Locks to give back.
    pub gives: &'a [Lock],
    /// The profile that a `Stored` among the entries names, to be sealed.
    pub profile: Option<(ProfileId, &'a Profile)>,
    /// The claim code, with the first step.
    pub claim: Option<&'a ClaimCode>,
}

/// A uniqueness that would be broken (sale.md 7).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Another sale holds the lock.
    #[error("{lock:?} is held by sale {holder}")]
    LockTaken {
        /// Which.
        lock: Lock,
        /// By whom.
        holder: SaleId,
    },
    /// The profile belongs to another sale, or was delivered before.
    #[error("the profile belongs to another sale")]
    ProfileBound,
    /// The provider's order belongs to another sale.
    #[error("the provider's order belongs to another sale")]
    OrderBound,
    /// The terminal's receipt belongs to another sale.
    #[error("the terminal's receipt belongs to another sale")]
    ReceiptBound,
    /// The claim code is taken: make another.
    #[error("the claim code is taken")]
    ClaimTaken,
    /// The label is taken: ask for the next number again.
    #[error("the sale number is taken")]
    NumberTaken,
}

/// Why nothing was written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A uniqueness: an answer, not a broken journal.
    #[error("the journal refuses the step")]
    Violation(#[source] Violation),
    /// The database or its disk: the kiosk stops.
    #[error("the journal cannot {doing}: sales stop until the disk is sound")]
    Storage {
        /// What we were doing.
        doing: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was read is not what was written.
    #[error("the journal is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// Too little space is left to be sure of the next writes.
    #[error("only {free_mb} MB are free where the journal lies; {needed_mb} MB are needed: make room")]
    HeadRoom {
        /// What is free.
        free_mb: u64,
        /// What is needed.
        needed_mb: u64,
    },
}
