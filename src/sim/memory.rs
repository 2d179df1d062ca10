//! A journal in memory: the twin of the database for simulations of many sales. What was appended survives the loop
//! that appended it, as a disk survives a program; a power cut is dropping the loop and opening the twin again.

mod shelf;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::journal::stock::{Bought, StockItem, StockState};
use crate::journal::{Append, DayEnding, Journal, JournalError, Violation, is_known, terminal_named};
use crate::money::Exact;
use crate::sale::activation::Profile;
use crate::sale::claim::ClaimCode;
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::offer::{OrderReference, ProviderId};
use crate::sale::record::{Entry, Record};
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Goods, Lock, Sale};
use shelf::Shelf;

/// Terminal, receipt, trace and day.
type ReceiptName = (String, String, String, u64);

#[derive(Debug, Default, Clone)]
struct Disk {
    entries: BTreeMap<SaleId, Vec<Entry>>,
    /// The sale of each, as its last step left it.
    folded: BTreeMap<SaleId, Sale>,
    locks: BTreeMap<Lock, SaleId>,
    claims: BTreeMap<String, SaleId>,
    shelf: Shelf,
    orders: BTreeMap<(ProviderId, String), (SaleId, u8)>,
    receipts: BTreeMap<ReceiptName, SaleId>,
    numbers: u64,
    days: u64,
    ending: Option<DayEnding>,
    reckonings: Vec<String>,
    estranged: Option<String>,
    taken: Option<ApprovalKey>,
    runs: u64,
    appends: u64,
    fails_at: Option<u64>,
}

/// The disk, and a way to look at it.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Disk>>);

impl MemoryDisk {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the journal on it: a new run.
    pub fn open(&self) -> MemoryJournal {
        let mut disk = self.disk();
        disk.runs += 1;
        MemoryJournal { disk: self.clone(), run: disk.runs, estranged: disk.estranged.clone() }
    }

    /// The `n`-th append from now on, and every later one, fails like a broken disk; none mends it.
    pub fn fail_at(&self, n: Option<u64>) {
        let mut disk = self.disk();
        disk.fails_at = n.map(|n| disk.appends + n);
    }

    /// A disk of its own with everything that is on this one.
    pub fn copy(&self) -> MemoryDisk {
        MemoryDisk(Arc::new(Mutex::new(self.disk().clone())))
    }

    /// Everything becomes as it was when `older` was copied; only the runs go on counting.
    pub fn restore(&self, older: &MemoryDisk) {
        let older = older.disk().clone();
        let mut disk = self.disk();
        let runs = disk.runs.max(older.runs);
        *disk = Disk { runs, ..older };
    }

    /// Who holds what.
    pub fn locks(&self) -> Vec<(Lock, SaleId)> {
        self.disk().locks.iter().map(|(lock, id)| (lock.clone(), *id)).collect()
    }

    /// Appends so far.
    pub fn appends(&self) -> u64 {
        self.disk().appends
    }

    /// Every sale, folded.
    ///
    /// # Panics
    /// Where what was appended is no sale: the test has found a fault.
    pub fn sales(&self) -> Vec<Sale> {
        let disk = self.disk();
        let fold =
            |(id, entries): (&SaleId, &Vec<Entry>)| Sale::replay(*id, entries).expect("what was appended is a sale");
        disk.entries.iter().map(fold).collect()
    }

    /// Every sale that is not closed, as its last step left it.
    pub fn unclosed(&self) -> Vec<Sale> {
        self.disk().folded.values().filter(|sale| sale.closed.is_none()).cloned().collect()
    }

    /// Ends of day that were reckoned.
    pub fn days(&self) -> usize {
        self.disk().reckonings.len()
    }

    /// A sale's records.
    pub fn records(&self, id: SaleId) -> Vec<Record> {
        self.disk().entries.get(&id).into_iter().flatten().map(|entry| entry.record.clone()).collect()
    }

    /// The state of the stock item that this order brought.
    pub fn stock_state(&self, order: &str) -> Option<StockState> {
        self.disk().shelf.of_order(order)
    }

    /// The orders of the stock items that can be sold to whoever comes.
    pub fn for_sale(&self) -> Vec<String> {
        self.disk().shelf.for_sale()
    }

    /// Why this journal may not be the newest, if it may not.
    pub fn estranged(&self) -> Option<String> {
        self.disk().estranged.clone()
    }
}

/// One run's hold on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryJournal {
    disk: MemoryDisk,
    run: u64,
    estranged: Option<String>,
}

fn receipt_name(key: &ApprovalKey, day: u64) -> Option<ReceiptName> {
    if key.receipt.is_none() && key.trace.is_none() {
        return None;
    }
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    Some((text(&key.terminal_id), text(&key.receipt), text(&key.trace), day))
}

/// The order of a good that a record names.
fn order_of(sale: &Sale, record: &Record) -> Option<((ProviderId, String), (SaleId, u8))> {
    let (good, reference) = match record {
        Record::OrderAccepted { good, reference } | Record::Stored { good, reference: Some(reference), .. } => {
            (*good, reference)
        }
        _ => return None,
    };
    Some(((sale.offer(usize::from(good)).provider.clone(), reference.0.clone()), (sale.id, good)))
}

impl Disk {
    fn check(&self, step: &Append<'_>) -> Result<(), Violation> {
        let id = step.sale.id;
        for lock in step.takes {
            if let Some(holder) = self.locks.get(lock).filter(|holder| **holder != id) {
                return Err(Violation::LockTaken { lock: lock.clone(), holder: *holder });
            }
        }
        if step.claim.is_some_and(|claim| self.claims.contains_key(claim.reveal())) {
            return Err(Violation::ClaimTaken);
        }
        self.shelf.check(step, &self.locks)?;
        for entry in step.entries {
            if let Record::Paid { key } = &entry.record {
                let name = receipt_name(key, step.sale.quote.day);
                if name.and_then(|name| self.receipts.get(&name)).is_some_and(|owner| *owner != id) {
                    return Err(Violation::ReceiptBound);
                }
            }
            if let Some((order, owner)) = order_of(step.sale, &entry.record)
                && self.orders.get(&order).is_some_and(|known| *known != owner)
            {
                return Err(Violation::OrderBound);
            }
        }
        Ok(())
    }

    fn write(&mut self, step: &Append<'_>) {
        let (id, now) = (step.sale.id, step.entries.last().map(|entry| entry.at));
        if let Some(claim) = step.claim {
            self.claims.insert(claim.reveal().to_owned(), id);
        }
        for lock in step.takes {
            let had = self.locks.insert(lock.clone(), id);
            if let (Lock::StockItem(profile), Some(now), None) = (lock, now, had) {
                self.shelf.reserve(step.sale, *profile, now);
            }
        }
        for entry in step.entries {
            match &entry.record {
                Record::Chosen(_) => self.numbers += 1,
                Record::Paid { key } => {
                    if let Some(name) = receipt_name(key, step.sale.quote.day) {
                        self.receipts.insert(name, id);
                    }
                }
                _ => {}
            }
            self.orders.extend(order_of(step.sale, &entry.record));
            self.shelf.follow(step, &entry.record, entry.at);
        }
        self.shelf.sold_with(step.sale);
        for lock in step.gives {
            let given = self.locks.remove(lock).is_some();
            if let (Lock::StockItem(profile), Some(now), true) = (lock, now, given) {
                self.shelf.give(id, *profile, now);
            }
        }
        self.entries.entry(id).or_default().extend(step.entries.iter().cloned());
        self.folded.insert(id, step.sale.clone());
    }

    /// Receipts of this day of the terminal and the one before: numbers come round again.
    fn is_recent(&self, name: &ReceiptName) -> bool {
        name.3 + 1 >= self.days
    }

    fn newest_first(&self) -> impl Iterator<Item = &Record> {
        let mut entries: Vec<&Entry> = self.entries.values().flatten().collect();
        entries.sort_by_key(|entry| (entry.at.run, entry.at.mono_ms));
        entries.into_iter().rev().map(|entry| &entry.record)
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, step: &Append<'_>) -> Result<(), JournalError> {
        let mut disk = self.disk.disk();
        disk.appends += 1;
        if disk.fails_at.is_some_and(|at| disk.appends >= at) {
            return Err(JournalError::Storage { doing: "write", source: "the disk is broken".into() });
        }
        disk.check(step).map_err(JournalError::Violation)?;
        disk.write(step);
        Ok(())
    }

    fn open_sales(&mut self) -> Result<Vec<Sale>, JournalError> {
        let ordered = |sale: &Sale| {
            sale.goods.iter().any(|good| matches!(good.state, Goods::Asked | Goods::Accepted | Goods::Unknown))
        };
        let open = |sale: &Sale| sale.closed.is_none() || ordered(sale);
        let mut sales: Vec<Sale> = self.disk.sales().into_iter().filter(open).collect();
        sales.sort_by_key(|sale| (sale.chosen_at.wall_ms, sale.id));
        Ok(sales)
    }

    fn sale(&mut self, id: SaleId) -> Result<Option<Sale>, JournalError> {
        let entries = self.disk.disk().entries.get(&id).cloned();
        let fold = |entries: Vec<Entry>| Sale::replay(id, &entries);
        entries.map(fold).transpose().map_err(|why| JournalError::Damaged { what: why.to_string() })
    }

    fn entries(&mut self, id: SaleId) -> Result<Vec<Entry>, JournalError> {
        Ok(self.disk.disk().entries.get(&id).cloned().unwrap_or_default())
    }

    fn find_number(&mut self, number: &SaleNumber) -> Result<Option<SaleId>, JournalError> {
        let disk = self.disk.disk();
        Ok(disk.folded.values().find(|sale| sale.quote.number == *number).map(|sale| sale.id))
    }

    fn find_claim(&mut self, code: &ClaimCode) -> Result<Option<SaleId>, JournalError> {
        Ok(self.disk.disk().claims.get(code.reveal()).copied())
    }

    fn claim_code(&mut self, id: SaleId) -> Result<Option<ClaimCode>, JournalError> {
        let disk = self.disk.disk();
        Ok(disk.claims.iter().find(|(_, owner)| **owner == id).and_then(|(text, _)| ClaimCode::parse(text).ok()))
    }

    fn receipt_owner(&mut self, key: &ApprovalKey) -> Result<Option<SaleId>, JournalError> {
        let disk = self.disk.disk();
        let Some(named) = receipt_name(key, u64::MAX) else { return Ok(None) };
        let same = |name: &ReceiptName| (&name.0, &name.1, &name.2) == (&named.0, &named.1, &named.2);
        let ours = disk.receipts.iter().rev().find(|(name, _)| same(name) && disk.is_recent(name));
        Ok(ours.map(|(_, owner)| *owner))
    }

    fn sale_of_receipt(&mut self, receipt: &str) -> Result<Option<SaleId>, JournalError> {
        let disk = self.disk.disk();
        let names = |sale: &&Sale| {
            let payment = &sale.payment;
            let key = payment.paid_as.as_ref().or(payment.approval.as_ref().map(|approval| &approval.key));
            let recent = || disk.receipts.iter().any(|(name, owner)| *owner == sale.id && disk.is_recent(name));
            key.and_then(|key| key.receipt.as_deref()) == Some(receipt) && (sale.closed.is_none() || recent())
        };
        let newest = disk.folded.values().filter(names).max_by(|one, two| one.quote.number.0.cmp(&two.quote.number.0));
        Ok(newest.map(|sale| sale.id))
    }

    fn order_references(&mut self, provider: &ProviderId) -> Result<Vec<OrderReference>, JournalError> {
        let disk = self.disk.disk();
        let ours = disk.orders.keys().filter(|(account, _)| account == provider);
        Ok(ours.map(|(_, reference)| OrderReference(reference.clone())).collect())
    }

    fn reveal(&mut self, profile: ProfileId) -> Result<Option<Profile>, JournalError> {
        Ok(self.disk.disk().shelf.reveal(profile))
    }

    fn locks(&mut self) -> Result<Vec<(Lock, SaleId)>, JournalError> {
        Ok(self.disk.locks())
    }

    fn free_locks(&mut self, orphaned: &[(Lock, SaleId)], _: crate::sale::moment::Moment) -> Result<(), JournalError> {
        self.disk.disk().locks.retain(|lock, _| !orphaned.iter().any(|(free, _)| free == lock));
        Ok(())
    }

    fn next_number(&mut self) -> Result<u64, JournalError> {
        Ok(self.disk.disk().numbers + 1)
    }

    fn run(&self) -> u64 {
        self.run
    }

    fn day(&mut self) -> Result<u64, JournalError> {
        Ok(self.disk.disk().days)
    }

    fn day_closed(&mut self, _evidence: &str) -> Result<u64, JournalError> {
        let mut disk = self.disk.disk();
        disk.days += 1;
        disk.ending = None;
        Ok(disk.days)
    }

    fn stock(&mut self, now: Moment) -> Result<Vec<StockItem>, JournalError> {
        let disk = &mut *self.disk.disk();
        Ok(disk.shelf.list(&disk.locks, now))
    }

    fn estranged(&self) -> Option<&str> {
        self.estranged.as_deref()
    }

    fn estrange(&mut self, why: &str) -> Result<(), JournalError> {
        let mut disk = self.disk.disk();
        disk.estranged = Some(why.to_owned());
        disk.shelf.doubt();
        self.estranged = Some(why.to_owned());
        Ok(())
    }

    fn adopt(&mut self) -> Result<(), JournalError> {
        self.disk.disk().estranged = None;
        self.estranged = None;
        Ok(())
    }

    fn knows_transaction(&mut self, key: &ApprovalKey) -> Result<bool, JournalError> {
        let disk = self.disk.disk();
        let named = disk.newest_first().filter_map(|record| terminal_named(record.clone()));
        let named: Vec<ApprovalKey> = named.collect();
        Ok(is_known(disk.taken.as_ref(), &named, key))
    }

    fn learn_transaction(&mut self, key: &ApprovalKey) -> Result<(), JournalError> {
        self.disk.disk().taken = Some(key.clone());
        Ok(())
    }

    fn has_history(&mut self) -> Result<bool, JournalError> {
        let disk = self.disk.disk();
        Ok(disk.entries.values().flatten().any(|entry| matches!(entry.record, Record::CardAsked)))
    }

    fn day_ending(&mut self) -> Result<Option<DayEnding>, JournalError> {
        Ok(self.disk.disk().ending.clone())
    }

    fn end_day(&mut self, ending: Option<&DayEnding>) -> Result<(), JournalError> {
        self.disk.disk().ending = ending.cloned();
        Ok(())
    }

    fn keep_reckoning(&mut self, _now: Moment, _balanced: bool, json: &str) -> Result<(), JournalError> {
        self.disk.disk().reckonings.push(json.to_owned());
        Ok(())
    }

    fn last_reckoning(&mut self) -> Result<Option<String>, JournalError> {
        Ok(self.disk.disk().reckonings.last().cloned())
    }

    fn sales_of_day(&mut self, day: u64) -> Result<Vec<Sale>, JournalError> {
        let mut sales = self.disk.sales();
        sales.retain(|sale| sale.quote.day >= day);
        Ok(sales)
    }

    fn stock_books(&mut self) -> Result<BTreeMap<ProfileId, (StockState, Exact)>, JournalError> {
        Ok(self.disk.disk().shelf.books())
    }

    fn put_in_stock(&mut self, item: &Bought<'_>, _now: Moment) -> Result<(), JournalError> {
        self.disk.disk().shelf.buy(item).map_err(JournalError::Violation)
    }

    fn move_stock(&mut self, profile: ProfileId, to: StockState, _now: Moment) -> Result<bool, JournalError> {
        let disk = &mut *self.disk.disk();
        Ok(disk.shelf.move_to(&disk.locks, profile, to))
    }

    fn stock_proven(&mut self, profile: ProfileId) -> Result<(), JournalError> {
        self.disk.disk().shelf.proven(profile);
        Ok(())
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        let disk = self.disk.disk();
        let broken = disk.fails_at.is_some_and(|at| disk.appends >= at);
        if broken {
            return Err(JournalError::Storage { doing: "write", source: "the disk is broken".into() });
        }
        Ok(())
    }
}
