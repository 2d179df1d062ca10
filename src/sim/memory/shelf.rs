//! Profiles and stock of the journal in memory: the same changes of state as the database makes (sale.md 7), in the
//! same transactions.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::stock::{Bought, StockItem, StockState};
use crate::journal::{Append, Violation};
use crate::money::Exact;
use crate::sale::activation::Profile;
use crate::sale::id::{ProfileId, SaleId};
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, OrderReference, Source};
use crate::sale::record::Record;
use crate::sale::{Lock, Money, Sale};

/// What is left of a reservation at the least when its sale did not come about: 10 minutes (sale.md 3).
const LEFT_AT_LEAST_MS: u64 = 600_000;

#[derive(Debug, Clone)]
struct Kept {
    content: Profile,
    owner: Option<SaleId>,
}

/// For whose code an item is kept, since when and for how long.
#[derive(Debug, Clone, Copy)]
struct Reservation {
    code_of: SaleId,
    at: Moment,
    ms: u64,
}

impl Reservation {
    /// What is left of it; none where its age cannot be known.
    fn left_ms(&self, now: Moment) -> Option<u64> {
        now.since(&self.at).map(|age| self.ms.saturating_sub(age))
    }
}

#[derive(Debug, Clone)]
struct Item {
    state: StockState,
    offer: Offer,
    reference: Option<OrderReference>,
    kept: Option<Reservation>,
    unproven: bool,
    expires_ms: Option<i64>,
}

/// Every profile, and which of them lie in stock.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    profiles: BTreeMap<ProfileId, Kept>,
    identities: BTreeSet<String>,
    items: BTreeMap<ProfileId, Item>,
}

fn expiry(content: &Profile) -> Option<i64> {
    let start = content.install_before.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    start.map(|start| start.timestamp().as_millisecond())
}

impl Shelf {
    pub(super) fn reveal(&self, profile: ProfileId) -> Option<Profile> {
        self.profiles.get(&profile).map(|kept| kept.content.clone())
    }

    /// What a step must not do.
    pub(super) fn check(&self, step: &Append<'_>, locks: &BTreeMap<Lock, SaleId>) -> Result<(), Violation> {
        let now = step.entries.last().map(|entry| entry.at);
        for lock in step.takes.iter().filter(|lock| locks.get(lock) != Some(&step.sale.id)) {
            if let (Lock::StockItem(profile), Some(now)) = (lock, now) {
                self.may_reserve(step.sale, *profile, now)?;
            }
        }
        if let Some((_, content)) = step.profile.filter(|_| stores(step))
            && self.identities.contains(&content.code.identity())
        {
            return Err(Violation::ProfileBound);
        }
        for entry in step.entries {
            let Record::Stored { profile: Some(profile), .. } = &entry.record else { continue };
            if step.profile.is_some_and(|(named, _)| named == *profile) {
                continue;
            }
            let lock = Lock::StockItem(*profile);
            let holds = step.takes.contains(&lock) || locks.get(&lock) == Some(&step.sale.id);
            let owner = self.profiles.get(profile).and_then(|kept| kept.owner);
            if !holds || owner.is_some_and(|owner| owner != step.sale.id) {
                return Err(Violation::ProfileBound);
            }
        }
        Ok(())
    }

    fn may_reserve(&self, sale: &Sale, profile: ProfileId, now: Moment) -> Result<bool, Violation> {
        let item = self.items.get(&profile).ok_or(Violation::ProfileBound)?;
        let ours = item.kept.is_some_and(|kept| Some(kept.code_of) == sale.quote.continues);
        let ran_out = item.kept.is_some_and(|kept| kept.left_ms(now) == Some(0));
        match item.state {
            StockState::Free => Ok(true),
            StockState::Reserved if ours => Ok(false),
            StockState::Reserved if ran_out => Ok(true),
            _ => Err(Violation::ProfileBound),
        }
    }

    /// A sale wants the item.
    pub(super) fn reserve(&mut self, sale: &Sale, profile: ProfileId, now: Moment) {
        let forgets = self.may_reserve(sale, profile, now).unwrap_or(false);
        if let Some(item) = self.items.get_mut(&profile) {
            if forgets {
                item.kept = None;
            }
            item.state = StockState::Reserved;
        }
    }

    /// The lock of an item was given back.
    pub(super) fn give(&mut self, sale: SaleId, profile: ProfileId, now: Moment) {
        let Some(item) = self.items.get_mut(&profile).filter(|item| item.state == StockState::Reserved) else { return };
        match &mut item.kept {
            None => item.state = StockState::Free,
            Some(kept) if kept.code_of == sale => {}
            Some(kept) => {
                if kept.left_ms(now).is_some_and(|left| left < LEFT_AT_LEAST_MS) {
                    (kept.at, kept.ms) = (now, LEFT_AT_LEAST_MS);
                }
            }
        }
    }

    /// What a record brings with it.
    pub(super) fn follow(&mut self, step: &Append<'_>, record: &Record, now: Moment) {
        match record {
            Record::Stored { profile: Some(profile), .. } => match step.profile.filter(|(named, _)| named == profile) {
                Some((_, content)) => self.put(*profile, content, Some(step.sale.id)),
                None => {
                    if let Some(kept) = self.profiles.get_mut(profile) {
                        kept.owner = Some(step.sale.id);
                    }
                }
            },
            Record::ToStock { good, reserved_ms } => self.put_back(step.sale, *good, *reserved_ms, now),
            _ => {}
        }
    }

    fn put(&mut self, profile: ProfileId, content: &Profile, owner: Option<SaleId>) {
        self.identities.insert(content.code.identity());
        self.profiles.insert(profile, Kept { content: content.clone(), owner });
    }

    /// Paid: what came from stock is sold.
    pub(super) fn sold_with(&mut self, sale: &Sale) {
        if sale.payment.money != Money::Paid {
            return;
        }
        for (index, good) in sale.goods.iter().enumerate().filter(|(_, good)| !good.in_stock) {
            let Source::Stock { profile } = sale.offer(index).source else { continue };
            let item = self.items.get_mut(&profile).filter(|item| item.state == StockState::Reserved);
            if let (Some(item), true) = (item, good.profile == Some(profile)) {
                item.state = StockState::Sold;
            }
        }
    }

    /// A stored profile leaves its sale, and is kept for the claim code.
    fn put_back(&mut self, sale: &Sale, good: u8, reserved_ms: u64, now: Moment) {
        let index = usize::from(good);
        let Some(profile) = sale.goods.get(index).and_then(|good| good.profile) else { return };
        let Some(kept) = self.profiles.get_mut(&profile) else { return };
        kept.owner = None;
        let mut offer = sale.offer(index).clone();
        offer.source = Source::Stock { profile };
        let item = self.items.entry(profile).or_insert_with(|| Item {
            state: StockState::Free,
            offer,
            reference: sale.goods[index].reference.clone(),
            kept: None,
            unproven: false,
            expires_ms: expiry(&kept.content),
        });
        if matches!(item.state, StockState::Cancelling | StockState::Retired) {
            return;
        }
        if reserved_ms > 0 {
            item.kept = Some(Reservation { code_of: sale.id, at: now, ms: reserved_ms });
        }
        item.state = if item.kept.is_some() { StockState::Reserved } else { StockState::Free };
    }

    /// A profile that was bought for the stock.
    pub(super) fn buy(&mut self, bought: &Bought<'_>) -> Result<(), Violation> {
        if self.identities.contains(&bought.content.code.identity()) {
            return Err(Violation::ProfileBound);
        }
        self.put(bought.profile, bought.content, None);
        let offer = Offer { source: Source::Stock { profile: bought.profile }, ..bought.offer.clone() };
        let (reference, expires_ms) = (Some(bought.reference.clone()), expiry(bought.content));
        let item = Item { state: StockState::Free, offer, reference, kept: None, unproven: false, expires_ms };
        self.items.insert(bought.profile, item);
        Ok(())
    }

    /// Everything that is not sold or retired. A reservation of unknown age starts again, one that has run out ends.
    pub(super) fn list(&mut self, locks: &BTreeMap<Lock, SaleId>, now: Moment) -> Vec<StockItem> {
        let mut listed = Vec::new();
        for (profile, item) in &mut self.items {
            if matches!(item.state, StockState::Sold | StockState::Retired) {
                continue;
            }
            if let Some(kept) = item.kept.as_mut().filter(|kept| kept.left_ms(now).is_none()) {
                kept.at = now;
            }
            let ran_out = item.kept.is_some_and(|kept| kept.left_ms(now) == Some(0));
            if ran_out && item.state == StockState::Reserved && !locks.contains_key(&Lock::StockItem(*profile)) {
                (item.kept, item.state) = (None, StockState::Free);
            }
            listed.push(StockItem {
                profile: *profile,
                state: item.state,
                offer: item.offer.clone(),
                reference: item.reference.clone(),
                kept_for: item.kept.map(|kept| kept.code_of),
                kept_ms: item.kept.and_then(|kept| kept.left_ms(now)),
                unproven: item.unproven,
                expires_ms: item.expires_ms,
            });
        }
        listed
    }

    /// Towards the end of an item; nothing that a sale holds is touched.
    pub(super) fn move_to(&mut self, locks: &BTreeMap<Lock, SaleId>, profile: ProfileId, to: StockState) -> bool {
        let held = locks.contains_key(&Lock::StockItem(profile));
        let Some(item) = self.items.get_mut(&profile).filter(|_| !held) else { return false };
        let allowed = match to {
            StockState::Cancelling => matches!(item.state, StockState::Free | StockState::Reserved),
            StockState::Retired => item.state != StockState::Sold,
            StockState::Free | StockState::Reserved | StockState::Sold => false,
        };
        if allowed {
            item.state = to;
        }
        allowed
    }

    /// Nothing is for sale until it is proven unused.
    pub(super) fn doubt(&mut self) {
        let there = |item: &&mut Item| matches!(item.state, StockState::Free | StockState::Reserved);
        self.items.values_mut().filter(there).for_each(|item| item.unproven = true);
    }

    pub(super) fn proven(&mut self, profile: ProfileId) {
        if let Some(item) = self.items.get_mut(&profile) {
            item.unproven = false;
        }
    }

    /// Every item with its state and its cost.
    pub(super) fn books(&self) -> BTreeMap<ProfileId, (StockState, Exact)> {
        self.items.iter().map(|(profile, item)| (*profile, (item.state, item.offer.cost))).collect()
    }

    /// The state of the item that this order brought.
    pub(super) fn of_order(&self, order: &str) -> Option<StockState> {
        let ours = |item: &&Item| item.reference.as_ref().is_some_and(|reference| reference.0 == order);
        self.items.values().find(ours).map(|item| item.state)
    }

    /// The orders of everything that is for sale.
    pub(super) fn for_sale(&self) -> Vec<String> {
        let free = self.items.values().filter(|item| item.state == StockState::Free && !item.unproven);
        free.filter_map(|item| Some(item.reference.as_ref()?.0.clone())).collect()
    }
}

/// Whether the step stores the profile that it brings.
fn stores(step: &Append<'_>) -> bool {
    let named = step.profile.map(|(named, _)| named);
    let stores =
        |record: &Record| matches!(record, Record::Stored { profile: Some(profile), .. } if Some(*profile) == named);
    step.entries.iter().any(|entry| stores(&entry.record))
}
