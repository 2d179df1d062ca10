//! Records and words as people read them.

use serde_json::{Map, Value};

use crate::money::{Amount, Exact};

/// A fact of a record: its name, where in the record it stands, what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) says: String,
}

/// Everything that a record says, flat; what is not known is left out.
pub(super) fn facts(value: &Value) -> Vec<Fact> {
    let mut facts = Vec::new();
    gather(value, &mut Vec::new(), &mut facts);
    facts
}

fn gather(value: &Value, path: &mut Vec<String>, facts: &mut Vec<Fact>) {
    let says = match value {
        Value::Null => return,
        Value::Object(fields) => match whole(fields) {
            Some(says) => says,
            None => {
                for (name, inner) in fields {
                    path.push(words(name));
                    gather(inner, path, facts);
                    path.pop();
                }
                return;
            }
        },
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate() {
                // A list of one is no list to a reader.
                if items.len() > 1 {
                    path.push(format!("#{}", place + 1));
                }
                gather(inner, path, facts);
                if items.len() > 1 {
                    path.pop();
                }
            }
            return;
        }
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
    };
    let name = path.iter().rev().find(|name| !name.starts_with('#')).cloned().unwrap_or_default();
    facts.push(Fact { name, path: path.join(" › "), says });
}

/// Sums and rates are one fact each.
fn whole(fields: &Map<String, Value>) -> Option<String> {
    let value = || Value::Object(fields.clone());
    if fields.len() == 2 && fields.contains_key("currency") {
        let amount = serde_json::from_value::<Amount>(value()).map(|amount| amount.to_string());
        return amount.or_else(|_| serde_json::from_value::<Exact>(value()).map(|exact| exact.to_string())).ok();
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let (from, to, rate, date) = (text("from")?, text("to")?, text("value")?, text("date")?);
    Some(format!("{rate} {from} → {to} of {date}"))
}

/// A sum, where the currency is one.
pub(in crate::diagnostics) fn sum(minor: i64, currency: &str) -> String {
    match currency.parse() {
        Ok(currency) => Amount::new(minor, currency).to_string(),
        Err(_) => format!("{minor} minor units of {currency}"),
    }
}

/// `paused: TerminalBusy`, `not_charged` as words.
pub(super) fn words(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for letter in name.chars() {
        match letter {
            '_' => text.push(' '),
            _ if letter.is_ascii_uppercase() && before.is_ascii_lowercase() => {
                text.push(' ');
                text.push(letter.to_ascii_lowercase());
            }
            _ => text.push(letter),
        }
        before = letter;
    }
    // "paused: Terminal busy": the first word of a reason is no name either.
    match text.split_once(": ") {
        Some((state, reason)) if !reason.starts_with(|letter: char| !letter.is_ascii_uppercase()) => {
            let (first, rest) = reason.split_at(1);
            format!("{state}: {}{rest}", first.to_ascii_lowercase())
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_reads_like_a_list_of_facts() {
        let record = json!({
            "amount": { "currency": "EUR", "minor": 490 },
            "goods": [{ "offer": { "title": "Japan 5 GB", "cost": { "currency": "USD", "value": "2.99" }, "slow": false } }],
            "rate": { "date": "2026-11-22", "from": "USD", "to": "EUR", "value": "0.9234", "max_age_days": 14 },
            "trace": null,
        });
        let told: Vec<String> = facts(&record).into_iter().map(|fact| format!("{}={}", fact.path, fact.says)).collect();
        assert_eq!(
            told,
            [
                "amount=4.90 EUR",
                "goods › offer › cost=2.99 USD",
                "goods › offer › slow=no",
                "goods › offer › title=Japan 5 GB",
                "rate=0.9234 USD → EUR of 2026-11-22",
            ]
        );
        let two = facts(&json!({ "lines": ["a", "b"] }));
        assert_eq!((two[1].name.as_str(), two[1].path.as_str()), ("lines", "lines › #2"));
    }

    #[test]
    fn names_of_the_program_become_words() {
        assert_eq!(words("paused: TerminalBusy"), "paused: terminal busy");
        assert_eq!(words("not_charged"), "not charged");
        assert_eq!(words("needs care (9C)"), "needs care (9C)");
        assert_eq!(sum(490, "EUR"), "4.90 EUR");
        assert_eq!(sum(490, "JPY"), "490 JPY");
        assert_eq!(sum(490, "?"), "490 minor units of ?");
    }
}
