//! `esim-kiosk sales export`: the books, one row a good.

use jiff::Timestamp;
use serde::Serialize;

use super::out::{Failed, Out};
use crate::journal::archive::{Archive, Wanted};
use crate::money::Amount;
use crate::sale::Sale;

/// A row of the books.
#[derive(Debug, Serialize)]
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
}

impl BookRow {
    fn of(sale: &Sale, closed: &str, good: usize) -> Self {
        let offer = sale.offer(good);
        let state = &sale.goods[good];
        let approval = sale.payment.approval.as_deref();
        let key = sale.payment.paid_as.as_ref().or(approval.map(|approval| &approval.key));
        let text = |field: Option<&Option<String>>| field.cloned().flatten().unwrap_or_default();
        let chosen = Timestamp::from_millisecond(sale.chosen_at.wall_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let plain = |amount: Amount| {
            let shown = amount.to_string();
            shown.split(' ').next().unwrap_or_default().to_owned()
        };
        let rate = sale.quote.tax_rate;
        BookRow {
            number: sale.quote.number.0.clone(),
            id: sale.id.to_string(),
            chosen: chosen.to_string(),
            closed: closed.to_owned(),
            money: crate::journal::word(&sale.payment.money),
            good,
            title: offer.title.clone(),
            gross: plain(offer.retail),
            currency: offer.retail.currency.to_string(),
            tax_percent: rate.map_or(String::new(), |rate| format!("{}.{:02}", rate / 100, rate % 100)),
            tax: rate.map_or(String::new(), |rate| plain(offer.retail.tax_within(rate))),
            provider: offer.provider.to_string(),
            plan: offer.plan.0.clone(),
            cost: offer.cost.decimal(),
            cost_currency: offer.cost.currency.to_string(),
            order: state.reference.as_ref().map_or(String::new(), |reference| reference.0.clone()),
            iccid: state.iccid.as_ref().map_or(String::new(), |iccid| iccid.as_str().to_owned()),
            terminal: text(key.map(|key| &key.terminal_id)),
            receipt: text(key.map(|key| &key.receipt)),
            trace: text(key.map(|key| &key.trace)),
            approval: text(approval.map(|approval| &approval.approval_code)),
            last4: text(approval.map(|approval| &approval.pan_last4)),
        }
    }
}

pub(super) fn export(archive: &Archive, wanted: &Wanted, out: &mut Out) -> Result<(), Failed> {
    let mut rows = archive.list(wanted)?;
    rows.reverse();
    let mut headed = false;
    for row in rows {
        let Some(sale) = archive.sale(row.id)? else { continue };
        let closed = row.closed.as_deref().unwrap_or("open");
        for good in 0..sale.goods.len() {
            let book = serde_json::to_value(BookRow::of(&sale, closed, good))?;
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

/// The columns of the CSV, in their order.
const COLUMNS: [&str; 22] = [
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
];

/// A cell of RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn csv(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let formula = value.is_string() && text.starts_with(['=', '+', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
