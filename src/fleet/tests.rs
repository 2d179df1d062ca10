//! The link and the pull against a broker and an upload server in this process, over TLS.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::link::Link;
use super::order::{Order, Signed, sign};
use super::section::Section;
use super::{Ends, News, Ordered};
use crate::diagnostics::pull::{Puller, types, uploader};
use crate::sim::fleet::broker::Broker;
use crate::sim::fleet::pki::Pki;
use crate::sim::schema::{judge_both_ways, of_topic};
use crate::sim::upload::{UploadFault, UploadSink};

mod uploads;

/// A kiosk's end of the line, with everything at the other end of it.
struct Site {
    dir: tempfile::TempDir,
    pki: Pki,
    broker: Broker,
    sink: UploadSink,
    key: Ed25519KeyPair,
}

/// What runs on the kiosk.
struct Running {
    news: mpsc::Sender<News>,
    orders: mpsc::Receiver<Ordered>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::make(&dir.path().join("pki")).unwrap();
        let broker = Broker::start(&pki).unwrap();
        let sink = UploadSink::start(0, &dir.path().join("uploads")).unwrap();
        std::fs::File::create(dir.path().join("sink.pem")).unwrap().write_all(sink.ca_pem().as_bytes()).unwrap();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        let text = include_str!("../../systemd/config.example.toml").replacen(
            "/var/lib/esim-kiosk",
            &dir.path().join("state").display().to_string(),
            1,
        );
        std::fs::File::create(dir.path().join("kiosk.toml")).unwrap().write_all(text.as_bytes()).unwrap();
        let key = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        Site { dir, pki, broker, sink, key }
    }

    fn section(&self) -> Section {
        let identity = self.pki.client("K07").unwrap();
        Section {
            broker: self.broker.url(),
            ca: self.pki.ca(),
            certificate: identity.certificate,
            key: identity.key.display().to_string(),
            operator_keys: vec![self.key.public_key().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()],
            upload_hosts: vec!["127.0.0.1".into()],
            upload_ca: Some(self.dir.path().join("sink.pem")),
            upload_kb_s: 100_000,
            ..Section::default()
        }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn run(&self) -> Running {
        let section = self.section();
        let (news, told) = mpsc::channel(16);
        let (to_service, orders) = mpsc::channel(4);
        let (commands, pulls) = mpsc::channel(4);
        let (_, busy) = watch::channel(false);
        let puller = Puller {
            config_file: self.dir.path().join("kiosk.toml"),
            uploader: uploader(&section),
            most: 5 << 20,
            busy,
            unit: None,
        };
        let ends = Ends { news: told, orders: to_service, commands, taken: None };
        let link = Link::new(section, "K07", self.state(), types(), ends);
        let tasks = vec![tokio::spawn(link.run()), tokio::spawn(puller.run(pulls))];
        Running { news, orders, tasks }
    }

    fn ask(&self, id: &str, command: &Value) -> String {
        let topic = format!("te/device/K07///cmd/log_upload/{id}");
        self.broker.publish(&topic, command.to_string().as_bytes(), true);
        topic
    }

    fn pull(&self, id: &str) -> String {
        let url = self.sink.url(&format!("te/v1/files/K07/{id}"));
        self.ask(id, &json!({ "status": "init", "tedgeUrl": url, "type": "report", "lines": 1000 }))
    }

    fn state_of(&self, topic: &str) -> Option<Value> {
        serde_json::from_str(&self.broker.retained(topic)?).ok()
    }

    /// Everything that was ever said here fits its schema, and would not without any of its parts.
    fn all_fits(&self) {
        for (topic, payload) in self.broker.published().iter().filter(|(_, payload)| !payload.is_empty()) {
            let name = of_topic(topic).unwrap_or_else(|| panic!("{topic} is described nowhere"));
            judge_both_ways(name, &serde_json::from_slice(payload).unwrap()).unwrap();
        }
    }

    async fn ended(&self, topic: &str) -> Value {
        let over = |state: Option<Value>| {
            state.is_some_and(|state| state["status"] == "successful" || state["status"] == "failed")
        };
        self.broker.until(|_| over(self.state_of(topic))).await;
        self.state_of(topic).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_goes_from_request_to_file() {
    let site = Site::new();
    let _running = site.run();
    let topic = site.pull("report-1");
    let end = site.ended(&topic).await;
    assert_eq!(end["status"], "successful", "{end}");
    assert_eq!((end["type"].as_str(), end["lines"].as_u64()), (Some("report"), Some(1000)), "the caller's fields stay");
    let said: Vec<String> = site
        .broker
        .published()
        .iter()
        .filter(|(name, _)| *name == topic)
        .map(|(_, payload)| serde_json::from_slice::<Value>(payload).unwrap()["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(said, ["init", "executing", "successful"]);
    let upload = site.sink.uploads().remove(0);
    assert!(upload.complete);
    let bytes = std::fs::read(&upload.file).unwrap();
    assert_eq!(bytes.len() as u64, end["bytes"].as_u64().unwrap());
    let mut whole = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut whole).unwrap();
    let capability = site.state_of("te/device/K07///cmd/log_upload").unwrap();
    assert!(capability["types"].as_array().unwrap().contains(&json!("report")), "{capability}");
    // The caller clears; the kiosk forgets, and the same id is a new command.
    site.broker.publish(&topic, b"", true);
    site.pull("report-1");
    assert_eq!(site.ended(&topic).await["status"], "successful");
    let left: Vec<_> = std::fs::read_dir(site.state()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    site.all_fits();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_survives_cuts_on_both_lines() {
    let site = Site::new();
    let _running = site.run();
    for fault in [
        UploadFault::ResetAfter(900),
        UploadFault::CloseAfter(700),
        UploadFault::ResetInsteadOfAnswer,
        UploadFault::Status(503),
    ] {
        site.sink.fault(fault);
    }
    let topic = site.pull("report-2");
    site.broker.until(|broker| broker.retained(&topic).is_some_and(|state| state.contains("executing"))).await;
    site.broker.down();
    site.sink.until(|uploads| uploads.iter().any(|upload| upload.complete)).await;
    site.broker.up();
    let end = site.ended(&topic).await;
    assert_eq!(end["status"], "successful", "{end}");
    let upload = site.sink.uploads().remove(0);
    let bytes = std::fs::read(&upload.file).unwrap();
    assert_eq!(bytes.len() as u64, end["bytes"].as_u64().unwrap());
    let mut whole = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut whole).unwrap();
    assert!(upload.requests >= 3, "{}", upload.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kiosk_that_was_killed_begins_again() {
    let site = Site::new();
    site.sink.fault(UploadFault::Hold(Duration::from_secs(600)));
    let running = site.run();
    let topic = site.pull("report-3");
    site.broker.until(|broker| broker.retained(&topic).is_some_and(|state| state.contains("executing"))).await;
    // Killed in the middle of the upload, not before it.
    while site.sink.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(running);
    let _again = site.run();
    assert_eq!(site.ended(&topic).await["status"], "successful");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_pulled_fails_with_its_reason() {
    let site = Site::new();
    let _running = site.run();
    let url = site.sink.url("x");
    let cases = [
        (
            "a",
            json!({ "status": "init", "tedgeUrl": "https://evil.example/x?sig=TOPSECRET", "type": "report" }),
            "upload_hosts",
        ),
        ("b", json!({ "status": "init", "tedgeUrl": url, "type": "/etc/shadow" }), "there are report"),
        ("c", json!({ "status": "init", "type": "report" }), "tedgeUrl"),
    ];
    for (id, command, word) in cases {
        let topic = site.ask(id, &command);
        let end = site.ended(&topic).await;
        let reason = end["reason"].as_str().unwrap_or_default().to_owned();
        assert!(end["status"] == "failed" && reason.contains(word) && !reason.contains("TOPSECRET"), "{end}");
    }
    site.sink.fault(UploadFault::Redirect);
    let topic = site.pull("d");
    assert!(site.ended(&topic).await["reason"].as_str().unwrap().contains("307"));
    site.broker.publish("te/device/K07///cmd/log_upload/e", b"\xff{not json", true);
    site.broker.publish("te/device/K07///cmd/unknown/f", b"{\"status\":\"init\"}", true);
    let topic = site.pull("g");
    assert_eq!(site.ended(&topic).await["status"], "successful", "junk before it changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operators_orders_reach_the_service_and_each_once() {
    let site = Site::new();
    let mut running = site.run();
    let order = |counter: u64| Signed {
        kiosk: "K07".into(),
        counter,
        expires: jiff::Timestamp::from_second(4_000_000_000).unwrap(),
        order: Order::Lock,
    };
    let topic = |id: &str| format!("te/device/K07///cmd/kiosk_order/{id}");
    let say = |id: &str, command: &Value| site.broker.publish(&topic(id), command.to_string().as_bytes(), true);
    say("1", &sign(&site.key, &order(1)).unwrap());
    let ordered = running.orders.recv().await.unwrap();
    assert_eq!(ordered.order, Order::Lock);
    ordered.answer.send(Ok("locked".into())).unwrap();
    let end = site.ended(&topic("1")).await;
    assert_eq!((end["status"].as_str(), end["result"].as_str()), (Some("successful"), Some("locked")), "{end}");
    site.all_fits();
    let foreign = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    for (id, command, word) in [
        ("2", sign(&site.key, &order(1)).unwrap(), "seen before"),
        ("3", sign(&foreign, &order(9)).unwrap(), "not the operator's"),
        ("4", json!({ "status": "init", "do": "lock" }), "not the operator's"),
        ("5", json!({ "status": "executing", "order": "{}" }), "interrupted"),
    ] {
        say(id, &command);
        let end = site.ended(&topic(id)).await;
        assert!(end["status"] == "failed" && end["reason"].as_str().unwrap().contains(word), "{end}");
    }
    assert!(running.orders.try_recv().is_err(), "nothing else reached the service");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_command_under_an_old_id_is_a_new_command() {
    let site = Site::new();
    let _running = site.run();
    let urls = ["one", "two", "three"].map(|name| site.sink.url(name));
    let ask = |url: &str| site.ask("same", &json!({ "status": "init", "tedgeUrl": url, "type": "cases" }));
    let over = |url: &str| {
        let state = site.state_of("te/device/K07///cmd/log_upload/same").unwrap_or_default();
        state["tedgeUrl"] == url && matches!(state["status"].as_str(), Some("successful" | "failed"))
    };
    ask(&urls[0]);
    site.broker.until(|_| over(&urls[0])).await;
    // Its caller never cleared it, and asks for something else.
    ask(&urls[1]);
    site.broker.until(|_| over(&urls[1])).await;
    // Another one comes while the last is under way: its caller reads its own end, not the other's.
    site.sink.fault(UploadFault::Hold(Duration::from_secs(1)));
    let before = site.sink.requests();
    ask(&urls[0]);
    while site.sink.requests() == before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ask(&urls[2]);
    site.broker.until(|_| over(&urls[2])).await;
    let arrived: Vec<_> =
        site.sink.uploads().iter().filter(|upload| upload.complete).map(|upload| upload.path.clone()).collect();
    for name in ["one", "two", "three"] {
        assert!(arrived.iter().any(|path| path.ends_with(name)), "{name} is not among {arrived:?}");
    }
    // The same command again is the same: its end is said again, and nothing is uploaded.
    let before = site.sink.requests();
    ask(&urls[2]);
    site.broker.until(|_| over(&urls[2])).await;
    assert_eq!(site.sink.requests(), before);
    site.all_fits();
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_states_and_alarms_are_retained_and_said_again() {
    let site = Site::new();
    let running = site.run();
    let presence = "te/device/K07/service/esim-kiosk/status/health";
    let says = |topic: &str, word: &str| site.broker.retained(topic).is_some_and(|state| state.contains(word));
    site.broker.until(|_| says(presence, "\"up\"")).await;
    running
        .news
        .send(News::State { name: "selling", value: json!({ "state": "open", "reason": null }) })
        .await
        .unwrap();
    let alarm = |severity| News::Alarm { name: "paper", severity, text: "the paper is out".into() };
    running.news.send(alarm(Some("major"))).await.unwrap();
    site.broker
        .until(|_| says("te/device/K07///a/paper", "major") && says("te/device/K07///twin/selling", "open"))
        .await;
    assert!(says("te/device/K07//", "child-device"), "registered");
    site.broker.down();
    site.broker.until(|_| says(presence, "\"down\"")).await;
    running.news.send(alarm(None)).await.unwrap();
    running
        .news
        .send(News::State { name: "selling", value: json!({ "state": "paused", "reason": "network" }) })
        .await
        .unwrap();
    site.broker.up();
    site.broker.until(|_| says(presence, "\"up\"") && says("te/device/K07///twin/selling", "paused")).await;
    site.broker.until(|broker| broker.retained("te/device/K07///a/paper").is_none()).await;
    let told = crate::kiosk::states::states(&crate::kiosk::alarms::tests::well(), None);
    for news in told {
        running.news.send(news).await.unwrap();
    }
    site.broker.until(|_| says("te/device/K07///twin/facts", "25 EUR")).await;
    site.all_fits();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_certificate_is_used_at_the_next_connection_and_a_foreign_one_is_not_let_in() {
    let site = Site::new();
    let presence = "te/device/K07/service/esim-kiosk/status/health";
    let _running = site.run();
    site.broker.until(|broker| broker.retained(presence).is_some_and(|state| state.contains("\"up\""))).await;
    // The same files, of another authority: not let in; then a new one of ours: let in.
    let foreign = Pki::make(&site.dir.path().join("foreign")).unwrap().client("K07").unwrap();
    let ours = site.dir.path().join("pki");
    for (from, to) in [(foreign.certificate, ours.join("K07.pem")), (foreign.key, ours.join("K07.key"))] {
        std::fs::copy(from, to).unwrap();
    }
    site.broker.down();
    site.broker.until(|broker| broker.retained(presence).is_some_and(|state| state.contains("\"down\""))).await;
    let before = site.broker.connections();
    site.broker.up();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(site.broker.connections(), before, "a foreign certificate was let in");
    site.pki.client("K07").unwrap();
    site.broker.until(|broker| broker.retained(presence).is_some_and(|state| state.contains("\"up\""))).await;
}
