//! The catalogue as the traveller sees it: rows and cards, made once per language, query and destination.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalogue::{CannotSell, Card, CardId, Catalogue, Destination, Pricing, Source};
use crate::locale;
use crate::money::Exact;
use crate::sale::offer::{DataVolume, Offer, PlanKey, ProviderId};

use super::view::{DestinationRow, PlanCard, PlanData, PlanUnavailable};

/// How many big tiles there are.
const TILES: usize = 6;

/// What lies on the destination screen.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Big tiles.
    pub popular: Arc<[DestinationRow]>,
    /// Regions and the world.
    pub regions: Arc<[DestinationRow]>,
    /// A to Z, or what the search found.
    pub rows: Arc<[DestinationRow]>,
    /// Letters and the index of their first row.
    pub letters: Arc<[(String, usize)]>,
    /// Rises with every change of `rows`.
    pub version: u64,
}

/// The shelf.
pub struct Shelf {
    catalogue: Arc<Catalogue>,
    made_for: Option<(u64, String, String)>,
    rows: Rows,
    /// How often each card was bought at this machine in this run.
    chosen: HashMap<CardId, u32>,
}

impl Shelf {
    /// A shelf with this catalogue on it.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        let none = || -> Arc<[DestinationRow]> { Arc::from(Vec::new()) };
        let rows = Rows { popular: none(), regions: none(), rows: none(), letters: Arc::from(Vec::new()), version: 0 };
        Shelf { catalogue, made_for: None, rows, chosen: HashMap::new() }
    }

    /// Fresh offers.
    pub fn replace(&mut self, catalogue: Arc<Catalogue>) {
        self.catalogue = catalogue;
        self.made_for = None;
    }

    /// A plan was asked for again: it costs this now, or is gone.
    pub fn reread(&mut self, offer: &Offer, cost: Option<Exact>, pricing: &Pricing) {
        Arc::make_mut(&mut self.catalogue).reread(&offer.provider, &offer.plan, cost, pricing);
        self.made_for = None;
    }

    /// Whether the card of this name is the one that an offer was made of.
    pub fn is_of(&self, card: Option<&str>, offer: &Offer) -> bool {
        let card = card.and_then(|id| id.parse().ok()).and_then(|id| self.catalogue.card(id));
        card.is_some_and(|card| {
            card.sources.iter().any(|source| source.provider == offer.provider && source.plan == offer.plan)
        })
    }

    /// Nothing of the last traveller's search stays.
    pub fn forget(&mut self) {
        self.made_for = None;
    }

    /// A card was bought.
    pub fn was_chosen(&mut self, card: CardId) {
        *self.chosen.entry(card).or_default() += 1;
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The destination screen's lists for a language and what was typed.
    pub fn rows(&mut self, language: &str, query: &str) -> &Rows {
        let key = (self.catalogue.version(), language.to_owned(), query.to_owned());
        if self.made_for.as_ref() != Some(&key) {
            let searching = !query.trim().is_empty();
            let found =
                if searching { self.catalogue.search(query, language) } else { self.catalogue.countries(language) };
            let row = |place: &&Destination| row(place, language);
            let rows: Vec<DestinationRow> = found.iter().map(row).collect();
            let letters = if searching { Vec::new() } else { letters(&rows) };
            self.rows = Rows {
                popular: self.catalogue.popular(TILES).iter().map(row).collect(),
                regions: self.catalogue.regions(language).iter().map(row).collect(),
                rows: rows.into(),
                letters: letters.into(),
                version: self.rows.version + 1,
            };
            self.made_for = Some(key);
        }
        &self.rows
    }

    /// The cards of a destination, with why one cannot be bought now.
    pub fn plans(
        &self,
        destination: &Destination,
        language: &str,
        standing: &impl Fn(&ProviderId, &PlanKey, Exact) -> Result<(), CannotSell>,
    ) -> Vec<PlanCard> {
        let cards = self.catalogue.cards(destination);
        let mut plans: Vec<PlanCard> = cards.iter().filter_map(|card| self.plan(card, language, standing)).collect();
        // "Most chosen here" is only said of what was counted here.
        let most = cards.iter().filter_map(|card| self.chosen.get(&card.id).map(|count| (*count, card.id))).max();
        if let Some((count, id)) = most
            && count >= 3
            && let Some(plan) = plans.iter_mut().find(|plan| plan.id == id.to_string())
        {
            plan.popular = true;
        }
        plans
    }

    /// One card as the traveller sees it; none where its provider sells it from stock only and there is no stock.
    pub fn plan(
        &self,
        card: &Card,
        language: &str,
        standing: &impl Fn(&ProviderId, &PlanKey, Exact) -> Result<(), CannotSell>,
    ) -> Option<PlanCard> {
        let (source, unavailable) = match self.catalogue.source(card, standing) {
            Ok(source) => (source, None),
            Err(CannotSell::Slow | CannotSell::Gone) => return None,
            Err(CannotSell::Locked) => (card.sources.first()?, Some(PlanUnavailable::BackInMinutes)),
            Err(CannotSell::Down | CannotSell::NoFunds | CannotSell::Withdrawn) => {
                (card.sources.first()?, Some(PlanUnavailable::NotNow))
            }
        };
        Some(shown(card, source, unavailable, language))
    }

    /// A card that the traveller looks at and that is not sold any more.
    pub fn gone(&self, card: &Card, language: &str) -> Option<PlanCard> {
        Some(shown(card, card.sources.first()?, Some(PlanUnavailable::NotNow), language))
    }
}

fn shown(card: &Card, source: &Source, unavailable: Option<PlanUnavailable>, language: &str) -> PlanCard {
    PlanCard {
        id: card.id.to_string(),
        data: data(card.data, language),
        days: card.days,
        price: locale::money(&source.retail, language),
        networks: source.networks.to_string(),
        speed: source.speed.as_deref().map(str::to_owned),
        popular: false,
        unavailable,
    }
}

fn row(place: &Destination, language: &str) -> DestinationRow {
    DestinationRow {
        id: place.id.clone(),
        name: place.name(language).to_owned(),
        flag: place.flag().map(str::to_ascii_lowercase),
        from_price: locale::money(&place.from, language),
        countries: place.flag().is_none().then_some(place.countries),
    }
}

fn letters(rows: &[DestinationRow]) -> Vec<(String, usize)> {
    let mut letters: Vec<(String, usize)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let letter = locale::index_letter(&row.name);
        if letters.last().is_none_or(|(last, _)| *last != letter) {
            letters.push((letter, index));
        }
    }
    letters
}

/// Data as the traveller reads it.
pub fn data(volume: DataVolume, language: &str) -> PlanData {
    match volume {
        DataVolume::Bytes(bytes) => PlanData::Amount(locale::data_volume(bytes, language)),
        DataVolume::BytesPerDay(bytes) => PlanData::PerDay(locale::data_volume(bytes, language)),
        DataVolume::Unlimited => PlanData::Unlimited,
    }
}
