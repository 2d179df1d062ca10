//! Ordering goods: stock is at hand at once, the goods of one account follow one after the other (sale.md 7), and a
//! wallet that is the only witness is read again before each order after the first.

use super::effect::Effect;
use super::offer::{ProviderId, Source};
use super::record::Record;
use super::settle::Draft;
use super::{Goods, Money, Sale};
use crate::money::Exact;

impl Sale {
    /// The account that the next order of a good would go to; none where nothing is left to try, or it is in stock.
    fn account_of(&self, good: usize) -> Option<&ProviderId> {
        let choice = self.quote.goods[good].choices.get(self.goods[good].choice)?;
        matches!(choice.offer.source, Source::Provider).then_some(&choice.offer.provider)
    }

    /// Another good of this sale is being ordered at the account of this one, or its wallet is being read for it.
    fn waits_for_account(&self, good: usize) -> bool {
        let Some(account) = self.account_of(good) else { return false };
        let busy = |other: usize| {
            let known = &self.goods[other];
            let under_way = matches!(known.state, Goods::Asked | Goods::Unknown) || known.reading;
            under_way && self.account_of(other) == Some(account)
        };
        (0..self.goods.len()).any(|other| other != good && busy(other))
    }

    /// The wallet of the quote is no witness any more: an order of this sale went to that account after it was read.
    fn wallet_is_old(&self, good: usize) -> bool {
        let Some(choice) = self.quote.goods[good].choices.get(self.goods[good].choice) else { return false };
        let spent = |other: usize| {
            let choices = &self.quote.goods[other].choices;
            let tried = self.goods[other].choice.saturating_add(1).min(choices.len());
            other != good
                && self.goods[other].sent_at.is_some()
                && choices[..tried].iter().any(|tried| tried.offer.provider == choice.offer.provider)
        };
        choice.locks_account && choice.balance_before.is_some() && (0..self.goods.len()).any(spent)
    }

    /// Nothing is left to try for this good, or nobody tries any more: what was in doubt once is never failed over.
    pub(super) fn is_hopeless(&self, good: usize) -> bool {
        let known = &self.goods[good];
        match known.state {
            Goods::Absent => true,
            Goods::None => known.choice >= self.quote.goods[good].choices.len(),
            Goods::Asked | Goods::Accepted | Goods::Stored | Goods::Unknown => false,
        }
    }

    /// A good that nobody was asked for yet, since its account is busy with another one of this sale.
    pub(super) fn waits_its_turn(&self, good: usize) -> bool {
        let known = &self.goods[good];
        known.state == Goods::None && known.sent_at.is_none() && (known.reading || self.waits_for_account(good))
    }
}

impl Draft<'_> {
    /// Orders every good that waits and whose account is free. Once one of them is not to be had, none is bought any
    /// more: all or nothing (sale.md 9).
    pub(super) fn order_all(&mut self) {
        if (0..self.sale.goods.len()).any(|good| self.sale.is_hopeless(good)) {
            return;
        }
        for index in 0..self.sale.goods.len() {
            let good = &self.sale.goods[index];
            if good.state == Goods::None && !good.reading && !self.sale.waits_for_account(index) {
                self.order(index);
            }
        }
    }

    /// Paid first, ordered after: what was never sent and whose turn it is. A refusal is not tried again elsewhere
    /// (sale.md 8). Returns whether something was sent, or a wallet is asked for it.
    pub(super) fn order_unsent(&mut self) -> bool {
        let missed =
            |good: &super::Good| good.state == Goods::Absent || good.state == Goods::None && good.sent_at.is_some();
        if self.sale.goods.iter().any(missed) {
            return false;
        }
        let mut began = false;
        for index in 0..self.sale.goods.len() {
            let good = &self.sale.goods[index];
            let unsent = good.state == Goods::None && good.sent_at.is_none() && good.choice == 0 && !good.reading;
            if unsent && !self.sale.waits_for_account(index) {
                self.order(index);
                began = true;
            }
        }
        began
    }

    /// Orders the first good of a queue sale that waits, with the wallet that was read for this step. One at a time:
    /// each good has its own account, and the wallet is one account's.
    pub(super) fn order_waiting(&mut self, balance: Option<Exact>) {
        let waiting = (0..self.sale.goods.len()).find_map(|good| Some((good, self.sale.next_choice(good)?)));
        if let Some((good, choice)) = waiting {
            self.order_choice(good, choice, balance);
        }
    }

    /// The wallet that a good waited for was read, or was not: without a witness nothing is sent.
    pub(super) fn wallet_read(&mut self, good: u8, balance: Option<Exact>) {
        let index = usize::from(good);
        let waits = self.sale.goods.get(index).is_some_and(|good| good.reading);
        if !waits {
            return;
        }
        self.sale.goods[index].reading = false;
        if self.sale.goods[index].state != Goods::None || !self.may_order() {
            return;
        }
        match balance {
            Some(_) => self.order_choice(index, self.sale.goods[index].choice, balance),
            None => self.order_refused(good, "never sent: the wallet could not be read before it"),
        }
    }

    /// On a terminal that cannot hold the traveller pays first and waits, however the payment came to be known: one that
    /// was asked for after an outage has no decision behind it.
    pub(super) fn orders_paid(&self) -> bool {
        !self.terms.can_hold && !self.sale.traveller_gone && self.sale.quote.promised_ms.is_none()
    }

    /// An order may go out for this sale now: the approval waits and nothing is decided; or, on a terminal that cannot
    /// hold, the traveller has paid and waits.
    fn may_order(&self) -> bool {
        let payment = &self.sale.payment;
        match payment.money {
            Money::Held => payment.decision.is_none() && self.sale.inside_hold(&self.now, self.terms),
            Money::Paid => self.orders_paid(),
            _ => false,
        }
    }

    fn order(&mut self, index: usize) {
        let place = self.sale.goods[index].choice;
        if self.sale.wallet_is_old(index) {
            let provider = self.sale.quote.goods[index].choices[place].offer.provider.clone();
            self.sale.goods[index].reading = true;
            return self.effect(Effect::ReadWallet { good: u8::try_from(index).unwrap_or(u8::MAX), provider });
        }
        self.order_choice(index, place, None);
    }

    fn order_choice(&mut self, index: usize, place: usize, balance: Option<Exact>) {
        let good = u8::try_from(index).unwrap_or(u8::MAX);
        let Some(choice) = self.sale.quote.goods[index].choices.get(place).cloned() else { return };
        if let Source::Stock { profile } = choice.offer.source {
            self.record(Record::Stored { good, reference: None, profile: Some(profile), iccid: None, charged: None });
            return;
        }
        let offer = Box::new(choice.offer);
        let balance_before = balance.or(choice.balance_before);
        self.record(Record::OrderSent { good, offer: offer.clone(), balance_before });
        self.effect(Effect::Order { good, offer, balance_before });
    }

    /// Refused or never sent: the next choice, as long as the hold leaves time; its account was locked with the first
    /// one's. A queue sale only writes the refusal down: the account of its next choice may be somebody else's just
    /// now, and a step that the journal refuses for that would lose the refusal with it. The drain orders.
    pub(super) fn order_refused(&mut self, good: u8, detail: &str) {
        self.record(Record::OrderRefused { good, detail: detail.to_owned() });
        let undecided = self.money() == Money::Held && self.sale.payment.decision.is_none();
        if undecided && self.sale.inside_hold(&self.now, self.terms) {
            self.order_all();
        }
    }
}
