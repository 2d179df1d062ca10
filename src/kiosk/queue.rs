//! Selling without the network (sale.md 8): from stock at once, else for later, capped and with a deadline; and the
//! queue's drain, oldest first, in which an unanswered order holds up only its own sale.

use tracing::{info, warn};

use crate::catalogue::CardId;
use crate::esim::Outcome;
use crate::journal::stock::StockItem;
use crate::locale;
use crate::money::{Amount, Exact};
use crate::sale::event::Event;
use crate::sale::id::{ProfileId, SaleId};
use crate::sale::moment::Moment;
use crate::sale::offer::{Kind, Offer, Source};
use crate::sale::{Goods, Lock, Money, Sale};

use super::Kiosk;
use super::inbox::Inbox;
use super::purchases::Duty;
use super::view::PlanCard;

/// Orders of the queue that are under way at once.
const AT_ONCE: usize = 4;
/// A promise ends so long before the end of day, in ms.
const BEFORE_DAY_MS: i64 = 30 * 60_000;
/// A promise shorter than this is none, in ms.
const SHORTEST_MS: u64 = 5 * 60_000;

/// A sale whose goods were promised for later and are not here yet: what the caps count. An unknown payment counts too.
pub(super) fn counts_against_caps(sale: &Sale) -> bool {
    sale.quote.promised_ms.is_some()
        && sale.closed.is_none()
        && !sale.all_stored()
        && !matches!(sale.payment.money, Money::None | Money::Back | Money::RefundDue)
}

impl Kiosk {
    /// Something lies in stock that anybody may buy.
    pub(super) fn has_stock(&self) -> bool {
        let now = self.clock.now();
        let days = i64::from(self.settings.trade.stock_days_left);
        self.stock.iter().any(|item| item.is_for_sale(now, days))
    }

    /// A sale for later could be taken now.
    pub(super) fn queue_is_open(&self) -> bool {
        self.settings.trade.queue.enabled
            && self.health.can_print()
            && self.promise_ms().is_some()
            && self.has_queue_room(Amount::new(0, self.settings.currency))
    }

    /// Whether the queue has room for this sum.
    pub(super) fn has_queue_room(&self, amount: Amount) -> bool {
        let queue = &self.settings.trade.queue;
        let waiting: Vec<i64> =
            self.sales.values().filter(|sale| counts_against_caps(sale)).map(|sale| sale.quote.amount.minor).collect();
        let sum: i64 = waiting.iter().sum();
        let count = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        count < queue.max_count && sum.saturating_add(amount.minor) <= queue.max_minor(self.settings.currency)
    }

    /// How long a promise would stand that is made now; none where an end of day is too near.
    pub(super) fn promise_ms(&self) -> Option<u64> {
        let wished = u64::from(self.settings.trade.queue.promise_min) * 60_000;
        if self.only_stock() {
            return None;
        }
        let left = self.until_hour_ms(self.settings.trade.day_ends_at?)? - BEFORE_DAY_MS;
        let promised = u64::try_from(left).ok()?.min(wished);
        (promised >= SHORTEST_MS).then_some(promised)
    }

    /// The item of the stock that is this card, the one that ends first.
    fn stock_for(&self, offer: &Offer, taken: &[ProfileId]) -> Option<&StockItem> {
        let now = self.clock.now();
        let days = i64::from(self.settings.trade.stock_days_left);
        let card_sources = self.shelf.catalogue().equal_plans(offer);
        let fits = |item: &&StockItem| {
            let same = card_sources
                .iter()
                .any(|(provider, plan)| item.offer.provider == *provider && item.offer.plan == *plan);
            // Never below what it cost.
            let covered =
                item.offer.cost.at(&item.offer.rate).is_ok_and(|cost| {
                    cost.currency == offer.retail.currency && cost.units <= offer.retail.exact().units
                });
            let free = !self.locks.contains_key(&Lock::StockItem(item.profile));
            let meant = self.for_sale(&item.offer.provider, &item.offer.plan).is_ok();
            let untaken = !taken.contains(&item.profile);
            same && covered && free && untaken && meant && item.is_for_sale(now, days)
        };
        self.stock.iter().filter(fits).min_by_key(|item| (item.expires_ms.unwrap_or(i64::MAX), item.profile))
    }

    fn shown_first(&self, card: CardId) -> Option<Offer> {
        let meant = |provider: &_, plan: &_| self.for_sale(provider, plan).is_ok();
        self.shelf.catalogue().first_offer(card, &self.session.language, meant)
    }

    fn stock_offer(&self, shown: &Offer, taken: &[ProfileId]) -> Option<Offer> {
        let item = self.stock_for(shown, taken)?;
        let bought = &item.offer;
        Some(Offer {
            source: Source::Stock { profile: item.profile },
            provider: bought.provider.clone(),
            plan: bought.plan.clone(),
            package_code: bought.package_code.clone(),
            cost: bought.cost,
            rate: bought.rate.clone(),
            ..shown.clone()
        })
    }

    /// The card from stock, beside the items that the same basket has `taken` already.
    pub(super) fn stock_offer_beside(&self, card: CardId, taken: &[ProfileId]) -> Option<Offer> {
        self.stock_offer(&self.shown_first(card)?, taken)
    }

    /// The card as it can be sold although its provider cannot be asked: from stock, else for later.
    pub(super) fn without_order(&self, card: CardId) -> Option<Offer> {
        let shown = self.shown_first(card)?;
        if let Some(stocked) = self.stock_offer(&shown, &[]) {
            return Some(stocked);
        }
        let for_later = !self.health.online && self.queue_is_open() && self.has_queue_room(shown.retail);
        (for_later && shown.kind == Kind::Esim && !shown.slow).then_some(shown)
    }

    /// Before the card is asked: until when the traveller must come back for this card, where it can only be promised.
    pub(super) fn would_be_promised(&self, card: CardId) -> Option<String> {
        if self.health.online {
            return None;
        }
        let promised = matches!(self.without_order(card)?.source, Source::Provider);
        promised.then(|| self.promise_ms()).flatten().map(|ms| self.told_time(&self.clock.now(), ms))
    }

    /// After it: the hour that this sale was promised.
    pub(super) fn promised_time(&self, sale: &Sale) -> Option<String> {
        sale.quote.promised_ms.map(|ms| self.told_time(&sale.promised_at(), ms))
    }

    /// Local time, with its date where that is not today.
    fn told_time(&self, from: &Moment, after_ms: u64) -> String {
        let until = self.clock.local(&from.plus_ms(after_ms));
        let time = locale::time_of_day(until.time());
        if until.date() == self.clock.local(&self.clock.now()).date() {
            time
        } else {
            format!("{} {time}", locale::date(until.date(), &self.session.language))
        }
    }

    /// What can be bought although its provider cannot be asked is shown as what it is: for sale.
    pub(super) fn sellable(&self, mut plans: Vec<PlanCard>) -> Vec<PlanCard> {
        for plan in plans.iter_mut().filter(|plan| plan.unavailable.is_some() || !self.health.online) {
            let card = plan.id.parse().ok().and_then(|card| self.without_order(card));
            match card {
                Some(_) => plan.unavailable = None,
                None if !self.health.online => plan.unavailable = Some(super::view::PlanUnavailable::NotNow),
                None => {}
            }
        }
        plans
    }

    /// On every tick: what waits is ordered once the network is back, oldest first.
    pub(super) fn drain(&mut self) {
        if !self.health.online || self.is_estranged() || self.halted.is_some() || self.awaits_proof() {
            return;
        }
        let queued = |sale: &&Sale| sale.quote.promised_ms.is_some() && sale.closed.is_none();
        let asked = |sale: &&Sale| sale.goods.iter().any(|good| matches!(good.state, Goods::Asked | Goods::Accepted));
        let under_way = self.sales.values().filter(queued).filter(asked).count() + self.draining.len();
        let mut waiting: Vec<&Sale> =
            self.sales.values().filter(|sale| sale.waits_in_queue() && !self.draining.contains(&sale.id)).collect();
        // By number, not by id: ids of one millisecond, or from before a clock was set, stand in no order.
        waiting.sort_by(|one, other| one.quote.number.0.cmp(&other.quote.number.0));
        let waiting: Vec<SaleId> = waiting.into_iter().map(|sale| sale.id).collect();
        let mut room = AT_ONCE.saturating_sub(under_way);
        for id in waiting {
            if room == 0 {
                return;
            }
            room -= usize::from(self.begin_drain(id));
        }
    }

    /// Orders one sale of the queue, if its account is free. Returns whether something was begun.
    fn begin_drain(&mut self, id: SaleId) -> bool {
        let Some(choice) = self.sales.get(&id).and_then(Sale::waits_for) else { return false };
        let account = Lock::Account(choice.offer.provider.clone());
        let known = self.accounts.get(&choice.offer.provider);
        if known.is_none_or(|account| account.failed) || self.locks.contains_key(&account) {
            return false;
        }
        if !choice.locks_account {
            info!(sale = %id, "the queue orders");
            self.tell(id, &Event::Drain { balance: None });
            return true;
        }
        let reads = |other: &SaleId| {
            let choice_of_other = self.sales.get(other).and_then(Sale::waits_for);
            choice_of_other.is_some_and(|other| other.offer.provider == choice.offer.provider)
        };
        let reading = self.draining.iter().any(reads);
        let Some(provider) = self.providers.get(&choice.offer.provider).cloned().filter(|_| !reading) else {
            return false;
        };
        // The witness of such an account is its wallet, read right before the order.
        self.draining.insert(id);
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let balance = provider.balance().await;
            if inbox.send(Inbox::Duty(Box::new(Duty::QueueWallet { sale: id, balance }))).await.is_err() {
                warn!(sale = %id, "the kiosk ended before a wallet was taken; the next start reads it again");
            }
        });
        true
    }

    /// The wallet of a queue sale's account was read.
    pub(super) fn queue_wallet(&mut self, id: SaleId, balance: Outcome<Exact>) {
        self.draining.remove(&id);
        let Some(provider) = self.sales.get(&id).and_then(Sale::waits_for).map(|choice| choice.offer.provider.clone())
        else {
            return;
        };
        match balance {
            Outcome::Done(balance) => {
                self.provider_answered(provider.clone(), true, Some(balance));
                if !self.locks.contains_key(&Lock::Account(provider)) {
                    self.tell(id, &Event::Drain { balance: Some(balance) });
                }
            }
            _ => self.provider_answered(provider, false, None),
        }
    }
}
