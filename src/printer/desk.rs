//! One conversation with a printer: ask, send, prove, clear. Owned by `device.rs`, one user at a time.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::PrinterFault::{self, Absent, Garbage, Offline, Overheated, Stuck};
use super::PrinterState;
use super::config::PrinterConfig;
use super::escpos::Piece;
use super::profile::{Clearing, Completion, Profile};
use super::status::{Reply, ReplyParser, Snapshot, auto_state, real_time_request};
use super::transport::{Link, Outgoing, Wire};

/// Bytes handed to the wire at once: at 9600 baud a quarter of a second.
const CHUNK: usize = 256;
/// After so many bytes a printer that does not report by itself is asked whether it still prints.
const PROBE_BYTES: usize = 512;
/// Between two looks at a printer that is busy with the end of a receipt.
const PROBE: Duration = Duration::from_millis(250);
/// Clear the receive and print buffers (Epson, "DLE DC4 (fn=8)").
const CLEAR_BUFFER: &[u8] = &[0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8];
/// Recover from an error and clear the buffers (Epson, "DLE ENQ").
const ENQUIRE_TWO: &[u8] = &[0x10, 0x05, 2];
/// Hardware reset that leaves the line open (Custom command reference, `$1C $C0`).
const HARD_RESET: &[u8] = &[0x1C, 0xC0, 0x18, 0x10, 0x14, 0x1B];
/// `GS a`: report every change of line, error and paper; or nothing.
const AUTO_ON: &[u8] = &[0x1D, b'a', 0x0E];
const AUTO_OFF: &[u8] = &[0x1D, b'a', 0];
/// `GS r 1`: the paper sensor's status, in its turn.
const PAPER_MARK: &[u8] = &[0x1D, b'r', 1];

/// What is known about the printer between two calls.
pub(super) struct Desk {
    config: PrinterConfig,
    pub(super) profile: &'static Profile,
    wire: Box<dyn Wire>,
    link: Option<Link>,
    parser: ReplyParser,
    not_before: Option<Instant>,
    told_absent: bool,
    marks: u16,
    /// The answer for which a receipt's end waits, and whether it has come.
    awaited: Option<Awaited>,
    proven: bool,
    /// What the printer has reported by itself.
    reported: Option<PrinterState>,
    /// Something of an earlier receipt may be in the printer or hang out of it: this many bytes may be owed to a
    /// command that was cut.
    pub(super) stale: Option<usize>,
}

/// The end mark of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Process([u8; 4]),
    Auto,
    Paper,
}

impl Desk {
    pub(super) fn new(config: PrinterConfig, profile: &'static Profile, wire: Box<dyn Wire>) -> Desk {
        Desk {
            config,
            profile,
            wire,
            link: None,
            parser: ReplyParser::default(),
            not_before: None,
            told_absent: false,
            marks: 0,
            awaited: None,
            proven: false,
            reported: None,
            // A kiosk that was killed may have left half a receipt.
            stale: Some(0),
        }
    }

    /// Connects if it is not, at most once in `reopen_ms`.
    async fn connect(&mut self) -> Result<(), PrinterFault> {
        if self.link.is_some() {
            return Ok(());
        }
        let now = Instant::now();
        if self.not_before.is_some_and(|moment| now < moment) {
            return Err(Absent);
        }
        self.not_before = Some(now + self.config.reopen());
        match timeout(self.config.connect(), self.wire.connect()).await {
            Ok(Ok(link)) => {
                if self.told_absent {
                    tracing::info!(connection = %self.config.connection, "the printer is connected again");
                }
                self.told_absent = false;
                self.parser.reset();
                self.reported = None;
                self.link = Some(link);
                Ok(())
            }
            failed => {
                if !std::mem::replace(&mut self.told_absent, true) {
                    match failed {
                        Ok(Err(error)) => {
                            let cause = std::error::Error::source(&error).map(ToString::to_string);
                            tracing::warn!(%error, cause, "no printer");
                        }
                        _ => tracing::warn!(connection = %self.config.connection, "the printer does not answer"),
                    }
                }
                Err(Absent)
            }
        }
    }

    fn hang_up(&mut self) {
        self.link = None;
        self.parser.reset();
    }

    /// The four real-time answers, or why there are none.
    pub(super) async fn snapshot(&mut self) -> Result<Snapshot, PrinterFault> {
        self.connect().await?;
        let mut bytes = [0; 4];
        for (n, byte) in (1..=4).zip(&mut bytes) {
            *byte = self.ask(n).await?;
        }
        Ok(Snapshot { bytes })
    }

    /// One real-time answer. The request overtakes everything, so it must stand between two commands.
    async fn ask(&mut self, n: u8) -> Result<u8, PrinterFault> {
        self.connect().await?;
        self.take_waiting();
        let mut garbage = false;
        for attempt in 0..self.config.status_tries.max(1) {
            let until = Instant::now() + self.config.status();
            if self.write(&real_time_request(n), false, until).await.is_err() {
                // Held up by the printer's own "wait": real-time commands are read all the same.
                self.write(&real_time_request(n), true, Instant::now() + self.config.status()).await?;
            }
            while let Some(reply) = self.reply(until.max(Instant::now() + self.config.status() / 2)).await? {
                match reply {
                    Reply::RealTime(byte) if attempt == 0 => return Ok(byte),
                    Reply::RealTime(byte) => {
                        // Every attempt may still be answered, and no answer says to which question: let them pass.
                        while self.reply(Instant::now() + self.config.status() / 2).await?.is_some() {}
                        return Ok(byte);
                    }
                    Reply::Garbage => garbage = true,
                    _ => {}
                }
            }
            self.parser.reset();
        }
        self.hang_up();
        Err(if garbage { Garbage } else { Absent })
    }

    /// Takes in what has come without being asked for.
    fn take_waiting(&mut self) {
        while let Some(Ok(bytes)) = self.link.as_mut().map(|link| link.incoming.try_recv()) {
            self.absorb(&bytes);
        }
    }

    /// The next answer that is none of the awaited kinds, or nothing until then.
    async fn reply(&mut self, until: Instant) -> Result<Option<Reply>, PrinterFault> {
        loop {
            let Some(link) = self.link.as_mut() else { return Err(Absent) };
            match timeout_at(until, link.incoming.recv()).await {
                Err(_) => return Ok(None),
                Ok(None) => {
                    self.hang_up();
                    return Err(Absent);
                }
                Ok(Some(bytes)) => {
                    let replies = self.absorb(&bytes);
                    // A real-time answer is what one waits for; of garbage it is enough to know that there was some.
                    let found = replies.iter().find(|reply| matches!(reply, Reply::RealTime(_)));
                    if let Some(reply) = found.or(replies.first()) {
                        return Ok(Some(*reply));
                    }
                }
            }
        }
    }

    /// Notes reports and the awaited mark; gives the rest.
    fn absorb(&mut self, bytes: &[u8]) -> Vec<Reply> {
        let mut rest = Vec::new();
        for reply in bytes.iter().flat_map(|byte| self.parser.feed(*byte)).collect::<Vec<_>>() {
            match (reply, self.awaited) {
                (Reply::Process(id), Some(Awaited::Process(own))) if id == own => self.proven = true,
                (Reply::Paper(_), Some(Awaited::Paper)) => self.proven = true,
                (Reply::Auto(status), awaited) => {
                    self.proven |= awaited == Some(Awaited::Auto);
                    self.reported = Some(auto_state(status));
                }
                _ => rest.push(reply),
            }
        }
        rest
    }

    /// Hands bytes to the wire, and listens while they wait.
    async fn write(&mut self, bytes: &[u8], urgent: bool, until: Instant) -> Result<(), PrinterFault> {
        let Some(link) = self.link.as_mut() else { return Err(Absent) };
        let (taken, mut done) = oneshot::channel();
        let job = Outgoing { bytes: bytes.to_vec(), urgent, taken };
        match timeout_at(until, link.outgoing.send(job)).await {
            Ok(Ok(())) => {}
            Ok(Err(mpsc::error::SendError(_))) => {
                self.hang_up();
                return Err(Absent);
            }
            Err(_) => return Err(Stuck),
        }
        loop {
            let Some(link) = self.link.as_mut() else { return Err(Absent) };
            let arrived = tokio::select! {
                biased;
                answer = &mut done => {
                    return match answer {
                        Ok(Ok(())) => Ok(()),
                        _ => { self.hang_up(); Err(Absent) }
                    };
                }
                arrived = link.incoming.recv() => arrived,
                () = sleep_until(until) => return Err(Stuck),
            };
            match arrived {
                Some(bytes) => drop(self.absorb(&bytes)),
                None => {
                    self.hang_up();
                    return Err(Absent);
                }
            }
        }
    }

    /// Sends a receipt and waits for its proof. `begun` is set when the first byte may be out.
    pub(super) async fn print(&mut self, pieces: &[Piece], begun: &mut bool) -> Result<(), PrinterFault> {
        self.take_waiting();
        self.reported = None;
        self.proven = false;
        self.awaited = None;
        let reports = self.profile.completion == Completion::ProcessId;
        let mut sent = 0;
        let rows: u32 = pieces.iter().map(|piece| piece.rows).sum();
        let slow = Duration::from_secs_f32(rows as f32 / f32::from(self.profile.dots_per_second));
        *begun = true;
        self.send(if reports { AUTO_ON } else { AUTO_OFF }).await?;
        for piece in pieces {
            self.send(&piece.bytes).await?;
            sent += piece.bytes.len();
            let lock_step = self.profile.completion == Completion::RealTime;
            if lock_step || (!reports && sent >= PROBE_BYTES) {
                sent = 0;
                self.still_printing().await?;
            }
            self.check_reports()?;
        }
        self.prove(Instant::now() + self.config.finish() + slow, slow).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), PrinterFault> {
        for chunk in bytes.chunks(CHUNK) {
            self.write(chunk, false, Instant::now() + self.config.stall()).await?;
        }
        Ok(())
    }

    /// What the printer said by itself; a hot head only pauses.
    fn check_reports(&self) -> Result<(), PrinterFault> {
        match self.reported {
            Some(PrinterState::Faulty(fault)) if fault != Overheated => Err(fault),
            _ => Ok(()),
        }
    }

    /// Asks whether it is still online. A hot head only pauses.
    async fn still_printing(&mut self) -> Result<(), PrinterFault> {
        let first = self.ask(1).await?;
        if first & 0x08 == 0 {
            return Ok(());
        }
        match self.snapshot().await?.state() {
            PrinterState::Ready { .. } | PrinterState::Faulty(Overheated) => Ok(()),
            PrinterState::Faulty(fault) => Err(fault),
        }
    }

    /// Asks for the mark that says "all of it is printed", and waits for it.
    async fn prove(&mut self, until: Instant, slow: Duration) -> Result<(), PrinterFault> {
        self.take_waiting();
        match self.profile.completion {
            Completion::ProcessId => {
                self.marks = (self.marks + 1) % 10_000;
                let id: [u8; 4] = std::array::from_fn(|place| {
                    let power = 10_u16.pow(3 - u32::try_from(place).unwrap_or(0));
                    b'0' + u8::try_from(self.marks / power % 10).unwrap_or(0)
                });
                self.awaited = Some(Awaited::Process(id));
                let mut request = vec![0x1D, b'(', b'H', 6, 0, 0x30, 0x30];
                request.extend_from_slice(&id);
                self.send(&request).await?;
            }
            Completion::AutoStatus => {
                self.awaited = Some(Awaited::Auto);
                self.send(AUTO_ON).await?;
            }
            Completion::PaperMark => {
                self.awaited = Some(Awaited::Paper);
                self.send(PAPER_MARK).await?;
            }
            Completion::RealTime => return self.outlast(slow).await,
        }
        while !self.proven {
            if Instant::now() >= until {
                return Err(Stuck);
            }
            let look_again = Instant::now() + PROBE;
            while !self.proven && self.reply_or_mark(look_again).await? {}
            if !self.proven {
                self.still_printing().await?;
                self.check_reports()?;
            }
        }
        self.awaited = None;
        Ok(())
    }

    /// Waits for anything; false when the time is up.
    async fn reply_or_mark(&mut self, until: Instant) -> Result<bool, PrinterFault> {
        let Some(link) = self.link.as_mut() else { return Err(Absent) };
        match timeout_at(until, link.incoming.recv()).await {
            Err(_) => Ok(false),
            Ok(Some(bytes)) => {
                self.absorb(&bytes);
                Ok(true)
            }
            Ok(None) => {
                self.hang_up();
                Err(Absent)
            }
        }
    }

    /// Without any mark: it must have stayed online, with paper and without error, for as long as printing takes.
    async fn outlast(&mut self, slow: Duration) -> Result<(), PrinterFault> {
        let until = Instant::now() + slow;
        loop {
            self.still_printing().await?;
            if Instant::now() >= until {
                return match self.snapshot().await?.state() {
                    PrinterState::Ready { .. } => Ok(()),
                    PrinterState::Faulty(fault) => Err(fault),
                };
            }
            tokio::time::sleep(PROBE).await;
        }
    }

    /// Empties the printer's buffers after a fault, as far as the model and the moment allow.
    pub(super) async fn clear(&mut self) -> Result<(), PrinterFault> {
        self.awaited = None;
        self.connect().await?;
        self.take_waiting();
        let until = Instant::now() + self.config.status();
        let command = match self.profile.clearing {
            Clearing::ClearBuffer => CLEAR_BUFFER,
            Clearing::EnquireTwo => ENQUIRE_TWO,
            Clearing::HardReset => HARD_RESET,
        };
        if let Err(fault) = self.write(command, true, until).await {
            // What the wire still holds must not go out later.
            self.hang_up();
            return Err(fault);
        }
        if self.profile.clearing == Clearing::ClearBuffer {
            let until = Instant::now() + self.config.status() * u32::from(self.config.status_tries);
            while let Some(reply) = self.reply(until).await? {
                if reply == Reply::Cleared {
                    return Ok(());
                }
            }
            self.hang_up();
            return Err(Offline);
        }
        // These have no answer of their own, and a reset takes a moment.
        let tries = if self.profile.clearing == Clearing::HardReset { 6 } else { 1 };
        let mut answer = Err(Absent);
        for _ in 0..tries {
            answer = self.ask(1).await;
            if answer.is_ok() {
                break;
            }
            tokio::time::sleep(self.config.reopen()).await;
        }
        answer.map(|_| ())
    }

    /// Makes sure that nothing of an earlier receipt can come out on the next one: buffers cleared, a cut command
    /// completed, the rest of the paper cut off and taken back where the model can.
    pub(super) async fn sweep(&mut self) -> Result<(), PrinterFault> {
        let Some(owed) = self.stale else { return Ok(()) };
        self.clear().await?;
        let mut bytes = vec![0; owed];
        bytes.extend_from_slice(b"\x18\x1B@");
        bytes.extend_from_slice(if self.profile.cutter { b"\x1DVA\x01" } else { b"\n\n\n\n\n\n" });
        if self.profile.presenter {
            bytes.extend_from_slice(super::device::RETRACT);
        }
        let mut begun = false;
        self.print(&[Piece { bytes, rows: 200 }], &mut begun).await?;
        self.stale = None;
        Ok(())
    }

    /// Asks Custom's full status (`DLE EOT 20`): whether a ticket lies in the output.
    pub(super) async fn ticket_in_output(&mut self) -> Result<bool, PrinterFault> {
        self.connect().await?;
        self.take_waiting();
        self.parser.reset();
        self.write(&real_time_request(20), false, Instant::now() + self.config.status()).await?;
        let until = Instant::now() + self.config.status();
        let mut bytes = Vec::new();
        while bytes.len() < 6 {
            let Some(link) = self.link.as_mut() else { return Err(Absent) };
            match timeout_at(until, link.incoming.recv()).await {
                Ok(Some(more)) => bytes.extend(more),
                Ok(None) => {
                    self.hang_up();
                    return Err(Absent);
                }
                Err(_) => return Err(Absent),
            }
        }
        if bytes[..2] == [0x10, 0x0F] { Ok(bytes[2] & 0x20 != 0) } else { Err(Garbage) }
    }

    /// Sends a command and does not wait for what becomes of it.
    pub(super) async fn order(&mut self, command: &[u8]) -> Result<(), PrinterFault> {
        self.connect().await?;
        self.send(command).await
    }
}
