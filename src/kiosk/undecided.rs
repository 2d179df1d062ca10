//! What waits for a person's decision, as the journal counts it: also the cases of sales that are closed, which leave
//! memory, and of those that cannot be read any more, which never come into it.

use std::collections::BTreeSet;

use crate::journal::OpenCase;
use crate::sale::Sale;
use crate::sale::record::{Entry, Record};

use super::Kiosk;

/// As the journal last told it.
#[derive(Debug, Clone, Default)]
pub(super) struct Undecided {
    /// Every open case, the most urgent first.
    pub(super) cases: Vec<OpenCase>,
    /// What did not agree at ends of day, and nobody has settled.
    pub(super) differences: Vec<String>,
}

impl Undecided {
    /// Sales that wait for a decision about something else than whether the card was charged.
    pub(super) fn sales(&self) -> usize {
        let others = self.cases.iter().filter(|case| !case.doubtful);
        others.map(|case| &case.number).collect::<BTreeSet<_>>().len()
    }
}

impl Kiosk {
    /// Reads them from the journal: at start, and after whatever opens or decides one.
    pub(super) fn read_cases(&mut self) {
        match self.journal.open_cases() {
            Ok(cases) => self.undecided.cases = cases,
            Err(error) => self.journal_failed(error),
        }
    }

    /// A step was written. What becomes of the money tells a doubtful sale from the others.
    pub(super) fn cases_changed(&mut self, sale: &Sale, record: &[Entry]) {
        let moves = |entry: &Entry| matches!(entry.record, Record::CaseOpened { .. } | Record::CaseDecided { .. });
        if record.iter().any(moves) || sale.cases.iter().any(|case| case.decided.is_none()) {
            self.read_cases();
        }
    }
}
