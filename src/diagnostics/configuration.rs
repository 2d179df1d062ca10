//! The configuration as a bundle tells it: the machine's own file, what was pushed over it, what is in force, and what
//! was taken back last, with the reason. Their secrets are places, and what is none is taken out by the bundle.

use std::path::{Path, PathBuf};

use toml::Table;

use super::sources::{Scene, Text, file};
use crate::config::Config;

/// What lies beside the journal, where a configuration came from afar.
const PUSHED: [&str; 5] = ["trial.toml", "trial.json", "good.toml", "refused.toml", "refused.txt"];

/// The texts of a bundle.
pub fn texts(scene: &Scene) -> Vec<Text> {
    let verdict = match &scene.config {
        Ok(_) => Ok("The configuration is read without a problem.\n".to_owned()),
        Err(problems) => Err(problems.clone()),
    };
    let mut texts = vec![
        ("configuration/kiosk.toml".into(), file(&scene.config_file), false),
        ("configuration/problems.txt".into(), verdict, false),
        ("configuration/secrets.txt".into(), Ok(scene.secrets.told()), false),
    ];
    let pushed = pushed(&scene.config_file);
    for name in PUSHED {
        let path = pushed.join(name);
        if path.exists() {
            texts.push((format!("configuration/{name}"), file(&path), false));
        }
    }
    if let Some(whole) = Config::in_force(&scene.config_file) {
        texts.push(("configuration/in-force.toml".into(), Ok(whole), false));
    }
    texts
}

/// Every configuration that was or may be in force, as far as it can be read.
pub(super) fn all(config_file: &Path) -> Vec<String> {
    let pushed = pushed(config_file);
    let parts = PUSHED.iter().filter(|name| name.ends_with(".toml")).map(|name| pushed.join(name));
    // The machine's own file may be a link into a directory of settings.
    let own = std::fs::canonicalize(config_file).unwrap_or_else(|_| config_file.to_owned());
    std::iter::once(own).chain(parts).filter_map(|path| file(&path).ok()).collect()
}

/// Where pushed configurations lie. The machine's own file says where; whatever else is wrong in it.
fn pushed(config_file: &Path) -> PathBuf {
    let table = std::fs::read_to_string(config_file).ok().and_then(|text| text.parse::<Table>().ok());
    let directory = table.as_ref().and_then(|table| table.get("journal")?.get("directory")?.as_str());
    let default = || crate::journal::section::Section::default().directory;
    directory.map_or_else(default, PathBuf::from).join("configuration")
}
