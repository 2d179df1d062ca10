//! What a person decides, and what nobody may decide any more.

use super::super::record::{CaseDecision, CaseKind, Record};
use super::super::settle::Draft;
use super::super::transaction::ApprovalKey;
use super::super::{Good, Goods, Money, Step};

pub(super) fn decided(draft: &mut Draft<'_>, case: u8, decision: CaseDecision, reason: &str) {
    let open = draft.sale.cases.get(usize::from(case)).is_some_and(|case| case.decided.is_none());
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
        (CaseDecision::GoodsAbsent | CaseDecision::GoodsLost, _) => {
            let about = draft.sale.cases.get(usize::from(case)).cloned();
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
pub(super) fn estranged(mut draft: Draft<'_>, why: &str) -> Step {
    if draft.sale.closed.is_none() && draft.sale.payment.asked_at.is_none() {
        draft.record(Record::NotTaken { ending: None });
        draft.settle();
        return draft.finish();
    }
    // Nobody is handed anything before the journal is adopted: whoever paid comes back with the code.
    if draft.sale.closed.is_none() && !draft.sale.traveller_gone {
        draft.record(Record::TravellerGone);
    }
    let settled = matches!(draft.money(), Money::None | Money::Back | Money::RefundDue);
    if draft.sale.closed.is_none() && !settled {
        draft.sale.waiting_since = None;
        if draft.money() != Money::Unknown {
            draft.record(Record::MoneyUnknown { evidence: why.to_owned() });
        }
        draft.money_case(why);
    }
    let open = |good: &Good| matches!(good.state, Goods::Asked | Goods::Accepted | Goods::Unknown);
    if draft.sale.goods.iter().any(|good| open(good) && !good.evidence_in_case) {
        draft.open_case(CaseKind::OrderInDoubt, why);
    }
    draft.finish()
}
