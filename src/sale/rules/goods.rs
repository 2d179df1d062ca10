//! What providers say about goods, and their hand-over.

use super::super::effect::Effect;
use super::super::event::GoodsNews;
use super::super::record::{CaseKind, Closing, Record};
use super::super::settle::Draft;
use super::super::{Goods, Money};

pub(super) fn goods(draft: &mut Draft<'_>, good: u8, news: &GoodsNews) {
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
            // Found again after a doubt it is surely bought once more: a refusal behind it is no absence.
            if current.reference.as_ref() != Some(reference) || current.state == Goods::Unknown {
                draft.record(Record::OrderAccepted { good, reference: reference.clone() });
            }
            draft.fetch(good);
        }
        GoodsNews::Refused(detail) if current.state == Goods::Accepted => {
            // Surely bought and now refused: only a person can weigh that, and one case is enough.
            draft.record(Record::OrderUnknown { good, evidence: detail.clone() });
            if !draft.sale.is_in_open_case(usize::from(good)) {
                draft.open_case_of(good, CaseKind::OrderInDoubt, detail);
            }
        }
        GoodsNews::Refused(detail) if current.state == Goods::Unknown => {
            // Found to have failed it is surely not bought; but what was in doubt once is never failed over (sale.md 4).
            draft.record(Record::Note { text: format!("good {good}: found refused: {detail}") });
            draft.record(Record::Absent { good });
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
            if current.evidence_in_case && draft.sale.is_in_open_case(usize::from(good)) => {}
        GoodsNews::Lost(evidence) => {
            draft.record(Record::OrderUnknown { good, evidence: evidence.clone() });
            draft.open_case_of(good, CaseKind::CodeLost, evidence);
        }
        GoodsNews::Undecidable(evidence) | GoodsNews::Doubled(evidence) => {
            draft.record(Record::OrderUnknown { good, evidence: evidence.clone() });
            draft.open_case_of(good, CaseKind::OrderInDoubt, evidence);
        }
    }
}

pub(super) fn hand_over(draft: &mut Draft<'_>) {
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
pub(super) fn have_it(draft: &mut Draft<'_>) {
    let handed_over = draft.money() == Money::Paid && draft.sale.goods.iter().all(|good| good.exposed);
    if !handed_over || draft.sale.acknowledged {
        return;
    }
    draft.record(Record::Acknowledged);
    if draft.sale.closed == Some(Closing::Shown) {
        draft.record(Record::Closed { how: Closing::Delivered });
    }
}
