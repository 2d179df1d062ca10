//! The contract to the journal, kept in memory.

use std::collections::BTreeMap;

use super::{MemoryJournal, ReceiptName, receipt_name};
use crate::journal::books::Booked;
use crate::journal::outbox::Waiting;
use crate::journal::stock::{Bought, StockItem, StockState};
use crate::journal::{
    Append, DayEnding, DaySales, Journal, JournalError, Kept, OpenCase, is_known, terminal_named, word,
};
use crate::money::Exact;
use crate::sale::activation::Profile;
use crate::sale::claim::ClaimCode;
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::offer::{OrderReference, ProviderId};
use crate::sale::record::{Entry, Record};
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Goods, Lock, Money, Sale};

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

    fn free_locks(&mut self, orphaned: &[(Lock, SaleId)], _: Moment) -> Result<(), JournalError> {
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

    fn day_closed(&mut self, _evidence: &str, kept: Option<&Kept<'_>>, _now: Moment) -> Result<u64, JournalError> {
        let mut disk = self.disk.disk();
        disk.days += 1;
        disk.reckonings.extend(kept.map(|kept| kept.json.to_owned()));
        disk.ending = None;
        Ok(disk.days)
    }

    fn stock(&mut self, now: Moment) -> Result<Vec<StockItem>, JournalError> {
        let disk = &mut *self.disk.disk();
        Ok(disk.shelf.list(&disk.locks, now))
    }

    fn estranged(&self) -> Option<&str> {
        self.estranged.as_ref().map(|(why, _)| why.as_str())
    }

    fn estranged_in(&self) -> u64 {
        self.estranged.as_ref().map_or(0, |(_, run)| *run)
    }

    fn estrange(&mut self, why: &str) -> Result<(), JournalError> {
        let mut disk = self.disk.disk();
        disk.estranged = Some((why.to_owned(), self.run));
        disk.shelf.doubt();
        self.estranged = Some((why.to_owned(), self.run));
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

    fn unsettled(&mut self) -> Result<Vec<String>, JournalError> {
        Ok(self.disk.disk().reckonings.iter().filter(|json| is_unsettled(json)).cloned().collect())
    }

    fn settle(&mut self, reason: &str, now: Moment) -> Result<u64, JournalError> {
        let mut disk = self.disk.disk();
        let mut settled = 0;
        for json in disk.reckonings.iter_mut().filter(|json| is_unsettled(json)) {
            let mut made: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
            made["settled"] = serde_json::json!({ "reason": reason, "at_ms": now.wall_ms });
            *json = made.to_string();
            settled += 1;
        }
        Ok(settled)
    }

    fn last_reckoning(&mut self) -> Result<Option<String>, JournalError> {
        Ok(self.disk.disk().reckonings.last().cloned())
    }

    fn sales_of_day(&mut self, day: u64) -> Result<DaySales, JournalError> {
        let mut sales = self.disk.sales();
        sales.retain(|sale| sale.quote.day >= day);
        Ok(DaySales { sales, unreadable: Vec::new() })
    }

    fn open_cases(&mut self) -> Result<Vec<OpenCase>, JournalError> {
        Ok(self.disk.disk().folded.values().flat_map(open_cases_of).collect())
    }

    fn booked_remains(&mut self, _parcel: &Waiting) -> Result<Option<Booked>, JournalError> {
        Ok(None)
    }

    fn lay_aside(&mut self, id: SaleId, why: &str) -> Result<(), JournalError> {
        Err(JournalError::Damaged { what: format!("sale {id} in memory: {why}") })
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

fn open_cases_of(sale: &Sale) -> impl Iterator<Item = OpenCase> {
    let open = sale.cases.iter().enumerate().filter(|(_, case)| case.decided.is_none());
    open.map(|(place, case)| OpenCase {
        number: sale.quote.number.0.clone(),
        place: u8::try_from(place).unwrap_or(u8::MAX),
        kind: word(&case.kind),
        doubtful: sale.payment.money == Money::Unknown,
    })
}

fn is_unsettled(json: &str) -> bool {
    let made: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    made["settled"].is_null() && made["differences"].as_array().is_some_and(|all| !all.is_empty())
}
