//! Shell completions and man pages, made from the command line itself, so that they cannot lag behind it.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::out::{Failed, Out};

/// The same for every command (`super`); what 1 means beside that is told in docs/commands.md.
const EXIT_STATUS: &str = r#".SH "EXIT STATUS"
.TP
.B 0
done; what was asked about is as it should be
.TP
.B 1
not done, or not as it should be; standard error says why
.TP
.B 2
the command line cannot be read; nothing was done
"#;

/// For which shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// bash, zsh, fish, elvish or powershell.
    shell: Shell,
}

/// Where the pages go.
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// An existing directory: esim-kiosk.1 and one page a command.
    directory: PathBuf,
}

pub(super) fn completions(wish: &Completions, out: &mut Out) -> Result<(), Failed> {
    let mut script = Vec::new();
    clap_complete::generate(wish.shell, &mut Cli::command(), "esim-kiosk", &mut script);
    out.raw(&script)
}

pub(super) fn manual(wish: &Manual, out: &mut Out) -> Result<(), Failed> {
    clap_mangen::generate_to(Cli::command(), &wish.directory)?;
    let ours = |name: &str| name.starts_with("esim-kiosk") && name.ends_with(".1");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(&wish.directory)?
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(ours))
        .map(|entry| entry.path())
        .collect();
    pages.sort();
    for page in &pages {
        std::fs::File::options().append(true).open(page)?.write_all(EXIT_STATUS.as_bytes())?;
    }
    out.either(&pages, |pages| pages.iter().map(|page| page.display().to_string()).collect())
}
