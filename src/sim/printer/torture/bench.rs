//! The bench of one case: a kiosk's printer, a simulated one, and a wire between them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::super::{Model, Panel, SimPrinter};
use super::Way;
use crate::money::{Amount, Currency};
use crate::printer::transport::{Link, NoWire, Outgoing, Wire};
use crate::printer::{self, EscPosPrinter, PrinterConfig, PrinterState, ReceiptPrinter, sample};
use crate::sale::activation::{ActivationCode, Iccid};
use crate::sale::id::SaleNumber;
use crate::sale::receipt::{OperatorText, Receipt, ReceiptLine};

/// A kiosk's printer, a simulated one, and a wire between them.
pub(super) struct Bench {
    pub(super) kiosk: EscPosPrinter,
    pub(super) panel: Panel,
    _simulated: SimPrinter,
    _folder: Option<Folder>,
}

/// A folder for a port's link, removed with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "a folder of the torture stays behind");
        }
    }
}

impl Bench {
    pub(super) async fn new(model: &'static Model, way: Way) -> io::Result<Bench> {
        let mut simulated = SimPrinter::start(model, None, 1)?;
        let panel = simulated.panel();
        let mut folder = None;
        let place = match way {
            Way::Memory => "serial:/in/memory".to_owned(),
            Way::Tcp => format!("tcp:{}", simulated.on_tcp(([127, 0, 0, 1], 0).into()).await?),
            Way::Serial | Way::Usb => {
                let made = std::env::temp_dir().join(format!("kiosk-printer-{:x}", random()?));
                std::fs::create_dir(&made)?;
                let link = made.join("port");
                if way == Way::Serial {
                    simulated.on_pty(&link)?
                } else {
                    simulated.on_usb(&link)?
                };
                folder = Some(Folder(made));
                format!("{}:{}", if way == Way::Serial { "serial" } else { "usb" }, link.display())
            }
        };
        let config = PrinterConfig {
            connection: place.parse().map_err(io::Error::other)?,
            model: model.name.to_owned(),
            flow_control: printer::config::FlowControl::None,
            // A loaded machine is slow to answer, and here nothing else decides.
            status_ms: if way == Way::Memory { 500 } else { 5_000 },
            status_tries: if way == Way::Memory { 3 } else { 2 },
            stall_ms: if way == Way::Memory { 5_000 } else { 20_000 },
            finish_ms: if way == Way::Memory { 10_000 } else { 30_000 },
            reopen_ms: 50,
            ..PrinterConfig::default()
        };
        let kiosk = match way {
            Way::Memory => printer::open_on(config, Box::new(Memory(panel.clone()))),
            _ => printer::open(config),
        };
        Ok(Bench { kiosk: kiosk.map_err(io::Error::other)?, panel, _simulated: simulated, _folder: folder })
    }

    /// Waits until the kiosk calls its printer ready; false if it does not within two minutes.
    pub(super) async fn ready(&self) -> bool {
        let until = Instant::now() + Duration::from_secs(120);
        while !matches!(self.kiosk.status().await, PrinterState::Ready { .. }) {
            if Instant::now() > until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        true
    }
}

fn random() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}

/// A wire in memory, for paused time.
struct Memory(Panel);

#[async_trait]
impl Wire for Memory {
    async fn connect(&self) -> Result<Link, NoWire> {
        let far = self.0.connect().map_err(|source| NoWire {
            connection: "memory".to_owned(),
            advice: "plug the cable in",
            source,
        })?;
        let (outgoing, mut to_send) = mpsc::channel::<Outgoing>(4);
        let (received, incoming) = mpsc::channel(64);
        let (mut reader, mut writer) = tokio::io::split(far);
        tokio::spawn(async move {
            while let Some(mut job) = to_send.recv().await {
                // Given up: the rest does not go out.
                let sent = tokio::select! {
                    sent = writer.write_all(&job.bytes) => sent,
                    () = job.taken.closed() => Err(io::ErrorKind::Interrupted.into()),
                };
                let broken = sent.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
                if job.taken.send(sent).is_err() {
                    tracing::trace!("given up");
                }
                if broken {
                    break;
                }
            }
        });
        tokio::spawn(async move {
            let mut buffer = [0; 64];
            loop {
                let read = tokio::select! {
                    read = reader.read(&mut buffer) => read,
                    () = received.closed() => break,
                };
                match read {
                    Ok(count) if count > 0 => {
                        if timeout(Duration::from_secs(1), received.send(buffer[..count].to_vec())).await.is_err() {
                            break;
                        }
                    }
                    _ => break,
                }
            }
        });
        Ok(Link { outgoing, incoming })
    }
}

/// A receipt by which its traveller is known, with a line that is drawn.
pub(super) fn receipt(traveller: u32) -> Receipt {
    let common = sample::receipt("de");
    let price = Amount::new(990 + i64::from(traveller), Currency::EUR);
    let title = format!("日本 {traveller} GB, 30 Tage");
    Receipt {
        operator: OperatorText { address: common.operator.address[..1].to_vec(), ..common.operator },
        number: SaleNumber::of("K07", traveller.into()),
        claim_code: format!("7QK-3M9-{traveller:03}"),
        lines: vec![ReceiptLine { title, iccid: Iccid::parse("8944500102198304826"), price }],
        total: price,
        tax: Some(price.tax_within(1900)),
        terminal_lines: vec!["K-U-N-D-E-N-B-E-L-E-G".into(), format!("  Beleg {traveller:06}")],
        activations: ActivationCode::parse(&format!("LPA:1$smdp.io$TRAVELLER-{traveller}-QX7")).into_iter().collect(),
        ..common
    }
}
