//! What the loop tells about itself to operators: no sale's data, no traveller's.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::money::Exact;
use crate::payment::TerminalHealth;
use crate::printer::{PrinterFault, PrinterState};
use crate::sale::Money;

use super::Kiosk;
use super::view::{OutOfService, Selling};

/// The kiosk as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The clock was set by a server.
    pub clock_synced: bool,
    /// Which run of the program.
    pub run: u64,
    /// Seconds since its start.
    pub up_s: u64,
    /// `open`, `without paper`, `stock only` or `paused`.
    pub selling: &'static str,
    /// Why it is paused.
    pub reason: Option<OutOfService>,
    /// Why it would be paused if the operator had not closed it.
    pub reason_unlocked: Option<OutOfService>,
    /// `ready`, `busy`, `needs care (9C)`, `misconfigured`, `silent`, `port lost`.
    pub terminal: String,
    /// `ready`, `paper low`, or the fault.
    pub printer: String,
    /// A provider answers.
    pub online: bool,
    /// There is something to sell.
    pub catalogue: bool,
    /// The journal took its last write.
    pub journal: bool,
    /// The operator closed the machine.
    pub locked: bool,
    /// When the service screen was shut because of wrong codes, in milliseconds since 1970, as long as that is news.
    pub shut_out_since_ms: Option<i64>,
    /// The accounts at the providers.
    pub accounts: Vec<AccountStatus>,
    /// Sales that are not over.
    pub open_sales: usize,
    /// Sales of which it is not known whether the card was charged.
    pub doubtful: usize,
    /// Sales with another case that a person must decide, closed ones and those that cannot be read any more among them.
    pub cases: usize,
    /// What did not agree at ends of day, and nobody has settled.
    pub differences: usize,
    /// This journal may not be the newest: nothing is sold until somebody adopts it.
    pub estranged: bool,
    /// What is wrong with the end of the terminal's day, in words.
    pub day_trouble: Option<&'static str>,
    /// Finished sales that the back office does not take.
    pub office_refuses: usize,
    /// A traveller chooses, pays or is being handed over to, money goes back, or the terminal's day is being closed.
    /// What waits for days (a queue, a claim, a doubtful payment) is in the journal and keeps nobody busy.
    pub busy: bool,
    /// What the screen shows.
    pub screen: &'static str,
    /// Sales that ended since the start, by how.
    pub closed: BTreeMap<String, u64>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountStatus {
    /// Its name.
    pub name: String,
    /// Its wallet, where it is known.
    pub balance: Option<Exact>,
    /// It answered the last time.
    pub answers: bool,
    /// Its limits, its breaker, our credentials and our clock by its own.
    pub health: crate::esim::pace::Health,
    /// Why its fresh list of plans was not believed, where the last good one is still in use.
    pub list_refused: Option<String>,
}

impl AccountStatus {
    /// What stands in the way of selling from it, in words; nothing where it sells.
    pub fn trouble(&self) -> Option<String> {
        let health = &self.health;
        let what = match () {
            () if health.credentials_refused => "our key or password is refused".to_owned(),
            () if health.limited_s.is_some() => {
                format!("its limit of requests, {} s more", health.limited_s.unwrap_or(0))
            }
            () if health.broken_s.is_some() => {
                let last = health.last_failure.as_deref().unwrap_or("no answer");
                format!("it failed too often, pause of {} s ({last})", health.broken_s.unwrap_or(0))
            }
            () if !health.sells && health.clock_unset => "our clock was not set yet: nothing is signed".to_owned(),
            () if !health.sells => format!("our clock is {} s ahead of its", health.clock_ahead_s.unwrap_or(0)),
            () if !self.answers => "it does not answer".to_owned(),
            () => return None,
        };
        Some(what)
    }
}

impl Kiosk {
    /// The kiosk as it is now.
    pub(super) fn status(&self) -> Status {
        let now = self.clock.now();
        let told = |selling| match selling {
            Selling::Open => ("open", None),
            Selling::WithoutPaper => ("without paper", None),
            Selling::StockOnly => ("stock only", None),
            Selling::Paused(reason) => ("paused", Some(reason)),
        };
        let (selling, reason) = told(self.health.selling());
        let (_, reason_unlocked) = told(self.health.selling_unlocked());
        Status {
            at_ms: now.wall_ms,
            clock_synced: now.synced,
            run: now.run,
            up_s: now.since(&self.started_at).unwrap_or(0) / 1_000,
            selling,
            reason,
            reason_unlocked,
            terminal: terminal(&self.health.terminal),
            printer: printer(&self.health.printer),
            online: self.health.online,
            catalogue: self.health.catalogue,
            journal: self.health.journal,
            locked: self.health.closed.is_some(),
            shut_out_since_ms: self.shut_out_since(),
            accounts: self.account_statuses(),
            open_sales: self.sales.values().filter(|sale| sale.closed.is_none()).count(),
            doubtful: self.sales.values().filter(|sale| sale.payment.money == Money::Unknown).count(),
            cases: self.undecided.sales(),
            differences: self.undecided.differences.len(),
            estranged: self.is_estranged(),
            day_trouble: self.day.trouble(),
            office_refuses: self.post.refused(),
            busy: !self.may_restart().ok,
            screen: self.views.borrow().name(),
            closed: self.closed_count.clone(),
        }
    }
}

fn terminal(health: &TerminalHealth) -> String {
    match health {
        TerminalHealth::Ready => "ready".to_owned(),
        TerminalHealth::Busy => "busy".to_owned(),
        TerminalHealth::NeedsCare { status } => format!("needs care ({status:02X})"),
        TerminalHealth::Misconfigured { .. } => "misconfigured".to_owned(),
        TerminalHealth::Silent => "silent".to_owned(),
        TerminalHealth::PortLost { .. } => "port lost".to_owned(),
    }
}

fn printer(state: &PrinterState) -> String {
    match state {
        PrinterState::Ready { paper_low: false } => "ready",
        PrinterState::Ready { paper_low: true } => "paper low",
        PrinterState::Faulty(PrinterFault::Absent) => "absent",
        PrinterState::Faulty(PrinterFault::PaperOut) => "paper out",
        PrinterState::Faulty(PrinterFault::CoverOpen) => "cover open",
        PrinterState::Faulty(PrinterFault::Cutter) => "cutter stuck",
        PrinterState::Faulty(PrinterFault::Overheated) => "overheated",
        PrinterState::Faulty(PrinterFault::Unrecoverable) => "needs a technician",
        PrinterState::Faulty(PrinterFault::Offline) => "offline",
        PrinterState::Faulty(PrinterFault::Garbage) => "not understood",
        PrinterState::Faulty(PrinterFault::Stuck) => "stuck",
    }
    .to_owned()
}
