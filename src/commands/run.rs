//! `esim-kiosk run`: the service.

use std::path::{Path, PathBuf};

use clap::Args;

use super::out::Failed;
use crate::config::Config;

/// What the machine's own units say, because it is the same for every kiosk of an image.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Where the journal's generation number is kept outside of the state partition, unless the configuration says.
    #[arg(long, value_name = "FILE")]
    generation_file: Option<PathBuf>,
}

/// Sets up the log and runs the kiosk until it is told to stop.
pub(super) fn run(wish: Run, file: &Path) -> Result<(), Failed> {
    let mut config = Config::load_to_run(file)?;
    crate::telemetry::start(&config.log.filter, crate::diagnostics::recorder::of_process().clone())?;
    if config.journal.generation_file.is_none() {
        config.journal.generation_file = wish.generation_file;
    }
    Ok(crate::assembly::run(&config)?)
}
