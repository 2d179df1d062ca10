//! What the screen must show, whole: plain data, no Slint, no sentences. Fixed words live in `ui/`; here are reasons,
//! names out of catalogue and configuration, and amounts, dates and sizes already set for the traveller's language.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use crate::payment::Prompt;
pub use crate::printer::PrinterFault;

/// The complete picture. The latest one wins; showing it twice is harmless.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct View {
    /// Rises with every change; the screen acknowledges what it has drawn.
    pub version: u64,
    /// Rises when a traveller's session ends: typed text, scroll positions and pictures of before must be forgotten.
    pub session: u64,
    /// Language of the session: `en`, `de`, …
    pub language: String,
    /// How it looks for this traveller.
    pub look: Look,
    /// What every screen carries.
    pub frame: Frame,
    /// The one thing that is shown.
    pub screen: Screen,
    /// What lies over it.
    pub overlay: Option<Overlay>,
}

impl View {
    /// The screen's name, for logs and the service manager: nothing of a sale.
    pub fn name(&self) -> &'static str {
        match &self.screen {
            Screen::Attract(_) => "attract",
            Screen::Language { .. } => "languages",
            Screen::Destinations(_) => "destinations",
            Screen::Plans(_) => "plans",
            Screen::PlanDetail(_) => "plan",
            Screen::Pay(_) => "pay",
            Screen::Preparing { .. } => "preparing",
            Screen::YourEsim(_) => "eSIM",
            Screen::Receipt(_) => "receipt",
            Screen::ThankYou => "thank you",
            Screen::NotCharged { .. } => "not charged",
            Screen::Releasing => "releasing",
            Screen::Checking { .. } => "checking",
            Screen::Truth(_) => "truth",
            Screen::ClaimEntry { .. } => "claim entry",
            Screen::OutOfService { .. } => "out of service",
        }
    }

    /// The picture before the loop has drawn its first one: nothing is promised.
    pub fn starting(language: &str) -> Self {
        View {
            version: 0,
            session: 0,
            language: language.to_owned(),
            look: Look::default(),
            frame: Frame {
                operator: String::new(),
                help_phone: String::new(),
                machine: String::new(),
                sale_number: None,
                claim_code: None,
                can_back: false,
                can_start_over: false,
                step: None,
                chosen: None,
            },
            screen: Screen::Attract(Attract {
                selling: Selling::Paused(OutOfService::Catalogue),
                interrupted_at: None,
                languages: Arc::from(Vec::new()),
            }),
            overlay: None,
        }
    }
}

/// The traveller's wish for how the screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Look {
    /// Larger type.
    pub large_text: bool,
    /// Black, white and one yellow.
    pub high_contrast: bool,
    /// Controls in the lower half, for a seated traveller.
    pub low_reach: bool,
}

/// Header, help and the price line: on every screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frame {
    /// The operator's name.
    pub operator: String,
    /// Telephone for help.
    pub help_phone: String,
    /// The machine: `K07`.
    pub machine: String,
    /// The label of the sale, from `Chosen` on.
    pub sale_number: Option<String>,
    /// The claim code in three groups, on the pay screen and after it.
    pub claim_code: Option<SecretText>,
    /// Back is safe.
    pub can_back: bool,
    /// Starting over is safe.
    pub can_start_over: bool,
    /// Which of the five steps, 0 to 4: Destination, Plan, Check, Pay, Your eSIM.
    pub step: Option<u8>,
    /// The chosen plan and its price, from the plan detail on.
    pub chosen: Option<ChosenLine>,
}

/// The line above the actions: what is bought and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChosenLine {
    /// "Japan 5 GB, 30 days".
    pub title: String,
    /// "€9.90".
    pub price: String,
}

/// Text that a screen shows to this traveller and that no log may carry.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("•••")
    }
}

/// One thing per screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "screen", rename_all = "snake_case")]
pub enum Screen {
    /// Nobody is here.
    Attract(Attract),
    /// Which language.
    Language {
        /// The likely ones first.
        languages: Arc<[LanguageRow]>,
    },
    /// Where to.
    Destinations(Destinations),
    /// Which plan.
    Plans(Plans),
    /// This plan: coverage, phone, terms.
    PlanDetail(PlanDetail),
    /// Hold your card.
    Pay(Pay),
    /// The card is approved; the eSIM is being ordered.
    Preparing {
        /// Which of the three ticks is under way: 0 card approved, 1 ordering, 2 completing the payment.
        step: u8,
        /// It takes longer than usual.
        slow: bool,
    },
    /// The eSIM.
    YourEsim(YourEsim),
    /// The paper.
    Receipt(ReceiptScreen),
    /// Good-bye.
    ThankYou,
    /// No money moved, and why.
    NotCharged {
        /// Why.
        reason: NotCharged,
        /// The terminal's own sentence, where the acquirer wants it shown.
        terminal_text: Option<String>,
        /// Trying again is sensible.
        can_retry: bool,
    },
    /// The terminal gives the money back; not to be called "not charged" before it says so.
    Releasing,
    /// We do not know yet, and ask.
    Checking {
        /// What is being asked.
        what: Checking,
    },
    /// The truth about a sale that is not simply delivered: from the claim code, or after a fault.
    Truth(Truth),
    /// Type the claim code.
    ClaimEntry {
        /// What is wrong with what was typed.
        problem: Option<ClaimProblem>,
        /// Seconds until the next try.
        wait_s: u16,
    },
    /// No sale can be made.
    OutOfService {
        /// Why.
        reason: OutOfService,
        /// Local time since when, "14:32".
        since: String,
        /// Looking at offers still works.
        can_browse: bool,
        /// Claim codes still work.
        can_claim: bool,
    },
}

/// The screen while nobody is here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attract {
    /// May we sell, and how?
    pub selling: Selling,
    /// Local time of a payment that was interrupted here, "14:32": it speaks first (sale.md 5).
    pub interrupted_at: Option<String>,
    /// The languages of the hall, for the sentence that cycles.
    pub languages: Arc<[String]>,
}

/// May we sell?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Selling {
    /// Yes.
    Open,
    /// Yes, and there is no paper: said before payment.
    WithoutPaper,
    /// Only what is in stock.
    StockOnly,
    /// No; browsing and claim codes work.
    Paused(OutOfService),
}

/// Why no sale can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfService {
    /// The card terminal does not answer or needs care.
    Terminal,
    /// The card terminal closes its day or updates itself: minutes.
    TerminalBusy,
    /// No network, or no provider answers.
    Network,
    /// The printer is needed and cannot print.
    Printer,
    /// The records cannot be kept safely.
    Journal,
    /// An earlier payment at this machine is being looked into.
    EarlierPayment,
    /// Nothing to sell yet: the first catalogue is still being fetched.
    Catalogue,
    /// The operator closed the machine.
    Operator,
    /// The configuration must be mended.
    Configuration,
}

/// One language.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LanguageRow {
    /// `de`.
    pub tag: String,
    /// `Deutsch`.
    pub own_name: String,
    /// The name in English.
    pub english_name: String,
}

/// Where to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Destinations {
    /// What has been typed.
    pub query: String,
    /// Six tiles.
    pub popular: Arc<[DestinationRow]>,
    /// Regions and the world.
    pub regions: Arc<[DestinationRow]>,
    /// A to Z, or what the search found.
    pub rows: Arc<[DestinationRow]>,
    /// Letters that `rows` has, with the index of their first row, for jumping.
    pub letters: Arc<[(String, usize)]>,
    /// Rises when `rows` changed: the position starts at the top again.
    pub rows_version: u64,
    /// Only looking: sales are paused, and why.
    pub browse_only: Option<OutOfService>,
}

/// One destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DestinationRow {
    /// Opaque; comes back in [`Intent::ChooseDestination`].
    pub id: String,
    /// "Japan".
    pub name: String,
    /// ISO 3166-1 alpha-2 in lower case for the flag; none for regions.
    pub flag: Option<String>,
    /// "from €4.90" without the word: "€4.90".
    pub from_price: String,
    /// Number of countries of a region.
    pub countries: Option<usize>,
}

/// Which plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plans {
    /// "Japan".
    pub destination: String,
    /// Flag code.
    pub flag: Option<String>,
    /// Cards, smallest first.
    pub plans: Arc<[PlanCard]>,
    /// Only looking.
    pub browse_only: Option<OutOfService>,
}

/// One plan as a card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanCard {
    /// Opaque; comes back in [`Intent::ChoosePlan`].
    pub id: String,
    /// How much.
    pub data: PlanData,
    /// Days.
    pub days: u16,
    /// "€9.90".
    pub price: String,
    /// "NTT Docomo, SoftBank".
    pub networks: String,
    /// "4G/5G".
    pub speed: Option<String>,
    /// Most chosen here.
    pub popular: bool,
    /// Cannot be bought now, and why.
    pub unavailable: Option<PlanUnavailable>,
}

/// Data of a plan, as the traveller reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanData {
    /// "5 GB".
    Amount(String),
    /// "1 GB" a day at full speed, then slow.
    PerDay(String),
    /// No limit stated.
    Unlimited,
}

/// Why a plan cannot be bought now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanUnavailable {
    /// Its provider is being asked about an earlier order: back in a few minutes.
    BackInMinutes,
    /// Sold out, withdrawn, or the provider does not answer.
    NotNow,
}

/// This plan, before the card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanDetail {
    /// The card.
    pub plan: PlanCard,
    /// "Japan".
    pub destination: String,
    /// Flag code.
    pub flag: Option<String>,
    /// The countries where it works, named.
    pub countries: Arc<[String]>,
    /// The provider's fair-use sentence, in its own words.
    pub fair_use: Option<String>,
    /// Must be installed at the destination.
    pub install_at_destination: bool,
    /// The traveller's answer about the phone.
    pub phone_takes_esim: Option<bool>,
    /// The tick: terms and privacy read, delivery wished at once.
    pub terms_accepted: bool,
    /// The operator's texts, in the traveller's language.
    pub terms: Arc<LegalTexts>,
    /// No paper today.
    pub without_paper: bool,
    /// Everything that Pay needs is there.
    pub can_pay: bool,
    /// The price is being read again, or the locks taken: Pay was touched.
    pub preparing: bool,
    /// Why Pay did not go through.
    pub problem: Option<PayProblem>,
}

/// Why Pay did not lead to the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PayProblem {
    /// The price is another one now; the new one stands on the screen.
    PriceChanged {
        /// What it was.
        was: String,
    },
    /// It is not sold any more, or its provider does not answer.
    PlanGone,
    /// Cards cannot be taken right now.
    NoCards(OutOfService),
}

/// The operator's texts with their versions, which are stored with the sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegalTexts {
    /// Terms of sale.
    pub terms: String,
    /// Version of the terms.
    pub terms_version: String,
    /// Privacy notice.
    pub privacy: String,
    /// Version of the notice.
    pub privacy_version: String,
}

/// Hold your card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pay {
    /// "€9.90".
    pub amount: String,
    /// What the terminal does.
    pub prompt: Prompt,
    /// Its own words, where they must be shown.
    pub terminal_text: Option<String>,
    /// Cancel is still possible.
    pub can_cancel: bool,
    /// Cancel was touched; the terminal has not answered yet.
    pub cancelling: bool,
    /// Where the terminal stands, seen from the screen.
    pub terminal_side: Side,
}

/// Where the terminal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// To the left of the screen.
    Left,
    /// To the right.
    #[default]
    Right,
    /// Below it.
    Below,
}

/// The eSIM, exposed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct YourEsim {
    /// "Japan 5 GB, 30 days".
    pub title: String,
    /// The activation code for the QR tile.
    pub qr: SecretText,
    /// The one-tap install link (Apple's universal link) for the second QR.
    pub install_link: SecretText,
    /// For typing by hand.
    pub sm_dp_address: SecretText,
    /// For typing by hand.
    pub matching_id: SecretText,
    /// What the phone will ask for, where it does.
    pub confirmation_code: Option<SecretText>,
    /// The card's number.
    pub iccid: Option<String>,
    /// The airport's Wi-Fi: install step one.
    pub wifi: Option<Wifi>,
    /// The access point name, where the phone must be told.
    pub apn: Option<String>,
    /// Paper can be asked for.
    pub can_print: bool,
    /// What becomes of the paper.
    pub printing: Printing,
    /// Seconds until the codes are taken off the screen, once it is near.
    pub seconds_left: Option<u16>,
}

/// The airport's Wi-Fi.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wifi {
    /// Its name.
    pub ssid: String,
    /// The operator's sentence.
    pub hint: String,
    /// Payload of the Wi-Fi QR, `WIFI:T:nopass;S:…;;`.
    pub qr: String,
}

/// What becomes of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Printing {
    /// Not asked for.
    Idle,
    /// Under way.
    Working,
    /// The printer says that it is done.
    Done,
    /// It did not come out: nothing was printed.
    Failed(PrinterFault),
    /// The printer does not say: look at the slot.
    Unsure,
}

/// The paper.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReceiptScreen {
    /// Paper can be asked for.
    pub can_print: bool,
    /// The plain receipt.
    pub receipt: Printing,
    /// "€9.90".
    pub amount: String,
    /// The code finds the receipt later.
    pub waits_under_claim_code: bool,
}

/// Why nothing was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCharged {
    /// The bank or the terminal declined.
    Declined,
    /// The traveller cancelled.
    Cancelled,
    /// No card was presented in time.
    NoCard,
    /// The eSIM could not be got.
    NoEsim,
    /// The provider did not answer in time.
    TooSlow,
    /// The terminal could not work.
    TerminalFault,
}

/// What is being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Checking {
    /// Was the card charged? It can take two minutes.
    Payment,
    /// Paid; where is the eSIM?
    Esim,
    /// Is the money back?
    MoneyBack,
}

/// The truth about a sale.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// The label.
    pub number: String,
    /// Local time of the sale.
    pub local_time: String,
    /// What was bought.
    pub title: String,
    /// What it cost.
    pub amount: String,
    /// Money.
    pub money: MoneyTruth,
    /// Goods.
    pub goods: GoodsTruth,
    /// The QR can be shown from here.
    pub can_show_esim: bool,
    /// Bought after all, and kept for this code at the old price: it can be paid now.
    pub can_buy_kept: bool,
    /// A receipt can be printed.
    pub can_print: bool,
    /// What becomes of it.
    pub printing: Printing,
}

/// Money, as a traveller reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyTruth {
    /// Not charged.
    NotCharged,
    /// Paid.
    Paid,
    /// Given back.
    Back,
    /// It goes back by the acquirer; days.
    RefundDue,
    /// We do not know yet; people look into it.
    Unknown,
}

/// Goods, as a traveller reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodsTruth {
    /// None.
    None,
    /// Being got.
    Coming,
    /// Here, not shown yet.
    Ready,
    /// Was shown.
    Shown,
}

/// What is wrong with a typed claim code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimProblem {
    /// Mistyped: look again.
    Mistyped,
    /// No sale of this machine.
    NotFound,
}

/// What lies over a screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "overlay", rename_all = "snake_case")]
pub enum Overlay {
    /// Are you still there?
    StillThere {
        /// Seconds until the session ends.
        seconds_left: u16,
    },
    /// Help: the operator's number, the machine's and the sale's.
    Help,
    /// Language, text size, contrast, reach.
    Settings {
        /// The languages.
        languages: Arc<[LanguageRow]>,
    },
}

/// What the traveller wishes, in the trade's words. The kiosk decides whether it happens.
#[derive(Clone, PartialEq, Eq)]
pub enum Intent {
    /// Touch to start.
    Start,
    /// A language.
    ChooseLanguage(String),
    /// The search text, as it is typed.
    Search(String),
    /// A destination.
    ChooseDestination(String),
    /// A plan.
    ChoosePlan(String),
    /// "Does my phone take an eSIM?"
    PhoneTakesEsim(bool),
    /// The tick.
    AcceptTerms(bool),
    /// Pay.
    Pay,
    /// Cancel the payment.
    Cancel,
    /// Try the card again.
    Retry,
    /// One screen back.
    Back,
    /// Away with everything, to the attract screen.
    StartOver,
    /// "I have it."
    HaveIt,
    /// The activation QR on paper too.
    PrintActivation,
    /// The receipt.
    PrintReceipt,
    /// On to the next screen (receipt, thank you).
    Done,
    /// "I have a claim code."
    OpenClaim,
    /// The code that was typed.
    SubmitClaim(SecretText),
    /// Show the eSIM of the claimed sale.
    ShowClaimed,
    /// Pay for the eSIM that was kept for this code.
    BuyKept,
    /// Still here.
    StillHere,
    /// Any touch: somebody is there.
    Touched,
    /// The help button.
    Help,
    /// The settings button (language, accessibility).
    Settings,
    /// Close what lies over the screen.
    CloseOverlay,
    /// A look.
    ChooseLook(Look),
    /// The screen has drawn this version: the heartbeat.
    Drawn(u64),
}

/// Searches are what a stranger is interested in, and a claim code opens a sale: neither prints.
impl fmt::Debug for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Intent {
    /// The wish's name, for the recorder.
    pub fn name(&self) -> &'static str {
        match self {
            Intent::Start => "start",
            Intent::ChooseLanguage(_) => "choose_language",
            Intent::Search(_) => "search",
            Intent::ChooseDestination(_) => "choose_destination",
            Intent::ChoosePlan(_) => "choose_plan",
            Intent::PhoneTakesEsim(_) => "phone_takes_esim",
            Intent::AcceptTerms(_) => "accept_terms",
            Intent::Pay => "pay",
            Intent::Cancel => "cancel",
            Intent::Retry => "retry",
            Intent::Back => "back",
            Intent::StartOver => "start_over",
            Intent::HaveIt => "have_it",
            Intent::PrintActivation => "print_activation",
            Intent::PrintReceipt => "print_receipt",
            Intent::Done => "done",
            Intent::OpenClaim => "open_claim",
            Intent::SubmitClaim(_) => "submit_claim",
            Intent::ShowClaimed => "show_claimed",
            Intent::BuyKept => "buy_kept",
            Intent::StillHere => "still_here",
            Intent::Touched => "touched",
            Intent::Help => "help",
            Intent::Settings => "settings",
            Intent::CloseOverlay => "close_overlay",
            Intent::ChooseLook(_) => "choose_look",
            Intent::Drawn(_) => "drawn",
        }
    }
}
