//! What only the living service knows: its last events, its last screens, its devices. Bounded, in memory, and from
//! time to time written into a directory in memory, where a bundle finds it when the service is dead.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::Context;

use super::redact::Redactor;

/// How many events are kept.
const EVENTS: usize = 2_000;
/// How many screens are kept.
const SCREENS: usize = 300;
/// Longest event, in bytes.
const EVENT: usize = 1_000;
/// Longest screen, in bytes.
const SCREEN: usize = 4_000;
/// So many times of what is kept is looked through for secrets before it is cut.
const LOOKED_AT: usize = 8;

#[derive(Default)]
struct Kept {
    events: VecDeque<String>,
    screens: VecDeque<String>,
    changed: bool,
}

/// The recorder; its clones are the same one.
#[derive(Clone, Default)]
pub struct Recorder {
    kept: Arc<Mutex<Kept>>,
    redactor: Arc<OnceLock<Redactor>>,
}

/// The recorder of this process: the log writes into it, and what else is told.
pub fn of_process() -> &'static Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    RECORDER.get_or_init(Recorder::default)
}

/// One line of the health history: written at every change, and once an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthLine {
    /// When.
    pub at: Timestamp,
    /// `open`, `without paper`, or why not.
    pub selling: String,
    /// The card terminal.
    pub terminal: String,
    /// The receipt printer.
    pub printer: String,
    /// A provider answers.
    pub online: bool,
}

impl HealthLine {
    /// Whether it says the same, whatever the time.
    pub fn same_as(&self, other: &HealthLine) -> bool {
        HealthLine { at: other.at, ..self.clone() } == *other
    }
}

impl Recorder {
    /// What is too long loses its end, and before that its secrets: half a card number would be known for none.
    fn cut(&self, mut text: String, most: usize) -> String {
        if text.len() > most {
            // What comes behind so much cannot be within the cut any more, but for a secret that is as long itself.
            let begun = text.len() > LOOKED_AT * most;
            shorten(&mut text, LOOKED_AT * most);
            text = self.redactor.get_or_init(Redactor::default).clean(&text);
            if begun && text.len() <= most {
                let end = text.trim_end_matches(|c: char| !c.is_whitespace()).len();
                text.truncate(end);
            }
            shorten(&mut text, most);
            text.push('…');
        }
        text.replace('\n', " ⏎ ")
    }

    /// What takes secrets out of an event before it is cut; without one the rules alone do.
    pub fn with_redactor(&self, redactor: Redactor) {
        // The first one holds: it was made of the same configuration.
        self.redactor.set(redactor).ok();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an event.
    pub fn event(&self, line: String) {
        let line = self.cut(line, EVENT);
        let mut kept = self.kept();
        push(&mut kept.events, line, EVENTS);
        kept.changed = true;
    }

    /// The last events, oldest first.
    pub fn last_events(&self, most: usize) -> Vec<String> {
        let kept = self.kept();
        kept.events.iter().skip(kept.events.len().saturating_sub(most)).cloned().collect()
    }

    /// Keeps what the screen shows; its secrets serialise as dots.
    pub fn screen(&self, at: Timestamp, name: &str, view: &impl Serialize) {
        let view = serde_json::to_string(view).unwrap_or_else(|error| format!("\"unreadable: {error}\""));
        let view = self.cut(view, SCREEN);
        let mut kept = self.kept();
        push(&mut kept.screens, format!("{at} {name} {view}"), SCREENS);
        kept.changed = true;
    }

    /// Writes what is kept into `directory`, if anything changed since the last time, and the devices' state.
    ///
    /// # Errors
    /// What the system said; nothing is lost from memory.
    pub fn write(&self, directory: &Path, devices: &impl Serialize, line: &[String]) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let (events, screens) = {
            let mut kept = self.kept();
            let changed = std::mem::take(&mut kept.changed);
            (changed.then(|| joined(&kept.events)), changed.then(|| joined(&kept.screens)))
        };
        if let (Some(events), Some(screens)) = (events, screens) {
            put(directory, "events.txt", events.as_bytes())?;
            put(directory, "screens.txt", screens.as_bytes())?;
        }
        put(directory, "devices.json", &serde_json::to_vec_pretty(devices)?)?;
        put(directory, "terminal-line.txt", joined(line).as_bytes())
    }
}

fn joined<'a>(lines: impl IntoIterator<Item = &'a String>) -> String {
    lines.into_iter().fold(String::new(), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}

fn push(lines: &mut VecDeque<String>, line: String, most: usize) {
    if lines.len() == most {
        lines.pop_front();
    }
    lines.push_back(line);
}

/// At most so many bytes, up to a whole character.
fn shorten(text: &mut String, most: usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// Beside and renamed: a reader finds the old one or the new one. Not synced: the directory is memory.
fn put(directory: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let beside = directory.join(format!("{name}.new"));
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    std::fs::rename(&beside, directory.join(name))
}

/// The health history on disk: bounded, one old file beside the present one.
#[derive(Debug)]
pub struct History {
    file: PathBuf,
    most: u64,
    last: Option<HealthLine>,
}

impl History {
    /// The history in `file`, which grows to `most` bytes before it becomes the old one.
    pub fn new(file: PathBuf, most: u64) -> Self {
        History { file, most, last: None }
    }

    /// Writes the line if it says something new, or if the last one is an hour old.
    ///
    /// # Errors
    /// What the system said; the next line tries again.
    pub fn note(&mut self, line: HealthLine) -> std::io::Result<()> {
        let stale = |last: &HealthLine| line.at.as_second() - last.at.as_second() >= 3_600;
        if self.last.as_ref().is_some_and(|last| line.same_as(last) && !stale(last)) {
            return Ok(());
        }
        use std::os::unix::fs::OpenOptionsExt;
        if std::fs::metadata(&self.file).is_ok_and(|found| found.len() >= self.most / 2) {
            std::fs::rename(&self.file, self.file.with_extension("old.jsonl"))?;
        }
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        std::fs::File::options().append(true).create(true).mode(0o600).open(&self.file)?.write_all(&bytes)?;
        self.last = Some(line);
        Ok(())
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Recorder {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut words = Words(String::new());
        let about = event.metadata();
        write!(words.0, "{} {} {}", Timestamp::now(), about.level(), about.target()).ok();
        event.record(&mut words);
        self.event(words.0);
    }
}

/// Message and fields in one line.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        }
        .ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn the_last_events_are_kept_and_found_in_the_directory() {
        let recorder = Recorder::default();
        let subscriber = tracing_subscriber::registry().with(recorder.clone());
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..EVENTS + 5 {
                tracing::info!(number, "something happened");
            }
        });
        recorder.screen(Timestamp::UNIX_EPOCH, "pay", &serde_json::json!({"screen": "pay"}));
        let dir = tempfile::tempdir().unwrap();
        recorder.write(dir.path(), &serde_json::json!({"terminal": "ready"}), &["0.1 -> 06 01".into()]).unwrap();
        let events = std::fs::read_to_string(dir.path().join("events.txt")).unwrap();
        assert_eq!(events.lines().count(), EVENTS);
        assert!(events.lines().next_back().unwrap().contains("something happened number=2004"), "{events}");
        assert!(std::fs::read_to_string(dir.path().join("screens.txt")).unwrap().contains(" pay "));
        assert!(std::fs::read_to_string(dir.path().join("terminal-line.txt")).unwrap().contains("06 01"));
    }

    #[test]
    fn no_half_of_a_secret_is_left_by_the_cut() {
        let recorder = Recorder::default();
        recorder.with_redactor(Redactor::new(vec!["plain words canary ten".into()]));
        let secrets = [
            "4761 7390 0101 0119",
            "jane@mail.example.com",
            "7QK-3M9-X2R",
            "+43 660 1234567",
            "plain words canary ten",
        ];
        for secret in secrets {
            // Wherever the cut falls in it; a quarter of it tells nothing.
            for before in EVENT - secret.len() - 6..EVENT {
                let filling: String = "so it is said ".chars().cycle().take(before).collect();
                recorder.event(format!("{filling} {secret} and goes on"));
                let kept = recorder.last_events(1).remove(0);
                assert!(kept.len() <= EVENT + '…'.len_utf8() && kept.ends_with('…'), "{} bytes", kept.len());
                let told = kept.trim_end_matches('…').strip_prefix(&filling[..before.min(EVENT) - 3]).unwrap();
                let half = (secret.len() / 2..secret.len()).find(|end| told.contains(&secret[..*end]));
                assert!(half.is_none(), "{told:?} of {secret:?}");
            }
        }
        // One secret that is longer than all that is looked at.
        recorder.event(format!("said token=\"{}", "SECRET ".repeat(LOOKED_AT * EVENT)));
        assert_eq!(recorder.last_events(1).remove(0), "said …");
        // Short ones stay as they are: they are cleaned where they leave the machine.
        recorder.event("short 4761 7390 0101 0119".into());
        assert_eq!(recorder.last_events(1).remove(0), "short 4761 7390 0101 0119");
    }

    #[test]
    fn the_history_takes_changes_and_stays_small() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("health.jsonl");
        let mut history = History::new(file.clone(), 2_000);
        let line = |second: i64, selling: &str| HealthLine {
            at: Timestamp::from_second(second).unwrap(),
            selling: selling.into(),
            terminal: "ready".into(),
            printer: "ready".into(),
            online: true,
        };
        history.note(line(0, "open")).unwrap();
        history.note(line(10, "open")).unwrap();
        history.note(line(20, "paused")).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
        for hour in 1..200 {
            history.note(line(hour * 3_600 + 20, "paused")).unwrap();
        }
        let sizes: u64 =
            std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.metadata().unwrap().len()).sum();
        assert!(sizes < 2_400, "{sizes}");
    }
}
