//! Items of the stock outside of a sale: towards their end, proven, counted for the books.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction};
use serde::Deserialize;

use super::fault::Fault;
use super::stock::{StockState, item, parse_state, set};
use crate::money::Exact;
use crate::sale::id::ProfileId;
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, OrderReference};

/// Towards the end of an item: never free again once a cancel was asked, and nothing that a sale holds is touched.
pub(super) fn move_to(work: &Transaction<'_>, profile: ProfileId, to: StockState, now: Moment) -> Result<bool, Fault> {
    let held: bool = work
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM locks WHERE lock = 'stock:' || ?1)")?
        .query_row([profile.to_string()], |row| row.get(0))?;
    let Some(found) = item(work, profile)?.filter(|_| !held) else { return Ok(false) };
    let (allowed, word) = match to {
        StockState::Cancelling => (matches!(found.state, StockState::Free | StockState::Reserved), "cancelling"),
        StockState::Retired => (found.state != StockState::Sold, "retired"),
        StockState::Free | StockState::Reserved | StockState::Sold => (false, ""),
    };
    if allowed {
        set(work, profile, word, now)?;
    }
    Ok(allowed)
}

/// The provider says that it was never used.
pub(super) fn proven(work: &Transaction<'_>, profile: ProfileId) -> Result<(), Fault> {
    work.prepare_cached("UPDATE stock SET unproven = 0 WHERE profile = ?1")?.execute([profile.to_string()])?;
    Ok(())
}

/// Whether this order was one for the stock.
pub(super) fn is_purchase(work: &Connection, provider: &str, reference: &OrderReference) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM purchases WHERE provider = ?1 AND reference = ?2)";
    Ok(work.prepare_cached(sql)?.query_row((provider, &reference.0), |row| row.get(0))?)
}

/// Every item, with its state and its cost.
pub(super) fn books(connection: &Connection) -> Result<BTreeMap<ProfileId, (StockState, Exact)>, Fault> {
    let mut query = connection.prepare_cached("SELECT profile, state, offer FROM stock")?;
    let rows = query
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))?;
    let mut books = BTreeMap::new();
    for row in rows {
        let (profile, state, offer) = row?;
        let offer = serde_json::from_str::<serde_json::Value>(&offer).and_then(Offer::deserialize);
        if let (Ok(profile), Ok(offer)) = (profile.parse::<ProfileId>(), offer) {
            books.insert(profile, (parse_state(&state), offer.cost));
        }
    }
    Ok(books)
}
