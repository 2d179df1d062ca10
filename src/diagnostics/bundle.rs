//! One archive: a tar, gzipped, put together in memory (a full disk must not stop it), with a manifest and checksums.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::redact::{Counts, Redactor};

/// Texts shorter than this are never cut.
const WHOLE: usize = 16 * 1024;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum NoBundle {
    /// The archive cannot be put together.
    #[error("the archive cannot be put together")]
    Archive(#[source] std::io::Error),
    /// Even the shortest one is larger than allowed.
    #[error("the smallest bundle has {smallest} bytes and {allowed} are allowed: ask for more with --max-size")]
    TooLarge {
        /// What it would have.
        smallest: u64,
        /// What was asked for.
        allowed: u64,
    },
    /// It cannot be written anywhere.
    #[error(
        "the bundle cannot be written to {path}, nor to any place in memory: name another with --output, or - for standard output"
    )]
    Unwritten {
        /// Where it was to lie.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// One text of the bundle, already without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    name: String,
    text: String,
    /// Whether its beginning may go where space is short; the newest stays.
    shortens: bool,
    left_out: u64,
    failed: bool,
}

/// A bundle in the making.
pub struct Bundle {
    redactor: Redactor,
    pieces: Vec<Piece>,
    counts: Counts,
}

/// A bundle, packed.
#[derive(Debug, Clone)]
pub struct Packed {
    /// Its file name.
    pub name: String,
    /// The gzipped tar.
    pub bytes: Vec<u8>,
    /// What is in it.
    pub manifest: Manifest,
}

/// `MANIFEST.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The program's version.
    pub version: &'static str,
    /// The machine.
    pub machine: String,
    /// When it was made.
    pub made_at: String,
    /// What was asked for.
    pub wanted: String,
    /// Every other file.
    pub files: Vec<FileRow>,
    /// How much was taken out, by rule.
    pub redactions: Counts,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRow {
    /// Its path inside.
    pub name: String,
    /// Its bytes.
    pub bytes: usize,
    /// Their SHA-256.
    pub sha256: String,
    /// So many bytes of its beginning were left out, for the size that was asked for.
    pub left_out: u64,
    /// The source failed: the text says why.
    pub failed: bool,
}

impl Bundle {
    /// An empty one.
    pub fn new(redactor: Redactor) -> Self {
        Bundle { redactor, pieces: Vec::new(), counts: Counts::new() }
    }

    /// What its texts pass through. A page must take secrets out before it becomes markup: behind an escaped quote no
    /// rule finds one.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Adds a text; its secrets are taken out here and nowhere else.
    pub fn add(&mut self, name: &str, text: &str, shortens: bool) {
        self.push(name, text, shortens, false);
    }

    /// Adds what a source could not do.
    pub fn add_failed(&mut self, name: &str, why: &str) {
        self.push(name, &format!("This could not be read: {why}\n"), false, true);
    }

    fn push(&mut self, name: &str, text: &str, shortens: bool, failed: bool) {
        let text = self.redactor.text(text, &mut self.counts);
        let name = self.redactor.clean(name);
        self.pieces.push(Piece { name, text, shortens, left_out: 0, failed });
    }

    /// What failed, for the page.
    pub fn failures(&self) -> Vec<(String, String)> {
        self.pieces.iter().filter(|piece| piece.failed).map(|piece| (piece.name.clone(), piece.text.clone())).collect()
    }

    /// Packs it into at most `most` bytes: long texts lose their beginning until it fits.
    ///
    /// # Errors
    /// [`NoBundle::TooLarge`], [`NoBundle::Archive`].
    pub fn pack(mut self, machine: &str, wanted: &str, now: Timestamp, most: u64) -> Result<Packed, NoBundle> {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let safe: String = machine.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
        let folder = format!("esim-kiosk-report-{safe}-{stamp}");
        loop {
            let manifest = self.manifest(machine, wanted, now);
            let bytes = self.archive(&folder, &manifest, now).map_err(NoBundle::Archive)?;
            let size = bytes.len() as u64;
            if size <= most {
                return Ok(Packed { name: format!("{folder}.tar.gz"), bytes, manifest });
            }
            if !self.shorten(most, size) {
                return Err(NoBundle::TooLarge { smallest: size, allowed: most });
            }
        }
    }

    /// Takes the beginnings of long texts away, in proportion. Whether there was anything to take.
    fn shorten(&mut self, most: u64, size: u64) -> bool {
        let mut shortened = false;
        for piece in self.pieces.iter_mut().filter(|piece| piece.shortens && piece.text.len() > WHOLE) {
            let length = piece.text.len() as u64;
            let keep = (length.saturating_mul(most) / size.max(1)).saturating_mul(9) / 10;
            let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(WHOLE / 2);
            let mut from = piece.text.len() - keep;
            while !piece.text.is_char_boundary(from) {
                from += 1;
            }
            // Whole lines only.
            from = piece.text[from..].find('\n').map_or(from, |end| from + end + 1);
            piece.left_out += from as u64;
            piece.text.drain(..from);
            shortened = true;
        }
        shortened
    }

    fn manifest(&self, machine: &str, wanted: &str, now: Timestamp) -> Manifest {
        let files = self.pieces.iter().map(|piece| FileRow {
            name: piece.name.clone(),
            bytes: piece.text.len(),
            sha256: digest(piece.text.as_bytes()),
            left_out: piece.left_out,
            failed: piece.failed,
        });
        Manifest {
            version: env!("CARGO_PKG_VERSION"),
            machine: machine.to_owned(),
            made_at: now.to_string(),
            wanted: self.redactor.clean(wanted),
            files: files.collect(),
            redactions: self.counts.clone(),
        }
    }

    fn archive(&self, folder: &str, manifest: &Manifest, now: Timestamp) -> std::io::Result<Vec<u8>> {
        let mut manifest_text = serde_json::to_vec_pretty(manifest)?;
        manifest_text.push(b'\n');
        let mut sums = format!("{}  MANIFEST.json\n", digest(&manifest_text));
        for file in &manifest.files {
            sums.push_str(&format!("{}  {}\n", file.sha256, file.name));
        }
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let mut put = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(u64::try_from(now.as_second()).unwrap_or(0));
            tar.append_data(&mut header, format!("{folder}/{name}"), bytes)
        };
        put("MANIFEST.json", &manifest_text)?;
        put("SHA256SUMS", sums.as_bytes())?;
        for piece in &self.pieces {
            put(&piece.name, piece.text.as_bytes())?;
        }
        tar.into_inner()?.finish()
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes it to `path`, or into the directory `path` under its own name; where that disk is full or gone, into memory
/// (`/run/esim-kiosk`, `/tmp`, `/dev/shm`). Returns where it lies.
///
/// # Errors
/// [`NoBundle::Unwritten`].
pub fn write(packed: &Packed, path: &Path) -> Result<PathBuf, NoBundle> {
    let into_directory = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let wanted = if into_directory { path.join(&packed.name) } else { path.to_owned() };
    let first = match put(&wanted, &packed.bytes) {
        Ok(()) => {
            // The unit's own directory fills by itself; another one is somebody's, whose bundles stay.
            if std::env::var_os("STATE_DIRECTORY").is_some_and(|own| is_same(Path::new(&own), path)) {
                keep_newest(path, 5);
            }
            return Ok(wanted);
        }
        Err(error) => error,
    };
    let places = ["/run/esim-kiosk", "/tmp", "/dev/shm"].map(|place| Path::new(place).join(&packed.name));
    places
        .into_iter()
        .find(|place| *place != wanted && put(place, &packed.bytes).is_ok())
        .ok_or(NoBundle::Unwritten { path: wanted, source: first })
}

/// Beside, synced, renamed; nothing is left where it fails.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = || -> std::io::Result<()> {
        let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    written().inspect_err(|_| drop(std::fs::remove_file(&beside)))
}

fn is_same(one: &Path, other: &Path) -> bool {
    std::fs::canonicalize(one).ok().is_some_and(|one| std::fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Old bundles of ours in a directory go: a unit that starts again and again must not fill the disk.
pub(super) fn keep_newest(directory: &Path, keep: usize) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let ours = |name: &str| name.starts_with("esim-kiosk-report-") && name.ends_with(".tar.gz");
    let mut bundles: Vec<(std::time::SystemTime, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(ours))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    bundles.sort();
    let surplus = bundles.len().saturating_sub(keep);
    for (_, old) in bundles.into_iter().take(surplus) {
        // One that cannot be removed is tried again with the next bundle.
        std::fs::remove_file(old).ok();
    }
}
