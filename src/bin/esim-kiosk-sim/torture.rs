//! The long runs, from the command line.

use clap::{Args, ValueEnum};
use esim_kiosk::sim::printer::torture::{self as printer, Size};
use esim_kiosk::sim::terminal::torture::{self as terminal, Torture};
use esim_kiosk::sim::torture::far::{self, fleet, pull};
use esim_kiosk::sim::torture::{killed, providers, rules, sale};

use crate::lost::{Lost, chain};
use crate::say;

/// Long runs with faults; the last line is one JSON object with the counts.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// What.
    what: What,
    /// terminal, sale: so many payments or sales with faults by chance, instead of the matrix.
    #[arg(long)]
    random: Option<u32>,
    /// providers: so many cases of each provider and operation, instead of all; rules: so many worlds of each scene.
    #[arg(long)]
    size: Option<usize>,
    /// sale: only each so-many-th cut of a scenario.
    #[arg(long, default_value_t = 1)]
    every: u64,
    /// sale: only scenarios whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// sale: a disk that forgets its last so many confirmed records, which must be noticed.
    #[arg(long, value_name = "RECORDS")]
    forgets: Option<usize>,
    /// sale: real processes that end by SIGKILL at each of their records, so many rounds, instead of cuts in virtual time.
    #[arg(long, value_name = "ROUNDS")]
    kill: Option<u32>,
    /// printer: a sample in some seconds, instead of every fault at every moment on every model.
    #[arg(long)]
    short: bool,
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
    /// The whole sale, cut at each record and at each effect.
    Sale,
    /// The rules of money and goods: every event in every state, with a crash at every step.
    Rules,
    /// Logs pulled through a real Mosquitto, while broker, receiver and kiosk are killed.
    Pull,
    /// --size kiosks (200) at one real Mosquitto that is killed in between.
    Fleet,
    /// The printer: every fault before, in the middle of and after a receipt, on every model and kind of wire.
    Printer,
}

/// Runs it; any mismatch is an error.
pub(crate) fn run(wanted: &Wanted) -> Result<(), Lost> {
    let Wanted { what, random, size, short, seed, .. } = *wanted;
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
        What::Sale if wanted.kill.is_some() => kill(wanted)?,
        What::Pull => {
            let report = pull::run(&std::env::current_exe()?).map_err(missing)?;
            say(report.print().trim_end());
            report.mismatches()
        }
        What::Fleet => {
            let report = fleet::run(size.unwrap_or(200), 5).map_err(missing)?;
            say(&report.print());
            report.mismatches()
        }
        What::Sale if random.is_some() => {
            let drawn = sale::random(&sale::Chances { sales: random.unwrap_or(0), seed })?;
            say(drawn.print().trim_end());
            drawn.mismatches
        }
        What::Sale => {
            let disk = wanted.forgets.map_or(sale::Disk::Honest, sale::Disk::Forgets);
            let asked = sale::Wanted { every: wanted.every, disk, only: wanted.only.clone() };
            sale::run(&asked, &mut std::io::stdout())?.mismatches
        }
        What::Rules => rules::run(size, &mut std::io::stdout().lock())?.mismatches,
        What::Printer => {
            let counts = printer::run(if short { Size::short(seed) } else { Size::whole(seed) })?;
            say(counts.to_string().trim_end());
            say(&counts.json().map_err(std::io::Error::other)?);
            let total = counts.total;
            (total.mismatches + total.foreign + total.unknown_commands) as usize
        }
    };
    if mismatches == 0 { Ok(()) } else { Err(Lost::Wrong(format!("{mismatches} mismatches"))) }
}

/// Kills this very program's kiosk, again and again.
fn kill(wanted: &Wanted) -> Result<usize, Lost> {
    let stages = std::env::temp_dir().join(format!("esim-kiosk-killed-{}", std::process::id()));
    let asked = killed::Wanted {
        program: std::env::current_exe()?,
        dir: stages.clone(),
        every: wanted.every,
        only: wanted.only.clone(),
        rounds: wanted.kill.unwrap_or(1),
    };
    let runtime = esim_kiosk::assembly::runtime().map_err(|error| crate::by_hand::wrong(&error))?;
    let report = runtime.block_on(killed::run(&asked, &mut std::io::stdout()))?;
    if report.faults.is_empty() {
        // The simulators may still be writing their books there; what is left is in the folder for such things.
        std::fs::remove_dir_all(&stages).ok();
    } else {
        say(&format!("journals and ledgers are in {}", stages.display()));
    }
    Ok(report.faults.len())
}

/// What is not installed is told apart: exit code 3.
fn missing(error: far::NotRun) -> Lost {
    match error {
        far::NotRun::Missing(_) => Lost::Missing(error.to_string()),
        other => Lost::Wrong(chain(&other)),
    }
}

/// The kiosk's end of the fleet, until it is killed.
pub(crate) fn agent(config: &std::path::Path) -> Result<(), Lost> {
    far::agent::run(config).map_err(|error| Lost::Wrong(chain(&error)))
}
