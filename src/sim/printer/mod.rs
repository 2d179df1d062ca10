//! The simulated receipt printer: ESC/POS from the makers' references, with its own tables, its own letters and its own
//! ledger of the paper that really came out. It never looks into the kiosk's encoder.
//!
//! [`SimPrinter`] is the machine; [`Panel`] is what a hand, a technician or a saboteur may do to it; `wires.rs` connects
//! it to a pseudo-terminal, a pair of FIFOs, TCP or memory.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

mod command;
mod faults;
mod font;
mod head;
mod machine;
mod models;
mod paper;
mod run;
mod tables;
pub mod torture;
mod wires;

pub use faults::{Fault, Planned};
pub use models::{MODELS, Model};
pub use paper::{Fate, Paper, Sheet};
pub use run::{Options, Place, run};

use machine::Machine;

/// A printer that is switched on. Dropping it switches it off and cuts its wires.
#[derive(Debug)]
pub struct SimPrinter {
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    /// The mechanism has something to do.
    work: Notify,
    /// The wire has something to send, to cut or to read again.
    wire: Notify,
    /// How many papers have left it, the presenter's moves included.
    moves: watch::Sender<u64>,
    folder: Option<PathBuf>,
}

impl Shared {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whatever changed, everybody looks.
    fn changed(&self) {
        self.work.notify_one();
        self.wire.notify_one();
    }
}

impl SimPrinter {
    /// Switches a printer on. Receipts are mirrored into `folder` as `receipt-N.png`, `.txt` and `.json`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn start(model: &'static Model, folder: Option<PathBuf>, seed: u64) -> io::Result<SimPrinter> {
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)?;
        }
        let shared = Arc::new(Shared {
            machine: Mutex::new(Machine::new(model, seed)),
            work: Notify::new(),
            wire: Notify::new(),
            moves: watch::channel(0).0,
            folder,
        });
        let engine = tokio::spawn(engine(Arc::clone(&shared))).abort_handle();
        Ok(SimPrinter { shared, tasks: vec![engine] })
    }

    /// The control panel.
    pub fn panel(&self) -> Panel {
        Panel { shared: Arc::clone(&self.shared) }
    }

    /// The bytes that follow belong to this traveller.
    pub fn set_traveller(&self, traveller: u32) {
        self.panel().set_traveller(traveller);
    }
}

impl Drop for SimPrinter {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// What can be done to a printer from outside.
#[derive(Debug, Clone)]
pub struct Panel {
    shared: Arc<Shared>,
}

impl Panel {
    fn act<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let result = act(&mut self.shared.machine());
        self.shared.changed();
        self.shared.moves.send_modify(|moves| *moves += 1);
        result
    }

    /// The bytes that follow belong to this traveller.
    pub fn set_traveller(&self, traveller: u32) {
        self.shared.machine().traveller = traveller;
    }

    /// Something goes wrong now.
    pub fn befall(&self, fault: Fault) {
        self.act(|machine| machine.befall(fault));
    }

    /// Something goes wrong at these bytes of the stream that begins now.
    pub fn plan(&self, plan: Vec<Planned>) {
        self.act(|machine| machine.plan(plan));
    }

    /// From now on the paper moves in no time: for measurements of the line alone.
    pub fn hurry(&self) {
        self.act(|machine| machine.hurry = true);
    }

    /// Whether a planned fault has happened.
    pub fn has_fired(&self) -> bool {
        self.shared.machine().fired
    }

    /// Bytes that came in since the plan began.
    pub fn received(&self) -> u64 {
        self.shared.machine().received()
    }

    /// Paper in, cover closed, cable plugged: everything is put right.
    pub fn repair(&self) {
        self.act(Machine::repair);
    }

    /// A hand takes the paper: out of the presenter, or off the tear bar.
    pub fn take(&self) {
        self.act(Machine::take);
    }

    /// A hand tears off what hangs out, done or not.
    pub fn tear(&self) {
        self.act(Machine::tear);
    }

    /// Every paper with ink on it that has left the printer, in order.
    pub fn sheets(&self) -> Vec<Sheet> {
        self.shared.machine().sheets.iter().filter(|sheet| sheet.number > 0).cloned().collect()
    }

    /// What hangs out of the printer uncut.
    pub fn hanging(&self) -> Paper {
        self.shared.machine().hanging().clone()
    }

    /// What the presenter holds.
    pub fn presented(&self) -> Option<Sheet> {
        self.shared.machine().presented().cloned()
    }

    /// Commands that no reference has, as they came.
    pub fn unknown_commands(&self) -> Vec<Vec<u8>> {
        self.shared.machine().unknown.clone()
    }

    /// Waits until at least so many papers with ink have left.
    pub async fn wait_for_sheets(&self, count: usize) -> Vec<Sheet> {
        let mut moves = self.shared.moves.subscribe();
        loop {
            let sheets = self.sheets();
            if sheets.len() >= count || moves.changed().await.is_err() {
                return sheets;
            }
        }
    }
}

/// The mechanism: does one command after another, as fast as its paper moves.
async fn engine(shared: Arc<Shared>) {
    let mut relief: Option<Instant> = None;
    let mut mirrored = 0;
    loop {
        let (cost, left) = {
            let mut machine = shared.machine();
            if relief.is_some_and(|moment| Instant::now() >= moment) {
                machine.relieve();
                relief = None;
            }
            let cost = machine.step();
            if let Some(after) = machine.relief.take() {
                relief = Some(Instant::now() + after);
            }
            machine.report();
            let fresh: Vec<Sheet> = machine.sheets.iter().skip(mirrored).cloned().collect();
            mirrored = machine.sheets.len();
            (cost, fresh)
        };
        if !left.is_empty() {
            mirror(&shared, left).await;
            shared.moves.send_modify(|moves| *moves += 1);
        }
        shared.wire.notify_one();
        match cost {
            Some(cost) if cost.is_zero() => {}
            Some(cost) => sleep(cost).await,
            None => match relief {
                Some(moment) => {
                    tokio::select! {
                        () = shared.work.notified() => {}
                        () = sleep_until(moment) => {}
                    }
                }
                None => shared.work.notified().await,
            },
        }
    }
}

async fn mirror(shared: &Shared, sheets: Vec<Sheet>) {
    let Some(folder) = shared.folder.clone() else { return };
    let written = tokio::task::spawn_blocking(move || {
        sheets.iter().filter(|sheet| sheet.number > 0).try_for_each(|sheet| sheet.mirror(&folder))
    });
    match written.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "a simulated receipt could not be written"),
        Err(error) => tracing::error!(%error, "a simulated receipt could not be written"),
    }
}

#[cfg(test)]
mod tests;
