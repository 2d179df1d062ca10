//! A broker inside of the test: MQTT 5 over TLS with client certificates on loopback. It keeps what is retained over
//! its own restarts, as a broker with a disk does.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::packet::{self, Packet};
use super::pki::{Admits, Pki};
use crate::sim::host::{Changes, Host};

/// A client that is connected.
struct Session {
    filters: Vec<String>,
    to: mpsc::Sender<Vec<u8>>,
    next: u16,
}

#[derive(Default)]
struct Store {
    retained: BTreeMap<String, Vec<u8>>,
    sessions: BTreeMap<u64, Session>,
    published: Vec<(String, Vec<u8>)>,
    connections: u64,
    open: bool,
}

struct Shared {
    store: Mutex<Store>,
    changes: Changes,
    /// Changes when everybody is thrown out.
    cut: watch::Sender<u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, topic: &str, payload: &[u8], retain: bool) {
        {
            let mut store = self.lock();
            store.published.push((topic.to_owned(), payload.to_vec()));
            if retain && payload.is_empty() {
                store.retained.remove(topic);
            } else if retain {
                store.retained.insert(topic.to_owned(), payload.to_vec());
            }
            for session in store.sessions.values_mut() {
                if session.filters.iter().any(|filter| packet::fits(filter, topic)) {
                    session.send(topic, payload, false);
                }
            }
        }
        self.changes.tell();
    }
}

impl Session {
    fn send(&mut self, topic: &str, payload: &[u8], retain: bool) {
        self.next = self.next.checked_add(1).unwrap_or(1);
        // A client that does not read loses messages, as at any broker with a limit.
        self.to.try_send(packet::publish(topic, payload, retain, self.next)).ok();
    }
}

/// A running broker; it ends when this is dropped.
pub struct Broker {
    shared: Arc<Shared>,
    port: u16,
    _host: Host,
}

impl Broker {
    /// Listens on a free port of loopback; only clients with a certificate of this authority are let in.
    ///
    /// # Errors
    /// Where certificates or port cannot be made.
    pub fn start(pki: &Pki) -> io::Result<Broker> {
        let acceptor = pki.acceptor(Admits::Certified)?;
        let store = Mutex::new(Store { open: true, ..Store::default() });
        let shared = Arc::new(Shared { store, changes: Changes::new(), cut: watch::Sender::new(0) });
        let inner = shared.clone();
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (host, port) = Host::listen("sim-broker", here, move |listener| listen(listener, acceptor, inner))?;
        Ok(Broker { shared, port, _host: host })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("mqtts://localhost:{}", self.port)
    }

    /// Says something, as another client would.
    pub fn publish(&self, topic: &str, payload: &[u8], retain: bool) {
        self.shared.publish(topic, payload, retain);
    }

    /// What is retained under a topic.
    pub fn retained(&self, topic: &str) -> Option<String> {
        self.shared.lock().retained.get(topic).map(|payload| String::from_utf8_lossy(payload).into_owned())
    }

    /// Everything that was ever published.
    pub fn published(&self) -> Vec<(String, Vec<u8>)> {
        self.shared.lock().published.clone()
    }

    /// How often somebody connected.
    pub fn connections(&self) -> u64 {
        self.shared.lock().connections
    }

    /// Goes down: everybody is thrown out, nobody is let in.
    pub fn down(&self) {
        self.shared.lock().open = false;
        self.shared.cut.send_modify(|cut| *cut += 1);
    }

    /// Comes back with what was retained.
    pub fn up(&self) {
        self.shared.lock().open = true;
    }

    /// Waits until this is so.
    pub async fn until(&self, mut asked: impl FnMut(&Broker) -> bool) {
        self.shared.changes.until(|| asked(self)).await;
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if !shared.lock().open {
            continue;
        }
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            let mut cut = shared.cut.subscribe();
            let Ok(secure) = acceptor.accept(stream).await else { return };
            let number = {
                let mut store = shared.lock();
                store.connections += 1;
                store.connections
            };
            let mut will = None;
            tokio::select! {
                () = serve(secure, &shared, number, &mut will) => {}
                _ = cut.changed() => {}
            }
            shared.lock().sessions.remove(&number);
            if let Some((topic, payload, retain)) = will {
                shared.publish(&topic, &payload, retain);
            }
        });
    }
}

/// Topic, payload, retained.
type Will = Option<(String, Vec<u8>, bool)>;

async fn serve(
    mut line: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    shared: &Shared,
    number: u64,
    will: &mut Will,
) {
    let (to, mut from) = mpsc::channel::<Vec<u8>>(1_024);
    let mut buffer = Vec::new();
    let mut chunk = [0_u8; 8_192];
    loop {
        tokio::select! {
            read = line.read(&mut chunk) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => buffer.extend_from_slice(&chunk[..count]),
            },
            Some(packet) = from.recv() => {
                if line.write_all(&packet).await.is_err() || line.flush().await.is_err() {
                    return;
                }
                continue;
            }
        }
        loop {
            let packet = match packet::take(&mut buffer) {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(_) => return,
            };
            let Some(answer) = answer(packet, shared, number, &to, will) else { return };
            if !answer.is_empty() && (line.write_all(&answer).await.is_err() || line.flush().await.is_err()) {
                return;
            }
        }
    }
}

/// What is answered at once; none ends the connection.
fn answer(
    packet: Packet,
    shared: &Shared,
    number: u64,
    to: &mpsc::Sender<Vec<u8>>,
    will: &mut Will,
) -> Option<Vec<u8>> {
    Some(match packet {
        Packet::Connect { will: last, .. } => {
            *will = last;
            shared.lock().sessions.insert(number, Session { filters: Vec::new(), to: to.clone(), next: 0 });
            packet::connack()
        }
        Packet::Publish { topic, payload, retain, id } => {
            shared.publish(&topic, &payload, retain);
            id.map(packet::puback).unwrap_or_default()
        }
        Packet::Subscribe { id, filters } => {
            let count = filters.len();
            let mut store = shared.lock();
            let Store { retained, sessions, .. } = &mut *store;
            let session = sessions.get_mut(&number)?;
            for (topic, payload) in retained.iter() {
                if filters.iter().any(|filter| packet::fits(filter, topic)) {
                    session.send(topic, payload, true);
                }
            }
            session.filters.extend(filters);
            packet::suback(id, count)
        }
        Packet::Unsubscribe { id, count } => packet::unsuback(id, count),
        Packet::Ping => packet::pong(),
        Packet::Disconnect { with_will } => {
            if !with_will {
                *will = None;
            }
            return None;
        }
        Packet::Other => Vec::new(),
    })
}
