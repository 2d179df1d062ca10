//! What the kiosk offers: the plans of all providers merged into cards, priced, named and searched. Pure: built from
//! a [`Snapshot`] that somebody else fetched and keeps.
//!
//! A *card* is what the traveller chooses: so much data for so many days in one place. Equal plans of several
//! providers are one card with several *sources*; which source is bought is decided when the card is chosen, by who
//! can sell then.

mod choose;
mod guard;
mod merge;
mod naming;
mod places;
mod reread;
mod search;
mod section;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use choose::CannotSell;
pub use guard::{Refused, believe};
pub use naming::title;
pub use places::Iso;
pub use section::{Offering, Pricing, RateLine, Rule};

use crate::money::{Amount, Exact, Rate};
use crate::sale::offer::{DataVolume, PlanKey, ProviderId};
use crate::sale::plan::ProviderPlan;

/// The last good plans of every provider: what is kept on disk and built from at start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Rises with every list that was accepted.
    pub version: u64,
    /// Plans by account.
    pub plans: BTreeMap<ProviderId, Vec<ProviderPlan>>,
}

impl Snapshot {
    /// Takes a provider's fresh and complete list, if it is believed; else the last good one stays.
    ///
    /// # Errors
    /// [`Refused`], to be reported to the operator.
    pub fn accept(
        &mut self,
        provider: ProviderId,
        fresh: Vec<ProviderPlan>,
        offering: &Offering,
    ) -> Result<(), Refused> {
        believe(self.plans.get(&provider).map_or(&[], Vec::as_slice), &fresh, offering)?;
        self.plans.insert(provider, fresh);
        self.version += 1;
        Ok(())
    }

    /// The plans that are offered now, priced and merged.
    ///
    /// # Errors
    /// A rate of the configuration that is no decimal number, by its place in the list.
    pub fn build(&self, setting: &Setting<'_>) -> Result<Catalogue, (usize, crate::money::MoneyError)> {
        merge::build(self, setting)
    }
}

/// What a catalogue is built for.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// `[pricing]`.
    pub pricing: &'a Pricing,
    /// `[catalogue]`.
    pub offering: &'a Offering,
    /// The terminal's currency.
    pub currency: crate::money::Currency,
    /// The day, for the rates.
    pub today: jiff::civil::Date,
    /// The languages of the kiosk, by tag; English is always there.
    pub languages: &'a [String],
}

/// The offers of all providers, merged, priced, named and searched.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    version: u64,
    rates: Vec<Rate>,
    destinations: Vec<Destination>,
    by_id: HashMap<String, usize>,
    /// Sorted by destination, then data, then days.
    cards: Vec<Card>,
    by_card: HashMap<CardId, usize>,
    popular: Vec<usize>,
    index: search::Index,
    report: Report,
}

/// What became of the plans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Plans that the providers listed.
    pub plans: usize,
    /// Cards that were made of them.
    pub cards: usize,
    /// Plans without a valid rate for their currency, by currency.
    pub without_rate: BTreeMap<String, usize>,
    /// Plans whose retail price would lie below their cost.
    pub below_cost: usize,
    /// Plans in places that are no country we know, by the provider's spelling.
    pub unknown_places: BTreeMap<String, usize>,
    /// Plans of hidden destinations.
    pub hidden: usize,
}

/// Where a card works, and what the traveller chooses first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// `jp`, `r/europe`, `world`.
    pub id: String,
    /// What kind of place.
    pub place: Place,
    /// The lowest price of its cards.
    pub from: Amount,
    /// Its cards, as a range of the catalogue's.
    cards: std::ops::Range<usize>,
    /// Most countries that one of its cards reaches.
    pub countries: usize,
    /// Names by language: the operator's own ones, else CLDR's or the provider's.
    names: Vec<(String, String)>,
}

/// What kind of place a destination is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One country.
    Country(Iso),
    /// Several; the key and the provider's name of it.
    Region(String, String),
    /// Everywhere.
    World,
}

impl Destination {
    /// The name in a language; in English where there is none.
    pub fn name(&self, language: &str) -> &str {
        let primary = language.split(['-', '_']).next().unwrap_or(language);
        let named = |wanted: &str| self.names.iter().find(|(known, _)| known == wanted).map(|(_, name)| name.as_str());
        named(primary).or_else(|| named("en")).unwrap_or("?")
    }

    /// The flag's code; none for regions.
    pub fn flag(&self) -> Option<&str> {
        match &self.place {
            Place::Country(iso) => Some(iso.code()),
            _ => None,
        }
    }
}

/// The name of a card: it stays the same as long as the card means the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardId(u64);

impl std::fmt::Display for CardId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for CardId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(CardId)
    }
}

/// So much data for so many days in one place.
#[derive(Debug, Clone)]
pub struct Card {
    /// Its name.
    pub id: CardId,
    /// Place in [`Catalogue::destinations`].
    destination: usize,
    /// Data.
    pub data: DataVolume,
    /// Days.
    pub days: u16,
    /// Countries, sorted by code.
    pub countries: Arc<[Iso]>,
    /// Who sells it, the cheapest first after the surcharge for risk. Never empty.
    pub sources: Vec<Source>,
}

/// One provider's plan behind a card.
#[derive(Debug, Clone)]
pub struct Source {
    /// The account.
    pub provider: ProviderId,
    /// The plan there.
    pub plan: PlanKey,
    /// Its second key.
    pub package_code: Option<Box<str>>,
    /// What it costs us.
    pub cost: Exact,
    /// Place of its rate in the catalogue's list.
    rate: usize,
    /// What the traveller pays if it is this one.
    pub retail: Amount,
    /// Networks, joined by commas.
    pub networks: Arc<str>,
    /// "4G/5G".
    pub speed: Option<Arc<str>>,
    /// The provider's fair-use sentence, "" if none.
    pub fair_use: Arc<str>,
    /// Must be installed at the destination.
    pub install_at_destination: bool,
    /// The provider is slow with it: from stock only.
    pub slow: bool,
    /// Can be topped up later.
    pub can_top_up: bool,
    /// Its provider does not sell it any more, as was found since the catalogue was fetched.
    pub gone: bool,
}

impl Catalogue {
    /// The version that a quote names.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether nothing can be offered.
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// What became of the plans, for the operator.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The countries, by name in a language.
    pub fn countries(&self, language: &str) -> Vec<&Destination> {
        self.named(language, |destination| matches!(destination.place, Place::Country(_)))
    }

    /// The world first, then the regions by name in a language.
    pub fn regions(&self, language: &str) -> Vec<&Destination> {
        let mut regions = self.named(language, |destination| !matches!(destination.place, Place::Country(_)));
        regions.sort_by_key(|destination| destination.place != Place::World);
        regions
    }

    fn named(&self, language: &str, wanted: fn(&Destination) -> bool) -> Vec<&Destination> {
        let mut found: Vec<&Destination> = self.destinations.iter().filter(|place| wanted(place)).collect();
        found.sort_by_cached_key(|destination| crate::locale::folded(destination.name(language)));
        found
    }

    /// The destinations of the big tiles that have plans, at most `most`.
    pub fn popular(&self, most: usize) -> Vec<&Destination> {
        self.popular.iter().take(most).map(|place| &self.destinations[*place]).collect()
    }

    /// A destination by its id.
    pub fn destination(&self, id: &str) -> Option<&Destination> {
        self.by_id.get(id).map(|place| &self.destinations[*place])
    }

    /// The destination of a card.
    pub fn destination_of(&self, card: &Card) -> &Destination {
        &self.destinations[card.destination]
    }

    /// The cards of a destination: least data first, then fewest days.
    pub fn cards(&self, destination: &Destination) -> &[Card] {
        &self.cards[destination.cards.clone()]
    }

    /// A card by its name.
    pub fn card(&self, id: CardId) -> Option<&Card> {
        self.by_card.get(&id).map(|place| &self.cards[*place])
    }

    /// What a traveller's typing finds, the best first: by the name in the language, in English, by other spellings
    /// and by ISO code; with one typing error where nothing else is found. No text finds nothing.
    pub fn search(&self, typed: &str, language: &str) -> Vec<&Destination> {
        self.index.find(typed, language).into_iter().map(|place| &self.destinations[place]).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
