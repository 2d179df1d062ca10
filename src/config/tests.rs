//! The file as operators get it wrong.

use std::path::Path;

use super::*;
use crate::money::Currency;

const EXAMPLE: &str = include_str!("../../systemd/config.example.toml");

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, Path::new("/etc/esim-kiosk/kiosk.toml"))
}

/// The example with one line changed.
fn with(line: &str, instead: &str) -> Vec<Problem> {
    assert!(EXAMPLE.contains(line), "the example has no {line:?}");
    parse(&EXAMPLE.replacen(line, instead, 1)).err().map(|errors| errors.problems).unwrap_or_default()
}

fn keys(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.key.as_str()).collect()
}

#[test]
fn the_example_is_a_configuration() {
    let config = parse(EXAMPLE).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.machine.label, "K07");
    assert_eq!(config.operator.tax_rate(), Some(2000));
    assert_eq!(config.operator.wifi["en"].qr(), "WIFI:T:nopass;S:Airport Free WiFi;;");
    assert_eq!(config.terms().hold_ms, 14_000, "a terminal never measured");
    assert_eq!(config.terminal.zvt(Currency::EUR).baud, 9_600);
    assert_eq!(config.providers.len(), 1);
    assert_eq!(config.catalogue_file(), Path::new("/var/lib/esim-kiosk/catalogue.json"));
}

#[test]
fn an_empty_file_is_told_everything_that_is_needed() {
    let problems = parse("").unwrap_err().problems;
    for key in ["machine.label", "operator.name", "operator.address", "operator.legal", "terminal.address", "providers"]
    {
        assert!(keys(&problems).contains(&key), "{key} is not in {problems:?}");
    }
}

#[test]
fn every_problem_is_told_at_once_with_line_key_and_accepted_form() {
    let text = EXAMPLE
        .replacen("label = \"K07\"", "label = \"kiosk 7\"", 1)
        .replacen("width_mm = 268", "width_mm = \"wide\"", 1)
        .replacen("brand = \"#0B57D0\"", "brand = \"#FFD600\"", 1)
        .replacen("password = \"000000\"", "password = 123456", 1)
        .replacen("dialect = \"spec\"", "dialekt = \"spec\"", 1)
        .replacen("model = \"epson-tm-t20iii\"", "model = \"laser\"", 1)
        .replacen("currency = \"USD\"", "curency = \"USD\"", 1)
        .replacen("key = \"credential:mobilexy\"", "key = \"sk_live_TOPSECRET\"", 1)
        .replacen("rate = \"0.9234\"", "rate = \"0,92\"", 1)
        .replacen("popular = [\"us\"", "popular = [\"usa\"", 1)
        .replacen("head_room_mb = 64", "head_room_mb = 1", 1)
        .replacen("[log]", "[logging]", 1);
    let errors = parse(&text).unwrap_err();
    let told = errors.to_string();
    for key in [
        "machine.label",
        "screen.width_mm",
        "terminal.password",
        "terminal.dialekt",
        "printer.model",
        "providers[0].curency",
        "providers[0].currency",
        "providers[0].key",
        "pricing.rates[0].rate",
        "catalogue.popular",
        "journal.head_room_mb",
        "logging",
    ] {
        assert!(keys(&errors.problems).contains(&key), "{key} is not in:\n{told}");
    }
    for problem in errors.problems.iter().filter(|problem| problem.key != "providers[0].currency") {
        let line = text.lines().nth(problem.line.unwrap_or_else(|| panic!("{problem} has no line")) - 1).unwrap();
        let last = problem.key.rsplit('.').next().unwrap().split('[').next().unwrap();
        assert!(line.contains(last), "{problem} is not at {line:?}");
    }
    assert!(!told.contains("123456") && !told.contains("TOPSECRET"), "{told}");
    assert!(told.contains("epson-tm-t20iii") && told.contains("credential:NAME"), "{told}");
    // What is wrong in a section does not hide the rest of it, nor is anything told twice.
    let mut once = keys(&errors.problems);
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), errors.problems.len(), "{told}");
}

#[test]
fn a_pale_brand_is_refused_with_its_contrast() {
    let problems = with("brand = \"#0B57D0\"", "brand = \"#FFD600\"");
    assert_eq!(keys(&problems), ["screen.brand"]);
    assert!(problems[0].what.contains("1.4"), "{}", problems[0]);
}

#[test]
fn a_key_that_has_moved_is_told_where_it_went() {
    let problems = with("[screen]", "[screen]\nrotation = 90");
    assert_eq!(keys(&problems), ["screen.rotation"]);
    assert!(problems[0].what.contains("put rotation= into machine.conf"), "{}", problems[0]);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let problems = parse("[machine]\nlabel = \"K07\nlanguages = [\"en\"]\n").unwrap_err().problems;
    assert!(problems.iter().any(|problem| problem.line == Some(2) && problem.what.contains("TOML")), "{problems:?}");
}

#[test]
fn single_values_are_judged() {
    for (line, instead, key) in [
        ("address = \"serial:/dev/ttyKIOSK_terminal\"", "address = \"COM3\"", "terminal.address"),
        ("tax_percent = \"20\"", "tax_percent = \"20 %\"", "operator.tax_percent"),
        ("tax_percent = \"20\"", "tax_percent = \"8.125\"", "operator.tax_percent"),
        ("time_zone = \"Europe/Vienna\"", "time_zone = \"Wien\"", "machine.time_zone"),
        ("languages = [\"en\", \"de\"]", "languages = [\"en\", \"german\"]", "machine.languages[1]"),
        ("languages = [\"en\", \"de\"]", "languages = [\"fr\"]", "operator.legal"),
        ("terminal_side = \"right\"", "terminal_side = \"behind\"", "screen.terminal_side"),
        ("ending = \"ninety\"", "ending = \"nice\"", "pricing.mark_up.ending"),
        ("date = \"2026-11-20\"", "date = \"20.11.2026\"", "pricing.rates[0].date"),
        ("from = \"USD\"", "from = \"XYZ\"", "pricing.rates[0].from"),
        ("directory = \"/var/lib/esim-kiosk\"", "directory = \"state\"", "journal.directory"),
        ("connection = \"usb:/dev/usb/lp0\"", "connection = \"lpt1\"", "printer.connection"),
        ("filter = \"info\"", "filter = \"=,=\"", "log.filter"),
        ("name = \"mobilexy\"", "name = 7", "providers[0].name"),
    ] {
        let problems = with(line, instead);
        assert_eq!(keys(&problems), [key], "{instead}: {problems:?}");
    }
}

#[test]
fn two_accounts_need_two_names() {
    let account = "\n[[providers]]\napi = \"mobilexy\"\nkey = \"file:/k\"\ncurrency = \"USD\"\n";
    let problems = parse(&format!("{EXAMPLE}{account}")).unwrap_err().problems;
    assert_eq!(keys(&problems), ["providers"]);
    let unknown = with("api = \"mobilexy\"", "api = \"teleport\"");
    assert!(unknown.iter().any(|problem| problem.what.contains("mobilexy")), "{unknown:?}");
}

#[test]
fn legal_texts_come_from_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let line = "privacy = { version = \"2026-11\", text = \"This is the privacy notice. Replace it by your own.\" }";
    let text = EXAMPLE.replacen(line, "privacy = { version = \"2\", file = \"privacy.txt\" }", 1);
    let file = dir.path().join("config.toml");
    let missing = Config::parse(&text, &file).unwrap_err().problems;
    assert_eq!(keys(&missing), ["operator.legal.en.privacy"]);
    std::io::Write::write_all(&mut std::fs::File::create(dir.path().join("privacy.txt")).unwrap(), b"We keep little.")
        .unwrap();
    let config = Config::parse(&text, &file).unwrap();
    assert_eq!(config.operator.legal["en"].privacy.text, "We keep little.");
}

#[test]
fn tests_may_shorten_every_wait() {
    let config = parse(&format!(
        "{EXAMPLE}\n[timing]\ngoods_ms = 2000\nlook_up_ms = [10]\n[terminal.timers]\nlisten_ms = 5\n[sync]\nevery_s = 1\n"
    ))
    .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((config.terms().goods_ms, config.terms().look_up_ms), (2_000, vec![10]));
    assert_eq!(config.terminal.zvt(Currency::EUR).timers.listen, std::time::Duration::from_millis(5));
}

#[test]
fn a_file_that_is_not_there_says_how_to_name_it() {
    let missing = Config::load(Path::new("/nowhere/config.toml")).unwrap_err();
    assert!(missing.to_string().contains("--config"), "{missing}");
}

#[test]
fn nothing_secret_is_in_the_debug_text() {
    let shown = format!("{:?}", parse(&EXAMPLE.replacen("000000", "246810", 1)).unwrap());
    assert!(!shown.contains("246810"), "{shown}");
}

#[test]
fn what_an_account_risks_follows_from_its_provider_and_not_from_its_name() {
    let second = "[[providers]]\napi = \"reseller\"\nname = \"strong\"\nbase = \"https://api.example.org\"\n\
                  email = \"k@operator.example\"\npassword = \"file:/p\"\ncurrency = \"USD\"\n\
                  customer_email = \"k@operator.example\"\nkeys_proven = true\n\n[pricing]";
    let text = EXAMPLE
        .replacen("name = \"mobilexy\"", "name = \"hall-1\"", 1)
        .replacen("[pricing]", second, 1)
        .replacen("mark_up = {", "risk = { other = 5 }\nmark_up = {", 1);
    let config = parse(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.pricing.risk["hall-1"], 800, "Mobilexy is last, whatever it is called");
    assert_eq!(config.pricing.risk["strong"], 0, "with a proven key nothing is risked");
    assert_eq!(config.pricing.risk["other"], 5);
    let ProviderSection::Reseller(strong) = &config.providers[1] else { panic!() };
    assert_eq!(strong.logins_file.as_deref(), Some(Path::new("/var/lib/esim-kiosk/strong.logins")));
}

#[test]
fn an_accounts_paths_and_caps_are_checked() {
    let line = "account_exclusive = true         # nobody else buys from this wallet";
    let path = |paths: &str| with(line, &format!("connection = {{ paths = {{ {paths} }} }}"));
    assert_eq!(path("purchase = \"/v2/buy\", plan = \"/v2/plan/{id}\""), []);
    for wrong in ["purchas = \"/v2/buy\"", "purchase = \"v2/buy\"", "plan = \"/plan\"", "purchase = \"/plan/{id}\""] {
        assert_eq!(keys(&path(wrong)), ["providers[0].connection.paths"], "{wrong}");
    }
    for wrong in ["{ value = \"25,00\", currency = \"USD\" }", "{ value = \"25\", currency = \"EUR\" }"] {
        let problems = with(line, &format!("most_per_order = {wrong}"));
        assert_eq!(keys(&problems), ["providers[0].most_per_order"], "{wrong}");
    }
}
