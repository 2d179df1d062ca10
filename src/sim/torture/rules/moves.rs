//! What may happen next: the traveller, time, the program's death, the day, a person's decision. The terminal's moves
//! are in [`super::device`], the providers' in [`super::goods`].

use crate::sale::event::Event;
use crate::sale::id::{ProfileId, SaleId};
use crate::sale::record::CaseDecision;
use crate::sale::{Goods, Lock, Money, Sale, rules};

use super::device::Served;
use super::goods::Word;
use super::promises;
use super::scene::{Mutant, Scene, WALLET, Ware};
use super::step::Next;
use super::world::{Broken, Stand, World};

/// One thing that happens. Printed in traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Begin(usize),
    Tick,
    TimePasses,
    ProgramDies,
    Restart(usize),
    CancelTouched,
    HandOver,
    HaveIt,
    TravellerLeaves,
    ClaimTyped(usize),
    EventTaken,
    PersonDecides(usize, u8, CaseDecision),
    Drained(usize),
    CopyMade,
    CopyPutBack,
    ToldOlder(usize),
    Adopted,
    DayAsked,
    DayEndsFor(usize),
    DayClosed,
    DayRefused,
    DayUnknown { closed: bool },
    DayUnasked { heard: bool },
    Terminal(Served),
    Provider(usize, usize, Word),
}

/// A world that may follow, and by what. Without a crash and without a fault it is calm.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) by: Move,
    /// The program died on the way.
    pub(super) died: bool,
    pub(super) calm: bool,
    pub(super) to: World,
}

/// Gathers the edges out of one world.
pub(super) struct Edges<'a> {
    pub(super) scene: &'a Scene,
    pub(super) all: Vec<Edge>,
}

impl Edges<'_> {
    /// The first of `worlds` is what happens without a crash.
    pub(super) fn add(&mut self, by: Move, calm: bool, worlds: Next) -> Result<(), (Move, Broken)> {
        let worlds = worlds.map_err(|broken| (by, broken))?;
        for (index, to) in worlds.into_iter().enumerate() {
            promises::of_world(&to, self.scene).map_err(|broken| (by, broken))?;
            self.all.push(Edge { by, died: index > 0, calm: calm && index == 0, to });
        }
        Ok(())
    }
}

/// Every world that may follow `world`.
pub(super) fn edges(world: &World, scene: &Scene) -> Result<Vec<Edge>, (Move, Broken)> {
    let mut edges = Edges { scene, all: Vec::with_capacity(16) };
    if let Some(seat) = world.booting.first().copied() {
        let mut next = world.clone();
        next.booting.remove(0);
        if world.estranged && scene.mutant != Some(Mutant::OlderBelieved) {
            let why = String::new();
            edges.add(
                Move::ToldOlder(seat),
                true,
                next.tell(scene, seat, &Event::Estranged { why, since: world.estranged_in }),
            )?;
        } else {
            edges.add(Move::Restart(seat), true, next.tell(scene, seat, &Event::Restarted))?;
        }
    } else {
        kiosk(world, &mut edges)?;
        super::device::session(world, &mut edges)?;
    }
    super::older::edges(world, &mut edges)?;
    super::device::alone(world, &mut edges)?;
    super::goods::edges(world, &mut edges)?;
    if scene.crashes && world.now.run < u64::MAX {
        edges.add(Move::ProgramDies, false, Ok(vec![world.clone().die()]))?;
    }
    let limbo = world.seats.iter().any(|seat| seat.parcels.iter().any(|parcel| parcel.limbo));
    if (world.ticked || world.estranged) && !limbo {
        let mut next = world.clone();
        next.pass_time();
        edges.add(Move::TimePasses, true, Ok(vec![next]))?;
    }
    Ok(edges.all)
}

fn kiosk(world: &World, edges: &mut Edges<'_>) -> Result<(), (Move, Broken)> {
    let scene = edges.scene;
    if let Some(heard) = world.heard.front() {
        let mut next = world.clone();
        next.heard.pop_front();
        let heard = heard.clone();
        edges.add(Move::EventTaken, true, next.take(scene, heard))?;
    }
    if world.estranged {
        // No duty runs and no card is asked; a person may decide cases, and adopt it.
        return if scene.decisions { super::person::decisions(world, edges) } else { Ok(()) };
    }
    if !world.ticked {
        edges.add(Move::Tick, true, tick(world, scene))?;
    }
    for seat in 0..world.seats.len() {
        if let Some(step) = begin(world, scene, seat) {
            edges.add(Move::Begin(seat), false, step)?;
            break;
        }
    }
    traveller(world, edges)?;
    if scene.queue {
        drain(world, edges)?;
    }
    if scene.decisions {
        super::person::decisions(world, edges)?;
    }
    if scene.end_of_day {
        day(world, edges)?;
    }
    if scene.day_unasked && world.device.stand == Stand::Rest && world.device.day < 1 && world.listening.is_none() {
        for heard in [true, false] {
            let mut next = world.clone();
            next.device.close_day();
            next.day += u64::from(heard);
            edges.add(Move::DayUnasked { heard }, false, Ok(vec![next]))?;
        }
    }
    Ok(())
}

/// The loop ticks: every open sale is told, one after the other; a crash may come between any two.
fn tick(world: &World, scene: &Scene) -> Next {
    let mut live = world.clone();
    live.ticked = true;
    let mut all = vec![live];
    for seat in 0..world.seats.len() {
        let live = all.remove(0);
        if live.sale(seat).is_none_or(|sale| sale.closed.is_some()) {
            all.insert(0, live);
            continue;
        }
        let mut next = live.tell(scene, seat, &Event::Tick)?;
        next.append(&mut all);
        all = next;
    }
    Ok(all)
}

/// A sale begins, if a traveller may: all locks or none.
fn begin(world: &World, scene: &Scene, seat: usize) -> Option<Next> {
    // A sale that the journal has forgotten is not begun twice.
    let forgotten = world.seats[seat].authorised > 0 || world.device.pays[seat].receipt > 0;
    if world.front.is_some() || world.day_asked || world.sale(seat).is_some() || forgotten {
        return None;
    }
    let kept = kept_profile(world);
    if scene.sales[seat].contains(&Ware::Kept) && kept.is_none() {
        return None;
    }
    let quote = scene.quote(seat, world.day, kept);
    let id = SaleId::from_parts(1, seat as u128 + 1);
    let step = rules::choose(id, quote, world.now).ok()?;
    let free = step.next.locks().iter().all(|lock| world.lock_is_free(lock));
    let stock_gone = step.next.locks().iter().any(|lock| match lock {
        Lock::StockItem(profile) => is_sold(world, *profile),
        _ => false,
    });
    if !free || stock_gone {
        return None;
    }
    let mut next = world.clone();
    next.front = Some(seat);
    Some(next.carry_out(scene, seat, step))
}

/// What an earlier sale left in stock for its claim code.
fn kept_profile(world: &World) -> Option<ProfileId> {
    let sales = world.seats.iter().filter_map(|seat| seat.sale.as_ref());
    sales.flat_map(|sale| &sale.goods).find(|good| good.in_stock).and_then(|good| good.profile)
}

/// A stock item that some sale holds, has shown or has been paid for is in stock no more.
fn is_sold(world: &World, profile: ProfileId) -> bool {
    let sales = world.seats.iter().filter_map(|seat| seat.sale.as_ref());
    sales
        .flat_map(|sale| &sale.goods)
        .any(|good| good.profile == Some(profile) && good.state == Goods::Stored && !good.in_stock)
}

fn traveller(world: &World, edges: &mut Edges<'_>) -> Result<(), (Move, Broken)> {
    let scene = edges.scene;
    let Some(seat) = world.front else {
        for seat in 0..world.seats.len() {
            if world.sale(seat).is_some_and(Sale::may_claim) {
                let mut next = world.clone();
                next.front = Some(seat);
                edges.add(Move::ClaimTyped(seat), false, next.tell(scene, seat, &Event::Claimed))?;
            }
        }
        return Ok(());
    };
    let Some(sale) = world.sale(seat) else { return Ok(()) };
    let cancellable = sale.closed.is_none() && matches!(sale.payment.money, Money::None | Money::Asked);
    if cancellable && !sale.payment.cancel_wished {
        edges.add(Move::CancelTouched, false, world.clone().tell(scene, seat, &Event::CancelWished))?;
    }
    if sale.may_reveal() && !sale.traveller_gone && sale.goods.iter().any(|good| !good.exposed) {
        edges.add(Move::HandOver, true, world.clone().tell(scene, seat, &Event::HandOver))?;
    }
    let in_hand = sale.payment.money == Money::Paid && sale.goods.iter().all(|good| good.exposed);
    if in_hand && !sale.acknowledged {
        edges.add(Move::HaveIt, true, world.clone().tell(scene, seat, &Event::HaveIt))?;
    }
    if !is_protected(sale) {
        let mut next = world.clone();
        next.front = None;
        edges.add(Move::TravellerLeaves, true, next.tell(scene, seat, &Event::Left))?;
    }
    Ok(())
}

/// The network is there: the loop orders what waits in its queue, if the account is free.
fn drain(world: &World, edges: &mut Edges<'_>) -> Result<(), (Move, Broken)> {
    for seat in 0..world.seats.len() {
        let Some(choice) = world.sale(seat).and_then(Sale::waits_for) else { continue };
        if !world.lock_is_free(&Lock::Account(choice.offer.provider.clone())) {
            continue;
        }
        let balance = choice.locks_account.then_some(WALLET);
        edges.add(Move::Drained(seat), true, world.clone().tell(edges.scene, seat, &Event::Drain { balance }))?;
    }
    Ok(())
}

/// The loop's own rule: nobody is sent away while it is being decided.
fn is_protected(sale: &Sale) -> bool {
    match sale.payment.money {
        Money::Asked | Money::Held | Money::Committing | Money::Releasing => true,
        Money::Unknown => !sale.payment.evidence_in_case,
        Money::None => sale.payment.asked_at.is_none(),
        // What was promised for later is waited for elsewhere.
        Money::Paid => !(sale.all_exposed() || sale.quote.promised_ms.is_some() && !sale.all_stored()),
        Money::RefundDue | Money::Back => false,
    }
}

/// The end of day is a barrier (sale.md 5).
fn day(world: &World, edges: &mut Edges<'_>) -> Result<(), (Move, Broken)> {
    let scene = edges.scene;
    if !world.day_asked {
        if world.days_closed == 0 {
            let mut next = world.clone();
            next.day_asked = true;
            edges.add(Move::DayAsked, false, Ok(vec![next]))?;
        }
        return Ok(());
    }
    let mut clear = world.lock_is_free(&Lock::Terminal) && world.listening.is_none();
    for seat in 0..world.seats.len() {
        let Some(sale) = world.sale(seat).filter(|sale| sale.closed.is_none()) else { continue };
        let open = match sale.payment.money {
            Money::Asked | Money::Held | Money::Committing | Money::Releasing => true,
            Money::Unknown => !sale.payment.evidence_in_case,
            Money::Paid => sale.goods.iter().any(|good| !good.exposed),
            Money::None | Money::Back | Money::RefundDue => false,
        };
        clear &= !open;
        if sale.payment.money == Money::Paid && open {
            edges.add(Move::DayEndsFor(seat), true, world.clone().tell(scene, seat, &Event::DayEnds))?;
        }
    }
    if clear && world.device.stand == Stand::Rest {
        let mut next = world.clone();
        next.device.close_day();
        next.day += 1;
        next.day_asked = false;
        next.day_in_doubt = false;
        next.days_closed += 1;
        edges.add(Move::DayClosed, true, Ok(vec![next]))?;
        let mut refused = world.clone();
        refused.day_in_doubt = true;
        edges.add(Move::DayRefused, false, Ok(vec![refused.clone()]))?;
        edges.add(Move::DayUnknown { closed: false }, false, Ok(vec![refused.clone()]))?;
        if world.device.day < 2 {
            refused.device.close_day();
            edges.add(Move::DayUnknown { closed: true }, false, Ok(vec![refused]))?;
        }
    }
    Ok(())
}
