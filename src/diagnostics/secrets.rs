//! The secrets of this very machine: what must never be in a bundle is known best by its own value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
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

/// The secrets of a machine, by their places.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Each place as it is written, and its text or why it cannot be read.
    found: BTreeMap<String, Result<String, String>>,
}

/// Every secret that the configuration names a place for: the machine's own file, what was pushed, what was taken back.
pub fn of(config_file: &Path) -> Secrets {
    let places = places(config_file).into_iter();
    Secrets {
        found: places
            .map(|place| {
                let read = place.read();
                (place.named, read)
            })
            .collect(),
    }
}

impl Secrets {
    /// Their lines, each a secret of its own; the marks of a PEM file are none.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.found.values().flatten().flat_map(|text| text.lines()).map(str::trim);
        lines.filter(|line| !line.starts_with("-----")).map(str::to_owned).collect()
    }

    /// What the service hands to the report unit, which systemd shows no credentials.
    pub(super) fn to_hand_over(&self) -> BTreeMap<&str, &str> {
        self.found.iter().filter_map(|(place, text)| Some((place.as_str(), text.as_ref().ok()?.as_str()))).collect()
    }

    /// Knows what was handed over too. What can be read here is believed more.
    pub(super) fn take(&mut self, handed: BTreeMap<String, String>) {
        for (place, text) in handed {
            let known = self.found.entry(place).or_insert_with(|| Err("not read here".to_owned()));
            if known.is_err() {
                *known = Ok(text);
            }
        }
    }

    /// Which of them are known, for the bundle: a place that cannot be read is taken out by its look alone.
    pub(super) fn told(&self) -> String {
        if self.found.is_empty() {
            return "The configuration names no place of a secret.\n".to_owned();
        }
        self.found.iter().fold(String::new(), |text, (place, read)| match read {
            Ok(_) => text + &format!("{place}: known, and taken out wherever it stands\n"),
            Err(why) => text + &format!("{place}: NOT known, only what looks like a secret was taken out ({why})\n"),
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.found.keys()).finish()
    }
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
        let mut secrets = of(Path::new(&config));
        let known = secrets.lines();
        for secret in ["of the file", "of the push", "of the old one", "MIIEvFLEET"] {
            assert!(known.iter().any(|line| line == secret), "{secret} is not in {known:?}");
        }
        assert!(!known.iter().any(|line| line.contains("PRIVATE")), "{known:?}");
        let told = secrets.told();
        assert!(told.contains("credential:nowhere-at-all: NOT known"), "{told}");
        assert_eq!(told.matches(": known").count(), 4, "{told}");
        // What the service may read and the report unit may not.
        let handed = [("credential:nowhere-at-all", "of systemd"), (&*format!("file:{own}"), "an older one")];
        secrets.take(handed.map(|(place, text)| (place.to_owned(), text.to_owned())).into());
        let known = secrets.lines();
        assert!(known.contains(&"of systemd".to_owned()) && !known.contains(&"an older one".to_owned()), "{known:?}");
        assert!(!secrets.told().contains("NOT known"), "{}", secrets.told());
        assert!(!format!("{secrets:?}").contains("of systemd"), "{secrets:?}");
    }
}
