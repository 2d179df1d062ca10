//! The terminal's own framing (payment-terminal.md 1.2, 1.3, 1.7): stuffing and checksum on a serial line, bare
//! messages over TCP.

pub(super) const DLE: u8 = 0x10;
pub(super) const STX: u8 = 0x02;
pub(super) const ETX: u8 = 0x03;
pub(super) const ACK: u8 = 0x06;
pub(super) const NAK: u8 = 0x15;

/// Largest message with its header: class, instruction, long length, data.
const MESSAGE_MAX: usize = 2 + 3 + 0xFFFF;

/// How messages stand on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// DLE STX … DLE ETX CRC, acknowledged byte by byte.
    Serial,
    /// The message alone; its length says where it ends.
    Bare,
}

/// The line's checksum over an unstuffed message and the closing ETX; sent low byte first.
pub(super) fn checksum(message: &[u8]) -> u16 {
    // Two nibbles at a time through a table of sixteen: bit-reversed polynomial 8408, start 0.
    const STEP: [u16; 16] = {
        let mut table = [0u16; 16];
        let mut at = 0;
        while at < 16 {
            let mut value = at as u16;
            let mut bit = 0;
            while bit < 4 {
                value = if value & 1 == 1 { (value >> 1) ^ 0x8408 } else { value >> 1 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    let mut sum = 0u16;
    for byte in message.iter().copied().chain([ETX]) {
        sum = (sum >> 4) ^ STEP[usize::from((sum ^ u16::from(byte)) & 0xF)];
        sum = (sum >> 4) ^ STEP[usize::from((sum ^ u16::from(byte >> 4)) & 0xF)];
    }
    sum
}

/// Puts a message on a serial line.
pub(super) fn wrap(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 8);
    frame.extend([DLE, STX]);
    for &byte in message {
        frame.push(byte);
        if byte == DLE {
            frame.push(DLE);
        }
    }
    frame.extend([DLE, ETX]);
    frame.extend(checksum(message).to_le_bytes());
    frame
}

/// What an [`Ear`] made of a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// A whole message with a right checksum.
    Message(Vec<u8>),
    /// A whole frame with a wrong checksum.
    Damaged,
    /// A single ACK.
    Ack,
    /// A single NAK.
    Nak,
    /// A byte that belongs to nothing.
    Stray(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle,
    IdleDle,
    Inside,
    InsideDle,
    Sum,
    SumSecond(u8),
    Broken,
    BrokenDle,
}

/// Listens to a line byte by byte.
#[derive(Debug)]
pub(super) struct Ear {
    framing: Framing,
    state: State,
    message: Vec<u8>,
}

impl Ear {
    pub(super) fn new(framing: Framing) -> Ear {
        Ear { framing, state: State::Idle, message: Vec::new() }
    }

    /// A frame has begun and not ended: the gap timer T1 runs.
    pub(super) fn is_inside(&self) -> bool {
        self.state != State::Idle
    }

    /// The gap grew too long. True if a frame was lost by it (and a NAK is due).
    pub(super) fn lapse(&mut self) -> bool {
        let lost = !matches!(self.state, State::Idle | State::IdleDle);
        self.forget();
        lost
    }

    /// Begins anew, as after a closed connection.
    pub(super) fn forget(&mut self) {
        self.state = State::Idle;
        self.message.clear();
    }

    pub(super) fn hear(&mut self, byte: u8) -> Option<Heard> {
        match self.framing {
            Framing::Serial => self.hear_serial(byte),
            Framing::Bare => self.hear_bare(byte),
        }
    }

    fn hear_bare(&mut self, byte: u8) -> Option<Heard> {
        self.state = State::Inside;
        self.message.push(byte);
        let (start, length) = match *self.message.as_slice() {
            [_, _, 0xFF, low, high, ..] => (5, usize::from(u16::from_le_bytes([low, high]))),
            [_, _, 0xFF, ..] => return None,
            [_, _, length, ..] => (3, usize::from(length)),
            _ => return None,
        };
        if self.message.len() < start + length {
            return None;
        }
        self.state = State::Idle;
        Some(Heard::Message(std::mem::take(&mut self.message)))
    }

    fn hear_serial(&mut self, byte: u8) -> Option<Heard> {
        let (next, heard) = match (&self.state, byte) {
            (State::Idle, DLE) => (State::IdleDle, None),
            (State::Idle, ACK) => (State::Idle, Some(Heard::Ack)),
            (State::Idle, NAK) => (State::Idle, Some(Heard::Nak)),
            (State::Idle, _) => (State::Idle, Some(Heard::Stray(byte))),
            (State::IdleDle, DLE) => (State::IdleDle, Some(Heard::Stray(DLE))),
            // A new frame may begin anywhere, even inside a frame whose end was lost.
            (State::IdleDle | State::InsideDle | State::BrokenDle, STX) => {
                self.message.clear();
                (State::Inside, None)
            }
            (State::IdleDle, _) => (State::Idle, Some(Heard::Stray(byte))),
            (State::Inside, DLE) => (State::InsideDle, None),
            (State::InsideDle, ETX) => (State::Sum, None),
            (State::Inside, _) | (State::InsideDle, DLE) => {
                self.message.push(byte);
                let room = self.message.len() < MESSAGE_MAX;
                (if room { State::Inside } else { State::Broken }, None)
            }
            (State::InsideDle, _) => (State::Broken, None),
            (State::Sum, _) => (State::SumSecond(byte), None),
            (State::SumSecond(low), _) => (State::Idle, Some(self.judge(u16::from_le_bytes([*low, byte])))),
            (State::Broken, DLE) => (State::BrokenDle, None),
            (State::Broken | State::BrokenDle, _) => (State::Broken, None),
        };
        self.state = next;
        if matches!(heard, Some(Heard::Message(_) | Heard::Damaged)) {
            self.message.clear();
        }
        heard
    }

    fn judge(&self, sum: u16) -> Heard {
        if sum == checksum(&self.message) && self.message.len() >= 3 {
            Heard::Message(self.message.clone())
        } else {
            Heard::Damaged
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Complete frames that others have published (ecrterm's tests, a till vendor's log) and the computed corner
    /// cases of vectors/zvt.md section B.
    const FRAMES: &[&str] = &[
        "10020693031234561003caa4",
        "10020670001003d9f9",
        "10028000001003f51f",
        "10020618001003563a",
        "100206e025f1f1f64641485245524e554d4d455220202020f2f1f545494e474542454e20554e44204f4b1003decd",
        "1002050105123456030410033094",
        "100206d117002020202020202020204b617373656e7363686e69747410032f07",
        "100206d117402a202a202048846e646c657262656c656720202a202a10031c81",
        "1002060110100400000000101010104909781003",
        "1002060610100400000010101010101049097810 03ae61",
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        digits.chunks(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
    }

    fn listen(ear: &mut Ear, line: &[u8]) -> Vec<Heard> {
        line.iter().filter_map(|&b| ear.hear(b)).collect()
    }

    #[test]
    fn public_frames_are_heard_and_made_to_the_byte() {
        for hex in &FRAMES[..8] {
            let line = bytes(hex);
            let heard = listen(&mut Ear::new(Framing::Serial), &line);
            let [Heard::Message(message)] = heard.as_slice() else { panic!("{hex}: {heard:?}") };
            assert_eq!(wrap(message), line);
        }
    }

    #[test]
    fn checksums_that_look_like_control_bytes_are_taken_raw() {
        for (amount, sum) in [
            ("000000000228", "7010"),
            ("000000000230", "10fe"),
            ("000000025308", "1003"),
            ("000000016074", "1002"),
            ("000000045974", "1010"),
            ("000000012729", "0615"),
            ("000000192457", "1506"),
        ] {
            let message = bytes(&format!("06010a04{amount}490978"));
            let line = wrap(&message);
            assert_eq!(line[line.len() - 2..], bytes(sum), "{amount}");
            assert_eq!(listen(&mut Ear::new(Framing::Serial), &line), [Heard::Message(message)]);
        }
    }

    #[test]
    fn ten_ten_in_a_row_is_doubled_and_undone() {
        let message = bytes("06010a04000000001010490978");
        let line = bytes("1002 06010a040000000010101010490978 1003 67d4");
        assert_eq!(wrap(&message), line);
        assert_eq!(listen(&mut Ear::new(Framing::Serial), &line), [Heard::Message(message)]);
        let three = bytes("06010a04000000101010490978");
        assert_eq!(wrap(&three), bytes("1002 06010a04000000101010101010490978 1003 ae61"));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_never_a_message() {
        let line = bytes("10028000001003f51f");
        for bit in 0..line.len() * 8 {
            let mut bent = line.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let heard = listen(&mut Ear::new(Framing::Serial), &bent);
            assert!(!heard.iter().any(|h| matches!(h, Heard::Message(_))), "bit {bit}: {heard:?}");
        }
    }

    #[test]
    fn noise_and_a_cut_frame_do_not_hide_the_next_one() {
        let mut ear = Ear::new(Framing::Serial);
        let good = wrap(&[0x80, 0, 0]);
        let mut line = vec![0x55, ACK, 0x10, 0x55];
        line.extend(&good[..5]);
        line.extend(&good);
        let heard = listen(&mut ear, &line);
        assert_eq!(heard, [Heard::Stray(0x55), Heard::Ack, Heard::Stray(0x55), Heard::Message(vec![0x80, 0, 0])]);
        assert_eq!(listen(&mut ear, &[DLE, STX, 0x80, DLE, 0x55, 0x00]), []);
        assert!(ear.is_inside() && ear.lapse() && !ear.is_inside());
        assert_eq!(listen(&mut ear, &good), [Heard::Message(vec![0x80, 0, 0])]);
    }

    #[test]
    fn bare_messages_end_where_their_length_says() {
        let mut ear = Ear::new(Framing::Bare);
        let mut line = bytes("800000 0fa1020001 06d1ff0300404142");
        line.extend(bytes("0601"));
        let heard = listen(&mut ear, &line);
        assert_eq!(heard, ["800000", "0fa1020001", "06d1ff0300404142"].map(|m| Heard::Message(bytes(m))));
        assert!(ear.is_inside());
    }
}
