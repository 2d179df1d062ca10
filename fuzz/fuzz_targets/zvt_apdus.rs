//! Any bytes as a message: every reader is total, and no card number leaves the decoder.
#![no_main]

use esim_kiosk::payment::zvt::decode::decode_line;
use esim_kiosk::payment::zvt::message::{Apdu, Charset, Incoming, bmp, incoming, redact, tlv};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = tlv::parse(bytes);
    let block = bmp::parse(bytes);
    assert!(block.get(0x22).is_none_or(|tail| tail.len() <= 4));
    let read = decode_line(&bmp::hex(bytes));
    assert!(read["fields"]["pan_last4"].as_str().is_none_or(|tail| tail.len() <= 4));
    let Ok(apdu) = Apdu::parse(bytes) else { return };
    assert_eq!(apdu.encode().ok().and_then(|bytes| Apdu::parse(&bytes).ok()).as_ref(), Some(&apdu));
    for charset in [Charset::Cp437, Charset::Iso8859_1, Charset::Iso8859_15, Charset::Utf8, Charset::SevenBit] {
        if let Incoming::Completion(completion) = Incoming::read(&apdu, charset) {
            completion.enquiry();
            completion.completed();
        }
    }
    incoming::sequence_of(&apdu);
    redact::blank(&apdu);
});
