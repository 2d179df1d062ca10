//! The books after everything has come to rest: what the kiosk wrote down against what the bank knows, what the
//! provider sold, and what travellers saw.

mod sights;

use super::damage::Known;
use super::stand::Stand;
use crate::sale::id::{ProfileId, SaleId};
use crate::sale::offer::Kind as OfferKind;
use crate::sale::record::{CaseKind, Record};
use crate::sale::{Closing, Good, Goods, Money, Sale};
use crate::sim::terminal::{LedgerPayment, PaymentState};

/// What is wrong, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One traveller paid twice.
    DoubleCharge,
    /// Paid, and neither goods nor money nor a case.
    ChargedForNothing,
    /// Goods shown, and nothing paid.
    GoodsForNothing,
    /// What the kiosk says of the money is not what the bank knows.
    MoneyToldWrong,
    /// "Goods issued" without its record.
    StrayCommit,
    /// The provider was asked to sell twice.
    DoubleOrder,
    /// Something was sold or booked that no record knows.
    LostRecord,
    /// A code on a screen or on paper that is not that sale's.
    WrongCode,
    /// Something was asked, ordered or given back although the journal may not be the newest.
    ActedInDoubt,
    /// A fault that was to strike and never did: its runs prove nothing.
    Toothless,
    /// A sale that never came to rest, a lock that was never given back, a kiosk that never sold again.
    Stuck,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Of which kind.
    pub kind: Kind,
    /// In words.
    pub what: String,
}

/// A sale that waits for nothing but a person or the traveller. A case about goods is no excuse to keep money: what
/// was paid must be given back at its deadline, whoever weighs the goods.
pub(super) fn is_settled(sale: &Sale, last: bool) -> bool {
    // What a newer program wrote keeps nobody from bringing everything else to its end.
    let asks = |kind| kind != CaseKind::NewerRecord;
    let waits_for_person = sale.cases.iter().any(|case| case.decided.is_none() && asks(case.kind));
    let waits_for_code = !last && sale.all_stored() && sale.traveller_gone;
    match sale.payment.money {
        _ if sale.closed.is_some() => true,
        // Whoever weighs what was given away: the subscription is ended first.
        _ if must_be_ended(sale) => false,
        Money::Paid => waits_for_code,
        Money::Unknown | Money::None | Money::Back | Money::RefundDue => waits_for_person,
        Money::Asked | Money::Held | Money::Committing | Money::Releasing => false,
    }
}

fn doubts_money(sale: &Sale) -> bool {
    sale.cases.iter().any(|case| case.kind.doubts_money() && case.decided.is_none())
}

fn gives_away(sale: &Sale) -> bool {
    sale.cases.iter().any(|case| case.kind == CaseKind::GivenAway)
}

/// A number that is told to run on: a person has the case.
fn number_runs(sale: &Sale) -> bool {
    sale.cases.iter().any(|case| case.kind == CaseKind::NumberRuns)
}

/// A number whose subscription is still to be ended, with nobody told that it cannot be.
fn must_be_ended(sale: &Sale) -> bool {
    let runs = |(place, good): (usize, &Good)| {
        matches!(sale.offer(place).kind, OfferKind::Number { .. }) && good.state == Goods::Stored && !good.cancelled
    };
    sale.goods.iter().enumerate().any(runs) && !number_runs(sale)
}

fn doubts_goods(sale: &Sale) -> bool {
    sale.cases.iter().any(|case| case.kind.doubts_goods() && case.decided.is_none())
}

fn holds(sale: &Sale, profile: ProfileId) -> bool {
    sale.goods.iter().any(|good| good.profile == Some(profile))
}

struct Auditor<'a> {
    stand: &'a Stand,
    sales: Vec<Sale>,
    payments: Vec<LedgerPayment>,
    wrongs: Vec<Wrong>,
    known: Known,
}

/// Everything that is wrong at this stand.
pub(super) fn audit(stand: &Stand) -> Vec<Wrong> {
    audit_since(stand, &Known::default())
}

/// The same, but for what had happened before the books were lost.
pub(super) fn audit_since(stand: &Stand, known: &Known) -> Vec<Wrong> {
    let payments = stand.terminal.ledger().book().payments;
    let mut auditor = Auditor { stand, sales: stand.disk.sales(), payments, wrongs: Vec::new(), known: *known };
    auditor.rest();
    auditor.payments();
    auditor.sales();
    auditor.orders();
    auditor.sights();
    auditor.shown_twice();
    auditor.codes_seen();
    auditor.sold_again();
    auditor.wrongs
}

impl Auditor<'_> {
    fn wrong(&mut self, kind: Kind, what: impl Into<String>) {
        self.wrongs.push(Wrong { kind, what: what.into() });
    }

    fn rest(&mut self) {
        for sale in self.sales.clone() {
            if !is_settled(&sale, true) {
                let goods: Vec<Goods> = sale.goods.iter().map(|good| good.state).collect();
                let money = sale.payment.money;
                self.wrong(Kind::Stuck, format!("{} rests at {money:?} / {goods:?}", sale.quote.number));
            }
        }
        for (lock, id) in self.stand.disk.locks() {
            let owner = self.sales.iter().find(|sale| sale.id == id);
            if owner.is_none_or(|sale| sale.closed.is_some() || !sale.locks().contains(&lock)) {
                self.wrong(Kind::Stuck, format!("{lock:?} is held by a sale that does not want it"));
            }
        }
    }

    /// Whose payment it is, by the receipt that was approved or paid.
    fn owner(&self, payment: &LedgerPayment) -> Option<Sale> {
        let receipt = payment.receipt.as_deref()?;
        let named = |sale: &&Sale| {
            let approved = sale.payment.approval.as_ref().and_then(|approval| approval.key.receipt.as_deref());
            let paid = sale.payment.paid_as.as_ref().and_then(|key| key.receipt.as_deref());
            approved == Some(receipt) || paid == Some(receipt)
        };
        self.sales.iter().find(named).cloned()
    }

    fn records(&self, id: SaleId) -> Vec<Record> {
        self.stand.disk.records(id)
    }

    fn payments(&mut self) {
        for payment in self.payments.clone().into_iter().skip(self.known.payments) {
            let owner = self.owner(&payment);
            let receipt = payment.receipt.clone().unwrap_or_default();
            if payment.goods_issued > 0 {
                let decided = owner.as_ref().is_some_and(|sale| {
                    self.records(sale.id).iter().any(|record| {
                        matches!(record, Record::CommitDecided { approval, .. } if approval.receipt == payment.receipt)
                    })
                });
                if !decided {
                    self.wrong(Kind::StrayCommit, format!("receipt {receipt} was committed without a record"));
                }
            }
            if payment.state == PaymentState::Booked && owner.is_none() {
                // A person who has the case will find it; nobody else does.
                let in_case = self.sales.iter().any(doubts_money);
                if !in_case {
                    self.wrong(Kind::ChargedForNothing, format!("receipt {receipt} is booked, and no sale knows it"));
                }
            }
        }
    }

    fn booked(&self, sale: &Sale) -> Vec<LedgerPayment> {
        let ours = |payment: &&LedgerPayment| {
            payment.state == PaymentState::Booked && self.owner(payment).is_some_and(|owner| owner.id == sale.id)
        };
        self.payments.iter().filter(ours).cloned().collect()
    }

    fn sales(&mut self) {
        for sale in self.sales.clone() {
            let booked = self.booked(&sale);
            let paid: u64 = booked.iter().map(|payment| payment.paid_minor).sum();
            let (number, closed) = (sale.quote.number.clone(), sale.closed);
            if booked.len() > 1 {
                self.wrong(Kind::DoubleCharge, format!("{number} was charged {} times", booked.len()));
            }
            let price = u64::try_from(sale.quote.amount.minor).unwrap_or(0);
            let told = match closed {
                Some(Closing::Delivered | Closing::Shown) => paid == price,
                Some(Closing::NotCharged | Closing::Refunded) => paid == 0,
                Some(Closing::GivenAway) => paid == 0,
                Some(Closing::RefundDue | Closing::Lost) | None => true,
            };
            if !told {
                self.wrong(Kind::MoneyToldWrong, format!("{number} is {closed:?}, and {paid} is booked"));
            }
            let exposed = sale.goods.iter().any(|good| good.exposed);
            // What is used up when it is ordered may be gone without payment: then a person has the case.
            let used_up = !sale.has_codes() && gives_away(&sale);
            if exposed && paid < price && !doubts_money(&sale) && !used_up {
                self.wrong(Kind::GoodsForNothing, format!("{number} was shown, and {paid} is booked"));
            }
            let goods_or_case = sale.all_exposed() || sale.closed == Some(Closing::RefundDue) || doubts_money(&sale);
            if paid > 0 && !goods_or_case {
                self.wrong(Kind::ChargedForNothing, format!("{number} was charged {paid} and has nothing for it"));
            }
        }
    }

    fn orders(&mut self) {
        let sold = self.stand.shop.sold();
        for order in sold.iter().skip(self.known.sold) {
            let reference = &order.reference.0;
            if sold.iter().filter(|other| other.key == order.key).count() > 1 {
                self.wrong(Kind::DoubleOrder, format!("{reference} was ordered more than once"));
            }
            if let Some((_, profile)) = self.stand.stocked.iter().find(|(order, _)| order == reference) {
                self.stocked(reference, *profile);
                continue;
            }
            let Some(sale) = self.sales.iter().find(|sale| sale.id == order.key.sale).cloned() else {
                self.wrong(Kind::LostRecord, format!("{reference} was sold for a sale that is not written down"));
                continue;
            };
            let sent = self.records(sale.id).iter().any(|record| matches!(record, Record::OrderSent { .. }));
            if !sent {
                self.wrong(Kind::LostRecord, format!("{reference} was sold, and its sending is not written down"));
            }
            let Some(good) = sale.goods.get(usize::from(order.key.index)) else {
                self.wrong(Kind::LostRecord, format!("{reference} was sold for a good that was never quoted"));
                continue;
            };
            let ended = self.stand.shop.ended().contains(&order.reference);
            if matches!(order.kind, OfferKind::Number { .. }) && !ended && !number_runs(&sale) && !doubts_goods(&sale) {
                self.wrong(Kind::LostRecord, format!("{reference} is a number whose subscription was never ended"));
            }
            // While nobody knows of the money, the code is kept back for whoever decides the case.
            let kept_back = good.state == Goods::Stored && doubts_money(&sale);
            let kept = good.state == Goods::Stored && (good.exposed || good.in_stock) || kept_back;
            if !kept && !doubts_goods(&sale) {
                let state = good.state;
                self.wrong(Kind::LostRecord, format!("{reference} was sold, and the kiosk rests at {state:?}"));
            }
        }
    }

    /// What lay in stock lies there still, or was shown to one traveller.
    fn stocked(&mut self, reference: &str, profile: ProfileId) {
        let shown = |sale: &&Sale| sale.goods.iter().any(|good| good.profile == Some(profile) && good.exposed);
        let sales = self.sales.iter().filter(shown).count();
        let state = self.stand.disk.stock_state(reference).unwrap_or_default();
        let there = matches!(state.as_str(), "free" | "reserved");
        match sales {
            0 if there => {}
            // While nobody knows of the money, it is kept back for whoever decides the case.
            0 if self.sales.iter().any(|sale| holds(sale, profile) && doubts_money(sale)) => {}
            1 if !there => {}
            0 => self.wrong(Kind::LostRecord, format!("{reference} is {state:?}, and nobody was shown it")),
            1 => self.wrong(Kind::WrongCode, format!("{reference} was shown, and is {state:?} again")),
            many => self.wrong(Kind::WrongCode, format!("{reference} was shown to {many} travellers")),
        }
    }
}
