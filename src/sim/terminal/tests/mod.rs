//! Dialogues with the simulated terminal, in bytes, under virtual time.

mod chores;
mod dialogues;
mod till;
mod wires;

use std::time::Duration;

use till::Till;

use super::*;

/// A terminal of a family and a registered till at it.
async fn registered(options: TerminalOptions) -> (TerminalSim, Till) {
    let (sim, dialler) = TerminalSim::in_memory(options);
    let mut till = Till::new(dialler.dial().unwrap());
    till.register().await;
    (sim, till)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
