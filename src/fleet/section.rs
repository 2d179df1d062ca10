//! `[fleet]`: the operator's broker, and who may order what.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// `[fleet]`; without it the kiosk speaks to no broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// `mqtts://broker.example.com:8883`; `mqtt://` only to this very machine.
    pub broker: String,
    /// The operator's own authorities, PEM: only they are believed. Read again at every connection.
    pub ca: PathBuf,
    /// This kiosk's certificate chain, PEM. Read again at every connection, so that it can be replaced at any time.
    pub certificate: PathBuf,
    /// Its private key, PEM: a file that only the service reads, or `credential:NAME`.
    pub key: String,
    /// Whose orders are carried out: Ed25519 public keys, 32 bytes in hexadecimal. Two, while one replaces the other.
    pub operator_keys: Vec<String>,
    /// Where bundles may be uploaded to: `support.example.com`, `127.0.0.1:8000`.
    pub upload_hosts: Vec<String>,
    /// Authorities of these hosts beside the usual ones, PEM.
    pub upload_ca: Option<PathBuf>,
    /// Receivers that ask for a client certificate are shown this kiosk's own.
    pub upload_with_certificate: bool,
    /// So many kilobytes a second may an upload take.
    pub upload_kb_s: u64,
    /// Finished sales go to the back office over the broker; not together with `[back_office]`.
    pub sales: bool,
    /// A wallet with less raises an alarm, in its own currency: `"25.00"`.
    pub low_balance: Option<String>,
    /// Seconds between two signs of life on the line.
    pub keep_alive_s: u16,
}

impl Default for Section {
    fn default() -> Self {
        Section {
            broker: String::new(),
            ca: "/etc/esim-kiosk/fleet-ca.pem".into(),
            certificate: "/etc/esim-kiosk/fleet-certificate.pem".into(),
            key: "credential:fleet-key".into(),
            operator_keys: Vec::new(),
            upload_hosts: Vec::new(),
            upload_ca: None,
            upload_with_certificate: false,
            upload_kb_s: 256,
            sales: false,
            low_balance: None,
            keep_alive_s: 60,
        }
    }
}

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// With TLS.
    pub secure: bool,
}

impl Section {
    /// The broker's address, read.
    pub fn broker(&self) -> Option<Broker> {
        let (scheme, rest) = self.broker.split_once("://")?;
        let (secure, usual) = match scheme {
            "mqtts" => (true, 8_883),
            "mqtt" => (false, 1_883),
            _ => return None,
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (rest, usual),
        };
        let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#']);
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        (plain && (secure || here)).then(|| Broker { host: host.to_owned(), port, secure })
    }

    /// Where the private key lies.
    pub fn key_file(&self) -> PathBuf {
        match self.key.strip_prefix("credential:") {
            Some(name) => PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY").unwrap_or_default()).join(name),
            None => PathBuf::from(&self.key),
        }
    }

    /// The operator's keys, read.
    pub fn operator_keys(&self) -> Vec<[u8; 32]> {
        self.operator_keys.iter().filter_map(|text| key(text)).collect()
    }

    /// What is wrong with the values: key and accepted form.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.broker().is_none() {
            let what = "an address such as \"mqtts://broker.example.com:8883\" is expected (mqtt:// only to localhost)";
            problems.push(("broker", what.to_owned()));
        }
        for (name, path) in [("ca", &self.ca), ("certificate", &self.certificate)] {
            if !path.is_absolute() {
                problems.push((name, "an absolute path of a PEM file is needed".to_owned()));
            }
        }
        if !self.key.starts_with('/') && !self.key.starts_with("credential:") {
            problems.push(("key", "credential:NAME or an absolute path is needed, never the key itself".to_owned()));
        }
        if self.operator_keys.iter().any(|text| key(text).is_none()) {
            problems.push(("operator_keys", "Ed25519 public keys are expected: 64 hexadecimal digits each".to_owned()));
        }
        if self.upload_hosts.iter().any(|host| host.is_empty() || host.contains(['/', '@', '*', ' '])) {
            problems.push((
                "upload_hosts",
                "hosts such as \"support.example.com\" or \"10.0.0.5:8443\" are expected".to_owned(),
            ));
        }
        if !(1..=100_000).contains(&self.upload_kb_s) {
            problems.push(("upload_kb_s", "a number from 1 to 100000 is expected".to_owned()));
        }
        if self.low_balance.as_deref().is_some_and(|text| crate::money::parse_scaled(text).is_err()) {
            problems.push(("low_balance", "a sum such as \"25.00\" is expected".to_owned()));
        }
        if !(5..=3_600).contains(&self.keep_alive_s) {
            problems.push(("keep_alive_s", "5 to 3600 seconds are expected".to_owned()));
        }
        problems
    }
}

fn key(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_far_away_needs_tls() {
        let broker = |text: &str| Section { broker: text.into(), ..Section::default() }.broker();
        assert_eq!(
            broker("mqtts://b.example").unwrap(),
            Broker { host: "b.example".into(), port: 8_883, secure: true }
        );
        assert_eq!(broker("mqtt://127.0.0.1:1884").unwrap().port, 1_884);
        for bad in
            ["mqtt://b.example", "b.example", "https://b.example", "mqtts://u:p@b.example", "mqtts://", "mqtts://b:x"]
        {
            assert_eq!(broker(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_problem_names_its_key() {
        let section = Section {
            key: "-----BEGIN".into(),
            ca: "ca.pem".into(),
            operator_keys: vec!["ab".into()],
            upload_hosts: vec!["*.example.com".into()],
            upload_kb_s: 0,
            keep_alive_s: 1,
            ..Section::default()
        };
        let keys: Vec<_> = section.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["broker", "ca", "key", "operator_keys", "upload_hosts", "upload_kb_s", "keep_alive_s"]);
    }
}
