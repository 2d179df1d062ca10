//! Character sets of a terminal's texts (PA00P015 rev. 13.08, tag 14; payment-terminal.md 2.2).

use serde::{Deserialize, Serialize};

/// The character set a terminal writes in, a matter of its dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charset {
    /// Code page 437, the default of ZVT.
    #[default]
    Cp437,
    /// ISO 8859-1.
    Iso8859_1,
    /// ISO 8859-15.
    Iso8859_15,
    /// UTF-8.
    Utf8,
    /// Seven bits with the German letters in the places of brackets and braces (DIN 66003).
    SevenBit,
    /// Plain ASCII.
    Ascii,
}

const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const LATIN_9: [(u8, char); 8] =
    [(0xa4, '€'), (0xa6, 'Š'), (0xa8, 'š'), (0xb4, 'Ž'), (0xb8, 'ž'), (0xbc, 'Œ'), (0xbd, 'œ'), (0xbe, 'Ÿ')];
const DIN_66003: [(u8, char); 8] =
    [(b'@', '§'), (b'[', 'Ä'), (b'\\', 'Ö'), (b']', 'Ü'), (b'{', 'ä'), (b'|', 'ö'), (b'}', 'ü'), (b'~', 'ß')];

impl Charset {
    /// The set that tag 14 names; `None` for one that we do not read.
    #[must_use]
    pub fn of_tag_14(code: u8) -> Option<Charset> {
        match code {
            0x00 => Some(Charset::Ascii),
            0x01 => Some(Charset::Iso8859_1),
            // The code is the part's number, hexadecimal or decimal by vendor.
            0x0f | 0x15 => Some(Charset::Iso8859_15),
            0xfe => Some(Charset::Utf8),
            0xff => Some(Charset::Cp437),
            _ => None,
        }
    }

    /// What tag 14 says for this set; the seven-bit set has no number.
    #[must_use]
    pub fn tag_14(self) -> Option<u8> {
        match self {
            Charset::Ascii => Some(0x00),
            Charset::Iso8859_1 => Some(0x01),
            Charset::Iso8859_15 => Some(0x0f),
            Charset::Utf8 => Some(0xfe),
            Charset::Cp437 => Some(0xff),
            Charset::SevenBit => None,
        }
    }

    /// Reads a text; every byte becomes something, so nothing a terminal sends is lost by an error.
    #[must_use]
    pub fn read(self, bytes: &[u8]) -> String {
        match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            other => bytes.iter().map(|&byte| other.letter(byte)).collect(),
        }
    }

    fn letter(self, byte: u8) -> char {
        let listed = |table: &[(u8, char)]| table.iter().find(|row| row.0 == byte).map(|row| row.1);
        match (self, byte) {
            (Charset::SevenBit, 0..=0x7f) => listed(&DIN_66003).unwrap_or(char::from(byte)),
            (_, 0..=0x7f) => char::from(byte),
            (Charset::Cp437, high) => {
                CP437.chars().nth(usize::from(high - 0x80)).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            (Charset::Iso8859_1, high) => char::from(high),
            (Charset::Iso8859_15, high) => listed(&LATIN_9).unwrap_or(char::from(high)),
            (Charset::Utf8 | Charset::SevenBit | Charset::Ascii, _) => char::REPLACEMENT_CHARACTER,
        }
    }
}

/// A text up to its closing zero, if it has one.
#[must_use]
pub fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_umlaut_in_every_set() {
        for (set, byte) in
            [(Charset::Cp437, 0x81), (Charset::Iso8859_1, 0xfc), (Charset::Iso8859_15, 0xfc), (Charset::SevenBit, b'}')]
        {
            assert_eq!(set.read(&[byte]), "ü", "{set:?}");
        }
        assert_eq!(Charset::Utf8.read("ü€".as_bytes()), "ü€");
        assert_eq!(Charset::Iso8859_15.read(&[0xa4]), "€");
    }

    #[test]
    fn code_page_437_is_complete() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(Charset::Cp437.read(&[0xff]), "\u{a0}");
        assert_eq!(Charset::Cp437.read(b"a\x0ab"), "a\nb");
    }

    #[test]
    fn what_is_no_letter_is_replaced() {
        assert_eq!(Charset::Ascii.read(&[b'a', 0xe4]), "a\u{fffd}");
        assert_eq!(Charset::Utf8.read(&[b'a', 0xe4]), "a\u{fffd}");
    }

    #[test]
    fn numbers_of_tag_14_come_back() {
        for set in [Charset::Cp437, Charset::Iso8859_1, Charset::Iso8859_15, Charset::Utf8, Charset::Ascii] {
            assert_eq!(set.tag_14().and_then(Charset::of_tag_14), Some(set));
        }
    }
}
