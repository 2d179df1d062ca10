//! What the counter does for a sale: orders to the terminal, answers of the provider, the quote.

use std::time::Duration;

use super::counter::{Counter, Cue, Provider};
use crate::money::{Amount, Currency, Rate};
use crate::payment::{AuthoriseRequest, PaymentTerminal, QueryTag, TerminalOrder};
use crate::sale::Sale;
use crate::sale::effect::Effect;
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::{ProfileId, SaleNumber};
use crate::sale::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use crate::sale::record::{Choice, Consent, GoodQuote, Quote};
use crate::sale::transaction::{Ending, LastTransaction, ReversalOutcome};

impl Counter {
    pub(super) fn perform(&mut self, sale: &Sale, effect: Effect) {
        let id = sale.id;
        match effect {
            Effect::ReadBaseline => {
                let tag = QueryTag::Baseline(id);
                if self.running.terminal.order(TerminalOrder::Query { tag, patience_s: 120 }).is_err() {
                    let last = LastTransaction::Silent { evidence: "not served".to_owned() };
                    self.later(Duration::ZERO, Cue::Tell(Event::BaselineRead { last, totals: None }));
                }
            }
            Effect::Authorise => self.authorise(sale),
            Effect::Abort => self.order(TerminalOrder::Abort { sale: id }),
            Effect::Answer { approval, answer } => self.order(TerminalOrder::Answer { sale: id, approval, answer }),
            Effect::Order { good, .. } => {
                let (time, news) = match self.around.provider {
                    Provider::Delivers(time) => (time, delivered(self.sales)),
                    Provider::Refuses(time) => (time, GoodsNews::Refused("no such plan".to_owned())),
                    Provider::Forgets(_) => (Duration::from_secs(20), GoodsNews::Unknown("no answer".to_owned())),
                };
                self.later(time, Cue::Tell(Event::Goods { good, news }));
            }
            Effect::LookUp { good, after_ms } | Effect::Fetch { good, after_ms, .. } => {
                let news = match self.around.provider {
                    Provider::Delivers(_) => delivered(self.sales),
                    Provider::Refuses(_) => GoodsNews::NotThere,
                    Provider::Forgets(time) if self.run_began.elapsed() >= time => delivered(self.sales),
                    Provider::Forgets(_) => GoodsNews::NoAnswer,
                };
                self.later(Duration::from_millis(after_ms), Cue::Tell(Event::Goods { good, news }));
            }
            Effect::QueryCharged { after_ms } => self.later(Duration::from_millis(after_ms), Cue::AskCharged),
            Effect::QueryReversed { after_ms } => self.later(Duration::from_millis(after_ms), Cue::AskReversed),
            Effect::Reverse => self.reverse(sale),
            // One eSIM at a time is sold here: no basket, no number.
            Effect::ReadWallet { .. } | Effect::Cancel { .. } | Effect::Reveal | Effect::Print { .. } => {}
        }
    }

    fn authorise(&mut self, sale: &Sale) {
        let request = AuthoriseRequest {
            sale: sale.id,
            amount: sale.quote.amount,
            hold_seconds: self.around.hold_seconds,
            hold_count: self.around.hold_count,
            language: "en".to_owned(),
            printer_ready: true,
            last_good_receipt: None,
        };
        if let Some(time) = self.around.cancels_after {
            self.later(time, Cue::Tell(Event::CancelWished));
        }
        if self.running.terminal.order(TerminalOrder::Authorise(request)).is_err() {
            self.later(Duration::ZERO, Cue::Tell(Event::Ended(Ending::NotStarted { result_code: 0 })));
        }
    }

    fn reverse(&mut self, sale: &Sale) {
        let Some(key) = &sale.payment.paid_as else { return };
        let Some(receipt) = key.receipt.clone() else { return };
        let trace = key.trace.clone();
        let order = TerminalOrder::Reverse { sale: sale.id, receipt, trace, amount: sale.quote.amount };
        if self.running.terminal.order(order).is_err() {
            let outcome = ReversalOutcome::Unknown { evidence: "not served".to_owned() };
            self.later(Duration::ZERO, Cue::Tell(Event::Reversed(outcome)));
        }
    }

    fn order(&self, order: TerminalOrder) {
        if self.running.terminal.order(order).is_err() {
            tracing::debug!("the terminal's task does not take orders");
        }
    }
}

fn delivered(sale: u64) -> GoodsNews {
    GoodsNews::Delivered {
        reference: OrderReference(format!("order-{sale}")),
        profile: Some(ProfileId::from_parts(sale, u128::from(sale))),
        iccid: None,
        charged: None,
    }
}

pub(super) fn quote(number: u64, amount_minor: i64) -> Quote {
    let amount = Amount::new(amount_minor, Currency::EUR);
    let offer = Offer {
        kind: Kind::Esim,
        source: Source::Provider,
        provider: ProviderId("tortured".into()),
        plan: PlanKey("1".into()),
        package_code: None,
        title: "Anywhere 1 GB".into(),
        data: DataVolume::Bytes(1 << 30),
        days: 7,
        cost: Amount::new(0, Currency::EUR).exact(),
        rate: Rate::same(Currency::EUR, jiff::civil::date(2026, 11, 1)),
        retail: amount,
        catalogue_version: 1,
        slow: false,
    };
    Quote {
        number: SaleNumber::of("K99", number),
        language: "en".into(),
        goods: vec![GoodQuote {
            choices: vec![Choice { offer, locks_account: false, balance_before: None, total_before: None }],
        }],
        amount,
        tax_rate: None,
        consent: Consent { terms_version: "1".into(), privacy_version: "1".into(), immediate_delivery: true },
        day: 0,
        without_paper: false,
        continues: None,
        promised_ms: None,
    }
}
