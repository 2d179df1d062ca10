//! What came of sales by chance.

use std::collections::BTreeMap;
use std::time::Duration;

use super::books::Kind;

/// So many stories are kept.
const STORIES_MAX: usize = 20;

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
    /// Stands at which something was wrong.
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
        self.mismatches += other.mismatches;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.stories.extend(other.stories);
        self.stories.truncate(STORIES_MAX);
        // Stands end in any order.
        self.digest = self.digest.wrapping_add(other.digest);
    }

    /// What went wrong and, last, one line of JSON.
    pub fn print(&self) -> String {
        let count = |kind| self.kinds.get(&kind).copied().unwrap_or(0);
        let ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let counts = serde_json::json!({
            "run": "sale, random",
            "cases": self.sales,
            "faulty": self.faulty,
            "deaths": self.deaths,
            "claims": self.claims,
            "mismatches": self.mismatches,
            "double_charges": count(Kind::DoubleCharge),
            "charged_for_nothing": count(Kind::ChargedForNothing),
            "goods_for_nothing": count(Kind::GoodsForNothing),
            "money_told_wrong": count(Kind::MoneyToldWrong),
            "stray_commits": count(Kind::StrayCommit),
            "double_orders": count(Kind::DoubleOrder),
            "lost_records": count(Kind::LostRecord),
            "wrong_codes": count(Kind::WrongCode),
            "stuck": count(Kind::Stuck),
            "digest": format!("{:016x}", self.digest),
            "took_ms": ms,
            "sales_per_s": self.sales * 1_000 / ms.max(1),
        });
        let mut text = self.stories.join("\n");
        text.push('\n');
        text.push_str(&counts.to_string());
        text
    }
}
