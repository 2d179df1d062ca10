//! Sales, queue and cases as texts: never the database itself. One that cannot be opened where it lies is read from a
//! copy; one that is damaged is read as far as it goes.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::sources::{Scene, Text};
use crate::journal::archive::{Archive, CaseRow, SaleRow, Wanted as Query};
use crate::journal::place::Place;
use crate::sale::record::{Entry, Record};
use crate::telemetry::chain;

/// Most sales that are told with every record.
const TOLD: usize = 40;
/// Most sales in the list.
const LISTED: u32 = 2_000;
/// Around a sale that was asked for, so much time belongs to it.
const AROUND_MS: i64 = 60 * 60 * 1_000;

/// What the journal says.
#[derive(Debug, Default)]
pub struct Books {
    /// How the journal was found.
    pub found: String,
    /// The sales of the time, the newest first.
    pub sales: Vec<SaleRow>,
    /// Some of them with every record.
    pub told: Vec<Told>,
    /// Every open case.
    pub cases: Vec<CaseRow>,
    /// Locks and stock.
    pub state: String,
    /// What could not be read.
    pub failed: Vec<String>,
    /// The zone of the machine.
    pub zone: Option<TimeZone>,
}

/// One sale with its records.
#[derive(Debug, Serialize)]
pub struct Told {
    /// Its row.
    pub row: SaleRow,
    /// Every record, in order.
    pub entries: Vec<Entry>,
}

impl Books {
    /// Local time, for people.
    pub fn local(&self, ms: i64) -> String {
        let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        time.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// With the cases of that time alone.
    pub(super) fn with_cases_of(mut self, wanted: &super::Wanted) -> Self {
        let after = |ms: i64| wanted.since.is_none_or(|since| ms >= since.as_millisecond());
        let before = |ms: i64| wanted.until.is_none_or(|until| ms <= until.as_millisecond());
        self.cases.retain(|case| after(case.opened_ms) && before(case.opened_ms));
        self
    }

    fn note<T>(&mut self, read: Result<T, impl std::error::Error>) -> Option<T> {
        read.map_err(|error| self.failed.push(chain(&error))).ok()
    }
}

/// Reads the journal, whatever state it is in.
pub fn read(scene: &Scene) -> Books {
    let zone = scene.config.as_ref().map_or(TimeZone::UTC, |config| config.machine.zone());
    let mut books = Books { zone: Some(zone), ..Books::default() };
    let section = scene.journal();
    let place = Place::of(&section);
    if !place.has_database() {
        books.failed.push(format!("there is no journal in {}", place.directory.display()));
        return books;
    }
    // A database that is locked, or whose log cannot be opened without writing, is read from a copy. The copy lives
    // as long as it is read, in memory where there is one.
    let (archive, _copy) = match open(&place) {
        Ok(opened) => opened,
        Err(why) => {
            books.failed.push(why);
            return books;
        }
    };
    books.found = match archive.check_integrity() {
        Ok(()) => "The journal is whole.".to_owned(),
        Err(damage) => format!("THE JOURNAL IS DAMAGED: {}. What follows is what could still be read.", chain(&damage)),
    };
    fill(&mut books, &archive, scene);
    books
}

/// Whether a whole journal knows the sale; none where it is not whole, or cannot be read.
pub(super) fn knows(journal: &crate::journal::section::Section, name: &str) -> Option<bool> {
    let archive = Archive::open(journal).ok()?;
    let known = archive.find(name).ok()?.is_some();
    (known || archive.check_integrity().is_ok()).then_some(known)
}

fn open(place: &Place) -> Result<(Archive, Option<Copy>), String> {
    let directly = Archive::open_file(&place.database).map_err(|error| chain(&error)).and_then(|archive| {
        archive.cases(false).map_err(|error| chain(&error))?;
        Ok(archive)
    });
    let why = match directly {
        Ok(archive) => return Ok((archive, None)),
        Err(why) => why,
    };
    let copy = Copy::of(place).map_err(|error| format!("{why}; nor can it be copied: {error}"))?;
    let archive =
        Archive::open_file(&copy.database()).map_err(|error| format!("{why}; its copy: {}", chain(&error)))?;
    Ok((archive, Some(copy)))
}

/// What a copy is called, before the number of its process.
const COPY: &str = "esim-kiosk-report-";

fn copy_places() -> [std::path::PathBuf; 3] {
    ["/dev/shm".into(), std::env::temp_dir(), "/run/esim-kiosk".into()]
}

/// Removes the copies of processes that were killed while they read.
pub(super) fn clear_copies() {
    let names = copy_places().into_iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
    let process = |name: &std::ffi::OsStr| name.to_str()?.strip_prefix(COPY)?.parse::<u32>().ok();
    for process in names.filter_map(|entry| process(&entry.file_name())) {
        if !std::path::Path::new(&format!("/proc/{process}")).exists() {
            clear_copies_of(process);
        }
    }
}

/// Removes the copy of one process.
pub(super) fn clear_copies_of(process: u32) {
    for place in copy_places() {
        // Mostly there is none; another user's is not ours to remove.
        std::fs::remove_dir_all(place.join(format!("{COPY}{process}"))).ok();
    }
}

/// A copy of the database and its log, gone when this is dropped.
struct Copy(std::path::PathBuf);

impl Copy {
    /// A larger database is not copied into memory.
    const MOST: u64 = 96 << 20;

    fn of(place: &Place) -> std::io::Result<Copy> {
        use std::os::unix::fs::DirBuilderExt;
        let wal = |path: &std::path::Path| {
            let mut path = path.as_os_str().to_owned();
            path.push("-wal");
            std::path::PathBuf::from(path)
        };
        let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |found| found.len());
        if size(&place.database) + size(&wal(&place.database)) > Self::MOST {
            return Err(std::io::Error::other("it is too large to be copied"));
        }
        clear_copies();
        let name = format!("{COPY}{}", std::process::id());
        let mut last = std::io::Error::other("no place");
        for base in copy_places() {
            let copy = Copy(base.join(&name));
            let made = || -> std::io::Result<()> {
                std::fs::DirBuilder::new().mode(0o700).create(&copy.0)?;
                std::fs::copy(&place.database, copy.database())?;
                match std::fs::copy(wal(&place.database), wal(&copy.database())) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                }
            };
            match made() {
                Ok(()) => return Ok(copy),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn database(&self) -> std::path::PathBuf {
        self.0.join("journal.db")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What cannot be removed lies in memory, readable by this user alone.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn fill(books: &mut Books, archive: &Archive, scene: &Scene) {
    let ms = |time: Option<Timestamp>| time.map(Timestamp::as_millisecond);
    let mut query = Query { limit: Some(LISTED), ..Query::default() };
    (query.from_ms, query.to_ms) = (ms(scene.wanted.since), ms(scene.wanted.until));
    let mut wanted = None;
    if let Some(name) = &scene.wanted.sale {
        wanted = books.note(archive.find(name)).flatten();
        let all = Query { limit: Some(u32::MAX), ..Query::default() };
        let rows = books.note(archive.list(&all)).unwrap_or_default();
        match wanted.and_then(|id| rows.into_iter().find(|row| row.id == id)) {
            Some(row) => {
                query.from_ms = Some(row.opened_ms - AROUND_MS);
                query.to_ms = Some(row.closed_ms.unwrap_or(row.opened_ms) + AROUND_MS);
            }
            None => books.failed.push(format!("there is no sale {name} in this journal")),
        }
    }
    books.sales = books.note(archive.list(&query)).unwrap_or_default();
    books.cases = books.note(archive.cases(false)).unwrap_or_default();
    let open =
        books.note(archive.list(&Query { open: true, limit: Some(LISTED), ..Query::default() })).unwrap_or_default();
    // The one that was asked for first, then what is open, then the newest.
    let mut rows: Vec<SaleRow> = Vec::new();
    for row in books.sales.iter().filter(|row| Some(row.id) == wanted).chain(&open).chain(&books.sales) {
        if rows.len() < TOLD && rows.iter().all(|known| known.id != row.id) {
            rows.push(row.clone());
        }
    }
    for row in rows {
        if let Some(entries) = books.note(archive.entries(row.id)) {
            books.told.push(Told { row, entries });
        }
    }
    for row in open {
        if books.sales.iter().all(|known| known.id != row.id) {
            books.sales.push(row);
        }
    }
    if let Some(locks) = books.note(archive.locks()) {
        locks.iter().for_each(|(lock, sale)| {
            writeln!(books.state, "lock {lock:?} held by sale {sale}").ok();
        });
    }
    if let Some(stock) = books.note(archive.stock()) {
        stock.iter().for_each(|row| {
            writeln!(books.state, "stock {}: {}", row.state, row.count).ok();
        });
    }
}

/// A record as support may see it. The terminal's receipt is the cardholder's: only its length is told.
pub(super) fn shown(record: &Record) -> serde_json::Value {
    if let Record::ReceiptLines { lines } = record {
        return serde_json::json!({ "kind": "receipt_lines", "lines": lines.len() });
    }
    serde_json::to_value(record).unwrap_or_else(|error| serde_json::json!({ "unreadable": error.to_string() }))
}

/// The books as files of the bundle.
pub fn texts(books: &Books) -> Vec<Text> {
    let mut list = format!("{}\n", books.found);
    for row in &books.sales {
        let closed = row.closed.clone().unwrap_or_else(|| format!("open: {}", row.phase));
        writeln!(
            list,
            "{}  {}  {}  {}  {}  money {}  goods {}  last four {}  receipt {}  open cases {}",
            row.number,
            row.id,
            books.local(row.opened_ms),
            super::page::sum(row.amount_minor, &row.currency),
            closed,
            row.money,
            row.goods.join("+"),
            row.last4.as_deref().unwrap_or("-"),
            row.receipt.as_deref().unwrap_or("-"),
            row.open_cases,
        )
        .ok();
    }
    let mut cases = String::new();
    for case in &books.cases {
        let (since, due) = (books.local(case.opened_ms), books.local(case.due_ms));
        writeln!(
            cases,
            "{} case {}: {} since {since}, due {due}\n  {}",
            case.number, case.place, case.kind, case.evidence
        )
        .ok();
    }
    let mut texts: Vec<Text> = vec![
        ("sales/list.txt".into(), Ok(list), true),
        ("sales/cases.txt".into(), Ok(cases), false),
        ("sales/locks-and-stock.txt".into(), Ok(books.state.clone()), false),
    ];
    if !books.failed.is_empty() {
        texts.push(("sales/problems.txt".into(), Err(books.failed.join("\n")), false));
    }
    for told in &books.told {
        let mut text = String::new();
        for entry in &told.entries {
            let record = shown(&entry.record).to_string();
            let clock = if entry.at.synced { "" } else { " (clock not set)" };
            writeln!(
                text,
                "{}{clock} run {} +{} ms {record}",
                books.local(entry.at.wall_ms),
                entry.at.run,
                entry.at.mono_ms
            )
            .ok();
        }
        texts.push((format!("sales/{}.txt", told.row.number), Ok(text), false));
    }
    texts
}
