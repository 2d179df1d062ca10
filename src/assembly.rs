//! What is connected to what: the only place that names concrete devices. One function per subsystem, no rule.

mod image;
mod machine;
mod operations;
mod orders;
#[cfg(any(feature = "screen", test))]
#[cfg_attr(not(feature = "screen"), allow(dead_code, reason = "only what draws shows it"))]
mod out_of_order;
#[cfg(feature = "screen")]
mod running;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::config::{Config, TerminalSide};
use crate::esim::EsimProvider;
use crate::journal::sqlite::{Found, SqliteJournal};
use crate::journal::{Journal, JournalError};
use crate::kiosk::clock::{Clock, Wall};
use crate::kiosk::service_screen::Door;
use crate::kiosk::session::Patience;
use crate::kiosk::settings::Hold;
use crate::kiosk::sync::Sync;
use crate::kiosk::view::{LanguageRow, LegalTexts, Side, Wifi};
use crate::kiosk::{Connections, Halted, Inbox, Intent, Kiosk, Settings, View};
use crate::office::BackOffice;
use crate::office::https::HttpsOffice;
use crate::payment::profile::TerminalProfile;
use crate::payment::zvt::{Aftermath, ZvtTerminal};
use crate::payment::{PaymentTerminal, TerminalEvent};
use crate::printer::ReceiptPrinter;
use crate::printer::absent::NoPrinter;
use crate::sale::offer::ProviderId;
use crate::sale::{Lock, Terms};
use crate::watchdog::UiPing;

#[cfg(feature = "screen")]
pub use running::{Ended, run, show_out_of_order, surface};

/// Room in the loop's queue. It is only ever filled by a loop that hangs, which the watchdog notices.
const INBOX: usize = 512;
/// Room for touches and for the terminal's events on their way into the queue.
const SIDE_DOOR: usize = 64;

/// Why the kiosk cannot be put together. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NotAssembled {
    /// The journal cannot be opened.
    #[error("the journal in {directory} cannot be opened")]
    Journal {
        /// Where it lies.
        directory: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + std::marker::Sync>,
    },
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Unread(#[source] JournalError),
    /// A provider's section is wrong.
    #[error("provider {id} cannot be used")]
    Provider {
        /// The account.
        id: ProviderId,
        /// Why.
        #[source]
        source: crate::esim::http::NoClient,
    },
    /// The back office's section is wrong.
    #[error("the back office cannot be used")]
    Office(#[source] crate::esim::http::NoClient),
    /// The printer's section is wrong.
    #[error("the printer cannot be used")]
    Printer(#[source] crate::printer::PrinterConfigError),
    /// The terminal's address is missing.
    #[error("terminal.address is missing: name the port, such as \"serial:/dev/ttyS0\"")]
    NoTerminal,
    /// No runtime could be started.
    #[error("no threads can be started: look at the limits of this user's processes")]
    Runtime(#[source] std::io::Error),
}

/// A running kiosk without its screen.
pub struct Running {
    /// Into the loop.
    pub inbox: mpsc::Sender<Inbox>,
    /// Touches into the loop.
    pub intents: mpsc::Sender<Intent>,
    /// Pictures out of it.
    pub views: watch::Receiver<Arc<View>>,
    /// The loop; its end is the end of the kiosk.
    pub kiosk: JoinHandle<Result<(), Halted>>,
    /// The terminal, for an operator's commands.
    pub terminal: ZvtTerminal,
}

/// Opens the journal and says how it was found.
///
/// # Errors
/// [`NotAssembled::Journal`] with what to do.
pub fn journal(config: &Config) -> Result<SqliteJournal, NotAssembled> {
    let opened = SqliteJournal::open(&config.journal).map_err(|source| NotAssembled::Journal {
        directory: config.journal.directory.display().to_string(),
        source: Box::new(source),
    })?;
    match &opened.found {
        Found::SetAside { path, why } => {
            warn!(path = %path.display(), why, "the journal was damaged and is set aside; an empty one was begun");
        }
        Found::Gone { why } => warn!(why, "no journal was found where one was begun; an empty one was begun"),
        found => info!(?found, "journal opened"),
    }
    Ok(opened.journal)
}

/// The accounts of the configuration.
///
/// # Errors
/// [`NotAssembled::Provider`] names the account and the setting.
pub fn providers(config: &Config) -> Result<BTreeMap<ProviderId, Arc<dyn EsimProvider>>, NotAssembled> {
    let mut providers = BTreeMap::new();
    for section in &config.providers {
        let id = section.id();
        let client = section
            .connect(&config.machine.label)
            .map_err(|source| NotAssembled::Provider { id: id.clone(), source })?;
        providers.insert(id, client);
    }
    Ok(providers)
}

/// The printer of the configuration, or the one that is not there.
///
/// # Errors
/// [`NotAssembled::Printer`].
pub fn printer(config: &Config) -> Result<Arc<dyn ReceiptPrinter>, NotAssembled> {
    match &config.printer {
        Some(section) => Ok(Arc::new(crate::printer::open(section.clone()).map_err(NotAssembled::Printer)?)),
        None => Ok(Arc::new(NoPrinter)),
    }
}

/// The back office of the configuration, where one is named.
///
/// # Errors
/// [`NotAssembled::Office`].
pub fn office(config: &Config) -> Result<Option<Arc<dyn BackOffice>>, NotAssembled> {
    let Some(section) = &config.back_office else { return Ok(None) };
    let agent = format!("esim-kiosk/{} ({})", env!("CARGO_PKG_VERSION"), config.machine.label);
    let office = HttpsOffice::open(section, &agent).map_err(NotAssembled::Office)?;
    Ok(Some(Arc::new(office)))
}

/// What the journal knows of the terminal when it is opened.
pub(crate) fn aftermath(journal: &mut dyn Journal) -> Result<Aftermath, NotAssembled> {
    let holder = journal
        .locks()
        .map_err(NotAssembled::Unread)?
        .into_iter()
        .find_map(|(lock, sale)| (lock == Lock::Terminal).then_some(sale));
    let Some(holder) = holder else { return Ok(Aftermath::Settled) };
    let sale = match journal.sale(holder) {
        Ok(sale) => sale,
        // Nobody knows how far it came: the careful way, and the start goes on.
        Err(JournalError::Damaged { what }) => {
            error!(what, "the sale that holds the terminal cannot be read");
            return Ok(Aftermath::PaymentOpen);
        }
        Err(error) => return Err(NotAssembled::Unread(error)),
    };
    Ok(match sale {
        Some(sale) if sale.payment.reversal_open => Aftermath::ReversalOpen,
        // Also while it is being asked about: until the hold has ended the terminal may still wait for a decision, and
        // whatever it repeats is answered "not issued".
        Some(sale) if sale.payment.asked_at.is_none() => Aftermath::QueryOpen,
        Some(_) => Aftermath::PaymentOpen,
        None => Aftermath::Settled,
    })
}

/// What the loop needs of the configuration.
pub fn settings(config: &Config) -> Settings {
    let timing = &config.timing;
    let legal = config.operator.legal.iter().map(|(language, legal)| {
        let texts = LegalTexts {
            terms: legal.terms.text.clone(),
            terms_version: legal.terms.version.clone(),
            privacy: legal.privacy.text.clone(),
            privacy_version: legal.privacy.version.clone(),
        };
        (language.clone(), Arc::new(texts))
    });
    let wifi = config.operator.wifi.iter().map(|(language, wifi)| {
        (language.clone(), Wifi { ssid: wifi.ssid.clone(), hint: wifi.hint.clone(), qr: wifi.qr() })
    });
    let (hold_ms, hold) = hold(config);
    let longest_hold = config.terminal.zvt(config.machine.currency).timers.longest_hold;
    Settings {
        machine: config.machine.label.clone(),
        operator: config.operator.on_receipts(),
        languages: config.machine.languages.iter().map(|tag| language_row(tag)).collect(),
        legal: legal.collect(),
        wifi: wifi.collect(),
        tax_rate: config.operator.tax_rate(),
        currency: config.machine.currency,
        terms: Terms { hold_ms, ..config.terms() },
        hold,
        profile: Some(TerminalProfile::place(&config.journal.directory)),
        hold_seconds: config.terminal.hold_seconds,
        hold_count: config.terminal.hold_count,
        rest_patience_s: u16::try_from(longest_hold.as_secs() + 30).unwrap_or(u16::MAX),
        baseline_patience_s: 15,
        patience: Patience {
            browse_ms: timing.browse_ms,
            esim_ms: timing.esim_ms,
            ask_ms: timing.ask_ms,
            farewell_ms: timing.farewell_ms,
        },
        terminal_side: match config.screen.terminal_side {
            TerminalSide::Left => Side::Left,
            TerminalSide::Right => Side::Right,
            TerminalSide::Below => Side::Below,
        },
        paper_required: config.operator.paper_required,
        tick_ms: timing.tick_ms,
        printer_poll_ms: timing.printer_poll_ms,
        online_ms: timing.online_ms,
        pricing: config.pricing.clone(),
        offering: config.catalogue.clone(),
        trade: config.trade(),
        interrupted_ms: timing.interrupted_ms,
    }
}

/// How long the terminal holds, and where that is known from: configured, measured, or neither.
fn hold(config: &Config) -> (u64, Hold) {
    let unmeasured = config.terms().hold_ms;
    if config.terminal.hold_ms.is_some() {
        return (unmeasured, Hold::Configured);
    }
    match TerminalProfile::read(&TerminalProfile::place(&config.journal.directory)) {
        Ok(Some(found)) => (found.hold_ms, Hold::Measured { terminal_id: found.terminal_id }),
        Ok(None) => (unmeasured, Hold::NeverMeasured),
        Err(error) => {
            warn!(%error, "the terminal's profile cannot be read: it counts as never measured");
            (unmeasured, Hold::NeverMeasured)
        }
    }
}

fn language_row(tag: &str) -> LanguageRow {
    let primary = tag.split('-').next().unwrap_or(tag);
    let (own_name, english_name) = crate::locale::language_names(primary).unwrap_or((tag, tag));
    LanguageRow { tag: tag.to_owned(), own_name: own_name.to_owned(), english_name: english_name.to_owned() }
}

/// Starts everything but the screen, on the current runtime. `ui` hears of every picture that the screen has drawn.
///
/// # Errors
/// [`NotAssembled`].
pub fn start(config: &Config, mut journal: Box<dyn Journal>, ui: UiPing) -> Result<Running, NotAssembled> {
    let providers = providers(config)?;
    let printer = printer(config)?;
    let settings = Arc::new(settings(config));
    let clock = Clock::new(journal.run(), Wall::System, config.machine.zone());
    let (inbox, queue) = mpsc::channel(INBOX);
    let address = config.terminal.address.clone().ok_or(NotAssembled::NoTerminal)?;
    let zvt = config.terminal.zvt(config.machine.currency);
    let (events, told) = mpsc::channel::<TerminalEvent>(SIDE_DOOR);
    let (terminal, _serving) = ZvtTerminal::start(zvt, address, events, aftermath(journal.as_mut())?);
    let (intents, wishes) = mpsc::channel::<Intent>(SIDE_DOOR);
    let (shown, views) = watch::channel(Arc::new(View::starting(settings.first_language())));
    tokio::spawn(forward(told, inbox.clone(), Inbox::Terminal));
    tokio::spawn(forward_wishes(wishes, inbox.clone(), ui));
    tokio::spawn(watch_printer(printer.clone(), inbox.clone(), Duration::from_millis(settings.printer_poll_ms)));
    let refresh = Arc::new(tokio::sync::Notify::new());
    let sync = Sync {
        settings: settings.clone(),
        providers: providers.clone(),
        file: config.catalogue_file(),
        every: Duration::from_secs(config.sync.every_s),
        wallet_every: Duration::from_secs(config.sync.wallet_every_s),
        clock: clock.clone(),
        inbox: inbox.clone(),
        refresh: refresh.clone(),
    };
    tokio::spawn(sync.run());
    let to = operations::To { inbox: inbox.clone(), views: views.clone(), frames: terminal.frames() };
    let far = operations::start(config, &to);
    let connections = Connections {
        journal,
        terminal: Arc::new(terminal.clone()) as Arc<dyn PaymentTerminal>,
        printer,
        providers,
        office: match far {
            Some(far) => Some(far),
            None => office(config)?,
        },
        views: shown,
        inbox: inbox.clone(),
        clock,
        dice: crate::kiosk::dice::Dice::System,
    };
    crate::diagnostics::recorder::of_process().with_redactor(crate::diagnostics::redactor(&config.file));
    let mut kiosk = Kiosk::new(settings, connections).with_refresh(refresh);
    if let Some(section) = &config.service {
        kiosk = kiosk.with_service(door(config, section));
    }
    let kiosk = tokio::spawn(kiosk.run(queue));
    tokio::spawn(trial::watch(crate::config::Pushed::beside(&config.journal.directory), inbox.clone()));
    Ok(Running { inbox, intents, views, kiosk, terminal })
}

/// The door to the service screen. Wishes for the machine lie beside the control socket, in the runtime directory.
fn door(config: &Config, section: &crate::config::Service) -> Door {
    let socket = &config.control.socket;
    let wishes = socket.parent().unwrap_or(std::path::Path::new("/run/esim-kiosk")).to_owned();
    let redactor = crate::diagnostics::redactor(&config.file);
    Door { pin: section.pin.clone(), machine: Arc::new(machine::LinuxMachine::new(wishes, redactor)) }
}

/// Carries one kind of news into the loop's queue until either end is gone.
async fn forward<T: Send + 'static>(mut from: mpsc::Receiver<T>, into: mpsc::Sender<Inbox>, wrap: fn(T) -> Inbox) {
    while let Some(news) = from.recv().await {
        if into.send(wrap(news)).await.is_err() {
            return;
        }
    }
}

/// The same for touches; the screen's heartbeat is the watchdog's business too.
async fn forward_wishes(mut from: mpsc::Receiver<Intent>, into: mpsc::Sender<Inbox>, ui: UiPing) {
    while let Some(wish) = from.recv().await {
        if matches!(wish, Intent::Drawn(_)) {
            ui.answered();
        }
        if into.send(Inbox::Intent(wish)).await.is_err() {
            return;
        }
    }
}

/// Looks at the printer again and again. A printing receipt is not disturbed: the device answers with its last state.
async fn watch_printer(printer: Arc<dyn ReceiptPrinter>, inbox: mpsc::Sender<Inbox>, every: Duration) {
    loop {
        let state = printer.status().await;
        if inbox.send(Inbox::Printer(state)).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = inbox.closed() => return,
        }
    }
}

/// A runtime for everything behind the screen.
///
/// # Errors
/// [`NotAssembled::Runtime`].
pub fn runtime() -> Result<tokio::runtime::Runtime, NotAssembled> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("kiosk")
        .enable_all()
        .build()
        .map_err(NotAssembled::Runtime)
}
