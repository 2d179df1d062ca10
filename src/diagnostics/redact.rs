//! What must not leave the machine is taken out of every text: a pipeline of rules, each for one kind of secret.
//!
//! The first rule is that it was not logged: secrets print as dots by their type. This is the second net, for what a
//! provider, a terminal or a library put into a sentence. It rather takes too much than too little; what goes and what
//! stays is asserted line by line in the tests, and the support guide names every rule.
//!
//! A text is read as often as there are rules, and each of them is linear in its length: the expressions never go back,
//! and what is read by hand goes on behind what it took.

mod codes;
mod named;
mod numbers;
mod people;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use regex::{Captures, Regex, RegexBuilder};

/// What stands where something was taken out.
const GONE: &str = "•••";
/// Known secrets that are shorter are no secrets but words.
const SHORTEST: usize = 6;
/// Known secrets that are looked for at once.
const AT_ONCE: usize = 50;
/// A quotation mark that was written as an escape, meanwhile: of the private area, where nobody writes.
const ESCAPED_QUOTE: char = '\u{E022}';

/// Escapes and what stands for them meanwhile: separators that are white space to every rule, so that a secret ends
/// where its line does, and that nobody writes.
const ESCAPES: [(&str, &str); 3] = [("\\n", "\u{2028}"), ("\\t", "\u{2029}"), ("\\r", "\u{85}")];

/// How many were taken out, by rule.
pub type Counts = BTreeMap<&'static str, u64>;

/// A place in a text, and what stands there instead.
struct Cut {
    at: Range<usize>,
    instead: String,
}

/// Finds one kind of secret: places in their order, none over another.
type Find = Box<dyn Fn(&str) -> Vec<Cut> + Send + Sync>;

/// One kind of secret.
struct Rule {
    name: &'static str,
    find: Find,
}

/// The pipeline.
pub struct Redactor {
    rules: Vec<Rule>,
    known: Vec<Regex>,
    unicode: Regex,
}

impl Default for Redactor {
    fn default() -> Self {
        Redactor::new(Vec::new())
    }
}

impl Redactor {
    /// Takes out what the rules know, and each of `known` wherever it stands: the keys of this very machine.
    pub fn new(known: Vec<String>) -> Self {
        let unicode = pattern(r"(\\+)u00([2-7][0-9A-Fa-f])");
        Redactor { rules: rules(), known: patterns_of(known), unicode }
    }

    /// The text without its secrets; what was taken out is added to `counts`.
    pub fn text(&self, text: &str, counts: &mut Counts) -> String {
        // An escaped line end in JSON or `Debug` would glue its letter to the word behind it.
        let escaped = text.contains('\\');
        let mut text = if escaped { self.unescaped(text) } else { text.to_owned() };
        for known in &self.known {
            let cuts =
                known.find_iter(&text).map(|found| Cut { at: found.range(), instead: GONE.to_owned() }).collect();
            text = cut_out(text, cuts, "known secret", counts);
        }
        for rule in &self.rules {
            let cuts = (rule.find)(&text);
            text = cut_out(text, cuts, rule.name, counts);
        }
        if !escaped {
            return text;
        }
        let text = ESCAPES.iter().fold(text, |text, (escape, mark)| text.replace(mark, escape));
        text.replace(ESCAPED_QUOTE, "u0022")
    }

    /// The same, uncounted.
    pub fn clean(&self, text: &str) -> String {
        self.text(text, &mut Counts::new())
    }

    /// A text that stands under this name in a document: the name may say that it is a secret.
    pub fn under(&self, name: &str, text: &str) -> String {
        let quoted = serde_json::Value::from(text).to_string();
        let before = format!("\"{name}\":");
        let cleaned = self.clean(&format!("{before}{quoted}"));
        let inner = cleaned.strip_prefix(&before).and_then(|inner| serde_json::from_str(inner).ok());
        inner.unwrap_or_else(|| GONE.to_owned())
    }

    /// Escapes as what they stand for, as far as a rule would stumble over them. Letters, digits and the marks of
    /// addresses are written out for good; what is markup somewhere is not.
    fn unescaped(&self, text: &str) -> String {
        let text = self.unicode.replace_all(text, |found: &Captures<'_>| {
            let letter = u8::from_str_radix(&found[2], 16).map_or('\\', char::from);
            match letter {
                '"' => format!("{}{ESCAPED_QUOTE}", &found[1]),
                _ if letter.is_ascii_alphanumeric() || "@$+=:.-_/?% ".contains(letter) => letter.to_string(),
                _ => found[0].to_owned(),
            }
        });
        ESCAPES.iter().fold(text.into_owned(), |text, (escape, mark)| text.replace(escape, mark))
    }
}

/// Finds each of these secrets, as it is and as it stands in a quotation or an address. The longest first: one may
/// contain another.
fn patterns_of(known: Vec<String>) -> Vec<Regex> {
    let mut forms: Vec<String> = Vec::new();
    for secret in known.into_iter().filter(|secret| secret.len() >= SHORTEST) {
        forms.extend([percent_encoded(&secret), secret.escape_debug().to_string(), secret]);
    }
    forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    forms.dedup();
    let one = |forms: &[String]| {
        let either = forms.iter().map(|form| regex::escape(form)).collect::<Vec<_>>().join("|");
        RegexBuilder::new(&either).size_limit(1 << 28).build().expect("a choice of a few plain texts")
    };
    forms.chunks(AT_ONCE).map(one).collect()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

fn cut_out(text: String, cuts: Vec<Cut>, name: &'static str, counts: &mut Counts) -> String {
    if cuts.is_empty() {
        return text;
    }
    *counts.entry(name).or_default() += cuts.len() as u64;
    let mut left = String::with_capacity(text.len());
    let mut from = 0;
    for cut in cuts {
        left.push_str(&text[from..cut.at.start]);
        left.push_str(&cut.instead);
        from = cut.at.end;
    }
    left.push_str(&text[from..]);
    left
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a fixed pattern")
}

/// A rule that an expression finds; `put` says what stands instead, or that it may stay.
fn rule(name: &'static str, text: &str, put: fn(&Captures<'_>) -> Option<String>) -> Rule {
    let pattern = pattern(text);
    let find = move |text: &str| {
        let cut = |found: Captures<'_>| {
            let at = found.get(0)?.range();
            put(&found).map(|instead| Cut { at, instead })
        };
        pattern.captures_iter(text).filter_map(cut).collect()
    };
    Rule { name, find: Box::new(find) }
}

/// A rule for what has one of these marks in its line: only such lines are looked at.
fn rule_of_lines(name: &'static str, marks: &str, rule: Rule) -> Rule {
    let marks = pattern(marks);
    let find = move |text: &str| {
        let mut cuts = Vec::new();
        let mut from = 0;
        while let Some(mark) = marks.find_at(text, from) {
            let begin = text[from..mark.start()].rfind('\n').map_or(from, |place| from + place + 1);
            let end = text[mark.end()..].find('\n').map_or(text.len(), |place| mark.end() + place);
            let found = (rule.find)(&text[begin..end]).into_iter();
            cuts.extend(found.map(|cut| Cut { at: begin + cut.at.start..begin + cut.at.end, ..cut }));
            from = end;
        }
        cuts
    };
    Rule { name, find: Box::new(find) }
}

fn rules() -> Vec<Rule> {
    let mut rules = codes::activation();
    rules.push(Rule { name: "named secret", find: named::find() });
    rules.extend(codes::tokens());
    rules.extend(numbers::rules());
    rules.extend(codes::claims());
    rules.extend(people::rules());
    rules
}

/// The character before a place and the one behind another.
fn around(text: &str, at: &Range<usize>) -> (Option<char>, Option<char>) {
    (text[..at.start].chars().next_back(), text[at.end..].chars().next())
}

/// What was found without its first and last quotation marks and what escapes them.
fn unquoted(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text.trim_matches(['"', '\'', '`', '\\', ESCAPED_QUOTE]))
}
