//! Real kills: the kiosk is a process of its own that ends by SIGKILL at its n-th record, before or after it; terminal
//! on a pty, printer, provider behind TLS and all ledgers live on in this one. Half a second later it starts again.
//!
//! One stage serves one scenario: each kill is one more sale in the same journal, so that what one kill leaves behind
//! is there at the next. Stages know nothing of each other and run side by side: most of a life is waiting.

mod scenario;
mod verdict;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinSet;

use crate::sim::journal::When;
use crate::sim::stage::{Scenery, Stage, put};

pub use scenario::{ALL, Scenario};
use verdict::{Life, Sums};

/// The kiosk that was killed is there again so soon.
const RESTART: Duration = Duration::from_millis(500);
/// No life has so many records.
const RECORDS_MAX: u64 = 120;
/// No life of a kiosk takes so long.
const LIFE_MAX: Duration = Duration::from_secs(150);
/// So many rounds share a journal, so that what one round leaves behind is there in the next; further rounds begin
/// another, which can run beside it.
const ROUNDS_OF_A_JOURNAL: u32 = 3;

/// What to run.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `esim-kiosk-sim`: its `kiosk` is what is killed.
    pub program: PathBuf,
    /// Where stages are set, one folder a scenario.
    pub dir: PathBuf,
    /// Only each so-many-th record; 1 is all of them.
    pub every: u64,
    /// Scenarios whose name holds this text.
    pub only: Option<String>,
    /// The whole table so many times.
    pub rounds: u32,
    /// So many stages at once.
    pub beside: usize,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Scenarios.
    pub scenarios: usize,
    /// Processes that ended by SIGKILL.
    pub kills: usize,
    /// What was wrong, in words.
    pub faults: Vec<String>,
}

/// Kills, and writes a row a scenario, then what went wrong, and last one line of JSON. Must be called inside a runtime.
///
/// # Errors
/// A stage cannot be set, the program cannot be started, or `out` is closed.
pub async fn run(wanted: &Wanted, out: &mut (dyn Write + Send)) -> io::Result<Report> {
    let began = std::time::Instant::now();
    let asked: Vec<&'static Scenario> = ALL
        .iter()
        .filter(|scenario| wanted.only.as_ref().is_none_or(|only| scenario.name.contains(only.as_str())))
        .collect();
    let mut report = Report { scenarios: asked.len(), ..Report::default() };
    writeln!(out, "{:<32} {:>8} {:>8} {:>8} {:>8}", "killed at each record", "journal", "records", "kills", "wrong")?;
    let mut waiting = stages(&asked, wanted.rounds.max(1));
    let mut running = JoinSet::new();
    loop {
        while running.len() < wanted.beside.max(1) {
            let Some((scenario, journal, rounds)) = waiting.pop_front() else { break };
            let wanted = wanted.clone();
            running.spawn(async move { one_stage(scenario, journal, rounds, &wanted).await });
        }
        let Some(ended) = running.join_next().await else { break };
        let row = ended.map_err(io::Error::other)??;
        let (name, journal, wrong) = (row.scenario.name, row.journal, row.faults.len());
        writeln!(out, "{name:<32} {journal:>8} {:>8} {:>8} {wrong:>8}", row.records, row.kills)?;
        out.flush()?;
        report.kills += row.kills;
        report.faults.extend(row.faults);
    }
    for fault in &report.faults {
        writeln!(out, "{fault}")?;
    }
    let counts = serde_json::json!({
        "run": "killed",
        "scenarios": report.scenarios,
        "cases": report.kills,
        "mismatches": report.faults.len(),
        "took_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    writeln!(out, "{counts}")?;
    Ok(report)
}

/// Scenario, number of its journal and rounds in it, for everything that is to run: first every scenario once.
fn stages(asked: &[&'static Scenario], rounds: u32) -> VecDeque<(&'static Scenario, u32, u32)> {
    let journals = rounds.div_ceil(ROUNDS_OF_A_JOURNAL);
    (0..journals)
        .flat_map(|journal| {
            let left = rounds - journal * ROUNDS_OF_A_JOURNAL;
            asked.iter().map(move |scenario| (*scenario, journal + 1, left.min(ROUNDS_OF_A_JOURNAL)))
        })
        .collect()
}

/// What one stage has seen.
struct Row {
    scenario: &'static Scenario,
    journal: u32,
    records: u64,
    kills: usize,
    /// Sales to which happened what was arranged.
    bites: usize,
    /// How the first life told its end, the last time.
    words: String,
    faults: Vec<String>,
}

/// Kills at record 1, 2, 3 … until a sale ends by itself, round after round in one journal.
async fn one_stage(scenario: &'static Scenario, journal: u32, rounds: u32, wanted: &Wanted) -> io::Result<Row> {
    let dir = wanted.dir.join(format!("{}-{journal}", scenario.name.replace([' ', ','], "-")));
    let stage = Stage::set(&Scenery { seed: u64::from(journal), ..Scenery::of_code(dir) })?;
    let mut row = Row { scenario, journal, records: 0, kills: 0, bites: 0, words: String::new(), faults: Vec::new() };
    let text = std::fs::read_to_string(&stage.config)?;
    let hold = format!("hold_ms = {}", scenario.hold_ms);
    let text = text.replace("hold_ms = 9000", &hold) + &(scenario.config)();
    put(&stage.config, text.as_bytes(), 0o644)?;
    if !scenario.first.is_empty() {
        let first: Vec<String> = scenario.first.iter().map(|text| (*text).to_owned()).collect();
        let life = live(wanted, &stage, &first).await?;
        if !life.well {
            return Err(io::Error::other(format!("{}, before the first sale: {}", scenario.name, life.words)));
        }
    }
    for _ in 0..rounds {
        'places: for place in 1..RECORDS_MAX {
            if wanted.every > 1 && place % wanted.every != 0 {
                continue;
            }
            for when in [When::Before, When::After] {
                if !one_kill(wanted, &stage, (place, when), &mut row).await? {
                    break 'places;
                }
                row.records = row.records.max(place);
            }
        }
    }
    if row.kills == 0 && wanted.every <= 1 {
        row.faults.push(format!("{}, journal {journal}: no life was killed: {}", scenario.name, row.words));
    }
    if row.kills > 0 && row.bites == 0 {
        row.faults.push(format!("{}, journal {journal}: what was arranged never happened", scenario.name));
    }
    Ok(row)
}

/// One sale that is killed, and what follows. Whether it was killed.
async fn one_kill(wanted: &Wanted, stage: &Stage, at: (u64, When), row: &mut Row) -> io::Result<bool> {
    let scenario = row.scenario;
    let before = Sums::of(stage)?;
    (scenario.prepare)(stage);
    let (place, when) = at;
    let side = if when == When::Before { "before" } else { "after" };
    let mut arguments: Vec<String> = scenario.arguments.iter().map(|text| (*text).to_owned()).collect();
    arguments.extend(["--die-at".to_owned(), place.to_string(), "--when".to_owned(), side.to_owned()]);
    let first = live(wanted, stage, &arguments).await?;
    let killed = first.killed;
    row.words.clone_from(&first.words);
    let mut lives = vec![first];
    if killed {
        row.kills += 1;
        tokio::time::sleep(RESTART).await;
    }
    (scenario.between)(stage);
    let mut back: Vec<String> = match lives[0].claim() {
        Some(code) if killed => vec!["--claim".to_owned(), code],
        _ => vec!["--nobody".to_owned()],
    };
    if scenario.closes_day && killed {
        back.push("--closes-day".to_owned());
    }
    lives.push(live(wanted, stage, &back).await?);
    (scenario.mend)(stage);
    row.bites += verdict::bites(stage, &before, scenario.teeth)?;
    let mut wrongs = verdict::wrongs(stage, &before, &lives).await?;
    if scenario.closes_day {
        wrongs.extend(verdict::days(stage, &before)?);
    }
    if wrongs.is_empty() && !lives.iter().skip(1).all(|life| life.well) {
        wrongs.push(format!("a life after the kill did not end well: {}", lives[1].words));
    }
    let journal = row.journal;
    let story = |wrong: String| format!("{}, journal {journal}, {side} record {place}: {wrong}", scenario.name);
    row.faults.extend(wrongs.into_iter().map(story));
    Ok(killed)
}

/// One process, from its start to its end.
async fn live(wanted: &Wanted, stage: &Stage, arguments: &[String]) -> io::Result<Life> {
    let child = Command::new(&wanted.program)
        .arg("kiosk")
        .arg("--config")
        .arg(&stage.config)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let ended = tokio::time::timeout(LIFE_MAX, child.wait_with_output()).await;
    let Ok(output) = ended else {
        return Err(io::Error::other(format!("the kiosk did not end: {arguments:?}, {}", stage.config.display())));
    };
    let output = output?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
    Ok(Life { said, words, killed: killed(output.status), well: output.status.success() })
}

fn killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}
