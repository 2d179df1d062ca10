//! The small size of the enumeration, for every build.

use super::*;

fn sound(scene: &Scene) -> Found {
    let found = enumerate(scene, 400_000);
    if let Some(trace) = &found.broken {
        panic!("{}: {}\n{}", scene.name, trace.what, trace.way.join("\n"));
    }
    found
}

#[test]
fn one_sale_on_a_terminal_that_reverses() {
    let found = sound(&Scene::one("one sale, terminal reverses"));
    eprintln!("{found:?}");
    assert!(!found.cut && found.states > 1_000);
}

#[test]
fn one_sale_on_a_terminal_that_keeps() {
    let found = sound(&Scene { reverses: false, ..Scene::one("one sale, terminal keeps") });
    eprintln!("{found:?}");
    assert!(!found.cut && found.states > 1_000);
}
