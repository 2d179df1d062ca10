//! Operators' tasks: one command each, and a report of what the terminal said. And the hold test.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::duty::{CommandEnd, Duty, Running, Step};
use super::{JobState, Output, Session};
use crate::payment::zvt::message::answer::{self, Acknowledgement, NOT_ISSUED};
use crate::payment::zvt::message::command::{self, Authorisation};
use crate::payment::zvt::message::incoming::{Completion, Incoming};
use crate::payment::zvt::message::{Apdu, StatusInformation, bmp, codes, tlv};
use crate::payment::{Answer, HoldMeasured, OperatorReport, OperatorTask, TerminalHealth, TerminalState};

/// Pace of `84 9C` in a hold test, as the kiosk's loop paces it.
const PACE: Duration = Duration::from_secs(2);
/// A terminal that holds longer is released: no eSIM order may take this long.
const HOLD_MAX: Duration = Duration::from_secs(150);
/// What the hold test asks the terminal for (BMP 01, 02).
const HOLD_ASKED: (u8, u8) = (120, 60);

/// A task under way.
pub(super) struct Task {
    task: OperatorTask,
    reply: oneshot::Sender<OperatorReport>,
    hold: Hold,
}

#[derive(Default)]
struct Hold {
    first: Option<Instant>,
    last: Option<Instant>,
    repeats: u32,
    /// When the waiting approval is answered "not yet".
    due: Option<(Instant, Option<u32>)>,
    released: bool,
}

impl Task {
    pub(super) fn new(task: OperatorTask, reply: oneshot::Sender<OperatorReport>) -> Self {
        Task { task, reply, hold: Hold::default() }
    }

    /// When something is to be said in a hold test.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.hold.due.map(|(at, _)| at)
    }

    /// Its approvals are held and never kept.
    pub(super) fn holds(&self) -> bool {
        matches!(self.task, OperatorTask::HoldTest { .. })
    }
}

impl Session {
    pub(super) fn task_begins(&mut self, task: Box<Task>, _now: Instant) -> Step {
        match self.task_command(&task.task) {
            Some(apdu) => Step::Run(Duty::Task(task), apdu),
            None => {
                let report = OperatorReport::failed("a receipt number has four digits, an amount at most twelve");
                self.report(*task, report)
            }
        }
    }

    fn task_command(&self, task: &OperatorTask) -> Option<Apdu> {
        let config = &self.config;
        let password = config.password;
        let minor = |amount: &crate::money::Amount| u64::try_from(amount.minor).ok();
        match task {
            OperatorTask::Status => {
                let service = config.status_service.map(|_| 0x05);
                Some(command::status_enquiry(service.map(|_| password), service))
            }
            OperatorTask::Register => Some(self.registration()),
            OperatorTask::Totals => Some(command::with_password(0x10, password)),
            OperatorTask::Last => Some(command::repeat_receipt(password, 0x03)),
            OperatorTask::Reverse { receipt, amount } => {
                let value = match amount {
                    Some(amount) => Some(minor(amount)?),
                    None => None,
                };
                command::reversal(password, receipt, value, amount.map(|amount| amount.currency.numeric()))
            }
            OperatorTask::Refund { amount } => command::refund(password, minor(amount)?, amount.currency.numeric()),
            OperatorTask::LogOff => Some(command::LOG_OFF),
            OperatorTask::OpenPreauthorisations => Some(command::open_preauthorisations()),
            OperatorTask::Initialise => Some(command::with_password(0x93, password)),
            OperatorTask::Diagnose => Some(command::diagnosis(None)),
            OperatorTask::SetClock => self.clock_command(),
            OperatorTask::PrintConfiguration => Some(command::PRINT_CONFIGURATION),
            OperatorTask::Restart => Some(command::RESET),
            OperatorTask::HoldTest { amount } => {
                let (seconds, count) = HOLD_ASKED;
                let fields = Authorisation {
                    hold_seconds: config.hold_fields.then_some(seconds),
                    hold_count: config.hold_fields.then_some(count),
                    amount_minor: minor(amount)?,
                    currency: config.send_currency.then(|| amount.currency.numeric()),
                    payment_type: config.payment_type,
                    tlv: Vec::new(),
                };
                fields.apdu()
            }
        }
    }

    /// `04 0F` in a hold test: an approval is kept waiting, and at the end always refused.
    pub(super) fn hold_test_status(&mut self, status: StatusInformation, id: Option<u32>, now: Instant) {
        let approves = status.approves();
        let leave = Acknowledgement::within_a_payment(&Incoming::Status(Box::new(status.clone())));
        if let Some(running) = self.running() {
            running.keep(status);
        }
        let Some(Duty::Task(task)) = self.job.as_mut().map(|job| &mut job.duty) else { return };
        if approves {
            let first = *task.hold.first.get_or_insert(now);
            if task.hold.last.replace(now).is_some() {
                task.hold.repeats += 1;
            }
            if now >= first + HOLD_MAX {
                task.hold.released = true;
                self.decide(NOT_ISSUED, id);
            } else {
                task.hold.due = Some((now + PACE, id));
            }
            return;
        }
        task.hold.due = None;
        match leave {
            Some(leave) => self.reply(leave, id),
            None => self.decide(NOT_ISSUED, id),
        }
    }

    /// "Not yet" is due in a hold test.
    pub(super) fn task_tick(&mut self, now: Instant) {
        let Some(job) = &mut self.job else { return };
        let (Duty::Task(task), JobState::Command(_)) = (&mut job.duty, &job.state) else { return };
        if let Some((at, id)) = task.hold.due
            && now >= at
        {
            task.hold.due = None;
            self.decide(answer::decision(Answer::NotYet), id);
        }
    }

    pub(super) fn task_ended(&mut self, task: Task, run: Running, end: CommandEnd, now: Instant) -> Step {
        let mut report = OperatorReport { lines: run.receipts.all(), ..OperatorReport::default() };
        if let Some(status) = run.last_status() {
            report.totals = status.totals;
            report.transaction = Some(Box::new(status.transaction.clone()));
        }
        let first_result = run.last_status().and_then(|status| status.transaction.result_code);
        match end {
            CommandEnd::Completed(completion) => self.task_completed(&task.task, &completion, &mut report),
            CommandEnd::Accepted => report.succeed("accepted"),
            CommandEnd::Aborted(abort) => {
                report.open = if abort.open.is_empty() { abort.receipt.into_iter().collect() } else { abort.open };
                report.open.retain(|receipt| receipt != "ffff");
                let listed = abort.code == 0xb8 && task.task == OperatorTask::OpenPreauthorisations;
                report.conclude(abort.code, listed, abort.text.unwrap_or_else(|| codes::result(abort.code).to_owned()));
            }
            CommandEnd::Refused { code, .. } => report.conclude(code, false, codes::result(code).to_owned()),
            CommandEnd::Lost { evidence } => {
                self.next_setup = now;
                if task.holds() || matches!(task.task, OperatorTask::Refund { .. } | OperatorTask::Reverse { .. }) {
                    self.unsettled = Some(now);
                }
                report.message = format!("the outcome is unknown: {evidence}");
            }
        }
        if let (true, Some(code)) = (report.ok && !task.holds(), first_result.filter(|&code| code != 0)) {
            report.conclude(code, false, codes::result(code).to_owned());
        }
        if matches!(task.task, OperatorTask::LogOff | OperatorTask::Restart) {
            self.registered = false;
            self.sequence = None;
            self.next_setup = now + self.config.timers.retry.1;
        }
        if task.holds() {
            hold_result(&task.hold, &mut report);
        }
        self.report(task, report)
    }

    fn task_completed(&mut self, task: &OperatorTask, completion: &Completion, report: &mut OperatorReport) {
        if *task == OperatorTask::Status {
            match completion.enquiry() {
                Some(enquiry) => {
                    report.succeed(codes::status(enquiry.status));
                    let text =
                        |tag| tlv::find_bytes(&enquiry.tlv, tag).map(|raw| String::from_utf8_lossy(raw).into_owned());
                    report.state = Some(TerminalState {
                        status: enquiry.status,
                        device: text(0x1f40),
                        terminal_id: tlv::find_bytes(&enquiry.tlv, 0x1f44).map(bmp::hex),
                        software: enquiry.software.or_else(|| text(0x1f41)),
                    });
                }
                None => report.message = "the status cannot be read".to_owned(),
            }
            return;
        }
        let completed = completion.completed();
        if *task == OperatorTask::Register && matches!(completed.result_code, None | Some(0)) {
            self.now_registered(&completed);
        }
        match completed.result_code {
            None | Some(0) => report.succeed("done"),
            Some(code) => report.conclude(code, false, codes::result(code).to_owned()),
        }
    }

    fn report(&mut self, task: Task, report: OperatorReport) -> Step {
        self.out.push_back(Output::Report(task.reply, Box::new(report)));
        Step::Done
    }

    /// The task cannot reach the terminal.
    pub(super) fn refuse_task(&mut self, task: Task) {
        let why = match &self.health {
            Some(TerminalHealth::PortLost { reason } | TerminalHealth::Misconfigured { reason }) => reason.clone(),
            _ => "no answer on the line: is the terminal switched on, and does [terminal] name its port and baud rate?"
                .to_owned(),
        };
        let report = OperatorReport::failed(&format!("nothing was sent: {why}"));
        let _: Step = self.report(task, report);
    }
}

/// What the hold test found.
fn hold_result(hold: &Hold, report: &mut OperatorReport) {
    let (Some(first), Some(last)) = (hold.first, hold.last) else {
        report.ok = false;
        return;
    };
    // Measured to the last approval that was still repeated: what came after it is not a hold.
    let seconds = u32::try_from((last - first).as_secs()).unwrap_or(u32::MAX);
    report.hold = Some(HoldMeasured { seconds, repeats: hold.repeats, at_least: hold.released });
    match report.result_code {
        None if report.ok => {
            report.ok = false;
            report.message =
                "the terminal ended with a Completion though nothing was issued: check that it charged nothing"
                    .to_owned();
        }
        Some(_) => {
            report.ok = true;
            report.message = format!("the terminal held its approval for {seconds} s and took it back");
        }
        None => {}
    }
}
