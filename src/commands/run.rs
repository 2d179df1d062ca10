//! `esim-kiosk run`: the service.

use std::path::{Path, PathBuf};

use clap::Args;

use super::out::Failed;
use crate::assembly::{self, Ended};
use crate::config::pushed::Standing;
use crate::config::{Config, Log, Pushed};
use crate::telemetry::chain;

/// What the machine's own units say, because it is the same for every kiosk of an image.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Where the journal's generation number is kept outside of the state partition, unless the configuration says.
    #[arg(long, value_name = "FILE")]
    generation_file: Option<PathBuf>,
}

/// Sets up the log and runs the kiosk until it is told to stop. Where it cannot start and only a person can mend that, a
/// service keeps the screen and says so; at a terminal the words are enough.
pub(super) fn run(wish: Run, file: &Path) -> Result<(), Failed> {
    let recorder = crate::diagnostics::recorder::of_process().clone();
    let mut config = match Config::load_to_run(file) {
        Ok(config) => config,
        Err(wrong) => {
            let failed = Failed::from(wrong);
            if !keeps_the_screen(file) {
                return Err(failed);
            }
            crate::telemetry::start(&Log::default().filter, recorder)?;
            return out_of_order(None, failed);
        }
    };
    crate::telemetry::start(&config.log.filter, recorder)?;
    if config.journal.generation_file.is_none() {
        config.journal.generation_file = wish.generation_file;
    }
    match assembly::run(&config) {
        Err(Ended::NotAssembled(why)) if why.needs_a_person() && keeps_the_screen(file) => {
            out_of_order(Some(&config), Failed::told(chain(&why)))
        }
        ended => Ok(ended?),
    }
}

/// Whether a service manager has started us, and not to try a configuration from afar: one that cannot even start is
/// taken back by the starts that follow.
fn keeps_the_screen(file: &Path) -> bool {
    let own = std::fs::read_to_string(file).ok().and_then(|text| Config::parse(&text, file).ok());
    let on_trial =
        own.is_some_and(|own| matches!(Pushed::beside(&own.journal.directory).standing(), Standing::Trial(_)));
    std::env::var_os("NOTIFY_SOCKET").is_some() && !on_trial
}

fn out_of_order(config: Option<&Config>, why: Failed) -> Result<(), Failed> {
    tracing::error!(%why, "the kiosk cannot start, and says so on its screen");
    match assembly::show_out_of_order(config, &why.to_string()) {
        Ok(()) => Err(why),
        Err(error) => {
            tracing::error!(error = %chain(&error), "not even that can be shown");
            Err(why)
        }
    }
}
