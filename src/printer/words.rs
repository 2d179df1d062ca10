//! The fixed words of the receipt. English stands here; other languages come from the translators' `.po` files
//! (context `Paper`), read by the build script.

use crate::money::{Amount, Currency};

include!(concat!(env!("OUT_DIR"), "/receipt_words.rs"));

/// Every fixed word, as it is in English and as the key of the `.po` files. `{}` is filled in.
pub const ENGLISH: &[&str] = &[
    "Your code",
    "Keep this receipt. At the kiosk this code opens your eSIM again.",
    "Copy {}",
    "Sale",
    "eSIM number",
    "Total",
    "includes {} % tax",
    "Paid. Your eSIM follows: come back with the code above.",
    "Not charged. If your bank shows a hold, it will be released.",
    "Not decided yet. Keep this receipt: the code above shows what became of it.",
    "Scan with the phone's camera to install the eSIM",
    "Or type",
    "Address (SM-DP+)",
    "Activation code",
    "Whoever has this code can install the eSIM. Do not leave it behind.",
    "Help",
];

/// A look-up from the English word to the traveller's.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    pairs: &'static [(&'static str, &'static str)],
    right_to_left: bool,
    /// The decimal sign is a comma (CLDR 46, `decimal`).
    comma: bool,
}

/// Languages that write a decimal point; the others here write a comma.
const POINT: [&str; 8] = ["en", "ja", "zh", "ko", "th", "he", "hi", "ar"];

impl Words {
    /// The words of a language (`de`, `pt-BR`): its own, else of its base language, else English.
    pub fn of(language: &str) -> Words {
        let base = language.split(['-', '_']).next().unwrap_or_default();
        let find = |wanted: &str| TABLE.iter().find(|(own, _)| *own == wanted);
        let pairs = find(language).or_else(|| find(base)).map_or(&[][..], |(_, pairs)| *pairs);
        Words { pairs, right_to_left: matches!(base, "ar" | "he" | "fa" | "ur" | "ckb"), comma: !POINT.contains(&base) }
    }

    /// Words from a table of one's own, for languages under work.
    pub fn from_pairs(language: &str, pairs: &'static [(&'static str, &'static str)]) -> Words {
        Words { pairs, ..Words::of(language) }
    }

    /// The word for `english`; English where there is none.
    pub fn get(&self, english: &'static str) -> &'static str {
        debug_assert!(ENGLISH.contains(&english), "{english:?} is on no translator's list");
        self.pairs.iter().find(|(own, _)| *own == english).map_or(english, |(_, text)| *text)
    }

    /// The word with its `{}` filled.
    pub fn fill(&self, english: &'static str, value: &str) -> String {
        self.get(english).replacen("{}", value, 1)
    }

    /// An amount as a receipt has it: `9,90 €`, and the code for every other currency.
    pub fn money(&self, amount: &Amount) -> String {
        let plain = amount.to_string();
        let (value, code) = plain.split_once(' ').unwrap_or((&plain, ""));
        let unit = if amount.currency == Currency::EUR { "€" } else { code };
        format!("{} {unit}", self.decimal(value))
    }

    /// A rate in hundredths of a percent, without needless zeros: 1900 is `19`, 770 is `7,7`.
    pub fn percent(&self, rate: u32) -> String {
        let text = format!("{}.{:02}", rate / 100, rate % 100);
        self.decimal(text.trim_end_matches('0').trim_end_matches('.'))
    }

    fn decimal(&self, plain: &str) -> String {
        if self.comma { plain.replace('.', ",") } else { plain.to_owned() }
    }

    /// Whether lines begin at the right edge.
    pub fn right_to_left(&self) -> bool {
        self.right_to_left
    }

    /// A number or a name that is read from the left, within a line that begins at the right: isolated, or its groups
    /// would stand in the line's order (UAX #9, LRI and PDI).
    pub fn left_to_right(&self, text: &str) -> String {
        if self.right_to_left { format!("\u{2066}{text}\u{2069}") } else { text.to_owned() }
    }

    /// Words that this language has not, for the test of missing translations.
    pub fn missing(&self) -> Vec<&'static str> {
        ENGLISH.iter().copied().filter(|word| !self.pairs.iter().any(|(own, _)| own == word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_that_is_begun_is_whole() {
        for language in ["de", "tr", "ar", "ja"] {
            assert_eq!(Words::of(language).missing(), Vec::<&str>::new(), "{language}");
        }
        assert_eq!(Words::of("de-AT").get("Total"), "Summe");
        assert_eq!(Words::of("de").fill("Copy {}", "2"), "Kopie 2");
    }

    #[test]
    fn every_translation_keeps_its_place_to_fill() {
        for (language, pairs) in TABLE {
            for (english, text) in *pairs {
                assert!(ENGLISH.contains(english), "{language}: {english:?} is no word of the receipt");
                assert_eq!(english.matches("{}").count(), text.matches("{}").count(), "{language}: {text:?}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_english() {
        assert_eq!(Words::of("xx").get("Total"), "Total");
        assert!(Words::of("ar").right_to_left() && !Words::of("ja").right_to_left());
    }
}
