//! The stage for people: the demo in a window, and the simulators alone beside a service that is started by hand.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Duration;

use esim_kiosk::assembly;
use esim_kiosk::config::Config;
use esim_kiosk::kiosk::Inbox;
use esim_kiosk::sim::printer::Panel as Paper;
use esim_kiosk::sim::providers::{Provider, ProvidersPanel};
use esim_kiosk::sim::terminal::{Cardholder, TerminalPanel};
use esim_kiosk::ui::Screen;
use esim_kiosk::watchdog::UiPing;

use crate::hand::Lost;
use crate::say;
use crate::stage::{Scenery, Stage};

const KEYS: &str = "Type a letter and Enter in this terminal:
  d  the next card is declined          c  the stop key on the terminal
  l  cut the terminal's line for 10 s   t  take the paper
  o  drop the provider, or bring it back
  q  quit";

/// What the keys reach.
struct Keys {
    terminal: TerminalPanel,
    paper: Paper,
    providers: ProvidersPanel,
}

impl Keys {
    fn of(stage: &Stage) -> Keys {
        Keys { terminal: stage.terminal.panel(), paper: stage.printer.panel(), providers: stage.providers.panel() }
    }

    /// Obeys lines of standard input until it ends or says q.
    fn obey(&self) {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match line.trim() {
                "d" => self.terminal.next(Cardholder::declined(0x05, "Karte abgelehnt")),
                "c" => self.terminal.press_stop(),
                "l" => self.terminal.cut(Some(Duration::from_secs(10))),
                "t" => self.paper.take(),
                "o" if self.providers.is_up(Provider::Mobilexy) => self.providers.drop_provider(Provider::Mobilexy),
                "o" => self.providers.restore(Provider::Mobilexy),
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

fn scenery(dir: &Path) -> Scenery {
    Scenery {
        dir: dir.to_owned(),
        providers: vec![Provider::Mobilexy],
        plans: 3_000,
        approves_after: Duration::from_secs(3),
        seed: 1,
        brisk: false,
        pixels: (1080, 1920),
        width_mm: 268,
    }
}

fn wrong(error: &dyn std::error::Error) -> Lost {
    Lost::Wrong(crate::demo::chain(error))
}

/// The whole kiosk in a window. `Ok(false)` where none could be opened.
pub(crate) fn window(out: &Path) -> Result<bool, Lost> {
    crate::demo::clean(out)?;
    let runtime = assembly::runtime().map_err(|error| wrong(&error))?;
    let inside = runtime.enter();
    let stage = Stage::set(&scenery(&out.join("stage")))?;
    let config = Config::load(&stage.config).map_err(|error| wrong(&error))?;
    let journal = assembly::journal(&config).map_err(|error| wrong(&error))?;
    let running = assembly::start(&config, Box::new(journal), UiPing::default()).map_err(|error| wrong(&error))?;
    drop(inside);
    let (width, height) = config.screen.pixels();
    let screen = match Screen::new(assembly::surface(&config, width, height), running.intents.clone()) {
        Ok(screen) => screen,
        Err(error) => {
            say(&format!("no window can be opened ({}): going on headless", wrong(&error)));
            return Ok(false);
        }
    };
    say(KEYS);
    let keys = Keys::of(&stage);
    let inbox = running.inbox.clone();
    std::thread::spawn(move || {
        keys.obey();
        // A loop that is gone already needs no stopping.
        inbox.blocking_send(Inbox::Stop).ok();
    });
    screen.run(runtime.handle(), running.views).map_err(|error| wrong(&error))?;
    runtime.block_on(async { running.inbox.send(Inbox::Stop).await.ok() });
    say(&format!("ledgers, receipts and the journal are in {}", out.display()));
    Ok(true)
}

/// The simulators alone, until Enter.
pub(crate) fn all(dir: &PathBuf) -> Result<(), Lost> {
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
