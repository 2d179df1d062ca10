//! Building what the terminal sends.

/// A message under construction; fields stand in the order of the calls, the container last.
#[derive(Debug, Clone)]
pub(super) struct Message {
    kind: (u8, u8),
    data: Vec<u8>,
    container: Option<Vec<u8>>,
}

impl Message {
    pub(super) fn new(class: u8, instruction: u8) -> Message {
        Message { kind: (class, instruction), data: Vec::new(), container: None }
    }

    /// Bytes without a tag.
    #[must_use]
    pub(super) fn raw(mut self, bytes: &[u8]) -> Message {
        self.data.extend(bytes);
        self
    }

    /// A field of fixed length.
    #[must_use]
    pub(super) fn field(mut self, tag: u8, value: &[u8]) -> Message {
        self.data.push(tag);
        self.raw(value)
    }

    /// A field of packed digits, so many bytes long.
    #[must_use]
    pub(super) fn digits(self, tag: u8, bytes: usize, value: u64) -> Message {
        self.field(tag, &packed(value, bytes))
    }

    /// A field whose length is written in two or three digits.
    #[must_use]
    pub(super) fn variable(mut self, tag: u8, count: u32, value: &[u8]) -> Message {
        self.data.push(tag);
        for place in (0..count).rev() {
            let digit = value.len() / 10usize.pow(place) % 10;
            self.data.push(0xF0 | u8::try_from(digit).unwrap_or(0));
        }
        self.raw(value)
    }

    /// Adds to the container.
    #[must_use]
    pub(super) fn tlv(mut self, node: &[u8]) -> Message {
        self.container.get_or_insert_with(Vec::new).extend(node);
        self
    }

    /// Without its first bytes of data.
    #[must_use]
    pub(super) fn without_first(mut self, count: usize) -> Message {
        self.data.drain(..count.min(self.data.len()));
        self
    }

    pub(super) fn build(&self) -> Vec<u8> {
        let mut data = self.data.clone();
        if let Some(container) = &self.container {
            data.push(0x06);
            data.extend(container_length(container.len()));
            data.extend(container);
        }
        let mut message = vec![self.kind.0, self.kind.1];
        match u8::try_from(data.len()) {
            Ok(length) if length < 0xFF => message.push(length),
            _ => {
                message.push(0xFF);
                message.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
            }
        }
        message.extend(data);
        message
    }
}

/// A number as packed digits, leading zeros kept, higher places cut.
pub(super) fn packed(value: u64, bytes: usize) -> Vec<u8> {
    let mut rest = value;
    let mut digits = vec![0; bytes];
    for byte in digits.iter_mut().rev() {
        let pair = u8::try_from(rest % 100).unwrap_or(0);
        *byte = pair / 10 * 16 + pair % 10;
        rest /= 100;
    }
    digits
}

fn container_length(length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => vec![short],
        Ok(byte) => vec![0x81, byte],
        Err(_) => {
            let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            vec![0x82, high, low]
        }
    }
}

/// A node of a container.
pub(super) fn node(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = tag.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    bytes.extend(container_length(value.len()));
    bytes.extend(value);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_completion_comes_out_to_the_byte() {
        let message = Message::new(0x06, 0x0F)
            .field(0x19, &[0])
            .digits(0x29, 4, 65_000_028)
            .digits(0x49, 2, 978)
            .tlv(&node(0x26, &node(0x0A, &[0x06, 0xD3])))
            .build();
        assert_eq!(
            message,
            [
                0x06, 0x0F, 0x12, 0x19, 0x00, 0x29, 0x65, 0x00, 0x00, 0x28, 0x49, 0x09, 0x78, 0x06, 0x06, 0x26, 0x04,
                0x0A, 0x02, 0x06, 0xD3
            ]
        );
    }

    #[test]
    fn an_intermediate_status_with_time_and_text_comes_out_to_the_byte() {
        let message =
            Message::new(0x04, 0xFF).raw(&[0x01, 0x01]).tlv(&node(0x24, &node(0x07, b"ENTER PIN & OK"))).build();
        assert_eq!(message[..11], [0x04, 0xFF, 0x16, 0x01, 0x01, 0x06, 0x12, 0x24, 0x10, 0x07, 0x0E]);
        assert_eq!(&message[11..], b"ENTER PIN & OK");
    }

    #[test]
    fn long_messages_take_the_long_length_low_byte_first() {
        assert_eq!(Message::new(1, 2).raw(&[0; 254]).build()[2], 254);
        assert_eq!(Message::new(1, 2).raw(&[0; 255]).build()[..5], [1, 2, 0xFF, 0xFF, 0]);
        assert_eq!(Message::new(1, 2).raw(&[0; 0x0461]).build()[..5], [1, 2, 0xFF, 0x61, 4]);
        assert_eq!(node(0x25, &[0; 0x455])[..4], [0x25, 0x82, 0x04, 0x55]);
        assert_eq!(node(0x1F07, &[1]), [0x1F, 0x07, 1, 1]);
        assert_eq!(packed(1010, 6), [0, 0, 0, 0, 0x10, 0x10]);
    }

    #[test]
    fn texts_carry_their_length_in_digits() {
        let message = Message::new(4, 0x0F).variable(0x3C, 3, b"GEN.NR.:979").variable(0x8B, 2, b"").build();
        assert_eq!(message[3..8], [0x3C, 0xF0, 0xF1, 0xF1, b'G']);
        assert_eq!(message[18..], [0x8B, 0xF0, 0xF0]);
    }
}
