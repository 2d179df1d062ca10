//! What a seed draws: the stand, who comes, and what goes wrong with it.

use std::time::Duration;

use super::scenario::{Setting, WallStep};
use super::shop::{Ends, Manner};
use super::used_up_scenarios::other_goods;
use crate::esim::DuplicateGuard;
use crate::sim::chance::Chance;
use crate::sim::journal::When;
use crate::sim::kiosk::robot::{Cancels, Errand, Order, Wants};
use crate::sim::terminal::{Bank, Cardholder, Fault, FaultRule, Quirk, Stranded, TerminalOptions};

/// Something that goes wrong with one traveller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The program is killed at a write of its journal.
    KilledAtWrite,
    /// It is killed at an effect.
    KilledAtEffect,
    /// Its disk fails.
    Disk,
    /// The provider does not simply sell.
    Provider,
    /// It does not with a later good of a basket.
    LaterGood,
    /// It does not end a number's subscription at once.
    Ends,
    /// Bank or cardholder.
    Visitor,
    /// The terminal's line or its power.
    Line,
    /// No provider can be reached.
    Offline,
    /// The wall clock is set or lost.
    Clock,
    /// The terminal closes its day by itself.
    DayUnasked,
}

impl Trouble {
    const ALL: [Trouble; 11] = [
        Trouble::KilledAtWrite,
        Trouble::KilledAtEffect,
        Trouble::Disk,
        Trouble::Provider,
        Trouble::LaterGood,
        Trouble::Ends,
        Trouble::Visitor,
        Trouble::Line,
        Trouble::Offline,
        Trouble::Clock,
        Trouble::DayUnasked,
    ];

    /// Its name in figures.
    pub(super) fn word(self) -> String {
        format!("{self:?}")
    }
}

/// Draws, one after the other.
#[derive(Debug)]
pub(super) struct Draws {
    pub(super) chance: Chance,
    /// Of a thousand sales: with how many something goes wrong here.
    rate: u16,
}

impl Draws {
    pub(super) fn new(seed: u64) -> Draws {
        let mut chance = Chance::new(seed ^ 0x5A1E_5A1E_5A1E_5A1E);
        let rate = u16::try_from(chance.between(100, 300)).unwrap_or(300);
        Draws { chance, rate }
    }

    pub(super) fn per_mille(&mut self, rate: u16) -> bool {
        self.chance.per_mille(rate)
    }

    pub(super) fn seconds(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_secs(self.chance.between(from, to))
    }

    fn small(&mut self, from: u32, to: u32) -> u32 {
        u32::try_from(self.chance.between(from.into(), to.into())).unwrap_or(from)
    }

    /// What this stand is for all its sales.
    pub(super) fn setting(&mut self, seed: u64) -> Setting {
        let stranded = if self.per_mille(500) { Stranded::Reverses } else { Stranded::Keeps };
        let mut terminal = TerminalOptions { stranded, ..TerminalOptions::default() };
        // Two in five are new: they cannot tell an empty day from a closed one. By the seed, so that what seeds drew
        // before is still drawn.
        terminal.sold_before = (!matches!(seed % 5, 1 | 3)).then_some(700);
        terminal.aborts_after_booking = self.per_mille(100);
        terminal.busy_repeats_receipt = self.per_mille(200);
        terminal.reversal_wants_card = self.per_mille(100);
        terminal.quirk = match self.chance.below(20) {
            0 => Some(Quirk::OddCompletion),
            1 => Some(Quirk::SecondApproval),
            _ => None,
        };
        let guard = if self.per_mille(250) { DuplicateGuard::None } else { DuplicateGuard::LookUp };
        let stock = if self.per_mille(400) { self.small(1, 4) } else { 0 };
        let queue_min = self.per_mille(400).then(|| self.small(5, 90));
        // Some have the product's own database; the others its twin, which is many times as fast.
        let files = self.per_mille(30);
        let holds = !self.per_mille(100);
        let no_paper = self.per_mille(100);
        Setting { guard, terminal, stock, queue_min, files, holds, no_paper, seed, ..Setting::plain(stranded) }
    }

    /// What goes wrong with the next traveller: with most nothing, with some one thing, with few more.
    pub(super) fn troubles(&mut self) -> Vec<Trouble> {
        if !self.per_mille(self.rate) {
            return Vec::new();
        }
        let count = match self.chance.below(10) {
            0 => 3,
            1..=3 => 2,
            _ => 1,
        };
        (0..count).filter_map(|_| self.chance.pick(&Trouble::ALL).copied()).collect()
    }

    /// So many writes or effects from now on, and on which side.
    pub(super) fn place(&mut self) -> (u64, When) {
        let when = if self.per_mille(500) { When::Before } else { When::After };
        (self.chance.between(1, 12), when)
    }

    /// All is well with the provider.
    pub(super) fn sells(&mut self) -> Manner {
        Manner::Sells(self.seconds(1, 6))
    }

    pub(super) fn manner(&mut self) -> Manner {
        match self.chance.below(6) {
            0 => Manner::Refuses(self.seconds(0, 5)),
            1 => Manner::Unreachable,
            2 => Manner::SellsLater(self.seconds(1, 400)),
            3 => Manner::SellsUntold(self.seconds(5, 300)),
            4 => Manner::Loses(self.seconds(5, 300)),
            _ => Manner::Sells(self.seconds(20, 70)),
        }
    }

    pub(super) fn ends(&mut self) -> Ends {
        if self.per_mille(200) { Ends::Never } else { Ends::Untold(2) }
    }

    pub(super) fn visitor(&mut self) -> Cardholder {
        match self.chance.below(4) {
            0 => Cardholder::declined(0x05, "Karte abgelehnt"),
            1 => Cardholder::absent(),
            2 => Cardholder::default().with_bank(Bank::ApprovesOnly(500)),
            _ => Cardholder::default().with_bank(Bank::ApprovesOffline),
        }
    }

    pub(super) fn line(&mut self) -> FaultRule {
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
        if self.per_mille(600) {
            let message = self.chance.pick(&SENT).copied().unwrap_or(SENT[0]);
            FaultRule::sent(message, 1, fault)
        } else {
            let message = self.chance.pick(&HEARD).copied().unwrap_or(HEARD[0]);
            FaultRule::heard(message, 1, fault)
        }
    }

    /// How the wall clock is set.
    pub(super) fn clock(&mut self) -> WallStep {
        let step = i64::try_from(self.chance.between(1, 3_600_000)).unwrap_or(1);
        match self.chance.below(3) {
            0 => WallStep::Lost,
            1 => WallStep::By(-step),
            _ => WallStep::By(step),
        }
    }

    /// What a traveller has come for. `codes` are those that earlier ones photographed.
    pub(super) fn errand(&mut self, codes: &mut Vec<String>) -> Errand {
        if !codes.is_empty() && self.per_mille(250) {
            let place = usize::try_from(self.chance.below(codes.len() as u64)).unwrap_or(0);
            let code = codes.swap_remove(place);
            return if self.per_mille(500) { Errand::BuyKept(code) } else { Errand::Claim(code) };
        }
        let cancels =
            self.per_mille(150).then(|| if self.per_mille(500) { Cancels::AtOnce } else { Cancels::InFlight });
        let (prints, walks_off, keeps) = (self.per_mille(300), self.per_mille(150), self.per_mille(500));
        match other_goods(&mut self.chance) {
            Some(wants) => Errand::Order(Order { wants, cancels, prints, walks_off, keeps }),
            None => Errand::Buy { cancels, prints, walks_off },
        }
    }
}

/// Several goods, or a number: only there some troubles can strike.
pub(super) fn suits(trouble: Trouble, errand: &Errand) -> bool {
    let wants = match errand {
        Errand::Order(order) => Some(&order.wants),
        _ => None,
    };
    match trouble {
        Trouble::LaterGood => matches!(wants, Some(Wants::Esims(_))),
        Trouble::Ends => matches!(wants, Some(Wants::Other(crate::kiosk::wanted::Wanted::Number(_)))),
        _ => true,
    }
}
