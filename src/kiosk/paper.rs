//! Receipts: from a sale's facts to paper, and what the printer said about it.

use std::pin::Pin;

use serde::Serialize;
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use crate::printer::{PaperLeft, PrintOutcome, PrinterFault, PrinterState};
use crate::sale::activation::ActivationCode;
use crate::sale::claim::ClaimCode;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::receipt::{Receipt, ReceiptKind, ReceiptLine};
use crate::sale::record::PaperState;
use crate::sale::{Money, Sale};

use super::Kiosk;
use super::inbox::Inbox;
use super::operator::{OperatorAnswer, PrinterTask};
use super::session::Stage;
use super::view::Printing;

impl Kiosk {
    /// Prints the receipt of a sale that this session may see.
    pub(super) fn print(&mut self, id: SaleId, activation: bool) {
        let Some(sale) = self.sales.get(&id) else { return };
        let copy = sale.next_copy();
        let codes = self.revealed.as_ref().filter(|_| activation).map(|shown| shown.all_of(id));
        let Some(receipt) = self.receipt(sale, codes.unwrap_or_default(), copy) else {
            self.session.printing = Printing::Failed(PrinterFault::Absent);
            return;
        };
        self.tell(id, &Event::Paper(PaperState::Requested));
        let printer = self.printer.clone();
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let (sent, told) = oneshot::channel();
            let telling = async {
                if told.await.is_ok() && inbox.send(Inbox::PaperSent { sale: id }).await.is_err() {
                    warn!(sale = %id, "the kiosk ended before it was told that a receipt was sent");
                }
            };
            let (outcome, ()) = tokio::join!(printer.print_and_tell(&receipt, sent), telling);
            if inbox.send(Inbox::Printed { sale: id, outcome }).await.is_err() {
                warn!(sale = %id, "the kiosk ended before the printer's word was taken");
            }
        });
    }

    fn receipt(&self, sale: &Sale, activations: Vec<ActivationCode>, copy: u8) -> Option<Receipt> {
        let (_, claim) = self.claim.as_ref().filter(|(owner, _)| *owner == sale.id)?;
        Some(self.receipt_of(sale, claim, activations, copy, &self.session.language))
    }

    /// The receipt of a sale as data.
    pub(super) fn receipt_of(
        &self,
        sale: &Sale,
        claim: &ClaimCode,
        activations: Vec<ActivationCode>,
        copy: u8,
        language: &str,
    ) -> Receipt {
        let language = language.to_owned();
        let local = self.clock.local(&sale.chosen_at);
        let kind = match sale.payment.money {
            Money::Paid if sale.goods.iter().all(|good| good.exposed) => ReceiptKind::Sale,
            Money::Paid => ReceiptKind::Waiting,
            Money::None | Money::Back => ReceiptKind::MoneyBack,
            _ => ReceiptKind::Doubtful,
        };
        let lines = (0..sale.goods.len())
            .map(|good| ReceiptLine {
                title: sale.offer(good).title.clone(),
                iccid: sale.goods[good].iccid.clone(),
                price: sale.offer(good).retail,
            })
            .collect();
        Receipt {
            operator: self.settings.operator.clone(),
            number: sale.quote.number.clone(),
            claim_code: claim.grouped(),
            local_time: format!("{} {}", crate::locale::date(local.date(), &language), local.strftime("%H:%M %Z")),
            lines,
            total: sale.quote.amount,
            tax_rate: sale.quote.tax_rate,
            tax: sale.quote.tax_rate.map(|rate| sale.quote.amount.tax_within(rate)),
            terminal_lines: sale.terminal_lines.clone(),
            wifi_hint: (!activations.is_empty())
                .then(|| self.settings.wifi(&language).map(|wifi| format!("{}: {}", wifi.ssid, wifi.hint)))
                .flatten(),
            activations,
            copy,
            kind,
            language,
        }
    }

    /// The traveller is gone: paper still in the presenter is taken back where the printer can (sale.md 12).
    pub(super) fn take_paper_back(&self) {
        let printer = self.printer.clone();
        tokio::spawn(async move {
            match printer.session_ended().await {
                PaperLeft::Nothing => {}
                PaperLeft::Retracted => info!("a receipt that was left behind was taken back"),
                PaperLeft::Remains => warn!("a receipt may still stick out of the printer: somebody should look"),
            }
        });
    }

    /// What an operator asks of the printer. Carried out beside the loop, and answered when the printer has answered;
    /// nothing is printed or probed while a traveller is in front or money moves.
    pub(super) fn order_printer(&self, task: &PrinterTask, answer: oneshot::Sender<OperatorAnswer>) {
        info!(?task, "operator's order for the printer");
        let printer = self.printer.clone();
        let work: Pin<Box<dyn Future<Output = OperatorAnswer> + Send>> = match task {
            PrinterTask::Status => Box::pin(async move { state_told(&printer.status().await) }),
            _ if self.status().busy => {
                let why = "a traveller is in front or a payment is open: order it again when the first screen stands";
                Box::pin(std::future::ready(OperatorAnswer::refused(why)))
            }
            PrinterTask::Probe => Box::pin(async move {
                match printer.probe().await {
                    Ok(findings) => with_value("the printer has answered", &findings),
                    Err(fault) => OperatorAnswer::refused(format!("the printer cannot be asked: {fault:?}")),
                }
            }),
            PrinterTask::Test(language) => {
                let receipt = self.test_receipt(language);
                Box::pin(async move { outcome_told(&printer.print(&receipt).await) })
            }
        };
        tokio::spawn(async move {
            let said = work.await;
            info!(ok = said.ok, said.text, "operator's order for the printer answered");
            if answer.send(said).is_err() {
                debug!("nobody waits for the printer's answer");
            }
        });
    }

    /// What the printer said about a receipt.
    pub(super) fn printed(&mut self, id: SaleId, outcome: &PrintOutcome) {
        let (state, shown) = match outcome {
            PrintOutcome::Confirmed => (PaperState::Confirmed, Printing::Done),
            PrintOutcome::NotPrinted { fault } => (PaperState::Failed, Printing::Failed(*fault)),
            PrintOutcome::Unknown { .. } => (PaperState::Unknown, Printing::Unsure),
        };
        info!(sale = %id, ?outcome, "receipt");
        self.tell(id, &Event::Paper(state));
        let ours = matches!(self.session.stage,
            Stage::Sale(seen) | Stage::Receipt(seen) | Stage::Truth(seen) if seen == id);
        if ours {
            self.session.printing = shown;
            self.session.touched_at = self.clock.now();
        }
    }
}

/// The state as an answer: a printer that cannot print is told, and is no refusal of the order.
fn state_told(state: &PrinterState) -> OperatorAnswer {
    let text = match state {
        PrinterState::Ready { paper_low: false } => "ready".to_owned(),
        PrinterState::Ready { paper_low: true } => "ready, the roll is nearly at its end".to_owned(),
        PrinterState::Faulty(fault) => format!("cannot print: {fault:?}"),
    };
    with_value(&text, state)
}

/// What came of a test receipt.
pub(super) fn outcome_told(outcome: &PrintOutcome) -> OperatorAnswer {
    let text = match outcome {
        PrintOutcome::Confirmed => "printed: the printer says so".to_owned(),
        PrintOutcome::NotPrinted { fault } => format!("surely not printed: {fault:?}"),
        PrintOutcome::Unknown { fault } => format!("sent, and the printer does not say: {fault:?}"),
    };
    OperatorAnswer { ok: *outcome == PrintOutcome::Confirmed, ..with_value(&text, outcome) }
}

fn with_value(text: &str, value: &impl Serialize) -> OperatorAnswer {
    let value = serde_json::to_value(value).unwrap_or_default();
    OperatorAnswer { value, ..OperatorAnswer::done(text) }
}
