//! The matrix of payment-terminal.md 6.2: the product's session and the rules of the sale against the simulated
//! terminal, fault by fault, dialect by dialect, in virtual time; and payments with faults by chance.
//!
//! The verdict is the ledger's: whatever the kiosk says of the money must be what the cardholder paid.

mod acts;
mod cases;
mod counter;
mod lines;
mod modes;
mod random;
mod table;
mod verdict;

use std::io::{self, Write};

pub(in crate::sim) use counter::Opener;
pub use verdict::Counts;

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torture {
    /// Every fault of the table in every dialect, both ways with a stranded payment, and every way to be configured.
    Matrix,
    /// So many payments with faults by chance.
    Random {
        /// How many.
        payments: u32,
        /// Which.
        seed: u64,
    },
}

/// Runs, writes a table to `out` and as its last line one JSON object with the counts.
///
/// Must not be called from inside a runtime: each case brings its own with paused time.
///
/// # Errors
/// No runtime can be built, or `out` is closed.
pub fn run(what: Torture, out: &mut dyn Write) -> io::Result<Counts> {
    let counts = match what {
        Torture::Matrix => cases::run(&modes::Mode::ALL, None, out)?,
        Torture::Random { payments, seed } => random::run(payments, seed, out)?,
    };
    writeln!(out, "{}", serde_json::to_string(&counts).map_err(io::Error::other)?)?;
    Ok(counts)
}

/// A runtime of its own in which time only passes when nothing is left to do.
pub(in crate::sim) fn in_virtual_time<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(work))
}
