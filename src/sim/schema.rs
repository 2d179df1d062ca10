//! The judge of what is said on MQTT and HTTPS: the JSON Schemas that operators are given (docs/schemas), as much of
//! draft 2020-12 as they use. A keyword that is not understood is an error, so that none is passed over in silence.

use std::path::Path;

use regex::Regex;
use serde_json::{Map, Value};

/// Which schema describes the messages of a topic; none: nobody has described them.
pub fn of_topic(topic: &str) -> Option<&'static str> {
    let (device, rest) = topic.strip_prefix("te/device/")?.split_once('/')?;
    if device.is_empty() {
        return None;
    }
    let parts: Vec<&str> = rest.split('/').collect();
    Some(match parts.as_slice() {
        ["", ""] => "device",
        ["service", "esim-kiosk"] => "service",
        ["service", "esim-kiosk", "status", "health"] => "presence",
        ["", "", "twin", "selling"] => "selling",
        ["", "", "twin", "devices"] => "devices",
        ["", "", "twin", "facts"] => "facts",
        ["", "", "a", _] => "alarm",
        ["", "", "e", "sale"] => "sale",
        ["", "", "e", "sale_taken"] => "sale_taken",
        ["", "", "cmd", "log_upload"] => "log_upload_capability",
        ["", "", "cmd", "kiosk_order"] => "kiosk_order_capability",
        ["", "", "cmd", "log_upload", _] => "log_upload",
        ["", "", "cmd", "kiosk_order", _] => "kiosk_order",
        _ => return None,
    })
}

/// A schema of docs/schemas by its name.
///
/// # Errors
/// That it is not there or no JSON.
pub fn load(name: &str) -> Result<Value, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether a value is as the schema of this name says.
///
/// # Errors
/// Where it is not, and how.
pub fn judge(name: &str, value: &Value) -> Result<(), String> {
    fits(&load(name)?, value).map_err(|why| format!("{name}: {why} in {value}"))
}

/// Whether what was said on a topic is as described; an empty message clears and is no JSON.
///
/// # Errors
/// Where it is not, and how.
pub fn judge_message(topic: &str, payload: &[u8]) -> Result<(), String> {
    if payload.is_empty() {
        return Ok(());
    }
    let name = of_topic(topic).ok_or_else(|| format!("{topic} is described nowhere"))?;
    let value = serde_json::from_slice(payload).map_err(|error| format!("{topic}: {error}"))?;
    judge(name, &value)
}

/// The same, and the other way round: without any one member that is required, at any depth, it must not fit.
///
/// # Errors
/// Where it fits not, or fits though something is missing.
pub fn judge_both_ways(name: &str, value: &Value) -> Result<(), String> {
    judge(name, value)?;
    let schema = load(name)?;
    let mut bent = Vec::new();
    without_each(&schema, value, &mut bent)?;
    if bent.is_empty() {
        return Err(format!("{name} requires nothing: it cannot fail"));
    }
    let passed = bent.into_iter().find(|(_, bent)| fits(&schema, bent).is_ok());
    passed.map_or(Ok(()), |(member, bent)| Err(format!("{name} fits without {member}: {bent}")))
}

/// The value once for each required member, without it.
fn without_each(schema: &Value, value: &Value, bent: &mut Vec<(String, Value)>) -> Result<(), String> {
    let schema = resolved(schema)?;
    for member in required(&schema, value) {
        if let Some(mut fields) = value.as_object().cloned() {
            fields.remove(&member);
            bent.push((member, Value::Object(fields)));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let mut below = Vec::new();
        without_each(&schema["properties"][name], inner, &mut below)?;
        bent.extend(below.into_iter().map(|(member, inner)| {
            let mut whole = value.clone();
            whole[name] = inner;
            (format!("{name}.{member}"), whole)
        }));
    }
    for (place, inner) in value.as_array().into_iter().flatten().enumerate() {
        let mut below = Vec::new();
        without_each(&schema["items"], inner, &mut below)?;
        bent.extend(below.into_iter().map(|(member, inner)| {
            let mut whole = value.clone();
            whole[place] = inner;
            (format!("{place}.{member}"), whole)
        }));
    }
    Ok(())
}

/// What is required of this value: always, and where a condition holds.
fn required(schema: &Value, value: &Value) -> Vec<String> {
    let of = |schema: &Value| -> Vec<String> {
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut all = of(schema);
    for branch in schema["allOf"].as_array().into_iter().flatten() {
        if branch.get("if").is_some_and(|condition| fits(condition, value).is_ok()) {
            all.extend(of(&branch["then"]));
        }
    }
    all
}

/// A schema that only points at another one is that other one.
fn resolved(schema: &Value) -> Result<Value, String> {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(file) => load(file.strip_suffix(".json").ok_or_else(|| format!("{file} is no file beside"))?),
        None => Ok(schema.clone()),
    }
}

fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    let Value::Object(rules) = schema else { return Err(format!("{schema} is no schema")) };
    rules.iter().try_for_each(|(keyword, rule)| holds(keyword, rule, rules, value))
}

fn holds(keyword: &str, rule: &Value, rules: &Map<String, Value>, value: &Value) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{value} {what} {rule}"));
    let listed = || rule.as_array().into_iter().flatten();
    match keyword {
        "$schema" | "title" | "description" => Ok(()),
        "$ref" => fits(&resolved(&Value::Object(rules.clone()))?, value),
        "const" if value != rule => wrong("is not"),
        "enum" if !listed().any(|allowed| allowed == value) => wrong("is none of"),
        "const" | "enum" => Ok(()),
        "type" => {
            let one = std::slice::from_ref(rule);
            let kinds = rule.as_array().map_or(one, Vec::as_slice);
            let is = |kind: &Value| kind.as_str().is_some_and(|kind| is_of(kind, value));
            if kinds.iter().any(is) { Ok(()) } else { wrong("is no") }
        }
        "minimum" if value.as_i64().zip(rule.as_i64()).is_some_and(|(value, least)| value < least) => wrong("is below"),
        "minimum" => Ok(()),
        "pattern" => {
            let pattern = Regex::new(rule.as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
            if value.as_str().is_none_or(|text| pattern.is_match(text)) { Ok(()) } else { wrong("is not like") }
        }
        "format" if rule == "date-time" => {
            let is_time = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
            if value.as_str().is_none_or(is_time) { Ok(()) } else { wrong("is no") }
        }
        "required" => match listed().filter_map(Value::as_str).find(|name| value.get(name).is_none()) {
            Some(missing) if value.is_object() => Err(format!("{missing} is missing")),
            _ => Ok(()),
        },
        "items" => value.as_array().into_iter().flatten().try_for_each(|item| fits(rule, item)),
        "properties" => value.as_object().into_iter().flatten().try_for_each(|(name, inner)| match rule.get(name) {
            Some(schema) => fits(schema, inner).map_err(|why| format!("{name}: {why}")),
            None => Ok(()),
        }),
        "additionalProperties" => {
            let described = |name: &String| rules.get("properties").is_some_and(|known| known.get(name).is_some());
            let foreign = value.as_object().into_iter().flatten().find(|(name, _)| !described(name));
            match foreign {
                Some((name, _)) if *rule == Value::Bool(false) => Err(format!("{name} is not described")),
                _ => Ok(()),
            }
        }
        "allOf" => listed().try_for_each(|branch| match (branch.get("if"), branch.get("then")) {
            (Some(condition), Some(then)) if fits(condition, value).is_ok() => fits(then, value),
            (Some(_), Some(_)) => Ok(()),
            _ => fits(branch, value),
        }),
        _ => Err(format!("the keyword {keyword} is not understood here")),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_keyword_can_refuse() {
        let cases = [
            (json!({ "type": "integer" }), json!(1), json!("1")),
            (json!({ "type": ["string", "null"] }), json!(null), json!(1)),
            (json!({ "enum": ["a", null] }), json!(null), json!("b")),
            (json!({ "const": 1 }), json!(1), json!(2)),
            (json!({ "minimum": 1 }), json!(1), json!(0)),
            (json!({ "pattern": "^[0-9a-f]{4}$" }), json!("00ff"), json!("00fg")),
            (json!({ "format": "date-time" }), json!("2026-11-22T14:30:00Z"), json!("yesterday")),
            (json!({ "required": ["a"] }), json!({ "a": 1 }), json!({})),
            (json!({ "items": { "type": "string" } }), json!(["a"]), json!([1])),
            (json!({ "properties": { "a": { "type": "string" } } }), json!({ "a": "" }), json!({ "a": 1 })),
            (json!({ "properties": { "a": {} }, "additionalProperties": false }), json!({ "a": 1 }), json!({ "b": 1 })),
            (
                json!({ "allOf": [{ "if": { "properties": { "a": { "const": 1 } } }, "then": { "required": ["b"] } }] }),
                json!({ "a": 1, "b": 2 }),
                json!({ "a": 1 }),
            ),
            (json!({ "$ref": "sale_taken.json" }), json!({ "key": "x" }), json!({})),
        ];
        for (schema, good, bad) in cases {
            assert_eq!(fits(&schema, &good), Ok(()), "{schema}");
            assert!(fits(&schema, &bad).is_err(), "{schema} takes {bad}");
        }
        assert!(fits(&json!({ "oneOf": [] }), &json!(1)).unwrap_err().contains("not understood"));
        assert!(judge_both_ways("sale_taken", &json!({ "key": "x" })).is_ok());
        assert!(judge_message("te/device/K07///twin/unheard_of", b"{}").unwrap_err().contains("nowhere"));
    }
}
