//! Every state of every screen × language × theme × orientation as a picture, with an index page and what is wrong.

pub mod faults;
pub mod font;
pub mod samples;
pub mod samples_sale;
mod samples_service;
pub mod translations;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::kiosk::view::Look;
use crate::ui::{Headless, Picture, Probed, ScreenError, Surface};
use faults::Judge;
use samples::{Sample, Samples};

/// The languages that we offer.
pub const LANGUAGES: [&str; 2] = ["en", "de"];
/// The orientations, by the name of their folder.
pub const ORIENTATIONS: [(&str, Surface); 2] = [("portrait", Surface::PORTRAIT), ("landscape", Surface::LANDSCAPE)];
/// The themes, by the name of their folder.
pub const THEMES: [(&str, Look); 4] = [
    ("normal", Look { large_text: false, high_contrast: false, low_reach: false }),
    ("large", Look { large_text: true, high_contrast: false, low_reach: false }),
    ("contrast", Look { large_text: false, high_contrast: true, low_reach: false }),
    ("low", Look { large_text: false, high_contrast: false, low_reach: true }),
];

/// Why the gallery could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GalleryError {
    /// The screen.
    #[error("the gallery has no screen")]
    Screen(#[from] ScreenError),
    /// A file.
    #[error("the gallery cannot write into its folder: choose another with --out")]
    Write(#[from] io::Error),
    /// A picture.
    #[error("a picture could not be encoded")]
    Encode(#[from] png::EncodingError),
}

/// What was made.
#[derive(Debug, Default)]
pub struct Gallery {
    /// Paths below the folder, in the order of the index.
    pub pictures: Vec<String>,
    /// What is wrong, each with its picture's path.
    pub faults: Vec<String>,
}

/// A screen in memory on which samples are put, each as a session of its own.
pub struct Easel {
    /// The screen.
    pub screen: Headless,
    session: u64,
    // Wishes of the gallery's touches lead nowhere.
    _wishes: tokio::sync::mpsc::Receiver<crate::kiosk::Intent>,
}

impl Easel {
    /// A screen of this thread.
    ///
    /// # Errors
    /// [`ScreenError`] when the thread has one already.
    pub fn new() -> Result<Easel, ScreenError> {
        let (sender, wishes) = tokio::sync::mpsc::channel(256);
        Ok(Easel { screen: Headless::new(Surface::PORTRAIT, sender)?, session: 1, _wishes: wishes })
    }

    /// Shows a sample and does its touches; the names that could not be touched come back.
    pub fn put(&mut self, sample: &Sample, look: Look) -> Vec<&'static str> {
        self.session += 1;
        let mut view = sample.view.clone();
        view.session = self.session;
        view.look = look;
        self.screen.show(&view);
        let missed = sample.touches.iter().filter(|name| !self.screen.touch_part(name)).copied().collect();
        while self._wishes.try_recv().is_ok() {}
        missed
    }

    /// What is on the screen.
    pub fn look(&mut self) -> (Picture, Probed) {
        (self.screen.picture(), self.screen.probe())
    }
}

/// Makes the whole gallery below `out`.
///
/// # Errors
/// [`GalleryError`] when there is no screen or a file cannot be written. Faults of screens are no error: they are listed.
pub fn make(out: &Path) -> Result<Gallery, GalleryError> {
    let mut easel = Easel::new()?;
    let mut gallery = Gallery::default();
    for (orientation, surface) in ORIENTATIONS {
        easel.screen.set_surface(surface);
        for language in LANGUAGES {
            let judge = Judge::new(language, surface);
            for (theme, look) in THEMES {
                if look.low_reach && surface.width_px > surface.height_px {
                    continue;
                }
                let folder = format!("{orientation}/{language}/{theme}");
                std::fs::create_dir_all(out.join(&folder))?;
                for sample in Samples::all(language) {
                    let path = format!("{folder}/{}.png", sample.name);
                    for part in easel.put(&sample, look) {
                        gallery.faults.push(format!("{path}: {part} cannot be touched"));
                    }
                    let (picture, probed) = easel.look();
                    gallery.faults.extend(judge.faults(&probed).into_iter().map(|fault| format!("{path}: {fault}")));
                    write(&out.join(&path), &picture.png()?)?;
                    gallery.pictures.push(path);
                }
            }
        }
    }
    write(&out.join("index.html"), index(&gallery).as_bytes())?;
    write(&out.join("faults.txt"), gallery.faults.join("\n").as_bytes())?;
    Ok(gallery)
}

/// The pictures can be made again: they need not survive a power cut.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::create(path)?.write_all(bytes)
}

fn index(gallery: &Gallery) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><title>Screens</title><style>body{font:16px sans-serif;margin:24px}\
         figure{display:inline-block;margin:8px}img{height:420px;border:1px solid #ccc}</style><h1>Screens</h1>\n",
    );
    page.push_str(&format!("<p>{} pictures, {} faults</p><ul>\n", gallery.pictures.len(), gallery.faults.len()));
    for fault in &gallery.faults {
        page.push_str(&format!("<li>{}</li>\n", escaped(fault)));
    }
    page.push_str("</ul>\n");
    for path in &gallery.pictures {
        page.push_str(&format!("<figure><img loading=lazy src=\"{path}\"><figcaption>{path}</figcaption></figure>\n"));
    }
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
