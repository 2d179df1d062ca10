//! A basket, a top-up or a number begins: prices, wallets and the eSIM that is topped up are read beside the loop, then
//! the sale begins like any other, with all its locks, or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::info;

use crate::catalogue::CardId;
use crate::esim::{Outcome, Refusal, RefusalReason, Usage};
use crate::money::{Amount, Exact};
use crate::sale::activation::Iccid;
use crate::sale::event::{Cancellation, Event};
use crate::sale::id::SaleId;
use crate::sale::offer::{Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use crate::sale::record::GoodQuote;

use super::Kiosk;
use super::accounts::covers;
use super::prices::Now;
use super::session::Stage;
use super::view::{OutOfService, PayProblem, Selling};
use super::wanted::{Clients, Gathered, NumberWish, Prices, ShopNews, Wanted, read, send};

/// Most eSIMs in one basket.
const MOST: usize = 6;

impl Kiosk {
    /// What a traveller wants is read again before the card.
    pub(super) fn gather(&mut self, wanted: &Wanted) {
        if let Selling::Paused(reason) = self.health.selling() {
            return self.not_begun(PayProblem::NoCards(reason));
        }
        let gathering = match wanted {
            Wanted::Basket(cards) => self.gather_basket(cards),
            Wanted::TopUp { provider, iccid, plan } => self.gather_top_up(provider, iccid, plan),
            Wanted::Number(wish) => self.gather_number(wish),
        };
        if let Err(problem) = gathering {
            self.not_begun(problem);
        }
    }

    fn gather_basket(&mut self, cards: &[String]) -> Result<(), PayProblem> {
        if cards.is_empty() || cards.len() > MOST {
            return Err(PayProblem::PlanGone);
        }
        self.read_stock();
        let mut offers: Vec<Offer> = Vec::with_capacity(cards.len());
        let mut taken = Vec::new();
        for card in cards {
            let card: CardId = card.parse().map_err(|_| PayProblem::PlanGone)?;
            // Stock first: it needs no order.
            let offer = self.stock_offer_beside(card, &taken).or_else(|| self.ordered_offer(card));
            let offer = offer.ok_or(PayProblem::PlanGone)?;
            if let Source::Stock { profile } = offer.source {
                taken.push(profile);
            }
            offers.push(offer);
        }
        if !self.fits_hold(&offers) {
            info!(goods = offers.len(), "a basket's orders would not fit into what the terminal holds");
            return Err(PayProblem::PlanGone);
        }
        self.read_again(offers);
        Ok(())
    }

    /// The card from a provider's account, where one can sell it now.
    fn ordered_offer(&self, card: CardId) -> Option<Offer> {
        let standing = |provider: &ProviderId, plan: &PlanKey, cost| self.standing(provider, plan, cost);
        let offer = self.shelf.catalogue().offer(card, &self.session.language, standing).ok();
        offer.filter(|_| self.health.online)
    }

    fn gather_top_up(&mut self, provider: &ProviderId, iccid: &Iccid, plan: &PlanKey) -> Result<(), PayProblem> {
        let client = self.providers.get(provider).cloned().filter(|_| self.health.online);
        let client = client.ok_or(PayProblem::PlanGone)?;
        let catalogue = self.shelf.catalogue().clone();
        let (settings, language) = (self.settings.clone(), self.session.language.clone());
        let (iccid, plan) = (iccid.clone(), plan.clone());
        let (inbox, session) = (self.inbox.clone(), self.session.number);
        tokio::spawn(async move {
            let (usage, plans) = tokio::join!(client.usage(&iccid), client.top_up_offers(&iccid));
            let offered = match (&usage, plans) {
                // The provider must know the eSIM before any money is asked for (sale.md 9).
                (Outcome::Done(_), Outcome::Done(plans)) if !plans.is_empty() => plans
                    .iter()
                    .find(|known| known.key == plan)
                    .and_then(|plan| catalogue.top_up_offer(client.id(), plan, &iccid, &language, &settings.pricing)),
                // Some list none: the eSIM takes the plans that its account sells.
                (Outcome::Done(_), Outcome::Done(_)) => catalogue.top_up_by_plan(client.id(), &plan, &iccid, &language),
                _ => None,
            };
            let found = match offered {
                None => Err(PayProblem::PlanGone),
                Some(offer) => {
                    let offers = vec![offer];
                    let clients = BTreeMap::from([(client.id().clone(), client.clone())]);
                    let (prices, wallets) = read(&offers, clients).await;
                    Ok(Gathered { offers, prices, wallets, total_before: total_of(usage) })
                }
            };
            send(&inbox, ShopNews::Gathered { session, found }).await;
        });
        Ok(())
    }

    fn gather_number(&mut self, wish: &NumberWish) -> Result<(), PayProblem> {
        let offer = self.shelf.catalogue().number_offer(
            &wish.provider,
            (&wish.number, &wish.offer_token),
            (wish.cost, wish.days),
            &self.settings.pricing,
        );
        let offers = vec![offer.filter(|_| self.health.online).ok_or(PayProblem::PlanGone)?];
        self.read_again(offers);
        Ok(())
    }

    /// Reads prices and wallets once more, right before the payment.
    fn read_again(&self, offers: Vec<Offer>) {
        let clients = self.clients_of(&offers);
        let (inbox, session) = (self.inbox.clone(), self.session.number);
        tokio::spawn(async move {
            let (prices, wallets) = read(&offers, clients).await;
            let found = Ok(Gathered { offers, prices, wallets, total_before: None });
            send(&inbox, ShopNews::Gathered { session, found }).await;
        });
    }

    /// The clients that these offers, and the equal plans after them, may be ordered from.
    fn clients_of(&self, offers: &[Offer]) -> Clients {
        let standing = |provider: &ProviderId, plan: &PlanKey, cost| self.standing(provider, plan, cost);
        let ordered = offers.iter().filter(|offer| matches!(offer.source, Source::Provider));
        let names = ordered.flat_map(|offer| {
            let next = self.shelf.catalogue().alternatives(offer, &self.session.language, standing);
            std::iter::once(offer.provider.clone()).chain(next.into_iter().map(|next| next.provider))
        });
        names.filter_map(|name| Some((name.clone(), self.providers.get(&name)?.clone()))).collect()
    }

    /// Something beside the orders was answered.
    pub(super) fn shop_says(&mut self, news: ShopNews) {
        match news {
            ShopNews::Gathered { session, found } => {
                if self.session.number != session || self.session.stage != Stage::Gathering {
                    return;
                }
                if let Err(problem) = found.and_then(|gathered| self.begin_gathered(gathered)) {
                    info!(?problem, "what a traveller wants cannot be sold now");
                    self.not_begun(problem);
                }
            }
            ShopNews::WalletRead { sale, good, provider, balance } => {
                let balance = match balance {
                    Outcome::Done(balance) => Some(balance),
                    _ => None,
                };
                self.provider_answered(provider, balance.is_some(), balance);
                self.tell(sale, &Event::WalletRead { good, balance });
            }
            ShopNews::Cancelled { sale, good, outcome } => {
                let answer = match outcome {
                    Outcome::Done(()) => Cancellation::Accepted,
                    Outcome::Refused(refusal) => Cancellation::Refused(refusal.detail),
                    Outcome::NeverSent(why) => Cancellation::NoAnswer(why),
                    Outcome::Unknown(doubt) => Cancellation::NoAnswer(doubt.evidence),
                };
                self.tell(sale, &Event::Cancelled { good, answer });
            }
        }
    }

    /// Everything is read: the sale begins, if it costs what was said.
    fn begin_gathered(&mut self, gathered: Gathered) -> Result<(), PayProblem> {
        if let Selling::Paused(reason) = self.health.selling() {
            return Err(PayProblem::NoCards(reason));
        }
        let Gathered { offers, prices, wallets, total_before } = gathered;
        let ordered = offers.iter().any(|offer| matches!(offer.source, Source::Provider));
        if ordered && self.only_stock() {
            return Err(PayProblem::NoCards(OutOfService::TerminalBusy));
        }
        for (provider, wallet) in &wallets {
            self.provider_answered(provider.clone(), true, Some(*wallet));
        }
        let mut goods = Vec::with_capacity(offers.len());
        let mut costs: BTreeMap<ProviderId, Vec<Exact>> = BTreeMap::new();
        let mut amount = Amount::new(0, self.settings.currency);
        for mut offer in offers {
            self.for_sale(&offer.provider, &offer.plan).map_err(|_| PayProblem::PlanGone)?;
            amount = amount.plus(offer.retail).map_err(|_| PayProblem::PlanGone)?;
            let mut wallet = None;
            if matches!(offer.source, Source::Provider) {
                offer.cost = self.cost_now(&offer, &prices)?;
                wallet = self.witness_of(&offer, &wallets)?;
                costs.entry(offer.provider.clone()).or_default().push(offer.cost);
            }
            let mut choices = self.choices(&offer, wallet, &wallets, None);
            for choice in &mut choices {
                choice.total_before = total_before;
            }
            goods.push(GoodQuote { choices });
        }
        // One wallet pays for all goods of its account.
        let pays = |(provider, costs): (&ProviderId, &Vec<Exact>)| match (wallets.get(provider), costs.first()) {
            (Some(wallet), Some(first)) => {
                let units = costs.iter().map(|cost| cost.units).sum();
                covers(wallet, &Exact { units, ..*first })
            }
            _ => true,
        };
        if !costs.iter().all(pays) {
            return Err(PayProblem::PlanGone);
        }
        let quote = self.quote(goods, amount, None);
        self.begin_quoted(&quote);
        Ok(())
    }

    /// What an offer costs now, where that is still sold at the price that was said.
    fn cost_now(&mut self, offer: &Offer, prices: &Prices) -> Result<Exact, PayProblem> {
        let price = prices.get(&(offer.provider.clone(), offer.plan.clone())).ok_or(PayProblem::PlanGone)?;
        let Now::Costs(cost) = Now::of(price) else { return Err(PayProblem::PlanGone) };
        if cost == offer.cost {
            return Ok(cost);
        }
        let was = crate::locale::money(&offer.retail, &self.session.language);
        if offer.kind != Kind::Esim {
            // The shelf knows the price of eSIMs alone.
            return Err(PayProblem::PriceChanged { was });
        }
        let retail = self.shelf.catalogue().price_at(offer, cost, &self.settings.pricing);
        self.shelf.reread(offer, Some(cost), &self.settings.pricing);
        if retail == Some(offer.retail) {
            return Ok(cost);
        }
        Err(retail.map_or(PayProblem::PlanGone, |_| PayProblem::PriceChanged { was }))
    }

    /// The wallet as the witness of an order, where the account has no other: without it nothing is bought there.
    fn witness_of(&self, offer: &Offer, wallets: &BTreeMap<ProviderId, Exact>) -> Result<Option<Exact>, PayProblem> {
        let wallet = wallets.get(&offer.provider).copied();
        let client = self.providers.get(&offer.provider).ok_or(PayProblem::PlanGone)?;
        let needed = client.guard(offer).needs_account_lock();
        if wallet.is_none() && needed { Err(PayProblem::PlanGone) } else { Ok(wallet) }
    }

    /// The wallet of an account is read again, before the next good of a basket is ordered there.
    pub(super) fn read_wallet(&self, sale: SaleId, good: u8, provider: ProviderId) {
        let (client, inbox) = (self.providers.get(&provider).cloned(), self.inbox.clone());
        tokio::spawn(async move {
            let balance = match client {
                Some(client) => client.balance().await,
                None => Outcome::NeverSent("no such account is configured".to_owned()),
            };
            send(&inbox, ShopNews::WalletRead { sale, good, provider, balance }).await;
        });
    }

    /// A number's subscription ends with its paid term.
    pub(super) fn cancel_number(&self, sale: SaleId, good: u8, reference: OrderReference, after_ms: u64) {
        let offer = self.sales.get(&sale).map(|sale| sale.offer(usize::from(good)).provider.clone());
        let client = offer.and_then(|provider| self.providers.get(&provider).cloned());
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            let outcome = match client {
                Some(client) => client.cancel(&reference).await,
                // Nobody will ever take it: a person must hear of it, and soon.
                None => Outcome::Refused(Refusal {
                    reason: RefusalReason::NotFound,
                    detail: "the account is not configured any more".to_owned(),
                }),
            };
            send(&inbox, ShopNews::Cancelled { sale, good, outcome }).await;
        });
    }
}

fn total_of(usage: Outcome<Usage>) -> Option<u64> {
    match usage {
        Outcome::Done(usage) => usage.total_bytes,
        _ => None,
    }
}
