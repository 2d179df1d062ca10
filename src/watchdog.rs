//! What systemd is told: READY, STATUS and WATCHDOG. The watchdog is fed only when screen, loop and journal have each
//! answered since it was fed last: a hang of any of them ends in a restart, and recovery asks every open fact.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

/// The service manager's socket. Without one everything is said into the void: the program was started by hand.
#[derive(Debug, Clone, Default)]
pub struct ServiceManager {
    socket: Option<Arc<UnixDatagram>>,
}

/// Why the service manager cannot be told anything.
#[derive(Debug, thiserror::Error)]
#[error("NOTIFY_SOCKET names {socket:?}, which cannot be reached: start by systemd with Type=notify, or unset it")]
pub struct NoManager {
    /// The socket.
    pub socket: OsString,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl ServiceManager {
    /// The one that started us.
    ///
    /// # Errors
    /// [`NoManager`] where it named a socket that is not there.
    pub fn from_environment() -> Result<Self, NoManager> {
        match std::env::var_os("NOTIFY_SOCKET") {
            Some(socket) if !socket.is_empty() => {
                Self::at(Path::new(&socket)).map_err(|source| NoManager { socket, source })
            }
            _ => Ok(ServiceManager::default()),
        }
    }

    /// The one that listens at this socket; `@name` is an abstract one.
    ///
    /// # Errors
    /// The system's.
    pub fn at(socket: &Path) -> io::Result<Self> {
        let ours = UnixDatagram::unbound()?;
        match socket.as_os_str().as_bytes().split_first() {
            Some((b'@', name)) => ours.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
            _ => ours.connect(socket)?,
        }
        ours.set_nonblocking(true)?;
        Ok(ServiceManager { socket: Some(Arc::new(ours)) })
    }

    /// The kiosk is up: the journal is open and the first picture is drawn.
    pub fn ready(&self, status: &str) {
        self.say(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// What `systemctl status` shows, in one line.
    pub fn status(&self, status: &str) {
        self.say(&[NotifyState::Status(&status.replace('\n', " "))]);
    }

    /// The kiosk goes down, by order.
    pub fn stopping(&self) {
        self.say(&[NotifyState::Stopping]);
    }

    fn feed(&self) {
        self.say(&[NotifyState::Watchdog]);
    }

    fn say(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::warn!(%error, "the service manager does not hear us");
        }
    }
}

macro_rules! ping {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub struct $name(Arc<AtomicU64>);

        impl $name {
            /// It has answered just now.
            pub fn answered(&self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }

            fn count(&self) -> u64 {
                self.0.load(Ordering::Relaxed)
            }
        }
    };
}

ping!(
    /// The screen has gone through its event loop.
    UiPing
);
ping!(
    /// The kiosk's loop has taken an event.
    LoopPing
);
ping!(
    /// The journal has synced a record.
    JournalPing
);

/// Feeds the watchdog of systemd.
#[derive(Debug)]
pub struct Watchdog {
    manager: ServiceManager,
    interval: Duration,
    ui: UiPing,
    kiosk: LoopPing,
    journal: JournalPing,
}

impl Watchdog {
    /// Starts feeding on the current tokio runtime, at the interval that systemd asks for (`WatchdogSec=`); without
    /// one nothing is fed, and the pings are counted for nobody.
    pub fn start(manager: ServiceManager) -> (UiPing, LoopPing, JournalPing, JoinHandle<()>) {
        Self::start_at(manager, sd_notify::watchdog_enabled())
    }

    /// As [`Watchdog::start`], with this interval.
    pub fn start_at(
        manager: ServiceManager,
        interval: Option<Duration>,
    ) -> (UiPing, LoopPing, JournalPing, JoinHandle<()>) {
        let (ui, kiosk, journal) = (UiPing::default(), LoopPing::default(), JournalPing::default());
        let pings = (ui.clone(), kiosk.clone(), journal.clone());
        let task = tokio::spawn(async move {
            if let Some(interval) = interval.filter(|interval| !interval.is_zero()) {
                Watchdog { manager, interval, ui, kiosk, journal }.feed().await;
            }
        });
        (pings.0, pings.1, pings.2, task)
    }

    async fn feed(self) {
        // Eight looks an interval: the answers of half an interval are enough for a feed in time.
        let mut looks = tokio::time::interval(self.interval / 8);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut fed = Self::named([0; 3]);
        let mut fed_at = tokio::time::Instant::now();
        let mut warned = false;
        loop {
            looks.tick().await;
            let now = self.counts();
            let silent: Vec<&str> =
                now.iter().zip(&fed).filter(|(now, fed)| now.1 == fed.1).map(|(now, _)| now.0).collect();
            if silent.is_empty() {
                self.manager.feed();
                fed = now;
                fed_at = tokio::time::Instant::now();
                warned = false;
            } else if !warned && fed_at.elapsed() >= self.interval / 2 {
                let silent = silent.join(" and ");
                tracing::warn!(silent, "no answer for half of the watchdog's interval");
                self.manager.status(&format!("no answer of {silent}"));
                warned = true;
            }
        }
    }

    fn counts(&self) -> [(&'static str, u64); 3] {
        Self::named([self.ui.count(), self.kiosk.count(), self.journal.count()])
    }

    fn named(counts: [u64; 3]) -> [(&'static str, u64); 3] {
        [("the screen", counts[0]), ("the loop", counts[1]), ("the journal", counts[2])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// systemd's end of the socket.
    struct Systemd {
        socket: UnixDatagram,
        _dir: tempfile::TempDir,
        manager: ServiceManager,
    }

    impl Systemd {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("notify");
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_nonblocking(true).unwrap();
            Systemd { socket, manager: ServiceManager::at(&path).unwrap(), _dir: dir }
        }

        fn heard(&self) -> Vec<String> {
            let mut buffer = [0_u8; 512];
            let mut heard = Vec::new();
            while let Ok(length) = self.socket.recv(&mut buffer) {
                heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
            heard
        }

        fn fed(&self) -> usize {
            self.heard().iter().filter(|message| message.contains("WATCHDOG=1")).count()
        }
    }

    const INTERVAL: Duration = Duration::from_secs(8);

    /// Lets virtual time pass in small steps, so that the watchdog's task runs in between.
    async fn pass(time: Duration) {
        let step = Duration::from_millis(250);
        let mut left = time;
        while !left.is_zero() {
            tokio::time::sleep(step.min(left)).await;
            left = left.saturating_sub(step);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_fed_while_all_three_answer() {
        let systemd = Systemd::new();
        let (ui, kiosk, journal, _task) = Watchdog::start_at(systemd.manager.clone(), Some(INTERVAL));
        for round in 0..10 {
            ui.answered();
            kiosk.answered();
            journal.answered();
            pass(Duration::from_millis(2_500)).await;
            assert_eq!(systemd.fed(), 1, "once for every round of answers, not in round {round}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_silent_part_starves_it_and_is_named() {
        for silent in 0..3 {
            let systemd = Systemd::new();
            let (ui, kiosk, journal, task) = Watchdog::start_at(systemd.manager.clone(), Some(INTERVAL));
            let all: [&dyn Fn(); 3] = [&|| ui.answered(), &|| kiosk.answered(), &|| journal.answered()];
            for _ in 0..10 {
                all.iter().enumerate().filter(|(place, _)| *place != silent).for_each(|(_, answered)| answered());
                pass(Duration::from_secs(1)).await;
            }
            let heard = systemd.heard();
            assert!(!heard.iter().any(|message| message.contains("WATCHDOG=1")), "{heard:?}");
            let name = ["the screen", "the loop", "the journal"][silent];
            assert_eq!(heard, [format!("STATUS=no answer of {name}\n")]);
            // It answers again: fed again.
            all.iter().for_each(|answered| answered());
            pass(Duration::from_secs(2)).await;
            assert_eq!(systemd.fed(), 1);
            task.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_interval_nothing_is_fed() {
        let systemd = Systemd::new();
        let (ui, kiosk, journal, task) = Watchdog::start_at(systemd.manager.clone(), None);
        task.await.unwrap();
        ui.answered();
        kiosk.answered();
        journal.answered();
        pass(INTERVAL).await;
        assert_eq!(systemd.fed(), 0);
    }

    #[test]
    fn readiness_status_and_stop_are_said() {
        let systemd = Systemd::new();
        systemd.manager.ready("selling");
        systemd.manager.status("paper is low\nK07");
        systemd.manager.stopping();
        assert_eq!(systemd.heard(), ["READY=1\nSTATUS=selling\n", "STATUS=paper is low K07\n", "STOPPING=1\n"]);
        ServiceManager::default().ready("nobody listens, and nothing happens");
    }

    #[test]
    fn an_abstract_socket_is_reached_too() {
        let name = format!("esim-kiosk-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        let manager = ServiceManager::at(Path::new(&format!("@{name}"))).unwrap();
        manager.status("here");
        let mut buffer = [0_u8; 64];
        let length = socket.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"STATUS=here\n");
        assert!(ServiceManager::at(Path::new("/nowhere/notify")).is_err());
    }
}
