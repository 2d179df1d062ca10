//! Which worlds are the same world: every fact that a rule or a move can look at, and every point in time as its age.
//! Ages beyond the largest number of the rules are one age, so that the space is finite.

use std::hash::{Hash, Hasher};

use crate::sale::moment::Moment;
use crate::sale::transaction::{ApprovalKey, LastTransaction, Totals};
use crate::sale::{Case, Money, Sale};

use super::world::{Seat, World};

/// Older than this is old: one more than the largest number of `Scene::terms`.
const OLD: u64 = 3;

/// 128 bits of a world; two worlds with the same are taken as one.
pub(super) fn of(world: &World) -> u128 {
    let mut facts = Facts { first: 0xCBF2_9CE4_8422_2325, second: 0x9E37_79B9_7F4A_7C15 };
    let now = &world.now;
    (world.ticked, &world.locks, &world.bound, world.day, world.day_in_doubt).hash(&mut facts);
    (world.day_asked, world.days_closed, world.front, &world.booting).hash(&mut facts);
    (world.listening, world.lost, world.answer.map(|(seat, answer)| (seat, answer as u8))).hash(&mut facts);
    (world.older, world.estranged, world.copy.is_some()).hash(&mut facts);
    if let Some(copy) = &world.copy {
        (&copy.locks, &copy.bound, copy.day).hash(&mut facts);
        for sale in &copy.sales {
            match sale {
                Some(sale) => of_sale(sale, now, u64::MAX, &mut facts),
                None => 0xFE_u8.hash(&mut facts),
            }
        }
    }
    for seat in &world.seats {
        one(seat, now, world.estranged_in, &mut facts);
    }
    let device = &world.device;
    format_args_hash(&device.stand, &mut facts);
    format_args_hash(&device.last, &mut facts);
    (device.day, device.numbers).hash(&mut facts);
    for pay in &device.pays {
        (pay.state as u8, pay.receipt, pay.issued, pay.day, pay.captured, pay.reversed).hash(&mut facts);
    }
    if !world.heard.is_empty() {
        format_args_hash(&world.heard, &mut facts);
    }
    (u128::from(facts.first) << 64) | u128::from(facts.second)
}

fn one(seat: &Seat, now: &Moment, since: u64, facts: &mut Facts) {
    let wants = seat.wants;
    let bits = [wants.baseline, wants.authorise, wants.abort, wants.charged, wants.reversed, wants.reverse];
    (bits, seat.authorised, seat.shown, seat.refund_due, seat.released, seat.reversal_unanswered).hash(facts);
    for parcel in &seat.parcels {
        (parcel.flight, parcel.limbo, parcel.look_up, parcel.fetch, parcel.bought).hash(facts);
        (parcel.wallet, parcel.ending, parcel.ended).hash(facts);
    }
    match &seat.sale {
        Some(sale) => of_sale(sale, now, since, facts),
        None => 0xFF_u8.hash(facts),
    }
}

fn of_sale(sale: &Sale, now: &Moment, since: u64, facts: &mut Facts) {
    let age = |at: &Option<Moment>| at.as_ref().map(|at| age(at, now));
    let payment = &sale.payment;
    (payment.money, payment.decision, payment.cancel_wished, payment.ended, payment.reversal_open).hash(facts);
    (payment.reversals, payment.evidence_in_case, payment.overtaken, payment.asked_at.is_some()).hash(facts);
    (sale.traveller_gone, sale.acknowledged, sale.reveals, sale.closed.map(|how| how as u8)).hash(facts);
    let key = |key: &ApprovalKey, facts: &mut Facts| key.receipt.hash(facts);
    if let Some(seen) = &payment.approval {
        key(&seen.key, facts);
    }
    if let Some(seen) = &payment.paid_as {
        key(seen, facts);
    }
    if let Some((last, totals)) = &payment.baseline {
        baseline(last, totals.as_ref(), facts);
    }
    sale.quote.day.hash(facts);
    // Only these are ever looked at again (sale/rules.rs, sale/settle.rs).
    if sale.quote.promised_ms.is_some() {
        age(&payment.asked_at).hash(facts);
    }
    if matches!(payment.money, Money::Held) {
        age(&payment.approved_at).hash(facts);
    }
    if matches!(payment.money, Money::Committing | Money::Releasing) {
        age(&payment.decided_at).hash(facts);
    }
    if payment.reversal_open {
        age(&payment.reversal_at).hash(facts);
    }
    if sale.closed.is_none() {
        (age(&payment.unknown_since), age(&payment.known_at), age(&sale.waiting_since)).hash(facts);
    }
    for good in &sale.goods {
        (good.choice, good.state, good.exposed, good.reference.is_some(), good.in_stock).hash(facts);
        (good.cancelled, good.reading, good.cancelling).hash(facts);
        (good.evidence_in_case, good.profile.map(crate::sale::id::ProfileId::to_u128)).hash(facts);
        if sale.closed.is_none() {
            (age(&good.sent_at), age(&good.cancel_sent_at)).hash(facts);
            let mut looked: Vec<_> = good.not_found.iter().map(|at| self::age(at, now)).collect();
            looked.sort_unstable();
            looked.dedup();
            looked.hash(facts);
        }
    }
    cases(sale, since, facts);
}

fn cases(sale: &Sale, since: u64, facts: &mut Facts) {
    // Which case is decided how, and whether it is of the time since a copy was put back; the evidence is words.
    let told = |case: &Case| {
        (case.kind as u8, case.good, case.decided.map(|decided| decided as u8), case.opened_at.run >= since)
    };
    let mut cases: Vec<(u8, Option<u8>, Option<u8>, bool)> = sale.cases.iter().map(told).collect();
    cases.sort_unstable();
    cases.dedup();
    cases.hash(facts);
}

/// In this run or an earlier one, how old, none where that cannot be known, and how old at least.
fn age(at: &Moment, now: &Moment) -> (bool, Option<u64>, u64) {
    (at.run == now.run, now.since(at).map(|age| age.min(OLD)), now.at_least_since(at).min(OLD))
}

fn baseline(last: &LastTransaction, totals: Option<&Totals>, facts: &mut Facts) {
    match last {
        LastTransaction::Empty => 0_u8.hash(facts),
        LastTransaction::Silent { .. } => 1_u8.hash(facts),
        LastTransaction::Is(seen) => (&seen.key.receipt, &seen.original_trace).hash(facts),
    }
    totals.map(|totals| (totals.count, totals.sum_minor)).hash(facts);
}

/// Hashes what a value prints: for small enums that stand in few places.
fn format_args_hash(value: &impl std::fmt::Debug, facts: &mut Facts) {
    struct Into<'a>(&'a mut Facts);
    impl std::fmt::Write for Into<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    use std::fmt::Write;
    // Writing into a number cannot fail.
    let _always = write!(Into(facts), "{value:?}");
}

/// Two multiplying hashes side by side. Not against an adversary: against chance.
struct Facts {
    first: u64,
    second: u64,
}

impl Hasher for Facts {
    fn finish(&self) -> u64 {
        self.first
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.first = (self.first ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ (self.first >> 32);
        self.second = (self.second.rotate_left(17) ^ value).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        self.second ^= self.second >> 29;
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}
