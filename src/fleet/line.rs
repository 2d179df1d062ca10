//! The line to the broker: MQTT 5, TLS with our own certificate, one connection at a time, again and again.
//!
//! Certificates are read at every connection: replacing the files is enough. Each connection starts clean: commands
//! and states are retained at the broker, and everything that we know is said again, so that nothing hangs on what a
//! broker remembers of us.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{LastWill, Packet};
use rumqttc::{AsyncClient, Event, MqttOptions, SessionMode, TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::section::Section;

/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Most bytes of a message that we take.
const INCOMING: u32 = 512 * 1024;
/// Most messages that are under way at once in each direction, not yet acknowledged.
const UNDER_WAY: u16 = 32;
/// Room for what is being sent.
const OUTGOING: usize = 256;

/// What happens on the line.
pub enum Heard {
    /// Connected: say everything again, through this.
    Up(AsyncClient),
    /// The connection is gone.
    Down,
    /// A message.
    Message {
        /// Its topic.
        topic: String,
        /// Its payload; empty where a retained message was cleared.
        payload: Bytes,
    },
}

/// Why no connection can be tried.
#[derive(Debug, thiserror::Error)]
pub enum NoLine {
    /// A file cannot be read.
    #[error("{path} cannot be read: it must be a PEM file that the service may read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// TLS does not take what the files hold.
    #[error("TLS cannot be set up with these certificates")]
    Tls(#[source] rustls::Error),
    /// The address is none.
    #[error("fleet.broker is no address")]
    Address,
}

/// Who connects.
#[derive(Debug, Clone)]
pub struct Line {
    /// The section.
    pub section: Section,
    /// MQTT client id: the kiosk's name.
    pub client: String,
    /// Where the broker tells that we are gone, and how.
    pub will: (String, String),
}

impl Line {
    /// Connects for ever; ends when nobody listens any more.
    pub async fn run(self, heard: mpsc::Sender<Heard>) {
        let mut failures = 0_u32;
        while !heard.is_closed() {
            let was_up = match self.options() {
                Ok(options) => self.connection(options, &heard).await,
                Err(error) => {
                    warn!(error = %chain(&error), "the broker cannot be spoken to");
                    false
                }
            };
            failures = if was_up { 1 } else { failures.saturating_add(1) };
            tokio::select! {
                () = tokio::time::sleep(pause(failures)) => {}
                () = heard.closed() => return,
            }
        }
    }

    /// One connection to its end. Whether it was up at all.
    async fn connection(&self, options: MqttOptions, heard: &mpsc::Sender<Heard>) -> bool {
        let (client, mut events) = AsyncClient::builder(options).capacity(OUTGOING).build();
        let mut up = false;
        loop {
            let event = tokio::select! {
                event = events.poll() => event,
                () = heard.closed() => {
                    // The broker tells the others by the last will: a kiosk that stops is gone for them too.
                    return up;
                }
            };
            let news = match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    info!(broker = self.section.broker, "connected to the broker");
                    up = true;
                    Heard::Up(client.clone())
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let Ok(topic) = String::from_utf8(message.topic.to_vec()) else { continue };
                    Heard::Message { topic, payload: message.payload }
                }
                Ok(_) => continue,
                Err(error) => {
                    if up {
                        warn!(error = %chain(&error), "the line to the broker is lost");
                        heard.send(Heard::Down).await.ok();
                    } else {
                        debug!(error = %chain(&error), "the broker does not answer");
                    }
                    return up;
                }
            };
            if heard.send(news).await.is_err() {
                return up;
            }
        }
    }

    fn options(&self) -> Result<MqttOptions, NoLine> {
        let broker = self.section.broker().ok_or(NoLine::Address)?;
        let mut options = MqttOptions::new(self.client.as_str(), (broker.host.as_str(), broker.port));
        options.set_keep_alive(self.section.keep_alive_s);
        options.set_session_mode(SessionMode::Clean);
        options.set_max_packet_size(Some(INCOMING));
        // The client lays a place out for every message that may be under way: with the protocol's 65 535 of them that
        // is 13 MB, for a kiosk that says a handful of things at a time.
        options.set_outgoing_inflight_upper_limit(UNDER_WAY);
        options.set_receive_maximum(Some(UNDER_WAY));
        options.set_last_will(LastWill::new(self.will.0.as_str(), self.will.1.as_str(), QoS::AtLeastOnce, true, None));
        if broker.secure {
            let tls = Arc::new(tls(&self.section)?);
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
        }
        Ok(options)
    }
}

/// Whether certificates and key of this section can be used; nobody is spoken to.
///
/// # Errors
/// [`NoLine`] names the file.
pub fn check(section: &Section) -> Result<(), NoLine> {
    if section.broker().is_some_and(|broker| broker.secure) {
        tls(section)?;
    }
    Ok(())
}

fn tls(section: &Section) -> Result<rustls::ClientConfig, NoLine> {
    let mut roots = rustls::RootCertStore::empty();
    for root in certificates(&section.ca)? {
        roots.add(root).map_err(NoLine::Tls)?;
    }
    let path = section.key_file();
    let key = PrivateKeyDer::from_pem_file(&path).map_err(|error| NoLine::File { path, source: error.into() })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_root_certificates(roots).with_client_auth_cert(certificates_or_none(&section.certificate), key)
        })
        .map_err(NoLine::Tls)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NoLine> {
    let wrong = |source: Box<dyn std::error::Error + Send + Sync>| NoLine::File { path: path.to_owned(), source };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.into()))?.collect();
    let found = found.map_err(|error| wrong(error.into()))?;
    if found.is_empty() { Err(wrong("there is no CERTIFICATE block in it".into())) } else { Ok(found) }
}

/// An empty chain is refused by TLS itself, with its own words.
fn certificates_or_none(path: &Path) -> Vec<CertificateDer<'static>> {
    certificates(path).unwrap_or_default()
}

/// 1, 2, 4 … 300 s, half of it by chance, so that a fleet does not come back in step.
fn pause(failures: u32) -> Duration {
    let whole = Duration::from_secs(1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX)).min(PAUSE_MAX);
    let mut random = [0_u8; 2];
    // Without random numbers the pause is simply not spread.
    getrandom::fill(&mut random).ok();
    whole / 2 + whole / 2 * u32::from(u16::from_be_bytes(random)) / u32::from(u16::MAX)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = source.source();
    }
    text
}
