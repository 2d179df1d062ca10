//! The journal as a file: whatever events come and wherever the run is cut, what is folded back is a state that the
//! sale was in, and a step is there whole or not at all.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod shop;

use std::path::Path;

use esim_kiosk::journal::section::Section;
use esim_kiosk::journal::sqlite::SqliteJournal;
use esim_kiosk::journal::{Append, Journal, JournalError};
use esim_kiosk::sale::id::{ProfileId, SaleId};
use esim_kiosk::sale::moment::Moment;
use esim_kiosk::sale::rules::{choose, on};
use esim_kiosk::sale::{Lock, Sale, Step, Terms, reverse_now};
use esim_kiosk::sim::journal::{DyingJournal, How, When};
use proptest::prelude::*;
use shop::{Wish, claim, event, moment, profile, quote};

fn open(directory: &Path) -> SqliteJournal {
    let section = Section { head_room_mb: 16, ..Section::at(directory) };
    SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).expect("the journal opens").journal
}

/// What the loop does with a step: the difference of the locks, one append.
fn append(journal: &mut dyn Journal, before: Option<&Sale>, step: &Step, good: u64) -> Result<(), JournalError> {
    if step.record.is_empty() {
        return Ok(());
    }
    let held = before.map(Sale::locks).unwrap_or_default();
    let wanted = step.next.locks();
    let takes: Vec<Lock> = wanted.difference(&held).cloned().collect();
    let gives: Vec<Lock> = held.difference(&wanted).cloned().collect();
    let code = claim(7);
    let content = profile(&format!("M-{good}"));
    journal.append(&Append {
        sale: &step.next,
        entries: &step.record,
        takes: &takes,
        gives: &gives,
        profile: Some((ProfileId::from_parts(9, good.into()), &content)),
        claim: before.is_none().then_some(&code),
    })
}

/// Plays the wishes into the journal. Returns every state that was on disk, in order, and how it ended.
fn play(journal: &mut dyn Journal, wishes: &[Wish]) -> (Vec<Sale>, Result<(), JournalError>) {
    let terms = Terms::default();
    let id = SaleId::from_parts(1, 1);
    let mut run = 1;
    let mut states: Vec<Sale> = Vec::new();
    let step = choose(id, quote(1, 2), moment(run, 0)).expect("a quote with goods");
    if let Err(end) = append(journal, None, &step, 0) {
        return (states, Err(end));
    }
    states.push(step.next);
    for (place, wish) in wishes.iter().enumerate() {
        let before = states.last().expect("the chosen one").clone();
        let place = u64::try_from(place).expect("few wishes");
        if matches!(wish, Wish::Restart) {
            run += 1;
        }
        let now: Moment = moment(run, (place + 1) * 700);
        let step = match wish {
            Wish::ReverseNow => reverse_now(&before, now, &terms, 0),
            other => on(&before, &event(other, place), now, &terms),
        };
        if let Err(end) = append(journal, Some(&before), &step, place) {
            return (states, Err(end));
        }
        states.push(step.next);
    }
    (states, Ok(()))
}

/// As it comes back from disk: what is not written down begins anew.
fn written(sale: &Sale) -> Sale {
    let mut sale = sale.clone();
    sale.waiting_since = None;
    sale.goods.iter_mut().for_each(|good| good.look_ups = 0);
    sale
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_of_what_is_stored_is_the_sale(wishes in prop::collection::vec(shop::wish(), 0..25)) {
        let mut journal = SqliteJournal::in_memory(&[3; 32]).expect("memory");
        let (states, end) = play(&mut journal, &wishes);
        prop_assert!(end.is_ok(), "{:?}", end);
        let last = states.last().expect("the chosen one");
        let back = journal.sale(last.id).expect("readable").expect("there");
        prop_assert_eq!(&back, &written(last));
        let held: Vec<Lock> = journal.locks().expect("readable").into_iter().map(|(lock, _)| lock).collect();
        let wanted: Vec<Lock> = last.locks().into_iter().collect();
        prop_assert!(held.iter().all(|lock| wanted.contains(lock)) && held.len() == wanted.len(), "{:?} {:?}", held, wanted);
        let open = journal.open_sales().expect("readable");
        prop_assert_eq!(open.len(), usize::from(last.closed.is_none()
            || last.goods.iter().any(|good| matches!(good.state, esim_kiosk::sale::Goods::Asked
                | esim_kiosk::sale::Goods::Accepted | esim_kiosk::sale::Goods::Unknown))));
    }
}

/// A purchase with everything in it.
fn purchase() -> Vec<Wish> {
    vec![
        Wish::Baseline,
        Wish::Took,
        Wish::Approve,
        Wish::Accept,
        Wish::Deliver,
        Wish::Approve,
        Wish::Complete,
        Wish::ReceiptLines,
        Wish::HandOver,
        Wish::HaveIt,
    ]
}

#[test]
fn a_disk_that_breaks_at_any_append_leaves_a_state_that_was() {
    for when in [When::Before, When::After] {
        for n in 1.. {
            let directory = tempfile::tempdir().expect("a directory");
            let mut journal = DyingJournal::new(open(directory.path()), n, when, How::Disk);
            let (states, end) = play(&mut journal, &purchase());
            let ended = end.is_ok();
            if !ended {
                assert!(journal.open_sales().is_err(), "it stays down");
            }
            drop(journal);
            let mut journal = open(directory.path());
            let there = journal.sale(SaleId::from_parts(1, 1)).expect("readable");
            match (there, states.last(), when) {
                (None, None, When::Before) => {}
                (Some(there), Some(last), When::Before) => assert_eq!(there, written(last), "cut before append {n}"),
                // The record is there although nobody was told: one step further, never half a step.
                (Some(there), last, When::After) => {
                    let known = last.map_or(0, |last| last.entries);
                    assert!(there.entries > known || ended, "cut after append {n}");
                    assert_eq!(journal.run(), 2);
                }
                other => panic!("cut at append {n}: {other:?}"),
            }
            if ended {
                assert!(n > 8, "the purchase has more than eight steps");
                break;
            }
        }
    }
}

#[test]
fn a_copy_of_the_files_after_every_append_opens_to_that_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut journal = open(directory.path());
    let wishes = purchase();
    for taken in 0..=wishes.len() {
        // The same prefix again from the start: each run is a machine of its own.
        let machine = tempfile::tempdir().expect("a directory");
        let mut own = open(machine.path());
        let (states, end) = play(&mut own, &wishes[..taken]);
        end.expect("a sound disk");
        // The power goes here: the files as they are, the log not yet moved into the database.
        let copy = tempfile::tempdir().expect("a directory");
        copy_tree(machine.path(), copy.path());
        drop(own);
        let mut after = open(copy.path());
        let back = after.sale(SaleId::from_parts(1, 1)).expect("readable").expect("there");
        assert_eq!(back, written(states.last().expect("the chosen one")), "after {taken} steps");
    }
    journal.probe().expect("a sound disk");
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a directory");
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// The child of the test below: plays the purchase and is killed in the middle of it.
#[test]
fn killed_child() {
    let Ok(told) = std::env::var("ESIM_KIOSK_KILLED_CHILD") else { return };
    let (directory, n) = told.rsplit_once(':').expect("directory:n");
    let n = n.parse().expect("a number");
    let mut journal = DyingJournal::new(open(Path::new(directory)), n, When::After, How::Process);
    let (_, end) = play(&mut journal, &purchase());
    end.expect("killed or done");
}

#[test]
fn a_process_killed_after_any_append_has_lost_nothing() {
    let program = std::env::current_exe().expect("this test");
    for n in [1_u32, 4, 7] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut child = std::process::Command::new(&program);
        child.args(["--exact", "killed_child", "--test-threads=1"]);
        child.env("ESIM_KIOSK_KILLED_CHILD", format!("{}:{n}", directory.path().display()));
        let output = child.output().expect("the child ran");
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(output.status.signal(), Some(9), "{}", String::from_utf8_lossy(&output.stdout));
        let mut journal = open(directory.path());
        let back = journal.sale(SaleId::from_parts(1, 1)).expect("readable").expect("there");
        let memory = SqliteJournal::in_memory(&[3; 32]).expect("memory");
        let mut whole = DyingJournal::new(memory, n.into(), When::After, How::Disk);
        play(&mut whole, &purchase()).1.expect_err("cut at the same append");
        let there = whole.into_inner().sale(SaleId::from_parts(1, 1)).expect("readable").expect("there");
        assert_eq!(back, there, "killed after append {n}");
    }
}
