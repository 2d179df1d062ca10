//! Links to the fleet whose broker throws them out again and again, while certificates and configurations are replaced.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Finding;
use crate::config::Pushed;
use crate::fleet::link::Link;
use crate::fleet::section::Section;
use crate::fleet::{Ends, News};
use crate::metrics::Process;
use crate::sim::fleet::broker::Broker;
use crate::sim::fleet::pki::Pki;

/// Kiosks at the broker.
const KIOSKS: usize = 8;
/// So many times everybody is thrown out before anything is measured.
const WARM: u32 = 3;
/// Longer than a link needs to come back.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a reconnection may leave behind; the broker of the simulators remembers every message.
const MEMORY_PER_RECONNECTION: u64 = 4 << 10;
const SLACK_BYTES: u64 = 4 << 20;

/// What came of it.
#[derive(Debug, Default)]
pub struct Lines {
    /// Connections that were made again after the warm-up.
    pub reconnections: u64,
    /// Certificates that were replaced.
    pub certificates: u32,
    /// Configurations that were taken on trial, and taken back or kept.
    pub configurations: u32,
    warm: Process,
    end: Process,
    files: [usize; 2],
    /// What was wrong.
    pub wrongs: Vec<String>,
}

impl Lines {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let finding = |what: &str, found, most| Finding { what: format!("line: {what}"), found, most };
        let memory = self.end.resident_bytes.saturating_sub(self.warm.resident_bytes);
        vec![
            finding("memory, bytes", memory, SLACK_BYTES + self.reconnections * MEMORY_PER_RECONNECTION),
            finding("handles", self.end.open_fds.saturating_sub(self.warm.open_fds), 2),
            // The one in force, the last refused one, and why.
            finding("files of configurations at the end", self.files[1] as u64, 3),
        ]
    }

    pub(super) fn told(&self) -> Value {
        json!({
            "reconnections": self.reconnections, "certificates": self.certificates,
            "configurations": self.configurations,
            "memory_kib": [self.warm.resident_bytes / 1_024, self.end.resident_bytes / 1_024],
            "handles": [self.warm.open_fds, self.end.open_fds], "files": self.files,
        })
    }
}

pub(super) async fn run(rounds: u32) -> io::Result<Lines> {
    let folder = std::env::temp_dir().join(format!("esim-kiosk-soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = run_in(&folder, rounds).await;
    std::fs::remove_dir_all(&folder).ok();
    done
}

async fn run_in(folder: &Path, rounds: u32) -> io::Result<Lines> {
    let pki = Pki::make(&folder.join("pki"))?;
    let broker = Broker::start(&pki)?;
    let section = pki.section(broker.url(), "kiosk")?;
    let mut lines = Lines::default();
    let ends: Vec<_> = (0..KIOSKS).map(|number| link(&section, folder, number)).collect();
    let state = folder.join("state");
    std::fs::create_dir_all(&state)?;
    let config = folder.join("kiosk.toml");
    write_config(&config, &state)?;
    let mut before = 0;
    for round in 0..WARM + rounds {
        all_up(&broker, &ends, round, &mut lines).await;
        configure(&config, &state, round, &mut lines)?;
        if round + 1 == WARM {
            (lines.warm, before) = (Process::of_this(), broker.connections());
            lines.files[0] = count(&state);
        }
        // The same files, a new key and a new chain: used at the next connection.
        pki.client("kiosk")?;
        lines.certificates += 1;
        broker.down();
        broker.up();
    }
    all_up(&broker, &ends, WARM + rounds, &mut lines).await;
    lines.reconnections = broker.connections() - before;
    lines.end = Process::of_this();
    lines.files[1] = count(&state);
    Ok(lines)
}

/// One kiosk's end; it lives as long as somebody may tell it something.
fn link(section: &Section, folder: &Path, number: usize) -> mpsc::Sender<News> {
    let (news, told) = mpsc::channel(8);
    let (orders, _ordered) = mpsc::channel(1);
    let (commands, _pulls) = mpsc::channel(1);
    let ends = Ends { news: told, orders, commands, taken: None };
    let state = folder.join(format!("s{number}"));
    tokio::spawn(Link::new(section.clone(), &label(number), state, Vec::new(), ends).run());
    news
}

fn label(number: usize) -> String {
    format!("S{number:02}")
}

/// Every kiosk says something new, and the broker has it.
async fn all_up(broker: &Broker, ends: &[mpsc::Sender<News>], round: u32, lines: &mut Lines) {
    for news in ends {
        news.send(News::State { name: "facts", value: json!({ "round": round }) }).await.ok();
    }
    let wanted = format!("\"round\":{round}}}");
    let said = |number: usize| {
        let topic = format!("te/device/{}///twin/facts", label(number));
        broker.retained(&topic).is_some_and(|state| state.contains(&wanted))
    };
    let everybody = broker.until(|_| (0..KIOSKS).all(said));
    if tokio::time::timeout(PATIENCE, everybody).await.is_err() {
        lines.wrongs.push(format!("round {round}: a link did not come back"));
    }
}

/// A part from afar: on trial, then kept or taken back in turn.
fn configure(file: &Path, state: &Path, round: u32, lines: &mut Lines) -> io::Result<()> {
    let pushed = Pushed::beside(state);
    let part = format!("[operator]\nhelp_phone = \"+43 1 {round:06}\"\n");
    pushed.take(file, &part, Vec::new()).map_err(io::Error::other)?;
    pushed.starting(file)?;
    if round.is_multiple_of(2) {
        pushed.accept()?
    } else {
        pushed.take_back("the soak takes it back")?
    }
    lines.configurations += 1;
    Ok(())
}

fn write_config(file: &Path, state: &Path) -> io::Result<()> {
    let text = include_str!("../../../../systemd/config.example.toml");
    let text = text.replacen("/var/lib/esim-kiosk", &state.display().to_string(), 1);
    crate::sim::stage::put(file, text.as_bytes(), 0o644)
}

fn count(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |path: std::path::PathBuf| if path.is_dir() { count(&path) } else { 1 };
    entries.flatten().map(|entry| of(entry.path())).sum()
}
