//! What a printer sends back: real-time status (`DLE EOT`), automatic status (`GS a`), process ids (`GS ( H`), the
//! paper mark (`GS r`), the answer to a cleared buffer (`DLE DC4` 8). Pure.
//!
//! Sources: Epson ESC/POS reference, the pages of these commands; Citizen, "Identification of Send Status": each kind
//! has fixed bits by which it is told from the others.

use super::{PrinterFault, PrinterState};

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// `DLE EOT n`: `0xx1xx10`. Which `n`, the byte does not say.
    RealTime(u8),
    /// `GS a`: `0xx1xx00` and three of `0xx0xxxx`.
    Auto([u8; 4]),
    /// `GS ( H`: the id that was sent.
    Process([u8; 4]),
    /// `GS r`: `0xx0xxxx`.
    Paper(u8),
    /// `DLE DC4` 8 is done.
    Cleared,
    /// No answer of any kind.
    Garbage,
}

/// `DLE EOT n` (Epson, "DLE EOT"): 1 printer, 2 offline cause, 3 error, 4 paper.
pub fn real_time_request(n: u8) -> [u8; 3] {
    [0x10, 0x04, n]
}

/// Longest block between its head `37h` and NUL.
const BLOCK_MAX: usize = 84;

/// Cuts what comes in into answers.
#[derive(Debug, Default)]
pub struct ReplyParser {
    held: Vec<u8>,
}

impl ReplyParser {
    /// Takes one byte. Two answers come of one byte where it shows that the one before was no answer.
    pub fn feed(&mut self, byte: u8) -> Vec<Reply> {
        let mut replies = Vec::new();
        match self.held.first() {
            None => replies.extend(self.first(byte)),
            Some(0x37) => replies.extend(self.in_block(byte)),
            Some(_) if byte & 0x90 == 0 => {
                self.held.push(byte);
                if let [first, second, third, fourth] = self.held[..] {
                    self.held.clear();
                    replies.push(Reply::Auto([first, second, third, fourth]));
                }
            }
            // In the middle of four status bytes a real-time answer may stand; flow control as well.
            Some(_) if is_real_time(byte) => replies.push(Reply::RealTime(byte)),
            Some(_) if is_flow(byte) => {}
            Some(_) => {
                self.held.clear();
                replies.push(Reply::Garbage);
                replies.extend(self.first(byte));
            }
        }
        replies
    }

    fn first(&mut self, byte: u8) -> Option<Reply> {
        if is_flow(byte) {
            return None;
        }
        if byte == 0x37 || byte & 0x93 == 0x10 {
            self.held.push(byte);
            return None;
        }
        Some(match byte {
            byte if is_real_time(byte) => Reply::RealTime(byte),
            byte if byte & 0x90 == 0 => Reply::Paper(byte),
            _ => Reply::Garbage,
        })
    }

    fn in_block(&mut self, byte: u8) -> Option<Reply> {
        if byte != 0 {
            self.held.push(byte);
            if self.held.len() > BLOCK_MAX {
                self.held.clear();
                return Some(Reply::Garbage);
            }
            return None;
        }
        let block = std::mem::take(&mut self.held);
        Some(match block[..] {
            [_, 0x22, a, b, c, d] => Reply::Process([a, b, c, d]),
            [_, 0x25] => Reply::Cleared,
            _ => Reply::Garbage,
        })
    }

    /// Forgets a half answer: what comes next begins anew.
    pub fn reset(&mut self) {
        self.held.clear();
    }
}

fn is_real_time(byte: u8) -> bool {
    byte & 0x93 == 0x12
}

/// XON and XOFF.
fn is_flow(byte: u8) -> bool {
    matches!(byte, 0x11 | 0x13)
}

/// The four real-time answers at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Answers to n = 1 to 4.
    pub bytes: [u8; 4],
}

impl Snapshot {
    /// What they mean, the gravest first.
    pub fn state(&self) -> PrinterState {
        let [printer, cause, error, paper] = self.bytes;
        let bit = |byte: u8, number: u8| byte & (1 << number) != 0;
        let fault = if bit(error, 5) || bit(error, 2) {
            PrinterFault::Unrecoverable
        } else if bit(error, 3) {
            PrinterFault::Cutter
        } else if bit(cause, 2) {
            PrinterFault::CoverOpen
        } else if paper & 0x60 != 0 || bit(cause, 5) {
            PrinterFault::PaperOut
        } else if bit(error, 6) {
            PrinterFault::Overheated
        } else if bit(printer, 3) {
            PrinterFault::Offline
        } else {
            return PrinterState::Ready { paper_low: paper & 0x0C != 0 };
        };
        PrinterState::Faulty(fault)
    }
}

/// What an automatic status means (Epson, "GS a").
pub fn auto_state(bytes: [u8; 4]) -> PrinterState {
    let [printer, error, paper, _] = bytes;
    let bit = |byte: u8, number: u8| byte & (1 << number) != 0;
    let fault = if bit(error, 5) || bit(error, 2) {
        PrinterFault::Unrecoverable
    } else if bit(error, 3) {
        PrinterFault::Cutter
    } else if bit(printer, 5) {
        PrinterFault::CoverOpen
    } else if paper & 0x0C != 0 {
        PrinterFault::PaperOut
    } else if bit(error, 6) {
        PrinterFault::Overheated
    } else if bit(printer, 3) {
        PrinterFault::Offline
    } else {
        return PrinterState::Ready { paper_low: paper & 0x03 != 0 };
    };
    PrinterState::Faulty(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Reply> {
        let mut parser = ReplyParser::default();
        bytes.iter().flat_map(|byte| parser.feed(*byte)).collect()
    }

    #[test]
    fn each_kind_is_known_by_its_fixed_bits() {
        assert_eq!(all(&[0x12, 0x7E]), [Reply::RealTime(0x12), Reply::RealTime(0x7E)]);
        assert_eq!(all(&[0x10, 0, 0, 0]), [Reply::Auto([0x10, 0, 0, 0])]);
        assert_eq!(all(b"\x37\x22A1b2\x00"), [Reply::Process(*b"A1b2")]);
        assert_eq!(all(&[0x37, 0x25, 0x00]), [Reply::Cleared]);
        assert_eq!(all(&[0x00, 0x0C]), [Reply::Paper(0), Reply::Paper(0x0C)]);
        assert_eq!(all(&[0x11, 0x13]), []);
        assert_eq!(all(&[0xFF, 0x92]), [Reply::Garbage, Reply::Garbage]);
    }

    #[test]
    fn a_broken_answer_does_not_swallow_the_next() {
        assert_eq!(all(&[0x10, 0x00, 0x12, 0x00, 0x00]), [Reply::RealTime(0x12), Reply::Auto([0x10, 0, 0, 0])]);
        assert_eq!(all(&[0x10, 0xFF, 0x12]), [Reply::Garbage, Reply::Garbage, Reply::RealTime(0x12)]);
        assert_eq!(all(b"\x37\x99\x00\x12"), [Reply::Garbage, Reply::RealTime(0x12)]);
        let mut endless = vec![0x37];
        endless.extend([b'x'; 200]);
        assert!(all(&endless).contains(&Reply::Garbage));
    }

    /// Answers of an independent simulator (emupos 0.4.0), and each bit of the reference.
    #[test]
    fn what_the_bits_mean() {
        for (bytes, state) in [
            ([0x12, 0x12, 0x12, 0x12], PrinterState::Ready { paper_low: false }),
            ([0x12, 0x12, 0x12, 0x1E], PrinterState::Ready { paper_low: true }),
            ([0x1A, 0x32, 0x12, 0x7E], PrinterState::Faulty(PrinterFault::PaperOut)),
            ([0x1A, 0x16, 0x12, 0x12], PrinterState::Faulty(PrinterFault::CoverOpen)),
            ([0x1A, 0x52, 0x1A, 0x12], PrinterState::Faulty(PrinterFault::Cutter)),
            ([0x1A, 0x52, 0x32, 0x12], PrinterState::Faulty(PrinterFault::Unrecoverable)),
            ([0x1A, 0x52, 0x52, 0x12], PrinterState::Faulty(PrinterFault::Overheated)),
            ([0x1A, 0x12, 0x12, 0x12], PrinterState::Faulty(PrinterFault::Offline)),
        ] {
            assert_eq!(Snapshot { bytes }.state(), state, "{bytes:02X?}");
        }
        for (bytes, state) in [
            ([0x10, 0, 0, 0], PrinterState::Ready { paper_low: false }),
            ([0x10, 0, 0x03, 0], PrinterState::Ready { paper_low: true }),
            ([0x38, 0, 0, 0], PrinterState::Faulty(PrinterFault::CoverOpen)),
            ([0x18, 0, 0x0F, 0], PrinterState::Faulty(PrinterFault::PaperOut)),
            ([0x18, 0x08, 0, 0], PrinterState::Faulty(PrinterFault::Cutter)),
        ] {
            assert_eq!(auto_state(bytes), state, "{bytes:02X?}");
        }
    }
}
