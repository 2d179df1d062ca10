//! The kiosk's printer against the simulated one, over real wires.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

use std::path::Path;

use esim_kiosk::printer::sample::{CODE, with_code as receipt};
use esim_kiosk::printer::{self, PaperLeft, PrintOutcome, PrinterConfig, PrinterFault, PrinterState, ReceiptPrinter};
use esim_kiosk::sim::printer::{Fate, Fault, MODELS, Model, Planned, SimPrinter, torture};

fn config(connection: &str, model: &str) -> PrinterConfig {
    let text = format!(
        "connection = {connection:?}\nmodel = {model:?}\nflow_control = \"none\"\nreopen_ms = 20\nretract_after_ms = 0\n"
    );
    // Nothing here depends on how fast this machine is: a printer that answers is waited for.
    PrinterConfig { status_ms: 10_000, finish_ms: 120_000, stall_ms: 60_000, ..toml::from_str(&text).unwrap() }
}

/// What must stand on the paper, whatever carried it there.
fn check_paper(sheet: &esim_kiosk::sim::printer::Sheet) {
    let text = sheet.paper.transcript();
    for wanted in [
        "7QK-3M9-X2H",
        "Flughafenstraße 1",
        "USt-IdNr. DE123456789",
        "Verkauf K07-000123",
        "22.11.2026 14:05 CET",
        "Japan 5 GB, 30 Tage",
        "eSIM-Nummer 8944500102198304826",
        "9,90 €",
        "darin 19 % MwSt.",
        "1,58 €",
        "** K-U-N-D-E-N-B-E-L-E-G **",
        "  Betrag EUR           9,90",
        "Hilfe: +49 30 1234567",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is not on\n{text}");
    }
    let run_on: String = sheet.paper.text.concat();
    assert!(run_on.contains("QRF-BETTERROAMING-PMRDGIR2EARDEIT5"), "the code to type is not on\n{text}");
    assert_eq!(sheet.paper.codes(), [CODE]);
}

/// Asks until the printer is ready: it may still be starting, or its cable be just in.
async fn until_ready(kiosk: &printer::EscPosPrinter) {
    while kiosk.status().await != (PrinterState::Ready { paper_low: false }) {
        tokio::task::yield_now().await;
    }
}

/// Prints one receipt; the simulator's only paper with ink on it is that receipt.
async fn print_one(connection: &str, simulated: &SimPrinter, model: &str) {
    let kiosk = printer::open(config(connection, model)).unwrap();
    until_ready(&kiosk).await;
    assert_eq!(kiosk.print(&receipt("de")).await, PrintOutcome::Confirmed, "{model}");
    let sheets = simulated.panel().wait_for_sheets(1).await;
    assert_eq!(sheets.len(), 1);
    if model == "safe" {
        // Its one page has no euro sign: lines with one are drawn.
        assert_eq!(sheets[0].paper.codes(), [CODE]);
    } else {
        check_paper(&sheets[0]);
    }
    assert_eq!(simulated.panel().unknown_commands(), Vec::<Vec<u8>>::new());
}

fn start(model: &str) -> SimPrinter {
    SimPrinter::start(Model::named(model).unwrap(), None, 1).unwrap()
}

fn link(folder: &Path) -> std::path::PathBuf {
    folder.join("printer")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_model_prints_over_a_serial_port() {
    let mut printing = tokio::task::JoinSet::new();
    for model in MODELS.iter().filter(|model| model.name != "generic-58") {
        printing.spawn(async {
            let folder = tempfile::tempdir().unwrap();
            let mut simulated = start(model.name);
            simulated.on_pty(&link(folder.path())).unwrap();
            print_one(&format!("serial:{}", link(folder.path()).display()), &simulated, model.name).await;
        });
    }
    printing.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_over_tcp_and_over_a_device_file() {
    let mut simulated = start("epson-tm-t20iii");
    let address = simulated.on_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    print_one(&format!("tcp:{address}"), &simulated, "epson-tm-t20iii").await;
    let folder = tempfile::tempdir().unwrap();
    let mut simulated = start("generic-80");
    simulated.on_usb(&link(folder.path())).unwrap();
    print_one(&format!("usb:{}", link(folder.path()).display()), &simulated, "generic-80").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tear_bar_is_printed_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut simulated = start("generic-58");
    simulated.on_pty(&link(folder.path())).unwrap();
    let kiosk = printer::open(config(&format!("serial:{}", link(folder.path()).display()), "generic-58")).unwrap();
    until_ready(&kiosk).await;
    assert_eq!(kiosk.print(&receipt("de")).await, PrintOutcome::Confirmed);
    simulated.panel().take();
    check_paper(&simulated.panel().sheets()[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_that_comes_back_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut simulated = start("epson-tm-t20iii");
    simulated.on_pty(&link(folder.path())).unwrap();
    let panel = simulated.panel();
    let kiosk = printer::open(config(&format!("serial:{}", link(folder.path()).display()), "epson-tm-t20iii")).unwrap();
    until_ready(&kiosk).await;
    panel.plan(vec![Planned { at: 300, fault: Fault::CableOut }]);
    let outcome = kiosk.print(&receipt("de")).await;
    assert_eq!(outcome, PrintOutcome::Unknown { fault: PrinterFault::Absent });
    assert_eq!(kiosk.status().await, PrinterState::Faulty(PrinterFault::Absent));
    panel.repair();
    until_ready(&kiosk).await;
    panel.set_traveller(2);
    assert_eq!(kiosk.print(&receipt("de")).await, PrintOutcome::Confirmed);
    let sheets = panel.sheets();
    assert!(sheets.len() <= 2, "the torn receipt's beginning, if any, and the new one");
    let last = sheets.last().unwrap();
    check_paper(last);
    assert_eq!(last.paper.travellers.iter().copied().collect::<Vec<_>>(), [2], "nothing of the first traveller");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_receipt_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut simulated = start("custom-kpm");
    simulated.on_pty(&link(folder.path())).unwrap();
    let kiosk = printer::open(config(&format!("serial:{}", link(folder.path()).display()), "custom-kpm")).unwrap();
    until_ready(&kiosk).await;
    assert_eq!(kiosk.print(&receipt("de")).await, PrintOutcome::Confirmed);
    assert_eq!(kiosk.session_ended().await, PaperLeft::Retracted);
    assert_eq!(simulated.panel().sheets()[0].fate, Fate::Retracted);
    assert_eq!(kiosk.session_ended().await, PaperLeft::Nothing);
    assert_eq!(kiosk.print(&receipt("de")).await, PrintOutcome::Confirmed);
    simulated.panel().take();
    assert_eq!(kiosk.session_ended().await, PaperLeft::Nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut simulated = start("epson-tm-t20iii");
    simulated.on_pty(&link(folder.path())).unwrap();
    let panel = simulated.panel();
    let config = config(&format!("serial:{}", link(folder.path()).display()), "epson-tm-t20iii");
    // Silence must be waited for, so it is not waited for long.
    let kiosk = printer::open(PrinterConfig { status_ms: 2_000, status_tries: 1, ..config }).unwrap();
    until_ready(&kiosk).await;
    for (fault, expected) in [
        (Fault::PaperOut, PrinterFault::PaperOut),
        (Fault::CoverOpen, PrinterFault::CoverOpen),
        (Fault::Cutter, PrinterFault::Cutter),
        (Fault::Unrecoverable, PrinterFault::Unrecoverable),
        (Fault::Garbage, PrinterFault::Garbage),
        (Fault::Mute, PrinterFault::Absent),
    ] {
        panel.befall(fault);
        assert_eq!(kiosk.status().await, PrinterState::Faulty(expected), "{}", fault.name());
        assert!(matches!(kiosk.print(&receipt("de")).await, PrintOutcome::NotPrinted { .. }));
        panel.repair();
        until_ready(&kiosk).await;
    }
    panel.befall(Fault::NearEnd);
    assert_eq!(kiosk.status().await, PrinterState::Ready { paper_low: true });
    assert_eq!(panel.sheets(), []);
}

/// A small size of `torture printer`.
#[tokio::test(start_paused = true)]
async fn what_the_kiosk_says_is_what_the_paper_shows() {
    let size = torture::Size { every: 4, moments: 2, wired: 0, seed: 7 };
    let counts = torture::over_memory(size).await.unwrap();
    assert!(counts.is_clean(), "{counts}");
    assert!(counts.total.struck * 10 > counts.total.cases * 8, "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_on_real_wires_does_it_say_what_is_not() {
    let size = torture::Size { every: 1, moments: 0, wired: 6, seed: 3 };
    let counts = torture::over_wires(size).await.unwrap();
    assert!(counts.is_clean(), "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_receipt_does_not_push_out_a_forgotten_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut simulated = start("custom-kpm");
    simulated.on_pty(&link(folder.path())).unwrap();
    let config = config(&format!("serial:{}", link(folder.path()).display()), "custom-kpm");
    let kiosk = printer::open(PrinterConfig { retract_after_ms: 3_600_000, ..config }).unwrap();
    until_ready(&kiosk).await;
    assert_eq!(kiosk.print(&receipt("de")).await, PrintOutcome::Confirmed);
    assert_eq!(simulated.panel().sheets()[0].fate, Fate::Presented, "held out: its owner may come back for it");
    let next = receipt("en");
    tokio::select! {
        biased;
        left = kiosk.session_ended() => panic!("an hour is not over: {left:?}"),
        said = kiosk.print(&next) => assert_eq!(said, PrintOutcome::Confirmed),
    }
    let fates: Vec<Fate> = simulated.panel().sheets().iter().map(|sheet| sheet.fate).collect();
    assert_eq!(fates, [Fate::Retracted, Fate::Presented]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_finds_the_model() {
    let mut probing = tokio::task::JoinSet::new();
    for model in &MODELS {
        probing.spawn(async {
            let folder = tempfile::tempdir().unwrap();
            let mut simulated = start(model.name);
            simulated.on_pty(&link(folder.path())).unwrap();
            let config = config(&format!("serial:{}", link(folder.path()).display()), "safe");
            // Silence is an answer here, so it is waited for, but not for long.
            let kiosk = printer::open(PrinterConfig { status_ms: 2_000, ..config }).unwrap();
            until_ready(&kiosk).await;
            let fits: Vec<_> = kiosk.probe().await.unwrap().fits().iter().map(|profile| profile.name).collect();
            assert!(fits.contains(&model.name), "{} is not among {fits:?}", model.name);
            // Paper width and QR say nothing on the line: those two are told by looking at them.
            let likeliest = match model.name {
                "epson-58" => "epson-tm-t20iii",
                "generic-58" | "safe" => "generic-80",
                name => name,
            };
            assert_eq!(fits[0], likeliest);
            assert_eq!(simulated.panel().sheets(), [], "{} printed something", model.name);
        });
    }
    probing.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_logo_stands_first_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    // A black square of 80 dots with a white eye, half of it transparent.
    let path = folder.path().join("logo.png");
    let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 80, 80);
    encoder.set_color(png::ColorType::GrayscaleAlpha);
    let dots = (0..80 * 80).flat_map(|place| {
        let (x, y) = (place % 80, place / 80);
        let eye = (30..50).contains(&x) && (30..50).contains(&y);
        [if eye { 255 } else { 0 }, if y < 40 { 255 } else { 0 }]
    });
    encoder.write_header().unwrap().write_image_data(&dots.collect::<Vec<u8>>()).unwrap();

    let mut simulated = start("generic-80");
    simulated.on_pty(&link(folder.path())).unwrap();
    let config = config(&format!("serial:{}", link(folder.path()).display()), "generic-80");
    let with = PrinterConfig { logo: Some(path), ..config.clone() };
    let kiosk = printer::open(with).unwrap();
    until_ready(&kiosk).await;
    assert_eq!(kiosk.print(&receipt("de")).await, PrintOutcome::Confirmed);
    let sheet = simulated.panel().wait_for_sheets(1).await.remove(0);
    let first = sheet.paper.rows.iter().position(|row| row.contains(&true)).unwrap();
    let row = |at: usize| -> Vec<usize> {
        sheet.paper.rows[first + at].iter().enumerate().filter(|(_, dot)| **dot).map(|(place, _)| place).collect()
    };
    assert_eq!(row(0), (248..328).collect::<Vec<_>>(), "in the middle of 576 dots");
    assert_eq!(row(35).len(), 60, "the eye is white");
    assert!(row(45).is_empty(), "and what is transparent");

    let missing = PrinterConfig { logo: Some(folder.path().join("none.png")), ..config };
    let refused = printer::open(missing).err().unwrap().to_string();
    assert!(refused.contains("printer.logo") && refused.contains("PNG"), "{refused}");
}

/// For `tests/referees/printer.py`, which plays the printer: prints one receipt and says how that went.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by tests/referees/printer.py beside a foreign printer simulator"]
async fn referee() {
    let wanted = |name: &str| std::env::var(name).unwrap();
    let mut receipt = receipt(&wanted("REFEREE_LANGUAGE"));
    receipt.lines[0].title = wanted("REFEREE_TITLE");
    receipt.copy = 3;
    let config = PrinterConfig { status_ms: 2_000, ..config(&wanted("REFEREE_CONNECTION"), &wanted("REFEREE_MODEL")) };
    let kiosk = printer::open(config).unwrap();
    let bytes = wanted("REFEREE_BYTES");
    std::fs::write(format!("{bytes}.bin"), kiosk.bytes(&receipt)).unwrap();
    let safe = printer::open(PrinterConfig { model: "safe".into(), ..PrinterConfig::default() }).unwrap();
    std::fs::write(format!("{bytes}-safe.bin"), safe.bytes(&receipt)).unwrap();
    println!("REFEREE status {:?}", kiosk.status().await);
    println!("REFEREE outcome {:?}", kiosk.print(&receipt).await);
}
