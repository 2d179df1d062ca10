//! Claim codes (sale.md 10): short, unambiguous aloud, with a check character.
//!
//! Nine characters of Crockford's alphabet without `I L O U`: eight random (40 bits), one check character over
//! them. Shown in three groups: `7QK-3M9-X2H`.

use std::fmt;

use serde::{Serialize, Serializer};
use zeroize::Zeroize;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Random characters.
const BODY: usize = 8;

/// A claim code. It opens a sale, so it prints as dots; [`ClaimCode::reveal`] is for the traveller's own screen and paper.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimCode {
    text: String,
}

/// Why what was typed is not a claim code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAClaimCode {
    /// Too few or too many characters.
    #[error("a claim code has nine characters")]
    Length,
    /// A character that no code has.
    #[error("a claim code has no such character")]
    Character,
    /// One character was mistyped, or two were swapped.
    #[error("one character is wrong")]
    Check,
}

impl ClaimCode {
    /// The code made of 40 random bits.
    pub fn from_random(random: [u8; 5]) -> Self {
        let bits = random.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let body: Vec<u8> =
            (0..BODY).rev().map(|place| u8::try_from((bits >> (5 * place)) & 31).unwrap_or(0)).collect();
        let mut text: String = body.iter().map(|value| char::from(ALPHABET[usize::from(*value)])).collect();
        text.push(char::from(ALPHABET[check(&body)]));
        ClaimCode { text }
    }

    /// Reads what a person typed: lower case, dashes and spaces are welcome; `O` is 0, `I` and `L` are 1, `U` is V.
    ///
    /// # Errors
    /// [`NotAClaimCode`], before anything is looked up.
    pub fn parse(typed: &str) -> Result<Self, NotAClaimCode> {
        let mut values = Vec::with_capacity(BODY + 1);
        for c in typed.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{2013}')) {
            let plain = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                'U' => 'V',
                other => other,
            };
            let value = ALPHABET.iter().position(|letter| char::from(*letter) == plain);
            values.push(u8::try_from(value.ok_or(NotAClaimCode::Character)?).unwrap_or(0));
            if values.len() > BODY + 1 {
                return Err(NotAClaimCode::Length);
            }
        }
        if values.len() != BODY + 1 {
            return Err(NotAClaimCode::Length);
        }
        if check(&values[..BODY]) != usize::from(values[BODY]) {
            return Err(NotAClaimCode::Check);
        }
        let text = values.iter().map(|value| char::from(ALPHABET[usize::from(*value)])).collect();
        Ok(ClaimCode { text })
    }

    /// The nine characters, for the keyed hash in the journal.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// In three groups, as it is shown and printed.
    pub fn grouped(&self) -> String {
        format!("{}-{}-{}", &self.text[..3], &self.text[3..6], &self.text[6..])
    }
}

/// A weighted sum in GF(32): every single wrong character and every swap of two neighbours changes it.
fn check(body: &[u8]) -> usize {
    let sum = body.iter().fold(0_u8, |sum, value| double(sum ^ *value));
    usize::from(sum)
}

/// Times x in GF(2⁵) with x⁵ + x² + 1.
fn double(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 0x20 == 0 { shifted } else { (shifted ^ 0x25) & 0x1F }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(•••)")
    }
}

impl Serialize for ClaimCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("•••")
    }
}

impl Drop for ClaimCode {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_can_be_typed() {
        for seed in 0..=255_u8 {
            let code = ClaimCode::from_random([seed, 7, !seed, 99, seed.wrapping_mul(31)]);
            assert_eq!(code.grouped().len(), 11);
            assert_eq!(ClaimCode::parse(&code.grouped().to_lowercase()).as_ref(), Ok(&code));
            assert_eq!(ClaimCode::parse(&code.reveal().replace('0', "o").replace('1', "l")).as_ref(), Ok(&code));
        }
    }

    #[test]
    fn every_single_slip_and_every_swap_is_noticed() {
        let code = ClaimCode::from_random([0x12, 0x9A, 0xF3, 0x44, 0x0B]);
        let text: Vec<u8> = code.reveal().bytes().collect();
        for place in 0..text.len() {
            for letter in ALPHABET.iter().filter(|letter| **letter != text[place]) {
                let mut wrong = text.clone();
                wrong[place] = *letter;
                assert_eq!(ClaimCode::parse(std::str::from_utf8(&wrong).unwrap()), Err(NotAClaimCode::Check));
            }
            if place + 1 < text.len() && text[place] != text[place + 1] {
                let mut swapped = text.clone();
                swapped.swap(place, place + 1);
                assert_eq!(ClaimCode::parse(std::str::from_utf8(&swapped).unwrap()), Err(NotAClaimCode::Check));
            }
        }
        assert_eq!(ClaimCode::parse("123"), Err(NotAClaimCode::Length));
        assert_eq!(ClaimCode::parse("0123456789"), Err(NotAClaimCode::Length));
        assert_eq!(ClaimCode::parse("12345678é"), Err(NotAClaimCode::Character));
    }

    #[test]
    fn it_never_prints() {
        let code = ClaimCode::from_random([1, 2, 3, 4, 5]);
        assert!(!format!("{code:?}{}", serde_json::to_string(&code).unwrap()).contains(code.reveal()));
    }
}
