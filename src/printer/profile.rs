//! Printer models as data: paper, letters, cutter, presenter, and how each says what it has done.
//!
//! Widths, columns and code page numbers are facts of the public capability database `escpos-printer-db` and of the
//! makers' manuals; status features are those of the makers' command references.

use super::codepage_tables::{
    CP437, CP737, CP850, CP852, CP857, CP858, CP866, ISO8859_15, WPC1250, WPC1251, WPC1252, WPC1253, WPC1254,
};
use super::text::NumberedPage;

/// One model.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in the configuration.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// Width of the paper in millimetres.
    pub paper_mm: u8,
    /// Printable dots in a line.
    pub dots: u16,
    /// Letters of font A in a line, 12 dots each.
    pub columns: u8,
    /// Code pages, best first, with the numbers of `ESC t`.
    pub pages: &'static [NumberedPage],
    /// The firmware may read two bytes as one Asian letter until `FS .` forbids it.
    pub two_byte_text: bool,
    /// Draws QR codes itself (`GS ( k`).
    pub native_qr: bool,
    /// Cuts by itself.
    pub cutter: bool,
    /// Holds the cut paper and can take it back.
    pub presenter: bool,
    /// How it says that a receipt is done.
    pub completion: Completion,
    /// How what it has not printed yet is cleared.
    pub clearing: Clearing,
    /// Speed of the paper in dots per second, for how long a receipt may take.
    pub dots_per_second: u16,
}

/// How a model says that everything before a point has been printed. `DLE EOT` alone is no proof: it is answered before
/// what waits in the buffer, and a slow printer would be taken for one that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// `GS ( H` function 48: a process id comes back when printing is completed.
    ProcessId,
    /// `GS a`: executed in its turn, it sends four status bytes, and again at each change.
    AutoStatus,
    /// One `GS r 1` at the end, executed in its turn. Never polled: a printer that is offline does not answer it.
    PaperMark,
}

/// How a model's receive buffer is cleared after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// `DLE DC4` function 8, at any time, with an answer.
    ClearBuffer,
    /// `DLE ENQ 2`, which some models obey only while an error stands.
    EnquireTwo,
    /// Custom's hardware reset `FS C0h 18h 10h 14h 1Bh`, executed at once even when busy; the line stays open.
    HardReset,
}

/// Epson's numbers (TM-T20III, TM-T88V; Citizen and Star's emulation share these).
static EPSON_PAGES: [NumberedPage; 11] = [
    (19, &CP858),
    (16, &WPC1252),
    (13, &CP857),
    (18, &CP852),
    (48, &WPC1254),
    (45, &WPC1250),
    (17, &CP866),
    (46, &WPC1251),
    (14, &CP737),
    (47, &WPC1253),
    (40, &ISO8859_15),
];
/// Pages that Citizen's CT-S651 has; its number 19 is not documented.
static CITIZEN_PAGES: [NumberedPage; 8] = [
    (16, &WPC1252),
    (40, &ISO8859_15),
    (13, &CP857),
    (18, &CP852),
    (48, &WPC1254),
    (17, &CP866),
    (46, &WPC1251),
    (14, &CP737),
];
/// Rongta's numbers, which most unnamed 80 mm printers share.
static RONGTA_PAGES: [NumberedPage; 8] = [
    (19, &CP858),
    (16, &WPC1252),
    (18, &CP852),
    (29, &CP857),
    (32, &WPC1254),
    (7, &CP866),
    (6, &WPC1251),
    (24, &CP737),
];
/// Zjiang POS-5890 and its many names.
static ZJIANG_PAGES: [NumberedPage; 5] = [(19, &CP858), (16, &WPC1252), (18, &CP852), (17, &CP866), (61, &CP857)];
/// Custom's kiosk printers.
static CUSTOM_PAGES: [NumberedPage; 3] = [(19, &CP858), (2, &CP850), (0, &CP437)];
/// What every ESC/POS printer has.
static SAFE_PAGES: [NumberedPage; 1] = [(0, &CP437)];

const EPSON_80: Profile = Profile {
    name: "epson-tm-t20iii",
    title: "Epson TM-T20III, TM-m30 (80 mm)",
    paper_mm: 80,
    dots: 576,
    columns: 48,
    pages: &EPSON_PAGES,
    two_byte_text: false,
    native_qr: true,
    cutter: true,
    presenter: false,
    completion: Completion::ProcessId,
    clearing: Clearing::ClearBuffer,
    dots_per_second: 1600,
};

/// Every model, the default first.
pub static PROFILES: [Profile; 9] = [
    EPSON_80,
    Profile {
        name: "epson-tm-t88",
        title: "Epson TM-T88V to VII (80 mm, 180 dpi)",
        dots: 512,
        columns: 42,
        ..EPSON_80
    },
    Profile {
        name: "epson-58",
        title: "Epson TM-T20III, TM-m30 with 58 mm paper",
        paper_mm: 58,
        dots: 420,
        columns: 35,
        ..EPSON_80
    },
    Profile {
        name: "citizen-ct-s",
        title: "Citizen CT-S310II, CT-S651",
        pages: &CITIZEN_PAGES,
        completion: Completion::AutoStatus,
        clearing: Clearing::EnquireTwo,
        ..EPSON_80
    },
    Profile {
        name: "bixolon-srp",
        title: "Bixolon SRP-350, SRP-F310",
        dots: 512,
        columns: 42,
        completion: Completion::AutoStatus,
        clearing: Clearing::EnquireTwo,
        ..EPSON_80
    },
    Profile {
        name: "custom-kpm",
        title: "Custom VKP80, KPM180H with presenter",
        pages: &CUSTOM_PAGES,
        native_qr: false,
        presenter: true,
        completion: Completion::PaperMark,
        clearing: Clearing::HardReset,
        ..EPSON_80
    },
    Profile {
        name: "generic-80",
        title: "Rongta RP326, XP-80 and the like (80 mm)",
        pages: &RONGTA_PAGES,
        two_byte_text: true,
        completion: Completion::PaperMark,
        clearing: Clearing::EnquireTwo,
        ..EPSON_80
    },
    Profile {
        name: "generic-58",
        title: "POS-5890 and the like (58 mm, tear bar)",
        paper_mm: 58,
        dots: 384,
        columns: 32,
        pages: &ZJIANG_PAGES,
        two_byte_text: true,
        native_qr: false,
        cutter: false,
        completion: Completion::PaperMark,
        clearing: Clearing::EnquireTwo,
        dots_per_second: 560,
        ..EPSON_80
    },
    Profile {
        name: "safe",
        title: "Any ESC/POS printer of 80 mm: one code page, codes drawn",
        pages: &SAFE_PAGES,
        two_byte_text: true,
        native_qr: false,
        completion: Completion::PaperMark,
        clearing: Clearing::EnquireTwo,
        dots_per_second: 560,
        ..EPSON_80
    },
];

impl Profile {
    /// The model of this name.
    pub fn named(name: &str) -> Option<&'static Profile> {
        PROFILES.iter().find(|profile| profile.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        for (index, profile) in PROFILES.iter().enumerate() {
            assert!(
                std::ptr::eq(Profile::named(profile.name).unwrap(), &raw const PROFILES[index]),
                "{}",
                profile.name
            );
            assert!(u16::from(profile.columns) * 12 <= profile.dots, "{} prints past its edge", profile.name);
            assert!(!profile.pages.is_empty());
            for (place, (number, _)) in profile.pages.iter().enumerate() {
                assert!(!profile.pages[..place].iter().any(|(other, _)| other == number), "{}", profile.name);
            }
        }
        assert_eq!(Profile::named("laser"), None);
    }
}
