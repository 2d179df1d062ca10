//! The endpoint table is generated from the code and compared with the lists here: the ninety-three endpoints of the
//! four documents by their titles, and the whole table as it was last looked at.

use std::collections::BTreeSet;

use esim_kiosk::esim::calls::{Row, table};
use esim_kiosk::esim::{esimfly, mobilexy, reseller, roamify};

/// Provider, title in its document, row.
const DOCUMENTS: &str = include_str!("documents.tsv");
/// The generated table.
const TABLE: &str = include_str!("table.tsv");

pub(crate) fn rows(provider: &str) -> &'static [Row] {
    match provider {
        "mobilexy" => mobilexy::rows::ROWS,
        "roamify" => roamify::rows::ROWS,
        "esimfly" => esimfly::rows::ROWS,
        "reseller" => reseller::rows::ROWS,
        other => panic!("{other}"),
    }
}

#[test]
fn every_endpoint_of_every_document_has_a_row_of_its_own() {
    let mut used = BTreeSet::new();
    for (provider, wanted) in [("mobilexy", 19), ("roamify", 8), ("esimfly", 9), ("reseller", 57)] {
        let lines = DOCUMENTS.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let of: Vec<_> = lines.filter(|line| line[0] == provider).collect();
        assert_eq!(of.len(), wanted, "{provider}");
        for line in of {
            assert!(rows(provider).iter().any(|row| row.name == line[2]), "{provider}: no row for {:?}", line[1]);
            assert!(used.insert((provider, line[2])), "{provider}: {} serves two titles", line[2]);
        }
    }
    assert_eq!(used.len(), 93);
}

#[test]
fn the_table_is_the_one_that_was_looked_at() {
    let generated: String = ["mobilexy", "roamify", "esimfly", "reseller"]
        .iter()
        .flat_map(|provider| {
            table(rows(provider)).lines().map(|line| format!("{provider}\t{line}\n")).collect::<Vec<_>>()
        })
        .collect();
    // For whoever has looked at the change: `BLESS=1` writes it.
    if std::env::var_os("BLESS").is_some() {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/providers/table.tsv");
        std::io::Write::write_all(&mut std::fs::File::create(place).unwrap(), generated.as_bytes()).unwrap();
        return;
    }
    for (new, old) in generated.lines().zip(TABLE.lines()) {
        assert_eq!(new, old, "look at the change, then write it into tests/providers/table.tsv");
    }
    assert_eq!(generated.lines().count(), TABLE.lines().count(), "rows were added or removed:\n{generated}");
}

#[test]
fn names_and_addresses_are_unique() {
    for provider in ["mobilexy", "roamify", "esimfly", "reseller"] {
        let names: BTreeSet<_> = rows(provider).iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows(provider).len(), "{provider}");
        for row in rows(provider) {
            let holes = row.path.matches('{').count();
            let named = row.params.iter().filter(|param| row.path.contains(&format!("{{{}}}", param.name))).count();
            assert_eq!(holes, named, "{provider} {}", row.name);
        }
    }
}

#[test]
fn a_path_is_from_the_document_or_marked() {
    use esim_kiosk::esim::calls::Origin;
    for provider in ["mobilexy", "roamify", "esimfly", "reseller"] {
        for row in rows(provider) {
            let titled = DOCUMENTS.lines().any(|line| {
                let columns: Vec<&str> = line.split('\t').collect();
                columns[0] == provider && columns[2] == row.name
            });
            // The reseller's document has titles without paths.
            let from_document = titled && provider != "reseller";
            assert_eq!(row.origin == Origin::Document, from_document, "{provider} {}", row.name);
        }
    }
}
