//! `esim-kiosk terminal …`: what an operator asks of the card terminal, and the decoder of captured lines.
//!
//! While the service runs the line is its own: the order goes over the control socket and is carried out under the
//! terminal's lock (sale.md 6). Without it this process opens the line itself, under the journal's lock.

mod alone;
#[cfg(all(test, feature = "sim"))]
mod tests;

use std::ffi::OsString;
use std::io::BufRead;
use std::path::Path;

use clap::Subcommand;

use super::out::{Failed, Out};
use super::{load, order};
use crate::config::Config;
use crate::kiosk::OperatorCommand;
use crate::money::{Amount, EXACT_SCALE, parse_scaled};
use crate::payment::zvt::decode::decode_line;
use crate::payment::{OperatorReport, OperatorTask};

pub(super) use alone::one_status;

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
    /// Close its day, when no payment is open. The running service is only told to: the end is in its log.
    EndOfDay,
    /// Log off. The running service registers again after a minute, else when it starts.
    LogOff,
    /// Give the money of a receipt back. The receipt of a sale is given back by that sale's rules, journalled.
    Reverse {
        /// Four digits, as on the receipt.
        receipt: String,
        /// The whole sum, such as 9.90: for terminals that want it with a receipt that no sale of the journal names.
        #[arg(long)]
        amount: Option<String>,
    },
    /// Which pre-authorisations are open?
    OpenPreauthorisations,
    /// Measure how long it holds an approval, and keep that in its profile: pay with a card, nothing is charged.
    HoldTest {
        /// What the card is asked for, such as 1.00.
        #[arg(default_value = "1.00")]
        amount: String,
    },
    /// Decode captured messages: frames or bare messages as hexadecimal digits. Needs no configuration.
    Decode {
        /// The messages; without any, one a line from standard input.
        hex: Vec<OsString>,
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
        Terminal::Reverse { receipt, amount } => OperatorTask::Reverse {
            receipt: four_digits(receipt)?,
            amount: amount.as_deref().map(|text| sum(text, &config)).transpose()?,
        },
        Terminal::EndOfDay => return end_of_day(&config, out),
        Terminal::Decode { .. } => return Ok(()),
    };
    if let OperatorTask::HoldTest { .. } = &task {
        out.progress("present a card at the terminal; nothing is charged");
    }
    let report = match order::ask(&config, &OperatorCommand::Terminal(task.clone()))? {
        // A give-back of a sale is answered in words alone.
        Some(answer) if answer.value.is_null() => return order::tell(&answer, out),
        Some(answer) => serde_json::from_value(answer.value)?,
        None => alone::carry_out(&config, task)?,
    };
    out.either(&report, in_lines)?;
    if report.ok { Ok(()) } else { Err(Failed::told(report.message)) }
}

/// The running service closes the day when its sales let it; without a service it is done here and now.
fn end_of_day(config: &Config, out: &mut Out) -> Result<(), Failed> {
    match order::ask(config, &OperatorCommand::EndOfDay)? {
        Some(answer) => order::tell(&answer, out),
        None => {
            let told = alone::end_of_day(config)?;
            out.either(&told, |told| vec![told.message.clone()])
        }
    }
}

fn four_digits(text: &str) -> Result<String, Failed> {
    let digits = text.trim();
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Failed::told(format!(
            "{text:?} is no receipt number: up to four digits are expected, such as 0042"
        )));
    }
    Ok(format!("{digits:0>4}"))
}

/// One JSON object for each captured message, on a line of its own. What is no text is no message, and the next one is
/// read all the same.
fn decode(hex: &[OsString], out: &mut Out) -> Result<(), Failed> {
    let words: Vec<_> = hex.iter().map(|word| word.to_string_lossy()).collect();
    let is_byte = |word: &str| word.len() == 2 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
    // A message whose bytes the shell has parted.
    if words.len() > 2 && words.iter().all(|word| is_byte(word)) {
        return out.value(&decode_line(&words.concat()));
    }
    for word in &words {
        out.value(&decode_line(word))?;
    }
    if hex.is_empty() {
        for line in std::io::stdin().lock().split(b'\n') {
            let line = line?;
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() {
                out.value(&decode_line(&text))?;
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
    }
    lines.extend(report.open.iter().map(|receipt| format!("open: receipt {receipt}")));
    lines.extend(report.lines.iter().cloned());
    lines
}
