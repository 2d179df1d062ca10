//! The same screens without a display: pixels in memory, touches at coordinates.

use std::rc::Rc;
use std::time::Duration;

use slint::platform::software_renderer::{MinimalSoftwareWindow, RepaintBufferType};
use slint::platform::{Platform, PointerEventButton, WindowAdapter, WindowEvent};
use slint::{ComponentHandle, LogicalPosition, PhysicalSize, PlatformError, Rgb8Pixel};
use tokio::sync::{mpsc, watch};

use super::bridge::{Bridge, set_surface};
use super::generated::Theme;
use super::probe::{PictureSpot, Target, Words};
use super::screen::listing_fonts;
use super::{ScreenError, Surface};
use crate::kiosk::{Intent, View};

/// One picture of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green, blue for each pixel, line after line from the top.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// As a PNG file.
    ///
    /// # Errors
    /// Only when memory for it cannot be had.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()?;
        Ok(file)
    }
}

/// Everything that can be touched, read or scanned on the screen now.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// What can be touched; under an overlay only the overlay's.
    pub targets: Vec<Target>,
    /// All texts.
    pub words: Vec<Words>,
    /// Pictures for cameras.
    pub pictures: Vec<PictureSpot>,
}

/// A screen in memory. One per thread, and no [`Screen`](super::Screen) beside it on that thread.
pub struct Headless {
    bridge: Bridge,
    window: Rc<MinimalSoftwareWindow>,
    surface: Surface,
    pixels: Vec<Rgb8Pixel>,
    drawn: Option<u64>,
}

/// Hands the one window in memory to Slint.
struct InMemory(Rc<MinimalSoftwareWindow>, std::time::Instant);

impl Platform for InMemory {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
        Ok(Rc::clone(&self.0) as Rc<dyn WindowAdapter>)
    }

    fn duration_since_start(&self) -> Duration {
        self.1.elapsed()
    }
}

impl Headless {
    /// A screen of `surface` in memory whose touches become `intents`.
    ///
    /// # Errors
    /// [`ScreenError::Platform`] when this thread has a screen already.
    pub fn new(surface: Surface, intents: mpsc::Sender<Intent>) -> Result<Headless, ScreenError> {
        let window = MinimalSoftwareWindow::new(RepaintBufferType::ReusedBuffer);
        listing_fonts(|| {
            slint::platform::set_platform(Box::new(InMemory(Rc::clone(&window), std::time::Instant::now())))
                .map_err(PlatformError::SetPlatformError)
        })?;
        let bridge = Bridge::new(&surface, intents).map_err(ScreenError::Platform)?;
        bridge.window.show().map_err(ScreenError::Platform)?;
        let mut headless = Headless { bridge, window, surface, pixels: Vec::new(), drawn: None };
        headless.set_surface(surface);
        Ok(headless)
    }

    /// Another size of screen.
    pub fn set_surface(&mut self, surface: Surface) {
        self.surface = surface;
        set_surface(&self.bridge.window, &surface);
        let theme = self.bridge.window.global::<Theme>();
        theme.set_stage_width(surface.width_px as f32);
        theme.set_stage_height(surface.height_px as f32);
        self.window.set_size(PhysicalSize::new(surface.width_px, surface.height_px));
        self.pixels = vec![Rgb8Pixel::default(); surface.width_px as usize * surface.height_px as usize];
        self.window.request_redraw();
    }

    /// The visible area.
    pub fn surface(&self) -> Surface {
        self.surface
    }

    /// Shows a view and draws it.
    pub fn show(&mut self, view: &View) {
        self.bridge.show(view);
        self.draw();
        self.drawn = Some(view.version);
    }

    /// Draws what has changed, if anything has; true if it had.
    pub fn draw(&mut self) -> bool {
        slint::platform::update_timers_and_animations();
        let (window, stride) = (&self.window, self.surface.width_px as usize);
        let pixels = &mut self.pixels;
        window.draw_if_needed(|renderer| {
            renderer.render(pixels, stride);
        })
    }

    /// Takes the latest view if there is a new one, draws, and acknowledges it. To be called again and again; false
    /// when the loop has ended.
    pub fn pump(&mut self, views: &mut watch::Receiver<std::sync::Arc<View>>) -> bool {
        let open = match views.has_changed() {
            Ok(true) => {
                let view = std::sync::Arc::clone(&views.borrow_and_update());
                self.show(&view);
                self.bridge.wishes.send(Intent::Drawn(view.version));
                true
            }
            Ok(false) => true,
            Err(_) => false,
        };
        self.draw();
        open
    }

    /// The version that was drawn last.
    pub fn drawn(&self) -> Option<u64> {
        self.drawn
    }

    /// The picture on the screen.
    pub fn picture(&mut self) -> Picture {
        self.draw();
        let mut rgb = vec![0; self.pixels.len() * 3];
        for (pixel, bytes) in self.pixels.iter().zip(rgb.chunks_exact_mut(3)) {
            bytes.copy_from_slice(&[pixel.r, pixel.g, pixel.b]);
        }
        Picture { width: self.surface.width_px, height: self.surface.height_px, rgb }
    }

    /// What can be touched, read and scanned now.
    pub fn probe(&mut self) -> Probed {
        self.draw();
        let told = self.bridge.collector.ask(&self.bridge.window);
        Probed { targets: told.targets, words: told.words, pictures: told.pictures }
    }

    /// Touches a point: down, one frame, up.
    pub fn touch(&mut self, x: f32, y: f32) {
        let position = LogicalPosition::new(x, y);
        let button = PointerEventButton::Left;
        self.press(x, y);
        self.draw();
        self.window.dispatch_event(WindowEvent::PointerReleased { position, button });
        self.window.dispatch_event(WindowEvent::PointerExited);
        self.draw();
    }

    /// A finger comes down and stays; for measuring how soon the screen answers.
    pub fn press(&mut self, x: f32, y: f32) {
        let (position, button) = (LogicalPosition::new(x, y), PointerEventButton::Left);
        self.window.dispatch_event(WindowEvent::PointerPressed { position, button });
    }

    /// The finger slides off without letting go on the part: nothing is wished.
    pub fn leave(&mut self) {
        let (position, button) = (LogicalPosition::new(-1.0, -1.0), PointerEventButton::Left);
        self.window.dispatch_event(WindowEvent::PointerMoved { position });
        self.window.dispatch_event(WindowEvent::PointerReleased { position, button });
        self.window.dispatch_event(WindowEvent::PointerExited);
        self.draw();
    }

    /// The middle of a part in pixels, if it is there, visible and enabled.
    pub fn place_of(&mut self, name: &str) -> Option<(f32, f32)> {
        let (width, height) = (self.surface.width_px as f32, self.surface.height_px as f32);
        let found = self.probe().targets.into_iter().rev().find(|target| target.name == name && target.enabled);
        found.filter(|target| target.rect.is_within(width, height)).map(|target| target.rect.centre())
    }

    /// Touches a part by its name, in its middle: what a traveller would hit. True if it is there, visible and enabled.
    pub fn touch_part(&mut self, name: &str) -> bool {
        let Some((x, y)) = self.place_of(name) else { return false };
        self.touch(x, y);
        true
    }
}
