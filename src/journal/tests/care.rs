//! What is wiped, carried along, set aside, and refused.

use super::super::section::Section;
use super::super::sqlite::Found;
use super::super::sqlite::OpenError;
use super::super::sqlite::Opened;
use super::super::sqlite::SqliteJournal;
use super::super::*;
use super::{Played, append, at, memory, offer, open, profile, quote, transaction, violation};
use crate::sale::Terms;
use crate::sale::event::Event;
use crate::sale::moment::Moment;
use crate::sale::offer::Source;
use crate::sale::record::Record;
use crate::sale::rules::on;
use std::collections::BTreeSet;

#[test]
fn codes_are_wiped_a_while_after_the_hand_over() {
    let mut journal = memory();
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    played.held(&mut journal, "0042").unwrap();
    let id = ProfileId::from_parts(2, 1);
    played.delivered(&mut journal, 2_000, "ORD1", id, &profile("ABC-1")).unwrap();
    played.paid(&mut journal).unwrap();
    let later = at(0).plus_ms(80 * 3_600_000);
    assert_eq!(journal.tidy(later).unwrap(), 0, "an open sale keeps its code");
    played.on(&mut journal, 5_001, Event::HandOver).unwrap();
    played.on(&mut journal, 6_000, Event::HaveIt).unwrap();
    assert_eq!(journal.tidy(at(7_000)).unwrap(), 0);
    assert_eq!(journal.tidy(Moment { synced: false, ..later }).unwrap(), 0, "a clock that is not set wipes nothing");
    assert_eq!(journal.tidy(later).unwrap(), 1);
    assert_eq!(journal.reveal(id).unwrap(), None);
    // The code stays unique for ever.
    let mut second = Played::begin(&mut journal, 2, quote(2, Source::Provider)).unwrap();
    second.held(&mut journal, "0043").unwrap();
    let twice = second.delivered(&mut journal, 2_000, "ORD2", ProfileId::from_parts(2, 2), &profile("ABC-1"));
    assert_eq!(violation(twice), Violation::ProfileBound);
}

#[test]
fn a_step_that_does_not_follow_is_refused_and_the_journal_stays_down() {
    let mut journal = memory();
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    let old = played.sale.clone();
    played.held(&mut journal, "0042").unwrap();
    let step = on(&old, &Event::CancelWished, at(20), &Terms::default());
    let refused = append(&mut journal, Some(&old), &step, None, None).unwrap_err();
    assert!(matches!(refused, JournalError::Damaged { .. }), "{refused}");
    for refused in [journal.probe().unwrap_err(), journal.open_sales().unwrap_err()] {
        let JournalError::Storage { source, .. } = refused else { panic!("{refused}") };
        assert!(source.to_string().contains("never tried again"), "{source}");
    }
}

#[test]
fn what_a_newer_version_wrote_is_carried_along_as_a_case() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    drop(journal);
    let path = dir.path().join("journal/journal.db");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer
        .execute_batch(
            "INSERT INTO entries (sale, seq, run, mono_ms, wall_ms, synced, kind, json)
               SELECT id, 1, 1, 0, 0, 1, 'teleported', '{\"kind\":\"teleported\",\"to\":3}' FROM sales;
             UPDATE sales SET entries = 2; PRAGMA user_version = 2;",
        )
        .unwrap();
    drop(newer);
    let Opened { mut journal, .. } = open(&dir);
    let back = journal.open_sales().unwrap().remove(0);
    assert_eq!(back.cases[0].kind, crate::sale::record::CaseKind::NewerRecord);
    assert_eq!(back.entries, 2, "the numbering goes on");
    played.sale = back;
    played.on(&mut journal, 20, Event::CancelWished).unwrap();
    assert!(matches!(journal.entries(played.sale.id).unwrap()[2].record, Record::CancelWished));
}

#[test]
fn a_damaged_database_is_set_aside_and_the_kiosk_estranged() {
    use std::io::{Seek, SeekFrom, Write};
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    drop(journal);
    drop(open(&dir)); // moves the log into the database
    let path = dir.path().join("journal/journal.db");
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4096 * 3)).unwrap();
    file.write_all(&[0xA5; 4096]).unwrap();
    drop(file);
    let Opened { mut journal, found } = open(&dir);
    let Found::SetAside { path, why } = found else { panic!("{found:?}") };
    assert!(path.join("journal.db").exists() && !why.is_empty());
    assert!(journal.open_sales().unwrap().is_empty());
    assert!(journal.estranged().unwrap().contains("damaged"));
    drop(journal);
    let Opened { mut journal, found } = open(&dir);
    assert_eq!(found, Found::Sound);
    assert!(journal.estranged().is_some(), "it stays so until somebody adopts it");
    journal.adopt().unwrap();
    drop(journal);
    assert_eq!(open(&dir).journal.estranged(), None);
}

#[test]
fn a_restored_backup_knows_that_it_is_not_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let section = Section {
        generation_file: Some(outside.path().join("generation")),
        head_room_mb: 16,
        ..Section::at(dir.path())
    };
    let open = || SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
    let journal = open();
    let backup = outside.path().join("backup.db");
    journal.back_up(&backup).unwrap();
    drop(journal);
    assert_eq!(open().estranged(), None);
    assert_eq!(open().estranged(), None);
    let put_back = |copy: &std::path::Path| {
        for file in std::fs::read_dir(dir.path().join("journal")).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        std::fs::copy(copy, dir.path().join("journal/journal.db")).unwrap();
    };
    put_back(&backup);
    let restored = open();
    assert!(restored.estranged().unwrap().contains("older"), "{:?}", restored.estranged());
    assert_eq!(restored.run(), 4, "the runs of the newer journal are not used twice");
    assert_eq!(restored.estranged_in(), 4);
    drop(restored);
    assert_eq!(open().estranged_in(), 4, "what a person decides stands over a start");
    let copy = outside.path().join("copy.db");
    crate::journal::archive::Archive::open(&section).unwrap().back_up(&copy).unwrap();
    put_back(&copy);
    assert_eq!(open().estranged_in(), 6, "another copy is another matter");
}

#[test]
fn a_second_service_is_refused_and_another_key_too() {
    let dir = tempfile::tempdir().unwrap();
    let section = Section { head_room_mb: 16, ..Section::at(dir.path()) };
    let open = || SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH);
    let held = open().unwrap();
    assert!(matches!(open(), Err(OpenError::Held { .. })));
    drop(held);
    std::fs::remove_file(dir.path().join("journal.key")).unwrap();
    assert!(matches!(open(), Err(OpenError::Key(super::seal::NoKey::Gone { .. }))));
    drop(super::seal::Seal::load(None, &dir.path().join("journal.key"), true).unwrap());
    assert!(matches!(open(), Err(OpenError::Key(super::seal::NoKey::Other { .. }))));
}

#[test]
fn head_room_is_asked_for_and_stops_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let section = Section { head_room_mb: u64::MAX, ..Section::at(dir.path()) };
    let mut journal = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
    assert!(matches!(journal.probe(), Err(JournalError::HeadRoom { .. })));
    // What room is left belongs to the sales: nothing was written for the question.
    assert_eq!(super::super::sqlite::meta::<u64>(&journal.connection, "probes").unwrap(), None);
    assert!(Played::begin(&mut journal, 1, quote(1, Source::Provider)).is_ok());
    let all: BTreeSet<Lock> = journal.locks().unwrap().into_iter().map(|(lock, _)| lock).collect();
    assert!(all.contains(&Lock::Terminal));
}

/// One sale that nobody can read any more is a case; the others are finished, and what it held is free.
#[test]
fn an_unreadable_sale_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    let broken = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap().sale.id;
    assert_eq!(journal.locks().unwrap(), [(Lock::Terminal, broken)]);
    drop(journal);
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    raw.execute("UPDATE entries SET json = 'not what was written', mono_ms = -1", []).unwrap();
    drop(raw);

    let Opened { mut journal, .. } = open(&dir);
    // The start asks who holds the terminal before it reads the open sales.
    assert!(matches!(journal.sale(broken), Err(JournalError::Damaged { .. })));
    assert_eq!(crate::assembly::aftermath(&mut journal).unwrap(), crate::payment::zvt::Aftermath::PaymentOpen);
    assert!(journal.open_sales().unwrap().is_empty());
    assert!(journal.locks().unwrap().is_empty(), "a case holds no lock");
    let mut next = Played::begin(&mut journal, 2, quote(2, Source::Provider)).unwrap();
    next.held(&mut journal, "0042").unwrap();
    drop(journal);
    let Opened { mut journal, .. } = open(&dir);
    assert_eq!(journal.open_sales().unwrap().len(), 1);
    drop(journal);
    let archive = super::super::archive::Archive::open(&Section::at(dir.path())).unwrap();
    let cases = archive.cases(false).unwrap();
    assert_eq!((cases.len(), cases[0].kind.as_str()), (1, "unreadable"), "{cases:?}");
    decide_what_nobody_can_read(&dir, broken);
}

/// A person closes the case: it says so, the records stay, and the next start does not open it again.
fn decide_what_nobody_can_read(dir: &tempfile::TempDir, broken: SaleId) {
    use crate::sale::record::Closing;
    let raw = || -> Vec<String> {
        let connection = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
        let mut query = connection.prepare("SELECT json FROM entries WHERE sale = ?1 ORDER BY seq").unwrap();
        let rows = query.query_map([broken.to_string()], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let before = raw();
    let verdict = unreadable::Verdict {
        money: crate::sale::Money::Back,
        goods: crate::sale::Goods::Absent,
        closing: Closing::Refunded,
        reason: "refunded by hand (witness: the acquirer)".to_owned(),
    };
    let mut journal = open(dir).journal;
    let other = journal.open_sales().unwrap()[0].id;
    assert!(!journal.decide_unreadable(other, &verdict, at(1_000)).unwrap(), "a sale that can be read has none");
    assert!(journal.decide_unreadable(broken, &verdict, at(1_000)).unwrap());
    assert!(!journal.decide_unreadable(broken, &verdict, at(2_000)).unwrap(), "once");
    drop(journal);
    assert_eq!(open(dir).journal.open_sales().unwrap().len(), 1);
    assert_eq!(raw(), before, "nothing of it is changed");
    let archive = super::super::archive::Archive::open(&Section::at(dir.path())).unwrap();
    assert!(archive.cases(false).unwrap().is_empty(), "a start opens no case again");
    let case = archive.cases(true).unwrap().remove(0);
    assert_eq!(case.decision.as_deref(), Some("money back, goods absent"));
    assert!(case.reason.unwrap().contains("the acquirer"));
    let row = archive.list(&archive::Wanted::default()).unwrap().into_iter().find(|row| row.id == broken).unwrap();
    assert_eq!((row.closed.as_deref(), row.money.as_str(), row.open_cases), (Some("refunded"), "back", 0));
}

/// The terminal remembers a payment that a restored copy does not know.
#[test]
fn a_terminal_that_is_ahead_is_known_by_its_last_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    let key = |receipt: &str| transaction(receipt).key;
    assert!(!journal.has_history().unwrap());
    assert!(journal.knows_transaction(&key("0999")).unwrap(), "a new journal has nothing to compare");
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    played.held(&mut journal, "0042").unwrap();
    assert!(journal.has_history().unwrap());
    assert!(journal.knows_transaction(&key("0042")).unwrap());
    let bare = ApprovalKey { terminal_id: None, trace: None, receipt: Some("42".into()), amount_minor: None };
    assert!(journal.knows_transaction(&bare).unwrap(), "messages differ in leading zeros");
    assert!(!journal.knows_transaction(&key("0043")).unwrap());
    let other = ApprovalKey { terminal_id: Some("999".into()), ..key("0043") };
    assert!(journal.knows_transaction(&other).unwrap(), "another terminal proves nothing");
    journal.learn_transaction(&key("0043")).unwrap();
    assert!(journal.knows_transaction(&key("0043")).unwrap(), "the operator took it as it is");
    let any = ApprovalKey { terminal_id: None, receipt: None, trace: None, amount_minor: None };
    journal.learn_transaction(&any).unwrap();
    assert!(journal.knows_transaction(&key("0077")).unwrap(), "an operator had the terminal move money");
    assert!(!journal.knows_transaction(&key("0078")).unwrap(), "once");
}

/// A payment that only the totals or a person vouch for has no name; the terminal may say it later.
#[test]
fn the_newest_payment_may_have_no_name() {
    let nobody = ApprovalKey { terminal_id: None, receipt: None, trace: None, amount_minor: None };
    let (older, seen) = (transaction("0042").key, transaction("0043").key);
    assert!(is_known(None, &[nobody.clone(), older.clone()], &seen), "it may be that payment");
    assert!(!is_known(None, &[older.clone(), nobody.clone()], &seen), "something came after that payment");
    // Another card was asked since, and that payment was taken back: the one without a name is the last one again.
    let numbered = |number: &str, terminal: &str| ApprovalKey {
        terminal_id: Some(terminal.into()),
        receipt: Some(number.into()),
        trace: Some(format!("00{number}")),
        amount_minor: None,
    };
    let between = [numbered("0045", "1"), nobody.clone(), numbered("0042", "1")];
    assert!(is_known(None, &between, &numbered("0043", "1")), "it lies before one that is known");
    assert!(!is_known(None, &between, &numbered("0046", "1")), "after all of them nothing of ours was paid");
    let moved = [numbered("4000", "2"), nobody.clone(), numbered("0040", "1")];
    assert!(!is_known(None, &moved, &numbered("0500", "1")), "another terminal's numbers say nothing");
    assert!(!is_known(Some(&nobody), &[older], &seen), "an operator's word is not a payment of ours");
}

/// What was ordered for the stock and not begun is there after a restart, less what was begun.
#[test]
fn a_batch_is_counted_by_what_was_begun() {
    use super::super::purchases::{Batch, Purchase, PurchaseState};
    let dir = tempfile::tempdir().unwrap();
    let Opened { mut journal, .. } = open(&dir);
    let batch =
        Batch { id: SaleId::from_parts(1, 1), offer: offer(Source::Provider), count: 3, begun: 0, dropped: None };
    journal.put_batches(std::slice::from_ref(&batch)).unwrap();
    let purchase = Purchase {
        id: SaleId::from_parts(1, 2),
        batch: Some(batch.id),
        offer: batch.offer.clone(),
        state: PurchaseState::Asked,
        reference: None,
        profile: None,
        balance_before: None,
        sent_at: at(0),
        not_found: Vec::new(),
        evidence: String::new(),
        decided: None,
    };
    journal.put_purchase(&purchase, None, at(0)).unwrap();
    drop(journal);
    let left = open(&dir).journal.batches().unwrap();
    assert_eq!(left, [Batch { begun: 1, ..batch.clone() }]);
    // What was dropped lies apart: the version before, which knows no such thing, must not buy it.
    let dropped = Batch { dropped: Some("no funds".into()), ..batch };
    let Opened { mut journal, .. } = open(&dir);
    journal.put_batches(std::slice::from_ref(&dropped)).unwrap();
    assert_eq!(journal.batches().unwrap(), [Batch { begun: 1, ..dropped }]);
    assert_eq!(super::super::sqlite::meta::<String>(&journal.connection, "stock_orders").unwrap().unwrap(), "[]");
}

/// Its records can be read again (the version that wrote them is back): its case is over, and nobody can close it
/// over the sale's own facts.
#[test]
fn a_sale_that_can_be_read_again_speaks_for_itself() {
    use crate::sale::record::Closing;
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(&dir).journal;
    let id = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap().sale.id;
    drop(journal);
    let raw = rusqlite::Connection::open(dir.path().join("journal/journal.db")).unwrap();
    raw.execute("UPDATE entries SET seq = seq + 7", []).unwrap();
    let mut journal = open(&dir).journal;
    assert!(journal.open_sales().unwrap().is_empty());
    raw.execute("UPDATE entries SET seq = seq - 7", []).unwrap();
    drop(raw);
    let verdict = unreadable::Verdict {
        money: crate::sale::Money::None,
        goods: crate::sale::Goods::Absent,
        closing: Closing::NotCharged,
        reason: "not on the list (witness: the acquirer)".to_owned(),
    };
    assert!(!journal.decide_unreadable(id, &verdict, at(1_000)).unwrap());
    assert_eq!(journal.sale(id).unwrap().unwrap().closed, None);
    assert_eq!(journal.open_sales().unwrap().len(), 1);
    drop(journal);
    let archive = super::super::archive::Archive::open(&Section::at(dir.path())).unwrap();
    assert!(archive.cases(false).unwrap().is_empty(), "its case is over");
}

#[test]
fn a_journal_that_cannot_be_compared_with_what_is_outside_is_estranged_until_somebody_adopts_it() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("generation");
    let section = Section { generation_file: Some(file.clone()), head_room_mb: 16, ..Section::at(dir.path()) };
    let open = || SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
    let runs = open().run();
    for no_number in ["unreadable\n", "", "9223372036854775807\n"] {
        std::io::Write::write_all(&mut std::fs::File::create(&file).unwrap(), no_number.as_bytes()).unwrap();
        let mut journal = open();
        let why = journal.estranged().unwrap_or_else(|| panic!("{no_number:?} is believed"));
        assert!(why.contains("cannot be read"), "{why}");
        journal.adopt().unwrap();
        drop(journal);
        assert_eq!(open().estranged(), None, "what was adopted goes on by its own number");
    }
    assert_eq!(open().run(), runs + 7, "no run is used twice");
}
