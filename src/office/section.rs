//! `[back_office]`: where finished sales go.

use std::path::PathBuf;

use serde::Deserialize;

use crate::esim::secret::SecretPlace;

/// `[back_office]`; without it nothing is sent, and the outbox keeps what is finished.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// Where each finished sale is posted to: `https://office.example.com/kiosk/sales`.
    pub url: String,
    /// The bearer token's place: `credential:office`, or `file:/etc/esim-kiosk/office.token`.
    pub token: SecretPlace,
    /// Additional root certificates, PEM.
    pub extra_ca: Option<PathBuf>,
    /// Longest time for one answer, in seconds.
    pub deadline_s: u64,
}

impl Default for Section {
    fn default() -> Self {
        let token = SecretPlace::Credential("office".to_owned());
        Section { url: String::new(), token, extra_ca: None, deadline_s: 20 }
    }
}

impl Section {
    /// What is wrong with the values: key and accepted form.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !reqwest::Url::parse(&self.url).is_ok_and(|url| url.scheme() == "https" && url.has_host()) {
            problems.push(("url", "an address such as \"https://office.example.com/sales\" is expected".to_owned()));
        }
        if !(1..=120).contains(&self.deadline_s) {
            problems.push(("deadline_s", "1 to 120 seconds are expected".to_owned()));
        }
        problems
    }
}
