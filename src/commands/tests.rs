//! The command line, told into memory.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use clap::{CommandFactory, Parser};

use super::out::Out;
use super::*;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::tests::{Played, profile, quote};
use crate::sale::id::ProfileId;
use crate::sale::offer::Source;

#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(super) fn said(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A machine with a configuration and a journal of one sale.
pub(super) struct Machine {
    _dir: tempfile::TempDir,
    pub(super) config: PathBuf,
    pub(super) state: PathBuf,
}

impl Machine {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let text = include_str!("../../systemd/config.example.toml")
            .replacen("/var/lib/esim-kiosk", &state.display().to_string(), 1)
            .replacen("serial:/dev/ttyKIOSK_terminal", "serial:/dev/esim-kiosk-no-such-port", 1)
            .replacen("usb:/dev/usb/lp0", "usb:/dev/esim-kiosk-no-such-printer", 1);
        let config = dir.path().join("config.toml");
        std::fs::File::create(&config).unwrap().write_all(text.as_bytes()).unwrap();
        Machine { _dir: dir, config, state }
    }

    pub(super) fn sold(self) -> Self {
        let section = crate::journal::section::Section::at(&self.state);
        let mut journal = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
        let mut played = Played::begin(&mut journal, 1, quote(123, Source::Provider)).unwrap();
        played.held(&mut journal, "0042").unwrap();
        played.delivered(&mut journal, 2_000, "ORD1", ProfileId::from_parts(2, 2), &profile("TOPSECRET-1")).unwrap();
        played.paid(&mut journal).unwrap();
        self
    }

    pub(super) fn says(&self, words: &[&str]) -> (String, Result<(), String>) {
        let cli = Cli::try_parse_from(["esim-kiosk"].iter().chain(words)).unwrap();
        let paper = Paper::default();
        let mut out = Out::to(cli.json, Box::new(paper.clone()));
        let done = match &cli.command {
            Command::Check(check) => check::check(check, &self.config, &mut out),
            Command::Sales(sales) => sales::sales(sales, &self.config, &mut out),
            Command::Stock(stock) => stock::stock(stock, &self.config, &mut out),
            Command::Terminal(terminal) => terminal::terminal(terminal, &self.config, &mut out),
            Command::Printer(printer) => printer::printer(printer, &self.config, &mut out),
            Command::Report(report) => report::report(report, &self.config, &mut out),
            Command::Completions(completions) => manual::completions(completions, &mut out),
            Command::Manual(manual) => manual::manual(manual, &mut out),
            Command::Provider(provider) => provider::provider(provider, &self.config, &mut out),
            #[cfg(feature = "screen")]
            Command::Run(_) => unreachable!("the service is not run here"),
            Command::HashPin => unreachable!("it reads standard input"),
        };
        (paper.said(), done.map_err(|failed| failed.to_string()))
    }
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn a_sale_is_listed_found_shown_and_exported_without_its_secrets() {
    let machine = Machine::new().sold();
    let (listed, done) = machine.says(&["sales", "list"]);
    done.unwrap();
    assert!(listed.contains("K07-000123") && listed.contains("9.90 EUR") && listed.contains("card …4711"), "{listed}");
    let (found, done) = machine.says(&["--json", "sales", "find", "--amount", "9.90", "--last4", "4711"]);
    done.unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&found).unwrap()[0]["receipt"], "0042");
    let (none, done) = machine.says(&["sales", "find", "--last4", "0000"]);
    done.unwrap();
    assert_eq!(none, "no such sale\n");
    let (shown, done) = machine.says(&["sales", "show", "k07-000123"]);
    done.unwrap();
    for word in ["chosen", "card_asked", "approved", "order_sent", "stored", "commit_decided", "paid", "ORD1"] {
        assert!(shown.contains(word), "{word} is not in {shown}");
    }
    let (json, done) = machine.says(&["--json", "sales", "show", "K07-000123"]);
    done.unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["sale"]["payment"]["money"], "paid");
    let year = ["--from", "2020-01-01", "--to", "2040-01-01"];
    let (books, done) = machine.says(&[["sales", "export"].as_slice(), &year].concat());
    done.unwrap();
    let lines: Vec<&str> = books.lines().collect();
    assert_eq!(lines.len(), 2, "{books}");
    assert!(lines[1].contains(",9.90,EUR,19.00,1.58,mobilexy,7,4.5,USD,ORD1,"), "{books}");
    let (json, done) = machine.says(&[["--json", "sales", "export"].as_slice(), &year].concat());
    done.unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(json.trim()).unwrap()["approval"], "");
    for said in [listed, found, shown, json, books] {
        assert!(!said.contains("TOPSECRET") && !said.contains("LPA:1"), "{said}");
    }
    let (_, missing) = machine.says(&["sales", "show", "K07-000999"]);
    assert!(missing.unwrap_err().contains("K07-000999"));
}

#[test]
fn the_journal_can_be_read_while_the_service_writes_and_devices_are_the_services_alone() {
    let machine = Machine::new().sold();
    let section = crate::journal::section::Section::at(&machine.state);
    let running = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let (listed, done) = machine.says(&["sales", "list"]);
    done.unwrap();
    assert!(listed.contains("K07-000123"));
    for words in [["terminal", "status"], ["terminal", "register"], ["printer", "status"]] {
        let (_, refused) = machine.says(&words);
        assert!(refused.unwrap_err().contains("systemctl stop"), "{words:?}");
    }
    drop(running);
}

#[test]
fn a_payment_that_is_not_decided_keeps_the_terminal() {
    let machine = Machine::new();
    let section = crate::journal::section::Section::at(&machine.state);
    let mut journal = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
    let mut played = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    played.held(&mut journal, "0042").unwrap();
    drop(journal);
    let (_, refused) = machine.says(&["terminal", "totals"]);
    assert!(refused.unwrap_err().contains("not decided"));
}

#[test]
fn check_tells_every_problem_at_once() {
    let machine = Machine::new();
    let (told, done) = machine.says(&["check", "--config-only"]);
    done.unwrap();
    assert!(told.contains("ok       configuration") && told.contains("never measured"), "{told}");
    let (told, done) = machine.says(&["--json", "check", "--offline"]);
    assert!(done.unwrap_err().contains("problem"));
    let found: serde_json::Value = serde_json::from_str(&told).unwrap();
    let problem = |what: &str| {
        found.as_array().unwrap().iter().any(|finding| finding["what"] == what && finding["verdict"] == "problem")
    };
    assert!(problem("printer"), "{told}");
    let broken = std::fs::read_to_string(&machine.config).unwrap().replacen("width_mm = 268", "width_mm = 1", 1);
    std::fs::File::create(&machine.config).unwrap().write_all(broken.as_bytes()).unwrap();
    let (told, done) = machine.says(&["check"]);
    assert!(done.is_err() && told.contains("screen.width_mm"), "{told}");
}

#[test]
fn captured_lines_are_decoded_without_a_configuration() {
    let machine = Machine::new();
    std::fs::remove_file(&machine.config).unwrap();
    let (decoded, done) = machine.says(&["terminal", "decode", "06 0F 00", "zz"]);
    done.unwrap();
    let lines: Vec<serde_json::Value> = decoded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["code"], "06 0F");
    assert!(lines[1]["error"].is_string());
}

#[test]
fn accounts_are_named() {
    let machine = Machine::new();
    let (names, done) = machine.says(&["provider", "list"]);
    done.unwrap();
    assert_eq!(names, "mobilexy\n");
    let (_, unknown) = machine.says(&["provider", "roamify", "balance"]);
    assert!(unknown.unwrap_err().contains("there are mobilexy"));
    let (_, nameless) = machine.says(&["provider", "call", "balance"]);
    assert!(nameless.unwrap_err().contains("name the account first"));
}

#[test]
fn a_report_is_made_and_its_path_told() {
    let machine = Machine::new().sold();
    let dir = tempfile::tempdir().unwrap();
    let target = format!("{}/", dir.path().display());
    let (path, done) = machine.says(&["report", "--sale", "K07-000123", "-o", &target]);
    done.unwrap();
    let bytes = std::fs::read(path.trim()).unwrap();
    assert!(path.starts_with(&target) && bytes.starts_with(&[0x1F, 0x8B]), "{path}");
    let (made, done) = machine.says(&["--json", "report", "--since", "1h", "-o", &target]);
    done.unwrap();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert!(made["bytes"].as_u64().unwrap() > 1_000, "{made}");
    let (_, refused) = machine.says(&["report", "--since", "yesterday", "-o", &target]);
    assert!(refused.unwrap_err().contains("3d"));
    let (_, refused) = machine.says(&["report", "--sale", "K07-999999", "-o", &target]);
    assert!(refused.unwrap_err().contains("there is no sale K07-999999"));
}

#[test]
fn pages_and_completions_know_every_command() {
    let machine = Machine::new();
    let dir = tempfile::tempdir().unwrap();
    let (pages, done) = machine.says(&["manual", &dir.path().display().to_string()]);
    done.unwrap();
    for name in ["esim-kiosk.1", "esim-kiosk-report.1", "esim-kiosk-sales-show.1"] {
        assert!(pages.contains(name), "{name} is not in {pages}");
    }
    let page = std::fs::read_to_string(dir.path().join("esim-kiosk-report.1")).unwrap();
    assert!(page.contains("max\\-size"), "{page}");
    let (script, done) = machine.says(&["completions", "bash"]);
    done.unwrap();
    assert!(script.contains("report") && script.contains("--sale"));
}

#[test]
fn a_case_is_decided_with_the_service_stopped_and_only_once() {
    use crate::journal::Journal;
    use crate::sale::event::Event;
    use crate::sale::transaction::Ending;
    let machine = Machine::new();
    let section = crate::journal::section::Section::at(&machine.state);
    let mut journal = SqliteJournal::open(&section).unwrap().journal;
    let mut played = Played::begin(&mut journal, 1, quote(123, Source::Provider)).unwrap();
    played.held(&mut journal, "0042").unwrap();
    played.delivered(&mut journal, 2_000, "ORD1", ProfileId::from_parts(2, 2), &profile("TOPSECRET-1")).unwrap();
    played.on(&mut journal, 3_000, Event::Ended(Ending::Lost { evidence: "cable".into() })).unwrap();
    let silent = crate::sale::transaction::LastTransaction::Silent { evidence: "nothing".into() };
    let asked = Event::Charged { last: silent, totals: None, at_rest: true, bound_elsewhere: false };
    // Asked for as long as an approval may still be held, then it is a case.
    played.on(&mut journal, 4_000, asked.clone()).unwrap();
    played.on(&mut journal, 200_000, asked).unwrap();
    drop(journal);
    let (cases, done) = machine.says(&["sales", "cases"]);
    done.unwrap();
    assert!(cases.contains("K07-000123 case 0: money_unknown"), "{cases}");
    let witness = ["--witness", "the acquirer's list", "--reason", "not on it"];
    let fact = ["sales", "decide", "K07-000123/0", "--money", "not-charged"];
    let (_, none) = machine.says(&["sales", "decide", "K07-000123/0", "--witness", "A", "--reason", "B"]);
    assert!(none.unwrap_err().contains("state a fact"));
    let (said, done) = machine.says(&[fact.as_slice(), &witness].concat());
    done.unwrap();
    assert!(said.contains("K07-000123"), "{said}");
    let (_, again) = machine.says(&[fact.as_slice(), &witness].concat());
    assert!(again.unwrap_err().contains("decided already"));
    let (all, _) = machine.says(&["sales", "cases", "--all"]);
    assert!(all.contains("not_charged") && all.contains("the acquirer's list"), "{all}");
    let mut journal = SqliteJournal::open(&section).unwrap().journal;
    assert!(journal.locks().unwrap().is_empty(), "the terminal is free");
    assert_eq!(journal.stock(crate::journal::tests::at(0)).unwrap().len(), 1, "what was not paid lies in stock");
}

#[test]
fn books_are_compared_backed_up_and_listed_with_the_service_stopped() {
    let machine = Machine::new().sold();
    let (made, done) = machine.says(&["--json", "sales", "reconcile"]);
    done.unwrap();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!((&made["cards"]["paid"], &made["differences"]), (&1.into(), &serde_json::json!([])));
    let to = machine.state.with_file_name("copy.db");
    machine.says(&["sales", "backup", to.to_str().unwrap()]).1.unwrap();
    let (listed, done) = machine.says(&["sales", "list", "--file", to.to_str().unwrap()]);
    done.unwrap();
    assert!(listed.contains("K07-000123"), "{listed}");
    assert!(!machine.state.with_file_name("copy.part").exists());
    let (stock, done) = machine.says(&["stock", "list"]);
    done.unwrap();
    assert_eq!(stock, "nothing is in stock\n");
    let (queue, done) = machine.says(&["sales", "queue"]);
    done.unwrap();
    assert_eq!(queue, "nothing waits\n");
    for order in [["sales", "reprint", "K07-000123"].as_slice(), &["stock", "buy", "7", "2"]] {
        assert!(machine.says(order).1.unwrap_err().contains("does not listen"), "{order:?}");
    }
}

#[cfg(feature = "sim")]
#[test]
fn a_provider_is_called_by_hand_and_what_changes_something_is_written_down() {
    use crate::sim::providers::{Options, Provider, Simulation};
    let machine = Machine::new().sold();
    let keys = tempfile::tempdir().unwrap();
    let simulation = Simulation::start(Options::only(Provider::Mobilexy).in_folder(keys.path())).unwrap();
    let text = std::fs::read_to_string(&machine.config).unwrap();
    let (before, rest) = text.split_once("[[providers]]").unwrap();
    let text = format!("{before}{}\n[pricing]{}", simulation.configuration(), rest.split_once("[pricing]").unwrap().1);
    std::fs::File::create(&machine.config).unwrap().write_all(text.as_bytes()).unwrap();
    let done = |words: &[&str]| {
        let (said, done) = machine.says(words);
        done.unwrap_or_else(|why| panic!("{words:?}: {why}"));
        said
    };
    assert_eq!(done(&["provider", "list"]), "mobilexy\n");
    assert_eq!(done(&["provider", "balance"]), done(&["provider", "mobilexy", "balance"]));
    let calls: serde_json::Value = serde_json::from_str(&done(&["--json", "provider", "mobilexy", "calls"])).unwrap();
    let purchase = calls.as_array().unwrap().iter().find(|call| call["name"] == "purchase").unwrap();
    assert_eq!((&purchase["from"], &purchase["parameters"][0]), (&"document".into(), &"plan_id!:whole@body".into()));
    let plans = done(&["--json", "provider", "mobilexy", "call", "global-plans"]);
    let plans: serde_json::Value = serde_json::from_str(&plans).unwrap();
    let plan = format!("plan_id={}", plans["data"]["plans"][0]["id"]);
    for (wrong, why) in [
        (["no-such-call", "a=b"], "calls"),
        (["purchase", "plan_id=x"], "a whole number"),
        (["plan", "id"], "key=value"),
    ] {
        let failed = machine.says(&["provider", "mobilexy", "call", wrong[0], wrong[1]]).1.unwrap_err();
        assert!(failed.contains(why), "{failed}");
    }
    let bought = done(&["provider", "mobilexy", "call", "purchase", &plan]);
    let sold = simulation.panel().ledger(Provider::Mobilexy).orders;
    assert_eq!(sold.len(), 1);
    assert!(
        bought.contains(&sold[0].reference) && !bought.contains(sold[0].lpa[0].rsplit('$').next().unwrap()),
        "{bought}"
    );
    let log = done(&["provider", "mobilexy", "log"]);
    let last = log.lines().last().unwrap();
    assert!(last.contains("purchase") && last.contains(&plan) && last.ends_with("answered"), "{log}");
}
