//! One run of a scenario, from the first traveller until every sale is closed: cut where it is to be cut, started
//! again, and gone on with from where it stood. Then the books are opened.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::blade::{Cut, Disk, Length};
use super::books::{Kind, Wrong, is_settled};
use super::cells::Cells;
use super::damage::{self, Fate};
use super::scenario::Setting;
use super::shop::{Ends, Manner};
use super::stand::{Open, Stand};
use super::teeth::Teeth;
use crate::kiosk::{Inbox, OperatorCommand};
use crate::sim::kiosk::robot::{Ended, Errand, Robot, Sight};
use crate::sim::terminal::Cardholder;

/// Longer than any traveller waits.
const PATIENCE: Duration = Duration::from_secs(900);
/// What has not come to rest after so long never does.
const FOR_EVER: Duration = Duration::from_secs(3_600);
/// An open order is asked for again within so long.
const FINDS: Duration = Duration::from_secs(120);
/// A kiosk whose disk has failed is left running for so long.
const AGONY: Duration = Duration::from_secs(5);

/// What came of one run.
#[derive(Debug)]
pub(super) struct Played {
    /// Every cut has fallen.
    pub(super) struck: bool,
    /// What was wrong in the end.
    pub(super) wrongs: Vec<Wrong>,
    /// How much each life of the program has written and done.
    pub(super) lives: Vec<Length>,
    /// What went wrong on purpose.
    pub(super) teeth: Teeth,
    /// Where money and goods have stood, and where they stood when the blade fell.
    pub(super) cells: Cells,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The first traveller.
    First,
    /// Somebody else wants the same.
    Second,
    /// The day is closed.
    Day,
    /// Nothing can be reached for a while, and then again.
    Dark,
    /// Everything that goes on by itself comes to its end.
    Rest,
    /// The first traveller comes back with the code.
    Claim,
    /// Every sale is closed, or waits for a person.
    Close,
    /// The day is closed, which decides what has no age.
    LateDay,
    /// It is over.
    Over,
}

/// What happens before the screen, whoever stands behind it.
struct Tale<'a> {
    setting: &'a Setting,
    stand: &'a Stand,
    part: Part,
    /// The first traveller photographs the claim code, and comes back with it.
    comes_back: bool,
    /// So many things had been seen before the first traveller.
    seen_before: usize,
    wrongs: Vec<Wrong>,
    teeth: Teeth,
}

/// One run under these cuts, one a life, in the order of the lives.
pub(super) async fn play(setting: &Setting, cuts: &[Cut], disk: Disk, comes_back: bool) -> Played {
    let stand = Stand::set(setting);
    let mut wrongs = Vec::new();
    if setting.earlier {
        wrongs.extend(earlier_traveller(&stand).await);
        stand.shop.set(setting.manner);
    }
    let seen_before = stand.seen().len();
    let teeth = Teeth::default();
    let mut tale = Tale { setting, stand: &stand, part: Part::First, comes_back, seen_before, wrongs, teeth };
    let (mut fate, mut lives, mut cells) = (Fate::default(), Vec::new(), Cells::default());
    let mut open = stand.open(cuts.first().copied().unwrap_or(Cut::Never), disk);
    for turn in 0..cuts.len() {
        tokio::select! {
            biased;
            () = tale.goes_on(&open) => {}
            () = open.life.ended() => {}
        }
        lives.push(open.life.length());
        if !has_struck(&stand, &open) {
            if cuts[turn] != Cut::Never {
                open.end(&stand, Cut::Never).await;
                let (teeth, wrongs) = (tale.teeth, Vec::new());
                return Played { struck: false, wrongs, lives, teeth, cells };
            }
            break;
        }
        cells.cut_at(&stand.disk.sales());
        open.end(&stand, cuts[turn]).await;
        if turn == 0 {
            between(setting, &stand).await;
            let (befell, faults) = damage::befalls(setting, &stand);
            tale.wrongs.extend(faults);
            tale.teeth.between(setting, &befell);
            fate = befell;
        }
        open = stand.open(cuts.get(turn + 1).copied().unwrap_or(Cut::Never), Disk::Honest);
        if turn == 0 {
            tale.wrongs.extend(fate.aftermath(setting, &stand, &open).await);
        }
    }
    if has_struck(&stand, &open) || tale.part != Part::Over {
        tale.goes_on(&open).await;
        lives.push(open.life.length());
    }
    let Tale { mut wrongs, mut teeth, .. } = tale;
    teeth.of_run(setting, &stand);
    wrongs.extend(fate.next_traveller(&stand, &open).await);
    rest(&stand, true).await;
    wrongs.extend(fate.audit(&stand));
    cells.passed(&stand.cells);
    if let Some(last) = wrongs.last_mut() {
        write!(last.what, "\n{}", story(&stand)).ok();
    }
    open.end(&stand, Cut::Never).await;
    Played { struck: true, wrongs, lives, teeth, cells }
}

impl Tale<'_> {
    /// Goes on to its end, or until this life of the program is struck.
    async fn goes_on(&mut self, open: &Open) {
        while self.part != Part::Over && !has_struck(self.stand, open) {
            let next = match self.part {
                Part::First => self.first(open).await,
                Part::Second => self.second(open).await,
                Part::Day => self.day(open, self.setting.day_end, Part::Dark).await,
                Part::Dark => self.dark().await,
                Part::Rest => self.rests(open, false, Part::Claim).await,
                Part::Claim => self.claim(open).await,
                Part::LateDay => self.late_day(open).await,
                Part::Close => self.rests(open, true, Part::LateDay).await,
                Part::Over => Part::Over,
            };
            self.part = next;
        }
        if has_struck(self.stand, open) {
            sleep(AGONY).await;
        }
    }

    async fn first(&mut self, open: &Open) -> Part {
        // Whoever stood before a kiosk that was cut off is gone.
        self.part = Part::Second;
        let mut traveller = self.stand.traveller(open);
        let ended = traveller.run(&self.setting.errand, PATIENCE).await;
        if ended == Ended::Stuck && !has_struck(self.stand, open) {
            self.wrongs.push(stuck("the first traveller never came to an end"));
        }
        Part::Second
    }

    async fn second(&mut self, open: &Open) -> Part {
        self.part = Part::Day;
        if self.setting.wanted_twice {
            self.teeth.wanted_again(self.stand);
            // Sold out, or free again: either is the truth, and the books tell which.
            let other = Errand::Buy { cancels: None, prints: false, walks_off: false };
            self.stand.traveller(open).run(&other, PATIENCE).await;
        }
        Part::Day
    }

    async fn dark(&mut self) -> Part {
        if let Some(dark) = self.setting.offline {
            sleep(dark).await;
            self.stand.shop.set_offline(false);
        }
        Part::Rest
    }

    async fn day(&mut self, open: &Open, ends: bool, next: Part) -> Part {
        if ends {
            let wrongs = day_closes(self.stand, open).await;
            self.wrongs.extend(wrongs);
            if has_struck(self.stand, open) {
                return self.part;
            }
        }
        next
    }

    /// A paid eSIM whose age nobody can know waits for its traveller until the day ends.
    async fn late_day(&mut self, open: &Open) -> Part {
        let waits = || self.stand.disk.open_sales().iter().any(|sale| !is_settled(sale, true));
        if self.setting.is_timeless() && waits() {
            open.inbox.send(Inbox::Operator(OperatorCommand::EndOfDay)).await.ok();
            sleep(AGONY).await;
            if has_struck(self.stand, open) {
                return self.part;
            }
        }
        self.rests(open, true, Part::Over).await
    }

    async fn rests(&mut self, open: &Open, last: bool, next: Part) -> Part {
        let struck = || has_struck(self.stand, open);
        rest_of(self.stand, last, struck).await;
        let mute = self.stand.shop.mute_left();
        if !mute.is_zero() && !struck() {
            // What waits for a person is settled; the open order goes on, and is found when the provider speaks again.
            sleep(mute + FINDS).await;
            rest_of(self.stand, last, struck).await;
        }
        if has_struck(self.stand, open) { self.part } else { next }
    }

    async fn claim(&mut self, open: &Open) -> Part {
        let code = self.stand.seen().into_iter().skip(self.seen_before).find_map(|sight| match sight {
            Sight::Claim { code, .. } => Some(code),
            _ => None,
        });
        if let (true, Some(code)) = (self.comes_back, code) {
            let mut traveller = self.stand.traveller(open);
            let errand = if self.setting.keeps { Errand::BuyKept(code) } else { Errand::Claim(code) };
            let ended = traveller.run(&errand, PATIENCE).await;
            if has_struck(self.stand, open) {
                return self.part;
            }
            if ended != Ended::AtRest {
                let seen = screens(&traveller);
                self.wrongs.push(stuck(&format!("the claim code led {ended:?}, through {seen:?}")));
            }
        }
        Part::Close
    }
}

/// Whether the blade has fallen, on program, journal or disk.
fn has_struck(stand: &Stand, open: &Open) -> bool {
    if !open.life.has_struck() && open.life.is_cut_below() && stand.disk.was_struck() {
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

pub(super) fn stuck(what: &str) -> Wrong {
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
    rest_of(stand, last, || false).await;
}

async fn rest_of(stand: &Stand, last: bool, over: impl Fn() -> bool) {
    let until = Instant::now() + FOR_EVER;
    let panel = stand.terminal.panel();
    while Instant::now() < until && !over() {
        let settled = stand.disk.open_sales().iter().all(|sale| is_settled(sale, last));
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
    let mut traveller = stand.traveller(open);
    let errand = Errand::Buy { cancels: None, prints: false, walks_off: false };
    if traveller.wait_for_open(PATIENCE).await != Ended::AtRest {
        return vec![stuck("the kiosk never sold again")];
    }
    let earlier = stand.shop.sold().len();
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
