//! The machine around the head: receive buffer, sensors, real-time commands, cutter, presenter, and everything that
//! can go wrong with them.

use std::collections::VecDeque;
use std::time::Duration;

use super::command::parse;
use super::faults::{Fault, Planned};
use super::head::Head;
use super::models::{Enquire, Model};
use super::paper::{Fate, Paper, Sheet};
use crate::sim::chance::Chance;

/// Where a received byte comes from.
#[derive(Debug, Clone, Copy)]
struct Received {
    traveller: u32,
    /// Its place in the stream since [`Machine::plan`].
    place: u64,
}

/// What stands wrong now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ills {
    pub(super) near_end: bool,
    pub(super) paper_out: bool,
    pub(super) cover_open: bool,
    pub(super) cutter: bool,
    pub(super) hot: bool,
    pub(super) unrecoverable: bool,
    pub(super) busy: bool,
    pub(super) mute: bool,
    pub(super) garbage: bool,
    pub(super) slow: bool,
    pub(super) off: bool,
    pub(super) unplugged: bool,
}

impl Ills {
    fn offline(self) -> bool {
        self.paper_out || self.cover_open || self.cutter || self.hot || self.unrecoverable
    }
}

/// The machine.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) model: &'static Model,
    head: Head,
    buffer: VecDeque<u8>,
    /// The origin of every byte in the buffer.
    origins: VecDeque<Received>,
    /// The last bytes that came in, for real-time commands.
    window: Vec<u8>,
    replies: VecDeque<u8>,
    auto_status: u8,
    told: [u8; 4],
    pub(super) ills: Ills,
    plan: Vec<Planned>,
    received: u64,
    lose: u32,
    pub(super) traveller: u32,
    /// A time after which an ill ends by itself: hot heads cool, power comes back.
    pub(super) relief: Option<Duration>,
    /// The sheet that the presenter holds, by its place among the sheets.
    presented: Option<usize>,
    pub(super) sheets: Vec<Sheet>,
    pub(super) unknown: Vec<Vec<u8>>,
    pub(super) fired: bool,
    /// The paper moves in no time.
    pub(super) hurry: bool,
    chance: Chance,
}

impl Machine {
    pub(super) fn new(model: &'static Model, seed: u64) -> Machine {
        Machine {
            model,
            head: Head::new(model),
            buffer: VecDeque::new(),
            origins: VecDeque::new(),
            window: Vec::new(),
            replies: VecDeque::new(),
            auto_status: 0,
            told: [0x10, 0, 0, 0],
            ills: Ills::default(),
            plan: Vec::new(),
            received: 0,
            lose: 0,
            traveller: 0,
            relief: None,
            presented: None,
            sheets: Vec::new(),
            unknown: Vec::new(),
            fired: false,
            hurry: false,
            chance: Chance::new(seed),
        }
    }

    /// Faults at places of the stream that begins now.
    pub(super) fn plan(&mut self, plan: Vec<Planned>) {
        self.received = 0;
        self.fired = false;
        for waiting in &mut self.origins {
            waiting.place = 0;
        }
        self.plan = plan;
    }

    /// How many bytes it takes at once: none while the buffer is full.
    pub(super) fn room(&self) -> usize {
        if self.ills.off { 4096 } else { self.model.buffer.saturating_sub(self.buffer.len()) }
    }

    /// Bytes since the plan began.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// One byte from the wire.
    pub(super) fn receive(&mut self, byte: u8) {
        let place = self.received;
        self.received += 1;
        if let Some(at) = self.plan.iter().position(|planned| planned.on_wire() && planned.at == place) {
            let planned = self.plan.remove(at);
            self.befall(planned.fault);
        }
        if self.ills.off || self.ills.unplugged {
            return;
        }
        if self.lose > 0 {
            self.lose -= 1;
            return;
        }
        self.window.push(byte);
        if !self.obey_at_once() {
            self.buffer.push_back(byte);
            self.origins.push_back(Received { traveller: self.traveller, place });
        }
    }

    /// Real-time commands are obeyed when they come in, whatever stands around them. True where one has emptied the
    /// buffer, its own last byte included.
    fn obey_at_once(&mut self) -> bool {
        let keep = self.window.len().saturating_sub(10);
        self.window.drain(..keep);
        let ends = |end: &[u8]| self.window.ends_with(end);
        let clears = if ends(&[0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8]) && self.model.clear_buffer {
            self.replies.extend([0x37, 0x25, 0x00]);
            true
        } else if ends(&[0x1C, 0xC0, 0x18, 0x10, 0x14, 0x1B]) && self.model.custom {
            self.head.reset();
            true
        } else if let [.., 0x10, 0x04, n] = self.window[..] {
            self.real_time_status(n);
            false
        } else if let [.., 0x10, 0x05, 2] = self.window[..] {
            match self.model.enquire {
                Enquire::Always => true,
                Enquire::InError => self.ills.cutter,
                Enquire::Ignored => false,
            }
        } else {
            false
        };
        if clears {
            self.clear();
            self.window.clear();
        }
        clears
    }

    fn clear(&mut self) {
        self.buffer.clear();
        self.origins.clear();
        self.head.cancel();
    }

    fn real_time_status(&mut self, n: u8) {
        if self.ills.mute {
            return;
        }
        let ills = self.ills;
        let bit = |on: bool, mask: u8| if on { mask } else { 0 };
        let byte = match n {
            1 => 0x12 | bit(ills.offline(), 0x08),
            2 => {
                let error = ills.cutter || ills.hot || ills.unrecoverable;
                0x12 | bit(ills.cover_open, 0x04) | bit(ills.paper_out, 0x20) | bit(error, 0x40)
            }
            3 => 0x12 | bit(ills.cutter, 0x08) | bit(ills.unrecoverable, 0x20) | bit(ills.hot, 0x40),
            4 => 0x12 | bit(ills.near_end || ills.paper_out, 0x0C) | bit(ills.paper_out, 0x60),
            20 if self.model.custom => return self.full_status(),
            _ => return,
        };
        self.say(&[byte]);
    }

    /// Custom's six bytes: paper, user, recoverable, unrecoverable.
    fn full_status(&mut self) {
        let ills = self.ills;
        let bit = |on: bool, mask: u8| if on { mask } else { 0 };
        let paper = bit(ills.paper_out, 0x01) | bit(ills.near_end, 0x04) | bit(self.presented.is_some(), 0x20);
        let bytes = [0x10, 0x0F, paper, bit(ills.cover_open, 0x02), bit(ills.hot, 0x01), bit(ills.cutter, 0x01)];
        self.say(&bytes);
    }

    fn say(&mut self, bytes: &[u8]) {
        if self.ills.off || self.ills.mute {
            return;
        }
        for byte in bytes {
            let noise = u8::try_from(self.chance.below(256)).unwrap_or(0) | 0x81;
            self.replies.push_back(if self.ills.garbage { noise } else { *byte });
        }
    }

    /// Tells a change of status, if that was asked for.
    pub(super) fn report(&mut self) {
        let now = self.auto_bytes();
        if self.auto_status != 0 && now != self.told {
            self.told = now;
            self.say(&now);
        }
    }

    fn auto_bytes(&self) -> [u8; 4] {
        let ills = self.ills;
        let bit = |on: bool, mask: u8| if on { mask } else { 0 };
        [
            0x10 | bit(ills.offline(), 0x08) | bit(ills.cover_open, 0x20),
            bit(ills.cutter, 0x08) | bit(ills.unrecoverable, 0x20) | bit(ills.hot, 0x40),
            bit(ills.near_end || ills.paper_out, 0x03) | bit(ills.paper_out, 0x0C),
            0,
        ]
    }

    /// Bytes to send back, all that wait.
    pub(super) fn replies(&mut self) -> Vec<u8> {
        self.replies.drain(..).collect()
    }

    /// Does the next command if it can; how long that takes.
    pub(super) fn step(&mut self) -> Option<Duration> {
        if self.ills.offline() || self.ills.off || self.ills.busy {
            return None;
        }
        let (command, length) = parse(self.buffer.make_contiguous())?;
        let last = self.origins.get(length - 1).copied()?;
        if let Some(at) = self.plan.iter().position(|planned| !planned.on_wire() && planned.at <= last.place) {
            // It happens at this byte: the command is not done.
            let planned = self.plan.remove(at);
            self.befall(planned.fault);
            if self.ills.offline() || self.ills.off || self.ills.busy {
                return None;
            }
        }
        self.buffer.drain(..length);
        self.origins.drain(..length);
        let done = self.head.execute(command, last.traveller);
        self.follow(&done);
        if self.hurry {
            return Some(Duration::ZERO);
        }
        let speed = u64::from(self.model.dots_per_second) / if self.ills.slow { 8 } else { 1 };
        Some(Duration::from_micros(done.rows as u64 * 1_000_000 / speed.max(1)))
    }

    fn follow(&mut self, done: &super::head::Done) {
        if let Some(bytes) = &done.unknown {
            self.unknown.push(bytes.clone());
        }
        if let Some(n) = done.auto_status {
            self.auto_status = n;
            if n != 0 {
                self.told = self.auto_bytes();
                let now = self.told;
                self.say(&now);
            }
        }
        if done.paper_status {
            self.say(&[if self.ills.near_end { 0x03 } else { 0x00 }]);
        }
        self.say(&done.answer);
        if done.cut {
            let fate = if self.model.presenter { Fate::Presented } else { Fate::Cut };
            self.leave(fate);
        }
        match done.presenter {
            Some(2) => self.end_presentation(Fate::Retracted),
            Some(5) => self.end_presentation(Fate::Cut),
            _ => {}
        }
    }

    /// The paper under the head leaves. Sheets with ink on them are counted from 1.
    fn leave(&mut self, fate: Fate) {
        let paper = std::mem::replace(&mut self.head.paper, Paper::new(self.model.dots));
        let inked = self.sheets.iter().filter(|sheet| sheet.number > 0).count();
        let number = if paper.is_blank() { 0 } else { u32::try_from(inked).unwrap_or(u32::MAX - 1) + 1 };
        if fate == Fate::Presented {
            // The one before is pushed out.
            self.end_presentation(Fate::Cut);
            self.presented = Some(self.sheets.len());
        }
        self.sheets.push(Sheet { number, paper, fate });
    }

    fn end_presentation(&mut self, fate: Fate) {
        if let Some(sheet) = self.presented.take().and_then(|place| self.sheets.get_mut(place)) {
            sheet.fate = fate;
        }
    }

    /// A hand takes what can be taken: out of the presenter, or torn off where there is no cutter.
    pub(super) fn take(&mut self) {
        if self.presented.is_some() {
            self.end_presentation(Fate::Taken);
        } else if !self.model.cutter && !self.head.paper.rows.is_empty() {
            self.leave(Fate::Cut);
        }
    }

    /// A hand tears off what hangs out.
    pub(super) fn tear(&mut self) {
        if self.presented.is_some() {
            self.end_presentation(Fate::Torn);
        } else if !self.head.paper.rows.is_empty() {
            self.leave(Fate::Torn);
        }
    }

    /// What lies in the presenter.
    pub(super) fn presented(&self) -> Option<&Sheet> {
        self.presented.and_then(|place| self.sheets.get(place))
    }

    /// What hangs under the head.
    pub(super) fn hanging(&self) -> &Paper {
        &self.head.paper
    }

    /// Something goes wrong now.
    pub(super) fn befall(&mut self, fault: Fault) {
        self.fired = true;
        match fault {
            Fault::NearEnd => self.ills.near_end = true,
            Fault::PaperOut => self.ills.paper_out = true,
            Fault::CoverOpen => self.ills.cover_open = true,
            Fault::Cutter => self.ills.cutter = true,
            Fault::Hot(time) => {
                self.ills.hot = true;
                self.relief = Some(time);
            }
            Fault::Unrecoverable => self.ills.unrecoverable = true,
            Fault::PowerCycle(time) => {
                self.clear();
                self.head.reset();
                self.auto_status = 0;
                self.window.clear();
                self.replies.clear();
                self.ills.off = true;
                self.relief = Some(time);
            }
            Fault::CableOut => self.ills.unplugged = true,
            Fault::Busy => self.ills.busy = true,
            Fault::Mute => self.ills.mute = true,
            Fault::Garbage => self.ills.garbage = true,
            Fault::Slow => self.ills.slow = true,
            Fault::BytesLost(count) => self.lose = count,
        }
    }

    /// What ends by itself has ended.
    pub(super) fn relieve(&mut self) {
        self.ills.hot = false;
        self.ills.off = false;
        self.relief = None;
    }

    /// Somebody has put everything right: paper in, cover closed, cable plugged.
    pub(super) fn repair(&mut self) {
        if self.ills.unrecoverable {
            // Such an error ends with a restart.
            self.clear();
            self.head.reset();
            self.auto_status = 0;
        }
        self.ills = Ills::default();
        self.plan.clear();
        self.lose = 0;
        self.relief = None;
    }
}
