//! `[screen]`: the panel, and how it is mounted.

use serde::Deserialize;

use super::read::Document;

/// White text on the brand's colour must be readable: WCAG 2.2, 1.4.3.
const LEAST_CONTRAST: f64 = 4.5;

/// `[screen]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Screen {
    /// Width of the visible picture in millimetres, as it is mounted: 268 for a 21.5-inch panel in portrait.
    pub width_mm: f32,
    /// Width of a window in pixels, where the panel does not say; 1080 in portrait.
    pub width_px: u32,
    /// Its height.
    pub height_px: u32,
    /// Where the card terminal stands, seen from the traveller.
    pub terminal_side: TerminalSide,
    /// The operator's colour, on which white text stands: `"#0B57D0"`.
    pub brand: Brand,
}

impl Default for Screen {
    fn default() -> Self {
        Screen {
            width_mm: 268.0,
            width_px: 1080,
            height_px: 1920,
            terminal_side: TerminalSide::default(),
            brand: Brand { red: 0x0B, green: 0x57, blue: 0xD0 },
        }
    }
}

/// Where the card terminal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalSide {
    /// To the left of the screen.
    Left,
    /// To the right.
    #[default]
    Right,
    /// Below it.
    Below,
}

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Brand {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl TryFrom<String> for Brand {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let wrong = "a colour such as \"#0B57D0\" is expected";
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii()).ok_or(wrong)?;
        let part = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).map_err(|_| wrong);
        Ok(Brand { red: part(0)?, green: part(2)?, blue: part(4)? })
    }
}

impl Brand {
    /// Contrast of white text on this colour, 1 to 21 (WCAG 2.2, relative luminance).
    pub fn contrast_to_white(self) -> f64 {
        let linear = |part: u8| {
            let value = f64::from(part) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        1.05 / (0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue) + 0.05)
    }
}

impl Screen {
    /// Width and height of the picture in pixels, as it is mounted.
    pub fn pixels(&self) -> (u32, u32) {
        (self.width_px, self.height_px)
    }

    pub(super) fn check(&self, document: &mut Document<'_>) {
        if !(60.0..=2_000.0).contains(&self.width_mm) {
            let what = format!("{} is no width: millimetres from 60 to 2000 are expected, such as 268", self.width_mm);
            document.problem("screen.width_mm", what);
        }
        let contrast = self.brand.contrast_to_white();
        if contrast < LEAST_CONTRAST {
            let what =
                format!("white text has a contrast of {contrast:.1} on it; 4.5 are needed: take a darker colour");
            document.problem("screen.brand", what);
        }
    }
}
