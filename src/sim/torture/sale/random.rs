//! Sales by chance: travellers, terminal, provider, stock, queue, disk and clock as a seed draws them, several sales
//! before the same stand, with claims, ends of day and restarts between and within them; then everything comes to rest
//! and the books are compared.
//!
//! A stand is one seed: what goes wrong at seed S goes wrong again with `--random 8 --seed S`.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::blade::{Cut, Disk};
use super::books::{Kind, Wrong, audit, is_settled};
use super::drawn::Drawn;
use super::draws::{Draws, Trouble, suits};
use super::play::{next_traveller, rest, story};
use super::scenario::Setting;
use super::shop::Ends;
use super::stand::{Open, Stand};
use crate::journal::word;
use crate::kiosk::{Inbox, OperatorCommand};
use crate::sale::offer::Source;
use crate::sim::kiosk::robot::{Ended, Errand, Sight};
use crate::sim::terminal::Cardholder;
use crate::sim::terminal::torture::in_virtual_time;

/// Sales before one stand, the last one with everything well again not counted.
pub const PER_STAND: u32 = 8;
/// Longer than any traveller waits who is being served.
const PATIENCE: Duration = Duration::from_secs(600);
/// Of one who finds the machine without a network.
const IMPATIENCE: Duration = Duration::from_secs(150);
/// A fault lasts a minute at most, and after it the terminal is looked after.
const HEALS: Duration = Duration::from_secs(300);

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Chances {
    /// How many sales; rounded up to whole stands.
    pub sales: u32,
    /// The first stand's seed; the next one has the next number.
    pub seed: u64,
}

/// Plays them, on every core; each stand by itself, in its own virtual time.
///
/// # Errors
/// No runtime can be had. Must not be called from inside a runtime.
pub fn random(wanted: &Chances) -> io::Result<Drawn> {
    let began = std::time::Instant::now();
    let stands = u64::from(wanted.sales.div_ceil(PER_STAND));
    let next = AtomicU64::new(0);
    let total = Mutex::new(Ok(Drawn::default()));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let stand = next.fetch_add(1, Ordering::Relaxed);
                    if stand >= stands {
                        return;
                    }
                    let drawn = one_stand(wanted.seed.wrapping_add(stand), None);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    match (drawn, total.as_mut()) {
                        (Ok(drawn), Ok(total)) => total.add(drawn),
                        (Err(error), Ok(_)) => *total = Err(error),
                        (_, Err(_)) => return,
                    }
                }
            });
        }
    });
    let mut drawn = total.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    drawn.look_for_teeth();
    drawn.took = began.elapsed();
    Ok(drawn)
}

/// One stand, by its seed; with the product's own database or its twin as drawn, or as told.
///
/// # Errors
/// No runtime can be had.
pub(super) fn one_stand(seed: u64, files: Option<bool>) -> io::Result<Drawn> {
    let mut draws = Draws::new(seed);
    let mut setting = draws.setting(seed);
    setting.files = files.unwrap_or(setting.files);
    in_virtual_time(async {
        let stand = Stand::set(&setting);
        let open = stand.open(Cut::Never, Disk::Honest);
        let drawn = Drawn { in_files: u64::from(setting.files), ..Drawn::default() };
        let hall = Hall {
            seed,
            draws,
            setting,
            stand,
            open,
            cut: Cut::Never,
            drawn,
            codes: Vec::new(),
            timeless: false,
            wrongs: Vec::new(),
        };
        hall.play().await
    })
}

/// A stand, and the chance that plays with it.
struct Hall {
    seed: u64,
    draws: Draws,
    setting: Setting,
    stand: Stand,
    open: Open,
    /// Where this life of the program ends.
    cut: Cut,
    drawn: Drawn,
    /// Claim codes that travellers photographed.
    codes: Vec<String>,
    /// The clock was lost or set once: nobody may know the age of what was paid before.
    timeless: bool,
    wrongs: Vec<Wrong>,
}

impl Hall {
    async fn play(mut self) -> Drawn {
        for _ in 0..PER_STAND {
            let errand = self.draws.errand(&mut self.codes);
            let troubles = self.draws.troubles();
            let is_sale = !matches!(errand, Errand::Claim(_) | Errand::BuyKept(_));
            self.drawn.sales += u64::from(is_sale);
            self.drawn.claims += u64::from(!is_sale);
            self.drawn.faulty += u64::from(is_sale && !troubles.is_empty());
            self.before(&errand, &troubles).await;
            let ended = self.visit(&errand).await;
            self.after(&troubles);
            let restarts = self.draws.per_mille(40);
            if ended == Ended::Dead || self.open.life.has_struck() || restarts {
                self = self.restart().await;
            }
        }
        self.close().await
    }

    /// All is well, but for what was drawn.
    async fn before(&mut self, errand: &Errand, troubles: &[Trouble]) {
        let panel = self.stand.terminal.panel();
        panel.no_faults();
        panel.restore();
        panel.always(Cardholder::default());
        self.stand.shop.set(self.draws.sells());
        self.stand.shop.set_goods(None, Ends::Well);
        self.stand.shop.take_struck();
        if self.stand.shop.is_dark() && self.draws.per_mille(600) {
            self.stand.shop.set_offline(false);
            sleep(self.draws.seconds(0, 90)).await;
        }
        if self.draws.per_mille(80) {
            // In the middle of everything; sometimes the next traveller is there before it is over.
            self.open.inbox.send(Inbox::Operator(OperatorCommand::EndOfDay)).await.ok();
            sleep(self.draws.seconds(0, 30)).await;
        }
        for trouble in troubles.iter().filter(|trouble| suits(**trouble, errand)) {
            self.drawn.troubles.entry(*trouble).or_default().0 += 1;
            self.befalls(*trouble).await;
        }
    }

    async fn befalls(&mut self, trouble: Trouble) {
        let panel = self.stand.terminal.panel();
        let done = self.open.life.length();
        match trouble {
            Trouble::KilledAtWrite | Trouble::KilledAtEffect | Trouble::Disk => {
                let (place, when) = self.draws.place();
                self.cut = match trouble {
                    Trouble::KilledAtWrite => Cut::Append(done.writes + place, when),
                    Trouble::KilledAtEffect => Cut::Effect(done.effects + place.div_ceil(2), when),
                    _ => Cut::Disk(done.writes + place, when),
                };
                self.open.life.arm(self.cut);
            }
            Trouble::Provider => self.stand.shop.set(self.draws.manner()),
            Trouble::LaterGood => self.stand.shop.set_goods(Some(self.draws.manner()), Ends::Well),
            Trouble::Ends => self.stand.shop.set_goods(None, self.draws.ends()),
            Trouble::Visitor => panel.always(self.draws.visitor()),
            Trouble::Line => panel.fault(self.draws.line()),
            Trouble::Offline => {
                self.stand.shop.set_offline(true);
                // Noticed before the next traveller, or not.
                sleep(self.draws.seconds(0, 120)).await;
            }
            Trouble::Clock => {
                let step = self.draws.clock();
                self.timeless = true;
                self.stand.step_wall(step);
            }
            Trouble::DayUnasked => panel.close_day_unasked(),
        }
    }

    /// What of it struck.
    fn after(&mut self, troubles: &[Trouble]) {
        let (panel, shop) = (self.stand.terminal.panel(), self.stand.shop.take_struck());
        let died = self.open.life.has_struck();
        let unasked = self.stand.terminal.ledger().book().days.iter().any(|day| day.unasked);
        for trouble in troubles {
            let struck = match trouble {
                Trouble::KilledAtWrite => died && matches!(self.cut, Cut::Append(..)),
                Trouble::KilledAtEffect => died && matches!(self.cut, Cut::Effect(..)),
                Trouble::Disk => died && matches!(self.cut, Cut::Disk(..)),
                Trouble::Provider => shop.manner,
                Trouble::LaterGood => shop.second,
                Trouble::Ends => shop.ends,
                Trouble::Visitor => true,
                Trouble::Line => panel.unstruck() == 0,
                Trouble::Offline => shop.offline,
                Trouble::Clock => true,
                Trouble::DayUnasked => unasked,
            };
            if let (true, Some(counts)) = (struck, self.drawn.troubles.get_mut(trouble)) {
                counts.1 += 1;
            }
        }
    }

    async fn visit(&mut self, errand: &Errand) -> Ended {
        let mut traveller = self.stand.traveller(&self.open);
        let patience = if self.stand.shop.is_dark() { IMPATIENCE } else { PATIENCE };
        let ended = tokio::select! {
            biased;
            ended = traveller.run(errand, patience) => ended,
            () = self.open.life.ended() => Ended::Dead,
        };
        let claim = traveller.seen().iter().rev().find_map(|sight| match sight {
            Sight::Claim { code, .. } => Some(code.clone()),
            _ => None,
        });
        self.codes.extend(claim);
        ended
    }

    /// The program has ended, or is made to; after a while it is there again.
    async fn restart(mut self) -> Hall {
        self.drawn.deaths += 1;
        if self.open.life.has_struck() {
            self.drawn.cells.cut_at(&self.stand.disk.open_sales());
        }
        self.open.end(&self.stand, self.cut).await;
        if self.draws.per_mille(250) {
            sleep(self.draws.seconds(1, 600)).await;
        }
        if self.draws.per_mille(60) {
            let step = self.draws.clock();
            self.timeless = true;
            self.stand.step_wall(step);
        }
        if self.draws.per_mille(60) {
            self.stand.terminal.panel().close_day_unasked();
        }
        // Some starts are cut too.
        self.cut = match (self.draws.per_mille(100), self.draws.place()) {
            (false, _) => Cut::Never,
            (true, (place, when)) if self.draws.per_mille(500) => Cut::Append(place, when),
            (true, (place, when)) => Cut::Effect(place, when),
        };
        self.open = self.stand.open(self.cut, Disk::Honest);
        self
    }

    /// Everything is well again: it comes to rest, sells once more, and the books are opened.
    async fn close(mut self) -> Drawn {
        let panel = self.stand.terminal.panel();
        panel.no_faults();
        panel.restore();
        panel.always(Cardholder::default());
        panel.change(|options| {
            options.aborts_after_booking = false;
            options.quirk = None;
        });
        self.stand.shop.set_offline(false);
        if self.cut != Cut::Never {
            self.open.end(&self.stand, self.cut).await;
            self.open = self.stand.open(Cut::Never, Disk::Honest);
        }
        let (stand, open) = (&self.stand, &self.open);
        rest(stand, false).await;
        // A line that was dead until now is found again: only then the next traveller is served.
        sleep(HEALS).await;
        self.wrongs.extend(next_traveller(stand, open).await);
        rest(stand, true).await;
        if self.timeless && stand.disk.open_sales().iter().any(|sale| !is_settled(sale, true)) {
            // A paid eSIM of unknown age waits for its code until the day ends: only that gives its money back.
            open.inbox.send(Inbox::Operator(OperatorCommand::EndOfDay)).await.ok();
            rest(stand, true).await;
        }
        self.wrongs.extend(audit(stand));
        if let Some(why) = stand.disk.estranged() {
            let what = format!("the journal takes itself for an older one: {why}");
            self.wrongs.push(Wrong { kind: Kind::Stuck, what });
        }
        self.count();
        if !self.wrongs.is_empty() {
            self.tell();
        }
        self.open.end(&self.stand, Cut::Never).await;
        self.drawn
    }

    fn count(&mut self) {
        let sales = self.stand.disk.sales();
        let from_stock = |sale: &&crate::sale::Sale| {
            (0..sale.goods.len()).any(|place| matches!(sale.offer(place).source, Source::Stock { .. }))
        };
        let count = |found: usize| u64::try_from(found).unwrap_or(u64::MAX);
        self.drawn.ways = [
            count(sales.iter().filter(from_stock).count()),
            count(sales.iter().filter(|sale| sale.quote.promised_ms.is_some()).count()),
            count(sales.iter().filter(|sale| sale.quote.continues.is_some()).count()),
        ];
        for sale in &sales {
            let how =
                sale.closed.map(|how| word(&how)).unwrap_or_else(|| format!("open_{}", word(&sale.payment.money)));
            *self.drawn.ended.entry(how).or_default() += 1;
        }
        self.drawn.days = count(self.stand.disk.days());
        self.drawn.cells.passed(&self.stand.cells);
        self.drawn.digest = digest(&self.stand);
    }

    fn tell(&mut self) {
        self.drawn.mismatches = 1;
        let mut text = format!("seed {} ({:?}):", self.seed, self.setting.terminal.stranded);
        for wrong in &self.wrongs {
            *self.drawn.kinds.entry(wrong.kind).or_default() += 1;
            write!(text, "\n  {:?}: {}", wrong.kind, wrong.what).ok();
        }
        text.push('\n');
        text.push_str(&story(&self.stand));
        self.drawn.stories.push(text);
    }
}

/// Of all records with their times, sale by sale.
fn digest(stand: &Stand) -> u64 {
    let mut hash = DefaultHasher::new();
    for sale in stand.disk.sales() {
        sale.id.to_u128().hash(&mut hash);
        for record in stand.disk.records(sale.id) {
            serde_json::to_string(&record).unwrap_or_default().hash(&mut hash);
        }
        (sale.chosen_at.run, sale.chosen_at.mono_ms, sale.payment.money, sale.entries).hash(&mut hash);
    }
    hash.finish()
}
