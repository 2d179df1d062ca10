//! The terminal's moves: what it does alone, and what its session serves.

use crate::sale::Money;
use crate::sale::event::Event;
use crate::sale::transaction::{Answer, Ending, LastTransaction, Totals};

use super::asked::{Asked, queried, reverse};
use super::moves::{Edges, Move};
use super::scene::Scene;
use super::step::Next;
use super::world::{Broken, Heard, Stand, World};

/// What the terminal or its session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Served {
    Approves,
    RepeatsEarlier { of: usize },
    Declines,
    GivesUp,
    Repeats,
    Completes,
    AbortsAfterBooking,
    Undone,
    EndsUnheard,
    EndsLate,
    ForeignApprovalRefused,
    LosesPower,
    LineLost,
    AbortArrives,
    AnswerArrives,
    AnswerLost,
    Authorised,
    AuthorisationRefused,
    AuthorisationLost { taken: bool },
    Baseline { answered: bool },
    Query { answered: bool },
    ReversalQuery { answered: bool },
    Reversal,
    ReversalRefused,
    ReversalUnanswered { done: bool },
}

pub(super) type Moved = Result<(), (Move, Broken)>;

pub(super) fn silent() -> LastTransaction {
    LastTransaction::Silent { evidence: String::new() }
}

fn aborted() -> Ending {
    Ending::Aborted { result_code: 0x6C, text: None }
}

fn lost() -> Ending {
    Ending::Lost { evidence: String::new() }
}

impl World {
    /// An event goes into the inbox, or is taken at once.
    pub(super) fn says(mut self, scene: &Scene, heard: Heard) -> Next {
        if scene.delays {
            self.heard.push_back(heard);
            return Ok(vec![self]);
        }
        self.take(scene, heard)
    }

    /// The loop takes an event of the terminal.
    pub(super) fn take(self, scene: &Scene, heard: Heard) -> Next {
        let (seat, event) = match heard {
            Heard::Took(seat) => (seat, Event::TerminalTook),
            Heard::Approved(seat) => (seat, Event::Approved(Box::new(self.device.payment(seat)))),
            Heard::Stale(seat, of) => (seat, Event::Approved(Box::new(self.device.payment(of)))),
            Heard::Foreign(seat) => (seat, Event::ForeignApproval(Box::new(self.device.payment(seat)))),
            Heard::Ended(seat, ending) => (seat, Event::Ended(ending)),
            Heard::Baseline(seat, last, totals, at_rest) => return self.baseline(scene, seat, last, totals, at_rest),
            Heard::Charged { seat, last, totals, at_rest } => {
                let bound_elsewhere = match &last {
                    LastTransaction::Is(seen) => self
                        .bound
                        .iter()
                        .any(|(receipt, owner)| Some(receipt) == seen.key.receipt.as_ref() && *owner != seat),
                    LastTransaction::Empty | LastTransaction::Silent { .. } => false,
                };
                (seat, Event::Charged { last, totals, at_rest, bound_elsewhere })
            }
            Heard::StillCharged { seat, last, at_rest } => (seat, Event::StillCharged { last, at_rest }),
            Heard::Reversed(seat, outcome) => (seat, Event::Reversed(outcome)),
        };
        self.tell(scene, seat, &event)
    }

    /// The loop's own way with a baseline: it is told to every payment in doubt first.
    fn baseline(
        self,
        scene: &Scene,
        seat: usize,
        last: LastTransaction,
        totals: Option<Totals>,
        at_rest: bool,
    ) -> Next {
        let last = if at_rest { last } else { silent() };
        let mut all = vec![self];
        let doubtful = |world: &World, other: usize| {
            world.sale(other).is_some_and(|sale| sale.payment.money == Money::Unknown && other != seat)
        };
        for other in 0..all[0].seats.len() {
            if doubtful(&all[0], other) && !matches!(last, LastTransaction::Silent { .. }) {
                let heard = Heard::Charged { seat: other, last: last.clone(), totals, at_rest };
                all = first(all, |world| world.take(scene, heard))?;
            }
            if doubtful(&all[0], other) {
                all = first(all, |world| world.tell(scene, other, &Event::Overtaken))?;
            }
        }
        first(all, |world| world.tell(scene, seat, &Event::BaselineRead { last, totals }))
    }

    fn hang_up(&mut self) -> Option<usize> {
        let seat = self.listening.take();
        self.answer = None;
        self.lost = seat.or(self.lost);
        seat
    }
}

/// Goes on with the world in which nothing died.
pub(super) fn first(mut all: Vec<World>, next: impl FnOnce(World) -> Next) -> Next {
    let mut worlds = next(all.remove(0))?;
    worlds.append(&mut all);
    Ok(worlds)
}

/// What the terminal does whether or not anybody listens.
pub(super) fn alone(world: &World, edges: &mut Edges<'_>) -> Moved {
    let scene = edges.scene;
    let heard = |seat: usize| world.listening == Some(seat);
    match world.device.stand {
        Stand::Rest => {}
        Stand::Card(seat) => {
            let mut next = world.clone();
            next.device.approve(seat);
            let next = if heard(seat) { next.says(scene, Heard::Approved(seat)) } else { Ok(vec![next]) };
            edges.add(Move::Terminal(Served::Approves), true, next)?;
            let mut next = world.clone();
            next.device.stand = Stand::Rest;
            let next = if heard(seat) {
                next.listening = None;
                next.says(scene, Heard::Ended(seat, aborted()))
            } else {
                Ok(vec![next])
            };
            edges.add(Move::Terminal(Served::Declines), true, next)?;
            repeats_earlier(world, edges, seat)?;
        }
        Stand::Stale { seat, of, waiting } => stale(world, edges, (seat, of), waiting)?,
        Stand::StaleDone(seat) => ends(world, edges, seat, Served::Completes, Ending::Completed)?,
        Stand::Held { seat, waiting } => {
            let mut next = world.clone();
            if scene.reverses {
                next.device.undo(seat, scene)
            } else {
                next.device.book(seat)
            }
            edges.add(Move::Terminal(Served::GivesUp), true, Ok(vec![next]))?;
            if heard(seat) && !waiting {
                let mut next = world.clone();
                next.device.stand = Stand::Held { seat, waiting: true };
                edges.add(Move::Terminal(Served::Repeats), true, next.says(scene, Heard::Approved(seat)))?;
            }
            if world.listening.is_none() && world.booting.is_empty() {
                // An approval that no sale of this run waits for: the session itself says "not issued".
                let mut next = world.clone();
                next.device.undo(seat, scene);
                edges.add(
                    Move::Terminal(Served::ForeignApprovalRefused),
                    true,
                    next.says(scene, Heard::Foreign(seat)),
                )?;
            }
        }
        Stand::Booked(seat) => {
            ends(world, edges, seat, Served::Completes, Ending::Completed)?;
            if scene.abort_after_booking && world.device.pays[seat].issued > 0 {
                ends(world, edges, seat, Served::AbortsAfterBooking, aborted())?;
            }
        }
        Stand::Undoing(seat) => ends(world, edges, seat, Served::Undone, aborted())?,
    }
    if scene.line_breaks && world.device.stand != Stand::Rest {
        power(world, edges)?;
    }
    Ok(())
}

/// Assumed: instead of asking the card, the terminal repeats the approval of a payment that is over and booked.
fn repeats_earlier(world: &World, edges: &mut Edges<'_>, seat: usize) -> Moved {
    if !edges.scene.stale_approvals || world.listening != Some(seat) {
        return Ok(());
    }
    let paid = |of: &usize| world.sale(*of).is_some_and(|sale| sale.payment.money == Money::Paid);
    let over = |of: &usize| *of != seat && paid(of) && world.device.is_booked(*of);
    for of in (0..world.seats.len()).filter(over) {
        let mut next = world.clone();
        next.device.stand = Stand::Stale { seat, of, waiting: true };
        let told = next.says(edges.scene, Heard::Stale(seat, of));
        edges.add(Move::Terminal(Served::RepeatsEarlier { of }), false, told)?;
    }
    Ok(())
}

fn stale(world: &World, edges: &mut Edges<'_>, about: (usize, usize), waiting: bool) -> Moved {
    let (seat, of) = about;
    let mut next = world.clone();
    next.device.stand = Stand::Undoing(seat);
    edges.add(Move::Terminal(Served::GivesUp), true, Ok(vec![next]))?;
    if world.listening == Some(seat) && !waiting {
        let mut next = world.clone();
        next.device.stand = Stand::Stale { seat, of, waiting: true };
        let told = next.says(edges.scene, Heard::Stale(seat, of));
        edges.add(Move::Terminal(Served::Repeats), true, told)?;
    }
    Ok(())
}

/// The command is over: heard, heard late, or not at all.
fn ends(world: &World, edges: &mut Edges<'_>, seat: usize, by: Served, ending: Ending) -> Moved {
    let scene = edges.scene;
    let mut next = world.clone();
    next.device.stand = Stand::Rest;
    if world.listening == Some(seat) {
        next.listening = None;
        next.answer = None;
        return edges.add(
            Move::Terminal(by),
            by != Served::AbortsAfterBooking,
            next.says(scene, Heard::Ended(seat, ending)),
        );
    }
    if world.lost == Some(seat) && world.booting.is_empty() {
        let mut late = next.clone();
        late.lost = None;
        edges.add(Move::Terminal(Served::EndsLate), false, late.says(scene, Heard::Ended(seat, ending)))?;
    }
    edges.add(Move::Terminal(Served::EndsUnheard), true, Ok(vec![next]))
}

fn power(world: &World, edges: &mut Edges<'_>) -> Moved {
    let scene = edges.scene;
    let mut next = world.clone();
    if let Stand::Held { seat, .. } = world.device.stand {
        if scene.reverses { next.device.undo(seat, scene) } else { next.device.book(seat) }
    }
    next.device.stand = Stand::Rest;
    let next = match next.hang_up() {
        Some(seat) => next.says(scene, Heard::Ended(seat, lost())),
        None => Ok(vec![next]),
    };
    edges.add(Move::Terminal(Served::LosesPower), false, next)
}

/// What the session does between the loop and the terminal.
pub(super) fn session(world: &World, edges: &mut Edges<'_>) -> Moved {
    let scene = edges.scene;
    if let Some(seat) = world.listening {
        if scene.line_breaks {
            let mut next = world.clone();
            next.hang_up();
            edges.add(Move::Terminal(Served::LineLost), false, next.says(scene, Heard::Ended(seat, lost())))?;
        }
        if world.seats[seat].wants.abort {
            let mut next = world.clone();
            next.seats[seat].wants.abort = false;
            let next = if world.device.stand == Stand::Card(seat) {
                next.device.stand = Stand::Rest;
                next.listening = None;
                next.says(scene, Heard::Ended(seat, aborted()))
            } else {
                Ok(vec![next])
            };
            edges.add(Move::Terminal(Served::AbortArrives), true, next)?;
        }
        if let Some((owner, answer)) = world.answer {
            answered(world, edges, owner, answer)?;
        }
        return Ok(());
    }
    for seat in 0..world.seats.len() {
        let wants = world.seats[seat].wants;
        if wants.baseline {
            queried(world, edges, seat, Asked::Baseline)?;
        }
        if wants.authorise {
            authorise(world, edges, seat)?;
        }
        if wants.charged {
            queried(world, edges, seat, Asked::Charged)?;
        }
        if wants.reversed {
            queried(world, edges, seat, Asked::Reversed)?;
        }
        if wants.reverse {
            reverse(world, edges, seat)?;
        }
    }
    Ok(())
}

fn answered(world: &World, edges: &mut Edges<'_>, seat: usize, answer: Answer) -> Moved {
    let scene = edges.scene;
    let mut next = world.clone();
    next.answer = None;
    if edges.scene.line_breaks {
        edges.add(Move::Terminal(Served::AnswerLost), false, Ok(vec![next.clone()]))?;
    }
    if world.device.stand == (Stand::Held { seat, waiting: true }) {
        match answer {
            Answer::NotYet => next.device.stand = Stand::Held { seat, waiting: false },
            Answer::NotIssued => next.device.undo(seat, scene),
            Answer::GoodsIssued => {
                next.device.pays[seat].issued += 1;
                next.device.book(seat);
            }
        }
    }
    if let Stand::Stale { seat: asked, of, waiting: true } = world.device.stand
        && asked == seat
    {
        next.device.stand = match answer {
            Answer::NotYet => Stand::Stale { seat, of, waiting: false },
            Answer::NotIssued => Stand::Undoing(seat),
            Answer::GoodsIssued => Stand::StaleDone(seat),
        };
    }
    edges.add(Move::Terminal(Served::AnswerArrives), true, Ok(vec![next]))
}

fn authorise(world: &World, edges: &mut Edges<'_>, seat: usize) -> Moved {
    let scene = edges.scene;
    let mut next = world.clone();
    next.seats[seat].wants.authorise = false;
    let mut taken = next.clone();
    taken.seats[seat].authorised += 1;
    taken.device.stand = Stand::Card(seat);
    if world.device.stand == Stand::Rest {
        let mut heard = taken.clone();
        heard.listening = Some(seat);
        heard.lost = None;
        edges.add(Move::Terminal(Served::Authorised), true, heard.says(scene, Heard::Took(seat)))?;
        let refused = Heard::Ended(seat, Ending::NotStarted { result_code: 0x83 });
        edges.add(Move::Terminal(Served::AuthorisationRefused), false, next.clone().says(scene, refused))?;
        if scene.line_breaks {
            taken.lost = Some(seat);
            edges.add(
                Move::Terminal(Served::AuthorisationLost { taken: true }),
                false,
                taken.says(scene, Heard::Ended(seat, lost())),
            )?;
        }
    }
    // A terminal that is still busy refuses, and the session asks no more: lost, not refused.
    if scene.line_breaks || world.device.stand != Stand::Rest {
        let by = Move::Terminal(Served::AuthorisationLost { taken: false });
        edges.add(by, world.device.stand != Stand::Rest, next.says(scene, Heard::Ended(seat, lost())))?;
    }
    Ok(())
}
