//! How a simulation is started, and the configuration that a kiosk needs to meet it.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::price::Units;
use super::{Provider, ProvidersPanel};

/// The keys that the simulated providers accept. They are no secrets: they open nothing but a simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Mobilexy's `api_key`.
    pub mobilexy_key: String,
    /// Roamify's bearer token.
    pub roamify_token: String,
    /// eSIMfly's `RT-AccessCode`.
    pub esimfly_access_code: String,
    /// eSIMfly's signing secret.
    pub esimfly_secret: String,
    /// The reseller account's e-mail address.
    pub reseller_email: String,
    /// The reseller account's password.
    pub reseller_password: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Credentials {
            mobilexy_key: "sim-mobilexy-key-5f0c7b".to_owned(),
            roamify_token: "sim-roamify-token-91d2aa".to_owned(),
            esimfly_access_code: "esf_sim_kiosk".to_owned(),
            esimfly_secret: "sk_sim_kiosk_c04e77".to_owned(),
            reseller_email: "kiosk@sim-reseller.example".to_owned(),
            reseller_password: "Sim-Reseller-2026!".to_owned(),
        }
    }
}

/// How a simulation is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which providers, each with the TCP port on loopback (0: any free one).
    pub providers: Vec<(Provider, u16)>,
    /// Serve all of them behind the port of the first, told apart by the first part of the path.
    pub one_port: bool,
    /// Seed of catalogue, codes and everything random.
    pub seed: u64,
    /// Tells runs with one seed apart, so that no activation code appears in two runs; `None` is a new one each time.
    pub run: Option<u64>,
    /// Plans of each provider; at least one for each destination.
    pub plans: usize,
    /// Wallet of each provider at the start.
    pub balance: Units,
    /// What opens the providers.
    pub credentials: Credentials,
    /// Where the authority's certificate is written (PEM).
    pub ca_file: Option<PathBuf>,
    /// Where the ledgers are mirrored (JSON), rewritten before each answer to a purchase leaves.
    pub ledger_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            providers: Provider::ALL.map(|provider| (provider, 0)).to_vec(),
            one_port: false,
            seed: 1,
            run: None,
            plans: 3000,
            balance: Units::cents(1_000_000),
            credentials: Credentials::default(),
            ca_file: None,
            ledger_file: None,
        }
    }
}

impl Options {
    /// One provider on a free port, with a small catalogue: for tests.
    pub fn only(provider: Provider) -> Options {
        Options { providers: vec![(provider, 0)], plans: 400, ..Options::default() }
    }
}

/// The part of the kiosk's configuration that connects it to a running simulation, as TOML.
pub(super) fn snippet(options: &Options, panel: &ProvidersPanel) -> String {
    let mut text = String::new();
    for provider in panel.providers() {
        let keys = &options.credentials;
        let _ = writeln!(text, "[[provider]]");
        let _ = writeln!(text, "kind = \"{}\"", provider.name());
        let _ = writeln!(text, "base_url = \"{}\"", panel.base_url(provider));
        if let Some(path) = &options.ca_file {
            let _ = writeln!(text, "ca_file = \"{}\"", path.display());
        }
        match provider {
            Provider::Mobilexy => {
                let _ = writeln!(text, "currency = \"USD\"\napi_key = \"{}\"", keys.mobilexy_key);
            }
            Provider::Roamify => {
                let _ = writeln!(text, "token = \"{}\"", keys.roamify_token);
            }
            Provider::Esimfly => {
                let _ = writeln!(text, "access_code = \"{}\"", keys.esimfly_access_code);
                let _ = writeln!(text, "secret = \"{}\"", keys.esimfly_secret);
            }
            Provider::Reseller => {
                let _ = writeln!(text, "email = \"{}\"", keys.reseller_email);
                let _ = writeln!(text, "password = \"{}\"", keys.reseller_password);
            }
        }
        text.push('\n');
    }
    text
}
