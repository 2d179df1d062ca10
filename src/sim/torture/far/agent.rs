//! The kiosk's end of the fleet in a process of its own, so that it can be killed.

use std::path::Path;

use tokio::sync::{mpsc, watch};

use super::NotRun;
use crate::config::Config;
use crate::diagnostics::pull::{Puller, types, uploader};
use crate::fleet::Ends;
use crate::fleet::link::Link;

/// Runs link and pull of a configuration until it is killed.
///
/// # Errors
/// A configuration without a fleet.
pub fn run(file: &Path) -> Result<(), NotRun> {
    let config = Config::load(file).map_err(|errors| std::io::Error::other(errors.to_string()))?;
    let section = config.fleet.ok_or_else(|| std::io::Error::other("the configuration has no [fleet]"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let (_news, told) = mpsc::channel(4);
    let (orders, _ordered) = mpsc::channel(4);
    let (commands, pulls) = mpsc::channel(4);
    let (_busy, is_busy) = watch::channel(false);
    let uploader = uploader(&section);
    let puller = Puller { config_file: file.to_owned(), uploader, most: 5 << 20, busy: is_busy, unit: None };
    runtime.spawn(puller.run(pulls));
    let ends = Ends { news: told, orders, commands, taken: None };
    runtime.block_on(Link::new(section, &config.machine.label, config.journal.directory, types(), ends).run());
    Ok(())
}
