//! The screen that a traveller stands before: a window on a developer's machine, the whole display on the device.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use slint::{ComponentHandle, PlatformError, Timer, TimerMode};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::bridge::Bridge;
use super::{Surface, input};
use crate::kiosk::{Intent, View};

/// The version that is shown is acknowledged this often, so that silence means a stuck screen.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A window of this size fits on a developer's display.
const DESK: (f32, f32) = (1200.0, 900.0);

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// No display is there.
    #[error("no display: set DISPLAY or WAYLAND_DISPLAY, or run without a window")]
    NoDisplay,
    /// Slint could not open one.
    #[error("the screen cannot be opened: check the display and its permissions")]
    Platform(#[source] PlatformError),
    /// fontconfig is installed and knows no font: its reader in Slint cannot bear that.
    #[error("the fonts cannot be listed: install a font package, or point FONTCONFIG_FILE to a file that names one")]
    NoFonts,
}

/// Does what makes Slint list the machine's fonts. Its font library panics where fontconfig knows none at all: that is
/// a machine's fault with a remedy, not one of ours.
pub(super) fn listing_fonts<T>(open: impl FnOnce() -> Result<T, PlatformError>) -> Result<T, ScreenError> {
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(ScreenError::Platform),
        Err(_) => Err(ScreenError::NoFonts),
    }
}

/// Is there a display on which a window can be tried? Asked before Slint is touched, since it can be set up only once.
pub fn window_is_possible() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(feature = "device") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// The screen. Lives on the main thread.
pub struct Screen {
    bridge: Bridge,
}

impl Screen {
    /// Opens the screen; touches become `intents`.
    ///
    /// # Errors
    /// [`ScreenError`] when there is no display or it cannot be opened.
    pub fn new(surface: Surface, intents: mpsc::Sender<Intent>) -> Result<Screen, ScreenError> {
        if !window_is_possible() {
            return Err(ScreenError::NoDisplay);
        }
        listing_fonts(|| input::select_backend(&intents))?;
        let bridge = listing_fonts(|| Bridge::new(&surface, intents))?;
        if cfg!(feature = "device") {
            bridge.window.window().set_fullscreen(true);
        } else if std::env::var_os("SLINT_FULLSCREEN").is_some() {
            // Slint asks the window manager; where there is none, the size alone fills the display.
            bridge.window.window().set_size(slint::PhysicalSize::new(surface.width_px, surface.height_px));
        } else {
            // Fits on a desk; the stage keeps its shape and fills the window when that is resized.
            let (width, height) = (surface.width_px as f32, surface.height_px as f32);
            let scale = (DESK.0 / width).min(DESK.1 / height).min(1.0);
            bridge.window.window().set_size(slint::LogicalSize::new(width * scale, height * scale));
        }
        Ok(Screen { bridge })
    }

    /// Shows every view until the window is closed or the loop ends.
    ///
    /// # Errors
    /// [`ScreenError::Platform`] when the event loop fails.
    pub fn run(self, runtime: &Handle, mut views: watch::Receiver<Arc<View>>) -> Result<(), ScreenError> {
        let window = self.bridge.window.clone_strong();
        let wishes = Rc::clone(&self.bridge.wishes);
        let drawn = Rc::new(Cell::new(0_u64));
        let bridge = Rc::new(RefCell::new(self.bridge));
        let first = Arc::clone(&views.borrow_and_update());
        bridge.borrow_mut().show(&first);
        drawn.set(first.version);

        let heartbeat = Timer::default();
        heartbeat.start(TimerMode::Repeated, HEARTBEAT, {
            let (wishes, drawn) = (Rc::clone(&wishes), Rc::clone(&drawn));
            move || wishes.send(Intent::Drawn(drawn.get()))
        });
        HERE.set(Some(Here { bridge: Rc::clone(&bridge), drawn: Rc::clone(&drawn) }));
        let courier = runtime.spawn(carry(views));
        let outcome = window.run().map_err(ScreenError::Platform);
        courier.abort();
        HERE.set(None);
        outcome
    }
}

/// What the event loop's thread needs to show a view that another thread brings.
#[derive(Clone)]
struct Here {
    bridge: Rc<RefCell<Bridge>>,
    drawn: Rc<Cell<u64>>,
}

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// Brings each view to the event loop, one at a time: while it draws, newer ones replace each other.
async fn carry(mut views: watch::Receiver<Arc<View>>) {
    while views.changed().await.is_ok() {
        let view = Arc::clone(&views.borrow_and_update());
        let (done, shown) = oneshot::channel();
        let posted = slint::invoke_from_event_loop(move || {
            show_here(&view);
            // The loop does not wait for a courier that has gone.
            done.send(()).ok();
        });
        if posted.is_err() || shown.await.is_err() {
            return;
        }
    }
    // The loop has ended: so does the screen. If it has ended already, there is nothing to quit.
    slint::invoke_from_event_loop(|| {
        slint::quit_event_loop().ok();
    })
    .ok();
}

fn show_here(view: &View) {
    let Some(here) = HERE.with_borrow(Clone::clone) else { return };
    let mut bridge = here.bridge.borrow_mut();
    bridge.show(view);
    here.drawn.set(view.version);
    // Acknowledged from the next turn of the event loop, after the frame that this change asked for.
    let (wishes, version) = (Rc::clone(&bridge.wishes), view.version);
    Timer::single_shot(Duration::from_millis(1), move || wishes.send(Intent::Drawn(version)));
}
