//! What is sold: a new eSIM, a top-up, a number; from a provider's account or from stock.

use serde::{Deserialize, Serialize};

use crate::money::{Amount, Exact, Rate};
use crate::sale::activation::Iccid;
use crate::sale::id::ProfileId;

/// An account at a provider, as the configuration names it: `mobilexy`, `roamify`, …
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderId(pub String);

impl std::fmt::Display for ProviderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A plan's key at its provider, opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanKey(pub String);

/// A provider's own name for an order, opaque.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderReference(pub String);

/// How much data a plan carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataVolume {
    /// So many bytes in all.
    Bytes(u64),
    /// So many bytes a day at full speed, then slow until the next day.
    BytesPerDay(u64),
    /// No limit that the provider states.
    Unlimited,
}

/// What kind of good is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A new eSIM: can be stored, stocked, queued, claimed later.
    Esim,
    /// More data on an eSIM that the traveller has: used up when ordered.
    TopUp {
        /// The eSIM that is topped up.
        iccid: Iccid,
    },
    /// A telephone number for one period.
    Number {
        /// The provider's token for the number that was chosen; it lives minutes.
        offer_token: String,
    },
}

/// Where a good comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Ordered from a provider's account during the sale.
    Provider,
    /// A profile bought before, reserved for this sale.
    Stock {
        /// The item.
        profile: ProfileId,
    },
}

/// One good as it was offered and quoted: everything that the order, the screen and the receipt need, fixed at `Chosen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// eSIM, top-up or number.
    pub kind: Kind,
    /// Provider or stock.
    pub source: Source,
    /// The account that sells it to us.
    pub provider: ProviderId,
    /// The plan there.
    pub plan: PlanKey,
    /// The second key that some providers want for the same plan (package code, slug).
    #[serde(default)]
    pub package_code: Option<String>,
    /// The plan's name, in the language of the sale, for screen and paper: "Japan 5 GB, 30 days".
    pub title: String,
    /// How much data.
    pub data: DataVolume,
    /// Days from first use.
    pub days: u16,
    /// What the provider asks, exactly, in its currency.
    pub cost: Exact,
    /// The rate that turned the cost into the terminal's currency.
    pub rate: Rate,
    /// What the traveller pays for this good, tax included.
    pub retail: Amount,
    /// The catalogue's version that was on the screen.
    pub catalogue_version: u64,
    /// The provider is known to be slow with this plan: it is sold from stock only (sale.md 3).
    #[serde(default)]
    pub slow: bool,
}
