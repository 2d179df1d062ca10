//! Commands with the service stopped: what they leave to it, and what they do in its place.

use super::tests::Machine;
use crate::journal::Journal;
use crate::journal::place::Place;
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::tests::by_hand::ruin;

impl Machine {
    fn section(&self) -> Section {
        Section { head_room_mb: 16, ..Section::at(&self.state) }
    }

    fn journal(&self) -> SqliteJournal {
        SqliteJournal::open_with(&self.section(), None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal
    }

    fn refused(&self, words: &[&str]) -> String {
        let (said, done) = self.says(words);
        assert!(said.is_empty(), "{words:?}: {said}");
        done.unwrap_err()
    }
}

const DECIDE: [&str; 9] =
    ["sales", "decide", "K07-000123/0", "--money", "charged", "--witness", "the acquirer", "--reason", "on its list"];

#[test]
fn a_damaged_journal_is_left_to_the_service_and_said_aloud() {
    let machine = Machine::new().sold();
    drop(machine.journal()); // moves the log into the database
    ruin(&Place::of(&machine.section()).database);
    for words in [["sales", "reconcile"].as_slice(), &["sales", "adopt"], &DECIDE, &["terminal", "end-of-day"]] {
        let why = machine.refused(words);
        assert!(why.contains("is damaged") && why.contains("start the service"), "{words:?}: {why}");
    }
    let names = std::fs::read_dir(&machine.state).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains("damaged")), "nothing is set aside");
    assert!(machine.journal().estranged().unwrap().contains("damaged"), "the start says so, and nobody has adopted it");
}

#[test]
fn no_journal_is_begun_by_a_command() {
    let machine = Machine::new();
    for words in [["sales", "reconcile"].as_slice(), &["sales", "adopt"], &DECIDE, &["terminal", "end-of-day"]] {
        let why = machine.refused(words);
        assert!(why.contains("there is no journal") && why.contains("start esim-kiosk"), "{words:?}: {why}");
    }
    assert!(!machine.state.exists());
}
