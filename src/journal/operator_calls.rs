//! Calls of a provider that an operator made by hand and that change something there: each is written before it is
//! sent, so that a break leaves a trace of what may have happened.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::sqlite::{meta, set_meta};
use crate::sale::id::SaleId;
use crate::sale::offer::ProviderId;

/// How many are kept.
const KEPT: usize = 200;
/// Where they stand.
const KEY: &str = "operator_calls";

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCall {
    /// Its name; it holds the account while it is under way.
    pub id: SaleId,
    /// The account.
    pub provider: ProviderId,
    /// The endpoint.
    pub row: String,
    /// Its parameters, secrets masked.
    pub parameters: Vec<String>,
    /// When it was about to be sent, milliseconds since 1970.
    pub sent_ms: i64,
    /// What came of it, secrets masked; none while nobody knows.
    pub outcome: Option<String>,
}

/// All that are kept, the latest last.
pub(super) fn list(connection: &Connection) -> Result<Vec<OperatorCall>, Fault> {
    let json: Option<String> = meta(connection, KEY)?;
    match json {
        Some(json) => serde_json::from_str(&json).map_err(|why| Fault::Damaged(format!("an operator's calls: {why}"))),
        None => Ok(Vec::new()),
    }
}

/// Writes one as it stands now.
pub(super) fn put(work: &Connection, call: &OperatorCall) -> Result<(), Fault> {
    let mut calls = list(work)?;
    match calls.iter_mut().find(|known| known.id == call.id) {
        Some(known) => known.clone_from(call),
        None => calls.push(call.clone()),
    }
    let surplus = calls.len().saturating_sub(KEPT);
    let json = serde_json::to_string(&calls[surplus..]).map_err(|why| Fault::Damaged(why.to_string()))?;
    Ok(set_meta(work, KEY, json)?)
}
