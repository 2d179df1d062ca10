//! A serial port on threads of its own: `serialport` blocks, the session must not.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use serialport::{DataBits, FlowControl, Parity, StopBits};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::line::{Line, LineError, opening};

/// How long one blocking read lasts, so that the reader notices that it is not wanted any more.
const READ_SLICE: Duration = Duration::from_millis(100);
/// How many pieces of input and output may wait.
const PIECES_MAX: usize = 64;

/// An open port: 8 data bits, no parity, two stop bits, no flow control (PA00P016 rev. 04, 2.1).
pub(super) struct SerialPort {
    input: mpsc::Receiver<Result<(Vec<u8>, Instant), LineError>>,
    output: mpsc::Sender<Work>,
    closed: Arc<AtomicBool>,
}

enum Work {
    Bytes(Vec<u8>),
    Baud(u32),
}

impl SerialPort {
    /// Opens the device for us alone and starts its two threads.
    ///
    /// # Errors
    /// The device is missing, held by another program, or not ours to open.
    pub(super) fn open(device: &str, baud: u32) -> Result<SerialPort, LineError> {
        let mut port = serialport::new(device, baud)
            .data_bits(DataBits::Eight)
            .parity(Parity::None)
            .stop_bits(StopBits::Two)
            .flow_control(FlowControl::None)
            .exclusive(true)
            .timeout(READ_SLICE)
            .open()
            .map_err(|error| sorted(device, error))?;
        // Some terminals watch the modem lines; a pty has none.
        for raised in [port.write_request_to_send(true), port.write_data_terminal_ready(true)] {
            if let Err(error) = raised {
                tracing::debug!(%error, "the port has no modem lines");
            }
        }
        let reader = port.try_clone().map_err(|error| sorted(device, error))?;
        let closed = Arc::new(AtomicBool::new(false));
        let (to_session, input) = mpsc::channel(PIECES_MAX);
        let (output, from_session) = mpsc::channel(PIECES_MAX);
        let stop = Arc::clone(&closed);
        let failures = to_session.clone();
        spawn("zvt-read", device, move || read_on(reader, &to_session, &stop))?;
        spawn("zvt-write", device, move || write_on(port, from_session, &failures))?;
        Ok(SerialPort { input, output, closed })
    }
}

impl Drop for SerialPort {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

fn spawn(name: &str, device: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LineError> {
    let address = device.to_owned();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|source| LineError::Open { address, source })
}

/// `serialport` reports a held port as `NoDevice` with words of its own.
fn sorted(device: &str, error: serialport::Error) -> LineError {
    let held = matches!(error.kind(), serialport::ErrorKind::NoDevice);
    let source = std::io::Error::from(error);
    if held && std::path::Path::new(device).exists() {
        return LineError::Held { address: device.to_owned() };
    }
    opening(device, source)
}

fn read_on(
    mut port: Box<dyn serialport::SerialPort>,
    session: &mpsc::Sender<Result<(Vec<u8>, Instant), LineError>>,
    stop: &AtomicBool,
) {
    let mut buffer = [0; 1024];
    while !stop.load(Ordering::Relaxed) {
        let piece = match port.read(&mut buffer) {
            Ok(0) => Err(LineError::Closed),
            Ok(count) => Ok((buffer[..count].to_vec(), Instant::now())),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => continue,
            Err(error) => Err(LineError::Broken(error)),
        };
        let over = piece.is_err();
        if session.blocking_send(piece).is_err() || over {
            return;
        }
    }
}

fn write_on(
    mut port: Box<dyn serialport::SerialPort>,
    mut session: mpsc::Receiver<Work>,
    failures: &mpsc::Sender<Result<(Vec<u8>, Instant), LineError>>,
) {
    while let Some(work) = session.blocking_recv() {
        let done = match work {
            Work::Bytes(bytes) => write_all(port.as_mut(), &bytes),
            Work::Baud(baud) => port.set_baud_rate(baud).map_err(std::io::Error::from),
        };
        if let Err(error) = done {
            // Nobody listens any more if this fails: then the line is closed anyway.
            drop(failures.blocking_send(Err(LineError::Broken(error))));
            return;
        }
    }
}

/// Like `Write::write_all`, but a line that takes nothing for five seconds is broken, not waited for without end
/// (a USB adapter whose device hangs).
fn write_all(port: &mut dyn serialport::SerialPort, mut bytes: &[u8]) -> std::io::Result<()> {
    let mut stuck = 0;
    while !bytes.is_empty() {
        match port.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                stuck = 0;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::TimedOut && stuck < 50 => stuck += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[async_trait]
impl Line for SerialPort {
    async fn read(&mut self) -> Result<(Vec<u8>, Instant), LineError> {
        self.input.recv().await.unwrap_or(Err(LineError::Closed))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        self.output.send(Work::Bytes(bytes.to_vec())).await.map_err(|_| LineError::Closed)
    }

    async fn set_baud(&mut self, baud: u32) -> Result<(), LineError> {
        self.output.send(Work::Baud(baud)).await.map_err(|_| LineError::Closed)
    }
}
