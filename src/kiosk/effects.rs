//! Effects through the contracts; every answer comes back through the inbox.

use std::time::Duration;

use tracing::{error, warn};

use crate::esim::OrderRequest;
use crate::payment::{AuthoriseRequest, QueryTag, TerminalOrder};
use crate::sale::effect::Effect;
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::Offer;
use crate::sale::transaction::{Ending, LastTransaction, ReversalOutcome};

use super::Kiosk;
use super::inbox::{Inbox, Question};

impl Kiosk {
    /// Performs one effect whose records are on disk.
    pub(super) fn perform(&mut self, id: SaleId, effect: Effect) {
        match effect {
            Effect::ReadBaseline => self.read_baseline(id),
            Effect::Authorise => self.authorise(id),
            Effect::Abort => {
                // The traveller reads what the terminal says; a lost abort changes nothing about the money.
                if self.terminal.order(TerminalOrder::Abort { sale: id }).is_err() {
                    warn!(sale = %id, "the abort was not taken by the terminal");
                }
            }
            Effect::Answer { approval, answer } => {
                if self.terminal.order(TerminalOrder::Answer { sale: id, approval, answer }).is_err() {
                    // The terminal repeats its approval or reverses by itself; either is an event.
                    warn!(sale = %id, ?answer, "the answer was not taken by the terminal");
                }
            }
            Effect::Order { good, offer, balance_before } => self.send_order(id, good, &offer, balance_before),
            Effect::ReadWallet { good, provider } => self.read_wallet(id, good, provider),
            Effect::Cancel { good, reference, after_ms } => self.cancel_number(id, good, reference, after_ms),
            Effect::LookUp { good, after_ms } => self.send_look_up(id, good, after_ms),
            Effect::Fetch { good, reference, after_ms } => self.send_fetch(id, good, reference, after_ms),
            Effect::QueryCharged { after_ms } => self.ask_later(id, Question::Charged, after_ms),
            Effect::QueryReversed { after_ms } => self.ask_later(id, Question::Reversed, after_ms),
            Effect::Reverse => self.reverse(id),
            Effect::Reveal => self.reveal(id),
            Effect::Print { .. } => {}
        }
    }

    fn read_baseline(&mut self, id: SaleId) {
        let order = TerminalOrder::Query { tag: QueryTag::Baseline(id), patience_s: self.settings.baseline_patience_s };
        if self.terminal.order(order).is_err() {
            let last = LastTransaction::Silent { evidence: "the terminal's line is not being served".to_owned() };
            self.later.push_back((id, Event::BaselineRead { last, totals: None }));
        }
    }

    fn authorise(&mut self, id: SaleId) {
        let Some(sale) = self.sales.get(&id) else { return };
        let request = AuthoriseRequest {
            sale: id,
            amount: sale.quote.amount,
            hold_seconds: self.settings.hold_seconds,
            hold_count: self.settings.hold_count,
            language: sale.quote.language.clone(),
            printer_ready: self.health.can_print(),
            last_good_receipt: None,
        };
        if self.terminal.order(TerminalOrder::Authorise(request)).is_err() {
            // Not taken means that nothing was sent: the card was never asked.
            self.later.push_back((id, Event::Ended(Ending::NotStarted { result_code: 0 })));
        }
    }

    fn reverse(&mut self, id: SaleId) {
        let Some(sale) = self.sales.get(&id) else { return };
        let Some(receipt) = sale.payment.paid_as.as_ref().and_then(|key| key.receipt.clone()) else { return };
        let trace = sale.payment.paid_as.as_ref().and_then(|key| key.trace.clone());
        let order = TerminalOrder::Reverse { sale: id, receipt, trace, amount: sale.quote.amount };
        if self.terminal.order(order).is_err() {
            let outcome = ReversalOutcome::Unknown { evidence: "the terminal's line is not being served".to_owned() };
            self.later.push_back((id, Event::Reversed(outcome)));
        }
    }

    fn ask_later(&self, sale: SaleId, question: Question, after_ms: u64) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            if inbox.send(Inbox::Ask { sale, question }).await.is_err() {
                warn!(%sale, "the kiosk ended before a question was asked; the next start asks it");
            }
        });
    }

    /// The time has come to ask the terminal about a sale.
    pub(super) fn ask_terminal(&mut self, id: SaleId, question: Question) {
        let tag = match question {
            Question::Charged => QueryTag::Charged(id),
            Question::Reversed => QueryTag::Reversed(id),
        };
        let patience_s = self.settings.rest_patience_s;
        if self.terminal.order(TerminalOrder::Query { tag, patience_s }).is_err() {
            let last = LastTransaction::Silent { evidence: "the terminal's line is not being served".to_owned() };
            let event = match question {
                Question::Charged => Event::Charged { last, totals: None, at_rest: false, bound_elsewhere: false },
                Question::Reversed => Event::StillCharged { last, at_rest: false },
            };
            self.later.push_back((id, event));
        }
    }

    fn request(
        &self,
        id: SaleId,
        good: u8,
        offer: &Offer,
        balance_before: Option<crate::money::Exact>,
    ) -> Option<OrderRequest> {
        let sale = self.sales.get(&id)?;
        let choices = &sale.quote.goods.get(usize::from(good))?.choices;
        Some(OrderRequest {
            key: sale.key(good),
            offer: offer.clone(),
            balance_before,
            total_before: choices.iter().find(|choice| choice.offer == *offer).and_then(|choice| choice.total_before),
            label: sale.quote.number.to_string(),
        })
    }

    /// The request as it was recorded, rebuilt from the sale.
    fn recorded_request(&self, id: SaleId, good: u8) -> Option<(OrderRequest, Moment)> {
        let sale = self.sales.get(&id)?;
        let known = sale.goods.get(usize::from(good))?;
        let choices = &sale.quote.goods.get(usize::from(good))?.choices;
        let choice = choices.get(known.choice.min(choices.len().checked_sub(1)?))?;
        let request = self.request(id, good, &choice.offer, known.balance_before)?;
        Some((request, known.sent_at?))
    }

    fn send_order(&self, id: SaleId, good: u8, offer: &Offer, balance_before: Option<crate::money::Exact>) {
        let inbox = self.inbox.clone();
        let provider = self.providers.get(&offer.provider).cloned();
        let request = self.request(id, good, offer, balance_before);
        tokio::spawn(async move {
            let outcome = match (provider, request) {
                (Some(provider), Some(request)) => provider.order(&request).await,
                _ => crate::esim::OrderOutcome::NeverSent("no such account is configured".to_owned()),
            };
            if inbox.send(Inbox::Ordered { sale: id, good, outcome }).await.is_err() {
                warn!(sale = %id, "the kiosk ended before a provider's answer was taken; the next start asks again");
            }
        });
    }

    fn send_look_up(&mut self, id: SaleId, good: u8, after_ms: u64) {
        let Some((request, sent_at)) = self.recorded_request(id, good) else {
            error!(sale = %id, good, "an order that was never sent cannot be looked up");
            return;
        };
        let provider = self.providers.get(&request.offer.provider).cloned();
        let inbox = self.inbox.clone();
        let at = jiff::Timestamp::from_millisecond(sent_at.wall_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let taken = match self.journal.order_references(&request.offer.provider) {
            Ok(taken) => taken,
            Err(error) => return self.journal_failed(error),
        };
        let sent = crate::esim::Sent { at, taken };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            let found = match provider {
                Some(provider) => provider.look_up(&request, &sent).await,
                None => {
                    crate::esim::LookUp::Undecidable { evidence: "the account is not configured any more".to_owned() }
                }
            };
            if inbox.send(Inbox::LookedUp { sale: id, good, found }).await.is_err() {
                warn!(sale = %id, "the kiosk ended before a look-up was taken");
            }
        });
    }

    fn send_fetch(&mut self, id: SaleId, good: u8, reference: crate::sale::offer::OrderReference, after_ms: u64) {
        let Some((request, _)) = self.recorded_request(id, good) else {
            error!(sale = %id, good, "an order that was never sent cannot be fetched");
            return;
        };
        let account = &request.offer.provider;
        let Some(provider) = self.providers.get(account).cloned() else {
            // Silence would leave it accepted for ever, and its money kept.
            let evidence =
                format!("order {} is bought, and its account {account} is not configured any more", reference.0);
            self.later.push_back((id, Event::Goods { good, news: GoodsNews::Undecidable(evidence) }));
            return;
        };
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            let outcome = provider.fetch(&request, &reference).await;
            if inbox.send(Inbox::Ordered { sale: id, good, outcome }).await.is_err() {
                warn!(sale = %id, "the kiosk ended before an answer was taken");
            }
        });
    }
}
