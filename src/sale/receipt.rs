//! The receipt as data. `printer/layout.rs` sets it; nothing here knows paper.

use serde::{Deserialize, Serialize};

use crate::money::{Amount, Currency};
use crate::sale::activation::{ActivationCode, Iccid};
use crate::sale::id::SaleNumber;

/// Everything that may stand on a receipt. Times are already local text with the zone; texts are final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Language of the fixed words: `en`, `de`, …
    pub language: String,
    /// Name, address, tax number, help line of the operator.
    pub operator: OperatorText,
    /// The label of the sale.
    pub number: SaleNumber,
    /// The claim code, first thing on the paper.
    pub claim_code: String,
    /// Local date and time with the zone's abbreviation.
    pub local_time: String,
    /// The goods.
    pub lines: Vec<ReceiptLine>,
    /// The whole payment, tax included.
    pub total: Amount,
    /// Tax rate in hundredths of a percent; none where the operator charges none.
    pub tax_rate: Option<u32>,
    /// The tax contained in `total`.
    pub tax: Option<Amount>,
    /// The card terminal's customer lines, verbatim.
    pub terminal_lines: Vec<String>,
    /// The activation codes, only when the traveller touched for them on paper; in the order of the lines that have one.
    pub activations: Vec<ActivationCode>,
    /// Name of the Wi-Fi and what to do there, operator's text.
    pub wifi_hint: Option<String>,
    /// 0 for the first print, n for the n-th copy ("COPY n").
    pub copy: u8,
    /// What became of the money and the goods.
    pub kind: ReceiptKind,
}

/// What a receipt that is nobody's needs.
#[derive(Debug)]
pub struct TestReceipt<'a> {
    /// The operator's texts.
    pub operator: OperatorText,
    /// The machine's label.
    pub machine: &'a str,
    /// Language of the fixed words.
    pub language: &'a str,
    /// Local date and time with the zone.
    pub local_time: String,
    /// The terminal's currency.
    pub currency: Currency,
    /// Tax rate in hundredths of a percent.
    pub tax_rate: Option<u32>,
}

impl Receipt {
    /// A receipt that is nobody's, marked as a test wherever an eye falls.
    pub fn test(of: TestReceipt<'_>) -> Receipt {
        let price = Amount::new(100, of.currency);
        Receipt {
            language: of.language.to_owned(),
            operator: of.operator,
            number: SaleNumber(format!("{}-TEST", of.machine)),
            claim_code: "TES-TTE-STT".to_owned(),
            local_time: of.local_time,
            // Letters of code pages, letters that must be drawn, and the sign that most printers have least.
            lines: vec![ReceiptLine {
                title: "TEST \u{2013} äöü ß é Ş Я € 日本".to_owned(), iccid: None, price
            }],
            total: price,
            tax_rate: of.tax_rate,
            tax: of.tax_rate.map(|rate| price.tax_within(rate)),
            terminal_lines: vec!["* * *  TEST  * * *".to_owned()],
            // A symbol to look at, which leads nowhere.
            activations: ActivationCode::parse("LPA:1$test.invalid$THIS-IS-A-TEST").ok().into_iter().collect(),
            wifi_hint: Some("* * *  TEST  * * *".to_owned()),
            copy: 0,
            kind: ReceiptKind::Sale,
        }
    }
}

/// What a receipt tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// Paid and delivered.
    Sale,
    /// Paid; the eSIM follows, come back with the claim code.
    Waiting,
    /// Nothing was charged, or the money went back.
    MoneyBack,
    /// Not decided yet.
    Doubtful,
}

/// One good on a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// The plan: "Japan 5 GB, 30 days".
    pub title: String,
    /// The eSIM's number.
    pub iccid: Option<Iccid>,
    /// Gross price.
    pub price: Amount,
}

/// The operator's texts, from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorText {
    /// Trading name.
    pub name: String,
    /// Address, line by line.
    pub address: Vec<String>,
    /// Tax number as it must be printed.
    pub tax_number: String,
    /// Telephone for help.
    pub help_phone: String,
}
