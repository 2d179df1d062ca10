//! The command line. One file a command; no rule in any of them: they build, connect and ask.
//!
//! Exit codes: 0 done, 1 something is wrong and was told, 2 the command line cannot be read.

mod books;
#[cfg(test)]
mod books_tests;
mod check;
#[cfg(test)]
mod documented;
mod hash_pin;
mod manual;
mod medium;
mod order;
mod out;
mod printer;
mod provider;
mod report;
#[cfg(feature = "screen")]
mod run;
mod sales;
mod stock;
#[cfg(test)]
mod stopped;
mod terminal;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::journal::place::Place;
use out::{Failed, Out};

/// Where the configuration is by default.
const CONFIG: &str = "/etc/esim-kiosk/kiosk.toml";

/// The software of a self-service eSIM kiosk.
#[derive(Debug, Parser)]
#[command(name = "esim-kiosk", version, about, propagate_version = true)]
pub struct Cli {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Answer as JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the kiosk: the service.
    #[cfg(feature = "screen")]
    Run(run::Run),
    /// Check the configuration and the devices, and tell every problem at once.
    Check(check::Check),
    /// The journal: sales, their records, cases, queue, books.
    #[command(subcommand)]
    Sales(sales::Sales),
    /// Profiles bought before they are sold: buy, list, retire.
    #[command(subcommand)]
    Stock(stock::Stock),
    /// Ask the card terminal, or decode what was captured on its line.
    #[command(subcommand)]
    Terminal(terminal::Terminal),
    /// Ask the receipt printer, or print a test receipt.
    #[command(subcommand)]
    Printer(printer::Printer),
    /// Put everything that explains this machine into one archive, without secrets; also when the service is dead.
    Report(report::Report),
    /// Make what `[service] pin` needs of a PIN, which is read unseen, or as a line of standard input.
    HashPin,
    /// Write the completions of a shell to standard output.
    Completions(manual::Completions),
    /// Write the man pages into a directory.
    Manual(manual::Manual),
    /// Ask a provider: wallet, plans, use of an eSIM, and every endpoint by hand.
    Provider(provider::Provider),
}

impl Cli {
    /// Carries the command out. What it has to say goes to stdout, what is wrong to stderr.
    pub fn carry_out(self) -> ExitCode {
        let mut out = Out::new(self.json);
        let done = match self.command {
            #[cfg(feature = "screen")]
            Command::Run(wish) => run::run(wish, &self.config),
            Command::Check(check) => check::check(&check, &self.config, &mut out),
            Command::Sales(sales) => sales::sales(&sales, &self.config, &mut out),
            Command::Stock(stock) => stock::stock(&stock, &self.config, &mut out),
            Command::Terminal(terminal) => terminal::terminal(&terminal, &self.config, &mut out),
            Command::Printer(printer) => printer::printer(&printer, &self.config, &mut out),
            Command::Report(report) => report::report(&report, &self.config, &mut out),
            Command::HashPin => hash_pin::hash_pin(&mut out),
            Command::Completions(completions) => manual::completions(&completions, &mut out),
            Command::Manual(manual) => manual::manual(&manual, &mut out),
            Command::Provider(provider) => provider::provider(&provider, &self.config, &mut out),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failed) => {
                out.failed(&failed);
                ExitCode::FAILURE
            }
        }
    }
}

fn load(path: &Path) -> Result<Config, Failed> {
    Ok(Config::load(path)?)
}

/// For commands that touch a device: the service must not be running, for it is the one who may (sale.md 6). The
/// journal is held as long as the file that is returned.
fn alone(config: &Config) -> Result<std::fs::File, Failed> {
    use crate::journal::place::NotOurs;
    let place = Place::of(&config.journal);
    place.make()?;
    place.take().map_err(|why| match why {
        NotOurs::Held(holder) => {
            Failed::told(format!("the service is running (process {holder}): systemctl stop esim-kiosk first"))
        }
        NotOurs::Unusable(error) => error.into(),
    })
}

/// A small runtime for commands that wait.
fn waiting<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
