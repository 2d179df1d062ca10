//! The one queue: everything that happens to a kiosk arrives here, one after the other.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Snapshot};
use crate::esim::{LookUp, OrderOutcome, Outcome, PriceCheck};
use crate::money::Exact;
use crate::payment::TerminalEvent;
use crate::printer::{PrintOutcome, PrinterState};
use crate::sale::id::SaleId;
use crate::sale::offer::{Offer, ProviderId};

use super::operator::{OperatorAnswer, OperatorCommand};
use super::view::Intent;

/// Something that happened.
#[derive(Debug)]
pub enum Inbox {
    /// The traveller wishes.
    Intent(Intent),
    /// The terminal says.
    Terminal(TerminalEvent),
    /// A provider answered an order or a fetch.
    Ordered {
        /// The sale.
        sale: SaleId,
        /// Which good.
        good: u8,
        /// The answer.
        outcome: OrderOutcome,
    },
    /// A provider answered a look-up.
    LookedUp {
        /// The sale.
        sale: SaleId,
        /// Which good.
        good: u8,
        /// The answer.
        found: LookUp,
    },
    /// Price and wallet were read again for the session that touched Pay.
    Priced(Box<Priced>),
    /// The price of a plan that a traveller looks at was read again.
    Reread(Box<Reread>),
    /// The time for a question to the terminal has come.
    Ask {
        /// The sale.
        sale: SaleId,
        /// Which question.
        question: Question,
    },
    /// The printer was looked at.
    Printer(PrinterState),
    /// A receipt is on its way to the printer.
    PaperSent {
        /// Whose.
        sale: SaleId,
    },
    /// A receipt ended.
    Printed {
        /// Whose.
        sale: SaleId,
        /// How.
        outcome: PrintOutcome,
    },
    /// Fresh offers.
    Catalogue(std::sync::Arc<Catalogue>, Box<Snapshot>),
    /// A provider answered something, or did not.
    Provider {
        /// The account.
        provider: ProviderId,
        /// It answered.
        answered: bool,
        /// Its wallet, where that was asked.
        balance: Option<Exact>,
    },
    /// A provider's fresh list of plans was believed, or why not.
    Listed {
        /// The account.
        provider: ProviderId,
        /// Why the last good list stays.
        refused: Option<String>,
    },
    /// The back office answered, or did not.
    Posted {
        /// The outbox number.
        number: u64,
        /// What became of the parcel.
        taken: crate::office::Taken,
    },
    /// An operator orders.
    Operator(OperatorCommand),
    /// Somebody asks how the kiosk is.
    Look(tokio::sync::oneshot::Sender<super::status::Status>),
    /// An operator orders, and waits for an answer.
    Order {
        /// What.
        command: OperatorCommand,
        /// Where the answer goes.
        answer: tokio::sync::oneshot::Sender<OperatorAnswer>,
    },
    /// What was asked for a duty beside the sales was answered.
    Duty(Box<super::purchases::Duty>),
    /// What was asked for a basket, a top-up or a number was answered.
    Shop(Box<super::wanted::ShopNews>),
    /// Something that the service screen waits for.
    Serviced(super::service_screen::ServiceNews),
    /// What an operator had the terminal do has ended.
    Errand(Box<super::errands::Errand>),
    /// The watchdog asks whether the loop is alive; the journal is asked in turn.
    Ping(tokio::sync::oneshot::Sender<Pong>),
    /// The end of the program was asked for.
    Stop,
    /// The end of the program was asked for, if a restart meets nobody at this moment. No answer: it ends now; a
    /// refusal: it goes on, and the reason is told.
    StopWhenQuiet(tokio::sync::oneshot::Sender<OperatorAnswer>),
}

/// The loop is alive, and so far the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pong {
    /// The version of the last picture that the screen has drawn.
    pub drawn: u64,
    /// The version of the last picture that was sent.
    pub sent: u64,
    /// The journal took a write just now.
    pub journal: bool,
}

/// Price and wallet, read again.
#[derive(Debug)]
pub struct Priced {
    /// The session that asked.
    pub session: u64,
    /// What was offered on the screen.
    pub offer: Offer,
    /// Its price now.
    pub price: Outcome<PriceCheck>,
    /// The wallet now.
    pub balance: Outcome<Exact>,
    /// The wallets now of the accounts that would be next, where an order has no other witness.
    pub others: BTreeMap<ProviderId, Exact>,
}

/// The price of one plan, read again.
#[derive(Debug)]
pub struct Reread {
    /// What the screen offered.
    pub offer: Offer,
    /// Its price now.
    pub price: Outcome<PriceCheck>,
}

/// A question to the terminal about a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Was the card charged?
    Charged,
    /// Is the reversal done?
    Reversed,
}
