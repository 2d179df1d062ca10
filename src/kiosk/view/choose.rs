//! What the screens before the card show: the first screen, languages, destinations, plans, a plan's detail.

use std::sync::Arc;

use serde::Serialize;

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

impl OutOfService {
    /// Each of them.
    pub const ALL: [OutOfService; 9] = [
        OutOfService::Terminal,
        OutOfService::TerminalBusy,
        OutOfService::Network,
        OutOfService::Printer,
        OutOfService::Journal,
        OutOfService::EarlierPayment,
        OutOfService::Catalogue,
        OutOfService::Operator,
        OutOfService::Configuration,
    ];
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
    /// Nothing can be ordered now: who pays comes back to this machine, before this time.
    pub come_back_before: Option<String>,
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
