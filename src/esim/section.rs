//! The provider sections of the configuration. Keys never stand here, only their places.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::EsimProvider;
use super::calls::Row;
use super::http::NoClient;
use crate::money::{Currency, Exact, MoneyError};
use crate::sale::offer::ProviderId;

/// One account at a provider: `[[providers]]` with `api = "mobilexy" | …`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "api", rename_all = "snake_case")]
pub enum ProviderSection {
    /// mobilexy.com.
    Mobilexy(super::mobilexy::Section),
    /// getroamify.com.
    Roamify(super::roamify::Section),
    /// esimfly.net.
    Esimfly(super::esimfly::Section),
    /// The JWT reseller API, such as strongesim.com.
    Reseller(super::reseller::Section),
}

/// How long things may take, whom to trust, and which paths differ.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connection {
    /// Seconds for name, connection and TLS.
    pub connect_s: u64,
    /// Seconds for a read.
    pub read_s: u64,
    /// Seconds for an order or another write.
    pub write_s: u64,
    /// Seconds for the calls that the provider documents as slow (profile generation: at least 90).
    pub slow_s: u64,
    /// PEM file with root certificates that are trusted beside the usual ones.
    pub extra_ca: Option<PathBuf>,
    /// Where the machine's time service leaves its mark `synchronized`: before it is there, or the provider's own time
    /// agrees with ours, nothing is signed. Without the directory the clock counts as set.
    pub time_service: PathBuf,
    /// Paths that differ from the table, by the name of the call: `{ "auth-refresh" = "/auth/token" }`.
    pub paths: BTreeMap<String, String>,
}

impl Default for Connection {
    fn default() -> Self {
        Connection {
            connect_s: 5,
            read_s: 15,
            write_s: 60,
            slow_s: 100,
            extra_ca: None,
            time_service: super::wall::TIME_SERVICE.into(),
            paths: BTreeMap::new(),
        }
    }
}

/// A sum in a section: `{ value = "25.00", currency = "USD" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// Decimal text.
    pub value: String,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Sum {
    /// The exact sum.
    ///
    /// # Errors
    /// Where the text is no decimal number.
    pub fn exact(&self) -> Result<Exact, MoneyError> {
        Exact::parse(&self.value, self.currency)
    }
}

impl ProviderSection {
    /// What a cost at this account counts more when the cheapest is chosen, in hundredths of a percent, where
    /// `pricing.risk` does not say: the order of choice of providers.md 3.5.
    pub fn risk(&self) -> u32 {
        match self {
            ProviderSection::Esimfly(section) if section.keys_proven => 0,
            ProviderSection::Reseller(section) if section.keys_proven => 0,
            ProviderSection::Esimfly(_) | ProviderSection::Roamify(_) => 200,
            ProviderSection::Reseller(_) => 300,
            // Its codes can be lost, and nothing undoes an order there.
            ProviderSection::Mobilexy(_) => 800,
        }
    }

    fn connection(&self) -> (&Connection, &'static [Row]) {
        match self {
            ProviderSection::Mobilexy(section) => (&section.connection, super::mobilexy::rows::ROWS),
            ProviderSection::Roamify(section) => (&section.connection, super::roamify::rows::ROWS),
            ProviderSection::Esimfly(section) => (&section.connection, super::esimfly::rows::ROWS),
            ProviderSection::Reseller(section) => (&section.connection, super::reseller::rows::ROWS),
        }
    }

    /// What is wrong in it: key and what is accepted.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let (connection, rows) = self.connection();
        let mut problems = Vec::new();
        for (name, path) in &connection.paths {
            let Some(row) = rows.iter().find(|row| row.name == name) else {
                problems
                    .push(("connection.paths", format!("there is no call {name:?}: `provider NAME calls` lists them")));
                continue;
            };
            let holes = |path: &str| -> std::collections::BTreeSet<String> {
                path.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect()
            };
            if !path.starts_with('/') || holes(path) != holes(row.path) {
                let what = format!("{path:?} is no path for {name}: one such as {:?} is expected", row.path);
                problems.push(("connection.paths", what));
            }
        }
        if let ProviderSection::Mobilexy(section) = self
            && section.most().is_none()
        {
            problems.push(("most_per_order", NoClient::MostPerOrder.to_string()));
        }
        problems
    }

    /// The account's name.
    pub fn id(&self) -> ProviderId {
        ProviderId(
            match self {
                ProviderSection::Mobilexy(section) => &section.name,
                ProviderSection::Roamify(section) => &section.name,
                ProviderSection::Esimfly(section) => &section.name,
                ProviderSection::Reseller(section) => &section.name,
            }
            .clone(),
        )
    }

    /// The client of this account. Reads the keys; sends nothing yet.
    ///
    /// # Errors
    /// [`NoClient`] names the setting that is wrong.
    pub fn connect(&self, machine: &str) -> Result<Arc<dyn EsimProvider>, NoClient> {
        Ok(match self {
            ProviderSection::Mobilexy(section) => Arc::new(super::mobilexy::Mobilexy::new(section, machine)?),
            ProviderSection::Roamify(section) => Arc::new(super::roamify::Roamify::new(section, machine)?),
            ProviderSection::Esimfly(section) => Arc::new(super::esimfly::Esimfly::new(section, machine)?),
            ProviderSection::Reseller(section) => Arc::new(super::reseller::Reseller::new(section, machine)?),
        })
    }
}
