//! What the traveller wishes.

use std::fmt;

use super::super::wanted::Wanted;
use super::{Look, SecretText, ServiceAct, ServicePage};

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
    /// Pay for several eSIMs, a top-up or a number.
    Order(Wanted),
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
    /// A touch on the operator's name, where nobody else touches: several open the service screen's door.
    Knock,
    /// The service screen's PIN is typed.
    SubmitPin(SecretText),
    /// A page of the service screen.
    OpenServicePage(ServicePage),
    /// An order at the service screen.
    OrderService(ServiceAct),
    /// Whether the order that asked again is meant.
    ConfirmService(bool),
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
            Intent::Order(_) => "order",
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
            Intent::Knock => "knock",
            Intent::SubmitPin(_) => "submit_pin",
            Intent::OpenServicePage(_) => "open_service_page",
            Intent::OrderService(_) => "order_service",
            Intent::ConfirmService(_) => "confirm_service",
        }
    }
}
