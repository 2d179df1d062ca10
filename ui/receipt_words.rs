// Included by `build.rs`: the words of the paper receipt, taken out of the translators' files.

/// Entries of this context are words of the receipt.
const CONTEXT: &str = "Paper";

/// Writes `$OUT_DIR/receipt_words.rs`, a table of languages and their words.
fn write_receipt_words() {
    let mut languages = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir("ui/lang").into_iter().flatten().flatten() {
        let file = entry.path().join("LC_MESSAGES/esim-kiosk.po");
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        languages.insert(entry.file_name().to_string_lossy().into_owned(), receipt_entries(&text));
    }
    let mut code = String::from(
        "/// Languages and their words, as the translators' files have them.\n\
         static TABLE: &[(&str, &[(&str, &str)])] = &[\n",
    );
    for (language, pairs) in languages.iter().filter(|(_, pairs)| !pairs.is_empty()) {
        code.push_str(&format!("    ({language:?}, &{pairs:?}),\n"));
    }
    code.push_str("];\n");
    let out = std::path::Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("receipt_words.rs");
    #[allow(clippy::disallowed_methods, reason = "a build directory is made anew, never recovered")]
    std::fs::write(out, code).expect("the build directory can be written");
}

/// The translated entries of our context: key and text. A fuzzy entry is not a translation yet.
fn receipt_entries(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let [mut context, mut key, mut value] = [const { String::new() }; 3];
    let mut fuzzy = false;
    let mut field = 0;
    for line in text.lines().chain([""]) {
        let line = line.trim();
        if line.is_empty() {
            if context == CONTEXT && !value.is_empty() && !fuzzy {
                pairs.push((std::mem::take(&mut key), std::mem::take(&mut value)));
            }
            (context, key, value, fuzzy, field) = (String::new(), String::new(), String::new(), false, 0);
        } else if line.starts_with("#,") {
            fuzzy |= line.contains("fuzzy");
        } else if !line.starts_with('#') {
            let quoted = [("msgctxt ", 1), ("msgid ", 2), ("msgstr ", 3), ("\"", 0)]
                .iter()
                .find_map(|(head, number)| line.starts_with(head).then_some(*number));
            let Some(number) = quoted else { continue };
            field = if number == 0 { field } else { number };
            let inner = line.split_once('"').and_then(|(_, rest)| rest.strip_suffix('"')).unwrap_or_default();
            let plain = inner.replace("\\\"", "\"").replace("\\n", " ").replace("\\\\", "\\");
            match field {
                1 => context.push_str(&plain),
                2 => key.push_str(&plain),
                3 => value.push_str(&plain),
                _ => {}
            }
        }
    }
    pairs
}
