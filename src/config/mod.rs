//! Everything that may differ between two kiosks: one TOML file, read once at start.
//!
//! Every problem is told at once, each with its line, its key and the form that is accepted. Unknown keys are
//! problems too: a mistyped one must not silently leave a default in force. Secrets never stand in the file, only
//! their places.

pub mod pushed;
mod read;
mod screen;
mod service_screen;
mod shop;
mod terminal;
#[cfg(test)]
mod tests;
mod timing;
mod trade;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::catalogue::{Offering, Pricing};
use crate::diagnostics::section::Section as Diagnostics;
use crate::esim::section::ProviderSection;
use crate::fleet::section::Section as Fleet;
use crate::journal::section::Section as JournalSection;
use crate::printer::PrinterConfig;

pub use pushed::Pushed;
pub use screen::{Brand, Screen, TerminalSide};
pub use service_screen::{BadPin, PinHash, Service};
pub use shop::{Legal, LegalText, Machine, Operator, Wifi};
pub use terminal::{Terminal, TerminalTimers};
pub use timing::{Sync, Timing};
pub use trade::{Control, Queue, Trade};

/// The configuration of a kiosk.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[machine]`.
    pub machine: Machine,
    /// `[operator]`.
    pub operator: Operator,
    /// `[screen]`.
    pub screen: Screen,
    /// `[terminal]`.
    pub terminal: Terminal,
    /// `[printer]`; a kiosk without it sells without paper and says so.
    pub printer: Option<PrinterConfig>,
    /// `[[providers]]`.
    pub providers: Vec<ProviderSection>,
    /// `[pricing]`.
    pub pricing: Pricing,
    /// `[catalogue]`.
    pub catalogue: Offering,
    /// `[sync]`.
    pub sync: Sync,
    /// `[journal]`.
    pub journal: JournalSection,
    /// `[trade]`: end of day, queue, stock.
    pub trade: Trade,
    /// `[control]`: the service's local socket.
    pub control: Control,
    /// `[service]`: the operator's screen; a machine without it has none.
    pub service: Option<Service>,
    /// `[back_office]`: where finished sales go.
    pub back_office: Option<crate::office::section::Section>,
    /// `[timing]`.
    pub timing: Timing,
    /// `[diagnostics]`.
    pub diagnostics: Diagnostics,
    /// `[fleet]`; a kiosk without it speaks to no broker.
    pub fleet: Option<Fleet>,
    /// `[metrics]`; without it nobody is told any.
    pub metrics: Option<Metrics>,
    /// `[log]`.
    pub log: Log,
    /// The file itself.
    pub file: PathBuf,
}

/// `[metrics]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where OpenMetrics are served under `/metrics`: an address of this machine alone.
    pub listen: std::net::SocketAddr,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { listen: std::net::SocketAddr::from(([127, 0, 0, 1], 9_464)) }
    }
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// What is logged, as `tracing`'s filters: `info`, `info,esim_kiosk::payment=debug`. `RUST_LOG` comes before it.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Log { filter: "info".to_owned() }
    }
}

/// One thing that is wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1, where the file has one for it.
    pub line: Option<usize>,
    /// The key, such as `screen.width_mm`; empty where the file itself is the problem.
    pub key: String,
    /// What is wrong and what is accepted.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// Everything that is wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The file.
    pub file: PathBuf,
    /// All that was found.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let plural = if count == 1 { "problem" } else { "problems" };
        write!(f, "the configuration {} has {count} {plural}:", self.file.display())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigErrors {}

fn read_file(path: &Path) -> Result<String, ConfigErrors> {
    std::fs::read_to_string(path).map_err(|error| ConfigErrors {
        file: path.to_owned(),
        problems: vec![Problem {
            line: None,
            key: String::new(),
            what: format!("cannot be read ({error}): name it with --config, readable by the service"),
        }],
    })
}

impl Config {
    /// Reads and checks the file, and the texts that it names; what was pushed from afar is laid over it.
    ///
    /// # Errors
    /// [`ConfigErrors`]: every problem at once.
    pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
        let text = read_file(path)?;
        let own = Config::parse(&text, path)?;
        match Pushed::beside(&own.journal.directory).laid_over(&text) {
            Some(whole) => Config::parse(&whole, path).map_err(pushed::unlined),
            None => Ok(own),
        }
    }

    /// The text that is in force where something was pushed over the machine's own file: both as one document.
    pub fn in_force(path: &Path) -> Option<String> {
        let text = std::fs::read_to_string(path).ok()?;
        let own = Config::parse(&text, path).ok()?;
        Pushed::beside(&own.journal.directory).laid_over(&text)
    }

    /// The same before the service uses it: a configuration on trial is counted, and taken back where it has had enough.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_to_run(path: &Path) -> Result<Config, ConfigErrors> {
        let own = Config::parse(&read_file(path)?, path)?;
        if let Err(error) = Pushed::beside(&own.journal.directory).starting(path) {
            tracing::error!(%error, "a configuration on trial cannot be counted");
        }
        Config::load(path)
    }

    /// Checks `text`, which stands in `file`. Relative paths in it count from the file's directory.
    ///
    /// # Errors
    /// As [`Config::load`].
    #[expect(clippy::too_many_lines, reason = "a line for each section: split, nobody sees that none is missing")]
    pub fn parse(text: &str, file: &Path) -> Result<Config, ConfigErrors> {
        let mut document = read::Document::parse(text);
        let machine: Machine = document.section("machine");
        let mut operator: Operator = document.section("operator");
        let screen: Screen = document.section("screen");
        let terminal: Terminal = document.section("terminal");
        let printer: Option<PrinterConfig> = document.has("printer").then(|| document.section("printer"));
        let mut providers: Vec<ProviderSection> = document.list("providers");
        let mut pricing: Pricing = document.section("pricing");
        let catalogue: Offering = document.section("catalogue");
        let sync: Sync = document.section("sync");
        let journal: JournalSection = document.section("journal");
        let trade: Trade = document.section("trade");
        let control: Control = document.section("control");
        let service: Option<Service> = document.has("service").then(|| document.section("service"));
        let back_office: Option<crate::office::section::Section> =
            document.has("back_office").then(|| document.section("back_office"));
        let timing: Timing = document.section("timing");
        let diagnostics: Diagnostics = document.section("diagnostics");
        let fleet: Option<Fleet> = document.has("fleet").then(|| document.section("fleet"));
        let metrics: Option<Metrics> = document.has("metrics").then(|| document.section("metrics"));
        let log: Log = document.section("log");
        document.nothing_else();

        machine.check(&mut document);
        operator.check(&mut document, &machine.languages, file.parent().unwrap_or(Path::new(".")));
        screen.check(&mut document);
        terminal.check(&mut document, machine.currency);
        timing.check(&mut document);
        sync.check(&mut document);
        trade.check(&mut document, machine.currency, terminal.day_ends_at.is_some());
        if let Some(Err(wrong)) = printer.as_ref().map(PrinterConfig::profile) {
            document.problem("printer.model", wrong.to_string().trim_start_matches("printer.model ").to_owned());
        }
        for (key, what) in journal.problems() {
            document.problem(&format!("journal.{key}"), what);
        }
        for (key, what) in diagnostics.problems() {
            document.problem(&format!("diagnostics.{key}"), what);
        }
        for (key, what) in back_office.iter().flat_map(crate::office::section::Section::problems) {
            document.problem(&format!("back_office.{key}"), what);
        }
        if back_office.is_some() && fleet.as_ref().is_some_and(|fleet| fleet.sales) {
            let what = "sales go one way: leave out [back_office] or set this to false";
            document.problem("fleet.sales", what.to_owned());
        }
        for (key, what) in fleet.iter().flat_map(Fleet::problems) {
            document.problem(&format!("fleet.{key}"), what);
        }
        if metrics.as_ref().is_some_and(|metrics| !metrics.listen.ip().is_loopback()) {
            let what = "an address of this machine alone is expected, such as \"127.0.0.1:9464\": a collector takes it from there";
            document.problem("metrics.listen", what.to_owned());
        }
        for (key, what) in catalogue.problems() {
            document.problem(&key, what);
        }
        for (place, rate) in pricing.rates.iter().enumerate() {
            if crate::money::parse_scaled(&rate.rate).map_or(true, |units| units <= 0) {
                let what = format!("{:?} is no rate: decimal text above 0 is expected, such as \"0.9234\"", rate.rate);
                document.problem(&format!("pricing.rates[{place}].rate"), what);
            }
        }
        check_providers(&mut document, &providers);
        fill_in_risks(&mut pricing, &providers);
        place_logins(&mut providers, &journal.directory);
        if tracing_subscriber::EnvFilter::try_new(&log.filter).is_err() {
            document.problem("log.filter", "a filter such as \"info\" or \"info,esim_kiosk=debug\" is expected".into());
        }
        let config = Config {
            machine,
            operator,
            screen,
            terminal,
            printer,
            providers,
            pricing,
            catalogue,
            sync,
            journal,
            trade,
            control,
            service,
            back_office,
            timing,
            diagnostics,
            fleet,
            metrics,
            log,
            file: file.to_owned(),
        };
        document.finish(config, file)
    }
}

/// Where the tries to log in are kept where the file does not say: beside the journal, so that a program that starts
/// again and again does not lock the account.
fn place_logins(providers: &mut [ProviderSection], directory: &Path) {
    for section in providers {
        if let ProviderSection::Reseller(section) = section {
            let name: String = section.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            section.logins_file.get_or_insert_with(|| directory.join(format!("{name}.logins")));
        }
    }
}

/// What counts more at an account where the file does not say: by what its provider is, whatever its name.
fn fill_in_risks(pricing: &mut Pricing, providers: &[ProviderSection]) {
    for section in providers {
        pricing.risk.entry(section.id().0).or_insert(section.risk());
    }
}

fn check_providers(document: &mut read::Document<'_>, providers: &[ProviderSection]) {
    if providers.is_empty() && !document.has("providers") {
        document.problem("providers", "at least one account is needed: [[providers]] with api = \"mobilexy\"".into());
    }
    let mut names: Vec<_> = providers.iter().map(ProviderSection::id).collect();
    names.sort();
    for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
        let what = format!("two accounts are named {:?}: give each its own name", pair[0].0);
        document.problem("providers", what);
    }
    for (place, section) in providers.iter().enumerate() {
        for (key, what) in section.problems() {
            document.problem(&format!("providers[{place}].{key}"), what);
        }
    }
}
