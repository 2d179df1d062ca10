//! The operator's own screen, behind a gesture and a PIN. Fixed words live in `ui/`; what a device is found to be is
//! told in the operator's English, as the command line tells it.

use std::sync::Arc;

use serde::Serialize;

/// What the service screen shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceDesk {
    /// Which page.
    pub page: ServicePage,
    /// What is known, one fact a row.
    pub rows: Arc<[ServiceRow]>,
    /// What may be ordered on this page, in this order.
    pub acts: Arc<[ServiceAct]>,
    /// The last order's answer.
    pub answer: Option<ServiceAnswer>,
    /// An order is being carried out.
    pub working: bool,
    /// This order wants a second touch.
    pub asks: Option<ServiceAct>,
}

/// The parts of the service screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServicePage {
    /// Terminal, printer, network, clock.
    Devices,
    /// Selling, queue, cases, stock.
    Trade,
    /// Who answers over the network, and how fast.
    Network,
    /// The last lines of the log, without secrets.
    Log,
    /// Brightness, and whether every spot of the glass is felt.
    Display,
    /// Version, running time, restart, switching off.
    Machine,
}

/// What an operator may order standing before the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceAct {
    /// Print a test receipt.
    PrintTest,
    /// Close the terminal's day.
    EndOfDay,
    /// Ask the card terminal for its state and software.
    AskTerminal,
    /// Close the machine for travellers.
    Close,
    /// Open it again.
    Open,
    /// Fetch the offers.
    RefreshCatalogue,
    /// Ask every provider.
    TestNetwork,
    /// A brighter screen.
    Brighter,
    /// A darker one.
    Darker,
    /// Start the program anew.
    Restart,
    /// Switch the machine off so that the power may go.
    PowerOff,
}

impl ServiceAct {
    /// It interrupts the trade or cannot be taken back: a second touch is asked for.
    pub fn asks_again(self) -> bool {
        matches!(self, ServiceAct::EndOfDay | ServiceAct::Close | ServiceAct::Restart | ServiceAct::PowerOff)
    }
}

/// How a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A fact.
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look soon.
    Care,
    /// It keeps from selling.
    Bad,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceRow {
    /// Of what.
    pub of: String,
    /// What.
    pub fact: String,
    /// How it stands.
    pub standing: Standing,
}

impl ServiceRow {
    /// A fact.
    pub fn new(of: impl Into<String>, fact: impl Into<String>, standing: Standing) -> Self {
        ServiceRow { of: of.into(), fact: fact.into(), standing }
    }
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceAnswer {
    /// It is done, or begun.
    pub ok: bool,
    /// In words.
    pub text: String,
}

/// What is wrong with a typed PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PinProblem {
    /// It is not the one.
    Wrong,
    /// Too many were: nobody is let in for a while.
    LockedOut,
    /// The machine cannot read what it must be compared with: the log says why.
    Unreadable,
}
