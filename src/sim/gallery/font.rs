//! Enough of an OpenType font to know which letters it has and how wide they are (OpenType 1.9: `cmap` format 4 and
//! 12, `hhea`, `hmtx`): missing glyphs are drawn as nothing, so somebody must look.

use std::collections::HashMap;

/// Letters and their widths.
pub struct Font {
    glyphs: HashMap<u32, u16>,
    widths: Vec<u16>,
    units: f32,
    line: f32,
}

impl Font {
    /// The weight that the screens use.
    pub fn of_weight(weight: i32) -> Font {
        let file: &[u8] = match weight {
            ..=500 => include_bytes!("../../../ui/assets/fonts/NotoSans-Regular.ttf"),
            501..=650 => include_bytes!("../../../ui/assets/fonts/NotoSans-SemiBold.ttf"),
            _ => include_bytes!("../../../ui/assets/fonts/NotoSans-Bold.ttf"),
        };
        Font::read(file).expect("our own fonts are readable")
    }

    fn read(file: &[u8]) -> Option<Font> {
        let units = f32::from(word(table(file, b"head")?, 18)?);
        let hhea = table(file, b"hhea")?;
        let height = i32::from(signed(hhea, 4)?) - i32::from(signed(hhea, 6)?) + i32::from(signed(hhea, 8)?);
        let count = usize::from(word(hhea, 34)?);
        let hmtx = table(file, b"hmtx")?;
        let widths = (0..count).map_while(|glyph| word(hmtx, glyph * 4)).collect();
        Some(Font { glyphs: glyphs(table(file, b"cmap")?)?, widths, units, line: height as f32 / units })
    }

    /// The font has a picture for the letter, or the letter needs none.
    pub fn has(&self, letter: char) -> bool {
        letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}') || self.glyphs.contains_key(&u32::from(letter))
    }

    /// Width of a text in one line at a size, without kerning.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        let last = self.widths.last().copied().unwrap_or(0);
        let of = |letter: char| {
            let glyph = self.glyphs.get(&u32::from(letter)).copied().unwrap_or(0);
            f32::from(self.widths.get(usize::from(glyph)).copied().unwrap_or(last))
        };
        text.chars().map(of).sum::<f32>() * size / self.units
    }

    /// Height of one line at a size.
    pub fn line(&self, size: f32) -> f32 {
        self.line * size
    }

    /// Lines that a text takes in a width, broken at spaces and after hyphens; and the widest of them.
    pub fn lines(&self, text: &str, size: f32, width: f32) -> (usize, f32) {
        let (mut lines, mut widest) = (0, 0.0_f32);
        for paragraph in text.split('\n') {
            let mut line = String::new();
            lines += 1;
            for piece in paragraph.split_inclusive([' ', '-', '\u{200b}']) {
                let longer = format!("{line}{piece}");
                if self.width(longer.trim_end(), size) > width && !line.is_empty() {
                    widest = widest.max(self.width(line.trim_end(), size));
                    lines += 1;
                    piece.clone_into(&mut line);
                } else {
                    line = longer;
                }
            }
            widest = widest.max(self.width(line.trim_end(), size));
        }
        (lines, widest)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn signed(bytes: &[u8], at: usize) -> Option<i16> {
    Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn table<'a>(file: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    let count = usize::from(word(file, 4)?);
    let entry = (0..count).map(|place| 12 + 16 * place).find(|at| file.get(*at..at + 4) == Some(name))?;
    let (from, length) = (long(file, entry + 8)? as usize, long(file, entry + 12)? as usize);
    file.get(from..from + length)
}

fn glyphs(cmap: &[u8]) -> Option<HashMap<u32, u16>> {
    let mut found = HashMap::new();
    for place in 0..usize::from(word(cmap, 2)?) {
        let sub = cmap.get(long(cmap, 4 + 8 * place + 4)? as usize..)?;
        match word(sub, 0)? {
            4 => segments(sub, &mut found)?,
            12 => {
                for group in 0..long(sub, 12)? as usize {
                    let at = 16 + 12 * group;
                    let (first, last, glyph) = (long(sub, at)?, long(sub, at + 4)?, long(sub, at + 8)?);
                    found.extend(
                        (first..=last).filter_map(|code| Some((code, u16::try_from(glyph + (code - first)).ok()?))),
                    );
                }
            }
            _ => {}
        }
    }
    Some(found)
}

fn segments(sub: &[u8], found: &mut HashMap<u32, u16>) -> Option<()> {
    let count = usize::from(word(sub, 6)?) / 2;
    for segment in 0..count {
        let last = word(sub, 14 + 2 * segment)?;
        let first = word(sub, 16 + 2 * count + 2 * segment)?;
        let delta = word(sub, 16 + 4 * count + 2 * segment)?;
        let offset_at = 16 + 6 * count + 2 * segment;
        let offset = usize::from(word(sub, offset_at)?);
        for code in first..=last {
            let glyph = match offset {
                0 => code.wrapping_add(delta),
                _ => match word(sub, offset_at + offset + 2 * usize::from(code - first)).unwrap_or(0) {
                    0 => 0,
                    glyph => glyph.wrapping_add(delta),
                },
            };
            if glyph != 0 && code != u16::MAX {
                found.insert(u32::from(code), glyph);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_knows_its_letters_and_their_widths() {
        let font = Font::of_weight(400);
        assert!("AÄßçñ€ΑЯ…„“–0".chars().all(|letter| font.has(letter)));
        assert!(!font.has('日'));
        // Figures are tabular: 572 of 1000 units.
        assert_eq!(font.width("11", 1000.0), 1144.0);
        assert_eq!(font.width("00", 1000.0), 1144.0);
        assert_eq!(font.lines("one two three", 100.0, 500.0).0, 2);
        assert_eq!(font.lines("one two three", 100.0, 5000.0).0, 1);
    }
}
