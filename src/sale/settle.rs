//! The draft of a step, and the table of money and goods that is applied until nothing more follows.

use super::effect::Effect;
use super::moment::Moment;
use super::record::{CaseKind, Closing, Entry, Record, ReleaseReason};
use super::transaction::Answer;
use super::{Decision, Good, Goods, Money, Sale, Step, Terms};

/// A step in the making: every record is applied at once, so that the next rule sees it.
pub(super) struct Draft<'a> {
    pub(super) sale: Sale,
    pub(super) now: Moment,
    pub(super) terms: &'a Terms,
    record: Vec<Entry>,
    effects: Vec<Effect>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(sale: &Sale, now: Moment, terms: &'a Terms) -> Self {
        Draft { sale: sale.clone(), now, terms, record: Vec::new(), effects: Vec::new() }
    }

    pub(super) fn money(&self) -> Money {
        self.sale.payment.money
    }

    pub(super) fn record(&mut self, record: Record) {
        let entry = Entry { at: self.now, record };
        self.sale.apply(&entry);
        self.record.push(entry);
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn finish(self) -> Step {
        Step { next: self.sale, record: self.record, effects: self.effects }
    }

    pub(super) fn open_case(&mut self, case: CaseKind, evidence: &str) {
        self.record(Record::CaseOpened { case, evidence: evidence.to_owned(), good: None });
    }

    /// A case about one good: the others of a basket go on.
    pub(super) fn open_case_of(&mut self, good: u8, case: CaseKind, evidence: &str) {
        self.record(Record::CaseOpened { case, evidence: evidence.to_owned(), good: Some(good) });
    }

    pub(super) fn money_case(&mut self, evidence: &str) {
        if !self.sale.payment.evidence_in_case {
            self.open_case(CaseKind::MoneyUnknown, evidence);
        }
    }

    pub(super) fn money_unknown(&mut self, evidence: &str) {
        self.sale.waiting_since = None;
        self.record(Record::MoneyUnknown { evidence: evidence.to_owned() });
        self.effect(Effect::QueryCharged { after_ms: 0 });
    }

    pub(super) fn refund_due(&mut self, evidence: &str) {
        let evidence = format!("{evidence}; the acquirer needs: {}", super::refund::words(&self.sale));
        self.open_case(CaseKind::RefundByAcquirer, &evidence);
        self.record(Record::RefundDue);
    }

    /// Answers the approval that waits, if something can be said: the recorded decision at once, "not yet" only
    /// after its time and never inside the margin.
    pub(super) fn answer_waiting(&mut self) {
        let Some(since) = self.sale.waiting_since else { return };
        let Some(approval) = self.sale.payment.approval.as_ref().map(|approval| approval.key.clone()) else { return };
        let answer = match (self.money(), self.sale.payment.decision) {
            (Money::Committing, Some(Decision::Commit)) => Answer::GoodsIssued,
            (Money::Releasing, Some(Decision::Release(_))) => Answer::NotIssued,
            (Money::Held, None) if self.sale.inside_hold(&self.now, self.terms) => {
                let waited = self.now.since(&since).unwrap_or(0);
                if waited < self.terms.not_yet_ms {
                    return;
                }
                Answer::NotYet
            }
            _ => return,
        };
        self.sale.waiting_since = None;
        self.effect(Effect::Answer { approval, answer });
    }

    pub(super) fn look_up(&mut self, good: u8) {
        let index = usize::from(good);
        // An order that is not in this journal has nothing to be looked up by.
        if self.sale.is_asked_no_more(index) || self.sale.goods[index].sent_at.is_none() {
            return;
        }
        let after_ms = self.next_wait(good, &self.terms.look_up_ms.clone());
        self.effect(Effect::LookUp { good, after_ms });
    }

    pub(super) fn fetch(&mut self, good: u8) {
        let Some(reference) = self.sale.goods[usize::from(good)].reference.clone() else { return };
        let after_ms = self.next_wait(good, &self.terms.fetch_ms.clone());
        self.effect(Effect::Fetch { good, reference, after_ms });
    }

    pub(super) fn next_wait(&mut self, good: u8, schedule: &[u64]) -> u64 {
        let good = &mut self.sale.goods[usize::from(good)];
        let place = usize::try_from(good.look_ups).unwrap_or(usize::MAX).min(schedule.len().saturating_sub(1));
        good.look_ups = good.look_ups.saturating_add(1);
        schedule.get(place).copied().unwrap_or(30_000)
    }

    /// A look-up that succeeded did not find it: absent only by two of them far enough apart, the last late enough
    /// after the order (providers.md 3.0).
    pub(super) fn not_there(&mut self, good: u8) {
        let now = self.now;
        self.record(Record::NotFound { good });
        let known = &self.sale.goods[usize::from(good)];
        // A start with a wrong clock must not keep an order open for ever: this run's own age counts too.
        let late = known.sent_at.is_some_and(|sent| now.at_least_since(&sent) >= self.terms.absent_after_ms);
        let apart = known.not_found.iter().any(|earlier| now.at_least_since(earlier) >= self.terms.absent_spacing_ms);
        if late && apart {
            self.record(Record::Absent { good });
        } else {
            self.look_up(good);
        }
    }

    /// Applies the table until nothing more follows. Bounded: every turn records something that it cannot record twice.
    pub(super) fn settle(&mut self) {
        for _ in 0..64 {
            let before = self.record.len();
            if self.sale.closed.is_some() && !self.refund_came() {
                return;
            }
            self.settle_used_up();
            match self.money() {
                Money::Held => self.settle_held(),
                Money::Paid => self.settle_paid(),
                Money::Releasing => self.settle_releasing(),
                Money::None | Money::Back | Money::RefundDue => self.settle_over(),
                Money::Asked | Money::Committing | Money::Unknown => {}
            }
            if self.record.len() == before {
                break;
            }
        }
        self.answer_waiting();
    }

    /// It ended with a refund that the acquirer owed, and the money is back now: it ends anew, and the books hear of it.
    fn refund_came(&self) -> bool {
        self.sale.closed == Some(Closing::RefundDue) && self.money() == Money::Back
    }

    fn settle_held(&mut self) {
        if self.sale.payment.decision.is_some() {
            return;
        }
        let inside = self.sale.inside_hold(&self.now, self.terms);
        let ordered_first = self.terms.can_hold && self.sale.quote.promised_ms.is_none();
        if ordered_first && inside {
            // What waited for its account may be free to go.
            self.order_all();
        }
        let deliverable = self.sale.all_stored() || !ordered_first;
        // Refused with no other choice left, or found to have failed after a doubt: nothing will come any more.
        let hopeless = ordered_first && (0..self.sale.goods.len()).any(|good| self.sale.is_hopeless(good));
        let reason = match (inside, deliverable, hopeless) {
            (true, true, _) => {
                let Some(approval) = self.sale.payment.approval.as_ref().map(|approval| approval.key.clone()) else {
                    return;
                };
                self.record(Record::CommitDecided { approval, amount: self.sale.quote.amount });
                return;
            }
            (_, _, true) => ReleaseReason::NoEsim,
            (false, _, _) => ReleaseReason::TooSlow,
            (true, false, false) => return,
        };
        self.record(Record::ReleaseDecided { reason });
    }

    fn settle_paid(&mut self) {
        if self.sale.goods.iter().all(|good| good.exposed) {
            if !self.sale.nothing_runs() {
                return;
            }
            if self.sale.acknowledged {
                self.record(Record::Closed { how: Closing::Delivered });
            } else if self.sale.traveller_gone {
                self.record(Record::Closed { how: Closing::Shown });
            }
            return;
        }
        let age = self.sale.payment.known_at.and_then(|known| self.now.since(&known));
        if self.sale.all_stored() {
            // Paid and here: nothing expires while the traveller stands in front.
            if self.sale.traveller_gone && age.is_some_and(|age| age > self.terms.claim_ms) {
                self.record(Record::ReleaseDecided { reason: ReleaseReason::Unclaimed });
            }
            return;
        }
        if self.sale.is_promised(&self.now) {
            return self.settle_queued();
        }
        let never_sent = |good: &Good| good.sent_at.is_none() && good.state == Goods::None;
        let never_ordered = self.sale.goods.iter().all(never_sent);
        let turns = self.orders_paid();
        if turns && self.order_unsent() {
            return;
        }
        let missing = |good: usize| {
            let state = self.sale.goods[good].state;
            matches!(state, Goods::None | Goods::Absent) && !(turns && self.sale.waits_its_turn(good))
        };
        let missing = (0..self.sale.goods.len()).any(missing);
        if missing {
            let reason = if never_ordered { ReleaseReason::Overdue } else { ReleaseReason::Absent };
            self.record(Record::ReleaseDecided { reason });
        } else if self.sale.payment.known_at.is_some_and(|known| self.now.at_least_since(&known) > self.terms.goods_ms)
        {
            self.record(Record::ReleaseDecided { reason: ReleaseReason::Overdue });
        }
    }

    /// A queue sale before its hour: it waits for the network; refused or absent, the drain tries an equal plan, and
    /// with none left the money goes back at once (sale.md 8).
    fn settle_queued(&mut self) {
        let hopeless = |good: usize| {
            let missing = matches!(self.sale.goods[good].state, Goods::None | Goods::Absent);
            missing && self.sale.next_choice(good).is_none()
        };
        if (0..self.sale.goods.len()).any(hopeless) {
            self.record(Record::ReleaseDecided { reason: ReleaseReason::Absent });
        }
    }

    fn settle_releasing(&mut self) {
        // An exposed good whose money goes back all the same is a case, once.
        let exposed = self.sale.goods.iter().any(|good| good.exposed);
        let known = self.sale.cases.iter().any(|case| case.kind == CaseKind::GivenAway);
        if exposed && !known {
            self.open_case(CaseKind::GivenAway, "an eSIM that was shown is not paid");
        }
    }

    /// A person stated that a good was bought and is never to be had.
    fn is_lost(&self) -> bool {
        self.sale.cases.iter().any(|case| case.decided == Some(super::record::CaseDecision::GoodsLost))
    }

    /// The money is not ours any more, or never was.
    fn settle_over(&mut self) {
        if self.money() == Money::None && !self.sale.payment.ended {
            return;
        }
        for index in 0..self.sale.goods.len() {
            let good = &self.sale.goods[index];
            if good.state == Goods::Stored && !good.in_stock && !good.exposed && self.sale.is_kind_stockable(index) {
                // What was kept for an older sale's code goes back to that code, for what is left of its time.
                let as_before = self.sale.payment.approval.is_none() || self.sale.quote.continues.is_some();
                let kept = if self.sale.from_stock(index) && as_before { 0 } else { self.terms.keep_ms };
                self.record(Record::ToStock { good: u8::try_from(index).unwrap_or(u8::MAX), reserved_ms: kept });
            }
        }
        let given_away = self.sale.goods.iter().any(|good| good.exposed && good.state != Goods::Absent);
        if given_away && !self.sale.cases.iter().any(|case| case.kind == CaseKind::GivenAway) {
            self.open_case(CaseKind::GivenAway, "an eSIM that was shown is not paid");
        }
        let over = self
            .sale
            .goods
            .iter()
            .all(|good| matches!(good.state, Goods::None | Goods::Absent) || good.in_stock || good.exposed);
        if over && self.sale.nothing_runs() {
            let how = match self.money() {
                Money::RefundDue => Closing::RefundDue,
                _ if given_away => Closing::GivenAway,
                _ if self.is_lost() => Closing::Lost,
                Money::Back => Closing::Refunded,
                _ => Closing::NotCharged,
            };
            self.record(Record::Closed { how });
        }
    }
}

/// What the loop does when it has given the terminal's lock to a sale that [`Sale::wants_terminal`]: the intent to
/// reverse is written down, or the acquirer's case where a reversal cannot be sent any more.
pub fn reverse_now(sale: &Sale, now: Moment, terms: &Terms, current_day: u64) -> Step {
    let mut draft = Draft::new(sale, now, terms);
    if sale.wants_terminal() {
        let receipt = sale.payment.paid_as.as_ref().and_then(|key| key.receipt.clone());
        if receipt.is_some() && sale.quote.day == current_day && sale.payment.reversals < 3 {
            draft.record(Record::ReversalAsked);
            draft.effect(Effect::Reverse);
        } else {
            draft.refund_due("the payment cannot be reversed at the terminal any more");
        }
    }
    draft.settle();
    draft.finish()
}
