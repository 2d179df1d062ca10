//! `terminal decode` over further public messages and over what technicians paste: every command of the reference, both
//! forms of the length, unknown tags and commands, wrong checksums, cut and overlong messages, every way to write bytes.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use esim_kiosk::payment::zvt::decode::decode_line;
use esim_kiosk::payment::zvt::frame;
use serde_json::{Value, json};

const MORE: &str = include_str!("wire/more.txt");

#[test]
fn every_further_message_is_read_as_it_stands() {
    let mut read_well = 0;
    for row in MORE.lines().filter(|row| !row.starts_with('#')) {
        let parts: Vec<&str> = row.split(" | ").collect();
        let read = decode_line(parts[0]);
        if parts[3] == "error" {
            assert!(read["error"].is_string(), "{row}: {read}");
            continue;
        }
        assert_eq!(read.get("error"), None, "{row}");
        let direction = read["direction"].as_str().unwrap_or("-");
        assert_eq!((direction, read["command"].as_str().unwrap()), (parts[1], parts[2]), "{row}");
        let is_frame = parts[0].starts_with("10 02");
        assert_eq!(
            (&read["frame"], &read["crc_ok"]),
            (&json!(is_frame), &if is_frame { json!(true) } else { Value::Null })
        );
        let wanted: Value = serde_json::from_str(parts[3]).unwrap_or_else(|error| panic!("{row}: {error}"));
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(&read["fields"][name], value, "{row}: {name}");
        }
        read_well += 1;
    }
    assert!(read_well > 60, "{read_well}");
}

#[test]
fn a_message_may_be_written_in_every_usual_way() {
    let plain = decode_line("040f02276c");
    assert_eq!(plain["fields"]["result_code"], 0x6c);
    for way in [
        "04 0f 02 27 6c",
        "  04 0F 02 27 6C\r\n",
        "04:0f:02:27:6c",
        "04-0F-02-27-6C",
        "0x040f02276c",
        "0X04 0X0F 0x02 0x27 0x6c",
        "0x04, 0x0F, 0x02, 0x27, 0x6C",
        r"\x04\x0f\x02\x27\x6c",
        "\u{feff}04 0f 02 27 6c",
        "04\t0f 02,27;6c",
        "040F_0227_6C",
    ] {
        assert_eq!(decode_line(way), plain, "{way:?}");
    }
    for wrong in ["", " ", "0x", "x04", "04 0g", "040f0", "0x4x", "04 0f 02 27 6c # note", "\\", "zero", "６ｃ"] {
        let read = decode_line(wrong);
        assert!(read["error"].is_string() && read["frame"] == false, "{wrong:?}: {read}");
    }
}

#[test]
fn a_wrong_checksum_is_told_with_the_fields_and_a_right_one_is_told_too() {
    for row in MORE.lines().filter(|row| !row.starts_with('#') && !row.ends_with("error")) {
        let hex = row.split(" | ").next().unwrap().replace([' ', '-'], "");
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        if bytes.starts_with(&[0x10, 0x02]) {
            continue;
        }
        let bare = decode_line(&hex);
        let mut framed = frame::encode(&bytes);
        let text = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let good = decode_line(&text(&framed));
        assert_eq!(
            (&good["frame"], &good["crc_ok"], &good["fields"]),
            (&json!(true), &json!(true), &bare["fields"]),
            "{row}"
        );
        let last = framed.len() - 1;
        framed[last] ^= 0x01;
        let bad = decode_line(&text(&framed));
        assert_eq!((&bad["crc_ok"], &bad["fields"]), (&json!(false), &bare["fields"]), "{row}");
        // Cut anywhere it is an error, and never a panic.
        for cut in 1..framed.len() {
            assert!(decode_line(&text(&framed[..cut]))["error"].is_string(), "{row} cut at {cut}");
        }
        let both_forms = [&bytes[..2], &[0xff, bytes[2], 0], &bytes[3..]].concat();
        if bytes[2] != 0xff {
            assert_eq!(decode_line(&text(&both_forms))["fields"], bare["fields"], "{row} in the long form");
        }
    }
}

#[test]
fn single_bytes_of_the_link_are_named() {
    assert_eq!((&decode_line("06")["command"], &decode_line("15")["command"]), (&json!("ACK"), &json!("NAK")));
    assert!(decode_line("10")["error"].is_string());
}
