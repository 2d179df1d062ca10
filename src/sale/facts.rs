//! The facts of a sale: where its money is, where each of its goods is, and what a person weighs.

use serde::{Deserialize, Serialize};

use super::activation::Iccid;
use super::id::ProfileId;
use super::moment::Moment;
use super::offer::{OrderReference, ProviderId};
use super::record::{CaseDecision, CaseKind, ReleaseReason};
use super::transaction::{ApprovalKey, Ending, LastTransaction, Totals, Transaction};
use crate::money::Exact;

/// Where the money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// Not asked for, or surely not taken.
    None,
    /// `06 01` may have been sent.
    Asked,
    /// Approved; the terminal waits for our answer.
    Held,
    /// "Goods issued" is decided.
    Committing,
    /// Ours.
    Paid,
    /// "Not issued" or a reversal is decided.
    Releasing,
    /// The acquirer gives it back.
    RefundDue,
    /// Given back.
    Back,
    /// Must be asked for.
    Unknown,
}

/// Where a good is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goods {
    /// Not ordered, or refused.
    None,
    /// The order may have been sent.
    Asked,
    /// Surely bought; the code comes.
    Accepted,
    /// Here.
    Stored,
    /// Surely not bought.
    Absent,
    /// Perhaps bought.
    Unknown,
}

/// What the traveller sees, computed from the facts, never stored beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Quoted; the terminal is being asked for its baseline.
    Chosen,
    /// Hold your card.
    Authorising,
    /// Approved; the order is under way.
    Ordering,
    /// Surely bought; waiting for the code.
    Fetching,
    /// The payment is being completed.
    Committing,
    /// Paid; here it is.
    HandingOver,
    /// Paid; the goods come later.
    Queued,
    /// The money goes back.
    Releasing,
    /// Nobody knows yet, or a person must weigh it.
    Doubtful,
    /// Over, for the traveller at least.
    Closed,
}

/// A lock that belongs to a sale: rows in the journal, which survive a restart (sale.md 6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// The card terminal.
    Terminal,
    /// An account at a provider.
    Account(ProviderId),
    /// A stock item.
    StockItem(ProfileId),
}

/// The one answer to a hold, once it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Goods issued.
    Commit,
    /// Nothing may be captured any more.
    Release(ReleaseReason),
}

/// The payment of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Payment {
    /// Where the money is.
    pub money: Money,
    /// What the terminal said before the card was asked.
    pub baseline: Option<(LastTransaction, Option<Totals>)>,
    /// When the card was asked.
    pub asked_at: Option<Moment>,
    /// The approval.
    pub approval: Option<Box<Transaction>>,
    /// When it came: the hold counts from here.
    pub approved_at: Option<Moment>,
    /// The recorded decision.
    pub decision: Option<Decision>,
    /// When it was recorded.
    pub decided_at: Option<Moment>,
    /// The traveller wished to cancel.
    pub cancel_wished: bool,
    /// The command has ended: the terminal is not in it any more.
    pub ended: bool,
    /// How it ended, where that was seen.
    pub ending: Option<Ending>,
    /// Since when the money is unknown.
    pub unknown_since: Option<Moment>,
    /// When the money became known.
    pub known_at: Option<Moment>,
    /// The identity under which it was paid.
    pub paid_as: Option<ApprovalKey>,
    /// A reversal was sent, and no answer is on disk.
    pub reversal_open: bool,
    /// A reversal was sent at least once.
    pub reversals: u8,
    /// When the last one was.
    pub reversal_at: Option<Moment>,
    /// The evidence of an unknown payment is on disk in a case: neither lock nor barrier is held for it.
    pub evidence_in_case: bool,
    /// Another card was asked since: only a message that names this payment still speaks about it.
    pub overtaken: bool,
}

/// One good of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Good {
    /// Which choice of the quote is being tried.
    pub choice: usize,
    /// Where it is.
    pub state: Goods,
    /// Was it ever shown, printed, mailed, or used up? Never cleared.
    pub exposed: bool,
    /// The provider's name of the order.
    pub reference: Option<OrderReference>,
    /// Under which the code is sealed.
    pub profile: Option<ProfileId>,
    /// The card's number.
    pub iccid: Option<Iccid>,
    /// What the provider says it took for it.
    pub charged: Option<Exact>,
    /// When the order was sent.
    pub sent_at: Option<Moment>,
    /// The wallet before the order, as it was sent: the witness where there is no other.
    pub balance_before: Option<Exact>,
    /// When look-ups that succeeded did not find it.
    pub not_found: Vec<Moment>,
    /// It left this sale for the stock.
    pub in_stock: bool,
    /// Its witnesses are on disk in a case: the account is free again.
    pub evidence_in_case: bool,
    /// The provider has taken the end of this number's subscription.
    pub cancelled: bool,
    /// When the end of this number's subscription was asked for first.
    pub cancel_sent_at: Option<Moment>,
    /// Look-ups in this run: the place in the schedule. Not written down.
    pub look_ups: u32,
    /// Its account's wallet is being read in this run, as the witness of its order. Not written down.
    pub reading: bool,
    /// Its end is being asked for in this run, refused so often. Not written down.
    pub cancelling: Option<u8>,
}

/// A case of a sale: a row with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Its number in the sale: from 0 in the order in which they were opened, and [`Case::NEWER`] downwards for what a
    /// newer version wrote, which does not count it as a case. It names the case in every decision and in its row.
    pub place: u8,
    /// What it is about.
    pub kind: CaseKind,
    /// The evidence.
    pub evidence: String,
    /// Which good it is about; none where it is about the payment, or about every good that was open.
    pub good: Option<u8>,
    /// Since when.
    pub opened_at: Moment,
    /// What a person decided.
    pub decided: Option<CaseDecision>,
}

impl Case {
    /// The first number of what a newer version wrote.
    pub const NEWER: u8 = 254;
    /// The last one; the cases of the sale itself have smaller ones.
    pub const NEWER_LAST: u8 = 200;

    /// Whether a person weighs what was ordered, and not what was paid.
    pub fn is_about_goods(&self) -> bool {
        matches!(self.kind, CaseKind::OrderInDoubt | CaseKind::CodeLost)
    }

    /// Whether it speaks about this good.
    pub fn names(&self, good: usize) -> bool {
        self.good.is_none_or(|named| usize::from(named) == good)
    }
}
