//! A clerk who writes whole sales into a journal as the loop does it, without loop, terminal or provider: for figures of
//! what the books cost, and for books that are cut off.

use std::time::{Duration, Instant};

use crate::journal::{Append, Journal, JournalError};
use crate::money::{Amount, Currency, Exact, Rate};
use crate::sale::activation::{ActivationCode, Profile};
use crate::sale::claim::ClaimCode;
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::{ProfileId, SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use crate::sale::record::{Choice, Consent, GoodQuote, Quote};
use crate::sale::transaction::{ApprovalKey, Ending, LastTransaction, Transaction};
use crate::sale::{Sale, Step, Terms, rules};

/// A moment of a run.
pub fn at(run: u64, mono_ms: u64) -> Moment {
    Moment { run, mono_ms, wall_ms: 1_795_000_000_000, synced: true }
}

/// The profile of the sale with this number.
pub fn profile(number: u32) -> Profile {
    let code = ActivationCode::parse(&format!("LPA:1$smdp.io$CODE-{number}")).expect("the code is well formed");
    Profile { code, iccid: None, confirmation_code: None, install_before: None, apn: None }
}

/// What every sale here is quoted.
pub fn quote(number: u32, promised_ms: Option<u64>, locks_account: bool) -> Quote {
    let offer = Offer {
        kind: Kind::Esim,
        source: Source::Provider,
        provider: ProviderId("mobilexy".into()),
        plan: PlanKey("7".into()),
        package_code: None,
        title: "Japan 5 GB, 30 days".into(),
        data: DataVolume::Bytes(5 << 30),
        days: 30,
        cost: Exact::parse("4.5", Currency::EUR).expect("a decimal number"),
        rate: Rate::same(Currency::EUR, jiff::civil::date(2026, 11, 22)),
        retail: Amount::new(990, Currency::EUR),
        catalogue_version: 1,
        slow: false,
    };
    Quote {
        number: SaleNumber::of("K07", u64::from(number)),
        language: "en".into(),
        goods: vec![GoodQuote {
            choices: vec![Choice { offer, locks_account, balance_before: None, total_before: None }],
        }],
        amount: Amount::new(990, Currency::EUR),
        tax_rate: Some(1_900),
        consent: Consent { terms_version: "1".into(), privacy_version: "1".into(), immediate_delivery: true },
        day: 0,
        without_paper: false,
        continues: None,
        promised_ms,
    }
}

/// The terminal's approval of the sale with this number.
pub fn approval(number: u32) -> Box<Transaction> {
    let key = ApprovalKey {
        terminal_id: Some("12345678".into()),
        receipt: Some(format!("{number:06}")),
        trace: Some(format!("{number:06}")),
        amount_minor: Some(990),
    };
    Box::new(Transaction {
        result_code: Some(0),
        key,
        currency: Some(978),
        pan_last4: Some("4242".into()),
        ..Transaction::default()
    })
}

/// What is told of each step that the journal has taken.
pub struct Written<'a> {
    /// The sale after it.
    pub sale: &'a Sale,
    /// The step was written; else it is about to be.
    pub done: bool,
}

/// Plays sales straight into the journal, and counts.
pub struct Clerk<'a> {
    /// The journal.
    pub journal: &'a mut dyn Journal,
    /// Steps that were written.
    pub appends: u32,
    /// Time that the journal took for them.
    pub spent: Duration,
    /// Is told before and after each.
    tell: Option<&'a mut dyn FnMut(&Written<'_>)>,
}

impl<'a> Clerk<'a> {
    /// A clerk over this journal.
    pub fn new(journal: &'a mut dyn Journal) -> Self {
        Clerk { journal, appends: 0, spent: Duration::ZERO, tell: None }
    }

    /// The same, who tells before and after each step.
    pub fn telling(journal: &'a mut dyn Journal, tell: &'a mut dyn FnMut(&Written<'_>)) -> Self {
        Clerk { tell: Some(tell), ..Clerk::new(journal) }
    }

    /// Writes one step.
    ///
    /// # Errors
    /// The journal's.
    pub fn write(
        &mut self,
        before: Option<&Sale>,
        step: Step,
        profile: Option<(ProfileId, &Profile)>,
        number: u32,
    ) -> Result<Sale, JournalError> {
        if step.record.is_empty() {
            return Ok(step.next);
        }
        let held = before.map(Sale::locks).unwrap_or_default();
        let wanted = step.next.locks();
        let takes: Vec<_> = wanted.difference(&held).cloned().collect();
        let gives: Vec<_> = held.difference(&wanted).cloned().collect();
        let bytes = number.to_be_bytes();
        let claim = ClaimCode::from_random([9, bytes[0], bytes[1], bytes[2], bytes[3]]);
        let claim = before.is_none().then_some(&claim);
        let append = Append { sale: &step.next, entries: &step.record, takes: &takes, gives: &gives, profile, claim };
        self.told(&step.next, false);
        let start = Instant::now();
        self.journal.append(&append)?;
        self.spent += start.elapsed();
        self.appends += 1;
        self.told(&step.next, true);
        Ok(step.next)
    }

    fn told(&mut self, sale: &Sale, done: bool) {
        if let Some(tell) = &mut self.tell {
            tell(&Written { sale, done });
        }
    }

    /// A sale up to its approval.
    ///
    /// # Errors
    /// The journal's.
    pub fn begin(&mut self, number: u32, promised_ms: Option<u64>, locks_account: bool) -> Result<Sale, JournalError> {
        let run = self.journal.run();
        let id = SaleId::from_parts(1_795_000_000_000 + u64::from(number), u128::from(number) + 1);
        let Ok(step) = rules::choose(id, quote(number, promised_ms, locks_account), at(run, 0)) else {
            return Err(JournalError::Damaged { what: "a quote names nothing to deliver".to_owned() });
        };
        let mut sale = self.write(None, step, None, number)?;
        let events = [
            Event::BaselineRead { last: LastTransaction::Empty, totals: None },
            Event::TerminalTook,
            Event::Approved(approval(number)),
        ];
        for (place, event) in (1..).zip(&events) {
            sale = self.on(&sale, event, at(run, 100 * place), number)?;
        }
        Ok(sale)
    }

    /// What follows from one event.
    ///
    /// # Errors
    /// The journal's.
    pub fn on(&mut self, sale: &Sale, event: &Event, now: Moment, number: u32) -> Result<Sale, JournalError> {
        let step = rules::on(sale, event, now, &Terms::default());
        let name = ProfileId::from_parts(1, u128::from(number) + 1);
        let content = profile(number);
        let brought = matches!(event, Event::Goods { .. }).then_some((name, &content));
        self.write(Some(sale), step, brought, number)
    }

    /// A whole sale, or one that is paid and waits in the queue.
    ///
    /// # Errors
    /// The journal's.
    pub fn sell(&mut self, number: u32, promised_ms: Option<u64>, locks_account: bool) -> Result<SaleId, JournalError> {
        let run = self.journal.run();
        let mut sale = self.begin(number, promised_ms, locks_account)?;
        let delivered = GoodsNews::Delivered {
            reference: OrderReference(format!("O{number}")),
            profile: Some(ProfileId::from_parts(1, u128::from(number) + 1)),
            iccid: None,
            charged: None,
        };
        let mut events = Vec::new();
        if promised_ms.is_none() {
            events.push(Event::Goods { good: 0, news: delivered });
        }
        events.push(Event::Ended(Ending::Completed));
        if promised_ms.is_none() {
            events.extend([Event::HandOver, Event::HaveIt]);
        }
        events.push(Event::Left);
        for (place, event) in (5..).zip(&events) {
            sale = self.on(&sale, event, at(run, 100 * place), number)?;
        }
        Ok(sale.id)
    }
}
