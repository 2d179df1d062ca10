//! A traveller's hand and eyes: touches the real screen in memory, waits for what it shows, keeps pictures.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use esim_kiosk::kiosk::View;
use esim_kiosk::kiosk::view::Screen;
use esim_kiosk::ui::{Headless, Picture};
use tokio::sync::watch;

use crate::lost::Lost;

/// Longer than anything that a walk waits for.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const FRAME: Duration = Duration::from_millis(8);

/// The hand.
pub(crate) struct Hand {
    screen: Headless,
    views: watch::Receiver<Arc<View>>,
    out: PathBuf,
    pictures: u32,
    started: Instant,
    log: Vec<String>,
}

impl Hand {
    pub(crate) fn new(screen: Headless, views: watch::Receiver<Arc<View>>, out: &Path) -> Self {
        Hand { screen, views, out: out.to_owned(), pictures: 0, started: Instant::now(), log: Vec::new() }
    }

    fn name(&self) -> String {
        screen_name(&self.views.borrow().screen)
    }

    /// Waits until the screen shows what fits, drawn.
    pub(crate) fn see(&mut self, what: &str, fits: impl Fn(&View) -> bool) -> Result<Arc<View>, Lost> {
        let until = Instant::now() + PATIENCE;
        loop {
            if !self.screen.pump(&mut self.views) {
                return Err(Lost::Stopped);
            }
            let view = Arc::clone(&self.views.borrow());
            if fits(&view) && self.screen.drawn() == Some(view.version) {
                self.step(&format!("sees {what}"));
                return Ok(view);
            }
            if Instant::now() > until {
                return Err(Lost::NeverSaw { what: what.to_owned(), was: format!("{:?}", view.screen) });
            }
            std::thread::sleep(FRAME);
        }
    }

    /// Lets the screen run for a while.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<(), Lost> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if !self.screen.pump(&mut self.views) {
                return Err(Lost::Stopped);
            }
            std::thread::sleep(FRAME);
        }
        Ok(())
    }

    /// Touches a part, as soon as it is there and enabled.
    pub(crate) fn touch(&mut self, name: &str) -> Result<(), Lost> {
        let until = Instant::now() + Duration::from_secs(10);
        let (x, y) = loop {
            if let Some((x, y)) = self.screen.place_of(name) {
                self.screen.touch(x, y);
                break (x, y);
            }
            if !self.screen.pump(&mut self.views) {
                return Err(Lost::Stopped);
            }
            if Instant::now() > until {
                let targets = self.screen.probe().targets;
                let there: Vec<String> = targets.into_iter().map(|target| target.name).collect();
                return Err(Lost::NoPart { name: name.to_owned(), was: self.name(), there: there.join(", ") });
            }
            std::thread::sleep(FRAME);
        };
        self.step(&format!("touches {name} at {x:.0},{y:.0}"));
        Ok(())
    }

    /// Keeps the picture.
    pub(crate) fn keep(&mut self, name: &str) -> Result<Picture, Lost> {
        self.idle(Duration::from_millis(250))?;
        let picture = self.screen.picture();
        self.pictures += 1;
        let path = self.out.join(format!("{:02}-{name}.png", self.pictures));
        let png = picture.png().map_err(|error| Lost::Wrong(error.to_string()))?;
        esim_kiosk::sim::stage::put(&path, &png, 0o644)?;
        Ok(picture)
    }

    /// Notes a step with its time.
    pub(crate) fn step(&mut self, text: &str) {
        let line = format!("{:>8.3} s  {text}", self.started.elapsed().as_secs_f64());
        super::say(&line);
        self.log.push(line);
    }

    /// Everything that was noted.
    pub(crate) fn log(&self) -> String {
        let mut text = self.log.join("\n");
        text.push('\n');
        text
    }
}

/// The screen's name as it is serialised.
pub(crate) fn screen_name(screen: &Screen) -> String {
    let value = serde_json::to_value(screen).unwrap_or_default();
    value.get("screen").and_then(|name| name.as_str()).unwrap_or("?").to_owned()
}
