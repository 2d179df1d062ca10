//! `esim-kiosk sales …`: the journal for support and for the books. What reads works also while the service runs; what
//! changes anything is ordered from the service.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::out::{Failed, Out, table};
use super::{books, load, order};
use crate::config::Config;
use crate::journal::JournalError;
use crate::journal::archive::{Archive, CaseRow, SaleRow, Wanted};
use crate::journal::place::Place;
use crate::kiosk::OperatorCommand;
use crate::money::{Amount, Currency, EXACT_SCALE, parse_scaled};
use crate::sale::Sale;
use crate::sale::id::SaleId;
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
        /// The claim code that the traveller holds; dashes and small letters are welcome.
        #[arg(long, value_name = "CODE", conflicts_with = "file")]
        claim: Option<String>,
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
    /// Sales that are paid and wait for the network, with their promised hour.
    Queue {
        #[command(flatten)]
        from: File,
    },
    /// Close a case by stating a fact, with its witness and a reason, also the case of a sale that cannot be read any
    /// more. Nothing is deleted.
    Decide(order::Decide),
    /// Print the receipt of a sale again, marked as a copy, without the activation code.
    Reprint {
        /// Its number (`K07-000123`).
        number: String,
    },
    /// Compare journal, terminal and providers; fails where they do not agree.
    Reconcile {
        /// Instead, the last so many that were kept at ends of day.
        #[arg(long, value_name = "N")]
        last: Option<u32>,
        /// Instead, write down why the kept ones did not balance: the alarm `books` ends.
        #[arg(long, value_name = "REASON", conflicts_with = "last")]
        settle: Option<String>,
    },
    /// How everything stands: selling, queue, outbox, stock, cases. Asked of the running service.
    Status,
    /// May the machine restart now? Fails while a sale is between the card and the hand-over, or money goes back.
    MayRestart,
    /// Close the terminal's day: cards wait until it is over.
    EndOfDay,
    /// Take a journal that may not be the newest as it is, and sell again.
    Adopt,
    /// Copy the whole journal, also while the service runs. The codes in it stay sealed.
    Backup {
        /// The file to make, outside the journal's directory; it is replaced only by a whole one.
        to: PathBuf,
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
        Sales::Find { time, minutes, amount, last4, claim, from } => {
            if time.is_none() && amount.is_none() && last4.is_none() && claim.is_none() {
                return Err(Failed::told("name at least one of --time, --amount, --last4 and --claim"));
            }
            let around = time.map(|time| at_zone(time, &zone)).transpose()?;
            let span = i64::from(*minutes) * 60_000;
            let wanted = Wanted {
                id: claim.as_deref().map(|code| order::by_claim(code, &config)).transpose()?,
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
        Sales::Queue { from } => queue(&from.archive(&config)?, &zone, out),
        Sales::Decide(wish) => order::decide(wish, &config, out),
        Sales::Reprint { number } => {
            order::by_service(&OperatorCommand::Reprint { number: number.clone() }, &config, out)
        }
        Sales::Reconcile { settle: Some(reason), .. } => order::settle(reason, &config, out),
        Sales::Reconcile { last, settle: None } => order::reconcile(*last, &config, out),
        Sales::Status => order::by_service(&OperatorCommand::Status, &config, out),
        Sales::MayRestart => order::by_service(&OperatorCommand::MayRestart, &config, out),
        Sales::EndOfDay => order::by_service(&OperatorCommand::EndOfDay, &config, out),
        Sales::Adopt => order::adopt(&config, out),
        Sales::Backup { to } => {
            let place = Place::of(&config.journal);
            if place.holds(to) {
                return Err(Failed::told(format!(
                    "{} lies in {}, among the journal's own files: name a place elsewhere, best on another disk",
                    to.display(),
                    place.directory.display()
                )));
            }
            Archive::open(&config.journal)?.back_up(to)?;
            out.either(&serde_json::json!({ "backup": to }), |_| vec![format!("copied to {}", to.display())])
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
            books::export(&from.archive(&config)?, &wanted, out)
        }
    }
}

impl File {
    pub(super) fn archive(&self, config: &Config) -> Result<Archive, Failed> {
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
    let (entries, sale) = match (archive.entries(id), archive.sale(id)) {
        (Err(JournalError::Damaged { what }), _) | (_, Err(JournalError::Damaged { what })) => {
            return show_raw(archive, id, &what, out);
        }
        (entries, sale) => (entries?, sale?),
    };
    let aged_out = || format!("the records of sale {number} went with the years: `sales export` has what is left");
    let sale = sale.ok_or_else(|| Failed::told(aged_out()))?;
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

/// What lies there of a sale that cannot be read any more, for whoever decides its case.
fn show_raw(archive: &Archive, id: SaleId, why: &str, out: &mut Out) -> Result<(), Failed> {
    let records = archive.raw(id)?;
    let value = serde_json::json!({ "id": id, "unreadable": why, "records": records });
    out.either(&value, |_| {
        let first = format!("{id} cannot be read any more ({why}); its records as they lie there:");
        [first].into_iter().chain(records.iter().cloned()).collect()
    })
}

/// One line a sale that waits.
fn queue(archive: &Archive, zone: &TimeZone, out: &mut Out) -> Result<(), Failed> {
    let sales = archive.queue()?;
    let until = |sale: &Sale| {
        sale.promised_at()
            .wall_ms
            .saturating_add(i64::try_from(sale.quote.promised_ms.unwrap_or(0)).unwrap_or(i64::MAX))
    };
    if out.is_json() {
        let rows: Vec<_> = sales
            .iter()
            .map(|sale| {
                serde_json::json!({
                    "number": sale.quote.number,
                    "money": sale.payment.money,
                    "goods": sale.goods.iter().map(|good| good.state).collect::<Vec<_>>(),
                    "promised_until_ms": until(sale),
                })
            })
            .collect();
        return out.value(&rows);
    }
    let rows: Vec<Vec<String>> = sales
        .iter()
        .map(|sale| {
            vec![
                sale.quote.number.to_string(),
                sale.quote.amount.to_string(),
                format!("money {}", crate::journal::word(&sale.payment.money)),
                format!("goods {}", crate::journal::word(&sale.goods[0].state)),
                format!("promised until {}", local(until(sale), zone)),
            ]
        })
        .collect();
    if rows.is_empty() {
        return out.line("nothing waits");
    }
    table(&rows).into_iter().try_for_each(|line| out.line(line))
}
