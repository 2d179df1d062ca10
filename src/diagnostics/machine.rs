//! Disk, memory, network, clock, versions, devices: what the machine itself says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::sources::{Scene, Text, file};

/// One fact: its name, and its text.
type Fact = (&'static str, &'static (dyn Fn(&Scene) -> Vec<Text> + Sync));

/// The facts of the machine. Each is a source of its own: one that hangs takes no other with it.
pub const FACTS: [Fact; 7] = [
    ("machine/versions", &|scene| fact("versions", versions(scene))),
    ("machine/disk", &|scene| fact("disk", disk(scene))),
    ("machine/memory", &|_| fact("memory", several(&MEMORY))),
    ("machine/network", &|scene| fact("network", network(scene))),
    ("machine/clock", &|scene| fact("clock", clock(scene))),
    ("machine/units", &|scene| fact("units", units(scene))),
    ("machine/devices", &|_| fact("devices", devices())),
];

fn fact(name: &str, text: String) -> Vec<Text> {
    vec![(format!("machine/{name}.txt"), Ok(text), true)]
}

const MEMORY: [&str; 6] = [
    "/proc/meminfo",
    "/proc/loadavg",
    "/proc/uptime",
    "/proc/pressure/memory",
    "/proc/pressure/io",
    "/proc/pressure/cpu",
];

/// Several small files one below the other; one that is missing is named.
fn several(paths: &[&str]) -> String {
    paths.iter().fold(String::new(), |mut text, path| {
        section(&mut text, path, small(Path::new(path)));
        text
    })
}

fn section(text: &mut String, title: &str, body: Result<String, String>) {
    let body = body.unwrap_or_else(|why| format!("(not here: {why})"));
    writeln!(text, "== {title}\n{}\n", body.trim_end()).expect("writing to a String does not fail");
}

/// Files of /proc and /sys have no size of their own.
fn small(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn versions(scene: &Scene) -> String {
    let mut text = String::new();
    section(&mut text, "esim-kiosk", Ok(format!("{} ({})", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH)));
    section(&mut text, "/etc/os-release", file_or_link(Path::new("/etc/os-release")));
    section(&mut text, "/usr/lib/os-release-image", small(Path::new("/usr/lib/os-release-image")));
    section(&mut text, "/proc/version", small(Path::new("/proc/version")));
    section(&mut text, "/proc/cmdline", small(Path::new("/proc/cmdline")));
    section(
        &mut text,
        "model",
        small(Path::new("/proc/device-tree/model")).or_else(|_| small(Path::new("/sys/class/dmi/id/product_name"))),
    );
    section(&mut text, "slots", (scene.ask)("rauc", &["status", "--detailed"]));
    text
}

/// os-release is a link by its own specification.
fn file_or_link(path: &Path) -> Result<String, String> {
    let target = std::fs::canonicalize(path).map_err(|error| error.to_string())?;
    file(&target)
}

fn disk(scene: &Scene) -> String {
    let mut text = String::new();
    let state = &scene.journal().directory;
    let mut places: Vec<PathBuf> =
        ["/", "/var", "/tmp", "/run", "/dev/shm", "/var/log/journal", "/var/lib/esim-kiosk-report"]
            .map(PathBuf::from)
            .to_vec();
    places.push(state.to_owned());
    writeln!(text, "place                             free MB   size MB   free inodes").ok();
    for place in places {
        match rustix::fs::statvfs(&place) {
            Ok(found) => {
                let mb = |blocks: u64| blocks.saturating_mul(found.f_frsize) >> 20;
                let name = place.display().to_string();
                writeln!(
                    text,
                    "{name:<32} {:>8}  {:>8}  {:>12}",
                    mb(found.f_bavail),
                    mb(found.f_blocks),
                    found.f_favail
                )
                .ok();
            }
            Err(error) => {
                writeln!(text, "{} is not here: {error}", place.display()).ok();
            }
        }
    }
    section(&mut text, "\nstate directory", listing(state));
    section(&mut text, "/proc/mounts", small(Path::new("/proc/mounts")));
    section(&mut text, "/proc/diskstats", small(Path::new("/proc/diskstats")));
    text
}

/// Names and sizes, never contents.
fn listing(directory: &Path) -> Result<String, String> {
    let mut rows = Vec::new();
    let mut walk = |directory: &Path, indent: &str| -> std::io::Result<Vec<PathBuf>> {
        let mut inner = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let found = std::fs::symlink_metadata(entry.path())?;
            let changed = found.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
            let changed = changed.map_or(String::new(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            rows.push(format!("{indent}{:<40} {:>12} {changed}", entry.file_name().to_string_lossy(), found.len()));
            if found.is_dir() {
                inner.push(entry.path());
            }
        }
        Ok(inner)
    };
    for inner in walk(directory, "").map_err(|error| format!("{}: {error}", directory.display()))? {
        // One level is enough; what cannot be listed there is shown by its own line above.
        walk(&inner, "  ").ok();
    }
    Ok(rows.join("\n"))
}

fn network(scene: &Scene) -> String {
    let mut text = String::new();
    section(&mut text, "interfaces", interfaces());
    section(&mut text, "addresses", (scene.ask)("ip", &["-brief", "address"]));
    section(
        &mut text,
        "routes",
        (scene.ask)("ip", &["route", "show", "table", "all"]).or_else(|_| small(Path::new("/proc/net/route"))),
    );
    section(&mut text, "/etc/resolv.conf", file_or_link(Path::new("/etc/resolv.conf")));
    section(&mut text, "/proc/net/dev", small(Path::new("/proc/net/dev")));
    section(&mut text, "/proc/net/sockstat", small(Path::new("/proc/net/sockstat")));
    section(&mut text, "firewall counters", (scene.ask)("nft", &["list", "counters"]));
    text
}

fn interfaces() -> Result<String, String> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir("/sys/class/net").map_err(|error| error.to_string())?.flatten() {
        let read = |name: &str| small(&entry.path().join(name)).map_or("?".to_owned(), |text| text.trim().to_owned());
        rows.push(format!(
            "{}: {}, carrier {}, {} Mbit/s, carrier changes {}",
            entry.file_name().to_string_lossy(),
            read("operstate"),
            read("carrier"),
            read("speed"),
            read("carrier_changes")
        ));
    }
    rows.sort();
    Ok(rows.join("\n"))
}

fn clock(scene: &Scene) -> String {
    let mut text = String::new();
    section(
        &mut text,
        "now",
        Ok(format!("{} ({})", scene.now, jiff::Zoned::now().time_zone().iana_name().unwrap_or("no zone"))),
    );
    let marked = Path::new("/run/systemd/timesync/synchronized").exists();
    section(&mut text, "timesyncd has heard from a server since the start", Ok(marked.to_string()));
    section(&mut text, "timedatectl", (scene.ask)("timedatectl", &["show"]));
    section(&mut text, "time servers", (scene.ask)("timedatectl", &["show-timesync"]));
    section(&mut text, "real time clock", small(Path::new("/proc/driver/rtc")));
    text
}

fn units(scene: &Scene) -> String {
    let mut text = String::new();
    section(&mut text, "failed units", (scene.ask)("systemctl", &["--no-pager", "--plain", "list-units", "--failed"]));
    let words = [
        "--no-pager",
        "show",
        "esim-kiosk.service",
        "--property=ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainCode,ExecMainStartTimestamp,MemoryCurrent,CPUUsageNSec,StatusText,WatchdogTimestamp",
    ];
    section(&mut text, "esim-kiosk.service", (scene.ask)("systemctl", &words));
    section(&mut text, "start of the machine", (scene.ask)("systemd-analyze", &["--no-pager", "blame"]));
    text
}

/// USB devices, serial ports, temperatures.
fn devices() -> String {
    let mut text = String::new();
    section(
        &mut text,
        "USB",
        of_class("/sys/bus/usb/devices", &["idVendor", "idProduct", "manufacturer", "product", "speed"]),
    );
    section(&mut text, "temperatures", of_class("/sys/class/thermal", &["type", "temp"]));
    section(&mut text, "displays", of_class("/sys/class/drm", &["status", "enabled"]));
    section(&mut text, "input", small(Path::new("/proc/bus/input/devices")));
    let ports = std::fs::read_dir("/dev").map(|entries| {
        let named =
            |name: &str| ["ttyKIOSK", "ttyUSB", "ttyACM", "ttyS", "usb"].iter().any(|start| name.starts_with(start));
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| named(name))
            .collect();
        names.sort();
        names.join(" ")
    });
    section(&mut text, "ports", ports.map_err(|error| error.to_string()));
    text
}

fn of_class(directory: &str, files: &[&str]) -> Result<String, String> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| error.to_string())?.flatten() {
        let values: Vec<String> = files
            .iter()
            .filter_map(|name| small(&entry.path().join(name)).ok())
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect();
        if !values.is_empty() {
            rows.push(format!("{}: {}", entry.file_name().to_string_lossy(), values.join(" ")));
        }
    }
    rows.sort();
    Ok(rows.join("\n"))
}
