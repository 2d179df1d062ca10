//! `esim-kiosk-sim kiosk`: the product's own assembly with a robot before it in place of a screen, and a journal that
//! kills the process at its n-th record. What the traveller is shown goes to standard output, a line each, for the
//! process that holds the simulators and their ledgers.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::robot::{Cancels, Ended, Errand, Robot, Sight};
use crate::assembly;
use crate::config::Config;
use crate::journal::archive::{Archive, Wanted};
use crate::kiosk::{Inbox, OperatorCommand};
use crate::sale::{Money, Sale};
use crate::sim::journal::{DyingJournal, How, When};
use crate::watchdog::UiPing;

/// Longer than anything that a robot waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The journal is looked at so often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What one life of the kiosk is for.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What the traveller wants; nobody comes where there is none, and the kiosk only puts itself in order.
    pub errand: Option<Errand>,
    /// The errand so many times, one after the other.
    pub rounds: u32,
    /// The kiosk stays open after the errand, until somebody kills it.
    pub stays: bool,
    /// KiB that the process keeps of each round for ever: a measurement's control.
    pub leaks_kib: usize,
    /// The process kills itself at its n-th record, from 1.
    pub dies: Option<(u64, When)>,
    /// After the errand the terminal's day is closed. Then every write of the journal is counted.
    pub closes_day: bool,
    /// Before everything so many profiles are bought for the stock, of the plan that travellers here choose.
    pub lays_in: u16,
}

/// Why a life came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The kiosk could not be put together.
    #[error("the kiosk cannot start")]
    NotAssembled(#[from] assembly::NotAssembled),
    /// The traveller did not come to an end.
    #[error("the traveller's errand ended {0:?}")]
    Errand(Ended),
    /// The kiosk does not sell again.
    #[error("the first screen does not say that cards are taken: {0:?}")]
    Closed(Ended),
    /// A sale came to no end: neither closed, nor waiting for its code's owner or for a person.
    #[error("a sale is still under way: see the journal")]
    Unsettled,
    /// The stock was not filled, or the day not closed.
    #[error("{0}")]
    Unserved(&'static str),
    /// Standard output is closed.
    #[error("what was seen could not be told")]
    Told(#[from] io::Error),
}

/// Lives: does the errand, waits until cards are taken again, and stops. Must be called inside a runtime.
///
/// # Errors
/// [`Failed`].
pub async fn live(config: &Config, guest: &Guest) -> Result<(), Failed> {
    let (n, when) = guest.dies.unwrap_or((0, When::After));
    let journal = DyingJournal::new(assembly::journal(config)?, n, when, How::Process);
    let journal = if guest.closes_day { journal.counting_all() } else { journal };
    let running = assembly::start(config, Box::new(journal), UiPing::default())?;
    let failed = Arc::new(Mutex::new(None));
    let noted = failed.clone();
    let tells = move |sight: &Sight| {
        if let Err(error) = tell(sight) {
            noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    };
    let mut robot = Robot::new(running.intents.clone(), running.views.clone(), Box::new(tells));
    let mut lived = match guest.lays_in {
        0 => one_life(&mut robot, guest).await,
        count => lay_in(&mut robot, &running.inbox, config, count).await,
    };
    if lived.is_ok() && guest.stays {
        std::future::pending::<()>().await;
    }
    // A life that is to die lives on as well until everything has come to its end: so late it may fall too.
    if lived.is_ok() && guest.closes_day {
        lived = close_day(&mut robot, &running.inbox, config).await;
    }
    if lived.is_ok() && !settled(config).await {
        lived = Err(Failed::Unsettled);
    }
    stop(&running.inbox).await;
    // The loop was told to stop; why it ended otherwise is in the log.
    running.kiosk.await.ok();
    let untold = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
    match untold {
        Some(error) => Err(error.into()),
        None => lived,
    }
}

async fn one_life(robot: &mut Robot, guest: &Guest) -> Result<(), Failed> {
    for round in 0..guest.rounds {
        let Some(errand) = &guest.errand else { break };
        let ended = robot.run(errand, PATIENCE).await;
        if ended != Ended::AtRest {
            return Err(Failed::Errand(ended));
        }
        if guest.leaks_kib > 0 {
            std::mem::forget(vec![round as u8 | 1; guest.leaks_kib << 10]);
        }
        if guest.rounds > 1 {
            if robot.wait_for_open(PATIENCE).await != Ended::AtRest {
                return Err(Failed::Closed(Ended::Stuck));
            }
            tell_rest(round)?;
            robot.forget();
        }
    }
    match robot.wait_for_open(PATIENCE).await {
        Ended::AtRest => Ok(()),
        ended => Err(Failed::Closed(ended)),
    }
}

/// Buys the plan that stands first, changes its mind, and has that plan laid in.
async fn lay_in(robot: &mut Robot, inbox: &mpsc::Sender<Inbox>, config: &Config, count: u16) -> Result<(), Failed> {
    let looks = Errand::Buy { cancels: Some(Cancels::AtOnce), prints: false, walks_off: false };
    let ended = robot.run(&looks, PATIENCE).await;
    let archive = || Archive::open(&config.journal).ok();
    let quoted = || -> Option<Sale> {
        let (archive, newest) = (archive()?, Wanted { limit: Some(1), ..Wanted::default() });
        archive.sale(archive.list(&newest).ok()?.first()?.id).ok()?
    };
    let (Ended::AtRest, Some(sale)) = (ended, quoted()) else { return Err(Failed::Errand(ended)) };
    let (provider, plan) = (sale.offer(0).provider.clone(), sale.offer(0).plan.0.clone());
    // A kiosk that is gone lays nothing in, which is seen below.
    inbox.send(Inbox::Operator(OperatorCommand::BuyStock { provider, plan, count })).await.ok();
    let free = || {
        let rows = archive()?.stock().ok()?;
        rows.into_iter().find(|row| row.state == "free").map(|row| row.count)
    };
    let filled = until(|| free().is_some_and(|there| there >= u64::from(count))).await;
    if filled { Ok(()) } else { Err(Failed::Unserved("the stock was not filled")) }
}

/// Has the terminal's day closed, and waits until it is, and cards are taken again.
async fn close_day(robot: &mut Robot, inbox: &mpsc::Sender<Inbox>, config: &Config) -> Result<(), Failed> {
    let days = || Archive::open(&config.journal).ok()?.reckonings(10_000).ok().map(|days| days.len());
    let before = days().unwrap_or(0);
    // Refused where one that an earlier life began is under way: that one is waited for.
    inbox.send(Inbox::Operator(OperatorCommand::EndOfDay)).await.ok();
    if !until(|| days().is_some_and(|days| days > before)).await {
        return Err(Failed::Unserved("the day was not closed"));
    }
    match robot.wait_for_open(PATIENCE).await {
        Ended::AtRest => Ok(()),
        ended => Err(Failed::Closed(ended)),
    }
}

async fn until(there: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !there() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.is_ok()
}

/// Waits until every sale rests: cards are taken again long before the last look-up and the last give-back.
async fn settled(config: &Config) -> bool {
    let rests = |sale: &Sale| match sale.payment.money {
        _ if sale.closed.is_some() => true,
        // Whoever weighs the goods: without them the money goes back by itself, at the promised hour at the latest.
        Money::Paid => sale.all_stored() || sale.quote.promised_ms.is_some() && weighs_goods(sale),
        Money::None | Money::Back => sale.cases.iter().any(|case| case.decided.is_none()),
        // A case about the goods does not end a give-back that is under way: only one about the money lets it rest.
        _ => sale.cases.iter().any(|case| case.decided.is_none() && case.kind.doubts_money()),
    };
    let all_rest = || -> Option<bool> {
        let archive = Archive::open(&config.journal).ok()?;
        let open = archive.list(&Wanted { open: true, ..Wanted::default() }).ok()?;
        Some(open.iter().all(|row| archive.sale(row.id).ok().flatten().is_some_and(|sale| rests(&sale))))
    };
    until(|| all_rest() == Some(true)).await
}

fn weighs_goods(sale: &Sale) -> bool {
    sale.cases.iter().any(|case| case.decided.is_none() && case.kind.doubts_goods())
}

async fn stop(inbox: &mpsc::Sender<Inbox>) {
    // A loop that is gone already needs no stopping.
    inbox.send(Inbox::Stop).await.ok();
}

/// For whoever counts: this sale is over, and the next may begin.
fn tell_rest(round: u32) -> io::Result<()> {
    tracing::debug!(round, "at rest");
    let mut out = io::stdout().lock();
    writeln!(out, "at-rest")?;
    out.flush()
}

/// One line, flushed: the process may die at the next instant.
fn tell(sight: &Sight) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match sight {
        Sight::Screen(name) => writeln!(out, "screen {name}")?,
        Sight::Claim { number, code } => writeln!(out, "claim {number} {code}")?,
        Sight::Code { number, code } => writeln!(out, "code {number} {code}")?,
        Sight::NotCharged => writeln!(out, "not-charged")?,
    }
    out.flush()
}
