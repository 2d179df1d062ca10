//! The simulators, and everything that is done with them: the demo, the torture runs, the gallery. Never shipped.

mod beside;
mod by_hand;
#[cfg(feature = "screen")]
mod demo;
mod drawn;
mod guest;
#[cfg(feature = "screen")]
mod hand;
mod lost;
#[cfg(feature = "screen")]
mod reader;
#[cfg(feature = "screen")]
mod scenarios;
mod torture;
#[cfg(feature = "screen")]
mod window;

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
    Demo(drawn::Demo),
    Torture(torture::Wanted),
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
    /// The kiosk's end of the fleet alone, in a process that can be killed.
    #[command(hide = true)]
    Agent {
        /// A configuration with [fleet].
        config: PathBuf,
    },
    /// Who keeps books on the disk of a power-loss run.
    #[command(hide = true)]
    PowerWriter(torture::OfWriter),
    /// The product's own command line, in a program that needs no screen: `command report --config FILE`.
    #[command(name = "command", hide = true)]
    Product {
        /// Its words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    #[command(hide = true)]
    Doubt(beside::OfDoubt),
    Provider(by_hand::OfProviders),
    Terminal(by_hand::OfTerminal),
    Printer(by_hand::OfPrinter),
    Kiosk(guest::OfKiosk),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    esim_kiosk::telemetry::start_for_tools();
    let outcome = match arguments.command {
        Command::Demo(asked) => drawn::demo(asked),
        Command::Torture(wanted) => torture::run(&wanted),
        Command::Gallery { out } => drawn::gallery(&out),
        Command::All { dir } => by_hand::all(&dir),
        Command::Agent { config } => torture::agent(&config),
        Command::Product { words } => return beside::command(words),
        Command::Doubt(asked) => beside::doubt(&asked),
        Command::PowerWriter(asked) => torture::power_writer(&asked),
        Command::Provider(asked) => by_hand::providers(asked),
        Command::Terminal(asked) => by_hand::terminal(asked),
        Command::Printer(asked) => by_hand::printer(asked),
        Command::Kiosk(asked) => guest::kiosk(asked),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&lost::chain(&error));
            error.exit_code()
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
