//! A serial line.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use serialport::{ClearBuffer, SerialPort, TTYPort};

use super::super::config::{FlowControl, Parity, PrinterConfig};
use super::{Link, NoWire, Port, SLICE, Wire, advice, run};

/// Bytes between two looks at DSR: printers drop their DTR with at least this much room left (Epson: 128 bytes).
const DSR_CHUNK: usize = 64;
/// Between two looks at a DSR that says "wait".
const DSR_PAUSE: Duration = Duration::from_millis(5);

/// A serial line by its device.
#[derive(Debug)]
pub(super) struct SerialWire {
    pub(super) path: PathBuf,
    pub(super) config: PrinterConfig,
}

#[async_trait]
impl Wire for SerialWire {
    async fn connect(&self) -> Result<Link, NoWire> {
        let (path, config) = (self.path.clone(), self.config.clone());
        let opened = tokio::task::spawn_blocking(move || open(&path.to_string_lossy(), &config)).await;
        opened.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|source| NoWire {
            connection: format!("serial:{}", self.path.display()),
            advice: advice(&source),
            source,
        })
    }
}

fn open(path: &str, config: &PrinterConfig) -> io::Result<Link> {
    let builder = serialport::new(path, config.baud)
        .data_bits(serialport::DataBits::Eight)
        .stop_bits(serialport::StopBits::One)
        .parity(match config.parity {
            Parity::None => serialport::Parity::None,
            Parity::Even => serialport::Parity::Even,
            Parity::Odd => serialport::Parity::Odd,
        })
        .flow_control(kernel_flow(config.flow_control))
        .timeout(SLICE);
    let mut port = TTYPort::open(&builder).map_err(io_error)?;
    // We are here: printers with DTR/DSR send only while our DTR is up. A pseudo-terminal has no such lines.
    if let Err(error) = port.write_data_terminal_ready(true) {
        tracing::debug!(%error, path, "no modem lines here");
    }
    port.clear(ClearBuffer::All).map_err(io_error)?;
    let reader = Reader(port.try_clone_native().map_err(io_error)?);
    run("printer-serial", reader, Writer { port, flow: config.flow_control, heed: true })
}

fn kernel_flow(flow: FlowControl) -> serialport::FlowControl {
    match flow {
        FlowControl::None | FlowControl::DtrDsr => serialport::FlowControl::None,
        FlowControl::RtsCts => serialport::FlowControl::Hardware,
        FlowControl::XonXoff => serialport::FlowControl::Software,
    }
}

fn io_error(error: serialport::Error) -> io::Error {
    match error.kind() {
        serialport::ErrorKind::Io(kind) => io::Error::new(kind, error),
        serialport::ErrorKind::NoDevice => io::Error::new(io::ErrorKind::NotFound, error),
        _ => io::Error::other(error),
    }
}

struct Reader(TTYPort);

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// What the writer needs of a port.
trait Lines: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Waits until what was written is out.
    fn drain(&mut self) -> io::Result<()>;
    /// DSR; where the line cannot be read (a pseudo-terminal) it counts as ready.
    fn is_ready(&mut self) -> bool;
    /// Forgets what was written and is not out.
    fn forget(&mut self) -> io::Result<()>;
    /// Lets the kernel heed this, or nothing.
    fn heed(&mut self, flow: serialport::FlowControl) -> io::Result<()>;
}

impl Lines for TTYPort {
    /// Never blocks beyond its time-out: the kernel calls a port writable while fewer than 256 bytes wait in it, and then
    /// has room for the few that are given at once.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn drain(&mut self) -> io::Result<()> {
        Write::flush(self)
    }

    fn is_ready(&mut self) -> bool {
        self.read_data_set_ready().unwrap_or(true)
    }

    fn forget(&mut self) -> io::Result<()> {
        self.clear(ClearBuffer::Output).map_err(io_error)
    }

    fn heed(&mut self, flow: serialport::FlowControl) -> io::Result<()> {
        self.set_flow_control(flow).map_err(io_error)
    }
}

struct Writer<L> {
    port: L,
    flow: FlowControl,
    heed: bool,
}

impl<L: Lines> Port for Writer<L> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.flow != FlowControl::DtrDsr {
            return self.port.write(bytes);
        }
        if self.heed && !self.port.is_ready() {
            thread::sleep(DSR_PAUSE);
            return Ok(0);
        }
        let count = self.port.write(&bytes[..bytes.len().min(DSR_CHUNK)])?;
        // What lies in the kernel would go out after DSR has fallen.
        self.port.drain()?;
        Ok(count)
    }

    fn urgent(&mut self, on: bool) {
        self.heed = !on;
        // Heeded again only when the urgent bytes are out.
        let dropped = if on { self.port.forget() } else { self.port.drain() };
        let flow = if on { serialport::FlowControl::None } else { kernel_flow(self.flow) };
        if let Err(error) = dropped.and_then(|()| self.port.heed(flow)) {
            tracing::debug!(%error, "the printer's line cannot be switched");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port with a printer that says "wait" by its DTR.
    #[derive(Default)]
    struct Played {
        ready: bool,
        out: Vec<u8>,
        drained: usize,
        flow: Option<serialport::FlowControl>,
    }

    impl Lines for Played {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.out.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn drain(&mut self) -> io::Result<()> {
            self.drained = self.out.len();
            Ok(())
        }

        fn is_ready(&mut self) -> bool {
            self.ready
        }

        fn forget(&mut self) -> io::Result<()> {
            self.out.truncate(self.drained);
            Ok(())
        }

        fn heed(&mut self, flow: serialport::FlowControl) -> io::Result<()> {
            self.flow = Some(flow);
            Ok(())
        }
    }

    fn writer(flow: FlowControl, ready: bool) -> Writer<Played> {
        Writer { port: Played { ready, ..Played::default() }, flow, heed: true }
    }

    #[test]
    fn dsr_is_heeded_before_every_few_bytes_and_urgent_ones_pass() {
        let mut writer = writer(FlowControl::DtrDsr, true);
        let receipt = [b'a'; 200];
        assert_eq!(writer.send(&receipt).unwrap(), DSR_CHUNK);
        assert_eq!(writer.port.drained, DSR_CHUNK, "nothing is left in the kernel to go out later");
        writer.port.ready = false;
        assert_eq!(writer.send(&receipt[DSR_CHUNK..]).unwrap(), 0, "the printer says wait");
        writer.urgent(true);
        assert_eq!(writer.send(b"\x10\x04\x01").unwrap(), 3);
        writer.urgent(false);
        assert_eq!(writer.send(&receipt[DSR_CHUNK..]).unwrap(), 0, "and is heeded again");
        assert_eq!(writer.port.out.len(), DSR_CHUNK + 3);
    }

    #[test]
    fn cts_is_the_kernels_business_but_for_urgent_bytes() {
        let mut writer = writer(FlowControl::RtsCts, false);
        assert_eq!(writer.send(b"abc").unwrap(), 3);
        writer.urgent(true);
        assert_eq!(writer.port.flow, Some(serialport::FlowControl::None));
        assert!(writer.port.out.is_empty(), "what waited does not go out before the question");
        writer.send(b"\x10\x04\x01").unwrap();
        writer.urgent(false);
        assert_eq!((writer.port.flow, writer.port.drained), (Some(serialport::FlowControl::Hardware), 3));
    }

    #[test]
    fn the_kernel_is_told_which_flow_control() {
        let (_master, mut port) = TTYPort::pair().unwrap();
        for (flow, kernel) in [
            (FlowControl::RtsCts, serialport::FlowControl::Hardware),
            (FlowControl::XonXoff, serialport::FlowControl::Software),
            (FlowControl::DtrDsr, serialport::FlowControl::None),
            (FlowControl::None, serialport::FlowControl::None),
        ] {
            Lines::heed(&mut port, kernel_flow(flow)).unwrap();
            assert_eq!(port.flow_control().unwrap(), kernel, "{flow:?}");
        }
    }
}
