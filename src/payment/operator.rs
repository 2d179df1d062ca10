//! What an operator may have a terminal do, beside selling: `esim-kiosk terminal …`, the service screen, the fleet.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::NotTaken;
use crate::money::Amount;
use crate::sale::transaction::{Totals, Transaction};

/// What an operator may ask of a terminal: single commands, answered with what the terminal said.
///
/// Nothing here asks for rest, locks or journal: whoever hands a task over holds the terminal lock (sale.md 6).
#[async_trait]
pub trait TerminalService: Send + Sync {
    /// Carries a task out and tells how it ended.
    ///
    /// # Errors
    /// The terminal's task has ended, or its short queue is full: surely nothing was sent.
    async fn perform(&self, task: OperatorTask) -> Result<OperatorReport, NotTaken>;
}

/// A single command of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorTask {
    /// Status with software and device (`05 01`).
    Status,
    /// Register (`06 00`).
    Register,
    /// Turnover totals (`06 10`).
    Totals,
    /// The last transaction (`06 20`), not printed.
    Last,
    /// Reverse a receipt (`06 30`).
    Reverse {
        /// Four digits.
        receipt: String,
        /// The whole amount, where it is known.
        amount: Option<Amount>,
    },
    /// Give money to a card (`06 31`). Never sent unattended.
    Refund {
        /// How much.
        amount: Amount,
    },
    /// Log off (`06 02`); the terminal is registered again after a minute.
    LogOff,
    /// Which pre-authorisations are open (`06 23 03 87 FF FF`)?
    OpenPreauthorisations,
    /// Initialise (`06 93`).
    Initialise,
    /// Diagnose (`06 70`).
    Diagnose,
    /// Set the terminal's clock (`06 91`).
    SetClock,
    /// Print the system's configuration (`06 1A`).
    PrintConfiguration,
    /// Restart the terminal (`06 18`).
    Restart,
    /// Measure how long the terminal holds an approval: the operator pays with a card, and nothing is kept.
    HoldTest {
        /// What the card is asked for.
        amount: Amount,
    },
}

/// How an operator's task ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OperatorReport {
    /// The terminal did it.
    pub ok: bool,
    /// Its result code, where it refused.
    pub result_code: Option<u8>,
    /// In words.
    pub message: String,
    /// The transaction it told.
    pub transaction: Option<Box<Transaction>>,
    /// The sums it told.
    pub totals: Option<Totals>,
    /// Its state.
    pub state: Option<TerminalState>,
    /// Receipt numbers of open pre-authorisations.
    pub open: Vec<String>,
    /// What a hold test found.
    pub hold: Option<HoldMeasured>,
    /// What it printed.
    pub lines: Vec<String>,
}

/// A terminal about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalState {
    /// Status code of `05 01`.
    pub status: u8,
    /// Its name.
    pub device: Option<String>,
    /// Its software.
    pub software: Option<String>,
    /// Terminal id, 8 digits.
    pub terminal_id: Option<String>,
}

/// How long a terminal held an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldMeasured {
    /// Seconds from its first approval to the last one that it still repeated.
    pub seconds: u32,
    /// How often it asked again.
    pub repeats: u32,
    /// It would have held longer: the test ended it.
    pub at_least: bool,
}

impl OperatorReport {
    /// Nothing was done, for this reason.
    #[must_use]
    pub fn failed(message: &str) -> Self {
        OperatorReport { message: message.to_owned(), ..OperatorReport::default() }
    }

    /// It was done.
    pub fn succeed(&mut self, message: &str) {
        self.ok = true;
        self.message = message.to_owned();
    }

    /// It ended with a code.
    pub fn conclude(&mut self, result_code: u8, ok: bool, message: String) {
        self.ok = ok;
        self.result_code = Some(result_code);
        self.message = message;
    }
}
