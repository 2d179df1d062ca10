//! The TCP framing: bare APDUs, no acknowledgement, boundaries by the length field (PA00P016 rev. 04, chapter 4).

use std::collections::VecDeque;

use tokio::time::Instant;

use super::link::{LinkEvent, Role, SerialLink};
use super::message::Apdu;

/// The link on a byte stream that keeps order and loses nothing.
#[derive(Debug, Default)]
pub struct StreamLink {
    received: Vec<u8>,
    transmit: VecDeque<u8>,
    events: VecDeque<LinkEvent>,
}

impl StreamLink {
    /// Forgets all that was under way.
    pub fn reset(&mut self) {
        *self = StreamLink::default();
    }

    /// Sends a message; on TCP it counts as delivered when it is handed over.
    pub fn send(&mut self, apdu: &[u8], role: Role) {
        self.transmit.extend(apdu);
        self.events.push_back(LinkEvent::Delivered(role));
    }

    /// Takes bytes and cuts them into messages.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.received.extend(bytes);
        let mut at = 0;
        while let Some(length) = Apdu::length_in_stream(&self.received[at..]) {
            let Some(apdu) = self.received.get(at..at + length) else { break };
            self.events.push_back(LinkEvent::Received { apdu: apdu.to_vec(), at: now });
            at += length;
        }
        self.received.drain(..at);
    }
}

/// Either link behind one set of verbs.
#[derive(Debug)]
pub enum Link {
    /// RS-232, or a pty.
    Serial(Box<SerialLink>),
    /// TCP.
    Stream(StreamLink),
}

impl Link {
    /// Forgets all that was under way: the line has been opened anew.
    pub fn reset(&mut self) {
        match self {
            Link::Serial(link) => link.reset(),
            Link::Stream(link) => link.reset(),
        }
    }

    /// Forgets our own messages that are still under way.
    pub fn abandon(&mut self) {
        if let Link::Serial(link) = self {
            link.abandon();
        }
    }

    /// Sends a message.
    pub fn send(&mut self, apdu: Vec<u8>, role: Role, now: Instant) {
        match self {
            Link::Serial(link) => link.send(apdu, role, now),
            Link::Stream(link) => link.send(&apdu, role),
        }
    }

    /// Takes bytes that arrived at `now`.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        match self {
            Link::Serial(link) => link.receive(bytes, now),
            Link::Stream(link) => link.receive(bytes, now),
        }
    }

    /// The time is `now`.
    pub fn tick(&mut self, now: Instant) {
        if let Link::Serial(link) = self {
            link.tick(now);
        }
    }

    /// When [`Link::tick`] must be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Link::Serial(link) => link.deadline(),
            Link::Stream(_) => None,
        }
    }

    /// Bytes to put on the line now.
    pub fn take_transmit(&mut self) -> Vec<u8> {
        match self {
            Link::Serial(link) => link.take_transmit(),
            Link::Stream(link) => link.transmit.drain(..).collect(),
        }
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<LinkEvent> {
        match self {
            Link::Serial(link) => link.next_event(),
            Link::Stream(link) => link.events.pop_front(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_any_pieces() {
        let mut long = vec![4, 0x0f, 0xff, 0x00, 0x01];
        long.extend([7; 256]);
        let bytes: Vec<u8> = [vec![0x80, 0, 0], long.clone(), vec![6, 0x0f, 1, 9]].concat();
        for piece in [1, 2, 3, 100, bytes.len()] {
            let mut link = StreamLink::default();
            for part in bytes.chunks(piece) {
                link.receive(part, Instant::now());
            }
            let seen: Vec<Vec<u8>> = std::iter::from_fn(|| match link.events.pop_front() {
                Some(LinkEvent::Received { apdu, .. }) => Some(apdu),
                _ => None,
            })
            .collect();
            assert_eq!(seen, [vec![0x80, 0, 0], long.clone(), vec![6, 0x0f, 1, 9]]);
        }
    }
}
