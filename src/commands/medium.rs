//! `esim-kiosk check --medium DIR`: a set-up medium before anything of it is taken. Once it is taken it is wiped, so
//! everything that the kiosk opens at its start is opened here: keys, certificates, texts. Nobody is spoken to.

use std::path::Path;

use super::check::{Findings, fleet, pin};
use super::out::Failed;
use super::{provider, waiting};
use crate::config::{Config, ConfigErrors};

/// Where the medium's files lie once they are taken.
const KEPT: &str = "/etc/esim-kiosk/";
/// What is taken of a medium beside the configuration and the secrets (systemd/device/provision).
const TAKEN: [&str; 3] = ["pem", "crt", "txt"];

/// Everything that the kiosk would miss. systemd's variable of the credentials names the medium's folder of secrets.
pub(super) fn look_at(findings: &mut Findings, directory: &Path, file: &Path) {
    let here = format!("{}/", directory.display());
    let told = |words: String| words.replace(&here, "");
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return findings.add("configuration", "problem", format!("cannot be read ({error})")),
    };
    places(findings, &text, directory);
    let config = match Config::parse(&text.replace(KEPT, &here), file) {
        Ok(config) => config,
        Err(ConfigErrors { problems, .. }) => {
            for problem in problems {
                findings.add("configuration", "problem", told(problem.to_string()));
            }
            return;
        }
    };
    findings.add("configuration", "ok", "it can be used");
    let mut judge = |what: &str, result: Result<String, Failed>| match result {
        Ok(words) => findings.add(what, "ok", told(words)),
        Err(failed) => findings.add(what, "problem", told(failed.to_string())),
    };
    for section in &config.providers {
        let opened = waiting(async { provider::connect(section, &config.machine.label).map(drop) });
        judge(&format!("provider {}", section.id()), opened.map(|()| "its key is there".to_owned()));
    }
    if config.back_office.is_some() {
        let opened = waiting(async { Ok(crate::assembly::office(&config).map(drop)?) });
        judge("back_office", opened.map(|()| "its token is there".to_owned()));
    }
    if let Some(section) = &config.fleet {
        judge("fleet", fleet(section));
    }
    if let Some(service) = &config.service {
        judge("service", pin(service));
    }
}

/// Every value that names a file of the medium: it must be there, and of a kind that is taken.
fn places(findings: &mut Findings, text: &str, directory: &Path) {
    let Ok(table) = text.parse::<toml::Table>() else { return };
    let mut named = Vec::new();
    gather(&toml::Value::Table(table), "", &mut named);
    for (key, value) in named {
        let words = if value.starts_with(&format!("file:{KEPT}")) {
            "a kiosk's disk keeps no secret in the clear: write credential:NAME, and put it into secrets/NAME"
                .to_owned()
        } else {
            let text_file = key == "file" && !value.starts_with('/');
            let Some(name) = value.strip_prefix(KEPT).or_else(|| text_file.then_some(value.as_str())) else { continue };
            let kind = Path::new(name).extension().and_then(|kind| kind.to_str()).unwrap_or_default();
            if name.contains('/') || !TAKEN.contains(&kind) {
                format!("{name:?} is not taken: put it beside kiosk.toml, with a name that ends in .pem, .crt or .txt")
            } else if directory.join(name).is_file() {
                continue;
            } else {
                format!("{name} is missing beside kiosk.toml")
            }
        };
        findings.add("configuration", "problem", format!("{value}: {words}"));
    }
}

/// All texts in `value`, each with its key.
fn gather(value: &toml::Value, key: &str, into: &mut Vec<(String, String)>) {
    match value {
        toml::Value::String(text) => into.push((key.to_owned(), text.clone())),
        toml::Value::Array(items) => items.iter().for_each(|item| gather(item, key, into)),
        toml::Value::Table(table) => table.iter().for_each(|(key, item)| gather(item, key, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    // A medium of a test need not survive a power cut.
    #![allow(clippy::disallowed_methods)]

    use super::*;

    const EXAMPLE: &str = include_str!("../../systemd/config.example.toml");

    fn problems(text: &str, files: &[&str]) -> Vec<String> {
        let medium = tempfile::tempdir().unwrap();
        for name in files {
            std::fs::write(medium.path().join(name), "text").unwrap();
        }
        let file = medium.path().join("kiosk.toml");
        std::fs::write(&file, text).unwrap();
        let mut findings = Findings::default();
        look_at(&mut findings, medium.path(), &file);
        let told = findings.told("problem");
        assert!(told.iter().all(|words| !words.contains(&*medium.path().to_string_lossy())), "{told:?}");
        told
    }

    #[test]
    fn what_the_start_would_miss_is_told_before_the_medium_is_wiped() {
        let text = EXAMPLE
            .replace("[journal]", "[journal]\nkey_file = \"/etc/esim-kiosk/journal.key\"")
            .replace("text = \"This is the privacy notice. Replace it by your own.\"", "file = \"privacy.txt\"");
        let text = format!(
            "{text}\n[back_office]\nurl = \"https://office.example.com/\"\ntoken = \"file:/etc/esim-kiosk/t\"\nextra_ca = \"/etc/esim-kiosk/office.pem\"\n"
        );
        let told = problems(&text, &[]).join("\n");
        for words in [
            "privacy.txt is missing beside kiosk.toml",
            "office.pem is missing beside kiosk.toml",
            "journal.key\" is not taken",
            "write credential:NAME",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn a_secret_that_is_not_on_the_medium_is_a_problem_of_its_account() {
        let told = problems(EXAMPLE, &[]);
        assert!(told.iter().any(|words| words.starts_with("provider mobilexy: ")), "{told:?}");
        assert_eq!(told.len(), 1, "{told:?}");
    }
}
