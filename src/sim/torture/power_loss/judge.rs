//! What is on a disk whose power failed, against what had been acknowledged by then.

use std::collections::BTreeMap;
use std::path::Path;

use crate::journal::section::Section;
use crate::journal::sqlite::{Found, OpenError, SqliteJournal};
use crate::journal::{Journal, JournalError};
use crate::sale::id::SaleId;

/// What the writer was acknowledged, and how long the record was when it said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Promise {
    /// Entries of the record.
    pub(super) place: usize,
    /// The run of the journal; 0 before it was opened.
    pub(super) run: u64,
    /// A sale with so many records.
    pub(super) sale: Option<(SaleId, u32)>,
}

impl Promise {
    /// `begin`, `run N`, `sale ID RECORDS`.
    pub(super) fn read(line: &str, place: usize) -> Option<Promise> {
        let mut words = line.split(' ');
        match (words.next()?, words.next(), words.next()) {
            ("begin", None, None) => Some(Promise { place, run: 0, sale: None }),
            ("run", Some(run), None) => Some(Promise { place, run: run.parse().ok()?, sale: None }),
            ("sale", Some(id), Some(records)) => {
                let sale = Some((id.parse().ok()?, records.parse().ok()?));
                Some(Promise { place, run: 0, sale })
            }
            _ => None,
        }
    }
}

/// What is wrong with a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Something that was acknowledged is not there.
    Lost(String),
    /// The journal is damaged, or the program would not start.
    Damaged(String),
}

/// Opens the journal as the product does, and compares.
pub(super) fn judge(directory: &Path, due: &[&Promise]) -> Result<(), Wrong> {
    let run = due.iter().map(|promise| promise.run).max().unwrap_or(0);
    let mut sales: BTreeMap<SaleId, u32> = BTreeMap::new();
    for (id, records) in due.iter().filter_map(|promise| promise.sale) {
        let known = sales.entry(id).or_default();
        *known = (*known).max(records);
    }
    let section = Section { head_room_mb: 0, ..Section::at(directory.join("state")) };
    let opened = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH);
    let opened = opened.map_err(|error: OpenError| Wrong::Damaged(crate::kiosk::chain(&error)))?;
    if let Found::SetAside { why, .. } = opened.found {
        return Err(Wrong::Damaged(why));
    }
    let mut journal = opened.journal;
    if journal.run() <= run {
        return Err(Wrong::Lost(format!("run {} follows run {run}, which had begun", journal.run())));
    }
    let told = |error: JournalError| Wrong::Damaged(crate::kiosk::chain(&error));
    for (id, records) in sales {
        let there = journal.entries(id).map_err(told)?.len();
        if there < usize::try_from(records).unwrap_or(usize::MAX) {
            return Err(Wrong::Lost(format!("sale {id} has {there} of {records} acknowledged records")));
        }
        journal.sale(id).map_err(told)?;
    }
    journal.open_sales().map_err(told)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::clerk::Clerk;

    #[test]
    fn what_was_acknowledged_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let section = Section { head_room_mb: 0, ..Section::at(dir.path().join("state")) };
        let mut journal = SqliteJournal::open(&section).unwrap().journal;
        let id = Clerk::new(&mut journal).sell(1, None, false).unwrap();
        let records = journal.entries(id).unwrap().len();
        drop(journal);
        let promise = |line: &str| Promise::read(line, 1).unwrap();
        let kept = promise(&format!("sale {id} {records}"));
        assert_eq!(judge(dir.path(), &[&promise("begin"), &promise("run 1"), &kept]), Ok(()));
        let more = promise(&format!("sale {id} {}", records + 1));
        assert!(matches!(judge(dir.path(), &[&more]), Err(Wrong::Lost(_))));
        assert!(matches!(judge(dir.path(), &[&promise("run 99")]), Err(Wrong::Lost(_))));
        assert_eq!(Promise::read("sale nonsense 1", 1), None);
    }
}
