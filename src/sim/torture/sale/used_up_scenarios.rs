//! What can happen around goods that are used up when they are ordered: a top-up, a number.

use super::goods_scenarios::{FOUND, LOST, MUTE, REFUSES, WELL, completion_lost, declined, order_of, wants};
use super::scenario::{Scenario, Setting, approval, s};
use super::shop::{Ends, Manner, iccid, number_cost, plan, shop_name};
use crate::esim::DuplicateGuard;
use crate::kiosk::wanted::{NumberWish, Wanted};
use crate::sim::chance::Chance;
use crate::sim::kiosk::robot::{Cancels, Wants};
use crate::sim::terminal::Fault;

/// What else than one eSIM a traveller wants, by chance.
pub(super) fn other_goods(chance: &mut Chance) -> Option<Wants> {
    match chance.below(10) {
        0 | 1 => Some(Wants::Esims(usize::try_from(chance.between(2, 3)).unwrap_or(2))),
        2 => Some(top_up()),
        3 => Some(number()),
        _ => None,
    }
}

/// More data on an eSIM that this provider knows.
fn top_up() -> Wants {
    Wants::Other(Wanted::TopUp { provider: shop_name(), iccid: iccid(), plan: plan().key })
}

/// A telephone number for a month.
fn number() -> Wants {
    Wants::Other(Wanted::Number(NumberWish {
        provider: shop_name(),
        number: "493012345678".to_owned(),
        offer_token: "offer-1".to_owned(),
        cost: number_cost(),
        days: 30,
    }))
}

/// A top-up, sold in this manner.
fn tops_up(at: &mut Setting, manner: Manner) {
    wants(at, top_up());
    at.manner = manner;
}

/// A number, sold in this manner.
fn numbered(at: &mut Setting, manner: Manner) {
    wants(at, number());
    at.manner = manner;
}

/// Every scenario.
pub(super) const USED_UP: &[Scenario] = &[
    Scenario { name: "top-up, delivered", change: |at| tops_up(at, WELL) },
    Scenario {
        name: "top-up, declined",
        change: |at| {
            tops_up(at, WELL);
            at.visitor = declined();
        },
    },
    Scenario {
        name: "top-up, cancelled, approval in flight",
        change: |at| {
            tops_up(at, WELL);
            order_of(at).cancels = Some(Cancels::InFlight);
        },
    },
    Scenario { name: "top-up, refused", change: |at| tops_up(at, REFUSES) },
    Scenario { name: "top-up, not reached", change: |at| tops_up(at, Manner::Unreachable) },
    Scenario { name: "top-up, 20 s late", change: |at| tops_up(at, Manner::SellsLater(s(20))) },
    Scenario { name: "top-up, 5 min late", change: |at| tops_up(at, Manner::SellsLater(s(300))) },
    Scenario { name: "top-up, answer lost, found in the hold", change: |at| tops_up(at, FOUND) },
    Scenario { name: "top-up, answer lost, mute past the hold", change: |at| tops_up(at, MUTE) },
    Scenario { name: "top-up, order lost, mute past the hold", change: |at| tops_up(at, LOST) },
    Scenario {
        name: "top-up at a wallet, delivered",
        change: |at| {
            tops_up(at, WELL);
            at.guard = DuplicateGuard::None;
        },
    },
    Scenario {
        name: "top-up at a wallet, mute past the hold",
        change: |at| {
            tops_up(at, MUTE);
            at.guard = DuplicateGuard::None;
        },
    },
    Scenario {
        name: "top-up at a wallet, order lost",
        change: |at| {
            tops_up(at, LOST);
            at.guard = DuplicateGuard::None;
        },
    },
    Scenario {
        name: "top-up, line cut after the approval, 40 s",
        change: |at| {
            tops_up(at, WELL);
            at.rules.push(approval(Fault::CutAfter(s(40))));
        },
    },
    Scenario {
        name: "top-up, completion lost",
        change: |at| {
            tops_up(at, WELL);
            completion_lost(at);
        },
    },
    Scenario {
        name: "top-up, terminal without power",
        change: |at| {
            tops_up(at, WELL);
            at.rules.push(approval(Fault::PowerCycleAfter(s(20))));
        },
    },
    Scenario {
        name: "top-up, paid first",
        change: |at| {
            tops_up(at, WELL);
            at.holds = false;
        },
    },
    Scenario {
        name: "top-up, paid first, mute",
        change: |at| {
            tops_up(at, MUTE);
            at.holds = false;
        },
    },
    Scenario {
        name: "top-up, end of day",
        change: |at| {
            tops_up(at, MUTE);
            at.files = true;
            at.day_end = true;
        },
    },
    Scenario { name: "number, delivered", change: |at| numbered(at, WELL) },
    Scenario {
        name: "number, declined",
        change: |at| {
            numbered(at, WELL);
            at.visitor = declined();
        },
    },
    Scenario { name: "number, refused", change: |at| numbered(at, REFUSES) },
    Scenario { name: "number, 20 s late", change: |at| numbered(at, Manner::SellsLater(s(20))) },
    Scenario { name: "number, 5 min late", change: |at| numbered(at, Manner::SellsLater(s(300))) },
    Scenario { name: "number, answer lost, found in the hold", change: |at| numbered(at, FOUND) },
    Scenario { name: "number, answer lost, mute past the hold", change: |at| numbered(at, MUTE) },
    Scenario { name: "number, order lost", change: |at| numbered(at, LOST) },
    Scenario {
        name: "number, its end told late",
        change: |at| {
            numbered(at, WELL);
            at.ends = Ends::Untold(3);
        },
    },
    Scenario {
        name: "number, its end refused",
        change: |at| {
            numbered(at, WELL);
            at.ends = Ends::Never;
        },
    },
    Scenario {
        name: "number, mute past the hold, its end told late",
        change: |at| {
            numbered(at, MUTE);
            at.ends = Ends::Untold(2);
        },
    },
    Scenario {
        name: "number, completion lost",
        change: |at| {
            numbered(at, WELL);
            completion_lost(at);
        },
    },
    Scenario {
        name: "number, adapter pulled in the hold, 20 s",
        change: |at| {
            numbered(at, Manner::Sells(s(10)));
            at.rules.push(approval(Fault::Unplug(s(20))));
        },
    },
    Scenario {
        name: "number, paid first",
        change: |at| {
            numbered(at, WELL);
            at.holds = false;
        },
    },
    Scenario {
        name: "number, end of day",
        change: |at| {
            numbered(at, WELL);
            at.files = true;
            at.day_end = true;
        },
    },
];
