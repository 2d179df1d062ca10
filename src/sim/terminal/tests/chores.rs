//! Reversal, end of day, reservations, and what the terminal refuses.

use super::*;

const ASK_1500: &str = "06 01 0e 01 78 02 03 04 00 00 00 00 15 00 49 09 78";

async fn paid(till: &mut Till) {
    till.command(ASK_1500).await;
    till.yes_until("040f").await;
    till.send("800000").await;
    assert_eq!(till.yes_to_the_end().await, "060f00");
}

#[tokio::test(start_paused = true)]
async fn a_reversal_wants_the_password_the_receipt_and_the_amount() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    paid(&mut till).await;
    till.send("06 30 03 87 00 01").await;
    till.expect("848300").await;
    assert_eq!(sim.panel().strictness().of(Violation::Password), 1);
    assert_eq!(till.run("06 30 0d 123456 870001 04000000001400").await, "061e01b5");
    assert_eq!(till.run("06 30 06 123456 870009").await, "061e01b5");
    assert_eq!(sim.ledger().book().paid_minor(), 1500);
    assert_eq!(till.run("06 30 0d 123456 870001 04000000001500").await, "060f00");
    assert_eq!(sim.ledger().book().paid_minor(), 0);
    assert_eq!(till.run("06 30 06 123456 870001").await, "061e01b4");
}

#[tokio::test(start_paused = true)]
async fn end_of_day_tells_the_sums_closes_the_store_and_its_failure_locks_payments() {
    let options = TerminalOptions { failing_days: 1, ..TerminalOptions::default() };
    let (sim, mut till) = registered(options).await;
    paid(&mut till).await;
    assert_eq!(till.run("06 50 03 123456").await, "061e0177");
    assert_eq!(till.run("05 01 00").await, "060f01f0");
    assert_eq!(till.run(ASK_1500).await, "061e01f0");
    assert_eq!(till.run("06 50 03 123456").await, "060f00");
    let status = till.heard.iter().rev().find(|m| m.starts_with("040f")).unwrap();
    assert!(status.contains("04000000001500"), "{status}");
    assert!(status.contains("60f0f5f300010001"), "{status}");
    let day = sim.ledger().book().days[0].clone();
    assert_eq!((day.count, day.sum_minor, day.unasked), (1, 1500, false));
    assert_eq!(till.run("06 30 06 123456 870001").await, "061e01b5", "the store is with the acquirer");
}

#[tokio::test(start_paused = true)]
async fn reservations_are_told_until_there_are_none() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    assert_eq!(till.run("06 23 03 87 ff ff").await, "061e04b887ffff");
    assert_eq!(till.run("06 22 07 04 00 00 00 00 25 00").await, "060f00");
    assert_eq!(till.run("06 23 03 87 ff ff").await, "061e04b8870001");
    assert_eq!(till.run("06 25 03 87 00 01").await, "060f00");
    assert_eq!(till.run("06 23 03 87 ff ff").await, "061e04b887ffff");
    assert_eq!(sim.ledger().last().unwrap().state, PaymentState::Reversed);
}

#[tokio::test(start_paused = true)]
async fn what_breaks_the_protocol_is_refused_and_counted() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    for (message, violation) in [
        ("06 01 02 dd 00", Violation::UnknownField),
        ("06 01 03 04 00 00", Violation::WrongLength),
        ("06 01 09 04 00 00", Violation::WrongLength),
        ("06 01 03 22 f0 e0", Violation::WrongFormat),
        ("06 01 00", Violation::AmountMissing),
        ("06 fe 00", Violation::UnknownCommand),
    ] {
        let before = sim.panel().strictness().of(violation);
        till.send(message).await;
        assert!(till.message().await.starts_with("84"), "{message}");
        assert_eq!(sim.panel().strictness().of(violation), before + 1, "{message}");
    }
    assert!(sim.ledger().book().payments.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_hold_ends_by_count_and_by_silence() {
    let (sim, mut till) = registered(TerminalOptions::default()).await;
    till.command(ASK_1500).await;
    till.yes_until("040f").await;
    for _ in 0..3 {
        till.send("849c00").await;
        till.message().await;
    }
    till.send("849c00").await;
    assert_eq!(till.yes_to_the_end().await, "061e016c");
    assert_eq!(sim.ledger().last().unwrap().reversal, Some(Reversal::HoldOver));
    till.command(ASK_1500).await;
    till.yes_until("040f").await;
    let since = tokio::time::Instant::now();
    assert_eq!(till.yes_to_the_end().await, "061e016c");
    assert_eq!(since.elapsed().as_secs(), 120, "as long as BMP 01 says");
    assert_eq!(sim.ledger().last().unwrap().reversal, Some(Reversal::NoAnswer));
}
