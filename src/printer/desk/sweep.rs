//! After a fault: what the printer still holds is cleared, and what hangs out of it is cut off.

use tokio::time::Instant;

use super::super::PrinterFault::{self, Absent, Offline};
use super::super::device::RETRACT;
use super::super::escpos::Piece;
use super::super::profile::Clearing;
use super::super::status::Reply;
use super::Desk;

/// Clear the receive and print buffers (Epson, "DLE DC4 (fn=8)").
pub(super) const CLEAR_BUFFER: &[u8] = &[0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8];
/// Recover from an error and clear the buffers (Epson, "DLE ENQ").
const ENQUIRE_TWO: &[u8] = &[0x10, 0x05, 2];
/// Hardware reset that leaves the line open (Custom command reference, `$1C $C0`).
const HARD_RESET: &[u8] = &[0x1C, 0xC0, 0x18, 0x10, 0x14, 0x1B];

impl Desk {
    /// Empties the printer's buffers after a fault, as far as the model and the moment allow.
    pub(in crate::printer) async fn clear(&mut self) -> Result<(), PrinterFault> {
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
                    self.forget_marks();
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
    pub(in crate::printer) async fn sweep(&mut self) -> Result<(), PrinterFault> {
        let Some(owed) = self.stale else { return Ok(()) };
        self.clear().await?;
        // First the rest of a command that was cut: white, should it be a picture.
        self.send(&vec![0; owed]).await?;
        let mut bytes = b"\x18\x1B@".to_vec();
        bytes.extend_from_slice(if self.profile.cutter { b"\x1DVA\x01" } else { b"\n\n\n\n\n\n" });
        if self.profile.presenter {
            bytes.extend_from_slice(RETRACT);
        }
        let mut begun = false;
        self.sweeping = true;
        let swept = self.print(&[Piece { bytes, rows: 200 }], &mut begun).await;
        self.sweeping = false;
        swept?;
        self.stale = None;
        Ok(())
    }
}
