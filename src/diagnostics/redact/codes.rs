//! Activation codes, keys and tokens that are known by their shape, claim codes.

use regex::Captures;

use super::{GONE, Rule, rule, rule_of_lines};
use crate::sale::claim::ClaimCode;

/// Private keys, activation codes, secrets in addresses.
pub(super) fn activation() -> Vec<Rule> {
    vec![
        rule(
            "private key",
            r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\z)",
            |_| Some(format!("[private key {GONE}]")),
        ),
        rule("activation code", r#"(?i)LPA(?::|%3A)\s?1(?:\$|%24)[^\s"'`<>&,;)\]}\\\u{E022}]*"#, |_| {
            Some(format!("LPA:1${GONE}"))
        }),
        rule_of_lines(
            "activation code",
            r"(?-u)\$|%24",
            rule(
                "",
                r"(?i)(^|[^A-Z0-9$.-])((?:1(?:\$|%24))?)([A-Z0-9-]+(?:\.[A-Z0-9-]+)+)(?:\$|%24)[A-Z0-9$.%-]+",
                |found| Some(format!("{}{}{GONE}", &found[1], &found[2])),
            ),
        ),
        rule_of_lines(
            "address with a password",
            r"(?-u):\\*/\\*/",
            rule("", r#"(?i)(?-u:\b)([a-z][a-z0-9+.-]*:\\*/\\*/)[^\s/@:"'<>]*:[^\s/@"'<>]+@"#, |found| {
                Some(format!("{}{GONE}@", &found[1]))
            }),
        ),
        rule_of_lines(
            "query of an address",
            r"(?-u)\?",
            rule("", r#"(?i)(?-u:\b)(https?:\\*/\\*/[^\s?"'<>]+)\?(?:\\*[^\s"'<>\\])+"#, |found| {
                Some(format!("{}?{GONE}", &found[1]))
            }),
        ),
    ]
}

/// Tokens by their look.
pub(super) fn tokens() -> Vec<Rule> {
    vec![
        rule("token", r"(?i-u)\b(bearer|basic|digest)[ \t]+[A-Za-z0-9._~+/=-]{8,}", |found| {
            let word = found[0][found[1].len()..].trim();
            // "basic configuration" is prose, `bearer expires_in=3600` another field.
            let field = word.trim_end_matches('=').contains('=');
            let prose = field || word.bytes().all(|byte| byte.is_ascii_lowercase());
            (!prose).then(|| format!("{} {GONE}", &found[1]))
        }),
        rule("token", r"(?-u)eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,4}", |_| Some(GONE.to_owned())),
        rule("token", r"(?i-u)(?:sk|pk|rk|key|tok)_(?:live|test|prod)?_?[A-Za-z0-9]{8,}", long_key),
        rule(
            "token",
            r"(?-u)\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[a-z]-[A-Za-z0-9-]{10,}",
            |_| Some(GONE.to_owned()),
        ),
        rule("token", r"(?-u)[A-Za-z0-9+/]{40,}={0,2}", |found| {
            let text = &found[0];
            let slashes = text.bytes().filter(|byte| *byte == b'/').count();
            let path = text.starts_with('/') || slashes * 10 > text.len();
            (!path && looks_random(text)).then(|| GONE.to_owned())
        }),
        rule("token", r"(?-u)[A-Za-z0-9_-]{24,}={0,2}", |found| looks_random(&found[0]).then(|| GONE.to_owned())),
    ]
}

/// `key_value_store` is a name; a key has digits.
fn long_key(found: &Captures<'_>) -> Option<String> {
    found[0].bytes().any(|byte| byte.is_ascii_digit()).then(|| GONE.to_owned())
}

/// A long word of mixed letters and digits, or a long hexadecimal one, is no word of any language. ULIDs (26 capitals
/// and digits) and UUIDs in groups are names, not secrets.
fn looks_random(word: &str) -> bool {
    let word = word.trim_end_matches('=');
    if word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return word.bytes().any(|byte| byte.is_ascii_alphabetic()) && word.bytes().any(|byte| byte.is_ascii_digit());
    }
    let count = |kind: fn(&u8) -> bool| word.as_bytes().iter().filter(|byte| kind(byte)).count();
    let (upper, lower, digits) =
        (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase), count(u8::is_ascii_digit));
    upper >= 3 && lower >= 3 && digits >= 3 && !word.split(['-', '_']).all(is_part_of_a_name)
}

/// `report`, `K07`, `20261122T043409Z`.
fn is_part_of_a_name(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let small = letters.bytes().skip(1).all(|byte| byte.is_ascii_lowercase());
    let capitals = letters.len() <= 3 && letters.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let time = part.split_once('T').is_some_and(|(date, time)| digits(date) && digits(time.trim_end_matches('Z')));
    letters.bytes().all(|byte| byte.is_ascii_alphabetic()) && (small || capitals) || time
}

/// Claim codes, as they are printed, spoken and typed.
pub(super) fn claims() -> Vec<Rule> {
    vec![
        rule(
            "claim code",
            r"(?i)(^|[^0-9A-Z-])([0-9A-Z]{3}(?:[-\u{2010}-\u{2015}]|%2D)[0-9A-Z]{3}(?:[-\u{2010}-\u{2015}]|%2D)[0-9A-Z]{3})(?-u:\b)",
            |found| {
                let code = &found[2];
                let right = grouped_right(code);
                // Printed ones are capitals: a mistyped one is still nearly the right one. Small ones may be anything.
                let printed = !code.bytes().any(|byte| byte.is_ascii_lowercase()) && in_alphabet(code);
                (printed || right && !names_a_plan(code)).then(|| format!("{}{GONE}", &found[1]))
            },
        ),
        rule(
            "claim code",
            r"(?i)(^|[^0-9A-Z])((?:[0-9A-Z]{3}(?:[ ._/+\u{a0}\u{202f}]|%20| - ){1,2}){2}[0-9A-Z]{3})(?-u:\b)",
            |found| checked(found, &found[2]),
        ),
        rule("claim code", r"(^|[^0-9A-Za-z])((?:[0-9A-Z] ){8}[0-9A-Z])(?-u:\b)", |found| checked(found, &found[2])),
        rule("claim code", r"(^|[^0-9A-Za-z])([0-9A-Z]{9})(?:(?-u:\b)|_)", |found| checked(found, &found[2])),
    ]
}

fn plain(code: &str) -> String {
    let code = code.replace("%2D", "").replace("%2d", "").replace("%20", "");
    code.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn grouped_right(code: &str) -> bool {
    mixed(code) && ClaimCode::parse(&plain(code)).is_ok()
}

fn in_alphabet(code: &str) -> bool {
    plain(code).bytes().all(|byte| !b"ILOU".contains(&byte))
}

fn mixed(code: &str) -> bool {
    let code = plain(code);
    code.bytes().any(|byte| byte.is_ascii_digit()) && code.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `fra-5gb-30d` is no code, whatever its check character.
fn names_a_plan(code: &str) -> bool {
    let size = |group: &str| {
        let unit = group.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < group.len() && matches!(unit, "gb" | "mb" | "d" | "dy")
    };
    code.split('-').any(size)
}

/// A claim code without its dashes: only one whose check character fits, or every word of nine letters would go. Letters
/// of one case, too: the screen takes both, but nobody writes them mixed.
fn checked(found: &Captures<'_>, code: &str) -> Option<String> {
    let lower = code.bytes().any(|byte| byte.is_ascii_lowercase());
    let one_case = !(lower && code.bytes().any(|byte| byte.is_ascii_uppercase()));
    let fits = one_case && !(lower && names_a_plan(code)) && grouped_right(code);
    fits.then(|| {
        let behind = if found[0].ends_with('_') { "_" } else { "" };
        format!("{}{GONE}{behind}", &found[1])
    })
}
