//! The kiosk as a process of its own, one sale after the other: its memory and its handles, without the simulators'.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::Finding;
use crate::sim::stage::{Scenery, Stage};

/// Longer than a sale takes on a busy machine.
const SALE_MAX: Duration = Duration::from_secs(120);
/// What a sale may leave behind in memory, beside what fills once.
const MEMORY_PER_SALE: u64 = 2 << 10;
/// What may fill once after the warm-up of a short run.
const SLACK_KIB: u64 = 4 << 10;
/// From so many sales on it is the second half that counts, in which hardly anything fills any more.
const LONG: u32 = 200;
/// What may fill in that half all the same, in KiB.
const SLACK_OF_HALF_KIB: u64 = 768;

/// What came of it.
#[derive(Debug, Default)]
pub struct OfProcess {
    sales: u32,
    warm_sales: u32,
    warm: Seen,
    half: Seen,
    half_sales: u32,
    end: Seen,
    /// What was wrong.
    pub wrongs: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    resident_kib: u64,
    handles: u64,
    threads: u64,
}

impl Seen {
    fn of(process: u32) -> Seen {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches("kB").trim().parse().ok()
        };
        let handles = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, |entries| entries.count() as u64);
        Seen { resident_kib: field("VmRSS:").unwrap_or(0), handles, threads: field("Threads:").unwrap_or(0) }
    }
}

impl OfProcess {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let finding = |what: &str, found, most| Finding { what: format!("process: {what}"), found, most };
        let long = self.sales >= LONG;
        let (from, sales, slack) = if long {
            (self.half, self.sales - self.half_sales, SLACK_OF_HALF_KIB)
        } else {
            (self.warm, self.sales - self.warm_sales, SLACK_KIB)
        };
        let memory = self.end.resident_kib.saturating_sub(from.resident_kib);
        let name = if long { "memory of the second half, kB" } else { "memory, kB" };
        vec![
            finding(name, memory, slack + u64::from(sales) * MEMORY_PER_SALE / 1_024),
            finding("handles", self.end.handles.saturating_sub(self.warm.handles), 3),
            finding("threads", self.end.threads.saturating_sub(self.warm.threads), 2),
        ]
    }

    pub(super) fn told(&self) -> Value {
        json!({
            "sales": self.sales, "warm_after": self.warm_sales,
            "memory_kib": [self.warm.resident_kib, self.half.resident_kib, self.end.resident_kib],
            "handles": [self.warm.handles, self.end.handles], "threads": [self.warm.threads, self.end.threads],
        })
    }
}

/// `leaks_kib` is what the process keeps of each sale on purpose.
pub(super) async fn run(program: &Path, sales: u32, seed: u64, leaks_kib: u32) -> io::Result<OfProcess> {
    let dir = std::env::temp_dir().join(format!("esim-kiosk-soak-process-{}", std::process::id()));
    let stage = Stage::set(&Scenery { seed, ..Scenery::of_code(dir.clone()) })?;
    let done = live(program, &stage, sales, leaks_kib).await;
    drop(stage);
    std::fs::remove_dir_all(&dir).ok();
    done
}

async fn live(program: &Path, stage: &Stage, sales: u32, leaks_kib: u32) -> io::Result<OfProcess> {
    let mut child = Command::new(program)
        .arg("kiosk")
        .arg("--config")
        .arg(&stage.config)
        // One more than is counted: a process that is ending has nothing to be measured.
        .args(["--prints", "--rounds", &(sales + 1).to_string(), "--leaks", &leaks_kib.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let process = child.id().unwrap_or(0);
    let mut lines = BufReader::new(child.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?).lines();
    let mut found = OfProcess { warm_sales: (sales / 4).max(1), half_sales: sales / 2, ..OfProcess::default() };
    let mut codes = 0_u32;
    loop {
        let Ok(line) = tokio::time::timeout(SALE_MAX, lines.next_line()).await else {
            found.wrongs.push(format!("no sale within {} s", SALE_MAX.as_secs()));
            break;
        };
        let Some(line) = line? else { break };
        codes += u32::from(line.starts_with("code "));
        if line == "at-rest" {
            found.sales += 1;
            found.end = Seen::of(process);
            if found.sales == found.warm_sales {
                found.warm = found.end;
            }
            if found.sales == found.half_sales {
                found.half = found.end;
            }
            if found.sales == sales {
                break;
            }
        }
    }
    child.kill().await.ok();
    let paid = stage.terminal.ledger().book().payments.iter().filter(|payment| payment.paid_minor > 0).count();
    if found.sales != sales || codes != sales || paid < sales as usize || found.end.resident_kib == 0 {
        let had = found.sales;
        found.wrongs.push(format!("{sales} sales were wanted: {had} came to rest, {codes} codes shown, {paid} paid"));
    }
    Ok(found)
}
