//! The journal against the rules: what is folded back is the sale, what must be unique is, and what fails stays down.

pub(crate) mod by_hand;
mod care;
mod sales;

use super::section::Section;
use super::sqlite::{Opened, SqliteJournal};
use super::*;
use crate::sale::activation::ActivationCode;
use crate::sale::event::{Event, GoodsNews};
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, OrderReference, Source};
use crate::sale::played;
pub(crate) use crate::sale::played::at;
use crate::sale::record::{Choice, GoodQuote, Quote};
use crate::sale::rules::{choose, on};
use crate::sale::transaction::{Ending, LastTransaction, Transaction};
use crate::sale::{Step, Terms};

pub(crate) fn offer(source: Source) -> Offer {
    Offer { source, ..played::offer("mobilexy") }
}

pub(crate) fn quote(count: u64, source: Source) -> Quote {
    let choice = Choice { offer: offer(source), locks_account: false, balance_before: None, total_before: None };
    Quote {
        number: SaleNumber::of("K07", count),
        goods: vec![GoodQuote { choices: vec![choice] }],
        day: 0,
        ..played::quote(&["mobilexy"])
    }
}

pub(crate) fn transaction(receipt: &str) -> Transaction {
    Transaction { pan_last4: Some("4711".into()), ..played::transaction(receipt, 990) }
}

pub(crate) fn profile(matching_id: &str) -> Profile {
    let code = ActivationCode::parse(&format!("LPA:1$smdp.io${matching_id}")).unwrap();
    Profile { code, iccid: None, confirmation_code: None, install_before: None, apn: None }
}

pub(crate) fn claim(seed: u8) -> ClaimCode {
    ClaimCode::from_random([seed, 1, 2, 3, 4])
}

/// A sale that is being played into a journal, as the loop does it.
pub(crate) struct Played {
    pub(crate) sale: Sale,
    terms: Terms,
}

pub(crate) fn append(
    journal: &mut dyn Journal,
    before: Option<&Sale>,
    step: &Step,
    profile: Option<(ProfileId, &Profile)>,
    claim: Option<&ClaimCode>,
) -> Result<(), JournalError> {
    let held = before.map(Sale::locks).unwrap_or_default();
    let wanted = step.next.locks();
    let takes: Vec<Lock> = wanted.difference(&held).cloned().collect();
    let gives: Vec<Lock> = held.difference(&wanted).cloned().collect();
    if step.record.is_empty() {
        return Ok(());
    }
    journal.append(&Append { sale: &step.next, entries: &step.record, takes: &takes, gives: &gives, profile, claim })
}

impl Played {
    pub(crate) fn begin(journal: &mut dyn Journal, random: u128, quote: Quote) -> Result<Self, JournalError> {
        let step = choose(SaleId::from_parts(1, random), quote, at(0)).unwrap();
        let code = claim(u8::try_from(random % 251).unwrap());
        append(journal, None, &step, None, Some(&code))?;
        Ok(Played { sale: step.next, terms: Terms::default() })
    }

    pub(crate) fn on(&mut self, journal: &mut dyn Journal, ms: u64, event: Event) -> Result<(), JournalError> {
        self.on_with(journal, at(ms), event, None)
    }

    pub(crate) fn on_with(
        &mut self,
        journal: &mut dyn Journal,
        now: Moment,
        event: Event,
        profile: Option<(ProfileId, &Profile)>,
    ) -> Result<(), JournalError> {
        let step = on(&self.sale, &event, now, &self.terms);
        append(journal, Some(&self.sale), &step, profile, None)?;
        self.sale = step.next;
        Ok(())
    }

    pub(crate) fn held(&mut self, journal: &mut dyn Journal, receipt: &str) -> Result<(), JournalError> {
        self.on(journal, 10, Event::BaselineRead { last: LastTransaction::Empty, totals: None })?;
        self.on(journal, 1_000, Event::Approved(Box::new(transaction(receipt))))
    }

    pub(crate) fn delivered(
        &mut self,
        journal: &mut dyn Journal,
        ms: u64,
        order: &str,
        id: ProfileId,
        content: &Profile,
    ) -> Result<(), JournalError> {
        let reference = OrderReference(order.into());
        let news = GoodsNews::Delivered { reference, profile: Some(id), iccid: None, charged: None };
        self.on_with(journal, at(ms), Event::Goods { good: 0, news }, Some((id, content)))
    }

    /// Handed over, and acknowledged.
    pub(crate) fn sold(journal: &mut dyn Journal, random: u8, receipt: &str) -> Result<Self, JournalError> {
        let mut played = Self::waiting(journal, random, receipt)?;
        played.on(journal, 6_000, Event::HandOver)?;
        played.on(journal, 7_000, Event::HaveIt)?;
        Ok(played)
    }

    /// Paid and delivered; nobody has seen it.
    pub(crate) fn waiting(journal: &mut dyn Journal, random: u8, receipt: &str) -> Result<Self, JournalError> {
        let mut played = Self::begin(journal, random.into(), quote(random.into(), Source::Provider))?;
        played.held(journal, receipt)?;
        let (id, code) = (ProfileId::from_parts(2, random.into()), format!("CODE-{random}"));
        played.delivered(journal, 2_000, &format!("ORD{random}"), id, &profile(&code))?;
        played.paid(journal)?;
        Ok(played)
    }

    /// Paid, and its money could not go back at the terminal any more: closed, and the acquirer owes it.
    pub(crate) fn refund_due(journal: &mut dyn Journal, random: u8, receipt: &str) -> Result<Self, JournalError> {
        let mut played = Self::waiting(journal, random, receipt)?;
        played.on(journal, 6_000, Event::Left)?;
        played.on(journal, 7_000, Event::DayEnds)?;
        let step = crate::sale::reverse_now(&played.sale, at(8_000), &played.terms, 1);
        append(journal, Some(&played.sale), &step, None, None)?;
        played.sale = step.next;
        assert_eq!(played.sale.closed, Some(crate::sale::Closing::RefundDue));
        Ok(played)
    }

    pub(crate) fn paid(&mut self, journal: &mut dyn Journal) -> Result<(), JournalError> {
        self.on(journal, 5_000, Event::Ended(Ending::Completed))
    }
}

pub(crate) fn violation(result: Result<(), JournalError>) -> Violation {
    match result {
        Err(JournalError::Violation(violation)) => violation,
        other => panic!("a violation is expected, not {other:?}"),
    }
}

fn open(dir: &tempfile::TempDir) -> Opened {
    let section = Section { head_room_mb: 16, ..Section::at(dir.path()) };
    SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap()
}

fn memory() -> SqliteJournal {
    SqliteJournal::in_memory(&[7; 32]).unwrap()
}
