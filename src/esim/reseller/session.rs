//! The session: an access token that is renewed before a sale, never during one, and a login that is never in a loop,
//! since the account locks for fifteen minutes after five failures. The tries of the last fifteen minutes are kept in
//! a file, so that a program that starts again and again does not lock the shop either.

use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::esim::loose;
use crate::esim::secret::Secret;

/// Logins in fifteen minutes; the provider allows five.
const LOGINS_MAX: usize = 3;
/// The provider's window, seconds.
const LOGIN_WINDOW_S: i64 = 15 * 60;
/// A token with less life than this is renewed before it is used.
pub(super) const LIFE_MIN_S: i64 = 120;

/// The tokens of a login or a refresh.
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    pub(super) session: Option<Secret>,
    pub(super) ends: Timestamp,
}

impl Tokens {
    /// From the answer of login or refresh, snake or camel, at the top or under `data`. The end is the token's own
    /// `exp`; without one the stated seconds, without those five minutes.
    pub(super) fn read(value: &Value, now: Timestamp) -> Option<Tokens> {
        let text = |name: &str| loose::any_text(value, &[name, &format!("data.{name}")]).map(Secret::new);
        let access = text("access_token")?;
        let stated = loose::whole(value, "token_expires_in").or_else(|| loose::whole(value, "data.token_expires_in"));
        let ends = expiry(access.reveal()).unwrap_or_else(|| later(now, stated.unwrap_or(300)));
        Some(Tokens { access, refresh: text("refresh_token"), session: text("session_id"), ends })
    }

    /// Whether it lives long enough for an order.
    pub(super) fn live(&self, now: Timestamp) -> bool {
        self.ends.as_second() - now.as_second() >= LIFE_MIN_S
    }
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(now.as_second() + seconds).unwrap_or(now)
}

/// The `exp` claim of a signed token. The signature is the provider's business.
fn expiry(token: &str) -> Option<Timestamp> {
    let payload = base64_url(token.split('.').nth(1)?)?;
    loose::moment(&serde_json::from_slice(&payload).ok()?, "exp")
}

fn base64_url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

/// The tries of the last fifteen minutes.
pub(super) struct Logins {
    tries: VecDeque<i64>,
    file: Option<PathBuf>,
}

impl Logins {
    /// With the tries that the file remembers. A file that cannot be read remembers none.
    pub(super) fn new(file: Option<PathBuf>) -> Logins {
        let text = file.as_deref().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        Logins { tries: text.lines().filter_map(|line| line.trim().parse().ok()).collect(), file }
    }

    /// Whether one more try is safe; if so it is written down before it is made.
    ///
    /// # Errors
    /// Seconds until the next one is.
    pub(super) fn try_once(&mut self, now: Timestamp) -> Result<(), i64> {
        let now = now.as_second();
        // A try from the future is a clock that was set back: it counts, but not for longer than the window.
        self.tries.retain(|at| (now - at).abs() < LOGIN_WINDOW_S);
        if self.tries.len() >= LOGINS_MAX {
            let oldest = self.tries.iter().min().copied().unwrap_or(now);
            return Err((oldest + LOGIN_WINDOW_S - now).clamp(1, LOGIN_WINDOW_S));
        }
        self.tries.push_back(now);
        self.keep();
        Ok(())
    }

    /// A login that worked: failures in a row begin anew, but the tries still count against the limit per address.
    fn keep(&self) {
        let Some(file) = &self.file else { return };
        if let Err(error) = write_whole(file, &self.tries) {
            tracing::warn!(%error, file = %file.display(), "the tries to log in cannot be kept");
        }
    }
}

fn write_whole(file: &Path, tries: &VecDeque<i64>) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    let mut new = std::fs::File::create(&beside)?;
    for at in tries {
        writeln!(new, "{at}")?;
    }
    new.sync_all()?;
    std::fs::rename(beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_tokens_end_is_its_own_claim() {
        // {"alg":"HS256"}.{"sub":"user-123","exp":1771248518}
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEyMyIsImV4cCI6MTc3MTI0ODUxOH0.c2ln";
        let camel =
            json!({"data": {"accessToken": token, "refreshToken": "r", "sessionId": "s", "token_expires_in": 9}});
        let tokens = Tokens::read(&camel, at(0)).unwrap();
        assert_eq!(tokens.ends, at(1_771_248_518));
        assert!(tokens.refresh.is_some() && tokens.session.is_some());
        assert!(tokens.live(at(1_771_248_518 - LIFE_MIN_S)) && !tokens.live(at(1_771_248_518 - LIFE_MIN_S + 1)));
        let snake = json!({"access_token": "opaque", "token_expires_in": 3600});
        assert_eq!(Tokens::read(&snake, at(100)).unwrap().ends, at(3700));
        assert!(Tokens::read(&json!({"success": true}), at(0)).is_none());
    }

    #[test]
    fn logins_are_few_also_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let file = Some(dir.path().join("logins"));
        for start in 0..3 {
            assert_eq!(Logins::new(file.clone()).try_once(at(1000 + start)), Ok(()), "start {start}");
        }
        assert_eq!(Logins::new(file.clone()).try_once(at(1003)), Err(897));
        assert_eq!(Logins::new(file).try_once(at(1000 + 15 * 60)), Ok(()));
    }
}
