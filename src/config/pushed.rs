//! A configuration from afar: a part of the file, signed by the operator, laid over it. It is on trial until the machine
//! has been well with it for a while; one that does not prove itself is taken back, by itself, also when the program no
//! longer comes up with it.
//!
//! Everything lies in `configuration/` beside the journal: `trial.toml` and `trial.json` (how often it was started, and
//! what was wrong with the machine before), `good.toml` (what proved itself), `refused.toml` and `refused.txt` (what was taken
//! back last, and why).

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use tracing::{info, warn};

use super::{Config, ConfigErrors, Problem};

/// Sections that are changed at the machine alone: with a wrong one nobody could reach it any more, or its books would
/// lie elsewhere.
const AT_THE_MACHINE: [&str; 4] = ["journal", "fleet", "control", "service"];
/// Starts in which a trial may end without a verdict: the program came up that often and never told how it is.
const STARTS: u32 = 3;
/// Longest part that is taken, in bytes.
const MOST: usize = 200 * 1024;

/// Why a pushed configuration is not taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It is larger than any configuration.
    #[error("the configuration has more than {MOST} bytes")]
    TooLong,
    /// It is not TOML.
    #[error("the configuration is no TOML: {0}")]
    NoToml(String),
    /// It touches what must be changed at the machine.
    #[error("{0} is changed at the machine only")]
    AtTheMachine(String),
    /// It holds a secret, which every broker on its way could read. Everything else that is secret is named by its file.
    #[error("{0} does not go through a broker: it is changed at the machine only")]
    Secret(&'static str),
    /// With it, the configuration is wrong.
    #[error("with it, {0}")]
    Wrong(ConfigErrors),
    /// The file of the machine cannot be read.
    #[error("the machine's own file cannot be read")]
    Unread(#[source] std::io::Error),
    /// An earlier one is still on trial.
    #[error("another configuration is on trial: wait until it has proved itself or was taken back")]
    OnTrial,
    /// It cannot be written down.
    #[error("it cannot be kept: look at the disk")]
    Unkept(#[source] std::io::Error),
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The machine's own file.
    File,
    /// The file with what was pushed and proved itself.
    Pushed,
    /// The file with what is on trial, and what was wrong with the machine before it, a word each.
    Trial(Vec<String>),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Trial {
    starts: u32,
    #[serde(default)]
    before: Vec<String>,
}

/// Where pushed configurations of a machine lie.
#[derive(Debug, Clone)]
pub struct Pushed {
    directory: PathBuf,
}

impl Pushed {
    /// Beside this journal.
    pub fn beside(journal_directory: &Path) -> Self {
        Pushed { directory: journal_directory.join("configuration") }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What is in force.
    pub fn standing(&self) -> Standing {
        if self.file("trial.toml").exists() {
            return Standing::Trial(self.trial().before);
        }
        if self.file("good.toml").exists() { Standing::Pushed } else { Standing::File }
    }

    /// Why the last one was taken back.
    pub fn refused(&self) -> Option<String> {
        if !self.file("refused.toml").exists() {
            return None;
        }
        let why = std::fs::read_to_string(self.file("refused.txt"));
        Some(why.map_or_else(|_| "the reason could not be kept".to_owned(), |text| text.trim().to_owned()))
    }

    /// Lays what is in force over the machine's own text.
    pub(super) fn laid_over(&self, own: &str) -> Option<String> {
        let over =
            ["trial.toml", "good.toml"].into_iter().find_map(|name| std::fs::read_to_string(self.file(name)).ok())?;
        merged(own, &over).ok()
    }

    /// Takes a part of a configuration on trial, if the machine's file is right with it. The next start uses it. `before`
    /// is what is wrong with the machine already, a word each: the trial need not mend it.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn take(&self, file: &Path, part: &str, before: Vec<String>) -> Result<(), NotTaken> {
        if part.len() > MOST {
            return Err(NotTaken::TooLong);
        }
        let table: Table =
            part.parse().map_err(|error: toml::de::Error| NotTaken::NoToml(error.message().to_owned()))?;
        if let Some(section) = AT_THE_MACHINE.iter().find(|name| table.contains_key(**name)) {
            return Err(NotTaken::AtTheMachine(format!("[{section}]")));
        }
        if table.get("machine").and_then(Value::as_table).is_some_and(|machine| machine.contains_key("label")) {
            return Err(NotTaken::AtTheMachine("machine.label".to_owned()));
        }
        if table.get("terminal").and_then(Value::as_table).is_some_and(|terminal| terminal.contains_key("password")) {
            return Err(NotTaken::Secret("terminal.password"));
        }
        if self.file("trial.toml").exists() {
            return Err(NotTaken::OnTrial);
        }
        let own = std::fs::read_to_string(file).map_err(NotTaken::Unread)?;
        // A part comes on top of the parts before it.
        let good = std::fs::read_to_string(self.file("good.toml")).unwrap_or_default();
        let over = merged(&good, part).map_err(|error| NotTaken::NoToml(error.message().to_owned()))?;
        let whole = merged(&own, &over).map_err(|error| NotTaken::NoToml(error.message().to_owned()))?;
        Config::parse(&whole, file).map_err(|errors| NotTaken::Wrong(unlined(errors)))?;
        let trial = Trial { starts: 0, before };
        let kept = serde_json::to_vec(&trial).map_err(std::io::Error::from);
        kept.and_then(|trial| self.keep("trial.json", &trial))
            .and_then(|()| self.keep("trial.toml", over.as_bytes()))
            .map_err(NotTaken::Unkept)
    }

    /// The program starts: counts a trial's starts before anything else can fail, and takes back one that has had enough,
    /// or that no longer fits the file.
    ///
    /// # Errors
    /// What the system said.
    pub fn starting(&self, file: &Path) -> std::io::Result<()> {
        if !self.file("trial.toml").exists() {
            return Ok(());
        }
        let mut trial = self.trial();
        if trial.starts >= STARTS {
            return self.take_back("the program did not come up with it");
        }
        if let Err(errors) = Config::load(file) {
            return self.take_back(&errors.to_string());
        }
        trial.starts += 1;
        info!(start = trial.starts, "the configuration from afar is on trial");
        let kept = serde_json::to_vec(&trial).map_err(std::io::Error::from);
        // Uncounted, a trial with which the program does not come up would be started for ever.
        kept.and_then(|trial| self.keep("trial.json", &trial))
            .or_else(|error| self.take_back(&format!("its starts cannot be counted: {error}")))
    }

    /// The machine has been well with the trial: it stays.
    ///
    /// # Errors
    /// What the system said.
    pub fn accept(&self) -> std::io::Result<()> {
        info!("the configuration from afar has proved itself");
        std::fs::rename(self.file("trial.toml"), self.file("good.toml"))?;
        for name in ["trial.json", "refused.toml", "refused.txt"] {
            gone(&self.file(name))?;
        }
        self.sync()
    }

    /// The machine was not well with the trial: the next start is without it.
    ///
    /// # Errors
    /// What the system said.
    pub fn take_back(&self, why: &str) -> std::io::Result<()> {
        warn!(why, "the configuration from afar is taken back");
        // First of all, and without a byte of room: a full disk must not hold a machine in a trial.
        std::fs::rename(self.file("trial.toml"), self.file("refused.toml"))?;
        self.sync()?;
        for name in ["trial.json", "refused.txt"] {
            gone(&self.file(name))?;
        }
        if let Err(error) = self.keep("refused.txt", why.as_bytes()) {
            warn!(%error, "why it was taken back cannot be kept");
        }
        Ok(())
    }

    fn trial(&self) -> Trial {
        let text = std::fs::read(self.file("trial.json")).unwrap_or_default();
        // A torn counter counts as spent: better without the trial than a machine that starts for ever.
        serde_json::from_slice(&text).unwrap_or(Trial { starts: STARTS, before: Vec::new() })
    }

    /// Beside, synced and renamed: a power cut leaves the old one or the new one.
    fn keep(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let beside = self.file(&format!("{name}.new"));
        let mut new = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        std::fs::rename(&beside, self.file(name))?;
        self.sync()
    }

    fn sync(&self) -> std::io::Result<()> {
        std::fs::File::open(&self.directory)?.sync_all()
    }
}

fn gone(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// `over` on top of `own`: tables are merged key by key, everything else (lists too) is replaced.
fn merged(own: &str, over: &str) -> Result<String, toml::de::Error> {
    let mut own: Table = own.parse()?;
    lay(&mut own, over.parse()?);
    toml::to_string(&own).map_err(serde::de::Error::custom)
}

fn lay(own: &mut Table, over: Table) {
    for (key, value) in over {
        match (own.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(upper)) => lay(under, upper),
            (_, value) => drop(own.insert(key, value)),
        }
    }
}

/// The lines of a text that nobody has seen help nobody.
pub(super) fn unlined(mut errors: ConfigErrors) -> ConfigErrors {
    errors.problems = errors.problems.into_iter().map(|problem| Problem { line: None, ..problem }).collect();
    errors
}

#[cfg(test)]
mod tests {
    // What a test lays out need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use super::*;

    const EXAMPLE: &str = include_str!("../../systemd/config.example.toml");

    struct Machine {
        _dir: tempfile::TempDir,
        file: PathBuf,
        pushed: Pushed,
    }

    impl Machine {
        fn new() -> Machine {
            let dir = tempfile::tempdir().unwrap();
            let state = dir.path().join("state");
            let file = dir.path().join("kiosk.toml");
            let text = EXAMPLE.replacen("/var/lib/esim-kiosk", &state.display().to_string(), 1);
            std::fs::write(&file, text).unwrap();
            Machine { pushed: Pushed::beside(&state), file, _dir: dir }
        }

        fn take(&self, part: &str) -> Result<(), NotTaken> {
            self.pushed.take(&self.file, part, Vec::new())
        }

        fn phone(&self) -> String {
            Config::load(&self.file).unwrap().operator.help_phone
        }
    }

    #[test]
    fn a_part_is_laid_over_the_file_and_stays_once_it_proved_itself() {
        let machine = Machine::new();
        let before = machine.phone();
        machine.take("[operator]\nhelp_phone = \"+43 1 999\"\n").unwrap();
        assert_eq!(machine.pushed.standing(), Standing::Trial(Vec::new()));
        machine.pushed.starting(&machine.file).unwrap();
        assert_eq!(machine.phone(), "+43 1 999");
        assert!(matches!(machine.take("[pricing]\n"), Err(NotTaken::OnTrial)));
        machine.pushed.accept().unwrap();
        assert_eq!((machine.pushed.standing(), machine.phone().as_str()), (Standing::Pushed, "+43 1 999"));
        // The next part comes on top, and going wrong it takes nothing of the first with it.
        machine.take("[catalogue]\npopular = [\"jp\"]\n").unwrap();
        let config = Config::load(&machine.file).unwrap();
        assert_eq!(
            (config.catalogue.popular, config.operator.help_phone.as_str()),
            (vec!["jp".to_owned()], "+43 1 999")
        );
        machine.pushed.take_back("the machine was not well").unwrap();
        assert_eq!((machine.pushed.standing(), machine.phone().as_str()), (Standing::Pushed, "+43 1 999"));
        assert_eq!(machine.pushed.refused().as_deref(), Some("the machine was not well"));
        assert_ne!(before, "+43 1 999");
    }

    #[test]
    fn what_is_wrong_or_not_to_be_changed_from_afar_changes_nothing() {
        let machine = Machine::new();
        let before = machine.phone();
        for (part, says) in [
            ("[operator]\nhelp_phone = 5\n", "operator.help_phone"),
            ("[pricing]\nmark_op = 1\n", "pricing"),
            ("[journal]\ndirectory = \"/tmp\"\n", "[journal] is changed at the machine"),
            ("[fleet]\nbroker = \"mqtts://evil\"\n", "[fleet]"),
            ("[machine]\nlabel = \"K08\"\n", "machine.label"),
            ("[terminal]\npassword = \"123456\"\n", "does not go through a broker"),
            ("operator = [", "no TOML"),
        ] {
            let refused = machine.take(part).unwrap_err().to_string();
            assert!(refused.contains(says), "{part}: {refused}");
            assert_eq!((machine.pushed.standing(), machine.phone()), (Standing::File, before.clone()), "{part}");
        }
    }

    #[test]
    fn a_trial_that_never_comes_up_is_taken_back_by_itself() {
        let machine = Machine::new();
        let before = machine.phone();
        machine.take("[operator]\nhelp_phone = \"+43 1 999\"\n").unwrap();
        for _ in 0..STARTS {
            machine.pushed.starting(&machine.file).unwrap();
            assert_eq!(machine.phone(), "+43 1 999");
        }
        machine.pushed.starting(&machine.file).unwrap();
        assert_eq!((machine.pushed.standing(), machine.phone()), (Standing::File, before));
        assert!(machine.pushed.refused().unwrap().contains("did not come up"));
    }

    #[test]
    fn a_disk_that_takes_nothing_more_keeps_no_machine_in_a_trial() {
        let machine = Machine::new();
        let before = machine.phone();
        machine.take("[operator]\nhelp_phone = \"+43 1 999\"\n").unwrap();
        // Neither the counter nor the reason can be written: their names are taken by folders.
        for name in ["trial.json.new", "refused.txt.new"] {
            std::fs::create_dir(machine.pushed.file(name)).unwrap();
        }
        machine.pushed.starting(&machine.file).unwrap();
        assert_eq!((machine.pushed.standing(), machine.phone()), (Standing::File, before));
        assert_eq!(machine.pushed.refused().as_deref(), Some("the reason could not be kept"));
    }

    #[test]
    fn a_trial_whose_file_changed_under_it_or_whose_counter_is_torn_is_taken_back() {
        let machine = Machine::new();
        machine.take("[operator]\nhelp_phone = \"+43 1 999\"\n").unwrap();
        std::fs::write(machine.pushed.file("trial.json"), "{\"sta").unwrap();
        machine.pushed.starting(&machine.file).unwrap();
        assert_eq!(machine.pushed.standing(), Standing::File);
        machine.take("[operator.legal.fr]\nterms = { version = \"1\", text = \"a\" }\nprivacy = { version = \"1\", text = \"b\" }\n").ok();
        machine.take("[screen]\nwidth_mm = 300.0\n").ok();
        std::fs::write(machine.pushed.file("trial.toml"), "[screen]\nwidth_mm = 1.0\n").unwrap();
        assert!(machine.pushed.starting(&machine.file).is_ok());
        assert_eq!(machine.pushed.standing(), Standing::File);
    }
}
