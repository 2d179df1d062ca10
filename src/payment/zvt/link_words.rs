//! The words between the link and the session.

use tokio::time::Instant;

/// What one of our messages is for the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A command: it stays due whatever the terminal says meanwhile.
    Command,
    /// A decision about the terminal's last message, repeated until it is acknowledged.
    Decision,
    /// `80 00` to a message that asked for no decision. It is **never repeated on silence**: if only its ACK was lost,
    /// the terminal has gone on, perhaps to an approval whose frame was lost in turn, and would take the repeat for
    /// "goods issued". It goes out once more only if the terminal says NAK at once, or its message again.
    Acknowledgement,
}

impl Role {
    /// Whether it answers the terminal's last message.
    #[must_use]
    pub fn answers(self) -> bool {
        self != Role::Command
    }
}

/// What the link has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// A message of the terminal, new, already acknowledged on the link.
    Received {
        /// Its APDU.
        apdu: Vec<u8>,
        /// When its last byte arrived.
        at: Instant,
    },
    /// Our message was acknowledged by the terminal's link layer. It proves nothing about its understanding.
    Delivered(Role),
    /// Our message was given up.
    Failed {
        /// What it was.
        role: Role,
        /// Why, for logs and cases.
        why: Failure,
    },
}

/// Why a message was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No ACK and no NAK, as often as allowed.
    #[error("no acknowledgement after every repeat")]
    Silence,
    /// NAK, as often as allowed.
    #[error("refused by the link (NAK) every time")]
    Refused,
    /// The terminal went on before it acknowledged our answer.
    #[error("the terminal went on without acknowledging the answer")]
    Overtaken,
}

/// Counters for diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounters {
    /// Frames received whole.
    pub frames: u64,
    /// Frames received broken, answered NAK.
    pub broken: u64,
    /// Repeats of the terminal that were recognised and not processed.
    pub repeats: u64,
    /// Our own repeats.
    pub resent: u64,
    /// Bytes outside frames that mean nothing.
    pub noise: u64,
}
