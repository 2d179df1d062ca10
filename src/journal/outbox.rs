//! What the operator's back office has not acknowledged yet. A row is written in the transaction that closes its
//! sale, and marked in one of its own once the back office has said that it has it.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::fold::parse_sale;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::record::Closing;

/// A finished sale on its way to the back office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The outbox number: rises by every finished sale, never used twice.
    pub number: u64,
    /// The sale.
    pub sale: SaleId,
    /// When it closed, milliseconds since 1970, UTC.
    pub closed_ms: i64,
}

/// How far the outbox has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The last number that was given.
    pub last: u64,
    /// How many wait.
    pub waiting: u64,
    /// Since when the oldest of them waits, milliseconds since 1970.
    pub oldest_ms: Option<i64>,
}

/// A sale is closed: the back office is to hear of it. Over a second time it must hear of money that went back, and of
/// nothing else twice.
pub(super) fn put(work: &Connection, sale: &str, how: Closing, now: Moment) -> Result<(), Fault> {
    let again = matches!(how, Closing::GivenAway | Closing::Refunded | Closing::RefundDue | Closing::Lost);
    let otherwise = if again { "REPLACE" } else { "IGNORE" };
    let insert = format!("INSERT OR {otherwise} INTO outbox (sale, made_ms) VALUES (?1, ?2)");
    work.prepare_cached(&insert)?.execute((sale, now.wall_ms))?;
    Ok(())
}

/// The oldest that wait, after `after`.
pub(super) fn waiting(connection: &Connection, after: u64, limit: u32) -> Result<Vec<Waiting>, Fault> {
    let sql = "SELECT id, sale, made_ms FROM outbox WHERE sent_ms IS NULL AND id > ?1 ORDER BY id LIMIT ?2";
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map((after, limit), |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(number, sale, closed_ms)| Ok(Waiting { number, sale: parse_sale(&sale)?, closed_ms }))
        .collect()
}

/// The back office has it.
pub(super) fn taken(connection: &Connection, number: u64, now: Moment) -> Result<(), Fault> {
    let sql = "UPDATE outbox SET sent_ms = ?2 WHERE id = ?1 AND sent_ms IS NULL";
    connection.prepare_cached(sql)?.execute((number, now.wall_ms))?;
    Ok(())
}

/// How far it has come.
pub(super) fn progress(connection: &Connection) -> Result<Progress, Fault> {
    let last = connection.query_row("SELECT coalesce(max(id), 0) FROM outbox", [], |row| row.get(0))?;
    let sql = "SELECT count(*), min(made_ms) FROM outbox WHERE sent_ms IS NULL";
    Ok(connection.query_row(sql, [], |row| Ok(Progress { last, waiting: row.get(0)?, oldest_ms: row.get(1)? }))?)
}
