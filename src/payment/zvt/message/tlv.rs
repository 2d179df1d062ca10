//! The TLV container of BMP 06 and of the printing commands (PA00P015 rev. 13.08, chapter 9).
//!
//! Unknown tags stay raw. A constructed tag whose content is no TLV stays raw too: vendors do that.

/// How deep containers may be nested; deeper ones stay raw.
const DEPTH_MAX: u8 = 8;

/// One tag and its value. The tag is its bytes, big endian: `0x24`, `0x1f73`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlv {
    /// The tag's one to three bytes as a number.
    pub tag: u32,
    /// What it holds.
    pub value: Value,
}

/// The value of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Further tags.
    Tags(Vec<Tlv>),
}

/// Why bytes are no TLV list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// The bytes end inside a tag.
    #[error("TLV at byte {0}: the tag is cut short")]
    Tag(usize),
    /// The length is missing, 80, or above 82.
    #[error("TLV at byte {0}: not a length (00..7F, 81 nn, 82 hi lo)")]
    Length(usize),
    /// The value is shorter than its length.
    #[error("TLV at byte {at}: {announced} bytes announced, {present} present")]
    Value {
        /// Where the value begins.
        at: usize,
        /// Its announced length.
        announced: usize,
        /// What is there.
        present: usize,
    },
}

/// Reads a list of tags. `1F 80` to `1F 83` stand in the specification as two bytes, though its own rule makes
/// them three: the rule is tried first, the list second.
///
/// # Errors
/// The bytes are not a whole list in either reading.
pub fn parse(bytes: &[u8]) -> Result<Vec<Tlv>, TlvError> {
    list(bytes, DEPTH_MAX, Wide::ByRule).or_else(|error| list(bytes, DEPTH_MAX, Wide::TwoBytes).map_err(|_| error))
}

/// Reads a length and hands back its size and value.
///
/// # Errors
/// [`TlvError::Length`]; `at` is only for the message.
pub fn length(bytes: &[u8], at: usize) -> Result<(usize, usize), TlvError> {
    match bytes {
        [short @ 0..=0x7f, ..] => Ok((1, usize::from(*short))),
        [0x81, one, ..] => Ok((2, usize::from(*one))),
        [0x82, high, low, ..] => Ok((3, usize::from(u16::from_be_bytes([*high, *low])))),
        _ => Err(TlvError::Length(at)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wide {
    ByRule,
    TwoBytes,
}

fn list(bytes: &[u8], depth: u8, wide: Wide) -> Result<Vec<Tlv>, TlvError> {
    let mut tags = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (tag, constructed, size) = tag(&bytes[at..], wide).ok_or(TlvError::Tag(at))?;
        at += size;
        let (size, announced) = length(&bytes[at..], at)?;
        at += size;
        let present = bytes.len() - at;
        if announced > present {
            return Err(TlvError::Value { at, announced, present });
        }
        let raw = &bytes[at..at + announced];
        let inner = if constructed && depth > 0 { list(raw, depth - 1, wide).ok() } else { None };
        tags.push(Tlv { tag, value: inner.map_or_else(|| Value::Bytes(raw.to_vec()), Value::Tags) });
        at += announced;
    }
    Ok(tags)
}

/// Tag, whether it is constructed, and how many bytes it took.
fn tag(bytes: &[u8], wide: Wide) -> Option<(u32, bool, usize)> {
    let first = *bytes.first()?;
    let constructed = first & 0x20 != 0;
    if first & 0x1f != 0x1f {
        return Some((u32::from(first), constructed, 1));
    }
    let mut tag = u32::from(first);
    for (index, &byte) in bytes.iter().enumerate().skip(1).take(2) {
        tag = tag << 8 | u32::from(byte);
        let listed = wide == Wide::TwoBytes && (0x1f80..=0x1f83).contains(&tag);
        if byte & 0x80 == 0 || listed || index == 2 {
            return Some((tag, constructed, index + 1));
        }
    }
    None
}

impl Tlv {
    /// A tag with bytes.
    pub fn bytes(tag: u32, value: impl Into<Vec<u8>>) -> Tlv {
        Tlv { tag, value: Value::Bytes(value.into()) }
    }

    /// A tag with tags.
    #[must_use]
    pub fn tags(tag: u32, value: Vec<Tlv>) -> Tlv {
        Tlv { tag, value: Value::Tags(value) }
    }

    /// The bytes of a primitive tag.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Tags(_) => None,
        }
    }
}

/// The first tag with this number in the list itself.
#[must_use]
pub fn find(tags: &[Tlv], tag: u32) -> Option<&Tlv> {
    tags.iter().find(|entry| entry.tag == tag)
}

/// The bytes of the first tag with this number, at any depth.
#[must_use]
pub fn find_bytes(tags: &[Tlv], tag: u32) -> Option<&[u8]> {
    tags.iter().find_map(|entry| match &entry.value {
        Value::Bytes(bytes) if entry.tag == tag => Some(bytes.as_slice()),
        Value::Bytes(_) => None,
        Value::Tags(inner) => find_bytes(inner, tag),
    })
}

/// The bytes of a list of tags. Lengths beyond 65 535 cannot be written; the list is refused then.
#[must_use]
pub fn encode(tags: &[Tlv]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in tags {
        bytes.extend(entry.tag.to_be_bytes().into_iter().skip_while(|&byte| byte == 0));
        let value = match &entry.value {
            Value::Bytes(raw) => raw.clone(),
            Value::Tags(inner) => encode(inner)?,
        };
        bytes.extend(encode_length(value.len())?);
        bytes.extend(value);
    }
    Some(bytes)
}

/// A TLV length of `size`, or nothing if it is more than 65 535.
#[must_use]
pub fn encode_length(size: usize) -> Option<Vec<u8>> {
    let [high, low] = u16::try_from(size).ok()?.to_be_bytes();
    Some(match (high, low) {
        (0, low @ 0..=0x7f) => vec![low],
        (0, low) => vec![0x81, low],
        (high, low) => vec![0x82, high, low],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nested_tags_and_long_lengths() {
        let tags = vec![Tlv::tags(0x24, vec![Tlv::bytes(0x07, *b"x"), Tlv::bytes(0x1f73, vec![0; 300])])];
        let bytes = encode(&tags).unwrap();
        assert_eq!(bytes[..4], [0x24, 0x82, 0x01, 0x34]);
        assert_eq!(parse(&bytes), Ok(tags.clone()));
        assert_eq!(find_bytes(&tags, 0x07), Some(b"x".as_slice()));
    }

    #[test]
    fn listed_two_byte_tags_are_read_both_ways() {
        assert_eq!(parse(&[0x1f, 0x80, 0x01, 0x00]), Ok(vec![Tlv::bytes(0x1f_8001, [])]));
        assert_eq!(parse(&[0x1f, 0x80, 0x02, 0x55, 0x66]), Ok(vec![Tlv::bytes(0x1f80, [0x55, 0x66])]));
    }

    #[test]
    fn a_vendors_constructed_tag_without_tags_inside_stays_raw() {
        assert_eq!(parse(&[0xe4, 2, 0xff, 0xff]), Ok(vec![Tlv::bytes(0xe4, [0xff, 0xff])]));
    }

    #[test]
    fn lengths_that_lie() {
        assert_eq!(parse(&[0x07, 0x80]), Err(TlvError::Length(1)));
        assert_eq!(parse(&[0x07, 0x83, 0, 0, 0]), Err(TlvError::Length(1)));
        assert_eq!(parse(&[0x07, 0x02, 1]), Err(TlvError::Value { at: 2, announced: 2, present: 1 }));
        assert_eq!(parse(&[0x1f]), Err(TlvError::Tag(0)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(tags) = parse(&bytes) {
                prop_assert!(encode(&tags).unwrap().len() <= bytes.len());
            }
        }
    }
}
