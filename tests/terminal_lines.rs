// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]
#![allow(unreachable_pub, reason = "modules of one test")]
//! The terminal's session on real lines: a pseudo-terminal opened through `serialport`, and a TCP socket.
//! Seconds are real here, so the session's timers are short; nothing is asserted about how long anything took.

#[path = "terminal_faults/clerk.rs"]
#[allow(dead_code, reason = "the other half is for the tests in memory")]
mod clerk;

use std::time::Duration;

use clerk::{Belief, Clerk, Plan, config};
use esim_kiosk::money::{Amount, Currency};
use esim_kiosk::payment::zvt::{Address, Dialect, ZvtConfig};
use esim_kiosk::payment::{OperatorTask, TerminalHealth, TerminalService};
use esim_kiosk::sim::terminal::{self as sim, Cardholder, TerminalOptions, TerminalSim};

fn quick(dialect: Dialect) -> ZvtConfig {
    let mut config = config(dialect);
    let ms = Duration::from_millis;
    config.timers.listen = ms(50);
    config.timers.poll = ms(300);
    config.timers.poll_busy = ms(100);
    config.timers.retry = (ms(100), ms(400));
    config.timers.reopen = (ms(50), ms(200));
    config
}

fn options(dialect: sim::Dialect) -> TerminalOptions {
    let mut options = TerminalOptions::of(dialect);
    options.cardholder = Cardholder::approved_after(Duration::from_millis(300));
    options.registration_takes = Duration::from_millis(20);
    options.completion_takes = Duration::from_millis(20);
    options
}

fn plan() -> Plan {
    Plan { goods_after: Some(Duration::from_millis(200)), ..Plan::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_over_a_pseudo_terminal_breaks_no_rule_of_the_line() {
    let (terminal, path) = TerminalSim::on_pty(options(sim::Dialect::spec()), None).unwrap();
    let address: Address = format!("serial:{}", path.display()).parse().unwrap();
    let mut clerk = Clerk::new(quick(Dialect::Spec), address);
    clerk.until_health(&TerminalHealth::Ready).await;
    for minor in [1_500, 1_010] {
        assert_eq!(clerk.sell(&Plan { minor, ..plan() }).await, Belief::Sold);
    }
    assert_eq!(terminal.ledger().book().paid_minor(), 2_510);
    // Among them: 8 data bits, no parity, two stop bits, raw.
    assert!(terminal.panel().strictness().counts().is_empty(), "{:?}", terminal.panel().strictness().counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unplugged_adapter_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("terminal");
    let (terminal, path) = TerminalSim::on_pty(options(sim::Dialect::spec()), Some(&link)).unwrap();
    let mut clerk = Clerk::new(quick(Dialect::Spec), Address::Serial(path.display().to_string()));
    clerk.until_health(&TerminalHealth::Ready).await;
    terminal.panel().unplug(None);
    while !matches!(clerk.health, Some(TerminalHealth::PortLost { .. })) {
        clerk.next().await;
    }
    terminal.panel().restore();
    clerk.until_health(&TerminalHealth::Ready).await;
    assert_eq!(clerk.sell(&plan()).await, Belief::Sold);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_and_a_held_port_say_what_to_do() {
    let mut clerk = Clerk::new(quick(Dialect::Spec), Address::Serial("/dev/no-such-terminal".to_owned()));
    clerk.next().await;
    let Some(TerminalHealth::PortLost { reason }) = &clerk.health else { panic!("{:?}", clerk.health) };
    assert!(reason.contains("does not exist"), "{reason}");

    let (_terminal, path) = TerminalSim::on_pty(options(sim::Dialect::spec()), None).unwrap();
    let address = Address::Serial(path.display().to_string());
    let mut first = Clerk::new(quick(Dialect::Spec), address.clone());
    first.until_health(&TerminalHealth::Ready).await;
    let mut second = Clerk::new(quick(Dialect::Spec), address);
    second.next().await;
    let Some(TerminalHealth::PortLost { reason }) = &second.health else { panic!("{:?}", second.health) };
    assert!(reason.contains("held by another program"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_over_tcp() {
    let (terminal, address) = TerminalSim::on_tcp(options(sim::Dialect::feig()), "127.0.0.1:0").await.unwrap();
    let mut clerk = Clerk::new(quick(Dialect::Feig), Address::Tcp(address.to_string()));
    clerk.until_health(&TerminalHealth::Ready).await;
    assert_eq!(clerk.sell(&plan()).await, Belief::Sold);
    assert_eq!(terminal.ledger().book().paid_minor(), 1_500);
    assert!(terminal.panel().strictness().counts().is_empty(), "{:?}", terminal.panel().strictness().counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_operators_ask_is_answered_with_the_terminals_words() {
    let (terminal, address) = TerminalSim::on_tcp(options(sim::Dialect::feig()), "127.0.0.1:0").await.unwrap();
    let mut clerk = Clerk::new(quick(Dialect::Feig), Address::Tcp(address.to_string()));
    clerk.until_health(&TerminalHealth::Ready).await;
    assert_eq!(clerk.sell(&plan()).await, Belief::Sold);
    let perform = |task| clerk.terminal.perform(task);
    let state = perform(OperatorTask::Status).await.unwrap().state.unwrap();
    assert_eq!((state.status, state.device.as_deref()), (0, Some("Simulated vend")));
    let last = perform(OperatorTask::Last).await.unwrap();
    let receipt = last.transaction.unwrap().key.receipt.unwrap();
    let totals = perform(OperatorTask::Totals).await.unwrap().totals.unwrap();
    assert_eq!((totals.count, totals.sum_minor), (1, 1_500));
    let amount = Some(Amount::new(1_500, Currency::EUR));
    let reverse = OperatorTask::Reverse { receipt, amount };
    assert!(perform(reverse.clone()).await.unwrap().ok);
    assert_eq!(terminal.ledger().book().paid_minor(), 0);
    let again = perform(reverse).await.unwrap();
    assert_eq!((again.ok, again.result_code), (false, Some(0xb4)));
    assert_eq!(perform(OperatorTask::OpenPreauthorisations).await.unwrap().open, Vec::<String>::new());
    for task in
        [OperatorTask::Register, OperatorTask::SetClock, OperatorTask::Initialise, OperatorTask::PrintConfiguration]
    {
        let report = perform(task.clone()).await.unwrap();
        assert!(report.ok, "{task:?}: {report:?}");
    }
    assert!(perform(OperatorTask::LogOff).await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_at_9600_is_found_and_brought_to_the_configured_speed() {
    let (terminal, path) = TerminalSim::on_pty(options(sim::Dialect::spec()), None).unwrap();
    let mut config = quick(Dialect::Spec);
    config.baud = 115_200;
    config.timers.link.ack = Duration::from_millis(400);
    let mut clerk = Clerk::new(config, Address::Serial(path.display().to_string()));
    clerk.until_health(&TerminalHealth::Ready).await;
    assert_eq!(clerk.sell(&plan()).await, Belief::Sold);
    assert_eq!(terminal.ledger().book().paid_minor(), 1_500);
    let lines = clerk.terminal.frames().lines();
    let changes: Vec<&String> = lines.iter().filter(|line| line.ends_with("baud")).collect();
    assert!(changes.len() == 2 && changes[0].contains("9600") && changes[1].contains("115200"), "{lines:#?}");
}

/// Only the certified terminal asks for a PIN, on its own display: whoever reads our screen must never be led to type
/// one anywhere else.
#[test]
fn no_text_of_ours_asks_for_a_pin() {
    let mut about_pins = 0;
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/ui"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for line in text.lines().filter(|line| line.contains('"')) {
                // What stands in quotation marks, without the names around it.
                let words: Vec<String> = line
                    .split('"')
                    .skip(1)
                    .step_by(2)
                    .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()))
                    .map(str::to_lowercase)
                    .filter(|word| !word.is_empty())
                    .collect();
                let names = words.iter().any(|word| word == "pin");
                let asks = ["enter", "type", "key", "input", "geben", "eingeben", "tippen", "tipp"];
                about_pins += usize::from(names);
                let asking = words.iter().any(|word| asks.contains(&word.as_str()));
                assert!(!(names && asking), "{}: {line}", path.display());
            }
        }
    }
    assert!(about_pins > 0, "the search finds nothing at all");
}
