use super::*;
use proptest::prelude::*;

const OK: [u8; 3] = [0x80, 0, 0];
const STATUS: [u8; 4] = [4, 0xff, 1, 0x0e];
const PAY: [u8; 5] = [6, 1, 2, 0x27, 0];

struct Side {
    link: SerialLink,
    now: Instant,
}

impl Side {
    fn new() -> Side {
        let timers = LinkTimers { byte_time: Duration::ZERO, ..LinkTimers::default() };
        Side { link: SerialLink::new(timers), now: Instant::now() }
    }

    fn says(&mut self, apdu: &[u8]) {
        self.raw(&frame::encode(apdu));
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.link.receive(bytes, self.now);
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.link.tick(self.now);
    }

    fn send(&mut self, apdu: &[u8], role: Role) {
        self.link.send(apdu.to_vec(), role, self.now);
    }

    #[track_caller]
    fn sent(&mut self, parts: &[&[u8]]) {
        assert_eq!(self.link.take_transmit(), parts.concat());
    }

    fn events(&mut self) -> Vec<LinkEvent> {
        std::iter::from_fn(|| self.link.next_event()).collect()
    }

    fn received(&mut self) -> Vec<Vec<u8>> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| if let LinkEvent::Received { apdu, .. } = event { Some(apdu) } else { None })
            .collect()
    }
}

#[test]
fn a_command_is_sent_three_times_and_then_given_up() {
    for (nak, why) in [(false, Failure::Silence), (true, Failure::Refused)] {
        let mut side = Side::new();
        side.send(&PAY, Role::Command);
        for _ in 0..3 {
            side.sent(&[&frame::encode(&PAY)]);
            assert_eq!(side.events(), []);
            if nak { side.raw(&[frame::NAK]) } else { side.pass(5_000) }
        }
        side.sent(&[]);
        assert_eq!(side.events(), [LinkEvent::Failed { role: Role::Command, why }]);
        assert_eq!(side.link.deadline(), None);
    }
}

#[test]
fn an_acknowledgement_at_the_last_moment_counts() {
    let mut side = Side::new();
    side.send(&PAY, Role::Command);
    side.pass(4_900);
    side.raw(&[frame::ACK]);
    assert_eq!(side.events(), [LinkEvent::Delivered(Role::Command)]);
    side.pass(10_000);
    side.sent(&[&frame::encode(&PAY)]);
}

#[test]
fn noise_while_waiting_does_not_prolong_the_wait() {
    let mut side = Side::new();
    side.send(&PAY, Role::Command);
    side.sent(&[&frame::encode(&PAY)]);
    for _ in 0..10 {
        side.pass(500);
        side.raw(&[0x55, 0xaa]);
    }
    side.sent(&[&frame::encode(&PAY)]);
}

#[test]
fn a_repeat_before_our_answer_is_acknowledged_and_dropped() {
    let mut side = Side::new();
    side.says(&STATUS);
    side.sent(&[&[frame::ACK]]);
    side.pass(5_000);
    side.says(&STATUS);
    side.sent(&[&[frame::ACK]]);
    assert_eq!(side.received(), [STATUS]);
    assert_eq!(side.link.counters().repeats, 1);
}

#[test]
fn a_repeat_while_our_answer_waits_for_its_ack_gets_the_answer_again() {
    let mut side = Side::new();
    side.says(&STATUS);
    side.send(&OK, Role::Acknowledgement);
    side.sent(&[&[frame::ACK], &frame::encode(&OK)]);
    // A copy at once is an echo; after the terminal's T2 it is a repeat.
    side.says(&STATUS);
    side.sent(&[&[frame::ACK]]);
    side.pass(4_990);
    side.says(&STATUS);
    side.sent(&[&[frame::ACK], &frame::encode(&OK)]);
    side.raw(&[frame::ACK]);
    assert_eq!(side.received(), [STATUS]);
}

#[test]
fn the_same_message_after_our_acknowledged_answer_is_new() {
    let mut side = Side::new();
    for _ in 0..2 {
        side.says(&STATUS);
        side.send(&OK, Role::Acknowledgement);
        side.raw(&[frame::ACK]);
    }
    assert_eq!(side.received(), [STATUS, STATUS]);
}

#[test]
fn an_acknowledgement_is_not_repeated_on_silence_but_when_the_terminal_says_its_message_again() {
    let mut side = Side::new();
    side.says(&STATUS);
    side.send(&OK, Role::Acknowledgement);
    side.sent(&[&[frame::ACK], &frame::encode(&OK)]);
    side.pass(5_000);
    // The terminal may have gone on to an approval: a second 80 00 would keep the money.
    side.sent(&[]);
    side.raw(&[frame::NAK]);
    side.sent(&[]);
    side.says(&STATUS);
    side.sent(&[&[frame::ACK], &frame::encode(&OK)]);
    assert_eq!(side.received(), [STATUS]);
}

#[test]
fn an_acknowledgement_is_repeated_on_an_immediate_nak_alone() {
    for (after, again) in [(300, true), (1_500, false)] {
        let mut side = Side::new();
        side.says(&STATUS);
        side.send(&OK, Role::Acknowledgement);
        side.link.take_transmit();
        side.pass(after);
        side.raw(&[frame::NAK]);
        let expected = if again { frame::encode(&OK) } else { Vec::new() };
        side.sent(&[&expected]);
    }
}

#[test]
fn an_acknowledgement_that_waited_too_long_behind_a_command_is_not_sent() {
    let mut side = Side::new();
    side.send(&PAY, Role::Command);
    side.says(&STATUS);
    side.send(&OK, Role::Acknowledgement);
    side.pass(2_500);
    side.raw(&[frame::ACK]);
    side.sent(&[&frame::encode(&PAY), &[frame::ACK]]);
    assert!(side.events().contains(&LinkEvent::Failed { role: Role::Acknowledgement, why: Failure::Overtaken }));
}

#[test]
fn the_same_message_long_after_a_lost_decision_is_new() {
    let mut side = Side::new();
    side.says(&STATUS);
    side.send(&OK, Role::Decision);
    side.pass(5_000);
    side.pass(5_000);
    side.pass(5_000);
    side.says(&STATUS);
    let events = side.events();
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(events[1], LinkEvent::Failed { role: Role::Decision, why: Failure::Silence });
    assert!(matches!(events[2], LinkEvent::Received { .. }));
}

#[test]
fn a_message_that_overtakes_our_answer_ends_it() {
    let mut side = Side::new();
    side.says(&STATUS);
    side.send(&OK, Role::Acknowledgement);
    side.says(&[6, 0x1e, 1, 0x6c]);
    side.pass(5_000);
    let sent = side.link.take_transmit();
    assert_eq!(sent, [vec![frame::ACK], frame::encode(&OK), vec![frame::ACK]].concat());
    assert!(side.events().contains(&LinkEvent::Failed { role: Role::Acknowledgement, why: Failure::Overtaken }));
}

#[test]
fn a_collision_loses_neither_message() {
    let mut side = Side::new();
    side.send(&[6, 0xb0, 0], Role::Command);
    side.says(&STATUS);
    side.send(&OK, Role::Acknowledgement);
    side.sent(&[&frame::encode(&[6, 0xb0, 0]), &[frame::ACK]]);
    side.raw(&[frame::ACK]);
    side.sent(&[&frame::encode(&OK)]);
    side.raw(&[frame::ACK]);
    assert_eq!(side.events().len(), 3);
}

#[test]
fn an_answer_stands_for_the_lost_ack_of_its_command() {
    let mut side = Side::new();
    side.send(&PAY, Role::Command);
    side.sent(&[&frame::encode(&PAY)]);
    side.says(&OK);
    side.pass(5_000);
    side.sent(&[&[frame::ACK]]);
    assert_eq!(side.events()[0], LinkEvent::Delivered(Role::Command));
}

#[test]
fn a_second_answer_to_one_command_is_a_repeat() {
    let mut side = Side::new();
    side.send(&PAY, Role::Command);
    side.raw(&[frame::ACK]);
    side.says(&OK);
    side.says(&OK);
    assert_eq!(side.received(), [OK]);
    side.says(&[0x84, 0x83, 0]);
    assert_eq!(side.received(), Vec::<Vec<u8>>::new());
}

#[test]
fn gaps_of_190_and_210_milliseconds() {
    for (gap, good) in [(190, true), (210, false)] {
        let mut side = Side::new();
        let bytes = frame::encode(&STATUS);
        side.raw(&bytes[..4]);
        side.pass(gap);
        side.raw(&bytes[4..]);
        side.pass(200);
        assert_eq!(side.received().len(), usize::from(good), "{gap} ms");
        side.sent(&[if good { &[frame::ACK] } else { &[frame::NAK] }]);
    }
}

#[test]
fn every_broken_frame_gets_one_nak_and_the_third_good_one_counts() {
    let mut side = Side::new();
    let mut broken = frame::encode(&STATUS);
    broken[4] ^= 0x40;
    for _ in 0..2 {
        side.raw(&broken);
        side.pass(200);
        side.sent(&[&[frame::NAK]]);
    }
    side.says(&STATUS);
    side.sent(&[&[frame::ACK]]);
    assert_eq!(side.received(), [STATUS]);
}

proptest! {
    /// Whatever comes in, at whatever times: the link neither panics nor sends without bound, and works afterwards.
    #[test]
    fn no_input_upsets_the_link(pieces in proptest::collection::vec(
        (proptest::collection::vec(prop_oneof![Just(0x10), Just(2), Just(3), Just(6), Just(0x15), any::<u8>()], 0..40), 0_u64..6_000),
        0..60,
    )) {
        let mut side = Side::new();
        side.send(&PAY, Role::Command);
        for (piece, wait) in &pieces {
            side.raw(piece);
            side.pass(*wait);
        }
        let incoming: usize = pieces.iter().map(|(piece, _)| piece.len()).sum();
        prop_assert!(side.link.take_transmit().len() <= 2 * (incoming + 3 * 20) * 16);
        side.pass(60_000);
        side.pass(60_000);
        side.pass(60_000);
        side.events();
        side.says(&[6, 0x0f, 0]);
        prop_assert_eq!(side.received(), vec![vec![6, 0x0f, 0]]);
    }
}
