//! One place whatever its spelling: from the names that providers write to ISO codes and regions.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::{Serialize, Serializer};

use crate::locale;

/// Spellings that CLDR's English names do not have: folded spelling, tab, code.
const ALIASES: &str = include_str!("aliases.tsv");

/// A country by its ISO 3166-1 alpha-2 code in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Iso([u8; 2]);

impl Iso {
    /// The code of two letters in either case, if it is one that has a name. `UK` is `gb`.
    pub fn parse(code: &str) -> Option<Iso> {
        let [first, second] = code.as_bytes() else { return None };
        let letters = [first.to_ascii_lowercase(), second.to_ascii_lowercase()];
        let letters = if &letters == b"uk" { *b"gb" } else { letters };
        let iso = Iso(letters);
        locale::country_name(iso.code(), "en").is_some().then_some(iso)
    }

    /// The two letters, lower case: also the flag's file name.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// The name in a language.
    pub fn name(&self, language: &str) -> &'static str {
        locale::country_name(self.code(), language).unwrap_or("?")
    }
}

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Iso {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// The spellings known: CLDR's English names, the aliases, the operator's own.
pub(super) struct Gazetteer {
    names: HashMap<String, Iso>,
}

impl Gazetteer {
    /// With the operator's own spellings (`"French West Indies" = "gp"`); unknown codes among them are left out.
    pub(super) fn new(own: &BTreeMap<String, String>) -> Self {
        let mut names = HashMap::new();
        let known = locale::countries("en").map(|(code, name)| (spelling(name), code));
        let aliases =
            ALIASES.lines().filter_map(|line| line.split_once('\t')).map(|(name, code)| (spelling(name), code));
        let own = own.iter().map(|(name, code)| (spelling(name), code.as_str()));
        for (name, code) in known.chain(aliases).chain(own) {
            if let Some(iso) = Iso::parse(code) {
                names.insert(name, iso);
            }
        }
        Gazetteer { names }
    }

    /// A code or a spelling.
    pub(super) fn named(&self, name: &str) -> Option<Iso> {
        let code = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_uppercase());
        let spelled = || {
            let folded = spelling(name);
            let bare = folded.strip_suffix(" china").unwrap_or(&folded);
            self.names.get(folded.as_str()).or_else(|| self.names.get(bare)).copied()
        };
        if code { Iso::parse(name).or_else(spelled) } else { spelled() }
    }
}

/// A name without case, accents, punctuation, articles and double spaces.
pub(super) fn spelling(name: &str) -> String {
    let plain = locale::folded(name).replace(['/', '_', '*'], " ");
    plain.split_whitespace().filter(|word| *word != "the" && *word != "and").collect::<Vec<_>>().join(" ")
}

/// Words that make a region's key, the longer first.
const REGIONS: &[(&str, &str)] = &[
    ("south east asia", "south-east-asia"),
    ("southeast asia", "south-east-asia"),
    ("east asia", "east-asia"),
    ("central asia", "central-asia"),
    ("north america", "north-america"),
    ("south america", "south-america"),
    ("central america", "central-america"),
    ("latin america", "latin-america"),
    ("middle east", "middle-east"),
    ("australia new zealand", "australasia"),
    ("european union", "european-union"),
    ("caribbean", "caribbean"),
    ("gulf", "gulf"),
    ("gcc", "gulf"),
    ("balkan", "balkans"),
    ("scandinavia", "scandinavia"),
    ("oceania", "oceania"),
    ("europe", "europe"),
    ("africa", "africa"),
    ("asia", "asia"),
    ("america", "americas"),
];

/// The key of a region from a provider's name for it, such as `Asia (AS-12)`. Names of two regions at once, and names
/// that are none of the known, are keys of their own.
pub(super) fn region_key(name: &str) -> String {
    let outside = name.split('(').next().unwrap_or(name);
    let mut rest = spelling(if outside.trim().is_empty() { name } else { outside });
    if ["global", "world", "worldwide"].iter().any(|word| rest.split(' ').any(|part| part == *word)) {
        return "world".into();
    }
    let whole = rest.replace(' ', "-");
    let mut found = Vec::new();
    for (word, key) in REGIONS {
        if rest.contains(word) {
            found.push(*key);
            rest = rest.replace(word, " ");
        }
    }
    match found.as_slice() {
        [key] if rest.split_whitespace().all(|word| word.bytes().all(|b| b.is_ascii_digit()) || word == "plus") => {
            (*key).to_owned()
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_that_was_met_is_one_country() {
        let known = Gazetteer::new(&BTreeMap::new());
        for (code, names) in [
            ("hk", &["Hong Kong", "Hong Kong (China)", "hong-kong-china", "HK", "Hong Kong SAR China"][..]),
            ("mo", &["Macao (China)", "Macau", "macao-china"]),
            ("tw", &["Taiwan", "Taiwan- Province of China"]),
            ("ax", &["Aland Islands", "Aaland Islands", "Åland Islands"]),
            ("tr", &["Turkey", "Türkiye", "turkiye"]),
            ("kr", &["South Korea", "Korea- Republic of", "Korea, Republic of"]),
            ("vn", &["Vietnam", "Viet Nam"]),
            ("ru", &["Russia", "Russian Federation"]),
            ("mk", &["North Macedonia", "Macedonia- the former Yugoslav Republic of"]),
            ("tz", &["Tanzania", "Tanzania- United Republic of"]),
            ("cd", &["Congo- the Democratic Republic of the", "DR Congo", "Democratic Republic of the Congo"]),
            ("cg", &["Republic of the Congo", "Congo", "Congo - Brazzaville"]),
            ("ci", &["Ivory Coast", "Côte d'Ivoire", "Cote d’Ivoire"]),
            ("re", &["Reunion", "Réunion"]),
            ("sz", &["Swaziland", "Eswatini"]),
            ("cz", &["Czechia", "Czech Republic"]),
            ("gb", &["United Kingdom", "UK", "GB", "Great Britain"]),
            ("us", &["United States", "United States of America", "USA", "US"]),
            ("xk", &["Kosovo", "XK"]),
            ("bs", &["Bahamas", "The Bahamas"]),
        ] {
            for name in names {
                assert_eq!(known.named(name).map(|iso| iso.to_string()).as_deref(), Some(code), "{name}");
            }
        }
        for unknown in ["French West Indies", "ZZ", "EU", "", "Atlantis", "China Sea"] {
            assert_eq!(known.named(unknown), None, "{unknown}");
        }
        let own = BTreeMap::from([("French West Indies".to_owned(), "GP".to_owned())]);
        assert_eq!(Gazetteer::new(&own).named("french-west-indies").unwrap().code(), "gp");
    }

    #[test]
    fn no_alias_is_wrong_or_needless() {
        let mut seen = std::collections::BTreeSet::new();
        for line in ALIASES.lines() {
            let (name, code) = line.split_once('\t').expect("spelling, tab, code");
            assert_eq!(spelling(name), name, "aliases are folded");
            assert!(Iso::parse(code).is_some(), "{line}");
            assert!(seen.insert(name), "twice: {name}");
            assert!(locale::countries("en").all(|(_, known)| spelling(known) != name), "CLDR has it: {name}");
        }
    }

    #[test]
    fn regions_have_keys() {
        for (name, key) in [
            ("Asia (AS-12)", "asia"),
            ("Europe (30+ areas)", "europe"),
            ("Europe 42", "europe"),
            ("North America", "north-america"),
            ("Southeast Asia", "south-east-asia"),
            ("Global (139 areas)", "world"),
            ("Australia & New Zealand", "australasia"),
            ("Middle East & North Africa", "middle-east-north-africa"),
            ("USA & Canada", "usa-canada"),
            ("(CB-25)", "cb-25"),
        ] {
            assert_eq!(region_key(name), key, "{name}");
        }
    }
}
