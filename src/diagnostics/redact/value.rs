//! Where a value ends: up to its closing quotation mark or bracket, to the end of its header, or of its word.

use std::ops::Range;

use super::ESCAPED_QUOTE;

/// A value in brackets over several lines is read no further.
const LONGEST: usize = 8 * 1024;
/// Line ends: real ones, and escaped ones while the rules are at work.
const ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{85}'];

/// A value that was found.
pub(super) struct Found {
    /// What is between the quotation marks or brackets.
    pub(super) inner: Range<usize>,
    /// Whether it stands in none.
    pub(super) plain: bool,
}

/// How a value stands behind its name.
pub(super) struct Style {
    /// A header's, up to the end of its line.
    pub(super) header: bool,
    /// Its name stands in quotation marks.
    pub(super) quoted_name: bool,
    /// Behind `=`.
    pub(super) equals: bool,
}

/// The value at `at`, whose name begins at `name`.
pub(super) fn assigned(text: &str, name: usize, at: usize, style: &Style) -> Option<Found> {
    let key = Key::of(text, name);
    // `password: correct horse` of a YAML file, `password = correct horse` of an INI file.
    let spaced = text[..at].ends_with([' ', '\t']);
    let indicator =
        text[at..].trim_start_matches(['|', '>', '-', '+']).trim_start_matches(|c: char| c.is_ascii_digit());
    // An end that was escaped more than once keeps what escapes it.
    let bare = indicator.trim_start_matches('\\');
    let indicator = if bare.starts_with(['\u{2028}', '\u{85}']) { bare } else { indicator };
    if indicator.is_empty() || indicator.starts_with(ENDS) {
        let end = text.len() - indicator.len();
        if let Some(key) = key.as_ref().filter(|_| !style.equals) {
            return block(text, end, key).or_else(|| below(text, end, style));
        }
        return below(text, end, style);
    }
    if let Some(found) = quoted(text, at).or_else(|| wrapped(text, at, key.is_some())) {
        return Some(found);
    }
    let end = match style {
        Style { header: true, .. } => header_end(text, at, style.equals),
        Style { quoted_name: false, .. } if key.is_some() && spaced => line_end(text, at),
        _ => scheme_end(text, at),
    };
    (end > at).then_some(Found { inner: at..end, plain: true })
}

/// The word at `at`.
pub(super) fn word(text: &str, at: usize) -> Found {
    Found { inner: at..word_end(text, at), plain: true }
}

/// What stands in quotation marks at `at`, whatever escapes them.
pub(super) fn quoted(text: &str, at: usize) -> Option<Found> {
    let rest = &text[at..];
    if let Some(inner) = rest.strip_prefix("%22") {
        let end = inner.find("%22").unwrap_or_else(|| inner.find(char::is_whitespace).unwrap_or(inner.len()));
        return Some(Found { inner: at + 3..at + 3 + end, plain: false });
    }
    // `b"…"` of a byte string, `r"…"` of a raw one.
    let marked = rest.trim_start_matches(['b', 'r', 'B', 'R', 'u', 'U', 'f']);
    let rest = if rest.len() - marked.len() <= 2 && marked.starts_with(['"', '\'', '\\']) { marked } else { rest };
    let inner = rest.trim_start_matches('\\');
    let slashes = rest.len() - inner.len();
    let mark = inner.chars().next().filter(|c| matches!(c, '"' | '\'' | '`') || *c == ESCAPED_QUOTE)?;
    let begin = text.len() - inner.len() + mark.len_utf8();
    if slashes == 0
        && let Some(tripled) = ["\"\"\"", "'''"].into_iter().find(|tripled| inner.starts_with(tripled))
    {
        let begin = text.len() - inner.len() + 3;
        let end = text[begin..].find(tripled).unwrap_or_else(|| text[begin..].len().min(line_end(text, begin) - begin));
        return Some(Found { inner: begin..begin + end, plain: false });
    }
    Some(Found { inner: begin..closing(text, begin, mark, slashes), plain: false })
}

/// Where the quotation ends that began with `slashes` before its mark. A mark of the value itself has more of them before
/// it; one with fewer ends what the quotation stands in. At the latest the line ends it.
fn closing(text: &str, begin: usize, mark: char, slashes: usize) -> usize {
    let depth = (slashes + 1).next_power_of_two();
    let mut run = 0;
    for (place, c) in text[begin..].char_indices() {
        let place = begin + place;
        match c {
            '\\' => {
                run += 1;
                continue;
            }
            '\n' => return place,
            _ if c == mark && run % (2 * depth) <= slashes => return place - run % (2 * depth),
            _ => run = 0,
        }
    }
    text.len()
}

/// What stands in brackets: a list, an object, what `Debug` wraps a value in.
fn wrapped(text: &str, at: usize, first: bool) -> Option<Found> {
    let rest = &text[at..];
    let name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '&');
    let mut inner = name.strip_prefix(' ').filter(|inner| inner.starts_with('{')).unwrap_or(name);
    let named = rest.len() - name.len();
    if named > 0 {
        // A type's name is no part of the value; a password may have brackets too.
        let behind = inner.get(1..).unwrap_or_default().trim_start();
        let camel =
            rest.starts_with(|c: char| c.is_ascii_uppercase()) && rest[1..named].contains(|c: char| c.is_lowercase());
        let debug = camel && (name.starts_with(" {") || behind.starts_with(['"', '\'', '\\', '[', '{', '(', '•', '*']));
        if !(debug || rest.starts_with("Some(") || rest.starts_with("Ok(")) {
            return None;
        }
    }
    if !inner.starts_with(['(', '{', '[']) {
        return None;
    }
    let begin = text.len() - inner.len() + 1;
    inner = &text[begin..];
    // Over several lines only as documents are laid out: `unexpected token: {` ends a sentence.
    let lines = first && inner.trim_start_matches([' ', '\t']).starts_with(['\n', '\u{2028}']);
    Some(Found { inner: begin..bracket_end(text, begin, lines), plain: false })
}

fn bracket_end(text: &str, begin: usize, lines: bool) -> usize {
    let (mut open, mut string, mut run, mut slashes) = (1, false, 0, 0);
    for (place, c) in text[begin..].char_indices() {
        let place = begin + place;
        match c {
            '\\' => {
                run += 1;
                continue;
            }
            '\n' | '\u{2028}' if !lines => return place,
            '"' if !string => (string, slashes) = (true, run),
            '"' if run <= slashes => string = false,
            '[' | '{' | '(' if !string => open += 1,
            ']' | '}' | ')' if !string => open -= 1,
            _ => {}
        }
        if open == 0 || lines && place - begin > LONGEST {
            return place;
        }
        run = 0;
    }
    text.len()
}

/// A key that is the first of its line, as in YAML, TOML, INI and pretty-printed documents.
struct Key {
    indent: usize,
}

impl Key {
    fn of(text: &str, name: usize) -> Option<Key> {
        let before = text[..name].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_-.\"'\\".contains(c));
        let bare = before.trim_end_matches([' ', '\t']);
        let bare = bare.strip_suffix(['#', '-']).unwrap_or(bare).trim_end_matches([' ', '\t']);
        // The dash of a list went with the name where there is no space between.
        let begin =
            text[..name].rfind(ENDS).map_or(0, |end| end + text[end..].chars().next().map_or(1, char::len_utf8));
        let line = &text[begin..name];
        let indent = line.len() - line.trim_start_matches([' ', '\t', '-']).len();
        (bare.is_empty() || bare.ends_with(ENDS) || bare.len() <= begin).then_some(Key { indent })
    }
}

/// The lines that stand deeper than their key.
fn block(text: &str, at: usize, key: &Key) -> Option<Found> {
    let (mut end, mut begin) = (at, None);
    for line in text[at..].split_inclusive(ENDS).skip(1) {
        let start = end_of_break(text, end);
        let content = line.trim_end_matches(ENDS);
        let indent = content.len() - content.trim_start_matches([' ', '\t']).len();
        let listed = indent == key.indent && content[indent..].starts_with("- ");
        if content.trim().is_empty() || indent <= key.indent && !listed || start + indent > text.len() {
            break;
        }
        begin = begin.or(Some(start + indent));
        end = start + content.len();
    }
    begin.map(|begin| Found { inner: begin..end, plain: true })
}

fn end_of_break(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(0, char::len_utf8)
}

/// A value in quotation marks or brackets on the line behind a quoted name.
fn below(text: &str, at: usize, style: &Style) -> Option<Found> {
    if !style.quoted_name {
        return None;
    }
    let mut rest = text[at..].trim_start();
    while rest.trim_start_matches('\\').starts_with(['\u{2028}', '\u{85}']) {
        rest = rest.trim_start_matches('\\').trim_start();
    }
    let value = text.len() - rest.len();
    quoted(text, value).or_else(|| wrapped(text, value, true))
}

fn line_end(text: &str, at: usize) -> usize {
    let line = &text[at..text[at..].find(ENDS).map_or(text.len(), |end| at + end)];
    // ` status=401` is another field, `"` ends what all of it stands in.
    let mut end = line.find(['"', ESCAPED_QUOTE]).map_or(line.len(), |mark| line[..mark].trim_end_matches('\\').len());
    for (place, _) in line[..end].match_indices(' ') {
        let word = &line[place + 1..];
        let name = word.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let listed = line[..place].ends_with([',', ';']) && name.starts_with(':');
        if name.len() < word.len() && (name.starts_with('=') || listed) {
            end = place;
            break;
        }
    }
    at + line[..end].trim_end_matches([' ', '\t', ',', ';', '}', ')', ']', '\\']).len()
}

/// A header ends with its line, or with what it stands in; its own parameters may stand in quotation marks.
fn header_end(text: &str, at: usize, equals: bool) -> usize {
    let line = &text[at..text[at..].find(ENDS).map_or(text.len(), |end| at + end)];
    if equals {
        return line_end(text, at);
    }
    let mut within = false;
    let mut before = ' ';
    for (place, c) in line.char_indices() {
        if c == '"' || c == ESCAPED_QUOTE || c == '\'' {
            let opens = matches!(before, '=' | ' ' | ':' | ',' | '(');
            if !within && !opens {
                return at + line[..place].trim_end_matches('\\').len();
            }
            within = !within;
        }
        if c == '<' && !within {
            return at + place;
        }
        if c != '\\' {
            before = c;
        }
    }
    at + line.trim_end_matches([' ', '\t', '\\']).len()
}

/// A word, and the one behind it where the first is a scheme's.
fn scheme_end(text: &str, at: usize) -> usize {
    let end = word_end(text, at);
    let scheme = ["bearer", "basic", "digest", "apikey", "token", "negotiate"];
    match text[end..].strip_prefix(' ') {
        Some(_) if scheme.iter().any(|scheme| text[at..end].eq_ignore_ascii_case(scheme)) => word_end(text, end + 1),
        _ => end,
    }
}

/// A word ends at white space, at a quotation mark, and where the next field begins.
fn word_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let mut end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`') || c == ESCAPED_QUOTE);
    let word = &rest[..end.unwrap_or(rest.len())];
    for (place, c) in word.char_indices() {
        let behind = &word[place + c.len_utf8()..];
        let next = match c {
            '&' | ',' | ';' => field_begins(behind),
            '%' => behind.starts_with("26") && field_begins(&behind[2..]) || behind.starts_with("22"),
            '<' => behind.starts_with(['/', '!']) || behind.starts_with("br"),
            '}' | ']' | ')' => {
                behind.starts_with([',', '}', ']', ')'])
                    && field_begins(behind.trim_start_matches([',', '}', ']', ')']))
            }
            _ => false,
        };
        if next {
            end = Some(place);
            break;
        }
    }
    let word = &rest[..end.unwrap_or(rest.len())];
    at + word.trim_end_matches([',', ';', '}', ')', ']', '>', '\\', '.', '!', '?']).len()
}

/// `name=`, `name:`, `name%3D`.
fn field_begins(text: &str) -> bool {
    let name = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-.".contains(c));
    name.len() < text.len() && (name.starts_with([':', '=']) || name.starts_with("%3D") || name.starts_with("%3A"))
}
