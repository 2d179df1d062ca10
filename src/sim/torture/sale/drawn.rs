//! What came of sales by chance.

use std::collections::BTreeMap;
use std::time::Duration;

use super::books::Kind;
use super::cells::Cells;
use super::draws::Trouble;

/// So many stories are kept.
const STORIES_MAX: usize = 20;
/// A trouble that was drawn so often must have struck.
const OFTEN: u64 = 100;

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Drawn {
    /// Sales that travellers began to buy.
    pub sales: u64,
    /// Of these, with a fault drawn for them.
    pub faulty: u64,
    /// Programs that died.
    pub deaths: u64,
    /// Claim codes that were typed.
    pub claims: u64,
    /// Sales from stock, sales for later, and what was bought after all.
    pub ways: [u64; 3],
    /// How the sales ended: by their closing, or by their money where they are open.
    pub ended: BTreeMap<String, u64>,
    /// Ends of day.
    pub days: u64,
    /// Stands with the product's own database.
    pub in_files: u64,
    /// How often each trouble was drawn, and how often it struck.
    pub troubles: BTreeMap<Trouble, (u64, u64)>,
    /// Where the programs died.
    pub cells: Cells,
    /// Stands at which something was wrong, and troubles that never struck.
    pub mismatches: usize,
    /// How often each thing was wrong.
    pub kinds: BTreeMap<Kind, usize>,
    /// The seeds of these stands, with their stories.
    pub stories: Vec<String>,
    /// Of everything that was written down, in order: the same for the same seed.
    pub digest: u64,
    pub(super) took: Duration,
}

impl Drawn {
    pub(super) fn add(&mut self, other: Drawn) {
        self.sales += other.sales;
        self.faulty += other.faulty;
        self.deaths += other.deaths;
        self.claims += other.claims;
        self.days += other.days;
        self.in_files += other.in_files;
        for (sum, more) in self.ways.iter_mut().zip(other.ways) {
            *sum += more;
        }
        for (trouble, (drawn, struck)) in other.troubles {
            let sum = self.troubles.entry(trouble).or_default();
            *sum = (sum.0 + drawn, sum.1 + struck);
        }
        for (how, count) in other.ended {
            *self.ended.entry(how).or_default() += count;
        }
        self.cells.add(other.cells);
        self.mismatches += other.mismatches;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.stories.extend(other.stories);
        self.stories.truncate(STORIES_MAX);
        // Stands end in any order.
        self.digest = self.digest.wrapping_add(other.digest);
    }

    /// What was drawn again and again and never struck proves nothing: that is a mismatch.
    pub(super) fn look_for_teeth(&mut self) {
        for (trouble, (drawn, struck)) in &self.troubles {
            if *drawn >= OFTEN && *struck == 0 {
                self.mismatches += 1;
                *self.kinds.entry(Kind::Toothless).or_default() += 1;
                self.stories.push(format!("{trouble:?} was drawn {drawn} times and never struck"));
            }
        }
    }

    /// What went wrong and, last, one line of JSON.
    pub fn print(&self) -> String {
        let count = |kind| self.kinds.get(&kind).copied().unwrap_or(0);
        let ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let [from_stock, for_later, kept] = self.ways;
        let troubles: BTreeMap<String, (u64, u64)> =
            self.troubles.iter().map(|(trouble, counts)| (trouble.word(), *counts)).collect();
        let counts = serde_json::json!({
            "run": "sale, random",
            "cases": self.sales,
            "faulty": self.faulty,
            "faulty_per_mille": self.faulty * 1_000 / self.sales.max(1),
            "troubles_drawn_and_struck": troubles,
            "deaths": self.deaths,
            "claims": self.claims,
            "from_stock": from_stock,
            "for_later": for_later,
            "bought_after_all": kept,
            "ended": self.ended,
            "days": self.days,
            "stands_in_files": self.in_files,
            "cells": self.cells.reached(),
            "mismatches": self.mismatches,
            "double_charges": count(Kind::DoubleCharge),
            "charged_for_nothing": count(Kind::ChargedForNothing),
            "goods_for_nothing": count(Kind::GoodsForNothing),
            "money_told_wrong": count(Kind::MoneyToldWrong),
            "stray_commits": count(Kind::StrayCommit),
            "double_orders": count(Kind::DoubleOrder),
            "lost_records": count(Kind::LostRecord),
            "wrong_codes": count(Kind::WrongCode),
            "acted_in_doubt": count(Kind::ActedInDoubt),
            "stuck": count(Kind::Stuck),
            "toothless": count(Kind::Toothless),
            "digest": format!("{:016x}", self.digest),
            "took_ms": ms,
            "sales_per_s": self.sales * 1_000 / ms.max(1),
        });
        let mut text = self.stories.join("\n");
        text.push('\n');
        text.push_str(&self.cells.print());
        text.push_str(&counts.to_string());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_strikes_is_a_mismatch() {
        let mut drawn = Drawn::default();
        drawn.troubles.insert(Trouble::Line, (OFTEN, 0));
        drawn.troubles.insert(Trouble::Disk, (OFTEN, 1));
        drawn.look_for_teeth();
        assert_eq!((drawn.mismatches, drawn.kinds.get(&Kind::Toothless)), (1, Some(&1)));
    }
}
