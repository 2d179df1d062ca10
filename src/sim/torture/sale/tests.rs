use super::*;
use crate::sim::journal::When;
use crate::sim::terminal::Stranded;

#[test]
fn an_uncut_sale_balances() {
    let (_, wrongs) = run::one("delivered", Stranded::Reverses, Cut::Never);
    assert_eq!(wrongs, []);
}

#[test]
fn a_sale_cut_at_its_records_balances() {
    let mut places = 0;
    for place in 1.. {
        let (struck, wrongs) = run::one("delivered", Stranded::Reverses, Cut::Append(place, When::After));
        if !struck {
            break;
        }
        assert_eq!(wrongs, [], "after record {place}");
        places = place;
    }
    assert!(places >= 8, "a sale has {places} records");
}
