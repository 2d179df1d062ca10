//! What operators have ordered for the stock and is not begun yet: written down, so that a restart goes on with it; and
//! what they decide of an order that is in doubt.

use tracing::warn;

use crate::journal::JournalError;
use crate::journal::purchases::{self, Batch, Decided, PurchaseFact, PurchaseState};
use crate::sale::Lock;
use crate::sale::id::SaleId;
use crate::sale::offer::ProviderId;

use super::Kiosk;
use super::inbox::Inbox;
use super::operator::OperatorAnswer;
use super::purchases::Duty;

/// Most profiles in one order of an operator.
const MOST: u16 = 500;
/// So long an account that did not tell its wallet is left alone: twice as long each time, up to the longest.
const SILENT_MS: u64 = 30_000;
const SILENT_LONGEST_MS: u64 = 30 * 60_000;

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
        // Whoever orders anew has seen what was dropped; what an account's silence cost is asked at once.
        self.purchases.batches.retain(|batch| !batch.is_dropped() || batch.offer.provider != *provider);
        self.purchases.silent.remove(provider);
        self.purchases.batches.push_back(Batch { id, offer, count, begun: 0, dropped: None });
        if !self.keep_batches() {
            return OperatorAnswer::refused("the journal failed");
        }
        self.follow_purchases();
        OperatorAnswer::done(text)
    }

    /// One more of the batch is under way; a batch of which all are is forgotten.
    pub(super) fn begun(&mut self, batch: SaleId) {
        if let Some(batch) = self.purchases.batches.iter_mut().find(|waiting| waiting.id == batch) {
            batch.begun = batch.begun.saturating_add(1);
        }
        let before = self.purchases.batches.len();
        self.purchases.batches.retain(|batch| batch.is_dropped() || batch.begun < batch.count);
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

    /// On every tick: the next one, when its account is free. Accounts do not wait for each other.
    pub(super) fn follow_purchases(&mut self) {
        let busy = self.purchases.open.is_some() || self.purchases.reading || self.awaits_proof();
        if busy || self.is_estranged() || self.halted.is_some() {
            return;
        }
        let now = self.clock.now();
        let rests = |account: &ProviderId| {
            self.purchases.silent.get(account).is_some_and(|(times, since)| now.at_least_since(since) < rest_ms(*times))
        };
        let may_be_asked = |batch: &&Batch| {
            let account = &batch.offer.provider;
            !batch.is_dropped() && !self.locks.contains_key(&Lock::Account(account.clone())) && !rests(account)
        };
        let next = self.purchases.batches.iter().filter(may_be_asked).find_map(|batch| {
            Some((batch.id, Box::new(batch.offer.clone()), self.providers.get(&batch.offer.provider)?.clone()))
        });
        let Some((batch, offer, provider)) = next else { return };
        self.purchases.reading = true;
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let balance = provider.balance().await;
            if inbox.send(Inbox::Duty(Box::new(Duty::StockWallet { batch, offer, balance }))).await.is_err() {
                warn!("the kiosk ended before an order for the stock was begun");
            }
        });
    }

    /// The account did not tell its wallet: nothing was sent, and it is asked again later.
    pub(super) fn account_is_silent(&mut self, provider: &ProviderId) {
        let now = self.clock.now();
        let silent = self.purchases.silent.entry(provider.clone()).or_insert((0, now));
        *silent = (silent.0.saturating_add(1), now);
        let again_s = rest_ms(silent.0) / 1_000;
        warn!(%provider, again_s, "the account does not tell its wallet: what is to be bought for the stock waits");
        self.follow_purchases();
    }

    /// Nothing more is bought at this account, and the list says why. How many are not.
    pub(super) fn drop_batch(&mut self, provider: &ProviderId, why: &str) -> usize {
        let mut dropped = 0;
        for batch in self.purchases.batches.iter_mut().filter(|batch| batch.offer.provider == *provider) {
            if !batch.is_dropped() && batch.begun < batch.count {
                dropped += usize::from(batch.count - batch.begun);
                batch.dropped = Some(why.to_owned());
            }
        }
        if dropped > 0 {
            self.keep_batches();
        }
        dropped
    }

    /// An operator takes back what is left of a batch. A wallet that is being read for it begins nothing any more.
    pub(super) fn cancel_stock(&mut self, id: SaleId, reason: &str) -> OperatorAnswer {
        let left = match purchases::take_back(self.purchases.batches.make_contiguous(), id, reason) {
            Ok(left) => left,
            Err(why) => return OperatorAnswer::refused(why),
        };
        if !self.keep_batches() {
            return OperatorAnswer::refused("the journal failed");
        }
        OperatorAnswer::done(purchases::taken_back(left, id, self.purchases.open.as_slice()))
    }

    /// A person has found out what became of an order for the stock that was in doubt.
    pub(super) fn decide_purchase(&mut self, id: SaleId, fact: PurchaseFact, reason: &str) -> OperatorAnswer {
        if reason.trim().is_empty() {
            return OperatorAnswer::refused("a decision needs a reason");
        }
        let found = match self.journal.purchases(true) {
            Ok(all) => all.into_iter().find(|purchase| purchase.id == id),
            Err(error) => return self.journal_refused(error),
        };
        let Some(mut purchase) = found else {
            return OperatorAnswer::refused(format!("there is no order {id}: `esim-kiosk stock list` names them"));
        };
        if !purchase.is_in_doubt() {
            return OperatorAnswer::refused("the order is not in doubt: there is nothing to decide");
        }
        let now = self.clock.now();
        if fact == PurchaseFact::Absent {
            purchase.state = PurchaseState::Absent;
        }
        purchase.decided = Some(Decided { fact, reason: reason.trim().to_owned(), at: now });
        match self.journal.put_purchase(&purchase, None, now) {
            Ok(()) => OperatorAnswer::done(format!("order {id}: {}", crate::journal::word(&fact))),
            Err(JournalError::Violation(violation)) => OperatorAnswer::refused(violation.to_string()),
            Err(error) => self.journal_refused(error),
        }
    }
}

fn rest_ms(times: u32) -> u64 {
    SILENT_MS.checked_shl(times.saturating_sub(1).min(16)).unwrap_or(SILENT_LONGEST_MS).min(SILENT_LONGEST_MS)
}
