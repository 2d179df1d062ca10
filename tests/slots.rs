//! What decides about the two slots of a device, with stand-ins for the tools that need a machine: is the running slot
//! good, did the update before it hold, and what is installed from where.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
};

/// A machine of directories: what its tools are asked is in `asked`.
struct Slots {
    directory: tempfile::TempDir,
}

impl Slots {
    /// Slot A runs; B was good before.
    fn new() -> Self {
        let slots = Self { directory: tempfile::tempdir().unwrap() };
        for made in ["bin", "marks", "setup/update", "setup/etc"] {
            fs::create_dir_all(slots.at(made)).unwrap();
        }
        fs::write(slots.at("os-release"), "IMAGE_VERSION=1\n").unwrap();
        slots.tool("systemctl", "[ \"$1\" = reboot ] || case $3 in ActiveState) echo active ;; *) echo 0 ;; esac");
        slots.tool("esim-kiosk", "[ -e \"$AT/terminal\" ]");
        slots.tool("idle", "exit 0");
        slots.tool("sync", "exit 0");
        slots.tool(
            "rauc",
            "case \"$1\" in install) [ ! -e \"$AT/refuses\" ] || { echo 'signature verification failed'; exit 1; } ;; \
             status) [ \"$2\" = mark-good ] || printf \"RAUC_SLOT_BOOTNAME_1='kiosk-a'\\nRAUC_SLOT_BOOTNAME_2='kiosk-b'\\nRAUC_SLOT_BOOT_STATUS_1='bad'\\nRAUC_SLOT_BOOT_STATUS_2='good'\\n\" ;; esac",
        );
        slots
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn tool(&self, name: &str, does: &str) {
        let file = self.at("bin").join(name);
        let at = self.directory.path().display();
        fs::write(&file, format!("#!/bin/sh\nAT={at}\necho \"{name} $*\" >>\"$AT/asked\"\n{does}\n")).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, script: &str) -> Output {
        Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("systemd/device").join(script))
            .env("PATH", format!("{}:/usr/bin:/bin", self.at("bin").display()))
            .env("KIOSK_SLOT", "a")
            .env("KIOSK_CONFIRM_WITHIN", "0")
            .env("KIOSK_MARKS", self.at("marks"))
            .env("KIOSK_PENDING", self.at("setup/update/pending"))
            .env("KIOSK_SETUP", self.at("setup"))
            .env("KIOSK_RELEASE", self.at("os-release"))
            .env("KIOSK_IDLE", self.at("bin/idle"))
            .env("KIOSK_ETC", self.at("setup/etc"))
            .env("KIOSK_OFFER", self.at("offer"))
            .output()
            .expect("the script runs")
    }

    fn asked(&self, what: &str) -> bool {
        fs::read_to_string(self.at("asked")).unwrap_or_default().lines().any(|line| line == what)
    }
}

#[test]
fn an_update_that_proved_itself_is_settled() {
    let slots = Slots::new();
    fs::write(slots.at("terminal"), "").unwrap();
    fs::write(slots.at("setup/update/pending"), "a 2\n").unwrap();
    assert!(slots.run("confirm").status.success());
    assert!(slots.asked("rauc status mark-good"));
    assert!(slots.at("marks/confirmed").exists());
    assert!(!slots.at("marks/update-fell-back").exists());
    assert!(!slots.at("setup/update/pending").exists(), "the next start must not think of it");
}

#[test]
fn an_update_whose_slot_does_not_run_has_fallen_back_and_stays_an_alarm_over_starts() {
    let slots = Slots::new();
    fs::write(slots.at("terminal"), "").unwrap();
    fs::write(slots.at("setup/update/pending"), "b 2\n").unwrap();
    for start in 0..2 {
        assert!(slots.run("confirm").status.success());
        assert_eq!(fs::read_to_string(slots.at("marks/update-fell-back")).unwrap(), "2\n", "start {start}");
        assert!(slots.at("marks/confirmed").exists(), "what runs is good all the same");
        fs::remove_dir_all(slots.at("marks")).unwrap();
        fs::create_dir(slots.at("marks")).unwrap();
    }
}

#[test]
fn a_slot_whose_terminal_does_not_answer_is_left_and_never_called_good() {
    let slots = Slots::new();
    fs::write(slots.at("setup/update/pending"), "a 2\n").unwrap();
    slots.run("confirm");
    assert!(slots.asked("esim-kiosk terminal answers") && slots.asked("idle lenient"));
    assert!(slots.asked("systemctl reboot"), "the other slot was good");
    assert!(!slots.asked("rauc status mark-good") && !slots.at("marks/confirmed").exists());
    assert!(slots.at("setup/update/pending").exists(), "the slot before it tells of it");
}

#[test]
fn an_address_is_installed_once() {
    let slots = Slots::new();
    fs::write(slots.at("marks/confirmed"), "").unwrap();
    fs::write(slots.at("offer"), "2 https://updates.example.com/kiosk.raucb\n").unwrap();
    slots.run("update");
    assert!(slots.asked("rauc install https://updates.example.com/kiosk.raucb"));
    assert!(slots.asked("systemctl reboot"));
    assert_eq!(fs::read_to_string(slots.at("setup/update/pending")).unwrap(), "b 2\n");
    fs::remove_file(slots.at("asked")).unwrap();
    slots.run("update");
    assert!(!slots.at("asked").exists(), "a version is tried once");
    fs::write(slots.at("offer"), "1 https://updates.example.com/kiosk.raucb\n").unwrap();
    slots.run("update");
    assert!(!slots.at("asked").exists(), "what runs is not installed again");
}

#[test]
fn of_a_refused_bundle_the_reason_stays_and_an_alarm() {
    let slots = Slots::new();
    fs::write(slots.at("marks/confirmed"), "").unwrap();
    fs::write(slots.at("setup/update/next.raucb"), "x").unwrap();
    fs::write(slots.at("refuses"), "").unwrap();
    assert_eq!(slots.run("update").status.code(), Some(1));
    assert!(!slots.asked("systemctl reboot"));
    let why = fs::read_to_string(slots.at("setup/update/next.raucb.refused.txt")).unwrap();
    assert!(why.contains("signature verification failed"), "{why}");
    let left = fs::read_dir(slots.at("setup/update")).unwrap().count();
    assert_eq!(left, 1, "it takes no room any more");
    assert!(slots.at("marks/update-refused").exists() && !slots.at("setup/update/pending").exists());
    assert!(!slots.at("marks/update-waits").exists());
    // The mended one goes in, and the mark is gone.
    fs::remove_file(slots.at("refuses")).unwrap();
    fs::write(slots.at("setup/update/next.raucb"), "y").unwrap();
    slots.run("update");
    assert!(slots.asked("systemctl reboot") && !slots.at("marks/update-refused").exists());
    assert_eq!(fs::read_to_string(slots.at("setup/update/pending")).unwrap(), "b next\n");
    assert!(!slots.at("setup/update/next.raucb").exists(), "it takes no room any more");
}

#[test]
fn a_kiosk_that_is_just_starting_is_left_alone_by_updates() {
    let slots = Slots::new();
    for (state, update, confirm) in
        [("active", true, true), ("activating", false, true), ("deactivating", false, true), ("failed", true, true)]
    {
        slots.tool("systemctl", &format!("echo {state}"));
        fs::write(slots.at("terminal"), "").unwrap();
        let idle = |words: &[&str]| {
            let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("systemd/device/idle");
            let path = format!("{}:/usr/bin:/bin", slots.at("bin").display());
            Command::new(script).args(words).env("PATH", path).status().unwrap().success()
        };
        assert_eq!(idle(&[]), update, "{state}");
        assert_eq!(idle(&["lenient"]), confirm, "{state}");
    }
    slots.tool("systemctl", "echo active");
    fs::remove_file(slots.at("terminal")).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("systemd/device/idle");
    let path = format!("{}:/usr/bin:/bin", slots.at("bin").display());
    assert!(!Command::new(script).env("PATH", path).status().unwrap().success(), "a sale is on its way");
}

#[test]
fn the_address_is_asked_for_the_version_of_the_day_and_nothing_else_is_believed() {
    let slots = Slots::new();
    let offered = || fs::read_to_string(slots.at("offer")).ok();
    let heard = |line: &str| slots.tool("curl", &format!("for last; do :; done; printf '{line}' >\"$AT/offer.heard\""));
    assert!(slots.run("offer").status.success() && offered().is_none(), "no address, no offer");
    fs::write(slots.at("setup/etc/update.url"), "7 https://updates.example.com/7.raucb\n").unwrap();
    assert!(slots.run("offer").status.success());
    assert_eq!(offered().as_deref(), Some("7 https://updates.example.com/7.raucb\n"), "it is said already");
    fs::write(slots.at("setup/etc/update.url"), "https://updates.example.com/latest\n").unwrap();
    for version in ["8", "9"] {
        heard(&format!("{version} https://updates.example.com/{version}.raucb\\r\\n"));
        assert!(slots.run("offer").status.success());
        assert_eq!(offered().unwrap(), format!("{version} https://updates.example.com/{version}.raucb\n"));
    }
    for nonsense in ["<html>", "9 http://updates.example.com/9.raucb\\n", "9 https://a\\n10 https://b\\n", ""] {
        heard(nonsense);
        assert!(!slots.run("offer").status.success(), "{nonsense:?}");
        assert_eq!(offered(), None, "an older offer does not stand either");
    }
    slots.tool("curl", "exit 22");
    assert!(!slots.run("offer").status.success());
}

#[test]
fn a_server_that_is_not_heard_for_three_nights_is_an_alarm_until_it_is_heard() {
    let slots = Slots::new();
    fs::write(slots.at("terminal"), "").unwrap();
    fs::write(slots.at("marks/confirmed"), "").unwrap();
    fs::write(slots.at("setup/etc/update.url"), "https://updates.example.com/latest\n").unwrap();
    slots.tool("curl", "echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22");
    let night = || {
        slots.run("offer");
        String::from_utf8_lossy(&slots.run("update").stderr).into_owned()
    };
    let alarm = || slots.at("marks/update-unheard").exists();
    for times in 1..=3 {
        let told = night();
        assert!(told.contains(&format!("{times} times in a row")) && told.contains("error: 404"), "{told}");
        assert_eq!(alarm(), times == 3, "night {times}");
    }
    // A restart takes the marks, and not the alarm.
    fs::remove_dir_all(slots.at("marks")).unwrap();
    fs::create_dir(slots.at("marks")).unwrap();
    assert!(slots.run("confirm").status.success() && alarm());
    slots.tool("curl", "for last; do :; done; echo '1 https://updates.example.com/1.raucb' >\"$AT/offer.heard\"");
    night();
    assert!(!alarm() && !slots.at("setup/update/unheard").exists());
    // One night without a line, between nights with one, is none.
    slots.tool("curl", "exit 6");
    night();
    night();
    fs::remove_file(slots.at("setup/etc/update.url")).unwrap();
    night();
    assert!(!alarm() && !slots.at("setup/update/unheard").exists(), "nobody is asked any more");
}

#[test]
fn the_version_that_runs_is_nothing_newer_and_the_log_says_so() {
    let slots = Slots::new();
    fs::write(slots.at("marks/confirmed"), "").unwrap();
    fs::write(slots.at("os-release"), "IMAGE_VERSION=0.1.0-g1234abc\n").unwrap();
    let offered = |version: &str| {
        fs::write(slots.at("offer"), format!("{version} https://updates.example.com/kiosk.raucb\n")).unwrap();
        String::from_utf8_lossy(&slots.run("update").stdout).into_owned()
    };
    assert_eq!(offered("0.1.0-g1234abc"), "nothing newer is offered: 0.1.0-g1234abc runs\n");
    assert!(!slots.at("asked").exists());
    offered("0.1.0-g1234abd");
    assert!(slots.asked("rauc install https://updates.example.com/kiosk.raucb"), "another commit is another version");
}

#[test]
fn a_slot_that_was_good_before_may_be_updated_while_the_terminal_is_silent() {
    let slots = Slots::new();
    fs::write(slots.at("setup/update/next.raucb"), "x").unwrap();
    slots.tool(
        "rauc",
        "[ \"$1\" != status ] || printf \"RAUC_SLOT_BOOTNAME_1='kiosk-a'\\nRAUC_SLOT_BOOT_STATUS_1='good'\\n\"",
    );
    slots.run("update");
    assert!(slots.asked("systemctl reboot") && !slots.at("marks/confirmed").exists());
}
