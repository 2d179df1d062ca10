//! Raw printing over TCP.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use async_trait::async_trait;

use super::{Link, NoWire, Port, SLICE, Wire, advice, run};

/// A printer by host and port.
#[derive(Debug)]
pub(super) struct TcpWire {
    pub(super) place: String,
    pub(super) timeout: Duration,
}

#[async_trait]
impl Wire for TcpWire {
    async fn connect(&self) -> Result<Link, NoWire> {
        let (place, timeout) = (self.place.clone(), self.timeout);
        let opened = tokio::task::spawn_blocking(move || open(&place, timeout)).await;
        opened.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|source| NoWire {
            connection: format!("tcp:{}", self.place),
            advice: advice(&source),
            source,
        })
    }
}

fn open(place: &str, timeout: Duration) -> io::Result<Link> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(SLICE))?;
                stream.set_write_timeout(Some(SLICE))?;
                // A printer that is switched off says no goodbye, and what it has not taken dies with the connection.
                rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
                let reader = Reader(stream.try_clone()?);
                return run("printer-tcp", reader, Writer(stream));
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

struct Reader(TcpStream);

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

struct Writer(TcpStream);

impl Port for Writer {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// What the peer has not taken can only be dropped with the connection: the linger time is zero.
    fn urgent(&mut self, _: bool) {}
}
