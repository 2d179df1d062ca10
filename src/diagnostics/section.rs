//! `[diagnostics]`: what is kept for support, and how much may leave in one piece.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// `[diagnostics]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// Where the service keeps what only it knows: last events and screens, devices, the terminal's line. In memory,
    /// so that it wears no flash; by default systemd's `RUNTIME_DIRECTORY`, else `live` beside the journal.
    pub live_directory: Option<PathBuf>,
    /// Most megabytes of a bundle, compressed, where none is asked for.
    pub bundle_mb: u64,
    /// Days of logs in a bundle, where no time is asked for.
    pub days: u16,
    /// So many megabytes of health history are kept beside the journal.
    pub history_mb: u64,
}

impl Default for Section {
    fn default() -> Self {
        Section { live_directory: None, bundle_mb: 5, days: 3, history_mb: 1 }
    }
}

/// A bundle is put together in memory, and the unit that does it has 256 MB.
pub const BUNDLE_MB_MAX: u64 = 50;

impl Section {
    /// What is wrong with the values: key and accepted form.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.live_directory.as_ref().is_some_and(|path| !path.is_absolute()) {
            problems.push(("live_directory", "an absolute path is needed, such as \"/run/esim-kiosk\"".to_owned()));
        }
        if !(1..=BUNDLE_MB_MAX).contains(&self.bundle_mb) {
            problems.push(("bundle_mb", format!("a number from 1 to {BUNDLE_MB_MAX} is expected")));
        }
        if self.days == 0 {
            problems.push(("days", "at least 1 is needed".to_owned()));
        }
        if !(1..=100).contains(&self.history_mb) {
            problems.push(("history_mb", "a number from 1 to 100 is expected".to_owned()));
        }
        problems
    }

    /// Where the living service writes; `journal` is the journal's directory.
    pub fn live(&self, journal: &Path) -> PathBuf {
        if let Some(path) = &self.live_directory {
            return path.clone();
        }
        let runtime = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from).or_else(|| {
            // The report of a dead service has another unit: where the service's own directory is, it is meant.
            Some(PathBuf::from("/run/esim-kiosk"))
                .filter(|path| journal == Path::new("/var/lib/esim-kiosk") && path.is_dir())
        });
        runtime.unwrap_or_else(|| journal.join("live"))
    }

    /// The health history: it outlives a power cut, so it lies beside the journal.
    pub fn history(&self, journal: &Path) -> PathBuf {
        journal.join("health.jsonl")
    }
}
