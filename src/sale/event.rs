//! What a sale may be told.

use crate::money::Exact;
use crate::sale::activation::Iccid;
use crate::sale::id::ProfileId;
use crate::sale::offer::{Offer, OrderReference};
use crate::sale::record::{CaseDecision, PaperState};
use crate::sale::transaction::{Ending, LastTransaction, ReversalOutcome, Totals, Transaction};

/// Something that happened to a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The baseline came, or did not. Only what a terminal at rest says is one: a busy terminal may still tell of the
    /// transaction before the one that it is in.
    BaselineRead {
        /// The terminal's last transaction.
        last: LastTransaction,
        /// Its totals.
        totals: Option<Totals>,
    },
    /// The terminal took `06 01`.
    TerminalTook,
    /// The traveller touched cancel.
    CancelWished,
    /// An approval waits for an answer; a repeat of the same one too.
    Approved(Box<Transaction>),
    /// An approval of a run before this one was seen and answered "not issued".
    ForeignApproval(Box<Transaction>),
    /// The authorisation ended.
    Ended(Ending),
    /// The terminal was asked whether the card was charged.
    Charged {
        /// What it said.
        last: LastTransaction,
        /// Its totals.
        totals: Option<Totals>,
        /// It was at rest.
        at_rest: bool,
        /// The receipt it names is bound to another sale.
        bound_elsewhere: bool,
    },
    /// The card of another sale is about to be asked: from here on the terminal's last transaction does not speak
    /// about this payment any more.
    Overtaken,
    /// The provider answered the order, the fetching or the look-up.
    Goods {
        /// Which good.
        good: u8,
        /// What it said.
        news: GoodsNews,
    },
    /// The reversal ended.
    Reversed(ReversalOutcome),
    /// The terminal was asked whether the payment is still there after a reversal without an answer.
    StillCharged {
        /// What it said.
        last: LastTransaction,
        /// It was at rest.
        at_rest: bool,
    },
    /// The screen is ready to show the goods.
    HandOver,
    /// "I have it."
    HaveIt,
    /// The traveller went, or time ran out in front of the codes.
    Left,
    /// The right claim code was typed.
    Claimed,
    /// The terminal's receipt.
    ReceiptLines(Vec<String>),
    /// Paper was asked for, or the printer answered.
    Paper(PaperState),
    /// Time passed.
    Tick,
    /// The program was started: this sale was open.
    Restarted,
    /// A person decided a case.
    Decided {
        /// Which case of this sale.
        case: u8,
        /// What.
        decision: CaseDecision,
        /// Who, why, by what witness.
        reason: String,
    },
    /// A person stated a fact: what `Decided` says about the sale itself, before its case is closed.
    Stated {
        /// Which case it was stated with: a fact about goods is one about that case's good.
        case: u8,
        /// What.
        decision: CaseDecision,
        /// Who, why, by what witness.
        reason: String,
    },
    /// An operator gives a paid sale's money back, also one that is over.
    GiveBack {
        /// Who, why.
        reason: String,
    },
    /// The end of day is near: what cannot be kept past it is given back now.
    DayEnds,
    /// The network is back: a queue sale orders now.
    Drain {
        /// The wallet of its account, read again under the account's lock: the witness of the quote is hours old.
        balance: Option<Exact>,
    },
    /// The wallet that a good of a basket waited for was read again, or could not be read.
    WalletRead {
        /// Which good.
        good: u8,
        /// The wallet now.
        balance: Option<Exact>,
    },
    /// The provider was asked to end a number's subscription.
    Cancelled {
        /// Which good.
        good: u8,
        /// What it said.
        answer: Cancellation,
    },
    /// This journal may not be the newest: nothing that it says about money can be acted on any more.
    Estranged {
        /// What is known.
        why: String,
        /// The run in which that was found out.
        since: u64,
    },
}

/// What a provider says to the end of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancellation {
    /// It ends with its paid term.
    Accepted,
    /// It does not.
    Refused(String),
    /// No answer that proves anything.
    NoAnswer(String),
}

/// What is known about one good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GoodsNews {
    /// Bought, and here. The profile's code is handed to the journal beside the records.
    Delivered {
        /// The provider's name for it.
        reference: OrderReference,
        /// Under which the code is sealed; none for a top-up or a number.
        profile: Option<ProfileId>,
        /// The card's number.
        iccid: Option<Iccid>,
        /// What the provider says it took.
        charged: Option<Exact>,
    },
    /// Surely bought.
    Accepted(OrderReference),
    /// Surely not bought, or never sent.
    Refused(String),
    /// Perhaps bought.
    Unknown(String),
    /// A look-up that succeeded did not find it.
    NotThere,
    /// The look-up itself got no answer.
    NoAnswer,
    /// Bought, and a person must fetch the code.
    Lost(String),
    /// The witnesses do not bind.
    Undecidable(String),
    /// The profile it brought belongs to another sale already (UNIQUE violated): order in doubt.
    Doubled(String),
    /// The stock item that was reserved.
    FromStock(Box<Offer>),
}
