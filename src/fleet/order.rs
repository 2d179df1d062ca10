//! Orders from afar: signed by the operator, with a counter, so that a broken broker is not enough.
//!
//! The command's payload carries `order`, a JSON text, and `signature`, Ed25519 over `esim-kiosk order v1\n` and the
//! bytes of that text, in hexadecimal. The text names the kiosk, a counter that only rises, a time until which it is
//! valid, and what is to be done. The counter is on disk before anything is done: no order is ever carried out twice.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// What stands in front of the signed text, so that no other signature of this key is ever an order.
const PREFIX: &str = "esim-kiosk order v1\n";
/// Longest order.
const MOST: usize = 256 * 1024;

/// What is ordered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Out of service.
    Lock,
    /// In service again.
    Unlock,
    /// Start the service anew, when no sale is open.
    Restart,
    /// Fetch the catalogue now.
    RefreshCatalogue,
    /// Close the terminal's day.
    EndOfDay,
    /// Do not offer a plan any more; it stays so over a restart.
    OffSale {
        /// The account.
        provider: String,
        /// The plan there.
        plan: String,
        /// Why.
        reason: String,
    },
    /// Offer a plan again.
    OnSale {
        /// The account.
        provider: String,
        /// The plan there.
        plan: String,
    },
    /// Print a test receipt, when no traveller is in front.
    PrintTest {
        /// In this language; in the hall's first without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Lay a part of a configuration over the machine's own, on trial, when no sale is open.
    Configure {
        /// TOML: the sections and keys that change.
        part: String,
    },
}

impl std::fmt::Debug for Order {
    /// For logs: of a configuration only which sections it changes. It may hold the terminal's password or the Wi-Fi's.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Order::Lock => to.write_str("Lock"),
            Order::Unlock => to.write_str("Unlock"),
            Order::Restart => to.write_str("Restart"),
            Order::RefreshCatalogue => to.write_str("RefreshCatalogue"),
            Order::EndOfDay => to.write_str("EndOfDay"),
            Order::OffSale { provider, plan, reason } => {
                let mut fields = to.debug_struct("OffSale");
                fields.field("provider", provider).field("plan", plan).field("reason", reason).finish()
            }
            Order::OnSale { provider, plan } => {
                to.debug_struct("OnSale").field("provider", provider).field("plan", plan).finish()
            }
            Order::PrintTest { language } => to.debug_struct("PrintTest").field("language", language).finish(),
            Order::Configure { part } => {
                // What cannot be read as TOML has no section whose name is known to be one.
                let read = part.parse::<toml::Table>().unwrap_or_default();
                let sections: Vec<&String> = read.keys().collect();
                to.debug_struct("Configure").field("bytes", &part.len()).field("sections", &sections).finish()
            }
        }
    }
}

/// The signed text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// For whom: the machine's label.
    pub kiosk: String,
    /// Higher than that of every order before.
    pub counter: u64,
    /// Not after this time.
    pub expires: Timestamp,
    /// What.
    #[serde(flatten)]
    pub order: Order,
}

/// Why an order is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No key of the operator's made this signature.
    #[error("the signature is not the operator's")]
    Signature,
    /// The text is no order that this version knows.
    #[error("the order cannot be read: {0}")]
    Unreadable(String),
    /// For another machine.
    #[error("the order is for {0}")]
    OtherKiosk(String),
    /// Too late, or the clock is wrong.
    #[error("the order was valid until {0}")]
    Expired(Timestamp),
    /// Seen before, or older than one that was.
    #[error("counter {counter} is not above {last}: the order was seen before, or came too late")]
    Replayed {
        /// The order's.
        counter: u64,
        /// The last one.
        last: u64,
    },
    /// The counter cannot be written: it could be carried out twice.
    #[error("the counter cannot be kept: nothing was done")]
    Counter(#[source] std::io::Error),
}

/// Checks orders and remembers their counter.
#[derive(Debug)]
pub struct Guard {
    kiosk: String,
    keys: Vec<[u8; 32]>,
    file: PathBuf,
}

impl Guard {
    /// For this kiosk, these keys, and a counter in this file.
    pub fn new(kiosk: &str, keys: Vec<[u8; 32]>, file: PathBuf) -> Self {
        Guard { kiosk: kiosk.to_owned(), keys, file }
    }

    /// The order in a command's payload, if it may be carried out. Its counter is on disk when this returns.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn admit(&self, payload: &serde_json::Value, now: Timestamp) -> Result<Order, Refused> {
        let text = payload.get("order").and_then(serde_json::Value::as_str).unwrap_or_default();
        let signature = payload.get("signature").and_then(serde_json::Value::as_str).and_then(unhex);
        let signature = signature.filter(|_| !text.is_empty() && text.len() <= MOST).ok_or(Refused::Signature)?;
        let message = [PREFIX.as_bytes(), text.as_bytes()].concat();
        let known =
            self.keys.iter().any(|key| UnparsedPublicKey::new(&ED25519, key).verify(&message, &signature).is_ok());
        if !known {
            return Err(Refused::Signature);
        }
        let signed: Signed = serde_json::from_str(text).map_err(|error| Refused::Unreadable(error.to_string()))?;
        if signed.kiosk != self.kiosk {
            return Err(Refused::OtherKiosk(signed.kiosk));
        }
        if signed.expires < now {
            return Err(Refused::Expired(signed.expires));
        }
        let last = self.last().map_err(Refused::Counter)?;
        if signed.counter <= last {
            return Err(Refused::Replayed { counter: signed.counter, last });
        }
        keep(&self.file, signed.counter).map_err(Refused::Counter)?;
        Ok(signed.order)
    }

    /// The last counter that was admitted; 0 before the first.
    fn last(&self) -> std::io::Result<u64> {
        match std::fs::read_to_string(&self.file) {
            Ok(text) => text.trim().parse().map_err(|_| std::io::Error::other("the counter's file holds no number")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// Beside, synced, renamed, its directory synced.
fn keep(file: &Path, counter: u64) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let beside = file.with_extension("new");
    let mut new = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    // Where the disk is full, nothing half written stays.
    writeln!(new, "{counter}")
        .and_then(|()| new.sync_all())
        .and_then(|()| std::fs::rename(&beside, file))
        .inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
    match file.parent() {
        Some(directory) => std::fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let even = text.len().is_multiple_of(2) && text.is_ascii();
    even.then(|| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect())?
}

#[cfg(any(test, feature = "sim"))]
/// Signs an order, as the operator's tool does.
///
/// # Errors
/// Where the order cannot be written as JSON.
pub fn sign(key: &ring::signature::Ed25519KeyPair, signed: &Signed) -> Result<serde_json::Value, serde_json::Error> {
    let text = serde_json::to_string(signed)?;
    let signature = key.sign(&[PREFIX.as_bytes(), text.as_bytes()].concat());
    let hex: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(serde_json::json!({ "status": "init", "order": text, "signature": hex }))
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn signed(counter: u64) -> Signed {
        Signed { kiosk: "K07".into(), counter, expires: at("2026-11-22T12:00:00Z"), order: Order::Lock }
    }

    fn guard(dir: &tempfile::TempDir, key: &Ed25519KeyPair) -> Guard {
        let public = key.public_key().as_ref().try_into().unwrap();
        Guard::new("K07", vec![[7; 32], public], dir.path().join("counter"))
    }

    #[test]
    fn an_order_is_carried_out_once_also_after_a_restart() {
        let (dir, key) = (tempfile::tempdir().unwrap(), Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap());
        let now = at("2026-11-22T11:00:00Z");
        let first = sign(&key, &signed(5)).unwrap();
        assert_eq!(guard(&dir, &key).admit(&first, now).unwrap(), Order::Lock);
        for again in [first, sign(&key, &signed(4)).unwrap()] {
            let refused = guard(&dir, &key).admit(&again, now).unwrap_err();
            assert!(matches!(refused, Refused::Replayed { last: 5, .. }), "{refused}");
        }
        assert!(guard(&dir, &key).admit(&sign(&key, &signed(6)).unwrap(), now).is_ok());
    }

    #[test]
    fn what_is_not_the_operators_for_us_or_in_time_is_refused() {
        let (dir, key) = (tempfile::tempdir().unwrap(), Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap());
        let other = Ed25519KeyPair::from_seed_unchecked(&[2; 32]).unwrap();
        let guard = guard(&dir, &key);
        let now = at("2026-11-22T11:00:00Z");
        let mut bent = sign(&key, &signed(1)).unwrap();
        bent["order"] = bent["order"].as_str().unwrap().replace("lock", "restart").into();
        for foreign in [sign(&other, &signed(1)).unwrap(), bent, serde_json::json!({"order": "", "signature": ""})] {
            assert!(matches!(guard.admit(&foreign, now), Err(Refused::Signature)));
        }
        let elsewhere = sign(&key, &Signed { kiosk: "K08".into(), ..signed(1) }).unwrap();
        assert!(matches!(guard.admit(&elsewhere, now), Err(Refused::OtherKiosk(_))));
        let late = guard.admit(&sign(&key, &signed(1)).unwrap(), at("2026-11-22T12:00:01Z"));
        assert!(matches!(late, Err(Refused::Expired(_))));
        assert!(!dir.path().join("counter").exists(), "nothing refused counts");
    }

    #[test]
    fn a_log_names_the_sections_of_a_configuration_and_no_secret() {
        let part = "[terminal]\npassword = \"471199\"\n\n[operator]\nhelp_phone = \"+43 1\"\n";
        for part in [part.to_owned(), format!("{part}broken 471199")] {
            let whole = part == "[terminal]\npassword = \"471199\"\n\n[operator]\nhelp_phone = \"+43 1\"\n";
            let length = part.len();
            let text = format!("{:?}", Signed { order: Order::Configure { part }, ..signed(1) });
            assert!(!text.contains("471199") && !text.contains("password"), "{text}");
            assert!(text.contains(&format!("bytes: {length}")), "{text}");
            assert_eq!(text.contains("terminal") && text.contains("operator"), whole, "{text}");
        }
        let off = Order::OffSale { provider: "mobilexy".into(), plan: "7".into(), reason: "recalled".into() };
        assert_eq!(format!("{off:?}"), r#"OffSale { provider: "mobilexy", plan: "7", reason: "recalled" }"#);
    }

    #[test]
    fn a_counter_that_cannot_be_kept_carries_nothing_out() {
        let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
        let public = key.public_key().as_ref().try_into().unwrap();
        let guard = Guard::new("K07", vec![public], "/proc/esim-kiosk/counter".into());
        let refused = guard.admit(&sign(&key, &signed(1)).unwrap(), at("2026-11-22T11:00:00Z"));
        assert!(matches!(refused, Err(Refused::Counter(_))));
    }
}
