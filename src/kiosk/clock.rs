//! The loop's clock: boot time for waiting, wall time for people, both as facts of one [`Moment`].
//!
//! Under paused tokio time the wall clock moves with the virtual one, so that whole days can be played.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::esim::wall;
use crate::sale::moment::Moment;

/// The wall clock was set where it moves further than this against the boot clock (sale.md 11).
const STEP_MS: u64 = 60_000;
/// After a step, ages across restarts are unknown for so long: what falls due by the step alone waits for one more
/// look, and a clock that is set back meanwhile has done nothing.
const STEADY_MS: u64 = 10 * 60_000;

/// Where the wall clock comes from.
#[derive(Debug, Clone)]
pub enum Wall {
    /// The operating system's.
    System,
    /// This time at the start of the run, moving with tokio's clock.
    Virtual(Timestamp),
    /// The same, and somebody may set it while the kiosk runs.
    Set(Timestamp, Hand),
}

/// Sets a wall clock; clones set the same one.
#[derive(Debug, Clone, Default)]
pub struct Hand(Arc<Set>);

#[derive(Debug, Default)]
struct Set {
    offset_ms: AtomicI64,
    lost: AtomicBool,
}

impl Hand {
    /// The clock goes so many milliseconds ahead of the truth.
    pub fn ahead_by(&self, offset_ms: i64) {
        self.0.lost.store(false, Ordering::SeqCst);
        self.0.offset_ms.store(offset_ms, Ordering::SeqCst);
    }

    /// The clock is lost, as after an empty battery: 1970, and known to be wrong.
    pub fn lose(&self) {
        self.0.lost.store(true, Ordering::SeqCst);
    }

    fn tells(&self, truth_ms: i64, mono_ms: i64) -> i64 {
        if self.is_lost() { mono_ms } else { truth_ms.saturating_add(self.0.offset_ms.load(Ordering::SeqCst)) }
    }

    fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::SeqCst)
    }
}

/// How the wall clock has gone in this run, against the boot clock. Clones of a clock share it.
#[derive(Debug)]
struct Gait {
    /// Wall less boot clock, when it was last looked at.
    offset_ms: AtomicI64,
    /// Until when, on the boot clock, its ages are unknown.
    steady_at_ms: AtomicU64,
    /// Steps of which nobody was told.
    untold_ms: AtomicI64,
}

/// Nobody has looked yet.
const UNSEEN: i64 = i64::MIN;

/// Tells [`Moment`]s.
#[derive(Debug, Clone)]
pub struct Clock {
    run: u64,
    started: Instant,
    wall: Wall,
    zone: TimeZone,
    gait: Arc<Gait>,
}

impl Clock {
    /// A clock for run number `run`, with the zone of the place where the machine stands.
    pub fn new(run: u64, wall: Wall, zone: TimeZone) -> Self {
        let gait =
            Gait { offset_ms: AtomicI64::new(UNSEEN), steady_at_ms: AtomicU64::new(0), untold_ms: AtomicI64::new(0) };
        Clock { run, started: Instant::now(), wall, zone, gait: Arc::new(gait) }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.at(Instant::now())
    }

    /// The moment of an instant of this run.
    pub fn at(&self, instant: Instant) -> Moment {
        let elapsed = instant.saturating_duration_since(self.started);
        let mono_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let ago = Instant::now().saturating_duration_since(instant);
        let boot_ms = i64::try_from(mono_ms).unwrap_or(i64::MAX);
        let wall_ms = match &self.wall {
            Wall::System => Timestamp::now().as_millisecond() - i64::try_from(ago.as_millis()).unwrap_or(0),
            Wall::Virtual(start) => start.as_millisecond().saturating_add(boot_ms),
            Wall::Set(start, hand) => hand.tells(start.as_millisecond().saturating_add(boot_ms), boot_ms),
        };
        let steady = self.gait.looked(mono_ms, wall_ms.saturating_sub(boot_ms));
        Moment { run: self.run, mono_ms, wall_ms, synced: steady && self.synchronised() }
    }

    /// How far the wall clock was set since this was last asked, in ms; none where it was not.
    pub fn stepped(&self) -> Option<i64> {
        match self.gait.untold_ms.swap(0, Ordering::SeqCst) {
            0 => None,
            by_ms => Some(by_ms),
        }
    }

    /// Whether the wall clock can be trusted across restarts.
    fn synchronised(&self) -> bool {
        match &self.wall {
            Wall::Virtual(_) => true,
            Wall::Set(_, hand) => !hand.is_lost(),
            Wall::System => wall::is_set(std::path::Path::new(wall::TIME_SERVICE)),
        }
    }

    /// Local time at the machine.
    pub fn local(&self, moment: &Moment) -> jiff::Zoned {
        let timestamp = Timestamp::from_millisecond(moment.wall_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        timestamp.to_zoned(self.zone.clone())
    }
}

impl Gait {
    /// The clocks were compared; whether the wall clock has gone steadily for a while.
    fn looked(&self, mono_ms: u64, offset_ms: i64) -> bool {
        let before = self.offset_ms.swap(offset_ms, Ordering::SeqCst);
        let by_ms = offset_ms.saturating_sub(before);
        if before != UNSEEN && by_ms.unsigned_abs() > STEP_MS {
            self.untold_ms.fetch_add(by_ms, Ordering::SeqCst);
            self.steady_at_ms.store(mono_ms.saturating_add(STEADY_MS), Ordering::SeqCst);
        }
        mono_ms >= self.steady_at_ms.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    const DAYS_3: i64 = 3 * 86_400_000;

    fn clock() -> (Clock, Hand) {
        let hand = Hand::default();
        let start = "2026-11-22T02:00:00Z".parse().unwrap();
        (Clock::new(2, Wall::Set(start, hand.clone()), TimeZone::UTC), hand)
    }

    /// A paid eSIM of the run before waits for its claim code; the clock is set three days on, and back again.
    #[tokio::test(start_paused = true)]
    async fn nothing_falls_due_by_a_step_of_the_clock_alone() {
        let (clock, hand) = clock();
        let before = Moment { run: 1, ..clock.now() };
        sleep(Duration::from_secs(60)).await;
        assert_eq!(clock.now().since(&before), Some(60_000));
        hand.ahead_by(DAYS_3);
        assert_eq!(clock.now().since(&before), None, "an age that only the step has made is none");
        assert_eq!(clock.stepped(), Some(DAYS_3));
        assert_eq!(clock.stepped(), None, "told once");
        sleep(Duration::from_secs(300)).await;
        hand.ahead_by(0);
        assert_eq!(clock.now().since(&before), None);
        sleep(Duration::from_secs(600)).await;
        assert_eq!(clock.now().since(&before), Some(960_000), "and it has done nothing");
        hand.ahead_by(DAYS_3);
        clock.now();
        sleep(Duration::from_secs(600)).await;
        let stood = u64::try_from(DAYS_3).unwrap() + 1_560_000;
        assert_eq!(clock.now().since(&before), Some(stood), "a clock that stays is believed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_a_little_off_is_no_step() {
        let (clock, hand) = clock();
        let before = Moment { run: 1, ..clock.now() };
        hand.ahead_by(59_000);
        assert_eq!(clock.now().since(&before), Some(59_000));
        assert_eq!(clock.stepped(), None);
        hand.lose();
        let lost = clock.now();
        assert!(!lost.synced && lost.wall_ms < 86_400_000, "{lost:?}");
        assert!(clock.stepped().is_some_and(|by| by < 0));
    }
}
