//! What the screens from the card on show: paying, the eSIM, the paper, and the truth when it went another way.

use serde::Serialize;

use super::{PrinterFault, Prompt, SecretText};

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
    /// Paid, and promised for later: until then it is here, on this machine, or the money goes back by itself.
    pub come_back_before: Option<String>,
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
    /// A top-up or a number: done, and there is nothing to install.
    Booked,
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
