//! Views of every state of every screen, with the long names and sentences that real ones have.

use std::sync::Arc;

use crate::kiosk::View;
use crate::kiosk::view::*;
use crate::locale;
use crate::money::Amount;

/// One state of one screen.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Names the picture: `pay-wrong-pin`.
    pub name: String,
    /// What is shown.
    pub view: View,
    /// Touches after it is shown, by the parts' names: `search`, `key.J`.
    pub touches: Vec<&'static str>,
}

/// Makes the samples of one language.
pub struct Samples {
    language: &'static str,
    list: Vec<Sample>,
}

impl Samples {
    /// Every state in a language.
    pub fn all(language: &'static str) -> Vec<Sample> {
        let mut samples = Samples { language, list: Vec::new() };
        samples.browsing();
        samples.checks();
        samples.payments();
        samples.hand_over();
        samples.troubles();
        samples.overlays();
        samples.service();
        samples.list
    }

    pub(super) fn language(&self) -> &'static str {
        self.language
    }

    /// An amount of euro cents as the language writes it.
    pub(super) fn price(&self, cents: i64) -> String {
        "EUR".parse().map_or_else(|_| String::new(), |euro| locale::money(&Amount::new(cents, euro), self.language))
    }

    pub(super) fn view(&self, screen: Screen) -> View {
        View {
            version: 1,
            session: 1,
            language: self.language.into(),
            look: Look::default(),
            frame: Frame {
                operator: "Skyline Travel".into(),
                help_phone: "+49 30 1234 5678".into(),
                machine: "K07".into(),
                sale_number: None,
                claim_code: None,
                can_back: false,
                can_start_over: false,
                step: None,
                chosen: None,
            },
            screen,
            overlay: None,
        }
    }

    pub(super) fn add(&mut self, name: &str, view: View, touches: &[&'static str]) {
        self.list.push(Sample { name: name.into(), view, touches: touches.to_vec() });
    }

    pub(super) fn languages() -> Arc<[LanguageRow]> {
        let row = |tag: &str, own: &str, english: &str| LanguageRow {
            tag: tag.into(),
            own_name: own.into(),
            english_name: english.into(),
        };
        [row("en", "English", "English"), row("de", "Deutsch", "German")].into()
    }

    fn row(&self, code: &str, cents: i64) -> DestinationRow {
        DestinationRow {
            id: code.into(),
            name: locale::country_name(code, self.language).unwrap_or_default().into(),
            flag: Some(code.into()),
            from_price: self.price(cents),
            countries: None,
        }
    }

    fn region(&self, id: &str, english: &str, german: &str, countries: usize, cents: i64) -> DestinationRow {
        DestinationRow {
            id: id.into(),
            name: if self.language == "de" { german } else { english }.into(),
            flag: None,
            from_price: self.price(cents),
            countries: Some(countries),
        }
    }

    fn destinations(&self) -> Destinations {
        let codes = [
            "al", "dz", "ar", "au", "at", "bh", "bd", "be", "ba", "br", "bg", "kh", "ca", "cl", "cn", "co", "cr", "hr",
            "cy", "cz", "dk", "do", "eg", "ee", "fi", "fr", "ge", "de", "gr", "hk", "hu", "is", "in", "id", "iq", "ie",
            "il", "it", "jp", "jo", "kz", "ke", "kw", "lv", "lt", "lu", "my", "mt", "mx", "ma", "np", "nl", "nz", "no",
            "om", "pk", "ph", "pl", "pt", "qa", "ro", "rs", "sa", "sg", "sk", "za", "kr", "es", "lk", "se", "ch", "tw",
            "th", "tn", "tr", "ua", "ae", "gb", "us", "uz", "vn", "zm",
        ];
        let mut rows: Vec<_> =
            codes.iter().zip(0..).map(|(code, place)| self.row(code, 390 + (place * 37) % 900)).collect();
        rows.sort_by_key(|row| locale::folded(&row.name));
        let mut letters: Vec<(String, usize)> = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let letter = locale::index_letter(&row.name);
            if letters.last().is_none_or(|(last, _)| *last != letter) {
                letters.push((letter, place));
            }
        }
        Destinations {
            query: String::new(),
            popular: [("us", 450), ("tr", 390), ("gb", 420), ("jp", 490), ("ae", 650), ("ch", 490)]
                .iter()
                .map(|(code, cents)| self.row(code, *cents))
                .collect(),
            regions: [
                self.region("r1", "Europe", "Europa", 36, 690),
                self.region("r2", "Balkans", "Balkanländer", 9, 790),
                self.region("r3", "Asia and the Pacific", "Asien und der pazifische Raum", 14, 1290),
                self.region("r4", "Middle East and North Africa", "Naher Osten und Nordafrika", 11, 1490),
                self.region("r5", "The whole world", "Die ganze Welt", 121, 2490),
            ]
            .into(),
            rows: rows.into(),
            letters: letters.into(),
            rows_version: 1,
            browse_only: None,
        }
    }

    fn browsing(&mut self) {
        for (name, selling, interrupted) in [
            ("attract", Selling::Open, None),
            ("attract-paused", Selling::Paused(OutOfService::Network), None),
            ("attract-no-paper", Selling::WithoutPaper, None),
            ("attract-stock-only", Selling::StockOnly, None),
            ("attract-interrupted", Selling::Open, Some("14:32")),
        ] {
            let attract = Attract {
                selling,
                interrupted_at: interrupted.map(Into::into),
                languages: [self.language.to_owned()].into(),
            };
            self.add(name, self.view(Screen::Attract(attract)), &[]);
        }
        self.add("language", self.view(Screen::Language { languages: Self::languages() }), &[]);
        let destinations = self.destinations();
        let mut view = self.view(Screen::Destinations(destinations.clone()));
        view.frame.step = Some(0);
        view.frame.can_back = true;
        self.add("destinations", view.clone(), &[]);
        self.add("destinations-regions", view.clone(), &["regions"]);
        self.add("destinations-letters", view.clone(), &["a-to-z"]);
        self.add("destinations-a-to-z", view.clone(), &["a-to-z", "letter.T"]);
        self.add(
            "destinations-paused",
            {
                let mut view = view.clone();
                view.screen = Screen::Destinations(Destinations {
                    browse_only: Some(OutOfService::Terminal),
                    ..destinations.clone()
                });
                view
            },
            &[],
        );
        self.add("search-empty", view.clone(), &["search"]);
        let mut found = destinations.clone();
        found.query = "IR".into();
        found.rows = destinations.rows.iter().filter(|row| locale::folded(&row.name).contains("ir")).cloned().collect();
        found.rows_version = 2;
        let mut search = view.clone();
        search.screen = Screen::Destinations(found.clone());
        self.add("search-found", search.clone(), &["search"]);
        found.rows = [].into();
        found.query = "XYZ".into();
        search.screen = Screen::Destinations(found);
        self.add("search-nothing", search, &["search"]);
        self.plans(&view);
    }

    pub(super) fn plan(&self, id: u32, data: PlanData, days: u16, cents: i64) -> PlanCard {
        PlanCard {
            id: format!("p{id}"),
            data,
            days,
            price: self.price(cents),
            networks: "NTT Docomo, SoftBank".into(),
            speed: Some("4G/5G".into()),
            popular: id == 3,
            unavailable: match id {
                5 => Some(PlanUnavailable::BackInMinutes),
                7 => Some(PlanUnavailable::NotNow),
                _ => None,
            },
        }
    }

    fn plans(&mut self, view: &View) {
        let gb = |n: u64| locale::data_volume(n * 1_000_000_000, self.language);
        let cards = [
            self.plan(1, PlanData::Amount(gb(1)), 7, 490),
            self.plan(2, PlanData::Amount(gb(3)), 30, 790),
            self.plan(3, PlanData::Amount(gb(5)), 30, 990),
            self.plan(4, PlanData::PerDay(gb(1)), 7, 1290),
            self.plan(5, PlanData::Amount(gb(10)), 30, 1690),
            self.plan(6, PlanData::Unlimited, 10, 2990),
            self.plan(7, PlanData::PerDay(locale::data_volume(500_000_000, self.language)), 15, 1890),
            self.plan(8, PlanData::Amount(gb(50)), 90, 5490),
            self.plan(9, PlanData::Amount(gb(100)), 180, 10990),
        ];
        let screen = |cards: &[PlanCard], browse_only| {
            Screen::Plans(Plans {
                destination: locale::country_name("us", self.language).unwrap_or_default().into(),
                flag: Some("us".into()),
                plans: cards.into(),
                browse_only,
            })
        };
        let mut view = view.clone();
        view.frame.step = Some(1);
        view.screen = screen(&cards, None);
        self.add("plans", view.clone(), &[]);
        self.add("plans-page-2", view.clone(), &["page.down"]);
        view.screen = screen(&cards[..3], Some(OutOfService::EarlierPayment));
        self.add("plans-few-paused", view, &[]);
    }
}
