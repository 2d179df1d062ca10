//! Registration, status and the chores of a terminal.

use std::time::Duration;

use super::device::Device;
use super::dialect::ForeignCurrency;
use super::field::{Command, Fields, number};
use super::memory::Registration;
use super::message::{Message, node, packed};
use super::strictness::Violation;

/// Config byte after a log-off.
const LOGGED_OFF: u8 = 0x86;
/// Software version of the long status answer.
const SOFTWARE: &[u8] = b"SIM-APP-v1.0;esim-kiosk";

impl Device<'_> {
    /// `06 00`: password, config byte, currency, then fields.
    pub(super) async fn register(&mut self, command: &Command) {
        let Some(rest) = self.password(&command.data).await else { return };
        let rest = rest.to_vec();
        let Some((&config, rest)) = rest.split_first() else {
            self.strict(Violation::WrongLength);
            return self.no(0x83).await;
        };
        let (currency, rest) = match rest.split_at_checked(2) {
            Some((currency, rest)) => (Some(currency), rest),
            None if rest.is_empty() => (None, rest),
            None => {
                self.strict(Violation::WrongLength);
                return self.no(0x83).await;
            }
        };
        let Some(fields) = self.fields(rest).await else { return };
        let own = u64::from(self.house.option(|o| o.currency));
        let asked = currency.and_then(number);
        if asked.is_some_and(|asked| asked != own) || (currency.is_some() && asked.is_none()) {
            let own = packed(own, 2);
            match self.dialect.foreign_currency {
                ForeignCurrency::Refuses => {
                    let refusal = Message::new(0x84, 0x1E).raw(&[0x6F]).raw(&own).build();
                    if self.link.send(&refusal).await.is_err() {
                        tracing::debug!("the refusal of a currency was not heard");
                    }
                    return;
                }
                ForeignCurrency::Aborts => {
                    self.yes().await;
                    self.tell(Message::new(0x06, 0x1E).raw(&[0x6F]).raw(&own)).await;
                    return;
                }
                ForeignCurrency::Ignores => {}
            }
        }
        self.yes().await;
        let offered_ids = fields.tlv(0x1F73).is_some() && self.house.option(|o| o.message_ids);
        let agreed = Registration {
            config,
            tlv: fields.has_container(),
            blocks: fields.all(0x0A).iter().any(|tag| tag.value == [0x06, 0xD3]),
            ids: false,
        };
        self.house.memory(|m| {
            m.registered = true;
            m.registration = agreed;
        });
        let takes = self.house.option(|o| o.registration_takes);
        self.pause(takes).await;
        self.complete_registration(offered_ids).await;
    }

    async fn complete_registration(&mut self, ids: bool) {
        let (terminal, currency) = self.house.option(|o| (u64::from(o.terminal_id), u64::from(o.currency)));
        let mut message = Message::new(0x06, 0x0F)
            .field(0x19, &[self.dialect.registration_status])
            .digits(0x29, 4, terminal)
            .digits(0x49, 2, currency);
        if ids {
            message = message.tlv(&node(0x1F73, &[0, 0, 0]));
        }
        self.message_id = 0;
        self.tell(message).await;
        self.house.memory(|m| m.registration.ids = ids);
    }

    /// `06 02`.
    pub(super) async fn log_off(&mut self) {
        self.yes().await;
        self.house.memory(|m| m.registration = Registration { config: LOGGED_OFF, ..Registration::NONE });
    }

    /// `05 01`.
    pub(super) async fn tell_status(&mut self, command: &Command) {
        let mut service = 0;
        if !command.data.is_empty() {
            let Some(rest) = self.password(&command.data).await else { return };
            let rest = rest.to_vec();
            let Some(fields) = self.fields(&rest).await else { return };
            service = fields.byte(0x03).unwrap_or(0);
        }
        self.yes().await;
        self.time_controlled().await;
        let status = self.house.memory(|m| if m.day_locked { 0xF0 } else { m.status });
        let mut message = Message::new(0x06, 0x0F);
        if self.dialect.long_status && service & 0x02 == 0 {
            let length = SOFTWARE.len();
            let digits = [length / 100, length / 10 % 10, length % 10];
            for digit in digits {
                message = message.raw(&[0xF0 | u8::try_from(digit).unwrap_or(0)]);
            }
            message = message.raw(SOFTWARE);
        }
        message = message.raw(&[status]);
        if self.dialect.long_status && service & 0x04 != 0 && self.may_send_tlv() {
            message = message.tlv(&self.device_state()).tlv(&self.local_time());
        }
        self.tell(message).await;
    }

    fn device_state(&self) -> Vec<u8> {
        let device = [node(0x1F40, b"Simulated vend"), node(0x1F41, SOFTWARE), node(0x1F43, &[0])].concat();
        node(0xE4, &device)
    }

    fn local_time(&self) -> Vec<u8> {
        let (month_day, clock) = self.clock();
        let year = u64::try_from(self.house.option(|o| o.clock.year())).unwrap_or(2026);
        let date = node(0x1F0E, &packed(year * 10_000 + month_day, 4));
        node(0x34, &[date, node(0x1F0F, &packed(clock, 3))].concat())
    }

    /// `06 18`: an open payment is left as it stands, and the terminal starts again.
    pub(super) async fn reset(&mut self) {
        self.accept_and_complete().await;
        self.house.power.lose(Duration::from_secs(5)).await;
    }

    /// `06 1A`.
    pub(super) async fn print_configuration(&mut self) {
        self.yes().await;
        let lines: Vec<(u8, String)> =
            [self.dialect.name.to_owned(), "9600 8N2".to_owned()].map(|line| (0x00, line)).into();
        self.print_administration("** KONFIGURATION **", &lines).await;
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    /// `06 70`: also what a terminal with status 62 or C2 wants.
    pub(super) async fn diagnose(&mut self, command: &Command) {
        if self.fields(&command.data).await.is_none() {
            return;
        }
        self.yes().await;
        self.show(0xD2, "").await;
        self.pause(Duration::from_secs(1)).await;
        let (month_day, clock) = self.clock();
        let year = u64::try_from(self.house.option(|o| o.clock.year())).unwrap_or(2026) % 100;
        let set = Message::new(0x04, 0x01).digits(0xAA, 3, year * 10_000 + month_day).digits(0x0C, 3, clock);
        self.tell(set).await;
        self.heal(&[0x62, 0xC2]);
        self.print_administration("** DIAGNOSE **", &[]).await;
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    /// `06 93`.
    pub(super) async fn initialise(&mut self, command: &Command) {
        if self.password(&command.data).await.is_none() {
            return;
        }
        self.yes().await;
        self.show(0x0E, "").await;
        self.pause(Duration::from_secs(1)).await;
        self.heal(&[0x51]);
        self.print_administration("** INITIALISIERUNG **", &[]).await;
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    /// `06 91`.
    pub(super) async fn set_clock(&mut self, command: &Command) {
        let Some(rest) = self.password(&command.data).await else { return };
        let good =
            Fields::read(rest).is_ok_and(|f| matches!((f.number(0xAA), f.number(0x0C)), (Ok(Some(_)), Ok(Some(_)))));
        if !good {
            self.strict(Violation::WrongFormat);
            return self.no(0x83).await;
        }
        self.heal(&[0x62]);
        self.accept_and_complete().await;
    }

    fn heal(&self, remedied: &[u8]) {
        self.house.memory(|m| {
            if remedied.contains(&m.status) {
                m.status = 0;
            }
        });
    }

    /// `06 E0`.
    pub(super) async fn display(&mut self, command: &Command) {
        if self.fields(&command.data).await.is_some() {
            self.yes().await;
        }
    }

    /// `08 40`: answered at the old speed, in force two seconds later.
    pub(super) async fn change_speed(&mut self, command: &Command) {
        let speed = match command.data.as_slice() {
            [0] => 9_600,
            [1] => 19_200,
            [6] => 57_600,
            [7] => 115_200,
            [_] => return self.no(0xFD).await,
            _ => {
                self.strict(Violation::WrongLength);
                return self.no(0x83).await;
            }
        };
        self.yes().await;
        self.link.line.set_speed(speed);
        self.link.line.sleep_deaf(Duration::from_secs(2)).await;
    }
}
