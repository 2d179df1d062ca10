//! A payment (`06 01`) with its hold: the approval is told to the kiosk, and only the kiosk's order answers it.

use std::time::Duration;

use tokio::time::Instant;

use super::duty::{CommandEnd, Duty, Running, Stage, Step};
use super::incoming::BUSY;
use super::{Output, Session};
use crate::payment::zvt::Texts;
use crate::payment::zvt::link::Failure;
use crate::payment::zvt::message::StatusInformation;
use crate::payment::zvt::message::answer::{self, Acknowledgement, NOT_ISSUED};
use crate::payment::zvt::message::command::Authorisation;
use crate::payment::zvt::message::incoming::{Abort, Completion, Incoming};
use crate::payment::zvt::message::tlv::Tlv;
use crate::payment::{Answer, ApprovalKey, AuthoriseRequest, Ending, Prompt, TerminalEvent};
use crate::sale::id::SaleId;

/// Code for "it was never sent": not registered.
pub(super) const NOT_REGISTERED: u8 = 0x6b;

/// A payment under way.
pub(super) struct Payment {
    request: AuthoriseRequest,
    /// The approval that waits for its answer, and its message sequence id.
    waiting: Option<(ApprovalKey, Option<u32>)>,
    /// The decision that is on the line without its ACK.
    sending: Option<Answer>,
    /// The last decision that was given.
    decided: Option<Answer>,
    /// The traveller wanted to stop before the terminal had accepted the command.
    abort_wish: bool,
    /// The terminal's sentence about a decline.
    text: Option<String>,
}

impl Payment {
    pub(super) fn new(request: AuthoriseRequest) -> Self {
        Payment { request, waiting: None, sending: None, decided: None, abort_wish: false, text: None }
    }

    pub(super) fn sale(&self) -> SaleId {
        self.request.sale
    }

    /// Neither is an approval waiting nor has one been answered finally.
    pub(super) fn undecided(&self) -> bool {
        self.waiting.is_none() && !matches!(self.decided, Some(Answer::GoodsIssued | Answer::NotIssued))
    }

    /// The terminal will say its approval again, and then it is answered.
    pub(super) fn line_lost(&mut self) {
        self.waiting = None;
        self.sending = None;
    }
}

impl Session {
    pub(super) fn payment_begins(&mut self, payment: Box<Payment>) -> Step {
        let sale = payment.sale();
        let Some(apdu) = self.authorisation(&payment.request).apdu() else {
            let ending = Ending::NotStarted { result_code: 0xc3 };
            self.emit(TerminalEvent::Ended { sale, ending });
            return Step::Done;
        };
        self.emit(TerminalEvent::Prompt { sale, prompt: Prompt::Starting, text: None });
        Step::Run(Duty::Payment(payment), apdu)
    }

    /// The fields of `06 01` by this terminal's switches.
    fn authorisation(&self, request: &AuthoriseRequest) -> Authorisation {
        let config = &self.config;
        let mut tlv = Vec::new();
        if config.containers {
            if config.language && request.language.len() == 2 && request.language.is_ascii() {
                tlv.push(Tlv::bytes(0x15, request.language.to_ascii_lowercase()));
            }
            if let Some(seconds) = config.card_wait_seconds {
                tlv.push(Tlv::bytes(0x1f5b, [seconds]));
            }
            if let (true, Some(receipt)) = (config.mirror_receipt, &request.last_good_receipt)
                && let Some(bcd) = receipt.parse().ok().and_then(super::super::message::bmp::to_bcd::<2>)
            {
                tlv.push(Tlv::bytes(0x1f1f, bcd));
            }
        }
        Authorisation {
            hold_seconds: config.hold_fields.then_some(request.hold_seconds),
            hold_count: config.hold_fields.then_some(request.hold_count),
            // A negative amount has no form on the wire and is refused as too large.
            amount_minor: u64::try_from(request.amount.minor).unwrap_or(u64::MAX),
            currency: config.send_currency.then(|| request.amount.currency.numeric()),
            payment_type: config.payment_type.map(|kind| kind | if request.printer_ready { 0x04 } else { 0 }),
            tlv,
        }
    }

    /// The terminal took the command.
    pub(super) fn payment_accepted(&mut self) {
        let Some(Duty::Payment(payment)) = self.job.as_mut().map(|job| &mut job.duty) else { return };
        let sale = payment.sale();
        let abort = std::mem::take(&mut payment.abort_wish);
        // What was given up before has no end of its own any more.
        self.ghost = None;
        self.emit(TerminalEvent::Accepted { sale });
        if abort {
            self.abort_payment();
        }
    }

    /// `04 0F` within an accepted payment.
    pub(super) fn payment_status(&mut self, status: StatusInformation, id: Option<u32>, now: Instant) {
        let approves = status.approves();
        let transaction = Box::new(status.transaction.clone());
        let leave = Acknowledgement::within_a_payment(&Incoming::Status(Box::new(status)));
        let Some(Duty::Payment(payment)) = self.job.as_mut().map(|job| &mut job.duty) else { return };
        let sale = payment.sale();
        payment.sending = None;
        if approves {
            payment.waiting = Some((transaction.key.clone(), id));
            self.emit(TerminalEvent::Approved { sale, transaction, at: now });
            return;
        }
        payment.waiting = None;
        payment.text = transaction.additional_text.clone();
        match leave {
            Some(leave) => self.reply(leave, id),
            // No result at all: unknown, so it must not keep money.
            None => self.decide(NOT_ISSUED, id),
        }
        self.emit(TerminalEvent::Result { sale, transaction });
    }

    /// The kiosk's decision. An answer about anything but the waiting approval is not sent.
    pub(super) fn answer_approval(&mut self, sale: SaleId, approval: &ApprovalKey, answer: Answer, now: Instant) {
        let silence = self.config.timers.silence;
        let completion = self.config.timers.completion;
        let Some(job) = &mut self.job else { return unanswerable(sale, answer) };
        let (Duty::Payment(payment), super::JobState::Command(running)) = (&mut job.duty, &mut job.state) else {
            return unanswerable(sale, answer);
        };
        let id = match payment.waiting.take() {
            Some((key, id)) if payment.request.sale == sale && key == *approval => id,
            other => {
                payment.waiting = other;
                return unanswerable(sale, answer);
            }
        };
        payment.sending = Some(answer);
        payment.decided = Some(answer);
        running.deadline = now + if answer == Answer::GoodsIssued { completion } else { silence };
        Self::log_answer(answer, sale);
        self.decide(answer::decision(answer), id);
    }

    /// After "goods issued" the terminal has less time to end the command.
    pub(super) fn answer_grace(&self) -> Option<Duration> {
        match self.job.as_ref().map(|job| &job.duty) {
            Some(Duty::Payment(payment)) if payment.decided == Some(Answer::GoodsIssued) => {
                Some(self.config.timers.completion)
            }
            _ => None,
        }
    }

    pub(super) fn answer_delivered(&mut self) {
        let Some(Duty::Payment(payment)) = self.job.as_mut().map(|job| &mut job.duty) else { return };
        let sale = payment.sale();
        if let Some(answer) = payment.sending.take() {
            self.emit(TerminalEvent::AnswerSent { sale, answer });
        }
    }

    pub(super) fn answer_failed(&mut self, why: Failure, now: Instant) {
        tracing::warn!(%why, "an answer to the terminal was not acknowledged");
        let grace = self.config.timers.line_grace;
        let Some(job) = &mut self.job else { return };
        if let Duty::Payment(payment) = &mut job.duty {
            // If the terminal says its approval again, the kiosk is asked again.
            payment.sending = None;
            // It repeats within seconds or it is gone: nobody is served by waiting for T4.
            if let super::JobState::Command(running) = &mut job.state
                && running.stage == Stage::Accepted
            {
                running.deadline = running.deadline.min(now + grace);
            }
        }
    }

    /// The traveller or the operator wants the payment of `sale` to stop.
    pub(super) fn abort_sale(&mut self, sale: SaleId) {
        if let Some(at) = self.queue.iter().position(|duty| matches!(duty, Duty::Payment(p) if p.sale() == sale)) {
            self.queue.remove(at);
            let ending = Ending::NotStarted { result_code: 0x6c };
            self.emit(TerminalEvent::Ended { sale, ending });
            return;
        }
        if self.sale_under_way() == Some(sale) {
            self.abort_payment();
        }
    }

    fn abort_payment(&mut self) {
        if !self.config.can_abort {
            return;
        }
        let Some(job) = &mut self.job else { return };
        let (Duty::Payment(payment), super::JobState::Command(running)) = (&mut job.duty, &mut job.state) else {
            return;
        };
        if running.stage != Stage::Accepted {
            payment.abort_wish = true;
        } else if payment.undecided() {
            self.send_abort();
        }
    }

    /// The sale whose payment is under way.
    pub(super) fn sale_under_way(&self) -> Option<SaleId> {
        match self.job.as_ref().map(|job| &job.duty) {
            Some(Duty::Payment(payment)) => Some(payment.sale()),
            _ => None,
        }
    }

    pub(super) fn payment_ended(&mut self, payment: Box<Payment>, run: Running, end: CommandEnd, now: Instant) -> Step {
        let sale = payment.sale();
        if let Some(lines) = run.receipts.customer() {
            self.emit(TerminalEvent::ReceiptLines { sale, lines: lines.to_vec() });
        }
        if matches!(end, CommandEnd::Completed(_) | CommandEnd::Aborted(_)) {
            self.unsettled = None;
        }
        let ending = match end {
            CommandEnd::Completed(completion) => completed(&completion),
            CommandEnd::Aborted(abort) => self.aborted(abort, payment.text),
            // Busy, and perhaps with this very command: its first copy may have been taken and its answer lost.
            CommandEnd::Refused { code: BUSY, .. } => {
                self.ghost = Some(sale);
                self.unsettled = Some(now);
                self.next_setup = now;
                self.registered = false;
                Ending::Lost { evidence: "the terminal says that it is busy: perhaps with this payment".to_owned() }
            }
            CommandEnd::Refused { code, .. } => {
                if code == NOT_REGISTERED {
                    self.registered = false;
                }
                Ending::NotStarted { result_code: code }
            }
            CommandEnd::Accepted => Ending::Lost { evidence: "accepted, and never ended".to_owned() },
            CommandEnd::Lost { evidence } => {
                self.ghost = Some(sale);
                self.unsettled = Some(now);
                self.next_setup = now;
                Ending::Lost { evidence }
            }
        };
        if let Ending::Aborted { result_code: 0xf0 | 0x51 | 0xc2 | 0x62 | 0xe0 | 0x6b, .. } = ending {
            // The terminal says what it needs: look after it at once.
            self.next_poll = now;
        }
        self.emit(TerminalEvent::Ended { sale, ending });
        Step::Done
    }

    fn aborted(&self, abort: Abort, text: Option<String>) -> Ending {
        let text = text.or(abort.text).filter(|_| self.config.texts == Texts::Verbatim);
        Ending::Aborted { result_code: abort.code, text }
    }

    /// Answers an order that cannot be carried out because nobody is there to hear it.
    pub(super) fn refuse_payment(&mut self, sale: SaleId) {
        let ending = Ending::NotStarted { result_code: NOT_REGISTERED };
        self.out.push_back(Output::Event(TerminalEvent::Ended { sale, ending }));
    }
}

fn completed(completion: &Completion) -> Ending {
    let completed = completion.completed();
    match (completed.whole, completed.result_code) {
        (true, None | Some(0)) => Ending::Completed,
        (true, Some(result_code)) => Ending::CompletedWith { result_code },
        // Something else than a Completion of a payment: the truth must be asked for.
        (false, _) => Ending::CompletedWith { result_code: 0xff },
    }
}

fn unanswerable(sale: SaleId, answer: Answer) {
    tracing::warn!(%sale, ?answer, "no approval of this sale waits for this answer: nothing was sent");
}
