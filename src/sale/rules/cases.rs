//! What a person decides, and what nobody may decide any more.

use super::super::offer::Kind;
use super::super::record::{CaseDecision, CaseKind, Record};
use super::super::settle::Draft;
use super::super::transaction::ApprovalKey;
use super::super::{Case, Goods, Money, Step};

pub(super) fn decided(draft: &mut Draft<'_>, case: u8, decision: CaseDecision, reason: &str) {
    let open = draft.sale.case(case).is_some_and(|case| case.decided.is_none());
    if !open {
        return;
    }
    draft.record(Record::CaseDecided { case, decision, reason: reason.to_owned() });
    stated(draft, case, decision);
}

/// What a person's fact means for money and goods; one that is true already changes nothing. About goods it speaks of
/// the case's own.
pub(super) fn stated(draft: &mut Draft<'_>, case: u8, decision: CaseDecision) {
    let nobody = ApprovalKey { terminal_id: None, receipt: None, trace: None, amount_minor: None };
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
        (CaseDecision::NumberEnded, _) => {
            let about = draft.sale.case(case).cloned();
            for index in 0..draft.sale.goods.len() {
                let named = about.as_ref().is_none_or(|case| case.names(index));
                let number = matches!(draft.sale.offer(index).kind, Kind::Number { .. });
                let good = &draft.sale.goods[index];
                if named && number && good.state == Goods::Stored && !good.cancelled {
                    draft.record(Record::CancelTaken { good: u8::try_from(index).unwrap_or(u8::MAX) });
                }
            }
        }
        (CaseDecision::GoodsAbsent | CaseDecision::GoodsLost, _) => {
            let about = draft.sale.case(case).cloned();
            for index in 0..draft.sale.goods.len() {
                let named = about.as_ref().is_none_or(|case| case.names(index));
                if named && matches!(draft.sale.goods[index].state, Goods::Asked | Goods::Accepted | Goods::Unknown) {
                    draft.record(Record::Absent { good: u8::try_from(index).unwrap_or(u8::MAX) });
                }
            }
        }
        _ => {}
    }
}

/// The journal may be an older one: what it says about this payment and these goods may be overtaken. Both become
/// unknown, with a case, and nothing is asked, sent or given back by itself (sale.md 11).
pub(super) fn estranged(mut draft: Draft<'_>, why: &str, since: u64) -> Step {
    // Chosen in this run, its card was surely not asked. One of before may have been, after this copy was made.
    let of_this_run = draft.sale.chosen_at.run == draft.now.run;
    let unasked = draft.money() == Money::None && draft.sale.payment.asked_at.is_none();
    if draft.sale.closed.is_none() && unasked && of_this_run {
        draft.record(Record::NotTaken { ending: None });
        draft.settle();
        return draft.finish();
    }
    // Nobody is handed anything before the journal is adopted: whoever paid comes back with the code.
    if draft.sale.closed.is_none() && !draft.sale.traveller_gone {
        draft.record(Record::TravellerGone);
    }
    // Told again at each start until the journal is adopted: what a person found out in the meantime stands.
    let found_out = draft.sale.payment.overtaken
        && draft.money() != Money::Unknown
        && of_the_money(&draft).any(|case| case.decided.is_some() && case.opened_at.run >= since);
    let settled = !unasked && matches!(draft.money(), Money::None | Money::Back | Money::RefundDue) || found_out;
    if draft.sale.closed.is_none() && !settled {
        draft.sale.waiting_since = None;
        if draft.money() != Money::Unknown {
            draft.record(Record::MoneyUnknown { evidence: why.to_owned() });
        }
        if !of_the_money(&draft).any(|case| case.decided.is_none()) {
            // What was decided before this copy was made says nothing of what came after it.
            draft.open_case(CaseKind::MoneyUnknown, why);
        }
        if !draft.sale.payment.overtaken {
            // Cards that this journal has never heard of may have been asked since.
            draft.record(Record::Overtaken);
        }
        doubt_unsent(&mut draft, why);
    }
    if draft.sale.closed.is_some() {
        return draft.finish();
    }
    for index in 0..draft.sale.goods.len() {
        let known = &draft.sale.goods[index];
        let open = matches!(known.state, Goods::Asked | Goods::Accepted | Goods::Unknown);
        if open && !draft.sale.is_in_open_case(index) {
            // Each its own: a person may find one code of a basket and not the other.
            draft.open_case_of(u8::try_from(index).unwrap_or(u8::MAX), CaseKind::OrderInDoubt, why);
        }
    }
    draft.finish()
}

fn of_the_money<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = &'a Case> {
    draft.sale.cases.iter().filter(|case| matches!(case.kind, CaseKind::MoneyUnknown | CaseKind::ChargedOtherwise))
}

/// What this journal has not ordered yet may have been ordered since: only a person can find that out.
fn doubt_unsent(draft: &mut Draft<'_>, why: &str) {
    for index in 0..draft.sale.goods.len() {
        if draft.sale.next_choice(index).is_some() && !draft.sale.from_stock(index) {
            let good = u8::try_from(index).unwrap_or(u8::MAX);
            draft.record(Record::OrderUnknown { good, evidence: why.to_owned() });
        }
    }
}
