//! A journal in memory: the twin of the database for simulations of many sales. What was appended survives the loop
//! that appended it, as a disk survives a program; a power cut is dropping the loop and opening the twin again.

mod journal;
mod shelf;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::journal::stock::StockState;
use crate::journal::{Append, DayEnding, Violation};
use crate::sale::id::SaleId;
use crate::sale::offer::ProviderId;
use crate::sale::record::{Entry, Record};
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Lock, Sale};
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
    /// Why, and in which run that was found out.
    estranged: Option<(String, u64)>,
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
        self.disk().estranged.as_ref().map(|(why, _)| why.clone())
    }
}

/// One run's hold on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryJournal {
    disk: MemoryDisk,
    run: u64,
    estranged: Option<(String, u64)>,
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
