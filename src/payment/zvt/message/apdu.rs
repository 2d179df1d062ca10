//! The APDU: class, instruction, length, data (PA00P015 rev. 13.08, chapter 1).

/// Longest data block: 16 bits of length.
pub const DATA_MAX: usize = 0xffff;

/// A command or an answer: class, instruction, data block.
#[derive(Clone, PartialEq, Eq)]
pub struct Apdu {
    /// First byte.
    pub class: u8,
    /// Second byte; in `84 xx` the error code.
    pub instruction: u8,
    /// The data block, at most [`DATA_MAX`] bytes.
    pub data: Vec<u8>,
}

/// `Debug` shows no data: it may hold a password or a card number. `redact::blank` shows what may be shown.
impl std::fmt::Debug for Apdu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02X} {:02X} +{}", self.class, self.instruction, self.data.len())
    }
}

/// Why bytes are not one APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApduError {
    /// Fewer than three bytes.
    #[error("too short: an APDU has at least class, instruction and length")]
    TooShort,
    /// `FF` without its two length bytes.
    #[error("the long length FF is not followed by its two bytes")]
    NoLongLength,
    /// The length byte promises more than there is.
    #[error("the length says {announced} data bytes, {present} are there")]
    Missing {
        /// Length field.
        announced: usize,
        /// Bytes that follow it.
        present: usize,
    },
    /// More bytes than the length says.
    #[error("the length says {announced} data bytes, {present} follow")]
    Surplus {
        /// Length field.
        announced: usize,
        /// Bytes that follow it.
        present: usize,
    },
    /// A data block too large for the length field.
    #[error("a data block of {0} bytes does not fit into one APDU")]
    TooLong(usize),
}

impl Apdu {
    /// An APDU without data.
    #[must_use]
    pub const fn bare(class: u8, instruction: u8) -> Self {
        Apdu { class, instruction, data: Vec::new() }
    }

    /// Class and instruction together.
    #[must_use]
    pub fn code(&self) -> (u8, u8) {
        (self.class, self.instruction)
    }

    /// Reads exactly one APDU.
    ///
    /// # Errors
    /// The bytes are shorter or longer than the length field says.
    pub fn parse(bytes: &[u8]) -> Result<Apdu, ApduError> {
        let (header, announced) = header(bytes)?;
        let present = bytes.len() - header;
        if present < announced {
            return Err(ApduError::Missing { announced, present });
        }
        if present > announced {
            return Err(ApduError::Surplus { announced, present });
        }
        Ok(Apdu { class: bytes[0], instruction: bytes[1], data: bytes[header..].to_vec() })
    }

    /// How many bytes the APDU at the start of a stream has, as soon as its header is there (TCP, 1.7).
    #[must_use]
    pub fn length_in_stream(bytes: &[u8]) -> Option<usize> {
        header(bytes).ok().map(|(header, announced)| header + announced)
    }

    /// The bytes on the wire.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] for more than [`DATA_MAX`] bytes of data.
    pub fn encode(&self) -> Result<Vec<u8>, ApduError> {
        let length = self.data.len();
        let mut bytes = vec![self.class, self.instruction];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short != 0xff => bytes.push(short),
            (_, Ok(long)) => {
                bytes.push(0xff);
                bytes.extend(long.to_le_bytes());
            }
            _ => return Err(ApduError::TooLong(length)),
        }
        bytes.extend(&self.data);
        Ok(bytes)
    }
}

/// Size of the header and the announced length of the data.
fn header(bytes: &[u8]) -> Result<(usize, usize), ApduError> {
    match bytes {
        [_, _, 0xff, low, high, ..] => Ok((5, usize::from(u16::from_le_bytes([*low, *high])))),
        [_, _, 0xff, ..] => Err(ApduError::NoLongLength),
        [_, _, length, ..] => Ok((3, usize::from(*length))),
        _ => Err(ApduError::TooShort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_of_the_length() {
        for (length, header) in [(0, 3), (254, 3), (255, 5), (65_535, 5)] {
            let apdu = Apdu { class: 4, instruction: 0x0f, data: vec![7; length] };
            let bytes = apdu.encode().unwrap();
            assert_eq!(bytes.len(), header + length);
            assert_eq!(Apdu::parse(&bytes), Ok(apdu));
        }
        let long = Apdu { class: 4, instruction: 0x0f, data: vec![0; 65_536] };
        assert_eq!(long.encode(), Err(ApduError::TooLong(65_536)));
    }

    #[test]
    fn lengths_that_lie() {
        assert_eq!(Apdu::parse(&[]), Err(ApduError::TooShort));
        assert_eq!(Apdu::parse(&[4, 0x0f]), Err(ApduError::TooShort));
        assert_eq!(Apdu::parse(&[4, 0x0f, 0xff, 1]), Err(ApduError::NoLongLength));
        assert_eq!(Apdu::parse(&[4, 0x0f, 6, 0, 1]), Err(ApduError::Missing { announced: 6, present: 2 }));
        assert_eq!(Apdu::parse(&[4, 0x0f, 0, 1]), Err(ApduError::Surplus { announced: 0, present: 1 }));
        assert_eq!(Apdu::length_in_stream(&[4, 0x0f, 0xff, 0, 1, 0x6c]), Some(261));
    }

    #[test]
    fn debug_tells_no_data() {
        let apdu = Apdu { class: 6, instruction: 0x93, data: vec![0x12, 0x34, 0x56] };
        assert_eq!(format!("{apdu:?}"), "06 93 +3");
    }

    proptest! {
        #[test]
        fn any_apdu_survives(class: u8, instruction: u8, data in proptest::collection::vec(any::<u8>(), 0..700)) {
            let apdu = Apdu { class, instruction, data };
            prop_assert_eq!(Apdu::parse(&apdu.encode().unwrap()), Ok(apdu));
        }

        #[test]
        fn any_bytes_are_an_apdu_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(apdu) = Apdu::parse(&bytes) {
                prop_assert_eq!(Apdu::length_in_stream(&bytes), Some(bytes.len()));
                prop_assert!(apdu.data.len() < bytes.len());
            }
        }
    }
}
