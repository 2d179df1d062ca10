//! Telling sales what happened: rules, then the journal, then effects.

use tracing::{info, warn};

use crate::journal::{Append, JournalError, Violation};
use crate::payment::TerminalHealth;
use crate::sale::activation::Profile;
use crate::sale::claim::ClaimCode;
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::record::{Quote, Record};
use crate::sale::{Lock, Sale, Step, reverse_now, rules};

use super::Kiosk;
use super::session::Stage;

/// How often a new sale is named anew before we give up: a taken label or code is chance, three are a fault.
const NAMING_TRIES: u32 = 3;

/// Why a sale was not begun.
#[derive(Debug)]
pub(super) enum NotBegun {
    /// Somebody else holds what it needs.
    Locked(Lock),
    /// What it wants is not there any more: somebody took it out of the stock in between.
    Gone,
    /// The journal failed; the kiosk is halting.
    Journal,
}

impl Kiosk {
    /// Tells a sale what happened, and does what follows.
    pub(super) fn tell(&mut self, id: SaleId, event: &Event) {
        self.tell_with(id, event, None);
    }

    /// The same, with the profile that a delivery brought.
    pub(super) fn tell_with(&mut self, id: SaleId, event: &Event, profile: Option<(ProfileId, &Profile)>) {
        self.tell_all(id, event, self.clock.now(), profile);
    }

    /// Tells a sale what happened at `when`, which lies a little back.
    pub(super) fn tell_at(&mut self, id: SaleId, event: &Event, when: Moment) {
        self.tell_all(id, event, when, None);
    }

    fn tell_all(&mut self, id: SaleId, event: &Event, now: Moment, profile: Option<(ProfileId, &Profile)>) {
        let Some(sale) = self.sales.get(&id) else { return };
        let step = rules::on(sale, event, now, &self.settings.terms);
        match self.carry_out(step, profile) {
            Ok(()) => {}
            Err(JournalError::Violation(violation)) => self.doubled(id, event, &violation),
            Err(error) => self.journal_failed(error),
        }
    }

    /// A uniqueness was in the way: an answer, not a broken journal. The sale hears of it as doubt.
    fn doubled(&mut self, id: SaleId, event: &Event, violation: &Violation) {
        warn!(sale = %id, %violation, "a step was refused by the journal");
        let instead = match (violation, event) {
            (Violation::ProfileBound | Violation::OrderBound, Event::Goods { good, .. }) => {
                Some(Event::Goods { good: *good, news: GoodsNews::Doubled(violation.to_string()) })
            }
            (Violation::ReceiptBound, Event::Charged { last, totals, at_rest, .. }) => {
                Some(Event::Charged { last: last.clone(), totals: *totals, at_rest: *at_rest, bound_elsewhere: true })
            }
            (Violation::ReceiptBound, Event::Ended(_)) => {
                Some(Event::Ended(crate::sale::transaction::Ending::Lost { evidence: violation.to_string() }))
            }
            _ => None,
        };
        if let Some(instead) = instead {
            self.later.push_back((id, instead));
        }
    }

    /// Appends a step and performs its effects; nothing happens if the append fails.
    pub(super) fn carry_out(&mut self, step: Step, profile: Option<(ProfileId, &Profile)>) -> Result<(), JournalError> {
        let Step { next, record, effects } = step;
        let id = next.id;
        if !record.is_empty() {
            let (takes, gives) = self.lock_changes(&next);
            let append = Append { sale: &next, entries: &record, takes: &takes, gives: &gives, profile, claim: None };
            self.journal.append(&append)?;
            self.note(&next, &record);
            self.book_locks(id, &takes, &gives);
            self.stock_changed(&record, &takes, &gives);
            self.cases_changed(&next, &record);
        }
        for entry in &record {
            if let Record::Closed { how } = &entry.record {
                *self.closed_count.entry(crate::journal::word(how)).or_default() += 1;
            }
        }
        if next.closed.is_some() {
            self.closed_over.insert(id);
        } else {
            self.closed_over.remove(&id);
        }
        self.sales.insert(id, next);
        for effect in effects {
            self.perform(id, effect);
        }
        Ok(())
    }

    /// Closed sales leave memory once no session looks at them.
    pub(super) fn forget_closed(&mut self) {
        let closed = std::mem::take(&mut self.closed_over);
        for id in closed {
            let looked_at = matches!(self.session.stage,
                Stage::Sale(seen) | Stage::Receipt(seen) | Stage::Truth(seen) if seen == id);
            if looked_at {
                self.closed_over.insert(id);
            } else {
                self.sales.remove(&id);
            }
        }
    }

    /// What changes hands with this step.
    fn lock_changes(&self, next: &Sale) -> (Vec<Lock>, Vec<Lock>) {
        let wanted = next.locks();
        let held: std::collections::BTreeSet<Lock> =
            self.locks.iter().filter(|(_, holder)| **holder == next.id).map(|(lock, _)| lock.clone()).collect();
        (wanted.difference(&held).cloned().collect(), held.difference(&wanted).cloned().collect())
    }

    fn book_locks(&mut self, id: SaleId, takes: &[Lock], gives: &[Lock]) {
        for lock in gives {
            self.locks.remove(lock);
        }
        for lock in takes {
            self.locks.insert(lock.clone(), id);
        }
    }

    /// One log line per record: what support greps for. Records hold no secrets by construction.
    fn note(&self, sale: &Sale, entries: &[crate::sale::record::Entry]) {
        for entry in entries {
            let record = serde_json::to_value(&entry.record).unwrap_or_default();
            let kind = record.get("kind").and_then(|kind| kind.as_str()).unwrap_or("?").to_owned();
            info!(sale = %sale.quote.number, id = %sale.id, kind, money = ?sale.payment.money, phase = ?sale.phase(), "record");
        }
    }

    /// Begins a sale: quote, claim code and all locks in one transaction.
    pub(super) fn begin(&mut self, quote: &Quote) -> Result<SaleId, NotBegun> {
        if !self.can_write() || !self.health.journal {
            return Err(NotBegun::Journal);
        }
        for _ in 0..NAMING_TRIES {
            match self.try_begin(quote) {
                Ok(id) => return Ok(id),
                Err(JournalError::Violation(Violation::LockTaken { lock, .. })) => return Err(NotBegun::Locked(lock)),
                Err(JournalError::Violation(Violation::NumberTaken | Violation::ClaimTaken)) => {}
                Err(JournalError::Violation(violation)) => {
                    warn!(%violation, "a sale was not begun: what it wants is not there any more");
                    self.read_stock();
                    return Err(NotBegun::Gone);
                }
                Err(error) => {
                    self.journal_failed(error);
                    return Err(NotBegun::Journal);
                }
            }
        }
        warn!("three labels or claim codes in a row were taken");
        Err(NotBegun::Locked(Lock::Terminal))
    }

    fn try_begin(&mut self, quote: &Quote) -> Result<SaleId, JournalError> {
        let now = self.clock.now();
        let mut bits = [0_u8; 21];
        let drawn = self.dice.fill(&mut bits);
        drawn.map_err(|why| JournalError::Storage { doing: "be given random numbers", source: Box::new(why) })?;
        let claim = ClaimCode::from_random([bits[0], bits[1], bits[2], bits[3], bits[4]]);
        let random = bits[5..].iter().fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        let id = SaleId::from_parts(u64::try_from(now.wall_ms).unwrap_or(0), random);
        let number = SaleNumber::of(&self.settings.machine, self.journal.next_number()?);
        let day = self.journal.day()?;
        let quote = Quote { number, day, ..quote.clone() };
        let Ok(Step { next, record, effects }) = rules::choose(id, quote, now) else {
            return Err(JournalError::Damaged { what: "a quote names nothing to deliver".to_owned() });
        };
        let takes: Vec<Lock> = next.locks().into_iter().collect();
        // An order for the stock holds its account without a row: the loop is the only one who takes locks.
        if let Some((lock, holder)) = takes.iter().find_map(|lock| self.locks.get(lock).map(|holder| (lock, holder))) {
            let violation = Violation::LockTaken { lock: lock.clone(), holder: *holder };
            return Err(JournalError::Violation(violation));
        }
        let append =
            Append { sale: &next, entries: &record, takes: &takes, gives: &[], profile: None, claim: Some(&claim) };
        self.journal.append(&append)?;
        self.note(&next, &record);
        self.book_locks(id, &takes, &[]);
        self.claim = Some((id, claim));
        self.sales.insert(id, next);
        for effect in effects {
            self.perform(id, effect);
        }
        Ok(id)
    }

    /// Gives the free terminal to the oldest sale that must reverse.
    pub(super) fn lend_terminal(&mut self) {
        // An order that the terminal never hears would count as refused, and the money as an acquirer's to give back.
        let deaf = !matches!(self.health.terminal, TerminalHealth::Ready | TerminalHealth::Busy);
        if deaf
            || self.halted.is_some()
            || self.is_estranged()
            || self.day.holds_terminal()
            || self.locks.contains_key(&Lock::Terminal)
        {
            return;
        }
        let Some(sale) = self.sales.values().find(|sale| sale.wants_terminal()) else { return };
        let now = self.clock.now();
        let day = match self.journal.day() {
            Ok(day) => day,
            Err(error) => return self.journal_failed(error),
        };
        // A day that may be closed takes no reversal of what was paid before.
        let day = if self.day.may_be_closed() { day + 1 } else { day };
        let step = reverse_now(sale, now, &self.settings.terms, day);
        if let Err(error) = self.carry_out(step, None) {
            match error {
                JournalError::Violation(violation) => warn!(%violation, "a reversal waits"),
                error => self.journal_failed(error),
            }
        }
    }

    /// A new random name for a profile.
    pub(super) fn new_profile_id(&mut self) -> Option<ProfileId> {
        let (now, bits) = self.draw()?;
        Some(ProfileId::from_parts(now, bits))
    }

    /// A new random name for a duty beside the sales.
    pub(super) fn new_id(&mut self) -> Option<SaleId> {
        let (now, bits) = self.draw()?;
        Some(SaleId::from_parts(now, bits))
    }

    fn draw(&mut self) -> Option<(u64, u128)> {
        let mut bits = [0_u8; 16];
        self.dice.fill(&mut bits).ok()?;
        Some((u64::try_from(self.clock.now().wall_ms).unwrap_or(0), u128::from_be_bytes(bits)))
    }
}
