//! Numbers, money, dates and the names of countries, set for a traveller's language. Words of screens live in `ui/`.

mod countries;
mod regions;

use jiff::civil::{Date, Time};

use crate::money::Amount;

pub use countries::{countries, country_name};
pub use regions::region_name;

/// A space that never breaks, between a number and its unit.
const NBSP: char = '\u{a0}';

/// Primary language of a tag: `de` of `de-CH`. Unknown languages are formatted like English.
fn primary(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or(language)
}

/// Is the comma the decimal separator, and does the sign of money follow the number?
fn continental(language: &str) -> bool {
    matches!(primary(language), "de" | "fr" | "es" | "it" | "pt" | "nl" | "pl" | "ru" | "tr" | "cs" | "da" | "sv")
}

/// An amount with its sign: `€9.90` in English, `9,90 €` in German.
pub fn money(amount: &Amount, language: &str) -> String {
    let decimal = amount.exact().decimal();
    let digits = usize::from(amount.currency.exponent());
    let (sign, rest) = decimal.strip_prefix('-').map_or(("", decimal.as_str()), |rest| ("\u{2212}", rest));
    let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
    let mut number = grouped(whole, if continental(language) { '.' } else { ',' });
    if digits > 0 {
        number.push(if continental(language) { ',' } else { '.' });
        number.push_str(&format!("{part:0<digits$}"));
    }
    let code = amount.currency.code();
    match (symbol(code), continental(language)) {
        (Some(symbol), false) => format!("{sign}{symbol}{number}"),
        (None, false) => format!("{sign}{code}{NBSP}{number}"),
        (symbol, true) => format!("{sign}{number}{NBSP}{}", symbol.unwrap_or(code)),
    }
}

/// Signs that mean one currency everywhere; the others are written by their code.
fn symbol(code: &str) -> Option<&'static str> {
    Some(match code {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" => "¥",
        _ => return None,
    })
}

fn grouped(whole: &str, mark: char) -> String {
    let mut text = String::with_capacity(whole.len() + whole.len() / 3);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// An amount of data: `5 GB`, `500 MB`, `1.5 GB` (German `1,5 GB`).
///
/// Providers count in powers of 1000 or of 1024 and call both GB; a volume that is whole in one of them is shown in it.
pub fn data_volume(bytes: u64, language: &str) -> String {
    const BINARY_MB: u64 = 1 << 20;
    let (mb, kilo) = if bytes.is_multiple_of(1_000_000) || !bytes.is_multiple_of(BINARY_MB) {
        (bytes / 1_000_000, 1000)
    } else {
        (bytes / BINARY_MB, 1024)
    };
    if mb < kilo && mb < 1000 {
        return format!("{mb}{NBSP}MB");
    }
    let (gb, tenths) = (mb / kilo, mb % kilo * 10 / kilo);
    match tenths {
        0 => format!("{gb}{NBSP}GB"),
        _ => format!("{gb}{}{tenths}{NBSP}GB", if continental(language) { ',' } else { '.' }),
    }
}

/// The time of day in 24 hours, as airports write it: `14:32`.
pub fn time_of_day(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// A date that cannot be misread: `22 Nov 2026` in English, `22.11.2026` in German.
pub fn date(date: Date, language: &str) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    if continental(language) {
        return format!("{:02}.{:02}.{}", date.day(), date.month(), date.year());
    }
    let month = MONTHS.get(usize::try_from(date.month() - 1).unwrap_or(0)).copied().unwrap_or("");
    format!("{} {month} {}", date.day(), date.year())
}

/// A name without case, accents and marks, for searching and sorting: `Türkiye` → `turkiye`, `Österreich` →
/// `osterreich`, `Straße` → `strasse`.
pub fn folded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => plain.push('a'),
            'ç' | 'ć' | 'č' => plain.push('c'),
            'ď' | 'đ' | 'ð' => plain.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => plain.push('e'),
            'ğ' => plain.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' | 'ī' | 'į' | '\u{307}' => {
                if c != '\u{307}' {
                    plain.push('i');
                }
            }
            'ł' => plain.push('l'),
            'ñ' | 'ń' | 'ň' => plain.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => plain.push('o'),
            'ř' => plain.push('r'),
            'ś' | 'š' | 'ş' | 'ș' => plain.push('s'),
            'ť' | 'ţ' | 'ț' => plain.push('t'),
            'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => plain.push('u'),
            'ý' | 'ÿ' => plain.push('y'),
            'ź' | 'ż' | 'ž' => plain.push('z'),
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'þ' => plain.push_str("th"),
            '’' | '\'' | '`' => {}
            '-' | '–' | '(' | ')' | ',' | '.' | '&' | '\u{a0}' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}

/// The letter under which a name stands in an A to Z: `Ö` of `Österreich` stands under `O`; figures and signs under `#`.
pub fn index_letter(name: &str) -> String {
    folded(name)
        .chars()
        .find(|c| !c.is_whitespace())
        .map_or_else(|| "#".into(), |c| if c.is_alphabetic() { c.to_uppercase().collect() } else { "#".into() })
}

/// A language's own name and its English one, by its primary tag (CLDR).
pub fn language_names(tag: &str) -> Option<(&'static str, &'static str)> {
    const NAMES: &[(&str, &str, &str)] = &[
        ("ar", "العربية", "Arabic"),
        ("de", "Deutsch", "German"),
        ("en", "English", "English"),
        ("es", "Español", "Spanish"),
        ("fr", "Français", "French"),
        ("he", "עברית", "Hebrew"),
        ("hi", "हिन्दी", "Hindi"),
        ("it", "Italiano", "Italian"),
        ("ja", "日本語", "Japanese"),
        ("ko", "한국어", "Korean"),
        ("pt", "Português", "Portuguese"),
        ("ru", "Русский", "Russian"),
        ("th", "ไทย", "Thai"),
        ("tr", "Türkçe", "Turkish"),
        ("vi", "Tiếng Việt", "Vietnamese"),
        ("zh", "中文", "Chinese"),
    ];
    NAMES.iter().find(|row| row.0 == tag).map(|row| (row.1, row.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(minor: i64, currency: &str) -> Amount {
        Amount { minor, currency: currency.parse().expect("a known currency") }
    }

    #[test]
    fn money_is_set_as_the_language_writes_it() {
        assert_eq!(money(&amount(990, "EUR"), "en"), "€9.90");
        assert_eq!(money(&amount(990, "EUR"), "de"), "9,90\u{a0}€");
        assert_eq!(money(&amount(5, "EUR"), "de-CH"), "0,05\u{a0}€");
        assert_eq!(money(&amount(1_234_567, "CHF"), "en"), "CHF\u{a0}12,345.67");
        assert_eq!(money(&amount(1500, "JPY"), "en"), "¥1,500");
        assert_eq!(money(&amount(1250, "IQD"), "de"), "1,250\u{a0}IQD");
        assert_eq!(money(&amount(-990, "EUR"), "en"), "\u{2212}€9.90");
    }

    #[test]
    fn data_is_told_in_the_unit_in_which_it_is_whole() {
        assert_eq!(data_volume(5_000_000_000, "en"), "5\u{a0}GB");
        assert_eq!(data_volume(5 << 30, "en"), "5\u{a0}GB");
        assert_eq!(data_volume(500_000_000, "de"), "500\u{a0}MB");
        assert_eq!(data_volume(512 << 20, "en"), "512\u{a0}MB");
        assert_eq!(data_volume(1_500_000_000, "de"), "1,5\u{a0}GB");
        assert_eq!(data_volume(1_500_000_000, "en"), "1.5\u{a0}GB");
    }

    #[test]
    fn names_fold_for_search_and_for_the_alphabet() {
        assert_eq!(folded("Türkiye"), "turkiye");
        assert_eq!(folded("İstanbul"), "istanbul");
        assert_eq!(folded("Côte d’Ivoire"), "cote divoire");
        assert_eq!(index_letter("Österreich"), "O");
        assert_eq!(index_letter("Åland"), "A");
        assert_eq!(index_letter("3 countries"), "#");
    }

    #[test]
    fn times_and_dates() {
        assert_eq!(time_of_day(jiff::civil::time(4, 2, 0, 0)), "04:02");
        assert_eq!(date(jiff::civil::date(2026, 11, 2), "en"), "2 Nov 2026");
        assert_eq!(date(jiff::civil::date(2026, 11, 2), "de"), "02.11.2026");
    }
}
