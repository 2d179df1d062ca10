//! What a terminal says about a payment, as facts that a sale keeps. Sources: payment-terminal documents of ZVT
//! (PA00P015 13.08, chapters 2 and 3); the numbers in the comments are its bitmaps.

use serde::{Deserialize, Serialize};

/// The decision on an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// `84 9C`: still working; ask again.
    NotYet,
    /// `80 00 00`: goods issued, keep the money. The commit byte.
    GoodsIssued,
    /// `84 6C`: not issued, reverse by yourself.
    NotIssued,
}

/// What makes an approval the same approval: TID 29, receipt 87, trace 0B/1F2B, amount 04 (sale.md 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ApprovalKey {
    /// Terminal id, 8 digits.
    pub terminal_id: Option<String>,
    /// Receipt number, 4 digits.
    pub receipt: Option<String>,
    /// Trace number; the long one of 1F2B where 0B is zero.
    pub trace: Option<String>,
    /// Approved amount in minor units; absent where the terminal did not say.
    pub amount_minor: Option<u64>,
}

/// A transaction as the terminal tells it (`04 0F`), with no card data beyond the last four digits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transaction {
    /// Result code 27; absent is never an approval.
    pub result_code: Option<u8>,
    /// The identity.
    pub key: ApprovalKey,
    /// Turnover number 88.
    pub turnover: Option<String>,
    /// Currency 49, numeric; absent on many terminals.
    pub currency: Option<u16>,
    /// Original trace 37 of a reversal.
    pub original_trace: Option<String>,
    /// Approval code 3B.
    pub approval_code: Option<String>,
    /// Contract number 2A.
    pub vu_number: Option<String>,
    /// Date 0D or AA as digits.
    pub date: Option<String>,
    /// Time 0C as digits.
    pub time: Option<String>,
    /// Last four digits of the card.
    pub pan_last4: Option<String>,
    /// Card's product name 8B.
    pub card_name: Option<String>,
    /// Payment type 19: 0x40 is an offline approval.
    pub payment_type: Option<u8>,
    /// The terminal's own sentence 3C.
    pub additional_text: Option<String>,
}

/// Sums of the terminal's store since the last end of day (`06 10`, BMP 60).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Number of transactions.
    pub count: u32,
    /// Their sum in minor units.
    pub sum_minor: u64,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastTransaction {
    /// The terminal has none.
    Empty,
    /// This one.
    Is(Box<Transaction>),
    /// It did not say: refused, silent, or an answer without a transaction.
    Silent {
        /// What was seen, for the case.
        evidence: String,
    },
}

/// How a payment command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Completion `06 0F` with 27 absent or 00.
    Completed,
    /// Any other Completion.
    CompletedWith {
        /// Its result code.
        result_code: u8,
    },
    /// Abort `06 1E`.
    Aborted {
        /// Its result code.
        result_code: u8,
        /// The terminal's own sentence, where the acquirer lets us show it.
        text: Option<String>,
    },
    /// The command was refused (`84 xx`): it never ran.
    NotStarted {
        /// The code.
        result_code: u8,
    },
    /// Nothing more will be heard: line lost, time-out, power cycle. The truth must be asked for.
    Lost {
        /// What was seen, for the case.
        evidence: String,
    },
}

/// How a reversal ended (sale.md 5, "Giving money back").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReversalOutcome {
    /// `04 0F` 00 with our receipt or trace and amount, or B4 for our receipt.
    Done {
        /// What was said, where a transaction came with it.
        transaction: Option<Box<Transaction>>,
    },
    /// Surely not reversed: B5, F0, not found, refused.
    Refused {
        /// The code.
        result_code: u8,
    },
    /// Reversed something, but not this payment.
    Other {
        /// What it says it reversed.
        transaction: Box<Transaction>,
    },
    /// No answer.
    Unknown {
        /// What was seen.
        evidence: String,
    },
}
