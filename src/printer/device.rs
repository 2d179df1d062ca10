//! The receipt printer: [`ReceiptPrinter`] over ESC/POS. Status before, bytes, proof after, and after any fault a
//! printer swept clean before the next traveller.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::config::{PrinterConfig, PrinterConfigError};
use super::desk::Desk;
use super::escpos::{Piece, compose};
use super::probe::Findings;
use super::profile::Profile;
use super::raster::Bitmap;
use super::transport::{Wire, wire};
use super::words::Words;
use super::{PaperLeft, PrintOutcome, PrinterFault, PrinterState, ReceiptPrinter, layout, logo};
use crate::sale::receipt::Receipt;

/// Take the ticket back into the machine (Custom command reference, `GS e 2`).
pub(super) const RETRACT: &[u8] = &[0x1D, b'e', 2];
/// Hold the ticket out, 80 steps of 0.625 mm (`GS e 3`).
const PRESENT: &[u8] = &[0x1D, b'e', 3, 80];

/// An ESC/POS printer.
pub struct EscPosPrinter {
    desk: tokio::sync::Mutex<Desk>,
    /// The latest state, for those who ask while a receipt is printing.
    last: Mutex<PrinterState>,
    profile: &'static Profile,
    logo: Option<Arc<Bitmap>>,
    /// The longest time that asking may take.
    patience: Duration,
    /// How long a receipt is held out after its traveller's session.
    held_out: Duration,
    /// What lies in the presenter belongs to somebody who has gone.
    left_behind: AtomicBool,
}

/// Opens the printer of a configuration. The line is connected when it is first used, and again whenever it is lost.
///
/// # Errors
/// An unknown model, or a logo that cannot be used. A printer that is not there is no error: it is a state.
pub fn open(config: PrinterConfig) -> Result<EscPosPrinter, PrinterConfigError> {
    let wire = wire(&config);
    open_on(config, wire)
}

/// Opens the printer over a wire of one's own.
///
/// # Errors
/// As [`open`].
pub fn open_on(config: PrinterConfig, wire: Box<dyn Wire>) -> Result<EscPosPrinter, PrinterConfigError> {
    let profile = config.profile()?;
    let logo = config.logo.as_deref().map(|path| logo::read(path, profile)).transpose()?.map(Arc::new);
    let one = config.status() * u32::from(config.status_tries.max(1));
    let patience = config.connect() + one * 4;
    let held_out = config.retract_after();
    Ok(EscPosPrinter {
        desk: tokio::sync::Mutex::new(Desk::new(config, profile, wire)),
        last: Mutex::new(PrinterState::Faulty(PrinterFault::Absent)),
        profile,
        logo,
        patience,
        held_out,
        left_behind: AtomicBool::new(false),
    })
}

impl EscPosPrinter {
    /// What a receipt is in this model's bytes, without sending it: for tests and measurements.
    pub fn bytes(&self, receipt: &Receipt) -> Vec<u8> {
        self.pieces(receipt).iter().flat_map(|piece| piece.bytes.clone()).collect()
    }

    fn pieces(&self, receipt: &Receipt) -> Vec<Piece> {
        let words = Words::of(&receipt.language);
        let blocks = layout::set(receipt, &words);
        let mut pieces = compose(&blocks, self.profile, words.right_to_left(), self.logo.as_deref());
        if self.profile.presenter {
            pieces.push(Piece { bytes: PRESENT.to_vec(), rows: 400 });
        }
        pieces
    }

    fn keep(&self, state: PrinterState) -> PrinterState {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != state {
            match state {
                PrinterState::Ready { paper_low: true } => {
                    tracing::warn!("the printer's roll is nearly at its end: put a new one in");
                }
                _ => tracing::info!(?state, "the printer's state"),
            }
        }
        *last = state.clone();
        state
    }

    /// Takes back what lies in the presenter.
    async fn retract(desk: &mut Desk) -> PaperLeft {
        if desk.order(RETRACT).await.is_err() {
            return PaperLeft::Remains;
        }
        tokio::time::sleep(RETRACT_TIME).await;
        match desk.ticket_in_output().await {
            Ok(false) => PaperLeft::Retracted,
            _ => PaperLeft::Remains,
        }
    }

    fn kept(&self) -> PrinterState {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The state, after sweeping what an earlier fault has left.
    async fn ready(desk: &mut Desk) -> PrinterState {
        let state = match desk.snapshot().await {
            Ok(snapshot) => snapshot.state(),
            Err(fault) => PrinterState::Faulty(fault),
        };
        if desk.stale.is_none() || !matches!(state, PrinterState::Ready { .. }) {
            return state;
        }
        match desk.sweep().await {
            Ok(()) => state,
            Err(fault) => {
                tracing::warn!(?fault, "the printer could not be swept clean");
                PrinterState::Faulty(fault)
            }
        }
    }
}

#[async_trait]
impl ReceiptPrinter for EscPosPrinter {
    async fn status(&self) -> PrinterState {
        let Ok(mut desk) = self.desk.try_lock() else { return self.kept() };
        // The sweep after a fault may print a little: it is not cut short, but nobody waits for it.
        if desk.stale.is_some() {
            return self.keep(Self::ready(&mut desk).await);
        }
        match timeout(self.patience, Self::ready(&mut desk)).await {
            Ok(state) => self.keep(state),
            Err(_) => self.keep(PrinterState::Faulty(PrinterFault::Stuck)),
        }
    }

    async fn print(&self, receipt: &Receipt) -> PrintOutcome {
        self.print_and_tell(receipt, oneshot::channel().0).await
    }

    async fn print_and_tell(&self, receipt: &Receipt, sent: oneshot::Sender<()>) -> PrintOutcome {
        let pieces = self.pieces(receipt);
        let mut desk = self.desk.lock().await;
        let state = self.keep(Self::ready(&mut desk).await);
        if let PrinterState::Faulty(fault) = state {
            return PrintOutcome::NotPrinted { fault };
        }
        // A receipt that somebody left behind is not pushed into the next traveller's hand.
        if self.left_behind.swap(false, Ordering::AcqRel) && desk.ticket_in_output().await == Ok(true) {
            let left = Self::retract(&mut desk).await;
            tracing::info!(?left, "an earlier traveller's receipt lay in the presenter");
        }
        // Whoever drops this future leaves a printer that must be swept.
        let longest = pieces.iter().map(|piece| piece.bytes.len()).max().unwrap_or(0);
        desk.stale = Some(longest);
        if sent.send(()).is_err() {
            tracing::trace!("nobody asked to be told");
        }
        let mut begun = false;
        match desk.print(&pieces, &mut begun).await {
            Ok(()) => {
                desk.stale = None;
                PrintOutcome::Confirmed
            }
            Err(fault) => {
                let fault = match desk.clear().await {
                    // It stood still. Now that nothing waits in it any more it may be asked why.
                    Ok(()) if fault == PrinterFault::Stuck => {
                        desk.snapshot().await.ok().and_then(|now| now.state().fault()).unwrap_or(fault)
                    }
                    Ok(()) => fault,
                    Err(also) => {
                        tracing::warn!(?fault, ?also, "the printer's buffer could not be cleared yet");
                        fault
                    }
                };
                self.keep(PrinterState::Faulty(fault));
                if begun { PrintOutcome::Unknown { fault } } else { PrintOutcome::NotPrinted { fault } }
            }
        }
    }

    async fn probe(&self) -> Result<Findings, PrinterFault> {
        self.desk.lock().await.probe().await
    }

    async fn session_ended(&self) -> PaperLeft {
        if !self.profile.presenter {
            return PaperLeft::Nothing;
        }
        self.left_behind.store(true, Ordering::Release);
        let until = Instant::now() + self.held_out;
        loop {
            // Not held while waiting: the next traveller's receipt goes first, and takes this one back itself.
            let mut desk = self.desk.lock().await;
            if !self.left_behind.load(Ordering::Acquire) {
                return PaperLeft::Nothing;
            }
            match desk.ticket_in_output().await {
                Ok(true) if Instant::now() < until => {}
                Ok(true) => {
                    self.left_behind.store(false, Ordering::Release);
                    return Self::retract(&mut desk).await;
                }
                Ok(false) => {
                    self.left_behind.store(false, Ordering::Release);
                    return PaperLeft::Nothing;
                }
                Err(_) => return PaperLeft::Remains,
            }
            drop(desk);
            tokio::time::sleep(RETRACT_LOOK).await;
        }
    }
}

/// Between two looks whether a receipt has been taken out of the presenter.
const RETRACT_LOOK: Duration = Duration::from_secs(1);
/// A presenter takes a receipt back within this time.
const RETRACT_TIME: Duration = Duration::from_millis(1500);
