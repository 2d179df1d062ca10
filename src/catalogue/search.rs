//! Search as a traveller types: without accents, from the first letter, in the own language, in English, by other
//! spellings and by ISO code.

use super::places::spelling;
use super::{Destination, Place};

/// Names that people type and that are no country's name: spelling, tab, code.
const NICKNAMES: &str = include_str!("nicknames.tsv");

#[derive(Debug, Clone, Default)]
struct Entry {
    place: usize,
    code: String,
    /// Folded name by language.
    names: Vec<(String, String)>,
    /// Other spellings, folded.
    others: Vec<&'static str>,
}

/// What search looks through.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
}

impl Index {
    pub(super) fn of(destinations: &[Destination]) -> Index {
        let entry = |(place, destination): (usize, &Destination)| {
            let code = match &destination.place {
                Place::Country(iso) => iso.code().to_owned(),
                Place::Region(..) | Place::World => String::new(),
            };
            let others = |code: &str| {
                let lines = NICKNAMES.lines().filter_map(|line| line.split_once('\t'));
                lines.filter(|(_, known)| *known == code).map(|(name, _)| name).collect()
            };
            Entry {
                place,
                others: if code.is_empty() { Vec::new() } else { others(&code) },
                names: destination.names.iter().map(|(language, name)| (language.clone(), spelling(name))).collect(),
                code,
            }
        };
        Index { entries: destinations.iter().enumerate().map(entry).collect() }
    }

    /// Places of what was found, the best first.
    pub(super) fn find(&self, typed: &str, language: &str) -> Vec<usize> {
        let typed = spelling(typed);
        if typed.is_empty() {
            return Vec::new();
        }
        let primary = language.split(['-', '_']).next().unwrap_or(language);
        let mut found = self.ranked(primary, |entry, own| rank(entry, own, &typed));
        if found.is_empty() && typed.chars().count() >= 4 {
            found = self.ranked(primary, |entry, own| {
                let english = entry.name("en");
                (one_slip(&typed, own) || one_slip(&typed, english)).then_some(0)
            });
        }
        found.sort_unstable();
        found.into_iter().map(|(_, _, place)| place).collect()
    }

    fn ranked(&self, language: &str, rank: impl Fn(&Entry, &str) -> Option<u8>) -> Vec<(u8, &str, usize)> {
        let scored = |entry: &'_ Entry| {
            let own = entry.name(language);
            rank(entry, own).map(|rank| (rank, entry.place))
        };
        self.entries
            .iter()
            .filter_map(|entry| scored(entry).map(|(rank, place)| (rank, entry.name(language), place)))
            .collect()
    }
}

impl Entry {
    fn name(&self, language: &str) -> &str {
        let named = |wanted: &str| self.names.iter().find(|(known, _)| known == wanted).map(|(_, name)| name.as_str());
        named(language).or_else(|| named("en")).unwrap_or("")
    }
}

/// 0 is best: the code, the beginning of the name, the beginning of a word of it, the same in English, in other
/// spellings, anywhere inside.
fn rank(entry: &Entry, own: &str, typed: &str) -> Option<u8> {
    let word = |name: &str| name.match_indices(typed).any(|(at, _)| at == 0 || name.as_bytes()[at - 1] == b' ');
    let english = entry.name("en");
    Some(match () {
        () if own.starts_with(typed) => 1 - u8::from(own == typed),
        () if entry.code == typed => 0,
        () if word(own) => 2,
        () if english.starts_with(typed) => 3,
        () if entry.others.iter().any(|other| other.starts_with(typed)) => 3,
        () if word(english) => 4,
        () if typed.len() >= 3 && (own.contains(typed) || english.contains(typed)) => 5,
        () => return None,
    })
}

/// Whether `typed` is the beginning of `name` but for one letter: wrong, missing, too many, or swapped with its
/// neighbour.
fn one_slip(typed: &str, name: &str) -> bool {
    let (typed, name): (Vec<char>, Vec<char>) = (typed.chars().collect(), name.chars().collect());
    let same = typed.iter().zip(&name).take_while(|(one, two)| one == two).count();
    // The first letter is almost never the wrong one, and allowing it would find everything.
    if same == 0 {
        return false;
    }
    let (rest, left) = (&typed[same..], &name[same..]);
    let tail = |skip_typed: usize, skip_name: usize| {
        rest.len() >= skip_typed && left.len() >= skip_name && left[skip_name..].starts_with(&rest[skip_typed..])
    };
    let swapped = rest.len() > 1 && left.len() > 1 && rest[0] == left[1] && rest[1] == left[0] && tail(2, 2);
    tail(1, 1) || tail(0, 1) || tail(1, 0) || swapped
}
