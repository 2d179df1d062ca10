//! `[service]`: the operator's own screen at the machine, and the PIN that opens it.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use ring::pbkdf2;
use serde::Deserialize;

use crate::esim::secret::SecretPlace;

/// Rounds of a hash that we make: a quarter of a second on a small ARM board.
const ROUNDS: NonZeroU32 = NonZeroU32::new(200_000).expect("not zero");
/// Fewest and most figures of a PIN.
const FIGURES: std::ops::RangeInclusive<usize> = 6..=12;

/// `[service]`; without it the machine has no service screen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Where the PIN's hash lies, as `esim-kiosk hash-pin` wrote it: `credential:service-pin` or `file:/…`. It is read
    /// at each try, so that another one is in force at once.
    pub pin: SecretPlace,
}

impl Default for Service {
    fn default() -> Self {
        Service { pin: SecretPlace::Credential("service-pin".to_owned()) }
    }
}

/// What is left of a PIN: `pbkdf2-sha256$ROUNDS$SALT$HASH`, salt and hash in hex (PBKDF2 with HMAC-SHA-256, RFC 8018).
#[derive(Clone, PartialEq, Eq)]
pub struct PinHash {
    rounds: NonZeroU32,
    salt: [u8; 16],
    hash: [u8; 32],
}

/// Why a PIN or its hash cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPin {
    /// Too short, too long, or no figures.
    #[error("a PIN of 6 to 12 figures is expected")]
    Figures,
    /// All figures are the same, or they only count up or down.
    #[error("that PIN is the first one that anybody tries: choose another")]
    Obvious,
    /// Not a hash of ours.
    #[error("this is no PIN hash: make one with `esim-kiosk hash-pin`")]
    NoHash,
    /// The system gave no random numbers.
    #[error("there are no random numbers: try again")]
    NoRandom,
}

impl PinHash {
    /// The hash of a PIN, with a new salt.
    ///
    /// # Errors
    /// [`BadPin`].
    pub fn of(pin: &str) -> Result<PinHash, BadPin> {
        let figures = pin.as_bytes();
        if !FIGURES.contains(&figures.len()) || !figures.iter().all(u8::is_ascii_digit) {
            return Err(BadPin::Figures);
        }
        let steps = |by: i16| figures.windows(2).all(|pair| i16::from(pair[1]) - i16::from(pair[0]) == by);
        if [-1, 0, 1].into_iter().any(steps) {
            return Err(BadPin::Obvious);
        }
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt).map_err(|_| BadPin::NoRandom)?;
        let mut hash = [0_u8; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, figures, &mut hash);
        Ok(PinHash { rounds: ROUNDS, salt, hash })
    }

    /// Whether it is the hash of this PIN. Takes its time: not for the loop.
    pub fn is_of(&self, pin: &str) -> bool {
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, self.rounds, &self.salt, pin.as_bytes(), &self.hash).is_ok()
    }
}

/// Six figures are soon tried: the hash is as secret as the PIN.
impl fmt::Debug for PinHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinHash(•••)")
    }
}

impl PinHash {
    /// As it is written into the secret's place.
    pub fn to_text(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("pbkdf2-sha256${}${}${}", self.rounds, hex(&self.salt), hex(&self.hash))
    }
}

impl FromStr for PinHash {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, BadPin> {
        let mut parts = text.trim().split('$');
        let mut next = || parts.next().ok_or(BadPin::NoHash);
        if next()? != "pbkdf2-sha256" {
            return Err(BadPin::NoHash);
        }
        let rounds = next()?.parse().map_err(|_| BadPin::NoHash)?;
        let (salt, hash) = (bytes(next()?)?, bytes(next()?)?);
        if parts.next().is_some() {
            return Err(BadPin::NoHash);
        }
        Ok(PinHash { rounds, salt, hash })
    }
}

fn bytes<const N: usize>(hex: &str) -> Result<[u8; N], BadPin> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.is_ascii() {
        return Err(BadPin::NoHash);
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).map_err(|_| BadPin::NoHash)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_known_by_its_hash_alone() {
        let hash = PinHash::of("480215").unwrap();
        assert!(hash.is_of("480215") && !hash.is_of("480216"));
        let written = hash.to_text();
        assert!(!written.contains("480215") && !format!("{hash:?}").contains('$'), "{written}");
        assert_eq!(written.parse::<PinHash>(), Ok(hash.clone()));
        assert_ne!(PinHash::of("480215").unwrap(), hash, "each hash has its own salt");
    }

    /// RFC 7914, section 11: a public vector of the function beneath.
    #[test]
    fn hashes_are_those_of_the_standard() {
        let mut known = [0_u8; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, NonZeroU32::MIN, b"salt", b"passwd", &mut known);
        assert_eq!(known[..8], [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f]);
    }

    /// Made by another implementation (Python's hashlib).
    #[test]
    fn a_hash_of_elsewhere_is_read() {
        let made = "pbkdf2-sha256$200000$6b696f736b2d64656d6f2d73616c7421$\
            81a25b7e485f7e2f7d4399afff70f8301626375239d8a3717d7c35f416453cc4";
        let hash: PinHash = made.parse().unwrap();
        assert!(hash.is_of("480215") && !hash.is_of("480214"));
    }

    #[test]
    fn weak_pins_and_foreign_hashes_are_refused() {
        for bad in ["", "12345", "1234567890123", "12a456", "４８０２１５"] {
            assert_eq!(PinHash::of(bad), Err(BadPin::Figures), "{bad}");
        }
        for obvious in ["123456", "000000", "987654"] {
            assert_eq!(PinHash::of(obvious), Err(BadPin::Obvious), "{obvious}");
        }
        let good = PinHash::of("480215").unwrap().to_text();
        for bad in ["", "480215", "pbkdf2-sha256$0$00$00", &good[..good.len() - 1], &format!("{good}$"), "argon2$1$a$b"]
        {
            assert_eq!(bad.parse::<PinHash>(), Err(BadPin::NoHash), "{bad}");
        }
    }
}
