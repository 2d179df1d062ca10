//! MQTT 5 on the wire, as much of it as a broker on loopback needs (OASIS MQTT 5.0, sections 2 and 3).

/// A packet that a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Connect { client: String, will: Option<(String, Vec<u8>, bool)> },
    Publish { topic: String, payload: Vec<u8>, retain: bool, id: Option<u16> },
    Subscribe { id: u16, filters: Vec<String> },
    Unsubscribe { id: u16, count: usize },
    Ping,
    Disconnect { with_will: bool },
    Other,
}

/// Takes one packet off the front of the buffer, if it is there whole; none while it is not. `Err`: no MQTT.
pub(super) fn take(buffer: &mut Vec<u8>) -> Result<Option<Packet>, &'static str> {
    let Some((length, used)) = variable(buffer.get(1..).unwrap_or_default())? else { return Ok(None) };
    let whole = 1 + used + length;
    if buffer.len() < whole {
        return Ok(None);
    }
    let first = buffer[0];
    let body: Vec<u8> = buffer[1 + used..whole].to_vec();
    buffer.drain(..whole);
    read(first, &body).map(Some).ok_or("a packet that cannot be read")
}

/// A variable byte integer and its length; none while it is cut (1.5.5).
fn variable(bytes: &[u8]) -> Result<Option<(usize, usize)>, &'static str> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((value, place + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err("a length of more than four bytes") }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn data(&mut self) -> Option<Vec<u8>> {
        let length = usize::from(self.word()?);
        let (data, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(data.to_vec())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.data()?).ok()
    }

    fn skip_properties(&mut self) -> Option<()> {
        let (length, used) = variable(self.0).ok()??;
        self.0 = self.0.get(used + length..)?;
        Some(())
    }
}

fn read(first: u8, body: &[u8]) -> Option<Packet> {
    let mut body = Reader(body);
    Some(match first >> 4 {
        1 => connect(&mut body)?,
        3 => {
            let topic = body.text()?;
            let id = if first & 0b0110 == 0 { None } else { Some(body.word()?) };
            body.skip_properties()?;
            Packet::Publish { topic, payload: body.0.to_vec(), retain: first & 1 == 1, id }
        }
        8 => {
            let id = body.word()?;
            body.skip_properties()?;
            let mut filters = Vec::new();
            while !body.0.is_empty() {
                filters.push(body.text()?);
                body.byte()?;
            }
            Packet::Subscribe { id, filters }
        }
        10 => {
            let id = body.word()?;
            body.skip_properties()?;
            let mut count = 0;
            while !body.0.is_empty() {
                body.text()?;
                count += 1;
            }
            Packet::Unsubscribe { id, count }
        }
        12 => Packet::Ping,
        14 => Packet::Disconnect { with_will: body.byte() == Some(4) },
        _ => Packet::Other,
    })
}

fn connect(body: &mut Reader<'_>) -> Option<Packet> {
    let named = body.text()? == "MQTT" && body.byte()? == 5;
    let flags = body.byte().filter(|_| named)?;
    body.word()?;
    body.skip_properties()?;
    let client = body.text()?;
    let will = if flags & 0b100 == 0 {
        None
    } else {
        body.skip_properties()?;
        Some((body.text()?, body.data()?, flags & 0b10_0000 != 0))
    };
    Some(Packet::Connect { client, will })
}

fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let byte = u8::try_from(length & 0x7F).unwrap_or(0);
        length >>= 7;
        packet.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

/// CONNACK: a new session, success, no properties.
pub(super) fn connack() -> Vec<u8> {
    framed(0x20, &[0, 0, 0])
}

/// PUBACK.
pub(super) fn puback(id: u16) -> Vec<u8> {
    framed(0x40, &id.to_be_bytes())
}

/// SUBACK: each at QoS 1.
pub(super) fn suback(id: u16, count: usize) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.push(0);
    body.resize(3 + count, 1);
    framed(0x90, &body)
}

/// UNSUBACK.
pub(super) fn unsuback(id: u16, count: usize) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.resize(3 + count, 0);
    framed(0xB0, &body)
}

/// PINGRESP.
pub(super) fn pong() -> Vec<u8> {
    framed(0xD0, &[])
}

/// PUBLISH at QoS 1.
pub(super) fn publish(topic: &str, payload: &[u8], retain: bool, id: u16) -> Vec<u8> {
    let mut body = u16::try_from(topic.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(&id.to_be_bytes());
    body.push(0);
    body.extend_from_slice(payload);
    framed(0x32 | u8::from(retain), &body)
}

/// Whether a topic fits a filter (4.7).
pub(super) fn fits(filter: &str, topic: &str) -> bool {
    let mut topic = topic.split('/');
    for part in filter.split('/') {
        match (part, topic.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (part, Some(level)) if part == level => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_however_they_are_cut() {
        // A CONNECT with a will, from the standard's own tables.
        let connect: Vec<u8> = [
            &[0x10, 30, 0, 4][..],
            b"MQTT",
            &[5, 0b0010_0110, 0, 60, 0, 0, 3],
            b"K07",
            &[0, 0, 1],
            b"w",
            &[0, 4],
            b"gone",
        ]
        .concat();
        let mut whole = connect.clone();
        whole[1] = u8::try_from(connect.len() - 2).unwrap();
        let mut buffer = Vec::new();
        for byte in &whole[..whole.len() - 1] {
            buffer.push(*byte);
            assert_eq!(take(&mut buffer), Ok(None));
        }
        buffer.push(*whole.last().unwrap());
        let read = take(&mut buffer).unwrap().unwrap();
        assert_eq!(read, Packet::Connect { client: "K07".into(), will: Some(("w".into(), b"gone".to_vec(), true)) });
        assert!(buffer.is_empty());
    }

    #[test]
    fn filters_fit_as_the_standard_says() {
        assert!(fits("te/device/K07///cmd/+/+", "te/device/K07///cmd/log_upload/1"));
        assert!(!fits("te/device/K07///cmd/+/+", "te/device/K07///cmd/log_upload"));
        assert!(!fits("te/device/K07///cmd/+/+", "te/device/K08///cmd/log_upload/1"));
        assert!(fits("te/#", "te/device/K07//") && fits("#", "a") && !fits("a", "a/b"));
    }
}
