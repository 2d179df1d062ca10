//! Real power loss: every block write under the journal's file system is recorded; then each prefix of the record is a
//! disk whose power failed right there. It is mounted, the journal is opened by the product's own start, and whatever had
//! been acknowledged until then must be in it.
//!
//! Between two flushes a disk may keep any of the writes that it was given, in any order: beside each prefix a second disk
//! is made that has lost a drawn half of what came after the last flush.
//!
//! `qemu-storage-daemon` records (its `blklogwrites`, in the format of dm-log-writes) and exports the recorded disk as a
//! file through FUSE; loop, ext4 and mount are the kernel's. Needs root, `/dev/fuse` and loop devices.

mod judge;
mod log;
mod rig;
pub mod writer;

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::sim::chance::Chance;

use judge::{Promise, judge};
use log::Log;
use rig::Rig;

/// What is wrong on purpose: a run that does not notice it proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// `synchronous=NORMAL`: the log is written, and not synced with each step.
    Normal,
    /// The step is acknowledged before it is written: who acts before the append.
    Early,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `esim-kiosk-sim`: its `power-writer` keeps the books on the recorded disk.
    pub program: PathBuf,
    /// A folder for disks and record; best in memory.
    pub dir: PathBuf,
    /// At least so many disks are looked at, as long as sales are written for them.
    pub images: usize,
    /// What is wrong on purpose.
    pub control: Option<Control>,
    /// Of the halves that are lost.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Disks that were mounted.
    pub images: usize,
    /// Of these, with a part of the unflushed writes lost.
    pub torn: usize,
    /// Steps that the journal acknowledged.
    pub acknowledged: usize,
    /// Writes and flushes that were recorded.
    pub entries: usize,
    /// Disks on which something acknowledged was missing.
    pub lost: usize,
    /// Disks whose journal was damaged, or could not be opened.
    pub damaged: usize,
    /// The first of what was wrong, in words.
    pub faults: Vec<String>,
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// This machine cannot.
    #[error("power loss cannot be played here: {0}")]
    Missing(String),
    /// Files or processes.
    #[error("the rig cannot be set up")]
    Setup(#[from] io::Error),
}

/// Stories of so many faults are kept.
const STORIES_MAX: usize = 20;
/// Disks that a sale gives, as measured: some 45 block writes, and a torn disk beside every third.
const IMAGES_PER_SALE: usize = 58;

/// Records, replays, judges, and writes what came of it.
///
/// # Errors
/// [`NotRun`].
pub fn run(wanted: &Wanted, out: &mut dyn Write) -> Result<Report, NotRun> {
    let began = std::time::Instant::now();
    let sales = wanted.images.div_ceil(IMAGES_PER_SALE).max(2);
    let rig = Rig::set(&wanted.dir)?;
    let promises = record(wanted, &rig, sales)?;
    let (recorded, size) = rig.take_down()?;
    let log = Log::read(&recorded)?;
    let mut report = Report {
        entries: log.entries.len(),
        acknowledged: promises.iter().filter(|promise| promise.sale.is_some()).count(),
        ..Report::default()
    };
    replay(wanted, &log, &promises, size, &mut report)?;
    for fault in &report.faults {
        writeln!(out, "{fault}")?;
    }
    let counts = serde_json::json!({
        "run": "power-loss",
        "control": wanted.control.map(|control| format!("{control:?}").to_lowercase()),
        "cases": report.images,
        "torn": report.torn,
        "entries": report.entries,
        "acknowledged": report.acknowledged,
        "lost": report.lost,
        "damaged": report.damaged,
        "mismatches": report.lost + report.damaged,
        "took_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    writeln!(out, "{counts}")?;
    Ok(report)
}

/// Lets a process keep its books on the recorded disk. What it was acknowledged, and how long the record was then.
fn record(wanted: &Wanted, rig: &Rig, sales: usize) -> Result<Vec<Promise>, NotRun> {
    let control: &[&str] = match wanted.control {
        None => &[],
        Some(Control::Normal) => &["--normal"],
        Some(Control::Early) => &["--early"],
    };
    let mut writer = Command::new(&wanted.program)
        .arg("power-writer")
        .arg(rig.mounted())
        .args(["--sales", &sales.to_string()])
        .args(control)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut promises = Vec::new();
    let (Some(mut answers), Some(told)) = (writer.stdin.take(), writer.stdout.take()) else {
        return Err(NotRun::Setup(io::Error::other("the writer has no pipes")));
    };
    for line in BufReader::new(told).lines() {
        let line = line?;
        let place = log::length(&rig.record())?;
        promises
            .push(Promise::read(&line, place).ok_or_else(|| io::Error::other(format!("the writer said {line:?}")))?);
        // It waits for this: what it does next comes after the place that was noted.
        answers.write_all(b"\n")?;
    }
    let ended = writer.wait()?;
    if !ended.success() {
        return Err(NotRun::Setup(io::Error::other(format!("the writer ended with {ended}"))));
    }
    Ok(promises)
}

/// Every prefix from the first promise on, and beside it a disk that lost a part of what no flush had covered.
fn replay(wanted: &Wanted, log: &Log, promises: &[Promise], size: u64, report: &mut Report) -> Result<(), NotRun> {
    let mut chance = Chance::new(wanted.seed);
    let first = promises.first().map_or(0, |promise| promise.place);
    // The disk as the last flush left it, and what came after.
    let whole = wanted.dir.join("whole.raw");
    let flushed = wanted.dir.join("flushed.raw");
    let image = wanted.dir.join("image.raw");
    for path in [&whole, &flushed] {
        std::fs::File::create(path)?.set_len(size)?;
    }
    let mut unflushed: Vec<usize> = Vec::new();
    let mut safe = 0;
    for (place, entry) in log.entries.iter().enumerate() {
        log.apply(place, &whole)?;
        if entry.is_through() {
            log.apply(place, &flushed)?;
        } else {
            unflushed.push(place);
        }
        if entry.is_flush() {
            for done in unflushed.drain(..) {
                log.apply(done, &flushed)?;
            }
            safe = place + 1;
        }
        let length = place + 1;
        if length < first {
            continue;
        }
        std::fs::copy(&whole, &image)?;
        weigh(wanted, &image, promises, length, "", report)?;
        let kept: Vec<usize> = unflushed.iter().copied().filter(|_| chance.per_mille(500)).collect();
        if kept.len() < unflushed.len() {
            std::fs::copy(&flushed, &image)?;
            for place in kept {
                log.apply(place, &image)?;
            }
            report.torn += 1;
            weigh(wanted, &image, promises, safe, ", torn after it", report)?;
        }
    }
    for path in [whole, flushed, image] {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// One disk: everything that was promised while the record was `length` long must be on it.
fn weigh(
    wanted: &Wanted,
    image: &Path,
    promises: &[Promise],
    length: usize,
    how: &str,
    report: &mut Report,
) -> Result<(), NotRun> {
    report.images += 1;
    let due: Vec<&Promise> = promises.iter().filter(|promise| promise.place <= length).collect();
    let found = rig::with_mounted(image, &wanted.dir.join("crashed"), |directory| judge(directory, &due))?;
    let story = match found {
        Ok(()) => return Ok(()),
        Err(judge::Wrong::Lost(what)) => {
            report.lost += 1;
            what
        }
        Err(judge::Wrong::Damaged(what)) => {
            report.damaged += 1;
            what
        }
    };
    if report.faults.len() < STORIES_MAX {
        report.faults.push(format!("after write {length}{how}: {story}"));
    }
    Ok(())
}
