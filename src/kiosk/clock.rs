//! The loop's clock: boot time for waiting, wall time for people, both as facts of one [`Moment`].
//!
//! Under paused tokio time the wall clock moves with the virtual one, so that whole days can be played.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::sale::moment::Moment;

/// Where the wall clock comes from.
#[derive(Debug, Clone)]
pub enum Wall {
    /// The operating system's.
    System,
    /// This time at the start of the run, moving with tokio's clock.
    Virtual(Timestamp),
    /// The same, and nobody has set the clock: 1970 after an empty battery, or a wrong hour.
    Adrift(Timestamp),
}

/// Tells [`Moment`]s.
#[derive(Debug, Clone)]
pub struct Clock {
    run: u64,
    started: Instant,
    wall: Wall,
    zone: TimeZone,
}

impl Clock {
    /// A clock for run number `run`, with the zone of the place where the machine stands.
    pub fn new(run: u64, wall: Wall, zone: TimeZone) -> Self {
        Clock { run, started: Instant::now(), wall, zone }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.at(Instant::now())
    }

    /// The moment of an instant of this run.
    pub fn at(&self, instant: Instant) -> Moment {
        let elapsed = instant.saturating_duration_since(self.started);
        let mono_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let ago = Instant::now().saturating_duration_since(instant);
        let wall = match &self.wall {
            Wall::System => Timestamp::now().as_millisecond() - i64::try_from(ago.as_millis()).unwrap_or(0),
            Wall::Virtual(start) | Wall::Adrift(start) => start.as_millisecond() + i64::try_from(mono_ms).unwrap_or(0),
        };
        Moment { run: self.run, mono_ms, wall_ms: wall, synced: self.synchronised() }
    }

    /// Whether the wall clock can be trusted across restarts. systemd-timesyncd leaves a mark once it has heard from
    /// a server; a clock before this program was written is certainly wrong.
    fn synchronised(&self) -> bool {
        match self.wall {
            Wall::Virtual(_) => true,
            Wall::Adrift(_) => false,
            Wall::System => {
                const WRITTEN: i64 = 1_790_000_000;
                Timestamp::now().as_second() > WRITTEN
                    && (std::path::Path::new("/run/systemd/timesync/synchronized").exists()
                        || !std::path::Path::new("/run/systemd/timesync").exists())
            }
        }
    }

    /// Local time at the machine.
    pub fn local(&self, moment: &Moment) -> jiff::Zoned {
        let timestamp = Timestamp::from_millisecond(moment.wall_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        timestamp.to_zoned(self.zone.clone())
    }
}
