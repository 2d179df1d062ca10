//! The plans of one provider, made from a seed: plausible, priced to the cent, as many as asked for.

use std::collections::HashMap;
use std::ops::Range;

use super::codes::Dice;
use super::price::Units;
use super::world::World;
use super::{Provider, world};

/// Where a plan works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Area {
    /// Index of a country.
    Country(usize),
    /// Index of a region (the world among them).
    Region(usize),
}

/// How much a plan gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Data {
    /// So many MB in all.
    Total(u32),
    /// So many MB a day at full speed, then so many kilobits a second.
    Daily { mb: u32, kbps: u32 },
    /// Without limit.
    Unlimited,
}

/// One plan.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The numeric id (Mobilexy buys by it).
    pub(super) id: u32,
    pub(super) area: Area,
    pub(super) data: Data,
    pub(super) days: u32,
    pub(super) price: Units,
    /// The opaque code of the wholesaler, such as `PHAJHEAYP`; unique.
    pub(super) code: String,
    /// The profile is ready only some time after the order.
    pub(super) slow: bool,
    /// Taken off sale.
    pub(super) gone: bool,
}

impl Plan {
    /// Bytes in all, `None` for daily and unlimited plans.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self.data {
            Data::Total(mb) => Some(u64::from(mb) << 20),
            Data::Daily { .. } | Data::Unlimited => None,
        }
    }

    /// What the network counts against: the total, or the daily share times days, or 100 GB.
    pub(super) fn allowance(&self) -> u64 {
        match self.data {
            Data::Total(mb) => u64::from(mb) << 20,
            Data::Daily { mb, .. } => u64::from(mb * self.days) << 20,
            Data::Unlimited => 100 << 30,
        }
    }

    /// `0.5`, `3`: the data in GB as the slugs write it.
    pub(super) fn gb(&self) -> String {
        match self.data {
            Data::Total(mb) | Data::Daily { mb, .. } => gb_text(mb),
            Data::Unlimited => "unlimited".to_owned(),
        }
    }

    /// `500MB`, `3GB`.
    pub(super) fn size(&self) -> String {
        match self.data {
            Data::Total(mb) | Data::Daily { mb, .. } if mb < 1024 => format!("{}MB", mb_round(mb)),
            Data::Total(mb) | Data::Daily { mb, .. } => format!("{}GB", gb_text(mb)),
            Data::Unlimited => "Unlimited".to_owned(),
        }
    }
}

/// 512 MB is sold as 500.
fn mb_round(mb: u32) -> u32 {
    if mb == 512 { 500 } else { mb }
}

fn gb_text(mb: u32) -> String {
    let tenths = (mb * 10 + 512) / 1024;
    if tenths.is_multiple_of(10) { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

/// The plans of one provider.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) world: std::sync::Arc<World>,
    pub(super) plans: Vec<Plan>,
    first_id: u32,
    /// Where the plans of an area lie; they stand together.
    spans: HashMap<Area, Range<usize>>,
}

/// What every destination sells first, best known at the top; MB and days.
const POPULAR: [(u32, u32); 12] = [
    (1024, 7),
    (3072, 30),
    (5120, 30),
    (10_240, 30),
    (512, 1),
    (20_480, 30),
    (1024, 30),
    (2048, 15),
    (3072, 15),
    (51_200, 30),
    (102, 7),
    (12_288, 4),
];
const SIZES: [u32; 16] =
    [102, 307, 512, 1024, 2048, 3072, 5120, 6144, 8192, 10_240, 12_288, 15_360, 20_480, 30_720, 51_200, 102_400];
const DAYS: [u32; 13] = [1, 3, 4, 5, 7, 10, 15, 20, 30, 60, 90, 180, 365];
const DAILY: [(u32, u32); 12] = [
    (512, 512),
    (1024, 512),
    (2048, 1000),
    (512, 128),
    (1024, 384),
    (3072, 1000),
    (5120, 2000),
    (2048, 512),
    (1024, 128),
    (512, 384),
    (3072, 384),
    (10_240, 2000),
];

impl Catalogue {
    /// About `count` plans (at least one for each destination) of `provider`.
    pub(super) fn make(provider: Provider, seed: u64, count: usize) -> Catalogue {
        let world = std::sync::Arc::new(World::read());
        let mut dice = Dice::new(seed ^ 0x0c0f_fee0 ^ ((provider as u64) << 32));
        let areas: Vec<Area> = (0..world.countries.len())
            .map(Area::Country)
            .chain((0..world.regions.len()).map(Area::Region))
            .filter(|area| sells(provider, &world, *area))
            .collect();
        let first_id = [801, 20_001, 300_001, 4001][provider as usize];
        let mut catalogue = Catalogue { world, plans: Vec::with_capacity(count), first_id, spans: HashMap::new() };
        for (area, wanted) in areas.iter().zip(shares(&catalogue.world, &areas, count)) {
            let mut shapes = shapes(provider, wanted, &mut dice);
            shapes.truncate(wanted);
            let first = catalogue.plans.len();
            for (data, days) in shapes {
                catalogue.add(provider, *area, data, days, &mut dice);
            }
            catalogue.spans.insert(*area, first..catalogue.plans.len());
        }
        catalogue
    }

    fn add(&mut self, provider: Provider, area: Area, data: Data, days: u32, dice: &mut Dice) {
        let index = self.plans.len();
        let id = self.first_id + u32::try_from(index).unwrap_or(u32::MAX / 2);
        let (tier, slow) = match area {
            Area::Country(country) => (self.world.countries[country].tier, self.world.countries[country].iso == "JP"),
            Area::Region(region) => (region_tier(self.world.regions[region].members.len()), false),
        };
        let price = price(provider, tier, data, days, dice);
        // Unique by its head, opaque by its tail.
        let code = format!("{}{}", base_36(u64::from(id) * 7919), dice.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 3));
        self.plans.push(Plan { id, area, data, days, price, code: format!("P{code}"), slow, gone: false });
    }

    /// The plan with this id.
    pub(super) fn by_id(&self, id: u32) -> Option<&Plan> {
        id.checked_sub(self.first_id).and_then(|index| self.plans.get(usize::try_from(index).ok()?))
    }

    /// The same, to change it.
    pub(super) fn by_id_mut(&mut self, id: u32) -> Option<&mut Plan> {
        let index = usize::try_from(id.checked_sub(self.first_id)?).ok()?;
        self.plans.get_mut(index)
    }

    /// Plans on sale for an area.
    pub(super) fn of(&self, area: Area) -> impl Iterator<Item = &Plan> {
        let span = self.spans.get(&area).cloned().unwrap_or(0..0);
        self.plans[span].iter().filter(|plan| !plan.gone)
    }

    /// Countries in which the plan works.
    pub(super) fn countries(&self, plan: &Plan) -> Vec<usize> {
        match plan.area {
            Area::Country(country) => vec![country],
            Area::Region(region) => self.world.regions[region].members.clone(),
        }
    }

    /// Comma-joined names of networks; for a region the first one of each country.
    pub(super) fn operators(&self, plan: &Plan) -> String {
        match plan.area {
            Area::Country(country) => self.world.countries[country].operators.to_owned(),
            Area::Region(region) => {
                let first = |index: &usize| {
                    let operators = self.world.countries[*index].operators;
                    operators.split(", ").next().unwrap_or(operators)
                };
                let mut names: Vec<&str> = self.world.regions[region].members.iter().map(first).collect();
                names.dedup();
                names.truncate(40);
                names.join(", ")
            }
        }
    }

    /// The place as the provider names it: `Afghanistan`, `Asia`.
    pub(super) fn place(&self, provider: Provider, plan: &Plan) -> &'static str {
        match plan.area {
            Area::Country(country) => self.world.countries[country].name(provider),
            Area::Region(region) => self.world.regions[region].name,
        }
    }

    /// `AF`, `AS-12`: how slugs begin.
    pub(super) fn location(&self, plan: &Plan) -> &'static str {
        match plan.area {
            Area::Country(country) => self.world.countries[country].iso,
            Area::Region(region) => self.world.regions[region].code,
        }
    }

    /// The place as part of an address.
    pub(super) fn place_slug(&self, provider: Provider, plan: &Plan) -> String {
        world::slug(self.place(provider, plan))
    }
}

/// Not everybody sells everywhere: the reseller API leaves Russia out, and two leave the smallest places out.
fn sells(provider: Provider, world: &World, area: Area) -> bool {
    let Area::Country(country) = area else { return true };
    let iso = world.countries[country].iso;
    let small = matches!(provider, Provider::Esimfly | Provider::Reseller);
    !(provider == Provider::Reseller && iso == "RU" || small && matches!(iso, "NR" | "SB" | "VA" | "BT" | "SS"))
}

/// Where most travellers go: a small catalogue has a choice at least there.
const MOST_WANTED: [&str; 14] = ["US", "GB", "DE", "FR", "ES", "IT", "TR", "JP", "TH", "AE", "CN", "AT", "HK", "AU"];

/// How many plans each area gets: one each, then up to eight where most go, then evenly.
fn shares(world: &World, areas: &[Area], count: usize) -> Vec<usize> {
    let mut left = count.saturating_sub(areas.len());
    let mut shares = vec![1; areas.len()];
    for (area, share) in areas.iter().zip(&mut shares) {
        if matches!(area, Area::Country(index) if MOST_WANTED.contains(&world.countries[*index].iso)) {
            let more = left.min(7);
            *share += more;
            left -= more;
        }
    }
    let (each, extra) = (left / areas.len(), left % areas.len());
    for (index, share) in shares.iter_mut().enumerate() {
        *share += each + usize::from(index < extra);
    }
    shares
}

fn region_tier(members: usize) -> usize {
    match members {
        0..=3 => 1,
        4..=20 => 2,
        21..=60 => 3,
        _ => 4,
    }
}

fn shapes(provider: Provider, wanted: usize, dice: &mut Dice) -> Vec<(Data, u32)> {
    let mut shapes: Vec<(Data, u32)> = Vec::new();
    let daily_days = |place: usize| if provider == Provider::Mobilexy { 1 } else { DAYS[place % DAYS.len()] };
    for (place, (mb, days)) in POPULAR.into_iter().enumerate() {
        shapes.push((Data::Total(mb), days));
        if place % 5 == 1 {
            let (mb, kbps) = DAILY[place / 5];
            shapes.push((Data::Daily { mb, kbps }, daily_days(place)));
        }
    }
    if wanted > shapes.len() {
        let mut rest: Vec<(Data, u32)> = Vec::new();
        for days in DAYS {
            rest.extend(SIZES.map(|mb| (Data::Total(mb), days)));
            rest.push((Data::Unlimited, days));
            if provider != Provider::Mobilexy {
                rest.extend(DAILY.map(|(mb, kbps)| (Data::Daily { mb, kbps }, days)));
            }
        }
        if provider == Provider::Mobilexy {
            rest.extend(DAILY.map(|(mb, kbps)| (Data::Daily { mb, kbps }, 1)));
        }
        rest.retain(|shape| !shapes.contains(shape));
        for place in (1..rest.len()).rev() {
            let other = usize::try_from(dice.below(place as u64 + 1)).unwrap_or(0);
            rest.swap(place, other);
        }
        shapes.extend(rest);
    }
    shapes
}

/// Cents: the square root of the volume, a little for each GB and day, times what the country costs.
fn price(provider: Provider, tier: usize, data: Data, days: u32, dice: &mut Dice) -> Units {
    let (mb, days) = (
        match data {
            Data::Total(mb) => u64::from(mb),
            Data::Daily { mb, .. } => u64::from(mb) * u64::from(days),
            Data::Unlimited => 3072 * u64::from(days),
        },
        u64::from(days),
    );
    let base = (mb * 10).isqrt() + mb * 35 / 1024 + days * 2;
    let tier_tenths = [10, 10, 15, 24, 40, 65][tier.min(5)];
    let provider_percent = [100, 97, 94, 103][provider as usize];
    let noise_percent = 92 + dice.below(17);
    let cents = base * tier_tenths * provider_percent * noise_percent / 100_000;
    Units::cents(i64::try_from(cents.max(19)).unwrap_or(i64::MAX / 2_000_000))
}

fn base_36(mut number: u64) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        letters.push(char::from_digit(digit, 36).unwrap_or('0').to_ascii_uppercase());
        number /= 36;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn as_many_plans_as_asked_for_and_no_code_twice() {
        for (provider, count) in [(Provider::Mobilexy, 3000), (Provider::Roamify, 28_000), (Provider::Esimfly, 500)] {
            let catalogue = Catalogue::make(provider, 1, count);
            assert_eq!(catalogue.plans.len(), count, "{provider:?}");
            let codes: HashSet<&str> = catalogue.plans.iter().map(|plan| plan.code.as_str()).collect();
            assert_eq!(codes.len(), count);
            for plan in &catalogue.plans {
                assert!(plan.price > Units::cents(10), "{plan:?}");
                assert_eq!(catalogue.by_id(plan.id).unwrap().code, plan.code);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_plans() {
        let one = Catalogue::make(Provider::Mobilexy, 5, 3000);
        let two = Catalogue::make(Provider::Mobilexy, 5, 3000);
        let other = Catalogue::make(Provider::Mobilexy, 6, 3000);
        let prices = |catalogue: &Catalogue| catalogue.plans.iter().map(|plan| plan.price).collect::<Vec<_>>();
        assert_eq!(prices(&one), prices(&two));
        assert_ne!(prices(&one), prices(&other));
    }

    #[test]
    fn sizes_are_written_as_in_the_trade() {
        let plan = |data| Plan {
            id: 1,
            area: Area::Country(0),
            data,
            days: 7,
            price: Units::ZERO,
            code: String::new(),
            slow: false,
            gone: false,
        };
        assert_eq!((plan(Data::Total(512)).gb().as_str(), plan(Data::Total(512)).size().as_str()), ("0.5", "500MB"));
        assert_eq!((plan(Data::Total(102)).gb().as_str(), plan(Data::Total(3072)).size().as_str()), ("0.1", "3GB"));
        assert_eq!(plan(Data::Total(1024)).bytes(), Some(1 << 30));
        assert_eq!(plan(Data::Daily { mb: 512, kbps: 512 }).bytes(), None);
    }

    #[test]
    fn some_destinations_are_not_sold_by_everybody() {
        let reseller = Catalogue::make(Provider::Reseller, 1, 1000);
        let russia = reseller.world.by_iso("RU").unwrap();
        assert_eq!(reseller.of(Area::Country(russia)).count(), 0);
        let germany = reseller.world.by_iso("de").unwrap();
        assert!(reseller.of(Area::Country(germany)).count() > 0);
    }
}
