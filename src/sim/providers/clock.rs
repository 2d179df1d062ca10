//! The provider's own clock: the machine's, moved by hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The wall clock of one provider. Tests move it instead of waiting: tokens, offers, lock-outs and pending
/// fulfilment all read it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    ahead_ms: i64,
}

impl Clock {
    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.ahead_ms = self.ahead_ms.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Sets how far the clock is ahead of the machine's, in milliseconds (negative: behind).
    pub fn set_ahead_ms(&mut self, ahead_ms: i64) {
        self.ahead_ms = ahead_ms;
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        i64::try_from(real).unwrap_or(i64::MAX).saturating_add(self.ahead_ms)
    }

    /// Whole seconds since 1970.
    pub fn now_s(&self) -> i64 {
        self.now_ms() / 1000
    }

    /// The `Date` header of an answer, `offset_s` seconds off.
    pub fn http_date(&self, offset_s: i64) -> String {
        format_at(self.now_s() + offset_s, "%a, %d %b %Y %H:%M:%S GMT")
    }
}

fn format_at(unix_s: i64, format: &str) -> String {
    let time = Timestamp::from_second(unix_s).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// `2026-02-16T07:10:58+0000`, an offset without colon (Mobilexy).
pub(super) fn offset_without_colon(unix_s: i64) -> String {
    format_at(unix_s, "%Y-%m-%dT%H:%M:%S+0000")
}

/// `2024-01-29T10:30:00Z` (eSIMfly, the reseller API).
pub(super) fn iso_z(unix_s: i64) -> String {
    format_at(unix_s, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2025-08-05`.
pub(super) fn iso_day(unix_s: i64) -> String {
    format_at(unix_s, "%Y-%m-%d")
}

/// `20250102` (Roamify's usage).
pub(super) fn compact_day(unix_s: i64) -> String {
    format_at(unix_s, "%Y%m%d")
}

/// `February 13, 2026 at 11:27 PM`, without a zone (eSIMfly's top-up).
pub(super) fn english(unix_s: i64) -> String {
    format_at(unix_s, "%B %-d, %Y at %-I:%M %p")
}

/// `26021613280014`: year, month, day, hour, minute and four digits (Mobilexy's `esimTranNo`).
pub(super) fn tran_no(unix_s: i64, number: u64) -> String {
    format!("{}{:04}", format_at(unix_s, "%y%m%d%H%M"), number % 10_000)
}

/// Seconds since 1970 of an ISO text with zone, or of a plain day.
pub(super) fn parse_iso(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_look_as_printed_in_the_documents() {
        let at = parse_iso("2026-02-13T23:27:58Z").unwrap();
        assert_eq!(offset_without_colon(at), "2026-02-13T23:27:58+0000");
        assert_eq!(iso_z(at), "2026-02-13T23:27:58Z");
        assert_eq!(english(at), "February 13, 2026 at 11:27 PM");
        assert_eq!(compact_day(at), "20260213");
        assert_eq!(tran_no(at, 14), "26021323270014");
        assert_eq!(parse_iso("1970-01-02"), Some(86_400));
        assert_eq!(parse_iso("soon"), None);
    }

    #[test]
    fn a_moved_clock_reads_later() {
        let mut clock = Clock::default();
        let before = clock.now_ms();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now_ms() >= before + 3_600_000);
        clock.set_ahead_ms(-600_000);
        assert!(clock.now_ms() < before);
        assert!(clock.http_date(0).ends_with(" GMT"));
    }
}
