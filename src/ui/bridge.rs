//! What both hosts share: the window's component with everything connected.

use std::rc::Rc;

use slint::{ComponentHandle, PlatformError};
use tokio::sync::mpsc;

use super::Surface;
use super::generated::{KioskWindow, Theme};
use super::intents::Wishes;
use super::probe::Collector;
use super::show::Show;
use crate::kiosk::{Intent, View};

/// Window, way up, way down.
pub(super) struct Bridge {
    pub(super) window: KioskWindow,
    pub(super) wishes: Rc<Wishes>,
    pub(super) collector: Collector,
    show: Show,
}

impl Bridge {
    pub(super) fn new(surface: &Surface, intents: mpsc::Sender<Intent>) -> Result<Bridge, PlatformError> {
        let window = KioskWindow::new()?;
        let wishes = Wishes::new(intents);
        wishes.connect(&window);
        let collector = Collector::connect(&window);
        let show = Show::new(&window, Rc::clone(&wishes));
        set_surface(&window, surface);
        Ok(Bridge { window, wishes, collector, show })
    }

    pub(super) fn show(&mut self, view: &View) {
        self.show.show(view);
    }
}

/// Measures and brand. The stage follows the window; its width in millimetres is the configuration's.
pub(super) fn set_surface(window: &KioskWindow, surface: &Surface) {
    let theme = window.global::<Theme>();
    let brand = surface.brand.readable_under_white();
    if brand != surface.brand {
        tracing::warn!(
            "[screen] brand is too pale for white text: shown darker, choose a colour with a contrast of 4.5"
        );
    }
    theme.set_width_mm(surface.width_mm);
    theme.set_surface_mm(surface.px_per_mm());
    theme.set_chosen_brand(slint::Color::from_rgb_u8(brand.red, brand.green, brand.blue));
    window.set_aspect(surface.width_px as f32 / surface.height_px as f32);
}
