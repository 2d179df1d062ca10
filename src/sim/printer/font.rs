//! The letters burnt into the printer's own memory: font A in cells of 12 × 24 dots, font B of 9 × 17.

use std::collections::HashMap;
use std::sync::Arc;

use swash::FontRef;
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::Format;

/// Noto Sans Mono (SIL Open Font License 1.1), a subset.
static FACE: &[u8] = include_bytes!("assets/NotoSansMono-Subset.ttf");
/// Ink from this coverage of 255 on.
const INK: u8 = 110;

/// Draws letters.
pub(super) struct Letters {
    face: Option<FontRef<'static>>,
    context: ScaleContext,
    /// What was drawn before.
    drawn: HashMap<(char, Cell, bool), Dots>,
}

type Dots = Arc<Vec<Vec<bool>>>;

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letters")
    }
}

/// Size of a letter's cell in dots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Font A and font B.
pub(super) const FONT_A: Cell = Cell { width: 12, height: 24 };
pub(super) const FONT_B: Cell = Cell { width: 9, height: 17 };

impl Letters {
    pub(super) fn new() -> Letters {
        Letters { face: FontRef::from_index(FACE, 0), context: ScaleContext::new(), drawn: HashMap::new() }
    }

    /// The dots of a letter, widened and heightened as a print head does: by repeating dots.
    pub(super) fn draw(&mut self, letter: char, cell: Cell, bold: bool, wide: usize, high: usize) -> Vec<Vec<bool>> {
        let plain = match self.drawn.get(&(letter, cell, bold)) {
            Some(plain) => Arc::clone(plain),
            None => {
                let plain = Arc::new(self.plain(letter, cell, bold));
                self.drawn.insert((letter, cell, bold), Arc::clone(&plain));
                plain
            }
        };
        let mut rows = Vec::with_capacity(cell.height * high);
        for row in plain.iter() {
            let row: Vec<bool> = row.iter().flat_map(|dot| std::iter::repeat_n(*dot, wide)).collect();
            rows.extend(std::iter::repeat_n(row, high));
        }
        rows
    }

    fn plain(&mut self, letter: char, cell: Cell, bold: bool) -> Vec<Vec<bool>> {
        let mut rows = vec![vec![false; cell.width]; cell.height];
        let Some(face) = self.face else { return rows };
        // An em of the face is 5/3 as wide as its cell.
        let size = cell.width as f32 * 5.0 / 3.0;
        let base = i32::try_from(cell.height * 19 / 24).unwrap_or(0);
        let mut scaler = self.context.builder(face).size(size).hint(false).build();
        let glyph = face.charmap().map(letter);
        let mut render = Render::new(&[Source::Outline]);
        render.format(Format::Alpha);
        let Some(image) = render.render(&mut scaler, glyph) else { return rows };
        for (place, coverage) in image.data.iter().enumerate() {
            let place = i32::try_from(place).unwrap_or(0);
            let wide = i32::try_from(image.placement.width).unwrap_or(1).max(1);
            let (x, y) = (image.placement.left + place % wide, base - image.placement.top + place / wide);
            let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { continue };
            if *coverage > INK && y < cell.height {
                let last = (x + usize::from(bold)).min(cell.width - 1);
                if x <= last {
                    rows[y][x..=last].fill(true);
                }
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_ink_inside_their_cells() {
        let mut letters = Letters::new();
        let ink = |rows: &[Vec<bool>]| rows.iter().flatten().filter(|dot| **dot).count();
        for letter in ['A', 'g', 'ß', '€', 'Ş', 'Я', '-', '─'] {
            let rows = letters.draw(letter, FONT_A, false, 1, 1);
            assert_eq!((rows.len(), rows[0].len()), (24, 12));
            assert!(ink(&rows) > 5, "{letter}");
        }
        assert_eq!(ink(&letters.draw(' ', FONT_A, false, 1, 1)), 0);
        let (thin, bold) = (letters.draw('K', FONT_B, false, 1, 1), letters.draw('K', FONT_B, true, 2, 3));
        assert_eq!((bold.len(), bold[0].len()), (51, 18));
        assert!(ink(&bold) > ink(&thin) * 6);
    }
}
