//! From a wish to a bundle: asks every source, one after the other, and lets none of them end it or hold it up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use jiff::ToSpan;

use super::bundle::{Bundle, NoBundle, Packed};
use super::redact::Redactor;
use super::sources::{self, Scene, Text, Wanted};
use super::{configuration, live, machine, page, report, sales};

/// So long may one source take; the logs are asked five times.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_LOGS: Duration = Duration::from_secs(60);

/// A bundle and what went wrong on the way.
#[derive(Debug)]
pub struct Gathered {
    /// The bundle.
    pub packed: Packed,
    /// Sources that failed; each is a text in the bundle.
    pub failed: Vec<String>,
}

/// Makes the bundle of at most `most` bytes. `progress` is told what is being read. What explains a sale is asked
/// first: the machine's programs are the ones that hang.
///
/// # Errors
/// Only where nothing can be packed at all; a source that fails or hangs becomes a text.
pub fn gather(mut scene: Scene, most: u64, mut progress: impl FnMut(&str)) -> Result<Gathered, NoBundle> {
    fill_times(&mut scene);
    let mut bundle = Bundle::new(Redactor::new(scene.secrets.lines()));
    let scene = Arc::new(scene);
    progress("sales");
    let shared = scene.clone();
    let books = match within(scene.until, PATIENCE, move || sales::read(&shared)) {
        Ok(books) => books,
        Err(why) => sales::Books { failed: vec![why.words().to_owned()], ..sales::Books::default() },
    };
    put(&mut bundle, sales::texts(&books));
    let mut ask = |name: &str, patience: Duration, source: &'static (dyn Fn(&Scene) -> Vec<Text> + Sync)| {
        progress(name);
        let shared = scene.clone();
        match within(scene.until, patience, move || source(&shared)) {
            Ok(texts) => put(&mut bundle, texts),
            Err(why) => bundle.add_failed(&format!("{name}.txt"), why.words()),
        }
    };
    ask("configuration", PATIENCE, &configuration::texts);
    ask("devices and recorder", PATIENCE, &live::texts);
    ask("logs", PATIENCE_LOGS, &sources::logs);
    for (name, source) in machine::FACTS {
        ask(name, PATIENCE, source);
    }
    progress("report.html");
    let failed = bundle.failures();
    let drawn =
        catch_unwind(AssertUnwindSafe(|| page::html(&report::Story::of(&scene, &books, &failed, bundle.redactor()))));
    match drawn {
        Ok(html) => bundle.add("report.html", &html, false),
        Err(_) => bundle.add_failed("report.html.txt", "the page could not be drawn (a panic; see the log)"),
    }
    progress("packing");
    let packed = bundle.pack(scene.machine(), &scene.wanted.words(), scene.now, most)?;
    Ok(Gathered { packed, failed: failed.into_iter().map(|(name, _)| name).collect() })
}

/// Why a source has no answer.
#[derive(Debug, Clone, Copy)]
enum Silent {
    Broke,
    Hangs,
    NoTimeLeft,
}

impl Silent {
    fn words(self) -> &'static str {
        match self {
            Silent::Broke => "the source broke (a panic; see the log)",
            Silent::Hangs => "the source gave no answer in time",
            Silent::NoTimeLeft => "not asked: no time was left",
        }
    }
}

/// What a source says within its time, and within that of all. One that hangs is left to its thread: a disk that does
/// not answer cannot be given up in any other way.
fn within<T: Send + 'static>(
    until: Instant,
    patience: Duration,
    source: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Silent> {
    let patience = patience.min(until.saturating_duration_since(Instant::now()));
    if patience.is_zero() {
        return Err(Silent::NoTimeLeft);
    }
    let (answer, heard) = sync_channel(1);
    // Nobody may listen any more.
    let asked = std::thread::Builder::new().name("source".into()).spawn(move || answer.send(source()).ok());
    if asked.is_err() {
        return Err(Silent::Broke);
    }
    heard.recv_timeout(patience).map_err(|error| match error {
        RecvTimeoutError::Timeout => Silent::Hangs,
        RecvTimeoutError::Disconnected => Silent::Broke,
    })
}

/// What one source says, asked alone.
pub(super) fn alone(scene: Scene, source: fn(&Scene) -> Vec<Text>) -> Result<Vec<Text>, String> {
    within(scene.until, PATIENCE_LOGS, move || source(&scene)).map_err(|why| why.words().to_owned())
}

/// Why there will be nothing about the sale that is wanted: the journal is whole and does not know it. Where it cannot
/// be read, nobody can say, and the bundle is worth having all the same.
pub fn unknown_sale(scene: &Scene) -> Option<String> {
    let name = scene.wanted.sale.clone()?;
    let (journal, machine) = (scene.journal(), scene.machine().to_owned());
    let told = Redactor::new(scene.secrets.lines()).clean(&name);
    let known = within(scene.until, PATIENCE, move || sales::knows(&journal, &name)).ok().flatten()?;
    (!known).then(|| {
        format!("there is no sale {told} in the journal of {machine}: a number looks like K07-000123; without one, the last days are told")
    })
}

fn put(bundle: &mut Bundle, texts: Vec<Text>) {
    for (name, text, shortens) in texts {
        match text {
            Ok(text) => bundle.add(&name, &text, shortens),
            Err(why) => bundle.add_failed(&name, &why),
        }
    }
}

/// Where no time is asked for: the last days, or the hour around the sale.
fn fill_times(scene: &mut Scene) {
    if let Wanted { sale: Some(name), since: None, until: None } = scene.wanted.clone() {
        let journal = scene.journal();
        if let Ok(Some((since, until))) = within(scene.until, PATIENCE, move || report::around_sale(&journal, &name)) {
            scene.wanted.since = Some(since);
            scene.wanted.until = Some(until);
            return;
        }
    }
    if scene.wanted.since.is_none() {
        let hours = i64::from(scene.section().days) * 24;
        let end = scene.wanted.until.unwrap_or(scene.now);
        scene.wanted.since = end.checked_sub(hours.hours()).ok();
    }
}
