//! What operators are handed beside the program: payload schemas, dashboard and alert rules must fit what it says.

use std::path::{Path, PathBuf};

use esim_kiosk::metrics;
use serde_json::Value;

fn docs(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(docs(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of ours and of the process in an expression.
fn names(expression: &str) -> Vec<String> {
    expression
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with("esim_kiosk_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// Every sample and label that the program can tell: its source is the witness.
fn is_told(name: &str) -> bool {
    let source = include_str!("../src/metrics.rs");
    source.contains(&format!("\"{name}\""))
}

#[test]
fn dashboard_and_rules_name_only_metrics_that_are_told() {
    let dashboard: Value = serde_json::from_str(&read("monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 10);
    for panel in panels {
        let expression = panel["targets"][0]["expr"].as_str().unwrap();
        let names = names(expression);
        assert!(!names.is_empty() && names.iter().all(|name| is_told(name)), "{expression}");
    }
    let rules = read("monitoring/alerts.yaml");
    let expressions: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert_eq!(expressions.len(), rules.matches("- alert:").count());
    for expression in expressions {
        assert!(names(expression).iter().all(|name| is_told(name)), "{expression}");
    }
    assert!(!is_told("esim_kiosk_unknown"), "the check can fail");
    assert!(metrics::CONTENT_TYPE.starts_with("application/openmetrics-text"));
}

/// As much of JSON Schema as our documents use: type, enum, properties, required, items, additionalProperties.
fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        return Err(format!("{value} is none of {allowed:?}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind)) {
        return Err(format!("{value} is no {kinds:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(&schema["items"], item)?;
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(key).ok_or(format!("{key} is missing"))?;
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(schema) => fits(schema, inner).map_err(|why| format!("{key}: {why}"))?,
            None if schema["additionalProperties"] == false => return Err(format!("{key} is not described")),
            None => {}
        }
    }
    Ok(())
}

#[test]
fn what_is_said_fits_its_schema() {
    let schema = |name: &str| -> Value { serde_json::from_str(&read(&format!("schemas/{name}.json"))).unwrap() };
    let order = esim_kiosk::fleet::order::Signed {
        kiosk: "K07".into(),
        counter: 1,
        expires: jiff::Timestamp::UNIX_EPOCH,
        order: esim_kiosk::fleet::order::Order::RefreshCatalogue,
    };
    fits(&schema("order"), &serde_json::to_value(&order).unwrap()).unwrap();
    let signed = order.clone();
    let name = || "mobilexy".to_owned();
    for order in [
        esim_kiosk::fleet::order::Order::PrintTest { language: Some("de".into()) },
        esim_kiosk::fleet::order::Order::OffSale { provider: name(), plan: "7".into(), reason: "recalled".into() },
        esim_kiosk::fleet::order::Order::OnSale { provider: name(), plan: "7".into() },
    ] {
        let order = esim_kiosk::fleet::order::Signed { order, ..signed.clone() };
        let text = serde_json::to_value(&order).unwrap();
        fits(&schema("order"), &text).unwrap();
        assert_eq!(serde_json::from_value::<esim_kiosk::fleet::order::Signed>(text).unwrap(), order);
    }
    let key = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    fits(&schema("kiosk_order"), &esim_kiosk::fleet::order::sign(&key, &order).unwrap()).unwrap();
    for (name, bad) in
        [("order", serde_json::json!({ "kiosk": "K07" })), ("selling", serde_json::json!({ "state": "shut" }))]
    {
        assert!(fits(&schema(name), &bad).is_err(), "{name}");
    }
    for entry in std::fs::read_dir(docs("schemas")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(schema["title"].is_string() && schema["properties"].is_object());
    }
}
