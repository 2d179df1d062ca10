//! The simulated providers: Mobilexy, Roamify, eSIMfly and the JWT reseller API, on HTTPS over loopback.
//!
//! They are written from the four published descriptions and from the provider reference (what the descriptions leave
//! out, and what clients saw live), never from this kiosk's own clients, so that both can be wrong only apart from
//! each other. Each keeps a ledger: what was sold, what the wallet was before and after, which code and card number
//! went out. Tests compare the kiosk with these ledgers.
//!
//! [`Simulation::start`] runs any of them in a thread of its own; [`ProvidersPanel`] steers and reads them;
//! [`fault`] is the list of what can go wrong.

mod call;
mod catalogue;
mod clock;
mod codes;
mod desk;
mod esim;
mod esimfly;
pub mod fault;
mod house;
mod ledger;
pub(in crate::sim) mod line;
mod mobilexy;
mod options;
mod outgoing;
mod panel;
mod picture;
mod price;
mod quirks;
mod reply;
mod reseller;
mod roamify;
mod run;
mod server;
mod start;
pub(in crate::sim) mod tls;
mod world;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use clock::Clock;
pub use codes::Dice;
pub use desk::RateLimit;
pub use esim::EsimState;
pub use ledger::{Goods, Ledger, OrderState, SeenRequest, SoldOrder, WalletEntry};
pub use options::{Credentials, Options};
pub use panel::{PlanFacts, ProvidersPanel};
pub use price::{NotAPrice, Units};
pub use quirks::{MessageStyle, Quirks};
pub use run::run;
pub use start::Simulation;

/// The four providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// mobilexy.com.
    Mobilexy,
    /// getroamify.com.
    Roamify,
    /// esimfly.net.
    Esimfly,
    /// The JWT reseller API (strongesim.com).
    Reseller,
}

impl Provider {
    /// All four.
    pub const ALL: [Provider; 4] = [Provider::Mobilexy, Provider::Roamify, Provider::Esimfly, Provider::Reseller];

    /// The name in addresses, files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::Mobilexy => "mobilexy",
            Provider::Roamify => "roamify",
            Provider::Esimfly => "esimfly",
            Provider::Reseller => "reseller",
        }
    }

    /// The provider of this name.
    pub fn named(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The path of the real base address.
    const fn base_path(self) -> &'static str {
        match self {
            Provider::Mobilexy => "/api",
            Provider::Roamify => "",
            Provider::Esimfly => "/api/v1/business",
            Provider::Reseller => "/api/v1",
        }
    }

    /// How many parts that path has.
    const fn base_parts(self) -> usize {
        match self {
            Provider::Roamify => 0,
            Provider::Mobilexy => 1,
            Provider::Reseller => 2,
            Provider::Esimfly => 3,
        }
    }
}
