//! Reads a TOML document section by section and goes on after a problem: what is wrong is noted, taken out, and the
//! rest is read again, so that every problem is told at once.

use std::ops::Range;
use std::path::Path;

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::de::{DeArray, DeTable, DeValue};
use toml::{Spanned, de::Error};

use super::{ConfigErrors, Problem};

/// What may stand in for a required value that is missing, to find out what else is wrong. Such a document is never
/// used.
const STAND_INS: [&str; 8] = ["\"EUR\"", "\"credential:x\"", "\"1\"", "\"serial:/dev/null\"", "1", "true", "[]", "{ }"];
/// The place of what does not stand in the document.
const NOWHERE: Range<usize> = usize::MAX - 1..usize::MAX;
/// Keys that were known once, and what to do instead.
const MOVED: [(&str, &str); 1] =
    [("screen.rotation", "put rotation= into machine.conf, beside this file, and leave it out here")];
/// More problems than anybody mends in one go.
const MOST: usize = 100;

/// A document being read.
pub(super) struct Document<'a> {
    text: &'a str,
    root: DeTable<'a>,
    read: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut document = Document { text, root: root.into_inner(), read: Vec::new(), problems: Vec::new() };
        for error in errors {
            let line = error.span().map(|span| document.line_of(span.start));
            document.note(line, String::new(), format!("this is no TOML: {}", error.message()));
        }
        document
    }

    /// Whether the document has this section at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.root.get(name).is_some()
    }

    /// One section; its default where it is missing or wrong.
    pub(super) fn section<T: DeserializeOwned + Default>(&mut self, name: &'static str) -> T {
        self.read.push(name);
        match self.root.get(name).cloned() {
            Some(value) => self.value(name, value).unwrap_or_default(),
            None => T::default(),
        }
    }

    /// A list of sections, `[[name]]`.
    pub(super) fn list<T: DeserializeOwned>(&mut self, name: &'static str) -> Vec<T> {
        self.read.push(name);
        let Some(value) = self.root.get(name).cloned() else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            let line = self.line_of(value.span().start);
            self.note(Some(line), name.to_owned(), format!("a list of sections is expected: [[{name}]]"));
            return Vec::new();
        };
        let items: Vec<_> = array.iter().cloned().collect();
        items
            .into_iter()
            .enumerate()
            .filter_map(|(place, item)| self.value(&format!("{name}[{place}]"), item))
            .collect()
    }

    /// Tells every section that nobody has read.
    pub(super) fn nothing_else(&mut self) {
        let known = self.read.join(", ");
        let unread: Vec<(String, usize)> = self
            .root
            .iter()
            .filter(|(key, _)| !self.read.contains(&key.get_ref().as_ref()))
            .map(|(key, _)| (key.get_ref().to_string(), key.span().start))
            .collect();
        for (key, at) in unread {
            let line = self.line_of(at);
            self.note(Some(line), key, format!("no such section; there are {known}"));
        }
    }

    /// Notes a problem of the value under `key`, at its line if the document has it, unless one was told already.
    pub(super) fn problem(&mut self, key: &str, what: String) {
        if self.problems.iter().any(|problem| problem.key == key) {
            return;
        }
        let line = find(&self.root, key).map(|at| self.line_of(at));
        self.note(line, key.to_owned(), what);
    }

    /// The configuration, if nothing was wrong.
    pub(super) fn finish<T>(mut self, config: T, file: &Path) -> Result<T, ConfigErrors> {
        if self.problems.is_empty() {
            return Ok(config);
        }
        self.problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        Err(ConfigErrors { file: file.to_owned(), problems: self.problems })
    }

    fn value<T: DeserializeOwned>(&mut self, path: &str, mut value: Spanned<DeValue<'a>>) -> Option<T> {
        let mut taken: Vec<String> = Vec::new();
        let mut stand_ins: Vec<(Vec<String>, usize)> = Vec::new();
        for _ in 0..MOST {
            let error = match T::deserialize(value.clone().into_deserializer()) {
                // What was taken out has its default: enough to judge the rest by.
                Ok(read) => return stand_ins.is_empty().then_some(read),
                Err(error) => error,
            };
            let goes_on = match (missing(&value, &error), stand_ins.last_mut()) {
                (Some(place), _) => {
                    let key = join(path, &place);
                    if !taken.contains(&key) {
                        let at = find(&self.root, path).unwrap_or(value.span().start);
                        let line = self.line_of(at);
                        self.note(Some(line), key, "is missing".to_owned());
                    }
                    stand_ins.push((place.clone(), 0));
                    stand_in(&mut value, &place, 0)
                }
                // The last stand-in is of the wrong kind: the next one.
                (None, Some((place, kind))) if error.span().is_none_or(|span| span == NOWHERE) => {
                    *kind += 1;
                    stand_in(&mut value, &place.clone(), *kind)
                }
                (None, _) => self.take_out::<T>(path, &mut value, &mut taken, &error),
            };
            if !goes_on {
                break;
            }
        }
        None
    }

    /// Notes one error and takes its cause out of `value`. Whether it was found.
    fn take_out<T: DeserializeOwned>(
        &mut self,
        path: &str,
        value: &mut Spanned<DeValue<'a>>,
        taken: &mut Vec<String>,
        error: &Error,
    ) -> bool {
        let message = error.message();
        let mut place = Vec::new();
        let found = match error.span() {
            Some(span) => take_out(value.get_mut(), &span, &mut place),
            None => take_out_culprit::<T>(value, message, &mut place),
        };
        let key = join(path, &place);
        let at = find(&self.root, &key).or(error.span().map(|span| span.start)).unwrap_or(value.span().start);
        let line = self.line_of(at);
        let secret = ["password", "key", "secret", "token"].iter().any(|word| key.ends_with(word));
        let what = if let Some((_, instead)) = MOVED.iter().find(|(moved, _)| *moved == key) {
            (*instead).to_owned()
        } else if secret && message.starts_with("invalid ") {
            "text in quotation marks is expected (what stands there is not repeated here)".to_owned()
        } else {
            in_words(message)
        };
        self.note(Some(line), key.clone(), what);
        taken.push(key);
        found
    }

    fn note(&mut self, line: Option<usize>, key: String, what: String) {
        let problem = Problem { line, key, what };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn line_of(&self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }
}

fn join(path: &str, place: &[String]) -> String {
    place.iter().fold(path.to_owned(), |key, part| {
        if part.starts_with('[') { format!("{key}{part}") } else { format!("{key}.{part}") }
    })
}

/// The name in backticks after `start`.
fn quoted<'m>(message: &'m str, start: &str) -> Option<&'m str> {
    message.strip_prefix(start)?.strip_prefix('`')?.split('`').next()
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && outer.end > outer.start
}

/// Takes out the innermost entry whose key or value lies at `span`, and tells its place.
fn take_out<'a>(value: &mut DeValue<'a>, span: &Range<usize>, place: &mut Vec<String>) -> bool {
    match value {
        DeValue::Table(table) => {
            let keys: Vec<_> = table.keys().cloned().collect();
            for key in &keys {
                let name = key.get_ref().to_string();
                let Some(inner) = table.get_mut(name.as_str()) else { continue };
                place.push(name.clone());
                if take_out(inner.get_mut(), span, place) {
                    return true;
                }
                if covers(&key.span(), span) || covers(&inner.span(), span) {
                    table.remove(name.as_str());
                    return true;
                }
                place.pop();
            }
            false
        }
        DeValue::Array(array) => {
            for index in 0..array.len() {
                place.push(format!("[{index}]"));
                if array.get_mut(index).is_some_and(|item| take_out(item.get_mut(), span, place)) {
                    return true;
                }
                if covers(&array[index].span(), span) {
                    let mut rest = DeArray::new();
                    array
                        .iter()
                        .enumerate()
                        .filter(|(at, _)| *at != index)
                        .for_each(|(_, item)| rest.push(item.clone()));
                    *array = rest;
                    return true;
                }
                place.pop();
            }
            false
        }
        _ => false,
    }
}

/// The place of the innermost table whose own span is `span`.
fn enclosing(value: &Spanned<DeValue<'_>>, span: &Range<usize>, place: &mut Vec<String>) -> bool {
    let inner: Vec<(String, &Spanned<DeValue<'_>>)> = match value.get_ref() {
        DeValue::Table(table) => table.iter().map(|(key, item)| (key.get_ref().to_string(), item)).collect(),
        DeValue::Array(array) => array.iter().enumerate().map(|(at, item)| (format!("[{at}]"), item)).collect(),
        _ => return false,
    };
    for (name, item) in inner {
        place.push(name);
        if enclosing(item, span, place) || (item.span() == *span && item.get_ref().is_table()) {
            return true;
        }
        place.pop();
    }
    false
}

/// An operator knows numbers and text, not the types of a programming language.
fn in_words(message: &str) -> String {
    let words = [
        ("f32", "a number"),
        ("f64", "a number"),
        ("u8", "a whole number from 0 to 255"),
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number"),
        ("u64", "a whole number"),
        ("usize", "a whole number"),
        ("i64", "a whole number"),
        ("a string", "text in quotation marks"),
        ("a boolean", "true or false"),
        ("a sequence", "a list in square brackets"),
    ];
    let Some((before, kind)) = message.rsplit_once("expected ") else { return message.to_owned() };
    let found = words.iter().find(|(name, _)| *name == kind);
    found.map_or_else(|| message.to_owned(), |(_, said)| format!("{before}expected {said}"))
}

/// The place of the value that an error misses.
fn missing(value: &Spanned<DeValue<'_>>, error: &Error) -> Option<Vec<String>> {
    let field = quoted(error.message(), "missing field ")?;
    let mut place = Vec::new();
    if let Some(span) = error.span() {
        enclosing(value, &span, &mut place);
    }
    place.push(field.to_owned());
    Some(place)
}

/// Inside of a tagged section an error has no place: its cause is the entry without which the error is another one.
fn take_out_culprit<T: DeserializeOwned>(
    value: &mut Spanned<DeValue<'_>>,
    message: &str,
    place: &mut Vec<String>,
) -> bool {
    let DeValue::Table(table) = value.get_ref() else { return false };
    let mut names: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
    // Without the tag every error is another one.
    names.sort_by_key(|name| name == "api");
    for name in names {
        let mut without = value.clone();
        if let DeValue::Table(table) = without.get_mut() {
            table.remove(name.as_str());
        }
        let answer = T::deserialize(without.clone().into_deserializer());
        if answer.err().is_none_or(|error| error.message() != message) {
            *value = without;
            place.push(name);
            return true;
        }
    }
    false
}

/// Puts something of the `kind`-th kind where a required value is missing. Whether there was a kind left.
fn stand_in(value: &mut Spanned<DeValue<'_>>, place: &[String], kind: usize) -> bool {
    let Some((field, tables)) = place.split_last() else { return false };
    let mut at = value.get_mut();
    for name in tables {
        let next = match (at, name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))) {
            (DeValue::Array(array), Some(index)) => index.parse().ok().and_then(|index: usize| array.get_mut(index)),
            (DeValue::Table(table), None) => table.get_mut(name.as_str()),
            _ => None,
        };
        let Some(next) = next else { return false };
        at = next.get_mut();
    }
    let (DeValue::Table(table), Some(Ok(stand_in))) = (at, STAND_INS.get(kind).map(|text| DeValue::parse(text))) else {
        return false;
    };
    table.remove(field.as_str());
    table.insert(
        Spanned::new(NOWHERE, std::borrow::Cow::Owned(field.clone())),
        Spanned::new(NOWHERE, stand_in.into_inner()),
    );
    true
}

/// Where the value under a key such as `pricing.rates[1].rate` stands.
fn find(root: &DeTable<'_>, key: &str) -> Option<usize> {
    let mut table = root;
    let mut at = None;
    for part in key.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, index.strip_suffix(']')?.parse::<usize>().ok()),
            None => (part, None),
        };
        let (found, mut value) = table.get_key_value(name)?;
        at = Some(found.span().start);
        if let Some(index) = index {
            value = value.get_ref().get(index)?;
            at = Some(value.span().start);
        }
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => return at,
        }
    }
    at
}
