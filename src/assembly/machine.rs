//! The machine under the kiosk, as its service screen may touch it: facts from the kernel, the log from the recorder,
//! and two wishes that units of root carry out. The service itself may neither switch off nor write below /sys.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::diagnostics::recorder::of_process;
use crate::diagnostics::redact::Redactor;
use crate::kiosk::service_screen::Machine;
use crate::kiosk::view::{ServiceRow, Standing};

/// Where systemd's units of the package lie.
const UNITS: &str = "/usr/lib/systemd/system";
/// Carries out the wish for another brightness (systemd/machine).
const BRIGHTNESS_UNIT: &str = "esim-kiosk-brightness.path";
/// Carries out the wish for the power to go.
const POWER_UNIT: &str = "esim-kiosk-power-off.path";

/// A Linux machine with the units of our package.
pub(super) struct LinuxMachine {
    /// Where wishes are put: the service's runtime directory.
    wishes: PathBuf,
    /// The kernel's panels.
    panels: PathBuf,
    /// The units.
    units: PathBuf,
    redaction: Redactor,
}

impl LinuxMachine {
    pub(super) fn new(wishes: PathBuf, redaction: Redactor) -> Self {
        LinuxMachine { wishes, panels: "/sys/class/backlight".into(), units: UNITS.into(), redaction }
    }

    fn wish(&self, unit: &str, file: &str, text: &str) -> Result<(), String> {
        if !self.units.join(unit).exists() {
            return Err(format!("this installation has no {unit}: install the kiosk's package"));
        }
        put(&self.wishes.join(file), text).map_err(|error| format!("{file} cannot be written: {error}"))
    }

    /// The first panel whose brightness can be told.
    fn panel(&self) -> Option<(u64, u64)> {
        std::fs::read_dir(&self.panels).ok()?.flatten().find_map(|panel| {
            let number = |name: &str| read(&panel.path().join(name))?.parse::<u64>().ok();
            Some((number("brightness")?, number("max_brightness").filter(|max| *max > 0)?))
        })
    }
}

/// Beside and renamed: a unit that waits for the file reads it whole. Not synced: the directory is memory.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    std::fs::File::create(&beside)?.write_all(text.as_bytes())?;
    std::fs::rename(beside, file)
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

impl Machine for LinuxMachine {
    fn facts(&self) -> Vec<ServiceRow> {
        let mut rows = vec![ServiceRow::new("Version", env!("CARGO_PKG_VERSION"), Standing::Plain)];
        if let Some(image) = super::image::version() {
            rows.push(ServiceRow::new("Image", image, Standing::Plain));
        }
        if let Some(kernel) = read(Path::new("/proc/sys/kernel/osrelease")) {
            rows.push(ServiceRow::new("Kernel", kernel, Standing::Plain));
        }
        if let Some(millidegrees) =
            read(Path::new("/sys/class/thermal/thermal_zone0/temp")).and_then(|text| text.parse::<i64>().ok())
        {
            let standing = if millidegrees < 80_000 { Standing::Good } else { Standing::Care };
            rows.push(ServiceRow::new("Processor", format!("{} °C", millidegrees / 1_000), standing));
        }
        if let Some(load) = read(Path::new("/proc/loadavg")) {
            let load = load.split(' ').take(3).collect::<Vec<_>>().join("  ");
            rows.push(ServiceRow::new("Load", load, Standing::Plain));
        }
        if let Some(free) = read(Path::new("/proc/meminfo")).and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemAvailable"))?.to_owned();
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        }) {
            rows.push(ServiceRow::new("Free memory", format!("{} MB", free / 1_024), Standing::Plain));
        }
        rows
    }

    fn log(&self, most: usize) -> Vec<String> {
        of_process().last_events(most).iter().map(|line| self.redaction.clean(line)).collect()
    }

    fn brightness(&self) -> Option<u8> {
        let (now, max) = self.panel()?;
        u8::try_from(now.saturating_mul(100) / max).ok()
    }

    fn set_brightness(&self, per_cent: u8) -> Result<(), String> {
        self.wish(BRIGHTNESS_UNIT, "brightness", &format!("{per_cent}\n"))
    }

    fn power_off(&self) -> Result<(), String> {
        self.wish(POWER_UNIT, "power-off", "the operator switches off at the service screen\n")
    }
}

#[cfg(test)]
mod tests {
    // What a test lays out need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use super::*;

    #[test]
    fn wishes_are_put_only_where_somebody_carries_them_out() {
        let dir = tempfile::tempdir().unwrap();
        let panel = dir.path().join("panels/dsi");
        std::fs::create_dir_all(&panel).unwrap();
        let machine = LinuxMachine {
            wishes: dir.path().into(),
            panels: dir.path().join("panels"),
            units: dir.path().into(),
            redaction: Redactor::new(Vec::new()),
        };
        assert_eq!(machine.brightness(), None, "a panel without numbers");
        std::fs::write(panel.join("brightness"), "120\n").unwrap();
        std::fs::write(panel.join("max_brightness"), "240\n").unwrap();
        assert_eq!(machine.brightness(), Some(50));
        let why = machine.power_off().unwrap_err();
        assert!(why.contains(POWER_UNIT), "{why}");
        assert!(!dir.path().join("power-off").exists());
        std::fs::write(dir.path().join(POWER_UNIT), "").unwrap();
        std::fs::write(dir.path().join(BRIGHTNESS_UNIT), "").unwrap();
        machine.power_off().unwrap();
        machine.set_brightness(70).unwrap();
        assert!(dir.path().join("power-off").exists());
        assert_eq!(std::fs::read_to_string(dir.path().join("brightness")).unwrap(), "70\n");
    }

    #[test]
    fn the_log_on_the_screen_has_no_secret() {
        let machine = LinuxMachine::new("/nonexistent".into(), Redactor::new(vec!["sk_live_4711".into()]));
        of_process().event("INFO ordered with sk_live_4711, got LPA:1$smdp.example.com$AB-12-CD".into());
        let shown = machine.log(1).join("\n");
        assert!(shown.contains("ordered with") && !shown.contains("4711") && !shown.contains("AB-12-CD"), "{shown}");
    }
}
