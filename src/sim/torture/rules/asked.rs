//! What the terminal answers: queries, and reversals.

use crate::sale::transaction::ReversalOutcome;

use super::device::{Moved, Served, silent};
use super::moves::{Edges, Move};
use super::world::{Booking, Broken, Heard, Stand, World};

/// About what it is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Baseline,
    Charged,
    Reversed,
}

/// A query: at rest it is answered; a busy terminal is waited for until patience ends; a terminal may say nothing.
pub(super) fn queried(world: &World, edges: &mut Edges<'_>, seat: usize, asked: Asked) -> Moved {
    let scene = edges.scene;
    let at_rest = world.device.stand == Stand::Rest;
    let mut next = world.clone();
    let wants = &mut next.seats[seat].wants;
    match asked {
        Asked::Baseline => wants.baseline = false,
        Asked::Charged => wants.charged = false,
        Asked::Reversed => {
            wants.reversed = false;
            next.seats[seat].reversal_unanswered = false;
        }
    }
    let totals = world.device.totals(scene);
    let speaks = at_rest || scene.busy_answers;
    for answered in [true, false] {
        if answered && !speaks || !answered && !scene.line_breaks {
            continue;
        }
        let last = if answered { world.device.last() } else { silent() };
        let totals = if answered { totals } else { None };
        let (heard, by) = match asked {
            Asked::Baseline => (Heard::Baseline(seat, last, totals, at_rest), Served::Baseline { answered }),
            Asked::Charged => (Heard::Charged { seat, last, totals, at_rest }, Served::Query { answered }),
            Asked::Reversed => (Heard::StillCharged { seat, last, at_rest }, Served::ReversalQuery { answered }),
        };
        edges.add(Move::Terminal(by), answered && at_rest, next.clone().says(scene, heard))?;
    }
    Ok(())
}

/// A reversal: done, refused, or done and never answered.
pub(super) fn reverse(world: &World, edges: &mut Edges<'_>, seat: usize) -> Moved {
    let scene = edges.scene;
    let receipt = world.sale(seat).and_then(|sale| sale.payment.paid_as.as_ref()?.receipt.clone());
    let target = (0..world.seats.len()).find(|other| world.device.payment(*other).key.receipt == receipt);
    let mut next = world.clone();
    next.seats[seat].wants.reverse = false;
    let unanswered = || ReversalOutcome::Unknown { evidence: String::new() };
    if world.device.stand == Stand::Rest {
        let known = target.filter(|target| {
            let pay = world.device.pays[*target];
            pay.day == world.device.day && matches!(pay.state, Booking::Booked | Booking::Reversed)
        });
        if known.is_some() && (known != Some(seat) || world.seats[seat].refund_due) {
            let what = format!("sale {seat}: reverses what is not its own any more");
            return Err((Move::Terminal(Served::Reversal), Broken(what)));
        }
        let mut done = next.clone();
        let outcome = match known.map(|target| world.device.pays[target].state) {
            Some(Booking::Booked) => {
                done.device.reverse(seat);
                ReversalOutcome::Done { transaction: None }
            }
            // B4: it is reversed already.
            Some(_) => ReversalOutcome::Done { transaction: None },
            None => ReversalOutcome::Refused { result_code: 0xB5 },
        };
        if scene.line_breaks {
            let mut silent = done.clone();
            silent.seats[seat].reversal_unanswered = true;
            let silent = silent.says(scene, Heard::Reversed(seat, unanswered()));
            edges.add(Move::Terminal(Served::ReversalUnanswered { done: true }), false, silent)?;
            let refused = Heard::Reversed(seat, ReversalOutcome::Refused { result_code: 0xF0 });
            edges.add(Move::Terminal(Served::ReversalRefused), false, next.clone().says(scene, refused))?;
        }
        edges.add(Move::Terminal(Served::Reversal), true, done.says(scene, Heard::Reversed(seat, outcome)))?;
    }
    if scene.line_breaks || world.device.stand != Stand::Rest {
        let by = Move::Terminal(Served::ReversalUnanswered { done: false });
        let calm = world.device.stand != Stand::Rest;
        next.seats[seat].reversal_unanswered = true;
        edges.add(by, calm, next.says(scene, Heard::Reversed(seat, unanswered())))?;
    }
    Ok(())
}
