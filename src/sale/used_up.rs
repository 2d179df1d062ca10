//! Goods that are used up when they are ordered: top-ups and numbers (sale.md 9). Done, they count as shown for every
//! rule but the commit, and never go into stock.

use super::effect::Effect;
use super::event::Cancellation;
use super::offer::Kind;
use super::record::{CaseKind, Record};
use super::settle::Draft;
use super::{Goods, Money, Sale};

/// A provider that refused the end of a subscription so often in one run is left to a person.
const REFUSALS: u8 = 3;

impl Sale {
    /// A number whose subscription was not ended yet, with nobody weighing it.
    fn number_runs(&self, good: usize) -> bool {
        let known = &self.goods[good];
        matches!(self.offer(good).kind, Kind::Number { .. })
            && known.state == Goods::Stored
            && !known.cancelled
            && !self.cases.iter().any(|case| case.kind == CaseKind::NumberRuns && case.names(good))
    }

    /// Nothing of this sale runs on that must be ended first.
    pub(super) fn nothing_runs(&self) -> bool {
        !(0..self.goods.len()).any(|good| self.number_runs(good))
    }

    /// A top-up that only a person decides any more: its witness is the wallet, and that was freed with the case.
    pub fn is_asked_no_more(&self, good: usize) -> bool {
        let Some(known) = self.goods.get(good) else { return false };
        let choices = &self.quote.goods[good].choices;
        let choice = &choices[known.choice.min(choices.len() - 1)];
        matches!(choice.offer.kind, Kind::TopUp { .. }) && choice.locks_account && known.evidence_in_case
    }
}

impl Draft<'_> {
    /// What follows for goods that are used up, wherever the money is: the end of a number's subscription is sent
    /// right after its activation; a top-up without an answer, whose money is not taken, is a case.
    pub(super) fn settle_used_up(&mut self) {
        for index in 0..self.sale.goods.len() {
            let good = u8::try_from(index).unwrap_or(u8::MAX);
            if self.sale.number_runs(index) && self.sale.goods[index].cancelling.is_none() {
                self.sale.goods[index].cancelling = Some(0);
                self.record(Record::CancelSent { good });
                self.cancel(index, 0);
            }
            let given_up = matches!(self.money(), Money::Releasing | Money::None | Money::Back | Money::RefundDue);
            let known = &self.sale.goods[index];
            let doubted = known.state == Goods::Unknown && !known.evidence_in_case;
            if given_up && doubted && matches!(self.sale.offer(index).kind, Kind::TopUp { .. }) {
                self.open_case_of(good, CaseKind::OrderInDoubt, "a top-up had no answer, and its payment is not taken");
            }
        }
    }

    fn cancel(&mut self, index: usize, after_ms: u64) {
        let Some(reference) = self.sale.goods[index].reference.clone() else { return };
        self.effect(Effect::Cancel { good: u8::try_from(index).unwrap_or(u8::MAX), reference, after_ms });
    }

    /// The end of this number's subscription was asked for so long ago that a person must look after it.
    fn is_over_due(&self, good: usize) -> bool {
        let asked = self.sale.goods[good].cancel_sent_at;
        asked.is_some_and(|at| self.now.at_least_since(&at) >= self.terms.claim_ms)
    }

    /// The provider was asked to end a subscription.
    pub(super) fn cancelled(&mut self, good: u8, answer: &Cancellation) {
        let index = usize::from(good);
        let Some(refused) = self.sale.goods.get(index).and_then(|good| good.cancelling) else { return };
        if !self.sale.number_runs(index) {
            return;
        }
        match answer {
            Cancellation::Accepted => self.record(Record::CancelTaken { good }),
            Cancellation::NoAnswer(why) if self.is_over_due(index) => {
                let evidence = format!("the provider does not answer to the end of the number's subscription: {why}");
                self.open_case_of(good, CaseKind::NumberRuns, &evidence);
            }
            Cancellation::NoAnswer(_) => {
                let after_ms = self.next_wait(good, &self.terms.look_up_ms.clone());
                self.cancel(index, after_ms);
            }
            Cancellation::Refused(why) if refused + 1 >= REFUSALS => {
                let evidence = format!("the provider does not end the number's subscription: {why}");
                self.open_case_of(good, CaseKind::NumberRuns, &evidence);
            }
            Cancellation::Refused(_) => {
                self.sale.goods[index].cancelling = Some(refused + 1);
                let after_ms = self.next_wait(good, &self.terms.look_up_ms.clone());
                self.cancel(index, after_ms);
            }
        }
    }
}
