//! The back office behind HTTPS: one POST a finished sale.
//!
//! ```text
//! POST url
//! Authorization: Bearer TOKEN
//! Idempotency-Key: 01JD…              the sale's id, the same for ever
//! Content-Type: application/json
//! {"machine":"K07","number":12,"sale":{…}}
//!
//! 200, 201, 202, 204, 208, 409 → it has it; a body {"highest": 12} says how far it has this machine's parcels
//! other 4xx but 401, 403, 404, 408, 421, 425, 429 → it does not want it
//! everything else, and silence → sent again
//! ```

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use super::section::Section;
use super::{BackOffice, Parcel, Taken};
use crate::esim::evidence::Miss;
use crate::esim::http::{Draft, Http, NoClient, Payload};
use crate::esim::pace::Urgency;
use crate::esim::secret::{Kept, Mask};
use crate::esim::section::Connection;

/// Most bytes of an answer.
const ANSWER_MAX: usize = 64 * 1024;

/// A back office behind HTTPS.
pub struct HttpsOffice {
    http: Http,
    url: Url,
    token: Kept,
    mask: Mask,
    deadline: Duration,
}

impl HttpsOffice {
    /// The back office of this section; `agent` names the machine.
    ///
    /// # Errors
    /// [`NoClient`] says which setting is wrong.
    pub fn open(section: &Section, agent: &str) -> Result<Self, NoClient> {
        let url = Url::parse(&section.url).map_err(|_| NoClient::Base(section.url.clone()))?;
        let connection = Connection { extra_ca: section.extra_ca.clone(), ..Connection::default() };
        let token = Kept::read(&section.token)?;
        let mask = Mask::of_kept([token.clone()]);
        let deadline = Duration::from_secs(section.deadline_s);
        Ok(HttpsOffice { http: Http::new(&connection, agent)?, url, token, mask, deadline })
    }

    fn draft(&self, parcel: &Parcel) -> Option<Draft> {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", HeaderValue::from_str(&parcel.key).ok()?);
        let body = body(parcel)?;
        let mut draft = Draft {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            payload: Payload::Json(body.into_bytes()),
            deadline: self.deadline,
            body_max: ANSWER_MAX,
            writes: true,
            urgency: Urgency::Patient,
        };
        draft.bearer(&self.token.now());
        Some(draft)
    }
}

#[async_trait]
impl BackOffice for HttpsOffice {
    async fn take(&self, parcel: &Parcel) -> Taken {
        let Some(draft) = self.draft(parcel) else {
            return Taken::Refused("the parcel's key is no header value".to_owned());
        };
        match self.http.send(draft, &self.mask).await {
            Ok(answer) => judge(answer.status, &answer.body, &self.mask),
            Err(Miss::NeverSent(why)) => Taken::Unknown(why),
            Err(Miss::Unknown(doubt)) => Taken::Unknown(doubt.evidence),
            Err(Miss::Refused(refusal)) => Taken::Unknown(refusal.detail),
        }
    }
}

/// What is posted. The sale is JSON already: put in as it is, so that a repetition has the same bytes.
fn body(parcel: &Parcel) -> Option<String> {
    let machine = serde_json::to_string(&parcel.machine).ok()?;
    Some(format!("{{\"machine\":{machine},\"number\":{},\"sale\":{}}}", parcel.number, parcel.json))
}

/// What an answer says.
fn judge(status: u16, body: &[u8], mask: &Mask) -> Taken {
    let highest = || {
        let value: serde_json::Value = serde_json::from_slice(body).ok()?;
        value.get("highest")?.as_u64()
    };
    match status {
        // 409: the key was seen before.
        200 | 201 | 202 | 204 | 208 | 409 => Taken::Done { highest: highest() },
        // The token, the address or the pace is wrong, not the parcel.
        401 | 403 | 404 | 408 | 421 | 425 | 429 => Taken::Unknown(format!("HTTP {status}")),
        400..=499 => Taken::Refused(format!("HTTP {status}: {}", mask.short(&String::from_utf8_lossy(body)))),
        _ => Taken::Unknown(format!("HTTP {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "sim")]
    #[test]
    fn what_is_posted_is_as_its_schema_says() {
        use crate::journal::Journal;
        use crate::journal::books::Booked;
        use crate::journal::section::Section;
        use crate::journal::sqlite::SqliteJournal;
        use crate::sim::clerk::Clerk;
        use crate::sim::schema::judge_both_ways;

        let dir = tempfile::tempdir().unwrap();
        let section = Section { head_room_mb: 0, ..Section::at(dir.path().to_owned()) };
        let mut journal = SqliteJournal::open_with(&section, None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal;
        let id = Clerk::new(&mut journal).sell(1, None, false).unwrap();
        let sale = journal.sale(id).unwrap().unwrap();
        let json = serde_json::to_string(&Booked::of(&sale, Some(1_795_000_000_000))).unwrap();
        let parcel = Parcel { number: 1, key: id.to_string(), machine: "K\"07".into(), json };
        let posted = serde_json::from_str(&body(&parcel).unwrap()).unwrap();
        judge_both_ways("office_post", &posted).unwrap();
    }

    #[test]
    fn only_a_judgement_about_the_parcel_itself_refuses_it() {
        let mask = Mask::default();
        for status in [200, 201, 202, 204, 208, 409] {
            assert_eq!(judge(status, b"", &mask), Taken::Done { highest: None });
        }
        assert_eq!(judge(200, br#"{"highest": 41}"#, &mask), Taken::Done { highest: Some(41) });
        assert_eq!(judge(200, b"<html>41</html>", &mask), Taken::Done { highest: None });
        for status in [400, 410, 413, 415, 422] {
            assert!(matches!(judge(status, b"no", &mask), Taken::Refused(_)), "{status}");
        }
        for status in [301, 302, 401, 403, 404, 408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(judge(status, b"no", &mask), Taken::Unknown(_)), "{status}");
        }
    }
}
