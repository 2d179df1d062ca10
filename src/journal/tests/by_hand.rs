//! A journal that is gone, cut off or damaged: what a start makes of it, and what a command leaves to the start.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::place::{Place, leave_to_owner};
use super::super::seal::Seal;
use super::super::section::Section;
use super::super::sqlite::{Found, OpenError, Opened, SqliteJournal};
use super::super::{Journal, schema};
use super::{Played, open, quote};
use crate::sale::offer::Source;

/// Three pages that hold rows become rubbish.
pub(crate) fn ruin(database: &Path) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::File::options().write(true).open(database).unwrap();
    file.seek(SeekFrom::Start(4096 * 3)).unwrap();
    file.write_all(&[0xA5; 3 * 4096]).unwrap();
}

fn sold(dir: &tempfile::TempDir) -> Place {
    let Opened { mut journal, found } = open(dir);
    assert_eq!(found, Found::New);
    Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    drop(journal);
    drop(open(dir)); // moves the log into the database
    Place::of(&Section::at(dir.path()))
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_command_leaves_a_damaged_journal_to_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let place = sold(&dir);
    ruin(&place.database);
    let before = (names(dir.path()), std::fs::read(&place.database).unwrap());
    for _ in 0..2 {
        let why = SqliteJournal::open_there(&Section::at(dir.path())).unwrap_err();
        assert!(matches!(why, OpenError::Damaged { .. }) && why.to_string().contains("start the service"), "{why}");
    }
    assert!((names(dir.path()), std::fs::read(&place.database).unwrap()) == before, "it lies as it lay");
    assert!(matches!(open(&dir).found, Found::SetAside { .. }), "the service's start sets it aside");
}

#[test]
fn a_command_makes_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    let section = Section::at(dir.path().join("state"));
    assert!(matches!(SqliteJournal::open_there(&section), Err(OpenError::Missing { .. })));
    assert!(names(dir.path()).is_empty());
    // Made, and no run was begun in it.
    let place = Place::of(&section);
    place.make().unwrap();
    place.make_database().unwrap();
    let mut empty = rusqlite::Connection::open(&place.database).unwrap();
    schema::settle(&empty).unwrap();
    schema::bring_up(&mut empty).unwrap();
    drop(empty);
    drop(Seal::load(None, &place.key, true).unwrap());
    assert!(matches!(SqliteJournal::open_there(&section), Err(OpenError::Missing { .. })));
    let opened = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((opened.found, opened.journal.estranged()), (Found::New, None), "a first start that was cut off");
    drop(opened.journal);
    assert_eq!(SqliteJournal::open_there(&section).unwrap().run(), 2, "a command has a run of its own");
}

/// The power fails between the rename and the first run of the empty journal, or the database is deleted.
#[test]
fn a_journal_that_is_gone_is_missed() {
    type Cut = fn(&Place);
    let aside: Cut = |place| drop(place.set_aside(jiff::Timestamp::UNIX_EPOCH).unwrap());
    let half_made: Cut = |place| {
        place.set_aside(jiff::Timestamp::UNIX_EPOCH).unwrap();
        place.make_database().unwrap();
        let mut empty = rusqlite::Connection::open(&place.database).unwrap();
        schema::settle(&empty).unwrap();
        schema::bring_up(&mut empty).unwrap();
    };
    let deleted: Cut = |place| std::fs::remove_dir_all(place.database.parent().unwrap()).unwrap();
    for (cut, word) in [(aside, "was damaged and lies in"), (half_made, "journal-damaged-"), (deleted, "is gone")] {
        let dir = tempfile::tempdir().unwrap();
        let place = sold(&dir);
        cut(&place);
        let Opened { journal, found } = open(&dir);
        assert!(matches!(found, Found::Gone { .. }), "{found:?}");
        let why = journal.estranged().unwrap().to_owned();
        assert!(why.contains(word), "{why}");
        drop(journal);
        let Opened { mut journal, found } = open(&dir);
        assert_eq!((found, journal.estranged()), (Found::Sound, Some(why.as_str())), "until somebody adopts it");
        journal.adopt().unwrap();
        drop(journal);
        assert_eq!(open(&dir).journal.estranged(), None, "what was set aside once is not missed twice");
    }
}

/// What root makes among the service's files is the service's. Only root can see it.
#[test]
fn what_root_makes_is_the_services() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    std::fs::create_dir(&state).unwrap();
    if std::os::unix::fs::chown(&state, Some(4_711), Some(4_712)).is_err() {
        return;
    }
    let section = Section { generation_file: Some(state.join("generation")), ..Section::at(&state) };
    drop(SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap());
    std::fs::remove_file(state.join("generation")).unwrap();
    std::fs::remove_file(state.join("journal.lock")).unwrap();
    drop(SqliteJournal::open_there(&section).unwrap());
    let mut seen = 0;
    for folder in [state.clone(), state.join("journal")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let (path, found) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
            assert_eq!((found.uid(), found.gid()), (4_711, 4_712), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen} files");
    // Whoever has no directory of their own keeps what they made.
    leave_to_owner(Path::new("nowhere"));
}

/// What is decided, what is listed and what is shown name the same case, whatever a newer version wrote in between.
#[test]
fn cases_keep_their_numbers_beside_what_a_newer_version_wrote() {
    use super::super::archive::Archive;
    use crate::sale::event::Event;
    use crate::sale::record::{CaseDecision, CaseKind};
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    let id = played.sale.id;
    drop(journal);
    let raw = || rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    let newer = "INSERT INTO entries (sale, seq, run, mono_ms, wall_ms, synced, kind, json)
                 SELECT id, entries, 1, 0, 0, 1, 'insured', '{\"kind\":\"insured\",\"policy\":7}' FROM sales;
                 UPDATE sales SET entries = entries + 1;";
    raw().execute_batch(newer).unwrap();
    let Opened { mut journal, .. } = open(&dir);
    played.sale = journal.open_sales().unwrap().remove(0);
    played.held(&mut journal, "0042").unwrap();
    let lost = Event::Estranged { why: "a copy".into(), since: 0 };
    played.on(&mut journal, 2_000, lost).unwrap();
    let archive = || Archive::open(&Section::at(dir.path())).unwrap();
    let listed = |all| {
        let mut rows: Vec<_> = archive().cases(all).unwrap().into_iter().map(|row| (row.place, row.kind)).collect();
        rows.sort();
        rows
    };
    let folded: Vec<_> = archive().sale(id).unwrap().unwrap().cases.into_iter().collect();
    let mut told: Vec<_> =
        folded.iter().map(|case| (u32::from(case.place), crate::journal::word(&case.kind))).collect();
    told.sort();
    assert_eq!(listed(false), told);
    assert_eq!(told[0], (0, "money_unknown".to_owned()), "the newer record counts none of the sale's own");
    assert_eq!(told.last().unwrap(), &(254, "newer_record".to_owned()), "and it is listed");
    let charged = CaseDecision::Charged;
    played.on(&mut journal, 3_000, Event::Decided { case: 0, decision: charged, reason: "slip".into() }).unwrap();
    assert_eq!(
        played.sale.case(0).map(|case| (case.kind, case.decided)),
        Some((CaseKind::MoneyUnknown, Some(charged)))
    );
    assert!(!listed(false).contains(&(0, "money_unknown".to_owned())), "the row is that of the case");
    drop(journal);
    // The version that understands it is back.
    raw()
        .execute_batch(
            "UPDATE entries SET kind = 'traveller_gone', json = '{\"kind\":\"traveller_gone\"}' WHERE kind = 'insured'",
        )
        .unwrap();
    let mut journal = open(&dir).journal;
    journal.open_sales().unwrap();
    assert!(!listed(false).iter().any(|(_, kind)| kind == "newer_record"), "{:?}", listed(false));
    let row = archive().cases(true).unwrap().into_iter().find(|row| row.place == 254).unwrap();
    assert_eq!(row.decision.as_deref(), Some("readable"));
}

/// Closed, and then a newer version wrote to it: nobody finds it among the open ones, and it is a case all the same.
#[test]
fn a_closed_sale_with_a_newer_versions_record_is_listed() {
    use super::super::archive::{Archive, Wanted};
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(&dir).journal;
    for number in 1..=2_u8 {
        Played::sold(&mut journal, number, &format!("004{number}")).unwrap();
    }
    assert_eq!(journal.open_sales().unwrap().len(), 0);
    drop(journal);
    let raw = || rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    let newer = "INSERT INTO entries (sale, seq, run, mono_ms, wall_ms, synced, kind, json)
                 SELECT id, entries, 1, 0, 0, 1, 'insured', '{\"kind\":\"insured\",\"policy\":7}'
                 FROM sales WHERE number = 'K07-000001';
                 UPDATE sales SET entries = entries + 1 WHERE number = 'K07-000001';";
    raw().execute_batch(newer).unwrap();
    let archive = || Archive::open(&Section::at(dir.path())).unwrap();
    let listed = || -> Vec<(String, u32, String)> {
        archive().cases(false).unwrap().into_iter().map(|row| (row.number, row.place, row.kind)).collect()
    };
    let case = ("K07-000001".to_owned(), 254, "newer_record".to_owned());
    for _ in 0..2 {
        let mut journal = open(&dir).journal;
        assert_eq!(journal.open_sales().unwrap().len(), 0, "it is closed");
        assert_eq!(listed(), std::slice::from_ref(&case), "listed once");
        assert_eq!(journal.open_cases().unwrap()[0].kind, "newer_record", "whoever counts cases counts it");
    }
    let rows = archive().list(&Wanted { open: true, ..Wanted::default() }).unwrap();
    assert_eq!(rows.iter().map(|row| (row.number.as_str(), row.open_cases)).collect::<Vec<_>>(), [("K07-000001", 1)]);
    // The version that understands it is back.
    let again = "UPDATE entries SET kind = 'traveller_gone', json = '{\"kind\":\"traveller_gone\"}'
                 WHERE kind = 'insured'";
    raw().execute(again, []).unwrap();
    open(&dir).journal.open_sales().unwrap();
    assert_eq!(listed(), []);
}
