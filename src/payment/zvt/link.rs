//! The link layer on a serial line as a pure state machine: bytes and the time in, bytes, events and the next
//! deadline out (PA00P016 rev. 04, chapter 2; payment-terminal.md 1.4 to 1.6).
//!
//! ZVT has no sequence number on the link. Repeats are told apart by alternation: the terminal may not send its next
//! message before it has our answer to the last one. So a frame that is identical to the last one is a repeat as long
//! as our answer to that one has not been acknowledged, and a new message afterwards.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::frame::{self, Item, Receiver};
pub use super::link_words::{Failure, LinkCounters, LinkEvent, Role};

/// Timers and limits of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTimers {
    /// T1: longest gap between two bytes of one frame.
    pub gap: Duration,
    /// T2: longest wait for ACK or NAK after the end of our frame.
    pub ack: Duration,
    /// How often a frame is sent at most, the first time included.
    pub transmissions: u8,
    /// What one byte takes on the line: T2 begins when our last byte has left.
    pub byte_time: Duration,
}

impl Default for LinkTimers {
    fn default() -> Self {
        LinkTimers {
            gap: Duration::from_millis(200),
            ack: Duration::from_secs(5),
            transmissions: 3,
            byte_time: Duration::from_micros(1_146),
        }
    }
}

/// How soon after our frame a NAK can be about it: T1 and the time on the line, with room.
const NAK_MAX: Duration = Duration::from_millis(600);
/// An acknowledgement that could not be sent for so long is not sent any more: the terminal may have gone on.
const ACKNOWLEDGEMENT_MAX: Duration = Duration::from_secs(2);

/// A copy of a message that comes sooner after our acknowledgement of it is an echo: a terminal that heard nothing
/// repeats after its T2.
const ECHO_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Outgoing {
    apdu: Vec<u8>,
    role: Role,
    sent: u8,
    since: Instant,
    deadline: Instant,
}

/// The link of one serial line.
#[derive(Debug)]
pub struct SerialLink {
    timers: LinkTimers,
    receiver: Receiver,
    /// On the line, waiting for ACK.
    flying: Option<Outgoing>,
    queue: VecDeque<(Vec<u8>, Role, Instant)>,
    /// The terminal's last message and when it first came, for as long as an identical frame is a repeat of it.
    last_received: Option<(Vec<u8>, Instant)>,
    /// Our acknowledgement of it, once that has gone out and no ACK has come for it.
    unheard: Option<Vec<u8>>,
    /// A command of ours has been put on the line and its `80` or `84` has not come yet.
    answer_due: bool,
    transmit: VecDeque<u8>,
    events: VecDeque<LinkEvent>,
    counters: LinkCounters,
}

impl SerialLink {
    /// A link at rest.
    #[must_use]
    pub fn new(timers: LinkTimers) -> Self {
        SerialLink {
            timers,
            receiver: Receiver::new(timers.gap),
            flying: None,
            queue: VecDeque::new(),
            last_received: None,
            unheard: None,
            answer_due: false,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            counters: LinkCounters::default(),
        }
    }

    /// Forgets all that was under way: the port has been opened anew.
    pub fn reset(&mut self) {
        self.receiver.reset();
        self.flying = None;
        self.queue.clear();
        self.last_received = None;
        self.unheard = None;
        self.answer_due = false;
        self.transmit.clear();
        self.events.clear();
    }

    /// Forgets our own messages that are not acknowledged, without a word to anybody: the command they belong to is over.
    pub fn abandon(&mut self) {
        self.flying = None;
        self.queue.clear();
        self.last_received = None;
        self.unheard = None;
        self.answer_due = false;
    }

    /// Puts a message in line. Answers go before commands.
    pub fn send(&mut self, apdu: Vec<u8>, role: Role, now: Instant) {
        match role {
            Role::Decision | Role::Acknowledgement => self.queue.push_front((apdu, role, now)),
            Role::Command => self.queue.push_back((apdu, role, now)),
        }
        self.next(now);
    }

    /// Takes bytes that arrived at `now`.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.tick_receiver(now);
        for &byte in bytes {
            if let Some(item) = self.receiver.byte(byte, now) {
                self.item(item, now);
            }
        }
    }

    /// The time is `now`: T1 and T2 may have passed.
    pub fn tick(&mut self, now: Instant) {
        self.tick_receiver(now);
        if self.flying.as_ref().is_some_and(|flying| now >= flying.deadline) {
            self.repeat(Failure::Silence, now);
        }
    }

    /// When [`SerialLink::tick`] must be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let ack = self.flying.as_ref().map(|flying| flying.deadline);
        [ack, self.receiver.deadline()].into_iter().flatten().min()
    }

    /// Bytes to put on the line now.
    pub fn take_transmit(&mut self) -> Vec<u8> {
        self.transmit.drain(..).collect()
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// The counters so far.
    #[must_use]
    pub fn counters(&self) -> LinkCounters {
        self.counters
    }

    fn tick_receiver(&mut self, now: Instant) {
        if let Some(item) = self.receiver.idle(now) {
            self.item(item, now);
        }
    }

    fn item(&mut self, item: Item, now: Instant) {
        match item {
            Item::Ack => self.acknowledged(now),
            Item::Nak if self.flying.as_ref().is_some_and(|flying| flying.may_be_refused(now)) => {
                self.repeat(Failure::Refused, now);
            }
            Item::Nak | Item::Noise(_) => self.counters.noise += 1,
            Item::Start => {}
            Item::Broken(_) => {
                self.counters.broken += 1;
                self.transmit.push_back(frame::NAK);
            }
            Item::Frame(apdu) => self.frame(apdu, now),
        }
    }

    fn acknowledged(&mut self, now: Instant) {
        let Some(flying) = self.flying.take() else {
            self.counters.noise += 1;
            return;
        };
        if flying.role.answers() {
            // From here on an identical frame is a new message (1.6 rule 3).
            self.last_received = None;
        }
        self.events.push_back(LinkEvent::Delivered(flying.role));
        self.next(now);
    }

    /// A whole frame of the terminal: always ACK first, then find out whether it is new (1.6 rules 1 to 3).
    fn frame(&mut self, apdu: Vec<u8>, now: Instant) {
        self.counters.frames += 1;
        self.transmit.push_back(frame::ACK);
        if is_answer(&apdu) {
            self.answer(apdu, now);
            return;
        }
        let answer_flying = self.flying.as_ref().is_some_and(|flying| flying.role.answers());
        if self.is_repeat(&apdu, now) {
            self.counters.repeats += 1;
            // It missed our ACK and perhaps our answer: the answer once more.
            if answer_flying {
                self.answer_again(now);
            } else if let Some(unheard) = self.unheard.take() {
                self.send(unheard, Role::Acknowledgement, now);
            }
            return;
        }
        if answer_flying {
            // A different message cannot come before our answer was understood, or given up, by the terminal.
            let role = self.flying.take().map_or(Role::Decision, |flying| flying.role);
            self.events.push_back(LinkEvent::Failed { role, why: Failure::Overtaken });
        }
        // An answer still in line belongs to a message that the terminal has left behind.
        let left_behind = self.queue.iter().find(|(_, role, _)| role.answers()).map(|(_, role, _)| *role);
        if let Some(role) = left_behind {
            self.queue.retain(|(_, role, _)| !role.answers());
            self.events.push_back(LinkEvent::Failed { role, why: Failure::Overtaken });
        }
        self.unheard = None;
        self.last_received = Some((apdu.clone(), now));
        self.events.push_back(LinkEvent::Received { apdu, at: now });
        self.next(now);
    }

    /// The answer once more to a message said once more. A copy that comes at once is an echo of the line, not a
    /// terminal that waited in vain: a second `80 00` to it could meet the approval that follows.
    fn answer_again(&mut self, now: Instant) {
        let echo = self
            .flying
            .as_ref()
            .is_some_and(|flying| flying.role == Role::Acknowledgement && now.duration_since(flying.since) < ECHO_MAX);
        if !echo {
            self.resend(now);
        }
    }

    /// `80` or `84`: it is never answered, so alternation works the other way round: one for each command of ours.
    fn answer(&mut self, apdu: Vec<u8>, now: Instant) {
        if !std::mem::take(&mut self.answer_due) {
            self.counters.repeats += 1;
            return;
        }
        // It answers the command whose ACK was lost: repeating the command now would give it twice.
        if self.flying.as_ref().is_some_and(|flying| flying.role == Role::Command) {
            self.flying = None;
            self.events.push_back(LinkEvent::Delivered(Role::Command));
        }
        self.events.push_back(LinkEvent::Received { apdu, at: now });
        self.next(now);
    }

    /// Identical to the last message while that one is unanswered, and within the time in which a link repeats.
    fn is_repeat(&self, apdu: &[u8], now: Instant) -> bool {
        let window = (self.timers.ack + self.timers.gap) * u32::from(self.timers.transmissions);
        self.last_received.as_ref().is_some_and(|(last, since)| last == apdu && now.duration_since(*since) <= window)
    }

    /// NAK or silence: once more, or give up.
    fn repeat(&mut self, why: Failure, now: Instant) {
        let Some(flying) = &self.flying else { return };
        let repeatable = flying.role != Role::Acknowledgement || why == Failure::Refused;
        if repeatable && flying.sent < self.timers.transmissions {
            self.resend(now);
            return;
        }
        let Some(Outgoing { apdu, role, .. }) = self.flying.take() else { return };
        match role {
            Role::Command => {}
            // If the terminal says it again, it must be decided again.
            Role::Decision => self.last_received = None,
            Role::Acknowledgement => self.unheard = Some(apdu),
        }
        self.events.push_back(LinkEvent::Failed { role, why });
        self.next(now);
    }

    fn resend(&mut self, now: Instant) {
        let Some(flying) = &mut self.flying else { return };
        flying.sent = flying.sent.saturating_add(1);
        self.counters.resent += 1;
        let bytes = frame::encode(&flying.apdu);
        flying.since = now;
        flying.deadline = now + self.timers.ack + wire_time(&self.timers, bytes.len());
        self.transmit.extend(bytes);
    }

    /// Puts the next message on the line if none is waiting for its ACK.
    fn next(&mut self, now: Instant) {
        if self.flying.is_some() {
            return;
        }
        let Some((apdu, role, asked)) = self.queue.pop_front() else { return };
        if role == Role::Acknowledgement && now.duration_since(asked) > ACKNOWLEDGEMENT_MAX {
            self.events.push_back(LinkEvent::Failed { role, why: Failure::Overtaken });
            self.next(now);
            return;
        }
        let bytes = frame::encode(&apdu);
        let deadline = now + self.timers.ack + wire_time(&self.timers, bytes.len());
        self.transmit.extend(bytes);
        self.answer_due |= role == Role::Command;
        self.flying = Some(Outgoing { apdu, role, sent: 1, since: now, deadline });
    }
}

impl Outgoing {
    /// Whether a NAK of `now` can be about this frame. One that comes later is about something else.
    fn may_be_refused(&self, now: Instant) -> bool {
        self.role != Role::Acknowledgement || now.duration_since(self.since) <= NAK_MAX
    }
}

fn wire_time(timers: &LinkTimers, bytes: usize) -> Duration {
    timers.byte_time * u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// `80 ..` and `84 ..` are answers and are never answered themselves.
pub(super) fn is_answer(apdu: &[u8]) -> bool {
    matches!(apdu.first(), Some(0x80 | 0x84))
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
