//! `torture printer`: the kiosk's printer against the simulated one, with every fault before, in the middle of and after
//! a receipt, on every model, over every kind of wire.
//!
//! Two travellers print in each case. The first meets the fault; then somebody puts the printer right; then the second
//! prints. Told apart by what really lies there:
//! - "confirmed", but no whole receipt of that traveller came out → `mismatches`;
//! - "not printed", but ink of that traveller is on a paper → `mismatches`;
//! - the printer is right again, and the second receipt does not come out confirmed and whole → `mismatches`;
//! - ink of one traveller on a paper of the other → `foreign`.
//!
//! `blemished` counts confirmed receipts from which a noisy serial line had taken letters: text has no check sum, and no
//! printer can tell. Parity on the line, USB and TCP do.

mod bench;
mod counts;

pub use counts::{Counts, Tally};

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::{Fault, MODELS, Model, Planned, Sheet};
use crate::printer::{PrintOutcome, ReceiptPrinter};
use crate::sim::chance::Chance;
use bench::{Bench, receipt};

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Only each so-many-th case over memory, drawn by chance; 1 plays all.
    pub every: u32,
    /// Moments within a receipt at which each fault strikes, on each model over memory.
    pub moments: u32,
    /// Cases over pseudo-terminals and TCP, drawn by chance.
    pub wired: u32,
    /// The same seed gives the same cases.
    pub seed: u64,
}

impl Size {
    /// Everything, in less than two minutes.
    pub fn whole(seed: u64) -> Size {
        Size { every: 1, moments: 4, wired: 40, seed }
    }

    /// A sample in some seconds.
    pub fn short(seed: u64) -> Size {
        Size { every: 5, moments: 3, wired: 8, seed }
    }
}

/// A kind of wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Memory,
    Serial,
    Usb,
    Tcp,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Memory => "memory",
            Way::Serial => "serial",
            Way::Usb => "usb",
            Way::Tcp => "tcp",
        }
    }
}

struct Case {
    model: &'static Model,
    way: Way,
    fault: Fault,
    /// The byte of the first receipt's stream; nothing for a fault that stands before it.
    at: Option<u64>,
    /// Bytes of the whole first receipt.
    length: u64,
}

impl Case {
    /// When the fault strikes, for the table.
    fn moment(&self) -> &'static str {
        match self.at {
            None => "before",
            Some(at) if at < self.length / 3 => "first third",
            Some(at) if at < self.length * 2 / 3 => "second third",
            Some(at) if at < self.length => "last third",
            Some(_) => "after",
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, fault) = (self.model.name, self.fault.name());
        match self.at {
            Some(at) => write!(f, "{model} over {}, {fault} at byte {at} of {}", self.way.name(), self.length),
            None => write!(f, "{model} over {}, {fault} before", self.way.name()),
        }
    }
}

/// Plays everything: over memory with a clock that jumps, and beside it over real wires. Not from within a runtime.
///
/// # Errors
/// As [`over_memory`] and [`over_wires`].
pub fn run(size: Size) -> io::Result<Counts> {
    let real = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let wired = real.spawn(over_wires(size));
    let still = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let mut counts = still.block_on(over_memory(size))?;
    drop(still);
    counts.add(real.block_on(wired).map_err(io::Error::other)??);
    Ok(counts)
}

/// Plays the cases over memory. Meant for paused time: then it takes no longer than its computing.
///
/// # Errors
/// The simulator cannot be started.
pub async fn over_memory(size: Size) -> io::Result<Counts> {
    let mut counts = Counts::default();
    let mut chance = Chance::new(size.seed);
    for model in &MODELS {
        let whole = Flawless::of(model).await?;
        let length = whole.length;
        for fault in Fault::all() {
            let stretch = past(length) / u64::from(size.moments.max(1));
            // Before it, and spread over the stream and some way past its end, by chance within each stretch.
            let moments = (0..u64::from(size.moments)).map(|moment| Some(moment * stretch));
            for start in std::iter::once(None).chain(moments) {
                let at = start.map(|start| start + chance.below(stretch.max(1)));
                if chance.below(size.every.max(1).into()) == 0 {
                    play(&Case { model, way: Way::Memory, fault, at, length }, &whole, &mut counts).await?;
                }
            }
        }
    }
    Ok(counts)
}

/// Plays some cases over pseudo-terminals and TCP, in real time, several at once.
///
/// # Errors
/// No pseudo-terminal, no loopback, no folder.
pub async fn over_wires(size: Size) -> io::Result<Counts> {
    let mut counts = Counts::default();
    let mut chance = Chance::new(size.seed);
    // Those that would only be waited for are played over memory.
    let faults: Vec<Fault> = Fault::all().into_iter().filter(|fault| !matches!(fault, Fault::Busy)).collect();
    let mut flawless = BTreeMap::new();
    let mut playing = JoinSet::new();
    for _ in 0..size.wired {
        let (Some(model), Some(fault)) = (chance.pick(&MODELS), chance.pick(&faults).copied()) else { break };
        let way = chance.pick(&[Way::Serial, Way::Usb, Way::Tcp]).copied().unwrap_or(Way::Serial);
        let whole = match flawless.get(model.name) {
            Some(whole) => Arc::clone(whole),
            None => Arc::clone(flawless.entry(model.name).or_insert(flawless_at_once(model).await?)),
        };
        let length = whole.length;
        let at = (chance.below(5) > 0).then(|| chance.below(past(length)));
        if playing.len() == AT_ONCE {
            counts.add(played(playing.join_next().await)?);
        }
        playing.spawn(async move {
            let mut counts = Counts::default();
            play(&Case { model, way, fault, at, length }, &whole, &mut counts).await.map(|()| counts)
        });
    }
    while !playing.is_empty() {
        counts.add(played(playing.join_next().await)?);
    }
    Ok(counts)
}

/// Nearly all of a case in real time is waiting: so many wait at once.
const AT_ONCE: usize = 8;

fn played(case: Option<Result<io::Result<Counts>, JoinError>>) -> io::Result<Counts> {
    case.map_or_else(|| Ok(Counts::default()), |case| case.map_err(io::Error::other)?)
}

/// The flawless receipts without waiting for a mechanism: a clock of their own that jumps.
async fn flawless_at_once(model: &'static Model) -> io::Result<Arc<Flawless>> {
    let made = tokio::task::spawn_blocking(move || {
        let still = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
        still.block_on(Flawless::of(model))
    });
    made.await.map_err(io::Error::other)?.map(Arc::new)
}

/// Where faults still strike something: a receipt and what is asked after it.
fn past(length: u64) -> u64 {
    length + length / 8
}

/// The two receipts as they come out when nothing happens.
struct Flawless {
    first: Sheet,
    second: Sheet,
    /// Bytes of the first, questions included.
    length: u64,
}

impl Flawless {
    async fn of(model: &'static Model) -> io::Result<Flawless> {
        // A loaded machine may be too slow for the deadlines of a wire in memory; then once more.
        for _ in 0..10 {
            let bench = Bench::new(model, Way::Memory).await?;
            bench.ready().await;
            let (mut sheets, mut length) = (Vec::new(), 0);
            for traveller in [1, 2] {
                bench.panel.take();
                bench.panel.set_traveller(traveller);
                bench.panel.plan(Vec::new());
                let said = bench.kiosk.print(&receipt(traveller)).await;
                length = if traveller == 1 { bench.panel.received() } else { length };
                bench.panel.take();
                let sheet = bench.panel.sheets().pop().filter(|_| said == PrintOutcome::Confirmed);
                sheets.extend(sheet.filter(|sheet| sheet.paper.travellers == [traveller].into()));
            }
            if let Ok([first, second]) = <[Sheet; 2]>::try_from(sheets) {
                return Ok(Flawless { first, second, length });
            }
        }
        Err(io::Error::other(format!("{} does not print although nothing happens to it", model.name)))
    }
}

async fn play(case: &Case, whole: &Flawless, counts: &mut Counts) -> io::Result<()> {
    let bench = Bench::new(case.model, case.way).await?;
    let panel = &bench.panel;
    let mut tally = Tally { cases: 1, ..Tally::default() };
    bench.ready().await;
    panel.take();
    panel.set_traveller(1);
    match case.at {
        Some(at) => panel.plan(vec![Planned { at, fault: case.fault }]),
        None => panel.befall(case.fault),
    }
    let said = bench.kiosk.print(&receipt(1)).await;
    if case.at.is_some_and(|at| at >= case.length) && !panel.has_fired() {
        // The receipt was over before.
        panel.befall(case.fault);
    }
    tally.struck = u32::from(panel.has_fired());
    panel.set_traveller(0);
    // The kiosk goes on looking at its printer while nobody mends it.
    let _unmended = bench.kiosk.status().await;
    panel.take();
    panel.repair();
    let mut mended = bench.ready().await;
    if !mended {
        // The kiosk has said all the time that it cannot print. Somebody switches the printer off and on.
        panel.befall(Fault::PowerCycle(Duration::from_secs(2)));
        tally.restarted = 1;
        mended = bench.ready().await;
    }
    let cut_short = panel.unknown_commands().len();
    let mut wrong = judge_first(case, &said, &panel.sheets(), whole, &mut tally);
    if mended {
        panel.take();
        panel.set_traveller(2);
        panel.plan(Vec::new());
        let second = bench.kiosk.print(&receipt(2)).await;
        panel.take();
        if second != PrintOutcome::Confirmed {
            wrong.push(format!("the second receipt: {second:?}"));
        } else if !has_whole(&panel.sheets(), &whole.second) {
            wrong.push("the second receipt is confirmed and not whole".to_owned());
        }
    } else {
        wrong.push("the printer is not ready again after it was put right".to_owned());
    }
    tally.mismatches = u32::try_from(wrong.len()).unwrap_or(u32::MAX);
    // Number 0 is the kiosk itself, clearing up.
    let both = |sheet: &&Sheet| sheet.paper.travellers.is_superset(&[1, 2].into());
    tally.foreign = u32::try_from(panel.sheets().iter().filter(both).count()).unwrap_or(u32::MAX);
    if tally.foreign > 0 {
        wrong.push("ink of two travellers on one paper".to_owned());
    }
    // Where a command was cut short, what follows it is none; not so in a receipt that is confirmed.
    let excused = match said {
        PrintOutcome::Confirmed if !matches!(case.fault, Fault::BytesLost(_)) => 0,
        _ => cut_short,
    };
    let unknown = &panel.unknown_commands()[excused..];
    tally.unknown_commands = u32::try_from(unknown.len()).unwrap_or(u32::MAX);
    wrong.extend(unknown.first().map(|command| format!("no such command: {command:02X?}")));
    counts.note(case, tally, &wrong);
    Ok(())
}

/// What the kiosk said of the first receipt, beside the paper.
fn judge_first(case: &Case, said: &PrintOutcome, sheets: &[Sheet], whole: &Flawless, tally: &mut Tally) -> Vec<String> {
    let inked = sheets.iter().any(|sheet| sheet.paper.travellers.contains(&1));
    match said {
        PrintOutcome::Confirmed => {
            tally.confirmed = 1;
            if has_whole(sheets, &whole.first) {
                return Vec::new();
            }
            // A line that loses bytes tells nobody; the end of the receipt was printed and cut all the same.
            if matches!(case.fault, Fault::BytesLost(_)) && inked {
                tally.blemished = 1;
                return Vec::new();
            }
            vec!["confirmed, and no whole receipt came out".to_owned()]
        }
        PrintOutcome::NotPrinted { .. } => {
            tally.not_printed = 1;
            if inked { vec!["not printed, and there is ink".to_owned()] } else { Vec::new() }
        }
        PrintOutcome::Unknown { .. } => {
            tally.unknown = 1;
            Vec::new()
        }
    }
}

/// Whether one of the papers is exactly the flawless one, dot by dot; white before and after does not count.
fn has_whole(sheets: &[Sheet], flawless: &Sheet) -> bool {
    let inked = |sheet: &Sheet| -> Vec<Vec<bool>> {
        let black = |row: &Vec<bool>| row.iter().any(|dot| *dot);
        let first = sheet.paper.rows.iter().position(black).unwrap_or(0);
        let last = sheet.paper.rows.iter().rposition(black).unwrap_or(0);
        sheet.paper.rows[first..=last].to_vec()
    };
    let wanted = inked(flawless);
    sheets.iter().any(|sheet| sheet.paper.travellers == flawless.paper.travellers && inked(sheet) == wanted)
}
