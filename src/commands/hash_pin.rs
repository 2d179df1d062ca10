//! `esim-kiosk hash-pin`: what is left of a PIN, for the place that `[service] pin` names.

use std::io::{BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::out::{Failed, Out};
use crate::config::PinHash;

pub(super) fn hash_pin(out: &mut Out) -> Result<(), Failed> {
    let stdin = std::io::stdin();
    let pin = if stdin.is_terminal() { asked_twice()? } else { line(&mut stdin.lock())? };
    let hash = PinHash::of(pin.trim())?;
    tell(&hash, out)
}

fn tell(hash: &PinHash, out: &mut Out) -> Result<(), Failed> {
    out.either(&serde_json::json!({ "hash": hash.to_text() }), |_| vec![hash.to_text()])
}

fn line(from: &mut impl BufRead) -> Result<String, Failed> {
    let mut text = String::new();
    from.read_line(&mut text)?;
    Ok(text)
}

/// Unseen, and twice: a mistyped PIN would lock everybody out.
fn asked_twice() -> Result<String, Failed> {
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).map_err(std::io::Error::from)?;
    let mut unseen = before.clone();
    unseen.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &unseen).map_err(std::io::Error::from)?;
    let ask = |words: &str| {
        let mut stderr = std::io::stderr();
        write!(stderr, "{words}: ")?;
        let typed = line(&mut stdin.lock())?;
        writeln!(stderr)?;
        Ok::<_, Failed>(typed)
    };
    let typed = ask("PIN of 6 to 12 figures").and_then(|first| Ok((first, ask("once more")?)));
    // Also after a failure: a shell that shows nothing any more is worse.
    tcsetattr(&stdin, OptionalActions::Flush, &before).map_err(std::io::Error::from)?;
    let (first, second) = typed?;
    if first == second { Ok(first) } else { Err(Failed::told("the two are not the same: nothing was made")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::Paper;

    #[test]
    fn people_and_programs_both_get_the_hash() {
        let hash = PinHash::of("31415926").unwrap();
        for json in [false, true] {
            let paper = Paper::default();
            tell(&hash, &mut Out::to(json, Box::new(paper.clone()))).unwrap();
            assert!(paper.said().contains(&hash.to_text()), "--json {json}: {}", paper.said());
        }
    }
}
