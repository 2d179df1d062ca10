//! Tolerant reading of what providers send: names in camel or snake case, numbers as text, `message` in four forms,
//! five forms of dates. Tolerant only about form: [`parse`] takes nothing that is not one well-formed JSON document,
//! and nothing in which a name stands twice, since then nobody knows which value was meant.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::Value;

use crate::money::{Currency, Exact, parse_scaled};

/// Why bytes are not the answer of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAnswer {
    /// Nothing came.
    #[error("the body is empty")]
    Empty,
    /// A web page: captive portal, proxy, error page.
    #[error("the body is a web page")]
    Html,
    /// Cut or malformed.
    #[error("the body is not well-formed JSON")]
    Malformed,
    /// A name stands twice in one object.
    #[error("a name stands twice in one JSON object")]
    Twice,
}

/// Reads one JSON document.
///
/// # Errors
/// [`NotAnAnswer`].
pub fn parse(body: &[u8]) -> Result<Value, NotAnAnswer> {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace()).ok_or(NotAnAnswer::Empty)?;
    if body[start] == b'<' {
        return Err(NotAnAnswer::Html);
    }
    let value = serde_json::from_slice(body).map_err(|_| NotAnAnswer::Malformed)?;
    if has_name_twice(body) { Err(NotAnAnswer::Twice) } else { Ok(value) }
}

/// Whether some object of a well-formed document has one name twice. Names are compared as written.
fn has_name_twice(body: &[u8]) -> bool {
    let mut names: Vec<Vec<&[u8]>> = Vec::new();
    let (mut at, mut last) = (0, None);
    while at < body.len() {
        match body[at] {
            b'"' => {
                let start = at + 1;
                at = start;
                while at < body.len() && body[at] != b'"' {
                    at += if body[at] == b'\\' { 2 } else { 1 };
                }
                last = body.get(start..at);
            }
            b':' => {
                if let (Some(open), Some(name)) = (names.last_mut(), last.take()) {
                    open.push(name);
                }
            }
            b'{' => names.push(Vec::new()),
            // Sorted at the end of the object: a page of a catalogue may have very many names in one.
            b'}' => {
                let mut closed = names.pop().unwrap_or_default();
                closed.sort_unstable();
                if closed.windows(2).any(|pair| pair[0] == pair[1]) {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// The field of `object` with this name, in snake, camel or any other case: `package_code` finds `packageCode`.
pub fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let map = object.as_object()?;
    if let Some(value) = map.get(name) {
        return Some(value);
    }
    map.iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value)
}

fn same_name(one: &str, two: &str) -> bool {
    let letters = |text: &'_ str| {
        text.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    one.len().abs_diff(two.len()) <= 4 && letters(one) == letters(two)
}

/// Follows `path`, names with points between them; null counts as absent.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let found = path.split('.').try_fold(value, field)?;
    (!found.is_null()).then_some(found)
}

/// The first of several paths that is there.
pub fn first<'a>(value: &'a Value, paths: &[&str]) -> Option<&'a Value> {
    paths.iter().find_map(|path| at(value, path))
}

/// A text, or a number as it was written.
pub fn text(value: &Value, path: &str) -> Option<String> {
    match at(value, path)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

/// The first text of several paths.
pub fn any_text(value: &Value, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| text(value, path))
}

/// A whole number, written as number or text, with or without a zero fraction.
pub fn whole(value: &Value, path: &str) -> Option<i64> {
    let scaled = parse_scaled(&text(value, path)?).ok()?;
    let unit = crate::money::EXACT_SCALE;
    (scaled % unit == 0).then(|| i64::try_from(scaled / unit).ok()).flatten()
}

/// A yes or no: `true`, `"true"`, `1`, `"1"` and their opposites.
pub fn flag(value: &Value, path: &str) -> Option<bool> {
    match text(value, path)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// An exact amount, from the digits as they stand in the document.
pub fn exact(value: &Value, path: &str, currency: Currency) -> Option<Exact> {
    Exact::parse(&text(value, path)?, currency).ok()
}

/// A currency, where one is stated.
pub fn currency(value: &Value, path: &str) -> Option<Currency> {
    text(value, path)?.parse().ok()
}

/// Units of 10⁻⁸ times `unit`, whole bytes: `0.5` with 2³⁰ is half a gigabyte.
pub fn bytes(value: &Value, path: &str, unit: u64) -> Option<u64> {
    scaled_bytes(&text(value, path)?, unit)
}

/// A decimal text times `unit`, in whole bytes.
pub fn scaled_bytes(decimal: &str, unit: u64) -> Option<u64> {
    let scaled = parse_scaled(decimal).ok()?.checked_mul(i128::from(unit))?;
    u64::try_from(scaled / crate::money::EXACT_SCALE).ok()
}

/// A size with its unit in the text: `1.2GB`, `500 MB`. Units are powers of 1024, as everywhere in the trade.
pub fn sized_text(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let unit = match text[split..].trim().to_ascii_uppercase().as_str() {
        "B" => 1,
        "KB" | "KIB" => 1 << 10,
        "MB" | "MIB" => 1 << 20,
        "GB" | "GIB" => 1 << 30,
        "TB" | "TIB" => 1 << 40,
        _ => return None,
    };
    scaled_bytes(text[..split].trim(), unit)
}

/// The entries of an array at one of several paths; an object with numbered names counts as one too.
pub fn entries<'a>(value: &'a Value, paths: &[&str]) -> Option<Vec<&'a Value>> {
    paths.iter().find_map(|path| match if path.is_empty() { Some(value) } else { at(value, path) }? {
        Value::Array(list) => Some(list.iter().collect()),
        Value::Object(map) if !map.is_empty() && map.keys().all(|key| key.parse::<u32>().is_ok()) => {
            Some(map.values().collect())
        }
        _ => None,
    })
}

/// Sentences for people: a text, an array of texts, an object of texts or arrays (`{"error": […]}`), or nothing.
pub fn sentences(value: Option<&Value>) -> String {
    let mut found = Vec::new();
    gather(value.unwrap_or(&Value::Null), 0, &mut found);
    found.join("; ")
}

fn gather(value: &Value, depth: u8, found: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.trim().is_empty() => found.push(text.trim().to_owned()),
        Value::Array(list) if depth < 3 => list.iter().for_each(|entry| gather(entry, depth + 1, found)),
        Value::Object(map) if depth < 3 => map.values().for_each(|entry| gather(entry, depth + 1, found)),
        _ => {}
    }
}

/// A moment in one of five forms: Unix seconds, Unix milliseconds, ISO with `Z` or `+00:00`, ISO with `+0000`,
/// `20250102`. English text without a zone is none.
pub fn moment(value: &Value, path: &str) -> Option<Timestamp> {
    moment_of(&text(value, path)?)
}

/// [`moment`] of a text.
pub fn moment_of(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        return match text.len() {
            8 => jiff::fmt::strtime::parse("%Y%m%d", text)
                .and_then(|parts| parts.to_date())
                .ok()
                .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
                .map(|zoned| zoned.timestamp()),
            9 | 10 => Timestamp::from_second(number).ok(),
            13 => Timestamp::from_millisecond(number).ok(),
            _ => None,
        };
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp);
    }
    if let Ok(stamp) = Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text) {
        return Some(stamp);
    }
    // "2024-08-17 20:12:00", as frameworks print UTC.
    let civil: DateTime = text.parse().ok()?;
    text.contains(':').then(|| civil.to_zoned(jiff::tz::TimeZone::UTC).ok()).flatten().map(|zoned| zoned.timestamp())
}

/// Whether a list of dated entries, the newest first, has reached one from before `since`: then no later page has a
/// newer one. Never true of a list in another order.
pub fn goes_back_before(list: &[Value], path: &str, since: Timestamp) -> bool {
    let dates: Option<Vec<Timestamp>> = list.iter().map(|entry| moment(entry, path)).collect();
    dates.is_some_and(|dates| {
        dates.is_sorted_by(|one, two| one >= two)
            && dates.first() != dates.last()
            && dates.last().is_some_and(|last| *last < since)
    })
}

/// A day: `2025-08-05`, or the day of a moment in UTC.
pub fn day(value: &Value, path: &str) -> Option<jiff::civil::Date> {
    let text = text(value, path)?;
    text.parse().ok().or_else(|| moment_of(&text).map(|stamp| stamp.to_zoned(jiff::tz::TimeZone::UTC).date()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_one_well_formed_document_is_read() {
        assert_eq!(parse(b" \n"), Err(NotAnAnswer::Empty));
        assert_eq!(parse(b" <!doctype html>"), Err(NotAnAnswer::Html));
        assert_eq!(parse(b"{\"a\":1"), Err(NotAnAnswer::Malformed));
        assert_eq!(parse(b"{\"a\":1}}"), Err(NotAnAnswer::Malformed));
        assert_eq!(parse(b"{\"a\":\"\xff\"}"), Err(NotAnAnswer::Malformed));
        assert_eq!(parse(br#"{"a":{"b":1,"c":[{"b":2}]},"a":2}"#), Err(NotAnAnswer::Twice));
        assert_eq!(parse(br#"{"a":{"b":1,"b":1}}"#), Err(NotAnAnswer::Twice));
        assert!(parse(br#"{"a":{"b":"x\":\"a","c":[{"b":2},{"b":2}]},"b":"a:b"}"#).is_ok());
    }

    #[test]
    fn amounts_come_from_their_digits() {
        let value = parse(br#"{"cost":2.72,"text":"8.12000000","long":0.1000000000000000055,"e":1e2}"#).unwrap();
        assert_eq!(exact(&value, "cost", Currency::USD).unwrap().decimal(), "2.72");
        assert_eq!(exact(&value, "text", Currency::USD).unwrap().decimal(), "8.12");
        assert_eq!(exact(&value, "long", Currency::USD), None);
        assert_eq!(exact(&value, "e", Currency::USD).unwrap().decimal(), "100");
    }

    #[test]
    fn names_numbers_and_flags_in_every_form() {
        let value = json!({"packageCode": "X", "data": {"total_pages": "5"}, "on": "true", "n": 3.0, "z": null});
        assert_eq!(text(&value, "package_code").as_deref(), Some("X"));
        assert_eq!(whole(&value, "data.totalPages"), Some(5));
        assert_eq!(flag(&value, "on"), Some(true));
        assert_eq!(whole(&value, "n"), Some(3));
        assert_eq!(at(&value, "z"), None);
        assert_eq!(first(&value, &["nothing", "data.total_pages"]), Some(&json!("5")));
        assert_eq!(sized_text("1.2GB"), Some(1_288_490_188));
        assert_eq!(sized_text("500 MB"), Some(500 << 20));
        assert_eq!(sized_text("12 parsecs"), None);
        assert_eq!(bytes(&json!({"gb": 0.5}), "gb", 1 << 30), Some(1 << 29));
    }

    #[test]
    fn messages_in_four_forms() {
        assert_eq!(sentences(Some(&json!("a"))), "a");
        assert_eq!(sentences(Some(&json!(["a", "b"]))), "a; b");
        assert_eq!(sentences(Some(&json!({"error": ["a", "b"]}))), "a; b");
        assert_eq!(sentences(None), "");
    }

    #[test]
    fn only_a_list_from_new_to_old_is_known_to_be_read_far_enough() {
        let list = |days: &[&str]| -> Vec<Value> {
            days.iter().map(|day| json!({ "at": format!("2026-11-{day}T00:00:00Z") })).collect()
        };
        let since = "2026-11-10T00:00:00Z".parse().unwrap();
        assert!(goes_back_before(&list(&["12", "11", "09"]), "at", since));
        assert!(!goes_back_before(&list(&["12", "11", "10"]), "at", since));
        assert!(!goes_back_before(&list(&["08", "09", "12"]), "at", since));
        assert!(!goes_back_before(&list(&["08"]), "at", since), "one entry has no order");
        assert!(!goes_back_before(&[json!({"at": "2026-11-12T00:00:00Z"}), json!({})], "at", since));
        assert!(!goes_back_before(&[], "at", since));
    }

    #[test]
    fn dates_in_five_forms() {
        let second = Timestamp::from_second(1_771_248_518).unwrap();
        for text in [
            "1771248518",
            "1771248518000",
            "2026-02-16T13:28:38Z",
            "2026-02-16T13:28:38+0000",
            "2026-02-16T13:28:38+00:00",
            "2026-02-16 13:28:38",
        ] {
            assert_eq!(moment_of(text), Some(second), "{text}");
        }
        assert_eq!(moment_of("20250102").unwrap().to_string(), "2025-01-02T00:00:00Z");
        assert_eq!(moment_of("February 13, 2026 at 11:27 PM"), None);
        assert_eq!(moment_of("2026-02-16"), None);
        assert_eq!(day(&json!({"d": "2025-08-05"}), "d"), Some(jiff::civil::date(2025, 8, 5)));
    }
}
