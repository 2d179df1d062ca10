//! Sales as tests play them: one quote, one terminal, every record folded again after every event.

use super::effect::Effect;
use super::event::{Event, GoodsNews};
use super::id::{ProfileId, SaleId, SaleNumber};
use super::moment::Moment;
use super::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use super::record::{Choice, Consent, Entry, GoodQuote, Quote};
use super::rules::{choose, on};
use super::transaction::{Answer, ApprovalKey, LastTransaction, Transaction};
use super::{Sale, Step, Terms};
use crate::money::{Amount, Currency, Exact, Rate};

pub(crate) fn at(mono_ms: u64) -> Moment {
    Moment { run: 1, mono_ms, wall_ms: 1_800_000_000_000 + i64::try_from(mono_ms).unwrap(), synced: true }
}

pub(crate) fn offer(provider: &str) -> Offer {
    Offer {
        kind: Kind::Esim,
        source: Source::Provider,
        provider: ProviderId(provider.into()),
        plan: PlanKey("7".into()),
        package_code: None,
        title: "Japan 5 GB, 30 days".into(),
        data: DataVolume::Bytes(5 << 30),
        days: 30,
        cost: Exact::parse("4.5", Currency::USD).unwrap(),
        rate: Rate::same(Currency::EUR, jiff::civil::date(2026, 11, 1)),
        retail: Amount::new(990, Currency::EUR),
        catalogue_version: 1,
        slow: false,
    }
}

pub(crate) fn quote(providers: &[&str]) -> Quote {
    let choices = providers
        .iter()
        .map(|name| Choice { offer: offer(name), locks_account: true, balance_before: None, total_before: None })
        .collect();
    Quote {
        number: SaleNumber::of("K07", 123),
        language: "en".into(),
        goods: vec![GoodQuote { choices }],
        amount: Amount::new(990, Currency::EUR),
        tax_rate: Some(1900),
        consent: Consent { terms_version: "1".into(), privacy_version: "1".into(), immediate_delivery: true },
        day: 4,
        without_paper: false,
        continues: None,
        promised_ms: None,
    }
}

pub(crate) fn transaction(receipt: &str, minor: u64) -> Transaction {
    Transaction {
        result_code: Some(0),
        key: ApprovalKey {
            terminal_id: Some("12345678".into()),
            receipt: Some(receipt.into()),
            trace: Some(format!("00{receipt}")),
            amount_minor: Some(minor),
        },
        currency: Some(978),
        payment_type: Some(0x60),
        ..Transaction::default()
    }
}

/// A sale being played, with everything written down.
pub(crate) struct Played {
    pub(crate) sale: Sale,
    pub(crate) entries: Vec<Entry>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) terms: Terms,
}

impl Played {
    pub(crate) fn new(providers: &[&str]) -> Self {
        Self::of(quote(providers))
    }

    pub(crate) fn of(quote: Quote) -> Self {
        let step = choose(SaleId::from_parts(1, 1), quote, at(0)).unwrap();
        Played { sale: step.next, entries: step.record, effects: step.effects, terms: Terms::default() }
    }

    pub(crate) fn asked(providers: &[&str]) -> Self {
        let mut played = Self::new(providers);
        played.on(
            10,
            Event::BaselineRead { last: LastTransaction::Is(Box::new(transaction("0041", 500))), totals: None },
        );
        assert_eq!(played.effects, [Effect::Authorise]);
        played
    }

    pub(crate) fn held(providers: &[&str]) -> Self {
        let mut played = Self::asked(providers);
        played.on(1_000, Event::Approved(Box::new(transaction("0042", 990))));
        assert!(matches!(&played.effects[..], [Effect::Order { good: 0, .. }]), "{:?}", played.effects);
        played
    }

    pub(crate) fn on(&mut self, ms: u64, event: Event) -> &mut Self {
        self.on_at(at(ms), event)
    }

    pub(crate) fn on_at(&mut self, now: Moment, event: Event) -> &mut Self {
        let step = on(&self.sale, &event, now, &self.terms);
        self.take(step)
    }

    /// What follows from a step, and that its records say the same.
    pub(crate) fn take(&mut self, step: Step) -> &mut Self {
        self.entries.extend(step.record);
        self.sale = step.next;
        self.effects = step.effects;
        let mut replayed = Sale::replay(self.sale.id, &self.entries).unwrap();
        replayed.waiting_since = self.sale.waiting_since;
        for (good, known) in replayed.goods.iter_mut().zip(&self.sale.goods) {
            good.look_ups = known.look_ups;
            good.reading = known.reading;
            good.cancelling = known.cancelling;
        }
        assert_eq!(replayed, self.sale, "the fold of the records is the sale");
        self
    }

    pub(crate) fn delivered(&mut self, ms: u64) -> &mut Self {
        self.on(
            ms,
            Event::Goods {
                good: 0,
                news: GoodsNews::Delivered {
                    reference: OrderReference("ORD1".into()),
                    profile: Some(ProfileId::from_parts(5, 5)),
                    iccid: None,
                    charged: None,
                },
            },
        )
    }

    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Answer { answer, .. } => Some(*answer),
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn query(last: LastTransaction) -> Event {
    Event::Charged { last, totals: None, at_rest: true, bound_elsewhere: false }
}
