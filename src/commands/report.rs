//! `esim-kiosk report`: one archive for support. Progress on standard error, the archive's path on standard output.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::out::{Failed, Out};
use crate::diagnostics::bundle::write;
use crate::diagnostics::section::BUNDLE_MB_MAX;
use crate::diagnostics::{Scene, Wanted, errand, gather, unknown_sale};

/// What is wanted.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// One sale (`K07-000123`) and the hour around it.
    #[arg(long, value_name = "NUMBER")]
    sale: Option<String>,
    /// From this time on: 2026-11-22T14:30, 2026-11-22, 36h, 3d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until this time, in the same forms.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Most bytes of the archive: 500k, 5M. Long logs lose their beginning.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Where it goes: a file, a directory with a slash at its end, or - for standard output.
    #[arg(short, long, value_name = "FILE|DIR/", default_value = "./")]
    output: PathBuf,
    /// Carry out one errand of the service: read from standard input, answered to standard output.
    #[arg(long, hide = true)]
    errand: bool,
}

/// What programs are told.
#[derive(Serialize)]
struct Made {
    path: PathBuf,
    bytes: usize,
    failed: Vec<String>,
}

pub(super) fn report(wish: &Report, config: &Path, out: &mut Out) -> Result<(), Failed> {
    if wish.errand {
        let wanted = errand::heard(&mut std::io::stdin().lock())?;
        errand::end_with_asker();
        return Ok(errand::carry_out(config, &wanted, &mut std::io::stdout().lock())?);
    }
    let now = Timestamp::now();
    let mut scene = Scene::of(config, Wanted::default(), now);
    let zone = scene.config.as_ref().map_or(jiff::tz::TimeZone::UTC, |config| config.machine.zone());
    let time = |text: &Option<String>| text.as_deref().map(|text| point(text, now, &zone)).transpose();
    scene.wanted = Wanted { sale: wish.sale.clone(), since: time(&wish.since)?, until: time(&wish.until)? };
    if let Some(why) = unknown_sale(&scene) {
        return Err(Failed::told(why));
    }
    let most = wish.max_size.unwrap_or(scene.section().bundle_mb << 20).min(BUNDLE_MB_MAX << 20);
    let gathered = gather(scene, most, |what| out.progress(what))?;
    for name in &gathered.failed {
        out.progress(&format!("could not be read: {name}"));
    }
    if wish.output.as_os_str() == "-" {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&gathered.packed.bytes)?;
        return Ok(stdout.flush()?);
    }
    let path = write(&gathered.packed, &wish.output)?;
    if !path.starts_with(&wish.output) {
        out.progress(&format!("{} cannot be written: the bundle lies elsewhere", wish.output.display()));
    }
    let made = Made { path, bytes: gathered.packed.bytes.len(), failed: gathered.failed };
    out.either(&made, |made| vec![made.path.display().to_string()])
}

/// A time: a day, a local time, a time with its zone, or so long ago.
fn point(text: &str, now: Timestamp, zone: &jiff::tz::TimeZone) -> Result<Timestamp, Failed> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<jiff::civil::DateTime>() {
        return Ok(time.to_zoned(zone.clone())?.timestamp());
    }
    let units = [('m', 60), ('h', 3_600), ('d', 86_400)];
    let ago = units.iter().find_map(|(unit, seconds)| {
        let count: i64 = text.strip_suffix(*unit)?.parse().ok()?;
        count.checked_mul(*seconds)
    });
    ago.and_then(|seconds| now.checked_sub(jiff::SignedDuration::from_secs(seconds)).ok())
        .ok_or_else(|| Failed::told(format!("{text:?} is no time: write 2026-11-22T14:30, 2026-11-22, 90m, 36h or 3d")))
}

/// A size with its unit.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim().trim_end_matches(['B', 'b']);
    let (number, shift) = match text.chars().last() {
        Some('k' | 'K') => (&text[..text.len() - 1], 10),
        Some('m' | 'M') => (&text[..text.len() - 1], 20),
        _ => (text, 0),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes >= 4_096).ok_or_else(|| format!("a size such as 500k or 5M is expected, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_people_write_them() {
        let zone = jiff::tz::TimeZone::get("Europe/Vienna").unwrap();
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let read = |text: &str| point(text, now, &zone).map(|time| time.to_string()).map_err(|error| error.to_string());
        assert_eq!(read("2026-11-22T14:30").unwrap(), "2026-11-22T13:30:00Z");
        assert_eq!(read("2026-11-22").unwrap(), "2026-11-21T23:00:00Z");
        assert_eq!(read("36h").unwrap(), "2026-11-21T00:00:00Z");
        assert_eq!(read("2026-11-22T14:30:00Z").unwrap(), "2026-11-22T14:30:00Z");
        assert!(read("yesterday").unwrap_err().contains("3d"));
        assert_eq!(size("500k"), Ok(512_000));
        assert_eq!(size("5MB"), Ok(5 << 20));
        assert!(size("5").is_err() && size("many").is_err());
    }
}
