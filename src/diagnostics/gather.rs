//! From a wish to a bundle: asks every source, one after the other, and lets none of them end it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use jiff::ToSpan;

use super::bundle::{Bundle, NoBundle, Packed};
use super::redact::Redactor;
use super::sources::{self, Scene, Text};
use super::{live, machine, page, report, sales};

/// A bundle and what went wrong on the way.
#[derive(Debug)]
pub struct Gathered {
    /// The bundle.
    pub packed: Packed,
    /// Sources that failed; each is a text in the bundle.
    pub failed: Vec<String>,
}

/// Makes the bundle of at most `most` bytes. `progress` is told what is being read.
///
/// # Errors
/// Only where nothing can be packed at all; a source that fails becomes a text.
pub fn gather(mut scene: Scene, most: u64, mut progress: impl FnMut(&str)) -> Result<Gathered, NoBundle> {
    fill_times(&mut scene);
    let mut bundle = Bundle::new(Redactor::new(known_secrets(&scene.config_file)));
    let mut ask = |name: &str, source: &dyn Fn(&Scene) -> Vec<Text>| {
        progress(name);
        match catch_unwind(AssertUnwindSafe(|| source(&scene))) {
            Ok(texts) => put(&mut bundle, texts),
            Err(_) => bundle.add_failed(&format!("{name}.txt"), "the source broke (a panic; see the log)"),
        }
    };
    ask("configuration", &sources::configuration);
    ask("machine", &machine::facts);
    ask("logs", &sources::logs);
    ask("devices and recorder", &live::texts);
    let books = std::cell::RefCell::new(sales::Books::default());
    ask("sales", &|scene| {
        let read = sales::read(scene);
        let texts = sales::texts(&read);
        books.replace(read);
        texts
    });
    progress("report.html");
    let failed = bundle.failures();
    let drawn = catch_unwind(AssertUnwindSafe(|| {
        page::html(&report::Story::of(&scene, &books.borrow(), &failed, bundle.redactor()))
    }));
    match drawn {
        Ok(html) => bundle.add("report.html", &html, false),
        Err(_) => bundle.add_failed("report.html.txt", "the page could not be drawn (a panic; see the log)"),
    }
    progress("packing");
    let packed = bundle.pack(scene.machine(), &scene.wanted.words(), scene.now, most)?;
    Ok(Gathered { packed, failed: failed.into_iter().map(|(name, _)| name).collect() })
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
    if scene.wanted.sale.is_some()
        && scene.wanted.since.is_none()
        && scene.wanted.until.is_none()
        && let Some((since, until)) = report::around_sale(scene)
    {
        scene.wanted.since = Some(since);
        scene.wanted.until = Some(until);
        return;
    }
    if scene.wanted.since.is_none() {
        let hours = i64::from(scene.section().days) * 24;
        let end = scene.wanted.until.unwrap_or(scene.now);
        scene.wanted.since = end.checked_sub(hours.hours()).ok();
    }
}

/// Every secret that the configuration names a place for, read from there: what must never be in a bundle is known
/// best by its own value.
pub(super) fn known_secrets(config_file: &Path) -> Vec<String> {
    let Ok(text) = sources::file(config_file) else { return Vec::new() };
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(std::path::PathBuf::from);
    text.split(['"', '\''])
        .filter_map(|word| match word.split_once(':') {
            Some(("credential", name)) => Some(credentials.as_ref()?.join(name)),
            Some(("file", path)) => Some(path.into()),
            _ => None,
        })
        .filter_map(|path| sources::file(&path).ok())
        .flat_map(|secret| secret.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
        .collect()
}
