//! One conversation with a printer: ask, send, prove, clear. Owned by `device.rs`, one user at a time.

mod hearing;
mod probe;
mod proof;
mod sweep;

use std::collections::VecDeque;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::PrinterFault::{self, Absent, Garbage, Stuck};
use super::PrinterState;
use super::config::PrinterConfig;
use super::profile::Profile;
use super::status::{Reply, ReplyParser, Snapshot, real_time_request};
use super::transport::{Link, Outgoing, Wire};

/// A kiosk that was killed may have left a printer with so many marks to answer: those of a receipt that is all picture.
const MARKS_AT_START: u32 = 96;
/// Bytes handed to the wire at once: at 9600 baud a quarter of a second.
const CHUNK: usize = 256;

/// What is known about the printer between two calls.
pub(super) struct Desk {
    config: PrinterConfig,
    pub(super) profile: &'static Profile,
    wire: Box<dyn Wire>,
    link: Option<Link>,
    parser: ReplyParser,
    /// What came in while bytes went out, not looked at yet.
    heard: VecDeque<Vec<u8>>,
    not_before: Option<Instant>,
    told_absent: bool,
    marks: u16,
    /// The answer for which a receipt's end waits, and whether it has come.
    awaited: Option<Awaited>,
    proven: bool,
    /// Paper marks (`GS r`) of what is being printed: sent, and answered.
    milestones: (u32, u32),
    /// So many answers may still come to marks of before: one looks like the other.
    old_marks: u32,
    /// What is being printed is no receipt but what makes room for one.
    sweeping: bool,
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
    /// So many paper marks since the receipt began.
    Marks(u32),
}

impl Desk {
    pub(super) fn new(config: PrinterConfig, profile: &'static Profile, wire: Box<dyn Wire>) -> Desk {
        Desk {
            config,
            profile,
            wire,
            link: None,
            parser: ReplyParser::default(),
            heard: VecDeque::new(),
            not_before: None,
            told_absent: false,
            marks: 0,
            awaited: None,
            proven: false,
            milestones: (0, 0),
            old_marks: MARKS_AT_START,
            sweeping: false,
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
                self.heard.clear();
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
        self.heard.clear();
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
        self.ask_within(n, self.config.status_tries.max(1)).await
    }

    /// One real-time answer to one of so many requests.
    async fn ask_within(&mut self, n: u8, tries: u8) -> Result<u8, PrinterFault> {
        self.connect().await?;
        self.take_waiting();
        let mut garbage = false;
        for attempt in 0..tries {
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

    /// Hands bytes to the wire, and listens while they wait.
    async fn write(&mut self, bytes: &[u8], urgent: bool, until: Instant) -> Result<(), PrinterFault> {
        let Some(link) = self.link.as_mut() else { return Err(Absent) };
        let begun = Instant::now();
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
                        Ok(Ok(())) => self.judge_hold(begun),
                        _ => { self.hang_up(); Err(Absent) }
                    };
                }
                arrived = link.incoming.recv() => arrived,
                () = sleep_until(until) => return Err(Stuck),
            };
            match arrived {
                Some(bytes) => self.hear(bytes),
                None => {
                    self.hang_up();
                    return Err(Absent);
                }
            }
        }
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
            bytes.extend(self.receive(until).await?.ok_or(Absent)?);
        }
        if bytes.starts_with(&[0x10, 0x0F]) { Ok(bytes[2] & 0x20 != 0) } else { Err(Garbage) }
    }

    /// Sends a command and does not wait for what becomes of it.
    pub(super) async fn order(&mut self, command: &[u8]) -> Result<(), PrinterFault> {
        self.connect().await?;
        self.send(command).await
    }
}

#[cfg(test)]
mod tests;
