//! What a referee does beside a kiosk that does not run: the product's own commands, and a sale that stays in doubt.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use esim_kiosk::commands::Cli;
use esim_kiosk::config::Config;
use esim_kiosk::journal::Journal;
use esim_kiosk::journal::sqlite::SqliteJournal;
use esim_kiosk::sale::event::{Event, GoodsNews};
use esim_kiosk::sim::clerk::{Clerk, at};

use crate::by_hand::wrong;
use crate::lost::Lost;

/// Carries out a command of `esim-kiosk`.
pub(crate) fn command(words: Vec<String>) -> ExitCode {
    Cli::parse_from(std::iter::once("esim-kiosk".to_owned()).chain(words)).carry_out()
}

/// Writes a sale into a kiosk's journal of which nobody knows whether the provider sold it: a case.
#[derive(Debug, Args)]
pub(crate) struct OfDoubt {
    /// The kiosk's configuration; it must not run.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A file with what the provider is said to have answered.
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// The sale's number.
    #[arg(long, default_value_t = 900)]
    number: u32,
}

/// Writes it.
pub(crate) fn doubt(asked: &OfDoubt) -> Result<(), Lost> {
    let config = Config::load(&asked.config).map_err(|error| wrong(&error))?;
    let said = std::fs::read_to_string(&asked.evidence)?;
    let opened = SqliteJournal::open_with(&config.journal, None, jiff::Timestamp::now());
    let mut journal = opened.map_err(|error| wrong(&error))?.journal;
    let run = journal.run();
    let mut clerk = Clerk::new(&mut journal);
    let mut sale = clerk.begin(asked.number, None, false).map_err(|error| wrong(&error))?;
    let news = [GoodsNews::Unknown(said.clone()), GoodsNews::Undecidable(said)];
    for (seconds, news) in (1..).zip(news) {
        let event = Event::Goods { good: 0, news };
        sale = clerk.on(&sale, &event, at(run, 1_000 * seconds), asked.number).map_err(|error| wrong(&error))?;
    }
    Ok(())
}
