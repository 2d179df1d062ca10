//! A simulated unattended card terminal that speaks ZVT on a real line.
//!
//! Written from `payment-terminal.md` (the protocol's papers PA00P016 and PA00P015) and from public captures, with
//! framing, link, field table and wording of its own: whatever it and the product agree on was understood twice.
//!
//! [`TerminalSim`] runs a terminal on a pseudo-terminal, on TCP or on a pipe in memory; [`TerminalPanel`] is what a
//! test or a demo key turns; [`Ledger`] is what the bank knows. Power cuts spare the ledger, as they spare the bank.

mod cardholder;
mod care;
mod day;
mod device;
mod dialect;
mod fault;
mod field;
mod frame;
mod hold;
mod ledger;
mod line;
mod link;
mod memory;
mod message;
mod panel;
mod payment;
mod power;
mod reservation;
mod reversal;
mod run;
mod strictness;
pub mod torture;
mod wording;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use cardholder::{Bank, Cardholder, Pin};
pub use dialect::{BusyStatus, Charset, Dialect, ForeignCurrency};
pub use fault::{Fault, FaultRule, Moment, RandomFaults};
pub use ledger::{Book, Kind, Ledger, LedgerDay, LedgerPayment, PaymentState, Reversal};
pub use line::{Dialler, Pacing, Wire};
pub use panel::{Quirk, Stranded, TerminalOptions, TerminalPanel};
pub use run::{Place, run};
pub use strictness::{Strictness, Violation};

use device::Device;
use frame::Framing;
use line::{Line, Port};
use link::Link;
use panel::House;

/// A running simulated terminal; dropped, it is gone from the line.
#[derive(Debug)]
pub struct TerminalSim {
    panel: TerminalPanel,
    task: JoinHandle<()>,
}

impl TerminalSim {
    /// On a pseudo-terminal. The path is what the kiosk opens: `link` where given, else the slave's own.
    ///
    /// # Errors
    /// No pseudo-terminal can be had, or the link cannot be made.
    pub fn on_pty(options: TerminalOptions, link: Option<&Path>) -> io::Result<(TerminalSim, PathBuf)> {
        let first = match link {
            Some(link) => crate::sim::pty::Pty::open_as(link)?,
            None => crate::sim::pty::Pty::open()?,
        };
        let path = first.path().to_owned();
        let port = Port::Pty { link: link.map(Path::to_owned), first: Some(first) };
        Ok((TerminalSim::start(House::new(options), port, Framing::Serial), path))
    }

    /// On TCP, with bare messages (payment-terminal.md 1.7).
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn on_tcp(options: TerminalOptions, address: &str) -> io::Result<(TerminalSim, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((TerminalSim::start(House::new(options), Port::Tcp(listener), Framing::Bare), address))
    }

    /// On a serial line in memory, that can be opened again and again. With paused time no second is waited for.
    pub fn in_memory(options: TerminalOptions) -> (TerminalSim, Dialler) {
        let house = House::new(options);
        let (dialler, port) = Dialler::new(house.switch.clone());
        (TerminalSim::start(house, port, Framing::Serial), dialler)
    }

    /// On any wire.
    pub fn over(options: TerminalOptions, wire: Box<dyn Wire>) -> TerminalSim {
        TerminalSim::start(House::new(options), Port::Given(Some(wire)), Framing::Serial)
    }

    /// The control panel.
    pub fn panel(&self) -> TerminalPanel {
        self.panel.clone()
    }

    /// The books.
    pub fn ledger(&self) -> Ledger {
        self.panel.ledger()
    }

    fn start(house: std::sync::Arc<House>, port: Port, framing: Framing) -> TerminalSim {
        let panel = TerminalPanel { house: house.clone() };
        let task = tokio::spawn(live(house, port, framing));
        TerminalSim { panel, task }
    }
}

impl Drop for TerminalSim {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The terminal from delivery to the scrap heap, through all its power cuts.
async fn live(house: std::sync::Arc<House>, port: Port, framing: Framing) {
    let pacing = house.option(|o| o.pacing);
    let line = Line::new(port, pacing, house.switch.clone(), house.strictness.clone());
    let (faults, power) = (house.faults.clone(), house.power.clone());
    let mut link = Link::new(line, framing, house.switch.clone(), faults, power.clone(), house.strictness.clone());
    loop {
        let off = {
            let mut device = Device::new(&mut link, &house);
            tokio::select! {
                biased;
                off = power.lost() => off,
                () = device.work() => return,
            }
        };
        link.line.hang_up();
        link.line.sleep_deaf(off).await;
        link.restart();
    }
}
