//! THE HEART: the rules of money and goods, as a pure function over one sale.
//!
//! A sale has one payment and a list of goods. What follows after any break, each fact asked at its own source:
//!
//! | money \ goods | none, absent | stored, not exposed | exposed | asked, accepted, unknown |
//! | --- | --- | --- | --- | --- |
//! | not taken, back, refund due | closed | into stock, kept for the code | case: given away | ask on; closed for the traveller |
//! | paid, traveller in front | give back | hand over | go on | ask on; at the deadline give back |
//! | paid, traveller gone | give back | claim code; at its deadline give back | closed: shown | ask on; at the deadline give back |
//! | unknown | case | kept back, case | case | ask on, case |
//!
//! *Releasing* is decided first: a recorded decision to release or to give back is never undone.
//!
//! The loop appends `Step::record` in one transaction and performs `Step::effects` only after the append returned.

pub mod activation;
pub mod claim;
pub mod effect;
pub mod event;
mod facts;
mod fold;
pub mod id;
pub mod moment;
pub mod offer;
mod ordering;
pub mod plan;
#[cfg(test)]
pub(crate) mod played;
pub mod receipt;
pub mod record;
pub mod refund;
pub mod rules;
mod settle;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod traces;
pub mod transaction;
pub mod truth;
mod used_up;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::money::Amount;
use crate::sale::effect::Effect;
pub use crate::sale::facts::{Case, Decision, Good, Goods, Lock, Money, Payment, Phase};
use crate::sale::id::{GoodKey, SaleId};
use crate::sale::moment::Moment;
use crate::sale::offer::{Kind, Offer};
pub use crate::sale::record::Closing;
use crate::sale::record::{Choice, Entry, PaperState, Quote};
pub use crate::sale::settle::reverse_now;

/// One sale, the fold of its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sale {
    /// Its id.
    pub id: SaleId,
    /// Everything agreed before the card.
    pub quote: Quote,
    /// When it was chosen.
    pub chosen_at: Moment,
    /// The payment.
    pub payment: Payment,
    /// The goods.
    pub goods: Vec<Good>,
    /// Nobody of this sale stands in front of the machine.
    pub traveller_gone: bool,
    /// The traveller said "I have it".
    pub acknowledged: bool,
    /// How often the codes were shown again by claim code, the hand-over itself not counted.
    pub reveals: u8,
    /// The terminal's receipt.
    pub terminal_lines: Vec<String>,
    /// What became of the latest paper.
    pub paper: Option<PaperState>,
    /// Papers that somebody has, or may have: what is printed after them is a copy.
    pub papers: u8,
    /// Cases, in the order in which they were opened.
    pub cases: Vec<Case>,
    /// Over.
    pub closed: Option<Closing>,
    /// Records so far.
    pub entries: u32,
    /// An approval waits for our answer since this moment. Not written down: it ends with the run.
    pub waiting_since: Option<Moment>,
}

/// What follows from an event: written down first, done after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The sale after it.
    pub next: Sale,
    /// To be appended, all or none.
    pub record: Vec<Entry>,
    /// To be done after the append returned.
    pub effects: Vec<Effect>,
}

/// How often a claim code shows the codes.
const CLAIMS: u8 = 3;

/// What this machine and its terminal can do: the numbers of the rules, all in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// H: the smaller of 90 s and what this terminal was measured to hold; 14 s where never measured.
    pub hold_ms: u64,
    /// Before the end of the hold: 5 s.
    pub margin_ms: u64,
    /// How long an approval waits before it is answered "not yet": 2 s.
    pub not_yet_ms: u64,
    /// How long a Completion may take: 30 s.
    pub completion_ms: u64,
    /// How long goods may take after the money became known: 150 s.
    pub goods_ms: u64,
    /// How long a claim code opens a paid eSIM: 24 h.
    pub claim_ms: u64,
    /// How long an unanswered question about money is asked again before it becomes a case: 150 s.
    pub query_ms: u64,
    /// Look-ups that count for absence lie so far apart: 60 s.
    pub absent_spacing_ms: u64,
    /// The last of them lies so long after the order: 120 s.
    pub absent_after_ms: u64,
    /// Waiting times before the n-th look-up; the last repeats.
    pub look_up_ms: Vec<u64>,
    /// Waiting times before the n-th fetch; the last repeats.
    pub fetch_ms: Vec<u64>,
    /// For how long an eSIM that came too late is kept for its claim code: 60 min.
    pub keep_ms: u64,
    /// The terminal holds until we answer. If not: commit at once, reverse if need be.
    pub can_hold: bool,
    /// The terminal never answers `06 20`: the receipt numbers of our journal are the baseline.
    pub no_query: bool,
    /// An approval without a currency is ours.
    pub currency_may_be_absent: bool,
    /// Goods from stock may be sold on an offline approval up to this amount.
    pub offline_limit: Option<Amount>,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            hold_ms: 14_000,
            margin_ms: 5_000,
            not_yet_ms: 2_000,
            completion_ms: 30_000,
            goods_ms: 150_000,
            claim_ms: 24 * 3_600_000,
            query_ms: 150_000,
            absent_spacing_ms: 60_000,
            absent_after_ms: 120_000,
            look_up_ms: vec![3_000, 10_000, 30_000, 60_000, 120_000, 300_000],
            fetch_ms: vec![2_000, 5_000, 10_000, 20_000, 30_000],
            keep_ms: 3_600_000,
            can_hold: true,
            no_query: false,
            currency_may_be_absent: true,
            offline_limit: None,
        }
    }
}

impl Sale {
    /// The offer that is being tried, or was, for a good.
    pub fn offer(&self, good: usize) -> &Offer {
        let choices = &self.quote.goods[good].choices;
        &choices[self.goods[good].choice.min(choices.len() - 1)].offer
    }

    /// The key of a good.
    pub fn key(&self, good: u8) -> GoodKey {
        GoodKey { sale: self.id, index: good }
    }

    /// What the traveller sees.
    pub fn phase(&self) -> Phase {
        if self.closed.is_some() {
            return Phase::Closed;
        }
        match self.payment.money {
            Money::None if self.payment.asked_at.is_none() => Phase::Chosen,
            Money::None | Money::Back | Money::RefundDue => Phase::Closed,
            Money::Asked => Phase::Authorising,
            Money::Held if self.goods.iter().any(|good| good.state == Goods::Accepted) => Phase::Fetching,
            Money::Held => Phase::Ordering,
            Money::Committing => Phase::Committing,
            Money::Releasing => Phase::Releasing,
            Money::Unknown => Phase::Doubtful,
            Money::Paid if self.goods.iter().all(|good| good.exposed || good.state == Goods::Stored) => {
                Phase::HandingOver
            }
            Money::Paid => Phase::Queued,
        }
    }

    /// Every lock that the facts ask for (sale.md 6). The loop takes and gives back the difference, in the
    /// transaction of the record that makes it.
    pub fn locks(&self) -> BTreeSet<Lock> {
        let mut locks = BTreeSet::new();
        if self.closed.is_some() {
            return locks;
        }
        let payment = &self.payment;
        let chosen = payment.money == Money::None && payment.asked_at.is_none();
        let undecided = match payment.money {
            Money::Asked | Money::Held | Money::Committing => true,
            Money::Releasing => !payment.ended || payment.reversal_open,
            Money::Unknown => !payment.evidence_in_case,
            Money::None | Money::Paid | Money::RefundDue | Money::Back => false,
        };
        if chosen || undecided {
            locks.insert(Lock::Terminal);
        }
        for (good, quote) in self.goods.iter().zip(&self.quote.goods) {
            // Refused while another good of this sale is at the account of its next choice: it waits, and nobody may
            // come in between.
            let unsent = good.state == Goods::None && (good.sent_at.is_none() || payment.money == Money::Held);
            let before = unsent && matches!(payment.money, Money::None | Money::Asked | Money::Held);
            let before = before && (chosen || payment.money != Money::None);
            // A terminal that cannot hold: ordered once it is paid, and nobody may come in between.
            let after = good.sent_at.is_none()
                && good.state == Goods::None
                && self.quote.promised_ms.is_none()
                && !self.traveller_gone
                && payment.decision == Some(Decision::Commit)
                && (matches!(payment.money, Money::Committing | Money::Paid)
                    || payment.money == Money::Unknown && undecided);
            let open = matches!(good.state, Goods::Asked | Goods::Unknown) && !good.evidence_in_case;
            for (index, choice) in quote.choices.iter().enumerate() {
                let wanted = index == good.choice || (index > good.choice && payment.decision.is_none());
                if choice.locks_account && wanted && (before || after || open) {
                    locks.insert(Lock::Account(choice.offer.provider.clone()));
                }
            }
            if let offer::Source::Stock { profile } =
                &quote.choices[good.choice.min(quote.choices.len() - 1)].offer.source
                && !good.in_stock
            {
                locks.insert(Lock::StockItem(*profile));
            }
        }
        locks
    }

    /// A reversal is decided and waits for the terminal's lock.
    pub fn wants_terminal(&self) -> bool {
        self.closed.is_none()
            && self.payment.money == Money::Releasing
            && self.payment.ended
            && !self.payment.reversal_open
    }

    /// Whether the hold still leaves time for a commit: the event's time lies before H − margin.
    pub fn inside_hold(&self, now: &Moment, terms: &Terms) -> bool {
        let Some(approved_at) = &self.payment.approved_at else { return false };
        let limit = terms.hold_ms.min(90_000).saturating_sub(terms.margin_ms);
        now.run == approved_at.run && now.since(approved_at).is_some_and(|age| age < limit)
    }

    /// Every good is here and was never shown.
    pub fn all_stored(&self) -> bool {
        self.goods.iter().all(|good| good.state == Goods::Stored)
    }

    /// The codes may be shown to the traveller who stands in front: paid, no give-back recorded, every good here
    /// (sale.md 10). A top-up or a number has none.
    pub fn may_reveal(&self) -> bool {
        let released = matches!(self.payment.decision, Some(Decision::Release(_)));
        let paid = self.payment.money == Money::Paid && !released;
        paid && self.has_codes() && self.all_stored() && !self.acknowledged && self.reveals <= CLAIMS
    }

    /// Something of this sale is installed by a code; a top-up or a number is not.
    pub fn has_codes(&self) -> bool {
        self.goods.iter().any(|good| good.profile.is_some())
    }

    /// The claim code opens the codes: at most three times, the hand-over itself not counted. A claim that never led
    /// to a picture is not counted either, or a crash behind it would leave a paid eSIM that nobody can open.
    pub fn may_claim(&self) -> bool {
        self.may_reveal() && (self.reveals < CLAIMS || !self.all_exposed())
    }

    /// From when on a promise counts: the traveller was told an hour before the card was asked. What became of the
    /// payment may be known much later, and moves no hour (sale.md 8).
    pub fn promised_at(&self) -> Moment {
        self.payment.asked_at.unwrap_or(self.chosen_at)
    }

    /// A queue sale whose promise still stands; an age that cannot be known breaks no promise.
    pub fn is_promised(&self, now: &Moment) -> bool {
        let Some(promised_ms) = self.quote.promised_ms else { return false };
        now.since(&self.promised_at()).is_none_or(|age| age < promised_ms)
    }

    /// Which choice is to be ordered next for a good that is not here: the first one, or the one after what was
    /// refused or never bought. None where it is not missing, or nothing is left to try.
    pub fn next_choice(&self, good: usize) -> Option<usize> {
        let known = &self.goods[good];
        let next = match known.state {
            // A refusal has gone on to the next one already.
            Goods::None => known.choice,
            Goods::Absent => known.choice + 1,
            Goods::Asked | Goods::Accepted | Goods::Stored | Goods::Unknown => return None,
        };
        (next < self.quote.goods[good].choices.len()).then_some(next)
    }

    /// The choice of a queue sale that is paid and waits for its next order.
    pub fn waits_for(&self) -> Option<&Choice> {
        let waits = self.quote.promised_ms.is_some() && self.closed.is_none() && self.payment.money == Money::Paid;
        let next = |good: usize| self.quote.goods[good].choices.get(self.next_choice(good)?);
        waits.then(|| (0..self.goods.len()).find_map(next)).flatten()
    }

    /// A queue sale that is paid and waits for its next order.
    pub fn waits_in_queue(&self) -> bool {
        self.waits_for().is_some()
    }

    /// A person weighs what became of this good.
    pub fn is_in_open_case(&self, good: usize) -> bool {
        self.cases.iter().any(|case| case.is_about_goods() && case.decided.is_none() && case.names(good))
    }

    /// Every good was shown, printed or used up.
    pub fn all_exposed(&self) -> bool {
        self.goods.iter().all(|good| good.exposed)
    }

    /// Whether every good may come from, and go into, stock.
    pub fn is_kind_stockable(&self, good: usize) -> bool {
        matches!(self.offer(good).kind, Kind::Esim)
    }
}
