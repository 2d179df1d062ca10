//! The journal in SQLite: WAL, `synchronous=FULL`, both read back at open.
//!
//! One process writes, held by a lock beside the database; others may read while it runs. After the first failure
//! that is no [`Violation`](super::Violation) the connection is never used again in this run: a failed sync is not
//! tried a second time, and what is true is what the next start finds on disk.

mod by_hand;
mod opening;

use std::fs::File;
use std::path::PathBuf;

pub use opening::{Found, OpenError, Opened};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::fault::{FailedBefore, Fault};
use super::place::{Outside, Place, read_number, write_number};
use super::schema::{self, Unfit};
use super::seal::{NoKey, Seal};
use super::section::Section;
use super::{JournalError, care};

/// The journal of a kiosk.
#[derive(Debug)]
pub struct SqliteJournal {
    pub(super) connection: Connection,
    seal: Seal,
    pub(super) place: Option<Place>,
    pub(super) run: u64,
    pub(super) estranged: Option<String>,
    pub(super) estranged_in: u64,
    pub(super) head_room_mb: u64,
    pub(super) keep_codes_ms: u64,
    pub(super) keep_personal_ms: u64,
    pub(super) keep_sales_ms: u64,
    failed: Option<&'static str>,
    _held: Option<File>,
}

impl SqliteJournal {
    /// Opens the journal for the service, for writing, alone.
    ///
    /// A damaged database is set aside and an empty one begun; every other failure is an error, and nothing is
    /// changed.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    pub fn open(section: &Section) -> Result<Opened, OpenError> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self::open_with(section, credentials.as_deref(), jiff::Timestamp::now())
    }

    /// As [`SqliteJournal::open`], told where systemd's credentials lie and what time it is.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`].
    pub fn open_with(
        section: &Section,
        credentials: Option<&std::path::Path>,
        now: jiff::Timestamp,
    ) -> Result<Opened, OpenError> {
        let place = Place::of(section);
        place.make().map_err(opening::files("make the directory", &place.directory))?;
        let held = opening::hold(&place)?;
        let fresh = !place.has_database();
        let seal = Seal::load(credentials, &place.key, fresh)?;
        place.drop_cache();
        let unfit = |source| OpenError::Unfit { path: place.database.clone(), source };
        let make = || place.make_database().map_err(opening::files("make", &place.database));
        make()?;
        let (connection, damaged) = match open_database(&place) {
            Ok(connection) => (connection, None),
            Err(damage) if damage.is_damage() => {
                let aside = place.set_aside(now).map_err(opening::files("set aside", &place.database))?;
                tracing::error!(%damage, path = %aside.display(), "the journal is damaged: it is set aside");
                make()?;
                let connection = open_database(&place).map_err(unfit)?;
                (connection, Some(Found::SetAside { path: aside, why: damage.to_string() }))
            }
            Err(other) => return Err(unfit(other)),
        };
        let found = match damaged {
            Some(damaged) => damaged,
            None => opening::found(&place, &connection)?,
        };
        let journal = Self::begin(section, place, held, seal, connection, &found)?;
        Ok(Opened { journal, found })
    }

    /// Begins a run on a database that is whole.
    fn begin(
        section: &Section,
        place: Place,
        held: File,
        seal: Seal,
        connection: Connection,
        found: &Found,
    ) -> Result<Self, OpenError> {
        let mut journal = SqliteJournal {
            connection,
            seal,
            run: 0,
            estranged: None,
            estranged_in: 0,
            head_room_mb: section.head_room_mb,
            keep_codes_ms: u64::from(section.keep_codes_hours) * 3_600_000,
            keep_personal_ms: u64::from(section.keep_personal_days) * 86_400_000,
            keep_sales_ms: u64::from(section.keep_sales_days) * 86_400_000,
            failed: None,
            place: Some(place.clone()),
            _held: Some(held),
        };
        let outside = match &section.generation_file {
            Some(path) => read_number(path).map_err(opening::files("read the generation number", path))?,
            None => Outside::Nothing,
        };
        journal.begin_run(found, outside).map_err(|refused| match refused {
            Refused::OtherKey => NoKey::Other { path: journal.seal.place().to_owned() }.into(),
            Refused::Sql(error) => OpenError::Unfit { path: place.database.clone(), source: Unfit::Sql(error) },
        })?;
        place.remember();
        if let Some(path) = &section.generation_file {
            write_number(path, journal.run).map_err(opening::files("write the generation number", path))?;
        }
        Ok(journal)
    }

    /// A journal in memory, for simulations: the same tables and rules, nothing survives.
    ///
    /// # Errors
    /// SQLite's.
    #[cfg(any(test, feature = "sim"))]
    pub fn in_memory(key: &[u8; 32]) -> Result<Self, OpenError> {
        let unfit = |source| OpenError::Unfit { path: ":memory:".into(), source };
        let mut connection = Connection::open_in_memory().map_err(|error| unfit(error.into()))?;
        schema::settle(&connection).map_err(|error| unfit(error.into()))?;
        schema::bring_up(&mut connection).map_err(unfit)?;
        let mut journal = SqliteJournal {
            connection,
            seal: Seal::from_key(key, std::path::Path::new(":memory:")),
            run: 0,
            estranged: None,
            estranged_in: 0,
            head_room_mb: 0,
            keep_codes_ms: 72 * 3_600_000,
            keep_personal_ms: 180 * 86_400_000,
            keep_sales_ms: 730 * 86_400_000,
            failed: None,
            place: None,
            _held: None,
        };
        journal.restart()?;
        Ok(journal)
    }

    /// A start of the program on a journal in memory: the run's number rises.
    ///
    /// # Errors
    /// SQLite's.
    #[cfg(any(test, feature = "sim"))]
    pub fn restart(&mut self) -> Result<(), OpenError> {
        self.begin_run(&Found::Sound, Outside::Nothing).map_err(|refused| match refused {
            Refused::OtherKey => NoKey::Other { path: ":memory:".into() }.into(),
            Refused::Sql(error) => OpenError::Unfit { path: ":memory:".into(), source: error.into() },
        })
    }

    /// Writes the run's number, and whether this journal is the newest.
    fn begin_run(&mut self, found: &Found, outside: Outside) -> Result<(), Refused> {
        let work = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let check: Option<Vec<u8>> = meta(&work, "key_check")?;
        match check {
            Some(check) if check != self.seal.check() => return Err(Refused::OtherKey),
            Some(_) => {}
            None => set_meta(&work, "key_check", self.seal.check())?,
        }
        let before = meta::<u64>(&work, "run")?.unwrap_or(0);
        // Never behind what was outside: the runs of a replaced journal are not used twice.
        let reached = if let Outside::Reached(run) = outside { run } else { 0 };
        let run = before.max(reached) + 1;
        set_meta(&work, "run", run)?;
        let estranged = match found {
            Found::SetAside { path, .. } => Some(format!("the journal was damaged and lies in {}", path.display())),
            Found::Gone { why } => Some(why.clone()),
            _ if outside == Outside::Unreadable => Some(
                "the number outside of the journal cannot be read: nobody knows whether this journal is the newest"
                    .to_owned(),
            ),
            _ if reached > before => {
                Some(format!("the journal is an older one: generation {before}, and {reached} was reached here"))
            }
            _ => None,
        };
        if let Some(why) = &estranged {
            care::estrange(&work, why)?;
        }
        self.estranged = meta(&work, "estranged")?;
        self.estranged_in = match meta(&work, "estranged_in")? {
            Some(known) => known,
            None => run,
        };
        if self.estranged.is_some() {
            set_meta(&work, "estranged_in", self.estranged_in)?;
        }
        work.commit()?;
        self.run = run;
        Ok(())
    }

    /// A copy of the whole journal, as it is now, while it is in use.
    ///
    /// # Errors
    /// SQLite's or the disk's; a failed backup does not stop the journal.
    pub fn back_up(&self, to: &std::path::Path) -> Result<(), JournalError> {
        let told =
            |source: rusqlite::Error| JournalError::Storage { doing: "back itself up", source: Box::new(source) };
        let mut copy = Connection::open(to).map_err(told)?;
        let backup = rusqlite::backup::Backup::new(&self.connection, &mut copy).map_err(told)?;
        backup.run_to_completion(256, std::time::Duration::ZERO, None).map_err(told)
    }

    /// The control of power-loss runs: steps are no longer synced one by one, which such a run must notice.
    ///
    /// # Errors
    /// SQLite's.
    #[cfg(feature = "sim")]
    pub fn sync_less(&self) -> Result<(), JournalError> {
        let told = |source| JournalError::Storage { doing: "sync less", source: Box::new(source) };
        self.connection.pragma_update(None, "synchronous", "NORMAL").map_err(told)
    }

    /// Reads, and stops the journal for good where SQLite or the disk fails.
    pub(super) fn read<T>(
        &mut self,
        doing: &'static str,
        ask: impl FnOnce(&Connection, &Seal) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        self.sound(doing)?;
        let answer = ask(&self.connection, &self.seal);
        if let Err(Fault::Sql(_)) = &answer {
            self.failed = Some(doing);
        }
        // One sale that cannot be read is that sale's misfortune: the others are sold and finished.
        answer.map_err(|fault| fault.told(doing))
    }

    /// Writes in one transaction, synced before it returns, and stops the journal for good on any failure that is
    /// no violation.
    pub(super) fn write<T>(
        &mut self,
        doing: &'static str,
        change: impl FnOnce(&Transaction<'_>, &Seal) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        self.sound(doing)?;
        let seal = &self.seal;
        let connection = &mut self.connection;
        let run = || -> Result<T, Fault> {
            let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&work, seal)?;
            work.commit()?;
            Ok(value)
        };
        let done = run();
        self.judge(doing, done)
    }

    fn sound(&self, doing: &'static str) -> Result<(), JournalError> {
        match self.failed {
            None => Ok(()),
            Some(first) => Err(JournalError::Storage { doing, source: Box::new(FailedBefore(first)) }),
        }
    }

    fn judge<T>(&mut self, doing: &'static str, answer: Result<T, Fault>) -> Result<T, JournalError> {
        if let Err(Fault::Sql(_) | Fault::Damaged(_)) = &answer {
            self.failed = Some(doing);
        }
        answer.map_err(|fault| fault.told(doing))
    }

    /// Moves the write-ahead log into the database. A failure stops the journal: SQLite itself would have swallowed
    /// it.
    pub(super) fn checkpoint(&mut self, at_least: u64) -> Result<(), JournalError> {
        let Some(place) = &self.place else { return Ok(()) };
        let mut log = place.database.clone().into_os_string();
        log.push("-wal");
        if std::fs::metadata(log).map_or(0, |found| found.len()) < at_least {
            return Ok(());
        }
        self.read("move its log into the database", |connection, _| {
            // Busy means that a reader is still on an older state: the next tidying does it.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?;
            Ok(())
        })
    }
}

/// Why a run cannot begin.
enum Refused {
    OtherKey,
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Refused::Sql(error)
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => Refused::Sql(error),
            // Setting a mark breaks no uniqueness and opens no seal.
            _ => Refused::Sql(rusqlite::Error::InvalidQuery),
        }
    }
}

fn open_database(place: &Place) -> Result<Connection, Unfit> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&place.database, flags)?;
    schema::settle(&connection)?;
    schema::readable(&connection)?;
    schema::check_integrity(&connection)?;
    schema::bring_up(&mut connection)?;
    schema::prove_durable(&connection)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

pub(super) fn meta<T: rusqlite::types::FromSql>(
    connection: &Connection,
    key: &str,
) -> Result<Option<T>, rusqlite::Error> {
    connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([key], |row| row.get(0)).optional()
}

pub(super) fn set_meta(connection: &Connection, key: &str, value: impl rusqlite::ToSql) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
        .execute((key, value))
        .map(drop)
}
