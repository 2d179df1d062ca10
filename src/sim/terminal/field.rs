//! Reading what the kiosk sends: fields by the terminal's own table of lengths, containers, digits.

use super::strictness::Violation;

/// One message of the kiosk, cut into header and data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) kind: (u8, u8),
    pub(super) data: Vec<u8>,
    /// The announced length is the real one.
    pub(super) fits: bool,
}

impl Command {
    pub(super) fn read(message: &[u8]) -> Command {
        let kind = (message.first().copied().unwrap_or(0), message.get(1).copied().unwrap_or(0));
        let (start, announced) = match *message {
            [_, _, 0xFF, low, high, ..] => (5, usize::from(u16::from_le_bytes([low, high]))),
            [_, _, length, ..] if length != 0xFF => (3, usize::from(length)),
            _ => (message.len(), usize::MAX),
        };
        let data = message.get(start..).unwrap_or_default().to_vec();
        Command { kind, fits: data.len() == announced, data }
    }
}

/// A node of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tlv {
    pub(super) tag: u32,
    pub(super) value: Vec<u8>,
    pub(super) children: Vec<Tlv>,
}

/// The fields of a message in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields {
    plain: Vec<(u8, Vec<u8>)>,
    container: Option<Vec<Tlv>>,
}

enum Length {
    Fixed(usize),
    Digits(usize),
    Container,
}

fn length_of(tag: u8) -> Option<Length> {
    Some(match tag {
        0x01..=0x03 | 0x05 | 0x19 | 0x27 | 0x72..=0x75 | 0x8A | 0x8C | 0xA0 => Length::Fixed(1),
        0xD0 | 0xD2 | 0xD3 | 0xE0 | 0xE9 | 0xEA | 0xF0 | 0xF9..=0xFD => Length::Fixed(1),
        0x0D | 0x0E | 0x17 | 0x3A | 0x49 | 0x87 => Length::Fixed(2),
        0x0B | 0x0C | 0x37 | 0x3D | 0x88 | 0xAA => Length::Fixed(3),
        0x29 | 0x70 | 0x71 => Length::Fixed(4),
        0xBA => Length::Fixed(5),
        0x04 => Length::Fixed(6),
        0x3B | 0xEB => Length::Fixed(8),
        0x2A => Length::Fixed(15),
        0x22 | 0x23 | 0x2D | 0x8B | 0xA7 | 0xD1 | 0xE1..=0xE8 | 0xF1..=0xF8 => Length::Digits(2),
        0x24 | 0x2E | 0x3C | 0x60 | 0x92 | 0x9A | 0xAF => Length::Digits(3),
        0x06 => Length::Container,
        _ => return None,
    })
}

impl Fields {
    /// Reads a data block to its end.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(super) fn read(mut data: &[u8]) -> Result<Fields, Violation> {
        let mut fields = Fields::default();
        while let Some((&tag, rest)) = data.split_first() {
            let (length, start) = match length_of(tag).ok_or(Violation::UnknownField)? {
                Length::Fixed(length) => (length, rest),
                Length::Digits(count) => {
                    let (digits, start) = rest.split_at_checked(count).ok_or(Violation::WrongLength)?;
                    let mut length = 0;
                    for digit in digits {
                        if digit >> 4 != 0xF || digit & 0xF > 9 {
                            return Err(Violation::WrongFormat);
                        }
                        length = length * 10 + usize::from(digit & 0xF);
                    }
                    (length, start)
                }
                Length::Container => container_length(rest).ok_or(Violation::WrongLength)?,
            };
            let (value, rest) = start.split_at_checked(length).ok_or(Violation::WrongLength)?;
            if tag == 0x06 {
                fields.container = Some(read_container(value, 0).ok_or(Violation::WrongLength)?);
            } else {
                fields.plain.push((tag, value.to_vec()));
            }
            data = rest;
        }
        Ok(fields)
    }

    pub(super) fn get(&self, tag: u8) -> Option<&[u8]> {
        self.plain.iter().find(|(have, _)| *have == tag).map(|(_, value)| value.as_slice())
    }

    pub(super) fn byte(&self, tag: u8) -> Option<u8> {
        self.get(tag).and_then(|value| value.first().copied())
    }

    /// A field of packed digits.
    ///
    /// # Errors
    /// A nibble above 9.
    pub(super) fn number(&self, tag: u8) -> Result<Option<u64>, Violation> {
        self.get(tag).map(|value| number(value).ok_or(Violation::WrongFormat)).transpose()
    }

    pub(super) fn has_container(&self) -> bool {
        self.container.is_some()
    }

    /// A tag anywhere in the container.
    pub(super) fn tlv(&self, tag: u32) -> Option<&Tlv> {
        fn search(nodes: &[Tlv], tag: u32) -> Option<&Tlv> {
            nodes.iter().find_map(|node| if node.tag == tag { Some(node) } else { search(&node.children, tag) })
        }
        search(self.container.as_deref()?, tag)
    }

    /// All nodes of a tag anywhere in the container.
    pub(super) fn all(&self, tag: u32) -> Vec<&Tlv> {
        fn gather<'a>(nodes: &'a [Tlv], tag: u32, into: &mut Vec<&'a Tlv>) {
            for node in nodes {
                if node.tag == tag {
                    into.push(node);
                }
                gather(&node.children, tag, into);
            }
        }
        let mut found = Vec::new();
        gather(self.container.as_deref().unwrap_or_default(), tag, &mut found);
        found
    }

    /// Track, card number, security code, chip data: never from a kiosk.
    pub(super) fn has_card_data(&self) -> bool {
        [0x22, 0x23, 0x24, 0x2D, 0x2E, 0x3A].iter().any(|tag| self.get(*tag).is_some())
    }
}

/// Packed digits as a number; `None` if a nibble is none.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |sum, byte| {
        let (high, low) = (byte >> 4, byte & 0xF);
        (high <= 9 && low <= 9).then(|| sum * 100 + u64::from(high) * 10 + u64::from(low))
    })
}

fn container_length(data: &[u8]) -> Option<(usize, &[u8])> {
    match *data {
        [length @ 0..=0x7F, ref rest @ ..] => Some((usize::from(length), rest)),
        [0x81, length, ref rest @ ..] => Some((usize::from(length), rest)),
        [0x82, high, low, ref rest @ ..] => Some((usize::from(u16::from_be_bytes([high, low])), rest)),
        _ => None,
    }
}

fn read_tag(data: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, mut rest) = data.split_first()?;
    let mut tag = u32::from(first);
    if first & 0x1F == 0x1F {
        // 1F80 to 1F83 stand in the table as two bytes, against the rule for longer tags.
        let irregular = first == 0x1F && matches!(rest.first(), Some(0x80..=0x83));
        loop {
            let (&next, after) = rest.split_first()?;
            tag = tag.checked_mul(0x100)? | u32::from(next);
            rest = after;
            if next & 0x80 == 0 || irregular {
                break;
            }
        }
    }
    Some((tag, rest))
}

fn read_container(mut data: &[u8], depth: u8) -> Option<Vec<Tlv>> {
    let mut nodes = Vec::new();
    while !data.is_empty() {
        let constructed = data.first()? & 0x20 != 0;
        let (tag, rest) = read_tag(data)?;
        let (length, start) = container_length(rest)?;
        let (value, rest) = start.split_at_checked(length)?;
        let children = if constructed && depth < 8 { read_container(value, depth + 1)? } else { Vec::new() };
        nodes.push(Tlv { tag, value: value.to_vec(), children });
        data = rest;
    }
    Some(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes().chunks(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
    }

    fn fields(hex: &str) -> Result<Fields, Violation> {
        Fields::read(&Command::read(&bytes(hex)).data)
    }

    #[test]
    fn the_specification_s_authorisation_is_read_whole() {
        let command = Command::read(&bytes("06011404000000000100490978194406061f7303000001"));
        assert!(command.fits && command.kind == (0x06, 0x01));
        let fields = Fields::read(&command.data).unwrap();
        assert_eq!(fields.number(0x04), Ok(Some(100)));
        assert_eq!(fields.number(0x49), Ok(Some(978)));
        assert_eq!(fields.byte(0x19), Some(0x44));
        assert_eq!(fields.tlv(0x1F73).map(|t| t.value.clone()), Some(vec![0, 0, 1]));
    }

    #[test]
    fn containers_nest_and_lengths_above_127_are_understood() {
        let fields = fields("0601080606f204c1021223").unwrap();
        assert_eq!(fields.tlv(0xC1).map(|t| t.value.clone()), Some(vec![0x12, 0x23]));
        assert_eq!(container_length(&[0x82, 1, 2]), Some((258, [].as_slice())));
        assert_eq!(container_length(&[0x80]), None);
    }

    #[test]
    fn what_breaks_the_table_is_named() {
        assert_eq!(fields("06020322f0e0"), Err(Violation::WrongFormat));
        assert_eq!(fields("060103 04 0000".replace(' ', "").as_str()), Err(Violation::WrongLength));
        assert_eq!(fields("060102dd00"), Err(Violation::UnknownField));
        assert_eq!(number(&[0x1A]), None);
        assert!(!Command::read(&bytes("060105040000")).fits);
        assert!(!Command::read(&bytes("06")).fits);
    }
}
