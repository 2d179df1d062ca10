//! The files of the device image, as far as they can be tried without building one: units, scripts, lists.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn all_files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).expect("readable").map(|entry| entry.expect("readable").path()) {
        if entry.is_symlink() {
            continue;
        }
        if entry.is_dir() { found.extend(all_files(&entry)) } else { found.push(entry) }
    }
    found
}

fn machine(conf: &str, words: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("machine.conf");
    fs::write(&file, conf).expect("written");
    let words: Vec<&str> =
        words.iter().map(|word| if *word == "FILE" { file.to_str().expect("text") } else { *word }).collect();
    Command::new(root().join("systemd/machine")).args(words).env("KIOSK_MACHINE_CONF", &file).output().expect("runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_socket_gets_the_name_of_what_is_plugged_into_it() {
    let conf = "# cabinet 7\nterminal = pci-0000:00:14.0-usb-0:2:1.0*   # left\nprinter=platform-fe201000.serial\n";
    let name = |path: &str| said(&machine(conf, &["port", path]));
    assert_eq!(name("pci-0000:00:14.0-usb-0:2:1.0"), "terminal");
    assert_eq!(name("pci-0000:00:14.0-usb-0:2:1.0-port0"), "terminal");
    assert_eq!(name("platform-fe201000.serial"), "printer");
    assert_eq!(name("pci-0000:00:14.0-usb-0:3:1.0"), "", "a socket that nobody named gets no name");
    assert_eq!(said(&machine("", &["port", "pci-0000:00:14.0"])), "");
}

#[test]
fn one_rotation_turns_picture_and_touch() {
    for (turn, matrix) in [("0", ""), ("90", "0 1 0 -1 0 1"), ("180", "-1 0 1 0 -1 1"), ("270", "0 -1 1 1 0 0")] {
        let conf = format!("rotation={turn}\n");
        assert_eq!(said(&machine(&conf, &["rotation"])), turn);
        assert_eq!(said(&machine(&conf, &["matrix"])), matrix);
    }
    assert_eq!(said(&machine("rotation=45\n", &["rotation"])), "0");
    // A touch at the top left of the panel as mounted must land where a turned picture shows its own top left.
    let turned = |matrix: &str, x: f64, y: f64| {
        let m: Vec<f64> = matrix.split(' ').map(|number| number.parse().expect("a number")).collect();
        (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5])
    };
    assert_eq!(turned("0 1 0 -1 0 1", 0.0, 0.0), (0.0, 1.0));
    assert_eq!(turned("-1 0 1 0 -1 1", 0.0, 0.0), (1.0, 1.0));
    assert_eq!(turned("0 -1 1 1 0 0", 0.0, 0.0), (1.0, 0.0));
}

#[test]
fn every_fault_of_machine_conf_is_told_with_its_line() {
    let right = machine("# fine\nrotation = 270\r\nterminal=a*  # left\n printer =b\n", &["check", "FILE"]);
    assert!(right.status.success(), "{}", said(&right));
    let wrong = machine("rotation=45\nscreen=big\nterminal=\n", &["check", "FILE"]);
    assert_eq!(wrong.status.code(), Some(1));
    let told = said(&wrong);
    for line in ["line 1: rotation is 0, 90, 180 or 270", "line 2: not one of", "line 3: the socket is empty"] {
        assert!(told.contains(line), "{told}");
    }
}

/// A script of the device with its places in a directory of the test.
fn script(name: &str, words: &[&str], places: &[(&str, PathBuf)]) -> Output {
    let mut script = Command::new(root().join("systemd/device").join(name));
    script.args(words).envs(places.iter().map(|(key, place)| (key, place))).output().expect("runs")
}

#[test]
fn the_generation_number_goes_into_the_firmware_and_only_rises() {
    let directory = tempfile::tempdir().expect("a directory");
    let [variable, number, adopt] = ["variable", "number", "adopt"].map(|name| directory.path().join(name));
    let places =
        [("KIOSK_VARIABLE", variable.clone()), ("KIOSK_NUMBER", number.clone()), ("KIOSK_BEGIN_AGAIN", adopt.clone())];
    let run = |word: &str| assert!(script("generation", &[word], &places).status.success());
    run("load");
    assert!(!number.exists(), "a new machine has nothing to compare with");
    fs::write(&number, "41\n").expect("written");
    run("keep");
    // Non-volatile, for the boot and the run of the system; then the digits.
    assert_eq!(fs::read(&variable).expect("there"), b"\x07\0\0\x0041");
    fs::write(&number, "7\n").expect("written");
    run("keep");
    assert_eq!(fs::read(&variable).expect("there"), b"\x07\0\0\x0041", "an older journal changes nothing");
    run("load");
    assert_eq!(fs::read_to_string(&number).expect("there"), "41\n");
    fs::write(&adopt, "").expect("written");
    fs::remove_file(&number).expect("a new start of the machine");
    run("load");
    assert!(!number.exists() && !variable.exists() && !adopt.exists(), "the machine begins again, once");
}

#[test]
fn a_number_in_the_firmware_that_cannot_be_read_is_no_new_machine() {
    let directory = tempfile::tempdir().expect("a directory");
    let [variable, number, adopt] = ["variable", "number", "adopt"].map(|name| directory.path().join(name));
    let places =
        [("KIOSK_VARIABLE", variable.clone()), ("KIOSK_NUMBER", number.clone()), ("KIOSK_BEGIN_AGAIN", adopt.clone())];
    let mark = || fs::read_to_string(&number).expect("a mark for the kiosk");
    let refused = || {
        if number.exists() {
            fs::remove_file(&number).expect("the last mark can go");
        }
        let output = script("generation", &["load"], &places);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be read"));
        assert_eq!(mark(), "unreadable\n");
    };
    // Attributes alone, less than them, no number, and more than any journal counts.
    for bytes in
        [&b"\x07\0\0\0"[..], b"", b"\x07\0", b"\x07\0\0\x004x1", b"\x07\0\0\x00-1", b"\x07\0\0\x009999999999999999999"]
    {
        fs::write(&variable, bytes).expect("written");
        refused();
    }
    fs::remove_file(&variable).expect("there");
    // Even root cannot read this one.
    fs::create_dir(&variable).expect("made");
    refused();
    fs::remove_dir(&variable).expect("there");
    // One whose read breaks off after a digit: half a number is none.
    let broken = directory.path().join("cat");
    fs::write(&broken, "#!/bin/sh\nprintf '\\007\\000\\000\\0004'\nexit 1\n").expect("written");
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).expect("made to run");
    fs::write(&variable, b"\x07\0\0\x0041").expect("written");
    let path = PathBuf::from(format!("{}:/usr/bin:/bin", directory.path().display()));
    let half = [&places[..], &[("PATH", path)]].concat();
    assert_eq!(script("generation", &["load"], &half).status.code(), Some(1));
    assert_eq!(mark(), "unreadable\n");
    // Until the kiosk has counted its start, what is in the firmware stays; then its own number stands there again.
    fs::write(&variable, b"\x07\0\0\0").expect("written");
    refused();
    assert!(script("generation", &["keep"], &places).status.success());
    assert_eq!(fs::read(&variable).expect("there"), b"\x07\0\0\0");
    fs::write(&number, "42\n").expect("written");
    assert!(script("generation", &["keep"], &places).status.success());
    assert_eq!(fs::read(&variable).expect("there"), b"\x07\0\0\x0042");
    // A firmware may fill up with zeros.
    fs::write(&variable, b"\x07\0\0\x0043\0\0").expect("written");
    assert!(script("generation", &["load"], &places).status.success());
    assert_eq!(mark(), "43\n");
}

#[test]
fn a_board_without_variables_tries_a_slot_once_and_keeps_it_when_it_is_good() {
    let directory = tempfile::tempdir().expect("a directory");
    let autoboot = directory.path().join("autoboot.txt");
    let of = |slot: &str, other: &str| {
        format!("[all]\ntryboot_a_b=1\nboot_partition={slot}\n[tryboot]\nboot_partition={other}\n")
    };
    fs::write(&autoboot, of("2", "3")).expect("written");
    let argument = directory.path().join("reboot-param");
    let places = [
        ("KIOSK_SELECT", directory.path().to_owned()),
        ("KIOSK_SLOT_STATES", directory.path().to_owned()),
        ("KIOSK_REBOOT_PARAM", argument.clone()),
    ];
    let run = |words: &[&str]| {
        let output = script("tryboot", words, &places);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        said(&output)
    };
    assert_eq!(run(&["get-primary"]), "kiosk-a");
    run(&["set-state", "kiosk-b", "bad"]);
    assert_eq!(run(&["get-state", "kiosk-b"]), "bad");
    run(&["set-primary", "kiosk-b"]);
    assert_eq!(run(&["get-primary"]), "kiosk-b");
    assert_eq!(fs::read_to_string(&argument).expect("there"), "0 tryboot\n");
    assert_eq!(fs::read_to_string(&autoboot).expect("there"), of("2", "3"), "one start, not every start");
    fs::remove_file(&argument).expect("the restart takes it");
    run(&["set-state", "kiosk-b", "good"]);
    assert_eq!(fs::read_to_string(&autoboot).expect("there"), of("3", "2"));
    assert_eq!(run(&["get-primary"]), "kiosk-b");
    assert!(!script("tryboot", &["set-primary", "kiosk-c"], &places).status.success());
}

/// Not tried by a plain `cargo test`, which must pass on a machine without systemd, and says "ignored" then; `.ci/run`
/// installs systemd and tries it: `cargo test --test images -- --ignored`.
#[test]
#[ignore = "needs systemd-analyze; .ci/run tries it"]
fn every_unit_of_ours_is_confined() {
    let place = tempfile::tempdir().expect("a directory");
    let units = place.path().join("etc/systemd/system");
    fs::create_dir_all(&units).expect("made");
    let mut services = Vec::new();
    for folder in ["systemd", "systemd/device"] {
        for entry in fs::read_dir(root().join(folder)).expect("readable").map(|entry| entry.expect("readable").path()) {
            let name = entry.file_name().expect("a name").to_str().expect("text").to_owned();
            if entry.is_dir() && name.ends_with(".service.d") {
                fs::create_dir_all(units.join(&name)).expect("made");
                for drop in all_files(&entry) {
                    fs::copy(&drop, units.join(&name).join(drop.file_name().expect("a name"))).expect("copied");
                }
            } else if name.ends_with(".service") {
                fs::copy(&entry, units.join(&name)).expect("copied");
                services.push(name);
            }
        }
    }
    assert!(services.len() >= 6, "{services:?}");
    for service in services {
        let verdict = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
            .arg(format!("--root={}", place.path().display()))
            .arg(&service)
            .output()
            .expect("systemd-analyze must be there: install the package systemd");
        assert!(verdict.status.success(), "{service}: {}", said(&verdict).lines().last().unwrap_or_default());
    }
}

#[test]
fn the_state_partition_is_the_last_and_both_slots_are_equal() {
    let read = |name: &str| fs::read_to_string(root().join("images/repart").join(name)).expect("readable");
    let keys = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.contains('=') && !line.starts_with("Label") && !line.starts_with("CopyBlocks"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(keys(&read("10-boot-a.conf")), keys(&read("11-boot-b.conf")));
    assert_eq!(keys(&read("20-root-a.conf")), keys(&read("21-root-b.conf")));
    let mut names: Vec<String> = fs::read_dir(root().join("images/repart"))
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    assert_eq!(names.last().map(String::as_str), Some("40-state.conf"), "only the last partition can grow");
    assert!(!read("40-state.conf").contains("SizeMaxBytes"), "it grows to the end of the disk");
    let slots = fs::read_to_string(root().join("images/overlay/etc/rauc/system.conf")).expect("readable");
    for label in ["root-a", "root-b", "boot-a", "boot-b"] {
        assert!(slots.contains(&format!("/dev/disk/kiosk/{label}\n")), "{label} is no slot of RAUC's");
    }
    assert!(slots.contains("bundle-formats=verity"), "an unsigned or plain bundle is refused by its format");
}

#[test]
fn no_archive_is_written_down_and_every_script_is_well_formed() {
    for folder in ["images", "packaging", "systemd"] {
        for file in all_files(&root().join(folder)) {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            for host in ["deb.debian", "ftp.", "snapshot.debian", "mirror.", "://security."] {
                assert!(
                    !text.contains(host),
                    "{} names an archive: the machine that builds knows its own",
                    file.display()
                );
            }
            let shell = match text.lines().next() {
                Some("#!/bin/sh") => "sh",
                Some("#!/usr/bin/env bash") => "bash",
                _ => continue,
            };
            let verdict = Command::new(shell).arg("-n").arg(&file).output().expect("a shell");
            assert!(verdict.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&verdict.stderr));
            if file.extension().is_none() {
                let mode = fs::metadata(&file).expect("there").permissions().mode();
                assert!(mode & 0o111 != 0 || file.ends_with("probe"), "{} may not run", file.display());
            }
        }
    }
}

#[test]
fn what_hangs_on_usb_is_no_uplink_by_itself() {
    let network = root().join("images/overlay/etc/systemd/network/80-kiosk.network");
    let text = fs::read_to_string(network).expect("readable");
    let (matches, _) = text.split_once("[Network]").expect("a match and what follows from it");
    assert!(matches.lines().any(|line| line == "Property=!ID_BUS=usb"), "{matches}");
}

#[test]
fn what_the_boot_program_is_made_of_is_marked_as_shipped() {
    let packages = fs::read_to_string(root().join("images/packages")).expect("readable");
    for line in packages.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let boots = ["busybox-static", "systemd-boot-efi"].contains(&name);
        assert_eq!(words.next(), boots.then_some("boot"), "{line}");
        assert_eq!(words.next(), None, "{line}");
    }
}

#[test]
fn an_image_is_named_after_its_commit() {
    let script = fs::read_to_string(root().join("images/image")).expect("readable");
    let from = script.find("version_of_tree() {").expect("the function");
    let function = &script[from..from + script[from..].find("\n}\n").expect("its end") + 3];
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir(place.path().join("images")).expect("made");
    fs::write(place.path().join("Cargo.toml"), "[package]\nversion = \"0.7.1\"\n").expect("written");
    let ask = |line: &str| {
        let script = format!("set -eu\nhere='{}/images'\n{function}\n{line}", place.path().display());
        said(&Command::new("bash").args(["-c", &script]).output().expect("bash"))
    };
    assert_eq!(ask("version_of_tree"), "0.7.1", "sources without git");
    let git = "git -C \"$here/..\" -c user.name=x -c user.email=x@example.com";
    let commit =
        ask(&format!("cd \"$here/..\"; git init -q; git add Cargo.toml; {git} commit -qm x; git rev-parse HEAD"));
    assert_eq!(ask("version_of_tree"), format!("0.7.1-g{}", &commit[..7]));
    fs::write(place.path().join("Cargo.toml"), "version = \"0.7.1\"\n").expect("written");
    assert_eq!(ask("version_of_tree"), format!("0.7.1-g{}-dirty", &commit[..7]));
}

/// The part of the first program that chooses the disk, with a tree of the test's for the kernel's.
fn chosen_disk(disks: &[(&str, &str)], tries: u32) -> String {
    let place = tempfile::tempdir().expect("a directory");
    let at = place.path().display();
    let class = place.path().join("sys/class/block");
    fs::create_dir_all(&class).expect("made");
    for (disk, bus) in disks {
        let device = place.path().join("sys/devices").join(bus).join("block").join(disk);
        for (number, label) in [(2, "boot-a"), (3, "boot-b")] {
            let part = device.join(format!("{disk}{number}"));
            fs::create_dir_all(&part).expect("made");
            fs::write(part.join("partition"), format!("{number}\n")).expect("written");
            fs::write(part.join("uevent"), format!("PARTN={number}\nPARTNAME={label}\n")).expect("written");
            std::os::unix::fs::symlink(&part, class.join(format!("{disk}{number}"))).expect("linked");
        }
        std::os::unix::fs::symlink(&device, class.join(disk)).expect("linked");
    }
    let init = fs::read_to_string(root().join("images/initrd/init")).expect("readable");
    let from = init.find("on_usb() {").expect("the choice");
    let choice = init[from..init.find("tries=0\nuntil").expect("its end")].replace("/sys/", &format!("{at}/sys/"));
    let script = format!(
        "booted_from() {{ return 1; }}\nbooted_number() {{ echo 2; }}\n\
         stand_still() {{ echo \"stands still: $*\"; exit; }}\n{choice}\n\
         tries={tries}\nif find_slot; then echo \"$slot $disk\"; else echo waits; fi"
    );
    let output = Command::new("sh").args(["-euc", &script]).output().expect("sh");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    said(&output)
}

#[test]
fn of_two_disks_with_the_same_image_the_machines_own_is_taken_and_between_equal_ones_nothing_is() {
    let inside = ("nvme0n1", "pci0000:00/0000:00:1d.0/nvme/nvme0");
    let stick = ("sda", "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host0/target0:0:0/0:0:0:0");
    let other = ("vda", "platform/fe340000.usb-mmc/virtio0");
    assert_eq!(chosen_disk(&[inside], 0), "a nvme0n1");
    assert_eq!(chosen_disk(&[stick, inside], 0), "a nvme0n1", "sda stands first in every list");
    assert_eq!(chosen_disk(&[stick], 0), "waits", "the machine's own may be slower");
    assert_eq!(chosen_disk(&[stick], 10), "a sda", "a machine whose disk hangs on USB");
    assert_eq!(chosen_disk(&[], 10), "waits");
    let two = chosen_disk(&[inside, other, stick], 0);
    assert!(two.starts_with("stands still: ") && two.contains("a:nvme0n1 a:vda"), "{two}");
    assert!(chosen_disk(&[stick, ("sdb", "platform/x/usb2/2-1/2-1:1.0")], 10).contains("a:sda a:sdb"));
}

#[test]
fn the_updater_keeps_its_state_in_a_directory_that_is_made() {
    let read = |name: &str| fs::read_to_string(root().join(name)).expect("readable");
    let configuration = read("images/overlay/etc/rauc/system.conf");
    let file = configuration.lines().find_map(|line| line.strip_prefix("statusfile=")).expect("a status file");
    let directory = Path::new(file).parent().expect("a directory").to_str().expect("text").to_owned();
    // State begins empty: what nobody makes is not there, and no update could be installed.
    let made = read("systemd/device/esim-kiosk-appliance.tmpfiles");
    assert!(made.lines().any(|line| line.split_whitespace().nth(1) == Some(&directory)), "{directory}: {made}");
}
