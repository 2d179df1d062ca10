//! What must hold in every world that can be reached: the truth of the terminal and the providers against what the
//! sales believe, say and show.

use crate::sale::id::ProfileId;
use crate::sale::offer::Kind;
use crate::sale::record::{CaseKind, Closing, Entry, Record};
use crate::sale::transaction::{Answer, ReversalOutcome};
use crate::sale::{Decision, Goods, Lock, Money, Sale};

use super::scene::Scene;
use super::world::{Booking, Broken, World};

fn broken(what: &str, seat: usize) -> Result<(), Broken> {
    Err(Broken(format!("sale {seat}: {what}")))
}

fn of_sale(world: &World, scene: &Scene, seat: usize) -> Result<(), Broken> {
    let Some(sale) = world.sale(seat) else { return Ok(()) };
    if world.estranged && world.booting.contains(&seat) {
        // Of an older journal, and nobody has looked at it yet.
        return Ok(());
    }
    let pay = &world.device.pays[seat];
    let booked = world.device.is_booked(seat);
    let over = sale.payment.money == Money::None && sale.payment.ended;
    if over && booked {
        return broken("believed not charged, and the cardholder pays", seat);
    }
    if over && pay.state == Booking::Held && !scene.reverses {
        return broken("believed not charged, and the terminal may still keep it", seat);
    }
    if sale.payment.money == Money::Back && booked {
        return broken("believed given back, and the cardholder pays", seat);
    }
    if sale.payment.money == Money::Paid && !booked {
        return broken("believed paid, and nobody pays", seat);
    }
    if world.seats[seat].released && matches!(sale.payment.money, Money::Paid | Money::Committing) {
        return broken("a release was undone", seat);
    }
    closing(world, sale, seat)?;
    if sale.goods.iter().any(|good| good.in_stock && good.exposed) {
        return broken("a good that was shown lies in stock", seat);
    }
    Ok(())
}

fn closing(world: &World, sale: &Sale, seat: usize) -> Result<(), Broken> {
    let pay = &world.device.pays[seat];
    let booked = world.device.is_booked(seat);
    let shown = world.seats[seat].shown;
    match sale.closed {
        Some(Closing::Delivered | Closing::Shown) if !booked => broken("closed as delivered, and nobody pays", seat),
        Some(Closing::NotCharged) if booked => broken("closed as not charged, and the cardholder pays", seat),
        Some(Closing::Refunded) if booked => broken("closed as refunded, and the cardholder pays", seat),
        // What an older journal holds goes into stock unproven, and nobody gets it before its provider was asked.
        Some(Closing::NotCharged | Closing::Refunded)
            if shown
                && pay.state != Booking::Booked
                && !(world.older && sale.goods.iter().any(|good| good.in_stock)) =>
        {
            broken("closed without a word that its code was shown", seat)
        }
        Some(_) if number_runs(world, sale, seat) => broken("closed over a number whose subscription runs on", seat),
        Some(_) if sale.goods.iter().any(|good| good.state == Goods::Stored && !good.exposed && !good.in_stock) => {
            broken("closed over a stored good that is in nobody's stock", seat)
        }
        _ => Ok(()),
    }
}

/// A number that was activated, is not ended, and is nobody's case.
fn number_runs(world: &World, sale: &Sale, seat: usize) -> bool {
    let case = sale.cases.iter().any(|case| case.kind == CaseKind::NumberRuns);
    let runs = |good: usize| {
        let number = matches!(sale.offer(good).kind, Kind::Number { .. });
        number && sale.goods[good].state == Goods::Stored && !world.seats[seat].parcels[good].ended
    };
    !case && (0..sale.goods.len()).any(runs)
}

/// No profile may be delivered by two sales.
fn profiles(world: &World) -> Result<(), Broken> {
    let mut delivered: Vec<(ProfileId, usize)> = Vec::new();
    for (seat, of) in world.seats.iter().enumerate() {
        let Some(sale) = &of.sale else { continue };
        for good in &sale.goods {
            let (Some(profile), true) = (good.profile, good.state == Goods::Stored && !good.in_stock) else { continue };
            if let Some((_, other)) = delivered.iter().find(|(known, other)| *known == profile && *other != seat) {
                return Err(Broken(format!("sales {other} and {seat} both hold the same profile")));
            }
            delivered.push((profile, seat));
        }
    }
    Ok(())
}

/// Before our answer to an approval leaves.
pub(super) fn of_answer(world: &World, seat: usize, answer: Answer) -> Result<(), Broken> {
    let decision = world.sale(seat).and_then(|sale| sale.payment.decision);
    match (answer, decision) {
        (Answer::GoodsIssued, Some(Decision::Commit)) => Ok(()),
        (Answer::GoodsIssued, _) => broken("\"goods issued\" without its record", seat),
        (Answer::NotYet, Some(_)) => broken("\"not yet\" after a decision", seat),
        _ => Ok(()),
    }
}

/// Before a card is asked: no other payment may be undecided, unless its evidence is in a case.
pub(super) fn of_card(world: &World, seat: usize) -> Result<(), Broken> {
    for (other, of) in world.seats.iter().enumerate().filter(|(other, _)| *other != seat) {
        let Some(payment) = of.sale.as_ref().filter(|sale| sale.closed.is_none()).map(|sale| &sale.payment) else {
            continue;
        };
        let undecided = match payment.money {
            Money::Asked | Money::Held | Money::Committing => true,
            Money::Unknown => !payment.evidence_in_case,
            Money::Releasing => payment.reversal_open || !payment.ended,
            Money::None | Money::Paid | Money::RefundDue | Money::Back => false,
        };
        if undecided {
            return broken("the card is asked while another payment is undecided", other);
        }
    }
    Ok(())
}

/// Before an order leaves: nothing else of its account is on its way.
pub(super) fn of_order(world: &World, seat: usize, good: usize) -> Result<(), Broken> {
    let Some(sale) = world.sale(seat) else { return broken("an order without a sale", seat) };
    let account = &sale.offer(good).provider;
    let beside = world.seats[seat].parcels.iter().enumerate().any(|(other, parcel)| {
        other != good && (parcel.flight || parcel.limbo) && sale.offer(other).provider == *account
    });
    if beside { broken("two orders of one account are on their way at once", seat) } else { Ok(()) }
}

/// Before `06 30` leaves.
pub(super) fn of_reversal(world: &World, seat: usize) -> Result<(), Broken> {
    if world.seats[seat].reversal_unanswered {
        return broken("a reversal is sent again, and the terminal was not asked what became of the first", seat);
    }
    Ok(())
}

/// Before it is written down that the acquirer owes the money: somebody paid it, the terminal has not given it back
/// before our ears, and it could not be asked, or was asked and did not say.
pub(super) fn of_refund(
    world: &World,
    scene: &Scene,
    next: &Sale,
    seat: usize,
    record: &[Entry],
) -> Result<(), Broken> {
    if !record.iter().any(|entry| entry.record == Record::RefundDue) {
        return Ok(());
    }
    if world.device.pays[seat].captured == 0 {
        return broken("left to the acquirer, and nobody has ever paid", seat);
    }
    let answered =
        |entry: &Entry| matches!(&entry.record, Record::ReversalAnswered { outcome: ReversalOutcome::Done { .. } });
    if record.iter().any(answered) {
        return broken("left to the acquirer, and the terminal has given it back", seat);
    }
    let payment = &next.payment;
    let nameless = payment.paid_as.as_ref().is_none_or(|key| key.receipt.is_none());
    let day_over = world.day_in_doubt || next.quote.day != world.day;
    let waited = payment.decided_at.is_some_and(|at| world.now.at_least_since(&at) > scene.terms().claim_ms);
    if payment.reversals > 0 || nameless || day_over || waited {
        return Ok(());
    }
    broken("left to the acquirer, and the terminal was never told to give it back", seat)
}

/// Before a code is shown.
pub(super) fn of_reveal(world: &World, seat: usize) -> Result<(), Broken> {
    let Some(sale) = world.sale(seat) else { return broken("a code without a sale", seat) };
    if sale.payment.money != Money::Paid || !world.device.is_booked(seat) {
        return broken("a code is shown without payment", seat);
    }
    if world.front != Some(seat) {
        return broken("a code is shown to another traveller", seat);
    }
    if sale.goods.iter().any(|good| !good.exposed) {
        return broken("a code is shown before the record that says so", seat);
    }
    if world.seats[seat].released {
        return broken("a code is shown after a give-back was decided", seat);
    }
    Ok(())
}

/// In every world.
pub(super) fn of_world(world: &World, scene: &Scene) -> Result<(), Broken> {
    for seat in 0..world.seats.len() {
        of_sale(world, scene, seat)?;
    }
    profiles(world)?;
    of_device(world)
}

/// What the terminal did.
fn of_device(world: &World) -> Result<(), Broken> {
    for (seat, pay) in world.device.pays.iter().enumerate() {
        if pay.captured > 1 {
            return broken("captured twice", seat);
        }
        if pay.issued > 1 {
            return broken("\"goods issued\" heard twice", seat);
        }
        if pay.reversed > 1 {
            return broken("given back twice", seat);
        }
        if world.seats[seat].authorised > 1 {
            return broken("the card was asked twice", seat);
        }
        for parcel in &world.seats[seat].parcels {
            if parcel.bought > 1 {
                return broken("bought twice", seat);
            }
        }
    }
    Ok(())
}

/// Whether nothing is left to be done here but what a person was asked to do: the exit that every state must have.
pub(super) fn is_resolved(world: &World, scene: &Scene) -> bool {
    let waits_for_day = |sale: &Sale| {
        let unclaimed = sale.payment.money == Money::Paid && sale.traveller_gone && sale.all_stored();
        unclaimed && !scene.synced
    };
    let sales = world.seats.iter().filter_map(|seat| seat.sale.as_ref()).all(|sale| {
        sale.closed.is_some() || sale.cases.iter().any(|case| case.decided.is_none()) || waits_for_day(sale)
    });
    let adopted = !world.estranged;
    let locks = world.locks.iter().all(|(lock, _)| matches!(lock, Lock::StockItem(_)));
    sales && locks && adopted && !world.day_asked && world.booting.is_empty()
}
