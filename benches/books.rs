//! What keeping the books costs: syncs of a sale, the start of a full journal, the drain of a long queue.
//! `cargo bench --bench books` prints one line a figure. Syncs are measured where the working directory lies, beside a
//! bare write and sync of one page; the queue runs in virtual time, so that its rate is the loop's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use esim_kiosk::esim::{
    Delivery, Doubt, DuplicateGuard, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, PriceCheck, Sent, Usage,
};
use esim_kiosk::journal::Journal;
use esim_kiosk::journal::section::Section;
use esim_kiosk::journal::sqlite::SqliteJournal;
use esim_kiosk::money::{Currency, Exact};
use esim_kiosk::sale::activation::Iccid;
use esim_kiosk::sale::event::Event;
use esim_kiosk::sale::id::SaleId;
use esim_kiosk::sale::offer::{Offer, OrderReference, ProviderId};
use esim_kiosk::sale::plan::ProviderPlan;
use esim_kiosk::sale::transaction::LastTransaction;
use esim_kiosk::sim::clerk::{Clerk, at, profile};

#[path = "books/queue.rs"]
mod queue;

pub(crate) fn journal(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(&Section { head_room_mb: 0, ..Section::at(directory) }).expect("a journal").journal
}

/// Where nothing is synced: for filling.
pub(crate) fn fast_place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory")
}

fn bare_sync(directory: &Path, rounds: u32) -> Duration {
    use std::io::Write;
    let mut file = std::fs::File::create(directory.join("page")).expect("a file");
    let page = [7_u8; 4_096];
    let start = Instant::now();
    for _ in 0..rounds {
        file.write_all(&page).expect("a page");
        file.sync_data().expect("a sync");
    }
    start.elapsed() / rounds
}

#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn cost_of_a_sale(place: &Path, sales: u32) {
    let mut journal = journal(place);
    let mut clerk = Clerk::new(&mut journal);
    for number in 1..=sales {
        clerk.sell(number, None, false).expect("a sale");
    }
    let (appends, spent) = (clerk.appends, clerk.spent);
    let bare = bare_sync(place, 100);
    let each = spent / appends;
    println!("a sale: {} syncs, {:.1} ms of them", appends / sales, (spent / sales).as_secs_f64() * 1e3);
    println!(
        "an append: {:.2} ms, a bare page with its sync: {:.2} ms, ratio {:.2}",
        each.as_secs_f64() * 1e3,
        bare.as_secs_f64() * 1e3,
        each.as_secs_f64() / bare.as_secs_f64()
    );
}

/// From the start of the program to the decision of the one sale that was open, which the terminal answers at once.
fn start_to_decided(closed: u32, place: &Path) -> Duration {
    let filled = fast_place();
    {
        let mut journal = journal(filled.path());
        let mut clerk = Clerk::new(&mut journal);
        for number in 1..=closed {
            clerk.sell(number, None, false).expect("a sale");
            look_after(&mut clerk, number);
        }
        clerk.begin(closed + 1, None, false).expect("a sale");
    }
    copy(filled.path(), place);
    let start = Instant::now();
    let mut journal = journal(place);
    let open = journal.open_sales().expect("the open sales");
    assert_eq!(open.len(), 1);
    let mut clerk = Clerk::new(&mut journal);
    let run = clerk.journal.run();
    let mut sale = open.into_iter().next().expect("one");
    for event in [
        Event::Restarted,
        Event::Charged { last: LastTransaction::Empty, totals: None, at_rest: true, bound_elsewhere: false },
    ] {
        sale = clerk.on(&sale, &event, at(run, 100), closed + 1).expect("a step");
    }
    start.elapsed()
}

/// As the loop does it between sales: the log of the last writes is moved into the database.
pub(crate) fn look_after(clerk: &mut Clerk<'_>, number: u32) {
    if number.is_multiple_of(50) {
        clerk.journal.probe().expect("a journal with room");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn main() {
    // `cargo bench` says so; `cargo test` only wants to see it run.
    let full = std::env::args().any(|argument| argument == "--bench");
    let (sales, closed, replayed, looked_up) = if full { (20, 10_000, 10_000, 200) } else { (2, 50, 40, 20) };
    let place = tempfile::tempdir_in(".").expect("a directory");
    cost_of_a_sale(&place.path().join("sale"), sales);
    let one = start_to_decided(0, &place.path().join("one"));
    let many = start_to_decided(closed, &place.path().join("many"));
    println!(
        "start to decided: {:.0} ms with one open sale, {:.0} ms with {closed} closed beside it, ratio {:.1}",
        one.as_secs_f64() * 1e3,
        many.as_secs_f64() * 1e3,
        many.as_secs_f64() / one.as_secs_f64()
    );
    queue::drain("replay", replayed, DuplicateGuard::Replay);
    queue::drain("look-up only", looked_up, DuplicateGuard::LookUp);
}

/// A provider that sells, remembers, and loses one call in five on its way out or back.
pub(crate) struct Unreliable {
    id: ProviderId,
    guard: DuplicateGuard,
    calls: AtomicU32,
    /// What was sold, by the order's key.
    pub(crate) ledger: Mutex<BTreeMap<String, u32>>,
}

impl Unreliable {
    pub(crate) fn new(guard: DuplicateGuard) -> Self {
        let id = ProviderId("mobilexy".into());
        Unreliable { id, guard, calls: AtomicU32::new(0), ledger: Mutex::default() }
    }

    /// How this call goes: whether it arrives, and whether its answer comes back.
    fn fate(&self) -> (bool, bool) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        match call % 10 {
            3 => (false, false),
            7 => (true, false),
            _ => (true, true),
        }
    }

    fn delivery(&self, key: &str) -> OrderOutcome {
        // The sale's own number stands in its id: each gets a code of its own, the same whenever it is asked for.
        let digits = key.trim_end_matches("-0");
        let number = digits.parse::<SaleId>().map_or(0, |id| u32::try_from(id.to_u128() & 0xFFFF_FFFF).unwrap_or(0));
        OrderOutcome::Done(Delivery {
            reference: OrderReference(format!("R-{key}")),
            profile: Some(profile(1_000_000 + number)),
            charged: None,
        })
    }
}

fn doubt() -> Doubt {
    Doubt { evidence: "cut".into(), provider_date: None }
}

#[async_trait]
impl EsimProvider for Unreliable {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn guard(&self, _offer: &Offer) -> DuplicateGuard {
        self.guard
    }

    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>> {
        Outcome::Done(Vec::new())
    }

    async fn price(&self, offer: &Offer) -> Outcome<PriceCheck> {
        Outcome::Done(PriceCheck { cost: offer.cost, available: true })
    }

    async fn balance(&self) -> Outcome<Exact> {
        Outcome::Done(Exact::parse("100000", Currency::EUR).expect("a sum"))
    }

    async fn order(&self, request: &OrderRequest) -> OrderOutcome {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let key = request.key.reference();
        let (arrives, answers) = self.fate();
        if arrives {
            *self.ledger.lock().expect("a ledger").entry(key.clone()).or_default() += 1;
        }
        if answers { self.delivery(&key) } else { OrderOutcome::Unknown(doubt()) }
    }

    async fn look_up(&self, request: &OrderRequest, _sent: &Sent) -> LookUp {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let key = request.key.reference();
        let (_, answers) = self.fate();
        let known = self.ledger.lock().expect("a ledger").contains_key(&key);
        match (answers, known) {
            (false, _) => LookUp::Unknown(doubt()),
            (true, true) => LookUp::Found(self.delivery(&key)),
            (true, false) => LookUp::NotThere,
        }
    }

    async fn fetch(&self, request: &OrderRequest, _reference: &OrderReference) -> OrderOutcome {
        self.delivery(&request.key.reference())
    }

    async fn usage(&self, _iccid: &Iccid) -> Outcome<Usage> {
        Outcome::NeverSent("no use".into())
    }

    async fn top_up_offers(&self, _iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        Outcome::Done(Vec::new())
    }

    async fn cancel(&self, _reference: &OrderReference) -> Outcome<()> {
        Outcome::NeverSent("no cancel".into())
    }
}

pub(crate) type SharedProvider = Arc<Unreliable>;
