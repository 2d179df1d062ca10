//! Whole kiosks at the broker, as processes of their own: they sell, are killed in the middle of sales, and their journals'
//! outboxes tell the office. In the end each journal and the office's books must name the same sales.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::{Child, Command};

use super::fleet::Ledger;
use crate::config::Config;
use crate::fleet::section::Section;
use crate::journal::archive::{Archive, Wanted};
use crate::sim::stage::{Scenery, Stage};

/// Each kiosk is killed at these records, in a sale each.
const DIES_AT: [u64; 5] = [2, 4, 5, 7, 8];
/// Longer than a life takes on a busy machine.
const LIFE: Duration = Duration::from_secs(150);

/// What the kiosks have sold, and what of it the office knows.
#[derive(Debug, Default)]
pub(super) struct Sold {
    pub(super) sales: usize,
    pub(super) kills: usize,
    pub(super) lost: usize,
    /// Sales in the office's books that no journal has.
    pub(super) invented: usize,
    pub(super) wrongs: Vec<String>,
}

impl Sold {
    fn add(&mut self, other: Sold) {
        self.sales += other.sales;
        self.kills += other.kills;
        self.lost += other.lost;
        self.invented += other.invented;
        self.wrongs.extend(other.wrongs);
    }
}

/// The kiosks: how many, with which program, and how they reach the broker.
pub(super) struct Sellers<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) kiosks: usize,
    /// The `[fleet]` of the kiosk of that label.
    pub(super) section: &'a dyn Fn(&str) -> io::Result<Section>,
}

impl Sellers<'_> {
    /// Lets them all live. `halfway` is called once, when half of all lives are over.
    pub(super) async fn sell(&self, ledger: &Arc<Mutex<Ledger>>, halfway: impl FnOnce()) -> io::Result<Sold> {
        let lives = Arc::new(AtomicUsize::new(0));
        let mut running = Vec::new();
        for number in 0..self.kiosks {
            let label = format!("P{number:02}");
            let folder = self.folder.join(&label);
            let section = (self.section)(&label)?;
            let kiosk = Seller::set(self.program, folder, label, &section, number as u64)?;
            running.push(tokio::spawn(kiosk.live(ledger.clone(), lives.clone())));
        }
        while lives.load(Ordering::Relaxed) < self.kiosks * DIES_AT.len() / 2
            && !running.iter().all(tokio::task::JoinHandle::is_finished)
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        halfway();
        let mut sold = Sold::default();
        for kiosk in running {
            sold.add(kiosk.await.map_err(io::Error::other)??);
        }
        Ok(sold)
    }
}

struct Seller {
    program: PathBuf,
    label: String,
    stage: Stage,
}

impl Seller {
    fn set(program: &Path, folder: PathBuf, label: String, section: &Section, seed: u64) -> io::Result<Seller> {
        let stage = Stage::set(&Scenery { seed, ..Scenery::of_code(folder) })?;
        let own = std::fs::read_to_string(&stage.config)?.replacen("\"K07\"", &format!("\"{label}\""), 1);
        let mut file = std::fs::File::options().write(true).truncate(true).open(&stage.config)?;
        write!(
            file,
            "{own}\n[fleet]\nbroker = \"{}\"\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\nsales = true\nkeep_alive_s = 5\n",
            section.broker,
            section.ca.display(),
            section.certificate.display(),
            section.key,
        )?;
        Ok(Seller { program: program.to_owned(), label, stage })
    }

    fn start(&self, wishes: &[&str]) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.arg("kiosk").arg("--config").arg(&self.stage.config).args(wishes);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()
    }

    async fn live(self, ledger: Arc<Mutex<Ledger>>, lives: Arc<AtomicUsize>) -> io::Result<Sold> {
        let mut sold = Sold::default();
        for place in DIES_AT {
            let ended = tokio::time::timeout(LIFE, self.start(&["--die-at", &place.to_string()])?.wait()).await;
            lives.fetch_add(1, Ordering::Relaxed);
            match ended {
                Ok(Ok(status)) if status.code().is_none() => sold.kills += 1,
                // What was left of the sale before had fewer records.
                Ok(Ok(status)) if status.success() => {}
                other => sold.wrongs.push(format!("{}: was to die at record {place}: {other:?}", self.label)),
            }
        }
        let ended = tokio::time::timeout(LIFE, self.start(&["--rounds", "2"])?.wait()).await;
        if !matches!(&ended, Ok(Ok(status)) if status.success()) {
            sold.wrongs.push(format!("{}: two travellers in a row: {ended:?}", self.label));
        }
        // It stays until the office has everything, and is killed in the middle of whatever it does then.
        let mut stays = self.start(&["--nobody", "--stays"])?;
        let known = |ledger: &Mutex<Ledger>| ledger.lock().unwrap_or_else(PoisonError::into_inner).of(&self.label);
        let all_there = async {
            while !closed(&self.stage.config)
                .is_ok_and(|closed| !closed.is_empty() && closed.is_subset(&known(&ledger)))
            {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(LIFE, all_there).await.ok();
        stays.kill().await?;
        sold.kills += 1;
        let (closed, known) = (closed(&self.stage.config)?, known(&ledger));
        sold.sales = closed.len();
        sold.lost = closed.difference(&known).count();
        sold.invented = known.difference(&closed).count();
        if sold.kills <= DIES_AT.len() / 2 {
            sold.wrongs.push(format!("{}: died only {} times", self.label, sold.kills));
        }
        if closed.len() < DIES_AT.len() {
            sold.wrongs.push(format!("{}: only {} sales came to their end", self.label, closed.len()));
        }
        Ok(sold)
    }
}

/// The ids of the sales that a journal calls closed.
fn closed(config: &Path) -> io::Result<BTreeSet<String>> {
    let config = Config::load(config).map_err(io::Error::other)?;
    let archive = Archive::open(&config.journal).map_err(io::Error::other)?;
    let rows = archive.list(&Wanted::default()).map_err(io::Error::other)?;
    Ok(rows.into_iter().filter(|row| row.closed.is_some()).map(|row| row.id.to_string()).collect())
}
