//! `esim-kiosk sales …`: the journal for support and for the books. Read only, also while the service runs.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::load;
use super::out::{Failed, Out, table};
use crate::config::Config;
use crate::journal::archive::{Archive, CaseRow, SaleRow, Wanted};
use crate::money::{Amount, Currency, EXACT_SCALE, parse_scaled};
use crate::sale::Sale;
use crate::sale::record::Entry;

/// What to read.
#[derive(Debug, Subcommand)]
pub(super) enum Sales {
    /// The latest sales, the newest first.
    List {
        /// Only those with something left to do, or a case.
        #[arg(long)]
        open: bool,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        from: File,
    },
    /// One sale with every record and its evidence.
    Show {
        /// Its number (`K07-000123`) or id.
        number: String,
        #[command(flatten)]
        from: File,
    },
    /// Sales by what a caller remembers.
    Find {
        /// Around this local time: `2026-11-22T14:30`.
        #[arg(long)]
        time: Option<DateTime>,
        /// So many minutes before and after it.
        #[arg(long, default_value_t = 60)]
        minutes: u16,
        /// The amount, such as 9.90.
        #[arg(long)]
        amount: Option<String>,
        /// The card's last four digits.
        #[arg(long)]
        last4: Option<String>,
        #[command(flatten)]
        from: File,
    },
    /// What a person must weigh, the most urgent first.
    Cases {
        /// The decided ones too.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        from: File,
    },
    /// What lies in stock, counted by state.
    Stock {
        #[command(flatten)]
        from: File,
    },
    /// For the books: one row a good, as CSV, or as JSON lines with --json.
    Export {
        /// From this local day on.
        #[arg(long = "from")]
        first: Date,
        /// Until this local day, which is the last one.
        #[arg(long = "to")]
        last: Date,
        #[command(flatten)]
        from: File,
    },
}

/// Where to read.
#[derive(Debug, Args)]
pub(super) struct File {
    /// A backup, or a journal that was set aside, instead of the one of the configuration.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) fn sales(wish: &Sales, path: &Path, out: &mut Out) -> Result<(), Failed> {
    let config = load(path)?;
    let zone = config.machine.zone();
    match wish {
        Sales::List { open, limit, from } => {
            let wanted = Wanted { open: *open, limit: Some(*limit), ..Wanted::default() };
            list(&from.archive(&config)?, &wanted, &zone, out)
        }
        Sales::Find { time, minutes, amount, last4, from } => {
            if time.is_none() && amount.is_none() && last4.is_none() {
                return Err(Failed::told("name at least one of --time, --amount and --last4"));
            }
            let around = time.map(|time| at_zone(time, &zone)).transpose()?;
            let span = i64::from(*minutes) * 60_000;
            let wanted = Wanted {
                from_ms: around.map(|at| at - span),
                to_ms: around.map(|at| at + span + 1),
                amount_minor: amount.as_deref().map(|text| minor(text, config.machine.currency)).transpose()?,
                last4: last4.clone(),
                ..Wanted::default()
            };
            list(&from.archive(&config)?, &wanted, &zone, out)
        }
        Sales::Show { number, from } => show(&from.archive(&config)?, number, &zone, out),
        Sales::Cases { all, from } => {
            let cases = from.archive(&config)?.cases(*all)?;
            out.either(&cases, |cases| cases.iter().flat_map(|case| case_lines(case, &zone)).collect())
        }
        Sales::Stock { from } => {
            let stock = from.archive(&config)?.stock()?;
            out.either(&stock, |stock| {
                table(&stock.iter().map(|row| vec![row.state.clone(), row.count.to_string()]).collect::<Vec<_>>())
            })
        }
        Sales::Export { first, last, from } => {
            let end = last.tomorrow()?;
            let wanted = Wanted {
                from_ms: Some(at_zone(first.to_datetime(jiff::civil::Time::midnight()), &zone)?),
                to_ms: Some(at_zone(end.to_datetime(jiff::civil::Time::midnight()), &zone)?),
                ..Wanted::default()
            };
            export(&from.archive(&config)?, &wanted, out)
        }
    }
}

impl File {
    fn archive(&self, config: &Config) -> Result<Archive, Failed> {
        Ok(match &self.file {
            Some(file) => Archive::open_file(file)?,
            None => Archive::open(&config.journal)?,
        })
    }
}

fn at_zone(time: DateTime, zone: &TimeZone) -> Result<i64, Failed> {
    Ok(time.to_zoned(zone.clone())?.timestamp().as_millisecond())
}

fn minor(text: &str, currency: Currency) -> Result<i64, Failed> {
    let one = EXACT_SCALE / 10_i128.pow(u32::from(currency.exponent()));
    let units = parse_scaled(text)?;
    i64::try_from(units / one)
        .ok()
        .filter(|_| units % one == 0)
        .ok_or_else(|| Failed::told(format!("{text:?} is no sum in {currency}: write one such as 9.90")))
}

/// Local time with the zone, for people.
fn local(ms: i64, zone: &TimeZone) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

fn money(minor: i64, currency: &str) -> String {
    currency.parse().map_or_else(|_| format!("{minor} {currency}"), |currency| Amount::new(minor, currency).to_string())
}

fn list(archive: &Archive, wanted: &Wanted, zone: &TimeZone, out: &mut Out) -> Result<(), Failed> {
    let rows = archive.list(wanted)?;
    out.either(&rows, |rows| {
        let line = |row: &SaleRow| {
            vec![
                row.number.clone(),
                local(row.opened_ms, zone),
                money(row.amount_minor, &row.currency),
                row.closed.clone().unwrap_or_else(|| format!("open: {}", row.phase)),
                format!("money {}", row.money),
                format!("goods {}", row.goods.join("+")),
                row.last4.as_ref().map_or(String::new(), |last4| format!("card …{last4}")),
                if row.open_cases > 0 { format!("{} open cases", row.open_cases) } else { String::new() },
            ]
        };
        if rows.is_empty() {
            vec!["no such sale".to_owned()]
        } else {
            table(&rows.iter().map(line).collect::<Vec<_>>())
        }
    })
}

fn case_lines(case: &CaseRow, zone: &TimeZone) -> Vec<String> {
    let decided = match (&case.decision, &case.reason) {
        (Some(decision), Some(reason)) => format!("  decided: {decision} ({reason})"),
        _ => format!("  look until {}", local(case.due_ms, zone)),
    };
    vec![
        format!("{} case {}: {} since {}", case.number, case.place, case.kind, local(case.opened_ms, zone)),
        format!("  {}", case.evidence),
        decided,
    ]
}

/// A sale for programs.
#[derive(Serialize)]
struct Shown<'a> {
    sale: &'a Sale,
    records: &'a [Entry],
}

fn show(archive: &Archive, number: &str, zone: &TimeZone, out: &mut Out) -> Result<(), Failed> {
    let id = archive.find(number)?.ok_or_else(|| Failed::told(format!("there is no sale {number:?}")))?;
    let entries = archive.entries(id)?;
    let sale = archive.sale(id)?.ok_or_else(|| Failed::told(format!("sale {number:?} has no records")))?;
    if out.is_json() {
        return out.value(&Shown { sale: &sale, records: &entries });
    }
    out.line(format!("{}  {}", sale.quote.number, sale.id))?;
    out.line(format!("amount {}, money {:?}, phase {:?}", sale.quote.amount, sale.payment.money, sale.phase()))?;
    for (place, good) in sale.goods.iter().enumerate() {
        let offer = sale.offer(place);
        let shown = if good.exposed { ", shown" } else { "" };
        out.line(format!("good {place}: {} from {}, {:?}{shown}", offer.title, offer.provider, good.state))?;
    }
    for (seq, entry) in entries.iter().enumerate() {
        let mut record = serde_json::to_value(&entry.record)?;
        let kind = record.as_object_mut().and_then(|fields| fields.remove("kind"));
        let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let evidence = match &record {
            serde_json::Value::Object(fields) if fields.is_empty() => String::new(),
            other => other.to_string(),
        };
        let clock = if entry.at.synced { "" } else { " (clock not set)" };
        let time = local(entry.at.wall_ms, zone);
        let line = format!("{seq:>3}  {time}{clock}  run {}  {kind} {evidence}", entry.at.run);
        out.line(line.trim_end())?;
    }
    Ok(())
}

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

fn export(archive: &Archive, wanted: &Wanted, out: &mut Out) -> Result<(), Failed> {
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
