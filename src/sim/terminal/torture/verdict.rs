//! What the kiosk says against what the ledger knows.

use serde::Serialize;

use super::counter::Outcome;
use crate::sale::Money;
use crate::sim::terminal::{Kind, LedgerPayment};

/// How a sale ended, in the kiosk's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// Paid, and the eSIM is the traveller's.
    Delivered,
    /// Surely not paid.
    NotCharged,
    /// Paid and given back.
    Refunded,
    /// A case for the acquirer, with everything it needs.
    RefundDue,
    /// A case for the operator: nobody says whether it was paid.
    Doubtful,
    /// It never came to rest.
    Endless,
}

impl End {
    pub(super) fn letter(self) -> char {
        match self {
            End::Delivered => 'D',
            End::NotCharged => 'n',
            End::Refunded => 'r',
            End::RefundDue => 'a',
            End::Doubtful => '?',
            End::Endless => '!',
        }
    }

    pub(super) fn of(outcome: &Outcome) -> End {
        match outcome.sale.payment.money {
            _ if outcome.endless => End::Endless,
            Money::Paid => End::Delivered,
            Money::None => End::NotCharged,
            Money::Back => End::Refunded,
            Money::RefundDue => End::RefundDue,
            _ => End::Doubtful,
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Which run: `matrix` or `random`.
    pub run: &'static str,
    /// The seed of a random run.
    pub seed: Option<u64>,
    /// Sales tried.
    pub cases: u32,
    /// Sales whose story is not the ledger's, or that ended otherwise than the table allows.
    pub mismatches: u32,
    /// A card was asked or charged twice for one sale.
    pub double_charges: u32,
    /// A cardholder paid and has neither the goods, nor the money, nor a case.
    pub charged_without_goods: u32,
    /// Goods were shown and the cardholder did not pay.
    pub goods_without_charge: u32,
    /// Sales that never came to rest.
    pub endless: u32,
    /// Paid and delivered.
    pub delivered: u32,
    /// Not charged.
    pub not_charged: u32,
    /// Given back.
    pub refunded: u32,
    /// Cases for the acquirer.
    pub refund_due: u32,
    /// Cases in which nobody can say whether the card was charged.
    pub doubtful: u32,
    /// Faults that struck.
    pub faults: u64,
    /// Messages of terminal and kiosk on which they could strike, where counted.
    pub kills: u32,
    /// Real milliseconds.
    pub took_ms: u64,
}

/// What is wrong with a sale, in words; empty if all is well.
pub(super) fn wrongs(outcome: &Outcome, payments: &[LedgerPayment], counts: &mut Counts) -> Vec<String> {
    let mut wrongs = Vec::new();
    let end = End::of(outcome);
    let asked = u64::try_from(outcome.sale.quote.amount.minor).unwrap_or(0);
    let payments: Vec<&LedgerPayment> = payments.iter().filter(|p| p.kind == Kind::Payment).collect();
    let paid: u64 = payments.iter().map(|p| p.paid_minor).sum();
    if payments.len() > 1 {
        counts.double_charges += 1;
        wrongs.push(format!("the card was asked {} times", payments.len()));
    }
    let exposed = outcome.sale.goods.iter().any(|good| good.exposed);
    let told = match end {
        End::Delivered => paid == asked,
        End::NotCharged | End::Refunded => paid == 0,
        End::RefundDue | End::Doubtful => true,
        End::Endless => false,
    };
    if !told {
        wrongs.push(format!("the kiosk says {end:?}, the cardholder paid {paid} of {asked}"));
    }
    if paid > 0 && matches!(end, End::NotCharged | End::Refunded) {
        counts.charged_without_goods += 1;
    }
    if exposed && paid < asked {
        counts.goods_without_charge += 1;
        wrongs.push("goods were shown and not paid".to_owned());
    }
    if end == End::Delivered && !outcome.sale.all_stored() {
        counts.charged_without_goods += 1;
        wrongs.push("paid, and the goods are not there".to_owned());
    }
    let committed = payments.iter().map(|p| p.goods_issued).sum::<u32>();
    if committed > 0 && outcome.sale.payment.decision != Some(crate::sale::Decision::Commit) {
        let later = matches!(outcome.sale.payment.decision, Some(crate::sale::Decision::Release(_)))
            && matches!(end, End::Refunded | End::RefundDue);
        if !later {
            wrongs.push(format!("\"goods issued\" was said {committed} times and never decided"));
        }
    }
    tally(end, counts);
    wrongs
}

fn tally(end: End, counts: &mut Counts) {
    counts.cases += 1;
    match end {
        End::Delivered => counts.delivered += 1,
        End::NotCharged => counts.not_charged += 1,
        End::Refunded => counts.refunded += 1,
        End::RefundDue => counts.refund_due += 1,
        End::Doubtful => counts.doubtful += 1,
        End::Endless => counts.endless += 1,
    }
}
