//! What a journal keeps and tells beside whole sales.

use serde::{Deserialize, Serialize};

use crate::sale::Sale;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::{PlanKey, ProviderId};
use crate::sale::transaction::Totals;

/// An end of day under way: a barrier for cards until it is over (sale.md 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayEnding {
    /// When it was begun.
    pub since: Moment,
    /// How often `06 50` was sent.
    pub tries: u32,
    /// `06 50` was sent, and what became of it is not on disk.
    pub sent: bool,
    /// The terminal's totals before it was sent.
    pub totals: Option<Totals>,
}

/// A plan that the operator took off sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffSale {
    /// The account.
    pub provider: ProviderId,
    /// The plan there.
    pub plan: PlanKey,
    /// Why.
    pub reason: String,
    /// Since when, in milliseconds of the wall clock.
    pub since_ms: i64,
}

/// A case that nobody has decided, of any sale: open, closed, or not to be read any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCase {
    /// The sale's label.
    pub number: String,
    /// Which case of the sale.
    pub place: u8,
    /// What it is about.
    pub kind: String,
    /// The sale can be read, and it is not known whether its card was charged.
    pub doubtful: bool,
}

/// The sales of a day of the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaySales {
    /// Those that can be read, oldest first.
    pub sales: Vec<Sale>,
    /// Those that cannot, and that may belong to it.
    pub unreadable: Vec<UnreadableSale>,
}

/// A sale that cannot be read any more, by the row that lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableSale {
    /// Its id.
    pub id: SaleId,
    /// Its label.
    pub number: String,
    /// What was asked of the card, in minor units.
    pub amount_minor: i64,
    /// What is wrong with it.
    pub why: String,
}

/// A reckoning, as it is kept with the end of day that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// When it was made, milliseconds since 1970.
    pub made_ms: i64,
    /// Everything agreed.
    pub balanced: bool,
    /// The whole of it.
    pub json: &'a str,
}
