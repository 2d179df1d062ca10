//! A whole kiosk sells, with secrets of every kind passing through it, while everything that leaves it is caught: logs
//! of every level, metrics, MQTT, HTTPS uploads. None of the secrets may be in any of it.

// A test speaks by panicking.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use esim_kiosk::assembly::{self, Running};
use esim_kiosk::config::Config;
use esim_kiosk::diagnostics::recorder::of_process;
use esim_kiosk::kiosk::Inbox;
use esim_kiosk::sim::fleet::broker::Broker;
use esim_kiosk::sim::fleet::pki::{Admits, Pki};
use esim_kiosk::sim::kiosk::robot::{Ended, Errand, Robot, Sight};
use esim_kiosk::sim::providers::Provider;
use esim_kiosk::sim::providers::fault::{Fault, Trick};
use esim_kiosk::sim::schema::judge_message;
use esim_kiosk::sim::stage::{Scenery, Stage};
use esim_kiosk::sim::terminal::Cardholder;
use esim_kiosk::sim::transcript::Transcript;
use esim_kiosk::sim::upload::UploadSink;
use esim_kiosk::watchdog::UiPing;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// No errand takes so long.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a bank's text may carry, and the parts of it that must not leave.
const BANK: &str = "jane@canary.example +43 660 7654321 4761739001010119";
const OF_BANK: [&str; 3] = ["jane@canary", "7654321", "476173900101"];

/// What left the machine, by where, and what must not be in it.
#[derive(Default)]
struct Caught {
    texts: BTreeMap<String, String>,
    secrets: Vec<String>,
}

impl Caught {
    fn judge(&self) {
        assert!(self.secrets.len() >= 10, "{:?}", self.secrets);
        for (name, text) in &self.texts {
            for secret in &self.secrets {
                let at = text.find(secret.as_str());
                let around = at.map(|at| {
                    text[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect::<String>()
                });
                assert!(at.is_none(), "{secret} is in {name} after: {around:?}");
            }
        }
    }
}

fn stage(dir: &Path) -> Stage {
    Stage::set(&Scenery::of_code(dir.join("stage"))).unwrap()
}

/// Adds fleet and metrics to the stage's configuration.
fn connect(stage: &Stage, pki: &Pki, broker: &Broker, metrics: std::net::SocketAddr) -> Config {
    let identity = pki.client("K07").unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&stage.config).unwrap();
    writeln!(
        file,
        "\n[metrics]\nlisten = \"{metrics}\"\n[fleet]\nbroker = \"{}\"\nca = \"{ca}\"\ncertificate = \"{}\"\nkey = \"{}\"\n\
         upload_hosts = [\"127.0.0.1\"]\nupload_ca = \"{ca}\"\nupload_with_certificate = true\nupload_kb_s = 100000\nsales = true\n",
        broker.url(),
        identity.certificate.display(),
        identity.key.display(),
        ca = pki.ca().display(),
    )
    .unwrap();
    Config::load(&stage.config).unwrap()
}

/// Travellers of every kind; what they were shown.
async fn travellers(stage: &Stage, running: &Running) -> Vec<Sight> {
    let mut robot = Robot::new(running.intents.clone(), running.views.clone(), Box::new(|_| {}));
    assert_eq!(robot.wait_for_open(PATIENCE).await, Ended::AtRest);
    assert_eq!(robot.run(&Errand::PURCHASE, PATIENCE).await, Ended::AtRest);
    // The bank says more than it should.
    stage.terminal.panel().next(Cardholder::declined(0x05, BANK));
    assert_eq!(robot.run(&Errand::PURCHASE, PATIENCE).await, Ended::AtRest);
    // The provider sells something that is no activation code: a case, with its evidence.
    let nonsense = Trick::Lpa("LPA:1$no host at all$CANARYCODE77".into());
    stage.providers.panel().fault(Provider::Mobilexy, Fault::trick("plan_purchase", nonsense));
    robot.run(&Errand::PURCHASE, PATIENCE).await;
    stage.providers.panel().clear_faults(Provider::Mobilexy);
    // Somebody comes back with a claim code.
    let claim = robot.seen().iter().find_map(|sight| match sight {
        Sight::Claim { code, .. } => Some(code.clone()),
        _ => None,
    });
    robot.run(&Errand::Claim(claim.unwrap()), PATIENCE).await;
    robot.seen().to_vec()
}

fn secrets_of(stage: &Stage, seen: &[Sight]) -> Vec<String> {
    let mut secrets: Vec<String> = OF_BANK.map(str::to_owned).to_vec();
    secrets.push("CANARYCODE77".to_owned());
    for sight in seen {
        match sight {
            Sight::Code { code, .. } => secrets.push(code.rsplit('$').next().unwrap().to_owned()),
            Sight::Claim { code, .. } => secrets.extend([code.clone(), code.replace('-', "")]),
            Sight::Screen(_) | Sight::NotCharged => {}
        }
    }
    let beside = stage.config.parent().unwrap();
    for file in ["mobilexy.key", "service-pin", "state/journal.key"] {
        let bytes = std::fs::read(beside.join(file)).unwrap();
        secrets.push(match String::from_utf8(bytes) {
            Ok(text) => text.trim().to_owned(),
            Err(bytes) => bytes.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
        });
    }
    secrets.extend(["\"123456\"".to_owned(), "PRIVATE KEY".to_owned()]);
    secrets
}

async fn metrics(address: std::net::SocketAddr) -> String {
    tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
    .await
    .unwrap()
}

/// Pulls a log through broker and receiver; the texts that arrived.
async fn pulled(broker: &Broker, sink: &UploadSink, kind: &str) -> BTreeMap<String, String> {
    let topic = format!("te/device/K07///cmd/log_upload/{kind}");
    let wish = json!({ "status": "init", "tedgeUrl": sink.url(kind), "type": kind, "lines": 100_000 });
    broker.publish(&topic, wish.to_string().as_bytes(), true);
    let status = || {
        let state: Value = serde_json::from_str(&broker.retained(&topic)?).ok()?;
        Some(state["status"].as_str()?.to_owned())
    };
    broker.until(|_| matches!(status().as_deref(), Some("successful" | "failed"))).await;
    assert_eq!(status().as_deref(), Some("successful"), "{:?}", broker.retained(&topic));
    let upload = sink.uploads().into_iter().find(|upload| upload.path == format!("/{kind}")).unwrap();
    let bytes = std::fs::read(upload.file).unwrap();
    let mut texts = BTreeMap::new();
    if kind != "report" {
        texts.insert(kind.to_owned(), String::from_utf8(bytes).unwrap());
        return texts;
    }
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice())).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        texts.insert(name, text);
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_by_logs_metrics_mqtt_or_uploads() {
    let log = Transcript::default();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.clone());
    // Everything, of every library too: an operator may ask for any level.
    tracing_subscriber::registry().with(lines).with(of_process().clone()).init();
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::make(&dir.path().join("pki")).unwrap();
    let broker = Broker::start(&pki).unwrap();
    let here = std::net::Ipv4Addr::LOCALHOST;
    let sink = UploadSink::behind(here.into(), &dir.path().join("uploads"), &pki, Admits::Certified).unwrap();
    let free = std::net::TcpListener::bind((here, 0)).unwrap().local_addr().unwrap();
    let stage = stage(dir.path());
    let config = connect(&stage, &pki, &broker, free);
    let journal = assembly::journal(&config).unwrap();
    let running = assembly::start(&config, Box::new(journal), UiPing::default()).unwrap();
    let seen = travellers(&stage, &running).await;

    let mut caught = Caught { secrets: secrets_of(&stage, &seen), ..Caught::default() };
    assert!(seen.iter().any(|sight| matches!(sight, Sight::Code { .. })), "{seen:?}");
    // The sale is on its way to the back office, and the states are told.
    let told = |part: &str| broker.published().iter().any(|(topic, _)| topic.ends_with(part));
    broker.until(|_| told("e/sale") && told("twin/facts") && told("twin/selling")).await;
    for kind in ["report", "events", "screens", "sales", "cases", "terminal-line", "health"] {
        caught.texts.extend(
            pulled(&broker, &sink, kind).await.into_iter().map(|(name, text)| (format!("{kind}: {name}"), text)),
        );
    }
    caught.texts.insert("metrics".into(), metrics(free).await);
    running.inbox.send(Inbox::Stop).await.ok();
    running.kiosk.await.unwrap().ok();
    for (place, (topic, payload)) in broker.published().into_iter().enumerate() {
        judge_message(&topic, &payload).unwrap();
        caught.texts.insert(format!("mqtt {place} {topic}"), String::from_utf8(payload).unwrap());
    }
    caught.texts.insert("log".into(), log.text());

    // What is looked through is what it should be.
    let has =
        |name: &str, word: &str| caught.texts.iter().any(|(known, text)| known.contains(name) && text.contains(word));
    for (name, word) in [
        ("metrics", "esim_kiosk_"),
        ("log", "provider call"),
        ("twin/facts", "open_sales"),
        ("e/sale", "gross_minor"),
        ("report.html", "K07-000001"),
        ("sales/K07-000001.txt", "commit_decided"),
        ("terminal-line: ", "06 01"),
        ("events: ", "INFO"),
        ("screens: ", "pay"),
    ] {
        assert!(has(name, word), "{word} is not in {name}: {:?}", caught.texts.keys());
    }
    caught.judge();
}
