//! What the command line tells for the books and for support: every sale, whatever became of its records.

use serde_json::Value;

use super::tests::Machine;
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::tests::{Played, at, profile, quote};
use crate::money::{Currency, Exact};
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::ProfileId;
use crate::sale::offer::{OrderReference, Source};
use crate::sale::transaction::Ending;

fn journal(machine: &Machine) -> SqliteJournal {
    SqliteJournal::open_with(&Section::at(&machine.state), None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal
}

fn exported(machine: &Machine) -> (Vec<Value>, Vec<String>) {
    let year = ["--from", "1970-01-01", "--to", "2040-01-01"];
    let (json, done) = machine.says(&[["--json", "sales", "export"].as_slice(), &year].concat());
    done.unwrap();
    let (csv, done) = machine.says(&[["sales", "export"].as_slice(), &year].concat());
    done.unwrap();
    let rows = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (rows, csv.lines().map(str::to_owned).collect())
}

/// Sale 1 bought an eSIM that went into the stock; sale 2 sold it; sale 3 was refused and bought nothing.
fn traded(machine: &Machine) {
    let mut journal = journal(machine);
    let mut late = Played::begin(&mut journal, 1, quote(1, Source::Provider)).unwrap();
    late.held(&mut journal, "0042").unwrap();
    late.on(&mut journal, 10_001, Event::Tick).unwrap();
    let id = ProfileId::from_parts(2, 1);
    let news = GoodsNews::Delivered {
        reference: OrderReference("ORD1".into()),
        profile: Some(id),
        iccid: None,
        charged: Some(Exact::parse("4.75", Currency::USD).unwrap()),
    };
    let content = profile("TOPSECRET-1");
    late.on_with(&mut journal, at(10_500), Event::Goods { good: 0, news }, Some((id, &content))).unwrap();
    late.on(&mut journal, 11_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None })).unwrap();
    let mut wish = quote(2, Source::Stock { profile: id });
    wish.continues = Some(late.sale.id);
    let mut sold = Played::begin(&mut journal, 2, wish).unwrap();
    sold.held(&mut journal, "0043").unwrap();
    sold.paid(&mut journal).unwrap();
    let mut refused = Played::begin(&mut journal, 3, quote(3, Source::Provider)).unwrap();
    refused.held(&mut journal, "0044").unwrap();
    let news = GoodsNews::Refused("no such plan".into());
    refused.on(&mut journal, 2_000, Event::Goods { good: 0, news }).unwrap();
    refused.on(&mut journal, 3_000, Event::Ended(Ending::Aborted { result_code: 0x6C, text: None })).unwrap();
}

#[test]
fn an_esim_costs_once_and_what_was_not_bought_costs_nothing() {
    let machine = Machine::new();
    traded(&machine);
    let (rows, csv) = exported(&machine);
    let told = |row: &Value| {
        ["cost", "cost_currency", "order", "state", "charged", "records"]
            .map(|field| row[field].as_str().unwrap().to_owned())
    };
    let words = |words: [&str; 6]| words.map(str::to_owned);
    let of = |number: &str| rows.iter().find(|row| row["number"] == number).unwrap();
    let (late, sold, refused) = (of("K07-000001"), of("K07-000002"), of("K07-000003"));
    assert_eq!(told(late), words(["", "", "ORD1", "stored", "4.75", "whole"]));
    assert_eq!(told(sold), words(["4.5", "USD", "ORD1", "stored", "", "whole"]));
    assert_eq!(told(refused), words(["", "", "", "none", "", "whole"]));
    assert_eq!((&late["in_stock"], &sold["in_stock"]), (&true.into(), &false.into()));
    assert_eq!((&late["closed"], &late["money"]), (&"not_charged".into(), &"none".into()));
    assert!(late["closed_at"].as_str().unwrap().ends_with("T08:00:11Z"), "{late}");
    // The columns that were there before stand where they stood.
    assert!(
        csv[0].starts_with("number,id,chosen,closed,money,good,title,gross,") && csv[0].contains(",approval,last4,")
    );
    assert_eq!(csv.len(), 4, "{csv:?}");
    assert!(csv.iter().all(|line| line.split(',').count() >= csv[0].split(',').count()), "{csv:?}");
}
