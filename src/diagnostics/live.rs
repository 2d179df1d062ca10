//! What the living service left for us: events, screens, devices, the terminal's line, the health history.

use std::path::Path;

use super::recorder::HealthLine;
use super::sources::{Scene, Text, file};

/// The files of the live directory.
pub fn texts(scene: &Scene) -> Vec<Text> {
    let directory = scene.section().live(&scene.journal().directory);
    let text =
        |name: &str, from: &str, shortens: bool| -> Text { (name.to_owned(), file(&directory.join(from)), shortens) };
    vec![
        text("devices/now.json", "devices.json", false),
        text("devices/terminal-line.txt", "terminal-line.txt", true),
        text("recorder/events.txt", "events.txt", true),
        text("recorder/screens.txt", "screens.txt", true),
        ("devices/history.jsonl".into(), history_text(scene), true),
    ]
}

fn history_text(scene: &Scene) -> Result<String, String> {
    let path = scene.section().history(&scene.journal().directory);
    // There is an old one only after a while.
    let older = file(&path.with_extension("old.jsonl")).unwrap_or_default();
    file(&path).map(|text| older + &text)
}

/// What the service told of itself last: the devices' file, read.
pub fn devices(scene: &Scene) -> Option<serde_json::Value> {
    let directory = scene.section().live(&scene.journal().directory);
    serde_json::from_str(&file(&directory.join("devices.json")).ok()?).ok()
}

/// The health history, as far as it can be read.
pub fn history(scene: &Scene) -> Vec<HealthLine> {
    let text = history_text(scene).unwrap_or_default();
    let within = |line: &HealthLine| scene.wanted.until.is_none_or(|until| line.at <= until);
    let mut lines: Vec<HealthLine> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(within).collect();
    // The last one before the wanted time says how it began.
    if let Some(since) = scene.wanted.since {
        let before = lines.iter().take_while(|line| line.at < since).count();
        lines.drain(..before.saturating_sub(1));
    }
    lines
}

/// Whether the service runs, as far as its lock tells.
pub fn service(journal: &Path) -> String {
    let holder = std::fs::read_to_string(journal.join("journal.lock")).unwrap_or_default();
    match holder.trim().parse::<u32>() {
        Ok(process) if Path::new(&format!("/proc/{process}")).exists() => format!("running (process {process})"),
        Ok(process) => format!("dead (it was process {process})"),
        Err(_) => "never started here".to_owned(),
    }
}
