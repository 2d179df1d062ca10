//! The contract to an eSIM provider. Every write answers with the three outcomes, and with two more that only an
//! order has: *accepted* (surely bought, code not here yet) and *never sent*.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub mod calls;
pub mod esimfly;
pub mod evidence;
pub mod http;
pub mod line;
pub mod loose;
pub mod mobilexy;
pub mod pace;
pub mod profile;
pub mod reseller;
pub mod roamify;
pub mod secret;
pub mod section;
pub mod wall;

use crate::money::Exact;
use crate::sale::activation::{Iccid, Profile};
use crate::sale::id::GoodKey;
use crate::sale::offer::{Offer, OrderReference, ProviderId};

pub use crate::sale::plan::{Coverage, ProviderPlan};

/// What became of a call that is not an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// Answered.
    Done(T),
    /// A well-formed refusal.
    Refused(Refusal),
    /// Surely nothing reached the provider.
    NeverSent(String),
    /// No answer, or none that proves anything. Never resent blindly.
    Unknown(Doubt),
}

/// What became of an order (sale.md 4; providers.md 3.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderOutcome {
    /// Bought, and the goods are here.
    Done(Delivery),
    /// Surely bought; the code comes later by this reference.
    Accepted(OrderReference),
    /// Surely not bought.
    Refused(Refusal),
    /// Surely nothing reached the provider.
    NeverSent(String),
    /// Perhaps bought.
    Unknown(Doubt),
}

/// What a provider delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The provider's name of the order.
    pub reference: OrderReference,
    /// The profile; none for a top-up or a number, which are delivered where they belong.
    pub profile: Option<Profile>,
    /// What the provider says it took, where it says so.
    pub charged: Option<Exact>,
}

/// A well-formed refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What it means for us.
    pub reason: RefusalReason,
    /// The provider's words, secrets masked, at most 300 characters; for the log, never for the traveller.
    pub detail: String,
}

/// What a refusal means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Our key, token or signature is not taken.
    Credentials,
    /// Our wallet is empty.
    NoFunds,
    /// The plan does not exist any more.
    PlanGone,
    /// The price is another one.
    PriceChanged,
    /// Too many requests.
    RateLimited,
    /// Our clock is wrong by the provider's.
    ClockWrong,
    /// The same request was seen before: it arrived, which says nothing of its success.
    Duplicate,
    /// Something that does not exist was asked for.
    NotFound,
    /// Anything else that is surely a refusal.
    Other,
}

/// Why nothing is known, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// What was seen: time-out, reset, 502, HTML, success without a reference …
    pub evidence: String,
    /// The provider's `Date` header, where one came: its clock bounds the look-up window.
    pub provider_date: Option<jiff::Timestamp>,
}

/// An order as it is written down before it is sent, and sent byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Which good of which sale: references and idempotency keys derive from it.
    pub key: GoodKey,
    /// What is bought.
    pub offer: Offer,
    /// The witness before the order, for providers that have no other: the wallet.
    pub balance_before: Option<Exact>,
    /// The second witness before a top-up: the eSIM's total in bytes (sale.md 9).
    #[serde(default)]
    pub total_before: Option<u64>,
    /// The kiosk's number and label, where a provider wants a customer's name.
    pub label: String,
}

/// When an order was sent, and what a look-up must not find again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// When the order left, by our clock.
    pub at: jiff::Timestamp,
    /// References of this account that are bound to other goods already. A list match with one of them is not ours.
    pub taken: Vec<OrderReference>,
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The order exists; this is its state.
    Found(OrderOutcome),
    /// Not there at this look-up. Absence is only proven by the rule of providers.md 3.0, which the caller keeps.
    NotThere,
    /// Money is gone from the wallet by this order's cost, and the code cannot be had by the API: a person must fetch it.
    BoughtAndLost {
        /// The witnesses.
        evidence: String,
    },
    /// The witnesses contradict each other or do not bind: a person must weigh them.
    Undecidable {
        /// The witnesses.
        evidence: String,
    },
    /// The look-up itself got no answer.
    Unknown(Doubt),
}

/// How an operation is protected against being done twice (providers.md 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateGuard {
    /// The same key brings the same answer.
    Replay,
    /// The same key is refused.
    HardRefusal,
    /// Our reference can be looked up.
    LookUp,
    /// Only balance or list can witness: the account is locked from before the card is asked (sale.md 6).
    None,
}

impl DuplicateGuard {
    /// Whether the account must be locked for a whole order.
    pub fn needs_account_lock(self) -> bool {
        matches!(self, DuplicateGuard::None | DuplicateGuard::HardRefusal)
    }
}

/// A price as it is right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceCheck {
    /// What it costs now.
    pub cost: Exact,
    /// Whether it is still sold.
    pub available: bool,
}

/// How much of an eSIM is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes in all; none where unlimited.
    pub total_bytes: Option<u64>,
    /// Bytes used.
    pub used_bytes: Option<u64>,
    /// When the provider last counted, its own words.
    pub as_of: Option<String>,
    /// When the plan ends, its own words.
    pub expires: Option<String>,
    /// Provider's status word.
    pub status: Option<String>,
}

/// An eSIM provider. Calls carry their own deadlines; none retries a write by itself.
#[async_trait]
pub trait EsimProvider: Send + Sync {
    /// The account.
    fn id(&self) -> &ProviderId;

    /// How an order of this kind is protected.
    fn guard(&self, offer: &Offer) -> DuplicateGuard;

    /// Every plan that is offered.
    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>>;

    /// The price of one plan right now (providers.md 3: re-read before the card is asked).
    async fn price(&self, offer: &Offer) -> Outcome<PriceCheck>;

    /// Our wallet.
    async fn balance(&self) -> Outcome<Exact>;

    /// Buys. Sent once.
    async fn order(&self, request: &OrderRequest) -> OrderOutcome;

    /// What became of an order that was perhaps sent. Only reads.
    async fn look_up(&self, request: &OrderRequest, sent: &Sent) -> LookUp;

    /// The goods of an accepted order: Done, or still Accepted.
    async fn fetch(&self, request: &OrderRequest, reference: &OrderReference) -> OrderOutcome;

    /// Use of an eSIM.
    async fn usage(&self, iccid: &Iccid) -> Outcome<Usage>;

    /// What an eSIM can be topped up with.
    async fn top_up_offers(&self, iccid: &Iccid) -> Outcome<Vec<ProviderPlan>>;

    /// Undoes an order, where the provider can.
    async fn cancel(&self, reference: &OrderReference) -> Outcome<()>;

    /// Whether it may be asked now, and what the operator sees of it.
    fn health(&self) -> pace::Health {
        pace::Health { sells: true, ..pace::Health::default() }
    }

    /// Every endpoint that this client speaks.
    fn calls(&self) -> &'static [calls::Row] {
        &[]
    }

    /// One endpoint by its row's name, for the operator alone: `provider NAME call ROW key=value …`. The answer may
    /// hold activation codes: print it through [`profile::without_codes`].
    async fn call(&self, row: &str, _args: calls::Args) -> Outcome<serde_json::Value> {
        Outcome::NeverSent(format!("this provider has no call {row:?}"))
    }
}
