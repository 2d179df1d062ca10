//! The operator's side of a run, and how a pull is asked for and judged.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::mosquitto::Mosquitto;
use super::site::{Lines, Site};
use super::watcher::Watcher;
use super::{NotRun, Row};
use crate::sim::fleet::pki::{Admits, Pki};
use crate::sim::upload::{Upload, UploadFault, UploadSink};

/// So long may one pull take.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// Broker, receiver, and somebody who asks.
pub(super) struct Stage {
    pub(super) broker: Mosquitto,
    pub(super) sink: UploadSink,
    pub(super) watcher: Watcher,
    pub(super) agent: PathBuf,
    pki: Pki,
    folder: PathBuf,
    at: std::net::IpAddr,
}

/// A pull that was asked for.
pub(super) struct Asked {
    case: &'static str,
    topic: String,
    path: String,
    began: Instant,
}

impl Stage {
    /// Sets it up at an address of this machine; must be called inside of a runtime.
    pub(super) fn set_up(folder: &Path, at: std::net::IpAddr, agent: &Path) -> Result<Stage, NotRun> {
        let mut pki = Pki::make(&folder.join("pki"))?;
        pki.also_at(&at.to_string());
        let broker = Mosquitto::start(folder, &pki, at)?;
        let sink = UploadSink::behind(at, &folder.join("uploads"), &pki, Admits::Anybody)?;
        let section = pki.section(broker.url(), "operator")?;
        let watcher = Watcher::start(section, "operator", "te/#", Box::new(|_, _, _| {}));
        Ok(Stage { broker, sink, watcher, agent: agent.to_owned(), pki, folder: folder.to_owned(), at })
    }

    /// A kiosk of this operator's, in a folder of its own.
    pub(super) fn site(&self, label: &'static str, kb_s: u64) -> Result<Site, NotRun> {
        let (receiver, receiver_ca) = (self.at, self.sink.ca_pem());
        let lines = Lines { pki: &self.pki, broker: self.broker.url(), receiver, receiver_ca, kb_s };
        Ok(Site::build(label, &self.folder.join(label), &lines)?)
    }

    /// Where the site with this label will stand.
    pub(super) fn place(&self, label: &str) -> PathBuf {
        self.folder.join(label)
    }

    /// The program that runs a kiosk's end, on this machine.
    pub(super) fn program(&self) -> Command {
        Command::new(&self.agent)
    }

    /// A pull from request to file.
    pub(super) async fn pull(&self, site: &Site, case: &'static str, faults: &[UploadFault]) -> Row {
        faults.iter().for_each(|fault| self.sink.fault(*fault));
        let asked = self.ask(site, case).await;
        self.ended(asked).await
    }

    /// Asks for the whole bundle.
    pub(super) async fn ask(&self, site: &Site, case: &'static str) -> Asked {
        let id: String = case.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let topic = format!("te/device/{}///cmd/log_upload/{id}", site.label);
        let url = self.sink.url(&format!("{}/{id}", site.label));
        let wish = json!({ "status": "init", "tedgeUrl": url, "type": "report", "lines": 1000 });
        self.watcher.say(&topic, &wish.to_string()).await;
        Asked { case, topic, path: format!("/{}/{id}", site.label), began: Instant::now() }
    }

    /// Waits until its upload stands before the receiver, at least so many bytes of it read.
    pub(super) async fn in_the_middle(&self, asked: &Asked, bytes: u64) -> bool {
        let there =
            |uploads: &[Upload]| uploads.iter().any(|upload| upload.path == asked.path && upload.bytes >= bytes);
        let executing = self.watcher.until(&asked.topic, PATIENCE, |state| state["status"] == "executing").await;
        executing && tokio::time::timeout(PATIENCE, self.sink.until(there)).await.is_ok()
    }

    /// Waits until the receiver holds a request whose body it does not read.
    pub(super) async fn held(&self, asked: &Asked) -> bool {
        let before = self.sink.requests();
        let executing = self.watcher.until(&asked.topic, PATIENCE, |state| state["status"] == "executing").await;
        let coming = async {
            while self.sink.requests() <= before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        executing && tokio::time::timeout(PATIENCE, coming).await.is_ok()
    }

    /// Its end: the whole file on the other side, as large as the kiosk says, and a gzipped one.
    pub(super) async fn ended(&self, asked: Asked) -> Row {
        let over = |state: &Value| matches!(state["status"].as_str(), Some("successful" | "failed"));
        let ended = self.watcher.until(&asked.topic, PATIENCE, over).await;
        let ms = asked.began.elapsed().as_millis();
        let end = self.watcher.latest(&asked.topic);
        let upload = self.sink.uploads().into_iter().find(|upload| upload.path == asked.path);
        let readable = upload.as_ref().is_some_and(|upload| is_whole(&upload.file));
        let (bytes, complete) = upload.as_ref().map_or((0, false), |upload| (upload.bytes, upload.complete));
        let (requests, received) = upload.map_or((0, 0), |upload| (upload.requests, upload.received));
        let said = ended && end["status"] == "successful" && end["bytes"].as_u64() == Some(bytes);
        let good = said && complete && readable;
        let found = if good {
            format!("{requests} request{}, {received} bytes on the line", if requests == 1 { "" } else { "s" })
        } else {
            format!("{end}, {bytes} bytes, complete {complete}, readable {readable}")
        };
        self.watcher.say(&asked.topic, "").await;
        Row { case: asked.case.to_owned(), found, ms, bytes, received, good }
    }
}

/// Whether a bundle can be unpacked to its end.
fn is_whole(file: &Path) -> bool {
    let Ok(file) = std::fs::File::open(file) else { return false };
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let Ok(entries) = archive.entries() else { return false };
    let mut names = Vec::new();
    for entry in entries {
        let Ok(entry) = entry else { return false };
        names.extend(entry.path().ok().map(|path| path.into_owned()));
    }
    ["MANIFEST.json", "report.html", "list.txt"].iter().all(|name| names.iter().any(|path| path.ends_with(name)))
}
