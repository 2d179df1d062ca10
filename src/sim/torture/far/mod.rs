//! The operator's side, for real: a Mosquitto of the distribution, TLS with client certificates, an HTTPS receiver,
//! processes that are killed.

pub mod agent;
mod cable;
pub mod fleet;
mod full_disk;
mod mosquitto;
pub mod pull;
mod sellers;
mod site;
mod stage;
mod watcher;

use serde::Serialize;

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// A program is not installed.
    #[error("{0} is needed: apt-get install {0}")]
    Missing(&'static str),
    /// Files, ports or processes.
    #[error("the run cannot be set up")]
    Setup(#[from] std::io::Error),
}

/// One case of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What was done.
    pub case: String,
    /// What came of it.
    pub found: String,
    /// Milliseconds from the request to its end.
    pub ms: u128,
    /// Bytes of the file that arrived.
    pub bytes: u64,
    /// Bytes that came for it in all, those that came twice counted twice.
    pub received: u64,
    /// As it must be.
    pub good: bool,
}
