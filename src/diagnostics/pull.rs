//! The pull: a log that somebody far away asks for, by thin-edge.io's `log_upload` command.
//!
//! One at a time, never while a traveller buys. Nothing is written to a disk: a full one stops no pull, and nothing is
//! left behind. What survives a restart is the command itself, which the broker holds until its caller has seen the
//! end: a kiosk that was killed begins again.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tracing::info;

use super::sources::{self, Scene, Text, Wanted};
use super::upload::{Identity, Uploader};
use super::{gather, live, sales};
use crate::fleet::Command;
use crate::fleet::section::Section;
use crate::telemetry::chain;

/// A traveller is waited for at most so long.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Lines where none are asked for, as thin-edge.io has it.
const LINES: usize = 1_000;

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

/// A source of texts.
type Source = fn(&Scene) -> Vec<Text>;

/// What can be pulled beside the whole bundle: name, file of its source, source.
const KINDS: [(&str, &str, Source); 10] = [
    ("kiosk", "logs/kiosk.txt", sources::logs),
    ("kernel", "logs/kernel.txt", sources::logs),
    ("warnings", "logs/warnings.txt", sources::logs),
    ("boots", "logs/boots.txt", sources::logs),
    ("events", "recorder/events.txt", live::texts),
    ("screens", "recorder/screens.txt", live::texts),
    ("terminal-line", "devices/terminal-line.txt", live::texts),
    ("health", "devices/history.jsonl", live::texts),
    ("sales", "sales/list.txt", |scene| sales::texts(&sales::read(scene))),
    ("cases", "sales/cases.txt", |scene| sales::texts(&sales::read(scene))),
];
/// The whole bundle; its `searchText` names a sale.
const REPORT: &str = "report";

/// The types that are told to the fleet.
pub fn types() -> Vec<String> {
    std::iter::once(REPORT).chain(KINDS.iter().map(|(name, _, _)| *name)).map(str::to_owned).collect()
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
        if wish.kind != REPORT && KINDS.iter().all(|(name, _, _)| *name != wish.kind) {
            return Err(format!("there is no log of the type {:?}; there are {}", wish.kind, types().join(", ")));
        }
        let url = self.uploader.allowed(&wish.tedge_url).map_err(|error| error.to_string())?;
        self.quiet().await;
        let (file, most) = (self.config_file.clone(), self.most);
        let kind = if wish.kind == REPORT { "application/gzip" } else { "text/plain; charset=utf-8" };
        let made = tokio::task::spawn_blocking(move || content(&file, &wish, most));
        let bytes = made.await.map_err(|_| "gathering broke; see the log".to_owned())??;
        let (length, sha256) = (bytes.len(), digest(&bytes));
        self.uploader.put(&url, kind, bytes).await.map_err(|error| chain(&error))?;
        Ok(json!({ "bytes": length, "sha256": sha256 }))
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

fn content(file: &std::path::Path, wish: &LogUpload, most: u64) -> Result<Bytes, String> {
    let mut wanted = Wanted { sale: None, since: wish.date_from, until: wish.date_to };
    if wish.kind == REPORT {
        wanted.sale = wish.search_text.clone().filter(|text| !text.trim().is_empty());
        let scene = Scene::of(file, wanted, Timestamp::now());
        return gather(scene, most, |_| {}).map(|made| made.packed.bytes.into()).map_err(|error| chain(&error));
    }
    let scene = Scene::of(file, wanted, Timestamp::now());
    let (_, name, source) = KINDS.iter().find(|(name, _, _)| *name == wish.kind).ok_or("no such type")?;
    let found = source(&scene).into_iter().find(|(found, _, _)| found == name).map(|(_, text, _)| text);
    let text = found.unwrap_or_else(|| Err("there is nothing".to_owned()))?;
    let text = super::redactor(&scene.config_file).clean(&text);
    Ok(chosen(&text, wish.search_text.as_deref(), wish.lines.unwrap_or(LINES), most).into())
}

/// The newest lines that contain the text.
fn chosen(text: &str, search: Option<&str>, lines: usize, most: u64) -> String {
    let search = search.unwrap_or_default();
    let mut room = usize::try_from(most).unwrap_or(usize::MAX);
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines().rev().filter(|line| line.contains(search)).take(lines) {
        match room.checked_sub(line.len() + 1) {
            Some(left) => room = left,
            None => break,
        }
        kept.push(line);
    }
    kept.iter().rev().fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_with_the_text_are_chosen() {
        let text = "ERROR 1\nfine 2\nERROR 3\nERROR 4\n";
        assert_eq!(chosen(text, Some("ERROR"), 2, 1_000), "ERROR 3\nERROR 4\n");
        assert_eq!(chosen(text, None, 1_000, 1_000), text);
        assert_eq!(chosen(text, Some(""), 1_000, 10), "ERROR 4\n");
    }

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
