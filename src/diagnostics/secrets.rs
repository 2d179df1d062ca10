//! The secrets of this very machine: what must never be in a bundle is known best by its own value.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::configuration;

/// Longest file that is taken for a secret, in bytes.
const MOST: u64 = 64 * 1024;
/// Where systemd shows the service's credentials to whoever may see them.
const OF_THE_SERVICE: &str = "/run/credentials/esim-kiosk.service";

/// A place that a configuration names for a secret, and where it may be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// As it is written: `credential:mobilexy`, `file:/etc/esim-kiosk/office.token`.
    named: String,
    files: Vec<PathBuf>,
}

/// The lines of every secret that the configuration names a place for: the machine's own file, what was pushed and what
/// was taken back. What cannot be read is unknown, and [`told`] says so.
pub(super) fn known(config_file: &Path) -> Vec<String> {
    let secrets = places(config_file).into_iter().filter_map(|place| place.read().ok());
    // The marks of a PEM file are no secret.
    let lines = secrets.flat_map(|secret| secret.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>());
    lines.filter(|line| !line.starts_with("-----")).collect()
}

/// Which secrets are known, for the bundle: a place that cannot be read is taken out by its look alone.
pub(super) fn told(config_file: &Path) -> String {
    let places = places(config_file);
    let mut text = places.iter().fold(String::new(), |text, place| match place.read() {
        Ok(_) => text + &format!("{}: known, and taken out wherever it stands\n", place.named),
        Err(why) => {
            text + &format!("{}: NOT known, only what looks like a secret was taken out ({why})\n", place.named)
        }
    });
    if text.is_empty() {
        text.push_str("The configuration names no place of a secret.\n");
    }
    text
}

fn places(config_file: &Path) -> BTreeSet<Place> {
    let credentials: Vec<PathBuf> = std::env::var_os("CREDENTIALS_DIRECTORY")
        .map(PathBuf::from)
        .into_iter()
        .chain([OF_THE_SERVICE.into()])
        .collect();
    let texts = configuration::all(config_file);
    let names = texts.iter().flat_map(|text| match text.parse::<Table>() {
        Ok(table) => in_table(&table),
        // One that is no TOML any more names its places all the same.
        Err(_) => text.split(['"', '\'']).map(str::to_owned).collect(),
    });
    names.filter_map(|name| place(&name, &credentials)).collect()
}

/// Every text of a document; a bare path as `fleet.key` has it becomes a `file:`.
fn in_table(table: &Table) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Table(table) => table.values().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    table.values().for_each(|value| walk(value, &mut found));
    let key = table.get("fleet").and_then(|fleet| fleet.get("key")).and_then(Value::as_str);
    found.extend(key.filter(|key| key.starts_with('/')).map(|key| format!("file:{key}")));
    found
}

fn place(name: &str, credentials: &[PathBuf]) -> Option<Place> {
    let files = match name.split_once(':')? {
        ("credential", name) if !name.is_empty() && !name.contains('/') => {
            credentials.iter().map(|directory| directory.join(name)).collect()
        }
        ("file", path) if path.starts_with('/') => vec![path.into()],
        _ => return None,
    };
    Some(Place { named: name.to_owned(), files })
}

impl Place {
    /// Its text, links followed: a secret is often a link into a directory that is exchanged whole.
    fn read(&self) -> Result<String, String> {
        let mut why = "no place".to_owned();
        for path in &self.files {
            match read(path) {
                Ok(text) => return Ok(text),
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    // A pipe or a device would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("no ordinary file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    // What a test lays out need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use super::*;

    #[test]
    fn secrets_of_pushed_and_refused_configurations_are_known_too() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let fleet = put("fleet.pem", "-----BEGIN PRIVATE KEY-----\nMIIEvFLEET\n-----END PRIVATE KEY-----\n");
        let (own, pushed, old) =
            (put("own.key", "of the file\n"), put("pushed.key", "of the push\n"), put("x", "of the old one"));
        let linked = dir.path().join("linked.key");
        std::os::unix::fs::symlink(&pushed, &linked).unwrap();
        let state = dir.path().join("state").display().to_string();
        let config = put(
            "kiosk.toml",
            &format!(
                "[journal]\ndirectory = \"{state}\"\n[fleet]\nkey = \"{fleet}\"\n[[providers]]\nkey = \"file:{own}\"\n\
                 [back_office]\ntoken = \"credential:nowhere-at-all\"\n"
            ),
        );
        put("state/configuration/good.toml", &format!("[back_office]\ntoken = \"file:{}\"\n", linked.display()));
        put("state/configuration/refused.toml", &format!("[back_office\ntoken = \"file:{old}\"\n"));
        let known = known(Path::new(&config));
        for secret in ["of the file", "of the push", "of the old one", "MIIEvFLEET"] {
            assert!(known.iter().any(|line| line == secret), "{secret} is not in {known:?}");
        }
        assert!(!known.iter().any(|line| line.contains("PRIVATE")), "{known:?}");
        let told = told(Path::new(&config));
        assert!(told.contains("credential:nowhere-at-all: NOT known"), "{told}");
        assert_eq!(told.matches(": known").count(), 4, "{told}");
    }
}
