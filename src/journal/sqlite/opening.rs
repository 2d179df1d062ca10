//! How a journal is found when it is opened, and why it cannot be.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::place::{NotOurs, Place};
use super::super::schema::Unfit;
use super::super::seal::NoKey;
use super::{SqliteJournal, meta};

/// An open journal, and how it was found.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: SqliteJournal,
    /// How it was found.
    pub found: Found,
}

/// How the database was found at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Whole.
    Sound,
    /// None was there: the first start.
    New,
    /// None was there, and there was one before: it was lost, or set aside by a start that was cut off. An empty one was
    /// begun, and the kiosk is estranged.
    Gone {
        /// What became of it, as far as it can be seen.
        why: String,
    },
    /// It was damaged. It lies under another name, nothing of it is deleted, and an empty one was begun: the kiosk is
    /// estranged until an operator adopts it (sale.md 11).
    SetAside {
        /// Where it lies.
        path: PathBuf,
        /// What was found.
        why: String,
    },
}

/// Why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another program has it.
    #[error("the journal in {directory} is held by process {holder}: stop it first (systemctl stop esim-kiosk)")]
    Held {
        /// Where.
        directory: PathBuf,
        /// Its process number.
        holder: String,
    },
    /// The directory or a file beside the database.
    #[error("cannot {doing} {path}: the service's user must own it, on a partition with room")]
    Files {
        /// What we were doing.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A command needs a journal, and none was begun here.
    #[error("there is no journal in {directory}: the service makes it at its first start (systemctl start esim-kiosk)")]
    Missing {
        /// Where it should be.
        directory: PathBuf,
    },
    /// A command met a damaged one. Only the service sets it aside: it says so, and sells nothing until it is adopted.
    #[error(
        "the journal {path} is damaged ({why}): start the service, it sets it aside and keeps it (systemctl start \
         esim-kiosk)"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The sealing key.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// The database.
    #[error("cannot open the journal {path}")]
    Unfit {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: Unfit,
    },
}

/// What became of a file, with its name.
pub(super) fn files(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Files { doing, path, source }
}

/// Keeps every other program out.
pub(super) fn hold(place: &Place) -> Result<File, OpenError> {
    place.take().map_err(|why| match why {
        NotOurs::Held(holder) => OpenError::Held { directory: place.directory.clone(), holder },
        NotOurs::Unusable(source) => files("lock", &place.directory)(source),
    })
}

/// Whether a run was ever begun in this database. One that was cut off before its first run holds nothing.
pub(super) fn was_begun(place: &Place, connection: &Connection) -> Result<bool, OpenError> {
    let run = meta::<u64>(connection, "run");
    let unfit = |error| OpenError::Unfit { path: place.database.clone(), source: Unfit::Sql(error) };
    Ok(run.map_err(unfit)?.is_some())
}

/// How a database that is whole was found.
pub(super) fn found(place: &Place, connection: &Connection) -> Result<Found, OpenError> {
    if was_begun(place, connection)? {
        return Ok(Found::Sound);
    }
    let why = place.one_before().map_err(files("read", &place.directory))?;
    Ok(why.map_or(Found::New, |why| Found::Gone { why }))
}
