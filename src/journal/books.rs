//! A sale as the books want it: what the export writes and what the back office is sent. No code, no claim code.

use jiff::Timestamp;
use serde::Serialize;

use super::append::word;
use crate::sale::Sale;
use crate::sale::id::SaleId;

/// The version of this shape; it rises when a field changes its meaning, not when one is added.
pub const SHAPE: u32 = 1;

/// A whole sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Booked {
    /// [`SHAPE`].
    pub shape: u32,
    /// The label.
    pub number: String,
    /// The id, for ever the same: the key by which a receiver knows a repetition.
    pub id: String,
    /// When it was chosen, RFC 3339, UTC.
    pub chosen: String,
    /// When it closed.
    pub closed_at: Option<String>,
    /// How it closed: `delivered`, `shown`, `not_charged`, `refunded`, `refund_due`, `given_away`, `lost`.
    pub closed: Option<String>,
    /// Where the money is.
    pub money: String,
    /// What was asked of the card, in minor units.
    pub gross_minor: i64,
    /// The tax within it.
    pub tax_minor: Option<i64>,
    /// The tax in hundredths of a percent.
    pub tax_rate: Option<u32>,
    /// The currency of both.
    pub currency: String,
    /// The payment.
    pub payment: BookedPayment,
    /// The goods; none where the records of the sale cannot be read any more.
    pub goods: Vec<BookedGood>,
    /// Cases: kind, and what was decided.
    pub cases: Vec<BookedCase>,
}

/// A payment, by the terminal's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedPayment {
    /// Terminal id.
    pub terminal: Option<String>,
    /// Receipt number.
    pub receipt: Option<String>,
    /// Trace number.
    pub trace: Option<String>,
    /// Approval code.
    pub approval: Option<String>,
    /// Last four digits of the card.
    pub last4: Option<String>,
    /// The card's product name.
    pub card: Option<String>,
    /// Number of the last end of day before it.
    pub day: u64,
}

/// A good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedGood {
    /// Its name on the receipt.
    pub title: String,
    /// Where it is.
    pub state: String,
    /// It was shown or used up.
    pub exposed: bool,
    /// It went into the stock.
    pub in_stock: bool,
    /// Its price within the gross, in minor units.
    pub retail_minor: i64,
    /// The account.
    pub provider: String,
    /// The plan there.
    pub plan: String,
    /// The provider's name of the order.
    pub order: Option<String>,
    /// What it cost us, as decimal text.
    pub cost: String,
    /// In which currency.
    pub cost_currency: String,
    /// The card's number.
    pub iccid: Option<String>,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookedCase {
    /// What it is about; `unreadable` where the records of the sale cannot be read any more.
    pub kind: String,
    /// What was decided.
    pub decision: Option<String>,
}

impl Booked {
    /// A sale as it stands.
    pub fn of(sale: &Sale, closed_ms: Option<i64>) -> Self {
        let rate = sale.quote.tax_rate;
        let amount = sale.quote.amount;
        Booked {
            shape: SHAPE,
            number: sale.quote.number.0.clone(),
            id: sale.id.to_string(),
            chosen: utc(sale.chosen_at.wall_ms),
            closed_at: closed_ms.map(utc),
            closed: sale.closed.as_ref().map(word),
            money: word(&sale.payment.money),
            gross_minor: amount.minor,
            tax_minor: rate.map(|rate| amount.tax_within(rate).minor),
            tax_rate: rate,
            currency: amount.currency.to_string(),
            payment: BookedPayment::of(sale),
            goods: (0..sale.goods.len()).map(|good| BookedGood::of(sale, good)).collect(),
            cases: sale
                .cases
                .iter()
                .map(|case| BookedCase { kind: word(&case.kind), decision: case.decided.as_ref().map(word) })
                .collect(),
        }
    }
}

/// What the row of a sale knows, whatever became of its records.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) number: String,
    pub(super) opened_ms: i64,
    pub(super) closed: Option<String>,
    pub(super) money: String,
    pub(super) gross_minor: i64,
    pub(super) currency: String,
}

impl Booked {
    /// A sale whose records cannot be read any more: what is left, with the gross of all its goods and no good by itself.
    pub(super) fn of_remains(
        id: SaleId,
        known: Known,
        closed_ms: i64,
        payment: BookedPayment,
        cases: Vec<BookedCase>,
    ) -> Self {
        Booked {
            shape: SHAPE,
            number: known.number,
            id: id.to_string(),
            chosen: utc(known.opened_ms),
            closed_at: Some(utc(closed_ms)),
            closed: known.closed,
            money: known.money,
            gross_minor: known.gross_minor,
            tax_minor: None,
            tax_rate: None,
            currency: known.currency,
            payment,
            goods: Vec::new(),
            cases,
        }
    }
}

impl BookedPayment {
    fn of(sale: &Sale) -> Self {
        let approval = sale.payment.approval.as_deref();
        let key = sale.payment.paid_as.as_ref().or(approval.map(|approval| &approval.key));
        BookedPayment {
            terminal: key.and_then(|key| key.terminal_id.clone()),
            receipt: key.and_then(|key| key.receipt.clone()),
            trace: key.and_then(|key| key.trace.clone()),
            approval: approval.and_then(|approval| approval.approval_code.clone()),
            last4: approval.and_then(|approval| approval.pan_last4.clone()),
            card: approval.and_then(|approval| approval.card_name.clone()),
            day: sale.quote.day,
        }
    }
}

impl BookedGood {
    fn of(sale: &Sale, index: usize) -> Self {
        let (offer, good) = (sale.offer(index), &sale.goods[index]);
        BookedGood {
            title: offer.title.clone(),
            state: word(&good.state),
            exposed: good.exposed,
            in_stock: good.in_stock,
            retail_minor: offer.retail.minor,
            provider: offer.provider.to_string(),
            plan: offer.plan.0.clone(),
            order: good.reference.as_ref().map(|reference| reference.0.clone()),
            cost: offer.cost.decimal(),
            cost_currency: offer.cost.currency.to_string(),
            iccid: good.iccid.as_ref().map(|iccid| iccid.as_str().to_owned()),
        }
    }
}

fn utc(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
