//! `esim-kiosk provider NAME …`: what an account says of itself, and every endpoint that its client speaks. What changes
//! something there is done by the running service, as a duty that is written down first (sale.md 6); with the service
//! stopped, under the journal's own lock.

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::{Failed, Out, table};
use super::{load, order, waiting};
use crate::config::Config;
use crate::esim::calls::{Effect, Form, Param, Row};
use crate::esim::section::ProviderSection;
use crate::esim::{EsimProvider, Outcome, ProviderPlan};
use crate::journal::Journal;
use crate::journal::archive::Archive;
use crate::journal::operator_calls::OperatorCall;
use crate::journal::sqlite::SqliteJournal;
use crate::kiosk::calls::ProviderCall;
use crate::kiosk::operator::{OperatorAnswer, OperatorCommand};
use crate::sale::Lock;
use crate::sale::activation::Iccid;
use crate::sale::id::SaleId;
use crate::sale::offer::ProviderId;

/// An account, and what to ask it. Without a name, all accounts.
#[derive(Debug, clap::Args)]
pub(super) struct Provider {
    /// The account's name, as `provider list` tells it.
    name: Option<String>,
    #[command(subcommand)]
    wish: Option<Wish>,
}

#[derive(Debug, Subcommand)]
enum Wish {
    /// The accounts of the configuration.
    List,
    /// The wallet; without a name, all of them.
    Balance,
    /// Every plan that is offered, with its cost.
    Plans,
    /// How much of an eSIM is used.
    Usage {
        /// The eSIM's number.
        iccid: String,
    },
    /// What an eSIM can be topped up with.
    Topups {
        /// The eSIM's number.
        iccid: String,
    },
    /// The endpoints that the account's client speaks: where each path is from, its parameters, its answer. Paths that
    /// are `inferred` are to be checked with the provider; `connection.paths` overrides them.
    Calls,
    /// Call one endpoint; activation codes and tokens in the answer are dots. What changes something is written into the
    /// journal first; profiles are bought with `stock buy`, which keeps their codes.
    Call {
        /// The endpoint, as `calls` lists it.
        row: String,
        /// Its parameters, `key=value`; a file to upload is named by its path.
        args: Vec<String>,
    },
    /// What was called by hand and changed something, the latest last.
    Log,
}

pub(super) fn provider(wish: &Provider, path: &Path, out: &mut Out) -> Result<(), Failed> {
    let config = load(path)?;
    let Some(name) = &wish.name else {
        return match &wish.wish {
            None | Some(Wish::List) => {
                let names: Vec<String> = config.providers.iter().map(|section| section.id().0).collect();
                out.either(&names, |names| names.to_vec())
            }
            Some(Wish::Balance) => {
                let all: Result<Vec<_>, Failed> =
                    config.providers.iter().map(|section| connect(section, &config.machine.label)).collect();
                balance(&all?, out)
            }
            Some(_) => Err(Failed::told("name the account first: `esim-kiosk provider NAME …`")),
        };
    };
    match wish.wish.as_ref().unwrap_or(&Wish::Balance) {
        Wish::List => Err(Failed::told("the accounts are listed by `esim-kiosk provider list`, without a name")),
        Wish::Balance => balance(&[one(&config, name)?], out),
        Wish::Plans => plans(&*one(&config, name)?, out),
        Wish::Usage { iccid } => usage(&*one(&config, name)?, iccid, out),
        Wish::Topups { iccid } => top_ups(&*one(&config, name)?, iccid, out),
        Wish::Calls => calls(&*one(&config, name)?, out),
        Wish::Call { row, args } => call(&config, name, row, args, out),
        Wish::Log => log(&config, name, out),
    }
}

fn plans(provider: &dyn EsimProvider, out: &mut Out) -> Result<(), Failed> {
    listed(&answered(waiting(async { Ok(provider.catalogue().await) })?)?, out)
}

fn top_ups(provider: &dyn EsimProvider, iccid: &str, out: &mut Out) -> Result<(), Failed> {
    let iccid = number(iccid)?;
    listed(&answered(waiting(async { Ok(provider.top_up_offers(&iccid).await) })?)?, out)
}

fn listed(plans: &[ProviderPlan], out: &mut Out) -> Result<(), Failed> {
    out.either(plans, |plans| {
        let row = |plan: &ProviderPlan| {
            vec![plan.key.0.clone(), plan.cost.to_string(), format!("{} days", plan.days), plan.name.clone()]
        };
        table(&plans.iter().map(row).collect::<Vec<_>>())
    })
}

fn number(iccid: &str) -> Result<Iccid, Failed> {
    Iccid::parse(iccid).ok_or_else(|| Failed::told("an eSIM's number has 18 to 22 characters and begins with 89"))
}

fn usage(provider: &dyn EsimProvider, iccid: &str, out: &mut Out) -> Result<(), Failed> {
    let iccid = number(iccid)?;
    let usage = answered(waiting(async { Ok(provider.usage(&iccid).await) })?)?;
    out.either(&usage, |usage| {
        let bytes = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| bytes.to_string());
        vec![format!("{} of {} bytes used", bytes(usage.used_bytes), bytes(usage.total_bytes))]
    })
}

fn calls(provider: &dyn EsimProvider, out: &mut Out) -> Result<(), Failed> {
    let effect = |row: &Row| if row.effect == Effect::Reads { "reads" } else { "writes" };
    let parameters = |row: &Row| row.params.iter().map(Param::in_words).collect::<Vec<_>>();
    let calls: Vec<Value> = provider
        .calls()
        .iter()
        .map(|row| {
            json!({ "name": row.name, "method": row.method, "path": row.path, "from": row.origin.word(),
                "reads": row.effect == Effect::Reads, "parameters": parameters(row), "answer": row.answer })
        })
        .collect();
    out.either(&calls, |_| {
        let row = |row: &Row| {
            let cells = [row.name, row.method, row.path, row.origin.word(), effect(row), &parameters(row).join(" ")];
            cells.map(str::to_owned).to_vec()
        };
        table(&provider.calls().iter().map(row).collect::<Vec<_>>())
    })
}

fn balance(providers: &[Arc<dyn EsimProvider>], out: &mut Out) -> Result<(), Failed> {
    let mut failed = Vec::new();
    for provider in providers {
        match waiting(async { Ok(provider.balance().await) })? {
            Outcome::Done(balance) => out.either(&json!({ "provider": provider.id(), "balance": balance }), |_| {
                vec![format!("{}: {balance}", provider.id())]
            })?,
            other => failed.push(format!("{}: {}", provider.id(), in_words(&other))),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failed::told(failed.join("; "))) }
}

/// Through the running service, which has the account's session and its locks; alone where no service runs.
fn call(config: &Config, name: &str, row: &str, args: &[String], out: &mut Out) -> Result<(), Failed> {
    let provider = one(config, name)?;
    let mut call = ProviderCall { provider: ProviderId(name.to_owned()), row: row.to_owned(), args: Vec::new() };
    let writes = call.writes(provider.as_ref()).map_err(Failed::told)?;
    let known = provider.calls().iter().find(|known| known.name == row);
    for arg in args {
        let (key, value) =
            arg.split_once('=').ok_or_else(|| Failed::told(format!("{arg:?} is no parameter: write key=value")))?;
        let is_file = known.is_some_and(|row| row.params.iter().any(|one| one.name == key && one.form == Form::File));
        // The service stands in another directory.
        let value = if is_file { std::path::absolute(value)?.display().to_string() } else { value.to_owned() };
        call.args.push((key.to_owned(), value));
    }
    let said = match order::ask(config, &OperatorCommand::CallProvider(call.clone()))? {
        Some(said) => said,
        None if writes => alone_and_written(config, &call, provider.as_ref())?,
        None => waiting(async { Ok(call.make(provider.as_ref()).await) })?,
    };
    if !said.ok {
        return Err(Failed::told(said.text));
    }
    out.either(&said.value, |value| {
        serde_json::to_string_pretty(value).unwrap_or_default().lines().map(str::to_owned).collect()
    })
}

/// With the service stopped: under the journal's own lock, written before it is sent.
fn alone_and_written(
    config: &Config,
    call: &ProviderCall,
    provider: &dyn EsimProvider,
) -> Result<OperatorAnswer, Failed> {
    let mut journal = SqliteJournal::open_there(&config.journal)?;
    if journal.locks()?.iter().any(|(lock, _)| *lock == Lock::Account(call.provider.clone())) {
        return Err(Failed::told(
            "an order of this account is open: start the service, which looks it up, and try again",
        ));
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(|error| Failed::told(format!("no random numbers: {error}")))?;
    let id = SaleId::from_parts(u64::try_from(now_ms).unwrap_or(0), u128::from_be_bytes(bits));
    let mut record = call.record(id, now_ms);
    journal.put_operator_call(&record)?;
    let said = waiting(async { Ok(call.make(provider).await) })?;
    record.outcome = Some(said.text.clone());
    journal.put_operator_call(&record)?;
    Ok(said)
}

fn log(config: &Config, name: &str, out: &mut Out) -> Result<(), Failed> {
    let mut made = Archive::open(&config.journal)?.operator_calls()?;
    made.retain(|call| call.provider.0 == name);
    out.either(&made, |made| {
        let row = |call: &OperatorCall| {
            let at = jiff::Timestamp::from_millisecond(call.sent_ms).map(|at| at.to_string()).unwrap_or_default();
            let outcome = call.outcome.as_deref().unwrap_or("under way");
            vec![at, call.row.clone(), call.parameters.join(" "), outcome.to_owned()]
        };
        table(&made.iter().map(row).collect::<Vec<_>>())
    })
}

fn one(config: &Config, name: &str) -> Result<Arc<dyn EsimProvider>, Failed> {
    let section = config.providers.iter().find(|section| section.id().0 == name);
    let section = section.ok_or_else(|| {
        let names: Vec<String> = config.providers.iter().map(|section| section.id().0).collect();
        Failed::told(format!("no account is named {name:?}; there are {}", names.join(", ")))
    })?;
    connect(section, &config.machine.label)
}

/// The client of an account.
pub(super) fn connect(section: &ProviderSection, machine: &str) -> Result<Arc<dyn EsimProvider>, Failed> {
    Ok(section.connect(machine)?)
}

fn answered<T>(outcome: Outcome<T>) -> Result<T, Failed> {
    match outcome {
        Outcome::Done(value) => Ok(value),
        other => Err(Failed::told(in_words(&other))),
    }
}

/// What became of a question, without its answer.
pub(super) fn in_words<T>(outcome: &Outcome<T>) -> String {
    match outcome {
        Outcome::Done(_) => "answered".to_owned(),
        Outcome::Refused(refusal) => format!("refused ({:?}): {}", refusal.reason, refusal.detail),
        Outcome::NeverSent(why) => format!("not reached: {why}"),
        Outcome::Unknown(doubt) => format!("no usable answer: {}", doubt.evidence),
    }
}
