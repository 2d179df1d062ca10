//! What comes back from the printer: kept in order, whether it comes while one listens or while one sends.

use tokio::time::{Instant, timeout_at};

use super::super::PrinterFault::{self, Absent};
use super::super::status::{Reply, auto_state};
use super::{Awaited, Desk};

/// So many parcels are kept while bytes go out; a printer that talks more than that talks rubbish.
const HEARD_MAX: usize = 64;

impl Desk {
    /// Keeps what came while bytes went out: an answer may overtake the word that its question has been taken.
    pub(super) fn hear(&mut self, bytes: Vec<u8>) {
        if self.heard.len() == HEARD_MAX {
            self.heard.pop_front();
        }
        self.heard.push_back(bytes);
    }

    /// The next bytes that came in, or nothing until then.
    pub(super) async fn receive(&mut self, until: Instant) -> Result<Option<Vec<u8>>, PrinterFault> {
        if let Some(bytes) = self.heard.pop_front() {
            return Ok(Some(bytes));
        }
        let Some(link) = self.link.as_mut() else { return Err(Absent) };
        match timeout_at(until, link.incoming.recv()).await {
            Err(_) => Ok(None),
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => {
                self.hang_up();
                Err(Absent)
            }
        }
    }

    /// Takes in what has come without being asked for.
    pub(super) fn take_waiting(&mut self) {
        while let Some(bytes) = self.heard.pop_front() {
            self.absorb(&bytes);
        }
        while let Some(Ok(bytes)) = self.link.as_mut().map(|link| link.incoming.try_recv()) {
            self.absorb(&bytes);
        }
    }

    /// The next answer that is none of the awaited kinds, or nothing until then.
    pub(super) async fn reply(&mut self, until: Instant) -> Result<Option<Reply>, PrinterFault> {
        while let Some(bytes) = self.receive(until).await? {
            let replies = self.absorb(&bytes);
            // A real-time answer is what one waits for; of garbage it is enough to know that there was some.
            let found = replies.iter().find(|reply| matches!(reply, Reply::RealTime(_)));
            if let Some(reply) = found.or(replies.first()) {
                return Ok(Some(*reply));
            }
        }
        Ok(None)
    }

    /// Waits for anything, an awaited mark too; false when the time is up.
    pub(super) async fn reply_or_mark(&mut self, until: Instant) -> Result<bool, PrinterFault> {
        let heard = self.receive(until).await?;
        Ok(heard.map(|bytes| self.absorb(&bytes)).is_some())
    }

    /// Notes reports and the awaited mark; gives the rest.
    fn absorb(&mut self, bytes: &[u8]) -> Vec<Reply> {
        let mut rest = Vec::new();
        for reply in bytes.iter().flat_map(|byte| self.parser.feed(*byte)).collect::<Vec<_>>() {
            match (reply, self.awaited) {
                (Reply::Process(id), Some(Awaited::Process(own))) if id == own => self.proven = true,
                (Reply::Paper(_), awaited) => {
                    self.milestones.1 = self.milestones.1.saturating_add(1);
                    self.proven |= matches!(awaited, Some(Awaited::Marks(count)) if self.milestones.1 >= count);
                }
                (Reply::Auto(status), awaited) => {
                    self.proven |= awaited == Some(Awaited::Auto);
                    self.reported = Some(auto_state(status));
                }
                _ => rest.push(reply),
            }
        }
        rest
    }
}
