//! The ledgers of terminal and provider against what the kiosk has written down and shown.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::journal::archive::{Archive, Wanted};
use crate::sale::offer::Source;
use crate::sale::record::{CaseKind, Record};
use crate::sale::{Closing, Good, Goods, Money, Sale};
use crate::sim::providers::Provider;
use crate::sim::stage::Stage;
use crate::sim::terminal::PaymentState;

/// One life of a kiosk, from outside.
#[derive(Debug)]
pub(super) struct Life {
    /// What the traveller was shown, a line each.
    pub(super) said: String,
    /// The last line of its log.
    pub(super) words: String,
    /// It ended by SIGKILL.
    pub(super) killed: bool,
    /// It ended as it should.
    pub(super) well: bool,
}

impl Life {
    /// The claim code that stood on the pay screen.
    pub(super) fn claim(&self) -> Option<String> {
        self.lines("claim ").next().map(|(_, code)| code)
    }

    /// Activation codes with the label of the sale under which they were shown.
    fn codes(&self) -> Vec<(String, String)> {
        self.lines("code ").collect()
    }

    fn lines<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
        self.said.lines().filter_map(move |line| {
            let (number, code) = line.strip_prefix(kind)?.split_once(' ')?;
            Some((number.to_owned(), code.to_owned()))
        })
    }
}

/// How far the books were before a sale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    payments: usize,
    orders: usize,
    sales: usize,
    days: usize,
    /// What lies in stock, whoever it is kept for.
    stock: usize,
}

impl Sums {
    pub(super) fn of(stage: &Stage) -> io::Result<Sums> {
        Ok(Sums {
            payments: stage.terminal.ledger().book().payments.len(),
            orders: stage.providers.panel().ledger(Provider::Mobilexy).orders.len(),
            sales: sales(stage)?.len(),
            days: days_of(stage)?,
            stock: stocked(stage)?.len(),
        })
    }
}

fn wrong(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// Every sale of the journal, oldest first, with its records.
fn sales(stage: &Stage) -> io::Result<Vec<(Sale, Vec<Record>)>> {
    let Some(archive) = archive(stage)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for row in archive.list(&Wanted::default()).map_err(wrong)? {
        let entries = archive.entries(row.id).map_err(wrong)?;
        let sale = Sale::replay(row.id, &entries).map_err(wrong)?;
        found.push((sale, entries.into_iter().map(|entry| entry.record).collect()));
    }
    found.sort_by_key(|(sale, _)| sale.id);
    Ok(found)
}

fn archive(stage: &Stage) -> io::Result<Option<Archive>> {
    let config = Config::load(&stage.config).map_err(wrong)?;
    if !crate::journal::place::Place::of(&config.journal).has_database() {
        return Ok(None);
    }
    Archive::open(&config.journal).map(Some).map_err(wrong)
}

/// Ends of day that the kiosk has reckoned.
fn days_of(stage: &Stage) -> io::Result<usize> {
    let Some(archive) = archive(stage)? else { return Ok(0) };
    Ok(archive.reckonings(100_000).map_err(wrong)?.len())
}

/// Orders of what lies in stock and may still be sold to somebody.
fn stocked(stage: &Stage) -> io::Result<Vec<String>> {
    let Some(archive) = archive(stage)? else { return Ok(Vec::new()) };
    let rows = archive.stock_rows().map_err(wrong)?.into_iter();
    Ok(rows.filter(|row| matches!(row.state.as_str(), "free" | "reserved")).filter_map(|row| row.order).collect())
}

/// To how many of the new sales happened what was arranged.
pub(super) fn bites(stage: &Stage, before: &Sums, teeth: fn(&Sale) -> bool) -> io::Result<usize> {
    Ok(sales(stage)?.iter().skip(before.sales).filter(|(sale, _)| teeth(sale)).count())
}

/// The day is closed: the kiosk says so, the terminal says so, and what nobody has seen is paid for by nobody.
pub(super) fn days(stage: &Stage, before: &Sums) -> io::Result<Vec<String>> {
    let mut wrongs = Vec::new();
    let (told, closed) = (days_of(stage)?, stage.terminal.ledger().book().days.len());
    if told <= before.days {
        wrongs.push(format!("the kiosk knows {told} ends of day, as before"));
    }
    // One whose confirmation fell into the break is found by its totals; it is never closed unseen.
    if told > closed {
        wrongs.push(format!("the kiosk knows {told} ends of day, and the terminal has had {closed}"));
    }
    for (sale, _) in sales(stage)?.iter().skip(before.sales) {
        if sale.payment.money == Money::Paid && !sale.goods.iter().any(|good| good.exposed) {
            wrongs.push(format!("{} was kept paid and unseen over the end of the day", sale.quote.number));
        }
    }
    Ok(wrongs)
}

fn open_case(sale: &Sale, about: fn(CaseKind) -> bool) -> bool {
    sale.cases.iter().any(|case| case.decided.is_none() && about(case.kind))
}

/// Everything that is wrong with the sales since `before`.
pub(super) async fn wrongs(stage: &Stage, before: &Sums, lives: &[Life]) -> io::Result<Vec<String>> {
    let panel = stage.terminal.panel();
    let until = Instant::now() + Duration::from_secs(30);
    while !panel.is_at_rest() && Instant::now() < until {
        sleep(Duration::from_millis(50)).await;
    }
    let mut wrongs = Vec::new();
    let all = sales(stage)?;
    let fresh = all.get(before.sales..).unwrap_or_default();
    money(stage, before, fresh, &mut wrongs);
    goods(stage, before, fresh, &mut wrongs);
    codes(stage, &all, lives, &mut wrongs)?;
    shelf(stage, before, fresh, &mut wrongs)?;
    if !wrongs.is_empty() {
        let kinds = |records: &[Record]| -> Vec<String> {
            let kind = |record: &Record| serde_json::to_value(record).ok()?.get("kind")?.as_str().map(str::to_owned);
            records.iter().filter_map(kind).collect()
        };
        wrongs.extend(fresh.iter().map(|(sale, records)| format!("{}: {:?}", sale.quote.number, kinds(records))));
    }
    Ok(wrongs)
}

fn money(stage: &Stage, before: &Sums, fresh: &[(Sale, Vec<Record>)], wrongs: &mut Vec<String>) {
    let payments = stage.terminal.ledger().book().payments;
    let payments = payments.get(before.payments..).unwrap_or_default();
    let asked: u64 =
        fresh.iter().map(|(sale, _)| u64::try_from(sale.quote.amount.minor).unwrap_or(0)).max().unwrap_or(0);
    let paid: u64 = payments.iter().map(|payment| payment.paid_minor).sum();
    if paid > asked {
        wrongs.push(format!("the cardholder paid {paid} for {asked}"));
    }
    for payment in payments.iter().filter(|payment| payment.goods_issued > 0) {
        let decided = fresh.iter().flat_map(|(_, records)| records).any(
            |record| matches!(record, Record::CommitDecided { approval, .. } if approval.receipt == payment.receipt),
        );
        if !decided {
            wrongs.push(format!("receipt {:?} was committed without its record", payment.receipt));
        }
    }
    let booked = payments.iter().any(|payment| payment.state == PaymentState::Booked);
    if fresh.is_empty() && booked {
        wrongs.push("a card was charged, and no sale is written down".to_owned());
    }
    for (sale, _) in fresh {
        let told = match (sale.payment.money, sale.closed) {
            (_, Some(Closing::Delivered | Closing::Shown)) | (Money::Paid, None) => paid == asked,
            (_, Some(Closing::NotCharged | Closing::Refunded | Closing::GivenAway))
            | (Money::None | Money::Back, None) => paid == 0,
            _ => open_case(sale, CaseKind::doubts_money),
        };
        if !told {
            let (number, money, closed) = (&sale.quote.number, sale.payment.money, sale.closed);
            wrongs.push(format!("{number} rests at {money:?} / {closed:?}, and the cardholder paid {paid} of {asked}"));
        }
        let exposed = sale.goods.iter().any(|good| good.exposed);
        let claimable = sale.payment.money == Money::Paid && sale.all_stored();
        // An order in doubt: a person weighs it, and at the promised hour the money goes back.
        let promised = sale.quote.promised_ms.is_some() && open_case(sale, CaseKind::doubts_goods);
        let claimable = claimable || sale.payment.money == Money::Paid && promised;
        if paid > 0 && !exposed && !claimable && !open_case(sale, CaseKind::doubts_money) {
            wrongs.push(format!("{} was charged and has nothing for it", sale.quote.number));
        }
    }
}

fn goods(stage: &Stage, before: &Sums, fresh: &[(Sale, Vec<Record>)], wrongs: &mut Vec<String>) {
    let orders = stage.providers.panel().ledger(Provider::Mobilexy).orders;
    let orders = orders.get(before.orders..).unwrap_or_default();
    let wanted = fresh.iter().map(|(sale, _)| sale.goods.len()).max().unwrap_or(1);
    if orders.len() > wanted {
        wrongs.push(format!("the provider sold {} times for a sale of {wanted}", orders.len()));
    }
    let sent = fresh.iter().flat_map(|(_, records)| records).any(|record| matches!(record, Record::OrderSent { .. }));
    if !orders.is_empty() && !sent {
        wrongs.push("the provider sold what nobody wrote down to have ordered".to_owned());
    }
    for (sale, _) in fresh {
        let bought = sale.goods.iter().filter(|good| !matches!(good.state, Goods::None | Goods::Absent)).count();
        let settled = |good: &Good| match good.state {
            Goods::Stored => good.exposed || good.in_stock || sale.payment.money == Money::Paid,
            // Still asked for, by the next start too; or a person weighs it.
            Goods::None | Goods::Absent | Goods::Asked | Goods::Accepted | Goods::Unknown => true,
        };
        let settled = orders.len() <= bought && sale.goods.iter().all(settled);
        if !settled && !open_case(sale, CaseKind::doubts_goods) {
            let states: Vec<Goods> = sale.goods.iter().map(|good| good.state).collect();
            wrongs.push(format!("{}: {states:?}, and {} were sold", sale.quote.number, orders.len()));
        }
    }
}

/// What lies in stock is less by what was shown, and more by what came too late; nothing else.
fn shelf(stage: &Stage, before: &Sums, fresh: &[(Sale, Vec<Record>)], wrongs: &mut Vec<String>) -> io::Result<()> {
    let good = |count: fn(&Sale, usize, &Good) -> bool| {
        let of = |sale: &Sale| sale.goods.iter().enumerate().filter(|(place, one)| count(sale, *place, one)).count();
        fresh.iter().map(|(sale, _)| of(sale)).sum::<usize>()
    };
    let went = good(|sale, place, one| {
        matches!(sale.offer(place).source, Source::Stock { .. }) && one.profile.is_some() && !one.in_stock
    });
    let came = good(|sale, place, one| matches!(sale.offer(place).source, Source::Provider) && one.in_stock);
    let there = stocked(stage)?.len();
    if there + went != before.stock + came {
        let had = before.stock;
        wrongs.push(format!("{had} lay in stock, {went} were sold, {came} came, and {there} lie there"));
    }
    Ok(())
}

fn codes(stage: &Stage, all: &[(Sale, Vec<Record>)], lives: &[Life], wrongs: &mut Vec<String>) -> io::Result<()> {
    let for_sale = stocked(stage)?;
    let orders = stage.providers.panel().ledger(Provider::Mobilexy).orders;
    for (number, code) in lives.iter().flat_map(Life::codes) {
        let sale = all.iter().find(|(sale, _)| sale.quote.number.0 == number);
        let order = orders.iter().find(|order| order.lpa.contains(&code));
        let theirs = sale.zip(order).is_some_and(|((sale, _), order)| {
            let named = |good: &Good| good.reference.as_ref().is_some_and(|reference| reference.0 == order.reference);
            let stocked = (0..sale.goods.len()).any(|place| matches!(sale.offer(place).source, Source::Stock { .. }));
            sale.goods.iter().any(named) || stocked
        });
        if order.is_some_and(|order| for_sale.contains(&order.reference)) {
            wrongs.push(format!("{number} showed a code that is for sale to somebody else"));
        }
        if !theirs {
            wrongs.push(format!("{number} showed a code that is not its own"));
        }
        let exposed =
            sale.is_some_and(|(_, records)| records.iter().any(|record| matches!(record, Record::Exposed { .. })));
        if !exposed {
            wrongs.push(format!("{number} was shown, and that is not written down"));
        }
    }
    Ok(())
}
