//! Whether what was to go wrong went wrong. A scenario whose fault never strikes proves nothing, and is itself a fault.

use std::collections::BTreeSet;

use super::damage::{Damage, Fate};
use super::scenario::{Setting, WallStep};
use super::shop::Ends;
use super::stand::Stand;
use crate::sale::offer::Source;

/// Something that a setting makes go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tooth {
    /// A fault on the terminal's line.
    Line,
    /// What the provider does with an order.
    Provider,
    /// The same with a later good.
    Second,
    /// The end of a number's subscription.
    Ends,
    /// No provider can be reached while a sale is made.
    Offline,
    /// A sale is promised for later.
    Promise,
    /// A sale is made from stock.
    Stock,
    /// The last item of the stock is taken when somebody else wants it.
    LastItem,
    /// A cardholder who is not a plain one.
    Visitor,
    /// The printer has no paper.
    Paper,
    /// What the terminal does against the table.
    Terminal,
    /// The wall clock is set while the kiosk runs.
    Clock,
    /// It stands wrong from the beginning, or is set while the kiosk is down.
    WallStep,
    /// The kiosk is down for long.
    Down,
    /// The terminal closes its day unasked.
    DayUnasked,
    /// The day is closed.
    Day,
    /// The books are damaged.
    Damage,
}

impl Tooth {
    /// Strikes only where the blade falls, so a run of few cuts may not meet it.
    fn needs_cut(self) -> bool {
        matches!(self, Tooth::WallStep | Tooth::Down | Tooth::DayUnasked | Tooth::Damage)
    }
}

/// What has struck.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Teeth(BTreeSet<Tooth>);

impl Teeth {
    fn note(&mut self, tooth: Tooth, struck: bool) {
        if struck {
            self.0.insert(tooth);
        }
    }

    pub(super) fn add(&mut self, other: Teeth) {
        self.0.extend(other.0);
    }

    /// Somebody else stands before the screen and wants the same.
    pub(super) fn wanted_again(&mut self, stand: &Stand) {
        self.note(Tooth::LastItem, stand.disk.for_sale().is_empty());
    }

    /// The kiosk was down, and this happened.
    pub(super) fn between(&mut self, setting: &Setting, fate: &Fate) {
        self.note(Tooth::Down, !setting.down.is_zero());
        self.note(Tooth::WallStep, setting.wall != WallStep::None);
        self.note(Tooth::Damage, fate.is_real());
    }

    /// A run is over, and nothing was mended yet.
    pub(super) fn of_run(&mut self, setting: &Setting, stand: &Stand) {
        let (panel, shop) = (stand.terminal.panel(), stand.shop.struck());
        let book = stand.terminal.ledger().book();
        let sales = stand.disk.sales();
        let rules = setting.rules.len();
        self.note(Tooth::Line, rules > 0 && panel.unstruck() == 0 && panel.faults_struck() >= rules as u64);
        self.note(Tooth::Provider, shop.manner);
        self.note(Tooth::Second, shop.second);
        self.note(Tooth::Ends, shop.ends);
        self.note(Tooth::Offline, shop.offline && !sales.is_empty());
        self.note(Tooth::Promise, sales.iter().any(|sale| sale.quote.promised_ms.is_some()));
        let stocked = |place: usize, sale: &crate::sale::Sale| matches!(sale.offer(place).source, Source::Stock { .. });
        let from_stock = |sale: &crate::sale::Sale| (0..sale.goods.len()).any(|place| stocked(place, sale));
        self.note(Tooth::Stock, sales.iter().any(from_stock));
        self.note(Tooth::Visitor, setting.visitor.is_some() && book.authorisations > 0);
        self.note(Tooth::Paper, stand.tray.was_missed());
        self.note(Tooth::Terminal, panel.odd() > 0);
        self.note(Tooth::Clock, stand.clock_was_turned());
        self.note(Tooth::WallStep, setting.clocks.first != WallStep::None);
        self.note(Tooth::DayUnasked, book.days.iter().any(|day| day.unasked));
        self.note(Tooth::Day, stand.disk.days() > 0);
    }

    /// What should have struck in the runs of a setting, and has not. `whole`: every cut was tried.
    pub(super) fn missing(&self, setting: &Setting, whole: bool) -> Vec<Tooth> {
        let terminal = &setting.terminal;
        // That a busy terminal repeats itself is no tooth: the kiosk asks a busy one for nothing but its status, and in no
        // cut for its last receipt. The rules are tried with such an answer by `torture rules`.
        let odd = terminal.aborts_after_booking || terminal.quirk.is_some() || terminal.hold_max.is_some();
        let wanted = [
            (Tooth::Line, !setting.rules.is_empty()),
            (Tooth::Provider, setting.manner.is_fault()),
            (Tooth::Second, setting.second.is_some_and(|manner| manner.is_fault())),
            (Tooth::Ends, setting.ends != Ends::Well),
            (Tooth::Offline, setting.offline.is_some()),
            (Tooth::Promise, setting.queue_min.is_some()),
            (Tooth::Stock, setting.stock > 0),
            (Tooth::LastItem, setting.wanted_twice),
            (Tooth::Visitor, setting.visitor.is_some()),
            (Tooth::Paper, setting.no_paper),
            (Tooth::Terminal, odd),
            (Tooth::Terminal, whole && terminal.reversal_wants_card),
            (Tooth::Clock, setting.clocks.turn.is_some()),
            (Tooth::WallStep, setting.wall != WallStep::None || setting.clocks.first != WallStep::None),
            (Tooth::Down, !setting.down.is_zero()),
            (Tooth::DayUnasked, setting.day_closes),
            (Tooth::Day, setting.day_end),
            (Tooth::Damage, setting.damage != Damage::None),
        ];
        let missing = wanted.into_iter().filter(|(tooth, wanted)| *wanted && !self.0.contains(tooth));
        missing.map(|(tooth, _)| tooth).filter(|tooth| whole || !tooth.needs_cut()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::terminal::Stranded;

    #[test]
    fn a_fault_that_never_struck_is_missed() {
        let mut setting = Setting::plain(Stranded::Reverses);
        assert_eq!(Teeth::default().missing(&setting, true), []);
        setting.damage = Damage::Unreadable;
        setting.no_paper = true;
        assert_eq!(Teeth::default().missing(&setting, true), [Tooth::Paper, Tooth::Damage]);
        assert_eq!(Teeth::default().missing(&setting, false), [Tooth::Paper]);
        let mut teeth = Teeth::default();
        teeth.note(Tooth::Paper, true);
        assert_eq!(teeth.missing(&setting, true), [Tooth::Damage]);
    }
}
