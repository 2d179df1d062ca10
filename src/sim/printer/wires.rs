//! What the simulated printer is plugged into.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{Duration, sleep};

use super::{Shared, SimPrinter};
use crate::sim::pty::Pty;

/// Between two looks whether a cable is in again.
const LOOK: Duration = Duration::from_millis(20);

/// What a wire is, as far as it matters when the power fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Keeps standing without power at the other end.
    Serial,
    /// The device is gone, and comes back with the power.
    Usb,
    /// Breaks.
    Network,
}

impl SimPrinter {
    /// A serial port, opened by the kiosk as `link`; the same path again after the cable was out.
    ///
    /// # Errors
    /// No pseudo-terminal, or the link cannot be made.
    pub fn on_pty(&mut self, link: &Path) -> io::Result<()> {
        self.on_device(link, Kind::Serial)
    }

    /// A device file as of the USB printer class: it is there while the cable is in and the power on.
    ///
    /// # Errors
    /// No pseudo-terminal, or the link cannot be made.
    pub fn on_usb(&mut self, link: &Path) -> io::Result<()> {
        self.on_device(link, Kind::Usb)
    }

    fn on_device(&mut self, link: &Path, kind: Kind) -> io::Result<()> {
        let mut first = Some(Pty::open_as(link)?);
        let (shared, link) = (Arc::clone(&self.shared), link.to_owned());
        let task = tokio::spawn(async move {
            loop {
                there(&shared, kind).await;
                match first.take().map_or_else(|| Pty::open_as(&link), Ok) {
                    Ok(pty) => serve(&shared, pty, kind).await,
                    Err(error) => {
                        tracing::error!(%error, "no pseudo-terminal for the simulated printer");
                        sleep(LOOK).await;
                    }
                }
            }
        });
        self.tasks.push(task.abort_handle());
        Ok(())
    }

    /// Raw printing over TCP. Gives the address, for a port 0.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn on_tcp(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        let shared = Arc::clone(&self.shared);
        let mut first = Some(listener);
        let task = tokio::spawn(async move {
            loop {
                there(&shared, Kind::Network).await;
                let listener = first.take().map_or_else(|| listen(bound), Ok);
                match listener {
                    Ok(listener) => accept(&shared, listener).await,
                    Err(_) => sleep(LOOK).await,
                }
            }
        });
        self.tasks.push(task.abort_handle());
        Ok(bound)
    }

    /// Two FIFOs in `folder`: `to-printer` and `from-printer`, for playing by hand.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn on_files(&mut self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let (to, from) = (folder.join("to-printer"), folder.join("from-printer"));
        for path in [&to, &from] {
            if !path.exists() {
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0)?;
            }
        }
        // Both ends held open: a reader or writer that goes away ends nothing.
        let reader = pipe::OpenOptions::new().read_write(true).open_receiver(&to)?;
        let writer = pipe::OpenOptions::new().read_write(true).open_sender(&from)?;
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move { serve(&shared, tokio::io::join(reader, writer), Kind::Serial).await });
        self.tasks.push(task.abort_handle());
        Ok(())
    }

    /// A wire in memory.
    ///
    /// # Errors
    /// The cable is out.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        connect(&self.shared)
    }
}

impl super::Panel {
    /// A wire in memory.
    ///
    /// # Errors
    /// The cable is out.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        connect(&self.shared)
    }
}

fn connect(shared: &Arc<Shared>) -> io::Result<DuplexStream> {
    if shared.machine().ills.unplugged {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (ours, theirs) = duplex(1024);
    let shared = Arc::clone(shared);
    tokio::spawn(async move { serve(&shared, ours, Kind::Serial).await });
    Ok(theirs)
}

/// Waits until nothing breaks a wire of this kind.
async fn there(shared: &Shared, kind: Kind) {
    while broken(shared, kind) {
        sleep(LOOK).await;
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1)
}

/// One connection at a time, as printers do; gone with the cable and the power.
async fn accept(shared: &Shared, listener: TcpListener) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    serve(shared, stream, Kind::Network).await;
                }
            }
            () = sleep(LOOK) => {}
        }
        if broken(shared, Kind::Network) {
            break;
        }
    }
    drop(listener);
    while shared.machine().ills.off {
        sleep(LOOK).await;
    }
}

fn broken(shared: &Shared, kind: Kind) -> bool {
    let ills = shared.machine().ills;
    ills.unplugged || (ills.off && kind != Kind::Serial)
}

/// Bytes in while there is room, bytes out as they come, until the cable is out or the other side hangs up.
async fn serve(shared: &Shared, mut wire: impl AsyncRead + AsyncWrite + Unpin, kind: Kind) {
    let mut buffer = [0_u8; 512];
    loop {
        if broken(shared, kind) {
            return;
        }
        let (out, room) = {
            let mut machine = shared.machine();
            (machine.replies(), machine.room().min(buffer.len()))
        };
        if !out.is_empty() && wire.write_all(&out).await.is_err() {
            return;
        }
        tokio::select! {
            read = wire.read(&mut buffer[..room]), if room > 0 => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    let mut machine = shared.machine();
                    for byte in &buffer[..count] {
                        machine.receive(*byte);
                    }
                    drop(machine);
                    shared.work.notify_one();
                }
            },
            () = shared.wire.notified() => {}
        }
    }
}
