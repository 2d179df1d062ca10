//! The terminal itself: takes commands, is master while one runs, and gives the turn back.

use std::time::Duration;

use tokio::time::Instant;

use super::dialect::{BusyStatus, Dialect};
use super::field::{Command, Fields};
use super::ledger::PaymentState;
use super::link::Link;
use super::memory::Registration;
use super::message::{Message, node, packed};
use super::panel::{House, Stranded};
use super::strictness::Violation;

/// How long an ordinary answer may take.
pub(super) const T3: Duration = Duration::from_secs(5);
/// How often keys are looked at while the terminal waits.
const GLANCE: Duration = Duration::from_millis(250);

/// What the kiosk made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Yes,
    No {
        code: u8,
        data: Vec<u8>,
    },
    /// Acknowledged, never answered.
    Silence,
    /// Not even acknowledged.
    Undelivered,
}

/// Where the terminal stands in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    /// A card or PIN is waited for: STOP and `06 B0` work.
    AtCard,
    /// Too late to stop.
    Working,
    /// Approved, waiting for the kiosk's decision.
    Holding,
}

pub(super) struct Device<'a> {
    pub(super) link: &'a mut Link,
    pub(super) house: &'a House,
    pub(super) dialect: Dialect,
    pub(super) phase: Phase,
    pub(super) aborted: bool,
    /// A container came with the running command.
    pub(super) tlv_now: bool,
    pub(super) message_id: u32,
}

impl<'a> Device<'a> {
    pub(super) fn new(link: &'a mut Link, house: &'a House) -> Device<'a> {
        let dialect = house.option(|o| o.dialect.clone());
        Device { link, house, dialect, phase: Phase::Idle, aborted: false, tlv_now: false, message_id: 0 }
    }

    /// Starts up and serves until the power goes.
    pub(super) async fn work(&mut self) {
        self.boot();
        loop {
            let message = self.link.next(Instant::now() + Duration::from_secs(3600)).await;
            if self.link.take_closed() {
                self.strand();
                continue;
            }
            let Some(message) = message else { continue };
            self.dialect = self.house.option(|o| o.dialect.clone());
            self.serve(&message).await;
            self.phase = Phase::Idle;
            if self.link.is_closed() {
                self.strand();
            }
        }
    }

    fn boot(&mut self) {
        self.house.ledger.write(|book| {
            book.starts += 1;
            // Whoever had a card asked when the power went has paid nothing.
            for payment in book.payments.iter_mut().filter(|p| p.state == PaymentState::Asked) {
                payment.state = PaymentState::NotApproved;
            }
        });
        if self.house.option(|o| o.forgets_registration) {
            self.house.memory(|m| {
                m.registered = false;
                m.registration = Registration::NONE;
            });
        }
        self.link.line.set_speed(9600);
        self.strand();
    }

    /// A payment that is held while nobody can decide any more.
    fn strand(&mut self) {
        if let Some(record) = self.house.memory(|m| m.held.take()) {
            let keep = self.house.option(|o| o.stranded) == Stranded::Keeps;
            self.settle_stranded(record, keep);
        }
    }

    /// One command, from its frame to its end.
    async fn serve(&mut self, message: &[u8]) {
        let command = Command::read(message);
        self.aborted = false;
        self.tlv_now = false;
        if matches!(command.kind.0, 0x80 | 0x84) {
            // Real tills say "yes" twice at times; it is counted and ignored.
            self.strict(Violation::StrayAnswer);
            return;
        }
        if !command.fits {
            self.strict(Violation::WrongLength);
            return self.no(0x83).await;
        }
        self.phase = Phase::Working;
        match command.kind {
            (0x06, 0x00) => self.register(&command).await,
            (0x06, 0x01) => self.authorise(&command).await,
            (0x06, 0x02) => self.log_off().await,
            (0x06, 0x10) => self.totals(&command).await,
            (0x06, 0x18) => self.reset().await,
            (0x06, 0x1A) => self.print_configuration().await,
            (0x06, 0x20) => self.repeat_receipt(&command).await,
            (0x06, 0x22) => self.reserve(&command).await,
            (0x06, 0x23) => self.release_part(&command).await,
            (0x06, 0x24) => self.book_reserved(&command).await,
            (0x06, 0x25) => self.release(&command).await,
            (0x06, 0x30) => self.reverse_by_command(&command).await,
            (0x06, 0x31) => self.refund(&command).await,
            (0x06, 0x50) => self.end_of_day(&command).await,
            (0x06, 0x70) => self.diagnose(&command).await,
            (0x06, 0x91) => self.set_clock(&command).await,
            (0x06, 0x93) => self.initialise(&command).await,
            (0x06, 0xB0) => self.no(0x83).await,
            (0x06, 0xE0) => self.display(&command).await,
            (0x05, 0x01) => self.tell_status(&command).await,
            (0x08, 0x30) => self.accept_and_complete().await,
            (0x08, 0x40) => self.change_speed(&command).await,
            (0x08, 0x50) => {
                self.yes().await;
            }
            _ => {
                self.strict(Violation::UnknownCommand);
                self.no(0x83).await;
            }
        }
    }

    pub(super) fn strict(&self, violation: Violation) {
        self.house.strictness.count(violation);
    }

    pub(super) fn registration(&self) -> Registration {
        self.house.memory(|m| m.registration)
    }

    pub(super) fn may_send_tlv(&self) -> bool {
        self.registration().tlv || self.tlv_now || self.dialect.tlv_unasked
    }

    /// Reads a command's fields; what breaks the table is counted and refused here.
    pub(super) async fn fields(&mut self, data: &[u8]) -> Option<Fields> {
        match Fields::read(data) {
            Ok(fields) => {
                if fields.has_card_data() {
                    self.strict(Violation::CardData);
                }
                self.tlv_now |= fields.has_container();
                if let Some(id) = fields.tlv(0x1F73) {
                    self.take_id(&id.value.clone());
                }
                Some(fields)
            }
            Err(violation) => {
                self.strict(violation);
                self.no(0x83).await;
                None
            }
        }
    }

    fn take_id(&mut self, id: &[u8]) {
        let id = super::field::number(id).and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
        if !self.registration().ids && id != 0 {
            self.strict(Violation::TlvBeforeActivation);
        }
        self.message_id = id;
    }

    /// Splits the password off; a missing or wrong one is counted and refused here.
    pub(super) async fn password<'d>(&mut self, data: &'d [u8]) -> Option<&'d [u8]> {
        let wanted = packed(u64::from(self.house.option(|o| o.password)), 3);
        match data.split_at_checked(3) {
            Some((given, rest)) if given == wanted => Some(rest),
            _ => {
                self.strict(Violation::Password);
                let code = self.dialect.wrong_password;
                self.no(code).await;
                None
            }
        }
    }

    /// "Yes" to a command.
    pub(super) async fn yes(&mut self) {
        let answer = self.with_id(Message::new(0x80, 0x00)).build();
        self.answer(&answer).await;
    }

    /// "No" to a command.
    pub(super) async fn no(&mut self, code: u8) {
        let answer = self.with_id(Message::new(0x84, code)).build();
        self.answer(&answer).await;
    }

    async fn answer(&mut self, answer: &[u8]) {
        if self.link.send(answer).await.is_err() {
            // What the kiosk makes of it shows in what it does next.
            tracing::debug!(?answer, "the kiosk did not acknowledge an answer");
        }
    }

    fn with_id(&self, message: Message) -> Message {
        if self.registration().ids && self.message_id != 0 {
            message.tlv(&node(0x1F73, &packed(u64::from(self.message_id), 3)))
        } else {
            message
        }
    }

    /// Sends a message of our own and waits for what the kiosk says to it.
    pub(super) async fn say(&mut self, message: Message, patience: Duration) -> Said {
        if self.registration().ids {
            self.message_id = if self.message_id >= 999_999 { 1 } else { self.message_id + 1 };
        }
        let message = self.with_id(message).build();
        self.say_bytes(&message, patience).await
    }

    pub(super) async fn say_bytes(&mut self, message: &[u8], patience: Duration) -> Said {
        if self.link.send(message).await.is_err() {
            return Said::Undelivered;
        }
        let deadline = Instant::now() + patience;
        while let Some(heard) = self.link.next(deadline).await {
            let answer = Command::read(&heard);
            match answer.kind {
                (0x80, 0x00) | (0x84, 0x00) => {
                    self.check_answer(&answer);
                    return Said::Yes;
                }
                (0x84, code) => {
                    self.check_answer(&answer);
                    return Said::No { code, data: answer.data };
                }
                _ => Box::pin(self.interject(&answer)).await,
            }
        }
        self.strict(Violation::NoAnswer);
        Said::Silence
    }

    fn check_answer(&self, answer: &Command) {
        if !answer.fits {
            self.strict(Violation::WrongLength);
        }
        if let Ok(fields) = Fields::read(&answer.data)
            && fields.has_container()
        {
            if !self.may_send_tlv() {
                self.strict(Violation::TlvBeforeActivation);
            }
            let id = fields.tlv(0x1F73).and_then(|id| super::field::number(&id.value));
            if self.registration().ids && id != Some(u64::from(self.message_id)) {
                self.strict(Violation::WrongMessageId);
            }
        }
    }

    /// A message that can only be taken: "yes" is the one right answer.
    pub(super) async fn tell(&mut self, message: Message) -> Said {
        let said = self.say(message, T3).await;
        match &said {
            Said::No { code: 0x9C, .. } => self.strict(Violation::MisplacedWait),
            Said::No { .. } => self.strict(Violation::RefusedMessage),
            _ => {}
        }
        said
    }

    /// Completion.
    pub(super) async fn complete(&mut self, message: Message) {
        self.tell(message).await;
    }

    /// Abort with a result code.
    pub(super) async fn abort(&mut self, code: u8) {
        self.tell(Message::new(0x06, 0x1E).raw(&[code])).await;
    }

    pub(super) async fn accept_and_complete(&mut self) {
        self.yes().await;
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    /// An intermediate status, if the kiosk wants them.
    pub(super) async fn show(&mut self, status: u8, text: &str) -> Said {
        if !self.registration().wants_intermediate() {
            return Said::Yes;
        }
        let mut message = Message::new(0x04, 0xFF).raw(&[status]);
        if self.dialect.speaks && !text.is_empty() && self.may_send_tlv() {
            let letters = self.dialect.letters(text);
            message = message.raw(&[0x01]).tlv(&node(0x24, &node(0x07, &letters)));
        }
        self.tell(message).await
    }

    /// Waits, with ears open; ends early when the payment is stopped.
    pub(super) async fn pause(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            if self.phase == Phase::AtCard {
                self.aborted |= self.house.desk(|desk| std::mem::take(&mut desk.stop));
                if self.aborted {
                    return;
                }
                if self.house.desk(|desk| std::mem::take(&mut desk.present_now)) {
                    return;
                }
            }
            let now = Instant::now();
            if now >= end || self.link.is_closed() {
                return;
            }
            let glance = if self.phase == Phase::AtCard { (now + GLANCE).min(end) } else { end };
            if let Some(heard) = self.link.next(glance).await {
                Box::pin(self.interject(&Command::read(&heard))).await;
            }
        }
    }

    /// The kiosk speaks although it is not its turn.
    async fn interject(&mut self, command: &Command) {
        match command.kind {
            (0x80 | 0x84, _) => self.strict(Violation::StrayAnswer),
            (0x06, 0xB0) if self.phase == Phase::AtCard && self.dialect.abortable => {
                self.yes().await;
                self.aborted = true;
            }
            (0x06, 0xB0) => self.no(0x83).await,
            (0x05, 0x01) => match self.dialect.busy {
                BusyStatus::Refuses => self.no(0x9C).await,
                BusyStatus::Ignores => self.link.ignore_last(),
                BusyStatus::Answers => {
                    self.yes().await;
                    self.tell(Message::new(0x06, 0x0F).raw(&[0x9C])).await;
                }
            },
            (0x06, 0x20) if self.house.option(|o| o.busy_repeats_receipt) => {
                self.house.does_odd();
                self.repeat_receipt(command).await;
            }
            (0x06, 0x01) => {
                self.strict(Violation::AuthorisationWhileOpen);
                self.no(0x9C).await;
            }
            _ => {
                self.strict(Violation::CommandWhileMaster);
                self.no(0x9C).await;
            }
        }
    }
}
