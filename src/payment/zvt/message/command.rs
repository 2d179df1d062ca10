//! What the kiosk says to the terminal (PA00P015 rev. 13.08, chapter 2; payment-terminal.md 2.5).
//!
//! Every function makes one APDU. There is none for an answer to `04 0F`: those are made in `answer`.

use super::apdu::Apdu;
use super::bmp::to_bcd;
use super::tlv::{self, Tlv};

/// The terminal's password: six digits. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password([u8; 3]);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(•••)")
    }
}

impl Password {
    /// From exactly six decimal digits.
    #[must_use]
    pub fn new(digits: &str) -> Option<Password> {
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        to_bcd(digits.parse().ok()?).map(Password)
    }
}

/// `06 00`. The service byte and the container are sent only behind a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Password.
    pub password: Password,
    /// Config byte (payment-terminal.md 2.5).
    pub config: u8,
    /// Currency, numeric.
    pub currency: Option<u16>,
    /// BMP 03.
    pub service: Option<u8>,
    /// BMP 06; an empty list is sent as `06 00` and switches containers on.
    pub tlv: Option<Vec<Tlv>>,
}

impl Registration {
    /// The command.
    #[must_use]
    pub fn apdu(&self) -> Apdu {
        let mut data = self.password.0.to_vec();
        data.push(self.config);
        if let Some(currency) = self.currency {
            data.extend(digits::<2>(u64::from(currency)));
            if let Some(service) = self.service {
                data.extend([0x03, service]);
            }
            if let Some(tags) = &self.tlv {
                container(&mut data, tags);
            }
        }
        Apdu { class: 0x06, instruction: 0x00, data }
    }
}

/// The fields of `06 01`, in the order in which they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authorisation {
    /// BMP 01: seconds the terminal waits for each answer to its approval.
    pub hold_seconds: Option<u8>,
    /// BMP 02: how many `84 9C` it takes.
    pub hold_count: Option<u8>,
    /// BMP 04: minor units.
    pub amount_minor: u64,
    /// BMP 49.
    pub currency: Option<u16>,
    /// BMP 19.
    pub payment_type: Option<u8>,
    /// BMP 06.
    pub tlv: Vec<Tlv>,
}

impl Authorisation {
    /// The command; `None` if the amount has more than twelve digits.
    #[must_use]
    pub fn apdu(&self) -> Option<Apdu> {
        let mut data = Vec::new();
        if let Some(seconds) = self.hold_seconds {
            data.extend([0x01, seconds]);
        }
        if let Some(count) = self.hold_count {
            data.extend([0x02, count]);
        }
        amount(&mut data, self.amount_minor)?;
        if let Some(number) = self.currency {
            currency(&mut data, number);
        }
        if let Some(kind) = self.payment_type {
            data.extend([0x19, kind]);
        }
        if !self.tlv.is_empty() {
            container(&mut data, &self.tlv);
        }
        Some(Apdu { class: 0x06, instruction: 0x01, data })
    }
}

/// A command of nothing but the password: `06 10`, `06 50`, `06 93`.
#[must_use]
pub fn with_password(instruction: u8, password: Password) -> Apdu {
    Apdu { class: 0x06, instruction, data: password.0.to_vec() }
}

/// `05 01`. Service byte: bit 0 no service menu, bit 1 no software version, bit 2 a status container is wanted.
#[must_use]
pub fn status_enquiry(password: Option<Password>, service: Option<u8>) -> Apdu {
    let mut data = Vec::new();
    if let Some(password) = password {
        data.extend(password.0);
        if let Some(service) = service {
            data.extend([0x03, service]);
        }
    }
    Apdu { class: 0x05, instruction: 0x01, data }
}

/// `06 20`. Service byte: bit 0 the `04 0F` of the last transaction is wanted, bit 1 do not print.
#[must_use]
pub fn repeat_receipt(password: Password, service: u8) -> Apdu {
    let mut data = password.0.to_vec();
    data.extend([0x03, service]);
    Apdu { class: 0x06, instruction: 0x20, data }
}

/// `06 30`: reversal of a receipt. `None` if the receipt is not four digits.
#[must_use]
pub fn reversal(
    password: Password,
    receipt: &str,
    amount_minor: Option<u64>,
    currency_no: Option<u16>,
) -> Option<Apdu> {
    let mut data = password.0.to_vec();
    data.push(0x87);
    data.extend(receipt_no(receipt)?);
    if let Some(minor) = amount_minor {
        amount(&mut data, minor)?;
    }
    if let Some(number) = currency_no {
        currency(&mut data, number);
    }
    Some(Apdu { class: 0x06, instruction: 0x30, data })
}

/// `06 31`: refund, only on an operator's order. `None` if the amount has more than twelve digits.
#[must_use]
pub fn refund(password: Password, amount_minor: u64, currency_no: u16) -> Option<Apdu> {
    let mut data = password.0.to_vec();
    amount(&mut data, amount_minor)?;
    currency(&mut data, currency_no);
    Some(Apdu { class: 0x06, instruction: 0x31, data })
}

/// `06 22`: pre-authorisation, in the field order of `06 01`.
#[must_use]
pub fn preauthorisation(fields: &Authorisation) -> Option<Apdu> {
    fields.apdu().map(|apdu| Apdu { instruction: 0x22, ..apdu })
}

/// `06 23 03 87 FF FF`: which pre-authorisations are open?
#[must_use]
pub fn open_preauthorisations() -> Apdu {
    Apdu { class: 0x06, instruction: 0x23, data: vec![0x87, 0xff, 0xff] }
}

/// `06 25`: give a pre-authorisation back. `None` if the receipt is not four digits.
#[must_use]
pub fn preauthorisation_reversal(receipt: &str) -> Option<Apdu> {
    let mut data = vec![0x87];
    data.extend(receipt_no(receipt)?);
    Some(Apdu { class: 0x06, instruction: 0x25, data })
}

/// `06 24`: book a pre-authorised amount. `None` for a receipt that is not four digits or too large an amount.
#[must_use]
pub fn book_total(receipt: &str, used_minor: u64, currency_no: u16) -> Option<Apdu> {
    let mut data = vec![0x87];
    data.extend(receipt_no(receipt)?);
    amount(&mut data, used_minor)?;
    currency(&mut data, currency_no);
    Some(Apdu { class: 0x06, instruction: 0x24, data })
}

/// `06 70`: diagnosis of a kind (TLV 1B), or the terminal's default.
#[must_use]
pub fn diagnosis(kind: Option<u8>) -> Apdu {
    let mut data = Vec::new();
    if let Some(kind) = kind {
        container(&mut data, &[Tlv::bytes(0x1b, [kind])]);
    }
    Apdu { class: 0x06, instruction: 0x70, data }
}

/// `06 91`: date as year within the century, month, day; time as hour, minute, second. `None` if out of range.
#[must_use]
pub fn set_clock(password: Password, date: [u8; 3], time: [u8; 3]) -> Option<Apdu> {
    let mut data = password.0.to_vec();
    for (bmp, parts) in [(0xaa, date), (0x0c, time)] {
        data.push(bmp);
        for part in parts {
            data.extend(to_bcd::<1>(u64::from(part))?);
        }
    }
    Some(Apdu { class: 0x06, instruction: 0x91, data })
}

/// `08 40`: another speed; answered at the old one, good two seconds later. `None` for a speed without a number.
#[must_use]
pub fn change_baud(baud: u32) -> Option<Apdu> {
    let number = match baud {
        9_600 => 0,
        19_200 => 1,
        57_600 => 6,
        115_200 => 7,
        _ => return None,
    };
    Some(Apdu { class: 0x08, instruction: 0x40, data: vec![number] })
}

/// `06 B0`: abort.
pub const ABORT: Apdu = Apdu::bare(0x06, 0xb0);
/// `06 02`: log off.
pub const LOG_OFF: Apdu = Apdu::bare(0x06, 0x02);
/// `06 18`: restart the terminal. Never during a transaction.
pub const RESET: Apdu = Apdu::bare(0x06, 0x18);
/// `06 1A`: print the system's configuration.
pub const PRINT_CONFIGURATION: Apdu = Apdu::bare(0x06, 0x1a);

/// Puts the message sequence id into a command's container, which stands at its end or is added there.
#[must_use]
pub fn with_sequence(mut apdu: Apdu, id: u32) -> Apdu {
    let entry = Tlv::bytes(0x1f73, digits::<3>(u64::from(id)));
    let added = tlv::encode(std::slice::from_ref(&entry)).unwrap_or_default();
    match container_at_end(&apdu) {
        Some((at, tags)) => {
            apdu.data.truncate(at);
            let mut tags = tags;
            tags.push(entry);
            container(&mut apdu.data, &tags);
        }
        None => {
            apdu.data.push(0x06);
            apdu.data.extend(tlv::encode_length(added.len()).unwrap_or_default());
            apdu.data.extend(added);
        }
    }
    apdu
}

/// Where our own command's container begins, and what is in it. Registration, Authorisation, pre-authorisation and
/// diagnosis have one.
fn container_at_end(apdu: &Apdu) -> Option<(usize, Vec<Tlv>)> {
    let start = match apdu.code() {
        (0x06, 0x00) => 6,
        (0x06, 0x01 | 0x22 | 0x70) => 0,
        _ => return None,
    };
    let mut at = start;
    while let Some(&bmp) = apdu.data.get(at) {
        if bmp == 0x06 {
            let (size, length) = tlv::length(&apdu.data[at + 1..], at).ok()?;
            let raw = apdu.data.get(at + 1 + size..at + 1 + size + length)?;
            return Some((at, tlv::parse(raw).ok()?));
        }
        let super::bmp::Size::Fixed(length) = super::bmp::size(bmp)? else { return None };
        at += 1 + length;
    }
    None
}

fn amount(data: &mut Vec<u8>, minor: u64) -> Option<()> {
    data.push(0x04);
    data.extend(to_bcd::<6>(minor)?);
    Some(())
}

fn currency(data: &mut Vec<u8>, number: u16) {
    data.push(0x49);
    data.extend(digits::<2>(u64::from(number)));
}

fn receipt_no(receipt: &str) -> Option<[u8; 2]> {
    if receipt.len() != 4 || !receipt.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    to_bcd(receipt.parse().ok()?)
}

/// The last `2 N` digits of a number.
fn digits<const N: usize>(number: u64) -> [u8; N] {
    let modulus = 100_u64.saturating_pow(u32::try_from(N).unwrap_or(u32::MAX));
    to_bcd(number % modulus).unwrap_or([0; N])
}

/// BMP 06 with these tags. Our own containers are a few dozen bytes, so their length always fits.
fn container(data: &mut Vec<u8>, tags: &[Tlv]) {
    let value = tlv::encode(tags).unwrap_or_default();
    data.push(0x06);
    data.extend(tlv::encode_length(value.len()).unwrap_or_default());
    data.extend(value);
}
