//! Card numbers in every grouping, and the numbers of eSIMs.

use std::ops::Range;

use super::{Cut, GONE, Rule, pattern, rule};

/// Card tracks, ICCIDs and EIDs, card numbers: whole, masked, and under their name.
pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule("card track", r"(?i)%?B[0-9]{12,19}\^[^^\n]{2,26}\^[0-9]{4,}[^?\s]*\??", |_| {
            Some(format!("[track {GONE}]"))
        }),
        rule("card track", r"(?-u)[0-9]{12,19}(?:=|D|%3[Dd])[0-9]{4,}[0-9?]*", |_| Some(format!("[track {GONE}]"))),
        rule("ICCID or EID", r"(?-u)[0-9]{18,}F?", |found| profile(&found[0])),
        Rule { name: "card digits", find: cards() },
        rule(
            "card digits",
            r"[0-9]{4}[ -]?[0-9]{0,4}[ -]?(?:[xX*#•]{2,}|\.{4,})[ -]?[xX*#•. -]*([0-9]{4})(?-u:\b)",
            |found| Some(format!("…{}", &found[1])),
        ),
        rule(
            "card digits",
            r#"(?i)((?:(?-u:\b)pan|primary[_ -]?account[_ -]?number|card[_ -]?(?:number|num|no|nr)|karten-?n(?:umme)?r)\.?)(\\*["']?\s*[:=]?\s*\\*["']?)[0-9][0-9 ._-]{6,}([0-9]{4})"#,
            |found| Some(format!("{}{}…{}", &found[1], &found[2], &found[3])),
        ),
    ]
}

/// What a provider needs to find a profile stays: the first seven and the last five.
fn profile(digits: &str) -> Option<String> {
    let length = digits.trim_end_matches('F').len();
    let is_one = digits.starts_with("89") && length <= 32;
    is_one.then(|| format!("{}…{}", &digits[..7], &digits[digits.len() - 5..]))
}

/// Digits that stand together.
struct Group<'a> {
    at: Range<usize>,
    digits: Vec<u8>,
    /// What stands between the one before and it.
    before: &'a str,
}

/// Card numbers: whatever stands at their edges, and however they are grouped.
fn cards() -> super::Find {
    let run = pattern(r"\p{Nd}(?:(?:%20|[ ./_+\u{a0}\u{2009}\u{202f}\u{2010}-\u{2015}-]{1,3})?\p{Nd}){12,}");
    Box::new(move |text| {
        let mut cuts = Vec::new();
        for found in run.find_iter(text) {
            let groups = groups(text, found.range());
            let mut first = 0;
            while first < groups.len() {
                match (first..groups.len()).rev().find(|last| is_card(&groups, first, *last)) {
                    Some(last) => {
                        let digits = groups[first..=last].iter().flat_map(|group| &group.digits);
                        let digits: Vec<String> = digits.map(ToString::to_string).collect();
                        let instead = format!("…{}", digits[digits.len() - 4..].concat());
                        cuts.push(Cut { at: groups[first].at.start..groups[last].at.end, instead });
                        first = last + 1;
                    }
                    None => first += 1,
                }
            }
        }
        cuts
    })
}

fn groups(text: &str, at: Range<usize>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut behind = at.start;
    let mut skip = 0;
    for (place, c) in text[at.clone()].char_indices() {
        let place = at.start + place;
        // The digits of `%20` are none.
        if c == '%' {
            skip = 3;
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let Some(digit) = digit(c) else { continue };
        let end = place + c.len_utf8();
        match groups.last_mut() {
            Some(last) if last.at.end == place => {
                last.digits.push(digit);
                last.at.end = end;
            }
            _ => groups.push(Group { at: place..end, digits: vec![digit], before: &text[behind..place] }),
        }
        behind = end;
    }
    groups
}

/// A decimal digit of the scripts that our travellers write.
fn digit(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        '\u{966}'..='\u{96f}' => '\u{966}',
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        _ => return None,
    };
    u8::try_from(u32::from(c) - u32::from(zero)).ok()
}

/// Issuers begin with 2221 to 2720 or 3 to 6 (ISO/IEC 7812), so times and counters stay; the check digit fits; the groups
/// are such as cards and people have.
fn is_card(groups: &[Group<'_>], first: usize, last: usize) -> bool {
    let lengths: Vec<usize> = groups[first..=last].iter().map(|group| group.digits.len()).collect();
    let total: usize = lengths.iter().sum();
    if !(13..=19).contains(&total) {
        return false;
    }
    let between = &groups[first + 1..=last];
    if between.iter().any(|group| group.before != between[0].before) {
        return false;
    }
    let single = between.first().is_none_or(|group| matches!(group.before, " " | "-"));
    // The whole of it, or groups that no table of numbers has.
    let whole = single && first == 0 && last + 1 == groups.len() && total >= 14;
    let digits: Vec<u8> = groups[first..=last].iter().flat_map(|group| group.digits.iter().copied()).collect();
    (whole || is_shape(&lengths, &digits)) && is_issuer(&digits) && luhn(&digits)
}

fn is_shape(lengths: &[usize], digits: &[u8]) -> bool {
    match lengths {
        [_] | [4, 6, 4 | 5] | [4, 4, 5] | [8, 8] | [6, 9 | 10 | 13] | [4, 12] | [12, 4] | [4, 8, 4] => true,
        // One by one, and bytes in pairs: only sixteen of them, or every table would hold one.
        [1, ..] | [2, ..] => {
            let kinds = (0..10).filter(|digit| digits.contains(digit)).count();
            let length = lengths[0];
            digits.len() == 16 && kinds >= 5 && lengths.iter().all(|one| *one == length)
        }
        [length, middle @ .., end] => {
            (3..=5).contains(length) && middle.iter().all(|one| one == length) && end <= length && middle.len() >= 2
        }
        [] => false,
    }
}

fn is_issuer(digits: &[u8]) -> bool {
    let four = digits.iter().take(4).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    match digits.first() {
        Some(4) => true,
        Some(2) => (2221..=2720).contains(&four),
        Some(3 | 5 | 6) => digits.len() >= 14,
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) << (place % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}
