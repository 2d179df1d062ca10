//! One case after the other: cut, start again, come to rest, look into the books.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::below::Below;
use super::blade::{Cut, Disk, Length};
use super::books::{Kind, Wrong};
use super::damage::Damage;
use super::play::{Played, play, stuck};
use super::report::Report;
use super::scenario::{Scenario, Setting, all};
use super::teeth::Teeth;
use crate::sim::journal::When;
use crate::sim::terminal::Stranded;
use crate::sim::terminal::torture::in_virtual_time;

/// No run has so many records or effects.
const CUTS_MAX: u64 = 600;
/// A step is some dozen writes of a file: not every one of them is tried in every scenario.
const WRITES_STRIDE: u64 = 11;

/// So many runs through a cell are remembered.
const WAYS_MAX: usize = 8;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Only each so-many-th cut of a scenario; 1 is all of them.
    pub every: u64,
    /// Only each so-many-th pair of a cut and a second one in the start after it; 0 is none of them.
    pub pairs: u64,
    /// What the disk does with its last records.
    pub disk: Disk,
    /// Scenarios whose name holds this text.
    pub only: Option<String>,
    /// Faults below SQLite in place of cuts; the library must be loaded.
    pub below: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted { every: 1, pairs: 0, disk: Disk::Honest, only: None, below: false }
    }
}

impl Wanted {
    /// Every place of the blade is tried.
    fn is_whole(&self) -> bool {
        self.every <= 1 && !self.below && self.disk == Disk::Honest
    }
}

/// Every scenario, for terminals that reverse by themselves and for those that keep. Writes a row a scenario, then what
/// went wrong, the table of money and goods, and last one line of JSON.
///
/// # Errors
/// No runtime can be had, or `out` is closed. Must not be called from inside a runtime: each case brings its own, with paused time.
pub fn run(wanted: &Wanted, out: &mut (dyn io::Write + Send)) -> io::Result<Report> {
    let began = std::time::Instant::now();
    let [one, two, three] = if wanted.below { ["syncs", "writes", "full"] } else { ["writes", "effects", "disk"] };
    writeln!(out, "{:<46} {one:>8} {two:>8} {three:>8} {:>8} {:>8}", "scenario", "twice", "wrong")?;
    let asked: Vec<(&Scenario, Stranded)> = all()
        .filter(|scenario| wanted.only.as_ref().is_none_or(|only| scenario.name.contains(only.as_str())))
        .flat_map(|scenario| [(scenario, Stranded::Reverses), (scenario, Stranded::Keeps)])
        .collect();
    let next = AtomicUsize::new(0);
    let told = Mutex::new((Ok(Report { below: wanted.below, ..Report::default() }), out));
    // The library below SQLite knows one disk at a time.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = if wanted.below { 1 } else { cores };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((scenario, stranded)) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = Row::of(scenario, *stranded, wanted);
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    let (report, out) = &mut *told;
                    let Ok(sum) = report else { return };
                    let added = row.and_then(|row| {
                        writeln!(out, "{}", row.print())?;
                        out.flush()?;
                        row.add_to(sum);
                        Ok(())
                    });
                    if let Err(error) = added {
                        *report = Err(error);
                    }
                }
            });
        }
    });
    let (report, out) = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut report = report?;
    if wanted.is_whole() && wanted.pairs > 0 {
        writeln!(out, "{}", missed(wanted, &mut report)?)?;
    }
    report.took = began.elapsed();
    // Scenarios end in any order.
    report.faults.sort();
    writeln!(out, "{}", report.tail())?;
    Ok(report)
}

/// Cells through which sales went after a cut alone, and that no second cut met by chance: every second cut of a few such
/// runs is tried.
fn missed(wanted: &Wanted, sum: &mut Report) -> io::Result<String> {
    let mut text = String::new();
    for cell in sum.cells.missed() {
        for (name, stranded, first) in sum.ways.get(&cell).cloned().unwrap_or_default() {
            let Some(scenario) = all().find(|scenario| scenario.name == name) else { continue };
            let wanted = Wanted { pairs: 1, ..wanted.clone() };
            let mut row = Row::new(scenario, stranded, &wanted);
            let played = row.one(&[first], comes_back(first))?;
            row.twice(first, played.lives.get(1).copied().unwrap_or_default())?;
            text.push_str(&row.print());
            text.push('\n');
            row.add_to(sum);
            if !sum.cells.missed().contains(&cell) {
                break;
            }
        }
    }
    Ok(text)
}

/// A way to cut: at each of its places, at so many of them, on both sides or on one.
struct Way {
    cut: fn(u64, When) -> Cut,
    stride: u64,
    sides: &'static [When],
}

const BOTH: &[When] = &[When::Before, When::After];

fn ways(wanted: &Wanted) -> [Way; 3] {
    let stride = wanted.every.max(1);
    if !wanted.below {
        let cuts: [fn(u64, When) -> Cut; 3] = [Cut::Append, Cut::Effect, Cut::Disk];
        return cuts.map(|cut| Way { cut, stride, sides: BOTH });
    }
    let one = |cut: fn(u64, When) -> Cut, stride| Way { cut, stride, sides: &[When::Before] };
    [
        one(|place, _| Cut::Below(Below::Sync, place), stride),
        one(|place, _| Cut::Below(Below::Write, place), stride * WRITES_STRIDE),
        one(|place, _| Cut::Below(Below::Full, place), stride * WRITES_STRIDE),
    ]
}

/// One scenario before one kind of terminal.
struct Row<'a> {
    name: String,
    scenario: &'static str,
    stranded: Stranded,
    setting: Setting,
    wanted: &'a Wanted,
    report: Report,
    /// By the way of the cut.
    fell: [usize; 3],
    teeth: Teeth,
    /// Pairs of cuts that have gone by, tried or not.
    pair: u64,
    /// How long the run is by itself, where the first traveller comes back and where nobody does.
    lengths: [Length; 2],
}

/// Of the travellers whose kiosk is cut off, some come back with the code, and some never do.
fn comes_back(cut: Cut) -> bool {
    !matches!(cut, Cut::Effect(_, When::Before) | Cut::Disk(_, When::After))
}

impl<'a> Row<'a> {
    fn new(scenario: &Scenario, stranded: Stranded, wanted: &'a Wanted) -> Row<'a> {
        let mut setting = scenario.setting(stranded);
        setting.files |= wanted.below;
        let name = format!("{}{}", scenario.name, if stranded == Stranded::Keeps { ", keeps" } else { "" });
        let report = Report::default();
        // Of a sample each scenario has other places.
        let pair = name.bytes().map(u64::from).sum::<u64>() % wanted.pairs.max(1);
        let (fell, teeth, lengths) = ([0; 3], Teeth::default(), [Length::default(); 2]);
        Row { name, scenario: scenario.name, stranded, setting, wanted, report, fell, teeth, pair, lengths }
    }

    fn of(scenario: &Scenario, stranded: Stranded, wanted: &'a Wanted) -> io::Result<Row<'a>> {
        let mut row = Row::new(scenario, stranded, wanted);
        row.report.scenarios = 1;
        for back in [true, false] {
            let played = row.one(&[Cut::Never], back)?;
            row.lengths[usize::from(!back)] = played.lives.first().copied().unwrap_or_default();
        }
        for (column, way) in ways(wanted).iter().enumerate() {
            for side in way.sides {
                row.along(column, way, *side)?;
            }
        }
        let missing = row.teeth.missing(&row.setting, wanted.is_whole());
        if !missing.is_empty() {
            let what = format!("nothing of this ever struck: {missing:?}");
            row.judge(&[], vec![Wrong { kind: Kind::Toothless, what }]);
        }
        Ok(row)
    }

    /// As far as the run goes by itself; below SQLite only the run tells.
    fn reaches(&self, cut: Cut) -> Option<bool> {
        let length = self.lengths[usize::from(!comes_back(cut))];
        match cut {
            Cut::Append(place, _) | Cut::Disk(place, _) => Some(place <= length.writes),
            Cut::Effect(place, _) => Some(place <= length.effects),
            Cut::Below(..) | Cut::Never => None,
        }
    }

    /// At each place, until the run ends by itself.
    fn along(&mut self, column: usize, way: &Way, side: When) -> io::Result<()> {
        let first = self.name.bytes().map(u64::from).sum::<u64>() % way.stride + 1;
        for place in (0..CUTS_MAX).map(|turn| first + turn * way.stride) {
            let cut = (way.cut)(place, side);
            let reaches = self.reaches(cut);
            if reaches == Some(false) {
                return Ok(());
            }
            let played = self.one(&[cut], comes_back(cut))?;
            match (played.struck, reaches) {
                (true, _) => {}
                (false, None) => return Ok(()),
                // The uncut run has come this far.
                (false, Some(_)) => {
                    self.judge(&[cut], vec![stuck("the cut never fell")]);
                    continue;
                }
            }
            self.fell[column] += 1;
            self.report.cuts += 1;
            let second = played.lives.get(1).copied().unwrap_or_default();
            self.twice(cut, second)?;
        }
        self.judge(&[], vec![stuck(&format!("no end after {CUTS_MAX} cuts"))]);
        Ok(())
    }

    /// The start after this cut is cut too: at some of its records and effects.
    fn twice(&mut self, first: Cut, second: Length) -> io::Result<()> {
        let stride = self.wanted.pairs;
        if stride == 0 || self.wanted.below || self.setting.damage != Damage::None {
            return Ok(());
        }
        let appends = (1..=second.writes).flat_map(|place| BOTH.iter().map(move |side| Cut::Append(place, *side)));
        let effects = (1..=second.effects).flat_map(|place| BOTH.iter().map(move |side| Cut::Effect(place, *side)));
        for cut in appends.chain(effects) {
            self.pair += 1;
            if !self.pair.is_multiple_of(stride) {
                continue;
            }
            self.report.pairs += 1;
            if !self.one(&[first, cut], comes_back(first))?.struck {
                // The same run has come this far before.
                self.judge(&[first, cut], vec![stuck("the second cut never fell")]);
            }
        }
        Ok(())
    }

    fn one(&mut self, cuts: &[Cut], back: bool) -> io::Result<Played> {
        let mut played = case(&self.setting, cuts, self.wanted.disk, back)?;
        self.teeth.add(std::mem::take(&mut played.teeth));
        // What an uncut run goes through is met by first cuts.
        if let [cut] = cuts
            && *cut != Cut::Never
        {
            for cell in played.cells.all_passed() {
                let ways = self.report.ways.entry(cell).or_default();
                if ways.len() < WAYS_MAX {
                    ways.push((self.scenario, self.stranded, *cut));
                }
            }
        }
        self.report.cells.add(std::mem::take(&mut played.cells));
        self.judge(cuts, std::mem::take(&mut played.wrongs));
        Ok(played)
    }

    fn judge(&mut self, cuts: &[Cut], wrongs: Vec<Wrong>) {
        self.report.mismatches += usize::from(!wrongs.is_empty());
        for wrong in wrongs {
            *self.report.kinds.entry(wrong.kind).or_default() += 1;
            self.report.faults.push(format!("{}, {cuts:?}: {:?}: {}", self.name, wrong.kind, wrong.what));
        }
    }

    fn print(&self) -> String {
        let [one, two, three] = self.fell;
        let Report { pairs, mismatches, .. } = self.report;
        format!("{:<46} {one:>8} {two:>8} {three:>8} {pairs:>8} {mismatches:>8}", self.name)
    }

    fn add_to(self, sum: &mut Report) {
        sum.scenarios += self.report.scenarios;
        sum.cuts += self.report.cuts;
        sum.pairs += self.report.pairs;
        sum.mismatches += self.report.mismatches;
        for (kind, count) in self.report.kinds {
            *sum.kinds.entry(kind).or_default() += count;
        }
        sum.cells.add(self.report.cells);
        for (cell, ways) in self.report.ways {
            let known = sum.ways.entry(cell).or_default();
            known.extend(ways);
            known.truncate(WAYS_MAX);
        }
        sum.faults.extend(self.report.faults);
    }
}

/// One run under the blade: a cut a life, in this order.
fn case(setting: &Setting, cuts: &[Cut], disk: Disk, back: bool) -> io::Result<Played> {
    in_virtual_time(play(setting, cuts, disk, back))
}

#[cfg(test)]
pub(super) fn one(name: &str, stranded: Stranded, cut: Cut) -> (bool, Vec<Wrong>) {
    let scenario = all().find(|scenario| scenario.name == name).expect("a scenario");
    let played = case(&scenario.setting(stranded), &[cut], Disk::Honest, comes_back(cut)).expect("a runtime");
    (played.struck, played.wrongs)
}
