//! Any bytes on a serial line: the receiver and the link neither panic nor grow, and hear a good frame afterwards.
#![no_main]

use std::time::Duration;

use esim_kiosk::payment::zvt::frame;
use esim_kiosk::payment::zvt::link::{LinkEvent, LinkTimers, Role, SerialLink};
use libfuzzer_sys::fuzz_target;
use tokio::time::Instant;

fuzz_target!(|bytes: &[u8]| {
    let _ = frame::decode(bytes);
    let mut link = SerialLink::new(LinkTimers::default());
    let mut now = Instant::now();
    link.send(vec![0x06, 0x01, 0x00], Role::Command, now);
    for piece in bytes.chunks(7) {
        link.receive(piece, now);
        // The piece itself says how long the line is quiet behind it.
        now += Duration::from_millis(u64::from(piece[0]) * 8);
        link.tick(now);
        if piece[0] & 1 == 1 {
            link.send(vec![0x80, 0x00, 0x00], Role::Acknowledgement, now);
        }
    }
    assert!(link.take_transmit().len() <= 64 * (bytes.len() + 16));
    for _ in 0..8 {
        now += Duration::from_secs(30);
        link.tick(now);
    }
    while link.next_event().is_some() {}
    link.receive(&frame::encode(&[0x06, 0x0f, 0x00]), now);
    assert!(std::iter::from_fn(|| link.next_event()).any(|event| matches!(event, LinkEvent::Received { .. })));
});
