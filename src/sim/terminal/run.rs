//! `esim-kiosk-sim terminal`: the terminal by hand, beside a kiosk.

use std::io::{self, Write};
use std::path::PathBuf;

use super::{TerminalOptions, TerminalSim};

/// Where the terminal of [`run`] listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A pseudo-terminal with a link to it.
    Serial(PathBuf),
    /// A TCP address such as `127.0.0.1:20007`.
    Tcp(String),
}

/// Runs a terminal until Ctrl-C, after writing the configuration that a kiosk needs to `out`.
///
/// # Errors
/// The place cannot be had, or `out` is closed.
pub async fn run(options: TerminalOptions, place: Place, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let name = options.dialect.name;
    let password = options.password;
    let ledger_file = options.ledger_file.clone();
    let (sim, address) = match place {
        Place::Serial(link) => {
            let (sim, path) = TerminalSim::on_pty(options, Some(&link))?;
            (sim, format!("serial:{}", path.display()))
        }
        Place::Tcp(address) => {
            let (sim, address) = TerminalSim::on_tcp(options, &address).await?;
            (sim, format!("tcp:{address}"))
        }
    };
    writeln!(out, "# a simulated card terminal, dialect {name}")?;
    writeln!(out, "[terminal]\naddress = \"{address}\"\ndialect = \"{name}\"\npassword = \"{password:06}\"")?;
    if let Some(path) = ledger_file {
        writeln!(out, "# ledger: {}", path.display())?;
    }
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    let book = sim.ledger().book();
    writeln!(out, "# payments: {}, paid in minor units: {}", book.payments.len(), book.paid_minor())?;
    for (violation, count) in sim.panel().strictness().counts() {
        writeln!(out, "# {violation:?}: {count}")?;
    }
    Ok(())
}
