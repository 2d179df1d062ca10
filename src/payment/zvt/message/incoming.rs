//! What a terminal says to the kiosk (PA00P015 rev. 13.08, chapters 2 and 3; payment-terminal.md 2.6).

use super::apdu::Apdu;
use super::bmp::{self, End};
use super::charset::{Charset, until_zero};
use super::status::{self, StatusInformation};
use super::tlv::{self, Tlv, Value};

/// A message of the terminal, read as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// `80 00`, and `84 00`, which means the same.
    Positive,
    /// `84 xx`.
    Negative {
        /// The code.
        code: u8,
        /// What follows it: after 1E the result code and a currency.
        data: Vec<u8>,
    },
    /// `04 0F`.
    Status(Box<StatusInformation>),
    /// `04 FF`.
    Intermediate(Intermediate),
    /// `06 0F`.
    Completion(Completion),
    /// `06 1E`.
    Abort(Abort),
    /// `06 D1` or `06 D3`.
    Print(Print),
    /// `04 01`: the terminal tells the time.
    Clock,
    /// Anything else.
    Other,
}

/// Intermediate status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intermediate {
    /// The code.
    pub status: u8,
    /// T4 in minutes, where the message says it.
    pub minutes: Option<u8>,
    /// Text of the container 24, lines joined.
    pub text: Option<String>,
}

/// Completion. After `05 01` it is positional, else a block of BMPs; which of the two only the asker knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    data: Vec<u8>,
}

/// Completion of a Status-Enquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enquiry {
    /// The terminal's software, if told.
    pub software: Option<String>,
    /// Status code (payment-terminal.md 2.6).
    pub status: u8,
    /// The container behind it.
    pub tlv: Vec<Tlv>,
}

/// Completion of any other command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// BMP 27; absent means good.
    pub result_code: Option<u8>,
    /// BMP 19: after a registration, what the terminal still needs.
    pub status: Option<u8>,
    /// Terminal id.
    pub terminal_id: Option<String>,
    /// The container.
    pub tlv: Vec<Tlv>,
    /// False if part of it could not be read, or if it says two different results.
    pub whole: bool,
}

/// Abort by the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// Result code.
    pub code: u8,
    /// Receipt number that came along (B8: an open pre-authorisation; `ffff`: none).
    pub receipt: Option<String>,
    /// The terminal's sentence.
    pub text: Option<String>,
    /// Receipt numbers of open pre-authorisations (TLV 23).
    pub open: Vec<String>,
}

/// For whom a printed line is meant (TLV 1F07).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// 01.
    Merchant,
    /// 02.
    Customer,
    /// 03: end of day, diagnosis.
    Administration,
}

/// Lines for paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// The lines, in the terminal's words.
    pub lines: Vec<String>,
    /// For whom, where the message says it.
    pub copy: Option<Copy>,
    /// The receipt ends here.
    pub last: bool,
}

impl Incoming {
    /// Reads a message. Total.
    #[must_use]
    pub fn read(apdu: &Apdu, charset: Charset) -> Incoming {
        let data = apdu.data.as_slice();
        match apdu.code() {
            (0x80, 0x00) | (0x84, 0x00) => Incoming::Positive,
            (0x84, code) => Incoming::Negative { code, data: data.to_vec() },
            (0x04, 0x0f) => Incoming::Status(Box::new(StatusInformation::read(data, charset))),
            (0x04, 0xff) => Incoming::Intermediate(Intermediate::read(data, charset)),
            (0x06, 0x0f) => Incoming::Completion(Completion { data: data.to_vec() }),
            (0x06, 0x1e) => Incoming::Abort(Abort::read(data, charset)),
            (0x06, 0xd1) => Incoming::Print(Print::line(data, charset)),
            (0x06, 0xd3) => Incoming::Print(Print::block(data, charset)),
            (0x04, 0x01) => Incoming::Clock,
            _ => Incoming::Other,
        }
    }
}

impl Intermediate {
    /// `status [T4 BCD minutes] [06 container]`. The minutes must be there if the container is; some leave them out.
    #[must_use]
    pub fn read(data: &[u8], charset: Charset) -> Intermediate {
        let status = data.first().copied().unwrap_or(0xff);
        let block_at = block_behind_status(data);
        let minutes = if block_at == 2 { data.get(1) } else { None };
        let minutes = minutes.and_then(|&byte| bmp::bcd(&[byte])).and_then(|minutes| u8::try_from(minutes).ok());
        let tags = bmp::parse(data.get(block_at..).unwrap_or_default()).tlv;
        let charset = status::charset_of(&tags).unwrap_or(charset);
        Intermediate { status, minutes, text: status::display_text(&tags, charset) }
    }
}

/// Where the block of BMPs begins in a `04 FF`: behind status and minutes, or, where the minutes were left out, right
/// behind the status.
#[must_use]
pub fn block_behind_status(data: &[u8]) -> usize {
    let whole = |at: usize| data.get(at..).is_some_and(|rest| bmp::parse(rest).end == End::Complete);
    if data.get(1) == Some(&0x06) && !whole(2) && whole(1) { 1 } else { 2 }
}

impl Completion {
    /// Read as the answer to `05 01`: `[LLLVAR software] status [06 container]`.
    #[must_use]
    pub fn enquiry(&self) -> Option<Enquiry> {
        let data = self.data.as_slice();
        // An answer of BMPs is seen too: `27 rc` instead of the bare status byte.
        if let (Some(0x27), Some(&code), 2) = (data.first(), data.get(1), data.len()) {
            return Some(Enquiry { software: None, status: code, tlv: Vec::new() });
        }
        let (software, rest) = match bmp::decimal_length(data, 0, 3) {
            Ok((start, length)) if data.len() > start + length => {
                let raw = until_zero(&data[start..start + length]);
                (Some(Charset::Ascii.read(raw)), &data[start + length..])
            }
            _ => (None, data),
        };
        let (&status, rest) = rest.split_first()?;
        let block = bmp::parse(rest);
        let whole = block.end == End::Complete && block.fields.iter().all(|field| field.bmp == 0x06);
        whole.then_some(Enquiry { software, status, tlv: block.tlv })
    }

    /// Read as the answer to any other command.
    #[must_use]
    pub fn completed(&self) -> Completed {
        let block = bmp::parse(&self.data);
        let contradictory = block.get(0x27).is_none() && block.fields.iter().any(|field| field.bmp == 0x27);
        Completed {
            result_code: block.byte(0x27),
            status: block.byte(0x19),
            terminal_id: block.digits(0x29),
            whole: block.end == End::Complete && !contradictory,
            tlv: block.tlv,
        }
    }

    /// The raw data block, for diagnosis.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.data
    }
}

impl Abort {
    /// `rc [currency if rc = 6F] [87 receipt] [06 container]`.
    #[must_use]
    pub fn read(data: &[u8], charset: Charset) -> Abort {
        let code = data.first().copied().unwrap_or(0xff);
        let rest = data.get(1..).unwrap_or_default();
        // The currency stands bare in some editions and as BMP 49 in others.
        let rest =
            if code == 0x6f && rest.len() >= 2 && rest[0] != 0x49 && rest[0] != 0x06 { &rest[2..] } else { rest };
        let block = bmp::parse(rest);
        let charset = status::charset_of(&block.tlv).unwrap_or(charset);
        Abort {
            code,
            receipt: block.digits(0x87),
            text: status::display_text(&block.tlv, charset),
            open: open_receipts(&block.tlv),
        }
    }
}

/// Receipt numbers (08) inside the list of open pre-authorisations (23).
fn open_receipts(tags: &[Tlv]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in tags {
        if let (0x23, Value::Tags(inner)) = (entry.tag, &entry.value) {
            let numbers = inner.iter().filter(|tag| tag.tag == 0x08).filter_map(Tlv::as_bytes);
            found.extend(numbers.map(bmp::hex));
        }
    }
    found
}

impl Print {
    /// `attribute [text]`. card complete hangs a container `06 04 1F 07 01 xx` behind the text, against the rule.
    #[must_use]
    pub fn line(data: &[u8], charset: Charset) -> Print {
        let attribute = data.first().copied().unwrap_or(0);
        let text = data.get(1..).unwrap_or_default();
        let (text, tags) = split_tail(text);
        // FF asks for as many line feeds as its text byte counts.
        let lines = match (attribute, text.first()) {
            (0xff, Some(&count)) => vec![String::new(); usize::from(count.min(20))],
            _ => vec![charset.read(text)],
        };
        Print { lines, copy: copy_of(&tags), last: attribute & 0x80 != 0 && attribute != 0x80 && attribute != 0xff }
    }

    /// A whole receipt in a container.
    #[must_use]
    pub fn block(data: &[u8], charset: Charset) -> Print {
        let block = bmp::parse(data);
        let charset = status::charset_of(&block.tlv).unwrap_or(charset);
        Print { lines: status::texts(&block.tlv, 0x25, charset), copy: copy_of(&block.tlv), last: true }
    }
}

/// Parts a print line's text from the container behind it. Byte 06 is no letter in any of the sets.
fn split_tail(text: &[u8]) -> (&[u8], Vec<Tlv>) {
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == 0x06) {
        let Ok((size, length)) = tlv::length(&text[at + 1..], at) else { continue };
        if at + 1 + size + length != text.len() {
            continue;
        }
        if let Ok(tags) = tlv::parse(&text[at + 1 + size..]) {
            return (&text[..at], tags);
        }
    }
    (text, Vec::new())
}

fn copy_of(tags: &[Tlv]) -> Option<Copy> {
    match tlv::find_bytes(tags, 0x1f07) {
        Some([0x01]) => Some(Copy::Merchant),
        Some([0x02]) => Some(Copy::Customer),
        Some([0x03]) => Some(Copy::Administration),
        _ => None,
    }
}

/// The message sequence id (TLV 1F73) of any message that carries one in its BMP 06.
#[must_use]
pub fn sequence_of(apdu: &Apdu) -> Option<u32> {
    let data = match apdu.code() {
        (0x04, 0xff) => apdu.data.get(block_behind_status(&apdu.data)..)?,
        (0x06, 0x1e) => apdu.data.get(1..)?,
        (0x06, 0x0f) => {
            // Behind a status byte, or among BMPs.
            let completion = Completion { data: apdu.data.clone() };
            let tags = [completion.completed().tlv, completion.enquiry().map(|e| e.tlv).unwrap_or_default()].concat();
            return tlv::find_bytes(&tags, 0x1f73).and_then(bmp::bcd).and_then(|id| u32::try_from(id).ok());
        }
        _ => apdu.data.as_slice(),
    };
    let id = bmp::parse(data).tag(0x1f73).and_then(bmp::bcd)?;
    u32::try_from(id).ok()
}
