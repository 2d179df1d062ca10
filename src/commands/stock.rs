//! `esim-kiosk stock …`: profiles bought before they are sold.

use std::path::Path;

use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;

use super::order::{ask, by_service, tell};
use super::out::{Failed, Out, table};
use super::{load, sales};
use crate::config::Config;
use crate::journal::Journal;
use crate::journal::archive::Archive;
use crate::journal::purchases::{self, Batch, Purchase, PurchaseFact, PurchaseState};
use crate::journal::sqlite::SqliteJournal;
use crate::kiosk::OperatorCommand;
use crate::kiosk::operator::OperatorAnswer;
use crate::sale::id::ProfileId;
use crate::sale::offer::ProviderId;

/// What to do with the stock.
#[derive(Debug, Subcommand)]
pub(super) enum Stock {
    /// Buy profiles: the running service orders them one after the other and seals their codes.
    Buy {
        /// The plan's key at its provider.
        plan: String,
        /// How many.
        count: u16,
        /// The account; needed where there are several.
        #[arg(long)]
        provider: Option<String>,
    },
    /// Take back what of `stock buy` still waits: nothing more of it is bought. What was sent already goes on to its end.
    Cancel {
        /// What waits, as `stock list` names it.
        batch: String,
        /// Who says so, and why.
        #[arg(long)]
        reason: String,
    },
    /// Every item with its state and its end, orders that are open, in doubt or were refused, and what of `stock buy` still waits or was
    /// dropped. Never a code.
    List {
        #[command(flatten)]
        from: sales::File,
    },
    /// State what became of an order that is in doubt: look it up at its provider first.
    Decide {
        /// The order, as `stock list` names it.
        order: String,
        /// What became of it.
        #[arg(long, value_enum)]
        fact: FactWord,
        /// Who says so, and why.
        #[arg(long)]
        reason: String,
    },
    /// State that an item was never used, after the journal was not the newest: look it up at its provider first.
    Prove {
        /// The item, as `stock list` names it.
        profile: String,
    },
    /// Do not offer a plan any more; it stays so over a restart. Sales that are begun go on.
    OffSale {
        /// The plan, as `provider plans` names it.
        plan: String,
        /// The account, where there are several.
        #[arg(long)]
        provider: Option<String>,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Offer a plan again.
    OnSale {
        /// The plan.
        plan: String,
        /// The account, where there are several.
        #[arg(long)]
        provider: Option<String>,
    },
    /// Take an item out for good.
    Retire {
        /// The item, as `stock list` names it.
        profile: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FactWord {
    /// Never bought.
    Absent,
    /// Bought, and never to be had.
    Lost,
}

pub(super) fn stock(wish: &Stock, path: &Path, out: &mut Out) -> Result<(), Failed> {
    let config = load(path)?;
    match wish {
        Stock::Buy { plan, count, provider } => {
            let provider = account(provider.as_deref(), &config)?;
            by_service(&OperatorCommand::BuyStock { provider, plan: plan.clone(), count: *count }, &config, out)
        }
        Stock::Cancel { batch, reason } => cancel(batch, reason, &config, out),
        Stock::OffSale { plan, provider, reason } => {
            let provider = account(provider.as_deref(), &config)?;
            let off = Some(reason.clone());
            by_service(&OperatorCommand::PutOnSale { provider, plan: plan.clone(), off }, &config, out)
        }
        Stock::OnSale { plan, provider } => {
            let provider = account(provider.as_deref(), &config)?;
            by_service(&OperatorCommand::PutOnSale { provider, plan: plan.clone(), off: None }, &config, out)
        }
        Stock::Retire { profile } => {
            by_service(&OperatorCommand::RetireStock { profile: item(profile)? }, &config, out)
        }
        Stock::Decide { order, fact, reason } => {
            let unknown = |_| Failed::told(format!("{order:?} is no order: `esim-kiosk stock list` names them"));
            let id = order.trim().to_ascii_uppercase().parse().map_err(unknown)?;
            let fact = match fact {
                FactWord::Absent => PurchaseFact::Absent,
                FactWord::Lost => PurchaseFact::Lost,
            };
            by_service(&OperatorCommand::DecidePurchase { id, fact, reason: reason.clone() }, &config, out)
        }
        Stock::Prove { profile } => by_service(&OperatorCommand::ProveStock { profile: item(profile)? }, &config, out),
        Stock::List { from } => list(&from.archive(&config)?, &config, out),
    }
}

/// By the service, or with the service stopped on its journal: the next start must not buy it.
fn cancel(name: &str, reason: &str, config: &Config, out: &mut Out) -> Result<(), Failed> {
    let unknown = |_| Failed::told(format!("{name:?} is nothing that waits: `esim-kiosk stock list` names what does"));
    let batch = name.trim().to_ascii_uppercase().parse().map_err(unknown)?;
    if let Some(answer) = ask(config, &OperatorCommand::CancelStock { batch, reason: reason.to_owned() })? {
        return tell(&answer, out);
    }
    let mut journal = SqliteJournal::open_there(&config.journal)?;
    let mut batches = journal.batches()?;
    let left = purchases::take_back(&mut batches, batch, reason).map_err(Failed::told)?;
    let open = journal.purchases(false)?;
    journal.put_batches(&batches)?;
    tell(&OperatorAnswer::done(purchases::taken_back(left, batch, &open)), out)
}

fn item(name: &str) -> Result<ProfileId, Failed> {
    let unknown = |_| Failed::told(format!("{name:?} is no item: `esim-kiosk stock list` names them"));
    name.trim().to_ascii_uppercase().parse().map_err(unknown)
}

fn account(named: Option<&str>, config: &Config) -> Result<ProviderId, Failed> {
    match (named, config.providers.as_slice()) {
        (Some(name), accounts) => {
            let found = accounts.iter().map(|section| section.id()).find(|id| id.0 == name);
            found.ok_or_else(|| Failed::told(format!("there is no account {name:?} in the configuration")))
        }
        (None, [only]) => Ok(only.id()),
        (None, _) => Err(Failed::told("there are several accounts: name one with --provider")),
    }
}

fn list(archive: &Archive, config: &Config, out: &mut Out) -> Result<(), Failed> {
    let rows = archive.stock_rows()?;
    let orders = archive.purchases()?;
    let last = |order: &&Purchase| {
        orders.iter().rev().find(|last| last.offer.provider == order.offer.provider) == Some(*order)
    };
    // An account whose last order was refused: whoever ordered must see it.
    let refused = |order: &&Purchase| order.state == PurchaseState::Absent && order.decided.is_none() && last(order);
    let open: Vec<&Purchase> =
        orders.iter().filter(|order| order.is_open() || order.is_in_doubt() || refused(order)).collect();
    let batches = archive.batches()?;
    if out.is_json() {
        return out.value(&serde_json::json!({ "items": rows, "orders": open, "batches": batches.iter().map(batch_value).collect::<Vec<_>>() }));
    }
    let zone = config.machine.zone();
    let day = |ms: i64| {
        let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        time.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
    };
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.profile.clone(),
                row.state.clone(),
                row.title.clone(),
                row.provider.clone(),
                row.expires_ms.map_or_else(String::new, |ms| format!("ends {}", day(ms))),
                if row.unproven { "not proven unused".to_owned() } else { String::new() },
                row.kept_for.as_ref().map_or_else(String::new, |sale| format!("kept for {sale}")),
            ]
        })
        .collect();
    if lines.is_empty() && open.is_empty() && batches.is_empty() {
        return out.line("nothing is in stock");
    }
    for line in table(&lines) {
        out.line(line)?;
    }
    for order in &open {
        out.line(format!("order {} {:?}: {} {}", order.id, order.state, order.offer.title, order.evidence))?;
    }
    batches.iter().try_for_each(|batch| out.line(batch_line(batch)))
}

fn batch_line(batch: &Batch) -> String {
    let Batch { id, offer, count, begun, dropped } = batch;
    let left = count.saturating_sub(*begun);
    match dropped {
        Some(why) => {
            format!("dropped: {left} of {count} {} from {} are not bought: {why}", offer.title, offer.provider)
        }
        None => {
            format!("waiting: {left} of {count} {} from {} are still to be bought ({id})", offer.title, offer.provider)
        }
    }
}

fn batch_value(batch: &Batch) -> serde_json::Value {
    let Batch { id, offer, count, begun, dropped } = batch;
    serde_json::json!({
        "id": id, "provider": offer.provider, "plan": offer.plan, "title": offer.title, "count": count, "begun": begun,
        "dropped": dropped,
    })
}
