//! Blocks → bytes for a model: text in its own letters where it has them, else drawn; QR, cut, and where the line may
//! be left.
//!
//! The `escpos` crate builds the commands it builds rightly (initialise, justify, size, weight, QR symbol, cut). Text is
//! ours: the crate moves the hyphen above 0x80, sends letters it does not know as raw UTF-8 and ends lines with
//! `ESC d 1` (tests below and in `codepage.rs`).

mod lines;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ::escpos::driver::Driver;
use ::escpos::errors::Result as CrateResult;
use ::escpos::printer::Printer;
use ::escpos::printer_options::PrinterOptions;
use ::escpos::utils::{JustifyMode, Protocol, QRCodeCorrectionLevel, QRCodeModel, QRCodeOption};
use zeroize::Zeroize;

use super::layout::{Align, Block, Size, Style, Text};
use super::profile::Profile;
use super::raster::{Bitmap, Drawer};
use super::text::{TextEncoder, clean};
use lines::{at_dashes, balanced, wrap};

/// Rows in one raster command: a piece that fits the smallest receive buffer (4 kB).
const BAND_ROWS: u32 = 24;
/// Dots of a QR module: 0.75 mm at 203 dpi (design.md).
pub const QR_MODULE_DOTS: u8 = 6;

/// A command or a line, whole: between two pieces, and only there, the line is free for a status request.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Rows of dots that it prints, for how long it may take.
    pub rows: u32,
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Piece({} bytes, {} rows)", self.bytes.len(), self.rows)
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// A receipt for one model, from initialisation to cut.
pub fn compose(blocks: &[Block], profile: &'static Profile, right_to_left: bool, logo: Option<&Bitmap>) -> Vec<Piece> {
    let mut composer = Composer {
        profile,
        encoder: TextEncoder::new(profile.pages),
        drawer: None,
        right_to_left,
        pieces: Vec::new(),
        style: Style::default(),
        align: JustifyMode::LEFT,
    };
    composer.start();
    for block in blocks {
        composer.block(block, logo);
    }
    composer.end();
    composer.pieces
}

struct Composer {
    profile: &'static Profile,
    encoder: TextEncoder,
    /// Made when the first line must be drawn: reading the fonts costs a moment.
    drawer: Option<Drawer>,
    right_to_left: bool,
    pieces: Vec<Piece>,
    style: Style,
    align: JustifyMode,
}

impl Composer {
    fn start(&mut self) {
        let mut bytes = command(None, |printer| printer.init().map(|_| ()));
        // No national letters in place of ASCII ones (ESC R 0), whatever the switches of the printer say.
        bytes.extend_from_slice(b"\x1BR\x00");
        if self.profile.two_byte_text {
            bytes.extend_from_slice(b"\x1C.");
        }
        self.push(bytes, 0);
    }

    fn end(&mut self) {
        self.style(Style::default(), JustifyMode::LEFT);
        if self.profile.cutter {
            // GS V 65: feeds to the cutter by itself.
            let bytes = command(None, |printer| printer.partial_cut().map(|_| ()));
            self.push(bytes, 120);
        } else {
            // Past the tear bar.
            self.push(b"\n\n\n\n\n".to_vec(), 150);
        }
    }

    fn block(&mut self, block: &Block, logo: Option<&Bitmap>) {
        let columns = usize::from(self.profile.columns);
        match block {
            Block::Logo => {
                if let Some(picture) = logo {
                    self.picture(picture, JustifyMode::CENTER);
                    self.push(b"\n".to_vec(), 30);
                }
            }
            Block::Text(text) => self.text(text),
            Block::Pair { start, end, style } => self.pair(start, end, *style),
            Block::Verbatim(line) => self.verbatim(line),
            Block::Typed(code) => {
                for part in at_dashes(code.reveal(), usize::from(self.profile.columns)) {
                    self.verbatim(part);
                }
            }
            Block::Rule => {
                self.style(Style::default(), JustifyMode::LEFT);
                let mut bytes = vec![b'-'; columns];
                bytes.push(b'\n');
                self.push(bytes, 30);
            }
            Block::Gap => self.push(b"\x1BJ\x10".to_vec(), 16),
            Block::Qr(code) => self.qr(code.reveal()),
        }
    }

    /// Columns for letters of this size.
    fn columns(&self, style: Style) -> usize {
        let columns = usize::from(self.profile.columns);
        if style.size == Size::Big { columns / 2 } else { columns }
    }

    fn text(&mut self, text: &Text) {
        // A line of another script in the middle needs no drawing; at its edge it would stand at the wrong one.
        let lines: Option<Vec<Vec<u8>>> = (!self.right_to_left || text.align == Align::Centre)
            .then(|| match text.align {
                Align::Centre => balanced(&clean(&text.text), self.columns(text.style)),
                Align::Start => wrap(&clean(&text.text), self.columns(text.style)),
            })
            .and_then(|lines| lines.iter().map(|line| self.encoder.encode(line)).collect());
        match lines {
            Some(lines) => {
                let align = if text.align == Align::Centre { JustifyMode::CENTER } else { JustifyMode::LEFT };
                self.style(text.style, align);
                for line in lines {
                    self.line(line, text.style);
                }
            }
            None => {
                let dots = u32::from(self.profile.dots);
                let pictures = self.drawer().paragraph(&text.text, text.style, text.align, dots);
                self.pictures(&pictures);
            }
        }
    }

    fn pair(&mut self, start: &str, end: &str, style: Style) {
        let columns = self.columns(style);
        let (first, last) = (clean(start), clean(end));
        let set = |encoder: &mut TextEncoder| -> Option<Vec<Vec<u8>>> {
            let used = first.chars().count() + last.chars().count();
            if used < columns {
                let line = format!("{first}{}{last}", " ".repeat(columns - used));
                return Some(vec![encoder.encode(&line)?]);
            }
            let mut lines: Vec<String> = wrap(&first, columns);
            let filled = lines.last().map_or(0, |line| line.chars().count());
            let width = last.chars().count();
            match lines.last_mut().filter(|_| filled + width < columns) {
                Some(line) => line.push_str(&format!("{}{last}", " ".repeat(columns - filled - width))),
                None => lines.push(format!("{}{last}", " ".repeat(columns.saturating_sub(width)))),
            }
            lines.iter().map(|line| encoder.encode(line)).collect()
        };
        let lines = if self.right_to_left { None } else { set(&mut self.encoder) };
        match lines {
            Some(lines) => {
                self.style(style, JustifyMode::LEFT);
                for line in lines {
                    self.line(line, style);
                }
            }
            None => {
                let dots = u32::from(self.profile.dots);
                let pictures = self.drawer().pair(start, end, style, dots);
                self.pictures(&pictures);
            }
        }
    }

    /// A foreign line: its spaces stay, it is cut hard at the paper's edge.
    fn verbatim(&mut self, line: &str) {
        let letters: Vec<char> = clean(line).trim_end().chars().collect();
        self.style(Style::default(), JustifyMode::LEFT);
        if letters.is_empty() {
            self.line(Vec::new(), Style::default());
        }
        for part in letters.chunks(usize::from(self.profile.columns)) {
            let part: String = part.iter().collect();
            match self.encoder.encode(&part) {
                Some(bytes) => self.line(bytes, Style::default()),
                None => {
                    let dots = u32::from(self.profile.dots);
                    let pictures = self.drawer().paragraph(&part, Style::default(), Align::Start, dots);
                    self.pictures(&pictures);
                }
            }
        }
    }

    fn line(&mut self, mut bytes: Vec<u8>, style: Style) {
        bytes.push(b'\n');
        self.push(bytes, if style.size == Size::Normal { 30 } else { 54 });
    }

    /// A symbol of the printer's own, Model 2, level M; drawn where it has none. Four modules of white around.
    fn qr(&mut self, text: &str) {
        let Ok(drawn) = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M) else { return };
        let rows = drawn.width() as u32 * u32::from(QR_MODULE_DOTS);
        self.style(Style::default(), JustifyMode::CENTER);
        // An empty line is a sixth of an inch on every model; the unit of ESC J is not.
        self.push(b"\n".to_vec(), 30);
        if self.profile.native_qr {
            let option = QRCodeOption::new(QRCodeModel::Model2, QR_MODULE_DOTS, QRCodeCorrectionLevel::M);
            let bytes = command(None, |printer| printer.qrcode_option(text, option).map(|_| ()));
            self.push(bytes, rows);
        } else {
            self.picture(&symbol(&drawn), JustifyMode::CENTER);
        }
        self.push(b"\n".to_vec(), 30);
    }

    fn pictures(&mut self, pictures: &[Bitmap]) {
        for picture in pictures {
            self.picture(picture, JustifyMode::LEFT);
            // As much white below as below a line of letters.
            self.push(b"\x1BJ\x04".to_vec(), 4);
        }
    }

    /// `GS v 0`, in bands.
    fn picture(&mut self, picture: &Bitmap, align: JustifyMode) {
        self.style(Style::default(), align);
        let stride = picture.stride();
        // White at the right edge of a line at the left is not sent.
        let used = match align {
            JustifyMode::LEFT => {
                (1..=stride).rev().find(|width| picture.rows.chunks(stride).any(|row| row[width - 1] != 0)).unwrap_or(1)
            }
            _ => stride,
        };
        for band in picture.rows.chunks(stride * BAND_ROWS as usize) {
            let rows = band.len() / stride;
            let mut bytes = vec![0x1D, b'v', b'0', 0];
            for size in [used, rows] {
                bytes.extend_from_slice(&u16::try_from(size).unwrap_or(u16::MAX).to_le_bytes());
            }
            let data: Vec<u8> = band.chunks(stride).flat_map(|row| row[..used].iter().copied()).collect();
            bytes.extend(without_real_time_commands(data));
            self.push(bytes, rows as u32);
        }
    }

    fn drawer(&mut self) -> &mut Drawer {
        let right_to_left = self.right_to_left;
        self.drawer.get_or_insert_with(|| Drawer::new(right_to_left))
    }

    /// Changes of looks, sent only when they change.
    fn style(&mut self, style: Style, align: JustifyMode) {
        let mut bytes = Vec::new();
        if self.align != align {
            bytes.append(&mut command(None, |printer| printer.justify(align).map(|_| ())));
            self.align = align;
        }
        if self.style.size != style.size {
            let (width, height) = match style.size {
                Size::Normal => (1, 1),
                Size::Tall => (1, 2),
                Size::Big => (2, 2),
            };
            bytes.append(&mut command(None, |printer| printer.size(width, height).map(|_| ())));
        }
        if self.style.bold != style.bold {
            bytes.append(&mut command(None, |printer| printer.bold(style.bold).map(|_| ())));
        }
        self.style = style;
        if !bytes.is_empty() {
            self.push(bytes, 0);
        }
    }

    fn push(&mut self, bytes: Vec<u8>, rows: u32) {
        self.pieces.push(Piece { bytes, rows });
    }
}

/// A symbol in dots.
fn symbol(code: &qrcode::QrCode) -> Bitmap {
    let module = usize::from(QR_MODULE_DOTS);
    let width = code.width();
    let side = u32::try_from(width * module).unwrap_or(u32::MAX);
    let mut picture = Bitmap::new(side, side);
    for (place, _) in code.to_colors().iter().enumerate().filter(|(_, colour)| **colour == qrcode::Color::Dark) {
        let (left, top) = (place % width * module, place / width * module);
        for y in top..top + module {
            for x in left..left + module {
                picture.set(x as i32, y as i32);
            }
        }
    }
    picture
}

/// Printers obey real-time commands also inside a picture (Epson, notes on real-time commands). Where dots happen to
/// spell `DLE EOT`, `DLE ENQ` or `DLE DC4`, one dot more beside a black one keeps them dots.
fn without_real_time_commands(mut data: Vec<u8>) -> Vec<u8> {
    for place in 1..data.len() {
        if data[place - 1] == 0x10 && matches!(data[place], 0x04 | 0x05 | 0x14) {
            data[place - 1] = 0x18;
        }
    }
    data
}

/// The bytes that the crate builds for what `build` asks of it.
pub(super) fn command(
    options: Option<PrinterOptions>,
    build: impl FnOnce(&mut Printer<Sink>) -> CrateResult<()>,
) -> Vec<u8> {
    let sink = Sink::default();
    let mut printer = Printer::new(sink.clone(), Protocol::default(), options);
    let built = build(&mut printer).and_then(|()| printer.print().map(|_| ()));
    debug_assert!(built.is_ok(), "a command without outside data cannot fail");
    let mut bytes = sink.bytes.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *bytes)
}

/// A driver that keeps what is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Sink {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Driver for Sink {
    fn name(&self) -> String {
        "bytes".to_owned()
    }

    fn write(&self, data: &[u8]) -> CrateResult<()> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data);
        Ok(())
    }

    fn read(&self, _: &mut [u8]) -> CrateResult<usize> {
        Ok(0)
    }

    fn flush(&self) -> CrateResult<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
