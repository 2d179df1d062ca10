//! `esim-kiosk-sim kiosk`: the product's own assembly with a robot before it in place of a screen, and a journal that
//! kills the process at its n-th record. What the traveller is shown goes to standard output, a line each, for the
//! process that holds the simulators and their ledgers.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::robot::{Ended, Errand, Robot, Sight};
use crate::assembly;
use crate::config::Config;
use crate::journal::archive::{Archive, Wanted};
use crate::kiosk::Inbox;
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
    let running = assembly::start(config, Box::new(journal), UiPing::default())?;
    let failed = Arc::new(Mutex::new(None));
    let noted = failed.clone();
    let tells = move |sight: &Sight| {
        if let Err(error) = tell(sight) {
            noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    };
    let dies = guest.dies.is_some();
    let mut robot = Robot::new(running.intents.clone(), running.views.clone(), Box::new(tells));
    let mut lived = one_life(&mut robot, guest).await;
    if lived.is_ok() && guest.stays {
        std::future::pending::<()>().await;
    }
    if lived.is_ok() && !dies && !settled(config, PATIENCE).await {
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

/// Waits until every sale rests: cards are taken again long before the last look-up and the last give-back.
async fn settled(config: &Config, patience: Duration) -> bool {
    let rests = |sale: &Sale| match sale.payment.money {
        _ if sale.closed.is_some() => true,
        // Whoever weighs the goods: without them the money goes back by itself.
        Money::Paid => sale.all_stored(),
        Money::None | Money::Back => sale.cases.iter().any(|case| case.decided.is_none()),
        // A case about the goods does not end a give-back that is under way: only one about the money lets it rest.
        _ => sale.cases.iter().any(|case| case.decided.is_none() && case.kind.doubts_money()),
    };
    let all_rest = || -> Option<bool> {
        let archive = Archive::open(&config.journal).ok()?;
        let open = archive.list(&Wanted { open: true, ..Wanted::default() }).ok()?;
        Some(open.iter().all(|row| archive.sale(row.id).ok().flatten().is_some_and(|sale| rests(&sale))))
    };
    let waiting = async {
        while all_rest() != Some(true) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(patience, waiting).await.is_ok()
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
