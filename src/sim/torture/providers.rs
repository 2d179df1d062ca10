//! Every provider × {order, top-up} × every fault × every point. The ledgers of the simulated providers are the
//! referee: at most one order per sale; whoever says "not bought" is right; whoever says "bought" has the code that
//! was sold; every doubt ends as adopted, absent or a case.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::accounts::connect;
use super::blows::{Blow, Point, Strike, endpoints, matrix};
use crate::esim::{EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, ProviderPlan, Sent};
use crate::money::{Amount, Currency, Rate};
use crate::sale::activation::Iccid;
use crate::sale::id::{GoodKey, SaleId};
use crate::sale::offer::{Kind, Offer, OrderReference, Source};
use crate::sim::chance::Chance;
use crate::sim::providers::fault::{Effect, Fault, Stage, Target, When};
use crate::sim::providers::{Options, Provider, ProvidersPanel, Simulation, SoldOrder};

mod report;

pub use report::{End, Report};

/// How the long run is made.
#[derive(Debug, Clone)]
pub struct Run {
    /// Seed of the choice of cases, and of the simulation.
    pub seed: u64,
    /// Cases of each provider and operation; all where none is given.
    pub size: Option<usize>,
}

/// Runs it.
///
/// # Errors
/// Where the simulation cannot be started or a provider cannot even be asked for its plans.
pub fn run(run: &Run) -> std::io::Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut report = Report { torture: "providers", seed: run.seed, ..Report::default() };
    let tasks: Vec<_> =
        Provider::ALL.map(|provider| (provider, runtime.spawn(one_provider(provider, run.clone())))).into();
    for (provider, task) in tasks {
        let part = runtime.block_on(task).map_err(std::io::Error::other)??;
        report.cases += part.cases;
        report.most_orders_per_sale = report.most_orders_per_sale.max(part.most_orders_per_sale);
        report.wrong.extend(part.wrong.into_iter().map(|wrong| format!("{} {wrong}", provider.name())));
        report.ends.extend(part.ends);
    }
    report.mismatches = report.wrong.len();
    Ok(report)
}

async fn one_provider(provider: Provider, run: Run) -> std::io::Result<Report> {
    let mut bench = Bench::set_up(provider, run.seed).await?;
    for top_up in [false, true] {
        let mut blows = matrix();
        if let Some(size) = run.size {
            let mut chance = Chance::new(run.seed ^ u64::from(top_up));
            while blows.len() > size {
                let place = usize::try_from(chance.below(blows.len() as u64)).unwrap_or(0);
                blows.swap_remove(place);
            }
        }
        for blow in &blows {
            bench.start_anew();
            if top_up {
                bench.choose_plans().await;
            }
            bench.case(blow, top_up).await;
        }
    }
    Ok(std::mem::take(&mut bench.report))
}

/// One provider, its client, and what the kiosk's journal would know.
struct Bench {
    provider: Provider,
    panel: ProvidersPanel,
    client: Arc<dyn EsimProvider>,
    /// Plans that nothing happened to yet; the last one is used.
    plans: Vec<ProviderPlan>,
    top_up: ProviderPlan,
    iccid: Iccid,
    /// The journal's unique index over references.
    bound: BTreeSet<String>,
    count: u64,
    report: Report,
    place: PathBuf,
    _simulation: Simulation,
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.place));
    }
}

fn failed(what: impl std::fmt::Debug) -> std::io::Error {
    std::io::Error::other(format!("{what:?}"))
}
impl Bench {
    async fn set_up(provider: Provider, seed: u64) -> std::io::Result<Bench> {
        let options = Options { seed, ..Options::only(provider) };
        let simulation = Simulation::start(options)?;
        let panel = simulation.panel();
        // The port tells runs of one process apart.
        let port = panel.base_url(provider).chars().filter(char::is_ascii_digit).collect::<String>();
        let name = format!("esim-kiosk-torture-{}-{}-{port}", std::process::id(), provider.name());
        let place = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&place)?;
        panel.write_ca(&place.join("ca.pem"))?;
        let client = connect(provider, &panel, &place)?;
        let Outcome::Done(mut plans) = client.catalogue().await else { return Err(failed("no catalogue")) };
        plans.retain(|plan| !plan.slow);
        let plan = plans.last().cloned().ok_or_else(|| failed("no plan"))?;
        let mut bench = Bench {
            provider,
            panel,
            client,
            top_up: plan,
            plans,
            iccid: Iccid::parse("8944500000000000014").ok_or_else(|| failed("ICCID"))?,
            bound: BTreeSet::new(),
            count: 0,
            report: Report::default(),
            place,
            _simulation: simulation,
        };
        bench.first_esim().await?;
        Ok(bench)
    }

    /// The eSIM that is topped up. On a busy machine even an order that nothing strikes can outlast the client's second,
    /// and is adopted by a look-up then, or a case: the next one is tried.
    async fn first_esim(&mut self) -> std::io::Result<()> {
        let mut said = String::new();
        for _ in 0..5 {
            let before = self.orders().len();
            let request = self.request(false).await.map_err(failed)?;
            let outcome = self.client.order(&request).await;
            said = format!("{outcome:?}");
            let got = self.settle(&request, outcome).await;
            let new = self.orders().split_off(before);
            self.bound.extend(new.iter().map(|order| order.reference.clone()));
            if let (End::Done | End::Adopted, Some(code)) = got
                && let Some(sold) = new.iter().find(|order| order.lpa.contains(&code))
            {
                self.iccid = sold.iccid.first().and_then(|number| Iccid::parse(number)).ok_or_else(|| failed(&said))?;
                return Ok(());
            }
        }
        Err(failed(said))
    }

    /// Plans that are on sale at their price: a blow in the shop changes that for good.
    async fn choose_plans(&mut self) {
        let Outcome::Done(offers) = self.client.top_up_offers(&self.iccid).await else { return };
        if let Some(offer) = offers.into_iter().next() {
            self.top_up = offer;
        } else if let Some(plan) = self.plans.last().filter(|plan| plan.key != self.top_up.key).cloned() {
            // No list of what fits: an eSIM takes its own plan again, so another plan needs another eSIM.
            match self.first_esim().await {
                Ok(()) => self.top_up = plan,
                Err(error) => self.report.wrong.push(format!("no eSIM to top up: {error}")),
            }
        }
    }

    fn orders(&self) -> Vec<SoldOrder> {
        self.panel.ledger(self.provider).orders
    }

    /// An order as the kiosk writes it down: with its witnesses, read when nothing strikes.
    async fn request(&mut self, top_up: bool) -> Result<OrderRequest, String> {
        self.count += 1;
        let plan = if top_up { &self.top_up } else { self.plans.last().unwrap_or(&self.top_up) };
        let mut balance = self.client.balance().await;
        for _ in 0..4 {
            if matches!(balance, Outcome::Done(_)) {
                break;
            }
            // A busy machine, or the second after a 429.
            tokio::time::sleep(Duration::from_millis(500)).await;
            balance = self.client.balance().await;
        }
        let Outcome::Done(balance) = balance else { return Err("no balance".into()) };
        let total_before = match (top_up, self.client.usage(&self.iccid).await) {
            (true, Outcome::Done(usage)) => usage.total_bytes,
            _ => None,
        };
        let offer = Offer {
            kind: if top_up { Kind::TopUp { iccid: self.iccid.clone() } } else { Kind::Esim },
            source: Source::Provider,
            provider: self.client.id().clone(),
            plan: plan.key.clone(),
            package_code: plan.package_code.clone(),
            title: plan.name.clone(),
            data: plan.data,
            days: plan.days,
            cost: plan.cost,
            rate: Rate::same(Currency::USD, jiff::civil::date(2026, 1, 1)),
            retail: Amount::new(9_900, Currency::USD),
            catalogue_version: 1,
            slow: false,
        };
        let sale = SaleId::from_parts(1_771_248_518_000 + self.count, u128::from(self.report.seed));
        let key = GoodKey { sale, index: 0 };
        Ok(OrderRequest { key, offer, balance_before: Some(balance), total_before, label: "K07".into() })
    }

    fn strike(&self, strike: &Strike, top_up: bool) {
        let (order, fetch) = endpoints(self.provider, top_up);
        let arm = |endpoint: &str, stage: Stage, effect: &Effect| {
            self.panel.fault(self.provider, Fault { stage, ..Fault::after(endpoint, effect.clone()) });
        };
        match strike {
            Strike::Down => self.panel.drop_provider(self.provider),
            Strike::Line(fault) => self.panel.line_fault(self.provider, 1, *fault),
            Strike::Order(stage, effect) => arm(order, *stage, effect),
            Strike::Trick(trick) => self.panel.fault(self.provider, Fault::trick(order, trick.clone())),
            Strike::Fetch(stage, effect) => arm(fetch, *stage, effect),
            Strike::LostTwice(effect) => {
                arm(order, Stage::After, effect);
                let look_up = Fault::after("", effect.clone()).on(Target::Reads).when(When::First(1));
                self.panel.fault(self.provider, look_up);
            }
            Strike::Clock(ahead) => self.panel.advance(self.provider, *ahead),
            Strike::Forget | Strike::Restart | Strike::Nothing => {}
        }
    }

    /// A kiosk that started anew. The reseller's client keeps its session: a login each time would lock the account.
    fn start_anew(&mut self) {
        if self.provider != Provider::Reseller
            && let Ok(client) = connect(self.provider, &self.panel, &self.place)
        {
            self.client = client;
        }
    }

    async fn case(&mut self, blow: &Blow, top_up: bool) {
        let name = format!("{:?} {:?} {}", blow.point, blow.strike, if top_up { "top-up" } else { "order" });
        let before = self.orders().len();
        let request = match self.request(top_up).await {
            Ok(request) => request,
            Err(why) => return self.report.wrong.push(format!("{name}: {why}")),
        };
        self.strike(&blow.strike, top_up);
        let mut outcome = self.client.order(&request).await;
        if blow.point != Point::Fetch && blow.point != Point::LookUp {
            self.panel.clear_faults(self.provider);
        }
        self.panel.restore(self.provider);
        if matches!(blow.strike, Strike::Forget) {
            outcome = OrderOutcome::Unknown(crate::esim::evidence::Miss::unknown("the kiosk died before").doubt());
        }
        if matches!(blow.strike, Strike::Forget | Strike::Restart) {
            self.start_anew();
        }
        if matches!(&blow.strike, Strike::Order(_, Effect::TooMany { .. })) {
            tokio::time::sleep(Duration::from_millis(2100)).await;
        }
        let (end, delivered) = self.settle(&request, outcome).await;
        self.panel.clear_faults(self.provider);
        self.judge(&name, end, delivered.as_deref(), before, top_up);
        if matches!(blow.strike, Strike::Clock(_)) {
            self.panel.clock(self.provider, |clock| clock.set_ahead_ms(0));
        }
        if blow.point == Point::Shop {
            self.plans.pop();
        }
    }

    /// What the kiosk does with an outcome: fetches what is accepted, looks up what is unknown, and binds what it got.
    async fn settle(&mut self, request: &OrderRequest, outcome: OrderOutcome) -> (End, Option<String>) {
        match outcome {
            OrderOutcome::Refused(_) => (End::Refused, None),
            OrderOutcome::NeverSent(_) => (End::NeverSent, None),
            OrderOutcome::Unknown(_) => self.look_up(request).await,
            known => self.deliver(request, known, End::Done).await,
        }
    }

    async fn deliver(&mut self, request: &OrderRequest, outcome: OrderOutcome, good: End) -> (End, Option<String>) {
        let mut outcome = outcome;
        for _ in 0..8 {
            match outcome {
                OrderOutcome::Done(delivery) => {
                    // The unique index: a reference serves one sale; a second one is in doubt.
                    if !self.bound.insert(delivery.reference.0) {
                        return (End::Case, None);
                    }
                    return (good, Some(delivery.profile.map(|p| p.code.reveal().to_owned()).unwrap_or_default()));
                }
                OrderOutcome::Accepted(reference) => outcome = self.client.fetch(request, &reference).await,
                OrderOutcome::Refused(_) => return (End::Refused, None),
                OrderOutcome::NeverSent(_) | OrderOutcome::Unknown(_) => return (End::Case, None),
            }
        }
        (End::Case, None)
    }

    /// Absent only when it was absent twice.
    async fn look_up(&mut self, request: &OrderRequest) -> (End, Option<String>) {
        let mut absent = 0;
        for _ in 0..5 {
            let taken = self.bound.iter().cloned().map(OrderReference).collect();
            let sent = Sent { at: jiff::Timestamp::now(), taken };
            match self.client.look_up(request, &sent).await {
                LookUp::Found(outcome) => return self.deliver(request, outcome, End::Adopted).await,
                LookUp::NotThere if absent == 1 => return (End::Absent, None),
                LookUp::NotThere => absent += 1,
                LookUp::BoughtAndLost { .. } | LookUp::Undecidable { .. } => return (End::Case, None),
                LookUp::Unknown(_) => {}
            }
        }
        (End::Case, None)
    }

    fn judge(&mut self, name: &str, end: End, delivered: Option<&str>, before: usize, top_up: bool) {
        let new = self.orders().split_off(before);
        let operation = if top_up { "top-up" } else { "order" };
        let counts = self.report.ends.entry(format!("{} {operation}", self.provider.name())).or_default();
        *counts.entry(end).or_insert(0) += 1;
        self.report.cases += 1;
        self.report.most_orders_per_sale = self.report.most_orders_per_sale.max(new.len());
        let mut wrong = |what: &str| self.report.wrong.push(format!("{name}: {what} ({end:?}, {} sold)", new.len()));
        if new.len() > 1 {
            wrong("bought more than once");
        }
        match (end, new.as_slice()) {
            (End::Done | End::Adopted, [sold]) => {
                let right = delivered.is_some_and(|code| top_up || sold.lpa.iter().any(|lpa| lpa == code));
                if !right {
                    wrong("another code was delivered than was sold");
                }
            }
            (End::Done | End::Adopted, _) => wrong("said to be bought, and the ledger has no such order"),
            (End::Absent | End::Refused | End::NeverSent, []) | (End::Case, _) => {}
            (End::Absent | End::Refused | End::NeverSent, _) => wrong("said not to be bought, and the ledger has it"),
        }
        // A case binds its order too, so that no later look-up takes it.
        self.bound.extend(new.iter().map(|order| order.reference.clone()));
    }
}
