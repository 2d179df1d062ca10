//! Who sells here, and what the law wants said: `[machine]` and `[operator]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::read::Document;
use crate::money::{Currency, parse_scaled};
use crate::sale::receipt::OperatorText;

/// `[machine]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Machine {
    /// The label on the housing and in every sale's number: `K07`.
    pub label: String,
    /// What the terminal charges.
    pub currency: Currency,
    /// Languages, the likely ones first.
    pub languages: Vec<String>,
    /// The zone of the place, as `Europe/Vienna`; by default the system's.
    pub time_zone: Option<String>,
}

impl Default for Machine {
    fn default() -> Self {
        let languages = vec!["en".to_owned(), "de".to_owned()];
        Machine { label: String::new(), currency: Currency::EUR, languages, time_zone: None }
    }
}

impl Machine {
    pub(super) fn check(&self, document: &mut Document<'_>) {
        let label_ok = (1..=8).contains(&self.label.len())
            && self.label.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !label_ok {
            let what = "one to eight capital letters and digits are expected, such as \"K07\"";
            document.problem("machine.label", what.to_owned());
        }
        let tag_ok = |tag: &str| {
            let (language, region) = tag.split_once('-').unwrap_or((tag, "XX"));
            language.len() == 2
                && language.bytes().all(|b| b.is_ascii_lowercase())
                && region.len() == 2
                && region.bytes().all(|b| b.is_ascii_uppercase())
        };
        if self.languages.is_empty() {
            document.problem("machine.languages", "at least one is needed, such as [\"en\"]".to_owned());
        }
        for (place, tag) in self.languages.iter().enumerate().filter(|(_, tag)| !tag_ok(tag)) {
            let what = format!("{tag:?} is no language: \"en\", \"de\" or \"de-AT\" are such");
            document.problem(&format!("machine.languages[{place}]"), what);
        }
        if let Some(zone) = &self.time_zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            let what = format!("{zone:?} is no zone: \"Europe/Vienna\" is one");
            document.problem("machine.time_zone", what);
        }
    }

    /// The zone of the place.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        let named = self.time_zone.as_deref().and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
        named.unwrap_or_else(jiff::tz::TimeZone::system)
    }
}

/// `[operator]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operator {
    /// Trading name.
    pub name: String,
    /// Address, line by line.
    pub address: Vec<String>,
    /// Tax number as it must be printed.
    pub tax_number: String,
    /// The tax in every price, in percent, as decimal text: `"19"`, `"8.1"`. Without it no tax is printed.
    pub tax_percent: Option<String>,
    /// A receipt on paper is a duty here: without paper no sale.
    pub paper_required: bool,
    /// Telephone for help, on every screen.
    pub help_phone: String,
    /// Terms and privacy notice by language: `[operator.legal.en]`.
    pub legal: BTreeMap<String, Legal>,
    /// The airport's Wi-Fi by language: `[operator.wifi.en]`.
    pub wifi: BTreeMap<String, Wifi>,
}

/// `[operator.legal.LANGUAGE]`: what the traveller ticks before the card, and its version, which is stored with the
/// sale.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Legal {
    /// Terms of sale.
    pub terms: LegalText,
    /// Privacy notice.
    pub privacy: LegalText,
}

/// A legal text: `{ version = "2026-11", text = "…" }` or `{ version = "2026-11", file = "terms.en.txt" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalText {
    /// Its version.
    pub version: String,
    /// The text. After loading it stands here, wherever it came from.
    #[serde(default)]
    pub text: String,
    /// The file that has it; a relative path counts from the configuration's directory.
    pub file: Option<PathBuf>,
}

/// `[operator.wifi.LANGUAGE]`: a phone without data cannot fetch its eSIM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wifi {
    /// The network's name.
    pub ssid: String,
    /// What to do there: the operator's sentence.
    #[serde(default)]
    pub hint: String,
    /// The password of a network that has one; it is shown to every traveller.
    pub password: Option<String>,
}

impl Wifi {
    /// The text of the QR code that joins the network, in the form that phones know (`WIFI:…`, ZXing).
    pub fn qr(&self) -> String {
        let escaped = |text: &str| {
            text.chars().fold(String::new(), |mut out, c| {
                if matches!(c, '\\' | ';' | ',' | ':' | '"') {
                    out.push('\\');
                }
                out.push(c);
                out
            })
        };
        match &self.password {
            None => format!("WIFI:T:nopass;S:{};;", escaped(&self.ssid)),
            Some(password) => format!("WIFI:T:WPA;S:{};P:{};;", escaped(&self.ssid), escaped(password)),
        }
    }
}

impl Operator {
    pub(super) fn check(&mut self, document: &mut Document<'_>, languages: &[String], directory: &Path) {
        for (key, text) in [("name", &self.name), ("tax_number", &self.tax_number), ("help_phone", &self.help_phone)] {
            if text.trim().is_empty() {
                document.problem(&format!("operator.{key}"), "the operator's own text is needed".to_owned());
            }
        }
        if self.address.iter().all(|line| line.trim().is_empty()) {
            let what = "the address is needed, line by line: [\"Airport 1\", \"1300 Vienna\"]";
            document.problem("operator.address", what.to_owned());
        }
        if self.tax_percent.is_some() && self.tax_rate().is_none() {
            let what = "a percentage with at most two decimals is expected, as text: \"19\" or \"8.1\"";
            document.problem("operator.tax_percent", what.to_owned());
        }
        if !languages.iter().any(|language| self.legal.contains_key(language)) {
            let what = "terms and privacy are needed in at least one language of the machine: [operator.legal.en]";
            document.problem("operator.legal", what.to_owned());
        }
        for (language, legal) in &mut self.legal {
            for (name, text) in [("terms", &mut legal.terms), ("privacy", &mut legal.privacy)] {
                if let Err(what) = text.load(directory) {
                    document.problem(&format!("operator.legal.{language}.{name}"), what);
                }
            }
        }
        for (language, wifi) in self.wifi.iter().filter(|(_, wifi)| wifi.ssid.is_empty() || wifi.ssid.len() > 32) {
            let what = format!("{:?} is no network's name: 1 to 32 bytes are expected", wifi.ssid);
            document.problem(&format!("operator.wifi.{language}.ssid"), what);
        }
    }

    /// The tax in hundredths of a percent.
    pub fn tax_rate(&self) -> Option<u32> {
        let units = parse_scaled(self.tax_percent.as_deref()?).ok()?;
        let hundredth = crate::money::EXACT_SCALE / 100;
        let rate = u32::try_from(units / hundredth).ok()?;
        (units % hundredth == 0 && rate <= 10_000).then_some(rate)
    }

    /// What stands on receipts.
    pub fn on_receipts(&self) -> OperatorText {
        OperatorText {
            name: self.name.clone(),
            address: self.address.clone(),
            tax_number: self.tax_number.clone(),
            help_phone: self.help_phone.clone(),
        }
    }
}

impl LegalText {
    fn load(&mut self, directory: &Path) -> Result<(), String> {
        if self.version.trim().is_empty() {
            return Err("a version is needed: it is stored with every sale".to_owned());
        }
        match &self.file {
            Some(_) if !self.text.is_empty() => Err("either text or file is expected, not both".to_owned()),
            None if self.text.trim().is_empty() => Err("a text or a file is needed".to_owned()),
            None => Ok(()),
            Some(file) => {
                let path = directory.join(file);
                self.text = std::fs::read_to_string(&path)
                    .map_err(|error| format!("{} cannot be read ({error})", path.display()))?;
                if self.text.trim().is_empty() {
                    return Err(format!("{} is empty", path.display()));
                }
                Ok(())
            }
        }
    }
}
