//! The contract to the operator's back office: each finished sale arrives there once.
//!
//! The kiosk sends a parcel again until it is taken, also after a restart, so that the receiver may see it more than
//! once; by the key it knows the repetition. Which wire carries it (HTTPS, MQTT) is behind the contract.

pub mod https;
pub mod section;

use async_trait::async_trait;

/// A back office, by whatever wire.
#[async_trait]
pub trait BackOffice: Send + Sync {
    /// Hands one parcel over. The same parcel may be handed over again: same key, same content.
    async fn take(&self, parcel: &Parcel) -> Taken;
}

/// One finished sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The outbox number: rises by every finished sale of this machine.
    pub number: u64,
    /// The sale's id: the same for ever, whatever is sent again.
    pub key: String,
    /// The machine's label.
    pub machine: String,
    /// The sale as the books want it, one JSON object.
    pub json: String,
}

/// What became of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The back office has it, durably.
    Done {
        /// The highest outbox number of this machine that it has, where it says so: a number above our own last one
        /// proves that this journal is not the newest (sale.md 11).
        highest: Option<u64>,
    },
    /// It has looked at it and does not want it: sent again after long, and told to the operator.
    Refused(String),
    /// It may have it, or nothing reached it: sent again.
    Unknown(String),
}
