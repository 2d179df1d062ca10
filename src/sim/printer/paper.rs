//! Paper: dots that were burnt, in rows, and what a person reads on them.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// A strip of paper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paper {
    /// Dots in a row.
    pub width: usize,
    /// Rows of `width` dots; true is black.
    pub rows: Vec<Vec<bool>>,
    /// The lines of letters, as they stand on the paper.
    pub text: Vec<String>,
    /// Whose bytes have left ink: the numbers that [`super::SimPrinter::set_traveller`] was given.
    pub travellers: BTreeSet<u32>,
}

impl Paper {
    pub(super) fn new(width: usize) -> Paper {
        Paper { width, ..Paper::default() }
    }

    /// Whether nothing was printed.
    pub fn is_blank(&self) -> bool {
        self.travellers.is_empty()
    }

    /// Feeds white.
    pub(super) fn feed(&mut self, rows: usize) {
        self.rows.extend(std::iter::repeat_n(vec![false; self.width], rows));
    }

    /// Burns rows of dots.
    pub(super) fn burn(&mut self, rows: &[Vec<bool>], traveller: u32) {
        if rows.iter().flatten().any(|dot| *dot) {
            self.travellers.insert(traveller);
        }
        for row in rows {
            let mut whole = row.clone();
            whole.resize(self.width, false);
            self.rows.push(whole);
        }
    }

    /// The text of the whole paper.
    pub fn transcript(&self) -> String {
        self.text.join("\n")
    }

    /// The QR codes that a reader finds on the paper, in any order.
    pub fn codes(&self) -> Vec<String> {
        if self.is_blank() {
            return Vec::new();
        }
        let (width, height) = (self.width + 2 * MARGIN, self.rows.len() + 2 * MARGIN);
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| self.grey(x, y));
        picture.detect_grids().iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
    }

    /// Black or white at a place of the picture, the paper's margins included.
    fn grey(&self, x: usize, y: usize) -> u8 {
        let dot = (y.checked_sub(MARGIN), x.checked_sub(MARGIN));
        let black = match dot {
            (Some(row), Some(column)) => self.rows.get(row).and_then(|dots| dots.get(column)).copied().unwrap_or(false),
            _ => false,
        };
        if black { 0 } else { 255 }
    }

    /// The paper as a PNG of one dot a pixel, with its white margins.
    ///
    /// # Errors
    /// The picture cannot be made or written.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let (width, height) = (self.width + 2 * MARGIN, self.rows.len() + 2 * MARGIN);
        let size = |value: usize| u32::try_from(value).map_err(io::Error::other);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, size(width)?, size(height)?);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        let mut samples = Vec::with_capacity(width * height);
        for y in 0..height {
            samples.extend((0..width).map(|x| self.grey(x, y)));
        }
        writer.write_image_data(&samples).map_err(io::Error::other)?;
        drop(writer);
        Ok(file)
    }
}

/// White around the printable dots: 80 mm paper has 4 mm on either side.
const MARGIN: usize = 32;

/// What became of a paper that left the printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Cut, and fallen into the tray or torn off whole.
    Cut,
    /// Cut, and held by the presenter.
    Presented,
    /// Taken out of the presenter.
    Taken,
    /// Taken back by the machine.
    Retracted,
    /// Torn off although the printer was not done with it.
    Torn,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Fate::Cut => "cut",
            Fate::Presented => "presented",
            Fate::Taken => "taken",
            Fate::Retracted => "retracted",
            Fate::Torn => "torn",
        }
    }
}

/// A paper that left the printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Counted from 1.
    pub number: u32,
    /// What is on it.
    pub paper: Paper,
    /// Where it is.
    pub fate: Fate,
}

impl Sheet {
    /// Writes `receipt-N.png`, `.txt` and `.json` into a folder.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn mirror(&self, folder: &Path) -> io::Result<()> {
        let name = |ending: &str| folder.join(format!("receipt-{}.{ending}", self.number));
        let facts = serde_json::json!({
            "number": self.number,
            "fate": self.fate.word(),
            "dots": self.paper.width,
            "rows": self.paper.rows.len(),
            "travellers": self.paper.travellers,
            "codes": self.paper.codes(),
            "text": self.paper.text,
        });
        put(&name("png"), &self.paper.png()?)?;
        put(&name("txt"), format!("{}\n", self.paper.transcript()).as_bytes())?;
        put(&name("json"), format!("{facts:#}\n").as_bytes())
    }
}

/// Beside, then in place: whoever looks sees a whole file.
fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension("part");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(beside, path)
}
