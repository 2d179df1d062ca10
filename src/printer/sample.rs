//! The receipt that tests, measurements and foreign renderers print: one for all of them.

use crate::locale;
use crate::money::{Amount, Currency};
use crate::sale::activation::{ActivationCode, Iccid};
use crate::sale::id::SaleNumber;
use crate::sale::receipt::{OperatorText, Receipt, ReceiptKind, ReceiptLine};

/// The activation code of [`with_code`].
pub const CODE: &str = "LPA:1$rsp.truphone.com$QRF-BETTERROAMING-PMRDGIR2EARDEIT5";

/// What is sold, by language.
pub const TITLES: [(&str, &str); 5] = [
    ("de", "Japan 5 GB, 30 Tage"),
    ("en", "Japan 5 GB, 30 days"),
    ("tr", "Türkiye 5 GB, 30 gün"),
    ("ar", "اليابان 5 غيغابايت، 30 يومًا"),
    ("ja", "日本 5 GB・30日間"),
];

/// An ordinary receipt without an activation code.
pub fn receipt(language: &str) -> Receipt {
    let price = Amount::new(990, Currency::EUR);
    let title = TITLES.iter().find(|(own, _)| *own == language).map_or("Japan 5 GB, 30 days", |(_, title)| title);
    Receipt {
        language: language.to_owned(),
        operator: OperatorText {
            name: "Sky Mobile GmbH".into(),
            address: vec!["Flughafenstraße 1".into(), "12529 Schönefeld".into()],
            tax_number: "USt-IdNr. DE123456789".into(),
            help_phone: "+49 30 1234567".into(),
        },
        number: SaleNumber::of("K07", 123),
        claim_code: "7QK-3M9-X2H".into(),
        local_time: format!("{} 14:05 CET", locale::date(jiff::civil::date(2026, 11, 22), language)),
        lines: vec![ReceiptLine { title: title.into(), iccid: Iccid::parse("8944500102198304826"), price }],
        total: price,
        tax_rate: Some(1900),
        tax: Some(price.tax_within(1900)),
        terminal_lines: vec![
            "** K-U-N-D-E-N-B-E-L-E-G **".into(),
            String::new(),
            "  T-ID 65000001   TA-Nr 004711".into(),
            "  Betrag EUR           9,90".into(),
        ],
        activations: Vec::new(),
        wifi_hint: None,
        copy: 0,
        kind: ReceiptKind::Sale,
    }
}

/// The same with everything that may stand on paper.
pub fn with_code(language: &str) -> Receipt {
    Receipt {
        activations: ActivationCode::parse(CODE).ok().into_iter().collect(),
        wifi_hint: Some("WLAN „Airport Free“: ohne Internet keine Installation".into()),
        ..receipt(language)
    }
}
