//! The set-up of a device, with stand-ins for the tools that need root: the medium is an archive in a file, mounting unpacks
//! it, and what is wiped is that file.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[path = "first_start/machine.rs"]
mod machine;

struct FirstStart {
    directory: tempfile::TempDir,
}

const RIGHT: &str = "[kiosk]\r\nid = 'k1'\r\n";

impl FirstStart {
    /// A machine whose own set-up partition holds these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let start = Self { directory: tempfile::tempdir().unwrap() };
        for made in ["bin", "run", "setup", "blocks", "disks/kiosk", "disks/by-id"] {
            fs::create_dir_all(start.at(made)).unwrap();
        }
        symlink(start.at("medium"), start.at("disks/kiosk/setup")).unwrap();
        start.put(files);
        start.tool(
            "mount",
            "tar -tf \"$5\" 2>/dev/null | grep -q . || exit 32\necho \"$4\" >\"$OUT/mounted\"\ntar -xf \"$5\" -C \"$6\"",
        );
        start
            .tool("umount", "case $(cat \"$OUT/mounted\") in rw*) cp -r \"$1\" \"$OUT/left\" ;; esac\nrm -rf \"$1\"/*");
        start.tool("systemd-creds", "for out; do :; done; { echo sealed; cat | wc -c; } >\"$out\"");
        start.tool("blkdiscard", "exit 1");
        start.tool("sync", "exit 0");
        start.tool("blkid", "exit 2");
        start.tool("udevadm", "for line; do :; done\ncat \"$line/path\" 2>/dev/null");
        start.tool("blockdev", "[ \"$1\" = --flushbufs ] || stat -c %s \"$2\"");
        start.tool(
            "kiosk",
            "ls \"$CREDENTIALS_DIRECTORY\" >\"$OUT/credentials\" 2>/dev/null\n\
             grep -q '^\\[kiosk\\]' \"$3\" || { echo 'problem  configuration: line 1: [kiosk] is missing'; exit 1; }",
        );
        start
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// These files on the medium, and nothing else.
    fn put(&self, files: &[(&str, &str)]) {
        let from = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = from.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let made = Command::new("tar").arg("-C").arg(from.path()).arg("-cf").arg(self.at("medium")).arg(".").status();
        assert!(made.unwrap().success());
        if files.is_empty() {
            fs::write(self.at("medium"), [0; 4096]).unwrap();
        }
    }

    fn tool(&self, name: &str, does: &str) {
        let file = self.at("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\nOUT={}\n{does}\n", self.directory.path().display())).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(root().join("systemd/device/provision"));
        command
            .env("PATH", format!("{}:/usr/bin:/bin", self.at("bin").display()))
            .env("KIOSK_SETUP", self.at("setup"))
            .env("KIOSK_RUN", self.at("run"))
            .env("KIOSK_SCREEN", self.at("run/screen"))
            .env("KIOSK_PROGRAM", self.at("bin/kiosk"))
            .env("KIOSK_MACHINE", root().join("systemd/machine"))
            .env("KIOSK_SERIAL_LINES", self.at("lines"))
            .env("KIOSK_TPM", self.at("tpm"))
            .env("KIOSK_DISKS", self.at("disks"))
            .env("KIOSK_BLOCKS", self.at("blocks"))
            .env("KIOSK_SLOT_FILE", self.at("slot"))
            .env("KIOSK_STATE_LOST", self.at("state-lost"))
            .env("KIOSK_PATIENCE", "0")
            .env("KIOSK_ONCE", "yes");
        command
    }

    fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.at(path)).ok()
    }

    /// Not one byte of the medium is left.
    fn is_wiped(&self) -> bool {
        let bytes = fs::read(self.at("medium")).unwrap();
        !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0)
    }
}

#[test]
fn a_first_start_keeps_the_set_up_seals_the_secrets_and_wipes_the_medium() {
    let start = FirstStart::new(&[
        ("kiosk.toml", RIGHT),
        ("machine.conf", "rotation=90\r\n"),
        ("terms.txt", "These are the terms."),
        ("secrets/provider-key", "hush\n"),
        ("secrets/binary", "a\0b\r\n"),
    ]);
    let output = start.run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(start.read("setup/etc/kiosk.toml").as_deref(), Some("[kiosk]\nid = 'k1'\n"));
    assert_eq!(start.read("setup/etc/machine.conf").as_deref(), Some("rotation=90\n"));
    assert_eq!(start.read("setup/etc/terms.txt").as_deref(), Some("These are the terms."));
    // Four bytes went to the sealer, and three: the secrets without their last line end, and nothing else missing.
    assert_eq!(start.read("setup/credentials/provider-key").as_deref(), Some("sealed\n4\n"));
    assert_eq!(start.read("setup/credentials/binary").as_deref(), Some("sealed\n3\n"));
    assert_eq!(start.read("credentials").as_deref(), Some("binary\nprovider-key\n"), "the check is shown the secrets");
    assert!(start.is_wiped());
    assert!(!start.at("setup/wipe").exists() && start.at("run/new").exists());
    assert_eq!(start.read("run/fault"), None);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hush"));
    // What is secret went first, where it stood: a stick that is pulled too early holds none.
    for name in ["left/secrets/provider-key", "left/kiosk.toml"] {
        let left = fs::read(start.at(name)).unwrap();
        assert!(!left.is_empty() && left.iter().all(|byte| *byte == 0), "{name}");
    }
    // The next start finds nothing to do, and changes nothing.
    fs::remove_file(start.at("run/new")).unwrap();
    assert!(start.run().status.success());
    assert!(!start.at("run/new").exists() && start.at("setup/credentials/binary").exists());
}

#[test]
fn a_first_start_tells_every_fault_at_once_and_touches_nothing() {
    let start = FirstStart::new(&[
        ("kiosk.toml", "id = 'k1'\n"),
        ("machine.conf", "rotation=45\n"),
        ("hall.network", "Address=10.0.0.2\n"),
        ("secrets/a b", "x"),
        ("secrets/empty", ""),
    ]);
    let before = fs::read(start.at("medium")).unwrap();
    assert_eq!(start.run().status.code(), Some(1));
    let told = start.read("run/fault").expect("the fault is written down");
    for fault in [
        "kiosk.toml: line 1: [kiosk] is missing",
        "machine.conf: line 1",
        "hall.network: sections [Match] and [Network]",
        "secrets/a b: a name has",
        "secrets/empty: empty",
    ] {
        assert!(told.contains(fault), "{told}");
    }
    assert!(start.screen().contains("[kiosk] is missing"), "the screen tells it too");
    assert_eq!(fs::read(start.at("medium")).unwrap(), before);
    assert_eq!(start.read("setup/etc/kiosk.toml"), None);
}

#[test]
fn a_first_start_without_a_medium_says_what_to_do() {
    let start = FirstStart::new(&[]);
    assert_eq!(start.run().status.code(), Some(1));
    assert!(start.screen().contains("USB stick named KIOSK-SETUP"));
    start.tool("blkid", "echo exfat");
    assert_eq!(start.run().status.code(), Some(1));
    assert!(start.screen().contains("is formatted as exfat: format it as FAT32"));
}

#[test]
fn a_wipe_that_a_power_cut_prevented_is_done_at_the_next_start() {
    let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/key", "hush")]);
    let umount = start.read("bin/umount").unwrap();
    start.tool("umount", "kill -9 $PPID");
    assert!(!start.run().status.success(), "the power is cut when all is kept and nothing is wiped");
    assert!(start.at("setup/etc/kiosk.toml").exists() && !start.is_wiped());
    start.tool("umount", umount.split_once("OUT=").unwrap().1.split_once('\n').unwrap().1);
    assert!(start.run().status.success());
    assert!(start.is_wiped() && !start.at("setup/wipe").exists());
    assert_eq!(start.read("setup/etc/kiosk.toml").as_deref(), Some("[kiosk]\nid = 'k1'\n"));
}

#[test]
fn a_power_cut_before_the_set_up_is_kept_costs_nothing_and_leaves_nothing_behind() {
    let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/old", "hush"), ("old.pem", "x")]);
    start.tool("mv", "case $2 in */etc/kiosk.toml) kill -9 $PPID; exit 1 ;; esac\nexec /bin/mv \"$@\"");
    assert!(!start.run().status.success());
    assert!(start.at("setup/wipe").exists() && !start.at("setup/etc/kiosk.toml").exists());
    fs::remove_file(start.at("bin/mv")).unwrap();
    // The operator takes another medium.
    start.put(&[("kiosk.toml", RIGHT), ("secrets/new", "hush")]);
    assert!(start.run().status.success());
    assert!(start.is_wiped() && start.at("setup/credentials/new").exists());
    assert!(!start.at("setup/credentials/old").exists() && !start.at("setup/etc/old.pem").exists());
}

#[test]
fn a_medium_that_cannot_be_wiped_is_told_on_the_screen_and_tried_again() {
    let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/key", "hush")]);
    let right = start.read("bin/blockdev").unwrap();
    start.tool("blockdev", "exit 1");
    assert!(start.run().status.success(), "the kiosk starts all the same");
    assert!(start.screen().contains("could not be wiped"));
    assert!(start.at("setup/wipe").exists());
    fs::write(start.at("bin/blockdev"), right).unwrap();
    assert!(start.run().status.success());
    assert!(start.is_wiped() && !start.at("setup/wipe").exists());
}

#[test]
fn a_stick_that_was_pulled_is_known_again_by_its_name_and_given_up_after_a_while() {
    for comes_back in [true, false] {
        let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/key", "hush")]);
        fs::remove_file(start.at("disks/kiosk/setup")).unwrap();
        let name = start.at("disks/by-id/usb-Stick_1-0:0-part1");
        symlink(start.at("medium"), &name).unwrap();
        start.tool("blkdiscard", "kill -9 $PPID; exit 1");
        assert!(!start.command().env("KIOSK_MEDIA", start.at("medium")).output().unwrap().status.success());
        assert!(start.read("setup/wipe").unwrap().ends_with(" by-id/usb-Stick_1-0:0-part1\n"));
        start.tool("blkdiscard", "exit 1");
        if !comes_back {
            fs::remove_file(&name).unwrap();
        }
        assert!(start.run().status.success());
        assert_eq!(start.is_wiped(), comes_back);
        assert_eq!(start.screen().contains("destroy it"), !comes_back);
        assert!(!start.at("setup/wipe").exists());
    }
}

#[test]
fn a_newer_set_up_replaces_the_old_one_whole_and_a_wrong_one_changes_nothing() {
    let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/one", "hush"), ("one.pem", "x")]);
    assert!(start.run().status.success());
    start.put(&[("kiosk.toml", "wrong\n"), ("secrets/two", "hush")]);
    assert!(start.run().status.success(), "the kiosk starts with what it has");
    assert!(start.screen().contains("A newer set-up was not taken"));
    assert!(start.at("setup/credentials/one").exists() && start.at("setup/etc/one.pem").exists());
    start.put(&[("kiosk.toml", "[kiosk]\nid = 'k2'\n"), ("secrets/two", "hush")]);
    assert!(start.run().status.success());
    assert_eq!(start.read("setup/etc/kiosk.toml").as_deref(), Some("[kiosk]\nid = 'k2'\n"));
    assert!(start.at("setup/credentials/two").exists() && start.is_wiped());
    assert!(!start.at("setup/credentials/one").exists() && !start.at("setup/etc/one.pem").exists());
}

#[test]
fn over_a_state_that_cannot_be_mounted_nothing_is_set_up() {
    let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/key", "hush")]);
    fs::write(start.at("state-lost"), "").unwrap();
    assert_eq!(start.run().status.code(), Some(1));
    assert!(start.screen().contains("Its disk cannot be read"));
    assert!(!start.at("setup/etc").exists() && !start.is_wiped());
}

#[test]
fn the_generator_hands_on_secrets_and_network() {
    let start = FirstStart::new(&[]);
    let (into, networks) = (start.at("units"), start.at("networks"));
    fs::create_dir_all(start.at("setup/etc")).unwrap();
    fs::create_dir_all(start.at("setup/credentials")).unwrap();
    fs::write(start.at("setup/credentials/mobilexy"), "sealed").unwrap();
    let network = start.at("setup/etc/hall.network");
    fs::write(&network, "[Match]\n[Network]\n").unwrap();
    let run = || {
        let generator = Command::new(root().join("systemd/device/esim-kiosk-generator"))
            .args([&into, &into, &into])
            .env("KIOSK_SETUP", start.at("setup"))
            .env("KIOSK_NETWORKS", &networks)
            .env("KIOSK_MACHINE", root().join("systemd/machine"))
            .output()
            .unwrap();
        assert!(generator.status.success(), "{}", String::from_utf8_lossy(&generator.stderr));
    };
    run();
    run();
    let unit = fs::read_to_string(into.join("esim-kiosk.service.d/50-machine.conf")).unwrap();
    assert!(unit.contains("LoadCredentialEncrypted=mobilexy:"), "{unit}");
    assert!(unit.contains("SLINT_KMS_ROTATION=0"), "{unit}");
    // In front of the image's own 80-kiosk.network, whatever its name.
    assert_eq!(fs::read_link(networks.join("70-setup-hall.network")).unwrap(), network);
    assert!(Path::new("80-kiosk.network") > Path::new("70-setup-hall.network"));
    fs::remove_file(&network).unwrap();
    run();
    assert!(fs::symlink_metadata(networks.join("70-setup-hall.network")).is_err());
}
