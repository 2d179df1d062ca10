use super::*;
use proptest::prelude::*;

fn feed(receiver: &mut Receiver, bytes: &[u8], now: Instant) -> Vec<Item> {
    bytes.iter().filter_map(|&byte| receiver.byte(byte, now)).collect()
}

fn receiver() -> Receiver {
    Receiver::new(Duration::from_millis(200))
}

#[test]
fn smallest_check_of_the_checksum() {
    assert_eq!(KERMIT.checksum(b"123456789"), 0x2189);
    assert_eq!(encode(&[0x80, 0, 0]), [0x10, 2, 0x80, 0, 0, 0x10, 3, 0xf5, 0x1f]);
}

#[test]
fn a_wrong_checksum_is_a_nak_only_after_silence() {
    let start = Instant::now();
    let mut receiver = receiver();
    let mut frame = encode(&[6, 0x0f, 0]);
    frame[3] ^= 1;
    assert_eq!(feed(&mut receiver, &frame, start), [Item::Start]);
    assert_eq!(receiver.idle(start + Duration::from_millis(199)), None);
    assert_eq!(receiver.idle(start + Duration::from_millis(200)), Some(Item::Broken(Fault::Checksum)));
    assert_eq!(receiver.deadline(), None);
}

#[test]
fn a_new_start_rescues_after_a_broken_frame() {
    let now = Instant::now();
    let mut receiver = receiver();
    let mut bytes = vec![DLE, STX, 6, DLE, 0x55, 1];
    bytes.extend(encode(&[6, 0x0f, 0]));
    assert_eq!(feed(&mut receiver, &bytes, now), [Item::Start, Item::Start, Item::Frame(vec![6, 0x0f, 0])]);
}

#[test]
fn a_gap_inside_a_frame_breaks_it_and_one_outside_does_not() {
    let start = Instant::now();
    let mut receiver = receiver();
    feed(&mut receiver, &[DLE, STX, 6], start);
    assert_eq!(receiver.idle(start + Duration::from_millis(210)), Some(Item::Broken(Fault::Gap)));
    assert_eq!(receiver.idle(start + Duration::from_secs(9)), None);
    feed(&mut receiver, &[DLE], start);
    assert_eq!(receiver.idle(start + Duration::from_millis(210)), Some(Item::Noise(DLE)));
}

#[test]
fn single_bytes_and_noise_outside_frames() {
    let start = Instant::now();
    let mut receiver = receiver();
    let seen = feed(&mut receiver, &[ACK, NAK, DLE, ACK, 0x55, NAK, ACK], start);
    assert_eq!(seen[..4], [Item::Ack, Item::Nak, Item::Ack, Item::Noise(0x55)]);
    assert_eq!(seen[4..], [Item::Noise(NAK), Item::Noise(ACK)]);
    assert_eq!(feed(&mut receiver, &[NAK], start + Duration::from_millis(200)), [Item::Nak]);
}

#[test]
fn the_digits_of_a_frame_without_its_start_are_no_acknowledgements() {
    let mut bytes = encode(&[0x04, 0x0f, 9, 0x27, 0, 0x04, 0, 0, 0, 0, 0x15, 0x06]);
    bytes[1] = 0;
    let seen = feed(&mut receiver(), &bytes, Instant::now());
    assert!(!seen.is_empty() && seen.iter().all(|item| matches!(item, Item::Noise(_))), "{seen:?}");
}

#[test]
fn captured_frames_that_are_none() {
    assert_eq!(decode(&[0x80, 0, 0]), Err(FrameError::NoStart));
    assert_eq!(decode(&[DLE, STX, 1, DLE, ETX, 0]), Err(FrameError::CutShort));
    assert_eq!(decode(&[DLE, STX, 1, DLE]), Err(FrameError::CutShort));
    assert_eq!(decode(&[DLE, STX, DLE, 7]), Err(FrameError::BrokenEscape { at: 3, found: 7 }));
    assert_eq!(decode(&[DLE, STX, DLE, ETX, 0, 0, 6]), Err(FrameError::Trailing(1)));
}

proptest! {
    #[test]
    fn every_apdu_survives_the_line(apdu in proptest::collection::vec(any::<u8>(), 0..300)) {
        let frame = encode(&apdu);
        prop_assert_eq!(decode(&frame), Ok(Captured { apdu: apdu.clone(), crc_ok: true }));
        let seen = feed(&mut receiver(), &frame, Instant::now());
        prop_assert_eq!(seen, vec![Item::Start, Item::Frame(apdu)]);
    }

    #[test]
    fn one_flipped_bit_is_never_taken_for_the_frame(
        apdu in proptest::collection::vec(any::<u8>(), 1..80), bit in any::<proptest::sample::Index>(),
    ) {
        let mut frame = encode(&apdu);
        let bit = bit.index(frame.len() * 8);
        frame[bit / 8] ^= 1 << (bit % 8);
        let seen = feed(&mut receiver(), &frame, Instant::now());
        prop_assert!(!seen.contains(&Item::Frame(apdu)));
    }

    #[test]
    fn no_bytes_upset_the_receiver(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut receiver = receiver();
        feed(&mut receiver, &bytes, Instant::now());
        let later = Instant::now() + Duration::from_secs(5);
        receiver.idle(later);
        let good = encode(&[0x80, 0, 0]);
        prop_assert_eq!(feed(&mut receiver, &good, later).last().cloned(), Some(Item::Frame(vec![0x80, 0, 0])));
    }
}
