//! What an answer proves: the one table (providers.md 3.0) that turns evidence into done, refused, never sent or
//! unknown. Refused needs a well-formed refusal from the provider itself; everything that is neither that nor a
//! well-formed success proves nothing.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::loose::{self, NotAnAnswer};
use super::secret::Mask;
use super::{Doubt, Outcome, Refusal, RefusalReason};

/// Why a call brought no value: [`Outcome`] without `Done`, for `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// A well-formed refusal.
    Refused(Refusal),
    /// Surely nothing reached the provider.
    NeverSent(String),
    /// Nothing is proven.
    Unknown(Doubt),
}

/// A value, or why there is none.
pub type Got<T> = Result<T, Miss>;

impl Miss {
    /// A doubt without a date.
    pub fn unknown(evidence: impl Into<String>) -> Miss {
        Miss::Unknown(Doubt { evidence: evidence.into(), provider_date: None })
    }

    /// A refusal.
    pub fn refused(reason: RefusalReason, detail: impl Into<String>) -> Miss {
        Miss::Refused(Refusal { reason, detail: detail.into() })
    }

    /// In words, for evidence and logs.
    pub fn words(&self) -> &str {
        match self {
            Miss::Refused(refusal) => &refusal.detail,
            Miss::NeverSent(why) => why,
            Miss::Unknown(doubt) => &doubt.evidence,
        }
    }

    /// The same as a doubt: where even a refusal of one step proves nothing about the whole.
    pub fn doubt(self) -> Doubt {
        match self {
            Miss::Unknown(doubt) => doubt,
            other => Doubt { evidence: other.words().to_owned(), provider_date: None },
        }
    }
}

impl<T> From<Got<T>> for Outcome<T> {
    fn from(got: Got<T>) -> Self {
        match got {
            Ok(value) => Outcome::Done(value),
            Err(Miss::Refused(refusal)) => Outcome::Refused(refusal),
            Err(Miss::NeverSent(why)) => Outcome::NeverSent(why),
            Err(Miss::Unknown(doubt)) => Outcome::Unknown(doubt),
        }
    }
}

/// A whole answer, read to its announced end. Codes and tokens stand in it, so its `Debug` prints none of it.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, within its limit.
    pub body: bytes::Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer(HTTP {}, {} bytes)", self.status, self.body.len())
    }
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The provider's clock.
    pub fn date(&self) -> Option<Timestamp> {
        http_date(self.header("date")?)
    }

    /// How long to wait: `Retry-After` in seconds or as a date, else `X-RateLimit-Reset`.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let base = self.date().unwrap_or(now);
        let until = |stamp: Timestamp| u64::try_from(stamp.as_second() - base.as_second()).unwrap_or(0);
        let stated = self
            .header("retry-after")
            .and_then(|text| text.trim().parse::<u64>().ok().or_else(|| http_date(text.trim()).map(until)));
        let reset = || Some(until(loose::moment_of(self.header("x-ratelimit-reset")?.trim())?));
        stated.or_else(reset).map(Duration::from_secs)
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

/// How one provider speaks: where its yes, its no and its reasons stand.
pub trait Speech: Send + Sync {
    /// Whether the document says success (`Some(true)`), failure (`Some(false)`) or neither.
    fn verdict(&self, value: &Value) -> Option<bool>;
    /// What a refusal means for us.
    fn reason(&self, status: u16, value: &Value) -> RefusalReason;
    /// The refusal's words.
    fn words(&self, value: &Value) -> String {
        let code = loose::any_text(value, &["code", "remark", "errorCode"]).unwrap_or_default();
        let said = ["message", "error", "errorMsg"].map(|name| loose::sentences(loose::at(value, name)));
        [code].into_iter().chain(said).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }
    /// Whether a "no" proves nothing all the same: the provider failed in the middle.
    fn doubtful(&self, _value: &Value) -> bool {
        false
    }
    /// What a 409 means, where it is a refusal and not "in flight".
    fn conflict(&self, _value: &Value) -> Option<RefusalReason> {
        None
    }
}

/// Where an order's own name stands in the answers of the four documents. A "no" that carries one is none: something
/// was made there.
const NAMES_OF_ORDERS: &[&str] = &[
    "orderReference",
    "order.id",
    "order.order_number",
    "data.order.id",
    "data.order.order_number",
    "data.obj.transactionId",
    "data.orderId",
    "data.items",
];

/// The speech of calls without an envelope (health checks): any JSON object is an answer.
pub struct Bare;

impl Speech for Bare {
    fn verdict(&self, value: &Value) -> Option<bool> {
        Some(value.is_object())
    }
    fn reason(&self, _status: u16, _value: &Value) -> RefusalReason {
        RefusalReason::Other
    }
}

/// The table.
///
/// # Errors
/// [`Miss::Refused`] or [`Miss::Unknown`].
pub fn judge(speech: &dyn Speech, mask: &Mask, answer: &Answer) -> Got<Value> {
    let status = answer.status;
    let unknown = |evidence: &str| {
        Miss::Unknown(Doubt {
            evidence: mask.short(&format!("HTTP {status}: {evidence}")),
            provider_date: answer.date(),
        })
    };
    let read = loose::parse(&answer.body);
    let refused = |reason, value: &Value| {
        Miss::Refused(Refusal { reason, detail: mask.short(&format!("HTTP {status}: {}", speech.words(value))) })
    };
    let contradicts = |value: &Value| loose::first(value, NAMES_OF_ORDERS).is_some();
    match (status, read) {
        (429, Ok(value)) if speech.verdict(&value) == Some(true) || contradicts(&value) => {
            Err(unknown("too many requests, with a success or an order in it"))
        }
        (429, read) => Err(refused(RefusalReason::RateLimited, &read.unwrap_or_default())),
        (..200 | 300..400, _) => Err(unknown("a redirect or an interim answer, not followed")),
        (500.., read) => Err(unknown(&match read {
            Ok(value) => format!("server fault: {}", speech.words(&value)),
            Err(_) => "server fault".to_owned(),
        })),
        (408 | 425, _) => Err(unknown("the provider gave up waiting")),
        (_, Err(why @ (NotAnAnswer::Empty | NotAnAnswer::Html | NotAnAnswer::Malformed | NotAnAnswer::Twice))) => {
            Err(unknown(&why.to_string()))
        }
        (409, Ok(value)) => match speech.conflict(&value) {
            Some(reason) => Err(refused(reason, &value)),
            None => Err(unknown(&format!("conflict: {}", speech.words(&value)))),
        },
        (400.., Ok(value)) => match speech.verdict(&value) {
            Some(true) => Err(unknown("an error status with a success in it")),
            _ if contradicts(&value) => Err(unknown("an error status with an order in it")),
            _ if speech.doubtful(&value) => Err(unknown(&format!("failed in the middle: {}", speech.words(&value)))),
            None if speech.words(&value).is_empty() => Err(unknown("an error status without a reason")),
            _ => Err(refused(speech.reason(status, &value), &value)),
        },
        (_, Ok(value)) => match speech.verdict(&value) {
            Some(true) => Ok(value),
            Some(false) if speech.doubtful(&value) => {
                Err(unknown(&format!("failed in the middle: {}", speech.words(&value))))
            }
            Some(false) if contradicts(&value) => Err(unknown("a refusal with an order in it")),
            Some(false) => Err(refused(speech.reason(status, &value), &value)),
            None => Err(unknown("neither success nor refusal in the answer")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Speech for Plain {
        fn verdict(&self, value: &Value) -> Option<bool> {
            loose::flag(value, "success")
        }
        fn reason(&self, _status: u16, _value: &Value) -> RefusalReason {
            RefusalReason::Other
        }
    }

    fn answer(status: u16, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("date", "Sun, 22 Nov 2026 01:08:06 GMT".parse().unwrap());
        Answer { status, headers, body: bytes::Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn class(status: u16, body: &str) -> &'static str {
        match judge(&Plain, &Mask::default(), &answer(status, body)) {
            Ok(_) => "done",
            Err(Miss::Refused(_)) => "refused",
            Err(Miss::NeverSent(_)) => "never sent",
            Err(Miss::Unknown(_)) => "unknown",
        }
    }

    #[test]
    fn the_table() {
        let (yes, no) = (r#"{"success":true}"#, r#"{"success":false,"error":"no such plan"}"#);
        for (status, body, expected) in [
            (200, yes, "done"),
            (201, yes, "done"),
            (200, no, "refused"),
            (200, r#"{"success":"maybe"}"#, "unknown"),
            (200, "[]", "unknown"),
            (200, "", "unknown"),
            (204, "", "unknown"),
            (200, "<html>log in to the Wi-Fi</html>", "unknown"),
            (200, r#"{"success":true"#, "unknown"),
            (200, r#"{"success":true,"success":false}"#, "unknown"),
            (301, yes, "unknown"),
            (302, yes, "unknown"),
            (307, no, "unknown"),
            (400, no, "refused"),
            (400, yes, "unknown"),
            (400, "<html>", "unknown"),
            (403, "", "unknown"),
            (401, r#"{"message":"Unauthenticated."}"#, "refused"),
            (404, "{}", "unknown"),
            (408, no, "unknown"),
            (409, no, "unknown"),
            (422, r#"{"message":{"error":["no such plan"]}}"#, "refused"),
            (425, no, "unknown"),
            (429, "", "refused"),
            (429, "<html>slow down</html>", "refused"),
            (429, yes, "unknown"),
            (429, r#"{"success":false,"orderReference":"order_1"}"#, "unknown"),
            (200, r#"{"success":false,"error":"no","orderReference":"order_1"}"#, "unknown"),
            (400, r#"{"success":false,"error":"no","data":{"order":{"order_number":"GW7DUVMKGO"}}}"#, "unknown"),
            (422, r#"{"success":false,"error":"no","order":{"id":"ord-1"}}"#, "unknown"),
            (200, r#"{"success":false,"error":"no","order":null}"#, "refused"),
            (500, no, "unknown"),
            (500, yes, "unknown"),
            (502, "<html>", "unknown"),
            (503, "", "unknown"),
        ] {
            assert_eq!(class(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn doubts_carry_the_providers_clock() {
        let Err(Miss::Unknown(doubt)) = judge(&Plain, &Mask::default(), &answer(500, "")) else { panic!() };
        assert_eq!(doubt.provider_date.unwrap().to_string(), "2026-11-22T01:08:06Z");
    }

    #[test]
    fn waits_are_read_in_three_forms() {
        let mut limited = answer(429, "");
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(limited.retry_after(now), None);
        limited.headers.insert("x-ratelimit-reset", "2026-11-22T01:09:06Z".parse().unwrap());
        assert_eq!(limited.retry_after(now), Some(Duration::from_secs(60)));
        limited.headers.insert("retry-after", "Sun, 22 Nov 2026 01:08:16 GMT".parse().unwrap());
        assert_eq!(limited.retry_after(now), Some(Duration::from_secs(10)));
        limited.headers.insert("retry-after", " 7 ".parse().unwrap());
        assert_eq!(limited.retry_after(now), Some(Duration::from_secs(7)));
        limited.headers.insert("retry-after", "soon".parse().unwrap());
        assert_eq!(limited.retry_after(now), Some(Duration::from_secs(60)), "then the other header counts");
        assert_eq!(format!("{limited:?}"), "Answer(HTTP 429, 0 bytes)");
    }
}
