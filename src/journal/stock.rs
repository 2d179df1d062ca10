//! Stock: profiles bought before they are sold, or kept for a claim code (sale.md 7). A state changes only in the
//! transaction of the sale that wants the item.

use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use serde::{Deserialize, Serialize};

use super::Violation;
use super::fault::{Fault, unique};
use super::fold::parse_sale;
use super::seal::Seal;
use crate::sale::Sale;
use crate::sale::activation::Profile;
use crate::sale::id::{ProfileId, SaleId};
use crate::sale::moment::Moment;
use crate::sale::offer::{Offer, OrderReference, Source};

/// What is left of a reservation at the least when its sale did not come about: 10 minutes (sale.md 3).
const LEFT_AT_LEAST_MS: u64 = 600_000;

/// Where an item of the stock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockState {
    /// For sale.
    Free,
    /// Kept for a claim code, or wanted by a sale.
    Reserved,
    /// Paid for.
    Sold,
    /// A cancel or refund was asked at the provider: never free again.
    Cancelling,
    /// Taken out for good.
    Retired,
}

/// An item of the stock, without its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StockItem {
    /// Its profile.
    pub profile: ProfileId,
    /// Where it is.
    pub state: StockState,
    /// What it is, with the price at which it was quoted; its source is this item.
    pub offer: Offer,
    /// The provider's name of the order.
    pub reference: Option<OrderReference>,
    /// The sale whose claim code it is kept for.
    pub kept_for: Option<SaleId>,
    /// Milliseconds for which it is still kept; none where it is not kept, or where the age cannot be known.
    pub kept_ms: Option<u64>,
    /// Not for sale until the provider says that it was never used: the journal may not be the newest.
    pub unproven: bool,
    /// Until when it can be installed, milliseconds since 1970, where the provider says so.
    pub expires_ms: Option<i64>,
}

/// A profile that was bought for the stock.
#[derive(Debug, Clone, Copy)]
pub struct Bought<'a> {
    /// Its name.
    pub profile: ProfileId,
    /// Its code.
    pub content: &'a Profile,
    /// What it is, as it was ordered.
    pub offer: &'a Offer,
    /// The provider's name of the order.
    pub reference: &'a OrderReference,
}

impl StockItem {
    /// For sale to whoever comes: free, proven, and installable for another `days_left` days.
    pub fn is_for_sale(&self, now: Moment, days_left: i64) -> bool {
        let lasts = self.expires_ms.is_none_or(|end| now.wall_ms.saturating_add(days_left * 86_400_000) < end);
        self.state == StockState::Free && !self.unproven && lasts
    }
}

/// A row, as far as the changes need it.
pub(super) struct Item {
    pub(super) state: StockState,
    kept_for: Option<String>,
    kept_at: Option<Moment>,
    kept_ms: u64,
}

impl Item {
    fn of(row: &Row<'_>) -> Result<Item, rusqlite::Error> {
        let run: Option<u64> = row.get("kept_run")?;
        let kept_at = match run {
            None => None,
            Some(run) => Some(Moment {
                run,
                mono_ms: row.get("kept_mono_ms")?,
                wall_ms: row.get("kept_wall_ms")?,
                synced: row.get("kept_synced")?,
            }),
        };
        let kept_ms: Option<u64> = row.get("kept_ms")?;
        Ok(Item {
            state: parse_state(&row.get::<_, String>("state")?),
            kept_for: row.get("kept_for")?,
            kept_at,
            kept_ms: kept_ms.unwrap_or(0),
        })
    }

    /// What is left of the reservation; none where its age cannot be known.
    fn left_ms(&self, now: Moment) -> Option<u64> {
        let age = now.since(&self.kept_at?)?;
        Some(self.kept_ms.saturating_sub(age))
    }

    /// Nobody's any more: an age that cannot be known never ends a reservation.
    fn ran_out(&self, now: Moment) -> bool {
        self.kept_for.is_some() && self.left_ms(now) == Some(0)
    }
}

pub(super) fn parse_state(text: &str) -> StockState {
    match text {
        "free" => StockState::Free,
        "reserved" => StockState::Reserved,
        "sold" => StockState::Sold,
        "cancelling" => StockState::Cancelling,
        // The table's CHECK knows no other; what a newer version adds is not for sale.
        _ => StockState::Retired,
    }
}

pub(super) fn item(connection: &Connection, profile: ProfileId) -> Result<Option<Item>, Fault> {
    let sql = "SELECT state, kept_for, kept_run, kept_mono_ms, kept_wall_ms, kept_synced, kept_ms
               FROM stock WHERE profile = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([profile.to_string()], Item::of).optional()?)
}

/// A sale wants the item: it is free, or kept for the older sale that this one continues.
pub(super) fn reserve(work: &Transaction<'_>, sale: &Sale, profile: ProfileId, now: Moment) -> Result<(), Fault> {
    let Some(found) = item(work, profile)? else { return Err(Violation::ProfileBound.into()) };
    let continues = sale.quote.continues.map(|older| older.to_string());
    let ours = found.kept_for.is_some() && found.kept_for == continues;
    let forget = match found.state {
        StockState::Free => true,
        StockState::Reserved if ours => false,
        StockState::Reserved if found.ran_out(now) => true,
        StockState::Reserved | StockState::Sold | StockState::Cancelling | StockState::Retired => {
            return Err(Violation::ProfileBound.into());
        }
    };
    if forget {
        keep(work, profile, None, now, 0)?;
    }
    set(work, profile, "reserved", now)
}

/// The lock of an item was given back: it is sold, kept, or free again.
pub(super) fn give(work: &Transaction<'_>, sale: SaleId, profile: ProfileId, now: Moment) -> Result<(), Fault> {
    let Some(found) = item(work, profile)? else { return Ok(()) };
    if found.state != StockState::Reserved {
        return Ok(());
    }
    match &found.kept_for {
        None => set(work, profile, "free", now),
        Some(kept_for) if *kept_for == sale.to_string() => Ok(()),
        Some(kept_for) => {
            if found.left_ms(now).is_some_and(|left| left < LEFT_AT_LEAST_MS) {
                keep(work, profile, Some(kept_for), now, LEFT_AT_LEAST_MS)?;
            }
            Ok(())
        }
    }
}

/// A good that comes from stock is stored: the profile is this sale's.
pub(super) fn bind(work: &Transaction<'_>, sale: &Sale, profile: ProfileId) -> Result<(), Fault> {
    let id = sale.id.to_string();
    let owner: Option<Option<String>> = work
        .prepare_cached("SELECT owner FROM profiles WHERE id = ?1")?
        .query_row([profile.to_string()], |row| row.get(0))
        .optional()?;
    let holder: Option<String> = work
        .prepare_cached("SELECT sale FROM locks WHERE lock = ?1")?
        .query_row([super::append::lock_text(&crate::sale::Lock::StockItem(profile))], |row| row.get(0))
        .optional()?;
    match owner {
        None => Err(Fault::Damaged(format!("sale {id}: profile {profile} is stored, and its code was never given"))),
        Some(Some(owner)) if owner != id => Err(Violation::ProfileBound.into()),
        Some(_) if holder.as_ref() != Some(&id) => Err(Violation::ProfileBound.into()),
        Some(_) => {
            work.prepare_cached("UPDATE profiles SET owner = ?2 WHERE id = ?1")?.execute((profile.to_string(), id))?;
            Ok(())
        }
    }
}

/// Paid: what came from stock is sold.
pub(super) fn sold_with(work: &Transaction<'_>, sale: &Sale, now: Moment) -> Result<(), Fault> {
    for (index, good) in sale.goods.iter().enumerate() {
        if let Source::Stock { profile } = sale.offer(index).source
            && good.profile == Some(profile)
            && !good.in_stock
        {
            let sql = "UPDATE stock SET state = 'sold', changed_ms = ?2 WHERE profile = ?1 AND state = 'reserved'";
            work.prepare_cached(sql)?.execute((profile.to_string(), now.wall_ms))?;
        }
    }
    Ok(())
}

/// A stored profile leaves its sale: the sale gives up its claim on it, and it is kept for the claim code.
pub(super) fn put_back(
    work: &Transaction<'_>,
    seal: &Seal,
    sale: &Sale,
    good: u8,
    reserved_ms: u64,
    now: Moment,
) -> Result<(), Fault> {
    let id = sale.id.to_string();
    let index = usize::from(good);
    let Some(profile) = sale.goods.get(index).and_then(|good| good.profile) else {
        return Err(Fault::Damaged(format!("sale {id}: good {good} goes into stock without a profile")));
    };
    let left = work
        .prepare_cached("UPDATE profiles SET owner = NULL WHERE id = ?1 AND owner = ?2")?
        .execute((profile.to_string(), &id))?;
    if left == 0 {
        return Err(Fault::Damaged(format!("sale {id}: profile {profile} is not its own")));
    }
    let known = item(work, profile)?;
    match &known {
        None => {
            let mut offer = sale.offer(index).clone();
            offer.source = Source::Stock { profile };
            let reference = sale.goods[index].reference.as_ref();
            insert(work, profile, &offer, reference, Some(sale.id), now)?;
            let sealed: Option<Vec<u8>> = work
                .prepare_cached("SELECT sealed FROM profiles WHERE id = ?1")?
                .query_row([profile.to_string()], |row| row.get(0))?;
            if let Some(sealed) = sealed {
                set_expiry(work, profile, &seal.open_profile(profile, &sealed)?)?;
            }
        }
        // Once a cancel or a refund was asked for, it is never free again.
        Some(known) if matches!(known.state, StockState::Cancelling | StockState::Retired) => return Ok(()),
        Some(_) => {}
    }
    if reserved_ms > 0 {
        keep(work, profile, Some(&id), now, reserved_ms)?;
        return set(work, profile, "reserved", now);
    }
    match known.and_then(|known| known.kept_for) {
        // It was kept for an older sale's code, and goes back for what is left: `give` sees to it.
        Some(_) => set(work, profile, "reserved", now),
        None => set(work, profile, "free", now),
    }
}

fn insert(
    work: &Transaction<'_>,
    profile: ProfileId,
    offer: &Offer,
    reference: Option<&OrderReference>,
    came_from: Option<SaleId>,
    now: Moment,
) -> Result<(), Fault> {
    let offer = serde_json::to_string(offer).map_err(|why| Fault::Damaged(format!("an offer: {why}")))?;
    work.prepare_cached(
        "INSERT INTO stock (profile, state, offer, reference, came_from, changed_ms, unproven)
         VALUES (?1, 'free', ?2, ?3, ?4, ?5,
                 EXISTS (SELECT 1 FROM meta, json_each(meta.value) AS held
                         WHERE meta.key = 'unproven' AND held.value = ?1))",
    )?
    .execute((
        profile.to_string(),
        offer,
        reference.map(|reference| &reference.0),
        came_from.map(|sale| sale.to_string()),
        now.wall_ms,
    ))?;
    Ok(())
}

pub(super) fn set(work: &Transaction<'_>, profile: ProfileId, state: &str, now: Moment) -> Result<(), Fault> {
    work.prepare_cached("UPDATE stock SET state = ?2, changed_ms = ?3 WHERE profile = ?1")?.execute((
        profile.to_string(),
        state,
        now.wall_ms,
    ))?;
    Ok(())
}

fn keep(
    work: &Transaction<'_>,
    profile: ProfileId,
    kept_for: Option<&str>,
    now: Moment,
    kept_ms: u64,
) -> Result<(), Fault> {
    let at = kept_for.map(|_| now);
    work.prepare_cached(
        "UPDATE stock SET kept_for = ?2, kept_run = ?3, kept_mono_ms = ?4, kept_wall_ms = ?5, kept_synced = ?6,
                kept_ms = ?7 WHERE profile = ?1",
    )?
    .execute((
        profile.to_string(),
        kept_for,
        at.map(|at| at.run),
        at.map(|at| at.mono_ms),
        at.map(|at| at.wall_ms),
        at.map(|at| at.synced),
        at.map(|_| kept_ms),
    ))?;
    Ok(())
}

/// Profile, offer, order, wanted by a sale, unproven and expiry, and the rest.
type Listed = (String, String, Option<OrderReference>, bool, (bool, Option<i64>), Item);

/// Everything in stock that is not sold or retired. A reservation whose age cannot be known starts again once, from
/// the start (sale.md 11); one that has run out ends.
pub(super) fn list(work: &Transaction<'_>, now: Moment) -> Result<Vec<StockItem>, Fault> {
    let sql = "SELECT profile, state, offer, reference, kept_for, kept_run, kept_mono_ms, kept_wall_ms, kept_synced,
                      kept_ms, unproven, expires_ms, EXISTS (SELECT 1 FROM locks WHERE lock = 'stock:' || profile) AS wanted
               FROM stock WHERE state NOT IN ('sold', 'retired') ORDER BY profile";
    let mut query = work.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        let reference: Option<String> = row.get("reference")?;
        let (profile, offer, wanted) = (row.get("profile")?, row.get("offer")?, row.get("wanted")?);
        let proof = (row.get("unproven")?, row.get("expires_ms")?);
        Ok((profile, offer, reference.map(OrderReference), wanted, proof, Item::of(row)?))
    };
    let rows: Vec<Listed> = query.query_map([], read)?.collect::<Result<_, _>>()?;
    let mut items = Vec::with_capacity(rows.len());
    for (profile, offer, reference, wanted, (unproven, expires_ms), mut found) in rows {
        let profile: ProfileId =
            profile.parse().map_err(|_| Fault::Damaged(format!("{profile:?} is no profile's id")))?;
        if found.kept_for.is_some() && found.left_ms(now).is_none() {
            keep(work, profile, found.kept_for.as_deref(), now, found.kept_ms)?;
            found.kept_at = Some(now);
        }
        if found.ran_out(now) && found.state == StockState::Reserved && !wanted {
            keep(work, profile, None, now, 0)?;
            set(work, profile, "free", now)?;
            found = Item { state: StockState::Free, kept_for: None, kept_at: None, kept_ms: 0 };
        }
        let Ok(offer) = serde_json::from_str::<serde_json::Value>(&offer).and_then(Offer::deserialize) else {
            tracing::error!(%profile, "an item of the stock was written by another version: it is not for sale");
            continue;
        };
        items.push(StockItem {
            profile,
            state: found.state,
            offer,
            reference,
            unproven,
            expires_ms,
            kept_ms: found.kept_for.is_some().then(|| found.left_ms(now)).flatten(),
            kept_for: found.kept_for.as_deref().map(parse_sale).transpose()?,
        });
    }
    Ok(items)
}

/// A profile that was bought for the stock.
pub(super) fn buy(work: &Transaction<'_>, seal: &Seal, item: &Bought<'_>, now: Moment) -> Result<(), Fault> {
    let Bought { profile, content, offer, reference } = *item;
    let sealed = seal.seal_profile(profile, content)?;
    let sql = "INSERT INTO profiles (id, identity, sealed, owner, made_ms) VALUES (?1, ?2, ?3, NULL, ?4)";
    let done =
        work.prepare_cached(sql)?.execute((profile.to_string(), seal.identity_of(&content.code), sealed, now.wall_ms));
    unique(done, || Violation::ProfileBound)?;
    let mut offer = offer.clone();
    offer.source = Source::Stock { profile };
    insert(work, profile, &offer, Some(reference), None, now)?;
    set_expiry(work, profile, content)
}

/// Until when it can be installed: the start of the day by which it must be, in UTC.
fn set_expiry(work: &Transaction<'_>, profile: ProfileId, content: &Profile) -> Result<(), Fault> {
    let day = content.install_before.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let expires = day.map(|start| start.timestamp().as_millisecond());
    work.prepare_cached("UPDATE stock SET expires_ms = ?2 WHERE profile = ?1")?
        .execute((profile.to_string(), expires))?;
    Ok(())
}
