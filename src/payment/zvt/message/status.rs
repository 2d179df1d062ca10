//! Status-Information `04 0F`: the message that carries a result, an approval, a decline or totals.

use super::bmp::{self, Block, End};
use super::charset::{Charset, until_zero};
use super::tlv::{self, Tlv, Value};
use crate::payment::{ApprovalKey, Totals, Transaction};

/// A `04 0F`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusInformation {
    /// What the contract tells of it.
    pub transaction: Transaction,
    /// BMP 60 or, without it, the amount alone: the sums of an end of day or of `06 10`.
    pub totals: Option<Totals>,
    /// Whether BMP 60 was there at all: such a message is about the day, never a payment's approval.
    pub about_the_day: bool,
    /// Host's result code that is not BCD (A0).
    pub host_code: Option<u8>,
    /// The terminal offers the mirrored receipt number (TLV 1F1F).
    pub mirrors_receipts: bool,
    /// False if part of the message could not be read.
    pub whole: bool,
    /// More digits of the card number were readable than may be (payment-terminal.md 7), or track data came along.
    pub overexposed: bool,
}

impl StatusInformation {
    /// Reads the data block.
    #[must_use]
    pub fn read(data: &[u8], charset: Charset) -> StatusInformation {
        let block = bmp::parse(data);
        let charset = charset_of(&block.tlv).unwrap_or(charset);
        let about_the_day = block.get(0x60).is_some();
        StatusInformation {
            transaction: transaction(&block, charset),
            totals: block.get(0x60).and_then(totals),
            about_the_day,
            host_code: block.byte(0xa0),
            mirrors_receipts: block.tag(0x1f1f).is_some(),
            whole: block.end == End::Complete,
            overexposed: block.clear_digits > 10 || block.track_data,
        }
    }

    /// Result code 00, said exactly once, and not about the day: this would be an approval of `06 01`.
    #[must_use]
    pub fn approves(&self) -> bool {
        self.transaction.result_code == Some(0) && !self.about_the_day
    }
}

/// The set that a message says it is written in (tag 14), at any depth.
#[must_use]
pub fn charset_of(tags: &[Tlv]) -> Option<Charset> {
    tlv::find_bytes(tags, 0x14).and_then(|value| value.first()).and_then(|&code| Charset::of_tag_14(code))
}

fn transaction(block: &Block, charset: Charset) -> Transaction {
    let text = |bmp: u8| {
        let text = charset.read(until_zero(block.get(bmp)?)).trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let digits = |bmp: u8| block.digits(bmp);
    Transaction {
        result_code: block.byte(0x27),
        key: ApprovalKey {
            terminal_id: digits(0x29),
            receipt: digits(0x87),
            trace: trace(block),
            amount_minor: block.number(0x04),
        },
        turnover: digits(0x88),
        currency: block.number(0x49).and_then(|number| u16::try_from(number).ok()),
        original_trace: digits(0x37),
        approval_code: text(0x3b),
        vu_number: text(0x2a),
        date: digits(0xaa).or_else(|| digits(0x0d)),
        time: digits(0x0c),
        pan_last4: block
            .get(0x22)
            .filter(|tail| !tail.is_empty())
            .map(|tail| tail.iter().map(|&byte| char::from(byte)).collect()),
        card_name: text(0x8b),
        payment_type: block.byte(0x19),
        additional_text: text(0x3c).or_else(|| display_text(&block.tlv, charset)),
    }
}

/// The long trace of 1F2B where 0B is missing or zero.
fn trace(block: &Block) -> Option<String> {
    let short = block.digits(0x0b);
    match &short {
        Some(digits) if digits.bytes().any(|byte| byte != b'0') => short,
        _ => block.tag(0x1f2b).map(bmp::hex).or(short),
    }
}

/// The lines of the display container 24, or the vendor's error text 1F17.
#[must_use]
pub fn display_text(tags: &[Tlv], charset: Charset) -> Option<String> {
    let lines = texts(tags, 0x24, charset);
    if lines.iter().any(|line| !line.trim().is_empty()) {
        return Some(lines.join("\n").trim().to_owned());
    }
    tlv::find_bytes(tags, 0x1f17)
        .map(|raw| charset.read(until_zero(raw)).trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// The text lines (07) of a container (24 for the display, 25 for paper).
#[must_use]
pub fn texts(tags: &[Tlv], container: u32, charset: Charset) -> Vec<String> {
    tags.iter()
        .filter(|entry| entry.tag == container)
        .filter_map(|entry| match &entry.value {
            Value::Tags(inner) => Some(inner),
            Value::Bytes(_) => None,
        })
        .flatten()
        .filter(|line| line.tag == 0x07)
        .filter_map(Tlv::as_bytes)
        .map(|raw| charset.read(raw))
        .collect()
}

/// BMP 60: receipt numbers from and to, then seven times count (one byte) and sum (six BCD).
fn totals(raw: &[u8]) -> Option<Totals> {
    let groups = raw.get(4..)?;
    if groups.is_empty() || !groups.len().is_multiple_of(7) {
        return None;
    }
    groups.chunks(7).try_fold(Totals { count: 0, sum_minor: 0 }, |sums, group| {
        Some(Totals {
            count: sums.count + u32::from(group[0]),
            sum_minor: sums.sum_minor.checked_add(bmp::bcd(&group[1..])?)?,
        })
    })
}
