//! The service screen: what an operator sees and orders standing before the machine. It opens by a gesture and a PIN,
//! never during a sale, and its orders enter by the same door as those of the command line.

mod code;
mod facts;

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::esim::Outcome;
use crate::esim::secret::SecretPlace;
use crate::payment::OperatorTask;
use crate::sale::Money;
use crate::sale::moment::Moment;
use crate::sale::offer::ProviderId;

use super::Kiosk;
use super::inbox::Inbox;
use super::operator::{OperatorAnswer, OperatorCommand};
use super::paper::outcome_told;
use super::session::Stage;
use super::view::{Intent, PinProblem, ServiceAct, ServiceAnswer, ServiceDesk, ServicePage, ServiceRow, Standing};

/// So many touches on the operator's name are a knock.
const KNOCKS: u8 = 7;
/// They must come within so many ms: a child that plays does not get there by chance.
const KNOCKS_WITHIN_MS: u64 = 6_000;
/// No PIN is taken for so long after a start, in ms: pulling the plug ends a lock-out, and buys few tries.
const CLOSED_AT_START_MS: u64 = 60_000;
/// Lines of the log on the screen.
const LOG_LINES: usize = 40;
/// One step of the brightness, and the darkest that can still be read, in per cent.
const BRIGHTNESS_STEP: u8 = 10;

/// What the service screen may do with the machine under it. Nothing of it waits longer than a file needs.
pub trait Machine: Send + Sync {
    /// Version, addresses, temperature: what a technician asks first.
    fn facts(&self) -> Vec<ServiceRow>;
    /// The last lines of the log, oldest first, without secrets.
    fn log(&self, most: usize) -> Vec<String>;
    /// How bright the screen is, in per cent; none where that cannot be told.
    fn brightness(&self) -> Option<u8>;
    /// Makes the screen so bright.
    ///
    /// # Errors
    /// Why not, in words for the technician.
    fn set_brightness(&self, per_cent: u8) -> Result<(), String>;
    /// Asks for the power to be switched off cleanly.
    ///
    /// # Errors
    /// Why not, in words for the technician.
    fn power_off(&self) -> Result<(), String>;
}

/// How the service screen is reached, and what is behind it.
pub struct Door {
    /// Where the PIN's hash lies.
    pub pin: SecretPlace,
    /// The machine.
    pub machine: Arc<dyn Machine>,
}

/// What the service screen waited for.
#[derive(Debug)]
pub enum ServiceNews {
    /// The PIN was compared.
    Pin {
        /// The session that typed it.
        session: u64,
        /// Whether it is the one, or why nobody can tell.
        right: Result<bool, String>,
    },
    /// A provider was asked.
    Answered {
        /// The session that asks.
        session: u64,
        /// Who.
        provider: ProviderId,
        /// What it said, and after how long.
        row: ServiceRow,
    },
    /// An order was carried out.
    Done {
        /// The session that ordered.
        session: u64,
        /// What came of it.
        answer: ServiceAnswer,
    },
}

/// The service screen's state. The lock-out belongs to the machine, everything else to one session.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) door: Option<Door>,
    knocks: u8,
    knocked_at: Option<Moment>,
    wrong: u8,
    shut_until: Option<Moment>,
    checking: bool,
    problem: Option<PinProblem>,
    rows: Arc<[ServiceRow]>,
    answer: Option<ServiceAnswer>,
    working: bool,
    asks: Option<ServiceAct>,
    /// Providers that were asked and those that have answered.
    asked: usize,
    tested: Vec<ServiceRow>,
}

impl Desk {
    /// The operator has gone: only the lock-out stays.
    pub(super) fn leave(&mut self) {
        let Desk { door, wrong, shut_until, problem, .. } = std::mem::take(self);
        let problem = problem.filter(|problem| *problem == PinProblem::LockedOut);
        *self = Desk { door, wrong, shut_until, problem, ..Desk::default() };
    }

    fn wait_ms(&self, now: &Moment) -> u64 {
        self.shut_until.map_or(0, |until| until.mono_ms.saturating_sub(now.mono_ms))
    }
}

impl Kiosk {
    /// A touch on the operator's name. Never during a sale: neither one on the screen nor one whose money moves.
    pub(super) fn knock(&mut self) {
        let browsing = matches!(
            self.session.stage,
            Stage::Attract | Stage::Language | Stage::Destinations | Stage::Plans | Stage::ClaimEntry
        );
        let moves = |money| matches!(money, Money::Asked | Money::Held | Money::Committing | Money::Releasing);
        if self.service.door.is_none() || !browsing || self.sales.values().any(|sale| moves(sale.payment.money)) {
            return;
        }
        let now = self.clock.now();
        let desk = &mut self.service;
        let goes_on = desk.knocked_at.is_some_and(|first| now.since(&first).is_some_and(|age| age < KNOCKS_WITHIN_MS));
        if !goes_on {
            (desk.knocks, desk.knocked_at) = (0, Some(now));
        }
        desk.knocks += 1;
        if desk.knocks >= KNOCKS {
            info!("somebody stands before the service screen");
            self.end_session();
            self.session.stage = Stage::ServicePin;
            if self.service.shut_until.is_none() {
                self.service.shut_until = Some(self.started_at.plus_ms(CLOSED_AT_START_MS));
            }
        }
    }

    /// A wish at the service screen.
    pub(super) fn at_desk(&mut self, intent: &Intent) {
        self.session.touched_at = self.clock.now();
        match (intent, self.session.stage.clone()) {
            (Intent::SubmitPin(pin), Stage::ServicePin) => self.compare_pin(pin.0.clone()),
            (Intent::OpenServicePage(page), Stage::Service(_)) => self.open_page(*page),
            (Intent::OrderService(act), Stage::Service(page)) if self.acts(page).contains(act) => {
                if act.asks_again() {
                    self.service.asks = Some(*act);
                } else {
                    self.service_order(*act);
                }
            }
            (Intent::ConfirmService(meant), Stage::Service(_)) => {
                if let Some(act) = self.service.asks.take().filter(|_| *meant) {
                    self.service_order(act);
                }
            }
            // A late touch is no order.
            _ => {}
        }
    }

    fn open_page(&mut self, page: ServicePage) {
        self.session.stage = Stage::Service(page);
        self.service.answer = None;
        self.service.asks = None;
        self.freshen_desk();
    }

    /// What the screen waited for has come. News of an earlier session is nobody's.
    pub(super) fn serviced(&mut self, news: ServiceNews) {
        match news {
            ServiceNews::Pin { session, right } if session == self.session.number => self.pin_is(right),
            ServiceNews::Answered { session, provider, row } if session == self.session.number => {
                info!(%provider, answer = row.fact, "asked at the service screen");
                self.service.tested.push(row);
                self.service.working = self.service.tested.len() < self.service.asked;
                self.freshen_desk();
            }
            ServiceNews::Done { session, answer } if session == self.session.number => {
                self.service.working = false;
                self.service.answer = Some(answer);
                self.freshen_desk();
            }
            ServiceNews::Pin { .. } | ServiceNews::Answered { .. } | ServiceNews::Done { .. } => {}
        }
    }

    /// The picture of a page.
    pub(super) fn desk(&self, page: ServicePage) -> ServiceDesk {
        ServiceDesk {
            page,
            rows: self.service.rows.clone(),
            acts: self.acts(page).into(),
            answer: self.service.answer.clone(),
            working: self.service.working,
            asks: self.service.asks,
        }
    }

    fn acts(&self, page: ServicePage) -> Vec<ServiceAct> {
        let bright = || self.service.door.as_ref().is_some_and(|door| door.machine.brightness().is_some());
        match page {
            ServicePage::Devices => vec![ServiceAct::PrintTest, ServiceAct::AskTerminal],
            ServicePage::Trade => {
                let door = if self.health.closed.is_some() { ServiceAct::Open } else { ServiceAct::Close };
                vec![door, ServiceAct::EndOfDay]
            }
            ServicePage::Network => vec![ServiceAct::TestNetwork, ServiceAct::RefreshCatalogue],
            ServicePage::Log => Vec::new(),
            ServicePage::Display if bright() => vec![ServiceAct::Darker, ServiceAct::Brighter],
            ServicePage::Display => Vec::new(),
            ServicePage::Machine => vec![ServiceAct::Restart, ServiceAct::PowerOff],
        }
    }

    fn service_order(&mut self, act: ServiceAct) {
        info!(?act, "ordered at the service screen");
        if self.service.working {
            return;
        }
        let ordered = |kiosk: &mut Kiosk, command| Some(kiosk.operator(&command));
        let answered = match act {
            ServiceAct::Close => ordered(self, OperatorCommand::Lock(true)),
            ServiceAct::Open => ordered(self, OperatorCommand::Lock(false)),
            ServiceAct::EndOfDay => ordered(self, OperatorCommand::EndOfDay),
            ServiceAct::AskTerminal => self.ask_terminal_at_desk(),
            ServiceAct::RefreshCatalogue => ordered(self, OperatorCommand::RefreshCatalogue),
            ServiceAct::PrintTest => self.print_service_test(),
            ServiceAct::TestNetwork => self.test_network(),
            ServiceAct::Brighter | ServiceAct::Darker => self.change_brightness(act == ServiceAct::Brighter),
            ServiceAct::Restart => self.restart(),
            ServiceAct::PowerOff => self.power_off(),
        };
        self.service.answer = answered.map(|OperatorAnswer { ok, text, .. }| ServiceAnswer { ok, text });
        self.freshen_desk();
    }

    fn change_brightness(&mut self, brighter: bool) -> Option<OperatorAnswer> {
        let machine = &self.service.door.as_ref()?.machine;
        let now = machine.brightness()?;
        let wished = if brighter { now.saturating_add(BRIGHTNESS_STEP) } else { now.saturating_sub(BRIGHTNESS_STEP) };
        let wished = wished.clamp(BRIGHTNESS_STEP, 100);
        Some(match machine.set_brightness(wished) {
            Ok(()) => OperatorAnswer::done(format!("{wished} %")),
            Err(why) => OperatorAnswer::refused(why),
        })
    }

    /// The service manager starts the program anew; what is open is on disk.
    fn restart(&mut self) -> Option<OperatorAnswer> {
        // A give-back or an end of day may have begun since the operator came.
        let quiet = self.nothing_moves();
        if !quiet.ok {
            return Some(quiet);
        }
        let inbox = self.inbox.clone();
        tokio::spawn(async move { inbox.send(Inbox::Stop).await });
        Some(OperatorAnswer::done("the program starts anew"))
    }

    fn power_off(&mut self) -> Option<OperatorAnswer> {
        let quiet = self.nothing_moves();
        if !quiet.ok {
            return Some(quiet);
        }
        Some(match self.service.door.as_ref()?.machine.power_off() {
            Ok(()) => OperatorAnswer::done("switching off: the power may go when the screen is dark"),
            Err(why) => OperatorAnswer::refused(why),
        })
    }

    fn print_service_test(&mut self) -> Option<OperatorAnswer> {
        let receipt = self.test_receipt(self.settings.first_language());
        let (printer, answer) = (self.printer.clone(), self.waiting());
        tokio::spawn(async move { answer.send(outcome_told(&printer.print(&receipt).await)) });
        None
    }

    fn ask_terminal_at_desk(&mut self) -> Option<OperatorAnswer> {
        let answer = self.waiting();
        self.errand(OperatorTask::Status, Some(answer));
        None
    }

    /// Where an order that takes its time is answered: on this screen, if its session still stands before it.
    fn waiting(&mut self) -> oneshot::Sender<OperatorAnswer> {
        let (answer, answered) = oneshot::channel();
        let (inbox, session) = (self.inbox.clone(), self.session.number);
        self.service.working = true;
        tokio::spawn(async move {
            let gone = || OperatorAnswer::refused("nobody answered: see the log");
            let OperatorAnswer { ok, text, .. } = answered.await.unwrap_or_else(|_| gone());
            let answer = ServiceAnswer { ok, text };
            if inbox.send(Inbox::Serviced(ServiceNews::Done { session, answer })).await.is_err() {
                warn!("the kiosk ended before an order's answer was shown");
            }
        });
        answer
    }

    /// Each provider is asked for its wallet: name, route, certificate, clock and key are all in the answer.
    fn test_network(&mut self) -> Option<OperatorAnswer> {
        let session = self.session.number;
        self.service.tested.clear();
        self.service.asked = self.providers.len();
        self.service.working = self.service.asked > 0;
        for (id, provider) in &self.providers {
            let (id, provider, inbox) = (id.clone(), provider.clone(), self.inbox.clone());
            tokio::spawn(async move {
                let from = tokio::time::Instant::now();
                let balance = provider.balance().await;
                let took = from.elapsed().as_millis();
                let (said, standing) = match balance {
                    Outcome::Done(_) => ("answers".to_owned(), Standing::Good),
                    Outcome::Refused(refusal) => (format!("refuses: {:?}", refusal.reason), Standing::Bad),
                    Outcome::NeverSent(why) => (format!("cannot be reached: {why}"), Standing::Bad),
                    Outcome::Unknown(doubt) => (format!("no answer: {}", doubt.evidence), Standing::Bad),
                };
                let row = ServiceRow::new(id.to_string(), format!("{said} ({took} ms)"), standing);
                let news = ServiceNews::Answered { session, provider: id, row };
                if inbox.send(Inbox::Serviced(news)).await.is_err() {
                    warn!("the kiosk ended before a provider's answer was taken");
                }
            });
        }
        None
    }
}
