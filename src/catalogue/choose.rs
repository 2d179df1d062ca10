//! From a card to an offer: the cheapest source that can sell now.

use super::{Card, CardId, Catalogue, Source, title};
use crate::money::{Amount, Exact, Rate, retail};
use crate::sale::activation::Iccid;
use crate::sale::offer::{DataVolume, Kind, Offer, PlanKey, ProviderId, Source as From};
use crate::sale::plan::ProviderPlan;

/// Why a source cannot sell now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CannotSell {
    /// An earlier order of this account is being asked about: back in a few minutes.
    Locked,
    /// The provider does not answer, is limited, or is switched off.
    Down,
    /// Our wallet there does not cover the cost.
    NoFunds,
    /// The operator took the plan off sale.
    Withdrawn,
    /// The provider is slow with this plan: from stock only.
    Slow,
    /// No such card any more.
    Gone,
}

impl Catalogue {
    /// The source that would be bought now: the cheapest, after the surcharge for risk, for which `standing` has no
    /// objection.
    ///
    /// # Errors
    /// The least bad reason, where no source can sell.
    pub fn source<'a>(
        &self,
        card: &'a Card,
        standing: impl Fn(&ProviderId, &PlanKey, Exact) -> Result<(), CannotSell>,
    ) -> Result<&'a Source, CannotSell> {
        let mut least = CannotSell::Gone;
        for source in &card.sources {
            let able = match source {
                Source { gone: true, .. } => Err(CannotSell::Gone),
                Source { slow: true, .. } => Err(CannotSell::Slow),
                Source { provider, plan, cost, .. } => standing(provider, plan, *cost),
            };
            match able {
                Ok(()) => return Ok(source),
                Err(why) => least = least.min(why),
            }
        }
        Err(least)
    }

    /// The offer of a card as it stands now: fixed for the sale from here on.
    ///
    /// # Errors
    /// Why it cannot be sold now.
    pub fn offer(
        &self,
        card: CardId,
        language: &str,
        standing: impl Fn(&ProviderId, &PlanKey, Exact) -> Result<(), CannotSell>,
    ) -> Result<Offer, CannotSell> {
        let card = self.card(card).ok_or(CannotSell::Gone)?;
        let source = self.source(card, standing)?;
        Ok(self.offer_of(card, source, language))
    }

    /// The offer of one provider's plan, whatever stands in the way of selling it now.
    pub fn offer_of_plan(&self, provider: &ProviderId, plan: &str, language: &str) -> Option<Offer> {
        self.cards.iter().find_map(|card| {
            let source = card.sources.iter().find(|source| source.provider == *provider && source.plan.0 == plan)?;
            Some(self.offer_of(card, source, language))
        })
    }

    /// The plans that are the same as this offer's, its own among them: account and key there.
    pub fn equal_plans(&self, offer: &Offer) -> Vec<(ProviderId, PlanKey)> {
        let same = |source: &Source| source.provider == offer.provider && source.plan == offer.plan;
        let card = self.cards.iter().find(|card| card.sources.iter().any(same));
        card.map_or_else(Vec::new, |card| {
            card.sources.iter().map(|source| (source.provider.clone(), source.plan.clone())).collect()
        })
    }

    /// The offer of a card as its first source of those that are `meant` would sell it, whatever stands in the way of it
    /// now: what the screen shows of a card that cannot be ordered.
    pub fn first_offer(
        &self,
        card: CardId,
        language: &str,
        meant: impl Fn(&ProviderId, &PlanKey) -> bool,
    ) -> Option<Offer> {
        let card = self.card(card)?;
        let source = card.sources.iter().find(|source| meant(&source.provider, &source.plan))?;
        Some(self.offer_of(card, source, language))
    }

    fn offer_of(&self, card: &Card, source: &Source, language: &str) -> Offer {
        Offer {
            kind: Kind::Esim,
            source: From::Provider,
            provider: source.provider.clone(),
            plan: source.plan.clone(),
            package_code: source.package_code.as_deref().map(str::to_owned),
            title: title(self.destination_of(card).name(language), card.data, card.days, language),
            data: card.data,
            days: card.days,
            cost: source.cost,
            rate: self.rates[source.rate].clone(),
            retail: source.retail,
            catalogue_version: self.version,
            slow: source.slow,
        }
    }

    /// Equal plans of other providers for an offer that was refused or never sent, at the same retail price and
    /// without loss; the cheapest first (sale.md 4: never after Unknown).
    pub fn alternatives(
        &self,
        offer: &Offer,
        language: &str,
        standing: impl Fn(&ProviderId, &PlanKey, Exact) -> Result<(), CannotSell>,
    ) -> Vec<Offer> {
        let equal = self.cards.iter().find(|card| {
            card.sources.iter().any(|source| source.provider == offer.provider && source.plan == offer.plan)
        });
        let Some(card) = equal else { return Vec::new() };
        let bearable = |source: &&Source| {
            let converted = source.cost.at(&self.rates[source.rate]);
            converted
                .is_ok_and(|cost| cost.currency == offer.retail.currency && cost.units <= offer.retail.exact().units)
        };
        card.sources
            .iter()
            .filter(|source| source.provider != offer.provider && !source.slow && !source.gone)
            .filter(bearable)
            .filter(|source| standing(&source.provider, &source.plan, source.cost).is_ok())
            .map(|source| Offer { retail: offer.retail, ..self.offer_of(card, source, language) })
            .collect()
    }

    /// The retail price of an offer at another cost, by the same rules: for the price that is re-read before the
    /// card. None where it would be below cost or the currency has no rate.
    pub fn price_at(&self, offer: &Offer, cost: Exact, pricing: &super::Pricing) -> Option<Amount> {
        let rate = self.rate(cost)?;
        let place = self.cards.iter().find(|card| {
            card.sources.iter().any(|source| source.provider == offer.provider && source.plan == offer.plan)
        });
        let destination = place.map_or("", |card| self.destination_of(card).id.as_str());
        retail(cost, rate, &pricing.mark_up_of(&offer.provider.0, destination, &offer.plan.0)).ok().flatten()
    }

    /// The offer of a top-up for an eSIM, priced by the same rules; none where it cannot be priced.
    pub fn top_up_offer(
        &self,
        provider: &ProviderId,
        plan: &ProviderPlan,
        iccid: &Iccid,
        language: &str,
        pricing: &super::Pricing,
    ) -> Option<Offer> {
        let rate = self.rate(plan.cost)?;
        let price = retail(plan.cost, rate, &pricing.mark_up_of(&provider.0, "", &plan.key.0)).ok().flatten()?;
        Some(Offer {
            kind: Kind::TopUp { iccid: iccid.clone() },
            source: From::Provider,
            provider: provider.clone(),
            plan: plan.key.clone(),
            package_code: plan.package_code.clone(),
            title: title("+", plan.data, plan.days, language),
            data: plan.data,
            days: plan.days,
            cost: plan.cost,
            rate: rate.clone(),
            retail: price,
            catalogue_version: self.version,
            slow: plan.slow,
        })
    }

    /// A plan of this account as a top-up, where its provider lists none: an eSIM takes what it was sold with.
    pub fn top_up_by_plan(
        &self,
        provider: &ProviderId,
        plan: &PlanKey,
        iccid: &Iccid,
        language: &str,
    ) -> Option<Offer> {
        let offer = self.offer_of_plan(provider, &plan.0, language)?;
        Some(Offer {
            kind: Kind::TopUp { iccid: iccid.clone() },
            title: title("+", offer.data, offer.days, language),
            ..offer
        })
    }

    /// The offer of a telephone number, named with its token, at a cost for so many days; none where it cannot be priced.
    pub fn number_offer(
        &self,
        provider: &ProviderId,
        (number, token): (&str, &str),
        (cost, days): (Exact, u16),
        pricing: &super::Pricing,
    ) -> Option<Offer> {
        let rate = self.rate(cost)?;
        let price = retail(cost, rate, &pricing.mark_up_of(&provider.0, "", number)).ok().flatten()?;
        Some(Offer {
            kind: Kind::Number { offer_token: token.to_owned() },
            source: From::Provider,
            provider: provider.clone(),
            plan: PlanKey(number.to_owned()),
            package_code: None,
            title: format!("+{number}"),
            data: DataVolume::Bytes(0),
            days,
            cost,
            rate: rate.clone(),
            retail: price,
            catalogue_version: self.version,
            slow: false,
        })
    }

    fn rate(&self, cost: Exact) -> Option<&Rate> {
        self.rates.iter().find(|rate| rate.from == cost.currency)
    }
}
