//! Hundreds of kiosks at one broker that is killed in between: no sale may be lost, none booked twice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::PublishOptions;
use rumqttc::mqttbytes::QoS;
use serde_json::json;
use tokio::sync::mpsc;

use super::NotRun;
use super::mosquitto::Mosquitto;
use super::sellers::{Sellers, Sold};
use super::watcher::Watcher;
use crate::fleet::link::Link;
use crate::fleet::office::FarOffice;
use crate::fleet::section::Section;
use crate::fleet::{Ends, News};
use crate::metrics::Process;
use crate::office::{BackOffice, Parcel, Taken};
use crate::sim::fleet::pki::Pki;

/// A kiosk's end of the link may take so much memory.
const KIB_EACH: u64 = 2_048;
/// The broker is killed when so many hundredths of the sales are booked.
const KILLED_AT: [usize; 2] = [10, 50];
/// So many of the kiosks are whole ones, processes with a journal each.
const WHOLE_KIOSKS: usize = 3;
/// Longer than a broker's kiosks need to come back.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a run found.
#[derive(Debug)]
pub struct Report {
    /// Kiosks.
    pub kiosks: usize,
    /// Sales that were sent.
    pub sales: usize,
    /// Sales that the office never heard of.
    pub lost: usize,
    /// Sales that are in the office's books twice.
    pub doubled: usize,
    /// Sales that arrived more than once and were known by their key.
    pub repeated: usize,
    /// States that are not at the broker in the end.
    pub states_missing: usize,
    /// How often the broker was killed, and how many sales were not yet taken at those moments.
    pub kills: usize,
    /// See above.
    pub in_flight: usize,
    /// Memory of a kiosk's end, in KiB.
    pub kib_each: u64,
    /// Memory of the broker, in KiB.
    pub broker_kib: u64,
    /// What the whole kiosks have sold.
    whole: Sold,
    /// Seconds.
    pub seconds: u64,
}

impl Report {
    /// What must not be.
    pub fn mismatches(&self) -> usize {
        // A run that killed the broker when nothing was under way has tried nothing.
        let idle = usize::from(self.in_flight == 0);
        let fat = usize::from(self.kib_each > KIB_EACH);
        let whole = self.whole.lost + self.whole.invented + self.whole.wrongs.len();
        self.lost + self.doubled + self.states_missing + idle + fat + whole
    }

    /// One line of JSON.
    pub fn print(&self) -> String {
        json!({
            "kiosks": self.kiosks, "sales": self.sales, "lost": self.lost, "doubled": self.doubled,
            "repeated": self.repeated, "states_missing": self.states_missing, "broker_kills": self.kills, "in_flight_at_kills": self.in_flight, "kib_per_kiosk": self.kib_each,
            "broker_kib": self.broker_kib,
            "whole_kiosks": {
                "kiosks": WHOLE_KIOSKS, "kills": self.whole.kills, "sales": self.whole.sales, "lost": self.whole.lost,
                "invented": self.whole.invented, "wrongs": self.whole.wrongs,
            }, "seconds": self.seconds, "mismatches": self.mismatches(),
        })
        .to_string()
    }
}

/// The office's books: each key with what was booked under it, and what came more than once.
#[derive(Default)]
pub(super) struct Ledger {
    booked: BTreeMap<String, String>,
    came: usize,
    doubled: usize,
}

impl Ledger {
    /// Sales booked.
    fn counted(&self) -> usize {
        self.booked.len()
    }

    /// The keys of what that machine has sold.
    pub(super) fn of(&self, machine: &str) -> BTreeSet<String> {
        let own = format!("\"{machine}\" ");
        self.booked.iter().filter(|(_, content)| content.starts_with(&own)).map(|(key, _)| key.clone()).collect()
    }
}

/// Runs so many kiosks with so many sales each, and then a few whole ones, whose `program` this is.
///
/// # Errors
/// [`NotRun`] where something is missing.
pub fn run(program: &Path, kiosks: usize, sales_each: usize) -> Result<Report, NotRun> {
    let folder = std::env::temp_dir().join(format!("esim-kiosk-fleet-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = run_in(program, &folder, kiosks, sales_each);
    std::fs::remove_dir_all(&folder).ok();
    done
}

fn run_in(program: &Path, folder: &Path, kiosks: usize, sales_each: usize) -> Result<Report, NotRun> {
    let pki = Pki::make(&folder.join("pki"))?;
    let mut broker = Mosquitto::start(folder, &pki, Ipv4Addr::LOCALHOST.into())?;
    let url = broker.url();
    let section = |name: &str| pki.section(url.clone(), name);
    let (office_section, kiosk_section) = (section("office")?, section("kiosk")?);
    let began = Instant::now();
    let before = Process::of_this().resident_bytes;
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let sales = kiosks * sales_each;
    let mut in_flight = 0;
    let (kib_each, states_missing, synthetic, whole) = runtime.block_on(async {
        let watcher = Watcher::start(office_section, "office", "te/#", office(ledger.clone()));
        let selling: Vec<_> = (0..kiosks)
            .map(|number| {
                tokio::spawn(one(kiosk_section.clone(), folder.join(format!("s{number}")), number, sales_each))
            })
            .collect();
        for hundredths in KILLED_AT {
            let booked = || ledger.lock().unwrap_or_else(PoisonError::into_inner).booked.len();
            let waiting = async {
                while booked() < sales * hundredths / 100 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            // What is not booked by then is in flight all the more.
            tokio::time::timeout(PATIENCE, waiting).await.ok();
            broker.kill();
            in_flight += sales - booked();
            tokio::time::sleep(Duration::from_secs(2)).await;
            broker.up()?;
        }
        let mut links = Vec::new();
        for kiosk in selling {
            links.extend(kiosk.await.ok());
        }
        let grown = Process::of_this().resident_bytes.saturating_sub(before);
        let mut missing = 0;
        for number in 0..kiosks {
            let topic = format!("te/device/F{number:03}///twin/facts");
            let said = watcher.until(&topic, Duration::from_secs(30), |state| state["sold"] == sales_each).await;
            missing += usize::from(!said);
        }
        let synthetic = ledger.lock().unwrap_or_else(PoisonError::into_inner).counted();
        let sellers = Sellers { program, folder, kiosks: WHOLE_KIOSKS, section: &section };
        let mut up = Ok(());
        let whole = sellers
            .sell(&ledger, || {
                broker.kill();
                up = broker.up();
            })
            .await?;
        up?;
        Ok::<_, std::io::Error>((grown / 1_024 / kiosks.max(1) as u64, missing, synthetic, whole))
    })?;
    let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Report {
        kiosks,
        sales,
        lost: sales.saturating_sub(synthetic),
        doubled: ledger.doubled,
        repeated: ledger.came.saturating_sub(ledger.booked.len()),
        states_missing,
        kills: KILLED_AT.len() + 1,
        in_flight,
        kib_each,
        broker_kib: broker.resident_kib(),
        whole,
        seconds: began.elapsed().as_secs(),
    })
}

/// The back office: books a sale under its key, once, and says so each time.
fn office(ledger: Arc<Mutex<Ledger>>) -> super::watcher::Hears {
    Box::new(move |topic, sale, client| {
        let (Some(device), Some(key)) = (topic.strip_suffix("/e/sale"), sale["key"].as_str()) else { return };
        {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.came += 1;
            // The same key must be the same sale, and a sale must have one key.
            let content = format!("{} {}", sale["machine"], sale["sale"]);
            let known = ledger.booked.get(key).cloned();
            let own = |name: &str| sale["sale"][name].as_str() == Some(key);
            let other_key = known.is_none() && !own("id") && !own("number");
            ledger.doubled += usize::from(known.is_some_and(|known| known != content) || other_key);
            ledger.booked.entry(key.to_owned()).or_insert(content);
        }
        let answer = json!({ "key": key }).to_string();
        client.try_publish(format!("{device}/e/sale_taken"), answer, PublishOptions::new(QoS::AtLeastOnce)).ok();
    })
}

/// One kiosk: its outbox, one sale after the other, each until it is taken. Its link lives on in what is returned.
async fn one(section: Section, state: std::path::PathBuf, number: usize, sales: usize) -> tokio::task::JoinHandle<()> {
    let label = format!("F{number:03}");
    let (news, told) = mpsc::channel(16);
    let (orders, _ordered) = mpsc::channel(1);
    let (commands, _pulls) = mpsc::channel(1);
    let office = FarOffice::new(news.clone());
    let ends = Ends { news: told, orders, commands, taken: Some(office.answers()) };
    let link = tokio::spawn(Link::new(section, &label, state, Vec::new(), ends).run());
    for count in 1..=sales {
        let key = format!("{label}-{count:06}");
        let json = json!({ "number": key, "gross_minor": 990, "currency": "EUR" }).to_string();
        let parcel = Parcel { number: count as u64, key, machine: label.clone(), json };
        while !matches!(office.take(&parcel).await, Taken::Done { .. }) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    news.send(News::State { name: "facts", value: json!({ "sold": sales }) }).await.ok();
    // The link goes on as long as somebody may tell it something.
    tokio::spawn(async move {
        let _open = news;
        link.await.ok();
    })
}
