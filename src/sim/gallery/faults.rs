//! What is wrong with a screen, from what its parts tell: touch targets too small or over one another, texts cut,
//! over one another, not translated, or with letters that the font has not.

use super::font::Font;
use super::translations;
use crate::ui::{Align, Probed, Rect, Surface, Target, Words};

/// Nothing that is touched is smaller than this.
pub const TOUCH_MM: f32 = 20.0;
/// Lists of countries and names from outside may be cut with dots.
const MAY_BE_CUT_FROM: usize = 90;
/// Shorter sentences must be equal to count as untranslated; longer ones may stand within a text.
const SENTENCE_LETTERS: usize = 14;

/// Looks at the screens of one language on one surface.
pub struct Judge {
    surface: Surface,
    fonts: [(i32, Font); 3],
    untranslated: Vec<String>,
}

impl Judge {
    /// A judge of a language and a surface.
    pub fn new(language: &str, surface: Surface) -> Judge {
        let untranslated = translations::file(language)
            .map(translations::entries)
            .unwrap_or_default()
            .into_iter()
            .filter(|entry| entry.context.is_none())
            .flat_map(|entry| {
                let translations = entry.translations.clone();
                entry.sources.into_iter().filter(move |source| !translations.contains(source))
            })
            .collect();
        Judge { surface, fonts: [400, 600, 700].map(|weight| (weight, Font::of_weight(weight))), untranslated }
    }

    /// Everything that is wrong.
    pub fn faults(&self, probed: &Probed) -> Vec<String> {
        let mut faults = Vec::new();
        self.targets(&probed.targets, &mut faults);
        for words in &probed.words {
            self.words(words, &mut faults);
        }
        // What lies under an overlay is covered: only without one can texts collide.
        if !probed.targets.iter().any(|target| target.name.starts_with("over.")) {
            self.collisions(&probed.words, &mut faults);
        }
        faults
    }

    fn targets(&self, targets: &[Target], faults: &mut Vec<String>) {
        let (width, height) = (self.surface.width_px as f32, self.surface.height_px as f32);
        let least = TOUCH_MM * self.surface.px_per_mm();
        for (place, target) in targets.iter().enumerate() {
            let rect = target.rect;
            if rect.width < least || rect.height < least {
                let (across, down) = (rect.width / self.surface.px_per_mm(), rect.height / self.surface.px_per_mm());
                faults.push(format!("{} is {across:.1} × {down:.1} mm to touch, {TOUCH_MM} are needed", target.name));
            }
            if !rect.is_within(width, height) {
                faults.push(format!("{} lies outside the screen: {rect:?}", target.name));
            }
            if target.label.is_empty() {
                faults.push(format!("{} has no label for a screen reader", target.name));
            }
            for other in &targets[place + 1..] {
                let inside = rect.holds(&other.rect) || other.rect.holds(&rect);
                if !inside && rect.overlap(&other.rect).is_some_and(|(w, h)| w > 1.0 && h > 1.0) {
                    faults.push(format!("{} and {} overlap", target.name, other.name));
                }
            }
        }
    }

    fn font(&self, weight: i32) -> &Font {
        let index = if weight <= 500 {
            0
        } else if weight <= 650 {
            1
        } else {
            2
        };
        &self.fonts[index].1
    }

    fn words(&self, words: &Words, faults: &mut Vec<String>) {
        let (text, rect) = (&words.text, words.rect);
        let font = self.font(words.weight);
        for letter in text.chars().filter(|letter| !font.has(*letter)) {
            faults.push(format!("no glyph for {letter:?} in “{text}”"));
        }
        if self.is_untranslated(text) {
            faults.push(format!("not translated: “{text}”"));
        }
        if text.chars().count() >= MAY_BE_CUT_FROM && !text.contains('.') {
            return;
        }
        let within = self.surface.height_px as f32;
        let (lines, widest) = if words.wraps {
            font.lines(text, words.size, rect.width + 1.0)
        } else {
            (1, font.width(text, words.size))
        };
        let needed = lines as f32 * font.line(words.size);
        if widest > rect.width * 1.01 + 2.0 {
            faults.push(format!("cut at the side: “{text}” needs {widest:.0} px of {:.0}", rect.width));
        }
        // The first and last line's own air may be cut.
        if needed > rect.height + 0.4 * words.size {
            faults.push(format!("cut below: “{text}” needs {needed:.0} px of {:.0}", rect.height));
        }
        if rect.y >= within || rect.y + rect.height <= 0.0 {
            return;
        }
        let least = self.least_capitals_mm();
        let capitals = words.size * 0.714 / self.surface.px_per_mm();
        if capitals < least {
            faults.push(format!("too small: “{text}” has capitals of {capitals:.1} mm, {least} are needed"));
        }
    }

    /// At 60 cm before a portrait screen 4.8 mm; a landscape one stands on a counter, 45 cm away, where 3.6 mm fill
    /// the same angle.
    fn least_capitals_mm(&self) -> f32 {
        if self.surface.width_px > self.surface.height_px { 3.6 } else { 4.8 }
    }

    fn is_untranslated(&self, text: &str) -> bool {
        self.untranslated.iter().any(|source| {
            let mut pieces = source.split(['{', '}']).step_by(2).filter(|piece| !piece.is_empty());
            if source == text {
                return true;
            }
            let Some(longest) = pieces.by_ref().max_by_key(|piece| piece.len()) else { return false };
            longest.chars().count() >= SENTENCE_LETTERS && text.contains(longest)
        })
    }

    fn collisions(&self, words: &[Words], faults: &mut Vec<String>) {
        let inks: Vec<_> = words.iter().map(|words| (self.ink(words), words)).collect();
        for (place, (ink, one)) in inks.iter().enumerate() {
            for (other, another) in &inks[place + 1..] {
                if ink.overlap(other).is_some_and(|(w, h)| w > 3.0 && h > 3.0) {
                    faults.push(format!("“{}” and “{}” lie over one another", one.text, another.text));
                }
            }
        }
    }

    /// Where letters are: the rectangle without the room beside, above and below them.
    fn ink(&self, words: &Words) -> Rect {
        let font = self.font(words.weight);
        let (lines, widest) = if words.wraps {
            font.lines(&words.text, words.size, words.rect.width + 1.0)
        } else {
            (1, font.width(&words.text, words.size))
        };
        let (width, height) = (widest.min(words.rect.width), lines as f32 * font.line(words.size));
        let place = |align: Align, room: f32| match align {
            Align::Start => 0.0,
            Align::Centre => room / 2.0,
            Align::End => room,
        };
        let air = 0.18 * words.size;
        Rect {
            x: words.rect.x + place(words.across, words.rect.width - width),
            y: words.rect.y + place(words.down, words.rect.height - height) + air,
            width,
            height: height - 2.0 * air,
        }
    }
}
