//! One step of a sale as one transaction: its entries, and every row that must be unique with them.

use rusqlite::{OptionalExtension, Transaction};
use serde::Serialize;

use super::fault::{Fault, unique};
use super::fold::parse_sale;
use super::seal::Seal;
use super::{Append, Violation, inventory, outbox, stock};
use crate::sale::id::ProfileId;
use crate::sale::moment::Moment;
use crate::sale::offer::OrderReference;
use crate::sale::record::{CaseKind, Entry, Record};
use crate::sale::transaction::ApprovalKey;
use crate::sale::{Case, Goods, Lock, Money, Sale};

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// Writes the step. The caller commits, or rolls back on any fault.
pub(super) fn write(work: &Transaction<'_>, seal: &Seal, step: &Append<'_>) -> Result<(), Fault> {
    let sale = step.sale;
    let id = sale.id.to_string();
    let Some(last) = step.entries.last() else {
        return Err(Fault::Damaged(format!("sale {id}: a step without records")));
    };
    let now = last.at;
    let added = u32::try_from(step.entries.len()).unwrap_or(u32::MAX);
    let Some(before) = sale.entries.checked_sub(added) else {
        return Err(Fault::Damaged(format!("sale {id}: more records in the step than in the sale")));
    };
    put_sale(work, sale, before, now)?;
    put_entries(work, &id, before, step.entries)?;
    if let Some(code) = step.claim {
        let sealed = seal.seal_claim(sale.id, code)?;
        let insert = "INSERT INTO claims (sale, hash, sealed) VALUES (?1, ?2, ?3)";
        let done = work.prepare_cached(insert)?.execute((&id, seal.claim_hash(code), sealed));
        unique(done, || Violation::ClaimTaken)?;
    }
    for lock in step.takes {
        take(work, sale, lock, now)?;
    }
    for entry in step.entries {
        follow(work, seal, step, entry)?;
    }
    if sale.payment.money == Money::Paid {
        stock::sold_with(work, sale, now)?;
    }
    step.gives.iter().try_for_each(|lock| give(work, lock, sale.id, now))
}

/// A lock is given back; an item of the stock that nobody bought is free again.
pub(super) fn give(
    work: &Transaction<'_>,
    lock: &Lock,
    sale: crate::sale::id::SaleId,
    now: Moment,
) -> Result<(), Fault> {
    let sql = "DELETE FROM locks WHERE lock = ?1 AND sale = ?2";
    let given = work.prepare_cached(sql)?.execute((lock_text(lock), sale.to_string()))?;
    match lock {
        Lock::StockItem(profile) if given == 1 => stock::give(work, sale, *profile, now),
        _ => Ok(()),
    }
}

/// The row of the sale, with everything that queries need; the fold stays the truth.
fn put_sale(work: &Transaction<'_>, sale: &Sale, before: u32, now: Moment) -> Result<(), Fault> {
    let id = sale.id.to_string();
    let number = &sale.quote.number.0;
    if before == 0 {
        let counter: String = number.chars().rev().take_while(char::is_ascii_digit).collect();
        let counter: i64 = counter.chars().rev().collect::<String>().parse().unwrap_or(0);
        let insert = "INSERT INTO sales (id, number, counter, opened_ms, phase, money, goods, open_order, open_cases,
                                         amount_minor, currency, entries)
                      VALUES (?1, ?2, ?3, ?4, '', '', '', 0, 0, ?5, ?6, 0)";
        let amount = sale.quote.amount;
        let row = (&id, number, counter, sale.chosen_at.wall_ms, amount.minor, amount.currency.code());
        unique(work.prepare_cached(insert)?.execute(row), || Violation::NumberTaken)?;
    } else {
        let there: Option<u32> = work
            .prepare_cached("SELECT entries FROM sales WHERE id = ?1")?
            .query_row([&id], |row| row.get(0))
            .optional()?;
        if there != Some(before) {
            let there = there.map_or("no sale".to_owned(), |count| format!("{count} records"));
            return Err(Fault::Damaged(format!("sale {id}: {before} records are expected and {there} are there")));
        }
    }
    let goods: Vec<String> = sale.goods.iter().map(|good| word(&good.state)).collect();
    let open_order =
        sale.goods.iter().any(|good| matches!(good.state, Goods::Asked | Goods::Accepted | Goods::Unknown));
    let open_cases = sale.cases.iter().filter(|case| case.decided.is_none()).count();
    let approval = sale.payment.approval.as_deref();
    let paid = sale.payment.paid_as.as_ref().or(approval.map(|approval| &approval.key));
    work.prepare_cached(
        "UPDATE sales SET closed = ?2, closed_ms = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(closed_ms, ?3) END,
                phase = ?4, money = ?5, goods = ?6, open_order = ?7, open_cases = ?8, last4 = ?9, receipt = ?10,
                entries = ?11 WHERE id = ?1",
    )?
    .execute((
        &id,
        sale.closed.as_ref().map(word),
        now.wall_ms,
        word(&sale.phase()),
        word(&sale.payment.money),
        goods.join(","),
        open_order,
        i64::try_from(open_cases).unwrap_or(i64::MAX),
        approval.and_then(|approval| approval.pan_last4.as_deref()),
        paid.and_then(|key| key.receipt.as_deref()),
        sale.entries,
    ))?;
    Ok(())
}

fn put_entries(work: &Transaction<'_>, sale: &str, before: u32, entries: &[Entry]) -> Result<(), Fault> {
    let mut insert = work.prepare_cached(
        "INSERT INTO entries (sale, seq, run, mono_ms, wall_ms, synced, kind, json)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (seq, entry) in (before..).zip(entries) {
        let json = serde_json::to_value(&entry.record)
            .map_err(|why| Fault::Damaged(format!("sale {sale}: record {seq} cannot be written: {why}")))?;
        let kind = json.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
        let at = entry.at;
        insert.execute((sale, seq, at.run, at.mono_ms, at.wall_ms, at.synced, kind, json.to_string()))?;
    }
    Ok(())
}

fn take(work: &Transaction<'_>, sale: &Sale, lock: &Lock, now: Moment) -> Result<(), Fault> {
    let text = lock_text(lock);
    let holder: Option<String> = work
        .prepare_cached("SELECT sale FROM locks WHERE lock = ?1")?
        .query_row([&text], |row| row.get(0))
        .optional()?;
    match holder {
        Some(holder) if holder == sale.id.to_string() => return Ok(()),
        Some(holder) => return Err(Violation::LockTaken { lock: lock.clone(), holder: parse_sale(&holder)? }.into()),
        None => {}
    }
    if let Lock::StockItem(profile) = lock {
        stock::reserve(work, sale, *profile, now)?;
    }
    work.prepare_cached("INSERT INTO locks (lock, sale) VALUES (?1, ?2)")?.execute((text, sale.id.to_string()))?;
    Ok(())
}

/// What a record brings with it beside its entry.
fn follow(work: &Transaction<'_>, seal: &Seal, step: &Append<'_>, entry: &Entry) -> Result<(), Fault> {
    let sale = step.sale;
    let id = sale.id.to_string();
    match &entry.record {
        Record::OrderAccepted { good, reference } => bind_order(work, sale, *good, reference),
        Record::Stored { good, reference, profile, .. } => {
            if let Some(reference) = reference {
                bind_order(work, sale, *good, reference)?;
            }
            match profile {
                Some(profile) => bind_profile(work, seal, step, *profile, entry.at),
                None => Ok(()),
            }
        }
        Record::Paid { key } => bind_receipt(work, sale, key),
        Record::ToStock { good, reserved_ms } => stock::put_back(work, seal, sale, *good, *reserved_ms, entry.at),
        Record::CaseOpened { case, evidence, .. } => {
            let due = entry.at.wall_ms.saturating_add(due_after_ms(*case));
            work.prepare_cached(
                "INSERT INTO cases (sale, place, kind, evidence, opened_ms, due_ms, owner)
                 SELECT ?1, count(*), ?2, ?3, ?4, ?5, 'operator' FROM cases WHERE sale = ?1 AND place < ?6",
            )?
            .execute((&id, word(case), evidence, entry.at.wall_ms, due, Case::NEWER_LAST))?;
            Ok(())
        }
        Record::CaseDecided { case, decision, reason } => {
            work.prepare_cached(
                "UPDATE cases SET decided_ms = ?3, decision = ?4, reason = ?5 WHERE sale = ?1 AND place = ?2",
            )?
            .execute((&id, case, entry.at.wall_ms, word(decision), reason))?;
            Ok(())
        }
        Record::Closed { how } => outbox::put(work, &id, *how, entry.at),
        _ => Ok(()),
    }
}

/// Until when the operator must have looked: a day where money may be wrong, a week where the acquirer has to act.
pub(super) fn due_after_ms(kind: CaseKind) -> i64 {
    match kind {
        CaseKind::MoneyUnknown | CaseKind::ChargedOtherwise | CaseKind::StrangeApproval => DAY_MS,
        CaseKind::OrderInDoubt | CaseKind::CodeLost | CaseKind::NumberRuns | CaseKind::NewerRecord => 2 * DAY_MS,
        CaseKind::RefundByAcquirer | CaseKind::GivenAway => 7 * DAY_MS,
    }
}

/// UNIQUE (provider, reference, item): every good of ours is an order of its own, so the item is 0.
fn bind_order(work: &Transaction<'_>, sale: &Sale, good: u8, reference: &OrderReference) -> Result<(), Fault> {
    let provider = &sale.offer(usize::from(good)).provider.0;
    let id = sale.id.to_string();
    let owner: Option<(String, u8)> = work
        .prepare_cached("SELECT sale, good FROM orders WHERE provider = ?1 AND reference = ?2 AND item = 0")?
        .query_row((provider, &reference.0), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match owner {
        Some(owner) if owner == (id.clone(), good) => Ok(()),
        Some(_) => Err(Violation::OrderBound.into()),
        None if inventory::is_purchase(work, provider, reference)? => Err(Violation::OrderBound.into()),
        None => {
            let insert = "INSERT INTO orders (provider, reference, item, sale, good) VALUES (?1, ?2, 0, ?3, ?4)";
            let done = work.prepare_cached(insert)?.execute((provider, &reference.0, &id, good));
            unique(done, || Violation::OrderBound).map(drop)
        }
    }
}

/// The profile becomes this sale's: sealed with this step, or reserved from stock before.
fn bind_profile(
    work: &Transaction<'_>,
    seal: &Seal,
    step: &Append<'_>,
    profile: ProfileId,
    now: Moment,
) -> Result<(), Fault> {
    let id = step.sale.id.to_string();
    match step.profile.filter(|(named, _)| *named == profile) {
        Some((_, content)) => {
            let sealed = seal.seal_profile(profile, content)?;
            let insert = "INSERT INTO profiles (id, identity, sealed, owner, made_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = (profile.to_string(), seal.identity_of(&content.code), sealed, id, now.wall_ms);
            unique(work.prepare_cached(insert)?.execute(row), || Violation::ProfileBound).map(drop)
        }
        None => stock::bind(work, step.sale, profile),
    }
}

/// The terminal's receipt is bound to one sale. A payment that only the totals witness has none.
fn bind_receipt(work: &Transaction<'_>, sale: &Sale, key: &ApprovalKey) -> Result<(), Fault> {
    if key.receipt.is_none() && key.trace.is_none() {
        return Ok(());
    }
    let id = sale.id.to_string();
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let row = (text(&key.terminal_id), text(&key.receipt), text(&key.trace), sale.quote.day);
    let owner: Option<String> = work
        .prepare_cached(
            "SELECT sale FROM receipts WHERE terminal_id = ?1 AND receipt = ?2 AND trace = ?3 AND day = ?4",
        )?
        .query_row((&row.0, &row.1, &row.2, row.3), |found| found.get(0))
        .optional()?;
    match owner {
        Some(owner) if owner == id => Ok(()),
        Some(_) => Err(Violation::ReceiptBound.into()),
        None => {
            let insert = "INSERT INTO receipts (terminal_id, receipt, trace, day, sale) VALUES (?1, ?2, ?3, ?4, ?5)";
            let done = work.prepare_cached(insert)?.execute((row.0, row.1, row.2, row.3, id));
            unique(done, || Violation::ReceiptBound).map(drop)
        }
    }
}

/// How a lock stands in its row.
pub(super) fn lock_text(lock: &Lock) -> String {
    match lock {
        Lock::Terminal => "terminal".to_owned(),
        Lock::Account(provider) => format!("account:{provider}"),
        Lock::StockItem(profile) => format!("stock:{profile}"),
    }
}

/// The lock of a row.
pub(super) fn parse_lock(text: &str) -> Result<Lock, Fault> {
    let unknown = || Fault::Damaged(format!("{text:?} is no lock"));
    match text.split_once(':') {
        None if text == "terminal" => Ok(Lock::Terminal),
        Some(("account", name)) => Ok(Lock::Account(crate::sale::offer::ProviderId(name.to_owned()))),
        Some(("stock", profile)) => profile.parse().map(Lock::StockItem).map_err(|_| unknown()),
        _ => Err(unknown()),
    }
}

/// The word under which an enum is written, such as `not_charged`.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
