//! The machine closed and opened by the operator: kept in the journal, so that a power cut does not open it again.

use tracing::info;

use crate::journal::upkeep::Upkeep;

use super::Kiosk;
use super::operator::OperatorAnswer;

impl Kiosk {
    /// At start: closed stays closed, and whoever was shut out at the service screen stays shut out.
    pub(super) fn recover_upkeep(&mut self) {
        match self.journal.upkeep() {
            Ok(upkeep) => {
                if upkeep.closed.is_some() {
                    info!("the operator closed this machine before this start: it stays closed");
                }
                self.health.closed = upkeep.closed;
                self.upkeep = upkeep;
                self.recover_lockout();
            }
            Err(error) => self.journal_failed(error),
        }
    }

    /// Closes or opens the machine for travellers. A sale that is begun goes on.
    pub(super) fn set_closed(&mut self, closed: bool) -> OperatorAnswer {
        // The first closing counts: somebody who closes twice still reads since when.
        let since = closed.then(|| self.upkeep.closed.unwrap_or_else(|| self.clock.now()));
        if let Err(refused) = self.keep_upkeep(Upkeep { closed: since, ..self.upkeep }) {
            return refused;
        }
        self.health.closed = since;
        OperatorAnswer::done(if closed { "closed for travellers, also after a restart" } else { "open for travellers" })
    }

    /// On disk before it is so.
    pub(super) fn keep_upkeep(&mut self, upkeep: Upkeep) -> Result<(), OperatorAnswer> {
        if upkeep == self.upkeep {
            return Ok(());
        }
        self.journal.put_upkeep(&upkeep).map_err(|error| self.journal_refused(error))?;
        self.upkeep = upkeep;
        Ok(())
    }
}
