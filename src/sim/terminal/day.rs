//! End of day and the sums before it.

use std::time::Duration;

use super::device::Device;
use super::field::Command;
use super::ledger::LedgerDay;
use super::message::Message;

impl Device<'_> {
    /// `06 10`.
    pub(super) async fn totals(&mut self, command: &Command) {
        if self.password(&command.data).await.is_none() {
            return;
        }
        if !self.dialect.totals {
            return self.no(0x83).await;
        }
        self.yes().await;
        let status = self.totals_status();
        self.tell(status).await;
        self.complete(Message::new(0x06, 0x0F)).await;
    }

    /// `06 50`.
    pub(super) async fn end_of_day(&mut self, command: &Command) {
        let Some(rest) = self.password(&command.data).await else { return };
        let rest = rest.to_vec();
        if self.fields(&rest).await.is_none() {
            return;
        }
        self.yes().await;
        self.show(0x0E, "").await;
        self.pause(Duration::from_secs(1)).await;
        self.show(0x06, "").await;
        let fails = self.house.options.lock().is_ok_and(|mut o| {
            let fails = o.failing_days > 0;
            o.failing_days = o.failing_days.saturating_sub(1);
            fails
        });
        if fails {
            self.house.memory(|m| (m.day_locked, m.status) = (true, 0xF0));
            let status = self.refusal(0x77, "", None);
            self.tell(status).await;
            return self.abort(0x77).await;
        }
        let status = self.totals_status();
        self.close_day(false);
        self.tell(status).await;
        self.print_administration("** KASSENSCHNITT **", &[]).await;
        match self.house.option(|o| o.update_after_day) {
            None => self.complete(Message::new(0x06, 0x0F)).await,
            Some(time) => {
                self.complete(Message::new(0x06, 0x0F).field(0x27, &[0xE0])).await;
                // Deaf while the new software is loaded, and then as after a start.
                self.house.power.lose(time).await;
            }
        }
    }

    /// The day is over: the store is handed to the acquirer.
    pub(super) fn close_day(&mut self, unasked: bool) {
        let closed = self.house.memory(|memory| {
            let (count, sum_minor) = memory.totals();
            let day = memory.day;
            memory.store.clear();
            memory.day += 1;
            memory.day_locked = false;
            if memory.status == 0xF0 {
                memory.status = 0;
            }
            LedgerDay { day, count, sum_minor, unasked }
        });
        self.house.ledger.write(|book| book.days.push(closed));
    }

    /// Work that the terminal does by itself when it is polled.
    pub(super) async fn time_controlled(&mut self) {
        if !self.house.desk(|desk| std::mem::take(&mut desk.close_day)) {
            return;
        }
        self.show(0x0F, "").await;
        self.close_day(true);
        self.print_administration("** KASSENSCHNITT **", &[]).await;
    }
}
