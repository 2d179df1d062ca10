//! The contract to a card terminal. Orders go in, events come out; nothing here knows ZVT.
//!
//! The terminal never decides: it reports an approval and waits. Only [`TerminalOrder::Answer`] with
//! [`Answer::GoodsIssued`] keeps the money, and only the sale's effect *Commit* may give that order (sale.md 2).
//! Whoever implements the contract says nothing to the terminal that no order told it to say about money.

mod operator;
pub mod profile;
pub mod zvt;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::money::Amount;
use crate::sale::id::SaleId;
pub use crate::sale::transaction::{
    Answer, ApprovalKey, Ending, LastTransaction, ReversalOutcome, Totals, Transaction,
};

pub use operator::{HoldMeasured, OperatorReport, OperatorTask, TerminalService, TerminalState};

/// A card terminal. One order is under way at a time; answers and cancels belong to the one under way.
pub trait PaymentTerminal: Send + Sync {
    /// Hands an order over. It never blocks; what becomes of it arrives as [`TerminalEvent`]s.
    ///
    /// # Errors
    /// The terminal's task has ended, or its short queue is full: the order was surely not carried out.
    fn order(&self, order: TerminalOrder) -> Result<(), NotTaken>;

    /// The same terminal for an operator's single tasks, where it takes any.
    fn service(&self) -> Option<Arc<dyn TerminalService>> {
        None
    }
}

/// The order was not taken: surely nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the card terminal's line is not being served")]
pub struct NotTaken;

/// Where a terminal puts its events: the kiosk's inbox, narrowed.
pub type TerminalEvents = mpsc::Sender<TerminalEvent>;

/// What may be asked of a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalOrder {
    /// Read the last transaction (and the totals where supported) without printing: the baseline of sale.md 2.3,
    /// or the query of section 5. Waits until the terminal is at rest, for at most `patience_s`.
    Query {
        /// Echoed in the answer: which question this is.
        tag: QueryTag,
        /// Seconds until the terminal's rest is given up.
        patience_s: u16,
    },
    /// Ask a card for an amount (`06 01`).
    Authorise(AuthoriseRequest),
    /// The decision on the approval that is waiting.
    Answer {
        /// The sale whose approval it is.
        sale: SaleId,
        /// The approval that the decision is about; an answer about another one is not sent.
        approval: ApprovalKey,
        /// The decision.
        answer: Answer,
    },
    /// The traveller or the operator wants the running payment to stop (`06 B0`). No proof of anything.
    Abort {
        /// The sale.
        sale: SaleId,
    },
    /// Reverse a payment (`06 30`).
    Reverse {
        /// The sale.
        sale: SaleId,
        /// Receipt number of the payment (BMP 87).
        receipt: String,
        /// Its trace number, to know it again in the reversal's own message (BMP 37).
        trace: Option<String>,
        /// The whole amount.
        amount: Amount,
    },
    /// Close the day (`06 50`).
    EndOfDay,
    /// Become healthy: initialise, diagnose, set the clock, register again, as the state asks for.
    Recover,
}

/// Which question a [`TerminalOrder::Query`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryTag {
    /// The baseline before the card of this sale is asked.
    Baseline(SaleId),
    /// Was the card of this sale charged?
    Charged(SaleId),
    /// Was the payment of this sale reversed?
    Reversed(SaleId),
    /// End of day: the totals.
    EndOfDay,
    /// At start: is the journal the newest?
    Start,
}

/// Everything that `06 01` carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthoriseRequest {
    /// The sale.
    pub sale: SaleId,
    /// To the cent what the screen shows.
    pub amount: Amount,
    /// BMP 01: seconds that the terminal is asked to wait for each answer.
    pub hold_seconds: u8,
    /// BMP 02: how many `84 9C` it is asked to take.
    pub hold_count: u8,
    /// Language of the traveller, ISO 639-1 (TLV 15).
    pub language: String,
    /// A receipt printer is ready (payment type bit 04).
    pub printer_ready: bool,
    /// TLV 1F1F: the receipt number that we believe to be the last good one; only when it is decided.
    pub last_good_receipt: Option<String>,
}

/// What the terminal does right now, for the screen (`04 FF`); the UI has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Getting ready.
    Starting,
    /// Insert, hold or swipe a card.
    PresentCard,
    /// Follow the terminal's own display.
    WatchTerminal,
    /// The card was read; please wait.
    PleaseWait,
    /// Waiting for the bank.
    AskingBank,
    /// The PIN was wrong; look at the terminal.
    WrongPin,
    /// Take the card out.
    RemoveCard,
    /// The card is not taken here, or cannot be read.
    CardNotAccepted,
    /// The payment was declined.
    Declined,
    /// The terminal gives the money back by itself.
    Reversing,
    /// The terminal closes the day or looks after itself.
    Busy,
}

/// The terminal's own state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalHealth {
    /// Registered and at rest.
    Ready,
    /// Alive, but at work or being set up.
    Busy,
    /// Alive, and not able to take a card.
    NeedsCare {
        /// Status code of `05 01` (payment-terminal.md 2.6).
        status: u8,
    },
    /// Wrong password or currency: the configuration must be mended.
    Misconfigured {
        /// What the terminal said.
        reason: String,
    },
    /// The port is there, and nobody answers.
    Silent,
    /// The port is not there, or held by another program.
    PortLost {
        /// The operating system's words.
        reason: String,
    },
}

/// What a terminal tells the kiosk.
#[derive(Debug, Clone, PartialEq)]
pub enum TerminalEvent {
    /// The state changed.
    Health(TerminalHealth),
    /// What the terminal shows during a payment.
    Prompt {
        /// The sale.
        sale: SaleId,
        /// What it does.
        prompt: Prompt,
        /// Its own words, where the configuration says `verbatim`.
        text: Option<String>,
    },
    /// The command of this sale was accepted (`80 00`).
    Accepted {
        /// The sale.
        sale: SaleId,
    },
    /// The card is approved and the terminal waits for an answer. A repeat of the same key is the same payment.
    Approved {
        /// The sale.
        sale: SaleId,
        /// All that was said.
        transaction: Box<Transaction>,
        /// When the frame arrived.
        at: Instant,
    },
    /// An approval that no sale of this run waits for; it was answered "not issued".
    Foreign {
        /// All that was said.
        transaction: Box<Transaction>,
    },
    /// A `04 0F` that is no approval: the decline that precedes `06 1E`, with its text.
    Result {
        /// The sale.
        sale: SaleId,
        /// All that was said.
        transaction: Box<Transaction>,
    },
    /// Our answer was handed to the line and its frame acknowledged. No proof that it was understood.
    AnswerSent {
        /// The sale.
        sale: SaleId,
        /// Which.
        answer: Answer,
    },
    /// The authorisation ended. After [`Ending::Lost`] it may come once more for the same sale: a Completion or an
    /// Abort that was heard late is evidence, and the query starts again (sale.md 2.6).
    Ended {
        /// The sale.
        sale: SaleId,
        /// How.
        ending: Ending,
    },
    /// Lines of the customer's receipt, verbatim.
    ReceiptLines {
        /// The sale.
        sale: SaleId,
        /// The lines.
        lines: Vec<String>,
    },
    /// A query was answered.
    Answered {
        /// Which.
        tag: QueryTag,
        /// The last transaction.
        last: LastTransaction,
        /// The totals, where supported.
        totals: Option<Totals>,
        /// Whether the terminal was at rest when it answered; if not, the answer proves nothing but a charge.
        at_rest: bool,
    },
    /// A reversal ended.
    Reversed {
        /// The sale.
        sale: SaleId,
        /// How.
        outcome: ReversalOutcome,
    },
    /// An end of day ended; also one that the terminal ran unasked.
    DayClosed {
        /// What it closed, or why it did not.
        outcome: DayOutcome,
        /// Nobody asked for it.
        unasked: bool,
    },
}

/// How an end of day ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayOutcome {
    /// Closed, with what it said it closed.
    Closed {
        /// The totals of BMP 60 or 04, where given.
        totals: Option<Totals>,
    },
    /// Refused (77 and others).
    Refused {
        /// The code.
        result_code: u8,
    },
    /// No answer.
    Unknown {
        /// What was seen.
        evidence: String,
    },
}
