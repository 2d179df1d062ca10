//! Who stands before the terminal, and what their bank says.

use std::time::Duration;

/// What the cardholder does about the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The card wants none.
    NotAsked,
    /// Types it, wrongly at first so many times.
    Types {
        /// Time for each try.
        each: Duration,
        /// Wrong tries; three end the payment.
        wrong: u8,
    },
    /// Presses STOP at the prompt.
    Stops {
        /// After so long.
        after: Duration,
    },
    /// Walks away; the terminal gives up by itself.
    Leaves,
}

/// What the bank answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bank {
    /// Approved.
    Approves,
    /// The terminal approves by itself, without asking (payment type 40).
    ApprovesOffline,
    /// Approved, but only this much, in minor units.
    ApprovesOnly(u64),
    /// Declined.
    Declines {
        /// Result code.
        code: u8,
        /// The bank's sentence.
        text: String,
    },
    /// Cannot be reached (9B).
    Unreachable,
}

/// One visit of a cardholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cardholder {
    /// Time until the card is presented; never where absent.
    pub presents: Option<Duration>,
    /// The PIN.
    pub pin: Pin,
    /// The bank's answer.
    pub bank: Bank,
    /// How long the bank takes.
    pub latency: Duration,
    /// Last four digits of the card.
    pub last_four: u16,
    /// The card's product name.
    pub card: String,
    /// Held to the reader rather than inserted.
    pub contactless: bool,
}

impl Default for Cardholder {
    fn default() -> Cardholder {
        Cardholder {
            presents: Some(Duration::from_secs(2)),
            pin: Pin::NotAsked,
            bank: Bank::Approves,
            latency: Duration::from_secs(1),
            last_four: 4771,
            card: "Debit Mastercard".to_owned(),
            contactless: true,
        }
    }
}

impl Cardholder {
    /// Approved so long after the amount was asked.
    pub fn approved_after(time: Duration) -> Cardholder {
        let latency = Duration::from_secs(1).min(time);
        Cardholder { presents: Some(time - latency), latency, ..Cardholder::default() }
    }

    /// Declined by the bank.
    pub fn declined(code: u8, text: &str) -> Cardholder {
        Cardholder { bank: Bank::Declines { code, text: text.to_owned() }, ..Cardholder::default() }
    }

    /// Nobody comes.
    pub fn absent() -> Cardholder {
        Cardholder { presents: None, ..Cardholder::default() }
    }

    /// The same with another answer of the bank.
    #[must_use]
    pub fn with_bank(self, bank: Bank) -> Cardholder {
        Cardholder { bank, ..self }
    }

    /// The same, chip inserted, with a PIN.
    #[must_use]
    pub fn with_pin(self, pin: Pin) -> Cardholder {
        Cardholder { pin, contactless: false, ..self }
    }
}
