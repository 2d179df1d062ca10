//! Keys and passwords. A [`Secret`] prints as dots and is wiped when dropped; [`Mask`] takes secrets out of a text
//! before it goes anywhere that is read by people.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use zeroize::Zeroize;

/// A key, token or password. It has no `Serialize`, and its `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
}

/// Why a secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// The file is not there or cannot be read.
    #[error("cannot read the secret file {path}: put the key there, readable by the service alone")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("the secret file {path} can be read by others (mode {mode:o}): chmod 600 it")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Nothing in it.
    #[error("the secret file {path} is empty: put the key there")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A systemd credential was named, but systemd passed none.
    #[error("no credentials directory for {name}: start under systemd with LoadCredential={name}:…, or name a file")]
    NoCredentials {
        /// The credential.
        name: String,
    },
}

impl Secret {
    /// A secret of this text; surrounding white space (a file's last line end) is dropped.
    pub fn new(text: impl Into<String>) -> Self {
        let mut raw: String = text.into();
        let text = raw.trim().to_owned();
        raw.zeroize();
        Secret { text }
    }

    /// The text itself. Every call is a place to look at.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Reads a file that only its owner (and root) may read.
    ///
    /// # Errors
    /// [`NoSecret`] says what to do.
    pub fn from_file(path: &Path) -> Result<Self, NoSecret> {
        Secret::from_closed(path, 0o077)
    }

    /// Reads a systemd credential. Where systemd lets the service's user in by an access list, the list's mask stands
    /// in the group's bits and the file shows mode 0440: the group may read there, and nobody else.
    fn from_credential(path: &Path) -> Result<Self, NoSecret> {
        Secret::from_closed(path, 0o037)
    }

    /// Reads a file that has none of the permission bits `open`.
    fn from_closed(path: &Path, open: u32) -> Result<Self, NoSecret> {
        use std::os::unix::fs::PermissionsExt;
        let unreadable = |source| NoSecret::Unreadable { path: path.to_owned(), source };
        let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & open != 0 {
            return Err(NoSecret::Open { path: path.to_owned(), mode });
        }
        let secret = Secret::new(std::fs::read_to_string(path).map_err(unreadable)?);
        if secret.is_empty() { Err(NoSecret::Empty { path: path.to_owned() }) } else { Ok(secret) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(•••)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// Where a secret lies: `credential:NAME` (a systemd credential) or `file:/path`. The secret itself is never in the
/// configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SecretPlace {
    /// A systemd credential, from the directory in `CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// A file with checked permissions.
    File(PathBuf),
}

impl TryFrom<String> for SecretPlace {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("credential", name)) if !name.is_empty() && !name.contains('/') => {
                Ok(SecretPlace::Credential(name.to_owned()))
            }
            Some(("file", path)) if path.starts_with('/') => Ok(SecretPlace::File(path.into())),
            _ => Err("a secret's place is credential:NAME or file:/absolute/path, never the secret itself".into()),
        }
    }
}

impl SecretPlace {
    /// Reads the secret.
    ///
    /// # Errors
    /// [`NoSecret`] says what to do.
    pub fn read(&self) -> Result<Secret, NoSecret> {
        match self {
            SecretPlace::File(path) => Secret::from_file(path),
            SecretPlace::Credential(name) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| NoSecret::NoCredentials { name: name.clone() })?;
                Secret::from_credential(&Path::new(&directory).join(name))
            }
        }
    }
}

/// A secret that may be replaced while the program runs: its file is read at each use. While it cannot be read, because
/// it is just being replaced, the last one holds.
#[derive(Debug, Clone)]
pub struct Kept {
    place: SecretPlace,
    /// The newest first, and the one before: what was sent with it may still be spoken of.
    known: Arc<Mutex<Vec<Secret>>>,
}

impl Kept {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// [`NoSecret`] says what to do.
    pub fn read(place: &SecretPlace) -> Result<Self, NoSecret> {
        Ok(Kept { place: place.clone(), known: Arc::new(Mutex::new(vec![place.read()?])) })
    }

    fn known(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secret as it lies there now.
    pub fn now(&self) -> Secret {
        let read = self.place.read();
        let mut known = self.known();
        match read {
            Ok(secret) if known.first() != Some(&secret) => {
                tracing::info!(place = ?self.place, "a secret was replaced: the new one is used from now on");
                known.insert(0, secret);
                known.truncate(2);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(place = ?self.place, %error, "a secret cannot be read: the last one is used");
            }
        }
        known.first().cloned().unwrap_or_else(|| Secret::new(""))
    }
}

/// Takes secrets out of texts: the account's own keys wherever they stand, and whatever looks like an activation
/// code, a signed token or a bearer header.
#[derive(Clone, Default)]
pub struct Mask {
    secrets: Vec<Secret>,
    kept: Vec<Kept>,
}

/// What begins a secret that is not the account's own: an activation code with its prefix or without, as it is or in
/// an address, and tokens.
const STARTS: &[&str] = &["LPA:1$", "lpa:1$", "LPA:1%24", "LPA%3A1%24", "1$", "1%24", "Bearer ", "eyJ"];

impl Mask {
    /// A mask for these secrets.
    pub fn of(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Mask { secrets: secrets.into_iter().filter(|secret| secret.text.len() >= 4).collect(), kept: Vec::new() }
    }

    /// A mask for secrets that may be replaced.
    pub fn of_kept(kept: impl IntoIterator<Item = Kept>) -> Self {
        Mask { secrets: Vec::new(), kept: kept.into_iter().collect() }
    }

    /// `text` without secrets.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            clean = clean.replace(secret.reveal(), "•••");
        }
        for kept in &self.kept {
            for secret in kept.known().iter().filter(|secret| secret.text.len() >= 4) {
                clean = clean.replace(secret.reveal(), "•••");
            }
        }
        hide_after(&clean, STARTS)
    }

    /// `text` without secrets, control characters and excess: at most 300 characters.
    pub fn short(&self, text: &str) -> String {
        let clean: String = self.clean(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        match clean.char_indices().nth(300) {
            Some((at, _)) => clean[..at].to_owned(),
            None => clean,
        }
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} secrets)", self.secrets.len() + self.kept.len())
    }
}

/// Replaces each word that begins with one of `starts`, up to its end, by dots.
fn hide_after(text: &str, starts: &[&str]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next = starts.iter().filter_map(|start| rest.find(start).map(|at| (at, start.len()))).min();
        let Some((at, length)) = next else { break };
        shown.push_str(&rest[..at]);
        shown.push_str("•••");
        let tail = &rest[at + length..];
        let stop = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ',' | ';' | '\\');
        rest = tail.find(stop).map_or("", |end| &tail[end..]);
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_print() {
        let secret = Secret::new("sk_very_secret\n");
        assert_eq!(secret.reveal(), "sk_very_secret");
        assert!(!format!("{secret:?}").contains("very"));
        let mask = Mask::of([secret]);
        let text = mask
            .clean("key sk_very_secret, code \"LPA:1$smdp.io$ABC-1\" and lpa:1$x.io$B <eyJhbGciOi.J9> Bearer abc, end");
        assert_eq!(text, "key •••, code \"•••\" and ••• <•••> •••, end");
        let bare = mask.clean("1$smdp.io$ABC-1 Lpa:1$smdp.io$DEF-2 carddata=LPA%3A1%24smdp.io%24GHI-3");
        assert_eq!(bare, "••• Lpa:••• carddata=•••");
        assert!(!format!("{mask:?}").contains("very"));
        assert_eq!(mask.short(&"é\n".repeat(400)).chars().count(), 300);
    }

    #[test]
    fn a_replaced_secret_is_used_without_a_restart_and_neither_prints() {
        use std::os::unix::fs::OpenOptionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let put = |text: &str| {
            let mut file =
                std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        };
        put("first-key\n");
        let kept = Kept::read(&SecretPlace::File(path.clone())).unwrap();
        let mask = Mask::of_kept([kept.clone()]);
        assert_eq!(kept.now().reveal(), "first-key");
        put("second-key\n");
        assert_eq!(kept.now().reveal(), "second-key");
        assert_eq!(mask.clean("first-key second-key third-key"), "••• ••• third-key");
        // Half replaced: empty, gone. The last one holds.
        put("");
        assert_eq!(kept.now().reveal(), "second-key");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(kept.now().reveal(), "second-key");
        assert!(Kept::read(&SecretPlace::File(path.clone())).is_err());
        assert!(!format!("{kept:?}{mask:?}").contains("second"));
    }

    #[test]
    fn a_secret_has_a_place_and_never_stands_in_the_configuration() {
        assert_eq!(SecretPlace::try_from("file:/k".to_owned()), Ok(SecretPlace::File("/k".into())));
        assert_eq!(SecretPlace::try_from("credential:k".to_owned()), Ok(SecretPlace::Credential("k".into())));
        for bad in ["sk_123", "file:k", "credential:", "credential:../k", ""] {
            assert!(SecretPlace::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(matches!(Secret::from_file(&path), Err(NoSecret::Unreadable { .. })));
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, b"k123456\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Secret::from_file(&path), Err(NoSecret::Open { mode: 0o640, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Secret::from_file(&path).unwrap().reveal(), "k123456");
        // A credential that systemd opened to the service's user by an access list shows its mask to stat.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
        assert!(matches!(Secret::from_file(&path), Err(NoSecret::Open { .. })));
        assert_eq!(Secret::from_credential(&path).unwrap().reveal(), "k123456");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(Secret::from_credential(&path), Err(NoSecret::Open { mode: 0o444, .. })));
    }
}
