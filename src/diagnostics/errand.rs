//! An errand: what the service sends somebody else for, because it may not look itself. The service that sells is
//! confined so far that it can start no program and read no system log; systemd starts the report unit for each
//! connection to a socket, and that unit has the rights and nothing to lose. One line of JSON goes there, one line and
//! the bytes come back. Nothing lies on a disk in between: an end that dies takes the errand with it.

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::redact::Redactor;
use super::secrets::Secrets;
use super::section::BUNDLE_MB_MAX;
use super::sources::{self, Scene, Text, Wanted};
use super::{gather, live, sales, spans};
use crate::telemetry::chain;

/// Where systemd listens for us (systemd/esim-kiosk-report.socket).
pub const SOCKET: &str = "/run/esim-kiosk-report.socket";
/// Lines where none are asked for, as thin-edge.io has it.
const LINES: usize = 1_000;
/// Longest line of either side.
const LINE: u64 = 1 << 20;
/// Under this name the service's secrets go along with an errand: systemd shows its credentials to no other unit, and the
/// unit must know what may not be in its answer.
const HANDED: &str = "secrets";
/// Longest text that is searched for.
const SEARCH: usize = 500;
/// Longer than the unit may take (its `RuntimeMaxSec`).
const ANSWER: Duration = Duration::from_secs(200);

/// A source of texts.
type Source = fn(&Scene) -> Vec<Text>;

/// What can be pulled beside the whole bundle: name, file of its source, source.
const KINDS: [(&str, &str, Source); 10] = [
    ("kiosk", "logs/kiosk.txt", sources::logs),
    ("kernel", "logs/kernel.txt", sources::logs),
    ("warnings", "logs/warnings.txt", sources::logs),
    ("boots", "logs/boots.txt", sources::logs),
    ("events", "recorder/events.txt", live::texts),
    ("screens", "recorder/screens.txt", live::texts),
    ("terminal-line", "devices/terminal-line.txt", live::texts),
    ("health", "devices/history.jsonl", live::texts),
    ("sales", "sales/list.txt", |scene| sales::texts(&sales::read(scene))),
    ("cases", "sales/cases.txt", |scene| sales::texts(&sales::read(scene).with_cases_of(&scene.wanted))),
];
/// Their lines carry times of their own; the others are asked for a time.
const TIMED: [&str; 5] = ["boots", "events", "screens", "terminal-line", "health"];
/// The whole bundle; its text to search for names a sale.
pub(super) const REPORT: &str = "report";

/// The types that can be asked for.
pub fn types() -> Vec<String> {
    std::iter::once(REPORT).chain(KINDS.iter().map(|(name, _, _)| *name)).map(str::to_owned).collect()
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errand {
    /// One of [`types`].
    #[serde(rename = "type")]
    pub kind: String,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Until this time.
    pub until: Option<Timestamp>,
    /// Lines with this text alone; of a report, the sale.
    pub search: Option<String>,
    /// So many lines, the newest.
    pub lines: Option<usize>,
    /// Most bytes.
    pub most: u64,
}

/// The first line of an answer; where there is something, so many bytes follow.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Bytes(u64),
    Failed(String),
}

impl Errand {
    /// Whether it can be carried out at all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.kind != REPORT && KINDS.iter().all(|(name, _, _)| *name != self.kind) {
            return Err(format!("there is no log of the type {:?}; there are {}", self.kind, types().join(", ")));
        }
        if self.search.as_ref().is_some_and(|text| text.len() > SEARCH || text.contains(char::is_control)) {
            return Err(format!("at most {SEARCH} ordinary characters can be searched for"));
        }
        if !(1..=BUNDLE_MB_MAX << 20).contains(&self.most) {
            return Err(format!("at most {BUNDLE_MB_MAX} MB can be asked for"));
        }
        Ok(())
    }

    /// Gathers here and now; blocks.
    ///
    /// # Errors
    /// Why there is nothing, in words for whoever asked.
    pub fn gathered(&self, config_file: &Path) -> Result<Bytes, String> {
        self.gathered_without(config_file, BTreeMap::new())
    }

    /// The same; `handed` is what the asker may read and this process may not, and what must not be in it.
    fn gathered_without(&self, config_file: &Path, handed: BTreeMap<String, String>) -> Result<Bytes, String> {
        self.check()?;
        let mut wanted = Wanted { sale: None, since: self.since, until: self.until };
        if self.kind == REPORT {
            wanted.sale = self.search.clone().filter(|text| !text.trim().is_empty());
            let mut scene = Scene::of(config_file, wanted, Timestamp::now());
            scene.secrets.take(handed);
            if let Some(why) = super::unknown_sale(&scene) {
                return Err(why);
            }
            return gather(scene, self.most, |_| {})
                .map(|made| made.packed.bytes.into())
                .map_err(|error| chain(&error));
        }
        let mut scene = Scene::of(config_file, wanted, Timestamp::now());
        scene.secrets.take(handed);
        let redactor = Redactor::new(scene.secrets.lines());
        let (_, name, source) = KINDS.iter().find(|(name, _, _)| *name == self.kind).ok_or("no such type")?;
        let texts = super::gather::alone(scene, *source)?;
        let found = texts.into_iter().find(|(found, _, _)| found == name).map(|(_, text, _)| text);
        let mut text =
            found.unwrap_or_else(|| Err("there is nothing".to_owned())).map_err(|why| redactor.clean(&why))?;
        if TIMED.contains(&self.kind.as_str()) {
            text = spans::within(&text, self.since, self.until);
        }
        let text = redactor.clean(&text);
        let lines = self.lines.unwrap_or(LINES);
        Ok(chosen(&text, self.search.as_deref().unwrap_or_default(), lines, self.most).into())
    }
}

/// The newest lines that contain the text.
fn chosen(text: &str, search: &str, lines: usize, most: u64) -> String {
    let mut room = usize::try_from(most).unwrap_or(usize::MAX);
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines().rev().filter(|line| line.contains(search)).take(lines) {
        match room.checked_sub(line.len() + 1) {
            Some(left) => room = left,
            None => break,
        }
        kept.push(line);
    }
    kept.iter().rev().fold(String::new(), |text, line| text + line + "\n")
}

/// The report unit's end: an errand, as a line of `from`.
///
/// # Errors
/// The line to whoever asks.
pub fn heard(from: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    from.take(LINE).read_line(&mut line)?;
    Ok(line)
}

/// Carries an errand out and answers to `to`.
///
/// # Errors
/// The line to whoever asked; everything else is an answer.
pub fn carry_out(config_file: &Path, errand: &str, to: &mut impl Write) -> std::io::Result<()> {
    sales::clear_copies();
    let answer = read(errand).and_then(|(errand, handed)| errand.gathered_without(config_file, handed));
    let (head, bytes) = match answer {
        Ok(bytes) => (Answer::Bytes(bytes.len() as u64), bytes),
        Err(why) => (Answer::Failed(why.chars().take(2_000).collect()), Bytes::new()),
    };
    writeln!(to, "{}", serde_json::to_string(&head)?)?;
    to.write_all(&bytes)?;
    to.flush()
}

/// An errand and the secrets that came with it. An error repeats none of them.
fn read(line: &str) -> Result<(Errand, BTreeMap<String, String>), String> {
    let mut errand: Value =
        serde_json::from_str(line).map_err(|error| format!("the errand cannot be read: {error}"))?;
    let handed = errand.as_object_mut().and_then(|fields| fields.remove(HANDED)).unwrap_or_default();
    let handed = if handed.is_null() { Ok(BTreeMap::new()) } else { serde_json::from_value(handed) };
    let handed = handed.map_err(|_| "the errand's secrets are no texts by their places".to_owned())?;
    let errand = serde_json::from_value(errand).map_err(|error| format!("the errand cannot be read: {error}"))?;
    Ok((errand, handed))
}

/// Ends this process when whoever asked is gone: nobody waits for what it would gather. Does nothing where nobody can
/// be gone, as standard input is no socket.
pub fn end_with_asker() {
    let stdin = std::io::stdin();
    let is_socket = rustix::fs::fstat(stdin.as_fd())
        .is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Socket);
    if !is_socket {
        return;
    }
    std::thread::spawn(move || {
        // An asker has nothing to say any more; what it says all the same is not heard.
        std::io::copy(&mut stdin.lock(), &mut std::io::sink()).ok();
        sales::clear_copies_of(std::process::id());
        std::process::exit(1);
    });
}

/// The service's end: has the report unit behind `socket` carry the errand out.
///
/// # Errors
/// Why there is nothing, in words for whoever asked.
pub(super) async fn send(socket: &Path, errand: &Errand, secrets: &Secrets) -> Result<Bytes, String> {
    let answer = tokio::time::timeout(ANSWER, exchange(socket, errand, secrets)).await;
    answer.unwrap_or_else(|_| Err(format!("the report unit gave no answer within {} s", ANSWER.as_secs())))
}

async fn exchange(socket: &Path, errand: &Errand, secrets: &Secrets) -> Result<Bytes, String> {
    let told = |error: std::io::Error| format!("the report unit cannot be asked: {error}");
    let silent = || "the report unit ended without an answer: see journalctl -u 'esim-kiosk-report@*'".to_owned();
    let mut stream = UnixStream::connect(socket).await.map_err(told)?;
    let mut fields = serde_json::to_value(errand).map_err(|error| told(error.into()))?;
    fields[HANDED] = json!(secrets.to_hand_over());
    let line = format!("{fields}\n");
    stream.write_all(line.as_bytes()).await.map_err(told)?;
    // It stays open: the unit ends itself when this end is closed.
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    (&mut stream).take(LINE).read_line(&mut head).await.map_err(told)?;
    match serde_json::from_str(&head).map_err(|_| silent())? {
        Answer::Failed(why) => Err(why),
        Answer::Bytes(length) if length > errand.most => {
            Err(format!("the report unit has {length} bytes where {} are allowed", errand.most))
        }
        Answer::Bytes(length) => {
            let mut bytes = Vec::new();
            (&mut stream).take(length).read_to_end(&mut bytes).await.map_err(told)?;
            if bytes.len() as u64 == length { Ok(bytes.into()) } else { Err(silent()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(kind: &str) -> Errand {
        Errand { kind: kind.to_owned(), since: None, until: None, search: None, lines: None, most: 1 << 20 }
    }

    #[test]
    fn the_newest_lines_with_the_text_are_chosen() {
        let text = "ERROR 1\nfine 2\nERROR 3\nERROR 4\n";
        assert_eq!(chosen(text, "ERROR", 2, 1_000), "ERROR 3\nERROR 4\n");
        assert_eq!(chosen(text, "", 1_000, 1_000), text);
        assert_eq!(chosen(text, "", 1_000, 10), "ERROR 4\n");
    }

    /// A credential that the asker alone can read.
    fn handed() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.take([("credential:mobilexy".to_owned(), "plain words canary ten\n".to_owned())].into());
        secrets
    }

    /// An asker and a report unit on the two ends of a line, as systemd joins them; `unit` plays the unit.
    async fn asked(
        errand: &Errand,
        unit: impl FnOnce(std::os::unix::net::UnixStream) + Send + 'static,
    ) -> Result<Bytes, String> {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let playing = std::thread::spawn(move || unit(listener.accept().unwrap().0));
        let answer = send(&socket, errand, &handed()).await;
        playing.join().unwrap();
        answer
    }

    fn carries_out(config: std::path::PathBuf) -> impl FnOnce(std::os::unix::net::UnixStream) + Send {
        move |stream| {
            let mut to = stream.try_clone().unwrap();
            let errand = heard(&mut std::io::BufReader::new(stream)).unwrap();
            carry_out(&config, &errand, &mut to).unwrap();
        }
    }

    #[tokio::test]
    async fn an_errand_comes_back_with_what_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        std::fs::create_dir_all(state.join("live")).unwrap();
        let lines = "2026-11-22T10:00:00Z a\n2026-11-22T11:00:00Z b\n2026-11-22T12:00:00Z c token=CANARY, plain words canary ten\n";
        std::fs::File::create(state.join("live/events.txt")).unwrap().write_all(lines.as_bytes()).unwrap();
        let config = dir.path().join("kiosk.toml");
        let text = include_str!("../../systemd/config.example.toml").replacen(
            "/var/lib/esim-kiosk",
            &state.display().to_string(),
            1,
        );
        std::fs::File::create(&config).unwrap().write_all(text.as_bytes()).unwrap();
        let mut wish = errand("events");
        wish.since = "2026-11-22T10:30:00Z".parse().ok();
        let text = asked(&wish, carries_out(config.clone())).await.unwrap();
        assert_eq!(text, "2026-11-22T11:00:00Z b\n2026-11-22T12:00:00Z c token=•••, •••\n");
        let report = asked(&errand(REPORT), carries_out(config.clone())).await.unwrap();
        assert!(report.starts_with(&[0x1F, 0x8B]), "a gzip");
        let tight = Errand { most: 100, ..errand(REPORT) };
        assert!(asked(&tight, carries_out(config.clone())).await.unwrap_err().contains("the smallest bundle"));
        let odd = Errand { kind: "../../etc/shadow".into(), ..errand("") };
        assert!(asked(&odd, carries_out(config)).await.unwrap_err().contains("there is no log of the type"));
    }

    #[tokio::test]
    async fn a_unit_that_dies_or_says_too_much_is_a_reason() {
        use std::io::Read as _;
        let heard = |mut stream: &std::os::unix::net::UnixStream| {
            let mut bytes = [0; 512];
            assert!(stream.read(&mut bytes).unwrap() > 0);
        };
        let died = asked(&errand("kiosk"), move |stream| heard(&stream)).await;
        assert!(died.unwrap_err().contains("ended without an answer"));
        let kiosk = errand("kiosk");
        let cut = asked(&kiosk, move |mut stream| {
            heard(&stream);
            stream.write_all(b"{\"bytes\":100}\nonly this").unwrap();
        });
        assert!(cut.await.unwrap_err().contains("ended without an answer"));
        let much = asked(&kiosk, move |mut stream| {
            heard(&stream);
            stream.write_all(b"{\"bytes\":99999999}\n").unwrap();
        });
        assert!(much.await.unwrap_err().contains("1048576 are allowed"));
        let nobody = send(Path::new("/nowhere/socket"), &errand("kiosk"), &Secrets::default()).await;
        assert!(nobody.unwrap_err().contains("cannot be asked"));
    }
}
