//! esim-kiosk: a traveller touches, pays by card, scans a code and is online.
//!
//! The modules in the order in which to read them:
//!
//! 1. [`sale`]: the rules of money and goods, a pure function over one sale.
//! 2. [`kiosk`]: the loop, the only owner of changing state.
//! 3. The contracts to the world: [`payment`], [`esim`], [`printer`], [`journal`], [`office`].
//! 4. [`catalogue`]: the offers of all providers, merged, priced, named and searched.
//! 5. `ui`: the screen (feature `screen`).
//! 6. [`diagnostics`]: what support reads.
//! 7. [`assembly`] and [`commands`]: what is connected to what.

// A test speaks by panicking; what ships is linted in the build that ships.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr))]

pub mod money;
pub mod sale;

pub mod kiosk;

pub mod catalogue;
pub mod esim;
pub mod journal;
pub mod locale;
pub mod office;
pub mod payment;
pub mod printer;

pub mod config;
pub mod control;
pub mod diagnostics;
pub mod fleet;
pub mod metrics;
pub mod telemetry;
pub mod watchdog;

#[cfg(feature = "screen")]
pub mod ui;

pub mod assembly;
pub mod commands;

#[cfg(feature = "sim")]
pub mod sim;
