//! What can go wrong inside of a call, before it becomes a [`JournalError`].

use super::{JournalError, Violation};

/// Inside of a call.
#[derive(Debug)]
pub(super) enum Fault {
    /// An answer: nothing is written, selling goes on.
    Violation(Violation),
    /// SQLite or the disk.
    Sql(rusqlite::Error),
    /// What is there is not what must be there.
    Damaged(String),
    /// A seal does not open.
    Seal(super::seal::Broken),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
        match error {
            // The disk gave what lies on it, and that is not what was written: this row is damaged, not the disk.
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..) => {
                Fault::Damaged(error.to_string())
            }
            error => Fault::Sql(error),
        }
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Fault::Violation(violation)
    }
}

impl From<super::seal::Broken> for Fault {
    fn from(broken: super::seal::Broken) -> Self {
        Fault::Seal(broken)
    }
}

/// The journal failed once, and is not used again in this run.
#[derive(Debug, thiserror::Error)]
#[error("it failed before ({0}), and a failed sync is never tried again: restart the service")]
pub(super) struct FailedBefore(pub(super) &'static str);

impl Fault {
    /// As the callers see it.
    pub(super) fn told(self, doing: &'static str) -> JournalError {
        match self {
            Fault::Violation(violation) => JournalError::Violation(violation),
            Fault::Sql(source) => JournalError::Storage { doing, source: Box::new(source) },
            Fault::Damaged(what) => JournalError::Damaged { what },
            Fault::Seal(broken) => JournalError::Damaged { what: format!("{broken}, asked to {doing}") },
        }
    }
}

/// An insert that breaks a uniqueness is this violation; every other failure stays what it is.
pub(super) fn unique<T>(result: Result<T, rusqlite::Error>, violation: impl FnOnce() -> Violation) -> Result<T, Fault> {
    match result {
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(
                error.extended_code,
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            ) =>
        {
            Err(Fault::Violation(violation()))
        }
        other => other.map_err(Fault::from),
    }
}
