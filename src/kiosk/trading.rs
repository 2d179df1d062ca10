//! How the trade stands, for the operator: through the control socket and on the service screen.

use serde::{Deserialize, Serialize};

use crate::journal::outbox::Progress;
use crate::payment::TerminalHealth;
use crate::sale::id::{ProfileId, SaleNumber};
use crate::sale::{Goods, Money, Phase, Sale};

use super::Kiosk;
use super::inbox::Inbox;
use super::operator::OperatorAnswer;
use super::queue::counts_against_caps;
use super::session::Stage;

/// A sale that waits for the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// Its label.
    pub number: SaleNumber,
    /// Where its money is.
    pub money: Money,
    /// Where its first good is.
    pub goods: Goods,
    /// In minor units.
    pub amount_minor: i64,
    /// Until when it is promised, milliseconds since 1970, by the clock as it is now.
    pub promised_until_ms: i64,
}

/// How the trade stands. No code, no traveller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trading {
    /// How it sells: `open`, `stock_only`, …
    pub selling: serde_json::Value,
    /// Sales that are not closed.
    pub open_sales: usize,
    /// Cases that nobody has decided, of any sale: open, closed, or not to be read any more.
    pub open_cases: usize,
    /// What did not agree at ends of day, and nobody has settled.
    pub differences: Vec<String>,
    /// The queue, oldest first.
    pub queue: Vec<Queued>,
    /// The outbox.
    pub outbox: Progress,
    /// Items of the stock that anybody may buy, and all that are not sold or retired.
    pub stock_for_sale: usize,
    /// All that are not sold or retired.
    pub stock: usize,
    /// An end of day is under way.
    pub day_ends: bool,
    /// Why the journal may not be the newest.
    pub estranged: Option<String>,
}

fn queued(sale: &Sale) -> Queued {
    let from = sale.promised_at().wall_ms;
    let promised = i64::try_from(sale.quote.promised_ms.unwrap_or(0)).unwrap_or(i64::MAX);
    Queued {
        number: sale.quote.number.clone(),
        money: sale.payment.money,
        goods: sale.goods[0].state,
        amount_minor: sale.quote.amount.minor,
        promised_until_ms: from.saturating_add(promised),
    }
}

/// Between Authorising and HandingOver, or releasing. One that is handed over already, or whose traveller is gone and
/// comes back with the claim code, is not.
fn must_not_be_left(sale: &Sale) -> bool {
    match sale.phase() {
        Phase::Chosen
        | Phase::Authorising
        | Phase::Ordering
        | Phase::Fetching
        | Phase::Committing
        | Phase::Releasing => true,
        Phase::HandingOver => !sale.traveller_gone && !sale.goods.iter().all(|good| good.exposed),
        Phase::Queued | Phase::Doubtful | Phase::Closed => false,
    }
}

impl Kiosk {
    /// How the trade stands.
    pub(super) fn trading(&mut self) -> OperatorAnswer {
        let outbox = match self.journal.outbox_progress() {
            Ok(outbox) => outbox,
            Err(error) => {
                self.journal_failed(error);
                return OperatorAnswer::refused("the journal failed");
            }
        };
        let now = self.clock.now();
        let days = i64::from(self.settings.trade.stock_days_left);
        let status = Trading {
            selling: serde_json::to_value(self.health.selling()).unwrap_or_default(),
            open_sales: self.sales.values().filter(|sale| sale.closed.is_none()).count(),
            open_cases: self.undecided.cases.len(),
            differences: self.undecided.differences.clone(),
            queue: self.sales.values().filter(|sale| counts_against_caps(sale)).map(queued).collect(),
            outbox,
            stock_for_sale: self.stock.iter().filter(|item| item.is_for_sale(now, days)).count(),
            stock: self.stock.len(),
            day_ends: self.health.day_ends,
            estranged: self.journal.estranged().map(str::to_owned),
        };
        let text = format!(
            "{} open sales, {} open cases, {} in the queue, {} for the back office, {} of {} in stock for sale",
            status.open_sales,
            status.open_cases,
            status.queue.len(),
            status.outbox.waiting,
            status.stock_for_sale,
            status.stock
        );
        OperatorAnswer { value: serde_json::to_value(&status).unwrap_or_default(), ..OperatorAnswer::done(text) }
    }

    /// Whether a restart now would meet a sale between the card and the traveller's hand, or money on its way back.
    /// What waits for days (a queue, a claim, a case) is no reason: it is in the journal.
    pub(super) fn may_restart(&self) -> OperatorAnswer {
        let moves = self.nothing_moves();
        if moves.ok && !matches!(self.session.stage, Stage::Attract) {
            return OperatorAnswer::refused("a traveller stands at the screen: ask again");
        }
        moves
    }

    /// As [`Kiosk::may_restart`], whoever stands at the screen: the operator at the service screen, mostly.
    pub(super) fn nothing_moves(&self) -> OperatorAnswer {
        let moving = self.sales.values().filter(|sale| must_not_be_left(sale)).count();
        if moving > 0 {
            return OperatorAnswer::refused(format!(
                "{moving} sales are between the card and the hand-over: ask again"
            ));
        }
        if self.health.day_ends {
            return OperatorAnswer::refused("the terminal's day is being closed: ask again");
        }
        OperatorAnswer::done("no sale is under way")
    }

    /// Whether this event ends the program. It is decided in the same step in which it is taken: no traveller and no
    /// card comes between the look and the end.
    pub(super) fn ends_with(&self, event: &Inbox) -> bool {
        match event {
            Inbox::Stop => true,
            Inbox::StopWhenQuiet(_) => self.may_restart().ok,
            _ => false,
        }
    }

    /// Whether the card terminal has answered the last time it was asked, and to settings that it takes: a slot of the
    /// machine is called good by this, and one in whose hands no card can be paid is not.
    pub(super) fn terminal_answers(&self) -> OperatorAnswer {
        match self.health.terminal {
            TerminalHealth::Silent | TerminalHealth::PortLost { .. } => {
                OperatorAnswer::refused("the card terminal does not answer: look at its cable and its power")
            }
            TerminalHealth::Misconfigured { .. } => OperatorAnswer::refused(
                "the card terminal answers, but refuses how it is set up: look at [terminal] in the configuration",
            ),
            TerminalHealth::Busy if !self.health.terminal_heard => {
                OperatorAnswer::refused("the card terminal has not answered yet: ask again")
            }
            TerminalHealth::Ready | TerminalHealth::Busy | TerminalHealth::NeedsCare { .. } => {
                OperatorAnswer::done("the card terminal answers")
            }
        }
    }

    /// An operator has looked at the provider's: this profile was never used.
    pub(super) fn prove_stock(&mut self, profile: ProfileId) -> OperatorAnswer {
        if !self.stock.iter().any(|item| item.profile == profile && item.unproven) {
            return OperatorAnswer::refused("it is not in stock, or it is proven already");
        }
        if let Err(error) = self.journal.stock_proven(profile) {
            let text = super::chain(&error);
            self.journal_failed(error);
            return OperatorAnswer::refused(text);
        }
        self.read_stock();
        OperatorAnswer::done("it may be sold")
    }
}
