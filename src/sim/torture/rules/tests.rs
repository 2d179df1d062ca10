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
        let found = enumerate(&control(mutant), 20_000);
        assert!(found.broken.is_some(), "{mutant:?} was not noticed in {} worlds", found.states);
    }
}
