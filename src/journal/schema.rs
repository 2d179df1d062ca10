//! The schema and its versions (sale.md 11): a version opens databases of its own and of the next version, brings
//! older ones up, and refuses those that are two steps ahead.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

/// The schema version that this program writes.
pub const VERSION: u32 = 2;
/// "eSIM": marks a database as a journal of ours.
const APPLICATION_ID: u32 = 0x6553_494D;
/// Migration n brings version n to n + 1.
const MIGRATIONS: [&str; VERSION as usize] = [include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The program was rolled back by two versions or more.
    #[error(
        "the journal was written by a newer version (schema {found}; this program reads up to {readable}): \
         install the newer version again"
    )]
    TooNew {
        /// What the database has.
        found: u32,
        /// The newest that this program reads.
        readable: u32,
    },
    /// Some other program's database.
    #[error("the file is another program's database: let [journal] directory name another place")]
    Foreign,
    /// The database does not promise what a journal must.
    #[error("the database answers {pragma} = {found}; {wanted} is needed so that no record is lost in a power cut")]
    NotDurable {
        /// Which setting.
        pragma: &'static str,
        /// What was read back.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// What was read is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// SQLite or the disk.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

impl Unfit {
    /// Whether the file itself is broken, so that it is set aside.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Unfit::Damaged(_) => true,
            Unfit::Sql(error) => matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)),
            Unfit::TooNew { .. } | Unfit::Foreign | Unfit::NotDurable { .. } => false,
        }
    }
}

/// Settings of every connection that writes. Checkpoints are ours alone (SQLite's automatic one swallows the error of
/// a failed sync), and closing syncs nothing: a failed sync is never tried again.
///
/// # Errors
/// SQLite's.
pub fn settle(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_secs(2))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // What is wiped is overwritten with zeros.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// Reads back what [`settle`] set: a database that cannot promise it takes no sale.
///
/// # Errors
/// [`Unfit::NotDurable`] names the setting.
pub fn prove_durable(connection: &Connection) -> Result<(), Unfit> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Unfit::NotDurable { pragma: "journal_mode", found: mode, wanted: "wal" });
    }
    for (pragma, wanted, number) in
        [("synchronous", "2 (FULL)", 2_i64), ("foreign_keys", "1", 1), ("wal_autocheckpoint", "0", 0)]
    {
        let found: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0))?;
        if found != number {
            return Err(Unfit::NotDurable { pragma, found: found.to_string(), wanted });
        }
    }
    Ok(())
}

/// Whether the version of this database can be read at all.
///
/// # Errors
/// [`Unfit::TooNew`], [`Unfit::Foreign`].
pub fn readable(connection: &Connection) -> Result<u32, Unfit> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mark: u32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && mark != APPLICATION_ID {
        return Err(Unfit::Foreign);
    }
    if found > VERSION + 1 {
        return Err(Unfit::TooNew { found, readable: VERSION + 1 });
    }
    Ok(found)
}

/// Brings the schema to [`VERSION`], in one transaction.
///
/// # Errors
/// As [`readable`].
pub fn bring_up(connection: &mut Connection) -> Result<(), Unfit> {
    let found = readable(connection)?;
    if found >= VERSION {
        return Ok(());
    }
    let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let start = usize::try_from(found).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(start) {
        work.execute_batch(migration)?;
    }
    work.pragma_update(None, "application_id", APPLICATION_ID)?;
    work.pragma_update(None, "user_version", VERSION)?;
    work.commit()?;
    Ok(())
}

/// SQLite's own check of every page, index and constraint.
///
/// # Errors
/// [`Unfit::Damaged`] with the first findings.
pub fn check_integrity(connection: &Connection) -> Result<(), Unfit> {
    let mut findings: Vec<String> = Vec::new();
    connection.pragma_query(None, "integrity_check", |row| {
        findings.push(row.get(0)?);
        Ok(())
    })?;
    if findings.iter().any(|finding| finding != "ok") {
        findings.truncate(3);
        return Err(Unfit::Damaged(findings.join("; ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(dir: &tempfile::TempDir) -> Connection {
        let mut connection = Connection::open(dir.path().join("j.db")).unwrap();
        settle(&connection).unwrap();
        bring_up(&mut connection).unwrap();
        connection
    }

    #[test]
    fn what_was_set_is_read_back_and_less_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let connection = fresh(&dir);
        prove_durable(&connection).unwrap();
        for (pragma, less) in [("synchronous", "NORMAL"), ("foreign_keys", "OFF"), ("journal_mode", "DELETE")] {
            connection.pragma_update_and_check(None, pragma, less, |_| Ok(())).ok();
            connection.pragma_update(None, pragma, less).ok();
            let refused = prove_durable(&connection).unwrap_err();
            assert!(matches!(refused, Unfit::NotDurable { pragma: named, .. } if named == pragma), "{refused}");
            settle(&connection).unwrap();
        }
    }

    #[test]
    fn one_version_ahead_is_opened_and_two_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = fresh(&dir);
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        bring_up(&mut connection).unwrap();
        assert_eq!(readable(&connection).unwrap(), VERSION + 1, "it is left as it is");
        connection.pragma_update(None, "user_version", VERSION + 2).unwrap();
        let refused = bring_up(&mut connection).unwrap_err();
        assert!(matches!(refused, Unfit::TooNew { .. }) && !refused.is_damage());
        assert!(refused.to_string().contains("newer version"), "{refused}");
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
        assert!(matches!(bring_up(&mut connection), Err(Unfit::Foreign)));
    }
}
