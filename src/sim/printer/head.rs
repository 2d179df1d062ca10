//! The print head: settings, the line being set, and the paper under it.

use super::command::Command;
use super::font::{FONT_A, FONT_B, Letters};
use super::models::Model;
use super::paper::Paper;

/// Default line spacing in dots: a sixth of an inch at 180 dpi.
const SPACING: usize = 30;
/// Dots between head and cutter.
const TO_CUTTER: usize = 96;

/// What a command did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Rows of paper that moved: they take time.
    pub(super) rows: usize,
    /// Bytes to send back.
    pub(super) answer: Vec<u8>,
    /// The paper was cut.
    pub(super) cut: bool,
    /// GS e.
    pub(super) presenter: Option<u8>,
    /// GS a changed to this.
    pub(super) auto_status: Option<u8>,
    /// GS r 1 was asked.
    pub(super) paper_status: bool,
    /// No reference has this command.
    pub(super) unknown: Option<Vec<u8>>,
}

/// Settings that ESC @ puts back.
#[derive(Debug, Clone)]
struct Settings {
    page: u8,
    justify: u8,
    bold: bool,
    small: bool,
    wide: usize,
    high: usize,
    spacing: usize,
    two_bytes: bool,
}

/// A letter on the line being set.
#[derive(Debug, Clone)]
struct Cast {
    letter: char,
    dots: Vec<Vec<bool>>,
    /// How many columns it takes in the transcript.
    columns: usize,
}

/// The head.
#[derive(Debug)]
pub(super) struct Head {
    model: &'static Model,
    settings: Settings,
    line: Vec<Cast>,
    /// Whose letters are on the line.
    owner: u32,
    letters: Letters,
    symbol: Symbol,
    pub(super) paper: Paper,
}

/// What GS ( k has stored.
#[derive(Debug, Clone)]
struct Symbol {
    module: usize,
    level: qrcode::EcLevel,
    data: Vec<u8>,
}

impl Head {
    pub(super) fn new(model: &'static Model) -> Head {
        Head {
            model,
            settings: Settings::standard(model),
            line: Vec::new(),
            owner: 0,
            letters: Letters::new(),
            symbol: Symbol::empty(),
            paper: Paper::new(model.dots),
        }
    }

    /// As after switching on: everything forgotten but the paper.
    pub(super) fn reset(&mut self) {
        self.settings = Settings::standard(self.model);
        self.line.clear();
        self.symbol = Symbol::empty();
    }

    /// Forgets the line being set.
    pub(super) fn cancel(&mut self) {
        self.line.clear();
    }

    /// Does one command on behalf of a traveller.
    pub(super) fn execute(&mut self, command: Command, traveller: u32) -> Done {
        let mut done = Done::default();
        self.owner = traveller;
        let before = self.paper.rows.len();
        match command {
            Command::Letter(byte) => self.set(byte),
            Command::LineFeed => self.line_feed(),
            Command::Nothing | Command::Accepted | Command::National(_) => {}
            Command::Cancel => self.line.clear(),
            Command::Initialise => self.reset(),
            Command::Page(page) => self.settings.page = page,
            Command::Justify(n) if self.line.is_empty() => self.settings.justify = n & 3,
            Command::Justify(_) => {}
            Command::Bold(on) => self.settings.bold = on,
            Command::Font(n) => self.settings.small = n & 1 == 1,
            Command::Size(n) => {
                self.settings.wide = usize::from(n >> 4 & 7) + 1;
                self.settings.high = usize::from(n & 7) + 1;
            }
            Command::Spacing(dots) => self.settings.spacing = dots.map_or(SPACING, usize::from),
            Command::FeedDots(dots) => {
                self.print_line();
                self.paper.feed(usize::from(dots));
            }
            Command::FeedLines(lines) => {
                self.print_line();
                self.paper.feed(usize::from(lines) * self.settings.spacing);
            }
            Command::TwoBytes(on) => self.settings.two_bytes = on,
            Command::Cut => {
                self.print_line();
                if self.model.cutter {
                    self.paper.feed(TO_CUTTER);
                    done.cut = true;
                }
            }
            Command::Raster(mode, stride, data) => self.raster(mode, stride, &data),
            Command::Symbol(function, data) => done.unknown = self.symbol(function, &data),
            Command::ProcessId(id) if self.model.process_id => {
                done.answer.extend_from_slice(&[0x37, 0x22]);
                done.answer.extend_from_slice(&id);
                done.answer.push(0);
            }
            Command::ProcessId(_) => {}
            Command::AutoStatus(n) => done.auto_status = self.model.auto_status.then_some(n),
            Command::SendStatus(n) => done.paper_status = matches!(n, 1 | 49),
            Command::Identify(n) => done.answer = self.model.identity(n),
            Command::Presenter(n) => done.presenter = self.model.presenter.then_some(n),
            Command::Unknown(bytes) => done.unknown = Some(bytes),
        }
        done.rows = self.paper.rows.len() - before;
        done
    }

    fn set(&mut self, byte: u8) {
        let settings = &self.settings;
        let cell = if settings.small { FONT_B } else { FONT_A };
        let letter = self.model.letter(settings.page, byte);
        // Firmware for Asia takes two bytes for one letter; a box stands for what comes of it.
        let letter = if settings.two_bytes && byte >= 0x80 { '□' } else { letter };
        let dots = self.letters.draw(letter, cell, settings.bold, settings.wide, settings.high);
        let cast = Cast { letter, dots, columns: settings.wide };
        let used: usize = self.line.iter().map(Cast::width).sum();
        if used + cast.width() > self.model.dots {
            self.line_feed();
        }
        self.line.push(cast);
    }

    fn line_feed(&mut self) {
        let high = self.print_line();
        self.paper.feed(self.settings.spacing.saturating_sub(high));
    }

    /// Burns the line being set; how many rows that took.
    fn print_line(&mut self) -> usize {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return 0;
        }
        let high = line.iter().map(|cast| cast.dots.len()).max().unwrap_or(0);
        let used: usize = line.iter().map(Cast::width).sum();
        let left = self.left(used);
        let mut rows = vec![vec![false; self.model.dots]; high];
        let mut column = left;
        for cast in &line {
            // Letters stand on one base line.
            let top = high - cast.dots.len();
            for (row, dots) in cast.dots.iter().enumerate() {
                for (place, dot) in dots.iter().enumerate().filter(|(_, dot)| **dot) {
                    rows[top + row][column + place] |= *dot;
                }
            }
            column += cast.width();
        }
        let columns: usize = line.iter().map(|cast| cast.columns).sum();
        let all = self.model.dots / FONT_A.width;
        let indent = match self.settings.justify {
            1 => all.saturating_sub(columns) / 2,
            2 => all.saturating_sub(columns),
            _ => 0,
        };
        let words: String = line.iter().map(|cast| cast.letter).collect();
        self.paper.text.push(format!("{}{}", " ".repeat(indent), words).trim_end().to_owned());
        self.paper.burn(&rows, self.owner);
        high
    }

    fn left(&self, used: usize) -> usize {
        let free = self.model.dots.saturating_sub(used);
        match self.settings.justify {
            1 => free / 2,
            2 => free,
            _ => 0,
        }
    }

    fn raster(&mut self, mode: u8, stride: usize, data: &[u8]) {
        self.print_line();
        let (wide, high) = (usize::from(mode & 1) + 1, usize::from(mode >> 1 & 1) + 1);
        let left = self.left(stride * 8 * wide);
        let mut rows = Vec::new();
        for line in data.chunks(stride.max(1)) {
            let mut row = vec![false; self.model.dots];
            for (place, dot) in row.iter_mut().enumerate().skip(left) {
                let source = (place - left) / wide;
                *dot = line.get(source / 8).is_some_and(|byte| byte & (0x80 >> (source % 8)) != 0);
            }
            rows.extend(std::iter::repeat_n(row, high));
        }
        self.paper.burn(&rows, self.owner);
    }

    /// GS ( k: 65 model, 67 module, 69 level, 80 store, 81 print.
    fn symbol(&mut self, function: u8, data: &[u8]) -> Option<Vec<u8>> {
        if !self.model.qr {
            return Some(vec![0x1D, b'(', b'k', function]);
        }
        match (function, data) {
            (65, [model, 0]) if *model == b'2' => {}
            (67, [size]) if (1..=16).contains(size) => self.symbol.module = usize::from(*size),
            (69, [level]) => {
                self.symbol.level = match level {
                    b'0' => qrcode::EcLevel::L,
                    b'1' => qrcode::EcLevel::M,
                    b'2' => qrcode::EcLevel::Q,
                    _ => qrcode::EcLevel::H,
                };
            }
            (80, [b'0', text @ ..]) => self.symbol.data = text.to_vec(),
            (81, [b'0']) => self.print_symbol(),
            _ => return Some(vec![0x1D, b'(', b'k', function]),
        }
        None
    }

    fn print_symbol(&mut self) {
        self.print_line();
        let Ok(code) = qrcode::QrCode::with_error_correction_level(&self.symbol.data, self.symbol.level) else {
            return;
        };
        let (width, module) = (code.width(), self.symbol.module);
        let left = self.left(width * module);
        let colours = code.to_colors();
        for line in colours.chunks(width) {
            let mut row = vec![false; self.model.dots];
            for (place, colour) in line.iter().enumerate() {
                let dots = left + place * module..left + (place + 1) * module;
                if let Some(dots) = row.get_mut(dots) {
                    dots.fill(*colour == qrcode::Color::Dark);
                }
            }
            self.paper.burn(&vec![row; module], self.owner);
        }
    }
}

impl Cast {
    fn width(&self) -> usize {
        self.dots.first().map_or(0, Vec::len)
    }
}

impl Settings {
    fn standard(model: &Model) -> Settings {
        Settings {
            page: 0,
            justify: 0,
            bold: false,
            small: false,
            wide: 1,
            high: 1,
            spacing: SPACING,
            two_bytes: model.name.starts_with("generic"),
        }
    }
}

impl Symbol {
    fn empty() -> Symbol {
        Symbol { module: 3, level: qrcode::EcLevel::L, data: Vec::new() }
    }
}
