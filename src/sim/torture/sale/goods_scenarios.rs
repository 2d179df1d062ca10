//! What can happen around a basket.

use super::scenario::{AUTHORISE, COMPLETION, DAY_MS, STATUS, Scenario, Setting, WallStep, approval, in_stock, s};
use super::shop::Manner;
use crate::esim::DuplicateGuard;
use crate::sim::kiosk::robot::{Cancels, Errand, Order, Wants};
use crate::sim::terminal::{Bank, Cardholder, Fault, FaultRule};

pub(super) fn wants(at: &mut Setting, wants: Wants) {
    at.errand = Errand::Order(Order::of(wants));
}

pub(super) fn order_of(at: &mut Setting) -> &mut Order {
    if !matches!(at.errand, Errand::Order(_)) {
        wants(at, Wants::Esims(2));
    }
    match &mut at.errand {
        Errand::Order(order) => order,
        Errand::Buy { .. } | Errand::Claim(_) | Errand::BuyKept(_) => unreachable!("an order was just placed"),
    }
}

/// Two eSIMs, with the second one sold in another manner.
fn basket(at: &mut Setting, second: Option<Manner>) {
    wants(at, Wants::Esims(2));
    at.second = second;
}

pub(super) fn completion_lost(at: &mut Setting) {
    at.rules.push(FaultRule::sent(COMPLETION, 1, Fault::Drop).after(AUTHORISE).after(STATUS).times(3));
}

pub(super) fn declined() -> Option<Cardholder> {
    Some(Cardholder::declined(0x05, "Karte abgelehnt"))
}

pub(super) const WELL: Manner = Manner::Sells(s(3));
pub(super) const REFUSES: Manner = Manner::Refuses(s(2));
/// The answer is lost, and found while the terminal holds.
pub(super) const FOUND: Manner = Manner::SellsUntold(s(31));
/// The answer is lost, and nobody hears anything for longer than any terminal holds.
pub(super) const MUTE: Manner = Manner::SellsUntold(s(240));
pub(super) const LOST: Manner = Manner::Loses(s(240));

/// Every scenario.
pub(super) const BASKETS: &[Scenario] = &[
    Scenario { name: "basket, delivered", change: |at| basket(at, None) },
    Scenario { name: "basket of three", change: |at| wants(at, Wants::Esims(3)) },
    Scenario {
        name: "basket, the traveller walks off",
        change: |at| {
            let order = order_of(at);
            order.walks_off = true;
            order.prints = false;
        },
    },
    Scenario {
        name: "basket, declined",
        change: |at| {
            basket(at, None);
            at.visitor = declined();
        },
    },
    Scenario {
        name: "basket, cancelled, approval in flight",
        change: |at| order_of(at).cancels = Some(Cancels::InFlight),
    },
    Scenario { name: "basket, second refused", change: |at| basket(at, Some(REFUSES)) },
    Scenario { name: "basket, second not reached", change: |at| basket(at, Some(Manner::Unreachable)) },
    Scenario { name: "basket, second 20 s late", change: |at| basket(at, Some(Manner::SellsLater(s(20)))) },
    Scenario { name: "basket, second 5 min late", change: |at| basket(at, Some(Manner::SellsLater(s(300)))) },
    Scenario {
        name: "basket, both 20 s late",
        change: |at| {
            basket(at, None);
            at.manner = Manner::SellsLater(s(20));
        },
    },
    Scenario { name: "basket, second lost, found in the hold", change: |at| basket(at, Some(FOUND)) },
    Scenario { name: "basket, second mute past the hold", change: |at| basket(at, Some(MUTE)) },
    Scenario { name: "basket, second order lost", change: |at| basket(at, Some(LOST)) },
    Scenario {
        name: "basket, first mute past the hold",
        change: |at| {
            basket(at, Some(WELL));
            at.manner = MUTE;
        },
    },
    Scenario {
        name: "basket at a wallet, delivered",
        change: |at| {
            basket(at, None);
            at.guard = DuplicateGuard::None;
        },
    },
    Scenario {
        name: "basket at a wallet, second mute",
        change: |at| {
            basket(at, Some(MUTE));
            at.guard = DuplicateGuard::None;
        },
    },
    Scenario {
        name: "basket at a wallet, second order lost",
        change: |at| {
            basket(at, Some(LOST));
            at.guard = DuplicateGuard::None;
        },
    },
    Scenario {
        name: "basket from stock, offline",
        change: |at| {
            basket(at, None);
            in_stock(at, 2);
        },
    },
    Scenario {
        name: "basket with the last of the stock, wanted twice",
        change: |at| {
            basket(at, None);
            in_stock(at, 2);
            at.wanted_twice = true;
        },
    },
    Scenario {
        name: "basket, one from stock and one ordered",
        change: |at| {
            basket(at, None);
            at.files = true;
            at.stock = 1;
        },
    },
    Scenario {
        name: "basket, second refused, the first bought after all",
        change: |at| {
            order_of(at).keeps = true;
            at.second = Some(REFUSES);
            at.files = true;
        },
    },
    Scenario {
        name: "basket, line cut at the approval, 40 s",
        change: |at| {
            basket(at, None);
            at.rules.push(approval(Fault::Cut(s(40))));
        },
    },
    Scenario {
        name: "basket, completion lost",
        change: |at| {
            basket(at, None);
            completion_lost(at);
        },
    },
    Scenario {
        name: "basket, terminal without power",
        change: |at| {
            basket(at, None);
            at.rules.push(approval(Fault::PowerCycleAfter(s(20))));
        },
    },
    Scenario {
        name: "basket, another amount approved",
        change: |at| {
            basket(at, None);
            at.visitor = Some(Cardholder::default().with_bank(Bank::ApprovesOnly(990)));
        },
    },
    Scenario {
        name: "basket, terminal holds 20 s at most",
        change: |at| {
            basket(at, Some(Manner::Sells(s(25))));
            at.terminal.hold_max = Some(s(20));
        },
    },
    Scenario {
        name: "basket, printer out",
        change: |at| {
            basket(at, None);
            at.no_paper = true;
        },
    },
    Scenario {
        name: "basket, paid first",
        change: |at| {
            basket(at, None);
            at.holds = false;
        },
    },
    Scenario {
        name: "basket, paid first, second refused",
        change: |at| {
            basket(at, Some(REFUSES));
            at.holds = false;
        },
    },
    Scenario {
        name: "basket, paid first at a wallet, second mute",
        change: |at| {
            basket(at, Some(MUTE));
            at.guard = DuplicateGuard::None;
            at.holds = false;
        },
    },
    Scenario {
        name: "basket, end of day",
        change: |at| {
            basket(at, Some(MUTE));
            at.files = true;
            at.day_end = true;
        },
    },
    Scenario {
        name: "basket, day closed unasked",
        change: |at| {
            basket(at, None);
            at.day_closes = true;
        },
    },
    Scenario {
        name: "basket, 3 days on",
        change: |at| {
            basket(at, None);
            at.wall = WallStep::By(3 * DAY_MS);
        },
    },
];
