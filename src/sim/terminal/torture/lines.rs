//! Rows about the line: lost at every moment, noisy, slow to acknowledge.

use super::counter::Provider;
use super::table::*;
use super::verdict::End;
use crate::sim::terminal::{Cardholder, Fault, FaultRule};

pub(super) fn lost_lines() -> Vec<Case> {
    vec![
        case("F11a", "line lost before the approval, 40 s", NOTHING_LOST, |t| t.rule(approval(Fault::Cut(s(40))))),
        case("F11b", "line lost at the first prompt, 40 s", OR_CASE, |t| {
            t.rule(FaultRule::sent(PROMPT, 1, Fault::Cut(s(40))).after(AUTHORISE));
        }),
        case("F11c", "line lost at the command, 40 s", NOT_CHARGED, |t| {
            t.rule(FaultRule::heard(AUTHORISE, 1, Fault::Cut(s(40))));
        }),
        case("F11d", "line lost after the command was taken, 40 s", NOTHING_LOST, |t| {
            t.rule(FaultRule::heard(AUTHORISE, 1, Fault::CutAfter(s(40))));
        }),
        case("F11e", "adapter pulled while the card is waited for", NOTHING_LOST, |t| {
            t.rule(FaultRule::sent(PROMPT, 2, Fault::Unplug(s(25))).after(AUTHORISE));
        }),
        case(
            "F11f",
            "line never comes back",
            |_| &[End::Doubtful],
            |t| {
                t.rule(approval(Fault::Cut(s(1_000_000))));
            },
        ),
        case("F12a", "line lost after the approval, 40 s", NOTHING_LOST, |t| t.rule(approval(Fault::CutAfter(s(40))))),
        case("F12b", "line lost after the approval, 150 s", OR_CASE, |t| t.rule(approval(Fault::CutAfter(s(150))))),
        case("F12c", "line lost after \"not yet\", 60 s", NOTHING_LOST, |t| {
            t.around.provider = Provider::Delivers(s(20));
            t.rule(FaultRule::heard(NOT_YET, 2, Fault::CutAfter(s(60))).after(AUTHORISE));
        }),
        case("F12d", "adapter pulled while the payment is held", NOTHING_LOST, |t| {
            t.around.provider = Provider::Delivers(s(20));
            t.rule(FaultRule::heard(NOT_YET, 1, Fault::Unplug(s(20))).after(AUTHORISE));
        }),
        case("F13a", "ACK of \"goods issued\" lost", DELIVERED, |t| t.rule(decision(Fault::DropAck))),
        case("F13b", "ACK of \"goods issued\" lost three times", DELIVERED, |t| {
            t.rule(decision(Fault::DropAck).times(3));
        }),
        case("F13c", "\"goods issued\" itself lost", DELIVERED, |t| t.rule(decision(Fault::Drop))),
        case("F13d", "\"goods issued\" lost three times", NOTHING_LOST, |t| t.rule(decision(Fault::Drop).times(3))),
        case("F13e", "ACK of \"not yet\" lost", DELIVERED, |t| {
            t.around.provider = Provider::Delivers(s(10));
            t.rule(FaultRule::heard(NOT_YET, 1, Fault::DropAck).after(AUTHORISE).times(2));
        }),
        case("F14a", "line lost after the answer, 60 s", NOTHING_LOST, |t| t.rule(decision(Fault::CutAfter(s(60))))),
        case("F14b", "Completion lost", DELIVERED, |t| {
            t.rule(FaultRule::sent(COMPLETION, 1, Fault::Drop).after(AUTHORISE).after(STATUS).times(3));
        }),
        case("F15", "cable out for 5 s at the approval", DELIVERED, |t| t.rule(approval(Fault::Cut(s(5))))),
    ]
}

/// Refused, bent, noisy and late.
pub(super) fn bad_lines() -> Vec<Case> {
    vec![
        case("F16a", "NAK on the command once", DELIVERED, |t| t.rule(FaultRule::heard(AUTHORISE, 1, Fault::Nak))),
        case("F16b", "NAK twice", DELIVERED, |t| t.rule(FaultRule::heard(AUTHORISE, 1, Fault::Nak).times(2))),
        case("F16c", "NAK three times", NOT_CHARGED, |t| t.rule(FaultRule::heard(AUTHORISE, 1, Fault::Nak).times(3))),
        case("F17a", "bit error in the approval once", DELIVERED, |t| t.rule(approval(Fault::Corrupt(77)))),
        case("F17b", "bit error in the approval three times", NOTHING_LOST, |t| {
            t.rule(approval(Fault::Corrupt(77)).times(3));
        }),
        case("F18a", "noise before the approval", DELIVERED, |t| {
            t.rule(approval(Fault::Noise(vec![0x55, 0x06, 0x15, 0x10, 0xFF])));
        }),
        case("F18b", "a lone DLE before the approval", DELIVERED, |t| t.rule(approval(Fault::Noise(vec![0x10])))),
        case("F18c", "half a frame before the approval", DELIVERED, |t| {
            t.rule(approval(Fault::Noise(vec![0x10, 0x02, 0x04, 0x0F, 0x02, 0x27])));
        }),
        case("F18d", "noise before every kind of message", DELIVERED, |t| {
            for message in [YES, PROMPT, STATUS, COMPLETION] {
                t.rule(FaultRule::sent(message, 1, Fault::Noise(vec![0x00, 0x15, 0x06])).after(AUTHORISE));
            }
        }),
        case("F19a", "a pause of 190 ms inside the approval", DELIVERED, |t| t.rule(approval(Fault::Gap(ms(190))))),
        case("F19b", "a pause of 210 ms inside the approval", DELIVERED, |t| t.rule(approval(Fault::Gap(ms(210))))),
        case("F20a", "ACK of the command after 4.9 s", DELIVERED, |t| {
            t.rule(FaultRule::heard(AUTHORISE, 1, Fault::LateAck(ms(4_900))));
        }),
        case("F20b", "ACK of the command after 5.1 s", NOTHING_LOST, |t| {
            t.rule(FaultRule::heard(AUTHORISE, 1, Fault::LateAck(ms(5_100))));
        }),
        case("F20c", "\"yes\" to the command after 4.9 s", DELIVERED, |t| {
            t.rule(FaultRule::sent(YES, 1, Fault::Slow(ms(4_900))).after(AUTHORISE));
        }),
        case("F20d", "\"yes\" to the command after 5.1 s", NOTHING_LOST, |t| {
            t.rule(FaultRule::sent(YES, 1, Fault::Slow(ms(5_100))).after(AUTHORISE));
        }),
    ]
}

/// Said twice, and said by both sides at once.
pub(super) fn repeats() -> Vec<Case> {
    vec![
        case("F21a", "each message twice", DELIVERED, |t| {
            for message in [YES, PROMPT, STATUS, COMPLETION] {
                t.rule(FaultRule::sent(message, 1, Fault::Duplicate).after(AUTHORISE));
            }
        }),
        case("F21b", "the kiosk's ACK of the approval lost", DELIVERED, |t| t.rule(approval(Fault::LoseAck))),
        case("F21c", "the kiosk's ACK lost at prompt and Completion", DELIVERED, |t| {
            for message in [PROMPT, COMPLETION] {
                t.rule(FaultRule::sent(message, 1, Fault::LoseAck).after(AUTHORISE));
            }
        }),
        case("F21d", "ACK of the answer to the last prompt lost", DELIVERED, |t| {
            for nth in 1..6 {
                t.rule(FaultRule::heard(YES, nth, Fault::DropAck).after(AUTHORISE));
            }
        }),
        case("F21h", "each line of the receipt twice", DELIVERED, |t| {
            for nth in 1..40 {
                t.rule(FaultRule::sent(PRINT_LINE, nth, Fault::Duplicate).after(AUTHORISE));
                t.rule(FaultRule::sent(PRINT_BLOCK, nth, Fault::Duplicate).after(AUTHORISE));
            }
        }),
        case("F21i", "the kiosk's ACK of receipts lost", DELIVERED, |t| {
            t.rule(FaultRule::sent(PRINT_LINE, 1, Fault::LoseAck).after(AUTHORISE));
            t.rule(FaultRule::sent(PRINT_BLOCK, 1, Fault::LoseAck).after(AUTHORISE));
        }),
        case("F21f", "ACK of a prompt's answer lost, order refused", NOT_CHARGED, |t| {
            t.around.provider = Provider::Refuses(s(9));
            for nth in 1..6 {
                t.rule(FaultRule::heard(YES, nth, Fault::DropAck).after(AUTHORISE));
            }
        }),
        case("F21g", "each message twice, and the order is refused", NOT_CHARGED, |t| {
            t.around.provider = Provider::Refuses(s(9));
            for message in [YES, PROMPT, STATUS] {
                t.rule(FaultRule::sent(message, 1, Fault::Duplicate).after(AUTHORISE));
            }
            t.rule(FaultRule::sent(PROMPT, 3, Fault::Duplicate).after(AUTHORISE));
        }),
        case("F21e", "the refusal twice", NOT_CHARGED, |t| {
            t.visitor(Cardholder::declined(5, "Karte abgelehnt"));
            for message in [STATUS, ABORTED] {
                t.rule(FaultRule::sent(message, 1, Fault::Duplicate).after(AUTHORISE));
            }
        }),
        case("F22", "the same prompt again and again, each new", DELIVERED, |t| {
            t.options.chatter = Some(ms(500));
            t.visitor(Cardholder { latency: s(8), ..Cardholder::default() });
        }),
        case("F23", "cancel meets a prompt on the line", NOTHING_LOST, |t| {
            t.around.cancels_after = Some(ms(2_000));
            t.rule(FaultRule::sent(PROMPT, 2, Fault::Gap(ms(100))).after(AUTHORISE));
        }),
    ]
}
