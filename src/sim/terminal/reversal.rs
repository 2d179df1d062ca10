//! Taking money back by command, giving it, and saying what the last transaction was.

use super::device::Device;
use super::field::Command;
use super::ledger::{Kind, PaymentState, Reversal};
use super::memory::{Deed, Record};
use super::message::Message;
use super::payment::Presented;
use super::strictness::Violation;

impl Device<'_> {
    /// `06 20`: the last transaction again, as a status and on paper.
    pub(super) async fn repeat_receipt(&mut self, command: &Command) {
        let Some(rest) = self.password(&command.data).await else { return };
        let rest = rest.to_vec();
        let Some(fields) = self.fields(&rest).await else { return };
        let service = fields.byte(0x03).unwrap_or(0);
        self.yes().await;
        let last = self.house.memory(|m| m.last.clone());
        if let Some(record) = last.filter(|_| !self.dialect.repeat_is_empty) {
            if service & 0x01 != 0 {
                let status = self.approval(&record);
                self.tell(status).await;
            }
            if service & 0x02 == 0 {
                self.print_receipts(&record).await;
            }
        }
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    /// `06 30`.
    pub(super) async fn reverse_by_command(&mut self, command: &Command) {
        let Some(rest) = self.password(&command.data).await else { return };
        let rest = rest.to_vec();
        let Some(fields) = self.fields(&rest).await else { return };
        let (receipt, amount) = match (fields.number(0x87), fields.number(0x04)) {
            (Ok(Some(receipt)), Ok(amount)) => (u16::try_from(receipt).unwrap_or(0), amount),
            _ => {
                self.strict(Violation::WrongFormat);
                return self.no(0x83).await;
            }
        };
        self.house.ledger.write(|book| book.reversals_asked += 1);
        self.yes().await;
        self.show(0x0E, "").await;
        if self.house.option(|o| o.reversal_wants_card) {
            self.house.does_odd();
            if !self.card_for_reversal().await {
                return self.end_refused(0x6C).await;
            }
        }
        let locked = self.house.memory(|m| m.day_locked);
        let found = self.house.memory(|m| m.find(receipt).cloned());
        match found {
            _ if locked => self.end_refused(0xF0).await,
            Some(record) if record.undone => self.end_refused(0xB4).await,
            Some(record) if record.deed == Deed::Payment && amount.is_none_or(|a| a == record.amount) => {
                self.reverse_record(record).await;
            }
            _ => self.end_refused(0xB5).await,
        }
    }

    async fn card_for_reversal(&mut self) -> bool {
        let visitor = self.house.visitor();
        self.phase = super::device::Phase::AtCard;
        self.show(0x0A, "Karte vorhalten\neinstecken/durchziehen").await;
        let patience = self.house.option(|o| o.card_wait);
        let presents = visitor.presents.filter(|time| *time <= patience);
        self.pause(presents.unwrap_or(patience)).await;
        self.phase = super::device::Phase::Working;
        presents.is_some() && !self.aborted
    }

    async fn end_refused(&mut self, code: u8) {
        let status = self.refusal(code, "", None);
        self.tell(status).await;
        self.abort(code).await;
    }

    async fn reverse_record(&mut self, record: Record) {
        let short = self.house.option(|o| o.reversal_falls_short).min(record.amount);
        let (month_day, clock) = self.clock();
        let reversal = self.house.memory(|memory| {
            let (receipt, trace, turnover) = memory.number();
            if let Some(kept) = memory.find(record.receipt) {
                kept.undone = true;
            }
            if let Some(last) = memory.last.as_mut().filter(|last| last.receipt == record.receipt) {
                last.undone = true;
            }
            let reversal = Record {
                deed: Deed::Reversal,
                receipt,
                trace,
                turnover,
                amount: record.amount - short,
                original: Some((record.receipt, record.trace)),
                month_day,
                clock,
                ..record.clone()
            };
            memory.keep(reversal.clone());
            reversal
        });
        self.house.ledger.change(record.place, |payment| {
            payment.state = PaymentState::Reversed;
            payment.reversal = Some(Reversal::Command);
            payment.paid_minor = short;
        });
        self.show(0x17, "").await;
        let status = self.approval(&reversal);
        self.tell(status).await;
        self.print_receipts(&reversal).await;
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    /// `06 31`: money to whoever holds a card.
    pub(super) async fn refund(&mut self, command: &Command) {
        let Some(rest) = self.password(&command.data).await else { return };
        let rest = rest.to_vec();
        let Some(fields) = self.fields(&rest).await else { return };
        let Some(mut request) = self.request(&fields).await else { return };
        self.yes().await;
        self.open(&mut request, Kind::Refund);
        match self.present(&request, Deed::Refund).await {
            Presented::Approved(record) => {
                self.house.memory(|m| m.keep(record.clone()));
                self.house.ledger.book_payment(request.place, record.amount);
                let status = self.approval(&record);
                self.tell(status).await;
                self.print_receipts(&record).await;
                self.complete(Message::new(0x06, 0x0F)).await;
            }
            Presented::Ended { code, text } => self.refuse(&request, code, &text).await,
        }
    }
}
