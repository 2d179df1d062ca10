//! An answer, and the ways in which it can be spoiled before it leaves.

use serde_json::{Map, Value, json};

use super::fault::Effect;

/// What a provider wants to answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) kind: &'static str,
    pub(super) body: Vec<u8>,
    /// The order that the call made or repeated.
    pub(super) order: Option<u64>,
}

impl Reply {
    pub(super) fn json(status: u16, value: &Value) -> Reply {
        let body = value.to_string().into_bytes();
        Reply { status, headers: Vec::new(), kind: "application/json", body, order: None }
    }

    pub(super) fn html(status: u16, title: &str) -> Reply {
        let body = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center>\
             <hr><center>nginx</center></body></html>\n"
        );
        let kind = "text/html; charset=UTF-8";
        Reply { status, headers: Vec::new(), kind, body: body.into_bytes(), order: None }
    }

    pub(super) fn png(body: Vec<u8>) -> Reply {
        Reply { status: 200, headers: Vec::new(), kind: "image/png", body, order: None }
    }

    pub(super) fn of_order(self, order: u64) -> Reply {
        Reply { order: Some(order), ..self }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    fn parsed(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    fn edited(mut self, edit: impl FnOnce(&mut Value)) -> Reply {
        if let Some(mut value) = self.parsed() {
            edit(&mut value);
            self.body = value.to_string().into_bytes();
        }
        self
    }

    /// The answer with its content spoiled by `effect`; effects below the content leave it as it is.
    /// `asked` is the path and query of the request, `refusal` the provider's own error object.
    pub(super) fn spoiled(self, effect: &Effect, asked: &str, refusal: impl Fn(u16) -> Reply) -> Reply {
        let order = self.order;
        let mut spoiled = match effect {
            Effect::Html => Reply::html(200, "Airport Free WiFi - please accept the terms"),
            Effect::Empty => Reply { body: Vec::new(), ..self },
            Effect::NoContent => Reply { status: 204, body: Vec::new(), ..self },
            Effect::Status { code, html: true } => Reply::html(*code, &format!("{code} {}", phrase(*code))),
            Effect::Status { code, html: false } => refusal(*code),
            Effect::Redirect { code, to } => {
                let to = to.clone().unwrap_or_else(|| asked.to_owned());
                Reply::html(*code, "Redirecting").with("location", to)
            }
            Effect::TooMany { retry_after } => {
                let reply = refusal(429);
                retry_after.iter().fold(reply, |reply, seconds| reply.with("retry-after", seconds.to_string()))
            }
            Effect::CutJson => {
                let half = self.body.len() / 2;
                Reply { body: self.body[..half].to_vec(), ..self }
            }
            Effect::BrokenSample => Reply { body: as_printed(&self.body), ..self },
            Effect::WrongTypes => self.edited(swap_types),
            Effect::MissingField(name) => self.edited(|value| remove(value, name)),
            Effect::NullField(name) => self.edited(|value| nullify(value, name)),
            Effect::ExtraFields => self.edited(add_unknown),
            Effect::ArrayForObject => self.edited(|value| *value = json!([value.take()])),
            Effect::DuplicateKeys => Reply { body: duplicate_first_key(&self.body), ..self },
            Effect::InvalidUtf8 => Reply { body: break_utf8(self.body), ..self },
            _ => self,
        };
        spoiled.order = order;
        spoiled
    }
}

fn phrase(code: u16) -> &'static str {
    match code {
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "Error",
    }
}

/// Numbers as texts and numeric texts as numbers.
fn swap_types(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::String(number.to_string()),
        Value::String(text) if text.len() < 16 && text.parse::<serde_json::Number>().is_ok() => {
            if let Ok(number) = text.parse() {
                *value = Value::Number(number);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(swap_types),
        Value::Object(map) => map.values_mut().for_each(swap_types),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn each_object(value: &mut Value, act: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, act)),
        Value::Object(map) => {
            // The inner ones first: what is added is not looked at again.
            map.values_mut().for_each(|inner| each_object(inner, act));
            act(map);
        }
        _ => {}
    }
}

fn remove(value: &mut Value, name: &str) {
    each_object(value, &mut |map| drop(map.remove(name)));
}

fn nullify(value: &mut Value, name: &str) {
    each_object(value, &mut |map| {
        if let Some(field) = map.get_mut(name) {
            *field = Value::Null;
        }
    });
}

fn add_unknown(value: &mut Value) {
    each_object(value, &mut |map| {
        map.insert("x_new_field".to_owned(), json!({"since": "v9", "values": [1, "two", null]}));
    });
}

/// `{"status": false, "status": …`: the first key stands twice.
fn duplicate_first_key(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let Some(key) = text.strip_prefix("{\"").and_then(|rest| rest.split('"').next()) else { return body.to_vec() };
    format!("{{\"{key}\":false,{}", &text[1..]).into_bytes()
}

fn break_utf8(mut body: Vec<u8>) -> Vec<u8> {
    if let Some(place) = body.iter().position(|byte| *byte == b':') {
        body.splice(place + 1..place + 1, [b'"', 0xC3, 0x28, b'"', b',', b'"', b'x', b'"', b':']);
    }
    body
}

/// The syntax faults of the printed samples, set into a true answer: the comma before `packageCode`, `countries` or
/// the second field missing, a trailing comma in lists, `[...]`, a comment, and a brace too many.
fn as_printed(body: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(body).into_owned();
    for name in ["packageCode", "countries"] {
        text = text.replace(&format!(",\"{name}\""), &format!("\n\"{name}\""));
    }
    text = text.replace("}]", "},]");
    for name in ["locationNetworkList", "profiles"] {
        if let Some(at) = text.find(&format!("\"{name}\":[")) {
            text.insert_str(at + name.len() + 4, "...");
        }
    }
    if let Some(at) = text.rfind('}') {
        text.insert_str(at, " // additional details if available\n");
    }
    text.push_str("\n}");
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoil(effect: &Effect) -> Reply {
        let value = json!({"status": "success", "data": {"plans": [{"id": 1, "price": "8.12", "packageCode": "A"}]}});
        Reply::json(200, &value).of_order(4).spoiled(effect, "/api/x?y", |code| Reply::json(code, &json!({})))
    }

    #[test]
    fn contents_are_spoiled_as_named() {
        let parse = |reply: &Reply| serde_json::from_slice::<Value>(&reply.body).ok();
        assert_eq!(parse(&spoil(&Effect::BrokenSample)), None);
        assert_eq!(parse(&spoil(&Effect::CutJson)), None);
        assert!(String::from_utf8(spoil(&Effect::InvalidUtf8).body).is_err());
        let swapped = parse(&spoil(&Effect::WrongTypes)).unwrap();
        assert_eq!(swapped["data"]["plans"][0]["id"], "1");
        assert_eq!(swapped["data"]["plans"][0]["price"].to_string(), "8.12");
        let less = parse(&spoil(&Effect::MissingField("price".into()))).unwrap();
        assert!(less["data"]["plans"][0].get("price").is_none());
        let null = parse(&spoil(&Effect::NullField("price".into()))).unwrap();
        assert!(null["data"]["plans"][0]["price"].is_null());
        let twice = String::from_utf8(spoil(&Effect::DuplicateKeys).body).unwrap();
        assert_eq!(twice.matches("\"data\"").count(), 2);
        let moved = spoil(&Effect::Redirect { code: 307, to: None });
        assert_eq!((moved.status, moved.headers[0].1.as_str(), moved.order), (307, "/api/x?y", Some(4)));
        let busy = spoil(&Effect::TooMany { retry_after: Some(7) });
        assert_eq!((busy.status, busy.headers[0].1.as_str()), (429, "7"));
    }
}
