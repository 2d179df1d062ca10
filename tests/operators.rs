//! Operators at the real assembly: the product's loop, journal, terminal, printer and provider clients at simulators on
//! real interfaces; no pixels. What is ordered at the service screen and from afar is looked for where it must arrive:
//! on paper, in the terminal's ledger, on the traveller's screen.

// A test speaks by panicking, and what it lays out need not survive a power cut.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use esim_kiosk::assembly::{self, Running};
use esim_kiosk::config::Config;
use esim_kiosk::diagnostics::recorder::of_process;
use esim_kiosk::fleet::order::{Order, Signed, sign};
use esim_kiosk::kiosk::view::{PlanDetail, Screen, SecretText, Selling, ServiceAct, ServiceDesk, ServicePage};
use esim_kiosk::kiosk::{Inbox, Intent, OperatorCommand, View};
use esim_kiosk::sim::fleet::broker::Broker;
use esim_kiosk::sim::fleet::pki::Pki;
use esim_kiosk::sim::stage::{Pace, SERVICE_PIN, Scenery, Stage};
use esim_kiosk::watchdog::UiPing;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(240);

/// A kiosk in its hall.
struct Hall {
    stage: Stage,
    running: Running,
    dir: tempfile::TempDir,
}

impl Hall {
    fn open(more: impl FnOnce(&Path) -> String) -> Hall {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::set(&Scenery {
            approves_after: Duration::from_secs(3_600),
            pace: Pace::Walk,
            ..Scenery::of_code(dir.path().to_owned())
        })
        .unwrap();
        let more = more(dir.path());
        std::fs::File::options().append(true).open(&stage.config).unwrap().write_all(more.as_bytes()).unwrap();
        let running = Hall::start(&stage);
        Hall { stage, running, dir }
    }

    /// Inside a runtime, as the program's own start.
    fn start(stage: &Stage) -> Running {
        let config = Config::load(&stage.config).unwrap();
        let journal = assembly::journal(&config).unwrap();
        assembly::start(&config, Box::new(journal), UiPing::default()).unwrap()
    }

    /// The program is gone and starts anew on what is on disk.
    async fn restart(mut self) -> Hall {
        self.running.inbox.send(Inbox::Stop).await.ok();
        (&mut self.running.kiosk).await.unwrap().unwrap();
        self.running = Hall::start(&self.stage);
        self
    }

    async fn touch(&self, intent: Intent) {
        self.running.intents.send(intent).await.unwrap();
    }

    async fn see(&mut self, what: &str, fits: impl Fn(&Screen) -> bool) -> Arc<View> {
        let seen = tokio::time::timeout(PATIENCE, self.running.views.wait_for(|view| fits(&view.screen))).await;
        let seen = seen.map(|seen| seen.unwrap().clone());
        seen.unwrap_or_else(|_| panic!("never saw {what}: {:?}", self.running.views.borrow().screen))
    }

    async fn is_open(&mut self) {
        let open = |screen: &Screen| matches!(screen, Screen::Attract(attract) if attract.selling == Selling::Open);
        self.see("an open kiosk", open).await;
    }

    async fn is_closed(&mut self) {
        self.see("a closed kiosk", |screen| matches!(screen, Screen::OutOfService { .. })).await;
    }

    async fn knock(&self) {
        for _ in 0..7 {
            self.touch(Intent::Knock).await;
        }
    }

    /// Knocks, types the code and is inside.
    async fn enter(&mut self) {
        self.knock().await;
        let door = |screen: &Screen| matches!(screen, Screen::ServicePin { checking: false, wait_s: 0, problem: None });
        self.see("the door", door).await;
        self.touch(Intent::SubmitPin(SecretText(SERVICE_PIN.into()))).await;
        self.desk("inside", |desk| desk.page == ServicePage::Devices).await;
    }

    async fn desk(&mut self, what: &str, fits: impl Fn(&ServiceDesk) -> bool) -> ServiceDesk {
        let view = self.see(what, |screen| matches!(screen, Screen::Service(desk) if fits(desk))).await;
        let Screen::Service(desk) = &view.screen else { unreachable!() };
        desk.clone()
    }

    async fn order(&mut self, page: ServicePage, act: ServiceAct) {
        self.touch(Intent::OpenServicePage(page)).await;
        self.desk("the page", |desk| desk.page == page && desk.answer.is_none()).await;
        self.touch(Intent::OrderService(act)).await;
        if act.asks_again() {
            self.desk("the question", |desk| desk.asks == Some(act)).await;
            self.touch(Intent::ConfirmService(true)).await;
        }
    }

    /// From the first screen to the card.
    async fn walk_to_pay(&mut self) {
        self.is_open().await;
        self.touch(Intent::Start).await;
        self.touch(Intent::ChooseLanguage("en".into())).await;
        let view = self.see("destinations", |screen| matches!(screen, Screen::Destinations(_))).await;
        let Screen::Destinations(shown) = &view.screen else { unreachable!() };
        self.touch(Intent::ChooseDestination(shown.rows[0].id.clone())).await;
        let view = self.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
        let Screen::Plans(shown) = &view.screen else { unreachable!() };
        let plan = shown.plans.iter().find(|plan| plan.unavailable.is_none()).unwrap();
        self.touch(Intent::ChoosePlan(plan.id.clone())).await;
        self.touch(Intent::AcceptTerms(true)).await;
        let can_pay = |screen: &Screen| matches!(screen, Screen::PlanDetail(PlanDetail { can_pay: true, .. }));
        self.see("the plan", can_pay).await;
        self.touch(Intent::Pay).await;
        self.see("the card", |screen| matches!(screen, Screen::Pay(pay) if pay.can_cancel)).await;
    }

    async fn give_up(&mut self) {
        self.touch(Intent::Cancel).await;
        self.see("not charged", |screen| matches!(screen, Screen::NotCharged { .. })).await;
        self.touch(Intent::StartOver).await;
        self.is_open().await;
    }

    fn printed(&self) -> String {
        format!("{:?}", self.stage.printer.panel().sheets())
    }

    fn days(&self) -> usize {
        self.stage.terminal.ledger().book().days.len()
    }
}

#[tokio::test]
async fn everything_at_the_service_screen_reaches_its_device_and_nothing_meets_a_sale() {
    let mut hall = Hall::open(|_| String::new());
    hall.is_open().await;
    // During a sale nobody hears a knock.
    hall.walk_to_pay().await;
    hall.knock().await;
    hall.touch(Intent::OrderService(ServiceAct::EndOfDay)).await;
    let view = hall.see("still paying", |screen| matches!(screen, Screen::Pay(_))).await;
    assert!(view.name() == "pay" && hall.days() == 0);
    hall.give_up().await;
    // No code is taken in the first minute after a start, which is waited for at the door.
    hall.enter().await;

    let sheets = hall.stage.printer.panel().sheets().len();
    hall.order(ServicePage::Devices, ServiceAct::PrintTest).await;
    let desk = hall.desk("printed", |desk| desk.answer.is_some() && !desk.working).await;
    assert!(desk.answer.as_ref().unwrap().ok, "{desk:?}");
    assert_eq!(hall.stage.printer.panel().sheets().len(), sheets + 1);
    assert!(hall.printed().contains("K07-TEST"), "{}", hall.printed());

    hall.order(ServicePage::Devices, ServiceAct::AskTerminal).await;
    let desk = hall.desk("the terminal's word", |desk| desk.answer.is_some() && !desk.working).await;
    assert!(desk.answer.as_ref().unwrap().ok, "{desk:?}");

    hall.order(ServicePage::Network, ServiceAct::TestNetwork).await;
    let asked = |desk: &ServiceDesk| desk.rows.first().is_some_and(|row| row.of == "mobilexy") && !desk.working;
    let desk = hall.desk("asked", asked).await;
    assert!(desk.rows[0].fact.starts_with("answers ("), "{desk:?}");
    hall.order(ServicePage::Network, ServiceAct::RefreshCatalogue).await;
    let desk = hall.desk("fetching", |desk| desk.answer.is_some()).await;
    assert!(desk.answer.as_ref().unwrap().ok, "{desk:?}");

    of_process().event("a line for the technician".to_owned());
    hall.touch(Intent::OpenServicePage(ServicePage::Log)).await;
    hall.desk("the log", |desk| desk.rows.iter().any(|row| row.fact.contains("for the technician"))).await;

    hall.order(ServicePage::Trade, ServiceAct::EndOfDay).await;
    let ended = async {
        while hall.days() == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();

    hall.order(ServicePage::Trade, ServiceAct::Close).await;
    hall.desk("closed", |desk| desk.acts.contains(&ServiceAct::Open)).await;
    hall.touch(Intent::Back).await;
    hall.is_closed().await;
    // From the closed screen the door is there too.
    hall.enter().await;
    hall.order(ServicePage::Trade, ServiceAct::Open).await;
    hall.desk("open", |desk| desk.acts.contains(&ServiceAct::Close)).await;
    hall.order(ServicePage::Trade, ServiceAct::Close).await;
    hall.desk("closed", |desk| desk.acts.contains(&ServiceAct::Open)).await;
    let mut hall = hall.restart().await;
    hall.is_closed().await;
    let (answer, answered) = tokio::sync::oneshot::channel();
    let command = OperatorCommand::Lock(false);
    hall.running.inbox.send(Inbox::Order { command, answer }).await.unwrap();
    assert!(answered.await.unwrap().ok);
    hall.is_open().await;
}

/// The operator's desk far away: a broker, a key, and a counter that only rises.
struct Far {
    broker: Broker,
    key: Ed25519KeyPair,
    counter: u64,
}

const ORDERS: &str = "te/device/K07///cmd/kiosk_order";

impl Far {
    fn section(&self, pki: &Pki) -> String {
        let identity = pki.client("K07").unwrap();
        let hex: String = self.key.public_key().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "\n[fleet]\nbroker = \"{}\"\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\noperator_keys = [\"{hex}\"]\n",
            self.broker.url(),
            pki.ca().display(),
            identity.certificate.display(),
            identity.key.display(),
        )
    }

    fn signed(&mut self, order: Order) -> Value {
        self.counter += 1;
        let expires = jiff::Timestamp::from_second(4_000_000_000).unwrap();
        sign(&self.key, &Signed { kiosk: "K07".into(), counter: self.counter, expires, order }).unwrap()
    }

    fn say(&self, id: &str, command: &Value) {
        self.broker.publish(&format!("{ORDERS}/{id}"), command.to_string().as_bytes(), true);
    }

    fn state(&self, id: &str) -> Value {
        let said = self.broker.retained(&format!("{ORDERS}/{id}"));
        said.and_then(|said| serde_json::from_str(&said).ok()).unwrap_or_default()
    }

    async fn ended(&self, id: &str) -> Value {
        let over = |state: &Value| matches!(state["status"].as_str(), Some("successful" | "failed"));
        let waited = tokio::time::timeout(PATIENCE, self.broker.until(|_| over(&self.state(id)))).await;
        assert!(waited.is_ok(), "{id}: {}", self.state(id));
        self.state(id)
    }

    /// An order that must be done.
    async fn orders(&mut self, id: &str, order: Order) -> Value {
        let command = self.signed(order);
        self.say(id, &command);
        let end = self.ended(id).await;
        assert_eq!(end["status"], "successful", "{id}: {end}");
        end
    }
}

fn every_order() -> Vec<(&'static str, Order)> {
    let (provider, plan) = ("mobilexy".to_owned(), "1".to_owned());
    let off = Order::OffSale { provider: provider.clone(), plan: plan.clone(), reason: "recalled".into() };
    vec![
        ("lock", Order::Lock),
        ("unlock", Order::Unlock),
        ("refresh", Order::RefreshCatalogue),
        ("off-sale", off),
        ("on-sale", Order::OnSale { provider, plan }),
        ("print-test", Order::PrintTest { language: None }),
        ("end-of-day", Order::EndOfDay),
        ("configure", Order::Configure { part: "[operator]\nhelp_phone = \"+43 1 999\"\n".into() }),
        ("restart", Order::Restart),
    ]
}

/// Unsigned, bent, or signed by somebody else: nothing of all this reaches the loop.
async fn nothing_strange_is_done(far: &mut Far) {
    let foreign = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    for (name, order) in every_order() {
        let expires = jiff::Timestamp::from_second(4_000_000_000).unwrap();
        let strange = sign(&foreign, &Signed { kiosk: "K07".into(), counter: 900, expires, order: order.clone() });
        let mut bent = far.signed(Order::Lock);
        bent["order"] = far.signed(order)["order"].clone();
        let unsigned = json!({ "status": "init", "do": name });
        for (kind, command) in [("unsigned", unsigned), ("bent", bent), ("foreign", strange.unwrap())] {
            let id = format!("{kind}-{name}");
            far.say(&id, &command);
            let end = far.ended(&id).await;
            let reason = end["reason"].as_str().unwrap();
            assert!(end["status"] == "failed" && reason.contains("not the operator's"), "{end}");
        }
    }
}

/// While somebody pays: paper is refused, the rest waits for its turn, and the sale goes on.
async fn nothing_meets_a_sale(far: &mut Far, hall: &mut Hall) {
    hall.walk_to_pay().await;
    let command = far.signed(Order::PrintTest { language: None });
    far.say("print-in-sale", &command);
    let end = far.ended("print-in-sale").await;
    assert!(end["status"] == "failed" && end["reason"].as_str().unwrap().contains("traveller"), "{end}");
    let days = hall.days();
    far.orders("day-in-sale", Order::EndOfDay).await;
    far.orders("lock-in-sale", Order::Lock).await;
    let selling = |far: &Far| far.broker.retained("te/device/K07///twin/selling").unwrap_or_default();
    far.broker.until(|_| selling(far).contains("paused")).await;
    let command = far.signed(Order::Restart);
    far.say("restart-in-sale", &command);
    far.broker.until(|_| far.state("restart-in-sale")["status"] == "executing").await;
    let view = hall.see("still paying", |screen| matches!(screen, Screen::Pay(pay) if pay.can_cancel)).await;
    assert_eq!((view.name(), hall.days()), ("pay", days), "no day is closed over a sale");
    assert!(!hall.running.kiosk.is_finished());
    hall.touch(Intent::Cancel).await;
    hall.see("not charged", |screen| matches!(screen, Screen::NotCharged { .. })).await;
    hall.touch(Intent::StartOver).await;
    assert_eq!(far.ended("restart-in-sale").await["status"], "successful");
    tokio::time::timeout(PATIENCE, &mut hall.running.kiosk).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn every_order_from_afar_is_signed_once_answered_and_kept_out_of_a_sale() {
    let key = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::make(folder.path()).unwrap();
    let mut far = Far { broker: Broker::start(&pki).unwrap(), key, counter: 0 };
    let section = far.section(&pki);
    let mut hall = Hall::open(|_| section);
    hall.is_open().await;

    nothing_strange_is_done(&mut far).await;
    hall.is_open().await;
    assert_eq!((hall.days(), hall.stage.printer.panel().sheets().len()), (0, 0));

    // Signed: done, answered, and never again.
    far.orders("lock", Order::Lock).await;
    hall.is_closed().await;
    let again = far.state("lock")["order"].clone();
    let replayed = json!({ "status": "init", "order": again, "signature": far.state("lock")["signature"] });
    far.orders("unlock", Order::Unlock).await;
    hall.is_open().await;
    far.say("replayed", &replayed);
    let end = far.ended("replayed").await;
    assert!(end["status"] == "failed" && end["reason"].as_str().unwrap().contains("seen before"), "{end}");
    hall.is_open().await;
    let end = far.orders("print", Order::PrintTest { language: Some("de".into()) }).await;
    assert!(end["result"].as_str().unwrap().contains("printed") && hall.printed().contains("K07-TEST"), "{end}");
    for (name, order) in
        every_order().into_iter().filter(|(name, _)| matches!(*name, "refresh" | "off-sale" | "on-sale"))
    {
        let end = far.orders(name, order).await;
        assert!(end["result"].is_string(), "{end}");
    }
    far.orders("day", Order::EndOfDay).await;
    let until_closed = async {
        while hall.days() == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, until_closed).await.unwrap();

    nothing_meets_a_sale(&mut far, &mut hall).await;

    // The next start: still closed, and a configuration on trial starts the program once more.
    hall.running = Hall::start(&hall.stage);
    hall.is_closed().await;
    far.orders("unlock-again", Order::Unlock).await;
    hall.is_open().await;
    let end = far.orders("configure", every_order().remove(7).1).await;
    assert!(end["result"].as_str().unwrap().contains("trial"), "{end}");
    tokio::time::timeout(PATIENCE, &mut hall.running.kiosk).await.unwrap().unwrap().unwrap();
    assert!(hall.dir.path().join("state/configuration").is_dir());
}
