//! The rules as a model: the product's own transition function (`src/sale/`), stepped by every event that may come,
//! with a crash before and after each effect, breadth first over all worlds that can be reached.
//!
//! The terminal, the providers, the journal and the clock around it are abstract and keep their own truth; in every
//! world the truth is compared with what the sales believe, say and show (`promises`), and from every world a way
//! without further faults must lead to an end: closed, or a case for a person.
//!
//! What is assumed, since no source states it, is a switch of a [`Scene`]: a busy terminal that answers `06 20` with
//! the old transaction, and `06 1E` after a booked payment.

mod asked;
mod device;
mod goods;
mod key;
mod moves;
mod older;
mod person;
mod promises;
mod scene;
mod scenes;
mod search;
mod step;
#[cfg(test)]
mod tests;
mod world;

use std::io::{self, Write};

pub use scene::{Mutant, Scene, Ware};
pub use scenes::{control, scenes};
pub use search::{Found, Trace};

/// Worlds of each scene where no size is given: what a machine does within two minutes.
pub const SMALL: usize = 20_000;

/// Worlds of a rule that is broken on purpose: it is noticed within so many.
pub const CONTROL: usize = 80_000;

/// Enumerates a scene, at most `limit` worlds of it.
pub fn enumerate(scene: &Scene, limit: usize) -> Found {
    search::enumerate(scene, limit)
}

/// What a whole run found.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Report {
    /// Scenes and broken rules.
    pub cases: usize,
    /// Worlds.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Scenes that were enumerated to their end.
    pub whole: usize,
    /// Rules broken on purpose.
    pub controls: usize,
    /// How many of them were noticed.
    pub caught: usize,
    /// Broken promises, and broken rules that nobody noticed.
    pub mismatches: usize,
}

/// Enumerates every scene, at most `size` worlds of each, and then every rule broken on purpose. Prints a table and
/// the way to each broken promise; the last line is one JSON object.
///
/// # Errors
/// What cannot be printed.
pub fn run(size: Option<usize>, out: &mut dyn Write) -> io::Result<Report> {
    let limit = size.unwrap_or(SMALL);
    let mut report = Report::default();
    writeln!(out, "{:48} {:>9} {:>10} {:>6}", "scene", "worlds", "steps", "depth")?;
    for scene in scenes() {
        let found = enumerate(&scene, limit);
        let end = match (&found.broken, found.cut) {
            (Some(_), _) => "BROKEN",
            (None, true) => "cut",
            (None, false) => "whole",
        };
        writeln!(out, "{:48} {:>9} {:>10} {:>6} {end}", scene.name, found.states, found.edges, found.depth)?;
        report.cases += 1;
        report.states += found.states;
        report.steps += found.edges;
        report.whole += usize::from(end == "whole");
        if let Some(trace) = found.broken {
            report.mismatches += 1;
            tell(out, &trace)?;
        }
    }
    for mutant in Mutant::ALL {
        broken_on_purpose(mutant, limit, &mut report, out)?;
    }
    writeln!(out, "{}", serde_json::to_string(&report).map_err(io::Error::other)?)?;
    Ok(report)
}

/// One rule broken on purpose and nothing else, with the way on which that was noticed. Not to notice it is a mismatch.
///
/// # Errors
/// What cannot be printed.
pub fn run_control(mutant: Mutant, size: Option<usize>, out: &mut dyn Write) -> io::Result<Report> {
    let mut report = Report::default();
    if let Some(trace) = broken_on_purpose(mutant, size.unwrap_or(CONTROL), &mut report, out)? {
        tell(out, &trace)?;
    }
    writeln!(out, "{}", serde_json::to_string(&report).map_err(io::Error::other)?)?;
    Ok(report)
}

fn broken_on_purpose(
    mutant: Mutant,
    limit: usize,
    report: &mut Report,
    out: &mut dyn Write,
) -> io::Result<Option<Trace>> {
    let found = enumerate(&control(mutant), limit.max(CONTROL));
    report.cases += 1;
    report.controls += 1;
    report.states += found.states;
    report.steps += found.edges;
    match &found.broken {
        Some(trace) => {
            report.caught += 1;
            let (steps, worlds) = (trace.way.len(), found.states);
            writeln!(
                out,
                "broken on purpose: {mutant:?}: noticed after {steps} steps in {worlds} worlds: {}",
                trace.what
            )?;
        }
        None => {
            report.mismatches += 1;
            writeln!(out, "broken on purpose: {mutant:?}: NOT NOTICED in {} worlds", found.states)?;
        }
    }
    Ok(found.broken)
}

fn tell(out: &mut dyn Write, trace: &Trace) -> io::Result<()> {
    writeln!(out, "    {}", trace.what)?;
    trace.way.iter().try_for_each(|step| writeln!(out, "        {step}"))
}
