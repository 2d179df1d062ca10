//! The Slint bridge, the only place that knows Slint: a [`View`](crate::kiosk::View) goes down, an
//! [`Intent`](crate::kiosk::Intent) comes up.
//!
//! Two hosts draw the same screens: [`Screen`] in a window or on the device's display, and [`Headless`] in memory, for
//! the demo without a display, the gallery and the tests.

mod bridge;
mod flags;
mod headless;
mod input;
mod intents;
mod map;
mod probe;
mod qr;
mod screen;
mod show;
mod show_sale;
mod show_service;

/// What Slint makes of `ui/main.slint`.
#[allow(missing_docs, unreachable_pub, unused, unused_qualifications, unsafe_code)]
#[allow(clippy::all, clippy::pedantic, clippy::restriction)]
mod generated {
    slint::include_modules!();
}

pub use headless::{Headless, Picture, Probed};
pub use probe::{Align, PictureSpot, Rect, Target, Words};
pub use screen::{Screen, ScreenError, window_is_possible};

/// The visible area that is drawn on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surface {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Width in millimetres, from `[screen] width_mm`.
    pub width_mm: f32,
    /// The operator's colour.
    pub brand: Rgb,
}

impl Surface {
    /// A 21.5-inch portrait screen: 1080 × 1920 on 268 mm.
    pub const PORTRAIT: Surface = Surface { width_px: 1080, height_px: 1920, width_mm: 268.0, brand: Rgb::DEFAULT };
    /// A 10.1-inch landscape screen: 1280 × 800 on 217 mm.
    pub const LANDSCAPE: Surface = Surface { width_px: 1280, height_px: 800, width_mm: 217.0, brand: Rgb::DEFAULT };

    /// Pixels of one millimetre.
    pub fn px_per_mm(&self) -> f32 {
        self.width_px as f32 / self.width_mm
    }
}

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl Rgb {
    /// The brand's colour where the operator names none.
    pub const DEFAULT: Rgb = Rgb { red: 0x0B, green: 0x57, blue: 0xD0 };
    /// White text on it must be readable: WCAG 2.2, 1.4.3.
    const LEAST_CONTRAST: f64 = 4.5;

    /// Reads `#0B57D0`.
    pub fn parse(text: &str) -> Option<Rgb> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).ok();
        Some(Rgb { red: part(0)?, green: part(2)?, blue: part(4)? })
    }

    /// Contrast of white text on this colour, 1 to 21.
    pub fn contrast_to_white(self) -> f64 {
        let linear = |part: u8| {
            let value = f64::from(part) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        1.05 / (0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue) + 0.05)
    }

    /// This colour, or a darker one on which white text can be read. The caller says so when it differs.
    #[must_use]
    pub fn readable_under_white(self) -> Rgb {
        let mut colour = self;
        while colour.contrast_to_white() < Self::LEAST_CONTRAST {
            let darker = |part: u8| u8::try_from(u16::from(part) * 19 / 20).unwrap_or(0);
            colour = Rgb { red: darker(colour.red), green: darker(colour.green), blue: darker(colour.blue) };
        }
        colour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pale_brand_is_darkened_until_white_can_be_read_on_it() {
        let pale = Rgb::parse("#FFD600").expect("a colour");
        assert!(pale.contrast_to_white() < 2.0);
        assert!(pale.readable_under_white().contrast_to_white() >= 4.5);
        assert_eq!(Rgb::DEFAULT.readable_under_white(), Rgb::DEFAULT);
        assert_eq!(Rgb::parse("#0B57D0"), Some(Rgb::DEFAULT));
        assert_eq!(Rgb::parse("0B57D0"), None);
        assert_eq!(Rgb::parse("#0B57"), None);
    }
}
