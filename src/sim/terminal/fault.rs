//! What can go wrong on the line, at a chosen message or by seeded chance.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::sim::chance::Chance;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The message is lost: not sent, or not heard.
    Drop,
    /// Sent twice.
    Duplicate,
    /// One bit of the frame is turned over; which one.
    Corrupt(u32),
    /// A good frame is answered NAK and thrown away.
    Nak,
    /// A good frame is taken, and its ACK lost.
    DropAck,
    /// A good frame is taken, and its ACK comes late.
    LateAck(Duration),
    /// The message waits before it is sent.
    Slow(Duration),
    /// The frame pauses in its middle.
    Gap(Duration),
    /// Bytes that mean nothing come before the frame.
    Noise(Vec<u8>),
    /// From here on the terminal hears and says nothing.
    Mute(Duration),
    /// From here on nothing passes in either direction.
    Cut(Duration),
    /// The adapter is pulled and put back.
    Unplug(Duration),
    /// The terminal loses power, before the message is sent or taken, and is off for so long.
    PowerCycle(Duration),
    /// The terminal loses power right after the message was sent, or taken and acknowledged.
    PowerCycleAfter(Duration),
    /// The line is cut right after the message was sent, or taken and acknowledged.
    CutAfter(Duration),
    /// The kiosk's ACK of the message is lost on its way: the terminal repeats.
    LoseAck,
}

/// Which way the message goes, seen from the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The terminal sends it.
    Sent,
    /// The terminal hears it.
    Heard,
}

/// A fault at a chosen message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// The direction.
    pub moment: Moment,
    /// Class and instruction, such as `(0x04, 0x0F)`; any where absent.
    pub message: Option<(u8, u8)>,
    /// Which of them, from 1.
    pub nth: u32,
    /// What happens.
    pub fault: Fault,
    /// For how many transmissions of that message.
    pub times: u32,
    /// Counting begins after these messages went by, in this order, either way.
    pub after: Vec<(u8, u8)>,
}

impl FaultRule {
    /// At the n-th such message that the terminal sends, once.
    pub fn sent(message: (u8, u8), nth: u32, fault: Fault) -> FaultRule {
        FaultRule { moment: Moment::Sent, message: Some(message), nth, fault, times: 1, after: Vec::new() }
    }

    /// At the n-th such message that the terminal hears, once.
    pub fn heard(message: (u8, u8), nth: u32, fault: Fault) -> FaultRule {
        FaultRule { moment: Moment::Heard, message: Some(message), nth, fault, times: 1, after: Vec::new() }
    }

    /// The same, but counted only from such a message on; called again, from the next one after it.
    #[must_use]
    pub fn after(mut self, message: (u8, u8)) -> FaultRule {
        self.after.push(message);
        self
    }

    /// The same for so many transmissions of the message.
    #[must_use]
    pub fn times(self, times: u32) -> FaultRule {
        FaultRule { times, ..self }
    }
}

/// Faults by chance.
#[derive(Debug, Clone)]
pub struct RandomFaults {
    /// Which faults are drawn.
    pub seed: u64,
    /// On how many of a thousand messages.
    pub per_mille: u16,
    /// Also power cuts and pulled adapters, not only a bad line.
    pub violent: bool,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u32,
    used: u32,
    /// How many of the messages that must go before have gone.
    gone: usize,
}

/// All faults of one terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultPlan(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    armed: Vec<Armed>,
    random: Option<(RandomFaults, Chance)>,
    struck: u64,
}

impl FaultPlan {
    fn with<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add(&self, rule: FaultRule) {
        self.with(|plan| plan.armed.push(Armed { rule, seen: 0, used: 0, gone: 0 }));
    }

    pub(super) fn randomly(&self, random: Option<RandomFaults>) {
        self.with(|plan| {
            plan.random = random.map(|random| {
                let chance = Chance::new(random.seed);
                (random, chance)
            });
        });
    }

    pub(super) fn clear(&self) {
        self.with(|plan| {
            plan.armed.clear();
            plan.random = None;
        });
    }

    /// How often a fault has struck.
    pub(super) fn struck(&self) -> u64 {
        self.with(|plan| plan.struck)
    }

    /// How many chosen faults have not struck yet.
    pub(super) fn unstruck(&self) -> usize {
        self.with(|plan| plan.armed.iter().filter(|armed| armed.used == 0).count())
    }

    /// The fault that strikes this transmission. `first` marks a message's first transmission: only that one is
    /// counted for the n-th, and only there chance may strike.
    pub(super) fn strike(&self, moment: Moment, message: &[u8], first: bool) -> Option<Fault> {
        self.with(|plan| {
            let fault = plan
                .armed_fault(moment, message, first)
                .or_else(|| if first { plan.random_fault(moment) } else { None });
            plan.struck += u64::from(fault.is_some());
            fault
        })
    }
}

impl Plan {
    fn armed_fault(&mut self, moment: Moment, message: &[u8], first: bool) -> Option<Fault> {
        let kind = (message.first().copied()?, message.get(1).copied()?);
        let mut found = None;
        for armed in &mut self.armed {
            if let Some(awaited) = armed.rule.after.get(armed.gone) {
                armed.gone += usize::from(*awaited == kind);
                continue;
            }
            if armed.rule.moment != moment || armed.rule.message.is_some_and(|wanted| wanted != kind) {
                continue;
            }
            let running = armed.seen == armed.rule.nth && armed.used > 0 && armed.used < armed.rule.times;
            if first && !running {
                armed.seen += 1;
            }
            if armed.seen == armed.rule.nth && armed.used < armed.rule.times && (first || armed.used > 0) {
                armed.used += 1;
                found = found.or_else(|| Some(armed.rule.fault.clone()));
            }
        }
        found
    }

    fn random_fault(&mut self, moment: Moment) -> Option<Fault> {
        let (random, chance) = self.random.as_mut()?;
        if !chance.per_mille(random.per_mille) {
            return None;
        }
        let ms = |chance: &mut Chance, from, to| Duration::from_millis(chance.between(from, to));
        let violent = random.violent && chance.per_mille(150);
        Some(match (violent, moment, chance.below(8)) {
            (true, _, 0 | 1) => Fault::PowerCycle(ms(chance, 500, 40_000)),
            (true, _, 2) => Fault::PowerCycleAfter(ms(chance, 500, 40_000)),
            (true, _, 3 | 4) => Fault::Unplug(ms(chance, 100, 30_000)),
            (true, _, _) => Fault::CutAfter(ms(chance, 1_000, 60_000)),
            (_, Moment::Sent, 0) => Fault::Drop,
            (_, Moment::Sent, 1) => Fault::Duplicate,
            (_, Moment::Sent, 2 | 3) => Fault::Corrupt(u32::try_from(chance.below(4096)).unwrap_or(0)),
            (_, Moment::Sent, 4) => Fault::Slow(ms(chance, 10, 6_000)),
            (_, Moment::Sent, 5) => Fault::Gap(ms(chance, 150, 400)),
            (_, Moment::Sent, 6) => {
                Fault::Noise((0..chance.between(1, 9)).map(|_| chance.bits().to_le_bytes()[0]).collect())
            }
            (_, Moment::Heard, 0 | 1) => Fault::Drop,
            (_, Moment::Heard, 2 | 3) => Fault::DropAck,
            (_, Moment::Heard, 4 | 5) => Fault::Nak,
            (_, Moment::Heard, 6) => Fault::LateAck(ms(chance, 100, 5_500)),
            _ => Fault::Cut(ms(chance, 50, 12_000)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPROVAL: &[u8] = &[0x04, 0x0F, 0x02, 0x27, 0x00];
    const WAIT: &[u8] = &[0x04, 0xFF, 0x01, 0x0E];

    #[test]
    fn a_rule_strikes_the_chosen_message_and_its_repeats_only() {
        let plan = FaultPlan::default();
        plan.add(FaultRule::sent((0x04, 0x0F), 2, Fault::Drop).times(2));
        let sent = |message, first| plan.strike(Moment::Sent, message, first);
        assert_eq!(sent(APPROVAL, true), None);
        assert_eq!(sent(APPROVAL, false), None);
        assert_eq!(sent(WAIT, true), None);
        assert_eq!(sent(APPROVAL, true), Some(Fault::Drop));
        assert_eq!(sent(APPROVAL, false), Some(Fault::Drop));
        assert_eq!(sent(APPROVAL, false), None);
        assert_eq!(plan.strike(Moment::Heard, APPROVAL, true), None);
        assert_eq!(plan.struck(), 2);
        assert_eq!(plan.unstruck(), 0);
        plan.add(FaultRule::heard((0x06, 0x01), 1, Fault::Drop));
        assert_eq!(plan.unstruck(), 1);
    }

    #[test]
    fn chance_strikes_at_its_rate_and_the_same_way_for_the_same_seed() {
        let draw = |seed| {
            let plan = FaultPlan::default();
            plan.randomly(Some(RandomFaults { seed, per_mille: 200, violent: true }));
            (0..2_000).map(|_| plan.strike(Moment::Sent, WAIT, true)).collect::<Vec<_>>()
        };
        let struck = draw(3).iter().flatten().count();
        assert!((300..500).contains(&struck), "{struck}");
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
