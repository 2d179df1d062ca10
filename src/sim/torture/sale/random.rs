//! Sales by chance: travellers, terminal, provider, disk and clock as a seed draws them, several sales before the same
//! stand, with restarts between and within them; then everything comes to rest and the books are compared.
//!
//! A stand is one seed: what goes wrong at seed S goes wrong again with `--random 8 --seed S`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::blade::{Cut, Disk};
use super::books::{Wrong, audit};
use super::drawn::Drawn;
use super::play::{next_traveller, rest, story};
use super::scenario::{Setting, WallStep};
use super::shop::{Ends, Manner};
use super::stand::{Open, Stand};
use super::used_up_scenarios::other_goods;
use crate::esim::DuplicateGuard;
use crate::kiosk::{Inbox, OperatorCommand};
use crate::sim::chance::Chance;
use crate::sim::journal::When;
use crate::sim::kiosk::robot::{Cancels, Ended, Errand, Order, Sight};
use crate::sim::terminal::torture::in_virtual_time;
use crate::sim::terminal::{Bank, Cardholder, Fault, FaultRule, Stranded, TerminalOptions};

/// Sales before one stand, the last one with everything well again not counted.
pub const PER_STAND: u32 = 8;
/// Longer than any traveller waits.
const PATIENCE: Duration = Duration::from_secs(900);
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
                    let drawn = one_stand(wanted.seed.wrapping_add(stand));
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
    drawn.took = began.elapsed();
    Ok(drawn)
}

/// One stand, by its seed.
///
/// # Errors
/// No runtime can be had.
pub(super) fn one_stand(seed: u64) -> io::Result<Drawn> {
    in_virtual_time(Hall::new(seed).play())
}

/// A stand, and the chance that plays with it.
struct Hall {
    seed: u64,
    chance: Chance,
    /// Of a thousand: how often each thing goes wrong here.
    rate: u16,
    drawn: Drawn,
    /// Claim codes that travellers photographed.
    codes: Vec<String>,
    /// The clock was lost once: nobody knows the age of what was paid before.
    timeless: bool,
    wrongs: Vec<Wrong>,
}

impl Hall {
    fn new(seed: u64) -> Hall {
        let mut chance = Chance::new(seed ^ 0x5A1E_5A1E_5A1E_5A1E);
        let rate = u16::try_from(chance.between(100, 300)).unwrap_or(300);
        Hall { seed, chance, rate, drawn: Drawn::default(), codes: Vec::new(), timeless: false, wrongs: Vec::new() }
    }

    fn strikes(&mut self) -> bool {
        self.chance.per_mille(self.rate)
    }

    fn seconds(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_secs(self.chance.between(from, to))
    }

    /// What this stand is for all its sales.
    fn setting(&mut self) -> Setting {
        let stranded = if self.chance.per_mille(500) { Stranded::Reverses } else { Stranded::Keeps };
        let mut terminal = TerminalOptions { stranded, ..TerminalOptions::default() };
        terminal.aborts_after_booking = self.strikes();
        terminal.busy_repeats_receipt = self.strikes();
        let guard = if self.strikes() { DuplicateGuard::None } else { DuplicateGuard::LookUp };
        Setting { guard, terminal, no_paper: self.strikes(), seed: self.seed, ..Setting::plain(stranded) }
    }

    /// Where this life of the program ends.
    fn cut(&mut self) -> Cut {
        if !self.strikes() {
            return Cut::Never;
        }
        let when = if self.chance.per_mille(500) { When::Before } else { When::After };
        let place = self.chance.between(1, 45);
        match self.chance.below(3) {
            0 => Cut::Append(place, when),
            1 => Cut::Effect(place, when),
            _ => Cut::Disk(place, when),
        }
    }

    fn manner(&mut self) -> Manner {
        match self.chance.below(6) {
            0 => Manner::Refuses(self.seconds(0, 5)),
            1 => Manner::Unreachable,
            2 => Manner::SellsLater(self.seconds(1, 400)),
            3 => Manner::SellsUntold(self.seconds(5, 300)),
            4 => Manner::Loses(self.seconds(5, 300)),
            _ => Manner::Sells(self.seconds(20, 70)),
        }
    }

    fn visitor(&mut self) -> Cardholder {
        match self.chance.below(4) {
            0 => Cardholder::declined(0x05, "Karte abgelehnt"),
            1 => Cardholder::absent(),
            2 => Cardholder::default().with_bank(Bank::ApprovesOnly(500)),
            _ => Cardholder::default().with_bank(Bank::ApprovesOffline),
        }
    }

    fn fault(&mut self) -> FaultRule {
        let time = self.seconds(1, 60);
        let bit = u32::try_from(self.chance.below(400)).unwrap_or(0);
        let fault = match self.chance.below(12) {
            0 => Fault::Drop,
            1 => Fault::Duplicate,
            2 => Fault::Corrupt(bit),
            3 => Fault::Nak,
            4 => Fault::DropAck,
            5 => Fault::Mute(time),
            6 => Fault::Cut(time),
            7 => Fault::CutAfter(time),
            8 => Fault::Unplug(time),
            9 => Fault::PowerCycle(time),
            10 => Fault::PowerCycleAfter(time),
            _ => Fault::LoseAck,
        };
        const SENT: [(u8, u8); 4] = [(0x04, 0x0F), (0x06, 0x0F), (0x06, 0x1E), (0x04, 0xFF)];
        const HEARD: [(u8, u8); 5] = [(0x06, 0x01), (0x06, 0x20), (0x05, 0x01), (0x06, 0x30), (0x80, 0x00)];
        if self.chance.per_mille(600) {
            let message = self.chance.pick(&SENT).copied().unwrap_or(SENT[0]);
            FaultRule::sent(message, 1, fault)
        } else {
            let message = self.chance.pick(&HEARD).copied().unwrap_or(HEARD[0]);
            FaultRule::heard(message, 1, fault)
        }
    }

    fn errand(&mut self) -> Errand {
        if !self.codes.is_empty() && self.chance.per_mille(250) {
            let place = usize::try_from(self.chance.below(self.codes.len() as u64)).unwrap_or(0);
            self.drawn.claims += 1;
            return Errand::Claim(self.codes.swap_remove(place));
        }
        let cancels =
            self.strikes().then(|| if self.chance.per_mille(500) { Cancels::AtOnce } else { Cancels::InFlight });
        let (prints, walks_off) = (self.chance.per_mille(300), self.strikes());
        match other_goods(&mut self.chance) {
            Some(wants) => Errand::Order(Order { wants, cancels, prints, walks_off, keeps: false }),
            None => Errand::Buy { cancels, prints, walks_off },
        }
    }

    /// What may go wrong with the next traveller.
    fn trouble(&mut self, stand: &Stand) {
        let panel = stand.terminal.panel();
        panel.no_faults();
        panel.restore();
        stand.shop.set(Manner::Sells(Duration::from_secs(self.chance.between(1, 6))));
        stand.shop.set_goods(None, Ends::Well);
        panel.always(Cardholder::default());
        let mut faulty = false;
        if self.strikes() {
            stand.shop.set(self.manner());
            faulty = true;
        }
        if self.strikes() {
            // For the later goods of a basket, and the end of a number.
            let ends = if self.strikes() { Ends::Never } else { Ends::Untold(2) };
            stand.shop.set_goods(Some(self.manner()), ends);
        }
        if self.strikes() {
            panel.always(self.visitor());
            faulty = true;
        }
        if self.strikes() {
            panel.fault(self.fault());
            faulty = true;
        }
        self.drawn.faulty += u64::from(faulty);
    }

    async fn play(mut self) -> Drawn {
        let setting = self.setting();
        let mut stand = Stand::set(&setting);
        let mut cut = self.cut();
        let mut open = stand.open(cut, Disk::Honest);
        for _ in 0..PER_STAND {
            self.trouble(&stand);
            let errand = self.errand();
            self.drawn.sales += u64::from(!matches!(errand, Errand::Claim(_)));
            let ended = self.visit(&stand, &open, &errand).await;
            let wishes_restart = self.chance.per_mille(50);
            if ended == Ended::Dead || open.life.has_struck() || wishes_restart {
                self.drawn.deaths += 1;
                open.end(&stand, cut).await;
                self.dark(&mut stand).await;
                cut = self.cut();
                open = stand.open(cut, Disk::Honest);
            }
        }
        self.close(stand, open, cut).await
    }

    async fn visit(&mut self, stand: &Stand, open: &Open, errand: &Errand) -> Ended {
        let mut traveller = stand.traveller(open);
        let ended = tokio::select! {
            biased;
            ended = traveller.run(errand, PATIENCE) => ended,
            () = open.life.ended() => Ended::Dead,
        };
        let claim = traveller.seen().iter().find_map(|sight| match sight {
            Sight::Claim { code, .. } => Some(code.clone()),
            _ => None,
        });
        self.codes.extend(claim);
        ended
    }

    /// What happens while no program runs.
    async fn dark(&mut self, stand: &mut Stand) {
        if self.strikes() {
            tokio::time::sleep(self.seconds(1, 600)).await;
        }
        if self.strikes() {
            let step = self.chance.between(1, 3_600_000);
            let step = match self.chance.below(4) {
                0 => WallStep::Lost,
                1 => WallStep::By(-i64::try_from(step).unwrap_or(0)),
                2 => WallStep::By(i64::try_from(step).unwrap_or(0)),
                _ => WallStep::None,
            };
            self.timeless |= step == WallStep::Lost;
            stand.step_wall(step);
        }
        if self.chance.per_mille(self.rate / 4) {
            stand.terminal.panel().close_day_unasked();
        }
    }

    /// Everything is well again: it comes to rest, sells once more, and the books are opened.
    async fn close(mut self, stand: Stand, mut open: Open, cut: Cut) -> Drawn {
        let panel = stand.terminal.panel();
        panel.no_faults();
        panel.restore();
        panel.always(Cardholder::default());
        panel.change(|options| options.aborts_after_booking = false);
        if cut != Cut::Never {
            open.end(&stand, cut).await;
            open = stand.open(Cut::Never, Disk::Honest);
        }
        rest(&stand, false).await;
        // A line that was dead until now is found again: only then the next traveller is served.
        tokio::time::sleep(HEALS).await;
        self.wrongs.extend(next_traveller(&stand, &open).await);
        rest(&stand, true).await;
        if self.timeless {
            // A paid eSIM of unknown age waits for its code until the day ends: only that gives its money back.
            open.inbox.send(Inbox::Operator(OperatorCommand::EndOfDay)).await.ok();
            rest(&stand, true).await;
        }
        self.wrongs.extend(audit(&stand));
        self.drawn.digest = digest(&stand);
        if !self.wrongs.is_empty() {
            self.drawn.mismatches = 1;
            let mut text = format!("seed {}:", self.seed);
            for wrong in &self.wrongs {
                *self.drawn.kinds.entry(wrong.kind).or_default() += 1;
                text.push_str(&format!("\n  {:?}: {}", wrong.kind, wrong.what));
            }
            text.push('\n');
            text.push_str(&story(&stand));
            self.drawn.stories.push(text);
        }
        open.end(&stand, Cut::Never).await;
        self.drawn
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
