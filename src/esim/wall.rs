//! Whether the machine's clock may stand under a signature. systemd-timesyncd leaves a mark in its runtime directory once
//! it has heard from a server. Where that directory is missing somebody else keeps the time (another time service, a
//! developer's machine, a container), and the clock counts as set.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

/// systemd-timesyncd's runtime directory.
pub const TIME_SERVICE: &str = "/run/systemd/timesync";
/// A clock before this program was written is certainly wrong.
const WRITTEN: i64 = 1_790_000_000;

/// Whether the clock was set, by the mark in this directory.
pub fn is_set(time_service: &Path) -> bool {
    Timestamp::now().as_second() > WRITTEN && (time_service.join("synchronized").exists() || !time_service.exists())
}

/// The same, remembered once it is so.
#[derive(Debug, Clone)]
pub struct Wall {
    time_service: PathBuf,
    set: Arc<AtomicBool>,
}

impl Wall {
    /// By the mark in this directory.
    pub fn kept_by(time_service: &Path) -> Self {
        Wall { time_service: time_service.to_owned(), set: Arc::default() }
    }

    /// Whether the clock was set since the machine has started.
    pub fn is_set(&self) -> bool {
        if !self.set.load(Ordering::Relaxed) && is_set(&self.time_service) {
            self.set.store(true, Ordering::Relaxed);
        }
        self.set.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]

    use super::*;

    #[test]
    fn a_time_service_that_has_heard_nobody_has_set_no_clock() {
        let machine = tempfile::tempdir().unwrap();
        let elsewhere = Wall::kept_by(&machine.path().join("none"));
        assert!(elsewhere.is_set(), "somebody else keeps the time");
        let wall = Wall::kept_by(machine.path());
        assert!(!wall.is_set());
        std::fs::write(machine.path().join("synchronized"), "").unwrap();
        assert!(wall.is_set());
        std::fs::remove_file(machine.path().join("synchronized")).unwrap();
        assert!(wall.is_set(), "it goes on being right without its server");
    }
}
