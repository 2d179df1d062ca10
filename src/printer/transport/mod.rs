//! Wires to a printer. Whatever carries the bytes, the device sees a [`Link`]: bytes out, with word when they have been
//! taken; bytes in, as they come, also while what goes out is held up.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::config::{Connection, PrinterConfig};

mod serial;
mod tcp;
mod usb;

/// How long a thread stays in one call to the system before it looks whether it is still wanted.
const SLICE: Duration = Duration::from_millis(50);

/// Why there is no wire.
#[derive(Debug, thiserror::Error)]
#[error("the printer at {connection} cannot be reached: {advice}")]
pub struct NoWire {
    /// Where it should be.
    pub connection: String,
    /// What to do.
    pub advice: &'static str,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Something that can be connected, again and again.
#[async_trait]
pub trait Wire: Send + Sync {
    /// Connects.
    async fn connect(&self) -> Result<Link, NoWire>;
}

/// A connected wire. Dropping it ends its threads and discards what has not gone out.
#[derive(Debug)]
pub struct Link {
    /// To the printer.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// From the printer; ends when the wire is cut.
    pub incoming: mpsc::Receiver<Vec<u8>>,
}

/// What goes out.
#[derive(Debug)]
pub struct Outgoing {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// First drop what waits in the system, and do not heed flow control: for real-time commands to a printer that
    /// says "wait".
    pub urgent: bool,
    /// Told when the bytes have been taken. Dropping the other end stops the sending.
    pub taken: oneshot::Sender<io::Result<()>>,
}

/// The wire of a configuration.
pub fn wire(config: &PrinterConfig) -> Box<dyn Wire> {
    let connection = config.connection.clone();
    match connection {
        Connection::Serial(path) => Box::new(serial::SerialWire { path, config: config.clone() }),
        Connection::Usb(path) => Box::new(usb::UsbWire { path }),
        Connection::Tcp(place) => Box::new(tcp::TcpWire { place, timeout: config.connect() }),
    }
}

/// The sending half of a port, used by its own thread.
trait Port: Send {
    /// Sends some of `bytes`; 0 if none could go within [`SLICE`].
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Drops what waits in the system and stops heeding flow control, or heeds it again.
    fn urgent(&mut self, on: bool);
}

/// Two threads between a port and a [`Link`].
fn run(name: &str, reader: impl Read + Send + 'static, port: impl Port + 'static) -> io::Result<Link> {
    let (outgoing, to_send) = mpsc::channel(4);
    let (received, incoming) = mpsc::channel(64);
    let alive = Arc::new(());
    let watch = Arc::downgrade(&alive);
    thread::Builder::new().name(format!("{name}-out")).spawn(move || {
        send_all(to_send, port);
        drop(alive);
    })?;
    thread::Builder::new().name(format!("{name}-in")).spawn(move || {
        receive_all(reader, &received, || watch.strong_count() > 0);
    })?;
    Ok(Link { outgoing, incoming })
}

fn send_all(mut to_send: mpsc::Receiver<Outgoing>, mut port: impl Port) {
    while let Some(mut job) = to_send.blocking_recv() {
        if job.urgent {
            port.urgent(true);
        }
        let sent = send_one(&mut job, &mut port);
        if job.urgent {
            port.urgent(false);
        }
        let broken = sent.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        // Nobody may be waiting any more: the device has given up on these bytes, and urgent ones follow.
        if job.taken.send(sent).is_err() {
            tracing::debug!("bytes for the printer were given up");
        }
        if broken {
            break;
        }
    }
    // What the printer has not taken must not reach it after we have given up.
    port.urgent(true);
}

fn send_one(job: &mut Outgoing, port: &mut impl Port) -> io::Result<()> {
    let mut rest = &job.bytes[..];
    while !rest.is_empty() {
        if job.taken.is_closed() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match port.send(rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if is_wait(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn receive_all(mut reader: impl Read, received: &mpsc::Sender<Vec<u8>>, wanted: impl Fn() -> bool) {
    let mut buffer = [0_u8; 256];
    while wanted() && !received.is_closed() {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                if received.blocking_send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
            Err(error) if is_wait(&error) => {}
            Err(error) => {
                tracing::debug!(%error, "the printer's line is cut");
                break;
            }
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// What to do about an error of opening.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such device: check its cable and printer.connection",
        io::ErrorKind::PermissionDenied => "it may not be opened: add the service's user to the group of the device",
        io::ErrorKind::ResourceBusy => "another program holds it: stop that program",
        io::ErrorKind::ConnectionRefused => "it refuses the port: check the port and that nobody else prints",
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "it does not answer: check that it is on and its address"
        }
        _ => "check its cable, its power and printer.connection",
    }
}

#[cfg(test)]
mod tests;
