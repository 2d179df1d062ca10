//! Pulls through a real broker to a real receiver, while everything that can break is broken.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::cable::Cable;
use super::full_disk::Disk;
use super::site::{Process, Site, operator_key};
use super::stage::{PATIENCE, Stage};
use super::{NotRun, Row};
use crate::fleet::order::{Order, Signed, sign};
use crate::sim::upload::UploadFault;
use crate::telemetry::chain;

/// Kilobytes a second where nothing is to be seen of the pace.
const FAST: u64 = 100_000;
/// Kilobytes a second where an upload must take long enough to be cut.
const SLOW: u64 = 8;

/// What a run found.
#[derive(Debug)]
pub struct Report {
    /// The cases.
    pub rows: Vec<Row>,
    /// Files that a pull left behind.
    pub leftovers: Vec<PathBuf>,
    /// Messages on the wire that are not as their schemas say.
    pub misfits: Vec<String>,
}

impl Report {
    /// Cases that did not end as they must, or did not run, and files that were left.
    pub fn mismatches(&self) -> usize {
        self.rows.iter().filter(|row| !row.good).count() + self.leftovers.len() + self.misfits.len()
    }

    /// The table, and one line of JSON.
    pub fn print(&self) -> String {
        let mut text = format!("    {:<40} {:>9}  {:>9}\n", "case", "ms", "bytes");
        for row in &self.rows {
            let mark = if row.good { "ok " } else { "BAD" };
            writeln!(text, "{mark} {:<40} {:>9}  {:>9}  {}", row.case, row.ms, row.bytes, row.found).ok();
        }
        for left in &self.leftovers {
            writeln!(text, "BAD left behind: {}", left.display()).ok();
        }
        for misfit in &self.misfits {
            writeln!(text, "BAD {misfit}").ok();
        }
        let bytes: u64 = self.rows.iter().map(|row| row.bytes).max().unwrap_or(0);
        let last = json!({
            "cases": self.rows.len(), "bytes_max": bytes, "leftovers": self.leftovers.len(), "mismatches": self.mismatches(),
        });
        writeln!(text, "{last}").ok();
        text
    }
}

/// Runs every case; `agent` is the program that runs the kiosk's end (`agent FILE`).
///
/// # Errors
/// [`NotRun`] where something is missing; a pull that fails is a row.
pub fn run(agent: &Path) -> Result<Report, NotRun> {
    let folder = tempfolder::Folder::make()?;
    let cable = Cable::lay();
    let at = cable.as_ref().map_or(IpAddr::from(Ipv4Addr::LOCALHOST), Cable::operator);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut run = Run { stage: Stage::set_up(&folder.0, at, agent)?, rows: Vec::new(), leftovers: Vec::new() };
        run.lines_and_processes().await?;
        match &cable {
            Ok(cable) => {
                let done = run.cable(cable).await;
                run.broken_off("the cable is pulled out", done);
            }
            Err(why) => run.did_not_run("the cable is pulled out", why),
        }
        let done = run.full_disk().await;
        run.broken_off("the disk is full", done);
        let misfits = run.stage.watcher.misfits();
        Ok(Report { rows: run.rows, leftovers: run.leftovers, misfits })
    })
}

/// The cases, one after the other.
struct Run {
    stage: Stage,
    rows: Vec<Row>,
    leftovers: Vec<PathBuf>,
}

impl Run {
    /// A case that this machine cannot make is no case that went well.
    fn did_not_run(&mut self, case: &str, why: &str) {
        let found = format!("DID NOT RUN: {why}");
        self.rows.push(Row { case: case.to_owned(), found, ms: 0, bytes: 0, received: 0, good: false });
    }

    /// What went well until then stays told.
    fn broken_off(&mut self, case: &str, done: Result<(), NotRun>) {
        if let Err(error) = done {
            self.did_not_run(case, &chain(&error));
        }
    }

    fn left(&mut self, site: &Site, before: &BTreeSet<PathBuf>) {
        self.leftovers.extend(site.files().difference(before).cloned());
    }

    async fn lines_and_processes(&mut self) -> Result<(), NotRun> {
        let site = self.stage.site("K07", FAST)?;
        let before = site.files();
        let kiosk = site.start(self.stage.program())?;
        self.rows.push(self.stage.pull(&site, "plain", &[]).await);
        self.resumed(&site).await;
        self.rows.push(self.stage.pull(&site, "the answer is lost", &[UploadFault::ResetInsteadOfAnswer]).await);
        self.broker(&site).await?;
        // The kiosk is killed while the receiver holds its upload, and starts again.
        self.stage.sink.fault(UploadFault::Hold(Duration::from_secs(600)));
        let asked = self.stage.ask(&site, "kiosk killed -9 and started").await;
        let held = self.stage.held(&asked).await;
        drop(kiosk);
        let kiosk = site.start(self.stage.program())?;
        let mut row = self.stage.ended(asked).await;
        row.good &= held;
        self.rows.push(row);
        drop(kiosk);
        let asked = self.stage.ask(&site, "asked while it was off").await;
        let kiosk = site.start(self.stage.program())?;
        self.rows.push(self.stage.ended(asked).await);
        drop(kiosk);
        self.left(&site, &before);
        Ok(())
    }

    /// Cuts, then a refusal for now: what has arrived is not sent a second time.
    async fn resumed(&mut self, site: &Site) {
        let faults = [UploadFault::ResetAfter(9_000), UploadFault::CloseAfter(5_000), UploadFault::Status(503)];
        let mut row = self.stage.pull(site, "receiver resets, closes, 503", &faults).await;
        row.good &= row.received == row.bytes;
        self.rows.push(row);
    }

    /// The broker is killed while the kiosk uploads.
    async fn broker(&mut self, site: &Site) -> Result<(), NotRun> {
        self.stage.sink.fault(UploadFault::Hold(Duration::from_secs(4)));
        let asked = self.stage.ask(site, "broker killed -9 and started").await;
        let held = self.stage.held(&asked).await;
        self.stage.broker.kill();
        tokio::time::sleep(Duration::from_secs(5)).await;
        self.stage.broker.up()?;
        let mut row = self.stage.ended(asked).await;
        row.good &= held;
        self.rows.push(row);
        Ok(())
    }

    /// The kiosk's network is gone, and comes back.
    async fn cable(&mut self, cable: &Cable) -> Result<(), NotRun> {
        let wrong = |why: String| NotRun::Setup(std::io::Error::other(why));
        let site = self.stage.site("K08", SLOW)?;
        let before = site.files();
        let presence = format!("te/device/{}/service/esim-kiosk/status/health", site.label);
        let mut kiosk = site.start(cable.command(self.stage.agent.as_os_str()))?;
        let asked = self.stage.ask(&site, "the cable is pulled out while it uploads").await;
        let middle = self.stage.in_the_middle(&asked, 1).await;
        cable.cut().map_err(wrong)?;
        let (cut, watcher) = (Instant::now(), &self.stage.watcher);
        let down = watcher.until(&presence, PATIENCE, |state| state["status"] == "down").await;
        let noticed = cut.elapsed();
        // Longer than the kiosk needs to notice it too.
        tokio::time::sleep(Duration::from_secs(10)).await;
        cable.plug().map_err(wrong)?;
        let mut row = self.stage.ended(asked).await;
        row.good &= middle && down;
        write!(row.found, ", down was told after {} ms", noticed.as_millis()).ok();
        self.rows.push(row);
        cable.cut().map_err(wrong)?;
        let asked = self.stage.ask(&site, "asked while the cable was out").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        cable.plug().map_err(wrong)?;
        let mut row = self.stage.ended(asked).await;
        row.good &= kiosk.lives();
        self.rows.push(row);
        drop(kiosk);
        self.left(&site, &before);
        Ok(())
    }

    /// State and temporary directory lie on a disk on which not one byte is free.
    async fn full_disk(&mut self) -> Result<(), NotRun> {
        let disk = match Disk::mount(&self.stage.place("K09"), 64) {
            Ok(disk) => disk,
            Err(why) => {
                self.did_not_run("the disk is full", &why);
                return Ok(());
            }
        };
        let site = self.stage.site("K09", FAST)?;
        let mut kiosk = site.start(self.stage.program())?;
        self.rows.push(self.stage.pull(&site, "a small disk", &[]).await);
        disk.fill()?;
        let before = site.files();
        self.rows.push(self.stage.pull(&site, "the disk is full", &[]).await);
        let refused = self.order(&site, &mut kiosk, 1, "failed").await;
        self.rows.push(refused);
        let by_hand = self.by_hand(&site)?;
        self.rows.push(by_hand);
        self.left(&site, &before);
        disk.empty()?;
        self.rows.push(self.stage.pull(&site, "there is room again", &[]).await);
        drop(kiosk);
        Ok(())
    }

    /// The command at the machine itself: the bundle lies where there is room, and standard error says so.
    fn by_hand(&self, site: &Site) -> Result<Row, NotRun> {
        let began = Instant::now();
        let mut program = self.stage.program();
        program.args(["command", "report", "--config"]).arg(site.config()).arg("--output").arg(site.state().join(""));
        let done = program.output()?;
        let (said, path) = (String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout));
        let path = PathBuf::from(path.trim());
        let bytes = std::fs::metadata(&path).map_or(0, |found| found.len());
        std::fs::remove_file(&path).ok();
        let good =
            done.status.success() && bytes > 0 && !path.starts_with(site.state()) && said.contains("lies elsewhere");
        let found = format!("{} {}", path.display(), if good { "" } else { said.trim() });
        let case = "esim-kiosk report while the disk is full".to_owned();
        Ok(Row { case, found, ms: began.elapsed().as_millis(), bytes, received: 0, good })
    }

    /// An order whose counter cannot be kept must not be carried out: it could be carried out twice.
    async fn order(&self, site: &Site, kiosk: &mut Process, counter: u64, wanted: &str) -> Row {
        let began = Instant::now();
        let expires = jiff::Timestamp::MAX;
        let signed = Signed { kiosk: site.label.to_owned(), counter, expires, order: Order::Lock };
        let topic = format!("te/device/{}///cmd/kiosk_order/{counter}", site.label);
        let said = match sign(&operator_key(), &signed) {
            Ok(command) => command.to_string(),
            Err(error) => error.to_string(),
        };
        self.stage.watcher.say(&topic, &said).await;
        let ended = self.stage.watcher.until(&topic, PATIENCE, |state| state["status"] == wanted).await;
        let end = self.stage.watcher.latest(&topic);
        self.stage.watcher.say(&topic, "").await;
        let good = ended && kiosk.lives() && end["reason"].as_str().is_some_and(|why| why.contains("nothing was done"));
        let found = end["reason"].as_str().unwrap_or_default().to_owned();
        let case = "an order while the disk is full".to_owned();
        Row { case, found, ms: began.elapsed().as_millis(), bytes: 0, received: 0, good }
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
