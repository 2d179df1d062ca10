//! What operators are handed beside the program: payload schemas must fit what it says.

use std::path::{Path, PathBuf};

use esim_kiosk::fleet::order::{Order, Signed, sign};
use esim_kiosk::sim::schema::{judge_both_ways, load};
use serde_json::Value;

fn docs(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(docs(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn orders_fit_their_schema() {
    let signed = Signed { kiosk: "K07".into(), counter: 1, expires: jiff::Timestamp::UNIX_EPOCH, order: Order::Lock };
    let (provider, plan) = ("mobilexy".to_owned(), "7".to_owned());
    let all = [
        Order::Lock,
        Order::Unlock,
        Order::Restart,
        Order::RefreshCatalogue,
        Order::EndOfDay,
        Order::PrintTest { language: None },
        Order::PrintTest { language: Some("de".into()) },
        Order::OffSale { provider: provider.clone(), plan: plan.clone(), reason: "recalled".into() },
        Order::OnSale { provider, plan },
        Order::Configure { part: "[operator]\nhelp_phone = \"+43 1 999\"\n".into() },
    ];
    let key = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for order in all {
        let order = Signed { order, ..signed.clone() };
        let text = serde_json::to_value(&order).unwrap();
        judge_both_ways("order", &text).unwrap();
        names.insert(text["do"].as_str().unwrap().to_owned());
        assert_eq!(serde_json::from_value::<Signed>(text).unwrap(), order);
        judge_both_ways("kiosk_order", &sign(&key, &order).unwrap()).unwrap();
    }
    let described = load("order").unwrap();
    let described: Vec<&str> =
        described["properties"]["do"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        described.len() == names.len() && described.iter().all(|name| names.contains(*name)),
        "{described:?} {names:?}"
    );
}

#[test]
fn every_schema_is_one_and_is_told_in_the_guide() {
    let guide = read("operator.md");
    for entry in std::fs::read_dir(docs("schemas")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let schema = load(name).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(
            schema["title"].is_string() && schema["properties"].is_object() && schema["required"].is_array(),
            "{name}"
        );
        assert!(guide.contains(&format!("schemas/{name}.json")), "{name} is not in the guide");
    }
}
