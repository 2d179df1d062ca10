//! The terminal's side of the link (payment-terminal.md 1.4 to 1.6): acknowledgement, repeats, timers, and
//! telling a repeat from a new message without any sequence number.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fault::{Fault, FaultPlan, Moment};
use super::frame::{ACK, Ear, Framing, Heard, NAK, wrap};
use super::line::{Input, Line, LineSwitch};
use super::power::Power;
use super::strictness::{Strictness, Violation};

/// Longest pause inside a frame.
const T1: Duration = Duration::from_millis(200);
/// Longest wait for an ACK.
const T2: Duration = Duration::from_secs(5);
/// First transmission and two repeats.
const TRANSMISSIONS: u32 = 3;

/// A message was not acknowledged by any of its transmissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undelivered;

/// Where the last message of the kiosk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Answered, and the answer acknowledged: the same bytes again are a new message.
    Quiet,
    /// Taken, not yet answered: the same bytes again are a repeat.
    Owed,
    /// The answer is on its way.
    Answering,
}

pub(super) struct Link {
    pub(super) line: Line,
    switch: LineSwitch,
    framing: Framing,
    ear: Ear,
    inbox: VecDeque<Vec<u8>>,
    last: Vec<u8>,
    turn: Turn,
    /// A message of ours went out since the kiosk's last one was taken.
    spoken: bool,
    faults: FaultPlan,
    power: Power,
    strictness: Strictness,
    last_byte: Instant,
    closed: bool,
}

fn is_answer(message: &[u8]) -> bool {
    matches!(message.first(), Some(0x80 | 0x84))
}

impl Link {
    pub(super) fn new(
        line: Line,
        framing: Framing,
        switch: LineSwitch,
        faults: FaultPlan,
        power: Power,
        strictness: Strictness,
    ) -> Link {
        Link {
            line,
            switch,
            framing,
            ear: Ear::new(framing),
            inbox: VecDeque::new(),
            last: Vec::new(),
            turn: Turn::Quiet,
            spoken: true,
            faults,
            power,
            strictness,
            last_byte: Instant::now(),
            closed: false,
        }
    }

    /// The terminal was switched off: whatever it knew of the line is gone.
    pub(super) fn restart(&mut self) {
        self.ear.forget();
        self.inbox.clear();
        self.last.clear();
        self.turn = Turn::Quiet;
        self.closed = false;
    }

    /// The last message will not be answered: the same bytes again are a new one.
    pub(super) fn ignore_last(&mut self) {
        self.turn = Turn::Quiet;
    }

    /// True once after a TCP connection has ended.
    pub(super) fn take_closed(&mut self) -> bool {
        std::mem::take(&mut self.closed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The next new message of the kiosk, already acknowledged; `None` at the deadline.
    pub(super) async fn next(&mut self, deadline: Instant) -> Option<Vec<u8>> {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Some(message);
            }
            match self.hear(deadline).await? {
                Heard::Message(message) => {
                    if let Some(message) = self.take(message).await {
                        return Some(message);
                    }
                }
                Heard::Ack | Heard::Nak => self.strictness.count(Violation::StrayAck),
                Heard::Stray(_) | Heard::Damaged => {}
            }
        }
    }

    /// Hands a message over; done when the kiosk has acknowledged it.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), Undelivered> {
        let answering = is_answer(message);
        if answering && self.turn == Turn::Owed {
            self.turn = Turn::Answering;
        }
        self.spoken = true;
        let sent = self.transmit(message, answering).await;
        if answering {
            self.turn = Turn::Quiet;
        }
        if sent.is_err() && !self.closed {
            self.strictness.count(Violation::MissingAck);
        }
        sent
    }

    async fn transmit(&mut self, message: &[u8], answering: bool) -> Result<(), Undelivered> {
        let mut transmission = 0;
        while transmission < TRANSMISSIONS {
            let mut loses_ack = self.put(message, transmission == 0).await;
            if self.framing == Framing::Bare {
                return if self.closed { Err(Undelivered) } else { Ok(()) };
            }
            let deadline = Instant::now() + T2;
            loop {
                match self.hear(deadline).await {
                    Some(Heard::Ack) if loses_ack => loses_ack = false,
                    Some(Heard::Ack) => return Ok(()),
                    // Repeated at once.
                    Some(Heard::Nak) | None => break,
                    Some(Heard::Stray(_) | Heard::Damaged) => {}
                    Some(Heard::Message(heard)) => {
                        if answering && self.turn == Turn::Answering && heard == self.last {
                            // Our ACK was missed, and perhaps our answer too: both again.
                            self.acknowledge(ACK).await;
                            self.put(message, false).await;
                            continue;
                        }
                        let implied = answering || is_answer(&heard);
                        if let Some(heard) = self.take(heard).await {
                            self.inbox.push_back(heard);
                            // Whoever answers has heard; only a collision leaves our message open.
                            if implied {
                                return Ok(());
                            }
                        }
                    }
                }
            }
            transmission += 1;
        }
        Err(Undelivered)
    }

    /// Acknowledges a good frame and tells new from repeated.
    async fn take(&mut self, message: Vec<u8>) -> Option<Vec<u8>> {
        // We owe an answer, or have said nothing since this very answer: the kiosk missed our ACK.
        let silent = self.turn == Turn::Owed || (is_answer(&message) && !self.spoken);
        let repeated = self.framing == Framing::Serial && silent && message == self.last;
        let fault = self.faults.strike(Moment::Heard, &message, message != self.last);
        match &fault {
            Some(Fault::Drop) => return None,
            Some(Fault::Nak) => {
                self.acknowledge(NAK).await;
                return None;
            }
            Some(Fault::DropAck) => {}
            Some(Fault::LateAck(time)) => {
                sleep(*time).await;
                self.acknowledge(ACK).await;
            }
            Some(Fault::Cut(time)) => {
                self.switch.cut(Some(*time));
                return None;
            }
            Some(Fault::PowerCycle(off)) => self.power.lose(*off).await,
            Some(other) => {
                self.strike_line(other);
                self.acknowledge(ACK).await;
            }
            None => self.acknowledge(ACK).await,
        }
        if let Some(Fault::PowerCycleAfter(off)) = fault {
            self.power.lose(off).await;
        }
        if repeated {
            return None;
        }
        if !is_answer(&message) {
            self.turn = Turn::Owed;
        }
        self.last.clone_from(&message);
        self.spoken = false;
        Some(message)
    }

    async fn acknowledge(&mut self, byte: u8) {
        if self.framing == Framing::Serial {
            self.line.write(&[byte]).await;
        }
    }

    fn strike_line(&mut self, fault: &Fault) {
        match fault {
            Fault::Mute(time) => self.switch.mute(Some(*time)),
            Fault::Cut(time) | Fault::CutAfter(time) => self.switch.cut(Some(*time)),
            Fault::Unplug(time) => self.switch.unplug(Some(*time)),
            _ => {}
        }
    }

    /// Sends a frame; true if the ACK that comes for it is lost.
    async fn put(&mut self, message: &[u8], first: bool) -> bool {
        let mut frame = match self.framing {
            Framing::Serial => wrap(message),
            Framing::Bare => message.to_vec(),
        };
        let fault = self.faults.strike(Moment::Sent, message, first);
        match &fault {
            Some(Fault::Drop) => return false,
            Some(Fault::Duplicate) => self.line.write(&frame).await,
            Some(Fault::Corrupt(bit)) => {
                let bit = usize::try_from(*bit).unwrap_or(0) % (frame.len() * 8);
                frame[bit / 8] ^= 1 << (bit % 8);
            }
            Some(Fault::Slow(time)) => sleep(*time).await,
            Some(Fault::Gap(time)) => {
                let rest = frame.split_off(frame.len() / 2);
                self.line.write(&frame).await;
                sleep(*time).await;
                frame = rest;
            }
            Some(Fault::Noise(bytes)) => self.line.write(bytes).await,
            Some(Fault::PowerCycle(off)) => self.power.lose(*off).await,
            Some(fault @ (Fault::Mute(_) | Fault::Cut(_) | Fault::Unplug(_))) => self.strike_line(fault),
            _ => {}
        }
        self.line.write(&frame).await;
        match fault {
            Some(Fault::PowerCycleAfter(off)) => self.power.lose(off).await,
            Some(fault @ Fault::CutAfter(_)) => self.strike_line(&fault),
            Some(Fault::LoseAck) => return true,
            _ => {}
        }
        false
    }

    /// The next thing on the line; `None` at the deadline or when a TCP connection has ended.
    async fn hear(&mut self, deadline: Instant) -> Option<Heard> {
        loop {
            let gap = self.last_byte + T1;
            let inside = self.framing == Framing::Serial && self.ear.is_inside();
            let limit = if inside { deadline.min(gap) } else { deadline };
            match self.line.read(limit).await {
                Input::Byte(byte) => {
                    self.last_byte = Instant::now();
                    match self.ear.hear(byte) {
                        Some(Heard::Damaged) => {
                            self.strictness.count(Violation::DamagedFrame);
                            self.acknowledge(NAK).await;
                            return Some(Heard::Damaged);
                        }
                        Some(Heard::Stray(byte)) => self.strictness.count_stray(byte),
                        Some(heard) => return Some(heard),
                        None => {}
                    }
                }
                Input::Closed => {
                    self.ear.forget();
                    self.closed = true;
                    return None;
                }
                Input::Deadline => {
                    if inside && Instant::now() >= gap && self.ear.lapse() {
                        self.strictness.count(Violation::BrokenFrame);
                        self.acknowledge(NAK).await;
                    }
                    if Instant::now() >= deadline {
                        return None;
                    }
                }
            }
        }
    }
}
