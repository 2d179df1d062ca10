//! Bytes → commands, by the makers' references. Nothing is guessed: an unknown command is told as such.

/// One command, or a run of letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// A letter of the current page.
    Letter(u8),
    /// LF.
    LineFeed,
    /// NUL, CR, real-time commands that were obeyed when they came in.
    Nothing,
    /// CAN: forget the line that is being set.
    Cancel,
    /// ESC @.
    Initialise,
    /// ESC t.
    Page(u8),
    /// ESC R.
    National(u8),
    /// ESC a.
    Justify(u8),
    /// ESC E, ESC G.
    Bold(bool),
    /// ESC M.
    Font(u8),
    /// GS !.
    Size(u8),
    /// ESC 2, ESC 3.
    Spacing(Option<u8>),
    /// ESC J: dots.
    FeedDots(u8),
    /// ESC d: lines.
    FeedLines(u8),
    /// FS & and FS .: two bytes make an Asian letter.
    TwoBytes(bool),
    /// GS V: cut after feeding so many dots past the cutter.
    Cut,
    /// GS v 0: mode, bytes in a row, rows.
    Raster(u8, usize, Vec<u8>),
    /// GS ( k for QR: function and its data.
    Symbol(u8, Vec<u8>),
    /// GS ( H 48.
    ProcessId([u8; 4]),
    /// GS a.
    AutoStatus(u8),
    /// GS r.
    SendStatus(u8),
    /// GS I.
    Identify(u8),
    /// GS e: what, and steps.
    Presenter(u8),
    /// A command that is known and changes nothing that this printer plays.
    Accepted,
    /// A command that no reference has.
    Unknown(Vec<u8>),
}

/// The first command of `bytes` and its length; nothing while it is not whole.
pub(super) fn parse(bytes: &[u8]) -> Option<(Command, usize)> {
    match *bytes.first()? {
        0x0A => Some((Command::LineFeed, 1)),
        0x18 => Some((Command::Cancel, 1)),
        0x00 | 0x0D => Some((Command::Nothing, 1)),
        0x10 => real_time(bytes),
        0x1B => escape(bytes),
        0x1C => file_separator(bytes),
        0x1D => group_separator(bytes),
        byte if byte >= 0x20 => Some((Command::Letter(byte), 1)),
        byte => Some((Command::Unknown(vec![byte]), 1)),
    }
}

/// Already obeyed at reception; in its turn it only is in the way.
fn real_time(bytes: &[u8]) -> Option<(Command, usize)> {
    let length = match *bytes.get(1)? {
        0x04 | 0x05 => 3,
        0x14 => match *bytes.get(2)? {
            8 => 10,
            _ => 5,
        },
        other => return Some((Command::Unknown(vec![0x10, other]), 2)),
    };
    (bytes.len() >= length).then_some((Command::Nothing, length))
}

fn escape(bytes: &[u8]) -> Option<(Command, usize)> {
    let kind = *bytes.get(1)?;
    match kind {
        b'@' => return Some((Command::Initialise, 2)),
        b'2' => return Some((Command::Spacing(None), 2)),
        b'$' | b'\\' => return (bytes.len() >= 4).then_some((Command::Accepted, 4)),
        b'p' => return (bytes.len() >= 5).then_some((Command::Accepted, 5)),
        b'c' => return (bytes.len() >= 4).then_some((Command::Accepted, 4)),
        _ => {}
    }
    let n = *bytes.get(2)?;
    let command = match kind {
        b't' => Command::Page(n),
        b'R' => Command::National(n),
        b'a' => Command::Justify(n),
        b'E' | b'G' => Command::Bold(n & 1 == 1),
        b'M' => Command::Font(n),
        b'3' => Command::Spacing(Some(n)),
        b'J' => Command::FeedDots(n),
        b'd' => Command::FeedLines(n),
        b'!' | b'-' | b' ' | b'{' | b'V' | b'=' | b'%' | b'r' => Command::Accepted,
        _ => return Some((Command::Unknown(vec![0x1B, kind]), 2)),
    };
    Some((command, 3))
}

fn file_separator(bytes: &[u8]) -> Option<(Command, usize)> {
    match *bytes.get(1)? {
        b'&' => Some((Command::TwoBytes(true), 2)),
        b'.' => Some((Command::TwoBytes(false), 2)),
        0xC0 => (bytes.len() >= 6).then_some((Command::Nothing, 6)),
        other => Some((Command::Unknown(vec![0x1C, other]), 2)),
    }
}

fn group_separator(bytes: &[u8]) -> Option<(Command, usize)> {
    let kind = *bytes.get(1)?;
    let n = *bytes.get(2)?;
    let one = |command| Some((command, 3));
    match kind {
        b'!' => one(Command::Size(n)),
        b'a' => one(Command::AutoStatus(n)),
        b'r' => one(Command::SendStatus(n)),
        b'I' => one(Command::Identify(n)),
        b'B' | b'H' | b'f' | b'h' | b'w' | b'b' => one(Command::Accepted),
        b'L' | b'W' | b'P' => (bytes.len() >= 4).then_some((Command::Accepted, 4)),
        b'V' if matches!(n, 65 | 66) => (bytes.len() >= 4).then_some((Command::Cut, 4)),
        b'V' => one(Command::Cut),
        b'e' if n == 3 => (bytes.len() >= 4).then_some((Command::Presenter(n), 4)),
        b'e' => one(Command::Presenter(n)),
        b'v' => raster(bytes),
        b'(' => block(bytes, n),
        _ => Some((Command::Unknown(vec![0x1D, kind]), 2)),
    }
}

/// GS v 0 m xL xH yL yH d…
fn raster(bytes: &[u8]) -> Option<(Command, usize)> {
    let [_, _, zero, mode, x_low, x_high, y_low, y_high] = *bytes.first_chunk::<8>()?;
    if !matches!(zero, 0 | b'0') {
        return Some((Command::Unknown(bytes[..3].to_vec()), 3));
    }
    let stride = usize::from(u16::from_le_bytes([x_low, x_high]));
    let rows = usize::from(u16::from_le_bytes([y_low, y_high]));
    let end = 8 + stride * rows;
    let data = bytes.get(8..end)?;
    Some((Command::Raster(mode, stride, data.to_vec()), end))
}

/// GS ( kind pL pH …
fn block(bytes: &[u8], kind: u8) -> Option<(Command, usize)> {
    let [_, _, _, low, high] = *bytes.first_chunk::<5>()?;
    let end = 5 + usize::from(u16::from_le_bytes([low, high]));
    let data = bytes.get(5..end)?;
    let command = match (kind, data) {
        (b'k', [b'1', function, rest @ ..]) => Command::Symbol(*function, rest.to_vec()),
        (b'H', [0x30, 0x30, a, b, c, d]) => Command::ProcessId([*a, *b, *c, *d]),
        (b'A' | b'C' | b'D' | b'E' | b'K' | b'L' | b'N', _) => Command::Accepted,
        _ => Command::Unknown(bytes[..end.min(12)].to_vec()),
    };
    Some((command, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_whole_or_not_there_yet() {
        let qr = b"\x1D(k\x04\x001A2\x00";
        assert_eq!(parse(qr), Some((Command::Symbol(b'A', vec![b'2', 0]), 9)));
        for length in 0..qr.len() {
            assert_eq!(parse(&qr[..length]), None);
        }
        assert_eq!(parse(b"\x1Dv0\x00\x01\x00\x02\x00\xFF\x80!"), Some((Command::Raster(0, 1, vec![0xFF, 0x80]), 10)));
        assert_eq!(parse(b"\x1D(H\x06\x0000abcd"), Some((Command::ProcessId(*b"abcd"), 11)));
        assert_eq!(parse(b"\x1DVA\x01"), Some((Command::Cut, 4)));
        assert_eq!(parse(b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"), Some((Command::Nothing, 10)));
        assert_eq!(parse(b"\x1B~"), None);
        assert_eq!(parse(b"\x1B~~"), Some((Command::Unknown(vec![0x1B, b'~']), 2)));
    }
}
