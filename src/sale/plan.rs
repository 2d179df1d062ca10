//! A plan as a provider offers it: what clients hand to the catalogue.

use serde::{Deserialize, Serialize};

use crate::money::Exact;
use crate::sale::offer::{DataVolume, PlanKey};

/// A plan as its provider offers it, mapped but not yet priced, merged or named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderPlan {
    /// Key for buying.
    pub key: PlanKey,
    /// Second key (package code, slug), where there is one.
    pub package_code: Option<String>,
    /// The provider's own name.
    pub name: String,
    /// Where it works.
    pub coverage: Coverage,
    /// How much data.
    pub data: DataVolume,
    /// Days.
    pub days: u16,
    /// What it costs us.
    pub cost: Exact,
    /// Networks as the provider names them, "NTT Docomo, SoftBank".
    pub networks: Vec<String>,
    /// "4G/5G", where stated.
    pub speed: Option<String>,
    /// The provider's fair-use sentence, "" if none.
    pub fair_use: String,
    /// The traveller must install at the destination, or another hint for the screen.
    pub install_at_destination: bool,
    /// The provider marks it slow.
    pub slow: bool,
    /// The plan can be topped up later.
    pub can_top_up: bool,
}

/// Where a plan works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// One country by ISO 3166-1 alpha-2 where known, and the provider's spelling.
    Country {
        /// ISO code, upper case.
        iso: Option<String>,
        /// The provider's name or slug.
        name: String,
    },
    /// Several countries.
    Region {
        /// The provider's name of the region.
        name: String,
        /// The countries (ISO code where known, else the provider's name).
        countries: Vec<String>,
    },
    /// Everywhere that the provider reaches.
    Global {
        /// The countries, where listed.
        countries: Vec<String>,
    },
}
