//! Care for the terminal itself: is it there, is it at rest, is it registered, what does it need? (2.6, 2.7)

use tokio::time::Instant;

use super::duty::{CommandEnd, Duty, Running, Step};
use super::{Output, Sequence, Session};
use crate::payment::TerminalHealth;
use crate::payment::zvt::message::Apdu;
use crate::payment::zvt::message::bmp;
use crate::payment::zvt::message::command::{self, Registration};
use crate::payment::zvt::message::incoming::{Completed, Enquiry};
use crate::payment::zvt::message::tlv::{self, Tlv};

/// The port may lose every byte at another speed: after so many silent attempts 9600 is tried (1.1).
const SILENT_BEFORE_FALLBACK: u32 = 2;
/// The speed after a restart of the terminal.
const FALLBACK_BAUD: u32 = 9_600;
/// Longest APDU that we tell the terminal to send: a receipt of some hundred lines.
const APDU_TOLD: u16 = 0x4000;

/// Care under way.
pub(super) struct Care {
    phase: Phase,
    /// Remedies already tried in this round: none is tried twice.
    tried: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `05 01` before the registration: a terminal at work must not be disturbed.
    Rest,
    Register,
    /// `05 01` afterwards: what does it need?
    Check,
    Remedy,
    Baud(u32),
    /// The terminal has agreed to another speed: our own changes once our acknowledgement has surely left at the old one.
    Switch(u32),
}

impl Duty {
    /// Everything that a terminal needs before it can be used.
    pub(super) fn care() -> Duty {
        Duty::Care(Care { phase: Phase::Rest, tried: Vec::new() })
    }

    /// A look at a terminal that is registered.
    pub(super) fn poll() -> Duty {
        Duty::Care(Care { phase: Phase::Check, tried: Vec::new() })
    }
}

impl Session {
    pub(super) fn care_begins(&mut self, care: Care, now: Instant) -> Step {
        self.next_poll = now + self.config.timers.poll;
        if let Phase::Switch(baud) = care.phase {
            self.baud = baud;
            self.out.push_back(Output::Baud(baud));
            return Step::Pause(Duty::poll(), now + self.config.timers.baud_change / 2);
        }
        let apdu = match care.phase {
            Phase::Register => self.registration(),
            Phase::Rest | Phase::Check | Phase::Remedy | Phase::Baud(_) | Phase::Switch(_) => self.status_enquiry(),
        };
        Step::Run(Duty::Care(care), apdu)
    }

    /// `05 01`. A terminal that still owes the answer to one takes the same bytes for a repeat of the link and is silent
    /// for ever: the next one asks for the other amount of detail (bit 2).
    pub(super) fn status_enquiry(&self) -> Apdu {
        let other = if self.enquiry_unanswered { 0x04 } else { 0 };
        let service = self.config.status_service.map(|service| service ^ other);
        command::status_enquiry(service.map(|_| self.config.password), service)
    }

    /// `06 00` by this terminal's switches.
    pub(super) fn registration(&self) -> Apdu {
        let config = &self.config;
        let mut tags = Vec::new();
        if config.block_printing {
            tags.push(Tlv::tags(0x26, vec![Tlv::bytes(0x0a, [0x06, 0xd3])]));
        }
        if let Some(columns) = config.printer_columns.and_then(|columns| bmp::to_bcd::<1>(u64::from(columns))) {
            tags.push(Tlv::bytes(0x12, columns));
        }
        if config.capabilities {
            tags.push(Tlv::bytes(0x1a, APDU_TOLD.to_be_bytes()));
            if let Some(code) = config.charset.tag_14() {
                tags.push(Tlv::tags(0x27, vec![Tlv::bytes(0x14, [code])]));
            }
        }
        if config.sequence_ids {
            tags.push(Tlv::bytes(0x1f73, [0, 0, 0]));
        }
        let registration = Registration {
            password: config.password,
            config: config.config_byte,
            currency: Some(config.currency.numeric()),
            service: config.service_byte,
            tlv: config.containers.then_some(tags),
        };
        registration.apdu()
    }

    pub(super) fn care_ended(&mut self, care: Care, _run: Running, end: CommandEnd, now: Instant) -> Step {
        if let CommandEnd::Lost { evidence } = &end {
            return self.care_unanswered(evidence, now);
        }
        self.silent = 0;
        match care.phase {
            Phase::Rest => self.rest_known(care, end, now),
            Phase::Register => self.registered_or_not(care, end, now),
            Phase::Check => self.state_known(care, &end, now),
            Phase::Remedy => Step::Run(Duty::Care(Care { phase: Phase::Check, ..care }), self.status_enquiry()),
            Phase::Baud(baud) => {
                if matches!(end, CommandEnd::Accepted) {
                    let until = now + self.config.timers.baud_change / 2;
                    return Step::Pause(Duty::Care(Care { phase: Phase::Switch(baud), ..care }), until);
                }
                Step::Done
            }
            Phase::Switch(_) => Step::Done,
        }
    }

    fn rest_known(&mut self, care: Care, end: CommandEnd, now: Instant) -> Step {
        let busy = match end {
            CommandEnd::Completed(completion) => completion.enquiry().is_some_and(|enquiry| enquiry.status == 0x9c),
            // Some refuse the enquiry itself while they are at work.
            CommandEnd::Refused { code, .. } => code == 0x9c,
            CommandEnd::Aborted(abort) => abort.code == 0x9c,
            CommandEnd::Accepted | CommandEnd::Lost { .. } => false,
        };
        if busy {
            self.say_health(TerminalHealth::Busy);
            self.next_setup = now + self.config.timers.poll_busy;
            return Step::Done;
        }
        Step::Run(Duty::Care(Care { phase: Phase::Register, ..care }), self.registration())
    }

    fn registered_or_not(&mut self, mut care: Care, end: CommandEnd, now: Instant) -> Step {
        let (code, data) = match end {
            CommandEnd::Completed(completion) => {
                let completed = completion.completed();
                match completed.result_code {
                    None | Some(0) => {
                        self.now_registered(&completed);
                        return self.after_registration(&mut care, completed.status);
                    }
                    Some(code) => (code, Vec::new()),
                }
            }
            CommandEnd::Aborted(abort) => (abort.code, Vec::new()),
            CommandEnd::Refused { code, data } => (code, data),
            CommandEnd::Accepted | CommandEnd::Lost { .. } => (0xff, Vec::new()),
        };
        let (retry, longest) = self.config.timers.retry;
        let health = match code {
            0x37 => TerminalHealth::Misconfigured {
                reason: "the terminal refuses the password: set [terminal] password to its own".to_owned(),
            },
            0x6f | 0x1e => TerminalHealth::Misconfigured {
                reason: format!(
                    "the terminal refuses the currency {}{}",
                    self.config.currency,
                    if data.is_empty() { String::new() } else { format!(" (it said {})", bmp::hex(&data)) }
                ),
            },
            0x9c => TerminalHealth::Busy,
            status => TerminalHealth::NeedsCare { status },
        };
        let wrong = matches!(health, TerminalHealth::Misconfigured { .. });
        self.say_health(health);
        self.next_setup = now + if wrong { longest } else { retry };
        self.refuse_waiting();
        Step::Done
    }

    /// The terminal knows us.
    pub(super) fn now_registered(&mut self, completed: &Completed) {
        self.registered = true;
        self.silent = 0;
        self.retry = self.config.timers.retry.0;
        // Ids are used only if the terminal echoes the tag (1.6 rule 5).
        let echoed = self.config.sequence_ids && tlv::find_bytes(&completed.tlv, 0x1f73).is_some();
        self.sequence = echoed.then_some(Sequence { last: 0, last_heard: None });
        if let Some(id) = &completed.terminal_id {
            tracing::info!(terminal = id, sequence_ids = echoed, "registered at the card terminal");
        }
    }

    /// Status byte of the registration: 01 initialisation, 02 diagnosis needed.
    fn after_registration(&mut self, care: &mut Care, status: Option<u8>) -> Step {
        let tried = std::mem::take(&mut care.tried);
        let mut care = Care { phase: Phase::Check, tried };
        let needs = match status.unwrap_or(0) {
            byte if byte & 0x01 != 0 => Some(0x51),
            byte if byte & 0x02 != 0 => Some(0xc2),
            _ => None,
        };
        if let Some(apdu) = needs.and_then(|status| self.remedy(status)) {
            care.tried.extend(needs);
            self.say_health(TerminalHealth::Busy);
            return Step::Run(Duty::Care(Care { phase: Phase::Remedy, ..care }), apdu);
        }
        Step::Run(Duty::Care(care), self.status_enquiry())
    }

    /// What helps against a state, of those that touch no money; an open end of day is the kiosk's to order.
    fn remedy(&self, status: u8) -> Option<Apdu> {
        match status {
            0x51 => Some(command::with_password(0x93, self.config.password)),
            0x62 => self.clock_command(),
            0xc2 => Some(command::diagnosis(None)),
            _ => None,
        }
    }

    /// `06 91` with the time of now.
    pub(super) fn clock_command(&self) -> Option<Apdu> {
        let now = (self.config.wall_clock)();
        let part = |value: i8| u8::try_from(value).ok();
        let year = u8::try_from(now.year().rem_euclid(100)).ok()?;
        let date = [year, part(now.month())?, part(now.day())?];
        let time = [part(now.hour())?, part(now.minute())?, part(now.second())?];
        command::set_clock(self.config.password, date, time)
    }

    fn state_known(&mut self, mut care: Care, end: &CommandEnd, now: Instant) -> Step {
        let enquiry = match end {
            CommandEnd::Completed(completion) => completion.enquiry(),
            CommandEnd::Aborted(abort) => Some(bare(abort.code)),
            CommandEnd::Refused { code, .. } => Some(bare(*code)),
            CommandEnd::Accepted | CommandEnd::Lost { .. } => None,
        };
        let status = enquiry.map_or(0xff, |enquiry| enquiry.status);
        if status == 0x6b {
            self.registered = false;
            self.next_setup = now;
            return Step::Done;
        }
        if let Some(apdu) = self.remedy(status).filter(|_| !care.tried.contains(&status)) {
            care.tried.push(status);
            self.say_health(TerminalHealth::Busy);
            return Step::Run(Duty::Care(Care { phase: Phase::Remedy, ..care }), apdu);
        }
        self.say_health(match status {
            0x00 => TerminalHealth::Ready,
            0x9c => TerminalHealth::Busy,
            status => TerminalHealth::NeedsCare { status },
        });
        if status == 0x9c {
            self.next_poll = now + self.config.timers.poll_busy;
        }
        if status == 0
            && self.baud != self.config.baud
            && let Some(apdu) = command::change_baud(self.config.baud)
        {
            return Step::Run(Duty::Care(Care { phase: Phase::Baud(self.config.baud), ..care }), apdu);
        }
        Step::Done
    }

    /// Nobody answers: more and more rarely asked, and once at the speed of a restarted terminal.
    fn care_unanswered(&mut self, evidence: &str, now: Instant) -> Step {
        tracing::warn!(evidence, "the card terminal does not answer");
        self.silent = self.silent.saturating_add(1);
        let (shortest, longest) = self.config.timers.retry;
        // A question about money has little patience: while one waits, or a payment is unsettled, nothing is rarer.
        if self.unsettled.is_some() || self.queue.iter().any(|duty| duty.give_up().is_some()) {
            self.retry = shortest;
        }
        self.next_setup = now + self.retry;
        self.retry = (self.retry * 2).min(longest);
        if self.silent.is_multiple_of(SILENT_BEFORE_FALLBACK) && self.config.baud != FALLBACK_BAUD {
            self.baud = if self.baud == FALLBACK_BAUD { self.config.baud } else { FALLBACK_BAUD };
            self.out.push_back(Output::Baud(self.baud));
        }
        self.say_health(TerminalHealth::Silent);
        self.refuse_waiting();
        Step::Done
    }
}

fn bare(status: u8) -> Enquiry {
    Enquiry { software: None, status, tlv: Vec::new() }
}
