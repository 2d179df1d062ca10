//! Prices are read again: when a traveller looks at a plan, and before the card is asked. What is found counts from
//! then on, so that the screen never goes on showing a price at which nothing is sold.

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::esim::{Outcome, PriceCheck, RefusalReason};
use crate::money::Exact;
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, PlanKey, ProviderId, Source};

use super::Kiosk;
use super::accounts::covers;
use super::inbox::{Inbox, Priced, Reread};
use super::session::Stage;
use super::view::{PayProblem, Selling};

/// A price that was read so long ago is read again when somebody looks at it, in ms.
const FRESH_MS: u64 = 120_000;
/// Plans whose reading is remembered.
const REMEMBERED: usize = 200;

/// When the price of which plan was read again.
pub(super) type Reading = BTreeMap<(ProviderId, PlanKey), Moment>;

/// What a price that was read again says.
pub(super) enum Now {
    Costs(Exact),
    Gone,
    /// No answer, or none about this plan.
    Unknown,
}

impl Now {
    pub(super) fn of(price: &Outcome<PriceCheck>) -> Now {
        match price {
            Outcome::Done(check) if check.available => Now::Costs(check.cost),
            Outcome::Done(_) => Now::Gone,
            Outcome::Refused(refusal) => match refusal.reason {
                RefusalReason::PlanGone | RefusalReason::NotFound => Now::Gone,
                _ => Now::Unknown,
            },
            Outcome::NeverSent(_) | Outcome::Unknown(_) => Now::Unknown,
        }
    }
}

impl Kiosk {
    /// The plan whose details are on the screen.
    pub(super) fn looked_at(&self) -> Option<&str> {
        matches!(self.session.stage, Stage::PlanDetail { .. }).then_some(self.session.plan.as_deref()).flatten()
    }

    /// A traveller looks at a plan: its price is read again, if it was not just now.
    pub(super) fn look_at_price(&mut self) {
        let Ok(offer) = self.offered() else { return };
        if !self.health.online || !matches!(offer.source, Source::Provider) {
            return;
        }
        let Some(provider) = self.providers.get(&offer.provider).cloned() else { return };
        let (now, plan) = (self.clock.now(), (offer.provider.clone(), offer.plan.clone()));
        let fresh = |at: &Moment| now.since(at).is_some_and(|age| age < FRESH_MS);
        if self.reading.get(&plan).is_some_and(fresh) {
            return;
        }
        self.reading.retain(|_, at| fresh(at));
        if self.reading.len() >= REMEMBERED {
            self.reading.pop_first();
        }
        self.reading.insert(plan, now);
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let price = provider.price(&offer).await;
            if inbox.send(Inbox::Reread(Box::new(Reread { offer, price }))).await.is_err() {
                warn!("the kiosk ended before a price was taken");
            }
        });
    }

    /// The price of a plan that somebody looked at.
    pub(super) fn reread(&mut self, reread: &Reread) {
        let Reread { offer, price } = reread;
        let cost = match Now::of(price) {
            Now::Costs(cost) => Some(cost),
            Now::Gone => None,
            Now::Unknown => return,
        };
        if cost == Some(offer.cost) {
            return;
        }
        info!(provider = %offer.provider, plan = offer.plan.0, sold = cost.is_some(), "the price moved since the catalogue");
        self.shelf.reread(offer, cost, &self.settings.pricing);
        let looks = self.session.stage == Stage::PlanDetail { preparing: false };
        let shown = self.offered();
        if looks && self.shelf.is_of(self.session.plan.as_deref(), offer) {
            match shown {
                Ok(now) if now.retail != offer.retail => {
                    let was = crate::locale::money(&offer.retail, &self.session.language);
                    self.session.problem = Some(PayProblem::PriceChanged { was });
                }
                Ok(_) => {}
                Err(_) => self.session.problem = Some(PayProblem::PlanGone),
            }
        }
    }

    /// Pay was touched: the price and the wallets are read again before the card.
    pub(super) fn read_price(&mut self) {
        if let Selling::Paused(reason) = self.health.selling() {
            return self.not_begun(PayProblem::NoCards(reason));
        }
        let Ok(offer) = self.offered() else { return self.not_begun(PayProblem::PlanGone) };
        if !self.health.online || matches!(offer.source, Source::Stock { .. }) {
            // There is nobody to ask, and nothing to ask for.
            return self.begin_with(&offer, None, &BTreeMap::new());
        }
        let Some(provider) = self.providers.get(&offer.provider).cloned() else {
            return self.not_begun(PayProblem::PlanGone);
        };
        let mut wallets = self.wallets_of_the_next(&offer);
        let inbox = self.inbox.clone();
        let session = self.session.number;
        tokio::spawn(async move {
            let (price, balance) = tokio::join!(provider.price(&offer), provider.balance());
            let mut others = BTreeMap::new();
            while let Some(read) = wallets.join_next().await {
                if let Ok((id, Outcome::Done(wallet))) = read {
                    others.insert(id, wallet);
                }
            }
            let priced = Priced { session, offer, price, balance, others };
            if inbox.send(Inbox::Priced(Box::new(priced))).await.is_err() {
                warn!("the kiosk ended before a price was taken");
            }
        });
    }

    pub(super) fn not_begun(&mut self, problem: PayProblem) {
        self.session.stage = self.session.stage_before_paying();
        self.session.problem = Some(problem);
    }

    /// The wallets of the accounts that would be next, where an order has no other witness, are read side by side.
    pub(super) fn wallets_of_the_next(&self, offer: &Offer) -> JoinSet<(ProviderId, Outcome<Exact>)> {
        let standing = |provider: &ProviderId, plan: &PlanKey, cost| self.standing(provider, plan, cost);
        let next = self.shelf.catalogue().alternatives(offer, &self.session.language, standing);
        let mut wallets = JoinSet::new();
        for next in next {
            let provider = self.providers.get(&next.provider).cloned();
            if let Some(provider) = provider.filter(|provider| provider.guard(&next).needs_account_lock()) {
                wallets.spawn(async move { (next.provider, provider.balance().await) });
            }
        }
        wallets
    }

    /// Price and wallet are here: begin, or say why not.
    pub(super) fn priced(&mut self, priced: Priced) {
        let waiting =
            self.session.number == priced.session && self.session.stage == Stage::PlanDetail { preparing: true };
        if !waiting {
            return;
        }
        let Priced { mut offer, price, balance, others, .. } = priced;
        if self.for_sale(&offer.provider, &offer.plan).is_err() {
            return self.not_begun(PayProblem::PlanGone);
        }
        let answered = matches!(price, Outcome::Done(_) | Outcome::Refused(_));
        let wallet = match &balance {
            Outcome::Done(exact) => Some(*exact),
            _ => None,
        };
        self.provider_answered(offer.provider.clone(), answered, wallet);
        let cost = match Now::of(&price) {
            Now::Costs(cost) => cost,
            Now::Gone => {
                self.shelf.reread(&offer, None, &self.settings.pricing);
                return self.not_begun(PayProblem::PlanGone);
            }
            Now::Unknown => return self.not_begun(PayProblem::PlanGone),
        };
        let retail = self.shelf.catalogue().price_at(&offer, cost, &self.settings.pricing);
        if cost != offer.cost {
            info!(provider = %offer.provider, plan = offer.plan.0, "the price moved before the card");
            self.shelf.reread(&offer, Some(cost), &self.settings.pricing);
        }
        if retail != Some(offer.retail) {
            let was = crate::locale::money(&offer.retail, &self.session.language);
            let problem = retail.map_or(PayProblem::PlanGone, |_| PayProblem::PriceChanged { was });
            return self.not_begun(problem);
        }
        let guard_needs_wallet =
            self.providers.get(&offer.provider).is_some_and(|known| known.guard(&offer).needs_account_lock());
        if wallet.is_none() && guard_needs_wallet {
            // The wallet is the only witness of an order there: without it nothing is bought.
            return self.not_begun(PayProblem::PlanGone);
        }
        if wallet.is_some_and(|wallet| !covers(&wallet, &cost)) {
            return self.not_begun(PayProblem::PlanGone);
        }
        offer.cost = cost;
        self.begin_with(&offer, wallet, &others);
    }
}
