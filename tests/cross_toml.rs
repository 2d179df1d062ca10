//! `cross.toml` against the keys that `cross` documents (its `docs/config_file.md`, copied here as a table): cross only
//! warns about a key that it does not know, and then builds without it.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use toml::{Table, Value};

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// The documented shapes of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Flag,
    Text,
    Texts,
    Table,
}

/// `[build]` and `[target.TRIPLE]`: key, the shapes it may have, whether each of the two tables may carry it.
const KEYS: &[(&str, &[Shape], bool, bool)] = &[
    ("build-std", &[Shape::Flag, Shape::Texts], true, true),
    ("xargo", &[Shape::Flag], true, true),
    ("zig", &[Shape::Flag, Shape::Text, Shape::Table], true, true),
    ("default-target", &[Shape::Text], true, false),
    ("pre-build", &[Shape::Text, Shape::Texts], true, true),
    ("dockerfile", &[Shape::Text, Shape::Table], true, true),
    ("image", &[Shape::Text, Shape::Table], false, true),
    ("runner", &[Shape::Text], false, true),
    ("env", &[Shape::Table], true, true),
];

fn fits(value: &Value, shape: Shape) -> bool {
    match shape {
        Shape::Flag => value.is_bool(),
        Shape::Text => value.is_str(),
        Shape::Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_str)),
        Shape::Table => value.is_table(),
    }
}

/// Every departure from the documented keys, in words.
fn faults(file: &str) -> Vec<String> {
    let root: Table = match file.parse() {
        Ok(root) => root,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = Vec::new();
    for (name, value) in &root {
        match (name.as_str(), value.as_table()) {
            ("build", Some(build)) => section("build", build, true, &mut faults),
            ("target", Some(targets)) => {
                for (triple, target) in targets {
                    match target.as_table() {
                        Some(table) => section(&format!("target.{triple}"), table, false, &mut faults),
                        None => faults.push(format!("target.{triple} is no table")),
                    }
                }
            }
            _ => faults.push(format!("{name} is no table that cross knows")),
        }
    }
    faults
}

fn section(name: &str, table: &Table, is_build: bool, faults: &mut Vec<String>) {
    for (key, value) in table {
        let known =
            KEYS.iter().find(|(known, _, build, target)| known == key && if is_build { *build } else { *target });
        match known {
            None => faults.push(format!("{name}.{key} is not documented")),
            Some((_, shapes, ..)) if !shapes.iter().any(|shape| fits(value, *shape)) => {
                faults.push(format!("{name}.{key} must be one of {shapes:?}"));
            }
            Some(_) => {}
        }
    }
    for (key, value) in table.get("dockerfile").and_then(Value::as_table).into_iter().flatten() {
        let shape = match key.as_str() {
            "file" | "context" => Shape::Text,
            "build-args" => Shape::Table,
            _ => {
                faults.push(format!("{name}.dockerfile.{key} is not documented"));
                continue;
            }
        };
        if !fits(value, shape) {
            faults.push(format!("{name}.dockerfile.{key} must be {shape:?}"));
        }
    }
    for (key, value) in table.get("env").and_then(Value::as_table).into_iter().flatten() {
        if !matches!(key.as_str(), "volumes" | "passthrough") || !fits(value, Shape::Texts) {
            faults.push(format!("{name}.env.{key} is neither volumes nor passthrough, or no list of texts"));
        }
    }
}

fn ours() -> Table {
    include_str!("../cross.toml").parse().expect("cross.toml is TOML")
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_key_is_one_that_cross_documents() {
    assert_eq!(faults(include_str!("../cross.toml")), Vec::<String>::new());
}

#[test]
fn the_table_refuses_what_cross_would_ignore() {
    for wrong in [
        "[build]\ntarget = 'x'",
        "[build]\nimage = 'x'",
        "[target.a]\npre_build = ['x']",
        "[target.a]\npre-build = [1]",
        "[target.a]\ndefault-target = 'a'",
        "[target.a.env]\npass-through = ['X']",
        "[target.a.dockerfile]\npath = 'X'",
        "[target.a.dockerfile]\nfile = ['X']",
        "[target.a.env]\nvolumes = 'X'",
        "[package]\nname = 'x'",
        "target.a = 1",
        "[build",
    ] {
        assert!(!faults(wrong).is_empty(), "accepted: {wrong}");
    }
}

#[test]
fn the_libraries_of_the_display_are_installed_for_the_device() {
    let ours = ours();
    let steps = texts(&ours["target"][TARGET]["pre-build"]);
    let order: Vec<usize> = ["dpkg --add-architecture $CROSS_DEB_ARCH", "apt-get update", "apt-get install"]
        .iter()
        .map(|start| steps.iter().position(|step| step.starts_with(start)).expect("the step is there"))
        .collect();
    assert!(order.is_sorted(), "the architecture must be known before the lists are fetched: {order:?}");
    let install = steps[order[2]];
    for library in ["libinput-dev", "libudev-dev", "libxkbcommon-dev"] {
        assert!(install.contains(&format!("{library}:$CROSS_DEB_ARCH")), "{library} is missing, or is the host's");
    }
    assert!(install.contains("--assume-yes"), "a container has nobody to answer");
}

#[test]
fn it_is_built_in_the_debian_of_the_device_with_a_compiler_for_it() {
    let ours = ours();
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let place = &ours["target"][TARGET]["dockerfile"];
    assert!(root.join(place["context"].as_str().unwrap()).is_dir(), "the context is a directory, and small");
    let text = std::fs::read_to_string(root.join(place["file"].as_str().unwrap())).unwrap();
    let device = std::fs::read_to_string(root.join("images/steps/tree")).unwrap();
    assert!(text.lines().any(|line| line == "FROM debian:bookworm-slim") && device.contains("bookworm \"$tree\""));
    // A plain Debian brings none of what cross's own images bring.
    for told in
        ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "_LINKER=aarch64-linux-gnu-gcc", "CC_aarch64_unknown"]
    {
        assert!(text.contains(told), "{told} is missing");
    }
}

#[test]
fn the_default_target_is_the_one_described_and_pkg_config_looks_nowhere_else() {
    let ours = ours();
    assert_eq!(ours["build"]["default-target"].as_str(), Some(TARGET));
    let passed = texts(&ours["target"][TARGET]["env"]["passthrough"]);
    let search = passed
        .iter()
        .find_map(|entry| entry.strip_prefix("PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu="))
        .expect("the search path of pkg-config is set");
    assert!(search.split(':').all(|path| !path.contains("x86_64")));
    assert!(passed.contains(&"PKG_CONFIG_ALLOW_CROSS=1"));
}
