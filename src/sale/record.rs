//! What is written down. A sale is the fold of its records: [`Sale::apply`](super::Sale::apply) is the only way from
//! one state to the next, in the running program and in recovery alike.
//!
//! A record never carries an activation code: the code itself lies sealed in the journal under its [`ProfileId`].

use serde::{Deserialize, Serialize};

use crate::money::{Amount, Exact};
use crate::sale::activation::Iccid;
use crate::sale::id::{ProfileId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, OrderReference};
use crate::sale::transaction::{ApprovalKey, Ending, LastTransaction, ReversalOutcome, Totals, Transaction};

/// The quote and everything agreed before the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The label.
    pub number: SaleNumber,
    /// Language of the traveller.
    pub language: String,
    /// The goods.
    pub goods: Vec<GoodQuote>,
    /// The whole amount, to the cent what the screen shows.
    pub amount: Amount,
    /// Tax in hundredths of a percent.
    pub tax_rate: Option<u32>,
    /// What was ticked.
    pub consent: Consent,
    /// Number of the last end of day that we know.
    pub day: u64,
    /// Said before paying: no paper.
    pub without_paper: bool,
    /// An eSIM that was kept for the claim code of this older sale, bought at its old price.
    pub continues: Option<crate::sale::id::SaleId>,
    /// A queue sale (sale.md 8): charged at once, ordered when the network is back, promised within so many
    /// milliseconds from the payment on. What was said to the traveller before the card.
    #[serde(default)]
    pub promised_ms: Option<u64>,
}

/// One good of a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodQuote {
    /// What was quoted, and after it equal plans elsewhere, tried in this order after *refused* or *never sent*.
    pub choices: Vec<Choice>,
}

/// One way to get a good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What would be ordered.
    pub offer: Offer,
    /// The account is locked from before the card is asked (sale.md 6).
    pub locks_account: bool,
    /// The wallet, read under that lock: the witness where there is no other.
    pub balance_before: Option<Exact>,
    /// The second witness of a top-up: the eSIM's total in bytes before it (sale.md 9).
    #[serde(default)]
    pub total_before: Option<u64>,
}

/// What the traveller ticked, with the versions of the texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Version of the terms.
    pub terms_version: String,
    /// Version of the privacy notice.
    pub privacy_version: String,
    /// Delivery was wished at once, with the loss of the right to withdraw.
    pub immediate_delivery: bool,
}

/// Why a payment is released or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseReason {
    /// The traveller cancelled while the approval was on its way.
    Cancelled,
    /// Another amount or currency was approved, or offline.
    WrongApproval,
    /// The provider refused, or nothing could be sent.
    NoEsim,
    /// The hold ran out.
    TooSlow,
    /// The terminal reversed by itself.
    TerminalGaveUp,
    /// Paid, and the goods are surely absent.
    Absent,
    /// Paid, and the goods' deadline passed.
    Overdue,
    /// Paid, never claimed, and the code's deadline passed.
    Unclaimed,
    /// An operator decided it.
    Operator,
}

/// Why a sale closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// Paid and acknowledged.
    Delivered,
    /// Paid and exposed, not acknowledged.
    Shown,
    /// Not charged: declined, cancelled, released.
    NotCharged,
    /// Charged and given back.
    Refunded,
    /// It goes back by the acquirer: the case is open.
    RefundDue,
    /// Exposed or used up, and not paid.
    GivenAway,
    /// Bought, and never got.
    Lost,
}

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// Was the card charged?
    MoneyUnknown,
    /// The acquirer must give it back.
    RefundByAcquirer,
    /// Charged otherwise than asked.
    ChargedOtherwise,
    /// Was it bought?
    OrderInDoubt,
    /// Bought, and the code must be fetched by a person.
    CodeLost,
    /// Exposed and not paid.
    GivenAway,
    /// A second approval, or another one than ours, in the same sale.
    StrangeApproval,
    /// A number's subscription runs on: its provider does not take the end of it.
    NumberRuns,
    /// A newer version wrote something that this one does not understand (sale.md 11).
    NewerRecord,
}

impl CaseKind {
    /// Whether a person must find out, or put right, what the card was charged.
    pub fn doubts_money(self) -> bool {
        matches!(self, CaseKind::MoneyUnknown | CaseKind::ChargedOtherwise | CaseKind::RefundByAcquirer)
    }

    /// Whether a person must find out, or fetch, what was bought.
    pub fn doubts_goods(self) -> bool {
        matches!(self, CaseKind::OrderInDoubt | CaseKind::CodeLost | CaseKind::GivenAway)
    }
}

/// One fact of a sale, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The quote is on disk.
    Chosen(Box<Quote>),
    /// What the terminal said before the card was asked.
    Baseline {
        /// Its last transaction.
        last: LastTransaction,
        /// Its totals.
        totals: Option<Totals>,
    },
    /// The intent to send `06 01`.
    CardAsked,
    /// The terminal took the command (`80 00`).
    TerminalTook,
    /// The traveller wishes to cancel.
    CancelWished,
    /// The terminal approved and waits.
    Approved {
        /// All that it said.
        transaction: Box<Transaction>,
    },
    /// The intent to send this order, byte for byte the same offer.
    OrderSent {
        /// Which good.
        good: u8,
        /// What is ordered.
        offer: Box<Offer>,
        /// The wallet before, where it is the witness.
        balance_before: Option<Exact>,
    },
    /// Surely bought, code not here yet.
    OrderAccepted {
        /// Which good.
        good: u8,
        /// The provider's name for it.
        reference: OrderReference,
    },
    /// The goods are here; the code is sealed in the same transaction.
    Stored {
        /// Which good.
        good: u8,
        /// The provider's name for it; none from stock.
        reference: Option<OrderReference>,
        /// The sealed profile; none for a top-up or a number.
        profile: Option<ProfileId>,
        /// The card's number.
        iccid: Option<Iccid>,
        /// What the provider says it took.
        charged: Option<Exact>,
    },
    /// Surely not bought, or never sent.
    OrderRefused {
        /// Which good.
        good: u8,
        /// Secrets masked.
        detail: String,
    },
    /// Perhaps bought.
    OrderUnknown {
        /// Which good.
        good: u8,
        /// Secrets masked.
        evidence: String,
    },
    /// A look-up that succeeded did not find it.
    NotFound {
        /// Which good.
        good: u8,
    },
    /// Surely absent, by the rule of two look-ups.
    Absent {
        /// Which good.
        good: u8,
    },
    /// "Goods issued" may be sent: the record that the commit byte needs.
    CommitDecided {
        /// The approval that is committed.
        approval: ApprovalKey,
        /// The amount.
        amount: Amount,
    },
    /// Nothing may be captured for this sale any more.
    ReleaseDecided {
        /// Why.
        reason: ReleaseReason,
    },
    /// The money is the operator's. The receipt is bound to this sale by a UNIQUE row.
    Paid {
        /// The identity of the payment.
        key: ApprovalKey,
    },
    /// The money was surely never taken, or the hold is surely gone.
    NotTaken {
        /// How the terminal ended.
        ending: Option<Ending>,
    },
    /// It must be asked for.
    MoneyUnknown {
        /// What was seen.
        evidence: String,
    },
    /// The terminal was asked, at rest.
    Queried {
        /// What it said.
        last: LastTransaction,
        /// Its totals.
        totals: Option<Totals>,
    },
    /// Another card is asked next: the terminal's last transaction does not speak about this payment any more.
    Overtaken,
    /// The intent to send `06 30`.
    ReversalAsked,
    /// Its answer.
    ReversalAnswered {
        /// How it ended.
        outcome: ReversalOutcome,
    },
    /// The money is back.
    MoneyBack,
    /// It goes back by the acquirer. No `06 30` for this payment any more.
    RefundDue,
    /// The code is about to be shown: before the first pixel.
    Exposed {
        /// Which good.
        good: u8,
    },
    /// The traveller has it.
    Acknowledged,
    /// The traveller has gone, or the machine was started anew.
    TravellerGone,
    /// The traveller is back with the claim code.
    Claimed,
    /// The terminal's receipt, verbatim.
    ReceiptLines {
        /// Its lines.
        lines: Vec<String>,
    },
    /// A receipt was asked for, or the printer said something about it.
    Paper {
        /// `requested`, `confirmed`, `unknown`, `failed`.
        state: PaperState,
    },
    /// The intent to end a number's subscription.
    CancelSent {
        /// Which good.
        good: u8,
    },
    /// The provider took it: the number ends with its paid term.
    CancelTaken {
        /// Which good.
        good: u8,
    },
    /// The profile left this sale for the stock, kept for its claim code.
    ToStock {
        /// Which good.
        good: u8,
        /// Milliseconds for which it is kept for the old claim code.
        reserved_ms: u64,
    },
    /// A person must weigh it.
    CaseOpened {
        /// What it is about.
        case: CaseKind,
        /// The evidence, secrets masked.
        evidence: String,
        /// Which good it is about; none where it is about the payment, or about every good that is open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        good: Option<u8>,
    },
    /// What a newer version wrote, as it is read here: never written (sale.md 11).
    #[serde(skip_deserializing)]
    Newer {
        /// What stands there.
        evidence: String,
    },
    /// A person stated a fact with its witness.
    CaseDecided {
        /// Which case of this sale, by its place.
        case: u8,
        /// What was decided.
        decision: CaseDecision,
        /// Who, why, by what witness.
        reason: String,
    },
    /// It is over.
    Closed {
        /// How.
        how: Closing,
    },
    /// Something worth keeping that changes nothing.
    Note {
        /// Secrets masked.
        text: String,
    },
}

/// What became of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperState {
    /// Asked for.
    Requested,
    /// The printer was ready, and the first bytes are on their way.
    Sent,
    /// The printer says that it came out.
    Confirmed,
    /// The printer does not say.
    Unknown,
    /// Surely nothing came out: it waits under the claim code.
    Failed,
}

/// What a person may state about a case (sale.md 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseDecision {
    /// The card was charged.
    Charged,
    /// The card was not charged.
    NotCharged,
    /// The money is back.
    Back,
    /// Bought, and the code was brought by a person.
    GoodsHere,
    /// The goods were never bought.
    GoodsAbsent,
    /// Bought, and never to be had.
    GoodsLost,
    /// The subscription of a number was ended by a person.
    NumberEnded,
}

/// A record with its time, as the journal holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Moment,
    /// What.
    pub record: Record,
}
