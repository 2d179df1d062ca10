//! The contract to a receipt printer. "Printed" is what the printer said, never what we sent.

pub mod absent;
pub mod codepage;
pub mod codepage_tables;
pub mod config;
mod desk;
mod device;
pub mod escpos;
pub mod layout;
mod logo;
pub mod probe;
pub mod profile;
pub mod raster;
#[cfg(any(test, feature = "sim"))]
pub mod sample;
pub mod status;
pub mod text;
pub mod transport;
pub mod words;

pub use config::{PrinterConfig, PrinterConfigError};
pub use device::{EscPosPrinter, open, open_on};
pub use probe::Findings;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::sale::receipt::Receipt;

/// A receipt printer.
#[async_trait]
pub trait ReceiptPrinter: Send + Sync {
    /// Its state now. Never blocks longer than its own deadline.
    async fn status(&self) -> PrinterState;

    /// Prints one receipt: status before, bytes, proof after. Whatever happens, nothing of it prints later for
    /// somebody else.
    async fn print(&self, receipt: &Receipt) -> PrintOutcome;

    /// The same, and tells the moment before the first byte of the receipt goes out. A printer that never tells drops
    /// `sent`.
    async fn print_and_tell(&self, receipt: &Receipt, sent: oneshot::Sender<()>) -> PrintOutcome {
        drop(sent);
        self.print(receipt).await
    }

    /// The traveller has gone: paper that still lies in the presenter is taken back where the printer can (sale.md 12).
    async fn session_ended(&self) -> PaperLeft {
        PaperLeft::Nothing
    }

    /// Asks the printer for all that the models rely on, to tell which of them fits. For the technician: a printer that
    /// does not know a command may print a few letters.
    ///
    /// # Errors
    /// Why it cannot be asked.
    async fn probe(&self) -> Result<Findings, PrinterFault> {
        Err(PrinterFault::Absent)
    }
}

/// What became of the paper that a traveller left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperLeft {
    /// There was none, or the printer has no presenter.
    Nothing,
    /// It is inside the machine again.
    Retracted,
    /// It may still stick out: somebody should look.
    Remains,
}

/// What became of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrintOutcome {
    /// The printer says that it is done, online and with paper.
    Confirmed,
    /// Surely nothing was printed.
    NotPrinted {
        /// Why.
        fault: PrinterFault,
    },
    /// Bytes were sent, and the printer does not say that they came out.
    Unknown {
        /// What was seen.
        fault: PrinterFault,
    },
}

/// A printer's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrinterState {
    /// Ready to print.
    Ready {
        /// The roll is nearly at its end: an alarm, no reason to stop.
        paper_low: bool,
    },
    /// Cannot print now.
    Faulty(PrinterFault),
}

impl PrinterState {
    /// Why it cannot print, if it cannot.
    pub fn fault(&self) -> Option<PrinterFault> {
        match self {
            PrinterState::Ready { .. } => None,
            PrinterState::Faulty(fault) => Some(*fault),
        }
    }
}

/// Why a printer cannot print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrinterFault {
    /// No answer, or no port.
    Absent,
    /// Paper is out.
    PaperOut,
    /// The cover is open.
    CoverOpen,
    /// The cutter is stuck.
    Cutter,
    /// The head is too hot; it mends itself.
    Overheated,
    /// An error that needs a technician.
    Unrecoverable,
    /// Offline for a reason that it does not tell.
    Offline,
    /// What came back was no status.
    Garbage,
    /// Busy for longer than a receipt takes.
    Stuck,
}
