//! "Was the card charged?" and the baseline: wait for rest, read the last transaction, read the totals (2.9).

use std::time::Duration;

use tokio::time::Instant;

use super::duty::{CommandEnd, Duty, Running, Step};
use super::{LineState, Session};
use crate::payment::zvt::message::command;
use crate::payment::{LastTransaction, QueryTag, TerminalEvent, Totals};

/// A query under way.
pub(super) struct Query {
    tag: QueryTag,
    pub(super) give_up: Instant,
    phase: Phase,
    at_rest: bool,
    last: Option<LastTransaction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Rest,
    Last,
    Totals,
}

impl Query {
    pub(super) fn new(tag: QueryTag, patience: Duration, now: Instant) -> Self {
        Query { tag, give_up: now + patience, phase: Phase::Rest, at_rest: false, last: None }
    }
}

impl Session {
    pub(super) fn query_begins(&mut self, query: Query, now: Instant) -> Step {
        if now >= query.give_up {
            return self.query_over(query, None, "the terminal did not come to rest in time");
        }
        Step::Run(Duty::Query(query), self.status_enquiry())
    }

    pub(super) fn query_ended(&mut self, mut query: Query, run: Running, end: CommandEnd, now: Instant) -> Step {
        match query.phase {
            Phase::Rest => self.rest_asked(query, end, now),
            Phase::Last => {
                let lost = matches!(end, CommandEnd::Lost { .. });
                query.last = Some(last_transaction(&run, end));
                if lost || !self.config.tells_totals {
                    return self.query_over(query, None, "");
                }
                query.phase = Phase::Totals;
                let apdu = command::with_password(0x10, self.config.password);
                Step::Run(Duty::Query(query), apdu)
            }
            Phase::Totals => {
                let totals = match end {
                    CommandEnd::Completed(completion)
                        if matches!(completion.completed().result_code, None | Some(0)) =>
                    {
                        run.last_status()
                            .filter(|status| status.transaction.result_code == Some(0))
                            .and_then(|s| s.totals)
                    }
                    _ => None,
                };
                self.query_over(query, totals, "")
            }
        }
    }

    fn rest_asked(&mut self, mut query: Query, end: CommandEnd, now: Instant) -> Step {
        let status = match end {
            CommandEnd::Completed(completion) => completion.enquiry().map(|enquiry| enquiry.status),
            // It answers, so it is there and at no command of ours.
            CommandEnd::Aborted(abort) => Some(abort.code),
            CommandEnd::Refused { code, .. } => Some(code),
            CommandEnd::Accepted => None,
            CommandEnd::Lost { .. } => {
                self.next_setup = now + self.config.timers.poll_busy;
                self.queue.push_front(Duty::Query(query));
                return Step::Done;
            }
        };
        let pause = self.config.timers.poll_busy;
        let busy = status.is_none_or(|status| status == 0x9c);
        let hold_over = self.unsettled.map(|since| since + self.config.timers.longest_hold);
        let held = hold_over.is_some_and(|over| now < over);
        if (busy || held) && now + pause < query.give_up {
            return Step::Pause(Duty::Query(query), now + pause);
        }
        if busy {
            return self.query_over(query, None, "the terminal was busy until the end of our patience");
        }
        query.at_rest = !held;
        if !held {
            self.unsettled = None;
        }
        if !self.config.tells_last {
            query.last = Some(LastTransaction::Silent { evidence: "this terminal never answers 06 20".to_owned() });
            if !self.config.tells_totals {
                return self.query_over(query, None, "");
            }
            query.phase = Phase::Totals;
            return Step::Run(Duty::Query(query), command::with_password(0x10, self.config.password));
        }
        query.phase = Phase::Last;
        let apdu = command::repeat_receipt(self.config.password, 0x03);
        Step::Run(Duty::Query(query), apdu)
    }

    /// Tells the answer.
    fn query_over(&mut self, query: Query, totals: Option<Totals>, evidence: &str) -> Step {
        let silent = || LastTransaction::Silent { evidence: evidence.to_owned() };
        let last = query.last.unwrap_or_else(silent);
        self.emit(TerminalEvent::Answered { tag: query.tag, last, totals, at_rest: query.at_rest });
        Step::Done
    }

    /// Too many orders wait.
    pub(super) fn refuse_query(&mut self, query: Query) {
        let _: Step = self.query_over(query, None, "too many orders wait for the terminal");
    }

    /// Queries that waited for a line or for the duty before them until their patience ended.
    pub(super) fn give_up_waiting(&mut self, now: Instant) {
        let over = |duty: &Duty| duty.give_up().is_some_and(|give_up| now >= give_up);
        while let Some(at) = self.queue.iter().position(over) {
            let evidence = match self.line {
                LineState::Down => "the line to the terminal was down",
                LineState::Listening(_) => "the line had just been opened",
                LineState::Up => "the terminal could not be asked in time",
            };
            if let Some(Duty::Query(query)) = self.queue.remove(at) {
                let _: Step = self.query_over(query, None, evidence);
            }
        }
    }
}

/// What `06 20` said.
fn last_transaction(run: &Running, end: CommandEnd) -> LastTransaction {
    let silent = |evidence: String| LastTransaction::Silent { evidence };
    match (end, run.last_status()) {
        (CommandEnd::Completed(_), Some(status)) if status.transaction.result_code.is_none() => {
            silent("06 20 was answered with a transaction without a result".to_owned())
        }
        (CommandEnd::Completed(_), Some(status)) => LastTransaction::Is(Box::new(status.transaction.clone())),
        (CommandEnd::Completed(completion), None) => match completion.completed().result_code {
            None | Some(0) => LastTransaction::Empty,
            Some(code) => silent(format!("06 20 ended with result {code:02X} and no transaction")),
        },
        (CommandEnd::Aborted(abort), _) => silent(format!("06 20 was aborted with {:02X}", abort.code)),
        (CommandEnd::Refused { code, .. }, _) => silent(format!("06 20 was refused with 84 {code:02X}")),
        (CommandEnd::Accepted, _) => silent("06 20 was accepted and not ended".to_owned()),
        (CommandEnd::Lost { evidence }, _) => silent(format!("06 20: {evidence}")),
    }
}
