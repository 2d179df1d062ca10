//! What the journal remembers beside the sales: the end of day, whether it may not be the newest, reckonings, and what
//! it forgets of travellers with time.

use rusqlite::{Connection, Transaction};
use serde_json::Value;

use super::DayEnding;
use super::fault::Fault;
use super::fold::{self, parse_sale};
use super::sqlite::{meta, set_meta};
use crate::sale::Sale;
use crate::sale::moment::Moment;

/// Sales of which travellers are forgotten in one transaction: the loop is not kept waiting for a whole year.
const FORGET_AT_ONCE: u32 = 50;

/// This journal may not be the newest: no stock item is for sale until its provider has said that it was never used.
pub(super) fn estrange(work: &Connection, why: &str) -> Result<(), Fault> {
    set_meta(work, "estranged", why)?;
    work.execute("UPDATE stock SET unproven = 1 WHERE state IN ('free', 'reserved')", [])?;
    Ok(())
}

/// The end of day that is under way.
pub(super) fn day_ending(connection: &Connection) -> Result<Option<DayEnding>, Fault> {
    let Some(text) = meta::<String>(connection, "day_ending")? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|why| Fault::Damaged(format!("the end of day: {why}")))
}

/// Begins it, or notes how it goes on; none calls it off.
pub(super) fn end_day(work: &Connection, ending: Option<&DayEnding>) -> Result<(), Fault> {
    match ending {
        Some(ending) => {
            let text = serde_json::to_string(ending).map_err(|why| Fault::Damaged(format!("the end of day: {why}")))?;
            Ok(set_meta(work, "day_ending", text)?)
        }
        None => {
            work.execute("DELETE FROM meta WHERE key = 'day_ending'", [])?;
            Ok(())
        }
    }
}

/// Keeps a reckoning for support.
pub(super) fn keep_reckoning(work: &Connection, now: Moment, balanced: bool, json: &str) -> Result<(), Fault> {
    work.execute(
        "INSERT INTO reckonings (made_ms, day, balanced, json)
         SELECT ?1, coalesce(max(number), 0), ?2, ?3 FROM days",
        (now.wall_ms, balanced, json),
    )?;
    Ok(())
}

/// The sales of the terminal's day `day` and later ones, oldest first. The day stands in the quote alone: the first
/// sale after the last end of day bounds the search.
pub(super) fn sales_of_day(connection: &Connection, day: u64) -> Result<Vec<Sale>, Fault> {
    let from: i64 =
        connection
            .query_row("SELECT coalesce(max(closed_ms), 0) FROM days WHERE number <= ?1", [day], |row| row.get(0))?;
    // A clock that was set back hides nothing: a day is looked for around the mark as well.
    let mut query = connection.prepare_cached("SELECT id FROM sales WHERE opened_ms >= ?1 ORDER BY opened_ms, id")?;
    let ids = query.query_map([from.saturating_sub(86_400_000)], |row| row.get::<_, String>(0))?;
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let mut sales = Vec::new();
    for id in ids {
        match fold::sale(connection, parse_sale(&id)?) {
            Ok(sale) => sales.extend(sale.filter(|sale| sale.quote.day >= day)),
            Err(Fault::Damaged(why)) => tracing::warn!(%why, "a sale is missing from the reckoning"),
            Err(other) => return Err(other),
        }
    }
    Ok(sales)
}

/// Wipes what is personal from the entries of sales that closed before `before_ms` and have nothing left to decide:
/// the last digits and the name of the card, the eSIM's number, the lines of the receipt. Amounts, times, the
/// terminal's and the provider's numbers stay: they are the books. Returns how many sales were wiped.
pub(super) fn forget_travellers(work: &Transaction<'_>, before_ms: i64, now: Moment) -> Result<u32, Fault> {
    let sql = "SELECT id FROM sales WHERE closed IS NOT NULL AND anonymous_ms IS NULL AND open_order = 0
               AND open_cases = 0 AND closed_ms < ?1 ORDER BY closed_ms LIMIT ?2";
    let mut query = work.prepare_cached(sql)?;
    let ids = query.query_map((before_ms, FORGET_AT_ONCE), |row| row.get::<_, String>(0))?;
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        forget_traveller(work, id)?;
        let sql = "UPDATE sales SET last4 = NULL, anonymous_ms = ?2 WHERE id = ?1";
        work.prepare_cached(sql)?.execute((id, now.wall_ms))?;
    }
    Ok(u32::try_from(ids.len()).unwrap_or(u32::MAX))
}

fn forget_traveller(work: &Transaction<'_>, sale: &str) -> Result<(), Fault> {
    let mut query = work.prepare_cached("SELECT id, json FROM entries WHERE sale = ?1")?;
    let rows = query.query_map([sale], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    for (entry, json) in rows.collect::<Result<Vec<_>, _>>()? {
        let Ok(mut value) = serde_json::from_str::<Value>(&json) else { continue };
        if wipe(&mut value) {
            work.prepare_cached("UPDATE entries SET json = ?2 WHERE id = ?1")?.execute((entry, value.to_string()))?;
        }
    }
    Ok(())
}

/// Wipes what is personal in a record, wherever it stands. Returns whether something did.
fn wipe(value: &mut Value) -> bool {
    let mut wiped = false;
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                match key.as_str() {
                    "pan_last4" | "card_name" | "iccid" if field.is_string() => {
                        *field = Value::Null;
                        wiped = true;
                    }
                    "lines" if field.as_array().is_some_and(|lines| !lines.is_empty()) => {
                        *field = Value::Array(Vec::new());
                        wiped = true;
                    }
                    // What a top-up is for is part of what was sold: without it the quote could not be read.
                    "top_up" => {}
                    _ => wiped |= wipe(field),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                wiped |= wipe(item);
            }
        }
        _ => {}
    }
    wiped
}
