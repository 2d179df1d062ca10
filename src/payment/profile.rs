//! What was measured of the terminal that stands at this machine. It is kept beside the journal, belongs to one terminal
//! id, and is overruled by `terminal.hold_ms` in the configuration.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{HoldMeasured, OperatorReport};

/// A hold that is shorter cannot be used: nothing is committed in the last 5 s of it.
const HOLD_MIN_S: u32 = 6;

/// A terminal's measured properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalProfile {
    /// Whose: eight digits, where the terminal told them.
    pub terminal_id: Option<String>,
    /// How long it held an approval, in ms.
    pub hold_ms: u64,
    /// It would have held longer: the test ended it.
    pub at_least: bool,
    /// When it was measured.
    pub measured_at: jiff::Timestamp,
}

impl TerminalProfile {
    /// Where it lies: in the directory of the journal.
    #[must_use]
    pub fn place(directory: &Path) -> PathBuf {
        directory.join("terminal-profile.json")
    }

    /// What a hold test found, if it can be used.
    #[must_use]
    pub fn of(report: &OperatorReport, now: jiff::Timestamp) -> Option<TerminalProfile> {
        let HoldMeasured { seconds, at_least, .. } =
            report.hold.filter(|hold| report.ok && hold.seconds >= HOLD_MIN_S)?;
        let terminal_id = report.transaction.as_ref().and_then(|seen| seen.key.terminal_id.clone());
        Some(TerminalProfile { terminal_id, hold_ms: u64::from(seconds) * 1_000, at_least, measured_at: now })
    }

    /// Reads it; none where the terminal was never measured.
    ///
    /// # Errors
    /// What the system said, also where the file is none of ours.
    pub fn read(place: &Path) -> std::io::Result<Option<TerminalProfile>> {
        match std::fs::read(place) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(std::io::Error::other),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it: beside, synced, renamed.
    ///
    /// # Errors
    /// What the system said.
    pub fn keep(&self, place: &Path) -> std::io::Result<()> {
        let beside = place.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, place)?;
        match place.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Keeps what a hold test found, and says so in its report.
pub fn keep_measured(report: &mut OperatorReport, place: &Path, now: jiff::Timestamp) -> Option<TerminalProfile> {
    let Some(found) = TerminalProfile::of(report, now) else {
        if report.ok && report.hold.is_some() {
            report.message.push_str("; that is too short for a sale: set can_hold = false in [terminal]");
        }
        return None;
    };
    match found.keep(place) {
        Ok(()) => {
            report.message.push_str("; kept in its profile");
            Some(found)
        }
        Err(error) => {
            report.ok = false;
            report.message.push_str(&format!("; its profile {} cannot be written: {error}", place.display()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    // What a test lays out need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use super::*;

    fn report(seconds: u32) -> OperatorReport {
        let hold = Some(HoldMeasured { seconds, repeats: 5, at_least: false });
        OperatorReport { ok: true, hold, ..OperatorReport::default() }
    }

    #[test]
    fn what_was_measured_is_read_again_and_too_short_a_hold_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let place = TerminalProfile::place(dir.path());
        let now = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(TerminalProfile::read(&place).unwrap(), None);
        let mut short = report(5);
        assert_eq!(keep_measured(&mut short, &place, now), None);
        assert!(short.message.contains("can_hold = false"), "{short:?}");
        let mut good = report(14);
        let kept = keep_measured(&mut good, &place, now).unwrap();
        assert_eq!((kept.hold_ms, TerminalProfile::read(&place).unwrap()), (14_000, Some(kept)));
        std::fs::write(&place, "{").unwrap();
        assert!(TerminalProfile::read(&place).is_err());
        let nowhere = keep_measured(&mut report(14), Path::new("/no/such/place"), now);
        assert_eq!(nowhere, None);
    }
}
