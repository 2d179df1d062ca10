//! Data blocks of BMPs: which there are, how long they are, and what may never be kept
//! (PA00P015 rev. 13.08, chapter 8; payment-terminal.md 2.3 and 7).

use super::tlv::{self, Tlv};

/// How the length of a BMP's value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Always this many bytes.
    Fixed(usize),
    /// Two bytes `Fx Fy`.
    Ll,
    /// Three bytes `Fx Fy Fz`.
    Lll,
    /// As in a TLV.
    Tlv,
}

/// The size of a BMP's value; `None` for one that is not in the table and so cannot be skipped.
#[must_use]
pub fn size(bmp: u8) -> Option<Size> {
    Some(match bmp {
        0x01..=0x03 | 0x05 | 0x19 | 0x27 | 0x8a | 0x8c | 0xa0 => Size::Fixed(1),
        0xd0 | 0xd2 | 0xd3 | 0xe0 | 0xe9 | 0xea | 0xf0 | 0xf9..=0xfd | 0x72..=0x75 => Size::Fixed(1),
        0x0d | 0x0e | 0x17 | 0x3a | 0x49 | 0x87 => Size::Fixed(2),
        0x0b | 0x0c | 0x37 | 0x3d | 0x88 | 0xaa => Size::Fixed(3),
        0x29 | 0x70 | 0x71 => Size::Fixed(4),
        0xba => Size::Fixed(5),
        0x04 => Size::Fixed(6),
        0x3b | 0xeb => Size::Fixed(8),
        0x2a => Size::Fixed(15),
        0x22 | 0x23 | 0x2d | 0x8b | 0xa7 | 0xd1 | 0xe1..=0xe8 | 0xf1..=0xf8 => Size::Ll,
        0x24 | 0x2e | 0x3c | 0x60 | 0x92 | 0x9a | 0xaf => Size::Lll,
        0x06 => Size::Tlv,
        _ => return None,
    })
}

/// A field as it may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The BMP.
    pub bmp: u8,
    /// Its value. Of a card number (22) only the last four, as digits or `*`; of tracks and CVV nothing.
    pub value: Vec<u8>,
}

/// How a data block ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All of it was read.
    Complete,
    /// An unknown BMP stands at `at`: it and everything behind it cannot be read.
    Unknown {
        /// Position in the data block.
        at: usize,
    },
    /// A known BMP's length or value is not right.
    Broken {
        /// Position of the BMP in the data block.
        at: usize,
        /// What is wrong.
        why: &'static str,
    },
}

/// A data block, read as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The fields in their order.
    pub fields: Vec<Field>,
    /// The container of BMP 06, read.
    pub tlv: Vec<Tlv>,
    /// Where reading stopped.
    pub end: End,
    /// Positions of values that must not be logged: (start, end) in the data block.
    pub secret: Vec<(usize, usize)>,
    /// Track data or a CVV was there and has been dropped: the terminal is set up wrongly.
    pub track_data: bool,
    /// How many digits of the card number were readable; more than ten is against PCI (payment-terminal.md 7).
    pub clear_digits: usize,
}

impl Block {
    /// The value of a field, if it is there exactly once or always the same.
    #[must_use]
    pub fn get(&self, bmp: u8) -> Option<&[u8]> {
        let mut found = self.fields.iter().filter(|field| field.bmp == bmp);
        let first = found.next()?;
        found.all(|other| other.value == first.value).then_some(first.value.as_slice())
    }

    /// A field of one byte.
    #[must_use]
    pub fn byte(&self, bmp: u8) -> Option<u8> {
        self.get(bmp)?.first().copied()
    }

    /// A BCD field as its digits, zeros kept.
    #[must_use]
    pub fn digits(&self, bmp: u8) -> Option<String> {
        self.get(bmp).map(hex)
    }

    /// A BCD field as a number; `None` if it holds anything but digits.
    #[must_use]
    pub fn number(&self, bmp: u8) -> Option<u64> {
        bcd(self.get(bmp)?)
    }

    /// The bytes of a tag of BMP 06, at any depth.
    #[must_use]
    pub fn tag(&self, tag: u32) -> Option<&[u8]> {
        tlv::find_bytes(&self.tlv, tag)
    }
}

/// Reads a data block of BMPs. Total: whatever cannot be read is told in [`Block::end`].
#[must_use]
pub fn parse(data: &[u8]) -> Block {
    let mut block = Block {
        fields: Vec::new(),
        tlv: Vec::new(),
        end: End::Complete,
        secret: Vec::new(),
        track_data: false,
        clear_digits: 0,
    };
    let mut at = 0;
    while let Some(&bmp) = data.get(at) {
        let Some(size) = size(bmp) else {
            block.end = End::Unknown { at };
            break;
        };
        let (start, length) = match extent(data, at + 1, size) {
            Ok(extent) => extent,
            Err(why) => {
                block.end = End::Broken { at, why };
                break;
            }
        };
        let Some(raw) = data.get(start..start + length) else {
            block.end = End::Broken { at, why: "the value is cut short" };
            break;
        };
        if let Err(why) = keep(&mut block, bmp, raw, start) {
            block.end = End::Broken { at, why };
            break;
        }
        at = start + length;
    }
    if block.end != End::Complete {
        block.secret.push((at, data.len()));
    }
    block
}

/// Puts one field into the block, without what may not be kept.
fn keep(block: &mut Block, bmp: u8, raw: &[u8], start: usize) -> Result<(), &'static str> {
    let value = match bmp {
        0x22 => {
            block.secret.push((start, start + raw.len()));
            let (tail, clear) = card_tail(raw);
            block.clear_digits = block.clear_digits.max(clear);
            tail.into_bytes()
        }
        0x23 | 0x24 | 0x2d | 0x2e | 0x3a => {
            block.secret.push((start, start + raw.len()));
            block.track_data = true;
            Vec::new()
        }
        0x3d | 0xd1 | 0xa7 => {
            block.secret.push((start, start + raw.len()));
            Vec::new()
        }
        0x06 => {
            let tags = tlv::parse(raw).map_err(|_| "the TLV container cannot be read")?;
            if CARD_TAGS.iter().chain(&PERSONAL_TAGS).any(|&tag| tlv::find_bytes(&tags, tag).is_some()) {
                block.secret.push((start, start + raw.len()));
            }
            block.tlv.extend(without_card_data(tags));
            // Kept read, not raw: raw it could hold what was just taken out.
            Vec::new()
        }
        _ => raw.to_vec(),
    };
    block.fields.push(Field { bmp, value });
    Ok(())
}

/// Tags that hold a card number or a track by the rules of EMV. They are not asked for; some devices send them.
const CARD_TAGS: [u32; 4] = [0x56, 0x57, 0x5a, 0x9f6b];
/// Tags that identify a card or its holder: kept for nobody but a technician, and never logged.
const PERSONAL_TAGS: [u32; 3] = [0x4c, 0x1f14, 0x5f20];

/// Empties the card tags.
fn without_card_data(tags: Vec<Tlv>) -> Vec<Tlv> {
    tags.into_iter()
        .map(|entry| match (entry.tag, entry.value) {
            (tag, _) if CARD_TAGS.contains(&tag) => Tlv::bytes(tag, []),
            (tag, tlv::Value::Tags(inner)) => Tlv::tags(tag, without_card_data(inner)),
            (tag, value) => Tlv { tag, value },
        })
        .collect()
}

/// Start and length of a value whose length field begins at `at`.
fn extent(data: &[u8], at: usize, size: Size) -> Result<(usize, usize), &'static str> {
    match size {
        Size::Fixed(length) => Ok((at, length)),
        Size::Ll => decimal_length(data, at, 2),
        Size::Lll => decimal_length(data, at, 3),
        Size::Tlv => tlv::length(data.get(at..).unwrap_or_default(), at)
            .map(|(size, length)| (at + size, length))
            .map_err(|_| "the length of the container is not a TLV length"),
    }
}

/// `Fx Fy [Fz]`: decimal digits in the low halves.
pub(super) fn decimal_length(data: &[u8], at: usize, digits: usize) -> Result<(usize, usize), &'static str> {
    let bytes = data.get(at..at + digits).ok_or("the length is cut short")?;
    let mut length = 0;
    for &byte in bytes {
        if byte & 0xf0 != 0xf0 || byte & 0x0f > 9 {
            return Err("a length digit is not F0 to F9");
        }
        length = length * 10 + usize::from(byte & 0x0f);
    }
    Ok((at + digits, length))
}

/// Last four of a card number and how many of its digits are readable. Half-byte E is a masked digit, F the
/// padding at the end.
fn card_tail(raw: &[u8]) -> (String, usize) {
    let halves: Vec<u8> = raw.iter().flat_map(|&byte| [byte >> 4, byte & 0x0f]).collect();
    let end = halves.iter().rposition(|&half| half != 0x0f).map_or(0, |last| last + 1);
    let clear = halves[..end].iter().filter(|&&half| half <= 9).count();
    let tail = halves[end.saturating_sub(4)..end]
        .iter()
        .map(|&half| if half <= 9 { char::from(b'0' + half) } else { '*' })
        .collect();
    (tail, clear)
}

/// Bytes as lower-case hexadecimal: BCD digits keep their zeros, and FFFF stays visible.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('?');
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

/// BCD digits as a number; `None` if a half-byte is no digit or the number does not fit.
#[must_use]
pub fn bcd(bytes: &[u8]) -> Option<u64> {
    bytes.iter().flat_map(|&byte| [byte >> 4, byte & 0x0f]).try_fold(0_u64, |number, half| {
        if half > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(half)) }
    })
}

/// A number as `N` bytes BCD; `None` if it has more digits.
#[must_use]
pub fn to_bcd<const N: usize>(mut number: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for byte in bytes.iter_mut().rev() {
        let pair = u8::try_from(number % 100).ok()?;
        *byte = pair / 10 * 16 + pair % 10;
        number /= 100;
    }
    (number == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn card_numbers_leave_only_their_tail() {
        let block = parse(&[0x22, 0xf0, 0xf8, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0x47, 0x71]);
        assert_eq!(block.get(0x22), Some(b"4771".as_slice()));
        assert_eq!(block.clear_digits, 4);
        let odd = parse(&[0x22, 0xf0, 0xf3, 0xee, 0x12, 0x9f]);
        assert_eq!(odd.get(0x22), Some(b"*129".as_slice()));
        assert_eq!(parse(&[0x22, 0xf0, 0xf0]).get(0x22), Some(b"".as_slice()));
    }

    #[test]
    fn a_clear_number_is_counted_and_cut() {
        let block = parse(&[0x22, 0xf0, 0xf8, 0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11]);
        assert_eq!((block.get(0x22), block.clear_digits), (Some(b"1111".as_slice()), 16));
    }

    #[test]
    fn track_data_is_dropped() {
        let block = parse(&[0x23, 0xf0, 0xf2, 0x12, 0x34, 0x27, 0x00]);
        assert!(block.track_data);
        assert_eq!(block.get(0x23), Some([].as_slice()));
        assert_eq!(block.byte(0x27), Some(0));
        assert_eq!(block.secret, [(3, 5)]);
    }

    #[test]
    fn an_unknown_field_ends_the_reading_and_keeps_what_was_read() {
        let block = parse(&[0x27, 0x6c, 0x99, 1, 2]);
        assert_eq!((block.byte(0x27), block.end), (Some(0x6c), End::Unknown { at: 2 }));
    }

    #[test]
    fn two_different_result_codes_are_none() {
        assert_eq!(parse(&[0x27, 0x00, 0x27, 0x6c]).byte(0x27), None);
        assert_eq!(parse(&[0x27, 0x00, 0x27, 0x00]).byte(0x27), Some(0));
    }

    #[test]
    fn decimal_lengths_that_are_none() {
        assert_eq!(parse(&[0x22, 0xf0, 0xe0]).end, End::Broken { at: 0, why: "a length digit is not F0 to F9" });
        assert_eq!(parse(&[0x60, 0x78, 0xf2, 0x76]).end, End::Broken { at: 0, why: "a length digit is not F0 to F9" });
        assert_eq!(parse(&[0x22, 0xf0]).end, End::Broken { at: 0, why: "the length is cut short" });
        assert_eq!(parse(&[0x04, 0, 0]).end, End::Broken { at: 0, why: "the value is cut short" });
    }

    #[test]
    fn bcd_both_ways() {
        assert_eq!(to_bcd::<6>(1500), Some([0, 0, 0, 0, 0x15, 0]));
        assert_eq!(to_bcd::<2>(10_000), None);
        assert_eq!(bcd(&[0x99, 0x99, 0x99, 0x99, 0x99, 0x99]), Some(999_999_999_999));
        assert_eq!(bcd(&[0x1e]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_table(data in proptest::collection::vec(any::<u8>(), 0..500)) {
            let block = parse(&data);
            for (start, end) in block.secret {
                prop_assert!(start <= end && end <= data.len());
            }
        }
    }
}
