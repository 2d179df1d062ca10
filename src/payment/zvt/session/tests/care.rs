//! Speeds and remedies: what a terminal needs before it can be used, and that nothing is tried for ever.

use super::super::*;
use super::bench::*;
use crate::payment::TerminalOrder;

const REGISTERED: &str = "06 0f 0a 19 00 29 29 00 10 06 49 09 78";

#[test]
fn a_terminal_that_fell_back_to_9600_is_found_and_brought_to_its_speed() {
    let mut bench = Bench::new(|config| config.baud = 115_200);
    bench.up();
    let mut tries = 0;
    while bench.speeds.is_empty() {
        bench.pass(1);
        tries += 1;
        assert!(tries < 60, "9600 is never tried");
    }
    assert_eq!(bench.speeds, [9_600]);
    bench.heard.clear();
    while bench.heard.is_empty() {
        bench.pass(1);
    }
    bench.expect_any("05 01");
    bench.says(&[OK, "06 0f 01 00"]);
    bench.expect_any("06 00");
    bench.says(&[OK, REGISTERED]);
    bench.expect_any("05 01");
    bench.says(&[OK, "06 0f 01 00"]);
    bench.expect_any("08 40 01 07");
    assert_eq!(bench.speeds, [9_600], "answered at the old speed");
    bench.says(&[OK]);
    assert_eq!(bench.speeds, [9_600], "our acknowledgement leaves at the old speed");
    bench.heard.clear();
    bench.pass(1);
    assert_eq!(bench.speeds, [9_600, 115_200]);
    bench.expect_nothing();
    bench.pass(1);
    bench.expect_any("05 01");
    bench.says(&[OK, "06 0f 01 00"]);
    bench.expect(OK);
    bench.expect_nothing();
}

#[test]
fn a_terminal_that_cannot_go_faster_stays_at_9600() {
    for refusal in ["84 7d 00", "84 fd 00"] {
        let mut bench = Bench::new(|config| config.baud = 115_200);
        bench.up();
        while bench.speeds.is_empty() {
            bench.pass(1);
        }
        bench.heard.clear();
        while bench.heard.is_empty() {
            bench.pass(1);
        }
        bench.says(&[OK, "06 0f 01 00"]);
        bench.says(&[OK, REGISTERED]);
        bench.says(&[OK, "06 0f 01 00"]);
        bench.expect_any("08 40 01 07");
        bench.says(&[refusal]);
        assert_eq!((bench.session.baud(), bench.speeds.as_slice()), (9_600, [9_600].as_slice()), "{refusal}");
        assert_eq!(bench.session.health, Some(TerminalHealth::Ready));
    }
}

#[test]
fn each_state_gets_its_remedy_and_none_is_tried_twice() {
    for (status, remedy) in [(0x51, "06 93 03 12 34 56"), (0x62, "06 91 0b 12 34 56 aa"), (0xc2, "06 70 00")] {
        let mut bench = Bench::new(|_| {});
        bench.up();
        bench.pass(5);
        let says = format!("06 0f 01 {status:02x}");
        bench.says(&[OK, "06 0f 01 00"]);
        bench.says(&[OK, REGISTERED]);
        bench.says(&[OK, &says]);
        bench.expect_any(remedy);
        bench.says(&[OK, "06 0f 00"]);
        bench.expect_any("05 01");
        bench.says(&[OK, &says]);
        bench.expect(OK);
        bench.expect_nothing();
        assert_eq!(bench.session.health, Some(TerminalHealth::NeedsCare { status }));
    }
}

#[test]
fn the_status_byte_of_the_registration_is_acted_on_before_anything_is_asked() {
    for (byte, remedy) in [("01", "06 93"), ("02", "06 70"), ("03", "06 93")] {
        let mut bench = Bench::new(|_| {});
        bench.up();
        bench.pass(5);
        bench.says(&[OK, "06 0f 01 00"]);
        bench.says(&[OK, &format!("06 0f 0a 19 {byte} 29 29 00 10 06 49 09 78")]);
        bench.expect_any(remedy);
        bench.says(&[OK, "06 0f 00"]);
        bench.expect_any("05 01");
        bench.says(&[OK, "06 0f 01 00"]);
        assert_eq!(bench.session.health, Some(TerminalHealth::Ready));
    }
}

#[test]
fn a_wrong_password_or_currency_is_named_and_asked_again_only_rarely() {
    for (answer, word) in [("84 37 00", "password"), ("84 1e 03 6f 09 78", "currency")] {
        let mut bench = Bench::new(|_| {});
        bench.up();
        bench.pass(5);
        bench.says(&[OK, "06 0f 01 00"]);
        bench.expect_any("06 00");
        bench.says(&[answer]);
        let Some(TerminalHealth::Misconfigured { reason }) = &bench.session.health else { panic!("{answer}") };
        assert!(reason.contains(word), "{reason}");
        bench.heard.clear();
        bench.pass(59);
        bench.expect_nothing();
        bench.pass(2);
        bench.expect_any("05 01");
    }
}

/// Reservations of an earlier use of the terminal are given back one by one, and the day is closed after the last; one
/// that the terminal keeps does not keep the day open.
#[test]
fn open_preauthorisations_are_given_back_before_the_day_ends() {
    let mut bench = Bench::ready(|config| config.clear_preauthorisations = true);
    bench.order(TerminalOrder::EndOfDay);
    bench.expect("06 23 03 87 ff ff");
    for receipt in ["01 63", "01 64"] {
        bench.says(&[OK, &format!("06 1e 04 b8 87 {receipt}")]);
        bench.expect_any(&format!("06 25 03 87 {receipt}"));
        bench.heard.clear();
        bench.says(&[OK, "06 0f 00"]);
        bench.expect_any("06 23 03 87 ff ff");
        bench.heard.clear();
    }
    bench.says(&[OK, "06 1e 04 b8 87 ff ff"]);
    bench.expect_any("06 50 03 12 34 56");
    bench.says(&[OK, "06 0f 00"]);
    assert!(bench.told().iter().any(|event| matches!(event, TerminalEvent::DayClosed { unasked: false, .. })));

    let mut bench = Bench::ready(|config| config.clear_preauthorisations = true);
    bench.order(TerminalOrder::EndOfDay);
    let mut asked = 0;
    while !bench.heard.iter().any(|said| said.starts_with("06 50")) {
        bench.heard.clear();
        bench.says(&[OK, "06 1e 04 b8 87 01 63"]);
        bench.says(&[OK, "06 1e 01 9a"]);
        asked += 1;
        assert!(asked < 60, "the day is never closed");
    }
}
