use super::*;
use crate::sim::journal::When;
use crate::sim::terminal::Stranded;

/// Every scenario, cut at every sixty-first of its records and effects: the whole of it is `cargo torture sale`.
#[test]
fn the_books_balance_wherever_a_sale_is_cut() {
    let mut told = Vec::new();
    let wanted = Wanted { every: 61, pairs: 97, ..Wanted::default() };
    let report = run(&wanted, &mut told).unwrap();
    assert_eq!(report.mismatches, 0, "{}", String::from_utf8_lossy(&told));
    assert!(report.cuts >= 250 && report.scenarios >= 90, "{} cuts in {} scenarios", report.cuts, report.scenarios);
    assert!(report.pairs >= 10, "{} were cut twice", report.pairs);
    assert!(report.cells.reached() >= 12, "{:?}", report.cells);
}

/// The control: a disk that forgets what it has confirmed, as with `synchronous=NORMAL`, or as if the loop acted
/// before it wrote. Books that do not notice prove nothing.
#[test]
fn a_disk_that_forgets_is_noticed() {
    for forgets in [1, 3] {
        let wanted = Wanted { disk: Disk::Forgets(forgets), only: Some("walks off".to_owned()), ..Wanted::default() };
        let report = run(&wanted, &mut std::io::sink()).unwrap();
        for kind in [Kind::StrayCommit, Kind::LostRecord] {
            assert!(report.kinds.contains_key(&kind), "{kind:?} was not noticed: {:?}", report.kinds);
        }
    }
}

/// Found by the torture: the traveller of a sale that had been closed as shown came back with the code, and "I have
/// it" led nowhere.
#[test]
fn who_comes_back_for_what_was_shown_can_end_the_session() {
    let (struck, wrongs) = run::one("delivered", Stranded::Reverses, Cut::Append(8, When::After));
    assert!(struck);
    assert_eq!(wrongs, []);
}

/// What holds before the twin in memory holds before the database: the same seeds write the same records in both.
#[test]
fn the_twin_writes_what_the_database_writes() {
    for seed in 1..=10 {
        let [twin, database] = [false, true].map(|files| random::one_stand(seed, Some(files)).expect("a runtime"));
        assert_eq!(twin.digest, database.digest, "seed {seed}: {}\n{}", twin.print(), database.print());
    }
}

/// A few stands by chance: their books balance, and the same seed writes the same records.
#[test]
fn random_sales_balance_and_replay() {
    let first = random(&Chances { sales: 4 * PER_STAND, seed: 1 }).expect("a runtime");
    assert_eq!(first.mismatches, 0, "{}", first.print());
    let again = random(&Chances { sales: 4 * PER_STAND, seed: 1 }).expect("a runtime");
    assert_eq!(first.digest, again.digest);
}

/// What long runs have found, one stand each: a payment that only the totals vouched for made the journal take itself for
/// an older one; a wallet was read for ever for a basket whose payment came to be known after an outage; the judge took
/// an item for a stranger's that an older sale had left in stock.
#[test]
fn what_chance_once_found_stays_mended() {
    for seed in [4_128, 661_128, 2_035_503, 5_028_106, 20_008_458, 40_029_855] {
        let drawn = random(&Chances { sales: 1, seed }).expect("a runtime");
        assert_eq!(drawn.mismatches, 0, "seed {seed}: {}", drawn.print());
    }
}
