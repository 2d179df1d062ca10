//! What draws: the demo and the gallery. A program that was built without its screen says so.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::lost::Lost;

/// The whole kiosk against the simulators, in a window or headless.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Walk a purchase without a window, and write what was seen.
    #[arg(long)]
    headless: bool,
    /// Where a headless walk writes.
    #[arg(long, default_value = "demo-output")]
    out: PathBuf,
    /// What happens; --list tells the names.
    #[arg(long, default_value = "purchase")]
    scenario: String,
    /// List the scenarios.
    #[arg(long)]
    list: bool,
    /// Language of the traveller.
    #[arg(long, default_value = "en")]
    language: String,
    /// 1280 × 800 instead of 1080 × 1920.
    #[arg(long)]
    landscape: bool,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[cfg(not(feature = "screen"))]
fn without_screen() -> Lost {
    Lost::Wrong("this program was built without its screen: build it without --no-default-features".to_owned())
}

#[cfg(not(feature = "screen"))]
pub(crate) fn demo(_: Demo) -> Result<(), Lost> {
    Err(without_screen())
}

#[cfg(not(feature = "screen"))]
pub(crate) fn gallery(_: &Path) -> Result<(), Lost> {
    Err(without_screen())
}

/// Plays the demo, in a window where there is one, else headless.
#[cfg(feature = "screen")]
pub(crate) fn demo(asked: Demo) -> Result<(), Lost> {
    use crate::demo;
    use crate::scenarios::Scenario;

    if asked.list {
        for (_, name, what) in Scenario::ALL {
            crate::say(&format!("{name:<18} {what}"));
        }
        return Ok(());
    }
    let Some(scenario) = Scenario::named(&asked.scenario) else {
        return Err(Lost::Asked(format!("no scenario is called {:?}: --list tells the names", asked.scenario)));
    };
    let Demo { headless, out, language, landscape, seed, .. } = asked;
    let wanted = demo::Wanted { out, scenario, language, landscape, seed };
    if headless {
        return demo::headless(&wanted);
    }
    if !esim_kiosk::ui::window_is_possible() {
        crate::say("no window can be opened here (no DISPLAY, no WAYLAND_DISPLAY): going on headless");
        return demo::headless(&wanted);
    }
    // Slint can be set up only once in a process: headless is a new one.
    if crate::window::window(&wanted.out)? {
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let out = wanted.out.join("headless");
    let status = std::process::Command::new(program).args(["demo", "--headless", "--out"]).arg(&out).status()?;
    if status.success() { Ok(()) } else { Err(Lost::Wrong("the headless walk failed".into())) }
}

/// Draws every state of every screen.
#[cfg(feature = "screen")]
pub(crate) fn gallery(out: &Path) -> Result<(), Lost> {
    let gallery = esim_kiosk::sim::gallery::make(out).map_err(|error| Lost::Wrong(crate::lost::chain(&error)))?;
    for fault in &gallery.faults {
        crate::say(fault);
    }
    crate::say(&format!("{} pictures, {} faults", gallery.pictures.len(), gallery.faults.len()));
    if gallery.faults.is_empty() { Ok(()) } else { Err(Lost::Wrong("the gallery has faults".into())) }
}
