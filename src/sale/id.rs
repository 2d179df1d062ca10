//! Names of sales, goods and profiles. Ids are ULIDs; the number on the receipt is only a label (sale.md 1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use ulid::Ulid;

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Ulid);

        impl $name {
            /// From 128 bits: 48 of milliseconds since 1970, 80 random. The caller has the clock and the randomness.
            pub fn from_parts(unix_ms: u64, random: u128) -> Self {
                $name(Ulid::from_parts(unix_ms, random))
            }

            /// The 128 bits.
            pub fn to_u128(self) -> u128 {
                self.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Ulid::from_string(text).map($name).map_err(|_| NotAnId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// The text is not a ULID of 26 letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 26 letters and digits are expected")]
pub struct NotAnId;

ulid_id!(
    /// One sale, made at `Chosen`.
    SaleId
);
ulid_id!(
    /// One stored eSIM profile; its code is in the journal's sealed table alone.
    ProfileId
);
ulid_id!(
    /// One case: evidence that a person must weigh.
    CaseId
);

/// One good of a sale, by its place in the list. Provider references and idempotency keys derive from it, never
/// from an attempt or a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GoodKey {
    /// The sale.
    pub sale: SaleId,
    /// Place in the list, from 0.
    pub index: u8,
}

impl GoodKey {
    /// The order's own reference at a provider: at most 30 characters of `[A-Z0-9-]`, the same for ever.
    pub fn reference(&self) -> String {
        format!("{}-{}", self.sale, self.index)
    }
}

/// The label of a sale that people read and say: machine, dash, six digits (`K07-000123`). It opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SaleNumber(pub String);

impl SaleNumber {
    /// The label of the `count`-th sale of `machine`.
    pub fn of(machine: &str, count: u64) -> Self {
        SaleNumber(format!("{machine}-{count:06}"))
    }
}

impl fmt::Display for SaleNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
