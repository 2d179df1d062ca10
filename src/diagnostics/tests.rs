//! Whole bundles: of a machine in use, of one in ruins, and of one in which every kind of secret was planted.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::Digest;

use super::recorder::{HealthLine, History, Recorder};
use super::*;
use crate::journal::section::Section as JournalSection;
use crate::journal::sqlite::SqliteJournal;
use crate::journal::tests::{Played, profile, quote};
use crate::sale::event::{Event, GoodsNews};
use crate::sale::id::ProfileId;
use crate::sale::offer::Source;

/// Each kind of secret, as it would look in a text, and the part that must not be found.
const CANARIES: [(&str, &str); 36] = [
    ("LPA:1$smdp.canary.io$CANARY-AC-1", "CANARY-AC-1"),
    ("matchingId=CANARYMATCH2", "CANARYMATCH2"),
    ("Authorization: Bearer CANARYbearer3", "CANARYbearer3"),
    ("x-api-key: CANARYkey4", "CANARYkey4"),
    ("token 5cAn4Ry5cAn4Ry5cAn4Ry5cAn4Ry", "5cAn4Ry5cAn4Ry"),
    ("eyJhbGciOiJub25lIn0.Q0FOQVJZNg.Q0FOQVJZ", "Q0FOQVJZNg"),
    ("card 4761739001010119", "476173900101"),
    ("Nr. 476173xxxxxx0119", "476173"),
    ("claim code 7QK-3M9-X2H", "7QK-3M9-X2H"),
    ("mail canary7@mail.example.com", "canary7@"),
    ("call +43 660 7654321", "7654321"),
    ("https://store.example/x?X-Amz-Signature=CANARYSIG8", "CANARYSIG8"),
    ("mqtts://kiosk:canary9pass@broker.example", "canary9pass"),
    ("wallet key is plain words canary ten", "plain words canary ten"),
    (r#"{"matchingId":"CANARYJSON11","state":"x"}"#, "CANARYJSON11"),
    (r#"answer: "{\"accessToken\":\"canary-json-12\"}""#, "canary-json-12"),
    (r#"Profile { matching_id: Some("CANARYDEBUG13") }"#, "CANARYDEBUG13"),
    ("<a href='https://user:canary14pass@host.example/'>", "canary14pass"),
    ("password = \"correct canary 15\"", "canary 15"),
    ("password = \")canary16\"", "canary16"),
    ("userPassword: nullcanary17", "canary17"),
    ("Authorization: ApiKey canary-18", "canary-18"),
    ("Cookie: a=b; c=canary-19", "canary-19"),
    (r#"{"secret":["canary-20"]}"#, "canary-20"),
    ("matching id QR-CANARY-21 was sent", "QR-CANARY-21"),
    ("smdp.canary.io$K2-CANARY-22", "K2-CANARY-22"),
    ("wifi psk=canary23", "canary23"),
    ("call 010-7654-3210", "7654-3210"),
    ("call 06607654321", "06607654321"),
    (r#"{"phone":{"number":"6607654322"}}"#, "6607654322"),
    ("ref_4761739001010119x", "476173900101"),
    ("4761.7390.0101.0119", "7390.0101"),
    ("jane@canary-b\u{fc}cher.example", "jane@canary"),
    (r"canary30\u0040mail.example.com", "canary30"),
    ("typed 7QK 3M9 X2R", "3M9 X2R"),
    ("the token canary-32-token was refused", "canary-32-token"),
];

fn planted() -> String {
    CANARIES.iter().map(|(text, _)| format!("{text}\n")).collect()
}

struct Machine {
    dir: tempfile::TempDir,
    config: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let key = dir.path().join("mobilexy.key");
        std::fs::File::create(&key).unwrap().write_all(b"plain words canary ten\n").unwrap();
        let text = include_str!("../../systemd/config.example.toml")
            .replacen("/var/lib/esim-kiosk", &state.display().to_string(), 1)
            .replacen("credential:mobilexy", &format!("file:{}", key.display()), 1)
            .replacen("\"000000\"", "\"314159\"", 1);
        let config = dir.path().join("kiosk.toml");
        std::fs::File::create(&config).unwrap().write_all(text.as_bytes()).unwrap();
        Machine { dir, config }
    }

    fn journal(&self) -> SqliteJournal {
        let section = JournalSection { head_room_mb: 16, ..JournalSection::at(self.dir.path().join("state")) };
        SqliteJournal::open_with(&section, None, Timestamp::UNIX_EPOCH).unwrap().journal
    }

    fn sold(&self) -> SqliteJournal {
        let mut journal = self.journal();
        let mut played = Played::begin(&mut journal, 1, quote(123, Source::Provider)).unwrap();
        played.held(&mut journal, "0042").unwrap();
        played.delivered(&mut journal, 2_000, "ORD1", ProfileId::from_parts(2, 2), &profile("TOPSECRET-1")).unwrap();
        played.on(&mut journal, 3_000, Event::ReceiptLines(planted().lines().map(str::to_owned).collect())).unwrap();
        played.paid(&mut journal).unwrap();
        journal
    }

    fn scene(&self, wanted: Wanted) -> Scene {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let mut scene = Scene::of(&self.config, wanted, now);
        scene.ask = Box::new(|program, words| Ok(format!("{program} {}\n{}", words.join(" "), planted())));
        scene
    }

    fn gathered(&self, wanted: Wanted, most: u64) -> Gathered {
        gather(self.scene(wanted), most, |_| {}).unwrap()
    }
}

fn sale() -> Wanted {
    Wanted { sale: Some("K07-000123".into()), ..Wanted::default() }
}

/// The files of an archive; their checksums are checked on the way.
fn unpacked(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().components().skip(1).collect::<PathBuf>().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(path, text);
    }
    let sums = files["SHA256SUMS"].clone();
    assert_eq!(sums.lines().count(), files.len() - 1, "every file but the sums has a sum");
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let found: String =
            sha2::Sha256::digest(files[name].as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, sum, "{name}");
    }
    files
}

#[test]
fn a_bundle_explains_a_sale() {
    let machine = Machine::new();
    let journal = machine.sold();
    let gathered = machine.gathered(sale(), 5 << 20);
    let files = unpacked(&gathered.packed.bytes);
    for name in [
        "logs/kiosk.txt",
        "logs/kernel.txt",
        "sales/list.txt",
        "sales/K07-000123.txt",
        "configuration/kiosk.toml",
        "machine/versions.txt",
        "machine/disk.txt",
        "machine/memory.txt",
        "machine/clock.txt",
        "machine/network.txt",
        "report.html",
    ] {
        assert!(files.contains_key(name), "{name} is not in {:?}", files.keys());
    }
    let told = &files["sales/K07-000123.txt"];
    assert!(
        told.contains("\"commit_decided\"") && told.contains("ORD1") && told.contains("\"receipt_lines\""),
        "{told}"
    );
    let page = &files["report.html"];
    assert!(page.contains("id=\"K07-000123\" open>") && page.contains("running (process"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "nothing is loaded");
    assert!(files["configuration/kiosk.toml"].contains("password = \"•••\""), "{}", files["configuration/kiosk.toml"]);
    assert!(files["configuration/kiosk.toml"].contains("label = \"K07\""));
    assert!(gathered.packed.name.starts_with("esim-kiosk-report-K07-2026"));
    assert!(gathered.packed.manifest.redactions["activation code"] > 0);
    drop(journal);
}

#[test]
fn no_canary_leaves_the_machine_wherever_it_was_planted() {
    let machine = Machine::new();
    let mut journal = machine.sold();
    let mut doubtful = Played::begin(&mut journal, 2, quote(124, Source::Provider)).unwrap();
    doubtful.held(&mut journal, "0043").unwrap();
    doubtful.on(&mut journal, 2_000, Event::Goods { good: 0, news: GoodsNews::Unknown(planted()) }).unwrap();
    doubtful.on(&mut journal, 3_000, Event::Goods { good: 0, news: GoodsNews::Undecidable(planted()) }).unwrap();
    let state = machine.dir.path().join("state");
    let recorder = Recorder::default();
    planted().lines().for_each(|line| recorder.event(line.to_owned()));
    recorder.screen(Timestamp::UNIX_EPOCH, "eSIM", &serde_json::json!({ "qr": planted() }));
    recorder.write(&state.join("live"), &serde_json::json!({ "terminal": planted() }), &[planted()]).unwrap();
    let mut history = History::new(state.join("health.jsonl"), 1 << 20);
    let line = HealthLine {
        at: Timestamp::UNIX_EPOCH,
        selling: planted(),
        terminal: planted(),
        printer: planted(),
        online: true,
    };
    history.note(line).unwrap();
    let mut config = std::fs::OpenOptions::new().append(true).open(&machine.config).unwrap();
    planted().lines().for_each(|line| writeln!(config, "# {line}").unwrap());
    let wanted = [sale(), Wanted { sale: Some(planted()), ..Wanted::default() }, Wanted::default()];
    for wanted in wanted {
        let gathered = machine.gathered(wanted, 5 << 20);
        let files = unpacked(&gathered.packed.bytes);
        for (name, text) in &files {
            for (_, canary) in CANARIES.iter().chain(&[("", "TOPSECRET"), ("", "314159")]) {
                assert!(!text.contains(canary) && !name.contains(canary), "{canary} is in {name}: {text}");
            }
        }
        assert!(files["recorder/events.txt"].lines().count() >= CANARIES.len(), "lines stay, secrets go");
    }
}

#[test]
fn a_dead_machine_still_tells() {
    let machine = Machine::new();
    drop(machine.sold());
    let database = machine.dir.path().join("state/journal/journal.db");
    // Everything in the file itself, then broken behind the first page.
    let whole = rusqlite::Connection::open(&database).unwrap();
    whole.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(whole);
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[4_096..].iter_mut().step_by(3).for_each(|byte| *byte = 0xA5);
    std::fs::File::create(&database).unwrap().write_all(&bytes).unwrap();
    let mut scene = machine.scene(sale());
    scene.ask = Box::new(|program, _| Err(format!("{program} cannot be started")));
    let gathered = gather(scene, 5 << 20, |_| {}).unwrap();
    let files = unpacked(&gathered.packed.bytes);
    assert!(files["logs/kiosk.txt"].contains("could not be read: journalctl cannot be started"));
    let told = format!("{}{}", files["sales/list.txt"], files.get("sales/problems.txt").map_or("", String::as_str));
    assert!(told.contains("DAMAGED") || told.contains("damaged") || told.contains("malformed"), "{told}");
    assert!(files["report.html"].contains("What could not be read"));
    // No journal and no readable configuration at all.
    std::fs::remove_dir_all(machine.dir.path().join("state")).unwrap();
    std::fs::File::create(&machine.config).unwrap().write_all(b"label = [").unwrap();
    let files = unpacked(&machine.gathered(Wanted::default(), 5 << 20).packed.bytes);
    assert!(files["configuration/problems.txt"].contains("no TOML"), "{}", files["configuration/problems.txt"]);
    assert_eq!(files["configuration/kiosk.toml"], "label = [");
}

#[test]
fn a_locked_journal_is_read_from_a_copy_that_does_not_stay() {
    let machine = Machine::new();
    drop(machine.sold());
    let database = machine.dir.path().join("state/journal/journal.db");
    let holder = rusqlite::Connection::open(&database).unwrap();
    holder.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE sales SET phase = phase").unwrap();
    let files = unpacked(&machine.gathered(sale(), 5 << 20).packed.bytes);
    assert!(files["sales/K07-000123.txt"].contains("commit_decided"));
    let left = Path::new("/dev/shm").join(format!("esim-kiosk-report-{}", std::process::id()));
    assert!(!left.exists(), "{} stayed", left.display());
}

#[test]
fn a_small_bundle_keeps_the_newest() {
    let machine = Machine::new();
    let log = || {
        let mut chance = 7_u64;
        (0..40_000).fold(String::new(), |mut text, line| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(&format!("line {line} {}\n", chance >> 40));
            text
        })
    };
    let mut scene = machine.scene(Wanted::default());
    scene.ask = Box::new(move |_, _| Ok(log()));
    let gathered = gather(scene, 120_000, |_| {}).unwrap();
    assert!(gathered.packed.bytes.len() <= 120_000);
    let files = unpacked(&gathered.packed.bytes);
    assert!(files["logs/kiosk.txt"].contains("line 39999 ") && !files["logs/kiosk.txt"].contains("line 0 "));
    assert!(gathered.packed.manifest.files.iter().any(|file| file.left_out > 0));
    let none = gather(machine.scene(Wanted::default()), 100, |_| {}).unwrap_err();
    assert!(none.to_string().contains("--max-size"), "{none}");
}

#[test]
fn a_place_that_takes_nothing_is_replaced_and_bundles_of_others_stay() {
    let machine = Machine::new();
    let packed = machine.gathered(Wanted::default(), 5 << 20).packed;
    let elsewhere = bundle::write(&packed, Path::new("/proc/esim-kiosk/")).unwrap();
    assert!(!elsewhere.starts_with("/proc") && elsewhere.exists());
    std::fs::remove_file(elsewhere).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for count in 0..8 {
        let mut named = packed.clone();
        named.name = format!("esim-kiosk-report-K07-{count}.tar.gz");
        bundle::write(&named, dir.path()).unwrap();
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 8, "whoever put them there removes them");
    bundle::keep_newest(dir.path(), 5);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5, "the unit's own directory");
}
