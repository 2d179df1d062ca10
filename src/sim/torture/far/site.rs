//! A kiosk of a run: its configuration, a journal with sales in it, a directory for what is temporary, its process.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::journal::section::Section as JournalSection;
use crate::journal::sqlite::SqliteJournal;
use crate::sim::clerk::Clerk;
use crate::sim::fleet::pki::Pki;
use crate::telemetry::chain;

/// Sales in the journal.
const SALES: u32 = 60;

/// Where a kiosk's broker and receiver are, and how fast it may upload.
pub(super) struct Lines<'a> {
    pub(super) pki: &'a Pki,
    pub(super) broker: String,
    pub(super) receiver: IpAddr,
    pub(super) receiver_ca: &'a str,
    pub(super) kb_s: u64,
}

/// The kiosk.
pub(super) struct Site {
    pub(super) label: &'static str,
    folder: PathBuf,
}

/// A kiosk's process; killed when this is dropped.
pub(super) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Process {
    /// It has not ended by itself.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

/// The operator's key of a run.
pub(super) fn operator_key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed")
}

impl Site {
    /// Makes everything in a folder.
    pub(super) fn build(label: &'static str, folder: &Path, lines: &Lines<'_>) -> io::Result<Site> {
        let site = Site { label, folder: folder.to_owned() };
        std::fs::create_dir_all(site.state())?;
        std::fs::create_dir_all(site.temporary())?;
        let identity = lines.pki.client(label)?;
        let authority = folder.join("receiver.pem");
        put(&authority, lines.receiver_ca)?;
        let public: String = operator_key().public_key().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let own = include_str!("../../../../systemd/config.example.toml")
            .replacen("/var/lib/esim-kiosk", &site.state().display().to_string(), 1)
            .replacen("\"K07\"", &format!("\"{label}\""), 1);
        let text = format!(
            "{own}\n[fleet]\nbroker = \"{}\"\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\noperator_keys = [\"{public}\"]\n\
             upload_hosts = [\"{}\"]\nupload_ca = \"{}\"\nupload_kb_s = {}\nkeep_alive_s = 5\n",
            lines.broker,
            lines.pki.ca().display(),
            identity.certificate.display(),
            identity.key.display(),
            lines.receiver,
            authority.display(),
            lines.kb_s,
        );
        put(&site.config(), &text)?;
        site.sell()?;
        Ok(site)
    }

    fn sell(&self) -> io::Result<()> {
        let section = JournalSection { head_room_mb: 0, ..JournalSection::at(self.state()) };
        let opened = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH);
        let mut journal = opened.map_err(|error| io::Error::other(chain(&error)))?.journal;
        let mut clerk = Clerk::new(&mut journal);
        (1..=SALES).try_for_each(|number| {
            clerk.sell(number, None, false).map(drop).map_err(|error| io::Error::other(chain(&error)))
        })
    }

    /// Its configuration file.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("kiosk.toml")
    }

    /// Its state directory.
    pub(super) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// Starts the kiosk's end of the fleet: `program agent FILE`.
    pub(super) fn start(&self, mut program: Command) -> io::Result<Process> {
        program.arg("agent").arg(self.config()).env("TMPDIR", self.temporary());
        Ok(Process(program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    /// Every file that lies in the kiosk's directories, and in memory for its bundles.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut open = vec![self.state(), self.temporary()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    open.push(entry.path());
                }
                found.insert(entry.path());
            }
        }
        let ours = |path: &PathBuf| path.file_name().and_then(OsStr::to_str).is_some_and(is_of_a_bundle);
        for place in ["/dev/shm", "/tmp", "/run/esim-kiosk"] {
            found.extend(
                std::fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path()).filter(ours),
            );
        }
        found
    }
}

fn is_of_a_bundle(name: &str) -> bool {
    name.starts_with("esim-kiosk-report-")
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    std::fs::File::create(path)?.write_all(text.as_bytes())
}
