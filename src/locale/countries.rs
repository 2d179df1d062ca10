//! Names of countries (Unicode CLDR 48, `countries/LICENSE`), one file per language: code, tab, name, sorted by code.

const ENGLISH: &str = include_str!("countries/en.tsv");
const GERMAN: &str = include_str!("countries/de.tsv");

/// The name of a country by its ISO 3166-1 alpha-2 code in lower case, in the traveller's language; in English where
/// we have no names in it.
pub fn country_name(code: &str, language: &str) -> Option<&'static str> {
    countries(language).find(|(known, _)| *known == code).map(|(_, name)| name)
}

/// Every country that we can name: code in lower case and name, sorted by code.
pub fn countries(language: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = match super::primary(language) {
        "de" => GERMAN,
        _ => ENGLISH,
    };
    names.lines().filter_map(|line| line.split_once('\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_name_the_same_countries_once() {
        let codes = |names: &'static str| names.lines().filter_map(|line| line.split_once('\t')).map(|(code, _)| code);
        let (english, german): (Vec<_>, Vec<_>) = (codes(ENGLISH).collect(), codes(GERMAN).collect());
        assert_eq!(english, german);
        assert!(english.windows(2).all(|pair| pair[0] < pair[1]), "sorted, none twice");
        assert!(english.len() > 240);
    }

    #[test]
    fn a_country_has_its_name_in_the_language() {
        assert_eq!(country_name("jp", "de"), Some("Japan"));
        assert_eq!(country_name("us", "de-AT"), Some("Vereinigte Staaten"));
        assert_eq!(country_name("us", "fr"), Some("United States"));
        assert_eq!(country_name("zz", "en"), None);
    }
}
