//! What a person decides about cases: the truth, and only that.

use crate::sale::event::Event;
use crate::sale::record::{CaseDecision, CaseKind};
use crate::sale::{Case, Goods, Sale};

use super::device::first;
use super::goods::brought;
use super::moves::{Edges, Move};
use super::world::{Booking, Broken, Stand, World};

/// Every open case, decided by what is true now.
pub(super) fn decisions(world: &World, edges: &mut Edges<'_>) -> Result<(), (Move, Broken)> {
    for seat in 0..world.seats.len() {
        let Some(sale) = world.sale(seat) else { continue };
        for case in sale.cases.iter().filter(|case| case.decided.is_none()) {
            let number = case.place;
            for (truth, good) in truths(world, seat, sale, case) {
                let by = Move::PersonDecides(seat, number, truth);
                let mut next = world.clone();
                if truth == CaseDecision::Back && next.device.is_booked(seat) {
                    // The acquirer has given it back.
                    next.device.pays[seat].state = Booking::Reversed;
                    next.device.pays[seat].reversed += 1;
                }
                if truth == CaseDecision::NumberEnded {
                    next.seats[seat].parcels.iter_mut().for_each(|parcel| parcel.ended = true);
                }
                let decided = Event::Decided { case: number, decision: truth, reason: String::new() };
                let told = match good {
                    // The code that was fetched by hand comes first.
                    Some(good) => brought(next, edges.scene, seat, good),
                    None => Ok(vec![next]),
                };
                let told = told.and_then(|all| first(all, |world| world.tell(edges.scene, seat, &decided)));
                edges.add(by, false, told)?;
            }
        }
    }
    Ok(())
}

/// What can be said about this case; with the good whose code is brought.
fn truths(world: &World, seat: usize, sale: &Sale, case: &Case) -> Vec<(CaseDecision, Option<usize>)> {
    let parcels = &world.seats[seat].parcels;
    match case.kind {
        CaseKind::MoneyUnknown | CaseKind::ChargedOtherwise if world.device.stand == Stand::Rest => {
            let truth = match world.device.pays[seat].state {
                Booking::Booked => CaseDecision::Charged,
                Booking::Reversed => CaseDecision::Back,
                Booking::None | Booking::Held | Booking::Undone => CaseDecision::NotCharged,
            };
            vec![(truth, None)]
        }
        CaseKind::NumberRuns => vec![(CaseDecision::NumberEnded, None)],
        CaseKind::RefundByAcquirer => vec![(CaseDecision::Back, None)],
        CaseKind::OrderInDoubt | CaseKind::CodeLost => {
            let open = |good: &usize| {
                case.names(*good) && matches!(sale.goods[*good].state, Goods::Asked | Goods::Accepted | Goods::Unknown)
            };
            let about: Vec<usize> = (0..sale.goods.len()).filter(open).collect();
            let bought = |good: &usize| parcels[*good].bought > 0;
            if about.iter().any(|good| bought(good) || parcels[*good].limbo) {
                // A person who is asked after a copy was put back looks whether it was used: then it is lost to us.
                let used = world.older && world.seats[seat].shown;
                let code = about.iter().copied().find(|good| bought(good) && sale.is_kind_stockable(*good) && !used);
                let here = code.map(|good| (CaseDecision::GoodsHere, Some(good)));
                std::iter::once((CaseDecision::GoodsLost, None)).chain(here).collect()
            } else {
                vec![(CaseDecision::GoodsAbsent, None)]
            }
        }
        CaseKind::MoneyUnknown
        | CaseKind::ChargedOtherwise
        | CaseKind::GivenAway
        | CaseKind::StrangeApproval
        | CaseKind::NewerRecord => Vec::new(),
    }
}
