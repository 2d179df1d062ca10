use super::super::*;
use super::bench::*;
use crate::money::{Amount, Currency};
use crate::payment::{DayOutcome, Ending, LastTransaction, Prompt, QueryTag, ReversalOutcome, TerminalOrder};

#[test]
fn an_approval_that_nobody_waits_for_is_refused() {
    let mut bench = Bench::ready(|_| {});
    bench.says(&[APPROVAL]);
    bench.expect("84 6c 00");
    assert!(matches!(bench.told().last(), Some(TerminalEvent::Foreign { .. })));
    bench.says(&["06 1e 01 6c"]);
    bench.expect(OK);
    // Also while our own query is on its way, as long as the terminal has not accepted it.
    bench.order(TerminalOrder::Query { tag: QueryTag::Start, patience_s: 60 });
    bench.says(&[OK, "06 0f 01 00"]);
    bench.expect_any("06 20");
    bench.says(&[APPROVAL]);
    bench.expect("84 6c 00");
    bench.says(&[OK, APPROVAL]);
    bench.expect(OK);
}

#[test]
fn while_a_payment_may_be_held_a_terminal_at_work_never_hears_the_commit_byte() {
    let mut bench = Bench::after(Aftermath::PaymentOpen, |_| {});
    bench.up();
    bench.pass(5);
    bench.expect_any("05 01");
    // Its approval and its answer to our question cross on the line: either answer of ours may meet the approval.
    bench.says(&[APPROVAL]);
    bench.expect("84 6c 00");
    bench.says(&[OK, "06 0f 01 9c"]);
    bench.expect("84 6c 00");
    bench.says(&["06 1e 01 6c"]);
    bench.expect(OK);
    bench.expect_any("05 01");
    // Its end was heard: from here on nothing is held.
    bench.says(&[OK, "06 0f 01 9c"]);
    bench.expect(OK);
}

#[test]
fn an_answer_to_the_last_enquiry_that_comes_late_is_no_end_of_the_payment() {
    let mut bench = Bench::after(Aftermath::PaymentOpen, |_| {});
    bench.up();
    bench.pass(5);
    bench.expect_any("05 01");
    // Our refusal of the approval is lost on the way: the terminal still holds.
    bench.says(&[APPROVAL]);
    bench.expect("84 6c 00");
    // The answer to an enquiry of before, then the one to this: neither may meet the approval as "goods issued".
    bench.says(&["06 0f 01 9c"]);
    bench.expect("84 6c 00");
    bench.says(&[OK, "06 0f 01 9c"]);
    bench.expect("84 6c 00");
    // What ends a payment does end it.
    bench.says(&["06 0f 00"]);
    bench.expect("84 6c 00");
    bench.expect_any("05 01");
    bench.says(&[OK, "06 0f 01 9c"]);
    bench.expect(OK);
}

#[test]
fn after_a_start_the_line_is_only_listened_to_and_a_held_approval_is_refused() {
    let mut bench = Bench::after(Aftermath::PaymentOpen, |_| {});
    bench.up();
    bench.pass(2);
    bench.says(&[APPROVAL]);
    bench.expect("84 6c 00");
    bench.says(&["06 1e 01 6c"]);
    bench.expect(OK);
    bench.pass(2);
    bench.expect_nothing();
    bench.pass(1);
    bench.expect_any("05 01");
}

#[test]
fn after_a_start_the_answer_to_an_open_reversal_is_evidence() {
    let mut bench = Bench::after(Aftermath::ReversalOpen, |_| {});
    bench.up();
    bench.says(&[APPROVAL]);
    bench.expect(OK);
    bench.pass(5);
    bench.heard.clear();
    bench.says(&[APPROVAL]);
    bench.expect("84 6c 00");
}

#[test]
fn a_query_waits_for_rest_and_for_the_longest_hold() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.says(&[OK]);
    bench.pass(180);
    bench.expect_any("06 b0");
    bench.pass(10);
    assert!(matches!(bench.endings()[..], [Ending::Lost { .. }]));
    bench.order(TerminalOrder::Query { tag: QueryTag::Charged(sale()), patience_s: 200 });
    bench.expect_any("05 01");
    bench.says(&[OK, "06 0f 01 9c"]);
    bench.heard.clear();
    bench.pass(2);
    bench.expect_any("05 01");
    bench.says(&[OK, "06 0f 01 00"]);
    bench.expect_any("06 00");
    bench.says(&[OK, "06 0f 00"]);
    for _ in 0..70 {
        assert!(!bench.heard.iter().any(|sent| sent.starts_with("06 20")), "asked before the hold was over");
        if bench.heard.iter().any(|sent| sent.starts_with("05 01")) {
            bench.heard.clear();
            bench.says(&[OK, "06 0f 01 00"]);
        }
        if bench.heard.iter().any(|sent| sent.starts_with("06 20")) {
            break;
        }
        bench.pass(2);
    }
    bench.expect_any("06 20 05 12 34 56 03 03");
    bench.says(&[OK, APPROVAL, "06 0f 00"]);
    bench.expect_any("06 10 03 12 34 56");
    bench.says(&[OK, "84 83 00"]);
    bench.says(&["06 1e 01 83"]);
    let answered = bench.told().pop();
    let Some(TerminalEvent::Answered { last: LastTransaction::Is(transaction), at_rest: true, totals: None, .. }) =
        answered
    else {
        panic!("{answered:?}")
    };
    assert_eq!(transaction.key, key());
}

#[test]
fn wrong_password_and_currency_are_the_configurations_fault() {
    for (refusal, word) in [("84 37 00", "password"), ("84 1e 03 6f 09 78", "currency")] {
        let mut bench = Bench::new(|_| {});
        bench.up();
        bench.pass(5);
        bench.says(&[OK, "06 0f 01 00", refusal]);
        let Some(TerminalEvent::Health(TerminalHealth::Misconfigured { reason })) = bench.told().pop() else {
            panic!()
        };
        assert!(reason.contains(word), "{reason}");
        bench.authorise();
        assert_eq!(bench.endings(), [Ending::NotStarted { result_code: 0x6b }]);
    }
}

#[test]
fn what_a_terminal_needs_is_done_once() {
    let mut bench = Bench::new(|config| config.wall_clock = || jiff::civil::date(2026, 11, 22).at(10, 20, 30, 0));
    bench.up();
    bench.pass(5);
    bench.says(&[OK, "06 0f 01 51", OK, "06 0f 02 19 01"]);
    bench.expect_any("06 93 03 12 34 56");
    bench.says(&[OK, "06 0f 00", OK, "06 0f 01 62"]);
    bench.expect_any("06 91 0b 12 34 56 aa 26 11 22 0c 10 20 30");
    bench.says(&[OK, "06 0f 00", OK, "06 0f 01 62"]);
    assert!(bench.told().contains(&TerminalEvent::Health(TerminalHealth::NeedsCare { status: 0x62 })));
}

#[test]
fn an_end_of_day_with_its_sums_and_an_update_behind_it() {
    let mut bench = Bench::ready(|_| {});
    bench.order(TerminalOrder::EndOfDay);
    bench.expect("06 50 03 12 34 56");
    let sums =
        format!("04 0f 42 27 00 04 00 00 00 00 01 00 60 f0 f5 f3 00 00 00 00 01 00 00 00 00 01 00{}", " 00".repeat(42));
    bench.says(&[OK, "04 ff 01 0e", &sums, "06 0f 02 27 e0"]);
    let told = bench.told();
    let Some(TerminalEvent::DayClosed { outcome: DayOutcome::Closed { totals: Some(totals) }, unasked: false }) =
        told.iter().find(|event| matches!(event, TerminalEvent::DayClosed { .. }))
    else {
        panic!("{told:?}")
    };
    assert_eq!((totals.count, totals.sum_minor), (1, 100));
    // The same message unasked: acknowledged, and told.
    bench.heard.clear();
    bench.says(&["06 1e 01 9c", &sums]);
    bench.expect_any(OK);
    assert!(matches!(bench.told().last(), Some(TerminalEvent::DayClosed { unasked: true, .. })));
}

#[test]
fn a_reversal_that_wants_the_card_is_aborted() {
    let mut bench = Bench::ready(|_| {});
    let amount = Amount::new(1500, Currency::EUR);
    bench.order(TerminalOrder::Reverse { sale: sale(), receipt: "0163".into(), trace: None, amount });
    bench.expect("06 30 10 12 34 56 87 01 63 04 00 00 00 00 15 00 49 09 78");
    bench.says(&[OK, "04 ff 01 0a"]);
    bench.expect(OK);
    bench.expect("06 b0 00");
    bench.says(&[OK, "04 0f 02 27 6c", "06 1e 01 6c"]);
    let outcome = ReversalOutcome::Refused { result_code: 0x6c };
    assert_eq!(bench.told().last(), Some(&TerminalEvent::Reversed { sale: sale(), outcome }));
}

#[test]
fn message_sequence_ids_are_used_once_the_terminal_echoes_them() {
    let mut bench = Bench::new(|config| config.sequence_ids = true);
    bench.up();
    bench.pass(5);
    bench.says(&[OK, "06 0f 01 00"]);
    bench.expect_any("06 00 16 12 34 56 be 09 78 03 01 06 0c 26 04 0a 02 06 d3 1f 73 03 00 00 00");
    bench.says(&[OK, "06 0f 08 06 06 1f 73 03 00 00 00"]);
    bench.expect(OK);
    bench.expect("05 01 0d 12 34 56 03 03 06 06 1f 73 03 00 00 01");
    bench.says(&["80 00 08 06 06 1f 73 03 00 00 01", "06 0f 09 00 06 06 1f 73 03 00 00 02"]);
    bench.authorise();
    bench.expect_any("06 01 1c 01 78 02 3c 04 00 00 00 00 15 00 49 09 78 19 44 06 0a 15 02 64 65 1f 73 03 00 00 03");
    bench.says(&[OK, "04 ff 0a 0a 01 06 06 1f 73 03 00 00 04", "04 ff 0a 0a 01 06 06 1f 73 03 00 00 04"]);
    bench.expect("80 00 08 06 06 1f 73 03 00 00 04");
    bench.expect("80 00 08 06 06 1f 73 03 00 00 04");
    let prompts =
        bench.told().into_iter().filter(|e| matches!(e, TerminalEvent::Prompt { prompt: Prompt::PresentCard, .. }));
    assert_eq!(prompts.count(), 1);
}
