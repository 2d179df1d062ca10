//! THE LOOP: the only owner of changing state.
//!
//! It takes one event at a time, asks the sale what follows, writes that down so that it survives power loss, and
//! only then lets anything happen. Nothing here waits: every effect is a task with a deadline whose answer comes
//! back through the [`inbox`].

mod accounts;
pub mod alarms;
mod batches;
pub mod calls;
mod care;
mod claims;
pub mod clock;
mod closing;
mod day;
mod decide;
mod devices;
pub mod dice;
mod doors;
mod effects;
mod errands;
mod gather;
mod halt;
mod hand_over;
pub mod health;
pub mod inbox;
mod newest;
mod off_sale;
mod office;
pub mod operator;
mod orders;
mod paper;
mod picture;
mod prices;
mod purchases;
mod queue;
pub mod reckoning;
pub mod reconcile;
pub mod recovery;
mod sales;
pub mod service_screen;
pub mod session;
pub mod settings;
pub mod shelf;
pub mod states;
pub mod status;
pub mod sync;
#[cfg(all(test, feature = "sim"))]
mod tests;
pub mod trading;
mod traveller;
mod undecided;
pub mod unreadable;
pub mod view;
pub mod wanted;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

pub use day::{found_closed, keeps_day_open};
pub use errands::standing;
pub use halt::Halted;
pub(crate) use halt::chain;
pub use inbox::Inbox;
pub use operator::{OperatorAnswer, OperatorCommand};
pub use settings::Settings;
pub use view::{Intent, View};

use crate::catalogue::Catalogue;
use crate::esim::EsimProvider;
use crate::journal::stock::StockItem;
use crate::journal::upkeep::Upkeep;
use crate::journal::{Journal, JournalError, OffSale};
use crate::office::BackOffice;
use crate::payment::PaymentTerminal;
use crate::printer::ReceiptPrinter;
use crate::sale::claim::ClaimCode;
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::offer::ProviderId;
use crate::sale::record::PaperState;
use crate::sale::{Money, Sale};

use clock::Clock;
use dice::Dice;
use health::Health;
use session::{Idle, Session, Stage, idle};
use shelf::Shelf;

/// Everything that the loop is connected to.
pub struct Connections {
    /// The journal.
    pub journal: Box<dyn Journal>,
    /// The card terminal.
    pub terminal: Arc<dyn PaymentTerminal>,
    /// The receipt printer.
    pub printer: Arc<dyn ReceiptPrinter>,
    /// The providers by account.
    pub providers: BTreeMap<ProviderId, Arc<dyn EsimProvider>>,
    /// The operator's back office, where there is one.
    pub office: Option<Arc<dyn BackOffice>>,
    /// Where the pictures go.
    pub views: watch::Sender<Arc<View>>,
    /// The queue's mouth, for the answers of effects.
    pub inbox: mpsc::Sender<Inbox>,
    /// The clock.
    pub clock: Clock,
    /// Where random numbers come from.
    pub dice: Dice,
}

/// What the terminal shows in the running payment.
#[derive(Debug, Clone, PartialEq)]
struct TerminalSays {
    prompt: crate::payment::Prompt,
    text: Option<String>,
}

/// The kiosk.
pub struct Kiosk {
    settings: Arc<Settings>,
    journal: Box<dyn Journal>,
    terminal: Arc<dyn PaymentTerminal>,
    printer: Arc<dyn ReceiptPrinter>,
    providers: BTreeMap<ProviderId, Arc<dyn EsimProvider>>,
    views: watch::Sender<Arc<View>>,
    inbox: mpsc::Sender<Inbox>,
    clock: Clock,
    dice: Dice,

    sales: BTreeMap<SaleId, Sale>,
    locks: BTreeMap<crate::sale::Lock, SaleId>,
    session: Session,
    shelf: Shelf,
    health: Health,
    accounts: BTreeMap<ProviderId, accounts::Account>,
    /// When the price of which plan was last read again.
    reading: prices::Reading,
    says: TerminalSays,
    /// The codes on the screen, of this session's sale only.
    revealed: Option<hand_over::Revealed>,
    /// The claim code of this session's sale.
    claim: Option<(SaleId, ClaimCode)>,
    /// Since when the session's sale is being prepared, for "it takes longer".
    preparing_since: Option<Moment>,
    interrupted: Option<(SaleId, Moment)>,
    drawn: u64,
    closed_over: BTreeSet<SaleId>,
    later: VecDeque<(SaleId, Event)>,
    halted: Option<JournalError>,
    started_at: Moment,
    throttle: claims::Throttle,
    post: office::Post,
    /// The stock as the journal last told it, and when.
    stock: Vec<StockItem>,
    /// Plans that are not offered, by the operator's order.
    off_sale: Vec<OffSale>,
    stock_read_at: Option<Moment>,
    tidied_at: Moment,
    /// Sales that ended since the start, by how.
    closed_count: BTreeMap<String, u64>,
    ticks: u64,
    day: day::Day,
    purchases: purchases::Purchases,
    errands: errands::Errands,
    /// Queue sales whose wallet is being read before they order.
    draining: BTreeSet<SaleId>,
    service: service_screen::Desk,
    /// What the operator closed, as the journal keeps it.
    upkeep: Upkeep,
    refresh: Option<Arc<tokio::sync::Notify>>,
    newest: newest::Newest,
    undecided: undecided::Undecided,
}

impl Kiosk {
    /// A kiosk that has not looked at its journal yet: [`Kiosk::run`] does that first.
    pub fn new(settings: Arc<Settings>, to: Connections) -> Self {
        let now = to.clock.now();
        let session = Session::fresh(1, settings.first_language(), now);
        let health = Health::at_start(now, settings.paper_required);
        Kiosk {
            settings,
            journal: to.journal,
            terminal: to.terminal,
            printer: to.printer,
            providers: to.providers,
            views: to.views,
            inbox: to.inbox,
            clock: to.clock,
            dice: to.dice,
            sales: BTreeMap::new(),
            locks: BTreeMap::new(),
            session,
            shelf: Shelf::new(Arc::new(Catalogue::default())),
            health,
            accounts: BTreeMap::new(),
            reading: prices::Reading::new(),
            says: TerminalSays { prompt: crate::payment::Prompt::Starting, text: None },
            revealed: None,
            claim: None,
            preparing_since: None,
            interrupted: None,
            drawn: 0,
            closed_over: BTreeSet::new(),
            later: VecDeque::new(),
            halted: None,
            started_at: now,
            throttle: claims::Throttle::default(),
            post: office::Post::new(to.office),
            stock: Vec::new(),
            off_sale: Vec::new(),
            stock_read_at: None,
            tidied_at: now,
            closed_count: BTreeMap::new(),
            ticks: 0,
            day: day::Day::default(),
            purchases: purchases::Purchases::default(),
            errands: errands::Errands::default(),
            draining: BTreeSet::new(),
            service: service_screen::Desk::default(),
            upkeep: Upkeep::default(),
            refresh: None,
            newest: newest::Newest::default(),
            undecided: undecided::Undecided::default(),
        }
    }

    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// [`Halted::Journal`]: the caller ends the program, and the service manager starts it anew.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Inbox>) -> Result<(), Halted> {
        self.recover().map_err(Halted::Journal)?;
        let mut ticks = tokio::time::interval(Duration::from_millis(self.settings.tick_ms));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.show();
        loop {
            tokio::select! {
                biased;
                event = inbox.recv() => match event {
                    Some(event) if self.ends_with(&event) => return Ok(()),
                    Some(event) => self.take(event),
                    None => return Err(Halted::Inbox),
                },
                _ = ticks.tick() => self.tick(),
            }
            if let Some(error) = self.halted.take() {
                self.last_words();
                return Err(Halted::Journal(error));
            }
            self.show();
        }
    }

    /// One event.
    fn take(&mut self, event: Inbox) {
        match event {
            Inbox::Intent(Intent::Drawn(version)) => self.drawn = self.drawn.max(version),
            Inbox::Intent(intent) => self.wish(&intent),
            Inbox::Terminal(event) => self.terminal_says(event),
            Inbox::Ordered { sale, good, outcome } => self.ordered(sale, good, outcome),
            Inbox::LookedUp { sale, good, found } => self.looked_up(sale, good, found),
            Inbox::Priced(priced) => self.priced(*priced),
            Inbox::Reread(reread) => self.reread(&reread),
            Inbox::Ask { sale, question } => self.ask_terminal(sale, question),
            Inbox::Printer(state) => self.printer_is(state),
            Inbox::PaperSent { sale } => self.tell(sale, &Event::Paper(PaperState::Sent)),
            Inbox::Printed { sale, outcome } => self.printed(sale, &outcome),
            Inbox::Catalogue(catalogue, _) => {
                self.health.catalogue = !catalogue.is_empty();
                self.shelf.replace(catalogue);
            }
            Inbox::Provider { provider, answered, balance } => self.provider_answered(provider, answered, balance),
            Inbox::Listed { provider, refused } => self.list_is(provider, refused),
            Inbox::Posted { number, taken } => self.posted(number, taken),
            Inbox::Look(answer) => {
                // Whoever asked may have lost patience.
                answer.send(self.status()).ok();
            }
            Inbox::Operator(OperatorCommand::Printer(task)) => self.order_printer(&task, oneshot::channel().0),
            Inbox::Order { command: OperatorCommand::Printer(task), answer } => self.order_printer(&task, answer),
            Inbox::Operator(command) => {
                self.operator(&command);
            }
            Inbox::Order { command: OperatorCommand::Terminal(task), answer } => self.errand(task, Some(answer)),
            Inbox::Errand(ended) => self.errand_ended(*ended),
            Inbox::Order { command: OperatorCommand::CallProvider(call), answer } => self.operator_calls(call, answer),
            Inbox::Order { command, answer } => {
                let said = self.operator(&command);
                if answer.send(said).is_err() {
                    warn!("an operator did not wait for the answer");
                }
            }
            Inbox::Duty(duty) => self.duty_answered(*duty),
            Inbox::Shop(news) => self.shop_says(*news),
            Inbox::Serviced(news) => self.serviced(news),
            Inbox::Ping(answer) => {
                let journal = self.can_write();
                let pong = inbox::Pong { drawn: self.drawn, sent: self.views.borrow().version, journal };
                if answer.send(pong).is_err() {
                    warn!("the watchdog gave up on a question before the loop answered it");
                }
            }
            Inbox::Stop => {}
            // Whoever asked may have lost patience.
            Inbox::StopWhenQuiet(answer) => drop(answer.send(self.may_restart())),
        }
        self.catch_up();
    }

    /// What a step made necessary beside its own effects: told one after the other, never inside each other.
    fn catch_up(&mut self) {
        while let Some((sale, event)) = self.later.pop_front() {
            self.tell(sale, &event);
        }
        self.drain();
        self.lend_terminal();
        self.follow_give_backs();
        self.follow_sale();
    }

    fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        let open: Vec<SaleId> = self.sales.values().filter(|sale| self.is_due(sale)).map(|sale| sale.id).collect();
        for id in open {
            self.tell(id, &Event::Tick);
        }
        self.freshen_health();
        self.look_after();
        self.freshen_desk();
        let now = self.clock.now();
        if idle(&self.session, self.is_protected(), &now, &self.settings.patience) == Idle::Gone {
            self.end_session();
        }
        self.catch_up();
    }

    /// Between approval and hand-over nobody is sent away, and not while the payment is being decided.
    fn is_protected(&self) -> bool {
        let Stage::Sale(id) = self.session.stage else {
            return matches!(self.session.stage, Stage::PlanDetail { preparing: true } | Stage::Gathering);
        };
        let Some(sale) = self.sales.get(&id) else { return false };
        match sale.payment.money {
            Money::Asked | Money::Held | Money::Committing | Money::Releasing => true,
            Money::Unknown => !sale.payment.evidence_in_case,
            Money::None => sale.payment.asked_at.is_none(),
            // A queue sale's traveller comes back later.
            Money::Paid if sale.quote.promised_ms.is_some() && !sale.all_stored() => false,
            Money::Paid => !sale.goods.iter().all(|good| good.exposed),
            Money::RefundDue | Money::Back => false,
        }
    }

    /// The traveller is gone: nothing of this session is left anywhere.
    fn end_session(&mut self) {
        if let Stage::Sale(id) | Stage::Truth(id) = self.session.stage {
            self.tell(id, &Event::Left);
        }
        let number = self.session.number + 1;
        info!(session = self.session.number, "session ended");
        self.take_paper_back();
        self.session = Session::fresh(number, self.settings.first_language(), self.clock.now());
        self.revealed = None;
        self.claim = None;
        self.preparing_since = None;
        self.service.leave();
        self.shelf.forget();
        self.forget_closed();
        self.post();
    }

    fn show(&mut self) {
        let version = self.views.borrow().version;
        let mut view = self.picture();
        view.version = version;
        if *self.views.borrow().as_ref() != view {
            view.version = version + 1;
            self.views.send_replace(Arc::new(view));
        }
    }
}
