//! Where the journal lies: its directory, the lock that keeps a second program out, head-room, and the way in which
//! a damaged database is set aside.
//!
//! ```text
//! DIRECTORY/journal.lock      held by the running service
//! DIRECTORY/journal.key       the sealing key, unless a credential or another place is configured
//! DIRECTORY/journal.begun     a journal was begun here: a start that finds none has lost it
//! DIRECTORY/journal/          the database and what SQLite lays beside it
//! DIRECTORY/journal-damaged-20261122T012851Z/   set aside whole, by one rename
//! ```

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FlockOperation, fadvise, flock, statvfs};

use super::section::Section;

/// With this begins the name of a database that was set aside.
const ASIDE: &str = "journal-damaged-";

/// The paths of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory of the configuration.
    pub directory: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The sealing key, where no credential is passed.
    pub key: PathBuf,
}

/// Another program holds the journal.
#[derive(Debug)]
pub enum NotOurs {
    /// This one, as far as it has written its name.
    Held(String),
    /// The lock file cannot be made.
    Unusable(std::io::Error),
}

impl Place {
    /// The paths that `section` names.
    pub fn of(section: &Section) -> Self {
        Place {
            directory: section.directory.clone(),
            database: section.directory.join("journal").join("journal.db"),
            key: section.key_file.clone().unwrap_or_else(|| section.directory.join("journal.key")),
        }
    }

    /// Makes the directories, for the service alone, and syncs them.
    ///
    /// # Errors
    /// What the system said.
    pub fn make(&self) -> std::io::Result<()> {
        let inner = self.database.parent().unwrap_or(&self.directory);
        for directory in [self.directory.as_path(), inner] {
            if !directory.exists() {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
                leave_to_owner(directory);
            }
        }
        sync_directory_of(inner)?;
        sync_directory_of(&self.directory)
    }

    /// Whether there is a database with anything in it.
    pub fn has_database(&self) -> bool {
        std::fs::metadata(&self.database).is_ok_and(|found| found.len() > 0)
    }

    /// Whether `target` would lie among the journal's own files, by whichever name their directory is reached.
    pub fn holds(&self, target: &Path) -> bool {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Where there is no such directory, whoever writes there says so.
        let (Ok(own), Ok(parent)) = (std::fs::metadata(&self.directory), parent.canonicalize()) else { return false };
        let same = |at: &Path| std::fs::metadata(at).is_ok_and(|at| (at.dev(), at.ino()) == (own.dev(), own.ino()));
        parent.ancestors().any(same)
    }

    /// What became of a journal that was begun here before, as far as it can be seen; none where there was none. Asked
    /// where no run was begun in the database.
    ///
    /// # Errors
    /// What the system said.
    pub fn one_before(&self) -> std::io::Result<Option<String>> {
        let mut aside = None;
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let is_aside = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(ASIDE.as_bytes()));
            aside = aside.max(is_aside.then_some(path));
        }
        Ok(match aside {
            Some(path) => Some(format!("the journal was damaged and lies in {}", path.display())),
            None if self.begun().exists() => {
                Some(format!("the journal is gone: one was begun in {} before", self.directory.display()))
            }
            None => None,
        })
    }

    /// Marks that a journal was begun here, so that a start that finds none knows what it has lost.
    pub fn remember(&self) {
        let path = self.begun();
        if path.exists() {
            return;
        }
        let mark = || -> std::io::Result<()> {
            File::options().write(true).create_new(true).mode(0o600).open(&path)?.sync_all()?;
            leave_to_owner(&path);
            sync_directory_of(&path)
        };
        if let Err(error) = mark() {
            let path = path.display();
            tracing::warn!(%error, %path, "the mark of the journal cannot be made: its loss would not be noticed");
        }
    }

    fn begun(&self) -> PathBuf {
        self.directory.join("journal.begun")
    }

    /// Takes the journal for this process. The lock lasts as long as the file that is returned.
    ///
    /// # Errors
    /// [`NotOurs`] names the program that has it.
    pub fn take(&self) -> Result<File, NotOurs> {
        let path = self.directory.join("journal.lock");
        let is_new = !path.exists();
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(NotOurs::Unusable)?;
        if is_new {
            leave_to_owner(&path);
        }
        match lock_patiently(&file) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let told = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                return Err(NotOurs::Held(if told { holder.trim().to_owned() } else { "unknown".to_owned() }));
            }
            Err(other) => return Err(NotOurs::Unusable(other.into())),
        }
        let mut sign = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())
        };
        // The name only helps the next message; the lock itself is held.
        if let Err(error) = sign() {
            tracing::debug!(%error, "the lock file does not take our process number");
        }
        Ok(file)
    }

    /// Lets the kernel forget what it has cached of the database: after a failed sync the cache may hold what the
    /// disk does not. Clean pages only; where it is not possible, nothing is lost.
    pub fn drop_cache(&self) {
        for suffix in ["", "-wal"] {
            let mut path = self.database.clone().into_os_string();
            path.push(suffix);
            if let Ok(file) = File::open(&path)
                && let Err(error) = fadvise(&file, 0, None, Advice::DontNeed)
            {
                tracing::debug!(%error, "the cache of the journal cannot be dropped");
            }
        }
    }

    /// MB that are free for us on the partition.
    ///
    /// # Errors
    /// What the system said.
    pub fn free_mb(&self) -> std::io::Result<u64> {
        let found = statvfs(&self.directory)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize) / (1024 * 1024))
    }

    /// Sets the database aside under a dated name, never over another one. One rename takes all of its files.
    ///
    /// # Errors
    /// What the system said.
    pub fn set_aside(&self, now: jiff::Timestamp) -> std::io::Result<PathBuf> {
        let inner = self.database.parent().unwrap_or(&self.directory);
        let stamp = now.strftime("%Y%m%dT%H%M%SZ");
        let name = |count: u32| match count {
            0 => self.directory.join(format!("{ASIDE}{stamp}")),
            _ => self.directory.join(format!("{ASIDE}{stamp}-{count}")),
        };
        let aside = (0..=u32::MAX).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
        std::fs::rename(inner, &aside)?;
        self.make()?;
        Ok(aside)
    }

    /// Makes an empty database file, for the service alone, and syncs its directory.
    ///
    /// # Errors
    /// What the system said.
    pub fn make_database(&self) -> std::io::Result<()> {
        if !self.database.exists() {
            File::options().write(true).create_new(true).mode(0o600).open(&self.database)?.sync_all()?;
            leave_to_owner(&self.database);
            sync_directory_of(&self.database)?;
        }
        Ok(())
    }
}

/// A process that was killed a moment ago may still be on its way out: its lock is awaited for a second.
fn lock_patiently(file: &File) -> Result<(), rustix::io::Errno> {
    let mut tries = 0;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) if tries < 20 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            done => return done,
        }
    }
}

/// What a command of the administrator makes among the service's files must be the service's: it takes the owner of the
/// directory in which it lies. For anybody else it is their own already.
pub fn leave_to_owner(made: &Path) {
    let Some(directory) = made.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return };
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let given = std::fs::metadata(directory)
        .and_then(|owner| std::os::unix::fs::lchown(made, Some(owner.uid()), Some(owner.gid())));
    if let Err(error) = given {
        tracing::warn!(%error, path = %made.display(), "it stays root's: the service cannot use it");
    }
}

/// Syncs the directory in which `path` lies, so that its name survives a power cut.
///
/// # Errors
/// What the system said.
pub fn sync_directory_of(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// What is known outside of the state partition of how far the journal of this machine had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// Nothing is kept there: a new machine, or one that cannot keep anything.
    Nothing,
    /// This run.
    Reached(u64),
    /// Something is kept there, and it cannot be read: `systemd/device/generation` writes the word `unreadable`.
    Unreadable,
}

/// Reads the number that is kept outside of the state partition. What is no number is no error: a restart does not mend
/// it, and an operator has to say whether the journal is the newest.
///
/// # Errors
/// What the system said.
pub fn read_number(path: &Path) -> std::io::Result<Outside> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
            // The database counts in 64 bits with a sign, and each start counts one more.
            Ok(number.filter(|number| *number < i64::MAX.unsigned_abs()).map_or(Outside::Unreadable, Outside::Reached))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Outside::Nothing),
        Err(error) => Err(error),
    }
}

/// Writes such a number: beside, synced, renamed.
///
/// # Errors
/// What the system said.
pub fn write_number(path: &Path, number: u64) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{number}")?;
    file.sync_all()?;
    leave_to_owner(&beside);
    std::fs::rename(&beside, path)?;
    sync_directory_of(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_program_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::of(&Section::at(dir.path()));
        place.make().unwrap();
        let held = place.take().unwrap();
        let pid = std::process::id().to_string();
        assert!(matches!(place.take(), Err(NotOurs::Held(holder)) if holder == pid));
        drop(held);
        assert!(place.take().is_ok());
    }

    #[test]
    fn nothing_that_was_set_aside_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::of(&Section::at(dir.path()));
        let now = "2026-11-22T01:28:51Z".parse().unwrap();
        for name in ["journal-damaged-20261122T012851Z", "journal-damaged-20261122T012851Z-1"] {
            place.make().unwrap();
            place.make_database().unwrap();
            assert_eq!(place.set_aside(now).unwrap(), dir.path().join(name));
            assert!(dir.path().join(name).join("journal.db").exists() && !place.has_database());
        }
    }

    #[test]
    fn numbers_outside_are_kept_or_missed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("generation");
        assert_eq!(read_number(&path).unwrap(), Outside::Nothing);
        write_number(&path, 41).unwrap();
        write_number(&path, 42).unwrap();
        assert_eq!(read_number(&path).unwrap(), Outside::Reached(42));
        std::fs::copy(dir.path().join("generation"), dir.path().join("x")).unwrap();
        let mut file = File::create(&path).unwrap();
        file.write_all(b"unreadable\n").unwrap();
        assert_eq!(read_number(&path).unwrap(), Outside::Unreadable);
    }
}
