//! The line to one account: drafts a row, asks the pace, sends once, judges the answer, and remembers what the
//! provider said about its limits and its clock.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use serde_json::Value;

use super::calls::{self, Args, BodyForm, Row};
use super::evidence::{Answer, Got, Miss, Speech, judge};
use super::http::{Draft, Http, NoClient, base_address};
use super::pace::{Health, Hold, Pace, Urgency};
use super::secret::Mask;
use super::section::Connection;
use super::wall::Wall;
use super::{Doubt, RefusalReason, loose};

/// Longest that a catalogue call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(120);
/// Seconds that our clock may differ from the provider's under a signature: five minutes are refused.
pub const CLOCK_MAX_S: u64 = 240;

/// A judged answer.
#[derive(Clone)]
pub struct Reply {
    /// The document.
    pub value: Value,
    /// The provider's clock.
    pub date: Option<Timestamp>,
}

impl Reply {
    /// A doubt about this answer: it says success, but not what is needed.
    pub fn doubt(&self, evidence: &str) -> Doubt {
        Doubt { evidence: evidence.to_owned(), provider_date: self.date }
    }

    /// The same as a miss.
    pub fn lacks(&self, what: &str) -> Miss {
        Miss::Unknown(self.doubt(&format!("the answer says success but has no usable {what}")))
    }
}

/// The line to one account.
pub struct Line {
    http: Http,
    base: Url,
    connection: Connection,
    form: BodyForm,
    mask: Mask,
    pace: Pace,
    wall: Wall,
}

impl Line {
    /// A line; nothing is sent yet.
    ///
    /// # Errors
    /// [`NoClient`] names the setting that is wrong.
    pub fn new(
        base: &str,
        connection: &Connection,
        form: BodyForm,
        mask: Mask,
        machine: &str,
    ) -> Result<Self, NoClient> {
        let agent = format!("esim-kiosk/{} ({machine})", env!("CARGO_PKG_VERSION"));
        let base = base_address(base)?;
        let connection = connection.clone();
        let wall = Wall::kept_by(&connection.time_service);
        Ok(Line { http: Http::new(&connection, &agent)?, base, connection, form, mask, pace: Pace::default(), wall })
    }

    /// The account's mask.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The account's base address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What the operator sees.
    pub fn health(&self) -> Health {
        self.pace.health()
    }

    /// The same for an account whose requests carry our time: it sells nothing while that may be wrong.
    pub fn health_signed(&self) -> Health {
        let health = self.pace.health();
        let clock_unset = !self.wall.is_set();
        let right = !clock_unset || self.pace.clock_agrees(CLOCK_MAX_S);
        Health { sells: health.sells && right, clock_unset, ..health }
    }

    /// Before anything is signed: a time server has set our clock since the start, or the provider's own time agrees with
    /// it. Where nobody has told it yet the provider is asked for nothing else, without credentials.
    ///
    /// # Errors
    /// [`Miss::NeverSent`]: nothing is signed yet.
    pub async fn clock_is_right(&self) -> Got<()> {
        if self.wall.is_set() || self.pace.clock_agrees(CLOCK_MAX_S) {
            return Ok(());
        }
        if self.pace.may_ask_time() {
            let draft = Draft {
                method: reqwest::Method::GET,
                url: self.base.clone(),
                headers: reqwest::header::HeaderMap::new(),
                payload: super::http::Payload::Empty,
                deadline: Duration::from_secs(self.connection.read_s),
                body_max: super::http::BODY_MAX,
                writes: false,
                urgency: Urgency::Patient,
            };
            if let Ok(answer) = self.http.send(draft, &self.mask).await {
                self.note_headers(&answer);
            }
        }
        if self.pace.clock_agrees(CLOCK_MAX_S) {
            return Ok(());
        }
        let by = self.pace.health().clock_ahead_s.map_or(String::new(), |s| format!(", and is {s} s ahead of theirs"));
        Err(Miss::NeverSent(format!("our clock was not set since the start{by}: nothing is signed before it is")))
    }

    /// The request of a row; the caller adds credentials.
    ///
    /// # Errors
    /// [`Miss::NeverSent`] names the wrong argument.
    pub fn draft(&self, row: &Row, args: &Args) -> Got<Draft> {
        calls::draft(&self.base, &self.connection, self.form, row, args)
    }

    /// Sends a draft once and judges the answer by the table of evidence and the row's needed fields.
    ///
    /// # Errors
    /// [`Miss`].
    pub async fn send(&self, row: &Row, draft: Draft, speech: &dyn Speech) -> Got<Reply> {
        self.wait_for_turn(row, draft.urgency).await?;
        tracing::debug!(call = row.name, "provider call");
        let answer = match self.http.send(draft, &self.mask).await {
            Ok(answer) => answer,
            Err(miss) => {
                tracing::warn!(call = row.name, why = miss.words(), "provider gave no answer");
                self.pace.failed(miss.words());
                return Err(miss);
            }
        };
        self.note_headers(&answer);
        let judged = judge(speech, &self.mask, &answer);
        self.note_outcome(row, &answer, &judged);
        let reply = Reply { value: judged?, date: answer.date() };
        match row.lacking(&reply.value) {
            Some(field) => Err(reply.lacks(field)),
            None => Ok(reply),
        }
    }

    /// Fetches bytes from an address of the provider's (a QR image): PNG, at most 1 MB, never with credentials.
    ///
    /// # Errors
    /// [`Miss`].
    pub async fn image(&self, address: &str) -> Got<Vec<u8>> {
        let url = Url::parse(address).map_err(|_| Miss::NeverSent("the image has no valid address".into()))?;
        let draft = Draft {
            method: reqwest::Method::GET,
            url,
            headers: reqwest::header::HeaderMap::new(),
            payload: super::http::Payload::Empty,
            deadline: Duration::from_secs(self.connection.read_s),
            body_max: super::http::BODY_MAX,
            writes: false,
            urgency: Urgency::Duty,
        };
        let answer = self.http.send(draft, &self.mask).await?;
        if answer.status == 200 && answer.body.starts_with(b"\x89PNG") {
            Ok(answer.body.to_vec())
        } else {
            Err(Miss::unknown(format!("HTTP {}: the QR image is no PNG", answer.status)))
        }
    }

    async fn wait_for_turn(&self, row: &Row, urgency: Urgency) -> Got<()> {
        let mut waited = Duration::ZERO;
        loop {
            match self.pace.may(urgency) {
                Ok(()) => return Ok(()),
                Err(Hold::Limited(left)) if urgency == Urgency::Patient && waited + left <= PATIENCE => {
                    tokio::time::sleep(left).await;
                    waited += left;
                }
                Err(Hold::Limited(left)) => {
                    let why =
                        format!("{}: held back by the provider's limit for {} s more", row.name, left.as_secs() + 1);
                    return Err(Miss::NeverSent(why));
                }
                Err(Hold::Broken(left)) => {
                    let why =
                        format!("{}: the provider failed too often, pause of {} s more", row.name, left.as_secs() + 1);
                    return Err(Miss::NeverSent(why));
                }
            }
        }
    }

    fn note_headers(&self, answer: &Answer) {
        let now = Timestamp::now();
        if let Some(date) = answer.date() {
            self.pace.clock_ahead(now.as_second() - date.as_second());
        }
        if answer.status == 429 || (answer.status == 503 && answer.header("retry-after").is_some()) {
            self.pace.limited(answer.retry_after(now));
        }
        let left = answer.header("x-ratelimit-remaining").and_then(|text| text.trim().parse().ok());
        let reset = answer.header("x-ratelimit-reset").and_then(loose::moment_of);
        if let (Some(left), Some(reset)) = (left, reset) {
            let base = answer.date().unwrap_or(now);
            let seconds = u64::try_from(reset.as_second() - base.as_second()).unwrap_or(0);
            self.pace.remaining(left, Duration::from_secs(seconds));
        }
    }

    fn note_outcome(&self, row: &Row, answer: &Answer, judged: &Got<Value>) {
        match judged {
            Ok(_) => {
                self.pace.answered();
                self.pace.credentials(false);
            }
            Err(Miss::Refused(refusal)) => {
                self.pace.answered();
                match refusal.reason {
                    RefusalReason::Credentials => self.pace.credentials(true),
                    // Said in words only, with another status.
                    RefusalReason::RateLimited if answer.status != 429 => {
                        self.pace.limited(answer.retry_after(Timestamp::now()));
                    }
                    _ => {}
                }
                tracing::warn!(call = row.name, reason = ?refusal.reason, detail = refusal.detail, "provider refused");
            }
            Err(miss) => {
                tracing::warn!(
                    call = row.name,
                    status = answer.status,
                    why = miss.words(),
                    "provider's answer proves nothing"
                );
                self.pace.failed(miss.words());
            }
        }
    }
}
