//! What the journal forgets of sales with the years, so that it does not grow for ever: the records of those that the
//! back office has, that nobody has to decide about any more, and that are older than the operator wants them here.
//!
//! The row of the sale stays, with its number, its end and its amount, and so does everything that must be unique:
//! its profile's keyed hash, the provider's order, the terminal's receipt. An eSIM that was exposed is known for ever.

use rusqlite::Transaction;

use super::fault::Fault;

/// The records of the newest so many sales stay, whatever their age: the terminal's last payment is looked for there.
const NEWEST: u32 = 1_000;
/// So many sales in one transaction: the loop is not kept waiting.
const AT_ONCE: u32 = 50;

/// Takes the records, decided cases and claim codes of sales that closed before `before_ms` out of the journal. Those of
/// the terminal's day that is not closed yet stay: its reckoning needs them, however long nobody closes it.
/// Returns of how many sales.
pub(super) fn forget_sales(work: &Transaction<'_>, before_ms: i64) -> Result<u32, Fault> {
    let sql = "SELECT id FROM sales WHERE closed IS NOT NULL AND open_order = 0 AND open_cases = 0 AND entries > 0
               AND closed_ms < ?1
               AND (SELECT json_extract(json, '$.day') FROM entries WHERE sale = sales.id AND seq = 0)
                   < (SELECT coalesce(max(number), 0) FROM days)
               AND counter <= (SELECT max(counter) FROM sales) - ?2
               AND EXISTS (SELECT 1 FROM outbox WHERE outbox.sale = sales.id AND sent_ms IS NOT NULL)
               AND NOT EXISTS (SELECT 1 FROM profiles WHERE owner = sales.id AND sealed IS NOT NULL)
               AND NOT EXISTS (SELECT 1 FROM locks WHERE locks.sale = sales.id)
               ORDER BY counter LIMIT ?3";
    let mut query = work.prepare_cached(sql)?;
    let ids = query.query_map((before_ms, NEWEST, AT_ONCE), |row| row.get::<_, String>(0))?;
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        for table in [
            "DELETE FROM entries WHERE sale = ?1",
            "DELETE FROM cases WHERE sale = ?1",
            "DELETE FROM claims WHERE sale = ?1",
            "UPDATE sales SET entries = 0 WHERE id = ?1",
        ] {
            work.prepare_cached(table)?.execute([id])?;
        }
    }
    Ok(u32::try_from(ids.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::section::Section;
    use super::super::sqlite::SqliteJournal;
    use super::super::tests::{Played, at, profile, quote};
    use super::super::{Journal, JournalError};
    use crate::sale::event::Event;
    use crate::sale::id::ProfileId;
    use crate::sale::offer::Source;

    const DAY_MS: u64 = 86_400_000;

    fn sell(journal: &mut SqliteJournal, number: u64, receipt: &str, code: &str) -> Result<Played, JournalError> {
        let mut played = Played::begin(journal, u128::from(number), quote(number, Source::Provider))?;
        played.held(journal, receipt)?;
        let id = ProfileId::from_parts(2, u128::from(number));
        played.delivered(journal, 2_000, &format!("ORD{number}"), id, &profile(code))?;
        played.paid(journal)?;
        played.on(journal, 6_000, Event::HandOver)?;
        played.on(journal, 7_000, Event::HaveIt)?;
        Ok(played)
    }

    #[test]
    fn records_go_by_age_once_the_back_office_has_the_sale_and_nothing_unique_goes() {
        let dir = tempfile::tempdir().unwrap();
        let section = Section { keep_sales_days: 30, head_room_mb: 0, ..Section::at(dir.path()) };
        let mut journal = SqliteJournal::open(&section).unwrap().journal;
        let old = sell(&mut journal, 1, "0042", "ABC-1").unwrap();
        let kept = sell(&mut journal, 2, "0043", "ABC-2").unwrap();
        let young = sell(&mut journal, 1_500, "0044", "ABC-3").unwrap();
        let waiting = journal.outbox(0, 9).unwrap();
        let later = at(31 * DAY_MS);
        journal.tidy(later).unwrap();
        journal.tidy(later).unwrap();
        assert!(journal.sale(old.sale.id).unwrap().is_some(), "the back office does not have it yet");
        for parcel in waiting.iter().filter(|parcel| parcel.sale != kept.sale.id) {
            journal.outbox_taken(parcel.number, later).unwrap();
        }
        journal.tidy(at(29 * DAY_MS)).unwrap();
        assert!(journal.sale(old.sale.id).unwrap().is_some(), "not before its day");
        journal.tidy(later).unwrap();
        assert!(journal.sale(old.sale.id).unwrap().is_some(), "its day at the terminal was never closed");
        journal.day_closed("closed", None, at(1_000)).unwrap();
        journal.tidy(later).unwrap();
        assert!(journal.sale(old.sale.id).unwrap().is_none());
        assert!(journal.sale(kept.sale.id).unwrap().is_some(), "the back office does not have this one");
        assert!(journal.sale(young.sale.id).unwrap().is_some(), "the newest stay");

        let count = |sql: &str| journal.connection.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
        let (sales, orders) = (count("SELECT count(*) FROM sales"), count("SELECT count(*) FROM orders"));
        assert_eq!((sales, orders, count("SELECT count(*) FROM receipts")), (3, 3, 3));
        assert_eq!(count("SELECT count(*) FROM profiles"), 3);
        assert_eq!(count("SELECT count(*) FROM entries WHERE sale NOT IN (SELECT id FROM sales WHERE entries > 0)"), 0);
        assert_eq!(journal.outbox_progress().unwrap().last, 3);
        // The same profile is known for ever, and the journal opens as well as before.
        let again = sell(&mut journal, 1_501, "0045", "ABC-1").err().expect("the profile was sold before");
        assert!(matches!(again, JournalError::Violation(_)), "{again}");
        drop(journal);
        assert!(SqliteJournal::open(&section).unwrap().journal.sale(kept.sale.id).unwrap().is_some());
    }
}
