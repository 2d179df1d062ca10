//! `terminal decode`: one captured message, a whole frame or a bare APDU, as a JSON object for a technician.
//!
//! It needs no configuration and no device, and no input makes it fail: what cannot be read becomes `error`.

mod fields;

use serde_json::{Map, Value, json};

use super::frame::{self, DLE, STX};
use super::message::codes::{self, Direction};
use super::message::{Apdu, Charset, bmp};

/// Reads one line of hexadecimal digits in code page 437. Between them may stand spaces, colons, commas, semicolons,
/// dots, dashes and underscores, and `0x` or `\x` before each byte.
#[must_use]
pub fn decode_line(hex: &str) -> Value {
    decode_line_in(hex, Charset::Cp437)
}

/// The same for a terminal that writes in another set.
#[must_use]
pub fn decode_line_in(hex: &str, charset: Charset) -> Value {
    let mut object = Map::new();
    let bytes = match from_hex(hex) {
        Ok(bytes) => bytes,
        Err(error) => return failed(object, &error),
    };
    match bytes.as_slice() {
        [frame::ACK] => single(object, "ACK", "06"),
        [frame::NAK] => single(object, "NAK", "15"),
        [DLE, STX, ..] => {
            object.insert("frame".into(), json!(true));
            match frame::decode(&bytes) {
                Ok(captured) => {
                    object.insert("crc_ok".into(), json!(captured.crc_ok));
                    message(object, &captured.apdu, charset)
                }
                Err(error) => {
                    object.insert("crc_ok".into(), Value::Null);
                    failed(object, &error.to_string())
                }
            }
        }
        _ => {
            object.insert("frame".into(), json!(false));
            object.insert("crc_ok".into(), Value::Null);
            message(object, &bytes, charset)
        }
    }
}

fn message(mut object: Map<String, Value>, bytes: &[u8], charset: Charset) -> Value {
    let apdu = match Apdu::parse(bytes) {
        Ok(apdu) => apdu,
        Err(error) => return failed(object, &error.to_string()),
    };
    let known = codes::command(apdu.class, apdu.instruction);
    object.insert("command".into(), json!(known.map_or("unknown", |(name, _)| name)));
    object.insert("code".into(), json!(format!("{:02X} {:02X}", apdu.class, apdu.instruction)));
    match known.map(|(_, direction)| direction) {
        Some(Direction::ToTerminal) => object.insert("direction".into(), json!("E>P")),
        Some(Direction::FromTerminal) => object.insert("direction".into(), json!("P>E")),
        // The kiosk never prints on the terminal.
        Some(Direction::Both) if matches!(apdu.code(), (0x06, 0xd1 | 0xd3)) => {
            object.insert("direction".into(), json!("P>E"))
        }
        Some(Direction::Both) | None => None,
    };
    if known.is_none() {
        object.insert("data".into(), json!(bmp::hex(&apdu.data)));
        object.insert("fields".into(), json!({}));
        return Value::Object(object);
    }
    match fields::of(&apdu, charset) {
        Ok(fields) => {
            object.insert("fields".into(), Value::Object(fields));
            Value::Object(object)
        }
        Err(error) => failed(object, &error),
    }
}

fn single(mut object: Map<String, Value>, command: &str, code: &str) -> Value {
    object.insert("frame".into(), json!(false));
    object.insert("crc_ok".into(), Value::Null);
    object.insert("command".into(), json!(command));
    object.insert("code".into(), json!(code));
    object.insert("fields".into(), json!({}));
    Value::Object(object)
}

fn failed(mut object: Map<String, Value>, error: &str) -> Value {
    object.entry("frame").or_insert(json!(false));
    object.entry("crc_ok").or_insert(Value::Null);
    object.insert("error".into(), json!(error));
    Value::Object(object)
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let mut digits = Vec::new();
    for letter in text.chars() {
        match letter {
            // `0x06`, `0X06`, `\x06`: the mark before a byte, or before all of them.
            'x' | 'X' => match digits.last() {
                Some('0') if digits.len() % 2 == 1 => drop(digits.pop()),
                Some('\\') => drop(digits.pop()),
                _ => digits.push(letter),
            },
            ':' | ',' | ';' | '.' | '-' | '_' | '\u{feff}' => {}
            letter if letter.is_whitespace() => {}
            letter => digits.push(letter),
        }
    }
    if digits.is_empty() {
        return Err("no hexadecimal digits".to_owned());
    }
    if let Some(wrong) = digits.iter().find(|digit| !digit.is_ascii_hexdigit()) {
        return Err(format!("{wrong:?} is no hexadecimal digit"));
    }
    if !digits.len().is_multiple_of(2) {
        return Err("an odd number of hexadecimal digits".to_owned());
    }
    let half = |digit: char| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    Ok(digits.chunks(2).map(|pair| half(pair[0]) << 4 | half(pair[1])).collect())
}
