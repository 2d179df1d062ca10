//! What follows from an event. One exhaustive match; the answers are records and effects, never acts.

use super::effect::Effect;
use super::event::{Event, GoodsNews};
use super::id::SaleId;
use super::moment::Moment;
use super::record::{CaseDecision, CaseKind, Closing, Entry, Quote, Record, ReleaseReason};
use super::settle::Draft;
use super::transaction::{Answer, Ending, LastTransaction, ReversalOutcome, Transaction};
use super::truth::{WasCharged, takes_back, was_charged};
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
        Event::Stated { decision, reason } => {
            draft.record(Record::Note { text: format!("stated: {decision:?}, {reason}") });
            stated(&mut draft, *decision);
        }
        Event::GiveBack { reason } => give_back(&mut draft, reason),
        Event::DayEnds => day_ends(&mut draft),
        Event::Drain { balance } => {
            draft.balance = *balance;
            if draft.sale.waits_in_queue() && draft.sale.is_promised(&now) {
                draft.order_all();
            }
        }
        Event::Estranged { why } => return estranged(draft, why),
    }
    draft.settle();
    draft.finish()
}

fn baseline_read(draft: &mut Draft<'_>, last: &LastTransaction, totals: Option<super::transaction::Totals>) {
    if draft.money() != Money::None || draft.sale.payment.asked_at.is_some() {
        return;
    }
    if draft.sale.payment.cancel_wished {
        draft.record(Record::NotTaken { ending: None });
        return;
    }
    if matches!(last, LastTransaction::Silent { .. }) && !draft.terms.no_query {
        // No baseline, no card (sale.md 2.3).
        draft.record(Record::Note { text: "no baseline could be read: the card was not asked".to_owned() });
        draft.record(Record::NotTaken { ending: None });
        return;
    }
    draft.record(Record::Baseline { last: last.clone(), totals });
    draft.record(Record::CardAsked);
    draft.effect(Effect::Authorise);
}

fn cancel_wished(draft: &mut Draft<'_>) {
    let chosen = draft.money() == Money::None && draft.sale.payment.asked_at.is_none();
    if (chosen || draft.money() == Money::Asked) && !draft.sale.payment.cancel_wished {
        draft.record(Record::CancelWished);
        if !chosen {
            draft.effect(Effect::Abort);
        }
    }
}

fn approved(draft: &mut Draft<'_>, transaction: &Transaction) {
    match draft.money() {
        Money::Asked => first_approval(draft, transaction),
        Money::Held | Money::Committing | Money::Releasing => {
            let same = draft.sale.payment.approval.as_ref().is_some_and(|known| known.key == transaction.key);
            if !same {
                draft.open_case(CaseKind::StrangeApproval, &describe("another approval in the same sale", transaction));
                if draft.money() == Money::Held {
                    draft.record(Record::ReleaseDecided { reason: ReleaseReason::WrongApproval });
                }
                draft.effect(Effect::Answer { approval: transaction.key.clone(), answer: Answer::NotIssued });
                return;
            }
            // A repeat of the same approval: the same decision again, or "not yet" when its time has come.
            draft.sale.waiting_since = Some(draft.now);
            draft.answer_waiting();
        }
        Money::None | Money::Paid | Money::RefundDue | Money::Back | Money::Unknown => {
            foreign_approval(draft, transaction);
            draft.effect(Effect::Answer { approval: transaction.key.clone(), answer: Answer::NotIssued });
        }
    }
}

/// Approval, intent and order are one step: a recorded wish to cancel comes before it, or it is too late.
fn first_approval(draft: &mut Draft<'_>, transaction: &Transaction) {
    draft.record(Record::Approved { transaction: Box::new(transaction.clone()) });
    draft.sale.waiting_since = Some(draft.now);
    let reason = if draft.sale.payment.cancel_wished {
        Some(ReleaseReason::Cancelled)
    } else if acceptable(&draft.sale, transaction, draft.terms) {
        None
    } else {
        Some(ReleaseReason::WrongApproval)
    };
    if let Some(reason) = reason {
        draft.record(Record::ReleaseDecided { reason });
        draft.answer_waiting();
        return;
    }
    if draft.terms.can_hold && draft.sale.quote.promised_ms.is_none() {
        draft.order_all();
    }
}

/// Amount present and ours, currency ours, not offline unless everything comes from stock within the limit
/// (sale.md 2.4).
fn acceptable(sale: &Sale, seen: &Transaction, terms: &Terms) -> bool {
    let amount = sale.quote.amount;
    let amount_ok = seen.result_code == Some(0) && seen.key.amount_minor == u64::try_from(amount.minor).ok();
    let currency_ok = seen.currency.map_or(terms.currency_may_be_absent, |number| number == amount.currency.numeric());
    let offline = seen.payment_type.is_some_and(|kind| kind & 0x70 == 0x40);
    let all_stock = (0..sale.goods.len()).all(|good| sale.from_stock(good));
    let offline_ok = terms
        .offline_limit
        .is_some_and(|limit| all_stock && limit.currency == amount.currency && amount.minor <= limit.minor);
    amount_ok && currency_ok && (!offline || offline_ok)
}

fn foreign_approval(draft: &mut Draft<'_>, transaction: &Transaction) {
    draft.record(Record::Note {
        text: describe("an approval that nobody waits for, answered \"not issued\"", transaction),
    });
}

fn describe(what: &str, seen: &Transaction) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{what}: terminal {}, receipt {}, trace {}, amount {}, result {}",
        text(&seen.key.terminal_id),
        text(&seen.key.receipt),
        text(&seen.key.trace),
        seen.key.amount_minor.map_or("-".to_owned(), |minor| minor.to_string()),
        seen.result_code.map_or("-".to_owned(), |code| format!("{code:02X}")),
    )
}

fn ended(draft: &mut Draft<'_>, ending: &Ending) {
    if draft.sale.payment.ended && draft.money() != Money::Unknown {
        return;
    }
    let surely_not = matches!(ending, Ending::Aborted { .. } | Ending::NotStarted { .. });
    let key = draft.sale.payment.approval.as_ref().map(|approval| approval.key.clone());
    match (draft.money(), ending, key) {
        (Money::Committing, Ending::Completed, Some(key)) => draft.record(Record::Paid { key }),
        // Before or instead of a commit, the terminal's own abort means that nothing was taken.
        (Money::Asked | Money::Releasing, _, _) if surely_not => {
            draft.record(Record::NotTaken { ending: Some(ending.clone()) });
        }
        (Money::Held, _, _) if surely_not => {
            draft.record(Record::ReleaseDecided { reason: ReleaseReason::TerminalGaveUp });
            draft.record(Record::NotTaken { ending: Some(ending.clone()) });
        }
        (Money::Asked | Money::Held | Money::Committing | Money::Releasing, _, _) => {
            draft.money_unknown(&format!("the authorisation ended otherwise than it should: {ending:?}"));
        }
        // A Completion that comes later is evidence and starts the query again, also in a case.
        (Money::Unknown, _, _) => draft.effect(Effect::QueryCharged { after_ms: 0 }),
        _ => {}
    }
}

fn charged(
    draft: &mut Draft<'_>,
    last: &LastTransaction,
    totals: Option<super::transaction::Totals>,
    verdict: WasCharged,
    bound_elsewhere: bool,
) {
    if draft.money() != Money::Unknown {
        return;
    }
    let queried = Record::Queried { last: last.clone(), totals };
    match verdict {
        WasCharged::Yes(seen) => {
            draft.record(queried);
            draft.record(Record::Paid { key: seen.key.clone() });
        }
        WasCharged::YesByTotals => {
            draft.record(queried);
            // A receipt that belongs to another sale names nothing here: only the sums speak.
            let approval = draft.sale.payment.approval.as_ref().filter(|_| !bound_elsewhere);
            let known = approval.map(|approval| approval.key.clone());
            let nobody =
                super::transaction::ApprovalKey { terminal_id: None, receipt: None, trace: None, amount_minor: None };
            draft.record(Record::Paid { key: known.unwrap_or(nobody) });
        }
        WasCharged::No => {
            draft.record(queried);
            draft.record(Record::NotTaken { ending: None });
        }
        WasCharged::Otherwise(seen) => {
            draft.record(queried);
            if !draft.sale.payment.evidence_in_case {
                draft.open_case(CaseKind::ChargedOtherwise, &describe("charged otherwise than asked", &seen));
            }
        }
        WasCharged::AskAgain(evidence) => {
            let since = draft.sale.payment.unknown_since;
            let age = since.and_then(|since| draft.now.since(&since)).unwrap_or(u64::MAX);
            if age < draft.terms.query_ms {
                draft.effect(Effect::QueryCharged { after_ms: 5_000 });
            } else {
                draft.record(queried);
                draft.money_case(&evidence);
            }
        }
        WasCharged::Unknown(evidence) => {
            draft.record(queried);
            draft.money_case(&evidence);
        }
    }
}

fn goods(draft: &mut Draft<'_>, good: u8, news: &GoodsNews) {
    let Some(current) = draft.sale.goods.get(usize::from(good)).cloned() else { return };
    if !matches!(current.state, Goods::Asked | Goods::Accepted | Goods::Unknown) {
        // Late evidence about a good that is decided: kept, and weighed by a person if it brings a second one.
        if let GoodsNews::Delivered { reference, .. } = news {
            draft.record(Record::Note {
                text: format!("good {good}: a second delivery was reported, order {}", reference.0),
            });
        }
        return;
    }
    match news {
        GoodsNews::Delivered { reference, profile, iccid, charged } => draft.record(Record::Stored {
            good,
            reference: Some(reference.clone()),
            profile: *profile,
            iccid: iccid.clone(),
            charged: *charged,
        }),
        GoodsNews::FromStock(_) => {}
        GoodsNews::Accepted(reference) => {
            if current.reference.as_ref() != Some(reference) {
                draft.record(Record::OrderAccepted { good, reference: reference.clone() });
            }
            draft.fetch(good);
        }
        GoodsNews::Refused(detail) if current.state == Goods::Accepted => {
            // Surely bought and now refused: only a person can weigh that.
            draft.record(Record::OrderUnknown { good, evidence: detail.clone() });
            draft.open_case(CaseKind::OrderInDoubt, detail);
        }
        GoodsNews::Refused(detail) => draft.order_refused(good, detail),
        GoodsNews::Unknown(evidence) => {
            if current.state == Goods::Asked {
                draft.record(Record::OrderUnknown { good, evidence: evidence.clone() });
            }
            if current.state == Goods::Accepted { draft.fetch(good) } else { draft.look_up(good) }
        }
        GoodsNews::NotThere => draft.not_there(good),
        GoodsNews::NoAnswer => {
            if current.state == Goods::Accepted {
                draft.fetch(good)
            } else {
                draft.look_up(good)
            }
        }
        // Each start looks again, in case late evidence decides it. The same doubt is no second case.
        GoodsNews::Lost(_) | GoodsNews::Undecidable(_) | GoodsNews::Doubled(_)
            if current.evidence_in_case
                && draft.sale.cases.iter().any(|case| case.is_about_goods() && case.decided.is_none()) => {}
        GoodsNews::Lost(evidence) => {
            draft.record(Record::OrderUnknown { good, evidence: evidence.clone() });
            draft.open_case(CaseKind::CodeLost, evidence);
        }
        GoodsNews::Undecidable(evidence) | GoodsNews::Doubled(evidence) => {
            draft.record(Record::OrderUnknown { good, evidence: evidence.clone() });
            draft.open_case(CaseKind::OrderInDoubt, evidence);
        }
    }
}

fn reversed(draft: &mut Draft<'_>, outcome: &ReversalOutcome) {
    if draft.money() != Money::Releasing || !draft.sale.payment.reversal_open {
        return;
    }
    draft.record(Record::ReversalAnswered { outcome: outcome.clone() });
    match outcome {
        ReversalOutcome::Done { .. } => draft.record(Record::MoneyBack),
        ReversalOutcome::Refused { result_code } => {
            draft.refund_due(&format!("the terminal does not reverse: result code {result_code:02X}"));
        }
        ReversalOutcome::Other { transaction } => {
            draft.refund_due(&describe("the terminal reversed something else", transaction));
        }
        ReversalOutcome::Unknown { .. } => draft.effect(Effect::QueryReversed { after_ms: 0 }),
    }
}

/// After a reversal without an answer: repeated only if the query shows our payment still charged.
fn still_charged(draft: &mut Draft<'_>, last: &LastTransaction, at_rest: bool) {
    if draft.money() != Money::Releasing || !draft.sale.payment.reversal_open {
        return;
    }
    let paid_as = draft.sale.payment.paid_as.clone();
    match last {
        LastTransaction::Is(seen) if paid_as.as_ref().is_some_and(|key| takes_back(seen, key)) => {
            draft.record(Record::ReversalAnswered {
                outcome: ReversalOutcome::Done { transaction: Some(seen.clone()) },
            });
            draft.record(Record::MoneyBack);
        }
        LastTransaction::Is(seen)
            if at_rest && Some(&seen.key) == paid_as.as_ref() && draft.sale.payment.reversals < 3 =>
        {
            draft.record(Record::ReversalAsked);
            draft.effect(Effect::Reverse);
        }
        _ if !at_rest => draft.effect(Effect::QueryReversed { after_ms: 5_000 }),
        _ => draft.refund_due("a reversal was sent and not answered: the money may already be back"),
    }
}

fn hand_over(draft: &mut Draft<'_>) {
    if !draft.sale.may_reveal() || draft.sale.traveller_gone {
        return;
    }
    for index in 0..draft.sale.goods.len() {
        if !draft.sale.goods[index].exposed {
            draft.record(Record::Exposed { good: u8::try_from(index).unwrap_or(u8::MAX) });
        }
    }
    draft.effect(Effect::Reveal);
}

/// A sale that was closed as shown is delivered once the traveller has come back with the code and says so.
fn have_it(draft: &mut Draft<'_>) {
    let handed_over = draft.money() == Money::Paid && draft.sale.goods.iter().all(|good| good.exposed);
    if !handed_over || draft.sale.acknowledged {
        return;
    }
    draft.record(Record::Acknowledged);
    if draft.sale.closed == Some(Closing::Shown) {
        draft.record(Record::Closed { how: Closing::Delivered });
    }
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
    draft.answer_waiting();
}

fn restarted(draft: &mut Draft<'_>) {
    if draft.sale.closed.is_some() {
        return;
    }
    draft.sale.waiting_since = None;
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

fn decided(draft: &mut Draft<'_>, case: u8, decision: CaseDecision, reason: &str) {
    let open = draft.sale.cases.get(usize::from(case)).is_some_and(|case| case.decided.is_none());
    if !open {
        return;
    }
    draft.record(Record::CaseDecided { case, decision, reason: reason.to_owned() });
    stated(draft, decision);
}

/// What a person's fact means for money and goods; one that is true already changes nothing.
fn stated(draft: &mut Draft<'_>, decision: CaseDecision) {
    let nobody = super::transaction::ApprovalKey { terminal_id: None, receipt: None, trace: None, amount_minor: None };
    match (decision, draft.money()) {
        (CaseDecision::Charged, Money::Unknown) => {
            let key = draft.sale.payment.approval.as_ref().map_or(nobody, |approval| approval.key.clone());
            draft.record(Record::Paid { key });
        }
        (CaseDecision::NotCharged, Money::Unknown) => draft.record(Record::NotTaken { ending: None }),
        (CaseDecision::Back, Money::Unknown | Money::RefundDue | Money::Releasing | Money::Paid) => {
            draft.record(Record::MoneyBack);
        }
        (CaseDecision::GoodsHere, _) => {}
        (CaseDecision::GoodsAbsent | CaseDecision::GoodsLost, _) => {
            for index in 0..draft.sale.goods.len() {
                if matches!(draft.sale.goods[index].state, Goods::Asked | Goods::Accepted | Goods::Unknown) {
                    draft.record(Record::Absent { good: u8::try_from(index).unwrap_or(u8::MAX) });
                }
            }
        }
        _ => {}
    }
}

/// The journal may be an older one: what it says about this payment and these goods may be overtaken. Both become
/// unknown, with a case, and nothing is asked, sent or given back by itself (sale.md 11).
fn estranged(mut draft: Draft<'_>, why: &str) -> Step {
    if draft.sale.closed.is_none() && draft.sale.payment.asked_at.is_none() {
        draft.record(Record::NotTaken { ending: None });
        draft.settle();
        return draft.finish();
    }
    let settled = matches!(draft.money(), Money::None | Money::Back | Money::RefundDue);
    if draft.sale.closed.is_none() && !settled {
        draft.sale.waiting_since = None;
        if draft.money() != Money::Unknown {
            draft.record(Record::MoneyUnknown { evidence: why.to_owned() });
        }
        draft.money_case(why);
    }
    let open = |good: &super::Good| matches!(good.state, Goods::Asked | Goods::Accepted | Goods::Unknown);
    if draft.sale.goods.iter().any(|good| open(good) && !good.evidence_in_case) {
        draft.open_case(CaseKind::OrderInDoubt, why);
    }
    draft.finish()
}

/// An operator's wish. What was shown stays exposed: the eSIM is booked as given away, with its case.
fn give_back(draft: &mut Draft<'_>, reason: &str) {
    if draft.money() == Money::Paid {
        draft.record(Record::Note { text: format!("an operator gives the money back: {reason}") });
        draft.record(Record::ReleaseDecided { reason: ReleaseReason::Operator });
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
