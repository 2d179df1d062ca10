//! The service screen: who gets in, what is shown and ordered there, and that no traveller's sale ever meets it.

// What a test lays out need not survive a power cut.
#![allow(clippy::disallowed_methods)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::books::journal;
use super::closing::{pull_the_plug, status};
use super::doubles::{Rig, settings};
use crate::config::PinHash;
use crate::esim::secret::SecretPlace;
use crate::journal::Journal;
use crate::kiosk::Intent;
use crate::kiosk::service_screen::{Door, Machine};
use crate::kiosk::view::{PinProblem, Screen, SecretText, ServiceAct, ServiceDesk, ServicePage, ServiceRow, Standing};
use crate::sim::memory::MemoryDisk;

const PIN: &str = "480215";

/// A machine that notes what is wished of it.
#[derive(Default)]
struct NotedMachine {
    brightness: Mutex<u8>,
    off: Mutex<bool>,
}

impl Machine for NotedMachine {
    fn facts(&self) -> Vec<ServiceRow> {
        vec![ServiceRow::new("Version", "1.2.3", Standing::Plain)]
    }
    fn log(&self, most: usize) -> Vec<String> {
        ["first", "second"].into_iter().take(most).map(str::to_owned).collect()
    }
    fn brightness(&self) -> Option<u8> {
        Some(*self.brightness.lock().unwrap())
    }
    fn set_brightness(&self, per_cent: u8) -> Result<(), String> {
        *self.brightness.lock().unwrap() = per_cent;
        Ok(())
    }
    fn power_off(&self) -> Result<(), String> {
        *self.off.lock().unwrap() = true;
        Ok(())
    }
}

/// A kiosk with a door, its PIN in a file, a minute after its start.
struct House {
    rig: Rig,
    machine: Arc<NotedMachine>,
    _dir: tempfile::TempDir,
}

impl House {
    async fn new() -> House {
        House::over(Box::new(MemoryDisk::default().open())).await
    }

    async fn over(journal: Box<dyn Journal>) -> House {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pin");
        std::fs::write(&file, PinHash::of(PIN).unwrap().to_text()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let machine = Arc::new(NotedMachine { brightness: Mutex::new(95), ..NotedMachine::default() });
        let door = Door { pin: SecretPlace::File(file), machine: machine.clone() };
        let rig = Rig::behind(journal, None, settings(), Some(door)).await;
        tokio::time::sleep(Duration::from_secs(61)).await;
        House { rig, machine, _dir: dir }
    }

    async fn knock(&mut self) {
        for _ in 0..7 {
            self.rig.touch(Intent::Knock).await;
        }
    }

    async fn door(&mut self, what: &str, wanted: impl Fn(Option<PinProblem>, u16) -> bool) {
        self.rig
            .see(what, |screen| match screen {
                Screen::ServicePin { problem, checking: false, wait_s } => wanted(*problem, *wait_s),
                _ => false,
            })
            .await;
    }

    async fn say(&mut self, pin: &str) {
        self.rig.touch(Intent::SubmitPin(SecretText(pin.into()))).await;
    }

    async fn enter(&mut self) {
        self.knock().await;
        self.door("the door", |_, _| true).await;
        self.say(PIN).await;
        self.desk("inside", |desk| desk.page == ServicePage::Devices).await;
    }

    async fn desk(&mut self, what: &str, wanted: impl Fn(&ServiceDesk) -> bool) -> ServiceDesk {
        let view = self.rig.see(what, |screen| matches!(screen, Screen::Service(desk) if wanted(desk))).await;
        let Screen::Service(desk) = &view.screen else { unreachable!() };
        desk.clone()
    }

    async fn order(&mut self, page: ServicePage, act: ServiceAct) {
        self.rig.touch(Intent::OpenServicePage(page)).await;
        self.rig.touch(Intent::OrderService(act)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_gets_in_looks_around_and_prints() {
    let mut house = House::new().await;
    house.enter().await;
    let desk = house.desk("the devices", |desk| !desk.rows.is_empty()).await;
    let fact = |of: &str| desk.rows.iter().find(|row| row.of == of).map(|row| (row.fact.as_str(), row.standing));
    assert_eq!(fact("Card terminal"), Some(("ready", Standing::Good)));
    assert_eq!(fact("mobilexy"), Some(("answers, 100 EUR", Standing::Good)));

    house.order(ServicePage::Devices, ServiceAct::PrintTest).await;
    let desk = house.desk("printed", |desk| desk.answer.is_some() && !desk.working).await;
    assert!(desk.answer.unwrap().ok);
    assert_eq!(house.rig.receipts.lock().unwrap()[0].number.0, "K07-TEST");

    house.order(ServicePage::Network, ServiceAct::TestNetwork).await;
    let desk = house.desk("asked", |desk| desk.page == ServicePage::Network && !desk.working).await;
    assert!(desk.rows[0].fact.starts_with("answers ("), "{:?}", desk.rows);

    house.order(ServicePage::Display, ServiceAct::Brighter).await;
    house.desk("brighter", |desk| desk.answer.as_ref().is_some_and(|answer| answer.text == "100 %")).await;
    house.rig.touch(Intent::OpenServicePage(ServicePage::Log)).await;
    let desk = house.desk("the log", |desk| desk.page == ServicePage::Log).await;
    assert_eq!(desk.rows.iter().map(|row| row.fact.as_str()).collect::<Vec<_>>(), ["second", "first"]);

    // An order of another page is none.
    house.rig.touch(Intent::OrderService(ServiceAct::PowerOff)).await;
    house.rig.touch(Intent::ConfirmService(true)).await;
    assert!(!*house.machine.off.lock().unwrap());
    house.order(ServicePage::Machine, ServiceAct::PowerOff).await;
    house.desk("the question", |desk| desk.asks == Some(ServiceAct::PowerOff)).await;
    assert!(!*house.machine.off.lock().unwrap(), "the first touch only asks");
    house.rig.touch(Intent::ConfirmService(true)).await;
    house.desk("switching off", |desk| desk.answer.as_ref().is_some_and(|answer| answer.ok)).await;
    assert!(*house.machine.off.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn closing_for_travellers_asks_first_and_is_seen_after_leaving() {
    let mut house = House::new().await;
    house.enter().await;
    house.order(ServicePage::Trade, ServiceAct::Close).await;
    house.desk("asked", |desk| desk.asks == Some(ServiceAct::Close)).await;
    house.rig.touch(Intent::ConfirmService(false)).await;
    house.desk("not meant", |desk| desk.asks.is_none() && desk.acts.contains(&ServiceAct::Close)).await;
    house.rig.touch(Intent::OrderService(ServiceAct::Close)).await;
    house.rig.touch(Intent::ConfirmService(true)).await;
    house.desk("closed", |desk| desk.acts.contains(&ServiceAct::Open)).await;
    house.rig.touch(Intent::Back).await;
    house.rig.see("closed for travellers", |screen| matches!(screen, Screen::OutOfService { .. })).await;
    // The door opens from the closed screen too, and the next one types the PIN again.
    house.knock().await;
    house.door("the door again", |problem, wait_s| problem.is_none() && wait_s == 0).await;
}

#[tokio::test(start_paused = true)]
async fn five_wrong_pins_lock_everybody_out_for_a_quarter_of_an_hour() {
    let mut house = House::new().await;
    house.knock().await;
    for _ in 0..4 {
        house.say("480216").await;
        house.door("wrong", |problem, wait_s| problem == Some(PinProblem::Wrong) && wait_s == 2).await;
        house.door("the next try", |_, wait_s| wait_s == 0).await;
    }
    house.say("480216").await;
    house.door("locked out", |problem, wait_s| problem == Some(PinProblem::LockedOut) && wait_s == 900).await;
    // The right one does not help now, nor does leaving and coming back.
    house.say(PIN).await;
    house.rig.touch(Intent::Back).await;
    house.rig.see("attract", |screen| matches!(screen, Screen::Attract(_))).await;
    house.knock().await;
    house.door("still locked", |_, wait_s| wait_s > 800).await;
    tokio::time::sleep(Duration::from_secs(900)).await;
    house.rig.see("idle", |screen| matches!(screen, Screen::Attract(_))).await;
    house.enter().await;
}

#[tokio::test(start_paused = true)]
async fn pulling_the_plug_does_not_end_a_lock_out_and_the_operator_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut house = House::over(journal(dir.path())).await;
    assert_eq!(status(&mut house.rig).await.shut_out_since_ms, None);
    house.knock().await;
    for _ in 0..5 {
        house.say("480216").await;
        house.door("wrong", |problem, _| problem.is_some()).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    house.door("locked out", |problem, wait_s| problem == Some(PinProblem::LockedOut) && wait_s > 800).await;
    let told = status(&mut house.rig).await.shut_out_since_ms;
    assert!(told.is_some(), "an alarm");
    let House { rig, .. } = house;
    pull_the_plug(rig).await;

    let mut house = House::over(journal(dir.path())).await;
    assert_eq!(status(&mut house.rig).await.shut_out_since_ms, told);
    house.knock().await;
    house.door("still out", |problem, wait_s| problem == Some(PinProblem::LockedOut) && wait_s > 700).await;
    house.say(PIN).await;
    tokio::time::sleep(Duration::from_secs(900)).await;
    house.rig.see("idle", |screen| matches!(screen, Screen::Attract(_))).await;
    house.enter().await;
    assert_eq!(status(&mut house.rig).await.shut_out_since_ms, None, "the operator was here");
}

#[tokio::test(start_paused = true)]
async fn pulling_the_plug_gives_nobody_new_tries() {
    let dir = tempfile::tempdir().unwrap();
    let mut house = House::over(journal(dir.path())).await;
    house.knock().await;
    for _ in 0..4 {
        house.say("480216").await;
        house.door("wrong", |problem, wait_s| problem == Some(PinProblem::Wrong) && wait_s == 2).await;
        house.door("the next try", |_, wait_s| wait_s == 0).await;
    }
    let House { rig, .. } = house;
    pull_the_plug(rig).await;

    let mut house = House::over(journal(dir.path())).await;
    house.knock().await;
    house.door("the first minute is over", |_, wait_s| wait_s == 0).await;
    house.say("480216").await;
    house.door("the fifth", |problem, wait_s| problem == Some(PinProblem::LockedOut) && wait_s == 900).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_in_during_a_sale_or_by_chance_or_right_after_a_start() {
    let mut house = House::new().await;
    // Slow touches are no knock.
    for _ in 0..14 {
        house.rig.touch(Intent::Knock).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    house.rig.walk_to_pay().await;
    house.knock().await;
    house.rig.see("still paying", |screen| matches!(screen, Screen::Pay(_))).await;

    // Without a door nobody hears it.
    let mut rig = Rig::start(&MemoryDisk::default()).await;
    for _ in 0..7 {
        rig.touch(Intent::Knock).await;
    }
    rig.touch(Intent::Start).await;
    rig.see("a traveller's screen", |screen| matches!(screen, Screen::Language { .. })).await;
}

#[tokio::test(start_paused = true)]
async fn a_pin_that_cannot_be_read_lets_nobody_in_and_says_so() {
    let mut house = House::new().await;
    std::fs::remove_file(house._dir.path().join("pin")).unwrap();
    house.knock().await;
    house.say(PIN).await;
    house.door("unreadable", |problem, _| problem == Some(PinProblem::Unreadable)).await;
    assert!(!format!("{:?}", Intent::SubmitPin(SecretText(PIN.into()))).contains(PIN));
}
