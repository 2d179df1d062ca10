//! One code page: 128 letters above ASCII.

/// A single-byte code page. Below 0x80 it is ASCII.
#[derive(Debug, PartialEq, Eq)]
pub struct CodePage {
    /// The name in printers' manuals.
    pub name: &'static str,
    /// The letters of 0x80 to 0xFF; U+FFFD where there is none.
    pub(super) upper: [char; 128],
}

impl CodePage {
    /// The byte of `letter`, if this page has it. Control characters are no letters.
    pub fn byte(&self, letter: char) -> Option<u8> {
        match letter {
            ' '..='~' => u8::try_from(letter).ok(),
            '\u{FFFD}' => None,
            _ => {
                let place = self.upper.iter().position(|own| *own == letter)?;
                u8::try_from(place + 0x80).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::escpos::command;
    use ::escpos::printer_options::PrinterOptions;

    use super::super::codepage_tables::{ALL, CP850, CP857, CP858, CP866, ISO8859_15, WPC1252};

    #[test]
    fn every_letter_stands_once_and_ascii_stays() {
        for page in ALL {
            for byte in 0x20..0x7F_u8 {
                assert_eq!(page.byte(char::from(byte)), Some(byte), "{}", page.name);
            }
            for (place, letter) in page.upper.iter().enumerate().filter(|(_, letter)| **letter != '\u{FFFD}') {
                assert_eq!(page.byte(*letter), u8::try_from(place + 0x80).ok(), "{} {letter:?}", page.name);
                assert!(!letter.is_ascii(), "{} {letter:?}", page.name);
            }
            assert_eq!(page.byte('\u{1B}'), None);
            assert_eq!(page.byte('\u{7F}'), None);
            assert_eq!(page.byte('\u{FFFD}'), None);
        }
    }

    /// Bytes from the makers' printed tables: EUR, umlauts, Turkish and Russian letters.
    #[test]
    fn bytes_of_the_printed_tables() {
        for (page, letter, byte) in [
            (&CP858, '€', 0xD5),
            (&WPC1252, '€', 0x80),
            (&ISO8859_15, '€', 0xA4),
            (&CP850, 'ä', 0x84),
            (&CP858, 'ß', 0xE1),
            (&CP858, 'Ò', 0xE3),
            (&CP858, 'Ô', 0xE2),
            (&CP857, 'ğ', 0xA7),
            (&CP857, 'İ', 0x98),
            (&CP866, 'Я', 0x9F),
            (&CP866, 'ё', 0xF1),
            (&WPC1252, '–', 0x96),
            (&WPC1252, '\u{AD}', 0xAD),
        ] {
            assert_eq!(page.byte(letter), Some(byte), "{} {letter}", page.name);
        }
        assert_eq!(CP850.byte('€'), None);
    }

    /// The `escpos` crate has tables of its own, made by somebody else: a second source for ours. Where the two differ
    /// the crate is wrong, and this is why [`super::super::text`] encodes by itself.
    #[test]
    fn the_crate_agrees_but_for_its_known_defects() {
        use ::escpos::utils::PageCode;
        let mut differ = Vec::new();
        for (code, name) in [
            (PageCode::PC437, "CP437"),
            (PageCode::PC737, "CP737"),
            (PageCode::PC850, "CP850"),
            (PageCode::PC852, "CP852"),
            (PageCode::PC857, "CP857"),
            (PageCode::PC858, "CP858"),
            (PageCode::PC866, "CP866"),
            (PageCode::WPC1250, "WPC1250"),
            (PageCode::WPC1251, "WPC1251"),
            (PageCode::WPC1252, "WPC1252"),
            (PageCode::WPC1253, "WPC1253"),
            (PageCode::WPC1254, "WPC1254"),
            (PageCode::ISO8859_15, "ISO8859-15"),
        ] {
            let ours = ALL.iter().find(|page| page.name == name).unwrap();
            for letter in (' '..='~').chain(ours.upper) {
                let theirs = crate_bytes(code, letter);
                if letter != '\u{FFFD}' && theirs != [ours.byte(letter).unwrap()] {
                    differ.push((name, letter, theirs));
                }
            }
        }
        let hyphens: Vec<_> = differ.iter().filter(|(_, letter, _)| *letter == '-').map(|(name, ..)| *name).collect();
        let known = ["CP850", "CP857", "CP858", "WPC1250", "WPC1251", "WPC1253", "WPC1254"];
        assert_eq!(hyphens, known, "where the crate's hyphen is ASCII its text may be used again");
        assert_eq!(crate_bytes(PageCode::PC858, '日'), "日".as_bytes(), "the crate refuses unknown letters now");
        differ.retain(|(_, letter, _)| !matches!(letter, '-' | '\u{AD}'));
        // A full stop moved away, and four letters doubled or missing. IBM's charts of the pages have ours.
        let known = [("CP857", '.'), ("CP858", '¿'), ("CP858", '®'), ("CP858", 'Ô'), ("CP858", 'Ò')];
        assert_eq!(differ.iter().map(|(page, letter, _)| (*page, *letter)).collect::<Vec<_>>(), known);
    }

    /// What the crate sends for a letter when it has been told the page.
    fn crate_bytes(page: ::escpos::utils::PageCode, letter: char) -> Vec<u8> {
        let options = PrinterOptions::new(Some(page), None, 48);
        command(Some(options), |printer| printer.write(&letter.to_string()).map(|_| ()))
    }
}
