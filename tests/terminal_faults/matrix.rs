//! The fault matrix, F01 to F36, case by case (payment-terminal.md 6.2).

use std::time::Duration;

use esim_kiosk::payment::zvt::{Dialect, Texts, ZvtConfig};
use esim_kiosk::payment::{Prompt, TerminalEvent, TerminalHealth};
use esim_kiosk::sim::terminal::{
    Bank, Cardholder, Dialler, Fault, FaultRule, Pin, Reversal, Stranded, TerminalOptions, TerminalSim,
};

use super::clerk::{Belief, Clerk, Plan, Port, config};
use super::healthy::DIALECTS;

pub fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A terminal and a clerk that are ready to sell.
pub struct Shop {
    pub terminal: TerminalSim,
    pub clerk: Clerk,
    pub dialler: Dialler,
}

impl Shop {
    pub async fn open(
        number: usize,
        options: impl FnOnce(&mut TerminalOptions),
        change: impl FnOnce(&mut ZvtConfig),
    ) -> Shop {
        let (dialect, theirs) = DIALECTS[number];
        let mut set = TerminalOptions { message_ids: number.is_multiple_of(2), ..TerminalOptions::of(theirs()) };
        options(&mut set);
        let mut config = config(dialect);
        change(&mut config);
        let (terminal, dialler) = TerminalSim::in_memory(set);
        let mut clerk = Clerk::new(config, Port(dialler.clone()));
        clerk.until_health(&TerminalHealth::Ready).await;
        Shop { terminal, clerk, dialler }
    }

    pub async fn plain(number: usize, cardholder: Cardholder) -> Shop {
        Shop::open(number, |options| options.cardholder = cardholder, |_| {}).await
    }

    /// Sells, and holds the belief against the ledger.
    pub async fn sell(&mut self, plan: Plan) -> Belief {
        let before = self.terminal.ledger().book().paid_minor();
        let belief = self.clerk.sell(&plan).await;
        // A payment that the terminal still holds is decided within its longest hold.
        tokio::time::sleep(s(300)).await;
        let paid = self.terminal.ledger().book().paid_minor() - before;
        let story = || format!("{belief:?}, the ledger says {paid}: {:#?}", self.clerk.terminal.frames().lines());
        match &belief {
            Belief::Sold => assert_eq!(paid, u64::try_from(plan.minor).unwrap(), "{}", story()),
            Belief::NotCharged(_) => assert_eq!(paid, 0, "{}", story()),
            Belief::Doubtful(_) => {}
        }
        belief
    }
}

pub async fn everywhere(cardholder: Cardholder, plan: Plan) -> Vec<(usize, Belief, Clerk)> {
    let mut all = Vec::new();
    for number in 0..DIALECTS.len() {
        let mut shop = Shop::plain(number, cardholder.clone()).await;
        let belief = shop.sell(plan.clone()).await;
        all.push((number, belief, shop.clerk));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn f01_no_card() {
    for (number, belief, _) in everywhere(Cardholder::absent(), Plan::default()).await {
        assert_eq!(belief, Belief::NotCharged(Some(0x6c)), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f02_stop_key_at_the_pin() {
    let cardholder = Cardholder::default().with_pin(Pin::Stops { after: s(3) });
    for (number, belief, _) in everywhere(cardholder, Plan::default()).await {
        assert_eq!(belief, Belief::NotCharged(Some(0x6c)), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f03_pin_time_out_after_two_silent_minutes() {
    for (number, belief, clerk) in everywhere(Cardholder::default().with_pin(Pin::Leaves), Plan::default()).await {
        assert_eq!(belief, Belief::NotCharged(Some(0x6c)), "{number}");
        assert!(
            !clerk.terminal.frames().lines().iter().any(|line| line.contains("06 b0")),
            "{number}: gave up too early"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn f04_declined_with_the_terminals_text() {
    for number in 0..DIALECTS.len() {
        let cardholder = Cardholder::declined(0x05, "Karte ungültig");
        let options = |options: &mut TerminalOptions| options.cardholder = cardholder.clone();
        let mut shop = Shop::open(number, options, |config| config.texts = Texts::Verbatim).await;
        assert_eq!(shop.sell(Plan::default()).await, Belief::NotCharged(Some(0x05)), "{number}");
        let text = shop.clerk.seen.iter().find_map(|event| match event {
            TerminalEvent::Result { transaction, .. } => transaction.additional_text.clone(),
            _ => None,
        });
        assert_eq!(text.as_deref(), Some("Karte ungültig"), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f05_wrong_pin_then_right() {
    let cardholder = Cardholder::default().with_pin(Pin::Types { each: s(4), wrong: 1 });
    for (number, belief, clerk) in everywhere(cardholder, Plan::default()).await {
        assert_eq!((belief, clerk.commits), (Belief::Sold, 1), "{number}");
        assert!(clerk.prompts.iter().any(|(prompt, _)| *prompt == Prompt::WrongPin), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f06_wrong_pin_three_times() {
    let cardholder = Cardholder::default().with_pin(Pin::Types { each: s(4), wrong: 3 });
    for (number, belief, _) in everywhere(cardholder, Plan::default()).await {
        assert!(matches!(belief, Belief::NotCharged(Some(_))), "{number}: {belief:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn f07_the_bank_cannot_be_reached() {
    for (number, belief, _) in everywhere(Cardholder::default().with_bank(Bank::Unreachable), Plan::default()).await {
        assert_eq!(belief, Belief::NotCharged(Some(0x9b)), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f08_cancelled_while_the_card_is_waited_for_and_too_late() {
    for number in 0..DIALECTS.len() {
        let mut shop = Shop::plain(number, Cardholder::absent()).await;
        let begun = tokio::time::Instant::now();
        let cancelled = Plan { cancel_after: Some(s(5)), ..Plan::default() };
        assert_eq!(shop.clerk.sell(&cancelled).await, Belief::NotCharged(Some(0x6c)), "{number}");
        let waited = begun.elapsed();
        assert_eq!(waited < s(30), DIALECTS[number].0 != Dialect::GpPax, "{number}: {waited:?}");

        let mut shop = Shop::plain(number, Cardholder::approved_after(s(3))).await;
        let too_late = Plan { cancel_after: Some(s(5)), goods_after: Some(s(9)), ..Plan::default() };
        assert_eq!(shop.sell(too_late).await, Belief::Sold, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f09_slow_goods_within_the_hold_and_beyond_it() {
    for number in 0..DIALECTS.len() {
        let mut shop = Shop::plain(number, Cardholder::default()).await;
        let slow = Plan { goods_after: Some(s(60)), ..Plan::default() };
        assert_eq!(shop.sell(slow.clone()).await, Belief::Sold, "{number}");
        let too_slow = Plan { goods_after: Some(s(100)), ..Plan::default() };
        assert_eq!(shop.sell(too_slow).await, Belief::NotCharged(Some(0x6c)), "{number}");
        assert_eq!(shop.terminal.ledger().last().and_then(|payment| payment.reversal), Some(Reversal::NotIssued));
        // A terminal that holds for 14 s whatever it is asked, and is not known for it.
        shop.terminal.panel().change(|options| options.hold_max = Some(s(14)));
        assert_eq!(shop.sell(slow).await, Belief::NotCharged(Some(0x6c)), "{number}");
        assert_eq!(shop.terminal.ledger().last().and_then(|payment| payment.reversal), Some(Reversal::HoldOver));
    }
}

#[tokio::test(start_paused = true)]
async fn f09_without_the_fields_of_the_hold() {
    for number in 0..DIALECTS.len() {
        let mut shop = Shop::open(number, |_| {}, |config| config.hold_fields = false).await;
        let quick = Plan { goods_after: Some(s(5)), hold: s(14), ..Plan::default() };
        assert_eq!(shop.sell(quick).await, Belief::Sold, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f10_the_goods_cannot_be_had() {
    let plan = Plan { goods_after: None, goods_fail_after: Some(s(4)), ..Plan::default() };
    for (number, belief, clerk) in everywhere(Cardholder::default(), plan).await {
        assert_eq!((belief, clerk.commits), (Belief::NotCharged(Some(0x6c)), 0), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f13_the_ack_of_any_of_our_answers_is_lost() {
    for number in 0..DIALECTS.len() {
        for nth in 1..=9 {
            let mut shop = Shop::plain(number, Cardholder::default()).await;
            shop.terminal.panel().fault(FaultRule::heard((0x80, 0x00), nth, Fault::DropAck));
            let belief = shop.sell(Plan { goods_after: Some(s(0)), ..Plan::default() }).await;
            assert_eq!(belief, Belief::Sold, "{number}, answer {nth}");
            assert_eq!(shop.terminal.ledger().book().authorisations, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f15_the_cable_is_pulled_for_five_seconds_after_the_pin() {
    for number in 0..DIALECTS.len() {
        for unplugged in [false, true] {
            let cardholder = Cardholder::default().with_pin(Pin::Types { each: s(3), wrong: 0 });
            let mut shop = Shop::plain(number, cardholder).await;
            let fault = if unplugged { Fault::Unplug(s(5)) } else { Fault::Cut(s(5)) };
            shop.terminal.panel().fault(FaultRule::sent((0x04, 0x0f), 2, fault));
            let belief = shop.sell(Plan { goods_after: Some(s(1)), ..Plan::default() }).await;
            assert_eq!(belief, Belief::Sold, "{number} {unplugged}: {:#?}", shop.clerk.terminal.frames().lines());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f16_the_command_is_refused_by_the_link() {
    for number in 0..DIALECTS.len() {
        for (times, sold) in [(1, true), (2, true), (3, false)] {
            let mut shop = Shop::plain(number, Cardholder::default()).await;
            shop.terminal.panel().fault(FaultRule::heard((0x06, 0x01), 1, Fault::Nak).times(times));
            let belief = shop.sell(Plan::default()).await;
            match (sold, DIALECTS[number].0) {
                (true, _) => assert_eq!(belief, Belief::Sold, "{number} {times}"),
                // It never tells its last transaction and has no totals: nobody can know.
                (false, Dialect::GpPax) => assert!(matches!(belief, Belief::Doubtful(_)), "{belief:?}"),
                (false, _) => assert_eq!(belief, Belief::NotCharged(None), "{number}"),
            }
            assert_eq!(shop.terminal.ledger().book().authorisations, u32::from(sold));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f17_f18_f19_bit_errors_noise_and_pauses_are_healed() {
    let noise = vec![0x06, 0x15, 0x10, 0x55, 0x03, 0x02];
    let faults = [
        Fault::Corrupt(77),
        Fault::Noise(noise),
        Fault::Gap(Duration::from_millis(190)),
        Fault::Gap(Duration::from_millis(210)),
        Fault::Duplicate,
    ];
    for number in 0..DIALECTS.len() {
        for fault in &faults {
            for message in [(0x04, 0xff), (0x04, 0x0f), (0x06, 0x0f), (0x80, 0x00)] {
                let mut shop = Shop::plain(number, Cardholder::default()).await;
                shop.terminal.panel().fault(FaultRule::sent(message, 2, fault.clone()));
                let belief = shop.sell(Plan::default()).await;
                assert_eq!(
                    belief,
                    Belief::Sold,
                    "{number} {fault:?} {message:02x?}: {:#?}",
                    shop.clerk.terminal.frames().lines()
                );
                assert_eq!(shop.clerk.commits, 1, "{number} {fault:?} {message:02x?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f20_late_acknowledgements_and_answers() {
    for (millis, authorisations) in [(4_900, 1), (5_100, 1)] {
        let mut shop = Shop::plain(0, Cardholder::default()).await;
        let late = Fault::LateAck(Duration::from_millis(millis));
        shop.terminal.panel().fault(FaultRule::heard((0x06, 0x01), 1, late));
        let belief = shop.sell(Plan::default()).await;
        assert!(matches!(belief, Belief::Sold | Belief::NotCharged(_)), "{millis}: {belief:?}");
        assert_eq!(shop.terminal.ledger().book().authorisations, authorisations);
    }
}

#[tokio::test(start_paused = true)]
async fn f24_the_terminal_loses_power() {
    for number in 0..DIALECTS.len() {
        for forgets in [false, true] {
            for (message, nth) in [((0x04, 0xff), 1), ((0x04, 0x0f), 2), ((0x06, 0x0f), 4), ((0x80, 0x00), 4)] {
                for after in [false, true] {
                    let options = |options: &mut TerminalOptions| options.forgets_registration = forgets;
                    let mut shop = Shop::open(number, options, |_| {}).await;
                    let off = s(20);
                    let fault = if after { Fault::PowerCycleAfter(off) } else { Fault::PowerCycle(off) };
                    shop.terminal.panel().fault(FaultRule::sent(message, nth, fault));
                    let belief = shop.sell(Plan::default()).await;
                    let doubtful = matches!(belief, Belief::Doubtful(_));
                    assert!(
                        !doubtful || DIALECTS[number].0 == Dialect::GpPax,
                        "{number} {message:02x?} {after}: {belief:?}"
                    );
                    // And it sells again, at the latest after it was told that the registration is gone.
                    let again = Plan { minor: 700, ..Plan::default() };
                    let mut belief = shop.sell(again.clone()).await;
                    if belief == Belief::NotCharged(Some(0x6b)) {
                        belief = shop.sell(again).await;
                    }
                    assert_eq!(belief, Belief::Sold, "{number} {message:02x?} {after}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_kinds_of_stranded_payments_end_right_when_the_line_breaks_around_the_approval() {
    for stranded in [Stranded::Reverses, Stranded::Keeps] {
        for number in 0..DIALECTS.len() {
            for fault in [Fault::Cut(s(40)), Fault::CutAfter(s(40)), Fault::Unplug(s(40))] {
                for plan in [Plan::default(), Plan { goods_after: Some(s(0)), ..Plan::default() }] {
                    let mut shop = Shop::open(number, |options| options.stranded = stranded, |_| {}).await;
                    shop.terminal.panel().fault(FaultRule::sent((0x04, 0x0f), 2, fault.clone()));
                    let belief = shop.sell(plan).await;
                    let pax = DIALECTS[number].0 == Dialect::GpPax;
                    assert!(
                        pax || !matches!(belief, Belief::Doubtful(_)),
                        "{number} {stranded:?} {fault:?}: {belief:?} {:#?}",
                        shop.clerk.terminal.frames().lines()
                    );
                }
            }
        }
    }
}
