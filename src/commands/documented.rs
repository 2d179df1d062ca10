//! What programs rely on stands in docs/commands.md and in the man pages: every command, its fields, its exit codes.

use clap::{Command, CommandFactory};
use serde_json::Value;

use super::Cli;
use super::tests::Machine;

const PAGE: &str = include_str!("../../docs/commands.md");

/// The commands that do something, by their words.
fn leaves(command: &Command, before: &str) -> Vec<String> {
    let visible: Vec<&Command> =
        command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help").collect();
    let words = |inner: &Command| format!("{before} {}", inner.get_name()).trim().to_owned();
    if visible.is_empty() {
        return vec![before.to_owned()];
    }
    visible.iter().flat_map(|inner| leaves(inner, &words(inner))).collect()
}

/// What the page says of a command: its row among the fields.
fn row(command: &str) -> Option<&'static str> {
    let fields = PAGE.split_once("## Fields")?.1;
    fields.lines().find(|line| line.starts_with(&format!("| `{command}` |")))
}

#[test]
fn every_command_stands_on_the_page_and_its_manual_tells_its_exit_codes() {
    let commands = leaves(&Cli::command(), "");
    assert!(commands.len() > 40, "{commands:?}");
    for command in &commands {
        assert!(row(command).is_some(), "`{command}` is not in docs/commands.md");
    }
    let named = PAGE.split_once("## Fields").unwrap().1.lines().filter_map(|line| line.strip_prefix("| `"));
    for name in named.filter_map(|rest| rest.split_once('`')).map(|(name, _)| name.to_owned()) {
        assert!(name == "run" || commands.contains(&name), "docs/commands.md names `{name}`, which is no command");
    }
    let machine = Machine::new();
    let dir = tempfile::tempdir().unwrap();
    // Written twice, as an update does.
    for _ in 0..2 {
        machine.says(&["manual", &dir.path().display().to_string()]).1.unwrap();
    }
    for command in commands {
        let page = dir.path().join(format!("esim-kiosk-{}.1", command.replace(' ', "-")));
        let page = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        let status = page.split(".SH \"EXIT STATUS\"").collect::<Vec<_>>();
        assert_eq!(status.len(), 2, "{command}: told once");
        for code in [".B 0", ".B 1", ".B 2"] {
            assert!(status[1].contains(code), "{command}: {code} is not in {}", status[1]);
        }
    }
}

fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.keys().cloned().collect(),
        Value::Array(items) => items.iter().flat_map(keys).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_field_that_a_command_says_stands_on_the_page() {
    let machine = Machine::new().sold();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out").display().to_string();
    let samples: [(&str, &[&str]); 13] = [
        ("check", &["--offline"]),
        ("sales list", &[]),
        ("sales find", &["--last4", "4711"]),
        ("sales show", &["K07-000123"]),
        ("sales cases", &[]),
        ("sales queue", &[]),
        ("sales reconcile", &[]),
        ("sales backup", &[&file]),
        ("sales export", &["--from", "1970-01-01", "--to", "2040-01-01"]),
        ("stock list", &[]),
        ("terminal decode", &["06 00 00"]),
        ("report", &["--since", "1h", "-o", &file]),
        ("provider list", &[]),
    ];
    let mut fields = 0;
    for (command, words) in samples {
        let line: Vec<&str> = ["--json"].into_iter().chain(command.split(' ')).chain(words.iter().copied()).collect();
        // Some find something wrong here, and tell what they found all the same.
        let (said, _) = machine.says(&line);
        assert!(!said.is_empty(), "{command} said nothing");
        for value in said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let told = row(command).unwrap().replace("as `sales list`", row("sales list").unwrap());
            for key in keys(&value) {
                // The decoder tells as many fields as ZVT has.
                let known = told.contains(&format!("`{key}`")) || command == "terminal decode";
                assert!(known, "`{command}` says {key:?}, of which docs/commands.md knows nothing: {told}");
                fields += 1;
            }
        }
    }
    assert!(fields > 60, "{fields} fields were compared");
}
