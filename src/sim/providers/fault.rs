//! What can go wrong between a kiosk and a provider, and when.
//!
//! Faults are armed on a provider and meet its calls in a countable order, so that "the third purchase is processed
//! and then the line is reset" is one value. The list is that of the provider reference, section 7.

use std::time::Duration;

use super::codes::Dice;

/// Whether the provider has done its work when the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The request is read and thrown away: nothing is sold.
    Before,
    /// The request is processed, the ledger written, then the fault strikes on the way back.
    After,
}

/// Which calls a fault looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// Every call.
    Any,
    /// Calls that may move money.
    Writes,
    /// All others.
    Reads,
    /// One endpoint by its name in the ledger, such as `plan_purchase`.
    Endpoint(String),
}

/// Which of the calls it looks at are struck, counted from the moment it was armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// The n-th one only, from 1.
    Nth(u64),
    /// The first so many.
    First(u64),
    /// Every one from the n-th on.
    From(u64),
    /// All of them.
    Always,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// TCP reset instead of an answer.
    Reset,
    /// The connection is closed instead of an answer.
    Close,
    /// No answer; the connection stays open for so long and is then closed.
    Hold(Duration),
    /// The true answer, so much later.
    Delay(Duration),
    /// Announced in full, cut after half the body, then closed.
    CutBody,
    /// Announced in full, cut after half the body, then reset.
    CutBodyReset,
    /// `Content-Length` so many bytes too large (the connection closes early) or, if negative, too small.
    WrongLength(i32),
    /// Chunked, and closed without the last chunk.
    CutChunk,
    /// Right length, but the JSON ends in the middle.
    CutJson,
    /// So many bytes at a time.
    Drip {
        /// Bytes in one piece.
        bytes: usize,
        /// Between two pieces.
        every: Duration,
    },
    /// 200 with an HTML page (a captive portal, a proxy).
    Html,
    /// 200 with nothing.
    Empty,
    /// 204.
    NoContent,
    /// Another status; with an HTML page or with the provider's own error object.
    Status {
        /// Such as 500, 502, 503.
        code: u16,
        /// As a page of a proxy instead of JSON.
        html: bool,
    },
    /// A redirect (301, 302, 307, 308) to this address, or back to the same one.
    Redirect {
        /// The status.
        code: u16,
        /// The target; `None` is the address that was asked.
        to: Option<String>,
    },
    /// 429, with `Retry-After` in seconds or without.
    TooMany {
        /// Seconds.
        retry_after: Option<u32>,
    },
    /// A `Date` header so many seconds off, the answer otherwise true.
    WrongDate(i64),
    /// The JSON with the syntax faults that the provider's own page prints: missing and trailing commas, a comment,
    /// an elision, a stray brace.
    BrokenSample,
    /// Numbers become texts and numeric texts numbers.
    WrongTypes,
    /// The field is left out wherever it stands.
    MissingField(String),
    /// The field is null wherever it stands.
    NullField(String),
    /// Objects nobody has heard of are added everywhere.
    ExtraFields,
    /// The payload arrives as an array instead of an object.
    ArrayForObject,
    /// The first key appears twice, with different values.
    DuplicateKeys,
    /// A byte that is not UTF-8.
    InvalidUtf8,
    /// So many bytes of white space before the answer.
    Huge(u64),
    /// Something in the trade itself.
    Trick(Trick),
}

/// What goes wrong in the shop and not on the wire. The request is always processed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trick {
    /// Bought, but the profile comes only after so many look-ups of the order.
    PendingLookUps(u32),
    /// Bought, but the profile comes only after so long by the provider's clock.
    PendingFor(Duration),
    /// Bought, but the answer has no activation code (and none will come by looking).
    MissingLpa,
    /// Bought, and this stands where the activation code belongs (`LPA:1$...`).
    Lpa(String),
    /// The plan costs so many percent more from now on.
    PriceRises(u32),
    /// The wallet is too small for it (and stays as it is).
    NoFunds,
    /// The plan is off sale from now on.
    PlanGone,
    /// A success that shows an earlier order's reference and code instead of a new one; nothing is bought.
    RepeatsEarlierOrder,
    /// 409: the same order is said to be in flight. Nothing is bought.
    InFlight,
    /// The access token is refused (and is really dead).
    TokenExpired,
    /// The order is bought and charged, but said to have failed.
    ChargedAndRefused,
}

/// A fault, armed by the panel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Which calls.
    pub target: Target,
    /// Which of them.
    pub when: When,
    /// Before or after the work.
    pub stage: Stage,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// `effect` at the next call of `endpoint`, after it was processed.
    pub fn after(endpoint: &str, effect: Effect) -> Fault {
        Fault { target: Target::Endpoint(endpoint.to_owned()), when: When::Nth(1), stage: Stage::After, effect }
    }

    /// `effect` at the next call of `endpoint`, instead of processing it.
    pub fn before(endpoint: &str, effect: Effect) -> Fault {
        Fault { stage: Stage::Before, ..Fault::after(endpoint, effect) }
    }

    /// `trick` at the next call of `endpoint`.
    pub fn trick(endpoint: &str, trick: Trick) -> Fault {
        Fault::after(endpoint, Effect::Trick(trick))
    }

    /// The same at other calls.
    pub fn when(self, when: When) -> Fault {
        Fault { when, ..self }
    }

    /// The same on other endpoints.
    pub fn on(self, target: Target) -> Fault {
        Fault { target, ..self }
    }
}

/// What befalls a connection before any request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineFault {
    /// Accepted and reset at once.
    ResetAtOnce,
    /// Bytes that are no TLS, then closed: the handshake fails.
    NotTls,
    /// Closed in the middle of the handshake.
    CutHandshake,
    /// Accepted, and then silence for so long.
    Mute(Duration),
}

/// Faults by chance: the same seed and the same calls give the same faults.
#[derive(Debug, Clone)]
pub struct RandomFaults {
    /// Which calls may be struck.
    pub target: Target,
    /// How many of a thousand.
    pub per_mille: u32,
    /// Seed of the choice.
    pub seed: u64,
    /// What may happen; one is taken by chance.
    pub menu: Vec<(Stage, Effect)>,
}

impl RandomFaults {
    /// Everything that a wire can do to an answer, before and after the work, without long waits.
    pub fn wire(seed: u64, per_mille: u32) -> RandomFaults {
        let short = Duration::from_millis(50);
        let effects = [
            Effect::Reset,
            Effect::Close,
            Effect::CutBody,
            Effect::CutBodyReset,
            Effect::WrongLength(100),
            Effect::CutChunk,
            Effect::CutJson,
            Effect::Delay(short),
            Effect::Html,
            Effect::Empty,
            Effect::NoContent,
            Effect::Status { code: 500, html: false },
            Effect::Status { code: 502, html: true },
            Effect::Status { code: 503, html: true },
            Effect::Redirect { code: 302, to: None },
            Effect::Redirect { code: 307, to: None },
            Effect::BrokenSample,
            Effect::ArrayForObject,
            Effect::InvalidUtf8,
        ];
        let menu = effects.iter().flat_map(|effect| [Stage::Before, Stage::After].map(|stage| (stage, effect.clone())));
        RandomFaults { target: Target::Any, per_mille, seed, menu: menu.collect() }
    }
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    met: u64,
}

/// The faults of one provider.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    armed: Vec<Armed>,
    line: Vec<(u64, LineFault)>,
    random: Option<(RandomFaults, Dice)>,
}

impl FaultPlan {
    pub(super) fn arm(&mut self, fault: Fault) {
        self.armed.push(Armed { fault, met: 0 });
    }

    pub(super) fn arm_line(&mut self, nth: u64, fault: LineFault) {
        self.line.push((nth, fault));
    }

    pub(super) fn by_chance(&mut self, random: Option<RandomFaults>) {
        self.random = random.map(|random| {
            let dice = Dice::new(random.seed);
            (random, dice)
        });
    }

    pub(super) fn clear(&mut self) {
        *self = FaultPlan::default();
    }

    /// How many armed faults have not struck for the last time.
    pub(super) fn waiting(&self) -> usize {
        self.armed.len() + self.line.len()
    }

    /// The fault that the next connection meets.
    pub(super) fn at_accept(&mut self) -> Option<LineFault> {
        for (left, _) in &mut self.line {
            *left = left.saturating_sub(1);
        }
        let hit = self.line.iter().position(|(left, _)| *left == 0)?;
        Some(self.line.remove(hit).1)
    }

    /// The fault that this call meets. Counts the call for every armed fault that looks at it.
    pub(super) fn at_call(&mut self, endpoint: &str, writes: bool) -> Option<(Stage, Effect)> {
        let mut struck = None;
        for armed in &mut self.armed {
            if !looks_at(&armed.fault.target, endpoint, writes) {
                continue;
            }
            armed.met += 1;
            let hits = match armed.fault.when {
                When::Nth(n) => armed.met == n,
                When::First(n) => armed.met <= n,
                When::From(n) => armed.met >= n,
                When::Always => true,
            };
            if hits && struck.is_none() {
                struck = Some((armed.fault.stage, armed.fault.effect.clone()));
            }
        }
        self.armed.retain(|armed| match armed.fault.when {
            When::Nth(n) | When::First(n) => armed.met < n,
            When::From(_) | When::Always => true,
        });
        struck.or_else(|| self.chance(endpoint, writes))
    }

    fn chance(&mut self, endpoint: &str, writes: bool) -> Option<(Stage, Effect)> {
        let (random, dice) = self.random.as_mut()?;
        if !looks_at(&random.target, endpoint, writes) || dice.below(1000) >= u64::from(random.per_mille) {
            return None;
        }
        let choice = usize::try_from(dice.below(random.menu.len() as u64)).unwrap_or(0);
        random.menu.get(choice).cloned()
    }
}

fn looks_at(target: &Target, endpoint: &str, writes: bool) -> bool {
    match target {
        Target::Any => true,
        Target::Writes => writes,
        Target::Reads => !writes,
        Target::Endpoint(name) => name == endpoint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_call_is_struck_and_no_other() {
        let mut plan = FaultPlan::default();
        plan.arm(Fault::after("plan_purchase", Effect::Reset).when(When::Nth(2)));
        plan.arm(Fault::before("balance", Effect::Close).on(Target::Reads).when(When::From(2)));
        assert_eq!(plan.at_call("plan_purchase", true), None);
        assert_eq!(plan.at_call("balance", false), None);
        assert_eq!(plan.at_call("plan_purchase", true), Some((Stage::After, Effect::Reset)));
        assert_eq!(plan.at_call("plan_purchase", true), None);
        assert_eq!(plan.at_call("countries", false), Some((Stage::Before, Effect::Close)));
        assert_eq!(plan.waiting(), 1);
        plan.clear();
        assert_eq!(plan.at_call("countries", false), None);
    }

    #[test]
    fn chance_is_repeatable_and_about_as_frequent_as_asked() {
        let draw = |seed| {
            let mut plan = FaultPlan::default();
            plan.by_chance(Some(RandomFaults::wire(seed, 100)));
            (0..10_000).map(|_| plan.at_call("orders", true)).collect::<Vec<_>>()
        };
        let one = draw(3);
        assert_eq!(one, draw(3));
        assert_ne!(one, draw(4));
        let struck = one.iter().flatten().count();
        assert!((800..1200).contains(&struck), "{struck}");
    }

    #[test]
    fn connections_are_counted() {
        let mut plan = FaultPlan::default();
        plan.arm_line(2, LineFault::NotTls);
        assert_eq!(plan.at_accept(), None);
        assert_eq!(plan.at_accept(), Some(LineFault::NotTls));
        assert_eq!(plan.at_accept(), None);
    }
}
