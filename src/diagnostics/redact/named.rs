//! What stands under a name that says that it is a secret: in JSON, TOML, YAML, XML, headers, forms, `Debug`, and in
//! a sentence.

use regex::{Captures, Regex};

use super::value::{self, Style};
use super::{Cut, ESCAPED_QUOTE, Find, GONE, pattern, unquoted};

/// Names that say it wherever they stand in a longer one: `mobilexy_apiToken`.
const LONG: &str = r"passw(?:or)?d|passwort|kennwort|passphrase|passcode|passkey|secret|token|jwt|hmac|mnemonic|api[_. -]?key|access[_-]?(?:key|code)|(?:private|secret|signing|encryption|shared|auth|session|master|wallet|account|license|security|client|device)[_ -]?key|authorization|cookie|signature|(?:confirmation|activation|claim|security|service|unlock|verification|pairing)[_ -]?(?:code|pin)|matching[_ -]?id|qr[_-]?code|smdp[_-]?address[_-]?and[_-]?code|card[_-]?data|(?:php|j|asp)?sess(?:ion)?[_-]?id|bearer|track[_-]?[123](?:[_-]?data)?";
/// Names that are words or parts of words: they say it alone, or as the last part of a longer one.
const SHORT: &str = r"psk|pwd|pass|pin|puk|imsi|lpa|otp|totp|sid|cvv|cvc|csrf|xsrf|ki|opc?|claim";
/// What may follow a name and leaves it one.
const ENDING: &str = r"(?:[_-]?(?:value|text|data|string|plain|encrypted|base64|b64|hex|header|url|key|id|code|number|new|old|current|confirmation|confirm|hash)|[0-9]{1,2}|s)*";

/// A name that was found.
struct Name<'a> {
    /// The word itself, in small letters, without its ending.
    word: String,
    short: bool,
    /// Its first letter's place in the text.
    start: usize,
    end: usize,
    text: &'a str,
}

/// What stands between a name and its value.
struct Between {
    /// The value's place.
    at: usize,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// `:` or `=`; whether the name stands in quotation marks, and whether it was `=`.
    Assigned { quoted: bool, equals: bool },
    /// `<name>`.
    Element,
    /// `("name", "value")`, `name="token" value="…"`: the value stands in quotation marks, or it is none.
    Beside,
    /// Nothing but a space.
    Spoken,
}

struct Patterns {
    names: Regex,
    assigned: Regex,
    beside: Regex,
    element: Regex,
    spoken: Regex,
}

/// The rule.
pub(super) fn find() -> Find {
    let q = r#"(?:\\*["'`\u{E022}]|%22)"#;
    let patterns = Patterns {
        names: pattern(&format!("(?i-u)(?:({LONG})|({SHORT})){ENDING}")),
        assigned: pattern(&format!(r"(?i)\A({q})?[\])]?[ \t]*(=>|:=|={{1,2}}|:|%3A|%3D)[ \t]*")),
        beside: pattern(&format!(r"\A{q}(?:[ \t]*,[ \t]*(?:{q}value{q}[ \t]*:[ \t]*)?|[ \t]+(?:value|content)=)")),
        element: pattern(r"\A(?:[ \t][^<>\n]{0,100})?>"),
        spoken: pattern(r"\A[ \t]{1,2}(?:(?:is|was|ist|war|no\.?|nr\.?|number)[ \t])?"),
    };
    Box::new(move |text| cuts(&patterns, text))
}

fn cuts(patterns: &Patterns, text: &str) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut from = 0;
    while let Some(found) = patterns.names.captures_at(text, from) {
        let Some(name) = name_of(text, &found) else { break };
        let cut = between(patterns, &name).and_then(|between| cut_of(&name, &between));
        from = match cut {
            Some(cut) => {
                let end = cut.at.end.max(name.end);
                cuts.push(cut);
                end
            }
            // Another name may begin within this one.
            None => name.start + 1,
        };
    }
    cuts
}

fn name_of<'a>(text: &'a str, found: &Captures<'_>) -> Option<Name<'a>> {
    let whole = found.get(0)?;
    let word = found.get(1).or(found.get(2))?;
    let (start, end) = (whole.start(), whole.end());
    Some(Name { word: word.as_str().to_ascii_lowercase(), short: found.get(1).is_none(), start, end, text })
}

impl Name<'_> {
    /// Whether a word ends and begins where it should: `ping` and `hotel` are no names, `simPin` is one.
    fn stands(&self) -> bool {
        let behind = self.text[self.end..].chars().next();
        if behind.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return false;
        }
        let before = self.text[..self.start].chars().next_back();
        let capital = self.text[self.start..].starts_with(|c: char| c.is_ascii_uppercase());
        !self.short || before.is_none_or(|c| !c.is_alphanumeric() || c.is_lowercase() && capital)
    }

    /// A header, whose value goes on to the end of its line.
    fn is_header(&self) -> bool {
        matches!(self.word.as_str(), "authorization" | "cookie")
    }

    /// Names that are also something else: only a value that looks like one counts.
    fn is_doubtful(&self) -> bool {
        matches!(self.word.as_str(), "ki" | "op" | "opc" | "claim" | "sid" | "signature")
    }
}

fn between(patterns: &Patterns, name: &Name<'_>) -> Option<Between> {
    if !name.stands() {
        return None;
    }
    let rest = &name.text[name.end..];
    if let Some(found) = patterns.assigned.captures(rest) {
        let sign = &found[2];
        let at = name.end + found[0].len();
        // `token::parse` is a place in a program.
        if sign == ":" && name.text[at..].starts_with(':') {
            return None;
        }
        let equals = sign.contains('=') || sign.eq_ignore_ascii_case("%3D");
        return Some(Between { at, how: How::Assigned { quoted: found.get(1).is_some(), equals } });
    }
    let of = |regex: &Regex, how| regex.find(rest).map(|found| Between { at: name.end + found.end(), how });
    if let Some(beside) = of(&patterns.beside, How::Beside) {
        return Some(beside);
    }
    if let Some(element) = of(&patterns.element, How::Element)
        && is_element(&name.text[..name.start])
    {
        return Some(element);
    }
    // Behind a scheme stands what the rule for tokens knows.
    let speaks =
        !name.short && name.word != "bearer" || matches!(name.word.as_str(), "psk" | "pwd" | "pin" | "puk" | "otp");
    if speaks { of(&patterns.spoken, How::Spoken) } else { None }
}

/// Whether `<` or `<ns:` and the beginning of a name stand before it.
fn is_element(before: &str) -> bool {
    before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_-:.".contains(c)).ends_with('<')
}

fn cut_of(name: &Name<'_>, between: &Between) -> Option<Cut> {
    let (text, at) = (name.text, between.at);
    // What is left of an activation code.
    if text[at..].starts_with("1$•••") {
        return None;
    }
    let found = match between.how {
        How::Element => {
            let end = text[at..].find(['<', '\n']).map_or(text.len(), |end| at + end);
            value::Found { inner: at..end, plain: true }
        }
        How::Beside => value::quoted(text, at)?,
        How::Spoken => {
            let found = value::quoted(text, at).unwrap_or_else(|| value::word(text, at));
            let said = &text[found.inner.clone()];
            let quoted = !found.plain && said.contains(' ');
            return (quoted || is_said(name, said)).then(|| cut(found));
        }
        How::Assigned { quoted, equals } => {
            let style = Style { header: name.is_header(), quoted_name: quoted, equals };
            value::assigned(text, name.start, at, &style)?
        }
    };
    let said = &text[found.inner.clone()];
    if is_harmless(said) || name.is_doubtful() && !looks_like_one(name, said) {
        return None;
    }
    // `pass: 3 of 4` counts something.
    let counts = matches!(between.how, How::Assigned { quoted: false, equals: false });
    if name.word == "pass" && counts && found.plain && said.len() < 4 {
        return None;
    }
    Some(cut(found))
}

fn cut(found: value::Found) -> Cut {
    Cut { at: found.inner, instead: GONE.to_owned() }
}

/// Whether a word behind a name in a sentence is its value: no word of a language, no time, no sale's number.
fn is_said(name: &Name<'_>, said: &str) -> bool {
    let bytes = said.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let capitals = bytes.iter().skip(1).filter(|byte| byte.is_ascii_uppercase()).count();
    let date = bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-' && digits >= 8;
    let code = matches!(name.word.as_bytes().first(), Some(b'm' | b'a'));
    let number = !code
        && said.rsplit_once('-').is_some_and(|(label, number)| {
            number.len() == 6 && number.bytes().all(|byte| byte.is_ascii_digit()) && label.len() < 9
        });
    let path = said.starts_with('/') || said.contains("://") || is_harmless(said);
    let long = said.len() >= 4 && (name.word != "pin" || digits == said.len());
    long && (digits > 0 || capitals > 1 || said.contains('$')) && !date && !number && !path
}

/// Keys of SIM cards are long hexadecimal words, claim codes have nine characters, signatures and sessions are long.
fn looks_like_one(name: &Name<'_>, said: &str) -> bool {
    let bare: String = unquoted(said).chars().filter(char::is_ascii_alphanumeric).collect();
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    match name.word.as_str() {
        "ki" | "op" | "opc" => bare.len() >= 16 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "claim" => bare.len() == 9 && digits > 0,
        _ => bare.len() >= 6 && digits > 0 || bare.len() >= 12,
    }
}

/// Places (`credential:x`, `file:/x`), what is no text, what was taken out already, and verdicts about a secret: compared
/// whole, or a password could begin with one of them.
fn is_harmless(said: &str) -> bool {
    let bare = inner(said);
    let lower = bare.to_ascii_lowercase();
    let place = |rest: &str| !rest.is_empty() && !rest.contains([' ', '"', '\'', ',', ESCAPED_QUOTE]);
    if lower.strip_prefix("credential:").is_some_and(|name| place(name) && !name.contains('/'))
        || lower.strip_prefix("file:").is_some_and(|path| path.starts_with('/') && place(path))
    {
        return true;
    }
    let dots = bare.chars().all(|c| matches!(c, '•' | '*' | '.' | '…' | '-' | '—' | '–' | ' '));
    let pem = bare == format!("[private key {GONE}]") || bare == format!("private key {GONE}");
    dots || pem
        || matches!(
            lower.as_str(),
            "null"
                | "none"
                | "nil"
                | "true"
                | "false"
                | "undefined"
                | "n/a"
                | "unset"
                | "set"
                | "missing"
                | "absent"
                | "present"
                | "redacted"
                | "<redacted>"
                | "[redacted]"
                | "hidden"
                | "sensitive"
                | "masked"
                | "required"
                | "optional"
                | "invalid"
                | "valid"
                | "expired"
                | "wrong"
                | "unknown"
                | "refused"
                | "rejected"
                | "accepted"
                | "empty"
                | "ok"
                | "lpa:1$•••"
                | "bearer"
                | "basic"
        )
}

/// Without what `Debug` and quotation put around it: `Some("x")` is x.
fn inner(said: &str) -> &str {
    let mut said = said.trim();
    loop {
        let bare = said.trim_matches(['"', '\'', '`', '\\', ESCAPED_QUOTE]).trim();
        let wrapped = bare.strip_suffix(')').and_then(|open| open.split_once('('));
        let next = match wrapped {
            Some((wrapper, inner)) if wrapper.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b':') => inner,
            _ => bare,
        };
        if next.len() == said.len() {
            return said;
        }
        said = next;
    }
}
