//! What a provider prints: activation codes, ICCIDs, order numbers, ids. Everything from one seed.

use std::collections::HashSet;

use super::Provider;
use crate::sim::chance::Chance;

/// Seeded chance that can also draw texts and ids: the same seed gives the same catalogue, codes and faults.
#[derive(Debug, Clone)]
pub struct Dice(Chance);

impl Dice {
    /// A generator with this seed.
    pub fn new(seed: u64) -> Dice {
        Dice(Chance::new(seed))
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0.bits()
    }

    /// A number below `bound` (0 for a bound of 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// `length` characters out of `letters`.
    pub fn text(&mut self, letters: &str, length: usize) -> String {
        let letters = letters.as_bytes();
        let bound = letters.len() as u64;
        (0..length).map(|_| char::from(letters[usize::try_from(self.below(bound)).unwrap_or(0)])).collect()
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.roll(), self.roll());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }
}

const CAPITALS: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const HEX: &str = "0123456789ABCDEF";

/// One sold profile: the activation code and its card number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    /// The whole text of the QR code, `LPA:1$address$matching-id`.
    pub(super) lpa: String,
    /// The address of the SM-DP+.
    pub(super) smdp: String,
    /// The matching id.
    pub(super) matching_id: String,
    /// Nineteen digits, the last one by Luhn.
    pub(super) iccid: String,
}

/// Prints codes, and never one twice in a run.
#[derive(Debug)]
pub(super) struct CodePress {
    dice: Dice,
    provider: Provider,
    run: u64,
    printed: u64,
    seen: HashSet<String>,
}

impl CodePress {
    /// `run` tells two runs with the same seed apart, so that a kiosk that keeps its journal never meets the
    /// same code again; tests that compare runs fix it.
    pub(super) fn new(provider: Provider, seed: u64, run: u64) -> CodePress {
        let mixed = seed ^ run.rotate_left(17) ^ (provider as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f);
        CodePress { dice: Dice::new(mixed), provider, run, printed: 0, seen: HashSet::new() }
    }

    pub(super) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// A new profile.
    pub(super) fn profile(&mut self) -> Profile {
        self.printed += 1;
        let matching_id = loop {
            let candidate = self.matching_id();
            if self.seen.insert(candidate.clone()) {
                break candidate;
            }
        };
        let host = match self.provider {
            Provider::Mobilexy => "smdp.sim-mobilexy.example",
            Provider::Roamify => "lpa.sim-roamify.example",
            Provider::Esimfly => "rsp-eu.sim-esimfly.example",
            Provider::Reseller => "smdp-plus.sim-reseller.example.com",
        };
        let account = (self.run % 100_000) * 10_000 + self.printed % 10_000;
        let issuer = ["4450", "9103", "4310", "8520"][self.provider as usize];
        let body = format!("89{issuer}{:03}{account:09}", self.printed / 10_000 % 1000);
        let iccid = format!("{body}{}", luhn_digit(&body));
        Profile { lpa: format!("LPA:1${host}${matching_id}"), smdp: host.to_owned(), matching_id, iccid }
    }

    /// Each provider's own look: 16 capitals, five groups, 32 hexadecimal digits.
    fn matching_id(&mut self) -> String {
        match self.provider {
            Provider::Mobilexy => self.dice.text(CAPITALS, 16),
            Provider::Roamify => (0..4).map(|_| self.dice.text(CAPITALS, 5)).collect::<Vec<_>>().join("-"),
            Provider::Esimfly | Provider::Reseller => self.dice.text(HEX, 32),
        }
    }

    /// Capital letters and digits, such as an order number.
    pub(super) fn number(&mut self, length: usize) -> String {
        loop {
            let candidate = self.dice.text(CAPITALS, length);
            if self.seen.insert(candidate.clone()) {
                return candidate;
            }
        }
    }
}

/// The check digit of ISO/IEC 7812 for a number without it.
pub(super) fn luhn_digit(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            if place % 2 == 1 {
                digit
            } else if digit > 4 {
                digit * 2 - 9
            } else {
                digit * 2
            }
        })
        .sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_agrees_with_known_numbers() {
        for known in ["8944500000000000014", "8910300000000000017", "89445000000000000126", "8948010010002120847"] {
            let (body, check) = known.split_at(known.len() - 1);
            assert_eq!(luhn_digit(body).to_string(), check, "{known}");
        }
    }

    #[test]
    fn codes_are_unique_well_formed_and_repeatable() {
        for provider in Provider::ALL {
            let mut press = CodePress::new(provider, 7, 1);
            let mut again = CodePress::new(provider, 7, 1);
            let mut other_run = CodePress::new(provider, 7, 2);
            let mut cards = HashSet::new();
            for _ in 0..12_000 {
                let profile = press.profile();
                assert_eq!(profile, again.profile());
                assert_ne!(profile.lpa, other_run.profile().lpa);
                assert!(cards.insert(profile.iccid.clone()));
                assert_eq!(profile.iccid.len(), 19);
                assert!(profile.iccid.starts_with("89"));
                let (body, check) = profile.iccid.split_at(18);
                assert_eq!(luhn_digit(body).to_string(), check);
                assert!(profile.matching_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            }
        }
    }

    #[test]
    fn uuids_have_version_four() {
        let id = Dice::new(1).uuid();
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
    }
}
