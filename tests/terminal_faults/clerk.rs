//! A kiosk in small: it sells one thing at the terminal by the rules of sale.md 2 to 5, and remembers nothing else.
//! Its only view of the world is the contract `PaymentTerminal`.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use esim_kiosk::money::{Amount, Currency};
use esim_kiosk::payment::zvt::line::{Framing, Line, LineError, LineSource, StreamLine};
use esim_kiosk::payment::zvt::{Aftermath, Dialect, Password, ZvtConfig, ZvtTerminal};
use esim_kiosk::payment::{
    Answer, ApprovalKey, AuthoriseRequest, Ending, LastTransaction, PaymentTerminal, Prompt, QueryTag, ReversalOutcome,
    TerminalEvent, TerminalHealth, TerminalOrder, Totals, Transaction,
};
use esim_kiosk::sale::id::SaleId;
use esim_kiosk::sim::terminal::Dialler;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// Longest anything may take: nothing waits for ever.
const EVER: Duration = Duration::from_secs(3_600);

/// The simulated port, opened as often as the session wants.
pub struct Port(pub Dialler);

#[async_trait]
impl LineSource for Port {
    async fn open(&mut self, _baud: u32) -> Result<Box<dyn Line>, LineError> {
        match self.0.dial() {
            Ok(stream) => Ok(Box::new(StreamLine::new(stream))),
            Err(source) => Err(LineError::Open { address: "memory".to_owned(), source }),
        }
    }

    fn framing(&self) -> Framing {
        Framing::Serial
    }
}

/// How the sale is meant to go.
#[derive(Debug, Clone)]
pub struct Plan {
    pub minor: i64,
    /// Time from the approval until the goods are there; never if absent.
    pub goods_after: Option<Duration>,
    /// The goods are refused so long after the approval.
    pub goods_fail_after: Option<Duration>,
    /// The traveller cancels so long after the card was asked.
    pub cancel_after: Option<Duration>,
    /// H of this terminal.
    pub hold: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            minor: 1_500,
            goods_after: Some(Duration::from_secs(3)),
            goods_fail_after: None,
            cancel_after: None,
            hold: Duration::from_secs(90),
        }
    }
}

/// What the clerk believes at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belief {
    /// The card was charged, and the goods are the traveller's.
    Sold,
    /// The card was not charged; with the code of the end, where it was one.
    NotCharged(Option<u8>),
    /// A human must look.
    Doubtful(String),
}

pub struct Clerk {
    pub terminal: ZvtTerminal,
    events: mpsc::Receiver<TerminalEvent>,
    tells_last: bool,
    bound: HashSet<String>,
    count: u64,
    pub seen: Vec<TerminalEvent>,
    pub prompts: Vec<(Prompt, Option<String>)>,
    pub receipts: Vec<Vec<String>>,
    pub health: Option<TerminalHealth>,
    pub foreign: usize,
    pub commits: usize,
}

/// What the clerk knew before the card was asked.
struct Baseline {
    last: LastTransaction,
    totals: Option<Totals>,
}

#[derive(Default)]
struct Hold {
    key: Option<ApprovalKey>,
    since: Option<Instant>,
    decided: Option<Answer>,
    answer_at: Option<Instant>,
    transaction: Option<Transaction>,
    approved_at: Option<Instant>,
}

pub fn config(dialect: Dialect) -> ZvtConfig {
    ZvtConfig::new(dialect, Password::new("123456").unwrap(), Currency::EUR)
}

impl Clerk {
    pub fn new(config: ZvtConfig, source: impl LineSource + 'static) -> Clerk {
        Clerk::after(config, source, Aftermath::Settled)
    }

    pub fn after(config: ZvtConfig, source: impl LineSource + 'static, aftermath: Aftermath) -> Clerk {
        let (to, events) = mpsc::channel(64);
        let tells_last = config.tells_last;
        let (terminal, _task) = ZvtTerminal::start(config, source, to, aftermath);
        Clerk {
            terminal,
            events,
            tells_last,
            bound: HashSet::new(),
            count: 0,
            seen: Vec::new(),
            prompts: Vec::new(),
            receipts: Vec::new(),
            health: None,
            foreign: 0,
            commits: 0,
        }
    }

    pub fn next_sale(&mut self) -> SaleId {
        self.count += 1;
        SaleId::from_parts(1_700_000_000_000, u128::from(self.count))
    }

    pub fn order(&self, order: TerminalOrder) {
        self.terminal.order(order).expect("the terminal's task serves");
    }

    /// The next event; what concerns no sale is noted on the way.
    pub async fn next(&mut self) -> TerminalEvent {
        let event = timeout(EVER, self.events.recv())
            .await
            .unwrap_or_else(|_| {
                panic!(
                    "nothing for an hour: {:#?} {:#?}",
                    self.seen,
                    self.terminal.frames().lines().into_iter().rev().take(8).collect::<Vec<_>>()
                )
            })
            .expect("a task");
        match &event {
            TerminalEvent::Health(health) => self.health = Some(health.clone()),
            TerminalEvent::Prompt { prompt, text, .. } => self.prompts.push((*prompt, text.clone())),
            TerminalEvent::ReceiptLines { lines, .. } => self.receipts.push(lines.clone()),
            TerminalEvent::Foreign { .. } => self.foreign += 1,
            _ => {}
        }
        self.seen.push(event.clone());
        event
    }

    pub async fn until_health(&mut self, wanted: &TerminalHealth) {
        while self.health.as_ref() != Some(wanted) {
            self.next().await;
        }
    }

    pub async fn query(&mut self, tag: QueryTag, patience_s: u16) -> (LastTransaction, Option<Totals>, bool) {
        self.order(TerminalOrder::Query { tag, patience_s });
        loop {
            if let TerminalEvent::Answered { tag: answered, last, totals, at_rest } = self.next().await
                && answered == tag
            {
                return (last, totals, at_rest);
            }
        }
    }

    /// Sells one thing, the whole way, and says what became of the money.
    pub async fn sell(&mut self, plan: &Plan) -> Belief {
        let sale = self.next_sale();
        let (last, totals, _) = self.query(QueryTag::Baseline(sale), 240).await;
        if matches!(last, LastTransaction::Silent { .. }) && self.tells_last {
            return Belief::NotCharged(None);
        }
        let baseline = Baseline { last, totals };
        self.order(TerminalOrder::Authorise(AuthoriseRequest {
            sale,
            amount: Amount::new(plan.minor, Currency::EUR),
            hold_seconds: 120,
            hold_count: 60,
            language: "de".to_owned(),
            printer_ready: true,
            last_good_receipt: None,
        }));
        let mut hold = Hold::default();
        let ending = self.hold(sale, plan, &mut hold).await;
        match (&ending, hold.decided) {
            (Ending::NotStarted { result_code }, None) => Belief::NotCharged(Some(*result_code)),
            (Ending::Completed, Some(Answer::GoodsIssued)) => self.charged(&hold.transaction),
            // The hold's own abort, or an end before any decision.
            (Ending::Aborted { result_code, .. }, None | Some(Answer::NotIssued | Answer::NotYet)) => {
                Belief::NotCharged(Some(*result_code))
            }
            _ => self.find_out(sale, plan, &baseline, &hold, &ending).await,
        }
    }

    /// From the command to its end: answers approvals, cancels, waits.
    async fn hold(&mut self, sale: SaleId, plan: &Plan, hold: &mut Hold) -> Ending {
        let started = Instant::now();
        let mut cancel = plan.cancel_after.map(|after| started + after);
        loop {
            let wake = [hold.answer_at, cancel].into_iter().flatten().min();
            let event = tokio::select! {
                biased;
                event = self.next() => Some(event),
                () = async { match wake { Some(at) => sleep_until(at).await, None => std::future::pending().await } } => None,
            };
            let now = Instant::now();
            match event {
                Some(TerminalEvent::Approved { sale: of, transaction, at }) if of == sale => {
                    self.approved(sale, plan, hold, *transaction, at);
                }
                Some(TerminalEvent::Ended { sale: of, ending }) if of == sale => return ending,
                Some(_) => {}
                None if cancel.is_some_and(|at| now >= at) => {
                    cancel = None;
                    self.order(TerminalOrder::Abort { sale });
                }
                None => {
                    hold.answer_at = None;
                    self.decide(sale, plan, hold, now);
                }
            }
        }
    }

    fn approved(&mut self, sale: SaleId, plan: &Plan, hold: &mut Hold, transaction: Transaction, at: Instant) {
        let expected = u64::try_from(plan.minor).unwrap();
        let acceptable = transaction.key.amount_minor == Some(expected)
            && transaction.currency.is_none_or(|currency| currency == 978)
            && transaction.payment_type.is_none_or(|kind| kind & 0xf0 != 0x40);
        let same = hold.key.get_or_insert_with(|| transaction.key.clone()) == &transaction.key;
        hold.since.get_or_insert(at);
        hold.approved_at = Some(at);
        let key = transaction.key.clone();
        hold.transaction.get_or_insert(transaction);
        if !acceptable || !same {
            hold.decided = hold.decided.or(Some(Answer::NotIssued));
            self.order(TerminalOrder::Answer { sale, approval: key, answer: Answer::NotIssued });
            return;
        }
        match hold.decided {
            // The same decision again, and only by order.
            Some(answer @ (Answer::GoodsIssued | Answer::NotIssued)) => self.say(sale, hold, answer),
            _ => self.decide(sale, plan, hold, at),
        }
    }

    /// Commits, releases, says "not yet", or waits a little.
    fn decide(&mut self, sale: SaleId, plan: &Plan, hold: &mut Hold, now: Instant) {
        let (Some(since), Some(approved_at)) = (hold.since, hold.approved_at) else { return };
        let last = since + plan.hold - Duration::from_secs(5);
        let ready = plan.goods_after.map(|after| since + after);
        let failed = plan.goods_fail_after.map(|after| since + after);
        let not_yet = approved_at + Duration::from_secs(2);
        if now >= last || failed.is_some_and(|at| now >= at) {
            return self.say(sale, hold, Answer::NotIssued);
        }
        if ready.is_some_and(|at| now >= at) {
            return self.say(sale, hold, Answer::GoodsIssued);
        }
        if now >= not_yet {
            return self.say(sale, hold, Answer::NotYet);
        }
        hold.answer_at = [Some(not_yet), ready, failed, Some(last)].into_iter().flatten().min();
    }

    fn say(&mut self, sale: SaleId, hold: &mut Hold, answer: Answer) {
        if answer != Answer::NotYet {
            hold.decided = Some(answer);
        }
        self.commits += usize::from(answer == Answer::GoodsIssued);
        let approval = hold.key.clone().expect("an approval was answered");
        self.order(TerminalOrder::Answer { sale, approval, answer });
    }

    fn charged(&mut self, transaction: &Option<Transaction>) -> Belief {
        if let Some(receipt) = transaction.as_ref().and_then(|t| t.key.receipt.clone()) {
            self.bound.insert(receipt);
        }
        Belief::Sold
    }

    /// "Was the card charged?" (sale.md 5).
    async fn find_out(&mut self, sale: SaleId, plan: &Plan, before: &Baseline, hold: &Hold, ending: &Ending) -> Belief {
        let (last, totals, at_rest) = self.query(QueryTag::Charged(sale), 300).await;
        let equal_totals = before.totals.is_some() && before.totals == totals;
        match (&before.last, &last) {
            (_, LastTransaction::Silent { evidence }) => {
                // Totals as second witness: a charge would have moved them.
                if at_rest && equal_totals && !matches!(hold.decided, Some(Answer::GoodsIssued)) {
                    return Belief::NotCharged(None);
                }
                Belief::Doubtful(format!("{ending:?}; {evidence}"))
            }
            (LastTransaction::Is(old), LastTransaction::Is(new)) if at_rest && old.key == new.key => {
                Belief::NotCharged(None)
            }
            (LastTransaction::Empty, LastTransaction::Empty) if at_rest && equal_totals => Belief::NotCharged(None),
            // A reversal nobody here ordered, of a payment we never saw approved: the sums say that nothing stayed.
            (_, LastTransaction::Is(new)) if at_rest && new.original_trace.is_some() && equal_totals => {
                Belief::NotCharged(None)
            }
            (_, LastTransaction::Is(new)) => self.newer(sale, plan, hold, new, at_rest).await,
            _ => Belief::Doubtful(format!("{ending:?}; {last:?}, at rest: {at_rest}")),
        }
    }

    /// The terminal shows a transaction that was not there before.
    async fn newer(&mut self, sale: SaleId, plan: &Plan, hold: &Hold, new: &Transaction, at_rest: bool) -> Belief {
        let ours_reversed = new.original_trace.is_some()
            && hold.key.as_ref().is_some_and(|key| same_number(&key.trace, &new.original_trace));
        if ours_reversed && at_rest {
            return Belief::NotCharged(None);
        }
        let amount = new.key.amount_minor == u64::try_from(plan.minor).ok();
        let free = new.key.receipt.as_ref().is_some_and(|receipt| !self.bound.contains(receipt));
        if new.original_trace.is_some() || !amount || !free || new.result_code != Some(0) {
            return Belief::Doubtful(format!("another transaction: {new:?}"));
        }
        self.bound.extend(new.key.receipt.clone());
        if hold.decided == Some(Answer::GoodsIssued) {
            return Belief::Sold;
        }
        self.give_back(sale, plan, new).await
    }

    async fn give_back(&mut self, sale: SaleId, plan: &Plan, payment: &Transaction) -> Belief {
        self.order(TerminalOrder::Reverse {
            sale,
            receipt: payment.key.receipt.clone().unwrap_or_default(),
            trace: payment.key.trace.clone(),
            amount: Amount::new(plan.minor, Currency::EUR),
        });
        loop {
            if let TerminalEvent::Reversed { outcome, .. } = self.next().await {
                return match outcome {
                    ReversalOutcome::Done { .. } => Belief::NotCharged(None),
                    other => Belief::Doubtful(format!("the reversal: {other:?}")),
                };
            }
        }
    }
}

fn same_number(a: &Option<String>, b: &Option<String>) -> bool {
    let tail = |text: &Option<String>| {
        text.as_ref().map(|text| text[text.len().saturating_sub(6)..].trim_start_matches('0').to_owned())
    };
    tail(a) == tail(b)
}
