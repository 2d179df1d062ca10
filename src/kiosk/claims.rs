//! Claim codes at the screen: the truth about a sale, its eSIM, and an eSIM that was kept for the code (sale.md 3, 10).

use tracing::{error, info};

use crate::journal::JournalError;
use crate::journal::stock::{StockItem, StockState};
use crate::money::Amount;
use crate::sale::claim::ClaimCode;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, Source};
use crate::sale::record::{Choice, GoodQuote, Quote};
use crate::sale::{Lock, Money, Sale};

use super::Kiosk;
use super::operator::{FetchedCode, OperatorAnswer};
use super::sales::NotBegun;
use super::session::{Over, Stage};
use super::view::{ClaimProblem, Printing, Selling};

/// Longest pause after a wrong code, in seconds.
const PAUSE_MAX_S: u64 = 60;
/// After so long without a wrong code at this screen, the next one counts as the first again, in ms.
const FORGIVEN_MS: u64 = 15 * 60_000;

/// Wrong codes slow the next try at this screen: 1, 2, 4 … 60 s. It belongs to the machine, not to the session: who
/// starts over gains nothing. A right code is never refused for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Throttle {
    wrong: u32,
    last: Option<Moment>,
    blocked_until: Option<Moment>,
}

impl Throttle {
    /// Milliseconds until the next try.
    pub(super) fn wait_ms(&self, now: &Moment) -> u64 {
        self.blocked_until.map_or(0, |until| until.mono_ms.saturating_sub(now.mono_ms))
    }

    fn was_wrong(&mut self, now: Moment) {
        let long_ago = self.last.is_some_and(|last| now.since(&last).is_some_and(|age| age >= FORGIVEN_MS));
        if long_ago {
            self.wrong = 0;
        }
        let pause_s = 1_u64.checked_shl(self.wrong).unwrap_or(PAUSE_MAX_S).min(PAUSE_MAX_S);
        self.wrong = self.wrong.saturating_add(1);
        self.last = Some(now);
        self.blocked_until = Some(now.plus_ms(pause_s * 1_000));
    }
}

/// Where no sale has it.
pub const NO_SUCH_CLAIM: &str = "no sale of this machine has that claim code, or its records went with the years";

impl Kiosk {
    /// A claim code was typed.
    pub(super) fn claim(&mut self, typed: &str) {
        let now = self.clock.now();
        if self.throttle.wait_ms(&now) > 0 {
            return;
        }
        let Ok(code) = ClaimCode::parse(typed) else { return self.wrong_claim(ClaimProblem::Mistyped) };
        match self.journal.find_claim(&code) {
            Err(error) => self.journal_failed(error),
            Ok(None) => self.wrong_claim(ClaimProblem::NotFound),
            Ok(Some(id)) => self.claimed(id, code),
        }
    }

    /// Which sale a code opens, for support: whoever may order may read the whole journal, and is not slowed down.
    pub(super) fn find_claim(&mut self, typed: &FetchedCode) -> OperatorAnswer {
        let code = match ClaimCode::parse(&typed.0) {
            Ok(code) => code,
            Err(why) => return OperatorAnswer::refused(why.to_string()),
        };
        match self.journal.find_claim(&code) {
            Ok(Some(id)) => OperatorAnswer { value: serde_json::json!(id), ..OperatorAnswer::done(id.to_string()) },
            Ok(None) => OperatorAnswer::refused(NO_SUCH_CLAIM),
            Err(error) => self.journal_refused(error),
        }
    }

    fn wrong_claim(&mut self, problem: ClaimProblem) {
        self.throttle.was_wrong(self.clock.now());
        self.session.claim_problem = Some(problem);
    }

    fn claimed(&mut self, id: SaleId, code: ClaimCode) {
        if !self.sales.contains_key(&id) {
            match self.journal.sale(id) {
                Ok(Some(sale)) => {
                    self.closed_over.insert(id);
                    self.sales.insert(id, sale);
                }
                Ok(None) => return self.wrong_claim(ClaimProblem::NotFound),
                Err(JournalError::Damaged { what }) => {
                    error!(sale = %id, what, "a claim code names a sale that cannot be read: a person must help");
                    self.lay_aside(id, &what);
                    self.session.claim_problem = None;
                    self.session.over = Some(Over::Help);
                    return;
                }
                Err(error) => return self.journal_failed(error),
            }
        }
        if self.interrupted.as_ref().is_some_and(|(waiting, _)| *waiting == id) {
            self.interrupted = None;
        }
        self.session.claim_problem = None;
        self.throttle = Throttle::default();
        self.claim = Some((id, code));
        self.session.stage = Stage::Truth(id);
        self.session.printing = Printing::Idle;
        self.read_stock();
    }

    /// Show the eSIM of the claimed sale.
    pub(super) fn show_claimed(&mut self, id: SaleId) {
        let may = self.sales.get(&id).is_some_and(Sale::may_claim);
        if may && !self.is_estranged() {
            self.session.stage = Stage::Sale(id);
            self.tell(id, &Event::Claimed);
        }
    }

    /// The items that are kept for the code of this sale, where they can be bought now: the sale itself is not paid, or
    /// its money is on the way back.
    pub(super) fn kept_for(&self, sale: &Sale) -> Vec<&StockItem> {
        if !matches!(sale.payment.money, Money::None | Money::Back | Money::RefundDue) || sale.closed.is_none() {
            return Vec::new();
        }
        let codes = [Some(sale.id), sale.quote.continues];
        let kept = self.stock.iter().filter(|item| {
            item.state == StockState::Reserved
                && !item.unproven
                && item.kept_for.is_some()
                && codes.contains(&item.kept_for)
                && !self.locks.contains_key(&Lock::StockItem(item.profile))
        });
        kept.collect()
    }

    /// Pay for what was kept: a new sale of exactly that at the old quoted prices, with its own code (sale.md 3, 9).
    pub(super) fn buy_kept(&mut self, id: SaleId) {
        let now = self.clock.now();
        if matches!(self.health.selling(), Selling::Paused(reason) if !self.may_sell_stock(reason)) {
            return;
        }
        self.read_stock();
        let Some(sale) = self.sales.get(&id) else { return };
        let kept = self.kept_for(sale);
        let Some(first) = kept.first() else { return };
        let offers: Vec<Offer> = kept.iter().map(|item| as_quoted(sale, item)).collect();
        let sum = offers
            .iter()
            .try_fold(Amount::new(0, sale.quote.amount.currency), |sum, offer| sum.plus(offer.retail).ok());
        let Some(amount) = sum else { return };
        let good = |offer: Offer| GoodQuote {
            choices: vec![Choice { offer, locks_account: false, balance_before: None, total_before: None }],
        };
        let quote = Quote {
            number: crate::sale::id::SaleNumber(String::new()),
            language: self.session.language.clone(),
            goods: offers.into_iter().map(good).collect(),
            amount,
            tax_rate: sale.quote.tax_rate,
            consent: sale.quote.consent.clone(),
            day: 0,
            without_paper: !self.health.can_print(),
            continues: first.kept_for,
            promised_ms: None,
        };
        match self.begin(&quote) {
            Ok(new) => {
                info!(old = %id, new = %new, "an eSIM that was kept for a claim code is bought");
                self.session.touched_at = now;
                self.enter_sale(new);
            }
            Err(NotBegun::Locked(lock)) => info!(old = %id, ?lock, "what was kept cannot be bought now"),
            Err(NotBegun::Gone | NotBegun::Journal) => {}
        }
    }
}

/// What is kept, as it was quoted in the old sale: an item that lay in stock before has another price of its own.
fn as_quoted(sale: &Sale, item: &StockItem) -> Offer {
    let stocked = Source::Stock { profile: item.profile };
    let mut goods = 0..sale.goods.len();
    let good =
        goods.find(|good| sale.goods[*good].profile == Some(item.profile) || sale.offer(*good).source == stocked);
    let Some(quoted) = good.map(|good| sale.offer(good)) else { return item.offer.clone() };
    Offer { retail: quoted.retail, title: quoted.title.clone(), rate: quoted.rate.clone(), ..item.offer.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: u64) -> Moment {
        Moment { run: 1, mono_ms, wall_ms: 0, synced: true }
    }

    /// An item that lay in stock before the old sale has a price of its own: the old sale's is the one that was said.
    #[test]
    fn what_is_kept_costs_what_was_quoted() {
        let mut sale = crate::sale::played::Played::held(&["mobilexy"]).sale;
        let profile = crate::sale::id::ProfileId::from_parts(5, 5);
        let quoted = sale.offer(0).clone();
        let offer = Offer {
            source: Source::Stock { profile },
            title: "older".to_owned(),
            retail: Amount::new(1_290, quoted.retail.currency),
            ..quoted.clone()
        };
        let item = StockItem {
            profile,
            state: StockState::Reserved,
            offer: offer.clone(),
            reference: None,
            kept_for: Some(sale.id),
            kept_ms: Some(3_600_000),
            unproven: false,
            expires_ms: None,
        };
        assert_eq!(as_quoted(&sale, &item), offer, "of another sale");
        sale.goods[0].profile = Some(profile);
        let asked = as_quoted(&sale, &item);
        assert_eq!((asked.retail, asked.title, asked.source), (quoted.retail, quoted.title, offer.source));
    }

    #[test]
    fn wrong_codes_slow_the_next_try_up_to_a_minute_and_are_forgiven_after_a_while() {
        let mut throttle = Throttle::default();
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            throttle.was_wrong(at(now));
            pauses.push(throttle.wait_ms(&at(now)) / 1_000);
            now += throttle.wait_ms(&at(now));
            assert_eq!(throttle.wait_ms(&at(now)), 0);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        throttle.was_wrong(at(now + FORGIVEN_MS));
        assert_eq!(throttle.wait_ms(&at(now + FORGIVEN_MS)), 1_000);
    }
}
