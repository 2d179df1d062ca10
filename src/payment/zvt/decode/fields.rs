//! The fields of a message under the names that a technician reads.

use serde_json::{Map, Value, json};

use crate::payment::zvt::message::bmp::{self, Block, End};
use crate::payment::zvt::message::charset::until_zero;
use crate::payment::zvt::message::incoming::{Copy, Print, block_behind_status};
use crate::payment::zvt::message::tlv::{self, Tlv};
use crate::payment::zvt::message::{Apdu, Charset, Incoming, status};

type Fields = Map<String, Value>;

/// Reads the data block by the rules of its command.
///
/// # Errors
/// In words: why the data block of this command cannot be right.
pub(super) fn of(apdu: &Apdu, charset: Charset) -> Result<Fields, String> {
    let data = apdu.data.as_slice();
    let mut fields = Fields::new();
    match apdu.code() {
        (0x80, _) => acknowledgement(&mut fields, data, charset),
        (0x84, code) => {
            fields.insert("result_code".into(), json!(code));
            // The answer to a registration in another currency names the reason and the terminal's own.
            if let (0x1e, [0x6f, high, low]) = (code, data) {
                fields.insert("reason".into(), json!(0x6f));
                fields.insert("currency".into(), number(&[*high, *low]));
            } else {
                acknowledgement(&mut fields, data, charset);
            }
        }
        (0x04, 0xff) => intermediate(&mut fields, data, charset)?,
        (0x05, 0x01) | (0x06, 0x10 | 0x12 | 0x1b | 0x20 | 0x21 | 0x30 | 0x31 | 0x50 | 0x91 | 0x93) => {
            let rest = password(&mut fields, data, apdu.code() == (0x05, 0x01))?;
            block(&mut fields, rest, charset)?;
        }
        (0x06, 0x00) => registration(&mut fields, data, charset)?,
        (0x06, 0x0f) => completion(&mut fields, data, charset)?,
        (0x06, 0x1e) => abort(&mut fields, data, charset)?,
        (0x06, 0xd1) => print_line(&mut fields, apdu, charset)?,
        (0x06, 0xc0) => {
            if let Some((timeout, rest)) = data.split_first() {
                fields.insert("timeout_seconds".into(), json!(timeout));
                block(&mut fields, rest, charset)?;
            }
        }
        (0x08, 0x30 | 0x40) => {
            let (value, _) = data.split_first().ok_or("the value is missing")?;
            fields.insert("value".into(), json!(value));
        }
        // The switch stands bare in some editions and as BMP FA in others.
        (0x08, 0x50) if data.len() == 1 => {
            fields.insert("value".into(), json!(data[0]));
        }
        (0x06, 0x03..=0x0c | 0x51 | 0x79 | 0xe3..=0xe6) => perhaps_password(&mut fields, data, charset)?,
        (0x08, 0x13 | 0x14) => {
            let rest = if data.first() == Some(&0x06) { data } else { password(&mut fields, data, false)? };
            block(&mut fields, rest, charset)?;
        }
        (0x06, 0x95 | 0x82..=0x88 | 0xc5 | 0xc6 | 0xd0 | 0xd8..=0xdd) | (0x08, 0x01..=0x12) => {
            fields.insert("data_bytes".into(), json!(data.len()));
        }
        _ => block(&mut fields, data, charset)?,
    }
    Ok(fields)
}

/// What follows `80 00` or `84 xx`: mostly nothing, sometimes BMPs, sometimes anything.
fn acknowledgement(fields: &mut Fields, data: &[u8], charset: Charset) {
    if data.is_empty() {
        return;
    }
    let read = bmp::parse(data);
    if read.end == End::Complete {
        named(fields, &read, charset);
    } else if data.len() <= 8 {
        fields.insert("data".into(), json!(bmp::hex(data)));
    } else {
        fields.insert("data_bytes".into(), json!(data.len()));
    }
}

fn password<'a>(fields: &mut Fields, data: &'a [u8], optional: bool) -> Result<&'a [u8], String> {
    if data.is_empty() && optional {
        return Ok(data);
    }
    let rest = data.get(3..).ok_or("the password's three bytes are missing")?;
    fields.insert("password".into(), json!("•••"));
    Ok(rest)
}

/// Commands of which some editions begin with the password and others with a BMP.
fn perhaps_password(fields: &mut Fields, data: &[u8], charset: Charset) -> Result<(), String> {
    let whole = |at: usize| data.get(at..).is_some_and(|rest| bmp::parse(rest).end == End::Complete);
    let digits = data.get(..3).and_then(bmp::bcd).is_some();
    if !whole(0) && digits && whole(3) {
        let rest = password(fields, data, false)?;
        return block(fields, rest, charset);
    }
    block(fields, data, charset)
}

fn registration(fields: &mut Fields, data: &[u8], charset: Charset) -> Result<(), String> {
    let rest = password(fields, data, false)?;
    let (config, rest) = rest.split_first().ok_or("the config byte is missing")?;
    fields.insert("config_byte".into(), json!(config));
    if rest.is_empty() {
        return Ok(());
    }
    let currency = rest.get(..2).ok_or("the currency is cut short")?;
    match bmp::bcd(currency) {
        Some(number) => fields.insert("currency".into(), json!(number)),
        None => return Err("the currency is not BCD".to_owned()),
    };
    block(fields, &rest[2..], charset)
}

fn intermediate(fields: &mut Fields, data: &[u8], charset: Charset) -> Result<(), String> {
    let (status_byte, rest) = data.split_first().ok_or("the status byte is missing")?;
    fields.insert("status".into(), json!(status_byte));
    if block_behind_status(data) == 1 {
        return block(fields, rest, charset);
    }
    let Some((minutes, rest)) = rest.split_first() else { return Ok(()) };
    if let Some(minutes) = bmp::bcd(&[*minutes]) {
        fields.insert("timeout_minutes".into(), json!(minutes));
    }
    block(fields, rest, charset)
}

/// A Completion is positional after `05 01` and a block of BMPs after anything else; without its command the form
/// that fits is taken, BMPs first, and for a vendor's own form nothing but its size is told.
fn completion(fields: &mut Fields, data: &[u8], charset: Charset) -> Result<(), String> {
    if data.is_empty() {
        return Ok(());
    }
    let read = bmp::parse(data);
    let begins_like_bmps = matches!(data[0], 0x0c | 0x19 | 0x27 | 0x29 | 0x37 | 0x49 | 0x87 | 0xaa);
    if read.end == End::Complete && (begins_like_bmps || data[0] == 0x06) {
        named(fields, &read, charset);
        if let Some(status) = read.byte(0x19) {
            fields.insert("status".into(), json!(status));
        }
        return Ok(());
    }
    let apdu = Apdu { class: 0x06, instruction: 0x0f, data: data.to_vec() };
    if let Incoming::Completion(completion) = Incoming::read(&apdu, charset)
        && let Some(enquiry) = completion.enquiry()
    {
        fields.insert("status".into(), json!(enquiry.status));
        if let Some(software) = enquiry.software {
            fields.insert("software".into(), json!(software));
        }
        container(fields, &enquiry.tlv, charset);
        return Ok(());
    }
    match read.end {
        End::Broken { why, .. } if begins_like_bmps => Err(why.to_owned()),
        _ => {
            fields.insert("data_bytes".into(), json!(data.len()));
            Ok(())
        }
    }
}

fn abort(fields: &mut Fields, data: &[u8], charset: Charset) -> Result<(), String> {
    // Seen in the field: an Abort that says nothing at all.
    let Some((code, mut rest)) = data.split_first() else { return Ok(()) };
    fields.insert("result_code".into(), json!(code));
    // The currency stands bare in some editions and as BMP 49 in others.
    if let (0x6f, [high, low, more @ ..]) = (*code, rest)
        && !matches!(high, 0x06 | 0x49)
    {
        fields.insert("currency".into(), number(&[*high, *low]));
        rest = more;
    }
    block(fields, rest, charset)
}

fn print_line(fields: &mut Fields, apdu: &Apdu, charset: Charset) -> Result<(), String> {
    let attribute = apdu.data.first().ok_or("the attribute is missing")?;
    let print = Print::line(&apdu.data, charset);
    fields.insert("attribute".into(), json!(attribute));
    fields.insert("text".into(), json!(print.lines.join("\n")));
    copy(fields, print.copy);
    // The container behind the text, where there is one.
    for at in 1..apdu.data.len() {
        let read = bmp::parse(&apdu.data[at..]);
        if apdu.data[at] == 0x06 && read.end == End::Complete && print.copy.is_some() && !read.tlv.is_empty() {
            container(fields, &read.tlv, charset);
            break;
        }
    }
    Ok(())
}

fn copy(fields: &mut Fields, copy: Option<Copy>) {
    let name = copy.map(|copy| match copy {
        Copy::Merchant => "merchant",
        Copy::Customer => "customer",
        Copy::Administration => "administration",
    });
    if let Some(name) = name {
        fields.insert("copy".into(), json!(name));
    }
}

/// A data block of BMPs. An unknown BMP ends it without being an error; a broken one is an error.
fn block(fields: &mut Fields, data: &[u8], charset: Charset) -> Result<(), String> {
    let read = bmp::parse(data);
    match read.end {
        End::Broken { at, why } => return Err(format!("BMP {:02X}: {why}", data[at])),
        End::Unknown { at } => {
            fields.insert("unknown_bmp".into(), json!(format!("{:02X}", data[at])));
            fields.insert("unread_bytes".into(), json!(data.len() - at));
        }
        End::Complete => {}
    }
    named(fields, &read, charset);
    Ok(())
}

fn named(fields: &mut Fields, read: &Block, charset: Charset) {
    let charset = status::charset_of(&read.tlv).unwrap_or(charset);
    let mut lines = Vec::new();
    for field in &read.fields {
        let value = field.value.as_slice();
        let text = || json!(charset.read(until_zero(value)).trim_end());
        let (name, value) = match field.bmp {
            0x01 => ("hold_seconds", json!(value.first())),
            0x02 => ("hold_count", json!(value.first())),
            0x03 => ("service_byte", json!(value.first())),
            0x04 => ("amount_minor", number(value)),
            0x06 => continue,
            0x0b => ("trace_no", json!(bmp::hex(value))),
            0x0c => ("time", json!(bmp::hex(value))),
            0x0d | 0xaa => ("date", json!(bmp::hex(value))),
            0x0e => ("expiry", json!(bmp::hex(value))),
            0x17 => ("card_sequence_no", json!(bmp::hex(value))),
            0x19 => ("payment_type", json!(value.first())),
            0x22 if value.is_empty() => continue,
            0x22 => ("pan_last4", json!(String::from_utf8_lossy(value))),
            0x27 => ("result_code", json!(value.first())),
            0x29 => ("terminal_id", json!(bmp::hex(value))),
            0x2a => ("vu_number", text()),
            0x37 => ("original_trace_no", json!(bmp::hex(value))),
            0x3b => ("approval_code", text()),
            0x3c => ("additional_text", text()),
            0x49 => ("currency", number(value)),
            0x60 => ("totals", totals(value)),
            0x87 => ("receipt_no", json!(bmp::hex(value))),
            0x88 => ("turnover_no", json!(bmp::hex(value))),
            0x8a => ("card_type", json!(value.first())),
            0x8b => ("card_name", text()),
            0x8c => ("network_card_type", json!(value.first())),
            0xa0 => ("host_code", json!(value.first())),
            0x23 | 0x24 | 0x2d | 0x2e | 0x3a => ("track_data", json!("dropped")),
            0xe1..=0xe8 | 0xf1..=0xf8 => {
                lines.push(text());
                continue;
            }
            other => {
                let raw = fields.entry("bmp").or_insert_with(|| json!({}));
                raw[format!("{other:02X}")] = json!(bmp::hex(value));
                continue;
            }
        };
        fields.insert(name.into(), value);
    }
    container(fields, &read.tlv, charset);
    let printed = status::texts(&read.tlv, 0x25, charset);
    if !printed.is_empty() {
        lines.extend(printed.into_iter().map(Value::from));
    }
    if !lines.is_empty() {
        fields.insert("lines".into(), Value::from(lines));
    }
}

fn number(value: &[u8]) -> Value {
    bmp::bcd(value).map_or(Value::Null, Value::from)
}

/// BMP 60: first and last receipt, and seven groups of count and sum.
fn totals(value: &[u8]) -> Value {
    const GROUPS: [&str; 7] = ["girocard", "jcb", "mastercard", "amex", "visa", "diners", "other"];
    let (Some(from), Some(to)) = (value.get(..2), value.get(2..4)) else { return json!(bmp::hex(value)) };
    let mut object = Fields::new();
    object.insert("receipt_from".into(), json!(bmp::hex(from)));
    object.insert("receipt_to".into(), json!(bmp::hex(to)));
    for (name, group) in GROUPS.iter().zip(value[4..].chunks_exact(7)) {
        object.insert((*name).into(), json!({ "count": group[0], "sum_minor": bmp::bcd(&group[1..]) }));
    }
    Value::Object(object)
}

fn container(fields: &mut Fields, tags: &[Tlv], charset: Charset) {
    if !tags.is_empty() {
        let charset = status::charset_of(tags).unwrap_or(charset);
        fields.insert("tlv".into(), nested(tags, charset));
    }
}

/// Tags by their number in upper-case hexadecimal; a tag that comes twice holds a list.
fn nested(tags: &[Tlv], charset: Charset) -> Value {
    let mut object = Fields::new();
    for tag in tags {
        let value = match &tag.value {
            tlv::Value::Tags(inner) => nested(inner, charset),
            tlv::Value::Bytes(raw) if is_text(tag.tag) => json!(charset.read(until_zero(raw))),
            tlv::Value::Bytes(raw) => json!(bmp::hex(raw)),
        };
        match object.entry(format!("{:02X}", tag.tag)) {
            serde_json::map::Entry::Vacant(entry) => drop(entry.insert(value)),
            serde_json::map::Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(list) => list.push(value),
                first => *first = json!([first.take(), value]),
            },
        }
    }
    Value::Object(object)
}

/// Tags whose value is a text (payment-terminal.md 2.4).
fn is_text(tag: u32) -> bool {
    matches!(tag, 0x07 | 0x15 | 0x42 | 0x44 | 0x46 | 0x47 | 0x4a | 0x1f17 | 0x1f40 | 0x1f41)
}
