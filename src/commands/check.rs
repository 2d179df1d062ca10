//! `esim-kiosk check`: the configuration, the journal and the devices. Every problem at once.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::out::{Failed, Out};
use super::{printer, provider, terminal, waiting};
use crate::config::pushed::Standing;
use crate::config::{Config, PinHash, Pushed, Service};
use crate::diagnostics::pull::uploader;
use crate::esim::Outcome;
use crate::fleet::line;
use crate::fleet::section::Section;
use crate::journal::archive::Archive;
use crate::journal::place::Place;
use crate::payment::profile::TerminalProfile;
use crate::printer::PrinterState;
use crate::telemetry::chain;

/// How far to look.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration alone: nothing is opened, nothing is asked.
    #[arg(long)]
    config_only: bool,
    /// Everything but the providers: without a network.
    #[arg(long, conflicts_with = "config_only")]
    offline: bool,
    /// The configuration as it lies on a set-up medium that is mounted here, with every key, certificate and text that it
    /// names; nobody is asked. CREDENTIALS_DIRECTORY names the medium's folder "secrets".
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config_only", "offline"])]
    medium: Option<PathBuf>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    /// What: `configuration`, `journal`, `terminal`, `printer`, `provider mobilexy`.
    what: String,
    /// `ok`, `warning` or `problem`.
    verdict: &'static str,
    /// In words, with what to do.
    words: String,
}

/// Collects what is found.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, what: &str, verdict: &'static str, words: impl Into<String>) {
        self.0.push(Finding { what: what.to_owned(), verdict, words: words.into() });
    }

    fn judge(&mut self, what: &str, result: Result<String, Failed>) {
        match result {
            Ok(words) => self.add(what, "ok", words),
            Err(failed) => self.add(what, "problem", failed.to_string()),
        }
    }

    /// What got this verdict, in words.
    #[cfg(test)]
    pub(super) fn told(&self, verdict: &str) -> Vec<String> {
        let those = self.0.iter().filter(|finding| finding.verdict == verdict);
        those.map(|finding| format!("{}: {}", finding.what, finding.words)).collect()
    }
}

pub(super) fn check(wish: &Check, path: &Path, out: &mut Out) -> Result<(), Failed> {
    let mut findings = Findings::default();
    match &wish.medium {
        Some(directory) => super::medium::look_at(&mut findings, directory, path),
        None => look_at(&mut findings, wish, path)?,
    }
    let problems = findings.0.iter().filter(|finding| finding.verdict == "problem").count();
    out.either(&findings.0, |findings| {
        findings.iter().map(|finding| format!("{:<8} {}: {}", finding.verdict, finding.what, finding.words)).collect()
    })?;
    match problems {
        0 => Ok(()),
        1 => Err(Failed::told("one problem was found")),
        more => Err(Failed::told(format!("{more} problems were found"))),
    }
}

fn look_at(findings: &mut Findings, wish: &Check, path: &Path) -> Result<(), Failed> {
    match Config::load(path) {
        Err(errors) => {
            for problem in &errors.problems {
                findings.add("configuration", "problem", problem.to_string());
            }
        }
        Ok(config) => {
            findings.add("configuration", "ok", in_force(&config, path));
            warn_about(findings, &config);
            if !wish.config_only {
                look_at_devices(findings, &config, wish.offline)?;
            }
        }
    }
    Ok(())
}

/// The file, and what was laid over it from afar.
fn in_force(config: &Config, path: &Path) -> String {
    let pushed = Pushed::beside(&config.journal.directory);
    let over = match pushed.standing() {
        Standing::File => "",
        Standing::Pushed => ", with what was pushed from afar",
        Standing::Trial(_) => ", with what was pushed from afar and is on trial",
    };
    let refused = pushed.refused().map(|why| format!("; the last one from afar was taken back: {why}"));
    format!("{}{over}{}", path.display(), refused.unwrap_or_default())
}

/// What is allowed and should not stay.
fn warn_about(findings: &mut Findings, config: &Config) {
    if config.terminal.hold_ms.is_none() && config.terminal.can_hold {
        match TerminalProfile::read(&TerminalProfile::place(&config.journal.directory)) {
            Ok(Some(found)) => {
                let least = if found.at_least { "at least " } else { "" };
                let whose = found.terminal_id.map_or(String::new(), |id| format!(" (terminal {id})"));
                let words =
                    format!("measured on {}: it holds for {least}{} ms{whose}", found.measured_at, found.hold_ms);
                findings.add("terminal", "ok", words);
            }
            Ok(None) => findings.add(
                "terminal",
                "warning",
                "the terminal was never measured: it counts as holding for 14 s (esim-kiosk terminal hold-test)",
            ),
            Err(error) => findings.add("terminal", "problem", format!("its profile cannot be read: {error}")),
        }
    }
    if config.printer.is_none() {
        findings.add("printer", "warning", "none is configured: the kiosk sells without paper, and says so");
    }
    let today = jiff::Zoned::now().date();
    let currency = config.machine.currency;
    let valid = config.pricing.rates_on(today, currency).unwrap_or_default();
    for line in config.pricing.rates.iter().filter(|line| !valid.iter().any(|rate| rate.from == line.from)) {
        let words = format!("no rate from {} to {currency} is valid today: plans in it are not sold", line.from);
        findings.add("pricing", "warning", words);
    }
}

fn look_at_devices(findings: &mut Findings, config: &Config, offline: bool) -> Result<(), Failed> {
    findings.judge("journal", journal(config));
    if let Some(service) = &config.service {
        findings.judge("service", pin(service));
    }
    if let Some(section) = &config.fleet {
        findings.judge("fleet", fleet(section));
    }
    // The service holds the lines while it runs: what they say is in its status then.
    match super::alone(config) {
        Err(busy) => findings.add("devices", "warning", format!("not asked: {busy}")),
        Ok(_held) => {
            findings.judge("terminal", terminal::one_status(config));
            if let Some(printer) = &config.printer {
                let state = waiting(printer::state(printer));
                findings.judge(
                    "printer",
                    state.and_then(|state| match state {
                        PrinterState::Ready { paper_low: false } => Ok("ready".to_owned()),
                        PrinterState::Ready { paper_low: true } => {
                            Ok("ready; the roll is nearly at its end".to_owned())
                        }
                        PrinterState::Faulty(fault) => Err(Failed::told(format!("{}: {fault:?}", printer.connection))),
                    }),
                );
            }
        }
    }
    if offline {
        return Ok(());
    }
    for section in &config.providers {
        let name = format!("provider {}", section.id());
        let answer = waiting(async {
            let provider = provider::connect(section, &config.machine.label)?;
            match provider.balance().await {
                Outcome::Done(balance) => Ok(format!("wallet {balance}")),
                other => Err(Failed::told(provider::in_words(&other))),
            }
        });
        findings.judge(&name, answer);
    }
    Ok(())
}

/// Certificates and key are there and fit each other; nobody is spoken to.
pub(super) fn fleet(section: &Section) -> Result<String, Failed> {
    line::check(section)?;
    uploader(section).check()?;
    Ok(format!("certificates and key can be used for {}", section.broker))
}

/// The service screen's PIN can be compared.
pub(super) fn pin(service: &Service) -> Result<String, Failed> {
    let kept = service.pin.read()?;
    let _hash: PinHash = kept.reveal().parse()?;
    Ok("the service screen has its PIN".to_owned())
}

fn journal(config: &Config) -> Result<String, Failed> {
    let place = Place::of(&config.journal);
    if !place.has_database() {
        place.make()?;
        let free = place.free_mb()?;
        return Ok(format!(
            "none yet: it is made at the first start in {} ({free} MB free)",
            place.directory.display()
        ));
    }
    let archive = Archive::open(&config.journal)?;
    archive.check_integrity().map_err(|damage| Failed::told(chain(&damage)))?;
    let free = place.free_mb()?;
    if free < config.journal.head_room_mb {
        let needed = config.journal.head_room_mb;
        return Err(Failed::told(format!("only {free} MB are free, {needed} MB are needed: no card would be asked")));
    }
    let cases = archive.cases(false)?.len();
    Ok(format!("{} is whole, {cases} open cases, {free} MB free", place.database.display()))
}
