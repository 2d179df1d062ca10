//! Text in the printer's own letters: which byte on which code page, or nothing at all.
//!
//! A letter that no page of the model has is never sent raw: [`TextEncoder::encode`] then refuses the line, and
//! `escpos.rs` draws it.

use super::codepage::CodePage;

/// `ESC t n`: select a character code table (Epson ESC/POS reference, "ESC t").
const SELECT_PAGE: [u8; 2] = [0x1B, b't'];

/// A code page and the number by which the model selects it.
pub type NumberedPage = (u8, &'static CodePage);

/// Encodes lines, and remembers which page the printer is on.
#[derive(Debug)]
pub struct TextEncoder {
    pages: &'static [NumberedPage],
    current: Option<usize>,
}

impl TextEncoder {
    /// For a model's pages, the best first. After `ESC @` the page is unknown to us, so the first letter above ASCII
    /// selects one.
    pub fn new(pages: &'static [NumberedPage]) -> Self {
        TextEncoder { pages, current: None }
    }

    /// The bytes of `text`, page selections included, or `None` if a letter is on no page; then nothing changes.
    ///
    /// A whole line on one page is tried first; else pages change within the line.
    pub fn encode(&mut self, text: &str) -> Option<Vec<u8>> {
        let text = clean(text);
        let order = self.current.into_iter().chain(0..self.pages.len());
        let whole = order.clone().find(|index| text.chars().all(|letter| self.pages[*index].1.byte(letter).is_some()));
        let mut current = self.current;
        let mut bytes = Vec::with_capacity(text.len() + 3);
        for letter in text.chars() {
            if let ' '..='~' = letter {
                bytes.push(u8::try_from(letter).ok()?);
                continue;
            }
            let has = |index: &usize| self.pages[*index].1.byte(letter).is_some();
            let index = whole.or_else(|| current.filter(has)).or_else(|| (0..self.pages.len()).find(has))?;
            if current != Some(index) {
                bytes.extend_from_slice(&SELECT_PAGE);
                bytes.push(self.pages[index].0);
                current = Some(index);
            }
            bytes.push(self.pages[index].1.byte(letter)?);
        }
        self.current = current;
        Some(bytes)
    }
}

/// The text without what has no ink: control characters (a device must never obey a plan's name) and joiners;
/// every kind of space becomes a plain one.
pub fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|letter| match letter {
            '\t' | '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => Some(' '),
            '\u{2010}' | '\u{2011}' => Some('-'),
            '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{2028}' | '\u{2029}' => None,
            letter if letter.is_control() => None,
            letter => Some(letter),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::codepage_tables::{CP437, CP857, CP858, WPC1252};
    use super::*;

    static PAGES: [NumberedPage; 3] = [(19, &CP858), (13, &CP857), (16, &WPC1252)];

    #[test]
    fn ascii_needs_no_page_and_the_hyphen_stays_a_hyphen() {
        let mut encoder = TextEncoder::new(&PAGES);
        assert_eq!(encoder.encode("K07-000123").as_deref(), Some(&b"K07-000123"[..]));
    }

    #[test]
    fn a_page_is_chosen_once() {
        let mut encoder = TextEncoder::new(&PAGES);
        assert_eq!(encoder.encode("Prei\u{DF} 9,90\u{A0}€").unwrap(), b"Prei\x1Bt\x13\xE1 9,90 \xD5");
        assert_eq!(encoder.encode("schön").unwrap(), b"sch\x94n");
        // One page for the whole line, although the present one has a part of it.
        assert_eq!(encoder.encode("für – 1").unwrap(), b"f\x1Bt\x10\xFCr \x96 1");
    }

    #[test]
    fn pages_change_within_a_line_where_none_has_it_all() {
        let mut encoder = TextEncoder::new(&PAGES);
        assert_eq!(encoder.encode("ğ€").unwrap(), b"\x1Bt\x0D\xA7\x1Bt\x13\xD5");
    }

    #[test]
    fn a_missing_letter_refuses_the_line_and_changes_nothing() {
        static ONE: [NumberedPage; 1] = [(0, &CP437)];
        let mut encoder = TextEncoder::new(&ONE);
        assert_eq!(encoder.encode("é日本語"), None);
        assert_eq!(encoder.encode("é").unwrap(), b"\x1Bt\x00\x82", "the page was not selected by the refused line");
        assert_eq!(encoder.encode("€"), None);
    }

    #[test]
    fn no_text_is_a_command() {
        let mut encoder = TextEncoder::new(&PAGES);
        let nasty: String = (0..0x20_u8).chain([0x7F]).map(char::from).collect();
        assert_eq!(encoder.encode(&format!("a{nasty}b\u{85}c")).unwrap(), b"a bc");
    }
}
