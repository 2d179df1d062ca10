//! `esim-kiosk provider …`: what an account says of itself. Only reading: what orders or spends is done by the running
//! service, as a journalled duty (sale.md 6).

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::{Failed, Out, table};
use super::{load, waiting};
use crate::config::Config;
use crate::esim::calls::{Args, Effect};
use crate::esim::profile::without_codes;
use crate::esim::section::ProviderSection;
use crate::esim::{EsimProvider, Outcome};
use crate::sale::activation::Iccid;

/// What to ask.
#[derive(Debug, Subcommand)]
pub(super) enum Provider {
    /// The accounts of the configuration.
    List,
    /// The wallet.
    Balance {
        /// The account's name; all of them without it.
        name: Option<String>,
    },
    /// Every plan that is offered, with its cost.
    Plans {
        /// The account's name.
        name: String,
    },
    /// How much of an eSIM is used.
    Usage {
        /// The account's name.
        name: String,
        /// The eSIM's number.
        iccid: String,
    },
    /// The endpoints that the account's client speaks.
    Calls {
        /// The account's name.
        name: String,
    },
    /// Ask one endpoint that only reads; activation codes in the answer are dots.
    Call {
        /// The account's name.
        name: String,
        /// The endpoint, as `calls` lists it.
        row: String,
        /// Its parameters, `key=value`.
        args: Vec<String>,
    },
}

pub(super) fn provider(wish: &Provider, path: &Path, out: &mut Out) -> Result<(), Failed> {
    let config = load(path)?;
    match wish {
        Provider::List => {
            let names: Vec<String> = config.providers.iter().map(|section| section.id().0).collect();
            out.either(&names, |names| names.to_vec())
        }
        Provider::Balance { name: Some(name) } => balance(&[one(&config, name)?], out),
        Provider::Balance { name: None } => {
            let all: Result<Vec<_>, Failed> =
                config.providers.iter().map(|section| connect(section, &config.machine.label)).collect();
            balance(&all?, out)
        }
        Provider::Plans { name } => {
            let provider = one(&config, name)?;
            let plans = answered(waiting(async { Ok(provider.catalogue().await) })?)?;
            out.either(&plans, |plans| {
                let row = |plan: &crate::esim::ProviderPlan| {
                    vec![plan.key.0.clone(), plan.cost.to_string(), format!("{} days", plan.days), plan.name.clone()]
                };
                table(&plans.iter().map(row).collect::<Vec<_>>())
            })
        }
        Provider::Usage { name, iccid } => {
            let iccid = Iccid::parse(iccid).ok_or_else(|| Failed::told("an eSIM's number has 18 to 20 digits"))?;
            let provider = one(&config, name)?;
            let usage = answered(waiting(async { Ok(provider.usage(&iccid).await) })?)?;
            out.either(&usage, |usage| {
                let bytes = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| bytes.to_string());
                vec![format!("{} of {} bytes used", bytes(usage.used_bytes), bytes(usage.total_bytes))]
            })
        }
        Provider::Calls { name } => {
            let provider = one(&config, name)?;
            let calls: Vec<Value> = provider
                .calls()
                .iter()
                .map(|row| {
                    let reads = matches!(row.effect, Effect::Reads);
                    json!({ "name": row.name, "method": row.method, "path": row.path, "reads": reads })
                })
                .collect();
            out.either(&calls, |calls| {
                let cell = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let rows =
                    calls.iter().map(|call| vec![cell(&call["name"]), cell(&call["method"]), cell(&call["path"])]);
                table(&rows.collect::<Vec<_>>())
            })
        }
        Provider::Call { name, row, args } => call(&*one(&config, name)?, row, args, out),
    }
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

fn call(provider: &dyn EsimProvider, name: &str, args: &[String], out: &mut Out) -> Result<(), Failed> {
    let Some(row) = provider.calls().iter().find(|row| row.name == name) else {
        return Err(Failed::told(format!("there is no call {name:?}: `provider calls` lists them")));
    };
    if !matches!(row.effect, Effect::Reads) {
        return Err(Failed::told(format!(
            "{name} changes something at the provider: the running service does that, as a journalled duty"
        )));
    }
    let mut given = Args::new();
    for arg in args {
        let (key, value) =
            arg.split_once('=').ok_or_else(|| Failed::told(format!("{arg:?} is no parameter: write key=value")))?;
        given = given.and(key, value);
    }
    let answer = answered(waiting(async { Ok(provider.call(name, given).await) })?)?;
    out.value(&without_codes(&answer))
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
