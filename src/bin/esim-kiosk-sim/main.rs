//! The simulators, and everything that is done with them: the demo, the torture runs, the gallery. Never shipped.

mod by_hand;
mod demo;
mod hand;
mod reader;
mod scenarios;
mod stage;
mod torture;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Simulated terminal, printer and providers for esim-kiosk.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The whole kiosk against the simulators, in a window or headless.
    Demo {
        /// Walk a purchase without a window, and write what was seen.
        #[arg(long)]
        headless: bool,
        /// Where a headless walk writes.
        #[arg(long, default_value = "demo-output")]
        out: PathBuf,
        /// What happens; --list tells the names.
        #[arg(long, default_value = "purchase")]
        scenario: String,
        /// List the scenarios.
        #[arg(long)]
        list: bool,
        /// Language of the traveller.
        #[arg(long, default_value = "en")]
        language: String,
        /// 1280 × 800 instead of 1080 × 1920.
        #[arg(long)]
        landscape: bool,
        /// Seed of everything random.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Long runs with faults; the last line is one JSON object with the counts.
    Torture {
        /// What.
        what: torture::What,
        /// terminal: so many payments with faults by chance, instead of the matrix.
        #[arg(long)]
        random: Option<u32>,
        /// providers: so many cases of each provider and operation, instead of all.
        #[arg(long)]
        size: Option<usize>,
        /// Seed of everything random.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Every state of every screen as a picture, with a list of faults; exits non-zero on any.
    Gallery {
        /// Where the pictures go.
        #[arg(long, default_value = "demo-output/gallery")]
        out: PathBuf,
    },
    /// Terminal, printer and providers by hand, beside `esim-kiosk run`; prints the configuration file.
    All {
        /// Where ports, ledgers and the configuration lie.
        #[arg(long, default_value = "demo-output/stage")]
        dir: PathBuf,
    },
}

/// In a window where there is one, else headless.
fn demo_in(headless: bool, wanted: &demo::Wanted) -> Result<(), hand::Lost> {
    if headless {
        return demo::headless(wanted);
    }
    if !esim_kiosk::ui::window_is_possible() {
        say("no window can be opened here (no DISPLAY, no WAYLAND_DISPLAY): going on headless");
        return demo::headless(wanted);
    }
    // Slint can be set up only once in a process: headless is a new one.
    if by_hand::window(&wanted.out)? {
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let out = wanted.out.join("headless");
    let status = std::process::Command::new(program).args(["demo", "--headless", "--out"]).arg(&out).status()?;
    if status.success() { Ok(()) } else { Err(hand::Lost::Wrong("the headless walk failed".into())) }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    esim_kiosk::telemetry::start_for_tools();
    let outcome = match arguments.command {
        Command::Demo { list: true, .. } => {
            for (_, name, what) in scenarios::Scenario::ALL {
                say(&format!("{name:<18} {what}"));
            }
            Ok(())
        }
        Command::Demo { headless, out, scenario, language, landscape, seed, .. } => {
            let Some(scenario) = scenarios::Scenario::named(&scenario) else {
                complain(&format!("no scenario is called {scenario:?}: --list tells the names"));
                return ExitCode::from(2);
            };
            let wanted = demo::Wanted { out, scenario, language, landscape, seed };
            demo_in(headless, &wanted)
        }
        Command::All { dir } => by_hand::all(&dir),
        Command::Torture { what, random, size, seed } => torture::run(what, random, size, seed),
        Command::Gallery { out } => torture::gallery(&out),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// One line for the person at the terminal. A closed pipe is the reader's own wish.
fn say(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").ok();
}

fn complain(text: &str) {
    writeln!(std::io::stderr().lock(), "esim-kiosk-sim: {text}").ok();
}
