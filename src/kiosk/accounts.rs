//! The accounts at the providers: whether one can sell now, and what the operator sees of it.

use std::collections::{BTreeMap, VecDeque};

use crate::catalogue::CannotSell;
use crate::esim::OrderOutcome;
use crate::esim::pace::Health;
use crate::money::Exact;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, PlanKey, ProviderId, Source};
use crate::sale::{Goods, Lock};

use super::Kiosk;
use super::status::AccountStatus;

/// What is known of an account while the program runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) balance: Option<Exact>,
    pub(super) answered_at: Option<Moment>,
    pub(super) failed: bool,
    /// Why its fresh list of plans was not believed.
    pub(super) list_refused: Option<String>,
    /// How long the last orders took in this run, in ms.
    pub(super) took_ms: VecDeque<u64>,
}

/// Orders whose times are remembered.
const TIMES: usize = 5;
/// What an order takes at an account that was never asked in this run, in ms.
const USUAL_MS: u64 = 4_000;

/// Nothing is known against it.
const WELL: Health = Health {
    sells: true,
    broken_s: None,
    limited_s: None,
    failures: 0,
    last_failure: None,
    clock_ahead_s: None,
    clock_unset: false,
    credentials_refused: false,
};

/// Whether a wallet can pay a cost. Two currencies cannot be compared, and then the provider decides.
pub(super) fn covers(wallet: &Exact, cost: &Exact) -> bool {
    wallet.currency != cost.currency || wallet.units >= cost.units
}

impl Kiosk {
    /// Whether an account can sell a plan now.
    pub(super) fn standing(&self, provider: &ProviderId, plan: &PlanKey, cost: Exact) -> Result<(), CannotSell> {
        self.for_sale(provider, plan)?;
        let Some(account) = self.accounts.get(provider) else { return Err(CannotSell::Down) };
        let Some(client) = self.providers.get(provider) else { return Err(CannotSell::Down) };
        // Its own limit, the breaker, our credentials and our clock are known before anybody asks again.
        if account.failed || !client.health().sells {
            return Err(CannotSell::Down);
        }
        if self.health.only_stock || self.locks.contains_key(&Lock::Account(provider.clone())) {
            return Err(CannotSell::Locked);
        }
        match account.balance {
            Some(balance) if !covers(&balance, &cost) => Err(CannotSell::NoFunds),
            _ => Ok(()),
        }
    }

    /// An order was answered: how long that took.
    pub(super) fn order_took(&mut self, id: SaleId, good: u8, provider: &ProviderId, outcome: &OrderOutcome) {
        let bought = matches!(outcome, OrderOutcome::Done(_) | OrderOutcome::Accepted(_));
        let known = self.sales.get(&id).and_then(|sale| sale.goods.get(usize::from(good)));
        let sent = known.filter(|good| good.state == Goods::Asked).and_then(|good| good.sent_at);
        let took = sent.and_then(|sent| self.clock.now().since(&sent)).filter(|_| bought);
        if let (Some(took), Some(account)) = (took, self.accounts.get_mut(provider)) {
            account.took_ms.push_back(took);
            if account.took_ms.len() > TIMES {
                account.took_ms.pop_front();
            }
        }
    }

    /// More than one good that needs an order is offered only if their usual times fit into the hold: the accounts side
    /// by side, the goods of one account one after the other (sale.md 9).
    pub(super) fn fits_hold(&self, offers: &[Offer]) -> bool {
        let mut sums: BTreeMap<&ProviderId, u64> = BTreeMap::new();
        for offer in offers.iter().filter(|offer| matches!(offer.source, Source::Provider)) {
            let account = self.accounts.get(&offer.provider);
            let usual = account.and_then(|account| account.took_ms.iter().max().copied()).unwrap_or(USUAL_MS);
            *sums.entry(&offer.provider).or_default() += usual;
        }
        let terms = &self.settings.terms;
        let hold = terms.hold_ms.min(90_000).saturating_sub(terms.margin_ms);
        let one = offers.len() < 2;
        one || !terms.can_hold || sums.values().all(|sum| *sum < hold)
    }

    /// A provider answered something, or did not: what the health table and the shelf go by.
    pub(super) fn provider_answered(&mut self, provider: ProviderId, answered: bool, balance: Option<Exact>) {
        let now = self.clock.now();
        let account = self.accounts.entry(provider).or_default();
        account.failed = !answered;
        if answered {
            account.answered_at = Some(now);
        }
        if balance.is_some() {
            account.balance = balance;
        }
        self.freshen_health();
    }

    /// A fresh list of plans was believed, or why not.
    pub(super) fn list_is(&mut self, provider: ProviderId, refused: Option<String>) {
        self.accounts.entry(provider).or_default().list_refused = refused;
    }

    /// Every account, for the operator.
    pub(super) fn account_statuses(&self) -> Vec<AccountStatus> {
        let status = |(name, account): (&ProviderId, &Account)| AccountStatus {
            name: name.to_string(),
            balance: account.balance,
            answers: !account.failed,
            health: self.providers.get(name).map_or(WELL, |client| client.health()),
            list_refused: account.list_refused.clone(),
        };
        self.accounts.iter().map(status).collect()
    }
}
