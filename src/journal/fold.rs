//! Sales read back: entries, and the fold of them.

use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;

use super::fault::Fault;
use super::unreadable::Unreadable;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::record::{CaseKind, Entry, Record};
use crate::sale::{Lock, Sale};

/// A sale's entries in their order. What a newer version wrote and this one does not know stays in the database and
/// reads as a case, so that the numbering of the records is kept (sale.md 11).
pub(super) fn entries(connection: &Connection, id: SaleId) -> Result<Vec<Entry>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT seq, run, mono_ms, wall_ms, synced, kind, json FROM entries WHERE sale = ?1 ORDER BY seq",
    )?;
    let mut rows = query.query([id.to_string()])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let seq: u32 = row.get(0)?;
        if usize::try_from(seq).ok() != Some(entries.len()) {
            return Err(Fault::Damaged(format!("sale {id}: record {} is missing", entries.len())));
        }
        let at = Moment { run: row.get(1)?, mono_ms: row.get(2)?, wall_ms: row.get(3)?, synced: row.get(4)? };
        let kind: String = row.get(5)?;
        let json: String = row.get(6)?;
        entries.push(Entry { at, record: read(seq, &kind, &json) });
    }
    Ok(entries)
}

/// Whether another version wrote it, and this one does not know it.
pub(super) fn is_newer(kind: &str, json: &str) -> bool {
    matches!(read(0, kind, json), Record::Newer { .. } | Record::CaseOpened { case: CaseKind::NewerRecord, .. })
}

/// By way of a JSON value: numbers of arbitrary precision do not pass through a tagged enum directly.
fn read(seq: u32, kind: &str, json: &str) -> Record {
    let known = serde_json::from_str::<serde_json::Value>(json).and_then(Record::deserialize);
    known.unwrap_or_else(|_| {
        let evidence = format!("record {seq} of kind {kind} was written by another version, which understands it");
        if kind == "case_opened" {
            // A case there as well, with its row: it has its number among the others.
            return Record::CaseOpened { case: CaseKind::NewerRecord, evidence, good: None };
        }
        Record::Newer { evidence }
    })
}

/// One sale, folded; none where there is no such sale.
pub(super) fn sale(connection: &Connection, id: SaleId) -> Result<Option<Sale>, Fault> {
    let entries = entries(connection, id)?;
    if entries.is_empty() {
        return Ok(None);
    }
    Sale::replay(id, &entries).map(Some).map_err(|why| Fault::Damaged(format!("sale {id}: {why}")))
}

/// Every sale with something left to do, oldest first; and those that cannot be read, which do not keep the others
/// from being finished.
pub(super) fn open_sales(connection: &Connection) -> Result<(Vec<Sale>, Vec<Unreadable>), Fault> {
    let mut query = connection
        .prepare_cached("SELECT id FROM sales WHERE closed IS NULL OR open_order = 1 ORDER BY opened_ms, id")?;
    let ids = query.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut sales = Vec::with_capacity(ids.len());
    let mut unreadable = Vec::new();
    for id in ids {
        match parse_sale(&id).and_then(|id| sale(connection, id)) {
            Ok(found) => sales.extend(found),
            Err(Fault::Damaged(why)) => unreadable.push(Unreadable { id, why }),
            Err(other) => return Err(other),
        }
    }
    Ok((sales, unreadable))
}

/// Finds a sale's id by one text column.
pub(super) fn find(connection: &Connection, sql: &str, key: impl rusqlite::ToSql) -> Result<Option<SaleId>, Fault> {
    let found: Option<String> = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
    found.as_deref().map(parse_sale).transpose()
}

/// Who holds what.
pub(super) fn locks(connection: &Connection) -> Result<Vec<(Lock, SaleId)>, Fault> {
    let mut query = connection.prepare_cached("SELECT lock, sale FROM locks ORDER BY lock")?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut locks = Vec::new();
    for row in rows {
        let (lock, sale) = row?;
        match (super::append::parse_lock(&lock), parse_sale(&sale)) {
            (Ok(lock), Ok(sale)) => locks.push((lock, sale)),
            // Of a newer version, or damaged: its row stays, and nobody takes it.
            _ => tracing::error!(lock, sale, "a lock that this version does not understand"),
        }
    }
    Ok(locks)
}

pub(super) fn parse_sale(text: &str) -> Result<SaleId, Fault> {
    text.parse().map_err(|_| Fault::Damaged(format!("{text:?} is no sale's id")))
}
