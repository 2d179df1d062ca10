//! The running program: what [`start`](super::start) puts together, with the screen in front and the service manager behind.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::out_of_order::{Mark, Page, TRIED_AGAIN, WORDS_STAY};
use super::{NotAssembled, journal, runtime, start};
use crate::config::Config;
use crate::kiosk::{Halted, Inbox, View};
use crate::ui::{Rgb, Surface};
use crate::watchdog::{JournalPing, LoopPing, ServiceManager, Watchdog};

/// The visible area and the operator's colour.
pub fn surface(config: &Config, width_px: u32, height_px: u32) -> Surface {
    let brand = &config.screen.brand;
    let brand = Rgb { red: brand.red, green: brand.green, blue: brand.blue }.readable_under_white();
    Surface { width_px, height_px, width_mm: config.screen.width_mm, brand }
}

/// Asks the loop, and through it the journal, whether they can still work.
async fn ask_loop(inbox: mpsc::Sender<Inbox>, kiosk: LoopPing, journal: JournalPing) {
    let mut every = tokio::time::interval(Duration::from_secs(2));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let (ask, answer) = tokio::sync::oneshot::channel();
        if inbox.send(Inbox::Ping(ask)).await.is_err() {
            return;
        }
        if let Ok(pong) = answer.await {
            kiosk.answered();
            if pong.journal {
                journal.answered();
            }
        }
    }
}

/// Tells the service manager that the kiosk is up once the first picture is drawn, and what it does after that.
async fn tell_manager(manager: ServiceManager, mut views: watch::Receiver<Arc<View>>) {
    let mut said = String::new();
    loop {
        let status = format!("showing {}", views.borrow_and_update().name());
        if said.is_empty() {
            manager.ready(&status);
        } else if said != status {
            manager.status(&status);
        }
        said = status;
        if views.changed().await.is_err() {
            manager.stopping();
            return;
        }
    }
}

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// It could not be put together.
    #[error("the kiosk cannot start")]
    NotAssembled(#[from] NotAssembled),
    /// The screen failed.
    #[error("the screen failed")]
    Screen(#[from] crate::ui::ScreenError),
    /// The loop ended by itself.
    #[error("the kiosk stopped")]
    Halted(#[from] Halted),
    /// systemd's socket is not there.
    #[error("the service manager cannot be told anything")]
    Manager(#[from] crate::watchdog::NoManager),
    /// A task of ours panicked; the panic is in the log.
    #[error("a part of the kiosk broke: see the log")]
    Broken,
}

/// The service: everything, with the screen on this thread, until the window is closed, a signal comes or the
/// journal fails.
///
/// # Errors
/// [`Ended`]; the service manager starts the program anew.
pub fn run(config: &Config) -> Result<(), Ended> {
    let runtime = runtime()?;
    Mark::of_service().take_away();
    let journal = journal(config)?;
    let manager = ServiceManager::from_environment()?;
    let inside = runtime.enter();
    let (ui, kiosk, store, _feeding) = Watchdog::start(manager.clone());
    let running = start(config, Box::new(journal), ui)?;
    match crate::control::listen(&config.control.socket) {
        Ok(listener) => drop(runtime.spawn(crate::control::serve(listener, running.inbox.clone()))),
        // Selling goes on: only the command line cannot order anything.
        Err(error) => warn!(%error, path = %config.control.socket.display(), "no control socket"),
    }
    drop(inside);
    let (width_px, height_px) = config.screen.pixels();
    let screen = crate::ui::Screen::new(surface(config, width_px, height_px), running.intents.clone())?;
    runtime.spawn(stop_on_signal(running.inbox.clone()));
    runtime.spawn(ask_loop(running.inbox.clone(), kiosk, store));
    runtime.spawn(tell_manager(manager, running.views.clone()));
    screen.run(runtime.handle(), running.views)?;
    runtime.block_on(finish(running.inbox, running.kiosk))
}

/// In place of [`run`] where the kiosk cannot start and only a person can mend that: shows so and feeds the watchdog, until
/// a signal comes or it is time to try again.
///
/// # Errors
/// [`Ended`], where not even this can be shown.
pub fn show_out_of_order(config: Option<&Config>, why: &str) -> Result<(), Ended> {
    let runtime = runtime()?;
    let manager = ServiceManager::from_environment()?;
    let inside = runtime.enter();
    let (ui, kiosk, store, _feeding) = Watchdog::start(manager.clone());
    drop(inside);
    let zone = config.map_or_else(jiff::tz::TimeZone::system, |config| config.machine.zone());
    let since = jiff::Timestamp::now().to_zoned(zone).strftime("%H:%M").to_string();
    let page = Page::new(config, why, &since);
    let (intents, wishes) = mpsc::channel(64);
    let surface = match config {
        Some(config) => {
            let (width_px, height_px) = config.screen.pixels();
            surface(config, width_px, height_px)
        }
        None => Surface::PORTRAIT,
    };
    let screen = crate::ui::Screen::new(surface, intents)?;
    manager.ready(&format!("cannot start: {why}"));
    Mark::of_service().put(why);
    let (shown, views) = watch::channel(page.view());
    runtime.spawn(wait_out_of_order(page, wishes, shown, ui));
    runtime.spawn(async move {
        // Nothing else runs that could hang.
        let mut every = tokio::time::interval(Duration::from_secs(2));
        loop {
            every.tick().await;
            kiosk.answered();
            store.answered();
        }
    });
    screen.run(runtime.handle(), views)?;
    manager.stopping();
    Ok(())
}

/// Until it is time to try again, or a signal comes: the end of `shown` ends the screen.
async fn wait_out_of_order(
    mut page: Page,
    mut wishes: mpsc::Receiver<crate::kiosk::Intent>,
    shown: watch::Sender<Arc<View>>,
    ui: crate::watchdog::UiPing,
) {
    let (inbox, mut stop) = mpsc::channel(1);
    tokio::spawn(stop_on_signal(inbox));
    let began = tokio::time::Instant::now();
    let mut back_at = None;
    loop {
        let turned = tokio::select! {
            wish = wishes.recv() => match wish {
                Some(crate::kiosk::Intent::Drawn(_)) => {
                    ui.answered();
                    continue;
                }
                Some(wish) => page.touched(&wish, began.elapsed()),
                None => return,
            },
            () = tokio::time::sleep_until(back_at.unwrap_or(began + TRIED_AGAIN)) => match back_at {
                Some(_) => page.turn(false),
                None => return,
            },
            _ = stop.recv() => return,
        };
        if turned {
            back_at = page.tells_why().then(|| tokio::time::Instant::now() + WORDS_STAY);
            shown.send_replace(page.view());
        }
    }
}

/// Ends the loop, if it has not ended by itself, and says why it did.
async fn finish(inbox: mpsc::Sender<Inbox>, kiosk: JoinHandle<Result<(), Halted>>) -> Result<(), Ended> {
    // A loop that is gone already has its own reason, which the handle tells.
    inbox.send(Inbox::Stop).await.ok();
    match kiosk.await {
        Ok(outcome) => outcome.map_err(Ended::Halted),
        Err(_) => Err(Ended::Broken),
    }
}

async fn stop_on_signal(inbox: mpsc::Sender<Inbox>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        warn!("signals cannot be listened to");
        return;
    };
    tokio::select! {
        _ = term.recv() => info!("SIGTERM: stopping"),
        _ = int.recv() => info!("SIGINT: stopping"),
    }
    inbox.send(Inbox::Stop).await.ok();
}
