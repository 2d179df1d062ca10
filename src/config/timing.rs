//! `[timing]` and `[sync]`: how long things take. The numbers of the rules are sale.md's; tests shorten them.

use std::path::PathBuf;

use serde::Deserialize;

use super::Config;
use super::read::Document;
use crate::sale::Terms;

/// `[timing]`, all in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// Before the end of a hold nothing is committed any more.
    pub margin_ms: u64,
    /// How long an approval waits before it is answered "not yet".
    pub not_yet_ms: u64,
    /// How long a Completion may take.
    pub completion_ms: u64,
    /// How long goods may take after the money became known.
    pub goods_ms: u64,
    /// How long a claim code opens a paid eSIM.
    pub claim_ms: u64,
    /// How long an unanswered question about money is asked again before it becomes a case.
    pub query_ms: u64,
    /// Look-ups that count for absence lie so far apart.
    pub absent_spacing_ms: u64,
    /// The last of them lies so long after the order.
    pub absent_after_ms: u64,
    /// Before the n-th look-up; the last repeats.
    pub look_up_ms: Vec<u64>,
    /// Before the n-th fetch; the last repeats.
    pub fetch_ms: Vec<u64>,
    /// For how long a late eSIM is kept for its claim code.
    pub keep_ms: u64,
    /// While browsing, until "are you still there?".
    pub browse_ms: u64,
    /// The same on the eSIM and receipt screens.
    pub esim_ms: u64,
    /// How long the question stands.
    pub ask_ms: u64,
    /// How long last words stand.
    pub farewell_ms: u64,
    /// For so long after a start the attract screen speaks of an interrupted payment.
    pub interrupted_ms: u64,
    /// Between two ticks of the loop.
    pub tick_ms: u64,
    /// Between two looks at the printer while nobody prints.
    pub printer_poll_ms: u64,
    /// A provider that has not answered for so long counts as gone.
    pub online_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        let terms = Terms::default();
        Timing {
            margin_ms: terms.margin_ms,
            not_yet_ms: terms.not_yet_ms,
            completion_ms: terms.completion_ms,
            goods_ms: terms.goods_ms,
            claim_ms: terms.claim_ms,
            query_ms: terms.query_ms,
            absent_spacing_ms: terms.absent_spacing_ms,
            absent_after_ms: terms.absent_after_ms,
            look_up_ms: terms.look_up_ms,
            fetch_ms: terms.fetch_ms,
            keep_ms: terms.keep_ms,
            browse_ms: 45_000,
            esim_ms: 120_000,
            ask_ms: 20_000,
            farewell_ms: 8_000,
            interrupted_ms: 30 * 60_000,
            tick_ms: 250,
            printer_poll_ms: 5_000,
            online_ms: 180_000,
        }
    }
}

impl Timing {
    pub(super) fn check(&self, document: &mut Document<'_>) {
        for (key, list) in [("look_up_ms", &self.look_up_ms), ("fetch_ms", &self.fetch_ms)] {
            if list.is_empty() || list.contains(&0) {
                let what = "a list of milliseconds above 0 is expected, such as [3000, 10000]";
                document.problem(&format!("timing.{key}"), what.to_owned());
            }
        }
        let above_zero =
            [("tick_ms", self.tick_ms), ("printer_poll_ms", self.printer_poll_ms), ("ask_ms", self.ask_ms)];
        for (key, _) in above_zero.iter().filter(|(_, ms)| *ms == 0) {
            document.problem(&format!("timing.{key}"), "milliseconds above 0 are expected".to_owned());
        }
        if self.margin_ms < 100 {
            document.problem("timing.margin_ms", "at least 100 are needed".to_owned());
        }
    }
}

/// `[sync]`: the catalogue, off the traveller's path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// Between two catalogues, in seconds.
    pub every_s: u64,
    /// Between two looks at the wallets, which also prove that a provider answers, in seconds.
    pub wallet_every_s: u64,
    /// Where the last good catalogue lies; by default `catalogue.json` in the journal's directory.
    pub file: Option<PathBuf>,
}

impl Default for Sync {
    fn default() -> Self {
        Sync { every_s: 6 * 3_600, wallet_every_s: 60, file: None }
    }
}

impl Sync {
    pub(super) fn check(&self, document: &mut Document<'_>) {
        for (key, seconds) in [("every_s", self.every_s), ("wallet_every_s", self.wallet_every_s)] {
            if seconds == 0 {
                document.problem(&format!("sync.{key}"), "seconds above 0 are expected".to_owned());
            }
        }
    }
}

impl Config {
    /// The numbers of the rules for this machine and its terminal.
    pub fn terms(&self) -> Terms {
        let timing = &self.timing;
        let mut terms = Terms {
            margin_ms: timing.margin_ms,
            not_yet_ms: timing.not_yet_ms,
            completion_ms: timing.completion_ms,
            goods_ms: timing.goods_ms,
            claim_ms: timing.claim_ms,
            query_ms: timing.query_ms,
            absent_spacing_ms: timing.absent_spacing_ms,
            absent_after_ms: timing.absent_after_ms,
            look_up_ms: timing.look_up_ms.clone(),
            fetch_ms: timing.fetch_ms.clone(),
            keep_ms: timing.keep_ms,
            ..Terms::default()
        };
        self.terminal.put_into(&mut terms, self.machine.currency);
        terms
    }

    /// Where the last good catalogue lies.
    pub fn catalogue_file(&self) -> PathBuf {
        self.sync.file.clone().unwrap_or_else(|| self.journal.directory.join("catalogue.json"))
    }
}
