//! Which lines of a text belong to the time that was asked for.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

/// Begins the log of the terminal's line, whose own times are seconds of the program.
const ZERO: &str = "# second 0 was at ";

/// The first line of a log whose times are seconds since `zero`.
pub fn zero_line(zero: Timestamp) -> String {
    format!("{ZERO}{zero}")
}

/// The lines within the time. One that tells no time belongs to the one before it.
pub(super) fn within(text: &str, since: Option<Timestamp>, until: Option<Timestamp>) -> String {
    if since.is_none() && until.is_none() {
        return text.to_owned();
    }
    let mut zero = None;
    let mut keep = true;
    let mut kept = String::new();
    for line in text.lines() {
        if let Some(found) = line.strip_prefix(ZERO).and_then(|rest| rest.trim().parse().ok()) {
            (zero, keep) = (Some(found), true);
        } else if let Some((first, last)) = span(line, zero) {
            keep = since.is_none_or(|since| last >= since) && until.is_none_or(|until| first <= until);
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// When a line begins and ends: an event's own time, a line of the health history, a boot from its first entry to its
/// last, seconds after `zero`.
fn span(line: &str, zero: Option<Timestamp>) -> Option<(Timestamp, Timestamp)> {
    static BOOT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC").expect("the expression is right"));
    let first = line.split_whitespace().next()?;
    if let Ok(time) = first.parse::<Timestamp>() {
        return Some((time, time));
    }
    if line.starts_with('{') {
        let fields: serde_json::Value = serde_json::from_str(line).ok()?;
        let time = fields.get("at")?.as_str()?.parse().ok()?;
        return Some((time, time));
    }
    if let Some(zero) = zero {
        let time = zero.checked_add(SignedDuration::try_from_secs_f64(first.parse().ok()?).ok()?).ok()?;
        return Some((time, time));
    }
    let mut times = BOOT.captures_iter(line).filter_map(|found| format!("{}T{}Z", &found[1], &found[2]).parse().ok());
    let from: Timestamp = times.next()?;
    Some((from, times.next().unwrap_or(from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, since: &str, until: &str) -> String {
        within(text, since.parse().ok(), until.parse().ok())
    }

    #[test]
    fn every_text_is_cut_to_the_time_by_its_own_times() {
        let events =
            "2026-11-22T10:00:00.1Z INFO a\n  more of a\n2026-11-22T11:00:00Z INFO b\n2026-11-22T12:00:00Z c\n";
        assert_eq!(of(events, "2026-11-22T10:30:00Z", "2026-11-22T11:30:00Z"), "2026-11-22T11:00:00Z INFO b\n");
        assert_eq!(of(events, "", "2026-11-22T10:30:00Z"), "2026-11-22T10:00:00.1Z INFO a\n  more of a\n");
        assert_eq!(of(events, "", ""), events);
        let health = "{\"at\":\"2026-11-22T10:00:00Z\",\"selling\":\"open\"}\n{\"at\":\"2026-11-22T12:00:00Z\"}\n";
        assert_eq!(of(health, "2026-11-22T11:00:00Z", ""), "{\"at\":\"2026-11-22T12:00:00Z\"}\n");
        let boots = "-1 8f2a Sat 2026-11-21 08:00:00 UTC—Sat 2026-11-21 22:00:00 UTC\n 0 77bc Sun 2026-11-22 08:00:00 UTC—Sun 2026-11-22 12:00:00 UTC\n";
        let last = boots.lines().last().unwrap();
        assert_eq!(of(boots, "2026-11-22T00:00:00Z", "").trim_end(), last);
        assert_eq!(of(boots, "2026-11-21T21:00:00Z", "").lines().count(), 2, "it still ran then");
        let line = format!(
            "{}\n    60.500 -> 06 01\n  7200.000 <- 80 00\n",
            zero_line("2026-11-22T10:00:00Z".parse().unwrap())
        );
        let cut = of(&line, "2026-11-22T11:00:00Z", "2026-11-22T13:00:00Z");
        assert!(cut.starts_with(ZERO) && cut.contains("80 00") && !cut.contains("06 01"), "{cut}");
    }
}
