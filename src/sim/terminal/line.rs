//! The wire under the link: a pseudo-terminal, a TCP connection or a pipe in memory, paced like 9600 8N2, and
//! with a switch that cuts it.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use super::strictness::{Strictness, Violation};
use crate::sim::pty::{LineSettings, Pty};

/// Start, eight data and two stop bits.
const BITS_PER_BYTE: u64 = 11;
/// Bytes that nobody takes for so long are lost, as on a wire.
const STUCK: Duration = Duration::from_secs(2);
/// Room of a pipe in memory, in bytes, per direction.
const PIPE: usize = 64 * 1024;

/// How fast bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// As the baud rate says: 1.15 ms a byte at 9600.
    Real,
    /// At once.
    Fast,
}

/// Anything that carries bytes both ways.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {
    /// How the other side has set its port, where that can be told.
    fn settings(&self) -> Option<LineSettings> {
        None
    }
}

impl Wire for Pty {
    fn settings(&self) -> Option<LineSettings> {
        Pty::settings(self)
    }
}
impl Wire for TcpStream {}
impl Wire for DuplexStream {}

/// Where wires come from: each opening is a port plugged in anew, or a connection taken.
pub(super) enum Port {
    Pty { link: Option<PathBuf>, first: Option<Pty> },
    Tcp(TcpListener),
    Memory(mpsc::Receiver<DuplexStream>),
    Given(Option<Box<dyn Wire>>),
}

impl Port {
    async fn open(&mut self) -> io::Result<Box<dyn Wire>> {
        match self {
            Port::Pty { link, first } => {
                let pty = match (first.take(), link.as_deref()) {
                    (Some(pty), _) => pty,
                    (None, Some(link)) => Pty::open_as(link)?,
                    (None, None) => Pty::open()?,
                };
                Ok(Box::new(pty))
            }
            Port::Tcp(listener) => Ok(Box::new(listener.accept().await?.0)),
            Port::Memory(dialled) => match dialled.recv().await {
                Some(wire) => Ok(Box::new(wire)),
                None => std::future::pending().await,
            },
            Port::Given(wire) => match wire.take() {
                Some(wire) => Ok(wire),
                None => std::future::pending().await,
            },
        }
    }
}

/// Opens the simulated terminal's port in memory, as often as wanted: a kiosk that starts again dials again.
#[derive(Debug, Clone)]
pub struct Dialler {
    to: mpsc::Sender<DuplexStream>,
    switch: LineSwitch,
}

impl Dialler {
    pub(super) fn new(switch: LineSwitch) -> (Dialler, Port) {
        let (to, from) = mpsc::channel(8);
        (Dialler { to, switch }, Port::Memory(from))
    }

    /// The kiosk's end of a new connection.
    ///
    /// # Errors
    /// The adapter is unplugged, or the simulator has ended.
    pub fn dial(&self) -> io::Result<DuplexStream> {
        if !self.switch.is_plugged() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the simulated port is unplugged"));
        }
        let (ours, theirs) = tokio::io::duplex(PIPE);
        self.to.try_send(theirs).map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
        Ok(ours)
    }
}

/// Cuts, mutes and unplugs a line from outside.
#[derive(Debug, Clone, Default)]
pub(super) struct LineSwitch(Arc<(Mutex<Switches>, Notify)>);

#[derive(Debug, Clone, Copy, Default)]
struct Switches {
    cut: Option<Until>,
    mute: Option<Until>,
    unplugged: Option<Until>,
}

#[derive(Debug, Clone, Copy)]
enum Until {
    Told,
    At(Instant),
}

impl Until {
    fn of(time: Option<Duration>) -> Until {
        time.map_or(Until::Told, |time| Until::At(Instant::now() + time))
    }

    fn is_on(this: Option<Until>) -> bool {
        match this {
            None => false,
            Some(Until::Told) => true,
            Some(Until::At(end)) => Instant::now() < end,
        }
    }
}

impl LineSwitch {
    fn set(&self, act: impl FnOnce(&mut Switches)) {
        act(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_waiters();
    }

    fn get(&self) -> Switches {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing passes any more, for a time or until [`LineSwitch::restore`].
    pub(super) fn cut(&self, time: Option<Duration>) {
        self.set(|s| s.cut = Some(Until::of(time)));
    }

    /// The terminal hears and says nothing.
    pub(super) fn mute(&self, time: Option<Duration>) {
        self.set(|s| s.mute = Some(Until::of(time)));
    }

    /// The adapter is pulled.
    pub(super) fn unplug(&self, time: Option<Duration>) {
        self.set(|s| s.unplugged = Some(Until::of(time)));
    }

    /// All as it should be.
    pub(super) fn restore(&self) {
        self.set(|s| *s = Switches::default());
    }

    pub(super) fn is_plugged(&self) -> bool {
        !Until::is_on(self.get().unplugged)
    }

    fn passes_in(&self) -> bool {
        !Until::is_on(self.get().cut)
    }

    fn passes_out(&self) -> bool {
        let now = self.get();
        !Until::is_on(now.cut) && !Until::is_on(now.mute)
    }
}

/// What came of listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Byte(u8),
    Deadline,
    /// A connection ended; only told over TCP.
    Closed,
}

pub(super) struct Line {
    port: Port,
    wire: Option<Box<dyn Wire>>,
    switch: LineSwitch,
    pacing: Pacing,
    speed: u32,
    received: VecDeque<u8>,
    in_free: Instant,
    out_free: Instant,
    tells_closing: bool,
    strictness: Strictness,
}

impl Line {
    pub(super) fn new(port: Port, pacing: Pacing, switch: LineSwitch, strictness: Strictness) -> Line {
        let now = Instant::now();
        let tells_closing = matches!(port, Port::Tcp(_));
        Line {
            port,
            wire: None,
            switch,
            pacing,
            speed: 9600,
            received: VecDeque::new(),
            in_free: now,
            out_free: now,
            tells_closing,
            strictness,
        }
    }

    pub(super) fn set_speed(&mut self, speed: u32) {
        self.speed = speed;
    }

    fn byte_time(&self) -> Duration {
        match self.pacing {
            Pacing::Fast => Duration::ZERO,
            Pacing::Real => Duration::from_micros(BITS_PER_BYTE * 1_000_000 / u64::from(self.speed.max(1))),
        }
    }

    /// The next byte, or that the deadline came first.
    pub(super) async fn read(&mut self, deadline: Instant) -> Input {
        let switch = self.switch.clone();
        loop {
            let changed = switch.0.1.notified();
            if !switch.is_plugged() {
                self.pull();
                let back = match switch.get().unplugged {
                    Some(Until::At(end)) => end.min(deadline),
                    _ => deadline,
                };
                tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(back) => if back >= deadline { return Input::Deadline },
                }
                continue;
            }
            if let Some(byte) = self.received.pop_front() {
                self.in_free = self.in_free.max(Instant::now() - Duration::from_millis(1)) + self.byte_time();
                if self.pacing == Pacing::Real {
                    sleep_until(self.in_free).await;
                }
                return Input::Byte(byte);
            }
            if self.wire.is_none() {
                tokio::select! {
                    biased;
                    opened = self.port.open() => match opened {
                        Ok(wire) => self.wire = Some(wire),
                        Err(error) => {
                            tracing::warn!(%error, "the simulated terminal's port cannot be opened; trying again");
                            sleep_until(deadline.min(Instant::now() + Duration::from_secs(1))).await;
                        }
                    },
                    () = changed => {}
                    () = sleep_until(deadline) => return Input::Deadline,
                }
                continue;
            }
            let mut buffer = [0; 512];
            let Some(wire) = &mut self.wire else { continue };
            tokio::select! {
                biased;
                read = wire.read(&mut buffer) => if let Some(closed) = self.took(read, &buffer) { return closed },
                () = changed => {}
                () = sleep_until(deadline) => return Input::Deadline,
            }
        }
    }

    fn took(&mut self, read: io::Result<usize>, buffer: &[u8]) -> Option<Input> {
        let count = read.unwrap_or(0);
        if count == 0 {
            self.pull();
            return self.tells_closing.then_some(Input::Closed);
        }
        if self.switch.passes_in() {
            let bent = self.check_settings();
            self.received.extend(buffer[..count].iter().map(|byte| byte ^ bent));
        }
        None
    }

    /// Checks how the kiosk has set its port; at a wrong speed every byte arrives bent.
    fn check_settings(&self) -> u8 {
        let Some(set) = self.wire.as_ref().and_then(|wire| wire.settings()) else { return 0 };
        if set.data_bits != 8 || set.parity || !set.two_stop_bits || !set.raw {
            self.strictness.count(Violation::LineSettings);
        }
        if set.speed == self.speed {
            0
        } else {
            self.strictness.count(Violation::LineSpeed);
            0x5A
        }
    }

    fn pull(&mut self) {
        self.wire = None;
        self.received.clear();
    }

    /// Ends a TCP connection from this side.
    pub(super) fn hang_up(&mut self) {
        if self.tells_closing {
            self.pull();
        }
    }

    /// Sends bytes; onto a cut line or to nobody they are lost.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        if self.pacing == Pacing::Fast {
            self.put(bytes).await;
            return;
        }
        for byte in bytes {
            self.out_free = self.out_free.max(Instant::now() - Duration::from_millis(1)) + self.byte_time();
            sleep_until(self.out_free).await;
            self.put(&[*byte]).await;
        }
    }

    async fn put(&mut self, bytes: &[u8]) {
        if !self.switch.passes_out() || !self.switch.is_plugged() {
            return;
        }
        let Some(wire) = &mut self.wire else { return };
        let bent = match wire.settings() {
            Some(set) if set.speed != self.speed => 0x5A,
            _ => 0,
        };
        let bytes: Vec<u8> = bytes.iter().map(|byte| byte ^ bent).collect();
        if let Ok(Err(_)) = timeout(STUCK, wire.write_all(&bytes)).await {
            self.pull();
        }
    }

    /// Without power nothing is heard: what arrives in this time is gone.
    pub(super) async fn sleep_deaf(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while self.read(end).await != Input::Deadline {}
    }
}
