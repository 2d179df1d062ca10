//! Open sales at start, and what has to be done about them: a pure plan, and the loop's way to begin with it.

use tracing::{info, warn};

use crate::journal::JournalError;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::{Lock, Money, Sale};

use super::Kiosk;

/// What a start has to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Sales that must be told that the program was started anew, oldest first.
    pub duties: Vec<SaleId>,
    /// The payment of which the attract screen speaks first, with its time (sale.md 5, "the traveller at the dark screen").
    pub interrupted: Option<(SaleId, Moment)>,
}

/// Plans the duties of a start. Ages that cannot be known count as recent: a payment that may have been interrupted
/// just now is spoken of.
pub fn plan(sales: &[Sale], now: &Moment, recent_ms: u64) -> Plan {
    let mut duties: Vec<&Sale> = sales.iter().filter(|sale| sale.closed.is_none()).collect();
    duties.sort_by_key(|sale| sale.id);
    let interrupted = duties
        .iter()
        .rev()
        .find(|sale| {
            let was_asked = sale.payment.asked_at.is_some();
            let open = !matches!(sale.payment.money, Money::None | Money::Back | Money::RefundDue);
            let recent = sale.payment.asked_at.is_some_and(|at| now.since(&at).is_none_or(|age| age < recent_ms));
            was_asked && open && recent
        })
        .map(|sale| (sale.id, sale.payment.asked_at.unwrap_or(sale.chosen_at)));
    Plan { duties: duties.iter().map(|sale| sale.id).collect(), interrupted }
}

impl Kiosk {
    /// Reads the journal and begins the duties, before the first picture and the first touch.
    pub(super) fn recover(&mut self) -> Result<(), JournalError> {
        let sales = self.journal.open_sales()?;
        self.locks = self.journal.locks()?.into_iter().collect();
        let plan = plan(&sales, &self.clock.now(), self.settings.interrupted_ms);
        info!(open = plan.duties.len(), locks = self.locks.len(), "journal read");
        self.sales = sales.into_iter().map(|sale| (sale.id, sale)).collect();
        self.interrupted = plan.interrupted;
        self.read_cases();
        self.read_differences();
        self.read_stock();
        self.recover_off_sale();
        self.recover_upkeep();
        self.ask_for_proof();
        let estranged = self.journal.estranged().map(|why| (why.to_owned(), self.journal.estranged_in()));
        for id in plan.duties {
            match &estranged {
                None => self.tell(id, &Event::Restarted),
                Some((why, since)) => self.tell(id, &Event::Estranged { why: why.clone(), since: *since }),
            }
            self.catch_up();
        }
        self.free_orphaned_locks()?;
        self.recover_day();
        self.recover_purchases();
        self.recover_calls();
        match self.halted.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// A lock whose sale is not open any more would stop selling for ever; the facts decide, not the row. The row goes
    /// too: as long as it stands, the journal gives its lock to nobody.
    fn free_orphaned_locks(&mut self) -> Result<(), JournalError> {
        let is_open = |id: &SaleId| self.sales.get(id).is_some_and(|sale| sale.closed.is_none());
        let orphaned: Vec<(Lock, SaleId)> =
            self.locks.iter().filter(|(_, id)| !is_open(id)).map(|(lock, id)| (lock.clone(), *id)).collect();
        if orphaned.is_empty() {
            return Ok(());
        }
        warn!(?orphaned, "locks without an open sale are given back");
        self.journal.free_locks(&orphaned, self.clock.now())?;
        self.locks.retain(|lock, _| !orphaned.iter().any(|(free, _)| free == lock));
        self.read_stock();
        Ok(())
    }
}
