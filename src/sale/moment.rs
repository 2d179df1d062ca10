//! Points in time as facts. The sale has no clock: whoever tells it something also says when.
//!
//! Waiting is measured on the boot clock. Across restarts an age counts only if the wall clock was synchronised at
//! both ends; otherwise it is unknown, and unknown never means absent, never permits a resend, never expires a claim
//! on a paid eSIM (sale.md 11).

use serde::{Deserialize, Serialize};

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Which run of the program: rises with every start.
    pub run: u64,
    /// Milliseconds of the boot clock since that run's start.
    pub mono_ms: u64,
    /// Milliseconds since 1970, UTC, as the wall clock said.
    pub wall_ms: i64,
    /// Whether the wall clock was synchronised.
    pub synced: bool,
}

impl Moment {
    /// Milliseconds from `earlier` to here; none where they cannot be known.
    pub fn since(&self, earlier: &Moment) -> Option<u64> {
        if self.run == earlier.run {
            return Some(self.mono_ms.saturating_sub(earlier.mono_ms));
        }
        let span = self.wall_ms.checked_sub(earlier.wall_ms)?;
        (self.synced && earlier.synced).then(|| u64::try_from(span).ok()).flatten()
    }

    /// Milliseconds that have surely passed since `earlier`: what happened in another run is at least as old as this
    /// run. Enough where only "not sooner than" is asked; never more than the truth, whatever the wall clock says.
    pub fn at_least_since(&self, earlier: &Moment) -> u64 {
        match self.since(earlier) {
            Some(age) if self.run == earlier.run => age,
            Some(age) => age.max(self.mono_ms),
            None => self.mono_ms,
        }
    }

    /// The moment `ms` later in the same run.
    pub fn plus_ms(&self, ms: u64) -> Moment {
        Moment {
            mono_ms: self.mono_ms.saturating_add(ms),
            wall_ms: self.wall_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)),
            ..*self
        }
    }
}
