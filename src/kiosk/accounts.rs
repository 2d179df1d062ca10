//! The accounts at the providers: whether one can sell now, and what the operator sees of it.

use crate::catalogue::CannotSell;
use crate::esim::pace::Health;
use crate::money::Exact;
use crate::sale::Lock;
use crate::sale::moment::Moment;
use crate::sale::offer::{PlanKey, ProviderId};

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
}

/// Nothing is known against it.
const WELL: Health = Health {
    sells: true,
    broken_s: None,
    limited_s: None,
    failures: 0,
    last_failure: None,
    clock_ahead_s: None,
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
        if self.locks.contains_key(&Lock::Account(provider.clone())) {
            return Err(CannotSell::Locked);
        }
        match account.balance {
            Some(balance) if !covers(&balance, &cost) => Err(CannotSell::NoFunds),
            _ => Ok(()),
        }
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
