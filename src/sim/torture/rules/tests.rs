//! The small size of the enumeration, for every build; `cargo torture rules --size 5000000` is the whole of it.

use super::*;

/// Worlds of each scene in the tests: a processor-second or two in all.
const TINY: usize = 700;

#[test]
fn no_scene_breaks_a_promise() {
    for scene in scenes() {
        let found = enumerate(&scene, TINY);
        if let Some(trace) = &found.broken {
            panic!("{}: {}\n{}", scene.name, trace.what, trace.way.join("\n"));
        }
        assert!(found.states > TINY, "{}: the space is suspiciously small: {found:?}", scene.name);
    }
}

#[test]
fn a_stock_item_is_enumerated_to_the_end() {
    let found = enumerate(&Scene { sales: vec![vec![Ware::Stock]], ..Scene::one("stock") }, 50_000);
    assert!(!found.cut && found.broken.is_none(), "{found:?}");
    assert!(found.states > 1_000 && found.depth > 10, "{found:?}");
}

#[test]
fn every_rule_broken_on_purpose_is_noticed() {
    for mutant in Mutant::ALL {
        let found = enumerate(&control(mutant), CONTROL);
        assert!(found.broken.is_some(), "{mutant:?} was not noticed in {} worlds", found.states);
    }
}

/// A control that is noticed in the rules as they are would prove nothing.
#[test]
fn what_the_controls_find_is_not_there_without_them() {
    for mutant in [Mutant::NoTerminalLock, Mutant::ReceiptsUnbound, Mutant::OvertakenForgotten, Mutant::GivenUpUntried]
    {
        let found = enumerate(&Scene { mutant: None, ..control(mutant) }, 3_000);
        assert!(found.broken.is_none(), "{mutant:?}: {:?}", found.broken);
    }
}

#[test]
fn a_control_has_a_name_for_the_command_line() {
    assert_eq!(Mutant::NoTerminalLock.name(), "no-terminal-lock");
    assert_eq!(Mutant::named("receipts-unbound"), Some(Mutant::ReceiptsUnbound));
    assert_eq!(Mutant::named("nothing"), None);
    let mut told = Vec::new();
    let report = run_control(Mutant::NoTerminalLock, None, &mut told).unwrap();
    assert_eq!((report.controls, report.caught, report.mismatches), (1, 1, 0));
    assert!(String::from_utf8(told).unwrap().contains("NoTerminalLock: noticed"));
}
