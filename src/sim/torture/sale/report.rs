//! What came of a table of cuts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::blade::Cut;
use super::books::Kind;
use super::cells::{Cell, Cells};
use crate::sim::terminal::Stranded;

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Scenarios, each for both kinds of terminals.
    pub scenarios: usize,
    /// Runs that were cut once, uncut runs not counted.
    pub cuts: usize,
    /// Runs whose start after the cut was cut again.
    pub pairs: usize,
    /// Runs in which something was wrong, and scenarios without teeth.
    pub mismatches: usize,
    /// How often each thing was wrong.
    pub kinds: BTreeMap<Kind, usize>,
    /// Where the cuts fell.
    pub cells: Cells,
    /// For some cells the first runs that went through them: scenario, terminal and the one cut.
    pub(super) ways: BTreeMap<Cell, Vec<(&'static str, Stranded, Cut)>>,
    pub(super) faults: Vec<String>,
    pub(super) below: bool,
    pub(super) took: Duration,
}

impl Report {
    fn count(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// The faults, the table of money and goods and, last, one line of JSON.
    pub(super) fn tail(&self) -> String {
        let mut text = String::new();
        for fault in self.faults.iter().take(60) {
            text.push_str(fault);
            text.push('\n');
        }
        text.push_str(&self.cells.print());
        let counts = serde_json::json!({
            "run": if self.below { "sale, faults below SQLite" } else { "sale" },
            "scenarios": self.scenarios,
            "cases": self.cuts + self.pairs,
            "cuts": self.cuts,
            "cut_twice": self.pairs,
            "cells": self.cells.reached(),
            "cells_missed": self.cells.missed().len(),
            "mismatches": self.mismatches,
            "double_charges": self.count(Kind::DoubleCharge),
            "charged_for_nothing": self.count(Kind::ChargedForNothing),
            "goods_for_nothing": self.count(Kind::GoodsForNothing),
            "money_told_wrong": self.count(Kind::MoneyToldWrong),
            "stray_commits": self.count(Kind::StrayCommit),
            "double_orders": self.count(Kind::DoubleOrder),
            "lost_records": self.count(Kind::LostRecord),
            "wrong_codes": self.count(Kind::WrongCode),
            "acted_in_doubt": self.count(Kind::ActedInDoubt),
            "stuck": self.count(Kind::Stuck),
            "toothless": self.count(Kind::Toothless),
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        });
        text.push_str(&counts.to_string());
        text
    }
}
