//! With no service running: this process opens the terminal's line itself, and keeps every other one out by the
//! journal's lock.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::super::order::{now, write};
use super::super::out::Failed;
use super::super::{alone, waiting};
use super::in_lines;
use crate::config::Config;
use crate::journal::archive::Archive;
use crate::journal::place::{Place, leave_to_owner};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{DayEnding, Journal, Kept};
use crate::kiosk::{found_closed, keeps_day_open, reckoning, standing};
use crate::payment::profile::{TerminalProfile, keep_measured};
use crate::payment::zvt::{Aftermath, ZvtTerminal};
use crate::payment::{
    DayOutcome, OperatorReport, OperatorTask, PaymentTerminal, QueryTag, TerminalEvent, TerminalOrder, TerminalService,
};
use crate::sale::effect::Effect;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::transaction::Totals;
use crate::sale::{Lock, Money, Sale, reverse_now, rules};

/// So long is a terminal asked what became of a reversal; after that the next start of the service asks on.
const GIVE_UP: Duration = Duration::from_secs(300);
/// Longest wait for one answer: a terminal at rest, asked, and closing its day.
const ANSWER_MAX: Duration = Duration::from_secs(600);

/// Carries out a task and tells how it ended.
pub(super) fn carry_out(config: &Config, task: OperatorTask) -> Result<OperatorReport, Failed> {
    if let OperatorTask::Reverse { receipt, .. } = &task
        && Place::of(&config.journal).has_database()
    {
        let mut journal = open(config)?;
        if let Some(sale) = journal.sale_of_receipt(receipt)? {
            return waiting(give_back(&mut journal, sale, config));
        }
        free_of_payments(&mut journal)?;
        return perform(config, task);
    }
    let _held = alone(config)?;
    nobody_pays(config)?;
    perform(config, task)
}

/// For `check`.
pub(in crate::commands) fn one_status(config: &Config) -> Result<String, Failed> {
    nobody_pays(config)?;
    let report = perform(config, OperatorTask::Status)?;
    if report.ok { Ok(in_lines(&report).join(", ")) } else { Err(Failed::told(report.message)) }
}

fn open(config: &Config) -> Result<SqliteJournal, Failed> {
    let journal = SqliteJournal::open_there(&config.journal)?;
    match journal.estranged() {
        None => Ok(journal),
        Some(why) => {
            Err(Failed::told(format!("the journal may not be the newest ({why}): `esim-kiosk sales adopt` first")))
        }
    }
}

/// While a payment's money is open the terminal answers to its sale alone.
fn nobody_pays(config: &Config) -> Result<(), Failed> {
    if !Place::of(&config.journal).has_database() {
        return Ok(());
    }
    free(&Archive::open(&config.journal)?.locks()?)
}

fn free_of_payments(journal: &mut SqliteJournal) -> Result<(), Failed> {
    free(&journal.locks()?)
}

fn free(locks: &[(Lock, SaleId)]) -> Result<(), Failed> {
    match locks.iter().find(|(lock, _)| *lock == Lock::Terminal) {
        None => Ok(()),
        Some((_, sale)) => Err(Failed::told(format!(
            "the payment of sale {sale} is not decided: start the service, it asks the terminal what became of it"
        ))),
    }
}

fn perform(config: &Config, task: OperatorTask) -> Result<OperatorReport, Failed> {
    let mut report = waiting(async {
        let mut line = Line::open(config)?;
        tokio::select! {
            report = line.terminal.perform(task) => Ok(report?),
            // Nobody else listens to what the terminal tells beside its answer.
            () = async { while line.told.recv().await.is_some() {} } => {
                Err(Failed::told("the terminal's line is not being served"))
            }
        }
    })?;
    if report.hold.is_some() {
        let place = TerminalProfile::place(&config.journal.directory);
        if keep_measured(&mut report, &place, jiff::Timestamp::now()).is_some() {
            // The service reads it at its next start.
            leave_to_owner(&place);
        }
    }
    Ok(report)
}

/// The terminal's line, opened by this process.
struct Line {
    terminal: ZvtTerminal,
    told: mpsc::Receiver<TerminalEvent>,
    patience_s: u16,
}

impl Line {
    fn open(config: &Config) -> Result<Line, Failed> {
        let Some(address) = config.terminal.address.clone() else {
            return Err(Failed::told("terminal.address is missing"));
        };
        let (events, told) = mpsc::channel(64);
        let zvt = config.terminal.zvt(config.machine.currency);
        let patience_s = u16::try_from(zvt.timers.longest_hold.as_secs() + 30).unwrap_or(u16::MAX);
        let (terminal, _serving) = ZvtTerminal::start(zvt, address, events, Aftermath::Settled);
        Ok(Line { terminal, told, patience_s })
    }

    /// The terminal answers.
    async fn is_there(&mut self) -> Result<(), Failed> {
        let report = tokio::select! {
            report = self.terminal.perform(OperatorTask::Status) => report?,
            // Nobody else listens to what the terminal tells beside its answer.
            () = async { while self.told.recv().await.is_some() {} } => {
                return Err(Failed::told("the terminal's line is not being served"));
            }
        };
        if report.ok { Ok(()) } else { Err(Failed::told(report.message)) }
    }

    /// Gives an order and waits for the event that answers it.
    async fn ask<T>(
        &mut self,
        order: TerminalOrder,
        answers: impl Fn(TerminalEvent) -> Option<T>,
    ) -> Result<T, Failed> {
        self.terminal.order(order)?;
        let answered = timeout(ANSWER_MAX, async {
            while let Some(event) = self.told.recv().await {
                if let Some(answer) = answers(event) {
                    return Some(answer);
                }
            }
            None
        });
        answered.await.ok().flatten().ok_or_else(|| Failed::told("the terminal did not answer: is it switched on?"))
    }

    /// What an effect of a give-back comes to.
    async fn carry_out(&mut self, sale: &Sale, effect: &Effect) -> Result<Option<Event>, Failed> {
        match effect {
            Effect::Reverse => {
                let Some(key) = &sale.payment.paid_as else { return Ok(None) };
                let order = TerminalOrder::Reverse {
                    sale: sale.id,
                    receipt: key.receipt.clone().unwrap_or_default(),
                    trace: key.trace.clone(),
                    amount: sale.quote.amount,
                };
                let event = self.ask(order, |event| match event {
                    TerminalEvent::Reversed { outcome, .. } => Some(Event::Reversed(outcome)),
                    _ => None,
                });
                event.await.map(Some)
            }
            Effect::QueryReversed { after_ms } => {
                tokio::time::sleep(Duration::from_millis(*after_ms)).await;
                let order = TerminalOrder::Query { tag: QueryTag::Reversed(sale.id), patience_s: self.patience_s };
                let event = self.ask(order, |event| match event {
                    TerminalEvent::Answered { last, at_rest, .. } => Some(Event::StillCharged { last, at_rest }),
                    _ => None,
                });
                event.await.map(Some)
            }
            // Goods and papers wait for the service.
            _ => Ok(None),
        }
    }
}

/// Gives a sale's money back by its own rules, record by record, as the service would.
async fn give_back(journal: &mut SqliteJournal, id: SaleId, config: &Config) -> Result<OperatorReport, Failed> {
    let terms = config.terms();
    let mut sale = journal.sale(id)?.ok_or_else(|| Failed::told(format!("there is no sale {id}")))?;
    let number = sale.quote.number.clone();
    let refused = |money| Err(Failed::told(format!("the receipt is of sale {number}: {}", standing(money))));
    match sale.payment.money {
        Money::Paid => free_of_payments(journal)?,
        Money::Releasing => {}
        money => return refused(money),
    }
    let mut line = Line::open(config)?;
    // Nothing is written down for a terminal that nobody can reach, or whose line somebody else holds.
    line.is_there().await?;
    let step = match sale.payment.money {
        Money::Paid => {
            let reason = "esim-kiosk terminal reverse".to_owned();
            sale = write(journal, rules::on(&sale, &Event::GiveBack { reason }, now(journal), &terms))?.next;
            reverse_now(&sale, now(journal), &terms, current_day(journal)?)
        }
        Money::Releasing if sale.wants_terminal() => reverse_now(&sale, now(journal), &terms, current_day(journal)?),
        Money::Releasing if sale.payment.reversal_open => rules::on(&sale, &Event::Restarted, now(journal), &terms),
        money => return refused(money),
    };
    let mut step = write(journal, step)?;
    let began = Instant::now();
    while step.next.payment.money == Money::Releasing && began.elapsed() < GIVE_UP {
        let mut heard = None;
        for effect in std::mem::take(&mut step.effects) {
            heard = heard.or(line.carry_out(&step.next, &effect).await?);
        }
        let Some(event) = heard else { break };
        step = write(journal, rules::on(&step.next, &event, now(journal), &terms))?;
    }
    match step.next.payment.money {
        Money::Back => {
            let message = format!("the money of sale {number} is back on the card");
            Ok(OperatorReport { ok: true, message, ..OperatorReport::default() })
        }
        Money::Releasing => Err(Failed::told(format!(
            "the reversal of sale {number} was sent and not answered: start the service, it asks on until it knows"
        ))),
        money => refused(money),
    }
}

/// The terminal's day as a reversal must see it: one that may be closed takes none.
fn current_day(journal: &mut SqliteJournal) -> Result<u64, Failed> {
    let closing = journal.day_ending()?.is_some_and(|ending| ending.tries > 0);
    Ok(journal.day()? + u64::from(closing))
}

/// How an end of day went.
#[derive(Debug, Serialize)]
pub(super) struct DayTold {
    /// In words.
    pub(super) message: String,
    totals: Option<Totals>,
}

/// Closes the terminal's day: the barrier of sale.md 5, journalled as the service does it.
pub(super) fn end_of_day(config: &Config) -> Result<DayTold, Failed> {
    let mut journal = open(config)?;
    free_of_payments(&mut journal)?;
    if let Some(sale) = journal.open_sales()?.iter().find(|sale| keeps_day_open(sale)) {
        return Err(Failed::told(format!(
            "sale {} is not decided, or its eSIM was never shown: start the service, it gives the money back first",
            sale.quote.number
        )));
    }
    let begun = DayEnding { since: now(&journal), tries: 0, sent: false, totals: None };
    let mut ending = journal.day_ending()?.unwrap_or(begun);
    journal.end_day(Some(&ending))?;
    waiting(async {
        let mut line = Line::open(config)?;
        let order = TerminalOrder::Query { tag: QueryTag::EndOfDay, patience_s: line.patience_s };
        let (totals, at_rest) = line
            .ask(order, |event| match event {
                TerminalEvent::Answered { totals, at_rest, .. } => Some((totals, at_rest)),
                _ => None,
            })
            .await?;
        if !at_rest {
            return Err(Failed::told(
                "the terminal was not at rest: its day is still open, cards wait until it is closed",
            ));
        }
        if found_closed(&ending, totals) {
            return close(&mut journal, "found closed after a break", ending.totals);
        }
        ending =
            DayEnding { sent: true, tries: ending.tries.saturating_add(1), totals: totals.or(ending.totals), ..ending };
        journal.end_day(Some(&ending))?;
        let outcome = line.ask(TerminalOrder::EndOfDay, |event| match event {
            TerminalEvent::DayClosed { outcome, .. } => Some(outcome),
            _ => None,
        });
        match outcome.await? {
            DayOutcome::Closed { totals } => close(&mut journal, "by an operator's command", ending.totals.or(totals)),
            DayOutcome::Refused { result_code } => Err(Failed::told(format!(
                "the terminal refuses to close its day ({result_code:02X}): cards wait, the service tries again"
            ))),
            DayOutcome::Unknown { evidence } => {
                Err(Failed::told(format!("nobody knows whether the day was closed ({evidence}): the service asks")))
            }
        }
    })
}

fn close(journal: &mut SqliteJournal, evidence: &str, totals: Option<Totals>) -> Result<DayTold, Failed> {
    let at = now(journal);
    let made = reckoning::since_last_day(journal, &std::collections::BTreeMap::new(), totals, at.wall_ms)?;
    let json = serde_json::to_string(&made)?;
    let kept = Kept { made_ms: at.wall_ms, balanced: made.balances(), json: &json };
    let day = journal.day_closed(evidence, Some(&kept), at)?;
    let sum =
        totals.map_or(String::new(), |totals| format!(", {} payments, {} minor units", totals.count, totals.sum_minor));
    let books = if made.balances() {
        made.verdict()
    } else {
        "THE BOOKS DO NOT BALANCE: esim-kiosk sales reconcile --last 1".to_owned()
    };
    Ok(DayTold { message: format!("day {day} is closed{sum}; {books}"), totals })
}
