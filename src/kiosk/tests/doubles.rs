//! Doubles of the contracts for tests of the loop alone: they do what a test tells them. Real bytes are the business
//! of the journeys against the simulators.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

use crate::catalogue::{Offering, Pricing, Setting, Snapshot};
use crate::esim::{
    Delivery, DuplicateGuard, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, PriceCheck, Sent, Usage,
};
use crate::journal::Journal;
use crate::kiosk::clock::{Clock, Wall};
use crate::kiosk::inbox::Inbox;
use crate::kiosk::session::Patience;
use crate::kiosk::view::{LanguageRow, LegalTexts, Screen, View};
use crate::kiosk::{Connections, Halted, Intent, Kiosk, Settings};
use crate::money::{Currency, Ending, Exact, MarkUp};
use crate::office::BackOffice;
use crate::payment::{NotTaken, PaymentTerminal, TerminalEvent, TerminalHealth, TerminalOrder};
use crate::printer::{PrintOutcome, PrinterState, ReceiptPrinter};
use crate::sale::Terms;
use crate::sale::activation::{ActivationCode, Iccid, Profile};
use crate::sale::offer::{DataVolume, Offer, OrderReference, PlanKey, ProviderId};
use crate::sale::plan::{Coverage, ProviderPlan};
use crate::sale::receipt::{OperatorText, Receipt};
use crate::sim::memory::MemoryDisk;

/// A terminal that notes what it is told.
pub(super) struct NotedTerminal(pub(super) mpsc::UnboundedSender<TerminalOrder>);

impl PaymentTerminal for NotedTerminal {
    fn order(&self, order: TerminalOrder) -> Result<(), NotTaken> {
        // The question of the start goes by here; the tests of that question lay out their own terminal.
        if matches!(order, TerminalOrder::Query { tag: crate::payment::QueryTag::Start, .. }) {
            return Err(NotTaken);
        }
        self.0.send(order).map_err(|_| NotTaken)
    }
}

/// A printer that prints.
pub(super) struct GoodPrinter(pub(super) Arc<Mutex<Vec<Receipt>>>);

#[async_trait]
impl ReceiptPrinter for GoodPrinter {
    async fn status(&self) -> PrinterState {
        PrinterState::Ready { paper_low: false }
    }

    async fn print(&self, receipt: &Receipt) -> PrintOutcome {
        self.0.lock().unwrap().push(receipt.clone());
        PrintOutcome::Confirmed
    }
}

/// A provider that answers what the test has laid ready.
pub(super) struct LaidOut {
    pub(super) id: ProviderId,
    pub(super) orders: Mutex<Vec<OrderRequest>>,
    pub(super) next: Mutex<Vec<OrderOutcome>>,
    pub(super) looked_up: Mutex<Vec<LookUp>>,
    /// What the wallet holds; 100 where nothing is laid ready.
    pub(super) wallet: Mutex<Vec<Outcome<Exact>>>,
    /// What a plan costs now; as it was offered where nothing is laid ready.
    pub(super) price: Mutex<Option<Outcome<PriceCheck>>>,
    /// Why it does not sell.
    pub(super) trouble: Mutex<Option<crate::esim::pace::Health>>,
    /// Answers to calls by hand; with none the call hangs.
    pub(super) answers: Mutex<Vec<Outcome<serde_json::Value>>>,
    /// Orders that were undone.
    pub(super) cancelled: Mutex<Vec<String>>,
}

pub(super) fn delivery(number: u32) -> Delivery {
    Delivery {
        reference: OrderReference(format!("ORDER{number}")),
        profile: Some(Profile {
            code: ActivationCode::parse(&format!("LPA:1$smdp.io$CODE-{number}")).unwrap(),
            iccid: Iccid::parse("8944500102198304826"),
            confirmation_code: None,
            install_before: None,
            apn: None,
        }),
        charged: None,
    }
}

#[async_trait]
impl EsimProvider for LaidOut {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn guard(&self, _offer: &Offer) -> DuplicateGuard {
        DuplicateGuard::None
    }

    async fn catalogue(&self) -> Outcome<Vec<ProviderPlan>> {
        Outcome::Done(vec![plan()])
    }

    async fn price(&self, offer: &Offer) -> Outcome<PriceCheck> {
        let laid = self.price.lock().unwrap().clone();
        laid.unwrap_or(Outcome::Done(PriceCheck { cost: offer.cost, available: true }))
    }

    fn health(&self) -> crate::esim::pace::Health {
        let well = crate::esim::pace::Health { sells: true, ..crate::esim::pace::Health::default() };
        self.trouble.lock().unwrap().clone().unwrap_or(well)
    }

    fn calls(&self) -> &'static [crate::esim::calls::Row] {
        crate::esim::mobilexy::rows::ROWS
    }

    async fn call(&self, _row: &str, _args: crate::esim::calls::Args) -> Outcome<serde_json::Value> {
        let answer = self.answers.lock().unwrap().pop();
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    async fn balance(&self) -> Outcome<Exact> {
        let laid = self.wallet.lock().unwrap().pop();
        laid.unwrap_or(Outcome::Done(Exact::parse("100", Currency::EUR).unwrap()))
    }

    async fn order(&self, request: &OrderRequest) -> OrderOutcome {
        self.orders.lock().unwrap().push(request.clone());
        let next = self.next.lock().unwrap().pop();
        match next {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    async fn look_up(&self, _request: &OrderRequest, _sent: &Sent) -> LookUp {
        self.looked_up.lock().unwrap().pop().unwrap_or(LookUp::NotThere)
    }

    async fn fetch(&self, _request: &OrderRequest, _reference: &OrderReference) -> OrderOutcome {
        std::future::pending().await
    }

    async fn usage(&self, _iccid: &Iccid) -> Outcome<Usage> {
        Outcome::Done(Usage { total_bytes: Some(1 << 30), used_bytes: None, as_of: None, expires: None, status: None })
    }

    async fn top_up_offers(&self, _iccid: &Iccid) -> Outcome<Vec<ProviderPlan>> {
        Outcome::Done(vec![plan()])
    }

    async fn cancel(&self, reference: &OrderReference) -> Outcome<()> {
        self.cancelled.lock().unwrap().push(reference.0.clone());
        Outcome::Done(())
    }
}

fn plan() -> ProviderPlan {
    ProviderPlan {
        key: PlanKey("7".into()),
        package_code: None,
        name: "Japan 5GB".into(),
        coverage: Coverage::Country { iso: Some("JP".into()), name: "Japan".into() },
        data: DataVolume::Bytes(5 << 30),
        days: 30,
        cost: Exact::parse("4.5", Currency::EUR).unwrap(),
        networks: vec!["SoftBank".into()],
        speed: Some("4G".into()),
        fair_use: String::new(),
        install_at_destination: false,
        slow: false,
        can_top_up: false,
    }
}

pub(super) fn settings() -> Settings {
    let row = |tag: &str, own_name: &str, english_name: &str| LanguageRow {
        tag: tag.into(),
        own_name: own_name.into(),
        english_name: english_name.into(),
    };
    let legal =
        LegalTexts { terms: "T".into(), terms_version: "3".into(), privacy: "P".into(), privacy_version: "2".into() };
    Settings {
        machine: "K07".into(),
        operator: OperatorText {
            name: "Airport".into(),
            address: vec!["Hall 1".into()],
            tax_number: "DE1".into(),
            help_phone: "+49 1".into(),
        },
        languages: vec![row("en", "English", "English"), row("de", "Deutsch", "German")].into(),
        legal: BTreeMap::from([("en".to_owned(), Arc::new(legal))]),
        wifi: BTreeMap::new(),
        tax_rate: Some(1_900),
        currency: Currency::EUR,
        terms: Terms { hold_ms: 60_000, ..Terms::default() },
        hold_seconds: 120,
        hold_count: 30,
        hold: crate::kiosk::settings::Hold::NeverMeasured,
        profile: None,
        rest_patience_s: 120,
        baseline_patience_s: 15,
        patience: Patience::default(),
        terminal_side: crate::kiosk::view::Side::Right,
        paper_required: false,
        tick_ms: 250,
        printer_poll_ms: 5_000,
        online_ms: 600_000,
        pricing: Pricing {
            mark_up: MarkUp { per_ten_thousand: 10_000, fixed_minor: 0, ending: Ending::Ninety },
            ..Pricing::default()
        },
        offering: Offering { popular: vec!["jp".into()], ..Offering::default() },
        trade: crate::config::Trade::default(),
        interrupted_ms: 1_800_000,
    }
}

/// A loop with doubles around it.
pub(super) struct Rig {
    pub(super) inbox: mpsc::Sender<Inbox>,
    pub(super) orders: mpsc::UnboundedReceiver<TerminalOrder>,
    pub(super) views: watch::Receiver<Arc<View>>,
    pub(super) provider: Arc<LaidOut>,
    pub(super) receipts: Arc<Mutex<Vec<Receipt>>>,
    pub(super) running: tokio::task::JoinHandle<Result<(), Halted>>,
}

impl Rig {
    /// Starts the loop on `disk`, everything healthy, one plan on the shelf.
    pub(super) async fn start(disk: &MemoryDisk) -> Rig {
        Rig::over(Box::new(disk.open()), None, settings()).await
    }

    /// The same over any journal, with a back office, by other settings.
    pub(super) async fn over(
        journal: Box<dyn Journal>,
        office: Option<Arc<dyn BackOffice>>,
        settings: Settings,
    ) -> Rig {
        Rig::with(journal, office, settings, None, "mobilexy").await
    }

    /// The same with a door to the service screen.
    pub(super) async fn behind(
        journal: Box<dyn Journal>,
        office: Option<Arc<dyn BackOffice>>,
        settings: Settings,
        door: Option<crate::kiosk::service_screen::Door>,
    ) -> Rig {
        Rig::with(journal, office, settings, door, "mobilexy").await
    }

    /// The same, with its one account under another name.
    pub(super) async fn with(
        journal: Box<dyn Journal>,
        office: Option<Arc<dyn BackOffice>>,
        settings: Settings,
        door: Option<crate::kiosk::service_screen::Door>,
        account: &str,
    ) -> Rig {
        let clock =
            Clock::new(journal.run(), Wall::Virtual("2026-11-22T02:00:00Z".parse().unwrap()), jiff::tz::TimeZone::UTC);
        let (noted, orders) = mpsc::unbounded_channel();
        let provider = Arc::new(LaidOut {
            id: ProviderId(account.into()),
            orders: Mutex::default(),
            next: Mutex::default(),
            looked_up: Mutex::default(),
            wallet: Mutex::default(),
            price: Mutex::default(),
            trouble: Mutex::default(),
            answers: Mutex::default(),
            cancelled: Mutex::default(),
        });
        let receipts = Arc::new(Mutex::new(Vec::new()));
        let (inbox, queue) = mpsc::channel(256);
        let (shown, views) = watch::channel(Arc::new(blank()));
        let settings = Arc::new(settings);
        let providers: BTreeMap<ProviderId, Arc<dyn EsimProvider>> =
            BTreeMap::from([(provider.id.clone(), provider.clone() as Arc<dyn EsimProvider>)]);
        let mut kiosk = Kiosk::new(
            settings.clone(),
            Connections {
                journal,
                terminal: Arc::new(NotedTerminal(noted)),
                printer: Arc::new(GoodPrinter(receipts.clone())),
                providers,
                office,
                views: shown,
                inbox: inbox.clone(),
                clock,
                dice: crate::kiosk::dice::Dice::System,
            },
        );
        if let Some(door) = door {
            kiosk = kiosk.with_service(door);
        }
        let running = tokio::spawn(kiosk.run(queue));
        let mut rig = Rig { inbox, orders, views, provider, receipts, running };
        rig.tell(Inbox::Terminal(TerminalEvent::Health(TerminalHealth::Ready))).await;
        rig.tell(Inbox::Printer(PrinterState::Ready { paper_low: false })).await;
        let balance = Some(Exact::parse("100", Currency::EUR).unwrap());
        rig.tell(Inbox::Provider { provider: rig.provider.id.clone(), answered: true, balance }).await;
        rig.tell(Inbox::Catalogue(Arc::new(catalogue(&settings)), Box::default())).await;
        rig
    }

    pub(super) async fn tell(&mut self, event: Inbox) {
        self.inbox.send(event).await.unwrap();
    }

    pub(super) async fn touch(&mut self, intent: Intent) {
        self.tell(Inbox::Intent(intent)).await;
    }

    pub(super) async fn terminal(&mut self, event: TerminalEvent) {
        self.tell(Inbox::Terminal(event)).await;
    }

    /// Waits for a picture that fits. Under paused time a picture that never comes ends in the runtime's dead end,
    /// so the wait is bounded in virtual time.
    pub(super) async fn see(&mut self, what: &str, fits: impl Fn(&Screen) -> bool) -> Arc<View> {
        let patience = std::time::Duration::from_secs(600);
        let found = tokio::time::timeout(patience, self.views.wait_for(|view| fits(&view.screen))).await;
        let found = found.map(|seen| seen.map(|view| view.clone()));
        match found {
            Ok(Ok(view)) => view,
            Ok(Err(_)) => panic!("the loop ended before {what}: {:?}", (&mut self.running).await),
            Err(_) => panic!("never saw {what}; the last picture was {:?}", self.views.borrow().screen),
        }
    }

    pub(super) async fn next_order(&mut self) -> TerminalOrder {
        let order = tokio::time::timeout(std::time::Duration::from_secs(600), self.orders.recv()).await;
        order.expect("the terminal was told nothing").expect("the loop ended")
    }

    /// Touches the way from attract to the card.
    pub(super) async fn walk_to_pay(&mut self) {
        self.walk_to_plan().await;
        self.touch(Intent::Pay).await;
        self.see("the pay screen", |screen| matches!(screen, Screen::Pay(_))).await;
    }

    /// Touches the way from attract to the one plan, and accepts the terms.
    pub(super) async fn walk_to_plan(&mut self) {
        self.see(
            "an open kiosk",
            |screen| matches!(screen, Screen::Attract(attract) if attract.selling == crate::kiosk::view::Selling::Open),
        )
        .await;
        self.touch(Intent::Start).await;
        self.touch(Intent::ChooseLanguage("de".into())).await;
        self.touch(Intent::ChooseDestination("jp".into())).await;
        let view = self.see("plans", |screen| matches!(screen, Screen::Plans(_))).await;
        let Screen::Plans(plans) = &view.screen else { unreachable!() };
        self.touch(Intent::ChoosePlan(plans.plans[0].id.clone())).await;
        self.touch(Intent::AcceptTerms(true)).await;
    }
}

fn catalogue(settings: &Settings) -> crate::catalogue::Catalogue {
    let mut snapshot = Snapshot::default();
    snapshot.accept(ProviderId("mobilexy".into()), vec![plan()], &settings.offering).unwrap();
    let languages = ["en".to_owned(), "de".to_owned()];
    let setting = Setting {
        pricing: &settings.pricing,
        offering: &settings.offering,
        currency: Currency::EUR,
        today: jiff::civil::date(2026, 11, 22),
        languages: &languages,
    };
    snapshot.build(&setting).unwrap()
}

fn blank() -> View {
    View::starting("en")
}
