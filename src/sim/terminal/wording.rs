//! How a terminal of each family words its status messages and receipts.

use std::time::Duration;

use super::device::{Device, Said, T3};
use super::memory::{Deed, Record};
use super::message::{Message, node, packed};
use super::strictness::Violation;

/// Width of a receipt line.
const WIDTH: usize = 24;

impl Device<'_> {
    /// Today and now, as MMDD and HHMMSS.
    pub(super) fn clock(&self) -> (u64, u64) {
        let began = self.house.option(|o| o.clock);
        let passed = jiff::SignedDuration::try_from(self.house.started.elapsed()).unwrap_or_default();
        let now = began.checked_add(passed).unwrap_or(began);
        let number = |value: i8| u64::try_from(value).unwrap_or(0);
        (
            number(now.month()) * 100 + number(now.day()),
            number(now.hour()) * 10_000 + number(now.minute()) * 100 + number(now.second()),
        )
    }

    fn terminal_id(&self) -> u64 {
        u64::from(self.house.option(|o| o.terminal_id))
    }

    /// The status of a transaction that is or was good.
    pub(super) fn approval(&self, record: &Record) -> Message {
        let (contract, currency) = self.house.option(|o| (o.contract.clone(), u64::from(o.currency)));
        let long = self.dialect.long_trace;
        let named = match record.original {
            Some((receipt, _)) if self.dialect.reversal_names_original => receipt,
            _ => record.receipt,
        };
        let mut message = Message::new(0x04, 0x0F)
            .field(0x27, &[0])
            .digits(0x04, 6, record.amount)
            .digits(0x0B, 3, if long { 0 } else { u64::from(record.trace) })
            .digits(0x0C, 3, record.clock)
            .digits(0x0D, 2, record.month_day)
            .field(0x0E, &if long { [0x99, 0x99] } else { [0x28, 0x12] })
            .field(0x17, &[0, 1])
            .field(0x19, &[record.payment_type])
            .variable(0x22, 2, &masked(record.last_four))
            .digits(0x29, 4, self.terminal_id())
            .field(0x2A, format!("{contract:<15.15}").as_bytes());
        if long {
            message = message.field(0xA0, &[0x01]);
        }
        if let Some((_, trace)) = record.original {
            message = message.digits(0x37, 3, u64::from(trace));
        }
        let mut code = record.approval_code.clone().into_bytes();
        code.resize(8, 0);
        message = message.field(0x3B, &code);
        let sentence = format!("GEN.NR.:{}", record.approval_code);
        if self.dialect.speaks {
            message = message.variable(0x3C, 3, &self.dialect.letters(&sentence));
        }
        if record.currency_asked && self.dialect.tells_currency {
            message = message.digits(0x49, 2, currency);
        }
        message = message
            .digits(0x87, 2, u64::from(named))
            .digits(0x88, 3, u64::from(record.turnover))
            .field(0x8A, &[0x2E])
            .variable(0x8B, 2, &[self.dialect.letters(&record.card), vec![0]].concat());
        if !self.may_send_tlv() {
            return message;
        }
        if self.dialect.speaks {
            message = message.tlv(&node(0x24, &node(0x07, &self.dialect.letters(&sentence))));
        }
        if long {
            message = message.tlv(&node(0x1F2B, &packed(10_000_000 + u64::from(record.trace), 4)));
        }
        if self.house.option(|o| o.mirrors_receipts) {
            message = message.tlv(&node(0x1F1F, &packed(u64::from(record.receipt), 2)));
        }
        let technology = if record.contactless { 2 } else { 1 };
        message.tlv(&node(0x2F, &[node(0x1F10, &[0]), node(0x1F12, &[technology])].concat()))
    }

    /// The status of a payment that came to nothing.
    pub(super) fn refusal(&self, code: u8, text: &str, record: Option<&Record>) -> Message {
        let mut message = Message::new(0x04, 0x0F).field(0x27, &[code]);
        if let Some(record) = record {
            message = message.digits(0x04, 6, record.amount).digits(0x87, 2, u64::from(record.receipt));
        }
        message = message.digits(0x29, 4, self.terminal_id());
        if !text.is_empty() {
            let letters = self.dialect.letters(text);
            message = message.variable(0x3C, 3, &letters);
            if self.dialect.speaks && self.may_send_tlv() {
                message = message.field(0x8A, &[0x0D]).tlv(&node(0x24, &node(0x07, &letters)));
            }
        }
        message
    }

    /// The status of totals.
    pub(super) fn totals_status(&self) -> Message {
        let (count, sum, from, to) = self.house.memory(|m| {
            let (count, sum) = m.totals();
            let receipts = (m.store.first().map_or(0, |r| r.receipt), m.store.last().map_or(0, |r| r.receipt));
            (count, sum, receipts.0, receipts.1)
        });
        let (month_day, clock) = self.clock();
        let mut single = [packed(u64::from(from), 2), packed(u64::from(to), 2)].concat();
        for kind in 0..7 {
            // Everything here is a Mastercard.
            let here = kind == 2;
            single.push(if here { u8::try_from(count).unwrap_or(u8::MAX) } else { 0 });
            single.extend(packed(if here { sum } else { 0 }, 6));
        }
        Message::new(0x04, 0x0F)
            .field(0x27, &[0])
            .digits(0x04, 6, sum)
            .digits(0x0C, 3, clock)
            .digits(0x0D, 2, month_day)
            .variable(0x60, 3, &single)
    }

    /// Both receipts of a payment, through the kiosk if it prints. False if one was not taken.
    pub(super) async fn print_receipts(&mut self, record: &Record) -> bool {
        if !self.registration().kiosk_prints_payments() {
            return true;
        }
        let title = match record.deed {
            Deed::Payment | Deed::Booking => "VERKAUF",
            Deed::Reversal => "STORNO",
            Deed::Refund => "GUTSCHRIFT",
            Deed::Reservation => "RESERVIERUNG",
        };
        let euros = format!("{},{:02}", record.amount / 100, record.amount % 100);
        let lines = vec![
            (0x40, title.to_owned()),
            (0x00, spread("Terminal-ID:", &self.terminal_id().to_string())),
            (0x00, spread("Beleg-Nr:", &format!("{:04}", record.receipt))),
            (0x00, spread("Trace-Nr:", &format!("{:06}", record.trace))),
            (0x00, spread("Nr:", &format!("**** **** **** {:04}", record.last_four))),
            (0x00, spread("BETRAG: EUR", &euros)),
            (0x40, "BEZAHLT - vielen Dank für Ihren Besuch".to_owned()),
        ];
        self.print_sheet(0x02, "** KUNDENBELEG **", &lines).await
            && self.print_sheet(0x01, "** HÄNDLERBELEG **", &lines).await
    }

    /// A sheet of administration, if the kiosk prints those.
    pub(super) async fn print_administration(&mut self, title: &str, lines: &[(u8, String)]) {
        if self.registration().kiosk_prints_administration() {
            self.print_sheet(0x03, title, lines).await;
        }
    }

    async fn print_sheet(&mut self, whose: u8, title: &str, lines: &[(u8, String)]) -> bool {
        let agreed = self.registration();
        if !agreed.as_lines() || !self.dialect.prints {
            return true;
        }
        let sheet: Vec<(u8, Vec<u8>)> = std::iter::once((0x40, title.to_owned()))
            .chain(lines.iter().cloned())
            .map(|(attribute, line)| (attribute, self.dialect.letters(&line)))
            .collect();
        if agreed.blocks && self.may_send_tlv() {
            return self.print_block(whose, &sheet).await;
        }
        for (at, (attribute, letters)) in sheet.iter().enumerate() {
            let last = if at + 1 == sheet.len() { 0x80 } else { 0 };
            let mut message = Message::new(0x06, 0xD1).raw(&[attribute | last]).raw(letters);
            if self.dialect.print_tail {
                message = message.tlv(&node(0x1F07, &[whose]));
            }
            // 80 alone would be an attribute of its own.
            if attribute | last == 0x80 {
                message = Message::new(0x06, 0xD1).raw(&[0x81]).raw(letters);
            }
            if !self.printed(message).await {
                return false;
            }
        }
        true
    }

    async fn print_block(&mut self, whose: u8, sheet: &[(u8, Vec<u8>)]) -> bool {
        let mut texts = Vec::new();
        for (attribute, letters) in sheet {
            texts.extend(node(0x09, &[*attribute]));
            texts.extend(node(0x07, letters));
        }
        texts.extend(node(0x09, &[0x81]));
        let message = Message::new(0x06, 0xD3).tlv(&node(0x1F07, &[whose])).tlv(&node(0x25, &texts));
        self.printed(message).await
    }

    async fn printed(&mut self, message: Message) -> bool {
        let patience: Duration = T3;
        match self.say(message, patience).await {
            Said::Yes => true,
            Said::No { .. } => {
                self.strict(Violation::RefusedPrint);
                false
            }
            Said::Silence | Said::Undelivered => false,
        }
    }
}

fn masked(last_four: u16) -> Vec<u8> {
    let mut digits = vec![0xEE; 6];
    digits.extend(packed(u64::from(last_four), 2));
    digits
}

fn spread(left: &str, right: &str) -> String {
    let gap = WIDTH.saturating_sub(left.chars().count() + right.chars().count()).max(1);
    format!("{left}{}{right}", " ".repeat(gap))
}
