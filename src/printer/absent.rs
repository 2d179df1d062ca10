//! A kiosk without a printer: sold without paper, and said so before paying.

use async_trait::async_trait;

use super::{PrintOutcome, PrinterFault, PrinterState, ReceiptPrinter};
use crate::sale::receipt::Receipt;

/// No printer is configured.
#[derive(Debug, Clone, Copy)]
pub struct NoPrinter;

#[async_trait]
impl ReceiptPrinter for NoPrinter {
    async fn status(&self) -> PrinterState {
        PrinterState::Faulty(PrinterFault::Absent)
    }

    async fn print(&self, _receipt: &Receipt) -> PrintOutcome {
        PrintOutcome::NotPrinted { fault: PrinterFault::Absent }
    }
}
