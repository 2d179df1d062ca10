//! Lines that the printer has no letters for, shaped and drawn with the embedded fonts.
//!
//! Order of the runs by the Unicode bidirectional algorithm (UAX #9), shaping by HarfBuzz's rules, black and white
//! by a threshold: a thermal head knows no grey.

use harfrust::{Direction, FontRef as ShapeFont, ShapeOptions, ShaperData, UnicodeBuffer};
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::{Format, Vector};
use swash::{CacheKey, FontRef};
use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};

use super::layout::{Align, Size, Style};
use super::text::clean;

/// The embedded fonts, in the order in which they are asked for a letter. SIL Open Font License 1.1.
static FONTS: [&[u8]; 5] = [
    include_bytes!("../../ui/assets/fonts/NotoSans-Regular.ttf"),
    include_bytes!("../../ui/assets/fonts/NotoSansArabic-Receipt.ttf"),
    include_bytes!("../../ui/assets/fonts/NotoSansHebrew-Receipt.ttf"),
    include_bytes!("../../ui/assets/fonts/NotoSansThai-Receipt.ttf"),
    include_bytes!("../../ui/assets/fonts/NotoSansJP-Receipt.otf"),
];

/// Size of normal letters in dots per em: as high as font A at 203 dpi.
const EM_DOTS: f32 = 24.0;
/// Where the base line lies below a line's top, and how high a line is, in dots of normal size.
const BASE: u32 = 25;
const LINE: u32 = 32;
/// Lines of a paragraph in the middle are as long as each other to so many dots.
const BALANCE: u32 = 24;
/// Darker than this of 255 becomes a dot.
const THRESHOLD: u8 = 100;

/// A picture of one bit a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    /// Width in dots.
    pub width: u32,
    /// Height in dots.
    pub height: u32,
    /// Rows of `width.div_ceil(8)` bytes, the leftmost dot in the highest bit, 1 is black.
    pub rows: Vec<u8>,
}

impl Bitmap {
    /// White.
    pub fn new(width: u32, height: u32) -> Bitmap {
        Bitmap { width, height, rows: vec![0; (width.div_ceil(8) * height) as usize] }
    }

    /// Bytes of a row.
    pub fn stride(&self) -> usize {
        self.width.div_ceil(8) as usize
    }

    /// Blackens a dot; outside the picture nothing happens.
    pub fn set(&mut self, x: i32, y: i32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let place = y as usize * self.stride() + (x / 8) as usize;
            self.rows[place] |= 0x80 >> (x % 8);
        }
    }

    /// Whether a dot is black.
    pub fn get(&self, x: u32, y: u32) -> bool {
        x < self.width && y < self.height && {
            let place = y as usize * self.stride() + (x / 8) as usize;
            self.rows[place] & (0x80 >> (x % 8)) != 0
        }
    }
}

/// A glyph at its place on a line, in dots from the line's start and up from the base line.
#[derive(Debug, Clone, Copy)]
struct Placed {
    font: usize,
    id: u16,
    x: f32,
    y: f32,
}

/// A shaped line, left to right as it is seen.
#[derive(Debug, Default)]
struct Line {
    glyphs: Vec<Placed>,
    width: f32,
}

/// Shapes and draws.
pub struct Drawer {
    fonts: Vec<Font>,
    scaler: ScaleContext,
    right_to_left: bool,
}

struct Font {
    shape: ShapeFont<'static>,
    data: ShaperData,
    /// Borrowed bytes for the scaler, and the key of its cache.
    key: CacheKey,
    bytes: &'static [u8],
}

impl Font {
    fn scale(&self) -> FontRef<'static> {
        FontRef { data: self.bytes, offset: 0, key: self.key }
    }
}

impl Drawer {
    /// For a language whose lines begin at the right, or at the left.
    pub fn new(right_to_left: bool) -> Drawer {
        let fonts = FONTS
            .iter()
            .filter_map(|bytes| {
                let shape = ShapeFont::new(bytes).ok()?;
                let data = ShaperData::new(&shape);
                Some(Font { shape, data, key: CacheKey::new(), bytes })
            })
            .collect();
        Drawer { fonts, scaler: ScaleContext::new(), right_to_left }
    }

    /// A paragraph on paper of `dots`, one picture a line.
    pub fn paragraph(&mut self, text: &str, style: Style, align: Align, dots: u32) -> Vec<Bitmap> {
        let lines = match align {
            Align::Centre => self.balanced(&clean(text), em(style), dots),
            Align::Start => self.wrap(&clean(text), em(style), dots),
        };
        lines.iter().map(|line| self.draw(&[(line, self.place(line, align, dots))], style, dots)).collect()
    }

    /// Both ends of a line, on one line where they fit.
    pub fn pair(&mut self, start: &str, end: &str, style: Style, dots: u32) -> Vec<Bitmap> {
        let em = em(style);
        let room = dots as f32;
        let (first, last) = (self.wrap(&clean(start), em, dots), self.line(&clean(end), em));
        let mut pictures = Vec::with_capacity(first.len() + 1);
        let last_x = if self.right_to_left { 0.0 } else { (room - last.width).max(0.0) };
        let rows = first.len();
        for (row, line) in first.iter().enumerate() {
            let at = self.place(line, Align::Start, dots);
            if row + 1 < rows {
                pictures.push(self.draw(&[(line, at)], style, dots));
            } else if line.width + last.width + em <= room {
                pictures.push(self.draw(&[(line, at), (&last, last_x)], style, dots));
            } else {
                pictures.push(self.draw(&[(line, at)], style, dots));
                pictures.push(self.draw(&[(&last, last_x)], style, dots));
            }
        }
        pictures
    }

    fn place(&self, line: &Line, align: Align, dots: u32) -> f32 {
        let free = (dots as f32 - line.width).max(0.0);
        match align {
            Align::Centre => (free / 2.0).floor(),
            Align::Start if self.right_to_left => free,
            Align::Start => 0.0,
        }
    }

    /// Breaks between words, and within one only where it is wider than the paper or its script has no spaces.
    fn wrap(&mut self, text: &str, em: f32, dots: u32) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let whole = self.line(rest, em);
            if whole.width <= dots as f32 {
                lines.push(whole);
                break;
            }
            let cut = self.break_at(rest, em, dots);
            lines.push(self.line(rest[..cut].trim_end(), em));
            rest = rest[cut..].trim_start();
        }
        if lines.is_empty() {
            lines.push(Line::default());
        }
        lines
    }

    /// The same in lines of like length, for a paragraph in the middle.
    fn balanced(&mut self, text: &str, em: f32, dots: u32) -> Vec<Line> {
        let mut best = self.wrap(text, em, dots);
        if best.len() < 2 {
            return best;
        }
        // A word is not cut for it.
        let mut least = 1;
        for word in text.split(' ').filter(|word| !word.chars().any(stands_alone)) {
            least = least.max(self.line(word, em).width.ceil() as u32);
        }
        let mut most = dots;
        while least + BALANCE < most {
            let middle = u32::midpoint(least, most);
            let tried = self.wrap(text, em, middle);
            if tried.len() > best.len() {
                least = middle;
            } else {
                (best, most) = (tried, middle);
            }
        }
        best
    }

    /// How many bytes of `text` fit into a line; at least one letter.
    fn break_at(&mut self, text: &str, em: f32, dots: u32) -> usize {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).skip(1).collect();
        // Widths grow with the text, so the longest fitting beginning is found by halving.
        let mut fits = 1;
        let mut over = ends.len();
        while fits + 1 < over {
            let middle = usize::midpoint(fits, over);
            let wide = self.line(text[..ends[middle - 1]].trim_end(), em).width > dots as f32;
            if wide { over = middle } else { fits = middle }
        }
        let most = ends.get(fits - 1).copied().unwrap_or(text.len());
        let next_is_free =
            text[most..].chars().next().is_some_and(|next| next == ' ' || stands_alone(next) && !clings(next));
        if next_is_free {
            return most;
        }
        let free = |at: usize, c: char| {
            stands_alone(c) && text[at + c.len_utf8()..].chars().next().is_some_and(|next| !clings(next))
        };
        let word = text[..most].char_indices().rev().find(|(at, c)| *at > 0 && (*c == ' ' || free(*at, *c)));
        word.map_or(most, |(at, c)| if c == ' ' { at } else { at + c.len_utf8() })
    }

    /// Shapes one line.
    fn line(&mut self, text: &str, em: f32) -> Line {
        // In a language that begins at the right a Latin address stays as it is; with one word of the language in it,
        // the line follows the language.
        let base = if self.right_to_left && has_right_to_left(text) { Level::rtl() } else { Level::ltr() };
        let info = BidiInfo::new(text, Some(base));
        let mut line = Line::default();
        let Some(paragraph) = info.paragraphs.first() else { return line };
        let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let backwards = levels.get(run.start).is_some_and(Level::is_rtl);
            let mut pieces = self.by_font(&text[run]);
            if backwards {
                pieces.reverse();
            }
            for (font, piece) in pieces {
                self.shape(piece, font, backwards, em, &mut line);
            }
        }
        line
    }

    /// Cuts a run where another font is needed. A letter that no font has stays with the first: its box is honest.
    fn by_font<'t>(&self, text: &'t str) -> Vec<(usize, &'t str)> {
        let mut pieces: Vec<(usize, &str)> = Vec::new();
        let mut start = 0;
        let mut current: Option<usize> = None;
        for (at, letter) in text.char_indices() {
            let has = |index: usize| self.fonts[index].scale().charmap().map(letter) != 0;
            let font = current.filter(|index| has(*index)).or_else(|| (0..self.fonts.len()).find(|index| has(*index)));
            let font = font.or(current).unwrap_or(0);
            if let Some(before) = current.filter(|before| *before != font) {
                pieces.push((before, &text[start..at]));
                start = at;
            }
            current = Some(font);
        }
        if let Some(font) = current {
            pieces.push((font, &text[start..]));
        }
        pieces
    }

    fn shape(&self, text: &str, font: usize, backwards: bool, em: f32, line: &mut Line) {
        let own = &self.fonts[font];
        let shaper = own.data.shaper(&own.shape).build();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(if backwards { Direction::RightToLeft } else { Direction::LeftToRight });
        let scale = em / shaper.units_per_em() as f32;
        let shaped = shaper.shape(buffer, ShapeOptions::new());
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            line.glyphs.push(Placed {
                font,
                id: u16::try_from(info.glyph_id).unwrap_or(0),
                x: line.width + position.x_offset as f32 * scale,
                y: position.y_offset as f32 * scale,
            });
            line.width += position.x_advance as f32 * scale;
        }
    }

    /// Draws lines beside each other, `x` dots from the left edge.
    fn draw(&mut self, lines: &[(&Line, f32)], style: Style, dots: u32) -> Bitmap {
        let factor = factor(style);
        // Marks of some scripts stand higher or hang lower than a line: room for them, cut off again below.
        let mut canvas = Bitmap::new(dots, LINE * factor * 2);
        let base = BASE * factor + LINE * factor / 2;
        for (line, at) in lines {
            for glyph in &line.glyphs {
                self.blacken(&mut canvas, glyph, *at, base, style);
            }
        }
        trim(&canvas, LINE * factor / 2, LINE * factor)
    }

    fn blacken(&mut self, canvas: &mut Bitmap, glyph: &Placed, at: f32, base: u32, style: Style) {
        let font = self.fonts[glyph.font].scale();
        let mut scaler = self.scaler.builder(font).size(em(style)).build();
        let x = at + glyph.x;
        let mut render = Render::new(&[Source::Outline]);
        render.format(Format::Alpha).offset(Vector::new(x.fract(), 0.0));
        if style.bold {
            render.embolden(em(style) / 24.0);
        }
        let Some(image) = render.render(&mut scaler, glyph.id) else { return };
        let left = x.trunc() as i32 + image.placement.left;
        let top = base as i32 - image.placement.top - glyph.y.round() as i32;
        for (place, alpha) in image.data.iter().enumerate().filter(|(_, alpha)| **alpha > THRESHOLD) {
            debug_assert!(*alpha > THRESHOLD);
            let place = place as u32;
            canvas.set(left + (place % image.placement.width) as i32, top + (place / image.placement.width) as i32);
        }
    }
}

/// The rows from `top` on, `height` of them, and more where there is ink above or below.
fn trim(canvas: &Bitmap, top: u32, height: u32) -> Bitmap {
    let stride = canvas.stride();
    let inked = |row: &u32| canvas.rows[*row as usize * stride..][..stride].iter().any(|byte| *byte != 0);
    let first = (0..canvas.height).find(inked).unwrap_or(top).min(top);
    let last = (0..canvas.height).rev().find(inked).map_or(0, |row| row + 1).max(top + height);
    let rows = canvas.rows[first as usize * stride..last as usize * stride].to_vec();
    Bitmap { width: canvas.width, height: last - first, rows }
}

fn factor(style: Style) -> u32 {
    match style.size {
        Size::Normal => 1,
        Size::Tall | Size::Big => 2,
    }
}

fn em(style: Style) -> f32 {
    match style.size {
        Size::Normal => EM_DOTS,
        Size::Tall => EM_DOTS * 1.5,
        Size::Big => EM_DOTS * 2.0,
    }
}

/// Whether a letter of a script that runs to the left is in `text`.
pub fn has_right_to_left(text: &str) -> bool {
    text.chars().any(|letter| matches!(bidi_class(letter), BidiClass::R | BidiClass::AL))
}

/// Letters of scripts that are broken anywhere: kana, Han, Hangul, Thai.
fn stands_alone(letter: char) -> bool {
    matches!(letter, '\u{0E00}'..='\u{0E7F}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}')
}

/// Japanese letters and signs that no line begins with (JIS X 4051, the commonest).
fn clings(letter: char) -> bool {
    "、。，．・：；？！ー々）」』】〉》っゃゅょッャュョ".contains(letter)
}

#[cfg(test)]
mod tests;
