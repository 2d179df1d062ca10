//! The line to a terminal: bytes in both directions, and the words when it cannot be had.

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::serial_port::SerialPort;

/// Longest wait for a terminal's host.
const CONNECT_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Which framing a line needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Frames with checksum and acknowledgement.
    Serial,
    /// Bare APDUs.
    Stream,
}

/// An open line. Reading may be cancelled at any await without losing a byte.
#[async_trait]
pub trait Line: Send {
    /// The next bytes and when they arrived; an error or end means that the line is lost.
    async fn read(&mut self) -> Result<(Vec<u8>, Instant), LineError>;

    /// Hands bytes over. It may wait for room, never for the terminal.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), LineError>;

    /// Another speed, where the line has one.
    async fn set_baud(&mut self, _baud: u32) -> Result<(), LineError> {
        Ok(())
    }
}

/// Where lines come from: a device, a host, or a test.
#[async_trait]
pub trait LineSource: Send {
    /// Opens the line anew.
    async fn open(&mut self, baud: u32) -> Result<Box<dyn Line>, LineError>;

    /// Its framing.
    fn framing(&self) -> Framing;
}

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The device file or host does not exist.
    #[error("{address} does not exist: is the terminal's cable plugged in, and does [terminal] name the right port?")]
    Missing {
        /// The address.
        address: String,
    },
    /// Another program has it.
    #[error("{address} is held by another program: stop it, two programs cannot share a card terminal")]
    Held {
        /// The address.
        address: String,
    },
    /// No permission.
    #[error("{address} may not be opened by this user: add it to the group that owns the port")]
    Forbidden {
        /// The address.
        address: String,
    },
    /// Any other failure to open.
    #[error("{address} cannot be opened")]
    Open {
        /// The address.
        address: String,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// The open line ended.
    #[error("the line to the terminal broke")]
    Broken(#[source] std::io::Error),
    /// The other side closed it.
    #[error("the terminal's end closed the line")]
    Closed,
}

impl LineError {
    /// The sentence with its cause, for health and cases.
    #[must_use]
    pub fn sentence(&self) -> String {
        use std::error::Error as _;
        self.source().map_or_else(|| self.to_string(), |source| format!("{self}: {source}"))
    }
}

/// Why an address is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no terminal address: write serial:/dev/ttyUSB0 or tcp:192.168.1.20:20007")]
pub struct NotAnAddress(pub String);

/// Where a terminal is: `serial:/dev/…` or `tcp:host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A serial device.
    Serial(String),
    /// Host and port.
    Tcp(String),
}

impl std::str::FromStr for Address {
    type Err = NotAnAddress;
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let none = || NotAnAddress(text.to_owned());
        match text.split_once(':') {
            Some(("serial", device)) if device.starts_with('/') => Ok(Address::Serial(device.to_owned())),
            Some(("tcp", host)) => {
                let (name, port) = host.rsplit_once(':').ok_or_else(none)?;
                let port: u16 = port.parse().map_err(|_| none())?;
                if name.is_empty() || port == 0 { Err(none()) } else { Ok(Address::Tcp(host.to_owned())) }
            }
            _ => Err(none()),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Serial(device) => write!(f, "serial:{device}"),
            Address::Tcp(host) => write!(f, "tcp:{host}"),
        }
    }
}

#[async_trait]
impl LineSource for Address {
    async fn open(&mut self, baud: u32) -> Result<Box<dyn Line>, LineError> {
        match self {
            Address::Serial(device) => Ok(Box::new(SerialPort::open(device, baud)?)),
            Address::Tcp(host) => {
                let connecting = timeout(CONNECT_MAX, TcpStream::connect(host.as_str())).await;
                let stream = connecting
                    .map_err(|_| opening(host, std::io::ErrorKind::TimedOut.into()))?
                    .map_err(|error| opening(host, error))?;
                stream.set_nodelay(true).map_err(LineError::Broken)?;
                Ok(Box::new(StreamLine::new(stream)))
            }
        }
    }

    fn framing(&self) -> Framing {
        match self {
            Address::Serial(_) => Framing::Serial,
            Address::Tcp(_) => Framing::Stream,
        }
    }
}

/// Sorts an error of opening by what can be done about it.
pub(super) fn opening(address: &str, source: std::io::Error) -> LineError {
    let address = address.to_owned();
    match source.kind() {
        std::io::ErrorKind::NotFound => LineError::Missing { address },
        std::io::ErrorKind::PermissionDenied => LineError::Forbidden { address },
        std::io::ErrorKind::ResourceBusy => LineError::Held { address },
        _ => LineError::Open { address, source },
    }
}

/// A line over anything that tokio reads and writes: a TCP stream, a duplex in memory.
#[derive(Debug)]
pub struct StreamLine<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S> StreamLine<S> {
    /// Wraps an open stream.
    pub fn new(stream: S) -> Self {
        StreamLine { stream, buffer: vec![0; 4096] }
    }
}

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Line for StreamLine<S> {
    async fn read(&mut self) -> Result<(Vec<u8>, Instant), LineError> {
        match self.stream.read(&mut self.buffer).await {
            Ok(0) => Err(LineError::Closed),
            Ok(count) => Ok((self.buffer[..count].to_vec(), Instant::now())),
            Err(error) => Err(LineError::Broken(error)),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        self.stream.write_all(bytes).await.map_err(LineError::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!("serial:/dev/ttyS0".parse(), Ok(Address::Serial("/dev/ttyS0".into())));
        assert_eq!("tcp:[::1]:20007".parse(), Ok(Address::Tcp("[::1]:20007".into())));
        for wrong in ["/dev/ttyS0", "serial:ttyS0", "tcp:host", "tcp::1", "tcp:host:0", "tcp:host:70000", "usb:/dev/x"]
        {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
        assert_eq!("tcp:pin-pad:20007".parse::<Address>().unwrap().to_string(), "tcp:pin-pad:20007");
    }
}
