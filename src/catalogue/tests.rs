use super::*;
use crate::money::{Currency, Ending, MarkUp};
use crate::sale::plan::Coverage;

pub(crate) fn plan(key: &str, country: &str, gigabytes: u64, days: u16, cost: &str) -> ProviderPlan {
    ProviderPlan {
        key: PlanKey(key.into()),
        package_code: None,
        name: format!("{country} {gigabytes} GB"),
        coverage: Coverage::Country { iso: None, name: country.into() },
        data: DataVolume::Bytes(gigabytes << 30),
        days,
        cost: Exact::parse(cost, Currency::USD).unwrap(),
        networks: vec!["One".into(), "Two".into()],
        speed: Some("5G".into()),
        fair_use: String::new(),
        install_at_destination: false,
        slow: false,
        can_top_up: true,
    }
}

fn pricing() -> Pricing {
    Pricing {
        mark_up: MarkUp { per_ten_thousand: 5000, fixed_minor: 0, ending: Ending::Ninety },
        rates: vec![RateLine {
            from: Currency::USD,
            rate: "0.90".into(),
            date: jiff::civil::date(2026, 11, 20),
            max_age_days: 7,
        }],
        ..Pricing::default()
    }
}

fn build_on(day: i8, plans: &[(&str, Vec<ProviderPlan>)]) -> Catalogue {
    let mut snapshot = Snapshot::default();
    for (provider, plans) in plans {
        snapshot.accept(ProviderId((*provider).into()), plans.clone(), &Offering::default()).unwrap();
    }
    let (pricing, offering, languages) = (pricing(), Offering::default(), ["de-AT".to_owned()]);
    let setting = Setting {
        pricing: &pricing,
        offering: &offering,
        currency: Currency::EUR,
        today: jiff::civil::date(2026, 11, day),
        languages: &languages,
    };
    snapshot.build(&setting).unwrap()
}

fn build(plans: &[(&str, Vec<ProviderPlan>)]) -> Catalogue {
    build_on(22, plans)
}

fn any(_: &ProviderId, _: &PlanKey, _: Exact) -> Result<(), CannotSell> {
    Ok(())
}

fn names(found: &[&Destination], language: &str) -> Vec<String> {
    found.iter().map(|destination| destination.name(language).to_owned()).collect()
}

#[test]
fn equal_plans_are_one_card_bought_from_the_cheapest_that_can_sell() {
    let catalogue = build(&[
        ("mobilexy", vec![plan("country-plans/turkey/1", "Turkey", 1, 7, "2.70")]),
        ("roamify", vec![plan("r1", "Türkiye", 1, 7, "2.72"), plan("r2", "Türkiye", 3, 7, "5")]),
    ]);
    assert_eq!(catalogue.version(), 2);
    let turkey = catalogue.destination("tr").unwrap();
    assert_eq!((turkey.name("de"), turkey.name("en"), turkey.flag()), ("Türkei", "Türkiye", Some("tr")));
    let cards = catalogue.cards(turkey);
    assert_eq!(cards.len(), 2);
    // 2.72 + 2 % is less than 2.70 + 8 %.
    let offer = catalogue.offer(cards[0].id, "de", any).unwrap();
    assert_eq!(offer.provider.0, "roamify");
    // 2.72 × 0.90 × 1.5 = 3.672
    assert_eq!((offer.retail, offer.title.as_str()), (Amount::new(390, Currency::EUR), "Türkei 1\u{a0}GB, 7 Tage"));
    let without = |provider: &ProviderId, _: &PlanKey, _: Exact| {
        if provider.0 == "roamify" { Err(CannotSell::Locked) } else { Ok(()) }
    };
    assert_eq!(catalogue.offer(cards[0].id, "en", without).unwrap().provider.0, "mobilexy");
    assert_eq!(catalogue.offer(cards[1].id, "en", without), Err(CannotSell::Locked));
    let others = catalogue.alternatives(&offer, "de", any);
    assert_eq!(others.len(), 1);
    assert_eq!((others[0].provider.0.as_str(), others[0].retail), ("mobilexy", offer.retail));
    assert_eq!(catalogue.card(cards[0].id.to_string().parse().unwrap()).unwrap().id, cards[0].id);
}

#[test]
fn what_cannot_be_priced_is_not_offered() {
    let plans = vec![plan("1", "Japan", 1, 7, "2"), plan("2", "Atlantis", 1, 7, "2")];
    let catalogue = build_on(28, &[("roamify", plans.clone())]);
    assert!(catalogue.is_empty());
    assert_eq!(catalogue.report().without_rate["USD"], 1);
    assert_eq!(catalogue.report().unknown_places["Atlantis"], 1);
    assert_eq!(build(&[("roamify", plans)]).report().cards, 1);
}

#[test]
fn a_dearer_equal_plan_is_no_alternative_where_it_would_lose_money() {
    let catalogue =
        build(&[("esimfly", vec![plan("1", "Japan", 1, 7, "2")]), ("roamify", vec![plan("2", "Japan", 1, 7, "5")])]);
    let card = &catalogue.cards(catalogue.destination("jp").unwrap())[0];
    let offer = catalogue.offer(card.id, "en", any).unwrap();
    assert_eq!(offer.provider.0, "esimfly");
    assert!(catalogue.alternatives(&offer, "en", any).is_empty());
}

#[test]
fn regions_and_the_world_are_destinations_too() {
    let region = |key: &str, name: &str, countries: &[&str]| ProviderPlan {
        coverage: Coverage::Region { name: name.into(), countries: countries.iter().map(|c| (*c).into()).collect() },
        ..plan(key, name, 1, 7, "3")
    };
    let world = ProviderPlan {
        coverage: Coverage::Global { countries: vec!["JP".into(), "US".into()] },
        ..plan("w", "Global", 1, 7, "9")
    };
    let catalogue = build(&[(
        "mobilexy",
        vec![
            region("1", "Asia (AS-12)", &["Hong Kong (China)", "Macao (China)", "Japan"]),
            region("2", "Asia (AS-7)", &["Japan", "HK"]),
            region("3", "USA & Canada", &["United States", "Canada"]),
            region("4", "Thailand only", &["Thailand"]),
            world,
        ],
    )]);
    assert_eq!(names(&catalogue.regions("de"), "de"), ["Welt", "Asien", "Kanada · Vereinigte Staaten"]);
    let asia = catalogue.destination("r/asia").unwrap();
    assert_eq!((catalogue.cards(asia).len(), asia.countries), (2, 3));
    assert_eq!(catalogue.destination("th").unwrap().flag(), Some("th"));
    assert_eq!(names(&catalogue.popular(6), "en"), ["Thailand"]);
}

#[test]
fn search_finds_by_every_name_and_forgives_one_slip() {
    let places = [
        "Turkey",
        "Japan",
        "Austria",
        "Australia",
        "United States",
        "Switzerland",
        "Sweden",
        "Germany",
        "Cote d'Ivoire",
    ];
    let plans = places.iter().enumerate().map(|(n, name)| plan(&n.to_string(), name, 1, 7, "2")).collect();
    let catalogue = build(&[("roamify", plans)]);
    let found = |typed: &str, language: &str| names(&catalogue.search(typed, language), language);
    assert_eq!(found("au", "en"), ["Australia", "Austria"], "the code of Australia comes first");
    assert_eq!(found("öst", "de"), ["Österreich"]);
    assert_eq!(found("OST", "de"), ["Österreich"]);
    assert_eq!(found("austria", "de"), ["Österreich"]);
    assert_eq!(found("staaten", "de"), ["Vereinigte Staaten"]);
    assert_eq!(found("usa", "de"), ["Vereinigte Staaten"]);
    assert_eq!(found("US", "de")[0], "Vereinigte Staaten");
    assert_eq!(found("turkiye", "en"), ["Türkiye"]);
    assert_eq!(found("turkey", "en"), ["Türkiye"]);
    assert_eq!(found("tokyo", "en"), ["Japan"]);
    assert_eq!(found("ivoire", "en"), ["Côte d’Ivoire"]);
    assert_eq!(found("swedn", "en"), ["Sweden"]);
    assert_eq!(found("swtizerland", "en"), ["Switzerland"]);
    assert!(found("xqzt", "en").is_empty());
    assert!(found("  ", "en").is_empty());
    assert_eq!(found("deutschland", "de"), ["Deutschland"]);
}

#[test]
fn a_snapshot_survives_the_disk_and_a_refused_list_leaves_it_alone() {
    let mut snapshot = Snapshot::default();
    let id = ProviderId("roamify".into());
    let plans: Vec<_> = (0..10).map(|n| plan(&n.to_string(), "Japan", n + 1, 7, "2.72")).collect();
    snapshot.accept(id.clone(), plans.clone(), &Offering::default()).unwrap();
    let text = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    let before = snapshot.clone();
    assert!(snapshot.accept(id, plans[..3].to_vec(), &Offering::default()).is_err());
    assert_eq!(snapshot, before);
}

#[test]
fn a_full_catalogue_keeps_every_plan() {
    let countries: Vec<&str> = crate::locale::countries("en").map(|(_, name)| name).take(240).collect();
    let list = |provider: usize, count: usize| -> Vec<ProviderPlan> {
        let one = |n: usize| {
            let steps = u16::try_from(n / countries.len()).unwrap();
            plan(
                &format!("{provider}-{n}"),
                countries[n % countries.len()],
                u64::from(steps % 30) + 1,
                steps + 1,
                "2.72",
            )
        };
        (0..count).map(one).collect()
    };
    let catalogue = build(&[("esimfly", list(1, 7_000)), ("mobilexy", list(2, 2_000)), ("roamify", list(3, 19_000))]);
    assert_eq!(catalogue.report().plans, 28_000);
    assert_eq!(catalogue.report().cards, 19_000, "the smaller lists are equal plans of the largest");
    let sources: usize =
        catalogue.countries("en").iter().flat_map(|place| catalogue.cards(place)).map(|card| card.sources.len()).sum();
    assert_eq!(sources, 28_000);
    assert_eq!(catalogue.search("turk", "de").len(), 3, "Türkei, Turkmenistan, Turks- und Caicosinseln");
}

#[test]
fn a_price_that_was_read_again_counts_from_then_on() {
    let mut catalogue =
        build(&[("esimfly", vec![plan("1", "Japan", 1, 7, "2")]), ("roamify", vec![plan("2", "Japan", 1, 7, "3")])]);
    let (id, pricing) = (catalogue.cards(catalogue.destination("jp").unwrap())[0].id, pricing());
    let best =
        |catalogue: &Catalogue| catalogue.offer(id, "en", any).map(|offer| (offer.provider.0, offer.retail.minor));
    let from = |catalogue: &Catalogue| catalogue.destination("jp").unwrap().from.minor;
    let (fly, one) = (ProviderId("esimfly".into()), PlanKey("1".into()));
    // 2 × 0.90 × 1.5 = 2.70, up to 2.90.
    assert_eq!((best(&catalogue), from(&catalogue)), (Ok(("esimfly".into(), 290)), 290));
    let cost = |text| Some(Exact::parse(text, Currency::USD).unwrap());
    catalogue.reread(&fly, &one, cost("2.5"), &pricing);
    assert_eq!(
        (best(&catalogue), from(&catalogue)),
        (Ok(("esimfly".into(), 390)), 390),
        "dearer, and still the cheapest"
    );
    catalogue.reread(&fly, &one, cost("9"), &pricing);
    assert_eq!((best(&catalogue), from(&catalogue)), (Ok(("roamify".into(), 490)), 490), "now the other one is");
    catalogue.reread(&ProviderId("roamify".into()), &PlanKey("2".into()), None, &pricing);
    assert_eq!(best(&catalogue), Ok(("esimfly".into(), 1290)), "gone there: the dear one is left");
    catalogue.reread(&fly, &one, Some(Exact::parse("9", Currency::EUR.code().parse().unwrap()).unwrap()), &pricing);
    assert_eq!(best(&catalogue).unwrap().0, "esimfly", "in another currency, by its own rate");
    catalogue.reread(&fly, &one, Some(Exact::parse("9", "CHF".parse().unwrap()).unwrap()), &pricing);
    assert_eq!(best(&catalogue), Err(CannotSell::Gone), "no rate, no sale");
    catalogue.reread(&fly, &one, cost("2"), &pricing);
    assert_eq!(best(&catalogue), Ok(("esimfly".into(), 290)), "back again");
}
