//! The fold: how each record changes a sale. Nothing is judged here; what was written down happened.

use super::record::{CaseDecision, CaseKind, Entry, PaperState, Record};
use super::transaction::ReversalOutcome;
use super::{Case, Decision, Good, Goods, Money, Payment, Sale};
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::Source;

/// Why entries are not a sale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASale {
    /// The first record is not the quote.
    #[error("the first record of a sale is not its quote")]
    NoQuote,
    /// A quote without goods, or a good without a choice.
    #[error("a quote names nothing to deliver")]
    EmptyQuote,
    /// A record names a good that the quote does not have.
    #[error("record {0} names a good that was never quoted")]
    NoSuchGood(u32),
}

impl Sale {
    /// The sale that these entries tell, in their order.
    ///
    /// # Errors
    /// [`NotASale`] where they are no sale's.
    pub fn replay(id: SaleId, entries: &[Entry]) -> Result<Sale, NotASale> {
        let (first, rest) = entries.split_first().ok_or(NotASale::NoQuote)?;
        let Record::Chosen(quote) = &first.record else { return Err(NotASale::NoQuote) };
        if quote.goods.is_empty() || quote.goods.iter().any(|good| good.choices.is_empty()) {
            return Err(NotASale::EmptyQuote);
        }
        let mut sale = Sale::chosen(id, (**quote).clone(), first.at);
        for entry in rest {
            if !sale.knows_good_of(&entry.record) {
                return Err(NotASale::NoSuchGood(sale.entries));
            }
            sale.apply(entry);
        }
        Ok(sale)
    }

    fn chosen(id: SaleId, quote: super::record::Quote, at: Moment) -> Sale {
        let good = Good {
            choice: 0,
            state: Goods::None,
            exposed: false,
            reference: None,
            profile: None,
            iccid: None,
            charged: None,
            sent_at: None,
            balance_before: None,
            not_found: Vec::new(),
            in_stock: false,
            evidence_in_case: false,
            cancelled: false,
            cancel_sent_at: None,
            look_ups: 0,
            reading: false,
            cancelling: None,
        };
        Sale {
            id,
            goods: vec![good; quote.goods.len()],
            quote,
            chosen_at: at,
            payment: Payment {
                money: Money::None,
                baseline: None,
                asked_at: None,
                approval: None,
                approved_at: None,
                decision: None,
                decided_at: None,
                cancel_wished: false,
                ended: false,
                ending: None,
                unknown_since: None,
                known_at: None,
                paid_as: None,
                reversal_open: false,
                reversals: 0,
                reversal_at: None,
                evidence_in_case: false,
                overtaken: false,
            },
            traveller_gone: false,
            acknowledged: false,
            reveals: 0,
            terminal_lines: Vec::new(),
            paper: None,
            papers: 0,
            cases: Vec::new(),
            closed: None,
            entries: 1,
            waiting_since: None,
        }
    }

    fn knows_good_of(&self, record: &Record) -> bool {
        let index = match record {
            Record::OrderSent { good, .. }
            | Record::OrderAccepted { good, .. }
            | Record::Stored { good, .. }
            | Record::OrderRefused { good, .. }
            | Record::OrderUnknown { good, .. }
            | Record::NotFound { good }
            | Record::Absent { good }
            | Record::Exposed { good }
            | Record::CancelSent { good }
            | Record::CancelTaken { good }
            | Record::ToStock { good, .. }
            | Record::CaseOpened { good: Some(good), .. } => *good,
            _ => return true,
        };
        usize::from(index) < self.goods.len()
    }

    /// Applies one entry: the only way from one state to the next.
    pub fn apply(&mut self, entry: &Entry) {
        self.entries = self.entries.saturating_add(1);
        match &entry.record {
            Record::Chosen(_) | Record::TerminalTook | Record::Queried { .. } | Record::Note { .. } => {}
            Record::TravellerGone => self.traveller_gone = true,
            Record::Claimed => {
                self.traveller_gone = false;
                self.reveals = self.reveals.saturating_add(u8::from(self.all_exposed()));
            }
            Record::Acknowledged => self.acknowledged = true,
            Record::ReceiptLines { lines } => self.terminal_lines.extend(lines.iter().cloned()),
            Record::Paper { state } => self.paper_is(*state),
            Record::Closed { how } => self.closed = Some(*how),
            Record::CaseOpened { case, evidence, good } => self.open_case(*case, evidence, *good, entry.at),
            Record::Newer { evidence } => {
                let (before, _) = self.case_counts();
                let place = Case::NEWER.saturating_sub(before).max(Case::NEWER_LAST);
                let (kind, evidence) = (CaseKind::NewerRecord, evidence.clone());
                self.cases.push(Case { place, kind, evidence, good: None, opened_at: entry.at, decided: None });
            }
            Record::CaseDecided { case, decision, .. } => {
                if let Some(case) = self.cases.iter_mut().find(|known| known.place == *case) {
                    case.decided = Some(*decision);
                }
            }
            record => {
                if matches!(record, Record::ReleaseDecided { .. }) {
                    // Only an operator's give-back follows the end of a sale: it is open again until the money is back.
                    self.closed = None;
                }
                self.apply_to_payment(record, entry.at);
                self.apply_to_goods(record, entry.at);
            }
        }
    }

    /// Which copy the next receipt is; 0 is the original. A print whose end was never seen may have come out.
    pub fn next_copy(&self) -> u8 {
        let unseen = matches!(self.paper, Some(PaperState::Requested | PaperState::Sent));
        self.papers.saturating_add(u8::from(unseen))
    }

    fn paper_is(&mut self, state: PaperState) {
        self.papers = match state {
            PaperState::Confirmed | PaperState::Unknown => self.papers.saturating_add(1),
            // The one before had no end: the machine was cut off while it printed.
            PaperState::Requested => self.next_copy(),
            PaperState::Sent | PaperState::Failed => self.papers,
        };
        self.paper = Some(state);
    }

    fn open_case(&mut self, kind: CaseKind, evidence: &str, about: Option<u8>, at: Moment) {
        let (_, place) = self.case_counts();
        let evidence = evidence.to_owned();
        self.cases.push(Case { place, kind, evidence, good: about, opened_at: at, decided: None });
        match kind {
            CaseKind::MoneyUnknown | CaseKind::ChargedOtherwise => self.payment.evidence_in_case = true,
            CaseKind::OrderInDoubt | CaseKind::CodeLost => {
                let named = |index: usize| about.is_none_or(|good| usize::from(good) == index);
                for (_, good) in self.goods.iter_mut().enumerate().filter(|(index, _)| named(*index)) {
                    good.evidence_in_case |= matches!(good.state, Goods::Asked | Goods::Unknown | Goods::Accepted);
                }
            }
            CaseKind::RefundByAcquirer
            | CaseKind::GivenAway
            | CaseKind::StrangeApproval
            | CaseKind::NumberRuns
            | CaseKind::NewerRecord => {}
        }
    }

    /// How many cases there are of what a newer version wrote, and of the sale itself.
    fn case_counts(&self) -> (u8, u8) {
        let newer = self.cases.iter().filter(|case| case.place >= Case::NEWER_LAST).count();
        let count = |cases: usize| u8::try_from(cases).unwrap_or(u8::MAX);
        (count(newer), count(self.cases.len() - newer).min(Case::NEWER_LAST - 1))
    }

    /// The case of this number.
    pub fn case(&self, place: u8) -> Option<&Case> {
        self.cases.iter().find(|case| case.place == place)
    }

    fn apply_to_payment(&mut self, record: &Record, at: Moment) {
        let payment = &mut self.payment;
        match record {
            Record::Baseline { last, totals } => payment.baseline = Some((last.clone(), *totals)),
            Record::CardAsked => {
                payment.money = Money::Asked;
                payment.asked_at = Some(at);
            }
            Record::CancelWished => payment.cancel_wished = true,
            Record::Approved { transaction } => {
                payment.money = Money::Held;
                payment.approval = Some(transaction.clone());
                payment.approved_at = Some(at);
            }
            Record::CommitDecided { .. } => {
                payment.money = Money::Committing;
                payment.decision = Some(Decision::Commit);
                payment.decided_at = Some(at);
            }
            Record::ReleaseDecided { reason } => {
                payment.money = Money::Releasing;
                payment.decision = Some(Decision::Release(*reason));
                payment.decided_at = Some(at);
            }
            Record::Paid { key } => {
                payment.paid_as = Some(key.clone());
                payment.money = match payment.decision {
                    Some(Decision::Release(_)) => Money::Releasing,
                    _ => Money::Paid,
                };
                payment.ended = true;
                // Witnessed as charged: whatever was sent to take it back before did not, and nobody answers it any more.
                payment.reversal_open = false;
                payment.known_at = Some(at);
            }
            Record::NotTaken { ending } => {
                payment.money = Money::None;
                payment.reversal_open = false;
                payment.asked_at.get_or_insert(at);
                payment.ended = true;
                payment.ending.clone_from(ending);
                payment.known_at = Some(at);
            }
            Record::MoneyUnknown { .. } => {
                payment.money = Money::Unknown;
                payment.unknown_since.get_or_insert(at);
            }
            Record::Overtaken => payment.overtaken = true,
            Record::ReversalAsked => {
                payment.reversal_open = true;
                payment.reversals = payment.reversals.saturating_add(1);
                payment.reversal_at = Some(at);
            }
            Record::ReversalAnswered { outcome } => {
                payment.reversal_open = matches!(outcome, ReversalOutcome::Unknown { .. });
            }
            Record::MoneyBack => {
                payment.money = Money::Back;
                payment.reversal_open = false;
                payment.known_at = Some(at);
            }
            Record::RefundDue => {
                payment.money = Money::RefundDue;
                payment.reversal_open = false;
                payment.known_at = Some(at);
            }
            _ => {}
        }
    }

    fn apply_to_goods(&mut self, record: &Record, at: Moment) {
        match record {
            Record::OrderSent { good, offer, balance_before } => {
                let index = usize::from(*good);
                let place = self.quote.goods[index].choices.iter().position(|choice| choice.offer == **offer);
                let good = &mut self.goods[index];
                good.choice = place.unwrap_or(good.choice);
                good.state = Goods::Asked;
                good.sent_at = Some(at);
                // Another order: what a person weighs of the one before says nothing about it.
                good.evidence_in_case = false;
                good.reference = None;
                good.balance_before = *balance_before;
                good.not_found.clear();
            }
            Record::OrderAccepted { good, reference } => {
                let good = &mut self.goods[usize::from(*good)];
                good.state = Goods::Accepted;
                good.reference = Some(reference.clone());
            }
            Record::Stored { good, reference, profile, iccid, charged } => {
                let used_up = profile.is_none();
                let good = &mut self.goods[usize::from(*good)];
                good.state = Goods::Stored;
                good.reference = reference.clone().or(good.reference.take());
                good.profile = *profile;
                good.iccid.clone_from(iccid);
                good.charged = *charged;
                // A top-up or a number that is done counts as exposed for every rule but the commit (sale.md 9).
                good.exposed |= used_up;
            }
            Record::OrderRefused { good, .. } => {
                let good = &mut self.goods[usize::from(*good)];
                good.state = Goods::None;
                good.choice += 1;
            }
            Record::OrderUnknown { good, .. } => {
                let good = &mut self.goods[usize::from(*good)];
                if matches!(good.state, Goods::None | Goods::Absent) {
                    // Of an order that this journal does not hold nobody knows when it was sent: it is never absent by itself.
                    good.sent_at = None;
                    good.not_found.clear();
                }
                good.state = Goods::Unknown;
            }
            Record::NotFound { good } => self.goods[usize::from(*good)].not_found.push(at),
            Record::Absent { good } => self.goods[usize::from(*good)].state = Goods::Absent,
            Record::Exposed { good } => self.goods[usize::from(*good)].exposed = true,
            Record::CancelSent { good } => {
                self.goods[usize::from(*good)].cancel_sent_at.get_or_insert(at);
            }
            Record::CancelTaken { good } => self.goods[usize::from(*good)].cancelled = true,
            Record::ToStock { good, .. } => self.goods[usize::from(*good)].in_stock = true,
            _ => {}
        }
    }

    /// Whether a good of this sale comes from stock.
    pub fn from_stock(&self, good: usize) -> bool {
        matches!(self.offer(good).source, Source::Stock { .. })
    }

    /// Whether the provider was surely paid for this good, or whoever sold it to our stock; also where a person found
    /// out that it was, and that it is never to be had.
    pub fn was_bought(&self, good: usize) -> bool {
        let is_lost = |case: &Case| case.decided == Some(CaseDecision::GoodsLost) && case.names(good);
        match self.goods[good].state {
            Goods::Accepted | Goods::Stored => true,
            Goods::Absent => self.cases.iter().any(is_lost),
            Goods::None | Goods::Asked | Goods::Unknown => false,
        }
    }
}
