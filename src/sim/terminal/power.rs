//! The mains switch of a simulated terminal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Cuts a terminal's power, from inside its work or from a panel; clones share the switch.
#[derive(Debug, Clone, Default)]
pub(super) struct Power(Arc<(Mutex<Option<Duration>>, Notify)>);

impl Power {
    /// Switches off for a time.
    pub(super) fn cycle(&self, off: Duration) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(off);
        self.0.1.notify_one();
    }

    /// Switches off from inside the terminal's own work, which never goes on.
    pub(super) async fn lose(&self, off: Duration) {
        self.cycle(off);
        std::future::pending::<()>().await;
    }

    /// Waits until the power goes; for how long.
    pub(super) async fn lost(&self) -> Duration {
        loop {
            if let Some(off) = self.0.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return off;
            }
            self.0.1.notified().await;
        }
    }
}
