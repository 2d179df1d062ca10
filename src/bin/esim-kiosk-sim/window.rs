//! The demo in a window, with keys for what can go wrong.

use std::path::Path;

use esim_kiosk::assembly;
use esim_kiosk::config::Config;
use esim_kiosk::kiosk::Inbox;
use esim_kiosk::ui::Screen;
use esim_kiosk::watchdog::UiPing;

use crate::by_hand::{KEYS, Keys, scenery, wrong};
use crate::lost::Lost;
use crate::say;
use esim_kiosk::sim::stage::Stage;

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
