//! What may be asked of the world, and how each is recovered after a break.

use crate::money::Exact;
use crate::sale::offer::{Offer, OrderReference, ProviderId};
use crate::sale::record::PaperState;
use crate::sale::transaction::{Answer, ApprovalKey};

/// Something that the loop does for a sale, after the step's records are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask the terminal for the baseline.
    ReadBaseline,
    /// Ask the card for the amount.
    Authorise,
    /// Ask the running payment to stop.
    Abort,
    /// Answer the waiting approval. `GoodsIssued` is *Commit*: its record names receipt and amount.
    Answer {
        /// Which approval.
        approval: ApprovalKey,
        /// What.
        answer: Answer,
    },
    /// Order a good, as recorded.
    Order {
        /// Which.
        good: u8,
        /// What is ordered.
        offer: Box<Offer>,
        /// The wallet before.
        balance_before: Option<Exact>,
    },
    /// Read the wallet of the account again: the witness of the next order there.
    ReadWallet {
        /// For which good.
        good: u8,
        /// The account.
        provider: ProviderId,
    },
    /// End the subscription of a number: it stays active to its paid end.
    Cancel {
        /// Which good.
        good: u8,
        /// The provider's name for it.
        reference: OrderReference,
        /// Milliseconds from now.
        after_ms: u64,
    },
    /// Ask the provider what became of the order.
    LookUp {
        /// Which.
        good: u8,
        /// Milliseconds from now.
        after_ms: u64,
    },
    /// Ask for the goods of an accepted order.
    Fetch {
        /// Which.
        good: u8,
        /// The provider's name for it.
        reference: OrderReference,
        /// Milliseconds from now.
        after_ms: u64,
    },
    /// Ask the terminal at rest whether the card was charged.
    QueryCharged {
        /// Milliseconds from now.
        after_ms: u64,
    },
    /// Ask the terminal whether the reversal is done.
    QueryReversed {
        /// Milliseconds from now.
        after_ms: u64,
    },
    /// Reverse the payment.
    Reverse,
    /// Show the goods.
    Reveal,
    /// Print the receipt again (a copy), or for the first time.
    Print {
        /// How far it had come.
        state: PaperState,
    },
}

/// What becomes of an effect that was begun before a break and whose end was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recovery {
    /// Doing it again is harmless.
    Repeat,
    /// Never again: its own source is asked what became of it.
    Ask,
    /// Only a person can bring it about again.
    Human,
}

impl Effect {
    /// How this effect is recovered.
    pub fn recovery(&self) -> Recovery {
        match self {
            // Reading changes nothing.
            Effect::ReadBaseline
            | Effect::ReadWallet { .. }
            | Effect::LookUp { .. }
            | Effect::Fetch { .. }
            | Effect::QueryCharged { .. }
            | Effect::QueryReversed { .. } => Recovery::Repeat,
            // A subscription ends once, however often that is asked.
            Effect::Cancel { .. } => Recovery::Repeat,
            // The same decision for the same approval, as often as the terminal asks.
            Effect::Answer { .. } | Effect::Abort => Recovery::Repeat,
            // A second one would be a second charge, a second eSIM, a second credit.
            Effect::Authorise | Effect::Order { .. } | Effect::Reverse => Recovery::Ask,
            // Only the traveller, by the claim code, brings codes back to the screen or onto paper.
            Effect::Reveal | Effect::Print { .. } => Recovery::Human,
        }
    }
}
