//! A hand on the terminal's side of a session.

use std::time::Duration;

use super::super::*;
use crate::money::{Amount, Currency};
use crate::payment::zvt::config::Dialect;
use crate::payment::zvt::message::{bmp, command::Password};
use crate::payment::{Answer, ApprovalKey, AuthoriseRequest, Ending, TerminalOrder};

pub(super) const OK: &str = "80 00 00";
pub(super) const APPROVAL: &str = "04 0f 3b 27 00 04 00 00 00 00 15 00 0b 00 01 63 0c 12 35 51 0d 04 17 22 f1 f0 ee ee ee ee ee ee ee e1 22 9f 29 29 00 10 06 3b 36 35 31 32 30 30 00 00 49 09 78 87 01 63 88 00 01 63 8a 2e";

pub(super) fn sale() -> SaleId {
    "01J00000000000000000000000".parse().unwrap()
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// The session with a hand on the terminal's side: what it says, what it hears, what time it is.
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) now: Instant,
    pub(super) heard: Vec<String>,
    pub(super) events: Vec<TerminalEvent>,
    pub(super) hung_up: bool,
    /// Every change of speed that it wanted.
    pub(super) speeds: Vec<u32>,
}

impl Bench {
    pub(super) fn new(change: impl FnOnce(&mut ZvtConfig)) -> Bench {
        Bench::after(Aftermath::Settled, change)
    }

    pub(super) fn after(aftermath: Aftermath, change: impl FnOnce(&mut ZvtConfig)) -> Bench {
        let mut config = ZvtConfig::new(Dialect::Spec, Password::new("123456").unwrap(), Currency::EUR);
        config.sequence_ids = false;
        config.capabilities = false;
        change(&mut config);
        let now = Instant::now();
        let session = Session::new(config, Framing::Serial, aftermath, now);
        Bench { session, now, heard: Vec::new(), events: Vec::new(), hung_up: false, speeds: Vec::new() }
    }

    /// A session that is registered and at rest.
    pub(super) fn ready(change: impl FnOnce(&mut ZvtConfig)) -> Bench {
        let mut bench = Bench::new(change);
        bench.up();
        bench.pass(5);
        bench.expect("05 01 05 12 34 56 03 03");
        bench.says(&[OK, "06 0f 01 00"]);
        bench.expect_any("06 00");
        bench.says(&[OK, "06 0f 0a 19 00 29 29 00 10 06 49 09 78"]);
        bench.expect_any("05 01");
        bench.says(&[OK, "06 0f 01 00"]);
        assert_eq!(bench.told(), [TerminalEvent::Health(TerminalHealth::Ready)]);
        bench.heard.clear();
        bench
    }

    pub(super) fn up(&mut self) {
        self.session.line_up(self.now);
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Send(apdu, role) => {
                    let mut bytes = apdu.encode().unwrap();
                    self.heard.push(spaced(&bytes));
                    bytes.clear();
                    self.session.delivered(role, self.now);
                }
                Output::Event(event) => self.events.push(event),
                Output::HangUp => self.hung_up = true,
                Output::Baud(baud) => self.speeds.push(baud),
                Output::Abandon | Output::Report(..) => {}
            }
        }
    }

    /// The terminal says these messages, one after the other.
    pub(super) fn says(&mut self, messages: &[&str]) {
        for message in messages {
            self.session.received(&Apdu::parse(&bytes(message)).unwrap(), self.now);
            self.drain();
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.session.tick(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub(super) fn order(&mut self, order: TerminalOrder) {
        self.session.order(order, self.now);
        self.drain();
    }

    pub(super) fn told(&mut self) -> Vec<TerminalEvent> {
        std::mem::take(&mut self.events)
    }

    #[track_caller]
    pub(super) fn expect(&mut self, hex: &str) {
        assert!(!self.heard.is_empty(), "nothing was sent, expected {hex}");
        assert_eq!(self.heard.remove(0), hex);
    }

    #[track_caller]
    pub(super) fn expect_any(&mut self, start: &str) {
        while !self.heard.is_empty() {
            if self.heard.remove(0).starts_with(start) {
                return;
            }
        }
        panic!("{start} was not sent");
    }

    #[track_caller]
    pub(super) fn expect_nothing(&self) {
        assert_eq!(self.heard, Vec::<String>::new());
    }

    pub(super) fn authorise(&mut self) {
        self.order(TerminalOrder::Authorise(AuthoriseRequest {
            sale: sale(),
            amount: Amount::new(1500, Currency::EUR),
            hold_seconds: 120,
            hold_count: 60,
            language: "de".into(),
            printer_ready: true,
            last_good_receipt: None,
        }));
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        self.order(TerminalOrder::Answer { sale: sale(), approval: key(), answer });
    }

    /// Up to the approval that waits.
    pub(super) fn held(&mut self) {
        self.authorise();
        self.says(&[OK, "04 ff 01 0a", APPROVAL]);
        self.heard.clear();
        self.events.clear();
    }

    pub(super) fn endings(&mut self) -> Vec<Ending> {
        let endings = self.told().into_iter();
        endings
            .filter_map(|event| if let TerminalEvent::Ended { ending, .. } = event { Some(ending) } else { None })
            .collect()
    }
}

pub(super) fn spaced(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| bmp::hex(&[*byte])).collect::<Vec<_>>().join(" ")
}

pub(super) fn key() -> ApprovalKey {
    ApprovalKey {
        terminal_id: Some("29001006".into()),
        receipt: Some("0163".into()),
        trace: Some("000163".into()),
        amount_minor: Some(1500),
    }
}
