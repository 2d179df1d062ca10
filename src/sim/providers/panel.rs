//! The control panel of a simulation: tests, the demo's keys and the long runs hold one.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Provider;
use super::clock::Clock;
use super::desk::RateLimit;
use super::esim::EsimState;
use super::fault::{Fault, LineFault, RandomFaults};
use super::house::{Counter, Shared, replace};
use super::ledger::{Goods, Ledger, SoldOrder};
use super::price::Units;
use super::quirks::Quirks;
use super::server::{DOOR_PATIENCE, Door};

/// A handle on a running simulation. Clones steer the same one. No method waits for the network, so that it may be
/// used from any thread, with or without a runtime.
#[derive(Clone)]
pub struct ProvidersPanel {
    pub(super) shared: Arc<Shared>,
    pub(super) doors: Vec<Arc<Door>>,
    pub(super) ca_pem: Arc<str>,
}

/// A plan as a test needs it to buy or to watch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFacts {
    /// The number by which the panel names it (and Mobilexy and the reseller API sell it).
    pub id: u32,
    /// The code by which Roamify and eSIMfly sell it, and `packageCode` at Mobilexy.
    pub code: String,
    /// ISO code of the country or code of the region.
    pub location: String,
    /// What it costs now.
    pub price: Units,
    /// Days.
    pub days: u32,
    /// Bytes in all; `None` for daily and unlimited plans.
    pub bytes: Option<u64>,
}

impl ProvidersPanel {
    /// The providers of this simulation.
    pub fn providers(&self) -> Vec<Provider> {
        self.shared.lock().counters.keys().copied().collect()
    }

    /// Where a provider answers, such as `https://127.0.0.1:40123/mobilexy/api`, without a slash at the end.
    pub fn base_url(&self, provider: Provider) -> String {
        self.shared.lock().base_urls.get(&provider).cloned().unwrap_or_default()
    }

    /// The authority to be trusted, as PEM text.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes the authority's certificate into a file.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_ca(&self, path: &Path) -> std::io::Result<()> {
        replace(path, self.ca_pem.as_bytes())
    }

    fn with<T>(&self, provider: Provider, act: impl FnOnce(&mut Counter) -> T) -> T {
        let mut house = self.shared.lock();
        let counter = house.counters.get_mut(&provider).expect("the panel is asked for a provider that was started");
        let result = act(counter);
        house.mirror();
        drop(house);
        self.shared.announce();
        result
    }

    /// Looks without changing: nobody who waits is woken.
    fn read<T>(&self, provider: Provider, look: impl FnOnce(&Counter) -> T) -> T {
        let house = self.shared.lock();
        look(house.counters.get(&provider).expect("the panel is asked for a provider that was started"))
    }

    /// The provider's ledger as it stands.
    pub fn ledger(&self, provider: Provider) -> Ledger {
        self.read(provider, |counter| counter.desk.ledger.clone())
    }

    /// All orders of all providers, by provider and number.
    pub fn orders(&self) -> Vec<(Provider, SoldOrder)> {
        let house = self.shared.lock();
        let of = |(provider, counter): (&Provider, &Counter)| {
            counter.desk.ledger.orders.iter().map(|order| (*provider, order.clone())).collect::<Vec<_>>()
        };
        house.counters.iter().flat_map(of).collect()
    }

    /// All ledgers as the JSON text of the ledger file.
    pub fn ledger_json(&self) -> String {
        self.shared.lock().document().to_string()
    }

    /// The failure to write the ledger file, if there was one.
    pub fn ledger_file_error(&self) -> Option<String> {
        self.shared.lock().file_error.clone()
    }

    /// How many eSIMs, top-ups or numbers the provider has sold and not taken back.
    pub fn sold(&self, provider: Provider, goods: Goods) -> usize {
        let ledger = self.ledger(provider);
        let kept = |order: &&SoldOrder| order.goods == goods && order.state != super::OrderState::Cancelled;
        ledger.orders.iter().filter(kept).count()
    }

    /// Arms a fault.
    pub fn fault(&self, provider: Provider, fault: Fault) {
        self.with(provider, |counter| counter.faults.arm(fault));
    }

    /// Arms a fault of the `nth` connection from now (1 is the next).
    pub fn line_fault(&self, provider: Provider, nth: u64, fault: LineFault) {
        self.with(provider, |counter| counter.faults.arm_line(nth, fault));
    }

    /// Turns faults by chance on, or off with `None`.
    pub fn random_faults(&self, provider: Provider, random: Option<RandomFaults>) {
        self.with(provider, |counter| counter.faults.by_chance(random));
    }

    /// Disarms everything of a provider.
    pub fn clear_faults(&self, provider: Provider) {
        self.with(provider, |counter| counter.faults.clear());
    }

    /// How many armed faults have not struck yet.
    pub fn faults_waiting(&self, provider: Provider) -> usize {
        self.read(provider, |counter| counter.faults.waiting())
    }

    /// Takes a provider off the net. Its port refuses connections and open ones are reset before this returns; on a
    /// port shared with providers that stay, its requests are answered with a reset.
    pub fn drop_provider(&self, provider: Provider) {
        self.set_down(provider, true);
    }

    /// Brings it back, on the same port and with the same books.
    pub fn restore(&self, provider: Provider) {
        self.set_down(provider, false);
    }

    /// Whether it is on the net.
    pub fn is_up(&self, provider: Provider) -> bool {
        self.read(provider, |counter| !counter.down)
    }

    fn set_down(&self, provider: Provider, down: bool) {
        self.with(provider, |counter| counter.down = down);
        for door in self.doors.iter().filter(|door| door.providers.contains(&provider)) {
            let open = door.providers.iter().any(|one| self.is_up(*one));
            door.set_open(open);
            let deadline = Instant::now() + DOOR_PATIENCE;
            let mut house = self.shared.lock();
            while house.open_doors.get(&door.port) != Some(&open) && Instant::now() < deadline {
                let waited = self.shared.changed.wait_timeout(house, DOOR_PATIENCE);
                house = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// The wallet as it stands.
    pub fn balance(&self, provider: Provider) -> Units {
        self.read(provider, |counter| counter.desk.ledger.balance)
    }

    /// Sets the wallet, as an adjustment in the ledger.
    pub fn set_balance(&self, provider: Provider, balance: Units) {
        self.with(provider, |counter| {
            let at_ms = counter.desk.clock.now_ms();
            let difference = balance - counter.desk.ledger.balance;
            counter.desk.ledger.move_money(at_ms, "adjustment", difference, None);
        });
    }

    /// Somebody else uses the account: moves the wallet without an order of ours.
    pub fn move_balance(&self, provider: Provider, by: Units) {
        self.set_balance(provider, self.balance(provider) + by);
    }

    /// Turns switches.
    pub fn quirks(&self, provider: Provider, turn: impl FnOnce(&mut Quirks)) {
        self.with(provider, |counter| turn(&mut counter.desk.quirks));
    }

    /// Sets or lifts the rate limit.
    pub fn rate_limit(&self, provider: Provider, limit: Option<RateLimit>) {
        self.with(provider, |counter| counter.desk.rate = limit);
    }

    /// Moves the provider's clock: tokens and offers run out, pending profiles become ready, nobody waits.
    pub fn advance(&self, provider: Provider, by: Duration) {
        self.with(provider, |counter| counter.desk.clock.advance(by));
    }

    /// Reads or sets the provider's clock.
    pub fn clock<T>(&self, provider: Provider, act: impl FnOnce(&mut Clock) -> T) -> T {
        self.with(provider, |counter| act(&mut counter.desk.clock))
    }

    /// The plans on sale for a country (ISO code) or region (`AS-12`).
    pub fn plans(&self, provider: Provider, location: &str) -> Vec<PlanFacts> {
        self.read(provider, |counter| {
            let catalogue = &counter.desk.catalogue;
            let here = catalogue.plans.iter().filter(|plan| !plan.gone && catalogue.location(plan) == location);
            here.map(|plan| PlanFacts {
                id: plan.id,
                code: plan.code.clone(),
                location: location.to_owned(),
                price: plan.price,
                days: plan.days,
                bytes: plan.bytes(),
            })
            .collect()
        })
    }

    /// A sold eSIM's phone uses data (and so is installed). `false` if nobody sold that card.
    pub fn use_data(&self, provider: Provider, iccid: &str, bytes: u64) -> bool {
        self.with(provider, |counter| {
            let Some(index) = counter.desk.find_esim(iccid) else { return false };
            let esim = &mut counter.desk.esims[index];
            esim.used = (esim.used + bytes).min(esim.total);
            esim.state = EsimState::Installed;
            true
        })
    }

    /// The state of a sold eSIM.
    pub fn esim_state(&self, provider: Provider, iccid: &str) -> Option<EsimState> {
        self.read(provider, |counter| counter.desk.find_esim(iccid).map(|index| counter.desk.esims[index].state))
    }

    /// How many plans the provider has on sale.
    pub fn plan_count(&self, provider: Provider) -> usize {
        self.read(provider, |counter| counter.desk.catalogue.plans.iter().filter(|plan| !plan.gone).count())
    }

    /// Changes a price.
    pub fn set_price(&self, provider: Provider, plan: u32, price: Units) {
        self.with(provider, |counter| {
            if let Some(plan) = counter.desk.catalogue.by_id_mut(plan) {
                plan.price = price;
            }
        });
    }

    /// Raises every price by so many percent.
    pub fn raise_all_prices(&self, provider: Provider, percent: u32) {
        self.with(provider, |counter| {
            for plan in &mut counter.desk.catalogue.plans {
                plan.price = plan.price.raised(percent);
            }
        });
    }

    /// Takes a plan off sale or puts it back.
    pub fn set_on_sale(&self, provider: Provider, plan: u32, on_sale: bool) {
        self.with(provider, |counter| {
            if let Some(plan) = counter.desk.catalogue.by_id_mut(plan) {
                plan.gone = !on_sale;
            }
        });
    }

    /// Takes so many of a thousand plans off sale, by chance of `seed`: a catalogue that shrinks.
    pub fn shrink(&self, provider: Provider, per_mille: u32, seed: u64) {
        self.with(provider, |counter| {
            let mut dice = super::codes::Dice::new(seed);
            for plan in &mut counter.desk.catalogue.plans {
                plan.gone |= dice.below(1000) < u64::from(per_mille);
            }
        });
    }

    /// Waits, blocking, until the books are as asked; `false` if they are not within `patience`.
    pub fn wait_until(&self, patience: Duration, mut asked: impl FnMut(&ProvidersPanel) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let seen = *self.shared.revision.borrow();
            if asked(self) {
                return true;
            }
            let mut house = self.shared.lock();
            loop {
                if *self.shared.revision.borrow() != seen && Instant::now() < deadline {
                    break;
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return false;
                }
                house = self.shared.changed.wait_timeout(house, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// Waits until the books of a provider are as asked.
    pub async fn until(&self, provider: Provider, mut asked: impl FnMut(&Ledger) -> bool) {
        let mut revision = self.shared.revision.subscribe();
        loop {
            revision.mark_unchanged();
            let ready = {
                let house = self.shared.lock();
                house.counters.get(&provider).is_some_and(|counter| asked(&counter.desk.ledger))
            };
            if ready || revision.changed().await.is_err() {
                return;
            }
        }
    }
}
