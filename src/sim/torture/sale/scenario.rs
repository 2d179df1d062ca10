//! What can happen around one sale: the list of issue and rules, each as the setting of a stand.

use std::time::Duration;

use super::clocks::Clocks;
use super::damage::Damage;
use super::shop::{Ends, Manner};
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
    /// How it goes before that.
    pub(super) clocks: Clocks,
    /// What becomes of the books while the kiosk is down.
    pub(super) damage: Damage,
    /// The number of the run is kept outside of the books too.
    pub(super) generation: bool,
    /// Another traveller has bought here before.
    pub(super) earlier: bool,
    /// The terminal closes its day by itself while the kiosk is down.
    pub(super) day_closes: bool,
    /// Of the random numbers that the kiosk draws.
    pub(super) seed: u64,
    /// The books are kept in the product's own database.
    pub(super) files: bool,
    /// So many profiles lie in stock.
    pub(super) stock: u32,
    /// No provider can be reached until the first traveller is gone, and for so long after it.
    pub(super) offline: Option<Duration>,
    /// Sales for later are taken, and promised for so many minutes.
    pub(super) queue_min: Option<u32>,
    /// Somebody else wants the same while nothing can be reached.
    pub(super) wanted_twice: bool,
    /// The first traveller pays for what was bought all the same, if the claim code offers it.
    pub(super) keeps: bool,
    /// The day is closed once the first traveller is gone, before the network is back.
    pub(super) day_end: bool,
    /// What the provider does with the later goods of a basket.
    pub(super) second: Option<Manner>,
    /// What it does when a number's subscription is to be ended.
    pub(super) ends: Ends,
    /// The terminal holds until we answer; else it is committed first and ordered then.
    pub(super) holds: bool,
    /// There is a back office, which takes everything; records that it has go after so many days.
    pub(super) office: Option<u32>,
}

impl Setting {
    /// All is well.
    pub(super) fn plain(stranded: Stranded) -> Setting {
        Setting {
            errand: Errand::PURCHASE,
            manner: Manner::Sells(s(3)),
            guard: DuplicateGuard::LookUp,
            terminal: TerminalOptions { stranded, sold_before: Some(700), ..TerminalOptions::default() },
            visitor: None,
            rules: Vec::new(),
            no_paper: false,
            down: Duration::ZERO,
            wall: WallStep::None,
            clocks: Clocks::RIGHT,
            damage: Damage::None,
            generation: false,
            earlier: false,
            day_closes: false,
            seed: 1,
            files: false,
            stock: 0,
            offline: None,
            queue_min: None,
            wanted_twice: false,
            keeps: false,
            day_end: false,
            second: None,
            ends: Ends::Well,
            holds: true,
            office: None,
        }
    }

    /// The clock on the wall is lost or set at some time: the age of what was paid before may be unknown for ever.
    pub(super) fn is_timeless(&self) -> bool {
        let set = |step| step != WallStep::None;
        self.clocks.turn.is_some() || set(self.clocks.first) || set(self.wall)
    }
}

/// A scenario by name.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) change: fn(&mut Setting),
}

impl Scenario {
    pub(super) fn setting(&self, stranded: Stranded) -> Setting {
        let mut setting = Setting::plain(stranded);
        (self.change)(&mut setting);
        setting
    }
}

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const DAY_MS: i64 = 24 * 3_600_000;
/// The approval that waits for our answer.
pub(super) const STATUS: (u8, u8) = (0x04, 0x0F);
pub(super) const COMPLETION: (u8, u8) = (0x06, 0x0F);
pub(super) const AUTHORISE: (u8, u8) = (0x06, 0x01);

pub(super) fn approval(fault: Fault) -> FaultRule {
    FaultRule::sent(STATUS, 1, fault).after(AUTHORISE)
}

/// Only what lies in stock can be sold.
pub(super) fn in_stock(at: &mut Setting, count: u32) {
    at.files = true;
    at.stock = count;
    at.offline = Some(s(30));
}

/// Charged now, ordered when the network is back.
pub(super) fn for_later(at: &mut Setting) {
    at.files = true;
    at.offline = Some(s(60));
    at.queue_min = Some(60);
}

fn buys(cancels: Option<Cancels>) -> Errand {
    Errand::Buy { cancels, prints: true, walks_off: false }
}

/// Every scenario: one eSIM, other goods, wrong clocks, damaged books.
pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    let goods = super::goods_scenarios::BASKETS.iter().chain(super::used_up_scenarios::USED_UP);
    ESIMS.iter().chain(goods).chain(super::clocks::ALL).chain(super::damage::ALL)
}

/// One eSIM.
const ESIMS: &[Scenario] = &[
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
    Scenario {
        name: "answer lost, bought after all by its code",
        change: |at| {
            at.manner = Manner::SellsUntold(s(240));
            at.keeps = true;
            at.files = true;
        },
    },
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
    Scenario { name: "delivered, in the database", change: |at| at.files = true },
    Scenario { name: "stock sale, offline", change: |at| in_stock(at, 2) },
    Scenario {
        name: "last of the stock, wanted twice",
        change: |at| {
            in_stock(at, 1);
            at.wanted_twice = true;
        },
    },
    Scenario {
        name: "stock sale, declined",
        change: |at| {
            in_stock(at, 1);
            at.visitor = Some(Cardholder::declined(0x05, "Karte abgelehnt"));
        },
    },
    Scenario { name: "queue sale", change: for_later },
    Scenario {
        name: "queue sale, refused when the network is back",
        change: |at| {
            for_later(at);
            at.manner = Manner::Refuses(s(1));
        },
    },
    Scenario {
        name: "queue sale, answer lost",
        change: |at| {
            for_later(at);
            at.manner = Manner::SellsUntold(s(60));
        },
    },
    Scenario {
        name: "queue sale at a wallet, answer lost",
        change: |at| {
            for_later(at);
            at.guard = DuplicateGuard::None;
            at.manner = Manner::SellsUntold(s(60));
        },
    },
    Scenario {
        name: "queue sale, promise broken",
        change: |at| {
            for_later(at);
            at.queue_min = Some(5);
            at.offline = Some(s(420));
        },
    },
    Scenario {
        name: "end of day",
        change: |at| {
            at.files = true;
            at.day_end = true;
        },
    },
    Scenario {
        name: "end of day, eSIM never seen",
        change: |at| {
            at.files = true;
            at.day_end = true;
            at.manner = Manner::SellsUntold(s(240));
        },
    },
    Scenario {
        name: "end of day, queue sale open",
        change: |at| {
            for_later(at);
            at.offline = Some(s(120));
            at.day_end = true;
        },
    },
    Scenario {
        name: "reversal wants a card",
        change: |at| {
            at.terminal.reversal_wants_card = true;
            at.errand = Errand::Buy { cancels: None, prints: false, walks_off: true };
        },
    },
    // Nothing that such a terminal says tells an empty day from one that was closed.
    Scenario { name: "a new terminal", change: |at| at.terminal.sold_before = None },
    Scenario {
        name: "a new terminal, day closed unasked",
        change: |at| {
            at.terminal.sold_before = None;
            at.day_closes = true;
        },
    },
    Scenario {
        name: "a new terminal, end of day",
        change: |at| {
            at.terminal.sold_before = None;
            at.files = true;
            at.day_end = true;
        },
    },
    Scenario { name: "a terminal that names nothing", change: |at| at.terminal.dialect.repeat_is_empty = true },
    Scenario {
        name: "a terminal that names nothing, day closed unasked",
        change: |at| {
            at.terminal.dialect.repeat_is_empty = true;
            at.day_closes = true;
        },
    },
];
