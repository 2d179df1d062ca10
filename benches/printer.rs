//! What a receipt costs on the wire: its bytes, and the time to its last byte beside what the line's rate allows.
//! `cargo bench --bench printer` prints one line a figure; `benches/printer.py` sets the bytes beside python-escpos.
//!
//! The line is simulated bit by bit on a clock that jumps, with a millisecond for the printer to answer; the printer is
//! the simulated one with a mechanism that is never in the way. What composing costs is measured on the real clock and
//! added. Set `PRINTER_BYTES` to a folder, and the receipts are written there.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::disallowed_methods, reason = "what it writes is made anew by each run")]

use std::time::{Duration, Instant};

use async_trait::async_trait;
use esim_kiosk::printer::sample::{TITLES, with_code};
use esim_kiosk::printer::transport::{Link, NoWire, Outgoing, Wire};
use esim_kiosk::printer::{self, PrintOutcome, PrinterConfig, PrinterState, ReceiptPrinter};
use esim_kiosk::sale::receipt::Receipt;
use esim_kiosk::sim::printer::{Model, Panel, SimPrinter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

/// Start, eight of data, stop.
const BITS_A_BYTE: u32 = 10;
/// How long a printer takes to answer.
const TURNAROUND: Duration = Duration::from_millis(1);
/// A serial line of so many bits a second.
struct Line {
    panel: Panel,
    baud: u32,
    /// When the last byte so far was out.
    last: watch::Sender<Option<tokio::time::Instant>>,
}

#[async_trait]
impl Wire for Line {
    async fn connect(&self) -> Result<Link, NoWire> {
        let far = self.panel.connect().expect("the cable of a bench is in");
        let (outgoing, mut to_send) = mpsc::channel::<Outgoing>(4);
        let (received, incoming) = mpsc::channel(64);
        let (mut reader, mut writer) = tokio::io::split(far);
        let (baud, last) = (self.baud, self.last.clone());
        tokio::spawn(async move {
            // A line does not wait for the computer's timer: what is owed is counted from when it last was idle.
            let mut free_at = tokio::time::Instant::now();
            while let Some(job) = to_send.recv().await {
                free_at = free_at.max(tokio::time::Instant::now()) + on_line(job.bytes.len(), baud);
                tokio::time::sleep_until(free_at).await;
                if writer.write_all(&job.bytes).await.is_err() {
                    break;
                }
                last.send_replace(Some(tokio::time::Instant::now()));
                job.taken.send(Ok(())).ok();
            }
        });
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok(count @ 1..) = reader.read(&mut buffer).await {
                tokio::time::sleep(TURNAROUND + on_line(count, baud)).await;
                if received.send(buffer[..count].to_vec()).await.is_err() {
                    break;
                }
            }
        });
        Ok(Link { outgoing, incoming })
    }
}

fn on_line(bytes: usize, baud: u32) -> Duration {
    Duration::from_secs(1) * BITS_A_BYTE * u32::try_from(bytes).expect("a receipt is no gigabyte") / baud
}

/// One receipt over one line: its bytes, the time to compose it, the time to its last byte, and what the line's rate would
/// allow.
async fn timed(model: &'static Model, baud: u32, receipt: &Receipt) -> (usize, Duration, Duration, Duration) {
    let simulated = SimPrinter::start(model, None, 1).expect("a simulated printer needs nothing");
    let panel = simulated.panel();
    panel.hurry();
    let (last, mut seen) = watch::channel(None);
    let config = PrinterConfig {
        connection: "serial:/in/memory".parse().expect("a path"),
        model: model.name.to_owned(),
        baud,
        ..PrinterConfig::default()
    };
    let kiosk = printer::open_on(config, Box::new(Line { panel, baud, last })).expect("a known model");
    while !matches!(kiosk.status().await, PrinterState::Ready { .. }) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    seen.mark_unchanged();
    let begun = Instant::now();
    let bytes = kiosk.bytes(receipt).len();
    let composing = begun.elapsed();
    let start = tokio::time::Instant::now();
    assert_eq!(kiosk.print(receipt).await, PrintOutcome::Confirmed, "{}", model.name);
    let end = (*seen.borrow_and_update()).expect("bytes went out");
    (bytes, composing, end - start + composing, on_line(bytes, baud))
}

fn main() {
    let clock = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let clock = clock.expect("a runtime");
    let model = Model::named("epson-tm-t20iii").expect("the default model");
    println!(
        "{:<10}{:>8}{:>8}{:>12}{:>14}{:>12}{:>8}",
        "language", "baud", "bytes", "line ms", "composing ms", "took ms", "ratio"
    );
    for (language, _) in TITLES {
        let receipt = with_code(language);
        if let Ok(folder) = std::env::var("PRINTER_BYTES") {
            let kiosk = printer::open(PrinterConfig { model: model.name.to_owned(), ..PrinterConfig::default() });
            let bytes = kiosk.expect("a known model").bytes(&receipt);
            std::fs::write(format!("{folder}/{language}.bin"), bytes).expect("PRINTER_BYTES names a folder");
        }
        for baud in [9_600, 19_200, 115_200] {
            let (bytes, composing, took, line) = clock.block_on(timed(model, baud, &receipt));
            let ratio = took.as_secs_f64() / line.as_secs_f64();
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            let (line, composing, took) = (ms(line), ms(composing), ms(took));
            println!("{language:<10}{baud:>8}{bytes:>8}{line:>12.1}{composing:>14.1}{took:>12.1}{ratio:>8.3}");
        }
    }
}
