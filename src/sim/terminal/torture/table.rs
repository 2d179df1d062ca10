//! What is tried: one row per fault of payment-terminal.md 6.2.

use std::time::Duration;

use super::counter::{Around, Provider};
use super::verdict::End;
use crate::payment::zvt::ZvtConfig;
use crate::sale::Terms;
use crate::sim::terminal::{Bank, Cardholder, Dialect, Fault, FaultRule, Pin, Quirk, TerminalOptions, TerminalPanel};

pub(super) const AUTHORISE: (u8, u8) = (0x06, 0x01);
pub(super) const STATUS: (u8, u8) = (0x04, 0x0F);
pub(super) const PROMPT: (u8, u8) = (0x04, 0xFF);
pub(super) const COMPLETION: (u8, u8) = (0x06, 0x0F);
pub(super) const ABORTED: (u8, u8) = (0x06, 0x1E);
pub(super) const PRINT_LINE: (u8, u8) = (0x06, 0xD1);
pub(super) const PRINT_BLOCK: (u8, u8) = (0x06, 0xD3);
pub(super) const YES: (u8, u8) = (0x80, 0x00);
pub(super) const NOT_YET: (u8, u8) = (0x84, 0x9C);

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

    pub(super) fn visitor(&mut self, cardholder: Cardholder) {
        self.options.cardholder = cardholder;
    }

    pub(super) fn rule(&mut self, rule: FaultRule) {
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

pub(super) const DELIVERED: fn(&Dialect) -> &'static [End] = |_| &[End::Delivered];
pub(super) const NOT_CHARGED: fn(&Dialect) -> &'static [End] = |_| &[End::NotCharged];
/// The line broke at the approval: gone, or kept by the terminal and then given back.
pub(super) const NOTHING_LOST: fn(&Dialect) -> &'static [End] = |_| &[End::NotCharged, End::Refunded, End::Delivered];
/// As before, and where nobody answers a case is right.
pub(super) const OR_CASE: fn(&Dialect) -> &'static [End] =
    |_| &[End::NotCharged, End::Refunded, End::Delivered, End::RefundDue, End::Doubtful];

pub(super) fn case(
    id: &'static str,
    what: &'static str,
    allowed: fn(&Dialect) -> &'static [End],
    arrange: fn(&mut Setup),
) -> Case {
    Case { id, what, arrange, allowed, kills: false }
}

pub(super) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(super) fn approval(fault: Fault) -> FaultRule {
    FaultRule::sent(STATUS, 1, fault).after(AUTHORISE)
}

pub(super) fn decision(fault: Fault) -> FaultRule {
    FaultRule::heard(YES, 1, fault).after(AUTHORISE).after(STATUS)
}

/// All rows.
pub(super) fn table() -> Vec<Case> {
    let mut rows = cardholders();
    rows.extend(orders());
    rows.extend(super::lines::lost_lines());
    rows.extend(super::lines::bad_lines());
    rows.extend(super::lines::repeats());
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
        case("F24g", "ACK of the command lost, power cut before its \"yes\"", DELIVERED, |t| {
            t.rule(FaultRule::heard(AUTHORISE, 1, Fault::DropAck));
            t.rule(FaultRule::sent(YES, 1, Fault::PowerCycle(ms(700))).after(AUTHORISE));
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
