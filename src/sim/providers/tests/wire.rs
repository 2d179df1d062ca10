use std::time::Duration;

use super::{client, json, start};
use crate::sim::providers::fault::{Effect, Fault, LineFault, RandomFaults, Stage, Target, When};
use crate::sim::providers::{Options, Provider, ProvidersPanel, Simulation};

const ME: Provider = Provider::Mobilexy;
const KEY: &str = "sim-mobilexy-key-5f0c7b";

fn purchase(panel: &ProvidersPanel, client: &reqwest::Client) -> reqwest::RequestBuilder {
    let plan = panel.plans(ME, "DE")[0].id.to_string();
    client.post(format!("{}/plan/purchase", panel.base_url(ME))).form(&[("api_key", KEY), ("plan_id", &plan)])
}

/// What a buyer saw.
#[derive(Debug, PartialEq, Eq)]
enum Saw {
    Connect,
    Lost,
    Body(u16),
    Json(u16),
}

async fn look(request: reqwest::RequestBuilder) -> Saw {
    match request.send().await {
        Err(error) if error.is_connect() => Saw::Connect,
        Err(_) => Saw::Lost,
        Ok(response) => {
            let status = response.status().as_u16();
            match response.bytes().await {
                Err(_) => Saw::Lost,
                Ok(bytes) if serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() => Saw::Json(status),
                Ok(_) => Saw::Body(status),
            }
        }
    }
}

#[tokio::test]
async fn every_fault_before_and_after_the_work() {
    let (_simulation, panel, client) = start(ME);
    let short = Duration::from_millis(10);
    let cases = [
        (Effect::Reset, Saw::Lost),
        (Effect::Close, Saw::Lost),
        (Effect::Hold(short), Saw::Lost),
        (Effect::CutBody, Saw::Lost),
        (Effect::CutBodyReset, Saw::Lost),
        (Effect::WrongLength(100), Saw::Lost),
        (Effect::WrongLength(-5), Saw::Body(200)),
        (Effect::CutChunk, Saw::Lost),
        (Effect::CutJson, Saw::Body(200)),
        (Effect::Html, Saw::Body(200)),
        (Effect::Empty, Saw::Body(200)),
        (Effect::NoContent, Saw::Body(204)),
        (Effect::Status { code: 500, html: false }, Saw::Json(500)),
        (Effect::Status { code: 502, html: true }, Saw::Body(502)),
        (Effect::Redirect { code: 302, to: None }, Saw::Body(302)),
        (Effect::Redirect { code: 307, to: Some("https://127.0.0.1:1/".to_owned()) }, Saw::Body(307)),
        (Effect::TooMany { retry_after: Some(3) }, Saw::Json(429)),
        (Effect::BrokenSample, Saw::Body(200)),
        (Effect::InvalidUtf8, Saw::Body(200)),
        (Effect::ArrayForObject, Saw::Json(200)),
    ];
    let mut sold = 0;
    for (effect, expected) in cases {
        for stage in [Stage::Before, Stage::After] {
            let fault = Fault { stage, ..Fault::after("plan_purchase", effect.clone()) };
            panel.fault(ME, fault);
            assert_eq!(look(purchase(&panel, &client)).await, expected, "{stage:?} {effect:?}");
            sold += usize::from(stage == Stage::After);
            assert_eq!(panel.orders().len(), sold, "{stage:?} {effect:?}");
            assert_eq!(panel.faults_waiting(ME), 0);
        }
    }
    assert!(panel.orders().iter().all(|(_, order)| !order.answered));
    assert_eq!(look(purchase(&panel, &client)).await, Saw::Json(200));
    assert!(panel.orders().last().unwrap().1.answered);
}

#[tokio::test]
async fn answers_that_are_true_but_odd() {
    let (_simulation, panel, client) = start(ME);
    let drip = Effect::Drip { bytes: 50, every: Duration::from_millis(1) };
    let odd = [Effect::Delay(Duration::from_millis(5)), drip, Effect::Huge(200_000), Effect::ExtraFields];
    for effect in odd.into_iter().chain([Effect::WrongTypes, Effect::DuplicateKeys, Effect::WrongDate(-600)]) {
        panel.fault(ME, Fault::before("plan_purchase", effect.clone()));
        assert_eq!(look(purchase(&panel, &client)).await, Saw::Json(200), "{effect:?}");
    }
    assert_eq!(panel.orders().len(), 7);
    panel.fault(ME, Fault::after("balance", Effect::WrongDate(-86_400)));
    let balance = client.post(format!("{}/balance", panel.base_url(ME))).form(&[("api_key", KEY)]);
    let date = balance.send().await.unwrap().headers()["date"].to_str().unwrap().to_owned();
    let yesterday = panel.clock(ME, |clock| clock.http_date(-86_400));
    assert_eq!(date[..16], yesterday[..16]);
}

#[tokio::test]
async fn the_line_fails_before_a_request_is_read() {
    let (_simulation, panel, _) = start(ME);
    let faults =
        [LineFault::ResetAtOnce, LineFault::NotTls, LineFault::CutHandshake, LineFault::Mute(Duration::from_millis(5))];
    for fault in faults {
        panel.line_fault(ME, 1, fault);
        assert_eq!(look(purchase(&panel, &client(&panel))).await, Saw::Connect, "{fault:?}");
    }
    assert!(panel.ledger(ME).requests.is_empty());
    assert_eq!(look(purchase(&panel, &client(&panel))).await, Saw::Json(200));
}

#[tokio::test]
async fn a_provider_is_dropped_and_comes_back_with_its_books() {
    let (_simulation, panel, client) = start(ME);
    assert_eq!(look(purchase(&panel, &client)).await, Saw::Json(200));
    let url = panel.base_url(ME);
    panel.drop_provider(ME);
    assert_eq!(look(purchase(&panel, &super::client(&panel))).await, Saw::Connect);
    assert!(matches!(look(purchase(&panel, &client)).await, Saw::Connect | Saw::Lost));
    panel.restore(ME);
    assert_eq!((panel.base_url(ME), panel.orders().len()), (url, 1));
    assert_eq!(look(purchase(&panel, &super::client(&panel))).await, Saw::Json(200));
    assert_eq!(panel.orders().len(), 2);
}

#[tokio::test]
async fn dropping_a_provider_cuts_an_answer_that_is_on_its_way() {
    let (_simulation, panel, client) = start(ME);
    panel.fault(ME, Fault::after("plan_purchase", Effect::Hold(Duration::from_secs(3600))));
    let buyer = tokio::spawn(look(purchase(&panel, &client)));
    panel.until(ME, |ledger| ledger.orders.len() == 1).await;
    panel.drop_provider(ME);
    assert_eq!(buyer.await.unwrap(), Saw::Lost);
}

#[tokio::test]
async fn faults_by_chance_never_unbalance_the_books() {
    let (_simulation, panel, client) = start(ME);
    panel.random_faults(ME, Some(RandomFaults { target: Target::Writes, ..RandomFaults::wire(11, 500) }));
    let mut good = 0;
    for _ in 0..60 {
        good += usize::from(look(purchase(&panel, &client)).await == Saw::Json(200));
    }
    let ledger = panel.ledger(ME);
    let struck = ledger.requests.iter().filter(|request| request.fault.is_some()).count();
    let processed = ledger.requests.iter().filter(|request| request.processed).count();
    assert!((15..45).contains(&struck), "{struck}");
    assert!(ledger.balances() && good > 15 && ledger.orders.len() == processed);
}

#[tokio::test]
async fn two_simulations_share_nothing_and_the_file_shows_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.json");
    let ca = folder.path().join("ca.pem");
    let options = Options { run: Some(1), ..Options::only(ME) }.in_folder(folder.path());
    let one = Simulation::start(options).unwrap();
    let two = Simulation::start(Options { run: Some(2), ..Options::only(ME) }).unwrap();
    let (here, there) = (one.panel(), two.panel());
    assert_eq!(look(purchase(&here, &client(&here))).await, Saw::Json(200));
    assert_eq!(look(purchase(&here, &client(&there))).await, Saw::Connect);
    assert!(there.orders().is_empty());
    assert_eq!(std::fs::read_to_string(ca).unwrap(), here.ca_pem());
    let text: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let sold = &text["providers"]["mobilexy"]["orders"][0];
    assert_eq!(sold["lpa"][0], here.orders()[0].1.lpa[0].as_str());
    assert_eq!(sold["goods"], "esim");
    assert_eq!(text["base_urls"]["mobilexy"], here.base_url(ME));
    assert_eq!(std::fs::read_to_string(folder.path().join("mobilexy.key")).unwrap(), KEY);
    let section: toml::Table = one.configuration().parse().unwrap();
    assert_eq!(section["providers"][0]["base"].as_str(), Some(&*here.base_url(ME)));
    assert!(!one.configuration().contains(KEY));
}

#[tokio::test]
async fn all_four_answer_on_one_port_and_each_can_be_dropped() {
    let simulation = Simulation::start(Options { one_port: true, plans: 300, ..Options::default() }).unwrap();
    let panel = simulation.panel();
    let client = client(&panel);
    assert_eq!(panel.providers(), Provider::ALL);
    assert!(panel.base_url(Provider::Esimfly).ends_with("/esimfly/api/v1/business"));
    assert_eq!(look(purchase(&panel, &client)).await, Saw::Json(200));
    panel.drop_provider(Provider::Roamify);
    let roamify = client.get(format!("{}/api/health", panel.base_url(Provider::Roamify)));
    assert_eq!(look(roamify).await, Saw::Lost);
    assert_eq!(look(purchase(&panel, &client)).await, Saw::Json(200));
    for provider in Provider::ALL {
        panel.drop_provider(provider);
    }
    assert_eq!(look(purchase(&panel, &super::client(&panel))).await, Saw::Connect);
}

#[tokio::test]
async fn unknown_addresses_and_too_many_calls_are_counted() {
    let (_simulation, panel, client) = start(ME);
    let (status, _) = json(client.get(format!("{}/orders", panel.base_url(ME)))).await;
    assert_eq!((status, panel.ledger(ME).disliked("unknown_path")), (404, 1));
    panel.rate_limit(ME, Some(crate::sim::providers::RateLimit { requests: 2, per_s: 60 }));
    let countries = || look(client.get(format!("{}/coverage/regions", panel.base_url(ME))));
    assert_eq!([countries().await, countries().await, countries().await], [200, 200, 429].map(Saw::Json));
    panel.advance(ME, Duration::from_secs(61));
    assert_eq!(countries().await, Saw::Json(200));
}

#[test]
fn a_test_can_wait_for_the_books_without_a_runtime() {
    let simulation = Simulation::start(Options::only(ME)).unwrap();
    let panel = simulation.panel();
    let other = panel.clone();
    let thread = std::thread::spawn(move || other.move_balance(ME, crate::sim::providers::Units::cents(-5)));
    let opening = panel.ledger(ME).opening;
    assert!(panel.wait_until(Duration::from_secs(20), |panel| panel.balance(ME) < opening));
    thread.join().unwrap();
    assert!(!panel.wait_until(Duration::ZERO, |panel| panel.balance(ME) > opening));
    panel.fault(ME, Fault::after("balance", Effect::Close).when(When::Always));
    panel.clear_faults(ME);
    assert_eq!(panel.faults_waiting(ME), 0);
}
