//! Login, tokens, lock-out.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{done, failed, missing};
use crate::sim::providers::Credentials;
use crate::sim::providers::call::Call;
use crate::sim::providers::clock;
use crate::sim::providers::desk::Desk;
use crate::sim::providers::reply::Reply;

/// Login attempts in the window, and the length of window and lock in seconds.
const ATTEMPTS_MAX: usize = 5;
const WINDOW_S: i64 = 15 * 60;
/// Life of a refresh token in seconds.
const REFRESH_S: i64 = 7 * 86_400;

/// Who is signed in.
pub(super) struct Sessions {
    email: String,
    password: String,
    /// Token and when it dies, seconds since 1970.
    access: HashMap<String, i64>,
    refresh: HashMap<String, i64>,
    attempts: Vec<i64>,
    failures: usize,
    locked_until_s: i64,
    issued: u64,
}

impl Sessions {
    pub(super) fn new(keys: &Credentials) -> Sessions {
        Sessions {
            email: keys.reseller_email.clone(),
            password: keys.reseller_password.clone(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            attempts: Vec::new(),
            failures: 0,
            locked_until_s: 0,
            issued: 0,
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.access.clear();
    }

    /// Five attempts in 15 minutes; after five failures locked for 15, even for the right password.
    pub(super) fn login(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let now_s = desk.clock.now_s();
        self.attempts.retain(|at| *at > now_s - WINDOW_S);
        if now_s < self.locked_until_s || self.attempts.len() >= ATTEMPTS_MAX {
            desk.dislike("login_while_locked");
            let free = self.attempts.first().map_or(now_s, |at| at + WINDOW_S).max(self.locked_until_s);
            return failed(429, "Too many login attempts, the account is locked for 15 minutes")
                .with("retry-after", (free - now_s).max(1).to_string());
        }
        self.attempts.push(now_s);
        let (Some(email), Some(password)) = (call.field("email"), call.field("password")) else {
            return missing(desk, "email and password");
        };
        let role = call.field("role").is_none_or(|role| role == "reseller");
        if email != self.email || password != self.password || !role {
            desk.dislike("bad_login");
            self.failures += 1;
            if self.failures >= ATTEMPTS_MAX {
                self.failures = 0;
                self.locked_until_s = now_s + WINDOW_S;
            }
            return failed(401, "Invalid credentials");
        }
        self.failures = 0;
        self.tokens(desk, true)
    }

    pub(super) fn refresh(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let token = call.field("refresh_token").or_else(|| call.field("refreshToken"));
        let Some(token) = token else { return missing(desk, "refresh_token") };
        let alive = self.refresh.remove(&token).is_some_and(|until| until > desk.clock.now_s());
        if !alive {
            desk.dislike("bad_refresh_token");
            return failed(401, "Invalid refresh token");
        }
        self.tokens(desk, false)
    }

    fn tokens(&mut self, desk: &mut Desk, with_user: bool) -> Reply {
        let now_s = desk.clock.now_s();
        let life = desk.quirks.token_life_s;
        let access = self.token(now_s, now_s + life);
        let refresh = self.token(now_s, now_s + REFRESH_S);
        self.access.insert(access.clone(), now_s + life);
        self.refresh.insert(refresh.clone(), now_s + REFRESH_S);
        let user = json!({"id": "user-123", "email": self.email, "role": "reseller"});
        if desk.quirks.reseller_live {
            let session = desk.codes.dice().uuid();
            let data = json!({"accessToken": access, "refreshToken": refresh, "session_id": session, "user": user});
            return Reply::json(200, &json!({"success": true, "data": data}));
        }
        let mut body = json!({
            "success": true, "access_token": access, "refresh_token": refresh, "token_expires_in": life,
        });
        if with_user {
            body["user"] = user;
        }
        Reply::json(200, &body)
    }

    /// A JWT with its `exp` claim, signed with HS256 under the account's password.
    fn token(&mut self, now_s: i64, until_s: i64) -> String {
        self.issued += 1;
        let head = base64_url(br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = json!({"sub": "user-123", "role": "reseller", "iat": now_s, "exp": until_s, "jti": self.issued});
        let text = format!("{head}.{}", base64_url(claims.to_string().as_bytes()));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.password.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        format!("{text}.{}", base64_url(&mac.finalize().into_bytes()))
    }

    /// Whether the call carries a living token.
    pub(super) fn check(&self, desk: &mut Desk, call: &Call) -> Result<(), Reply> {
        let until = call.bearer().and_then(|token| self.access.get(token));
        if until.is_some_and(|until| *until > desk.clock.now_s()) {
            return Ok(());
        }
        desk.dislike(if until.is_some() { "expired_token" } else { "bad_token" });
        Err(failed(401, "Invalid or expired token"))
    }

    pub(super) fn logout(&mut self, call: &Call) -> Reply {
        if let Some(token) = call.bearer() {
            self.access.remove(token);
        }
        done("Logged out")
    }

    pub(super) fn me(&self, desk: &Desk) -> Reply {
        let since = clock::iso_z(desk.clock.now_s() - 300 * 86_400);
        let data = json!({
            "id": "user-123", "email": self.email, "role": "reseller", "verified_at": since,
            "profile_complete": true, "initial_deposit_made": true, "created_at": since,
        });
        Reply::json(200, &json!({"success": true, "data": data}))
    }

    pub(super) fn change_password(&mut self, desk: &mut Desk, call: &Call) -> Reply {
        let field = |name| call.field(name).unwrap_or_default();
        let (old, new) = (field("old_password"), field("new_password"));
        if new.len() < 8 || new != field("confirm_password") {
            return missing(desk, "new_password and its confirmation");
        }
        if old != self.password {
            return failed(401, "Old password is wrong");
        }
        self.password = new;
        done("Password changed successfully")
    }
}

pub(super) fn register(desk: &mut Desk, call: &Call) -> Reply {
    let (Some(email), Some(_), Some(role)) = (call.field("email"), call.field("password"), call.field("role")) else {
        return missing(desk, "email, password and role");
    };
    let body = json!({
        "success": true,
        "message": "Registration successful. Please verify your email.",
        "user": {"id": "user-124", "email": email, "role": role, "verified_at": Value::Null,
            "profile_complete": false, "initial_deposit_made": false},
        "verification_token_status": "sent",
    });
    Reply::json(201, &body)
}

/// The calls that only send or read mail.
pub(super) fn mail(desk: &mut Desk, name: &str, call: &Call) -> Reply {
    let needed: &[&str] = match name {
        "verify_email" => &["verification_token", "token"],
        "reset_password" => &["reset_token"],
        _ => &["email"],
    };
    if !needed.iter().any(|field| call.field(field).is_some()) {
        return missing(desk, needed[0]);
    }
    done("OK")
}

fn base64_url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * place)) & 63;
            text.push(char::from(LETTERS[index as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64_url;

    #[test]
    fn base64_without_padding() {
        assert_eq!(base64_url(b""), "");
        assert_eq!(base64_url(b"f"), "Zg");
        assert_eq!(base64_url(b"fo"), "Zm8");
        assert_eq!(base64_url(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64_url(&[0xfb, 0xff]), "-_8");
    }
}
