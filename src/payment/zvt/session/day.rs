//! End of day (`06 50`): asked for, and what came of it.

use tokio::time::Instant;

use super::Session;
use super::duty::{CommandEnd, Duty, Running, Step};
use crate::payment::zvt::message::command;
use crate::payment::{DayOutcome, TerminalEvent, TerminalHealth};

/// More open pre-authorisations than a kiosk can have made: the clearing stops there.
const PREAUTHORISATIONS_MAX: u8 = 50;

/// An end of day under way.
pub(super) struct DayDuty {
    phase: Phase,
    cleared: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Clearing,
    GivingBack,
    Closing,
}

impl DayDuty {
    pub(super) fn new() -> Self {
        DayDuty { phase: Phase::Closing, cleared: 0 }
    }
}

impl Session {
    pub(super) fn day_begins(&mut self, mut day: DayDuty) -> Step {
        if self.config.clear_preauthorisations && day.cleared < PREAUTHORISATIONS_MAX {
            day.phase = Phase::Clearing;
            return Step::Run(Duty::Day(day), command::open_preauthorisations());
        }
        self.close_day(day)
    }

    fn close_day(&mut self, mut day: DayDuty) -> Step {
        day.phase = Phase::Closing;
        self.say_health(TerminalHealth::Busy);
        Step::Run(Duty::Day(day), command::with_password(0x50, self.config.password))
    }

    pub(super) fn day_ended(&mut self, mut day: DayDuty, run: Running, end: CommandEnd, now: Instant) -> Step {
        match day.phase {
            Phase::Clearing => {
                let receipt = match end {
                    CommandEnd::Aborted(abort) if abort.code == 0xb8 => {
                        abort.receipt.filter(|receipt| receipt != "ffff").or_else(|| abort.open.first().cloned())
                    }
                    _ => None,
                };
                match receipt.and_then(|receipt| command::preauthorisation_reversal(&receipt)) {
                    Some(apdu) => {
                        day.phase = Phase::GivingBack;
                        day.cleared += 1;
                        Step::Run(Duty::Day(day), apdu)
                    }
                    None => self.close_day(day),
                }
            }
            Phase::GivingBack => self.day_begins(day),
            Phase::Closing => {
                self.next_poll = now;
                let outcome = outcome(&run, end);
                self.emit(TerminalEvent::DayClosed { outcome, unasked: false });
                Step::Done
            }
        }
    }

    /// The terminal said that it closes the day while it did something else for us: a barrier passed (sale.md 5).
    pub(super) fn day_closed_unasked(&mut self, end: &CommandEnd) {
        let outcome = match end {
            CommandEnd::Lost { evidence } => DayOutcome::Unknown { evidence: evidence.clone() },
            _ => DayOutcome::Closed { totals: None },
        };
        self.emit(TerminalEvent::DayClosed { outcome, unasked: true });
    }

    /// The order cannot reach the terminal: the day is surely open.
    pub(super) fn refuse_day(&mut self) {
        let outcome = DayOutcome::Refused { result_code: super::payment::NOT_REGISTERED };
        self.emit(TerminalEvent::DayClosed { outcome, unasked: false });
    }
}

/// `06 0F` with E0 closes the day too: the terminal then updates itself and is deaf for minutes (SEQ-11).
fn outcome(run: &Running, end: CommandEnd) -> DayOutcome {
    match end {
        CommandEnd::Completed(completion) => {
            let completed = completion.completed();
            let said = run.last_status().and_then(|status| status.transaction.result_code);
            match (completed.result_code, said) {
                (None | Some(0x00 | 0xe0), None | Some(0)) => {
                    DayOutcome::Closed { totals: run.last_status().and_then(|status| status.totals) }
                }
                (None | Some(0x00 | 0xe0), Some(result_code)) | (Some(result_code), _) => {
                    DayOutcome::Refused { result_code }
                }
            }
        }
        CommandEnd::Aborted(abort) if run.last_status().is_some_and(|s| s.transaction.result_code == Some(0)) => {
            DayOutcome::Unknown { evidence: format!("04 0F said yes, then 06 1E {:02X}", abort.code) }
        }
        CommandEnd::Aborted(abort) => DayOutcome::Refused { result_code: abort.code },
        CommandEnd::Refused { code, .. } => DayOutcome::Refused { result_code: code },
        CommandEnd::Accepted => DayOutcome::Unknown { evidence: "accepted and never ended".to_owned() },
        CommandEnd::Lost { evidence } => DayOutcome::Unknown { evidence },
    }
}
