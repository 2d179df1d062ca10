//! What the pages of the service screen tell: status, trade, network, log, display, machine.

use std::sync::Arc;

use super::super::Kiosk;
use super::super::operator::OperatorCommand;
use super::super::session::Stage;
use super::super::trading::Trading;
use super::super::view::{ServicePage, ServiceRow, Standing};
use super::LOG_LINES;
use crate::locale;
use crate::sale::moment::Moment;
use crate::sale::receipt::{Receipt, TestReceipt};

fn good_if(good: bool) -> Standing {
    if good { Standing::Good } else { Standing::Bad }
}

impl Kiosk {
    /// Reads the open page's facts again.
    pub(in crate::kiosk) fn freshen_desk(&mut self) {
        let Stage::Service(page) = self.session.stage else { return };
        let rows = match page {
            ServicePage::Devices => self.device_rows(),
            ServicePage::Trade => self.trade_rows(),
            ServicePage::Network => self.network_rows(),
            ServicePage::Log => self.log_rows(),
            ServicePage::Display => Vec::new(),
            ServicePage::Machine => self.machine_rows(),
        };
        if *self.service.rows != *rows {
            self.service.rows = Arc::from(rows);
        }
    }

    fn device_rows(&self) -> Vec<ServiceRow> {
        let status = self.status();
        let terminal = match status.terminal.as_str() {
            "ready" | "busy" => Standing::Good,
            _ => Standing::Bad,
        };
        let printer = match status.printer.as_str() {
            "ready" => Standing::Good,
            "paper low" => Standing::Care,
            _ => Standing::Bad,
        };
        let mut rows = vec![
            ServiceRow::new("Card terminal", status.terminal, terminal),
            ServiceRow::new("Printer", status.printer, printer),
            ServiceRow::new("Internet", if status.online { "answers" } else { "no answer" }, good_if(status.online)),
        ];
        rows.extend(status.accounts.into_iter().map(|account| {
            let wallet = account.balance.map_or_else(|| "wallet unknown".to_owned(), |balance| balance.to_string());
            let trouble = account.trouble();
            let standing = good_if(trouble.is_none());
            let says = trouble.unwrap_or_else(|| "answers".to_owned());
            ServiceRow::new(account.name, format!("{says}, {wallet}"), standing)
        }));
        let journal = if status.journal { "writes" } else { "cannot write" };
        rows.push(ServiceRow::new("Journal", journal, good_if(status.journal)));
        let clock = if status.clock_synced { "set by a server" } else { "not set by a server" };
        rows.push(ServiceRow::new("Clock", clock, if status.clock_synced { Standing::Good } else { Standing::Care }));
        rows
    }

    fn trade_rows(&mut self) -> Vec<ServiceRow> {
        let answer = self.operator_quietly(&OperatorCommand::Status);
        let Ok(trading) = serde_json::from_value::<Trading>(answer.value) else {
            return vec![ServiceRow::new("Journal", answer.text, Standing::Bad)];
        };
        let status = self.status();
        let selling =
            status.reason.map_or_else(|| status.selling.to_owned(), |reason| format!("{}: {reason:?}", status.selling));
        let mut rows = vec![
            ServiceRow::new("Selling", selling, good_if(status.reason.is_none())),
            ServiceRow::new("Open sales", trading.open_sales.to_string(), Standing::Plain),
            ServiceRow::new(
                "Stock",
                format!("{} of {} for sale", trading.stock_for_sale, trading.stock),
                Standing::Plain,
            ),
            ServiceRow::new("Back office", format!("{} waiting", trading.outbox.waiting), Standing::Plain),
        ];
        if let Some(why) = trading.estranged {
            rows.push(ServiceRow::new("Journal", why, Standing::Bad));
        }
        rows.extend(trading.differences.into_iter().map(|what| ServiceRow::new("Books", what, Standing::Bad)));
        rows.extend(self.undecided.cases.iter().map(|case| {
            let fact = format!("case {}: {}", case.place, case.kind.replace('_', " "));
            ServiceRow::new(case.number.clone(), fact, Standing::Care)
        }));
        let now = self.clock.now();
        let local = |wall_ms| locale::time_of_day(self.clock.local(&Moment { wall_ms, ..now }).time());
        rows.extend(trading.queue.into_iter().map(|queued| {
            let fact = format!("waits for the network until {}", local(queued.promised_until_ms));
            ServiceRow::new(queued.number.to_string(), fact, Standing::Care)
        }));
        rows
    }

    fn network_rows(&self) -> Vec<ServiceRow> {
        if self.service.tested.is_empty() {
            return vec![ServiceRow::new("Providers", "not asked yet", Standing::Plain)];
        }
        self.service.tested.clone()
    }

    fn log_rows(&self) -> Vec<ServiceRow> {
        let Some(door) = &self.service.door else { return Vec::new() };
        // The newest first: that is what one looks for.
        let lines = door.machine.log(LOG_LINES).into_iter().rev();
        lines.map(|line| ServiceRow::new(String::new(), line, Standing::Plain)).collect()
    }

    fn machine_rows(&self) -> Vec<ServiceRow> {
        let status = self.status();
        let (hours, minutes) = (status.up_s / 3_600, status.up_s / 60 % 60);
        let mut rows = vec![
            ServiceRow::new("Kiosk", self.settings.machine.clone(), Standing::Plain),
            ServiceRow::new("Running for", format!("{hours} h {minutes} min"), Standing::Plain),
        ];
        rows.extend(self.service.door.as_ref().map(|door| door.machine.facts()).unwrap_or_default());
        rows
    }

    /// A receipt that is nobody's.
    pub(in crate::kiosk) fn test_receipt(&self, language: &str) -> Receipt {
        let local = self.clock.local(&self.clock.now());
        Receipt::test(TestReceipt {
            operator: self.settings.operator.clone(),
            machine: &self.settings.machine,
            language,
            local_time: format!("{} {}", crate::locale::date(local.date(), language), local.strftime("%H:%M %Z")),
            currency: self.settings.currency,
            tax_rate: self.settings.tax_rate,
        })
    }
}
