//! When the journal cannot write: a pause where there is no room, the end of the loop where the disk fails.

use tracing::{error, warn};

use crate::journal::JournalError;
use crate::sale::Money;

use super::Kiosk;

/// Why the loop ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
pub enum Halted {
    /// The journal failed: the program must be started anew and read what is on disk.
    #[error("the journal failed; the kiosk starts again from what is on disk")]
    Journal(#[source] JournalError),
    /// Every sender of the queue is gone.
    #[error("the kiosk's queue was closed")]
    Inbox,
}

impl Kiosk {
    /// Whether the journal works. Too little room on the disk is no failure: what is under way is still written, and
    /// no new card is asked until there is room again.
    pub(super) fn can_write(&mut self) -> bool {
        match self.journal.probe() {
            Ok(()) => self.health.journal |= self.halted.is_none(),
            Err(error @ JournalError::HeadRoom { .. }) => {
                if self.health.journal {
                    warn!(error = %chain(&error), "no card is asked until there is room on the disk");
                }
                self.health.journal = false;
            }
            Err(error) => {
                self.journal_failed(error);
                return false;
            }
        }
        true
    }

    pub(super) fn journal_failed(&mut self, error: JournalError) {
        error!(error = %chain(&error), "the journal failed: sales stop");
        self.health.journal = false;
        self.halted.get_or_insert(error);
    }

    /// Nothing can be written any more. One effect stays allowed without a record: "not issued" (sale.md 3).
    pub(super) fn last_words(&mut self) {
        for sale in self.sales.values() {
            if sale.payment.money == Money::Held
                && let Some(approval) = &sale.payment.approval
            {
                let order = crate::payment::TerminalOrder::Answer {
                    sale: sale.id,
                    approval: approval.key.clone(),
                    answer: crate::payment::Answer::NotIssued,
                };
                if self.terminal.order(order).is_err() {
                    warn!(sale = %sale.id, "the terminal could not be told \"not issued\"; it reverses by itself");
                }
            }
        }
        self.show();
    }
}

/// An error with everything that caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
