//! The long runs, from the command line.

use std::path::Path;

use clap::ValueEnum;
use esim_kiosk::sim::terminal::torture::{self as terminal, Torture};
use esim_kiosk::sim::torture::providers;

use crate::hand::Lost;
use crate::say;

/// What is tortured.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum What {
    /// The card terminal: the fault matrix, or payments with faults by chance.
    Terminal,
    /// The providers: every fault at every point of an order and a top-up.
    Providers,
}

/// Runs it; any mismatch is an error.
pub(crate) fn run(what: What, random: Option<u32>, size: Option<usize>, seed: u64) -> Result<(), Lost> {
    let mismatches = match what {
        What::Terminal => {
            let run = random.map_or(Torture::Matrix, |payments| Torture::Random { payments, seed });
            terminal::run(run, &mut std::io::stdout().lock())?.mismatches as usize
        }
        What::Providers => {
            let report = providers::run(&providers::Run { seed, size })?;
            say(report.print().trim_end());
            report.mismatches
        }
    };
    if mismatches == 0 { Ok(()) } else { Err(Lost::Wrong(format!("{mismatches} mismatches"))) }
}

/// Draws every state of every screen.
pub(crate) fn gallery(out: &Path) -> Result<(), Lost> {
    let gallery = esim_kiosk::sim::gallery::make(out).map_err(|error| Lost::Wrong(crate::demo::chain(&error)))?;
    for fault in &gallery.faults {
        say(fault);
    }
    say(&format!("{} pictures, {} faults", gallery.pictures.len(), gallery.faults.len()));
    if gallery.faults.is_empty() { Ok(()) } else { Err(Lost::Wrong("the gallery has faults".into())) }
}
