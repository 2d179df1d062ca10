//! Where a stand keeps its books: in memory, for many sales; or in the product's own database, with everything that only
//! it has: stock, end of day, the outbox, sealed codes.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::blade::Cut;
use crate::journal::Journal;
use crate::journal::archive::{Archive, SaleRow, Wanted};
use crate::journal::place::Place;
use crate::journal::section::Section;
use crate::journal::sqlite::{OpenError, SqliteJournal};
use crate::sale::id::SaleId;
use crate::sale::record::Record;
use crate::sale::{Lock, Sale};
use crate::sim::memory::MemoryDisk;

/// A folder of a stand's own, in memory where that is possible: syncs cost nothing there. Gone with the stand.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Outside of the state partition.
    generation: Option<PathBuf>,
    keep_sales_days: u32,
    archive: Mutex<Option<Archive>>,
}

impl Folder {
    fn new(generation: bool, keep_sales_days: u32) -> Folder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let own = format!("esim-kiosk-stand-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = place.join(own);
        let generation = generation.then(|| path.with_extension("generation"));
        Folder { path, generation, keep_sales_days, archive: Mutex::new(None) }
    }

    /// Where everything of it lies.
    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    fn section(&self) -> Section {
        Section {
            head_room_mb: 0,
            keep_sales_days: self.keep_sales_days,
            generation_file: self.generation.clone(),
            ..Section::at(&self.path)
        }
    }

    /// Where the database lies.
    pub(super) fn database(&self) -> PathBuf {
        Place::of(&self.section()).database
    }

    /// Nobody reads any more, so that files may be changed under it.
    pub(super) fn close(&self) {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(super) fn open(&self) -> Result<SqliteJournal, OpenError> {
        Ok(SqliteJournal::open_with(&self.section(), None, super::stand::began())?.journal)
    }

    /// What fails below SQLite from the next start on; nothing where the cut is another one.
    fn arm(&self, cut: Cut) -> std::io::Result<()> {
        let (plan, mark) = (self.path.join("disk.fault"), self.path.join("disk.struck"));
        for path in [&plan, &mark] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let Cut::Below(what, place) = cut else { return Ok(()) };
        std::fs::create_dir_all(&self.path)?;
        writeln!(std::fs::File::create(plan)?, "{} {place}", what.word())
    }

    /// Reads beside the kiosk, as support does.
    pub(super) fn archive(&self) -> MutexGuard<'_, Option<Archive>> {
        let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        if archive.is_none() {
            *archive = Archive::open(&self.section()).ok();
        }
        archive
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Nothing is lost but memory.
        std::fs::remove_dir_all(&self.path).ok();
        if let Some(path) = &self.generation {
            std::fs::remove_file(path).ok();
        }
    }
}

/// The books.
#[derive(Debug)]
pub(super) enum Store {
    Memory(MemoryDisk),
    Files(Folder),
}

impl Store {
    pub(super) fn new(files: bool, generation: bool, keep_sales_days: u32) -> Store {
        if files {
            Store::Files(Folder::new(generation, keep_sales_days))
        } else {
            Store::Memory(MemoryDisk::default())
        }
    }

    /// The files, where it has any.
    pub(super) fn folder(&self) -> Option<&Folder> {
        match self {
            Store::Memory(_) => None,
            Store::Files(folder) => Some(folder),
        }
    }

    /// What SQLite writes ahead of the database.
    pub(super) fn write_ahead_log(&self) -> Option<PathBuf> {
        let mut log = self.folder()?.database().into_os_string();
        log.push("-wal");
        Some(log.into())
    }

    /// Why this journal may not be the newest, if it may not.
    pub(super) fn estranged(&self) -> Option<String> {
        let folder = match self {
            Store::Memory(disk) => return disk.estranged(),
            Store::Files(folder) => folder,
        };
        self.read(folder, |archive| archive.estranged().expect("the mark can be read"))
    }

    /// The orders of the items that can be sold to whoever comes.
    pub(super) fn for_sale(&self) -> Vec<String> {
        let folder = match self {
            Store::Memory(disk) => return disk.for_sale(),
            Store::Files(folder) => folder,
        };
        let rows = self.read(folder, |archive| archive.stock_rows().expect("the stock can be read"));
        let free = rows.into_iter().filter(|row| row.state == "free" && !row.unproven);
        free.filter_map(|row| row.order).collect()
    }

    /// Opens the journal: a new run. A disk that fails in the very start is mended before the next one.
    pub(super) fn open(&self, cut: Cut) -> Box<dyn Journal> {
        let folder = match self {
            Store::Memory(disk) => return Box::new(disk.open()),
            Store::Files(folder) => folder,
        };
        folder.arm(cut).expect("a folder of our own");
        match folder.open() {
            Ok(journal) => Box::new(journal),
            Err(error) if self.was_struck() => {
                tracing::debug!(error = %crate::kiosk::chain(&error), "the start met the fault");
                folder.arm(Cut::Never).expect("a folder of our own");
                std::fs::File::create(folder.path.join("disk.struck")).expect("a folder of our own");
                Box::new(folder.open().expect("a disk that is whole again"))
            }
            Err(error) => panic!("a journal in a folder of our own: {}", crate::kiosk::chain(&error)),
        }
    }

    /// Every sale's row, also of those whose records are gone.
    pub(super) fn rows(&self) -> Vec<SaleRow> {
        let Store::Files(folder) = self else { return Vec::new() };
        self.read(folder, |archive| archive.list(&Wanted::default()).expect("the sales can be listed"))
    }

    /// The disk has failed below SQLite.
    pub(super) fn was_struck(&self) -> bool {
        matches!(self, Store::Files(folder) if folder.path.join("disk.struck").exists())
    }

    /// The disk, where it may forget.
    pub(super) fn memory(&self) -> Option<&MemoryDisk> {
        match self {
            Store::Memory(disk) => Some(disk),
            Store::Files(_) => None,
        }
    }

    fn read<T>(&self, folder: &Folder, read: impl FnOnce(&Archive) -> T) -> T {
        read(folder.archive().as_ref().expect("a journal that was opened before"))
    }

    /// Every sale, folded, oldest first.
    pub(super) fn sales(&self) -> Vec<Sale> {
        match self {
            Store::Memory(disk) => disk.sales(),
            Store::Files(folder) => self.read(folder, |archive| {
                let rows = archive.list(&Wanted::default()).expect("the sales can be read");
                let mut sales: Vec<Sale> =
                    rows.iter().filter_map(|row| archive.sale(row.id).expect("what was appended is a sale")).collect();
                sales.sort_by_key(|sale| sale.id);
                sales
            }),
        }
    }

    /// Every sale that is not closed, folded.
    pub(super) fn open_sales(&self) -> Vec<Sale> {
        match self {
            Store::Memory(disk) => disk.unclosed(),
            Store::Files(folder) => self.read(folder, |archive| {
                let open = Wanted { open: true, ..Wanted::default() };
                let rows = archive.list(&open).expect("the sales can be read");
                let sales = rows.iter().filter_map(|row| archive.sale(row.id).expect("what was appended is a sale"));
                sales.filter(|sale| sale.closed.is_none()).collect()
            }),
        }
    }

    /// A sale's records.
    pub(super) fn records(&self, id: SaleId) -> Vec<Record> {
        match self {
            Store::Memory(disk) => disk.records(id),
            Store::Files(folder) => self.read(folder, |archive| {
                let entries = archive.entries(id).expect("the records can be read");
                entries.into_iter().map(|entry| entry.record).collect()
            }),
        }
    }

    /// Who holds what.
    pub(super) fn locks(&self) -> Vec<(Lock, SaleId)> {
        match self {
            Store::Memory(disk) => disk.locks(),
            Store::Files(folder) => self.read(folder, |archive| archive.locks().expect("the locks can be read")),
        }
    }

    /// The state of the stock item that this order brought.
    pub(super) fn stock_state(&self, order: &str) -> Option<String> {
        let folder = match self {
            Store::Memory(disk) => return disk.stock_state(order).map(|state| crate::journal::word(&state)),
            Store::Files(folder) => folder,
        };
        self.read(folder, |archive| {
            let rows = archive.stock_rows().expect("the stock can be read");
            rows.into_iter().find(|row| row.order.as_deref() == Some(order)).map(|row| row.state)
        })
    }

    /// Ends of day that were reckoned.
    pub(super) fn days(&self) -> usize {
        let folder = match self {
            Store::Memory(disk) => return disk.days(),
            Store::Files(folder) => folder,
        };
        self.read(folder, |archive| archive.reckonings(10_000).expect("the reckonings can be read").len())
    }
}
