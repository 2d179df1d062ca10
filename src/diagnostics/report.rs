//! What the page tells, before it is drawn.

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::live;
use super::recorder::HealthLine;
use super::redact::Redactor;
use super::sales::{Books, Told};
use super::sources::Scene;
use crate::journal::archive::{Archive, CaseRow, Wanted as Query};

/// Everything that the page tells, without its secrets.
pub struct Story<'a> {
    /// The machine and what was asked for.
    pub scene: &'a Scene,
    /// The journal.
    pub books: &'a Books,
    /// Open cases.
    pub cases: Vec<CaseRow>,
    /// What the service told of itself last.
    pub devices: Option<Value>,
    /// Health over time.
    pub history: Vec<HealthLine>,
    /// Sources that failed: file and text.
    pub failed: Vec<(String, String)>,
    /// The sale that was asked for, as it may be repeated: whoever pastes a code there must not find it again.
    pub asked: Option<String>,
    /// What the records pass through.
    redactor: &'a Redactor,
}

impl<'a> Story<'a> {
    /// The story of a machine.
    pub fn of(scene: &'a Scene, books: &'a Books, failed: &'a [(String, String)], redactor: &'a Redactor) -> Self {
        let mut cases = books.cases.clone();
        cases.iter_mut().for_each(|case| case.evidence = redactor.clean(&case.evidence));
        let mut history = live::history(scene);
        for line in &mut history {
            for text in [&mut line.selling, &mut line.terminal, &mut line.printer] {
                *text = redactor.clean(text);
            }
        }
        let devices = live::devices(scene).map(|devices| clean(redactor, "", &devices));
        let failed = failed.iter().map(|(file, why)| (redactor.clean(file), redactor.clean(why))).collect();
        let asked = scene.wanted.sale.as_deref().map(|sale| redactor.clean(sale));
        Story { scene, books, cases, devices, history, failed, asked, redactor }
    }
}

/// A value without its secrets. Each text is looked at with the name before it, by which a secret is known; the value
/// keeps its shape, whatever was taken out of its texts.
fn clean(redactor: &Redactor, name: &str, value: &Value) -> Value {
    let text = |text: &str| redactor.under(name, text);
    match value {
        Value::String(inner) => Value::String(text(inner)),
        Value::Number(number) => {
            let (number, cleaned) = (number.to_string(), text(&number.to_string()));
            if cleaned == number { value.clone() } else { Value::String(cleaned) }
        }
        Value::Array(items) => items.iter().map(|item| clean(redactor, name, item)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, inner)| (redactor.clean(name), clean(redactor, name, inner)));
            Value::Object(fields.collect())
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// A stretch of time in which the health was the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// From.
    pub from: Timestamp,
    /// Until the next change, or the end of the time asked for.
    pub until: Timestamp,
    /// How it was.
    pub line: HealthLine,
}

/// The hour around a sale, if the journal can be read and knows it.
pub fn around_sale(journal: &crate::journal::section::Section, name: &str) -> Option<(Timestamp, Timestamp)> {
    let archive = Archive::open(journal).ok()?;
    let id = archive.find(name).ok()??;
    let row = archive.list(&Query { limit: None, ..Query::default() }).ok()?.into_iter().find(|row| row.id == id)?;
    let begin = Timestamp::from_millisecond(row.opened_ms).ok()?;
    let end = Timestamp::from_millisecond(row.closed_ms.unwrap_or(row.opened_ms)).ok()?;
    Some((begin.checked_sub(1.hour()).ok()?, end.checked_add(1.hour()).ok()?))
}

/// The history as stretches; a gap of more than two hours is a time in which nothing ran.
pub fn stretches(history: &[HealthLine], end: Timestamp) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (place, line) in history.iter().enumerate() {
        let next = history.get(place + 1).map_or(end, |next| next.at).max(line.at);
        let limit = line.at.checked_add(2.hours()).unwrap_or(next);
        let until = next.min(limit);
        match stretches.last_mut() {
            Some(last) if last.until == line.at && last.line.same_as(line) => last.until = until,
            _ => stretches.push(Stretch { from: line.at, until, line: line.clone() }),
        }
    }
    stretches
}

/// One record of a sale for the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Local time.
    pub time: String,
    /// Milliseconds after the first record; none after a restart with a clock that was not set.
    pub after_ms: Option<u64>,
    /// The record's kind.
    pub kind: String,
    /// What it says beside its kind.
    pub says: Value,
    /// The program was started anew before it.
    pub restarted: bool,
}

/// A sale's records as beats.
pub fn beats(story: &Story<'_>, told: &Told) -> Vec<Beat> {
    let first = told.entries.first().map(|entry| entry.at);
    let mut run = first.map_or(0, |first| first.run);
    told.entries
        .iter()
        .map(|entry| {
            let mut record = clean(story.redactor, "", &super::sales::shown(&entry.record));
            let kind = record.as_object_mut().and_then(|fields| fields.remove("kind"));
            let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("?").to_owned();
            let restarted = entry.at.run != run;
            run = entry.at.run;
            let after_ms = first.and_then(|first| entry.at.since(&first));
            Beat { time: story.books.local(entry.at.wall_ms), after_ms, kind, says: record, restarted }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_loses_its_secrets_and_keeps_its_shape() {
        let redactor = Redactor::default();
        let said = "Authorization: Bearer abcDEF123\n{\"matchingId\":\"K2-SECRET\",\"x\":1}\"";
        let value = json!({
            "kind": "order_unknown", "good": 0, "matching_id": "ABC-1234", "evidence": said,
            "list": ["jane@mail.example.com", null, true], "number": 4_761_739_001_010_119_u64,
        });
        let cleaned = clean(&redactor, "", &value);
        assert_eq!(
            (&cleaned["kind"], &cleaned["good"], &cleaned["list"][2]),
            (&json!("order_unknown"), &json!(0), &json!(true))
        );
        assert_eq!(cleaned["matching_id"], "•••");
        assert_eq!(cleaned["number"], "…0119");
        let text = cleaned.to_string();
        for secret in ["abcDEF123", "K2-SECRET", "jane", "ABC-1234"] {
            assert!(!text.contains(secret), "{secret} stayed in {text}");
        }
    }
}
