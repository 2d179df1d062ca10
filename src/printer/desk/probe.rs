//! Asks a printer for everything that the profiles rely on. Between receipts only.

use tokio::time::Instant;

use super::super::PrinterFault;
use super::super::probe::Findings;
use super::super::status::{Reply, ReplyParser};
use super::Desk;
use super::sweep::CLEAR_BUFFER;

/// `GS I n`: printer information B: header `5Fh`, text, NUL (Epson, "GS I"; others keep to it).
const MAKER: &[u8] = &[0x1D, b'I', 66];
const MODEL: &[u8] = &[0x1D, b'I', 67];
/// `GS ( H` function 48 with the id "0000".
const PROCESS_ID: &[u8] = &[0x1D, b'(', b'H', 6, 0, 0x30, 0x30, b'0', b'0', b'0', b'0'];
/// `GS a`: report once, then never.
const AUTO: &[u8] = &[0x1D, b'a', 0x0E, 0x1D, b'a', 0];
/// `GS r 1`.
const PAPER: &[u8] = &[0x1D, b'r', 1];
/// Whatever a printer has made of a command that it does not know is not printed.
const FORGET: &[u8] = &[0x18, 0x1B, b'@'];

impl Desk {
    /// What the printer says of itself.
    pub(in crate::printer) async fn probe(&mut self) -> Result<Findings, PrinterFault> {
        let state = self.snapshot().await?.state();
        let full_status = self.ticket_in_output().await.is_ok();
        let maker = self.name(MAKER).await?;
        let model = self.name(MODEL).await?;
        let process_id = self.answers(PROCESS_ID, |reply| matches!(reply, Reply::Process(_))).await?;
        let auto_status = self.answers(AUTO, |reply| matches!(reply, Reply::Auto(_))).await?;
        let paper_mark = self.answers(PAPER, |reply| matches!(reply, Reply::Paper(_))).await?;
        let clear_buffer = self.answers(CLEAR_BUFFER, |reply| matches!(reply, Reply::Cleared)).await?;
        self.send(FORGET).await?;
        Ok(Findings { state, maker, model, process_id, auto_status, paper_mark, clear_buffer, full_status })
    }

    /// Everything that comes back until the printer has been silent for a status's time.
    async fn hear_out(&mut self, question: &[u8]) -> Result<Vec<u8>, PrinterFault> {
        self.connect().await?;
        self.take_waiting();
        self.send(question).await?;
        let mut heard = Vec::new();
        while let Some(bytes) = self.receive(Instant::now() + self.config.status()).await? {
            heard.extend(bytes);
            if heard.len() > 256 {
                break;
            }
        }
        self.parser.reset();
        Ok(heard)
    }

    async fn answers(&mut self, question: &[u8], wanted: impl Fn(&Reply) -> bool) -> Result<bool, PrinterFault> {
        let heard = self.hear_out(question).await?;
        let mut parser = ReplyParser::default();
        Ok(heard.iter().flat_map(|byte| parser.feed(*byte)).any(|reply| wanted(&reply)))
    }

    async fn name(&mut self, question: &[u8]) -> Result<Option<String>, PrinterFault> {
        let heard = self.hear_out(question).await?;
        let Some((0x5F, rest)) = heard.split_first() else { return Ok(None) };
        let text: String = rest.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }
}
