//! A printer of the USB printer class: the kernel's `usblp`, a file that is written and read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::{Link, NoWire, Port, SLICE, Wire, advice, run};

/// A printer by its device file.
#[derive(Debug)]
pub(super) struct UsbWire {
    pub(super) path: PathBuf,
}

#[async_trait]
impl Wire for UsbWire {
    async fn connect(&self) -> Result<Link, NoWire> {
        let path = self.path.clone();
        let opened = tokio::task::spawn_blocking(move || open(&path)).await;
        opened.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|source| NoWire {
            connection: format!("usb:{}", self.path.display()),
            advice: advice(&source),
            source,
        })
    }
}

fn open(path: &Path) -> io::Result<Link> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags.cast_signed()).open(path)?;
    let reader = Reader { file: file.try_clone()? };
    run("printer-usb", reader, Writer { file })
}

fn ready(file: &File, flags: PollFlags) -> io::Result<bool> {
    let mut watched = [PollFd::from_borrowed_fd(file.as_fd(), flags)];
    let slice = Timespec { tv_sec: 0, tv_nsec: SLICE.subsec_nanos().into() };
    poll(&mut watched, Some(&slice))?;
    Ok(watched[0].revents().intersects(flags | PollFlags::ERR | PollFlags::HUP))
}

struct Reader {
    file: File,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if ready(&self.file, PollFlags::IN)? { self.file.read(buffer) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

struct Writer {
    file: File,
}

impl Port for Writer {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if ready(&self.file, PollFlags::OUT)? { self.file.write(bytes) } else { Ok(0) }
    }

    /// The class has no such thing: the kernel keeps one transfer at most, and drops it when the file is closed.
    fn urgent(&mut self, _: bool) {}
}
