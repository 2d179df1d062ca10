//! What is wanted beyond one plan: several eSIMs, a top-up, a number; and what is read for it beside the loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::esim::{EsimProvider, Outcome, PriceCheck};
use crate::money::Exact;
use crate::sale::activation::Iccid;
use crate::sale::id::SaleId;
use crate::sale::offer::{Offer, PlanKey, ProviderId, Source};

use super::inbox::Inbox;
use super::view::PayProblem;

/// What a traveller wants to pay for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Several eSIMs, each named as its card is: all of them or none (sale.md 9).
    Basket(Vec<String>),
    /// More data on an eSIM.
    TopUp {
        /// The account that sold it.
        provider: ProviderId,
        /// The eSIM.
        iccid: Iccid,
        /// The plan there.
        plan: PlanKey,
    },
    /// A telephone number for one period.
    Number(NumberWish),
}

/// A number as its provider has offered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberWish {
    /// The account.
    pub provider: ProviderId,
    /// The number: digits, without "+".
    pub number: String,
    /// The provider's token for it; it lives minutes.
    pub offer_token: String,
    /// What one period costs us.
    pub cost: Exact,
    /// Days of the period.
    pub days: u16,
}

/// What providers answered beside the orders themselves.
#[derive(Debug)]
pub enum ShopNews {
    /// Everything that was read for what is wanted.
    Gathered {
        /// The session that asked.
        session: u64,
        /// What was found.
        found: Result<Gathered, PayProblem>,
    },
    /// The wallet that a good of a basket waits for.
    WalletRead {
        /// The sale.
        sale: SaleId,
        /// Which good.
        good: u8,
        /// The account.
        provider: ProviderId,
        /// The wallet.
        balance: Outcome<Exact>,
    },
    /// The end of a number's subscription was asked for.
    Cancelled {
        /// The sale.
        sale: SaleId,
        /// Which good.
        good: u8,
        /// The answer.
        outcome: Outcome<()>,
    },
}

/// Offers with everything that was read for them.
#[derive(Debug)]
pub struct Gathered {
    /// What is wanted, in its order.
    pub(super) offers: Vec<Offer>,
    /// What each costs now; nothing for what comes from stock.
    pub(super) prices: Prices,
    /// The wallets of every account that may be asked.
    pub(super) wallets: BTreeMap<ProviderId, Exact>,
    /// The eSIM's total before a top-up.
    pub(super) total_before: Option<u64>,
}

/// What plans cost, by account and key there.
pub(super) type Prices = BTreeMap<(ProviderId, PlanKey), Outcome<PriceCheck>>;

/// Clients by account.
pub(super) type Clients = BTreeMap<ProviderId, Arc<dyn EsimProvider>>;

/// Tells the loop.
pub(super) async fn send(inbox: &mpsc::Sender<Inbox>, news: ShopNews) {
    if inbox.send(Inbox::Shop(Box::new(news))).await.is_err() {
        warn!("the kiosk ended before a provider's answer was taken; the next start asks again");
    }
}

enum Read {
    Price((ProviderId, PlanKey), Outcome<PriceCheck>),
    Wallet(ProviderId, Outcome<Exact>),
}

/// Prices and wallets, side by side.
pub(super) async fn read(offers: &[Offer], clients: Clients) -> (Prices, BTreeMap<ProviderId, Exact>) {
    let mut reading = JoinSet::new();
    let mut asked = Vec::new();
    for offer in offers.iter().filter(|offer| matches!(offer.source, Source::Provider)) {
        let plan = (offer.provider.clone(), offer.plan.clone());
        let client = clients.get(&offer.provider).cloned().filter(|_| !asked.contains(&plan));
        if let Some(client) = client {
            asked.push(plan.clone());
            let offer = offer.clone();
            reading.spawn(async move { Read::Price(plan, client.price(&offer).await) });
        }
    }
    for (name, client) in clients {
        reading.spawn(async move { Read::Wallet(name, client.balance().await) });
    }
    let (mut prices, mut wallets) = (BTreeMap::new(), BTreeMap::new());
    while let Some(read) = reading.join_next().await {
        match read {
            Ok(Read::Price(plan, price)) => {
                prices.insert(plan, price);
            }
            Ok(Read::Wallet(name, Outcome::Done(wallet))) => {
                wallets.insert(name, wallet);
            }
            Ok(Read::Wallet(..)) | Err(_) => {}
        }
    }
    (prices, wallets)
}
