//! What came of a torture: totals, and the same by fault, moment, model and wire.

use std::collections::BTreeMap;
use std::fmt;

use super::Case;

/// So many faults are told in words.
const TOLD: usize = 20;

/// Cases, and what was said and seen in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Cases played.
    pub cases: u32,
    /// Cases in which the fault struck.
    pub struck: u32,
    /// First receipts that the kiosk called printed.
    pub confirmed: u32,
    /// Of which it said that surely nothing is on paper.
    pub not_printed: u32,
    /// Of which it said that perhaps something is.
    pub unknown: u32,
    /// The kiosk said what the paper does not show.
    pub mismatches: u32,
    /// Papers with ink of two travellers.
    pub foreign: u32,
    /// Commands that no reference has.
    pub unknown_commands: u32,
    /// Printers that had to be switched off and on: a command whose length was lost waits for bytes for ever.
    pub restarted: u32,
    /// Confirmed, with letters lost on a serial line: nobody can know.
    pub blemished: u32,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.cases += other.cases;
        self.struck += other.struck;
        self.confirmed += other.confirmed;
        self.not_printed += other.not_printed;
        self.unknown += other.unknown;
        self.mismatches += other.mismatches;
        self.foreign += other.foreign;
        self.unknown_commands += other.unknown_commands;
        self.restarted += other.restarted;
        self.blemished += other.blemished;
    }
}

/// The account of a whole torture. As JSON its totals stand beside the tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// All of it.
    #[serde(flatten)]
    pub total: Tally,
    /// By fault.
    pub faults: BTreeMap<&'static str, Tally>,
    /// By the moment at which it strikes.
    pub moments: BTreeMap<&'static str, Tally>,
    /// By model.
    pub models: BTreeMap<&'static str, Tally>,
    /// By kind of wire.
    pub wires: BTreeMap<&'static str, Tally>,
    /// What went wrong, in words; the first few.
    pub wrong: Vec<String>,
}

impl Counts {
    /// Whether the kiosk was right in every case.
    pub fn is_clean(&self) -> bool {
        self.total.mismatches == 0 && self.total.foreign == 0 && self.total.unknown_commands == 0
    }

    /// The account as one JSON object.
    ///
    /// # Errors
    /// Never in practice: there is nothing in it that JSON lacks.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    pub(super) fn note(&mut self, case: &Case, tally: Tally, wrong: &[String]) {
        self.total.add(tally);
        self.faults.entry(case.fault.name()).or_default().add(tally);
        self.moments.entry(case.moment()).or_default().add(tally);
        self.models.entry(case.model.name).or_default().add(tally);
        self.wires.entry(case.way.name()).or_default().add(tally);
        self.tell(wrong.iter().map(|what| format!("{case}: {what}")));
    }

    pub(super) fn add(&mut self, other: Counts) {
        self.total.add(other.total);
        let tables = [
            (&mut self.faults, other.faults),
            (&mut self.moments, other.moments),
            (&mut self.models, other.models),
            (&mut self.wires, other.wires),
        ];
        for (table, more) in tables {
            more.into_iter().for_each(|(name, tally)| table.entry(name).or_default().add(tally));
        }
        self.tell(other.wrong);
    }

    fn tell(&mut self, wrong: impl IntoIterator<Item = String>) {
        let room = TOLD.saturating_sub(self.wrong.len());
        self.wrong.extend(wrong.into_iter().take(room));
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16}{:>7}{:>8}{:>11}{:>13}{:>9}{:>12}{:>9}",
            "", "cases", "struck", "confirmed", "not printed", "unknown", "mismatches", "foreign"
        )?;
        for (title, table) in
            [("fault", &self.faults), ("moment", &self.moments), ("model", &self.models), ("wire", &self.wires)]
        {
            writeln!(f, "{title}")?;
            table.iter().try_for_each(|(name, tally)| row(f, &format!("  {name}"), tally))?;
        }
        row(f, "all", &self.total)?;
        writeln!(
            f,
            "commands that do not exist: {}; printers switched off and on: {}; letters that a noisy line lost unseen: {} receipts",
            self.total.unknown_commands, self.total.restarted, self.total.blemished
        )?;
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "WRONG {wrong}"))
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, tally: &Tally) -> fmt::Result {
    writeln!(
        f,
        "{name:<16}{:>7}{:>8}{:>11}{:>13}{:>9}{:>12}{:>9}",
        tally.cases, tally.struck, tally.confirmed, tally.not_printed, tally.unknown, tally.mismatches, tally.foreign
    )
}
