//! `esim-kiosk printer status | test`.

use std::path::Path;

use clap::Subcommand;

use super::out::{Failed, Out};
use super::{alone, load, waiting};
use crate::config::Config;
use crate::money::Amount;
use crate::printer::{PrintOutcome, PrinterConfig, PrinterState, ReceiptPrinter, open};
use crate::sale::id::SaleNumber;
use crate::sale::receipt::{Receipt, ReceiptKind, ReceiptLine};

/// What to do with the printer.
#[derive(Debug, Subcommand)]
pub(super) enum Printer {
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
    let _held = alone(&config)?;
    match wish {
        Printer::Status => {
            let state = waiting(state(&section))?;
            out.either(&state, |state| {
                vec![match state {
                    PrinterState::Ready { paper_low: false } => "ready".to_owned(),
                    PrinterState::Ready { paper_low: true } => "ready, the roll is nearly at its end".to_owned(),
                    PrinterState::Faulty(fault) => format!("cannot print: {fault:?}"),
                }]
            })?;
            match state {
                PrinterState::Ready { .. } => Ok(()),
                PrinterState::Faulty(_) => Err(Failed::told(format!("{} cannot print", section.connection))),
            }
        }
        Printer::Test { language } => {
            let receipt = test_receipt(&config, language);
            let outcome = waiting(async {
                let printer = open(section.clone())?;
                Ok(printer.print(&receipt).await)
            })?;
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

/// Asks once.
pub(super) async fn state(section: &PrinterConfig) -> Result<PrinterState, Failed> {
    Ok(open(section.clone())?.status().await)
}

fn test_receipt(config: &Config, language: &str) -> Receipt {
    let now = jiff::Zoned::now().with_time_zone(config.machine.zone());
    let price = Amount::new(100, config.machine.currency);
    let rate = config.operator.tax_rate();
    Receipt {
        language: language.to_owned(),
        operator: config.operator.on_receipts(),
        number: SaleNumber(format!("{}-TEST", config.machine.label)),
        claim_code: "TES-TTE-STT".to_owned(),
        local_time: now.strftime("%Y-%m-%d %H:%M %Z").to_string(),
        lines: vec![ReceiptLine { title: "TEST \u{2013} äöü ß é ñ €".to_owned(), iccid: None, price }],
        total: price,
        tax_rate: rate,
        tax: rate.map(|rate| price.tax_within(rate)),
        terminal_lines: vec!["* * *  TEST  * * *".to_owned()],
        activation: None,
        wifi_hint: None,
        copy: 0,
        kind: ReceiptKind::Sale,
    }
}
