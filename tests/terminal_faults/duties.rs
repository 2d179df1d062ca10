//! The fault matrix, second half: breaks of the kiosk and of time, reversals, ends of day, numbers, configuration.

use esim_kiosk::money::{Amount, Currency};
use esim_kiosk::payment::zvt::{Aftermath, Dialect};
use esim_kiosk::payment::{
    DayOutcome, OperatorTask, QueryTag, ReversalOutcome, TerminalEvent, TerminalHealth, TerminalOrder, TerminalService,
};
use esim_kiosk::sim::terminal::{Bank, Cardholder, Fault, FaultRule, PaymentState, TerminalOptions, TerminalSim};

use super::clerk::{Belief, Clerk, Plan, Port, config};
use super::healthy::DIALECTS;
use super::matrix::{Shop, everywhere, s};

#[tokio::test(start_paused = true)]
async fn f25_the_kiosk_is_killed_while_the_terminal_holds() {
    for number in 0..DIALECTS.len() {
        let mut shop = Shop::plain(number, Cardholder::default()).await;
        let sale = shop.clerk.next_sale();
        shop.clerk.order(TerminalOrder::Authorise(esim_kiosk::payment::AuthoriseRequest {
            sale,
            amount: Amount::new(1_500, Currency::EUR),
            hold_seconds: 120,
            hold_count: 60,
            language: "en".to_owned(),
            printer_ready: true,
            last_good_receipt: None,
        }));
        while !matches!(shop.clerk.next().await, TerminalEvent::Approved { .. }) {}
        drop(shop.clerk);
        let port = Port(shop.dialler.clone());
        let mut clerk = Clerk::after(config(DIALECTS[number].0), port, Aftermath::PaymentOpen);
        let (last, _, at_rest) = clerk.query(QueryTag::Charged(sale), 300).await;
        let payment = shop.terminal.ledger().last().unwrap();
        assert_eq!((payment.state, payment.goods_issued), (PaymentState::Reversed, 0), "{number}: {last:?}");
        assert!(at_rest, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f26_a_slow_terminal_is_waited_for() {
    for number in 0..DIALECTS.len() {
        let slow = |options: &mut TerminalOptions| {
            options.registration_takes = s(9);
            options.completion_takes = s(25);
            options.chatter = Some(s(20));
            options.cardholder.latency = s(360);
        };
        let mut shop = Shop::open(number, slow, |_| {}).await;
        assert_eq!(shop.sell(Plan::default()).await, Belief::Sold, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn f27_silence_beyond_t4_is_aborted_and_asked_about() {
    for number in 0..DIALECTS.len() {
        let mut shop = Shop::plain(number, Cardholder::default()).await;
        shop.terminal.panel().fault(FaultRule::sent((0x04, 0x0f), 2, Fault::Mute(s(400))));
        let belief = shop.sell(Plan::default()).await;
        let lines = shop.clerk.terminal.frames().lines();
        assert_eq!(lines.iter().any(|line| line.contains("> 06 b0")), DIALECTS[number].0 != Dialect::GpPax);
        assert!(!matches!(belief, Belief::Sold), "{number}: {belief:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn f29_a_reversal_of_another_amount_or_none_is_seen() {
    for number in [0, 1, 2, 4] {
        let mut shop = Shop::open(number, |options| options.reversal_falls_short = 100, |_| {}).await;
        assert_eq!(shop.sell(Plan::default()).await, Belief::Sold);
        let receipt = shop.terminal.ledger().last().unwrap().receipt.unwrap();
        let trace = shop.clerk.seen.iter().rev().find_map(|event| match event {
            TerminalEvent::Approved { transaction, .. } => transaction.key.trace.clone(),
            _ => None,
        });
        let sale = shop.clerk.next_sale();
        let amount = Amount::new(1_500, Currency::EUR);
        let reverse = TerminalOrder::Reverse { sale, receipt, trace, amount };
        shop.clerk.order(reverse.clone());
        let outcome = reversed(&mut shop.clerk).await;
        assert!(matches!(outcome, ReversalOutcome::Other { .. }), "{number}: {outcome:?}");
        shop.clerk.order(reverse);
        let outcome = reversed(&mut shop.clerk).await;
        assert!(!matches!(outcome, ReversalOutcome::Other { .. }), "{number}: {outcome:?}");
    }
}

async fn reversed(clerk: &mut Clerk) -> ReversalOutcome {
    loop {
        if let TerminalEvent::Reversed { outcome, .. } = clerk.next().await {
            return outcome;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f30_a_lower_amount_or_an_offline_approval_is_refused() {
    for bank in [Bank::ApprovesOnly(1_000), Bank::ApprovesOffline] {
        for (number, belief, clerk) in everywhere(Cardholder::default().with_bank(bank.clone()), Plan::default()).await
        {
            assert_eq!((belief, clerk.commits), (Belief::NotCharged(Some(0x6c)), 0), "{number} {bank:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f31_the_day_is_open_fails_and_is_followed_by_an_update() {
    for number in 0..DIALECTS.len() {
        let options = |options: &mut TerminalOptions| {
            options.failing_days = 1;
            options.update_after_day = Some(s(120));
        };
        let mut shop = Shop::open(number, options, |_| {}).await;
        assert_eq!(shop.sell(Plan::default()).await, Belief::Sold, "{number}");
        shop.clerk.order(TerminalOrder::EndOfDay);
        assert_eq!(closed(&mut shop.clerk).await, DayOutcome::Refused { result_code: 0x77 }, "{number}");
        assert_eq!(shop.sell(Plan::default()).await, Belief::NotCharged(Some(0xf0)), "{number}");
        shop.clerk.order(TerminalOrder::EndOfDay);
        let DayOutcome::Closed { totals } = closed(&mut shop.clerk).await else { panic!("{number}") };
        assert_eq!(totals.map(|totals| totals.sum_minor), Some(1_500), "{number}");
        shop.clerk.health = None;
        shop.clerk.until_health(&TerminalHealth::Ready).await;
        assert_eq!(shop.sell(Plan::default()).await, Belief::Sold, "{number}");
        shop.terminal.panel().close_day_unasked();
        while !matches!(shop.clerk.next().await, TerminalEvent::DayClosed { unasked: true, .. }) {}
    }
}

async fn closed(clerk: &mut Clerk) -> DayOutcome {
    loop {
        if let TerminalEvent::DayClosed { outcome, unasked: false } = clerk.next().await {
            return outcome;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f35_numbers_wrap_and_every_field_may_hold_a_dle() {
    for number in 0..DIALECTS.len() {
        let options = |options: &mut TerminalOptions| {
            options.next_receipt = 9_999;
            options.next_trace = 101_010;
            options.terminal_id = 10_101_010;
        };
        let mut shop = Shop::open(number, options, |_| {}).await;
        for minor in [101_010_101_010, 1_010, 10] {
            assert_eq!(shop.sell(Plan { minor, ..Plan::default() }).await, Belief::Sold, "{number} {minor}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f36_a_wrong_password_or_currency_is_the_configurations_fault() {
    for number in 0..DIALECTS.len() {
        for (password, currency) in [(654_321, 978), (123_456, 756)] {
            let (dialect, theirs) = DIALECTS[number];
            let set = TerminalOptions { password, currency, ..TerminalOptions::of(theirs()) };
            let (_terminal, dialler) = TerminalSim::in_memory(set);
            let mut clerk = Clerk::new(config(dialect), Port(dialler));
            while matches!(clerk.health, None | Some(TerminalHealth::Busy)) {
                clerk.next().await;
            }
            let ready = clerk.health == Some(TerminalHealth::Ready);
            let looks_away = dialect == Dialect::CardcompleteValina && currency != 978;
            assert_eq!(ready, looks_away, "{number}: {:?}", clerk.health);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_hold_test_measures_and_never_keeps_money() {
    for number in 0..DIALECTS.len() {
        for (hold_max, seconds, at_least) in [(Some(s(14)), 8..=14, false), (None, 100..=160, true)] {
            let shop = Shop::open(number, |options| options.hold_max = hold_max, |_| {}).await;
            let amount = Amount::new(100, Currency::EUR);
            let report = shop.clerk.terminal.perform(OperatorTask::HoldTest { amount }).await.unwrap();
            let hold = report.hold.unwrap_or_else(|| panic!("{number}: {report:?}"));
            assert!(report.ok && seconds.contains(&hold.seconds), "{number}: {report:?}");
            assert!(hold.at_least == at_least || hold_max.is_none(), "{number}: {report:?}");
            assert_eq!(shop.terminal.ledger().book().paid_minor(), 0, "{number}");
        }
    }
}
