//! What may become of the books while the kiosk is down: an older copy is put back, the database cannot be read any
//! more, a newer program has written it, or the disk had confirmed what it never kept. Then, what an operator does
//! about it, and what must have stood still until then (sale.md 11).

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::books::{Kind, Wrong, audit_since};
use super::operator::adopts;
use super::play::{next_traveller, stuck};
use super::scenario::{Scenario, Setting, for_later, in_stock};
use super::stand::{Open, Stand};
use super::store::Folder;
use crate::journal::archive::mark_as_copy;
use crate::journal::schema::VERSION;
use crate::journal::sqlite::OpenError;
use crate::kiosk::chain;
use crate::sale::Sale;
use crate::sale::record::CaseKind;

/// What becomes of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// Nothing.
    None,
    /// A copy from before the sale is put back.
    RestoredFromBefore,
    /// A backup is put back that was made after so many writes of the sale.
    RestoredFrom(usize),
    /// The database cannot be read any more.
    Unreadable,
    /// A newer program has written the last records; it is rolled back by two versions, and then by one.
    RolledBack,
    /// The disk had confirmed its last so many writes, and loses them.
    Lies(usize),
}

/// The writes of a life by what they left on disk, and a copy from before it. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Marks>>);

#[derive(Debug, Default)]
struct Marks {
    file: Option<PathBuf>,
    /// How long the log was before each write.
    lengths: Vec<u64>,
    copy: Vec<(PathBuf, Vec<u8>)>,
}

impl Log {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies the books of a kiosk that is switched off.
    pub(super) fn copies(&self, folder: Option<&Folder>) {
        let Some(folder) = folder else { return };
        folder.close();
        let files = [folder.database(), beside(&folder.database(), "-wal")];
        let read = |path: &PathBuf| std::fs::read(path).ok().map(|bytes| (path.clone(), bytes));
        self.marks().copy = files.iter().filter_map(read).collect();
    }

    /// A life begins.
    pub(super) fn begins(&self, file: Option<PathBuf>) {
        let mut marks = self.marks();
        marks.file = file;
        marks.lengths.clear();
    }

    /// Something is about to be written.
    pub(super) fn writes(&self) {
        let mut marks = self.marks();
        let Some(file) = &marks.file else { return };
        let length = std::fs::metadata(file).map_or(0, |found| found.len());
        marks.lengths.push(length);
    }

    /// Whatever came after the first so many writes is gone. `false` where there were no more.
    fn forgets_all_but(&self, writes: usize) -> bool {
        let marks = self.marks();
        let (Some(file), Some(length)) = (&marks.file, marks.lengths.get(writes)) else { return false };
        let log = File::options().write(true).open(file).expect("the log is there");
        log.set_len(*length).expect("a folder of our own");
        true
    }
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.to_owned().into_os_string();
    path.push(suffix);
    path.into()
}

fn put(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).expect("a folder of our own");
    file.write_all(bytes).expect("a folder of our own");
}

/// What had happened in the world when the books were damaged: no record may be left of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) payments: usize,
    pub(super) sold: usize,
    pub(super) sights: usize,
    pub(super) receipts: usize,
}

impl Known {
    fn at(stand: &Stand) -> Known {
        Known {
            payments: stand.terminal.ledger().book().payments.len(),
            sold: stand.shop.sold().len(),
            sights: stand.sights.lock().unwrap_or_else(PoisonError::into_inner).len(),
            receipts: stand.tray.receipts.lock().unwrap_or_else(PoisonError::into_inner).len(),
        }
    }
}

/// Everything that moves money or orders goods: "goods issued", `06 01`, `06 30`, orders.
fn moves(stand: &Stand) -> (u32, u32, u32, usize) {
    let book = stand.terminal.ledger().book();
    let issued = book.payments.iter().map(|payment| payment.goods_issued).sum();
    (issued, book.authorisations, book.reversals_asked, stand.shop.sold().len())
}

/// What became of the books of a stand.
#[derive(Debug, Default)]
pub(super) struct Fate {
    known: Option<Known>,
    /// The kiosk said that its journal may not be the newest.
    told: bool,
    /// The sale of which a newer program has written.
    newer: Option<String>,
    /// What could not be read any more.
    ruin: Vec<u8>,
    /// The books were not what they had been.
    real: bool,
}

/// The kiosk is down, and this happens to its books.
pub(super) fn befalls(setting: &Setting, stand: &Stand) -> (Fate, Vec<Wrong>) {
    let (mut fate, mut wrongs) = (Fate::default(), Vec::new());
    let Some(folder) = stand.disk.folder() else { return (fate, wrongs) };
    folder.close();
    let before = (setting.damage != Damage::None).then(|| content(folder));
    let damaged = match setting.damage {
        Damage::None => false,
        Damage::RestoredFromBefore => {
            let copy = stand.log.marks().copy.clone();
            for suffix in ["-wal", "-shm"] {
                std::fs::remove_file(beside(&folder.database(), suffix)).ok();
            }
            copy.iter().for_each(|(path, bytes)| put(path, bytes));
            true
        }
        Damage::RestoredFrom(writes) => {
            let forgot = stand.log.forgets_all_but(writes);
            if forgot {
                // As a backup is made while the journal is in use.
                let copy = rusqlite::Connection::open(folder.database()).expect("the database is there");
                mark_as_copy(&copy).expect("a folder of our own");
            }
            forgot
        }
        Damage::Lies(last) => {
            let writes = stand.log.marks().lengths.len();
            stand.log.forgets_all_but(writes.saturating_sub(last))
        }
        Damage::Unreadable => {
            fate.ruin = vec![0x5A; 20_000];
            put(&folder.database(), &fate.ruin);
            put(&beside(&folder.database(), "-wal"), &[0x5A; 4_000]);
            true
        }
        Damage::RolledBack => {
            fate.newer = newer_program(folder, &mut wrongs);
            false
        }
    };
    fate.known = damaged.then(|| Known::at(stand));
    fate.real = before.is_some_and(|before| before != content(folder));
    (fate, wrongs)
}

/// Everything that stands in the books, in short; none where they cannot be read. A copy is looked at: whoever closes a
/// database last changes its files.
fn content(folder: &Folder) -> Option<u64> {
    let copy = folder.path().join("looked-at.db");
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(beside(&folder.database(), suffix)).unwrap_or_default();
        put(&beside(&copy, suffix), &bytes);
    }
    let found = rusqlite::Connection::open(&copy).and_then(|books| sum(&books));
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(beside(&copy, suffix)).ok();
    }
    found.ok()
}

fn sum(books: &rusqlite::Connection) -> rusqlite::Result<u64> {
    let mut hash = DefaultHasher::new();
    let mut tables = books.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
    let tables: Vec<(String, String)> =
        tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (name, sql) in tables {
        sql.hash(&mut hash);
        let mut query = books.prepare(&format!("SELECT * FROM \"{name}\""))?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                format!("{:?}", row.get_ref(column)?).hash(&mut hash);
            }
        }
    }
    Ok(hash.finish())
}

/// A program of the next version has written: a column, a table, a field and a record that this one does not know.
fn newer_program(folder: &Folder, wrongs: &mut Vec<Wrong>) -> Option<String> {
    let raw = || rusqlite::Connection::open(folder.database()).expect("the database is there");
    let version = |version: u32| raw().pragma_update(None, "user_version", version).expect("a version");
    version(VERSION + 2);
    match folder.open() {
        Err(OpenError::Unfit { source, .. }) if !source.is_damage() => {}
        Ok(_) => wrongs.push(stuck("a journal of two versions ahead was opened")),
        Err(error) => wrongs.push(stuck(&format!("a journal of two versions ahead: {}", chain(&error)))),
    }
    version(VERSION + 1);
    let connection = raw();
    let additions =
        "ALTER TABLE sales ADD COLUMN insured_ms INTEGER; CREATE TABLE policies (id TEXT PRIMARY KEY) STRICT;
                     UPDATE entries SET json = json_set(json, '$.of_the_next_version', 1);";
    connection.execute_batch(additions).expect("additions");
    let newest = "SELECT id FROM sales ORDER BY opened_ms DESC, counter DESC LIMIT 1";
    let sale: String = connection.query_row(newest, [], |row| row.get(0)).ok()?;
    let record = "INSERT INTO entries (sale, seq, run, mono_ms, wall_ms, synced, kind, json)
                  SELECT sale, seq + 1, run, mono_ms, wall_ms, synced, 'insured', '{\"kind\":\"insured\",\"policy\":7}'
                  FROM entries WHERE sale = ?1 ORDER BY seq DESC LIMIT 1";
    connection.execute(record, [&sale]).expect("a record");
    connection.execute("UPDATE sales SET entries = entries + 1 WHERE id = ?1", [&sale]).expect("its count");
    Some(sale)
}

fn acted(what: String) -> Wrong {
    Wrong { kind: Kind::ActedInDoubt, what }
}

impl Fate {
    /// What was to become of the books became of them.
    pub(super) fn is_real(&self) -> bool {
        self.real
    }

    /// The kiosk runs again: what must stand still does, and the operator does what is left to a person.
    pub(super) async fn aftermath(&mut self, setting: &Setting, stand: &Stand, open: &Open) -> Vec<Wrong> {
        let mut wrongs = Vec::new();
        if let Some(id) = &self.newer {
            let sale = stand.disk.sales().into_iter().find(|sale| sale.id.to_string() == *id);
            let case = |sale: &Sale| sale.cases.iter().any(|case| case.kind == CaseKind::NewerRecord);
            if !sale.as_ref().is_some_and(case) {
                wrongs.push(stuck("what a newer program wrote is no case"));
            }
        }
        if self.known.is_none() {
            return wrongs;
        }
        let (before, at_once) = (moves(stand), stand.disk.estranged().is_some());
        let sure = match setting.damage {
            Damage::Unreadable | Damage::RestoredFrom(_) => true,
            Damage::RestoredFromBefore => setting.generation,
            Damage::None | Damage::RolledBack | Damage::Lies(_) => false,
        };
        if sure && !at_once {
            wrongs.push(acted("the journal may not be the newest, and does not say so".to_owned()));
        }
        if setting.damage == Damage::Unreadable && !self.ruin_is_kept(stand) {
            wrongs.push(stuck("what could not be read was not set aside whole"));
        }
        // Longer than the terminal is listened to and waited for.
        sleep(Duration::from_secs(240)).await;
        if at_once && moves(stand) != before {
            wrongs.push(acted(format!("from {before:?} to {:?} before anybody adopted the journal", moves(stand))));
        }
        wrongs.extend(self.operator(stand, open).await);
        wrongs
    }

    fn ruin_is_kept(&self, stand: &Stand) -> bool {
        let Some(root) = stand.disk.folder().map(Folder::database) else { return false };
        let Some(home) = root.parent().and_then(Path::parent) else { return false };
        let aside = |path: &PathBuf| path.to_string_lossy().contains("journal-damaged-");
        let found = std::fs::read_dir(home).into_iter().flatten().flatten().map(|entry| entry.path()).find(aside);
        found.is_some_and(|path| std::fs::read(path.join("journal.db")).is_ok_and(|bytes| bytes == self.ruin))
    }

    /// Where the kiosk says that its journal may not be the newest, the operator sees to it.
    async fn operator(&mut self, stand: &Stand, open: &Open) -> Vec<Wrong> {
        if stand.disk.estranged().is_none() {
            return Vec::new();
        }
        self.told = true;
        adopts(stand, open).await
    }

    /// The next traveller buys; where their baseline was the first to show that the journal is an older one, after the
    /// operator has seen to it.
    pub(super) async fn next_traveller(&mut self, stand: &Stand, open: &Open) -> Vec<Wrong> {
        let wrongs = next_traveller(stand, open).await;
        if wrongs.is_empty() || self.known.is_none() || stand.disk.estranged().is_none() {
            return wrongs;
        }
        let mut wrongs = self.operator(stand, open).await;
        wrongs.extend(next_traveller(stand, open).await);
        wrongs
    }

    /// Everything that is wrong at this stand. A kiosk that has said what it does not know is not asked for it.
    pub(super) fn audit(&self, stand: &Stand) -> Vec<Wrong> {
        match self.known {
            Some(known) if self.told => audit_since(stand, &known),
            // Nothing outside of the books is ahead of them: no witness can say what was lost with them.
            Some(Known { sights, receipts, .. }) => {
                let lost = |wrong: &Wrong| matches!(wrong.kind, Kind::LostRecord | Kind::StrayCommit);
                let known = Known { sights, receipts, ..Known::default() };
                audit_since(stand, &known).into_iter().filter(|wrong| !lost(wrong)).collect()
            }
            None => audit_since(stand, &Known::default()),
        }
    }
}

fn books(at: &mut Setting, damage: Damage) {
    at.files = true;
    at.earlier = true;
    at.damage = damage;
}

fn kept_outside(at: &mut Setting, damage: Damage) {
    books(at, damage);
    at.generation = true;
}

/// Every scenario of damaged books.
pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "backup restored", change: |at| kept_outside(at, Damage::RestoredFromBefore) },
    Scenario { name: "backup restored, no number outside", change: |at| books(at, Damage::RestoredFromBefore) },
    Scenario { name: "backup restored, made before the card", change: |at| books(at, Damage::RestoredFrom(2)) },
    Scenario { name: "backup restored, made in the hold", change: |at| books(at, Damage::RestoredFrom(5)) },
    Scenario { name: "backup restored, made at the commit", change: |at| books(at, Damage::RestoredFrom(7)) },
    Scenario {
        name: "backup restored, stock sale",
        change: |at| {
            in_stock(at, 2);
            kept_outside(at, Damage::RestoredFromBefore);
            at.earlier = false;
        },
    },
    Scenario { name: "database set aside", change: |at| kept_outside(at, Damage::Unreadable) },
    Scenario {
        name: "database set aside, stock sale",
        change: |at| {
            in_stock(at, 2);
            at.damage = Damage::Unreadable;
        },
    },
    Scenario { name: "update rolled back", change: |at| books(at, Damage::RolledBack) },
    Scenario {
        name: "update rolled back, order open",
        change: |at| {
            books(at, Damage::RolledBack);
            at.manner = super::shop::Manner::SellsUntold(Duration::from_secs(240));
        },
    },
    Scenario {
        name: "update rolled back, queue sale",
        change: |at| {
            for_later(at);
            at.damage = Damage::RolledBack;
        },
    },
    Scenario { name: "lying disk, last write lost", change: |at| kept_outside(at, Damage::Lies(1)) },
    Scenario { name: "lying disk, last three lost", change: |at| kept_outside(at, Damage::Lies(3)) },
    Scenario {
        name: "lying disk, last write lost, order open",
        change: |at| {
            kept_outside(at, Damage::Lies(1));
            at.manner = super::shop::Manner::SellsUntold(Duration::from_secs(240));
        },
    },
];
