//! Reservations: `06 22` blocks an amount, `06 23`, `06 24` and `06 25` settle it.

use super::device::Device;
use super::field::{Command, Fields, number};
use super::ledger::{Kind, Reversal};
use super::memory::{Deed, Record};
use super::message::{Message, node, packed};
use super::payment::Presented;

impl Device<'_> {
    /// `06 22`.
    pub(super) async fn reserve(&mut self, command: &Command) {
        if !self.house.option(|o| o.reservations) {
            return self.no(0x83).await;
        }
        let Some(fields) = self.fields(&command.data).await else { return };
        let Some(mut request) = self.request(&fields).await else { return };
        self.yes().await;
        self.open(&mut request, Kind::Reservation);
        match self.present(&request, Deed::Reservation).await {
            Presented::Approved(record) => {
                self.house.memory(|m| m.keep(record.clone()));
                let status = self.approval(&record);
                self.tell(status).await;
                self.complete(Message::new(0x06, 0x0F)).await;
            }
            Presented::Ended { code, text } => self.refuse(&request, code, &text).await,
        }
    }

    /// `06 23`: with receipt FFFF the question for open reservations, else the release of an unused part.
    pub(super) async fn release_part(&mut self, command: &Command) {
        if let [0x87, 0xFF, 0xFF, ..] = command.data.as_slice() {
            return self.tell_open_reservations().await;
        }
        self.settle(command, |record, unused| record.amount.saturating_sub(unused.unwrap_or(0))).await;
    }

    async fn tell_open_reservations(&mut self) {
        self.yes().await;
        let open = self.house.memory(|m| m.open_reservations());
        let mut message = Message::new(0x06, 0x1E).raw(&[0xB8]);
        match open.first() {
            Some(first) => message = message.digits(0x87, 2, u64::from(*first)),
            None => message = message.field(0x87, &[0xFF, 0xFF]),
        }
        if open.len() > 1 && self.may_send_tlv() {
            let list: Vec<u8> = open.iter().flat_map(|r| node(0x08, &packed(u64::from(*r), 2))).collect();
            message = message.tlv(&node(0x23, &list));
        }
        self.tell(message).await;
    }

    /// `06 24`: books the used amount and releases the rest.
    pub(super) async fn book_reserved(&mut self, command: &Command) {
        self.settle(command, |record, used| used.unwrap_or(record.amount)).await;
    }

    /// `06 25`: releases the whole.
    pub(super) async fn release(&mut self, command: &Command) {
        self.settle(command, |_, _| 0).await;
    }

    async fn settle(&mut self, command: &Command, booked: impl Fn(&Record, Option<u64>) -> u64) {
        let Some(fields) = self.fields(&command.data).await else { return };
        let Some((record, said)) = self.reservation(&fields) else { return self.no(0xB8).await };
        let amount = booked(&record, said);
        self.yes().await;
        if amount > record.amount {
            let status = self.refusal(0xB7, "", None);
            self.tell(status).await;
            return self.abort(0xB7).await;
        }
        let (month_day, clock) = self.clock();
        let done = self.house.memory(|memory| {
            let (receipt, trace, turnover) = memory.number();
            if let Some(kept) = memory.find(record.receipt) {
                kept.undone = true;
            }
            let done = Record {
                deed: if amount == 0 { Deed::Reversal } else { Deed::Booking },
                receipt,
                trace,
                turnover,
                amount: if amount == 0 { record.amount } else { amount },
                original: Some((record.receipt, record.trace)),
                month_day,
                clock,
                ..record.clone()
            };
            memory.keep(done.clone());
            done
        });
        if amount == 0 {
            self.house.ledger.reverse(record.place, Reversal::Command);
        } else {
            self.house.ledger.book_payment(record.place, amount);
        }
        let status = self.approval(&done);
        self.tell(status).await;
        self.print_receipts(&done).await;
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    fn reservation(&self, fields: &Fields) -> Option<(Record, Option<u64>)> {
        let receipt = u16::try_from(fields.get(0x87).and_then(number)?).ok()?;
        let said = fields.number(0x04).ok()?;
        let found = self.house.memory(|m| m.find(receipt).cloned())?;
        (found.deed == Deed::Reservation && !found.undone).then_some((found, said))
    }
}
