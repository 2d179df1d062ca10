//! The hold: an approval waits for the kiosk's decision, and what becomes of it (payment-terminal.md 2.8).

use std::time::Duration;

use tokio::time::Instant;

use super::device::{Device, Phase, Said};
use super::field::Fields;
use super::ledger::Reversal;
use super::memory::{Deed, Record};
use super::message::Message;
use super::panel::{Quirk, Stranded};
use super::payment::Request;
use super::strictness::Violation;

/// Hold seconds where the kiosk names none.
const HOLD_DEFAULT: Duration = Duration::from_secs(30);
/// How long a stranded approval rests between two rounds of a persistent terminal.
const PERSISTENT_PAUSE: Duration = Duration::from_secs(2);

impl Device<'_> {
    /// Approved: nothing is final before the kiosk has decided.
    pub(super) async fn hold(&mut self, request: &Request, record: Record) {
        self.phase = Phase::Holding;
        self.house.memory(|m| m.held = Some(record.clone()));
        let named = request.hold_seconds.map(|s| Duration::from_secs(u64::from(s)));
        let mut patience = named.unwrap_or(HOLD_DEFAULT);
        let (limit, again) = self.house.option(|o| (o.hold_max, o.asks_again));
        let began = Instant::now();
        if let Some(limit) = limit {
            patience = patience.min(limit);
        }
        let again = if named.is_none() { self.dialect.impatience } else { again };
        let waits_max = request.hold_count.or(self.dialect.waits_default);
        let approval = self.quirky(self.approval(&record)).build();
        let mut waits = 0u32;
        let mut reached = Instant::now();
        loop {
            self.house.ledger.change(record.place, |p| p.approvals_sent += 1);
            match self.say_bytes(&approval, patience).await {
                Said::Yes => {
                    self.house.ledger.change(record.place, |p| p.goods_issued += 1);
                    return self.commit(record).await;
                }
                Said::No { code: 0x9C, .. } => {
                    self.house.ledger.change(record.place, |p| p.not_yet += 1);
                    waits += 1;
                    reached = Instant::now();
                    if waits_max.is_some_and(|max| waits > u32::from(max))
                        || limit.is_some_and(|limit| began.elapsed() + again > limit)
                    {
                        if limit.is_some() {
                            self.house.does_odd();
                        }
                        return self.give_up_hold(record).await;
                    }
                    self.pause(again).await;
                }
                Said::No { code: 0x9D, data } if self.dialect.books_parts => {
                    return self.commit_part(record, &data).await;
                }
                Said::No { .. } => return self.undo_held(record, Reversal::NotIssued).await,
                // A persistent terminal asks again until the hold is over.
                Said::Undelivered
                    if self.dialect.persistent && reached.elapsed() < patience && !self.link.is_closed() =>
                {
                    self.pause(PERSISTENT_PAUSE).await;
                }
                Said::Silence | Said::Undelivered => return self.no_answer(record).await,
            }
        }
    }

    async fn no_answer(&mut self, record: Record) {
        if self.house.option(|o| o.stranded) == Stranded::Keeps {
            self.settle_stranded(record, true);
            self.complete(Message::new(0x06, 0x0F)).await;
        } else {
            self.undo_held(record, Reversal::NoAnswer).await;
        }
    }

    /// The kiosk let the terminal wait too often.
    async fn give_up_hold(&mut self, record: Record) {
        let place = record.place;
        self.forget_held(&record, Reversal::HoldOver);
        self.show(0x05, "").await;
        let status = self.refusal(0x6C, "", Some(&record));
        self.tell(status).await;
        self.end_undone(place).await;
    }

    async fn undo_held(&mut self, record: Record, cause: Reversal) {
        let place = record.place;
        self.forget_held(&record, cause);
        self.show(0x05, "").await;
        self.end_undone(place).await;
    }

    async fn end_undone(&mut self, place: usize) {
        tracing::debug!(place, "the simulated terminal took a payment back");
        self.abort(0x6C).await;
    }

    /// Takes a payment back that was never booked.
    pub(super) fn forget_held(&mut self, record: &Record, cause: Reversal) {
        let (month_day, clock) = self.clock();
        let stores = self.dialect.stores_own_reversals;
        self.house.memory(|memory| {
            memory.held = None;
            if stores {
                let (receipt, trace, turnover) = memory.number();
                memory.keep(Record {
                    deed: Deed::Reversal,
                    receipt,
                    trace,
                    turnover,
                    original: Some((record.receipt, record.trace)),
                    month_day,
                    clock,
                    ..record.clone()
                });
            }
        });
        self.house.ledger.reverse(record.place, cause);
    }

    /// What happens to a held payment when the kiosk cannot decide any more.
    pub(super) fn settle_stranded(&mut self, record: Record, keep: bool) {
        if keep {
            self.store(record);
        } else {
            self.forget_held(&record, Reversal::PowerLoss);
        }
    }

    fn store(&mut self, record: Record) {
        let (place, amount) = (record.place, record.amount);
        self.house.memory(|memory| {
            memory.held = None;
            memory.keep(record);
        });
        self.house.ledger.book_payment(place, amount);
    }

    /// "Goods issued": receipts, then the books, then the Completion.
    async fn commit(&mut self, record: Record) {
        if !self.print_receipts(&record).await && self.house.option(|o| o.stranded) == Stranded::Reverses {
            self.forget_held(&record, Reversal::ReceiptRefused);
            self.show(0x05, "").await;
            return self.abort(0xCC).await;
        }
        self.store(record);
        self.phase = Phase::Working;
        let (wait, aborts, quirk) = self.house.option(|o| (o.completion_takes, o.aborts_after_booking, o.quirk));
        self.pause(wait).await;
        if aborts || quirk.is_some() {
            self.house.does_odd();
        }
        if quirk == Some(Quirk::SecondApproval) {
            self.tell_second_approval().await;
        }
        match quirk {
            _ if aborts => self.abort(0x6C).await,
            Some(Quirk::OddCompletion) => self.complete(Message::new(0x06, 0x0F).field(0x27, &[0x6C])).await,
            _ => self.complete(Message::new(0x06, 0x0F)).await,
        }
    }

    /// Another approval, of a payment that is nobody's: whatever is said to it, no money moves.
    async fn tell_second_approval(&mut self) {
        let Some(mut other) = self.house.memory(|m| m.last.clone()) else { return };
        other.receipt = other.receipt % 9999 + 1;
        other.trace += 1;
        let status = self.approval(&other);
        if self.say(status, HOLD_DEFAULT).await == Said::Yes {
            self.strict(Violation::StrangeApprovalTaken);
        }
    }

    fn quirky(&self, message: Message) -> Message {
        match self.house.option(|o| o.quirk) {
            Some(Quirk::ResultMissing) => message.without_first(2),
            Some(Quirk::UnknownField) => message.raw(&[0xDD, 0x01, 0x02]),
            _ => message,
        }
    }

    async fn commit_part(&mut self, mut record: Record, data: &[u8]) {
        let part = Fields::read(data).ok().and_then(|f| f.number(0x04).ok().flatten());
        match part {
            Some(part) if part > 0 && part <= record.amount => {
                record.amount = part;
                self.commit(record).await;
            }
            _ => {
                self.strict(Violation::WrongFormat);
                self.undo_held(record, Reversal::NotIssued).await;
            }
        }
    }
}
