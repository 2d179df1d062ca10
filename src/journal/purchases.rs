//! Orders for the stock: each is written before it is sent, and bound to its provider's reference like a sale's.

use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};

use super::Violation;
use super::fault::{Fault, unique};
use super::seal::Seal;
use super::sqlite::{meta, set_meta};
use super::stock::{self, Bought};
use crate::money::Exact;
use crate::sale::id::{ProfileId, SaleId};
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, OrderReference};

/// Where an order for the stock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseState {
    /// It may have been sent.
    Asked,
    /// Surely bought; the code comes.
    Accepted,
    /// In the stock.
    Stored,
    /// Surely not bought.
    Absent,
    /// A person must find out; the evidence says what is known.
    Doubtful,
}

/// What an operator has ordered in one go. How much of it was begun is told by the purchases that name it, so that no
/// break between two writes can buy one too many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its name.
    pub id: SaleId,
    /// What is bought.
    pub offer: Offer,
    /// How many.
    pub count: u16,
    /// How many of them were begun before: kept beside the purchases, which are counted at start only.
    #[serde(skip)]
    pub begun: u16,
    /// Why the rest of it is not bought: kept for whoever ordered it, until something else is ordered of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<String>,
}

impl Batch {
    /// Nothing more of it is bought.
    pub fn is_dropped(&self) -> bool {
        self.dropped.is_some()
    }
}

/// An operator takes back what is left of a batch: what was never begun is not bought, and the reason stays with it. An
/// order of it that was sent is a purchase of its own, which goes on to its end. How many are not bought.
///
/// # Errors
/// Why nothing of it can be taken back, in words.
pub fn take_back(batches: &mut [Batch], id: SaleId, reason: &str) -> Result<u16, &'static str> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err("what was ordered is taken back with a reason");
    }
    let waits = |batch: &&mut Batch| batch.id == id && !batch.is_dropped() && batch.begun < batch.count;
    let Some(batch) = batches.iter_mut().find(waits) else {
        return Err("nothing waits under this name: `esim-kiosk stock list` names what does");
    };
    batch.dropped = Some(format!("taken back: {reason}"));
    Ok(batch.count - batch.begun)
}

/// What whoever took it back is answered.
pub fn taken_back(left: u16, id: SaleId, open: &[Purchase]) -> String {
    let under_way = open.iter().any(|purchase| purchase.is_open() && purchase.batch == Some(id));
    let sent = if under_way { "; one was sent before, and goes on to its end" } else { "" };
    format!("{left} of {id} are not bought{sent}: see `esim-kiosk stock list`")
}

/// What a person may state about an order for the stock that is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseFact {
    /// Never bought.
    Absent,
    /// Bought, and never to be had.
    Lost,
}

/// What a person has decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What became of it.
    pub fact: PurchaseFact,
    /// Who says so, and why.
    pub reason: String,
    /// When.
    pub at: Moment,
}

/// An order for the stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Its name: the order's key at the provider derives from it, as from a sale's.
    pub id: SaleId,
    /// Of which batch.
    #[serde(default)]
    pub batch: Option<SaleId>,
    /// What is bought.
    pub offer: Offer,
    /// Where it is.
    pub state: PurchaseState,
    /// The provider's name of the order.
    pub reference: Option<OrderReference>,
    /// The profile that it brought.
    pub profile: Option<ProfileId>,
    /// The wallet before.
    pub balance_before: Option<Exact>,
    /// When it was sent.
    pub sent_at: Moment,
    /// When look-ups that succeeded did not find it.
    #[serde(default)]
    pub not_found: Vec<Moment>,
    /// What was seen last, secrets masked.
    #[serde(default)]
    pub evidence: String,
    /// What a person has decided, where it was in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

impl Purchase {
    /// A person must find out, and has not.
    pub fn is_in_doubt(&self) -> bool {
        self.state == PurchaseState::Doubtful && self.decided.is_none()
    }

    /// Something is left to be asked.
    pub fn is_open(&self) -> bool {
        matches!(self.state, PurchaseState::Asked | PurchaseState::Accepted)
    }
}

/// Writes an order for the stock as it stands; with the profile that it brought, in one transaction.
pub(super) fn put(
    work: &Transaction<'_>,
    seal: &Seal,
    purchase: &Purchase,
    brought: Option<&Bought<'_>>,
    now: Moment,
) -> Result<(), Fault> {
    let provider = &purchase.offer.provider.0;
    if let Some(reference) = &purchase.reference {
        let sold: Option<String> = work
            .prepare_cached("SELECT sale FROM orders WHERE provider = ?1 AND reference = ?2")?
            .query_row((provider, &reference.0), |row| row.get(0))
            .optional()?;
        if sold.is_some() {
            return Err(Violation::OrderBound.into());
        }
    }
    let json = serde_json::to_string(purchase).map_err(|why| Fault::Damaged(format!("a purchase: {why}")))?;
    let reference = purchase.reference.as_ref().map(|reference| &reference.0);
    let sql = "INSERT INTO purchases (id, provider, reference, open, json) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (id) DO UPDATE SET reference = ?3, open = ?4, json = ?5";
    let row = (purchase.id.to_string(), provider, reference, purchase.is_open(), json);
    unique(work.prepare_cached(sql)?.execute(row), || Violation::OrderBound)?;
    match brought {
        Some(brought) => stock::buy(work, seal, brought, now),
        None => Ok(()),
    }
}

/// Orders for the stock, oldest first; with the decided ones only if `all`.
pub(super) fn list(connection: &Connection, all: bool) -> Result<Vec<Purchase>, Fault> {
    let mut query = connection.prepare_cached("SELECT json FROM purchases WHERE ?1 OR open = 1 ORDER BY id")?;
    let rows = query.query_map([all], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    // By way of a JSON value: exact numbers do not pass through every enum directly.
    let read = |text: &String| serde_json::from_str::<serde_json::Value>(text).and_then(Purchase::deserialize);
    Ok(rows.iter().filter_map(|text| read(text).ok()).collect())
}

/// Under which the batches are kept, and, apart from them, what was dropped: an earlier version would buy it.
const BATCHES: &str = "stock_orders";
const DROPPED: &str = "stock_dropped";

/// What is still to be ordered, and how much of it was begun.
pub(super) fn batches(connection: &Connection) -> Result<Vec<Batch>, Fault> {
    let mut batches = Vec::new();
    for key in [DROPPED, BATCHES] {
        let Some(text) = meta::<String>(connection, key)? else { continue };
        let read = serde_json::from_str::<serde_json::Value>(&text).and_then(Vec::<Batch>::deserialize);
        batches.extend(read.map_err(|why| Fault::Damaged(format!("what is to be bought: {why}")))?);
    }
    let begun = list(connection, true)?;
    for batch in &mut batches {
        let count = begun.iter().filter(|purchase| purchase.batch == Some(batch.id)).count();
        batch.begun = u16::try_from(count).unwrap_or(u16::MAX);
    }
    Ok(batches)
}

/// Writes what is still to be ordered.
pub(super) fn put_batches(work: &Transaction<'_>, batches: &[Batch]) -> Result<(), Fault> {
    let (dropped, waiting): (Vec<&Batch>, Vec<&Batch>) = batches.iter().partition(|batch| batch.is_dropped());
    for (key, batches) in [(BATCHES, waiting), (DROPPED, dropped)] {
        let text = serde_json::to_string(&batches);
        set_meta(work, key, text.map_err(|why| Fault::Damaged(format!("what is to be bought: {why}")))?)?;
    }
    Ok(())
}
