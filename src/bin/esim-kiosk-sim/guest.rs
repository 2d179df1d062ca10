//! The kiosk that is killed, from the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use esim_kiosk::assembly;
use esim_kiosk::config::Config;
use esim_kiosk::sim::journal::When;
use esim_kiosk::sim::kiosk::guest::{Guest, live};
use esim_kiosk::sim::kiosk::robot::{Cancels, Errand, Order, Wants};

use crate::by_hand::wrong;
use crate::lost::Lost;

/// The real kiosk with a robot traveller in place of a screen, beside simulators that another process holds.
#[derive(Debug, Args)]
pub(crate) struct OfKiosk {
    /// The configuration that `all` has written.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The traveller wants the code on paper too.
    #[arg(long)]
    prints: bool,
    /// The traveller walks off without "I have it".
    #[arg(long)]
    walks_off: bool,
    /// The traveller changes their mind.
    #[arg(long)]
    cancels: Option<Change>,
    /// The traveller wants so many eSIMs of one plan, in one payment.
    #[arg(long, value_name = "N")]
    esims: Option<usize>,
    /// The traveller comes with this claim code.
    #[arg(long, value_name = "CODE")]
    claim: Option<String>,
    /// Nobody comes: the kiosk only puts itself in order.
    #[arg(long)]
    nobody: bool,
    /// It stays open afterwards, until it is killed.
    #[arg(long)]
    stays: bool,
    /// After it the terminal's day is closed; then every write counts for --die-at.
    #[arg(long)]
    closes_day: bool,
    /// In place of an errand: so many profiles are bought for the stock.
    #[arg(long, value_name = "N", default_value_t = 0)]
    lays_in: u16,
    /// So many travellers with the same errand, one after the other.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// The process keeps so many KiB of each traveller for ever: what a measurement of its memory must notice.
    #[arg(long, default_value_t = 0, value_name = "KIB")]
    leaks: usize,
    /// The process ends by SIGKILL at its n-th record, from 1.
    #[arg(long, value_name = "N")]
    die_at: Option<u64>,
    /// On which side of the record.
    #[arg(long, default_value = "after")]
    when: Side,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Change {
    /// As soon as the pay screen is there.
    AtOnce,
    /// When the bank is asked.
    InFlight,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    /// It is not on disk.
    Before,
    /// It is, and nobody was told.
    After,
}

/// Lives, and dies where it is told to.
pub(crate) fn kiosk(asked: OfKiosk) -> Result<(), Lost> {
    let config = Config::load(&asked.config).map_err(|error| wrong(&error))?;
    let cancels = asked.cancels.map(|change| match change {
        Change::AtOnce => Cancels::AtOnce,
        Change::InFlight => Cancels::InFlight,
    });
    let (prints, walks_off) = (asked.prints, asked.walks_off);
    let errand = match (asked.nobody, asked.claim, asked.esims) {
        (true, ..) => None,
        (false, Some(code), _) => Some(Errand::Claim(code)),
        (false, None, Some(count)) => {
            Some(Errand::Order(Order { wants: Wants::Esims(count), cancels, prints, walks_off, keeps: false }))
        }
        (false, None, None) => Some(Errand::Buy { cancels, prints, walks_off }),
    };
    let when = match asked.when {
        Side::Before => When::Before,
        Side::After => When::After,
    };
    let guest = Guest {
        errand,
        rounds: asked.rounds,
        dies: asked.die_at.map(|place| (place, when)),
        leaks_kib: asked.leaks,
        stays: asked.stays,
        closes_day: asked.closes_day,
        lays_in: asked.lays_in,
    };
    let runtime = assembly::runtime().map_err(|error| wrong(&error))?;
    let lived = runtime.block_on(live(&config, &guest));
    runtime.shutdown_background();
    lived.map_err(|error| wrong(&error))
}
