//! A receipt's way out: its pieces, the questions between them, and the proof at its end.

use std::time::Duration;

use tokio::time::Instant;

use super::super::PrinterFault::{self, Absent, Garbage, Overheated, Stuck};
use super::super::PrinterState;
use super::super::config::Connection;
use super::super::escpos::Piece;
use super::super::profile::{Clearing, Completion};
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
/// Longer than a printer takes from one mark to the next with nothing to print between them.
const SETTLE: Duration = Duration::from_secs(2);
/// Marks that are asked for at once: few enough for the smallest buffer.
const MARKS_AT_ONCE: u32 = 16;
/// No more old marks than this are counted; a printer that has not answered so many has lost them.
const OLD_MARKS_MAX: u32 = 1_000;
/// `GS r 1`: the paper sensor's status, in its turn.
const PAPER_MARK: &[u8] = &[0x1D, b'r', 1];

impl Desk {
    /// Sends a receipt and waits for its proof. `begun` is set when the first byte may be out.
    pub(in crate::printer) async fn print(&mut self, pieces: &[Piece], begun: &mut bool) -> Result<(), PrinterFault> {
        self.begin();
        let reports = self.profile.completion == Completion::ProcessId;
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
                self.mark(1).await?;
            }
            if sent >= probe {
                sent = 0;
                self.still_printing().await?;
            }
            self.check_reports()?;
        }
        let until = Instant::now() + self.config.finish() + slow;
        if self.sweeping && self.profile.clearing != Clearing::ClearBuffer {
            return self.prove_past_old_marks(until).await;
        }
        self.prove(until).await?;
        if self.milestones.1 < self.milestones.0 {
            tracing::warn!(milestones = ?self.milestones, "the printer has not seen all of a receipt");
            return Err(Absent);
        }
        self.milestones = (0, 0);
        Ok(())
    }

    /// What comes back from now on belongs to what is printed now; what was asked for before and is not answered may
    /// come all the same.
    fn begin(&mut self) {
        self.take_waiting();
        self.reported = None;
        self.proven = false;
        self.awaited = None;
        let (asked, answered) = std::mem::take(&mut self.milestones);
        self.old_marks = (self.old_marks + asked).saturating_sub(answered).min(OLD_MARKS_MAX);
    }

    /// Asks for so many paper marks.
    async fn mark(&mut self, count: u32) -> Result<(), PrinterFault> {
        // Counted first: what is cut on its way may have arrived.
        self.milestones.0 += count;
        self.send(&PAPER_MARK.repeat(count as usize)).await
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

    /// Proves a sweep of a printer that may or may not have forgotten the marks of an earlier receipt. They cannot be
    /// told from ours, but they come first: once more have come than there can be old ones, the printer has done all that
    /// stood before our first one. What may then still come has nothing to print before it, so it comes at once.
    async fn prove_past_old_marks(&mut self, until: Instant) -> Result<(), PrinterFault> {
        while self.milestones.1 <= self.old_marks {
            let missing = self.old_marks + 1 - self.milestones.1;
            self.proven = false;
            self.awaited = Some(Awaited::Marks(self.milestones.1 + missing.min(MARKS_AT_ONCE)));
            self.mark(missing.min(MARKS_AT_ONCE)).await?;
            self.wait_for_proof(until).await?;
        }
        self.awaited = None;
        while self.reply_or_mark(Instant::now() + SETTLE).await? {
            if Instant::now() >= until {
                return Err(Garbage);
            }
        }
        self.still_printing().await?;
        self.forget_marks();
        Ok(())
    }

    /// No mark that was asked for can come any more.
    pub(super) fn forget_marks(&mut self) {
        self.milestones = (0, 0);
        self.old_marks = 0;
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
                self.awaited = Some(Awaited::Marks(self.milestones.0 + 1));
                self.mark(1).await?;
            }
        }
        self.wait_for_proof(until).await?;
        self.awaited = None;
        Ok(())
    }

    /// Waits for what is awaited, and asks now and then whether the printer is still there.
    async fn wait_for_proof(&mut self, until: Instant) -> Result<(), PrinterFault> {
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
        Ok(())
    }
}
