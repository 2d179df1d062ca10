//! ZVT on the wire: golden bytes from public captures, examples of the specification and computed corner cases
//! (`tests/wire/`). What we send is compared byte for byte, what we read field by field with an independent decoder.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::time::Duration;

use esim_kiosk::payment::Answer;
use esim_kiosk::payment::zvt::decode::decode_line;
use esim_kiosk::payment::zvt::frame;
use esim_kiosk::payment::zvt::link::{LinkEvent, LinkTimers, Role, SerialLink};
use esim_kiosk::payment::zvt::message::answer::{self, UNKNOWN_MESSAGE};
use esim_kiosk::payment::zvt::message::command::{self, Authorisation, Password, Registration};
use esim_kiosk::payment::zvt::message::tlv::Tlv;
use esim_kiosk::payment::zvt::message::{Apdu, Charset, Incoming};
use serde_json::Value;
use tokio::time::Instant;

const PUBLIC: &str = include_str!("wire/public.txt");
const EXPECTED: &str = include_str!("wire/expected.json");
const FRAMES: &str = include_str!("wire/frames.txt");
const DIALOGUES: &str = include_str!("wire/dialogues.txt");
const SEQUENCES: &str = include_str!("wire/sequences.txt");
const MALFORMED: &str = include_str!("wire/malformed.txt");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.chars().filter(char::is_ascii_hexdigit).collect();
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Id, direction, kind and bytes of the public vectors.
fn public() -> Vec<(&'static str, &'static str, &'static str, Vec<u8>)> {
    let rows = lines(PUBLIC).map(|line| {
        let parts: Vec<&str> = line.split('|').collect();
        (parts[0], parts[1], parts[2], bytes(parts[3]))
    });
    rows.collect()
}

fn vector(id: &str) -> Vec<u8> {
    public().into_iter().find(|row| row.0 == id).unwrap_or_else(|| panic!("no vector {id}")).3
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_public_vector_is_read_as_the_independent_decoder_read_it() {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let vectors = public();
    assert_eq!(vectors.len(), 56);
    for (id, direction, kind, bytes) in vectors {
        let read = decode_line(&hex(&bytes));
        assert_eq!(read.get("error"), None, "{id}: {read}");
        assert_eq!(read["frame"], Value::Bool(kind == "serial"), "{id}");
        assert_eq!(read["crc_ok"], if kind == "serial" { Value::Bool(true) } else { Value::Null }, "{id}");
        if direction != "both" {
            assert_eq!(read["direction"], direction, "{id}");
        }
        assert_ne!(read["command"], "unknown", "{id}");
        for (name, value) in expected[id].as_object().unwrap() {
            assert_eq!(&read["fields"][name], value, "{id} {name}");
        }
    }
}

#[test]
fn containers_are_told_nested_and_texts_as_texts() {
    let read = decode_line(&hex(&vector("V082")));
    let tlv = &read["fields"]["tlv"];
    assert_eq!(tlv["60"]["44"], "Debit Mastercard");
    assert_eq!(tlv["2F"]["1F12"], "02");
    assert_eq!(tlv["1F2B"], "10015008");
    assert_eq!(read["fields"]["trace_no"], "000000");
    let read = decode_line(&hex(&vector("V050")));
    assert_eq!(read["fields"]["software"], "GER-APP-v2.0.9;cR02.01.01-00.09-2-2;CC26");
    assert_eq!(read["fields"]["tlv"]["E4"]["1F40"], "cVEND box+");
    let read = decode_line(&hex(&vector("V072")));
    assert_eq!(read["fields"]["tlv"]["2D"].as_array().map(Vec::len), Some(7));
    assert_eq!(decode_line("0601080606f204c1021223")["fields"]["tlv"]["F2"]["C1"], "1223");
}

#[test]
fn public_frames_are_encoded_to_the_byte() {
    for (id, _, _, bytes) in public().into_iter().filter(|row| row.2 == "serial") {
        let captured = frame::decode(&bytes).unwrap();
        assert_eq!(frame::encode(&captured.apdu), bytes, "{id}");
    }
    assert_eq!(lines(FRAMES).count(), 28);
    for line in lines(FRAMES) {
        let (hex, says) = line.split_once('|').unwrap();
        let bytes = bytes(hex);
        let captured = frame::decode(&bytes).unwrap();
        assert!(captured.crc_ok, "{line}");
        assert_eq!(frame::encode(&captured.apdu), bytes, "{line}");
        let read = decode_line(hex);
        assert_eq!(read.get("error"), None, "{line}");
        if let Some(amount) = says.split("amount=").nth(1).map(|rest| rest.split(' ').next().unwrap()) {
            assert_eq!(read["fields"]["amount_minor"].to_string(), amount, "{line}");
        }
    }
}

#[test]
fn what_we_send_is_the_vector_to_the_byte() {
    let pin = |digits| Password::new(digits).unwrap();
    let spec = pin("123456");
    let apdu = |apdu: &Apdu| hex(&apdu.encode().unwrap());
    let framed = |apdu: &Apdu| hex(&frame::encode(&apdu.encode().unwrap()));
    let is = |id: &str| hex(&vector(id));
    let registration =
        |password, config, service, tlv| Registration { password, config, currency: Some(978), service, tlv }.apdu();
    let blocks = || Some(vec![Tlv::tags(0x26, vec![Tlv::bytes(0x0a, [0x06, 0xd3])])]);
    let paying = |minor, kind| Authorisation {
        amount_minor: minor,
        currency: Some(978),
        payment_type: kind,
        ..Default::default()
    };

    assert_eq!(framed(&command::with_password(0x93, spec)), is("V002"));
    assert_eq!(framed(&command::diagnosis(None)), is("V004"));
    assert_eq!(framed(&answer::decision(Answer::GoodsIssued)), is("V006"));
    assert_eq!(framed(&command::RESET), is("V008"));
    assert_eq!(framed(&command::status_enquiry(Some(spec), Some(4))), is("V012"));
    assert_eq!(apdu(&command::with_sequence(paying(100, Some(0x44)).apdu().unwrap(), 1)), is("V020"));
    assert_eq!(apdu(&command::open_preauthorisations()), is("V024"));
    assert_eq!(apdu(&command::with_password(0x93, pin("999999"))), is("V026"));
    assert_eq!(apdu(&registration(pin("987654"), 0x41, None, None)), is("V028"));
    assert_eq!(apdu(&registration(spec, 0xbe, Some(1), blocks())), is("V052"));
    assert_eq!(apdu(&registration(spec, 0x08, None, None)), is("V054"));
    assert_eq!(apdu(&command::with_password(0x50, spec)), is("V070"));

    let mut computed: Vec<String> = lines(FRAMES).map(|line| hex(&bytes(line.split_once('|').unwrap().0))).collect();
    let mut sent = |apdu: &Apdu| {
        let frame = framed(apdu);
        let at = computed.iter().position(|known| *known == frame).unwrap_or_else(|| panic!("{frame} is no vector"));
        computed.remove(at);
    };
    for minor in [1_010, 101_010, 228, 230, 25_308, 16_074, 45_974, 12_729, 192_457] {
        sent(&paying(minor, None).apdu().unwrap());
    }
    sent(&registration(pin("000000"), 0xde, None, None));
    sent(&command::repeat_receipt(spec, 1));
    sent(&command::repeat_receipt(spec, 3));
    sent(&command::reversal(spec, "0163", None, None).unwrap());
    sent(&command::reversal(spec, "0010", None, None).unwrap());
    sent(&command::ABORT);
    sent(&command::LOG_OFF);
    sent(&UNKNOWN_MESSAGE);
    sent(&answer::decision(Answer::NotIssued));
    let held = Authorisation { hold_seconds: Some(0x78), hold_count: Some(3), ..paying(1_500, None) };
    sent(&held.apdu().unwrap());
    // What is left is said by terminals, or never by us: 84 00, 84 CC, 84 9D.
    assert_eq!(computed.len(), 9);
}

/// Plays the kiosk's link against each dialogue: what the terminal puts on the line goes in, and every byte of ours
/// must come out, acknowledgements and repeats included.
#[test]
fn whole_dialogues_byte_for_byte() {
    let mut played = 0;
    for dialogue in DIALOGUES.split("= ").skip(1) {
        let name = dialogue.lines().next().unwrap();
        let mut link = SerialLink::new(LinkTimers::default());
        let mut now = Instant::now();
        let mut ours: Vec<u8> = Vec::new();
        let mut received = 0;
        for line in dialogue.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()) {
            let said = bytes(&line[4..]);
            if line.starts_with("P>E") {
                link.receive(&said, now);
                received += said.len();
            } else {
                // A repeat that the link makes by itself is on its way already.
                if said.len() > 1 && !ours.starts_with(&said) {
                    let apdu = frame::decode(&said).unwrap().apdu;
                    let role = if matches!(apdu[0], 0x80 | 0x84) { Role::Decision } else { Role::Command };
                    link.send(apdu, role, now);
                }
                ours.extend(link.take_transmit());
                assert!(ours.starts_with(&said), "{name}: {line}, on the line: {}", hex(&ours));
                ours.drain(..said.len());
            }
            ours.extend(link.take_transmit());
            now += Duration::from_millis(50);
        }
        assert_eq!(hex(&ours), "", "{name}: more was sent than stands in the dialogue");
        assert!(received > 0, "{name}");
        played += 1;
        let news = std::iter::from_fn(|| link.next_event()).filter(|e| matches!(e, LinkEvent::Received { .. })).count();
        let frames = dialogue.lines().filter(|line| line.starts_with("P>E 10 02")).count();
        // In DLG-4 one frame is a repeat after a lost ACK: processed once.
        let repeats = if name.starts_with("DLG-4") { 1 } else { 0 };
        assert_eq!(news, frames - repeats, "{name}");
    }
    assert_eq!(played, 4);
}

#[test]
fn every_message_of_the_real_sequences_is_read_whole() {
    let mut count = 0;
    for line in lines(SEQUENCES).filter(|line| !line.starts_with('=')) {
        let mut parts = line.splitn(3, ' ');
        let (_, direction, apdu) = (parts.next(), parts.next().unwrap(), bytes(parts.next().unwrap()));
        let read = decode_line(&hex(&apdu));
        assert_eq!(read.get("error"), None, "{line}");
        assert_eq!(read["fields"].get("unknown_bmp"), None, "{line}");
        if direction == "P>E" {
            let message = Incoming::read(&Apdu::parse(&apdu).unwrap(), Charset::Iso8859_1);
            assert!(!matches!(message, Incoming::Other), "{line}");
            if let Incoming::Status(status) = message {
                assert!(status.whole && status.transaction.result_code.is_some(), "{line}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 143);
}

#[test]
fn malformed_messages_are_errors_and_never_more() {
    for line in lines(MALFORMED) {
        let (id, hex) = line.split_once(" | ").unwrap();
        let read = decode_line(hex);
        // N13: a vendor's well-formed message; N14: a print line with a container; N16: one whole long form.
        let good = matches!((id, hex), ("N13" | "N14", _) | ("N16", "04 0f ff 01 00 6c"));
        if id == "N16" && hex.ends_with("01 00 6c") {
            // One data byte of the long form: the length is right, the BMP 6C is unknown.
            assert_eq!(read["fields"]["unknown_bmp"], "6C", "{line}");
        } else {
            assert_eq!(read.get("error").is_none(), good, "{line}: {read}");
        }
    }
    assert_eq!(decode_line("0f a1 02 00 01")["command"], "unknown");
    assert_eq!(decode_line("0f a1 02 00 01")["code"], "0F A1");
    assert_eq!(decode_line("0f a1 02 00 01")["data"], "0001");
    for wrong in ["", "  ", "zz", "123", "10 02", "10 02 80 00 00 10 03 f5"] {
        assert!(decode_line(wrong).get("error").is_some(), "{wrong:?}");
    }
    let n01 = lines(MALFORMED).find(|line| line.starts_with("N01")).unwrap();
    let mended = n01.replace("N01 | 04 0f ", "04 0f 49 ");
    assert_eq!(decode_line(&mended)["fields"]["amount_minor"], 2_600);
}

#[test]
fn a_wrong_checksum_is_told_and_the_fields_all_the_same() {
    let read = decode_line("10 02 06 1e 01 6c 10 03 c9 f3");
    assert_eq!((&read["crc_ok"], &read["fields"]["result_code"]), (&Value::Bool(false), &Value::from(0x6c)));
}

#[test]
fn secrets_do_not_come_out_of_the_decoder() {
    // A clear card number, track 2, and the password of a registration.
    let read =
        decode_line("04 0f 1c 27 00 22 f0 f8 41 11 11 11 11 11 12 34 23 f0 f8 41 11 11 11 11 11 12 34 0b 00 01 63");
    assert_eq!(read["fields"]["pan_last4"], "1234");
    assert_eq!(read["fields"]["track_data"], "dropped");
    assert!(!read.to_string().contains("4111"), "{read}");
    assert!(!decode_line("06 00 06 98 76 54 41 09 78").to_string().contains("9876"));
}
