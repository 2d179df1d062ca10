//! The printers that can be played, from their makers' command references.

use super::tables;

/// What a model is and understands.
#[derive(Debug)]
pub struct Model {
    /// The name for `--model`; the kiosk's configuration knows it by the same name.
    pub name: &'static str,
    /// Maker and model as it names them itself (`GS I 66`, `GS I 67`); empty where it does not.
    pub(super) names: (&'static str, &'static str),
    /// Dots in a line.
    pub(super) dots: usize,
    /// `ESC t n`: the letters from 0x80 on.
    pub(super) pages: &'static [(u8, &'static str)],
    /// `GS ( k` draws QR codes.
    pub(super) qr: bool,
    /// Has a cutter.
    pub(super) cutter: bool,
    /// Holds the cut paper (`GS e`).
    pub(super) presenter: bool,
    /// Answers `GS ( H` function 48.
    pub(super) process_id: bool,
    /// Obeys `GS a`.
    pub(super) auto_status: bool,
    /// Obeys `DLE DC4` function 8.
    pub(super) clear_buffer: bool,
    /// What `DLE ENQ 2` does.
    pub(super) enquire: Enquire,
    /// Obeys Custom's immediate reset and `DLE EOT 20`.
    pub(super) custom: bool,
    /// Bytes that wait to be printed.
    pub(super) buffer: usize,
    /// Speed of the paper.
    pub(super) dots_per_second: u32,
}

/// `DLE ENQ 2`, on models that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enquire {
    /// Clears the buffers at any time.
    Always,
    /// Clears them only while an error stands that can be recovered from (Epson, Citizen).
    InError,
    /// Is not known.
    Ignored,
}

static EPSON: &[(u8, &str)] = &[
    (0, tables::CP437),
    (2, tables::CP850),
    (13, tables::CP857),
    (14, tables::CP737),
    (16, tables::WPC1252),
    (17, tables::CP866),
    (18, tables::CP852),
    (19, tables::CP858),
    (40, tables::ISO8859_15),
    (45, tables::WPC1250),
    (46, tables::WPC1251),
    (47, tables::WPC1253),
    (48, tables::WPC1254),
];
static RONGTA: &[(u8, &str)] = &[
    (0, tables::CP437),
    (2, tables::CP850),
    (6, tables::WPC1251),
    (7, tables::CP866),
    (16, tables::WPC1252),
    (17, tables::WPC1253),
    (18, tables::CP852),
    (19, tables::CP858),
    (24, tables::CP737),
    (29, tables::CP857),
    (30, tables::WPC1250),
    (32, tables::WPC1254),
    (44, tables::ISO8859_15),
];
static ZJIANG: &[(u8, &str)] = &[
    (0, tables::CP437),
    (2, tables::CP850),
    (16, tables::WPC1252),
    (17, tables::CP866),
    (18, tables::CP852),
    (19, tables::CP858),
    (61, tables::CP857),
];
static CUSTOM: &[(u8, &str)] = &[(0, tables::CP437), (2, tables::CP850), (19, tables::CP858)];

const TM_T20III: Model = Model {
    name: "epson-tm-t20iii",
    names: ("EPSON", "TM-T20III"),
    dots: 576,
    pages: EPSON,
    qr: true,
    cutter: true,
    presenter: false,
    process_id: true,
    auto_status: true,
    clear_buffer: true,
    enquire: Enquire::InError,
    custom: false,
    buffer: 4096,
    dots_per_second: 2000,
};

/// Every model, the default first.
pub static MODELS: [Model; 9] = [
    TM_T20III,
    Model { name: "epson-tm-t88", names: ("EPSON", "TM-T88V"), dots: 512, dots_per_second: 2100, ..TM_T20III },
    Model { name: "epson-58", dots: 420, ..TM_T20III },
    Model { name: "citizen-ct-s", names: ("CITIZEN", "CT-S651"), process_id: false, clear_buffer: false, ..TM_T20III },
    Model {
        name: "bixolon-srp",
        names: ("BIXOLON", "SRP-350"),
        dots: 512,
        process_id: false,
        clear_buffer: false,
        ..TM_T20III
    },
    Model {
        name: "custom-kpm",
        names: ("", ""),
        pages: CUSTOM,
        qr: false,
        presenter: true,
        process_id: false,
        auto_status: false,
        clear_buffer: false,
        enquire: Enquire::Ignored,
        custom: true,
        buffer: 16_384,
        ..TM_T20III
    },
    Model {
        name: "generic-80",
        names: ("", ""),
        pages: RONGTA,
        process_id: false,
        clear_buffer: false,
        enquire: Enquire::Always,
        ..TM_T20III
    },
    Model {
        name: "generic-58",
        names: ("", ""),
        dots: 384,
        pages: ZJIANG,
        qr: false,
        cutter: false,
        process_id: false,
        auto_status: false,
        clear_buffer: false,
        enquire: Enquire::Ignored,
        dots_per_second: 640,
        ..TM_T20III
    },
    Model {
        name: "safe",
        names: ("", ""),
        pages: &[(0, tables::CP437)],
        qr: false,
        process_id: false,
        auto_status: false,
        clear_buffer: false,
        enquire: Enquire::Ignored,
        buffer: 2048,
        dots_per_second: 640,
        ..TM_T20III
    },
];

impl Model {
    /// The model of this name.
    pub fn named(name: &str) -> Option<&'static Model> {
        MODELS.iter().find(|model| model.name == name)
    }

    /// The answer to `GS I n`: header, text, NUL (Epson, "GS I").
    pub(super) fn identity(&self, n: u8) -> Vec<u8> {
        let text = match n {
            66 => self.names.0,
            67 => self.names.1,
            _ => "",
        };
        if text.is_empty() { Vec::new() } else { [b"_", text.as_bytes(), &[0]].concat() }
    }

    /// The letter of a byte on page `page`; a box where there is none.
    pub(super) fn letter(&self, page: u8, byte: u8) -> char {
        if byte < 0x80 {
            return char::from(byte);
        }
        let letters = self.pages.iter().find(|(number, _)| *number == page).map(|(_, letters)| letters);
        letters.and_then(|letters| letters.chars().nth(usize::from(byte) - 0x80)).unwrap_or('\u{25A1}')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_letters() {
        for model in &MODELS {
            for (number, letters) in model.pages {
                assert_eq!(letters.chars().count(), 128, "{} page {number}", model.name);
            }
        }
        let model = &MODELS[0];
        // Two sources that know nothing of each other: the consortium's mapping files there, glibc's here.
        for (theirs, ours) in crate::printer::profile::PROFILES[0].pages {
            for byte in 0x80..=0xFF_u8 {
                let letter = model.letter(*theirs, byte);
                let agreed = letter == ' ' || ours.byte(letter) == Some(byte) || (letter == '-' && byte != b'-');
                assert!(agreed, "page {theirs}, byte {byte:02X}: {letter:?}");
            }
        }
        assert_eq!((model.letter(19, 0xD5), model.letter(16, 0x80), model.letter(0, 0xE1)), ('€', '€', 'ß'));
        assert_eq!(model.letter(99, 0xE1), '□');
    }
}
