//! A pseudo-terminal that plays a serial port: the simulator holds the master, the kiosk opens the slave by its
//! path like any `/dev/ttyS0`.
//!
//! Like a real wire it keeps nothing for a port that nobody has open, and like a real adapter it can be pulled:
//! dropping [`Pty`] hangs the slave up, and the kiosk reads EIO.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{ControlModes, LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long to wait before looking again whether somebody has opened the slave.
const LISTENER_POLL_MS: u64 = 10;

/// How the other side has set its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits per second.
    pub speed: u32,
    /// Data bits, 5 to 8.
    pub data_bits: u8,
    /// A parity bit is sent.
    pub parity: bool,
    /// Two stop bits rather than one.
    pub two_stop_bits: bool,
    /// Bytes pass as they are: no echo, no line editing.
    pub raw: bool,
}

/// The master side of a pseudo-terminal, with a path for the other side.
#[derive(Debug)]
pub struct Pty {
    master: AsyncFd<OwnedFd>,
    slave: PathBuf,
    link: Option<PathBuf>,
    nobody: Option<Pin<Box<Sleep>>>,
}

impl Pty {
    /// Opens a new pair in raw mode at 9600 baud.
    ///
    /// # Errors
    /// The system has no pseudo-terminal left, or none at all.
    pub fn open() -> io::Result<Pty> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let slave = PathBuf::from(name.to_str().map_err(io::Error::other)?);
        // Opened and closed once: raw from the first byte on, and the kernel knows that nobody listens.
        let once = rustix::fs::open(&slave, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut settings = tcgetattr(&once)?;
        settings.make_raw();
        settings.set_speed(9600)?;
        tcsetattr(&once, OptionalActions::Now, &settings)?;
        drop(once);
        rustix::io::ioctl_fionbio(&master, true)?;
        // Its successor is unsafe because a foreign type might swap its descriptor; an owned one never does.
        #[expect(deprecated)]
        let master = AsyncFd::new(master)?;
        Ok(Pty { master, slave, link: None, nobody: None })
    }

    /// Opens a pair and lets `link` point to its slave, replacing an older link.
    ///
    /// # Errors
    /// As [`Pty::open`], or the link cannot be made.
    pub fn open_as(link: &Path) -> io::Result<Pty> {
        let mut pty = Pty::open()?;
        let fresh = link.with_extension("new");
        remove_link(&fresh)?;
        std::os::unix::fs::symlink(&pty.slave, &fresh)?;
        std::fs::rename(&fresh, link)?;
        pty.link = Some(link.to_owned());
        Ok(pty)
    }

    /// What the kiosk opens: the link where there is one, else the slave's own path.
    pub fn path(&self) -> &Path {
        self.link.as_deref().unwrap_or(&self.slave)
    }

    /// Whether a program has the slave open.
    pub fn has_listener(&self) -> bool {
        let mut watched = [PollFd::new(self.master.get_ref(), PollFlags::IN)];
        match poll(&mut watched, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(_) => !watched[0].revents().contains(PollFlags::HUP),
            Err(_) => false,
        }
    }

    /// How the kiosk has set the port, if the system tells.
    pub fn settings(&self) -> Option<LineSettings> {
        let now = tcgetattr(self.master.get_ref()).ok()?;
        let size = now.control_modes & ControlModes::CSIZE;
        let data_bits = match size {
            s if s == ControlModes::CS8 => 8,
            s if s == ControlModes::CS7 => 7,
            s if s == ControlModes::CS6 => 6,
            _ => 5,
        };
        Some(LineSettings {
            speed: now.output_speed(),
            data_bits,
            parity: now.control_modes.contains(ControlModes::PARENB),
            two_stop_bits: now.control_modes.contains(ControlModes::CSTOPB),
            raw: !now.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO),
        })
    }

    fn poll_nobody(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let wait = self.nobody.get_or_insert_with(|| Box::pin(sleep(Duration::from_millis(LISTENER_POLL_MS))));
        ready!(wait.as_mut().poll(cx));
        self.nobody = None;
        Poll::Ready(())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Only our own link: a newer simulator may have replaced it.
        if let Some(link) = &self.link
            && std::fs::read_link(link).is_ok_and(|target| target == self.slave)
            && let Err(error) = std::fs::remove_file(link)
        {
            tracing::debug!(%error, "the simulated port's link stays behind");
        }
    }
}

fn remove_link(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl AsyncRead for Pty {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.nobody.is_some() {
                ready!(self.poll_nobody(cx));
            }
            let this = &mut *self;
            // The kernel is asked first: after a hang-up its readiness is not told again.
            match rustix::io::read(this.master.get_ref(), buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(rustix::io::Errno::IO) => {
                    ready!(this.poll_nobody(cx));
                    continue;
                }
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) if error != rustix::io::Errno::AGAIN => return Poll::Ready(Err(error.into())),
                Err(_) => {}
            }
            let mut guard = ready!(this.master.poll_read_ready(cx))?;
            if guard.ready().is_read_closed() {
                // Somebody hung up earlier and somebody listens again. The hang-up stays in the readiness for ever, so
                // the port is registered anew; else this loop would never wait again.
                drop(guard);
                let again = rustix::io::dup(this.master.get_ref())?;
                // The successor is unsafe for the sake of descriptors that close early; this one lives in the AsyncFd.
                #[expect(deprecated, reason = "the successor is an unsafe function")]
                {
                    this.master = AsyncFd::new(again)?;
                }
            } else {
                guard.clear_ready();
            }
        }
    }
}

impl AsyncWrite for Pty {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.has_listener() {
            // Onto a wire with an open end.
            return Poll::Ready(Ok(buf.len()));
        }
        loop {
            let mut guard = ready!(self.master.poll_write_ready(cx))?;
            match rustix::io::write(self.master.get_ref(), buf) {
                Ok(count) => return Poll::Ready(Ok(count)),
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::IO) => return Poll::Ready(Ok(buf.len())),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn open_slave(path: &Path) -> std::fs::File {
        std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap()
    }

    #[tokio::test]
    async fn every_byte_value_passes_both_ways_unchanged() {
        let mut pty = Pty::open().unwrap();
        let all: Vec<u8> = (0..=255).collect();
        let mut slave = open_slave(pty.path());
        slave.write_all(&all).unwrap();
        let mut heard = vec![0; 256];
        pty.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, all);
        pty.write_all(&all).await.unwrap();
        slave.read_exact(&mut heard).unwrap();
        assert_eq!(heard, all);
    }

    #[tokio::test]
    async fn bytes_for_a_closed_port_are_gone_and_the_next_opener_is_heard() {
        let mut pty = Pty::open().unwrap();
        assert!(!pty.has_listener());
        pty.write_all(b"lost").await.unwrap();
        let path = pty.path().to_owned();
        let waiting = tokio::spawn(async move {
            let mut byte = [0];
            pty.read_exact(&mut byte).await.unwrap();
            pty.write_all(b"k").await.unwrap();
            (pty, byte)
        });
        let mut slave = open_slave(&path);
        slave.write_all(b"x").unwrap();
        let (pty, byte) = waiting.await.unwrap();
        assert_eq!(&byte, b"x");
        let mut heard = [0];
        slave.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"k", "nothing older may come first");
        drop(slave);
        assert!(!pty.has_listener());
    }

    #[tokio::test]
    async fn pulling_the_adapter_hangs_up_and_takes_the_link_away() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("terminal");
        let pty = Pty::open_as(&link).unwrap();
        let mut slave = open_slave(&link);
        assert_eq!(pty.settings().map(|s| (s.speed, s.data_bits, s.raw)), Some((9600, 8, true)));
        drop(pty);
        assert!(!link.exists());
        let mut byte = [0];
        // A hung-up slave answers end of file or EIO, never a byte.
        assert!(matches!(slave.read(&mut byte), Ok(0) | Err(_)));
        let again = Pty::open_as(&link).unwrap();
        assert_eq!(again.path(), link);
        assert!(link.exists());
    }
}
