//! What providers answered, as news for a sale.

use tracing::{info, warn};

use crate::esim::{Delivery, LookUp, OrderOutcome};
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::SaleId;
use crate::sale::offer::ProviderId;

use super::Kiosk;

impl Kiosk {
    /// An order or a fetch was answered.
    pub(super) fn ordered(&mut self, id: SaleId, good: u8, outcome: OrderOutcome) {
        let answered = !matches!(outcome, OrderOutcome::NeverSent(_) | OrderOutcome::Unknown(_));
        if let Some(provider) = self.provider_of(id, good) {
            self.order_took(id, good, &provider, &outcome);
            self.provider_answered(provider, answered, None);
        }
        let news = match outcome {
            OrderOutcome::Done(delivery) => return self.delivered(id, good, delivery),
            OrderOutcome::Accepted(reference) => GoodsNews::Accepted(reference),
            OrderOutcome::Refused(refusal) => GoodsNews::Refused(format!("{:?}: {}", refusal.reason, refusal.detail)),
            OrderOutcome::NeverSent(why) => GoodsNews::Refused(format!("never sent: {why}")),
            OrderOutcome::Unknown(doubt) => GoodsNews::Unknown(doubt.evidence),
        };
        self.tell(id, &Event::Goods { good, news });
    }

    fn delivered(&mut self, id: SaleId, good: u8, delivery: Delivery) {
        let Delivery { reference, profile, charged } = delivery;
        let Some(profile) = profile else {
            let news = GoodsNews::Delivered { reference, profile: None, iccid: None, charged };
            return self.tell(id, &Event::Goods { good, news });
        };
        let Some(profile_id) = self.new_profile_id() else {
            warn!(sale = %id, "no random numbers: the delivery is asked for again");
            return self.tell(id, &Event::Goods { good, news: GoodsNews::NoAnswer });
        };
        let iccid = profile.iccid.clone();
        let news = GoodsNews::Delivered { reference, profile: Some(profile_id), iccid, charged };
        self.tell_with(id, &Event::Goods { good, news }, Some((profile_id, &profile)));
    }

    /// A look-up was answered.
    pub(super) fn looked_up(&mut self, id: SaleId, good: u8, found: LookUp) {
        if self.sales.get(&id).is_some_and(|sale| sale.is_asked_no_more(usize::from(good))) {
            return info!(sale = %id, good, "a look-up came after its account was given free: it proves nothing");
        }
        let news = match found {
            // An order that was found as refused was certainly not bought.
            LookUp::Found(outcome) => return self.ordered(id, good, outcome),
            LookUp::NotThere => GoodsNews::NotThere,
            LookUp::BoughtAndLost { evidence } => GoodsNews::Lost(evidence),
            LookUp::Undecidable { evidence } => GoodsNews::Undecidable(evidence),
            LookUp::Unknown(doubt) => {
                info!(sale = %id, good, evidence = doubt.evidence, "the look-up got no answer");
                GoodsNews::NoAnswer
            }
        };
        self.tell(id, &Event::Goods { good, news });
    }

    fn provider_of(&self, id: SaleId, good: u8) -> Option<ProviderId> {
        let sale = self.sales.get(&id)?;
        (usize::from(good) < sale.goods.len()).then(|| sale.offer(usize::from(good)).provider.clone())
    }
}
