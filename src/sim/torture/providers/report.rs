//! What came of a run: a table, and the counts.

use std::collections::BTreeMap;

use serde::Serialize;

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Delivered at the first answer, or after fetching.
    Done,
    /// Unknown, then found.
    Adopted,
    /// Unknown, then proven absent.
    Absent,
    /// Unknown, then for a person.
    Case,
    /// Refused.
    Refused,
    /// Never sent.
    NeverSent,
}

/// What came of the run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The run's name.
    pub torture: &'static str,
    /// Seed.
    pub seed: u64,
    /// Cases.
    pub cases: usize,
    /// Cases in which something was wrong.
    pub mismatches: usize,
    /// Most orders that one sale had in a ledger.
    pub most_orders_per_sale: usize,
    /// Ends, by provider and operation.
    pub ends: BTreeMap<String, BTreeMap<End, usize>>,
    /// What was wrong.
    pub wrong: Vec<String>,
}

impl Report {
    /// The table, and as the last line the counts as JSON.
    pub fn print(&self) -> String {
        let ends = [End::Done, End::Adopted, End::Absent, End::Case, End::Refused, End::NeverSent];
        let mut text = format!("{:<18}", "");
        for end in ends {
            text.push_str(&format!("{:>10}", format!("{end:?}")));
        }
        text.push('\n');
        for (name, counts) in &self.ends {
            text.push_str(&format!("{name:<18}"));
            for end in ends {
                text.push_str(&format!("{:>10}", counts.get(&end).copied().unwrap_or(0)));
            }
            text.push('\n');
        }
        for wrong in &self.wrong {
            text.push_str(&format!("WRONG {wrong}\n"));
        }
        let json = serde_json::to_string(self).unwrap_or_default();
        text.push_str(&format!("{json}\n"));
        text
    }
}
