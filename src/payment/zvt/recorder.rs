//! The last frames in both directions, with their secrets blanked, for the diagnostics bundle.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::message::{Apdu, redact};

/// How many messages are kept.
const KEPT: usize = 200;

/// A bounded log of messages that may be shown to anybody.
#[derive(Debug, Clone)]
pub struct FrameLog {
    start: Instant,
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl FrameLog {
    pub(super) fn new() -> Self {
        FrameLog { start: Instant::now(), lines: Arc::new(Mutex::new(VecDeque::with_capacity(KEPT))) }
    }

    /// How long ago second 0 of its lines was.
    #[must_use]
    pub fn age(&self) -> std::time::Duration {
        self.start.elapsed()
    }

    /// The lines, oldest first: seconds since the start, direction, bytes.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn message(&self, direction: &'static str, apdu: &[u8], now: Instant) {
        let bytes = Apdu::parse(apdu).map_or_else(|error| format!("({error})"), |apdu| redact::blank(&apdu));
        tracing::debug!(target: "zvt", direction, %bytes);
        self.note(direction, &bytes, now);
    }

    pub(super) fn note(&self, direction: &'static str, text: &str, now: Instant) {
        let seconds = now.saturating_duration_since(self.start);
        let line = format!("{:>6}.{:03} {direction} {text}", seconds.as_secs(), seconds.subsec_millis());
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}
