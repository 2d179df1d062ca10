//! How a simulation is started, and the configuration that a kiosk needs to meet it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
    /// Folder into which the keys are written, each into a file of mode 0600.
    pub secrets: Option<PathBuf>,
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
            secrets: None,
        }
    }
}

impl Options {
    /// With everything that another program needs in one folder: `ca.pem`, `ledger.json` and the key files.
    pub fn in_folder(self, folder: &Path) -> Options {
        Options {
            ca_file: Some(folder.join("ca.pem")),
            ledger_file: Some(folder.join("ledger.json")),
            secrets: Some(folder.to_owned()),
            ..self
        }
    }

    /// One provider on a free port, with a small catalogue: for tests.
    pub fn only(provider: Provider) -> Options {
        Options { providers: vec![(provider, 0)], plans: 400, ..Options::default() }
    }
}

/// Writes the keys into files that only their owner can read, one a provider, as a kiosk wants to find them.
pub(super) fn write_secrets(folder: &Path, keys: &Credentials) -> io::Result<()> {
    let files = [
        ("mobilexy.key", &keys.mobilexy_key),
        ("roamify.key", &keys.roamify_token),
        ("esimfly.code", &keys.esimfly_access_code),
        ("esimfly.key", &keys.esimfly_secret),
        ("reseller.password", &keys.reseller_password),
    ];
    std::fs::create_dir_all(folder)?;
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::remove_file(&path).ok();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// The part of the kiosk's configuration that connects it to a running simulation, as TOML. Keys are named by their
/// files where there are any.
pub(super) fn snippet(options: &Options, panel: &ProvidersPanel) -> String {
    let file = |name: &str| {
        let folder = options.secrets.clone().unwrap_or_else(|| PathBuf::from("/etc/esim-kiosk"));
        format!("\"file:{}\"", folder.join(name).display())
    };
    let mut lines = Vec::new();
    for provider in panel.providers() {
        lines.push("[[providers]]".to_owned());
        lines.push(format!("api = \"{}\"", provider.name()));
        lines.push(format!("name = \"{}\"", provider.name()));
        lines.push(format!("base = \"{}\"", panel.base_url(provider)));
        lines.push("currency = \"USD\"".to_owned());
        match provider {
            Provider::Mobilexy => lines.push(format!("key = {}", file("mobilexy.key"))),
            Provider::Roamify => lines.push(format!("key = {}", file("roamify.key"))),
            Provider::Esimfly => {
                lines.push(format!("key = {}", file("esimfly.key")));
                lines.push(format!("access_code = {}", file("esimfly.code")));
            }
            Provider::Reseller => {
                lines.push(format!("password = {}", file("reseller.password")));
                lines.push(format!("email = \"{}\"", options.credentials.reseller_email));
                lines.push("customer_email = \"kiosk@operator.example\"".to_owned());
            }
        }
        if let Some(path) = &options.ca_file {
            lines.push(format!("connection = {{ extra_ca = \"{}\" }}", path.display()));
        }
        lines.push(String::new());
    }
    lines.join("\n")
}
