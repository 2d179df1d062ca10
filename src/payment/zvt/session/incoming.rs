//! What is done with each message of the terminal, and how it is answered.

use std::time::Duration;

use tokio::time::Instant;

use super::duty::{CommandEnd, Duty, Stage};
use super::{Output, Session};
use crate::payment::zvt::link::{Failure, Role};
use crate::payment::zvt::message::answer::{Acknowledgement, NOT_ISSUED, UNKNOWN_MESSAGE};
use crate::payment::zvt::message::incoming::{Completion, Intermediate, sequence_of};
use crate::payment::zvt::message::{Apdu, Incoming, StatusInformation, codes, command};
use crate::payment::{Answer, DayOutcome, Ending, TerminalEvent};

/// Intermediate status: the terminal closes the day by itself.
const AUTOMATIC_END_OF_DAY: u8 = 0x0f;
/// Result and status code: at work.
pub(super) const BUSY: u8 = 0x9c;

/// A Completion in the form of `05 01`, which no payment ends with: said again, or late, it ends nothing but itself.
fn is_answer_to_an_enquiry(completion: &Completion) -> bool {
    !completion.completed().whole && completion.enquiry().is_some()
}

impl Session {
    /// The link delivered one of our messages.
    pub(crate) fn delivered(&mut self, role: Role, now: Instant) {
        match role {
            Role::Command => self.command_delivered(now),
            Role::Decision => self.answer_delivered(),
            Role::Acknowledgement => {}
        }
    }

    /// The link gave one of our messages up.
    pub(crate) fn failed(&mut self, role: Role, why: Failure, now: Instant) {
        match role {
            Role::Command => self.command_failed(why, now),
            Role::Decision => self.answer_failed(why, now),
            Role::Acknowledgement => tracing::debug!(%why, "an acknowledgement to the terminal was not heard"),
        }
    }

    /// A message of the terminal, new on the link.
    pub(crate) fn received(&mut self, apdu: &Apdu, now: Instant) {
        let message = Incoming::read(apdu, self.config.charset);
        let id = sequence_of(apdu);
        match message {
            Incoming::Positive => self.answered(None, now),
            Incoming::Negative { code, data } => self.answered(Some((code, data)), now),
            message => {
                let repeated = self.heard_id(id);
                self.message(message, id, repeated, now);
            }
        }
        self.go_on(now);
    }

    /// Notes a message sequence id; true if it is the same as the last one heard (1.6 rule 5).
    fn heard_id(&mut self, id: Option<u32>) -> bool {
        let (Some(sequence), Some(id)) = (&mut self.sequence, id) else { return false };
        let repeated = sequence.last_heard == Some(id);
        sequence.last = id;
        sequence.last_heard = Some(id);
        repeated
    }

    fn message(&mut self, message: Incoming, id: Option<u32>, repeated: bool, now: Instant) {
        if repeated && !matches!(&message, Incoming::Status(_)) {
            self.acknowledge(&message, id);
            return;
        }
        let least = self.config.timers.silence;
        let announced = match &message {
            Incoming::Intermediate(status) => {
                status.minutes.map(|minutes| Duration::from_secs(60 * u64::from(minutes)))
            }
            _ => None,
        };
        let grace = self.answer_grace();
        // Before its acceptance a command has T3, whatever else the terminal may have to say.
        if let Some(running) = self.running()
            && running.stage == Stage::Accepted
        {
            running.heard(least, announced, now);
            if let Some(grace) = grace {
                running.deadline = now + grace;
            }
        }
        match message {
            Incoming::Status(status) => self.status(*status, id, now),
            Incoming::Intermediate(status) => {
                self.acknowledge(&Incoming::Intermediate(status.clone()), id);
                self.intermediate(status);
            }
            Incoming::Print(print) => {
                self.acknowledge(&Incoming::Print(print.clone()), id);
                if let Some(running) = self.running() {
                    running.receipts.add(print);
                }
            }
            Incoming::Completion(completion) => {
                self.acknowledge_completion(&completion, id);
                if self.under_way().is_some_and(|(_, accepted)| accepted) {
                    self.end(CommandEnd::Completed(completion), now);
                } else if !is_answer_to_an_enquiry(&completion) {
                    let completed = completion.completed();
                    let ending = match (completed.whole, completed.result_code) {
                        (true, None | Some(0)) => Ending::Completed,
                        (true, Some(result_code)) => Ending::CompletedWith { result_code },
                        (false, _) => Ending::CompletedWith { result_code: 0xff },
                    };
                    self.late_end(ending, now);
                }
            }
            Incoming::Abort(abort) => {
                self.acknowledge(&Incoming::Abort(abort.clone()), id);
                if self.under_way().is_some_and(|(_, accepted)| accepted) {
                    self.end(CommandEnd::Aborted(abort), now);
                } else {
                    self.late_end(Ending::Aborted { result_code: abort.code, text: None }, now);
                }
            }
            Incoming::Clock => self.acknowledge(&Incoming::Clock, id),
            Incoming::Other => self.decide(UNKNOWN_MESSAGE, id),
            Incoming::Positive | Incoming::Negative { .. } => {}
        }
    }

    /// While a payment may still be held, a Completion that ends no command of ours (a repeated answer to `05 01`), or
    /// that says "at work" to our question, is not answered with the commit byte: a terminal that waits for our decision
    /// may take every answer for it, also one to something it said in between.
    fn acknowledge_completion(&mut self, completion: &Completion, id: Option<u32>) {
        let stray = !self.under_way().is_some_and(|(_, accepted)| accepted);
        let at_work = || completion.enquiry().is_some_and(|enquiry| enquiry.status == BUSY);
        if self.unsettled.is_some() && (stray || at_work()) {
            self.decide(NOT_ISSUED, id);
        } else {
            self.acknowledge(&Incoming::Completion(completion.clone()), id);
        }
    }

    /// An end of a command that nobody here waits for: evidence about a payment that was given up.
    fn late_end(&mut self, ending: Ending, now: Instant) {
        self.unsettled = None;
        // It lives and is at rest: whatever waits for it need not wait longer.
        self.next_setup = now;
        if let Some(sale) = self.ghost.take() {
            self.emit(TerminalEvent::Ended { sale, ending });
        }
    }

    fn intermediate(&mut self, status: Intermediate) {
        let prompt = codes::prompt(status.status);
        if let Some(running) = self.running()
            && running.code != (0x06, 0x50)
        {
            running.day_closing |= status.status == AUTOMATIC_END_OF_DAY;
        }
        if let Some(sale) = self.sale_under_way() {
            let verbatim = self.config.texts == crate::payment::zvt::Texts::Verbatim;
            self.emit(TerminalEvent::Prompt { sale, prompt, text: status.text.filter(|_| verbatim) });
        }
        self.reversal_prompt(prompt);
    }

    /// `04 0F`: a decision is due, or it is evidence, or it is none of our business.
    fn status(&mut self, status: StatusInformation, id: Option<u32>, now: Instant) {
        if status.overexposed {
            tracing::error!("the terminal sends unmasked card data: have its acquirer switch masking on");
        }
        let accepted = self.under_way().is_some_and(|(_, accepted)| accepted);
        let status = match (self.job.as_mut().map(|job| &mut job.duty), accepted) {
            (Some(Duty::Payment(_)), true) if !status.about_the_day => {
                self.payment_status(status, id, now);
                return;
            }
            (Some(Duty::Task(task)), true) if task.holds() && !status.about_the_day => {
                self.hold_test_status(status, id, now);
                return;
            }
            _ => status,
        };
        let evidence = match self.under_way() {
            Some((code, accepted)) => Acknowledgement::of_evidence(code, accepted),
            None => self.aftermath.command().and_then(|code| Acknowledgement::of_evidence(code, true)),
        };
        match evidence {
            Some(leave) => {
                self.reply(leave, id);
                if let Some(running) = self.running() {
                    running.keep(status);
                }
            }
            None => self.foreign_status(status, id, now),
        }
    }

    /// A `04 0F` that no command of ours asked for.
    fn foreign_status(&mut self, status: StatusInformation, id: Option<u32>, now: Instant) {
        let totals = status.totals;
        let result_code = status.transaction.result_code;
        let about_the_day = status.about_the_day;
        let transaction = Box::new(status.transaction.clone());
        match Acknowledgement::within_a_payment(&Incoming::Status(Box::new(status))) {
            Some(leave) => self.reply(leave, id),
            None => {
                self.decide(NOT_ISSUED, id);
                // Whether it took the answer shows only in how it ends.
                self.unsettled.get_or_insert(now);
                self.emit(TerminalEvent::Foreign { transaction });
            }
        }
        if about_the_day {
            if let Some(running) = self.running() {
                running.day_closing = false;
            }
            let outcome = match result_code {
                Some(0) => DayOutcome::Closed { totals },
                Some(result_code) => DayOutcome::Refused { result_code },
                None => DayOutcome::Unknown { evidence: "a message about the day without a result".to_owned() },
            };
            self.emit(TerminalEvent::DayClosed { outcome, unasked: true });
        }
    }

    /// Answers `80 00`, unless that could keep money.
    pub(super) fn acknowledge(&mut self, message: &Incoming, id: Option<u32>) {
        match Acknowledgement::within_a_payment(message) {
            Some(leave) => self.reply(leave, id),
            None => self.decide(NOT_ISSUED, id),
        }
    }

    /// Sends `80 00` to a message that asked for no decision.
    pub(super) fn reply(&mut self, leave: Acknowledgement, id: Option<u32>) {
        self.say(leave.apdu(), Role::Acknowledgement, id);
    }

    /// Sends a decision.
    pub(super) fn decide(&mut self, apdu: Apdu, id: Option<u32>) {
        self.say(apdu, Role::Decision, id);
    }

    /// An answer carries the id of what it answers.
    fn say(&mut self, apdu: Apdu, role: Role, id: Option<u32>) {
        let apdu = match (self.sequence, id) {
            (Some(_), Some(id)) => command::with_sequence(apdu, id),
            _ => apdu,
        };
        self.out.push_back(Output::Send(apdu, role));
    }

    /// `06 B0`.
    pub(super) fn send_abort(&mut self) {
        self.out.push_back(Output::Send(command::ABORT, Role::Command));
    }

    /// The name of an answer for the log.
    pub(super) fn log_answer(answer: Answer, sale: crate::sale::id::SaleId) {
        tracing::info!(%sale, ?answer, "the answer to the approval goes out");
    }
}
