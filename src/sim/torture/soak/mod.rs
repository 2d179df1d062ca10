//! Unattended months, compressed: what grows with sales and days, and what must not grow at all.
//!
//! Three parts, each measured from after its warm-up to its end:
//! - **month**: the product's loop, journal and terminal session in virtual time, with ends of day, restarts, steps of
//!   the clock, outages, and the records of old sales taken out;
//! - **line**: fleet links at a broker that throws them out again and again, with certificates and configurations
//!   replaced in between;
//! - **process**: the kiosk as a process of its own at the simulators on ptys and TLS, one sale after the other.

mod line;
mod process;

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::sim::torture::sale::{Lived, Month, Sample, lived};

pub use line::Lines;
pub use process::OfProcess;

/// How long.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `esim-kiosk-sim`: its `kiosk` is the process.
    pub program: PathBuf,
    /// Days of the month.
    pub days: u32,
    /// Travellers a day.
    pub sales_a_day: u32,
    /// How often every link is thrown out.
    pub reconnects: u32,
    /// Sales of the process.
    pub process_sales: u32,
    /// Of everything random.
    pub seed: u64,
}

/// KiB a sale that the process of the control keeps.
const LEAKS_KIB: u32 = 24;

/// The control: a process that keeps a little of each sale. Returns 0 if that is noticed, 1 if not. Must not be called
/// inside a runtime.
///
/// # Errors
/// The process cannot be set up, or `out` is closed.
pub fn run_leaking(wanted: &Wanted, out: &mut dyn Write) -> io::Result<usize> {
    let runtime = crate::assembly::runtime().map_err(io::Error::other)?;
    let process =
        runtime.block_on(process::run(&wanted.program, wanted.process_sales.max(240), wanted.seed, LEAKS_KIB))?;
    runtime.shutdown_background();
    let noticed =
        process.findings().iter().any(|finding| finding.what.contains("memory") && finding.found > finding.most);
    let sold = process.wrongs.is_empty();
    let mismatches = usize::from(!(noticed && sold));
    writeln!(
        out,
        "{}",
        json!({ "run": "soak", "control": "leak", "leaks_kib_a_sale": LEAKS_KIB, "noticed": noticed, "process": process.told(),
                "wrongs": process.wrongs, "mismatches": mismatches })
    )?;
    Ok(mismatches)
}

/// Memory that may be there after the warm-up: caches that fill once.
const SLACK_BYTES: u64 = 4 << 20;
/// Memory that a sale of the month may leave behind. The simulators' ledgers, which must remember every payment and
/// order to be compared, are in it.
const MEMORY_PER_SALE: u64 = 1 << 10;
/// What a sale may take of the database for as long as its records are kept.
const DATABASE_PER_SALE: u64 = 24 << 10;
/// What a day may take of it beside its sales.
const DATABASE_PER_DAY: u64 = 64 << 10;
/// The write-ahead log: 2 MB are moved into the database by the next probe, and a transaction comes on top.
const LOG_BYTES: u64 = 8 << 20;
/// Recorder and history, whatever happens.
const RECORDER_BYTES: u64 = 6 << 20;
/// The records of the newest so many sales are always kept (`journal::retention`).
const KEPT_ALWAYS: u64 = 1_000;

/// A bound, and what was found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Of which part, and of what.
    pub what: String,
    /// Found.
    pub found: u64,
    /// Allowed.
    pub most: u64,
}

/// Lives through all three parts; writes a row a sample, then each bound, and last one line of JSON. Returns how many
/// bounds were broken or things were wrong. Must not be called inside a runtime.
///
/// # Errors
/// A part cannot be set up, or `out` is closed.
pub fn run(wanted: &Wanted, out: &mut dyn Write) -> io::Result<usize> {
    let began = std::time::Instant::now();
    let keep_sales_days = 31.min(wanted.days / 4).max(1);
    let samples = if wanted.days < 4 { 8 } else { 1 };
    let month =
        Month { days: wanted.days, sales_a_day: wanted.sales_a_day, samples, keep_sales_days, seed: wanted.seed };
    writeln!(
        out,
        "{:>6} {:>7} {:>9} {:>7} {:>5} {:>5} {:>10} {:>9} {:>9}",
        "days", "sales", "memory kB", "handles", "tasks", "files", "database", "log", "recorder"
    )?;
    let mut broken_pipe = Ok(());
    let lived = lived(&month, &mut |sample| {
        if broken_pipe.is_ok() {
            broken_pipe = row(out, sample);
        }
    })?;
    broken_pipe?;
    let mut findings = bounds(&lived);
    let mut wrongs = lived.wrongs.clone();
    let runtime = crate::assembly::runtime().map_err(io::Error::other)?;
    let lines = runtime.block_on(line::run(wanted.reconnects))?;
    findings.extend(lines.findings());
    wrongs.extend(lines.wrongs.clone());
    let process = if wanted.process_sales > 0 {
        let process = runtime.block_on(process::run(&wanted.program, wanted.process_sales, wanted.seed, 0))?;
        findings.extend(process.findings());
        wrongs.extend(process.wrongs.clone());
        Some(process)
    } else {
        None
    };
    runtime.shutdown_background();
    writeln!(out, "\n{:<44} {:>12} {:>12}", "growth after the warm-up", "found", "at most")?;
    for Finding { what, found, most } in &findings {
        let mark = if found > most { "  TOO MUCH" } else { "" };
        writeln!(out, "{what:<44} {found:>12} {most:>12}{mark}")?;
    }
    for wrong in &wrongs {
        writeln!(out, "WRONG: {wrong}")?;
    }
    let mismatches = wrongs.len() + findings.iter().filter(|finding| finding.found > finding.most).count();
    let mut last = told(&lived, &lines, process.as_ref());
    last["mismatches"] = mismatches.into();
    last["seconds"] = began.elapsed().as_secs().into();
    writeln!(out, "{last}")?;
    Ok(mismatches)
}

fn row(out: &mut dyn Write, at: &Sample) -> io::Result<()> {
    writeln!(
        out,
        "{:>6.2} {:>7} {:>9} {:>7} {:>5} {:>5} {:>10} {:>9} {:>9}",
        at.days,
        at.sales,
        at.resident_bytes / 1_024,
        at.handles,
        at.tasks,
        at.files,
        at.database_bytes,
        at.log_bytes,
        at.recorder_bytes
    )?;
    out.flush()
}

/// From the first quarter of the samples, or the first day, to the last one.
fn ends(lived: &Lived) -> (Sample, Sample) {
    let warm = lived.samples.len() / 4;
    let first = lived.samples.get(warm.min(2)).copied().unwrap_or_default();
    (first, lived.samples.last().copied().unwrap_or_default())
}

fn bounds(lived: &Lived) -> Vec<Finding> {
    let (first, last) = ends(lived);
    let (sales, days) = (last.sales - first.sales, (last.days - first.days).ceil().max(1.0) as u64);
    let finding = |what: &str, found, most| Finding { what: format!("month: {what}"), found, most };
    let peak = |of: fn(&Sample) -> u64| lived.samples.iter().map(of).max().unwrap_or(0);
    let kept = if lived.taken_out > 0 { sales.min(KEPT_ALWAYS * 2) } else { sales };
    vec![
        finding(
            "memory, bytes",
            last.resident_bytes.saturating_sub(first.resident_bytes),
            SLACK_BYTES + sales * MEMORY_PER_SALE,
        ),
        finding("handles", last.handles.saturating_sub(first.handles), 2),
        finding("tasks", last.tasks.saturating_sub(first.tasks), 4),
        finding("files", last.files.saturating_sub(first.files), 3),
        finding(
            "database, bytes",
            last.database_bytes.saturating_sub(first.database_bytes),
            kept * DATABASE_PER_SALE + days * DATABASE_PER_DAY,
        ),
        finding("write-ahead log at its largest, bytes", peak(|sample| sample.log_bytes), LOG_BYTES),
        finding("recorder and history at their largest, bytes", peak(|sample| sample.recorder_bytes), RECORDER_BYTES),
    ]
}

fn told(lived: &Lived, lines: &Lines, process: Option<&OfProcess>) -> Value {
    let (first, last) = ends(lived);
    let (sales, days) = ((last.sales - first.sales).max(1), (last.days - first.days).max(0.01));
    let database = last.database_bytes.saturating_sub(first.database_bytes);
    let memory = last.resident_bytes.saturating_sub(first.resident_bytes);
    json!({
        "run": "soak",
        "days": last.days.round(),
        "cases": last.sales,
        "day_ends": lived.day_ends,
        "starts": lived.starts,
        "clock_steps": lived.clock_steps,
        "records_taken_out": lived.taken_out,
        "memory_kib": { "warm": first.resident_bytes / 1_024, "end": last.resident_bytes / 1_024, "bytes_per_sale": memory / sales },
        "handles": [first.handles, last.handles],
        "files": [first.files, last.files],
        "database_bytes": { "end": last.database_bytes, "per_sale": database / sales, "per_day": (database as f64 / days).round() },
        "line": lines.told(),
        "process": process.map(OfProcess::told),
    })
}
