//! The scenes of the whole run.

use super::scene::{Mutant, Scene, Ware};

const ORDERED: Ware = Ware::Ordered { fail_over: false };
const EITHER: Ware = Ware::Ordered { fail_over: true };

/// Everything that is enumerated by `cargo torture rules`.
pub fn scenes() -> Vec<Scene> {
    [single(), baskets(), pairs(), queued(), copies()].concat()
}

/// Two sales on the whole fault space would be the square of one: each pair keeps the faults that it is about.
fn two(name: &'static str, first: Ware, second: Ware) -> Scene {
    Scene { sales: vec![vec![first], vec![second]], provider_faults: false, ..Scene::one(name) }
}

/// One good.
fn single() -> Vec<Scene> {
    let one = Scene::one;
    vec![
        one("one"),
        Scene { reverses: false, ..one("one, terminal keeps") },
        Scene { stores_reversals: true, ..one("one, reversals stored") },
        Scene { totals: true, ..one("one, totals") },
        Scene { totals: true, reverses: false, ..one("one, totals, terminal keeps") },
        Scene { earlier: false, totals: true, ..one("one, empty terminal") },
        Scene { earlier: false, reverses: false, totals: true, ..one("one, empty terminal that keeps") },
        Scene { can_hold: false, ..one("one, cannot hold") },
        Scene { can_hold: false, reverses: false, ..one("one, cannot hold, terminal keeps") },
        Scene { synced: false, ..one("one, clock not synchronised") },
        Scene { delays: true, ..one("one, events late") },
        Scene { delays: true, reverses: false, ..one("one, events late, terminal keeps") },
        Scene { decisions: true, ..one("one, cases decided") },
        Scene { decisions: true, reverses: false, ..one("one, cases decided, terminal keeps") },
        Scene { sales: vec![vec![EITHER]], ..one("one, another provider") },
        Scene { sales: vec![vec![Ware::TopUp]], ..one("top-up") },
        Scene { sales: vec![vec![Ware::TopUp]], reverses: false, ..one("top-up, terminal keeps") },
        Scene { sales: vec![vec![Ware::Number]], ..one("number") },
        Scene { sales: vec![vec![Ware::Number]], reverses: false, ..one("number, terminal keeps") },
        Scene { sales: vec![vec![Ware::Number]], can_hold: false, ..one("number, cannot hold") },
        Scene { sales: vec![vec![Ware::Number]], decisions: true, ..one("number, cases decided") },
        Scene { sales: vec![vec![Ware::TopUp]], can_hold: false, ..one("top-up, cannot hold") },
        Scene { sales: vec![vec![Ware::Stock]], ..one("stock item") },
        Scene { end_of_day: true, ..one("end of day") },
        Scene { end_of_day: true, reverses: false, ..one("end of day, terminal keeps") },
        Scene { end_of_day: true, synced: false, ..one("end of day, clock not synchronised") },
        Scene { day_unasked: true, totals: true, reverses: false, ..one("day closed unasked") },
        Scene { day_unasked: true, totals: true, earlier: false, ..one("empty day closed unasked") },
        Scene {
            day_unasked: true,
            totals: true,
            earlier: false,
            reverses: false,
            ..one("empty day closed unasked, terminal keeps")
        },
    ]
}

/// Several goods for one payment.
fn baskets() -> Vec<Scene> {
    let one = Scene::one;
    vec![
        Scene { sales: vec![vec![ORDERED, Ware::Stock]], ..one("basket: ordered and stock") },
        Scene { sales: vec![vec![ORDERED, ORDERED]], busy_answers: false, ..one("basket of two") },
        Scene { sales: vec![vec![ORDERED, ORDERED]], wallets: true, ..one("basket of two at a wallet") },
        Scene {
            sales: vec![vec![ORDERED, ORDERED]],
            wallets: true,
            can_hold: false,
            ..one("basket of two at a wallet, cannot hold")
        },
        Scene { sales: vec![vec![EITHER, ORDERED]], wallets: true, ..one("basket of two, another provider") },
        Scene { decisions: true, sales: vec![vec![ORDERED, ORDERED]], ..one("basket of two, cases decided") },
        Scene { decisions: true, sales: vec![vec![ORDERED, Ware::Stock]], ..one("basket with stock, cases decided") },
        Scene {
            decisions: true,
            can_hold: false,
            sales: vec![vec![ORDERED, ORDERED]],
            ..one("basket paid first, cases decided")
        },
        Scene { end_of_day: true, sales: vec![vec![ORDERED, ORDERED]], ..one("basket and a failed end of day") },
        Scene {
            end_of_day: true,
            opening: BASKET_PAID,
            sales: vec![vec![ORDERED, ORDERED]],
            ..one("basket paid, then a failed end of day")
        },
        Scene {
            end_of_day: true,
            can_hold: false,
            sales: vec![vec![ORDERED, Ware::Stock]],
            ..one("basket paid first and a failed end of day")
        },
    ]
}

/// Two sales.
fn pairs() -> Vec<Scene> {
    vec![
        two("two of one price", ORDERED, ORDERED),
        Scene { reverses: false, ..two("two of one price, terminal keeps", ORDERED, ORDERED) },
        Scene { busy_answers: false, ..two("two of one price, busy is silent", ORDERED, ORDERED) },
        two("last stock item wanted twice", Ware::Stock, Ware::Stock),
        Scene { provider_faults: true, ..two("claim by a new authorisation", ORDERED, Ware::Kept) },
        Scene { end_of_day: true, ..two("two and end of day", ORDERED, Ware::Stock) },
        Scene { stale_approvals: true, ..two("two, an approval of before repeated", ORDERED, Ware::Stock) },
    ]
}

/// Sold for later.
fn queued() -> Vec<Scene> {
    let one = Scene::one;
    vec![
        Scene { queue: true, ..one("queue") },
        Scene { queue: true, reverses: false, ..one("queue, terminal keeps") },
        Scene { queue: true, wallets: true, sales: vec![vec![EITHER]], ..one("queue, another provider") },
        Scene { queue: true, end_of_day: true, ..one("queue and end of day") },
        Scene { queue: true, synced: false, ..one("queue, clock not synchronised") },
        Scene { queue: true, decisions: true, ..one("queue, cases decided") },
        Scene { queue: true, sales: vec![vec![ORDERED], vec![ORDERED]], ..one("queue of two at one account") },
    ]
}

/// A copy of the journal is put back.
fn copies() -> Vec<Scene> {
    let one = Scene::one;
    vec![
        Scene { older: true, decisions: true, ..one("an older journal") },
        Scene { older: true, decisions: true, reverses: false, ..one("an older journal, terminal keeps") },
        Scene { older: true, decisions: true, queue: true, ..one("an older journal, queue") },
        Scene {
            older: true,
            decisions: true,
            queue: true,
            opening: ORDERED_SINCE,
            ..one("an older journal, ordered since")
        },
        Scene {
            older: true,
            decisions: true,
            sales: vec![vec![ORDERED, ORDERED]],
            provider_faults: false,
            ..one("an older journal, basket")
        },
        Scene {
            older: true,
            opening: OLDER,
            sales: vec![vec![ORDERED], vec![ORDERED], vec![ORDERED]],
            ..two("an older journal, then another card", ORDERED, ORDERED)
        },
    ]
}

/// A sale is declined after a copy was made of it, another one is paid, and the copy is put back.
const OLDER: &[&str] = &[
    "Begin(0)",
    "Terminal(Baseline { answered: true })",
    "Terminal(Authorised)",
    "CopyMade",
    "Terminal(Declines)",
    "TravellerLeaves",
    "Begin(1)",
    "Terminal(Baseline { answered: true })",
    "Terminal(Authorised)",
    "Terminal(Approves)",
    "Provider(1, 0, Delivered)",
    "Terminal(AnswerArrives)",
    "Terminal(Completes)",
    "HandOver",
    "TravellerLeaves",
    "CopyPutBack",
    "ToldOlder(0)",
    "Adopted",
];

/// Sold for later; the copy that is put back was made between the payment and its order.
const ORDERED_SINCE: &[&str] = &[
    "Begin(0)",
    "Terminal(Baseline { answered: true })",
    "Terminal(Authorised)",
    "Terminal(Approves)",
    "Terminal(AnswerArrives)",
    "Terminal(Completes)",
    "CopyMade",
    "Drained(0)",
    "Provider(0, 0, Delivered)",
    "CopyPutBack",
];

/// A basket is paid, and nobody has seen it when the power fails.
const BASKET_PAID: &[&str] = &[
    "Begin(0)",
    "Terminal(Baseline { answered: true })",
    "Terminal(Authorised)",
    "Terminal(Approves)",
    "Provider(0, 0, Delivered)",
    "Provider(0, 1, Delivered)",
    "Terminal(AnswerArrives)",
    "Terminal(Completes)",
    "ProgramDies",
    "Restart(0)",
    "DayAsked",
];

/// The smallest scene in which a rule, broken on purpose, must be noticed.
pub fn control(mutant: Mutant) -> Scene {
    let one = Scene::one("control");
    let keeps = Scene { reverses: false, ..one.clone() };
    let scene = match mutant {
        Mutant::LostIsRefused | Mutant::BusyIsBelieved => keeps,
        Mutant::ReleaseUndone | Mutant::ReversedBlindly => {
            Scene { sales: vec![vec![Ware::Stock]], crashes: false, totals: true, ..keeps }
        }
        Mutant::ShownIntoStock => Scene { sales: vec![vec![Ware::TopUp]], ..one },
        Mutant::NoTerminalLock | Mutant::ReceiptsUnbound | Mutant::OvertakenForgotten => several(mutant, one),
        Mutant::OlderBelieved => Scene { older: true, ..one },
        Mutant::GivenUpUntried => Scene { can_hold: false, crashes: false, ..one },
        Mutant::DoubtForgotten => Scene { sales: vec![vec![Ware::Stock]], ..one },
        _ => one,
    };
    Scene { mutant: Some(mutant), ..scene }
}

/// Several sales: the first is in doubt, or gives money back, or is over, when another asks a card. A terminal that names
/// no transaction and tells no totals keeps a payment in doubt.
fn several(mutant: Mutant, one: Scene) -> Scene {
    let ordered = ORDERED;
    let calm = Scene { busy_answers: false, abort_after_booking: false, line_breaks: false, can_hold: false, ..one };
    match mutant {
        Mutant::NoTerminalLock => Scene { earlier: false, sales: vec![vec![ordered], vec![Ware::Stock]], ..calm },
        Mutant::ReceiptsUnbound => {
            let sales = vec![vec![ordered], vec![Ware::Stock]];
            Scene { sales, stale_approvals: true, provider_faults: false, crashes: false, ..calm }
        }
        _ => {
            // Two in doubt one after the other, and a third card: nobody answers for the first two.
            let opening = &[
                "Begin(0)",
                "Terminal(Baseline { answered: true })",
                "Terminal(AuthorisationLost { taken: false })",
                "Terminal(Query { answered: true })",
                "TravellerLeaves",
                "Begin(1)",
                "Terminal(Baseline { answered: true })",
            ];
            let calm = Scene { opening, reverses: false, line_breaks: true, crashes: false, ..calm };
            let sales = vec![vec![ordered], vec![ordered], vec![ordered]];
            Scene { sales, earlier: false, provider_faults: false, synced: false, ..calm }
        }
    }
}
