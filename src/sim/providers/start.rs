//! Starting and ending a simulation.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::catalogue::Catalogue;
use super::codes::CodePress;
use super::desk::Desk;
use super::fault::FaultPlan;
use super::house::{Counter, House, Shared, Shop};
use super::ledger::Ledger;
use super::server::{self, Door};
use super::tls::Authority;
use super::{Options, Provider, ProvidersPanel, esimfly, mobilexy, options, reseller, roamify};
use crate::sim::host::Host;

/// Running providers. They end when this is dropped.
pub struct Simulation {
    panel: ProvidersPanel,
    options: Options,
    _host: Host,
}

impl Simulation {
    /// Starts the providers in a thread of their own. Ports are listening when this returns.
    ///
    /// # Errors
    /// A port that is taken, a file that cannot be written, no thread.
    pub fn start(options: Options) -> io::Result<Simulation> {
        let authority = Authority::make()?;
        let doors = doors(&options)?;
        let shared = Arc::new(Shared::new(house(&options, &doors)));
        let runtime = Host::runtime()?;
        open(&runtime, &doors, &authority, &shared)?;
        let panel = ProvidersPanel { shared, doors, ca_pem: authority.pem.into() };
        if let Some(folder) = &options.secrets {
            options::write_secrets(folder, &options.credentials)?;
        }
        if let Some(path) = &options.ca_file {
            panel.write_ca(path)?;
        }
        {
            let mut house = panel.shared.lock();
            house.mirror();
            if let Some(error) = house.file_error.take() {
                return Err(io::Error::other(error));
            }
        }
        let host = Host::start("sim-providers", runtime, std::future::pending)?;
        Ok(Simulation { panel, options, _host: host })
    }

    /// The control panel.
    pub fn panel(&self) -> ProvidersPanel {
        self.panel.clone()
    }

    /// What it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The part of the kiosk's configuration that connects it to these providers (TOML).
    pub fn configuration(&self) -> String {
        options::snippet(&self.options, &self.panel)
    }
}

fn doors(options: &Options) -> io::Result<Vec<Arc<Door>>> {
    let named = |port: u16, error: io::Error| {
        io::Error::new(error.kind(), format!("port {port} on 127.0.0.1 cannot be used: {error}; choose another or 0"))
    };
    let reserve = |port: u16, providers: Vec<Provider>| {
        Door::reserve(port, providers).map(Arc::new).map_err(|error| named(port, error))
    };
    if options.one_port {
        let port = options.providers.first().map_or(0, |(_, port)| *port);
        return Ok(vec![reserve(port, options.providers.iter().map(|(provider, _)| *provider).collect())?]);
    }
    options.providers.iter().map(|(provider, port)| reserve(*port, vec![*provider])).collect()
}

fn open(runtime: &Runtime, doors: &[Arc<Door>], authority: &Authority, shared: &Arc<Shared>) -> io::Result<()> {
    let _inside = runtime.enter();
    for door in doors {
        let listener = door.listen()?;
        shared.lock().open_doors.insert(door.port, true);
        runtime.spawn(server::keep(door.clone(), listener, authority.acceptor.clone(), shared.clone()));
    }
    Ok(())
}

fn house(options: &Options, doors: &[Arc<Door>]) -> House {
    let run = options.run.unwrap_or_else(|| getrandom::u64().unwrap_or(0));
    let mut counters = BTreeMap::new();
    let mut base_urls = BTreeMap::new();
    for door in doors {
        for provider in &door.providers {
            let place = if options.one_port { format!("/{}", provider.name()) } else { String::new() };
            let url = format!("https://127.0.0.1:{}{place}{}", door.port, provider.base_path());
            let mut counter = counter(options, *provider, run);
            counter.desk.base_url.clone_from(&url);
            counters.insert(*provider, counter);
            base_urls.insert(*provider, url);
        }
    }
    let ledger_file = options.ledger_file.clone();
    House { counters, base_urls, open_doors: BTreeMap::new(), ledger_file, file_error: None }
}

fn counter(options: &Options, provider: Provider, run: u64) -> Counter {
    let keys = &options.credentials;
    let shop: Box<dyn Shop> = match provider {
        Provider::Mobilexy => Box::new(mobilexy::Mobilexy::new(keys)),
        Provider::Roamify => Box::new(roamify::Roamify::new(keys)),
        Provider::Esimfly => Box::new(esimfly::Esimfly::new(keys)),
        Provider::Reseller => Box::new(reseller::Reseller::new(keys)),
    };
    let catalogue = Catalogue::make(provider, options.seed, options.plans);
    let codes = CodePress::new(provider, options.seed, run);
    let ledger = Ledger::open(provider, "USD", options.balance);
    Counter { desk: Desk::open(catalogue, codes, ledger), shop, faults: FaultPlan::default(), down: false }
}
