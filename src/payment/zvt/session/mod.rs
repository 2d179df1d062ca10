//! The session with a terminal as a pure state machine: messages, orders and the time in; messages, events and the
//! next deadline out (payment-terminal.md 2.7 to 2.9, sale.md 2, 3, 5).
//!
//! One [`Duty`] is under way at a time: a payment, a query, a reversal, an end of day, an operator's task, or care for
//! the terminal itself. A duty gives one command after the other; a [`Running`] command lasts from its first byte to
//! the terminal's Completion or Abort.

mod care;
mod day;
mod duty;
mod incoming;
mod orders;
mod payment;
mod query;
mod receipts;
mod reversal;
mod task;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::config::ZvtConfig;
use super::line::Framing;
use super::link::Role;
use super::message::{Apdu, command};
use crate::payment::{OperatorReport, TerminalEvent, TerminalHealth};
use crate::sale::id::SaleId;
use duty::{Duty, Job, JobState, Running, Stage};

/// How many orders may wait behind the one under way.
pub(super) const ORDERS_MAX: usize = 32;

/// What the journal knows about the terminal when the session starts (sale.md 2 and 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aftermath {
    /// No payment, query, reversal or end of day was under way when we stopped.
    #[default]
    Settled,
    /// A payment may still be held by the terminal: its rest is over only after the longest hold.
    PaymentOpen,
    /// A `06 20` or `06 10` was open: a `04 0F` heard first is its answer.
    QueryOpen,
    /// A `06 30` was open.
    ReversalOpen,
    /// A `06 50` was open.
    EndOfDayOpen,
}

impl Aftermath {
    /// The command whose `04 0F` may still come.
    fn command(self) -> Option<(u8, u8)> {
        match self {
            Aftermath::Settled | Aftermath::PaymentOpen => None,
            Aftermath::QueryOpen => Some((0x06, 0x20)),
            Aftermath::ReversalOpen => Some((0x06, 0x30)),
            Aftermath::EndOfDayOpen => Some((0x06, 0x50)),
        }
    }
}

/// What the session wants done.
#[derive(Debug)]
pub(super) enum Output {
    /// Put a message on the line.
    Send(Apdu, Role),
    /// Tell the kiosk.
    Event(TerminalEvent),
    /// Forget our messages that are still under way on the link.
    Abandon,
    /// Close and open the line: on TCP that is what a lost answer means.
    HangUp,
    /// Another speed.
    Baud(u32),
    /// Answer an operator.
    Report(oneshot::Sender<OperatorReport>, Box<OperatorReport>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineState {
    Down,
    Listening(Instant),
    Up,
}

/// Message sequence ids (TLV 1F73), once the terminal has agreed to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sequence {
    last: u32,
    last_heard: Option<u32>,
}

/// The session.
pub(super) struct Session {
    config: ZvtConfig,
    framing: Framing,
    line: LineState,
    registered: bool,
    sequence: Option<Sequence>,
    job: Option<Job>,
    queue: VecDeque<Duty>,
    /// A payment that was given up as lost; what is heard of it later is evidence.
    ghost: Option<SaleId>,
    /// Since when a payment may be held that nobody here waits for.
    unsettled: Option<Instant>,
    aftermath: Aftermath,
    health: Option<TerminalHealth>,
    next_setup: Instant,
    retry: std::time::Duration,
    next_poll: Instant,
    silent: u32,
    enquiry_unanswered: bool,
    baud: u32,
    out: VecDeque<Output>,
}

impl Session {
    /// A session whose line is not open yet.
    pub(super) fn new(config: ZvtConfig, framing: Framing, aftermath: Aftermath, now: Instant) -> Self {
        let (retry, _) = config.timers.retry;
        let baud = config.baud;
        Session {
            config,
            framing,
            line: LineState::Down,
            registered: false,
            sequence: None,
            job: None,
            queue: VecDeque::new(),
            ghost: None,
            // A question holds no card: who asked one only is at rest as soon as the terminal says so.
            unsettled: (!matches!(aftermath, Aftermath::Settled | Aftermath::QueryOpen)).then_some(now),
            aftermath,
            health: None,
            next_setup: now,
            retry,
            next_poll: now,
            silent: 0,
            enquiry_unanswered: false,
            baud,
            out: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub(super) fn next_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The speed at which the line is to be opened.
    pub(super) fn baud(&self) -> u32 {
        self.baud
    }

    /// The line is open.
    pub(super) fn line_up(&mut self, now: Instant) {
        self.line = match self.framing {
            Framing::Serial => LineState::Listening(now + self.config.timers.listen),
            // A terminal says nothing on a connection that it did not open.
            Framing::Stream => LineState::Up,
        };
        self.registered = false;
        self.sequence = None;
        self.next_setup = now;
        self.go_on(now);
    }

    /// The line is gone, or cannot be opened.
    pub(super) fn line_down(&mut self, reason: String, now: Instant) {
        self.line = LineState::Down;
        self.registered = false;
        self.sequence = None;
        self.job_without_line(&reason, now);
        self.say_health(TerminalHealth::PortLost { reason });
    }

    /// When [`Session::tick`] must be called at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let listening = match self.line {
            LineState::Listening(until) => Some(until),
            LineState::Up | LineState::Down => None,
        };
        let job = self.job.as_ref().map(Job::deadline);
        let idle = match (&self.job, self.line, self.registered) {
            (None, LineState::Up, false) => Some(self.next_setup),
            (None, LineState::Up, true) => Some(self.next_poll),
            _ => None,
        };
        let waiting = self.queue.iter().filter_map(Duty::give_up).min();
        [listening, job, idle, waiting].into_iter().flatten().min()
    }

    /// The time is `now`.
    pub(super) fn tick(&mut self, now: Instant) {
        if let LineState::Listening(until) = self.line
            && now >= until
        {
            self.line = LineState::Up;
            self.aftermath_over();
        }
        self.job_tick(now);
        self.give_up_waiting(now);
        self.go_on(now);
    }

    /// Starts the next duty if none is under way and the line is there.
    fn go_on(&mut self, now: Instant) {
        while self.job.is_none() && self.line == LineState::Up && self.start_next(now) {}
    }

    fn start_next(&mut self, now: Instant) -> bool {
        if !self.registered {
            let due = now >= self.next_setup;
            if due {
                self.start(Duty::care(), now);
            }
            return due;
        }
        if let Some(duty) = self.queue.pop_front() {
            self.start(duty, now);
            return true;
        }
        let due = now >= self.next_poll;
        if due {
            self.start(Duty::poll(), now);
        }
        due
    }

    /// Sends a command of the duty and waits for its end.
    fn run(&mut self, duty: Duty, apdu: Apdu, now: Instant) {
        let apdu = match &mut self.sequence {
            Some(sequence) => {
                sequence.last = sequence.last % 999_999 + 1;
                command::with_sequence(apdu, sequence.last)
            }
            None => apdu,
        };
        let running = Running::new(apdu.code(), now + self.longest_delivery(), self.config.timers.silence);
        self.out.push_back(Output::Send(apdu, Role::Command));
        self.job = Some(Job { duty, state: JobState::Command(Box::new(running)) });
        self.aftermath_over();
    }

    /// A bound on how long the link may try before it must have said `Delivered` or `Failed`.
    fn longest_delivery(&self) -> std::time::Duration {
        let link = self.config.timers.link;
        (link.ack + link.gap) * (u32::from(link.transmissions) + 2) + self.config.timers.answer
    }

    /// From our first own command on, what is heard is not the last run's any more.
    fn aftermath_over(&mut self) {
        self.aftermath = Aftermath::Settled;
    }

    fn emit(&mut self, event: TerminalEvent) {
        self.out.push_back(Output::Event(event));
    }

    fn say_health(&mut self, health: TerminalHealth) {
        if self.health.as_ref() != Some(&health) {
            self.health = Some(health.clone());
            self.emit(TerminalEvent::Health(health));
        }
    }

    /// The running command, if there is one.
    fn running(&mut self) -> Option<&mut Running> {
        match &mut self.job.as_mut()?.state {
            JobState::Command(running) => Some(running),
            JobState::Pause(_) => None,
        }
    }

    /// Code of the running command and whether the terminal has accepted it.
    fn under_way(&mut self) -> Option<((u8, u8), bool)> {
        self.running().map(|running| (running.code, running.stage == Stage::Accepted))
    }
}
