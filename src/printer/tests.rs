//! Receipts for the tests of this folder.

use crate::money::{Amount, Currency};
use crate::sale::activation::Iccid;
use crate::sale::id::SaleNumber;
use crate::sale::receipt::{OperatorText, Receipt, ReceiptKind, ReceiptLine};

/// An ordinary receipt.
pub(super) fn sample(language: &str) -> Receipt {
    let price = Amount::new(990, Currency::EUR);
    Receipt {
        language: language.into(),
        operator: OperatorText {
            name: "Sky Mobile GmbH".into(),
            address: vec!["Flughafenstraße 1".into(), "12529 Schönefeld".into()],
            tax_number: "USt-IdNr. DE123456789".into(),
            help_phone: "+49 30 1234567".into(),
        },
        number: SaleNumber::of("K07", 123),
        claim_code: "7QK-3M9-X2H".into(),
        local_time: "22 Nov 2026 14:05 CET".into(),
        lines: vec![ReceiptLine {
            title: "Japan 5 GB, 30 days".into(),
            iccid: Iccid::parse("8944500102198304826"),
            price,
        }],
        total: price,
        tax_rate: Some(1900),
        tax: Some(price.tax_within(1900)),
        terminal_lines: vec![
            "** K-U-N-D-E-N-B-E-L-E-G **".into(),
            String::new(),
            "  T-ID 65000001   TA-Nr 004711".into(),
            "  Betrag EUR           9,90".into(),
        ],
        activation: None,
        wifi_hint: None,
        copy: 0,
        kind: ReceiptKind::Sale,
    }
}
