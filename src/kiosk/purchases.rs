//! Orders for the stock: duties of the loop, written down before they are sent, recovered by asking, one after the
//! other in each account (sale.md 6, 7).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tracing::{error, info, warn};

use crate::esim::{LookUp, OrderOutcome, OrderRequest, Outcome, Sent};
use crate::journal::JournalError;
use crate::journal::operator_calls::OperatorCall;
use crate::journal::purchases::{Batch, Purchase, PurchaseState};
use crate::journal::stock::{Bought, StockState};
use crate::money::Exact;
use crate::sale::Lock;
use crate::sale::id::{GoodKey, ProfileId, SaleId};
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, OrderReference, ProviderId};

use super::Kiosk;
use super::inbox::Inbox;
use super::operator::OperatorAnswer;

/// What was asked for a duty beside the sales, and its answer.
#[derive(Debug)]
pub enum Duty {
    /// The wallet before an order for the stock.
    StockWallet {
        /// Of which batch.
        batch: SaleId,
        /// What is bought.
        offer: Box<Offer>,
        /// The wallet.
        balance: Outcome<Exact>,
    },
    /// An order for the stock, or its fetching, was answered.
    StockOrdered {
        /// Which.
        id: SaleId,
        /// The answer.
        outcome: OrderOutcome,
    },
    /// A look-up of an order for the stock was answered.
    StockLookedUp {
        /// Which.
        id: SaleId,
        /// The answer.
        found: LookUp,
    },
    /// An operator's call that may have changed something was answered.
    Called {
        /// As it was written down.
        record: OperatorCall,
        /// What came of it.
        said: OperatorAnswer,
        /// Who waits.
        answer: tokio::sync::oneshot::Sender<OperatorAnswer>,
    },
    /// The wallet before an order of the queue.
    QueueWallet {
        /// Whose.
        sale: SaleId,
        /// The wallet.
        balance: Outcome<Exact>,
    },
}

/// What is being bought for the stock.
#[derive(Debug, Default)]
pub(super) struct Purchases {
    /// What operators have ordered, oldest first, and what of it was dropped. A restart goes on with it.
    pub(super) batches: VecDeque<Batch>,
    /// Accounts that did not tell their wallet: how often, and since when.
    pub(super) silent: BTreeMap<ProviderId, (u32, Moment)>,
    /// The wallet is being read for one of them.
    pub(super) reading: bool,
    /// The one that is under way.
    pub(super) open: Option<Purchase>,
    look_ups: usize,
}

impl Kiosk {
    /// An operator takes an item out.
    pub(super) fn retire_stock(&mut self, profile: ProfileId) -> OperatorAnswer {
        let now = self.clock.now();
        match self.journal.move_stock(profile, StockState::Retired, now) {
            Ok(true) => {
                self.read_stock();
                OperatorAnswer::done("taken out of the stock for good")
            }
            Ok(false) => OperatorAnswer::refused("it is not in stock, it is sold, or a sale holds it right now"),
            Err(error) => {
                let text = super::chain(&error);
                self.journal_failed(error);
                OperatorAnswer::refused(text)
            }
        }
    }

    /// At start: an order that the last run did not see through.
    pub(super) fn recover_purchases(&mut self) {
        let (open, batches) = match (self.journal.purchases(false), self.journal.batches()) {
            (Ok(open), Ok(batches)) => (open, batches),
            (Err(error), _) | (_, Err(error)) => return self.journal_failed(error),
        };
        self.purchases.batches =
            batches.into_iter().filter(|batch| batch.is_dropped() || batch.begun < batch.count).collect();
        let waiting = self.purchases.batches.iter().filter(|batch| !batch.is_dropped()).count();
        if waiting > 0 {
            info!(batches = waiting, "what an operator has ordered for the stock is bought on");
        }
        // One after the other: a second one was never begun.
        let Some(purchase) = open.into_iter().next() else { return };
        warn!(id = %purchase.id, state = ?purchase.state, "an order for the stock was open: its provider is asked");
        self.hold_account(&purchase);
        self.purchases.open = Some(purchase);
        if !self.is_estranged() {
            self.ask_about_purchase();
        }
    }

    fn hold_account(&mut self, purchase: &Purchase) {
        let account = Lock::Account(purchase.offer.provider.clone());
        self.locks.entry(account).or_insert(purchase.id);
    }

    /// A duty beside the sales was answered.
    pub(super) fn duty_answered(&mut self, duty: Duty) {
        match duty {
            Duty::QueueWallet { sale, balance } => self.queue_wallet(sale, balance),
            Duty::Called { record, said, answer } => self.called(record, said, answer),
            Duty::StockWallet { batch, offer, balance } => self.begin_purchase(batch, *offer, balance),
            Duty::StockOrdered { id, outcome } => {
                if let Some(purchase) = self.purchases.open.take_if(|purchase| purchase.id == id) {
                    self.purchase_ordered(purchase, outcome);
                }
            }
            Duty::StockLookedUp { id, found } => {
                if let Some(purchase) = self.purchases.open.take_if(|purchase| purchase.id == id) {
                    self.purchase_looked_up(purchase, found);
                }
            }
        }
    }

    /// The wallet is read: the order is written down, then sent once.
    fn begin_purchase(&mut self, batch: SaleId, offer: Offer, balance: Outcome<Exact>) {
        self.purchases.reading = false;
        let Outcome::Done(balance) = balance else { return self.account_is_silent(&offer.provider) };
        self.purchases.silent.remove(&offer.provider);
        let account = Lock::Account(offer.provider.clone());
        let waits = self.purchases.batches.iter().any(|waiting| waiting.id == batch && !waiting.is_dropped());
        if !waits || self.is_estranged() || self.locks.contains_key(&account) {
            return;
        }
        let Some(id) = self.new_id() else { return error!("no random numbers: nothing is bought for the stock") };
        let now = self.clock.now();
        let purchase = Purchase {
            id,
            batch: Some(batch),
            offer,
            state: PurchaseState::Asked,
            reference: None,
            profile: None,
            balance_before: Some(balance),
            sent_at: now,
            not_found: Vec::new(),
            evidence: String::new(),
            decided: None,
        };
        if let Err(error) = self.journal.put_purchase(&purchase, None, now) {
            return self.journal_failed(error);
        }
        self.begun(batch);
        self.hold_account(&purchase);
        self.purchases.look_ups = 0;
        let request = request(&purchase, &self.settings.machine);
        let provider = self.providers.get(&purchase.offer.provider).cloned();
        self.purchases.open = Some(purchase);
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let outcome = match provider {
                Some(provider) => provider.order(&request).await,
                None => OrderOutcome::NeverSent("the account is not configured any more".to_owned()),
            };
            if inbox.send(Inbox::Duty(Box::new(Duty::StockOrdered { id, outcome }))).await.is_err() {
                warn!("the kiosk ended before a provider's answer was taken; the next start asks again");
            }
        });
    }

    fn purchase_ordered(&mut self, mut purchase: Purchase, outcome: OrderOutcome) {
        match outcome {
            OrderOutcome::Done(delivery) => {
                purchase.reference = Some(delivery.reference);
                let Some(content) = delivery.profile else {
                    return self.doubt_purchase(purchase, "the delivery brought no profile");
                };
                let Some(name) = self.new_profile_id() else {
                    self.purchases.open = Some(purchase);
                    return self.ask_about_purchase();
                };
                purchase.state = PurchaseState::Stored;
                purchase.profile = Some(name);
                let (offer, reference) = (purchase.offer.clone(), purchase.reference.clone());
                let Some(reference) = reference else { return };
                let bought = Bought { profile: name, content: &content, offer: &offer, reference: &reference };
                self.settle_purchase(purchase, Some(&bought));
                self.read_stock();
            }
            OrderOutcome::Accepted(reference) => {
                purchase.state = PurchaseState::Accepted;
                purchase.reference = Some(reference);
                let now = self.clock.now();
                if let Err(error) = self.journal.put_purchase(&purchase, None, now) {
                    return self.purchase_refused(purchase, error);
                }
                self.purchases.open = Some(purchase);
                self.ask_about_purchase();
            }
            OrderOutcome::Refused(refusal) => {
                purchase.evidence = refusal.detail;
                self.purchase_absent(purchase);
            }
            OrderOutcome::NeverSent(why) => {
                purchase.evidence = why;
                self.purchase_absent(purchase);
            }
            OrderOutcome::Unknown(doubt) => {
                purchase.evidence = doubt.evidence;
                self.purchases.open = Some(purchase);
                self.ask_about_purchase();
            }
        }
    }

    fn purchase_looked_up(&mut self, mut purchase: Purchase, found: LookUp) {
        let now = self.clock.now();
        match found {
            LookUp::Found(outcome) => self.purchase_ordered(purchase, outcome),
            LookUp::BoughtAndLost { evidence } | LookUp::Undecidable { evidence } => {
                self.doubt_purchase(purchase, &evidence);
            }
            LookUp::NotThere => {
                let terms = &self.settings.terms;
                // As of a sale: a start with a wrong clock must not hold the account for ever, this run's own age counts.
                let late = now.at_least_since(&purchase.sent_at) >= terms.absent_after_ms;
                let apart = purchase.not_found.iter().any(|at| now.at_least_since(at) >= terms.absent_spacing_ms);
                purchase.not_found.push(now);
                if late && apart {
                    return self.purchase_absent(purchase);
                }
                if let Err(error) = self.journal.put_purchase(&purchase, None, now) {
                    return self.journal_failed(error);
                }
                self.purchases.open = Some(purchase);
                self.ask_about_purchase();
            }
            LookUp::Unknown(doubt) => {
                purchase.evidence = doubt.evidence;
                self.purchases.open = Some(purchase);
                self.ask_about_purchase();
            }
        }
    }

    fn purchase_absent(&mut self, mut purchase: Purchase) {
        let why = format!("the order before was not bought: {}", purchase.evidence);
        let dropped = self.drop_batch(&purchase.offer.provider, &why);
        warn!(id = %purchase.id, purchase.evidence, dropped, "nothing was bought for the stock");
        purchase.state = PurchaseState::Absent;
        self.settle_purchase(purchase, None);
    }

    fn doubt_purchase(&mut self, mut purchase: Purchase, evidence: &str) {
        let dropped = self.drop_batch(&purchase.offer.provider, "the order before is in doubt");
        error!(id = %purchase.id, evidence, dropped, "an order for the stock is in doubt: a person must look at the account");
        purchase.state = PurchaseState::Doubtful;
        evidence.clone_into(&mut purchase.evidence);
        self.settle_purchase(purchase, None);
    }

    /// The order is decided, or its witnesses are on disk: the account is free.
    fn settle_purchase(&mut self, purchase: Purchase, brought: Option<&Bought<'_>>) {
        let now = self.clock.now();
        match self.journal.put_purchase(&purchase, brought, now) {
            Ok(()) => {
                info!(id = %purchase.id, state = ?purchase.state, "order for the stock");
                let account = Lock::Account(purchase.offer.provider.clone());
                if self.locks.get(&account) == Some(&purchase.id) {
                    self.locks.remove(&account);
                }
                self.follow_purchases();
            }
            Err(error) => self.purchase_refused(purchase, error),
        }
    }

    /// The order or its profile belongs to somebody else: in doubt, never sold twice.
    fn purchase_refused(&mut self, mut purchase: Purchase, error: JournalError) {
        match error {
            JournalError::Violation(violation) if purchase.state != PurchaseState::Doubtful => {
                purchase.reference = None;
                purchase.profile = None;
                self.doubt_purchase(purchase, &violation.to_string());
            }
            error => self.journal_failed(error),
        }
    }

    /// Asks the provider what became of the open order, after a while.
    pub(super) fn ask_about_purchase(&mut self) {
        let Some(purchase) = &self.purchases.open else { return };
        if !self.providers.contains_key(&purchase.offer.provider) {
            // Silence would keep it open, and the stock from being bought, for ever.
            let evidence = format!("the account {} is not configured any more", purchase.offer.provider);
            if let Some(purchase) = self.purchases.open.take() {
                self.doubt_purchase(purchase, &evidence);
            }
            return;
        }
        let schedule = match purchase.state {
            PurchaseState::Accepted => &self.settings.terms.fetch_ms,
            _ => &self.settings.terms.look_up_ms,
        };
        let place = self.purchases.look_ups.min(schedule.len().saturating_sub(1));
        let after = Duration::from_millis(schedule.get(place).copied().unwrap_or(30_000));
        self.purchases.look_ups += 1;
        let id = purchase.id;
        let request = request(purchase, &self.settings.machine);
        let reference: Option<OrderReference> =
            purchase.reference.clone().filter(|_| purchase.state == PurchaseState::Accepted);
        let Some(provider) = self.providers.get(&purchase.offer.provider).cloned() else { return };
        let taken = match self.journal.order_references(&purchase.offer.provider) {
            Ok(taken) => taken,
            Err(error) => return self.journal_failed(error),
        };
        let at = jiff::Timestamp::from_millisecond(purchase.sent_at.wall_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let duty = match reference {
                Some(reference) => Duty::StockOrdered { id, outcome: provider.fetch(&request, &reference).await },
                None => Duty::StockLookedUp { id, found: provider.look_up(&request, &Sent { at, taken }).await },
            };
            if inbox.send(Inbox::Duty(Box::new(duty))).await.is_err() {
                warn!("the kiosk ended before a look-up was taken; the next start asks again");
            }
        });
    }
}

fn request(purchase: &Purchase, machine: &str) -> OrderRequest {
    OrderRequest {
        key: GoodKey { sale: purchase.id, index: 0 },
        offer: purchase.offer.clone(),
        balance_before: purchase.balance_before,
        total_before: None,
        label: format!("{machine} stock"),
    }
}
