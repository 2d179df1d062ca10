//! Somebody at the operator's, with a certificate of their own: sees messages and says some.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, PublishOptions};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::fleet::line::{Heard, Line};
use crate::fleet::section::Section;
use crate::sim::schema::judge_message;

#[derive(Default)]
struct Seen {
    latest: BTreeMap<String, Value>,
    client: Option<AsyncClient>,
    misfits: Vec<String>,
}

/// Hears every message; what it thinks of one is for [`Hears`].
pub(super) type Hears = Box<dyn FnMut(&str, &Value, &AsyncClient) + Send>;

/// A client that watches.
pub(super) struct Watcher {
    seen: Arc<Mutex<Seen>>,
    revision: watch::Receiver<u64>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Watcher {
    pub(super) fn start(section: Section, name: &str, filter: &'static str, mut hears: Hears) -> Watcher {
        let will = (format!("watchers/{name}"), "{}".to_owned());
        let (to, mut heard) = mpsc::channel(1_024);
        let line = tokio::spawn(Line { section, client: name.to_owned(), will }.run(to));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (changed, revision) = watch::channel(0_u64);
        let inner = seen.clone();
        let listening = tokio::spawn(async move {
            while let Some(heard) = heard.recv().await {
                let mut seen = inner.lock().unwrap_or_else(PoisonError::into_inner);
                match heard {
                    Heard::Up(client) => {
                        client.try_subscribe(filter, QoS::AtLeastOnce).ok();
                        seen.client = Some(client);
                    }
                    Heard::Down => seen.client = None,
                    Heard::Message { topic, payload } => {
                        seen.misfits.extend(judge_message(&topic, &payload).err());
                        let value = serde_json::from_slice(&payload).unwrap_or(Value::Null);
                        if let Some(client) = &seen.client {
                            hears(&topic, &value, client);
                        }
                        seen.latest.insert(topic, value);
                    }
                }
                drop(seen);
                changed.send_modify(|revision| *revision += 1);
            }
        });
        Watcher { seen, revision, tasks: [line, listening] }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last message of a topic.
    pub(super) fn latest(&self, topic: &str) -> Value {
        self.lock().latest.get(topic).cloned().unwrap_or(Value::Null)
    }

    /// Messages that are not as their schemas say, and how.
    pub(super) fn misfits(&self) -> Vec<String> {
        self.lock().misfits.clone()
    }

    /// Says something retained, as soon as there is a line.
    pub(super) async fn say(&self, topic: &str, payload: &str) {
        loop {
            let client = self.lock().client.clone();
            let options = PublishOptions::new(QoS::AtLeastOnce).retain(true);
            if client.is_some_and(|client| client.try_publish(topic, payload.to_owned(), options).is_ok()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the topic's last message is as asked; false when patience ends.
    pub(super) async fn until(&self, topic: &str, patience: Duration, asked: impl Fn(&Value) -> bool) -> bool {
        let mut revision = self.revision.clone();
        let waiting = async {
            loop {
                revision.mark_unchanged();
                if asked(&self.latest(topic)) {
                    return true;
                }
                if revision.changed().await.is_err() {
                    return false;
                }
            }
        };
        tokio::time::timeout(patience, waiting).await.unwrap_or(false)
    }
}
