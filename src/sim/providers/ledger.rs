//! What a provider sold and what moved in its wallet: the truth that tests compare the kiosk with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Provider;
use super::price::Units;

/// What was bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goods {
    /// A new eSIM.
    Esim,
    /// More data on a sold one.
    TopUp,
    /// A telephone number by the month.
    Number,
}

/// How an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Bought, the profile not made yet.
    Pending,
    /// Bought and made.
    Completed,
    /// Cancelled, the money returned.
    Cancelled,
}

/// One purchase. The money has left the wallet when it stands here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldOrder {
    /// 1, 2, 3 … within the provider.
    pub number: u64,
    /// Milliseconds since 1970 by the provider's clock.
    pub at_ms: i64,
    /// What was bought.
    pub goods: Goods,
    /// The provider's own order number.
    pub reference: String,
    /// The key by which the plan is bought at this provider (plan id, package code, offer token).
    pub plan: String,
    /// The plan's name.
    pub plan_name: String,
    /// How many.
    pub quantity: u32,
    /// What one order took from the wallet in all.
    pub price: Units,
    /// Wallet before.
    pub wallet_before: Units,
    /// Wallet after.
    pub wallet_after: Units,
    /// Activation codes sold (empty for top-ups and numbers).
    pub lpa: Vec<String>,
    /// Card numbers, of new eSIMs or of the one topped up; the number for numbers.
    pub iccid: Vec<String>,
    /// The provider's ids of the eSIMs (`esimTranNo`, `esimId`).
    pub esim_ids: Vec<String>,
    /// What the buyer wrote to find the order again: `referenceId`, `idempotency_key`, `Idempotency-Key`.
    pub client_reference: Option<String>,
    /// The buyer's customer name (reseller API), in which the kiosk writes its sale.
    pub customer_name: Option<String>,
    /// Ids of the requests that touched this order first and again (`RT-RequestID`).
    pub request_ids: Vec<String>,
    /// How often the same order was asked for again and answered with this one.
    pub replays: u32,
    /// How it stands.
    pub state: OrderState,
    /// Whether a whole, true answer left for the buyer at least once.
    pub answered: bool,
}

/// One movement of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletEntry {
    /// Milliseconds since 1970 by the provider's clock.
    pub at_ms: i64,
    /// `order`, `topup`, `refund`, `adjustment`.
    pub kind: String,
    /// Signed amount.
    pub amount: Units,
    /// Balance after it.
    pub after: Units,
    /// The order it belongs to.
    pub order: Option<u64>,
}

/// One request as it arrived and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRequest {
    /// 1, 2, 3 … within the provider.
    pub number: u64,
    /// Name of the endpoint, such as `plan_purchase`.
    pub endpoint: String,
    /// How many-th call of this endpoint.
    pub nth: u64,
    /// Whether it reached the provider's counter (false where a fault stood before it).
    pub processed: bool,
    /// Status of the answer, as it would have been without a fault on the way back.
    pub status: Option<u16>,
    /// The order that it made or repeated.
    pub order: Option<u64>,
    /// The fault that it met.
    pub fault: Option<String>,
}

/// Everything of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Whose.
    pub provider: Provider,
    /// Currency of the wallet.
    pub currency: String,
    /// Wallet at the start.
    pub opening: Units,
    /// Wallet now.
    pub balance: Units,
    /// Purchases, oldest first.
    pub orders: Vec<SoldOrder>,
    /// Movements, oldest first.
    pub wallet: Vec<WalletEntry>,
    /// How often each endpoint was called.
    pub calls: BTreeMap<String, u64>,
    /// What a real provider would frown at, counted: `unknown_path`, `key_in_url`, `bad_signature` ….
    pub dislikes: BTreeMap<String, u64>,
    /// The latest requests (at most [`Ledger::REQUESTS_KEPT`]).
    pub requests: Vec<SeenRequest>,
}

impl Ledger {
    /// How many of the latest requests are remembered one by one.
    pub const REQUESTS_KEPT: usize = 2000;

    pub(super) fn open(provider: Provider, currency: &str, opening: Units) -> Ledger {
        Ledger {
            provider,
            currency: currency.to_owned(),
            opening,
            balance: opening,
            orders: Vec::new(),
            wallet: Vec::new(),
            calls: BTreeMap::new(),
            dislikes: BTreeMap::new(),
            requests: Vec::new(),
        }
    }

    /// The order with this number of ours.
    pub fn order(&self, number: u64) -> Option<&SoldOrder> {
        self.orders.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    pub(super) fn order_mut(&mut self, number: u64) -> Option<&mut SoldOrder> {
        self.orders.get_mut(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// The order with the provider's reference.
    pub fn by_reference(&self, reference: &str) -> Option<&SoldOrder> {
        self.orders.iter().find(|order| order.reference == reference)
    }

    /// Whether this activation code was sold here.
    pub fn sold(&self, lpa: &str) -> bool {
        self.orders.iter().any(|order| order.lpa.iter().any(|code| code == lpa))
    }

    /// How often an endpoint was called.
    pub fn calls_of(&self, endpoint: &str) -> u64 {
        self.calls.get(endpoint).copied().unwrap_or(0)
    }

    /// How often something disliked happened.
    pub fn disliked(&self, what: &str) -> u64 {
        self.dislikes.get(what).copied().unwrap_or(0)
    }

    /// Opening plus all movements equals the balance, and every order shows the same.
    pub fn balances(&self) -> bool {
        let moved = self.wallet.iter().fold(self.opening, |sum, entry| sum + entry.amount);
        moved == self.balance && self.orders.iter().all(|order| order.wallet_before - order.price == order.wallet_after)
    }

    pub(super) fn move_money(&mut self, at_ms: i64, kind: &str, amount: Units, order: Option<u64>) {
        self.balance = self.balance + amount;
        self.wallet.push(WalletEntry { at_ms, kind: kind.to_owned(), amount, after: self.balance, order });
    }

    pub(super) fn dislike(&mut self, what: &str) {
        *self.dislikes.entry(what.to_owned()).or_insert(0) += 1;
    }

    pub(super) fn saw(&mut self, request: SeenRequest) {
        if self.requests.len() >= Self::REQUESTS_KEPT {
            self.requests.drain(..Self::REQUESTS_KEPT / 2);
        }
        self.requests.push(request);
    }
}
