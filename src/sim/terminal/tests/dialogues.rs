//! The sequences of vectors/zvt.md B2 and E.

use super::till::bytes;
use super::*;
use crate::sim::terminal::frame::{ACK, Heard, wrap};
use crate::sim::terminal::strictness::Violation;

const ASK_1500: &str = "06 01 0e 01 78 02 03 04 00 00 00 00 15 00 49 09 78";

#[tokio::test(start_paused = true)]
async fn approved_with_one_wait_books_on_goods_issued_and_not_before() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    till.command(ASK_1500).await;
    let first = till.yes_until("040f").await;
    assert!(first.starts_with("040f") && first.contains("2700") && first.contains("04000000001500"), "{first}");
    assert_eq!(sim.ledger().last().unwrap().state, PaymentState::Held);
    let asked = tokio::time::Instant::now();
    till.send("84 9c 00").await;
    assert_eq!(till.message().await, first, "the same approval again");
    assert!((1_900..2_200).contains(&asked.elapsed().as_millis()), "{:?}", asked.elapsed());
    assert_eq!(sim.ledger().book().paid_minor(), 0);
    till.send("80 00 00").await;
    till.expect("060f00").await;
    till.send("80 00 00").await;
    let payment = sim.ledger().last().unwrap();
    assert_eq!((payment.state, payment.paid_minor), (PaymentState::Booked, 1500));
    assert_eq!((payment.goods_issued, payment.not_yet, payment.approvals_sent), (1, 1, 2));
    assert_eq!((payment.receipt.as_deref(), payment.trace.as_deref()), (Some("0001"), Some("000001")));
    assert!(sim.panel().strictness().counts().is_empty(), "{:?}", sim.panel().strictness().counts());
}

#[tokio::test(start_paused = true)]
async fn goods_not_issued_is_reversed_by_the_terminal_itself() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    till.command(ASK_1500).await;
    till.yes_until("040f").await;
    till.send("84 6c 00").await;
    till.expect("04ff0105").await;
    till.send("80 00 00").await;
    till.expect("061e016c").await;
    till.send("80 00 00").await;
    let payment = sim.ledger().last().unwrap();
    assert_eq!((payment.state, payment.reversal), (PaymentState::Reversed, Some(Reversal::NotIssued)));
    assert_eq!(payment.paid_minor, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_the_pin_prompt_reads_like_the_capture() {
    let mut options = TerminalOptions::of(Dialect::cardcomplete_valina());
    options.cardholder = Cardholder::default().with_pin(Pin::Stops { after: seconds(2) });
    let (sim, mut till) = registered(options).await;
    till.heard.clear();
    assert_eq!(till.run("06 01 07 04 00 00 00 00 00 01").await, "061e016c");
    // SEQ-4, to the byte.
    let capture = [
        "800000",
        "04ff2e0a01062a242807264b61727465207 66f7268616c74656e0a65696e737465636b656e2f6475726368 7a696568656e",
        "04ff010e",
        "04ff160101061224100 70e454e5445522050494e2026204f4b",
        "04ff0117",
        "04ff010b",
        "040f39276c290029001006",
        "061e016c",
    ];
    assert_eq!(till.heard.len(), capture.len(), "{:?}", till.heard);
    for (at, wanted) in capture.iter().enumerate().filter(|(at, _)| *at != 6) {
        assert_eq!(till.heard[at], wanted.replace(' ', ""));
    }
    let status = "040f39276c290000000 03cf0f1f941626272756368206475726368204b756e64658a0d06172415071341626272756368206475726368204b756e6465";
    assert_eq!(till.heard[6].replace("29001006", "00000000"), status.replace(' ', ""));
    assert_eq!(sim.ledger().last().unwrap().state, PaymentState::NotApproved);
}

#[tokio::test(start_paused = true)]
async fn a_declined_card_ends_with_the_bank_s_sentence_in_the_terminal_s_letters() {
    let mut options = TerminalOptions::of(Dialect::cardcomplete_valina());
    options.cardholder = Cardholder::declined(0x05, "Karte ungültig");
    let (sim, mut till) = registered(options).await;
    assert_eq!(till.run(ASK_1500).await, "061e0105");
    let status = &till.heard[till.heard.len() - 2];
    assert!(status.starts_with("040f") && status.contains("2705"), "{status}");
    assert!(
        status.contains("6b61727465 20756e67fc6c746967".replace(' ', "").as_str()) || status.contains("fc6c746967")
    );
    assert_eq!(sim.ledger().last().unwrap().result_code, Some(5));
}

#[tokio::test(start_paused = true)]
async fn registration_answers_like_the_capture_and_status_is_positional() {
    let (_sim, dialler) = TerminalSim::in_memory(TerminalOptions::of(Dialect::cardcomplete_valina()));
    let mut till = Till::new(dialler.dial().unwrap());
    // SEQ-1.
    till.command("06 00 10 12 34 56 3e 09 78 03 03 06 06 26 04 0a 02 06 d3").await;
    till.expect("06 0f 0a 19 00 29 29 00 10 06 49 09 78").await;
    till.send("80 00 00").await;
    till.command("05 01 05 12 34 56 03 07").await;
    till.expect("06 0f 01 00").await;
    till.send("80 00 00").await;
}

#[tokio::test(start_paused = true)]
async fn a_nak_is_repeated_and_a_lost_ack_not_taken_for_a_new_command() {
    let (sim, dialler) = TerminalSim::in_memory(TerminalOptions::default());
    let mut till = Till::new(dialler.dial().unwrap());
    till.send("06 00 0a 123456 3a 0978 0301 0600").await;
    let Some(Heard::Message(first)) = till.listen(seconds(1)).await else { panic!("an answer") };
    till.refuse_frame().await;
    assert_eq!(till.listen(seconds(1)).await, Some(Heard::Message(first)), "repeated at once");
    // Our ACK is lost, so we repeat the command: the terminal answers again and registers once.
    till.raw(&wrap(&bytes("06 00 0a 123456 3a 0978 0301 0600"))).await;
    assert_eq!(till.listen(seconds(1)).await, Some(Heard::Ack));
    till.expect("800000").await;
    assert!(till.message().await.starts_with("060f"));
    till.send("800000").await;
    assert!(till.is_quiet_for(seconds(30)).await, "{:?}", till.heard);
    drop(sim);
}

#[tokio::test(start_paused = true)]
async fn an_approval_whose_ack_is_lost_comes_three_times_five_seconds_apart() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    till.command(ASK_1500).await;
    loop {
        let Some(Heard::Message(message)) = till.listen(seconds(60)).await else { panic!("a message") };
        if message.starts_with(&[0x04, 0x0F]) {
            break;
        }
        till.raw(&[ACK]).await;
        till.send("800000").await;
    }
    let since = tokio::time::Instant::now();
    for repeat in 1..=2 {
        assert!(matches!(till.listen(seconds(6)).await, Some(Heard::Message(m)) if m[1] == 0x0F));
        assert_eq!(since.elapsed().as_secs(), repeat * 5);
    }
    // The specification's own behaviour: reversed, and said so to whoever still listens.
    let book = sim.ledger().until(|b| b.payments[0].state != PaymentState::Held).await;
    assert_eq!(book.payments[0].reversal, Some(Reversal::NoAnswer));
    assert_eq!(sim.panel().strictness().of(Violation::MissingAck), 1);
}

#[tokio::test(start_paused = true)]
async fn repeat_receipt_tells_the_last_payment_and_nothing_before_the_first() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    assert_eq!(till.run("06 20 05 123456 0303").await, "060f00");
    assert_eq!(till.heard.len(), 4, "{:?}", till.heard);
    till.command(ASK_1500).await;
    let approval = till.yes_until("040f").await;
    till.send("800000").await;
    assert_eq!(till.yes_to_the_end().await, "060f00");
    till.command("06 20 05 123456 0303").await;
    assert_eq!(till.message().await, approval);
    till.send("800000").await;
    till.expect("060f00").await;
    till.send("800000").await;
    assert_eq!(sim.ledger().book().authorisations, 1);
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_before_the_decision_follows_the_terminal_s_mode() {
    for (stranded, paid) in [(Stranded::Reverses, 0), (Stranded::Keeps, 1500)] {
        let options = TerminalOptions { stranded, ..TerminalOptions::default() };
        let (sim, mut till) = registered(options).await;
        till.command(ASK_1500).await;
        till.yes_until("040f").await;
        sim.panel().power_cycle(seconds(20));
        let book = sim.ledger().until(|b| b.starts == 2).await;
        assert_eq!(sim.ledger().until(|b| b.payments[0].state != PaymentState::Held).await.paid_minor(), paid);
        assert_eq!(book.payments.len(), 1);
        // It serves again, still registered.
        assert_eq!(till.run("05 01 00").await, "060f0100");
    }
}
