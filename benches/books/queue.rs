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
use esim_kiosk::sale::transaction::ReversalOutcome;
use esim_kiosk::sim::clerk::Clerk;
use tokio::sync::{mpsc, watch};

use crate::{SharedProvider, Unreliable, fast_place, journal, look_after};

/// A terminal that gives back what it is told to, and says nothing else.
struct GivesBack(mpsc::Sender<Inbox>);

impl PaymentTerminal for GivesBack {
    fn order(&self, order: TerminalOrder) -> Result<(), NotTaken> {
        match order {
            // Whoever cannot be asked keeps nobody waiting for the answer.
            TerminalOrder::Query { tag: QueryTag::Start, .. } => return Err(NotTaken),
            TerminalOrder::Reverse { sale, .. } => {
                let outcome = ReversalOutcome::Done { transaction: None };
                let inbox = self.0.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    inbox.send(Inbox::Terminal(TerminalEvent::Reversed { sale, outcome })).await.ok();
                });
            }
            _ => {}
        }
        Ok(())
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
            look_after(&mut clerk, number);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let provider = Arc::new(Unreliable::new(guard));
    let drained = runtime.expect("a runtime").block_on(run(place.path(), provider.clone(), count));
    let ledger = provider.ledger.lock().expect("a ledger");
    let twice = ledger.values().filter(|times| **times > 1).count();
    println!(
        "queue of {count}, {name}, one call in five lost: {:.1} s of work ({:.0} sales/s); by the kiosk's clock every \
         order was out after {:.0} s ({:.1} sales/s) and every sale decided after {:.0} s; {} bought, {} delivered, {} \
         given back, {twice} twice",
        drained.work.as_secs_f64(),
        f64::from(count) / drained.work.as_secs_f64(),
        drained.ordered.as_secs_f64(),
        f64::from(count) / drained.ordered.as_secs_f64(),
        drained.decided.as_secs_f64(),
        ledger.len(),
        drained.delivered,
        drained.given_back,
    );
    assert_eq!(twice, 0, "an order went out twice");
    assert_eq!(ledger.len(), drained.delivered, "what was bought is not what was delivered");
    assert_eq!(drained.delivered + drained.given_back, count as usize, "somebody has neither goods nor money");
}

/// How a queue came to its end.
struct Drained {
    /// Time of the processor and the disk.
    work: Duration,
    /// By the kiosk's own clock: until every order was out, and until every sale was decided.
    ordered: Duration,
    decided: Duration,
    delivered: usize,
    given_back: usize,
}

async fn run(place: &std::path::Path, provider: SharedProvider, count: u32) -> Drained {
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
        terminal: Arc::new(GivesBack(inbox.clone())),
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
    let (mut reading, mut ordered) = (Duration::ZERO, None);
    let (delivered, given_back) = loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let reads = Instant::now();
        let archive = Archive::open(&Section::at(place)).expect("an archive");
        let sales = archive.list(&Wanted::default()).expect("the sales");
        reading += reads.elapsed();
        if ordered.is_none() && !sales.iter().any(|row| row.goods[0] == "none") {
            ordered = Some(waited.elapsed());
        }
        let delivered = sales.iter().filter(|row| row.money == "paid" && row.goods[0] == "stored").count();
        let given_back = sales.iter().filter(|row| row.money == "back").count();
        if delivered + given_back == sales.len() {
            break (delivered, given_back);
        }
        let left = sales.len() - delivered - given_back;
        assert!(waited.elapsed() < Duration::from_secs(20 * 3_600), "{left} of {count} were never decided");
    };
    kiosk.abort();
    let decided = waited.elapsed();
    Drained { work: real.elapsed() - reading, ordered: ordered.unwrap_or(decided), decided, delivered, given_back }
}
