//! Faults below SQLite: a small library, compiled here and preloaded into a second process of this program, lets the n-th
//! sync or write of a journal's files fail as a disk does. What SQLite and the journal make of it is theirs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The library, as it is compiled.
const SOURCE: &str = include_str!("faults.c");
/// Set in the process that has it.
const LOADED: &str = "ESIM_KIOSK_FAULTS_BELOW";

/// What the disk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// A sync fails once; the kernel takes the pages for clean.
    Sync,
    /// A write fails once.
    Write,
    /// The disk is full from there on.
    Full,
}

impl Below {
    pub(super) fn word(self) -> &'static str {
        match self {
            Below::Sync => "sync",
            Below::Write => "write",
            Below::Full => "full",
        }
    }
}

/// Why nothing can fail below here.
#[derive(Debug, thiserror::Error)]
pub enum NotLoaded {
    /// No compiler.
    #[error("cc is needed to compile the faults below SQLite: apt-get install gcc")]
    NoCompiler(#[source] io::Error),
    /// It does not compile, or the second process cannot be started.
    #[error("the faults below SQLite cannot be loaded: {0}")]
    Setup(String),
}

/// Whether this process has the library.
pub fn is_loaded() -> bool {
    std::env::var_os(LOADED).is_some()
}

/// Runs this program again with the same arguments, and with the library. `dir` is for the library.
///
/// # Errors
/// [`NotLoaded`].
pub fn run_again(dir: &Path) -> Result<ExitStatus, NotLoaded> {
    let setup = |error: io::Error| NotLoaded::Setup(error.to_string());
    std::fs::create_dir_all(dir).map_err(setup)?;
    let library = compile(dir)?;
    let program = std::env::current_exe().map_err(setup)?;
    let ended = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env("LD_PRELOAD", &library)
        .env(LOADED, "1")
        .status()
        .map_err(setup);
    // Compiled anew at each run.
    std::fs::remove_dir_all(dir).ok();
    ended
}

fn compile(dir: &Path) -> Result<PathBuf, NotLoaded> {
    let (source, library) = (dir.join("faults.c"), dir.join("faults.so"));
    let written = std::fs::File::create(&source).and_then(|mut file| file.write_all(SOURCE.as_bytes()));
    written.map_err(|error| NotLoaded::Setup(error.to_string()))?;
    let output = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl")
        .output()
        .map_err(NotLoaded::NoCompiler)?;
    if output.status.success() {
        Ok(library)
    } else {
        Err(NotLoaded::Setup(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}
