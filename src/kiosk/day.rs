//! End of day as a barrier (sale.md 5): from its record on no card is asked; first the money that cannot be kept past
//! it goes back, then the terminal is asked for its totals and told to close. Journalled, and recovered by asking.

use jiff::ToSpan;
use tracing::{error, info, warn};

use crate::journal::{DayEnding, Kept};
use crate::payment::{DayOutcome, QueryTag, TerminalOrder};
use crate::sale::event::Event;
use crate::sale::id::SaleId;
use crate::sale::moment::Moment;
use crate::sale::transaction::Totals;
use crate::sale::{Lock, Money, Sale};

use super::Kiosk;
use super::operator::OperatorAnswer;

/// After a refused or unanswered end of day, the n-th try comes after so many ms; the last repeats.
const RETRY_MS: [u64; 3] = [5 * 60_000, 15 * 60_000, 60 * 60_000];

/// So long before the terminal closes its day by itself only stock is sold (sale.md 5), in ms.
const BEFORE_ITS_HOUR_MS: i64 = 15 * 60_000;
/// So long before any end of day only stock is sold on a terminal that cannot hold (sale.md 8): what is paid there may
/// have to be reversed, and that is possible on the same day alone. In ms.
const PAID_FIRST_MS: i64 = 30 * 60_000;

/// An end of day that the terminal tells of so soon after the last one, with no card asked in between, is the last one:
/// it repeats what it got no acknowledgement for, also to a program that was started since (payment-terminal.md 1.5). In
/// ms; on the wall where the last one is of an earlier run.
const TOLD_AGAIN_MS: i64 = 120_000;

/// The run of a moment of which only the wall is known: runs count from 1.
const EARLIER: u64 = 0;

/// Where the running end of day waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Waits {
    /// For the sales that must be decided first, or for its next try.
    #[default]
    Sales,
    /// For the terminal's totals.
    Totals,
    /// For the terminal's word on `06 50`.
    Terminal,
}

/// The barrier.
#[derive(Debug, Clone, Default)]
pub(super) struct Day {
    /// The end of day that is under way.
    ending: Option<DayEnding>,
    waits: Waits,
    /// Not before this time of the run.
    retry_at_ms: u64,
    /// The terminal closed its last day by itself.
    unasked: bool,
    /// Local time at the last tick, to see the configured hour go by.
    seen: Option<jiff::civil::DateTime>,
    /// When the last day was reckoned, on the wall, in ms: an hour that went by since, while nobody ran, is made up
    /// for. Taken once the time is set.
    reckoned_ms: Option<i64>,
    /// When the last day was closed, as far as it was reckoned; of an earlier run only the wall is known.
    closed: Option<Moment>,
    /// A `06 50` of ours went out, and neither a yes nor a no came back.
    unanswered: bool,
}

impl Day {
    /// What an operator must look at, in words.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        match &self.ending {
            Some(ending) if self.retry_at_ms > 0 || ending.tries > 1 => {
                Some("the terminal's end of day did not come about: cards wait until it does")
            }
            _ => self.unasked.then_some("the terminal closed its day unasked"),
        }
    }

    /// Cards wait.
    pub(super) fn is_closing(&self) -> bool {
        self.ending.is_some()
    }

    /// The terminal is ours for `06 50` or its question: nothing else may be ordered there.
    pub(super) fn holds_terminal(&self) -> bool {
        self.waits != Waits::Sales
    }

    /// `06 50` was sent at least once and not confirmed: what was paid before may be beyond `06 30`.
    pub(super) fn may_be_closed(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.tries > 0)
    }
}

/// Whether this sale's money stands in the way of `06 50`: asked, held, committing, releasing, unknown without its
/// evidence in a case, or paid for goods that nobody has seen.
pub fn keeps_day_open(sale: &Sale) -> bool {
    if sale.closed.is_some() {
        return false;
    }
    match sale.payment.money {
        Money::Asked | Money::Held | Money::Committing | Money::Releasing => true,
        Money::Unknown => !sale.payment.evidence_in_case,
        Money::None => sale.payment.asked_at.is_none(),
        Money::Paid => sale.goods.iter().any(|good| !good.exposed),
        Money::RefundDue | Money::Back => false,
    }
}

/// Whether a day was closed whose `06 50` fell into a break: its store was full before, and is empty. One that was empty
/// before says nothing, and is closed once more.
pub fn found_closed(ending: &DayEnding, totals: Option<Totals>) -> bool {
    let counts = |totals: Option<Totals>| totals.map(|totals| totals.count);
    ending.sent && counts(ending.totals).is_some_and(|before| before > 0) && counts(totals) == Some(0)
}

fn made_ms(reckoning: &str) -> Option<i64> {
    serde_json::from_str::<serde_json::Value>(reckoning).ok()?.get("made_ms")?.as_i64()
}

impl Kiosk {
    /// At start: the end of day that the last run did not see through.
    pub(super) fn recover_day(&mut self) {
        match self.journal.day_ending() {
            Ok(ending) => self.day.ending = ending,
            Err(error) => self.journal_failed(error),
        }
        match self.journal.last_reckoning() {
            Ok(last) => self.day.reckoned_ms = last.as_deref().and_then(made_ms),
            Err(error) => return self.journal_failed(error),
        }
        let closed = |wall_ms| Moment { run: EARLIER, mono_ms: 0, wall_ms, synced: false };
        self.day.closed = self.day.reckoned_ms.map(closed);
        self.day.unanswered = self.day.ending.as_ref().is_some_and(|ending| ending.sent);
        if let Some(ending) = &self.day.ending {
            warn!(sent = ending.sent, "an end of day was begun before this start: it goes on");
        }
    }

    /// An operator orders it.
    pub(super) fn order_day_end(&mut self) -> OperatorAnswer {
        if self.day.is_closing() {
            return OperatorAnswer::refused("an end of day is under way already");
        }
        if self.is_estranged() {
            return OperatorAnswer::refused("the journal may not be the newest: `esim-kiosk sales adopt` first");
        }
        self.begin_day_end();
        OperatorAnswer::done("the end of day is begun: cards wait until it is over")
    }

    fn begin_day_end(&mut self) {
        let ending = DayEnding { since: self.clock.now(), tries: 0, sent: false, totals: None };
        if let Err(error) = self.journal.end_day(Some(&ending)) {
            return self.journal_failed(error);
        }
        info!("end of day: cards wait until it is over");
        self.day.ending = Some(ending);
        self.day.retry_at_ms = 0;
        self.freshen_health();
        self.follow_day();
    }

    /// Milliseconds until the clock of the place shows this hour the next time.
    pub(super) fn until_hour_ms(&self, hour: jiff::civil::Time) -> Option<i64> {
        let now = self.clock.local(&self.clock.now());
        let today = now.date().to_datetime(hour);
        let next = if today > now.datetime() { today } else { now.date().tomorrow().ok()?.to_datetime(hour) };
        let next = next.to_zoned(now.time_zone().clone()).ok()?;
        Some(next.timestamp().as_millisecond() - now.timestamp().as_millisecond())
    }

    /// An end of day is so near that nothing may be ordered any more: only stock is sold. Right before the terminal's
    /// own hour; on a terminal that cannot hold, also before ours.
    pub(super) fn only_stock(&self) -> bool {
        let trade = &self.settings.trade;
        let within =
            |hour: Option<_>, ms| hour.and_then(|hour| self.until_hour_ms(hour)).is_some_and(|left| left <= ms);
        let paid_first = !self.settings.terms.can_hold;
        within(trade.terminal_closes_at, if paid_first { PAID_FIRST_MS } else { BEFORE_ITS_HOUR_MS })
            || paid_first && within(trade.day_ends_at, PAID_FIRST_MS)
    }

    /// The configured hour has gone by since the last tick.
    fn hour_struck(&mut self) -> bool {
        let Some(hour) = self.settings.trade.day_ends_at else { return false };
        let moment = self.clock.now();
        let now = self.clock.local(&moment).datetime();
        let mut before = self.day.seen.replace(now);
        if moment.synced
            && let Some(reckoned_ms) = self.day.reckoned_ms.take()
        {
            before = Some(self.clock.local(&Moment { wall_ms: reckoned_ms, ..moment }).datetime());
        }
        let today = now.date().to_datetime(hour);
        let strike = if today <= now { today } else { today.saturating_sub(1.day()) };
        before.is_some_and(|before| before < strike)
    }

    /// On every tick: begins at its hour, and goes on as far as the sales let it.
    pub(super) fn follow_day(&mut self) {
        if self.hour_struck() && !self.day.is_closing() && !self.is_estranged() {
            return self.begin_day_end();
        }
        if !self.day.is_closing() || self.day.holds_terminal() || self.halted.is_some() || self.is_estranged() {
            return;
        }
        let open: Vec<SaleId> = self.sales.keys().copied().collect();
        for id in open {
            self.tell(id, &Event::DayEnds);
        }
        let blocked = self.locks.contains_key(&Lock::Terminal) || self.sales.values().any(keeps_day_open);
        if blocked || self.clock.now().mono_ms < self.day.retry_at_ms {
            return;
        }
        let patience_s = self.settings.rest_patience_s;
        if self.terminal.order(TerminalOrder::Query { tag: QueryTag::EndOfDay, patience_s }).is_ok() {
            self.day.waits = Waits::Totals;
        } else {
            self.try_later("the terminal's line is not being served");
        }
    }

    /// The terminal's totals are here, or it did not say.
    pub(super) fn day_totals(&mut self, totals: Option<Totals>, at_rest: bool) {
        let Some(mut ending) = self.day.ending.clone() else { return };
        if self.day.waits != Waits::Totals {
            return;
        }
        self.day.waits = Waits::Sales;
        if !at_rest {
            return self.try_later("the terminal was not at rest");
        }
        if found_closed(&ending, totals) {
            return self.close_day("found closed after a break", ending.totals);
        }
        ending.sent = true;
        ending.tries = ending.tries.saturating_add(1);
        ending.totals = totals.or(ending.totals);
        if let Err(error) = self.journal.end_day(Some(&ending)) {
            return self.journal_failed(error);
        }
        self.day.ending = Some(ending);
        if self.terminal.order(TerminalOrder::EndOfDay).is_ok() {
            self.day.waits = Waits::Terminal;
            self.day.unanswered = true;
        } else {
            self.try_later("the terminal's line is not being served");
        }
    }

    /// An end of day ended; also one that the terminal ran unasked.
    pub(super) fn day_closed(&mut self, outcome: &DayOutcome, unasked: bool) {
        // A `06 50` of ours that got no answer may get it late, and from a terminal that does not know us any more.
        let unasked = unasked && !self.day.unanswered;
        if unasked && matches!(outcome, DayOutcome::Closed { .. }) && self.is_told_again() {
            return info!(?outcome, "the terminal tells of the last end of day once more");
        }
        if unasked {
            error!(?outcome, "the terminal closed its day unasked: set trade.day_ends_at before its own hour");
        } else {
            info!(?outcome, "end of day");
        }
        match outcome {
            DayOutcome::Closed { totals } => {
                let before = self.day.ending.as_ref().and_then(|ending| ending.totals);
                self.close_day(&format!("{outcome:?}, unasked: {unasked}"), before.or(*totals));
                self.day.unasked = unasked;
            }
            DayOutcome::Refused { result_code } => {
                self.day.unanswered = false;
                self.try_later(&format!("refused with {result_code:02X}"));
            }
            DayOutcome::Unknown { evidence } => self.try_later(evidence),
        }
    }

    /// Whether what was closed just now can only be the day that was written down a moment ago: no card can have been
    /// charged in between.
    fn is_told_again(&mut self) -> bool {
        let Some(closed) = self.day.closed else { return false };
        let now = self.clock.now();
        let since_ms = if closed.run == now.run {
            now.mono_ms.saturating_sub(closed.mono_ms).try_into().unwrap_or(i64::MAX)
        } else {
            now.wall_ms - closed.wall_ms
        };
        if self.day.is_closing() || !(0..=TOLD_AGAIN_MS).contains(&since_ms) {
            return false;
        }
        let after = |at: Option<Moment>| {
            at.is_some_and(|at| match at.run {
                run if run == closed.run => at.mono_ms > closed.mono_ms,
                run if run == now.run => true,
                _ => at.wall_ms > closed.wall_ms,
            })
        };
        let may_be_charged = |sale: &Sale| {
            let payment = &sale.payment;
            let undecided = matches!(payment.money, Money::Asked | Money::Held | Money::Committing | Money::Unknown);
            undecided || [payment.asked_at, payment.approved_at, payment.decided_at].into_iter().any(after)
        };
        let sales = self.journal.day().and_then(|day| self.journal.sales_of_day(day.saturating_sub(1)));
        sales.is_ok_and(|found| found.unreadable.is_empty() && !found.sales.iter().any(may_be_charged))
    }

    fn close_day(&mut self, evidence: &str, totals: Option<Totals>) {
        let made = self.reckon(totals);
        if self.halted.is_some() {
            return;
        }
        let json = made.as_ref().and_then(|made| serde_json::to_string(made).ok());
        let kept = made.as_ref().zip(json.as_deref());
        let kept = kept.map(|(made, json)| Kept { made_ms: made.made_ms, balanced: made.balances(), json });
        match self.journal.day_closed(evidence, kept.as_ref(), self.clock.now()) {
            Ok(day) => info!(day, evidence, "the day is closed"),
            Err(error) => return self.journal_failed(error),
        }
        let closed = made.is_some().then(|| self.clock.now());
        self.day = Day { seen: self.day.seen, closed, ..Day::default() };
        if let Some(made) = made {
            self.told_differences(&made);
        }
        self.freshen_health();
    }

    /// Refused or silent: the day counts as open for cards and as closed for reversals until it succeeds.
    fn try_later(&mut self, why: &str) {
        self.day.waits = Waits::Sales;
        let Some(ending) = &self.day.ending else { return };
        let place = usize::try_from(ending.tries).unwrap_or(usize::MAX).saturating_sub(1).min(RETRY_MS.len() - 1);
        self.day.retry_at_ms = self.clock.now().mono_ms + RETRY_MS[place];
        error!(why, tries = ending.tries, again_in_min = RETRY_MS[place] / 60_000, "the end of day did not come about");
    }
}
