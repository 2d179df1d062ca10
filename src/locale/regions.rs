//! Names of regions, one file per language: key, tab, name, sorted by key. From Unicode CLDR 48
//! (`countries/LICENSE`), save `balkans`, `gulf`, `middle-east`, `scandinavia` and the capital letter of `world`,
//! which CLDR does not name.

const ENGLISH: &str = include_str!("regions/en.tsv");
const GERMAN: &str = include_str!("regions/de.tsv");

/// The name of a region by its key, in the traveller's language; in English where we have no names in it.
pub fn region_name(key: &str, language: &str) -> Option<&'static str> {
    let names = match super::primary(language) {
        "de" => GERMAN,
        _ => ENGLISH,
    };
    names.lines().filter_map(|line| line.split_once('\t')).find(|(known, _)| *known == key).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_name_the_same_regions() {
        let keys = |names: &'static str| {
            names.lines().filter_map(|line| line.split_once('\t')).map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys(ENGLISH), keys(GERMAN));
        assert_eq!(region_name("europe", "de-AT"), Some("Europa"));
        assert_eq!(region_name("europe", "fr"), Some("Europe"));
        assert_eq!(region_name("atlantis", "en"), None);
    }
}
