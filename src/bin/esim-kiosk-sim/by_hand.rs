//! The simulators by hand: their keys, and the three of them beside a service that is started by hand.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use esim_kiosk::assembly;
use esim_kiosk::sim::printer::{self, Panel as Paper};
use esim_kiosk::sim::providers::fault::{Effect, Fault, Stage as Moment, Target, When};
use esim_kiosk::sim::providers::{self, Provider, ProvidersPanel};
use esim_kiosk::sim::terminal::{self, Cardholder, Dialect, TerminalPanel};

use crate::lost::{Lost, chain};
use crate::say;
use esim_kiosk::sim::stage::{Pace, Scenery, Stage};

/// What the keys do.
pub(crate) const KEYS: &str = "Type a letter and Enter in this terminal:
  d  the next card is declined          c  the stop key on the terminal
  l  cut the terminal's line for 10 s   t  take the paper
  o  drop the provider, or bring it back
  s  the next order is sold at once and answered 20 s later
  q  quit
Seven quick touches on the operator's name open the service screen; its code is 480215, a minute after the start.";

/// What the keys reach.
pub(crate) struct Keys {
    terminal: TerminalPanel,
    paper: Paper,
    providers: ProvidersPanel,
}

impl Keys {
    pub(crate) fn of(stage: &Stage) -> Keys {
        Keys { terminal: stage.terminal.panel(), paper: stage.printer.panel(), providers: stage.providers.panel() }
    }

    /// Obeys lines of standard input until it ends or says q.
    pub(crate) fn obey(&self) {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match line.trim() {
                "d" => self.terminal.next(Cardholder::declined(0x05, "Karte abgelehnt")),
                "c" => self.terminal.press_stop(),
                "l" => self.terminal.cut(Some(Duration::from_secs(10))),
                "t" => self.paper.take(),
                "o" if self.providers.is_up(Provider::Mobilexy) => self.providers.drop_provider(Provider::Mobilexy),
                "o" => self.providers.restore(Provider::Mobilexy),
                "s" => self.providers.fault(Provider::Mobilexy, late_answer()),
                "q" => return,
                _ => {
                    say(KEYS);
                    continue;
                }
            }
            say("done");
        }
        // Without a terminal to type on, only the window ends the demo.
        loop {
            std::thread::park();
        }
    }
}

/// The next order is carried out, and its answer is long on its way: time to pull a plug while a card is approved.
fn late_answer() -> Fault {
    Fault {
        target: Target::Writes,
        when: When::Nth(1),
        stage: Moment::After,
        effect: Effect::Delay(Duration::from_secs(20)),
    }
}

/// What people play with: every plan, and a card that is approved after three seconds.
pub(crate) fn scenery(dir: &Path) -> Scenery {
    Scenery {
        plans: 3_000,
        approves_after: Duration::from_secs(3),
        pace: Pace::People,
        ..Scenery::of_code(dir.to_owned())
    }
}

/// An error of the product, as the end of what was asked for.
pub(crate) fn wrong(error: &dyn std::error::Error) -> Lost {
    Lost::Wrong(chain(error))
}

/// The simulators alone, until Enter.
pub(crate) fn all(dir: &Path) -> Result<(), Lost> {
    let runtime = assembly::runtime().map_err(|error| wrong(&error))?;
    let _inside = runtime.enter();
    let stage = Stage::set(&scenery(dir))?;
    say(&format!(
        "terminal, printer and providers are ready; start the kiosk beside them:\n  esim-kiosk run --config {}",
        stage.config.display()
    ));
    say(KEYS);
    Keys::of(&stage).obey();
    Ok(())
}

/// The providers alone, by hand, until Ctrl-C; prints their sections of the configuration.
#[derive(Debug, Args)]
pub(crate) struct OfProviders {
    /// Which: mobilexy, roamify, esimfly, reseller; all of them if none is named.
    names: Vec<String>,
    /// Where key files, the authority's certificate and the ledger lie.
    #[arg(long, default_value = "demo-output/providers")]
    dir: PathBuf,
    /// The TCP port on loopback; any free one if not given. Several providers share it.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Plans of each provider.
    #[arg(long, default_value_t = 3_000)]
    plans: usize,
    /// Seed of catalogue and codes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Plays the providers.
pub(crate) fn providers(asked: OfProviders) -> Result<(), Lost> {
    let named = |name: &String| {
        Provider::named(name).ok_or_else(|| {
            let known = Provider::ALL.map(Provider::name).join(", ");
            Lost::Asked(format!("no simulated provider is called {name:?}: use {known}"))
        })
    };
    let mut which = asked.names.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    if which.is_empty() {
        which = Provider::ALL.to_vec();
    }
    let options = providers::Options {
        providers: which.iter().map(|provider| (*provider, asked.port)).collect(),
        one_port: which.len() > 1 && asked.port != 0,
        seed: asked.seed,
        plans: asked.plans,
        ..providers::Options::default()
    };
    let options = options.in_folder(&std::path::absolute(&asked.dir)?);
    waiting(providers::run(options, &mut io::stdout()))
}

/// The card terminal alone, by hand, until Ctrl-C; prints its section of the configuration.
#[derive(Debug, Args)]
pub(crate) struct OfTerminal {
    /// Where the port and the ledger lie.
    #[arg(long, default_value = "demo-output/terminal")]
    dir: PathBuf,
    /// On TCP at this address instead of a serial port, such as 127.0.0.1:20007.
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<String>,
    /// Its family.
    #[arg(long, default_value = "spec")]
    dialect: String,
    /// Seconds until the card is approved.
    #[arg(long, default_value_t = 3)]
    approves_after: u64,
    /// The bank declines every card.
    #[arg(long)]
    declines: bool,
}

/// Plays the terminal.
pub(crate) fn terminal(asked: OfTerminal) -> Result<(), Lost> {
    let Some(dialect) = Dialect::named(&asked.dialect) else {
        let known = Dialect::all().map(|dialect| dialect.name).join(", ");
        return Err(Lost::Asked(format!("no terminal speaks the dialect {:?}: use {known}", asked.dialect)));
    };
    let dir = std::path::absolute(&asked.dir)?;
    std::fs::create_dir_all(&dir)?;
    let after = Cardholder::approved_after(Duration::from_secs(asked.approves_after));
    let cardholder = if asked.declines {
        after.with_bank(terminal::Bank::Declines { code: 0x05, text: "Karte abgelehnt".to_owned() })
    } else {
        after
    };
    let options = terminal::TerminalOptions {
        cardholder,
        ledger_file: Some(dir.join("terminal-ledger.json")),
        clock: jiff::Zoned::now().datetime(),
        ..terminal::TerminalOptions::of(dialect)
    };
    let place = asked.tcp.map_or_else(|| terminal::Place::Serial(dir.join("terminal")), terminal::Place::Tcp);
    waiting(terminal::run(options, place, &mut io::stdout()))
}

/// The receipt printer alone, by hand, until Ctrl-C; prints its section of the configuration.
#[derive(Debug, Args)]
pub(crate) struct OfPrinter {
    /// Where the port and the receipts lie.
    #[arg(long, default_value = "demo-output/printer")]
    dir: PathBuf,
    /// On TCP at this address instead of a serial port, such as 127.0.0.1:9100.
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<std::net::SocketAddr>,
    /// Its make.
    #[arg(long, default_value = "epson-tm-t20iii")]
    model: String,
}

/// Plays the printer.
pub(crate) fn printer(asked: OfPrinter) -> Result<(), Lost> {
    let dir = std::path::absolute(&asked.dir)?;
    std::fs::create_dir_all(&dir)?;
    let place = asked.tcp.map_or_else(|| printer::Place::Serial(dir.join("printer")), printer::Place::Tcp);
    let options = printer::Options { model: asked.model, place, folder: dir.join("paper") };
    waiting(printer::run(options, &mut io::stdout()))
}

fn waiting(work: impl Future<Output = io::Result<()>>) -> Result<(), Lost> {
    let runtime = assembly::runtime().map_err(|error| wrong(&error))?;
    let done = runtime.block_on(work);
    // A thread that reads the keyboard cannot be told to stop reading.
    runtime.shutdown_background();
    Ok(done?)
}
