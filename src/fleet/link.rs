//! The link: keeps what the fleet should know, says it whenever there is a line, and passes orders on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, PublishOptions};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::line::{Heard, Line};
use super::order::Guard;
use super::section::Section;
use super::topics::Topics;
use super::{Command, Ends, News, Ordered};

/// Room for what comes from the broker.
const HEARD: usize = 64;
/// Finished commands that are remembered: the broker may bring one again whose end it has not heard.
const FINISHED: usize = 64;
/// Most commands of all kinds that wait or are carried out.
const UNDER_WAY: usize = 16;
/// Longest payload of a command.
const COMMAND_MAX: usize = 512 * 1024;
/// The kinds of commands.
const LOG_UPLOAD: &str = "log_upload";
const KIOSK_ORDER: &str = "kiosk_order";

/// What the link is made of.
pub struct Link {
    topics: Topics,
    line: Line,
    guard: Guard,
    ends: Ends,
    types: Vec<String>,
    /// Retained states, by topic; the empty ones clear.
    states: BTreeMap<String, String>,
    unsaid: BTreeSet<String>,
    client: Option<AsyncClient>,
    under_way: BTreeMap<String, UnderWay>,
    finished: VecDeque<Finished>,
    answers: JoinSet<(String, Value, Result<Value, String>)>,
}

/// A command that is being carried out.
struct UnderWay {
    command: Value,
    /// Another one that came under the same id meanwhile.
    then: Option<Bytes>,
}

/// A command that was carried out.
struct Finished {
    topic: String,
    command: Value,
    end: String,
}

impl Link {
    /// A link of the kiosk `label`. Counters lie in `state`; `types` are the kinds of logs that can be pulled.
    pub fn new(section: Section, label: &str, state: PathBuf, types: Vec<String>, ends: Ends) -> Self {
        let topics = Topics::of(label);
        let guard = Guard::new(label, section.operator_keys(), state.join("fleet-counter"));
        let will = (topics.presence(), json!({ "status": "down" }).to_string());
        let line = Line { section, client: label.to_owned(), will };
        let mut link = Link {
            topics,
            line,
            guard,
            ends,
            types,
            states: BTreeMap::new(),
            unsaid: BTreeSet::new(),
            client: None,
            under_way: BTreeMap::new(),
            finished: VecDeque::new(),
            answers: JoinSet::new(),
        };
        link.introduce(label);
        link
    }

    fn introduce(&mut self, label: &str) {
        let device = json!({ "@type": "child-device", "name": label, "type": "esim-kiosk" });
        self.put(self.topics.device().to_owned(), device.to_string());
        let service = self.topics.presence().trim_end_matches("/status/health").to_owned();
        self.put(service, json!({ "@type": "service", "name": "esim-kiosk", "type": "service" }).to_string());
        self.put(self.topics.capability(LOG_UPLOAD), json!({ "types": self.types }).to_string());
        self.put(self.topics.capability(KIOSK_ORDER), json!({ "signature": "ed25519", "version": 1 }).to_string());
    }

    /// Runs until nobody tells it anything any more.
    pub async fn run(mut self) {
        let (to, mut heard) = mpsc::channel(HEARD);
        let line = tokio::spawn(self.line.clone().run(to));
        let mut again = tokio::time::interval(Duration::from_secs(1));
        again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = heard.recv() => match heard {
                    Some(heard) => self.hear(heard),
                    None => return,
                },
                news = self.ends.news.recv() => match news {
                    Some(news) => self.tell(news),
                    None => break,
                },
                Some(answer) = self.answers.join_next() => {
                    // A task that panicked has told the log; its command stays "executing" and is begun again.
                    if let Ok((topic, command, answer)) = answer {
                        self.finish(topic, command, answer);
                    }
                }
                _ = again.tick() => {}
            }
            self.say();
        }
        drop(heard);
        line.await.ok();
    }

    fn put(&mut self, topic: String, payload: String) {
        if self.states.get(&topic) != Some(&payload) {
            self.unsaid.insert(topic.clone());
            self.states.insert(topic, payload);
        }
    }

    fn tell(&mut self, news: News) {
        match news {
            News::State { name, value } => self.put(self.topics.state(name), value.to_string()),
            News::Alarm { name, severity: Some(severity), text } => {
                // The time is that of the first telling: an alarm that goes on is the same alarm.
                let topic = self.topics.alarm(name);
                let same = self.states.get(&topic).and_then(|said| serde_json::from_str::<Value>(said).ok());
                if same.is_some_and(|said| said["severity"] == severity && said["text"] == text.as_str()) {
                    return;
                }
                let alarm = json!({ "text": text, "severity": severity, "time": Timestamp::now().to_string() });
                self.put(topic, alarm.to_string());
            }
            News::Sale(parcel) => {
                let said = self.client.as_ref().map(|client| {
                    let options = PublishOptions::new(QoS::AtLeastOnce);
                    client.try_publish(self.topics.sale(), parcel.to_string(), options)
                });
                if !matches!(said, Some(Ok(()))) {
                    debug!("no line for a sale: it is sent again");
                }
            }
            News::Alarm { name, severity: None, .. } => self.put(self.topics.alarm(name), String::new()),
        }
    }

    /// Says what is not said yet, as far as there is room.
    fn say(&mut self) {
        let Some(client) = &self.client else { return };
        while let Some(topic) = self.unsaid.first().cloned() {
            let payload = self.states.get(&topic).cloned().unwrap_or_default();
            if client.try_publish(topic.as_str(), payload, retained()).is_err() {
                return;
            }
            self.unsaid.remove(&topic);
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Up(client) => {
                for filter in [self.topics.commands(), self.topics.sale_taken()] {
                    if client.try_subscribe(filter, QoS::AtLeastOnce).is_err() {
                        warn!("the broker's messages cannot be subscribed to");
                    }
                }
                self.client = Some(client);
                let present =
                    json!({ "status": "up", "pid": std::process::id(), "time": Timestamp::now().as_second() });
                self.states.insert(self.topics.presence(), present.to_string());
                self.unsaid = self.states.keys().cloned().collect();
            }
            Heard::Down => self.client = None,
            Heard::Message { topic, payload } if topic == self.topics.sale_taken() => self.taken(&payload),
            Heard::Message { topic, payload } => self.command(&topic, &payload),
        }
    }

    fn taken(&self, payload: &Bytes) {
        if let (Some(taken), Ok(answer)) = (&self.ends.taken, serde_json::from_slice(payload)) {
            // Nobody waits: the parcel goes out again and is answered again.
            taken.send(answer).ok();
        }
    }

    fn command(&mut self, topic: &str, payload: &Bytes) {
        let Some(read) = self.topics.read(topic) else { return };
        let Some(id) = read.id else { return };
        if payload.is_empty() {
            // Its caller has seen the end.
            self.finished.retain(|known| known.topic != topic);
            return;
        }
        let command: Value = match serde_json::from_slice(payload) {
            Ok(command) if payload.len() <= COMMAND_MAX => command,
            _ => return warn!(topic, "a command that cannot be read is left alone"),
        };
        let status = command["status"].as_str().unwrap_or_default();
        if !matches!(status, "init" | "executing") {
            return;
        }
        if let Some(first) = self.under_way.get_mut(topic) {
            // Only a wish: what is "executing" here may be our own word, on its way back to us.
            if status == "init" && with_status(&command, "") != with_status(&first.command, "") {
                first.then = Some(payload.clone());
            }
            return;
        }
        // A new command under an old id is a new command: whoever cleared the topic while the line was down is not heard.
        let mut ends = self.finished.iter().rev().filter(|known| known.topic == topic);
        match ends.next() {
            // Its end was lost on the way.
            Some(last) if last.is(&command) => return self.publish(topic, last.end.clone()),
            // Our own word about an older one, which comes late.
            Some(_) if status == "executing" && ends.any(|known| known.is(&command)) => return,
            _ => {}
        }
        let kind = match read.kind.as_str() {
            LOG_UPLOAD => LOG_UPLOAD,
            KIOSK_ORDER => KIOSK_ORDER,
            _ => return,
        };
        if self.under_way.len() >= UNDER_WAY {
            return self.finish(topic.to_owned(), command, Err("too many commands wait: ask again later".to_owned()));
        }
        info!(kind, id, status, "command from the fleet");
        match kind {
            LOG_UPLOAD => self.pull(topic, id, command),
            _ if status == "executing" => {
                self.finish(
                    topic.to_owned(),
                    command,
                    Err("interrupted: whether it was done must be looked at".to_owned()),
                );
            }
            _ => self.order(topic, command),
        }
    }

    fn pull(&mut self, topic: &str, id: String, command: Value) {
        let (answer, answered) = oneshot::channel();
        let passed = Command { kind: LOG_UPLOAD, id, payload: command.clone(), answer };
        match self.ends.commands.try_send(passed) {
            Ok(()) => self.begin(topic, command, answered),
            Err(_) => {
                self.finish(topic.to_owned(), command, Err("another pull is under way: ask again later".to_owned()))
            }
        }
    }

    fn order(&mut self, topic: &str, command: Value) {
        let order = match self.guard.admit(&command, Timestamp::now()) {
            Ok(order) => order,
            Err(refused) => {
                warn!(error = %refused, "an order from afar is refused");
                return self.finish(topic.to_owned(), command, Err(refused.to_string()));
            }
        };
        info!(?order, "an order from afar is carried out");
        let (answer, answered) = oneshot::channel();
        match self.ends.orders.try_send(Ordered { order, answer }) {
            Ok(()) => {
                let (with_fields, fields) = oneshot::channel();
                tokio::spawn(async move {
                    let said =
                        answered.await.unwrap_or_else(|_| Err("the service ended before it was done".to_owned()));
                    with_fields.send(said.map(|text| json!({ "result": text }))).ok();
                });
                self.begin(topic, command, fields);
            }
            Err(_) => self.finish(topic.to_owned(), command, Err("the service is busy: ask again".to_owned())),
        }
    }

    fn begin(&mut self, topic: &str, command: Value, answered: oneshot::Receiver<Result<Value, String>>) {
        self.under_way.insert(topic.to_owned(), UnderWay { command: command.clone(), then: None });
        self.publish(topic, with_status(&command, "executing").to_string());
        let topic = topic.to_owned();
        self.answers.spawn(async move {
            let answer = answered.await.unwrap_or_else(|_| Err("the kiosk gave up; see its log".to_owned()));
            (topic, command, answer)
        });
    }

    fn finish(&mut self, topic: String, command: Value, answer: Result<Value, String>) {
        let then = self.under_way.remove(&topic).and_then(|done| done.then);
        let end = match &answer {
            Ok(fields) => {
                let mut end = with_status(&command, "successful");
                if let (Some(end), Some(fields)) = (end.as_object_mut(), fields.as_object()) {
                    end.extend(fields.clone());
                }
                end
            }
            Err(reason) => {
                let mut end = with_status(&command, "failed");
                end["reason"] = reason.as_str().into();
                end
            }
        };
        info!(topic, ok = answer.is_ok(), "command from the fleet ended");
        let end = end.to_string();
        if self.finished.len() == FINISHED {
            self.finished.pop_front();
        }
        self.finished.push_back(Finished { topic: topic.clone(), command, end: end.clone() });
        match then {
            None => self.publish(&topic, end),
            // Its end would stand under the newer command, whose caller would take it for the answer.
            Some(then) => self.command(&topic, &then),
        }
    }

    /// A command's state: said once, and again only if the broker brings the command again.
    fn publish(&self, topic: &str, payload: String) {
        let said = self.client.as_ref().map(|client| client.try_publish(topic, payload, retained()));
        if !matches!(said, Some(Ok(()))) {
            info!(topic, "the broker hears it when it brings the command again");
        }
    }
}

impl Finished {
    /// Whether it is this one, whatever its status.
    fn is(&self, command: &Value) -> bool {
        with_status(&self.command, "") == with_status(command, "")
    }
}

/// The command with another status; everything else stays, as thin-edge.io's callers expect.
fn with_status(command: &Value, status: &str) -> Value {
    let mut command = command.clone();
    command["status"] = status.into();
    command
}

fn retained() -> PublishOptions {
    PublishOptions::new(QoS::AtLeastOnce).retain(true)
}
