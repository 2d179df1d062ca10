//! What follows from an event. One exhaustive match; the answers are records and effects, never acts.

mod cases;
mod goods;
mod money;
mod payment;

use cases::{decided, estranged, stated};
use goods::{goods, hand_over, have_it};
use money::{charged, reversed, still_charged};
use payment::{approved, baseline_read, cancel_wished, ended, foreign_approval};

use super::effect::Effect;
use super::event::Event;
use super::id::SaleId;
use super::moment::Moment;
use super::record::{Entry, Quote, Record, ReleaseReason};
use super::settle::Draft;
use super::truth::was_charged;
use super::{Decision, Goods, Money, Sale, Step, Terms};

/// Begins a sale: the quote is written down and the terminal asked for its baseline. The locks of
/// [`Sale::locks`] are taken in the same transaction, all or none.
///
/// # Errors
/// A quote without goods or choices.
pub fn choose(id: SaleId, quote: Quote, now: Moment) -> Result<Step, super::fold::NotASale> {
    let entry = Entry { at: now, record: Record::Chosen(Box::new(quote)) };
    let next = Sale::replay(id, std::slice::from_ref(&entry))?;
    Ok(Step { next, record: vec![entry], effects: vec![Effect::ReadBaseline] })
}

/// What follows from `event` at `now`.
pub fn on(sale: &Sale, event: &Event, now: Moment, terms: &Terms) -> Step {
    let mut draft = Draft::new(sale, now, terms);
    match event {
        Event::BaselineRead { last, totals } => baseline_read(&mut draft, last, *totals),
        Event::TerminalTook => {
            if draft.money() == Money::Asked {
                draft.record(Record::TerminalTook);
            }
        }
        Event::CancelWished => cancel_wished(&mut draft),
        Event::Approved(transaction) => approved(&mut draft, transaction),
        Event::ForeignApproval(transaction) => foreign_approval(&mut draft, transaction),
        Event::Ended(ending) => ended(&mut draft, ending),
        Event::Charged { last, totals, at_rest, bound_elsewhere } => {
            let verdict = was_charged(&draft.sale, last, *totals, *at_rest, *bound_elsewhere, terms);
            charged(&mut draft, last, *totals, verdict, *bound_elsewhere);
        }
        Event::Overtaken => {
            if draft.money() == Money::Unknown && !draft.sale.payment.overtaken {
                draft.record(Record::Overtaken);
            }
        }
        Event::Goods { good, news } => goods(&mut draft, *good, news),
        Event::Reversed(outcome) => reversed(&mut draft, outcome),
        Event::StillCharged { last, at_rest } => still_charged(&mut draft, last, *at_rest),
        Event::HandOver => hand_over(&mut draft),
        Event::HaveIt => have_it(&mut draft),
        Event::Left => {
            if !draft.sale.traveller_gone && draft.sale.closed.is_none() {
                draft.record(Record::TravellerGone);
            }
        }
        Event::Claimed => {
            if draft.sale.may_claim() {
                draft.record(Record::Claimed);
            }
        }
        Event::ReceiptLines(lines) => draft.record(Record::ReceiptLines { lines: lines.clone() }),
        Event::Paper(state) => draft.record(Record::Paper { state: *state }),
        Event::Tick => tick(&mut draft),
        Event::Restarted => restarted(&mut draft),
        Event::Decided { case, decision, reason } => decided(&mut draft, *case, *decision, reason),
        Event::Stated { case, decision, reason } => {
            draft.record(Record::Note { text: format!("stated: {decision:?}, {reason}") });
            stated(&mut draft, *case, *decision);
        }
        Event::GiveBack { reason } => give_back(&mut draft, reason),
        Event::DayEnds => day_ends(&mut draft),
        Event::Drain { balance } => {
            if draft.sale.waits_in_queue() && draft.sale.is_promised(&now) {
                draft.order_waiting(*balance);
            }
        }
        Event::WalletRead { good, balance } => draft.wallet_read(*good, *balance),
        Event::Cancelled { good, answer } => draft.cancelled(*good, answer),
        Event::Estranged { why, since } => return estranged(draft, why, *since),
    }
    draft.settle();
    draft.finish()
}

fn tick(draft: &mut Draft<'_>) {
    let now = draft.now;
    if draft.money() == Money::Committing
        && draft
            .sale
            .payment
            .decided_at
            .is_some_and(|at| now.since(&at).is_none_or(|age| age > draft.terms.completion_ms))
    {
        draft.money_unknown("no completion within its time");
    }
    let waits = draft.sale.payment.decided_at.filter(|_| draft.sale.wants_terminal());
    if waits.is_some_and(|at| now.at_least_since(&at) > draft.terms.claim_ms) {
        draft.refund_due("the terminal was not there to reverse it for a day");
    }
    draft.answer_waiting();
}

fn restarted(draft: &mut Draft<'_>) {
    if draft.sale.closed.is_some() {
        return;
    }
    draft.sale.waiting_since = None;
    for good in &mut draft.sale.goods {
        // Of the run before: nobody reads or asks for them any more.
        good.reading = false;
        good.cancelling = None;
    }
    if !draft.sale.traveller_gone {
        draft.record(Record::TravellerGone);
    }
    match draft.money() {
        Money::None if draft.sale.payment.asked_at.is_none() => draft.record(Record::NotTaken { ending: None }),
        Money::Asked | Money::Held | Money::Committing => draft.money_unknown("the program was started anew"),
        Money::Releasing if !draft.sale.payment.ended => draft.money_unknown("the program was started anew"),
        Money::Releasing if draft.sale.payment.reversal_open => draft.effect(Effect::QueryReversed { after_ms: 0 }),
        Money::Unknown if !draft.sale.payment.evidence_in_case => draft.effect(Effect::QueryCharged { after_ms: 0 }),
        _ => {}
    }
    for index in 0..draft.sale.goods.len() {
        let good = u8::try_from(index).unwrap_or(u8::MAX);
        match draft.sale.goods[index].state {
            Goods::Asked => {
                draft.record(Record::OrderUnknown { good, evidence: "the program was started anew".to_owned() });
                draft.look_up(good);
            }
            Goods::Unknown => draft.look_up(good),
            Goods::Accepted => draft.fetch(good),
            Goods::None | Goods::Stored | Goods::Absent => {}
        }
    }
}

/// Before `06 50`: a paid sale with a good that was never exposed gives its money back first (sale.md 5).
fn day_ends(draft: &mut Draft<'_>) {
    let waiting = draft.money() == Money::Paid
        && draft.sale.payment.decision != Some(Decision::Release(ReleaseReason::Unclaimed))
        && draft.sale.traveller_gone
        && draft.sale.goods.iter().any(|good| !good.exposed);
    if waiting {
        draft.record(Record::ReleaseDecided { reason: ReleaseReason::Unclaimed });
    }
}

/// An operator's wish. What was shown stays exposed: the eSIM is booked as given away, with its case.
fn give_back(draft: &mut Draft<'_>, reason: &str) {
    if draft.money() == Money::Paid {
        draft.record(Record::Note { text: format!("an operator gives the money back: {reason}") });
        draft.record(Record::ReleaseDecided { reason: ReleaseReason::Operator });
    }
}
