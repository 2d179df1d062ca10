//! The simulated providers, asked over real sockets with requests written by hand from the documents.

mod esimfly;
mod mobilexy;
mod reseller;
mod roamify;
mod wire;

use std::sync::Once;
use std::time::Duration;

use serde_json::Value;

use super::{Options, Provider, ProvidersPanel, Simulation};

/// A client that trusts only this run's authority and does nothing by itself.
pub(super) fn client(panel: &ProvidersPanel) -> reqwest::Client {
    static RING: Once = Once::new();
    RING.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let root = reqwest::Certificate::from_pem(panel.ca_pem().as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([root])
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .timeout(Duration::from_secs(60))
        .no_proxy()
        .build()
        .unwrap()
}

pub(super) fn start(provider: Provider) -> (Simulation, ProvidersPanel, reqwest::Client) {
    let simulation = Simulation::start(Options::only(provider)).unwrap();
    let panel = simulation.panel();
    let client = client(&panel);
    (simulation, panel, client)
}

pub(super) async fn json(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}")))
}
