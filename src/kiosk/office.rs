//! The outbox on its way to the back office: one parcel at a time, oldest first, again and again until it is taken.
//!
//! A parcel that the back office does not want waits long and holds up nobody; while the office is silent all of them
//! wait, a little longer each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{info, warn};

use crate::journal::JournalError;
use crate::journal::books::Booked;
use crate::journal::outbox::Waiting;
use crate::office::{BackOffice, Parcel, Taken};

use super::Kiosk;
use super::inbox::Inbox;

/// Between two looks into an outbox in which nothing waited, in ms.
const LOOK_MS: u64 = 2_000;
/// Longest pause of a silent office, in ms.
const PAUSE_MAX_MS: u64 = 15 * 60_000;
/// A refused parcel is sent again after so long, in ms.
const REFUSED_MS: u64 = 6 * 3_600_000;
/// Most refused parcels that are remembered; above that the oldest is simply tried again.
const REFUSED_MAX: usize = 200;

/// The outbox's way out.
pub(super) struct Post {
    office: Option<Arc<dyn BackOffice>>,
    /// The parcel that is under way.
    under_way: Option<u64>,
    /// Nothing is sent before this time of the run.
    quiet_until_ms: u64,
    /// Failures in a row.
    failures: u32,
    /// Refused parcels, and when each may go again.
    refused: BTreeMap<u64, u64>,
    /// Parcels whose sales cannot be read any more: they wait in the outbox until somebody decides their cases.
    unreadable: BTreeSet<u64>,
}

impl Post {
    /// A person has decided what nobody can read: it may go.
    pub(super) fn look_again(&mut self) {
        self.unreadable.clear();
        self.quiet_until_ms = 0;
    }

    /// How many parcels are refused.
    pub(super) fn refused(&self) -> usize {
        self.refused.len()
    }

    pub(super) fn new(office: Option<Arc<dyn BackOffice>>) -> Self {
        Post {
            office,
            under_way: None,
            quiet_until_ms: 0,
            failures: 0,
            refused: BTreeMap::new(),
            unreadable: BTreeSet::new(),
        }
    }

    /// The pause after so many failures in a row: 1, 2, 4 … s, at most a quarter of an hour.
    fn pause_ms(failures: u32) -> u64 {
        1_000_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(PAUSE_MAX_MS).min(PAUSE_MAX_MS)
    }

    fn next(&self, waiting: &[Waiting], now_ms: u64) -> Option<Waiting> {
        let due = |parcel: &&Waiting| {
            let rested = self.refused.get(&parcel.number).is_none_or(|until| *until <= now_ms);
            rested && !self.unreadable.contains(&parcel.number)
        };
        waiting.iter().find(due).cloned()
    }
}

impl Kiosk {
    /// Sends the next parcel, if one waits and none is under way.
    pub(super) fn post(&mut self) {
        let now = self.clock.now();
        let Some(office) = self.post.office.clone() else { return };
        if self.post.under_way.is_some() || now.mono_ms < self.post.quiet_until_ms || self.is_estranged() {
            return;
        }
        let limit = u32::try_from(self.post.refused.len() + self.post.unreadable.len() + 1).unwrap_or(u32::MAX);
        let waiting = match self.journal.outbox(0, limit) {
            Ok(waiting) => waiting,
            Err(error) => return self.journal_failed(error),
        };
        let Some(next) = self.post.next(&waiting, now.mono_ms) else {
            self.post.quiet_until_ms = now.mono_ms + LOOK_MS;
            return;
        };
        let Some(parcel) = self.parcel(&next) else { return };
        self.post.under_way = Some(next.number);
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let taken = office.take(&parcel).await;
            if inbox.send(Inbox::Posted { number: parcel.number, taken }).await.is_err() {
                warn!(number = parcel.number, "the kiosk ended before the back office's answer was taken");
            }
        });
    }

    fn parcel(&mut self, waiting: &Waiting) -> Option<Parcel> {
        let sale = match self.journal.sale(waiting.sale) {
            Ok(Some(sale)) => sale,
            Ok(None) => return self.remains(waiting, "none of its records is there"),
            // This one sale is damaged: the others are sent, and everything goes on.
            Err(JournalError::Damaged { what }) => return self.remains(waiting, &what),
            Err(error) => {
                self.journal_failed(error);
                return None;
            }
        };
        self.packed(waiting, &Booked::of(&sale, Some(waiting.closed_ms)))
    }

    fn packed(&self, waiting: &Waiting, booked: &Booked) -> Option<Parcel> {
        let json = serde_json::to_string(booked).ok()?;
        let machine = self.settings.machine.clone();
        Some(Parcel { number: waiting.number, key: waiting.sale.to_string(), machine, json })
    }

    /// A sale that cannot be read: once a person has decided its case, that and its row are all that is ever to be told.
    fn remains(&mut self, waiting: &Waiting, why: &str) -> Option<Parcel> {
        match self.journal.booked_remains(waiting) {
            Ok(Some(booked)) => self.packed(waiting, &booked),
            Ok(None) => self.cannot_be_sent(waiting, why),
            Err(error) => {
                self.journal_failed(error);
                None
            }
        }
    }

    fn cannot_be_sent(&mut self, waiting: &Waiting, why: &str) -> Option<Parcel> {
        let number = waiting.number;
        warn!(number, sale = %waiting.sale, why, "a finished sale cannot be read: the back office hears of it once its case is decided");
        self.post.unreadable.insert(number);
        self.lay_aside(waiting.sale, why);
        None
    }

    /// What became of the parcel that was under way.
    pub(super) fn posted(&mut self, number: u64, taken: Taken) {
        let now = self.clock.now();
        self.post.under_way = None;
        match taken {
            Taken::Done { highest } => {
                self.post.failures = 0;
                self.post.refused.remove(&number);
                if let Err(error) = self.journal.outbox_taken(number, now) {
                    return self.journal_failed(error);
                }
                info!(number, "the back office has a finished sale");
                self.compare_outbox(highest);
                self.post();
            }
            Taken::Refused(why) => {
                warn!(number, why, "the back office does not take a finished sale: sent again in 6 hours");
                self.post.failures = 0;
                if self.post.refused.len() >= REFUSED_MAX {
                    self.post.refused.pop_first();
                }
                self.post.refused.insert(number, now.mono_ms + REFUSED_MS);
            }
            Taken::Unknown(why) => {
                self.post.failures = self.post.failures.saturating_add(1);
                let pause_ms = Post::pause_ms(self.post.failures);
                info!(number, why, pause_ms, "the back office gave no answer");
                self.post.quiet_until_ms = now.mono_ms + pause_ms;
            }
        }
    }

    /// The back office has more of this machine than this journal ever wrote: it is not the newest (sale.md 11).
    fn compare_outbox(&mut self, highest: Option<u64>) {
        let Some(highest) = highest else { return };
        match self.journal.outbox_progress() {
            Ok(progress) if highest > progress.last => self.estrange(&format!(
                "the back office has finished sale {highest} of this machine, and this journal knows {}",
                progress.last
            )),
            Ok(_) => {}
            Err(error) => self.journal_failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_at_a_quarter_of_an_hour() {
        let pauses: Vec<u64> = [1, 2, 3, 10, 11, 70, 400].map(Post::pause_ms).into();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 512_000, 900_000, 900_000, 900_000]);
    }
}
