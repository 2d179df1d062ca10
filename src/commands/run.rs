//! `esim-kiosk run`: the service.

use super::out::Failed;
use crate::config::Config;

/// Sets up the log and runs the kiosk until it is told to stop.
pub(super) fn run(config: Config) -> Result<(), Failed> {
    crate::telemetry::start(&config.log.filter, crate::diagnostics::recorder::of_process().clone())?;
    Ok(crate::assembly::run(&config)?)
}
