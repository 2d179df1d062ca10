//! The receipt's order and words: [`Receipt`] → [`Block`]s. Pure, and knows no paper width; `escpos.rs` sets the
//! blocks on a model's paper.
//!
//! The claim code comes first and big (sale.md 10), the terminal's lines verbatim (sale.md 12).

use std::fmt;

use zeroize::Zeroize;

use super::words::Words;
use crate::sale::activation::ActivationCode;
use crate::sale::receipt::{Receipt, ReceiptKind, ReceiptLine};

/// One thing on the paper. Much of it is secret, so `Debug` names the kind alone.
#[derive(Clone, PartialEq, Eq)]
pub enum Block {
    /// The operator's picture, where one is configured.
    Logo,
    /// A paragraph; breaks between words where the paper ends.
    Text(Text),
    /// Two ends of a line: what, and how much. Two lines where they do not fit into one.
    Pair {
        /// At the line's beginning.
        start: String,
        /// At its end.
        end: String,
        /// How it looks.
        style: Style,
    },
    /// A line that is not ours: its spaces mean something, and it is broken only where the paper ends.
    Verbatim(String),
    /// A code to be typed by hand, broken only where the paper ends.
    Typed(Code),
    /// A ruled line.
    Rule,
    /// A little white.
    Gap,
    /// A QR code.
    Qr(Code),
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Block::Logo => "Logo",
            Block::Text(_) => "Text(•••)",
            Block::Pair { .. } => "Pair(•••)",
            Block::Verbatim(_) => "Verbatim(•••)",
            Block::Typed(_) => "Typed(•••)",
            Block::Rule => "Rule",
            Block::Gap => "Gap",
            Block::Qr(_) => "Qr(•••)",
        })
    }
}

/// A paragraph.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// The words.
    pub text: String,
    /// How they look.
    pub style: Style,
    /// Where they stand.
    pub align: Align,
}

/// How letters look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Heavier.
    pub bold: bool,
    /// Their size.
    pub size: Size,
}

/// The size of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// The model's font A.
    #[default]
    Normal,
    /// Twice as high.
    Tall,
    /// Twice as high and wide.
    Big,
}

/// Where a paragraph stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// At the edge where lines of the language begin.
    #[default]
    Start,
    /// In the middle.
    Centre,
}

/// The text of a QR code: a secret, so it prints as dots and is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Code {
        Code(text.into())
    }

    /// The text itself, for the paper.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(•••)")
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

const BOLD: Style = Style { bold: true, size: Size::Normal };
const PLAIN: Style = Style { bold: false, size: Size::Normal };

/// The blocks of `receipt`, with the words of its language.
pub fn set(receipt: &Receipt, words: &Words) -> Vec<Block> {
    let mut blocks = vec![Block::Logo];
    head(&mut blocks, receipt, words);
    blocks.push(Block::Rule);
    blocks.push(Block::Pair {
        start: format!("{} {}", words.get("Sale"), words.left_to_right(&receipt.number.0)),
        end: receipt.local_time.clone(),
        style: PLAIN,
    });
    blocks.push(Block::Rule);
    goods(&mut blocks, receipt, words);
    if !receipt.terminal_lines.is_empty() {
        blocks.push(Block::Rule);
        blocks.extend(receipt.terminal_lines.iter().map(|line| Block::Verbatim(line.clone())));
    }
    for (place, code) in receipt.activations.iter().enumerate() {
        activation(&mut blocks, code, (place + 1, receipt.activations.len()), words);
    }
    blocks.push(Block::Rule);
    if let Some(hint) = &receipt.wifi_hint {
        blocks.push(centred(hint, PLAIN));
        blocks.push(Block::Gap);
    }
    let help = format!("{}: {}", words.get("Help"), words.left_to_right(&receipt.operator.help_phone));
    blocks.push(centred(&help, BOLD));
    blocks
}

/// Claim code, copy mark, what became of the sale, the operator.
fn head(blocks: &mut Vec<Block>, receipt: &Receipt, words: &Words) {
    blocks.push(centred(words.get("Your code"), PLAIN));
    blocks.push(centred(&receipt.claim_code, Style { bold: true, size: Size::Big }));
    blocks.push(Block::Gap);
    let keep = words.get("Keep this receipt. At the kiosk this code opens your eSIM again.");
    blocks.push(centred(keep, PLAIN));
    if receipt.copy > 0 {
        let mark = format!("*** {} ***", words.fill("Copy {}", &receipt.copy.to_string()));
        blocks.push(Block::Gap);
        blocks.push(centred(&mark, Style { bold: true, size: Size::Tall }));
    }
    let note = match receipt.kind {
        ReceiptKind::Sale => None,
        ReceiptKind::Waiting => Some("Paid. Your eSIM follows: come back with the code above."),
        ReceiptKind::MoneyBack => Some("Not charged. If your bank shows a hold, it will be released."),
        ReceiptKind::Doubtful => Some("Not decided yet. Keep this receipt: the code above shows what became of it."),
    };
    if let Some(note) = note {
        blocks.push(Block::Gap);
        blocks.push(centred(words.get(note), BOLD));
    }
    blocks.push(Block::Rule);
    blocks.push(centred(&receipt.operator.name, BOLD));
    blocks.extend(receipt.operator.address.iter().map(|line| centred(line, PLAIN)));
    blocks.push(centred(&receipt.operator.tax_number, PLAIN));
}

/// What was sold, and for how much.
fn goods(blocks: &mut Vec<Block>, receipt: &Receipt, words: &Words) {
    for ReceiptLine { title, iccid, price } in &receipt.lines {
        blocks.push(Block::Pair { start: title.clone(), end: words.money(price), style: PLAIN });
        if let Some(iccid) = iccid {
            let number = format!("{} {}", words.get("eSIM number"), iccid.as_str());
            blocks.push(Block::Text(Text { text: number, style: PLAIN, align: Align::Start }));
        }
    }
    blocks.push(Block::Rule);
    blocks.push(Block::Pair {
        start: words.get("Total").to_owned(),
        end: words.money(&receipt.total),
        style: Style { bold: true, size: Size::Tall },
    });
    if let (Some(rate), Some(tax)) = (receipt.tax_rate, &receipt.tax) {
        let start = words.fill("includes {} % tax", &words.percent(rate));
        blocks.push(Block::Pair { start, end: words.money(tax), style: PLAIN });
    }
}

/// The code on paper, only when the traveller touched for it.
fn activation(blocks: &mut Vec<Block>, code: &ActivationCode, (place, of): (usize, usize), words: &Words) {
    let start = |text: &str, style| Block::Text(Text { text: text.to_owned(), style, align: Align::Start });
    blocks.push(Block::Rule);
    if of > 1 {
        blocks.push(centred(&format!("{place} / {of}"), Style { bold: true, size: Size::Tall }));
    }
    blocks.push(centred(words.get("Scan with the phone's camera to install the eSIM"), BOLD));
    blocks.push(Block::Qr(Code::new(code.reveal())));
    blocks.push(start(words.get("Or type"), PLAIN));
    blocks.push(Block::Gap);
    blocks.push(start(words.get("Address (SM-DP+)"), BOLD));
    blocks.push(Block::Typed(Code::new(code.sm_dp_address())));
    blocks.push(Block::Gap);
    blocks.push(start(words.get("Activation code"), BOLD));
    blocks.push(Block::Typed(Code::new(code.matching_id())));
    blocks.push(Block::Gap);
    blocks.push(centred(words.get("Whoever has this code can install the eSIM. Do not leave it behind."), PLAIN));
}

fn centred(text: &str, style: Style) -> Block {
    Block::Text(Text { text: text.to_owned(), style, align: Align::Centre })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Amount, Currency};
    use crate::printer::sample;

    fn texts(blocks: &[Block]) -> Vec<String> {
        blocks
            .iter()
            .filter_map(|block| match block {
                Block::Text(text) => Some(text.text.clone()),
                Block::Pair { start, end, .. } => Some(format!("{start}|{end}")),
                Block::Verbatim(text) => Some(text.clone()),
                Block::Typed(code) => Some(code.reveal().to_owned()),
                Block::Qr(code) => Some(format!("QR {}", code.reveal())),
                Block::Logo | Block::Rule | Block::Gap => None,
            })
            .collect()
    }

    #[test]
    fn the_code_comes_first_and_everything_due_follows() {
        let lines = texts(&set(&sample::receipt("en"), &Words::of("en")));
        assert_eq!(lines[..2], ["Your code", "7QK-3M9-X2H"]);
        for wanted in [
            "Sky Mobile GmbH",
            "USt-IdNr. DE123456789",
            "Sale K07-000123|22 Nov 2026 14:05 CET",
            "Japan 5 GB, 30 days|9.90 €",
            "eSIM number 8944500102198304826",
            "Total|9.90 €",
            "includes 19 % tax|1.58 €",
            "  T-ID 65000001   TA-Nr 004711",
            "Help: +49 30 1234567",
        ] {
            assert!(lines.iter().any(|line| line == wanted), "{wanted:?} is not on {lines:#?}");
        }
        assert!(!lines.iter().any(|line| line.contains("LPA:") || line.contains("Copy")));
    }

    #[test]
    fn the_activation_code_is_there_only_when_asked_for() {
        let mut receipt = sample::receipt("de");
        receipt.activations = vec![ActivationCode::parse("LPA:1$smdp.io$K2-1A").unwrap()];
        receipt.copy = 2;
        let blocks = set(&receipt, &Words::of("de"));
        let lines = texts(&blocks);
        for wanted in ["QR LPA:1$smdp.io$K2-1A", "smdp.io", "K2-1A", "*** Kopie 2 ***", "Summe|9,90 €"] {
            assert!(lines.iter().any(|line| line == wanted), "{wanted:?} is not on {lines:#?}");
        }
        assert!(!format!("{blocks:?}").contains("K2-1A"));
    }

    #[test]
    fn every_kind_says_what_became_of_the_sale() {
        for (kind, word) in [
            (ReceiptKind::Waiting, "Paid."),
            (ReceiptKind::MoneyBack, "Not charged."),
            (ReceiptKind::Doubtful, "Not decided yet."),
        ] {
            let receipt = Receipt { kind, ..sample::receipt("en") };
            assert!(texts(&set(&receipt, &Words::of("en"))).iter().any(|line| line.starts_with(word)));
        }
    }

    #[test]
    fn amounts_and_rates_in_the_language() {
        let (english, german) = (Words::of("en"), Words::of("de"));
        assert_eq!(german.money(&Amount::new(-123_456, Currency::EUR)), "-1234,56 €");
        assert_eq!(english.money(&Amount::new(980, "JPY".parse().unwrap())), "980 JPY");
        assert_eq!(english.money(&Amount::new(5, "KWD".parse().unwrap())), "0.005 KWD");
        assert_eq!((english.percent(1900), german.percent(770)), ("19".into(), "7,7".into()));
    }
}
