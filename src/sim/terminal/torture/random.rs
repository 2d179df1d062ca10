//! Payments with faults by chance.

use std::io::{self, Write};
use std::time::Duration;

use super::cases::{config, settle, terms};
use super::counter::{Around, Counter, Provider};
use super::in_virtual_time;
use super::verdict::{Counts, wrongs};
use crate::sim::chance::Chance;
use crate::sim::terminal::{Bank, Cardholder, Dialect, Pin, RandomFaults, Stranded, TerminalOptions, TerminalSim};

/// Sales at one terminal before the next is taken from the box.
const SALES_PER_TERMINAL: u32 = 12;
/// How many wrong sales are told with all that was said on the line.
const STORIES_MAX: u32 = 2;
/// How many lines are told about wrong sales.
const TOLD_MAX: usize = 600;

/// Runs so many payments.
pub(super) fn run(payments: u32, seed: u64, out: &mut dyn Write) -> io::Result<Counts> {
    let began = std::time::Instant::now();
    let mut counts = Counts { run: "random", seed: Some(seed), ..Counts::default() };
    let mut told = Vec::new();
    let mut terminal = 0u64;
    while counts.cases < payments {
        let sales = SALES_PER_TERMINAL.min(payments - counts.cases);
        // The first terminal of a seed is that seed itself, so that a told sale can be played alone.
        let own_seed = seed.wrapping_add(terminal);
        in_virtual_time(serve(own_seed, sales, &mut counts, &mut told))?;
        terminal += 1;
    }
    for line in told.iter().take(TOLD_MAX) {
        writeln!(out, "{line}")?;
    }
    counts.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let each = u128::from(counts.took_ms) * 1_000 / u128::from(counts.cases.max(1));
    writeln!(
        out,
        "{} payments, seed {seed}, {} faults, {} kills, {each} us each: {} delivered, {} not charged, {} refunded, \
         {} acquirer's cases, {} operator's cases",
        counts.cases,
        counts.faults,
        counts.kills,
        counts.delivered,
        counts.not_charged,
        counts.refunded,
        counts.refund_due,
        counts.doubtful
    )?;
    Ok(counts)
}

async fn serve(seed: u64, sales: u32, counts: &mut Counts, told: &mut Vec<String>) {
    let mut chance = Chance::new(seed);
    let options = options(&mut chance);
    let name = options.dialect.name;
    let stranded = options.stranded;
    let (config, terms) = (config(&options.dialect), terms(&options.dialect));
    let (sim, dialler) = TerminalSim::in_memory(options);
    let panel = sim.panel();
    let mut counter = Counter::new(dialler, config, terms);
    counter.rest(Duration::from_secs(10)).await;
    let per_mille = u16::try_from(chance.between(100, 300)).unwrap_or(100);
    let violent = chance.per_mille(500);
    panel.random_faults(Some(RandomFaults { seed, per_mille, violent }));
    for number in 0..sales {
        panel.always(cardholder(&mut chance));
        let around = around(&mut chance);
        let before = sim.ledger().book().payments.len();
        let outcome = counter.sell(around.clone()).await;
        settle(&mut counter, &panel).await;
        counts.kills += u32::from(outcome.killed);
        let payments = sim.ledger().book().payments.split_off(before);
        for wrong in wrongs(&outcome, &payments, counts) {
            counts.mismatches += 1;
            told.push(format!("seed {seed} {name} {stranded:?} sale {number}: {wrong}; {around:?}; {payments:?}"));
            if counts.mismatches <= STORIES_MAX {
                told.extend(outcome.story.iter().cloned());
            }
        }
    }
    counts.faults += panel.faults_struck();
}

fn options(chance: &mut Chance) -> TerminalOptions {
    let dialect = chance.pick(&Dialect::all()).cloned().unwrap_or_else(Dialect::spec);
    let mut options = TerminalOptions::of(dialect);
    options.stranded = if chance.per_mille(500) { Stranded::Reverses } else { Stranded::Keeps };
    options.busy_repeats_receipt = chance.per_mille(300);
    options.aborts_after_booking = chance.per_mille(50);
    options.forgets_registration = chance.per_mille(300);
    options.message_ids = chance.per_mille(300);
    options.hold_max = chance.per_mille(200).then(|| Duration::from_secs(chance.between(8, 100)));
    options.reversal_wants_card = chance.per_mille(50);
    options.completion_takes = Duration::from_millis(chance.between(0, 8_000));
    options.next_receipt = u16::try_from(chance.between(9_980, 9_999)).unwrap_or(1);
    options.next_trace = u32::try_from(chance.between(101_000, 101_010)).unwrap_or(1);
    options.chatter = chance.per_mille(300).then(|| Duration::from_millis(chance.between(300, 5_000)));
    options
}

fn cardholder(chance: &mut Chance) -> Cardholder {
    let s = Duration::from_secs;
    let pin = match chance.below(10) {
        0 => Pin::Stops { after: s(3) },
        1 => Pin::Types { each: s(4), wrong: u8::try_from(chance.below(4)).unwrap_or(0) },
        2 => Pin::Types { each: s(6), wrong: 0 },
        _ => Pin::NotAsked,
    };
    let bank = match chance.below(20) {
        0 => Bank::Declines { code: 5, text: "Karte abgelehnt".to_owned() },
        1 => Bank::Unreachable,
        2 => Bank::ApprovesOnly(chance.between(1, 1_000)),
        3 => Bank::ApprovesOffline,
        _ => Bank::Approves,
    };
    Cardholder {
        presents: (!chance.per_mille(30)).then(|| s(chance.between(0, 20))),
        pin,
        bank,
        latency: Duration::from_millis(chance.between(100, 12_000)),
        last_four: u16::try_from(chance.below(10_000)).unwrap_or(0),
        ..Cardholder::default()
    }
}

fn around(chance: &mut Chance) -> Around {
    let s = Duration::from_secs;
    let provider = match chance.below(10) {
        0 => Provider::Refuses(s(chance.between(0, 30))),
        1 => Provider::Forgets(s(chance.between(10, 500))),
        2 => Provider::Delivers(s(chance.between(30, 120))),
        _ => Provider::Delivers(Duration::from_millis(chance.between(300, 12_000))),
    };
    Around {
        amount_minor: i64::try_from(chance.between(1_001, 101_010)).unwrap_or(1_500),
        provider,
        cancels_after: chance.per_mille(100).then(|| Duration::from_millis(chance.between(0, 25_000))),
        killed_at: chance.per_mille(100).then(|| usize::try_from(chance.between(1, 12)).unwrap_or(1)),
        hold_seconds: u8::try_from(chance.between(20, 120)).unwrap_or(120),
        hold_count: u8::try_from(chance.between(3, 60)).unwrap_or(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hundred_payments_on_a_bad_line_and_every_story_is_the_ledger_s() {
        let mut out = Vec::new();
        let number = |name, usual| std::env::var(name).ok().and_then(|n: String| n.parse().ok()).unwrap_or(usual);
        let counts = run(number("TORTURE_PAYMENTS", 300) as u32, number("TORTURE_SEED", 1), &mut out).unwrap();
        eprintln!("{}", String::from_utf8_lossy(&out));
        let table = String::from_utf8(out).unwrap();
        assert_eq!(counts.mismatches, 0, "\n{table}");
        assert!(counts.faults > 500 && counts.delivered > 50 && counts.not_charged > 30, "{counts:?}");
    }
}
