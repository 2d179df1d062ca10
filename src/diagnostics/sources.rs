//! Where the texts of a bundle come from. Each source stands alone and may fail alone.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::programs::Programs;
use super::secrets::{self, Secrets};
use crate::config::Config;

/// Most bytes of one file.
const MOST: u64 = 16 << 20;
/// So long may all sources take together. The unit that asks them is ended after three minutes.
const TIME: Duration = Duration::from_secs(100);
/// Most lines of one log.
const LINES: &str = "30000";

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One sale (number or id) with the time around it.
    pub sale: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Until this time.
    pub until: Option<Timestamp>,
}

impl Wanted {
    /// In words, for the manifest.
    pub fn words(&self) -> String {
        let time = |time: Option<Timestamp>| time.map_or("any time".to_owned(), |time| time.to_string());
        let sale = self.sale.as_ref().map_or(String::new(), |sale| format!("sale {sale}, "));
        format!("{sale}from {} until {}", time(self.since), time(self.until))
    }
}

/// Runs a program and gives back what it said.
pub type Ask = dyn Fn(&str, &[&str]) -> Result<String, String> + Send + Sync;

/// What a source may look at.
pub struct Scene {
    /// The configuration file.
    pub config_file: PathBuf,
    /// The configuration, where it can be read.
    pub config: Result<Config, String>,
    /// What is asked for, its times filled in.
    pub wanted: Wanted,
    /// Now.
    pub now: Timestamp,
    /// How outside programs are asked.
    pub ask: Box<Ask>,
    /// After this no source is asked any more.
    pub until: Instant,
    /// What must not be in any text, by its value.
    pub secrets: Secrets,
}

/// One text: its name in the bundle, the text or why there is none, and whether its beginning may be cut.
pub type Text = (String, Result<String, String>, bool);

impl Scene {
    /// The real machine.
    pub fn of(config_file: &Path, wanted: Wanted, now: Timestamp) -> Self {
        let config = Config::load(config_file).map_err(|errors| errors.to_string());
        let until = Instant::now() + TIME;
        let programs = Programs::until(until);
        let ask = Box::new(move |program: &str, words: &[&str]| programs.ask(program, words));
        Scene {
            config_file: config_file.to_owned(),
            config,
            wanted,
            now,
            ask,
            until,
            secrets: secrets::of(config_file),
        }
    }

    /// The machine's label; a question mark where the configuration cannot be read.
    pub fn machine(&self) -> &str {
        self.config.as_ref().map_or("unknown", |config| config.machine.label.as_str())
    }

    /// Where the journal lies; the default where the configuration cannot be read: that is where it will be.
    pub fn journal(&self) -> crate::journal::section::Section {
        self.config.as_ref().map_or_else(|_| Default::default(), |config| config.journal.clone())
    }

    /// The diagnostics section.
    pub fn section(&self) -> super::section::Section {
        self.config.as_ref().map_or_else(|_| Default::default(), |config| config.diagnostics.clone())
    }
}

/// A file as text, at most its last [`MOST`] bytes. Links and devices are not followed.
///
/// # Errors
/// What the system said.
pub fn file(path: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let found = std::fs::symlink_metadata(path).map_err(told)?;
    if !found.is_file() {
        return Err(format!("{} is no ordinary file", path.display()));
    }
    let mut file = std::fs::File::open(path).map_err(told)?;
    if found.len() > MOST {
        use std::io::Seek;
        file.seek(std::io::SeekFrom::End(-i64::try_from(MOST).unwrap_or(0))).map_err(told)?;
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(told)?;
    if found.len() > MOST {
        // Half a line may hold half a secret, which nobody knows for one.
        let whole = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        bytes.drain(..whole);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// journald: our units, the kernel, the boots, warnings of everybody.
pub fn logs(scene: &Scene) -> Vec<Text> {
    let since = scene.wanted.since.map(|time| format!("--since=@{}", time.as_second()));
    let until = scene.wanted.until.map(|time| format!("--until=@{}", time.as_second() + 1));
    let journal = |name: &str, words: &[&str]| -> Text {
        let mut all = vec!["--no-pager", "--output=short-iso-precise", "--no-hostname", "-n", LINES];
        all.extend(since.as_deref());
        all.extend(until.as_deref());
        all.extend(words);
        (name.to_owned(), (scene.ask)("journalctl", &all), true)
    };
    // What systemd says of our units belongs to it; an identifier beside them would leave only what both fit.
    let units = ["-u", "esim-kiosk", "-u", "esim-kiosk-*"];
    vec![
        journal("logs/kiosk.txt", &units),
        journal("logs/kernel.txt", &["-k"]),
        journal("logs/warnings.txt", &["-p", "warning"]),
        ("logs/boots.txt".into(), (scene.ask)("journalctl", &["--no-pager", "--quiet", "--list-boots"]), true),
        (
            "logs/coredumps.txt".into(),
            (scene.ask)(
                "journalctl",
                &["--no-pager", "--quiet", "-n", "200", "MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1"],
            ),
            true,
        ),
    ]
}
