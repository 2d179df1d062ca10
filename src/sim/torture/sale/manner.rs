//! What a provider does with what it is asked, and what of it went wrong.

use std::time::Duration;

/// A client gives up an answer after so long.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// What the provider does with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Sells, and answers after so long.
    Sells(Duration),
    /// Refuses after so long.
    Refuses(Duration),
    /// Cannot be reached.
    Unreachable,
    /// Sells at once, says so, and has the code after so long.
    SellsLater(Duration),
    /// Sells, and the answer is lost; nothing else is answered for so long after it.
    SellsUntold(Duration),
    /// The order is lost; nothing else is answered for so long after it.
    Loses(Duration),
    /// Delivers a profile that it has sold to an earlier traveller.
    Doubles,
}

impl Manner {
    /// Not what a provider does when all is well.
    pub(super) fn is_fault(self) -> bool {
        !matches!(self, Manner::Sells(after) if after < DEADLINE / 2)
    }
}

/// What of it went wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Struck {
    /// An order met another manner than a plain one.
    pub(super) manner: bool,
    /// So did a later good of an order.
    pub(super) second: bool,
    /// The end of a number's subscription did.
    pub(super) ends: bool,
    /// Somebody could not reach it at all.
    pub(super) offline: bool,
}

/// What the provider does when a number's subscription is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Ends it.
    Well,
    /// Ends it, and the first so many answers are lost.
    Untold(u8),
    /// Never does.
    Never,
}
