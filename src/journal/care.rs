//! What the journal remembers beside the sales: the end of day, whether it may not be the newest, reckonings, and what
//! it forgets of travellers with time.

use rusqlite::{Connection, Transaction};
use serde_json::Value;

use super::fault::Fault;
use super::fold::{self, parse_sale};
use super::sqlite::{meta, set_meta};
use super::unreadable::CASE;
use super::{DayEnding, DaySales, Kept, OffSale, UnreadableSale};
use crate::sale::moment::Moment;
use crate::sale::refund::without_card;

/// Sales of which travellers are forgotten in one transaction: the loop is not kept waiting for a whole year.
const FORGET_AT_ONCE: u32 = 50;

/// This journal may not be the newest: no stock item is for sale until its provider has said that it was never used.
pub(super) fn estrange(work: &Connection, why: &str) -> Result<(), Fault> {
    set_meta(work, "estranged", why)?;
    // A copy may bring that of an earlier time along.
    work.execute("DELETE FROM meta WHERE key = 'estranged_in'", [])?;
    // What a sale holds here may have been shown since: should it go into stock, nobody knows that it was never used.
    work.execute(
        "INSERT INTO meta (key, value)
         SELECT 'unproven', json_group_array(id) FROM profiles WHERE owner IS NOT NULL AND sealed IS NOT NULL
         ON CONFLICT DO UPDATE SET value = excluded.value",
        [],
    )?;
    work.execute("UPDATE stock SET unproven = 1 WHERE state IN ('free', 'reserved')", [])?;
    Ok(())
}

/// It is taken as it is.
pub(super) fn adopt(work: &Connection) -> Result<(), Fault> {
    work.execute("DELETE FROM meta WHERE key IN ('estranged', 'estranged_in')", [])?;
    Ok(())
}

/// Of so many steps of the clock the journal knows.
const STEPS: usize = 50;

/// A step of the clock on the wall: when, in which run, by how much.
pub(super) fn clock_stepped(work: &Connection, by_ms: i64, now: Moment) -> Result<(), Fault> {
    let kept = meta::<String>(work, "clock_steps")?;
    let mut steps: Vec<Value> = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    steps.push(serde_json::json!({ "at": now, "by_ms": by_ms }));
    let older = steps.len().saturating_sub(STEPS);
    Ok(set_meta(work, "clock_steps", Value::Array(steps.split_off(older)).to_string())?)
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

/// Plans that the operator took off sale.
pub(super) fn off_sale(connection: &Connection) -> Result<Vec<OffSale>, Fault> {
    let Some(text) = meta::<String>(connection, "off_sale")? else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|why| Fault::Damaged(format!("what is off sale: {why}")))
}

/// These and no others.
pub(super) fn keep_off_sale(work: &Connection, plans: &[OffSale]) -> Result<(), Fault> {
    let text = serde_json::to_string(plans).map_err(|why| Fault::Damaged(format!("what is off sale: {why}")))?;
    Ok(set_meta(work, "off_sale", text)?)
}

/// Keeps a reckoning for support.
pub(super) fn keep_reckoning(work: &Connection, reckoning: &Kept<'_>) -> Result<(), Fault> {
    work.execute(
        "INSERT INTO reckonings (made_ms, day, balanced, json)
         SELECT ?1, coalesce(max(number), 0), ?2, ?3 FROM days",
        (reckoning.made_ms, reckoning.balanced, reckoning.json),
    )?;
    Ok(())
}

/// The reckonings that did not balance and that nobody has settled.
const UNSETTLED: &str = "balanced = 0 AND json_extract(json, '$.settled') IS NULL";

/// As they were written, oldest first.
pub(super) fn unsettled(connection: &Connection) -> Result<Vec<String>, Fault> {
    let sql = format!("SELECT json FROM reckonings WHERE {UNSETTLED} ORDER BY id");
    let mut query = connection.prepare_cached(&sql)?;
    let found = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(found)
}

/// All of them are settled: why, and when.
pub(super) fn settle(work: &Connection, reason: &str, now: Moment) -> Result<u64, Fault> {
    let sql = format!(
        "UPDATE reckonings SET json = json_set(json, '$.settled', json_object('reason', ?1, 'at_ms', ?2))
         WHERE {UNSETTLED}"
    );
    let settled = work.execute(&sql, (reason, now.wall_ms))?;
    Ok(u64::try_from(settled).unwrap_or(u64::MAX))
}

/// The sales of the terminal's day `day` and later ones, oldest first. The day stands in the quote alone: the first
/// sale after the last end of day bounds the search.
pub(super) fn sales_of_day(connection: &Connection, day: u64) -> Result<DaySales, Fault> {
    let from: i64 =
        connection
            .query_row("SELECT coalesce(max(closed_ms), 0) FROM days WHERE number <= ?1", [day], |row| row.get(0))?;
    // A clock that was set back hides nothing: a day is looked for around the mark as well.
    let mut query = connection.prepare_cached(
        "SELECT id, number, amount_minor, opened_ms >= ?2 OR EXISTS (
             SELECT 1 FROM cases WHERE sale = sales.id AND place = ?3 AND decided_ms IS NULL)
         FROM sales WHERE opened_ms >= ?1 ORDER BY opened_ms, id",
    )?;
    let rows = query.query_map((from.saturating_sub(86_400_000), from, CASE), |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get::<_, bool>(3)?))
    })?;
    let mut found = DaySales::default();
    for row in rows {
        let (id, number, amount_minor, may_be_of_it) = row?;
        let id = parse_sale(&id)?;
        match fold::sale(connection, id) {
            Ok(sale) => found.sales.extend(sale.filter(|sale| sale.quote.day >= day)),
            // Its day stands in the quote, which nobody can read.
            Err(Fault::Damaged(why)) if may_be_of_it => {
                found.unreadable.push(UnreadableSale { id, number, amount_minor, why });
            }
            Err(Fault::Damaged(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(found)
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
    let mut query = work.prepare_cached("SELECT place, evidence FROM cases WHERE sale = ?1")?;
    let rows = query.query_map([sale], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    for (place, evidence) in rows.collect::<Result<Vec<_>, _>>()? {
        if let Some(shorn) = without_card(&evidence) {
            let sql = "UPDATE cases SET evidence = ?3 WHERE sale = ?1 AND place = ?2";
            work.prepare_cached(sql)?.execute((sale, place, shorn))?;
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
                    "evidence" if field.is_string() => {
                        let shorn = field.as_str().and_then(without_card);
                        wiped |= shorn.is_some();
                        *field = shorn.map_or_else(|| field.take(), Value::String);
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

#[cfg(test)]
mod tests {
    use super::super::section::Section;
    use super::super::sqlite::SqliteJournal;
    use super::super::tests::{Played, at, profile, quote};
    use super::super::{Journal, schema};
    use crate::sale::event::Event;
    use crate::sale::id::ProfileId;
    use crate::sale::offer::Source;

    /// The words of a case name the card's last digits, and are forgotten with it.
    #[test]
    fn a_case_forgets_the_card_with_its_traveller_and_keeps_what_the_acquirer_needs() {
        let dir = tempfile::tempdir().unwrap();
        let section = Section { keep_personal_days: 1, head_room_mb: 0, ..Section::at(dir.path()) };
        let mut journal = SqliteJournal::open(&section).unwrap().journal;
        let mut played = Played::refund_due(&mut journal, 1, "0042").unwrap();
        let evidence = |journal: &SqliteJournal| -> String {
            journal.connection.query_row("SELECT evidence FROM cases", [], |row| row.get(0)).unwrap()
        };
        for word in ["terminal 12345678", "receipt 0042", "trace ", "amount 9.90 EUR", "card ending in 4711"] {
            assert!(evidence(&journal).contains(word), "{word}: {}", evidence(&journal));
        }
        assert_eq!(played.sale.cases[0].evidence, evidence(&journal));
        let reason = "its advice".to_owned();
        let back = crate::sale::record::CaseDecision::Back;
        played.on(&mut journal, 9_000, Event::Decided { case: 0, decision: back, reason }).unwrap();
        journal.tidy(at(86_400_000 + 9_001)).unwrap();
        let forgotten = evidence(&journal);
        assert!(!forgotten.contains("4711") && forgotten.contains("receipt 0042"), "{forgotten}");
        let sale = journal.sale(played.sale.id).unwrap().unwrap();
        assert_eq!(sale.cases[0].evidence, forgotten, "the record as well");
    }

    fn delivered(journal: &mut SqliteJournal) -> Played {
        let mut played = Played::begin(journal, 1, quote(1, Source::Provider)).unwrap();
        played.held(journal, "0042").unwrap();
        played.delivered(journal, 2_000, "ORD1", ProfileId::from_parts(2, 2), &profile("ABC-1")).unwrap();
        played.paid(journal).unwrap();
        played.on(journal, 5_100, Event::ReceiptLines(vec!["VISA ****4711".into()])).unwrap();
        played.on(journal, 6_000, Event::HandOver).unwrap();
        played.on(journal, 7_000, Event::HaveIt).unwrap();
        played
    }

    #[test]
    fn travellers_are_forgotten_by_age_and_the_books_stay() {
        let dir = tempfile::tempdir().unwrap();
        let section = Section { keep_personal_days: 1, head_room_mb: 0, ..Section::at(dir.path()) };
        let mut journal = SqliteJournal::open(&section).unwrap().journal;
        let played = delivered(&mut journal);
        let raw = |dir: &tempfile::TempDir| {
            let mut bytes = std::fs::read(dir.path().join("journal/journal.db")).unwrap();
            bytes.extend(std::fs::read(dir.path().join("journal/journal.db-wal")).unwrap_or_default());
            String::from_utf8_lossy(&bytes).contains("4711")
        };
        journal.tidy(at(86_400_000)).unwrap();
        assert!(raw(&dir), "not before its day");
        journal.tidy(at(86_400_000 + 7_001)).unwrap();
        assert!(!raw(&dir), "the bytes are gone from the files");
        let sale = journal.sale(played.sale.id).unwrap().unwrap();
        let approval = sale.payment.approval.as_ref().unwrap();
        assert_eq!((approval.pan_last4.as_ref(), sale.terminal_lines.len()), (None, 0));
        assert_eq!(approval.key.receipt.as_deref(), Some("0042"), "the terminal's number stays");
        assert_eq!((sale.payment.money, sale.closed), (played.sale.payment.money, played.sale.closed));
    }

    #[test]
    fn a_database_of_the_version_before_is_brought_up_with_everything_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let section = Section { head_room_mb: 0, ..Section::at(dir.path()) };
        let played = delivered(&mut SqliteJournal::open(&section).unwrap().journal);
        let file = dir.path().join("journal/journal.db");
        {
            // What the version before had: this one's additions taken away again.
            let connection = rusqlite::Connection::open(&file).unwrap();
            connection
                .execute_batch(
                    "DROP TABLE reckonings; DROP TABLE purchases; DROP INDEX sales_closed;
                     ALTER TABLE sales DROP COLUMN anonymous_ms; ALTER TABLE stock DROP COLUMN unproven;
                     ALTER TABLE stock DROP COLUMN expires_ms; PRAGMA user_version = 1;",
                )
                .unwrap();
        }
        let mut journal = SqliteJournal::open(&section).unwrap().journal;
        assert_eq!(journal.sale(played.sale.id).unwrap().unwrap().closed, played.sale.closed);
        assert_eq!(journal.outbox(0, 10).unwrap().len(), 1);
        assert!(journal.last_reckoning().unwrap().is_none());
        drop(journal);
        let connection = rusqlite::Connection::open(&file).unwrap();
        assert_eq!(schema::readable(&connection).unwrap(), schema::VERSION);
    }

    #[test]
    fn the_program_before_works_on_a_database_of_this_version() {
        // One step back survives: everything that version 1 writes fits into the tables of version 2.
        let dir = tempfile::tempdir().unwrap();
        let section = Section { head_room_mb: 0, ..Section::at(dir.path()) };
        drop(SqliteJournal::open(&section).unwrap());
        let connection = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
        connection
            .execute_batch(
                "INSERT INTO sales (id, number, counter, opened_ms, phase, money, goods, open_order, open_cases,
                                    amount_minor, currency, entries)
                 VALUES ('A', 'K07-1', 1, 0, '', '', '', 0, 0, 1, 'EUR', 0);
                 INSERT INTO profiles (id, identity, sealed, owner, made_ms) VALUES ('P', x'01', NULL, NULL, 0);
                 INSERT INTO stock (profile, state, offer, reference, came_from, changed_ms)
                 VALUES ('P', 'free', '{}', NULL, NULL, 0);
                 INSERT INTO days (number, closed_ms, evidence) VALUES (1, 0, '');",
            )
            .unwrap();
        let unproven: bool = connection.query_row("SELECT unproven FROM stock", [], |row| row.get(0)).unwrap();
        assert!(!unproven);
    }
}
