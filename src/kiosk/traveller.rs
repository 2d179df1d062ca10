//! The traveller's wishes, carried out.

use std::collections::BTreeMap;

use crate::catalogue::{CannotSell, CardId};
use crate::money::{Amount, Exact};
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::offer::{Kind, Offer, PlanKey, ProviderId, Source};
use crate::sale::record::{Choice, Consent, GoodQuote, Quote};
use crate::sale::{Lock, Money};

use super::Kiosk;
use super::accounts::covers;
use super::sales::NotBegun;
use super::session::{Stage, Wish};
use super::view::{Intent, OutOfService, PayProblem, Printing, Selling};

impl Kiosk {
    /// One wish of the traveller.
    pub(super) fn wish(&mut self, intent: &Intent) {
        let now = self.clock.now();
        match intent {
            Intent::StartOver | Intent::Done if self.may_leave() && !self.stays(intent) => return self.end_session(),
            Intent::Retry => return self.retry(),
            Intent::Knock => return self.knock(),
            Intent::SubmitPin(_) | Intent::OpenServicePage(_) | Intent::OrderService(_) | Intent::ConfirmService(_) => {
                return self.at_desk(intent);
            }
            _ => {}
        }
        // A code opens the truth about its sale on a closed machine too, as long as the journal can be asked.
        let shut = match intent {
            Intent::Start => true,
            Intent::OpenClaim => !self.health.journal,
            _ => false,
        };
        if shut && self.health.out_of_service().is_some() {
            return;
        }
        let was_attract = self.session.stage == Stage::Attract;
        let looked_at = self.looked_at().map(str::to_owned);
        let wish = self.session.on(intent, now);
        if self.looked_at().is_some_and(|plan| looked_at.as_deref() != Some(plan)) {
            self.look_at_price();
        }
        if !was_attract && self.session.stage == Stage::Attract {
            // "Back" to the first screen is a farewell too: the next touch may be somebody else's.
            return self.end_session();
        }
        match wish {
            None => {}
            Some(Wish::BeginSale) => self.read_price(),
            Some(Wish::Gather(wanted)) => self.gather(&wanted),
            Some(Wish::Cancel(id)) => self.tell(id, &Event::CancelWished),
            Some(Wish::HaveIt(id)) => self.have_it(id),
            Some(Wish::Leave(id)) => self.tell(id, &Event::Left),
            Some(Wish::Print { sale, activation }) => self.print(sale, activation),
            Some(Wish::Claim(typed)) => self.claim(&typed),
            Some(Wish::ShowClaimed(id)) => self.show_claimed(id),
            Some(Wish::BuyKept(id)) => self.buy_kept(id),
        }
    }

    /// `Done` on the receipt screen leads to "thank you" first; `StartOver` never stays.
    fn stays(&self, intent: &Intent) -> bool {
        matches!(intent, Intent::Done) && matches!(self.session.stage, Stage::Receipt(_))
    }

    /// Whether starting over is safe: never while money or goods of this session are under way.
    pub(super) fn may_leave(&self) -> bool {
        self.session.stage != Stage::Attract && !self.is_protected()
    }

    /// After "not charged": back to where the order began, with everything the traveller chose.
    fn retry(&mut self) {
        let Stage::Sale(id) = self.session.stage else { return };
        let over = self.sales.get(&id).is_some_and(|sale| sale.payment.money == Money::None && sale.payment.ended);
        if over {
            self.session.stage = self.session.stage_before_paying();
            self.session.touched_at = self.clock.now();
            self.claim = None;
            self.forget_closed();
        }
    }

    /// The offer that the traveller looks at, as it stands now.
    pub(super) fn offered(&self) -> Result<Offer, CannotSell> {
        let card: CardId = self.session.plan.as_deref().and_then(|id| id.parse().ok()).ok_or(CannotSell::Gone)?;
        let standing = |provider: &ProviderId, plan: &PlanKey, cost| self.standing(provider, plan, cost);
        let ordered = self.shelf.catalogue().offer(card, &self.session.language, standing);
        match ordered {
            Ok(offer) if self.health.online => Ok(offer),
            _ => self.without_order(card).ok_or_else(|| ordered.err().unwrap_or(CannotSell::Down)),
        }
    }

    /// The sale begins, with `wallet` as the witness of its order and `others` as those of the accounts that are next.
    pub(super) fn begin_with(&mut self, offer: &Offer, wallet: Option<Exact>, others: &BTreeMap<ProviderId, Exact>) {
        if let Selling::Paused(reason) = self.health.selling() {
            return self.not_begun(PayProblem::NoCards(reason));
        }
        let from_stock = matches!(offer.source, Source::Stock { .. });
        if !from_stock && self.only_stock() {
            return self.not_begun(PayProblem::NoCards(OutOfService::TerminalBusy));
        }
        let promised_ms = if self.health.online || from_stock { None } else { self.promise_ms() };
        if !self.health.online && !from_stock && (promised_ms.is_none() || !self.has_queue_room(offer.retail)) {
            return self.not_begun(PayProblem::NoCards(OutOfService::Network));
        }
        let choices = self.choices(offer, wallet, others, promised_ms);
        let quote = self.quote(vec![GoodQuote { choices }], offer.retail, promised_ms);
        self.begin_quoted(&quote);
    }

    /// A good as it is quoted: the offer, and after it the equal plans that could be ordered instead.
    pub(super) fn choices(
        &self,
        offer: &Offer,
        wallet: Option<Exact>,
        others: &BTreeMap<ProviderId, Exact>,
        promised_ms: Option<u64>,
    ) -> Vec<Choice> {
        let mut choices = vec![self.choice(offer.clone(), wallet)];
        if !matches!((&offer.source, &offer.kind), (Source::Provider, Kind::Esim)) {
            return choices;
        }
        let standing = |provider: &ProviderId, plan: &PlanKey, cost| match promised_ms {
            // What stands in the way now may not do so when the queue is drained.
            Some(_) => self.for_sale(provider, plan),
            None => self.standing(provider, plan, cost),
        };
        for next in self.shelf.catalogue().alternatives(offer, &self.session.language, standing) {
            let read = others.get(&next.provider).copied();
            let choice = self.choice(next, read);
            // An old balance is no witness: without a fresh one that covers the cost there is no such choice. The queue
            // reads the wallet before it orders.
            let witnessed = read.is_some_and(|wallet| covers(&wallet, &choice.offer.cost));
            if promised_ms.is_some() || !choice.locks_account || witnessed {
                choices.push(choice);
            }
        }
        choices
    }

    /// What is agreed with the traveller of this session.
    pub(super) fn quote(&self, goods: Vec<GoodQuote>, amount: Amount, promised_ms: Option<u64>) -> Quote {
        let legal = self.settings.legal(&self.session.language);
        Quote {
            number: crate::sale::id::SaleNumber(String::new()),
            language: self.session.language.clone(),
            goods,
            amount,
            tax_rate: self.settings.tax_rate,
            consent: Consent {
                terms_version: legal.terms_version.clone(),
                privacy_version: legal.privacy_version.clone(),
                immediate_delivery: self.session.terms_accepted,
            },
            day: 0,
            without_paper: !self.health.can_print(),
            continues: None,
            promised_ms,
        }
    }

    /// The sale begins with all its locks, or the screen says why not.
    pub(super) fn begin_quoted(&mut self, quote: &Quote) {
        match self.begin(quote) {
            Ok(id) => self.enter_sale(id),
            Err(NotBegun::Locked(Lock::Terminal)) => {
                self.not_begun(PayProblem::NoCards(OutOfService::EarlierPayment));
            }
            Err(NotBegun::Locked(_) | NotBegun::Gone) => self.not_begun(PayProblem::PlanGone),
            Err(NotBegun::Journal) => self.not_begun(PayProblem::NoCards(OutOfService::Journal)),
        }
    }

    /// A sale of this session begins: its facts decide the screen from here on.
    pub(super) fn enter_sale(&mut self, id: SaleId) {
        self.session.stage = Stage::Sale(id);
        self.session.touched_at = self.clock.now();
        self.session.printing = Printing::Idle;
        self.preparing_since = None;
        self.says = super::TerminalSays { prompt: crate::payment::Prompt::Starting, text: None };
    }

    fn choice(&self, offer: Offer, balance_before: Option<Exact>) -> Choice {
        let guard = self.providers.get(&offer.provider).map(|provider| provider.guard(&offer));
        Choice {
            locks_account: matches!(offer.source, Source::Provider)
                && guard.is_none_or(crate::esim::DuplicateGuard::needs_account_lock),
            offer,
            balance_before,
            total_before: None,
        }
    }

    /// After every event: what the session's own sale means for its stage.
    pub(super) fn follow_sale(&mut self) {
        let Stage::Sale(id) = self.session.stage else { return };
        let Some(sale) = self.sales.get(&id) else { return };
        let now = self.clock.now();
        match sale.payment.money {
            Money::Held | Money::Committing => {
                if self.preparing_since.is_none() {
                    self.preparing_since = Some(now);
                }
                self.session.touched_at = now;
            }
            Money::Asked | Money::Releasing => self.session.touched_at = now,
            Money::Paid if sale.waits_in_queue() && self.session.printing == Printing::Idle => {
                // The paper says until when to come back, and with which code.
                self.session.touched_at = now;
                self.session.printing = Printing::Working;
                self.print(id, false);
            }
            // A top-up or a number is used up when it is done: nothing is handed over.
            Money::Paid if sale.all_exposed() && !sale.has_codes() && !sale.acknowledged => self.have_it(id),
            Money::Paid if sale.may_reveal() && !sale.traveller_gone && self.revealed.is_none() => {
                self.session.touched_at = now;
                self.tell(id, &Event::HandOver);
            }
            _ => {}
        }
    }
}
