//! From lists of plans to cards.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::places::{Gazetteer, region_key};
use super::{
    Card, CardId, Catalogue, Destination, Iso, Place, Report, Setting, Snapshot, Source, naming, reread, search,
};
use crate::money::{MoneyError, Rate, retail};
use crate::sale::offer::{DataVolume, ProviderId};
use crate::sale::plan::{Coverage, ProviderPlan};

/// What makes two plans equal.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct CardKey {
    destination: String,
    data: DataVolume,
    days: u16,
    countries: Arc<[Iso]>,
    install_at_destination: bool,
}

impl CardKey {
    /// The same words give the same name, in every version of the program.
    fn id(&self) -> CardId {
        let words = format!(
            "{}|{:?}|{}|{:?}|{}",
            self.destination, self.data, self.days, self.countries, self.install_at_destination
        );
        let digest = Sha256::digest(words.as_bytes());
        CardId(digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }
}

struct Merger<'a> {
    setting: &'a Setting<'a>,
    gazetteer: Gazetteer,
    rates: Vec<Rate>,
    /// Spellings that were met, with the country they mean.
    spellings: HashMap<String, Option<Iso>>,
    texts: HashSet<Arc<str>>,
    country_lists: HashSet<Arc<[Iso]>>,
    places: BTreeMap<String, Place>,
    cards: HashMap<CardKey, Vec<(i128, Source)>>,
    report: Report,
}

pub(super) fn build(snapshot: &Snapshot, setting: &Setting<'_>) -> Result<Catalogue, (usize, MoneyError)> {
    let mut merger = Merger {
        setting,
        gazetteer: Gazetteer::new(&setting.offering.places),
        rates: setting.pricing.rates_on(setting.today, setting.currency)?,
        spellings: HashMap::new(),
        texts: HashSet::new(),
        country_lists: HashSet::new(),
        places: BTreeMap::new(),
        cards: HashMap::new(),
        report: Report::default(),
    };
    for (provider, plans) in &snapshot.plans {
        for plan in plans {
            merger.report.plans += 1;
            merger.add(provider, plan);
        }
    }
    Ok(merger.finish(snapshot.version))
}

impl Merger<'_> {
    fn add(&mut self, provider: &ProviderId, plan: &ProviderPlan) {
        let Some((destination, place, countries)) = self.place(&plan.coverage) else { return };
        if self.setting.offering.hidden.contains(&destination) {
            self.report.hidden += 1;
            return;
        }
        let Some((weight, source)) = self.source(provider, plan, &destination) else { return };
        let key = CardKey {
            destination: destination.clone(),
            data: plan.data,
            days: plan.days,
            countries: self.shared_countries(countries),
            install_at_destination: plan.install_at_destination,
        };
        self.places.entry(destination).or_insert(place);
        self.cards.entry(key).or_default().push((weight, source));
    }

    fn place(&mut self, coverage: &Coverage) -> Option<(String, Place, Vec<Iso>)> {
        match coverage {
            Coverage::Country { iso, name } => {
                let stated = iso.as_deref().and_then(|code| self.named(code));
                let Some(iso) = stated.or_else(|| self.named(name)) else {
                    *self.report.unknown_places.entry(name.clone()).or_default() += 1;
                    return None;
                };
                Some((iso.code().to_owned(), Place::Country(iso), vec![iso]))
            }
            Coverage::Region { name, countries } => {
                let known = self.known(countries);
                match (region_key(name).as_str(), known.as_slice()) {
                    ("world", _) => Some(("world".into(), Place::World, known)),
                    // A "region" of one country is that country.
                    (_, [iso]) if countries.len() == 1 => {
                        Some((iso.code().to_owned(), Place::Country(*iso), known.clone()))
                    }
                    (key, _) => Some((format!("r/{key}"), Place::Region(key.to_owned(), name.clone()), known)),
                }
            }
            Coverage::Global { countries } => Some(("world".into(), Place::World, self.known(countries))),
        }
    }

    /// The country that a code or a spelling means, looked up once for each.
    fn named(&mut self, name: &str) -> Option<Iso> {
        if let Some(known) = self.spellings.get(name) {
            return *known;
        }
        let found = self.gazetteer.named(name).or_else(|| Iso::parse(name));
        self.spellings.insert(name.to_owned(), found);
        found
    }

    fn known(&mut self, countries: &[String]) -> Vec<Iso> {
        let mut known = Vec::with_capacity(countries.len());
        for name in countries {
            match self.named(name) {
                Some(iso) => known.push(iso),
                None => *self.report.unknown_places.entry(name.clone()).or_default() += 1,
            }
        }
        known.sort_unstable();
        known.dedup();
        known
    }

    /// The plan as a source, with the cost that it counts for; nothing where it cannot be priced.
    fn source(&mut self, provider: &ProviderId, plan: &ProviderPlan, destination: &str) -> Option<(i128, Source)> {
        let pricing = self.setting.pricing;
        let Some(rate) = self.rates.iter().position(|rate| rate.from == plan.cost.currency) else {
            *self.report.without_rate.entry(plan.cost.currency.to_string()).or_default() += 1;
            return None;
        };
        let mark_up = pricing.mark_up_of(&provider.0, destination, &plan.key.0);
        let Ok(Some(price)) = retail(plan.cost, &self.rates[rate], &mark_up) else {
            self.report.below_cost += 1;
            return None;
        };
        let converted = plan.cost.at(&self.rates[rate]).ok()?;
        let source = Source {
            provider: provider.clone(),
            plan: plan.key.clone(),
            package_code: plan.package_code.as_deref().map(Into::into),
            cost: plan.cost,
            rate,
            retail: price,
            networks: self.shared(&plan.networks.join(", ")),
            speed: plan.speed.as_deref().map(|speed| self.shared(speed)),
            fair_use: self.shared(&plan.fair_use),
            install_at_destination: plan.install_at_destination,
            slow: plan.slow,
            can_top_up: plan.can_top_up,
            gone: false,
        };
        Some((reread::weight(converted, provider, pricing), source))
    }

    /// The same text once in memory: thousands of plans name the same networks.
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    fn shared_countries(&mut self, list: Vec<Iso>) -> Arc<[Iso]> {
        if let Some(known) = self.country_lists.get(list.as_slice()) {
            return Arc::clone(known);
        }
        let new: Arc<[Iso]> = list.into();
        self.country_lists.insert(Arc::clone(&new));
        new
    }

    fn finish(mut self, version: u64) -> Catalogue {
        let mut keys: Vec<(CardKey, Vec<(i128, Source)>)> = self.cards.drain().collect();
        keys.sort_by(|(one, _), (two, _)| one.cmp(two));
        let mut catalogue = Catalogue { version, rates: std::mem::take(&mut self.rates), ..Catalogue::default() };
        for (key, mut sources) in keys {
            if catalogue.destinations.last().is_none_or(|last| last.id != key.destination) {
                self.begin(&mut catalogue, &key, &sources);
            }
            sources.sort_by(|one, two| (one.0, &one.1.provider).cmp(&(two.0, &two.1.provider)));
            let place = catalogue.destinations.len() - 1;
            let id = key.id();
            let card = Card {
                id,
                destination: place,
                data: key.data,
                days: key.days,
                countries: key.countries,
                sources: sources.into_iter().map(|(_, source)| source).collect(),
            };
            let destination = &mut catalogue.destinations[place];
            let price = card.sources[0].retail;
            if price.minor < destination.from.minor {
                destination.from = price;
            }
            destination.countries = destination.countries.max(card.countries.len());
            catalogue.by_card.insert(id, catalogue.cards.len());
            catalogue.cards.push(card);
            destination.cards.end = catalogue.cards.len();
        }
        self.complete(catalogue)
    }

    fn begin(&mut self, catalogue: &mut Catalogue, key: &CardKey, sources: &[(i128, Source)]) {
        let start = catalogue.cards.len();
        let place = self.places.get(&key.destination).cloned().unwrap_or(Place::World);
        catalogue.by_id.insert(key.destination.clone(), catalogue.destinations.len());
        catalogue.destinations.push(Destination {
            id: key.destination.clone(),
            names: naming::names(&key.destination, &place, &key.countries, self.setting),
            place,
            from: sources[0].1.retail,
            cards: start..start,
            countries: 0,
        });
    }

    fn complete(mut self, mut catalogue: Catalogue) -> Catalogue {
        self.report.cards = catalogue.cards.len();
        catalogue.report = self.report;
        let by_id = &catalogue.by_id;
        catalogue.popular = self
            .setting
            .offering
            .popular
            .iter()
            .filter_map(|id| by_id.get(&id.to_ascii_lowercase()).copied())
            .collect();
        catalogue.index = search::Index::of(&catalogue.destinations);
        catalogue
    }
}
