//! A request as it arrived: address, headers, fields from wherever they were written.

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Uri};
use serde_json::Value;

/// One request, read to its end.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The path after the provider's base, decoded, without empty parts.
    pub(super) path: Vec<String>,
    /// The path and query as sent, for redirects.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    /// The exact bytes of the body, which signatures cover.
    pub(super) body: Bytes,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    json: Option<Value>,
}

impl Call {
    /// `skip` leading parts of the path belong to the base.
    pub(super) fn read(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes, skip: usize) -> Call {
        let path = uri.path().split('/').filter(|part| !part.is_empty()).skip(skip).map(decode).collect();
        let query = pairs(uri.query().unwrap_or(""));
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let (mut form, mut json) = (Vec::new(), None);
        if kind.starts_with("application/x-www-form-urlencoded") {
            form = pairs(&String::from_utf8_lossy(&body));
        } else if kind.starts_with("multipart/form-data") {
            form = multipart(&kind, &body);
        } else if !body.is_empty() {
            json = serde_json::from_slice(&body).ok();
        }
        let target = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        Call { method, path, target, headers, body, query, form, json }
    }

    /// The parts of the path, for matching.
    pub(super) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// A query parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field from the body (form or JSON text or number) or else from the query, not empty.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let form = self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let value = form.or_else(|| match self.json.as_ref()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        });
        value.or_else(|| self.query(name).map(str::to_owned)).filter(|value| !value.is_empty())
    }

    /// A field that may be written several times (`name[]`, `name[0]`) or as a JSON array.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        if let Some(Value::Array(items)) = self.json.as_ref().and_then(|json| json.get(name)) {
            return items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
        }
        let indexed = |key: &str| key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
        let both = self.form.iter().chain(&self.query);
        both.filter(|(key, _)| indexed(key)).map(|(_, value)| value.clone()).collect()
    }

    /// The JSON body.
    pub(super) fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
    }

    /// A whole number from the query, `default` if it is not there, never above `max`.
    pub(super) fn number(&self, name: &str, default: usize, max: usize) -> usize {
        self.query(name).and_then(|text| text.parse().ok()).unwrap_or(default).clamp(1, max)
    }

    /// Whether the answer may go on a page of the query `page` of `limit` items: first and one past the last.
    pub(super) fn page(&self, total: usize, default: usize, max: usize) -> Page {
        let limit = self.number("limit", default, max);
        let page = self.number("page", 1, usize::MAX / 2 / max);
        let first = ((page - 1) * limit).min(total);
        Page { page, limit, total, pages: total.div_ceil(limit), first, end: (first + limit).min(total) }
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    pub(super) page: usize,
    pub(super) limit: usize,
    pub(super) total: usize,
    pub(super) pages: usize,
    pub(super) first: usize,
    pub(super) end: usize,
}

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// Percent-decoding; what is not valid stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The fields of a multipart form; a file's value is its size in bytes.
fn multipart(kind: &str, body: &[u8]) -> Vec<(String, String)> {
    let Some(boundary) = kind.split("boundary=").nth(1) else { return Vec::new() };
    let boundary = format!("--{}", boundary.split(';').next().unwrap_or("").trim_matches('"'));
    let mut fields = Vec::new();
    for part in split(body, boundary.as_bytes()) {
        let Some(gap) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..gap]);
        let value = part[gap + 4..].strip_suffix(b"\r\n").unwrap_or(&part[gap + 4..]);
        let Some(name) = head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()) else { continue };
        let value = if head.contains("filename=") {
            value.len().to_string()
        } else {
            String::from_utf8_lossy(value).into_owned()
        };
        fields.push((name.to_owned(), value));
    }
    fields
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

fn split<'a>(mut hay: &'a [u8], needle: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(hay, needle) {
        parts.push(&hay[..at]);
        hay = &hay[at + needle.len()..];
    }
    parts.push(hay);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(target: &str, kind: &str, body: &'static str) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        Call::read(Method::POST, &target.parse().unwrap(), headers, Bytes::from_static(body.as_bytes()), 1)
    }

    #[test]
    fn fields_come_from_form_json_or_query() {
        let form = call("/api/plan/purchase?x=1", "application/x-www-form-urlencoded", "api_key=a%2Bb+c&plan_id=10");
        assert_eq!(form.parts(), ["plan", "purchase"]);
        assert_eq!(form.field("api_key").as_deref(), Some("a+b c"));
        assert_eq!(form.field("x").as_deref(), Some("1"));
        let json = call("/api/plan", "application/json", r#"{"plan_id":10,"ids":["a","b"],"empty":""}"#);
        assert_eq!(json.field("plan_id").as_deref(), Some("10"));
        assert_eq!(json.field("empty"), None);
        assert_eq!(json.list("ids"), ["a", "b"]);
    }

    #[test]
    fn multipart_forms_are_read() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"api_key\"\r\n\r\nsecret\r\n\
            --XX\r\nContent-Disposition: form-data; name=\"ids[0]\"\r\n\r\n7\r\n\
            --XX\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a.png\"\r\n\r\n12345\r\n--XX--\r\n";
        let call = call("/api/x", "multipart/form-data; boundary=XX", body);
        assert_eq!(call.field("api_key").as_deref(), Some("secret"));
        assert_eq!(call.list("ids"), ["7"]);
        assert_eq!(call.field("logo").as_deref(), Some("5"));
    }

    #[test]
    fn pages_are_cut() {
        let call = call("/api/x?page=3&limit=500", "text/plain", "");
        let page = call.page(245, 50, 100);
        assert_eq!((page.limit, page.pages, page.first, page.end), (100, 3, 200, 245));
    }
}
