//! The page against the text format of OpenMetrics 1.0, and what dashboard and rules name against the page.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::kiosk::alarms::tests::well;

/// A sample: its labels and its value.
type Sample = (BTreeMap<String, String>, f64);

/// A metric family as it was read.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    unit: Option<String>,
    help: bool,
    samples: Vec<(String, Sample)>,
}

fn is_name(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    first && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// What may follow a family's name in a sample, by its type.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total", "_created"],
        "info" => &["_info"],
        "gauge" | "stateset" | "unknown" => &[""],
        _ => &[],
    }
}

/// Name, labels and value of a sample's line.
fn sample(line: &str) -> Result<(String, Sample), String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").ok_or("a label without a value")?;
            let (mut text, mut letters) = (String::new(), after.char_indices());
            let close = loop {
                match letters.next().ok_or("an open label")? {
                    (at, '"') => break at,
                    (_, '\\') => match letters.next().ok_or("an open escape")?.1 {
                        'n' => text.push('\n'),
                        letter @ ('\\' | '"') => text.push(letter),
                        other => return Err(format!("\\{other} is no escape")),
                    },
                    (_, letter) => text.push(letter),
                }
            };
            if !is_name(label) || labels.insert(label.to_owned(), text).is_some() {
                return Err(format!("the label {label:?}"));
            }
            rest = &after[close + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    let value = value.parse().map_err(|_| format!("{value:?} is no number"))?;
    Ok((name.to_owned(), (labels, value)))
}

/// Reads a page as strictly as a collector may.
fn parse(page: &str) -> Result<BTreeMap<String, Family>, String> {
    let body = page.strip_suffix("# EOF\n").ok_or("it does not end with # EOF")?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in body.lines() {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let (Some(what), Some(name), Some(text)) = (words.next(), words.next(), words.next()) else {
                return Err(wrong("metadata without a text"));
            };
            if name != current {
                if !is_name(name) || families.contains_key(name) {
                    return Err(wrong("a family that stands twice, or has no name"));
                }
                name.clone_into(&mut current);
            }
            let family = families.entry(name.to_owned()).or_default();
            match what {
                _ if !family.samples.is_empty() => return Err(wrong("metadata after a sample")),
                "TYPE" if family.kind.is_empty() && !suffixes(text).is_empty() => text.clone_into(&mut family.kind),
                "UNIT" if name.ends_with(&format!("_{text}")) => family.unit = Some(text.to_owned()),
                "HELP" if !family.help => family.help = true,
                _ => return Err(wrong("metadata that is not allowed here")),
            }
            continue;
        }
        let (name, (labels, value)) = sample(line).map_err(|why| wrong(&why))?;
        let family = families.get_mut(&current).ok_or_else(|| wrong("a sample without a family"))?;
        if !suffixes(&family.kind).iter().any(|suffix| name == format!("{current}{suffix}")) {
            return Err(wrong("the sample's name does not fit its family"));
        }
        if family.samples.iter().any(|(known, (other, _))| *known == name && *other == labels) {
            return Err(wrong("the sample stands twice"));
        }
        let fits = match family.kind.as_str() {
            "counter" => value >= 0.0,
            "info" => value == 1.0,
            "stateset" => labels.contains_key(&current) && (value == 0.0 || value == 1.0),
            _ => true,
        };
        if !fits {
            return Err(wrong("the value does not fit the type"));
        }
        family.samples.push((name, (labels, value)));
    }
    Ok(families)
}

fn whole() -> String {
    page("K\"0\\7\n", &well(), &Process { free_bytes: Some(5), ..Process::default() })
}

#[test]
fn the_page_is_openmetrics_with_names_and_units_by_convention() {
    let families = parse(&whole()).unwrap();
    for (name, family) in &families {
        assert!(name.starts_with("esim_kiosk_") || name.starts_with("process_"), "{name}");
        assert!(family.help && !family.samples.is_empty() && !name.ends_with("_total"), "{name}");
        // Base units: a family that names one says so, and none counts in thousandths.
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        assert_eq!(family.unit.as_deref(), unit, "{name}");
        let strange = ["ms", "millis", "milliseconds", "kb", "kib", "mb", "minutes", "hours"];
        assert!(name.split('_').all(|part| !strange.contains(&part)), "{name}");
    }
    let build = &families["esim_kiosk_build"].samples[0];
    assert_eq!(build.1.0["machine"], "K\"0\\7\n", "escaped there, and back here");
    let states = &families["esim_kiosk_selling"].samples;
    assert_eq!(states.iter().map(|(_, (_, value))| value).sum::<f64>(), 1.0, "one state at a time");
    assert_eq!(families["esim_kiosk_sales_closed"].samples.len(), 7);
}

#[test]
fn the_parser_refuses_what_a_collector_would() {
    let good = "# TYPE a gauge\n# HELP a A.\na{b=\"c\"} 1\n# EOF\n";
    parse(good).unwrap();
    for (from, to) in [
        ("# EOF\n", ""),
        ("gauge", "counter"),
        ("gauge", "stateset"),
        ("gauge", "thing"),
        ("a{b", "z{b"),
        (" 1\n", " one\n"),
        (" 1\n", " 1\na{b=\"c\"} 2\n"),
        ("\"c\"", "\"\\c\""),
        ("# HELP a A.\n", "# UNIT a seconds\n"),
        ("# EOF\n", "# TYPE a gauge\n# EOF\n"),
    ] {
        assert!(parse(&good.replace(from, to)).is_err(), "{from:?} → {to:?}");
    }
}

/// The names of ours and of the process in an expression, each with the labels that it is asked by.
fn asked(expression: &str) -> Vec<(String, BTreeSet<String>)> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
        rest = &rest[at..];
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if !word.starts_with("esim_kiosk_") && !word.starts_with("process_") {
            continue;
        }
        let mut labels = BTreeSet::new();
        if let Some(inner) = rest.strip_prefix('{')
            && let Some((inner, after)) = inner.split_once('}')
        {
            labels =
                inner.split(',').filter_map(|part| Some(part.split(['=', '!']).next()?.trim().to_owned())).collect();
            rest = after;
        }
        found.push((word.to_owned(), labels));
    }
    found
}

#[test]
fn dashboard_and_rules_name_only_what_the_page_tells() {
    let families = parse(&whole()).unwrap();
    let told: BTreeMap<&str, &BTreeMap<String, String>> = families
        .values()
        .flat_map(|family| &family.samples)
        .map(|(name, (labels, _))| (name.as_str(), labels))
        .collect();
    let is_told = |expression: &str| {
        let names = asked(expression);
        names.iter().all(|(name, labels)| {
            told.get(name.as_str()).is_some_and(|known| labels.iter().all(|label| known.contains_key(label)))
        })
    };
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../docs/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 10);
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let expression = target["expr"].as_str().unwrap();
        assert!(!asked(expression).is_empty() && is_told(expression), "{expression}");
    }
    let rules = include_str!("../../docs/monitoring/alerts.yaml");
    let expressions: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert_eq!(expressions.len(), rules.matches("- alert:").count());
    for expression in expressions {
        assert!(is_told(expression), "{expression}");
    }
    assert!(!is_told("esim_kiosk_unknown") && !is_told("esim_kiosk_online{account=\"x\"}"), "the check can fail");
    assert!(CONTENT_TYPE.starts_with("application/openmetrics-text"));
}

#[test]
fn this_process_has_memory_and_files() {
    let process = Process::of_this();
    assert!(process.resident_bytes > 1 << 20 && process.open_fds >= 3, "{process:?}");
}
