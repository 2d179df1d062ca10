//! How fast, and whether at all, a provider may be asked: its own limits (429, `Retry-After`, `X-RateLimit-*`) and a
//! circuit breaker, with what the operator's traffic light shows of both.

use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// Failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open the first time.
const OPEN_FIRST: Duration = Duration::from_secs(30);
/// How long at most.
const OPEN_MAX: Duration = Duration::from_secs(300);
/// Requests that a provider's window keeps for orders: the catalogue stops here.
const RESERVE: u64 = 25;
/// Between two requests that only ask for the provider's time.
const TIME_PAUSE: Duration = Duration::from_secs(20);
/// A `Retry-After` beyond this is taken as this; nobody waits for a day on one header.
const LIMIT_MAX: Duration = Duration::from_secs(3600);

/// How urgent a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Catalogue: waits for its turn, leaves a reserve for orders.
    Patient,
    /// Somebody waits: sent now or not at all.
    Prompt,
    /// A look-up of an open order, or the fetching of bought goods: passes the breaker.
    Duty,
}

/// Why nothing may be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// By the provider's own limit.
    Limited(Duration),
    /// By the breaker.
    Broken(Duration),
}

/// What the operator sees of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether orders may be sent: neither limited nor broken.
    pub sells: bool,
    /// Seconds until the breaker lets a request through again.
    pub broken_s: Option<u64>,
    /// Seconds until the provider's limit ends.
    pub limited_s: Option<u64>,
    /// Failures in a row.
    pub failures: u32,
    /// The last failure, secrets masked.
    pub last_failure: Option<String>,
    /// Our clock minus the provider's, in seconds, by its last `Date` header.
    pub clock_ahead_s: Option<i64>,
    /// Its requests carry our time, and our clock was not set since the machine has started.
    pub clock_unset: bool,
    /// Whether the provider last refused our credentials.
    pub credentials_refused: bool,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    opened: u32,
    broken_until: Option<Instant>,
    limited_until: Option<Instant>,
    remaining: Option<(u64, Instant)>,
    last_failure: Option<String>,
    clock_ahead_s: Option<i64>,
    time_asked: Option<Instant>,
    credentials_refused: bool,
}

/// The pace of one account.
#[derive(Debug, Default)]
pub struct Pace {
    state: Mutex<State>,
}

impl Pace {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether a request may go out now.
    ///
    /// # Errors
    /// The [`Hold`] and how long it still lasts.
    pub fn may(&self, urgency: Urgency) -> Result<(), Hold> {
        let now = Instant::now();
        let state = self.state();
        if let Some(until) = state.limited_until.filter(|until| *until > now) {
            return Err(Hold::Limited(until - now));
        }
        if urgency != Urgency::Duty
            && let Some(until) = state.broken_until.filter(|until| *until > now)
        {
            return Err(Hold::Broken(until - now));
        }
        if urgency == Urgency::Patient
            && let Some((left, reset)) = state.remaining
            && left <= RESERVE
            && reset > now
        {
            return Err(Hold::Limited(reset - now));
        }
        Ok(())
    }

    /// An answer came that shows a working provider, whatever it said.
    pub fn answered(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.opened = 0;
        state.broken_until = None;
    }

    /// No answer, or none that shows a working provider.
    pub fn failed(&self, why: &str) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.last_failure = Some(why.to_owned());
        if state.failures >= FAILURES {
            let open = OPEN_FIRST.saturating_mul(1 << state.opened.min(8)).min(OPEN_MAX);
            state.opened = state.opened.saturating_add(1);
            state.broken_until = Some(Instant::now() + open);
            // Half open: after the pause one more failure opens it again, and longer.
            state.failures = FAILURES - 1;
        }
    }

    /// The provider said "too many requests".
    pub fn limited(&self, wait: Option<Duration>) {
        let wait = wait.unwrap_or(Duration::from_secs(60)).min(LIMIT_MAX);
        self.state().limited_until = Some(Instant::now() + wait);
    }

    /// The provider said how many requests are left until when.
    pub fn remaining(&self, left: u64, reset_in: Duration) {
        self.state().remaining = Some((left, Instant::now() + reset_in.min(LIMIT_MAX)));
    }

    /// Our clock against the provider's.
    pub fn clock_ahead(&self, seconds: i64) {
        self.state().clock_ahead_s = Some(seconds);
    }

    /// Whether our clock is known to differ from the provider's by so many seconds at the most.
    pub fn clock_agrees(&self, most_s: u64) -> bool {
        self.state().clock_ahead_s.is_some_and(|ahead| ahead.unsigned_abs() <= most_s)
    }

    /// Whether the provider may be asked for nothing but its time, which is done seldom.
    pub fn may_ask_time(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let may = state.time_asked.is_none_or(|at| now.saturating_duration_since(at) >= TIME_PAUSE);
        if may {
            state.time_asked = Some(now);
        }
        may
    }

    /// Whether our credentials were taken.
    pub fn credentials(&self, refused: bool) {
        self.state().credentials_refused = refused;
    }

    /// What the operator sees.
    pub fn health(&self) -> Health {
        let now = Instant::now();
        let state = self.state();
        let left = |until: Option<Instant>| until.filter(|until| *until > now).map(|until| (until - now).as_secs() + 1);
        let (broken_s, limited_s) = (left(state.broken_until), left(state.limited_until));
        Health {
            sells: broken_s.is_none() && limited_s.is_none() && !state.credentials_refused,
            broken_s,
            limited_s,
            failures: state.failures,
            last_failure: state.last_failure.clone(),
            clock_ahead_s: state.clock_ahead_s,
            clock_unset: false,
            credentials_refused: state.credentials_refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_breaker_opens_longer_each_time_and_closes_at_the_first_answer() {
        let pace = Pace::default();
        for _ in 0..FAILURES - 1 {
            pace.failed("reset");
            assert_eq!(pace.may(Urgency::Prompt), Ok(()));
        }
        pace.failed("reset");
        assert_eq!(pace.may(Urgency::Prompt), Err(Hold::Broken(OPEN_FIRST)));
        assert_eq!(pace.may(Urgency::Duty), Ok(()), "an open order is looked up all the same");
        assert!(!pace.health().sells);
        tokio::time::advance(OPEN_FIRST).await;
        assert_eq!(pace.may(Urgency::Prompt), Ok(()), "one try");
        pace.failed("reset");
        assert_eq!(pace.may(Urgency::Prompt), Err(Hold::Broken(OPEN_FIRST * 2)));
        pace.answered();
        assert_eq!(pace.may(Urgency::Prompt), Ok(()));
        assert!(pace.health().sells);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_everything_and_the_reserve_holds_the_catalogue() {
        let pace = Pace::default();
        pace.limited(Some(Duration::from_secs(7)));
        assert_eq!(pace.may(Urgency::Duty), Err(Hold::Limited(Duration::from_secs(7))));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(pace.may(Urgency::Prompt), Ok(()));
        pace.remaining(RESERVE, Duration::from_secs(100));
        assert_eq!(pace.may(Urgency::Prompt), Ok(()));
        assert_eq!(pace.may(Urgency::Patient), Err(Hold::Limited(Duration::from_secs(100))));
        pace.limited(Some(Duration::from_secs(1_000_000)));
        assert_eq!(pace.may(Urgency::Duty), Err(Hold::Limited(LIMIT_MAX)));
    }
}
