//! What the archive tells in lists.

use serde::Serialize;

use crate::sale::id::SaleId;

/// A sale in a list: what the journal computes beside the entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SaleRow {
    /// Its label.
    pub number: String,
    /// Its id.
    pub id: SaleId,
    /// When it was chosen, milliseconds since 1970, UTC.
    pub opened_ms: i64,
    /// When it closed.
    pub closed_ms: Option<i64>,
    /// How it closed.
    pub closed: Option<String>,
    /// Where it is, for the traveller.
    pub phase: String,
    /// Where the money is.
    pub money: String,
    /// Where each good is.
    pub goods: Vec<String>,
    /// Cases that nobody has decided.
    pub open_cases: u32,
    /// What was asked of the card, in minor units.
    pub amount_minor: i64,
    /// In which currency.
    pub currency: String,
    /// Last four digits of the card.
    pub last4: Option<String>,
    /// The terminal's receipt number.
    pub receipt: Option<String>,
}

/// What is left of a sale whose records went with the years, or cannot be read any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// Terminal id, receipt and trace under which it was paid.
    pub receipt: Option<(String, String, String)>,
    /// Account and name of its orders there.
    pub orders: Vec<(String, String)>,
}

/// Which sales are wanted; everything that is named must fit.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// This one alone.
    pub id: Option<SaleId>,
    /// With something left to do, or a case.
    pub open: bool,
    /// Chosen at or after this time, milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Chosen before this time.
    pub to_ms: Option<i64>,
    /// Of this amount in minor units.
    pub amount_minor: Option<i64>,
    /// Paid by a card that ends so.
    pub last4: Option<String>,
    /// At most so many, the newest first.
    pub limit: Option<u32>,
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseRow {
    /// The sale's label.
    pub number: String,
    /// Which case of the sale, from 0.
    pub place: u32,
    /// What it is about.
    pub kind: String,
    /// What is known.
    pub evidence: String,
    /// Since when, milliseconds since 1970.
    pub opened_ms: i64,
    /// Until when somebody must have looked.
    pub due_ms: i64,
    /// What was decided.
    pub decision: Option<String>,
    /// Who, why, by what witness.
    pub reason: Option<String>,
}

/// What lies in stock, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StockCount {
    /// Free, reserved, sold, cancelling or retired.
    pub state: String,
    /// How many.
    pub count: u64,
}

/// An item of the stock in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StockRow {
    /// Its name.
    pub profile: String,
    /// Free, reserved, sold, cancelling or retired.
    pub state: String,
    /// What it is.
    pub title: String,
    /// The account that sold it to us.
    pub provider: String,
    /// The plan there.
    pub plan: String,
    /// The provider's name of the order.
    pub order: Option<String>,
    /// The sale whose claim code it is kept for.
    pub kept_for: Option<String>,
    /// Not for sale until the provider says that it was never used.
    pub unproven: bool,
    /// Until when it can be installed, milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// When it last changed.
    pub changed_ms: i64,
}

/// A reckoning that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReckoningRow {
    /// When, milliseconds since 1970.
    pub made_ms: i64,
    /// The last end of day before it.
    pub day: u64,
    /// Everything agreed.
    pub balanced: bool,
    /// The whole of it.
    pub json: String,
}
