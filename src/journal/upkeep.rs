//! What the operator has done to the machine, and somebody at its service screen: kept over a restart.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::sqlite::{meta, set_meta};
use crate::sale::moment::Moment;

/// The row.
const KEY: &str = "upkeep";

/// What is kept beside sales and stock. Fields that a later version adds are missing here, and count as never happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Upkeep {
    /// Since when the operator keeps the machine closed; none where it may sell.
    pub closed: Option<Moment>,
    /// When the service screen was last shut because of wrong codes; none once the right one was typed.
    pub locked_out: Option<Moment>,
    /// Wrong codes since the last right one or lock-out: pulling the plug gives nobody new tries.
    pub wrong: u8,
    /// How often that has happened on this machine.
    pub lockouts: u32,
}

pub(super) fn read(connection: &Connection) -> Result<Upkeep, Fault> {
    let Some(text) = meta::<String>(connection, KEY)? else { return Ok(Upkeep::default()) };
    serde_json::from_str(&text).map_err(|why| Fault::Damaged(format!("what the operator closed: {why}")))
}

pub(super) fn put(work: &Connection, upkeep: &Upkeep) -> Result<(), Fault> {
    let text =
        serde_json::to_string(upkeep).map_err(|why| Fault::Damaged(format!("what the operator closed: {why}")))?;
    Ok(set_meta(work, KEY, text)?)
}
