//! The record of block writes, in the format of dm-log-writes (kernel documentation, device-mapper/log-writes): a
//! superblock, then entries of one header sector each, with their data behind them. All numbers are little-endian.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: u64 = 0x006A_7366_7773_6872;
/// A flush: everything before it is on the disk.
const FLUSH: u64 = 1;
/// Written through: this write itself is on the disk.
const THROUGH: u64 = 2;
/// No data: what lay there is of no use any more.
const DISCARD: u64 = 4;

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where on the disk, in bytes.
    at: u64,
    /// How much, in bytes.
    length: u64,
    flags: u64,
    /// Where its data lies in the record.
    data: u64,
}

impl Entry {
    /// Everything before it is on the disk.
    pub(super) fn is_flush(&self) -> bool {
        self.flags & FLUSH != 0
    }

    /// It is itself on the disk, whatever came before it.
    pub(super) fn is_through(&self) -> bool {
        self.flags & THROUGH != 0
    }
}

/// The record.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    /// In the order in which the disk was given them.
    pub(super) entries: Vec<Entry>,
}

/// How many entries the superblock counts.
pub(super) fn length(record: &Path) -> io::Result<usize> {
    Ok(superblock(&mut File::open(record)?)?.0)
}

/// Entries, and bytes of a sector.
fn superblock(file: &mut File) -> io::Result<(usize, u64)> {
    let mut head = [0; 28];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    if number(&head, 0) != MAGIC {
        return Err(io::Error::other("the record has no superblock of dm-log-writes"));
    }
    let sector = u64::from(u32::from_le_bytes([head[24], head[25], head[26], head[27]]));
    Ok((usize::try_from(number(&head, 16)).unwrap_or(usize::MAX), sector))
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

impl Log {
    /// Reads it.
    pub(super) fn read(record: &Path) -> io::Result<Log> {
        let mut file = File::open(record)?;
        let (count, sector) = superblock(&mut file)?;
        let mut entries = Vec::with_capacity(count);
        let mut place = sector;
        let mut head = [0; 32];
        for _ in 0..count {
            file.read_exact_at(&mut head, place)?;
            let (at, sectors, flags) = (number(&head, 0) * sector, number(&head, 8), number(&head, 16));
            let length = sectors * sector;
            entries.push(Entry { at, length, flags, data: place + sector });
            place += sector + if flags & DISCARD == 0 { length } else { 0 };
        }
        Ok(Log { file, entries })
    }

    /// Does to a disk what this entry did.
    pub(super) fn apply(&self, place: usize, disk: &Path) -> io::Result<()> {
        let entry = self.entries[place];
        if entry.flags & DISCARD != 0 || entry.length == 0 {
            return Ok(());
        }
        let mut data = vec![0; usize::try_from(entry.length).unwrap_or(0)];
        self.file.read_exact_at(&mut data, entry.data)?;
        File::options().write(true).open(disk)?.write_all_at(&data, entry.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn header(sector: u64, sectors: u64, flags: u64) -> Vec<u8> {
        let mut head: Vec<u8> = [sector, sectors, flags, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
        head.resize(512, 0);
        head
    }

    #[test]
    fn a_record_is_read_and_done_again() {
        let dir = tempfile::tempdir().unwrap();
        let record = dir.path().join("log");
        let mut bytes: Vec<u8> = [MAGIC, 1, 3].iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend(512_u32.to_le_bytes());
        bytes.resize(512, 0);
        bytes.extend(header(2, 1, 0));
        bytes.extend([7; 512]);
        bytes.extend(header(0, 4, DISCARD));
        bytes.extend(header(0, 0, FLUSH));
        File::create(&record).unwrap().write_all(&bytes).unwrap();
        let log = Log::read(&record).unwrap();
        assert_eq!((length(&record).unwrap(), log.entries.len()), (3, 3));
        assert_eq!(log.entries.iter().map(Entry::is_flush).collect::<Vec<_>>(), [false, false, true]);
        let disk = dir.path().join("disk");
        File::create(&disk).unwrap().set_len(2_048).unwrap();
        for place in 0..3 {
            log.apply(place, &disk).unwrap();
        }
        let disk = std::fs::read(disk).unwrap();
        assert!(disk[1_024..1_536].iter().all(|byte| *byte == 7) && disk[..1_024].iter().all(|byte| *byte == 0));
    }
}
