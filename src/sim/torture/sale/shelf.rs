//! What the kiosks of a stand are told to sell, and how.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scenario::Setting;
use super::shop::plan;
use crate::catalogue::{Catalogue, Offering, Pricing, Setting as Shelf, Snapshot};
use crate::kiosk::Settings;
use crate::kiosk::session::Patience;
use crate::kiosk::view::{LanguageRow, LegalTexts, Side};
use crate::money::{Currency, Ending, MarkUp};
use crate::sale::Terms;
use crate::sale::offer::ProviderId;
use crate::sale::receipt::OperatorText;

pub(super) fn catalogue(settings: &Settings) -> Catalogue {
    let mut snapshot = Snapshot::default();
    let languages = ["en".to_owned()];
    let setting = Shelf {
        pricing: &settings.pricing,
        offering: &settings.offering,
        currency: Currency::EUR,
        today: jiff::civil::date(2026, 11, 22),
        languages: &languages,
    };
    let taken = snapshot.accept(ProviderId("shop".into()), vec![plan()], &settings.offering);
    taken.expect("the one plan is a catalogue");
    snapshot.build(&setting).expect("the one plan has a price")
}

pub(super) fn settings(setting: &Setting) -> Settings {
    let mut trade = crate::config::Trade::default();
    if let Some(promise_min) = setting.queue_min {
        // A promise is made for before the end of day, so that hour must be known.
        trade.day_ends_at = Some(jiff::civil::time(23, 30, 0, 0));
        trade.queue.enabled = true;
        trade.queue.promise_min = promise_min;
    }
    let text = |text: &str| text.to_owned();
    let legal =
        LegalTexts { terms: text("T"), terms_version: text("3"), privacy: text("P"), privacy_version: text("2") };
    let english = LanguageRow { tag: text("en"), own_name: text("English"), english_name: text("English") };
    Settings {
        machine: text("K07"),
        operator: OperatorText {
            name: text("Airport"),
            address: vec![text("Hall 1")],
            tax_number: text("DE1"),
            help_phone: text("+49 1"),
        },
        languages: vec![english].into(),
        legal: BTreeMap::from([(text("en"), Arc::new(legal))]),
        wifi: BTreeMap::new(),
        tax_rate: Some(1_900),
        currency: Currency::EUR,
        terms: Terms { hold_ms: 60_000, claim_ms: 600_000, can_hold: setting.holds, ..Terms::default() },
        hold_seconds: 120,
        hold_count: 90,
        hold: crate::kiosk::settings::Hold::Configured,
        profile: None,
        rest_patience_s: 150,
        baseline_patience_s: 15,
        patience: Patience { esim_ms: 30_000, ..Patience::default() },
        terminal_side: Side::Right,
        paper_required: false,
        tick_ms: 500,
        printer_poll_ms: 5_000,
        online_ms: 180_000,
        pricing: Pricing {
            mark_up: MarkUp { per_ten_thousand: 10_000, fixed_minor: 0, ending: Ending::Ninety },
            ..Pricing::default()
        },
        offering: Offering { popular: vec!["jp".into()], ..Offering::default() },
        trade,
        interrupted_ms: 1_800_000,
    }
}
