//! Where the texts of a bundle come from. Each source stands alone and may fail alone.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::config::Config;

/// Most bytes of one program's answer or one file.
const MOST: u64 = 16 << 20;
/// So long may one program take.
const PATIENCE: Duration = Duration::from_secs(20);
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
pub type Ask = dyn Fn(&str, &[&str]) -> Result<String, String>;

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
}

/// One text: its name in the bundle, the text or why there is none, and whether its beginning may be cut.
pub type Text = (String, Result<String, String>, bool);

impl Scene {
    /// The real machine.
    pub fn of(config_file: &Path, wanted: Wanted, now: Timestamp) -> Self {
        let config = Config::load(config_file).map_err(|errors| errors.to_string());
        Scene { config_file: config_file.to_owned(), config, wanted, now, ask: Box::new(ask_program) }
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

/// Asks a program, with patience and a limit.
///
/// # Errors
/// That it is not here, took too long, or what it said on standard error.
pub fn ask_program(program: &str, words: &[&str]) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(words)
        .env("LC_ALL", "C.UTF-8")
        .env("SYSTEMD_COLORS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    let out = child.stdout.take().map(reader);
    let errors = child.stderr.take().map(reader);
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            _ => {
                child.kill().ok();
                child.wait().ok();
                break None;
            }
        }
    };
    let join = |thread: Option<std::thread::JoinHandle<String>>| {
        thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
    };
    let (out, errors) = (join(out), join(errors));
    match status {
        None => Err(format!("{program} took longer than {} s; until then it said:\n{out}", PATIENCE.as_secs())),
        Some(status) if status.success() || !out.is_empty() => Ok(out),
        Some(status) => Err(format!("{program} {}: {status}: {}", words.join(" "), errors.trim())),
    }
}

fn reader(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read before an error is worth having; the rest is drained so that the program can end.
        from.by_ref().take(MOST).read_to_end(&mut bytes).ok();
        std::io::copy(&mut from, &mut std::io::sink()).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
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
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// journald: our units, the kernel, the boots, warnings of everybody.
pub fn logs(scene: &Scene) -> Vec<Text> {
    let since = scene.wanted.since.map(|time| format!("--since=@{}", time.as_second()));
    let until = scene.wanted.until.map(|time| format!("--until=@{}", time.as_second() + 1));
    let journal = |name: &str, words: &[&str]| -> Text {
        let mut all = vec!["--no-pager", "--quiet", "--output=short-iso-precise", "--no-hostname", "-n", LINES];
        all.extend(since.as_deref());
        all.extend(until.as_deref());
        all.extend(words);
        (name.to_owned(), (scene.ask)("journalctl", &all), true)
    };
    let units = ["-u", "esim-kiosk", "-u", "esim-kiosk-report", "-u", "esim-kiosk-*", "-t", "esim-kiosk"];
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

/// The configuration as it stands, its secrets taken out by the bundle, and what is wrong in it.
pub fn configuration(scene: &Scene) -> Vec<Text> {
    let verdict = match &scene.config {
        Ok(_) => Ok("The configuration is read without a problem.\n".to_owned()),
        Err(problems) => Err(problems.clone()),
    };
    vec![
        ("configuration/kiosk.toml".into(), file(&scene.config_file), false),
        ("configuration/problems.txt".into(), verdict, false),
    ]
}
