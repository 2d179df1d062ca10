//! What operators have ordered for the stock and is not begun yet: written down, so that a restart goes on with it.

use crate::journal::purchases::Batch;
use crate::sale::id::SaleId;
use crate::sale::offer::ProviderId;

use super::Kiosk;
use super::operator::OperatorAnswer;

/// Most profiles in one order of an operator.
const MOST: u16 = 500;

impl Kiosk {
    /// An operator buys profiles.
    pub(super) fn buy_stock(&mut self, provider: &ProviderId, plan: &str, count: u16) -> OperatorAnswer {
        if count == 0 || count > MOST {
            return OperatorAnswer::refused(format!("1 to {MOST} at once"));
        }
        if self.is_estranged() || !self.providers.contains_key(provider) {
            return OperatorAnswer::refused(format!("there is no account {provider} that may be used now"));
        }
        let language = self.settings.first_language().to_owned();
        let Some(offer) = self.shelf.catalogue().offer_of_plan(provider, plan, &language) else {
            return OperatorAnswer::refused(format!("{provider} offers no plan {plan:?} here"));
        };
        let Some(id) = self.new_id() else { return OperatorAnswer::refused("no random numbers") };
        let text = format!("{count} of {:?} are being bought: see `esim-kiosk stock list`", offer.title);
        self.purchases.batches.push_back(Batch { id, offer, count, begun: 0 });
        if !self.keep_batches() {
            return OperatorAnswer::refused("the journal failed");
        }
        self.follow_purchases();
        OperatorAnswer::done(text)
    }

    /// One more of the batch is under way; a batch of which all are is forgotten.
    pub(super) fn begun(&mut self, batch: SaleId) {
        if let Some(first) = self.purchases.batches.front_mut().filter(|first| first.id == batch) {
            first.begun = first.begun.saturating_add(1);
        }
        let before = self.purchases.batches.len();
        self.purchases.batches.retain(|batch| batch.begun < batch.count);
        if self.purchases.batches.len() < before {
            self.keep_batches();
        }
    }

    /// Writes down what is still to be bought. `false` where the journal failed.
    fn keep_batches(&mut self) -> bool {
        let batches = self.purchases.batches.make_contiguous();
        match self.journal.put_batches(batches) {
            Ok(()) => true,
            Err(error) => {
                self.journal_failed(error);
                false
            }
        }
    }

    /// Nothing more is bought at this account. How many are not.
    pub(super) fn drop_batch(&mut self, provider: &ProviderId) -> usize {
        let left = |batch: &Batch| usize::from(batch.count.saturating_sub(batch.begun));
        let dropped = self.purchases.batches.iter().filter(|batch| batch.offer.provider == *provider).map(left).sum();
        if dropped > 0 {
            self.purchases.batches.retain(|batch| batch.offer.provider != *provider);
            self.keep_batches();
        }
        dropped
    }
}
