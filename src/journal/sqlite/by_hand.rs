//! The journal in the hands of a command, with the service stopped: only one that is there and whole, and nothing of
//! it is set aside or made. That is the service's, which says so on its screen and sells nothing until somebody looked.

use std::path::PathBuf;

use super::super::place::Place;
use super::super::seal::Seal;
use super::super::section::Section;
use super::super::{Append, JournalError, append, care};
use super::opening::{hold, was_begun};
use super::{Found, OpenError, SqliteJournal, open_database};

impl SqliteJournal {
    /// Opens the journal that is there, for writing, alone.
    ///
    /// # Errors
    /// [`OpenError::Missing`] and [`OpenError::Damaged`] beside what [`SqliteJournal::open`] tells.
    pub fn open_there(section: &Section) -> Result<Self, OpenError> {
        let place = Place::of(section);
        let missing = || OpenError::Missing { directory: section.directory.clone() };
        if !place.has_database() {
            return Err(missing());
        }
        let held = hold(&place)?;
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let seal = Seal::load(credentials.as_deref(), &place.key, false)?;
        place.drop_cache();
        let connection = open_database(&place).map_err(|unfit| {
            let path = place.database.clone();
            if unfit.is_damage() {
                OpenError::Damaged { path, why: unfit.to_string() }
            } else {
                OpenError::Unfit { path, source: unfit }
            }
        })?;
        if !was_begun(&place, &connection)? {
            return Err(missing());
        }
        Self::begin(section, place, held, seal, connection, &Found::Sound)
    }

    /// The journal is taken as it is: what its open sales are told of it is written and the mark goes, all or nothing.
    ///
    /// # Errors
    /// As [`Journal::append`](super::super::Journal::append).
    pub fn adopt_with(&mut self, told: &[Append<'_>]) -> Result<(), JournalError> {
        self.write("adopt the journal", |work, seal| {
            told.iter().try_for_each(|step| append::write(work, seal, step))?;
            care::adopt(work)
        })?;
        self.estranged = None;
        Ok(())
    }
}
