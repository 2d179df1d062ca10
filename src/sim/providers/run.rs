//! `esim-kiosk-sim provider`: the providers by hand, beside a kiosk.

use std::io::{self, Write};

use super::{Options, Simulation};

/// Runs the providers until Ctrl-C, after writing the configuration that a kiosk needs to `out`.
///
/// # Errors
/// What [`Simulation::start`] says, or `out` closed.
pub async fn run(options: Options, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let simulation = Simulation::start(options)?;
    let panel = simulation.panel();
    for provider in panel.providers() {
        let plans = panel.plan_count(provider);
        writeln!(out, "# {} at {}, {plans} plans", provider.name(), panel.base_url(provider))?;
    }
    write!(out, "{}", simulation.configuration())?;
    if let Some(path) = &simulation.options().ledger_file {
        writeln!(out, "# ledger: {}", path.display())?;
    }
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    for provider in panel.providers() {
        let ledger = panel.ledger(provider);
        let (name, orders, currency) = (provider.name(), ledger.orders.len(), &ledger.currency);
        writeln!(out, "# {name}: {orders} orders, wallet {} {currency} of {}", ledger.balance, ledger.opening)?;
    }
    Ok(())
}
