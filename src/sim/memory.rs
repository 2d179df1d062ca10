//! A journal in memory: the twin of the database for simulations of many sales. What was appended survives the loop
//! that appended it, as a disk survives a program; a power cut is dropping the loop and opening the twin again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::journal::{Append, Journal, JournalError, Violation};
use crate::sale::activation::Profile;
use crate::sale::claim::ClaimCode;
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::offer::{OrderReference, ProviderId};
use crate::sale::record::{Entry, Record};
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Lock, Sale};

#[derive(Debug, Default, Clone)]
struct Disk {
    entries: BTreeMap<SaleId, Vec<Entry>>,
    /// The sale of each, as its last step left it.
    folded: BTreeMap<SaleId, Sale>,
    locks: BTreeMap<Lock, SaleId>,
    claims: BTreeMap<String, SaleId>,
    profiles: BTreeMap<ProfileId, Profile>,
    owners: BTreeMap<String, SaleId>,
    orders: BTreeMap<(ProviderId, String), SaleId>,
    receipts: BTreeMap<String, SaleId>,
    numbers: u64,
    days: u64,
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
        MemoryJournal { disk: self.clone(), run: disk.runs }
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

    /// Ends of day.
    pub fn days(&self) -> usize {
        usize::try_from(self.disk().days).unwrap_or(usize::MAX)
    }

    /// A sale's records.
    pub fn records(&self, id: SaleId) -> Vec<Record> {
        self.disk().entries.get(&id).into_iter().flatten().map(|entry| entry.record.clone()).collect()
    }
}

/// One run's hold on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryJournal {
    disk: MemoryDisk,
    run: u64,
}

fn receipt_name(key: &ApprovalKey) -> Option<String> {
    let receipt = key.receipt.as_deref()?;
    Some(format!("{}/{receipt}/{}", key.terminal_id.as_deref().unwrap_or("-"), key.trace.as_deref().unwrap_or("-")))
}

impl Disk {
    fn check(&self, step: &Append<'_>) -> Result<(), Violation> {
        let id = step.sale.id;
        for lock in step.takes {
            if let Some(holder) = self.locks.get(lock).filter(|holder| **holder != id) {
                return Err(Violation::LockTaken { lock: lock.clone(), holder: *holder });
            }
        }
        let taken = |owner: Option<&SaleId>| owner.is_some_and(|owner| *owner != id);
        if step.claim.is_some_and(|claim| self.claims.contains_key(claim.reveal())) {
            return Err(Violation::ClaimTaken);
        }
        if step.profile.is_some_and(|(_, profile)| self.owners.contains_key(&profile.code.identity())) {
            return Err(Violation::ProfileBound);
        }
        for entry in step.entries {
            match &entry.record {
                Record::Paid { key } if receipt_name(key).is_some_and(|name| taken(self.receipts.get(&name))) => {
                    return Err(Violation::ReceiptBound);
                }
                Record::Stored { good, reference: Some(reference), .. } => {
                    let provider = step.sale.offer(usize::from(*good)).provider.clone();
                    if taken(self.orders.get(&(provider, reference.0.clone()))) {
                        return Err(Violation::OrderBound);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn write(&mut self, step: &Append<'_>) {
        let id = step.sale.id;
        for lock in step.gives {
            self.locks.remove(lock);
        }
        for lock in step.takes {
            self.locks.insert(lock.clone(), id);
        }
        if let Some(claim) = step.claim {
            self.claims.insert(claim.reveal().to_owned(), id);
        }
        if let Some((profile_id, profile)) = step.profile {
            self.owners.insert(profile.code.identity(), id);
            self.profiles.insert(profile_id, profile.clone());
        }
        for entry in step.entries {
            match &entry.record {
                Record::Chosen(_) => self.numbers += 1,
                Record::Paid { key } => {
                    if let Some(name) = receipt_name(key) {
                        self.receipts.insert(name, id);
                    }
                }
                Record::Stored { good, reference: Some(reference), .. } => {
                    let provider = step.sale.offer(usize::from(*good)).provider.clone();
                    self.orders.insert((provider, reference.0.clone()), id);
                }
                _ => {}
            }
        }
        self.entries.entry(id).or_default().extend(step.entries.iter().cloned());
        self.folded.insert(id, step.sale.clone());
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
        Ok(self.disk.sales().into_iter().filter(|sale| sale.closed.is_none()).collect())
    }

    fn sale(&mut self, id: SaleId) -> Result<Option<Sale>, JournalError> {
        Ok(self.disk.sales().into_iter().find(|sale| sale.id == id))
    }

    fn entries(&mut self, id: SaleId) -> Result<Vec<Entry>, JournalError> {
        Ok(self.disk.disk().entries.get(&id).cloned().unwrap_or_default())
    }

    fn find_number(&mut self, number: &SaleNumber) -> Result<Option<SaleId>, JournalError> {
        Ok(self.disk.sales().into_iter().find(|sale| sale.quote.number == *number).map(|sale| sale.id))
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
        Ok(receipt_name(key).and_then(|name| disk.receipts.get(&name).copied()))
    }

    fn sale_of_receipt(&mut self, receipt: &str) -> Result<Option<SaleId>, JournalError> {
        let names = |sale: &Sale| {
            let payment = &sale.payment;
            let key = payment.paid_as.as_ref().or(payment.approval.as_ref().map(|approval| &approval.key));
            key.and_then(|key| key.receipt.as_deref()) == Some(receipt)
        };
        Ok(self.disk.sales().into_iter().rev().find(names).map(|sale| sale.id))
    }

    fn order_references(&mut self, provider: &ProviderId) -> Result<Vec<OrderReference>, JournalError> {
        let disk = self.disk.disk();
        let ours = disk.orders.keys().filter(|(account, _)| account == provider);
        Ok(ours.map(|(_, reference)| OrderReference(reference.clone())).collect())
    }

    fn reveal(&mut self, profile: ProfileId) -> Result<Option<Profile>, JournalError> {
        Ok(self.disk.disk().profiles.get(&profile).cloned())
    }

    fn locks(&mut self) -> Result<Vec<(Lock, SaleId)>, JournalError> {
        Ok(self.disk.disk().locks.iter().map(|(lock, id)| (lock.clone(), *id)).collect())
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
        Ok(disk.days)
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
