use super::super::*;
use super::bench::*;
use crate::payment::zvt::Texts;
use crate::payment::{Answer, ApprovalKey, Ending, Prompt, TerminalOrder};

#[test]
fn a_payment_is_kept_only_by_the_order_to_keep_it() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.expect("06 01 16 01 78 02 3c 04 00 00 00 00 15 00 49 09 78 19 44 06 04 15 02 64 65");
    bench.says(&[OK, "04 ff 01 0a"]);
    bench.expect(OK);
    bench.says(&[APPROVAL]);
    bench.pass(4);
    bench.expect_nothing();
    let approved = bench.told().pop();
    let Some(TerminalEvent::Approved { transaction, .. }) = approved else { panic!("{approved:?}") };
    assert_eq!(transaction.pan_last4.as_deref(), Some("1229"));
    bench.order(TerminalOrder::Answer { sale: sale(), approval: transaction.key.clone(), answer: Answer::NotYet });
    bench.expect("84 9c 00");
    bench.says(&[APPROVAL]);
    bench.expect_nothing();
    bench.order(TerminalOrder::Answer { sale: sale(), approval: transaction.key.clone(), answer: Answer::GoodsIssued });
    bench.expect("80 00 00");
    bench.says(&["06 0f 00"]);
    bench.expect("80 00 00");
    assert_eq!(bench.endings(), [Ending::Completed]);
}

#[test]
fn an_answer_about_another_approval_or_sale_is_not_sent() {
    let mut bench = Bench::ready(|_| {});
    bench.held();
    let other = ApprovalKey { receipt: Some("0164".into()), ..key() };
    bench.order(TerminalOrder::Answer { sale: sale(), approval: other, answer: Answer::GoodsIssued });
    let stranger = "01J00000000000000000000001".parse().unwrap();
    bench.order(TerminalOrder::Answer { sale: stranger, approval: key(), answer: Answer::GoodsIssued });
    bench.expect_nothing();
    bench.answer(Answer::GoodsIssued);
    bench.expect(OK);
    bench.answer(Answer::GoodsIssued);
    bench.expect_nothing();
}

#[test]
fn a_repeat_after_the_decision_is_answered_only_when_ordered_again() {
    let mut bench = Bench::ready(|_| {});
    bench.held();
    bench.answer(Answer::GoodsIssued);
    bench.expect(OK);
    bench.says(&[APPROVAL]);
    bench.expect_nothing();
    assert!(matches!(bench.told().last(), Some(TerminalEvent::Approved { .. })));
    bench.answer(Answer::GoodsIssued);
    bench.expect(OK);
}

#[test]
fn not_issued_ends_with_the_terminals_abort() {
    let mut bench = Bench::ready(|_| {});
    bench.held();
    bench.answer(Answer::NotIssued);
    bench.expect("84 6c 00");
    bench.says(&["04 ff 01 05", "06 1e 01 6c"]);
    let told = bench.told();
    assert!(told.contains(&TerminalEvent::AnswerSent { sale: sale(), answer: Answer::NotIssued }));
    assert!(told.contains(&TerminalEvent::Prompt { sale: sale(), prompt: Prompt::Reversing, text: None }));
    let ending = Ending::Aborted { result_code: 0x6c, text: None };
    assert_eq!(told.last(), Some(&TerminalEvent::Ended { sale: sale(), ending }));
}

#[test]
fn a_decline_carries_the_terminals_text_only_where_it_may_be_shown() {
    for (texts, text) in [(Texts::Own, None), (Texts::Verbatim, Some("Abbruch durch Kunde".to_owned()))] {
        let mut bench = Bench::ready(|config| config.texts = texts);
        bench.authorise();
        bench.says(&[
            OK,
            "04 0f 20 27 6c 29 29 00 10 06 3c f0 f1 f9 41 62 62 72 75 63 68 20 64 75 72 63 68 20 4b 75 6e 64 65 8a 0d",
        ]);
        bench.says(&["06 1e 01 6c"]);
        assert_eq!(bench.endings(), [Ending::Aborted { result_code: 0x6c, text }]);
    }
}

#[test]
fn a_result_that_is_missing_is_never_acknowledged() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.says(&[OK]);
    bench.heard.clear();
    bench.says(&["04 0f 07 04 00 00 00 00 15 00", "04 0f 04 27 00 27 6c"]);
    bench.expect("84 6c 00");
    bench.expect("84 6c 00");
}

#[test]
fn a_late_end_of_a_lost_payment_is_told() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.pass(60);
    assert!(matches!(bench.endings()[..], [Ending::Lost { .. }]));
    bench.says(&["06 1e 01 6c"]);
    assert_eq!(bench.endings(), [Ending::Aborted { result_code: 0x6c, text: None }]);
}

#[test]
fn silence_for_two_minutes_is_waited_for_whatever_the_terminal_announced() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.says(&[OK, "04 ff 02 01 01"]);
    bench.pass(125);
    assert_eq!(bench.endings(), []);
    bench.says(&["04 ff 02 01 09"]);
    bench.pass(500);
    assert_eq!(bench.endings(), []);
    bench.pass(60);
    assert!(matches!(bench.endings()[..], [Ending::Lost { .. }]));
}

#[test]
fn nothing_after_the_commit_is_lost_after_thirty_seconds() {
    let mut bench = Bench::ready(|_| {});
    bench.held();
    bench.answer(Answer::GoodsIssued);
    bench.pass(29);
    assert_eq!(bench.endings(), []);
    bench.pass(1);
    assert!(matches!(bench.endings()[..], [Ending::Lost { .. }]));
    assert!(!bench.heard.iter().any(|sent| sent.starts_with("06 b0")), "a committed payment was aborted");
}

#[test]
fn an_abort_waits_for_the_acceptance_and_never_touches_a_held_approval() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.heard.clear();
    bench.order(TerminalOrder::Abort { sale: sale() });
    bench.expect_nothing();
    bench.says(&[OK]);
    bench.expect("06 b0 00");
    bench.says(&["84 83 00", APPROVAL]);
    bench.order(TerminalOrder::Abort { sale: sale() });
    bench.expect_nothing();
}

#[test]
fn a_refused_command_never_ran() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.says(&["84 83 00"]);
    assert_eq!(bench.endings(), [Ending::NotStarted { result_code: 0x83 }]);
}

#[test]
fn a_command_refused_as_busy_may_be_running_and_is_asked_about() {
    let mut bench = Bench::ready(|_| {});
    bench.authorise();
    bench.expect_any("06 01");
    bench.says(&["84 9c 00"]);
    assert!(matches!(bench.endings()[..], [Ending::Lost { .. }]));
    // Its approval may come: nobody here waits for it any more, so it is never kept.
    bench.says(&[APPROVAL]);
    bench.expect_any("84 6c 00");
    bench.pass(60);
    assert!(bench.heard.iter().all(|sent| !sent.starts_with("06 01")), "the card was asked again: {:?}", bench.heard);
}

#[test]
fn a_pulled_cable_is_survived_if_the_terminal_repeats_in_time() {
    let mut bench = Bench::ready(|_| {});
    bench.held();
    bench.session.line_down("unplugged".into(), bench.now);
    bench.drain();
    bench.answer(Answer::GoodsIssued);
    bench.expect_nothing();
    bench.pass(5);
    bench.up();
    bench.says(&[APPROVAL]);
    bench.answer(Answer::GoodsIssued);
    bench.expect(OK);
    bench.says(&["06 0f 00"]);
    assert_eq!(bench.endings(), [Ending::Completed]);
}
