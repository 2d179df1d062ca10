//! The commands at a simulated terminal on a pseudo-terminal: with no service, and through a running one.

// What a test lays out need not survive a power cut.
#![allow(clippy::disallowed_methods)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use crate::assembly;
use crate::commands::tests::Machine;
use crate::config::Config;
use crate::journal::Journal;
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::tests::{Played, profile, quote};
use crate::kiosk::Inbox;
use crate::money::{Amount, Currency};
use crate::payment::profile::TerminalProfile;
use crate::payment::zvt::{Aftermath, Dialect, Password, ZvtConfig, ZvtTerminal};
use crate::payment::{Answer, AuthoriseRequest, PaymentTerminal, TerminalEvent, TerminalHealth, TerminalOrder};
use crate::sale::event::Event;
use crate::sale::id::{ProfileId, SaleId};
use crate::sale::offer::Source;
use crate::sale::record::{Closing, Record, ReleaseReason};
use crate::sale::{Money, Sale};
use crate::sim::terminal::{Cardholder, TerminalOptions, TerminalSim};
use crate::watchdog::UiPing;

/// A machine whose terminal is a simulated one.
struct Stand {
    machine: Machine,
    sim: TerminalSim,
    runtime: tokio::runtime::Runtime,
    port: PathBuf,
    socket: PathBuf,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Stand {
    fn new(with: impl FnOnce(&mut TerminalOptions)) -> Stand {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut options = TerminalOptions { next_receipt: 42, next_trace: 42, ..TerminalOptions::default() };
        options.cardholder = Cardholder::approved_after(ms(100));
        (options.registration_takes, options.completion_takes) = (ms(10), ms(10));
        with(&mut options);
        let (sim, port) = runtime.block_on(async { TerminalSim::on_pty(options, None) }).unwrap();
        let machine = Machine::new();
        let socket = machine.state.with_file_name("control.sock");
        let text = std::fs::read_to_string(&machine.config).unwrap();
        let quick = format!(
            "\n[terminal.timers]\nlisten_ms = 50\npoll_ms = 300\npoll_busy_ms = 100\nlongest_hold_ms = 3000\n\n[control]\n\
             socket = \"{}\"\n",
            socket.display()
        );
        let text = text.replacen("/dev/esim-kiosk-no-such-port", &port.display().to_string(), 1);
        let key = machine.state.with_file_name("mobilexy.key");
        std::fs::write(&key, "no key").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        // Nobody is called outside of this machine: the provider is a port at which nobody listens.
        let nowhere = format!("file:{}\"\nbase = \"https://127.0.0.1:9", key.display());
        let text = text.replacen("credential:mobilexy", &nowhere, 1);
        let text = text.replacen("password = \"000000\"", "password = \"123456\"", 1) + &quick;
        std::fs::write(&machine.config, text).unwrap();
        Stand { machine, sim, runtime, port, socket }
    }

    fn journal(&self) -> SqliteJournal {
        let section = Section { head_room_mb: 16, ..Section::at(&self.machine.state) };
        SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal
    }

    fn says(&self, words: &[&str]) -> (Value, Result<(), String>) {
        loop {
            let (said, done) = self.machine.says(&[&["--json", "terminal"], words].concat());
            // Commands are processes; here they are one, and the last one's reader lets go of the port a slice later.
            if said.contains("is held by another program") {
                std::thread::sleep(ms(20));
                continue;
            }
            return (serde_json::from_str(said.trim()).unwrap_or(Value::Null), done);
        }
    }

    fn paid(&self) -> u64 {
        self.sim.ledger().book().paid_minor()
    }

    /// A card pays 9.90 at the terminal: receipt 0042.
    fn pay(&self) {
        let password = Password::new("123456").unwrap();
        let mut config = ZvtConfig::new(Dialect::Spec, password, Currency::EUR);
        config.timers.listen = ms(50);
        let address = crate::payment::zvt::Address::Serial(self.port.display().to_string());
        self.runtime.block_on(async {
            let (events, mut told) = mpsc::channel(64);
            let (terminal, serving) = ZvtTerminal::start(config, address, events, Aftermath::Settled);
            let sale = SaleId::from_parts(1, 99);
            loop {
                match told.recv().await.unwrap() {
                    TerminalEvent::Health(TerminalHealth::Ready) => {
                        let amount = Amount::new(990, Currency::EUR);
                        let request = AuthoriseRequest {
                            sale,
                            amount,
                            hold_seconds: 30,
                            hold_count: 9,
                            language: "en".to_owned(),
                            printer_ready: true,
                            last_good_receipt: None,
                        };
                        terminal.order(TerminalOrder::Authorise(request)).unwrap();
                    }
                    TerminalEvent::Approved { transaction, .. } => {
                        let answer = Answer::GoodsIssued;
                        terminal.order(TerminalOrder::Answer { sale, approval: transaction.key, answer }).unwrap();
                    }
                    TerminalEvent::Ended { .. } => break,
                    _ => {}
                }
            }
            serving.abort();
            serving.await.ok();
        });
        assert_eq!(self.paid(), 990);
    }

    /// The journal tells of a sale that was paid by that receipt and handed over.
    fn delivered(&self) -> Sale {
        let mut journal = self.journal();
        let mut played = Played::begin(&mut journal, 1, quote(123, Source::Provider)).unwrap();
        played.held(&mut journal, "0042").unwrap();
        played.delivered(&mut journal, 2_000, "ORD1", ProfileId::from_parts(2, 2), &profile("TOPSECRET-1")).unwrap();
        played.paid(&mut journal).unwrap();
        played.on(&mut journal, 6_000, Event::HandOver).unwrap();
        played.on(&mut journal, 7_000, Event::HaveIt).unwrap();
        assert_eq!(played.sale.closed, Some(Closing::Delivered));
        played.sale
    }

    /// The service, until the guard is dropped.
    fn service(&self) -> Service<'_> {
        let config = Config::load(&self.machine.config).unwrap();
        let journal = self.journal();
        let (inbox, kiosk) = self.runtime.block_on(async {
            let running = assembly::start(&config, Box::new(journal), UiPing::default()).unwrap();
            let listener = crate::control::listen(&self.socket).unwrap();
            tokio::spawn(crate::control::serve(listener, running.inbox.clone()));
            (running.inbox, running.kiosk)
        });
        Service { stand: self, inbox, kiosk: Some(kiosk) }
    }
}

struct Service<'a> {
    stand: &'a Stand,
    inbox: mpsc::Sender<Inbox>,
    kiosk: Option<tokio::task::JoinHandle<Result<(), crate::kiosk::Halted>>>,
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        self.stand.runtime.block_on(async {
            self.inbox.send(Inbox::Stop).await.ok();
            if let Some(kiosk) = self.kiosk.take() {
                kiosk.await.unwrap().unwrap();
            }
        });
        std::fs::remove_file(&self.stand.socket).ok();
    }
}

/// What each single command must bring, whoever carries it out.
fn single_commands(stand: &Stand) {
    for command in ["register", "status", "set-clock", "initialise", "diagnose", "print-configuration"] {
        let (said, done) = stand.says(&[command]);
        assert_eq!((done, &said["ok"]), (Ok(()), &Value::Bool(true)), "{command}: {said}");
    }
    let (said, _) = stand.says(&["status"]);
    assert_eq!(said["state"]["status"], 0, "{said}");
    let (said, done) = stand.says(&["last"]);
    assert_eq!((done, &said["transaction"]["key"]["receipt"]), (Ok(()), &"0042".into()), "{said}");
    let (said, done) = stand.says(&["totals"]);
    assert_eq!((done, &said["totals"]["sum_minor"]), (Ok(()), &990.into()), "{said}");
    let (said, done) = stand.says(&["open-preauthorisations"]);
    assert_eq!((done, &said["open"]), (Ok(()), &Value::Array(Vec::new())), "{said}");
    let (_, done) = stand.says(&["reverse", "7777"]);
    assert!(done.is_err(), "no such receipt at the terminal");
    for wrong in ["00042", "x", ""] {
        assert!(stand.says(&["reverse", wrong]).1.unwrap_err().contains("four digits"), "{wrong:?}");
    }
    assert_eq!(stand.paid(), 990, "none of them moves money");
}

#[test]
fn with_no_service_each_command_opens_the_line_itself() {
    let stand = Stand::new(|_| {});
    stand.pay();
    single_commands(&stand);
    // A receipt that no sale names: the bare command, once.
    let (said, done) = stand.says(&["reverse", "42", "--amount", "9.90"]);
    assert_eq!((done, &said["ok"], stand.paid()), (Ok(()), &Value::Bool(true), 0), "{said}");
    let (said, done) = stand.says(&["reverse", "42"]);
    assert!(done.is_err() && said["result_code"] == 0xb4, "{said}");
    // The day is written down: the service has made its journal at its first start.
    drop(stand.journal());
    let (said, done) = stand.says(&["end-of-day"]);
    assert_eq!(done, Ok(()), "{said}");
    assert_eq!(stand.sim.ledger().book().days.len(), 1);
    assert_eq!(stand.journal().day().unwrap(), 1);
    let (said, done) = stand.says(&["log-off"]);
    assert_eq!((done, &said["ok"]), (Ok(()), &Value::Bool(true)), "{said}");
}

#[test]
fn through_the_service_each_command_is_an_errand_under_the_terminals_lock() {
    let stand = Stand::new(|_| {});
    stand.pay();
    let service = stand.service();
    single_commands(&stand);
    let (said, done) = stand.says(&["reverse", "42"]);
    assert_eq!((done, &said["ok"], stand.paid()), (Ok(()), &Value::Bool(true), 0), "{said}");
    let (_, done) = stand.says(&["end-of-day"]);
    assert_eq!(done, Ok(()));
    stand.runtime.block_on(stand.sim.ledger().until(|book| book.days.len() == 1));
    // The terminal has closed its day; until the service has heard so, the terminal is not free.
    loop {
        match stand.says(&["log-off"]).1 {
            Ok(()) => break,
            Err(why) => assert!(why.contains("closes its day"), "{why}"),
        }
    }
    drop(service);
}

/// The sale of the receipt must tell of the give-back, record by record, and the cardholder must have the money.
fn given_back(stand: &Stand, id: SaleId) {
    let mut journal = stand.journal();
    let sale = journal.sale(id).unwrap().unwrap();
    assert_eq!(
        (sale.payment.money, sale.closed),
        (Money::Back, Some(Closing::GivenAway)),
        "shown, and not paid any more"
    );
    let records: Vec<Record> = journal.entries(id).unwrap().into_iter().map(|entry| entry.record).collect();
    let place =
        |wanted: &dyn Fn(&Record) -> bool| records.iter().position(wanted).unwrap_or_else(|| panic!("{records:?}"));
    let decided = place(&|r| matches!(r, Record::ReleaseDecided { reason: ReleaseReason::Operator }));
    let asked = place(&|r| matches!(r, Record::ReversalAsked));
    let back = place(&|r| matches!(r, Record::MoneyBack));
    assert!(decided < asked && asked < back);
    assert!(journal.locks().unwrap().is_empty());
    assert_eq!(stand.paid(), 0);
    assert_eq!(stand.sim.ledger().book().reversals_asked, 1);
}

#[test]
fn a_sales_own_receipt_is_given_back_by_its_rules_with_no_service() {
    let stand = Stand::new(|_| {});
    stand.pay();
    let sale = stand.delivered();
    let (said, done) = stand.says(&["reverse", "0042"]);
    assert_eq!(done, Ok(()), "{said}");
    given_back(&stand, sale.id);
    let (_, done) = stand.says(&["reverse", "0042"]);
    assert!(done.unwrap_err().contains("back already"));
    assert_eq!(stand.sim.ledger().book().reversals_asked, 1, "not asked again");
}

#[test]
fn a_sales_own_receipt_is_given_back_by_its_rules_through_the_service() {
    let stand = Stand::new(|_| {});
    stand.pay();
    let sale = stand.delivered();
    let service = stand.service();
    let (_, done) = stand.says(&["reverse", "0042"]);
    assert_eq!(done, Ok(()));
    let (_, done) = stand.says(&["reverse", "0042"]);
    assert!(done.unwrap_err().contains("back already"));
    drop(service);
    given_back(&stand, sale.id);
}

#[test]
fn the_hold_is_measured_kept_and_used() {
    let stand = Stand::new(|options| options.hold_max = Some(ms(11_000)));
    let (said, done) = stand.says(&["hold-test", "1.00"]);
    assert_eq!(done, Ok(()), "{said}");
    let kept = TerminalProfile::read(&TerminalProfile::place(&stand.machine.state)).unwrap().unwrap();
    assert!((6_000..=11_000).contains(&kept.hold_ms) && !kept.at_least, "{kept:?}");
    assert_eq!((kept.terminal_id.as_deref(), stand.paid()), (Some("29001006"), 0));
    let config = Config::load(&stand.machine.config).unwrap();
    assert_eq!(assembly::settings(&config).terms.hold_ms, kept.hold_ms, "H of every sale from the next start on");
    let (told, _) = stand.machine.says(&["check", "--config-only"]);
    assert!(told.contains("it holds for") && !told.contains("never measured"), "{told}");
}
