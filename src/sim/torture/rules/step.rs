//! The loop of the model: an event, the product's rules, the journal's refusals, the effects, and a crash between
//! each of them.

use crate::sale::effect::Effect;
use crate::sale::event::Event;
use crate::sale::record::{Record, ReleaseReason};
use crate::sale::transaction::{Answer, Ending};
use crate::sale::{Decision, Goods, Lock, Money, Sale, Step, reverse_now, rules};

use super::promises;
use super::scene::{Mutant, Scene};
use super::world::{Broken, World};

/// Worlds that may follow.
pub(super) type Next = Result<Vec<World>, Broken>;

impl World {
    /// Tells a sale what happened: every world that may follow, the one without a crash first.
    pub(super) fn tell(self, scene: &Scene, seat: usize, event: &Event) -> Next {
        let Some(sale) = self.sale(seat) else { return Ok(vec![self]) };
        let terms = scene.terms();
        let step = rules::on(sale, event, self.now, &terms);
        let step = mutate(scene, self.sale(seat), event, step);
        if matches!(event, Event::Overtaken) && scene.mutant == Some(Mutant::OvertakenForgotten) {
            return Ok(vec![self]);
        }
        if let Some(receipt) = self.bound_elsewhere(seat, &step) {
            // UNIQUE refused the step: the loop tells the sale so.
            let instead = match event {
                Event::Charged { last, totals, at_rest, bound_elsewhere: false } => {
                    Event::Charged { last: last.clone(), totals: *totals, at_rest: *at_rest, bound_elsewhere: true }
                }
                Event::Ended(Ending::Completed) => Event::Ended(Ending::Lost { evidence: String::new() }),
                _ => return Err(Broken(format!("receipt {receipt} belongs to another sale, and {event:?} is lost"))),
            };
            return self.tell(scene, seat, &instead);
        }
        self.carry_out(scene, seat, step)
    }

    fn bound_elsewhere(&self, seat: usize, step: &Step) -> Option<String> {
        step.record.iter().find_map(|entry| match &entry.record {
            Record::Paid { key } => {
                let receipt = key.receipt.clone()?;
                self.bound.iter().any(|(known, owner)| *known == receipt && *owner != seat).then_some(receipt)
            }
            _ => None,
        })
    }

    /// Appends a step and performs its effects, with a crash after each of them.
    pub(super) fn carry_out(self, scene: &Scene, seat: usize, step: Step) -> Next {
        let Step { next, record, effects } = step;
        let mut dead = Vec::new();
        if scene.mutant == Some(Mutant::ActBeforeAppend) && !record.is_empty() {
            let mut early = self.clone();
            for effect in &effects {
                early.perform(seat, effect)?;
            }
            dead.push(early.die());
        }
        let quiet = record.is_empty() && effects.is_empty();
        let mut live = self;
        promises::of_refund(&live, scene, &next, seat, &record)?;
        live.append(seat, next, scene.mutant == Some(Mutant::NoTerminalLock))?;
        for entry in &record {
            if let Record::Paid { key } = &entry.record
                && let Some(receipt) = &key.receipt
                && scene.mutant != Some(Mutant::ReceiptsUnbound)
            {
                live.bound.push((receipt.clone(), seat));
                live.bound.sort();
                live.bound.dedup();
            }
            live.seats[seat].refund_due |= entry.record == Record::RefundDue;
            live.seats[seat].released |= matches!(entry.record, Record::ReleaseDecided { .. });
        }
        promises::of_world(&live, scene)?;
        for (count, effect) in effects.iter().enumerate() {
            if scene.crashes && (count > 0 || !quiet) {
                dead.push(live.clone().die());
            }
            live.perform(seat, effect)?;
        }
        let mut all = live.lend(scene)?;
        all.extend(dead);
        Ok(all)
    }

    fn append(&mut self, seat: usize, next: Sale, terminal_is_free: bool) -> Result<(), Broken> {
        let mut wanted = next.locks();
        if terminal_is_free {
            wanted.retain(|lock| *lock != Lock::Terminal);
        }
        self.locks.retain(|(lock, holder)| *holder != seat || wanted.contains(lock));
        for lock in wanted {
            match self.locks.iter().find(|(taken, _)| *taken == lock) {
                Some((_, holder)) if *holder == seat => {}
                Some((_, holder)) => {
                    return Err(Broken(format!("a step of sale {seat} needs {lock:?}, which sale {holder} holds")));
                }
                None => self.locks.push((lock, seat)),
            }
        }
        self.locks.sort();
        if next.closed.is_some() {
            // The loop forgets a closed sale: nothing more is asked for it.
            self.seats[seat].wants = super::world::Wants::default();
            for parcel in &mut self.seats[seat].parcels {
                parcel.look_up = false;
                parcel.fetch = false;
                parcel.wallet = false;
                parcel.ending = false;
            }
        }
        self.seats[seat].sale = Some(next);
        Ok(())
    }

    /// The loop gives the free terminal to the oldest sale that must reverse.
    fn lend(self, scene: &Scene) -> Next {
        if !self.lock_is_free(&Lock::Terminal) || self.estranged {
            return Ok(vec![self]);
        }
        let waiting = (0..self.seats.len()).find(|seat| self.sale(*seat).is_some_and(Sale::wants_terminal));
        let Some(seat) = waiting else { return Ok(vec![self]) };
        let Some(sale) = self.sale(seat) else { return Ok(vec![self]) };
        let too_late = self.day_in_doubt || scene.mutant == Some(Mutant::GivenUpUntried);
        let step = reverse_now(sale, self.now, &scene.terms(), self.day + u64::from(too_late));
        self.carry_out(scene, seat, step)
    }

    fn perform(&mut self, seat: usize, effect: &Effect) -> Result<(), Broken> {
        match effect {
            Effect::Authorise => promises::of_card(self, seat)?,
            Effect::Reverse => promises::of_reversal(self, seat)?,
            _ => {}
        }
        let wants = &mut self.seats[seat].wants;
        match effect {
            Effect::ReadBaseline => wants.baseline = true,
            Effect::Authorise => wants.authorise = true,
            Effect::Abort => wants.abort = true,
            Effect::QueryCharged { .. } => wants.charged = true,
            Effect::QueryReversed { .. } => wants.reversed = true,
            Effect::Reverse => wants.reverse = true,
            Effect::Answer { answer, .. } => {
                promises::of_answer(self, seat, *answer)?;
                if self.listening == Some(seat) {
                    self.answer = Some((seat, *answer));
                }
            }
            Effect::Order { good, .. } => {
                promises::of_order(self, seat, usize::from(*good))?;
                let parcel = &mut self.seats[seat].parcels[usize::from(*good)];
                if parcel.flight || parcel.limbo || parcel.bought > 0 {
                    return Err(Broken(format!("good {good} of sale {seat} is ordered a second time")));
                }
                parcel.flight = true;
            }
            Effect::LookUp { good, .. } => self.seats[seat].parcels[usize::from(*good)].look_up = true,
            Effect::Fetch { good, .. } => self.seats[seat].parcels[usize::from(*good)].fetch = true,
            Effect::Reveal => {
                promises::of_reveal(self, seat)?;
                self.seats[seat].shown = true;
            }
            Effect::ReadWallet { good, .. } => self.seats[seat].parcels[usize::from(*good)].wallet = true,
            Effect::Cancel { good, .. } => self.seats[seat].parcels[usize::from(*good)].ending = true,
            Effect::Print { .. } => {}
        }
        Ok(())
    }
}

/// Breaks a rule on purpose: the negative controls.
fn mutate(scene: &Scene, before: Option<&Sale>, event: &Event, mut step: Step) -> Step {
    let Some(mutant) = scene.mutant else { return step };
    match mutant {
        Mutant::RetryAfterUnknown => {
            for effect in &mut step.effects {
                if let Effect::LookUp { good, .. } = effect {
                    let offer = Box::new(step.next.offer(usize::from(*good)).clone());
                    *effect = Effect::Order { good: *good, offer, balance_before: None };
                }
            }
        }
        Mutant::LostIsRefused if matches!(event, Event::Ended(Ending::Lost { .. })) => {
            let Some(before) = before else { return step };
            let not = Event::Ended(Ending::Aborted { result_code: 0x6C, text: None });
            step = rules::on(before, &not, before.chosen_at, &scene.terms());
        }
        Mutant::BusyIsBelieved => {
            if let (Event::Charged { last, totals, bound_elsewhere, .. }, Some(before)) = (event, before) {
                let (last, totals, bound_elsewhere) = (last.clone(), *totals, *bound_elsewhere);
                let rested = Event::Charged { last, totals, at_rest: true, bound_elsewhere };
                step = rules::on(before, &rested, before.chosen_at, &scene.terms());
            }
        }
        Mutant::ReleaseUndone => {
            let now_paid = step.record.iter().any(|entry| matches!(entry.record, Record::Paid { .. }));
            if now_paid && step.next.payment.money == Money::Releasing {
                step.next.payment.money = Money::Paid;
                step.next.payment.decision = Some(Decision::Commit);
            }
        }
        Mutant::ShownBeforePaid if step.next.payment.money == Money::Committing && step.next.all_stored() => {
            step.effects.push(Effect::Reveal);
        }
        Mutant::CommitAfterRelease => {
            for effect in &mut step.effects {
                if let Effect::Answer { answer, .. } = effect
                    && *answer == Answer::NotIssued
                    && step.next.payment.decision == Some(Decision::Release(ReleaseReason::TooSlow))
                {
                    *answer = Answer::GoodsIssued;
                }
            }
        }
        Mutant::ReversedBlindly => {
            for effect in &mut step.effects {
                if matches!(effect, Effect::QueryReversed { .. }) {
                    *effect = Effect::Reverse;
                }
            }
        }
        Mutant::ShownIntoStock => {
            for good in &mut step.next.goods {
                let over = matches!(step.next.payment.money, Money::None | Money::Back | Money::RefundDue);
                good.in_stock |= over && good.exposed && good.state == Goods::Stored;
            }
        }
        Mutant::DoubtForgotten => step.effects.retain(|effect| !matches!(effect, Effect::QueryCharged { .. })),
        _ => {}
    }
    step
}
