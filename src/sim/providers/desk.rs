//! What every provider's counter has in common: wallet, ledger, catalogue, clock, codes, and how strict it is.

use std::collections::VecDeque;

use super::Provider;
use super::catalogue::{Catalogue, Plan};
use super::clock::Clock;
use super::codes::CodePress;
use super::esim::{Esim, EsimState, Wait};
use super::fault::Trick;
use super::ledger::{Goods, Ledger, OrderState, SoldOrder};
use super::price::Units;
use super::quirks::Quirks;

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests.
    pub requests: usize,
    /// Seconds.
    pub per_s: i64,
}

/// A provider's counter.
pub(super) struct Desk {
    pub(super) provider: Provider,
    pub(super) clock: Clock,
    pub(super) codes: CodePress,
    pub(super) catalogue: Catalogue,
    pub(super) ledger: Ledger,
    /// The trick that the present call meets.
    pub(super) trick: Option<Trick>,
    pub(super) rate: Option<RateLimit>,
    pub(super) quirks: Quirks,
    /// Every sold profile.
    pub(super) esims: Vec<Esim>,
    /// Where this provider answers.
    pub(super) base_url: String,
    recent: VecDeque<i64>,
}

/// How full the rate window is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) limit: usize,
    pub(super) remaining: usize,
    /// Seconds since 1970 when the window is free again.
    pub(super) reset_s: i64,
    pub(super) exceeded: bool,
}

/// What a purchase writes into the ledger.
pub(super) struct Purchase<'a> {
    pub(super) goods: Goods,
    pub(super) reference: String,
    pub(super) plan: String,
    pub(super) plan_name: String,
    pub(super) quantity: u32,
    pub(super) price: Units,
    pub(super) lpa: Vec<String>,
    pub(super) iccid: Vec<String>,
    pub(super) esim_ids: Vec<String>,
    pub(super) client_reference: Option<&'a str>,
    pub(super) customer_name: Option<&'a str>,
    pub(super) request_id: Option<&'a str>,
    pub(super) pending: bool,
}

impl Purchase<'_> {
    /// A purchase of one thing at the plan's price; the rest is filled in.
    pub(super) fn of(goods: Goods, reference: String, plan: String, plan_name: String, price: Units) -> Self {
        Purchase {
            goods,
            reference,
            plan,
            plan_name,
            quantity: 1,
            price,
            lpa: Vec::new(),
            iccid: Vec::new(),
            esim_ids: Vec::new(),
            client_reference: None,
            customer_name: None,
            request_id: None,
            pending: false,
        }
    }
}

/// What was sold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sold {
    /// The ledger's number.
    pub(super) order: u64,
    /// Where its eSIMs begin.
    pub(super) first: usize,
    /// The answer must say that it failed.
    pub(super) deaf: bool,
}

impl Desk {
    pub(super) fn open(catalogue: Catalogue, codes: CodePress, ledger: Ledger) -> Desk {
        let provider = ledger.provider;
        let clock = Clock::default();
        Desk {
            provider,
            clock,
            codes,
            catalogue,
            ledger,
            trick: None,
            rate: None,
            quirks: Quirks::default(),
            esims: Vec::new(),
            base_url: String::new(),
            recent: VecDeque::new(),
        }
    }

    /// Counts something that a real provider would frown at.
    pub(super) fn dislike(&mut self, what: &str) {
        self.ledger.dislike(what);
    }

    /// Whether the present call meets this trick; if so it is used up.
    pub(super) fn tricked(&mut self, which: &Trick) -> bool {
        let hit = self.trick.as_ref() == Some(which);
        if hit {
            self.trick = None;
        }
        hit
    }

    /// Tricks about the plan and the wallet, which all providers know: raises the price, takes the plan off sale or
    /// empties the wallet for this call. Returns whether the wallet counts as too small.
    pub(super) fn tricks_before_sale(&mut self, plan: u32) -> bool {
        match self.trick.clone() {
            Some(Trick::PriceRises(percent)) => {
                self.trick = None;
                if let Some(plan) = self.catalogue.by_id_mut(plan) {
                    plan.price = plan.price.raised(percent);
                }
                false
            }
            Some(Trick::PlanGone) => {
                self.trick = None;
                if let Some(plan) = self.catalogue.by_id_mut(plan) {
                    plan.gone = true;
                }
                false
            }
            Some(Trick::NoFunds) => {
                self.trick = None;
                true
            }
            _ => false,
        }
    }

    /// A plan on sale, by its id.
    pub(super) fn on_sale(&self, id: u32) -> Option<Plan> {
        self.catalogue.by_id(id).filter(|plan| !plan.gone).cloned()
    }

    /// Takes the money and writes the order. The wallet must have been looked at before.
    pub(super) fn sell(&mut self, purchase: Purchase<'_>) -> u64 {
        let number = self.ledger.orders.len() as u64 + 1;
        let at_ms = self.clock.now_ms();
        let wallet_before = self.ledger.balance;
        let cost = Units::ZERO - purchase.price;
        self.ledger.move_money(at_ms, "order", cost, Some(number));
        self.ledger.orders.push(SoldOrder {
            number,
            at_ms,
            goods: purchase.goods,
            reference: purchase.reference,
            plan: purchase.plan,
            plan_name: purchase.plan_name,
            quantity: purchase.quantity,
            price: purchase.price,
            wallet_before,
            wallet_after: self.ledger.balance,
            lpa: purchase.lpa,
            iccid: purchase.iccid,
            esim_ids: purchase.esim_ids,
            client_reference: purchase.client_reference.map(str::to_owned),
            customer_name: purchase.customer_name.map(str::to_owned),
            request_ids: purchase.request_id.map(str::to_owned).into_iter().collect(),
            replays: 0,
            state: if purchase.pending { OrderState::Pending } else { OrderState::Completed },
            answered: false,
        });
        number
    }

    /// When the profile of the present order comes: a trick, or the plan's own slowness.
    pub(super) fn wait_of(&mut self, plan: &Plan) -> Wait {
        match self.trick.clone() {
            Some(Trick::PendingLookUps(count)) => {
                self.trick = None;
                Wait::LookUps(count)
            }
            Some(Trick::PendingFor(time)) => {
                self.trick = None;
                Wait::UntilMs(self.clock.now_ms().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
            }
            Some(Trick::MissingLpa) => {
                self.trick = None;
                Wait::Never
            }
            _ if plan.slow && self.provider == Provider::Esimfly => Wait::LookUps(2),
            _ => Wait::Ready,
        }
    }

    /// Looks at one eSIM, which may become ready by it; completes its order when it is.
    pub(super) fn look_at(&mut self, index: usize) -> bool {
        let now_ms = self.clock.now_ms();
        let Some(esim) = self.esims.get_mut(index) else { return false };
        let ready = esim.looked_at(now_ms);
        let order = esim.order;
        if ready
            && let Some(order) = self.ledger.order_mut(order)
            && order.state == OrderState::Pending
        {
            order.state = OrderState::Completed;
        }
        ready
    }

    /// The place of the eSIM with this card number or id.
    pub(super) fn find_esim(&self, name: &str) -> Option<usize> {
        self.esims.iter().position(|esim| esim.profile.iccid == name || esim.id == name)
    }

    /// Sells `ids.len()` eSIMs of a plan as one order, with what the tricks of this call want. Returns the order's
    /// number and the place of its first eSIM.
    pub(super) fn sell_esims(&mut self, plan: &Plan, ids: Vec<String>, mut purchase: Purchase<'_>, wait: Wait) -> Sold {
        let shown = match self.trick.clone() {
            Some(Trick::Lpa(text)) => Some(text),
            _ => None,
        };
        let deaf = self.tricked(&Trick::ChargedAndRefused);
        let now_s = self.clock.now_s();
        let profiles: Vec<_> = ids.iter().map(|_| self.codes.profile()).collect();
        purchase.lpa = profiles.iter().map(|profile| profile.lpa.clone()).collect();
        purchase.iccid = profiles.iter().map(|profile| profile.iccid.clone()).collect();
        purchase.esim_ids.clone_from(&ids);
        let order = self.sell(purchase);
        let first = self.esims.len();
        self.esims.extend(ids.into_iter().zip(profiles).map(|(id, profile)| Esim {
            id,
            profile,
            shown: shown.clone(),
            order,
            plan: plan.id,
            total: plan.allowance(),
            used: 0,
            days: plan.days,
            created_s: now_s,
            expires_s: now_s + 180 * 86_400,
            state: if wait == Wait::Ready { EsimState::Ready } else { EsimState::New },
            wait,
        }));
        Sold { order, first, deaf }
    }

    /// Returns an order's money and marks it cancelled.
    pub(super) fn refund(&mut self, number: u64) {
        let at_ms = self.clock.now_ms();
        let Some(order) = self.ledger.order_mut(number) else { return };
        if order.state == OrderState::Cancelled {
            return;
        }
        order.state = OrderState::Cancelled;
        let price = order.price;
        self.ledger.move_money(at_ms, "refund", price, Some(number));
    }

    /// Counts one request against the rate limit.
    pub(super) fn count_request(&mut self) -> Option<Rate> {
        let limit = self.rate?;
        let now = self.clock.now_s();
        while self.recent.front().is_some_and(|at| *at <= now - limit.per_s) {
            self.recent.pop_front();
        }
        let exceeded = self.recent.len() >= limit.requests;
        if exceeded {
            self.ledger.dislike("over_rate_limit");
        } else {
            self.recent.push_back(now);
        }
        let reset_s = self.recent.front().copied().unwrap_or(now) + limit.per_s;
        let remaining = limit.requests - self.recent.len().min(limit.requests);
        Some(Rate { limit: limit.requests, remaining, reset_s, exceeded })
    }
}
