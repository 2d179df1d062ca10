//! Answers to the terminal's messages, and the guard around the one that keeps the money.
//!
//! `80 00 00` is the protocol's default answer *and* "goods issued" when the message is an approval of `06 01`. So the
//! two are made from two different values: [`Acknowledgement`] exists only for messages that are no such approval, and
//! [`Commit`] only for an order to commit (sale.md 2, "The commit byte"). No other code here writes `80 00`.

use super::apdu::Apdu;
use super::incoming::Incoming;
use crate::payment::Answer;

/// Leave to acknowledge one message, because acknowledging it keeps no money.
#[derive(Debug)]
pub struct Acknowledgement(());

impl Acknowledgement {
    /// For a message that comes outside any command of ours, or within a payment: every message but `04 0F`, and a
    /// `04 0F` only if it plainly says a refusal or is about the day.
    #[must_use]
    pub fn within_a_payment(message: &Incoming) -> Option<Acknowledgement> {
        match message {
            Incoming::Status(status) => {
                let refusal = status.transaction.result_code.is_some_and(|code| code != 0);
                (refusal || status.about_the_day).then_some(Acknowledgement(()))
            }
            _ => Some(Acknowledgement(())),
        }
    }

    /// For any message while `command` runs, if that is a command whose `04 0F` is evidence (sale.md 2) and the
    /// terminal has `accepted` it. Before that a `04 0F` may still be an older payment's.
    #[must_use]
    pub fn of_evidence(command: (u8, u8), accepted: bool) -> Option<Acknowledgement> {
        let evidence = matches!(command, (0x06, 0x10 | 0x20 | 0x23 | 0x24 | 0x25 | 0x30 | 0x31 | 0x50));
        (evidence && accepted).then_some(Acknowledgement(()))
    }

    /// `80 00 00`.
    #[must_use]
    pub fn apdu(self) -> Apdu {
        Apdu::bare(0x80, 0x00)
    }
}

/// Leave to say "goods issued".
#[derive(Debug)]
pub struct Commit(());

/// Makes the answer that an order asks for.
#[must_use]
pub fn decision(answer: Answer) -> Apdu {
    match answer {
        Answer::GoodsIssued => Commit(()).apdu(),
        Answer::NotYet => Apdu::bare(0x84, 0x9c),
        Answer::NotIssued => NOT_ISSUED,
    }
}

impl Commit {
    /// `80 00 00`: the commit byte.
    fn apdu(self) -> Apdu {
        Apdu::bare(0x80, 0x00)
    }
}

/// `84 6C 00`: not issued; the terminal reverses by itself.
pub const NOT_ISSUED: Apdu = Apdu::bare(0x84, 0x6c);
/// `84 83 00`: a message that we do not know.
pub const UNKNOWN_MESSAGE: Apdu = Apdu::bare(0x84, 0x83);
