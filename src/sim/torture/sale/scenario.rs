//! What can happen around one sale: the list of issue and rules, each as the setting of a stand.

use std::time::Duration;

use super::shop::Manner;
use crate::esim::DuplicateGuard;
use crate::sim::kiosk::robot::{Cancels, Errand};
use crate::sim::terminal::{Bank, Cardholder, Fault, FaultRule, Quirk, Stranded, TerminalOptions};

/// What the clock on the wall does while the kiosk is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WallStep {
    /// It goes on.
    None,
    /// It is set by so many milliseconds.
    By(i64),
    /// It is lost: 1970, and known to be wrong.
    Lost,
}

/// How a stand is set.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) errand: Errand,
    pub(super) manner: Manner,
    pub(super) guard: DuplicateGuard,
    pub(super) terminal: TerminalOptions,
    pub(super) visitor: Option<Cardholder>,
    pub(super) rules: Vec<FaultRule>,
    pub(super) no_paper: bool,
    /// How long the kiosk is down beyond the half second of a restart.
    pub(super) down: Duration,
    pub(super) wall: WallStep,
    /// Another traveller has bought here before.
    pub(super) earlier: bool,
    /// The terminal closes its day by itself while the kiosk is down.
    pub(super) day_closes: bool,
}

/// A scenario by name.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) change: fn(&mut Setting),
}

impl Scenario {
    pub(super) fn setting(&self, stranded: Stranded) -> Setting {
        let mut setting = Setting {
            errand: Errand::PURCHASE,
            manner: Manner::Sells(s(3)),
            guard: DuplicateGuard::LookUp,
            terminal: TerminalOptions { stranded, ..TerminalOptions::default() },
            visitor: None,
            rules: Vec::new(),
            no_paper: false,
            down: Duration::ZERO,
            wall: WallStep::None,
            earlier: false,
            day_closes: false,
        };
        (self.change)(&mut setting);
        setting
    }
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const DAY_MS: i64 = 24 * 3_600_000;
/// The approval that waits for our answer.
const STATUS: (u8, u8) = (0x04, 0x0F);
const COMPLETION: (u8, u8) = (0x06, 0x0F);
const AUTHORISE: (u8, u8) = (0x06, 0x01);

fn approval(fault: Fault) -> FaultRule {
    FaultRule::sent(STATUS, 1, fault).after(AUTHORISE)
}

fn buys(cancels: Option<Cancels>) -> Errand {
    Errand::Buy { cancels, prints: true, walks_off: false }
}

/// Every scenario.
pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "delivered", change: |_| {} },
    Scenario {
        name: "the traveller walks off",
        change: |at| at.errand = Errand::Buy { cancels: None, prints: false, walks_off: true },
    },
    Scenario { name: "declined", change: |at| at.visitor = Some(Cardholder::declined(0x05, "Karte abgelehnt")) },
    Scenario { name: "no card", change: |at| at.visitor = Some(Cardholder::absent()) },
    Scenario { name: "cancelled", change: |at| at.errand = buys(Some(Cancels::AtOnce)) },
    Scenario { name: "cancelled, approval in flight", change: |at| at.errand = buys(Some(Cancels::InFlight)) },
    Scenario { name: "provider refuses", change: |at| at.manner = Manner::Refuses(s(2)) },
    Scenario { name: "provider not reached", change: |at| at.manner = Manner::Unreachable },
    Scenario { name: "code 20 s late", change: |at| at.manner = Manner::SellsLater(s(20)) },
    Scenario { name: "code 5 min late", change: |at| at.manner = Manner::SellsLater(s(300)) },
    Scenario { name: "answer lost, found in the hold", change: |at| at.manner = Manner::SellsUntold(s(31)) },
    Scenario { name: "answer lost, mute past the hold", change: |at| at.manner = Manner::SellsUntold(s(240)) },
    Scenario { name: "order lost, mute past the hold", change: |at| at.manner = Manner::Loses(s(240)) },
    Scenario {
        name: "wallet as only witness, answer lost",
        change: |at| {
            at.guard = DuplicateGuard::None;
            at.manner = Manner::SellsUntold(s(240));
        },
    },
    Scenario { name: "wallet as only witness, delivered", change: |at| at.guard = DuplicateGuard::None },
    Scenario {
        name: "a code that was sold before",
        change: |at| {
            at.manner = Manner::Doubles;
            at.earlier = true;
        },
    },
    Scenario { name: "the second of a day", change: |at| at.earlier = true },
    Scenario { name: "line cut at the approval, 40 s", change: |at| at.rules.push(approval(Fault::Cut(s(40)))) },
    Scenario {
        name: "line cut after the approval, 40 s",
        change: |at| at.rules.push(approval(Fault::CutAfter(s(40)))),
    },
    Scenario {
        name: "completion lost",
        change: |at| {
            let lost = FaultRule::sent(COMPLETION, 1, Fault::Drop).after(AUTHORISE).after(STATUS);
            at.rules.push(lost.times(3));
        },
    },
    Scenario {
        name: "adapter pulled in the hold, 20 s",
        change: |at| {
            at.manner = Manner::Sells(s(10));
            at.rules.push(approval(Fault::Unplug(s(20))));
        },
    },
    Scenario {
        name: "terminal without power after the approval",
        change: |at| at.rules.push(approval(Fault::PowerCycleAfter(s(20)))),
    },
    Scenario {
        name: "another amount approved",
        change: |at| at.visitor = Some(Cardholder::default().with_bank(Bank::ApprovesOnly(500))),
    },
    Scenario {
        name: "approved offline",
        change: |at| at.visitor = Some(Cardholder::default().with_bank(Bank::ApprovesOffline)),
    },
    Scenario { name: "printer out", change: |at| at.no_paper = true },
    Scenario { name: "down for 5 minutes", change: |at| at.down = s(300) },
    Scenario { name: "clock 10 min back", change: |at| at.wall = WallStep::By(-600_000) },
    Scenario { name: "clock 10 min on", change: |at| at.wall = WallStep::By(600_000) },
    Scenario { name: "3 days on", change: |at| at.wall = WallStep::By(3 * DAY_MS) },
    Scenario { name: "1970", change: |at| at.wall = WallStep::Lost },
    Scenario { name: "day closed unasked", change: |at| at.day_closes = true },
    Scenario { name: "aborts after booking", change: |at| at.terminal.aborts_after_booking = true },
    Scenario { name: "busy terminal repeats", change: |at| at.terminal.busy_repeats_receipt = true },
    Scenario { name: "odd completion", change: |at| at.terminal.quirk = Some(Quirk::OddCompletion) },
    Scenario { name: "a second approval", change: |at| at.terminal.quirk = Some(Quirk::SecondApproval) },
    Scenario {
        name: "terminal holds 20 s at most",
        change: |at| {
            at.terminal.hold_max = Some(s(20));
            at.manner = Manner::Sells(s(25));
        },
    },
    Scenario {
        name: "reversal wants a card",
        change: |at| {
            at.terminal.reversal_wants_card = true;
            at.errand = Errand::Buy { cancels: None, prints: false, walks_off: true };
        },
    },
];
