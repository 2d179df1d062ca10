//! What the kiosk did wrong on the wire. A test that drives a healthy line wants every counter at zero.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// A rule of the protocol that the kiosk broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// A command while the terminal is master (other than the abort and the status enquiry).
    CommandWhileMaster,
    /// An authorisation while a payment is open.
    AuthorisationWhileOpen,
    /// No ACK within T2 for any of the three transmissions.
    MissingAck,
    /// No answer within T3.
    NoAnswer,
    /// An answer that nobody waited for.
    StrayAnswer,
    /// A field that the table does not know.
    UnknownField,
    /// A length that does not fit: of the message, of a field, of a container.
    WrongLength,
    /// Digits where none are, amounts that are none.
    WrongFormat,
    /// A container in an answer though none was ever offered, or a message id that was not agreed.
    TlvBeforeActivation,
    /// A message id that is not the expected one.
    WrongMessageId,
    /// A command without the password that it needs, or with a wrong one.
    Password,
    /// A command that the protocol does not know.
    UnknownCommand,
    /// A frame with a wrong checksum or broken stuffing.
    DamagedFrame,
    /// A pause inside a frame longer than T1.
    BrokenFrame,
    /// Bytes outside of any frame.
    StrayByte,
    /// A single ACK or NAK that nothing asked for.
    StrayAck,
    /// The port is not set to 8 data bits, no parity, two stop bits, raw.
    LineSettings,
    /// The port's speed is not the terminal's.
    LineSpeed,
    /// An authorisation without an amount.
    AmountMissing,
    /// An answer other than yes to a message that must be taken.
    RefusedMessage,
    /// A print line or block was refused.
    RefusedPrint,
    /// A message of the terminal that carried no decision was answered "not yet".
    MisplacedWait,
    /// "Goods issued" was said to an approval of a payment that the kiosk never asked for.
    StrangeApprovalTaken,
    /// Card data in a command.
    CardData,
}

/// Counts violations; clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct Strictness(Arc<Mutex<BTreeMap<Violation, u32>>>);

impl Strictness {
    pub(super) fn count(&self, violation: Violation) {
        tracing::debug!(?violation, "the kiosk broke a rule of the line");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(violation).or_default() += 1;
    }

    pub(super) fn count_stray(&self, byte: u8) {
        tracing::debug!(byte, "a byte outside of any frame");
        self.count(Violation::StrayByte);
    }

    /// All counters that are not zero.
    pub fn counts(&self) -> BTreeMap<Violation, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One counter.
    pub fn of(&self, violation: Violation) -> u32 {
        self.counts().get(&violation).copied().unwrap_or(0)
    }

    /// Starts again from zero.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
