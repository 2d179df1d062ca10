//! The golden bytes of ZVT, bent at random: no reader panics, no card number comes out, the link hears a good frame
//! afterwards. `ZVT_MUTATIONS` sets how many (the fuzz targets in `fuzz/` hold the same properties).

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::time::Duration;

use esim_kiosk::payment::zvt::decode::decode_line;
use esim_kiosk::payment::zvt::frame;
use esim_kiosk::payment::zvt::link::{LinkEvent, LinkTimers, SerialLink};
use esim_kiosk::payment::zvt::message::{Apdu, Charset, Incoming, bmp, incoming, redact};
use tokio::time::Instant;

/// A small generator of its own, so that a failing number can be run again anywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }
}

fn golden() -> Vec<Vec<u8>> {
    let rows = include_str!("wire/public.txt").lines().filter(|line| !line.starts_with('#'));
    let rows = rows.filter_map(|line| line.split('|').nth(3));
    let sequences = include_str!("wire/sequences.txt").lines().filter(|line| !line.starts_with(['#', '=']));
    let sequences = sequences.filter_map(|line| line.splitn(3, ' ').nth(2));
    rows.chain(sequences).map(bytes).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn bend(message: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(message.len());
        match dice.roll(6) {
            0 if !message.is_empty() => message[at] ^= 1 << dice.roll(8),
            1 if !message.is_empty() => message[at] = dice.byte(),
            2 => message.insert(at, [0x10, 0xf0, 0x06, 0x1f, 0x82, 0x22][dice.roll(6)]),
            3 if !message.is_empty() => drop(message.remove(at)),
            4 => message.truncate(at),
            _ => {
                let from = dice.roll(other.len());
                let end = (from + dice.roll(20)).min(other.len());
                message.splice(at..at, other[from..end].iter().copied());
            }
        }
    }
}

#[test]
fn bent_messages_upset_no_reader() {
    let golden = golden();
    let count = std::env::var("ZVT_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000_u64);
    let mut dice = Dice(0x5eed_cafe_f00d_0001);
    let mut good = 0_u64;
    for number in 0..count {
        let mut message = golden[dice.roll(golden.len())].clone();
        let other = golden[dice.roll(golden.len())].clone();
        bend(&mut message, &other, &mut dice);
        // Give every second one a length that fits, so that the inner readers are reached too.
        if number % 2 == 0 && message.len() >= 3 && message[2] != 0xff {
            message[2] = u8::try_from(message.len() - 3).unwrap_or(0xfe);
        }
        let read = decode_line(&bmp::hex(&message));
        assert!(read["fields"]["pan_last4"].as_str().is_none_or(|tail| tail.len() <= 4), "number {number}: {read}");
        if let Ok(apdu) = Apdu::parse(&message) {
            good += 1;
            assert_eq!(Apdu::parse(&apdu.encode().unwrap()), Ok(apdu.clone()), "number {number}");
            if let Incoming::Completion(completion) = Incoming::read(&apdu, Charset::Cp437) {
                std::hint::black_box(completion.enquiry());
                std::hint::black_box(completion.completed());
            }
            std::hint::black_box(incoming::sequence_of(&apdu));
            std::hint::black_box(redact::blank(&apdu));
        }
    }
    assert!(good > count / 4, "only {good} of {count} reached the inner readers");
}

#[test]
fn bent_frames_upset_no_link() {
    let golden = golden();
    let count = std::env::var("ZVT_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000_u64);
    let mut dice = Dice(0x5eed_cafe_f00d_0002);
    let mut link = SerialLink::new(LinkTimers::default());
    let mut now = Instant::now();
    for number in 0..count {
        let mut frame = frame::encode(&golden[dice.roll(golden.len())]);
        let other = frame::encode(&golden[dice.roll(golden.len())]);
        bend(&mut frame, &other, &mut dice);
        link.receive(&frame, now);
        now += Duration::from_millis(u64::try_from(dice.roll(400)).unwrap());
        link.tick(now);
        assert!(link.take_transmit().len() < 8 * (frame.len() + 64), "number {number}");
        while link.next_event().is_some() {}
        if number % 64 == 0 {
            now += Duration::from_secs(60);
            link.tick(now);
            link.receive(&frame::encode(&[0x06, 0x0f, 0x00]), now);
            let heard =
                std::iter::from_fn(|| link.next_event()).any(|event| matches!(event, LinkEvent::Received { .. }));
            assert!(heard, "number {number}");
        }
    }
}
