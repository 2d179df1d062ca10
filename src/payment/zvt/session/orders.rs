//! Orders of the kiosk and of operators: which are carried out at once, which wait, which cannot be.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::day::DayDuty;
use super::duty::Duty;
use super::payment::Payment;
use super::query::Query;
use super::reversal::Reversal;
use super::task::Task;
use super::{LineState, ORDERS_MAX, Session};
use crate::payment::{OperatorReport, OperatorTask, TerminalHealth, TerminalOrder};

impl Session {
    /// Takes an order of the kiosk.
    pub(crate) fn order(&mut self, order: TerminalOrder, now: Instant) {
        match order {
            TerminalOrder::Answer { sale, approval, answer } => self.answer_approval(sale, &approval, answer, now),
            TerminalOrder::Abort { sale } => self.abort_sale(sale),
            TerminalOrder::Recover => {
                if self.registered {
                    self.next_poll = now;
                } else {
                    self.next_setup = now;
                }
            }
            TerminalOrder::Query { tag, patience_s } => {
                let patience = Duration::from_secs(u64::from(patience_s));
                self.wait_or_refuse(Duty::Query(Query::new(tag, patience, now)));
            }
            TerminalOrder::Authorise(request) => {
                self.wait_or_refuse(Duty::Payment(Box::new(Payment::new(request))));
            }
            TerminalOrder::Reverse { sale, receipt, trace, amount } => {
                self.wait_or_refuse(Duty::Reversal(Box::new(Reversal { sale, receipt, trace, amount })));
            }
            TerminalOrder::EndOfDay => self.wait_or_refuse(Duty::Day(DayDuty::new())),
        }
        self.go_on(now);
    }

    /// Takes an operator's task.
    pub(crate) fn task(&mut self, task: OperatorTask, reply: oneshot::Sender<OperatorReport>, now: Instant) {
        self.wait_or_refuse(Duty::Task(Box::new(Task::new(task, reply))));
        self.go_on(now);
    }

    fn wait_or_refuse(&mut self, duty: Duty) {
        let hopeless = match self.health {
            _ if self.registered => false,
            // At the start, and while the line listens, nothing is known yet: the order waits.
            None => false,
            Some(TerminalHealth::Ready | TerminalHealth::Busy) => self.line == LineState::Down,
            Some(_) => true,
        };
        let patient = matches!(duty, Duty::Query(_));
        if self.queue.len() >= ORDERS_MAX || (hopeless && !patient) {
            self.refuse(duty);
        } else {
            self.queue.push_back(duty);
        }
    }

    /// The terminal cannot be reached: everything that waits is told so, but the patient queries.
    pub(super) fn refuse_waiting(&mut self) {
        for duty in std::mem::take(&mut self.queue) {
            match duty {
                Duty::Query(query) => self.queue.push_back(Duty::Query(query)),
                other => self.refuse(other),
            }
        }
    }

    /// Tells that a duty was surely never begun.
    fn refuse(&mut self, duty: Duty) {
        match duty {
            Duty::Payment(payment) => self.refuse_payment(payment.sale()),
            Duty::Reversal(reversal) => self.refuse_reversal(reversal.sale),
            Duty::Day(_) => self.refuse_day(),
            Duty::Task(task) => self.refuse_task(*task),
            Duty::Query(query) => self.refuse_query(query),
            Duty::Care(_) => {}
        }
    }
}
