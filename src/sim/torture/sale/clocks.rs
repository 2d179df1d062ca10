//! Clocks on the wall that are wrong: before the sale, while the card is asked, while the code is shown, and at a
//! restart, in sales that a wrong age could hurt.

use std::time::Duration;

use super::scenario::{Scenario, Setting, WallStep};
use super::shop::Manner;
use crate::kiosk::clock::Hand;
use crate::sim::kiosk::robot::Sight;

/// When the clock is set while the kiosk runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// As soon as a traveller stands at the pay screen.
    Payment,
    /// As soon as a code is shown.
    HandOver,
}

/// What the clock does beside the restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clocks {
    /// How it stands before the first sale.
    pub(super) first: WallStep,
    /// When it is set, and how.
    pub(super) turn: Option<(Turn, WallStep)>,
}

impl Clocks {
    /// Right from the beginning, and left alone.
    pub(super) const RIGHT: Clocks = Clocks { first: WallStep::None, turn: None };

    /// A traveller sees something: the moment may have come. Whether it had.
    pub(super) fn at(self, sight: &Sight, hand: &Hand) -> bool {
        let Some((turn, step)) = self.turn else { return false };
        let come = match turn {
            Turn::Payment => *sight == Sight::Screen("pay"),
            Turn::HandOver => matches!(sight, Sight::Code { .. }),
        };
        if come {
            step.sets(hand);
        }
        come
    }
}

impl WallStep {
    /// Sets the clock so.
    pub(super) fn sets(self, hand: &Hand) {
        match self {
            WallStep::None => hand.ahead_by(0),
            WallStep::By(offset_ms) => hand.ahead_by(offset_ms),
            WallStep::Lost => hand.lose(),
        }
    }
}

const MINUTES_10: i64 = 600_000;
const DAYS_3: i64 = 3 * 86_400_000;

fn first(at: &mut Setting, step: WallStep) {
    at.clocks.first = step;
}

/// Set in between; the restart finds it so.
fn turned(at: &mut Setting, turn: Turn, step: WallStep) {
    at.clocks.turn = Some((turn, step));
    at.wall = step;
}

/// The order is bought, and nobody says so until long after the hold.
fn untold(at: &mut Setting, step: WallStep) {
    at.manner = Manner::SellsUntold(Duration::from_secs(240));
    at.wall = step;
}

/// A paid eSIM whose age nobody can know waits for its traveller until the end of the day.
fn queued(at: &mut Setting, step: WallStep) {
    super::scenario::for_later(at);
    at.wall = step;
    at.day_end = step == WallStep::Lost;
}

fn stocked(at: &mut Setting, step: WallStep) {
    super::scenario::in_stock(at, 2);
    at.wall = step;
}

/// The day ends while the eSIM of a payment was never seen.
fn day_ends(at: &mut Setting, step: WallStep) {
    at.files = true;
    at.day_end = true;
    untold(at, step);
}

/// A traveller has walked off with the code on the screen, and the clock is set in the life after that.
fn walked_off(at: &mut Setting, step: WallStep) {
    at.errand = crate::sim::kiosk::robot::Errand::Buy { cancels: None, prints: false, walks_off: true };
    at.clocks.turn = Some((Turn::HandOver, step));
}

/// Every scenario of a clock that is wrong otherwise than at the restart of a plain sale.
pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "clock 10 min back before", change: |at| first(at, WallStep::By(-MINUTES_10)) },
    Scenario { name: "clock 10 min on before", change: |at| first(at, WallStep::By(MINUTES_10)) },
    Scenario { name: "clock 3 days on before", change: |at| first(at, WallStep::By(DAYS_3)) },
    Scenario { name: "1970 before, right after", change: |at| first(at, WallStep::Lost) },
    Scenario {
        name: "1970 before and after",
        change: |at| {
            first(at, WallStep::Lost);
            at.wall = WallStep::Lost;
        },
    },
    Scenario {
        name: "clock 10 min back while paying",
        change: |at| turned(at, Turn::Payment, WallStep::By(-MINUTES_10)),
    },
    Scenario { name: "clock 10 min on while paying", change: |at| turned(at, Turn::Payment, WallStep::By(MINUTES_10)) },
    Scenario { name: "clock 3 days on while paying", change: |at| turned(at, Turn::Payment, WallStep::By(DAYS_3)) },
    Scenario { name: "1970 while paying", change: |at| turned(at, Turn::Payment, WallStep::Lost) },
    Scenario {
        name: "clock 10 min back at the code",
        change: |at| turned(at, Turn::HandOver, WallStep::By(-MINUTES_10)),
    },
    Scenario { name: "clock 3 days on at the code", change: |at| turned(at, Turn::HandOver, WallStep::By(DAYS_3)) },
    Scenario { name: "1970 at the code", change: |at| turned(at, Turn::HandOver, WallStep::Lost) },
    Scenario { name: "3 days on at the code, walked off", change: |at| walked_off(at, WallStep::By(DAYS_3)) },
    Scenario { name: "1970 at the code, walked off", change: |at| walked_off(at, WallStep::Lost) },
    Scenario { name: "mute past the hold, 10 min back", change: |at| untold(at, WallStep::By(-MINUTES_10)) },
    Scenario { name: "mute past the hold, 3 days on", change: |at| untold(at, WallStep::By(DAYS_3)) },
    Scenario { name: "mute past the hold, 1970", change: |at| untold(at, WallStep::Lost) },
    Scenario { name: "queue sale, 10 min back", change: |at| queued(at, WallStep::By(-MINUTES_10)) },
    Scenario { name: "queue sale, 3 days on", change: |at| queued(at, WallStep::By(DAYS_3)) },
    Scenario { name: "queue sale, 1970", change: |at| queued(at, WallStep::Lost) },
    Scenario { name: "stock sale, 3 days on", change: |at| stocked(at, WallStep::By(DAYS_3)) },
    Scenario { name: "stock sale, 1970", change: |at| stocked(at, WallStep::Lost) },
    Scenario { name: "end of day, never seen, 3 days on", change: |at| day_ends(at, WallStep::By(DAYS_3)) },
    Scenario { name: "end of day, never seen, 1970", change: |at| day_ends(at, WallStep::Lost) },
];
