//! Duties and the command that one of them is running.

use std::time::Duration;

use tokio::time::Instant;

use super::care::Care;
use super::day::DayDuty;
use super::payment::Payment;
use super::query::Query;
use super::receipts::Receipts;
use super::reversal::Reversal;
use super::task::Task;
use super::{LineState, Output, Session};
use crate::payment::zvt::line::Framing;
use crate::payment::zvt::link::Failure;
use crate::payment::zvt::message::incoming::{Abort, Completion};
use crate::payment::zvt::message::{Apdu, StatusInformation};

/// How many `04 0F` of one command are kept.
const STATUSES_MAX: usize = 16;

/// What the session is to achieve.
pub(super) enum Duty {
    Care(Care),
    Payment(Box<Payment>),
    Query(Query),
    Reversal(Box<Reversal>),
    Day(DayDuty),
    Task(Box<Task>),
}

/// A duty under way.
pub(super) struct Job {
    pub(super) duty: Duty,
    pub(super) state: JobState,
}

pub(super) enum JobState {
    /// A command is running.
    Command(Box<Running>),
    /// Nothing until then.
    Pause(Instant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// On the line, without its ACK.
    Sending,
    /// Delivered; `80` or `84` is due within T3.
    Sent,
    /// `80 00` came: the terminal is master until it ends the command.
    Accepted,
}

/// A command from its first byte to its end.
pub(super) struct Running {
    pub(super) code: (u8, u8),
    pub(super) stage: Stage,
    pub(super) deadline: Instant,
    /// T4 of this moment.
    pub(super) silence: Duration,
    pub(super) statuses: Vec<StatusInformation>,
    pub(super) receipts: Receipts,
    /// Our `06 B0` is out.
    pub(super) aborting: bool,
    /// The terminal closes its day by itself while this command runs (`04 FF 0F`).
    pub(super) day_closing: bool,
}

/// How a command ended.
pub(super) enum CommandEnd {
    Completed(Completion),
    Aborted(Abort),
    Refused {
        code: u8,
        data: Vec<u8>,
    },
    /// Accepted, and that is all that such a command gets.
    Accepted,
    Lost {
        evidence: String,
    },
}

/// What a duty does next.
pub(super) enum Step {
    Run(Duty, Apdu),
    Pause(Duty, Instant),
    Done,
}

impl Running {
    pub(super) fn new(code: (u8, u8), deadline: Instant, silence: Duration) -> Self {
        Running {
            code,
            stage: Stage::Sending,
            deadline,
            silence,
            statuses: Vec::new(),
            receipts: Receipts::default(),
            aborting: false,
            day_closing: false,
        }
    }

    /// The terminal is alive: T4 begins anew, never shorter than the configured one (1.5).
    pub(super) fn heard(&mut self, least: Duration, announced: Option<Duration>, now: Instant) {
        self.silence = announced.unwrap_or(self.silence).max(least);
        self.deadline = now + self.silence;
    }

    pub(super) fn keep(&mut self, status: StatusInformation) {
        if self.statuses.len() < STATUSES_MAX {
            self.statuses.push(status);
        }
    }

    /// The last `04 0F` that says a result.
    pub(super) fn last_status(&self) -> Option<&StatusInformation> {
        self.statuses.last()
    }
}

impl Job {
    pub(super) fn deadline(&self) -> Instant {
        let state = match &self.state {
            JobState::Command(running) => running.deadline,
            JobState::Pause(until) => *until,
        };
        match &self.duty {
            Duty::Task(task) => task.wake().map_or(state, |wake| wake.min(state)),
            _ => state,
        }
    }
}

impl Duty {
    /// When a waiting duty must be answered without having run.
    pub(super) fn give_up(&self) -> Option<Instant> {
        match self {
            Duty::Query(query) => Some(query.give_up),
            _ => None,
        }
    }
}

/// `06 02`, `08 40`: nothing follows their `80 00`.
fn ends_with_acceptance(code: (u8, u8)) -> bool {
    matches!(code, (0x06, 0x02) | (0x08, 0x40) | (0x08, 0x50))
}

impl Session {
    /// Starts a duty.
    pub(super) fn start(&mut self, duty: Duty, now: Instant) {
        let step = match duty {
            Duty::Care(care) => self.care_begins(care, now),
            Duty::Payment(payment) => self.payment_begins(payment),
            Duty::Query(query) => self.query_begins(query, now),
            Duty::Reversal(reversal) => self.reversal_begins(reversal),
            Duty::Day(day) => self.day_begins(day),
            Duty::Task(task) => self.task_begins(task, now),
        };
        self.take(step, now);
    }

    /// Carries out what a duty wants next.
    pub(super) fn take(&mut self, step: Step, now: Instant) {
        match step {
            Step::Run(duty, apdu) => self.run(duty, apdu, now),
            Step::Pause(duty, until) => self.job = Some(Job { duty, state: JobState::Pause(until) }),
            Step::Done => {
                self.job = None;
                self.go_on(now);
            }
        }
    }

    /// The running command is over: its duty decides what follows.
    pub(super) fn end(&mut self, end: CommandEnd, now: Instant) {
        let Some(job) = self.job.take() else { return };
        let JobState::Command(mut running) = job.state else {
            self.job = Some(job);
            return;
        };
        if let CommandEnd::Lost { evidence } = &end {
            tracing::warn!(command = ?running.code, evidence, "a terminal command got no end");
            self.out.push_back(Output::Abandon);
            self.enquiry_unanswered ^= running.code == (0x05, 0x01);
            self.registered = false;
            self.sequence = None;
            if self.framing == Framing::Stream && self.line == LineState::Up {
                self.out.push_back(Output::HangUp);
                self.line = LineState::Down;
            }
        }
        running.receipts.close();
        if running.day_closing {
            self.day_closed_unasked(&end);
        }
        let step = match job.duty {
            Duty::Care(care) => self.care_ended(care, *running, end, now),
            Duty::Payment(payment) => self.payment_ended(payment, *running, end, now),
            Duty::Query(query) => self.query_ended(query, *running, end, now),
            Duty::Reversal(reversal) => self.reversal_ended(reversal, *running, end, now),
            Duty::Day(day) => self.day_ended(day, *running, end, now),
            Duty::Task(task) => self.task_ended(*task, *running, end, now),
        };
        self.take(step, now);
    }

    /// The link has our command's ACK: T3 begins.
    pub(super) fn command_delivered(&mut self, now: Instant) {
        let answer = self.config.timers.answer;
        if let Some(running) = self.running()
            && running.stage == Stage::Sending
        {
            running.stage = Stage::Sent;
            running.deadline = now + answer;
        }
    }

    /// The link gave our command up.
    pub(super) fn command_failed(&mut self, why: Failure, now: Instant) {
        let lost = self.running().is_some_and(|running| running.stage == Stage::Sending);
        if lost {
            self.end(CommandEnd::Lost { evidence: format!("the command was not delivered: {why}") }, now);
        }
    }

    /// `80 00` or `84 xx` from the terminal.
    pub(super) fn answered(&mut self, refusal: Option<(u8, Vec<u8>)>, now: Instant) {
        let silence = self.config.timers.silence;
        let Some(running) = self.running() else { return };
        if running.stage == Stage::Accepted {
            // The answer to our 06 B0. Whatever it says, the command ends by itself.
            if let Some((code, _)) = refusal {
                tracing::info!(code, "the terminal does not abort now");
            }
            return;
        }
        if let Some((code, data)) = refusal {
            self.end(CommandEnd::Refused { code, data }, now);
            return;
        }
        running.stage = Stage::Accepted;
        running.deadline = now + silence;
        if ends_with_acceptance(running.code) {
            self.end(CommandEnd::Accepted, now);
        } else {
            self.payment_accepted();
        }
    }

    /// Time for the job under way.
    pub(super) fn job_tick(&mut self, now: Instant) {
        self.task_tick(now);
        let can_abort = self.config.can_abort;
        let abort = self.config.timers.abort;
        let Some(job) = &mut self.job else { return };
        match &mut job.state {
            JobState::Pause(until) if now >= *until => {
                if let Some(job) = self.job.take() {
                    self.start(job.duty, now);
                }
            }
            JobState::Command(running) if now >= running.deadline => {
                let stage = running.stage;
                let may_abort = stage == Stage::Accepted && can_abort && !running.aborting && job.duty.may_be_aborted();
                if may_abort && self.line == LineState::Up {
                    running.aborting = true;
                    running.deadline = now + abort;
                    self.send_abort();
                    return;
                }
                let evidence = match stage {
                    Stage::Sending => "the command was not acknowledged on the line".to_owned(),
                    Stage::Sent => "the command was acknowledged on the line and never answered (T3)".to_owned(),
                    Stage::Accepted => "the command was accepted and never ended (T4)".to_owned(),
                };
                self.end(CommandEnd::Lost { evidence }, now);
            }
            _ => {}
        }
    }

    /// The line broke while a job was under way. A payment lives on for a while: the terminal repeats what it said
    /// (payment-terminal.md 2.9, the pulled cable of the acceptance test).
    pub(super) fn job_without_line(&mut self, reason: &str, now: Instant) {
        let grace = self.config.timers.line_grace;
        let serial = self.framing == Framing::Serial;
        let Some(job) = &mut self.job else { return };
        match (&mut job.duty, &mut job.state) {
            (Duty::Payment(payment), JobState::Command(running)) if serial && running.stage == Stage::Accepted => {
                payment.line_lost();
                running.deadline = running.deadline.min(now + grace);
            }
            (_, JobState::Command(_)) => {
                self.end(CommandEnd::Lost { evidence: format!("the line broke: {reason}") }, now);
            }
            (_, JobState::Pause(_)) => {
                if let Some(Job { duty: query @ Duty::Query(_), .. }) = self.job.take() {
                    self.queue.push_front(query);
                }
            }
        }
    }
}

impl Duty {
    /// Whether T4 may be answered with `06 B0`: never between our decision and its end.
    fn may_be_aborted(&self) -> bool {
        match self {
            Duty::Payment(payment) => payment.undecided(),
            _ => false,
        }
    }
}
