//! What a set-up needs of the very machine that it is for: serial ports, the key of its journal, its TPM, its screen.

use super::*;

const WITH_TERMINAL: &str = "# serial:/dev/ttyKIOSK_other\n[kiosk]\ncolour = '#fff' # serial:/dev/ttyKIOSK_other\n[terminal]\naddress = \"serial:/dev/ttyKIOSK_terminal\"\n";
const PORT: &str = "pci-0000:00:14.0-usb-0:2:1.0";

impl FirstStart {
    /// A serial port of this machine.
    fn plug(&self, name: &str, path: &str) {
        fs::create_dir_all(self.at("lines").join(name).join("device")).unwrap();
        fs::write(self.at("lines").join(name).join("path"), format!("{path}\n")).unwrap();
    }

    /// What a reader sees: the lines of the console, put together again.
    pub(super) fn screen(&self) -> String {
        let painted = self.read("run/screen").unwrap_or_default();
        painted.replace("\u{1b}[K\r", "").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Secrets are kept as they are, with the key that they are sealed with in front.
    fn seal_in_the_clear(&self) {
        self.tool(
            "systemd-creds",
            "if [ $1 = decrypt ]; then sed 1d \"$3\"; else\n[ ! -e \"$OUT/tpm-is-broken\" ] || [ $2 = --with-key=host ] || exit 1\n{ echo \"$2\"; cat; } >\"$5\"; fi",
        );
    }
}

#[test]
fn a_serial_port_that_this_machine_has_not_is_a_fault_and_the_screen_lists_those_that_it_has() {
    let start = FirstStart::new(&[]);
    start.plug("ttyUSB0", PORT);
    start.plug("ttyS9", "platform-serial8250");
    start.run();
    assert!(
        start.screen().contains(&format!("/dev/ttyUSB0 {PORT}")),
        "nobody can ask such a kiosk: {}",
        start.screen()
    );
    for (machine, fault) in [
        (None, "kiosk.toml names /dev/ttyKIOSK_terminal: a line terminal= is needed"),
        (Some("rotation=0\nprinter=*usb*\n"), "a line terminal= is needed"),
        (Some("terminal=pci-nowhere\n"), "terminal=pci-nowhere is no serial port of this machine"),
    ] {
        let mut files = vec![("kiosk.toml", WITH_TERMINAL), ("secrets/key", "hush")];
        files.extend(machine.map(|text| ("machine.conf", text)));
        start.put(&files);
        assert_eq!(start.run().status.code(), Some(1), "{machine:?}");
        let told = start.read("run/fault").expect("the fault is written down");
        assert!(told.contains(fault) && !told.contains("KIOSK_other"), "{told}");
        assert!(start.screen().contains(fault) && start.screen().contains(PORT), "{}", start.screen());
        assert!(!start.is_wiped() && !start.at("setup/etc/kiosk.toml").exists());
    }
    start.put(&[("kiosk.toml", WITH_TERMINAL), ("machine.conf", "terminal = pci-*-usb-0:2:* # left\r\n")]);
    assert!(start.run().status.success(), "{}", start.screen());
    assert!(start.is_wiped());
}

#[test]
fn two_names_for_one_port_and_a_name_that_is_none_of_ours_are_faults() {
    let start = FirstStart::new(&[]);
    start.plug("ttyUSB0", PORT);
    let both = format!(
        "{WITH_TERMINAL}[printer]\nconnection = \"serial:/dev/ttyKIOSK_printer\"\n[x]\ny = 'serial:/dev/ttyKIOSK_scale'\n"
    );
    start.put(&[("kiosk.toml", &both), ("machine.conf", "terminal=*\nprinter=*usb*\n")]);
    assert_eq!(start.run().status.code(), Some(1));
    for words in
        ["printer=*usb* is no serial port of this machine, or it is another line's", "names /dev/ttyKIOSK_scale"]
    {
        assert!(start.screen().contains(words), "{}", start.screen());
    }
    assert!(!start.screen().contains("terminal=*"), "{}", start.screen());
}

#[test]
fn a_port_that_comes_later_mends_the_set_up_by_itself_also_a_newer_one() {
    for set_up in [false, true] {
        let start = FirstStart::new(&[("kiosk.toml", RIGHT)]);
        assert!(!set_up || start.run().status.success());
        start.put(&[("kiosk.toml", WITH_TERMINAL), ("machine.conf", &format!("terminal={PORT}\n"))]);
        // While it waits for the next turn the adapter is found.
        start.tool(
            "sleep",
            &format!("mkdir -p \"$OUT/lines/ttyACM0/device\"; echo {PORT} >\"$OUT/lines/ttyACM0/path\""),
        );
        let output = start.command().env_remove("KIOSK_ONCE").env("KIOSK_PATIENCE", "9").output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("is no serial port"), "it was not there at first");
        assert!(start.is_wiped());
        assert!(start.read("setup/etc/kiosk.toml").unwrap().contains("ttyKIOSK_terminal"));
    }
}

#[test]
fn what_the_screen_says_is_painted_again_in_each_turn_and_logged_once() {
    let start = FirstStart::new(&[]);
    // The display comes, and with it an empty screen; in the turn after that the plug is pulled.
    start.tool(
        "sleep",
        "[ ! -e \"$OUT/slept\" ] || { kill -9 $PPID; exit; }\n: >\"$OUT/slept\"; rm \"$OUT/run/screen\"",
    );
    let output = start.command().env_remove("KIOSK_ONCE").output().unwrap();
    assert!(start.screen().contains("USB stick named KIOSK-SETUP"), "{}", start.screen());
    assert_eq!(String::from_utf8_lossy(&output.stderr).matches("USB stick named").count(), 1);
}

#[test]
fn another_key_than_the_journals_is_refused_before_anything_is_wiped() {
    let with = |key: Option<&'static str>| {
        let mut files = vec![("kiosk.toml", RIGHT), ("secrets/other", "hush")];
        files.extend(key.map(|key| ("secrets/journal-key", key)));
        files
    };
    let refused = "A newer set-up was not taken";
    for (first, then, words) in [
        (None, Some("b"), "sealed with a key of its own"),
        (Some("a"), None, "missing: this machine's journal is sealed with"),
        (Some("a"), Some("b"), "another one than that of the set-up before"),
        (Some("a"), Some("a\r\n"), ""),
        (None, None, ""),
    ] {
        let start = FirstStart::new(&with(first));
        start.seal_in_the_clear();
        assert!(start.run().status.success());
        fs::write(start.at("run/journal"), "").unwrap();
        start.put(&with(then));
        assert!(start.run().status.success());
        assert_eq!(start.is_wiped(), words.is_empty(), "{first:?} {then:?}: {}", start.screen());
        assert!(words.is_empty() || start.screen().contains(refused) && start.screen().contains(words));
        // Where there is no journal yet, or the credential does not open any more, any key will do.
        start.put(&with(then));
        match (first, then) {
            (Some(_), Some(_)) => start.tool("systemd-creds", "[ $1 != decrypt ] || exit 1; cat >\"$5\""),
            _ => fs::remove_file(start.at("run/journal")).unwrap(),
        }
        assert!(start.run().status.success());
        assert!(start.is_wiped(), "{first:?} {then:?}: {}", start.screen());
    }
}

#[test]
fn the_log_says_which_key_has_sealed_the_secrets() {
    for (tpm, broken, with, words) in [
        (false, false, "host", "this machine has no TPM"),
        (true, false, "host+tpm2", "the TPM and the key on the disk"),
        (true, true, "host", "COULD NOT BE USED"),
    ] {
        let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/a", "hush"), ("secrets/b", "hush")]);
        start.seal_in_the_clear();
        for (name, there) in [("tpm", tpm), ("tpm-is-broken", broken)] {
            assert!(!there || fs::write(start.at(name), "").is_ok());
        }
        let output = start.run();
        assert!(output.status.success());
        for name in ["setup/credentials/a", "setup/credentials/b"] {
            assert_eq!(start.read(name), Some(format!("--with-key={with}\nhush")));
        }
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(log.matches("The secrets were sealed with").count(), 1, "{log}");
        assert!(log.contains(words), "{log}");
    }
}

#[test]
fn a_right_stick_beside_a_faulty_partition_is_taken_and_the_partition_told() {
    let start = FirstStart::new(&[("kiosk.toml", RIGHT), ("secrets/stick", "hush")]);
    fs::copy(start.at("medium"), start.at("stick")).unwrap();
    start.put(&[("kiosk.toml", "wrong\n"), ("secrets/own", "hush")]);
    let media = format!("{} {}", start.at("medium").display(), start.at("stick").display());
    assert!(start.command().env("KIOSK_MEDIA", media).output().unwrap().status.success());
    assert!(start.at("setup/credentials/stick").exists() && !start.is_wiped());
    assert!(fs::read(start.at("stick")).unwrap().iter().all(|byte| *byte == 0));
    for words in ["still there with its secrets", "[kiosk] is missing"] {
        assert!(start.screen().contains(words), "{}", start.screen());
        assert!(start.read("run/fault").unwrap().contains(words));
    }
}
