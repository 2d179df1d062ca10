//! The recorded sequences of a real unattended terminal, second by second.

use super::super::*;
use super::bench::*;
use crate::money::{Amount, Currency};
use crate::payment::zvt::config::Dialect;
use crate::payment::zvt::message::command::Password;
use crate::payment::{Answer, AuthoriseRequest, DayOutcome, Ending, TerminalOrder};

const SEQUENCES: &str = include_str!("../../../../../tests/wire/sequences.txt");

fn sequence(number: u8) -> Vec<(u64, bool, String)> {
    let title = format!("= SEQ-{number}:");
    let lines = SEQUENCES.lines().skip_while(|line| !line.starts_with(&title)).skip(1);
    let mut parts = Vec::new();
    for line in lines.take_while(|line| !line.starts_with('=')) {
        let mut words = line.splitn(3, ' ');
        let at = words.next().and_then(|at| at.parse().ok()).unwrap();
        parts.push((at, words.next() == Some("P>E"), words.next().unwrap().to_owned()));
    }
    assert!(!parts.is_empty());
    parts
}

/// Plays what the terminal said, at its times, from our command on; what we said is not compared, for a kiosk waits
/// for orders where the recorded till answered at once.
fn play(number: u8, start: &str, order: impl FnOnce(&mut Bench)) -> Vec<TerminalEvent> {
    let mut bench = Bench::ready(|config| {
        config.payment_type = None;
        config.containers = false;
        config.hold_fields = false;
        config.send_currency = false;
    });
    order(&mut bench);
    bench.expect_any(start);
    let parts = sequence(number);
    let begin = parts.iter().position(|(_, _, apdu)| apdu.starts_with(start)).unwrap();
    let mut clock = parts[begin].0;
    let mut polled = false;
    let mut events = Vec::new();
    for (at, from_terminal, apdu) in parts.into_iter().skip(begin + 1) {
        bench.pass(at - clock);
        clock = at;
        // The recorded till polled in the middle of the payment; a kiosk does not, so it does not hear the answers.
        polled |= !from_terminal && apdu.starts_with("05 01");
        if !from_terminal || (polled && apdu == OK) || apdu == "06 0f 01 9c" {
            polled &= apdu != "06 0f 01 9c";
            continue;
        }
        if apdu.starts_with("06 00") {
            break;
        }
        bench.says(&[apdu.as_str()]);
        for event in bench.told() {
            if let TerminalEvent::Approved { sale, transaction, .. } = &event {
                let (sale, approval) = (*sale, transaction.key.clone());
                bench.order(TerminalOrder::Answer { sale, approval, answer: Answer::GoodsIssued });
            }
            events.push(event);
        }
    }
    events.extend(bench.told());
    events
}

fn pay(minor: i64) -> impl FnOnce(&mut Bench) {
    move |bench| {
        bench.order(TerminalOrder::Authorise(AuthoriseRequest {
            sale: sale(),
            amount: Amount::new(minor, Currency::EUR),
            hold_seconds: 120,
            hold_count: 60,
            language: "de".into(),
            printer_ready: false,
            last_good_receipt: None,
        }));
    }
}

fn endings(events: &[TerminalEvent]) -> Vec<&Ending> {
    events
        .iter()
        .filter_map(|event| if let TerminalEvent::Ended { ending, .. } = event { Some(ending) } else { None })
        .collect()
}

#[test]
fn approved_payments_end_completed_once() {
    for (number, minor) in [(2, 5_050), (7, 1_200), (12, 1_200)] {
        let events = play(number, "06 01", pay(minor));
        assert_eq!(endings(&events), [&Ending::Completed], "SEQ-{number}");
        let approvals: Vec<_> = events
            .iter()
            .filter_map(
                |event| if let TerminalEvent::Approved { transaction, .. } = event { Some(transaction) } else { None },
            )
            .collect();
        assert_eq!(approvals.len(), 1, "SEQ-{number}");
        assert_eq!(approvals[0].key.amount_minor, u64::try_from(minor).ok());
        assert_eq!(approvals[0].key.terminal_id.as_deref(), Some("29001006"));
    }
}

#[test]
fn cancelled_and_refused_payments_end_aborted() {
    for (number, minor, code) in [(4, 1, 0x6c), (6, 1, 0x6c), (9, 5_050, 0xf0)] {
        let events = play(number, "06 01", pay(minor));
        assert_eq!(endings(&events), [&Ending::Aborted { result_code: code, text: None }], "SEQ-{number}");
        assert!(!events.iter().any(|event| matches!(event, TerminalEvent::Approved { .. })), "SEQ-{number}");
    }
}

#[test]
fn ends_of_day_are_closed_with_their_sums() {
    for (number, sum) in [(10, 100), (11, 3)] {
        let events = play(number, "06 50", |bench| bench.order(TerminalOrder::EndOfDay));
        let closed = events.iter().find_map(|event| match event {
            TerminalEvent::DayClosed { outcome: DayOutcome::Closed { totals }, unasked: false } => *totals,
            _ => None,
        });
        assert_eq!(closed.map(|totals| totals.sum_minor), Some(sum), "SEQ-{number}");
    }
}

#[test]
fn registration_of_the_recorded_till_is_ours_to_the_byte() {
    let mut config = ZvtConfig::new(Dialect::CardcompleteValina, Password::new("123456").unwrap(), Currency::EUR);
    config.service_byte = Some(0x03);
    config.sequence_ids = false;
    let session = Session::new(config, Framing::Serial, Aftermath::Settled, Instant::now());
    let recorded = sequence(1).into_iter().find(|(_, _, apdu)| apdu.starts_with("06 00")).unwrap().2;
    assert_eq!(spaced(&session.registration().encode().unwrap()), recorded);
}
