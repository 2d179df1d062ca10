//! The long runs, from the command line.

use clap::{Args, ValueEnum};
use esim_kiosk::sim::printer::torture::{self as printer, Size};
use esim_kiosk::sim::terminal::torture::{self as terminal, Torture};
use esim_kiosk::sim::torture::far::{self, fleet, pull};
use esim_kiosk::sim::torture::{killed, power_loss, providers, rules, sale, soak};

use crate::lost::{Lost, chain};
use crate::say;

/// Long runs with faults; the last line is one JSON object with the counts.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// What.
    what: What,
    /// terminal, sale: so many payments or sales with faults by chance, instead of the matrix; soak: so many sales of
    /// the process.
    #[arg(long)]
    random: Option<u32>,
    /// providers: so many cases of each provider and operation, instead of all; rules: so many worlds of each scene.
    #[arg(long)]
    size: Option<usize>,
    /// sale: only each so-many-th cut of a scenario.
    #[arg(long, default_value_t = 1)]
    every: u64,
    /// sale: each so-many-th pair of a cut and a second one in the start after it; 0 is none.
    #[arg(long, default_value_t = 97)]
    pairs: u64,
    /// sale: only scenarios whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// sale: a disk that forgets its last so many confirmed records, which must be noticed.
    #[arg(long, value_name = "RECORDS")]
    forgets: Option<usize>,
    /// sale: syncs and writes that fail below SQLite, by a library that is compiled and preloaded, in place of cuts.
    #[arg(long)]
    below: bool,
    /// sale: real processes that end by SIGKILL at each of their records, so many rounds, instead of cuts in virtual time.
    #[arg(long, value_name = "ROUNDS")]
    kill: Option<u32>,
    /// sale --kill: so many kiosks at once, each with terminal, printer and providers of its own.
    #[arg(long, default_value_t = 1, value_name = "KIOSKS")]
    beside: usize,
    /// What is wrong on purpose, and must be noticed. power-loss: normal, early. soak: leak. rules: no-terminal-lock,
    /// receipts-unbound and the others that a whole run lists.
    #[arg(long, value_name = "NAME")]
    control: Option<String>,
    /// printer: a sample in some seconds, instead of every fault at every moment on every model; soak: few reconnections
    /// and sales of the process.
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
    /// The journal on a real file system, of which every prefix of its block writes is mounted (--size disks, 2 000).
    PowerLoss,
    /// The rules of money and goods: every event in every state, with a crash at every step.
    Rules,
    /// Logs pulled through a real Mosquitto, while broker, receiver and kiosk are killed.
    Pull,
    /// --size kiosks (200) at one real Mosquitto that is killed in between.
    Fleet,
    /// Unattended: a month of --size days (1) in virtual time, links and a real process; what grows must stay in bounds.
    Soak,
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
        What::Sale if wanted.below && !sale::below::is_loaded() => return below(),
        What::Pull => {
            let report = pull::run(&std::env::current_exe()?).map_err(missing)?;
            say(report.print().trim_end());
            report.mismatches()
        }
        What::Fleet => {
            let report = fleet::run(&std::env::current_exe()?, size.unwrap_or(200), 5).map_err(missing)?;
            say(&report.print());
            report.mismatches()
        }
        What::Soak => match wanted.control.as_deref() {
            None => soak::run(&unattended(wanted)?, &mut std::io::stdout())?,
            Some("leak") => soak::run_leaking(&unattended(wanted)?, &mut std::io::stdout())?,
            Some(other) => return Err(no_control(other, &["leak".to_owned()])),
        },
        What::Sale if random.is_some() => {
            let drawn = sale::random(&sale::Chances { sales: random.unwrap_or(0), seed })?;
            say(drawn.print().trim_end());
            drawn.mismatches
        }
        What::Sale => {
            let disk = wanted.forgets.map_or(sale::Disk::Honest, sale::Disk::Forgets);
            let asked = sale::Wanted {
                every: wanted.every,
                pairs: wanted.pairs,
                disk,
                only: wanted.only.clone(),
                below: wanted.below,
            };
            sale::run(&asked, &mut std::io::stdout())?.mismatches
        }
        What::PowerLoss => power_loss(wanted)?,
        What::Rules => match wanted.control.as_deref() {
            None => rules::run(size, &mut std::io::stdout().lock())?.mismatches,
            Some(name) => {
                let mutant = rules::Mutant::named(name).ok_or_else(|| no_control(name, &rules_controls()))?;
                rules::run_control(mutant, size, &mut std::io::stdout().lock())?.mismatches
            }
        },
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

/// A day by default; --random sales of the process, --short for every change.
fn unattended(wanted: &Wanted) -> Result<soak::Wanted, Lost> {
    let (reconnects, process_sales) = if wanted.short { (5, 6) } else { (40, 60) };
    Ok(soak::Wanted {
        program: std::env::current_exe()?,
        days: wanted.size.and_then(|days| u32::try_from(days).ok()).unwrap_or(1),
        sales_a_day: 200,
        reconnects,
        process_sales: wanted.random.unwrap_or(process_sales),
        seed: wanted.seed,
    })
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
        beside: wanted.beside,
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

fn rules_controls() -> Vec<String> {
    rules::Mutant::ALL.into_iter().map(rules::Mutant::name).collect()
}

fn no_control(name: &str, known: &[String]) -> Lost {
    Lost::Wrong(format!("{name:?} cannot be broken on purpose here; {} can", known.join(", ")))
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

/// Records this very program's books and cuts the power after each write.
fn power_loss(wanted: &Wanted) -> Result<usize, Lost> {
    let memory = std::path::Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = place.join(format!("esim-kiosk-power-{}", std::process::id()));
    let control = match wanted.control.as_deref() {
        None => None,
        Some("normal") => Some(power_loss::Control::Normal),
        Some("early") => Some(power_loss::Control::Early),
        Some(other) => return Err(no_control(other, &["normal".to_owned(), "early".to_owned()])),
    };
    let asked = power_loss::Wanted {
        program: std::env::current_exe()?,
        dir: dir.clone(),
        images: wanted.size.unwrap_or(2_000),
        control,
        seed: wanted.seed,
    };
    let report = power_loss::run(&asked, &mut std::io::stdout()).map_err(|error| match error {
        power_loss::NotRun::Missing(_) => Lost::Missing(error.to_string()),
        other => Lost::Wrong(chain(&other)),
    })?;
    std::fs::remove_dir_all(&dir).ok();
    let wrong = report.lost + report.damaged;
    match control {
        None => Ok(wrong),
        Some(_) if wrong == 0 => Err(Lost::Wrong("what is wrong on purpose was not noticed".to_owned())),
        Some(_) => Ok(0),
    }
}

/// The books of a power-loss run.
#[derive(Debug, Args)]
pub(crate) struct OfWriter {
    /// Where.
    directory: std::path::PathBuf,
    /// How many sales.
    #[arg(long)]
    sales: u32,
    /// The control: `synchronous=NORMAL`.
    #[arg(long)]
    normal: bool,
    /// The control: acknowledged before it is written.
    #[arg(long)]
    early: bool,
}

/// Keeps them.
pub(crate) fn power_writer(asked: &OfWriter) -> Result<(), Lost> {
    let control = match (asked.normal, asked.early) {
        (true, _) => Some(power_loss::Control::Normal),
        (_, true) => Some(power_loss::Control::Early),
        _ => None,
    };
    let (mut out, mut noted) = (std::io::stdout(), std::io::stdin().lock());
    Ok(power_loss::writer::write(&asked.directory, asked.sales, control, &mut out, &mut noted)?)
}

/// The same run again, in a process whose disk can fail.
fn below() -> Result<(), Lost> {
    let dir = std::env::temp_dir().join(format!("esim-kiosk-below-{}", std::process::id()));
    let ended = sale::below::run_again(&dir).map_err(|error| match error {
        sale::below::NotLoaded::NoCompiler(_) => Lost::Missing(error.to_string()),
        other => Lost::Wrong(chain(&other)),
    })?;
    if ended.success() { Ok(()) } else { Err(Lost::Wrong(format!("faults below SQLite: {ended}"))) }
}
