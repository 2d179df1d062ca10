//! `esim-kiosk printer probe | status | test`: by the running service, which owns the printer (sale.md 6), and with the
//! service stopped at the device itself, under the journal's lock.

use std::path::Path;

use clap::Subcommand;
use serde::Serialize;

use super::out::{Failed, Out};
use super::{alone, load, order, waiting};
use crate::config::Config;
use crate::kiosk::OperatorCommand;
use crate::kiosk::operator::PrinterTask;
use crate::printer::{Findings, PrintOutcome, PrinterConfig, PrinterState, ReceiptPrinter, open};
use crate::sale::receipt::{Receipt, TestReceipt};

/// What to do with the printer.
#[derive(Debug, Subcommand)]
pub(super) enum Printer {
    /// Ask it what it can, and tell which models of the configuration fit it. A printer that does not know a question may
    /// print a few letters.
    Probe,
    /// Ask for its state.
    Status,
    /// Print a test receipt, marked as such.
    Test {
        /// In this language.
        #[arg(long, default_value = "en")]
        language: String,
    },
}

pub(super) fn printer(wish: &Printer, path: &Path, out: &mut Out) -> Result<(), Failed> {
    let config = load(path)?;
    let Some(section) = config.printer.clone() else {
        return Err(Failed::told("no printer is configured: [printer] is missing"));
    };
    match wish {
        Printer::Probe => {
            let findings = match order::ask(&config, &OperatorCommand::Printer(PrinterTask::Probe))? {
                Some(answer) if !answer.ok => return Err(Failed::told(answer.text)),
                Some(answer) => serde_json::from_value(answer.value)?,
                None => probe_alone(&section, &config)?,
            };
            probed(&section, findings, out)
        }
        Printer::Status => {
            let state = match order::ask(&config, &OperatorCommand::Printer(PrinterTask::Status))? {
                Some(answer) if !answer.ok => return Err(Failed::told(answer.text)),
                Some(answer) => serde_json::from_value(answer.value)?,
                None => {
                    let _held = alone(&config)?;
                    waiting(state(&section))?
                }
            };
            out.either(&state, |state| vec![told_state(state)])?;
            match state {
                PrinterState::Ready { .. } => Ok(()),
                PrinterState::Faulty(_) => Err(Failed::told(format!("{} cannot print", section.connection))),
            }
        }
        Printer::Test { language } => {
            let task = PrinterTask::Test(language.clone());
            let outcome = match order::ask(&config, &OperatorCommand::Printer(task))? {
                // Refused, or printed and not confirmed: only the second has an outcome.
                Some(answer) if answer.value.is_null() => return Err(Failed::told(answer.text)),
                Some(answer) => serde_json::from_value(answer.value)?,
                None => test_alone(&section, &config, language)?,
            };
            out.either(&outcome, |outcome| {
                vec![match outcome {
                    PrintOutcome::Confirmed => "printed: the printer says so".to_owned(),
                    PrintOutcome::NotPrinted { fault } => format!("surely not printed: {fault:?}"),
                    PrintOutcome::Unknown { fault } => format!("sent, and the printer does not say: {fault:?}"),
                }]
            })?;
            match outcome {
                PrintOutcome::Confirmed => Ok(()),
                _ => Err(Failed::told(format!("{} did not confirm the test receipt", section.connection))),
            }
        }
    }
}

/// With the service stopped the device is ours.
fn probe_alone(section: &PrinterConfig, config: &Config) -> Result<Findings, Failed> {
    let _held = alone(config)?;
    waiting(async {
        let findings = open(section.clone())?.probe().await;
        findings.map_err(|fault| Failed::told(format!("{} cannot be asked: {fault:?}", section.connection)))
    })
}

fn test_alone(section: &PrinterConfig, config: &Config, language: &str) -> Result<PrintOutcome, Failed> {
    let _held = alone(config)?;
    let receipt = test_receipt(config, language);
    waiting(async {
        let printer = open(section.clone())?;
        Ok(printer.print(&receipt).await)
    })
}

/// What a technician reads about the printer on the line.
#[derive(Debug, Serialize)]
struct Probed {
    connection: String,
    configured: String,
    findings: Findings,
    fits: Vec<Fit>,
}

#[derive(Debug, Serialize)]
struct Fit {
    model: &'static str,
    title: &'static str,
    paper_mm: u8,
}

fn probed(section: &PrinterConfig, findings: Findings, out: &mut Out) -> Result<(), Failed> {
    let fits = findings.fits();
    let fits = fits.iter().map(|fit| Fit { model: fit.name, title: fit.title, paper_mm: fit.paper_mm }).collect();
    let configured = section.model.clone();
    let probed = Probed { connection: section.connection.to_string(), configured, findings, fits };
    out.either(&probed, told)?;
    if probed.fits.iter().any(|fit| fit.model == probed.configured) {
        return Ok(());
    }
    Err(Failed::told(match probed.fits.first() {
        Some(fit) => format!("printer.model {:?} does not fit: set {:?}", probed.configured, fit.model),
        None => "it proves no receipt: another printer is needed".to_owned(),
    }))
}

fn told(probed: &Probed) -> Vec<String> {
    let findings = &probed.findings;
    let word = |able: bool| if able { "yes" } else { "no" };
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "it does not say".to_owned());
    let mut lines = vec![
        format!("at {}", probed.connection),
        format!("state           {}", told_state(&findings.state)),
        format!("maker           {}", name(&findings.maker)),
        format!("model           {}", name(&findings.model)),
        format!("process id      {}", word(findings.process_id)),
        format!("automatic state {}", word(findings.auto_status)),
        format!("paper mark      {}", word(findings.paper_mark)),
        format!("clears buffer   {}", word(findings.clear_buffer)),
        format!("presenter state {}", word(findings.full_status)),
        "fitting models, the likeliest first; choose by the width of the paper:".to_owned(),
    ];
    lines.extend(probed.fits.iter().map(|fit| {
        let mark = if fit.model == probed.configured { "  (configured)" } else { "" };
        format!("  {:<18}{} mm  {}{mark}", fit.model, fit.paper_mm, fit.title)
    }));
    lines
}

fn told_state(state: &PrinterState) -> String {
    match state {
        PrinterState::Ready { paper_low: false } => "ready".to_owned(),
        PrinterState::Ready { paper_low: true } => "ready, the roll is nearly at its end".to_owned(),
        PrinterState::Faulty(fault) => format!("cannot print: {fault:?}"),
    }
}

/// Asks once.
pub(super) async fn state(section: &PrinterConfig) -> Result<PrinterState, Failed> {
    Ok(open(section.clone())?.status().await)
}

fn test_receipt(config: &Config, language: &str) -> Receipt {
    let now = jiff::Zoned::now().with_time_zone(config.machine.zone());
    Receipt::test(TestReceipt {
        operator: config.operator.on_receipts(),
        machine: &config.machine.label,
        language,
        local_time: format!("{} {}", crate::locale::date(now.date(), language), now.strftime("%H:%M %Z")),
        currency: config.machine.currency,
        tax_rate: config.operator.tax_rate(),
    })
}
