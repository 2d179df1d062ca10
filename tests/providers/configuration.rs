//! The configuration that a simulation prints is one that the kiosk reads.

use esim_kiosk::esim::section::ProviderSection;
use esim_kiosk::sim::providers::{Options, Simulation};

#[tokio::test]
async fn the_printed_sections_connect_to_the_running_simulation() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { plans: 300, one_port: true, ..Options::default() }.in_folder(dir.path());
    let simulation = Simulation::start(options).unwrap();
    let text = simulation.configuration();
    let document: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    let sections = document["providers"].as_array().unwrap();
    assert_eq!(sections.len(), 4);
    for (section, provider) in sections.iter().zip(simulation.panel().providers()) {
        let section: ProviderSection = section.clone().try_into().unwrap_or_else(|error| panic!("{error}\n{text}"));
        let connected = section.connect("K07").unwrap();
        let balance = super::kit::done(connected.balance().await);
        let ledger = simulation.panel().ledger(provider);
        assert_eq!(balance.decimal(), ledger.balance.short(), "{provider:?}");
    }
}
