//! What only the running service may do: ordered over its control socket. What changes the journal alone is done here
//! with the service stopped, under the journal's own lock.

use std::io::Read;

use clap::{Args, ValueEnum};

use super::out::{Failed, Out};
use super::waiting;
use crate::config::Config;
use crate::control::{self, NoAnswer};
use crate::esim::wall;
use crate::journal::archive::{Archive, Wanted};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Append, Journal};
use crate::kiosk::operator::{
    self, FetchedCode, GoodsFact, MoneyFact, OperatorAnswer, OperatorCommand, Statement, unreadable,
};
use crate::kiosk::reckoning;
use crate::kiosk::reconcile::Reckoning;
use crate::sale::claim::ClaimCode;
use crate::sale::event::Event;
use crate::sale::id::{SaleId, SaleNumber};
use crate::sale::moment::Moment;
use crate::sale::{Lock, Sale, Step, rules};

/// A fact about a case, with its witness.
#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The case as `sales cases` names it: the sale's number, a slash and the case's (`K07-000123/0`). The sale's number
    /// alone where it has one open case.
    case: String,
    /// What became of the money.
    #[arg(long)]
    money: Option<MoneyWord>,
    /// What became of the goods; `code` reads the activation code from standard input.
    #[arg(long)]
    goods: Option<GoodsWord>,
    /// Who or what says so.
    #[arg(long)]
    witness: String,
    /// Why it is decided so.
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MoneyWord {
    Charged,
    NotCharged,
    Back,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GoodsWord {
    Code,
    Absent,
    Lost,
    Ended,
}

impl Decide {
    /// The sale and its case. A sale's number alone names its open case, where it has just one.
    fn names(&self, config: &Config) -> Result<(String, u8), Failed> {
        let no_case = || Failed::told(format!("{:?} is no case: K07-000123/0 is one", self.case));
        if let Some((number, case)) = self.case.split_once('/') {
            return Ok((number.to_owned(), case.parse().map_err(|_| no_case())?));
        }
        let archive = Archive::open(&config.journal)?;
        let id = archive.find(&self.case)?.ok_or_else(|| Failed::told(format!("there is no sale {:?}", self.case)))?;
        let sale = archive.list(&Wanted { id: Some(id), ..Wanted::default() })?;
        let number = sale.first().map(|row| row.number.clone()).ok_or_else(no_case)?;
        let open: Vec<_> = archive.cases(false)?.into_iter().filter(|case| case.number == number).collect();
        match open.as_slice() {
            [one] => Ok((number, u8::try_from(one.place).map_err(|_| no_case())?)),
            [] => Err(Failed::told(format!("{number} has no open case: `sales cases --all` has the decided ones"))),
            several => {
                let names: Vec<String> =
                    several.iter().map(|case| format!("{number}/{} ({})", case.place, case.kind)).collect();
                Err(Failed::told(format!("{number} has {} open cases, name one: {}", names.len(), names.join(", "))))
            }
        }
    }

    fn statement(&self, config: &Config, typed: impl FnOnce() -> Result<String, Failed>) -> Result<Statement, Failed> {
        let (number, case) = self.names(config)?;
        let goods = self.goods.map(|word| match word {
            GoodsWord::Code => GoodsFact::Code,
            GoodsWord::Absent => GoodsFact::Absent,
            GoodsWord::Lost => GoodsFact::Lost,
            GoodsWord::Ended => GoodsFact::Ended,
        });
        Ok(Statement {
            number,
            case,
            money: self.money.map(|word| match word {
                MoneyWord::Charged => MoneyFact::Charged,
                MoneyWord::NotCharged => MoneyFact::NotCharged,
                MoneyWord::Back => MoneyFact::Back,
            }),
            code: (goods == Some(GoodsFact::Code)).then(typed).transpose()?.map(FetchedCode),
            goods,
            witness: self.witness.clone(),
            reason: self.reason.clone(),
        })
    }
}

/// Orders the running service; none where no service listens.
pub(super) fn ask(config: &Config, command: &OperatorCommand) -> Result<Option<OperatorAnswer>, Failed> {
    waiting(async {
        match control::ask(&config.control.socket, command).await {
            Ok(answer) => Ok(Some(answer)),
            Err(NoAnswer::NotRunning { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
}

pub(super) fn tell(answer: &OperatorAnswer, out: &mut Out) -> Result<(), Failed> {
    if !answer.ok {
        return Err(Failed::told(answer.text.clone()));
    }
    out.either(answer, |answer| answer.text.lines().map(str::to_owned).collect())
}

/// For what needs the service: devices, providers, money.
pub(super) fn by_service(command: &OperatorCommand, config: &Config, out: &mut Out) -> Result<(), Failed> {
    match ask(config, command)? {
        Some(answer) => tell(&answer, out),
        None => Err(Failed::told(format!(
            "the service does not listen at {}: start it first (systemctl start esim-kiosk)",
            config.control.socket.display()
        ))),
    }
}

pub(super) fn decide(wish: &Decide, config: &Config, out: &mut Out) -> Result<(), Failed> {
    let statement = wish.statement(config, || {
        let mut text = String::new();
        std::io::stdin().lock().take(4_096).read_to_string(&mut text)?;
        Ok(text.trim().to_owned())
    })?;
    if let Some(answer) = ask(config, &OperatorCommand::Decide(Box::new(statement.clone())))? {
        return tell(&answer, out);
    }
    if statement.code.is_some() {
        return Err(Failed::told("the service seals the code: start it first (systemctl start esim-kiosk)"));
    }
    let mut journal = SqliteJournal::open_there(&config.journal)?;
    let text = decide_alone(&mut journal, &statement, config)?;
    tell(&OperatorAnswer::done(text), out)
}

/// With the service stopped: the facts are written; what follows for devices and providers is done by the next start.
fn decide_alone(journal: &mut SqliteJournal, statement: &Statement, config: &Config) -> Result<String, Failed> {
    let name = statement.number.trim().to_ascii_uppercase();
    let id = match name.parse::<SaleId>() {
        Ok(id) => Some(id),
        Err(_) => journal.find_number(&SaleNumber(name.clone()))?,
    };
    if unreadable::is_about(statement) {
        let verdict = unreadable::verdict(statement).map_err(Failed::told)?;
        let id = id.ok_or_else(|| Failed::told(format!("there is no sale {name:?}")))?;
        let now = now(journal);
        return match journal.decide_unreadable(id, &verdict, now)? {
            true => Ok(unreadable::told(&name, &verdict)),
            false => Err(Failed::told(unreadable::NO_SUCH_CASE)),
        };
    }
    let found = id.map(|id| journal.sale(id)).transpose()?.flatten();
    let mut sale = found.ok_or_else(|| Failed::told(format!("there is no sale {name:?}")))?;
    operator::fits(&sale, statement).map_err(Failed::told)?;
    for event in statement.events() {
        sale = write_down(journal, &sale, &event, config)?;
    }
    Ok(format!("{}: money {:?}, {:?}", sale.quote.number, sale.payment.money, sale.phase()))
}

fn write_down(journal: &mut SqliteJournal, sale: &Sale, event: &Event, config: &Config) -> Result<Sale, Failed> {
    Ok(write(journal, rules::on(sale, event, now(journal), &config.terms()))?.next)
}

/// Writes a step of a sale, with its locks. What follows from it is left to the caller.
pub(super) fn write(journal: &mut SqliteJournal, step: Step) -> Result<Step, Failed> {
    if step.record.is_empty() {
        return Ok(step);
    }
    let (takes, gives) = lock_changes(&journal.locks()?, &step.next);
    journal.append(&Append {
        sale: &step.next,
        entries: &step.record,
        takes: &takes,
        gives: &gives,
        profile: None,
        claim: None,
    })?;
    Ok(step)
}

/// What a sale takes, and what it gives back.
fn lock_changes(held: &[(Lock, SaleId)], next: &Sale) -> (Vec<Lock>, Vec<Lock>) {
    let held: Vec<&Lock> = held.iter().filter(|(_, holder)| *holder == next.id).map(|(lock, _)| lock).collect();
    let wanted = next.locks();
    let gives = held.iter().filter(|lock| !wanted.contains(**lock)).map(|lock| (*lock).clone()).collect();
    (wanted.into_iter().filter(|lock| !held.contains(&lock)).collect(), gives)
}

pub(super) fn now(journal: &SqliteJournal) -> Moment {
    // A run of its own: no waiting is measured in it. Its wall clock counts where a server has set it, as the service's.
    let wall_ms = jiff::Timestamp::now().as_millisecond();
    Moment { run: journal.run(), mono_ms: 0, wall_ms, synced: wall::is_set(std::path::Path::new(wall::TIME_SERVICE)) }
}

pub(super) fn adopt(config: &Config, out: &mut Out) -> Result<(), Failed> {
    if let Some(answer) = ask(config, &OperatorCommand::Adopt)? {
        return tell(&answer, out);
    }
    let mut journal = SqliteJournal::open_there(&config.journal)?;
    let open = adopt_alone(&mut journal, config)?;
    tell(&OperatorAnswer::done(format!("the journal is adopted; {open} open sales are cases")), out)
}

/// With the service stopped: what the next start would have told the open sales is written before the mark goes, for
/// it tells it no more. Those that were told already go on from what a person has found out since.
fn adopt_alone(journal: &mut SqliteJournal, config: &Config) -> Result<usize, Failed> {
    let Some(why) = journal.estranged().map(str::to_owned) else {
        return Err(Failed::told("the journal is the newest: there is nothing to adopt"));
    };
    let (now, terms) = (now(journal), config.terms());
    let event = Event::Estranged { why, since: journal.estranged_in() };
    let mut sales = journal.open_sales()?;
    sales.retain(|sale| sale.closed.is_none());
    let held = journal.locks()?;
    let steps: Vec<Step> = sales.iter().map(|sale| rules::on(sale, &event, now, &terms)).collect();
    let changes: Vec<_> = steps.iter().map(|step| lock_changes(&held, &step.next)).collect();
    let told: Vec<Append<'_>> = steps
        .iter()
        .zip(&changes)
        .filter(|(step, _)| !step.record.is_empty())
        .map(|(step, (takes, gives))| Append {
            sale: &step.next,
            entries: &step.record,
            takes,
            gives,
            profile: None,
            claim: None,
        })
        .collect();
    journal.adopt_with(&told)?;
    Ok(steps.iter().filter(|step| step.next.closed.is_none()).count())
}

/// Journal, terminal and providers side by side: now, or the ones that were kept.
pub(super) fn reconcile(last: Option<u32>, config: &Config, out: &mut Out) -> Result<(), Failed> {
    if let Some(last) = last {
        let kept = Archive::open(&config.journal)?.reckonings(last)?;
        for row in &kept {
            let made: Reckoning = serde_json::from_str(&row.json)?;
            out.either(&made, Reckoning::lines)?;
        }
        return Ok(());
    }
    let made = match ask(config, &OperatorCommand::Reconcile)? {
        Some(answer) if !answer.ok => return Err(Failed::told(answer.text)),
        Some(answer) => serde_json::from_value(answer.value)?,
        None => {
            let mut journal = SqliteJournal::open_there(&config.journal)?;
            let made_ms = jiff::Timestamp::now().as_millisecond();
            reckoning::since_last_day(&mut journal, &std::collections::BTreeMap::new(), None, made_ms)?
        }
    };
    out.either(&made, Reckoning::lines)?;
    if made.balances() { Ok(()) } else { Err(Failed::told("the books do not balance")) }
}

/// What the kept reckonings differed by is explained.
pub(super) fn settle(reason: &str, config: &Config, out: &mut Out) -> Result<(), Failed> {
    let reason = reason.trim().to_owned();
    if reason.is_empty() {
        return Err(Failed::told("a difference is settled with a reason"));
    }
    if let Some(answer) = ask(config, &OperatorCommand::SettleBooks { reason: reason.clone() })? {
        return tell(&answer, out);
    }
    let mut journal = SqliteJournal::open_there(&config.journal)?;
    let now = now(&journal);
    match journal.settle(&reason, now)? {
        0 => Err(Failed::told(reckoning::NOTHING_TO_SETTLE)),
        days => tell(&OperatorAnswer::done(reckoning::settled(days)), out),
    }
}

/// The sale that a claim code opens. The journal holds keyed hashes only, so it is asked of whoever holds the key.
pub(super) fn by_claim(typed: &str, config: &Config) -> Result<SaleId, Failed> {
    let command = OperatorCommand::FindClaim { code: FetchedCode(typed.to_owned()) };
    if let Some(answer) = ask(config, &command)? {
        return if answer.ok { Ok(serde_json::from_value(answer.value)?) } else { Err(Failed::told(answer.text)) };
    }
    let code = ClaimCode::parse(typed)?;
    let found = SqliteJournal::open_there(&config.journal)?.find_claim(&code)?;
    found.ok_or_else(|| Failed::told(operator::NO_SUCH_CLAIM))
}
