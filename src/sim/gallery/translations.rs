//! The `.po` files as pairs, to find what is not translated.

/// A sentence of the source and its translations (two for a plural).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The source's sentence, or the plural's two.
    pub sources: Vec<String>,
    /// What tells homonyms and names apart; `Paper` for the receipt's words.
    pub context: Option<String>,
    /// The translation.
    pub translations: Vec<String>,
}

/// The file of a language; none for the source language.
pub fn file(language: &str) -> Option<&'static str> {
    match language {
        "de" => Some(include_str!("../../../ui/lang/de/LC_MESSAGES/esim-kiosk.po")),
        _ => None,
    }
}

/// Reads a `.po` file with one line per string.
pub fn entries(file: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut entry = Entry::default();
    for line in file.lines().chain([""]) {
        let Some((key, value)) = line.split_once(' ') else {
            if !entry.sources.is_empty() && entry.sources != [""] {
                found.push(entry.clone());
            }
            entry = Entry::default();
            continue;
        };
        let value = value.trim().trim_start_matches('"').trim_end_matches('"').replace("\\\"", "\"");
        match key {
            "msgctxt" => entry.context = Some(value),
            "msgid" | "msgid_plural" => entry.sources.push(value),
            key if key.starts_with("msgstr") => entry.translations.push(value),
            _ => {}
        }
    }
    found
}

/// Every `@tr("…")` of a `.slint` file: singular, and plural where there is one.
pub fn marked(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find("@tr(") {
        rest = &rest[at + 4..];
        while let Some((text, after)) = literal(rest) {
            let next = after.trim_start();
            // A context stands before the text.
            if let Some(text_follows) = next.strip_prefix("=>") {
                rest = text_follows;
                continue;
            }
            found.push(text);
            match next.strip_prefix('|') {
                Some(plural) => rest = plural,
                None => {
                    rest = after;
                    break;
                }
            }
        }
    }
    found
}

fn literal(text: &str) -> Option<(String, &str)> {
    let inner = text.trim_start().strip_prefix('"')?;
    let mut value = String::new();
    let mut letters = inner.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &inner[at + 1..])),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_marked() {
        let source = r#"text: @tr("A \"b\"") + @tr("context" => "C"); @tr("{n} day" | "{n} days" % n)"#;
        assert_eq!(marked(source), ["A \"b\"", "C", "{n} day", "{n} days"]);
    }

    #[test]
    fn reads_a_file() {
        let file = "msgid \"\"\nmsgstr \"\"\n\"Language: de\\n\"\n\nmsgid \"Yes\"\nmsgstr \"Ja\"\n\nmsgid \"a\"\nmsgid_plural \"b\"\nmsgstr[0] \"c\"\nmsgstr[1] \"d\"\n";
        let read = entries(file);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].translations, ["Ja"]);
        assert_eq!(read[1].sources, ["a", "b"]);
        assert_eq!(read[1].translations, ["c", "d"]);
    }
}
