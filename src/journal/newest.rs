//! The proof that this journal is the newest, as far as the card terminal can give it: what the terminal did last must
//! stand here (sale.md 11). A copy that was put back knows less than the terminal does.

use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::Deserialize;

use super::fault::Fault;
use super::sqlite::{meta, set_meta};
use crate::sale::record::Record;
use crate::sale::transaction::{ApprovalKey, LastTransaction, ReversalOutcome};
use crate::sale::truth::is_older;

/// The terminal's last transaction is among the last ones that we know of: so many of them are looked through.
const LATEST: u32 = 500;
/// Under which an operator's word is kept.
const TAKEN: &str = "terminal_taken";

/// Whether a payment was ever asked for.
pub(super) fn has_history(connection: &Connection) -> Result<bool, Fault> {
    let found = connection
        .prepare_cached("SELECT 1 FROM entries WHERE kind = 'card_asked' LIMIT 1")?
        .query_row([], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Whether `key` stands here, or nothing does, or what stands here is of another terminal, which proves nothing.
pub(super) fn knows(connection: &Connection, key: &ApprovalKey) -> Result<bool, Fault> {
    let mut known = Vec::new();
    let mut query = connection.prepare_cached(
        "SELECT json FROM entries WHERE kind IN ('approved', 'baseline', 'queried', 'paid', 'reversal_answered')
         ORDER BY id DESC LIMIT ?1",
    )?;
    let rows = query.query_map([LATEST], |row| row.get::<_, String>(0))?;
    for row in rows {
        let record = serde_json::from_str::<serde_json::Value>(&row?).and_then(Record::deserialize);
        known.extend(record.ok().and_then(terminal_named));
    }
    Ok(is_known(taken(connection)?.as_ref(), &known, key))
}

/// Whether `key` is among what an operator took and what the records name, newest first; or nothing is, or what is there
/// is of another terminal. A payment that surely lies before one that is known says nothing either: what came after it was
/// taken back, and this one is from before this journal, or has no name here. The newest payment may be known by the
/// terminal's totals or by a person's word alone: it has no name, and whatever the terminal names last may be it.
pub fn is_known(taken: Option<&ApprovalKey>, named: &[ApprovalKey], key: &ApprovalKey) -> bool {
    let nameless = named.first().is_some_and(|newest| newest.receipt.is_none() && newest.trace.is_none());
    let ours = taken.into_iter().chain(named).filter(|known| same(&known.terminal_id, &key.terminal_id));
    let mut ours = ours.peekable();
    nameless || ours.peek().is_none() || ours.any(|known| is_same(known, key) || is_older(key, known))
}

/// An operator has let the terminal move money beside the sales: whatever it did last after that is taken, once.
pub(super) fn expects_any(connection: &Connection) -> Result<bool, Fault> {
    let taken = taken(connection)?;
    Ok(taken.is_some_and(|key| key.receipt.is_none() && key.trace.is_none()))
}

fn taken(connection: &Connection) -> Result<Option<ApprovalKey>, Fault> {
    Ok(meta::<String>(connection, TAKEN)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// An operator takes the terminal's last transaction as it is; one without a name is whatever comes.
pub(super) fn learn(work: &Transaction<'_>, key: &ApprovalKey) -> Result<(), Fault> {
    let text = serde_json::to_string(key).map_err(|why| Fault::Damaged(format!("a transaction: {why}")))?;
    Ok(set_meta(work, TAKEN, text)?)
}

/// The terminal's transaction that a record names.
pub fn terminal_named(record: Record) -> Option<ApprovalKey> {
    match record {
        Record::Approved { transaction } => Some(transaction.key),
        Record::Paid { key } => Some(key),
        Record::Baseline { last: LastTransaction::Is(seen), .. }
        | Record::Queried { last: LastTransaction::Is(seen), .. } => Some(seen.key),
        Record::ReversalAnswered { outcome } => match outcome {
            ReversalOutcome::Done { transaction } => transaction.map(|transaction| transaction.key),
            ReversalOutcome::Other { transaction } => Some(transaction.key),
            ReversalOutcome::Refused { .. } | ReversalOutcome::Unknown { .. } => None,
        },
        _ => None,
    }
}

/// Receipts where both name one, else traces; as numbers, since messages differ in their leading zeros.
fn is_same(known: &ApprovalKey, key: &ApprovalKey) -> bool {
    match (&known.receipt, &key.receipt, &known.trace, &key.trace) {
        (Some(known), Some(key), ..) | (_, _, Some(known), Some(key)) => {
            known.trim_start_matches('0') == key.trim_start_matches('0')
        }
        _ => false,
    }
}

fn same(known: &Option<String>, seen: &Option<String>) -> bool {
    match (known, seen) {
        (Some(known), Some(seen)) => known == seen,
        _ => true,
    }
}
