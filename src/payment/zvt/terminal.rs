//! The terminal's task: it owns the line, turns the link and the session, and does nothing else.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::config::ZvtConfig;
use super::line::{Framing, Line, LineError, LineSource};
use super::link::{LinkEvent, SerialLink};
use super::message::Apdu;
use super::recorder::FrameLog;
use super::session::{Aftermath, Output, Session};
use super::stream::{Link, StreamLink};
use crate::payment::{
    NotTaken, OperatorReport, OperatorTask, PaymentTerminal, TerminalEvent, TerminalEvents, TerminalOrder,
    TerminalService,
};

/// Orders that may wait for the task.
const INBOX: usize = 32;
/// Events that may wait for the kiosk. Beyond it prompts and health are dropped, never anything about money.
const EVENTS_MAX: usize = 512;

/// A card terminal that speaks ZVT. Dropping every clone of the handle ends its task.
#[derive(Debug, Clone)]
pub struct ZvtTerminal {
    orders: mpsc::Sender<Inbox>,
    log: FrameLog,
}

#[derive(Debug)]
enum Inbox {
    Order(TerminalOrder),
    Task(OperatorTask, oneshot::Sender<OperatorReport>),
}

impl ZvtTerminal {
    /// Starts the task on the current tokio runtime. `aftermath` is what the journal knows of the last run.
    pub fn start(
        config: ZvtConfig,
        source: impl LineSource + 'static,
        events: TerminalEvents,
        aftermath: Aftermath,
    ) -> (ZvtTerminal, JoinHandle<()>) {
        let (orders, inbox) = mpsc::channel(INBOX);
        let log = FrameLog::new();
        let task = Task::new(config, Box::new(source), events, aftermath, log.clone());
        (ZvtTerminal { orders, log }, tokio::spawn(task.serve(inbox)))
    }

    /// The last messages on the line, without secrets.
    #[must_use]
    pub fn frames(&self) -> FrameLog {
        self.log.clone()
    }
}

impl PaymentTerminal for ZvtTerminal {
    fn order(&self, order: TerminalOrder) -> Result<(), NotTaken> {
        self.orders.try_send(Inbox::Order(order)).map_err(|_| NotTaken)
    }

    fn service(&self) -> Option<Arc<dyn TerminalService>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl TerminalService for ZvtTerminal {
    async fn perform(&self, task: OperatorTask) -> Result<OperatorReport, NotTaken> {
        let (reply, report) = oneshot::channel();
        self.orders.try_send(Inbox::Task(task, reply)).map_err(|_| NotTaken)?;
        report.await.map_err(|_| NotTaken)
    }
}

struct Task {
    session: Session,
    link: Link,
    source: Box<dyn LineSource>,
    line: Option<Box<dyn Line>>,
    reopen_at: Instant,
    reopen_wait: std::time::Duration,
    /// Why the line was lost, as the log was told.
    lost_for: Option<String>,
    timers: super::config::Timers,
    events: TerminalEvents,
    unsent: VecDeque<TerminalEvent>,
    log: FrameLog,
}

/// What woke the task.
enum Wake {
    Read(Result<(Vec<u8>, Instant), LineError>),
    Inbox(Option<Inbox>),
    Permit(bool),
    Time,
}

impl Task {
    fn new(
        config: ZvtConfig,
        source: Box<dyn LineSource>,
        events: TerminalEvents,
        aftermath: Aftermath,
        log: FrameLog,
    ) -> Self {
        let now = Instant::now();
        let framing = source.framing();
        let timers = config.timers;
        let link = match framing {
            Framing::Serial => Link::Serial(Box::new(SerialLink::new(timers.link))),
            Framing::Stream => Link::Stream(StreamLink::default()),
        };
        Task {
            session: Session::new(config, framing, aftermath, now),
            link,
            source,
            line: None,
            reopen_at: now,
            reopen_wait: timers.reopen.0,
            lost_for: None,
            timers,
            events,
            unsent: VecDeque::new(),
            log,
        }
    }

    async fn serve(mut self, mut inbox: mpsc::Receiver<Inbox>) {
        loop {
            if self.line.is_none() && Instant::now() >= self.reopen_at {
                self.open().await;
            }
            self.turn(Instant::now()).await;
            let wake = self.wait(&mut inbox).await;
            let now = Instant::now();
            match wake {
                Wake::Read(Ok((bytes, at))) => {
                    self.link.receive(&bytes, at);
                    // A device that talks without end must not stop our own clock.
                    self.turn(now).await;
                    self.session.tick(now);
                }
                Wake::Read(Err(error)) => self.lost(&error, now),
                Wake::Inbox(Some(Inbox::Order(order))) => self.session.order(order, now),
                Wake::Inbox(Some(Inbox::Task(task, reply))) => self.session.task(task, reply, now),
                Wake::Inbox(None) | Wake::Permit(false) => return,
                Wake::Permit(true) => {}
                Wake::Time => {
                    self.link.tick(now);
                    self.session.tick(now);
                }
            }
        }
    }

    /// Waits for the next thing. Bytes go before time, so that a busy machine is not taken for a slow line.
    async fn wait(&mut self, inbox: &mut mpsc::Receiver<Inbox>) -> Wake {
        let reopen = self.line.is_none().then_some(self.reopen_at);
        let deadline = [self.session.deadline(), self.link.deadline(), reopen].into_iter().flatten().min();
        let line = &mut self.line;
        let unsent = &mut self.unsent;
        tokio::select! {
            biased;
            permit = self.events.reserve(), if !unsent.is_empty() => match (permit, unsent.pop_front()) {
                (Ok(permit), Some(event)) => {
                    permit.send(event);
                    Wake::Permit(true)
                }
                (Ok(_), None) => Wake::Permit(true),
                (Err(_), _) => Wake::Permit(false),
            },
            read = read(line) => Wake::Read(read),
            order = inbox.recv() => Wake::Inbox(order),
            () = until(deadline) => Wake::Time,
        }
    }

    /// Moves everything between link, session, line and kiosk until nothing moves any more.
    async fn turn(&mut self, now: Instant) {
        loop {
            let mut moved = false;
            while let Some(event) = self.link.next_event() {
                moved = true;
                match event {
                    LinkEvent::Received { apdu, at } => self.received(&apdu, at),
                    LinkEvent::Delivered(role) => self.session.delivered(role, now),
                    LinkEvent::Failed { role, why } => self.session.failed(role, why, now),
                }
            }
            while let Some(output) = self.session.next_output() {
                moved = true;
                self.carry_out(output, now).await;
            }
            let bytes = self.link.take_transmit();
            if !bytes.is_empty() {
                moved = true;
                if let Some(line) = &mut self.line
                    && let Err(error) = line.write(&bytes).await
                {
                    self.lost(&error, now);
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn received(&mut self, bytes: &[u8], at: Instant) {
        self.log.message("<", bytes, at);
        match Apdu::parse(bytes) {
            Ok(apdu) => self.session.received(&apdu, at),
            // The frame was whole, its content is no APDU: nothing that could be answered.
            Err(error) => tracing::warn!(%error, bytes = bytes.len(), "the terminal sent something that is no APDU"),
        }
    }

    async fn carry_out(&mut self, output: Output, now: Instant) {
        match output {
            Output::Send(apdu, role) => match apdu.encode() {
                Ok(bytes) => {
                    self.log.message(">", &bytes, now);
                    self.link.send(bytes, role, now);
                }
                Err(error) => tracing::error!(%error, "a message of ours is too long"),
            },
            Output::Event(event) => self.tell(event),
            Output::Abandon => self.link.abandon(),
            Output::HangUp => self.lost(&LineError::Closed, now),
            Output::Baud(baud) => {
                self.log.note("=", &format!("{baud} baud"), now);
                if let Some(line) = &mut self.line
                    && let Err(error) = line.set_baud(baud).await
                {
                    self.lost(&error, now);
                }
            }
            // An operator who does not wait any more needs no report.
            Output::Report(reply, report) => drop(reply.send(*report)),
        }
    }

    fn tell(&mut self, event: TerminalEvent) {
        let droppable = matches!(event, TerminalEvent::Prompt { .. } | TerminalEvent::Health(_));
        if droppable && self.unsent.len() >= EVENTS_MAX {
            tracing::warn!("the kiosk does not take the terminal's events: one was dropped");
            return;
        }
        self.unsent.push_back(event);
    }

    async fn open(&mut self) {
        let opened = self.source.open(self.session.baud()).await;
        let now = Instant::now();
        match opened {
            Ok(line) => {
                self.log.note("=", "line open", now);
                self.lost_for = None;
                self.line = Some(line);
                self.reopen_wait = self.timers.reopen.0;
                self.link.reset();
                self.session.line_up(now);
            }
            Err(error) => self.lost(&error, now),
        }
    }

    /// Closes what is left of the line; it is opened again, more and more rarely.
    fn lost(&mut self, error: &LineError, now: Instant) {
        let reason = error.sentence();
        // A cable that is out for a night is one line in the log, not thousands.
        if self.lost_for.as_ref() != Some(&reason) {
            tracing::warn!(reason, "no line to the card terminal");
            self.lost_for = Some(reason.clone());
        }
        self.log.note("=", &reason, now);
        self.line = None;
        self.link.reset();
        self.reopen_at = now + self.reopen_wait;
        self.reopen_wait = (self.reopen_wait * 2).min(self.timers.reopen.1);
        self.session.line_down(reason, now);
    }
}

async fn read(line: &mut Option<Box<dyn Line>>) -> Result<(Vec<u8>, Instant), LineError> {
    match line {
        Some(line) => line.read().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
