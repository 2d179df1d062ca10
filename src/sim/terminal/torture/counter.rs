//! One kiosk counter, reduced to what money meets: the rules of the sale, the product's session with the terminal,
//! a journal in memory, a provider that delivers as told, and a plug that can be pulled at the n-th record.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::payment::zvt::line::{Framing, Line, LineError, LineSource, StreamLine};
use crate::payment::zvt::{Aftermath, ZvtConfig, ZvtTerminal};
use crate::payment::{PaymentTerminal, QueryTag, TerminalEvent, TerminalOrder};
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::record::Entry;
use crate::sale::transaction::LastTransaction;
use crate::sale::{Money, Sale, Step, Terms, reverse_now, rules};
use crate::sim::terminal::Dialler;

/// How often the kiosk's loop looks at the time.
const TICK: Duration = Duration::from_millis(500);
/// The kiosk that was killed starts again so soon.
const RESTART: Duration = Duration::from_millis(500);
/// A sale that has not ended after so long never ends.
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// What the provider does with the one order of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    /// Delivers after so long.
    Delivers(Duration),
    /// Refuses after so long.
    Refuses(Duration),
    /// Never answers; a look-up finds the order after so long.
    Forgets(Duration),
}

/// What happens around one sale.
#[derive(Debug, Clone)]
pub(super) struct Around {
    pub(super) amount_minor: i64,
    pub(super) provider: Provider,
    /// The traveller touches cancel so long after the card was asked.
    pub(super) cancels_after: Option<Duration>,
    /// The process is killed when it has written its n-th record of this sale, before what follows is done.
    pub(super) killed_at: Option<usize>,
    pub(super) hold_seconds: u8,
    pub(super) hold_count: u8,
}

impl Default for Around {
    fn default() -> Around {
        Around {
            amount_minor: 1_500,
            provider: Provider::Delivers(Duration::from_secs(3)),
            cancels_after: None,
            killed_at: None,
            hold_seconds: 120,
            hold_count: 60,
        }
    }
}

/// How a sale stands when nothing moves any more.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) sale: Sale,
    /// It did not come to rest in an hour.
    pub(super) endless: bool,
    pub(super) killed: bool,
    /// What was said on the line and what was written down, for whoever looks for the fault.
    pub(super) story: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Cue {
    Tell(Event),
    AskCharged,
    AskReversed,
}

/// The product's way onto the simulated line in memory.
pub(in crate::sim) struct Opener(pub(in crate::sim) Dialler);

#[async_trait]
impl LineSource for Opener {
    async fn open(&mut self, _baud: u32) -> Result<Box<dyn Line>, LineError> {
        match self.0.dial() {
            Ok(wire) => Ok(Box::new(StreamLine::new(wire))),
            Err(_) => Err(LineError::Missing { address: "serial:/dev/simulated".to_owned() }),
        }
    }

    fn framing(&self) -> Framing {
        Framing::Serial
    }
}

pub(super) struct Running {
    pub(super) terminal: ZvtTerminal,
    events: mpsc::Receiver<TerminalEvent>,
    task: JoinHandle<()>,
}

/// A counter at which one sale follows the other.
pub(super) struct Counter {
    dialler: Dialler,
    config: ZvtConfig,
    terms: Terms,
    pub(super) running: Running,
    began: Instant,
    run: u64,
    pub(super) run_began: Instant,
    pub(super) sales: u64,
    /// Receipts that are bound to a sale.
    bound: BTreeMap<String, SaleId>,
    journal: Vec<Entry>,
    cues: Vec<(Instant, Cue)>,
    pub(super) around: Around,
    killed: bool,
}

impl Counter {
    pub(super) fn new(dialler: Dialler, config: ZvtConfig, terms: Terms) -> Counter {
        let running = start(&dialler, &config, Aftermath::Settled);
        let now = Instant::now();
        Counter {
            dialler,
            config,
            terms,
            running,
            began: now,
            run: 1,
            run_began: now,
            sales: 0,
            bound: BTreeMap::new(),
            journal: Vec::new(),
            cues: Vec::new(),
            around: Around::default(),
            killed: false,
        }
    }

    fn now(&self) -> Moment {
        let ms = |since: Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = i64::try_from(ms(self.began)).unwrap_or(i64::MAX);
        Moment { run: self.run, mono_ms: ms(self.run_began), wall_ms: 1_800_000_000_000 + wall, synced: true }
    }

    /// Sells one eSIM, whatever happens around it.
    pub(super) async fn sell(&mut self, around: Around) -> Outcome {
        self.sales += 1;
        self.around = around;
        self.killed = false;
        self.journal.clear();
        self.cues.clear();
        let began = Instant::now();
        let id = SaleId::from_parts(self.sales, u128::from(self.sales));
        let quote = super::acts::quote(self.sales, self.around.amount_minor);
        let Ok(step) = rules::choose(id, quote, self.now()) else { unreachable!("the quote has one good") };
        let mut sale = step.next.clone();
        self.carry_out(&mut sale, step).await;
        while !at_rest(&sale) && began.elapsed() < FOR_EVER {
            self.turn(&mut sale).await;
        }
        let endless = !at_rest(&sale);
        if let Some(key) = &sale.payment.paid_as {
            self.bound.insert(format!("{key:?}"), id);
        }
        Outcome { endless, killed: self.killed, story: self.story(), sale }
    }

    fn story(&self) -> Vec<String> {
        let mut story = self.running.terminal.frames().lines();
        story.extend(self.journal.iter().map(|entry| {
            let record = serde_json::to_string(&entry.record).unwrap_or_default();
            let short: String = record.chars().take(160).collect();
            format!("run {} {:>6}.{:03} * {short}", entry.at.run, entry.at.mono_ms / 1000, entry.at.mono_ms % 1000)
        }));
        story
    }

    /// Serves the line for a while without a sale.
    pub(super) async fn rest(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            tokio::select! {
                biased;
                event = self.running.events.recv() => if event.is_none() { return },
                () = sleep_until(end) => return,
            }
        }
    }

    /// One thing happens.
    async fn turn(&mut self, sale: &mut Sale) {
        let watching = matches!(sale.payment.money, Money::Held | Money::Committing | Money::Paid | Money::Releasing);
        let tick = Instant::now() + if watching { TICK } else { Duration::from_secs(30) };
        let next = self.cues.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(place, (at, _))| (place, *at));
        let until = next.map_or(tick, |(_, at)| at.min(tick));
        tokio::select! {
            biased;
            event = self.running.events.recv() => match event {
                Some(event) => self.terminal_says(sale, event).await,
                None => sleep(TICK).await,
            },
            () = sleep_until(until) => match next {
                Some((place, at)) if at <= Instant::now() => {
                    let (_, cue) = self.cues.swap_remove(place);
                    self.cue(sale, cue).await;
                }
                _ => self.tell(sale, &Event::Tick).await,
            },
        }
        if sale.wants_terminal() {
            let step = reverse_now(sale, self.now(), &self.terms, sale.quote.day);
            self.carry_out(sale, step).await;
        }
        if sale.payment.money == Money::Paid && sale.all_stored() {
            if sale.traveller_gone {
                self.tell(sale, &Event::Claimed).await;
            } else {
                self.tell(sale, &Event::HandOver).await;
                self.tell(sale, &Event::HaveIt).await;
            }
        }
    }

    async fn cue(&mut self, sale: &mut Sale, cue: Cue) {
        match cue {
            Cue::Tell(event) => self.tell(sale, &event).await,
            Cue::AskCharged => self.ask(sale, QueryTag::Charged(sale.id)).await,
            Cue::AskReversed => self.ask(sale, QueryTag::Reversed(sale.id)).await,
        }
    }

    async fn ask(&mut self, sale: &mut Sale, tag: QueryTag) {
        if self.running.terminal.order(TerminalOrder::Query { tag, patience_s: 150 }).is_ok() {
            return;
        }
        let last = LastTransaction::Silent { evidence: "the terminal's line is not being served".to_owned() };
        let event = match tag {
            QueryTag::Charged(_) => Event::Charged { last, totals: None, at_rest: false, bound_elsewhere: false },
            _ => Event::StillCharged { last, at_rest: false },
        };
        self.tell(sale, &event).await;
    }

    async fn terminal_says(&mut self, sale: &mut Sale, event: TerminalEvent) {
        let ours = sale.id;
        let event = match event {
            TerminalEvent::Accepted { sale } if sale == ours => Event::TerminalTook,
            TerminalEvent::Approved { sale, transaction, .. } if sale == ours => Event::Approved(transaction),
            TerminalEvent::Foreign { transaction } if sale.payment.money == Money::Unknown => {
                Event::ForeignApproval(transaction)
            }
            TerminalEvent::Ended { sale, ending } if sale == ours => Event::Ended(ending),
            TerminalEvent::Answered { tag: QueryTag::Baseline(id), last, totals, .. } if id == ours => {
                Event::BaselineRead { last, totals }
            }
            TerminalEvent::Answered { tag: QueryTag::Charged(id), last, totals, at_rest } if id == ours => {
                let bound_elsewhere = match &last {
                    LastTransaction::Is(seen) => {
                        self.bound.get(&format!("{:?}", seen.key)).is_some_and(|owner| *owner != ours)
                    }
                    _ => false,
                };
                Event::Charged { last, totals, at_rest, bound_elsewhere }
            }
            TerminalEvent::Answered { tag: QueryTag::Reversed(id), last, at_rest, .. } if id == ours => {
                Event::StillCharged { last, at_rest }
            }
            TerminalEvent::Reversed { sale, outcome } if sale == ours => Event::Reversed(outcome),
            TerminalEvent::ReceiptLines { sale, lines } if sale == ours => Event::ReceiptLines(lines),
            _ => return,
        };
        self.tell(sale, &event).await;
    }

    async fn tell(&mut self, sale: &mut Sale, event: &Event) {
        let step = rules::on(sale, event, self.now(), &self.terms);
        self.carry_out(sale, step).await;
    }

    /// Appends, and only then acts; or dies in between.
    async fn carry_out(&mut self, sale: &mut Sale, step: Step) {
        let Step { next, record, effects } = step;
        let before = self.journal.len();
        self.journal.extend(record);
        *sale = next;
        let dies = self.around.killed_at.is_some_and(|at| before < at && at <= self.journal.len());
        if dies {
            return Box::pin(self.die(sale)).await;
        }
        for effect in effects {
            self.perform(sale, effect);
        }
    }

    /// Killed, and started again: only the journal knows anything.
    async fn die(&mut self, sale: &mut Sale) {
        self.killed = true;
        self.around.killed_at = None;
        self.running.task.abort();
        self.cues.clear();
        sleep(RESTART).await;
        self.run += 1;
        self.run_began = Instant::now();
        if let Ok(replayed) = Sale::replay(sale.id, &self.journal) {
            *sale = replayed;
        }
        let aftermath = match sale.payment.money {
            _ if sale.payment.reversal_open => Aftermath::ReversalOpen,
            Money::Asked | Money::Held | Money::Committing | Money::Releasing | Money::Unknown => {
                Aftermath::PaymentOpen
            }
            _ => Aftermath::Settled,
        };
        self.running = start(&self.dialler, &self.config, aftermath);
        self.tell(sale, &Event::Restarted).await;
    }

    pub(super) fn later(&mut self, time: Duration, cue: Cue) {
        self.cues.push((Instant::now() + time, cue));
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.running.task.abort();
    }
}

fn start(dialler: &Dialler, config: &ZvtConfig, aftermath: Aftermath) -> Running {
    let (to, events) = mpsc::channel(64);
    let (terminal, task) = ZvtTerminal::start(config.clone(), Opener(dialler.clone()), to, aftermath);
    Running { terminal, events, task }
}

/// Nothing will move this sale's money any more.
fn at_rest(sale: &Sale) -> bool {
    match sale.payment.money {
        _ if sale.closed.is_some() => true,
        Money::None => sale.payment.asked_at.is_some() && sale.payment.ended,
        Money::Back | Money::RefundDue => true,
        Money::Unknown => sale.payment.evidence_in_case,
        Money::Paid => sale.acknowledged || (sale.all_stored() && sale.traveller_gone),
        Money::Asked | Money::Held | Money::Committing | Money::Releasing => false,
    }
}
