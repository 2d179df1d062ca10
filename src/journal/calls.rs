//! The contract, kept by SQLite.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;

use super::append;
use super::books::Booked;
use super::operator_calls::{self, OperatorCall};
use super::purchases::{self, Batch, Purchase};
use super::sqlite::{SqliteJournal, meta, set_meta};
use super::stock::{self, StockItem};
use super::unreadable::{self, Verdict};
use super::upkeep::{self, Upkeep};
use super::{Append, DayEnding, DaySales, Journal, JournalError, Kept, OffSale, OpenCase};
use super::{care, fold, inventory, newest, outbox, retention};
use crate::money::Exact;
use crate::sale::activation::Profile;
use crate::sale::claim::ClaimCode;
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::offer::{OrderReference, ProviderId};
use crate::sale::record::Entry;
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Lock, Sale};

/// A write-ahead log of this size is moved into the database by the next probe or tidying.
const WAL_TIDY_BYTES: u64 = 2 * 1024 * 1024;

impl Journal for SqliteJournal {
    fn append(&mut self, step: &Append<'_>) -> Result<(), JournalError> {
        self.write("write a step of a sale", |work, seal| append::write(work, seal, step))
    }

    fn open_sales(&mut self) -> Result<Vec<Sale>, JournalError> {
        let ((sales, broken), mended) = self.read("read the open sales", |connection, _| {
            Ok((fold::open_sales(connection)?, unreadable::mended(connection)?))
        })?;
        for id in mended {
            self.write("close the case of a sale that can be read again", |work, _| unreadable::read_again(work, &id))?;
        }
        let newer = self.read("compare the cases", |connection, _| unreadable::newer(connection, &sales))?;
        if !newer.is_empty() {
            self.write("list what another version wrote", |work, _| unreadable::list_newer(work, &newer))?;
        }
        if !broken.is_empty() {
            self.write("set aside what cannot be read", |work, _| unreadable::lay_aside(work, &broken))?;
        }
        Ok(sales)
    }

    fn sale(&mut self, id: SaleId) -> Result<Option<Sale>, JournalError> {
        self.read("read a sale", |connection, _| fold::sale(connection, id))
    }

    fn entries(&mut self, id: SaleId) -> Result<Vec<Entry>, JournalError> {
        self.read("read a sale", |connection, _| fold::entries(connection, id))
    }

    fn find_number(&mut self, number: &SaleNumber) -> Result<Option<SaleId>, JournalError> {
        self.read("find a sale by its number", |connection, _| {
            fold::find(connection, "SELECT id FROM sales WHERE number = ?1", &number.0)
        })
    }

    fn find_claim(&mut self, code: &ClaimCode) -> Result<Option<SaleId>, JournalError> {
        self.read("find a sale by its claim code", |connection, seal| {
            fold::find(connection, "SELECT sale FROM claims WHERE hash = ?1", seal.claim_hash(code))
        })
    }

    fn claim_code(&mut self, id: SaleId) -> Result<Option<ClaimCode>, JournalError> {
        self.read("read a claim code", |connection, seal| {
            let sealed: Option<Vec<u8>> = connection
                .prepare_cached("SELECT sealed FROM claims WHERE sale = ?1")?
                .query_row([id.to_string()], |row| row.get(0))
                .optional()?;
            Ok(sealed.map(|sealed| seal.open_claim(id, &sealed)).transpose()?)
        })
    }

    fn receipt_owner(&mut self, key: &ApprovalKey) -> Result<Option<SaleId>, JournalError> {
        if key.receipt.is_none() && key.trace.is_none() {
            return Ok(None);
        }
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let key = (text(&key.terminal_id), text(&key.receipt), text(&key.trace));
        self.read("find a sale by its receipt", |connection, _| {
            // Numbers come round again after some thousand payments: only this day and the last one count.
            let owner: Option<String> = connection
                .prepare_cached(
                    "SELECT sale FROM receipts WHERE terminal_id = ?1 AND receipt = ?2 AND trace = ?3
                     AND day >= (SELECT coalesce(max(number), 0) FROM days) - 1 ORDER BY day DESC LIMIT 1",
                )?
                .query_row(key, |row| row.get(0))
                .optional()?;
            owner.as_deref().map(fold::parse_sale).transpose()
        })
    }

    fn sale_of_receipt(&mut self, receipt: &str) -> Result<Option<SaleId>, JournalError> {
        self.read("find a sale by its receipt", |connection, _| {
            let owner: Option<String> = connection
                .prepare_cached(
                    "SELECT id FROM sales WHERE receipt = ?1 AND (closed IS NULL OR EXISTS (
                         SELECT 1 FROM receipts WHERE receipts.sale = sales.id
                         AND day >= (SELECT coalesce(max(number), 0) FROM days) - 1))
                     ORDER BY counter DESC LIMIT 1",
                )?
                .query_row([receipt], |row| row.get(0))
                .optional()?;
            owner.as_deref().map(fold::parse_sale).transpose()
        })
    }

    fn order_references(&mut self, provider: &ProviderId) -> Result<Vec<OrderReference>, JournalError> {
        self.read("read the orders of an account", |connection, _| {
            let mut query = connection.prepare_cached(
                "SELECT reference FROM orders WHERE provider = ?1
                 UNION SELECT reference FROM purchases WHERE provider = ?1 AND reference IS NOT NULL",
            )?;
            let rows = query.query_map([&provider.0], |row| row.get(0).map(OrderReference))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn reveal(&mut self, profile: ProfileId) -> Result<Option<Profile>, JournalError> {
        self.read("unseal an activation code", |connection, seal| {
            let sealed: Option<Option<Vec<u8>>> = connection
                .prepare_cached("SELECT sealed FROM profiles WHERE id = ?1")?
                .query_row([profile.to_string()], |row| row.get(0))
                .optional()?;
            Ok(sealed.flatten().map(|sealed| seal.open_profile(profile, &sealed)).transpose()?)
        })
    }

    fn locks(&mut self) -> Result<Vec<(Lock, SaleId)>, JournalError> {
        self.read("read the locks", |connection, _| fold::locks(connection))
    }

    fn free_locks(&mut self, orphaned: &[(Lock, SaleId)], now: Moment) -> Result<(), JournalError> {
        self.write("give back locks without an open sale", |work, _| {
            orphaned.iter().try_for_each(|(lock, sale)| append::give(work, lock, *sale, now))
        })
    }

    fn next_number(&mut self) -> Result<u64, JournalError> {
        self.read("count the sales", |connection, _| {
            let last: u64 =
                connection.query_row("SELECT coalesce(max(counter), 0) FROM sales", [], |row| row.get(0))?;
            Ok(last + 1)
        })
    }

    fn run(&self) -> u64 {
        self.run
    }

    fn day(&mut self) -> Result<u64, JournalError> {
        self.read("read the terminal's day", |connection, _| {
            Ok(connection.query_row("SELECT coalesce(max(number), 0) FROM days", [], |row| row.get(0))?)
        })
    }

    fn day_closed(&mut self, evidence: &str, kept: Option<&Kept<'_>>, now: Moment) -> Result<u64, JournalError> {
        self.write("write an end of day", |work, _| {
            work.execute(
                "INSERT INTO days (number, closed_ms, evidence) SELECT coalesce(max(number), 0) + 1, ?1, ?2 FROM days",
                (now.wall_ms, evidence),
            )?;
            work.execute("DELETE FROM meta WHERE key = 'day_ending'", [])?;
            kept.map_or(Ok(()), |kept| care::keep_reckoning(work, kept))?;
            Ok(work.query_row("SELECT max(number) FROM days", [], |row| row.get(0))?)
        })
    }

    fn stock(&mut self, now: Moment) -> Result<Vec<StockItem>, JournalError> {
        self.write("read the stock", |work, _| stock::list(work, now))
    }

    fn tidy(&mut self, now: Moment) -> Result<u32, JournalError> {
        let before = i64::try_from(self.keep_codes_ms).ok().and_then(|keep| now.wall_ms.checked_sub(keep));
        let wiped = match before {
            Some(before) if now.synced => self.write("wipe old codes", |work, _| {
                let wiped = work.execute(
                    "UPDATE profiles SET sealed = NULL, wiped_ms = ?2 WHERE sealed IS NOT NULL AND owner IN
                     (SELECT id FROM sales WHERE closed IS NOT NULL AND open_order = 0 AND open_cases = 0
                      AND closed_ms < ?1)",
                    (before, now.wall_ms),
                )?;
                Ok(u32::try_from(wiped).unwrap_or(u32::MAX))
            })?,
            _ => 0,
        };
        let keep = i64::try_from(self.keep_personal_ms).ok().and_then(|keep| now.wall_ms.checked_sub(keep));
        let forgotten = match keep {
            Some(before) if now.synced => {
                self.write("forget travellers", |work, _| care::forget_travellers(work, before, now))?
            }
            _ => 0,
        };
        let keep = i64::try_from(self.keep_sales_ms).ok().and_then(|keep| now.wall_ms.checked_sub(keep));
        if let (Some(before), true) = (keep, now.synced) {
            let gone = self.write("take old sales out", |work, _| retention::forget_sales(work, before))?;
            if gone > 0 {
                tracing::info!(sales = gone, "records of old sales, which the back office has, were taken out");
            }
        }
        self.checkpoint(if wiped + forgotten > 0 { 0 } else { WAL_TIDY_BYTES })?;
        Ok(wiped)
    }

    fn outbox(&mut self, after: u64, limit: u32) -> Result<Vec<outbox::Waiting>, JournalError> {
        self.read("read the outbox", |connection, _| outbox::waiting(connection, after, limit))
    }

    fn outbox_taken(&mut self, number: u64, now: Moment) -> Result<(), JournalError> {
        self.write("mark the outbox", |work, _| outbox::taken(work, number, now))
    }

    fn outbox_progress(&mut self) -> Result<outbox::Progress, JournalError> {
        self.read("count the outbox", |connection, _| outbox::progress(connection))
    }

    fn estranged(&self) -> Option<&str> {
        self.estranged.as_deref()
    }

    fn estranged_in(&self) -> u64 {
        self.estranged_in
    }

    fn decide_unreadable(&mut self, id: SaleId, by: &Verdict, now: Moment) -> Result<bool, JournalError> {
        self.write("close the case of a sale that cannot be read", |work, _| unreadable::decide(work, id, by, now))
    }

    fn booked_remains(&mut self, parcel: &outbox::Waiting) -> Result<Option<Booked>, JournalError> {
        self.read("read what is left of a sale", |connection, _| {
            unreadable::booked(connection, parcel.sale, parcel.closed_ms)
        })
    }

    fn clock_stepped(&mut self, by_ms: i64, now: Moment) -> Result<(), JournalError> {
        self.write("note that the clock was set", |work, _| care::clock_stepped(work, by_ms, now))
    }

    fn operator_calls(&mut self) -> Result<Vec<OperatorCall>, JournalError> {
        self.read("read an operator's calls", |connection, _| operator_calls::list(connection))
    }

    fn put_operator_call(&mut self, call: &OperatorCall) -> Result<(), JournalError> {
        self.write("write an operator's call", |work, _| operator_calls::put(work, call))
    }

    fn estrange(&mut self, why: &str) -> Result<(), JournalError> {
        let run = self.run;
        self.write("note that it may not be the newest", |work, _| {
            care::estrange(work, why)?;
            Ok(set_meta(work, "estranged_in", run)?)
        })?;
        self.estranged = Some(why.to_owned());
        self.estranged_in = run;
        Ok(())
    }

    fn adopt(&mut self) -> Result<(), JournalError> {
        self.adopt_with(&[])
    }

    fn knows_transaction(&mut self, key: &ApprovalKey) -> Result<bool, JournalError> {
        if self.read("compare itself with the terminal", |connection, _| newest::expects_any(connection))? {
            self.learn_transaction(key)?;
            return Ok(true);
        }
        self.read("compare itself with the terminal", |connection, _| newest::knows(connection, key))
    }

    fn learn_transaction(&mut self, key: &ApprovalKey) -> Result<(), JournalError> {
        self.write("note the terminal's last transaction", |work, _| newest::learn(work, key))
    }

    fn has_history(&mut self) -> Result<bool, JournalError> {
        self.read("look for payments", |connection, _| newest::has_history(connection))
    }

    fn batches(&mut self) -> Result<Vec<Batch>, JournalError> {
        self.read("read what is to be bought", |connection, _| purchases::batches(connection))
    }

    fn put_batches(&mut self, batches: &[Batch]) -> Result<(), JournalError> {
        self.write("write what is to be bought", |work, _| purchases::put_batches(work, batches))
    }

    fn day_ending(&mut self) -> Result<Option<DayEnding>, JournalError> {
        self.read("read the end of day", |connection, _| care::day_ending(connection))
    }

    fn end_day(&mut self, ending: Option<&DayEnding>) -> Result<(), JournalError> {
        self.write("write an end of day", |work, _| care::end_day(work, ending))
    }

    fn off_sale(&mut self) -> Result<Vec<OffSale>, JournalError> {
        self.read("read what is off sale", |connection, _| care::off_sale(connection))
    }

    fn keep_off_sale(&mut self, plans: &[OffSale]) -> Result<(), JournalError> {
        self.write("write what is off sale", |work, _| care::keep_off_sale(work, plans))
    }

    fn upkeep(&mut self) -> Result<Upkeep, JournalError> {
        self.read("read what the operator closed", |connection, _| upkeep::read(connection))
    }

    fn put_upkeep(&mut self, upkeep: &Upkeep) -> Result<(), JournalError> {
        self.write("write what the operator closed", |work, _| upkeep::put(work, upkeep))
    }

    fn unsettled(&mut self) -> Result<Vec<String>, JournalError> {
        self.read("read what did not balance", |connection, _| care::unsettled(connection))
    }

    fn settle(&mut self, reason: &str, now: Moment) -> Result<u64, JournalError> {
        self.write("settle what did not balance", |work, _| care::settle(work, reason, now))
    }

    fn sales_of_day(&mut self, day: u64) -> Result<DaySales, JournalError> {
        self.read("read the sales of a day", |connection, _| care::sales_of_day(connection, day))
    }

    fn open_cases(&mut self) -> Result<Vec<OpenCase>, JournalError> {
        self.read("read the open cases", |connection, _| unreadable::open_cases(connection))
    }

    fn lay_aside(&mut self, id: SaleId, why: &str) -> Result<(), JournalError> {
        let broken = [unreadable::Unreadable { id: id.to_string(), why: why.to_owned() }];
        self.write("set aside what cannot be read", |work, _| unreadable::lay_aside(work, &broken))
    }

    fn stock_books(&mut self) -> Result<BTreeMap<ProfileId, (stock::StockState, Exact)>, JournalError> {
        self.read("read the stock", |connection, _| inventory::books(connection))
    }

    fn purchases(&mut self, all: bool) -> Result<Vec<Purchase>, JournalError> {
        self.read("read the orders for the stock", |connection, _| purchases::list(connection, all))
    }

    fn put_purchase(
        &mut self,
        purchase: &Purchase,
        brought: Option<&stock::Bought<'_>>,
        now: Moment,
    ) -> Result<(), JournalError> {
        self.write("write an order for the stock", |work, seal| purchases::put(work, seal, purchase, brought, now))
    }

    fn last_reckoning(&mut self) -> Result<Option<String>, JournalError> {
        self.read("read the last reckoning", |connection, _| {
            let sql = "SELECT json FROM reckonings ORDER BY id DESC LIMIT 1";
            Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
        })
    }

    fn put_in_stock(&mut self, item: &stock::Bought<'_>, now: Moment) -> Result<(), JournalError> {
        self.write("put a profile into the stock", |work, seal| stock::buy(work, seal, item, now))
    }

    fn move_stock(&mut self, profile: ProfileId, to: stock::StockState, now: Moment) -> Result<bool, JournalError> {
        self.write("change the stock", |work, _| inventory::move_to(work, profile, to, now))
    }

    fn stock_proven(&mut self, profile: ProfileId) -> Result<(), JournalError> {
        self.write("change the stock", |work, _| inventory::proven(work, profile))
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        // First: with too little room no card is asked, and a test record would only use up what is left for the sales
        // that are under way, until it failed itself and ended the program again and again.
        if let Some(place) = &self.place {
            let free_mb = place.free_mb().map_err(|source| JournalError::Storage {
                doing: "ask for the free space of its partition",
                source: Box::new(source),
            })?;
            if free_mb < self.head_room_mb {
                return Err(JournalError::HeadRoom { free_mb, needed_mb: self.head_room_mb });
            }
        }
        self.write("write a test record", |work, _| {
            let count = meta::<u64>(work, "probes")?.unwrap_or(0);
            Ok(set_meta(work, "probes", count + 1)?)
        })?;
        self.checkpoint(WAL_TIDY_BYTES)
    }
}
