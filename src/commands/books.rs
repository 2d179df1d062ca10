//! `esim-kiosk sales export`: the books, one row a good.

use jiff::Timestamp;
use serde::Serialize;

use super::out::{Failed, Out};
use crate::journal::archive::{Archive, SaleRow, Wanted};
use crate::journal::{JournalError, word};
use crate::money::Amount;
use crate::sale::Sale;
use crate::sale::offer::Source;
use crate::sale::record::CaseKind;

/// A row of the books.
#[derive(Debug, Default, Serialize)]
struct BookRow {
    number: String,
    id: String,
    chosen: String,
    closed: String,
    money: String,
    good: usize,
    title: String,
    gross: String,
    currency: String,
    tax_percent: String,
    tax: String,
    provider: String,
    plan: String,
    cost: String,
    cost_currency: String,
    order: String,
    iccid: String,
    terminal: String,
    receipt: String,
    trace: String,
    approval: String,
    last4: String,
    closed_at: String,
    state: String,
    in_stock: Option<bool>,
    charged: String,
    charged_currency: String,
    records: &'static str,
}

fn utc(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn plain(amount: Amount) -> String {
    amount.to_string().split(' ').next().unwrap_or_default().to_owned()
}

impl BookRow {
    /// What the row of the sale knows, whatever became of its records.
    fn of_row(row: &SaleRow) -> Self {
        let currency = row.currency.parse();
        BookRow {
            number: row.number.clone(),
            id: row.id.to_string(),
            chosen: utc(row.opened_ms),
            closed: row.closed.clone().unwrap_or_else(|| "open".to_owned()),
            closed_at: row.closed_ms.map(utc).unwrap_or_default(),
            money: row.money.clone(),
            gross: currency.map_or_else(|_| String::new(), |currency| plain(Amount::new(row.amount_minor, currency))),
            currency: row.currency.clone(),
            receipt: row.receipt.clone().unwrap_or_default(),
            last4: row.last4.clone().unwrap_or_default(),
            ..BookRow::default()
        }
    }

    /// A sale whose records are not there to be read, as one row: the gross of all its goods.
    fn of_remains(archive: &Archive, row: &SaleRow, records: &'static str) -> Result<Self, Failed> {
        let remains = archive.remains(row.id)?;
        let (terminal, receipt, trace) = remains.receipt.unwrap_or_default();
        let known = BookRow::of_row(row);
        let of_orders = |what: fn(&(String, String)) -> &String| {
            remains.orders.iter().map(|order| what(order).as_str()).collect::<Vec<_>>().join("+")
        };
        Ok(BookRow {
            provider: of_orders(|order| &order.0),
            order: of_orders(|order| &order.1),
            terminal,
            receipt: if receipt.is_empty() { known.receipt.clone() } else { receipt },
            trace,
            state: row.goods.join("+"),
            records,
            ..known
        })
    }

    fn of(archive: &Archive, row: &SaleRow, sale: &Sale, good: usize) -> Result<Self, Failed> {
        let offer = sale.offer(good);
        let state = &sale.goods[good];
        let approval = sale.payment.approval.as_deref();
        let key = sale.payment.paid_as.as_ref().or(approval.map(|approval| &approval.key));
        let text = |field: Option<&Option<String>>| field.cloned().flatten().unwrap_or_default();
        let rate = sale.quote.tax_rate;
        let order = match (&state.reference, &offer.source) {
            (Some(reference), _) => Some(reference.0.clone()),
            (None, Source::Stock { profile }) => archive.stock_order(*profile)?,
            (None, Source::Provider) => None,
        };
        // What went into the stock costs the sale that sells it from there, and no other.
        let costs = sale.was_bought(good) && !state.in_stock;
        let cost = Some(offer.cost).filter(|_| costs);
        Ok(BookRow {
            money: word(&sale.payment.money),
            good,
            title: offer.title.clone(),
            gross: plain(offer.retail),
            currency: offer.retail.currency.to_string(),
            tax_percent: rate.map_or(String::new(), |rate| format!("{}.{:02}", rate / 100, rate % 100)),
            tax: rate.map_or(String::new(), |rate| plain(offer.retail.tax_within(rate))),
            provider: offer.provider.to_string(),
            plan: offer.plan.0.clone(),
            cost: cost.map_or(String::new(), |cost| cost.decimal()),
            cost_currency: cost.map_or(String::new(), |cost| cost.currency.to_string()),
            order: order.unwrap_or_default(),
            iccid: state.iccid.as_ref().map_or(String::new(), |iccid| iccid.as_str().to_owned()),
            terminal: text(key.map(|key| &key.terminal_id)),
            receipt: text(key.map(|key| &key.receipt)),
            trace: text(key.map(|key| &key.trace)),
            approval: text(approval.map(|approval| &approval.approval_code)),
            last4: text(approval.map(|approval| &approval.pan_last4)),
            state: word(&state.state),
            in_stock: Some(state.in_stock),
            charged: state.charged.map_or(String::new(), |charged| charged.decimal()),
            charged_currency: state.charged.map_or(String::new(), |charged| charged.currency.to_string()),
            records: "whole",
            ..BookRow::of_row(row)
        })
    }

    /// One row a good; one for the whole sale where only its row can still be read.
    fn all_of(archive: &Archive, row: &SaleRow) -> Result<Vec<Self>, Failed> {
        match archive.sale(row.id) {
            Ok(Some(sale)) if sale.cases.iter().any(|case| case.kind == CaseKind::NewerRecord) => {
                let of = |good| Ok(BookRow { records: "newer", ..BookRow::of(archive, row, &sale, good)? });
                (0..sale.goods.len()).map(of).collect()
            }
            Ok(Some(sale)) => (0..sale.goods.len()).map(|good| BookRow::of(archive, row, &sale, good)).collect(),
            Ok(None) => Ok(vec![BookRow::of_remains(archive, row, "aged_out")?]),
            Err(JournalError::Damaged { .. }) => Ok(vec![BookRow::of_remains(archive, row, "unreadable")?]),
            Err(error) => Err(error.into()),
        }
    }
}

pub(super) fn export(archive: &Archive, wanted: &Wanted, out: &mut Out) -> Result<(), Failed> {
    let mut rows = archive.list(wanted)?;
    rows.reverse();
    let mut headed = false;
    for row in rows {
        for book in BookRow::all_of(archive, &row)? {
            let book = serde_json::to_value(book)?;
            let Some(fields) = book.as_object().filter(|_| !out.is_json()) else {
                out.value(&book)?;
                continue;
            };
            if !headed {
                out.line(COLUMNS.join(","))?;
                headed = true;
            }
            let cells: Vec<String> = COLUMNS.iter().map(|column| csv(&fields[*column])).collect();
            out.line(cells.join(","))?;
        }
    }
    Ok(())
}

/// The columns of the CSV, in their order; new ones are added behind.
const COLUMNS: [&str; 28] = [
    "number",
    "id",
    "chosen",
    "closed",
    "money",
    "good",
    "title",
    "gross",
    "currency",
    "tax_percent",
    "tax",
    "provider",
    "plan",
    "cost",
    "cost_currency",
    "order",
    "iccid",
    "terminal",
    "receipt",
    "trace",
    "approval",
    "last4",
    "closed_at",
    "state",
    "in_stock",
    "charged",
    "charged_currency",
    "records",
];

/// A cell of RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn csv(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::Null => String::new(),
        value => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    let formula = value.is_string() && text.starts_with(['=', '+', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
