//! Simulators of terminal, printer and providers. They speak real bytes on real lines, are written from the
//! documents and never from our encoders, and each keeps its own ledger.

pub mod chance;
pub mod clerk;
pub mod fleet;
mod host;
pub mod journal;
pub mod kiosk;
pub mod memory;
pub mod printer;
pub mod providers;
pub mod pty;
pub mod schema;
pub mod stage;
pub mod terminal;
pub mod torture;
pub mod transcript;
pub mod upload;

#[cfg(feature = "screen")]
pub mod gallery;
