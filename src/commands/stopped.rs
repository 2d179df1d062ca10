//! Commands with the service stopped: what they leave to it, and what they do in its place.

use std::process::ExitCode;

use clap::Parser;

use super::Cli;
use super::tests::Machine;
use crate::journal::Journal;
use crate::journal::archive::Archive;
use crate::journal::place::Place;
use crate::journal::purchases::{Batch, Purchase, PurchaseState};
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::tests::by_hand::ruin;
use crate::journal::tests::{Played, at, claim, offer, quote};
use crate::sale::effect::Effect;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::Source;
use crate::sale::record::Record;
use crate::sale::{Money, Terms, rules};

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
    let settle = ["sales", "reconcile", "--settle", "looked"];
    for words in [["sales", "reconcile"].as_slice(), &settle, &["sales", "adopt"], &DECIDE, &["terminal", "end-of-day"]]
    {
        let why = machine.refused(words);
        assert!(why.contains("is damaged") && why.contains("start the service"), "{words:?}: {why}");
    }
    let names = std::fs::read_dir(&machine.state).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains("damaged")), "nothing is set aside");
    assert!(machine.journal().estranged().unwrap().contains("damaged"), "the start says so, and nobody has adopted it");
}

/// Who looks for a purchase changes nothing, least of all what may still be saved.
#[test]
fn a_claim_code_is_not_looked_for_in_a_damaged_journal() {
    let machine = Machine::new().sold();
    drop(machine.journal()); // moves the log into the database
    let database = Place::of(&machine.section()).database;
    ruin(&database);
    let names = || {
        let entries = std::fs::read_dir(database.parent().unwrap()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    let before = std::fs::read(&database).unwrap();
    let beside = names();
    let code = claim(1).grouped();
    let (said, done) = machine.says(&["sales", "find", "--claim", &code]);
    let why = done.unwrap_err();
    assert_eq!(said, "");
    assert!(why.contains("is damaged") && why.contains("start the service"), "{why}");
    assert!(!why.contains("no sale of this machine"), "that is not known: {why}");
    let config = machine.config.to_str().unwrap();
    let whole = Cli::try_parse_from(["esim-kiosk", "--config", config, "sales", "find", "--claim", &code]).unwrap();
    assert_eq!(whole.carry_out(), ExitCode::FAILURE, "1, and not the 0 of an empty list");
    assert_eq!(std::fs::read(&database).unwrap(), before, "the file is as it was");
    assert_eq!(names(), beside, "nothing is set aside, and nothing begun beside it");
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

/// A copy was made while a paid sale waited for the network; since then it was ordered, perhaps.
#[test]
fn what_is_open_is_a_case_before_an_older_journal_goes_on() {
    let machine = Machine::new();
    let mut journal = machine.journal();
    let mut later = quote(123, Source::Provider);
    later.promised_ms = Some(86_400_000);
    let mut played = Played::begin(&mut journal, 1, later).unwrap();
    played.held(&mut journal, "0042").unwrap();
    played.paid(&mut journal).unwrap();
    assert_eq!(played.sale.payment.money, Money::Paid);
    assert!(played.sale.waits_in_queue());
    let id = played.sale.id;
    drop(journal);
    let copy = machine.state.with_file_name("copy.db");
    machine.says(&["sales", "backup", copy.to_str().unwrap()]).1.unwrap();
    let database = Place::of(&machine.section()).database;
    std::fs::remove_dir_all(database.parent().unwrap()).unwrap();
    std::fs::create_dir(database.parent().unwrap()).unwrap();
    std::fs::copy(&copy, &database).unwrap();

    let (said, done) = machine.says(&["sales", "adopt"]);
    done.unwrap();
    assert!(said.contains("1 open sales are cases"), "{said}");
    let (cases, _) = machine.says(&["sales", "cases"]);
    assert!(cases.contains("K07-000123 case 0: money_unknown") && cases.contains("order_in_doubt"), "{cases}");
    let count = cases.matches(" case ").count();

    // The start: nothing is ordered and nothing given back by itself.
    let mut journal = machine.journal();
    assert_eq!(journal.estranged(), None);
    let sale = journal.open_sales().unwrap().remove(0);
    assert_eq!((sale.id, sale.payment.money, sale.payment.overtaken), (id, Money::Unknown, true));
    let now = Moment { run: journal.run(), ..at(0) };
    let step = rules::on(&sale, &Event::Restarted, now, &Terms::default());
    let acts = |effect: &Effect| matches!(effect, Effect::Order { .. } | Effect::Reverse);
    assert!(!step.effects.iter().any(acts), "{:?}", step.effects);
    assert!(journal.locks().unwrap().is_empty(), "a case holds nothing");
    drop(journal);
    assert!(machine.refused(&["sales", "adopt"]).contains("nothing to adopt"));
    assert_eq!(machine.says(&["sales", "cases"]).0.matches(" case ").count(), count, "told once");
}

/// The service had told it already, and a person had found out: adopting by hand opens no second case.
#[test]
fn what_a_person_has_found_out_stands_when_the_journal_is_adopted() {
    let machine = Machine::new().sold();
    let mut journal = machine.journal();
    journal.estrange("the terminal is ahead").unwrap();
    let since = journal.estranged_in();
    let sale = journal.open_sales().unwrap().remove(0);
    let now = Moment { run: journal.run(), ..at(9_000) };
    let event = Event::Estranged { why: "the terminal is ahead".into(), since };
    super::order::write(&mut journal, rules::on(&sale, &event, now, &Terms::default())).unwrap();
    drop(journal);
    machine.says(&DECIDE).1.unwrap();
    let entries = |machine: &Machine| Archive::open(&machine.section()).unwrap().entries(sale.id).unwrap();
    let before = entries(&machine).len();
    machine.says(&["sales", "adopt"]).1.unwrap();
    let after = entries(&machine);
    let opened = |record: &Record| matches!(record, Record::CaseOpened { .. } | Record::MoneyUnknown { .. });
    assert!(!after[before..].iter().any(|entry| opened(&entry.record)), "{:?}", &after[before..]);
    assert_eq!(machine.journal().sale(sale.id).unwrap().unwrap().payment.money, Money::Paid);
}

#[test]
fn a_copy_is_not_made_among_the_journals_own_files() {
    let machine = Machine::new().sold();
    let place = Place::of(&machine.section());
    let link = machine.state.with_file_name("elsewhere");
    std::os::unix::fs::symlink(place.database.parent().unwrap(), &link).unwrap();
    for to in [place.database.clone(), place.key.clone(), machine.state.join("new.db"), link.join("journal.db")] {
        let why = machine.refused(&["sales", "backup", to.to_str().unwrap()]);
        assert!(why.contains("among the journal's own files"), "{why}");
    }
    assert!(machine.says(&["sales", "list"]).0.contains("K07-000123"), "it is what it was");
}

#[test]
fn what_is_to_be_bought_is_listed_with_its_reason() {
    let machine = Machine::new();
    let mut journal = machine.journal();
    let batch = |number, dropped| Batch {
        id: SaleId::from_parts(1, number),
        offer: offer(Source::Provider),
        count: 5,
        begun: 0,
        dropped,
    };
    let refused = Some("the order before was not bought: no funds".to_owned());
    journal.put_batches(&[batch(1, None), batch(2, refused)]).unwrap();
    let order = |number, state, evidence: &str| Purchase {
        id: SaleId::from_parts(2, number),
        batch: Some(SaleId::from_parts(1, 1)),
        offer: offer(Source::Provider),
        state,
        reference: None,
        profile: None,
        balance_before: None,
        sent_at: at(0),
        not_found: Vec::new(),
        evidence: evidence.to_owned(),
        decided: None,
    };
    for purchase in [
        order(1, PurchaseState::Absent, "an old refusal"),
        order(2, PurchaseState::Doubtful, "HTML instead of an answer"),
        order(3, PurchaseState::Absent, "no funds at all"),
    ] {
        journal.put_purchase(&purchase, None, at(0)).unwrap();
    }
    drop(journal);
    let (said, done) = machine.says(&["stock", "list"]);
    done.unwrap();
    for word in ["Doubtful", "HTML instead", "no funds at all", "dropped: 5 of 5", "not bought: no funds"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert!(said.contains("waiting: 2 of 5") && !said.contains("an old refusal"), "{said}");
    let (json, _) = machine.says(&["--json", "stock", "list"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["batches"].as_array().unwrap().len(), 2, "{json}");
    let decide = ["stock", "decide", "nonsense", "--fact", "lost", "--reason", "the provider says so"];
    assert!(machine.refused(&decide).contains("stock list"));
}

#[test]
fn what_waits_for_the_stock_is_taken_back_with_the_service_stopped() {
    let machine = Machine::new();
    let mut journal = machine.journal();
    let id = SaleId::from_parts(1, 1);
    let batch = Batch { id, offer: offer(Source::Provider), count: 5, begun: 0, dropped: None };
    journal.put_batches(&[batch]).unwrap();
    drop(journal);
    let name = id.to_string();
    let (listed, _) = machine.says(&["stock", "list"]);
    assert!(listed.contains("waiting: 5 of 5") && listed.contains(&name), "{listed}");
    assert!(machine.refused(&["stock", "cancel", "K07-000001", "--reason", "a slip"]).contains("stock list"));
    assert!(machine.refused(&["stock", "cancel", &name, "--reason", " "]).contains("with a reason"));
    let cancel = ["stock", "cancel", &name.to_lowercase(), "--reason", "A. Meier: a slip"];
    let (said, done) = machine.says(&cancel);
    done.unwrap();
    assert!(said.contains("5 of ") && said.contains("are not bought"), "{said}");
    let (listed, _) = machine.says(&["stock", "list"]);
    assert!(listed.contains("dropped: 5 of 5") && listed.contains("taken back: A. Meier: a slip"), "{listed}");
    assert!(machine.journal().batches().unwrap()[0].is_dropped(), "the next start buys nothing");
    assert!(machine.refused(&cancel).contains("nothing waits"), "once");
}
