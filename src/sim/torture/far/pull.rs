//! Pulls through a real broker to a real receiver, while everything that can break is broken.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::mosquitto::Mosquitto;
use super::watcher::Watcher;
use super::{NotRun, Row};
use crate::fleet::section::Section;
use crate::sim::fleet::pki::Pki;
use crate::sim::upload::{UploadFault, UploadSink};

/// So long may one pull take.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a run found.
#[derive(Debug)]
pub struct Report {
    /// The cases.
    pub rows: Vec<Row>,
    /// Files that a pull left behind.
    pub leftovers: usize,
}

impl Report {
    /// Cases that did not end as they must, and files that were left.
    pub fn mismatches(&self) -> usize {
        self.rows.iter().filter(|row| !row.good).count() + self.leftovers
    }

    /// The table, and one line of JSON.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let mark = if row.good { "ok " } else { "BAD" };
            writeln!(text, "{mark} {:<34} {:>6} ms  {}", row.case, row.ms, row.found).ok();
        }
        let last = json!({ "cases": self.rows.len(), "leftovers": self.leftovers, "mismatches": self.mismatches() });
        writeln!(text, "{last}").ok();
        text
    }
}

/// Everything of a run.
struct Stage {
    folder: tempfolder::Folder,
    broker: Mosquitto,
    sink: UploadSink,
    agent: PathBuf,
    config: PathBuf,
}

/// Runs every case; `agent` is the program that runs the kiosk's end (`agent FILE`).
///
/// # Errors
/// [`NotRun`] where something is missing; a pull that fails is a row.
pub fn run(agent: &Path) -> Result<Report, NotRun> {
    let folder = tempfolder::Folder::make()?;
    let pki = Pki::make(&folder.0.join("pki"))?;
    let broker = Mosquitto::start(&folder.0, &pki)?;
    let sink = UploadSink::start(0, &folder.0.join("uploads"))?;
    let config = configure(&folder.0, &pki, &broker, &sink)?;
    let mut stage = Stage { folder, broker, sink, agent: agent.to_owned(), config };
    let identity = pki.client("operator")?;
    let section = Section {
        broker: stage.broker.url(),
        ca: pki.ca(),
        certificate: identity.certificate,
        key: identity.key.display().to_string(),
        ..Section::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rows = runtime.block_on(async {
        let watcher = Watcher::start(section, "operator", "te/#", Box::new(|_, _, _| {}));
        stage.cases(&watcher).await
    })?;
    let leftovers = stage.leftovers();
    Ok(Report { rows, leftovers })
}

fn configure(folder: &Path, pki: &Pki, broker: &Mosquitto, sink: &UploadSink) -> std::io::Result<PathBuf> {
    let identity = pki.client("K07")?;
    let (state, authority, temporary) = (folder.join("state"), folder.join("sink.pem"), folder.join("tmp"));
    std::fs::create_dir_all(&state)?;
    std::fs::create_dir_all(&temporary)?;
    std::fs::File::create(&authority)?.write_all(sink.ca_pem().as_bytes())?;
    let text = include_str!("../../../../systemd/config.example.toml").replacen(
        "/var/lib/esim-kiosk",
        &state.display().to_string(),
        1,
    );
    let text = format!(
        "{text}\n[fleet]\nbroker = \"{}\"\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\nupload_hosts = [\"127.0.0.1\"]\n\
         upload_ca = \"{}\"\nupload_kb_s = 100000\n",
        broker.url(),
        pki.ca().display(),
        identity.certificate.display(),
        identity.key.display(),
        authority.display(),
    );
    let path = folder.join("kiosk.toml");
    std::fs::File::create(&path)?.write_all(text.as_bytes())?;
    Ok(path)
}

/// A kiosk's process; killed when this is dropped.
struct Kiosk(Child);

impl Drop for Kiosk {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Stage {
    fn kiosk(&self) -> std::io::Result<Kiosk> {
        let mut command = Command::new(&self.agent);
        command.arg("agent").arg(&self.config).env("TMPDIR", self.folder.0.join("tmp"));
        Ok(Kiosk(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    async fn cases(&mut self, watcher: &Watcher) -> std::io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        let kiosk = self.kiosk()?;
        rows.push(self.pull(watcher, "plain", &[]).await);
        rows.push(
            self.pull(
                watcher,
                "receiver resets, closes, 503",
                &[UploadFault::ResetAfter(900), UploadFault::CloseAfter(500), UploadFault::Status(503)],
            )
            .await,
        );
        rows.push(self.pull(watcher, "the answer is lost", &[UploadFault::ResetInsteadOfAnswer]).await);
        // The broker is killed while the kiosk works.
        self.sink.fault(UploadFault::Hold(Duration::from_secs(4)));
        let (topic, began) = self.ask(watcher, "broker killed").await;
        let executing = watcher.until(&topic, PATIENCE, |state| state["status"] == "executing").await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        self.broker.kill();
        tokio::time::sleep(Duration::from_secs(5)).await;
        self.broker.up()?;
        let mut row = self.ended(watcher, "broker killed and started", &topic, began).await;
        row.good &= executing;
        rows.push(row);
        // The kiosk is killed in the middle of the upload, and starts again.
        self.sink.fault(UploadFault::Hold(Duration::from_secs(600)));
        let (topic, began) = self.ask(watcher, "kiosk killed").await;
        watcher.until(&topic, PATIENCE, |state| state["status"] == "executing").await;
        drop(kiosk);
        let kiosk = self.kiosk()?;
        rows.push(self.ended(watcher, "kiosk killed -9 and started", &topic, began).await);
        // Asked while it is off.
        drop(kiosk);
        let (topic, began) = self.ask(watcher, "asked while off").await;
        let kiosk = self.kiosk()?;
        rows.push(self.ended(watcher, "asked while it was off", &topic, began).await);
        drop(kiosk);
        // No byte can be written anywhere: a full disk to every write that a pull might make.
        for name in ["tmp", "state"] {
            std::fs::set_permissions(self.folder.0.join(name), std::fs::Permissions::from_mode(0o500))?;
        }
        let kiosk = self.kiosk()?;
        rows.push(self.pull(watcher, "nothing can be written", &[]).await);
        drop(kiosk);
        for name in ["tmp", "state"] {
            std::fs::set_permissions(self.folder.0.join(name), std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(rows)
    }

    async fn pull(&self, watcher: &Watcher, case: &str, faults: &[UploadFault]) -> Row {
        faults.iter().for_each(|fault| self.sink.fault(*fault));
        let (topic, began) = self.ask(watcher, case).await;
        self.ended(watcher, case, &topic, began).await
    }

    async fn ask(&self, watcher: &Watcher, case: &str) -> (String, Instant) {
        let id: String = case.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let topic = format!("te/device/K07///cmd/log_upload/{id}");
        let wish = json!({ "status": "init", "tedgeUrl": self.sink.url(&id), "type": "report", "lines": 1000 });
        watcher.say(&topic, &wish.to_string()).await;
        (topic, Instant::now())
    }

    async fn ended(&self, watcher: &Watcher, case: &str, topic: &str, began: Instant) -> Row {
        let over = |state: &Value| matches!(state["status"].as_str(), Some("successful" | "failed"));
        let ended = watcher.until(topic, PATIENCE, over).await;
        let ms = began.elapsed().as_millis();
        let end = watcher.latest(topic);
        let path = format!("/{}", topic.rsplit('/').next().unwrap_or_default());
        let upload = self.sink.uploads().into_iter().find(|upload| upload.path == path);
        let (bytes, complete) = upload.map_or((0, false), |upload| (upload.bytes, upload.complete));
        let good = ended && end["status"] == "successful" && complete && end["bytes"].as_u64() == Some(bytes);
        let found =
            if good { format!("{bytes} bytes arrived") } else { format!("{end}, {bytes} bytes, complete {complete}") };
        watcher.say(topic, "").await;
        Row { case: case.to_owned(), found, ms, good }
    }

    fn leftovers(&self) -> usize {
        let count = |folder: &str| std::fs::read_dir(self.folder.0.join(folder)).map_or(0, |entries| entries.count());
        count("tmp") + count("state")
    }
}

/// A folder that goes with the run.
mod tempfolder {
    use std::path::PathBuf;

    /// Removed when it is dropped.
    pub(super) struct Folder(pub(super) PathBuf);

    impl Folder {
        pub(super) fn make() -> std::io::Result<Folder> {
            let path = std::env::temp_dir().join(format!("esim-kiosk-pull-{}", std::process::id()));
            std::fs::create_dir_all(&path)?;
            Ok(Folder(path))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }
}
