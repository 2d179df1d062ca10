use super::*;
use crate::printer::layout;
use crate::printer::profile::PROFILES;
use crate::printer::sample;
use crate::printer::words::Words;
use crate::sale::activation::ActivationCode;

fn bytes(profile: &str, language: &str, change: impl FnOnce(&mut crate::sale::receipt::Receipt)) -> Vec<u8> {
    let mut receipt = sample::receipt(language);
    change(&mut receipt);
    let words = Words::of(language);
    let blocks = layout::set(&receipt, &words);
    let pieces = compose(&blocks, Profile::named(profile).unwrap(), words.right_to_left(), None);
    pieces.iter().flat_map(|piece| piece.bytes.clone()).collect()
}

fn has(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_german_receipt_byte_by_byte_where_it_matters() {
    let bytes = bytes("epson-tm-t20iii", "de", |_| {});
    assert!(bytes.starts_with(b"\x1B@\x1BR\x00"));
    assert!(has(&bytes, b"\x1Ba\x01Ihr Code\n\x1D!\x11\x1BE\x017QK-3M9-X2H\n\x1BJ"));
    assert!(has(&bytes, b"\x1Bt\x13"), "code page 858 has number 19");
    assert!(has(&bytes, b"Flughafenstra\xE1e 1\n"));
    assert!(has(&bytes, b"9,90 \xD5\n"), "the euro sign");
    assert!(has(&bytes, b"Verkauf K07-000123          22.11.2026 14:05 CET\n"));
    assert!(has(&bytes, b"  T-ID 65000001   TA-Nr 004711\n"), "terminal lines are verbatim");
    assert!(bytes.ends_with(b"\x1DVA\x01"), "cut");
    assert!(!has(&bytes, b"\x1Bd"), "lines end with LF alone");
}

#[test]
fn lines_fit_every_paper() {
    for profile in &PROFILES {
        let bytes = bytes(profile.name, "en", |_| {});
        let columns = usize::from(profile.columns);
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| line.is_ascii() && !line.contains(&0x1B)) {
            assert!(line.len() <= columns, "{}: {:?}", profile.name, String::from_utf8_lossy(line));
        }
        assert_eq!(bytes.ends_with(b"\x1DVA\x01"), profile.cutter, "{}", profile.name);
        assert_eq!(has(&bytes, b"\x1C."), profile.two_byte_text, "{}", profile.name);
    }
}

#[test]
fn the_symbol_is_model_two_level_m_six_dots() {
    let code = "LPA:1$smdp.io$K2-1A";
    let with_code = |receipt: &mut crate::sale::receipt::Receipt| {
        receipt.activations = vec![ActivationCode::parse(code).unwrap()];
    };
    let native = bytes("epson-tm-t20iii", "en", with_code);
    assert!(has(&native, b"\x1D(k\x04\x001A2\x00"), "model 2");
    assert!(has(&native, b"\x1D(k\x03\x001C\x06"), "six dots");
    assert!(has(&native, b"\x1D(k\x03\x001E1"), "level M");
    let mut store = vec![0x1D, b'(', b'k', code.len() as u8 + 3, 0, 49, 80, 48];
    store.extend_from_slice(code.as_bytes());
    assert!(has(&native, &store));
    let drawn = bytes("custom-kpm", "en", with_code);
    assert!(has(&drawn, b"\x1Dv0\x00") && !has(&drawn, b"\x1D(k"));
}

#[test]
fn a_line_without_letters_is_drawn_and_the_others_are_not() {
    let bytes = bytes("epson-tm-t20iii", "en", |receipt| receipt.lines[0].title = "日本 5 GB・30日間".into());
    assert!(has(&bytes, b"\x1Dv0\x00"));
    assert!(has(&bytes, b"Sky Mobile GmbH\n"));
    assert!(!has(&bytes, "日".as_bytes()), "never raw");
}

#[test]
fn no_picture_spells_a_real_time_command() {
    let data = without_real_time_commands(vec![0x10, 0x04, 0x01, 0x10, 0x14, 0xFF, 0x10, 0x05, 0x10, 0x10, 0x20]);
    assert_eq!(data, [0x18, 0x04, 0x01, 0x18, 0x14, 0xFF, 0x18, 0x05, 0x10, 0x10, 0x20]);
}

#[test]
fn codes_break_after_a_dash() {
    assert_eq!(at_dashes("QRF-BETTER-PMRD", 12), ["QRF-BETTER-", "PMRD"]);
    assert_eq!(at_dashes("ABCDEFGH", 3), ["ABC", "DEF", "GH"]);
    assert_eq!(at_dashes("ABC", 3), ["ABC"]);
}

#[test]
fn paragraphs_break_between_words() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
    assert_eq!(wrap("", 4), [""]);
    let text = "Mit der Kamera des Telefons scannen, um die eSIM zu installieren";
    assert_eq!(balanced(text, 48), ["Mit der Kamera des Telefons scannen,", "um die eSIM zu installieren"]);
    assert_eq!(balanced("one two", 48), ["one two"]);
    assert_eq!(balanced("abcdefghij k", 4), wrap("abcdefghij k", 4), "a word that is cut anyway stays as it is");
    assert_eq!(wrap("a  b", 4), ["a b"]);
}

/// Why LF: the crate ends a line with `ESC d 1`, which printers and renderers count differently.
#[test]
fn the_crate_ends_lines_with_a_feed_command() {
    let bytes = command(None, |printer| printer.writeln("a").map(|_| ()));
    assert_eq!(bytes, b"a\x1Bd\x01", "the crate writes LF now");
}

/// The default symbol of the crate is Model 1, which few telephones read: the model is always named here.
#[test]
fn the_crate_draws_model_one_by_itself() {
    let bytes = command(None, |printer| printer.qrcode("a").map(|_| ()));
    assert!(has(&bytes, b"\x1D(k\x04\x001A1"), "the crate's default is Model 2 now");
}

#[test]
fn what_is_composed_never_prints() {
    let receipt = sample::receipt("en");
    let pieces = compose(&layout::set(&receipt, &Words::of("en")), &PROFILES[0], false, None);
    assert!(!format!("{pieces:?}").contains("7QK"));
}
