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

struct Writer {
    port: TTYPort,
    flow: FlowControl,
    heed: bool,
}

impl Port for Writer {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.flow != FlowControl::DtrDsr {
            return self.port.write(bytes);
        }
        // Where the line cannot be read (a pseudo-terminal) it counts as ready.
        if self.heed && !self.port.read_data_set_ready().unwrap_or(true) {
            thread::sleep(DSR_PAUSE);
            return Ok(0);
        }
        let count = self.port.write(&bytes[..bytes.len().min(DSR_CHUNK)])?;
        // What lies in the kernel would go out after DSR has fallen.
        self.port.flush()?;
        Ok(count)
    }

    fn urgent(&mut self, on: bool) {
        self.heed = !on;
        // Off again only when the urgent bytes are out.
        let dropped = if on { self.port.clear(ClearBuffer::Output) } else { self.port.flush().map_err(Into::into) };
        let flow = if on { serialport::FlowControl::None } else { kernel_flow(self.flow) };
        if let Err(error) = dropped.and_then(|()| self.port.set_flow_control(flow)) {
            tracing::debug!(%error, "the printer's line cannot be switched");
        }
    }
}
