//! E-mail addresses and telephone numbers.

use regex::Captures;

use super::{Cut, GONE, Rule, around, pattern, rule, rule_of_lines};

/// Ends of unit names, which look like addresses: `getty@tty1.service`.
const UNITS: [&str; 9] = ["service", "socket", "target", "timer", "mount", "slice", "scope", "device", "path"];
/// What may stand behind a number that counts something.
const MEASURES: [&str; 12] = ["ns", "us", "µs", "ms", "s", "sec", "seconds", "ppm", "kB", "MB", "B", "bytes"];
/// Names under which telephone numbers stand.
const NAMES: &str = r"(?:[a-z]*_?phone|[a-z]*telefon|(?-u:\b)tel|[a-z]*_?mobile|(?-u:\b)handy|(?-u:\b)cell|msisdn|(?-u:\b)sms|whats_?app|(?-u:\b)fax)";

/// The rules for what tells who somebody is.
pub(super) fn rules() -> Vec<Rule> {
    // A letter beyond ASCII, as JSON may write it.
    let letter = r"\\+u(?:00[89A-Fa-f]|0[1-9A-Fa-f][0-9A-Fa-f]|[1-9A-Fa-f][0-9A-Fa-f]{2})[0-9A-Fa-f]";
    let at = r"(?:@|%40|\u{ff20}| ?[\[(](?:at|AT)[\])] ?)";
    let mail = format!(
        r#"(?:"[^"\n@]{{1,64}}"|(?:[\p{{L}}\p{{N}}\p{{M}}._%+'~-]|{letter})+){at}(?:(?:(?:[\p{{L}}\p{{N}}\p{{M}}-]|{letter})+(?:\.| ?[\[(](?:dot|DOT)[\])] ?))+(?:(?i:xn--[a-z0-9-]+)|\p{{L}}[\p{{L}}\p{{M}}]+)|\[[0-9A-Fa-f.:]+\])"#
    );
    vec![
        rule_of_lines(
            "e-mail",
            r"@|%40|\u{ff20}|[\[(](?:at|AT)[\])]",
            rule("", &mail, |found| {
                let unit = UNITS.iter().any(|unit| found[0].rsplit('.').next() == Some(unit));
                (!unit).then(|| format!("{GONE}@{GONE}"))
            }),
        ),
        Rule { name: "telephone", find: international() },
        rule(
            "telephone",
            &format!(
                r#"(?i)({NAMES}(?:[_ -]?(?:number|num|no|nr))?)(\\*["'`\u{{E022}}]?\s*[:=]\s*(?:\{{[^{{}}\n]{{0,120}}?|\[\s*)?\\*["'`\u{{E022}}]?|\.?\s+|\.\s*)(\+?\(?[0-9][0-9 ()/.-]{{5,}})"#
            ),
            |found| {
                let date = found[3].len() >= 10 && found[3].as_bytes()[4] == b'-' && found[3].as_bytes()[7] == b'-';
                let digits = found[3].bytes().filter(u8::is_ascii_digit).count();
                let tail = &found[3][found[3].trim_end_matches([' ', '.']).len()..];
                (digits >= 6 && !date).then(|| format!("{}{}{GONE}{tail}", &found[1], &found[2]))
            },
        ),
        edged(r"(?-u)0[1-9][0-9]{8,10}"),
        edged(r"(?-u)\(0[1-9][0-9]{0,3}\)[ /-]?[0-9]{3,4}(?:[ -]?[0-9]{2,8}){0,2}"),
        edged(r"(?-u)0[1-9][0-9]{0,3}[ /][0-9]{3,4}[ -]?[0-9]{2,8}(?:[ -][0-9]{2,4})?"),
        edged(r"(?-u)0[1-9][0-9]{0,3}-[0-9]{3,4}-[0-9]{3,4}"),
        edged(r"(?-u)0[1-9][0-9]{1,3}[-/][0-9]{6,8}"),
        edged(r"(?-u)(?:1[-. ]?)?\([2-9][0-9]{2}\)[ -]?[0-9]{3}[-. ][0-9]{4}"),
        edged(r"(?-u)(?:1-)?[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}"),
        edged(r"(?-u)(?:1\.)?[2-9][0-9]{2}\.[2-9][0-9]{2}\.[0-9]{4}"),
    ]
}

/// `+43 660 1234567`, `0043…`, `%2B43…`: the country stays.
fn international() -> super::Find {
    let number = pattern(r"(\+|%2B|%2b|00)(\(?[1-9][0-9]{0,2}\)?)(?:[ ()/.\u{a0}\u{2010}-\u{2015}-]{0,3}[0-9]){5,14}");
    Box::new(move |text| {
        let mut cuts = Vec::new();
        for found in number.captures_iter(text) {
            let Some(at) = found.get(0).map(|whole| whole.range()) else { continue };
            if is_number(text, &found, &at) {
                let instead = format!("{}{GONE}", &text[at.start..at.end.min(at.start + found[1].len() + 2)]);
                cuts.push(Cut { at, instead });
            }
        }
        cuts
    })
}

fn is_number(text: &str, found: &Captures<'_>, at: &std::ops::Range<usize>) -> bool {
    let number = &found[0][found[1].len()..];
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let (before, behind) = around(text, at);
    if behind.is_some_and(|c| c.is_ascii_digit()) {
        return false;
    }
    let marks: Vec<char> = number.chars().filter(|c| !c.is_ascii_digit()).collect();
    let measure = text[at.end..].trim_start_matches(' ');
    let measure = &measure[..measure.find(|c: char| !c.is_alphabetic()).unwrap_or(measure.len())];
    if &found[1] == "00" {
        // Receipts and counters begin with zeros too.
        let inside = before.is_some_and(|c| c.is_alphanumeric() || ".,:+-_".contains(c));
        return digits >= 10 && !inside && !number.starts_with('0') && behind.is_none_or(|c| !c.is_alphanumeric());
    }
    // `+12.345678` is an offset, `+1795322 us` too.
    let decimal = marks == ['.'] && number.rsplit('.').next().is_some_and(|fraction| fraction.len() <= 6);
    digits >= 7 && !decimal && !MEASURES.contains(&measure)
}

/// A national number: nothing that could be a longer name or number stands at its edges.
fn edged(text: &'static str) -> Rule {
    let number = pattern(text);
    let find = move |text: &str| {
        let mut cuts = Vec::new();
        for found in number.find_iter(text) {
            let (before, behind) = around(text, &found.range());
            let next = text[found.end()..].chars().nth(1).is_some_and(|c| c.is_ascii_alphanumeric());
            let inside = before.is_some_and(|c| c.is_alphanumeric() || ".,+-_•…".contains(c))
                || before == Some(':') && text[..found.start() - 1].ends_with(|c: char| c.is_ascii_digit())
                || behind.is_some_and(|c| c.is_alphanumeric() || c == '_')
                || behind.is_some_and(|c| "-.:/,".contains(c)) && next;
            let year = found.as_str().get(2..6).is_some_and(|year| year.starts_with("/20") || year.starts_with("/19"));
            if !inside && !year {
                cuts.push(Cut { at: found.range(), instead: GONE.to_owned() });
            }
        }
        cuts
    };
    Rule { name: "telephone", find: Box::new(find) }
}
