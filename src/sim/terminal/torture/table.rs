//! What is tried: one row per fault of payment-terminal.md 6.2.

use std::time::Duration;

use super::counter::{Around, Provider};
use super::verdict::End;
use crate::payment::zvt::ZvtConfig;
use crate::sale::Terms;
use crate::sim::terminal::{Bank, Cardholder, Dialect, Fault, FaultRule, Pin, Quirk, TerminalOptions, TerminalPanel};

const AUTHORISE: (u8, u8) = (0x06, 0x01);
const STATUS: (u8, u8) = (0x04, 0x0F);
const PROMPT: (u8, u8) = (0x04, 0xFF);
const COMPLETION: (u8, u8) = (0x06, 0x0F);
const ABORTED: (u8, u8) = (0x06, 0x1E);
const YES: (u8, u8) = (0x80, 0x00);
const NOT_YET: (u8, u8) = (0x84, 0x9C);

/// What a case needs.
pub(super) struct Setup {
    pub(super) options: TerminalOptions,
    pub(super) around: Around,
    pub(super) rules: Vec<FaultRule>,
    pub(super) prepare: Option<fn(&TerminalPanel)>,
    pub(super) configure: fn(ZvtConfig) -> ZvtConfig,
    pub(super) terms: fn(Terms) -> Terms,
    /// How many sales; `around` counts for the last.
    pub(super) sales: u32,
}

impl Setup {
    pub(super) fn new(options: TerminalOptions) -> Setup {
        Setup {
            options,
            around: Around::default(),
            rules: Vec::new(),
            prepare: None,
            configure: |config| config,
            terms: |terms| terms,
            sales: 1,
        }
    }

    fn visitor(&mut self, cardholder: Cardholder) {
        self.options.cardholder = cardholder;
    }

    fn rule(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }
}

/// One row.
pub(super) struct Case {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) arrange: fn(&mut Setup),
    pub(super) allowed: fn(&Dialect) -> &'static [End],
    /// Once for each record, killed at it.
    pub(super) kills: bool,
}

const DELIVERED: fn(&Dialect) -> &'static [End] = |_| &[End::Delivered];
const NOT_CHARGED: fn(&Dialect) -> &'static [End] = |_| &[End::NotCharged];
/// The line broke at the approval: gone, or kept by the terminal and then given back.
const NOTHING_LOST: fn(&Dialect) -> &'static [End] = |_| &[End::NotCharged, End::Refunded, End::Delivered];
/// As before, and where nobody answers a case is right.
const OR_CASE: fn(&Dialect) -> &'static [End] =
    |_| &[End::NotCharged, End::Refunded, End::Delivered, End::RefundDue, End::Doubtful];

fn case(
    id: &'static str,
    what: &'static str,
    allowed: fn(&Dialect) -> &'static [End],
    arrange: fn(&mut Setup),
) -> Case {
    Case { id, what, arrange, allowed, kills: false }
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn approval(fault: Fault) -> FaultRule {
    FaultRule::sent(STATUS, 1, fault).after(AUTHORISE)
}

fn decision(fault: Fault) -> FaultRule {
    FaultRule::heard(YES, 1, fault).after(AUTHORISE).after(STATUS)
}

/// All rows.
pub(super) fn table() -> Vec<Case> {
    let mut rows = cardholders();
    rows.extend(orders());
    rows.extend(lost_lines());
    rows.extend(bad_lines());
    rows.extend(power());
    rows.extend(slowness());
    rows.extend(oddities());
    rows
}

fn cardholders() -> Vec<Case> {
    vec![
        case("F00", "a purchase as it should be", DELIVERED, |_| {}),
        case("F01", "nobody presents a card", NOT_CHARGED, |t| t.visitor(Cardholder::absent())),
        case("F02", "STOP at the PIN prompt", NOT_CHARGED, |t| {
            t.visitor(Cardholder::default().with_pin(Pin::Stops { after: s(4) }));
        }),
        case("F03", "PIN never typed, 120 s of silence", NOT_CHARGED, |t| {
            t.visitor(Cardholder::default().with_pin(Pin::Leaves));
        }),
        case("F04", "declined with a text", NOT_CHARGED, |t| t.visitor(Cardholder::declined(5, "Karte abgelehnt"))),
        case("F05", "PIN wrong, then right", DELIVERED, |t| {
            t.visitor(Cardholder::default().with_pin(Pin::Types { each: s(5), wrong: 1 }));
        }),
        case("F06", "PIN wrong three times", NOT_CHARGED, |t| {
            t.visitor(Cardholder::default().with_pin(Pin::Types { each: s(5), wrong: 3 }));
        }),
        case("F07", "the bank cannot be reached", NOT_CHARGED, |t| {
            t.visitor(Cardholder::default().with_bank(Bank::Unreachable));
        }),
        case("F08a", "cancelled while the card is waited for", NOT_CHARGED, |t| {
            t.visitor(Cardholder { presents: Some(s(20)), ..Cardholder::default() });
            t.around.cancels_after = Some(s(3));
        }),
        case("F08b", "cancelled while the bank is asked", NOT_CHARGED, |t| {
            t.visitor(Cardholder { latency: s(10), ..Cardholder::default() });
            t.around.cancels_after = Some(s(5));
        }),
        case("F08c", "cancelled before the command was taken", NOT_CHARGED, |t| {
            t.around.cancels_after = Some(ms(0));
            t.rule(FaultRule::sent(YES, 1, Fault::Slow(s(2))).after(AUTHORISE));
        }),
    ]
}

fn orders() -> Vec<Case> {
    vec![
        case("F09a", "the order takes 60 s", DELIVERED, |t| t.around.provider = Provider::Delivers(s(60))),
        case("F09b", "the order takes longer than the hold", NOT_CHARGED, |t| {
            t.around.provider = Provider::Delivers(s(200));
        }),
        case("F09c", "the terminal waits three times only", NOT_CHARGED, |t| {
            t.around.provider = Provider::Delivers(s(60));
            t.around.hold_count = 3;
        }),
        case("F09d", "the terminal holds 14 s whatever is asked", NOT_CHARGED, |t| {
            t.around.provider = Provider::Delivers(s(60));
            t.options.hold_max = Some(s(14));
        }),
        case("F09e", "no hold fields, 14 s, quick order", DELIVERED, |t| {
            t.configure = |config| ZvtConfig { hold_fields: false, ..config };
            t.terms = |terms| Terms { hold_ms: 14_000, ..terms };
        }),
        case("F10", "the order is refused", NOT_CHARGED, |t| t.around.provider = Provider::Refuses(s(4))),
        case("F10b", "the provider never answers", NOT_CHARGED, |t| t.around.provider = Provider::Forgets(s(900))),
    ]
}

fn lost_lines() -> Vec<Case> {
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

fn bad_lines() -> Vec<Case> {
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
        case("F21f", "the same, and the order is refused", NOT_CHARGED, |t| {
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

fn power() -> Vec<Case> {
    vec![
        case("F24a", "power cut at rest", DELIVERED, |t| {
            t.prepare = Some(|panel| panel.power_cycle(s(20)));
            t.options.forgets_registration = true;
        }),
        case("F24b", "power cut while the card is waited for", NOT_CHARGED, |t| {
            t.rule(FaultRule::sent(PROMPT, 1, Fault::PowerCycleAfter(s(20))).after(AUTHORISE));
        }),
        case("F24c", "power cut between approval and answer", NOTHING_LOST, |t| {
            t.rule(approval(Fault::PowerCycleAfter(s(20))));
        }),
        case("F24d", "the same, and the registration is forgotten", NOTHING_LOST, |t| {
            t.options.forgets_registration = true;
            t.rule(approval(Fault::PowerCycleAfter(s(20))));
        }),
        case("F24e", "power cut after the answer was acknowledged", NOTHING_LOST, |t| {
            t.rule(decision(Fault::PowerCycleAfter(s(20))));
        }),
        case("F24f", "power cut before the Completion", DELIVERED, |t| {
            t.rule(FaultRule::sent(COMPLETION, 1, Fault::PowerCycle(s(20))).after(AUTHORISE).after(STATUS));
        }),
        Case {
            kills: true,
            ..case("F25", "kiosk killed at each record", OR_CASE, |t| t.around.provider = Provider::Delivers(s(7)))
        },
        Case {
            kills: true,
            ..case("F25b", "the same with a refused order", OR_CASE, |t| t.around.provider = Provider::Refuses(s(7)))
        },
        Case {
            kills: true,
            ..case("F37", "killed while the terminal holds and repeats", OR_CASE, |t| {
                t.around.provider = Provider::Delivers(s(12));
                t.options.asks_again = ms(500);
            })
        },
        Case {
            kills: true,
            ..case("F37b", "killed, second sale at the same terminal", OR_CASE, |t| {
                t.around.provider = Provider::Delivers(s(12));
                t.sales = 2;
            })
        },
        Case {
            kills: true,
            ..case("F37c", "killed, and a busy terminal tells the old payment", OR_CASE, |t| {
                t.around.provider = Provider::Delivers(s(12));
                t.options.busy_repeats_receipt = true;
                t.sales = 2;
            })
        },
    ]
}

fn slowness() -> Vec<Case> {
    vec![
        case("F26a", "Completion after 25 s", DELIVERED, |t| t.options.completion_takes = s(25)),
        case("F26b", "registration takes 9 s", DELIVERED, |t| t.options.registration_takes = s(9)),
        case("F26c", "a prompt every 20 s for 6 minutes", DELIVERED, |t| {
            t.options.chatter = Some(s(20));
            t.visitor(Cardholder { latency: s(360), ..Cardholder::default() });
        }),
        case("F27", "nothing for 400 s", OR_CASE, |t| {
            t.visitor(Cardholder { latency: s(400), ..Cardholder::default() });
        }),
        case("F28", "last transaction empty after a lost Completion", OR_CASE, |t| {
            t.options.dialect.repeat_is_empty = true;
            t.rule(decision(Fault::CutAfter(s(60))));
        }),
        case("F29a", "the reversal takes back too little", OR_CASE, |t| {
            t.options.reversal_falls_short = 100;
            t.around.provider = Provider::Refuses(s(7));
            t.rule(approval(Fault::CutAfter(s(60))));
        }),
        case("F29b", "the reversal wants a card", OR_CASE, |t| {
            t.options.reversal_wants_card = true;
            t.around.provider = Provider::Refuses(s(7));
            t.rule(approval(Fault::CutAfter(s(60))));
        }),
        case("F29c", "the answer to the reversal is lost", OR_CASE, |t| {
            t.around.provider = Provider::Refuses(s(7));
            t.rule(approval(Fault::CutAfter(s(60))));
            t.rule(FaultRule::heard((0x06, 0x30), 1, Fault::CutAfter(s(30))));
        }),
        case("F30a", "less approved than asked", NOT_CHARGED, |t| {
            t.visitor(Cardholder::default().with_bank(Bank::ApprovesOnly(1_000)));
        }),
        case("F30b", "approved offline", NOT_CHARGED, |t| {
            t.visitor(Cardholder::default().with_bank(Bank::ApprovesOffline));
        }),
        case(
            "F31a",
            "the end of day is open",
            |_| &[End::NotCharged, End::Delivered],
            |t| {
                t.prepare = Some(TerminalPanel::lock_day);
            },
        ),
        case("F31b", "the end of day is open and fails", NOT_CHARGED, |t| {
            t.prepare = Some(TerminalPanel::lock_day);
            t.options.failing_days = 100;
        }),
    ]
}

fn oddities() -> Vec<Case> {
    vec![
        case(
            "F32",
            "the terminal wants its own paper",
            |_| &[End::NotCharged],
            |t| {
                t.prepare = Some(|panel| panel.set_status(0xCC));
            },
        ),
        case("F33", "nobody answers on the port", NOT_CHARGED, |t| t.prepare = Some(|panel| panel.mute(None))),
        case("F34a", "an approval without a result code", NOT_CHARGED, |t| {
            t.options.quirk = Some(Quirk::ResultMissing);
        }),
        case("F34b", "an unknown field at the end of the approval", DELIVERED, |t| {
            t.options.quirk = Some(Quirk::UnknownField);
        }),
        case("F34c", "Completion with no approval before it", NOT_CHARGED, |t| {
            t.options.quirk = Some(Quirk::CompletesUntold);
            t.visitor(Cardholder::declined(5, ""));
        }),
        case("F34d", "another approval after \"goods issued\"", DELIVERED, |t| {
            t.options.quirk = Some(Quirk::SecondApproval);
        }),
        case("F34e", "Completion with a result code after booking", DELIVERED, |t| {
            t.options.quirk = Some(Quirk::OddCompletion);
        }),
        case("F35", "numbers wrap, DLE in every field", DELIVERED, |t| {
            t.options.next_receipt = 9_999;
            t.options.next_trace = 101_010;
            t.options.cardholder.last_four = 1_010;
            t.around.amount_minor = 101_010;
            t.sales = 3;
        }),
        case("F36a", "wrong password", NOT_CHARGED, |t| t.options.password = 0),
        case("F36b", "wrong currency", NOT_CHARGED, |t| t.options.currency = 756),
        case("A1", "06 1E follows although booked", DELIVERED, |t| t.options.aborts_after_booking = true),
        case("A2", "the same, and the line is lost", NOTHING_LOST, |t| {
            t.options.aborts_after_booking = true;
            t.rule(FaultRule::sent(ABORTED, 1, Fault::Cut(s(60))).after(AUTHORISE));
        }),
    ]
}
