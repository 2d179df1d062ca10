//! The table of faults, F01 to F37, run in every dialect.

use std::io::{self, Write};
use std::time::Duration;

use super::counter::{Around, Counter, Outcome};
use super::in_virtual_time;
use super::modes::Mode;
use super::table::{Case, Setup, table};
use super::verdict::{Counts, End, wrongs};
use crate::money::Currency;
use crate::payment::zvt::{Dialect as Known, Password, ZvtConfig};
use crate::sale::Terms;
use crate::sim::terminal::{Dialect, LedgerPayment, Stranded, TerminalOptions, TerminalPanel, TerminalSim};

/// The longest hold that these terminals were measured to keep, in milliseconds.
const HOLD_MS: u64 = 90_000;
/// Kills at records that come after the last one do nothing: a sale has fewer.
const RECORDS_MAX: usize = 16;

/// How much is told about sales that went wrong.
const STORY_LINES_MAX: usize = 400;

/// The product's configuration for a family of terminals.
pub(super) fn config(dialect: &Dialect) -> ZvtConfig {
    let known = match dialect.name {
        "cardcomplete-valina" => Known::CardcompleteValina,
        "hobex" => Known::Hobex,
        "gp-pax" => Known::GpPax,
        "feig" => Known::Feig,
        _ => Known::Spec,
    };
    let Some(password) = Password::new("123456") else { unreachable!("six digits") };
    let mut config = ZvtConfig::new(known, password, Currency::EUR);
    config.wall_clock = || jiff::civil::date(2026, 3, 14).at(12, 0, 0, 0);
    config
}

pub(super) fn terms(dialect: &Dialect) -> Terms {
    Terms { hold_ms: HOLD_MS, no_query: dialect.repeat_is_empty, ..Terms::default() }
}

/// What one case came to.
struct Came {
    ends: Vec<End>,
    wrongs: Vec<String>,
    faults: u64,
    kills: u32,
    story: Vec<String>,
}

/// Runs the table in these modes.
pub(super) fn run(modes: &[Mode], only: Option<&str>, out: &mut dyn Write) -> io::Result<Counts> {
    let began = std::time::Instant::now();
    let mut counts = Counts { run: "matrix", ..Counts::default() };
    let (mut faults, mut stories) = (Vec::new(), Vec::new());
    for mode in modes {
        writeln!(out, "{}", mode.words())?;
        run_mode(*mode, only, out, &mut counts, (&mut faults, &mut stories))?;
    }
    for fault in &faults {
        writeln!(out, "{fault}")?;
    }
    for line in stories.iter().take(STORY_LINES_MAX) {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "per cell: a terminal that reverses a stranded payment / one that keeps it; D delivered, n not charged, \
         r refunded, a acquirer's case, ? operator's case, ! never ended"
    )?;
    counts.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(counts)
}

fn run_mode(
    mode: Mode,
    only: Option<&str>,
    out: &mut dyn Write,
    counts: &mut Counts,
    (faults, stories): (&mut Vec<String>, &mut Vec<String>),
) -> io::Result<()> {
    let dialects = Dialect::all();
    write!(out, "{:<6}{:<52}", "", "")?;
    for dialect in &dialects {
        write!(out, "{:<12}", dialect.name.get(..10.min(dialect.name.len())).unwrap_or(dialect.name))?;
    }
    writeln!(out)?;
    for case in table().into_iter().filter(|case| only.is_none_or(|only| case.id.starts_with(only))) {
        write!(out, "{:<6}{:<52}", case.id, case.what)?;
        for (place, dialect) in dialects.iter().enumerate() {
            let mut ends = Vec::new();
            for stranded in [Stranded::Reverses, Stranded::Keeps] {
                let came = run_case(&case, mode, dialect, stranded, counts)?;
                ends.push(came.ends.iter().map(|end| end.letter()).collect::<String>());
                counts.faults += came.faults;
                counts.kills += came.kills;
                for wrong in came.wrongs {
                    counts.mismatches += 1;
                    faults.push(format!("{} {} {stranded:?}: {wrong}", case.id, dialect.name));
                }
                stories.extend(came.story);
            }
            let cell = ends.join("/");
            let wanted = mode.ending(case.id, place);
            if wanted != Some(cell.as_str()) {
                counts.mismatches += 1;
                let wanted = wanted.unwrap_or("nothing yet");
                faults.push(format!(
                    "{} {}, {}: ended {cell}, written down is {wanted}",
                    case.id,
                    dialect.name,
                    mode.words()
                ));
            }
            write!(out, "{cell:<12}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn run_case(case: &Case, mode: Mode, dialect: &Dialect, stranded: Stranded, counts: &mut Counts) -> io::Result<Came> {
    let mut came = Came { ends: Vec::new(), wrongs: Vec::new(), faults: 0, kills: 0, story: Vec::new() };
    let kills: Vec<Option<usize>> = if case.kills { (1..=RECORDS_MAX).map(Some).collect() } else { vec![None] };
    for killed_at in kills {
        let sold_before = (mode != Mode::New).then_some(700);
        let options = TerminalOptions { stranded, sold_before, ..TerminalOptions::of(dialect.clone()) };
        let mut setup = Setup::new(options);
        (case.arrange)(&mut setup);
        setup.around.killed_at = killed_at.or(setup.around.killed_at);
        let (outcomes, faults) = in_virtual_time(play(setup, mode))?;
        came.faults += faults;
        let mut died = false;
        for (outcome, payments) in &outcomes {
            let end = End::of(outcome);
            died |= outcome.killed;
            came.kills += u32::from(outcome.killed);
            let wrong_before = came.wrongs.len();
            came.wrongs.extend(wrongs(outcome, payments, counts));
            let doubt_allowed = (dialect.repeat_is_empty || mode == Mode::New) && end == End::Doubtful;
            if mode != Mode::CannotHold && !(case.allowed)(dialect).contains(&end) && !doubt_allowed {
                let evidence: Vec<_> = outcome.sale.cases.iter().map(|case| &case.evidence).collect();
                let story = payments.last().map(|p| (p.state, p.reversal, p.paid_minor));
                came.wrongs.push(format!("{end:?} is not what the table wants: {evidence:?}, ledger {story:?}"));
            }
            if came.wrongs.len() > wrong_before {
                came.story.push(format!("--- {} {} {stranded:?}, killed at {killed_at:?}", case.id, dialect.name));
                came.story.extend(outcome.story.iter().cloned());
            }
            if !came.ends.contains(&end) {
                came.ends.push(end);
            }
        }
        if case.kills && !died {
            break;
        }
    }
    Ok(came)
}

/// Plays the sales of one case at one terminal.
async fn play(setup: Setup, mode: Mode) -> (Vec<(Outcome, Vec<LedgerPayment>)>, u64) {
    let (config, terms) = (config(&setup.options.dialect), terms(&setup.options.dialect));
    let (sim, dialler) = TerminalSim::in_memory(setup.options);
    let panel = sim.panel();
    for rule in setup.rules {
        panel.fault(rule);
    }
    if let Some(prepare) = setup.prepare {
        prepare(&panel);
    }
    let mut counter =
        Counter::new(dialler, mode.configure((setup.configure)(config)), mode.agree((setup.terms)(terms)));
    let mut outcomes = Vec::new();
    for number in 0..setup.sales {
        let before = sim.ledger().book().payments.len();
        let around = if number + 1 == setup.sales { setup.around.clone() } else { Around::default() };
        let outcome = counter.sell(around).await;
        settle(&mut counter, &panel).await;
        outcomes.push((outcome, sim.ledger().book().payments.split_off(before)));
    }
    (outcomes, panel.faults_struck())
}

/// Until the terminal is at rest: what it does after the sale's end counts too.
pub(super) async fn settle(counter: &mut Counter, panel: &TerminalPanel) {
    for _ in 0..40 {
        counter.rest(Duration::from_secs(30)).await;
        if panel.is_at_rest() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play_all(mode: Mode) {
        let mut out = Vec::new();
        let only = std::env::var("TORTURE_ONLY").ok();
        let counts = run(&[mode], only.as_deref(), &mut out).unwrap();
        let table = String::from_utf8(out).unwrap();
        assert_eq!(counts.mismatches, 0, "\n{table}");
        assert!(only.is_some() || (counts.cases > 500 && counts.faults > 200), "{counts:?}");
    }

    #[test]
    fn the_matrix_finds_no_story_that_is_not_the_ledger_s() {
        play_all(Mode::Usual);
    }

    #[test]
    fn a_new_terminal_leaves_doubts_and_loses_nothing() {
        play_all(Mode::New);
    }

    #[test]
    fn the_matrix_is_the_same_whoever_prints_the_receipts() {
        play_all(Mode::OtherPrinter);
    }

    #[test]
    fn the_matrix_holds_for_terminals_that_cannot_hold() {
        play_all(Mode::CannotHold);
    }
}
