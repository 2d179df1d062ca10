//! The pull: a log that somebody far away asks for, by thin-edge.io's `log_upload` command.
//!
//! One at a time. It is begun while no traveller buys; one who comes later does not notice: what gathers gives way to
//! everybody else, and the upload trickles until they are gone. Nothing is written to a disk: a full one stops no pull,
//! and nothing is left behind. What survives a restart is the command itself, which the broker holds until its caller has seen the
//! end: a kiosk that was killed begins again.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

pub use super::errand::types;
use super::errand::{Errand, REPORT, send};
use super::upload::{Identity, Uploader};
use crate::fleet::Command;
use crate::fleet::section::Section;
use crate::telemetry::chain;

/// A traveller is waited for at most so long.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How far gathering gives way, in the kernel's own measure.
const LAST: i32 = 19;

/// `log_upload`, as thin-edge.io sends it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogUpload {
    tedge_url: String,
    #[serde(rename = "type")]
    kind: String,
    date_from: Option<Timestamp>,
    date_to: Option<Timestamp>,
    search_text: Option<String>,
    lines: Option<usize>,
}

/// Where this fleet's uploads may go.
pub fn uploader(section: &Section) -> Uploader {
    let identity = || Identity { certificate: section.certificate.clone(), key: section.key_file() };
    Uploader {
        hosts: section.upload_hosts.clone(),
        ca: section.upload_ca.clone(),
        identity: section.upload_with_certificate.then(identity),
        kb_s: section.upload_kb_s,
    }
}

/// Carries pulls out.
pub struct Puller {
    /// The configuration file.
    pub config_file: PathBuf,
    /// Where uploads may go.
    pub uploader: Uploader,
    /// Most bytes of one upload.
    pub most: u64,
    /// Whether a traveller is buying.
    pub busy: watch::Receiver<bool>,
    /// Where the report unit is asked, which may see what this process may not; none: this process sees enough.
    pub unit: Option<PathBuf>,
}

impl Puller {
    /// Until nobody asks any more.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            let answer = self.carry_out(&command.payload).await;
            let words = answer.as_ref().map_or_else(String::clone, |fields| fields.to_string());
            info!(id = command.id, ok = answer.is_ok(), words, "a pull ended");
            // A link that is gone asks again when it is back.
            command.answer.send(answer).ok();
        }
    }

    async fn carry_out(&mut self, payload: &Value) -> Result<Value, String> {
        let wish = LogUpload::deserialize(payload).map_err(|error| format!("the command cannot be read: {error}"))?;
        let errand = Errand {
            kind: wish.kind,
            since: wish.date_from,
            until: wish.date_to,
            search: wish.search_text,
            lines: wish.lines,
            most: self.most,
        };
        errand.check()?;
        let url = self.uploader.allowed(&wish.tedge_url).map_err(|error| error.to_string())?;
        self.quiet().await;
        let kind = if errand.kind == REPORT { "application/gzip" } else { "text/plain; charset=utf-8" };
        let bytes = self.gathered(errand).await?;
        let (length, sha256) = (bytes.len(), digest(&bytes));
        self.uploader.put(&url, kind, bytes, &self.busy).await.map_err(|error| chain(&error))?;
        Ok(json!({ "bytes": length, "sha256": sha256 }))
    }

    async fn gathered(&self, errand: Errand) -> Result<Bytes, String> {
        if let Some(unit) = &self.unit {
            if unit.exists() {
                let secrets = super::secrets::of(&self.config_file);
                return send(unit, &errand, &secrets).await;
            }
            warn!(socket = %unit.display(), "the report unit is not there: this process tells what it can see itself");
        }
        gathered_here(self.config_file.clone(), errand).await
    }

    /// Waits until no traveller buys; after long it goes on all the same.
    async fn quiet(&mut self) {
        let quiet = self.busy.wait_for(|busy| !busy);
        // Nobody who could be busy is left, or patience is over.
        tokio::time::timeout(PATIENCE, quiet).await.ok();
    }
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gathers in this process, on a thread that gives way to everybody.
async fn gathered_here(config_file: PathBuf, errand: Errand) -> Result<Bytes, String> {
    let (answer, heard) = oneshot::channel();
    let gather = move || {
        // It concerns this thread and those it starts; one that may not give way works all the same.
        rustix::process::setpriority_process(None, LAST).ok();
        answer.send(errand.gathered(&config_file)).ok();
    };
    let broke = || "gathering broke; see the log".to_owned();
    std::thread::Builder::new().name("pull".into()).spawn(gather).map_err(|_| broke())?;
    heard.await.map_err(|_| broke())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_thin_edge_sends_it() {
        let wish: LogUpload = serde_json::from_value(json!({
            "status": "init", "tedgeUrl": "http://127.0.0.1:8000/te/v1/files/K07/log_upload/kiosk-1234", "type": "kiosk",
            "dateFrom": "2026-11-21T22:00:00+02:00", "dateTo": "2026-11-22T22:00:00.000Z", "searchText": "ERROR",
            "lines": 1000, "log": { "anything": "else" }
        }))
        .unwrap();
        assert_eq!(wish.date_from.unwrap().to_string(), "2026-11-21T20:00:00Z");
        assert_eq!((wish.kind.as_str(), wish.lines), ("kiosk", Some(1_000)));
    }
}
