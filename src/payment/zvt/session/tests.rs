use std::time::Duration;

use super::*;
use crate::money::{Amount, Currency};
use crate::payment::zvt::config::{Dialect, Texts};
use crate::payment::zvt::message::{bmp, command::Password};
use crate::payment::{
    Answer, ApprovalKey, AuthoriseRequest, DayOutcome, Ending, LastTransaction, Prompt, QueryTag, ReversalOutcome,
    TerminalOrder,
};

const OK: &str = "80 00 00";
const APPROVAL: &str = "04 0f 3b 27 00 04 00 00 00 00 15 00 0b 00 01 63 0c 12 35 51 0d 04 17 22 f1 f0 ee ee ee ee ee ee ee e1 22 9f 29 29 00 10 06 3b 36 35 31 32 30 30 00 00 49 09 78 87 01 63 88 00 01 63 8a 2e";

fn sale() -> SaleId {
    "01J00000000000000000000000".parse().unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// The session with a hand on the terminal's side: what it says, what it hears, what time it is.
struct Bench {
    session: Session,
    now: Instant,
    heard: Vec<String>,
    events: Vec<TerminalEvent>,
    hung_up: bool,
}

impl Bench {
    fn new(change: impl FnOnce(&mut ZvtConfig)) -> Bench {
        Bench::after(Aftermath::Settled, change)
    }

    fn after(aftermath: Aftermath, change: impl FnOnce(&mut ZvtConfig)) -> Bench {
        let mut config = ZvtConfig::new(Dialect::Spec, Password::new("123456").unwrap(), Currency::EUR);
        config.sequence_ids = false;
        config.capabilities = false;
        change(&mut config);
        let now = Instant::now();
        let session = Session::new(config, Framing::Serial, aftermath, now);
        Bench { session, now, heard: Vec::new(), events: Vec::new(), hung_up: false }
    }

    /// A session that is registered and at rest.
    fn ready(change: impl FnOnce(&mut ZvtConfig)) -> Bench {
        let mut bench = Bench::new(change);
        bench.up();
        bench.pass(5);
        bench.expect("05 01 05 12 34 56 03 03");
        bench.says(&[OK, "06 0f 01 00"]);
        bench.expect_any("06 00");
        bench.says(&[OK, "06 0f 0a 19 00 29 29 00 10 06 49 09 78"]);
        bench.expect_any("05 01");
        bench.says(&[OK, "06 0f 01 00"]);
        assert_eq!(bench.told(), [TerminalEvent::Health(TerminalHealth::Ready)]);
        bench.heard.clear();
        bench
    }

    fn up(&mut self) {
        self.session.line_up(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Send(apdu, role) => {
                    let mut bytes = apdu.encode().unwrap();
                    self.heard.push(spaced(&bytes));
                    bytes.clear();
                    self.session.delivered(role, self.now);
                }
                Output::Event(event) => self.events.push(event),
                Output::HangUp => self.hung_up = true,
                Output::Abandon | Output::Baud(_) | Output::Report(..) => {}
            }
        }
    }

    /// The terminal says these messages, one after the other.
    fn says(&mut self, messages: &[&str]) {
        for message in messages {
            self.session.received(&Apdu::parse(&bytes(message)).unwrap(), self.now);
            self.drain();
        }
    }

    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.session.tick(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn order(&mut self, order: TerminalOrder) {
        self.session.order(order, self.now);
        self.drain();
    }

    fn told(&mut self) -> Vec<TerminalEvent> {
        std::mem::take(&mut self.events)
    }

    #[track_caller]
    fn expect(&mut self, hex: &str) {
        assert!(!self.heard.is_empty(), "nothing was sent, expected {hex}");
        assert_eq!(self.heard.remove(0), hex);
    }

    #[track_caller]
    fn expect_any(&mut self, start: &str) {
        while !self.heard.is_empty() {
            if self.heard.remove(0).starts_with(start) {
                return;
            }
        }
        panic!("{start} was not sent");
    }

    #[track_caller]
    fn expect_nothing(&self) {
        assert_eq!(self.heard, Vec::<String>::new());
    }

    fn authorise(&mut self) {
        self.order(TerminalOrder::Authorise(AuthoriseRequest {
            sale: sale(),
            amount: Amount::new(1500, Currency::EUR),
            hold_seconds: 120,
            hold_count: 60,
            language: "de".into(),
            printer_ready: true,
            last_good_receipt: None,
        }));
    }

    fn answer(&mut self, answer: Answer) {
        self.order(TerminalOrder::Answer { sale: sale(), approval: key(), answer });
    }

    /// Up to the approval that waits.
    fn held(&mut self) {
        self.authorise();
        self.says(&[OK, "04 ff 01 0a", APPROVAL]);
        self.heard.clear();
        self.events.clear();
    }

    fn endings(&mut self) -> Vec<Ending> {
        let endings = self.told().into_iter();
        endings
            .filter_map(|event| if let TerminalEvent::Ended { ending, .. } = event { Some(ending) } else { None })
            .collect()
    }
}

fn spaced(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| bmp::hex(&[*byte])).collect::<Vec<_>>().join(" ")
}

fn key() -> ApprovalKey {
    ApprovalKey {
        terminal_id: Some("29001006".into()),
        receipt: Some("0163".into()),
        trace: Some("000163".into()),
        amount_minor: Some(1500),
    }
}

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
fn an_approval_that_nobody_waits_for_is_refused() {
    let mut bench = Bench::ready(|_| {});
    bench.says(&[APPROVAL]);
    bench.expect("84 6c 00");
    assert!(matches!(bench.told().last(), Some(TerminalEvent::Foreign { .. })));
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
    bench.says(&["84 9c 00"]);
    assert_eq!(bench.endings(), [Ending::NotStarted { result_code: 0x9c }]);
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
