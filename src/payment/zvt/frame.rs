//! The serial frame: `10 02 <APDU, every 10 doubled> 10 03 <CRC low> <CRC high>` (PA00P016 rev. 04, chapter 2).
//!
//! Pure: bytes in, [`Item`]s out. What a frame means is `message`'s business, when it is repeated is `link`'s.

use std::time::Duration;

use crc::{CRC_16_KERMIT, Crc};
use tokio::time::Instant;

/// Data link escape, doubled inside a frame.
pub const DLE: u8 = 0x10;
/// Start of text, after a DLE.
pub const STX: u8 = 0x02;
/// End of text, after a DLE; covered by the checksum.
pub const ETX: u8 = 0x03;
/// Single byte: the frame arrived whole.
pub const ACK: u8 = 0x06;
/// Single byte: the frame arrived broken.
pub const NAK: u8 = 0x15;

/// Longest APDU: three bytes of header for the long form, two more for its length, 65 535 of data.
pub const APDU_MAX: usize = 5 + 0xffff;

const KERMIT: Crc<u16> = Crc::<u16>::new(&CRC_16_KERMIT);

/// Checksum of an APDU: CRC-16/KERMIT over its bytes, not doubled, and the closing ETX.
#[must_use]
pub fn checksum(apdu: &[u8]) -> u16 {
    let mut digest = KERMIT.digest();
    digest.update(apdu);
    digest.update(&[ETX]);
    digest.finalize()
}

/// The whole frame of an APDU.
#[must_use]
pub fn encode(apdu: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(apdu.len() + 8);
    frame.extend([DLE, STX]);
    for &byte in apdu {
        frame.push(byte);
        if byte == DLE {
            frame.push(DLE);
        }
    }
    frame.extend([DLE, ETX]);
    frame.extend(checksum(apdu).to_le_bytes());
    frame
}

/// A captured frame, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The APDU without doubling.
    pub apdu: Vec<u8>,
    /// Whether the checksum is right.
    pub crc_ok: bool,
}

/// Why bytes are not one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes do not begin with `10 02`.
    #[error("a frame begins with 10 02")]
    NoStart,
    /// The bytes end before `10 03` and its checksum.
    #[error("the frame is cut short: 10 03 and two checksum bytes must close it")]
    CutShort,
    /// A 10 was followed by something that cannot follow it.
    #[error("10 {found:02X} at byte {at}: inside a frame 10 is doubled")]
    BrokenEscape {
        /// Position of the byte after the 10.
        at: usize,
        /// That byte.
        found: u8,
    },
    /// Something follows the checksum.
    #[error("{0} bytes follow the frame's checksum")]
    Trailing(usize),
}

/// Takes one whole captured frame apart, for `terminal decode`. A wrong checksum is told, not refused.
///
/// # Errors
/// The bytes are not exactly one frame.
pub fn decode(bytes: &[u8]) -> Result<Captured, FrameError> {
    let Some(rest) = bytes.strip_prefix(&[DLE, STX]) else { return Err(FrameError::NoStart) };
    let mut apdu = Vec::new();
    let mut at = 0;
    loop {
        match (rest.get(at), rest.get(at + 1)) {
            (Some(&DLE), Some(&DLE)) => {
                apdu.push(DLE);
                at += 2;
            }
            (Some(&DLE), Some(&ETX)) => {
                at += 2;
                break;
            }
            (Some(&DLE), Some(&found)) => return Err(FrameError::BrokenEscape { at: at + 3, found }),
            (Some(&DLE) | None, _) => return Err(FrameError::CutShort),
            (Some(&byte), _) => {
                apdu.push(byte);
                at += 1;
            }
        }
    }
    match &rest[at..] {
        [low, high] => {
            let crc_ok = u16::from_le_bytes([*low, *high]) == checksum(&apdu);
            Ok(Captured { apdu, crc_ok })
        }
        [] | [_] => Err(FrameError::CutShort),
        more => Err(FrameError::Trailing(more.len() - 2)),
    }
}

/// What the receiver found in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A lone ACK outside any frame.
    Ack,
    /// A lone NAK outside any frame.
    Nak,
    /// `10 02` was seen: a frame has begun.
    Start,
    /// A frame, formally right and with the right checksum.
    Frame(Vec<u8>),
    /// The line has been idle for T1 after a frame that cannot be used: now one NAK is due.
    Broken(Fault),
    /// A byte outside any frame that means nothing.
    Noise(u8),
}

/// Why a frame cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The checksum is wrong.
    Checksum,
    /// A 10 with a wrong follower.
    Escape,
    /// T1: too long a gap inside the frame.
    Gap,
    /// Longer than any APDU.
    TooLong,
}

/// The receiving half of the line: hunts for `10 02`, undoes the doubling, checks the checksum, measures T1.
#[derive(Debug)]
pub struct Receiver {
    gap: Duration,
    state: State,
    apdu: Vec<u8>,
    last_byte: Option<Instant>,
    /// Bytes that mean nothing are running past, perhaps a frame whose start was hit: a 06 or 15 among them is a digit
    /// of an amount rather than ACK or NAK.
    garbage: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Hunting,
    HuntingEscape,
    Inside,
    InsideEscape,
    ChecksumLow,
    ChecksumHigh(u8),
    /// A broken frame: everything is thrown away until the line has been idle for T1 or a new frame begins.
    Spoiled(Fault),
    SpoiledEscape(Fault),
}

impl Receiver {
    /// A receiver with T1 = `gap`.
    #[must_use]
    pub fn new(gap: Duration) -> Self {
        Receiver { gap, state: State::Hunting, apdu: Vec::new(), last_byte: None, garbage: false }
    }

    /// Forgets a half-received frame, for instance after the port was opened again.
    pub fn reset(&mut self) {
        self.state = State::Hunting;
        self.apdu = Vec::new();
        self.last_byte = None;
        self.garbage = false;
    }

    /// When [`Receiver::idle`] must be called at the latest, if a frame is half received.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match (self.state, self.last_byte) {
            (State::Hunting, _) | (_, None) => None,
            (_, Some(last)) => Some(last + self.gap),
        }
    }

    /// The time is `now` and no byte has come: T1 may have passed.
    pub fn idle(&mut self, now: Instant) -> Option<Item> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let fault = match self.state {
            // A lone DLE before any frame: noise, not a frame that could be repeated.
            State::Hunting | State::HuntingEscape => None,
            State::Spoiled(fault) | State::SpoiledEscape(fault) => Some(fault),
            State::Inside | State::InsideEscape | State::ChecksumLow | State::ChecksumHigh(_) => Some(Fault::Gap),
        };
        self.reset();
        Some(fault.map_or(Item::Noise(DLE), Item::Broken))
    }

    /// Takes one byte that arrived at `now`. Call [`Receiver::idle`] first, so that a gap before it counts.
    pub fn byte(&mut self, byte: u8, now: Instant) -> Option<Item> {
        if self.last_byte.is_some_and(|last| now.duration_since(last) >= self.gap) {
            self.garbage = false;
        }
        self.last_byte = Some(now);
        match self.state {
            State::Hunting if byte == DLE => self.go(State::HuntingEscape, None),
            State::Hunting => self.single(byte),
            State::HuntingEscape if byte == STX => self.start(),
            State::HuntingEscape if byte == DLE => {
                self.garbage = true;
                Some(Item::Noise(DLE))
            }
            State::HuntingEscape => {
                self.state = State::Hunting;
                self.garbage |= !matches!(byte, ACK | NAK);
                self.single(byte)
            }
            State::Inside if byte == DLE => self.go(State::InsideEscape, None),
            State::Inside => self.push(byte),
            State::InsideEscape => match byte {
                DLE => {
                    self.state = State::Inside;
                    self.push(DLE)
                }
                ETX => self.go(State::ChecksumLow, None),
                STX => self.start(),
                _ => self.go(State::Spoiled(Fault::Escape), None),
            },
            State::ChecksumLow => self.go(State::ChecksumHigh(byte), None),
            State::ChecksumHigh(low) => self.finish(u16::from_le_bytes([low, byte])),
            State::Spoiled(fault) if byte == DLE => self.go(State::SpoiledEscape(fault), None),
            State::Spoiled(_) => None,
            State::SpoiledEscape(_) if byte == STX => self.start(),
            // `10 10` is a doubled data byte: what follows it is data again.
            State::SpoiledEscape(fault) => self.go(State::Spoiled(fault), None),
        }
    }

    /// A byte outside any frame.
    fn single(&mut self, byte: u8) -> Option<Item> {
        match byte {
            ACK if !self.garbage => Some(Item::Ack),
            NAK if !self.garbage => Some(Item::Nak),
            other => {
                self.garbage = true;
                Some(Item::Noise(other))
            }
        }
    }

    fn go(&mut self, state: State, item: Option<Item>) -> Option<Item> {
        self.state = state;
        item
    }

    fn start(&mut self) -> Option<Item> {
        self.garbage = false;
        self.apdu.clear();
        self.go(State::Inside, Some(Item::Start))
    }

    fn push(&mut self, byte: u8) -> Option<Item> {
        if self.apdu.len() >= APDU_MAX {
            self.apdu = Vec::new();
            return self.go(State::Spoiled(Fault::TooLong), None);
        }
        self.apdu.push(byte);
        None
    }

    fn finish(&mut self, received: u16) -> Option<Item> {
        if received == checksum(&self.apdu) {
            self.state = State::Hunting;
            Some(Item::Frame(std::mem::take(&mut self.apdu)))
        } else {
            self.go(State::Spoiled(Fault::Checksum), None)
        }
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
