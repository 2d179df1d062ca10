//! A configuration from afar on trial: the machine must be well with it for a while, or it is taken back and the program
//! starts anew without it.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, warn};

use super::operations::look;
use super::orders::stop_when_quiet;
use crate::config::Pushed;
use crate::config::pushed::Standing;
use crate::kiosk::Inbox;
use crate::kiosk::status::Status;

/// How often the machine is asked how it is.
const EVERY: Duration = Duration::from_secs(5);
/// So long without a break it must be well.
const WELL_FOR: Duration = Duration::from_secs(120);
/// So long after the start it may take: devices start slowly, and a provider may be away for a minute.
const GIVE_UP: Duration = Duration::from_secs(15 * 60);

/// What is wrong with the machine: why cards are not taken, and each device and account that does not do its work. An
/// operator's lock is not among it: it says nothing about what the configuration does, whether it was there before or
/// came meanwhile; nor is a limit or a breaker, which come and go.
pub(super) fn troubles(status: &Status) -> Vec<String> {
    let paused = status.reason_unlocked.map(|reason| format!("paused: {reason:?}"));
    let terminal = (status.terminal == "misconfigured").then(|| "terminal misconfigured".to_owned());
    let printer = (!matches!(status.printer.as_str(), "ready" | "paper low")).then(|| "printer".to_owned());
    let accounts = status.accounts.iter().filter_map(|account| match () {
        () if account.health.credentials_refused => Some(format!("{} refuses our key", account.name)),
        () if !account.answers => Some(format!("{} does not answer", account.name)),
        () => None,
    });
    paused.into_iter().chain(terminal).chain(printer).chain(accounts).collect()
}

/// What was not wrong before the trial (it need not mend a network).
fn new_troubles(status: &Status, before: &[String]) -> Vec<String> {
    // A misconfigured terminal is never as well as before: what is on trial is a configuration.
    let is_new = |trouble: &String| trouble == "terminal misconfigured" || !before.contains(trouble);
    troubles(status).into_iter().filter(is_new).collect()
}

/// Watches a trial to its end; without one it returns at once.
pub(super) async fn watch(pushed: Pushed, inbox: mpsc::Sender<Inbox>) {
    let Standing::Trial(before) = pushed.standing() else { return };
    let start = Instant::now();
    let mut well_since = None;
    let mut last = "the service did not answer".to_owned();
    while start.elapsed() < GIVE_UP {
        tokio::time::sleep(EVERY).await;
        if inbox.is_closed() {
            return;
        }
        let Some(status) = look(&inbox).await else {
            well_since = None;
            continue;
        };
        let new = new_troubles(&status, &before);
        if new.is_empty() {
            if well_since.get_or_insert_with(Instant::now).elapsed() >= WELL_FOR {
                if let Err(error) = pushed.accept() {
                    error!(%error, "the configuration proved itself, and that cannot be kept");
                }
                return;
            }
        } else {
            well_since = None;
            last = new.join(", ");
        }
    }
    if let Err(error) = pushed.take_back(&format!("the machine was not well with it: {last}")) {
        error!(%error, "the configuration cannot be taken back");
        return;
    }
    warn!("starting anew without the configuration from afar");
    // Not into a sale: with this configuration nobody can pay, but somebody may still be handed over to.
    stop_when_quiet(&inbox).await;
}

#[cfg(test)]
mod tests {
    // What a test lays out need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::kiosk::alarms::tests::well;
    use crate::kiosk::view::OutOfService;

    const EXAMPLE: &str = include_str!("../../systemd/config.example.toml");

    /// A machine on trial whose state is what the test says; the watch, and whether the program was stopped.
    struct Bench {
        _dir: tempfile::TempDir,
        pushed: Pushed,
        status: Arc<Mutex<Status>>,
        stopped: tokio::task::JoinHandle<bool>,
        watch: tokio::task::JoinHandle<()>,
    }

    fn bench(before: &[&str], first: Status) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let file = dir.path().join("kiosk.toml");
        std::fs::write(&file, EXAMPLE.replacen("/var/lib/esim-kiosk", &state.display().to_string(), 1)).unwrap();
        let pushed = Pushed::beside(&state);
        let part = "[operator]\nhelp_phone = \"+43 1 999\"\n";
        pushed.take(&file, part, before.iter().map(|&word| word.to_owned()).collect()).unwrap();
        let status = Arc::new(Mutex::new(first));
        let (inbox, mut queue) = mpsc::channel(4);
        let told = status.clone();
        let stopped = tokio::spawn(async move {
            while let Some(event) = queue.recv().await {
                match event {
                    Inbox::Look(answer) => drop(answer.send(told.lock().unwrap().clone())),
                    Inbox::StopWhenQuiet(_) => return true,
                    other => panic!("{other:?}"),
                }
            }
            false
        });
        let watch = tokio::spawn(watch(pushed.clone(), inbox));
        Bench { _dir: dir, pushed, status, stopped, watch }
    }

    fn paused_for(reason: OutOfService) -> Status {
        Status { selling: "paused", reason: Some(reason), reason_unlocked: Some(reason), ..well() }
    }

    /// The same machine, closed by its operator.
    fn locked(status: Status) -> Status {
        Status { selling: "paused", reason: Some(OutOfService::Operator), locked: true, ..status }
    }

    #[tokio::test(start_paused = true)]
    async fn behind_an_operators_lock_what_does_not_work_is_taken_back() {
        assert_eq!(troubles(&locked(well())), Vec::<String>::new(), "what is kept of before the trial");
        let bench = bench(&[], locked(paused_for(OutOfService::Terminal)));
        bench.watch.await.unwrap();
        assert_eq!(bench.pushed.standing(), Standing::File);
        assert!(bench.stopped.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_in_the_middle_of_a_good_trial_takes_nothing_back() {
        let bench = bench(&[], well());
        tokio::time::sleep(Duration::from_secs(30)).await;
        *bench.status.lock().unwrap() = locked(well());
        bench.watch.await.unwrap();
        assert_eq!(bench.pushed.standing(), Standing::Pushed);
        assert!(!bench.stopped.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_sells_for_two_minutes_keeps_it() {
        let bench = bench(&[], paused_for(OutOfService::Terminal));
        tokio::time::sleep(Duration::from_secs(30)).await;
        *bench.status.lock().unwrap() = well();
        bench.watch.await.unwrap();
        assert_eq!(bench.pushed.standing(), Standing::Pushed);
        assert!(!bench.stopped.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_is_not_well_gives_it_back_and_starts_anew() {
        let bench = bench(&[], paused_for(OutOfService::Terminal));
        bench.watch.await.unwrap();
        assert_eq!(bench.pushed.standing(), Standing::File);
        assert!(bench.pushed.refused().unwrap().contains("Terminal"));
        assert!(bench.stopped.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_or_an_account_that_it_costs_takes_it_back() {
        let mut deaf = well();
        deaf.printer = "silent".into();
        let mut shut = well();
        shut.accounts[0].health.credentials_refused = true;
        for (status, word) in [(deaf, "printer"), (shut, "mobilexy refuses our key")] {
            let lost = self::bench(&[], status.clone());
            lost.watch.await.unwrap();
            assert_eq!(lost.pushed.standing(), Standing::File, "{word}");
            assert!(lost.pushed.refused().unwrap().contains(word));
            let known = self::bench(&[word], status);
            known.watch.await.unwrap();
            assert_eq!(known.pushed.standing(), Standing::Pushed, "{word} was there before");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_wrong_before_is_not_the_trials_fault() {
        let bench = bench(&["paused: Network"], paused_for(OutOfService::Network));
        bench.watch.await.unwrap();
        assert_eq!(bench.pushed.standing(), Standing::Pushed);
        let bench = self::bench(&["paused: Network"], paused_for(OutOfService::Configuration));
        bench.watch.await.unwrap();
        assert_eq!(bench.pushed.standing(), Standing::File);
    }
}
