//! What the screen must show, whole: plain data, no Slint, no sentences. Fixed words live in `ui/`; here are reasons,
//! names out of catalogue and configuration, and amounts, dates and sizes already set for the traveller's language.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use crate::payment::Prompt;
pub use crate::printer::PrinterFault;

mod choose;
mod intent;
mod sale;
mod service_screen;

pub use choose::*;
pub use intent::*;
pub use sale::*;
pub use service_screen::*;

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
            Screen::ServicePin { .. } => "service PIN",
            Screen::Service(_) => "service",
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
    /// Somebody knocked at the service screen's door.
    ServicePin {
        /// What is wrong with what was typed.
        problem: Option<PinProblem>,
        /// It is being checked.
        checking: bool,
        /// Seconds until the next try.
        wait_s: u16,
    },
    /// The operator is inside.
    Service(ServiceDesk),
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
