//! The purchase: from the amount to the Completion, with the vend handshake of payment-terminal.md 2.8.

use std::time::Duration;

use tokio::time::Instant;

use super::cardholder::{Bank, Cardholder, Pin};
use super::device::{Device, Phase};
use super::field::{Command, Fields, number};
use super::ledger::{Kind, PaymentState, Reversal};
use super::memory::{Deed, Record};
use super::message::Message;
use super::panel::Quirk;
use super::strictness::Violation;

/// What an amount command asks for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The ledger's entry, once the command has been accepted.
    pub(super) place: usize,
    pub(super) amount: u64,
    pub(super) currency_asked: bool,
    pub(super) hold_seconds: Option<u8>,
    pub(super) hold_count: Option<u8>,
    pub(super) card_wait: Option<u8>,
}

/// How the part with card and bank ends.
#[derive(Debug)]
pub(super) enum Presented {
    Approved(Record),
    Ended { code: u8, text: String },
}

impl Device<'_> {
    /// `06 01`.
    pub(super) async fn authorise(&mut self, command: &Command) {
        let Some(fields) = self.fields(&command.data).await else { return };
        let Some(mut request) = self.request(&fields).await else { return };
        self.mirror(&fields);
        self.yes().await;
        self.open(&mut request, Kind::Payment);
        if self.house.memory(|m| m.day_locked) {
            return self.refuse(&request, 0xF0, "Kassenschnitt\ndurchführen").await;
        }
        match self.present(&request, Deed::Payment).await {
            Presented::Approved(record) => self.hold(&request, record).await,
            Presented::Ended { code, text } => self.refuse(&request, code, &text).await,
        }
    }

    /// Reads amount, currency and hold; refuses what cannot be.
    pub(super) async fn request(&mut self, fields: &Fields) -> Option<Request> {
        let amount = match fields.number(0x04) {
            Ok(Some(amount)) if amount > 0 => amount,
            other => {
                self.strict(if other.is_err() { Violation::WrongFormat } else { Violation::AmountMissing });
                self.no(0xC9).await;
                return None;
            }
        };
        let own = u64::from(self.house.option(|o| o.currency));
        let currency = fields.number(0x49).ok().flatten();
        if currency.is_some_and(|asked| asked != own) {
            self.no(0x6F).await;
            return None;
        }
        if !self.house.memory(|m| m.registered) {
            self.no(0x6B).await;
            return None;
        }
        let status = self.house.memory(|m| m.status);
        if status != 0 && status != 0xF0 {
            self.no(status).await;
            return None;
        }
        Some(Request {
            place: usize::MAX,
            amount,
            currency_asked: currency.is_some(),
            hold_seconds: fields.byte(0x01),
            hold_count: fields.byte(0x02),
            card_wait: fields.tlv(0x1F5B).and_then(|t| t.value.first().copied()),
        })
    }

    /// The ledger's entry of a command that has been accepted. Not sooner: a terminal that loses its power before its
    /// "yes" is out has asked nobody, and the kiosk's link is right to say the command again.
    pub(super) fn open(&self, request: &mut Request, kind: Kind) {
        let day = self.house.memory(|m| m.day);
        request.place = self.house.ledger.ask(kind, request.amount, day);
    }

    /// The mirrored receipt number (1F1F): a kiosk that stands one behind has lost the last payment.
    fn mirror(&mut self, fields: &Fields) {
        if !self.house.option(|o| o.mirrors_receipts) {
            return;
        }
        let Some(mirrored) = fields.tlv(0x1F1F) else { return };
        let believed = number(&mirrored.value).and_then(|n| u16::try_from(n).ok()).filter(|n| *n != 0);
        let undone = self.house.memory(|memory| {
            let before = memory.good_before;
            let last = memory.last.as_mut()?;
            let behind = believed == before && believed != Some(last.receipt);
            if last.deed != Deed::Payment || last.undone || !behind {
                return None;
            }
            last.undone = true;
            let (place, receipt) = (last.place, last.receipt);
            if let Some(kept) = memory.find(receipt) {
                kept.undone = true;
            }
            Some(place)
        });
        if let Some(place) = undone {
            self.house.ledger.reverse(place, Reversal::Mirror);
        }
    }

    /// Card, PIN and bank.
    pub(super) async fn present(&mut self, request: &Request, deed: Deed) -> Presented {
        let visitor = self.house.visitor();
        self.phase = Phase::AtCard;
        self.house.desk(|desk| (desk.stop, desk.present_now) = (false, false));
        let ended = |code, text: &str| Presented::Ended { code, text: text.to_owned() };
        let stopped = "Abbruch durch Kunde";
        self.show(0x0A, "Karte vorhalten\neinstecken/durchziehen").await;
        let patience = request
            .card_wait
            .map_or_else(|| self.house.option(|o| o.card_wait), |seconds| Duration::from_secs(u64::from(seconds)));
        let since = Instant::now();
        match visitor.presents {
            Some(time) if time <= patience => self.pause(time).await,
            _ => {
                self.pause(patience).await;
                // The panel may still have presented a card.
                if since.elapsed() >= patience {
                    self.aborted = true;
                }
            }
        }
        if self.aborted {
            return ended(0x6C, stopped);
        }
        self.show(0x0E, "").await;
        if self.aborted {
            return ended(0x6C, stopped);
        }
        if let Err(code) = self.ask_pin(visitor.pin).await {
            return ended(code, if code == 0x6C { stopped } else { "PIN-Versuche überschritten" });
        }
        self.phase = Phase::Working;
        self.ask_bank(&visitor).await;
        if self.dialect.asks_to_remove && !visitor.contactless {
            self.show(0x0B, "").await;
        }
        match &visitor.bank {
            Bank::Declines { code, text } => ended(*code, text),
            Bank::Unreachable => ended(0x9B, "Keine Verbindung"),
            Bank::Approves | Bank::ApprovesOffline | Bank::ApprovesOnly(_) => {
                Presented::Approved(self.record(request, &visitor, deed))
            }
        }
    }

    async fn ask_pin(&mut self, pin: Pin) -> Result<(), u8> {
        let prompt = "ENTER PIN & OK";
        match pin {
            Pin::NotAsked => return Ok(()),
            Pin::Types { each, wrong } => {
                for attempt in 0..=wrong {
                    self.show(0x01, prompt).await;
                    self.pause(each).await;
                    if self.aborted {
                        return Err(0x6C);
                    }
                    self.show(0x17, "").await;
                    if attempt == wrong {
                        return Ok(());
                    }
                    self.show(if attempt >= 2 { 0x18 } else { 0x15 }, "PIN falsch").await;
                    if attempt >= 2 {
                        return Err(0x38);
                    }
                }
            }
            Pin::Stops { after } => {
                self.show(0x01, prompt).await;
                self.pause(after).await;
                self.show(0x17, "").await;
                return Err(0x6C);
            }
            Pin::Leaves => {
                self.show(0x01, prompt).await;
                let wait = self.house.option(|o| o.pin_wait);
                self.pause(wait).await;
                self.show(0x17, "").await;
                return Err(0x6C);
            }
        }
        Ok(())
    }

    async fn ask_bank(&mut self, visitor: &Cardholder) {
        self.show(0x04, "").await;
        let end = Instant::now() + visitor.latency;
        let chatter = self.house.option(|o| o.chatter);
        while Instant::now() < end {
            let left = end - Instant::now();
            self.pause(chatter.map_or(left, |often| often.min(left))).await;
            if Instant::now() < end && !self.link.is_closed() {
                self.show(0x17, "").await;
            } else if self.link.is_closed() {
                tokio::time::sleep_until(end).await;
            }
        }
    }

    fn record(&self, request: &Request, visitor: &Cardholder, deed: Deed) -> Record {
        let offline = visitor.bank == Bank::ApprovesOffline;
        let amount = match visitor.bank {
            Bank::ApprovesOnly(amount) => amount,
            _ => request.amount,
        };
        let (receipt, trace, turnover) = self.house.memory(super::memory::Memory::number);
        let (month_day, clock) = self.clock();
        let record = Record {
            deed,
            place: request.place,
            receipt,
            trace,
            turnover,
            amount,
            original: None,
            approval_code: format!("{:06}", (u64::from(trace) * 7919 + 104_729) % 1_000_000),
            month_day,
            clock,
            payment_type: if offline { 0x40 } else { 0x70 },
            last_four: visitor.last_four,
            card: visitor.card.clone(),
            contactless: visitor.contactless,
            currency_asked: request.currency_asked,
            undone: false,
            hold_seconds: request.hold_seconds,
        };
        self.house.ledger.change(request.place, |payment| {
            payment.receipt = Some(format!("{receipt:04}"));
            payment.trace = Some(format!("{trace:06}"));
            payment.approved_minor = amount;
            payment.state = PaymentState::Held;
            payment.result_code = Some(0);
            payment.offline = offline;
            payment.last_four = Some(format!("{:04}", visitor.last_four));
        });
        record
    }

    /// No money moved: says why, twice, as terminals do.
    pub(super) async fn refuse(&mut self, request: &Request, code: u8, text: &str) {
        self.phase = Phase::Working;
        self.house.ledger.change(request.place, |payment| {
            payment.state = PaymentState::NotApproved;
            payment.result_code = Some(code);
        });
        if self.dialect.asks_to_remove {
            self.show(0x0B, "").await;
        }
        if self.house.option(|o| o.quirk) == Some(Quirk::CompletesUntold) {
            return self.complete(Message::new(0x06, 0x0F)).await;
        }
        let status = self.refusal(code, text, None);
        self.tell(status).await;
        self.abort(code).await;
    }
}
