//! One case after the other: cut, start again, come to rest, look into the books.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::below::Below;
use super::blade::{Cut, Disk};
use super::books::{Kind, Wrong, is_settled};
use super::damage::{self, Fate};
use super::scenario::{Scenario, Setting, all};
use super::shop::{Ends, Manner};
use super::stand::{Open, Stand};
use crate::kiosk::{Inbox, OperatorCommand};
use crate::sim::journal::When;
use crate::sim::kiosk::robot::{Ended, Errand, Robot, Sight};
use crate::sim::terminal::torture::in_virtual_time;
use crate::sim::terminal::{Cardholder, Stranded};

/// Longer than any traveller waits.
const PATIENCE: Duration = Duration::from_secs(900);
/// What has not come to rest after so long never does.
const FOR_EVER: Duration = Duration::from_secs(3_600);
/// No run has so many records or effects.
const CUTS_MAX: u64 = 200;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Only each so-many-th cut of a scenario; 1 is all of them.
    pub every: u64,
    /// What the disk does with its last records.
    pub disk: Disk,
    /// Scenarios whose name holds this text.
    pub only: Option<String>,
    /// Faults below SQLite in place of cuts; the library must be loaded.
    pub below: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted { every: 1, disk: Disk::Honest, only: None, below: false }
    }
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Scenarios, each for both kinds of terminals.
    pub scenarios: usize,
    /// Cuts that fell, uncut runs not counted.
    pub cuts: usize,
    /// Runs in which something was wrong.
    pub mismatches: usize,
    /// How often each thing was wrong.
    pub kinds: BTreeMap<Kind, usize>,
    faults: Vec<String>,
    below: bool,
    took: Duration,
}

impl Report {
    fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// The faults and, last, one line of JSON.
    fn tail(&self) -> String {
        let mut text = String::new();
        for fault in self.faults.iter().take(60) {
            text.push_str(fault);
            text.push('\n');
        }
        let counts = serde_json::json!({
            "run": if self.below { "sale, faults below SQLite" } else { "sale" },
            "scenarios": self.scenarios,
            "cases": self.cuts,
            "mismatches": self.mismatches,
            "double_charges": self.count(Kind::DoubleCharge),
            "charged_for_nothing": self.count(Kind::ChargedForNothing),
            "goods_for_nothing": self.count(Kind::GoodsForNothing),
            "money_told_wrong": self.count(Kind::MoneyToldWrong),
            "stray_commits": self.count(Kind::StrayCommit),
            "double_orders": self.count(Kind::DoubleOrder),
            "lost_records": self.count(Kind::LostRecord),
            "wrong_codes": self.count(Kind::WrongCode),
            "acted_in_doubt": self.count(Kind::ActedInDoubt),
            "stuck": self.count(Kind::Stuck),
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        });
        text.push_str(&counts.to_string());
        text
    }
}

/// Every scenario, for terminals that reverse by themselves and for those that keep. Writes a row a scenario, then what
/// went wrong, and last one line of JSON.
///
/// # Errors
/// No runtime can be had, or `out` is closed. Must not be called from inside a runtime: each case brings its own, with paused time.
pub fn run(wanted: &Wanted, out: &mut dyn io::Write) -> io::Result<Report> {
    let began = std::time::Instant::now();
    let mut report = Report { below: wanted.below, ..Report::default() };
    let [one, two, three] = if wanted.below { ["syncs", "writes", "full"] } else { ["writes", "effects", "disk"] };
    writeln!(out, "{:<46} {one:>8} {two:>8} {three:>8} {:>8}", "scenario", "wrong")?;
    for scenario in all() {
        if wanted.only.as_ref().is_some_and(|only| !scenario.name.contains(only.as_str())) {
            continue;
        }
        for stranded in [Stranded::Reverses, Stranded::Keeps] {
            writeln!(out, "{}", one_scenario(scenario, stranded, wanted, &mut report)?)?;
            out.flush()?;
        }
    }
    report.took = began.elapsed();
    writeln!(out, "{}", report.tail())?;
    Ok(report)
}

/// A way to cut: at each of its places, at so many of them, on both sides or on one.
struct Way {
    cut: fn(u64, When) -> Cut,
    stride: u64,
    sides: &'static [When],
}

const BOTH: &[When] = &[When::Before, When::After];
/// A step is some dozen writes of a file: not every one of them is tried in every scenario.
const WRITES_STRIDE: u64 = 11;

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

fn one_scenario(scenario: &Scenario, stranded: Stranded, wanted: &Wanted, report: &mut Report) -> io::Result<String> {
    let mut setting = scenario.setting(stranded);
    setting.files |= wanted.below;
    let before = report.mismatches;
    report.scenarios += 1;
    judge(scenario, stranded, Cut::Never, case(&setting, Cut::Never, Disk::Honest)?.1, report);
    let mut fell = [0; 3];
    for (column, way) in ways(wanted).iter().enumerate() {
        'places: for place in (1..=CUTS_MAX).map(|turn| turn * way.stride) {
            for when in way.sides {
                let cut = (way.cut)(place, *when);
                let (struck, wrongs) = case(&setting, cut, wanted.disk)?;
                if !struck {
                    break 'places;
                }
                fell[column] += 1;
                report.cuts += 1;
                judge(scenario, stranded, cut, wrongs, report);
            }
        }
    }
    let name = format!("{}{}", scenario.name, if stranded == Stranded::Keeps { ", keeps" } else { "" });
    let wrong = report.mismatches - before;
    Ok(format!("{name:<46} {:>8} {:>8} {:>8} {wrong:>8}", fell[0], fell[1], fell[2]))
}

fn judge(scenario: &Scenario, stranded: Stranded, cut: Cut, wrongs: Vec<Wrong>, report: &mut Report) {
    if wrongs.is_empty() {
        return;
    }
    report.mismatches += 1;
    for wrong in wrongs {
        *report.kinds.entry(wrong.kind).or_default() += 1;
        report.faults.push(format!("{} ({stranded:?}), {cut:?}: {:?}: {}", scenario.name, wrong.kind, wrong.what));
    }
}

/// One run under the blade. Whether it fell, and what was wrong.
pub(super) fn case(setting: &Setting, cut: Cut, disk: Disk) -> io::Result<(bool, Vec<Wrong>)> {
    in_virtual_time(play(setting, cut, disk))
}

async fn play(setting: &Setting, cut: Cut, disk: Disk) -> (bool, Vec<Wrong>) {
    let stand = Stand::set(setting);
    let mut wrongs = Vec::new();
    if setting.earlier {
        wrongs.extend(earlier_traveller(&stand).await);
        stand.shop.set(setting.manner);
    }
    let mut open = stand.open(cut, disk);
    let mut traveller = stand.traveller(&open);
    let ended = tokio::select! {
        biased;
        ended = traveller.run(&setting.errand, PATIENCE) => ended,
        () = open.life.ended() => Ended::Dead,
    };
    let code = traveller.seen().iter().find_map(|sight| match sight {
        Sight::Claim { code, .. } => Some(code.clone()),
        _ => None,
    });
    let mut struck = has_struck(&stand, &open);
    if !struck && setting.day_end {
        // The end of day is cut too.
        wrongs.extend(day_closes(&stand, &open).await);
        struck = has_struck(&stand, &open);
    }
    if !struck && cut != Cut::Never {
        return (false, Vec::new());
    }
    let mut fate = Fate::default();
    if struck {
        open.end(&stand, cut).await;
        between(setting, &stand).await;
        let (befell, faults) = damage::befalls(setting, &stand);
        (fate, wrongs) = (befell, [wrongs, faults].concat());
        open = stand.open(Cut::Never, Disk::Honest);
        wrongs.extend(fate.aftermath(setting, &stand, &open).await);
    } else if ended == Ended::Stuck {
        wrongs.push(stuck("the first traveller never came to an end"));
    }
    if setting.wanted_twice {
        // Sold out, or free again: either is the truth, and the books tell which.
        let other = Errand::Buy { cancels: None, prints: false, walks_off: false };
        stand.traveller(&open).run(&other, PATIENCE).await;
    }
    if let Some(dark) = setting.offline {
        sleep(dark).await;
        stand.shop.set_offline(false);
    }
    if setting.day_end {
        wrongs.extend(day_closes(&stand, &open).await);
    }
    rest(&stand, false).await;
    if let (true, Some(code)) = (comes_back(cut), code) {
        let mut traveller = stand.traveller(&open);
        let ended = traveller.run(&Errand::Claim(code), PATIENCE).await;
        if ended != Ended::AtRest {
            wrongs.push(stuck(&format!("the claim code led {ended:?}, through {:?}", screens(&traveller))));
        }
    }
    wrongs.extend(fate.next_traveller(&stand, &open).await);
    rest(&stand, true).await;
    wrongs.extend(fate.audit(&stand));
    if let Some(last) = wrongs.last_mut() {
        write!(last.what, "\n{}", story(&stand)).ok();
    }
    open.end(&stand, Cut::Never).await;
    (struck || cut == Cut::Never, wrongs)
}

/// Whether the blade has fallen, on program, journal or disk.
fn has_struck(stand: &Stand, open: &Open) -> bool {
    if stand.disk.was_struck() {
        open.life.disk_has_failed();
    }
    open.life.has_struck()
}

/// Every sale with the kinds of its records, for whoever looks for the fault.
pub(super) fn story(stand: &Stand) -> String {
    let mut text = String::new();
    for sale in stand.disk.sales() {
        write!(text, "    {}:", sale.quote.number).ok();
        for record in stand.disk.records(sale.id) {
            let value = serde_json::to_value(&record).unwrap_or_default();
            let more = value.get("evidence").or(value.get("reason")).or(value.get("how")).or(value.get("text"));
            let kind = value.get("kind").and_then(|kind| kind.as_str()).unwrap_or("?").to_owned();
            write!(text, " {kind}{}", more.map_or(String::new(), |more| format!("({more})"))).ok();
        }
        text.push('\n');
    }
    for payment in stand.terminal.ledger().book().payments {
        let receipt = payment.receipt.unwrap_or_default();
        writeln!(
            text,
            "    receipt {receipt}: {:?} {:?}, paid {}",
            payment.state, payment.reversal, payment.paid_minor
        )
        .ok();
    }
    text
}

fn stuck(what: &str) -> Wrong {
    Wrong { kind: Kind::Stuck, what: what.to_owned() }
}

/// The screens that a traveller went through.
fn screens(traveller: &Robot) -> Vec<&'static str> {
    let name = |sight: &Sight| match sight {
        Sight::Screen(name) => Some(*name),
        _ => None,
    };
    traveller.seen().iter().filter_map(name).collect()
}

/// Travellers whose kiosk was cut off at a record come back with the code, the others never do.
fn comes_back(cut: Cut) -> bool {
    !matches!(cut, Cut::Effect(..))
}

/// What happens while the kiosk is down.
async fn between(setting: &Setting, stand: &Stand) {
    sleep(setting.down).await;
    stand.step_wall(setting.wall);
    if setting.day_closes {
        stand.terminal.panel().close_day_unasked();
    }
}

/// The day is closed, once; what was begun before goes on by itself.
async fn day_closes(stand: &Stand, open: &Open) -> Vec<Wrong> {
    let until = Instant::now() + FOR_EVER;
    let (mut ordered, patience) = (Instant::now(), Duration::from_secs(60));
    // A kiosk whose disk has failed closes nothing any more: its next start does.
    while stand.disk.days() == 0 && !has_struck(stand, open) && Instant::now() < until {
        if Instant::now() >= ordered {
            ordered = Instant::now() + patience;
            // Refused while one is under way.
            open.inbox.send(Inbox::Operator(OperatorCommand::EndOfDay)).await.ok();
        }
        sleep(Duration::from_secs(1)).await;
    }
    if stand.disk.days() == 0 && !has_struck(stand, open) {
        vec![stuck("the day was never closed")]
    } else {
        Vec::new()
    }
}

/// Waits until nothing moves any more, at the longest for ever.
pub(super) async fn rest(stand: &Stand, last: bool) {
    let until = Instant::now() + FOR_EVER;
    let panel = stand.terminal.panel();
    while Instant::now() < until {
        let settled = stand.disk.sales().iter().all(|sale| is_settled(sale, last));
        if settled && panel.is_at_rest() {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Somebody buys here, and the kiosk is switched off after that.
async fn earlier_traveller(stand: &Stand) -> Vec<Wrong> {
    let open = stand.open(Cut::Never, Disk::Honest);
    let wrongs = next_traveller(stand, &open).await;
    open.end(stand, Cut::Never).await;
    wrongs
}

/// Everything is well again: the next traveller buys, and gets an eSIM of their own.
pub(super) async fn next_traveller(stand: &Stand, open: &Open) -> Vec<Wrong> {
    let panel = stand.terminal.panel();
    panel.no_faults();
    panel.restore();
    panel.always(Cardholder::default());
    stand.shop.set(Manner::Sells(Duration::from_secs(2)));
    stand.shop.set_goods(None, Ends::Well);
    stand.shop.is_well();
    stand.shop.set_offline(false);
    let earlier = stand.shop.sold().len();
    let mut traveller = stand.traveller(open);
    let errand = Errand::Buy { cancels: None, prints: false, walks_off: false };
    if traveller.wait_for_open(PATIENCE).await != Ended::AtRest {
        return vec![stuck("the kiosk never sold again")];
    }
    let ended = traveller.run(&errand, PATIENCE).await;
    let shown = traveller.seen().iter().any(|sight| matches!(sight, Sight::Code { .. }));
    match (ended, shown) {
        (Ended::AtRest, true) if stand.shop.sold().len() == earlier + 1 => Vec::new(),
        (ended, shown) => {
            let seen = screens(&traveller);
            vec![stuck(&format!("the next traveller ended {ended:?}, code shown: {shown}, through {seen:?}"))]
        }
    }
}

#[cfg(test)]
pub(super) fn one(name: &str, stranded: Stranded, cut: Cut) -> (bool, Vec<Wrong>) {
    let scenario = all().find(|scenario| scenario.name == name).expect("a scenario");
    case(&scenario.setting(stranded), cut, Disk::Honest).expect("a runtime")
}
