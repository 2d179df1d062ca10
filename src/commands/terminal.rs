//! `esim-kiosk terminal …`: single questions to the card terminal, and the decoder of captured lines.
//!
//! What moves money is not here: the running service does it, as a journalled duty (sale.md 6).

use std::io::BufRead;
use std::path::Path;

use clap::Subcommand;

use super::out::{Failed, Out};
use super::{alone, load, order, waiting};
use crate::config::Config;
use crate::journal::archive::Archive;
use crate::journal::place::Place;
use crate::kiosk::OperatorCommand;
use crate::money::{Amount, EXACT_SCALE, parse_scaled};
use crate::payment::zvt::decode::decode_line;
use crate::payment::zvt::{Aftermath, ZvtTerminal};
use crate::payment::{OperatorReport, OperatorTask, TerminalService};
use crate::sale::Lock;

/// What to do with the terminal.
#[derive(Debug, Subcommand)]
pub(super) enum Terminal {
    /// Its status, software and device.
    Status,
    /// Does it answer the running service? Fails if not.
    Answers,
    /// Its last transaction, not printed.
    Last,
    /// Its turnover totals.
    Totals,
    /// Register again.
    Register,
    /// Initialise.
    Initialise,
    /// Diagnose: the line to its host.
    Diagnose,
    /// Set its clock to ours.
    SetClock,
    /// Print its configuration.
    PrintConfiguration,
    /// Restart it.
    Restart,
    /// Close its day: the running service does it, when no payment is open.
    EndOfDay,
    /// Log off: the service registers again when it starts.
    LogOff,
    /// Which pre-authorisations are open?
    OpenPreauthorisations,
    /// Measure how long it holds an approval: pay with a card, nothing is kept.
    HoldTest {
        /// What the card is asked for, such as 1.00.
        #[arg(default_value = "1.00")]
        amount: String,
    },
    /// Decode captured messages: frames or bare messages as hexadecimal digits. Needs no configuration.
    Decode {
        /// The messages; without any, one a line from standard input.
        hex: Vec<String>,
    },
}

pub(super) fn terminal(wish: &Terminal, path: &Path, out: &mut Out) -> Result<(), Failed> {
    if let Terminal::Decode { hex } = wish {
        return decode(hex, out);
    }
    let config = load(path)?;
    let task = match wish {
        Terminal::Status => OperatorTask::Status,
        Terminal::Last => OperatorTask::Last,
        Terminal::Totals => OperatorTask::Totals,
        Terminal::Register => OperatorTask::Register,
        Terminal::Initialise => OperatorTask::Initialise,
        Terminal::Diagnose => OperatorTask::Diagnose,
        Terminal::SetClock => OperatorTask::SetClock,
        Terminal::PrintConfiguration => OperatorTask::PrintConfiguration,
        Terminal::Restart => OperatorTask::Restart,
        Terminal::LogOff => OperatorTask::LogOff,
        Terminal::OpenPreauthorisations => OperatorTask::OpenPreauthorisations,
        Terminal::HoldTest { amount } => OperatorTask::HoldTest { amount: sum(amount, &config)? },
        Terminal::Answers => return order::by_service(&OperatorCommand::TerminalAnswers, &config, out),
        Terminal::EndOfDay => return order::by_service(&OperatorCommand::EndOfDay, &config, out),
        Terminal::Decode { .. } => return Ok(()),
    };
    let _held = alone(&config)?;
    free_of_payments(&config)?;
    let report = perform(&config, task)?;
    out.either(&report, in_lines)?;
    if report.ok { Ok(()) } else { Err(Failed::told(report.message)) }
}

/// One JSON object for each captured message, on a line of its own.
fn decode(hex: &[String], out: &mut Out) -> Result<(), Failed> {
    for line in hex {
        out.value(&decode_line(line))?;
    }
    if hex.is_empty() {
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            if !line.trim().is_empty() {
                out.value(&decode_line(&line))?;
            }
        }
    }
    Ok(())
}

fn sum(text: &str, config: &Config) -> Result<Amount, Failed> {
    let currency = config.machine.currency;
    let one = EXACT_SCALE / 10_i128.pow(u32::from(currency.exponent()));
    let units = parse_scaled(text)?;
    let minor = i64::try_from(units / one).unwrap_or(0);
    if units % one != 0 || minor <= 0 {
        return Err(Failed::told(format!("{text:?} is no sum in {currency}: write one such as 1.00")));
    }
    Ok(Amount::new(minor, currency))
}

/// While a payment's money is open the terminal answers to its sale alone.
fn free_of_payments(config: &Config) -> Result<(), Failed> {
    if !Place::of(&config.journal).has_database() {
        return Ok(());
    }
    let locks = Archive::open(&config.journal)?.locks()?;
    match locks.iter().find(|(lock, _)| *lock == Lock::Terminal) {
        None => Ok(()),
        Some((_, sale)) => Err(Failed::told(format!(
            "the payment of sale {sale} is not decided: start the service, it asks the terminal what became of it"
        ))),
    }
}

fn perform(config: &Config, task: OperatorTask) -> Result<OperatorReport, Failed> {
    let Some(address) = config.terminal.address.clone() else {
        return Err(Failed::told("terminal.address is missing"));
    };
    waiting(async {
        let (events, mut seen) = tokio::sync::mpsc::channel(64);
        let zvt = config.terminal.zvt(config.machine.currency);
        let (terminal, serving) = ZvtTerminal::start(zvt, address, events, Aftermath::Settled);
        // Nobody else listens to what the terminal tells beside its answer.
        let drained = tokio::spawn(async move { while seen.recv().await.is_some() {} });
        let report = terminal.perform(task).await;
        serving.abort();
        drained.abort();
        Ok(report?)
    })
}

/// For `check`.
pub(super) fn one_status(config: &Config) -> Result<String, Failed> {
    free_of_payments(config)?;
    let report = perform(config, OperatorTask::Status)?;
    if report.ok { Ok(in_lines(&report).join(", ")) } else { Err(Failed::told(report.message)) }
}

fn in_lines(report: &OperatorReport) -> Vec<String> {
    let mut lines = vec![report.message.clone()];
    if let Some(state) = &report.state {
        let text = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
        lines.push(format!(
            "status {:02X}, device {}, software {}, terminal id {}",
            state.status,
            text(&state.device),
            text(&state.software),
            text(&state.terminal_id)
        ));
    }
    if let Some(totals) = &report.totals {
        lines.push(format!("{} transactions, {} minor units", totals.count, totals.sum_minor));
    }
    if let Some(seen) = &report.transaction {
        let text = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
        lines.push(format!(
            "receipt {}, trace {}, amount {}",
            text(&seen.key.receipt),
            text(&seen.key.trace),
            seen.key.amount_minor.map_or("-".to_owned(), |minor| minor.to_string())
        ));
    }
    if let Some(hold) = &report.hold {
        let least = if hold.at_least { "at least " } else { "" };
        lines.push(format!("it holds for {least}{} s ({} repeats)", hold.seconds, hold.repeats));
        lines.push(format!("write hold_ms = {} into [terminal]", u64::from(hold.seconds) * 1_000));
    }
    lines.extend(report.open.iter().map(|receipt| format!("open: receipt {receipt}")));
    lines.extend(report.lines.iter().cloned());
    lines
}
