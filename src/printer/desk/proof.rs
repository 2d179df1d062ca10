//! A receipt's way out: its pieces, the questions between them, and the proof at its end.

use std::time::Duration;

use tokio::time::Instant;

use super::super::PrinterFault::{self, Absent, Overheated, Stuck};
use super::super::PrinterState;
use super::super::config::Connection;
use super::super::escpos::Piece;
use super::super::profile::Completion;
use super::{Awaited, CHUNK, Desk};

/// After so many bytes a printer on USB or TCP that does not report by itself is asked whether it still prints.
const PROBE_BYTES: usize = 1024;
/// On a serial line each printer is asked, after at most so many parts of a second: the line outlives a printer that is
/// switched off and on, and that takes longer.
const PROBES_A_SECOND: u32 = 2;
/// On a serial line a mark stands after at least so many bytes: the line outlives a printer that loses its power, and
/// with flow control it even waits for it, so a receipt could lose its middle and nobody would be told.
const MILESTONE_BYTES: usize = 256;
/// Start, eight of data, stop.
const BITS_A_BYTE: usize = 10;
/// Between two looks at a printer that is busy with the end of a receipt.
const PROBE: Duration = Duration::from_millis(250);
/// `GS a`: report every change of line, error and paper; or nothing.
const AUTO_ON: &[u8] = &[0x1D, b'a', 0x0E];
const AUTO_OFF: &[u8] = &[0x1D, b'a', 0];
/// Reports once, in its turn: a later change must not be taken for it.
const AUTO_ONCE: &[u8] = &[0x1D, b'a', 0x0E, 0x1D, b'a', 0];
/// Longer than a printer takes from an earlier receipt's mark to the mark of a sweep.
const SETTLE: Duration = Duration::from_secs(2);
/// `GS r 1`: the paper sensor's status, in its turn.
const PAPER_MARK: &[u8] = &[0x1D, b'r', 1];

impl Desk {
    /// Sends a receipt and waits for its proof. `begun` is set when the first byte may be out.
    pub(in crate::printer) async fn print(&mut self, pieces: &[Piece], begun: &mut bool) -> Result<(), PrinterFault> {
        self.take_waiting();
        self.reported = None;
        self.proven = false;
        self.awaited = None;
        let reports = self.profile.completion == Completion::ProcessId;
        self.milestones = (0, 0);
        let (mut sent, mut marked) = (0, 0);
        let probe = self.probe_bytes(reports);
        let rows: u32 = pieces.iter().map(|piece| piece.rows).sum();
        let slow = Duration::from_secs_f32(rows as f32 / f32::from(self.profile.dots_per_second));
        *begun = true;
        self.send(if reports { AUTO_ON } else { AUTO_OFF }).await?;
        for piece in pieces {
            self.send(&piece.bytes).await?;
            sent += piece.bytes.len();
            marked += piece.bytes.len();
            if marked >= MILESTONE_BYTES && self.is_serial() && !self.sweeping {
                marked = 0;
                self.milestones.0 += 1;
                self.send(PAPER_MARK).await?;
            }
            if sent >= probe {
                sent = 0;
                self.still_printing().await?;
            }
            self.check_reports()?;
        }
        self.prove(Instant::now() + self.config.finish() + slow).await?;
        if self.milestones.1 < self.milestones.0 {
            tracing::warn!(milestones = ?self.milestones, "the printer has not seen all of a receipt");
            return Err(Absent);
        }
        if self.stale_marks() { self.settle().await } else { Ok(()) }
    }

    fn is_serial(&self) -> bool {
        matches!(self.config.connection, Connection::Serial(_))
    }

    /// A printer holds up the line because its buffer is full. One that has printed all up to the last milestone and
    /// holds it up was without power.
    pub(super) fn judge_hold(&mut self, begun: Instant) -> Result<(), PrinterFault> {
        let (sent, answered) = self.milestones;
        let held = begun.elapsed() > self.config.status();
        if held && sent > 0 && answered >= sent && self.awaited.is_none() && self.is_serial() {
            tracing::warn!("the printer held up the line with nothing to print");
            return Err(Absent);
        }
        Ok(())
    }

    /// Between two questions whether it still prints: so many bytes.
    fn probe_bytes(&self, reports: bool) -> usize {
        match self.config.connection {
            Connection::Serial(_) => self.config.baud as usize / BITS_A_BYTE / PROBES_A_SECOND as usize,
            // Without power there is no connection, and a printer that reports need not be asked.
            _ if reports => usize::MAX,
            _ => PROBE_BYTES,
        }
    }

    /// Whether the mark that came may be the mark of an earlier receipt, still held in the buffer when a fault cleared.
    /// Ids are told apart, other marks are not.
    fn stale_marks(&self) -> bool {
        self.sweeping && matches!(self.profile.completion, Completion::AutoStatus | Completion::PaperMark)
    }

    /// Marks come in order, and ours is the last: when no further one comes, it has come.
    async fn settle(&mut self) -> Result<(), PrinterFault> {
        loop {
            self.proven = false;
            let quiet = Instant::now() + SETTLE;
            while !self.proven && self.reply_or_mark(quiet).await? {}
            if !self.proven {
                self.awaited = None;
                return self.still_printing().await;
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), PrinterFault> {
        for chunk in bytes.chunks(CHUNK) {
            self.write(chunk, false, Instant::now() + self.config.stall()).await?;
        }
        Ok(())
    }

    /// What the printer said by itself; a hot head only pauses.
    fn check_reports(&mut self) -> Result<(), PrinterFault> {
        self.take_waiting();
        match self.reported {
            Some(PrinterState::Faulty(fault)) if fault != Overheated => Err(fault),
            _ => Ok(()),
        }
    }

    /// Asks whether it is still online. A hot head only pauses. A question lost on a serial line means that pieces of the
    /// receipt may be lost as well: that printer may have been off.
    async fn still_printing(&mut self) -> Result<(), PrinterFault> {
        let tries = match self.config.connection {
            Connection::Serial(_) => 1,
            _ => self.config.status_tries.max(1),
        };
        let first = self.ask_within(1, tries).await?;
        if first & 0x08 == 0 {
            return Ok(());
        }
        match self.snapshot().await?.state() {
            PrinterState::Ready { .. } | PrinterState::Faulty(Overheated) => Ok(()),
            PrinterState::Faulty(fault) => Err(fault),
        }
    }

    /// Asks for the mark that says "all of it is printed", and waits for it.
    async fn prove(&mut self, until: Instant) -> Result<(), PrinterFault> {
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
                self.send(AUTO_ONCE).await?;
            }
            Completion::PaperMark => {
                self.awaited = Some(Awaited::Paper);
                self.send(PAPER_MARK).await?;
            }
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
        if !self.stale_marks() {
            self.awaited = None;
        }
        Ok(())
    }
}
