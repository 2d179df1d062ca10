//! What the command line tells for the books and for support: every sale, whatever became of its records.

use serde_json::Value;

use super::tests::Machine;
use crate::journal::section::Section;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::tests::{Played, at, claim, profile, quote};
use crate::journal::{Journal, Kept};
use crate::money::{Currency, Exact};
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::ProfileId;
use crate::sale::offer::{OrderReference, Source};
use crate::sale::transaction::Ending;

fn journal(machine: &Machine) -> SqliteJournal {
    SqliteJournal::open_with(&Section::at(&machine.state), None, jiff::Timestamp::UNIX_EPOCH).unwrap().journal
}

fn raw(machine: &Machine, sql: &str) {
    let connection = rusqlite::Connection::open(machine.state.join("journal/journal.db")).unwrap();
    connection.execute_batch(sql).unwrap();
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

#[test]
fn sales_without_their_records_keep_their_row_in_the_books() {
    let machine = Machine::new();
    {
        let mut journal = journal(&machine);
        for number in 1..=3_u8 {
            Played::sold(&mut journal, number, &format!("004{number}")).unwrap();
        }
    }
    // What keep_sales_days leaves of the first, and a medium of the second.
    raw(
        &machine,
        "DELETE FROM entries WHERE sale = (SELECT id FROM sales WHERE number = 'K07-000001');
         UPDATE sales SET entries = 0 WHERE number = 'K07-000001';
         UPDATE entries SET json = '•' WHERE sale = (SELECT id FROM sales WHERE number = 'K07-000002');",
    );
    let (rows, csv) = exported(&machine);
    assert_eq!((rows.len(), csv.len()), (3, 4));
    let kinds: Vec<&str> = rows.iter().map(|row| row["records"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["aged_out", "unreadable", "whole"]);
    for (row, number) in rows.iter().zip(1..) {
        let told = ["number", "closed", "money", "gross", "currency", "order", "receipt", "terminal", "state"];
        let told = told.map(|field| row[field].as_str().unwrap().to_owned());
        let (label, order, receipt) = (format!("K07-{number:06}"), format!("ORD{number}"), format!("004{number}"));
        let known = [&label, "delivered", "paid", "9.90", "EUR", &order, &receipt, "12345678", "stored"];
        assert_eq!(told, known.map(str::to_owned));
        assert!(!row["chosen"].as_str().unwrap().is_empty() && !row["closed_at"].as_str().unwrap().is_empty());
    }
    let (shown, done) = machine.says(&["sales", "show", "K07-000002"]);
    done.unwrap();
    assert!(shown.contains("cannot be read any more") && shown.contains("paid  •"), "{shown}");
    let (told, balanced) = machine.says(&["sales", "reconcile"]);
    assert!(told.contains("DIFFERENCE: sale K07-000002 cannot be read"), "{told}");
    assert!(balanced.unwrap_err().contains("do not balance"));
    let (cases, _) = machine.says(&["sales", "cases"]);
    assert!(cases.contains("K07-000002 case 255: unreadable"), "{cases}");
}

#[test]
fn what_a_newer_version_wrote_to_a_closed_sale_is_told_in_the_books_and_among_the_cases() {
    let machine = Machine::new();
    for number in 1..=2_u8 {
        Played::sold(&mut journal(&machine), number, &format!("004{number}")).unwrap();
    }
    let newer = "INSERT INTO entries (sale, seq, run, mono_ms, wall_ms, synced, kind, json)
                 SELECT id, entries, 1, 0, 0, 1, 'insured', '{\"kind\":\"insured\",\"policy\":7}'
                 FROM sales WHERE number = 'K07-000001';
                 UPDATE sales SET entries = entries + 1 WHERE number = 'K07-000001';";
    raw(&machine, newer);
    let (rows, _) = exported(&machine);
    let told = |row: &Value| ["number", "records", "closed", "order", "receipt"].map(|field| row[field].clone());
    assert_eq!(told(&rows[0]), ["K07-000001", "newer", "delivered", "ORD1", "0041"].map(Value::from));
    assert_eq!(told(&rows[1]), ["K07-000002", "whole", "delivered", "ORD2", "0042"].map(Value::from));
    journal(&machine).open_sales().unwrap(); // as the start does
    let (cases, _) = machine.says(&["sales", "cases"]);
    assert!(cases.contains("K07-000001 case 254: newer_record") && cases.contains("insured"), "{cases}");
    let (listed, _) = machine.says(&["sales", "list"]);
    assert!(listed.lines().any(|line| line.contains("K07-000001") && line.contains("1 open cases")), "{listed}");
    assert!(!listed.lines().any(|line| line.contains("K07-000002") && line.contains("open cases")), "{listed}");
}

#[test]
fn a_sale_is_found_by_the_code_that_its_traveller_holds() {
    let machine = Machine::new();
    Played::sold(&mut journal(&machine), 1, "0042").unwrap();
    Played::sold(&mut journal(&machine), 2, "0043").unwrap();
    let code = claim(2).grouped();
    let (found, done) = machine.says(&["sales", "find", "--claim", &code.to_lowercase()]);
    done.unwrap();
    assert!(found.contains("K07-000002") && !found.contains("K07-000001"), "{found}");
    assert!(!found.contains(&code) && !found.contains(&code.replace('-', "")));
    let (_, unknown) = machine.says(&["sales", "find", "--claim", &claim(9).grouped()]);
    assert!(unknown.unwrap_err().contains("no sale of this machine"));
    let (_, typed) = machine.says(&["sales", "find", "--claim", "7QK"]);
    assert!(typed.unwrap_err().contains("nine characters"));
}

#[test]
fn a_sales_number_alone_names_its_only_open_case() {
    let machine = Machine::new();
    Played::refund_due(&mut journal(&machine), 1, "0042").unwrap();
    let second = "INSERT INTO cases (sale, place, kind, evidence, opened_ms, due_ms, owner)
                  SELECT id, 1, 'given_away', 'shown', 0, 0, 'operator' FROM sales;";
    raw(&machine, second);
    let wish = ["sales", "decide", "k07-000001", "--money", "back", "--witness", "its advice", "--reason", "paid out"];
    let refused = machine.says(&wish).1.unwrap_err();
    assert!(refused.contains("K07-000001/0 (refund_by_acquirer)") && refused.contains("K07-000001/1"), "{refused}");
    raw(&machine, "DELETE FROM cases WHERE place = 1;");
    let (said, done) = machine.says(&wish);
    done.unwrap();
    assert!(said.contains("Back"), "{said}");
    assert!(machine.says(&wish).1.unwrap_err().contains("no open case"));
    let (shown, _) = machine.says(&["--json", "sales", "show", "K07-000001"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let last = shown["records"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["record"]["kind"], &last["record"]["how"]), (&"closed".into(), &"refunded".into()));
    // Stamped as the service would: this machine's clock was set by a server, or it was not.
    let wall = crate::esim::wall::is_set(std::path::Path::new(crate::esim::wall::TIME_SERVICE));
    assert_eq!(last["at"]["synced"], wall);
}

#[test]
fn what_did_not_balance_at_an_end_of_day_is_settled_with_a_reason() {
    let machine = Machine::new();
    Played::sold(&mut journal(&machine), 1, "0042").unwrap();
    let (told, done) = machine.says(&["sales", "reconcile"]);
    done.unwrap();
    assert!(told.contains("not compared: the terminal's totals") && !told.contains("the books balance"), "{told}");
    assert!(machine.says(&["sales", "reconcile", "--settle", "none"]).1.unwrap_err().contains("no kept reckoning"));
    {
        let mut journal = journal(&machine);
        let wallets = std::collections::BTreeMap::new();
        let totals = crate::sale::transaction::Totals { count: 2, sum_minor: 1_980 };
        let made = crate::kiosk::reckoning::since_last_day(&mut journal, &wallets, Some(totals), 9_000).unwrap();
        assert_eq!(made.differences.len(), 1, "{made:?}");
        let json = serde_json::to_string(&made).unwrap();
        let kept = Kept { made_ms: 9_000, balanced: made.balances(), json: &json };
        journal.day_closed("asked", Some(&kept), at(1_000)).unwrap();
        assert_eq!(journal.unsettled().unwrap(), [json]);
    }
    assert!(machine.says(&["sales", "reconcile", "--settle", " "]).1.is_err(), "a reason");
    machine.says(&["sales", "reconcile", "--settle", "paid at the terminal by hand"]).1.unwrap();
    assert!(journal(&machine).unsettled().unwrap().is_empty());
    let (kept, done) = machine.says(&["sales", "reconcile", "--last", "1"]);
    done.unwrap();
    assert!(
        kept.contains("DIFFERENCE: the terminal has 1980") && kept.contains("settled: paid at the terminal"),
        "{kept}"
    );
}
