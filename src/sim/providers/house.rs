//! All counters of a simulation behind one lock, and the way of one call through its provider.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::watch;

use super::Provider;
use super::call::Call;
use super::desk::Desk;
use super::fault::{Effect, FaultPlan, LineFault, Stage};
use super::ledger::{Ledger, SeenRequest};
use super::reply::Reply;

/// Where a call belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    /// The endpoint's name in the ledger.
    pub(super) name: &'static str,
    /// Whether it may move money.
    pub(super) writes: bool,
}

impl Route {
    pub(super) const UNKNOWN: Route = Route { name: "unknown", writes: false };

    pub(super) const fn read(name: &'static str) -> Route {
        Route { name, writes: false }
    }

    pub(super) const fn write(name: &'static str) -> Route {
        Route { name, writes: true }
    }
}

/// One provider's way of doing business.
pub(super) trait Shop: Send {
    /// Which endpoint a call means.
    fn route(&self, call: &Call) -> Route;
    /// The answer.
    fn answer(&mut self, desk: &mut Desk, route: Route, call: &Call) -> Reply;
    /// The provider's own error object with this status.
    fn refusal(&self, desk: &Desk, code: u16) -> Reply;
}

pub(super) struct Counter {
    pub(super) desk: Desk,
    pub(super) shop: Box<dyn Shop>,
    pub(super) faults: FaultPlan,
    /// Taken off the net by the panel.
    pub(super) down: bool,
}

/// What the server shall do with a call.
pub(super) struct Verdict {
    pub(super) reply: Reply,
    pub(super) effect: Option<Effect>,
    pub(super) date: String,
}

pub(super) struct House {
    pub(super) counters: BTreeMap<Provider, Counter>,
    pub(super) base_urls: BTreeMap<Provider, String>,
    /// Doors that are open now, by port.
    pub(super) open_doors: BTreeMap<u16, bool>,
    pub(super) ledger_file: Option<PathBuf>,
    /// The first failure to write the ledger file.
    pub(super) file_error: Option<String>,
}

/// The house as everybody reaches it.
pub(super) struct Shared {
    house: Mutex<House>,
    pub(super) changed: Condvar,
    pub(super) revision: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(house: House) -> Shared {
        Shared { house: Mutex::new(house), changed: Condvar::new(), revision: watch::Sender::new(0) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who waits that something happened.
    pub(super) fn announce(&self) {
        self.revision.send_modify(|revision| *revision += 1);
        self.changed.notify_all();
    }

    /// The fault that a new connection at a door of these providers meets.
    pub(super) fn at_accept(&self, providers: &[Provider]) -> Option<LineFault> {
        let mut house = self.lock();
        providers
            .iter()
            .filter_map(|provider| house.counters.get_mut(provider).map(|counter| counter.faults.at_accept()))
            .fold(None, Option::or)
    }

    /// Takes one call to its provider.
    pub(super) fn process(&self, provider: Provider, call: &Call) -> Option<Verdict> {
        let mut house = self.lock();
        let verdict = house.process(provider, call);
        drop(house);
        self.announce();
        verdict
    }
}

impl House {
    fn process(&mut self, provider: Provider, call: &Call) -> Option<Verdict> {
        let counter = self.counters.get_mut(&provider)?;
        if counter.down {
            return None;
        }
        let Counter { desk, shop, faults, .. } = counter;
        let route = shop.route(call);
        if route == Route::UNKNOWN {
            desk.dislike("unknown_path");
        }
        let nth = desk.ledger.calls.entry(route.name.to_owned()).or_insert(0);
        *nth += 1;
        let nth = *nth;
        let fault = faults.at_call(route.name, route.writes);
        let wallet_before = desk.ledger.wallet.len();
        let processed = !matches!(&fault, Some((Stage::Before, effect)) if !effect.keeps_answer());
        let reply = if processed {
            if let Some((_, Effect::Trick(trick))) = &fault {
                desk.trick = Some(trick.clone());
            }
            let reply = shop.answer(desk, route, call);
            desk.trick = None;
            reply
        } else {
            Reply::json(200, &json!({"status": "success", "success": true, "data": {"pretended": [1, 2, 3]}}))
        };
        let number = desk.ledger.requests.last().map_or(0, |last| last.number) + 1;
        desk.ledger.saw(SeenRequest {
            number,
            endpoint: route.name.to_owned(),
            nth,
            processed,
            status: processed.then_some(reply.status),
            order: reply.order,
            fault: fault.as_ref().map(|(stage, effect)| format!("{stage:?} {effect:?}")),
        });
        let whole = fault.as_ref().is_none_or(|(_, effect)| matches!(effect, Effect::Trick(_) | Effect::Delay(_)));
        if whole && let Some(order) = reply.order.and_then(|order| desk.ledger.order_mut(order)) {
            order.answered = true;
        }
        let effect = fault.map(|(_, effect)| effect);
        let reply = match &effect {
            Some(effect) => reply.spoiled(effect, &call.target, |code| shop.refusal(desk, code)),
            None => reply,
        };
        let offset = if let Some(Effect::WrongDate(offset)) = effect { offset } else { 0 };
        let date = desk.clock.http_date(offset);
        if route.writes || wallet_before != desk.ledger.wallet.len() {
            self.mirror();
        }
        Some(Verdict { reply, effect, date })
    }

    /// All ledgers as one JSON object.
    pub(super) fn document(&self) -> serde_json::Value {
        let ledgers: BTreeMap<&str, &Ledger> =
            self.counters.iter().map(|(provider, counter)| (provider.name(), &counter.desk.ledger)).collect();
        let urls: BTreeMap<&str, &String> =
            self.base_urls.iter().map(|(provider, url)| (provider.name(), url)).collect();
        json!({"base_urls": urls, "providers": ledgers})
    }

    /// Rewrites the ledger file, if there is one.
    pub(super) fn mirror(&mut self) {
        let Some(path) = self.ledger_file.clone() else { return };
        let text = self.document().to_string();
        if let Err(error) = replace(&path, text.as_bytes())
            && self.file_error.is_none()
        {
            tracing::error!(path = %path.display(), %error, "the provider ledger cannot be written");
            self.file_error = Some(error.to_string());
        }
    }
}

impl Effect {
    /// Whether the buyer gets the true answer in the end, so that it must be made first.
    fn keeps_answer(&self) -> bool {
        matches!(
            self,
            Effect::Delay(_)
                | Effect::Drip { .. }
                | Effect::WrongDate(_)
                | Effect::WrongTypes
                | Effect::ExtraFields
                | Effect::MissingField(_)
                | Effect::NullField(_)
                | Effect::DuplicateKeys
                | Effect::Huge(_)
                | Effect::Trick(_)
        )
    }
}

/// Writes a file so that a reader sees the old or the new text, never half of one.
pub(super) fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(text)?;
    drop(file);
    std::fs::rename(&fresh, path)
}
