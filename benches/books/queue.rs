//! A queue of paid sales before a provider that loses one call in five.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use esim_kiosk::esim::{DuplicateGuard, EsimProvider};
use esim_kiosk::journal::Journal;
use esim_kiosk::journal::archive::{Archive, Wanted};
use esim_kiosk::journal::section::Section;
use esim_kiosk::kiosk::clock::{Clock, Wall};
use esim_kiosk::kiosk::dice::Dice;
use esim_kiosk::kiosk::session::Patience;
use esim_kiosk::kiosk::{Connections, Inbox, Kiosk, Settings, View};
use esim_kiosk::money::Currency;
use esim_kiosk::payment::{NotTaken, PaymentTerminal, QueryTag, TerminalEvent, TerminalHealth, TerminalOrder};
use esim_kiosk::printer::{PrintOutcome, PrinterState, ReceiptPrinter};
use esim_kiosk::sale::Terms;
use esim_kiosk::sale::receipt::{OperatorText, Receipt};
use esim_kiosk::sim::clerk::Clerk;
use tokio::sync::{mpsc, watch};

use crate::{SharedProvider, Unreliable, fast_place, journal};

/// A terminal that does what it is told and says nothing.
struct Silent;

impl PaymentTerminal for Silent {
    fn order(&self, order: TerminalOrder) -> Result<(), NotTaken> {
        // Whoever cannot be asked keeps nobody waiting for the answer.
        let proof = matches!(order, TerminalOrder::Query { tag: QueryTag::Start, .. });
        if proof { Err(NotTaken) } else { Ok(()) }
    }
}

struct Paper;

#[async_trait]
impl ReceiptPrinter for Paper {
    async fn status(&self) -> PrinterState {
        PrinterState::Ready { paper_low: false }
    }

    async fn print(&self, _receipt: &Receipt) -> PrintOutcome {
        PrintOutcome::Confirmed
    }
}

fn settings() -> Settings {
    let operator =
        OperatorText { name: "A".into(), address: Vec::new(), tax_number: "1".into(), help_phone: "1".into() };
    Settings {
        machine: "K07".into(),
        operator,
        languages: Vec::new().into(),
        legal: BTreeMap::new(),
        wifi: BTreeMap::new(),
        tax_rate: None,
        currency: Currency::EUR,
        terms: Terms::default(),
        hold: esim_kiosk::kiosk::settings::Hold::NeverMeasured,
        profile: None,
        hold_seconds: 90,
        hold_count: 30,
        rest_patience_s: 120,
        baseline_patience_s: 15,
        patience: Patience::default(),
        terminal_side: esim_kiosk::kiosk::view::Side::Right,
        paper_required: false,
        tick_ms: 250,
        printer_poll_ms: 5_000,
        online_ms: 3_600_000,
        pricing: Default::default(),
        offering: Default::default(),
        exclusive_accounts: BTreeMap::new(),
        trade: Default::default(),
        interrupted_ms: 1_800_000,
    }
}

/// Fills a queue, drains it through the loop, and tells how fast and whether anything happened twice.
#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
pub(crate) fn drain(name: &str, count: u32, guard: DuplicateGuard) {
    let place = fast_place();
    {
        let mut journal = journal(place.path());
        let mut clerk = Clerk::new(&mut journal);
        for number in 1..=count {
            clerk.sell(number, Some(24 * 3_600_000), guard.needs_account_lock()).expect("a sale");
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let provider = Arc::new(Unreliable::new(guard));
    let (real, virtual_time) = runtime.expect("a runtime").block_on(run(place.path(), provider.clone(), count));
    let ledger = provider.ledger.lock().expect("a ledger");
    let twice = ledger.values().filter(|times| **times > 1).count();
    println!(
        "queue of {count}, {name}, one call in five lost: {:.1} s of work ({:.0} sales/s), {:.0} s of waiting; {} bought, {twice} twice",
        real.as_secs_f64(),
        f64::from(count) / real.as_secs_f64(),
        virtual_time.as_secs_f64(),
        ledger.len()
    );
    assert_eq!(twice, 0, "an order went out twice");
}

async fn run(place: &std::path::Path, provider: SharedProvider, count: u32) -> (Duration, Duration) {
    let journal = journal(place);
    // The wall clock stands where the sales were made, so that their ages are real.
    let start = jiff::Timestamp::from_millisecond(1_795_000_060_000).expect("a time");
    let clock = Clock::new(journal.run(), Wall::Virtual(start), jiff::tz::TimeZone::UTC);
    let (inbox, queue) = mpsc::channel(256);
    let (shown, _views) = watch::channel(Arc::new(View::starting("en")));
    let id = provider.id().clone();
    let providers = BTreeMap::from([(id.clone(), provider as Arc<dyn EsimProvider>)]);
    let connections = Connections {
        journal: Box::new(journal),
        terminal: Arc::new(Silent),
        printer: Arc::new(Paper),
        providers,
        office: None,
        views: shown,
        inbox: inbox.clone(),
        clock,
        dice: Dice::System,
    };
    let (real, waited) = (Instant::now(), tokio::time::Instant::now());
    let kiosk = tokio::spawn(Kiosk::new(Arc::new(settings()), connections).run(queue));
    let told = [
        Inbox::Terminal(TerminalEvent::Health(TerminalHealth::Ready)),
        Inbox::Provider { provider: id, answered: true, balance: None },
    ];
    for event in told {
        inbox.send(event).await.expect("a loop");
    }
    loop {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let archive = Archive::open(&Section::at(place)).expect("an archive");
        let decided = archive.list(&Wanted::default()).expect("the sales");
        let left = decided.iter().filter(|row| row.money == "paid" && row.goods[0] != "stored").count();
        if left == 0 || waited.elapsed() > Duration::from_secs(20 * 3_600) {
            assert_eq!(left, 0, "{left} of {count} were never decided");
            break;
        }
    }
    kiosk.abort();
    (real.elapsed(), waited.elapsed())
}
