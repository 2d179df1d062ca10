//! Sales whose records cannot be read any more, or were written by a newer version: what becomes of them at a start, and
//! how a person closes their case. Nothing of them is changed or deleted: what is stated stands in the case, and in the
//! row that lists the sale.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::append::due_after_ms;
use super::books::{Booked, BookedCase, BookedPayment, Known};
use super::fault::Fault;
use super::sqlite::{meta, set_meta};
use super::{OpenCase, fold, outbox, word};
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::record::{CaseKind, Closing};
use crate::sale::{Case, Goods, Money, Sale};

/// The number of such a case: no other case of a sale has it.
pub const CASE: u8 = 255;

/// A sale that cannot be folded any more.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Its id, as it stands in the row.
    pub(super) id: String,
    /// What is wrong with it.
    pub(super) why: String,
}

/// What a person states of such a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What became of the money.
    pub money: Money,
    /// What became of the goods, all of them.
    pub goods: Goods,
    /// How the sale counts as closed.
    pub closing: Closing,
    /// Why, and by what witness.
    pub reason: String,
}

/// What cannot be read is a case, and a case holds no lock: the row says what is wrong, and selling goes on.
pub(super) fn lay_aside(work: &Transaction<'_>, unreadable: &[Unreadable]) -> Result<(), Fault> {
    let now = jiff::Timestamp::now().as_millisecond();
    for Unreadable { id, why } in unreadable {
        tracing::error!(%why, "a sale cannot be read any more: it is a case, and its locks are given back");
        work.execute(
            "INSERT OR IGNORE INTO cases (sale, place, kind, evidence, opened_ms, due_ms, owner)
             VALUES (?1, ?4, 'unreadable', ?2, ?3, ?3, 'operator')",
            (id, why, now, CASE),
        )?;
        // One that a person has decided already stays decided.
        work.execute(
            "UPDATE sales SET open_cases = (SELECT count(*) FROM cases WHERE sale = ?1 AND decided_ms IS NULL)
             WHERE id = ?1",
            [id],
        )?;
        work.execute("DELETE FROM locks WHERE sale = ?1", [id])?;
    }
    Ok(())
}

/// The sales with such a case that nobody has decided and that can be read again, open or closed.
pub(super) fn mended(connection: &Connection) -> Result<Vec<String>, Fault> {
    let mut query = connection.prepare_cached("SELECT sale FROM cases WHERE place = ?1 AND decided_ms IS NULL")?;
    let mut found = query.query_map([CASE], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    found.retain(|id| fold::parse_sale(id).and_then(|id| fold::sale(connection, id)).is_ok_and(|sale| sale.is_some()));
    Ok(found)
}

/// Every case that nobody has decided, the most urgent first.
pub(super) fn open_cases(connection: &Connection) -> Result<Vec<OpenCase>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT number, place, kind, money = 'unknown' AND place <> ?1 FROM cases JOIN sales ON sales.id = cases.sale
         WHERE decided_ms IS NULL ORDER BY due_ms, number, place",
    )?;
    let rows = query.query_map([CASE], |row| {
        Ok(OpenCase { number: row.get(0)?, place: row.get(1)?, kind: row.get(2)?, doubtful: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What can be read again speaks for itself: its case is over, and its own cases stay.
pub(super) fn read_again(work: &Transaction<'_>, id: &str) -> Result<(), Fault> {
    tracing::warn!(sale = id, "a sale can be read again: its case is over");
    close_as_readable(work, id, CASE)
}

fn close_as_readable(work: &Transaction<'_>, id: &str, place: u8) -> Result<(), Fault> {
    work.execute(
        "UPDATE cases SET decided_ms = ?3, decision = 'readable', reason = 'its records can be read again'
         WHERE sale = ?1 AND place = ?2",
        (id, place, jiff::Timestamp::now().as_millisecond()),
    )?;
    count_open(work, id)
}

fn count_open(work: &Transaction<'_>, id: &str) -> Result<(), Fault> {
    work.execute(
        "UPDATE sales SET open_cases = (SELECT count(*) FROM cases WHERE sale = ?1 AND decided_ms IS NULL)
         WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

/// What stands otherwise in the list of cases than in the sales: a newer version that wrote a record lists no case of it.
#[derive(Debug, Default)]
pub(super) struct Newer {
    /// Read as a case, and not listed.
    unlisted: Vec<(SaleId, Case)>,
    /// Listed, and read as what it is by this version: its sale and its place.
    understood: Vec<(String, u8)>,
    /// Until this record everything was looked through.
    looked: Option<u64>,
}

impl Newer {
    /// Nothing is to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.unlisted.is_empty() && self.understood.is_empty() && self.looked.is_none()
    }
}

/// Until where this version has looked through the records: what it wrote since, or another one, is looked at once.
const LOOKED: &str = concat!("looked_through_", env!("CARGO_PKG_VERSION"));

/// The closed sales among which another version wrote since this one looked last; and the last record there is.
fn closed_newer(connection: &Connection, open: &[Sale]) -> Result<(Vec<Sale>, u64), Fault> {
    let mut last = meta::<u64>(connection, LOOKED)?.unwrap_or(0);
    let mut query = connection.prepare_cached("SELECT id, sale, kind, json FROM entries WHERE id > ?1 ORDER BY id")?;
    let mut rows = query.query([last])?;
    let mut found = BTreeSet::new();
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let (kind, json): (String, String) = (row.get(2)?, row.get(3)?);
        if fold::is_newer(&kind, &json) {
            found.insert(row.get::<_, String>(1)?);
        }
    }
    let mut sales = Vec::new();
    for id in found {
        match fold::parse_sale(&id).and_then(|id| fold::sale(connection, id)) {
            Ok(sale) => sales.extend(sale.filter(|sale| open.iter().all(|open| open.id != sale.id))),
            Err(Fault::Damaged(why)) => tracing::warn!(why, "what another version wrote cannot be read"),
            Err(other) => return Err(other),
        }
    }
    Ok((sales, last))
}

/// Compares: the open sales, and those that were closed with something that this version does not know.
pub(super) fn newer(connection: &Connection, open: &[Sale]) -> Result<Newer, Fault> {
    let (closed, last) = closed_newer(connection, open)?;
    let looked = Some(last).filter(|last| meta::<u64>(connection, LOOKED).is_ok_and(|before| before != Some(*last)));
    let mut found = Newer { looked, ..Newer::default() };
    let mut listed = connection.prepare_cached("SELECT 1 FROM cases WHERE sale = ?1 AND place = ?2")?;
    for sale in open.iter().chain(&closed) {
        for case in sale.cases.iter().filter(|case| case.kind == CaseKind::NewerRecord) {
            if !listed.exists((sale.id.to_string(), case.place))? {
                found.unlisted.push((sale.id, case.clone()));
            }
        }
    }
    let mut listed = connection.prepare_cached(
        "SELECT sale, place FROM cases WHERE kind = ?1 AND decided_ms IS NULL AND place BETWEEN ?2 AND ?3",
    )?;
    let rows = listed.query_map((word(&CaseKind::NewerRecord), Case::NEWER_LAST, Case::NEWER), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u8>(1)?))
    })?;
    for (id, place) in rows.collect::<Result<Vec<_>, _>>()? {
        let sale = match fold::parse_sale(&id).and_then(|id| fold::sale(connection, id)) {
            Err(Fault::Damaged(_)) => continue,
            sale => sale?,
        };
        if sale.is_some_and(|sale| sale.case(place).is_none()) {
            found.understood.push((id, place));
        }
    }
    Ok(found)
}

/// Lists what is read as a case, and closes what is read as itself again.
pub(super) fn list_newer(work: &Transaction<'_>, newer: &Newer) -> Result<(), Fault> {
    for (sale, case) in &newer.unlisted {
        tracing::warn!(%sale, case.evidence, "a newer version has written what this one does not know: it is a case");
        let (opened, kind) = (case.opened_at.wall_ms, word(&case.kind));
        let due = opened.saturating_add(due_after_ms(case.kind));
        let decided = case.decided.map(|decision| (opened, word(&decision)));
        let (decided_ms, decision) = decided.map_or((None, None), |(at, decision)| (Some(at), Some(decision)));
        work.execute(
            "INSERT INTO cases (sale, place, kind, evidence, opened_ms, due_ms, owner, decided_ms, decision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'operator', ?7, ?8)",
            (sale.to_string(), case.place, kind, &case.evidence, opened, due, decided_ms, decision),
        )?;
        count_open(work, &sale.to_string())?;
    }
    for (sale, place) in &newer.understood {
        close_as_readable(work, sale, *place)?;
    }
    if let Some(last) = newer.looked {
        set_meta(work, LOOKED, last)?;
    }
    Ok(())
}

/// Whether this sale has such a case, and nobody has decided it.
pub(super) fn is_open(connection: &Connection, id: SaleId) -> Result<bool, Fault> {
    let found = connection
        .prepare_cached("SELECT 1 FROM cases WHERE sale = ?1 AND place = ?2 AND decided_ms IS NULL")?
        .query_row((id.to_string(), CASE), |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Closes the case and the sale's row with it. `false` where there is no such case, it is decided, or the sale can be
/// read again.
pub(super) fn decide(work: &Transaction<'_>, id: SaleId, verdict: &Verdict, now: Moment) -> Result<bool, Fault> {
    // A sale that can be read again is decided by its own facts.
    if !is_open(work, id)? || fold::sale(work, id).is_ok_and(|sale| sale.is_some()) {
        return Ok(false);
    }
    let id = id.to_string();
    let decision = format!("money {}, goods {}", word(&verdict.money), word(&verdict.goods));
    work.execute(
        "UPDATE cases SET decided_ms = ?3, decision = ?4, reason = ?5 WHERE sale = ?1 AND place = ?2",
        (&id, CASE, now.wall_ms, decision, &verdict.reason),
    )?;
    // Its other cases cannot be read either: this one decides over the whole sale.
    work.execute(
        "UPDATE cases SET decided_ms = ?2, decision = 'unreadable', reason = ?3 WHERE sale = ?1 AND decided_ms IS NULL",
        (&id, now.wall_ms, &verdict.reason),
    )?;
    let goods: String = work.query_row("SELECT goods FROM sales WHERE id = ?1", [&id], |row| row.get(0))?;
    let goods = vec![word(&verdict.goods); goods.split(',').count()].join(",");
    let closing = word(&verdict.closing);
    work.execute(
        "UPDATE sales SET closed = ?2, closed_ms = ?3, phase = 'closed', money = ?4, goods = ?5, open_order = 0,
                          open_cases = 0 WHERE id = ?1",
        (&id, closing, now.wall_ms, word(&verdict.money), goods),
    )?;
    outbox::put(work, &id, verdict.closing, now)?;
    Ok(true)
}

/// What the back office gets of such a sale: its row, and what a person has stated of it. None while nobody has, and for a
/// sale that was never such a case.
pub(super) fn booked(connection: &Connection, id: SaleId, closed_ms: i64) -> Result<Option<Booked>, Fault> {
    let name = id.to_string();
    let mut query = connection.prepare_cached(
        "SELECT kind, decision FROM cases WHERE sale = ?1 AND EXISTS (
             SELECT 1 FROM cases AS its WHERE its.sale = ?1 AND its.place = ?2 AND its.decided_ms IS NOT NULL
             AND its.decision <> 'readable') ORDER BY place",
    )?;
    let case = |row: &Row<'_>| Ok(BookedCase { kind: row.get(0)?, decision: row.get(1)? });
    let cases = query.query_map((&name, CASE), case)?.collect::<Result<Vec<_>, _>>()?;
    if cases.is_empty() {
        return Ok(None);
    }
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let paid = connection
        .prepare_cached("SELECT terminal_id, receipt, trace, day FROM receipts WHERE sale = ?1 ORDER BY day DESC")?
        .query_row([&name], |row| Ok((given(row.get(0)?), given(row.get(1)?), given(row.get(2)?), row.get(3)?)))
        .optional()?;
    let sql = "SELECT number, opened_ms, closed, money, amount_minor, currency, receipt, last4,
                      (SELECT coalesce(max(days.number), 0) FROM days WHERE days.closed_ms <= opened_ms) AS day
               FROM sales WHERE id = ?1";
    let booked = connection.prepare_cached(sql)?.query_row([&name], |row| {
        let (terminal, receipt, trace, day) = match paid {
            Some(paid) => paid,
            None => (None, row.get("receipt")?, None, row.get("day")?),
        };
        let last4 = row.get("last4")?;
        let known = Known {
            number: row.get("number")?,
            opened_ms: row.get("opened_ms")?,
            closed: row.get("closed")?,
            money: row.get("money")?,
            gross_minor: row.get("amount_minor")?,
            currency: row.get("currency")?,
        };
        let payment = BookedPayment { terminal, receipt, trace, approval: None, last4, card: None, day };
        Ok(Booked::of_remains(id, known, closed_ms, payment, cases))
    });
    Ok(booked.optional()?)
}
