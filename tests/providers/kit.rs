//! What every test here needs: a simulation, a client connected to it by a real configuration section, an order.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use esim_kiosk::esim::section::ProviderSection;
use esim_kiosk::esim::{Delivery, EsimProvider, LookUp, OrderOutcome, OrderRequest, Outcome, ProviderPlan, Sent};
use esim_kiosk::money::{Amount, Currency, Rate};
use esim_kiosk::sale::activation::Iccid;
use esim_kiosk::sale::id::{GoodKey, SaleId};
use esim_kiosk::sale::offer::{Kind, Offer, OrderReference, Source};
use esim_kiosk::sim::providers::{Credentials, Options, Provider, ProvidersPanel, Simulation, SoldOrder};

/// One provider with a client.
pub(crate) struct Shop {
    pub(crate) provider: Provider,
    pub(crate) panel: ProvidersPanel,
    pub(crate) client: Arc<dyn EsimProvider>,
    pub(crate) dir: tempfile::TempDir,
    _simulation: Simulation,
}

impl Shop {
    pub(crate) fn open(provider: Provider) -> Shop {
        Shop::with(provider, "")
    }

    /// With more lines in the configuration section.
    pub(crate) fn with(provider: Provider, more: &str) -> Shop {
        let simulation = Simulation::start(Options::only(provider)).unwrap();
        let panel = simulation.panel();
        let dir = tempfile::tempdir().unwrap();
        panel.write_ca(&dir.path().join("ca.pem")).unwrap();
        let client = connect(provider, &panel, dir.path(), more);
        Shop { provider, panel, client, dir, _simulation: simulation }
    }

    /// Another client of the same account: the kiosk after a restart.
    pub(crate) fn again(&self, more: &str) -> Arc<dyn EsimProvider> {
        connect(self.provider, &self.panel, self.dir.path(), more)
    }

    /// The reseller's client with another password.
    pub(crate) fn again_with_password(&self, more: &str, password: &str) -> Arc<dyn EsimProvider> {
        let keys = Credentials { reseller_password: password.to_owned(), ..Credentials::default() };
        connect_with(&keys, self.provider, &self.panel, self.dir.path(), more)
    }

    pub(crate) async fn plans(&self) -> Vec<ProviderPlan> {
        done(self.client.catalogue().await)
    }

    pub(crate) async fn some_plan(&self) -> ProviderPlan {
        self.plans().await.into_iter().find(|plan| !plan.slow).expect("the simulated provider has plans")
    }

    pub(crate) fn orders(&self) -> Vec<SoldOrder> {
        self.panel.ledger(self.provider).orders
    }

    /// An order for a plan, with its witness, as the kiosk writes it down.
    pub(crate) async fn request(&self, number: u8, plan: &ProviderPlan) -> OrderRequest {
        let balance_before = Some(done(self.client.balance().await));
        OrderRequest {
            key: good(number),
            offer: offer(self.client.as_ref(), plan),
            balance_before,
            total_before: None,
            label: "K07".into(),
        }
    }

    pub(crate) async fn top_up_request(&self, number: u8, plan: &ProviderPlan, iccid: &Iccid) -> OrderRequest {
        let usage = done(self.client.usage(iccid).await);
        let mut request = self.request(number, plan).await;
        request.offer.kind = Kind::TopUp { iccid: iccid.clone() };
        request.total_before = usage.total_bytes;
        request
    }

    /// Orders, and fetches until the goods are there.
    pub(crate) async fn buy(&self, request: &OrderRequest) -> Delivery {
        let mut outcome = self.client.order(request).await;
        for _ in 0..20 {
            match outcome {
                OrderOutcome::Accepted(reference) => outcome = self.client.fetch(request, &reference).await,
                OrderOutcome::Done(delivery) => return delivery,
                other => panic!("{other:?}"),
            }
        }
        panic!("still not there: {outcome:?}");
    }

    /// What a look-up right now finds, where nothing else was bought.
    pub(crate) async fn look_up(&self, request: &OrderRequest) -> LookUp {
        self.client.look_up(request, &now(&[])).await
    }
}

pub(crate) fn now(taken: &[OrderReference]) -> Sent {
    Sent { at: jiff::Timestamp::now(), taken: taken.to_vec() }
}

pub(crate) fn good(number: u8) -> GoodKey {
    GoodKey { sale: SaleId::from_parts(1_771_248_518_000 + u64::from(number), 7), index: 0 }
}

pub(crate) fn offer(client: &dyn EsimProvider, plan: &ProviderPlan) -> Offer {
    Offer {
        kind: Kind::Esim,
        source: Source::Provider,
        provider: client.id().clone(),
        plan: plan.key.clone(),
        package_code: plan.package_code.clone(),
        title: plan.name.clone(),
        data: plan.data,
        days: plan.days,
        cost: plan.cost,
        rate: Rate::same(Currency::USD, jiff::civil::date(2026, 11, 22)),
        retail: Amount::new(9_900, Currency::USD),
        catalogue_version: 1,
        slow: plan.slow,
    }
}

pub(crate) fn done<T: std::fmt::Debug>(outcome: Outcome<T>) -> T {
    match outcome {
        Outcome::Done(value) => value,
        other => panic!("{other:?}"),
    }
}

fn secret(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    format!("file:{}", path.display())
}

pub(crate) fn connect(provider: Provider, panel: &ProvidersPanel, dir: &Path, more: &str) -> Arc<dyn EsimProvider> {
    connect_with(&Credentials::default(), provider, panel, dir, more)
}

fn connect_with(
    keys: &Credentials,
    provider: Provider,
    panel: &ProvidersPanel,
    dir: &Path,
    more: &str,
) -> Arc<dyn EsimProvider> {
    let own = match provider {
        Provider::Mobilexy => format!("key = \"{}\"", secret(dir, "mobilexy", &keys.mobilexy_key)),
        Provider::Roamify => format!("key = \"{}\"", secret(dir, "roamify", &keys.roamify_token)),
        Provider::Esimfly => format!(
            "key = \"{}\"\naccess_code = \"{}\"",
            secret(dir, "esimfly", &keys.esimfly_secret),
            secret(dir, "esimfly-code", &keys.esimfly_access_code)
        ),
        Provider::Reseller => format!(
            "password = \"{}\"\nemail = \"{}\"\ncustomer_email = \"kiosk@operator.example\"",
            secret(dir, "reseller", &keys.reseller_password),
            keys.reseller_email
        ),
    };
    let (name, base, ca) = (provider.name(), panel.base_url(provider), dir.join("ca.pem"));
    // Keys of the connection come last.
    let (more, connection) = more.split_once("[connection]").unwrap_or((more, ""));
    let text = format!(
        "api = \"{name}\"\nbase = \"{base}\"\ncurrency = \"USD\"\n{own}\n{more}\n\
         [connection]\nextra_ca = \"{}\"\nread_s = 2\nwrite_s = 2\nslow_s = 2\n{connection}\n",
        ca.display()
    );
    let section: ProviderSection = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    section.connect("K07").unwrap()
}
