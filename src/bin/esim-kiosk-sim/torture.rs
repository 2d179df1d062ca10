//! The long runs, from the command line.

use clap::{Args, ValueEnum};
use esim_kiosk::sim::terminal::torture::{self as terminal, Torture};
use esim_kiosk::sim::torture::providers;

use crate::lost::Lost;
use crate::say;

/// Long runs with faults; the last line is one JSON object with the counts.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// What.
    what: What,
    /// terminal: so many payments with faults by chance, instead of the matrix.
    #[arg(long)]
    random: Option<u32>,
    /// providers: so many cases of each provider and operation, instead of all.
    #[arg(long)]
    size: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What is tortured.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The card terminal: the fault matrix, or payments with faults by chance.
    Terminal,
    /// The providers: every fault at every point of an order and a top-up.
    Providers,
}

/// Runs it; any mismatch is an error.
pub(crate) fn run(wanted: &Wanted) -> Result<(), Lost> {
    let Wanted { what, random, size, seed } = *wanted;
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
