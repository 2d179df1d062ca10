//! What was read again since the catalogue was fetched: a plan that costs another sum now, or is not sold any more.

use super::{Card, Catalogue, Pricing, Source};
use crate::money::{Amount, Exact, Rate, retail};
use crate::sale::offer::{PlanKey, ProviderId};

impl Catalogue {
    /// From now on a plan costs this, or is gone. Its card is bought from whoever is the cheapest then.
    pub fn reread(&mut self, provider: &ProviderId, plan: &PlanKey, cost: Option<Exact>, pricing: &Pricing) {
        for place in 0..self.cards.len() {
            let same = |source: &Source| source.provider == *provider && source.plan == *plan;
            let Some(index) = self.cards[place].sources.iter().position(same) else { continue };
            let destination = self.destinations[self.cards[place].destination].id.clone();
            let priced = cost.and_then(|cost| self.priced(provider, plan, cost, &destination, pricing));
            let source = &mut self.cards[place].sources[index];
            match (cost, priced) {
                (Some(cost), Some((rate, retail))) => {
                    (source.cost, source.rate, source.retail, source.gone) = (cost, rate, retail, false);
                }
                _ => source.gone = true,
            }
            sort(&mut self.cards[place], &self.rates, pricing);
            self.price_destination(place);
        }
    }

    /// The place of the rate and the price, where there is a valid one above cost.
    fn priced(
        &self,
        provider: &ProviderId,
        plan: &PlanKey,
        cost: Exact,
        destination: &str,
        pricing: &Pricing,
    ) -> Option<(usize, Amount)> {
        let rate = self.rates.iter().position(|rate| rate.from == cost.currency)?;
        let mark_up = pricing.mark_up_of(&provider.0, destination, &plan.0);
        Some((rate, retail(cost, &self.rates[rate], &mark_up).ok().flatten()?))
    }

    /// The lowest price of the destination of a card; the old one where nothing of it is sold any more.
    fn price_destination(&mut self, card: usize) {
        let place = self.cards[card].destination;
        let cards = &self.cards[self.destinations[place].cards.clone()];
        let sold = cards.iter().filter_map(|card| card.sources.first().filter(|source| !source.gone));
        if let Some(lowest) = sold.map(|source| source.retail).min_by_key(|price| price.minor) {
            self.destinations[place].from = lowest;
        }
    }
}

/// What a source counts for when the cheapest is chosen: its cost after conversion, and the surcharge for risk.
pub(super) fn weight(converted: Exact, provider: &ProviderId, pricing: &Pricing) -> i128 {
    let risk = i128::from(pricing.risk.get(&provider.0).copied().unwrap_or(0));
    converted.units.saturating_mul(10_000 + risk)
}

/// The cheapest first; what is gone last.
fn sort(card: &mut Card, rates: &[Rate], pricing: &Pricing) {
    card.sources.sort_by_cached_key(|source| {
        let weight =
            source.cost.at(&rates[source.rate]).map_or(i128::MAX, |cost| weight(cost, &source.provider, pricing));
        (source.gone, weight, source.provider.clone())
    });
}
