//! Reading the journal for people, also while the service writes it: `esim-kiosk sales`. Nothing here can change a
//! byte, and nothing unseals a code.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};

pub use super::rows::{CaseRow, ReckoningRow, Remains, SaleRow, StockCount, StockRow, Wanted};

use super::operator_calls::OperatorCall;
use super::place::Place;
use super::purchases::{Batch, Purchase};
use super::section::Section;
use super::sqlite::OpenError;
use super::{JournalError, fold, outbox, purchases, schema};
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::record::Entry;
use crate::sale::{Lock, Sale};

/// A journal opened for reading alone.
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
}

/// Whoever takes this copy for the journal must say so: the kiosk has gone on since, and what it did then stands
/// nowhere in here. A number outside cannot tell that of a copy that was made in the same run.
pub(crate) fn mark_as_copy(copy: &Connection) -> Result<(), JournalError> {
    super::care::estrange(copy, "the journal is a copy that was put back").map_err(|fault| fault.told("mark its copy"))
}

impl Archive {
    /// Opens the journal of `section` for reading.
    ///
    /// # Errors
    /// [`OpenError`] where there is none, or where it cannot be read.
    pub fn open(section: &Section) -> Result<Self, OpenError> {
        Self::open_file(&Place::of(section).database)
    }

    /// Opens a database file: a backup, or one that was set aside.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open_file(path: &Path) -> Result<Self, OpenError> {
        let unfit = |source: schema::Unfit| OpenError::Unfit { path: path.to_owned(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| unfit(error.into()))?;
        connection.busy_timeout(Duration::from_secs(2)).map_err(|error| unfit(error.into()))?;
        schema::readable(&connection).map_err(unfit)?;
        Ok(Archive { connection })
    }

    /// The sales that are wanted, the newest first.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn list(&self, wanted: &Wanted) -> Result<Vec<SaleRow>, JournalError> {
        self.rows(
            "list sales",
            "SELECT number, id, opened_ms, closed_ms, closed, phase, money, goods, open_cases, amount_minor,
                    currency, last4, receipt FROM sales
             WHERE (?1 = 0 OR closed IS NULL OR open_order = 1 OR open_cases > 0)
               AND (?2 IS NULL OR opened_ms >= ?2) AND (?3 IS NULL OR opened_ms < ?3)
               AND (?4 IS NULL OR amount_minor = ?4) AND (?5 IS NULL OR last4 = ?5) AND (?7 IS NULL OR id = ?7)
             ORDER BY opened_ms DESC, number DESC LIMIT coalesce(?6, -1)",
            rusqlite::params![
                wanted.open,
                wanted.from_ms,
                wanted.to_ms,
                wanted.amount_minor,
                wanted.last4,
                wanted.limit,
                wanted.id.map(|id| id.to_string())
            ],
            |row| {
                let id: String = row.get("id")?;
                let goods: String = row.get("goods")?;
                Ok(SaleRow {
                    number: row.get("number")?,
                    id: id.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
                    opened_ms: row.get("opened_ms")?,
                    closed_ms: row.get("closed_ms")?,
                    closed: row.get("closed")?,
                    phase: row.get("phase")?,
                    money: row.get("money")?,
                    goods: goods.split(',').map(str::to_owned).collect(),
                    open_cases: row.get("open_cases")?,
                    amount_minor: row.get("amount_minor")?,
                    currency: row.get("currency")?,
                    last4: row.get("last4")?,
                    receipt: row.get("receipt")?,
                })
            },
        )
    }

    /// The sale with this label or id.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn find(&self, name: &str) -> Result<Option<SaleId>, JournalError> {
        let number = SaleNumber(name.trim().to_ascii_uppercase());
        fold::find(&self.connection, "SELECT id FROM sales WHERE number = ?1 OR id = ?1", &number.0)
            .map_err(|fault| fault.told("find a sale"))
    }

    /// A sale, folded.
    ///
    /// # Errors
    /// SQLite's or the disk's, or a sale that cannot be folded any more.
    pub fn sale(&self, id: SaleId) -> Result<Option<Sale>, JournalError> {
        fold::sale(&self.connection, id).map_err(|fault| fault.told("read a sale"))
    }

    /// Every record of a sale.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn entries(&self, id: SaleId) -> Result<Vec<Entry>, JournalError> {
        fold::entries(&self.connection, id).map_err(|fault| fault.told("read a sale"))
    }

    /// The records of a sale as they lie there, each with its number: for one that cannot be read any more.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn raw(&self, id: SaleId) -> Result<Vec<String>, JournalError> {
        let sql = "SELECT seq || '  ' || kind || '  ' || json FROM entries WHERE sale = ?1 ORDER BY seq";
        self.rows("read a sale as it lies there", sql, [id.to_string()], |row| row.get(0))
    }

    /// What stands beside the records of a sale and outlives them.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn remains(&self, id: SaleId) -> Result<Remains, JournalError> {
        let (doing, id) = ("read what is left of a sale", id.to_string());
        let sql = "SELECT terminal_id, receipt, trace FROM receipts WHERE sale = ?1 ORDER BY day DESC LIMIT 1";
        let receipts = self.rows(doing, sql, [&id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let sql = "SELECT provider, reference FROM orders WHERE sale = ?1 ORDER BY good, reference";
        let orders = self.rows(doing, sql, [&id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Remains { receipt: receipts.into_iter().next(), orders })
    }

    /// The provider's name of the order that brought an item of the stock.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn stock_order(&self, profile: ProfileId) -> Result<Option<String>, JournalError> {
        let sql = "SELECT reference FROM stock WHERE profile = ?1";
        let found = self.rows("look up a stock item's order", sql, [profile.to_string()], |row| row.get(0))?;
        Ok(found.into_iter().next().flatten())
    }

    /// Who holds what.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn locks(&self) -> Result<Vec<(Lock, SaleId)>, JournalError> {
        fold::locks(&self.connection).map_err(|fault| fault.told("read the locks"))
    }

    /// The cases, the most urgent first; with the decided ones only if `all`.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn cases(&self, all: bool) -> Result<Vec<CaseRow>, JournalError> {
        self.rows(
            "list cases",
            "SELECT number, place, kind, evidence, cases.opened_ms, due_ms, decision, reason
             FROM cases JOIN sales ON sales.id = cases.sale WHERE ?1 OR decided_ms IS NULL ORDER BY due_ms, number",
            [all],
            |row| {
                Ok(CaseRow {
                    number: row.get(0)?,
                    place: row.get(1)?,
                    kind: row.get(2)?,
                    evidence: row.get(3)?,
                    opened_ms: row.get(4)?,
                    due_ms: row.get(5)?,
                    decision: row.get(6)?,
                    reason: row.get(7)?,
                })
            },
        )
    }

    /// What lies in stock, counted by state.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn stock(&self) -> Result<Vec<StockCount>, JournalError> {
        let sql = "SELECT state, count(*) FROM stock GROUP BY state ORDER BY state";
        self.rows("count the stock", sql, [], |row| Ok(StockCount { state: row.get(0)?, count: row.get(1)? }))
    }

    /// How far the outbox has come.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn outbox(&self) -> Result<outbox::Progress, JournalError> {
        outbox::progress(&self.connection).map_err(|fault| fault.told("count the outbox"))
    }

    /// Sales whose goods were promised for later and that are not closed, oldest first.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn queue(&self) -> Result<Vec<Sale>, JournalError> {
        let (open, _) = fold::open_sales(&self.connection).map_err(|fault| fault.told("read the queue"))?;
        Ok(open.into_iter().filter(|sale| sale.quote.promised_ms.is_some() && sale.closed.is_none()).collect())
    }

    /// Orders for the stock, oldest first.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn purchases(&self) -> Result<Vec<Purchase>, JournalError> {
        purchases::list(&self.connection, true).map_err(|fault| fault.told("read the orders for the stock"))
    }

    /// What operators have ordered for the stock: what still waits, and what was dropped since the last order.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn batches(&self) -> Result<Vec<Batch>, JournalError> {
        let batches = purchases::batches(&self.connection).map_err(|fault| fault.told("read what is to be bought"))?;
        Ok(batches.into_iter().filter(|batch| batch.is_dropped() || batch.begun < batch.count).collect())
    }

    /// The items of the stock, without their codes.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn stock_rows(&self) -> Result<Vec<StockRow>, JournalError> {
        let sql = "SELECT profile, state, reference, kept_for, unproven, expires_ms, changed_ms,
                          json_extract(offer, '$.title') AS title, json_extract(offer, '$.provider') AS provider,
                          json_extract(offer, '$.plan') AS plan
                   FROM stock ORDER BY state, expires_ms, profile";
        self.rows("list the stock", sql, [], |row| {
            Ok(StockRow {
                profile: row.get("profile")?,
                state: row.get("state")?,
                title: row.get::<_, Option<String>>("title")?.unwrap_or_default(),
                provider: row.get::<_, Option<String>>("provider")?.unwrap_or_default(),
                plan: row.get::<_, Option<String>>("plan")?.unwrap_or_default(),
                order: row.get("reference")?,
                kept_for: row.get("kept_for")?,
                unproven: row.get("unproven")?,
                expires_ms: row.get("expires_ms")?,
                changed_ms: row.get("changed_ms")?,
            })
        })
    }

    /// The last reckonings, the newest first.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn reckonings(&self, limit: u32) -> Result<Vec<ReckoningRow>, JournalError> {
        let sql = "SELECT made_ms, day, balanced, json FROM reckonings ORDER BY id DESC LIMIT ?1";
        self.rows("read the reckonings", sql, [limit], |row| {
            Ok(ReckoningRow { made_ms: row.get(0)?, day: row.get(1)?, balanced: row.get(2)?, json: row.get(3)? })
        })
    }

    /// Calls that an operator made of providers by hand and that change something there, the latest last.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn operator_calls(&self) -> Result<Vec<OperatorCall>, JournalError> {
        super::operator_calls::list(&self.connection).map_err(|fault| fault.told("read an operator's calls"))
    }

    /// Why this journal may not be the newest, if it may not.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn estranged(&self) -> Result<Option<String>, JournalError> {
        super::sqlite::meta(&self.connection, "estranged")
            .map_err(|error| super::fault::Fault::Sql(error).told("read its own state"))
    }

    /// A copy of the whole journal as it is now, also while the service writes: made beside, synced, then named, so
    /// that a file of this name is always whole.
    ///
    /// # Errors
    /// SQLite's or the disk's.
    pub fn back_up(&self, to: &Path) -> Result<(), JournalError> {
        let disk = |source: std::io::Error| JournalError::Storage { doing: "back itself up", source: Box::new(source) };
        let told =
            |source: rusqlite::Error| JournalError::Storage { doing: "back itself up", source: Box::new(source) };
        let beside = to.with_extension("part");
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(disk(error)),
            _ => {}
        }
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(disk)?;
        let mut copy = Connection::open(&beside).map_err(told)?;
        let backup = rusqlite::backup::Backup::new(&self.connection, &mut copy).map_err(told)?;
        backup.run_to_completion(256, Duration::from_millis(1), None).map_err(told)?;
        drop(backup);
        schema::check_integrity(&copy)
            .map_err(|source| JournalError::Storage { doing: "check its copy", source: Box::new(source) })?;
        mark_as_copy(&copy)?;
        // One file, readable anywhere: no write-ahead log beside it.
        copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(told)?;
        copy.close().map_err(|(_, error)| told(error))?;
        std::fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(disk)?;
        std::fs::rename(&beside, to).map_err(disk)?;
        super::place::sync_directory_of(to).map_err(disk)
    }

    /// SQLite's own check of the whole file.
    ///
    /// # Errors
    /// The first findings.
    pub fn check_integrity(&self) -> Result<(), schema::Unfit> {
        schema::check_integrity(&self.connection)
    }

    fn rows<T>(
        &self,
        doing: &'static str,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Vec<T>, JournalError> {
        let ask = || -> Result<Vec<T>, rusqlite::Error> {
            let mut query = self.connection.prepare(sql)?;
            let rows = query.query_map(values, read)?;
            rows.collect()
        };
        ask().map_err(|error| super::fault::Fault::Sql(error).told(doing))
    }
}
