//! What the loop does for its journal when nobody is in the way: the stock as it stands, the outbox, tidying; and the
//! state in which the journal may not be the newest (sale.md 11).

use tracing::{error, info, warn};

use crate::payment::TerminalHealth;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::record::{Entry, Record};
use crate::sale::{Lock, Money, Sale};

use super::Kiosk;
use super::session::Stage;
use super::view::{OutOfService, Selling};

/// Between two readings of the stock in which nothing happened, in ms: reservations run out.
const STOCK_MS: u64 = 30_000;
/// Every so many ticks a sale that waits is told one.
const SLOW_TICKS: u64 = 16;
/// Between two tidyings, in ms.
const TIDY_MS: u64 = 10 * 60_000;

impl Kiosk {
    /// Whether this journal may not be the newest.
    pub(super) fn is_estranged(&self) -> bool {
        self.journal.estranged().is_some()
    }

    /// Something outside is ahead of this journal: every open sale becomes a case, and nothing is done by itself.
    pub(super) fn estrange(&mut self, why: &str) {
        if self.is_estranged() {
            return;
        }
        error!(why, "this journal may not be the newest: sales stop until it is adopted");
        if let Err(error) = self.journal.estrange(why) {
            return self.journal_failed(error);
        }
        let open: Vec<SaleId> = self.sales.values().filter(|sale| sale.closed.is_none()).map(|sale| sale.id).collect();
        let since = self.journal.estranged_in();
        for id in open {
            self.tell(id, &Event::Estranged { why: why.to_owned(), since });
        }
        self.read_stock();
        self.freshen_health();
    }

    /// Whether this tick is told to this sale: to one whose payment is being made, and to the one in front, always; to
    /// the others, which wait for hours, each in its turn.
    pub(super) fn is_due(&self, sale: &Sale) -> bool {
        let being_paid =
            matches!(sale.payment.money, Money::Asked | Money::Held | Money::Committing | Money::Releasing);
        let in_front = matches!(self.session.stage, Stage::Sale(id) if id == sale.id);
        let turn = sale.id.to_u128() % u128::from(SLOW_TICKS) == u128::from(self.ticks % SLOW_TICKS);
        !self.is_estranged() && (being_paid || in_front || turn)
    }

    /// On every tick: what waits for a quiet moment.
    pub(super) fn look_after(&mut self) {
        let now = self.clock.now();
        if let Some(by_ms) = self.clock.stepped() {
            warn!(
                by_s = by_ms / 1_000,
                "the clock on the wall was set: ages across restarts count again in 10 minutes"
            );
            if let Err(error) = self.journal.clock_stepped(by_ms, now) {
                return self.journal_failed(error);
            }
        }
        if self.stock_read_at.is_none_or(|at| now.since(&at).is_none_or(|age| age >= STOCK_MS)) {
            self.read_stock();
        }
        self.post();
        self.follow_day();
        self.follow_purchases();
        let due = now.since(&self.tidied_at).is_none_or(|age| age >= TIDY_MS);
        if due && self.is_quiet() {
            self.tidied_at = now;
            match self.journal.tidy(now) {
                Ok(0) => {}
                Ok(wiped) => info!(wiped, "activation codes of old sales were wiped"),
                Err(error) => self.journal_failed(error),
            }
        }
    }

    /// Nobody is in front, and no card is being asked.
    fn is_quiet(&self) -> bool {
        let asked = |sale: &Sale| {
            matches!(sale.payment.money, Money::Asked | Money::Held | Money::Committing | Money::Releasing)
        };
        self.session.stage == Stage::Attract && !self.sales.values().any(asked)
    }

    /// Reads the stock from the journal.
    pub(super) fn read_stock(&mut self) {
        let now = self.clock.now();
        match self.journal.stock(now) {
            Ok(stock) => {
                self.stock = stock;
                self.stock_read_at = Some(now);
            }
            Err(error) => self.journal_failed(error),
        }
    }

    /// A step has moved something into, out of or within the stock.
    pub(super) fn stock_changed(&mut self, record: &[Entry], takes: &[Lock], gives: &[Lock]) {
        let moved = takes.iter().chain(gives).any(|lock| matches!(lock, Lock::StockItem(_)))
            || record.iter().any(|entry| matches!(entry.record, Record::ToStock { .. }));
        if moved {
            self.stock_read_at = None;
        }
    }

    /// Whether what lies in stock can be sold although `reason` stands in the way of everything else.
    pub(super) fn may_sell_stock(&self, reason: OutOfService) -> bool {
        // The terminal itself is well right before an end of day: only orders wait.
        let late = self.health.only_stock && !self.health.day_ends && self.health.terminal == TerminalHealth::Ready;
        matches!(reason, OutOfService::Network | OutOfService::Catalogue)
            || late && reason == OutOfService::TerminalBusy
    }

    /// Whether the truth about this sale comes with an eSIM that can be paid now.
    pub(super) fn can_buy_kept(&self, sale: &Sale) -> bool {
        let open = match self.health.selling() {
            Selling::Paused(reason) => self.may_sell_stock(reason),
            Selling::Open | Selling::WithoutPaper | Selling::StockOnly => true,
        };
        open && !self.kept_for(sale).is_empty()
    }
}
