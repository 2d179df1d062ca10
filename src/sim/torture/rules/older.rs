//! A copy of the journal is put back (sale.md 11): the terminal and the providers go on from where they are, the sales
//! from where they were. A number that is kept outside of the journal tells the start so.

use crate::sale::{Decision, Money};

use super::moves::{Edges, Move};
use super::world::{Broken, Copied, World};

/// The copy is made while a sale is open, put back once, and adopted.
pub(super) fn edges(world: &World, edges: &mut Edges<'_>) -> Result<(), (Move, Broken)> {
    if !edges.scene.older {
        return Ok(());
    }
    let open = world.seats.iter().filter_map(|seat| seat.sale.as_ref()).any(|sale| sale.closed.is_none());
    if world.copy.is_none() && !world.older && open && world.booting.is_empty() {
        let mut next = world.clone();
        next.copy = Some(Box::new(copied(world)));
        edges.add(Move::CopyMade, false, Ok(vec![next]))?;
    }
    if world.copy.is_some() {
        edges.add(Move::CopyPutBack, false, Ok(vec![put_back(world.clone())]))?;
    }
    if world.estranged && world.booting.is_empty() {
        let mut next = world.clone();
        next.estranged = false;
        edges.add(Move::Adopted, true, Ok(vec![next]))?;
    }
    Ok(())
}

fn copied(world: &World) -> Copied {
    Copied {
        sales: world.seats.iter().map(|seat| seat.sale.clone()).collect(),
        locks: world.locks.clone(),
        bound: world.bound.clone(),
        day: world.day,
    }
}

fn put_back(mut world: World) -> World {
    let Some(copy) = world.copy.take() else { return world };
    let Copied { sales, locks, bound, day } = *copy;
    for (seat, sale) in world.seats.iter_mut().zip(sales) {
        // What was decided since is forgotten; what was done since is not.
        let payment = sale.as_ref().map(|sale| &sale.payment);
        seat.released = payment.is_some_and(|payment| matches!(payment.decision, Some(Decision::Release(_))));
        seat.refund_due = payment.is_some_and(|payment| payment.money == Money::RefundDue);
        seat.reversal_unanswered = false;
        seat.sale = sale;
    }
    (world.locks, world.bound, world.day) = (locks, bound, day);
    (world.older, world.estranged) = (true, true);
    let mut world = world.die();
    world.estranged_in = world.now.run;
    world
}
