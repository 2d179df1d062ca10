//! The operator's side, for real: a Mosquitto of the distribution, TLS with client certificates, an HTTPS receiver,
//! processes that are killed.

pub mod agent;
pub mod fleet;
mod mosquitto;
pub mod pull;
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
    /// The fleet's client cannot be made.
    #[error("the uploads cannot be set up")]
    Upload(#[from] crate::diagnostics::upload::NotUploaded),
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
    /// As it must be.
    pub good: bool,
}
