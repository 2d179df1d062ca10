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
use esim_kiosk::journal::section::Section;
use esim_kiosk::journal::sqlite::SqliteJournal;
use esim_kiosk::journal::{Append, Journal};
use esim_kiosk::money::{Amount, Currency, Exact, Rate};
use esim_kiosk::sale::activation::{ActivationCode, Iccid, Profile};
use esim_kiosk::sale::claim::ClaimCode;
use esim_kiosk::sale::event::{Event, GoodsNews};
use esim_kiosk::sale::id::{ProfileId, SaleId, SaleNumber};
use esim_kiosk::sale::moment::Moment;
use esim_kiosk::sale::offer::{DataVolume, Kind, Offer, OrderReference, PlanKey, ProviderId, Source};
use esim_kiosk::sale::plan::ProviderPlan;
use esim_kiosk::sale::record::{Choice, Consent, GoodQuote, Quote};
use esim_kiosk::sale::transaction::{ApprovalKey, Ending, LastTransaction, Transaction};
use esim_kiosk::sale::{Sale, Step, Terms, rules};

#[path = "books/queue.rs"]
mod queue;

pub(crate) fn at(run: u64, mono_ms: u64) -> Moment {
    Moment { run, mono_ms, wall_ms: 1_795_000_000_000, synced: true }
}

pub(crate) fn profile(number: u32) -> Profile {
    let code = ActivationCode::parse(&format!("LPA:1$smdp.io$CODE-{number}")).expect("a code");
    Profile { code, iccid: None, confirmation_code: None, install_before: None, apn: None }
}

pub(crate) fn quote(number: u32, promised_ms: Option<u64>, locks_account: bool) -> Quote {
    let offer = Offer {
        kind: Kind::Esim,
        source: Source::Provider,
        provider: ProviderId("mobilexy".into()),
        plan: PlanKey("7".into()),
        package_code: None,
        title: "Japan 5 GB, 30 days".into(),
        data: DataVolume::Bytes(5 << 30),
        days: 30,
        cost: Exact::parse("4.5", Currency::EUR).expect("a cost"),
        rate: Rate::same(Currency::EUR, jiff::civil::date(2026, 11, 22)),
        retail: Amount::new(990, Currency::EUR),
        catalogue_version: 1,
        slow: false,
    };
    Quote {
        number: SaleNumber::of("K07", u64::from(number)),
        language: "en".into(),
        goods: vec![GoodQuote { choices: vec![Choice { offer, locks_account, balance_before: None }] }],
        amount: Amount::new(990, Currency::EUR),
        tax_rate: Some(1_900),
        consent: Consent { terms_version: "1".into(), privacy_version: "1".into(), immediate_delivery: true },
        day: 0,
        without_paper: false,
        continues: None,
        promised_ms,
    }
}

pub(crate) fn approval(number: u32) -> Box<Transaction> {
    let key = ApprovalKey {
        terminal_id: Some("12345678".into()),
        receipt: Some(format!("{number:06}")),
        trace: Some(format!("{number:06}")),
        amount_minor: Some(990),
    };
    Box::new(Transaction {
        result_code: Some(0),
        key,
        turnover: None,
        currency: Some(978),
        original_trace: None,
        approval_code: None,
        vu_number: None,
        date: None,
        time: None,
        pan_last4: Some("4242".into()),
        card_name: None,
        payment_type: None,
        additional_text: None,
    })
}

/// Plays a sale straight into the journal, and counts.
pub(crate) struct Clerk<'a> {
    pub(crate) journal: &'a mut dyn Journal,
    pub(crate) appends: u32,
    pub(crate) spent: Duration,
}

impl Clerk<'_> {
    fn write(
        &mut self,
        before: Option<&Sale>,
        step: Step,
        profile: Option<(ProfileId, &Profile)>,
        number: u32,
    ) -> Sale {
        if step.record.is_empty() {
            return step.next;
        }
        let held = before.map(Sale::locks).unwrap_or_default();
        let wanted = step.next.locks();
        let takes: Vec<_> = wanted.difference(&held).cloned().collect();
        let gives: Vec<_> = held.difference(&wanted).cloned().collect();
        let bytes = number.to_be_bytes();
        let claim = ClaimCode::from_random([9, bytes[0], bytes[1], bytes[2], bytes[3]]);
        let claim = before.is_none().then_some(&claim);
        let append = Append { sale: &step.next, entries: &step.record, takes: &takes, gives: &gives, profile, claim };
        let start = Instant::now();
        self.journal.append(&append).expect("the journal takes it");
        self.spent += start.elapsed();
        self.appends += 1;
        step.next
    }

    /// A whole sale, or one that is paid and waits in the queue.
    pub(crate) fn sell(&mut self, number: u32, promised_ms: Option<u64>, locks_account: bool) -> SaleId {
        let run = self.journal.run();
        let terms = Terms::default();
        let id = SaleId::from_parts(1_795_000_000_000 + u64::from(number), u128::from(number) + 1);
        let step = rules::choose(id, quote(number, promised_ms, locks_account), at(run, 0)).expect("a sale");
        let mut sale = self.write(None, step, None, number);
        let name = ProfileId::from_parts(1, u128::from(number) + 1);
        let content = profile(number);
        let delivered = GoodsNews::Delivered {
            reference: OrderReference(format!("O{number}")),
            profile: Some(name),
            iccid: None,
            charged: None,
        };
        let mut events = vec![
            Event::BaselineRead { last: LastTransaction::Empty, totals: None },
            Event::TerminalTook,
            Event::Approved(approval(number)),
        ];
        if promised_ms.is_none() {
            events.push(Event::Goods { good: 0, news: delivered });
        }
        events.push(Event::Ended(Ending::Completed));
        if promised_ms.is_none() {
            events.extend([Event::HandOver, Event::HaveIt]);
        }
        events.push(Event::Left);
        for (place, event) in events.iter().enumerate() {
            let now = at(run, 100 * u64::try_from(place).unwrap_or(0));
            let step = rules::on(&sale, event, now, &terms);
            let brought = matches!(event, Event::Goods { .. }).then_some((name, &content));
            sale = self.write(Some(&sale), step, brought, number);
        }
        id
    }
}

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
fn cost_of_a_sale(place: &Path) {
    const SALES: u32 = 20;
    let mut journal = journal(place);
    let mut clerk = Clerk { journal: &mut journal, appends: 0, spent: Duration::ZERO };
    for number in 1..=SALES {
        clerk.sell(number, None, false);
    }
    let (appends, spent) = (clerk.appends, clerk.spent);
    let bare = bare_sync(place, 100);
    let each = spent / appends;
    println!("a sale: {} syncs, {:.1} ms of them", appends / SALES, (spent / SALES).as_secs_f64() * 1e3);
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
        let mut clerk = Clerk { journal: &mut journal, appends: 0, spent: Duration::ZERO };
        for number in 1..=closed {
            clerk.sell(number, None, false);
        }
        let run = clerk.journal.run();
        let number = closed + 1;
        let id = SaleId::from_parts(1_796_000_000_000, u128::from(number));
        let mut sale =
            clerk.write(None, rules::choose(id, quote(number, None, false), at(run, 0)).expect("a sale"), None, number);
        for event in
            [Event::BaselineRead { last: LastTransaction::Empty, totals: None }, Event::Approved(approval(number))]
        {
            let step = rules::on(&sale, &event, at(run, 100), &Terms::default());
            sale = clerk.write(Some(&sale), step, None, number);
        }
    }
    copy(filled.path(), place);
    let start = Instant::now();
    let mut journal = journal(place);
    let open = journal.open_sales().expect("the open sales");
    assert_eq!(open.len(), 1);
    let mut clerk = Clerk { journal: &mut journal, appends: 0, spent: Duration::ZERO };
    let run = clerk.journal.run();
    let mut sale = open.into_iter().next().expect("one");
    for event in [
        Event::Restarted,
        Event::Charged { last: LastTransaction::Empty, totals: None, at_rest: true, bound_elsewhere: false },
    ] {
        let step = rules::on(&sale, &event, at(run, 100), &Terms::default());
        sale = clerk.write(Some(&sale), step, None, closed + 1);
    }
    start.elapsed()
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
    let place = tempfile::tempdir_in(".").expect("a directory");
    cost_of_a_sale(&place.path().join("sale"));
    let one = start_to_decided(0, &place.path().join("one"));
    let many = start_to_decided(10_000, &place.path().join("many"));
    println!(
        "start to decided: {:.0} ms with one open sale, {:.0} ms with 10 000 closed beside it, ratio {:.1}",
        one.as_secs_f64() * 1e3,
        many.as_secs_f64() * 1e3,
        many.as_secs_f64() / one.as_secs_f64()
    );
    queue::drain("replay", 10_000, DuplicateGuard::Replay);
    queue::drain("look-up only", 200, DuplicateGuard::LookUp);
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
