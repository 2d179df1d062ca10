//! What is secret in the journal: activation codes and claim codes lie sealed (XChaCha20-Poly1305, the row's id as
//! associated data), and are found again by keyed hashes (HMAC-SHA-256).
//!
//! One key of 32 bytes, from a systemd credential or a file that is made at the first start; three keys are derived
//! from it, so that a hash never helps with a seal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::sale::activation::{ActivationCode, Iccid, Profile};
use crate::sale::claim::ClaimCode;
use crate::sale::id::{ProfileId, SaleId};

/// The systemd credential that carries the key.
pub const CREDENTIAL: &str = "journal-key";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why there is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// Codes are sealed with a key that is not there any more. A new one would not open them.
    #[error("the journal's key {path} is gone, and the journal is sealed with it: bring the file back from the backup")]
    Gone {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("the journal's key {path} can be read by others (mode {mode:o}): chmod 600 it")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Neither 32 bytes nor 64 hexadecimal digits.
    #[error("the journal's key {path} is no key: 32 bytes or 64 hexadecimal digits are expected")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The journal was sealed with another key.
    #[error("the journal was sealed with another key than {path}: bring the right one back")]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or made.
    #[error("cannot read or make the journal's key {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness to make the journal's key")]
    NoRandomness,
}

/// What was sealed does not open: another key, another row, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed code does not open")]
pub struct Broken;

/// The keys at work. Prints as dots.
pub struct Seal {
    seal: Zeroizing<[u8; KEY_BYTES]>,
    identity: Zeroizing<[u8; KEY_BYTES]>,
    claim: Zeroizing<[u8; KEY_BYTES]>,
    check: [u8; KEY_BYTES],
    place: PathBuf,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(•••)")
    }
}

impl Seal {
    /// The keys derived from this one.
    pub fn from_key(key: &[u8; KEY_BYTES], place: &Path) -> Self {
        let derive = |label: &str| mac(key, &[b"esim-kiosk journal ", label.as_bytes()]);
        Seal {
            seal: Zeroizing::new(derive("seal")),
            identity: Zeroizing::new(derive("identity")),
            claim: Zeroizing::new(derive("claim")),
            check: derive("check"),
            place: place.to_owned(),
        }
    }

    /// Reads the key: the systemd credential in `credentials`, else `file`. Makes the file where nothing is sealed
    /// yet (`fresh`).
    ///
    /// # Errors
    /// [`NoKey`] says what to do.
    pub fn load(credentials: Option<&Path>, file: &Path, fresh: bool) -> Result<Self, NoKey> {
        let credential = credentials.map(|directory| directory.join(CREDENTIAL)).filter(|path| path.exists());
        let path = credential.unwrap_or_else(|| file.to_owned());
        if !path.exists() {
            if !fresh {
                return Err(NoKey::Gone { path });
            }
            make_key(&path)?;
        }
        let unreadable = |source| NoKey::Unreadable { path: path.clone(), source };
        let mut opened = File::open(&path).map_err(unreadable)?;
        let mode = opened.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(NoKey::Open { path, mode });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        opened.read_to_end(&mut bytes).map_err(unreadable)?;
        let key = decode(&bytes).ok_or_else(|| NoKey::Malformed { path: path.clone() })?;
        Ok(Seal::from_key(&key, &path))
    }

    /// A value that proves the same key at the next start and tells nothing of it.
    pub fn check(&self) -> &[u8] {
        &self.check
    }

    /// Where the key came from, for messages.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The keyed hash that is unique for a profile (sale.md 7).
    pub fn identity_of(&self, code: &ActivationCode) -> [u8; KEY_BYTES] {
        mac(&self.identity, &[code.identity().as_bytes()])
    }

    /// The keyed hash by which a claim code is found.
    pub fn claim_hash(&self, code: &ClaimCode) -> [u8; KEY_BYTES] {
        mac(&self.claim, &[code.reveal().as_bytes()])
    }

    /// Seals a profile under its id.
    ///
    /// # Errors
    /// [`Broken`] where the system has no randomness.
    pub fn seal_profile(&self, id: ProfileId, profile: &Profile) -> Result<Vec<u8>, Broken> {
        let open = OpenProfile {
            code: profile.code.reveal().to_owned(),
            iccid: profile.iccid.clone(),
            confirmation_code: profile.confirmation_code.clone(),
            install_before: profile.install_before,
            apn: profile.apn.clone(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&open).map_err(|_| Broken)?);
        self.seal(&plain, &id.to_u128().to_be_bytes())
    }

    /// Opens a profile.
    ///
    /// # Errors
    /// [`Broken`]: another key, another id, or changed bytes.
    pub fn open_profile(&self, id: ProfileId, sealed: &[u8]) -> Result<Profile, Broken> {
        let plain = self.open(sealed, &id.to_u128().to_be_bytes())?;
        let open: OpenProfile = serde_json::from_slice(&plain).map_err(|_| Broken)?;
        Ok(Profile {
            code: ActivationCode::parse(&open.code).map_err(|_| Broken)?,
            iccid: open.iccid.clone(),
            confirmation_code: open.confirmation_code.clone(),
            install_before: open.install_before,
            apn: open.apn.clone(),
        })
    }

    /// Seals a claim code under its sale.
    ///
    /// # Errors
    /// [`Broken`] where the system has no randomness.
    pub fn seal_claim(&self, sale: SaleId, code: &ClaimCode) -> Result<Vec<u8>, Broken> {
        self.seal(code.reveal().as_bytes(), &sale.to_u128().to_be_bytes())
    }

    /// Opens a claim code.
    ///
    /// # Errors
    /// [`Broken`]: another key, another sale, or changed bytes.
    pub fn open_claim(&self, sale: SaleId, sealed: &[u8]) -> Result<ClaimCode, Broken> {
        let plain = self.open(sealed, &sale.to_u128().to_be_bytes())?;
        let text = std::str::from_utf8(&plain).map_err(|_| Broken)?;
        ClaimCode::parse(text).map_err(|_| Broken)
    }

    fn seal(&self, plain: &[u8], row: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| Broken)?;
        let cipher = XChaCha20Poly1305::new((&*self.seal).into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: row }).map_err(|_| Broken)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, sealed: &[u8], row: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Broken)?;
        let cipher = XChaCha20Poly1305::new((&*self.seal).into());
        let plain = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: row }).map_err(|_| Broken)?;
        Ok(Zeroizing::new(plain))
    }
}

/// A profile as it is inside of its seal. Lives for the length of a call, and is wiped.
#[derive(Serialize, Deserialize)]
struct OpenProfile {
    code: String,
    iccid: Option<Iccid>,
    confirmation_code: Option<String>,
    install_before: Option<jiff::civil::Date>,
    apn: Option<String>,
}

impl Drop for OpenProfile {
    fn drop(&mut self) {
        self.code.zeroize();
        self.confirmation_code.zeroize();
    }
}

fn mac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn decode(bytes: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    if let Ok(raw) = <[u8; KEY_BYTES]>::try_from(bytes) {
        return Some(Zeroizing::new(raw));
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(key)
}

/// Makes the key file: written beside, synced, renamed, and the directory synced, so that a power cut leaves none or
/// a whole one.
fn make_key(path: &Path) -> Result<(), NoKey> {
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    getrandom::fill(key.as_mut_slice()).map_err(|_| NoKey::NoRandomness)?;
    let hex: Zeroizing<String> = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect());
    let write = || -> std::io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(hex.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        super::place::leave_to_owner(&beside);
        std::fs::rename(&beside, path)?;
        super::place::sync_directory_of(path)
    };
    write().map_err(|source| NoKey::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile {
            code: ActivationCode::parse("LPA:1$SMDP.io$TOPSECRET-1$$1").unwrap(),
            iccid: Iccid::parse("8944500102198304826"),
            confirmation_code: Some("9876".into()),
            install_before: Some(jiff::civil::date(2027, 1, 31)),
            apn: Some("internet".into()),
        }
    }

    #[test]
    fn a_seal_opens_only_with_its_key_and_its_row() {
        let seal = Seal::from_key(&[7; 32], Path::new("key"));
        let (id, other) = (ProfileId::from_parts(1, 2), ProfileId::from_parts(1, 3));
        let sealed = seal.seal_profile(id, &profile()).unwrap();
        assert_eq!(seal.open_profile(id, &sealed), Ok(profile()));
        assert_eq!(seal.open_profile(other, &sealed), Err(Broken));
        assert_eq!(Seal::from_key(&[8; 32], Path::new("key")).open_profile(id, &sealed), Err(Broken));
        for place in [0, NONCE_BYTES, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(seal.open_profile(id, &changed), Err(Broken));
        }
        assert_eq!(seal.open_profile(id, &sealed[..10]), Err(Broken));
        let text = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!text.contains("TOPSECRET") && !format!("{seal:?}").contains('7'));
        assert_ne!(sealed, seal.seal_profile(id, &profile()).unwrap(), "every seal has its own nonce");
    }

    #[test]
    fn the_identity_ignores_the_case_of_the_address_alone() {
        let seal = Seal::from_key(&[7; 32], Path::new("key"));
        let identity = |text: &str| seal.identity_of(&ActivationCode::parse(text).unwrap());
        assert_eq!(identity("LPA:1$SMDP.io$ABC1"), identity("LPA:1$smdp.IO$ABC1$$1"));
        assert_ne!(identity("LPA:1$smdp.io$ABC1"), identity("LPA:1$smdp.io$abc1"));
        assert_ne!(
            identity("LPA:1$smdp.io$ABC1"),
            Seal::from_key(&[8; 32], Path::new("k")).identity_of(&profile().code)
        );
    }

    #[test]
    fn the_key_is_made_once_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.key");
        assert!(matches!(Seal::load(None, &path, false), Err(NoKey::Gone { .. })));
        let made = Seal::load(None, &path, true).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Seal::load(None, &path, true).unwrap().check(), made.check());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Seal::load(None, &path, false), Err(NoKey::Open { mode: 0o644, .. })));
    }

    #[test]
    fn a_credential_comes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("journal.key");
        let own = Seal::load(Some(dir.path()), &file, true).unwrap();
        let mut credential = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o400)
            .open(dir.path().join(CREDENTIAL))
            .unwrap();
        credential.write_all(&[9; 32]).unwrap();
        let passed = Seal::load(Some(dir.path()), &file, false).unwrap();
        assert_ne!(passed.check(), own.check());
        assert_eq!(passed.check(), Seal::from_key(&[9; 32], Path::new("x")).check());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(decode(&[1; 31]).is_none() && decode(b"zz").is_none() && decode(&[b'g'; 64]).is_none());
        assert_eq!(*decode("0f".repeat(32).as_bytes()).unwrap(), [15; 32]);
    }
}
