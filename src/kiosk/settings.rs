//! What the loop needs of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::money::Currency;
use crate::sale::Terms;
use crate::sale::receipt::OperatorText;

use super::session::Patience;
use super::view::{LanguageRow, LegalTexts, Side, Wifi};

/// Everything that may differ between two kiosks and that the loop cares about.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The machine's label: `K07`.
    pub machine: String,
    /// The operator's texts.
    pub operator: OperatorText,
    /// Languages, the likely ones first.
    pub languages: Arc<[LanguageRow]>,
    /// Terms and privacy by language; English where one is missing.
    pub legal: BTreeMap<String, Arc<LegalTexts>>,
    /// The airport's Wi-Fi by language.
    pub wifi: BTreeMap<String, Wifi>,
    /// Tax in hundredths of a percent.
    pub tax_rate: Option<u32>,
    /// The terminal's currency.
    pub currency: Currency,
    /// The rules' numbers.
    pub terms: Terms,
    /// BMP 01 of `06 01`.
    pub hold_seconds: u8,
    /// BMP 02 of `06 01`.
    pub hold_count: u8,
    /// Where `terms.hold_ms` comes from.
    pub hold: Hold,
    /// Where a measured hold is kept.
    pub profile: Option<PathBuf>,
    /// Seconds for which the terminal's rest is awaited after a break: its longest hold.
    pub rest_patience_s: u16,
    /// Seconds for a baseline.
    pub baseline_patience_s: u16,
    /// How long each screen waits.
    pub patience: Patience,
    /// Where the terminal stands.
    pub terminal_side: Side,
    /// Selling needs paper.
    pub paper_required: bool,
    /// Milliseconds between two ticks of the loop.
    pub tick_ms: u64,
    /// Milliseconds between two looks at the printer while nobody prints.
    pub printer_poll_ms: u64,
    /// A provider that has not answered for so long counts as gone.
    pub online_ms: u64,
    /// Prices are made by these rules.
    pub pricing: crate::catalogue::Pricing,
    /// What is offered.
    pub offering: crate::catalogue::Offering,
    /// End of day, queue, stock.
    pub trade: crate::config::Trade,
    /// For so long after a start the attract screen speaks of an interrupted payment.
    pub interrupted_ms: u64,
}

/// Where it is known from how long the terminal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// From the configuration, which overrules a measurement.
    Configured,
    /// From a hold test.
    Measured {
        /// Of which terminal, where it told.
        terminal_id: Option<String>,
    },
    /// It is not.
    NeverMeasured,
}

impl Settings {
    /// The texts of a language, English where it has none.
    pub fn legal(&self, language: &str) -> Arc<LegalTexts> {
        let texts = self.legal.get(language).or_else(|| self.legal.get("en")).or_else(|| self.legal.values().next());
        texts.cloned().unwrap_or_else(|| {
            Arc::new(LegalTexts {
                terms: String::new(),
                terms_version: "0".to_owned(),
                privacy: String::new(),
                privacy_version: "0".to_owned(),
            })
        })
    }

    /// The Wi-Fi help of a language.
    pub fn wifi(&self, language: &str) -> Option<Wifi> {
        self.wifi.get(language).or_else(|| self.wifi.get("en")).or_else(|| self.wifi.values().next()).cloned()
    }

    /// The hall's first language.
    pub fn first_language(&self) -> &str {
        self.languages.first().map_or("en", |row| row.tag.as_str())
    }
}
