//! Where lines of letters break.

/// Parts of a code of at most `columns` letters, broken after a dash where there is one.
pub(super) fn at_dashes(code: &str, columns: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = code;
    // Codes are ASCII (`ActivationCode`); a cut that is no letter's edge ends the breaking.
    while let Some(room) = rest.get(..columns).filter(|_| rest.len() > columns) {
        let cut = room.rfind('-').map_or(columns, |dash| dash + 1);
        parts.push(&rest[..cut]);
        rest = &rest[cut..];
    }
    parts.push(rest);
    parts
}

/// Breaks a paragraph into lines of at most `columns` letters, between words where it can.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut letters: Vec<char> = word.chars().collect();
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + letters.len() <= columns {
                line.push_str(&" ".repeat(gap));
                line.extend(letters);
                break;
            }
            if used == 0 {
                line.extend(letters.drain(..columns));
            }
            lines.push(String::new());
        }
    }
    lines
}

/// The same in lines of like length, for a paragraph in the middle: no word stands alone on the last one.
pub(super) fn balanced(text: &str, columns: usize) -> Vec<String> {
    let mut best = wrap(text, columns);
    let longest = text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
    for narrower in (longest..columns).rev() {
        let tried = wrap(text, narrower);
        if best.len() < 2 || tried.len() > best.len() {
            break;
        }
        best = tried;
    }
    best
}
